/*
 * query.c - what questions cost in large logs: for each shape of graph a server of its own, the graph
 * put in, then every question asked --repeat times, one after the other.
 *
 * Two clocks.  On the wire: from the request to the whole answer in the client's memory.  In the server: how
 * far ectledger_query_microseconds_total moved, less what asking for it costs (the least of some tries).
 *
 * The first question waits until the server has read the log for answers; that is told by itself
 * ("first_ms").
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "tools/ectl/ectl.h"

#define COUNTER "ectledger_query_microseconds_total"
#define ROW_US_MAX                                                                                 \
	(60 * INT64_C(1000000)) /* of one question's repeats; a slow one is asked less often */
#define REPEAT_LEAST 5
#define VALUES_MAX   12
#define BASE_TRIES   20

static const char conf[] =
    "level_min = L1\nquery_nodes_max = 20000000\nquery_bytes_max = 4GiB\nquery_ms_max = 100s\n"
    "deadline_ms_max = 100s\nquery_nice = 0\n"; /* nobody to give way to */

enum subject { FIRST, LAST, TENTH, SOME, PAIR, FLOW, AGENT, NOBODY };
static const char *const subjects[] = {"first", "last", "100,000 behind", "random",
    "first and last", "a workflow", "random agent", "-"};

/* What is asked, about whom, and members by name: "down=1", "scope=failed". */
static const struct question {
	const char *method;
	enum subject about;
	const char *more; /* separated by blanks */
	unsigned shapes;  /* bits 1 << enum graph_shape */
} questions[] = {
#define ALL   ((1u << GRAPH_SHAPES) - 1)
#define BIG   (ALL & ~(1u << GRAPH_MIXED))
#define MIXED (1u << GRAPH_MIXED)
    {"Query/RollbackSet", FIRST, "scope=failed", BIG},
    {"Query/RollbackSet", TENTH, "scope=failed", BIG},
    {"Query/RollbackSet", SOME, "scope=failed", ALL},
    {"Query/Provenance", LAST, "limit=1000", ALL},
    {"Query/Provenance", FIRST, "down=1 limit=1000", BIG},
    {"Query/Provenance", SOME, "depth=3", ALL},
    {"Query/Path", PAIR, "limit=1000", BIG},
    {"Query/Common", PAIR, "", BIG},
    {"Query/Custody", LAST, "", ALL},
    {"Query/Recovery", FLOW, "", ALL},
    {"Query/Trust", AGENT, "", ALL},
    {"Query/TrustAll", NOBODY, "", ALL},
    {"Query/Agents", NOBODY, "limit=100", ALL},
    {"Query/Approvals", FLOW, "", ALL},
    {"Query/Approvals", NOBODY, "", ALL},
    {"Query/Overrides", NOBODY, "", ALL},
    {"Query/Explanations", SOME, "", ALL},
    {"Query/Workflow", FLOW, "", ALL},
    {"Query/Deviations", FLOW, "", ALL},
    {"Query/Conformance", FLOW, "profile=regulated", ALL},
    {"Query/Conformance", NOBODY, "profile=regulated", ALL},
    {"Query/Circuit", NOBODY, "", ALL},
    {"Query/Search", AGENT, "limit=100 brief=1", ALL},
    {"Ledger/GetEntry", SOME, "", ALL},
    {"Ledger/GetReceipt", SOME, "", ALL},
};

struct bench {
	const struct bench_options *o;
	struct graph g;
	struct asker *a;
	double base_us; /* what asking for the counter adds to it */
	uint64_t seed;
	/* of the question being made */
	uint8_t jti[UUID_SIZE], wid[UUID_SIZE], to_jti[UUID_SIZE], to_wid[UUID_SIZE];
	char agent[GRAPH_AGENT_ROOM], text[256];
	struct ask_value values[VALUES_MAX + 1];
	size_t value_count;
};

static void
put(struct bench *b, const char *name, struct bytes bytes, uint64_t number)
{
	must(b->value_count < VALUES_MAX);
	b->values[b->value_count++] = (struct ask_value){name, bytes, number};
	b->values[b->value_count] = (struct ask_value){0};
}

static uint64_t
subject_of(struct bench *b, enum subject about)
{
	const uint64_t n = b->g.count;

	b->seed = b->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	switch (about) {
	case FIRST:
	case PAIR:
		return 0;
	case LAST:
		return n - 1;
	case TENTH:
		return b->g.shape == GRAPH_FANOUT ? 0 : n > 100001 ? n - 100001 : 0;
	default:
		return (b->seed >> 20) % n;
	}
}

