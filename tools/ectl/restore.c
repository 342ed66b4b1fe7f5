/*
 * restore.c - ectl restore OUT DIR: a backup put back, and never so that a log could sign a second
 * history.
 *
 * Everything is copied beside its place and checked there first: the manifest, every file's sum, then
 * the logs themselves.  Then
 *
 *   DIR is new, or empty         the copy is renamed to DIR
 *   DIR is a data folder         for each log of the backup, under the lock that a server would hold:
 *                                its head journal, and its database if that can be read, must be a
 *                                beginning of the backup's history.  The database is put in its place
 *                                (the old one stays beside it), the existing journal is kept and
 *                                brought up to it, the index is deleted: the server builds it again.
 *
 * A journal that knows more than the backup is the proof that more was signed and acknowledged.  Then
 * nothing is touched.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "base/must.h"
#include "seal/note.h"
#include "store/copy.h"
#include "store/index.h"

#define NOTE_MAX 65536

struct target {
	struct backup_log log; /* of the copy */
	int lock;
	bool there; /* DIR has this log already */
	bool journal;
	uint64_t rolled;
	char *before; /* where the old database went */
};

struct restore {
	const struct globals *g;
	const char *out, *dir;
	char *stage;
	bool leaves, fresh;
	json_t *manifest;
	struct target *targets;
	size_t count;
};

static char *
log_path(const char *dir, const char *name)
{
	char *logs = backup_path(dir, "logs"), *path = backup_path(logs, name);

	free(logs);
	return path;
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* ---- the copy ---- */

static int
stage_file(const struct restore *r, const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "path"));
	const char *want = json_string_value(json_object_get(row, "sha256"));
	char *from = backup_path(r->out, name), *to = backup_path(r->stage, name);
	char sum[BACKUP_SUM_SIZE] = "";
	uint64_t bytes = 0;
	int code = EXIT_YES;

	if (!exists(from))
		code = fail(EXIT_NO, "%s is missing", from);
	else if (!backup_copy_file(from, to, sum, &bytes))
		code = EXIT_USAGE;
	else if (strcmp(sum, want) != 0 ||
		 bytes != (uint64_t)json_integer_value(json_object_get(row, "bytes")))
		code = fail(EXIT_NO, "%s is damaged: its SHA-256 is not the manifest's", from);
	free(from);
	free(to);
	return code;
}

static int
stage_files(const struct restore *r)
{
	const json_t *files = json_object_get(r->manifest, "files");
	size_t count = json_array_size(files);
	int code = EXIT_YES;

	for (size_t i = 0; i < count && code == EXIT_YES; i++) {
		code = stage_file(r, json_array_get(files, i));
		progress(r->g, "files read", i + 1, count);
	}
	progress_end(r->g);
	return code;
}

/* The copy is whole, and what the manifest says that it is. */
static int
check_log(struct restore *r, const json_t *row, struct target *t)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	char *path = log_path(r->stage, name), *lock = backup_path(path, "log/lock.mdb");
	int code = backup_check(r->g, path, r->leaves, &t->log);

	(void)unlink(lock);
	if (code == EXIT_YES &&
	    (strcmp(t->log.root, json_string_value(json_object_get(row, "root"))) != 0 ||
		t->log.entries != (uint64_t)json_integer_value(json_object_get(row, "size")) ||
		strcmp(t->log.key.name, json_string_value(json_object_get(row, "origin"))) != 0))
		code = fail(EXIT_NO, "log %s is not the one that the manifest tells of", name);
	free(path);
	free(lock);
	return code;
}

static int
stage(struct restore *r)
{
	const json_t *rows = json_object_get(r->manifest, "logs");
	int code;

	if (mkdir(r->stage, 0700) != 0)
		return fail(EXIT_USAGE, "cannot make %s: %s", r->stage, strerror(errno));
	if ((code = stage_files(r)) != EXIT_YES)
		return code;
	for (size_t i = 0; i < r->count && code == EXIT_YES; i++)
		code = check_log(r, json_array_get(rows, i), &r->targets[i]);
	return code == EXIT_YES && !backup_sync_folders(r->stage) ? EXIT_USAGE : code;
}

/* ---- may this log be put back? ---- */

/* The newest checkpoint of a database that may be damaged.  A process of its own looks: LMDB dies of
 * some damage.  False: it cannot be read. */
