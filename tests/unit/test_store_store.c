/* The rules that hold for every store: each test runs on both. */
#include "test_store_help.h"

static struct help_dir dir;
static struct store *stores[2];

static void
begin(void)
{
	help_dir_make(&dir);
	cr_assert_eq(store_mem_open(&stores[0], "test.example/log"), RC_OK);
	cr_assert_eq(help_open(&stores[1], &dir), RC_OK);
}

static void
end(void)
{
	store_close(stores[0]);
	store_close(stores[1]);
	help_dir_remove(&dir);
}

TestSuite(store_store, .init = begin, .fini = end);

#define EACH(s) for (size_t i_ = 0; i_ < 2 && ((s) = stores[i_]) != NULL; i_++)

Test(store_store, a_new_log_is_empty)
{
	struct store *s = NULL;
	struct store_read *r = NULL;
	struct bytes x = BYTES_NONE;
	uint64_t size = 0;

	EACH(s)
	{
		help_expect(s, 0);
		cr_assert_eq(store_read_begin(s, &r), RC_OK);
		cr_assert_eq(store_get_last_head(r, &size, &x), RC_NOT_FOUND);
		cr_assert_eq(store_get_head(r, 0, &x), RC_NOT_FOUND);
		cr_assert_eq(store_get_head_at_least(r, 0, &size, &x), RC_NOT_FOUND);
		store_read_end(r);
	}
}

Test(store_store, a_committed_batch_is_there_and_an_aborted_one_is_not)
{
	struct store *s = NULL;

	EACH(s)
	{
		help_batch(s, 0, 3);
		help_expect(s, 3);
		cr_assert_eq(store_batch_begin(s), RC_OK);
		cr_assert_eq(store_put_entry(s, 3, bytes_str("x"), BYTES_NONE), RC_OK);
		store_batch_abort(s);
		store_batch_abort(s);
		help_expect(s, 3);
		help_batch(s, 3, 5);
		help_expect(s, 5);
	}
}

Test(store_store, an_entry_is_read_back_inside_its_batch)
{
	struct store *s = NULL;
	struct bytes x = BYTES_NONE;

	EACH(s)
	{
		help_batch(s, 0, 1);
		cr_assert_eq(store_batch_begin(s), RC_OK);
		cr_assert_eq(store_put_entry(s, 1, bytes_str("he"), bytes_str("ad")), RC_OK);
		cr_assert_eq(store_batch_entry(s, 1, &x), RC_OK);
		cr_assert(bytes_is(x, "head"));
		cr_assert_eq(store_batch_entry(s, 0, &x), RC_OK);
		cr_assert(bytes_is(x, "entry 0"));
		store_batch_abort(s);
	}
}

Test(store_store, a_reader_keeps_its_snapshot)
{
	struct store *s = NULL;
	struct store_read *old = NULL;
	struct bytes x = BYTES_NONE;
	uint64_t size = 0;

	EACH(s)
	{
		help_batch(s, 0, 2);
		cr_assert_eq(store_read_begin(s, &old), RC_OK);
		help_batch(s, 2, 4);
		cr_assert_eq(store_read_size(old), 2);
		cr_assert_eq(store_get_entry(old, 2, &x), RC_NOT_FOUND);
		cr_assert_eq(store_get_entry(old, 1, &x), RC_OK);
		cr_assert(bytes_is(x, "entry 1"));
		cr_assert_eq(store_get_last_head(old, &size, &x), RC_OK);
		cr_assert_eq(size, 2);
		store_read_end(old);
		help_expect(s, 4);
	}
}

