/*
 * policy.c - what one log demands.  Pure: rules and facts in, a ruling out.
 *
 * The digest of the rules in force goes into every entry, so that an auditor can later see under
 * which limits a token was let in.  It is a chain over lines "name=value", one line per rule in the
 * order below, then one per fixed limit in the order of the table, then one per grant in the order
 * of the configuration:
 *
 *     d(0) = 32 zero bytes;  d(n) = SHA-256(d(n-1) || line n || "\n");
 *     the digest is the first 8 bytes of the last d
 *
 * Numbers are decimal, booleans 0 or 1, an audience that is not set is an empty value; bindings are
 * a sum: 2 for the JWK set, 4 for X.509, 8 for WIT.
 */
#include "policy/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "claim/entry.h"
#include "policy/approval.h"
#include "policy/book.h"
#include "policy/quota.h"
#include "trust/anchors.h"
#include "trust/event.h"
#include "trust/snapshot.h"

/* Every limit that is fixed in this build.  Names never change: monitoring and digests depend on
 * them. */
static const struct policy_limit limits[] = {
    {"token_size_max", TOKEN_SIZE_MAX, "bytes", "a token as received"},
    {"token_header_max", TOKEN_HEADER_MAX, "bytes", "the decoded header of a token"},
    {"token_header_chain_max", TOKEN_HEADER_CHAIN_MAX, "bytes", "the same, where it carries x5c"},
    {"token_x5c_max", TOKEN_X5C_MAX, "certificates", "a signer's certificate chain"},
    {"token_cert_max", TOKEN_CERT_MAX, "bytes", "one certificate of it, DER"},
    {"token_kid_max", TOKEN_KID_MAX, "bytes", "a key id"},
    {"token_depth_max", TOKEN_DEPTH_MAX, "levels", "nesting of a token's JSON"},
    {"token_nodes_max", TOKEN_NODES_MAX, "values", "JSON values in a token"},
    {"claim_pred_max", CLAIM_PRED_MAX, "ids", "predecessors of a task"},
    {"claim_ext_size_max", CLAIM_EXT_SIZE_MAX, "bytes", "the extension object as received"},
    {"claim_ext_depth_max", CLAIM_EXT_DEPTH_MAX, "levels", "nesting of the extension object"},
    {"claim_iss_max", CLAIM_ISS_MAX, "bytes", "an issuer's or audience's URI"},
    {"claim_act_max", CLAIM_ACT_MAX, "bytes", "exec_act"},
    {"claim_aud_max", CLAIM_AUD_MAX, "names", "audiences of a token"},
    {"claim_skew_s", CLAIM_SKEW_S, "seconds",
	"clock skew: token ahead of us, parent ahead of child"},
    {"claim_age_max_s", CLAIM_AGE_MAX_S, "seconds", "age of a token, unless the log is deferred"},
    {"wits_max", TRUST_WITS_MAX, "WITs", "presented with one append"},
    {"wit_size_max", TRUST_WIT_SIZE_MAX, "bytes", "one WIT"},
    {"peer_chain_max", TRUST_CHAIN_SIZE_MAX, "bytes", "a TLS client's certificate chain, for x5t"},
    {"entry_size_max", ENTRY_SIZE_MAX, "bytes", "an entry of the log"},
    {"policy_doc_size_max", POLICY_DOC_MAX, "bytes", "a policy document"},
    {"policy_docs_max", BOOK_DOCS_MAX, "documents", "policy documents of one log"},
    {"policy_roles_max", POLICY_ROLES_MAX, "roles", "of a policy document"},
    {"policy_members_max", POLICY_MEMBERS_MAX, "patterns", "of one role"},
    {"policy_rules_max", POLICY_RULES_MAX, "rules", "of a policy document"},
    {"policy_acts_max", POLICY_ACTS_MAX, "patterns", "of one list of acts"},
    {"policy_conds_max", POLICY_CONDS_MAX, "conditions", "of a policy document, inner ones counted"},
    {"policy_cond_depth_max", POLICY_COND_DEPTH_MAX, "levels", "nesting of a condition"},
    {"policy_field_max", POLICY_FIELD_MAX, "bytes", "the name of a condition's field"},
    {"policy_value_max", POLICY_VALUE_MAX, "bytes", "a text that a field is compared with"},
    {"policy_values_max", POLICY_VALUES_MAX, "values", "of one \"in\""},
    {"policy_name_max", POLICY_NAME_MAX, "bytes", "a role's name, a rule's id"},
    {"policy_window_max", POLICY_WINDOW_MAX, "outcomes", "that a circuit breaker looks at"},
    {"policy_seconds_max", POLICY_SECONDS_MAX, "seconds", "a policy document's times"},
    {"kinds_rows_max", KINDS_ROWS_MAX, "rows", "node kinds that a policy document adds"},
    {"kinds_own_max", KINDS_OWN_MAX, "rows", "of them kinds of its own"},
    {"kinds_patterns_max", KINDS_PATTERNS_MAX, "patterns", "of exec_act in those rows"},
    {"kinds_keys_max", KINDS_KEYS_MAX, "keys", "of one such row"},
    {"kinds_values_max", KINDS_VALUES_MAX, "values", "of one such key"},
    {"approval_reads_max", APPROVAL_READS_MAX, "entries",
	"looked at for the approval of one guarded task"},
    {"trust_domains_max", TRUST_DOMAINS_MAX, "domains", "trust domains of a trust folder"},
    {"trust_file_size_max", TRUST_FILE_SIZE_MAX, "bytes", "one file of a trust folder"},
    {"trust_domain_keys_max", TRUST_DOMAIN_KEYS_MAX, "keys", "keys of a trust domain"},
    {"trust_key_issuers_max", TRUST_KEY_ISSUERS_MAX, "issuers", "issuers of one key"},
    {"trust_key_issuers_size_max", EVENT_ISSUERS_SIZE_MAX, "bytes", "the same, joined"},
    {"trust_reason_max", EVENT_REASON_MAX, "bytes", "the reason given with a revocation"},
    {"trust_cas_max", ANCHORS_CAS_MAX, "certificates", "CA certificates of a trust domain"},
    {"trust_crls_max", ANCHORS_CRLS_MAX, "lists", "revocation lists of a trust domain"},
    {"trust_crl_size_max", ANCHORS_CRL_MAX, "bytes", "one of them"},
    {"trust_revoked_max", ANCHORS_REVOKED_MAX, "certificates", "revoked by hash, in a domain"},
    {"quota_debt_s", QUOTA_DEBT_S, "seconds", "of its quota that a client may owe"},
};
#define LIMIT_COUNT (sizeof(limits) / sizeof(limits[0]))

