/*
 * test_claim_claim_ext.c - a CBOR extension as JSON text: one spelling, nothing rounded, every
 * limit at its edge.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scbor.h"
#include "claim/claim.h"
#include "lib/cose_make.h"
#include "lib/testlib.h"

#define EXT "676563745f657874" /* "ect_ext" */
#define OLD "63657874"	       /* "ext" */

struct fix {
	struct arena arena;
	struct token token;
	struct claim claim;
	struct why why;
	struct bytes raw;
};

static struct fix *
fix_new(void)
{
	struct fix *f = calloc(1, sizeof(*f));

	cr_assert_not_null(f);
	arena_init(&f->arena, 4 << 20);
	return f;
}

static void
fix_free(struct fix *f)
{
	arena_release(&f->arena);
	test_free(f->raw);
	free(f);
}

static enum rc
read_with(struct fix *f, const struct cose_claim *claims, const char *tail, unsigned pairs)
{
	struct bytes payload = cose_make_payload(claims, tail, pairs);
	enum rc rc;

	test_free(f->raw);
	f->raw = cose_make(payload);
	test_free(payload);
	arena_reset(&f->arena);
	memset(&f->why, 0, sizeof(f->why));
	rc = token_parse(f->raw, &f->arena, &f->token, &f->why);
	cr_assert_eq(rc, RC_OK, "%s: %s", tail == NULL ? "" : tail, f->why.text);
	return claim_read(&f->token, &f->arena, &f->claim, &f->why);
}

/* The extension of {"ect_ext": item}, or NULL in 'want' where it is refused. */
static void
expect(struct fix *f, const char *item, const char *want)
{
	char tail[4096];
	enum rc rc;

	cr_assert((size_t)snprintf(tail, sizeof(tail), EXT "%s", item) < sizeof(tail));
	rc = read_with(f, NULL, tail, 1);
	if (want == NULL) {
		cr_expect_eq(rc, RC_BAD_CLAIM, "%s: %s", item, rc_label(rc));
		cr_expect_str_eq(f->why.claim == NULL ? "" : f->why.claim, "ect_ext");
		return;
	}
	cr_expect_eq(rc, RC_OK, "%s: %s", item, f->why.text);
	if (rc == RC_OK)
		cr_expect(bytes_is(f->claim.ext, want), "%s: %.*s", item, (int)f->claim.ext.n,
		    (const char *)f->claim.ext.p);
}

Test(claim_claim_ext, every_type_has_one_spelling)
{
	struct fix *f = fix_new();

	expect(f, "a0", "{}");
	expect(f, "a1616100", "{\"a\":0}");
	expect(f, "a161611903e8", "{\"a\":1000}");
	expect(f, "a1616120", "{\"a\":-1}");
	expect(f, "a16161f5", "{\"a\":true}");
	expect(f, "a16161f4", "{\"a\":false}");
	expect(f, "a16161f6", "{\"a\":null}");
	expect(f, "a1616160", "{\"a\":\"\"}");
	expect(f, "a1616163c3a92f", "{\"a\":\"\xc3\xa9/\"}");
	expect(f, "a1616164225c0a7f", "{\"a\":\"\\\"\\\\\\n\\u007f\"}");
	expect(f, "a1616140", "{\"a\":\"\"}");
	expect(f, "a1616142fbff", "{\"a\":\"-_8\"}");
	expect(f, "a1616180", "{\"a\":[]}");
	expect(f, "a16161a0", "{\"a\":{}}");
	expect(f, "a161618301826162f640", "{\"a\":[1,[\"b\",null],\"\"]}");
	expect(f, "a2616101616202", "{\"a\":1,\"b\":2}");
	expect(f, "a2617aa1617900626161820203", "{\"z\":{\"y\":0},\"aa\":[2,3]}");
	expect(f, "a16000", "{\"\":0}");
	fix_free(f);
}

Test(claim_claim_ext, gives_nodes_that_say_the_same)
{
	struct fix *f = fix_new();
	const struct json_node *a;

	cr_assert_eq(read_with(f, NULL, EXT "a1616182f5187b", 1), RC_OK, "%s", f->why.text);
	a = json_member(f->claim.ext_json, "a");
	cr_assert_not_null(a);
	cr_assert_eq(a->type, JSN_ARRAY);
	cr_expect_eq(a->count, 2);
	cr_expect_eq(a->child->type, JSN_TRUE);
	cr_expect(bytes_is(a->child->next->text, "123"));
	fix_free(f);
}

