/* test_base_scbor.c - deterministic CBOR, item by item (RFC 8949 4.2.1; vectors/cbor/deterministic.json). */
#include <criterion/criterion.h>
#include <string.h>

#include "base/scbor.h"
#include "lib/testlib.h"

#define DEPTH 8

/* A whole message: tags are asked for at the top only, the rest is skipped strictly. */
static bool
accepts(struct bytes x)
{
	struct bytes raw;
	struct scbor r;
	uint64_t tag;
	bool ok;

	scbor_init(&r, x);
	if (scbor_peek(&r) == SCBOR_TAG && !scbor_tag(&r, &tag))
		return false;
	ok = scbor_skip(&r, DEPTH, &raw) && scbor_done(&r);
	cr_assert_eq(ok, ok && !r.bad);
	return ok;
}

Test(base_scbor, accepts_the_good_vectors_except_floats_which_it_refuses_by_design)
{
	json_t *vectors = test_vectors(TEST_DATA, "vectors/cbor/deterministic.json"), *c;
	size_t i, floats = 0, good = 0;

	json_array_foreach(json_object_get(vectors, "good"), i, c)
	{
		struct bytes x = test_hex(json_string_value(json_object_get(c, "hex")));
		bool is_float = x.p[0] >= 0xf9 && x.p[0] <= 0xfb;

		/* Nothing of ours has a float in it, so there is no float to get wrong. */
		cr_assert_eq(
		    accepts(x), !is_float, "%s", json_string_value(json_object_get(c, "diag")));
		floats += is_float;
		good += !is_float;
		test_free(x);
	}
	cr_assert_eq(floats, 9u);
	cr_assert_eq(good, 29u);
	json_decref(vectors);
}

Test(base_scbor, refuses_every_bad_vector)
{
	json_t *vectors = test_vectors(TEST_DATA, "vectors/cbor/deterministic.json"), *c;
	size_t i, count = 0;

	json_array_foreach(json_object_get(vectors, "bad"), i, c)
	{
		struct bytes x = test_hex(json_string_value(json_object_get(c, "hex")));
		const char *about = json_string_value(json_object_get(c, "why"));

		/* A bignum is a tag, and a tag is refused where nobody asks for it: this caller asks for any. */
		if (strstr(about, "bignum") != NULL) {
			struct bytes raw;
			struct scbor r;

			scbor_init(&r, x);
			cr_assert_not(scbor_skip(&r, DEPTH, &raw));
		} else {
			cr_assert_not(accepts(x), "%s", about);
		}
		count++;
		test_free(x);
	}
	cr_assert_eq(count, 41u);
	json_decref(vectors);
}

static const uint64_t edges[] = {0, 1, 23, 24, 255, 256, 65535, 65536, UINT32_MAX,
    (uint64_t)UINT32_MAX + 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};

Test(base_scbor, what_is_written_is_read_back_at_every_edge)
{
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		uint64_t v = 0, tag = 0;
		struct scbor r;
		struct buf b;

		buf_init(&b, 0);
		scbor_put_uint(&b, edges[i]);
		scbor_put_tag(&b, edges[i]);
		scbor_put_null(&b);
		scbor_init(&r, buf_bytes(&b));
		cr_assert(scbor_uint(&r, &v));
		cr_assert(scbor_tag(&r, &tag));
		cr_assert(scbor_null(&r));
		cr_assert(scbor_done(&r));
		cr_assert_eq(v, edges[i]);
		cr_assert_eq(tag, edges[i]);
		buf_release(&b);
	}
}

Test(base_scbor, signed_numbers_keep_their_sign_within_64_bits)
{
	static const int64_t values[] = {
	    0, -1, 23, -24, -25, -256, -257, INT32_MIN, INT64_MAX, INT64_MIN, -65537};
	static const uint8_t too_big[] = {0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t too_big_up[] = {0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0};
	struct scbor r;
	int64_t v;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct buf b;

		buf_init(&b, 0);
		scbor_put_int(&b, values[i]);
		scbor_init(&r, buf_bytes(&b));
		cr_assert(scbor_int(&r, &v) && scbor_done(&r));
		cr_assert_eq(v, values[i]);
		buf_release(&b);
	}
	scbor_init(&r, bytes_of(too_big, 9));
	cr_assert_not(scbor_int(&r, &v));
	scbor_init(&r, bytes_of(too_big_up, 9));
	cr_assert_not(scbor_int(&r, &v));
}

