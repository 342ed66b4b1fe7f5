/*
 * reindex.c - throw the derived index of each log away and build it again from the log; offline.
 *
 * The server holds a lock on each log's folder.  The same lock is taken here before anything is
 * deleted; between letting go of it and opening the log nothing can be lost, for a log without an
 * index is rebuilt by whoever opens it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "call.h"
#include "seq/seq.h"

/* The log's origin, from its verifier key file. */
static bool
read_origin(const char *folder, struct vkey *key)
{
	struct why why = {0};
	uint8_t *text = NULL;
	char *path = NULL;
	size_t n = 0;
	bool ok;

	if (asprintf(&path, "%s/vkey", folder) < 0)
		return false;
	ok = read_file(path, 4096, &text, &n);
	while (ok && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (ok && vkey_parse(bytes_of(text, n), key, &why) != RC_OK)
		ok = fail(EXIT_USAGE, "%s holds no verifier key: %s", path, why.text) == EXIT_YES;
	free(text);
	free(path);
	return ok;
}

/* Delete the index under the log's lock. */
static int
drop_index(const char *folder)
{
	char *lock = NULL, *index = NULL;
	int fd = -1, code = EXIT_YES;

	if (asprintf(&lock, "%s/lock", folder) < 0 || asprintf(&index, "%s/index", folder) < 0)
		return fail(EXIT_USAGE, "out of memory");
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		code = fail(EXIT_USAGE, "cannot open %s: %s", lock, strerror(errno));
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		code = fail(EXIT_REFUSED, "%s is in use: stop ectledgerd first", folder);
	else if (index_destroy(index) != RC_OK)
		code = fail(EXIT_USAGE, "cannot delete %s: %s", index, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	free(lock);
	free(index);
	return code;
}

/* Opening a log without an index builds one; closing it writes all of it to disk. */
static int
rebuild(const char *folder, const char *name, json_t *rows)
{
	struct ledger_options options = {.folder = folder};
	struct log_sink sink = {.fd = STDERR_FILENO, .level = LOG_ERROR};
	struct policy_rules rules;
	struct ledger *ledger = NULL;
	struct why why = {0};
	struct vkey key;
	char *pem = NULL;
	int code;
	enum rc rc;

	if (!read_origin(folder, &key))
		return EXIT_USAGE;
	if ((code = drop_index(folder)) != EXIT_YES)
		return code;
	if (asprintf(&pem, "%s/key.pem", folder) < 0)
		return fail(EXIT_USAGE, "out of memory");
	options.origin = key.name;
	options.key_path = pem;
	options.sink = &sink;
	policy_rules_init(&rules);
	rc = ledger_open(&ledger, &options, &rules, &why);
	if (rc != RC_OK)
		code = fail(EXIT_NO, "log %s: %s (%s); \"ectl fsck\" tells more", name, why.text,
		    rc_label(rc));
	else if (json_array_append_new(
		     rows, json_pack("{ss so sI}", "log", name, "origin", show_text(key.name),
			       "entries", (json_int_t)ledger_published(ledger))) != 0)
		code = fail(EXIT_USAGE, "out of memory");
	ledger_close(ledger);
	policy_rules_release(&rules);
	free(pem);
	return code;
}

static int
rebuild_all(const char *logs, const char *only, json_t *rows)
{
	struct dirent **names = NULL;
	int count = scandir(logs, &names, NULL, alphasort), code = EXIT_YES;

	if (count < 0)
		return fail(EXIT_USAGE, "cannot read %s: %s (DIR is the server's data folder)",
		    logs, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		char *folder = NULL;

		if (name[0] != '.' && code == EXIT_YES &&
		    (only == NULL || strcmp(only, name) == 0)) {
			if (asprintf(&folder, "%s/%s", logs, name) < 0)
				code = fail(EXIT_USAGE, "out of memory");
			else
				code = rebuild(folder, name, rows);
			free(folder);
		}
		free(names[i]);
	}
	free(names);
	return code;
}

static int
reindex_run(const struct globals *g, const struct args *a)
{
	json_t *rows = json_array();
	char *logs = NULL;
	int code;

	must(a->operand_count == 1);
	if (rows == NULL || asprintf(&logs, "%s/logs", a->operands[0]) < 0) {
		json_decref(rows);
		return fail(EXIT_USAGE, "out of memory");
	}
	code = rebuild_all(logs, g->log, rows);
	if (code == EXIT_YES && json_array_size(rows) == 0)
		code = fail(EXIT_NO, "no log%s%s in %s", g->log != NULL ? " " : "",
		    g->log != NULL ? g->log : "", logs);
	if (code == EXIT_YES)
		print_json(g, json_pack("{sO}", "logs", rows));
	json_decref(rows);
	free(logs);
	return code;
}

const struct verb verb_reindex = {"reindex", "DIR",
    "build the index of every log (--log: of one) again from the log itself; the server must be "
    "stopped",
    NULL, 1, 1, reindex_run};
