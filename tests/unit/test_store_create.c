#include "store/create.h"

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

TestSuite(store_create, .init = begin, .fini = end);

Test(store_create, makes_a_log_under_its_own_name_and_leaves_no_other)
{
	struct why why = {0};

	cr_assert_eq(create_log(dir.path, "o", HELP_MAP, &why), RC_OK, "%s", why.text);
	cr_assert(help_size(PATH(dir, "log/data.mdb")) != UINT64_MAX);
	cr_assert_eq(help_size(PATH(dir, "log.new")), UINT64_MAX);
	cr_assert_eq(create_tidy(dir.path), RC_OK);
	cr_assert(help_size(PATH(dir, "log/data.mdb")) != UINT64_MAX);
}

Test(store_create, starts_over_on_what_an_earlier_try_left)
{
	struct why why = {0};

	cr_assert_eq(mkdir(PATH(dir, "log.new"), 0700), 0);
	close(open(PATH(dir, "log.new/data.mdb"), O_CREAT | O_WRONLY, 0600));
	close(open(PATH(dir, "log.new/lock.mdb"), O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(create_log(dir.path, "o", HELP_MAP, &why), RC_OK, "%s", why.text);
}

Test(store_create, a_folder_that_is_not_there_is_an_answer)
{
	struct why why = {0};

	cr_assert_eq(create_log(PATH(dir, "none"), "o", HELP_MAP, &why), RC_IO);
	cr_assert_not_null(why.rule);
}

Test(store_create, making_a_log_over_another_is_our_bug, .signal = SIGABRT)
{
	struct why why = {0};

	cr_assert_eq(mkdir(PATH(dir, "log"), 0700), 0);
	create_log(dir.path, "o", HELP_MAP, &why);
}