static bool
newest_of(const char *folder, const char *origin, uint64_t *size, char **note)
{
	struct store_options options = {.folder = folder, .origin = origin, .read_only = true};
	uint8_t head[8];
	int ends[2], status = 0;
	size_t n = 0;
	ssize_t got;
	pid_t pid;
	bool ok;

	*note = NULL;
	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		return false;
	if (pid == 0) {
		struct store_read *read = NULL;
		struct store *s = NULL;
		struct bytes text = BYTES_NONE;
		struct why why = {0};

		if (store_lmdb_open(&s, &options, &why) != RC_OK ||
		    store_read_begin(s, &read) != RC_OK ||
		    store_get_last_head(read, size, &text) != RC_OK || text.n > NOTE_MAX)
			_exit(1);
		put_u64(head, *size);
		_exit(write(ends[1], head, 8) == 8 &&
			      write(ends[1], text.p, text.n) == (ssize_t)text.n
			  ? 0
			  : 1);
	}
	(void)close(ends[1]);
	*note = calloc(1, NOTE_MAX + 1);
	ok = *note != NULL && read(ends[0], head, 8) == 8;
	while (ok && n < NOTE_MAX && (got = read(ends[0], *note + n, NOTE_MAX - n)) > 0)
		n += (size_t)got;
	(void)close(ends[0]);
	ok = waitpid(pid, &status, 0) == pid && status == 0 && ok;
	*size = ok ? get_u64(head) : 0;
	if (!ok) {
		free(*note);
		*note = NULL;
	}
	return ok;
}

/* What is known in DIR must be a checkpoint of the copy. */
static int
is_beginning(const struct restore *r, const struct target *t, const char *what, uint64_t size,
    struct bytes note)
{
	char *path = log_path(r->stage, t->log.name);
	struct store_options options = {
	    .folder = path, .origin = t->log.key.name, .read_only = true};
	struct store_read *read = NULL;
	struct store *s = NULL;
	struct bytes ours = BYTES_NONE;
	struct why why = {0};
	int code = EXIT_YES;

	if (size > t->log.entries)
		code = fail(EXIT_NO,
		    "log %s: the %s in %s knows a checkpoint over %llu entries, the backup has "
		    "%llu: "
		    "it is too old, and signing over it would fork the log",
		    t->log.name, what, r->dir, (unsigned long long)size,
		    (unsigned long long)t->log.entries);
	else if (store_lmdb_open(&s, &options, &why) != RC_OK ||
		 store_read_begin(s, &read) != RC_OK)
		code = fail(EXIT_NO, "%s: %s", path, why.text);
	else if (store_get_head(read, size, &ours) != RC_OK || !bytes_eq(ours, note))
		code = fail(EXIT_NO,
		    "log %s: the checkpoint over %llu entries that the %s in %s has is not one of "
		    "the backup (%llu entries): it is of another history",
		    t->log.name, (unsigned long long)size, what, r->dir,
		    (unsigned long long)t->log.entries);
	store_read_end(read);
	store_close(s);
	free(path);
	return code;
}

static int
judge_journal(const struct restore *r, struct target *t, const char *path)
{
	struct bytes note = BYTES_NONE;
	struct why why = {0};
	struct arena arena;
	uint64_t size = 0;
	int code = EXIT_YES;
	enum rc rc;

	arena_init(&arena, 4 * NOTE_MAX);
	rc = store_peek_journal(path, &arena, &size, &note, &why);
	t->journal = rc == RC_OK;
	if (rc == RC_OK)
		code = is_beginning(r, t, "head journal", size, note);
	else if (rc != RC_NOT_FOUND)
		code = fail(EXIT_NO,
		    "log %s: the head journal in %s cannot be read (%s), so nobody knows how far "
		    "the "
		    "log went: %s",
		    t->log.name, path, rc_label(rc), why.text);
	arena_release(&arena);
	return code;
}

static int
judge_key(const struct target *t, const char *path)
{
	char *file = backup_path(path, "vkey");
	struct vkey key;
	int code = EXIT_YES;

	if (exists(file) && !backup_read_vkey(path, &key))
		code = EXIT_NO;
	else if (exists(file) && (strcmp(key.name, t->log.key.name) != 0 ||
				     memcmp(key.key, t->log.key.key, sizeof key.key) != 0))
		code = fail(EXIT_NO, "log %s: %s belongs to the log \"%s\" and its key",
		    t->log.name, path, key.name);
	free(file);
	return code;
}

static int
judge(const struct restore *r, struct target *t)
{
	char *path = log_path(r->dir, t->log.name), *note = NULL;
	uint64_t size = 0;
	int code = EXIT_YES;

	if (t->there && (code = judge_key(t, path)) == EXIT_YES &&
	    (code = judge_journal(r, t, path)) == EXIT_YES && newest_of(path, NULL, &size, &note))
		code = is_beginning(r, t, "database", size, bytes_str(note));
	free(note);
	free(path);
	return code;
}

