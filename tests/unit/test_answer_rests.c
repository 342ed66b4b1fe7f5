/*
 * test_answer_rests.c - each index once, ascending.
 */
#include <criterion/criterion.h>

#include "answer/rests.h"

Test(answer_rests, indexes_come_ascending_and_once)
{
	struct arena arena;
	struct rests r;

	arena_init(&arena, 1 << 20);
	rests_init(&r, &arena);
	cr_expect(rests_end(&r));
	cr_expect_eq(r.count, 0);
	for (uint64_t i = 0; i < 1000; i++)
		rests_add(&r, i * 7 % 500);
	cr_expect(rests_end(&r));
	cr_assert_eq(r.count, 500);
	for (uint64_t i = 0; i < 500; i++)
		cr_expect_eq(r.items[i], i);
	arena_release(&arena);
}

Test(answer_rests, no_memory_is_seen_at_the_end)
{
	struct arena arena;
	struct rests r;

	arena_init(&arena, 1024);
	rests_init(&r, &arena);
	for (uint64_t i = 0; i < 1000; i++)
		rests_add(&r, i);
	cr_expect_not(rests_end(&r));
	arena_release(&arena);
}
