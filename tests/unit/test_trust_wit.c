/*
 * test_trust_wit.c - which WITs bind a key to a workload, and by which rule the others do not.
 */
#include "trust/wit.h"
#include "unit/test_trust_cert.h"

#define SUB "spiffe://example.org/agent/a"

static struct arena arena;
static struct trust_snapshot *s;
static struct verifier *v;
static uint32_t domain;
static struct pair issuer, agent;
static struct wit_verdict got;
static struct why why;

static void
add_key(const struct pair *p, const char *kid)
{
	struct key *key;

	cr_assert(key_from_raw(p->alg, bytes_of(p->raw, p->raw_size), &key, NULL) == RC_OK);
	cr_assert(key_set_kid(key, bytes_str(kid), NULL) == RC_OK);
	cr_assert(snapshot_add_wit_key(s, domain, key, NULL) == RC_OK);
}

static void
set_up(void)
{
	arena_init(&arena, 1 << 22);
	cr_assert(snapshot_new(&s) == RC_OK);
	cr_assert(snapshot_add_domain(s, bytes_str("example.org"), &domain, NULL) == RC_OK);
	cr_assert((v = verifier_new()));
	issuer = pair_new(TOKEN_ES256);
	agent = pair_new(TOKEN_EDDSA);
	add_key(&issuer, "w1");
}

static void
tear_down(void)
{
	key_free(got.key);
	EVP_PKEY_free(issuer.pkey);
	EVP_PKEY_free(agent.pkey);
	verifier_free(v);
	trust_snapshot_drop(s);
	arena_release(&arena);
}

TestSuite(trust_wit, .init = set_up, .fini = tear_down);

static enum rc
judge_text(const char *wit, int64_t now)
{
	enum rc rc;

	key_free(got.key);
	memset(&why, 0, sizeof(why));
	rc = wit_judge(v, s, domain, bytes_str(wit), now * 1000, &arena, &got, &why);
	cr_assert((rc == RC_OK) == (got.key != NULL));
	cr_assert(rc == RC_OK || (why.rule && why.text[0]));
	return rc;
}

#define HEADER "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\"}"

/* Signed by the domain's key, whatever it says. */
static enum rc
judge(const char *header, const char *payload)
{
	char *wit = jws_of(&issuer, header, payload);
	enum rc rc = judge_text(wit, NOW);

	free(wit);
	return rc;
}

/* A payload: sub, exp, then 'more', then cnf with the agent's key. */
static const char *
payload(const char *sub, const char *exp, const char *more)
{
	char *jwk = pair_jwk(&agent, NULL, NULL, ",\"alg\":\"EdDSA\"");
	char *text = arena_printf(&arena, "{%s%s%s\"cnf\":{\"jwk\":%s}}", sub, exp, more, jwk);

	free(jwk);
	return text;
}

#define SUB_IS "\"sub\":\"" SUB "\","
#define EXP_IS "\"exp\":1700000001,"

Test(trust_wit, a_good_wit_gives_key_subject_and_anchor)
{
	struct hash id;
	struct key *key;

	cr_assert(judge(HEADER, payload(SUB_IS, EXP_IS, "")) == RC_OK, "%s", why.text);
	cr_assert(bytes_is(got.subject, SUB));
	cr_assert(bytes_eq(key_raw(got.key), bytes_of(agent.raw, agent.raw_size)));
	cr_assert(
	    key_from_raw(issuer.alg, bytes_of(issuer.raw, issuer.raw_size), &key, NULL) == RC_OK);
	id = *key_thumbprint(key);
	cr_assert(hash_eq(&id, &got.anchor) && got.until == NOW);
	key_free(key);
}

Test(trust_wit, unknown_claims_and_its_own_iss_are_ignored)
{
	cr_assert(judge(HEADER, payload(SUB_IS, EXP_IS,
				    "\"iss\":\"https://evil.example\",\"x\":[1],")) == RC_OK);
	cr_assert(judge(HEADER, payload(SUB_IS, EXP_IS, "\"iat\":1700000030,\"nbf\":1,")) == RC_OK);
	cr_assert(got.from == NOW);
}

