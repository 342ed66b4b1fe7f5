/*
 * test_trust_bind.c - the token says which of the three bindings counts, and all end in one signer.
 */
#include "unit/test_trust_cert.h"

#define ISS   "spiffe://example.org/agent/a"
#define OTHER "spiffe://example.org/agent/b"
#define ALL   (1U << TRUST_JWKS | 1U << TRUST_X509 | 1U << TRUST_WIT)

static struct arena arena, call; /* call: reset for each */
static struct trust_snapshot *s;
static struct trust_judge *j;
static uint32_t domain;
static struct pair jwks_pair, wit_issuer, wit_pair;
static struct cert root, leaf;
static struct bytes x5c[1];
static struct trust_presented presented;
static struct token token;
static struct signer signer;
static struct why why;

static struct key *
key_of(const struct pair *p, const char *kid)
{
	struct key *key;

	cr_assert(key_from_raw(p->alg, bytes_of(p->raw, p->raw_size), &key, NULL) == RC_OK);
	cr_assert(key_set_kid(key, bytes_str(kid), NULL) == RC_OK);
	return key;
}

static void
build_snapshot(void)
{
	struct bytes iss = bytes_str(ISS);

	trust_snapshot_drop(s);
	cr_assert(snapshot_new(&s) == RC_OK);
	cr_assert(snapshot_add_domain(s, bytes_str("example.org"), &domain, NULL) == RC_OK);
	cr_assert(snapshot_add_key(s, domain, key_of(&jwks_pair, "k1"), &iss, 1, NULL) == RC_OK);
	cr_assert(snapshot_add_wit_key(s, domain, key_of(&wit_issuer, "w1"), NULL) == RC_OK);
	cr_assert(snapshot_add_ca(s, domain, cert_der(&root), NULL) == RC_OK);
}

static void
set_up(void)
{
	arena_init(&arena, 1 << 22);
	arena_init(&call, 1 << 20);
	cr_assert((j = trust_judge_new()));
	jwks_pair = pair_new(TOKEN_EDDSA);
	wit_issuer = pair_new(TOKEN_ES256);
	wit_pair = pair_new(TOKEN_ES256);
	root = cert_new(NULL, NULL, (struct cert_spec){0}, true);
	leaf = cert_new(&root, NULL, (struct cert_spec){.san = "URI:" ISS}, false);
	x5c[0] = cert_der(&leaf);
	build_snapshot();
	presented = (struct trust_presented){.now_ms = NOW * 1000, .bindings = ALL};
	token = (struct token){.alg = TOKEN_ES256};
}

static void
tear_down(void)
{
	trust_judge_free(j);
	trust_snapshot_drop(s);
	EVP_PKEY_free(jwks_pair.pkey);
	EVP_PKEY_free(wit_issuer.pkey);
	EVP_PKEY_free(wit_pair.pkey);
	cert_free(&root);
	cert_free(&leaf);
	arena_release(&arena);
	arena_release(&call);
}

TestSuite(trust_bind, .init = set_up, .fini = tear_down);

static enum rc
judge_as(const char *iss)
{
	enum rc rc;

	memset(&why, 0, sizeof(why));
	arena_reset(&call);
	rc = trust_judge_signer(j, s, &token, bytes_str("example.org"), bytes_str(iss), &presented,
	    &call, &signer, &why);
	cr_assert(rc == RC_OK || (why.rule && why.text[0] && !signer.key));
	return rc;
}

static enum rc
judge(void)
{
	return judge_as(ISS);
}

static void
by_kid(void)
{
	token = (struct token){.alg = TOKEN_EDDSA, .kid = bytes_str("k1")};
}

static void
by_x5c(void)
{
	token = (struct token){.alg = TOKEN_ES256, .x5c = x5c, .x5c_count = 1};
}

static void
by_x5t(void)
{
	struct hash h = cert_hash(&leaf);

	token = (struct token){.alg = TOKEN_ES256, .has_x5t = true};
	memcpy(token.x5t, h.b, sizeof(token.x5t));
}

static struct bytes
wit_for(const char *sub, int64_t exp, const struct pair *by)
{
	char *jwk = pair_jwk(&wit_pair, NULL, NULL, ",\"alg\":\"ES256\"");
	char *payload = arena_printf(
	    &arena, "{\"sub\":\"%s\",\"exp\":%lld,\"cnf\":{\"jwk\":%s}}", sub, (long long)exp, jwk);
	char *wit = jws_of(by, "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\"}", payload);
	struct bytes out;

	cr_assert(arena_dup(&arena, bytes_str(wit), &out));
	free(jwk);
	free(wit);
	return out;
}

