/*
 * test_token_jws.c - the compact parser: accept and refuse pairs, the order of the refusals, and
 * the published bad tokens as far as a parser without keys can judge them.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "lib/testlib.h"
#include "token/jws.h"

#define HEADER "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":\"k1\"}"

static const char *const jwt_typs[] = {"JWT", NULL};
static const struct jws_profile jwt = {.typs = jwt_typs};
static const struct jws_profile jwt_opaque = {.typs = jwt_typs, .opaque = true};

/*
 * Everything a test needs for one token; heap memory on purpose, so that sanitizers see its edges.
 */
struct fix {
	struct arena arena;
	struct buf raw;
	struct token token;
	struct why why;
};

static struct fix *
fix_new(void)
{
	struct fix *f = calloc(1, sizeof(*f));

	cr_assert_not_null(f);
	arena_init(&f->arena, 4 << 20);
	buf_init(&f->raw, 0);
	return f;
}

static void
fix_free(struct fix *f)
{
	arena_release(&f->arena);
	buf_release(&f->raw);
	free(f);
}

static void
build(struct fix *f, struct bytes header, struct bytes payload, size_t signature_size)
{
	uint8_t signature[256];

	cr_assert(signature_size <= sizeof(signature));
	memset(signature, 0xa5, sizeof(signature));
	buf_clear(&f->raw);
	buf_add_b64url(&f->raw, header);
	buf_add_str(&f->raw, ".");
	buf_add_b64url(&f->raw, payload);
	buf_add_str(&f->raw, ".");
	buf_add_b64url(&f->raw, bytes_of(signature, signature_size));
	cr_assert(!f->raw.bad);
}

static enum rc
parse(struct fix *f, const struct jws_profile *profile)
{
	memset(&f->why, 0, sizeof(f->why));
	return jws_parse(buf_bytes(&f->raw), profile, &f->arena, &f->token, &f->why);
}

static enum rc
parse_header(struct fix *f, const char *header)
{
	build(f, bytes_str(header), bytes_str("{}"), 64);
	return parse(f, &jws_profile_ect);
}

/* ---- what a good token gives ---- */

Test(token_jws, gives_every_part_of_a_good_token)
{
	struct fix *f = fix_new();
	struct bytes raw;

	build(f, bytes_str(HEADER), bytes_str("{\"jti\":\"x\"}"), 64);
	cr_assert_eq(parse(f, &jws_profile_ect), RC_OK, "%s", f->why.text);
	raw = buf_bytes(&f->raw);
	cr_expect_eq(f->token.media, TOKEN_JWS);
	cr_expect_eq(f->token.level, LEVEL_2);
	cr_expect_eq(f->token.alg, TOKEN_ES256);
	cr_expect(!f->token.old_typ);
	cr_expect(bytes_eq(f->token.raw, raw));
	cr_expect(bytes_is(f->token.kid, "k1"));
	cr_expect(bytes_is(f->token.payload, "{\"jti\":\"x\"}"));
	cr_expect_eq(f->token.signature_size, 64);
	cr_expect_eq(f->token.signature[63], 0xa5);
	cr_expect_eq(f->token.signature[64], 0);
	cr_expect_not_null(json_member(f->token.claims, "jti"));
	/* 64 bytes are 86 characters, and one dot */
	cr_expect_eq(f->token.signing_input.n, raw.n - 87);
	cr_expect(f->token.signing_input.p == raw.p);
	fix_free(f);
}

Test(token_jws, reads_both_typ_values_and_marks_the_old_one)
{
	struct fix *f = fix_new();

	cr_assert_eq(parse_header(f, "{\"alg\":\"ES256\",\"typ\":\"wimse-exec+jwt\"}"), RC_OK);
	cr_expect(f->token.old_typ);
	cr_expect_eq(f->token.kid.n, 0);
	cr_assert_eq(parse_header(f, "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\"}"), RC_OK);
	cr_expect(!f->token.old_typ);
	fix_free(f);
}

