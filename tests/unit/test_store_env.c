#include "store/env.h"

#include <errno.h>

#include "test_store_help.h"

static struct help_dir dir;

static void
begin(void)
{
	help_dir_make(&dir);
}

static void
end(void)
{
	help_dir_remove(&dir);
}

TestSuite(store_env, .init = begin, .fini = end);

static enum rc
try_open(bool create, MDB_env **env)
{
	struct env_options o = {.folder = dir.path, .map_size = HELP_MAP, .create = create};
	struct why why = {0};

	return env_open(env, &o, &why);
}

Test(store_env, errors_keep_their_meaning)
{
	cr_assert_eq(env_rc(MDB_SUCCESS), RC_OK);
	cr_assert_eq(env_rc(MDB_NOTFOUND), RC_NOT_FOUND);
	cr_assert_eq(env_rc(MDB_MAP_FULL), RC_NO_SPACE);
	cr_assert_eq(env_rc(ENOSPC), RC_NO_SPACE);
	cr_assert_eq(env_rc(EIO), RC_IO);
	cr_assert_eq(env_rc(MDB_PANIC), RC_STORE_DOUBT);
	cr_assert_eq(env_rc(MDB_CORRUPTED), RC_CORRUPT);
	cr_assert_eq(env_rc(MDB_PAGE_NOTFOUND), RC_CORRUPT);
	cr_assert_eq(env_rc(ENOMEM), RC_NO_MEMORY);
	cr_assert_eq(env_rc(MDB_READERS_FULL), RC_BUSY);
}

Test(store_env, a_file_that_is_missing_or_empty_is_not_taken_for_a_new_one)
{
	MDB_env *env = NULL;

	cr_assert_eq(try_open(false, &env), RC_CORRUPT);
	close(open(PATH(dir, "data.mdb"), O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(try_open(false, &env), RC_CORRUPT);
	cr_assert_eq(help_size(PATH(dir, "data.mdb")), 0);
	cr_assert_null(env);
}

Test(store_env, syncs_as_lmdb_does_by_itself)
{
	unsigned flags = 0;
	MDB_env *env = NULL;

	cr_assert_eq(try_open(true, &env), RC_OK);
	cr_assert_eq(mdb_env_get_flags(env, &flags), 0);
	cr_assert_eq(flags & ~(unsigned)MDB_NOTLS, 0);
	cr_assert(env_map_left(env) > 0 && env_map_left(env) < HELP_MAP);
	mdb_env_close(env);
}

Test(store_env, a_short_file_is_filled_up_before_it_is_read)
{
	MDB_env *env = NULL;
	MDB_txn *txn = NULL;
	MDB_dbi dbi = 0;
	char big[8000] = {1};
	MDB_val k = {1, big}, v = {sizeof big, big};
	uint64_t full = 0;

	cr_assert_eq(try_open(true, &env), RC_OK);
	cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_dbi_open(txn, "t", MDB_CREATE, &dbi), 0);
	cr_assert_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
	cr_assert_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	full = help_size(PATH(dir, "data.mdb"));
	cr_assert_eq(truncate(PATH(dir, "data.mdb"), 2 * 4096), 0);
	cr_assert_eq(try_open(false, &env), RC_OK);
	cr_assert_geq(help_size(PATH(dir, "data.mdb")), full);
	cr_assert_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	cr_assert_neq(mdb_dbi_open(txn, "t", 0, &dbi), 0, "the root page is gone");
	mdb_txn_abort(txn);
	mdb_env_close(env);
}
