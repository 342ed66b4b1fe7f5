/*
 * journal.c - an append-only file of records that each carry their own hash and that of the chain
 * up to them.
 *
 *   file    "ECTJRNL1"  number u64  chain before 32  SHA-256 of these 48 bytes 32
 *           = 80 bytes
 *   record  "ECTHEAD1"  size u64  length u32  note  SHA-256 of all that 32  chain 32
 *           = 84 bytes + note
 *           chain = SHA-256(chain before || SHA-256 of the record)
 *
 * What a crash leaves: one append is under way at a time, so only the last record can be torn.  It
 * was never acknowledged; it is ignored, and cut off by the next append.  Damage anywhere before is
 * told apart by a whole record that follows it.
 *
 * A file is closed at 8 MiB: the next record begins a new file (written aside, synced), the old one
 * gets its number as a second name, and the rename makes the new one "heads".  A crash between any
 * two of these steps leaves a "heads" that is whole.
 */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/must.h"
#include "store/files.h"

#define RULE	    "STORAGE 5 (head journal)"
#define MAGIC_SIZE  8
#define FILE_HEAD   (MAGIC_SIZE + 8 + HASH_SIZE + HASH_SIZE)
#define RECORD_HEAD (MAGIC_SIZE + 8 + 4)
#define RECORD_TAIL (HASH_SIZE + HASH_SIZE)
#define RECORD_MAX  (RECORD_HEAD + JOURNAL_NOTE_MAX + RECORD_TAIL)

static const uint8_t file_magic[MAGIC_SIZE] = "ECTJRNL1";
static const uint8_t record_magic[MAGIC_SIZE] = "ECTHEAD1";

struct journal {
	char *folder, *path; /* path: folder/heads */
	int fd;
	uint64_t segment_max;
	uint64_t number; /* of this file */
	uint64_t end;	 /* where the next record goes */
	uint64_t bad_at; /* offset of the damage, when 'rc' says so */
	enum rc rc;
	struct hash chain;
	bool has_last;
	uint64_t last_size;
	struct buf last, scratch;
};

struct record {
	uint64_t size;
	struct bytes note;
	struct hash hash, chain;
	size_t n; /* bytes it takes in the file */
};

/* ---- bytes ---- */

static void
chain_next(const struct hash *before, const struct hash *record, struct hash *out)
{
	struct bytes parts[2] = {{before->b, HASH_SIZE}, {record->b, HASH_SIZE}};

	hash_of_parts(parts, 2, out);
}

/* Lay out a record behind what is in 'b'.  The hash of the new chain in 'chain'. */
static enum rc
record_write(struct buf *b, uint64_t size, struct bytes note, struct hash *chain)
{
	uint8_t number[8];
	struct hash hash;
	size_t from = b->n;

	must(note.n > 0 && note.n <= JOURNAL_NOTE_MAX);
	buf_add(b, record_magic, MAGIC_SIZE);
	put_u64(number, size);
	buf_add(b, number, 8);
	put_u32(number, (uint32_t)note.n);
	buf_add(b, number, 4);
	buf_add_bytes(b, note);
	if (b->bad)
		return buf_rc(b);
	hash_of(bytes_of(b->p + from, b->n - from), &hash);
	chain_next(chain, &hash, chain);
	buf_add(b, hash.b, HASH_SIZE);
	buf_add(b, chain->b, HASH_SIZE);
	return buf_rc(b);
}

/* A whole record with a true hash of its own at the start of 'x'.  The chain is the caller's to
 * compare. */
