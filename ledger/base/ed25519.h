/*
 * ed25519.h - the one thing about Ed25519 keys that libraries leave to us: points of small order.
 */
#ifndef BASE_ED25519_H
#define BASE_ED25519_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Is it one of the eight points of small order, in any spelling?  Under such a key R = identity,
 * S = 0 verifies for every message, and OpenSSL 3.0 takes it.
 */
bool ed25519_small_order(const uint8_t key[32]);

#endif
