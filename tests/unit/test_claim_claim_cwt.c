/*
 * test_claim_claim_cwt.c - the claims of a COSE token come out in the same form, and under the same
 * rules, as those of a JSON token.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim/claim.h"
#include "claim/kind.h"
#include "lib/cose_make.h"
#include "lib/testlib.h"

#define P1	 "00000000000040008000000000000001"
#define P2	 "00000000000040008000000000000002"
#define WID	 "a0b1c2d3e4f56789abcdef0123456789"
#define D32	 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define ZERO	 "00000000000000000000000000000000"
#define JTI_TEXT "550e8400-e29b-41d4-a716-446655440000"
#define WID_TEXT "a0b1c2d3-e4f5-6789-abcd-ef0123456789"
#define P1_TEXT	 "00000000-0000-4000-8000-000000000001"
#define H256	 "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"
#define BASE                                                                                       \
	"{\"iss\":\"spiffe://example.com/agent/a\",\"jti\":\"" JTI_TEXT                            \
	"\",\"exec_act\":\"review_spec\",\"iat\":1000,\"exp\":1600"

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
read_payload(struct fix *f, struct bytes payload)
{
	enum rc rc;

	test_free(f->raw);
	f->raw = cose_make(payload);
	test_free(payload);
	arena_reset(&f->arena);
	memset(&f->why, 0, sizeof(f->why));
	rc = token_parse(f->raw, &f->arena, &f->token, &f->why);
	cr_assert_eq(rc, RC_OK, "%s", f->why.text);
	return claim_read(&f->token, &f->arena, &f->claim, &f->why);
}

#define CLAIMS(...)  ((const struct cose_claim[]){__VA_ARGS__, {0, NULL}})
#define READ(f, ...) read_payload(f, cose_make_payload(CLAIMS(__VA_ARGS__), NULL, 0))

static enum rc
read_json(struct fix *f, const char *text, struct claim *out)
{
	struct token token;

	cr_assert_eq(token_parse(bytes_str(text), &f->arena, &token, &f->why), RC_OK);
	return claim_read(&token, &f->arena, out, &f->why);
}

struct row {
	struct cose_claim claims[4];
	enum rc rc;
	const char *claim;
};

static void
run(const struct row *rows, size_t count)
{
	struct fix *f = fix_new();

	for (size_t i = 0; i < count; i++) {
		enum rc rc = read_payload(f, cose_make_payload(rows[i].claims, NULL, 0));

		cr_expect_eq(rc, rows[i].rc, "row %zu: %s (%s)", i, rc_label(rc), f->why.text);
		if (rc == RC_OK || rows[i].rc == RC_OK)
			continue;
		cr_expect_not_null(f->why.rule, "row %zu", i);
		cr_expect_str_eq(
		    f->why.claim == NULL ? "" : f->why.claim, rows[i].claim, "row %zu", i);
	}
	fix_free(f);
}
#define RUN(rows) run(rows, sizeof(rows) / sizeof((rows)[0]))

/* ---- the normal form ---- */

