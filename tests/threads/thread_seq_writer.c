/*
 * thread_seq_writer.c - the writer thread under many putters: every ticket comes back once, in
 * ticket order, groups whole; then the same with tokens whose parents come after them, which wait,
 * and key events in between. A plain program, so that it runs under TSan.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "lib/seq_world.h"
#include "seq/writer.h"

#define THREADS 4
#define ITEMS	3000

struct item {
	struct writer_item w;
	struct world_job j;
};

static struct item items[ITEMS];
static _Atomic unsigned handed_back;
static uint64_t last_index = WORLD_FIRST;
static uint64_t last_ticket;

static void
done(void *ctx, struct writer_item *first, size_t count)
{
	size_t n = 0;

	(void)ctx;
	for (struct writer_item *i = first, *next; i != NULL; i = next, n++) {
		next = i->next;
		must(i->ticket == last_ticket++);
		if (i->skip)
			continue;
		must(i->job.rc == RC_OK);
		must(i->job.receipt.index == last_index++);
	}
	must(n == count);
	atomic_fetch_add(&handed_back, (unsigned)count);
}

static void
stopped(void *ctx, enum rc rc)
{
	(void)ctx;
	must(rc == RC_OK); /* never called: the log must not stop */
}

static struct writer *writer;

static void *
putter(void *arg)
{
	size_t me = (size_t)(uintptr_t)arg;

	/* Each puts every THREADS-th ticket, the last ones first within a stretch: out of order on
	 * purpose. */
	for (size_t base = 0; base < ITEMS; base += THREADS * 50)
		for (size_t k = 50; k-- > 0;) {
			size_t i = base + k * THREADS + me;

			if (i < ITEMS)
				writer_put(writer, &items[i].w);
		}
	return NULL;
}

static void
make(size_t i, uint64_t id, bool has_parent, uint64_t parent)
{
	uint8_t pred[1][16];
	struct token_make m = {.pred = (const uint8_t(*)[16])pred, .pred_count = has_parent};

	token_make_id(id, m.jti);
	token_make_id(parent, pred[0]);
	memset(&items[i], 0, sizeof(items[i]));
	world_job_init(&items[i].j, &m);
	items[i].w.job = items[i].j.job;
}

static void
feed(void)
{
	pthread_t t[THREADS];
	uint64_t ticket;

	for (size_t i = 0; i < ITEMS; i += 3) { /* groups of three */
		must(writer_ticket(writer, 3, &ticket) && ticket == i);
		for (size_t k = 0; k < 3; k++) {
			items[i + k].w.ticket = ticket + k;
			items[i + k].w.group_count = k == 0 ? 3 : 0;
		}
	}
	for (size_t i = 0; i < THREADS; i++)
		must(pthread_create(&t[i], NULL, putter, (void *)(uintptr_t)i) == 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void
until_back(unsigned count)
{
	while (atomic_load(&handed_back) < count)
		sched_yield();
}

/* Each token is the child of the one that was put before it. */
static void
in_order(struct world *w, const struct writer_options *o)
{
	must(writer_start(&writer, w->ledger, o) == RC_OK);
	for (size_t i = 0; i < ITEMS; i++)
		make(i, i, i > 0, i - 1);
	feed();
	until_back(ITEMS);
	writer_stop(writer);
	must(ledger_published(w->ledger) == WORLD_FIRST + ITEMS && last_ticket == ITEMS);
	for (size_t i = 0; i < ITEMS; i++)
		world_job_release(&items[i].j);
}

static void
done_somehow(void *ctx, struct writer_item *first, size_t count)
{
	(void)ctx;
	for (struct writer_item *i = first, *next; i != NULL; i = next) {
		next = i->next;
		must(i->job.rc == RC_OK && !i->job.duplicate);
	}
	atomic_fetch_add(&handed_back, (unsigned)count);
}

/* The same chain, children before their parents: all but the last one wait. */
static void
backwards(struct world *w, struct writer_options *o)
{
	static struct writer_item events[ITEMS / 100];
	struct arena arena;
	uint64_t size = ledger_published(w->ledger);

	arena_init(&arena, 1 << 20);
	atomic_store(&handed_back, 0);
	o->done = done_somehow;
	must(writer_start(&writer, w->ledger, o) == RC_OK);
	for (size_t i = 0; i < ITEMS; i++) {
		make(i, 2 * ITEMS - i, i + 1 < ITEMS, 2 * ITEMS - i - 1);
		items[i].w.wait_ms = 1000000;
		items[i].w.client = i % 7;
		items[i].w.bytes = 10;
	}
	for (size_t i = 0; i < ITEMS / 100; i++) {
		char key[32];

		snprintf(key, sizeof(key), "{\"n\":%zu}", i);
		events[i].job.kind = ENTRY_KEY;
		events[i].job.arena = &arena;
		events[i].job.event = world_event(EVENT_ENROLL, key, 0, &arena);
	}
	for (size_t i = 0; i < ITEMS / 100; i++) {
		events[i].next = i % 10 == 9 ? NULL : &events[i + 1];
	}
	for (size_t i = 0; i < ITEMS / 100; i += 10)
		writer_put_events(writer, &events[i]);
	feed();
	until_back(ITEMS + ITEMS / 100);
	writer_stop(writer);
	must(ledger_published(w->ledger) == size + ITEMS + ITEMS / 100);
	for (size_t i = 0; i < ITEMS; i++)
		world_job_release(&items[i].j);
	arena_release(&arena);
}

int
main(void)
{
	struct writer_options o = {.tickets_max = 4096,
	    .done = done,
	    .stopped = stopped,
	    .wait_tokens_max = ITEMS,
	    .wait_bytes_max = ITEMS * 10,
	    .wait_client_tokens_max = ITEMS};
	struct world w;

	world_open(&w);
	o.clock = clock_real();
	in_order(&w, &o);
	backwards(&w, &o);
	world_close(&w);
	printf("%d tokens from %d threads, each once, in order and backwards\n", ITEMS, THREADS);
	return 0;
}
