/*
 * view.c - one read snapshot at one tree size, and the check that stored bytes are what was
 * promised.
 *
 * A view holds a read transaction of each environment, so it is short-lived.  'size' is what the
 * caller asked to be answered at; 'published' is the size that the writer had made public when the
 * view began.  Tiles and checkpoints up to 'published' serve to prove things about 'size':
 * published <= entries in the snapshot.
 *
 * LMDB has no checksums: most flipped bits come back without an error.  So no stored entry is used
 * before its leaf hash was computed and found in the level-0 tile.
 */
#include "query/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define RULE_STORED "stored bytes match their leaf (RFC 9162 2.1.1)"

enum rc
query_view_begin(const struct query_log *log, uint64_t at, struct query_view **out)
{
	struct query_view *v = NULL;
	enum rc rc = RC_OK;

	must(log->store != NULL && log->index != NULL);
	*out = NULL;
	if (at > log->size)
		return RC_NOT_FOUND;
	if ((v = malloc(sizeof(*v))) == NULL)
		return RC_NO_MEMORY;
	v->read = NULL;
	v->ids = NULL;
	v->tiles = NULL;
	v->size = at == 0 ? log->size : at;
	v->published = log->size;
	v->history = log->history;
	v->book = log->book;
	for (size_t i = 0; i < VIEW_LEAF_TILES; i++)
		v->leaves[i].number = UINT64_MAX;
	if ((rc = store_read_begin(log->store, &v->read)) != RC_OK)
		goto out;
	/* The writer commits, then publishes: a snapshot taken later has it all, or something is very wrong. */
	if (store_read_size(v->read) < v->published) {
		rc = RC_CORRUPT;
		goto out;
	}
	rc = index_view_begin(log->index, v->size, &v->ids);

out:
	if (rc == RC_OK)
		*out = v;
	else
		query_view_end(v);
	return rc;
}

void
query_view_end(struct query_view *v)
{
	if (v == NULL)
		return;
	tile_reader_free(v->tiles);
	if (v->ids != NULL)
		index_view_end(v->ids);
	store_read_end(v->read);
	free(v);
}

uint64_t
query_view_size(const struct query_view *v)
{
	return v->size;
}

struct history *
query_view_history(const struct query_view *v)
{
	return v->history;
}

const struct book *
query_view_book(const struct query_view *v)
{
	return v->book;
}

static enum rc
view_fetch(void *ctx, unsigned level, uint64_t number, unsigned width, uint8_t *out)
{
	return store_get_tile(ctx, level, number, width, out);
}

enum rc
view_source(struct query_view *v, struct tree_source *out, struct why *why)
{
	if (v->tiles == NULL) {
		if ((v->tiles = tile_reader_new()) == NULL)
			return why_set(
			    why, RC_NO_MEMORY, "memory", NULL, 0, "no room to read tiles");
		tile_reader_begin(v->tiles, v->published, (struct tile_store){view_fetch, v->read});
	}
	*out = tile_reader_source(v->tiles);
	return RC_OK;
}

enum rc
view_root(struct query_view *v, uint64_t size, struct hash *root, struct why *why)
{
	struct tree_source source;
	enum rc rc;

	must(size <= v->published);
	if (size == 0) {
		tree_empty_root(root);
		return RC_OK;
	}
	if ((rc = view_source(v, &source, why)) != RC_OK)
		return rc;
	if ((rc = tree_root(size, &source, root)) != RC_OK)
		return why_set(why, rc, "tiles", NULL, 0, "the tiles under size %llu: %s",
		    (unsigned long long)size, rc_text(rc));
	return RC_OK;
}

/* The leaf hash that the tree has for an index. */
static enum rc
view_leaf(struct query_view *v, uint64_t index, struct hash *leaf, struct why *why)
{
	uint64_t number = index / TILE_WIDTH;
	struct view_leaf_tile *t = &v->leaves[number % VIEW_LEAF_TILES];
	unsigned width = tile_width(v->published, 0, number);
	enum rc rc;

	must(index < v->published);
	if (t->number != number) {
		t->number = UINT64_MAX;
		if ((rc = store_get_tile(v->read, 0, number, width, t->hashes)) != RC_OK)
			return why_set(why, rc, "tiles", NULL, 0, "tile 0/%llu: %s",
			    (unsigned long long)number, rc_text(rc));
		t->number = number;
	}
	memcpy(leaf->b, t->hashes + (index % TILE_WIDTH) * HASH_SIZE, HASH_SIZE);
	return RC_OK;
}

enum rc
view_raw(
    struct query_view *v, uint64_t index, struct bytes *raw, struct hash *leaf, struct why *why)
{
	struct hash stored;
	enum rc rc;

	if (index >= v->size)
		return why_set(why, RC_NOT_FOUND, "index < tree size", NULL, 0,
		    "no entry %llu in a tree of %llu", (unsigned long long)index,
		    (unsigned long long)v->size);
	if ((rc = store_get_entry(v->read, index, raw)) != RC_OK) {
		/* Below the size, so it was promised: not there is damage. */
		if (rc == RC_NOT_FOUND)
			rc = RC_CORRUPT;
		return why_set(why, rc, RULE_STORED, NULL, 0, "entry %llu: %s",
		    (unsigned long long)index, rc_text(rc));
	}
	if ((rc = view_leaf(v, index, leaf, why)) != RC_OK)
		return rc;
	entry_leaf_hash(*raw, BYTES_NONE, &stored);
	if (!hash_eq(&stored, leaf))
		return why_set(why, RC_CORRUPT, RULE_STORED, NULL, 0,
		    "entry %llu does not match its leaf", (unsigned long long)index);
	return RC_OK;
}