Test(claim_claim_cwt, gives_the_form_that_the_same_claims_in_json_give)
{
	struct fix *f = fix_new();
	struct claim json;

	cr_assert_eq(READ(f, {2, COSE_ISS}, {3, "8261616162"}, {5, "00"}, {300, "50" WID},
			 {302, "8250" P1 "50" P2}, {303, "6170"}, {304, "00"}, {305, "6165"},
			 {306, "00"}, {307, "822f5820" D32}),
	    RC_OK, "%s", f->why.text);
	cr_assert_eq(
	    read_json(f,
		BASE ",\"aud\":[\"a\",\"b\"],\"wid\":\"" WID_TEXT "\",\"pred\":[\"" P1_TEXT
		     "\",\"00000000-0000-4000-8000-000000000002\"],\"inp_hash\":\"" H256 "\"}",
		&json),
	    RC_OK, "%s", f->why.text);
	cr_expect(bytes_eq(f->claim.iss, json.iss));
	cr_expect(bytes_eq(f->claim.trust_domain, json.trust_domain));
	cr_expect_arr_eq(f->claim.jti, json.jti, UUID_SIZE);
	cr_expect(f->claim.has_wid);
	cr_expect_arr_eq(f->claim.wid, json.wid, UUID_SIZE);
	cr_expect(bytes_eq(f->claim.act, json.act));
	cr_expect_eq(f->claim.iat, json.iat);
	cr_expect_eq(f->claim.exp, json.exp);
	cr_assert_eq(f->claim.pred_count, 2);
	cr_expect_arr_eq(f->claim.pred[0], json.pred[0], UUID_SIZE);
	cr_expect_arr_eq(f->claim.pred[1], json.pred[1], UUID_SIZE);
	cr_assert_eq(f->claim.aud_count, 2);
	cr_expect(bytes_is(f->claim.aud[0], "a"));
	cr_expect(bytes_is(f->claim.aud[1], "b"));
	cr_expect_eq(memcmp(&f->claim.inp_hash, &json.inp_hash, sizeof(json.inp_hash)), 0);
	cr_expect_eq(f->claim.out_hash.alg, CLAIM_HASH_NONE);
	cr_expect_eq(f->claim.ext.n, 0);
	cr_expect_null(f->claim.ext_json);
	cr_expect_eq(f->claim.kind, json.kind);
	fix_free(f);
}

Test(claim_claim_cwt, reads_what_is_absent_as_none)
{
	struct fix *f = fix_new();

	cr_assert_eq(READ(f, {0, NULL}), RC_OK, "%s", f->why.text);
	cr_expect_eq(f->claim.pred_count, 0);
	cr_expect_eq(f->claim.aud_count, 0);
	cr_expect(!f->claim.has_wid);
	cr_expect_eq(f->claim.wid[0], 0);
	cr_assert_eq(READ(f, {302, "80"}, {3, "6161"}), RC_OK);
	cr_expect_eq(f->claim.pred_count, 0);
	cr_assert_eq(f->claim.aud_count, 1);
	cr_expect(bytes_is(f->claim.aud[0], "a"));
	fix_free(f);
}

Test(claim_claim_cwt, recognises_the_kind_of_a_node)
{
	struct fix *f = fix_new();

	cr_assert_eq(READ(f, {301, "6a636865636b706f696e74"}, {302, "8150" P1}), RC_OK);
	cr_expect_eq(f->claim.kind, kind_named("checkpoint"));
	fix_free(f);
}

Test(claim_claim_cwt, ignores_what_it_does_not_know)
{
	struct fix *f = fix_new();

	/* 8 cnf, -1, "other": ...; sub that is not iss, nbf that is text */
	cr_expect_eq(read_payload(f,
			 cose_make_payload(CLAIMS({2, "00"}, {5, "6161"}, {8, "a0"}, {299, "f6"}),
			     "2000656f74686572a0", 2)),
	    RC_OK, "%s", f->why.text);
	cr_expect_eq(f->claim.ext.n, 0);
	fix_free(f);
}

/* ---- the rules ---- */

Test(claim_claim_cwt, names_the_first_required_claim_that_is_missing)
{
	static const struct row rows[] = {
	    {{{1, NULL}}, RC_MISSING_CLAIM, "iss"},
	    {{{7, NULL}}, RC_MISSING_CLAIM, "jti"},
	    {{{301, NULL}}, RC_MISSING_CLAIM, "exec_act"},
	    {{{6, NULL}}, RC_MISSING_CLAIM, "iat"},
	    {{{4, NULL}}, RC_MISSING_CLAIM, "exp"},
	    {{{4, NULL}, {1, NULL}}, RC_MISSING_CLAIM, "iss"},
	    /* presence is judged before content */
	    {{{1, "00"}, {4, NULL}}, RC_MISSING_CLAIM, "exp"},
	};
	RUN(rows);
}

