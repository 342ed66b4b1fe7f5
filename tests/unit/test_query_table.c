/* test_query_table.c - numbers seen, texts kept once. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

#include "query/table.h"

Test(query_table, numbers_keep_the_order_of_their_first_adding)
{
	struct numbers t;

	numbers_init(&t);
	cr_assert_eq(numbers_find(&t, 5), UINT32_MAX);
	for (uint64_t i = 0; i < 100000; i++)
		cr_assert(numbers_add(&t, i * i * 977 + i));
	for (uint64_t i = 0; i < 100000; i++)
		cr_assert_eq(numbers_find(&t, i * i * 977 + i), i);
	cr_assert_eq(numbers_find(&t, 977), UINT32_MAX);
	cr_assert_eq(t.count, 100000u);
	numbers_release(&t);
}

Test(query_table, a_number_added_twice_is_a_bug, .signal = SIGABRT)
{
	struct numbers t;

	numbers_init(&t);
	(void)numbers_add(&t, 1);
	(void)numbers_add(&t, 1);
}

Test(query_table, the_mark_of_an_empty_slot_is_no_number, .signal = SIGABRT)
{
	struct numbers t;

	numbers_init(&t);
	(void)numbers_add(&t, UINT64_MAX);
}

Test(query_table, names_are_kept_once_and_copied)
{
	struct bytes a, b, many[1000];
	struct names t;
	struct arena arena;
	char text[32] = "spiffe://a";

	arena_init(&arena, 1 << 20);
	names_init(&t, &arena);
	cr_assert(names_keep(&t, bytes_str(text), &a));
	text[9] = 'b';
	cr_assert(names_keep(&t, bytes_str(text), &b));
	cr_assert(bytes_is(a, "spiffe://a") && bytes_is(b, "spiffe://b"));
	text[9] = 'a';
	cr_assert(names_keep(&t, bytes_str(text), &b));
	cr_assert_eq(a.p, b.p);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "name-%d", i % 500);
		cr_assert(names_keep(&t, bytes_str(text), &many[i]));
	}
	for (int i = 0; i < 500; i++)
		cr_assert_eq(many[i].p, many[i + 500].p);
	cr_assert_eq(t.count, 502u);
	cr_assert(names_keep(&t, BYTES_NONE, &a) && a.n == 0);
	cr_assert_eq(t.count, 503u);
	names_release(&t);
	arena_release(&arena);
}

Test(query_table, no_room_in_the_arena_is_said)
{
	struct names t;
	struct bytes x;
	struct arena arena;

	arena_init(&arena, 16);
	names_init(&t, &arena);
	cr_assert(names_keep(&t, bytes_str("a"), &x));
	cr_assert_not(names_keep(&t, bytes_str("b"), &x));
	cr_assert(names_keep(&t, bytes_str("a"), &x));
	names_release(&t);
	arena_release(&arena);
}