static struct hash
thumbprint(const struct pair *p)
{
	struct key *key = key_of(p, "x");
	struct hash h = *key_thumbprint(key);

	key_free(key);
	return h;
}

Test(trust_bind, a_kid_leads_to_the_jwk_set)
{
	struct hash id = thumbprint(&jwks_pair);

	by_kid();
	cr_assert(judge() == RC_OK && signer.binding == TRUST_JWKS);
	cr_assert(hash_eq(key_thumbprint(signer.key), &id) && hash_eq(&signer.anchor, &id));
	cr_assert(signer.credential.n == 0);
	cr_assert(judge_as(OTHER) == RC_NOT_AUTHORIZED);
}

Test(trust_bind, x5c_leads_to_the_ca)
{
	struct hash id = cert_hash(&root);

	by_x5c();
	for (int i = 0; i < 2; i++) { /* judged, and remembered */
		cr_assert(judge() == RC_OK && signer.binding == TRUST_X509);
		cr_assert(hash_eq(&signer.anchor, &id) && signer.credential.n == 0);
		cr_assert(key_alg(signer.key) == TOKEN_ES256);
		cr_assert(judge_as(OTHER) == RC_BAD_CREDENTIAL);
	}
	token.alg = TOKEN_EDDSA;
	cr_assert(judge() == RC_BAD_ALG);
}

Test(trust_bind, x5t_names_the_connections_certificate)
{
	by_x5t();
	cr_assert(judge() == RC_BAD_CREDENTIAL);
	presented.peer_chain = cert_der(&leaf);
	cr_assert(judge() == RC_OK && signer.binding == TRUST_X509);
	cr_assert(bytes_eq(signer.credential, cert_der(&leaf)));
	token.x5t[0] ^= 1;
	cr_assert(judge() == RC_BAD_CREDENTIAL);
	by_x5t();
	presented.peer_chain.n--;
	cr_assert(judge() == RC_BAD_CREDENTIAL);
}

Test(trust_bind, a_wit_for_the_issuer_leads_to_the_domains_wit_key)
{
	struct bytes wits[3] = {bytes_str("junk"), wit_for(OTHER, NOW + 9, &wit_issuer),
	    wit_for(ISS, NOW + 9, &wit_issuer)};
	struct hash id = thumbprint(&wit_issuer), key = thumbprint(&wit_pair);

	presented.wits = wits;
	presented.wit_count = 3;
	for (int i = 0; i < 2; i++) {
		cr_assert(judge() == RC_OK, "%s", why.text);
		cr_assert(signer.binding == TRUST_WIT && hash_eq(&signer.anchor, &id));
		cr_assert(hash_eq(key_thumbprint(signer.key), &key));
		cr_assert(bytes_eq(signer.credential, wits[2]));
	}
	cr_assert(judge_as(OTHER) == RC_OK && bytes_eq(signer.credential, wits[1]));
	token.alg = TOKEN_EDDSA;
	cr_assert(judge() == RC_BAD_ALG);
}

Test(trust_bind, a_bad_wit_for_the_issuer_is_not_ignored)
{
	struct bytes wits[2] = {wit_for(ISS, NOW, &wit_issuer), wit_for(ISS, NOW + 9, &wit_pair)};

	by_kid();
	presented.wits = wits;
	presented.wit_count = 2;
	cr_assert(judge() == RC_BAD_CREDENTIAL);
	cr_assert(strstr(why.text, "expired"), "the first that is bad speaks: %s", why.text);
	/* Others are. */
	wits[0] = wits[1] = wit_for(OTHER, NOW, &wit_issuer);
	cr_assert(judge() == RC_OK && signer.binding == TRUST_JWKS);
	/* And of several for the issuer one good one is enough. */
	wits[0] = wit_for(ISS, NOW, &wit_issuer);
	wits[1] = wit_for(ISS, NOW + 9, &wit_issuer);
	token.alg = TOKEN_ES256;
	cr_assert(judge() == RC_OK && signer.binding == TRUST_WIT);
}

