/* Snapshots: begun, kept, given back and begun again. */
#include "test_store_help.h"

static struct help_dir dir;
static struct store *s;

static void
begin(void)
{
	help_dir_make(&dir);
	cr_assert_eq(help_open(&s, &dir), RC_OK);
}

static void
end(void)
{
	store_close(s);
	help_dir_remove(&dir);
}

TestSuite(store_store_lmdb_read, .init = begin, .fini = end);

Test(store_store_lmdb_read, many_readers_at_once_and_one_after_another)
{
	struct store_read *r[100];

	help_batch(s, 0, 3);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 100; i++)
			cr_assert_eq(store_read_begin(s, &r[i]), RC_OK);
		for (size_t i = 0; i < 100; i++) {
			cr_assert_eq(store_read_size(r[i]), 3);
			store_read_end(r[i]);
		}
	}
	help_batch(s, 3, 4);
	help_expect(s, 4);
}

Test(store_store_lmdb_read, a_transaction_that_was_kept_shows_the_newest_state)
{
	for (uint64_t n = 0; n < 50; n++) {
		help_expect(s, n);
		help_batch(s, n, n + 1);
	}
	help_expect(s, 50);
}

/* A reset transaction that still pinned its snapshot would make the file grow with every batch. */
Test(store_store_lmdb_read, readers_that_ended_do_not_make_the_file_grow)
{
	struct store_read *r[8];
	uint64_t before = 0;

	for (size_t i = 0; i < 8; i++)
		cr_assert_eq(store_read_begin(s, &r[i]), RC_OK);
	for (size_t i = 0; i < 8; i++)
		store_read_end(r[i]);
	for (int i = 0; i < 400; i++) {
		cr_assert_eq(store_batch_begin(s), RC_OK);
		cr_assert_eq(store_put_head(s, 0, bytes_str("the same head again")), RC_OK);
		cr_assert_eq(store_batch_commit(s), RC_OK);
		if (i == 20)
			before = help_size(PATH(dir, "log/data.mdb"));
	}
	cr_assert_leq(help_size(PATH(dir, "log/data.mdb")), before + 10 * 4096);
}
