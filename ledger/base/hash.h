/*
 * hash.h - SHA-256, and nothing else.  Stateless: no context to keep, any thread.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/bytes.h"

#define HASH_SIZE 32

struct hash {
	uint8_t b[HASH_SIZE];
};

void hash_of(struct bytes x, struct hash *out);
/* Over the parts one after another. */
void hash_of_parts(const struct bytes *parts, size_t count, struct hash *out);
bool hash_eq(const struct hash *a, const struct hash *b);
#define HASH_HEX_SIZE 65
void hash_hex(const struct hash *h, char out[HASH_HEX_SIZE]);

#endif
