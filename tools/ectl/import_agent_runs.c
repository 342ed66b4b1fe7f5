/*
 * import_agent_runs.c - recorded runs of agent teams, one JSON object a line.
 *
 * A line:  {"run", "question", "mistake_step", "mistake_reason", "history": [{"agent", "role",
 * "content"}, ...]}
 *
 * Each item of the history becomes a task "agent_step" of its agent, after the item before it.  The
 * ledger gets hashes, never the texts: out_hash is SHA-256 of the item's content, inp_hash that of
 * the content before it (the question for the first).  A labelled mistake becomes a task "failure"
 * by the evaluator, an identity of its own, whose only predecessor is the labelled step.  It comes
 * after all steps of its run, so that the steps keep the order and the parents that they had; what
 * depends on the mistake is the steps after it, and this verdict.
 */
#include "import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define LINE_MAX_SIZE (64 * 1024 * 1024)
#define STEPS_MAX     100000
#define EVALUATOR     "evaluator"
#define RUN_NAME_MAX  256

struct run {
	const char *name, *question, *reason;
	char name_room[32];
	size_t question_size, reason_size;
	json_int_t mistake; /* -1: none */
	json_t *history;
	char wid[IMPORT_JTI_SIZE];
};

/* The members of a line that matter; NULL, or what is wrong with it. */
static const char *
run_read(json_t *o, struct run *r)
{
	const json_t *name = json_object_get(o, "run"), *question = json_object_get(o, "question");
	const json_t *mistake = json_object_get(o, "mistake_step"),
		     *reason = json_object_get(o, "mistake_reason");

	r->history = json_object_get(o, "history");
	if (!json_is_array(r->history) || json_array_size(r->history) == 0 ||
	    json_array_size(r->history) > STEPS_MAX)
		return "\"history\" must be a list of 1 to 100000 steps";
	if (json_is_integer(name))
		snprintf(
		    r->name_room, sizeof r->name_room, "%lld", (long long)json_integer_value(name));
	r->name = json_is_integer(name) ? r->name_room : json_string_value(name);
	if (r->name == NULL || strlen(r->name) > RUN_NAME_MAX)
		return "\"run\" must be a number or a text of at most 256 bytes";
	r->question = json_string_value(question);
	r->question_size = json_string_length(question);
	r->mistake = -1;
	if (mistake != NULL && !json_is_null(mistake)) {
		if (!json_is_integer(mistake))
			return "\"mistake_step\" must be a number";
		r->mistake = json_integer_value(mistake);
		if (r->mistake < 0 || (size_t)r->mistake >= json_array_size(r->history))
			return "\"mistake_step\" is not a step of the history";
	}
	r->reason = json_string_value(reason);
	r->reason_size = json_string_length(reason);
	return NULL;
}

/* Sign one step; 'before' is the content before it. */
static int
step_sign(struct import *im, const struct run *r, size_t i, const json_t *before, const char *pred,
    char jti[IMPORT_JTI_SIZE])
{
	const json_t *item = json_array_get(r->history, i);
	const char *agent = json_string_value(json_object_get(item, "agent"));
	const char *role = json_string_value(json_object_get(item, "role"));
	const json_t *content = json_object_get(item, "content");
	char inp[IMPORT_HASH_SIZE], out[IMPORT_HASH_SIZE];
	const char *const preds[1] = {pred};
	const struct private_key *k = NULL;
	struct token_spec spec = {.act = "agent_step", .revision = 1, .wid = r->wid, .pred = preds};
	json_t *ext = NULL;
	char *text = NULL;
	int rc;

	if (agent == NULL || !json_is_string(content))
		return fail(EXIT_USAGE, "run %s, step %zu: \"agent\" and \"content\" must be texts",
		    r->name, i);
	if ((rc = import_identity(im, agent, &k)) != 0)
		return rc;
	import_hash(json_string_value(content), json_string_length(content), out);
	spec.out_hash = out;
	if (before != NULL)
		import_hash(json_string_value(before), json_string_length(before), inp);
	else if (r->question != NULL)
		import_hash(r->question, r->question_size, inp);
	spec.inp_hash = before != NULL || r->question != NULL ? inp : NULL;
	spec.pred_count = pred != NULL ? 1 : 0;
	ext = json_pack("{ss sI ss*}", "run", r->name, "step", (json_int_t)i, "role", role);
	if (ext == NULL || (text = json_dumps(ext, JSON_COMPACT)) == NULL) {
		rc = fail(EXIT_USAGE, "out of memory");
	} else {
		spec.ext = text;
		rc = import_token(im, k, &spec, jti);
	}
	free(text);
	json_decref(ext);
	return rc;
}

