/* test_tree_tile_reader.c - the reader's cache and its errors (that its proofs are right is
 * test_tree_tile_writer's matter). */
#include "unit/test_tree_help.h"

static struct mem_tiles *
stored(uint64_t size)
{
	struct tile_writer *w = tile_writer_new();
	struct mem_tiles *m = mem_tiles_new();
	struct hash leaf;
	uint64_t i;

	cr_assert(w != NULL && tile_writer_begin(w, (size_t)size) == RC_OK);
	for (i = 0; i < size; i++) {
		decimal_leaf(i, &leaf);
		tile_writer_append(w, &leaf);
	}
	cr_assert(tile_writer_dirty(w, mem_put, m) == RC_OK);
	tile_writer_free(w);
	return m;
}

Test(tree_tile_reader, fetches_each_tile_of_a_proof_once)
{
	struct mem_tiles *m = stored(70000);
	struct tile_reader *r = tile_reader_new();
	struct tree_source source;
	struct hash path[64];
	unsigned count, i;

	cr_assert(r != NULL);
	tile_reader_begin(r, 70000, mem_store(m));
	source = tile_reader_source(r);
	for (i = 0; i < 10; i++)
		cr_assert(tree_prove(1000 + i, 70000, &source, path, &count) == RC_OK);
	/* The leaf's tile, two of level 1, the one of level 2 and the right edge of level 0. */
	cr_assert(m->fetched <= 5, "%u", m->fetched);
	tile_reader_free(r);
	free(m);
}

Test(tree_tile_reader, forgets_everything_when_it_begins_anew)
{
	struct mem_tiles *m = stored(10), *other = mem_tiles_new();
	struct tile_reader *r = tile_reader_new();
	struct tree_source source;
	struct hash root, again;

	cr_assert(r != NULL);
	tile_reader_begin(r, 10, mem_store(m));
	source = tile_reader_source(r);
	cr_assert(tree_root(10, &source, &root) == RC_OK);
	other->width[0][0] = 10;
	tile_reader_begin(r, 10, mem_store(other));
	source = tile_reader_source(r);
	cr_assert(tree_root(10, &source, &again) == RC_OK);
	cr_assert(!hash_eq(&root, &again));
	tile_reader_free(r);
	free(m);
	free(other);
}

Test(tree_tile_reader, a_failed_fetch_leaves_nothing_behind)
{
	struct mem_tiles *m = stored(300);
	struct tile_reader *r = tile_reader_new();
	struct tree_source source;
	struct hash root, again;

	cr_assert(r != NULL);
	tile_reader_begin(r, 300, mem_store(m));
	source = tile_reader_source(r);
	m->fail = true;
	cr_assert(tree_root(300, &source, &root) == RC_IO);
	m->fail = false;
	cr_assert(tree_root(300, &source, &root) == RC_OK);
	tile_reader_begin(r, 300, mem_store(m));
	cr_assert(tree_root(300, &source, &again) == RC_OK && hash_eq(&root, &again));
	tile_reader_free(r);
	free(m);
}

Test(tree_tile_reader, goes_on_when_the_cache_is_full)
{
	struct mem_tiles *m = stored(70000);
	struct tile_reader *r = tile_reader_new();
	struct tree_source source;
	struct hash path[64], leaf, root, led;
	unsigned count;
	uint64_t i;

	cr_assert(r != NULL);
	tile_reader_begin(r, 70000, mem_store(m));
	source = tile_reader_source(r);
	cr_assert(tree_root(70000, &source, &root) == RC_OK);
	for (i = 0; i < 70000; i += 500) {
		decimal_leaf(i, &leaf);
		cr_assert(tree_prove(i, 70000, &source, path, &count) == RC_OK);
		cr_assert(tree_path_root(&leaf, i, 70000, path, count, &led) == RC_OK);
		cr_assert(hash_eq(&led, &root));
	}
	tile_reader_free(r);
	free(m);
}

Test(tree_tile_reader, must_not_be_asked_for_an_incomplete_node, .signal = SIGABRT)
{
	struct mem_tiles *m = stored(3);
	struct tile_reader *r = tile_reader_new();
	struct tree_source source;
	struct hash h;

	tile_reader_begin(r, 3, mem_store(m));
	source = tile_reader_source(r);
	source.node(source.ctx, 1, 1, &h);
}
