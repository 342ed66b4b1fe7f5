/*
 * tile_writer.c - the growing right edge, on the ingest path.
 *
 * Each level is a run of tiles with consecutive numbers: the one that was partial when the batch
 * began (if any), then those the batch began.  Only the last of a run grows.  A full tile hands its
 * root to the level above.
 *
 * Invariants (the cheap ones are checked in 'sane'):
 * - a level's last tile holds (size >> 8 * level) mod 256 hashes, or is full and another comes
 *   next;
 * - nodes are written once and never changed, so a rollback is the old counts and widths, no more;
 * - tiles that were complete before the batch are gone: a new leaf's siblings are in its own tiles.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "tree/tile_nodes.h"

/* Leaves: a batch this large is a gigabyte of tiles, so a mistake and not a load. */
#define BATCH_MAX (1u << 24)

struct level {
	struct tile_nodes **tile; /* 'room' tiles, all allocated; the first 'count' are in use */
	size_t room, count;
	size_t begin_count; /* 0 or 1: state to roll back to */
	unsigned begin_width;
};

struct tile_writer {
	struct level level[TILE_LEVELS];
	uint64_t size, begin_size;
	size_t left; /* appends that the batch still has room for */
	/* Folds of the edge at 'fold_size': fold[b] is the root of the leaves that the bits of size
	 * below b stand for. */
	uint64_t fold_size;
	struct hash fold[65];
};

struct tile_writer *
tile_writer_new(void)
{
	return calloc(1, sizeof(struct tile_writer));
}

void
tile_writer_free(struct tile_writer *w)
{
	unsigned i;
	size_t j;

	if (w == NULL)
		return;
	for (i = 0; i < TILE_LEVELS; i++) {
		for (j = 0; j < w->level[i].room; j++)
			free(w->level[i].tile[j]);
		free(w->level[i].tile);
	}
	free(w);
}

static void
sane(const struct tile_writer *w)
{
	const struct level *l = &w->level[0];

	must(w->begin_size <= w->size);
	must(l->begin_count <= 1 && l->begin_count <= l->count && l->count <= l->room);
	must(l->count == 0 ? w->size % TILE_WIDTH == 0
			   : l->tile[l->count - 1]->width % TILE_WIDTH == w->size % TILE_WIDTH);
}

static enum rc
level_reserve(struct level *l, size_t room)
{
	struct tile_nodes **more;

	if (room <= l->room)
		return RC_OK;
	if (room > SIZE_MAX / sizeof(*more) ||
	    (more = realloc(l->tile, room * sizeof(*more))) == NULL)
		return RC_NO_MEMORY;
	l->tile = more;
	for (; l->room < room; l->room++)
		if ((l->tile[l->room] = malloc(sizeof(struct tile_nodes))) == NULL)
			return RC_NO_MEMORY;
	return RC_OK;
}

static enum rc
level_load(struct tile_writer *w, unsigned level, uint64_t size, struct tile_store store)
{
	struct level *l = &w->level[level];
	unsigned width = (unsigned)(size >> (8 * level) & (TILE_WIDTH - 1));
	struct tile_nodes *t;
	enum rc rc;

	if (width == 0)
		return RC_OK;
	if ((rc = level_reserve(l, 1)) != RC_OK)
		return rc;
	t = l->tile[0];
	t->number = size >> (8 * level) >> 8;
	t->width = width;
	must(width == tile_width(size, level, t->number));
	if ((rc = store.fetch(store.ctx, level, t->number, width, t->node[0].b)) != RC_OK)
		return rc;
	tile_nodes_fill(t);
	l->count = l->begin_count = 1;
	l->begin_width = width;
	return RC_OK;
}

static void
forget(struct tile_writer *w)
{
	unsigned i;

	w->size = w->begin_size = w->fold_size = 0;
	w->left = 0;
	for (i = 0; i < TILE_LEVELS; i++) {
		w->level[i].count = w->level[i].begin_count = 0;
		w->level[i].begin_width = 0;
	}
}

enum rc
tile_writer_load(struct tile_writer *w, uint64_t size, struct tile_store store)
{
	unsigned i;
	enum rc rc = RC_OK;

	must(size == 0 || store.fetch != NULL);
	forget(w);
	for (i = 0; i < TILE_LEVELS && rc == RC_OK; i++)
		rc = level_load(w, i, size, store);
	if (rc != RC_OK) {
		forget(w); /* an empty writer, never half a tree */
		return rc;
	}
	w->size = w->begin_size = size;
	sane(w);
	return RC_OK;
}

/* ---- a batch ---- */

/* Keep the growing tile as the run's first, drop the others. */
static void
level_begin(struct level *l)
{
	struct tile_nodes *last;

	if (l->count > 0 && l->tile[l->count - 1]->width < TILE_WIDTH) {
		last = l->tile[l->count - 1];
		l->tile[l->count - 1] = l->tile[0];
		l->tile[0] = last;
		l->count = 1;
		l->begin_width = last->width;
	} else {
		l->count = 0;
		l->begin_width = 0;
	}
	l->begin_count = l->count;
}