/* The evaluator's verdict on the labelled step. */
static int
failure_sign(struct import *im, const struct run *r, const char *pred, char jti[IMPORT_JTI_SIZE])
{
	const char *const preds[1] = {pred};
	char out[IMPORT_HASH_SIZE];
	struct token_spec spec = {
	    .act = "failure", .revision = 1, .wid = r->wid, .pred = preds, .pred_count = 1};
	const struct private_key *k = NULL;
	json_t *ext = NULL;
	char *text = NULL;
	int rc;

	if ((rc = import_identity(im, EVALUATOR, &k)) != 0)
		return rc;
	if (r->reason != NULL) {
		import_hash(r->reason, r->reason_size, out);
		spec.out_hash = out;
	}
	ext = json_pack("{ss ss sb ss sI}", "fail_class", "internal", "fail_code",
	    "labelled_mistake", "retryable", 0, "run", r->name, "step", r->mistake);
	if (ext == NULL || (text = json_dumps(ext, JSON_COMPACT)) == NULL) {
		rc = fail(EXIT_USAGE, "out of memory");
	} else {
		spec.ext = text;
		rc = import_token(im, k, &spec, jti);
	}
	free(text);
	json_decref(ext);
	return rc;
}

static int
run_sign(struct import *im, struct run *r)
{
	char jti[IMPORT_JTI_SIZE], failure[IMPORT_JTI_SIZE], labelled[IMPORT_JTI_SIZE] = "",
							     pred[IMPORT_JTI_SIZE] = "";
	const json_t *before = NULL;
	json_t *ids = json_array(), *row;
	int rc = 0;

	import_new_uuid(r->wid);
	for (size_t i = 0; i < json_array_size(r->history) && rc == 0; i++) {
		rc = step_sign(im, r, i, before, i > 0 ? pred : NULL, jti);
		if (rc == 0 && json_array_append_new(ids, json_string(jti)) != 0)
			rc = fail(EXIT_USAGE, "out of memory");
		before = json_object_get(json_array_get(r->history, i), "content");
		memcpy(pred, jti, sizeof pred);
		if (r->mistake >= 0 && (size_t)r->mistake == i)
			memcpy(labelled, jti, sizeof labelled);
	}
	if (rc == 0 && r->mistake >= 0)
		rc = failure_sign(im, r, labelled, failure);
	if (rc != 0) {
		json_decref(ids);
		return rc;
	}
	im->workflows++;
	row = json_pack("{ss ss so sI ss*}", "run", r->name, "wid", r->wid, "jtis", ids,
	    "mistake_step", r->mistake, "failure", r->mistake >= 0 ? failure : NULL);
	return json_array_append_new(im->map, row) == 0 ? 0 : fail(EXIT_USAGE, "out of memory");
}

static int
line_import(struct import *im, const char *line, size_t n, size_t number)
{
	json_error_t error;
	json_t *o = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	struct run r = {0};
	const char *problem;
	int rc;

	if (o == NULL)
		return fail(EXIT_USAGE, "line %zu is not JSON: %s", number, error.text);
	if ((problem = run_read(o, &r)) != NULL)
		rc = fail(EXIT_USAGE, "line %zu: %s", number, problem);
	else
		rc = run_sign(im, &r);
	json_decref(o);
	return rc;
}

int
import_agent_runs(struct import *im, const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t n;
	int rc = 0;

	if (f == NULL)
		return fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	while (rc == 0 && (n = getline(&line, &room, f)) > 0) {
		number++;
		if ((size_t)n > LINE_MAX_SIZE)
			rc = fail(EXIT_USAGE, "line %zu is longer than 64 MiB", number);
		else if (strspn(line, " \t\r\n") != (size_t)n)
			rc = line_import(im, line, (size_t)n, number);
	}
	if (rc == 0 && ferror(f) != 0)
		rc = fail(EXIT_USAGE, "cannot read %s", path);
	if (rc == 0 && im->workflows == 0)
		rc = fail(EXIT_USAGE, "%s holds no run", path);
	free(line);
	if (f != stdin)
		fclose(f);
	return rc;
}
