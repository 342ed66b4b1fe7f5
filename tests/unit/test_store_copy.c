/* A copy is a log of its own, whatever the original does meanwhile. */
#include "store/copy.h"

#include <pthread.h>
#include <stdatomic.h>

#include "store/journal.h"
#include "test_store_help.h"

static struct help_dir dir, outside;
static struct store *s;
static struct arena arena;
static char to[200];

static void
begin(void)
{
	help_dir_make(&dir);
	help_dir_make(&outside);
	help_path(&outside, "copy", to);
	arena_init(&arena, 1 << 20);
	cr_assert_eq(help_open(&s, &dir), RC_OK);
}

static void
end(void)
{
	store_close(s);
	arena_release(&arena);
	help_dir_remove(&dir);
	help_dir_remove(&outside);
}

TestSuite(store_copy, .init = begin, .fini = end, .timeout = 120);

static void
batch(uint64_t from, uint64_t n_to, bool journal)
{
	char text[32];

	help_batch(s, from, n_to);
	snprintf(text, sizeof text, "head %llu", (unsigned long long)n_to);
	if (journal)
		cr_assert_eq(store_journal_append(s, n_to, bytes_str(text)), RC_OK);
}

/* Both parts of the copy agree, and it goes on. */
static void
expect_whole(uint64_t entries)
{
	struct store_options o = {
	    .folder = to, .origin = "test.example/log", .map_size = HELP_MAP, .free_bytes_min = 1};
	struct bytes note = BYTES_NONE;
	struct store *copy = NULL;
	struct why why = {0};
	uint64_t size = 0;
	char text[32];

	snprintf(text, sizeof text, "head %llu", (unsigned long long)entries);
	cr_assert_eq(store_peek_journal(to, &arena, &size, &note, &why), RC_OK, "%s", why.text);
	cr_assert_eq(size, entries);
	cr_assert(bytes_is(note, text));
	cr_assert_eq(store_lmdb_open(&copy, &o, &why), RC_OK, "%s", why.text);
	help_expect(copy, entries);
	help_batch(copy, entries, entries + 1);
	help_expect(copy, entries + 1);
	store_close(copy);
}

Test(store_copy, it_opens_as_a_log_of_its_own)
{
	struct store_copied c;
	struct why why = {0};

	batch(0, 5, true);
	batch(5, 8, true);
	cr_assert_eq(store_copy(s, to, &arena, &c, &why), RC_OK, "%s", why.text);
	cr_assert_eq(c.entries, 8);
	cr_assert_eq(c.size, 8);
	cr_assert(bytes_is(c.note, "head 8"));
	cr_assert_eq(c.rolled, 0);
	cr_assert_gt(c.bytes, 0);
	cr_assert_eq(
	    help_size(PATH(outside, "copy/log/lock.mdb")), UINT64_MAX, "only what is kept");
	expect_whole(8);
	help_expect(s, 8);
	batch(8, 9, true);
	help_expect(s, 9);
}

Test(store_copy, an_empty_log_can_be_copied_too)
{
	struct store_copied c;
	struct why why = {0};

	cr_assert_eq(store_copy(s, to, &arena, &c, &why), RC_OK, "%s", why.text);
	cr_assert(c.entries == 0 && c.note.n == 0);
}

Test(store_copy, checkpoints_that_came_between_the_two_parts_are_in_both)
{
	struct store_copied c;
	struct why why = {0};

	batch(0, 2, true);
	batch(2, 4, false);
	batch(4, 6, false);
	batch(6, 7, false);
	cr_assert_eq(store_copy(s, to, &arena, &c, &why), RC_OK, "%s", why.text);
	cr_assert_eq(c.rolled, 3);
	expect_whole(7);
}

struct load {
	_Atomic bool stop;
	uint64_t size;
};

static void *
write_on(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&l->stop) && l->size < 200000) {
		batch(l->size, l->size + 3, true);
		l->size += 3;
	}
	return NULL;
}

Test(store_copy, taken_while_the_log_is_written_each_copy_is_whole)
{
	struct store_copied c;
	struct why why = {0};
	struct load load = {0};
	pthread_t thread;
	uint64_t before = 0;
	char name[16];

	batch(0, 3, true);
	load.size = 3;
	cr_assert_eq(pthread_create(&thread, NULL, write_on, &load), 0);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "copy%d", i);
		help_path(&outside, name, to);
		cr_assert_eq(store_copy(s, to, &arena, &c, &why), RC_OK, "%s", why.text);
		cr_assert_eq(c.size, c.entries);
		cr_assert_geq(c.entries, before);
		before = c.entries;
		expect_whole(c.entries);
		arena_reset(&arena);
	}
	atomic_store(&load.stop, true);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	help_expect(s, load.size);
}

Test(store_copy, a_torn_last_record_does_not_go_along)
{
	struct store_copied c;
	struct why why = {0};
	FILE *f = NULL;

	batch(0, 2, true);
	f = fopen(PATH(dir, "journal/heads"), "ab");
	cr_assert_not_null(f);
	fwrite("ECTHEAD1 half a rec", 1, 19, f);
	fclose(f);
	batch(2, 4, false);
	cr_assert_eq(store_copy(s, to, &arena, &c, &why), RC_OK, "%s", why.text);
	expect_whole(4);
}

