/* What one write makes of a generation: every row, in the order in which tables are scanned. */
#include "store/index_disk.h"

#include "test_store_help.h"

static struct help_dir dir;
static struct disk *d;

static void
begin(void)
{
	struct index_options o = {.origin = "o", .map_size = HELP_MAP, .create = true};
	struct why why = {0};
	char folder[200];

	help_dir_make(&dir);
	o.folder = help_path(&dir, "index", folder);
	cr_assert_eq(disk_open(&d, &o, &why), RC_OK);
}

static void
end(void)
{
	disk_close(d);
	help_dir_remove(&dir);
}

TestSuite(store_index_lmdb_write, .init = begin, .fini = end);

static size_t
count_ascending(enum disk_table t)
{
	MDB_txn *txn = NULL;
	MDB_cursor *c = NULL;
	MDB_val k, v;
	uint8_t before[64] = {0};
	size_t count = 0, n = 0;

	cr_assert_eq(mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn), 0);
	cr_assert_eq(mdb_cursor_open(txn, d->table[t], &c), 0);
	while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
		cr_assert(count == 0 || bytes_cmp(bytes_of(before, n), env_bytes(&k)) < 0);
		n = k.mv_size;
		memcpy(before, k.mv_data, n);
		count++;
	}
	mdb_cursor_close(c);
	mdb_txn_abort(txn);
	return count;
}

Test(store_index_lmdb_write, every_row_of_every_table_arrives)
{
	static const struct map_seed seed = {{7, 8}};
	struct gen *g = gen_new(0, seed);
	uint64_t parents[2] = {0, 1};
	uint8_t hashes[2][UUID_SIZE], wid[UUID_SIZE];
	struct index_seq_key key = {0};
	struct index_seq_head head = {1, 0};

	for (uint64_t i = 0; i < 300; i++) {
		struct index_row r = {.index = i, .has_wid = i % 2 == 0};

		cr_assert_eq(gen_reserve(g, 1, 2), RC_OK);
		help_id(i / 3, r.jti); /* an id in up to three scopes */
		help_id(5000 + i, wid);
		memcpy(r.wid, wid, UUID_SIZE);
		help_id(9000 + i, hashes[0]);
		help_id(9500 + i % 10, hashes[1]);
		r.parents = parents;
		r.parent_count = i < 2 ? 0 : 2;
		r.hashes = (const uint8_t(*)[UUID_SIZE])hashes;
		r.hash_count = 2;
		key.kind = i % 2 ? INDEX_SEQ_WORKFLOW : INDEX_SEQ_FOREIGN;
		memcpy(key.id, wid, UUID_SIZE);
		gen_seq_put(g, &key, &head);
		r.lists[0].kind = INDEX_LIST_WORKFLOW;
		memcpy(r.lists[0].id, wid, UUID_SIZE);
		r.lists[1].kind = INDEX_LIST_ACT;
		r.lists[1].id[0] = (uint8_t)(i % 7);
		r.list_count = 2;
		gen_add(g, &r);
	}
	cr_assert_eq(disk_write(d, g), RC_OK);
	/* an odd pair i, i + 2 of one third shares the scope "none": the older keeps it */
	cr_assert_eq(count_ascending(DISK_IDS), g->ids.count);
	cr_assert(g->ids.count > 200 && g->ids.count < 300);
	cr_assert_eq(count_ascending(DISK_CHILDREN), 2 * 298);
	cr_assert_eq(count_ascending(DISK_HASHES), 600);
	cr_assert_eq(count_ascending(DISK_SEQS), 300);
	cr_assert_eq(count_ascending(DISK_LISTS), 300 + 7);
	gen_unref(g);
}

Test(store_index_lmdb_write, a_long_list_is_cut_into_blocks_that_need_no_page_of_their_own)
{
	static const struct map_seed seed = {{7, 8}};
	struct gen *g = gen_new(0, seed);
	MDB_txn *txn = NULL;
	MDB_stat st;

	for (uint64_t i = 0; i < 20000; i++) {
		struct index_row r = {.index = i, .list_count = 1};

		r.lists[0].kind = i % 3 == 0 ? INDEX_LIST_ACT : INDEX_LIST_ISSUER;
		cr_assert_eq(gen_reserve(g, 1, 0), RC_OK);
		gen_add(g, &r);
	}
	cr_assert_eq(disk_write(d, g), RC_OK);
	cr_assert_eq(mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn), 0);
	cr_assert_eq(mdb_stat(txn, d->table[DISK_LISTS], &st), 0);
	cr_assert_eq(st.ms_overflow_pages, 0);
	/* a byte an entry: 20,000 of them, with keys, in pages that are three quarters full or more */
	cr_assert(st.ms_entries >= 16 && st.ms_entries <= 17, "%zu", st.ms_entries);
	cr_assert(st.ms_leaf_pages * st.ms_psize < 40000, "%zu", st.ms_leaf_pages);
	mdb_txn_abort(txn);
	gen_unref(g);
}

Test(store_index_lmdb_write, an_empty_generation_moves_nothing)
{
	static const struct map_seed seed = {{7, 8}};
	struct gen *g = gen_new(0, seed);

	cr_assert_eq(disk_write(d, g), RC_OK);
	cr_assert_eq(disk_reach(d), 0);
	cr_assert_eq(count_ascending(DISK_IDS), 0);
	gen_unref(g);
}

Test(store_index_lmdb_write, a_write_that_fails_leaves_the_old_state)
{
	static const struct map_seed seed = {{7, 8}};
	struct index_options o = {.origin = "o", .map_size = 128 << 10, .create = true};
	struct gen *g = gen_new(0, seed);
	struct disk *small = NULL;
	struct why why = {0};
	char folder[200];

	o.folder = help_path(&dir, "small", folder);
	cr_assert_eq(disk_open(&small, &o, &why), RC_OK);
	for (uint64_t i = 0; i < 5000; i++) {
		struct index_row r = {.index = i};

		help_id(i, r.jti);
		cr_assert_eq(gen_reserve(g, 1, 0), RC_OK);
		gen_add(g, &r);
	}
	cr_assert_eq(disk_write(small, g), RC_NO_SPACE);
	cr_assert_eq(disk_reach(small), 0);
	disk_close(small);
	cr_assert_eq(disk_open(&small, &o, &why), RC_OK, "%s", why.text);
	cr_assert_eq(disk_reach(small), 0);
	disk_close(small);
	gen_unref(g);
}