static bool
record_read(struct bytes x, struct record *out)
{
	uint32_t n = 0;

	if (x.n < RECORD_HEAD + RECORD_TAIL || memcmp(x.p, record_magic, MAGIC_SIZE) != 0)
		return false;
	n = get_u32(x.p + MAGIC_SIZE + 8);
	if (n == 0 || n > JOURNAL_NOTE_MAX || x.n - RECORD_HEAD - RECORD_TAIL < n)
		return false;
	out->size = get_u64(x.p + MAGIC_SIZE);
	out->note = bytes_of(x.p + RECORD_HEAD, n);
	out->n = RECORD_HEAD + n + RECORD_TAIL;
	hash_of(bytes_of(x.p, RECORD_HEAD + n), &out->hash);
	if (memcmp(out->hash.b, x.p + RECORD_HEAD + n, HASH_SIZE) != 0)
		return false;
	memcpy(out->chain.b, x.p + RECORD_HEAD + n + HASH_SIZE, HASH_SIZE);
	return true;
}

static void
file_head_write(uint8_t out[FILE_HEAD], uint64_t number, const struct hash *chain)
{
	struct hash h;

	memcpy(out, file_magic, MAGIC_SIZE);
	put_u64(out + MAGIC_SIZE, number);
	memcpy(out + MAGIC_SIZE + 8, chain->b, HASH_SIZE);
	hash_of(bytes_of(out, FILE_HEAD - HASH_SIZE), &h);
	memcpy(out + FILE_HEAD - HASH_SIZE, h.b, HASH_SIZE);
}

/* ---- reading at start ---- */

static enum rc
read_at(int fd, uint8_t *out, size_t n, uint64_t at, size_t *got)
{
	ssize_t k = 0;

	*got = 0;
	while (*got < n) {
		k = pread(fd, out + *got, n - *got, (off_t)(at + *got));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return RC_IO;
		if (k == 0)
			return RC_OK;
		*got += (size_t)k;
	}
	return RC_OK;
}

static enum rc
damaged(struct journal *j, uint64_t at)
{
	j->bad_at = at;
	return RC_CORRUPT;
}

/* Is there a whole record anywhere behind the first byte of 'tail'?  Then the tail's own start is
 * no torn append. */
static bool
record_follows(struct bytes tail)
{
	struct record r;

	for (size_t i = 1; i + RECORD_HEAD + RECORD_TAIL <= tail.n; i++)
		if (tail.p[i] == record_magic[0] &&
		    record_read(bytes_of(tail.p + i, tail.n - i), &r))
			return true;
	return false;
}

/* Walk the records in 'window', file bytes from 'j->end' on.  '*used': how much of it were whole
 * records. */
static enum rc
walk(struct journal *j, struct bytes window, size_t *used)
{
	struct record r;
	struct hash chain;

	*used = 0;
	while (record_read(bytes_of(window.p + *used, window.n - *used), &r)) {
		chain_next(&j->chain, &r.hash, &chain);
		if (!hash_eq(&chain, &r.chain) || (j->has_last && r.size < j->last_size))
			return damaged(j, j->end);
		buf_clear(&j->last);
		buf_add_bytes(&j->last, r.note);
		if (j->last.bad)
			return buf_rc(&j->last);
		j->chain = chain;
		j->has_last = true;
		j->last_size = r.size;
		j->end += r.n;
		*used += r.n;
	}
	return RC_OK;
}

static enum rc
read_file_head(struct journal *j)
{
	uint8_t head[FILE_HEAD], again[FILE_HEAD];
	size_t got = 0;
	enum rc rc = read_at(j->fd, head, sizeof head, 0, &got);

	if (rc != RC_OK)
		return rc;
	/* A file gets its name only after its head was synced, so a bad head is damage, not a
	 * crash. */
	if (got != FILE_HEAD || memcmp(head, file_magic, MAGIC_SIZE) != 0)
		return damaged(j, 0);
	j->number = get_u64(head + MAGIC_SIZE);
	memcpy(j->chain.b, head + MAGIC_SIZE + 8, HASH_SIZE);
	file_head_write(again, j->number, &j->chain);
	if (memcmp(head, again, FILE_HEAD) != 0)
		return damaged(j, 0);
	j->end = FILE_HEAD;
	return RC_OK;
}

