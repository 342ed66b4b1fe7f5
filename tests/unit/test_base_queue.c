/* test_base_queue.c - the hand-off between threads; see thread_base_queue.c for real contention. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>

#include "base/queue.h"

struct item {
	struct queue_link link;
	int number;
};

static struct item items[10];

static void
fill(struct queue *q, int from, int count)
{
	for (int i = from; i < from + count; i++) {
		items[i].number = i;
		cr_assert(queue_push(q, &items[i].link));
	}
}

static void
expect(struct queue_link *chain, int from, int count)
{
	for (int i = from; i < from + count; i++) {
		cr_assert_not_null(chain);
		cr_assert_eq(((struct item *)(void *)chain)->number, i);
		chain = chain->next;
	}
	cr_assert_null(chain);
}

Test(base_queue, first_in_first_out_in_parts)
{
	struct queue_link *chain;
	struct queue q;

	queue_init(&q, 10);
	fill(&q, 0, 5);
	cr_assert_eq(queue_take(&q, 2, &chain), 2u);
	expect(chain, 0, 2);
	fill(&q, 5, 2);
	cr_assert_eq(queue_try_take(&q, 4, &chain), 4u);
	expect(chain, 2, 4);
	cr_assert_eq(queue_take(&q, 99, &chain), 1u);
	expect(chain, 6, 1);
	cr_assert_eq(queue_try_take(&q, 99, &chain), 0u);
	cr_assert_null(chain);
	fill(&q, 7, 1);
	cr_assert_eq(queue_take(&q, 1, &chain), 1u);
	expect(chain, 7, 1);
	queue_release(&q);
}

Test(base_queue, the_bound_is_exact_and_a_refused_item_stays_the_callers)
{
	struct queue_link *chain;
	struct queue q;

	queue_init(&q, 3);
	fill(&q, 0, 3);
	cr_assert_not(queue_push(&q, &items[3].link));
	cr_assert_eq(queue_count(&q), 3u);
	cr_assert_eq(queue_take(&q, 1, &chain), 1u);
	cr_assert(queue_push(&q, &items[3].link));
	(void)queue_take(&q, 9, &chain);
	queue_release(&q);
}

Test(base_queue, a_chain_goes_in_whole_whatever_the_bound)
{
	struct queue_link *chain;
	struct queue q;

	queue_init(&q, 1);
	for (int i = 0; i < 4; i++) {
		items[i].number = i;
		items[i].link.next = &items[i + 1].link;
	}
	queue_push_chain(&q, &items[0].link, &items[3].link, 4);
	cr_assert_eq(queue_take(&q, 9, &chain), 4u);
	expect(chain, 0, 4);
	queue_release(&q);
}

Test(base_queue, a_closed_queue_refuses_items_and_gives_up_what_it_has)
{
	struct queue_link *chain;
	struct queue q;

	queue_init(&q, 5);
	fill(&q, 0, 2);
	queue_close(&q);
	cr_assert_not(queue_push(&q, &items[2].link));
	cr_assert_eq(queue_take(&q, 9, &chain), 2u);
	cr_assert_eq(queue_take(&q, 9, &chain), 0u);
	cr_assert_null(chain);
	queue_release(&q);
}

static void *
closer(void *q)
{
	queue_close(q);
	return NULL;
}

Test(base_queue, closing_wakes_a_waiter, .timeout = 10)
{
	struct queue_link *chain;
	struct queue q;
	pthread_t t;

	queue_init(&q, 5);
	cr_assert_eq(pthread_create(&t, NULL, closer, &q), 0);
	cr_assert_eq(queue_take(&q, 1, &chain), 0u);
	pthread_join(t, NULL);
	queue_release(&q);
}

Test(base_queue, releasing_a_queue_with_items_in_it_is_a_bug, .signal = SIGABRT)
{
	struct queue q;

	queue_init(&q, 5);
	(void)queue_push(&q, &items[0].link);
	queue_release(&q);
}