Test(base_scbor, a_record_of_every_type_comes_back)
{
	struct bytes s;
	struct scbor r;
	struct buf b;
	size_t n;
	bool yes = false;

	buf_init(&b, 0);
	scbor_put_map(&b, 2);
	scbor_put_uint(&b, 1);
	scbor_put_bytes(&b, bytes_str("bytes"));
	scbor_put_uint(&b, 2);
	scbor_put_array(&b, 3);
	scbor_put_text(&b, bytes_str("t\xc3\xbc"));
	scbor_put_null(&b);
	buf_add(&b, "\xf5", 1);
	scbor_init(&r, buf_bytes(&b));
	cr_assert_eq(scbor_peek(&r), SCBOR_MAP);
	cr_assert(scbor_map(&r, &n) && n == 2);
	cr_assert(scbor_uint(&r, &(uint64_t){0}));
	cr_assert_eq(scbor_peek(&r), SCBOR_BYTES);
	cr_assert(scbor_bytes(&r, &s) && bytes_is(s, "bytes"));
	cr_assert(scbor_uint(&r, &(uint64_t){0}));
	cr_assert(scbor_array(&r, &n) && n == 3);
	cr_assert_eq(scbor_peek(&r), SCBOR_TEXT);
	cr_assert(scbor_text(&r, &s) && bytes_is(s, "t\xc3\xbc"));
	cr_assert_eq(scbor_peek(&r), SCBOR_NULL);
	cr_assert(scbor_null(&r));
	cr_assert_eq(scbor_peek(&r), SCBOR_BOOL);
	cr_assert(scbor_bool(&r, &yes) && yes);
	cr_assert_eq(scbor_peek(&r), SCBOR_END);
	cr_assert(scbor_done(&r));
	buf_release(&b);
}

Test(base_scbor, another_type_than_wanted_is_refused_and_the_reader_stays_bad)
{
	struct bytes s;
	struct scbor r;
	uint64_t v;

	scbor_init(&r, bytes_str("\x01\x02"));
	cr_assert_not(scbor_text(&r, &s));
	cr_assert_not(scbor_uint(&r, &v), "sticky");
	cr_assert_eq(scbor_peek(&r), SCBOR_BAD);
	cr_assert_not(scbor_done(&r));
}

Test(base_scbor, a_head_alone_can_be_read_where_the_body_is_elsewhere)
{
	struct scbor r;
	struct buf b;
	uint64_t n;

	buf_init(&b, 0);
	scbor_put_bytes_head(&b, 64000);
	scbor_init(&r, buf_bytes(&b));
	cr_assert(scbor_bytes_head(&r, &n));
	cr_assert_eq(n, 64000u);
	cr_assert(scbor_done(&r));
	scbor_init(&r, bytes_of("\x59\x00\xff", 3));
	cr_assert_not(scbor_bytes_head(&r, &n), "not the shortest");
	scbor_init(&r, bytes_of("\x60", 1));
	cr_assert_not(scbor_bytes_head(&r, &n), "a text");
	buf_release(&b);
}

Test(base_scbor, announced_counts_fit_into_the_bytes_that_are_left)
{
	struct scbor r;
	size_t n;

	scbor_init(&r, bytes_str("\x83\x01\x02\x03"));
	cr_assert(scbor_array(&r, &n) && n == 3);
	scbor_init(&r, bytes_str("\x84\x01\x02\x03"));
	cr_assert_not(scbor_array(&r, &n));
	scbor_init(&r, bytes_str("\xa2\x01\x02\x03"));
	cr_assert_not(scbor_map(&r, &n));
	scbor_init(&r, bytes_str("\x43\x01\x02"));
	cr_assert_not(scbor_bytes(&r, &(struct bytes){0}));
}

Test(base_scbor, every_cut_of_a_message_is_refused)
{
	static const char whole[] = "\xa3\x01\x82\x01\x19\x01\x00\x02\x43xyz\x03\x64text";
	size_t n = sizeof(whole) - 1;

	cr_assert(accepts(bytes_of(whole, n)));
	for (size_t cut = 0; cut < n; cut++) {
		struct bytes x = test_exact(bytes_of(whole, cut));

		cr_assert_not(accepts(x), "%zu", cut);
		test_free(x);
	}
}

