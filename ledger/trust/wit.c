/*
 * wit.c - draft-ietf-wimse-workload-creds (WIT) and SPIFFE's WIT-SVID, one profile for both:
 *
 *   header   alg ES256, ES384 or EdDSA; typ wit+jwt; kid, unless the domain has one WIT key only;
 *            nothing else
 *   claims   sub     required; who compares it with the issuer has judged the issuer's spelling
 *            exp     required, whole seconds; at exp it has expired
 *            iat, nbf  if there, whole seconds, at most WIT_SKEW_S ahead
 *            aud     forbidden: a WIT is not made for one audience
 *            cnf     {"jwk": KEY}, with alg in KEY and no private member
 *            others  ignored
 *
 * Its keys come from the trust domain's bundle alone, never from its own iss.
 */
#include "trust/wit.h"

#include <string.h>

#include "base/must.h"
#include "token/jws.h"

static const char *const typs[] = {"wit+jwt", NULL};
static const struct jws_profile profile = {.typs = typs, .typ_required = true};

static const char rule_claims[] = "WIT 3.1 (claims)";

static enum rc parse(struct bytes wit, struct arena *arena, struct token *out, struct why *why);
static enum rc read_times(
    const struct json_node *claims, int64_t now_ms, struct wit_verdict *out, struct why *why);
static enum rc read_cnf(const struct json_node *claims, struct key **out, struct why *why);
static enum rc bad(struct why *why, const char *rule, const char *claim, const char *text);

bool
wit_subject(struct bytes wit, struct arena *arena, struct bytes *subject)
{
	const struct json_node *sub;
	struct token token;

	if (parse(wit, arena, &token, NULL) != RC_OK)
		return false;
	sub = json_member(token.claims, "sub");
	if (!sub || sub->type != JSN_STRING)
		return false;
	*subject = sub->text;
	return true;
}

enum rc
wit_judge(struct verifier *v, const struct trust_snapshot *s, uint32_t domain, struct bytes wit,
    int64_t now_ms, struct arena *arena, struct wit_verdict *out, struct why *why)
{
	const struct json_node *sub;
	const struct key *signer = NULL;
	struct token token;
	enum rc rc;

	must(v && s && arena && out);
	memset(out, 0, sizeof(*out));
	if ((rc = parse(wit, arena, &token, why)) != RC_OK)
		return rc;
	if ((rc = snapshot_find_wit_key(s, domain, token.kid, &signer, why)) != RC_OK)
		return rc;
	rc = verifier_check(v, signer, token.alg, token.signing_input,
	    bytes_of(token.signature, token.signature_size), why);
	if (rc != RC_OK)
		return rc == RC_NO_MEMORY ? rc : RC_BAD_CREDENTIAL;
	sub = json_member(token.claims, "sub");
	if (!sub || sub->type != JSN_STRING || sub->text.n == 0)
		return bad(why, rule_claims, "sub", "the WIT has no sub");
	if (json_member(token.claims, "aud"))
		return bad(why, "WIT-SVID (aud)", "aud", "a WIT has no aud");
	if ((rc = read_times(token.claims, now_ms, out, why)) != RC_OK)
		return rc;
	out->subject = sub->text;
	out->anchor = *key_thumbprint(signer);
	return read_cnf(token.claims, &out->key, why);
}

static enum rc
parse(struct bytes wit, struct arena *arena, struct token *out, struct why *why)
{
	enum rc rc;

	if (wit.n > TRUST_WIT_SIZE_MAX)
		return bad(why, "WIT (size)", NULL, "the WIT is too long");
	rc = jws_parse(wit, &profile, arena, out, why);
	return rc == RC_OK || rc == RC_NO_MEMORY ? rc : RC_BAD_CREDENTIAL;
}

static enum rc
read_times(const struct json_node *claims, int64_t now_ms, struct wit_verdict *out, struct why *why)
{
	static const char *const starts[] = {"iat", "nbf"};
	const struct json_node *exp = json_member(claims, "exp"), *node;
	int64_t now = now_ms / 1000;
	uint64_t t;

	if (!exp || !json_uint(exp, &t))
		return bad(why, rule_claims, "exp", "exp is missing or not whole seconds");
	if ((int64_t)t <= now)
		return bad(why, "WIT 3.1 (exp)", "exp", "the WIT has expired");
	out->until = (int64_t)t - 1;
	for (size_t i = 0; i < 2; i++) {
		if (!(node = json_member(claims, starts[i])))
			continue;
		if (!json_uint(node, &t))
			return bad(why, rule_claims, starts[i], "iat or nbf is not whole seconds");
		if ((int64_t)t > now + WIT_SKEW_S)
			return bad(why, rule_claims, starts[i], "the WIT is not valid yet");
		if ((int64_t)t - WIT_SKEW_S > out->from)
			out->from = (int64_t)t - WIT_SKEW_S;
	}
	return RC_OK;
}

static enum rc
read_cnf(const struct json_node *claims, struct key **out, struct why *why)
{
	const struct json_node *cnf = json_member(claims, "cnf"), *jwk, *alg;
	enum rc rc;

	if (!cnf || cnf->type != JSN_OBJECT || !(jwk = json_member(cnf, "jwk")) ||
	    jwk->type != JSN_OBJECT)
		return bad(why, rule_claims, "cnf", "cnf.jwk is missing");
	if (!(alg = json_member(jwk, "alg")) || alg->type != JSN_STRING)
		return bad(why, rule_claims, "cnf", "cnf.jwk has no alg");
	/* That alg is the curve's is among what makes a key. */
	rc = key_from_jwk(jwk, out, why);
	return rc == RC_BAD_KEY ? RC_BAD_CREDENTIAL : rc;
}

static enum rc
bad(struct why *why, const char *rule, const char *claim, const char *text)
{
	return why_set(why, RC_BAD_CREDENTIAL, rule, claim, 0, "%s", text);
}
