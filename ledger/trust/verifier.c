/*
 * verifier.c - does this signature verify?  The most expensive question that the ledger asks, so it
 * is asked as barely as possible.
 *
 * Per thread: two digests fetched once and one EVP_MD_CTX used again for every call.  ECDSA wants
 * DER, so r||s is wrapped by hand after its own range check (1 <= r, s < n; a verifier that left it
 * out accepted r = s = 0, CVE-2022-21449).  Ed25519 goes to libsodium, which refuses S >= L, and is
 * faster than OpenSSL 3.0 at it.  Nothing is allocated by us.
 *
 * What was measured (OpenSSL 3.0, 600-byte message, P-256, an x86-64 machine of two cores;
 * verifications a second, CPU time of one thread, wall time of two):
 *                                                one thread     two threads, three runs
 *   fresh EVP_MD_CTX, EVP_sha256()               14,900-15,400  25,400  20,700  24,300
 *   fresh EVP_MD_CTX, fetched EVP_MD             15,000-15,700
 *   one EVP_MD_CTX, fetched EVP_MD (this file)   15,100-15,400  26,500  27,300  27,700
 *   cached EVP_PKEY_CTX per key, own digest      14,700-15,200  31,400  26,000  25,900
 *   cached EVP_MD_CTX per key, re-initialised    15,100-15,400  29,300  25,200  26,600
 *   fresh EVP_PKEY_CTX, own digest               14,400
 * verifier_check() as a whole, r||s in, taking turns with the first row on a busy machine:
 * 12,400-15,200 against 11,900-14,500.
 *
 * Contexts per key win nothing that can be told from noise and would need a cache with its own
 * bounds, so there is none.  The fetched digest does win with two threads: an implicit fetch takes
 * a lock that they share.  ES384: 1,300; Ed25519 (libsodium): 19,600.
 */
#include <openssl/err.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "trust/key.h"
#include "trust/verifier.h"

struct verifier {
	EVP_MD *sha256, *sha384;
	EVP_MD_CTX *ctx;
};

static enum rc check_ecdsa(struct verifier *v, const struct key *key, struct bytes message,
    struct bytes signature, struct why *why);

static const uint8_t order_p256[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9,
    0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
static const uint8_t order_p384[48] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63,
    0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec,
    0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73};

struct verifier *
verifier_new(void)
{
	struct verifier *v;

	if (sodium_init() < 0 || !(v = calloc(1, sizeof(*v))))
		return NULL;
	v->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	v->sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
	v->ctx = EVP_MD_CTX_new();
	if (!v->sha256 || !v->sha384 || !v->ctx) {
		verifier_free(v);
		v = NULL;
	}
	return v;
}

void
verifier_free(struct verifier *v)
{
	if (!v)
		return;
	EVP_MD_CTX_free(v->ctx);
	EVP_MD_free(v->sha256);
	EVP_MD_free(v->sha384);
	free(v);
}

enum rc
verifier_check(struct verifier *v, const struct key *key, enum token_alg alg, struct bytes message,
    struct bytes signature, struct why *why)
{
	must(v && key);
	must(message.p || message.n == 0);
	/* The algorithm is the key's, never the token's; they must agree. */
	if (alg != key->alg)
		return why_set(why, RC_BAD_ALG, "RFC 8725 3.1 (algorithm)", "alg", 0,
		    "the token's alg is not that of its %s key", key_curve(key->alg));
	if (signature.n != 2 * key_coordinate_size(alg))
		return why_set(why, RC_BAD_SIGNATURE, "RFC 7518 3.4 (length)", NULL, 0,
		    "signature of %zu bytes, must be %zu", signature.n,
		    2 * key_coordinate_size(alg));
	if (alg != TOKEN_EDDSA)
		return check_ecdsa(v, key, message, signature, why);
	if (crypto_sign_verify_detached(signature.p, message.p, message.n, key->raw) != 0)
		return why_set(why, RC_BAD_SIGNATURE, "RFC 8032 5.1.7", NULL, 0,
		    "the Ed25519 signature does not verify");
	return RC_OK;
}

static enum rc
check_ecdsa(struct verifier *v, const struct key *key, struct bytes message, struct bytes signature,
    struct why *why)
{
	uint8_t der[VERIFIER_DER_MAX];
	const EVP_MD *digest = key->alg == TOKEN_ES384 ? v->sha384 : v->sha256;
	size_t size;
	int ok;

	if (!verifier_in_range(key->alg, signature))
		return why_set(why, RC_BAD_SIGNATURE, "FIPS 186-5 6.4.2 (range)", NULL, 0,
		    "r or s is zero or not below the order of the curve");
	size = verifier_der(signature, der);
	EVP_MD_CTX_reset(v->ctx);
	if (EVP_DigestVerifyInit(v->ctx, NULL, digest, NULL, key->pkey) != 1) {
		ERR_clear_error();
		return why_set(
		    why, RC_NO_MEMORY, "memory", NULL, 0, "no context to verify a signature");
	}
	/* 1, not "true": a negative answer is an error, and errors are not signatures. */
	ok = EVP_DigestVerify(v->ctx, der, size, message.p, message.n) == 1;
	if (ok)
		return RC_OK;
	ERR_clear_error();
	return why_set(why, RC_BAD_SIGNATURE, "RFC 7518 3.4", NULL, 0,
	    "the %s signature does not verify", token_alg_name(key->alg));
}

bool
verifier_in_range(enum token_alg alg, struct bytes signature)
{
	static const uint8_t zero[48];
	const uint8_t *order = alg == TOKEN_ES384 ? order_p384 : order_p256;
	size_t n = key_coordinate_size(alg);

	must(alg != TOKEN_EDDSA && signature.n == 2 * n);
	for (size_t half = 0; half < 2; half++) {
		const uint8_t *x = signature.p + half * n;

		if (memcmp(x, zero, n) == 0 || memcmp(x, order, n) >= 0)
			return false;
	}
	return true;
}

/* INTEGER: no needless leading zeros, one where the top bit is set (X.690 8.3). */
static size_t
put_integer(uint8_t *out, const uint8_t *x, size_t n)
{
	size_t pad;

	while (n > 1 && *x == 0) {
		x++;
		n--;
	}
	pad = *x >= 0x80;
	out[0] = 0x02;
	out[1] = (uint8_t)(n + pad);
	out[2] = 0;
	memcpy(out + 2 + pad, x, n);
	return 2 + pad + n;
}

size_t
verifier_der(struct bytes signature, uint8_t out[VERIFIER_DER_MAX])
{
	size_t n = signature.n / 2, size;

	/* Up to P-384 the whole fits the short form of a length. */
	must(signature.n % 2 == 0 && n > 0 && n <= 48);
	size = put_integer(out + 2, signature.p, n);
	size += put_integer(out + 2 + size, signature.p + n, n);
	must(size < 0x80);
	out[0] = 0x30;
	out[1] = (uint8_t)size;
	return size + 2;
}
