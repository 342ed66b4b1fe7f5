/* test_tree_proof.c - every published proof case, and every way to bend a good proof. */
#include "unit/test_tree_help.h"

/* A base64 hash; false when it is not 32 bytes. */
static bool
hash_from_b64(const json_t *value, struct hash *out)
{
	size_t n = 0;

	return json_is_string(value) &&
	       b64_decode(bytes_of(json_string_value(value), json_string_length(value)), out->b,
		   sizeof(out->b), &n) &&
	       n == HASH_SIZE;
}

/* Some published roots are short texts that only have to be equal or not: padded with zeroes, they
 * still are. */
static struct hash
root_from_b64(const json_t *value)
{
	struct hash h = {{0}};
	size_t n = 0;

	cr_assert(json_is_string(value));
	if (!b64_decode(bytes_of(json_string_value(value), json_string_length(value)), h.b,
		sizeof(h.b), &n))
		memset(&h, 0, sizeof(h));
	return h;
}

static bool
path_from_b64(const json_t *array, struct hash *path, size_t room, size_t *count)
{
	size_t i, n = json_array_size(array); /* null: 0 */

	*count = n;
	if (n > room)
		return false;
	for (i = 0; i < n; i++)
		if (!hash_from_b64(json_array_get(array, i), &path[i]))
			return false;
	return true;
}

Test(tree_proof, decides_every_published_inclusion_case_rightly)
{
	json_t *doc = vectors("merkle/transparency-dev-inclusion.json"), *c;
	size_t i, n, failing = 0;

	json_array_foreach(json_object_get(doc, "cases"), i, c)
	{
		struct hash root = root_from_b64(json_object_get(c, "root")), leaf, path[128];
		bool want_error = json_is_true(json_object_get(c, "wantErr"));
		enum rc rc = RC_BAD_PROOF;

		if (hash_from_b64(json_object_get(c, "leafHash"), &leaf) &&
		    path_from_b64(json_object_get(c, "proof"), path, 128, &n))
			rc = tree_check_inclusion(
			    &leaf, integer(c, "leafIdx"), integer(c, "treeSize"), path, n, &root);
		cr_expect((rc != RC_OK) == want_error, "%s",
		    json_string_value(json_object_get(c, "case")));
		failing += want_error;
	}
	cr_assert(i == 98 && failing == 92);
	json_decref(doc);
}

Test(tree_proof, decides_every_published_consistency_case_rightly)
{
	json_t *doc = vectors("merkle/transparency-dev-consistency.json"), *c;
	size_t i, n, failing = 0, theirs = 0;

	json_array_foreach(json_object_get(doc, "cases"), i, c)
	{
		struct hash old_root = root_from_b64(json_object_get(c, "root1")), path[128];
		struct hash root = root_from_b64(json_object_get(c, "root2"));
		const char *name = json_string_value(json_object_get(c, "case"));
		bool want_error = json_is_true(json_object_get(c, "wantErr"));
		enum rc rc = RC_BAD_PROOF;

		if (path_from_b64(json_object_get(c, "proof"), path, 128, &n))
			rc = tree_check_consistency(
			    integer(c, "size1"), integer(c, "size2"), path, n, &old_root, &root);
		failing += want_error;
		/* See the README: an old size of 0 is always that library's error, not the RFC's. */
		if (strcmp(name, "additional/sizes-are-equal-zero-and-proof-is-empty") == 0 ||
		    strcmp(name, "additional/size1-is-zero-and-size2-is-not-zero") == 0) {
			want_error = false;
			theirs++;
		}
		cr_expect((rc != RC_OK) == want_error, "%s", name);
	}
	cr_assert(i == 98 && failing == 92 && theirs == 2);
	json_decref(doc);
}

Test(tree_proof, two_empty_trees_are_consistent_and_growth_from_empty_needs_no_proof)
{
	struct hash empty, leaf, other;

	tree_empty_root(&empty);
	decimal_leaf(0, &leaf);
	decimal_leaf(1, &other);
	cr_assert(tree_check_consistency(0, 0, NULL, 0, &empty, &empty) == RC_OK);
	cr_assert(tree_check_consistency(0, 1, NULL, 0, &empty, &leaf) == RC_OK);
	cr_assert(tree_check_consistency(0, 1, &leaf, 1, &empty, &leaf) == RC_BAD_PROOF);
	cr_assert(tree_check_consistency(0, 1, NULL, 0, &other, &leaf) == RC_BAD_PROOF);
	cr_assert(tree_check_consistency(1, 0, NULL, 0, &leaf, &empty) == RC_BAD_PROOF);
	cr_assert(tree_check_consistency(1, 2, NULL, 0, &leaf, &other) == RC_BAD_PROOF);
}

Test(tree_proof, a_power_of_two_needs_a_proof_all_the_same)
{
	struct hash leaf[4], root, old_root;

	for (size_t i = 0; i < 4; i++)
		decimal_leaf(i, &leaf[i]);
	old_root = naive_root(leaf, 2);
	root = naive_root(leaf, 4);
	cr_assert(tree_check_consistency(2, 4, NULL, 0, &old_root, &root) == RC_BAD_PROOF);
}

