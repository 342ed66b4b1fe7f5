/*
 * backup.c - ectl backup DIR OUT: a data folder copied while its server works, and proven whole before
 * it is given its name.
 *
 *   OUT.tmp-<pid>/  logs, then the other files -> the copy is checked -> MANIFEST.json -> sync
 *                   -> renamed to OUT -> sync
 *
 * Whatever stops it earlier leaves OUT.tmp-<pid>, which has no manifest: restore does not take it.
 * The index is left out: it is made again from the log.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "base/must.h"
#include "store/copy.h"

#define LOGS_MAX  1024
#define ARENA_MAX ((size_t)1 << 20)

struct backup {
	const struct globals *g;
	const char *from, *out;
	char *tmp;
	bool keys, leaves;
	struct backup_log *logs;
	size_t count;
};

/* ---- the logs ---- */

/* The log environment and the journal, as of one moment. */
static int
copy_log(const char *from, const char *to)
{
	struct store_options options = {.folder = from, .read_only = true};
	struct store_copied copied;
	struct store *s = NULL;
	struct why why = {0};
	struct arena arena;
	struct vkey key;
	int code = EXIT_YES;
	enum rc rc;

	if (!backup_read_vkey(from, &key))
		return EXIT_NO;
	options.origin = key.name;
	arena_init(&arena, ARENA_MAX);
	if ((rc = store_lmdb_open(&s, &options, &why)) != RC_OK)
		code = fail(EXIT_NO, "%s cannot be opened: %s (%s)", from, why.text, rc_label(rc));
	else if ((rc = store_copy(s, to, &arena, &copied, &why)) != RC_OK)
		code = fail(EXIT_NO, "%s cannot be copied: %s (%s)", from, why.text, rc_label(rc));
	store_close(s);
	arena_release(&arena);
	return code;
}

static int
copy_logs(struct backup *b)
{
	char *from = backup_path(b->from, "logs"), *to = backup_path(b->tmp, "logs");
	struct dirent **names = NULL;
	int count = scandir(from, &names, NULL, alphasort), code = EXIT_YES;

	if (count < 0)
		code = fail(EXIT_USAGE, "cannot read %s: %s (DIR is the server's data folder)",
		    from, strerror(errno));
	else if (mkdir(to, 0700) != 0 || (b->logs = calloc(LOGS_MAX, sizeof *b->logs)) == NULL)
		code = fail(EXIT_USAGE, "cannot make %s: %s", to, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		char *log = backup_path(from, name), *copy = backup_path(to, name);

		if (name[0] != '.' && code == EXIT_YES &&
		    (b->g->log == NULL || strcmp(b->g->log, name) == 0)) {
			if (b->count == LOGS_MAX)
				code = fail(EXIT_USAGE, "more than %d logs", LOGS_MAX);
			else if ((code = copy_log(log, copy)) == EXIT_YES)
				b->logs[b->count++].name = strdup(name);
			if (code == EXIT_YES && b->logs[b->count - 1].name == NULL)
				code = fail(EXIT_USAGE, "out of memory");
			progress(b->g, "logs copied", b->count, 0);
		}
		free(log);
		free(copy);
		free(names[i]);
	}
	progress_end(b->g);
	free(names);
	free(from);
	free(to);
	if (code == EXIT_YES && b->count == 0)
		code = fail(EXIT_NO, "no log%s%s in %s", b->g->log != NULL ? " " : "",
		    b->g->log != NULL ? b->g->log : "", b->from);
	return code;
}

/* ---- everything else ---- */

static bool
is_copied_log(const struct backup *b, const char *name, size_t n)
{
	for (size_t i = 0; i < b->count; i++)
		if (strlen(b->logs[i].name) == n && strncmp(b->logs[i].name, name, n) == 0)
			return true;
	return false;
}

/* What of a log's folder is not the store's: its keys, and what people put there. */
static bool
is_wanted(const struct backup *b, const char *name)
{
	static const char *const stores[] = {"lock", "log/", "log.", "index/", "journal/"};
	const char *rest, *slash;

	if (strncmp(name, "logs/", 5) != 0)
		return true;
	if ((slash = strchr(name + 5, '/')) == NULL ||
	    !is_copied_log(b, name + 5, (size_t)(slash - name - 5)))
		return false;
	rest = slash + 1;
	for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
		if (strncmp(rest, stores[i], strlen(stores[i])) == 0)
			return false;
	return true;
}

static bool
copy_other(void *ctx, const char *name)
{
	struct backup *b = ctx;
	char *from = backup_path(b->from, name), *to = backup_path(b->tmp, name);
	bool ok = true;

	if (is_wanted(b, name) && (b->keys || !backup_is_private_key(from)))
		ok = backup_copy_file(from, to, NULL, NULL);
	free(from);
	free(to);
	return ok;
}

/* ---- the whole ---- */

