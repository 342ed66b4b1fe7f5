/* test_tools_backup_manifest.c - the list of what a backup is, and everything that is not one. */
#include "unit/test_tools_backup_help.h"

#include "tools/ectl/backup_files.c"
#include "tools/ectl/backup_manifest.c"

static struct backup_log logs[1];

static void
begin(void)
{
	uint64_t bytes = 0;

	place_make();
	shell("cd '%s' && mkdir -p logs/default trust && echo abc >logs/default/vkey && echo x "
	      ">ledger.conf && : >trust/empty",
	    place);
	logs[0].name = (char *)(uintptr_t) "default";
	strcpy(logs[0].key.name, "test.example/log");
	logs[0].entries = 7;
	memset(logs[0].root, 'a', 64);
	logs[0].checkpoint = (char *)(uintptr_t) "note\n";
	logs[0].format = 2;
	cr_assert(backup_manifest_write(place, logs, 1, true, &bytes));
	cr_assert_eq(bytes, 4 + 2 + 0);
}

TestSuite(tools_backup_manifest, .init = begin, .fini = place_remove);

static int
try_read(void)
{
	json_t *m = NULL;
	int code = backup_manifest_read(place, &m);

	cr_assert((code == EXIT_YES) == (m != NULL));
	if (code == EXIT_YES)
		code = backup_manifest_complete(place, m);
	json_decref(m);
	return code;
}

/* Another text, with its own sum. */
static void
put_manifest(const char *text)
{
	put_file(BACKUP_MANIFEST, text);
	shell("cd '%s' && sha256sum " BACKUP_MANIFEST " >" BACKUP_MANIFEST_SUM, place);
}

Test(tools_backup_manifest, what_was_written_is_read)
{
	json_t *m = NULL, *file;

	cr_assert_eq(backup_manifest_read(place, &m), EXIT_YES);
	cr_assert_eq(json_array_size(json_object_get(m, "files")), 3);
	file = json_array_get(json_object_get(m, "files"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(file, "path")), "ledger.conf");
	cr_assert_eq(json_integer_value(json_object_get(file, "bytes")), 2);
	json_decref(m);
	cr_assert_eq(try_read(), EXIT_YES);
	shell("cd '%s' && sha256sum -c --quiet " BACKUP_MANIFEST_SUM, place);
}

Test(tools_backup_manifest, a_changed_bit_in_either_file_is_found)
{
	static const char *const names[] = {BACKUP_MANIFEST, BACKUP_MANIFEST_SUM};

	for (size_t i = 0; i < 2; i++) {
		char *path = at(names[i]);
		FILE *f = fopen(path, "r+");
		long size = 0;

		cr_assert(f != NULL && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) > 60);
		for (long n = 0; n < size; n += 7) {
			int c;

			cr_assert(fseek(f, n, SEEK_SET) == 0 && (c = fgetc(f)) != EOF);
			cr_assert(fseek(f, n, SEEK_SET) == 0 && fputc(c ^ 1, f) != EOF);
			cr_assert(fflush(f) == 0);
			cr_assert_eq(try_read(), EXIT_NO, "%s byte %ld", names[i], n);
			cr_assert(fseek(f, n, SEEK_SET) == 0 && fputc(c, f) != EOF);
			cr_assert(fflush(f) == 0);
		}
		fclose(f);
		cr_assert_eq(try_read(), EXIT_YES);
		cr_assert(unlink(path) == 0);
		cr_assert_eq(try_read(), EXIT_NO, "%s is missing", names[i]);
		begin();
		free(path);
	}
}

Test(tools_backup_manifest, what_it_does_not_name_is_no_part_of_the_backup)
{
	put_file("trust/mallory.jwks.json", "{}");
	cr_assert_eq(try_read(), EXIT_NO);
}

#define SUM "0000000000000000000000000000000000000000000000000000000000000000"
#define LOG                                                                                        \
	"{\"name\":\"default\",\"origin\":\"o\",\"size\":1,\"root\":\"00\",\"checkpoint\":\"n\"}"
#define FILE_OF(path)	      "{\"path\":\"" path "\",\"bytes\":1,\"sha256\":\"" SUM "\"}"
#define MANIFEST(logs, files) "{\"manifest\":1,\"logs\":[" logs "],\"files\":[" files "]}"

Test(tools_backup_manifest, anything_else_is_no_manifest)
{
	static const char *const bad[] = {
	    "",
	    "[]",
	    "{}",
	    "{\"manifest\":1}",
	    "{\"manifest\":2,\"logs\":[" LOG "],\"files\":[" FILE_OF("a") "]}",
	    "{\"manifest\":\"1\",\"logs\":[" LOG "],\"files\":[" FILE_OF("a") "]}",
	    "{\"manifest\":1,\"manifest\":1,\"logs\":[" LOG "],\"files\":[" FILE_OF("a") "]}",
	    MANIFEST("", FILE_OF("a")),
	    MANIFEST(LOG, ""),
	    MANIFEST("{}", FILE_OF("a")),
	    MANIFEST("\"default\"", FILE_OF("a")),
	    MANIFEST(LOG, "{\"path\":\"a\",\"bytes\":1,\"sha256\":\"00\"}"),
	    MANIFEST(LOG, "{\"path\":\"a\",\"bytes\":\"1\",\"sha256\":\"" SUM "\"}"),
	    MANIFEST(LOG, FILE_OF("")),
	    MANIFEST(LOG, FILE_OF("/a")),
	    MANIFEST(LOG, FILE_OF("../a")),
	    MANIFEST(LOG, FILE_OF("a/../b")),
	    MANIFEST(LOG, FILE_OF("a/..")),
	    MANIFEST(LOG, FILE_OF("a/")),
	    MANIFEST(LOG, FILE_OF("a//b")),
	    MANIFEST(LOG, FILE_OF("./a")),
	    MANIFEST(LOG, FILE_OF("a\\u0000b")),
	    MANIFEST(
		"{\"name\":\"a/b\",\"origin\":\"o\",\"size\":1,\"root\":\"00\"}", FILE_OF("a")),
	    MANIFEST("{\"name\":\"..\",\"origin\":\"o\",\"size\":1,\"root\":\"00\"}", FILE_OF("a")),
	};
	json_t *m = NULL;

	put_manifest(MANIFEST(LOG, FILE_OF("a") "," FILE_OF("b/c.d/e")));
	cr_assert_eq(backup_manifest_read(place, &m), EXIT_YES);
	json_decref(m);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		put_manifest(bad[i]);
		cr_assert_eq(backup_manifest_read(place, &m), EXIT_NO, "%s", bad[i]);
		cr_assert_null(m);
	}
}