Test(claim_claim_ext, refuses_what_json_cannot_say_exactly)
{
	struct fix *f = fix_new();

	expect(f, "a161611b001fffffffffffff", "{\"a\":9007199254740991}");
	expect(f, "a161611b0020000000000000", NULL);
	expect(f, "a161611bffffffffffffffff", NULL);
	expect(f, "a161613b001ffffffffffffe", "{\"a\":-9007199254740991}");
	expect(f, "a161613b001fffffffffffff", NULL);
	expect(f, "a161613bffffffffffffffff", NULL);
	expect(f, "a161616100", NULL);	 /* NUL in text */
	expect(f, "a1610000", NULL);	 /* NUL in a key */
	expect(f, "a10000", NULL);	 /* a key that is a number */
	expect(f, "a1416100", NULL);	 /* bytes */
	expect(f, "a16161a1f500", NULL); /* true, further in */
	expect(f, "80", NULL);
	expect(f, "00", NULL);
	expect(f, "f6", NULL);
	expect(f, "6161", NULL);
	fix_free(f);
}

Test(claim_claim_ext, has_five_levels_and_not_six)
{
	struct fix *f = fix_new();

	expect(f, "a1616181818180", "{\"a\":[[[[]]]]}");
	expect(f, "a161618181818100", "{\"a\":[[[[0]]]]}");
	expect(f, "a161618181818180", NULL);
	expect(f, "a16161a16161a16161a16161a0", "{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}");
	expect(f, "a16161a16161a16161a16161a16161a0", NULL);
	/* a key from 309 on is a member of the object, so its value has four */
	cr_expect_eq(
	    read_with(f, (const struct cose_claim[]){{309, "81818180"}, {0, NULL}}, NULL, 0), RC_OK,
	    "%s", f->why.text);
	cr_expect_eq(
	    read_with(f, (const struct cose_claim[]){{309, "8181818180"}, {0, NULL}}, NULL, 0),
	    RC_BAD_CLAIM);
	fix_free(f);
}

Test(claim_claim_ext, further_keys_are_members_under_their_number)
{
	static const struct {
		struct cose_claim claims[4];
		const char *tail;
		unsigned pairs;
		const char *want;
	} rows[] = {
	    {{{309, "6161"}}, NULL, 0, "{\"309\":\"a\"}"},
	    {{{309, "f5"}, {310, "80"}, {70000, "41ff"}}, NULL, 0,
		"{\"309\":true,\"310\":[],\"70000\":\"_w\"}"},
	    {{{309, "00"}}, EXT "a1616101", 1, "{\"309\":0,\"a\":1}"},
	    {{{309, "00"}}, EXT "a0", 1, "{\"309\":0}"},
	    {{{309, "00"}}, OLD "a1616101", 1, "{\"309\":0,\"a\":1}"},
	    {{{308, "822f582000000000000000000000000000000000000000000000000000000000000000"
		    "00"},
		 {309, "00"}},
		NULL, 0, "{\"309\":0}"},
	    {{{UINT64_MAX, "00"}}, NULL, 0, "{\"18446744073709551615\":0}"},
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum rc rc = read_with(f, rows[i].claims, rows[i].tail, rows[i].pairs);

		cr_assert_eq(rc, RC_OK, "row %zu: %s", i, f->why.text);
		cr_expect(bytes_is(f->claim.ext, rows[i].want), "row %zu: %.*s", i,
		    (int)f->claim.ext.n, (const char *)f->claim.ext.p);
	}
	fix_free(f);
}

Test(claim_claim_ext, one_key_as_number_and_as_text_is_refused)
{
	struct fix *f = fix_new();
	const struct cose_claim claims[] = {{309, "00"}, {0, NULL}};

	cr_expect_eq(read_with(f, claims, EXT "a16333303900", 1), RC_BAD_CLAIM);
	cr_expect_not_null(strstr(f->why.text, "as text and as number"));
	cr_expect_eq(read_with(f, claims, EXT "a16333313000", 1), RC_OK);
	fix_free(f);
}

