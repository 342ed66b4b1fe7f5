/*
 * main.c - ectbench: how fast does a ledger take signed tasks, next to what the same cores can
 * verify at all?
 *
 * ingest, query (query.c), load (beside.c).
 *
 * ingest: sign a corpus; measure the yardstick; start a server on a fresh folder; closed loop for
 * the highest rate; open loop at half of it for latency; the yardstick again (the mean of both is
 * used, because machines drift); stop; count bytes.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "tools/ectl/ectl.h"

struct option_row {
	const char *name, *value, *help;
	enum { TEXT, NUMBER, FLAG } type;
	size_t at;
	uint64_t min, max;
};

#define AT(member) offsetof(struct bench_options, member)
static const struct option_row rows[] = {
    {"--count", "N", "tokens in the closed loop (100000)", NUMBER, AT(count), 100, 20000000},
    {"--workflows", "N", "workflows (1000)", NUMBER, AT(workflows), 1, 10000000},
    {"--fan-in", "MAX", "most predecessors of a task (3)", NUMBER, AT(fan_in), 1, 32},
    {"--alg", "ALG", "ES256 (default), EdDSA, ES384 or mixed (7 ES256 : 3 EdDSA)", TEXT, AT(alg), 0,
	0},
    {"--token-bytes", "N", "about this long; default: no filling", NUMBER, AT(token_bytes), 1,
	5000},
    {"--agents", "N", "agents, each with its key (40; query: 10000)", NUMBER, AT(agents), 1, 10000},
    {"--connections", "N", "connections, one stream each (8)", NUMBER, AT(connections), 1, 1024},
    {"--window", "N", "closed loop: tokens without an answer, all connections (4096)", NUMBER,
	AT(window), 1, 1000000},
    {"--batch", "N", "most tokens in a message (32)", NUMBER, AT(batch), 1, 128},
    {"--open-count", "N", "tokens in the open loop (count/2)", NUMBER, AT(open_count), 1, 20000000},
    {"--no-open", NULL, "no open loop", FLAG, AT(no_open), 0, 0},
    {"--uuid", "v4|v7", "random ids (default) or time-ordered ones", TEXT, AT(uuid), 0, 0},
    {"--shape", "NAME", "query: fanout, chain, dense, mixed or all (default)", TEXT, AT(shape), 0,
	0},
    {"--repeat", "N", "query: how often each question is asked (30)", NUMBER, AT(repeat), 1,
	100000},
    {"--preload", "N", "load: tasks that are in the log before (1000000)", NUMBER, AT(preload), 100,
	20000000},
    {"--questions", "N", "load: questions that are always under way (100)", NUMBER, AT(questions),
	1, 1000},
    {"--folder", "DIR", "where the server's folder is made (TMPDIR, or /var/tmp)", TEXT, AT(folder),
	0, 0},
    {"--keep", NULL, "do not remove that folder", FLAG, AT(keep), 0, 0},
    {"--server", "HOST:PORT", "use this server instead; needs --trust", TEXT, AT(server), 0, 0},
    {"--trust", "DIR", "its trust folder for example.com, to enrol the agents' keys", TEXT,
	AT(trust), 0, 0},
    {"--cert", "FILE", "client certificate, for a server with TLS", TEXT, AT(cert), 0, 0},
    {"--key", "FILE", "its key", TEXT, AT(key), 0, 0},
    {"--ca", "FILE", "the server's CA", TEXT, AT(ca), 0, 0},
};

struct results {
	struct yardstick before, after;
	struct load_result closed, open;
	struct server_use begin, end;
	double rate, open_rate;
	uint64_t bytes;
	double yardstick, evp, cpu_us;
};

static int
usage(FILE *to, int code)
{
	fputs("ectbench ingest|query|load [options] [-o json|table]\n\n"
	      "ingest: durable, verified appends with receipts, beside a bare verify loop on the "
	      "same cores.\n"
	      "query:  what questions cost in logs of --count tasks, for each shape of graph.\n"
	      "load:   ingest with and without --questions heavy questions always under way.\n\n",
	    to);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		fprintf(to, "  %-14s %-10s %s\n", rows[i].name,
		    rows[i].value != NULL ? rows[i].value : "", rows[i].help);
	return code;
}

static bool
number_read(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end = NULL;
	unsigned long long v = strtoull(text, &end, 10);

	if (end == text || *end != '\0' || text[0] == '-' || v < min || v > max)
		return false;
	*out = v;
	return true;
}

/* One option; gives how many arguments it took, 0: unknown or bad. */
static int
option_read(struct bench_options *o, const char *name, const char *value)
{
	char *base = (char *)o;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		if (rows[i].type == FLAG) {
			*(bool *)(void *)(base + rows[i].at) = true;
			return 1;
		}
		if (value == NULL)
			return 0;
		if (rows[i].type == TEXT)
			*(const char **)(void *)(base + rows[i].at) = value;
		else if (!number_read(value, rows[i].min, rows[i].max,
			     (uint64_t *)(void *)(base + rows[i].at)))
			return 0;
		return 2;
	}
	return 0;
}