/* ---- putting back ---- */

static int
move(const char *from, const char *to)
{
	return rename(from, to) == 0
		   ? EXIT_YES
		   : fail(EXIT_USAGE, "cannot rename %s to %s: %s", from, to, strerror(errno));
}

/* The old database keeps a name: whoever restores by mistake has lost nothing. */
static int
set_aside(struct target *t, const char *log)
{
	if (!exists(log))
		return EXIT_YES;
	if (asprintf(&t->before, "%s.before-restore-%lld", log, (long long)time(NULL)) < 0) {
		t->before = NULL;
		return fail(EXIT_USAGE, "out of memory");
	}
	return move(log, t->before);
}

/* A file or folder of the copy that DIR does not have. */
static int
supply(const char *stage, const char *dir, const char *name)
{
	char *from = backup_path(stage, name), *to = backup_path(dir, name);
	int code = EXIT_YES;

	if (exists(from) && !exists(to))
		code = move(from, to);
	free(from);
	free(to);
	return code;
}

/* The journal of the backup, where there is none; its folder may be a mount. */
static int
put_journal(const char *stage, const char *path)
{
	char *from = backup_path(stage, "journal"), *to = backup_path(path, "journal");
	bool absent = false;
	int code = EXIT_YES;

	if (!backup_is_empty(to, &absent))
		code = fail(EXIT_NO, "%s is not empty, but holds no journal", to);
	else if (!absent && rmdir(to) != 0)
		code = fail(EXIT_USAGE, "cannot replace %s: %s", to, strerror(errno));
	else
		code = move(from, to);
	free(from);
	free(to);
	return code;
}

/*
 * A crash at any step leaves a folder that a server does not open, because the journal and what it
 * finds do not fit, and that restore can be run on again.
 */
static int
put_back(const struct restore *r, struct target *t)
{
	char *stage = log_path(r->stage, t->log.name), *path = log_path(r->dir, t->log.name);
	char *log = backup_path(path, "log"), *copy = backup_path(stage, "log");
	char *index = backup_path(path, "index");
	struct why why = {0};
	int code = EXIT_YES;

	if ((code = supply(stage, path, "key.pem")) != EXIT_YES ||
	    (code = supply(stage, path, "vkey")) != EXIT_YES ||
	    (code = set_aside(t, log)) != EXIT_YES || (code = move(copy, log)) != EXIT_YES)
		goto out;
	if (index_destroy(index) != RC_OK)
		code = fail(EXIT_USAGE, "cannot delete %s: %s", index, strerror(errno));
	else if (!t->journal)
		code = put_journal(stage, path);
	else if (store_roll_journal(path, &t->rolled, &why) != RC_OK)
		code = fail(
		    EXIT_NO, "log %s: the journal cannot be brought up: %s", t->log.name, why.text);
	if (code == EXIT_YES && !backup_sync_folders(path))
		code = EXIT_USAGE;
out:
	free(stage);
	free(path);
	free(log);
	free(copy);
	free(index);
	return code;
}

static int
put_back_all(const struct restore *r)
{
	char *logs = backup_path(r->dir, "logs"), *stage = backup_path(r->stage, "logs");
	int code = EXIT_YES;

	for (size_t i = 0; i < r->count && code == EXIT_YES; i++) {
		struct target *t = &r->targets[i];

		code = t->there ? put_back(r, t) : supply(stage, logs, t->log.name);
	}
	if (code == EXIT_YES)
		code = supply(r->stage, r->dir, "ledger.conf");
	if (code == EXIT_YES)
		code = supply(r->stage, r->dir, "trust");
	if (code == EXIT_YES && !backup_sync_folders(logs))
		code = EXIT_USAGE;
	free(logs);
	free(stage);
	return code;
}

/* ---- the whole ---- */

static int
lock_log(const struct restore *r, struct target *t, const char *name)
{
	char *path = log_path(r->dir, name);
	struct why why = {0};
	int code = EXIT_YES;

	t->there = exists(path);
	if (t->there && store_lock(path, &t->lock, &why) != RC_OK)
		code =
		    fail(EXIT_REFUSED, "%s is in use: stop ectledgerd first (%s)", path, why.text);
	free(path);
	return code;
}

