/*
 * test_tools_backup_help.h - what the parts of ectl backup need of the rest of ectl, and a folder.
 */
#ifndef TEST_TOOLS_BACKUP_HELP_H
#define TEST_TOOLS_BACKUP_HELP_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ECT_VERSION "test"
#include "tools/ectl/backup.h"
#include "tools/ectl/call.h"
#include "tools/ectl/output.c"

#ifndef HELP
#define HELP __attribute__((unused)) static
#endif

json_t *
show_time_ms(int64_t ms)
{
	return json_integer(ms);
}

static char place[64];

HELP char *
at(const char *name)
{
	return backup_path(place, name);
}

HELP void
shell(const char *format, ...)
{
	char command[2048];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(command, sizeof(command), format, list);
	va_end(list);
	cr_assert(system(command) == 0, "%s", command);
}

HELP void
place_make(void)
{
	(void)snprintf(place, sizeof(place), "/tmp/ectledger-backup-XXXXXX");
	cr_assert(mkdtemp(place) != NULL);
}

HELP void
place_remove(void)
{
	shell("rm -rf '%s'", place);
}

HELP void
put_file(const char *name, const char *text)
{
	char *path = at(name);
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
	free(path);
}

HELP bool
is_there(const char *name)
{
	char *path = at(name);
	struct stat st;
	bool there = lstat(path, &st) == 0;

	free(path);
	return there;
}

#endif
