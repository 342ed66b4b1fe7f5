#include "store/journal.h"

#include "test_store_help.h"

#define FILE_HEAD 80
#define RECORD(n) (84 + (n))

static struct help_dir dir;
static struct arena arena;
static struct journal *j;
static char heads[200];

static enum rc
open_with(bool create, bool read_only, uint64_t segment_max, struct why *why)
{
	char folder[200];
	struct journal_options o = {.folder = help_path(&dir, "journal", folder),
	    .create = create,
	    .read_only = read_only,
	    .segment_max = segment_max};

	return journal_open(&j, &o, why);
}

static enum rc
reopen(void)
{
	struct why why = {0};

	journal_close(j);
	j = NULL;
	return open_with(false, false, 0, &why);
}

static void
begin(void)
{
	struct why why = {0};

	help_dir_make(&dir);
	help_path(&dir, "journal/heads", heads);
	arena_init(&arena, 1 << 20);
	cr_assert_eq(open_with(true, false, 0, &why), RC_OK, "%s", why.text);
}

static void
end(void)
{
	journal_close(j);
	arena_release(&arena);
	help_dir_remove(&dir);
}

TestSuite(store_journal, .init = begin, .fini = end);

static void
append(uint64_t size, const char *note)
{
	cr_assert_eq(journal_append(j, size, bytes_str(note)), RC_OK);
}

static void
expect_last(uint64_t size, const char *note)
{
	struct bytes x = BYTES_NONE;
	uint64_t at = 0;

	cr_assert_eq(journal_last(j, &arena, &at, &x), RC_OK);
	cr_assert_eq(at, size);
	cr_assert(bytes_is(x, note));
}

Test(store_journal, a_new_one_is_empty_and_stays_so)
{
	struct bytes x = BYTES_NONE;
	uint64_t at = 0;

	cr_assert_eq(journal_last(j, &arena, &at, &x), RC_NOT_FOUND);
	cr_assert_eq(reopen(), RC_OK);
	cr_assert_eq(journal_last(j, &arena, &at, &x), RC_NOT_FOUND);
	cr_assert_eq(help_size(heads), FILE_HEAD);
}

Test(store_journal, the_last_record_survives_reopening)
{
	append(1, "one");
	append(1, "one again");
	append(7, "seven");
	expect_last(7, "seven");
	cr_assert_eq(reopen(), RC_OK);
	expect_last(7, "seven");
	append(8, "eight");
	cr_assert_eq(reopen(), RC_OK);
	expect_last(8, "eight");
	cr_assert_eq(help_size(heads), FILE_HEAD + 4 * RECORD(0) + 3 + 9 + 5 + 5);
}

Test(store_journal, a_torn_last_record_is_ignored_and_cut_by_the_next_append)
{
	uint64_t whole = 0, full = 0;

	append(1, "one");
	whole = help_size(heads);
	append(2, "twotwotwo");
	full = help_size(heads);
	journal_close(j);
	j = NULL;
	for (uint64_t n = full - 1; n > whole; n -= 7) {
		cr_assert_eq(truncate(heads, (off_t)n), 0);
		cr_assert_eq(reopen(), RC_OK);
		expect_last(1, "one");
		if (n < whole + 8)
			break;
	}
	append(3, "three");
	cr_assert_eq(help_size(heads), whole + RECORD(5));
	cr_assert_eq(reopen(), RC_OK);
	expect_last(3, "three");
}

/* The file may have its new length before its new bytes. */
Test(store_journal, a_last_record_of_zeros_is_a_torn_one)
{
	uint64_t whole = 0;

	append(1, "one");
	whole = help_size(heads);
	cr_assert_eq(truncate(heads, (off_t)whole + 95), 0);
	cr_assert_eq(reopen(), RC_OK);
	expect_last(1, "one");
	append(2, "two");
	cr_assert_eq(reopen(), RC_OK);
	expect_last(2, "two");
}

Test(store_journal, any_changed_byte_before_the_last_record_is_damage_with_its_place)
{
	uint64_t first = FILE_HEAD, second = 0, last = 0;
	struct why why = {0};

	append(1, "one");
	second = help_size(heads);
	append(2, "two");
	last = help_size(heads);
	append(3, "three");
	for (uint64_t at = 0; at < last; at++) {
		help_flip(heads, at, 0x10);
		journal_close(j);
		j = NULL;
		why = (struct why){0};
		cr_assert_eq(open_with(false, false, 0, &why), RC_CORRUPT, "byte %llu",
		    (unsigned long long)at);
		cr_assert_eq(why.at, at < first ? 0 : at < second ? first : second);
		help_flip(heads, at, 0x10);
	}
	cr_assert_eq(reopen(), RC_OK);
	expect_last(3, "three");
}

Test(store_journal, a_changed_byte_in_the_last_record_never_gives_a_wrong_head)
{
	uint64_t whole = 0, full = 0;
	struct bytes x = BYTES_NONE;
	struct why why = {0};
	uint64_t at = 0;
	enum rc rc = RC_OK;

	append(1, "one");
	whole = help_size(heads);
	append(2, "two");
	full = help_size(heads);
	for (uint64_t b = whole; b < full; b++) {
		help_flip(heads, b, 0x01);
		journal_close(j);
		j = NULL;
		if ((rc = open_with(false, false, 0, &why)) == RC_OK) {
			cr_assert_eq(journal_last(j, &arena, &at, &x), RC_OK);
			cr_assert(at == 1 && bytes_is(x, "one"));
		} else {
			cr_assert_eq(rc, RC_CORRUPT);
		}
		help_flip(heads, b, 0x01);
	}
}

