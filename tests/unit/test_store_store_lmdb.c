#include "test_store_help.h"

#include "store/env.h"
#include "store/layout.h"

static struct help_dir dir;
static struct store *s;

static void
begin(void)
{
	help_dir_make(&dir);
}

static void
end(void)
{
	store_close(s);
	help_dir_remove(&dir);
}

TestSuite(store_store_lmdb, .init = begin, .fini = end);

static void
reopen(void)
{
	store_close(s);
	s = NULL;
	cr_assert_eq(help_open(&s, &dir), RC_OK);
}

static enum rc
open_why(struct store_options o, struct why *why)
{
	store_close(s);
	s = NULL;
	return store_lmdb_open(&s, &o, why);
}

Test(store_store_lmdb, what_was_committed_is_there_after_reopening)
{
	reopen();
	help_batch(s, 0, 10);
	reopen();
	help_expect(s, 10);
	help_batch(s, 10, 20);
	reopen();
	help_expect(s, 20);
}

Test(store_store_lmdb, an_open_batch_dies_with_the_process)
{
	reopen();
	help_batch(s, 0, 2);
	cr_assert_eq(store_batch_begin(s), RC_OK);
	cr_assert_eq(store_put_entry(s, 2, bytes_str("x"), BYTES_NONE), RC_OK);
	reopen();
	help_expect(s, 2);
}

Test(store_store_lmdb, a_log_is_not_made_unless_asked)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};

	o.create = false;
	cr_assert_eq(open_why(o, &why), RC_NOT_FOUND);
	cr_assert_not_null(why.rule);
}

Test(store_store_lmdb, folders_above_are_made_too)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};

	o.folder = PATH(dir, "logs/default");
	cr_assert_eq(open_why(o, &why), RC_OK, "%s", why.text);
	cr_assert(help_size(PATH(dir, "logs/default/log/data.mdb")) != UINT64_MAX);
	cr_assert(help_size(PATH(dir, "logs/default/journal/heads")) != UINT64_MAX);
}

Test(store_store_lmdb, a_second_server_is_refused_by_name)
{
	struct store *second = NULL;
	struct store_options o = help_options(&dir);
	struct why why = {0};
	char pid[32];

	reopen();
	snprintf(pid, sizeof pid, "process %ld ", (long)getpid());
	cr_assert_eq(store_lmdb_open(&second, &o, &why), RC_BUSY);
	cr_assert_null(second);
	cr_assert_not_null(strstr(why.text, pid), "%s", why.text);
	help_batch(s, 0, 1);
}

Test(store_store_lmdb, a_second_writer_that_got_past_the_lock_is_noticed_before_a_commit)
{
	struct env_options eo = {.folder = PATH(dir, "log"), .map_size = HELP_MAP};
	uint8_t other[LAYOUT_INCARNATION_SIZE] = {1};
	MDB_val k = env_val(bytes_str(LAYOUT_META_INCARNATION)), v = {sizeof other, other};
	MDB_env *env = NULL;
	MDB_txn *txn = NULL;
	MDB_dbi dbi = 0;
	pid_t pid = 0;
	int status = 0;

	reopen();
	help_batch(s, 0, 1);
	if ((pid = fork()) == 0) { /* another process: LMDB wants one opening each */
		if (env_open(&env, &eo, NULL) != RC_OK || mdb_txn_begin(env, NULL, 0, &txn) != 0 ||
		    mdb_dbi_open(txn, LAYOUT_META, 0, &dbi) != 0 ||
		    mdb_put(txn, dbi, &k, &v, 0) != 0 || mdb_txn_commit(txn) != 0)
			_exit(1);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(store_batch_begin(s), RC_STORE_DOUBT);
	cr_assert_eq(store_check_space(s), RC_STORE_DOUBT);
}

Test(store_store_lmdb, another_origin_is_refused)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};

	reopen();
	o.origin = "other.example/log";
	cr_assert_eq(open_why(o, &why), RC_BAD_CONFIG);
	cr_assert_not_null(strstr(why.text, "test.example/log"));
	o.origin = NULL;
	o.create = false;
	cr_assert_eq(open_why(o, &why), RC_OK, "whoever does not ask is not told");
}

Test(store_store_lmdb, what_a_crash_while_making_it_leaves_is_cleared_away)
{
	int fd = -1;

	/* killed after mkdir and part of the first commit */
	cr_assert_eq(mkdir(PATH(dir, "log.new"), 0700), 0);
	fd = open(PATH(dir, "log.new/data.mdb"), O_CREAT | O_WRONLY, 0600);
	cr_assert_eq(write(fd, "half", 4), 4);
	close(fd);
	reopen();
	cr_assert_eq(help_size(PATH(dir, "log.new")), UINT64_MAX);
	help_batch(s, 0, 1);
	/* the same beside a log that is there */
	store_close(s);
	s = NULL;
	cr_assert_eq(mkdir(PATH(dir, "log.new"), 0700), 0);
	reopen();
	cr_assert_eq(help_size(PATH(dir, "log.new")), UINT64_MAX);
	help_expect(s, 1);
}

