/*
 * journal.h - the head journal: every signed checkpoint, in a file of its own; private to the room.
 *
 * It exists to notice a database that was put back from an old copy: the journal then remembers a
 * head that the database does not have.  So it shares nothing with the database, and its folder may
 * be a mount of another disk.  docs/STORAGE.md has the records byte by byte.
 *
 * One thread.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/arena.h"
#include "base/rc.h"

#define JOURNAL_NOTE_MAX 65536
#define JOURNAL_SEGMENT_MAX                                                                        \
	((uint64_t)8 << 20) /* a new file is begun above this, so that a start reads no more */

struct journal;

struct journal_options {
	const char *folder;   /* the journal's own */
	bool create;	      /* make it when it is not there */
	bool read_only;	      /* a missing one is then empty; a damaged one is opened */
	uint64_t segment_max; /* 0: JOURNAL_SEGMENT_MAX */
};

/* RC_NOT_FOUND: not there.  RC_CORRUPT: a record that is not the last is damaged; its offset is in
 * why->at. */
enum rc journal_open(struct journal **out, const struct journal_options *options, struct why *why);
void journal_close(struct journal *j); /* NULL is fine */
/* Durable when it gives RC_OK.  After anything else the journal must be opened again. */
enum rc journal_append(struct journal *j, uint64_t size, struct bytes note);
/* RC_NOT_FOUND: empty.  RC_CORRUPT: see journal_open. */
enum rc journal_last(struct journal *j, struct arena *arena, uint64_t *size, struct bytes *note);

#endif
