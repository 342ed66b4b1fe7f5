/*
 * trust_dir.c - "ectl trust-store --dir": the trust folder itself, without a server.
 *
 * A running server watches the folder and takes up a change within a moment; taking a key out is a
 * withdrawal there, not a revocation with a time.
 * Everything is checked with the server's own rules before a file is written, because a server
 * refuses a file with one bad key whole.  Files are replaced, never edited in place.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/must.h"
#include "call.h"
#include "trust/trust.h"
#include "trust_store.h"

#define FILE_MAX (4 * 1024 * 1024) /* the server's own limit */
#define SUFFIX	 ".jwks.json"
#define OWN_FILE "agents" SUFFIX

struct walk {
	const char *folder, *domain; /* domain NULL: all */
	/* Called for each file; gives false to stop with an error. */
	bool (*file)(void *ctx, const char *domain, const char *path, json_t *set);
	void *ctx;
};

/* "DIR/trust" when DIR is a data folder. */
static char *
trust_folder(const char *dir)
{
	char *path = NULL;

	if (asprintf(&path, "%s/trust", dir) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return strdup(dir);
}

bool
domain_ok(const char *name)
{
	return name[0] != '\0' && name[0] != '.' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0' &&
	       strlen(name) <= 255;
}

json_t *
jwk_set_load(const char *path)
{
	uint8_t *text = NULL;
	size_t n = 0;
	json_t *set;

	if (!read_file(path, FILE_MAX, &text, &n))
		return NULL;
	set = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (json_is_object(set) && json_is_array(json_object_get(set, "keys")))
		return set;
	if (json_is_object(set) && json_object_get(set, "kty") != NULL)
		return json_pack("{s[o]}", "keys", set);
	json_decref(set);
	(void)fail(EXIT_USAGE, "%s is neither a JWK set nor a JWK", path);
	return NULL;
}

static bool
walk_domain(const struct walk *w, const char *domain)
{
	struct dirent **names = NULL;
	char *folder = NULL, *path = NULL;
	bool ok = true;
	int count = 0;

	if (asprintf(&folder, "%s/%s", w->folder, domain) < 0)
		return false;
	count = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		size_t n = strlen(name);
		json_t *set;

		if (ok && name[0] != '.' && n > strlen(SUFFIX) &&
		    strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0) {
			ok = asprintf(&path, "%s/%s", folder, name) >= 0 &&
			     (set = jwk_set_load(path)) != NULL;
			if (ok) {
				ok = w->file(w->ctx, domain, path, set);
				json_decref(set);
			}
			free(path);
			path = NULL;
		}
		free(names[i]);
	}
	free(names);
	free(folder);
	return ok;
}

