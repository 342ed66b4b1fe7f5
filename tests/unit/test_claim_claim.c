/*
 * test_claim_claim.c - both revisions into one form; each field's smallest, largest, one more and
 * one less.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim/claim.h"
#include "claim/kind.h"

#define JTI "550e8400-e29b-41d4-a716-446655440000"
#define WID "a0b1c2d3-e4f5-6789-abcd-ef0123456789"
#define P1  "00000000-0000-4000-8000-000000000001"
#define P2  "00000000-0000-4000-8000-000000000002"
#define ISS "\"iss\":\"spiffe://example.com/agent/a\""
#define IDS "\"jti\":\"" JTI "\",\"exec_act\":\"review_spec\""
#define AT  "\"iat\":1000,\"exp\":1600"
/* Everything that is required; a test adds ",..." and "}" */
#define BASE "{" ISS "," IDS "," AT
#define H256 "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"
#define H384 "doQSMg97CqWBL85CjcRwazyuUOAqZMqhangiSb_o78S37xzLEmJV0ZYEff7fF6Cp"
#define H512                                                                                       \
	"7iaw3Ur350mqGo7jwQrpkj9hiYB3Lkc_iBml1JQODbJ6wYX4oOHV-E-IvIh_1nsUNzLDBMxfqa2Ob1f1ACio_w"

struct fix {
	struct arena arena;
	struct claim claim;
	struct why why;
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
	free(f);
}

static enum rc
read_text(struct fix *f, struct bytes payload)
{
	static const struct json_limits limits = {TOKEN_SIZE_MAX, TOKEN_DEPTH_MAX, TOKEN_NODES_MAX};
	struct token token = {.media = TOKEN_JWS, .level = LEVEL_2, .payload = payload};
	struct json_node *root = NULL;

	arena_reset(&f->arena);
	memset(&f->why, 0, sizeof(f->why));
	cr_assert_eq(json_parse(payload, &limits, true, &f->arena, &root, &f->why), RC_OK,
	    "%.*s: %s", (int)payload.n, (const char *)payload.p, f->why.text);
	token.claims = root;
	return claim_read(&token, &f->arena, &f->claim, &f->why);
}

static enum rc
read_claims(struct fix *f, const char *payload)
{
	return read_text(f, bytes_str(payload));
}

struct row {
	const char *payload;
	enum rc rc;
	const char *claim;
};

static void
run(const struct row *rows, size_t count)
{
	struct fix *f = fix_new();

	for (size_t i = 0; i < count; i++) {
		enum rc rc = read_claims(f, rows[i].payload);

		cr_expect_eq(
		    rc, rows[i].rc, "%s: %s (%s)", rows[i].payload, rc_label(rc), f->why.text);
		if (rows[i].rc == RC_OK || rc == RC_OK)
			continue;
		cr_expect_not_null(f->why.rule, "%s", rows[i].payload);
		cr_expect_str_eq(
		    f->why.claim == NULL ? "" : f->why.claim, rows[i].claim, "%s", rows[i].payload);
	}
	fix_free(f);
}
#define RUN(rows) run(rows, sizeof(rows) / sizeof((rows)[0]))

/* ---- the normal form ---- */

