/*
 * thread_seq_writer.c - the writer thread under many putters: every ticket comes back once, in
 * ticket order, groups whole. A plain program, so that it runs under TSan.
 */
#include <pthread.h>
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

int
main(void)
{
	struct world w;
	struct writer_options o = {.tickets_max = 4096, .done = done, .stopped = stopped};
	pthread_t t[THREADS];
	uint64_t ticket;

	world_open(&w);
	o.clock = clock_real();
	must(writer_start(&writer, w.ledger, &o) == RC_OK);
	for (size_t i = 0; i < ITEMS; i++) {
		uint8_t pred[1][16];
		struct token_make m = {0};

		token_make_id(i, m.jti);
		token_make_id(i - 1, pred[0]);
		m.pred = (const uint8_t(*)[16])pred;
		m.pred_count = i > 0;
		world_job_init(&items[i].j, &m);
		items[i].w.job = items[i].j.job;
	}
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
	while (atomic_load(&handed_back) < ITEMS)
		;
	writer_stop(writer);
	must(ledger_published(w.ledger) == WORLD_FIRST + ITEMS && last_ticket == ITEMS);
	for (size_t i = 0; i < ITEMS; i++)
		world_job_release(&items[i].j);
	world_close(&w);
	printf("%d tokens from %d threads, each once, in order\n", ITEMS, THREADS);
	return 0;
}
