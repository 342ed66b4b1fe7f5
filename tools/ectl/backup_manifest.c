/*
 * backup_manifest.c - the list of what a backup is: every file with its size and SHA-256, every log
 * with the checkpoint that it ends with.
 *
 * It finds bytes that changed, not an attacker who may write to the backup: the log's own signature
 * does that.  The manifest is written last, so a folder without one is not a backup.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "base/must.h"
#include "call.h"

#define MANIFEST_MAX ((size_t)256 << 20)
#define RULE	     "docs/STORAGE.md 7"

/* ---- writing ---- */

struct list {
	const char *folder;
	json_t *files;
	uint64_t bytes;
};

static bool
add_file(void *ctx, const char *name)
{
	struct list *l = ctx;
	char *path = backup_path(l->folder, name), sum[BACKUP_SUM_SIZE];
	uint64_t bytes = 0;
	bool ok = backup_sum_file(path, sum, &bytes);

	l->bytes += bytes;
	if (ok && json_array_append_new(l->files, json_pack("{ss sI ss}", "path", name, "bytes",
						      (json_int_t)bytes, "sha256", sum)) != 0)
		ok = fail(EXIT_USAGE, "%s: its name is not text", name) == EXIT_YES;
	free(path);
	return ok;
}

static json_t *
list_logs(const struct backup_log *logs, size_t count)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(
			rows, json_pack("{ss ss sI ss ss* si}", "name", logs[i].name, "origin",
				  logs[i].key.name, "size", (json_int_t)logs[i].entries, "root",
				  logs[i].root, "checkpoint", logs[i].checkpoint, "format",
				  (int)logs[i].format)) != 0) {
			json_decref(rows);
			return NULL;
		}
	return rows;
}

/* The manifest's own sum beside it, as sha256sum writes it. */
static bool
write_sum(const char *folder)
{
	char *path = backup_path(folder, BACKUP_MANIFEST);
	char *beside = backup_path(folder, BACKUP_MANIFEST_SUM);
	char sum[BACKUP_SUM_SIZE], line[BACKUP_SUM_SIZE + sizeof(BACKUP_MANIFEST) + 4];
	uint64_t bytes = 0;
	bool ok = backup_sum_file(path, sum, &bytes);

	if (ok) {
		(void)snprintf(line, sizeof line, "%s  %s\n", sum, BACKUP_MANIFEST);
		ok = write_file(beside, line, strlen(line), 0600);
	}
	free(path);
	free(beside);
	return ok;
}

bool
backup_manifest_write(
    const char *folder, const struct backup_log *logs, size_t count, bool verified, uint64_t *bytes)
{
	struct list l = {.folder = folder, .files = json_array()};
	char *path = backup_path(folder, BACKUP_MANIFEST), *text = NULL;
	json_t *manifest = NULL;
	bool ok = l.files != NULL && backup_walk(folder, add_file, &l);

	if (ok)
		manifest = json_pack("{si ss so ss so sO}", "manifest", BACKUP_FORMAT, "tool",
		    "ectl " ECT_VERSION, "made_at", show_time_ms((int64_t)time(NULL) * 1000),
		    "verified", verified ? "every entry" : "newest checkpoint", "logs",
		    list_logs(logs, count), "files", l.files);
	if (manifest != NULL)
		text = json_dumps(manifest, JSON_INDENT(1));
	if (ok && text == NULL)
		ok = fail(EXIT_USAGE, "out of memory") == EXIT_YES;
	ok = ok && write_file(path, text, strlen(text), 0600) && write_sum(folder);
	*bytes = l.bytes;
	json_decref(manifest);
	json_decref(l.files);
	free(text);
	free(path);
	return ok;
}

/* ---- reading ---- */

/* A path that stays in the folder: "a/b", no empty part, none that begins with a point. */
static bool
is_inside(const char *path)
{
	if (*path == '\0' || strlen(path) > 1024)
		return false;
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		p += p != path ? 1 : 0;
		if (*p == '\0' || *p == '.' || *p == '/')
			return false;
	}
	return true;
}

static bool
file_row(const json_t *row)
{
	const char *path = json_string_value(json_object_get(row, "path"));
	const char *sum = json_string_value(json_object_get(row, "sha256"));

	return path != NULL && is_inside(path) && sum != NULL && strlen(sum) == 64 &&
	       strspn(sum, "0123456789abcdef") == 64 &&
	       json_is_integer(json_object_get(row, "bytes"));
}