static enum rc
read_all(struct journal *j)
{
	size_t room = 4 * RECORD_MAX, got = 0, used = 0;
	uint8_t *window = malloc(room);
	enum rc rc = RC_OK;

	if (window == NULL)
		return RC_NO_MEMORY;
	if ((rc = read_file_head(j)) != RC_OK)
		goto out;
	do {
		if ((rc = read_at(j->fd, window, room, j->end, &got)) != RC_OK)
			goto out;
		if ((rc = walk(j, bytes_of(window, got), &used)) != RC_OK)
			goto out;
	} while (used > 0);
	/* What is left is the torn last append, or damage. */
	if (got > RECORD_MAX || record_follows(bytes_of(window, got)))
		rc = damaged(j, j->end);
out:
	free(window);
	return rc;
}

/* ---- making files ---- */

/* Write a new file under a name that nobody opens: its head, and its first record if any. */
static enum rc
write_aside(struct journal *j, uint64_t number, const struct hash *chain, struct bytes record,
    char **path, int *fd)
{
	uint8_t head[FILE_HEAD];
	enum rc rc = RC_OK;

	if ((*path = files_path(j->folder, "heads.new")) == NULL)
		return RC_NO_MEMORY;
	*fd = open(*path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (*fd < 0)
		return RC_IO;
	file_head_write(head, number, chain);
	if ((rc = files_write_at(*fd, bytes_of(head, FILE_HEAD), 0)) != RC_OK)
		return rc;
	if ((rc = files_write_at(*fd, record, FILE_HEAD)) != RC_OK)
		return rc;
	return fsync(*fd) == 0 ? RC_OK : RC_IO;
}

static enum rc
begin_first(struct journal *j)
{
	struct hash zero = {{0}};
	char *aside = NULL;
	int fd = -1;
	enum rc rc = write_aside(j, 0, &zero, BYTES_NONE, &aside, &fd);

	if (rc == RC_OK && rename(aside, j->path) != 0)
		rc = RC_IO;
	if (rc == RC_OK)
		rc = files_sync_folder(j->folder);
	if (fd >= 0)
		close(fd);
	free(aside);
	return rc;
}

/* Give the present file its number as a second name.  False where the file system has no such
 * thing: then it just grows on. */
static bool
keep_old(struct journal *j)
{
	char name[32];
	char *old = NULL;
	bool ok = false;

	snprintf(name, sizeof name, "heads.%08" PRIu64, j->number);
	if ((old = files_path(j->folder, name)) == NULL)
		return false;
	/* A name left by a crash between link and rename is this very file. */
	ok = (unlink(old) == 0 || errno == ENOENT) && link(j->path, old) == 0;
	free(old);
	return ok;
}

/* Begin the next file with 'record' in it.  RC_UNIMPLEMENTED: could not, nothing changed. */
static enum rc
begin_next(struct journal *j, struct bytes record)
{
	char *aside = NULL;
	int fd = -1;
	enum rc rc = RC_OK;

	/* A torn record behind the last would look like damage in a file that is not the newest. */
	if (ftruncate(j->fd, (off_t)j->end) != 0 || fdatasync(j->fd) != 0)
		return RC_IO;
	if (!keep_old(j))
		return RC_UNIMPLEMENTED;
	rc = write_aside(j, j->number + 1, &j->chain, record, &aside, &fd);
	if (rc == RC_OK && rename(aside, j->path) != 0)
		rc = RC_IO;
	if (rc == RC_OK)
		rc = files_sync_folder(j->folder);
	free(aside);
	if (rc != RC_OK) {
		if (fd >= 0)
			close(fd);
		return rc;
	}
	close(j->fd);
	j->fd = fd;
	j->number++;
	j->end = FILE_HEAD;
	return RC_OK;
}

/* ---- life ---- */

static enum rc
journal_make(struct journal *j, const struct journal_options *o, struct why *why)
{
	enum rc rc = RC_OK;

	if (files_exists(j->path))
		return RC_OK;
	if (!o->create)
		return why_set(why, RC_NOT_FOUND, RULE, NULL, 0, "%.100s is not there", j->path);
	if ((rc = files_make_folder(o->folder, why)) != RC_OK)
		return rc;
	if ((rc = begin_first(j)) != RC_OK)
		return why_set(why, rc, RULE, NULL, 0, "cannot make %.100s", j->path);
	return RC_OK;
}

static enum rc
journal_load(struct journal *j, const struct journal_options *o, struct why *why)
{
	enum rc rc = RC_OK;

	j->fd = open(j->path, (o->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (j->fd < 0)
		return files_failed(why, "open", j->path);
	j->rc = read_all(j);
	if (j->rc == RC_OK || (j->rc == RC_CORRUPT && o->read_only))
		return RC_OK;
	rc = j->rc;
	return why_set(why, rc, RULE, NULL, (size_t)j->bad_at,
	    "%.80s: damaged record at offset %" PRIu64, j->path, j->bad_at);
}

enum rc
journal_open(struct journal **out, const struct journal_options *o, struct why *why)
{
	struct journal *j = calloc(1, sizeof *j);
	enum rc rc = RC_NO_MEMORY;

	*out = NULL;
	if (j == NULL)
		return RC_NO_MEMORY;
	j->fd = -1;
	j->segment_max = o->segment_max != 0 ? o->segment_max : JOURNAL_SEGMENT_MAX;
	buf_init(&j->last, JOURNAL_NOTE_MAX);
	buf_init(&j->scratch, RECORD_MAX);
	if ((j->folder = strdup(o->folder)) == NULL)
		goto out;
	if ((j->path = files_path(o->folder, "heads")) == NULL)
		goto out;
	rc = RC_OK;
	if (o->read_only && !files_exists(j->path))
		goto out;
	if ((rc = journal_make(j, o, why)) != RC_OK)
		goto out;
	rc = journal_load(j, o, why);
out:
	if (rc == RC_OK)
		*out = j;
	else
		journal_close(j);
	return rc;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	buf_release(&j->last);
	buf_release(&j->scratch);
	free(j->folder);
	free(j->path);
	free(j);
}

/* ---- work ---- */

static enum rc
append_here(struct journal *j, struct bytes record)
{
	enum rc rc = RC_OK;

	/* Cuts a torn last record; nothing at all in the usual case. */
	if (ftruncate(j->fd, (off_t)j->end) != 0)
		return RC_IO;
	if ((rc = files_write_at(j->fd, record, j->end)) != RC_OK)
		return rc;
	return fdatasync(j->fd) == 0 ? RC_OK : RC_IO;
}

enum rc
journal_append(struct journal *j, uint64_t size, struct bytes note)
{
	struct hash chain = j->chain;
	struct bytes record = BYTES_NONE;
	enum rc rc = RC_OK;

	must(j->fd >= 0 && j->rc == RC_OK);
	must(!j->has_last || size >= j->last_size);
	buf_clear(&j->scratch);
	if ((rc = record_write(&j->scratch, size, note, &chain)) != RC_OK)
		return rc;
	record = buf_bytes(&j->scratch);

	rc = RC_UNIMPLEMENTED;
	if (j->end > FILE_HEAD && j->end + record.n > j->segment_max)
		rc = begin_next(j, record);
	if (rc == RC_UNIMPLEMENTED)
		rc = append_here(j, record);
	if (rc != RC_OK)
		return rc;

	j->end += record.n;
	j->chain = chain;
	j->has_last = true;
	j->last_size = size;
	buf_clear(&j->last);
	buf_add_bytes(&j->last, note);
	return buf_rc(&j->last);
}

enum rc
journal_last(struct journal *j, struct arena *arena, uint64_t *size, struct bytes *note)
{
	if (j->rc != RC_OK)
		return j->rc;
	if (!j->has_last)
		return RC_NOT_FOUND;
	*size = j->last_size;
	return arena_dup(arena, buf_bytes(&j->last), note) ? RC_OK : RC_NO_MEMORY;
}
