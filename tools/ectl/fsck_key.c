/*
 * fsck_key.c - public keys and signatures by OpenSSL alone.  For any thread: nothing is shared.
 */
#include "fsck.h"

#include <string.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define HALF_MAX 48

static EVP_PKEY *
ec_key(const char *curve, uint8_t *point, size_t size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char group[8];
	OSSL_PARAM params[3];
	EVP_PKEY *key = NULL;

	snprintf(group, sizeof(group), "%s", curve);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, size);
	params[2] = OSSL_PARAM_construct_end();
	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

/* ---- RFC 7638 ---- */

static bool
coordinate(EVP_PKEY *key, const char *name, uint8_t *out, size_t size)
{
	BIGNUM *n = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, name, &n) == 1 &&
		  BN_bn2binpad(n, out, (int)size) == (int)size;

	BN_free(n);
	return ok;
}

bool
fsck_pkey_of(EVP_PKEY *key, struct fsck_pkey *out)
{
	char text[256], x[80], y[80], group[32];
	uint8_t raw[HALF_MAX];
	size_t n = 32;

	out->key = NULL;
	out->half = 0;
	if (EVP_PKEY_is_a(key, "ED25519")) {
		if (EVP_PKEY_get_raw_public_key(key, raw, &n) != 1 || n != 32)
			return false;
		(void)fsck_base64url((struct span){raw, 32}, x);
		snprintf(
		    text, sizeof(text), "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
	} else {
		if (!EVP_PKEY_is_a(key, "EC") ||
		    EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1)
			return false;
		if (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0)
			out->half = 32;
		else if (strcmp(group, "secp384r1") == 0 || strcmp(group, "P-384") == 0)
			out->half = 48;
		else
			return false;
		if (!coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, raw, out->half))
			return false;
		(void)fsck_base64url((struct span){raw, out->half}, x);
		if (!coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, raw, out->half))
			return false;
		(void)fsck_base64url((struct span){raw, out->half}, y);
		snprintf(text, sizeof(text),
		    "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
		    out->half == 32 ? "P-256" : "P-384", x, y);
	}
	fsck_sha256((struct span){(const uint8_t *)text, strlen(text)}, out->thumbprint);
	if (EVP_PKEY_up_ref(key) == 1)
		out->key = key;
	return out->key != NULL;
}

/* ---- RFC 7517 ---- */

static bool
member(const json_t *jwk, const char *name, uint8_t *out, size_t size)
{
	const char *text = json_string_value(json_object_get(jwk, name));
	size_t n;

	return text != NULL &&
	       fsck_unbase64(
		   true, (struct span){(const uint8_t *)text, strlen(text)}, out, size, &n) &&
	       n == size;
}

bool
fsck_pkey_jwk(struct span text, struct fsck_pkey *out)
{
	json_t *jwk =
	    json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const char *kty = json_string_value(json_object_get(jwk, "kty")),
		   *crv = json_string_value(json_object_get(jwk, "crv"));
	uint8_t point[1 + 2 * HALF_MAX] = {4};
	EVP_PKEY *key = NULL;
	size_t half = 0;
	bool ok = false;

	out->key = NULL;
	if (kty == NULL || crv == NULL)
		goto out;
	if (strcmp(kty, "OKP") == 0 && strcmp(crv, "Ed25519") == 0) {
		if (member(jwk, "x", point, 32))
			key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, 32);
	} else if (strcmp(kty, "EC") == 0) {
		half = strcmp(crv, "P-256") == 0 ? 32 : strcmp(crv, "P-384") == 0 ? 48 : 0;
		if (half != 0 && member(jwk, "x", point + 1, half) &&
		    member(jwk, "y", point + 1 + half, half))
			key = ec_key(crv, point, 1 + 2 * half);
	}
	ok = key != NULL && fsck_pkey_of(key, out);
	EVP_PKEY_free(key);
out:
	json_decref(jwk);
	ERR_clear_error();
	return ok;
}

void
fsck_pkey_release(struct fsck_pkey *k)
{
	EVP_PKEY_free(k->key);
	k->key = NULL;
}

/* ---- signatures ---- */

/* r||s -> DER by OpenSSL's own writer. */
static int
to_der(const uint8_t *raw, size_t half, uint8_t **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, (int)half, NULL), *s = BN_bin2bn(raw + half, (int)half, NULL);
	int n = -1;

	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		n = i2d_ECDSA_SIG(sig, der);
	}
	ECDSA_SIG_free(sig);
	return n;
}

bool
fsck_pkey_verify(const struct fsck_pkey *k, struct span message, struct span signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const char *md = k->half == 0 ? NULL : k->half == 32 ? "SHA256" : "SHA384";
	const uint8_t *sig = signature.p;
	uint8_t *der = NULL;
	int size = 64;
	bool ok = false;

	if (ctx == NULL || signature.n != (k->half == 0 ? 64 : 2 * k->half))
		goto out;
	if (k->half != 0) {
		if ((size = to_der(signature.p, k->half, &der)) <= 0)
			goto out;
		sig = der;
	}
	ok = EVP_DigestVerifyInit_ex(ctx, NULL, md, NULL, NULL, k->key, NULL) == 1 &&
	     EVP_DigestVerify(ctx, sig, (size_t)size, message.p, message.n) == 1;
out:
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}
