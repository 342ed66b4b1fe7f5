/*
 * Rows in, answers out: every rule holds in memory, on disk, and with part of the rows in each.
 */
#include "test_store_help.h"

enum where { MEMORY, DISK, BOTH, PLACES };

static struct help_dir dir;
static char folder[200];

static void
begin(void)
{
	help_dir_make(&dir);
	help_path(&dir, "index", folder);
}

static void
end(void)
{
	help_dir_remove(&dir);
}

TestSuite(store_index, .init = begin, .fini = end);

static enum rc
try_open(struct index **x, const char *where, struct why *why)
{
	struct index_options o = {.folder = where,
	    .origin = "test.example/log",
	    .map_size = HELP_MAP,
	    .flush_rows = 100000,
	    .flush_ms = 600000,
	    .create = true};

	return index_open(x, &o, why);
}

static struct index *
open_at(enum where where)
{
	struct index *x = NULL;
	struct why why = {0};

	cr_assert_eq(index_destroy(folder), RC_OK);
	cr_assert_eq(try_open(&x, where == MEMORY ? NULL : folder, &why), RC_OK, "%s", why.text);
	return x;
}

/* Put rows where they belong: all in memory, all on disk, or the first half on disk. */
static void
add_all(struct index *x, enum where where, const struct index_row *rows, size_t count)
{
	size_t half = where == BOTH ? count / 2 : count;

	cr_assert_eq(index_add(x, rows, half), RC_OK);
	if (where != MEMORY)
		cr_assert_eq(index_flush(x), RC_OK);
	cr_assert_eq(index_add(x, rows + half, count - half), RC_OK);
	cr_assert_eq(index_reach(x), count);
}

/* What rows move unless a test says otherwise: "no workflow" and one issuer's. */
static const struct index_seq_key own[2] = {{INDEX_SEQ_WORKFLOW, {0}}, {INDEX_SEQ_ISSUER, {77}}};
static const uint8_t *const issuer = own[1].id;

static struct index_row
row(uint64_t index)
{
	struct index_row r = {.index = index, .iat = 1700000000 + (int64_t)index};

	help_id(index, r.jti);
	r.seqs = own;
	r.seq_count = 2;
	return r;
}

static struct index_view *
view(struct index *x, uint64_t size)
{
	struct index_view *v = NULL;

	cr_assert_eq(index_view_begin(x, size, &v), RC_OK);
	return v;
}

#define EVERYWHERE(x) for (int w_ = 0; w_ < PLACES && ((x) = open_at((enum where)w_)) != NULL; w_++)
#define HERE	      ((enum where)w_)

Test(store_index, finds_an_id_in_its_scope_only)
{
	struct index_row rows[4];
	struct index_view *v = NULL;
	struct index *x = NULL;
	struct index_hit hit;
	uint8_t wid[UUID_SIZE], other[UUID_SIZE];

	help_id(500, wid);
	help_id(501, other);
	for (size_t i = 0; i < 4; i++)
		rows[i] = row(i);
	rows[1].has_wid = true;
	memcpy(rows[1].wid, wid, UUID_SIZE);
	EVERYWHERE(x)
	{
		add_all(x, HERE, rows, 4);
		v = view(x, 4);
		cr_assert_eq(index_find(v, false, NULL, rows[0].jti, &hit), RC_OK);
		cr_assert(hit.index == 0 && hit.iat == 1700000000 && !hit.has_wid);
		cr_assert_eq(index_find(v, true, wid, rows[1].jti, &hit), RC_OK);
		cr_assert(hit.index == 1 && hit.has_wid && memcmp(hit.wid, wid, UUID_SIZE) == 0);
		cr_assert_eq(index_find(v, false, NULL, rows[1].jti, &hit), RC_NOT_FOUND);
		cr_assert_eq(index_find(v, true, other, rows[1].jti, &hit), RC_NOT_FOUND);
		cr_assert_eq(index_find(v, true, wid, rows[0].jti, &hit), RC_NOT_FOUND);
		cr_assert_eq(index_find(v, false, NULL, rows[3].jti, &hit), RC_OK);
		cr_assert_eq(hit.index, 3);
		index_view_end(v);
		index_close(x);
	}
}