Test(claim_claim, reads_a_token_of_the_newer_revision)
{
	struct fix *f = fix_new();
	uint8_t id[UUID_SIZE];

	cr_assert_eq(
	    read_claims(f, BASE ",\"aud\":[\"spiffe://example.com/b\",\"x\"],\"wid\":\"" WID
				"\",\"pred\":[\"" P1 "\",\"" P2 "\"],\"inp_hash\":\"" H256
				"\",\"ect_ext\":{\"k\":[1, 2]},\"unknown\":{\"a\":null}}"),
	    RC_OK, "%s", f->why.text);
	cr_expect(bytes_is(f->claim.iss, "spiffe://example.com/agent/a"));
	cr_expect(bytes_is(f->claim.trust_domain, "example.com"));
	cr_assert(uuid_parse(bytes_str(JTI), id));
	cr_expect_arr_eq(f->claim.jti, id, UUID_SIZE);
	cr_assert(uuid_parse(bytes_str(WID), id));
	cr_expect(f->claim.has_wid);
	cr_expect_arr_eq(f->claim.wid, id, UUID_SIZE);
	cr_expect(bytes_is(f->claim.act, "review_spec"));
	cr_expect_eq(f->claim.iat, 1000);
	cr_expect_eq(f->claim.exp, 1600);
	cr_assert_eq(f->claim.pred_count, 2);
	cr_assert(uuid_parse(bytes_str(P2), id));
	cr_expect_arr_eq(f->claim.pred[1], id, UUID_SIZE);
	cr_assert_eq(f->claim.aud_count, 2);
	cr_expect(bytes_is(f->claim.aud[1], "x"));
	cr_expect_eq(f->claim.inp_hash.alg, CLAIM_SHA256);
	cr_expect_eq(f->claim.out_hash.alg, CLAIM_HASH_NONE);
	cr_expect(bytes_is(f->claim.ext, "{\"k\":[1, 2]}"));
	cr_expect_not_null(json_member(f->claim.ext_json, "k"));
	cr_expect_eq(f->claim.kind, kind_named("task"));
	fix_free(f);
}

Test(claim_claim, reads_a_token_of_the_older_revision_into_the_same_form)
{
	struct fix *f = fix_new();

	cr_assert_eq(read_claims(f, BASE ",\"sub\":\"spiffe://example.com/agent/a\",\"par\":[\"" P1
					 "\"],\"ext\":{\"k\":1},\"out_hash\":\"sha-256:" H256
					 "\",\"pol\":\"p\",\"pol_decision\":\"approved\"}"),
	    RC_OK, "%s", f->why.text);
	cr_expect_eq(f->claim.pred_count, 1);
	cr_expect(bytes_is(f->claim.ext, "{\"k\":1}"));
	cr_expect_eq(f->claim.out_hash.alg, CLAIM_SHA256);
	cr_expect_eq(f->claim.out_hash.size, 32);
	fix_free(f);
}

Test(claim_claim, reads_what_is_absent_as_none)
{
	struct fix *f = fix_new();

	cr_assert_eq(read_claims(f, BASE "}"), RC_OK);
	cr_expect_eq(f->claim.pred_count, 0);
	cr_expect_eq(f->claim.aud_count, 0);
	cr_expect(!f->claim.has_wid);
	cr_expect_eq(f->claim.wid[0], 0);
	cr_expect_eq(f->claim.ext.n, 0);
	cr_expect_null(f->claim.ext_json);
	cr_assert_eq(read_claims(f, BASE ",\"pred\":[]}"), RC_OK);
	cr_expect_eq(f->claim.pred_count, 0);
	fix_free(f);
}

Test(claim_claim, knows_the_kind_by_exec_act)
{
	struct fix *f = fix_new();

	cr_assert_eq(
	    read_claims(f, "{" ISS ",\"jti\":\"" JTI "\",\"exec_act\":\"failure\"," AT "}"), RC_OK);
	cr_expect_str_eq(f->claim.kind->name, "failure");
	fix_free(f);
}

Test(claim_claim, does_not_judge_what_it_does_not_know)
{
	static const struct row rows[] = {
	    {BASE ",\"nbf\":99999999999}", RC_OK, NULL},
	    {BASE ",\"nbf\":\"x\"}", RC_OK, NULL},
	    {BASE ",\"sub\":7,\"tid\":null,\"PRED\":1,\"Iss\":2}", RC_OK, NULL},
	    {BASE ",\"big\":1e400,\"neg\":-0}", RC_OK, NULL},
	};
	RUN(rows);
}

/* ---- presence and types ---- */

Test(claim_claim, wants_iss_jti_act_iat_exp)
{
	static const struct row rows[] = {
	    {"{}", RC_MISSING_CLAIM, "iss"},
	    {"{" IDS "," AT "}", RC_MISSING_CLAIM, "iss"},
	    {"{" ISS ",\"exec_act\":\"a\"," AT "}", RC_MISSING_CLAIM, "jti"},
	    {"{" ISS ",\"jti\":\"" JTI "\"," AT "}", RC_MISSING_CLAIM, "exec_act"},
	    {"{" ISS "," IDS ",\"exp\":1}", RC_MISSING_CLAIM, "iat"},
	    {"{" ISS "," IDS ",\"iat\":1}", RC_MISSING_CLAIM, "exp"},
	    {"{" ISS "," IDS ",\"iat\":1,\"exp\":2}", RC_OK, NULL},
	};
	RUN(rows);
}

