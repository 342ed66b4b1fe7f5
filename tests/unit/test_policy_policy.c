/*
 * test_policy_policy.c - what a log demands, who may do what, and the digest of the rules.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim/entry.h"
#include "claim/kind.h"
#include "policy/policy.h"

#define NOW_MS 2000000

static struct token
l2(void)
{
	return (struct token){.media = TOKEN_JWS, .level = LEVEL_2};
}

/* A good claim: issued at now, good for 600 s, for the audience "log". */
static struct claim
good(void)
{
	static const struct bytes aud[] = {
	    {(const uint8_t *)"next", 4}, {(const uint8_t *)"log", 3}};

	return (struct claim){
	    .iat = 2000, .exp = 2600, .aud = aud, .aud_count = 2, .kind = kind_at(0)};
}

static enum rc
judge(const struct policy_rules *rules, const struct token *token, const struct claim *claim,
    uint64_t *flags)
{
	struct policy_ruling ruling = {.flags = 99};
	struct why why = {0};
	enum rc rc = policy_judge(rules, token, claim, NOW_MS, &ruling, &why);

	*flags = ruling.flags;
	if (rc != RC_OK)
		cr_expect_not_null(why.rule);
	return rc;
}

Test(policy_policy, defaults_are_those_of_the_contract)
{
	struct policy_rules r;

	policy_rules_init(&r);
	cr_expect_eq(r.level_min, LEVEL_2);
	cr_expect_eq(r.age_max_s, 900);
	cr_expect(r.cross_workflow);
	cr_expect(r.forwarded);
	cr_expect(!r.deferred);
	cr_expect(!r.kinds_strict);
	cr_expect_null(r.audience);
	cr_expect_eq(r.grant_count, 0);
	cr_expect_eq(r.tokens_per_s_max, 0);
	cr_expect_eq(r.client_tokens_per_s_max, 0);
	cr_expect_eq(r.failed_weight, 10);
	cr_expect_eq(r.bindings, 1u << TRUST_JWKS | 1u << TRUST_X509 | 1u << TRUST_WIT);
	cr_expect_eq(r.equivocations_max, 100);
	cr_expect_eq(r.wait_ms, 3000);
	policy_rules_release(&r);
	policy_rules_release(&r);
	policy_rules_release(NULL);
}

Test(policy_policy, lets_an_ordinary_token_in_without_flags)
{
	struct policy_rules r;
	struct token token = l2();
	struct claim claim = good();
	uint64_t flags;

	policy_rules_init(&r);
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	cr_expect_eq(flags, 0);
}

Test(policy_policy, refuses_a_level_below_the_minimum)
{
	struct policy_rules r;
	struct token token = l2();
	struct claim claim = good();
	uint64_t flags;

	policy_rules_init(&r);
	token.level = LEVEL_1;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_LEVEL_TOO_LOW);
	r.level_min = LEVEL_1;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	r.level_min = LEVEL_3;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_LEVEL_TOO_LOW);
	token.level = LEVEL_2; /* becomes L3 by being in this log */
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
}

Test(policy_policy, judges_times_by_the_log_s_own_age_limit)
{
	struct policy_rules r;
	struct token token = l2();
	struct claim claim = good();
	uint64_t flags;

	policy_rules_init(&r);
	claim.iat = 1100;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	claim.iat = 1099;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_EXPIRED);
	r.age_max_s = 901;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	claim.iat = 2031;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_NOT_YET_VALID);
}

Test(policy_policy, says_until_when_the_ruling_holds)
{
	struct policy_rules r;
	struct token token = l2();
	struct claim claim = good();
	struct policy_ruling ruling;

	policy_rules_init(&r);
	claim.iat = 1999;
	claim.exp = 2005;
	cr_expect_eq(policy_judge(&r, &token, &claim, 2000000, &ruling, NULL), RC_OK);
	cr_expect_eq(ruling.ends_s, 2005);
	claim.exp = 9000;
	cr_expect_eq(policy_judge(&r, &token, &claim, 2000000, &ruling, NULL), RC_OK);
	cr_expect_eq(ruling.ends_s, 1999 + CLAIM_AGE_MAX_S + 1);
	r.deferred = true;
	r.age_max_s = 100000;
	cr_expect_eq(policy_judge(&r, &token, &claim, 2000000, &ruling, NULL), RC_OK);
	cr_expect_eq(ruling.ends_s, 1999 + CLAIM_AGE_MAX_S + 1, "deferred from then on");
	claim.iat = 100;
	cr_expect_eq(policy_judge(&r, &token, &claim, 2000000, &ruling, NULL), RC_OK);
	cr_expect_eq(ruling.ends_s, INT64_MAX);
}

