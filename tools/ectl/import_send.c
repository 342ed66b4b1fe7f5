/*
 * import_send.c - enrol the agents' keys, then append every signed task, parents first.
 *
 * A server that watches its trust folder sees new keys a moment after they are written.  Until then
 * their tokens are refused as unknown_key, and the tokens after them as unknown_parent; both are
 * cheap to repeat, so after an enrolment the refused rows are sent again, in order, until they are
 * in or the patience is over.
 *
 * States of a row: WAITING -> ACCEPTED | REFUSED.  A round sends the WAITING ones.
 */
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "jwk_private.h"

#define PATIENCE_MS 10000
#define PAUSE_MS    200
#define SHOWN_MAX   5 /* refusals told one by one */

struct round {
	struct import *im;
	size_t *rows; /* which row the round's n-th token is */
	size_t count, answered;
	bool again_allowed, again;
	uint64_t shown;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
enroll(struct import *im, bool *fresh)
{
	const struct private_key **keys = NULL;
	char path[4096];
	size_t added = 0;
	int n;
	bool ok;

	*fresh = false;
	if (im->enroll == NULL || im->agent_count == 0)
		return 0;
	n = snprintf(path, sizeof path, "%s/agents.jwks.json", im->enroll);
	if (n < 0 || (size_t)n >= sizeof path)
		return fail(EXIT_USAGE, "the name of the trust folder is too long");
	if ((keys = calloc(im->agent_count, sizeof *keys)) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	for (size_t i = 0; i < im->agent_count; i++)
		keys[i] = im->agents[i].key;
	ok = jwks_add_all(path, keys, im->agent_count, &added);
	free(keys);
	*fresh = added > 0;
	return ok ? 0 : EXIT_USAGE;
}

/* A key that the server has not read yet, or a task after one of those: answers come in order. */
static bool
may_pass_later(const struct round *r, const char *code)
{
	if (!r->again_allowed || code == NULL)
		return false;
	return strcmp(code, "unknown_key") == 0 ||
	       (r->again && strcmp(code, "unknown_parent") == 0);
}

static void
show_refusal(struct round *r, size_t row, const json_t *answer)
{
	const char *code = json_string_value(json_object_get(answer, "code"));
	const char *message = json_string_value(json_object_get(answer, "message"));

	if (r->shown++ >= SHOWN_MAX)
		return;
	progress_end(r->im->g);
	fail(EXIT_NO, "task %zu was refused: %s: %s", row, code != NULL ? code : "?",
	    message != NULL ? message : "");
}

static void
answered(void *ctx, uint64_t number, json_t *answer)
{
	struct round *r = ctx;
	struct import *im = r->im;
	const char *status = json_string_value(json_object_get(answer, "status"));
	const char *code = json_string_value(json_object_get(answer, "code"));
	size_t row;

	must(number < r->count);
	row = r->rows[number];
	must(row < im->row_count);
	if (status != NULL && strcmp(status, "accepted") == 0) {
		im->rows[row].state = IMPORT_ACCEPTED;
		im->accepted++;
	} else if (may_pass_later(r, code)) {
		r->again = true;
	} else {
		im->rows[row].state = IMPORT_REFUSED;
		im->refused++;
		show_refusal(r, row, answer);
	}
	if (++r->answered % 64 == 0)
		progress(im->g, "importing", im->accepted + im->refused, im->row_count);
}

static int
round_run(struct round *r)
{
	const struct appender_options options = {0};
	struct appender_counts counts = {0};
	struct import *im = r->im;
	struct appender *a = NULL;
	int rc;

	r->count = r->answered = 0;
	r->again = false;
	for (size_t i = 0; i < im->row_count; i++)
		if (im->rows[i].state == IMPORT_WAITING)
			r->rows[r->count++] = i;
	if ((rc = appender_open(im->g, &options, &a, answered, r)) != 0)
		return rc;
	for (size_t i = 0; i < r->count && rc == 0; i++) {
		const char *token = im->rows[r->rows[i]].token;

		rc = appender_send(a, token, strlen(token));
	}
	if (rc == 0)
		rc = appender_finish(a, &counts);
	appender_free(a);
	im->duplicate += counts.duplicate;
	must(rc != 0 || r->answered == r->count);
	return rc;
}

int
import_send(struct import *im)
{
	const struct timespec pause = {0, PAUSE_MS * 1000000L};
	struct round r = {.im = im};
	bool fresh = false;
	int64_t until;
	int rc;

	if ((rc = enroll(im, &fresh)) != 0 || im->row_count == 0)
		return rc;
	if ((r.rows = calloc(im->row_count, sizeof *r.rows)) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	until = now_ms() + PATIENCE_MS;
	do {
		if (fresh)
			nanosleep(&pause, NULL);
		r.again_allowed = fresh && now_ms() < until;
		rc = round_run(&r);
	} while (rc == 0 && r.again);
	progress_end(im->g);
	free(r.rows);
	must(rc != 0 || im->accepted + im->refused == im->row_count);
	return rc;
}