static bool
log_row(const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *root = json_string_value(json_object_get(row, "root"));
	const json_t *note = json_object_get(row, "checkpoint");

	return name != NULL && is_inside(name) && strchr(name, '/') == NULL && root != NULL &&
	       json_is_string(json_object_get(row, "origin")) &&
	       json_is_integer(json_object_get(row, "size")) &&
	       (note == NULL || json_is_string(note));
}

static bool
all_are(const json_t *rows, bool (*is)(const json_t *row))
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		if (!is(json_array_get(rows, i)))
			return false;
	return json_is_array(rows) && json_array_size(rows) > 0;
}

/* Is the manifest the one that was written? */
static bool
sum_holds(const char *folder)
{
	char *path = backup_path(folder, BACKUP_MANIFEST);
	char *beside = backup_path(folder, BACKUP_MANIFEST_SUM);
	char sum[BACKUP_SUM_SIZE], want[BACKUP_SUM_SIZE + sizeof(BACKUP_MANIFEST) + 4];
	uint8_t *text = NULL;
	uint64_t bytes = 0;
	size_t n = 0;
	bool ok = read_file(beside, 4096, &text, &n) && backup_sum_file(path, sum, &bytes);

	if (ok) {
		(void)snprintf(want, sizeof want, "%s  %s\n", sum, BACKUP_MANIFEST);
		ok = n == strlen(want) && memcmp(text, want, n) == 0;
	}
	free(text);
	free(path);
	free(beside);
	return ok;
}

int
backup_manifest_read(const char *folder, json_t **out)
{
	char *path = backup_path(folder, BACKUP_MANIFEST);
	json_error_t error;
	uint8_t *text = NULL;
	const json_t *format;
	size_t n = 0;
	int code = EXIT_YES;

	*out = NULL;
	if (access(path, F_OK) != 0)
		code = fail(EXIT_NO, "%s has no %s: not a backup, or one that was not finished",
		    folder, BACKUP_MANIFEST);
	else if (!sum_holds(folder))
		code = fail(EXIT_NO, "%s/%s is not as it was written (%s)", folder, BACKUP_MANIFEST,
		    BACKUP_MANIFEST_SUM);
	else if (!read_file(path, MANIFEST_MAX, &text, &n))
		code = EXIT_NO;
	else if ((*out = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, &error)) == NULL)
		code = fail(EXIT_NO, "%s: %s (line %d)", path, error.text, error.line);
	else if (!json_is_integer(format = json_object_get(*out, "manifest")))
		code = fail(EXIT_NO, "%s is no manifest (%s)", path, RULE);
	else if (json_integer_value(format) != BACKUP_FORMAT)
		code = fail(EXIT_NO, "%s has format %lld; this program knows %d", path,
		    (long long)json_integer_value(format), BACKUP_FORMAT);
	else if (!all_are(json_object_get(*out, "files"), file_row) ||
		 !all_are(json_object_get(*out, "logs"), log_row))
		code = fail(EXIT_NO, "%s is no manifest (%s)", path, RULE);
	if (code != EXIT_YES) {
		json_decref(*out);
		*out = NULL;
	}
	free(text);
	free(path);
	return code;
}

struct named {
	const char *folder;
	json_t *names;
};

static bool
is_named(void *ctx, const char *name)
{
	const struct named *n = ctx;

	if (strcmp(name, BACKUP_MANIFEST) == 0 || strcmp(name, BACKUP_MANIFEST_SUM) == 0 ||
	    json_object_get(n->names, name) != NULL)
		return true;
	return fail(EXIT_NO, "%s/%s is not in the manifest", n->folder, name) == EXIT_YES;
}

int
backup_manifest_complete(const char *folder, const json_t *manifest)
{
	const json_t *files = json_object_get(manifest, "files");
	struct named n = {.folder = folder, .names = json_object()};
	bool ok = n.names != NULL;

	for (size_t i = 0; i < json_array_size(files) && ok; i++)
		ok = json_object_set_new(n.names,
			 json_string_value(json_object_get(json_array_get(files, i), "path")),
			 json_true()) == 0;
	ok = ok && backup_walk(folder, is_named, &n);
	json_decref(n.names);
	return ok ? EXIT_YES : EXIT_NO;
}
