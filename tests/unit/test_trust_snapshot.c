/* test_trust_snapshot.c - who may speak for whom. */
#include "unit/test_trust_help.h"

#define ALICE "spiffe://example.org/agent/alice"
#define BOB   "spiffe://example.org/agent/bob"

static struct trust_snapshot *s;
static uint32_t home, away;
static struct signer signer;

static void
set_up(void)
{
	cr_assert(snapshot_new(&s) == RC_OK);
	cr_assert(snapshot_add_domain(s, bytes_str("example.org"), &home, NULL) == RC_OK);
	cr_assert(snapshot_add_domain(s, bytes_str("other.org"), &away, NULL) == RC_OK);
}

static void
tear_down(void)
{
	trust_snapshot_drop(s);
}

TestSuite(trust_snapshot, .init = set_up, .fini = tear_down);

static struct key *
key_of(const struct pair *p, const char *kid)
{
	struct key *key;

	cr_assert(key_from_raw(p->alg, bytes_of(p->raw, p->raw_size), &key, NULL) == RC_OK);
	if (kid)
		cr_assert(key_set_kid(key, bytes_str(kid), NULL) == RC_OK);
	return key;
}

static enum rc
add(uint32_t domain, const struct pair *p, const char *kid, const char *iss)
{
	struct bytes issuer = bytes_str(iss ? iss : "");

	return snapshot_add_key(s, domain, key_of(p, kid), &issuer, iss != NULL, NULL);
}

static enum rc
find(const char *domain, const char *iss, const char *kid, enum token_alg alg)
{
	struct why why = {0};
	enum rc rc = trust_snapshot_find(
	    s, bytes_str(domain), bytes_str(iss), bytes_str(kid), alg, &signer, &why);

	cr_assert((rc == RC_OK) == (signer.key != NULL));
	cr_assert(rc == RC_OK || (why.rule && why.text[0]), "a refusal names its rule");
	return rc;
}

Test(trust_snapshot, finds_a_key_by_domain_issuer_and_kid)
{
	struct pair p = pair_new(TOKEN_ES256);

	cr_assert(add(home, &p, "k1", ALICE) == RC_OK);
	cr_assert(find("example.org", ALICE, "k1", TOKEN_ES256) == RC_OK);
	cr_assert(signer.binding == TRUST_JWKS && bytes_is(key_kid(signer.key), "k1"));
	EVP_PKEY_free(p.pkey);
}

Test(trust_snapshot, a_key_of_one_agent_never_signs_for_another)
{
	struct pair p = pair_new(TOKEN_ES256), q = pair_new(TOKEN_ES256);

	cr_assert(add(home, &p, "k1", ALICE) == RC_OK);
	cr_assert(add(home, &q, "k2", BOB) == RC_OK);
	cr_assert(find("example.org", BOB, "k1", TOKEN_ES256) == RC_NOT_AUTHORIZED);
	cr_assert(find("example.org", ALICE, "k2", TOKEN_ES256) == RC_NOT_AUTHORIZED);
	cr_assert(find("example.org", ALICE "x", "k1", TOKEN_ES256) == RC_NOT_AUTHORIZED);
	EVP_PKEY_free(p.pkey);
	EVP_PKEY_free(q.pkey);
}

Test(trust_snapshot, a_key_without_issuers_speaks_for_nobody)
{
	struct pair p = pair_new(TOKEN_ES256);

	cr_assert(add(home, &p, "k1", NULL) == RC_OK);
	cr_assert(find("example.org", ALICE, "k1", TOKEN_ES256) == RC_NOT_AUTHORIZED);
	cr_assert(find("example.org", ALICE, "", TOKEN_ES256) == RC_UNKNOWN_KEY);
	cr_assert(find("example.org", "", "k1", TOKEN_ES256) == RC_NOT_AUTHORIZED);
	EVP_PKEY_free(p.pkey);
}

Test(trust_snapshot, a_key_is_looked_for_in_the_issuers_domain_only)
{
	struct pair p = pair_new(TOKEN_ES256);

	cr_assert(add(away, &p, "k1", ALICE) == RC_OK);
	cr_assert(find("example.org", ALICE, "k1", TOKEN_ES256) == RC_UNKNOWN_KEY);
	cr_assert(find("nowhere.org", ALICE, "k1", TOKEN_ES256) == RC_UNKNOWN_KEY);
	cr_assert(find("", ALICE, "k1", TOKEN_ES256) == RC_UNKNOWN_KEY);
	cr_assert(find("other.org", ALICE, "k1", TOKEN_ES256) == RC_OK);
	EVP_PKEY_free(p.pkey);
}

Test(trust_snapshot, the_algorithm_is_pinned_by_the_key)
{
	struct pair p = pair_new(TOKEN_ES256);

	cr_assert(add(home, &p, "k1", ALICE) == RC_OK);
	cr_assert(find("example.org", ALICE, "k1", TOKEN_ES384) == RC_BAD_ALG);
	cr_assert(find("example.org", ALICE, "k1", TOKEN_EDDSA) == RC_BAD_ALG);
	cr_assert(find("example.org", ALICE, "", TOKEN_EDDSA) == RC_UNKNOWN_KEY);
	EVP_PKEY_free(p.pkey);
}