Test(trust_wit, every_rule_of_the_header_is_a_refusal)
{
	static const char *const rows[] = {
	    "{\"alg\":\"ES256\",\"kid\":\"w1\"}",
	    "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"w1\"}",
	    "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":\"w1\"}",
	    "{\"alg\":\"ES256\",\"typ\":\"application/wit+jwt\",\"kid\":\"w1\"}",
	    "{\"alg\":\"none\",\"typ\":\"wit+jwt\",\"kid\":\"w1\"}",
	    "{\"alg\":\"HS256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\"}",
	    "{\"alg\":\"RS256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\"}",
	    "{\"alg\":\"EdDSA\",\"typ\":\"wit+jwt\",\"kid\":\"w1\"}",
	    "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\",\"jwk\":{}}",
	    "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\",\"x5c\":[\"AAAA\"]}",
	    "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\",\"jku\":\"https://e\"}",
	    "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\",\"crit\":[\"exp\"]}",
	    "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\",\"kid\":\"w1\",\"kid\":\"w1\"}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(judge(rows[i], payload(SUB_IS, EXP_IS, "")) == RC_BAD_CREDENTIAL, "%s",
		    rows[i]);
	cr_assert(judge("{\"alg\":\"ES256\",\"typ\":\"wit+jwt\",\"kid\":\"w2\"}",
		      payload(SUB_IS, EXP_IS, "")) == RC_UNKNOWN_KEY);
}