Test(store_index, an_id_in_any_scope_is_found_or_ambiguous)
{
	struct index_row rows[6];
	struct index_view *v = NULL;
	struct index *x = NULL;
	struct index_hit hit;
	uint8_t none[UUID_SIZE] = {42};

	for (size_t i = 0; i < 6; i++)
		rows[i] = row(i);
	/* 0 and 1 share their id within the older half; 2 and 5 over the border */
	memcpy(rows[1].jti, rows[0].jti, UUID_SIZE);
	memcpy(rows[5].jti, rows[2].jti, UUID_SIZE);
	rows[1].has_wid = rows[5].has_wid = true;
	help_id(900, rows[1].wid);
	help_id(901, rows[5].wid);
	EVERYWHERE(x)
	{
		add_all(x, HERE, rows, 6);
		v = view(x, 6);
		cr_assert_eq(index_find_any(v, rows[0].jti, &hit), RC_AMBIGUOUS);
		cr_assert_eq(index_find_any(v, rows[2].jti, &hit), RC_AMBIGUOUS);
		cr_assert_eq(index_find_any(v, rows[3].jti, &hit), RC_OK);
		cr_assert_eq(hit.index, 3);
		cr_assert_eq(index_find_any(v, none, &hit), RC_NOT_FOUND);
		index_view_end(v);
		/* At an older size the second of each pair is not there yet. */
		v = view(x, 5);
		cr_assert_eq(index_find_any(v, rows[2].jti, &hit), RC_OK);
		cr_assert_eq(hit.index, 2);
		cr_assert_not(hit.has_wid);
		index_view_end(v);
		v = view(x, 1);
		cr_assert_eq(index_find_any(v, rows[0].jti, &hit), RC_OK);
		cr_assert_eq(hit.index, 0);
		index_view_end(v);
		index_close(x);
	}
}

Test(store_index, a_view_at_an_older_size_sees_no_newer_entry)
{
	struct index_row rows[10];
	struct index_view *v = NULL;
	struct index *x = NULL;
	struct index_hit hit;
	uint64_t parent = 0, out[16];
	uint8_t hash[1][UUID_SIZE] = {{5}};
	size_t n = 0;

	for (size_t i = 0; i < 10; i++) {
		rows[i] = row(i);
		rows[i].hashes = (const uint8_t(*)[UUID_SIZE])hash;
		rows[i].hash_count = 1;
		rows[i].parents = &parent;
		rows[i].parent_count = i > 0 ? 1 : 0;
	}
	EVERYWHERE(x)
	{
		add_all(x, HERE, rows, 10);
		for (uint64_t size = 0; size <= 10; size++) {
			v = view(x, size);
			for (size_t i = 0; i < 10; i++)
				cr_assert_eq(index_find(v, false, NULL, rows[i].jti, &hit),
				    i < size ? RC_OK : RC_NOT_FOUND);
			cr_assert_eq(index_children(v, 0, UINT64_MAX, out, 16, &n), RC_OK);
			cr_assert_eq(n, size > 1 ? size - 1 : 0);
			cr_assert_eq(index_by_hash(v, hash[0], UINT64_MAX, out, 16, &n), RC_OK);
			cr_assert_eq(n, size);
			index_view_end(v);
		}
		index_close(x);
	}
}

