/*
 * tile_reader.c - tree nodes out of stored tiles.
 *
 * A proof wants a handful of nodes from one tile of each level, so a tile is fetched whole, its
 * inner nodes are hashed at once, and it stays until the slot is needed: least recently used goes.
 * The hashes are only as good as the store; whoever answers with them compares the root they lead
 * to with the signed one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "tree/tile_nodes.h"

#define SLOTS 18 /* an inclusion path and the right edge touch two tiles of each level */

struct slot {
	uint64_t used; /* 0: empty */
	unsigned level;
	struct tile_nodes tile;
};

struct tile_reader {
	struct tile_store store;
	uint64_t size;
	uint64_t clock;
	struct slot slot[SLOTS];
};

struct tile_reader *
tile_reader_new(void)
{
	return calloc(1, sizeof(struct tile_reader));
}

void
tile_reader_free(struct tile_reader *r)
{
	free(r);
}

void
tile_reader_begin(struct tile_reader *r, uint64_t size, struct tile_store store)
{
	unsigned i;

	must(store.fetch != NULL);
	r->store = store;
	r->size = size;
	r->clock = 0;
	for (i = 0; i < SLOTS; i++)
		r->slot[i].used = 0;
}

/* The slot that holds the tile, or the one to put it in. */
static struct slot *
find_slot(struct tile_reader *r, unsigned level, uint64_t number, bool *found)
{
	struct slot *oldest = &r->slot[0];
	unsigned i;

	for (i = 0; i < SLOTS; i++) {
		struct slot *s = &r->slot[i];

		if (s->used != 0 && s->level == level && s->tile.number == number) {
			*found = true;
			return s;
		}
		if (s->used < oldest->used)
			oldest = s;
	}
	*found = false;
	return oldest;
}

static enum rc
load(struct tile_reader *r, unsigned level, uint64_t number, struct tile_nodes **out)
{
	struct slot *s;
	bool found;
	enum rc rc;

	s = find_slot(r, level, number, &found);
	if (!found) {
		s->used = 0;
		s->level = level;
		s->tile.number = number;
		s->tile.width = tile_width(r->size, level, number);
		must(s->tile.width > 0);
		rc = r->store.fetch(r->store.ctx, level, number, s->tile.width, s->tile.node[0].b);
		if (rc != RC_OK)
			return rc;
		tile_nodes_fill(&s->tile);
	}
	s->used = ++r->clock;
	*out = &s->tile;
	return RC_OK;
}

static enum rc
reader_node(void *ctx, unsigned level, uint64_t i, struct hash *out)
{
	struct tile_reader *r = ctx;
	struct tile_nodes *tile = NULL;
	unsigned row = level % 8;
	enum rc rc;

	must(level < 64);
	must(i < r->size >> level); /* only complete nodes exist */
	if ((rc = load(r, level / 8, i >> (8 - row), &tile)) != RC_OK)
		return rc;
	*out = *tile_nodes_at(tile, row, (unsigned)(i & ((TILE_WIDTH >> row) - 1)));
	return RC_OK;
}

struct tree_source
tile_reader_source(struct tile_reader *r)
{
	struct tree_source source = {reader_node, r};

	must(r->store.fetch != NULL);
	return source;
}
