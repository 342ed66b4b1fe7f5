/* test_tree_tile_writer.c - batches of any split give the tree that one by one gives, and can be
 * undone. */
#include "unit/test_tree_help.h"

struct rig {
	struct tile_writer *writer;
	struct tile_reader *reader;
	struct mem_tiles *tiles;
	struct hash *leaf;
};

static struct rig
rig_new(size_t leaves)
{
	struct rig g = {
	    tile_writer_new(), tile_reader_new(), mem_tiles_new(), decimal_leaves(leaves)};

	cr_assert(g.writer != NULL && g.reader != NULL);
	return g;
}

static void
rig_free(struct rig *g)
{
	tile_writer_free(g->writer);
	tile_reader_free(g->reader);
	free(g->tiles);
	free(g->leaf);
}

static void
append(struct rig *g, uint64_t from, uint64_t to)
{
	uint64_t i;

	cr_assert(tile_writer_begin(g->writer, (size_t)(to - from)) == RC_OK);
	for (i = from; i < to; i++)
		tile_writer_append(g->writer, &g->leaf[i]);
	cr_assert(tile_writer_size(g->writer) == to);
}

static void
expect_proof(struct rig *g, uint64_t index, uint64_t size)
{
	struct hash path[65], want[65];
	unsigned count, n = naive_path((size_t)index, g->leaf, (size_t)size, want);

	tile_writer_prove(g->writer, index, path, &count);
	cr_assert(
	    count == n, "leaf %llu of %llu", (unsigned long long)index, (unsigned long long)size);
	cr_assert(memcmp(path, want, n * sizeof(*want)) == 0);
}

static void
expect_root(struct rig *g, uint64_t size)
{
	struct hash got, want = naive_root(g->leaf, (size_t)size);

	tile_writer_root(g->writer, &got);
	cr_assert(hash_eq(&got, &want), "root of %llu", (unsigned long long)size);
}

static void
save(struct rig *g)
{
	g->tiles->put = 0;
	cr_assert(tile_writer_dirty(g->writer, mem_put, g->tiles) == RC_OK);
}

/* What is stored is exactly the tree: a reader gives every proof and consistency proof that the
 * definition gives. */
static void
expect_stored(struct rig *g, uint64_t size, uint64_t *seed)
{
	struct tree_source source;
	struct hash path[65], want[65], root, expected = naive_root(g->leaf, (size_t)size);
	uint64_t index, old;
	unsigned count, n, i;

	tile_reader_begin(g->reader, size, mem_store(g->tiles));
	source = tile_reader_source(g->reader);
	cr_assert(tree_root(size, &source, &root) == RC_OK && hash_eq(&root, &expected));
	for (i = 0; i < 4; i++) {
		index = draw(seed) % size;
		n = naive_path((size_t)index, g->leaf, (size_t)size, want);
		cr_assert(tree_prove(index, size, &source, path, &count) == RC_OK && count == n);
		cr_assert(memcmp(path, want, n * sizeof(*want)) == 0);
		old = 1 + draw(seed) % size;
		n = naive_subproof((size_t)old, g->leaf, (size_t)size, true, want);
		cr_assert(tree_prove_consistency(old, size, &source, path, &count) == RC_OK &&
			  count == n);
		cr_assert(memcmp(path, want, n * sizeof(*want)) == 0);
	}
}

Test(tree_tile_writer, every_size_to_600_one_leaf_at_a_time)
{
	struct rig g = rig_new(600);
	uint64_t size, seed = 1;

	cr_assert(tile_writer_load(g.writer, 0, mem_store(g.tiles)) == RC_OK);
	expect_root(&g, 0);
	for (size = 1; size <= 600; size++) {
		append(&g, size - 1, size);
		expect_root(&g, size);
		expect_proof(&g, size - 1, size);
		/* Older leaves of the tile that the new one shares. */
		expect_proof(&g, (size - 1) / TILE_WIDTH * TILE_WIDTH, size);
		save(&g);
		cr_assert(g.tiles->put == 1 + (size % TILE_WIDTH == 0));
		expect_stored(&g, size, &seed);
	}
	rig_free(&g);
}

/* Random splits; each batch is first tried with other leaves and rolled back, and each state is
 * reloaded from its tiles. */
static void
random_splits(uint64_t seed, uint64_t last, uint64_t batch_max)
{
	struct rig g = rig_new((size_t)last);
	struct hash wrong;
	uint64_t size = 0, next, i;

	memset(&wrong, 0xEE, sizeof(wrong));
	while (size < last) {
		next = size + 1 + draw(&seed) % batch_max;
		if (next > last)
			next = last;
		if (draw(&seed) % 2 == 0) {
			uint64_t tried = 1 + draw(&seed) % batch_max;

			cr_assert(tile_writer_begin(g.writer, (size_t)tried) == RC_OK);
			for (i = 0; i < tried; i++)
				tile_writer_append(g.writer, &wrong);
			if (draw(&seed) % 2 == 0) {
				struct hash path[65];
				unsigned count;

				tile_writer_prove(
				    g.writer, size, path, &count); /* fills what is cached */
			}
			tile_writer_rollback(g.writer);
			cr_assert(tile_writer_size(g.writer) == size);
			expect_root(&g, size);
			g.tiles->put = 0;
			cr_assert(tile_writer_dirty(g.writer, mem_put, g.tiles) == RC_OK &&
				  g.tiles->put == 0);
		}
		append(&g, size, next);
		expect_root(&g, next);
		for (i = size; i < next; i += 1 + draw(&seed) % 16)
			expect_proof(&g, i, next);
		expect_proof(&g, next - 1, next);
		save(&g);
		expect_stored(&g, next, &seed);
		if (draw(&seed) % 2 == 0) {
			tile_writer_free(g.writer);
			g.writer = tile_writer_new();
			cr_assert(g.writer != NULL);
			cr_assert(tile_writer_load(g.writer, next, mem_store(g.tiles)) == RC_OK);
			expect_root(&g, next);
		}
		size = next;
	}
	rig_free(&g);
}

