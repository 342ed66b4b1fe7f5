/*
 * jwk_private.h - what ectl.h does not show of a private key: raw signatures, its certificate.  For
 * the verbs that sign and the benchmark.
 */
#ifndef ECTL_JWK_PRIVATE_H
#define ECTL_JWK_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct private_key;

#define PRIVATE_KEY_SIGNATURE_MAX 96

/* JWS signature bytes (r||s, or R||S) over 'message'; gives their number, 0 when the library
 * failed. Any thread: the key is only read. */
size_t private_key_sign(
    const struct private_key *k, struct bytes message, uint8_t out[PRIVATE_KEY_SIGNATURE_MAX]);

/* Is this certificate (DER) for this key? */
bool private_key_certified(const struct private_key *k, struct bytes certificate);
/* RFC 3986 3.1: a scheme and something behind it, within the ledger's limit.  In keygen.c. */
bool issuer_is_uri(const char *s);

/* Add several keys to a JWK set file with one atomic write; '*added' (may be NULL) is how many
 * were not there yet.  Nothing is written when all were there. */
bool jwks_add_all(
    const char *path, const struct private_key *const *keys, size_t count, size_t *added);

#endif
