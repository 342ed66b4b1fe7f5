/* test_tools_backup_files.c - files and folders of a backup. */
#include "unit/test_tools_backup_help.h"

#include "tools/ectl/backup_files.c"

TestSuite(tools_backup_files, .init = place_make, .fini = place_remove);

/* FIPS 180-2, B.1 */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

Test(tools_backup_files, a_copy_has_its_sum_its_folders_and_is_for_its_owner_alone)
{
	char *from = at("from"), *to = at("a/b/c/to"), sum[BACKUP_SUM_SIZE];
	uint64_t bytes = 0;
	struct stat st;

	put_file("from", "abc");
	cr_assert(backup_copy_file(from, to, sum, &bytes));
	cr_assert_str_eq(sum, ABC);
	cr_assert_eq(bytes, 3);
	cr_assert(stat(to, &st) == 0 && (st.st_mode & 0777) == 0600);
	cr_assert(backup_sum_file(to, sum, &bytes));
	cr_assert_str_eq(sum, ABC);
	cr_assert(backup_sync_folders(place) && backup_sync_parent(to));
	free(from);
	free(to);
}

Test(tools_backup_files, nothing_is_written_over)
{
	char *from = at("from"), *to = at("to"), sum[BACKUP_SUM_SIZE];
	uint64_t bytes = 0;

	put_file("from", "abc");
	put_file("to", "abcd");
	cr_assert_not(backup_copy_file(from, to, NULL, NULL));
	cr_assert(backup_sum_file(to, sum, &bytes));
	cr_assert_eq(bytes, 4);
	cr_assert_not(backup_copy_file("/nowhere/at/all", to, NULL, NULL));
	free(from);
	free(to);
}

struct seen {
	char names[1024];
	size_t left;
};

static bool
note(void *ctx, const char *name)
{
	struct seen *s = ctx;

	strncat(s->names, name, sizeof(s->names) - strlen(s->names) - 1);
	strcat(s->names, " ");
	return s->left-- > 1;
}

Test(tools_backup_files, a_walk_names_files_and_links_to_files_but_nothing_hidden)
{
	struct seen s = {.left = 100};
	char *tree = at("t");

	shell("cd '%s' && mkdir -p t/z t/.git u && echo 1 >t/b && echo 1 >t/z/a && echo 1 "
	      ">t/.git/x && "
	      "echo 1 >t/.hidden && echo 1 >u/file && ln -s ../u/file t/link && ln -s ../u "
	      "t/folder && "
	      "ln -s nowhere t/dangling && mkfifo t/fifo",
	    place);
	cr_assert(backup_walk(tree, note, &s));
	cr_assert_str_eq(s.names, "b link z/a ");
	s = (struct seen){.left = 2};
	cr_assert_not(backup_walk(tree, note, &s), "whoever looks may stop");
	cr_assert_str_eq(s.names, "b link ");
	free(tree);
}

Test(tools_backup_files, a_walk_that_goes_too_deep_is_refused)
{
	struct seen s = {.left = 100};
	char *tree = at("t");

	shell("cd '%s' && mkdir -p t/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15 && echo 1 "
	      ">t/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/file",
	    place);
	cr_assert(backup_walk(tree, note, &s));
	shell("cd '%s' && mkdir t/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", place);
	cr_assert(backup_walk(tree, note, &s));
	shell("cd '%s' && echo 1 >t/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/file", place);
	cr_assert_not(backup_walk(tree, note, &s));
	cr_assert_not(backup_walk("/nowhere/at/all", note, &s));
	free(tree);
}

Test(tools_backup_files, empty_means_nothing_not_even_hidden)
{
	char *folder = at("f");
	bool absent = false;

	cr_assert(backup_is_empty(folder, &absent) && absent);
	cr_assert(mkdir(folder, 0700) == 0);
	cr_assert(backup_is_empty(folder, &absent) && !absent);
	put_file("f/.hidden", "");
	cr_assert_not(backup_is_empty(folder, &absent));
	put_file("file", "");
	free(folder);
	folder = at("file");
	cr_assert_not(backup_is_empty(folder, &absent), "a file is not an empty folder");
	cr_assert_not(absent);
	free(folder);
}

Test(tools_backup_files, a_private_key_is_known_by_its_words)
{
	char *path = at("k");

	put_file("k", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n");
	cr_assert(backup_is_private_key(path));
	put_file("k", "text before\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
	cr_assert(backup_is_private_key(path));
	put_file("k", "-----BEGIN EC PRIVATE KEY-----\n");
	cr_assert(backup_is_private_key(path));
	put_file("k", "-----BEGIN CERTIFICATE-----\n");
	cr_assert_not(backup_is_private_key(path));
	put_file("k", "");
	cr_assert_not(backup_is_private_key(path));
	free(path);
}

Test(tools_backup_files, removing_a_folder_does_not_follow_links_out_of_it)
{
	char *tree = at("t");

	shell(
	    "cd '%s' && mkdir -p t/a/b kept && echo 1 >kept/file && ln -s ../kept t/link && ln -s "
	    "../../kept/file t/a/link && echo 1 >t/a/b/.x",
	    place);
	cr_assert(backup_remove(tree));
	cr_assert_not(is_there("t"));
	cr_assert(is_there("kept/file"));
	free(tree);
}
