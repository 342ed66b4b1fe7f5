/* test_tools_backup_check.c - damage to a log is found in its copy, and then there is no backup. */
#include "unit/test_tools_fsck_help.h"

static char out[256];

static void
begin(void)
{
	set_up();
	snprintf(out, sizeof(out), "%s.backup", root);
}

static void
end(void)
{
	char command[600];

	snprintf(command, sizeof(command), "rm -rf '%s' '%s'.tmp-* '%s.again'", out, out, root);
	cr_assert(system(command) == 0);
	tear_down();
}

TestSuite(tools_backup_check, .init = begin, .fini = end, .timeout = 120);

static int
run(const char *format, ...)
{
	char path[512], words[1024], command[2048];
	va_list list;
	int status;

	va_start(list, format);
	vsnprintf(words, sizeof(words), format, list);
	va_end(list);
	program(path, sizeof(path));
	snprintf(command, sizeof(command), "'%s' %s >/dev/null 2>&1", path, words);
	status = system(command);
	cr_assert(WIFEXITED(status), "it must not die");
	return WEXITSTATUS(status);
}

static int
backup(const char *options)
{
	char command[1200];
	int code = run("backup '%s' '%s' %s", root, out, options);

	cr_assert_eq(access(out, F_OK) == 0, code == 0, "a backup exactly when it is whole");
	snprintf(command, sizeof(command), "ls -d '%s'.tmp-* >/dev/null 2>&1", out);
	cr_assert_neq(system(command), 0, "nothing half made is left");
	snprintf(command, sizeof(command), "rm -rf '%s'", out);
	cr_assert_eq(system(command), 0);
	return code;
}

Test(tools_backup_check, a_sound_log_is_copied)
{
	cr_assert_eq(backup(""), 0);
	cr_assert_eq(backup("--quick"), 0);
	cr_assert_eq(backup("--no-keys"), 0);
}

Test(tools_backup_check, a_changed_bit_in_an_entry_is_found_unless_quick)
{
	uint8_t room[9];

	flip("log", "entry", number_key(room, 5), 40);
	cr_assert_eq(backup(""), 1);
	cr_assert_eq(backup("--quick"), 0, "that is what quick does not look at");
}

Test(tools_backup_check, a_changed_bit_in_any_tile_is_found)
{
	uint8_t room[9];

	for (uint64_t number = 0; number < 3; number++) {
		flip("log", "tile", tile_key(room, 0, number), 32 * 10);
		cr_assert_eq(backup(""), 1, "tile 0/%d", (int)number);
		flip("log", "tile", tile_key(room, 0, number), 32 * 10);
	}
	flip("log", "tile", tile_key(room, 1, 0), 0);
	cr_assert_eq(backup(""), 1, "tile 1/0");
	cr_assert_eq(backup("--quick"), 1, "it is on the right edge");
	flip("log", "tile", tile_key(room, 1, 0), 0);
	cr_assert_eq(backup(""), 0);
}

Test(tools_backup_check, a_newest_checkpoint_that_does_not_verify_is_found)
{
	uint8_t room[9];

	flip("log", "head", number_key(room, COUNT), 20);
	cr_assert_eq(backup("--quick"), 1);
}

Test(tools_backup_check, a_log_that_lacks_its_newest_checkpoint_is_found)
{
	uint8_t room[9];

	remove_row("log", "head", number_key(room, COUNT));
	cr_assert_eq(backup("--quick"), 1);
}

Test(tools_backup_check, a_journal_that_is_ahead_is_found)
{
	copy_file("log/data.mdb", "old.mdb");
	append(COUNT, COUNT + BATCH);
	copy_file("old.mdb", "log/data.mdb");
	cr_assert_eq(backup("--quick"), 1);
}

Test(tools_backup_check, a_log_whose_journal_is_gone_is_not_copied)
{
	char *path = path_of("logs/default/journal/heads");

	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(backup("--quick"), 1);
	free(path);
}

Test(tools_backup_check, another_logs_key_beside_it_is_found)
{
	struct vkey other;
	uint8_t key[32] = {1};
	char text[512];

	vkey_make(ORIGIN, 1, key, &other);
	cr_assert_gt(vkey_text(&other, text, sizeof(text)), 0);
	file_write(root, "logs/default/vkey", text);
	cr_assert_eq(backup("--quick"), 1);
}

/* The folder of a server that lost its database, with each journal that it may have. */
Test(tools_backup_check, a_journal_decides_whether_a_database_is_put_back)
{
	size_t size, old;
	uint8_t *bytes = journal_read(&size);
	char command[1200];

	old = journal_record(bytes, size, 3); /* two checkpoints earlier */
	cr_assert_eq(run("backup '%s' '%s'", root, out), 0);
	append(COUNT, COUNT + BATCH);
	cr_assert_eq(run("restore '%s' '%s'", out, root), 1, "journal and database are newer");
	snprintf(command, sizeof(command), "rm -rf '%s/logs/default/log'", root);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(run("restore '%s' '%s'", out, root), 1, "the journal alone is");
	bytes = journal_read(&size);
	journal_write(bytes, journal_record(bytes, size, 1) - 1);
	bytes = journal_read(&size);
	journal_write(bytes, old);
	cr_assert_eq(run("restore '%s' '%s'", out, root), 0, "a beginning");
	expect_sound();
	bytes = journal_read(&size);
	bytes[old - 20] ^= 1;
	journal_write(bytes, size);
	cr_assert_eq(run("restore '%s' '%s'", out, root), 1, "a damaged one");
	journal_write(bytes, 0);
	cr_assert_eq(run("restore '%s' '%s'", out, root), 1, "an empty file is a damaged one");
}
