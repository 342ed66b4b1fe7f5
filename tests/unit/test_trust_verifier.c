/* test_trust_verifier.c - which signatures verify, with the published vectors and with our own. */
#include "unit/test_trust_help.h"
#include "token/jws.h"

static const char *const typ_jwt[] = {"JWT", NULL};
static const struct jws_profile any = {.typs = typ_jwt, .opaque = true};

Test(trust_verifier, verifies_the_published_tokens)
{
	json_t *doc = vectors("jose/rfc-positive.json"), *c;
	struct verifier *v = verifier_new();
	size_t i, checked = 0;

	json_array_foreach(json_object_get(doc, "cases"), i, c)
	{
		json_t *jwk = json_object_get(c, "jwk");
		struct token token;
		struct arena arena;
		struct key *key;
		struct why why = {0};
		enum rc rc;

		arena_init(&arena, 1 << 20);
		/* The file publishes private members; a trust set would be refused for them. */
		json_object_del(jwk, "d");
		rc = key_from_jwk(node_of(&arena, jwk), &key, &why);
		if (strcmp(str(c, "alg"), "RS256") == 0 || strcmp(str(c, "alg"), "ES512") == 0) {
			cr_assert(rc == RC_BAD_KEY);
			arena_release(&arena);
			continue;
		}
		cr_assert(rc == RC_OK, "%s: %s", str(c, "name"), why.text);
		cr_assert(
		    jws_parse(bytes_str(str(c, "compact")), &any, &arena, &token, &why) == RC_OK,
		    "%s: %s", str(c, "name"), why.text);
		cr_expect(verifier_check(v, key, token.alg, token.signing_input,
			      bytes_of(token.signature, token.signature_size), &why) == RC_OK,
		    "%s: %s", str(c, "name"), why.text);
		key_free(key);
		arena_release(&arena);
		checked++;
	}
	cr_assert(checked == 5);
	verifier_free(v);
	json_decref(doc);
}

/* Everything that a server does about the signature, on one token. */
static enum rc
judge(const struct trust_snapshot *s, struct verifier *v, const char *text, const char *iss)
{
	struct arena arena;
	struct token token;
	struct signer signer;
	struct why why = {0};
	enum rc rc;

	arena_init(&arena, 1 << 20);
	rc = jws_parse(bytes_str(text), &any, &arena, &token, &why);
	if (rc == RC_OK)
		rc = trust_snapshot_find(s, bytes_str("issuer.example"), bytes_str(iss), token.kid,
		    token.alg, &signer, &why);
	if (rc == RC_OK)
		rc = verifier_check(v, signer.key, token.alg, token.signing_input,
		    bytes_of(token.signature, token.signature_size), &why);
	if (rc != RC_OK)
		cr_expect(why.rule && why.text[0], "%d without a reason", (int)rc);
	arena_release(&arena);
	return rc;
}

Test(trust_verifier, refuses_confused_keys_bad_encodings_and_wrong_algorithms)
{
	static const char *const categories[] = {"control", "key-confusion", "alg-mismatch",
	    "unknown-key", "ecdsa-encoding", "eddsa", "ecdsa-malleability", "alg-none",
	    "key-injection", "crit"};
	json_t *doc = vectors("jose/bad-jws.json"), *jwks = json_object_get(doc, "jwks"), *c, *k;
	const char *iss = str(doc, "issuer");
	struct verifier *v = verifier_new();
	struct trust_snapshot *s;
	size_t i, skipped = 0, accepted = 0, refused = 0;
	uint32_t domain;
	char *text;

	json_array_foreach(json_object_get(jwks, "keys"), i, k)
	    json_object_set_new(k, "ect_iss", json_pack("[s]", iss));
	text = json_dumps(jwks, 0);
	cr_assert(snapshot_new(&s) == RC_OK);
	cr_assert(snapshot_add_domain(s, bytes_str("issuer.example"), &domain, NULL) == RC_OK);
	cr_assert(jwks_read(s, domain, bytes_str(text), &skipped, NULL) == RC_OK);
	cr_assert(skipped == 1 && trust_snapshot_keys(s) == 3, "RSA is skipped");
	json_array_foreach(json_object_get(doc, "cases"), i, c)
	{
		const char *category = str(c, "category");
		bool ours = false;
		enum rc rc;

		for (size_t n = 0; n < sizeof(categories) / sizeof(categories[0]); n++)
			ours |= strcmp(category, categories[n]) == 0;
		if (!ours || strstr(str(c, "why"), "valid RS256"))
			continue;
		rc = judge(s, v, str(c, "token"), iss);
		if (strcmp(str(c, "expect"), "reject") == 0) {
			cr_expect(rc != RC_OK, "%s: %s", category, str(c, "why"));
			refused++;
		} else {
			/* Controls; EdDSA by its old name; (r, n-s), which is why no identity
			 * is made of a signature. */
			cr_expect(rc == RC_OK, "%s: %s: %s", category, str(c, "why"), rc_label(rc));
			accepted++;
		}
	}
	cr_assert(accepted == 4 && refused >= 48, "%zu %zu", accepted, refused);
	trust_snapshot_drop(s);
	verifier_free(v);
	free(text);
	json_decref(doc);
}