Test(token_jws, knows_four_algorithm_names_and_their_signature_sizes)
{
	static const struct {
		const char *name;
		enum token_alg alg;
		size_t size;
	} rows[] = {{"ES256", TOKEN_ES256, 64}, {"ES384", TOKEN_ES384, 96},
	    {"EdDSA", TOKEN_EDDSA, 64}, {"Ed25519", TOKEN_EDDSA, 64}};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char header[80];

		(void)snprintf(
		    header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"exec+jwt\"}", rows[i].name);
		for (size_t n = 0; n <= 200; n++) {
			build(f, bytes_str(header), bytes_str("{}"), n);
			if (n == rows[i].size) {
				cr_assert_eq(parse(f, &jws_profile_ect), RC_OK);
				cr_expect_eq(f->token.alg, rows[i].alg);
				cr_expect_eq(f->token.signature_size, n);
			} else {
				cr_assert_eq(parse(f, &jws_profile_ect), RC_BAD_SIGNATURE,
				    "%s with %zu bytes", rows[i].name, n);
			}
		}
	}
	fix_free(f);
}

/* ---- one header, one refusal ---- */

Test(token_jws, refuses_headers_with_the_code_of_the_first_broken_rule)
{
	static const struct {
		const char *header;
		enum rc rc;
		const char *claim;
	} rows[] = {
	    {"{}", RC_BAD_ALG, "alg"},
	    {"{\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"none\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"None\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"HS256\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"RS256\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"PS256\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"ES512\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"ES256K\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"es256\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"ES256 \",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":null,\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":[\"ES256\"],\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"ALG\":\"ES256\",\"typ\":\"exec+jwt\"}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"none\",\"crit\":[\"x\"]}", RC_BAD_ALG, "alg"},
	    {"{\"alg\":\"ES256\"}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":\"JWT\"}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":\"Exec+jwt\"}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":\"application/exec+jwt\"}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":\"act+jwt\"}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jw\"}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt2\"}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":[\"exec+jwt\"]}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":null}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"jwk\":{}}", RC_BAD_TYP, "typ"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"crit\":[\"x\"]}", RC_BAD_HEADER, "crit"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"crit\":[]}", RC_BAD_HEADER, "crit"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"crit\":null}", RC_BAD_HEADER, "crit"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"jwk\":{\"kty\":\"EC\"}}", RC_BAD_HEADER,
		"jwk"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"jku\":\"https://a.example\"}",
		RC_BAD_HEADER, "jku"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"x5u\":\"https://a.example\"}",
		RC_BAD_HEADER, "x5u"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"x5t\":\"AA\"}", RC_BAD_HEADER, "x5t"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"b64\":false}", RC_BAD_HEADER, "b64"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"b64\":true}", RC_BAD_HEADER, "b64"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"zip\":\"DEF\"}", RC_BAD_HEADER, "zip"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"cty\":\"JWT\"}", RC_BAD_HEADER, "cty"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"x\":1}", RC_BAD_HEADER, NULL},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"\":1}", RC_BAD_HEADER, NULL},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"Kid\":\"k\"}", RC_BAD_HEADER, NULL},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":7}", RC_BAD_HEADER, "kid"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":null}", RC_BAD_HEADER, "kid"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":\"\"}", RC_BAD_HEADER, "kid"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":\"a\\n\"}", RC_BAD_HEADER, "kid"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":\"\\u007f\"}", RC_BAD_HEADER, "kid"},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":\"\\u00e9\"}", RC_BAD_HEADER, "kid"},
	    {"[]", RC_BAD_HEADER, NULL},
	    {"null", RC_BAD_HEADER, NULL},
	    {"\"ES256\"", RC_BAD_HEADER, NULL},
	    {"{\"alg\":\"ES256\",\"alg\":\"none\",\"typ\":\"exec+jwt\"}", RC_BAD_HEADER, NULL},
	    {"{\"alg\":\"ES256\",\"\\u0061lg\":\"none\",\"typ\":\"exec+jwt\"}", RC_BAD_HEADER,
		NULL},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\"}x", RC_BAD_HEADER, NULL},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\"", RC_BAD_HEADER, NULL},
	    {"{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"x\":[[[[[1]]]]]}", RC_BAD_HEADER, NULL},
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum rc rc = parse_header(f, rows[i].header);

		cr_expect_eq(
		    rc, rows[i].rc, "%s: %s (%s)", rows[i].header, rc_label(rc), f->why.text);
		cr_expect_not_null(f->why.rule, "%s", rows[i].header);
		cr_expect(f->why.text[0] != '\0', "%s", rows[i].header);
		if (rows[i].claim != NULL)
			cr_expect_str_eq(f->why.claim == NULL ? "" : f->why.claim, rows[i].claim);
		arena_reset(&f->arena);
	}
	fix_free(f);
}

