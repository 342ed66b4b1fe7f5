/* test_trust_jwks.c - a JWK set is read whole or refused whole. */
#include "unit/test_trust_cert.h"

static struct trust_snapshot *s;
static uint32_t domain;
static size_t skipped;
static struct why why;

static void
set_up(void)
{
	cr_assert(snapshot_new(&s) == RC_OK);
	cr_assert(snapshot_add_domain(s, bytes_str("example.org"), &domain, NULL) == RC_OK);
	skipped = 0;
}

static void
tear_down(void)
{
	trust_snapshot_drop(s);
}

TestSuite(trust_jwks, .init = set_up, .fini = tear_down);

static enum rc
read_text(const char *text)
{
	memset(&why, 0, sizeof(why));
	return jwks_read(s, domain, bytes_str(text), &skipped, &why);
}

/* One good key and, after it, a text. */
static enum rc
read_with(const char *second)
{
	struct pair p = pair_new(TOKEN_ES256);
	char *text = jwks_of(pair_jwk(&p, "good", "spiffe://example.org/a", NULL), strdup(second));
	enum rc rc = read_text(text);

	free(text);
	EVP_PKEY_free(p.pkey);
	return rc;
}

Test(trust_jwks, an_empty_set_is_fine)
{
	cr_assert(read_text("{\"keys\":[]}") == RC_OK);
	cr_assert(trust_snapshot_keys(s) == 0 && skipped == 0);
}

Test(trust_jwks, a_set_is_an_object_with_an_array_of_keys)
{
	static const char *const texts[] = {"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[1]}",
	    "{\"keys\":[]} ,", "{\"keys\":[],\"keys\":[]}", "{\"keys\":[{}]}", "{\"keys\":[[]]}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_expect(read_text(texts[i]) == RC_BAD_KEY, "%s", texts[i]);
		cr_expect(why.rule && why.text[0], "%s", texts[i]);
	}
}

Test(trust_jwks, keys_of_foreign_kinds_are_skipped_and_counted)
{
	cr_assert(read_with("{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}") == RC_OK);
	cr_assert(skipped == 1);
	cr_assert(read_with("{\"kty\":\"oct\",\"k\":\"AQ\"}") == RC_BAD_KEY, "kid good is taken");
}

static const char *const foreign[] = {
    "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}",
    "{\"kty\":\"oct\",\"k\":\"AQ\"}",
    "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AA\"}",
    "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"}",
    "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}",
    "{\"kty\":\"EC\",\"use\":\"x509-svid\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
    "{\"kty\":\"EC\",\"use\":\"jwt-svid\",\"kid\":\"k\",\"crv\":\"P-256\",\"x\":\"AA\"}",
};

Test(trust_jwks, skips_each_foreign_kind)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		char *text = jwks_of(strdup(foreign[i]), NULL);

		tear_down(); /* a domain has one bundle at most */
		set_up();
		cr_expect(read_text(text) == RC_OK && skipped == 1, "%s", text);
		cr_expect(trust_snapshot_keys(s) == 0);
		free(text);
	}
}

Test(trust_jwks, a_spiffe_bundle_with_its_own_members_is_understood)
{
	struct pair p = pair_new(TOKEN_ES256);
	char *jwk = pair_jwk(&p, "k1", NULL, ",\"use\":\"jwt-svid\""), *text = NULL;

	cr_assert(
	    asprintf(&text, "{\"spiffe_sequence\":12,\"spiffe_refresh_hint\":300,\"keys\":[%s]}",
		jwk) > 0);
	cr_assert(read_text(text) == RC_OK);
	cr_assert(trust_snapshot_keys(s) == 0 && skipped == 1);
	free(text);
	free(jwk);
	EVP_PKEY_free(p.pkey);
}

Test(trust_jwks, a_private_rsa_key_is_refused_not_skipped)
{
	cr_assert(
	    read_with("{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\",\"d\":\"AQ\"}") == RC_BAD_KEY);
	cr_assert(strstr(why.text, "key 1:") && strcmp(why.claim, "d") == 0);
}

