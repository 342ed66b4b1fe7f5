/*
 * test_trust_history.c - what was in force at which index, and whether a signature may go in.
 */
#include "unit/test_trust_help.h"

#include "trust/history_own.h"

static struct arena arena;
static struct history *h;
static uint64_t next_index;

static void
set_up(void)
{
	arena_init(&arena, 1 << 22);
	cr_assert(history_new(&h) == RC_OK);
	next_index = 10;
}

static void
tear_down(void)
{
	history_free(h);
	arena_release(&arena);
}

TestSuite(trust_history, .init = set_up, .fini = tear_down);

#define HOME "example.org"
#define AWAY "other.org"
#define ISS  "spiffe://example.org/a"

/* Material that only has to be some JSON or some bytes; the id is its hash. */
static struct hash
id_of(const char *material)
{
	struct hash id;

	hash_of(bytes_str(material), &id);
	return id;
}

/* Apply; the entry's index.  Entries come 10 apart, received at index * 1000 ms. */
static uint64_t
apply(struct trust_event e)
{
	struct why why = {0};
	struct bytes raw;

	e.by = bytes_str("tester");
	cr_assert(event_write(&e, &arena, &raw) == RC_OK);
	cr_assert(
	    history_apply(h, next_index, next_index * 1000, raw, &why) == RC_OK, "%s", why.text);
	next_index += 10;
	return next_index - 10;
}

static uint64_t
describe(enum event_action action, enum event_subject subject, const char *domain,
    const char *material, const char *kid, const char *use)
{
	struct trust_event e = {.action = action, .subject = subject};
	struct bytes iss = bytes_str(ISS);

	e.issuers = &iss;
	e.issuer_count = subject == EVENT_KEY && !use[0];
	e.domain = bytes_str(domain);
	e.material = bytes_str(material);
	e.kid = bytes_str(kid);
	e.use = bytes_str(use);
	e.source = bytes_str("a.jwks.json");
	hash_of(e.material, &e.id);
	return apply(e);
}

static uint64_t
enrol(const char *material, const char *kid)
{
	return describe(EVENT_ENROLL, EVENT_KEY, HOME, material, kid, "");
}

static uint64_t
withdraw_key(const char *material)
{
	struct trust_event e = {.action = EVENT_WITHDRAW, .subject = EVENT_KEY};

	e.domain = bytes_str(HOME);
	e.id = id_of(material);
	return apply(e);
}

static uint64_t
revoke_key(const char *domain, const char *material, int64_t since)
{
	struct trust_event e = {.action = EVENT_REVOKE, .subject = EVENT_KEY};

	e.domain = bytes_str(domain);
	e.id = id_of(material);
	e.has_since = true;
	e.since = since;
	e.reason = bytes_str("stolen");
	return apply(e);
}

static uint64_t
reinstate(const char *material)
{
	struct trust_event e = {.action = EVENT_REINSTATE, .subject = EVENT_KEY};

	e.domain = bytes_str(HOME);
	e.id = id_of(material);
	return apply(e);
}

static uint64_t anchor_index;
static const struct hash *path;
static size_t path_count;

static enum rc
judge(enum trust_binding binding, const char *signer, const char *anchor, int64_t now, int64_t iat)
{
	struct hash key = id_of(signer), from = id_of(anchor);
	struct why why = {0};
	struct history_question q = {.domain = bytes_str(HOME),
	    .iss = bytes_str(ISS),
	    .binding = binding,
	    .signer = &key,
	    .anchor = &from,
	    .path = path,
	    .path_count = path_count,
	    .now_ms = now * 1000,
	    .iat = iat};
	enum rc rc = history_judge(h, &q, &anchor_index, &why);

	cr_assert(rc == RC_OK || (why.rule && why.text[0]));
	cr_assert((rc == RC_OK) == (anchor_index != HISTORY_NONE));
	return rc;
}

static enum rc
judge_key(const char *key, int64_t now, int64_t iat)
{
	return judge(TRUST_JWKS, key, key, now, iat);
}

Test(trust_history, only_what_is_enrolled_may_sign)
{
	uint64_t at = enrol("{\"k\":1}", "k1");

	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_OK);
	cr_assert(anchor_index == at);
	cr_assert(judge_key("{\"k\":2}", 5000, 5000) == RC_UNKNOWN_KEY);
}

Test(trust_history, a_domain_does_not_enrol_for_another)
{
	describe(EVENT_ENROLL, EVENT_KEY, AWAY, "{\"k\":1}", "k1", "");
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_UNKNOWN_KEY);
	enrol("{\"k\":1}", "k1");
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_OK);
	revoke_key(AWAY, "{\"k\":1}", 0);
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_OK);
	revoke_key(HOME, "{\"k\":1}", 0);
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_KEY_REVOKED);
}

