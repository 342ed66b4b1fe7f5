/*
 * The environment by itself, and what becomes of it when bytes in it change.  Bytes are found by
 * what they are, not by where: page headers are LMDB's own affair, and LMDB dies of some of their
 * bits.
 */
#include "store/index_disk.h"

#include "test_store_help.h"

#define ROWS 40

static struct help_dir dir;
static char folder[200], data[200];
static struct disk *d;

static enum rc
try_open(void)
{
	struct index_options o = {
	    .folder = folder, .origin = "test.example/log", .map_size = HELP_MAP, .create = true};
	struct why why = {0};

	return disk_open(&d, &o, &why);
}

static const struct index_list_key list = {INDEX_LIST_ACT, {0xac, 0x70}};

static struct gen *
make_gen(uint64_t first, uint64_t end)
{
	static uint64_t parent;
	static const struct map_seed seed = {{5, 6}};
	struct gen *g = gen_new(first, seed);
	struct index_seq_key key = {.kind = INDEX_SEQ_ISSUER};
	struct index_seq_head head;
	uint8_t hash[1][UUID_SIZE];

	for (uint64_t i = first; i < end; i++) {
		struct index_row r = {.index = i, .iat = 1700000000};

		cr_assert_eq(gen_reserve(g, 1, 1), RC_OK);
		help_id(i, r.jti);
		help_id(i + 1000, hash[0]);
		r.hashes = (const uint8_t(*)[UUID_SIZE])hash;
		r.hash_count = 1;
		r.parents = &parent;
		r.parent_count = i > 0 ? 1 : 0;
		r.lists[0] = list;
		r.list_count = 1;
		head = (struct index_seq_head){i + 1, i};
		gen_seq_put(g, &key, &head);
		gen_add(g, &r);
	}
	return g;
}

static void
begin(void)
{
	struct gen *g = NULL;

	help_dir_make(&dir);
	help_path(&dir, "index", folder);
	help_path(&dir, "index/data.mdb", data);
	cr_assert_eq(try_open(), RC_OK);
	g = make_gen(0, ROWS);
	cr_assert_eq(disk_write(d, g), RC_OK);
	gen_unref(g);
}

static void
end(void)
{
	disk_close(d);
	help_dir_remove(&dir);
}

TestSuite(store_index_lmdb, .init = begin, .fini = end);

/* Change 'mask' bits at 'offset' behind every place in the file where 'what' is.  How many
 * places. */
static size_t
damage(struct bytes what, size_t offset, uint8_t mask)
{
	uint64_t size = help_size(data);
	uint8_t *all = malloc(size);
	size_t count = 0;
	int fd = -1;

	disk_close(d);
	d = NULL;
	fd = open(data, O_RDWR);
	cr_assert_eq(read(fd, all, size), (ssize_t)size);
	for (uint64_t i = 0; i + what.n + offset < size; i++)
		if (memcmp(all + i, what.p, what.n) == 0) {
			all[i + offset] ^= mask;
			count++;
		}
	cr_assert_eq(pwrite(fd, all, size, 0), (ssize_t)size);
	close(fd);
	free(all);
	return count;
}

static struct disk_read *
read_all(uint64_t *reach)
{
	struct disk_read *r = NULL;

	cr_assert_eq(disk_read_new(d, &r), RC_OK);
	cr_assert_eq(disk_read_begin(r, reach), RC_OK);
	return r;
}

static void
read_done(struct disk_read *r)
{
	disk_read_end(r);
	disk_read_free(r);
}

Test(store_index_lmdb, continues_where_it_ended)
{
	struct gen *g = make_gen(ROWS, 2 * ROWS);
	struct disk_read *r = NULL;
	uint64_t reach = 0, out[3 * ROWS];
	struct map_key key = gen_key_parent(0);
	size_t n = 0;

	cr_assert_eq(disk_reach(d), ROWS);
	cr_assert_eq(disk_write(d, g), RC_OK);
	gen_unref(g);
	disk_close(d);
	cr_assert_eq(try_open(), RC_OK);
	cr_assert_eq(disk_reach(d), 2 * ROWS);
	r = read_all(&reach);
	cr_assert_eq(reach, 2 * ROWS);
	cr_assert_eq(disk_list(r, false, &key, UINT64_MAX, UINT64_MAX, out, 3 * ROWS, &n), RC_OK);
	cr_assert_eq(n, 2 * ROWS - 1);
	read_done(r);
}

