/*
 * thread_base_queue.c - many producers, many consumers, for ThreadSanitizer: nothing lost, nothing
 * twice, order kept.
 *
 * Each producer's items must come out in the order in which it pushed them; producers push singly
 * (and wait when the queue is full) or as chains.  What the items carry is plain memory: the queue
 * alone makes the hand-off safe.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "base/queue.h"

#define PRODUCERS 4
#define CONSUMERS 3
#define ITEMS	  5000
#define BOUND	  64

struct item {
	struct queue_link link;
	unsigned producer, number;
	unsigned payload; /* written by the producer, changed by the consumer */
};

struct test {
	struct queue queue;
	struct item items[PRODUCERS][ITEMS];
};

struct producer {
	struct test *test;
	unsigned number;
};

struct consumer {
	struct test *test;
	size_t taken;
	long last[PRODUCERS];
};

static void
push_one(struct test *t, struct item *item)
{
	while (!queue_push(&t->queue, &item->link))
		(void)sched_yield();
}

static void *
produce(void *arg)
{
	struct producer *p = arg;
	struct item *items = p->test->items[p->number];
	unsigned i, k;

	for (i = 0; i < ITEMS; i++) {
		items[i].producer = p->number;
		items[i].number = i;
		items[i].payload = i;
	}
	for (i = 0; i < ITEMS;) {
		unsigned n = i % 7 == 6 && i + 5 <= ITEMS ? 5 : 1;

		if (n == 1) {
			push_one(p->test, &items[i++]);
			continue;
		}
		for (k = i; k + 1 < i + n; k++)
			items[k].link.next = &items[k + 1].link;
		queue_push_chain(&p->test->queue, &items[i].link, &items[i + n - 1].link, n);
		i += n;
	}
	return NULL;
}

static void *
consume(void *arg)
{
	struct consumer *c = arg;
	struct queue_link *chain;
	size_t n;

	while ((n = queue_take(&c->test->queue, 10, &chain)) > 0) {
		must(n <= 10);
		for (; chain != NULL; chain = chain->next, n--) {
			struct item *item = (struct item *)(void *)chain;

			/* One consumer sees one producer's items in order, though not all of them. */
			must((long)item->number > c->last[item->producer]);
			c->last[item->producer] = (long)item->number;
			must(item->payload == item->number);
			item->payload = ~item->number;
			c->taken++;
		}
		must(n == 0);
	}
	return NULL;
}

int
main(void)
{
	struct test *t = calloc(1, sizeof(*t));
	pthread_t threads[PRODUCERS + CONSUMERS];
	struct producer producers[PRODUCERS];
	struct consumer consumers[CONSUMERS];
	size_t taken = 0;
	unsigned i, k;

	must(t != NULL);
	queue_init(&t->queue, BOUND);
	for (i = 0; i < CONSUMERS; i++) {
		consumers[i] = (struct consumer){.test = t};
		for (k = 0; k < PRODUCERS; k++)
			consumers[i].last[k] = -1;
		must(pthread_create(&threads[PRODUCERS + i], NULL, consume, &consumers[i]) == 0);
	}
	for (i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){t, i};
		must(pthread_create(&threads[i], NULL, produce, &producers[i]) == 0);
	}
	for (i = 0; i < PRODUCERS; i++)
		must(pthread_join(threads[i], NULL) == 0);
	queue_close(&t->queue);
	for (i = 0; i < CONSUMERS; i++) {
		must(pthread_join(threads[PRODUCERS + i], NULL) == 0);
		taken += consumers[i].taken;
	}
	must(taken == (size_t)PRODUCERS * ITEMS);
	for (i = 0; i < PRODUCERS; i++)
		for (k = 0; k < ITEMS; k++)
			must(t->items[i][k].payload == ~k);
	queue_release(&t->queue);
	free(t);
	(void)printf("%zu items\n", taken);
	return 0;
}
