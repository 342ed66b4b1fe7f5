/*
 * fsck_journal.c - the head journal, read from its first file to its last (docs/STORAGE.md, "Head
 * journal").
 *
 *   file    "ECTJRNL1" number u64 | chain before 32 | SHA-256 of these 48 bytes
 *   record  "ECTHEAD1" size u64 | length u32 | note | SHA-256 of all that | chain
 *
 * Every record's own hash and the chain through all files are computed again.  A torn record at the
 * very end is what a crash may leave; anywhere else it is damage.
 */
#include "fsck.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_HEAD   80
#define RECORD_HEAD 20
#define RECORD_TAIL 64
#define NOTE_MAX    65536
#define FILE_MAX    ((size_t)1 << 30)
#define NUMBER_MAX  100000

struct walk {
	struct fsck *f;
	struct fsck_journal *j;
	bool tell, begun, bad;
	uint64_t number; /* of the file that was read last */
	uint8_t chain[FSCK_HASH];
};

static void
damaged(struct walk *w, const char *name, size_t at, const char *what)
{
	char place[96];

	w->bad = true;
	snprintf(place, sizeof(place), "journal/%.40s offset %zu", name, at);
	if (w->tell)
		fsck_problem(w->f, FSCK_JOURNAL, FSCK_NONE, place, "%s", what);
}

/* Bytes of a whole record with a true hash of its own, or 0. */
static size_t
record_size(struct walk *w, struct span x, uint8_t hash[FSCK_HASH])
{
	uint32_t n;

	if (x.n < RECORD_HEAD + RECORD_TAIL || memcmp(x.p, "ECTHEAD1", 8) != 0)
		return 0;
	n = fsck_u32(x.p + 16);
	if (n == 0 || n > NOTE_MAX || x.n - RECORD_HEAD - RECORD_TAIL < n)
		return 0;
	fsck_hash(w->f, (struct span){x.p, RECORD_HEAD + n}, (struct span){x.p, 0}, hash);
	return memcmp(hash, x.p + RECORD_HEAD + n, FSCK_HASH) == 0 ? RECORD_HEAD + n + RECORD_TAIL
								   : 0;
}

static void
keep(struct walk *w, const char *name, size_t at, const uint8_t *record, uint32_t note_size)
{
	struct fsck_journal *j = w->j;
	struct fsck_journal_record *r;

	j->records = fsck_grow(j->records, j->count, &j->room, sizeof(*j->records));
	r = &j->records[j->count];
	r->size = fsck_u64(record + 8);
	fsck_hash(w->f, (struct span){record + RECORD_HEAD, note_size}, (struct span){record, 0},
	    r->note);
	if (j->count > 0 && r->size < j->records[j->count - 1].size)
		damaged(w, name, at, "a record with a smaller size than the one before it");
	else
		j->count++;
}

static void
read_records(struct walk *w, const char *name, struct span file, bool last)
{
	uint8_t hash[FSCK_HASH], skipped[FSCK_HASH];
	size_t at = FILE_HEAD, n;

	while (!w->bad && (n = record_size(w, (struct span){file.p + at, file.n - at}, hash)) > 0) {
		const uint8_t *record = file.p + at;

		fsck_hash(w->f, (struct span){w->chain, FSCK_HASH}, (struct span){hash, FSCK_HASH},
		    w->chain);
		if (memcmp(w->chain, record + n - FSCK_HASH, FSCK_HASH) != 0)
			damaged(w, name, at, "the chain of records is broken here");
		else
			keep(w, name, at, record, (uint32_t)(n - RECORD_HEAD - RECORD_TAIL));
		at += n;
	}
	if (w->bad || at == file.n)
		return;
	if (!last || file.n - at > RECORD_HEAD + NOTE_MAX + RECORD_TAIL) {
		damaged(w, name, at, "a damaged record");
		return;
	}
	/* One torn append is no damage; a whole record behind it says that it was none. */
	for (size_t i = at + 1; i < file.n; i++)
		if (file.p[i] == 'E' &&
		    record_size(w, (struct span){file.p + i, file.n - i}, skipped) > 0) {
			damaged(w, name, at, "a damaged record, with whole ones behind it");
			return;
		}
}

static void
read_file_of(struct walk *w, const char *name, struct span file, uint64_t number, bool last)
{
	uint8_t hash[FSCK_HASH];

	if (file.n < FILE_HEAD || memcmp(file.p, "ECTJRNL1", 8) != 0) {
		damaged(w, name, 0, "not a head journal");
		return;
	}
	fsck_hash(w->f, (struct span){file.p, 48}, (struct span){file.p, 0}, hash);
	if (memcmp(hash, file.p + 48, FSCK_HASH) != 0) {
		damaged(w, name, 48, "the head of the file does not match its hash");
		return;
	}
	if (fsck_u64(file.p + 8) != number) {
		damaged(w, name, 8, "the file has another number than its name");
		return;
	}
	if (w->begun ? memcmp(file.p + 16, w->chain, FSCK_HASH) != 0
		     : number == 0 && memcmp(file.p + 16, w->chain, FSCK_HASH) != 0) {
		damaged(w, name, 16, "the file does not continue the chain of the one before it");
		return;
	}
	memcpy(w->chain, file.p + 16, FSCK_HASH);
	w->j->from_start = w->j->from_start || number == 0;
	w->begun = true;
	w->number = number;
	read_records(w, name, file, last);
}

/*
 * The older files, heads.00000000 and so on; what is missing before the first that is there was put
 * away by somebody.
 */
static void
read_older(struct walk *w, const char *folder, uint64_t newest)
{
	for (uint64_t i = 0; i < newest && !w->bad; i++) {
		char name[32], *path;
		uint8_t *bytes = NULL;
		size_t n;

		snprintf(name, sizeof(name), "heads.%08" PRIu64, i);
		path = fsck_path(folder, name);
		if (fsck_read(path, FILE_MAX, &bytes, &n))
			read_file_of(w, name, (struct span){bytes, n}, i, false);
		else if (w->begun || errno != ENOENT)
			damaged(w, name, 0, "cannot be read, or is missing between others");
		free(bytes);
		free(path);
	}
}

void
fsck_journal_read(struct fsck *f, struct fsck_journal *j, bool tell)
{
	struct walk w = {.f = f, .j = j, .tell = tell};
	char *folder = fsck_path(f->folder, "journal"), *path = fsck_path(folder, "heads");
	uint8_t *bytes = NULL;
	uint64_t newest;
	size_t n;

	j->count = 0;
	j->from_start = false;
	if (!fsck_read(path, FILE_MAX, &bytes, &n)) {
		if (tell)
			fsck_problem(f, FSCK_JOURNAL, FSCK_NONE, "journal/heads", "%s",
			    errno == ENOENT ? "there is no head journal" : strerror(errno));
		goto out;
	}
	newest = n >= 16 ? fsck_u64(bytes + 8) : 0;
	if (newest > NUMBER_MAX) {
		damaged(&w, "heads", 8, "the number of the file is out of bounds");
		goto out;
	}
	read_older(&w, folder, newest);
	if (!w.bad)
		read_file_of(&w, "heads", (struct span){bytes, n}, newest, true);
out:
	free(bytes);
	free(path);
	free(folder);
}
