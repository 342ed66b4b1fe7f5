/* Lookups over the border of two epochs. */
#include "store/index_disk.h"

#include "test_store_help.h"

#define BORDER FILTER_EPOCH_SIZE
#define FIRST  (BORDER - 20)
#define END    (BORDER + 20)

static struct help_dir dir;
static struct disk *d;
static struct disk_read *r;
static char folder[200];

static struct disk *
open_disk(enum rc want)
{
	struct index_options o = {
	    .folder = folder, .origin = "o", .map_size = HELP_MAP, .create = true};
	struct disk *x = NULL;
	struct why why = {0};

	cr_assert_eq(disk_open(&x, &o, &why), want, "%s", why.text);
	return x;
}

static void
jti_of(uint64_t i, uint8_t out[UUID_SIZE])
{
	/* the first and the last share theirs, in two scopes */
	help_id(i == END - 1 ? FIRST : i, out);
}

static void
begin(void)
{
	static const struct map_seed seed = {{9, 9}};
	struct gen *g = gen_new(FIRST, seed);
	uint8_t hash[1][UUID_SIZE] = {{77}}, wid[UUID_SIZE] = {66};
	uint64_t parent = 5;

	help_dir_make(&dir);
	help_path(&dir, "index", folder);
	d = open_disk(RC_OK);
	d->reach = FIRST; /* as if a quarter million had been written */
	for (uint64_t i = FIRST; i < END; i++) {
		struct index_row row = {.index = i, .iat = 1, .has_wid = i == END - 1};

		jti_of(i, row.jti);
		memcpy(row.wid, wid, UUID_SIZE);
		row.hashes = (const uint8_t(*)[UUID_SIZE])hash;
		row.hash_count = 1;
		row.parents = &parent;
		row.parent_count = 1;
		cr_assert_eq(gen_reserve(g, 1, 1), RC_OK);
		gen_add(g, &row);
	}
	cr_assert_eq(disk_write(d, g), RC_OK);
	gen_unref(g);
}

static void
read_begin(void)
{
	uint64_t reach = 0;

	cr_assert_eq(disk_read_new(d, &r), RC_OK);
	cr_assert_eq(disk_read_begin(r, &reach), RC_OK);
	cr_assert_eq(reach, END);
}

static void
end(void)
{
	if (r != NULL) {
		disk_read_end(r);
		disk_read_free(r);
	}
	disk_close(d);
	help_dir_remove(&dir);
}

TestSuite(store_index_lmdb_read, .init = begin, .fini = end);

Test(store_index_lmdb_read, finds_ids_on_both_sides_before_and_after_reopening)
{
	struct index_hit hit;
	struct map_key id;
	uint8_t jti[UUID_SIZE];

	for (int round = 0; round < 2; round++) {
		read_begin();
		for (uint64_t i = FIRST; i < END - 1; i++) {
			jti_of(i, jti);
			id = gen_key_id(false, NULL, jti);
			cr_assert_eq(disk_find(r, &id, END, &hit), RC_OK);
			cr_assert_eq(hit.index, i);
			cr_assert_eq(disk_find(r, &id, i, &hit), RC_NOT_FOUND);
			cr_assert_eq(disk_find(r, &id, i + 1, &hit), RC_OK);
		}
		help_id(999999, jti);
		id = gen_key_id(false, NULL, jti);
		cr_assert_eq(disk_find(r, &id, END, &hit), RC_NOT_FOUND);
		disk_read_end(r);
		disk_read_free(r);
		r = NULL;
		disk_close(d);
		d = open_disk(RC_OK);
	}
}

Test(store_index_lmdb_read, an_id_in_two_epochs_is_two_hits)
{
	struct index_hit hits[2];
	uint8_t jti[UUID_SIZE];
	size_t n = 0;

	read_begin();
	jti_of(FIRST, jti);
	cr_assert_eq(disk_find_any(r, jti, END, hits, &n), RC_OK);
	cr_assert_eq(n, 2);
	cr_assert(hits[0].index == END - 1 && hits[0].has_wid && hits[0].wid[0] == 66);
	cr_assert_eq(hits[1].index, FIRST);
	cr_assert_eq(disk_find_any(r, jti, END - 1, hits, &n), RC_OK);
	cr_assert(n == 1 && hits[0].index == FIRST);
	cr_assert_eq(disk_find_any(r, jti, FIRST, hits, &n), RC_OK);
	cr_assert_eq(n, 0);
}

Test(store_index_lmdb_read, lists_run_over_the_border_in_pages)
{
	static const uint8_t prefix[UUID_SIZE] = {77}, other[UUID_SIZE] = {78};
	struct map_key key = gen_key_hash(prefix), none = gen_key_hash(other);
	uint64_t out[7], after = UINT64_MAX, expect = FIRST;
	size_t n = 0;

	read_begin();
	for (int hashes = 0; hashes < 2; hashes++) {
		after = UINT64_MAX;
		expect = FIRST;
		do {
			if (hashes)
				cr_assert_eq(disk_by_hash(r, &key, after, END, out, 7, &n), RC_OK);
			else
				cr_assert_eq(disk_children(r, 5, after, END, out, 7, &n), RC_OK);
			for (size_t i = 0; i < n; i++)
				cr_assert_eq(out[i], expect++);
			after = n > 0 ? out[n - 1] : after;
		} while (n == 7);
		cr_assert_eq(expect, END);
	}
	cr_assert_eq(disk_by_hash(r, &key, BORDER - 1, BORDER + 1, out, 7, &n), RC_OK);
	cr_assert(n == 1 && out[0] == BORDER);
	cr_assert_eq(disk_by_hash(r, &none, UINT64_MAX, END, out, 7, &n), RC_OK);
	cr_assert_eq(n, 0);
	cr_assert_eq(disk_by_hash(r, &key, UINT64_MAX, 0, out, 7, &n), RC_OK);
	cr_assert_eq(n, 0);
}

Test(store_index_lmdb_read, a_filter_that_lost_a_bit_is_found_at_open)
{
	struct bytes x = filters_bytes(d->filters, 0);
	uint8_t *copy = malloc(FILTER_BYTES), *all = NULL;
	uint64_t size = 0, at = 0;
	char data[200];
	int fd = -1;

	memcpy(copy, x.p, FILTER_BYTES);
	disk_close(d);
	d = NULL;
	size = help_size(help_path(&dir, "index/data.mdb", data));
	all = malloc(size);
	fd = open(data, O_RDONLY);
	cr_assert_eq(read(fd, all, size), (ssize_t)size);
	close(fd);
	while (at + FILTER_BYTES <= size && memcmp(all + at, copy, FILTER_BYTES) != 0)
		at++;
	cr_assert(at + FILTER_BYTES <= size, "finished epochs are kept");
	for (size_t i = 0; i < FILTER_BYTES; i++)
		if (copy[i] != 0) {
			help_flip(data, at + i, copy[i]);
			break;
		}
	d = open_disk(RC_CORRUPT);
	free(all);
	free(copy);
}
