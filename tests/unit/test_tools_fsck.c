/*
 * test_tools_fsck.c - what ectl fsck says of sound logs, of none, and of files that are damaged as
 * files.
 */
#include "unit/test_tools_fsck_help.h"

TestSuite(tools_fsck, .init = set_up, .fini = tear_down);

/* ---- sound logs ---- */

Test(tools_fsck, finds_nothing_in_a_sound_log_and_gives_its_root)
{
	struct policy_rules rules;
	struct ledger *l;
	struct store_read *read;
	struct checkpoint cp;
	struct bytes note;
	char hex[HASH_HEX_SIZE];
	uint64_t size;
	json_t *answer, *log;
	int code;

	answer = fsck(&code, "");
	log = the_log(answer);
	cr_assert(code == 0, "%s", kinds(answer));
	l = open_ledger(&rules, false);
	cr_assert(store_read_begin(ledger_store(l), &read) == RC_OK);
	cr_assert(store_get_last_head(read, &size, &note) == RC_OK && size == COUNT);
	cr_assert(checkpoint_open(note, ledger_vkey(l), &cp, NULL) == RC_OK);
	hash_hex(&cp.root, hex);
	store_read_end(read);
	ledger_close(l);
	cr_expect(strcmp(str(answer, "root"), hex) == 0);
	cr_expect(json_integer_value(json_object_get(answer, "entries")) == COUNT);
	cr_expect(json_integer_value(json_object_get(answer, "heads")) == COUNT / BATCH + 2);
	cr_expect(json_integer_value(json_object_get(log, "last_good_head")) == COUNT);
	cr_expect(json_integer_value(json_object_get(log, "signatures_checked")) == COUNT - 1);
	cr_expect(json_integer_value(json_object_get(log, "index_reach")) == COUNT);
	cr_expect(strcmp(str(log, "index"), "ok") == 0);
	cr_expect(strcmp(str(log, "origin"), ORIGIN) == 0);
	json_decref(answer);
}

Test(tools_fsck, without_the_trust_folder_the_log_s_own_key_entries_are_enough)
{
	char *path = path_of("trust/example.com/agents.jwks.json");
	json_t *answer, *log;
	int code;

	cr_assert(unlink(path) == 0);
	answer = fsck(&code, "");
	log = the_log(answer);
	cr_expect(code == 0);
	cr_expect(json_integer_value(json_object_get(log, "signatures_checked")) == COUNT - 1);
	cr_expect(json_integer_value(json_object_get(log, "signatures_not_checked")) == 0);
	json_decref(answer);
	free(path);
}

/* A log of format 1 has no key entries. */
Test(tools_fsck, with_neither_signatures_are_not_checked_and_that_is_said)
{
	char *path = path_of("."), command[2048];
	json_t *answer;
	int code;

	snprintf(command, sizeof(command),
	    "cd '%s' && rm -r * && tar -xJf '%s/data/format1.tar.xz' --strip-components=1 && "
	    "rm -r trust",
	    path, TEST_DATA);
	cr_assert(system(command) == 0);
	answer = fsck(&code, "");
	cr_expect(code == 0, "%s", kinds(answer));
	cr_expect(
	    json_integer_value(json_object_get(the_log(answer), "signatures_not_checked")) == 18);
	json_decref(answer);
	free(path);
}

Test(tools_fsck, an_absent_index_is_no_problem)
{
	char *path = path_of("logs/default/index");
	json_t *answer;
	int code;

	cr_assert(index_destroy(path) == RC_OK);
	free(path);
	answer = fsck(&code, "");
	cr_expect(code == 0, "%s", kinds(answer));
	cr_expect(strcmp(str(the_log(answer), "index"), "absent") == 0);
	json_decref(answer);
}

Test(tools_fsck, a_folder_without_logs_is_a_usage_error)
{
	char *logs = path_of("logs"), *away = path_of("away");
	int code;

	cr_assert(rename(logs, away) == 0);
	cr_expect(fsck(&code, "") == NULL && code == 2);
	cr_assert(rename(away, logs) == 0);
	cr_expect(fsck(&code, "--level 6") == NULL && code == 2);
	cr_expect(fsck(&code, "--level 0") == NULL && code == 2);
	free(logs);
	free(away);
}

/* ---- damage to the files themselves ---- */

static void
damage_file(const char *name, size_t offset, size_t size)
{
	char path[512];
	uint8_t noise[4096];
	FILE *f;

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(offset * 31 + i * 7 + i / 256);
	snprintf(path, sizeof(path), "%s/%s", log_folder, name);
	cr_assert((f = fopen(path, "r+")) && fseek(f, (long)offset, SEEK_SET) == 0);
	cr_assert(fwrite(noise, 1, size, f) == size && fclose(f) == 0);
}

Test(tools_fsck, a_database_that_was_cut_off_is_a_problem_and_not_a_crash)
{
	char *path = path_of("logs/default/log/data.mdb");
	struct stat st;

	cr_assert(stat(path, &st) == 0 && truncate(path, st.st_size / 2) == 0);
	json_decref(expect_problem("database", -1, ""));
	cr_assert(truncate(path, 100) == 0);
	json_decref(expect_problem("database", -1, ""));
	cr_assert(truncate(path, 0) == 0);
	json_decref(expect_problem("database", -1, ""));
	cr_assert(unlink(path) == 0);
	json_decref(expect_problem("database", -1, ""));
	free(path);
}

Test(tools_fsck, an_index_that_was_cut_off_does_not_hide_the_log)
{
	char *path = path_of("logs/default/index/data.mdb");
	struct stat st;
	json_t *answer;

	cr_assert(stat(path, &st) == 0 && truncate(path, st.st_size / 2) == 0);
	answer = expect_problem("index", -1, "");
	cr_expect(json_integer_value(json_object_get(answer, "entries")) == COUNT);
	json_decref(answer);
	free(path);
}

Test(tools_fsck, noise_in_any_page_never_ends_without_an_answer)
{
	struct stat st;
	char *path = path_of("logs/default/log/data.mdb");
	size_t found = 0, tried = 0;

	cr_assert(stat(path, &st) == 0);
	copy_file("log/data.mdb", "good.mdb");
	for (size_t page = 2; page < (size_t)st.st_size / 4096; page += 9) {
		json_t *answer;
		int code;

		copy_file("good.mdb", "log/data.mdb");
		damage_file("log/data.mdb", page * 4096, 4096);
		answer = fsck(&code, "");
		cr_assert(code == 0 || code == 1, "page %zu: code %d", page, code);
		cr_assert(json_is_array(json_object_get(answer, "problems")), "page %zu", page);
		found += code == 1;
		tried++;
		json_decref(answer);
	}
	/* Free pages hold nothing, so not every page is missed. */
	cr_assert(tried > 10 && found * 2 > tried, "%zu of %zu", found, tried);
	free(path);
}
