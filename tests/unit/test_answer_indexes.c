/* test_answer_indexes.c - ascending, once each; nothing gives nothing; no room is said. */
#include <criterion/criterion.h>

#include "answer/indexes.h"

Test(answer_indexes, come_out_ascending_and_once)
{
	static const uint64_t in[] = {9, 3, UINT64_C(1) << 40, 3, 9, 0};
	const uint64_t *out;
	struct arena arena;
	struct buf buf;
	size_t n;

	arena_init(&arena, 4096);
	buf_init(&buf, 0);
	for (size_t i = 0; i < 6; i++)
		indexes_add(&buf, in[i]);
	cr_assert(indexes_give(&buf, &arena, &out, &n));
	cr_assert(n == 4 && out[0] == 0 && out[1] == 3 && out[2] == 9 && out[3] == in[2]);
	buf_init(&buf, 0);
	cr_assert(indexes_give(&buf, &arena, &out, &n) && n == 0);
	arena_release(&arena);
}

Test(answer_indexes, no_room_is_false_and_the_list_is_let_go)
{
	const uint64_t *out;
	struct arena arena;
	struct buf buf;
	size_t n;

	arena_init(&arena, 16);
	buf_init(&buf, 0);
	for (uint64_t i = 0; i < 100; i++)
		indexes_add(&buf, i);
	cr_assert_not(indexes_give(&buf, &arena, &out, &n));
	cr_assert(n == 0 && buf.p == NULL);
	arena_release(&arena);
}
