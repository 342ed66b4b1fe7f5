/*
 * beside.c - what heavy questions leave of the ingest: a log with --preload tasks; then signed tokens in
 * a closed loop, in turns without and with --questions always under way.
 *
 * Turns, because machines drift: the ratio is that of the medians of ROUNDS turns each.  The askers' own
 * work is not what is measured, so their threads give way to everything else (niceness 19), and they
 * do not look into the answers.  The question: what depends on the task that 100,000 others follow.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/pool.h"
#include "tools/ectl/ectl.h"

#define ROUNDS	    7
#define DESCENDANTS 100000
#define STACK_BYTES ((size_t)256 << 10)

static const char conf[] = "level_min = L1\nquery_nodes_max = 20000000\nquery_bytes_max = 1GiB\n"
			   "query_ms_max = 60s\ndeadline_ms_max = 60s\n";

struct asking {
	const struct bench_options *o;
	const char *address;
	const struct graph *g;
	_Atomic bool stop;
	_Atomic uint64_t answered, refused;
};

static void *
ask_all_the_time(void *ctx)
{
	struct asking *s = ctx;
	const uint64_t i = s->g->count > DESCENDANTS ? s->g->count - 1 - DESCENDANTS : 0;
	const char *method = "Query/RollbackSet";
	uint8_t jti[UUID_SIZE], wid[UUID_SIZE];
	struct asker *a;

	pool_nice(19);
	graph_jti(s->g->shape, i, jti);
	graph_wid(s->g->shape, i, wid);
	if ((a = asker_open(s->o, s->address)) == NULL)
		return NULL;
	while (!atomic_load(&s->stop)) {
		const struct ask_value values[] = {{"jti", bytes_of(jti, sizeof jti), 0},
		    {"wid", bytes_of(wid, sizeof wid), 0}, {"scope", bytes_str("failed"), 0}, {0}};
		struct ask_result r;

		if (!ask(a, method, values, &r))
			break;
		if (r.refused)
			atomic_fetch_add(&s->refused, 1);
		else
			atomic_fetch_add(&s->answered, 1);
	}
	asker_close(a);
	return NULL;
}

/* Whose processor time: a busy machine makes noise of rates, but not of shares. */
enum cpu { ALL_THREADS, ASKERS, FOLLOWER, CPUS };

static void
cpu_add(const struct server *s, double cpu[CPUS], int sign)
{
	cpu[ALL_THREADS] += sign * server_threads_cpu(s, "");
	cpu[ASKERS] += sign * server_threads_cpu(s, "asker");
	cpu[FOLLOWER] += sign * server_threads_cpu(s, "follower");
}

/* A turn's rate; negative: it failed. */
static double
turn(const struct bench_options *o, const struct corpus *c, const struct server *server,
    unsigned number, struct asking *asking, double cpu[CPUS])
{
	const uint64_t part = c->lanes[0].count / (2 * ROUNDS);
	struct load l = {.o = o,
	    .c = c,
	    .address = server->address,
	    .from = number * part,
	    .to = (number + 1) * part};
	pthread_t *threads = calloc(o->questions, sizeof *threads);
	struct load_result r = {0};
	pthread_attr_t attr;
	uint64_t started = 0;
	double rate = -1;
	bool ok;

	must(threads != NULL && pthread_attr_init(&attr) == 0);
	must(pthread_attr_setstacksize(&attr, STACK_BYTES) == 0);
	if (asking != NULL) {
		atomic_store(&asking->stop, false);
		while (started < o->questions &&
		       pthread_create(&threads[started], &attr, ask_all_the_time, asking) == 0)
			started++;
	}
	/* What is still asked when the last token is answered does not count. */
	cpu_add(server, cpu, -1);
	ok = load_run(&l, &r);
	cpu_add(server, cpu, 1);
	if (ok && r.refused == 0 && (asking == NULL || started == o->questions))
		rate = (double)r.acked / r.seconds;
	else
		fail(EXIT_NO, "a turn failed: %s", r.first_refusal);
	if (asking != NULL)
		atomic_store(&asking->stop, true);
	for (uint64_t i = 0; i < started; i++)
		must(pthread_join(threads[i], NULL) == 0);
	(void)pthread_attr_destroy(&attr);
	free(threads);
	free(r.latency_us);
	return rate;
}

static double
median(double v[ROUNDS])
{
	for (int i = 0; i < ROUNDS; i++)
		for (int k = i + 1; k < ROUNDS; k++)
			if (v[k] < v[i]) {
				const double x = v[i];

				v[i] = v[k];
				v[k] = x;
			}
	return v[ROUNDS / 2];
}

static bool
turns(const struct bench_options *o, const struct corpus *c, const struct server *s,
    const struct graph *g)
{
	struct asking asking = {.o = o, .address = s->address, .g = g};
	double alone[ROUNDS], beside[ROUNDS], cpu[CPUS] = {0}, quiet[CPUS] = {0};
	struct ask_result r = {0};
	struct asker *a = asker_open(o, s->address);
	bool ok = a != NULL;
	json_t *j;

	if (ok) { /* until the log has been read for answers */
		const struct ask_value none[] = {{"limit", {0}, 1}, {0}};

		ok = ask(a, "Query/Search", none, &r);
	}
	asker_close(a);
	for (unsigned i = 0; i < ROUNDS && ok; i++) {
		alone[i] = turn(o, c, s, 2 * i, NULL, quiet);
		beside[i] = turn(o, c, s, 2 * i + 1, &asking, cpu);
		ok = alone[i] > 0 && beside[i] > 0;
	}
	if (!ok)
		return false;
	j = json_pack("{ss sI sI sI so so}", "scenario", "load", "count", (json_int_t)o->count,
	    "preload", (json_int_t)o->preload, "questions", (json_int_t)o->questions, "alone",
	    json_array(), "beside", json_array());
	for (int i = 0; i < ROUNDS; i++) {
		json_array_append_new(
		    json_object_get(j, "alone"), json_integer((json_int_t)alone[i]));
		json_array_append_new(
		    json_object_get(j, "beside"), json_integer((json_int_t)beside[i]));
	}
	json_object_set_new(j, "ratio", json_real(median(beside) / median(alone)));
	json_object_set_new(j, "askers_cpu_share", json_real(cpu[ASKERS] / cpu[ALL_THREADS]));
	json_object_set_new(j, "follower_cpu_share", json_real(cpu[FOLLOWER] / cpu[ALL_THREADS]));
	json_object_set_new(j, "answered", json_integer((json_int_t)atomic_load(&asking.answered)));
	json_object_set_new(j, "refused", json_integer((json_int_t)atomic_load(&asking.refused)));
	bench_tell(o, j);
	return true;
}

int
bench_load(const struct bench_options *o)
{
	struct bench_options own = *o, light = *o;
	const struct graph g = {GRAPH_CHAIN, o->preload, 40};
	struct server s = {0};
	struct corpus c = {0};
	double seconds;
	bool ok;

	own.conf = conf;
	light.batch = 128;
	light.window = 8192;
	/* Signed before, since the keys are enrolled with the start; the preload must not take a quarter of an hour. */
	ok = corpus_make(&c, &own, own.connections, own.count / own.connections) &&
	     server_start(&s, &own, &c) && graph_load(&g, &light, s.address, &seconds) &&
	     turns(&own, &c, &s, &g);
	if (server_stop(&s) == 0 && ok)
		ok = fail(EXIT_NO, "the server did not stop well") == 0;
	server_remove(&s, o->keep || !ok);
	corpus_release(&c);
	return ok ? EXIT_YES : EXIT_UNREACHABLE;
}
