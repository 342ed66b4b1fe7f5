/*
 * import_agent_runs.c - recorded runs of agent teams, one JSON object a line.
 *
 * A line:  {"run", "question", "mistake_step", "mistake_reason", "history": [{"agent", "role",
 * "content"}, ...]}
 *
 * Each item of the history becomes a task "agent_step" of its agent, after the item before it.  The
 * ledger gets hashes, never the texts: out_hash is SHA-256 of the item's content, inp_hash that of
 * the content before it (the question for the first).
 *
 * The labels are evidence too, by the evaluator, an identity that took no part in the run: a labelled
 * mistake becomes a task "failure" whose only predecessor is the labelled step, with the start of the
 * reason as its summary; the steps before it, which the label clears, get a task "evaluation" that
 * rests on them.  Steps after the mistake rest on it, so nobody vouches for them.  Both come after all
 * steps of their run, so that the steps keep the order and the parents that they had; what depends on
 * the mistake is the steps after it, and the verdict.  With --no-labels there is none of this.
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
#define SUMMARY_MAX   400 /* bytes of the reason; the extension holds 4,096, escapes included */
#define PRED_MAX      100 /* predecessors of a task */

struct run {
	const char *name, *question, *reason;
	char name_room[32];
	size_t question_size, reason_size;
	json_int_t mistake; /* -1: none */
	json_t *history;
	char wid[IMPORT_JTI_SIZE];
	char evaluator[32];
};

/* The label; NULL, or what is wrong with it. */
static const char *
label_read(json_t *o, struct run *r)
{
	const json_t *mistake = json_object_get(o, "mistake_step"),
		     *reason = json_object_get(o, "mistake_reason");

	if (mistake != NULL && !json_is_null(mistake)) {
		if (!json_is_integer(mistake))
			return "\"mistake_step\" must be a number; --no-labels leaves it out";
		r->mistake = json_integer_value(mistake);
		if (r->mistake < 0 || (size_t)r->mistake >= json_array_size(r->history))
			return "\"mistake_step\" is not a step of the history; --no-labels leaves "
			       "it "
			       "out";
	}
	r->reason = json_string_value(reason);
	r->reason_size = json_string_length(reason);
	return NULL;
}

