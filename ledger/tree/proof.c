/*
 * proof.c - checking proofs that somebody else made: nothing here trusts a count, an index or a
 * hash.
 *
 * Both checks are those of RFC 9162 (2.1.3.2, 2.1.4.2).  The length of a proof follows from the
 * sizes alone, so it is compared first: what is left cannot run over or under.
 */
#include "base/must.h"
#include "tree/tree.h"

static unsigned
inner_count(uint64_t index, uint64_t size)
{
	uint64_t differ = index ^ (size - 1);

	return differ == 0 ? 0 : 64u - (unsigned)__builtin_clzll(differ);
}

unsigned
tree_path_count(uint64_t index, uint64_t size)
{
	unsigned inner;

	must(index < size);
	inner = inner_count(index, size);
	/* index < size, so inner is 64 only when the top bit differs and nothing is above it. */
	return inner + (inner == 64 ? 0 : (unsigned)__builtin_popcountll(index >> inner));
}

enum rc
tree_path_root(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *path,
    size_t count, struct hash *root)
{
	struct hash acc = *leaf;
	unsigned inner;
	size_t i;

	if (index >= size || count != tree_path_count(index, size))
		return RC_BAD_PROOF;
	inner = inner_count(index, size);
	for (i = 0; i < count; i++) {
		/* Above 'inner' the leaf sits on the right edge: every sibling is to its left. */
		if (i >= inner || (index >> i & 1) != 0)
			tree_node(&path[i], &acc, &acc);
		else
			tree_node(&acc, &path[i], &acc);
	}
	*root = acc;
	return RC_OK;
}

enum rc
tree_check_inclusion(const struct hash *leaf, uint64_t index, uint64_t size,
    const struct hash *path, size_t count, const struct hash *root)
{
	struct hash led;
	enum rc rc;

	if ((rc = tree_path_root(leaf, index, size, path, count, &led)) != RC_OK)
		return rc;
	return hash_eq(&led, root) ? RC_OK : RC_BAD_PROOF;
}

/* RFC 9162 2.1.4.2 word for word: fn and sn are the paths of the last leaves of both trees. */
enum rc
tree_consistency_root(uint64_t old_size, uint64_t size, const struct hash *path, size_t count,
    const struct hash *old_root, struct hash *root)
{
	uint64_t fn = old_size - 1, sn = size - 1;
	struct hash fr, sr;
	size_t i = 0;

	if (old_size == 0 || old_size >= size || count == 0)
		return RC_BAD_PROOF;
	while ((fn & 1) != 0) {
		fn >>= 1;
		sn >>= 1;
	}
	/* A power of two is one complete subtree, and the verifier has its hash already. */
	fr = (old_size & (old_size - 1)) == 0 ? *old_root : path[i++];
	sr = fr;
	for (; i < count; i++) {
		if (sn == 0)
			return RC_BAD_PROOF;
		if ((fn & 1) != 0 || fn == sn) {
			tree_node(&path[i], &fr, &fr);
			tree_node(&path[i], &sr, &sr);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tree_node(&sr, &path[i], &sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0 || !hash_eq(&fr, old_root))
		return RC_BAD_PROOF;
	*root = sr;
	return RC_OK;
}

enum rc
tree_check_consistency(uint64_t old_size, uint64_t size, const struct hash *path, size_t count,
    const struct hash *old_root, const struct hash *root)
{
	struct hash empty, led;
	enum rc rc;

	if (old_size > size)
		return RC_BAD_PROOF;
	if (old_size == size)
		return count == 0 && hash_eq(old_root, root) ? RC_OK : RC_BAD_PROOF;
	if (old_size == 0) {
		/* Every tree extends the empty one; but only one root is that of the empty one. */
		tree_empty_root(&empty);
		return count == 0 && hash_eq(old_root, &empty) ? RC_OK : RC_BAD_PROOF;
	}
	rc = tree_consistency_root(old_size, size, path, count, old_root, &led);
	if (rc != RC_OK)
		return rc;
	return hash_eq(&led, root) ? RC_OK : RC_BAD_PROOF;
}