Test(claim_claim_cwt, ids_are_16_bytes_and_not_all_zero)
{
	static const struct row rows[] = {
	    {{{7, "5000000000000000000000000000000001"}}, RC_OK, NULL},
	    {{{7, "50" ZERO}}, RC_BAD_CLAIM, "jti"},
	    {{{7, "4f550e8400e29b41d4a7164466554400"}}, RC_BAD_CLAIM, "jti"},
	    {{{7, "51" COSE_JTI "00"}}, RC_BAD_CLAIM, "jti"},
	    {{{7, "40"}}, RC_BAD_CLAIM, "jti"},
	    {{{7, "00"}}, RC_BAD_CLAIM, "jti"},
	    {{{7, "7061616161616161616161616161616161"}}, RC_BAD_CLAIM, "jti"},
	    {{{7, "782435353065383430302d653239622d343164342d613731362d343436363535343430303030"}},
		RC_BAD_CLAIM, "jti"},
	    {{{300, "50" ZERO}}, RC_BAD_CLAIM, "wid"},
	    {{{300, "f6"}}, RC_BAD_CLAIM, "wid"},
	    {{{302, "8150" ZERO}}, RC_BAD_CLAIM, "pred"},
	    {{{302, "814f550e8400e29b41d4a7164466554400"}}, RC_BAD_CLAIM, "pred"},
	    {{{302, "8100"}}, RC_BAD_CLAIM, "pred"},
	};
	RUN(rows);
}

Test(claim_claim_cwt, predecessors_are_an_array_without_self_and_twins)
{
	static const struct row rows[] = {
	    {{{302, "80"}}, RC_OK, NULL},
	    {{{302, "8150" P1}}, RC_OK, NULL},
	    {{{302, "8250" P1 "50" P2}}, RC_OK, NULL},
	    {{{302, "8250" P1 "50" P1}}, RC_BAD_CLAIM, "pred"},
	    {{{302, "8150" COSE_JTI}}, RC_BAD_CLAIM, "pred"},
	    {{{302, "50" P1}}, RC_BAD_CLAIM, "pred"},
	    {{{302, "a0"}}, RC_BAD_CLAIM, "pred"},
	    {{{302, "f6"}}, RC_BAD_CLAIM, "pred"},
	};
	RUN(rows);
}

Test(claim_claim_cwt, takes_100_predecessors_and_not_101)
{
	struct fix *f = fix_new();

	for (unsigned n = 100; n <= 101; n++) {
		char *hex = calloc(1, 8 + (size_t)n * 34 + 1);
		int at;

		cr_assert_not_null(hex);
		at = sprintf(hex, "98%02x", n);
		for (unsigned i = 0; i < n; i++)
			at += sprintf(hex + at, "50%030x%02x", 1, i);
		cr_expect_eq(
		    READ(f, {302, hex}), n == 100 ? RC_OK : RC_BAD_CLAIM, "%u: %s", n, f->why.text);
		free(hex);
	}
	fix_free(f);
}

Test(claim_claim_cwt, times_are_unsigned_whole_seconds_in_order)
{
	static const struct row rows[] = {
	    {{{6, "00"}, {4, "01"}}, RC_OK, NULL},
	    {{{4, "1b001fffffffffffff"}}, RC_OK, NULL},
	    {{{4, "1b0020000000000000"}}, RC_BAD_CLAIM, "exp"},
	    {{{4, "1bffffffffffffffff"}}, RC_BAD_CLAIM, "exp"},
	    {{{6, "20"}}, RC_BAD_CLAIM, "iat"},
	    {{{6, "6431303030"}}, RC_BAD_CLAIM, "iat"},
	    {{{6, "f6"}}, RC_BAD_CLAIM, "iat"},
	    {{{6, "4403e80000"}}, RC_BAD_CLAIM, "iat"},
	    {{{6, "190640"}}, RC_BAD_CLAIM, "exp"}, /* equal */
	    {{{6, "190641"}}, RC_BAD_CLAIM, "exp"},
	};
	RUN(rows);
}

