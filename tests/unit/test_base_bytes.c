/* test_base_bytes.c - views, the growing buffer, numbers. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "base/bytes.h"

Test(base_bytes, empty_views_are_equal_whatever_they_point_at)
{
	cr_assert(bytes_eq(BYTES_NONE, bytes_of("x", 0)));
	cr_assert(bytes_is(BYTES_NONE, ""));
	cr_assert_eq(bytes_cmp(BYTES_NONE, bytes_str("")), 0);
}

Test(base_bytes, order_is_bytewise_then_by_length)
{
	cr_assert_lt(bytes_cmp(bytes_str("ab"), bytes_str("abc")), 0);
	cr_assert_gt(bytes_cmp(bytes_str("b"), bytes_str("abc")), 0);
	cr_assert_gt(bytes_cmp(bytes_of("\x80", 1), bytes_of("\x7f", 1)), 0, "bytes are unsigned");
}

Test(base_bytes, a_view_of_something_wants_a_pointer, .signal = SIGABRT)
{
	(void)bytes_of(NULL, 1);
}

Test(base_bytes, a_buffer_fills_to_its_limit_and_not_one_byte_more)
{
	struct buf b;

	buf_init(&b, 1000);
	for (int i = 0; i < 1000; i++)
		buf_add(&b, "x", 1);
	cr_assert_eq(buf_rc(&b), RC_OK);
	cr_assert_eq(buf_bytes(&b).n, 1000u);
	cr_assert_not_null(buf_grow(&b, 0), "nothing more still fits");
	cr_assert_eq(buf_rc(&b), RC_OK);
	buf_add(&b, "x", 1);
	cr_assert_eq(buf_rc(&b), RC_TOO_LARGE);
	buf_release(&b);
}

Test(base_bytes, a_bad_buffer_stays_bad_and_keeps_what_it_had)
{
	struct buf b;

	buf_init(&b, 4);
	buf_add_str(&b, "abc");
	buf_add_str(&b, "de");
	buf_add_str(&b, "f");
	cr_assert_eq(buf_rc(&b), RC_TOO_LARGE);
	cr_assert(bytes_is(buf_bytes(&b), "abc"));
	cr_assert_null(buf_grow(&b, 1));
	cr_assert_null(buf_grow(&b, 0));
	buf_clear(&b);
	buf_add_str(&b, "abcd");
	cr_assert_eq(buf_rc(&b), RC_OK);
	buf_release(&b);
}

Test(base_bytes, a_grown_place_can_be_filled)
{
	struct buf b;
	uint8_t *p;

	buf_init(&b, 0);
	cr_assert_not_null(buf_grow(&b, 0));
	p = buf_grow(&b, 5000);
	cr_assert_not_null(p);
	memset(p, 'y', 5000);
	cr_assert_eq(b.n, 5000u);
	cr_assert_eq(b.p[4999], 'y');
	buf_release(&b);
	cr_assert_null(b.p);
}

Test(base_bytes, an_impossible_size_is_refused_and_does_not_wrap)
{
	struct buf b;

	buf_init(&b, 0);
	buf_add_str(&b, "abc");
	cr_assert_null(buf_grow(&b, SIZE_MAX));
	cr_assert_null(buf_grow(&b, SIZE_MAX - 2));
	cr_assert_eq(buf_rc(&b), RC_NO_MEMORY);
	buf_release(&b);
}

Test(base_bytes, formatted_text_of_any_length_goes_in_whole)
{
	struct buf b;
	char text[1000];

	memset(text, 'z', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	buf_init(&b, 0);
	buf_addf(&b, "%d-%s", 42, "x");
	cr_assert(bytes_is(buf_bytes(&b), "42-x"));
	buf_clear(&b);
	buf_addf(&b, "[%s]", text);
	cr_assert_eq(b.n, sizeof(text) + 1);
	cr_assert_eq(b.p[b.n - 1], ']');
	buf_release(&b);
	buf_init(&b, 4);
	buf_addf(&b, "%s", "abcd");
	cr_assert_eq(buf_rc(&b), RC_OK, "the NUL needs no room of the buffer's");
	buf_release(&b);
}

Test(base_bytes, json_strings_escape_quotes_controls_and_nothing_else)
{
	struct buf b;

	buf_init(&b, 0);
	buf_add_json(&b, bytes_of("a\"b\\c\n\r\t\x01\x7f\x00/\xc3\xbc", 14));
	cr_assert(
	    bytes_is(buf_bytes(&b), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u007f\\u0000/\xc3\xbc\""));
	buf_clear(&b);
	buf_add_json(&b, BYTES_NONE);
	cr_assert(bytes_is(buf_bytes(&b), "\"\""));
	buf_release(&b);
}

Test(base_bytes, numbers_are_big_endian_both_ways)
{
	uint8_t p[8];

	put_u64(p, UINT64_C(0x0102030405060708));
	cr_assert_arr_eq(p, "\1\2\3\4\5\6\7\10", 8);
	cr_assert_eq(get_u64(p), UINT64_C(0x0102030405060708));
	cr_assert_eq(get_u32(p), 0x01020304u);
	cr_assert_eq(get_u16(p), 0x0102u);
	put_u64(p, UINT64_MAX);
	cr_assert_eq(get_u64(p), UINT64_MAX);
	put_u16(p, 0xfffe);
	cr_assert_eq(get_u16(p), 0xfffeu);
}