Test(store_store, heads_are_found_exactly_or_the_first_at_least_as_large)
{
	struct store *s = NULL;
	struct store_read *r = NULL;
	struct bytes x = BYTES_NONE;
	uint64_t at = 0;

	EACH(s)
	{
		help_batch(s, 0, 2);
		help_batch(s, 2, 5);
		help_batch(s, 5, 300);
		cr_assert_eq(store_read_begin(s, &r), RC_OK);
		cr_assert_eq(store_get_head(r, 5, &x), RC_OK);
		cr_assert(bytes_is(x, "head 5"));
		cr_assert_eq(store_get_head(r, 4, &x), RC_NOT_FOUND);
		cr_assert_eq(x.n, 0);
		cr_assert_eq(store_get_head_at_least(r, 3, &at, &x), RC_OK);
		cr_assert_eq(at, 5);
		cr_assert_eq(store_get_head_at_least(r, 0, &at, &x), RC_OK);
		cr_assert_eq(at, 2);
		cr_assert_eq(store_get_head_at_least(r, 300, &at, &x), RC_OK);
		cr_assert(bytes_is(x, "head 300"));
		cr_assert_eq(store_get_head_at_least(r, 301, &at, &x), RC_NOT_FOUND);
		cr_assert_eq(store_get_last_head(r, &at, &x), RC_OK);
		cr_assert_eq(at, 300);
		store_read_end(r);
	}
}

Test(store_store, a_head_of_the_same_size_takes_the_place_of_the_old)
{
	struct store *s = NULL;
	struct store_read *r = NULL;
	struct bytes x = BYTES_NONE;
	uint64_t at = 0;

	EACH(s)
	{
		for (int i = 0; i < 2; i++) {
			cr_assert_eq(store_batch_begin(s), RC_OK);
			cr_assert_eq(store_put_head(s, 0, bytes_str(i ? "new" : "old")), RC_OK);
			cr_assert_eq(store_batch_commit(s), RC_OK);
		}
		cr_assert_eq(store_read_begin(s, &r), RC_OK);
		cr_assert_eq(store_get_head(r, 0, &x), RC_OK);
		cr_assert(bytes_is(x, "new"));
		cr_assert_eq(store_get_last_head(r, &at, &x), RC_OK);
		cr_assert(bytes_is(x, "new"));
		store_read_end(r);
	}
}

static void
put_tile(struct store *s, unsigned level, uint64_t number, unsigned width)
{
	uint8_t hashes[256 * HASH_SIZE];

	for (size_t i = 0; i < width * HASH_SIZE; i++)
		hashes[i] = (uint8_t)(i / HASH_SIZE + level + number);
	cr_assert_eq(store_batch_begin(s), RC_OK);
	cr_assert_eq(store_put_tile(s, level, number, bytes_of(hashes, width * HASH_SIZE)), RC_OK);
	cr_assert_eq(store_batch_commit(s), RC_OK);
}

Test(store_store, a_tile_grows_and_keeps_its_place_among_levels)
{
	static uint8_t out[256 * HASH_SIZE];
	struct store *s = NULL;
	struct store_read *r = NULL;

	EACH(s)
	{
		put_tile(s, 0, 0, 1);
		put_tile(s, 0, 0, 100);
		put_tile(s, 0, 0, 256);
		put_tile(s, 1, 0, 1);
		put_tile(s, 0, 1, 7);
		put_tile(s, 0, UINT64_MAX, 2);
		cr_assert_eq(store_read_begin(s, &r), RC_OK);
		cr_assert_eq(store_get_tile(r, 0, 0, 256, out), RC_OK);
		cr_assert_eq(out[255 * HASH_SIZE], 255);
		cr_assert_eq(store_get_tile(r, 0, 0, 3, out), RC_OK);
		cr_assert_eq(store_get_tile(r, 1, 0, 1, out), RC_OK);
		cr_assert_eq(out[0], 1);
		cr_assert_eq(store_get_tile(r, 0, 1, 7, out), RC_OK);
		cr_assert_eq(out[0], 1);
		cr_assert_eq(store_get_tile(r, 0, 1, 8, out), RC_CORRUPT, "shorter than asked for");
		cr_assert_eq(store_get_tile(r, 0, 2, 1, out), RC_NOT_FOUND);
		cr_assert_eq(store_get_tile(r, 2, 0, 1, out), RC_NOT_FOUND);
		store_read_end(r);
	}
}