Test(trust_history, a_withdrawn_key_signs_no_more_until_it_is_enrolled_again)
{
	uint64_t again;

	enrol("{\"k\":1}", "k1");
	withdraw_key("{\"k\":1}");
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_UNKNOWN_KEY);
	again = enrol("{\"k\":1}", "k1");
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_OK);
	cr_assert(anchor_index == again);
}

Test(trust_history, a_change_is_no_new_enrolment)
{
	uint64_t first = enrol("{\"k\":1}", "k1");

	describe(EVENT_CHANGE, EVENT_KEY, HOME, "{\"k\":1}", "k2", "");
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_OK);
	cr_assert(anchor_index == first);
}

Test(trust_history, a_revocation_holds_from_since_by_either_clock)
{
	enrol("{\"k\":1}", "k1");
	revoke_key(HOME, "{\"k\":1}", 6000);
	cr_assert(judge_key("{\"k\":1}", 5999, 5999) == RC_OK);
	cr_assert(judge_key("{\"k\":1}", 6000, 5000) == RC_KEY_REVOKED);
	cr_assert(judge_key("{\"k\":1}", 5000, 6000) == RC_KEY_REVOKED);
	/* A token that says it is older than the theft, after it: it may be antedated. */
	cr_assert(judge_key("{\"k\":1}", 9000, 1) == RC_KEY_REVOKED);
	reinstate("{\"k\":1}");
	cr_assert(judge_key("{\"k\":1}", 9000, 9000) == RC_OK);
}

Test(trust_history, a_revocation_stops_the_signer_and_what_it_leads_to)
{
	describe(EVENT_ENROLL, EVENT_CA, HOME, "certificate", "", "x509-svid");
	cr_assert(judge(TRUST_X509, "leaf", "certificate", 5000, 5000) == RC_OK);
	/* Never enrolled: a leaf key has no entry of its own. */
	revoke_key(HOME, "leaf", 0);
	cr_assert(judge(TRUST_X509, "leaf", "certificate", 5000, 5000) == RC_KEY_REVOKED);
	cr_assert(judge(TRUST_X509, "leaf 2", "certificate", 5000, 5000) == RC_OK);
	revoke_key(HOME, "certificate", 0);
	cr_assert(judge(TRUST_X509, "leaf 2", "certificate", 5000, 5000) == RC_KEY_REVOKED);
}

/* A leaf or an intermediate, by the hash of the certificate; and none that is not of the chain. */
Test(trust_history, a_revocation_stops_every_certificate_of_the_chain)
{
	const struct hash chain[2] = {id_of("leaf certificate"), id_of("intermediate")};

	describe(EVENT_ENROLL, EVENT_CA, HOME, "certificate", "", "x509-svid");
	path = chain;
	path_count = 2;
	cr_assert(judge(TRUST_X509, "leaf", "certificate", 5000, 5000) == RC_OK);
	revoke_key(AWAY, "intermediate", 0);
	revoke_key(HOME, "another", 0);
	revoke_key(HOME, "intermediate", 6000);
	cr_assert(judge(TRUST_X509, "leaf", "certificate", 5000, 5000) == RC_OK);
	cr_assert(judge(TRUST_X509, "leaf", "certificate", 6000, 5000) == RC_KEY_REVOKED);
	reinstate("intermediate");
	revoke_key(HOME, "leaf certificate", 0);
	cr_assert(judge(TRUST_X509, "leaf", "certificate", 5000, 5000) == RC_KEY_REVOKED);
	path_count = 0;
	cr_assert(judge(TRUST_X509, "leaf", "certificate", 5000, 5000) == RC_OK);
}

Test(trust_history, a_key_speaks_for_the_issuers_of_its_newest_entry)
{
	struct bytes issuers[] = {bytes_str("spiffe://example.org/0"), bytes_str(ISS),
	    bytes_str("spiffe://example.org/b"), bytes_str("spiffe://example.org/c")};
	struct trust_event e = {.action = EVENT_ENROLL,
	    .subject = EVENT_KEY,
	    .domain = bytes_str(HOME),
	    .material = bytes_str("{\"k\":1}"),
	    .id = id_of("{\"k\":1}"),
	    .issuers = issuers};

	apply(e);
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_NOT_AUTHORIZED);
	e.action = EVENT_CHANGE;
	for (e.issuer_count = 1; e.issuer_count <= 4; e.issuer_count++) {
		apply(e);
		cr_assert(judge_key("{\"k\":1}", 5000, 5000) ==
			  (e.issuer_count > 1 ? RC_OK : RC_NOT_AUTHORIZED));
	}
	e.issuers = &issuers[2];
	e.issuer_count = 2;
	apply(e);
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_NOT_AUTHORIZED);
	/* What becomes of the key otherwise says nothing of issuers. */
	e.issuers = issuers;
	apply(e);
	withdraw_key("{\"k\":1}");
	revoke_key(HOME, "{\"k\":1}", 9000);
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_UNKNOWN_KEY);
	e.action = EVENT_ENROLL;
	e.issuer_count = 1;
	apply(e);
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_NOT_AUTHORIZED);
}