Test(trust_bind, a_binding_that_is_off_is_refused_or_not_seen)
{
	struct bytes wit = wit_for(ISS, NOW + 9, &wit_issuer);

	presented.wits = &wit;
	presented.wit_count = 1;
	by_x5c();
	presented.bindings = ALL & ~(1U << TRUST_X509);
	cr_assert(judge() == RC_BAD_HEADER);
	by_kid();
	presented.bindings = 1U << TRUST_JWKS;
	cr_assert(judge() == RC_OK && signer.binding == TRUST_JWKS);
	presented.bindings = 1U << TRUST_X509;
	cr_assert(judge() == RC_BAD_HEADER);
	presented.bindings = 1U << TRUST_WIT;
	presented.wit_count = 0;
	cr_assert(judge() == RC_BAD_HEADER);
}

Test(trust_bind, what_is_remembered_still_ends_in_time)
{
	struct bytes wit = wit_for(ISS, NOW + 9, &wit_issuer);

	by_x5c();
	cr_assert(judge() == RC_OK);
	presented.now_ms = (NOW + HOUR) * 1000;
	cr_assert(judge() == RC_BAD_CREDENTIAL);
	presented.now_ms = (NOW - HOUR) * 1000 - 1;
	cr_assert(judge() == RC_BAD_CREDENTIAL);
	token = (struct token){.alg = TOKEN_ES256};
	presented.wits = &wit;
	presented.wit_count = 1;
	presented.now_ms = NOW * 1000;
	cr_assert(judge() == RC_OK);
	presented.now_ms = (NOW + 9) * 1000;
	cr_assert(judge() == RC_BAD_CREDENTIAL);
}

Test(trust_bind, what_is_remembered_is_not_believed_before_its_time)
{
	by_x5c();
	cr_assert(judge() == RC_OK);
	presented.now_ms = (NOW - HOUR) * 1000 - 1;
	cr_assert(judge() == RC_BAD_CREDENTIAL);
}

/* The CA of one domain signs a name of another (as long, so that sizes tell nothing apart): refused
 * there for its name, and here for its CA. */
Test(trust_bind, what_is_remembered_belongs_to_its_trust_domain)
{
	static const char name[] = "spiffe://example.net/agent/a";
	struct cert stray = cert_new(
	    &root, NULL, (struct cert_spec){.san = "URI:spiffe://example.net/agent/a"}, false);
	struct cert ca = cert_new(NULL, NULL, (struct cert_spec){.name = "other"}, true);
	uint32_t other;

	cr_assert(snapshot_add_domain(s, bytes_str("example.net"), &other, NULL) == RC_OK);
	cr_assert(snapshot_add_ca(s, other, cert_der(&ca), NULL) == RC_OK);
	x5c[0] = cert_der(&stray);
	by_x5c();
	cr_assert(judge() == RC_BAD_CREDENTIAL);
	arena_reset(&call);
	cr_assert(trust_judge_signer(j, s, &token, bytes_str("example.net"), bytes_str(name),
		      &presented, &call, &signer, &why) == RC_UNKNOWN_KEY);
	cert_free(&stray);
	cert_free(&ca);
}

Test(trust_bind, what_is_remembered_belongs_to_its_snapshot)
{
	X509_CRL *list = crl_new(&root, 1, NOW - HOUR, NOW + HOUR, NULL);

	by_x5c();
	cr_assert(judge() == RC_OK);
	build_snapshot();
	cr_assert(snapshot_add_crl(s, domain, crl_der(&arena, list), NULL) == RC_OK);
	cr_assert(judge() == RC_KEY_REVOKED);
	X509_CRL_free(list);
}

Test(trust_bind, a_certificate_in_revoked_json_is_good_until_since)
{
	struct hash id = cert_hash(&leaf);
	char text[B64_ROOM(32)], *json;

	b64url_encode(bytes_of(id.b, HASH_SIZE), text);
	json = arena_printf(
	    &arena, "{\"revoked\":[{\"id\":\"%s\",\"since\":%lld}]}", text, (long long)NOW + 5);
	cr_assert(snapshot_set_revoked(s, domain, bytes_str(json), &why) == RC_OK, "%s", why.text);
	by_x5c();
	presented.now_ms = (NOW + 5) * 1000 - 1;
	cr_assert(judge() == RC_OK);
	presented.now_ms = (NOW + 5) * 1000;
	cr_assert(judge() == RC_KEY_REVOKED);
}

