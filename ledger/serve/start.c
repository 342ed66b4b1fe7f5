/*
 * start.c - the hall's birth and death.
 *
 * Born in the order that work flows back to front (writers, readers, keeper, verify pool), so that
 * nothing is ever handed to a thread that is not there; ended in the order that it flows: the pool
 * drains into the keeper, the keeper into the writers.
 */
#include "serve/call.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/must.h"
#include "base/random.h"

#define WRITER_TICKETS_MIN 65536

static void
log_stopped(void *ctx, enum rc rc)
{
	struct hall_log *log = ctx;
	struct serve *s = log->serve;

	log_event(s->options.sink, LOG_ERROR, "log_stopped", "log", log->name, "code", rc_label(rc),
	    "do", "the server exits; on restart the log is verified and rolled forward", NULL);
	atomic_store(&s->stopped, true);
	s->options.wake(s->options.ctx);
}

static void *
judge_local(void *ctx)
{
	(void)ctx;
	return trust_judge_new();
}

static void
judge_local_free(void *local)
{
	trust_judge_free(local);
}

static size_t
tickets(const struct serve_options *o)
{
	size_t n = WRITER_TICKETS_MIN;

	while (n < o->calls_max || n < 2 * o->call_tokens_max)
		n *= 2;
	return n;
}

static enum rc
start_writers(struct serve *s, struct why *why)
{
	const struct serve_options *o = &s->options;
	struct metric *batches =
	    metrics_add(o->metrics, "ectledger_batches_total", NULL, "commits");
	struct metric *entries =
	    metrics_add(o->metrics, "ectledger_entries_total", NULL, "entries committed");
	struct metric *us =
	    metrics_add(o->metrics, "ectledger_commit_microseconds_total", NULL, "time in commits");
	struct metric *waited = metrics_add(o->metrics, "ectledger_tokens_waited_total", NULL,
	    "tokens that came in after waiting for predecessors");
	struct metric *wait_refused = metrics_add(o->metrics, "ectledger_wait_refused_total", NULL,
	    "tokens whose predecessors did not come in time, or that had no room to wait");

	for (size_t i = 0; i < s->log_count; i++) {
		struct hall_log *log = &s->logs[i];
		struct writer_options w = {
		    .tickets_max = tickets(o),
		    .wait_tokens_max = o->wait_tokens_max,
		    .wait_bytes_max = o->wait_bytes_max,
		    .wait_client_tokens_max = o->wait_client_tokens_max,
		    .waiting = &log->waiting,
		    .waited = waited,
		    .wait_refused = wait_refused,
		    .clock = o->clock,
		    .sink = o->sink,
		    .done = submit_done,
		    .stopped = log_stopped,
		    .ctx = log,
		    .batches = batches,
		    .entries = entries,
		    .commit_us = us,
		};
		enum rc rc = writer_start(&log->writer, log->ledger, &w);

		if (rc != RC_OK)
			return why_set(
			    why, rc, "writer", NULL, 0, "cannot start the writer of %s", log->name);
	}
	return RC_OK;
}

static unsigned
processors(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > 0 ? (unsigned)cpus : 1;
}

static unsigned
readers_wanted(const struct serve_options *o)
{
	unsigned cores = processors();

	return o->reader_threads ? o->reader_threads : (cores > 4 ? cores / 2 : 2);
}

static enum rc
start_pools(struct serve *s, struct why *why)
{
	const struct serve_options *o = &s->options;
	unsigned cores = processors();
	struct pool_options readers = {
	    .threads = o->reader_threads,
	    .queue_max = o->calls_max,
	    .take_max = 1,
	    .name = "reader",
	};
	struct pool_options askers = readers;
	struct pool_options verify = {
	    .threads = o->verify_threads ? o->verify_threads : cores,
	    /* one part has at least one ticket */
	    .queue_max = tickets(o) * s->log_count,
	    .take_max = 4,
	    .name = "verify",
	    .local_new = judge_local,
	    .local_free = judge_local_free,
	};
	enum rc rc;

	askers.name = "asker";
	askers.nice = (int)o->query_nice;
	if ((rc = pool_start(&s->readers, &readers)) != RC_OK ||
	    (rc = pool_start(&s->askers, &askers)) != RC_OK ||
	    (rc = serve_keeper_start(&s->keeper, s)) != RC_OK ||
	    (rc = pool_start(&s->verify, &verify)) != RC_OK ||
	    (rc = serve_follower_start(&s->follower, s)) != RC_OK)
		return why_set(why, rc, "threads", NULL, 0, "cannot start the worker threads");
	return RC_OK;
}

