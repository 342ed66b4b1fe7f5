/*
 * tree.h - Merkle maths of RFC 9162 section 2.1 (SHA-256): pure; no I/O, no clock, no allocation.
 *
 * Sizes and indexes are 64-bit, leaves count from 0.  A "node (level, i)" is the root of the
 * complete subtree over leaves [i << level, (i+1) << level); level 0 is the leaf hashes.
 */
#ifndef TREE_TREE_H
#define TREE_TREE_H

#include "base/hash.h"
#include "base/rc.h"

#define TREE_PATH_MAX 64 /* hashes in an inclusion path */
#define TREE_CONSISTENCY_MAX 65

void tree_leaf(struct bytes entry, struct hash *out);
void tree_node(const struct hash *left, const struct hash *right, struct hash *out);
void tree_empty_root(struct hash *out);

/* The right edge of a tree: one hash per set bit of size, largest subtree first. */
struct tree_edge {
	uint64_t size;
	struct hash hash[64];
	unsigned count; /* popcount(size) */
};
void tree_edge_init(struct tree_edge *edge);
void tree_edge_append(struct tree_edge *edge, const struct hash *leaf);
void tree_edge_root(const struct tree_edge *edge, struct hash *root);

/* Complete nodes come from wherever they are kept.  RC_OK or what reading gave. */
struct tree_source {
	enum rc (*node)(void *ctx, unsigned level, uint64_t i, struct hash *out);
	void *ctx;
};
/* Rebuild the edge of a tree of 'size' leaves. */
enum rc tree_edge_load(struct tree_edge *edge, uint64_t size, const struct tree_source *source);
enum rc tree_root(uint64_t size, const struct tree_source *source, struct hash *root);
/* Inclusion path, leaf sibling first.  must(index < size). */
enum rc tree_prove(uint64_t index, uint64_t size, const struct tree_source *source,
    struct hash path[TREE_PATH_MAX], unsigned *count);
/* Consistency proof; must(0 < old && old <= size); empty when equal. */
enum rc tree_prove_consistency(uint64_t old_size, uint64_t size, const struct tree_source *source,
    struct hash path[TREE_CONSISTENCY_MAX], unsigned *count);

/* How many hashes a path has: exact, so that long and short proofs are refused early. */
unsigned tree_path_count(uint64_t index, uint64_t size);
/* RFC 9162 2.1.3.2; gives the root that the path leads to.  RC_BAD_PROOF on any mismatch of shape. */
enum rc tree_path_root(const struct hash *leaf, uint64_t index, uint64_t size,
    const struct hash *path, size_t count, struct hash *root);
enum rc tree_check_inclusion(const struct hash *leaf, uint64_t index, uint64_t size,
    const struct hash *path, size_t count, const struct hash *root);
/* RFC 9162 2.1.4.2; old 0 wants an empty proof; old == size wants an empty proof and equal roots. */
enum rc tree_check_consistency(uint64_t old_size, uint64_t size, const struct hash *path, size_t count,
    const struct hash *old_root, const struct hash *root);
/* For a verifier who knows the old root alone: the new root that the proof leads to, once it has
 * led to the old one.  0 < old < size. */
enum rc tree_consistency_root(uint64_t old_size, uint64_t size, const struct hash *path, size_t count,
    const struct hash *old_root, struct hash *root);

#endif