Test(token_jws, shows_an_unknown_member_without_repeating_hostile_bytes)
{
	struct fix *f = fix_new();

	cr_assert_eq(parse_header(f, "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"a\\n\\\"b\":1}"),
	    RC_BAD_HEADER);
	cr_expect_not_null(strstr(f->why.text, "a??b"), "%s", f->why.text);
	fix_free(f);
}

Test(token_jws, takes_a_kid_of_128_bytes_and_not_one_more)
{
	struct fix *f = fix_new();
	char kid[130], header[256];

	for (size_t n = 127; n <= 129; n++) {
		memset(kid, 'k', n);
		kid[n] = '\0';
		(void)snprintf(header, sizeof(header),
		    "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":\"%s\"}", kid);
		cr_expect_eq(parse_header(f, header), n <= 128 ? RC_OK : RC_BAD_HEADER, "%zu", n);
	}
	fix_free(f);
}

Test(token_jws, takes_a_header_of_1024_bytes_and_not_one_more)
{
	struct fix *f = fix_new();
	char header[TOKEN_HEADER_MAX + 8];

	for (int pad = -1; pad <= 1; pad++) {
		size_t n = (size_t)(TOKEN_HEADER_MAX + pad);

		memset(header, ' ', sizeof(header));
		memcpy(header, HEADER, strlen(HEADER));
		build(f, bytes_of(header, n), bytes_str("{}"), 64);
		cr_expect_eq(parse(f, &jws_profile_ect), pad <= 0 ? RC_OK : RC_TOO_LARGE, "%zu", n);
	}
	fix_free(f);
}

/* ---- certificates in the header ---- */

#define CHAIN "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\","
#define X5T   "\"x5t#S256\":\"n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg\""

Test(token_jws, reads_a_chain_of_one_to_four_certificates)
{
	static const struct {
		const char *x5c;
		enum rc rc;
		size_t count;
	} rows[] = {
	    {"[\"MAA=\"]", RC_OK, 1},
	    {"[\"MAA=\",\"MAE=\",\"MAI=\",\"MAM=\"]", RC_OK, 4},
	    {"[\"MAA=\",\"MAE=\",\"MAI=\",\"MAM=\",\"MAQ=\"]", RC_BAD_HEADER, 0},
	    {"[]", RC_BAD_HEADER, 0},
	    {"\"MAA=\"", RC_BAD_HEADER, 0},
	    {"null", RC_BAD_HEADER, 0},
	    {"[null]", RC_BAD_HEADER, 0},
	    {"[\"\"]", RC_BAD_HEADER, 0},
	    {"[\"MAA\"]", RC_BAD_HEADER, 0},  /* no padding */
	    {"[\"MAB=\"]", RC_BAD_HEADER, 0}, /* unused bits */
	    {"[\"MA-_\"]", RC_BAD_HEADER, 0}, /* base64url */
	    {"[\"MA A\"]", RC_BAD_HEADER, 0}, /* white space */
	    {"[\"MAA=\",\"MAA=\\n\"]", RC_BAD_HEADER, 0},
	    {"[\"MAA=\",7]", RC_BAD_HEADER, 0},
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char header[256];
		enum rc rc;

		(void)snprintf(header, sizeof(header), CHAIN "\"x5c\":%s}", rows[i].x5c);
		rc = parse_header(f, header);
		cr_expect_eq(rc, rows[i].rc, "%s: %s", header, f->why.text);
		if (rc != RC_OK) {
			cr_expect_str_eq(f->why.claim, "x5c", "%s", header);
			continue;
		}
		cr_assert_eq(f->token.x5c_count, rows[i].count, "%s", header);
		for (size_t k = 0; k < rows[i].count; k++) {
			cr_expect_eq(f->token.x5c[k].n, 2);
			cr_expect_eq(f->token.x5c[k].p[0], 0x30);
			cr_expect_eq(f->token.x5c[k].p[1], k);
		}
	}
	fix_free(f);
}