Test(base_scbor, skipping_gives_the_raw_bytes_and_stops_at_the_depth_limit)
{
	struct bytes raw, s = bytes_str("\x81\x81\x81\x80\x07");
	struct scbor r;
	uint64_t v;

	scbor_init(&r, s);
	cr_assert(scbor_skip(&r, 4, &raw));
	cr_assert_eq(raw.n, 4u);
	cr_assert(scbor_uint(&r, &v) && v == 7 && scbor_done(&r));
	scbor_init(&r, s);
	cr_assert_not(scbor_skip(&r, 3, &raw));
	scbor_init(&r, bytes_str("\x07"));
	cr_assert(scbor_skip(&r, 0, NULL));
}

Test(base_scbor, skipping_checks_the_order_of_keys_at_every_level)
{
	cr_assert(accepts(bytes_str("\x82\xa2\x01\x02\x03\x04\xa1\x01\xa2\x01\x01\x02\x02")));
	cr_assert_not(accepts(bytes_str("\x82\xa2\x01\x02\x03\x04\xa1\x01\xa2\x02\x01\x01\x02")));
	cr_assert_not(accepts(bytes_str("\xa2\x81\x01\x05\x81\x01\x06")), "equal keys, containers");
}

Test(base_scbor, a_tag_is_refused_where_none_was_asked_for)
{
	struct scbor r;

	scbor_init(&r, bytes_str("\xd2\x80"));
	cr_assert_not(scbor_array(&r, &(size_t){0}));
	scbor_init(&r, bytes_str("\x81\xd2\x80"));
	cr_assert_not(scbor_skip(&r, 8, NULL));
}

Test(base_scbor, every_tag_is_read_and_must_stand_before_something)
{
	for (uint64_t t = 0; t < 300; t++) {
		uint64_t got = 0;
		struct scbor r;
		struct buf b;

		buf_init(&b, 0);
		scbor_put_tag(&b, t);
		scbor_init(&r, buf_bytes(&b));
		cr_assert_not(scbor_tag(&r, &got));
		scbor_put_null(&b);
		scbor_init(&r, buf_bytes(&b));
		cr_assert(scbor_tag(&r, &got));
		cr_assert_eq(got, t);
		buf_release(&b);
	}
}

Test(base_scbor, no_input_is_an_end_and_not_a_value)
{
	struct scbor r;

	scbor_init(&r, BYTES_NONE);
	cr_assert_eq(scbor_peek(&r), SCBOR_END);
	cr_assert(scbor_done(&r));
	cr_assert_not(scbor_uint(&r, &(uint64_t){0}));
	cr_assert_not(scbor_done(&r));
}

/* ---- walking with limits ---- */

static enum scbor_verdict
walk(const char *hex, unsigned depth_max, size_t items_max)
{
	struct bytes raw = test_hex(hex), whole = BYTES_NONE;
	enum scbor_verdict verdict;
	struct scbor r;

	scbor_init(&r, raw);
	verdict = scbor_walk(&r, depth_max, items_max, &whole);
	cr_expect_eq(r.bad, verdict != SCBOR_GOOD, "%s", hex);
	if (verdict == SCBOR_GOOD)
		cr_expect(whole.p == raw.p && whole.n == r.at, "%s", hex);
	test_free(raw);
	return verdict;
}

Test(base_scbor, a_walk_tells_wrong_bytes_from_its_limits)
{
	cr_expect_eq(walk("00", 0, 1), SCBOR_GOOD);
	cr_expect_eq(walk("00", 0, 0), SCBOR_TOO_MANY);
	cr_expect_eq(walk("80", 0, 9), SCBOR_TOO_DEEP);
	cr_expect_eq(walk("80", 1, 1), SCBOR_GOOD);
	/* {1: [2, 3]}: map, key, array and two items */
	cr_expect_eq(walk("a101820203", 2, 5), SCBOR_GOOD);
	cr_expect_eq(walk("a101820203", 2, 4), SCBOR_TOO_MANY);
	cr_expect_eq(walk("a101820203", 1, 5), SCBOR_TOO_DEEP);
	cr_expect_eq(walk("a10182021803", 2, 5), SCBOR_WRONG);
	cr_expect_eq(walk("a202000100", 2, 9), SCBOR_WRONG);
	cr_expect_eq(walk("c100", 2, 9), SCBOR_WRONG);
	cr_expect_eq(walk("a101", 2, 9), SCBOR_WRONG);
	cr_expect_eq(walk("", 2, 9), SCBOR_WRONG);
	/* limits are met before what lies behind them */
	cr_expect_eq(walk("8381ff0000", 1, 9), SCBOR_TOO_DEEP);
}
