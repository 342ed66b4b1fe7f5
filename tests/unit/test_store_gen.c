#include "store/gen.h"

#include "test_store_help.h"

static const struct map_seed seed = {{3, 4}};

static struct index_row
row(uint64_t index)
{
	struct index_row r = {.index = index, .iat = 1700000000};

	help_id(index, r.jti);
	return r;
}

Test(store_gen, room_for_rows_is_enough_for_rows_of_every_kind)
{
	static uint64_t parents[100];
	uint8_t hashes[2][UUID_SIZE] = {{1}, {2}}, id[UUID_SIZE];
	struct index_seq_head head = {1, 1};
	struct index_seq_key key = {.kind = INDEX_SEQ_FOREIGN};
	struct gen *g = gen_new(1000, seed);
	struct index_row r;

	for (uint64_t n = 0; n < 50; n++) {
		cr_assert_eq(gen_reserve(g, 1, 100), RC_OK);
		r = row(1000 + n);
		for (size_t i = 0; i < 100; i++)
			parents[i] = n * 10 + i;
		put_u64(hashes[0], n);
		r.parents = parents;
		r.parent_count = 100;
		r.hashes = (const uint8_t(*)[UUID_SIZE])hashes;
		r.hash_count = 2;
		for (size_t i = 0; i < 102; i++) { /* its own two sequences, one foreign a parent */
			help_id(n * 1000 + i, id);
			memcpy(key.id, id, UUID_SIZE);
			gen_seq_put(g, &key, &head);
		}
		gen_add(g, &r);
	}
	cr_assert_eq(g->end, 1050);
	cr_assert_eq(g->weight, 50 * (1 + 100 + 2 + 102));
	gen_unref(g);
}

Test(store_gen, the_older_entry_keeps_an_id_that_comes_twice)
{
	struct gen *g = gen_new(0, seed);
	struct index_row a = row(0), b = row(1);
	struct map_key id = gen_key_id(false, NULL, a.jti);
	struct index_hit hits[2];

	memcpy(b.jti, a.jti, UUID_SIZE);
	cr_assert_eq(gen_reserve(g, 2, 0), RC_OK);
	gen_add(g, &a);
	gen_add(g, &b);
	cr_assert(gen_find(g, &id, 2, hits));
	cr_assert_eq(hits[0].index, 0);
	cr_assert_eq(gen_find_any(g, a.jti, 2, hits), 1);
	gen_unref(g);
}

Test(store_gen, lists_stop_at_the_room_and_at_the_size)
{
	struct gen *g = gen_new(5, seed);
	uint64_t parent = 2, out[4];
	struct map_key key = gen_key_parent(2);
	struct index_row r;

	for (uint64_t i = 5; i < 15; i++) {
		cr_assert_eq(gen_reserve(g, 1, 1), RC_OK);
		r = row(i);
		r.parents = &parent;
		r.parent_count = 1;
		gen_add(g, &r);
	}
	cr_assert_eq(gen_list(g, false, &key, UINT64_MAX, 15, out, 4), 4);
	cr_assert(out[0] == 5 && out[3] == 8);
	cr_assert_eq(gen_list(g, false, &key, 8, 10, out, 4), 1);
	cr_assert_eq(out[0], 9);
	cr_assert_eq(gen_list(g, false, &key, 14, 15, out, 4), 0);
	cr_assert_eq(gen_list(g, true, &key, UINT64_MAX, 15, out, 4), 0, "hashes are elsewhere");
	gen_unref(g);
}

Test(store_gen, lives_as_long_as_its_last_reference)
{
	struct gen *g = gen_new(0, seed);

	gen_ref(g);
	gen_unref(g);
	cr_assert_eq(g->first, 0);
	gen_unref(g);
	gen_unref(NULL);
}

Test(store_gen, an_absurd_reservation_is_refused)
{
	struct gen *g = gen_new(0, seed);

	cr_assert_eq(gen_reserve(g, SIZE_MAX, 0), RC_NO_MEMORY);
	cr_assert_eq(gen_reserve(g, 0, SIZE_MAX), RC_NO_MEMORY);
	gen_unref(g);
}

Test(store_gen, a_row_out_of_order_is_our_bug, .signal = SIGABRT)
{
	struct gen *g = gen_new(0, seed);
	struct index_row r = row(1);

	gen_reserve(g, 1, 0);
	gen_add(g, &r);
}

Test(store_gen, a_list_names_its_entries_in_order_and_each_once)
{
	struct gen *g = gen_new(100, seed);
	struct index_list_key even = {INDEX_LIST_ACT, {2}}, other = {INDEX_LIST_KIND, {2}};
	struct map_key key = gen_key_list(&even);
	uint64_t out[20];

	for (uint64_t i = 100; i < 120; i++) {
		struct index_row r = row(i);

		if (i % 2 == 0) {
			r.lists[0] = r.lists[1] = even; /* named twice: our bug, but no harm */
			r.list_count = 2;
		}
		cr_assert_eq(gen_reserve(g, 1, 0), RC_OK);
		gen_add(g, &r);
	}
	cr_assert_eq(gen_posts(g, &key, UINT64_MAX, 120, out, 20), 10);
	for (size_t i = 0; i < 10; i++)
		cr_assert_eq(out[i], 100 + 2 * i);
	cr_assert_eq(gen_posts(g, &key, 110, 117, out, 20), 3, "after 110, below 117");
	cr_assert_eq(out[0], 112);
	cr_assert_eq(gen_posts(g, &key, UINT64_MAX, 120, out, 4), 4);
	key = gen_key_list(&other);
	cr_assert_eq(gen_posts(g, &key, UINT64_MAX, 120, out, 20), 0, "another kind of list");
	gen_unref(g);
}