static int
options_read(struct bench_options *o, int argc, char **argv)
{
	for (int i = 1, took; i < argc; i += took) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			exit(usage(stdout, EXIT_YES));
		took = 1;
		if (strcmp(argv[i], "-o") == 0 && value != NULL) {
			o->json = strcmp(value, "json") == 0;
			took = 2;
		} else if (argv[i][0] != '-' && o->scenario == NULL) {
			o->scenario = argv[i];
		} else if ((took = option_read(o, argv[i], value)) == 0) {
			return fail(EXIT_USAGE,
			    "not an option, or not a value for it: %s; -h tells more", argv[i]);
		}
	}
	if (o->scenario == NULL ||
	    (strcmp(o->scenario, "ingest") != 0 && strcmp(o->scenario, "query") != 0 &&
		strcmp(o->scenario, "load") != 0))
		return usage(stderr, EXIT_USAGE);
	if (strcmp(o->alg, "ES256") != 0 && strcmp(o->alg, "EdDSA") != 0 &&
	    strcmp(o->alg, "ES384") != 0 && strcmp(o->alg, "mixed") != 0)
		return fail(EXIT_USAGE, "--alg is ES256, EdDSA, ES384 or mixed");
	if (strcmp(o->uuid, "v4") != 0 && strcmp(o->uuid, "v7") != 0)
		return fail(EXIT_USAGE, "--uuid is v4 or v7");
	if (o->server != NULL && o->trust == NULL)
		return fail(
		    EXIT_USAGE, "--server needs --trust DIR, or no token would be accepted");
	if (o->agents == 0)
		o->agents = strcmp(o->scenario, "query") == 0 ? 10000 : 40;
	if (o->connections > o->count / 10)
		o->connections = o->count / 10;
	if (o->window / o->connections < o->batch)
		o->batch = o->window / o->connections > 0 ? o->window / o->connections : 1;
	return 0;
}

/* ---- ingest ---- */

static bool
phases(const struct bench_options *o, const struct corpus *c, const struct server *s,
    struct results *r)
{
	const uint64_t closed = o->count / o->connections, all = c->lanes[0].count;
	struct load l = {
	    .o = o, .c = c, .address = o->server != NULL ? o->server : s->address, .to = closed};

	server_use(s, &r->begin);
	if (!load_run(&l, &r->closed))
		return false;
	server_use(s, &r->end);
	if (r->closed.acked == 0)
		return fail(EXIT_NO, "every token was refused: %s", r->closed.first_refusal) == 0;
	r->rate = (double)r->closed.acked / r->closed.seconds;
	if (all == closed)
		return true;
	l.from = closed;
	l.to = all;
	l.rate = r->open_rate = r->rate / 2;
	return load_run(&l, &r->open);
}

static bool
ingest(const struct bench_options *o, struct corpus *c, struct results *r)
{
	const uint64_t open = o->no_open ? 0 : o->open_count > 0 ? o->open_count : o->count / 2;
	struct server s = {0};
	bool ok;

	if (!corpus_make(c, o, o->connections, (o->count + open) / o->connections))
		return false;
	if (!yardstick_measure(&r->before, c, o->threads))
		return fail(EXIT_NO, "the yardstick's own tokens do not verify") == 0;
	if (o->server == NULL) {
		ok = server_start(&s, o, c);
	} else if ((ok = corpus_enroll(c, o->trust))) {
		sleep(2); /* until the server has seen its trust folder change */
	}
	ok = ok && phases(o, c, &s, r);
	if (ok)
		ok = yardstick_measure(&r->after, c, o->threads);
	if (o->server == NULL) {
		r->bytes = server_stop(&s);
		if (ok && r->bytes == 0)
			ok = fail(EXIT_NO, "the server did not stop well") == 0;
		server_remove(&s, o->keep || !ok);
	}
	r->yardstick = (r->before.verifier_per_s + r->after.verifier_per_s) / 2;
	r->cpu_us = (r->before.cpu_us + r->after.cpu_us) / 2;
	r->evp = (r->before.evp_per_s + r->after.evp_per_s) / 2;
	return ok;
}

/* ---- telling ---- */

static void
add(json_t *o, const char *name, double value, int digits)
{
	char text[64];

	snprintf(text, sizeof text, "%.*f", digits, value);
	json_object_set_new(
	    o, name, digits == 0 ? json_integer((json_int_t)value) : json_real(strtod(text, NULL)));
}

