/*
 * test_token_plain.c - the unsigned object: one, strict, without white space around it, and never a
 * JWS in disguise.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "lib/testlib.h"
#include "token/plain.h"

struct row {
	const char *text;
	enum rc rc;
};

static void
run(const struct row *rows, size_t count)
{
	struct arena arena;

	arena_init(&arena, 4 << 20);
	for (size_t i = 0; i < count; i++) {
		struct bytes raw = test_exact(bytes_str(rows[i].text));
		struct token token;
		struct why why = {0};
		enum rc rc = plain_parse(raw, &arena, &token, &why);

		cr_expect_eq(rc, rows[i].rc, "%s: %s", rows[i].text, rc_label(rc));
		cr_expect(rc == RC_OK || why.rule != NULL, "%s", rows[i].text);
		test_free(raw);
	}
	arena_release(&arena);
}
#define RUN(rows) run(rows, sizeof(rows) / sizeof((rows)[0]))

Test(token_plain, gives_a_token_of_level_1_whose_identity_is_its_bytes)
{
	struct bytes raw = test_exact(bytes_str("{\"jti\": \"x\"}"));
	struct arena arena;
	struct token token;

	arena_init(&arena, 1 << 20);
	memset(&token, 0xff, sizeof(token));
	cr_assert_eq(plain_parse(raw, &arena, &token, NULL), RC_OK);
	cr_expect_eq(token.media, TOKEN_PLAIN);
	cr_expect_eq(token.level, LEVEL_1);
	cr_expect_eq((int)token.alg, 0);
	cr_expect_eq(token.signature_size, 0);
	cr_expect_eq(token.kid.n, 0);
	cr_expect_eq(token.x5c_count, 0);
	cr_expect(!token.has_x5t);
	cr_expect(bytes_eq(token.raw, raw));
	cr_expect(bytes_eq(token.signing_input, raw));
	cr_expect(bytes_eq(token.payload, raw));
	cr_expect_not_null(json_member(token.claims, "jti"));
	arena_release(&arena);
	test_free(raw);
}

Test(token_plain, is_one_object_with_nothing_around_it)
{
	static const struct row rows[] = {
	    {"{}", RC_OK},
	    {"{ }", RC_OK},
	    {"{\n\t\"a\" : [1, 2]\r\n}", RC_OK},
	    {"", RC_BAD_TOKEN},
	    {"{", RC_BAD_TOKEN},
	    {"}", RC_BAD_TOKEN},
	    {" {}", RC_BAD_TOKEN},
	    {"{} ", RC_BAD_TOKEN},
	    {"{}\n", RC_BAD_TOKEN},
	    {"\n{}", RC_BAD_TOKEN},
	    {"{}{}", RC_BAD_TOKEN},
	    {"{},{}", RC_BAD_TOKEN},
	    {"[{}]", RC_BAD_TOKEN},
	    {"[]", RC_BAD_TOKEN},
	    {"null", RC_BAD_TOKEN},
	    {"\xef\xbb\xbf{}", RC_BAD_TOKEN},
	};
	RUN(rows);
}

Test(token_plain, is_strict_json)
{
	static const struct row rows[] = {
	    {"{\"a\":1,\"a\":1}", RC_BAD_TOKEN},
	    {"{\"a\":1,\"\\u0061\":1}", RC_BAD_TOKEN},
	    {"{\"a\":{\"b\":1,\"b\":1}}", RC_BAD_TOKEN},
	    {"{\"a\":01}", RC_BAD_TOKEN},
	    {"{\"a\":NaN}", RC_BAD_TOKEN},
	    {"{\"a\":\"\\ud800\"}", RC_BAD_TOKEN},
	    {"{\"a\":\"\\u0000\"}", RC_BAD_TOKEN},
	    {"{\"a\":\"\xff\"}", RC_BAD_TOKEN},
	    {"{\"a\":1,}", RC_BAD_TOKEN},
	    {"{\"a\":[[[[[[[]]]]]]]}", RC_OK},
	    {"{\"a\":[[[[[[[[]]]]]]]]}", RC_TOO_LARGE},
	};
	RUN(rows);
}

Test(token_plain, is_never_a_jws_in_json_serialisation)
{
	static const struct row rows[] = {
	    {"{\"payload\":\"e30\",\"protected\":\"e30\",\"signature\":\"AA\"}", RC_BAD_TOKEN},
	    {"{\"payload\":\"e30\",\"signatures\":[]}", RC_BAD_TOKEN},
	    {"{\"signatures\":[]}", RC_BAD_TOKEN},
	    {"{\"payload\":null}", RC_BAD_TOKEN},
	    {"{\"pay\\u006coad\":\"e30\"}", RC_BAD_TOKEN},
	    {"{\"ect_ext\":{\"payload\":\"e30\"}}", RC_OK},
	};
	struct arena arena;
	struct token token;
	struct why why = {0};

	RUN(rows);
	arena_init(&arena, 1 << 20);
	cr_expect_eq(
	    plain_parse(bytes_str("{\"payload\":\"\"}"), &arena, &token, &why), RC_BAD_TOKEN);
	cr_expect_not_null(strstr(why.text, "JSON serialisation"));
	arena_release(&arena);
}

Test(token_plain, says_so_when_the_arena_is_too_small)
{
	struct arena arena;
	struct token token;

	arena_init(&arena, 16);
	cr_expect_eq(plain_parse(bytes_str("{\"jti\":\"x\"}"), &arena, &token, NULL), RC_NO_MEMORY);
	arena_release(&arena);
}
