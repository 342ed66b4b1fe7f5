/*
 * fuzz_jwks.c - hostile JWK sets.
 *
 * Properties: a key that is accepted says the same when its members are written out and read again
 * (same algorithm, same bytes, same thumbprint, and that is the hash of those members); a set that
 * is accepted can be read twice, and the second reading adds no key that has a kid.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trust/key.h"
#include "trust/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static void
check_key(const struct json_node *jwk)
{
	static const struct json_limits limits = {KEY_MEMBERS_MAX, 2, 8};
	char members[KEY_MEMBERS_MAX];
	struct key *key = NULL, *again = NULL;
	struct json_node *root = NULL;
	struct arena arena;
	struct hash hash;
	struct why why = {0};
	size_t n;

	if (key_from_jwk(jwk, &key, &why) != RC_OK) {
		expect(!key && why.rule && why.text[0]);
		return;
	}
	arena_init(&arena, 1 << 16);
	n = key_members(key, members);
	hash_of(bytes_of(members, n), &hash);
	expect(hash_eq(&hash, key_thumbprint(key)));
	expect(json_parse(bytes_of(members, n), &limits, true, &arena, &root, NULL) == RC_OK);
	expect(key_from_jwk(root, &again, NULL) == RC_OK);
	expect(key_alg(again) == key_alg(key) && bytes_eq(key_raw(again), key_raw(key)));
	expect(hash_eq(key_thumbprint(again), key_thumbprint(key)));
	key_free(again);
	key_free(key);
	arena_release(&arena);
}

static void
check_set(struct bytes text)
{
	struct trust_snapshot *s = NULL;
	size_t skipped = 0, keys;
	uint32_t domain;
	struct why why = {0};
	enum rc rc;

	expect(snapshot_new(&s) == RC_OK);
	expect(snapshot_add_domain(s, bytes_str("example.org"), &domain, NULL) == RC_OK);
	rc = jwks_read(s, domain, text, &skipped, &why);
	expect(rc == RC_OK || (why.rule && why.text[0]));
	keys = trust_snapshot_keys(s);
	/* A bundle is read once: there is one of a domain. */
	if (rc == RC_OK && !snapshot_anchors(s, domain)->has_bundle) {
		size_t again = 0;

		rc = jwks_read(s, domain, text, &again, &why);
		expect(rc == RC_OK && again == skipped);
		expect(trust_snapshot_keys(s) <= 2 * keys);
	}
	trust_snapshot_drop(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_limits limits = {1 << 16, 8, 4096};
	const struct json_node *keys;
	struct json_node *root = NULL;
	struct arena arena;

	if (size > limits.size_max)
		return 0;
	arena_init(&arena, 1 << 22);
	if (json_parse(bytes_of(data, size), &limits, true, &arena, &root, NULL) == RC_OK) {
		check_key(root);
		if ((keys = json_member(root, "keys")) && keys->type == JSN_ARRAY)
			for (const struct json_node *k = keys->child; k; k = k->next)
				check_key(k);
	}
	arena_release(&arena);
	check_set(bytes_of(data, size));
	return 0;
}