Test(store_store_lmdb, a_log_without_its_journal_is_not_opened_for_writing)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};

	reopen();
	help_batch(s, 0, 1);
	store_close(s);
	s = NULL;
	cr_assert_eq(unlink(PATH(dir, "journal/heads")), 0);
	cr_assert_eq(open_why(o, &why), RC_CORRUPT);
	o.read_only = true;
	o.create = false;
	cr_assert_eq(open_why(o, &why), RC_OK);
	help_expect(s, 1);
}

Test(store_store_lmdb, a_journal_survives_the_loss_of_the_database)
{
	struct arena arena;
	struct bytes note = BYTES_NONE;
	uint64_t size = 0;

	arena_init(&arena, 1 << 16);
	reopen();
	cr_assert_eq(store_journal_append(s, 5, bytes_str("five")), RC_OK);
	store_close(s);
	s = NULL;
	cr_assert_eq(unlink(PATH(dir, "log/data.mdb")), 0);
	cr_assert_eq(unlink(PATH(dir, "log/lock.mdb")), 0);
	cr_assert_eq(rmdir(PATH(dir, "log")), 0);
	reopen();
	help_expect(s, 0);
	cr_assert_eq(store_journal_last(s, &arena, &size, &note), RC_OK);
	cr_assert_eq(size, 5, "so that an emptied log is noticed");
	arena_release(&arena);
}

Test(store_store_lmdb, a_cut_off_database_is_damage_not_a_new_log)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};

	reopen();
	help_batch(s, 0, 1);
	store_close(s);
	s = NULL;
	cr_assert_eq(truncate(PATH(dir, "log/data.mdb"), 0), 0);
	cr_assert_eq(open_why(o, &why), RC_CORRUPT);
	cr_assert_eq(unlink(PATH(dir, "log/data.mdb")), 0);
	cr_assert_eq(open_why(o, &why), RC_CORRUPT);
	cr_assert_eq(help_size(PATH(dir, "log/data.mdb")), UINT64_MAX, "nothing was made");
}

/* Without env_cover() this is a SIGBUS. */
Test(store_store_lmdb, a_database_that_lost_its_tail_is_an_error_not_a_signal)
{
	struct store_read *r = NULL;
	struct bytes x = BYTES_NONE;
	struct store_options o = help_options(&dir);
	struct why why = {0};
	uint64_t full = 0;
	uint32_t bad = 0;

	reopen();
	help_batch(s, 0, 3000);
	store_close(s);
	s = NULL;
	full = help_size(PATH(dir, "log/data.mdb"));
	cr_assert(full > 20 * 4096);
	cr_assert_eq(truncate(PATH(dir, "log/data.mdb"), (off_t)(full / 2)), 0);
	if (open_why(o, &why) != RC_OK)
		return;
	cr_assert_eq(store_read_begin(s, &r), RC_OK);
	for (uint64_t i = 0; i < 3000; i++)
		if (store_get_entry(r, i, &x) != RC_OK)
			bad++;
	store_read_end(r);
	cr_assert(bad > 0);
}

Test(store_store_lmdb, something_else_in_its_place_is_damage)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};
	int fd = -1;
	char junk[16384];

	reopen();
	store_close(s);
	s = NULL;
	memset(junk, 'j', sizeof junk);
	fd = open(PATH(dir, "log/data.mdb"), O_WRONLY | O_TRUNC);
	cr_assert_eq(write(fd, junk, sizeof junk), (ssize_t)sizeof junk);
	close(fd);
	cr_assert_eq(open_why(o, &why), RC_CORRUPT);
}

Test(store_store_lmdb, a_disk_too_full_refuses_batches_and_nothing_else)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};

	reopen();
	help_batch(s, 0, 1);
	o.free_bytes_min = UINT64_MAX;
	cr_assert_eq(open_why(o, &why), RC_OK);
	cr_assert_eq(store_check_space(s), RC_NO_SPACE);
	help_expect(s, 1);
}

Test(store_store_lmdb,
    a_full_map_is_refused_before_it_is_met_and_a_put_that_meets_it_only_spoils_its_batch)
{
	static uint8_t big[65000];
	struct store_options o = help_options(&dir);
	struct why why = {0};
	uint64_t next = 0;
	enum rc rc = RC_OK;

	o.map_size = 4 << 20;
	cr_assert_eq(open_why(o, &why), RC_OK);
	while (store_check_space(s) == RC_OK) {
		cr_assert_eq(store_batch_begin(s), RC_OK);
		cr_assert_eq(
		    store_put_entry(s, next, bytes_of(big, sizeof big), BYTES_NONE), RC_OK);
		cr_assert_eq(store_batch_commit(s), RC_OK);
		next++;
	}
	cr_assert_eq(store_check_space(s), RC_NO_SPACE);
	cr_assert(next > 40);
	cr_assert_eq(store_batch_begin(s), RC_OK);
	for (uint64_t i = next; rc == RC_OK && i < next + 100; i++)
		rc = store_put_entry(s, i, bytes_of(big, sizeof big), BYTES_NONE);
	cr_assert_eq(rc, RC_NO_SPACE);
	store_batch_abort(s);
	cr_assert_eq(store_batch_begin(s), RC_OK, "not in doubt");
	cr_assert_eq(store_put_entry(s, next, bytes_str("small"), BYTES_NONE), RC_OK);
	cr_assert_eq(store_batch_commit(s), RC_OK);
}

