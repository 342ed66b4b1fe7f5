/*
 * key.c - a public key, checked once when it is enrolled and then only used.
 *
 * Why all checks are here and not at verification: OpenSSL 3.0 takes any 32 bytes for an Ed25519
 * key, the identity point included, and under that key R = identity, S = 0 verifies for every
 * message.  A key that passed here is a canonical point of the right subgroup, so the hot path need
 * not look again.
 *
 * Invariants of a struct key: raw has exactly the length of its algorithm; the point is on the
 * curve and not the identity; pkey is set for EC and NULL for Ed25519 (libsodium wants the 32 bytes
 * alone); nothing changes after it was handed out.
 */
#include "trust/key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ed25519.h"
#include "base/must.h"
#include "base/text.h"

static enum rc check_ed25519(struct bytes raw, struct why *why);
static enum rc import_ec(struct key *key, struct why *why);

const char *
key_kty(enum token_alg alg)
{
	return alg == TOKEN_EDDSA ? "OKP" : "EC";
}

const char *
key_curve(enum token_alg alg)
{
	switch (alg) {
	case TOKEN_ES256:
		return "P-256";
	case TOKEN_ES384:
		return "P-384";
	case TOKEN_EDDSA:
		return "Ed25519";
	}
	must(alg == TOKEN_ES256); /* never: the cases above are all */
	return "P-256";
}

size_t
key_coordinate_size(enum token_alg alg)
{
	return alg == TOKEN_ES384 ? 48 : 32;
}

enum rc
key_from_raw(enum token_alg alg, struct bytes raw, struct key **out, struct why *why)
{
	struct key *key = NULL;
	char members[KEY_MEMBERS_MAX];
	size_t want;
	enum rc rc;

	must(out);
	must(alg == TOKEN_ES256 || alg == TOKEN_ES384 || alg == TOKEN_EDDSA);
	*out = NULL;
	want = alg == TOKEN_EDDSA ? 32 : 1 + 2 * key_coordinate_size(alg);
	if (raw.n != want)
		return why_set(why, RC_BAD_KEY, "RFC 7518 6.2.1 (length)", "x", 0,
		    "%s key of %zu bytes, must be %zu", key_curve(alg), raw.n, want);
	if (alg != TOKEN_EDDSA && raw.p[0] != 4)
		return why_set(
		    why, RC_BAD_KEY, "SEC 1 2.3.4", NULL, 0, "point is not uncompressed");
	if (!(key = calloc(1, sizeof(*key))))
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a key");
	key->alg = alg;
	key->raw_size = raw.n;
	memcpy(key->raw, raw.p, raw.n);
	rc = alg == TOKEN_EDDSA ? check_ed25519(raw, why) : import_ec(key, why);
	if (rc != RC_OK)
		goto out;
	hash_of(bytes_of(members, key_members(key, members)), &key->thumbprint);
	*out = key;
	key = NULL;
out:
	key_free(key);
	return rc;
}

static enum rc
check_ed25519(struct bytes raw, struct why *why)
{
	must(raw.n == 32);
	if (sodium_init() < 0)
		return why_set(why, RC_INTERNAL, "libsodium", NULL, 0, "cannot be initialised");
	if (ed25519_small_order(raw.p))
		return why_set(why, RC_BAD_KEY, "RFC 8032 5.1 (small order)", "x", 0,
		    "Ed25519 key is a point of small order");
	/* Canonical (y < p), on the curve, in the prime-order subgroup. */
	if (!crypto_core_ed25519_is_valid_point(raw.p))
		return why_set(why, RC_BAD_KEY, "RFC 8032 5.1.3 (point)", "x", 0,
		    "Ed25519 key is not a canonical point of the main subgroup");
	return RC_OK;
}

static enum rc
import_ec(struct key *key, struct why *why)
{
	EVP_PKEY_CTX *make = NULL, *check = NULL;
	char group[8];
	OSSL_PARAM params[3];
	enum rc rc = RC_OK;

	must(key->raw_size <= sizeof(key->raw));
	must(!key->pkey);
	/* OSSL_PARAM wants non-const text; named curves only. */
	snprintf(group, sizeof(group), "%s", key_curve(key->alg));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] =
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, key->raw, key->raw_size);
	params[2] = OSSL_PARAM_construct_end();
	if (!(make = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL)) ||
	    EVP_PKEY_fromdata_init(make) != 1) {
		rc = why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no context to import a key");
		goto out;
	}
	if (EVP_PKEY_fromdata(make, &key->pkey, EVP_PKEY_PUBLIC_KEY, params) != 1 ||
	    !(check = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL)) ||
	    EVP_PKEY_public_check(check) != 1)
		rc = why_set(why, RC_BAD_KEY, "RFC 7518 6.2.1 (on the curve)", "x", 0,
		    "not a point of %s", key_curve(key->alg));
out:
	ERR_clear_error();
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(make);
	return rc;
}

void
key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* RFC 7638 3.2: only the required members, sorted by name, no white space. */
size_t
key_members(const struct key *key, char out[KEY_MEMBERS_MAX])
{
	char x[B64_ROOM(48)], y[B64_ROOM(48)];
	size_t n = key_coordinate_size(key->alg);
	int size;

	must(key->alg == TOKEN_EDDSA ? key->raw_size == n : key->raw_size == 2 * n + 1);
	if (key->alg == TOKEN_EDDSA) {
		b64url_encode(bytes_of(key->raw, n), x);
		size = snprintf(
		    out, KEY_MEMBERS_MAX, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
	} else {
		b64url_encode(bytes_of(key->raw + 1, n), x);
		b64url_encode(bytes_of(key->raw + 1 + n, n), y);
		size = snprintf(out, KEY_MEMBERS_MAX,
		    "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
		    key_curve(key->alg), x, y);
	}
	must(size > 0 && size < KEY_MEMBERS_MAX);
	return (size_t)size;
}

enum rc
key_set_kid(struct key *key, struct bytes kid, struct why *why)
{
	if (kid.n == 0 || kid.n > TOKEN_KID_MAX)
		return why_set(why, RC_BAD_KEY, "RFC 7517 4.5 (kid)", "kid", 0,
		    "kid of %zu bytes, must be 1 to %d", kid.n, TOKEN_KID_MAX);
	for (size_t i = 0; i < kid.n; i++)
		if (kid.p[i] < 0x20 || kid.p[i] > 0x7e)
			return why_set(why, RC_BAD_KEY, "RFC 7517 4.5 (kid)", "kid", i,
			    "kid has a character that is not printable ASCII");
	memcpy(key->kid, kid.p, kid.n);
	key->kid_size = kid.n;
	return RC_OK;
}

enum token_alg
key_alg(const struct key *key)
{
	return key->alg;
}

struct bytes
key_kid(const struct key *key)
{
	return bytes_of(key->kid, key->kid_size);
}

struct bytes
key_raw(const struct key *key)
{
	return bytes_of(key->raw, key->raw_size);
}

const struct hash *
key_thumbprint(const struct key *key)
{
	return &key->thumbprint;
}