Test(claim_claim, refuses_wrong_types)
{
	static const struct row rows[] = {
	    {"{\"iss\":7," IDS "," AT "}", RC_BAD_CLAIM, "iss"},
	    {"{\"iss\":null," IDS "," AT "}", RC_BAD_CLAIM, "iss"},
	    {"{\"iss\":\"agent a\"," IDS "," AT "}", RC_BAD_CLAIM, "iss"},
	    {"{" ISS ",\"jti\":7,\"exec_act\":\"a\"," AT "}", RC_BAD_CLAIM, "jti"},
	    {"{" ISS ",\"jti\":\"x\",\"exec_act\":\"a\"," AT "}", RC_BAD_CLAIM, "jti"},
	    {"{" ISS ",\"jti\":\"urn:uuid:" JTI "\",\"exec_act\":\"a\"," AT "}", RC_BAD_CLAIM,
		"jti"},
	    {"{" ISS ",\"jti\":\"00000000-0000-0000-0000-000000000000\",\"exec_act\":\"a\"," AT "}",
		RC_BAD_CLAIM, "jti"},
	    {"{" ISS ",\"jti\":\"" JTI "\",\"exec_act\":null," AT "}", RC_BAD_CLAIM, "exec_act"},
	    {"{" ISS ",\"jti\":\"" JTI "\",\"exec_act\":\"\"," AT "}", RC_BAD_CLAIM, "exec_act"},
	    {"{" ISS ",\"jti\":\"" JTI "\",\"exec_act\":\"a\\nb\"," AT "}", RC_BAD_CLAIM,
		"exec_act"},
	    {"{" ISS ",\"jti\":\"" JTI "\",\"exec_act\":\"pr\\u00fcfen\"," AT "}", RC_OK, NULL},
	    {BASE ",\"wid\":null}", RC_BAD_CLAIM, "wid"},
	    {BASE ",\"wid\":\"\"}", RC_BAD_CLAIM, "wid"},
	    {BASE ",\"wid\":\"workflow-1\"}", RC_BAD_CLAIM, "wid"},
	    {BASE ",\"wid\":\"" WID "\"}", RC_OK, NULL},
	    {BASE ",\"wid\":\"A0B1C2D3-E4F5-6789-ABCD-EF0123456789\"}", RC_OK, NULL},
	};
	RUN(rows);
}

Test(claim_claim, times_are_whole_seconds_below_2_to_the_53)
{
	static const char *const bad[] = {"-1", "-0", "0.0", "1.5", "1e3", "1E3",
	    "9007199254740992", "9223372036854775808", "1e400", "\"1000\"", "true", "null", "[1]"};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[400];

		(void)snprintf(
		    text, sizeof(text), "{" ISS "," IDS ",\"iat\":%s,\"exp\":1600}", bad[i]);
		cr_expect_eq(read_claims(f, text), RC_BAD_CLAIM, "iat %s", bad[i]);
		cr_expect_str_eq(f->why.claim, "iat");
		(void)snprintf(
		    text, sizeof(text), "{" ISS "," IDS ",\"iat\":0,\"exp\":%s}", bad[i]);
		cr_expect_eq(read_claims(f, text), RC_BAD_CLAIM, "exp %s", bad[i]);
		cr_expect_str_eq(f->why.claim, "exp");
	}
	cr_expect_eq(read_claims(f, "{" ISS "," IDS ",\"iat\":0,\"exp\":9007199254740991}"), RC_OK);
	cr_expect_eq(f->claim.exp, 9007199254740991);
	fix_free(f);
}