Test(claim_claim_ext, both_spellings_must_be_the_same_bytes)
{
	struct fix *f = fix_new();

	cr_expect_eq(read_with(f, NULL, OLD "a1616101", 1), RC_OK);
	cr_expect(bytes_is(f->claim.ext, "{\"a\":1}"));
	cr_expect_eq(read_with(f, NULL, OLD "a1616101" EXT "a1616101", 2), RC_OK);
	cr_expect(bytes_is(f->claim.ext, "{\"a\":1}"));
	cr_expect_eq(read_with(f, NULL, OLD "a1616101" EXT "a1616102", 2), RC_BAD_CLAIM);
	cr_expect_str_eq(f->why.claim, "ect_ext");
	fix_free(f);
}

/* {"a": text of n}, of which 3 + 3 bytes are heads and key. */
static enum rc
read_sized(struct fix *f, size_t n, uint8_t fill, const struct cose_claim *claims)
{
	char *text = malloc(n), *tail;
	struct buf b;
	enum rc rc;

	cr_assert_not_null(text);
	memset(text, fill, n);
	buf_init(&b, 0);
	scbor_put_text(&b, bytes_str("ect_ext"));
	scbor_put_map(&b, 1);
	scbor_put_text(&b, bytes_str("a"));
	scbor_put_text(&b, bytes_of(text, n));
	tail = calloc(1, 2 * b.n + 1);
	cr_assert_not_null(tail);
	hex_encode(buf_bytes(&b), tail);
	rc = read_with(f, claims, tail, 1);
	buf_release(&b);
	free(tail);
	free(text);
	return rc;
}

Test(claim_claim_ext, has_4096_encoded_bytes_and_not_one_more)
{
	const struct cose_claim claims[] = {{309, "00"}, {0, NULL}}; /* 4 bytes */
	struct fix *f = fix_new();

	cr_expect_eq(read_sized(f, 4090, 'x', NULL), RC_OK, "%s", f->why.text);
	cr_expect_eq(f->claim.ext.n, 4090 + strlen("{\"a\":\"\"}"));
	cr_expect_eq(read_sized(f, 4091, 'x', NULL), RC_BAD_CLAIM);
	cr_expect_eq(read_sized(f, 4086, 'x', claims), RC_OK, "%s", f->why.text);
	cr_expect_eq(read_sized(f, 4087, 'x', claims), RC_BAD_CLAIM);
	fix_free(f);
}

Test(claim_claim_ext, the_longest_text_is_known)
{
	struct fix *f = fix_new();

	cr_expect_eq(read_sized(f, 4090, 0x01, NULL), RC_OK, "%s", f->why.text);
	cr_expect_eq(f->claim.ext.n, 6 * 4090 + strlen("{\"a\":\"\"}"));
	cr_expect_leq(f->claim.ext.n, CLAIM_EXT_TEXT_MAX);
	fix_free(f);
}

/* {"a": [item, ...]}: 'n' items in an array whose head takes 3 bytes. */
static enum rc
read_array(struct fix *f, size_t n, const char *item)
{
	char *tail = calloc(1, 64 + n * strlen(item));
	size_t at;
	enum rc rc;

	cr_assert_not_null(tail);
	at = (size_t)sprintf(tail,
	    EXT "a16161"
		"99%04zx",
	    n);
	for (size_t i = 0; i < n; i++)
		at += (size_t)sprintf(tail + at, "%s", item);
	rc = read_with(f, NULL, tail, 1);
	free(tail);
	return rc;
}

Test(claim_claim_ext, has_no_more_values_than_json_of_that_size_could_have)
{
	struct fix *f = fix_new();

	/* the object, the array and what is in it */
	cr_expect_eq(read_array(f, 2046, "00"), RC_OK, "%s", f->why.text);
	cr_expect_eq(read_array(f, 2047, "00"), RC_BAD_CLAIM);
	cr_expect_not_null(strstr(f->why.text, "2048"));
	/* the worst that one byte can become */
	cr_expect_eq(read_array(f, 2046, "f4"), RC_OK, "%s", f->why.text);
	fix_free(f);
}

Test(claim_claim_ext, takes_no_more_of_the_arena_than_its_size_allows)
{
	struct fix *f = fix_new();

	cr_assert_eq(read_array(f, 2046, "f4"), RC_OK);
	/* six bytes of text for each byte, and a node for each value */
	cr_expect_leq(f->arena.used,
	    f->raw.n + 1024 + CLAIM_EXT_TEXT_MAX + (2048 + 64) * sizeof(struct json_node));
	fix_free(f);
}