enum rc
tile_writer_begin(struct tile_writer *w, size_t count)
{
	unsigned i;
	enum rc rc;

	sane(w);
	w->left = 0;
	if (count > BATCH_MAX)
		return RC_NO_MEMORY;
	must(count <= UINT64_MAX - w->size);
	/* n appends to a level touch at most n / 256 + 2 of its tiles; a level gets at most one
	 * more than a 256th of the one below. */
	for (i = 0; i < TILE_LEVELS; i++)
		if ((rc = level_reserve(&w->level[i], ((uint64_t)count >> (8 * i) >> 8) + 3)) !=
		    RC_OK)
			return rc;
	for (i = 0; i < TILE_LEVELS; i++)
		level_begin(&w->level[i]);
	w->begin_size = w->size;
	w->left = count;
	sane(w);
	return RC_OK;
}

void
tile_writer_append(struct tile_writer *w, const struct hash *leaf)
{
	const struct hash *h = leaf;
	unsigned i;

	must(w->left > 0);
	w->left--;
	for (i = 0; i < TILE_LEVELS; i++) {
		struct level *l = &w->level[i];
		struct tile_nodes *t;

		if (l->count == 0 || l->tile[l->count - 1]->width == TILE_WIDTH) {
			must(l->count < l->room);
			t = l->tile[l->count++];
			t->number = w->size >> (8 * i) >> 8;
			t->width = 0;
		}
		t = l->tile[l->count - 1];
		tile_nodes_append(t, h);
		if (t->width < TILE_WIDTH)
			break;
		h = tile_nodes_at(t, TILE_ROWS, 0);
	}
	w->size++;
}

uint64_t
tile_writer_size(const struct tile_writer *w)
{
	return w->size;
}

/* A complete node of a tile that is in memory. */
static const struct hash *
writer_node(const struct tile_writer *w, unsigned level, uint64_t i)
{
	const struct level *l = &w->level[level / 8];
	unsigned row = level % 8;
	uint64_t number = i >> (8 - row);

	must(i < w->size >> level);
	must(
	    l->count > 0 && number >= l->tile[0]->number && number - l->tile[0]->number < l->count);
	return tile_nodes_at(
	    l->tile[number - l->tile[0]->number], row, (unsigned)(i & ((TILE_WIDTH >> row) - 1)));
}

/*
 * A set bit b of size stands for node (b, (size >> b) - 1).  It is in memory, because its tile is
 * the last of its level: bits 8L..8L+7 count the hashes of that tile, and are zero when it is full.
 */
static void
fold_edge(const struct tile_writer *w, struct hash fold[65])
{
	bool any = false;
	unsigned bit;

	memset(&fold[0], 0, sizeof(fold[0]));
	for (bit = 0; bit < 64; bit++) {
		fold[bit + 1] = fold[bit];
		if ((w->size >> bit & 1) == 0)
			continue;
		if (any)
			tree_node(
			    writer_node(w, bit, (w->size >> bit) - 1), &fold[bit], &fold[bit + 1]);
		else
			fold[bit + 1] = *writer_node(w, bit, (w->size >> bit) - 1);
		any = true;
	}
}

void
tile_writer_root(const struct tile_writer *w, struct hash *root)
{
	struct hash fold[65];

	if (w->size == 0) {
		tree_empty_root(root);
		return;
	}
	if (w->fold_size == w->size) {
		*root = w->fold[64];
		return;
	}
	fold_edge(w, fold);
	*root = fold[64];
}

/* The same walk as tree_prove(), with the incomplete sibling taken from the folds: no hashing after
 * the first proof of a size. */
void
tile_writer_prove(
    struct tile_writer *w, uint64_t index, struct hash path[TREE_PATH_MAX], unsigned *count)
{
	unsigned inner, level, n = 0;
	uint64_t differ, sibling;

	must(index < w->size);
	must(index / TILE_WIDTH >= w->begin_size / TILE_WIDTH);
	if (w->fold_size != w->size) {
		fold_edge(w, w->fold);
		w->fold_size = w->size;
	}
	differ = index ^ (w->size - 1);
	inner = differ == 0 ? 0 : 64u - (unsigned)__builtin_clzll(differ);
	for (level = 0; level < inner; level++) {
		sibling = (index >> level) ^ 1;
		if (sibling < w->size >> level)
			path[n++] = *writer_node(w, level, sibling);
		else
			path[n++] = w->fold[level];
	}
	for (; level < 64; level++)
		if ((index >> level & 1) != 0)
			path[n++] = *writer_node(w, level, (index >> level) - 1);
	must(n == tree_path_count(index, w->size));
	*count = n;
}

enum rc
tile_writer_dirty(const struct tile_writer *w,
    enum rc (*put)(
	void *ctx, unsigned level, uint64_t number, unsigned width, const uint8_t *hashes),
    void *ctx)
{
	unsigned i;
	size_t j;
	enum rc rc;

	sane(w);
	for (i = 0; i < TILE_LEVELS; i++) {
		const struct level *l = &w->level[i];

		/* The first may be as it was when the batch began. */
		j = l->begin_count == 1 && l->tile[0]->width == l->begin_width ? 1 : 0;
		for (; j < l->count; j++) {
			const struct tile_nodes *t = l->tile[j];

			if ((rc = put(ctx, i, t->number, t->width, t->node[0].b)) != RC_OK)
				return rc;
		}
	}
	return RC_OK;
}

void
tile_writer_rollback(struct tile_writer *w)
{
	unsigned i;

	sane(w);
	for (i = 0; i < TILE_LEVELS; i++) {
		struct level *l = &w->level[i];

		l->count = l->begin_count;
		if (l->count == 1)
			l->tile[0]->width = l->begin_width;
	}
	w->size = w->begin_size;
	w->fold_size = 0; /* the same size may come back with other leaves */
	w->left = 0;
	sane(w);
}