Test(claim_claim_cwt, issuer_action_and_audience_are_text)
{
	static const struct row rows[] = {
	    {{{1, "40"}}, RC_BAD_CLAIM, "iss"},
	    {{{1, "60"}}, RC_BAD_CLAIM, "iss"},
	    {{{1, "6161"}}, RC_BAD_CLAIM, "iss"},
	    {{{1, "816161"}}, RC_BAD_CLAIM, "iss"},
	    {{{301, "60"}}, RC_BAD_CLAIM, "exec_act"},
	    {{{301, "4161"}}, RC_BAD_CLAIM, "exec_act"},
	    {{{301, "6100"}}, RC_BAD_CLAIM, "exec_act"},
	    {{{301, "610a"}}, RC_BAD_CLAIM, "exec_act"},
	    {{{301, "617f"}}, RC_BAD_CLAIM, "exec_act"},
	    {{{301, "62c3a9"}}, RC_OK, NULL},
	    {{{3, "80"}}, RC_BAD_CLAIM, "aud"},
	    {{{3, "60"}}, RC_BAD_CLAIM, "aud"},
	    {{{3, "00"}}, RC_BAD_CLAIM, "aud"},
	    {{{3, "a0"}}, RC_BAD_CLAIM, "aud"},
	    {{{3, "8100"}}, RC_BAD_CLAIM, "aud"},
	    {{{3, "81816161"}}, RC_BAD_CLAIM, "aud"},
	    {{{3, "8160"}}, RC_BAD_CLAIM, "aud"},
	};
	RUN(rows);
}

Test(claim_claim_cwt, an_audience_names_at_most_32)
{
	struct fix *f = fix_new();
	char hex[4 + 33 * 4 + 1];

	for (unsigned n = 32; n <= 33; n++) {
		int at = sprintf(hex, "98%02x", n);

		for (unsigned i = 0; i < n; i++)
			at += sprintf(hex + at, "6161");
		cr_expect_eq(READ(f, {3, hex}), n == 32 ? RC_OK : RC_BAD_CLAIM, "%u", n);
	}
	fix_free(f);
}

Test(claim_claim_cwt, hashes_are_a_cose_algorithm_and_a_digest_of_its_length)
{
#define D48 D32 ZERO
#define D64 D32 D32
	static const struct row rows[] = {
	    {{{307, "822f5820" D32}}, RC_OK, NULL},
	    {{{307, "82382a5830" D48}}, RC_OK, NULL},
	    {{{308, "82382b5840" D64}}, RC_OK, NULL},
	    {{{307, "822f5830" D48}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{307, "82382a5820" D32}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{308, "82382b5830" D48}}, RC_BAD_CLAIM, "out_hash"},
	    {{{307, "822e5820" D32}}, RC_BAD_CLAIM, "inp_hash"}, /* -15: SHA-256/64 */
	    {{{307, "822d5820" D32}}, RC_BAD_CLAIM, "inp_hash"}, /* -14: SHA-1 */
	    {{{307, "820f5820" D32}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{307, "5820" D32}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{307, "815820" D32}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{307, "832f5820" D32 "00"}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{307, "822f40"}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{307, "822f6161"}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{307, "8261615820" D32}}, RC_BAD_CLAIM, "inp_hash"},
	    {{{308, "f6"}}, RC_BAD_CLAIM, "out_hash"},
	};
	struct fix *f = fix_new();

	RUN(rows);
	cr_assert_eq(READ(f, {307, "82382a5830" D48}), RC_OK);
	cr_expect_eq(f->claim.inp_hash.alg, CLAIM_SHA384);
	cr_expect_eq(f->claim.inp_hash.size, 48);
	cr_expect_eq(f->claim.inp_hash.b[0], 0x9f);
	cr_expect_eq(f->claim.inp_hash.b[31], 0x08);
	cr_expect_eq(f->claim.inp_hash.b[48], 0);
	fix_free(f);
}