Test(trust_bind, an_empty_bundle_makes_everything_of_the_domain_invalid)
{
	struct signer found;
	size_t skipped = 0;

	cr_assert(jwks_read(s, domain, bytes_str("{\"keys\":[],\"spiffe_sequence\":3}"), &skipped,
		      &why) == RC_OK);
	by_kid();
	cr_assert(judge() == RC_KEY_REVOKED);
	by_x5c();
	cr_assert(judge() == RC_KEY_REVOKED);
	cr_assert(trust_snapshot_find(s, bytes_str("example.org"), bytes_str(ISS), bytes_str("k1"),
		      TOKEN_EDDSA, &found, &why) == RC_KEY_REVOKED);
}

Test(trust_bind, a_domain_that_is_not_there_knows_nobody)
{
	by_x5c();
	cr_assert(trust_judge_signer(j, s, &token, bytes_str("other.org"),
		      bytes_str("spiffe://other.org/a"), &presented, &arena, &signer,
		      &why) == RC_UNKNOWN_KEY);
}

Test(trust_bind, more_credentials_than_the_cache_holds_are_all_answered)
{
	struct bytes wits[700];
	char sub[64];

	for (int i = 0; i < 700; i++) {
		snprintf(sub, sizeof(sub), "%s/%d", ISS, i);
		wits[i] = wit_for(sub, NOW + 9, &wit_issuer);
	}
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 700; i++) {
			snprintf(sub, sizeof(sub), "%s/%d", ISS, i);
			presented.wits = &wits[i];
			presented.wit_count = 1;
			cr_assert(judge_as(sub) == RC_OK);
			cr_assert(bytes_eq(signer.credential, wits[i]));
		}
}

/* What was remembered of two certificates says nothing of one that is both of them, end to end. */
Test(trust_bind, certificates_that_were_cut_elsewhere_are_other_certificates)
{
	struct cert middle = cert_new(&root, NULL, (struct cert_spec){.name = "middle"}, true);
	struct cert deep = cert_new(&middle, NULL, (struct cert_spec){.san = "URI:" ISS}, false);
	struct bytes two[2] = {cert_der(&deep), cert_der(&middle)}, one[1], other[2];
	struct buf joined;

	buf_init(&joined, 1 << 14);
	buf_add_bytes(&joined, two[0]);
	buf_add_bytes(&joined, two[1]);
	one[0] = buf_bytes(&joined);
	other[0] = bytes_of(joined.p, two[0].n + 5);
	other[1] = bytes_of(joined.p + two[0].n + 5, two[1].n - 5);
	token = (struct token){.alg = TOKEN_ES256, .x5c = two, .x5c_count = 2};
	cr_assert(judge() == RC_OK, "%s", why.text);
	token = (struct token){.alg = TOKEN_ES256, .x5c = one, .x5c_count = 1};
	cr_assert(judge() == RC_BAD_CREDENTIAL);
	token = (struct token){.alg = TOKEN_ES256, .x5c = other, .x5c_count = 2};
	cr_assert(judge() == RC_BAD_CREDENTIAL);
	buf_release(&joined);
	cert_free(&middle);
	cert_free(&deep);
}

/* Or a request could have the same bad ones verified again for each of its tokens. */
Test(trust_bind, one_wit_that_is_remembered_spares_the_look_at_the_others)
{
	struct bytes wits[TRUST_WITS_MAX];

	for (size_t i = 0; i + 1 < TRUST_WITS_MAX; i++)
		wits[i] = wit_for(ISS, NOW + 9 + (int64_t)i, &wit_pair); /* not its issuer */
	wits[TRUST_WITS_MAX - 1] = wit_for(ISS, NOW + 9, &wit_issuer);
	presented.wits = wits;
	presented.wit_count = TRUST_WITS_MAX;
	cr_assert(judge() == RC_OK && bytes_eq(signer.credential, wits[TRUST_WITS_MAX - 1]));
	/* Of several that are good, the remembered one. */
	wits[0] = wit_for(ISS, NOW + 99, &wit_issuer);
	cr_assert(judge() == RC_OK && bytes_eq(signer.credential, wits[TRUST_WITS_MAX - 1]));
	/* But what is remembered must fit the token; and it ends in time. */
	token.alg = TOKEN_EDDSA;
	cr_assert(judge() == RC_BAD_ALG);
	token.alg = TOKEN_ES256;
	presented.now_ms = (NOW + 9) * 1000;
	cr_assert(judge() == RC_OK && bytes_eq(signer.credential, wits[0]));
}
