/* test_trust_key.c - which public keys are let in, and under which thumbprint. */
#include "unit/test_trust_help.h"

static struct bytes
unhex(const char *text, uint8_t *out, size_t room)
{
	size_t n;

	cr_assert(hex_decode(bytes_str(text), out, room, &n));
	return bytes_of(out, n);
}

Test(trust_key, refuses_every_small_order_non_canonical_or_mixed_order_ed25519_point)
{
	json_t *doc = vectors("keys/ed25519-points.json"), *c;
	struct key *key;
	struct why why;
	uint8_t raw[32];
	size_t i;

	json_array_foreach(json_object_get(doc, "refuse"), i, c)
	{
		memset(&why, 0, sizeof(why));
		cr_expect(key_from_raw(TOKEN_EDDSA, unhex(str(c, "hex"), raw, 32), &key, &why) ==
			      RC_BAD_KEY,
		    "%s", str(c, "why"));
		cr_expect(!key && why.rule && why.text[0]);
	}
	cr_assert(i == 28, "%zu", i);
	json_decref(doc);
}

Test(trust_key, accepts_multiples_of_the_base_point)
{
	json_t *doc = vectors("keys/ed25519-points.json"), *c;
	struct key *key;
	uint8_t raw[32];
	size_t i;

	json_array_foreach(json_object_get(doc, "accept"), i, c)
	{
		cr_assert(
		    key_from_raw(TOKEN_EDDSA, unhex(str(c, "hex"), raw, 32), &key, NULL) == RC_OK,
		    "%s", str(c, "why"));
		key_free(key);
	}
	cr_assert(i == 3);
	json_decref(doc);
}

Test(trust_key, an_ec_key_has_exactly_its_length_and_is_uncompressed_and_on_the_curve)
{
	enum token_alg algs[] = {TOKEN_ES256, TOKEN_ES384};
	struct key *key = NULL;

	for (size_t i = 0; i < 2; i++) {
		struct pair p = pair_new(algs[i]);
		struct bytes raw = bytes_of(p.raw, p.raw_size);

		cr_assert(key_from_raw(p.alg, raw, &key, NULL) == RC_OK);
		cr_assert(key_alg(key) == p.alg && key_kid(key).n == 0);
		cr_assert(bytes_eq(key_raw(key), raw));
		key_free(key);
		raw.n--;
		cr_assert(key_from_raw(p.alg, raw, &key, NULL) == RC_BAD_KEY);
		raw.n++;
		p.raw[0] = 2;
		cr_assert(key_from_raw(p.alg, raw, &key, NULL) == RC_BAD_KEY);
		p.raw[0] = 4;
		p.raw[p.raw_size - 1] ^= 1;
		cr_assert(key_from_raw(p.alg, raw, &key, NULL) == RC_BAD_KEY);
		memset(p.raw + 1, 0, p.raw_size - 1);
		cr_assert(key_from_raw(p.alg, raw, &key, NULL) == RC_BAD_KEY);
		memset(p.raw + 1, 0xff, p.raw_size - 1);
		cr_assert(key_from_raw(p.alg, raw, &key, NULL) == RC_BAD_KEY);
		cr_assert(!key);
		EVP_PKEY_free(p.pkey);
	}
}

Test(trust_key, a_key_of_one_curve_is_not_one_of_the_other)
{
	struct pair p = pair_new(TOKEN_ES256);
	struct key *key;

	cr_assert(key_from_raw(TOKEN_ES384, bytes_of(p.raw, p.raw_size), &key, NULL) == RC_BAD_KEY);
	cr_assert(key_from_raw(TOKEN_EDDSA, bytes_of(p.raw, p.raw_size), &key, NULL) == RC_BAD_KEY);
	EVP_PKEY_free(p.pkey);
}

Test(trust_key, the_thumbprint_is_the_hash_of_the_sorted_required_members)
{
	struct pair p = pair_new(TOKEN_ES384);
	struct key *key;
	char members[KEY_MEMBERS_MAX];
	struct hash want;
	size_t n;

	cr_assert(key_from_raw(p.alg, bytes_of(p.raw, p.raw_size), &key, NULL) == RC_OK);
	n = key_members(key, members);
	cr_assert(strncmp(members, "{\"crv\":\"P-384\",\"kty\":\"EC\",\"x\":\"", 31) == 0);
	hash_of(bytes_of(members, n), &want);
	cr_assert(hash_eq(&want, key_thumbprint(key)));
	key_free(key);
	EVP_PKEY_free(p.pkey);
}

Test(trust_key, a_kid_is_1_to_128_printable_characters)
{
	struct pair p = pair_new(TOKEN_EDDSA);
	struct key *key;
	char longest[TOKEN_KID_MAX + 1];

	cr_assert(key_from_raw(p.alg, bytes_of(p.raw, p.raw_size), &key, NULL) == RC_OK);
	memset(longest, 'k', sizeof(longest));
	cr_assert(key_set_kid(key, bytes_of(longest, TOKEN_KID_MAX), NULL) == RC_OK);
	cr_assert(key_kid(key).n == TOKEN_KID_MAX);
	cr_assert(key_set_kid(key, bytes_of(longest, TOKEN_KID_MAX + 1), NULL) == RC_BAD_KEY);
	cr_assert(key_set_kid(key, BYTES_NONE, NULL) == RC_BAD_KEY);
	cr_assert(key_set_kid(key, bytes_str("a\tb"), NULL) == RC_BAD_KEY);
	cr_assert(key_set_kid(key, bytes_str("June 5"), NULL) == RC_OK);
	cr_assert(key_set_kid(key, bytes_str("a\x7f"), NULL) == RC_BAD_KEY);
	cr_assert(key_set_kid(key, bytes_str("\xc3\xa9"), NULL) == RC_BAD_KEY);
	key_free(key);
	EVP_PKEY_free(p.pkey);
}

Test(trust_key, an_algorithm_that_nobody_knows_is_our_bug, .signal = SIGABRT)
{
	struct key *key;

	key_from_raw((enum token_alg)9, bytes_str("x"), &key, NULL);
}
