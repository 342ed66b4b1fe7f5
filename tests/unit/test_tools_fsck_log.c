/* test_tools_fsck_log.c - entries, tiles and checkpoints that were changed, taken away or added. */
#include "unit/test_tools_fsck_help.h"

TestSuite(tools_fsck_log, .init = set_up, .fini = tear_down);

Test(tools_fsck_log, a_changed_entry_is_named_and_the_checkpoint_says_that_it_was_the_entry)
{
	uint8_t key[9];
	json_t *answer;

	flip("log", "entry", number_key(key, 257), 200);
	answer = expect_problem("leaf", 257, "");
	cr_expect(strstr(kinds(answer), "the entry was changed"));
	cr_expect(json_integer_value(json_object_get(the_log(answer), "last_good_head")) == COUNT);
	json_decref(answer);
}

Test(tools_fsck_log, a_changed_head_of_an_entry_is_named_with_its_byte)
{
	uint8_t key[9];
	struct db d = db_open("log", "entry");
	MDB_val k, v;
	uint8_t copy[4096];
	json_t *answer;

	k = (MDB_val){8, key};
	number_key(key, 5);
	cr_assert(mdb_get(d.txn, d.dbi, &k, &v) == 0 && v.mv_size <= sizeof(copy));
	memcpy(copy, v.mv_data, v.mv_size);
	copy[1] = 0x02; /* the first key, which must be 1 */
	v.mv_data = copy;
	cr_assert(mdb_put(d.txn, d.dbi, &k, &v, 0) == 0);
	db_close(&d);
	answer = expect_problem("entry", 5, "leaf");
	cr_expect(strstr(kinds(answer), "\"byte 1\""), "%s", kinds(answer));
	json_decref(answer);
}

Test(tools_fsck_log, a_missing_entry_is_named)
{
	uint8_t key[9];

	remove_row("log", "entry", number_key(key, 300));
	json_decref(expect_problem("entry", 300, "database"));
}

Test(tools_fsck_log, entries_missing_at_the_end_leave_a_checkpoint_over_nothing)
{
	uint8_t key[9];

	remove_row("log", "entry", number_key(key, COUNT - 1));
	json_decref(expect_problem("head", -1, "tile index journal"));
}

Test(tools_fsck_log, a_changed_leaf_tile_is_named_and_the_checkpoint_says_that_it_was_the_tile)
{
	uint8_t key[9];
	json_t *answer;

	flip("log", "tile", tile_key(key, 0, 1), 0); /* hash 255 of it: entry 511 */
	answer = expect_problem("leaf", 511, "tile");
	cr_expect(strstr(kinds(answer), "the tile is damaged"), "%s", kinds(answer));
	json_decref(answer);
}

Test(tools_fsck_log, a_changed_upper_tile_is_named)
{
	uint8_t key[9];
	json_t *answer;

	flip("log", "tile", tile_key(key, 1, 0), 0);
	answer = expect_problem("tile", -1, "");
	cr_expect(strstr(kinds(answer), "tile 1/0 hash 1"), "%s", kinds(answer));
	json_decref(answer);
}

Test(tools_fsck_log, a_missing_and_a_superfluous_tile_are_named)
{
	uint8_t key[9], hash[32] = {0};

	add_row("log", "tile", tile_key(key, 0, 9), bytes_of(hash, 32));
	json_decref(expect_problem("tile", -1, ""));
	remove_row("log", "tile", tile_key(key, 0, 9));
	expect_sound();
	remove_row("log", "tile", tile_key(key, 1, 0));
	json_decref(expect_problem("tile", -1, ""));
}

Test(tools_fsck_log, a_changed_checkpoint_is_named)
{
	uint8_t key[9];
	json_t *answer;

	flip("log", "head", number_key(key, 200), 20); /* in the signature */
	answer = expect_problem("head", -1, "journal");
	cr_expect(strstr(kinds(answer), "head 200"));
	cr_expect(json_integer_value(json_object_get(the_log(answer), "last_good_head")) == COUNT);
	json_decref(answer);
}

Test(tools_fsck_log, a_missing_checkpoint_is_remembered_by_the_journal)
{
	uint8_t key[9];

	remove_row("log", "head", number_key(key, 200));
	json_decref(expect_problem("journal", -1, ""));
}

Test(tools_fsck_log, the_given_verifier_key_is_the_one_that_counts)
{
	struct log_signer other;
	uint8_t seed[32] = {9};
	char vkey[512], option[600];
	json_t *answer;
	int code;

	cr_assert(log_signer_from_seed(seed, ORIGIN, &other) == RC_OK);
	cr_assert(vkey_text(&other.vkey, vkey, sizeof(vkey)) > 0);
	snprintf(option, sizeof(option), "--vkey '%s'", vkey);
	answer = fsck(&code, option);
	cr_expect(code == 1 && strstr(kinds(answer), "no signature of the log's key"));
	cr_expect(strstr(kinds(answer), "not that of the verifier key"));
	json_decref(answer);
	log_signer_close(&other);
}
