/*
 * jwk.h - a public key from a JWK (RFC 7517, 7518, 8037), parsed once and then only used.
 *
 * Accepted: EC P-256 and P-384, OKP Ed25519.  Refused by name: private members, off-curve points,
 * wrong lengths, low-order or non-canonical Ed25519 keys, RSA and symmetric keys, use/key_ops that
 * do not allow verifying, alg that is not the curve's.
 */
#ifndef TRUST_JWK_H
#define TRUST_JWK_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/rc.h"
#include "token/token.h"

struct key; /* immutable, shared between threads */

/* RC_BAD_KEY with the reason.  Gives: key_free(). */
enum rc key_from_jwk(const struct json_node *jwk, struct key **out, struct why *why);
/* Raw public key bytes: EC 04||x||y, Ed25519 32 bytes. */
enum rc key_from_raw(enum token_alg alg, struct bytes raw, struct key **out, struct why *why);
void key_free(struct key *key);
enum token_alg key_alg(const struct key *key);
struct bytes key_kid(const struct key *key);      /* empty when the JWK has none */
const struct hash *key_thumbprint(const struct key *key); /* RFC 7638 */

/* One thread's prefetched contexts. */
struct verifier;
struct verifier *verifier_new(void); /* NULL: out of memory or the provider lacks an algorithm */
void verifier_free(struct verifier *v);
/* Does 'signature' (raw r||s or R||S) over 'message' verify?  RC_BAD_SIGNATURE when not; RC_BAD_ALG
 * when alg is not the key's. */
enum rc verifier_check(struct verifier *v, const struct key *key, enum token_alg alg,
    struct bytes message, struct bytes signature, struct why *why);

#endif