Test(token_jws, reads_the_thumbprint_of_a_certificate)
{
	struct fix *f = fix_new();

	cr_assert_eq(parse_header(f, CHAIN X5T "}"), RC_OK, "%s", f->why.text);
	cr_expect(f->token.has_x5t);
	cr_expect_eq(f->token.x5t[0], 0x9f);
	cr_expect_eq(f->token.x5t[31], 0x08);
	cr_expect_eq(f->token.x5c_count, 0);
	cr_assert_eq(parse_header(f, HEADER), RC_OK);
	cr_expect(!f->token.has_x5t);
	cr_expect_eq(parse_header(f, CHAIN "\"x5t#S256\":\"n4bQ\"}"), RC_BAD_HEADER);
	cr_expect_str_eq(f->why.claim, "x5t#S256");
	cr_expect_eq(parse_header(f, CHAIN "\"x5t#S256\":7}"), RC_BAD_HEADER);
	fix_free(f);
}

Test(token_jws, a_chain_and_a_thumbprint_do_not_come_together)
{
	struct fix *f = fix_new();

	cr_expect_eq(parse_header(f, CHAIN "\"x5c\":[\"MAA=\"]," X5T "}"), RC_BAD_HEADER);
	cr_expect_not_null(strstr(f->why.text, "together"));
	fix_free(f);
}

Test(token_jws, a_profile_without_chains_refuses_them_by_name)
{
	static const char *const typs[] = {"exec+jwt", NULL};
	const struct jws_profile bare = {.typs = typs};
	struct fix *f = fix_new();

	build(f, bytes_str(CHAIN "\"x5c\":[\"MAA=\"]}"), bytes_str("{}"), 64);
	cr_expect_eq(parse(f, &bare), RC_BAD_HEADER);
	cr_expect_str_eq(f->why.claim, "x5c");
	build(f, bytes_str(CHAIN X5T "}"), bytes_str("{}"), 64);
	cr_expect_eq(parse(f, &bare), RC_BAD_HEADER);
	cr_expect_str_eq(f->why.claim, "x5t#S256");
	fix_free(f);
}

/* CHAIN and its x5c of 'count' certificates of 'der' bytes each, padded with spaces to 'size'. */
static struct bytes
chain_header(size_t count, size_t der, size_t size)
{
	uint8_t *cert = calloc(1, der);
	struct bytes out;
	struct buf b;

	cr_assert_not_null(cert);
	buf_init(&b, 0);
	buf_add_str(&b, CHAIN "\"x5c\":[");
	for (size_t i = 0; i < count; i++) {
		buf_add_str(&b, i > 0 ? ",\"" : "\"");
		buf_add_b64(&b, bytes_of(cert, der));
		buf_add_str(&b, "\"");
	}
	buf_add_str(&b, "]}");
	while (b.n < size)
		buf_add(&b, " ", 1);
	out = test_exact(buf_bytes(&b));
	buf_release(&b);
	free(cert);
	return out;
}

Test(token_jws, a_header_with_a_chain_may_have_12288_bytes_and_a_certificate_4096)
{
	static const struct {
		size_t count, der, size;
		enum rc rc;
	} rows[] = {
	    {1, 4096, 0, RC_OK},
	    {1, 4097, 0, RC_BAD_HEADER},
	    {2, 4096, TOKEN_HEADER_CHAIN_MAX, RC_OK},
	    {2, 4096, TOKEN_HEADER_CHAIN_MAX + 1, RC_TOO_LARGE},
	    {4, 4096, 0, RC_TOO_LARGE},
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes header = chain_header(rows[i].count, rows[i].der, rows[i].size);

		build(f, header, bytes_str("{}"), 64);
		cr_expect_eq(parse(f, &jws_profile_ect), rows[i].rc, "%zu of %zu, %zu bytes: %s",
		    rows[i].count, rows[i].der, header.n, f->why.text);
		test_free(header);
	}
	fix_free(f);
}

