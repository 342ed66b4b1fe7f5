#include "test_store_help.h"

static struct store *s;

static void
begin(void)
{
	cr_assert_eq(store_mem_open(&s, "test.example/log"), RC_OK);
	help_batch(s, 0, 2);
}

static void
end(void)
{
	store_close(s);
}

TestSuite(store_store_mem, .init = begin, .fini = end);

static enum rc
try_batch(uint64_t index)
{
	enum rc rc = store_batch_begin(s);

	if (rc == RC_OK)
		rc = store_put_entry(s, index, bytes_str("new"), BYTES_NONE);
	if (rc == RC_OK)
		rc = store_put_head(s, index + 1, bytes_str("head"));
	if (rc == RC_OK)
		return store_batch_commit(s);
	store_batch_abort(s);
	return rc;
}

static uint64_t
size_now(void)
{
	struct store_read *r = NULL;
	uint64_t size = 0;

	cr_assert_eq(store_read_begin(s, &r), RC_OK);
	size = store_read_size(r);
	store_read_end(r);
	return size;
}

static void
everything_is_doubt(void)
{
	struct store_read *r = NULL;

	cr_assert_eq(store_batch_begin(s), RC_STORE_DOUBT);
	cr_assert_eq(store_check_space(s), RC_STORE_DOUBT);
	cr_assert_eq(store_journal_append(s, 9, bytes_str("x")), RC_STORE_DOUBT);
	cr_assert_eq(store_read_begin(s, &r), RC_STORE_DOUBT);
	cr_assert_null(r);
}

Test(store_store_mem, a_lost_commit_is_doubt_and_is_not_there_after_the_crash)
{
	store_mem_fault(s, STORE_FAULT_COMMIT_LOST, 0);
	cr_assert_eq(try_batch(2), RC_STORE_DOUBT);
	everything_is_doubt();
	cr_assert_eq(store_mem_crash(&s), RC_OK);
	cr_assert_eq(size_now(), 2);
	cr_assert_eq(try_batch(2), RC_OK);
}

Test(store_store_mem, a_doubtful_commit_is_doubt_and_is_there_after_the_crash)
{
	store_mem_fault(s, STORE_FAULT_COMMIT_DOUBT, 0);
	cr_assert_eq(try_batch(2), RC_STORE_DOUBT);
	everything_is_doubt();
	cr_assert_eq(store_mem_crash(&s), RC_OK);
	cr_assert_eq(size_now(), 3);
	cr_assert_eq(try_batch(3), RC_OK);
}

Test(store_store_mem, a_failed_put_spoils_one_batch_only)
{
	for (uint64_t n = 0; n < 2; n++) {
		store_mem_fault(s, STORE_FAULT_PUT, n);
		cr_assert_eq(try_batch(2), RC_IO);
		cr_assert_eq(size_now(), 2);
	}
	cr_assert_eq(try_batch(2), RC_OK);
	cr_assert_eq(size_now(), 3);
}

Test(store_store_mem, a_fault_waits_for_its_call_and_comes_once)
{
	store_mem_fault(s, STORE_FAULT_COMMIT_LOST, 2);
	cr_assert_eq(try_batch(2), RC_OK);
	cr_assert_eq(try_batch(3), RC_OK);
	cr_assert_eq(try_batch(4), RC_STORE_DOUBT);
	cr_assert_eq(store_mem_crash(&s), RC_OK);
	cr_assert_eq(try_batch(4), RC_OK);
}

Test(store_store_mem, a_failed_journal_append_is_doubt_and_not_there)
{
	struct arena arena;
	struct bytes note = BYTES_NONE;
	uint64_t size = 0;

	arena_init(&arena, 1 << 16);
	cr_assert_eq(store_journal_append(s, 1, bytes_str("one")), RC_OK);
	store_mem_fault(s, STORE_FAULT_SYNC, 0);
	cr_assert_eq(store_journal_append(s, 2, bytes_str("two")), RC_STORE_DOUBT);
	everything_is_doubt();
	cr_assert_eq(store_mem_crash(&s), RC_OK);
	cr_assert_eq(store_journal_last(s, &arena, &size, &note), RC_OK);
	cr_assert_eq(size, 1);
	cr_assert(bytes_is(note, "one"));
	arena_release(&arena);
}

Test(store_store_mem, a_full_disk_is_told_once_and_is_no_doubt)
{
	store_mem_fault(s, STORE_FAULT_SPACE, 1);
	cr_assert_eq(store_check_space(s), RC_OK);
	cr_assert_eq(store_check_space(s), RC_NO_SPACE);
	cr_assert_eq(store_check_space(s), RC_OK);
	cr_assert_eq(try_batch(2), RC_OK);
}

Test(store_store_mem, a_flipped_entry_comes_back_wrong_without_an_error)
{
	struct bytes x = BYTES_NONE;

	store_mem_fault(s, STORE_FAULT_FLIP, 0);
	cr_assert_eq(store_batch_begin(s), RC_OK);
	cr_assert_eq(store_put_entry(s, 2, bytes_str("ab"), bytes_str("c")), RC_OK);
	cr_assert_eq(store_batch_entry(s, 2, &x), RC_OK);
	cr_assert(bytes_is(x, "abb"));
	store_batch_abort(s);
}

Test(store_store_mem, a_crash_drops_the_open_batch)
{
	cr_assert_eq(store_batch_begin(s), RC_OK);
	cr_assert_eq(store_put_entry(s, 2, bytes_str("x"), BYTES_NONE), RC_OK);
	cr_assert_eq(store_mem_crash(&s), RC_OK);
	help_expect(s, 2);
}

Test(store_store_mem, a_readers_tile_does_not_change_under_it)
{
	uint8_t one[HASH_SIZE], two[2 * HASH_SIZE], out[HASH_SIZE];
	struct store_read *r = NULL;

	memset(one, 1, sizeof one);
	memset(two, 1, sizeof two);
	cr_assert_eq(store_batch_begin(s), RC_OK);
	cr_assert_eq(store_put_tile(s, 0, 0, bytes_of(one, sizeof one)), RC_OK);
	cr_assert_eq(store_batch_commit(s), RC_OK);
	cr_assert_eq(store_read_begin(s, &r), RC_OK);
	cr_assert_eq(store_batch_begin(s), RC_OK);
	cr_assert_eq(store_put_tile(s, 0, 0, bytes_of(two, sizeof two)), RC_OK);
	cr_assert_eq(store_batch_commit(s), RC_OK);
	cr_assert_eq(store_get_tile(r, 0, 0, 1, out), RC_OK);
	cr_assert_eq(memcmp(out, one, HASH_SIZE), 0);
	store_read_end(r);
}
