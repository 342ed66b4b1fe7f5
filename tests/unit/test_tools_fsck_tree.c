/*
 * test_tools_fsck_tree.c - fsck's Merkle arithmetic against the definition and against the
 * server's.
 */
#include <criterion/criterion.h>

#include "tree/tile.h"
#include "tree/tree.h"

#include "../../tools/ectl/fsck_tree.c"
#include "../../tools/ectl/fsck_util.c"

static struct fsck f;

static void
set_up(void)
{
	f.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	f.digest = EVP_MD_CTX_new();
}

static void
tear_down(void)
{
	EVP_MD_free(f.sha256);
	EVP_MD_CTX_free(f.digest);
}

TestSuite(tools_fsck_tree, .init = set_up, .fini = tear_down);

static void
leaf_of(uint32_t i, uint8_t out[32])
{
	uint8_t text[4];

	put_u32(text, i);
	fsck_hash_tagged(&f, 0, (struct span){text, 4}, (struct span){text, 0}, out);
}

Test(tools_fsck_tree, roots_of_every_size_are_those_of_the_tree_room)
{
	struct fsck_edge mine = {0};
	struct tree_edge theirs;
	uint8_t leaf[32], root[32];
	struct hash other, want;

	tree_edge_init(&theirs);
	for (uint32_t i = 0; i < 1100; i++) {
		fsck_edge_root(&f, &mine, root);
		tree_edge_root(&theirs, &want);
		cr_assert(memcmp(root, want.b, 32) == 0, "size %u", i);
		leaf_of(i, leaf);
		tree_leaf(bytes_of((uint8_t[4]){(uint8_t)(i >> 24), (uint8_t)(i >> 16),
				       (uint8_t)(i >> 8), (uint8_t)i},
			      4),
		    &other);
		cr_assert(memcmp(leaf, other.b, 32) == 0);
		fsck_edge_add(&f, &mine, leaf);
		tree_edge_append(&theirs, &other);
	}
}

Test(tools_fsck_tree, the_root_of_a_tile_is_that_of_256_leaves)
{
	static uint8_t tile[256 * 32];
	struct fsck_edge edge = {0};
	uint8_t want[32], got[32];

	for (uint32_t i = 0; i < 256; i++) {
		leaf_of(i, tile + 32 * i);
		fsck_edge_add(&f, &edge, tile + 32 * i);
	}
	fsck_edge_root(&f, &edge, want);
	fsck_tile_root(&f, tile, got);
	cr_assert(memcmp(want, got, 32) == 0);
}
