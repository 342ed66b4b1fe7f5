/*
 * test_facts_chunks.c - items get memory in whole chunks, zeroed, and never move.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "facts/chunks.h"

Test(facts_chunks, items_are_zero_and_stay_where_they_are)
{
	struct chunks c;
	uint64_t *first, *last;

	cr_assert(chunks_init(&c, sizeof(uint64_t), 16));
	cr_assert(chunks_reserve(&c, 1));
	first = chunks_at(&c, 0);
	cr_expect_eq(*first, 0);
	*first = 7;
	cr_assert(chunks_reserve(&c, 3 * 65536 + 1));
	cr_expect_eq(chunks_at(&c, 0), first);
	last = chunks_at(&c, 3 * 65536);
	cr_expect_eq(*last, 0);
	cr_expect_eq(*first, 7);
	cr_expect_eq(c.bytes, 4 * 65536 * sizeof(uint64_t));
	chunks_release(&c);
	cr_expect_null(c.chunk);
}

Test(facts_chunks, what_is_reserved_is_not_reserved_again)
{
	struct chunks c;

	cr_assert(chunks_init(&c, 3, 16));
	cr_assert(chunks_reserve(&c, 0));
	cr_expect_eq(c.bytes, 0);
	cr_assert(chunks_reserve(&c, 65536));
	cr_assert(chunks_reserve(&c, 5));
	cr_assert(chunks_reserve(&c, 65536));
	cr_expect_eq(c.room, 65536);
	chunks_release(&c);
}

Test(facts_chunks, numbers_that_no_index_can_have_are_refused)
{
	struct chunks c;

	cr_assert(chunks_init(&c, 1, 16));
	cr_expect_not(chunks_reserve(&c, UINT64_C(1) << 32));
	cr_expect_eq(c.bytes, 0);
	chunks_release(&c);
	chunks_release(&c);
}
