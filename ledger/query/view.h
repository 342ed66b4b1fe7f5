/*
 * view.h - inside of a view: private to query/.
 */
#ifndef QUERY_VIEW_H
#define QUERY_VIEW_H

#include "query/query.h"

#define VIEW_LEAF_TILES 8

/* A level-0 tile, kept because neighbours are asked for next. */
struct view_leaf_tile {
	uint64_t number; /* UINT64_MAX: empty */
	uint8_t hashes[TILE_SIZE];
};

struct query_view {
	struct store_read *read;
	struct index_view *ids;
	uint64_t size;		   /* the tree size that is answered at */
	uint64_t published;	   /* how far tiles and checkpoints may be used */
	struct history *history;   /* of the log's keys */
	const struct book *book;   /* of its policy documents; NULL: not known */
	struct tile_reader *tiles; /* made when first wanted */
	struct view_leaf_tile leaves[VIEW_LEAF_TILES];
};

/* Inner nodes of the tree, from the tiles. */
enum rc view_source(struct query_view *v, struct tree_source *out, struct why *why);
/* The stored bytes of an entry below the view's size, checked against its leaf; they live until
 * query_view_end(). */
enum rc view_raw(
    struct query_view *v, uint64_t index, struct bytes *raw, struct hash *leaf, struct why *why);
/* The same, parsed into 'arena'; views into the store and the arena. */
enum rc view_entry(struct query_view *v, uint64_t index, struct arena *arena,
    struct query_entry *out, struct why *why);
/* The root of the first 'size' leaves. */
enum rc view_root(struct query_view *v, uint64_t size, struct hash *root, struct why *why);
/* A checkpoint's size and root, as its note says. */
enum rc view_note_root(struct bytes note, uint64_t size, struct hash *root, struct why *why);

#endif
