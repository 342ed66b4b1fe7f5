/* test_tree_tree.c - roots, edges and proofs against the CT vectors and against the RFC's own
 * recursion. */
#include "unit/test_tree_help.h"

Test(tree_tree, hashes_the_ct_reference_leaves_and_roots)
{
	json_t *doc = vectors("merkle/ct-reference-8leaf.json");
	json_t *inputs = json_object_get(doc, "leaf_inputs");
	json_t *leaves = json_object_get(doc, "leaf_hashes"),
	       *roots = json_object_get(doc, "roots_by_size");
	struct tree_edge edge;
	struct hash leaf, want, got;
	uint8_t raw[64];
	size_t i, n;

	tree_edge_init(&edge);
	cr_assert(json_array_size(inputs) == 8);
	for (i = 0; i <= 8; i++) {
		tree_edge_root(&edge, &got);
		want = hash_from_hex(json_array_get(roots, i));
		cr_assert(hash_eq(&got, &want), "root of %zu", i);
		if (i == 8)
			break;
		cr_assert(hex_decode(
		    bytes_str(json_string_value(json_array_get(inputs, i))), raw, sizeof(raw), &n));
		tree_leaf(bytes_of(raw, n), &leaf);
		want = hash_from_hex(json_array_get(leaves, i));
		cr_assert(hash_eq(&leaf, &want), "leaf %zu", i);
		tree_edge_append(&edge, &leaf);
	}
	json_decref(doc);
}

Test(tree_tree, proves_what_the_ct_reference_tree_proves)
{
	json_t *doc = vectors("merkle/ct-reference-8leaf.json");
	struct naive_source ctx = {NULL, 8};
	struct tree_source source = {naive_node, &ctx};
	struct hash leaf[8], path[65], want[65];
	json_t *c;
	size_t i, n;
	unsigned count;

	path_from_hex(json_object_get(doc, "leaf_hashes"), leaf, 8);
	ctx.leaf = leaf;
	json_array_foreach(json_object_get(doc, "inclusion"), i, c)
	{
		n = path_from_hex(json_object_get(c, "path"), want, 65);
		cr_assert(tree_prove(integer(c, "leaf_index"), integer(c, "tree_size"), &source,
			      path, &count) == RC_OK);
		cr_assert(count == n && memcmp(path, want, n * sizeof(*want)) == 0);
	}
	cr_assert(i == 36);
	json_array_foreach(json_object_get(doc, "consistency"), i, c)
	{
		n = path_from_hex(json_object_get(c, "path"), want, 65);
		cr_assert(tree_prove_consistency(integer(c, "old_size"), integer(c, "new_size"),
			      &source, path, &count) == RC_OK);
		cr_assert(count == n && memcmp(path, want, n * sizeof(*want)) == 0);
	}
	cr_assert(i == 36);
	json_decref(doc);
}

Test(tree_tree, agrees_with_the_recursive_definition_up_to_130_leaves)
{
	struct hash *leaf = decimal_leaves(130), path[65], want[65], root, got;
	struct naive_source ctx = {leaf, 0};
	struct tree_source source = {naive_node, &ctx};
	struct tree_edge edge, loaded;
	size_t size, i;
	unsigned count;

	tree_edge_init(&edge);
	for (size = 1; size <= 130; size++) {
		tree_edge_append(&edge, &leaf[size - 1]);
		ctx.count = size;
		root = naive_root(leaf, size);
		tree_edge_root(&edge, &got);
		cr_assert(hash_eq(&got, &root));
		cr_assert(tree_root(size, &source, &got) == RC_OK && hash_eq(&got, &root));
		cr_assert(tree_edge_load(&loaded, size, &source) == RC_OK);
		cr_assert(loaded.size == size && loaded.count == edge.count);
		cr_assert(memcmp(loaded.hash, edge.hash, edge.count * sizeof(struct hash)) == 0);
		for (i = 0; i < size; i++) {
			cr_assert(tree_prove(i, size, &source, path, &count) == RC_OK);
			cr_assert(count == naive_path(i, leaf, size, want));
			cr_assert(memcmp(path, want, count * sizeof(*want)) == 0);
			cr_assert(
			    tree_prove_consistency(i + 1, size, &source, path, &count) == RC_OK);
			cr_assert(count == naive_subproof(i + 1, leaf, size, true, want));
			cr_assert(memcmp(path, want, count * sizeof(*want)) == 0);
		}
	}
	free(leaf);
}