Test(store_journal, a_record_taken_out_of_the_middle_is_noticed)
{
	char copy[200];
	uint8_t buf[4096];
	uint64_t second = 0, third = 0;
	int fd = -1;
	ssize_t n = 0;

	append(1, "one");
	second = help_size(heads);
	append(2, "two");
	third = help_size(heads);
	append(3, "six");
	help_copy(heads, help_path(&dir, "copy", copy));
	fd = open(heads, O_RDWR);
	n = pread(fd, buf, sizeof buf, (off_t)third);
	cr_assert_eq(pwrite(fd, buf, (size_t)n, (off_t)second), n);
	cr_assert_eq(ftruncate(fd, (off_t)second + n), 0);
	close(fd);
	cr_assert_eq(reopen(), RC_CORRUPT);
}

Test(store_journal, read_only_opens_a_damaged_one_and_says_so)
{
	struct bytes x = BYTES_NONE;
	struct why why = {0};
	uint64_t at = 0;

	append(1, "one");
	append(2, "two");
	journal_close(j);
	j = NULL;
	help_flip(heads, FILE_HEAD + 9, 1);
	cr_assert_eq(open_with(false, true, 0, &why), RC_OK);
	cr_assert_eq(journal_last(j, &arena, &at, &x), RC_CORRUPT);
}

Test(store_journal, a_missing_one_is_not_made_unless_asked)
{
	struct bytes x = BYTES_NONE;
	struct why why = {0};
	uint64_t at = 0;

	journal_close(j);
	j = NULL;
	cr_assert_eq(unlink(heads), 0);
	cr_assert_eq(open_with(false, false, 0, &why), RC_NOT_FOUND);
	cr_assert_neq(help_size(heads), 0);
	cr_assert_eq(open_with(false, true, 0, &why), RC_OK, "to a reader it is empty");
	cr_assert_eq(journal_last(j, &arena, &at, &x), RC_NOT_FOUND);
}

Test(store_journal, a_full_file_is_kept_under_its_number_and_the_next_goes_on)
{
	char name[200];
	struct why why = {0};

	journal_close(j);
	j = NULL;
	cr_assert_eq(open_with(false, false, 400, &why), RC_OK);
	for (uint64_t i = 0; i < 10; i++)
		append(i, "a head of some length");
	cr_assert_eq(
	    help_size(help_path(&dir, "journal/heads.00000000", name)), FILE_HEAD + 3 * RECORD(21));
	cr_assert_eq(
	    help_size(help_path(&dir, "journal/heads.00000002", name)), FILE_HEAD + 3 * RECORD(21));
	cr_assert_eq(help_size(heads), FILE_HEAD + RECORD(21));
	cr_assert_eq(reopen(), RC_OK);
	expect_last(9, "a head of some length");
}

Test(store_journal, a_torn_record_is_not_carried_into_a_closed_file)
{
	struct why why = {0};
	uint64_t whole = 0;

	append(1, "one");
	whole = help_size(heads);
	cr_assert_eq(truncate(heads, (off_t)whole + 40), 0);
	journal_close(j);
	j = NULL;
	cr_assert_eq(open_with(false, false, 200, &why), RC_OK);
	append(2, "two");
	cr_assert_eq(help_size(PATH(dir, "journal/heads.00000000")), whole);
	expect_last(2, "two");
}

Test(store_journal, what_a_crash_leaves_while_a_new_file_begins_does_no_harm)
{
	char old[200], aside[200];
	struct why why = {0};

	append(1, "one");
	/* link done, rename not */
	cr_assert_eq(link(heads, help_path(&dir, "journal/heads.00000000", old)), 0);
	help_copy(heads, help_path(&dir, "journal/heads.new", aside));
	journal_close(j);
	j = NULL;
	cr_assert_eq(open_with(false, false, 200, &why), RC_OK);
	expect_last(1, "one");
	append(2, "two");
	append(3, "three");
	cr_assert_eq(reopen(), RC_OK);
	expect_last(3, "three");
	cr_assert_eq(help_size(aside), UINT64_MAX);
}

Test(store_journal, the_largest_note_fits)
{
	uint8_t *note = malloc(JOURNAL_NOTE_MAX);
	struct bytes x = BYTES_NONE;
	uint64_t at = 0;

	memset(note, 'x', JOURNAL_NOTE_MAX);
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	for (uint64_t i = 0; i < 9; i++)
		cr_assert_eq(journal_append(j, i, bytes_of(note, JOURNAL_NOTE_MAX)), RC_OK);
	cr_assert_eq(reopen(), RC_OK);
	cr_assert_eq(journal_last(j, &arena, &at, &x), RC_OK);
	cr_assert(at == 8 && bytes_eq(x, bytes_of(note, JOURNAL_NOTE_MAX)));
	free(note);
}

Test(store_journal, a_smaller_size_is_our_bug, .signal = SIGABRT)
{
	append(2, "two");
	journal_append(j, 1, bytes_str("one"));
}
