/* test_trust_jwk.c - one JWK in, one key or one named refusal out. */
#include "unit/test_trust_help.h"

static struct arena arena;

static enum rc
try_jwk(const char *text, struct why *why)
{
	struct key *key = NULL;
	enum rc rc = key_from_jwk(node_of_text(&arena, text), &key, why);

	cr_assert((rc == RC_OK) == (key != NULL));
	key_free(key);
	return rc;
}

static void
set_up(void)
{
	arena_init(&arena, 1 << 22);
}

static void
tear_down(void)
{
	arena_release(&arena);
}

TestSuite(trust_jwk, .init = set_up, .fini = tear_down);

Test(trust_jwk, refuses_every_bad_key_of_the_list_and_says_why)
{
	json_t *doc = vectors("jose/bad-jws.json"), *c;
	struct key *key;
	struct why why;
	size_t i;

	json_array_foreach(json_object_get(doc, "bad_keys"), i, c)
	{
		memset(&why, 0, sizeof(why));
		cr_expect(key_from_jwk(node_of(&arena, json_object_get(c, "jwk")), &key, &why) ==
			      RC_BAD_KEY,
		    "%s", str(c, "why"));
		cr_expect(!key && why.rule && why.text[0], "%s", str(c, "why"));
	}
	cr_assert(i == 24);
	json_decref(doc);
}

Test(trust_jwk, gives_the_published_thumbprints)
{
	json_t *doc = vectors("jose/rfc-positive.json"), *c;
	struct key *key;
	char text[B64_ROOM(HASH_SIZE)];
	size_t i, checked = 0;

	json_array_foreach(json_object_get(doc, "thumbprints"), i, c)
	{
		json_t *jwk = json_object_get(c, "jwk");
		const char *kty = str(jwk, "kty"), *crv = str(jwk, "crv");
		bool ours = crv && (strcmp(crv, "P-256") == 0 || strcmp(crv, "P-384") == 0 ||
				       strcmp(crv, "Ed25519") == 0);
		struct why why = {0};
		enum rc rc = key_from_jwk(node_of(&arena, jwk), &key, &why);

		if (!ours) {
			cr_expect(rc == RC_BAD_KEY, "%s", kty);
			continue;
		}
		cr_assert(rc == RC_OK, "%s", why.text);
		b64url_encode(bytes_of(key_thumbprint(key)->b, HASH_SIZE), text);
		cr_expect(strcmp(text, str(c, "sha256")) == 0, "%s", str(c, "source"));
		key_free(key);
		checked++;
	}
	cr_assert(checked >= 3);
	json_decref(doc);
}

Test(trust_jwk, names_each_private_member)
{
	static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"};
	struct pair p = pair_new(TOKEN_ES256);
	struct why why;
	char more[32];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *jwk;

		snprintf(more, sizeof(more), ",\"%s\":\"AA\"", names[i]);
		jwk = pair_jwk(&p, "k1", NULL, more);
		cr_assert(try_jwk(jwk, &why) == RC_BAD_KEY);
		cr_expect(strcmp(why.claim, names[i]) == 0);
		free(jwk);
	}
	EVP_PKEY_free(p.pkey);
}