Test(store_store, entries_from_one_byte_to_the_largest_come_back_whole)
{
	static const size_t sizes[] = {1, 2022, 2023, 4080, 4081, 65535};
	static uint8_t big[65535];
	struct store *s = NULL;
	struct store_read *r = NULL;
	struct bytes x = BYTES_NONE;
	size_t n = sizeof sizes / sizeof *sizes;

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * 7);
	EACH(s)
	{
		cr_assert_eq(store_batch_begin(s), RC_OK);
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(store_put_entry(s, i, bytes_of(big, sizes[i] / 3),
					 bytes_of(big + sizes[i] / 3, sizes[i] - sizes[i] / 3)),
			    RC_OK);
		cr_assert_eq(store_batch_commit(s), RC_OK);
		cr_assert_eq(store_read_begin(s, &r), RC_OK);
		for (size_t i = 0; i < n; i++) {
			cr_assert_eq(store_get_entry(r, i, &x), RC_OK);
			cr_assert(bytes_eq(x, bytes_of(big, sizes[i])));
		}
		store_read_end(r);
	}
}

Test(store_store, the_journal_gives_the_newest_head)
{
	struct store *s = NULL;
	struct arena arena;
	struct bytes x = BYTES_NONE;
	uint64_t size = 9;

	arena_init(&arena, 1 << 16);
	EACH(s)
	{
		cr_assert_eq(store_journal_last(s, &arena, &size, &x), RC_NOT_FOUND);
		cr_assert_eq(store_journal_append(s, 0, bytes_str("zero")), RC_OK);
		cr_assert_eq(store_journal_append(s, 5, bytes_str("five")), RC_OK);
		cr_assert_eq(store_journal_last(s, &arena, &size, &x), RC_OK);
		cr_assert_eq(size, 5);
		cr_assert(bytes_is(x, "five"));
	}
	arena_release(&arena);
}

Test(store_store, usage_counts_what_is_there)
{
	struct store_usage before, after;
	struct store *s = NULL;

	EACH(s)
	{
		store_usage(s, &before);
		help_batch(s, 0, 500);
		store_usage(s, &after);
		cr_assert(after.log_bytes > before.log_bytes);
	}
	cr_assert(after.free_bytes > 0);
}

Test(store_store, a_batch_has_room_unless_the_disk_says_no)
{
	struct store *s = NULL;

	EACH(s)
	cr_assert_eq(store_check_space(s), RC_OK);
}

Test(store_store, a_gap_in_the_indexes_is_our_bug, .signal = SIGABRT)
{
	store_batch_begin(stores[0]);
	store_put_entry(stores[0], 1, bytes_str("x"), BYTES_NONE);
}

Test(store_store, committing_no_batch_is_our_bug, .signal = SIGABRT)
{
	store_batch_commit(stores[0]);
}

Test(store_store, a_smaller_head_is_our_bug, .signal = SIGABRT)
{
	help_batch(stores[0], 0, 2);
	store_batch_begin(stores[0]);
	store_put_head(stores[0], 1, bytes_str("x"));
}

Test(store_store, a_head_beyond_the_entries_is_our_bug, .signal = SIGABRT)
{
	store_batch_begin(stores[0]);
	store_put_head(stores[0], 1, bytes_str("x"));
	store_batch_commit(stores[0]);
}

Test(store_store, committing_after_a_failed_put_is_our_bug, .signal = SIGABRT)
{
	store_mem_fault(stores[0], STORE_FAULT_PUT, 0);
	store_batch_begin(stores[0]);
	store_put_entry(stores[0], 0, bytes_str("x"), BYTES_NONE);
	store_batch_commit(stores[0]);
}

Test(store_store, closing_nothing_is_fine)
{
	store_close(NULL);
	store_read_end(NULL);
}
