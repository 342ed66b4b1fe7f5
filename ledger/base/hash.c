/*
 * hash.c - SHA-256 through OpenSSL's low-level calls.
 *
 * The low-level calls are marked as deprecated, and are used here on purpose: a Merkle node is 65
 * bytes, and the EVP interface spends more on its context (fetch, allocation, reference counts)
 * than on hashing so little.  These keep their state on the stack, cannot fail, need no fetch and
 * may run on any thread.  The same assembler code runs below both.  Nothing else in the house
 * includes <openssl/sha.h>.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <string.h>
#include <openssl/sha.h>

#include "base/must.h"

_Static_assert(HASH_SIZE == SHA256_DIGEST_LENGTH, "a hash is a SHA-256 digest");

void
hash_of(struct bytes x, struct hash *out)
{
	hash_of_parts(&x, 1, out);
}

void
hash_of_parts(const struct bytes *parts, size_t count, struct hash *out)
{
	SHA256_CTX ctx;
	size_t i;

	must(parts != NULL || count == 0);
	must(SHA256_Init(&ctx) == 1);
	for (i = 0; i < count; i++)
		if (parts[i].n != 0)
			must(SHA256_Update(&ctx, parts[i].p, parts[i].n) == 1);
	must(SHA256_Final(out->b, &ctx) == 1);
}

bool
hash_eq(const struct hash *a, const struct hash *b)
{
	/* Everything hashed here is public: no need for constant time. */
	return memcmp(a->b, b->b, HASH_SIZE) == 0;
}

void
hash_hex(const struct hash *h, char out[HASH_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < HASH_SIZE; i++) {
		out[2 * i] = digits[h->b[i] >> 4];
		out[2 * i + 1] = digits[h->b[i] & 15];
	}
	out[2 * HASH_SIZE] = '\0';
}