static enum rc
numbered_node(void *ctx, unsigned level, uint64_t i, struct hash *out)
{
	uint64_t size = *(uint64_t *)ctx;

	cr_assert(level < 64 && i < size >> level);
	memset(out, 0, sizeof(*out));
	put_u64(out->b, i);
	out->b[8] = (uint8_t)level;
	return RC_OK;
}

Test(tree_tree, goes_to_the_end_of_64_bits)
{
	static const uint64_t sizes[] = {UINT64_MAX, (uint64_t)1 << 63, ((uint64_t)1 << 63) + 1,
	    ((uint64_t)1 << 63) - 1, UINT64_MAX - 1};
	struct hash path[65], root, again, leaf;
	struct tree_edge edge;
	uint64_t size, index[4];
	unsigned count;
	size_t i, j;

	for (i = 0; i < 5; i++) {
		struct tree_source source = {numbered_node, &size};

		size = sizes[i];
		index[0] = 0;
		index[1] = size - 1;
		index[2] = size / 2;
		index[3] = size / 3;
		cr_assert(tree_root(size, &source, &root) == RC_OK);
		cr_assert(tree_edge_load(&edge, size, &source) == RC_OK);
		tree_edge_root(&edge, &again);
		cr_assert(hash_eq(&root, &again));
		for (j = 0; j < 4; j++) {
			cr_assert(tree_prove(index[j], size, &source, path, &count) == RC_OK);
			cr_assert(
			    count == tree_path_count(index[j], size) && count <= TREE_PATH_MAX);
			cr_assert(numbered_node(&size, 0, index[j], &leaf) == RC_OK);
			/* The nodes are made up, so the path leads somewhere, but not to 'root'. */
			cr_assert(
			    tree_path_root(&leaf, index[j], size, path, count, &again) == RC_OK);
			cr_assert(tree_prove_consistency(
				      index[j] + 1, size, &source, path, &count) == RC_OK);
			cr_assert(count <= TREE_CONSISTENCY_MAX);
		}
	}
}

static enum rc
broken_node(void *ctx, unsigned level, uint64_t i, struct hash *out)
{
	(void)level;
	(void)i;
	memset(out, 0, sizeof(*out));
	return --*(int *)ctx < 0 ? RC_CORRUPT : RC_OK;
}

Test(tree_tree, hands_a_reading_error_up_from_every_node)
{
	struct hash path[65], root;
	struct tree_edge edge;
	unsigned count;
	int left, i;
	struct tree_source source = {broken_node, &left};

	for (i = 0; i < 3; i++) {
		left = i;
		cr_assert(tree_root(11, &source, &root) == RC_CORRUPT);
		left = i;
		cr_assert(tree_edge_load(&edge, 11, &source) == RC_CORRUPT && edge.size == 0);
		left = i;
		cr_assert(tree_prove(3, 11, &source, path, &count) == RC_CORRUPT);
		left = i;
		cr_assert(tree_prove_consistency(3, 11, &source, path, &count) == RC_CORRUPT);
	}
}

Test(tree_tree, must_not_prove_a_leaf_that_is_not_there, .signal = SIGABRT)
{
	struct hash path[65];
	int left = 100;
	unsigned count;
	struct tree_source source = {broken_node, &left};

	tree_prove(5, 5, &source, path, &count);
}

Test(tree_tree, must_not_prove_growth_from_nothing, .signal = SIGABRT)
{
	struct hash path[65];
	int left = 100;
	unsigned count;
	struct tree_source source = {broken_node, &left};

	tree_prove_consistency(0, 5, &source, path, &count);
}