Test(tree_tile_writer, any_split_into_batches_gives_the_same_tree)
{
	uint64_t seed;

	for (seed = 1; seed <= 24; seed++)
		random_splits(seed * 7919, 600, seed % 3 == 0 ? 600 : seed % 3 == 1 ? 40 : 260);
}

Test(tree_tile_writer, stores_the_published_tiles_of_70000_leaves)
{
	json_t *doc = vectors("tiles/tiles-70000.json"),
	       *large = vectors("merkle/large-decimal-leaves.json"), *c;
	struct rig g = rig_new(70000);
	struct hash root, want;
	uint64_t size, number;
	unsigned level, width;
	const char *path;
	bool entries;
	size_t i;

	for (size = 0; size < 70000; size += 3500) {
		append(&g, size, size + 3500);
		save(&g);
	}
	tile_writer_root(g.writer, &root);
	want = hash_from_hex(json_object_get(json_object_get(large, "roots"), "70000"));
	cr_assert(hash_eq(&root, &want));
	json_object_foreach(json_object_get(doc, "tiles"), path, c)
	{
		cr_assert(tile_path_parse(bytes_str(path), &entries, &level, &number, &width));
		cr_assert(g.tiles->width[level][number] == width);
		hash_of(bytes_of(g.tiles->tile[level][number], (size_t)width * HASH_SIZE), &root);
		want = hash_from_hex(c);
		cr_assert(hash_eq(&root, &want), "%s", path);
	}
	json_array_foreach(json_object_get(large, "inclusion"), i, c)
	{
		struct hash expected[64], got[64];
		uint64_t index = integer(c, "leaf_index");
		struct tree_source source;
		unsigned count;
		size_t n = path_from_hex(json_object_get(c, "path"), expected, 64);

		size = integer(c, "tree_size");
		tile_reader_begin(g.reader, size, mem_store(g.tiles));
		source = tile_reader_source(g.reader);
		cr_assert(tree_prove(index, size, &source, got, &count) == RC_OK && count == n);
		cr_assert(memcmp(got, expected, n * sizeof(*got)) == 0);
	}
	json_array_foreach(json_object_get(large, "consistency"), i, c)
	{
		struct hash expected[65], got[65];
		struct tree_source source;
		unsigned count;
		size_t n = path_from_hex(json_object_get(c, "path"), expected, 65);

		size = integer(c, "new_size");
		tile_reader_begin(g.reader, size, mem_store(g.tiles));
		source = tile_reader_source(g.reader);
		cr_assert(tree_prove_consistency(
			      integer(c, "old_size"), size, &source, got, &count) == RC_OK);
		cr_assert(count == n && memcmp(got, expected, n * sizeof(*got)) == 0);
	}
	json_decref(doc);
	json_decref(large);
	rig_free(&g);
}

Test(tree_tile_writer, one_batch_over_several_levels_of_tiles)
{
	struct rig g = rig_new(66000);

	append(&g, 0, 66000);
	expect_proof(&g, 0, 66000);
	expect_proof(&g, 65535, 66000);
	expect_proof(&g, 65999, 66000);
	save(&g);
	cr_assert(g.tiles->put == 258 + 2 + 1);
	rig_free(&g);
}

Test(tree_tile_writer, an_error_of_the_store_is_handed_up_and_leaves_an_empty_writer)
{
	struct rig g = rig_new(300);

	append(&g, 0, 300);
	g.tiles->fail = true;
	cr_assert(tile_writer_dirty(g.writer, mem_put, g.tiles) == RC_IO);
	cr_assert(tile_writer_load(g.writer, 300, mem_store(g.tiles)) == RC_IO);
	cr_assert(tile_writer_size(g.writer) == 0);
	expect_root(&g, 0);
	rig_free(&g);
}

Test(tree_tile_writer, an_impossible_batch_is_refused)
{
	struct rig g = rig_new(3);

	append(&g, 0, 3);
	save(&g);
	cr_assert(tile_writer_begin(g.writer, SIZE_MAX / 2) == RC_NO_MEMORY);
	expect_root(&g, 3);
	rig_free(&g);
}

Test(tree_tile_writer, must_not_append_past_the_batch, .signal = SIGABRT)
{
	struct rig g = rig_new(3);

	append(&g, 0, 2);
	tile_writer_append(g.writer, &g.leaf[2]);
}

Test(tree_tile_writer, must_not_prove_a_leaf_of_a_forgotten_tile, .signal = SIGABRT)
{
	struct rig g = rig_new(300);
	struct hash path[65];
	unsigned count;

	append(&g, 0, 299);
	append(&g, 299, 300);
	tile_writer_prove(g.writer, 255, path, &count);
}
