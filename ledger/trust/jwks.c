/*
 * jwks.c - one JWK set file (RFC 7517 5; a SPIFFE bundle is one too) into one trust domain.
 *
 * All or nothing: one bad key refuses the file, because an operator who is told "loaded" must not
 * find out later that the key that mattered was left out.  Keys of foreign kinds (RSA, symmetric,
 * other curves, other uses) are no mistake: sets are shared with others, so these are skipped and
 * counted. A private member is always a mistake.
 *
 * A set is a SPIFFE bundle when it says "spiffe_sequence", "spiffe_refresh_hint" or a SPIFFE use.
 * Its keys are then CA certificates ("x509-svid", the first of x5c), keys that sign WITs
 * ("wit-svid") and, as in any set, keys that sign tokens; the rest is skipped.
 */
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "trust/key.h"
#include "trust/snapshot.h"

/* About 120 bytes of node for each value: what 4 MiB of ordinary keys need, with room, and not
 * more. */
#define NODES_MAX  400000
#define MEMORY_MAX ((size_t)96 << 20)

static enum rc read_keys(struct trust_snapshot *s, uint32_t domain, const struct json_node *root,
    size_t *skipped, struct why *why);
static enum rc read_key(struct trust_snapshot *s, uint32_t domain, const struct json_node *jwk,
    size_t *skipped, struct why *why);
static enum rc read_bundle(struct trust_snapshot *s, uint32_t domain, struct bytes text,
    const struct json_node *root, struct why *why);
static enum rc read_ca(struct trust_snapshot *s, uint32_t domain, const struct json_node *jwk,
    size_t *skipped, struct why *why);
static enum rc read_wit_key(
    struct trust_snapshot *s, uint32_t domain, const struct json_node *jwk, struct why *why);
static bool is_foreign(const struct json_node *jwk);
static bool has_use(const struct json_node *jwk, const char *use);
static enum rc refuse_private(const struct json_node *jwk, struct why *why);
static enum rc read_issuers(
    const struct json_node *jwk, struct bytes *issuers, size_t *count, struct why *why);

enum rc
jwks_read(
    struct trust_snapshot *s, uint32_t domain, struct bytes text, size_t *skipped, struct why *why)
{
	static const struct json_limits limits = {TRUST_FILE_SIZE_MAX, 8, NODES_MAX};
	struct arena arena;
	struct json_node *root = NULL;
	enum rc rc;

	must(s && skipped);
	arena_init(&arena, MEMORY_MAX);
	rc = json_parse(text, &limits, true, &arena, &root, why);
	if (rc != RC_OK && rc != RC_NO_MEMORY)
		rc = RC_BAD_KEY; /* 'why' is the reader's */
	if (rc == RC_OK)
		rc = read_keys(s, domain, root, skipped, why);
	if (rc == RC_OK)
		rc = read_bundle(s, domain, text, root, why);
	arena_release(&arena);
	return rc;
}

static enum rc
read_keys(struct trust_snapshot *s, uint32_t domain, const struct json_node *root, size_t *skipped,
    struct why *why)
{
	const struct json_node *keys = json_member(root, "keys");
	struct why inner;
	size_t number = 0;
	enum rc rc;

	if (!keys || keys->type != JSN_ARRAY)
		return why_set(why, RC_BAD_KEY, "RFC 7517 5.1 (keys)", "keys", 0,
		    "a JWK set has a member \"keys\" that is an array");
	for (const struct json_node *jwk = keys->child; jwk; jwk = jwk->next, number++) {
		memset(&inner, 0, sizeof(inner));
		if ((rc = read_key(s, domain, jwk, skipped, &inner)) != RC_OK)
			return why_set(why, rc, inner.rule, inner.claim, inner.at, "key %zu: %s",
			    number, inner.text);
	}
	return RC_OK;
}

static enum rc
read_key(struct trust_snapshot *s, uint32_t domain, const struct json_node *jwk, size_t *skipped,
    struct why *why)
{
	struct bytes issuers[TRUST_KEY_ISSUERS_MAX];
	struct key *key = NULL;
	size_t count = 0;
	enum rc rc;

	if (has_use(jwk, "x509-svid"))
		return read_ca(s, domain, jwk, skipped, why);
	if (jwk->type == JSN_OBJECT && is_foreign(jwk)) {
		if ((rc = refuse_private(jwk, why)) == RC_OK)
			++*skipped;
		return rc;
	}
	if (has_use(jwk, "wit-svid"))
		return read_wit_key(s, domain, jwk, why);
	if ((rc = key_from_jwk(jwk, &key, why)) != RC_OK)
		return rc;
	if ((rc = read_issuers(jwk, issuers, &count, why)) != RC_OK) {
		key_free(key);
		return rc;
	}
	return snapshot_add_key(s, domain, key, issuers, count, why);
}

static bool
has_use(const struct json_node *jwk, const char *use)
{
	const struct json_node *node = jwk->type == JSN_OBJECT ? json_member(jwk, "use") : NULL;

	return node && node->type == JSN_STRING && bytes_is(node->text, use);
}

/* SPIFFE trust domain and bundle 4.2.2: an entry without x5c is ignored, and of x5c all but the
 * first. */
static enum rc
read_ca(struct trust_snapshot *s, uint32_t domain, const struct json_node *jwk, size_t *skipped,
    struct why *why)
{
	const struct json_node *x5c = json_member(jwk, "x5c");
	uint8_t der[ANCHORS_CERT_MAX];
	size_t n;
	enum rc rc;

