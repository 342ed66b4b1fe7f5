/*
 * tree.c - Merkle maths of RFC 9162 section 2.1, iteratively.
 *
 * The shape that everything here leans on: the tree over [0, size) is a row of complete subtrees,
 * one for each set bit of size, largest first ("the edge"); the root folds that row from the right.
 * Any subtree that RFC 9162's recursion visits is either complete (a node) or ends at size, and is
 * then a fold of the edge's last members. So no recursion is needed, and no proof is longer than 65
 * hashes.
 */
#include <string.h>

#include "base/must.h"
#include "tree/tree.h"

void
tree_leaf(struct bytes entry, struct hash *out)
{
	static const uint8_t prefix = 0x00;
	struct bytes parts[2];

	parts[0] = bytes_of(&prefix, 1);
	parts[1] = entry;
	hash_of_parts(parts, 2, out);
}

void
tree_node(const struct hash *left, const struct hash *right, struct hash *out)
{
	uint8_t both[1 + 2 * HASH_SIZE];

	both[0] = 0x01;
	memcpy(both + 1, left->b, HASH_SIZE);
	memcpy(both + 1 + HASH_SIZE, right->b, HASH_SIZE);
	hash_of(bytes_of(both, sizeof(both)), out);
}

void
tree_empty_root(struct hash *out)
{
	hash_of(BYTES_NONE, out);
}

/* How many bits it takes to write v; 0 for 0. */
static unsigned
bit_length(uint64_t v)
{
	return v == 0 ? 0 : 64u - (unsigned)__builtin_clzll(v);
}

static unsigned
bit_count(uint64_t v)
{
	return (unsigned)__builtin_popcountll(v);
}

/* ---- the edge ---- */

void
tree_edge_init(struct tree_edge *edge)
{
	memset(edge, 0, sizeof(*edge));
}

void
tree_edge_append(struct tree_edge *edge, const struct hash *leaf)
{
	struct hash acc = *leaf;
	uint64_t carry;

	must(edge->size < UINT64_MAX);
	must(edge->count == bit_count(edge->size));
	/* Adding one in binary: each trailing 1-bit is a subtree that the new one completes. */
	for (carry = edge->size; (carry & 1) != 0; carry >>= 1) {
		edge->count--;
		tree_node(&edge->hash[edge->count], &acc, &acc);
	}
	edge->hash[edge->count++] = acc;
	edge->size++;
}

void
tree_edge_root(const struct tree_edge *edge, struct hash *root)
{
	unsigned i;

	must(edge->count == bit_count(edge->size));
	if (edge->count == 0) {
		tree_empty_root(root);
		return;
	}
	*root = edge->hash[edge->count - 1];
	for (i = edge->count - 1; i > 0; i--)
		tree_node(&edge->hash[i - 1], root, root);
}

enum rc
tree_edge_load(struct tree_edge *edge, uint64_t size, const struct tree_source *source)
{
	unsigned bit;
	enum rc rc;

	tree_edge_init(edge);
	for (bit = 64; bit > 0; bit--) {
		if ((size >> (bit - 1) & 1) == 0)
			continue;
		rc = source->node(
		    source->ctx, bit - 1, (size >> (bit - 1)) - 1, &edge->hash[edge->count]);
		if (rc != RC_OK) {
			tree_edge_init(edge);
			return rc;
		}
		edge->count++;
	}
	edge->size = size;
	must(edge->count == bit_count(size));
	return RC_OK;
}

/*
 * Root of the leaves [begin, end), where begin is a multiple of a power of two that is at least
 * end - begin: true of every subtree in RFC 9162's recursion.  Its complete parts are the set bits
 * of end - begin.
 */
static enum rc
range_root(const struct tree_source *source, uint64_t begin, uint64_t end, struct hash *out)
{
	uint64_t rest = end - begin;
	struct hash part;
	bool first = true;
	unsigned bit;
	enum rc rc;

	must(begin < end);
	must(begin == 0 || rest <= (begin & -begin));
	for (; rest != 0; rest &= rest - 1, first = false) {
		bit = (unsigned)__builtin_ctzll(rest);
		if ((rc = source->node(source->ctx, bit, (end >> bit) - 1, &part)) != RC_OK)
			return rc;
		if (first)
			*out = part;
		else
			tree_node(&part, out, out);
	}
	return RC_OK;
}

enum rc
tree_root(uint64_t size, const struct tree_source *source, struct hash *root)
{
	if (size == 0) {
		tree_empty_root(root);
		return RC_OK;
	}
	return range_root(source, 0, size, root);
}

/* ---- making proofs ---- */

/*
 * Below level 'inner' the leaf's ancestors and the last leaf's differ; at inner - 1 the sibling
 * holds the last leaf and may be incomplete.  From 'inner' up both share their ancestors, so a
 * sibling exists only on the left.
 */
enum rc
tree_prove(uint64_t index, uint64_t size, const struct tree_source *source,
    struct hash path[TREE_PATH_MAX], unsigned *count)
{
	unsigned inner, level, n = 0;
	uint64_t sibling;
	enum rc rc = RC_OK;

	must(index < size);
	inner = bit_length(index ^ (size - 1));
	for (level = 0; level < inner && rc == RC_OK; level++) {
		sibling = (index >> level) ^ 1;
		if (level + 1 < inner)
			rc = source->node(source->ctx, level, sibling, &path[n++]);
		else
			rc = range_root(source, sibling << level, size, &path[n++]);
	}
	for (; level < 64 && rc == RC_OK; level++)
		if ((index >> level & 1) != 0)
			rc = source->node(source->ctx, level, (index >> level) - 1, &path[n++]);
	if (rc != RC_OK)
		return rc;
	must(n == tree_path_count(index, size));
	*count = n;
	return RC_OK;
}

/* RFC 9162 2.1.4.1: SUBPROOF walks down to old_size and notes what it leaves aside; the proof is
 * that list upside down. */
enum rc
tree_prove_consistency(uint64_t old_size, uint64_t size, const struct tree_source *source,
    struct hash path[TREE_CONSISTENCY_MAX], unsigned *count)
{
	struct {
		uint64_t begin, end;
	} aside[TREE_CONSISTENCY_MAX];
	uint64_t begin = 0, end = size, half;
	unsigned i, n = 0;
	enum rc rc;

	must(0 < old_size && old_size <= size);
	while (end != old_size) {
		must(n < TREE_CONSISTENCY_MAX - 1 && end - begin > 1);
		half = (uint64_t)1 << (bit_length(end - begin - 1) - 1);
		if (old_size - begin <= half) {
			aside[n].begin = begin + half;
			aside[n++].end = end;
			end = begin + half;
		} else {
			aside[n].begin = begin;
			aside[n++].end = begin + half;
			begin += half;
		}
	}
	/* The old tree as a whole is known to the verifier; a part of it is not. */
	if (begin != 0) {
		aside[n].begin = begin;
		aside[n++].end = end;
	}
	for (i = 0; i < n; i++)
		if ((rc = range_root(
			 source, aside[n - 1 - i].begin, aside[n - 1 - i].end, &path[i])) != RC_OK)
			return rc;
	*count = n;
	return RC_OK;
}