static bool
walk(const struct walk *w)
{
	struct dirent **names = NULL;
	bool ok = true;
	int count;

	if (w->domain != NULL)
		return walk_domain(w, w->domain);
	count = scandir(w->folder, &names, NULL, alphasort);
	if (count < 0) {
		(void)fail(
		    EXIT_USAGE, "cannot read the trust folder %s: %s", w->folder, strerror(errno));
		return false;
	}
	for (int i = 0; i < count; i++) {
		if (ok && domain_ok(names[i]->d_name))
			ok = walk_domain(w, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return ok;
}

/* ---- list ---- */

static const char *
text_member(const json_t *jwk, const char *name)
{
	const char *text = json_string_value(json_object_get(jwk, name));

	return text != NULL ? text : "-";
}

static bool
list_file(void *ctx, const char *domain, const char *path, json_t *set)
{
	json_t *rows = ctx, *jwk, *iss;
	size_t i;

	json_array_foreach(json_object_get(set, "keys"), i, jwk)
	{
		iss = json_object_get(jwk, "ect_iss");
		if (json_array_append_new(
			rows, json_pack("{ss ss ss ss sO? ss}", "domain", domain, "kid",
				  text_member(jwk, "kid"), "alg", text_member(jwk, "alg"), "crv",
				  text_member(jwk, "crv"), "ect_iss", iss, "file", path)) != 0)
			return false;
	}
	return true;
}

static int
list_table(json_t *rows)
{
	struct table t;
	json_t *row;
	size_t i;

	table_init(&t, 4);
	table_add(&t, "domain");
	table_add(&t, "alg");
	table_add(&t, "kid");
	table_add(&t, "speaks for");
	json_array_foreach(rows, i, row)
	{
		char *iss =
		    json_dumps(json_object_get(row, "ect_iss"), JSON_COMPACT | JSON_ENCODE_ANY);

		table_add(&t, text_member(row, "domain"));
		table_add(&t, text_member(row, "alg"));
		table_add(&t, text_member(row, "kid"));
		table_add(&t, iss != NULL ? iss : "nobody");
		free(iss);
	}
	return table_print(&t);
}

static int
trust_list(const struct globals *g, const struct args *a, const char *folder)
{
	struct walk w = {.folder = folder, .domain = args_get(a, "--domain"), .file = list_file};
	struct trust_snapshot *snapshot = NULL;
	struct trust_report report = {0};
	int code = EXIT_YES;
	enum rc rc;

	if ((w.ctx = json_array()) == NULL || !walk(&w)) {
		json_decref(w.ctx);
		return EXIT_USAGE;
	}
	rc = trust_snapshot_load(folder, &snapshot, &report);
	trust_snapshot_drop(snapshot);
	if (rc != RC_OK)
		code = fail(EXIT_NO, "a server will not load this folder: %s", report.problem);
	if (g->output == OUTPUT_TABLE) {
		int printed = list_table(w.ctx);

		code = printed != 0 ? printed : code;
		json_decref(w.ctx);
	} else {
		print_json(
		    g, json_pack("{so sb so}", "keys", (json_t *)w.ctx, "loads", rc == RC_OK,
			   "problem", rc == RC_OK ? json_null() : show_text(report.problem)));
	}
	return code;
}

/* ---- add ---- */

bool
jwk_bind(json_t *jwk, const struct args *a)
{
	json_t *list = json_array();
	const char *iss;

	for (size_t i = 0; (iss = args_nth(a, "--iss", i)) != NULL; i++)
		(void)json_array_append_new(list, json_string(iss));
	if (json_array_size(list) > 0)
		return json_object_set_new(jwk, "ect_iss", list) == 0;
	json_decref(list);
	if (json_is_array(json_object_get(jwk, "ect_iss")))
		return true;
	(void)fail(EXIT_USAGE, "key \"%s\" is bound to no issuer: give --iss URI",
	    text_member(jwk, "kid"));
	return false;
}

/* By the server's own rules. */
static bool
check_key(const json_t *jwk)
{
	const struct json_limits limits = {.size_max = 65536, .depth_max = 8, .nodes_max = 4096};
	struct json_node *node = NULL;
	struct why why = {0};
	struct key *key = NULL;
	struct arena arena;
	char *text = json_dumps(jwk, JSON_COMPACT);
	bool ok;

	arena_init(&arena, 1024 * 1024);
	ok = text != NULL &&
	     json_parse(bytes_str(text), &limits, true, &arena, &node, &why) == RC_OK &&
	     key_from_jwk(node, &key, &why) == RC_OK;
	if (!ok)
		(void)fail(
		    EXIT_USAGE, "key \"%s\" is refused: %s", text_member(jwk, "kid"), why.text);
	key_free(key);
	arena_release(&arena);
	free(text);
	return ok;
}

/* The same kid may stand for the same key only. */
static bool
merge_key(json_t *keys, json_t *jwk, size_t *added)
{
	static const char *const parts[] = {"kty", "crv", "x", "y"};
	json_t *old;
	size_t i;

	json_array_foreach(keys, i, old)
	{
		if (strcmp(text_member(old, "kid"), text_member(jwk, "kid")) != 0)
			continue;
		for (size_t k = 0; k < 4; k++)
			if (strcmp(text_member(old, parts[k]), text_member(jwk, parts[k])) != 0) {
				(void)fail(EXIT_USAGE,
				    "another key has the kid \"%s\" already; revoke it first, or "
				    "use a new kid",
				    text_member(jwk, "kid"));
				return false;
			}
		*added += !json_equal(old, jwk);
		return json_array_set(keys, i, jwk) == 0;
	}
	*added += 1;
	return json_array_append(keys, jwk) == 0;
}

static bool
add_keys(json_t *into, const json_t *set, const struct args *a, size_t *added)
{
	json_t *jwk;
	size_t i;

	json_array_foreach(json_object_get(set, "keys"), i, jwk)
	{
		if (!jwk_bind(jwk, a))
			return false;
		if (!check_key(jwk) || !merge_key(into, jwk, added))
			return false;
	}
	return true;
}

static int
trust_add(const struct globals *g, const struct args *a, const char *folder)
{
	const char *domain = args_get(a, "--domain");
	json_t *have = NULL, *set = NULL;
	char *path = NULL, *text = NULL;
	size_t added = 0;
	int code = EXIT_USAGE;

	if (domain == NULL)
		return fail(EXIT_USAGE, "add --dir wants --domain DOMAIN");
	if (!domain_ok(domain))
		return fail(EXIT_USAGE,
		    "--domain wants lower-case letters, digits, '.', '_' and '-', not \"%s\"",
		    domain);
	if (asprintf(&path, "%s/%s", folder, domain) < 0)
		return fail(EXIT_USAGE, "out of memory");
	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		(void)fail(EXIT_USAGE, "cannot make %s: %s", path, strerror(errno));
		goto out;
	}
	free(path);
	if (asprintf(&path, "%s/%s/%s", folder, domain, OWN_FILE) < 0) {
		path = NULL;
		goto out;
	}
	have = access(path, F_OK) == 0 ? jwk_set_load(path) : json_pack("{s[]}", "keys");
	if (have == NULL || (set = jwk_set_load(a->operands[1])) == NULL ||
	    !add_keys(json_object_get(have, "keys"), set, a, &added))
		goto out;
	if (added > 0 && ((text = json_dumps(have, JSON_INDENT(1))) == NULL ||
			     !write_file(path, text, strlen(text), 0644)))
		goto out;
	print_json(g,
	    json_pack("{ss ss sI sI}", "domain", domain, "file", path, "added", (json_int_t)added,
		"keys", (json_int_t)json_array_size(json_object_get(have, "keys"))));
	code = EXIT_YES;
out:
	json_decref(have);
	json_decref(set);
	free(text);
	free(path);
	return code;
}

/* ---- revoke ---- */

struct revoke {
	const char *kid;
	json_t *files;
};

static bool
revoke_in(void *ctx, const char *domain, const char *path, json_t *set)
{
	struct revoke *r = ctx;
	json_t *keys = json_object_get(set, "keys");
	size_t before = json_array_size(keys);
	char *text;
	bool ok;

	(void)domain;
	for (size_t i = json_array_size(keys); i-- > 0;)
		if (strcmp(text_member(json_array_get(keys, i), "kid"), r->kid) == 0)
			(void)json_array_remove(keys, i);
	if (json_array_size(keys) == before)
		return true;
	text = json_dumps(set, JSON_INDENT(1));
	ok = text != NULL && write_file(path, text, strlen(text), 0644) &&
	     json_array_append_new(r->files, json_string(path)) == 0;
	free(text);
	return ok;
}

static int
trust_revoke(const struct globals *g, const struct args *a, const char *folder)
{
	struct revoke r = {.files = json_array()};
	struct walk w = {
	    .folder = folder, .domain = args_get(a, "--domain"), .file = revoke_in, .ctx = &r};
	size_t n;

	if (r.files == NULL)
		return fail(EXIT_USAGE, "out of memory");
	r.kid = a->operands[1];
	if (!walk(&w)) {
		json_decref(r.files);
		return EXIT_USAGE;
	}
	n = json_array_size(r.files);
	print_json(g, json_pack("{ss so}", "kid", r.kid, "files", r.files));
	return n > 0 ? EXIT_YES : fail(EXIT_NO, "no key has the kid \"%s\"", r.kid);
}

int
trust_dir_run(const struct globals *g, const struct args *a)
{
	const char *what = a->operands[0];
	char *folder = trust_folder(args_get(a, "--dir"));
	int code;

	if (folder == NULL)
		return fail(EXIT_USAGE, "out of memory");
	if (strcmp(what, "list") == 0)
		code = trust_list(g, a, folder);
	else if (strcmp(what, "add") == 0)
		code = trust_add(g, a, folder);
	else if (strcmp(what, "revoke") == 0)
		code = trust_revoke(g, a, folder);
	else
		code = fail(EXIT_USAGE, "%s needs a server: the folder alone has no history", what);
	free(folder);
	return code;
}
