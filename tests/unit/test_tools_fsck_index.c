/* test_tools_fsck_index.c - an index that says something else than the tokens. */
#include "unit/test_tools_fsck_help.h"

TestSuite(tools_fsck_index, .init = set_up, .fini = tear_down);

Test(tools_fsck_index, a_row_of_the_index_that_is_missing_or_made_up_is_found)
{
	uint8_t key[24] = {0}, value[1] = {0};

	put_u64(key, 10);
	put_u64(key + 8, 11);
	remove_row("index", "children", bytes_of(key, 16));
	json_decref(expect_problem("index", -1, ""));
	add_row("index", "children", bytes_of(key, 16), BYTES_NONE);
	expect_sound();
	put_u64(key, 12);
	add_row("index", "children", bytes_of(key, 16), BYTES_NONE);
	json_decref(expect_problem("index", 11, ""));
	remove_row("index", "children", bytes_of(key, 16));
	memset(key, 7, sizeof(key));
	add_row("index", "ids", bytes_of(key, 17), bytes_of(value, 1));
	json_decref(expect_problem("index", -1, ""));
}

Test(tools_fsck_index, an_index_that_says_something_else_about_a_sequence_is_found)
{
	uint8_t key[17] = {1};

	flip("index", "seqs", bytes_of(key, sizeof(key)), 0);
	json_decref(expect_problem("index", -1, ""));
}