Test(token_jws, a_bad_payload_is_told_after_the_header_and_the_signature_size)
{
	struct fix *f = fix_new();

	build(f, bytes_str(HEADER), bytes_str("[]"), 64);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_BAD_TOKEN);
	build(f, bytes_str(HEADER), BYTES_NONE, 64);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_BAD_TOKEN);
	build(f, bytes_str(HEADER), bytes_str("{\"a\":1,\"a\":1}"), 64);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_BAD_TOKEN);
	build(f, bytes_str(HEADER), bytes_str("[]"), 63);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_BAD_SIGNATURE);
	build(f, bytes_str("{\"alg\":\"none\"}"), bytes_str("[]"), 0);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_BAD_ALG);
	build(f, bytes_str("{\"alg\":\"RS256\"}"), bytes_str("[]"), 255);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_BAD_ALG);
	fix_free(f);
}

Test(token_jws, takes_eight_levels_of_payload_and_not_nine)
{
	struct fix *f = fix_new();

	build(f, bytes_str(HEADER), bytes_str("{\"a\":[[[[[[[]]]]]]]}"), 64);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_OK, "%s", f->why.text);
	build(f, bytes_str(HEADER), bytes_str("{\"a\":[[[[[[[[]]]]]]]]}"), 64);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_TOO_LARGE);
	fix_free(f);
}

/* ---- the text form ---- */

Test(token_jws, needs_exactly_three_parts)
{
	static const char *const rows[] = {"", ".", "..", "...", "a", "a.b", "a.b.c", "e30",
	    "e30.e30", ".e30.", "e30.e30.e30.", ".e30.e30", "e30..e30 ", " e30.e30.e30",
	    "e30.e30.e30.e30"};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(
		    jws_parse(bytes_str(rows[i]), &jws_profile_ect, &f->arena, &f->token, &f->why),
		    RC_BAD_TOKEN, "%s", rows[i]);
	cr_expect_eq(
	    jws_parse(BYTES_NONE, &jws_profile_ect, &f->arena, &f->token, &f->why), RC_BAD_TOKEN);
	fix_free(f);
}

/* Does what was decoded, encoded again, give the received bytes?  Then no other text decodes to the
 * same. */
static bool
reassembles(const struct token *t)
{
	const uint8_t *dot = memchr(t->raw.p, '.', t->raw.n);
	uint8_t header[TOKEN_HEADER_MAX];
	size_t header_size = 0;
	struct buf again;
	bool same;

	if (!b64url_decode(
		bytes_of(t->raw.p, (size_t)(dot - t->raw.p)), header, sizeof(header), &header_size))
		return false;
	buf_init(&again, 0);
	buf_add_b64url(&again, bytes_of(header, header_size));
	buf_add_str(&again, ".");
	buf_add_b64url(&again, t->payload);
	buf_add_str(&again, ".");
	buf_add_b64url(&again, bytes_of(t->signature, t->signature_size));
	same = bytes_eq(buf_bytes(&again), t->raw);
	buf_release(&again);
	return same;
}

/* Every byte of a good token replaced by every other byte: nothing but characters of the alphabet
 * ever passes. */
