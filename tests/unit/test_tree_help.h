/* test_tree_help.h - what the tree suites share: RFC 9162 2.1 as written (recursive, over all
 * leaves), tiles in memory, vectors. */
#ifndef TEST_TREE_HELP_H
#define TEST_TREE_HELP_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/tile.h"
#include "tree/tree.h"

static inline json_t *
vectors(const char *name)
{
	char path[512];
	json_error_t error;
	json_t *doc;

	snprintf(path, sizeof(path), "%s/vectors/%s", TEST_DATA, name);
	doc = json_load_file(path, JSON_DECODE_INT_AS_REAL, &error);
	cr_assert(doc != NULL, "%s: %s", path, error.text);
	return doc;
}

/* Numbers come as doubles, because one published case has 2^64 - 1: exact below 2^53, and that one. */
static inline uint64_t
integer(const json_t *object, const char *name)
{
	double v = json_real_value(json_object_get(object, name));

	return v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

static inline struct bytes
text_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	cr_assert(json_is_string(value), "no member %s", name);
	return bytes_of(json_string_value(value), json_string_length(value));
}

static inline struct hash
hash_from_hex(const json_t *value)
{
	struct hash h;
	size_t n = 0;

	cr_assert(hex_decode(
	    bytes_of(json_string_value(value), json_string_length(value)), h.b, sizeof(h.b), &n));
	cr_assert(n == HASH_SIZE);
	return h;
}

static inline size_t
path_from_hex(const json_t *array, struct hash *path, size_t room)
{
	size_t i, n = json_array_size(array);

	cr_assert(n <= room);
	for (i = 0; i < n; i++)
		path[i] = hash_from_hex(json_array_get(array, i));
	return n;
}

/* Leaf i of the test trees: the decimal text of i. */
static inline void
decimal_leaf(uint64_t i, struct hash *out)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)i);
	tree_leaf(bytes_str(text), out);
}

static inline struct hash *
decimal_leaves(size_t count)
{
	struct hash *leaf = malloc((count + 1) * sizeof(*leaf));
	size_t i;

	cr_assert(leaf != NULL);
	for (i = 0; i < count; i++)
		decimal_leaf(i, &leaf[i]);
	return leaf;
}

static inline size_t
naive_split(size_t n)
{
	size_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

static inline struct hash
naive_root(const struct hash *leaf, size_t n)
{
	struct hash left, right, out;

	if (n == 0) {
		tree_empty_root(&out);
		return out;
	}
	if (n == 1)
		return leaf[0];
	left = naive_root(leaf, naive_split(n));
	right = naive_root(leaf + naive_split(n), n - naive_split(n));
	tree_node(&left, &right, &out);
	return out;
}

/* PATH(m, D[0:n]). */
static inline unsigned
naive_path(size_t m, const struct hash *leaf, size_t n, struct hash *path)
{
	size_t k;
	unsigned count;

	if (n == 1)
		return 0;
	k = naive_split(n);
	if (m < k) {
		count = naive_path(m, leaf, k, path);
		path[count] = naive_root(leaf + k, n - k);
	} else {
		count = naive_path(m - k, leaf + k, n - k, path);
		path[count] = naive_root(leaf, k);
	}
	return count + 1;
}

/* SUBPROOF(m, D[0:n], b). */
static inline unsigned
naive_subproof(size_t m, const struct hash *leaf, size_t n, bool b, struct hash *path)
{
	size_t k;
	unsigned count;

	if (m == n) {
		if (b)
			return 0;
		path[0] = naive_root(leaf, n);
		return 1;
	}
	k = naive_split(n);
	if (m <= k) {
		count = naive_subproof(m, leaf, k, b, path);
		path[count] = naive_root(leaf + k, n - k);
	} else {
		count = naive_subproof(m - k, leaf + k, n - k, false, path);
		path[count] = naive_root(leaf, k);
	}
	return count + 1;
}

/* A tree_source over leaves in memory. */
struct naive_source {
	const struct hash *leaf;
	size_t count;
};

static inline enum rc
naive_node(void *ctx, unsigned level, uint64_t i, struct hash *out)
{
	struct naive_source *s = ctx;

	cr_assert((i + 1) << level <= s->count, "asked for the incomplete node (%u, %llu)", level,
	    (unsigned long long)i);
	*out = naive_root(s->leaf + (i << level), (size_t)1 << level);
	return RC_OK;
}

/* Tiles in memory, as a store would keep them. */
#define MEM_LEVELS 3
#define MEM_TILES  320

struct mem_tiles {
	unsigned width[MEM_LEVELS][MEM_TILES];
	uint8_t tile[MEM_LEVELS][MEM_TILES][TILE_SIZE];
	unsigned fetched, put;
	unsigned last_level;
	uint64_t last_number;
	bool fail;
};

static inline struct mem_tiles *
mem_tiles_new(void)
{
	struct mem_tiles *m = calloc(1, sizeof(*m));

	cr_assert(m != NULL);
	return m;
}

static inline enum rc
mem_fetch(void *ctx, unsigned level, uint64_t number, unsigned width, uint8_t *out)
{
	struct mem_tiles *m = ctx;

	if (m->fail)
		return RC_IO;
	cr_assert(level < MEM_LEVELS && number < MEM_TILES);
	cr_assert(m->width[level][number] >= width, "tile %u/%llu has %u hashes, %u wanted", level,
	    (unsigned long long)number, m->width[level][number], width);
	memcpy(out, m->tile[level][number], (size_t)width * HASH_SIZE);
	m->fetched++;
	return RC_OK;
}

/* Also checks the order that the writer promises. */
static inline enum rc
mem_put(void *ctx, unsigned level, uint64_t number, unsigned width, const uint8_t *hashes)
{
	struct mem_tiles *m = ctx;

	if (m->fail)
		return RC_IO;
	cr_assert(level < MEM_LEVELS && number < MEM_TILES);
	cr_assert(1 <= width && width <= TILE_WIDTH);
	if (m->put > 0)
		cr_assert(
		    level > m->last_level || (level == m->last_level && number > m->last_number));
	memcpy(m->tile[level][number], hashes, (size_t)width * HASH_SIZE);
	m->width[level][number] = width;
	m->last_level = level;
	m->last_number = number;
	m->put++;
	return RC_OK;
}

static inline struct tile_store
mem_store(struct mem_tiles *m)
{
	struct tile_store store = {mem_fetch, m};

	return store;
}

/* xorshift64*: the seed is in the test's text, so every run is the same. */
static inline uint64_t
draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717u;
}

#endif
