/*
 * sigcheck.h - does this signature verify under this raw public key?  Private to seal/.
 *
 * Ed25519 keys of small order are refused: under some of them anybody can make a signature for any
 * message.
 */
#ifndef SEAL_SIGCHECK_H
#define SEAL_SIGCHECK_H

#include "base/bytes.h"

bool sigcheck_ed25519_key_ok(const uint8_t key[32]);
bool sigcheck_ed25519(const uint8_t key[32], struct bytes message, struct bytes signature);
/* 'point' is 04||x||y on P-256 (65 bytes, SHA-256) or P-384 (97 bytes, SHA-384); 'signature' is
 * r||s. */
bool sigcheck_ecdsa(struct bytes point, struct bytes message, struct bytes signature);

#endif