Test(claim_claim, exp_must_be_after_iat)
{
	static const struct row rows[] = {
	    {"{" ISS "," IDS ",\"iat\":100,\"exp\":101}", RC_OK, NULL},
	    {"{" ISS "," IDS ",\"iat\":100,\"exp\":100}", RC_BAD_CLAIM, "exp"},
	    {"{" ISS "," IDS ",\"iat\":100,\"exp\":99}", RC_BAD_CLAIM, "exp"},
	    {"{" ISS "," IDS ",\"iat\":0,\"exp\":0}", RC_BAD_CLAIM, "exp"},
	};
	RUN(rows);
}

Test(claim_claim, aud_is_a_string_or_an_array_of_strings)
{
	static const struct row rows[] = {
	    {BASE ",\"aud\":\"x\"}", RC_OK, NULL},
	    {BASE ",\"aud\":[\"x\"]}", RC_OK, NULL},
	    {BASE ",\"aud\":[\"x\",\"x\"]}", RC_OK, NULL},
	    {BASE ",\"aud\":[]}", RC_BAD_CLAIM, "aud"},
	    {BASE ",\"aud\":\"\"}", RC_BAD_CLAIM, "aud"},
	    {BASE ",\"aud\":[\"\"]}", RC_BAD_CLAIM, "aud"},
	    {BASE ",\"aud\":[\"x\",7]}", RC_BAD_CLAIM, "aud"},
	    {BASE ",\"aud\":[[\"x\"]]}", RC_BAD_CLAIM, "aud"},
	    {BASE ",\"aud\":{\"x\":1}}", RC_BAD_CLAIM, "aud"},
	    {BASE ",\"aud\":null}", RC_BAD_CLAIM, "aud"},
	    {BASE ",\"aud\":\"a\\nb\"}", RC_BAD_CLAIM, "aud"},
	};
	RUN(rows);
}

Test(claim_claim, both_spellings_must_agree_to_the_byte)
{
	static const struct row rows[] = {
	    {BASE ",\"par\":[\"" P1 "\"],\"pred\":[\"" P1 "\"]}", RC_OK, NULL},
	    {BASE ",\"par\":[],\"pred\":[]}", RC_OK, NULL},
	    {BASE ",\"par\":[],\"pred\":[\"" P1 "\"]}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"par\":[\"" P1 "\"],\"pred\":[]}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"par\":[\"" P1 "\"],\"pred\":[\"" P1 "\" ]}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"ext\":{\"a\":1},\"ect_ext\":{\"a\":1}}", RC_OK, NULL},
	    {BASE ",\"ext\":{\"a\":1},\"ect_ext\":{\"a\":2}}", RC_BAD_CLAIM, "ect_ext"},
	    {BASE ",\"ext\":{},\"ect_ext\":{\"a\":2}}", RC_BAD_CLAIM, "ect_ext"},
	};
	RUN(rows);
}

/* ---- predecessors ---- */

Test(claim_claim, predecessors_are_distinct_uuids_and_never_the_task_itself)
{
	static const struct row rows[] = {
	    {BASE ",\"pred\":\"" P1 "\"}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"pred\":null}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"pred\":{}}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"pred\":[7]}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"pred\":[\"task-001\"]}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"pred\":[\"" P1 "\",null]}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"pred\":[\"" P1 "\",\"" P2 "\",\"" P1 "\"]}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"pred\":[\"" JTI "\"]}", RC_BAD_CLAIM, "pred"},
	    {BASE ",\"pred\":[\"" P1 "\",\"550E8400-E29B-41D4-A716-446655440000\"]}", RC_BAD_CLAIM,
		"pred"},
	    {BASE ",\"pred\":[\"a0b1c2d3-e4f5-6789-abcd-ef0123456789\","
		  "\"A0B1C2D3-E4F5-6789-ABCD-EF0123456789\"]}",
		RC_BAD_CLAIM, "pred"},
	};
	RUN(rows);
}

Test(claim_claim, takes_100_predecessors_and_not_one_more)
{
	struct fix *f = fix_new();
	struct buf b;

	buf_init(&b, 0);
	for (unsigned n = 99; n <= 101; n++) {
		buf_clear(&b);
		buf_add_str(&b, BASE ",\"pred\":[");
		for (unsigned i = 0; i < n; i++)
			buf_addf(
			    &b, "%s\"00000000-0000-4000-8000-0000000%05x\"", i ? "," : "", i + 1);
		buf_add_str(&b, "]}");
		cr_expect_eq(read_text(f, buf_bytes(&b)), n <= 100 ? RC_OK : RC_BAD_CLAIM, "%u", n);
		if (n <= 100)
			cr_expect_eq(f->claim.pred_count, n);
	}
	buf_release(&b);
	fix_free(f);
}