Test(token_jws, no_two_texts_are_the_same_token)
{
	struct fix *f = fix_new();
	struct buf copy;
	size_t accepted = 0;

	build(f, bytes_str(HEADER), bytes_str("{\"jti\":\"x\"}"), 64);
	buf_init(&copy, 0);
	for (size_t at = 0; at < f->raw.n; at++) {
		for (unsigned c = 0; c < 256; c++) {
			struct token t;
			enum rc rc;

			if (c == f->raw.p[at])
				continue;
			buf_clear(&copy);
			buf_add_bytes(&copy, buf_bytes(&f->raw));
			copy.p[at] = (uint8_t)c;
			arena_reset(&f->arena);
			rc = jws_parse(buf_bytes(&copy), &jws_profile_ect, &f->arena, &t, NULL);
			if (rc != RC_OK)
				continue;
			accepted++;
			cr_assert((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				      (c >= 'a' && c <= 'z') || c == '-' || c == '_',
			    "byte %u at %zu", c, at);
			cr_assert(reassembles(&t), "byte %u at %zu", c, at);
		}
	}
	cr_expect(accepted > 1000); /* the signature's characters alone are 85 x 63 */
	buf_release(&copy);
	fix_free(f);
}

Test(token_jws, takes_64000_bytes_and_not_one_more)
{
	struct fix *f = fix_new();
	struct buf payload;
	size_t room, n;

	buf_init(&payload, 0);
	build(f, bytes_str(HEADER), bytes_str("{}"), 64);
	room = TOKEN_SIZE_MAX - (f->raw.n - 3);
	n = room / 4 * 3 + (room % 4 >= 2 ? room % 4 - 1 : 0);
	buf_add_str(&payload, "{}");
	while (payload.n < n)
		buf_add_str(&payload, " ");
	build(f, bytes_str(HEADER), buf_bytes(&payload), 64);
	/*
	 * base64url has no text of 4n + 1 characters: the largest good token may be one byte short
	 */
	cr_assert(f->raw.n <= TOKEN_SIZE_MAX && f->raw.n >= TOKEN_SIZE_MAX - 1);
	cr_expect_eq(parse(f, &jws_profile_ect), RC_OK, "%s", f->why.text);
	while (f->raw.n <= TOKEN_SIZE_MAX)
		buf_add_str(&f->raw, "A");
	cr_expect_eq(parse(f, &jws_profile_ect), RC_TOO_LARGE);
	f->raw.n--;
	cr_expect_neq(parse(f, &jws_profile_ect), RC_TOO_LARGE);
	buf_release(&payload);
	fix_free(f);
}

Test(token_jws, says_so_when_the_arena_is_too_small)
{
	struct fix *f = fix_new();
	size_t max, tried = 0;
	enum rc rc = RC_NO_MEMORY;

	build(f, bytes_str(HEADER), bytes_str("{\"a\":[1,2,3],\"b\":\"c\"}"), 64);
	for (max = 0; rc != RC_OK; max += 64) {
		struct arena small;

		arena_init(&small, max);
		rc = jws_parse(buf_bytes(&f->raw), &jws_profile_ect, &small, &f->token, &f->why);
		cr_assert(rc == RC_OK || rc == RC_NO_MEMORY, "%s", rc_label(rc));
		arena_release(&small);
		cr_assert(++tried < 10000);
	}
	cr_expect(tried > 1);
	fix_free(f);
}

/* ---- published vectors ---- */

/* Bad cases that only a key, a clock or a policy can tell: to a parser they are good tokens. */
static bool
needs_more_than_a_parser(json_int_t id)
{
	static const struct {
		json_int_t from, to;
	} ranges[] = {{28, 29}, {37, 37}, {38, 38}, {40, 45}, {52, 53}, {55, 56}, {122, 124},
	    {126, 126}, {128, 128}, {153, 170}, {175, 177}, {180, 180}, {184, 186}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (id >= ranges[i].from && id <= ranges[i].to)
			return true;
	return id == 1 || id == 2 || id == 4;
}

static bool
code_fits(const char *category, enum rc rc)
{
	static const struct {
		const char *category;
		enum rc rc[3];
	} rows[] = {
	    {"control", {RC_BAD_ALG}},
	    {"alg-none", {RC_BAD_ALG}},
	    {"key-confusion", {RC_BAD_ALG}},
	    {"alg-mismatch", {RC_BAD_ALG, RC_BAD_SIGNATURE}},
	    {"base64url", {RC_BAD_TOKEN, RC_BAD_HEADER}},
	    {"structure", {RC_BAD_TOKEN, RC_BAD_SIGNATURE}},
	    {"header-json", {RC_BAD_HEADER, RC_BAD_ALG, RC_TOO_LARGE}},
	    {"crit", {RC_BAD_HEADER}},
	    {"key-injection", {RC_BAD_HEADER}},
	    {"typ", {RC_BAD_TYP}},
	    {"ecdsa-encoding", {RC_BAD_SIGNATURE}},
	    {"eddsa", {RC_BAD_SIGNATURE}},
	    {"claims", {RC_BAD_TOKEN}},
	    {"json", {RC_BAD_TOKEN}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].category, category) == 0)
			return rc == rows[i].rc[0] || (rc != RC_OK && rc == rows[i].rc[1]) ||
			       (rc != RC_OK && rc == rows[i].rc[2]);
	return false;
}

static json_t *
load(const char *name)
{
	char path[512];
	json_error_t error;
	json_t *root;

	(void)snprintf(path, sizeof(path), "%s/vectors/jose/%s", TEST_DATA, name);
	root = json_load_file(path, JSON_ALLOW_NUL, &error);
	cr_assert_not_null(root, "%s: %s", path, error.text);
	return root;
}

Test(token_jws, refuses_every_published_bad_token_that_a_parser_can_tell)
{
	struct fix *f = fix_new();
	json_t *root = load("bad-jws.json"), *cases = json_object_get(root, "cases"), *c;
	size_t i, passed = 0, refused = 0;

	json_array_foreach(cases, i, c)
	{
		json_int_t id = json_integer_value(json_object_get(c, "id"));
		const char *category = json_string_value(json_object_get(c, "category"));
		json_t *text = json_object_get(c, "token");
		char *dumped = NULL;
		struct bytes raw;
		enum rc rc;

		if (text == NULL)
			text = json_object_get(c, "raw");
		if (text != NULL) {
			raw = bytes_of(json_string_value(text), json_string_length(text));
		} else {
			dumped = json_dumps(json_object_get(c, "json"), JSON_COMPACT);
			cr_assert_not_null(dumped);
			raw = bytes_str(dumped);
		}
		memset(&f->why, 0, sizeof(f->why));
		arena_reset(&f->arena);
		rc = jws_parse(raw, &jwt, &f->arena, &f->token, &f->why);
		if (needs_more_than_a_parser(id)) {
			cr_expect_eq(rc, RC_OK, "case %d: %s", (int)id, f->why.text);
			passed++;
		} else {
			cr_expect(code_fits(category, rc), "case %d (%s): %s", (int)id, category,
			    rc_label(rc));
			cr_expect_not_null(f->why.rule);
			refused++;
		}
		free(dumped);
	}
	cr_expect_eq(passed + refused, 186);
	cr_expect_eq(passed, 47, "%zu", passed);
	json_decref(root);
	fix_free(f);
}

Test(token_jws, reads_the_rfc_examples_of_the_accepted_algorithms)
{
	struct fix *f = fix_new();
	json_t *root = load("rfc-positive.json"), *cases = json_object_get(root, "cases"), *c;
	size_t i, read = 0, refused = 0;

	json_array_foreach(cases, i, c)
	{
		const char *alg = json_string_value(json_object_get(c, "alg"));
		json_t *payload = json_object_get(c, "payload");
		struct bytes raw = bytes_str(json_string_value(json_object_get(c, "compact")));
		enum rc rc;

		arena_reset(&f->arena);
		rc = jws_parse(raw, &jwt_opaque, &f->arena, &f->token, &f->why);
		if (strcmp(alg, "RS256") == 0 || strcmp(alg, "ES512") == 0) {
			cr_expect_eq(rc, RC_BAD_ALG, "%s", alg);
			refused++;
			continue;
		}
		cr_assert_eq(rc, RC_OK, "%s: %s", alg, f->why.text);
		cr_expect_null(f->token.claims);
		cr_expect(bytes_eq(f->token.payload,
		    bytes_of(json_string_value(payload), json_string_length(payload))));
		read++;
	}
	cr_expect_eq(refused, 2);
	cr_expect_geq(read, 5);
	json_decref(root);
	fix_free(f);
}
