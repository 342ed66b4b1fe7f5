/* test_proto_frame.c - frame heads and the wire-form walk. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/testlib.h"
#include "proto/frame.h"

Test(proto_frame, a_head_is_a_zero_and_the_length_big_endian)
{
	uint8_t head[FRAME_HEAD];

	frame_head(head, 0x01020304);
	cr_assert_arr_eq(head, "\0\1\2\3\4", 5);
}

Test(proto_frame, every_cut_of_a_frame_asks_for_more_and_the_whole_is_taken)
{
	uint8_t frame[FRAME_HEAD + 300] = {0};
	size_t total;

	frame_head(frame, 300);
	for (size_t n = 0; n < sizeof(frame); n++) {
		struct bytes cut = test_exact(bytes_of(frame, n));

		cr_assert_eq(frame_peek(cut.p, n, 1000, &total), FRAME_MORE);
		cr_assert_eq(total, n < FRAME_HEAD ? FRAME_HEAD : sizeof(frame));
		test_free(cut);
	}
	cr_assert_eq(frame_peek(frame, sizeof(frame), 1000, &total), FRAME_OK);
	cr_assert_eq(total, sizeof(frame));
}

Test(proto_frame, what_follows_a_frame_is_not_part_of_it)
{
	size_t total;

	cr_assert_eq(frame_peek((const uint8_t *)"\0\0\0\0\1xyz", 8, 10, &total), FRAME_OK);
	cr_assert_eq(total, 6u);
	cr_assert_eq(frame_peek((const uint8_t *)"\0\0\0\0\0", 5, 10, &total), FRAME_OK);
	cr_assert_eq(total, 5u);
}

Test(proto_frame, refuses_a_length_above_the_limit_from_the_head_alone)
{
	uint8_t head[FRAME_HEAD];
	size_t total;

	frame_head(head, 100);
	cr_assert_eq(frame_peek(head, 5, 100, &total), FRAME_MORE);
	frame_head(head, 101);
	cr_assert_eq(frame_peek(head, 5, 100, &total), FRAME_TOO_LONG);
	frame_head(head, UINT32_MAX);
	cr_assert_eq(frame_peek(head, 5, FRAME_MAX_DEFAULT, &total), FRAME_TOO_LONG);
}

Test(proto_frame, refuses_every_flag_from_the_first_byte)
{
	for (unsigned f = 1; f < 256; f++) {
		uint8_t first = (uint8_t)f;
		size_t total;

		cr_assert_eq(frame_peek(&first, 1, 100, &total), FRAME_FLAG);
	}
}

/* Known: fields 1, 2, 3 and 63; field 2 may repeat. */
#define KNOWN	 (UINT64_C(0xe) | UINT64_C(1) << 63)
#define REPEATED UINT64_C(4)

static size_t
scan(const char *hex)
{
	struct bytes x = test_hex(hex), exact = test_exact(x);
	size_t at = frame_scan(exact.p, exact.n, KNOWN, REPEATED, 5);

	test_free(x);
	test_free(exact);
	return at;
}

Test(proto_frame, walks_every_wire_type)
{
	cr_assert_eq(scan(""), 0u);
	cr_assert_eq(scan("0801"), 0u);
	cr_assert_eq(scan("08ffffffffffffffffff01"), 0u);
	cr_assert_eq(scan("090102030405060708"), 0u);
	cr_assert_eq(scan("0d01020304"), 0u);
	cr_assert_eq(scan("0a03616263"), 0u);
	cr_assert_eq(scan("0a00"), 0u);
	cr_assert_eq(scan("f80301"), 0u, "field 63");
	cr_assert_eq(scan("1801"
			  "0801"
			  "1200"
			  "1200"),
	    0u, "any order");
}

Test(proto_frame, a_field_that_does_not_repeat_is_there_once_at_most)
{
	cr_assert_eq(scan("08010801"), 3u);
	cr_assert_eq(scan("0801"
			  "0a00"),
	    3u, "with another wire type too");
	cr_assert_eq(scan("12001200"), 0u);
}

Test(proto_frame, refuses_unknown_fields_wherever_they_are)
{
	cr_assert_eq(scan("2001"), 1u);
	cr_assert_eq(scan("0801"
			  "2001"),
	    3u);
	cr_assert_eq(scan("0001"), 1u, "field 0");
	cr_assert_eq(scan("800401"), 1u, "field 64");
	cr_assert_eq(scan("88808080"
			  "8080808001"
			  "01"),
	    1u, "field 1 plus 2^60");
	cr_assert_eq(scan("880001"), 1u, "field 1, spelled long");
}

Test(proto_frame, refuses_groups_and_wire_types_that_do_not_exist)
{
	cr_assert_eq(scan("0b0c"), 1u);
	cr_assert_eq(scan("0c"), 1u);
	cr_assert_eq(scan("0e00"), 1u);
	cr_assert_eq(scan("0f00"), 1u);
}

Test(proto_frame, refuses_lengths_that_do_not_fit)
{
	cr_assert_eq(scan("08"), 1u);
	cr_assert_eq(scan("0880"), 1u);
	cr_assert_eq(scan("08ffffffffffffffffffff01"), 1u, "eleven bytes");
	cr_assert_eq(scan("08ffffffffffffffffff02"), 1u, "over 64 bits");
	cr_assert_eq(scan("0901020304050607"), 1u);
	cr_assert_eq(scan("0d010203"), 1u);
	cr_assert_eq(scan("0a036162"), 1u);
	cr_assert_eq(scan("0affffffff0f"), 1u);
	cr_assert_eq(scan("0affffffffffffffffff01"), 1u);
	cr_assert_eq(scan("80"), 1u);
}

Test(proto_frame, the_number_of_fields_has_a_limit)
{
	cr_assert_eq(scan("12001200120012001200"), 0u);
	cr_assert_eq(scan("120012001200120012001200"), 11u);
}
