/*
 * copy.h - a consistent copy of a log, made beside the server that writes it; and the few things that
 * putting one back needs to know of a folder.
 *
 * Knows nothing of signatures: whoever makes or takes a copy verifies it (ectl backup, restore).
 * Paths are those of a log's folder (DIR/logs/<name>): log/ and journal/ are below it.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store/store.h"

struct store_copied {
	uint64_t entries, bytes; /* bytes: the database on disk */
	uint64_t size;		 /* of the newest checkpoint, */
	struct bytes note;	 /* and itself; empty: the log never had one */
	uint64_t rolled;	 /* checkpoints that came between the two parts */
};

/*
 * Copy a log that is open here, or open in another process and read-only here, into the folder 'to',
 * which is made and must not be there before.  Everything is on disk when it gives RC_OK; after
 * anything else the folder is worth nothing.  'note' lives in 'arena'.
 *
 * It holds one read transaction for as long as it takes, so the log's own file grows faster meanwhile.
 */
enum rc store_copy(struct store *s, const char *to, struct arena *arena, struct store_copied *out,
    struct why *why);

/*
 * Bring the journal up to the newest checkpoint of the database beside it.  Needs the journal's last
 * record to be one of the database's checkpoints; RC_STORE_DOUBT: it is ahead, or another log's.
 * Nobody else may have the log open for writing.
 */
enum rc store_roll_journal(const char *folder, uint64_t *rolled, struct why *why);

/* What the journal remembers last.  RC_NOT_FOUND: there is none, or nothing in it.  RC_CORRUPT. */
enum rc store_peek_journal(
    const char *folder, struct arena *arena, uint64_t *size, struct bytes *note, struct why *why);

/* The lock that a server holds while it runs; close 'fd' to let go of it.  RC_BUSY. */
enum rc store_lock(const char *folder, int *fd, struct why *why);

#endif
