/*
 * test_token_token.c - the table of medias, names, and the ids that can be read from a bad token.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "lib/testlib.h"
#include "token/token.h"

/* base64url of {"alg":"ES256","typ":"exec+jwt"}, a payload, 64 bytes of zero. */
static struct bytes
jws(struct buf *b, const char *header, const char *payload)
{
	static const uint8_t signature[64];

	buf_clear(b);
	buf_add_b64url(b, bytes_str(header));
	buf_add_str(b, ".");
	buf_add_b64url(b, bytes_str(payload));
	buf_add_str(b, ".");
	buf_add_b64url(b, bytes_of(signature, sizeof(signature)));
	return buf_bytes(b);
}

#define GOOD "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\"}"

Test(token_token, parses_a_compact_jws_under_the_ect_profile)
{
	struct arena arena;
	struct token token;
	struct buf b;

	arena_init(&arena, 1 << 20);
	buf_init(&b, 0);
	cr_expect_eq(token_parse(jws(&b, GOOD, "{}"), &arena, &token, NULL), RC_OK);
	cr_expect_eq(token.media, TOKEN_JWS);
	cr_expect_eq(
	    token_parse(jws(&b, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "{}"), &arena, &token, NULL),
	    RC_BAD_TYP);
	cr_expect_eq(
	    token_parse(jws(&b, "{\"alg\":\"ES256\"}", "{}"), &arena, &token, NULL), RC_BAD_TYP);
	arena_release(&arena);
	buf_release(&b);
}

Test(token_token, the_first_byte_decides_the_media)
{
	static const struct {
		const char *hex;
		enum rc rc;
		enum token_media media;
		const char *word;
	} rows[] = {
	    {"7b7d", RC_OK, TOKEN_PLAIN, ""},
	    {"7b", RC_BAD_TOKEN, 0, "brace"},
	    {"207b7d", RC_BAD_TOKEN, 0, "two dots"},
	    {"0a7b7d", RC_BAD_TOKEN, 0, "two dots"},
	    {"d284", RC_BAD_TOKEN, 0, "array of four"},
	    {"8440a04040", RC_BAD_TOKEN, 0, "without its tag 18"},
	    {"d83dd28440a04040", RC_BAD_TOKEN, 0, "tag 18"},
	    {"a0", RC_BAD_TOKEN, 0, "tag 18"},
	    {"ff", RC_BAD_TOKEN, 0, "tag 18"},
	    {"40", RC_BAD_TOKEN, 0, "two dots"},
	};
	struct arena arena;
	struct token token;

	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes raw = test_hex(rows[i].hex);
		struct why why = {0};
		enum rc rc = token_parse(raw, &arena, &token, &why);

		cr_expect_eq(rc, rows[i].rc, "%s", rows[i].hex);
		if (rc == RC_OK)
			cr_expect_eq(token.media, rows[i].media, "%s", rows[i].hex);
		cr_expect_not_null(strstr(why.text, rows[i].word), "%s: %s", rows[i].hex, why.text);
		test_free(raw);
	}
	arena_release(&arena);
}

Test(token_token, no_media_signs_bytes_that_another_could)
{
	struct bytes cose = test_hex("d28443a10126a041a05840"
				     "00000000000000000000000000000000"
				     "00000000000000000000000000000000"
				     "00000000000000000000000000000000"
				     "00000000000000000000000000000000");
	struct arena arena;
	struct token token;
	struct buf b;

	arena_init(&arena, 1 << 20);
	buf_init(&b, 0);
	cr_assert_eq(token_parse(cose, &arena, &token, NULL), RC_OK);
	cr_expect_eq(token.signing_input.p[0], 0x84);
	cr_assert_eq(token_parse(jws(&b, GOOD, "{}"), &arena, &token, NULL), RC_OK);
	cr_expect_eq(token.signing_input.p[0], 'e');
	cr_assert_eq(token_parse(bytes_str("{}"), &arena, &token, NULL), RC_OK);
	cr_expect_eq(token.signing_input.p[0], '{');
	arena_release(&arena);
	buf_release(&b);
	test_free(cose);
}

Test(token_token, judges_the_size_before_the_media)
{
	struct arena arena;
	struct token token;
	uint8_t *big = malloc(TOKEN_SIZE_MAX + 1);

	cr_assert_not_null(big);
	memset(big, 0xd2, TOKEN_SIZE_MAX + 1);
	arena_init(&arena, 1 << 20);
	cr_expect_eq(
	    token_parse(bytes_of(big, TOKEN_SIZE_MAX + 1), &arena, &token, NULL), RC_TOO_LARGE);
	cr_expect_eq(
	    token_parse(bytes_of(big, TOKEN_SIZE_MAX), &arena, &token, NULL), RC_BAD_TOKEN);
	cr_expect_eq(token_parse(BYTES_NONE, &arena, &token, NULL), RC_BAD_TOKEN);
	arena_release(&arena);
	free(big);
}

