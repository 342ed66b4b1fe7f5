/*
 * tile_nodes.h - one tile with the inner nodes above its hashes; private to tile_reader.c and
 * tile_writer.c.
 *
 * Row 0 is the tile's 256 hashes, row 8 its root.  The rows lie one after another: row r begins at
 * 512 - (512 >> r).
 */
#ifndef TREE_TILE_NODES_H
#define TREE_TILE_NODES_H

#include "tree/tile.h"

#define TILE_ROWS  8 /* above row 0 */
#define TILE_NODES (2 * TILE_WIDTH - 1)

struct tile_nodes {
	uint64_t number;
	unsigned width; /* hashes in row 0 */
	struct hash node[TILE_NODES];
};

static inline struct hash *
tile_nodes_at(struct tile_nodes *t, unsigned row, unsigned i)
{
	return &t->node[2 * TILE_WIDTH - ((2 * TILE_WIDTH) >> row) + i];
}

/* Append to row 0 and hash what that completes, each node once. */
static inline void
tile_nodes_append(struct tile_nodes *t, const struct hash *h)
{
	unsigned row, i = t->width++;

	*tile_nodes_at(t, 0, i) = *h;
	for (row = 0; (i & 1) != 0; row++, i >>= 1)
		tree_node(tile_nodes_at(t, row, i - 1), tile_nodes_at(t, row, i),
		    tile_nodes_at(t, row + 1, i >> 1));
}

/* Hash all that 'width' hashes, already in row 0, complete. */
static inline void
tile_nodes_fill(struct tile_nodes *t)
{
	unsigned row, i, n = t->width;

	for (row = 0; row < TILE_ROWS; row++, n >>= 1)
		for (i = 0; i + 1 < n; i += 2)
			tree_node(tile_nodes_at(t, row, i), tile_nodes_at(t, row, i + 1),
			    tile_nodes_at(t, row + 1, i >> 1));
}

#endif