/* Members that decide what a key is for, added to an otherwise good key. */
static const struct {
	const char *more;
	enum token_alg alg;
	enum rc rc;
	const char *claim;
} purposes[] = {
    {"", TOKEN_ES256, RC_OK, NULL},
    {",\"alg\":\"ES256\"", TOKEN_ES256, RC_OK, NULL},
    {",\"alg\":\"ES384\"", TOKEN_ES384, RC_OK, NULL},
    {",\"alg\":\"EdDSA\"", TOKEN_EDDSA, RC_OK, NULL},
    {",\"alg\":\"Ed25519\"", TOKEN_EDDSA, RC_OK, NULL},
    {",\"alg\":\"Ed25519\"", TOKEN_ES256, RC_BAD_KEY, "alg"},
    {",\"alg\":\"ES256\"", TOKEN_EDDSA, RC_BAD_KEY, "alg"},
    {",\"alg\":\"es256\"", TOKEN_ES256, RC_BAD_KEY, "alg"},
    {",\"alg\":\"HS256\"", TOKEN_ES256, RC_BAD_KEY, "alg"},
    {",\"alg\":null", TOKEN_ES256, RC_BAD_KEY, "alg"},
    {",\"alg\":1", TOKEN_EDDSA, RC_BAD_KEY, "alg"},
    {",\"use\":\"sig\"", TOKEN_ES256, RC_OK, NULL},
    {",\"use\":\"enc\"", TOKEN_ES256, RC_BAD_KEY, "use"},
    {",\"use\":[\"sig\"]", TOKEN_ES256, RC_BAD_KEY, "use"},
    {",\"key_ops\":[\"verify\"]", TOKEN_ES256, RC_OK, NULL},
    {",\"key_ops\":[\"sign\",\"verify\"]", TOKEN_ES256, RC_OK, NULL},
    {",\"key_ops\":[]", TOKEN_ES256, RC_BAD_KEY, "key_ops"},
    {",\"key_ops\":[\"sign\"]", TOKEN_ES256, RC_BAD_KEY, "key_ops"},
    {",\"key_ops\":[\"verify\",\"verify\"]", TOKEN_ES256, RC_BAD_KEY, "key_ops"},
    {",\"key_ops\":[\"verify\",1]", TOKEN_ES256, RC_BAD_KEY, "key_ops"},
    {",\"key_ops\":\"verify\"", TOKEN_ES256, RC_BAD_KEY, "key_ops"},
    {",\"kid\":7", TOKEN_ES256, RC_BAD_KEY, "kid"},
    {",\"kid\":\"\"", TOKEN_ES256, RC_BAD_KEY, "kid"},
    {",\"made_up\":{\"d\":1}", TOKEN_ES256, RC_OK, NULL},
};

Test(trust_jwk, a_key_must_be_meant_for_verifying_by_its_own_algorithm)
{
	for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
		struct pair p = pair_new(purposes[i].alg);
		char *jwk = pair_jwk(&p, NULL, NULL, purposes[i].more);
		struct why why = {0};

		cr_expect(try_jwk(jwk, &why) == purposes[i].rc, "%s", jwk);
		if (purposes[i].claim)
			cr_expect(
			    why.claim && strcmp(why.claim, purposes[i].claim) == 0, "%s", jwk);
		free(jwk);
		EVP_PKEY_free(p.pkey);
	}
}

Test(trust_jwk, refuses_rsa_and_symmetric_keys_by_name)
{
	struct why why;

	cr_assert(try_jwk("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", &why) == RC_BAD_KEY);
	cr_assert(strstr(why.text, "RSA"));
	cr_assert(try_jwk("{\"kty\":\"oct\"}", &why) == RC_BAD_KEY);
	cr_assert(strstr(why.text, "oct"));
}

Test(trust_jwk, a_coordinate_is_a_string_in_the_one_canonical_spelling)
{
	struct why why;

	cr_assert(try_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", &why) == RC_BAD_KEY);
	cr_assert(try_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":1}", &why) == RC_BAD_KEY);
	/* The key of RFC 8037, good; then with an unused bit set, padded, with a line end. */
	cr_assert(try_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
			  "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		      &why) == RC_OK);
	cr_assert(try_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
			  "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp\"}",
		      &why) == RC_BAD_KEY);
	cr_assert(try_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
			  "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"}",
		      &why) == RC_BAD_KEY);
	cr_assert(try_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
			  "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\\n\"}",
		      &why) == RC_BAD_KEY);
}

Test(trust_jwk, keeps_the_kid)
{
	struct pair p = pair_new(TOKEN_ES256);
	char *jwk = pair_jwk(&p, "agent-7", NULL, NULL);
	struct key *key;

	cr_assert(key_from_jwk(node_of_text(&arena, jwk), &key, NULL) == RC_OK);
	cr_assert(bytes_is(key_kid(key), "agent-7"));
	key_free(key);
	free(jwk);
	EVP_PKEY_free(p.pkey);
}