static int
check_logs(struct backup *b)
{
	int code = EXIT_YES;

	for (size_t i = 0; i < b->count && code == EXIT_YES; i++) {
		char *logs = backup_path(b->tmp, "logs"), *log = backup_path(logs, b->logs[i].name);
		char *lock = backup_path(log, "log/lock.mdb");

		backup_log_release(&b->logs[i]);
		code = backup_check(b->g, log, b->leaves, &b->logs[i]);
		(void)unlink(lock); /* LMDB's reader table of that look */
		free(lock);
		free(log);
		free(logs);
	}
	return code;
}

static int
settle(struct backup *b)
{
	struct stat st;

	if (!backup_sync_folders(b->tmp))
		return EXIT_USAGE;
	/* rename() would put it in the place of an empty folder; that is not what was asked. */
	if (lstat(b->out, &st) == 0)
		return fail(EXIT_USAGE, "%s was made meanwhile", b->out);
	if (rename(b->tmp, b->out) != 0)
		return fail(
		    EXIT_USAGE, "cannot rename %s to %s: %s", b->tmp, b->out, strerror(errno));
	return backup_sync_parent(b->out) ? EXIT_YES : EXIT_USAGE;
}

/* OUT must be new, and not in what is copied. */
static int
check_out(struct backup *b)
{
	char from[PATH_MAX], at[PATH_MAX], *parent = strdup(b->out), *slash;
	struct stat st;
	int code = EXIT_YES;
	size_t n;

	if (parent == NULL || asprintf(&b->tmp, "%s.tmp-%ld", b->out, (long)getpid()) < 0) {
		free(parent);
		b->tmp = NULL;
		return fail(EXIT_USAGE, "out of memory");
	}
	if ((slash = strrchr(parent, '/')) != NULL)
		slash[slash == parent ? 1 : 0] = '\0';
	if (slash != NULL && slash[1] == '\0' && b->out[strlen(b->out) - 1] == '/')
		code = fail(EXIT_USAGE, "%s: say it without the / at the end", b->out);
	else if (lstat(b->out, &st) == 0)
		code = fail(EXIT_USAGE, "%s is there already", b->out);
	else if (realpath(b->from, from) == NULL)
		code = fail(EXIT_USAGE, "cannot read %s: %s", b->from, strerror(errno));
	else if (realpath(slash != NULL ? parent : ".", at) == NULL)
		code = fail(EXIT_USAGE, "cannot write to %s: %s", parent, strerror(errno));
	else if (strncmp(at, from, n = strlen(from)) == 0 && (at[n] == '/' || at[n] == '\0'))
		code = fail(EXIT_USAGE, "%s is in the folder that is backed up", b->out);
	free(parent);
	return code;
}

static int
make(struct backup *b, uint64_t *bytes)
{
	int code;

	if (mkdir(b->tmp, 0700) != 0)
		return fail(EXIT_USAGE, "cannot make %s: %s", b->tmp, strerror(errno));
	if ((code = copy_logs(b)) != EXIT_YES)
		return code;
	if (!backup_walk(b->from, copy_other, b))
		return EXIT_USAGE;
	if ((code = check_logs(b)) != EXIT_YES)
		return code;
	if (!backup_manifest_write(b->tmp, b->logs, b->count, b->leaves, bytes))
		return EXIT_USAGE;
	return settle(b);
}

static json_t *
describe(const struct backup *b)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < b->count; i++)
		(void)json_array_append_new(
		    rows, json_pack("{ss ss sI ss}", "name", b->logs[i].name, "origin",
			      b->logs[i].key.name, "size", (json_int_t)b->logs[i].entries, "root",
			      b->logs[i].root));
	return rows;
}

static int
backup_run(const struct globals *g, const struct args *a)
{
	struct backup b = {.g = g,
	    .from = a->operands[0],
	    .out = a->operands[1],
	    .keys = !args_has(a, "--no-keys"),
	    .leaves = !args_has(a, "--quick")};
	uint64_t bytes = 0;
	int code;

	must(a->operand_count == 2);
	if ((code = check_out(&b)) == EXIT_YES && (code = make(&b, &bytes)) != EXIT_YES)
		(void)backup_remove(b.tmp);
	if (code == EXIT_YES)
		print_json(g, json_pack("{so sI sb sb}", "logs", describe(&b), "bytes",
				  (json_int_t)bytes, "verified", 1, "keys", b.keys));
	for (size_t i = 0; i < b.count; i++)
		backup_log_release(&b.logs[i]);
	free(b.logs);
	free(b.tmp);
	return code;
}

static const struct verb_option options[] = {
    {"--no-keys", NULL, "leave private keys out: whoever has the log's key can sign in its name",
	false},
    {"--quick", NULL, "check the newest checkpoint and the tiles, not every entry", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_backup = {"backup", "DIR OUT",
    "copy a data folder, also of a running server, into a new folder; the copy is checked before "
    "it "
    "gets its name",
    options, 2, 2, backup_run};