/* A log's own numbers that are uint64_t, in the order of the digest. */
static const struct {
	size_t at;
	const char *name, *unit, *text;
} rule_numbers[] = {
#define R(name, unit, text)                                                                        \
	{                                                                                          \
		offsetof(struct policy_rules, name), #name, unit, text                             \
	}
    R(tokens_per_s_max, "tokens", "quota of the log; 0: none"),
    R(bytes_per_s_max, "bytes", "the same, in token bytes"),
    R(verifies_per_s_max, "checks", "the same, in signature checks"),
    R(client_tokens_per_s_max, "tokens", "quota of each client; 0: none"),
    R(client_bytes_per_s_max, "bytes", "the same, in token bytes"),
    R(client_verifies_per_s_max, "checks", "the same, in signature checks"),
    R(failed_weight, "checks", "what a signature that does not verify costs"),
    R(equivocations_max, "entries", "kept of the refused tokens of one issuer under taken ids"),
    R(wait_ms, "milliseconds", "how long a token may wait for its predecessors"),
#undef R
};
#define RULE_COUNT (sizeof(rule_numbers) / sizeof(rule_numbers[0]))

static uint64_t
rule_value(const struct policy_rules *rules, size_t i)
{
	return *(const uint64_t *)(const void *)((const char *)rules + rule_numbers[i].at);
}