Test(claim_claim, takes_32_audiences_and_not_one_more)
{
	struct fix *f = fix_new();
	struct buf b;

	buf_init(&b, 0);
	for (unsigned n = 31; n <= 33; n++) {
		buf_clear(&b);
		buf_add_str(&b, BASE ",\"aud\":[\"x\"");
		for (unsigned i = 1; i < n; i++)
			buf_add_str(&b, ",\"x\"");
		buf_add_str(&b, "]}");
		cr_expect_eq(read_text(f, buf_bytes(&b)), n <= 32 ? RC_OK : RC_BAD_CLAIM, "%u", n);
	}
	buf_release(&b);
	fix_free(f);
}

/* Text of exactly n bytes in one member. */
static enum rc
with_text(struct fix *f, const char *before, size_t n, const char *after)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, 0);
	buf_add_str(&b, before);
	for (size_t i = 0; i < n; i++)
		buf_add_str(&b, "a");
	buf_add_str(&b, after);
	rc = read_text(f, buf_bytes(&b));
	buf_release(&b);
	return rc;
}

Test(claim_claim, bounds_act_iss_and_aud_to_the_byte)
{
	struct fix *f = fix_new();

#define ACT "{" ISS "," AT ",\"jti\":\"" JTI "\",\"exec_act\":\""
	cr_expect_eq(with_text(f, ACT, 0, "\"}"), RC_BAD_CLAIM);
	cr_expect_eq(with_text(f, ACT, 1, "\"}"), RC_OK);
	cr_expect_eq(with_text(f, ACT, 256, "\"}"), RC_OK);
	cr_expect_eq(with_text(f, ACT, 257, "\"}"), RC_BAD_CLAIM);
#undef ACT
	cr_expect_eq(with_text(f, "{\"iss\":\"urn:", 2044, "\"," IDS "," AT "}"), RC_OK);
	cr_expect_eq(with_text(f, "{\"iss\":\"urn:", 2045, "\"," IDS "," AT "}"), RC_BAD_CLAIM);
	cr_expect_eq(with_text(f, BASE ",\"aud\":\"", 2048, "\"}"), RC_OK);
	cr_expect_eq(with_text(f, BASE ",\"aud\":\"", 2049, "\"}"), RC_BAD_CLAIM);
	fix_free(f);
}

/* ---- extension ---- */

Test(claim_claim, takes_an_extension_of_4096_received_bytes_and_not_one_more)
{
	struct fix *f = fix_new();

	/* {"k":""} is 8 bytes */
	cr_expect_eq(with_text(f, BASE ",\"ect_ext\":{\"k\":\"", 4088, "\"}}"), RC_OK);
	cr_expect_eq(f->claim.ext.n, 4096);
	cr_expect_eq(with_text(f, BASE ",\"ect_ext\":{\"k\":\"", 4089, "\"}}"), RC_BAD_CLAIM);
	cr_expect_str_eq(f->why.claim, "ect_ext");
	/* as received: white space counts */
	cr_expect_eq(with_text(f, BASE ",\"ext\":{\"k\":\"", 4087, "\" }}"), RC_OK);
	cr_expect_eq(with_text(f, BASE ",\"ext\":{\"k\":\"", 4088, "\" }}"), RC_BAD_CLAIM);
	fix_free(f);
}