Test(trust_snapshot, no_kid_is_enough_while_the_issuer_has_one_key_of_that_algorithm)
{
	struct pair p = pair_new(TOKEN_ES256), q = pair_new(TOKEN_EDDSA), r = pair_new(TOKEN_ES256);

	cr_assert(add(home, &p, NULL, ALICE) == RC_OK);
	cr_assert(add(home, &q, "k2", ALICE) == RC_OK);
	cr_assert(find("example.org", ALICE, "", TOKEN_ES256) == RC_OK);
	cr_assert(key_alg(signer.key) == TOKEN_ES256);
	cr_assert(find("example.org", ALICE, "", TOKEN_EDDSA) == RC_OK);
	cr_assert(key_alg(signer.key) == TOKEN_EDDSA);
	cr_assert(add(home, &r, "k3", ALICE) == RC_OK);
	cr_assert(find("example.org", ALICE, "", TOKEN_ES256) == RC_UNKNOWN_KEY);
	cr_assert(find("example.org", ALICE, "k3", TOKEN_ES256) == RC_OK);
	EVP_PKEY_free(p.pkey);
	EVP_PKEY_free(q.pkey);
	EVP_PKEY_free(r.pkey);
}

Test(trust_snapshot, a_kid_means_one_key_and_its_issuers_add_up)
{
	struct pair p = pair_new(TOKEN_ES256), q = pair_new(TOKEN_ES256);

	cr_assert(add(home, &p, "k1", ALICE) == RC_OK);
	cr_assert(add(home, &p, "k1", BOB) == RC_OK);
	cr_assert(add(home, &p, "k1", BOB) == RC_OK);
	cr_assert(trust_snapshot_keys(s) == 1);
	cr_assert(find("example.org", ALICE, "k1", TOKEN_ES256) == RC_OK);
	cr_assert(find("example.org", BOB, "k1", TOKEN_ES256) == RC_OK);
	cr_assert(find("example.org", BOB, "", TOKEN_ES256) == RC_OK, "bound once, not twice");
	cr_assert(add(home, &q, "k1", ALICE) == RC_BAD_KEY);
	cr_assert(add(away, &q, "k1", ALICE) == RC_OK, "another domain, another key");
	EVP_PKEY_free(p.pkey);
	EVP_PKEY_free(q.pkey);
}

Test(trust_snapshot, finds_each_of_five_hundred_keys)
{
	struct pair p[4] = {pair_new(TOKEN_EDDSA), pair_new(TOKEN_EDDSA), pair_new(TOKEN_EDDSA),
	    pair_new(TOKEN_EDDSA)};
	char kid[16], iss[64];

	for (unsigned i = 0; i < 500; i++) {
		snprintf(kid, sizeof(kid), "k%u", i);
		snprintf(iss, sizeof(iss), "spiffe://example.org/agent/%u", i);
		cr_assert(add(i % 3 ? home : away, &p[i % 4], kid, iss) == RC_OK);
	}
	cr_assert(trust_snapshot_keys(s) == 500);
	for (unsigned i = 0; i < 500; i++) {
		const char *domain = i % 3 ? "example.org" : "other.org";

		snprintf(kid, sizeof(kid), "k%u", i);
		snprintf(iss, sizeof(iss), "spiffe://example.org/agent/%u", i);
		cr_assert(find(domain, iss, kid, TOKEN_EDDSA) == RC_OK);
		cr_assert(bytes_is(key_kid(signer.key), kid));
		cr_assert(find(domain, iss, "", TOKEN_EDDSA) == RC_OK);
		cr_assert(find(i % 3 ? "other.org" : "example.org", iss, kid, TOKEN_EDDSA) ==
			  RC_UNKNOWN_KEY);
		snprintf(kid, sizeof(kid), "k%u", i + 1);
		if (find(domain, iss, kid, TOKEN_EDDSA) != RC_UNKNOWN_KEY)
			cr_assert(find(domain, iss, kid, TOKEN_EDDSA) == RC_NOT_AUTHORIZED);
	}
	for (unsigned i = 0; i < 4; i++)
		EVP_PKEY_free(p[i].pkey);
}

Test(trust_snapshot, a_key_has_at_most_256_issuers)
{
	struct pair p = pair_new(TOKEN_EDDSA);
	char iss[64];

	for (unsigned i = 0; i < TRUST_KEY_ISSUERS_MAX; i++) {
		snprintf(iss, sizeof(iss), "spiffe://example.org/agent/%u", i);
		cr_assert(add(home, &p, "k", iss) == RC_OK);
	}
	cr_assert(add(home, &p, "k", ALICE) == RC_BAD_KEY);
	EVP_PKEY_free(p.pkey);
}

Test(trust_snapshot, lives_until_the_last_holder_drops_it)
{
	struct pair p = pair_new(TOKEN_ES256);

	cr_assert(add(home, &p, "k1", ALICE) == RC_OK);
	snapshot_hold(s);
	trust_snapshot_drop(s);
	cr_assert(find("example.org", ALICE, "k1", TOKEN_ES256) == RC_OK);
	trust_snapshot_drop(NULL);
	EVP_PKEY_free(p.pkey);
}