Test(claim_claim_cwt, old_policy_claims_come_as_a_pair)
{
	static const struct row rows[] = {
	    {{{303, "6170"}, {304, "00"}}, RC_OK, NULL},
	    {{{303, "6170"}, {304, "02"}}, RC_OK, NULL},
	    {{{303, "6170"}, {304, "03"}}, RC_BAD_CLAIM, "pol_decision"},
	    {{{303, "6170"}, {304, "20"}}, RC_BAD_CLAIM, "pol_decision"},
	    {{{303, "6170"}, {304, "6170"}}, RC_BAD_CLAIM, "pol_decision"},
	    {{{303, "6170"}}, RC_BAD_CLAIM, "pol_decision"},
	    {{{304, "00"}}, RC_BAD_CLAIM, "pol"},
	    {{{303, "00"}, {304, "00"}}, RC_BAD_CLAIM, "pol"},
	};
	RUN(rows);
}

/* What is wrong in both is refused for the same claim with the same code: one order of rules. */
Test(claim_claim_cwt, two_faults_are_told_in_the_order_of_json)
{
	static const struct {
		struct cose_claim claims[4];
		const char *json;
	} rows[] = {
	    {{{1, "6161"}, {7, "40"}},
		"{\"iss\":\"a\",\"jti\":\"\",\"exec_act\":\"a\",\"iat\":1,\"exp\":2}"},
	    {{{7, "40"}, {301, "60"}},
		"{\"iss\":\"a:b\",\"jti\":\"\",\"exec_act\":\"\",\"iat\":1,\"exp\":2}"},
	    {{{301, "60"}, {6, "f6"}}, "{\"iss\":\"a:b\",\"jti\":\"" JTI_TEXT
				       "\",\"exec_act\":\"\",\"iat\":null,\"exp\":2}"},
	    {{{6, "f6"}, {3, "80"}}, "{\"iss\":\"a:b\",\"jti\":\"" JTI_TEXT
				     "\",\"exec_act\":\"a\",\"iat\":null,\"exp\":2,\"aud\":[]}"},
	    {{{3, "80"}, {302, "f6"}}, BASE ",\"aud\":[],\"pred\":null}"},
	    {{{302, "f6"}, {307, "f6"}}, BASE ",\"pred\":null,\"inp_hash\":null}"},
	    {{{307, "f6"}, {308, "f6"}}, BASE ",\"inp_hash\":null,\"out_hash\":null}"},
	    {{{308, "f6"}, {303, "6170"}}, BASE ",\"out_hash\":null,\"pol\":\"p\"}"},
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct claim json;
		enum rc rc = read_payload(f, cose_make_payload(rows[i].claims, NULL, 0));
		const char *claim = f->why.claim;

		cr_expect_eq(rc, RC_BAD_CLAIM, "row %zu", i);
		cr_expect_eq(read_json(f, rows[i].json, &json), rc, "row %zu", i);
		cr_expect_str_eq(f->why.claim, claim, "row %zu", i);
	}
	fix_free(f);
}

Test(claim_claim_cwt, the_published_cwt_lacks_what_makes_it_an_ect)
{
	json_t *example = test_vectors(TEST_DATA, "vectors/cose/CWT--A_3.json");
	const char *hex =
	    json_string_value(json_object_get(json_object_get(example, "input"), "plaintext_hex"));
	struct fix *f = fix_new();

	/* RFC 8392 A.1: cti of two bytes, no exec_act */
	cr_expect_eq(read_payload(f, test_hex(hex)), RC_MISSING_CLAIM);
	cr_expect_str_eq(f->why.claim, "exec_act");
	json_decref(example);
	fix_free(f);
}

Test(claim_claim_cwt, says_so_when_the_arena_is_too_small)
{
	struct fix *f = fix_new();
	struct arena none;

	cr_assert_eq(READ(f, {3, "6161"}, {302, "8150" P1}, {309, "00"}), RC_OK);
	for (size_t room = 0; room < 64; room += 16) {
		arena_init(&none, room);
		cr_expect_eq(
		    claim_read(&f->token, &none, &f->claim, NULL), RC_NO_MEMORY, "%zu", room);
		arena_release(&none);
	}
	fix_free(f);
}
