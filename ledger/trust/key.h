/*
 * key.h - what a struct key is made of; private to trust/ and its tests.
 */
#ifndef TRUST_KEY_H
#define TRUST_KEY_H

#include <openssl/evp.h>

#include "trust/jwk.h"

#define KEY_RAW_MAX 97 /* P-384: 04||x||y */

struct key {
	enum token_alg alg;
	size_t raw_size;
	uint8_t raw[KEY_RAW_MAX];
	EVP_PKEY *pkey; /* EC only; read-only after key_from_raw, so any thread may use it */
	struct hash thumbprint;
	size_t kid_size;
	uint8_t kid[TOKEN_KID_MAX];
};

/* JOSE names of the one curve that an algorithm is pinned to. */
const char *key_kty(enum token_alg alg);   /* "EC", "OKP" */
const char *key_curve(enum token_alg alg); /* "P-256", "P-384", "Ed25519" */
/* One coordinate, in bytes: 32, 48, 32. */
size_t key_coordinate_size(enum token_alg alg);
/* As key_from_jwk(), where "use", if it is there, must be this one. */
enum rc key_from_jwk_for(
    const struct json_node *jwk, const char *use, struct key **out, struct why *why);
/* The raw public key. */
struct bytes key_raw(const struct key *key);
/* RC_BAD_KEY unless it is 1..TOKEN_KID_MAX printable ASCII characters. */
enum rc key_set_kid(struct key *key, struct bytes kid, struct why *why);
/* The JSON text whose SHA-256 is the thumbprint (RFC 7638 3.2); for checking by others. */
#define KEY_MEMBERS_MAX 256
size_t key_members(const struct key *key, char out[KEY_MEMBERS_MAX]);

#endif