	if ((rc = refuse_private(jwk, why)) != RC_OK)
		return rc;
	if (!x5c) {
		++*skipped;
		return RC_OK;
	}
	if (x5c->type != JSN_ARRAY || !x5c->child || x5c->child->type != JSN_STRING ||
	    !b64_decode(x5c->child->text, der, sizeof(der), &n))
		return why_set(why, RC_BAD_KEY, "RFC 7517 4.7 (x5c)", "x5c", 0,
		    "x5c does not begin with a certificate of at most %d bytes in base64",
		    ANCHORS_CERT_MAX);
	return snapshot_add_ca(s, domain, bytes_of(der, n), why);
}

static enum rc
read_wit_key(
    struct trust_snapshot *s, uint32_t domain, const struct json_node *jwk, struct why *why)
{
	struct key *key = NULL;
	enum rc rc;

	if ((rc = key_from_jwk_for(jwk, "wit-svid", &key, why)) != RC_OK)
		return rc;
	if (key_kid(key).n == 0) {
		key_free(key);
		return why_set(why, RC_BAD_KEY, "WIT-SVID (kid)", "kid", 0,
		    "a key that signs WITs needs a kid");
	}
	return snapshot_add_wit_key(s, domain, key, why);
}

/* A whole number of 64 bits (SPIFFE trust domain and bundle 4.1). */
static bool
read_u64(const struct json_node *node, uint64_t *out)
{
	*out = 0;
	if (node->type != JSN_NUMBER || node->text.n > 20)
		return false;
	for (size_t i = 0; i < node->text.n; i++) {
		uint64_t digit = (uint64_t)node->text.p[i] - '0';

		if (digit > 9 || *out > (UINT64_MAX - digit) / 10)
			return false;
		*out = *out * 10 + digit;
	}
	return true;
}

static enum rc
read_bundle(struct trust_snapshot *s, uint32_t domain, struct bytes text,
    const struct json_node *root, struct why *why)
{
	const struct json_node *keys = json_member(root, "keys");
	const struct json_node *sequence = json_member(root, "spiffe_sequence");
	bool is_bundle = sequence || json_member(root, "spiffe_refresh_hint");
	uint64_t number = 0;

	for (const struct json_node *k = keys->child; k && !is_bundle; k = k->next)
		is_bundle =
		    has_use(k, "x509-svid") || has_use(k, "wit-svid") || has_use(k, "jwt-svid");
	if (!is_bundle)
		return RC_OK;
	if (sequence && !read_u64(sequence, &number))
		return why_set(why, RC_BAD_KEY, "SPIFFE bundle (spiffe_sequence)",
		    "spiffe_sequence", 0, "spiffe_sequence is not a whole number of 64 bits");
	return snapshot_set_bundle(
	    s, domain, text, sequence ? &number : NULL, keys->child == NULL, why);
}

/* Well formed, but for somebody else: RFC 7517 5 says to ignore it. */
static bool
is_foreign(const struct json_node *jwk)
{
	const struct json_node *kty = json_member(jwk, "kty"), *crv = json_member(jwk, "crv");
	const struct json_node *use = json_member(jwk, "use");

	if (use && use->type == JSN_STRING && !bytes_is(use->text, "sig") &&
	    !bytes_is(use->text, "wit-svid"))
		return true;
	if (!kty || kty->type != JSN_STRING)
		return false;
	if (!bytes_is(kty->text, "EC") && !bytes_is(kty->text, "OKP"))
		return true;
	if (!crv || crv->type != JSN_STRING)
		return false;
	if (bytes_is(kty->text, "OKP"))
		return !bytes_is(crv->text, "Ed25519");
	return !bytes_is(crv->text, "P-256") && !bytes_is(crv->text, "P-384");
}

/* "k" is not here: a symmetric key has nothing but it, and is skipped. */
static enum rc
refuse_private(const struct json_node *jwk, struct why *why)
{
	static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "priv"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_member(jwk, names[i]))
			return why_set(why, RC_BAD_KEY, "RFC 7517 9.2 (private member)", names[i],
			    0, "private member \"%s\" in a public key", names[i]);
	return RC_OK;
}

static enum rc
read_issuers(const struct json_node *jwk, struct bytes *issuers, size_t *count, struct why *why)
{
	const struct json_node *list = json_member(jwk, "ect_iss");

	*count = 0;
	if (!list)
		return RC_OK;
	if (list->type != JSN_ARRAY)
		return why_set(
		    why, RC_BAD_KEY, "trust (ect_iss)", "ect_iss", 0, "ect_iss is not an array");
	for (const struct json_node *iss = list->child; iss; iss = iss->next) {
		if (iss->type != JSN_STRING || iss->text.n == 0 ||
		    iss->text.n > TRUST_ISSUER_SIZE_MAX)
			return why_set(why, RC_BAD_KEY, "trust (ect_iss)", "ect_iss", 0,
			    "ect_iss has something other than texts of 1 to %d bytes",
			    TRUST_ISSUER_SIZE_MAX);
		if (*count == TRUST_KEY_ISSUERS_MAX)
			return why_set(why, RC_BAD_KEY, "trust (ect_iss)", "ect_iss", 0,
			    "more than %d issuers for one key", TRUST_KEY_ISSUERS_MAX);
		issuers[(*count)++] = iss->text;
	}
	return RC_OK;
}