Test(trust_history, an_anchor_is_only_good_for_its_use)
{
	describe(EVENT_ENROLL, EVENT_CA, HOME, "certificate", "", "x509-svid");
	describe(EVENT_ENROLL, EVENT_KEY, HOME, "{\"w\":1}", "w", "wit-svid");
	enrol("{\"k\":1}", "k1");
	cr_assert(judge(TRUST_WIT, "x", "{\"w\":1}", 5000, 5000) == RC_OK);
	cr_assert(judge(TRUST_JWKS, "{\"w\":1}", "{\"w\":1}", 5000, 5000) == RC_UNKNOWN_KEY);
	cr_assert(judge(TRUST_WIT, "x", "{\"k\":1}", 5000, 5000) == RC_UNKNOWN_KEY);
	cr_assert(judge(TRUST_X509, "x", "{\"k\":1}", 5000, 5000) == RC_UNKNOWN_KEY);
	cr_assert(judge(TRUST_JWKS, "certificate", "certificate", 5000, 5000) == RC_UNKNOWN_KEY);
}

Test(trust_history, a_key_that_was_revoked_first_is_enrolled_revoked)
{
	revoke_key(HOME, "{\"k\":1}", 0);
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_KEY_REVOKED);
	enrol("{\"k\":1}", "k1");
	cr_assert(judge_key("{\"k\":1}", 5000, 5000) == RC_KEY_REVOKED);
}

static struct history_record r;

static enum rc
find_at(const char *material, uint64_t size)
{
	struct hash id = id_of(material);

	return history_find(h, bytes_str(HOME), &id, size, &arena, &r);
}

Test(trust_history, a_record_is_as_of_a_tree_size)
{
	uint64_t e1 = enrol("{\"k\":1}", "k1");
	uint64_t c = describe(EVENT_CHANGE, EVENT_KEY, HOME, "{\"k\":1}", "k2", "");
	uint64_t v = revoke_key(HOME, "{\"k\":1}", 77);
	uint64_t w = withdraw_key("{\"k\":1}");
	uint64_t e2 = enrol("{\"k\":1}", "k3");
	uint64_t i = reinstate("{\"k\":1}");

	cr_assert(find_at("{\"k\":1}", e1) == RC_NOT_FOUND);
	cr_assert(find_at("{\"k\":1}", e1 + 1) == RC_OK);
	cr_assert(bytes_is(r.kid, "k1") && r.enrolled_index == e1 && !r.revoked && !r.withdrawn);
	cr_assert(r.enrolled_at_ms == e1 * 1000 && bytes_is(r.material, "{\"k\":1}"));
	cr_assert(bytes_is(r.source, "a.jwks.json") && bytes_is(r.by, "tester"));
	cr_assert(find_at("{\"k\":1}", c + 1) == RC_OK);
	cr_assert(bytes_is(r.kid, "k2") && r.enrolled_index == e1 && r.changed_index == c);
	cr_assert(find_at("{\"k\":1}", v) == RC_OK && !r.revoked);
	cr_assert(find_at("{\"k\":1}", v + 1) == RC_OK);
	cr_assert(r.revoked && r.revoked_index == v && r.revoked_since == 77);
	cr_assert(r.revoked_at_ms == v * 1000 && bytes_is(r.reason, "stolen"));
	cr_assert(bytes_is(r.kid, "k2") && !r.withdrawn);
	cr_assert(find_at("{\"k\":1}", w + 1) == RC_OK);
	cr_assert(r.withdrawn && r.withdrawn_index == w && r.withdrawn_at_ms == w * 1000);
	cr_assert(find_at("{\"k\":1}", e2 + 1) == RC_OK);
	cr_assert(!r.withdrawn && r.enrolled_index == e2 && r.first_enrolled_index == e1);
	cr_assert(r.revoked && bytes_is(r.kid, "k3"));
	cr_assert(find_at("{\"k\":1}", i + 1) == RC_OK && !r.revoked && r.reason.n == 0);
	/* The newest size gives the same as any size above it. */
	cr_assert(find_at("{\"k\":1}", UINT64_MAX) == RC_OK && r.changed_index == i);
}

