/*
 * writer.h - the writer thread of a log: keeps arrival order, makes batches, calls seq_step, hands
 * the jobs back.
 *
 * A ticket is taken on the loop thread when a token arrives; its ruling may be ready in any order,
 * but tokens enter the log in ticket order, so that a client that sends a parent before its child
 * on one stream never sees the child refused.  Tokens refused by the judges release their ticket at
 * once. A request's tokens have consecutive tickets and are never split over two batches.
 *
 * A token whose parents are not there yet may wait (wait_ms): it leaves its batch, goes into a bounded
 * pool, and is judged again in the batch after one that admitted a parent it misses.  When its time is
 * over, the writer stops, or the pool has no room for it, it is handed back with RC_UNKNOWN_PARENT
 * and what is missing as of its last judging; when the log stops, with RC_STORE_DOUBT.
 * Waiting is memory only: nothing is promised, nothing is written, and no ticket is held.
 */
#ifndef SEQ_WRITER_H
#define SEQ_WRITER_H

#include "base/clock.h"
#include "base/metric.h"
#include "seq/seq.h"

struct writer;

struct writer_item {
	uint64_t ticket;
	unsigned group_count; /* on the group's first ticket: how many; else 0 */
	/* refused by a judge: takes its turn and is handed back untouched */
	bool skip;
	struct seq_job job;
	unsigned wait_ms;	  /* how long it may wait for its parents; 0: not at all */
	uint64_t client;	  /* whose share of the pool it takes */
	size_t bytes;		  /* what it holds while it waits */
	struct writer_item *next; /* while handed back */
	int64_t deadline_us;	  /* the writer's: 0 until it first waits */
	uint32_t wait_slot;	  /* the pool's; 0: it is not there */
};

struct writer_options {
	/* outstanding tickets; a power of two, at least the number of call slots' tokens */
	size_t tickets_max;
	struct clock clock;
	const struct log_sink *sink;
	/* The pool of waiting tokens; each a hard bound. */
	size_t wait_tokens_max, wait_bytes_max, wait_client_tokens_max;
	/* Gauge; tokens that got in after waiting; that did not.  NULL: not counted. */
	struct metric *waiting, *waited, *wait_refused;
	/* Called on the writer thread with a chain of items whose answers are ready (and durable).
	 * Must not block. */
	void (*done)(void *ctx, struct writer_item *first, size_t count);
	/* Called once when the log stopped after doubt. */
	void (*stopped)(void *ctx, enum rc rc);
	void *ctx;
	struct metric *batches, *entries, *commit_us;
};

enum rc writer_start(
    struct writer **out, struct ledger *ledger, const struct writer_options *options);
/* Any thread: from now on no token waits for a parent; those that do are judged a last time. */
void writer_hurry(struct writer *w);
/* Handle what has been put, then join.  Every ticket taken must have been put. */
void writer_stop(struct writer *w);
/* Loop thread: take 'count' consecutive tickets; the first one.  False: none free (busy). */
bool writer_ticket(struct writer *w, size_t count, uint64_t *first);
/* Any thread: the item's ruling is there (or skip is set). */
void writer_put(struct writer *w, struct writer_item *item);
/*
 * Any thread: events of the log's own (seq_is_event), at most SEQ_BATCH_MAX as a chain by 'next'.  They have
 * no tickets and are the next batch, by themselves: tokens that are held back until a key is written
 * down must not be what the key waits for.  Chains of several callers are kept in order; each comes
 * back through done() as it was given.
 */
void writer_put_events(struct writer *w, struct writer_item *first);

#endif