Test(store_index_lmdb, a_reader_sees_one_state_and_the_next_time_a_newer_one)
{
	struct gen *g = make_gen(ROWS, ROWS + 1);
	struct disk_read *r = NULL;
	uint64_t reach = 0, out[2 * ROWS];
	struct map_key key = gen_key_parent(0);
	size_t n = 0;

	r = read_all(&reach);
	cr_assert_eq(disk_list(r, false, &key, UINT64_MAX, UINT64_MAX, out, 2 * ROWS, &n), RC_OK);
	cr_assert_eq(n, ROWS - 1);
	cr_assert_eq(disk_write(d, g), RC_OK);
	cr_assert_eq(disk_list(r, false, &key, UINT64_MAX, UINT64_MAX, out, 2 * ROWS, &n), RC_OK);
	cr_assert_eq(n, ROWS - 1);
	disk_read_end(r);
	cr_assert_eq(disk_read_begin(r, &reach), RC_OK);
	cr_assert_eq(reach, ROWS + 1);
	cr_assert_eq(disk_list(r, false, &key, UINT64_MAX, UINT64_MAX, out, 2 * ROWS, &n), RC_OK);
	cr_assert_eq(n, ROWS, "its cursors came along");
	read_done(r);
	gen_unref(g);
}

Test(store_index_lmdb, damage_to_what_it_says_of_itself_is_found_at_open)
{
	static const char *const words[] = {"format", "origintest.example/log", "reach", "counts"};
	char copy[200];

	disk_close(d);
	d = NULL;
	help_copy(data, help_path(&dir, "copy", copy));
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		for (size_t b = 0; b < strlen(words[i]); b++) {
			cr_assert(damage(bytes_str(words[i]), b, 0x01) > 0, "%s", words[i]);
			cr_assert_eq(try_open(), RC_CORRUPT, "%s byte %zu", words[i], b);
			cr_assert_null(d);
			help_copy(copy, data);
		}
	cr_assert_eq(try_open(), RC_OK);
}

Test(store_index_lmdb, a_smaller_reach_is_found_at_open)
{
	/* "reach" and eight bytes of number */
	cr_assert(damage(bytes_str("reach"), 12, ROWS ^ 1) > 0);
	cr_assert_eq(try_open(), RC_CORRUPT, "more ids than entries");
}

Test(store_index_lmdb, a_damaged_id_is_an_error_or_not_found_but_never_another_entry)
{
	uint8_t jti[UUID_SIZE];
	struct index_hit hit, hits[2];
	struct disk_read *r = NULL;
	struct map_key id;
	uint64_t reach = 0;
	size_t n = 0;
	enum rc rc = RC_OK;
	char copy[200];

	disk_close(d);
	d = NULL;
	help_copy(data, help_path(&dir, "copy", copy));
	help_id(7, jti);
	id = gen_key_id(false, NULL, jti);
	/* the id, its scope, and the bytes of its value: index 1, iat 5 */
	for (size_t at = 0; at < UUID_SIZE + 1 + 6; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			cr_assert(damage(bytes_of(jti, UUID_SIZE), at, (uint8_t)(1u << bit)) > 0);
			if ((rc = try_open()) == RC_OK) {
				r = read_all(&reach);
				rc = disk_find(r, &id, ROWS, &hit);
				cr_assert(rc == RC_CORRUPT || rc == RC_NOT_FOUND || rc == RC_OK);
				cr_assert(rc != RC_OK || hit.index < ROWS);
				cr_assert(at >= UUID_SIZE + 1 || rc != RC_OK, "key byte %zu", at);
				rc = disk_find_any(r, jti, ROWS, hits, &n);
				cr_assert(rc == RC_OK || rc == RC_CORRUPT);
				cr_assert(at < UUID_SIZE || at > UUID_SIZE || rc == RC_CORRUPT,
				    "a scope that is neither");
				read_done(r);
			}
			disk_close(d);
			d = NULL;
			help_copy(copy, data);
		}
}