/* Roots that are not published (69,999) come from the edge; those that are must be equal to it. */
static struct hash
decimal_root(json_t *roots, uint64_t size)
{
	struct tree_edge edge;
	struct hash leaf, root, want;
	char key[24];
	uint64_t i;

	tree_edge_init(&edge);
	for (i = 0; i < size; i++) {
		decimal_leaf(i, &leaf);
		tree_edge_append(&edge, &leaf);
	}
	tree_edge_root(&edge, &root);
	snprintf(key, sizeof(key), "%llu", (unsigned long long)size);
	if (json_object_get(roots, key) != NULL) {
		want = hash_from_hex(json_object_get(roots, key));
		cr_assert(hash_eq(&root, &want), "root of %s", key);
	}
	return root;
}

Test(tree_proof, accepts_the_large_published_proofs)
{
	json_t *doc = vectors("merkle/large-decimal-leaves.json"), *c;
	struct hash path[128], leaf, root, old_root;
	json_t *roots = json_object_get(doc, "roots");
	size_t i, n;

	json_array_foreach(json_object_get(doc, "inclusion"), i, c)
	{
		n = path_from_hex(json_object_get(c, "path"), path, 128);
		root = decimal_root(roots, integer(c, "tree_size"));
		decimal_leaf(integer(c, "leaf_index"), &leaf);
		cr_assert(tree_check_inclusion(&leaf, integer(c, "leaf_index"),
			      integer(c, "tree_size"), path, n, &root) == RC_OK);
	}
	cr_assert(i == 6);
	json_array_foreach(json_object_get(doc, "consistency"), i, c)
	{
		n = path_from_hex(json_object_get(c, "path"), path, 128);
		root = decimal_root(roots, integer(c, "new_size"));
		old_root = decimal_root(roots, integer(c, "old_size"));
		cr_assert(tree_check_consistency(integer(c, "old_size"), integer(c, "new_size"),
			      path, n, &old_root, &root) == RC_OK);
	}
	cr_assert(i == 7);
	json_decref(doc);
}

/* All proofs of all trees up to 40 leaves: right as made, wrong for any other index, size, length
 * or bit. */
Test(tree_proof, one_change_anywhere_breaks_an_inclusion_proof)
{
	struct hash *leaf = decimal_leaves(41), path[65], root;
	size_t size, i, j;
	unsigned n;

	for (size = 1; size <= 40; size++) {
		root = naive_root(leaf, size);
		for (i = 0; i < size; i++) {
			n = naive_path(i, leaf, size, path);
			cr_assert(n == tree_path_count(i, size));
			cr_assert(tree_check_inclusion(&leaf[i], i, size, path, n, &root) == RC_OK);
			cr_assert(
			    tree_check_inclusion(&leaf[40], i, size, path, n, &root) != RC_OK);
			cr_assert(
			    tree_check_inclusion(&leaf[i], size, size, path, n, &root) != RC_OK);
			for (j = 0; j < size; j++)
				if (j != i)
					cr_assert(tree_check_inclusion(
						      &leaf[i], j, size, path, n, &root) != RC_OK);
			path[n] = leaf[40];
			cr_assert(
			    tree_check_inclusion(&leaf[i], i, size, path, n + 1, &root) != RC_OK);
			if (n > 0)
				cr_assert(tree_check_inclusion(
					      &leaf[i], i, size, path, n - 1, &root) != RC_OK);
			for (j = 0; j < n; j++) {
				path[j].b[j % 32] ^= 1;
				cr_assert(tree_check_inclusion(&leaf[i], i, size, path, n, &root) !=
					  RC_OK);
				path[j].b[j % 32] ^= 1;
			}
		}
	}
	free(leaf);
}

Test(tree_proof, one_change_anywhere_breaks_a_consistency_proof)
{
	struct hash *leaf = decimal_leaves(41), path[66], root, old_root;
	size_t size, old_size, j;
	unsigned n;

	for (size = 2; size <= 40; size++) {
		root = naive_root(leaf, size);
		for (old_size = 1; old_size < size; old_size++) {
			old_root = naive_root(leaf, old_size);
			n = naive_subproof(old_size, leaf, size, true, path);
			cr_assert(tree_check_consistency(
				      old_size, size, path, n, &old_root, &root) == RC_OK);
			cr_assert(tree_check_consistency(
				      old_size, size, path, n, &leaf[40], &root) != RC_OK);
			cr_assert(tree_check_consistency(
				      old_size, size, path, n, &old_root, &leaf[40]) != RC_OK);
			cr_assert(tree_check_consistency(
				      old_size, size, path, n - 1, &old_root, &root) != RC_OK);
			path[n] = leaf[40];
			cr_assert(tree_check_consistency(
				      old_size, size, path, n + 1, &old_root, &root) != RC_OK);
			for (j = 0; j < n; j++) {
				path[j].b[j % 32] ^= 1;
				cr_assert(tree_check_consistency(
					      old_size, size, path, n, &old_root, &root) != RC_OK);
				path[j].b[j % 32] ^= 1;
			}
		}
	}
	free(leaf);
}

Test(tree_proof, counts_at_the_ends_of_64_bits)
{
	cr_assert(tree_path_count(0, 1) == 0);
	cr_assert(tree_path_count(0, UINT64_MAX) == 64);
	cr_assert(tree_path_count(UINT64_MAX - 1, UINT64_MAX) == 63);
	cr_assert(tree_path_count(0, (uint64_t)1 << 63) == 63);
	cr_assert(tree_path_count((uint64_t)1 << 63, ((uint64_t)1 << 63) + 1) == 1);
}
