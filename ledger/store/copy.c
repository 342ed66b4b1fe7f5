/*
 * copy.c - two parts that change while they are copied, and must fit together afterwards.
 *
 * A server commits to the database first and appends to the journal after.  So the journal is copied
 * first: it can then only be behind the database's copy, never ahead, which is what a restored old
 * copy looks like and what no server signs over.  It may be behind by many checkpoints, and a server
 * takes one at most; so the copy of the journal is brought up to the copy of the database, from the
 * checkpoints that the database keeps.
 *
 * Within the journal the newest file is copied first.  Files that were closed before it began are
 * there under their own names by then, and do not change any more; an operator may have taken some
 * away.  The newest file may end in half a record: appending to the copy cuts it off, as a start does.
 */
#include "store/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "store/files.h"
#include "store/journal.h"
#include "store/ops.h"

#define RULE	    "STORAGE 7 (backup and restore)"
#define CHUNK	    ((size_t)1 << 20)
#define FILE_HEAD   16 /* of a journal file: magic words, number */
#define NAME_CLOSED "heads."

/* Copy what a file has now, into one that is not there; durable. */
static enum rc
copy_fd(int in, const char *to, struct why *why)
{
	uint8_t *chunk = malloc(CHUNK);
	enum rc rc = chunk == NULL ? RC_NO_MEMORY : RC_OK;
	int out = -1;
	uint64_t at = 0;
	ssize_t n = 1;

	if (rc == RC_OK && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		rc = files_failed(why, "make", to);
	while (rc == RC_OK && n != 0) {
		n = pread(in, chunk, CHUNK, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = files_failed(why, "read what becomes", to);
		else if ((rc = files_write_at(out, bytes_of(chunk, (size_t)n), at)) != RC_OK)
			files_failed(why, "write", to);
		else
			at += (uint64_t)n;
	}
	if (rc == RC_OK && fsync(out) != 0)
		rc = files_failed(why, "sync", to);
	if (out >= 0)
		close(out);
	free(chunk);
	return rc;
}

/* Open a file of the journal to read; its number is in its head. */
static enum rc
open_heads(const char *path, int *fd, uint64_t *number, struct why *why)
{
	uint8_t head[FILE_HEAD];

	if ((*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return errno == ENOENT
			   ? why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s: no journal", path)
			   : files_failed(why, "open", path);
	if (pread(*fd, head, sizeof head, 0) != (ssize_t)sizeof head)
		return why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s is cut off", path);
	*number = get_u64(head + 8);
	return RC_OK;
}

static enum rc
copy_one(const char *from, const char *to, const char *name, uint64_t *number, struct why *why)
{
	char *in = files_path(from, name), *out = files_path(to, name);
	enum rc rc = RC_NO_MEMORY;
	int fd = -1;

	if (in != NULL && out != NULL && (rc = open_heads(in, &fd, number, why)) == RC_OK)
		rc = copy_fd(fd, out, why);
	if (fd >= 0)
		close(fd);
	free(in);
	free(out);
	return rc;
}

/* "heads.NNNNNNNN" of a file that was closed before the one numbered 'newest' began. */
static bool
is_closed_file(const char *name, uint64_t newest)
{
	const size_t prefix = strlen(NAME_CLOSED);
	char *end = NULL;

	if (strncmp(name, NAME_CLOSED, prefix) != 0 || name[prefix] < '0' || name[prefix] > '9')
		return false;
	return strtoull(name + prefix, &end, 10) < newest && *end == '\0';
}

static enum rc
copy_journal(const char *from, const char *to, struct why *why)
{
	struct dirent *e = NULL;
	uint64_t newest = 0, number = 0;
	DIR *dir = NULL;
	enum rc rc = RC_OK;

	if (mkdir(to, 0700) != 0)
		return files_failed(why, "mkdir", to);
	if ((rc = copy_one(from, to, "heads", &newest, why)) != RC_OK)
		return rc;
	if ((dir = opendir(from)) == NULL)
		return files_failed(why, "read", from);
	while (rc == RC_OK && (e = readdir(dir)) != NULL)
		if (is_closed_file(e->d_name, newest))
			rc = copy_one(from, to, e->d_name, &number, why);
	closedir(dir);
	if (rc == RC_OK && files_sync_folder(to) != RC_OK)
		rc = files_failed(why, "sync", to);
	return rc;
}

/* ---- the journal beside a database ---- */

/* Each checkpoint of the database that the journal does not have yet. */
static enum rc
roll(struct journal *j, struct store_read *read, struct arena *arena, uint64_t *rolled,
    struct why *why)
{
	uint64_t at = 0, last = 0, size = 0;
	struct bytes note = BYTES_NONE, record = BYTES_NONE;
	enum rc rc = journal_last(j, arena, &last, &record);

	if (rc == RC_OK) {
		rc = store_get_head(read, last, &note);
		if (rc != RC_OK || !bytes_eq(note, record))
			return why_set(why, RC_STORE_DOUBT, RULE, NULL, 0,
			    "the journal's last checkpoint, of size %llu, is not one of the "
			    "database",
			    (unsigned long long)last);
		at = last + 1;
	} else if (rc != RC_NOT_FOUND) {
		return why_set(why, rc, RULE, NULL, 0, "the journal cannot be read");
	}
	while ((rc = store_get_head_at_least(read, at, &size, &note)) == RC_OK) {
		if ((rc = journal_append(j, size, note)) != RC_OK)
			return why_set(why, rc, RULE, NULL, 0, "the journal cannot be written");
		++*rolled;
		at = size + 1;
	}
	return rc == RC_NOT_FOUND ? RC_OK
				  : why_set(why, rc, RULE, NULL, 0, "a checkpoint cannot be read");
}

enum rc
store_roll_journal(const char *folder, uint64_t *rolled, struct why *why)
{
	struct store_options options = {.folder = folder, .read_only = true};
	char *path = files_path(folder, "journal");
	struct journal_options journal = {.folder = path};
	struct store_read *read = NULL;
	struct journal *j = NULL;
	struct store *s = NULL;
	struct arena arena;
	enum rc rc = RC_NO_MEMORY;

	*rolled = 0;
	arena_init(&arena, 2 * JOURNAL_NOTE_MAX);
	if (path == NULL || (rc = store_lmdb_open(&s, &options, why)) != RC_OK ||
	    (rc = store_read_begin(s, &read)) != RC_OK ||
	    (rc = journal_open(&j, &journal, why)) != RC_OK)
		goto out;
	rc = roll(j, read, &arena, rolled, why);
out:
	journal_close(j);
	store_read_end(read);
	store_close(s);
	arena_release(&arena);
	free(path);
	return rc;
}

enum rc
store_peek_journal(
    const char *folder, struct arena *arena, uint64_t *size, struct bytes *note, struct why *why)
{
	char *path = files_path(folder, "journal");
	struct journal_options options = {.folder = path, .read_only = true};
	struct journal *j = NULL;
	enum rc rc = RC_NO_MEMORY;

	if (path != NULL && (rc = journal_open(&j, &options, why)) == RC_OK)
		rc = journal_last(j, arena, size, note);
	journal_close(j);
	free(path);
	return rc;
}

enum rc
store_lock(const char *folder, int *fd, struct why *why)
{
	char *path = files_path(folder, "lock");
	enum rc rc = path == NULL ? RC_NO_MEMORY : files_lock(path, fd, why);

	free(path);
	return rc;
}

/* ---- the whole ---- */

static enum rc
copy_log(struct store *s, const char *to, struct why *why)
{
	char *data = files_path(to, "data.mdb");
	enum rc rc = RC_NO_MEMORY;

	if (data == NULL)
		return rc;
	if (mkdir(to, 0700) != 0)
		rc = files_failed(why, "mkdir", to);
	else if ((rc = s->ops->copy(s, to, why)) != RC_OK)
		; /* said */
	else if (chmod(data, 0600) != 0 || files_sync(data) != RC_OK ||
		 files_sync_folder(to) != RC_OK)
		rc = files_failed(why, "sync", data);
	free(data);
	return rc;
}

/* Read the copy as what it will be taken for. */
static enum rc
describe(const char *to, struct arena *arena, struct store_copied *out, struct why *why)
{
	struct store_options options = {.folder = to, .read_only = true};
	struct store_usage usage = {0};
	struct store_read *read = NULL;
	struct bytes note = BYTES_NONE;
	struct store *s = NULL;
	enum rc rc = store_lmdb_open(&s, &options, why);

	if (rc != RC_OK || (rc = store_read_begin(s, &read)) != RC_OK)
		goto out;
	out->entries = store_read_size(read);
	rc = store_get_last_head(read, &out->size, &note);
	if (rc == RC_OK && !arena_dup(arena, note, &out->note))
		rc = RC_NO_MEMORY;
	if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	store_usage(s, &usage);
	out->bytes = usage.log_bytes;
out:
	store_read_end(read);
	store_close(s);
	return rc;
}

/* Opening the copy made LMDB's reader table beside it. */
static enum rc
tidy(const char *to, const char *log, struct why *why)
{
	char *lock = files_path(log, "lock.mdb");
	enum rc rc = RC_NO_MEMORY;

	if (lock == NULL)
		return rc;
	rc = (unlink(lock) == 0 || errno == ENOENT) && files_sync_folder(log) == RC_OK &&
		     files_sync_folder(to) == RC_OK
		 ? RC_OK
		 : files_failed(why, "sync", to);
	free(lock);
	return rc;
}

enum rc
store_copy(
    struct store *s, const char *to, struct arena *arena, struct store_copied *out, struct why *why)
{
	const char *folder = s->ops->copy != NULL ? s->ops->folder(s) : NULL;
	char *from = NULL, *journal = files_path(to, "journal"), *log = files_path(to, "log");
	enum rc rc = RC_NO_MEMORY;

	*out = (struct store_copied){.note = BYTES_NONE};
	if (folder == NULL) {
		rc = RC_UNIMPLEMENTED;
		goto out;
	}
	if ((from = files_path(folder, "journal")) == NULL || journal == NULL || log == NULL)
		goto out;
	if (mkdir(to, 0700) != 0) {
		rc = files_failed(why, "mkdir", to);
		goto out;
	}
	if ((rc = copy_journal(from, journal, why)) == RC_OK &&
	    (rc = copy_log(s, log, why)) == RC_OK &&
	    (rc = store_roll_journal(to, &out->rolled, why)) == RC_OK &&
	    (rc = describe(to, arena, out, why)) == RC_OK)
		rc = tidy(to, log, why);
out:
	free(from);
	free(journal);
	free(log);
	return rc;
}