Test(trust_wit, every_rule_of_the_claims_is_a_refusal)
{
	static const struct {
		const char *sub, *exp, *more;
	} rows[] = {
	    {"", EXP_IS, ""},
	    {"\"sub\":1,", EXP_IS, ""},
	    {"\"sub\":\"\",", EXP_IS, ""},
	    {SUB_IS SUB_IS, EXP_IS, ""},
	    {SUB_IS, "", ""},
	    {SUB_IS, "\"exp\":\"1700000001\",", ""},
	    {SUB_IS, "\"exp\":1700000001.5,", ""},
	    {SUB_IS, "\"exp\":1700000000,", ""},
	    {SUB_IS, "\"exp\":-1,", ""},
	    {SUB_IS, "\"exp\":1e300,", ""},
	    {SUB_IS, EXP_IS EXP_IS, ""},
	    {SUB_IS, EXP_IS, "\"aud\":\"x\","},
	    {SUB_IS, EXP_IS, "\"aud\":null,"},
	    {SUB_IS, EXP_IS, "\"iat\":1700000031,"},
	    {SUB_IS, EXP_IS, "\"nbf\":1700000031,"},
	    {SUB_IS, EXP_IS, "\"nbf\":\"1\","},
	    {SUB_IS, EXP_IS, "\"cnf\":{},"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(judge(HEADER, payload(rows[i].sub, rows[i].exp, rows[i].more)) ==
			      RC_BAD_CREDENTIAL,
		    "%zu", i);
}

#define CLAIMS "{" SUB_IS EXP_IS "\"cnf\":"
#define OKP                                                                                        \
	"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"                               \
	"7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

Test(trust_wit, every_rule_of_the_key_is_a_refusal)
{
	static const char *const rows[] = {
	    CLAIMS "null}",
	    CLAIMS "{}}",
	    CLAIMS "{\"jwk\":null}}",
	    CLAIMS "{\"kid\":\"x\"}}",
	    CLAIMS "{\"jwk\":{" OKP "}}}",
	    CLAIMS "{\"jwk\":{" OKP ",\"alg\":\"ES256\"}}}",
	    CLAIMS "{\"jwk\":{" OKP ",\"alg\":\"HS256\"}}}",
	    CLAIMS "{\"jwk\":{" OKP ",\"alg\":\"none\"}}}",
	    CLAIMS "{\"jwk\":{" OKP ",\"alg\":\"EdDSA\",\"d\":\"AA\"}}}",
	    CLAIMS "{\"jwk\":{" OKP ",\"alg\":\"EdDSA\",\"use\":\"enc\"}}}",
	    CLAIMS "{\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}}}",
	    CLAIMS "{\"jwk\":{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\","
		   "\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}}",
	};

	cr_assert(judge(HEADER, CLAIMS "{\"jwk\":{" OKP ",\"alg\":\"EdDSA\"}}}") == RC_OK, "%s",
	    why.text);
	cr_assert(judge(HEADER, CLAIMS "{\"jwk\":{" OKP ",\"alg\":\"Ed25519\"}}}") == RC_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(judge(HEADER, rows[i]) == RC_BAD_CREDENTIAL, "%s", rows[i]);
}

Test(trust_wit, only_the_domains_wit_keys_sign)
{
	struct pair stranger = pair_new(TOKEN_ES256);
	char *wit = jws_of(&stranger, HEADER, payload(SUB_IS, EXP_IS, ""));
	struct key *key;

	cr_assert(judge_text(wit, NOW) == RC_BAD_CREDENTIAL);
	/* Enrolled for tokens, under the same kid: still not. */
	cr_assert(key_from_raw(stranger.alg, bytes_of(stranger.raw, stranger.raw_size), &key,
		      NULL) == RC_OK);
	cr_assert(key_set_kid(key, bytes_str("w1"), NULL) == RC_OK);
	cr_assert(snapshot_add_key(s, domain, key, NULL, 0, NULL) == RC_OK);
	cr_assert(judge_text(wit, NOW) == RC_BAD_CREDENTIAL);
	free(wit);
	EVP_PKEY_free(stranger.pkey);
}

Test(trust_wit, a_kid_is_needed_where_there_are_several_keys)
{
	static const char header[] = "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\"}";
	struct pair other = pair_new(TOKEN_ES256);

	cr_assert(judge(header, payload(SUB_IS, EXP_IS, "")) == RC_OK);
	add_key(&other, "w2");
	cr_assert(judge(header, payload(SUB_IS, EXP_IS, "")) == RC_UNKNOWN_KEY);
	cr_assert(judge(HEADER, payload(SUB_IS, EXP_IS, "")) == RC_OK);
	EVP_PKEY_free(other.pkey);
}

Test(trust_wit, a_wit_has_at_most_4096_bytes)
{
	char *more = arena_alloc(&arena, 4096), *wit;
	size_t n;

	memset(more, ' ', 4096);
	n = 3000;
	more[n] = '\0';
	wit = jws_of(&issuer, HEADER, payload(SUB_IS, EXP_IS, more));
	cr_assert(strlen(wit) > TRUST_WIT_SIZE_MAX);
	cr_assert(judge_text(wit, NOW) == RC_BAD_CREDENTIAL);
	while (strlen(wit) > TRUST_WIT_SIZE_MAX) {
		free(wit);
		more[--n] = '\0';
		wit = jws_of(&issuer, HEADER, payload(SUB_IS, EXP_IS, more));
	}
	cr_assert(strlen(wit) >= TRUST_WIT_SIZE_MAX - 1);
	cr_assert(judge_text(wit, NOW) == RC_OK, "%s", why.text);
	free(wit);
	wit = calloc(1, TRUST_WIT_SIZE_MAX + 2);
	memset(wit, 'e', TRUST_WIT_SIZE_MAX);
	cr_assert(judge_text(wit, NOW) == RC_BAD_CREDENTIAL && !strstr(why.text, "too long"));
	wit[TRUST_WIT_SIZE_MAX] = 'e';
	cr_assert(judge_text(wit, NOW) == RC_BAD_CREDENTIAL && strstr(why.text, "too long"));
	free(wit);
}

/* draft-ietf-wimse-workload-creds, and a WIT-SVID of SPIFFE whose key is not published. */
Test(trust_wit, the_published_examples)
{
	json_t *doc = vectors("jose/wimse-spiffe-tokens.json");
	const struct json_node *jwk = node_of(&arena, json_object_get(doc, "wit_issuer_jwk"));
	struct bytes subject;
	struct key *key;

	cr_assert(key_from_jwk(jwk, &key, &why) == RC_OK, "%s", why.text);
	cr_assert(snapshot_add_wit_key(s, domain, key, NULL) == RC_OK);
	cr_assert(judge_text(str(doc, "wit"), 1745508910) == RC_OK, "%s", why.text);
	cr_assert(bytes_is(got.subject, "wimse://example.com/specific-workload"));
	cr_assert(key_alg(got.key) == TOKEN_EDDSA && got.until == 1745512509);
	cr_assert(judge_text(str(doc, "wit"), 1745512509) == RC_OK);
	cr_assert(judge_text(str(doc, "wit"), 1745512510) == RC_BAD_CREDENTIAL);
	cr_assert(judge_text(str(doc, "wit"), 1745508879) == RC_BAD_CREDENTIAL, "iat is ahead");
	cr_assert(wit_subject(
	    bytes_str(str(json_object_get(doc, "spiffe_wit_svid"), "compact")), &arena, &subject));
	cr_assert(bytes_is(subject, "spiffe://example.com/my-workload"));
	/* The WPT is no WIT. */
	cr_assert(!wit_subject(bytes_str(str(doc, "wpt")), &arena, &subject));
	json_decref(doc);
}