size_t
policy_rule_limits(
    const struct policy_rules *rules, struct policy_limit out[POLICY_RULE_LIMITS_MAX])
{
	size_t count = 0;

	_Static_assert(RULE_COUNT < POLICY_RULE_LIMITS_MAX, "room for every rule and the age");
	must(rules != NULL && rules->age_max_s >= 0);
	out[count++] = (struct policy_limit){
	    "age_max_s", (uint64_t)rules->age_max_s, "seconds", "oldest iat that this log takes"};
	for (size_t i = 0; i < RULE_COUNT; i++)
		out[count++] = (struct policy_limit){rule_numbers[i].name, rule_value(rules, i),
		    rule_numbers[i].unit, rule_numbers[i].text};
	return count;
}

void
policy_rules_init(struct policy_rules *rules)
{
	must(rules != NULL);
	memset(rules, 0, sizeof(*rules));
	rules->level_min = LEVEL_2;
	rules->age_max_s = CLAIM_AGE_MAX_S;
	rules->cross_workflow = true;
	rules->forwarded = true;
	rules->failed_weight = 10;
	rules->bindings = POLICY_BINDINGS_ALL;
	rules->equivocations_max = 100;
	rules->wait_ms = 3000;
}

void
policy_rules_release(struct policy_rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->grant_count; i++)
		free(rules->grants[i].pattern);
	free(rules->grants);
	free(rules->audience);
	memset(rules, 0, sizeof(*rules));
}

const struct policy_limit *
policy_limits(size_t *count)
{
	must(count != NULL);
	*count = LIMIT_COUNT;
	return limits;
}

static void
chain(struct hash *h, const char *name, struct bytes value)
{
	struct hash next;
	const struct bytes parts[] = {
	    bytes_of(h->b, sizeof(h->b)), bytes_str(name), bytes_str("="), value, bytes_str("\n")};

	hash_of_parts(parts, sizeof(parts) / sizeof(parts[0]), &next);
	*h = next;
}

static void
chain_number(struct hash *h, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	chain(h, name, bytes_str(text));
}

void
policy_limits_digest(const struct policy_rules *rules, uint8_t out[8])
{
	struct hash h = {{0}};

	must(rules != NULL && rules->age_max_s >= 0);
	chain_number(&h, "level_min", (uint64_t)rules->level_min);
	chain_number(&h, "deferred", rules->deferred);
	chain_number(&h, "age_max_s", (uint64_t)rules->age_max_s);
	chain_number(&h, "cross_workflow", rules->cross_workflow);
	chain(&h, "audience", rules->audience == NULL ? BYTES_NONE : bytes_str(rules->audience));
	chain_number(&h, "forwarded", rules->forwarded);
	chain_number(&h, "kinds_strict", rules->kinds_strict);
	for (size_t i = 0; i < RULE_COUNT; i++)
		chain_number(&h, rule_numbers[i].name, rule_value(rules, i));
	chain_number(&h, "bindings", rules->bindings);
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		chain_number(&h, limits[i].name, limits[i].value);
	for (size_t i = 0; i < rules->grant_count; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "grant %u", rules->grants[i].rights);
		chain(&h, name, bytes_str(rules->grants[i].pattern));
	}
	memcpy(out, h.b, 8);
}

static bool
is_prefix_pattern(struct bytes pattern)
{
	return pattern.n >= 2 && pattern.p[pattern.n - 1] == '*' && pattern.p[pattern.n - 2] == '/';
}

bool
policy_pattern_ok(struct bytes pattern)
{
	const uint8_t *colon = NULL;
	size_t authority, end;

	if (pattern.n == 0 || pattern.n > CLAIM_ISS_MAX)
		return false;
	for (size_t i = 0; i < pattern.n; i++)
		if (pattern.p[i] <= 0x20 || pattern.p[i] > 0x7e ||
		    (pattern.p[i] == '*' && i + 1 < pattern.n))
			return false;
	if ((colon = memchr(pattern.p, ':', pattern.n)) == NULL || colon == pattern.p)
		return false;
	if (pattern.p[pattern.n - 1] != '*')
		return true;
	/* "spiffe://" then a star would be everybody of every trust domain: the prefix must name
	 * the authority. */
	authority = (size_t)(colon - pattern.p) + 3;
	end = authority;
	while (end < pattern.n && pattern.p[end] != '/')
		end++;
	return is_prefix_pattern(pattern) && authority < pattern.n && colon[1] == '/' &&
	       colon[2] == '/' && end > authority && end + 1 < pattern.n;
}