Test(store_store_lmdb, a_read_only_opening_sees_the_log_and_makes_nothing)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};

	o.read_only = true;
	o.create = false;
	cr_assert_eq(open_why(o, &why), RC_NOT_FOUND);
	reopen();
	help_batch(s, 0, 4);
	cr_assert_eq(open_why(o, &why), RC_OK, "%s", why.text);
	help_expect(s, 4);
}

Test(store_store_lmdb, writing_to_a_read_only_opening_is_our_bug, .signal = SIGABRT)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};

	reopen();
	o.read_only = true;
	open_why(o, &why);
	store_batch_begin(s);
}

/* ---- formats ---- */

/* The format in meta: read it (want NULL), or put another. */
static void
stored_format(const char *put, char out[16])
{
	char folder[200];
	struct env_options o = {.folder = help_path(&dir, "log", folder), .map_size = HELP_MAP};
	MDB_val k = env_val(bytes_str(LAYOUT_META_FORMAT)), v = {0};
	MDB_env *env = NULL;
	MDB_txn *txn = NULL;
	MDB_dbi meta = 0;
	struct why why = {0};

	cr_assert_eq(env_open(&env, &o, &why), RC_OK, "%s", why.text);
	cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_dbi_open(txn, LAYOUT_META, 0, &meta), 0);
	if (put != NULL) {
		v = env_val(bytes_str(put));
		cr_assert_eq(mdb_put(txn, meta, &k, &v, 0), 0);
	}
	cr_assert_eq(mdb_get(txn, meta, &k, &v), 0);
	cr_assert_lt(v.mv_size, 16);
	memcpy(out, v.mv_data, v.mv_size);
	out[v.mv_size] = '\0';
	cr_assert_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void
make_format(const char *format)
{
	char now[16];

	reopen();
	help_batch(s, 0, 3);
	store_close(s);
	s = NULL;
	stored_format(format, now);
}

Test(store_store_lmdb, a_new_log_has_our_format)
{
	char now[16];

	reopen();
	cr_assert_eq(store_format(s), STORE_FORMAT);
	store_close(s);
	s = NULL;
	stored_format(NULL, now);
	cr_assert_str_eq(now, "2");
}

Test(store_store_lmdb, a_log_of_format_1_is_brought_to_ours_when_it_is_opened_for_writing)
{
	char now[16];

	make_format("1");
	reopen();
	cr_assert_eq(store_format(s), 2);
	help_expect(s, 3);
	help_batch(s, 3, 5);
	store_close(s);
	s = NULL;
	stored_format(NULL, now);
	cr_assert_str_eq(now, "2");
	reopen();
	help_expect(s, 5);
}

Test(store_store_lmdb, a_log_of_format_1_is_read_as_it_is)
{
	struct store_options o = help_options(&dir);
	struct why why = {0};
	char now[16];

	make_format("1");
	o.read_only = true;
	o.create = false;
	cr_assert_eq(open_why(o, &why), RC_OK, "%s", why.text);
	cr_assert_eq(store_format(s), 1);
	help_expect(s, 3);
	store_close(s);
	s = NULL;
	stored_format(NULL, now);
	cr_assert_str_eq(now, "1", "reading changes nothing");
}

Test(store_store_lmdb, a_newer_format_is_refused_by_name_and_nothing_is_changed)
{
	struct store_options o = help_options(&dir);
	char data[200], copy[200], now[16], same[512];
	struct why why = {0};

	make_format("3");
	help_copy(help_path(&dir, "log/data.mdb", data), help_path(&dir, "copy", copy));
	for (int read_only = 0; read_only < 2; read_only++) {
		o.read_only = read_only;
		o.create = !read_only;
		cr_assert_eq(open_why(o, &why), RC_BAD_CONFIG);
		cr_assert_not_null(
		    strstr(why.text, "format \"3\", made by a newer version"), "%s", why.text);
	}
	snprintf(same, sizeof same, "cmp -s %s %s", data, copy);
	cr_assert_eq(system(same), 0);
	stored_format(NULL, now);
	cr_assert_str_eq(now, "3");
}

Test(store_store_lmdb, a_format_that_is_no_number_is_refused)
{
	static const char *const formats[] = {"", "0", "x", "2 ", "02", "10000000000"};
	struct store_options o = help_options(&dir);
	struct why why = {0};
	char now[16];

	make_format("2");
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		stored_format(formats[i], now);
		cr_assert_eq(open_why(o, &why), RC_BAD_CONFIG, "\"%s\"", formats[i]);
	}
	stored_format("2", now);
	reopen();
	help_expect(s, 3);
}