Test(claim_claim, takes_an_extension_of_five_levels_and_not_six)
{
	static const struct row rows[] = {
	    {BASE ",\"ect_ext\":{}}", RC_OK, NULL},
	    {BASE ",\"ect_ext\":{\"a\":{\"b\":[{\"c\":[]}]}}}", RC_OK, NULL},
	    {BASE ",\"ect_ext\":{\"a\":{\"b\":[{\"c\":[[]]}]}}}", RC_BAD_CLAIM, "ect_ext"},
	    /* levels are objects and arrays: a scalar at the bottom adds none */
	    {BASE ",\"ect_ext\":{\"a\":{\"b\":{\"c\":{\"d\":1}}}}}", RC_OK, NULL},
	    {BASE ",\"ect_ext\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}}", RC_OK, NULL},
	    {BASE ",\"ect_ext\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{}}}}}}}", RC_BAD_CLAIM,
		"ect_ext"},
	    {BASE ",\"ect_ext\":[]}", RC_BAD_CLAIM, "ect_ext"},
	    {BASE ",\"ect_ext\":null}", RC_BAD_CLAIM, "ect_ext"},
	    {BASE ",\"ext\":\"x\"}", RC_BAD_CLAIM, "ect_ext"},
	};
	RUN(rows);
}

/* ---- hashes and old policy claims ---- */

Test(claim_claim, hashes_are_plain_sha_256_or_prefixed_with_their_length)
{
	static const struct row rows[] = {
	    {BASE ",\"inp_hash\":\"" H256 "\"}", RC_OK, NULL},
	    {BASE ",\"inp_hash\":\"sha-256:" H256 "\"}", RC_OK, NULL},
	    {BASE ",\"inp_hash\":\"sha-384:" H384 "\"}", RC_OK, NULL},
	    {BASE ",\"out_hash\":\"sha-512:" H512 "\"}", RC_OK, NULL},
	    {BASE ",\"inp_hash\":\"" H384 "\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"sha-256:" H384 "\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"sha-384:" H256 "\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"sha-512:" H384 "\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"sha-1:" H256 "\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"SHA-256:" H256 "\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"sha256:" H256 "\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"" H256 "=\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"" H256 "A\"}", RC_BAD_CLAIM, "inp_hash"},
	    {BASE ",\"inp_hash\":\"n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCg\"}", RC_BAD_CLAIM,
		"inp_hash"},
	    {BASE ",\"inp_hash\":\"n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgh\"}", RC_BAD_CLAIM,
		"inp_hash"},
	    {BASE ",\"inp_hash\":\"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg\"}", RC_BAD_CLAIM,
		"inp_hash"},
	    {BASE ",\"out_hash\":\"\"}", RC_BAD_CLAIM, "out_hash"},
	    {BASE ",\"out_hash\":\"sha-256:\"}", RC_BAD_CLAIM, "out_hash"},
	    {BASE ",\"out_hash\":7}", RC_BAD_CLAIM, "out_hash"},
	    {BASE ",\"out_hash\":null}", RC_BAD_CLAIM, "out_hash"},
	};
	RUN(rows);
}

Test(claim_claim, a_hash_with_and_without_prefix_is_the_same_hash)
{
	struct fix *f = fix_new();
	struct claim_hash plain;

	cr_assert_eq(read_claims(f, BASE ",\"inp_hash\":\"" H256 "\"}"), RC_OK);
	plain = f->claim.inp_hash;
	cr_expect_eq(plain.b[0], 0x9f);
	cr_expect_eq(plain.b[31], 0x08);
	cr_assert_eq(read_claims(f, BASE ",\"inp_hash\":\"sha-256:" H256 "\"}"), RC_OK);
	cr_expect_arr_eq(f->claim.inp_hash.b, plain.b, 64);
	cr_expect_eq(f->claim.inp_hash.alg, plain.alg);
	cr_assert_eq(read_claims(f, BASE ",\"inp_hash\":\"sha-512:" H512 "\"}"), RC_OK);
	cr_expect_eq(f->claim.inp_hash.alg, CLAIM_SHA512);
	cr_expect_eq(f->claim.inp_hash.size, 64);
	fix_free(f);
}