static json_t *
as_json(const struct bench_options *o, const struct corpus *c, const struct results *r)
{
	const uint64_t stored = r->closed.acked + r->open.acked;
	const double syncs = (double)(r->end.syncs - r->begin.syncs);
	json_t *j = json_pack(
	    "{ss sI ss}", "scenario", o->scenario, "count", (json_int_t)o->count, "alg", o->alg);

	add(j, "acked", (double)stored, 0);
	add(j, "refused", (double)(r->closed.refused + r->open.refused), 0);
	add(j, "acked_per_s", r->rate, 0);
	add(j, "yardstick_per_s", r->yardstick, 0);
	add(j, "ratio", r->rate / r->yardstick, 3);
	add(j, "plain_evp_per_s", r->evp, 0);
	add(j, "ratio_plain_evp", r->rate / r->evp, 3);
	if (r->open.acked > 0) {
		add(j, "p50_ms", load_quantile_ms(&r->open, 0.5), 3);
		add(j, "p99_ms", load_quantile_ms(&r->open, 0.99), 3);
		add(j, "p999_ms", load_quantile_ms(&r->open, 0.999), 3);
		add(j, "open_rate_per_s", r->open_rate, 0);
	} else {
		json_object_set_new(j, "p50_ms", json_null());
		json_object_set_new(j, "p99_ms", json_null());
		json_object_set_new(j, "p999_ms", json_null());
	}
	add(j, "closed_p50_ms", load_quantile_ms(&r->closed, 0.5), 3);
	add(j, "closed_p99_ms", load_quantile_ms(&r->closed, 0.99), 3);
	if (o->server == NULL) {
		add(j, "server_cpu_s", r->end.cpu_s - r->begin.cpu_s, 2);
		/* Processor time, not clock time: what the server adds to a verification, on a machine with other work too. */
		add(j, "server_cpu_us",
		    (r->end.cpu_s - r->begin.cpu_s) * 1e6 / (double)r->closed.acked, 1);
		add(j, "verify_cpu_us", r->cpu_us, 1);
		add(j, "rss_mb", r->end.rss_mb, 1);
		add(j, "bytes_per_entry", (double)r->bytes / (double)stored, 0);
	} else {
		json_object_set_new(j, "server_cpu_s", json_null());
		json_object_set_new(j, "rss_mb", json_null());
		json_object_set_new(j, "bytes_per_entry", json_null());
	}
	if (syncs > 0)
		add(j, "syncs_per_1000", syncs * 1000.0 / (double)r->closed.acked, 2);
	else
		json_object_set_new(j, "syncs_per_1000", json_null());
	add(j, "token_bytes", c->mean_bytes, 0);
	add(j, "seconds", r->closed.seconds, 3);
	add(j, "sign_s", c->sign_s, 2);
	add(j, "connections", (double)o->connections, 0);
	add(j, "window", (double)o->window, 0);
	add(j, "batch", (double)o->batch, 0);
	add(j, "cores", (double)o->threads, 0);
	return j;
}

void
bench_tell(const struct bench_options *o, json_t *j)
{
	const char *name;
	json_t *value;
	char *text;

	if (o->json) {
		text = json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
		puts(text != NULL ? text : "{}");
		free(text);
		json_decref(j);
		return;
	}
	json_object_foreach(j, name, value)
	{
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
		printf("%-18s %s\n", name, text != NULL ? text : "?");
		free(text);
	}
	json_decref(j);
}

int
main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct bench_options o = {.count = 100000,
	    .workflows = 1000,
	    .fan_in = 3,
	    .alg = "ES256",
	    .uuid = "v4",
	    .shape = "all",
	    .repeat = 30,
	    .preload = 1000000,
	    .questions = 100,
	    .connections = 8,
	    .window = 4096,
	    .batch = 32,
	    .folder = tmp != NULL ? tmp : "/var/tmp",
	    .threads = cores > 0 ? (unsigned)cores : 1,
	    .json = isatty(STDOUT_FILENO) == 0};
	struct results r = {0};
	struct corpus c = {0};
	json_t *j;
	int rc;

	if ((rc = options_read(&o, argc, argv)) != 0)
		return rc;
	if (strcmp(o.scenario, "query") == 0)
		return bench_query(&o);
	if (strcmp(o.scenario, "load") == 0)
		return bench_load(&o);
	rc = EXIT_UNREACHABLE;
	if (ingest(&o, &c, &r)) {
		j = as_json(&o, &c, &r);
		bench_tell(&o, j);
		if (r.closed.refused + r.open.refused > 0)
			fail(EXIT_NO, "first refusal: %s",
			    r.closed.refused > 0 ? r.closed.first_refusal : r.open.first_refusal);
		rc = r.closed.refused + r.open.refused == 0 ? EXIT_YES : EXIT_NO;
	}
	free(r.closed.latency_us);
	free(r.open.latency_us);
	corpus_release(&c);
	return rc;
}