Test(store_copy, closed_files_of_the_journal_go_along)
{
	struct journal_options o = {.segment_max = 400};
	struct journal *j = NULL;
	struct store_copied c;
	struct why why = {0};
	char text[32], path[200];

	for (uint64_t i = 0; i < 20; i++)
		batch(i, i + 1, false);
	o.folder = help_path(&dir, "journal", path);
	cr_assert_eq(journal_open(&j, &o, &why), RC_OK);
	for (uint64_t i = 1; i <= 18; i++) {
		snprintf(text, sizeof text, "head %llu", (unsigned long long)i);
		cr_assert_eq(journal_append(j, i, bytes_str(text)), RC_OK);
	}
	journal_close(j);
	cr_assert_neq(help_size(PATH(dir, "journal/heads.00000003")), UINT64_MAX);
	/* What an operator has archived is not missed. */
	cr_assert_eq(unlink(PATH(dir, "journal/heads.00000001")), 0);
	cr_assert_eq(store_copy(s, to, &arena, &c, &why), RC_OK, "%s", why.text);
	cr_assert_eq(c.rolled, 2);
	cr_assert_eq(help_size(PATH(outside, "copy/journal/heads.00000003")),
	    help_size(PATH(dir, "journal/heads.00000003")));
	cr_assert_eq(help_size(PATH(outside, "copy/journal/heads.00000001")), UINT64_MAX);
	expect_whole(20);
}

Test(store_copy, what_is_there_already_is_not_written_over)
{
	struct store_copied c;
	struct why why = {0};

	batch(0, 2, true);
	cr_assert_eq(mkdir(to, 0700), 0);
	cr_assert_eq(store_copy(s, to, &arena, &c, &why), RC_IO);
	cr_assert_eq(rmdir(to), 0, "and nothing was put there");
}

Test(store_copy, a_log_of_format_1_is_copied_as_it_is)
{
	struct store_options o = help_options(&dir), c_options = {.folder = to, .read_only = true};
	struct store_copied c;
	struct store *copy = NULL;
	struct why why = {0};
	char cmd[600];

	store_close(s);
	s = NULL;
	snprintf(cmd, sizeof cmd,
	    "cd %s && tar xJf %s/data/format1.tar.xz && mv d/logs/default sample", dir.path,
	    TEST_DATA);
	cr_assert_eq(system(cmd), 0);
	o.folder = PATH(dir, "sample");
	o.origin = NULL;
	o.create = false;
	o.read_only = true;
	cr_assert_eq(store_lmdb_open(&s, &o, &why), RC_OK, "%s", why.text);
	cr_assert_eq(store_copy(s, to, &arena, &c, &why), RC_OK, "%s", why.text);
	cr_assert_eq(c.entries, 18);
	cr_assert_eq(store_lmdb_open(&copy, &c_options, &why), RC_OK, "%s", why.text);
	cr_assert_eq(store_format(copy), 1);
	store_close(copy);
}

Test(store_copy, a_store_in_memory_has_nothing_to_copy)
{
	struct store_copied c;
	struct store *m = NULL;
	struct why why = {0};

	cr_assert_eq(store_mem_open(&m, "test.example/log"), RC_OK);
	cr_assert_eq(store_copy(m, to, &arena, &c, &why), RC_UNIMPLEMENTED);
	store_close(m);
}

/* ---- the journal beside a database ---- */

Test(store_copy, a_journal_that_is_ahead_is_not_rolled)
{
	struct why why = {0};
	uint64_t rolled = 0;

	batch(0, 2, true);
	cr_assert_eq(store_journal_append(s, 5, bytes_str("head 5")), RC_OK);
	store_close(s);
	s = NULL;
	cr_assert_eq(store_roll_journal(dir.path, &rolled, &why), RC_STORE_DOUBT);
	cr_assert_eq(rolled, 0);
}

Test(store_copy, a_journal_of_another_history_is_not_rolled)
{
	struct why why = {0};
	uint64_t rolled = 0;

	batch(0, 2, false);
	cr_assert_eq(store_journal_append(s, 2, bytes_str("another head")), RC_OK);
	batch(2, 3, false);
	store_close(s);
	s = NULL;
	cr_assert_eq(store_roll_journal(dir.path, &rolled, &why), RC_STORE_DOUBT);
	cr_assert_eq(rolled, 0);
}

Test(store_copy, what_the_journal_remembers_is_told)
{
	struct bytes note = BYTES_NONE;
	struct why why = {0};
	uint64_t size = 0;

	cr_assert_eq(store_peek_journal(dir.path, &arena, &size, &note, &why), RC_NOT_FOUND);
	batch(0, 2, true);
	cr_assert_eq(store_peek_journal(dir.path, &arena, &size, &note, &why), RC_OK);
	cr_assert(size == 2 && bytes_is(note, "head 2"));
	batch(2, 4, true);
	help_flip(PATH(dir, "journal/heads"), 100, 1);
	cr_assert_eq(store_peek_journal(dir.path, &arena, &size, &note, &why), RC_CORRUPT);
	cr_assert_eq(store_peek_journal(to, &arena, &size, &note, &why), RC_NOT_FOUND, "no folder");
}

Test(store_copy, the_lock_is_the_servers)
{
	struct why why = {0};
	int fd = -1;

	cr_assert_eq(store_lock(dir.path, &fd, &why), RC_BUSY);
	store_close(s);
	s = NULL;
	cr_assert_eq(store_lock(dir.path, &fd, &why), RC_OK);
	cr_assert_eq(help_open(&s, &dir), RC_BUSY);
	close(fd);
	cr_assert_eq(help_open(&s, &dir), RC_OK);
}