Test(store_index, children_come_in_order_and_in_pages_without_gap_or_repeat)
{
	static struct index_row rows[1000];
	static uint64_t parents[2] = {0, 1};
	struct index_view *v = NULL;
	struct index *x = NULL;
	uint64_t out[7], after = UINT64_MAX, expect = 0;
	size_t n = 0;

	for (size_t i = 0; i < 1000; i++) {
		rows[i] = row(i);
		rows[i].parents = parents;
		rows[i].parent_count = i < 2 ? 0 : 1 + i % 2; /* of 0: all; of 1: the odd ones */
	}
	EVERYWHERE(x)
	{
		add_all(x, HERE, rows, 1000);
		v = view(x, 1000);
		after = UINT64_MAX;
		expect = 3;
		do {
			cr_assert_eq(index_children(v, 1, after, out, 7, &n), RC_OK);
			for (size_t i = 0; i < n; i++, expect += 2)
				cr_assert_eq(out[i], expect);
			after = n > 0 ? out[n - 1] : 0;
		} while (n == 7);
		cr_assert_eq(expect, 1001);
		cr_assert_eq(index_children(v, 0, 500, out, 7, &n), RC_OK);
		cr_assert(n == 7 && out[0] == 501);
		cr_assert_eq(index_children(v, 2, UINT64_MAX, out, 7, &n), RC_OK);
		cr_assert_eq(n, 0, "a leaf");
		cr_assert_eq(index_children(v, UINT64_MAX, UINT64_MAX, out, 7, &n), RC_OK);
		cr_assert_eq(n, 0);
		index_view_end(v);
		index_close(x);
	}
}

Test(store_index, a_hash_finds_whoever_read_or_wrote_it_once)
{
	uint8_t two[2][UUID_SIZE] = {{1}, {2}}, same[2][UUID_SIZE] = {{3}, {3}};
	struct index_row rows[4];
	struct index_view *v = NULL;
	struct index *x = NULL;
	uint64_t out[4];
	size_t n = 0;

	for (size_t i = 0; i < 4; i++) {
		rows[i] = row(i);
		rows[i].hashes = (const uint8_t(*)[UUID_SIZE])(i % 2 ? same : two);
		rows[i].hash_count = 2;
	}
	EVERYWHERE(x)
	{
		add_all(x, HERE, rows, 4);
		v = view(x, 4);
		cr_assert_eq(index_by_hash(v, two[1], UINT64_MAX, out, 4, &n), RC_OK);
		cr_assert(n == 2 && out[0] == 0 && out[1] == 2);
		cr_assert_eq(index_by_hash(v, same[0], UINT64_MAX, out, 4, &n), RC_OK);
		cr_assert(n == 2 && out[0] == 1 && out[1] == 3);
		cr_assert_eq(index_by_hash(v, same[0], 1, out, 4, &n), RC_OK);
		cr_assert(n == 1 && out[0] == 3);
		index_view_end(v);
		index_close(x);
	}
}

static void
expect_seq(
    struct index_view *v, enum index_seq kind, const uint8_t *id, uint64_t count, uint64_t last)
{
	struct index_seq_key key = {.kind = kind};
	struct index_seq_head head = {0};

	memcpy(key.id, id, UUID_SIZE);
	cr_assert_eq(index_seq(v, &key, &head), count == 0 ? RC_NOT_FOUND : RC_OK);
	cr_assert_eq(head.count, count);
	cr_assert(count == 0 || head.last == last);
}

Test(store_index, sequence_heads_count_on_over_flushes_and_reopening)
{
	uint8_t zero[UUID_SIZE] = {0}, wid[UUID_SIZE], far[1][UUID_SIZE] = {{8}};
	struct index_seq_key seqs[3] = {[2] = {INDEX_SEQ_FOREIGN, {8}}};
	uint64_t parent = 0;
	struct index_row r;
	struct index_view *v = NULL;
	struct index *x = NULL;
	struct why why = {0};

	help_id(600, wid);
	EVERYWHERE(x)
	{
		for (uint64_t i = 0; i < 60; i++) {
			r = row(i);
			r.has_wid = i % 3 == 0;
			memcpy(r.wid, wid, UUID_SIZE);
			r.parents = &parent;
			r.parent_count = i > 0 ? 1 : 0;
			memcpy(seqs, own, sizeof own);
			if (r.has_wid)
				memcpy(seqs[0].id, wid, UUID_SIZE);
			r.seqs = seqs;
			r.seq_count = i > 0 && i % 5 == 0 ? 3 : 2;
			cr_assert_eq(index_add(x, &r, 1), RC_OK);
			if (i == 20 && HERE != MEMORY)
				cr_assert_eq(index_flush(x), RC_OK);
			if (i == 40 && HERE == BOTH) {
				index_close(x);
				cr_assert_eq(try_open(&x, folder, &why), RC_OK);
				cr_assert_eq(index_reach(x), 41, "closing writes everything");
			}
		}
		v = view(x, 60);
		expect_seq(v, INDEX_SEQ_WORKFLOW, wid, 20, 57);
		expect_seq(v, INDEX_SEQ_WORKFLOW, zero, 40, 59);
		expect_seq(v, INDEX_SEQ_ISSUER, issuer, 60, 59);
		expect_seq(v, INDEX_SEQ_FOREIGN, far[0], 11, 55);
		expect_seq(v, INDEX_SEQ_FOREIGN, wid, 0, 0);
		expect_seq(v, INDEX_SEQ_ISSUER, wid, 0, 0);
		index_view_end(v);
		index_close(x);
	}
}