Test(policy_policy, a_deferred_log_marks_what_an_ordinary_one_would_refuse)
{
	struct policy_rules r;
	struct token token = l2();
	struct claim claim = good();
	uint64_t flags;

	policy_rules_init(&r);
	r.deferred = true;
	r.age_max_s = 1500;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	cr_expect_eq(flags, 0);
	claim.exp = 2000; /* expired this very second */
	claim.iat = 1999;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	cr_expect_eq(flags, ENTRY_DEFERRED);
	claim.iat = 500;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	cr_expect_eq(flags, ENTRY_DEFERRED);
	claim.iat = 499;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_EXPIRED);
	cr_expect_eq(flags, 0);
	claim.iat = 2031;
	claim.exp = 2600;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_NOT_YET_VALID);
}

Test(policy_policy, marks_or_refuses_tokens_for_somebody_else)
{
	struct policy_rules r;
	struct token token = l2();
	struct claim claim = good();
	char audience[] = "log", other[] = "Log";
	uint64_t flags;

	policy_rules_init(&r);
	r.audience = audience;
	r.forwarded = false;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	cr_expect_eq(flags, 0);
	r.audience = other;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_BAD_CLAIM);
	r.forwarded = true;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	cr_expect_eq(flags, ENTRY_FORWARDED);
	claim.aud_count = 0;
	cr_expect_eq(judge(&r, &token, &claim, &flags), RC_OK);
	cr_expect_eq(flags, ENTRY_FORWARDED);
}

/* ---- who may do what ---- */

static bool
allows(const char *pattern, unsigned rights, const char *identity, enum policy_right right)
{
	char text[128];
	struct policy_grant grant = {.pattern = text, .rights = rights};
	struct policy_rules r;

	(void)snprintf(text, sizeof(text), "%s", pattern);
	policy_rules_init(&r);
	r.grants = &grant;
	r.grant_count = 1;
	return policy_allows(&r, bytes_str(identity), false, right);
}

Test(policy_policy, nobody_may_do_anything_without_a_grant_but_on_an_insecure_loopback)
{
	struct policy_rules r;

	policy_rules_init(&r);
	cr_expect(!policy_allows(&r, bytes_str("spiffe://e/a"), false, POLICY_READ));
	cr_expect(!policy_allows(&r, BYTES_NONE, false, POLICY_READ));
	cr_expect(policy_allows(&r, BYTES_NONE, true, POLICY_WRITE));
	cr_expect(policy_allows(&r, BYTES_NONE, true, POLICY_ADMIN));
}

Test(policy_policy, a_right_is_granted_by_name_and_implies_no_other)
{
	cr_expect(allows("spiffe://e/a", POLICY_WRITE, "spiffe://e/a", POLICY_WRITE));
	cr_expect(!allows("spiffe://e/a", POLICY_WRITE, "spiffe://e/a", POLICY_READ));
	cr_expect(!allows("spiffe://e/a", POLICY_ADMIN, "spiffe://e/a", POLICY_WRITE));
	cr_expect(allows("spiffe://e/a", POLICY_WRITE | POLICY_READ, "spiffe://e/a", POLICY_READ));
}

Test(policy_policy, rights_of_several_grants_add_up)
{
	char all[] = "spiffe://e/*", one[] = "spiffe://e/a";
	struct policy_grant grants[] = {{all, POLICY_READ}, {one, POLICY_WRITE}};
	struct policy_rules r;

	policy_rules_init(&r);
	r.grants = grants;
	r.grant_count = 2;
	cr_expect(policy_allows(&r, bytes_str(one), false, POLICY_READ));
	cr_expect(policy_allows(&r, bytes_str(one), false, POLICY_WRITE));
	cr_expect(policy_allows(&r, bytes_str("spiffe://e/b"), false, POLICY_READ));
	cr_expect(!policy_allows(&r, bytes_str("spiffe://e/b"), false, POLICY_WRITE));
}

