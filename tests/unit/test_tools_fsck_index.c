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

/* The first row of the lists whose kind this is. */
static size_t
first_of_list(uint8_t kind, uint8_t key[25])
{
	struct db d = db_open("index", "lists");
	MDB_val k = {1, &kind}, v;
	MDB_cursor *cursor;
	size_t n;

	cr_assert(mdb_cursor_open(d.txn, d.dbi, &cursor) == 0);
	cr_assert(mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE) == 0 && k.mv_size == 25);
	memcpy(key, k.mv_data, 25);
	n = v.mv_size;
	mdb_cursor_close(cursor);
	db_close(&d);
	return n;
}

Test(tools_fsck_index, a_list_that_lost_an_entry_or_is_missing_is_found)
{
	uint8_t key[25];

	for (uint8_t kind = 1; kind <= 5; kind++) {
		if (kind == 4) /* all are plain tasks */
			continue;
		cr_assert(first_of_list(kind, key) > 4 && key[0] == kind);
		flip("index", "lists", bytes_of(key, 25), 4); /* the last difference */
		json_decref(expect_problem("index", -1, ""));
		flip("index", "lists", bytes_of(key, 25), 4);
		expect_sound();
	}
	remove_row("index", "lists", bytes_of(key, 25));
	json_decref(expect_problem("index", -1, ""));
}

Test(tools_fsck_index, a_list_that_says_something_else_with_a_good_check_is_found)
{
	uint8_t key[25], value[5], joined[26];
	struct hash h;

	cr_assert(first_of_list(3, key) > 4);
	remove_row("index", "lists", bytes_of(key, 25));
	/* Only the first two entries of it. */
	memcpy(joined, key, 25);
	joined[25] = value[0] = 0;
	hash_of(bytes_of(joined, 26), &h);
	memcpy(value + 1, h.b, 4);
	add_row("index", "lists", bytes_of(key, 25), bytes_of(value, 5));
	json_decref(expect_problem("index", -1, ""));
}
