#include "store/files.h"

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

TestSuite(store_files, .init = begin, .fini = end);

Test(store_files, makes_a_folder_and_all_above_it_once)
{
	struct why why = {0};

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(files_make_folder(PATH(dir, "a//b/c/"), &why), RC_OK, "%s", why.text);
		cr_assert(files_exists(PATH(dir, "a/b/c")));
	}
	close(open(PATH(dir, "file"), O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(files_make_folder(PATH(dir, "file/x"), &why), RC_IO);
	cr_assert_not_null(why.rule);
}

Test(store_files, removes_an_environment_and_nothing_else)
{
	cr_assert_eq(files_remove_env(PATH(dir, "none")), RC_OK);
	cr_assert_eq(mkdir(PATH(dir, "env"), 0700), 0);
	close(open(PATH(dir, "env/data.mdb"), O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(files_remove_env(PATH(dir, "env")), RC_OK);
	cr_assert_not(files_exists(PATH(dir, "env")));
	cr_assert_eq(mkdir(PATH(dir, "env"), 0700), 0);
	close(open(PATH(dir, "env/precious"), O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(files_remove_env(PATH(dir, "env")), RC_IO);
	cr_assert(files_exists(PATH(dir, "env/precious")));
}

Test(store_files, a_lock_is_one_owners_until_it_closes_it)
{
	struct why why = {0};
	int a = -1, b = -1;

	cr_assert_eq(files_lock(PATH(dir, "lock"), &a, &why), RC_OK);
	cr_assert_eq(files_lock(PATH(dir, "lock"), &b, &why), RC_BUSY);
	cr_assert_eq(b, -1);
	close(a);
	cr_assert_eq(files_lock(PATH(dir, "lock"), &b, &why), RC_OK);
	close(b);
	cr_assert_eq(files_lock(PATH(dir, "no/lock"), &b, &why), RC_IO);
}

Test(store_files, writes_all_of_it_where_it_was_told)
{
	static uint8_t x[100000], y[100000];
	int fd = open(PATH(dir, "f"), O_CREAT | O_RDWR, 0600);

	memset(x, 7, sizeof x);
	cr_assert_eq(files_write_at(fd, bytes_of(x, sizeof x), 13), RC_OK);
	cr_assert_eq(pread(fd, y, sizeof y, 13), (ssize_t)sizeof y);
	cr_assert_eq(memcmp(x, y, sizeof x), 0);
	close(fd);
	fd = open(PATH(dir, "f"), O_RDONLY);
	cr_assert_eq(files_write_at(fd, bytes_of(x, 1), 0), RC_IO);
	close(fd);
	fd = open("/dev/full", O_WRONLY);
	cr_assert_eq(files_write_at(fd, bytes_of(x, 1), 0), RC_NO_SPACE);
	close(fd);
}

Test(store_files, a_sync_of_nothing_is_an_error)
{
	cr_assert_eq(files_sync(PATH(dir, "none")), RC_IO);
	cr_assert_eq(files_sync_folder(PATH(dir, "none")), RC_IO);
	cr_assert_eq(files_sync_folder(dir.path), RC_OK);
}

#define GIB ((uint64_t)1 << 30)

Test(store_files, the_least_free_space_is_5_percent_or_2_gib_and_a_tenth_of_a_small_disk)
{
	cr_assert_eq(files_space_least(1000 * GIB), 50 * GIB);
	cr_assert_eq(files_space_least(41 * GIB), 41 * GIB / 20);
	cr_assert_eq(files_space_least(40 * GIB), 2 * GIB);
	cr_assert_eq(files_space_least(30 * GIB), 2 * GIB);
	cr_assert_eq(files_space_least(10 * GIB), 1 * GIB);
	cr_assert_eq(files_space_least(GIB / 2), GIB / 20);
}