Test(trust_jwks, one_bad_key_refuses_the_set_and_says_which)
{
	cr_assert(read_with("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
			    "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}") == RC_BAD_KEY);
	cr_assert(strncmp(why.text, "key 1: ", 7) == 0);
}

Test(trust_jwks, ect_iss_is_an_array_of_texts)
{
	static const char *const bad[] = {
	    "\"spiffe://example.org/a\"", "[1]", "[\"\"]", "{}", "null", "[[\"a\"]]"};
	struct pair p = pair_new(TOKEN_EDDSA);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char more[64], *text;

		snprintf(more, sizeof(more), ",\"ect_iss\":%s", bad[i]);
		text = jwks_of(pair_jwk(&p, NULL, NULL, more), NULL);
		cr_expect(read_text(text) == RC_BAD_KEY, "%s", text);
		cr_expect(why.claim && strcmp(why.claim, "ect_iss") == 0);
		free(text);
	}
	EVP_PKEY_free(p.pkey);
}

Test(trust_jwks, an_issuer_has_at_most_2048_bytes)
{
	struct pair p = pair_new(TOKEN_EDDSA);
	char iss[TRUST_ISSUER_SIZE_MAX + 2], *text;

	memset(iss, 'i', sizeof(iss));
	iss[TRUST_ISSUER_SIZE_MAX] = '\0';
	text = jwks_of(pair_jwk(&p, "a", iss, NULL), NULL);
	cr_assert(read_text(text) == RC_OK);
	free(text);
	iss[TRUST_ISSUER_SIZE_MAX] = 'i';
	iss[TRUST_ISSUER_SIZE_MAX + 1] = '\0';
	text = jwks_of(pair_jwk(&p, "b", iss, NULL), NULL);
	cr_assert(read_text(text) == RC_BAD_KEY);
	free(text);
	EVP_PKEY_free(p.pkey);
}

Test(trust_jwks, the_issuers_of_a_key_are_the_ones_listed)
{
	struct pair p = pair_new(TOKEN_EDDSA);
	char *text = jwks_of(
	    pair_jwk(&p, "k", NULL, ",\"ect_iss\":[\"spiffe://e/a\",\"spiffe://e/b\"]"), NULL);
	struct signer signer;
	struct bytes at = bytes_str("example.org"), kid = bytes_str("k");

	cr_assert(read_text(text) == RC_OK);
	cr_assert(trust_snapshot_find(
		      s, at, bytes_str("spiffe://e/a"), kid, p.alg, &signer, NULL) == RC_OK);
	cr_assert(trust_snapshot_find(
		      s, at, bytes_str("spiffe://e/b"), kid, p.alg, &signer, NULL) == RC_OK);
	cr_assert(trust_snapshot_find(s, at, bytes_str("spiffe://e/c"), kid, p.alg, &signer,
		      NULL) == RC_NOT_AUTHORIZED);
	free(text);
	EVP_PKEY_free(p.pkey);
}

/* ---- SPIFFE bundles ---- */

static const struct anchors *
anchors(void)
{
	return snapshot_anchors(s, domain);
}