Test(token_token, peeks_the_ids_of_a_token_that_is_otherwise_bad)
{
	struct arena arena;
	struct bytes jti, wid;
	struct buf b;

	arena_init(&arena, 1 << 20);
	buf_init(&b, 0);
	token_peek_ids(
	    jws(&b, "{\"alg\":\"none\"}", "{\"jti\":\"a\",\"wid\":\"b\"}"), &arena, &jti, &wid);
	cr_expect(bytes_is(jti, "a"));
	cr_expect(bytes_is(wid, "b"));
	token_peek_ids(bytes_str("{\"jti\":\"c\"}"), &arena, &jti, &wid);
	cr_expect(bytes_is(jti, "c"));
	cr_expect_eq(wid.n, 0);
	token_peek_ids(jws(&b, GOOD, "{\"jti\":7,\"wid\":null}"), &arena, &jti, &wid);
	cr_expect_eq(jti.n, 0);
	cr_expect_eq(wid.n, 0);
	arena_release(&arena);
	buf_release(&b);
}

Test(token_token, peeks_the_ids_of_a_cose_token_as_text)
{
	static const struct {
		const char *hex;
		const char *jti, *wid;
	} rows[] = {
#define CTI	 "550e8400e29b41d4a716446655440000"
#define WID	 "a0b1c2d3e4f56789abcdef0123456789"
#define CTI_TEXT "550e8400-e29b-41d4-a716-446655440000"
#define WID_TEXT "a0b1c2d3-e4f5-6789-abcd-ef0123456789"
	    /* {7: cti, 300: wid}; the header has no alg, the signature is empty */
	    {"d28440a05827a20750" CTI "19012c50" WID "40", CTI_TEXT, WID_TEXT},
	    /* without the tag, and cut off behind the payload */
	    {"8440a05827a20750" CTI "19012c50" WID, CTI_TEXT, WID_TEXT},
	    /* an unprotected header, other claims around */
	    {"d28440a104423131"
	     "581da4016161061903e80750" CTI "617801",
		CTI_TEXT, ""},
	    /* ids of another length or type */
	    {"d28440a045a1074100f6", "", ""},
	    {"d28440a043a107f6", "", ""},
	    /* what follows the ids may be as bad as it likes */
	    {"d28440a054a20750" CTI "ff40", CTI_TEXT, ""},
	    {"d28440a041a040", "", ""},
	    {"d28440a0f640", "", ""},
	    {"d2", "", ""},
	    {"a0", "", ""},
	    {"d28440a0589affffffff", "", ""},
	};
	struct arena arena;

	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes raw = test_hex(rows[i].hex), jti, wid;

		token_peek_ids(raw, &arena, &jti, &wid);
		cr_expect(bytes_is(jti, rows[i].jti), "%s: %.*s", rows[i].hex, (int)jti.n,
		    (const char *)jti.p);
		cr_expect(bytes_is(wid, rows[i].wid), "%s: %.*s", rows[i].hex, (int)wid.n,
		    (const char *)wid.p);
		test_free(raw);
	}
	arena_release(&arena);
}

Test(token_token, peeks_nothing_where_nothing_can_be_read)
{
	static const char *const rows[] = {
	    "", "x", "a.b", "a.b.c", "e30.e3.e30", "{", "{}x", ".W10."};
	struct arena arena;
	struct bytes jti, wid;
	uint8_t *big = malloc(TOKEN_SIZE_MAX + 1);

	cr_assert_not_null(big);
	memset(big, '.', TOKEN_SIZE_MAX + 1);
	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		token_peek_ids(bytes_str(rows[i]), &arena, &jti, &wid);
		cr_expect_eq(jti.n, 0, "%s", rows[i]);
		cr_expect_eq(wid.n, 0, "%s", rows[i]);
	}
	token_peek_ids(bytes_of(big, TOKEN_SIZE_MAX + 1), &arena, &jti, &wid);
	cr_expect_eq(jti.n, 0);
	arena_release(&arena);
	free(big);
}

Test(token_token, peeks_ids_of_64_bytes_and_not_one_more)
{
	struct arena arena;
	struct bytes jti, wid;
	struct buf b, payload;

	arena_init(&arena, 1 << 20);
	buf_init(&b, 0);
	buf_init(&payload, 0);
	for (int n = 64; n <= 65; n++) {
		buf_clear(&payload);
		buf_addf(&payload, "{\"jti\":\"%0*d\"}", n, 0);
		buf_add(&payload, "", 1);
		token_peek_ids(jws(&b, GOOD, (const char *)payload.p), &arena, &jti, &wid);
		cr_expect_eq(jti.n, n == 64 ? 64 : 0);
	}
	arena_release(&arena);
	buf_release(&b);
	buf_release(&payload);
}

Test(token_token, names_what_is_in_the_log)
{
	cr_expect_str_eq(token_alg_name(TOKEN_ES256), "ES256");
	cr_expect_str_eq(token_alg_name(TOKEN_ES384), "ES384");
	cr_expect_str_eq(token_alg_name(TOKEN_EDDSA), "EdDSA");
	cr_expect_str_eq(token_media_name(TOKEN_JWS), "jws");
	cr_expect_str_eq(token_media_name(TOKEN_COSE), "cose");
	cr_expect_str_eq(token_media_name(TOKEN_PLAIN), "json");
	cr_expect_str_eq(token_level_name(LEVEL_1), "L1");
	cr_expect_str_eq(token_level_name(LEVEL_2), "L2");
	cr_expect_str_eq(token_level_name(LEVEL_3), "L3");
	cr_expect_str_eq(token_alg_name((enum token_alg)99), "unknown");
}