Test(trust_history, a_revocation_alone_is_a_record)
{
	uint64_t v = revoke_key(HOME, "somebody's key", 5);
	struct hash id = id_of("somebody's key"), other = id_of("x");

	cr_assert(history_find_id(h, &id, UINT64_MAX, &arena, &r) == RC_OK);
	cr_assert(r.enrolled_index == HISTORY_NONE && r.revoked && r.revoked_index == v);
	cr_assert(bytes_is(r.domain, HOME));
	cr_assert(history_find_id(h, &other, UINT64_MAX, &arena, &r) == RC_NOT_FOUND);
	cr_assert(history_find(h, bytes_str(AWAY), &id, UINT64_MAX, &arena, &r) == RC_NOT_FOUND);
}

static enum rc
find_kid(const char *domain, const char *kid, uint64_t size)
{
	return history_find_kid(h, bytes_str(domain), bytes_str(kid), size, &arena, &r);
}

Test(trust_history, a_kid_may_mean_several_keys)
{
	uint64_t c;

	enrol("{\"k\":1}", "k1");
	describe(EVENT_ENROLL, EVENT_KEY, AWAY, "{\"k\":2}", "k1", "");
	cr_assert(find_kid("", "k1", UINT64_MAX) == RC_AMBIGUOUS);
	cr_assert(find_kid(HOME, "k1", UINT64_MAX) == RC_OK && bytes_is(r.material, "{\"k\":1}"));
	cr_assert(find_kid(HOME, "k2", UINT64_MAX) == RC_NOT_FOUND);
	c = describe(EVENT_CHANGE, EVENT_KEY, HOME, "{\"k\":1}", "k9", "");
	cr_assert(find_kid("", "k1", UINT64_MAX) == RC_OK && bytes_is(r.domain, AWAY));
	cr_assert(find_kid("", "k1", c) == RC_AMBIGUOUS);
}

Test(trust_history, lists_subjects_in_order_of_their_first_event)
{
	struct history_record *list;
	uint64_t last;
	size_t n;

	enrol("{\"k\":2}", "k2");
	describe(EVENT_ENROLL, EVENT_KEY, AWAY, "{\"k\":3}", "k3", "");
	last = enrol("{\"k\":1}", "k1");
	withdraw_key("{\"k\":2}");
	cr_assert(history_list(h, BYTES_NONE, UINT64_MAX, &arena, &list, &n) == RC_OK && n == 3);
	cr_assert(bytes_is(list[0].kid, "k2") && list[0].withdrawn);
	cr_assert(bytes_is(list[1].kid, "k3") && bytes_is(list[2].kid, "k1"));
	cr_assert(history_list(h, bytes_str(HOME), last, &arena, &list, &n) == RC_OK && n == 1);
	cr_assert(bytes_is(list[0].kid, "k2") && !list[0].withdrawn);
}

Test(trust_history, gives_the_entries_about_an_id)
{
	struct hash id = id_of("{\"k\":1}");
	uint64_t a = enrol("{\"k\":1}", "k1"), *list, b, c;
	size_t n;

	b = describe(EVENT_ENROLL, EVENT_KEY, AWAY, "{\"k\":1}", "k1", "");
	enrol("{\"k\":2}", "k2");
	c = withdraw_key("{\"k\":1}");
	cr_assert(history_events(h, &id, UINT64_MAX, &arena, &list, &n) == RC_OK && n == 3);
	cr_assert(list[0] == a && list[1] == b && list[2] == c);
	cr_assert(history_events(h, &id, c, &arena, &list, &n) == RC_OK && n == 2);
}

Test(trust_history, what_is_no_event_changes_nothing)
{
	struct why why = {0};
	struct history_record *list;
	size_t n;

	cr_assert(history_apply(h, 1, 1, bytes_str("xyz"), &why) == RC_CORRUPT);
	cr_assert(why.rule && why.text[0]);
	cr_assert(history_list(h, BYTES_NONE, UINT64_MAX, &arena, &list, &n) == RC_OK && n == 0);
}

Test(trust_history, entries_come_in_order, .signal = SIGABRT)
{
	enrol("{\"k\":1}", "k1");
	next_index = 10;
	enrol("{\"k\":2}", "k2");
}

Test(trust_history, many_subjects_are_found_again)
{
	char material[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(material, sizeof(material), "{\"k\":%d}", i);
		enrol(material, "k");
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(material, sizeof(material), "{\"k\":%d}", i);
		cr_assert(judge_key(material, 1, 1) == RC_OK);
		cr_assert(anchor_index == 10 + 10 * (uint64_t)i);
	}
	cr_assert(judge_key("{\"k\":5000}", 1, 1) == RC_UNKNOWN_KEY);
}
