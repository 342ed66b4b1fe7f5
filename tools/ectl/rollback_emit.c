/*
 * rollback_emit.c - the request to undo, as a token: it rests on the task (or on the failure that tells of it) and
 * says what is asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rollback.h"
#include "token_append.h"

#define SET_MAX 100 /* the kind's own limit */

/* "+2h": from now on; else as time_read(). */
static bool
read_not_after(const char *text, int64_t *s)
{
	int64_t now_ms = (int64_t)time(NULL) * 1000, ms;

	if (!time_read(text[0] == '+' ? text + 1 : text, "--not-after", &ms))
		return false;
	*s = (text[0] == '+' ? 2 * now_ms - ms : ms) / 1000;
	return true;
}

static bool
add_set(const struct args *a, json_t *ext)
{
	json_t *set = json_array();
	const char *one;
	uint8_t id[UUID_SIZE];

	for (size_t i = 0; (one = args_nth(a, "--set", i)) != NULL; i++) {
		if (i == SET_MAX) {
			(void)fail(EXIT_USAGE, "a request names at most %d tasks: ask with --scope",
			    SET_MAX);
			json_decref(set);
			return false;
		}
		if (!args_uuid(one, id, "--set")) {
			json_decref(set);
			return false;
		}
		(void)json_array_append_new(set, json_string(one));
	}
	(void)json_object_set_new(ext, "set", set);
	return true;
}

/* What is asked for: a set, or the scope with its checkpoint. */
static bool
fill_ext(
    const struct args *a, const char *scope, const Ectledger__V1__RollbackReply *r, json_t *ext)
{
	int64_t not_after;

	if (args_has(a, "--set")) {
		if (!add_set(a, ext))
			return false;
	} else {
		(void)json_object_set_new(ext, "scope", json_string(scope));
		if (strcmp(scope, "failed") != 0)
			(void)json_object_set_new(ext, "target_cp", show_uuid(r->checkpoint_jti));
	}
	if (args_has(a, "--idem"))
		(void)json_object_set_new(ext, "idem", json_string(args_get(a, "--idem")));
	if (args_has(a, "--reason"))
		(void)json_object_set_new(ext, "reason", json_string(args_get(a, "--reason")));
	if (args_has(a, "--not-after")) {
		if (!read_not_after(args_get(a, "--not-after"), &not_after))
			return false;
		(void)json_object_set_new(ext, "not_after", json_integer((json_int_t)not_after));
	}
	return true;
}

/* The workflow that the task is in, as text; empty: none.  It stands in the set, whatever the scope. */
static bool
find_wid(const Ectledger__V1__RollbackReply *r, char wid[UUID_TEXT_SIZE])
{
	for (size_t i = 0; i < r->n_order; i++) {
		const Ectledger__V1__RollbackItem *n = r->order[i];

		if (n->jti.len != UUID_SIZE ||
		    memcmp(n->jti.data, r->target_jti.data, UUID_SIZE) != 0 || n->foreign)
			continue;
		wid[0] = '\0';
		if (n->wid.len == UUID_SIZE)
			uuid_text(n->wid.data, wid);
		return true;
	}
	return false;
}

int
rollback_emit(const struct globals *g, const struct args *a, const char *scope)
{
	Ectledger__V1__RollbackReply *reply = NULL;
	struct private_key *key = NULL;
	struct token_spec spec = {.act = "rollback_request", .revision = 1};
	json_t *ext = json_object();
	char wid[UUID_TEXT_SIZE], *text = NULL;
	struct buf token;
	int code;

	buf_init(&token, 0);
	if (!args_has(a, "--key")) {
		code = fail(EXIT_USAGE, "--emit wants --key: somebody has to ask");
		goto out;
	}
	if (args_has(a, "--set") && (args_has(a, "--scope") || args_has(a, "--to"))) {
		code = fail(EXIT_USAGE, "give --set, or --scope and --to");
		goto out;
	}
	if ((code = rollback_ask(g, a, scope, 0, &reply)) != 0)
		goto out;
	code = EXIT_USAGE;
	if (!find_wid(reply, wid)) {
		code = fail(EXIT_NO, "the set is over the limit of one query: give --wid");
		goto out;
	}
	if (!fill_ext(a, scope, reply, ext) || (text = json_dumps(ext, JSON_COMPACT)) == NULL ||
	    (key = private_key_load(args_get(a, "--key"))) == NULL)
		goto out;
	spec.wid = wid[0] != '\0' ? wid : NULL;
	spec.pred = a->operands;
	spec.pred_count = 1;
	spec.ext = text;
	if (!token_make(key, &spec, &token, NULL))
		goto out;
	code = token_append(g, &token);

out:
	buf_release(&token);
	free(text);
	json_decref(ext);
	private_key_free(key);
	rollback_free(reply);
	return code;
}