Test(trust_jwks, a_bundle_gives_cas_wit_keys_and_token_keys)
{
	struct cert ca = cert_new(NULL, NULL, (struct cert_spec){0}, true);
	struct pair w = pair_new(TOKEN_EDDSA), t = pair_new(TOKEN_ES256);
	char der[B64_ROOM(4096)], *text, *wit = pair_jwk(&w, "w1", NULL, ",\"use\":\"wit-svid\"");
	char *key = pair_jwk(&t, "k1", "spiffe://example.org/a", NULL);
	const struct key *found;

	b64_encode(cert_der(&ca), der);
	cr_assert(
	    asprintf(&text,
		"{\"spiffe_sequence\":18446744073709551615,\"keys\":[%s,%s,"
		"{\"kty\":\"RSA\",\"use\":\"x509-svid\",\"n\":\"AQ\",\"e\":\"AQAB\",\"x5c\":[\"%"
		"s\",1]},"
		"{\"kty\":\"RSA\",\"use\":\"x509-svid\",\"n\":\"AQ\",\"e\":\"AQAB\"},"
		"{\"kty\":\"RSA\",\"use\":\"wit-svid\",\"kid\":\"r\",\"n\":\"AQ\",\"e\":\"AQAB\"},"
		"{\"kty\":\"EC\",\"use\":\"new-svid\"}]}",
		wit, key, der) > 0);
	cr_assert(read_text(text) == RC_OK, "%s", why.text);
	cr_assert(skipped == 3 && trust_snapshot_keys(s) == 2);
	cr_assert(anchors()->ca_count == 1 && bytes_eq(anchors()->cas[0].der, cert_der(&ca)));
	cr_assert(
	    anchors()->has_sequence && anchors()->sequence == UINT64_MAX && !anchors()->empty);
	cr_assert(snapshot_find_wit_key(s, domain, bytes_str("w1"), &found, NULL) == RC_OK);
	cr_assert(
	    snapshot_find_wit_key(s, domain, bytes_str("k1"), &found, NULL) == RC_UNKNOWN_KEY);
	cr_assert(read_text("{\"keys\":[],\"spiffe_sequence\":1}") == RC_BAD_KEY, "a second one");
	free(text);
	free(wit);
	free(key);
	EVP_PKEY_free(w.pkey);
	EVP_PKEY_free(t.pkey);
	cert_free(&ca);
}

Test(trust_jwks, an_empty_bundle_is_no_empty_set)
{
	cr_assert(read_text("{\"keys\":[]}") == RC_OK && !anchors()->has_bundle);
	cr_assert(read_text("{\"keys\":[],\"spiffe_refresh_hint\":1}") == RC_OK);
	cr_assert(anchors()->has_bundle && anchors()->empty && !anchors()->has_sequence);
}

Test(trust_jwks, a_bad_entry_refuses_the_bundle)
{
	struct cert leaf =
	    cert_new(NULL, NULL, (struct cert_spec){.san = "URI:spiffe://example.org/a"}, false);
	struct pair p = pair_new(TOKEN_ES256);
	char der[B64_ROOM(4096)], *entry, *rows[6];
	char *wit = pair_jwk(&p, "w1", NULL, ",\"use\":\"wit-svid\"");
	char *tok = pair_jwk(&p, "k1", NULL, NULL);

	b64_encode(cert_der(&leaf), der);
	cr_assert(
	    asprintf(&entry, "{\"kty\":\"EC\",\"use\":\"x509-svid\",\"x5c\":[\"%s\"]}", der) > 0);
	rows[0] = jwks_of(entry, NULL); /* no CA */
	rows[1] = jwks_of(strdup("{\"kty\":\"EC\",\"use\":\"x509-svid\",\"x5c\":[]}"), NULL);
	rows[2] = jwks_of(strdup("{\"kty\":\"EC\",\"use\":\"x509-svid\",\"x5c\":[\"A\"]}"), NULL);
	rows[3] = jwks_of(pair_jwk(&p, NULL, NULL, ",\"use\":\"wit-svid\""), NULL); /* no kid */
	rows[4] = jwks_of(wit, tok); /* one key for both */
	rows[5] = strdup("{\"keys\":[],\"spiffe_sequence\":-1}");
	for (size_t i = 0; i < 6; i++) {
		tear_down();
		set_up();
		cr_expect(read_text(rows[i]) == RC_BAD_KEY, "%zu", i);
		free(rows[i]);
	}
	cr_assert(
	    read_text("{\"keys\":[],\"spiffe_sequence\":18446744073709551616}") == RC_BAD_KEY);
	EVP_PKEY_free(p.pkey);
	cert_free(&leaf);
}