Test(store_index_lmdb, a_link_beyond_the_reach_is_damage)
{
	uint8_t row[16];
	struct disk_read *r = NULL;
	struct map_key key = gen_key_parent(0);
	uint64_t reach = 0, out[ROWS];
	size_t n = 0;

	put_u64(row, 0);
	put_u64(row + 8, ROWS - 1);
	cr_assert(damage(bytes_of(row, 16), 14, 0x01) > 0);
	cr_assert_eq(try_open(), RC_OK);
	r = read_all(&reach);
	cr_assert_eq(disk_list(r, false, &key, UINT64_MAX, UINT64_MAX, out, ROWS, &n), RC_CORRUPT);
	read_done(r);
}

Test(store_index_lmdb, a_sequence_head_beyond_the_reach_is_damage)
{
	uint8_t row[17] = {INDEX_SEQ_ISSUER};
	struct index_seq_key key = {.kind = INDEX_SEQ_ISSUER};
	struct index_seq_head head;
	struct disk_read *r = NULL;
	uint64_t reach = 0;

	cr_assert(damage(bytes_of(row, 17), 17, 0x40) > 0); /* count 40 -> 104 */
	cr_assert_eq(try_open(), RC_OK);
	r = read_all(&reach);
	cr_assert_eq(disk_seq(r, &key, &head), RC_CORRUPT);
	read_done(r);
}

/* Put another format number where ours is. */
static void
set_format(const char *format)
{
	struct env_options o = {.folder = folder, .map_size = HELP_MAP};
	struct disk raw = {0};
	struct why why = {0};
	MDB_txn *txn = NULL;

	cr_assert_eq(env_open(&raw.env, &o, &why), RC_OK, "%s", why.text);
	cr_assert_eq(mdb_txn_begin(raw.env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_dbi_open(txn, "meta", 0, &raw.meta), 0);
	cr_assert_eq(disk_put_meta(txn, &raw, "format", bytes_str(format)), 0);
	cr_assert_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(raw.env);
}

Test(store_index_lmdb, an_older_format_is_to_be_made_again_and_said_to_be_older)
{
	disk_close(d);
	d = NULL;
	cr_assert_not(disk_made_by_older(folder));
	set_format("1");
	cr_assert_eq(try_open(), RC_CORRUPT);
	cr_assert(disk_made_by_older(folder));
	cr_assert_not(disk_made_by_older(dir.path), "no index at all");
}

Test(store_index_lmdb, a_format_that_makes_no_sense_is_damage)
{
	static const char *const formats[] = {"", "0", "02", "2 ", "-1", "x", "9999999999"};
	char copy[200];

	disk_close(d);
	d = NULL;
	help_copy(data, help_path(&dir, "copy", copy));
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		set_format(formats[i]);
		cr_assert_eq(try_open(), RC_CORRUPT, "\"%s\"", formats[i]);
		cr_assert_not(disk_made_by_older(folder), "\"%s\"", formats[i]);
		help_copy(copy, data);
	}
}

Test(store_index_lmdb, a_newer_format_is_refused_by_name_and_stays_as_it_is)
{
	struct index_options o = {
	    .folder = folder, .origin = "test.example/log", .map_size = HELP_MAP, .create = true};
	struct why why = {0};

	disk_close(d);
	d = NULL;
	set_format("3");
	cr_assert_eq(disk_open(&d, &o, &why), RC_BAD_CONFIG);
	cr_assert_not_null(strstr(why.text, "format 3"), "%s", why.text);
	cr_assert_not_null(strstr(why.text, "newer version"), "%s", why.text);
	cr_assert_not(disk_made_by_older(folder));
	set_format("2");
	cr_assert_eq(try_open(), RC_OK);
	cr_assert_eq(disk_reach(d), ROWS);
}