Test(store_index, a_list_comes_in_order_and_in_pages_without_gap_or_repeat)
{
	static struct index_row rows[3000];
	struct index_list_key all = {INDEX_LIST_ISSUER, {5}}, odd = {INDEX_LIST_ACT, {5}},
			      none = {INDEX_LIST_ACT, {4}}, past = {INDEX_LIST_SIGNER, {0xff}};
	struct index_view *v = NULL;
	struct index *x = NULL;
	uint64_t out[700], after = UINT64_MAX, expect = 0;
	size_t n = 0;

	for (size_t i = 0; i < 3000; i++) {
		rows[i] = row(i);
		rows[i].lists[rows[i].list_count++] = all;
		if (i % 2 == 1)
			rows[i].lists[rows[i].list_count++] = odd;
	}
	EVERYWHERE(x)
	{
		add_all(x, HERE, rows, 3000);
		v = view(x, 2900);
		for (size_t room = 1; room <= 700; room += 233) {
			after = UINT64_MAX;
			expect = 1;
			do {
				cr_assert_eq(index_list(v, &odd, after, out, room, &n), RC_OK);
				for (size_t i = 0; i < n; i++, expect += 2)
					cr_assert_eq(out[i], expect);
				after = n > 0 ? out[n - 1] : 0;
			} while (n == room);
			cr_assert_eq(expect, 2901, "up to the view's size");
		}
		/* From every place: in a block, on its first entry, on its last, behind it. */
		for (uint64_t i = 0; i < 2900; i++) {
			cr_assert_eq(index_list(v, &all, i, out, 1, &n), RC_OK);
			cr_assert_eq(n, i < 2899 ? 1 : 0);
			cr_assert(n == 0 || out[0] == i + 1);
		}
		cr_assert_eq(index_list(v, &none, UINT64_MAX, out, 1, &n), RC_OK);
		cr_assert_eq(n, 0);
		cr_assert_eq(index_list(v, &none, 2000, out, 1, &n), RC_OK);
		cr_assert_eq(n, 0, "the list before it is another one");
		cr_assert_eq(index_list(v, &past, 2000, out, 1, &n), RC_OK);
		cr_assert_eq(n, 0, "behind the last row of the table");
		index_view_end(v);
		index_close(x);
	}
}

Test(store_index, a_list_goes_on_over_many_generations_and_reopening)
{
	struct index_list_key list = {INDEX_LIST_KIND, {1}};
	struct index_options o = {.folder = folder,
	    .origin = "test.example/log",
	    .map_size = HELP_MAP,
	    .flush_rows = 50,
	    .flush_ms = 600000,
	    .create = true};
	struct index_view *v = NULL;
	struct index *x = NULL;
	static uint64_t out[2000];
	struct why why = {0};
	size_t n = 0;

	cr_assert_eq(index_open(&x, &o, &why), RC_OK);
	for (uint64_t i = 0; i < 2000; i++) {
		struct index_row r = row(i);

		r.lists[0] = list;
		r.list_count = i % 7 == 0 ? 1 : 0;
		cr_assert_eq(index_reserve(x, 1, 0), RC_OK);
		cr_assert_eq(index_add(x, &r, 1), RC_OK);
		if (i == 1000) {
			index_close(x);
			cr_assert_eq(index_open(&x, &o, &why), RC_OK);
		}
	}
	v = view(x, 2000);
	cr_assert_eq(index_list(v, &list, UINT64_MAX, out, 2000, &n), RC_OK);
	cr_assert_eq(n, 286);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(out[i], 7 * i);
	index_view_end(v);
	index_close(x);
}