Test(claim_claim, old_policy_claims_come_as_a_pair)
{
	static const struct row rows[] = {
	    {BASE ",\"pol\":\"p\",\"pol_decision\":\"approved\"}", RC_OK, NULL},
	    {BASE ",\"pol\":\"p\"}", RC_BAD_CLAIM, "pol_decision"},
	    {BASE ",\"pol_decision\":\"approved\"}", RC_BAD_CLAIM, "pol"},
	    {BASE ",\"pol\":7,\"pol_decision\":\"approved\"}", RC_BAD_CLAIM, "pol"},
	    {BASE ",\"pol\":\"p\",\"pol_decision\":null}", RC_BAD_CLAIM, "pol_decision"},
	    {BASE ",\"ect_ext\":{\"pol\":\"p\"}}", RC_OK, NULL},
	};
	RUN(rows);
}

Test(claim_claim, says_so_when_the_arena_is_too_small)
{
	static const struct json_limits limits = {TOKEN_SIZE_MAX, TOKEN_DEPTH_MAX, TOKEN_NODES_MAX};
	struct bytes text = bytes_str(BASE ",\"pred\":[\"" P1 "\"],\"aud\":\"x\"}");
	struct json_node *root = NULL;
	struct token token = {.media = TOKEN_JWS};
	struct arena parsed, none;
	struct claim claim;

	arena_init(&parsed, 1 << 20);
	arena_init(&none, 0);
	cr_assert_eq(json_parse(text, &limits, true, &parsed, &root, NULL), RC_OK);
	token.claims = root;
	cr_expect_eq(claim_read(&token, &none, &claim, NULL), RC_NO_MEMORY);
	cr_expect_eq(claim_read(&token, &parsed, &claim, NULL), RC_OK);
	arena_release(&parsed);
	arena_release(&none);
}

/* ---- times ---- */

static enum rc
at(int64_t iat, int64_t exp, int64_t now_ms, int64_t age, bool deferred)
{
	struct claim claim = {.iat = iat, .exp = exp};
	struct claim_times times = {.now_ms = now_ms, .age_max_s = age, .deferred = deferred};
	struct why why = {0};
	enum rc rc = claim_check_times(&claim, &times, &why);

	if (rc != RC_OK)
		cr_expect_not_null(why.rule);
	return rc;
}

Test(claim_claim, is_good_from_30_seconds_before_until_just_before_exp)
{
	cr_expect_eq(at(1030, 2000, 1000000, 900, false), RC_OK);
	cr_expect_eq(at(1031, 2000, 1000000, 900, false), RC_NOT_YET_VALID);
	cr_expect_eq(at(1031, 2000, 1000999, 900, false), RC_NOT_YET_VALID);
	cr_expect_eq(at(1000, 1001, 1000999, 900, false), RC_OK);
	cr_expect_eq(at(1000, 1001, 1001000, 900, false), RC_EXPIRED);
	cr_expect_eq(at(1000, 1600, 1600000, 900, false), RC_EXPIRED);
	cr_expect_eq(at(0, 1, 0, 900, false), RC_OK);
	cr_expect_eq(at(9007199254740990, 9007199254740991, 0, 900, false), RC_NOT_YET_VALID);
}

Test(claim_claim, is_at_most_as_old_as_the_log_allows)
{
	cr_expect_eq(at(1000, 99999, 1900000, 900, false), RC_OK);
	cr_expect_eq(at(1000, 99999, 1901000, 900, false), RC_EXPIRED);
	cr_expect_eq(at(1000, 99999, 1901000, 901, false), RC_OK);
	cr_expect_eq(at(1000, 99999, 1000000, 0, false), RC_OK);
	cr_expect_eq(at(1000, 99999, 1001000, 0, false), RC_EXPIRED);
	cr_expect_eq(at(1000, 99999, INT64_MAX, INT64_MAX, true), RC_OK);
}

Test(claim_claim, a_deferred_log_takes_what_has_expired_but_not_what_is_too_old)
{
	cr_expect_eq(at(1000, 1001, 5000000, 86400, true), RC_OK);
	cr_expect_eq(at(1000, 1001, 5000000, 86400, false), RC_EXPIRED);
	cr_expect_eq(at(1000, 1001, 5000000, 3999, true), RC_EXPIRED);
	cr_expect_eq(at(1031, 2000, 1000000, 86400, true), RC_NOT_YET_VALID);
}

Test(claim_claim, a_time_before_1970_is_our_own_bug, .signal = SIGABRT)
{
	(void)at(1000, 1001, -1, 900, false);
}