bool
policy_pattern_matches(struct bytes pattern, struct bytes identity)
{
	if (!policy_pattern_ok(pattern))
		return false;
	if (!is_prefix_pattern(pattern))
		return bytes_eq(pattern, identity);
	/* something must follow the slash: the prefix alone is a folder, not somebody */
	return identity.n > pattern.n - 1 && memcmp(identity.p, pattern.p, pattern.n - 1) == 0;
}

bool
policy_allows(
    const struct policy_rules *rules, struct bytes identity, bool insecure, enum policy_right right)
{
	unsigned granted = 0;

	must(rules != NULL && (rules->grant_count == 0 || rules->grants != NULL));
	must(right == POLICY_WRITE || right == POLICY_READ || right == POLICY_ADMIN);
	if (insecure)
		return true;
	if (identity.n == 0)
		return false;
	for (size_t i = 0; i < rules->grant_count; i++)
		if (policy_pattern_matches(bytes_str(rules->grants[i].pattern), identity))
			granted |= rules->grants[i].rights;
	return (granted & (unsigned)right) != 0;
}

/* L3 is L2 plus this very log: nothing that arrives is L3 already, so a log that wants L3 wants the
 * L2 form. */
static enum rc
judge_level(const struct policy_rules *rules, const struct token *token, struct why *why)
{
	enum token_level form_min = rules->level_min < LEVEL_2 ? rules->level_min : LEVEL_2;

	if (token->level >= form_min)
		return RC_OK;
	return why_set(why, RC_LEVEL_TOO_LOW, "minimum level of the log", NULL, 0,
	    "the token is %s, the log wants %s", token_level_name(token->level),
	    token_level_name(rules->level_min));
}

/* Marked as deferred is what an ordinary log would have refused, and nothing else. */
static enum rc
judge_times(const struct policy_rules *rules, const struct claim *claim, int64_t now_ms,
    uint64_t *flags, struct why *why)
{
	struct claim_times times = {.now_ms = now_ms, .age_max_s = rules->age_max_s};
	enum rc rc;

	if (!rules->deferred)
		return claim_check_times(claim, &times, why);
	times.age_max_s = CLAIM_AGE_MAX_S;
	rc = claim_check_times(claim, &times, why);
	if (rc != RC_EXPIRED)
		return rc;
	times.age_max_s = rules->age_max_s;
	times.deferred = true;
	rc = claim_check_times(claim, &times, why);
	if (rc == RC_OK)
		*flags |= ENTRY_DEFERRED;
	return rc;
}

static int64_t
ends(const struct policy_rules *rules, const struct claim *claim, uint64_t flags)
{
	int64_t old = claim->iat + (rules->deferred ? CLAIM_AGE_MAX_S : rules->age_max_s) + 1;

	if (flags & ENTRY_DEFERRED)
		return INT64_MAX;
	return old < claim->exp ? old : claim->exp;
}

static enum rc
judge_audience(
    const struct policy_rules *rules, const struct claim *claim, uint64_t *flags, struct why *why)
{
	if (rules->audience == NULL)
		return RC_OK;
	for (size_t i = 0; i < claim->aud_count; i++)
		if (bytes_is(claim->aud[i], rules->audience))
			return RC_OK;
	if (!rules->forwarded)
		return why_set(why, RC_BAD_CLAIM, "audience of the log", "aud", 0,
		    "aud does not name this log, and it takes no forwarded tokens");
	*flags |= ENTRY_FORWARDED;
	return RC_OK;
}

enum rc
policy_judge(const struct policy_rules *rules, const struct token *token, const struct claim *claim,
    int64_t now_ms, struct policy_ruling *out, struct why *why)
{
	uint64_t flags = 0;
	enum rc rc;

	must(rules != NULL && token != NULL && claim != NULL && out != NULL);
	out->flags = 0;
	if ((rc = judge_level(rules, token, why)) != RC_OK)
		return rc;
	if ((rc = judge_times(rules, claim, now_ms, &flags, why)) != RC_OK)
		return rc;
	if ((rc = judge_audience(rules, claim, &flags, why)) != RC_OK)
		return rc;
	out->flags = flags;
	out->ends_s = ends(rules, claim, flags);
	return RC_OK;
}
