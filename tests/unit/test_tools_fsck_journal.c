/* test_tools_fsck_journal.c - a head journal that is ahead, behind, torn or damaged. */
#include "unit/test_tools_fsck_help.h"

TestSuite(tools_fsck_journal, .init = set_up, .fini = tear_down);

Test(tools_fsck_journal, a_database_that_was_restored_from_an_old_copy_is_noticed)
{
	json_t *answer;

	copy_file("log/data.mdb", "old.mdb");
	append(COUNT, COUNT + 2 * BATCH);
	expect_sound();
	copy_file("old.mdb", "log/data.mdb");
	answer = expect_problem("journal", -1, "index");
	cr_expect(strstr(kinds(answer), "the journal is ahead"), "%s", kinds(answer));
	json_decref(answer);
}

Test(tools_fsck_journal,
    one_checkpoint_that_the_journal_lacks_is_what_a_crash_leaves_and_two_are_not)
{
	size_t size;
	uint8_t *bytes = journal_read(&size);

	journal_write(bytes, journal_record(bytes, size, 1));
	expect_sound();
	journal_write(bytes, journal_record(bytes, size, 1) + 30);
	expect_sound(); /* torn */
	journal_write(bytes, journal_record(bytes, size, 2));
	json_decref(expect_problem("journal", -1, ""));
}

Test(tools_fsck_journal, a_damaged_record_in_the_journal_is_named_with_its_offset)
{
	size_t size, at;
	uint8_t *bytes = journal_read(&size);
	char want[64];
	json_t *answer;

	at = journal_record(bytes, size, 3);
	bytes[at + 25] ^= 1;
	journal_write(bytes, size);
	snprintf(want, sizeof(want), "journal/heads offset %zu", at);
	answer = expect_problem("journal", -1, "");
	cr_expect(strstr(kinds(answer), want), "%s", kinds(answer));
	json_decref(answer);
}

Test(tools_fsck_journal, a_journal_that_is_not_there_is_a_problem)
{
	char *path = path_of("logs/default/journal/heads");

	cr_assert(unlink(path) == 0);
	json_decref(expect_problem("journal", -1, ""));
	free(path);
}