Test(store_index, that_an_entry_is_lower_is_found_again)
{
	struct index_row rows[4] = {row(0), row(1), row(2), row(3)};
	struct index_view *v = NULL;
	struct index *x = NULL;
	struct index_hit hit;

	rows[1].lower = rows[2].lower = true;
	EVERYWHERE(x)
	{
		add_all(x, HERE, rows, 4);
		v = view(x, 4);
		for (size_t i = 0; i < 4; i++) {
			cr_assert_eq(index_find(v, false, NULL, rows[i].jti, &hit), RC_OK);
			cr_assert_eq(hit.lower, rows[i].lower);
			cr_assert_eq(index_find_any(v, rows[i].jti, &hit), RC_OK);
			cr_assert_eq(hit.lower, rows[i].lower);
		}
		index_view_end(v);
		index_close(x);
	}
}

Test(store_index, more_sequences_than_links_can_be_is_our_bug, .signal = SIGABRT)
{
	struct index *x = open_at(MEMORY);
	struct index_row r = row(0);

	r.seq_count = 3;
	index_add(x, &r, 1);
}

Test(store_index, an_entry_without_an_id_is_not_found_by_one)
{
	uint8_t zero[UUID_SIZE] = {0};
	struct index_row rows[2] = {row(0), row(1)};
	struct index_view *v = NULL;
	struct index *x = NULL;
	struct index_hit hit;

	memset(rows[0].jti, 0, UUID_SIZE);
	memset(rows[1].jti, 0, UUID_SIZE);
	EVERYWHERE(x)
	{
		add_all(x, HERE, rows, 2);
		v = view(x, 2);
		cr_assert_eq(index_find(v, false, NULL, zero, &hit), RC_NOT_FOUND);
		cr_assert_eq(index_find_any(v, zero, &hit), RC_NOT_FOUND);
		expect_seq(v, INDEX_SEQ_ISSUER, issuer, 2, 1);
		index_view_end(v);
		index_close(x);
	}
}

Test(store_index, a_view_keeps_seeing_what_it_saw_when_the_rows_move_to_disk)
{
	struct index_row rows[2] = {row(0), row(1)};
	struct index_view *v = NULL;
	struct index *x = open_at(DISK);
	struct index_hit hit;

	cr_assert_eq(index_add(x, rows, 1), RC_OK);
	v = view(x, 2);
	cr_assert_eq(index_flush(x), RC_OK);
	cr_assert_eq(index_add(x, rows + 1, 1), RC_OK);
	cr_assert_eq(index_flush(x), RC_OK);
	cr_assert_eq(index_find(v, false, NULL, rows[0].jti, &hit), RC_OK);
	expect_seq(v, INDEX_SEQ_ISSUER, issuer, 1, 0);
	index_view_end(v);
	v = view(x, 2);
	cr_assert_eq(index_find(v, false, NULL, rows[1].jti, &hit), RC_OK);
	expect_seq(v, INDEX_SEQ_ISSUER, issuer, 2, 1);
	index_view_end(v);
	index_close(x);
}

Test(store_index, full_generations_go_to_disk_by_themselves_and_nothing_is_lost)
{
	struct index_options o = {.folder = folder,
	    .origin = "test.example/log",
	    .map_size = HELP_MAP,
	    .flush_rows = 50,
	    .flush_ms = 600000,
	    .create = true};
	struct index_view *v = NULL;
	struct index *x = NULL;
	struct index_row r;
	struct index_hit hit;
	struct why why = {0};

	cr_assert_eq(index_open(&x, &o, &why), RC_OK);
	for (uint64_t i = 0; i < 5000; i++) {
		r = row(i);
		cr_assert_eq(index_reserve(x, 1, 0), RC_OK);
		cr_assert_eq(index_add(x, &r, 1), RC_OK);
	}
	v = view(x, 5000);
	for (uint64_t i = 0; i < 5000; i++) {
		r = row(i);
		cr_assert_eq(index_find(v, false, NULL, r.jti, &hit), RC_OK);
		cr_assert_eq(hit.index, i);
	}
	expect_seq(v, INDEX_SEQ_ISSUER, issuer, 5000, 4999);
	index_view_end(v);
	index_close(x);
	cr_assert_eq(index_open(&x, &o, &why), RC_OK);
	cr_assert_eq(index_reach(x), 5000);
	index_close(x);
}