static void
question_make(struct bench *b, const struct question *q)
{
	const uint64_t i = subject_of(b, q->about);
	char *save = NULL;

	b->value_count = 0;
	b->values[0] = (struct ask_value){0};
	graph_agent(&b->g, i, b->agent);
	graph_jti(b->g.shape, i, b->jti);
	graph_wid(b->g.shape, i, b->wid);
	if (q->about == AGENT) {
		put(b, "iss", bytes_str(b->agent), 0);
		put(b, "agent", bytes_str(b->agent), 0);
	} else if (q->about != NOBODY) {
		if (q->about != FLOW)
			put(b, "jti", bytes_of(b->jti, UUID_SIZE), 0);
		put(b, "wid", bytes_of(b->wid, UUID_SIZE), 0);
	}
	if (q->about == PAIR) {
		graph_jti(b->g.shape, b->g.count - 1, b->to_jti);
		graph_wid(b->g.shape, b->g.count - 1, b->to_wid);
		put(b, "to_jti", bytes_of(b->to_jti, UUID_SIZE), 0);
		put(b, "to_wid", bytes_of(b->to_wid, UUID_SIZE), 0);
		put(b, "with_jti", bytes_of(b->to_jti, UUID_SIZE), 0);
		put(b, "with_wid", bytes_of(b->to_wid, UUID_SIZE), 0);
	}
	snprintf(b->text, sizeof b->text, "%s", q->more);
	for (char *word = strtok_r(b->text, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');

		must(value != NULL);
		*value++ = '\0';
		put(b, word, bytes_str(value), strtoull(value, NULL, 10));
	}
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
quantile(const double *sorted, size_t n, double p)
{
	size_t i = (size_t)((double)n * p);

	return n == 0 ? 0 : sorted[i < n ? i : n - 1];
}

static json_t *
milliseconds(double us)
{
	char text[32];

	snprintf(text, sizeof text, "%.3f", us / 1000);
	return json_real(strtod(text, NULL));
}

/* One row; NULL: the server is gone. */
static json_t *
question_run(struct bench *b, const struct question *q)
{
	double *wire = calloc(b->o->repeat, sizeof *wire),
	       *server = calloc(b->o->repeat, sizeof *server);
	const int64_t begun = bench_now_us();
	struct ask_result r = {0};
	uint64_t refused = 0, incomplete = 0, bytes = 0;
	size_t n = 0;
	json_t *row = NULL;
	bool ok = wire != NULL && server != NULL;

	for (; ok && n < b->o->repeat && (n < REPEAT_LEAST || bench_now_us() - begun < ROW_US_MAX);
	     n++) {
		double before, after;

		question_make(b, q);
		ok = ask_counter(b->a, COUNTER, &before) && ask(b->a, q->method, b->values, &r) &&
		     ask_counter(b->a, COUNTER, &after);
		if (!ok)
			break;
		wire[n] = (double)r.us;
		server[n] = after - before > b->base_us ? after - before - b->base_us : 0;
		refused += r.refused;
		incomplete += !r.refused && !r.complete;
		bytes = r.bytes > bytes ? r.bytes : bytes;
	}
	if (ok) {
		qsort(wire, n, sizeof *wire, by_value);
		qsort(server, n, sizeof *server, by_value);
		row = json_pack("{ss ss ss ss sI so so so so sI sI sI}", "shape",
		    graph_name(b->g.shape), "method", q->method, "about", subjects[q->about],
		    "with", q->more, "asked", (json_int_t)n, "server_p50_ms",
		    milliseconds(quantile(server, n, 0.5)), "server_p99_ms",
		    milliseconds(quantile(server, n, 0.99)), "wire_p50_ms",
		    milliseconds(quantile(wire, n, 0.5)), "wire_p99_ms",
		    milliseconds(quantile(wire, n, 0.99)), "answer_bytes", (json_int_t)bytes,
		    "incomplete", (json_int_t)incomplete, "refused", (json_int_t)refused);
		if (row != NULL && refused > 0)
			json_object_set_new(row, "refusal", json_string(r.text));
	} else {
		fail(EXIT_UNREACHABLE, "%s was not answered: %s", q->method, r.text);
	}
	free(wire);
	free(server);
	return row;
}

static bool
base_measure(struct bench *b)
{
	double before, after;

	b->base_us = 1e9;
	for (int i = 0; i < BASE_TRIES; i++) {
		if (!ask_counter(b->a, COUNTER, &before) || !ask_counter(b->a, COUNTER, &after))
			return false;
		if (after - before < b->base_us)
			b->base_us = after - before;
	}
	return true;
}

static void
row_tell(const struct bench_options *o, const json_t *row)
{
	static bool head;
	const char *refusal = json_string_value(json_object_get(row, "refusal"));

	if (o->json)
		return;
	if (!head)
		printf("%-7s %-18s %-15s %-18s %6s %11s %11s %11s %11s %12s\n", "shape", "method",
		    "about", "with", "asked", "server p50", "server p99", "wire p50", "wire p99",
		    "bytes");
	head = true;
	printf("%-7s %-18s %-15s %-18s %6lld %11.3f %11.3f %11.3f %11.3f %12lld%s%s\n",
	    json_string_value(json_object_get(row, "shape")),
	    json_string_value(json_object_get(row, "method")),
	    json_string_value(json_object_get(row, "about")),
	    json_string_value(json_object_get(row, "with")),
	    json_integer_value(json_object_get(row, "asked")),
	    json_real_value(json_object_get(row, "server_p50_ms")),
	    json_real_value(json_object_get(row, "server_p99_ms")),
	    json_real_value(json_object_get(row, "wire_p50_ms")),
	    json_real_value(json_object_get(row, "wire_p99_ms")),
	    json_integer_value(json_object_get(row, "answer_bytes")),
	    json_integer_value(json_object_get(row, "incomplete")) > 0 ? " incomplete" : "",
	    refusal != NULL ? refusal : "");
	fflush(stdout);
}

static bool
questions_run(struct bench *b, json_t *out)
{
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		const struct question *q = &questions[i];
		json_t *row;

		if ((q->shapes & 1u << b->g.shape) == 0 || !ask_known(q->method))
			continue;
		if ((row = question_run(b, q)) == NULL)
			return false;
		row_tell(b->o, row);
		if (json_array_append_new(out, row) != 0)
			return false;
	}
	return true;
}

/* The first question after a start: the log is read for answers meanwhile. */
static bool
first_ask(struct bench *b, double *ms)
{
	static const struct question one = {"Query/Provenance", FIRST, "depth=1", ALL};
	struct ask_result r;

	question_make(b, &one);
	if (!ask(b->a, one.method, b->values, &r))
		return fail(EXIT_UNREACHABLE, "the first question was not answered: %s", r.text) ==
		       0;
	*ms = (double)r.us / 1000;
	return true;
}

static bool
shape_run(const struct bench_options *o, enum graph_shape shape, json_t *shapes, json_t *rows)
{
	struct bench b = {.o = o, .g = {shape, o->count, o->agents}, .seed = 7};
	struct bench_options own = *o;
	struct server s = {0};
	struct server_use use;
	double seconds = 0, first = 0;
	bool ok;

	own.conf = conf;
	own.batch = 128;
	own.window = 8192;
	ok = server_start(&s, &own, NULL) && graph_load(&b.g, &own, s.address, &seconds) &&
	     (b.a = asker_open(&own, s.address)) != NULL && first_ask(&b, &first) &&
	     base_measure(&b) && questions_run(&b, rows);
	server_use(&s, &use);
	if (ok)
		json_array_append_new(
		    shapes, json_pack("{ss sI so so sf}", "shape", graph_name(shape), "count",
				(json_int_t)o->count, "loaded_s", milliseconds(seconds * 1e3),
				"first_ms", milliseconds(first * 1000), "rss_mb", use.rss_mb));
	asker_close(b.a);
	if (server_stop(&s) == 0 && ok)
		ok = fail(EXIT_NO, "the server did not stop well") == 0;
	server_remove(&s, o->keep || !ok);
	return ok;
}

int
bench_query(const struct bench_options *o)
{
	json_t *shapes = json_array(), *rows = json_array();
	bool ok = shapes != NULL && rows != NULL, any = false;

	for (int i = 0; i < GRAPH_SHAPES && ok; i++)
		if (strcmp(o->shape, "all") == 0 ||
		    strcmp(o->shape, graph_name((enum graph_shape)i)) == 0) {
			any = true;
			ok = shape_run(o, (enum graph_shape)i, shapes, rows);
		}
	if (ok && !any)
		ok = fail(EXIT_USAGE, "--shape is fanout, chain, dense, mixed or all") == 0;
	if (ok && o->json)
		bench_tell(o, json_pack("{ss sI sO sO}", "scenario", "query", "count",
				  (json_int_t)o->count, "shapes", shapes, "questions", rows));
	else if (ok)
		bench_tell(o, json_pack("{sO}", "shapes", shapes));
	json_decref(shapes);
	json_decref(rows);
	return ok ? EXIT_YES : EXIT_UNREACHABLE;
}
