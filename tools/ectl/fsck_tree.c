/*
 * fsck_tree.c - Merkle arithmetic (RFC 9162 2.1.1), written apart from tree/.
 *
 * A tree of n leaves is the complete subtrees that the bits of n name, the largest first; its root
 * folds them from the right: MTH(D[n]) = HASH(0x01 || MTH(D[0:k]) || MTH(D[k:n])) with k the
 * largest power of two below n, and the right part is again such a tree.
 */
#include "fsck.h"

#include <string.h>

static struct span
hash_span(const uint8_t *p)
{
	return (struct span){p, FSCK_HASH};
}

void
fsck_edge_add(struct fsck *f, struct fsck_edge *edge, const uint8_t leaf[FSCK_HASH])
{
	uint8_t carry[FSCK_HASH];
	unsigned level = 0;

	memcpy(carry, leaf, FSCK_HASH);
	for (; edge->size >> level & 1; level++)
		fsck_hash_tagged(f, 1, hash_span(edge->node[level]), hash_span(carry), carry);
	memcpy(edge->node[level], carry, FSCK_HASH);
	edge->size++;
}

void
fsck_edge_root(struct fsck *f, const struct fsck_edge *edge, uint8_t out[FSCK_HASH])
{
	bool any = false;

	for (unsigned level = 0; level < 64; level++) {
		if (!(edge->size >> level & 1))
			continue;
		if (any)
			fsck_hash_tagged(f, 1, hash_span(edge->node[level]), hash_span(out), out);
		else
			memcpy(out, edge->node[level], FSCK_HASH);
		any = true;
	}
	if (!any) /* the empty tree: the hash of nothing */
		fsck_hash(f, (struct span){out, 0}, (struct span){out, 0}, out);
}

void
fsck_tile_root(struct fsck *f, uint8_t work[256 * FSCK_HASH], uint8_t out[FSCK_HASH])
{
	for (size_t width = 256; width > 1; width /= 2)
		for (size_t i = 0; i < width / 2; i++)
			fsck_hash_tagged(f, 1, hash_span(work + 2 * i * FSCK_HASH),
			    hash_span(work + (2 * i + 1) * FSCK_HASH), work + i * FSCK_HASH);
	memcpy(out, work, FSCK_HASH);
}