Test(store_index, rows_that_grow_old_go_to_disk_without_being_asked)
{
	struct index_options o = {.folder = folder,
	    .origin = "test.example/log",
	    .map_size = HELP_MAP,
	    .flush_ms = 20,
	    .create = true};
	struct index *x = NULL;
	struct index_row r = row(0);
	struct why why = {0};
	uint64_t size = 0, before = 0;

	cr_assert_eq(index_open(&x, &o, &why), RC_OK);
	before = help_size(PATH(dir, "index/data.mdb"));
	cr_assert_eq(index_add(x, &r, 1), RC_OK);
	for (int i = 0; i < 500 && (size = help_size(PATH(dir, "index/data.mdb"))) == before; i++)
		usleep(10000);
	cr_assert(size > before);
	index_close(x);
}

Test(store_index, after_a_crash_reach_says_which_rows_to_add_again)
{
	struct index *x = open_at(DISK), *after = NULL;
	struct index_row rows[3] = {row(0), row(1), row(2)};
	struct index_view *v = NULL;
	struct index_hit hit;
	struct why why = {0};
	char copy[200];

	cr_assert_eq(index_add(x, rows, 2), RC_OK);
	cr_assert_eq(index_flush(x), RC_OK);
	cr_assert_eq(index_add(x, rows + 2, 1), RC_OK);
	cr_assert_eq(mkdir(help_path(&dir, "crash", copy), 0700), 0);
	help_copy(PATH(dir, "index/data.mdb"), PATH(dir, "crash/data.mdb"));
	cr_assert_eq(try_open(&after, copy, &why), RC_OK);
	cr_assert_eq(index_reach(after), 2);
	cr_assert_eq(index_add(after, rows + 2, 1), RC_OK);
	v = view(after, 3);
	cr_assert_eq(index_find(v, false, NULL, rows[2].jti, &hit), RC_OK);
	expect_seq(v, INDEX_SEQ_ISSUER, issuer, 3, 2);
	index_view_end(v);
	index_close(after);
	index_close(x);
}

Test(store_index, another_logs_or_another_formats_index_is_refused)
{
	struct index_options o = {
	    .folder = folder, .origin = "other.example", .map_size = HELP_MAP, .create = true};
	struct index *x = open_at(DISK);
	struct why why = {0};

	index_close(x);
	cr_assert_eq(index_open(&x, &o, &why), RC_CORRUPT);
	cr_assert_null(x);
	cr_assert_eq(index_destroy(folder), RC_OK);
	cr_assert_eq(index_open(&x, &o, &why), RC_OK, "and can be made anew");
	index_close(x);
}

Test(store_index, a_missing_index_is_not_made_unless_asked)
{
	struct index_options o = {
	    .folder = folder, .origin = "test.example/log", .map_size = HELP_MAP};
	struct index *x = NULL;
	struct why why = {0};

	cr_assert_eq(index_open(&x, &o, &why), RC_NOT_FOUND);
	cr_assert_eq(index_destroy(folder), RC_OK, "nothing to destroy is fine");
}

Test(store_index, a_row_out_of_order_is_our_bug, .signal = SIGABRT)
{
	struct index *x = open_at(MEMORY);
	struct index_row r = row(1);

	index_add(x, &r, 1);
}

Test(store_index, a_parent_that_is_not_older_is_our_bug, .signal = SIGABRT)
{
	struct index *x = open_at(MEMORY);
	struct index_row r = row(0);
	uint64_t parent = 0;

	r.parents = &parent;
	r.parent_count = 1;
	index_add(x, &r, 1);
}