Test(trust_verifier, makes_the_der_of_the_vectors)
{
	json_t *doc = vectors("keys/ecdsa-raw-der.json"), *c;
	uint8_t raw[96], want[VERIFIER_DER_MAX], der[VERIFIER_DER_MAX];
	size_t i, n, m, checked = 0;

	json_array_foreach(json_object_get(doc, "cases"), i, c)
	{
		if (json_integer_value(json_object_get(c, "n")) > 48)
			continue; /* P-521 is no algorithm of ours */
		cr_assert(hex_decode(bytes_str(str(c, "raw")), raw, sizeof(raw), &n));
		cr_assert(hex_decode(bytes_str(str(c, "der")), want, sizeof(want), &m));
		cr_expect(verifier_der(bytes_of(raw, n), der) == m && memcmp(der, want, m) == 0,
		    "%s", str(c, "name"));
		checked++;
	}
	cr_assert(checked == 5);
	json_decref(doc);
}

Test(trust_verifier, r_and_s_are_between_one_and_the_order)
{
	/* n of P-256 and P-384 (FIPS 186-5), and n - 1. */
	static const char *const order[] = {
	    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
	    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf"
	    "581a0db248b0a77aecec196accc52973"};
	enum token_alg algs[] = {TOKEN_ES256, TOKEN_ES384};

	for (size_t i = 0; i < 2; i++) {
		uint8_t n[48], sig[96] = {0};
		size_t size;
		struct bytes view;

		cr_assert(hex_decode(bytes_str(order[i]), n, sizeof(n), &size));
		view = bytes_of(sig, 2 * size);
		cr_assert(!verifier_in_range(algs[i], view));
		sig[size - 1] = 1;
		cr_assert(!verifier_in_range(algs[i], view), "s = 0");
		sig[2 * size - 1] = 1;
		cr_assert(verifier_in_range(algs[i], view), "1, 1");
		memcpy(sig, n, size);
		cr_assert(!verifier_in_range(algs[i], view), "r = n");
		sig[size - 1]--;
		memcpy(sig + size, sig, size);
		cr_assert(verifier_in_range(algs[i], view), "n-1, n-1");
		memcpy(sig + size, n, size);
		cr_assert(!verifier_in_range(algs[i], view), "s = n");
		memset(sig, 0xff, sizeof(sig));
		cr_assert(!verifier_in_range(algs[i], view));
	}
}

Test(trust_verifier, one_flipped_bit_anywhere_refuses)
{
	enum token_alg algs[] = {TOKEN_ES256, TOKEN_ES384, TOKEN_EDDSA};
	uint8_t message[] = "the quick brown fox", sig[96];
	struct verifier *v = verifier_new();

	for (size_t a = 0; a < 3; a++) {
		struct pair p = pair_new(algs[a]);
		struct bytes m = bytes_of(message, sizeof(message) - 1), s;
		struct key *key;

		cr_assert(key_from_raw(p.alg, bytes_of(p.raw, p.raw_size), &key, NULL) == RC_OK);
		s = bytes_of(sig, pair_sign(&p, m, sig));
		cr_assert(verifier_check(v, key, p.alg, m, s, NULL) == RC_OK);
		for (size_t i = 0; i < s.n; i++) {
			sig[i] ^= (uint8_t)(1u << (i % 8));
			cr_expect(verifier_check(v, key, p.alg, m, s, NULL) == RC_BAD_SIGNATURE);
			sig[i] ^= (uint8_t)(1u << (i % 8));
		}
		for (size_t i = 0; i < m.n; i++) {
			message[i] ^= 1;
			cr_expect(verifier_check(v, key, p.alg, m, s, NULL) == RC_BAD_SIGNATURE);
			message[i] ^= 1;
		}
		s.n--;
		cr_expect(verifier_check(v, key, p.alg, m, s, NULL) == RC_BAD_SIGNATURE);
		s.n++;
		cr_assert(
		    verifier_check(v, key, p.alg, m, s, NULL) == RC_OK, "works after refusals");
		key_free(key);
		EVP_PKEY_free(p.pkey);
	}
	verifier_free(v);
}

Test(trust_verifier, the_algorithm_is_the_keys)
{
	enum token_alg algs[] = {TOKEN_ES256, TOKEN_ES384, TOKEN_EDDSA};
	struct verifier *v = verifier_new();
	uint8_t sig[96];

	for (size_t a = 0; a < 3; a++) {
		struct pair p = pair_new(algs[a]);
		struct bytes s = bytes_of(sig, pair_sign(&p, bytes_str("m"), sig));
		struct key *key;

		cr_assert(key_from_raw(p.alg, bytes_of(p.raw, p.raw_size), &key, NULL) == RC_OK);
		for (size_t b = 0; b < 3; b++)
			cr_expect(verifier_check(v, key, algs[b], bytes_str("m"), s, NULL) ==
				  (a == b ? RC_OK : RC_BAD_ALG));
		key_free(key);
		EVP_PKEY_free(p.pkey);
	}
	verifier_free(v);
}

Test(trust_verifier, another_key_does_not_verify)
{
	struct pair p = pair_new(TOKEN_EDDSA), q = pair_new(TOKEN_EDDSA);
	struct verifier *v = verifier_new();
	struct key *key;
	uint8_t sig[96];

	cr_assert(key_from_raw(q.alg, bytes_of(q.raw, q.raw_size), &key, NULL) == RC_OK);
	cr_assert(verifier_check(v, key, TOKEN_EDDSA, BYTES_NONE,
		      bytes_of(sig, pair_sign(&p, BYTES_NONE, sig)), NULL) == RC_BAD_SIGNATURE);
	cr_assert(verifier_check(v, key, TOKEN_EDDSA, BYTES_NONE,
		      bytes_of(sig, pair_sign(&q, BYTES_NONE, sig)), NULL) == RC_OK);
	key_free(key);
	verifier_free(v);
	EVP_PKEY_free(p.pkey);
	EVP_PKEY_free(q.pkey);
}
