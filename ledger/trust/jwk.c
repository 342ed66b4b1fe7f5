/*
 * jwk.c - the members of one JWK, judged one by one, in the order in which a refusal helps most:
 * secrets first (a private key in a trust folder is an accident that its owner must hear of), then
 * the kind of key, then its numbers, then what it may be used for.
 *
 * Members that nobody here knows are ignored (RFC 7517 4); the ones that change a key's meaning are
 * not: a key made for encrypting, or bound to another algorithm, never verifies a token.
 */
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "trust/key.h"

static enum rc refuse_private(const struct json_node *jwk, struct why *why);
static enum rc find_alg(const struct json_node *jwk, enum token_alg *alg, struct why *why);
static enum rc check_purpose(
    const struct json_node *jwk, enum token_alg alg, const char *use, struct why *why);
static enum rc check_key_ops(const struct json_node *ops, struct why *why);
static enum rc read_coordinate(
    const struct json_node *jwk, const char *name, size_t size, uint8_t *out, struct why *why);

static const struct {
	const char *kty, *crv;
	enum token_alg alg;
} curves[] = {
    {"EC", "P-256", TOKEN_ES256},
    {"EC", "P-384", TOKEN_ES384},
    {"OKP", "Ed25519", TOKEN_EDDSA},
};

enum rc
key_from_jwk(const struct json_node *jwk, struct key **out, struct why *why)
{
	return key_from_jwk_for(jwk, "sig", out, why);
}

enum rc
key_from_jwk_for(const struct json_node *jwk, const char *use, struct key **out, struct why *why)
{
	uint8_t raw[KEY_RAW_MAX];
	const struct json_node *kid;
	struct key *key = NULL;
	enum token_alg alg = TOKEN_EDDSA;
	size_t n;
	enum rc rc;

	must(jwk && out);
	*out = NULL;
	if (jwk->type != JSN_OBJECT)
		return why_set(why, RC_BAD_KEY, "RFC 7517 4", NULL, 0, "a JWK is an object");
	if ((rc = refuse_private(jwk, why)) != RC_OK)
		return rc;
	if ((rc = find_alg(jwk, &alg, why)) != RC_OK)
		return rc;
	n = key_coordinate_size(alg);
	if (alg == TOKEN_EDDSA) {
		if ((rc = read_coordinate(jwk, "x", n, raw, why)) != RC_OK)
			return rc;
	} else {
		raw[0] = 4;
		if ((rc = read_coordinate(jwk, "x", n, raw + 1, why)) != RC_OK)
			return rc;
		if ((rc = read_coordinate(jwk, "y", n, raw + 1 + n, why)) != RC_OK)
			return rc;
	}
	if ((rc = check_purpose(jwk, alg, use, why)) != RC_OK)
		return rc;
	if ((rc = key_from_raw(
		 alg, bytes_of(raw, alg == TOKEN_EDDSA ? n : 2 * n + 1), &key, why)) != RC_OK)
		return rc;
	if ((kid = json_member(jwk, "kid"))) {
		if (kid->type != JSN_STRING)
			rc = why_set(
			    why, RC_BAD_KEY, "RFC 7517 4.5 (kid)", "kid", 0, "kid is not a string");
		else
			rc = key_set_kid(key, kid->text, why);
	}
	if (rc == RC_OK)
		*out = key;
	else
		key_free(key);
	return rc;
}

static enum rc
refuse_private(const struct json_node *jwk, struct why *why)
{
	static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_member(jwk, names[i]))
			return why_set(why, RC_BAD_KEY, "RFC 7517 9.2 (private member)", names[i],
			    0, "private member \"%s\" in a public key", names[i]);
	return RC_OK;
}