static int
lock_all(struct restore *r)
{
	const json_t *rows = json_object_get(r->manifest, "logs");
	int code = EXIT_YES;

	r->count = json_array_size(rows);
	if ((r->targets = calloc(r->count, sizeof *r->targets)) == NULL) {
		r->count = 0;
		return fail(EXIT_USAGE, "out of memory");
	}
	for (size_t i = 0; i < r->count; i++)
		r->targets[i].lock = -1;
	for (size_t i = 0; i < r->count && !r->fresh && code == EXIT_YES; i++)
		code = lock_log(r, &r->targets[i],
		    json_string_value(json_object_get(json_array_get(rows, i), "name")));
	return code;
}

/* Where the copy is made: beside DIR, or in it, so that renaming is enough afterwards. */
static int
choose_place(struct restore *r)
{
	char *logs = backup_path(r->dir, "logs");
	bool absent = false;
	int code = EXIT_YES, n;

	r->fresh = backup_is_empty(r->dir, &absent);
	if (!r->fresh && !exists(logs))
		code = fail(EXIT_USAGE, "%s is neither empty nor a data folder", r->dir);
	else if (r->dir[0] == '\0' || r->dir[strlen(r->dir) - 1] == '/')
		code = fail(EXIT_USAGE, "%s: say it without the / at the end", r->dir);
	n = asprintf(
	    &r->stage, r->fresh ? "%s.restore-%ld" : "%s/.restore-%ld", r->dir, (long)getpid());
	if (n < 0) {
		r->stage = NULL;
		code = fail(EXIT_USAGE, "out of memory");
	}
	free(logs);
	return code;
}

/* What a restore that was killed left here: a copy of everything, keys too. */
static void
remove_left(const struct restore *r)
{
	struct dirent *e = NULL;
	DIR *dir = r->fresh ? NULL : opendir(r->dir);

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		long pid = 0;
		char *path = NULL, end = '\0';

		if (sscanf(e->d_name, ".restore-%ld%c", &pid, &end) != 1 || pid <= 0 ||
		    kill((pid_t)pid, 0) == 0 || errno != ESRCH)
			continue;
		path = backup_path(r->dir, e->d_name);
		(void)backup_remove(path);
		free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static int
restore(struct restore *r)
{
	int code;

	if ((code = lock_all(r)) != EXIT_YES)
		return code;
	remove_left(r);
	if ((code = stage(r)) != EXIT_YES)
		return code;
	if (r->fresh)
		return move(r->stage, r->dir) == EXIT_YES && backup_sync_parent(r->dir)
			   ? EXIT_YES
			   : EXIT_USAGE;
	for (size_t i = 0; i < r->count && code == EXIT_YES; i++)
		code = judge(r, &r->targets[i]);
	return code == EXIT_YES ? put_back_all(r) : code;
}

static json_t *
describe(const struct restore *r)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < r->count; i++) {
		const struct target *t = &r->targets[i];

		(void)json_array_append_new(
		    rows, json_pack("{ss ss sI ss ss ss sI ss*}", "name", t->log.name, "origin",
			      t->log.key.name, "size", (json_int_t)t->log.entries, "root",
			      t->log.root, "database", t->before != NULL ? "replaced" : "put back",
			      "journal", t->journal ? "kept" : "put back", "rolled",
			      (json_int_t)t->rolled, "before", t->before));
	}
	return rows;
}

static int
restore_run(const struct globals *g, const struct args *a)
{
	struct restore r = {.g = g,
	    .out = a->operands[0],
	    .dir = a->operands[1],
	    .leaves = !args_has(a, "--quick")};
	int code;

	must(a->operand_count == 2);
	if ((code = backup_manifest_read(r.out, &r.manifest)) == EXIT_YES &&
	    (code = backup_manifest_complete(r.out, r.manifest)) == EXIT_YES &&
	    (code = choose_place(&r)) == EXIT_YES)
		code = restore(&r);
	if (r.stage != NULL && exists(r.stage))
		(void)backup_remove(r.stage);
	if (code == EXIT_YES)
		print_json(g, json_pack("{so sb}", "logs", describe(&r), "verified", 1));
	for (size_t i = 0; i < r.count; i++) {
		if (r.targets[i].lock >= 0)
			(void)close(r.targets[i].lock);
		backup_log_release(&r.targets[i].log);
		free(r.targets[i].before);
	}
	free(r.targets);
	free(r.stage);
	json_decref(r.manifest);
	return code;
}

static const struct verb_option options[] = {
    {"--quick", NULL, "check sums, the newest checkpoint and the tiles, not every entry", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_restore = {"restore", "OUT DIR",
    "put a backup back into a new folder, or the databases of a stopped server into its own; "
    "refused "
    "where the log went further than the backup",
    options, 2, 2, restore_run};