/* The bytes of the list's one block, as it lies in the file. */
static struct row
block(void)
{
	struct map_key key = gen_key_list(&list);
	struct row r;

	row_block_key(&r, &key, 0);
	for (uint64_t i = 1; i < ROWS; i++)
		cr_assert(row_block_add(&r, i - 1, i));
	row_block_end(&r);
	return r;
}

Test(store_index_lmdb, a_damaged_list_is_an_error_or_not_there_but_never_another_list)
{
	struct map_key key = gen_key_list(&list);
	struct row row = block();
	struct disk_read *r = NULL;
	uint64_t reach = 0, out[ROWS];
	size_t n = 0, opened = 0;
	enum rc rc = RC_OK;
	char copy[200];

	disk_close(d);
	d = NULL;
	help_copy(data, help_path(&dir, "copy", copy));
	for (size_t at = 0; at < row.key_size + row.value_size; at++) {
		cr_assert(damage(bytes_of(row.key, row.key_size), at, 0x04) > 0);
		if ((rc = try_open()) == RC_OK) {
			r = read_all(&reach);
			rc = disk_posts(r, &key, UINT64_MAX, ROWS, out, ROWS, &n);
			/* A changed id makes it another list's; anything else is seen. */
			cr_assert(rc == RC_CORRUPT || (rc == RC_OK && n == 0 && at < 17),
			    "byte %zu: %s, %zu", at, rc_label(rc), n);
			read_done(r);
			opened++;
		}
		disk_close(d);
		d = NULL;
		help_copy(copy, data);
	}
	cr_assert(opened > 0);
}

Test(store_index_lmdb, blocks_that_overlap_are_damage)
{
	struct map_key key = gen_key_list(&list);
	struct disk_read *r = NULL;
	struct row row;
	MDB_txn *txn = NULL;
	MDB_val k, v;
	uint8_t counts[DISK_COUNTS_SIZE];
	uint64_t reach = 0, out[2 * ROWS];
	size_t n = 0;

	row_block_key(&row, &key, ROWS - 1); /* the first block has it too */
	row_block_end(&row);
	k = env_val(bytes_of(row.key, row.key_size));
	v = env_val(bytes_of(row.value, row.value_size));
	cr_assert_eq(mdb_txn_begin(d->env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_put(txn, d->table[DISK_LISTS], &k, &v, 0), 0);
	cr_assert_eq(disk_count(txn, d, counts), 0);
	cr_assert_eq(disk_put_meta(txn, d, "counts", bytes_of(counts, sizeof counts)), 0);
	cr_assert_eq(mdb_txn_commit(txn), 0);
	r = read_all(&reach);
	cr_assert_eq(disk_posts(r, &key, UINT64_MAX, ROWS, out, 2 * ROWS, &n), RC_CORRUPT);
	read_done(r);
}

Test(store_index_lmdb, a_block_beyond_the_reach_is_damage)
{
	struct map_key key = gen_key_list(&list);
	struct disk_read *r = NULL;
	struct row row;
	MDB_txn *txn = NULL;
	MDB_val k, v;
	uint64_t reach = 0, out[2 * ROWS];
	size_t n = 0;

	row_block_key(&row, &key, ROWS);
	row_block_end(&row);
	k = env_val(bytes_of(row.key, row.key_size));
	v = env_val(bytes_of(row.value, row.value_size));
	cr_assert_eq(mdb_txn_begin(d->env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_put(txn, d->table[DISK_LISTS], &k, &v, 0), 0);
	cr_assert_eq(mdb_txn_commit(txn), 0);
	r = read_all(&reach);
	cr_assert_eq(disk_posts(r, &key, UINT64_MAX, UINT64_MAX, out, 2 * ROWS, &n), RC_CORRUPT);
	read_done(r);
}

Test(store_index_lmdb, writing_with_a_gap_is_our_bug, .signal = SIGABRT)
{
	disk_write(d, make_gen(ROWS + 1, ROWS + 2));
}