static enum rc
find_alg(const struct json_node *jwk, enum token_alg *alg, struct why *why)
{
	const struct json_node *kty = json_member(jwk, "kty"), *crv = json_member(jwk, "crv");
	bool known = false;

	if (!kty || kty->type != JSN_STRING)
		return why_set(why, RC_BAD_KEY, "RFC 7517 4.1 (kty)", "kty", 0,
		    "kty is missing or not a string");
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (!bytes_is(kty->text, curves[i].kty))
			continue;
		known = true;
		if (crv && crv->type == JSN_STRING && bytes_is(crv->text, curves[i].crv)) {
			*alg = curves[i].alg;
			return RC_OK;
		}
	}
	if (!known)
		return why_set(why, RC_BAD_KEY, "RFC 7517 4.1 (kty)", "kty", 0,
		    "kty \"%.*s\" is not accepted (EC and OKP are)",
		    (int)(kty->text.n < 32 ? kty->text.n : 32), (const char *)kty->text.p);
	return why_set(why, RC_BAD_KEY, "RFC 7518 6.2.1.1 (crv)", "crv", 0,
	    "crv is not P-256, P-384 or Ed25519 of its kty");
}

static enum rc
check_purpose(const struct json_node *jwk, enum token_alg alg, const char *want, struct why *why)
{
	const struct json_node *use = json_member(jwk, "use"), *ops = json_member(jwk, "key_ops");
	const struct json_node *name = json_member(jwk, "alg");
	bool same;

	if (use && (use->type != JSN_STRING || !bytes_is(use->text, want)))
		return why_set(
		    why, RC_BAD_KEY, "RFC 7517 4.2 (use)", "use", 0, "use is not \"%s\"", want);
	if (ops && check_key_ops(ops, why) != RC_OK)
		return RC_BAD_KEY;
	if (!name)
		return RC_OK;
	same = name->type == JSN_STRING && bytes_is(name->text, token_alg_name(alg));
	/* RFC 9864 2.2: "Ed25519" is the full name of what RFC 8037 calls "EdDSA". */
	if (alg == TOKEN_EDDSA && name->type == JSN_STRING)
		same = bytes_is(name->text, "EdDSA") || bytes_is(name->text, "Ed25519");
	if (!same)
		return why_set(why, RC_BAD_KEY, "RFC 7517 4.4 (alg)", "alg", 0,
		    "alg is not that of a %s key", key_curve(alg));
	return RC_OK;
}

/* RFC 7517 4.3: an array of different strings; ours must allow verifying and nothing that a secret
 * is needed for. */
static enum rc
check_key_ops(const struct json_node *ops, struct why *why)
{
	bool verify = false;

	if (ops->type != JSN_ARRAY)
		return why_set(why, RC_BAD_KEY, "RFC 7517 4.3 (key_ops)", "key_ops", 0,
		    "key_ops is not an array");
	for (const struct json_node *op = ops->child; op; op = op->next) {
		if (op->type != JSN_STRING)
			return why_set(why, RC_BAD_KEY, "RFC 7517 4.3 (key_ops)", "key_ops", 0,
			    "key_ops has something other than strings");
		if (bytes_is(op->text, "verify")) {
			if (verify)
				return why_set(why, RC_BAD_KEY, "RFC 7517 4.3 (key_ops)", "key_ops",
				    0, "key_ops says verify twice");
			verify = true;
		}
	}
	if (!verify)
		return why_set(why, RC_BAD_KEY, "RFC 7517 4.3 (key_ops)", "key_ops", 0,
		    "key_ops does not allow verifying");
	return RC_OK;
}

static enum rc
read_coordinate(
    const struct json_node *jwk, const char *name, size_t size, uint8_t *out, struct why *why)
{
	const struct json_node *node = json_member(jwk, name);
	const char *claim = name[0] == 'x' ? "x" : "y";
	size_t n;

	must(size <= 48);
	if (!node || node->type != JSN_STRING)
		return why_set(why, RC_BAD_KEY, "RFC 7518 6.2.1", claim, 0,
		    "%s is missing or not a string", claim);
	if (!b64url_decode(node->text, out, size, &n) || n != size)
		return why_set(why, RC_BAD_KEY, "RFC 7518 6.2.1.2 (length)", claim, 0,
		    "%s is not canonical base64url of exactly %zu bytes", claim, size);
	return RC_OK;
}