Test(policy_policy, patterns_are_exact_or_a_prefix_up_to_a_slash)
{
	static const struct {
		const char *pattern, *identity;
		bool allowed;
	} rows[] = {
	    {"spiffe://e/a", "spiffe://e/a", true},
	    {"spiffe://e/a", "spiffe://e/ab", false},
	    {"spiffe://e/a", "spiffe://e/", false},
	    {"spiffe://e/a", "spiffe://e/A", false},
	    {"spiffe://e/agents/*", "spiffe://e/agents/x", true},
	    {"spiffe://e/agents/*", "spiffe://e/agents/x/y", true},
	    {"spiffe://e/agents/*", "spiffe://e/agents/", false},
	    {"spiffe://e/agents/*", "spiffe://e/agents", false},
	    {"spiffe://e/agents/*", "spiffe://e/agentsx/y", false},
	    {"spiffe://e/*", "spiffe://e/x", true},
	    {"spiffe://e/*", "spiffe://evil/x", false},
	    {"spiffe://e*", "spiffe://evil/x", false},
	    {"spiffe://*", "spiffe://evil/x", false},
	    {"spiffe:/*", "spiffe://evil/x", false},
	    {"/*", "spiffe://evil/x", false},
	    {"*", "spiffe://evil/x", false},
	    {"", "spiffe://evil/x", false},
	    {"spiffe://e/*/x", "spiffe://e/a/x", false},
	    {"spiffe://e/a*", "spiffe://e/ab", false},
	    {"spiffe://e/*", "spiffe://e/*", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(allows(rows[i].pattern, POLICY_READ, rows[i].identity, POLICY_READ),
		    rows[i].allowed, "%s %s", rows[i].pattern, rows[i].identity);
}

Test(policy_policy, knows_a_pattern_that_can_never_match)
{
	static const char *const ok[] = {
	    "spiffe://e/a", "spiffe://e/*", "spiffe://e/a/*", "https://h.example", "urn:uuid:x"};
	static const char *const bad[] = {"", "*", "/*", "spiffe://*", "spiffe:///*", "spiffe://e*",
	    "spiffe://e/a*", "spiffe:*", "spiffe:/*", "a b:c", "spiffe://e/*/*", ":x", "plain"};

	for (size_t i = 0; i < sizeof(ok) / sizeof(ok[0]); i++)
		cr_expect(policy_pattern_ok(bytes_str(ok[i])), "%s", ok[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(!policy_pattern_ok(bytes_str(bad[i])), "%s", bad[i]);
}

/* ---- limits and their digest ---- */

Test(policy_policy, what_bounds_policy_documents_is_among_the_limits)
{
	static const struct {
		const char *name;
		uint64_t value;
	} want[] = {{"policy_doc_size_max", 49152}, {"policy_docs_max", 10000}, {"policy_roles_max", 64},
	    {"policy_members_max", 256}, {"policy_rules_max", 64}, {"policy_acts_max", 64},
	    {"policy_conds_max", 256}, {"policy_cond_depth_max", 8}, {"policy_field_max", 256},
	    {"policy_value_max", 2048}, {"policy_values_max", 256}, {"policy_name_max", 64},
	    {"policy_window_max", 10000}, {"policy_seconds_max", 3153600000}};
	size_t count;
	const struct policy_limit *limits = policy_limits(&count);

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		size_t k = 0;

		while (k < count && strcmp(limits[k].name, want[i].name) != 0)
			k++;
		cr_assert_lt(k, count, "%s", want[i].name);
		cr_expect_eq(limits[k].value, want[i].value, "%s", want[i].name);
	}
}

Test(policy_policy, lists_every_limit_once_with_a_value_and_a_unit)
{
	size_t count = 0;
	const struct policy_limit *limits = policy_limits(&count);

	cr_assert_gt(count, 10);
	for (size_t i = 0; i < count; i++) {
		cr_expect_gt(limits[i].value, 0);
		cr_expect_gt(strlen(limits[i].unit), 0);
		cr_expect_gt(strlen(limits[i].text), 0);
		for (size_t j = i + 1; j < count; j++)
			cr_expect_str_neq(limits[i].name, limits[j].name);
	}
}

/* The chain of policy.c's head comment, written a second time from that comment alone. */
static void
expected_digest(const char *rules, const char *grants, uint8_t out[8])
{
	size_t count = 0;
	const struct policy_limit *limits = policy_limits(&count);
	char all[4096];
	struct hash h = {{0}};
	size_t n = 0;

	n += (size_t)snprintf(all, sizeof(all), "%s", rules);
	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(
		    all + n, sizeof(all) - n, "%s=%" PRIu64 "\n", limits[i].name, limits[i].value);
	n += (size_t)snprintf(all + n, sizeof(all) - n, "%s", grants);
	cr_assert(n < sizeof(all));
	for (char *line = all; *line != '\0';) {
		char *end = strchr(line, '\n') + 1;
		uint8_t step[HASH_SIZE + 512];
		size_t size = (size_t)(end - line);

		memcpy(step, h.b, HASH_SIZE);
		memcpy(step + HASH_SIZE, line, size);
		hash_of(bytes_of(step, HASH_SIZE + size), &h);
		line = end;
	}
	memcpy(out, h.b, 8);
}

#define NEW_RULES                                                                                  \
	"tokens_per_s_max=0\nbytes_per_s_max=0\nverifies_per_s_max=0\n"                            \
	"client_tokens_per_s_max=0\nclient_bytes_per_s_max=0\n"                                    \
	"client_verifies_per_s_max=0\nfailed_weight=10\nequivocations_max=100\nwait_ms=3000\n"     \
	"bindings=14\n"

Test(policy_policy, the_digest_can_be_recomputed_from_its_description)
{
	char audience[] = "https://ledger.example", pattern[] = "spiffe://e/*";
	struct policy_grant grant = {pattern, POLICY_READ | POLICY_WRITE};
	struct policy_rules r;
	uint8_t got[8], want[8];

	policy_rules_init(&r);
	policy_limits_digest(&r, got);
	expected_digest("level_min=2\ndeferred=0\nage_max_s=900\ncross_workflow=1\naudience=\n"
			"forwarded=1\nkinds_strict=0\n" NEW_RULES,
	    "", want);
	cr_expect_arr_eq(got, want, 8);
	r.audience = audience;
	r.grants = &grant;
	r.grant_count = 1;
	policy_limits_digest(&r, got);
	expected_digest("level_min=2\ndeferred=0\nage_max_s=900\ncross_workflow=1\n"
			"audience=https://ledger.example\nforwarded=1\nkinds_strict=0\n" NEW_RULES,
	    "grant 3=spiffe://e/*\n", want);
	cr_expect_arr_eq(got, want, 8);
}

Test(policy_policy, every_rule_changes_the_digest)
{
	char audience[] = "x", pattern[] = "spiffe://e/a";
	struct policy_grant grant = {pattern, POLICY_READ};
	uint8_t seen[19][8];
	struct policy_rules r;

	for (size_t i = 0; i < 19; i++) {
		policy_rules_init(&r);
		switch (i) {
		case 1:
			r.level_min = LEVEL_3;
			break;
		case 2:
			r.deferred = true;
			break;
		case 3:
			r.age_max_s = 901;
			break;
		case 4:
			r.cross_workflow = false;
			break;
		case 5:
			r.audience = audience;
			break;
		case 6:
			r.forwarded = false;
			break;
		case 7:
			r.kinds_strict = true;
			break;
		case 8:
			r.tokens_per_s_max = 1;
			break;
		case 9:
			r.grants = &grant;
			r.grant_count = 1;
			break;
		case 10:
			r.bytes_per_s_max = 1;
			break;
		case 11:
			r.verifies_per_s_max = 1;
			break;
		case 12:
			r.client_tokens_per_s_max = 1;
			break;
		case 13:
			r.client_bytes_per_s_max = 1;
			break;
		case 14:
			r.client_verifies_per_s_max = 1;
			break;
		case 15:
			r.failed_weight = 1;
			break;
		case 16:
			r.bindings = 1u << TRUST_X509;
			break;
		case 17:
			r.equivocations_max = 1;
			break;
		case 18:
			r.wait_ms = 1;
			break;
		default:
			break;
		}
		policy_limits_digest(&r, seen[i]);
		for (size_t j = 0; j < i; j++)
			cr_expect(memcmp(seen[i], seen[j], 8) != 0, "%zu and %zu", i, j);
	}
}

Test(policy_policy, a_logs_own_limits_are_its_rules)
{
	struct policy_limit out[POLICY_RULE_LIMITS_MAX];
	struct policy_rules r;
	size_t count, found = 0;

	policy_rules_init(&r);
	r.client_bytes_per_s_max = 77;
	r.wait_ms = 78;
	r.age_max_s = 79;
	count = policy_rule_limits(&r, out);
	for (size_t i = 0; i < count; i++) {
		found += strcmp(out[i].name, "client_bytes_per_s_max") == 0 && out[i].value == 77;
		found += strcmp(out[i].name, "wait_ms") == 0 && out[i].value == 78;
		found += strcmp(out[i].name, "age_max_s") == 0 && out[i].value == 79;
		cr_expect(out[i].unit[0] != '\0' && out[i].text[0] != '\0');
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(out[i].name, out[j].name);
	}
	cr_expect_eq(found, 3);
}