/* The members of a line that matter; NULL, or what is wrong with it. */
static const char *
run_read(json_t *o, bool labels, struct run *r)
{
	const json_t *name = json_object_get(o, "run"), *question = json_object_get(o, "question");

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
	return labels ? label_read(o, r) : NULL;
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

/* The evaluator's name: one that no agent of the run has. */
static void
evaluator_name(struct run *r)
{
	for (unsigned n = 1;; n++) {
		bool taken = false;

		(void)snprintf(
		    r->evaluator, sizeof r->evaluator, n == 1 ? "%s" : "%s-%u", EVALUATOR, n);
		for (size_t i = 0; i < json_array_size(r->history) && !taken; i++) {
			const char *agent = json_string_value(
			    json_object_get(json_array_get(r->history, i), "agent"));

			taken = agent != NULL && strcmp(agent, r->evaluator) == 0;
		}
		if (!taken)
			return;
	}
}

/* One task of the evaluator; takes 'ext'. */
static int
evaluator_sign(struct import *im, const struct run *r, struct token_spec *spec, json_t *ext,
    char jti[IMPORT_JTI_SIZE])
{
	const struct private_key *k = NULL;
	char *text = NULL;
	int rc = import_identity(im, r->evaluator, &k);

	spec->revision = 1;
	spec->wid = r->wid;
	if (rc == 0 && (ext == NULL || (text = json_dumps(ext, JSON_COMPACT)) == NULL))
		rc = fail(EXIT_USAGE, "out of memory");
	spec->ext = text;
	if (rc == 0)
		rc = import_token(im, k, spec, jti);
	free(text);
	json_decref(ext);
	return rc;
}

/* The start of the reason, cut between characters. */
static json_t *
summary_of(const struct run *r)
{
	size_t n = r->reason_size;

	if (r->reason == NULL)
		return NULL;
	if (n > SUMMARY_MAX)
		for (n = SUMMARY_MAX; n > 0 && ((unsigned char)r->reason[n] & 0xc0) == 0x80;)
			n--;
	return json_stringn(r->reason, n);
}

/* The verdict on the labelled step. */
static int
failure_sign(struct import *im, const struct run *r, const char *pred, char jti[IMPORT_JTI_SIZE])
{
	const char *const preds[1] = {pred};
	char out[IMPORT_HASH_SIZE];
	struct token_spec spec = {.act = "failure", .pred = preds, .pred_count = 1};

	if (r->reason != NULL) {
		import_hash(r->reason, r->reason_size, out);
		spec.out_hash = out;
	}
	return evaluator_sign(im, r, &spec,
	    json_pack("{ss ss sb ss sI so*}", "fail_class", "internal", "fail_code",
		"labelled_mistake", "retryable", 0, "run", r->name, "step", r->mistake, "summary",
		summary_of(r)),
	    jti);
}

/* The steps before the mistake were not it: a task rests on them, or several where they are many. */
static int
evaluations_sign(struct import *im, const struct run *r, const json_t *ids, json_t *made)
{
	size_t end = (size_t)r->mistake;
	int rc = 0;

	for (size_t first = 0; first < end && rc == 0; first += PRED_MAX) {
		const char *preds[PRED_MAX];
		struct token_spec spec = {.act = "evaluation", .pred = preds};
		char jti[IMPORT_JTI_SIZE], inp[IMPORT_HASH_SIZE], out[IMPORT_HASH_SIZE];
		const json_t *last;

		while (spec.pred_count < PRED_MAX && first + spec.pred_count < end) {
			preds[spec.pred_count] =
			    json_string_value(json_array_get(ids, first + spec.pred_count));
			spec.pred_count++;
		}
		last = json_object_get(
		    json_array_get(r->history, first + spec.pred_count - 1), "content");
		import_hash(json_string_value(last), json_string_length(last), inp);
		import_hash(r->reason != NULL ? r->reason : "", r->reason_size, out);
		spec.inp_hash = inp;
		spec.out_hash = out;
		rc = evaluator_sign(im, r, &spec,
		    json_pack("{ss sI sI}", "run", r->name, "first_step", (json_int_t)first,
			"steps", (json_int_t)spec.pred_count),
		    jti);
		if (rc == 0 && json_array_append_new(made, json_string(jti)) != 0)
			rc = fail(EXIT_USAGE, "out of memory");
	}
	return rc;
}

/* What the labels say, after the run's steps. */
static int
label_sign(struct import *im, struct run *r, const json_t *ids, char failure[IMPORT_JTI_SIZE],
    json_t *evaluations)
{
	int rc;

	if (r->mistake < 0)
		return 0;
	evaluator_name(r);
	rc = failure_sign(
	    im, r, json_string_value(json_array_get(ids, (size_t)r->mistake)), failure);
	return rc != 0 ? rc : evaluations_sign(im, r, ids, evaluations);
}

static int
run_sign(struct import *im, struct run *r)
{
	char jti[IMPORT_JTI_SIZE], failure[IMPORT_JTI_SIZE], pred[IMPORT_JTI_SIZE] = "";
	const json_t *before = NULL;
	json_t *ids = json_array(), *evaluations = json_array(), *row;
	int rc = 0;

	import_new_uuid(r->wid);
	for (size_t i = 0; i < json_array_size(r->history) && rc == 0; i++) {
		rc = step_sign(im, r, i, before, i > 0 ? pred : NULL, jti);
		if (rc == 0 && json_array_append_new(ids, json_string(jti)) != 0)
			rc = fail(EXIT_USAGE, "out of memory");
		before = json_object_get(json_array_get(r->history, i), "content");
		memcpy(pred, jti, sizeof pred);
	}
	if (rc == 0)
		rc = label_sign(im, r, ids, failure, evaluations);
	if (rc != 0) {
		json_decref(ids);
		json_decref(evaluations);
		return rc;
	}
	im->workflows++;
	row = json_pack("{ss ss so sI ss* so}", "run", r->name, "wid", r->wid, "jtis", ids,
	    "mistake_step", r->mistake, "failure", r->mistake >= 0 ? failure : NULL, "evaluations",
	    evaluations);
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
	if ((problem = run_read(o, !im->no_labels, &r)) != NULL)
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