static void
add_metrics(struct serve *s)
{
	static const char *const labels[RC_COUNT] = {
#define X(name, label, wire, grpc, http, retry, text) [(wire)] = "code=\"" label "\"",
#include "proto/errors.def"
#undef X
	};
	static const char *const measures[QUOTA_MEASURES] = {
	    "measure=\"tokens\"", "measure=\"bytes\"", "measure=\"verifies\""};
	struct metrics *m = s->options.metrics;

	s->calls = metrics_add(m, "ectledger_calls_total", NULL, "calls begun");
	s->refused_calls = metrics_add(m, "ectledger_calls_refused_total", NULL, "calls not begun");
	s->busy = metrics_add(m, "ectledger_calls_busy_total", NULL, "times no slot was free");
	s->queries_us = metrics_add(
	    m, "ectledger_query_microseconds_total", NULL, "time in queries, all readers");
	s->trust_reloads = metrics_add(m, "ectledger_trust_reloads_total", NULL, "trust loads");
	s->trust_failures =
	    metrics_add(m, "ectledger_trust_failures_total", NULL, "trust loads that failed");
	s->key_events =
	    metrics_add(m, "ectledger_key_events_total", NULL, "changes to keys written down");
	for (size_t i = 0; i < QUOTA_MEASURES; i++)
		s->over_quota[i] = metrics_add(
		    m, "ectledger_over_quota_total", measures[i], "requests over a quota");
	for (size_t i = 0; i < RC_COUNT; i++)
		s->tokens[i] =
		    metrics_add(m, "ectledger_tokens_total", labels[i], "tokens answered, by code");
}

static enum rc
make_slots(struct serve *s)
{
	const struct serve_options *o = &s->options;

	s->slots = calloc(o->calls_max, sizeof *s->slots);
	s->logs = calloc(o->log_count, sizeof *s->logs);
	s->doors = calloc((size_t)1 << SERVE_DOORS_BITS, sizeof *s->doors);
	if (s->slots == NULL || s->logs == NULL || s->doors == NULL)
		return RC_NO_MEMORY;
	random_bytes(s->client_salt, sizeof s->client_salt);
	for (size_t i = 0; i < o->calls_max; i++) {
		struct call *call = &s->slots[i];

		call->serve = s;
		arena_init(&call->arena, o->call_bytes_max);
		call->next = s->free;
		s->free = call;
	}
	s->free_count = o->calls_max;
	return RC_OK;
}

static struct quota_rates
rates(uint64_t tokens, uint64_t bytes, uint64_t verifies)
{
	return (struct quota_rates){{tokens, bytes, verifies}};
}

static enum rc
make_logs(struct serve *s)
{
	const struct serve_options *o = &s->options;

	for (size_t i = 0; i < o->log_count; i++) {
		const struct serve_log *from = &o->logs[i];
		const struct policy_rules *r = ledger_rules(from->ledger);
		struct hall_log *log = &s->logs[i];

		log->name = from->name;
		log->serve = s;
		log->ledger = from->ledger;
		log->trust = from->trust;
		log->rates = rates(r->tokens_per_s_max, r->bytes_per_s_max, r->verifies_per_s_max);
		log->client_rates = rates(r->client_tokens_per_s_max, r->client_bytes_per_s_max,
		    r->client_verifies_per_s_max);
		log->clients = quota_clients_new(o->quota_clients_max);
		s->log_count++;
		if (log->clients == NULL ||
		    follow_new(&log->follow,
			&(struct facts_options){.bytes_max = o->facts_bytes_max}) != RC_OK)
			return RC_NO_MEMORY;
	}
	return RC_OK;
}

enum rc
serve_start(struct serve **out, const struct serve_options *options, struct why *why)
{
	struct serve *s = NULL;
	enum rc rc = RC_NO_MEMORY;

	must(options->calls_max > 0 && options->log_count > 0 && options->wake != NULL);
	must(options->quota_clients_max > 0);
	must(options->call_tokens_max > 0 && options->call_tokens_max <= SEQ_BATCH_MAX);
	*out = NULL;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return why_set(why, rc, "memory", NULL, 0, "%s", rc_text(rc));
	s->options = *options;
	s->finished_tail = &s->finished;
	s->options.reader_threads = readers_wanted(options);
	TAILQ_INIT(&s->watches);
	if (s->options.watches_max == 0)
		s->options.watches_max = 256;
	if (s->options.watches_max > s->options.calls_max / 4)
		s->options.watches_max = s->options.calls_max / 4;
	pthread_mutex_init(&s->lock, NULL);
	if ((rc = make_slots(s)) != RC_OK || (rc = make_logs(s)) != RC_OK) {
		why_set(why, rc, "calls_max", NULL, 0, "no memory for the call slots");
		goto out;
	}
	add_metrics(s);
	if ((rc = start_writers(s, why)) != RC_OK)
		goto out;
	if ((rc = start_pools(s, why)) != RC_OK)
		goto out;
	*out = s;
	s = NULL;

out:
	serve_stop(s);
	return rc;
}

void
serve_stop(struct serve *s)
{
	if (s == NULL)
		return;
	pool_stop(s->verify);
	serve_keeper_stop(s->keeper);
	for (size_t i = 0; i < s->log_count; i++)
		writer_stop(s->logs[i].writer);
	pool_stop(s->readers);
	pool_stop(s->askers);
	serve_follower_stop(s->follower);
	for (size_t i = 0; i < s->log_count; i++) {
		quota_clients_free(s->logs[i].clients);
		follow_free(s->logs[i].follow);
	}
	for (size_t i = 0; s->slots != NULL && i < s->options.calls_max; i++) {
		submit_release(&s->slots[i]);
		watch_release(&s->slots[i]);
		arena_release(&s->slots[i].arena);
	}
	pthread_mutex_destroy(&s->lock);
	free(s->doors);
	free(s->slots);
	free(s->logs);
	free(s);
}
