/*
 * sigcheck.c - signature checks for notes and receipts, by OpenSSL's EVP.
 *
 * Anything but a clean "it verifies" is false: a wrong length, a point off the curve, lack of
 * memory.
 */
#include "seal/sigcheck.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/ed25519.h"
#include "base/must.h"

bool
sigcheck_ed25519_key_ok(const uint8_t key[32])
{
	return !ed25519_small_order(key);
}

/* 'digest' NULL for Ed25519, which hashes by itself. */
static bool
verify(EVP_PKEY *key, const EVP_MD *digest, struct bytes message, struct bytes signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signature.p, signature.n, message.p, message.n) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error(); /* a refusal is an answer, not an error to be found by the next caller */
	return ok;
}

bool
sigcheck_ed25519(const uint8_t key[32], struct bytes message, struct bytes signature)
{
	EVP_PKEY *pkey = NULL;
	bool ok;

	if (signature.n != 64 || !sigcheck_ed25519_key_ok(key))
		return false;
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	ok = pkey != NULL && verify(pkey, NULL, message, signature);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return ok;
}

/* NULL unless the point is on the curve (OpenSSL looks). */
static EVP_PKEY *
ec_key(struct bytes point, const char *group)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char name[16];
	uint8_t pub[97];
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[3];

	must(point.n <= sizeof(pub) && strlen(group) < sizeof(name));
	memcpy(name, group, strlen(group) + 1); /* OSSL_PARAM has no const */
	memcpy(pub, point.p, point.n);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, pub, point.n);
	params[2] = OSSL_PARAM_construct_end();
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* r||s to what EVP wants.  The caller frees with OPENSSL_free(). */
static int
raw_to_der(struct bytes raw, unsigned char **der)
{
	int half = (int)(raw.n / 2), n = -1;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.p, half, NULL), *s = BN_bin2bn(raw.p + half, half, NULL);

	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* taken */
		n = i2d_ECDSA_SIG(sig, der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n;
}

bool
sigcheck_ecdsa(struct bytes point, struct bytes message, struct bytes signature)
{
	unsigned char *der = NULL;
	EVP_PKEY *key = NULL;
	bool p256 = point.n == 65, ok = false;
	int n;

	if ((point.n != 65 && point.n != 97) || point.p[0] != 0x04 || signature.n != point.n - 1)
		return false;
	key = ec_key(point, p256 ? "P-256" : "P-384");
	n = raw_to_der(signature, &der);
	if (key != NULL && n > 0)
		ok = verify(
		    key, p256 ? EVP_sha256() : EVP_sha384(), message, bytes_of(der, (size_t)n));
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}
