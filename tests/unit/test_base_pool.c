/* test_base_pool.c - threads that do work items; see thread_base_pool.c for load. */
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/pool.h"

static _Atomic int made, freed, done;
static sem_t gate;

static void *
local_new(void *ctx)
{
	int limit = *(int *)ctx;

	if (limit >= 0 && made >= limit)
		return NULL;
	made++;
	return malloc(1);
}

static void
local_free(void *local)
{
	freed++;
	free(local);
}

static void
run(struct pool_work *work, void *local)
{
	(void)work;
	cr_assert_not_null(local);
	done++;
}

static void
run_behind_gate(struct pool_work *work, void *local)
{
	(void)work;
	(void)local;
	(void)sem_wait(&gate);
	done++;
}

static struct pool_options
options(int *limit)
{
	return (struct pool_options){.threads = 3,
	    .queue_max = 4,
	    .take_max = 1,
	    .name = "test",
	    .local_new = local_new,
	    .local_free = local_free,
	    .ctx = limit};
}

Test(base_pool, stopping_finishes_what_was_queued_and_frees_every_local)
{
	struct pool_work work[4] = {{.run = run}, {.run = run}, {.run = run}, {.run = run}};
	int limit = -1;
	struct pool_options o = options(&limit);
	struct pool *pool;

	cr_assert_eq(pool_start(&pool, &o), RC_OK);
	for (int i = 0; i < 4; i++)
		cr_assert(pool_submit(pool, &work[i]));
	pool_stop(pool);
	cr_assert_eq(done, 4);
	cr_assert_eq(made, 3);
	cr_assert_eq(freed, 3);
}

Test(base_pool, a_full_queue_says_so, .timeout = 10)
{
	struct pool_work work[8];
	int limit = -1, taken = 0;
	struct pool_options o = options(&limit);
	struct pool *pool;

	cr_assert_eq(sem_init(&gate, 0, 0), 0);
	cr_assert_eq(pool_start(&pool, &o), RC_OK);
	/* Three threads hold one each, four wait: the eighth cannot be in. */
	for (int i = 0; i < 8; i++) {
		work[i] = (struct pool_work){.run = run_behind_gate};
		taken += pool_submit(pool, &work[i]);
	}
	cr_assert(taken >= 4 && taken <= 7, "%d", taken);
	for (int i = 0; i < taken; i++)
		(void)sem_post(&gate);
	pool_stop(pool);
	cr_assert_eq(done, taken);
}

Test(base_pool, a_pool_whose_locals_cannot_all_be_made_does_not_start)
{
	int limit = 2;
	struct pool_options o = options(&limit);
	struct pool *pool = (struct pool *)&limit;

	cr_assert_eq(pool_start(&pool, &o), RC_NO_MEMORY);
	cr_assert_null(pool);
	cr_assert_eq(made, 2);
	cr_assert_eq(freed, 2);
	pool_stop(NULL);
}
