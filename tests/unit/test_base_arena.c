/* test_base_arena.c - bounded memory for one call. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"

Test(base_arena, nothing_is_allocated_before_the_first_request)
{
	struct arena a;

	arena_init(&a, 100);
	cr_assert_null(a.first);
	arena_reset(&a);
	arena_release(&a);
}

Test(base_arena, memory_is_aligned_and_does_not_overlap)
{
	struct arena a;
	uint8_t *p[200];

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < 200; i++) {
		p[i] = arena_alloc(&a, i);
		cr_assert_not_null(p[i]);
		cr_assert_eq((uintptr_t)p[i] % 16, 0u);
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t k = 0; k < i; k++)
			cr_assert_eq(p[i][k], (uint8_t)i);
	arena_release(&a);
}

Test(base_arena, the_limit_is_exact)
{
	struct arena a;

	arena_init(&a, 160);
	for (int i = 0; i < 10; i++)
		cr_assert_not_null(arena_alloc(&a, 16));
	cr_assert_null(arena_alloc(&a, 1));
	cr_assert_null(arena_alloc(&a, 0), "a place of its own is a place");
	arena_reset(&a);
	cr_assert_not_null(arena_alloc(&a, 160));
	a.max = 32;
	cr_assert_null(arena_alloc(&a, 1), "an owner may lower the limit");
	arena_release(&a);
}

Test(base_arena, sizes_near_the_end_of_the_number_range_are_refused)
{
	struct arena a;

	arena_init(&a, SIZE_MAX);
	cr_assert_null(arena_alloc(&a, SIZE_MAX));
	cr_assert_null(arena_alloc(&a, SIZE_MAX - 15));
	cr_assert_null(arena_strdup(&a, (struct bytes){(const uint8_t *)"x", SIZE_MAX}));
	arena_release(&a);
}

Test(base_arena, a_reset_keeps_the_first_block_and_uses_it_again)
{
	struct arena a;
	void *first;

	arena_init(&a, 1 << 20);
	first = arena_alloc(&a, 100);
	for (int i = 0; i < 100; i++)
		cr_assert_not_null(arena_alloc(&a, 5000));
	arena_reset(&a);
	cr_assert_eq(a.used, 0u);
	cr_assert_eq(arena_alloc(&a, 100), first);
	cr_assert_eq(a.first, a.last);
	arena_release(&a);
}

Test(base_arena, a_large_request_gets_a_block_of_its_own)
{
	struct arena a;
	uint8_t *p;

	arena_init(&a, 8 << 20);
	cr_assert_not_null(arena_alloc(&a, 10));
	p = arena_alloc(&a, 5 << 20);
	cr_assert_not_null(p);
	memset(p, 1, 5 << 20);
	arena_release(&a);
}

Test(base_arena, copies_are_copies)
{
	struct arena a;
	struct bytes out;
	char text[] = "hello", *s;

	arena_init(&a, 1 << 16);
	cr_assert(arena_dup(&a, bytes_str(text), &out));
	s = arena_strdup(&a, bytes_str(text));
	text[0] = 'j';
	cr_assert(bytes_is(out, "hello"));
	cr_assert_str_eq(s, "hello");
	cr_assert_str_eq(arena_printf(&a, "%s-%d", text, 7), "jello-7");
	cr_assert(arena_dup(&a, BYTES_NONE, &out));
	cr_assert_eq(out.n, 0u);
	arena_release(&a);
}

Test(base_arena, zeroed_memory_is_zero_after_a_reset_too)
{
	struct arena a;
	uint8_t *p;

	arena_init(&a, 1 << 16);
	memset(arena_alloc(&a, 1000), 0xee, 1000);
	arena_reset(&a);
	p = arena_zalloc(&a, 1000);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(p[i], 0);
	arena_release(&a);
}
