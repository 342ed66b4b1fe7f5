/*
 * config_read.c - text becomes configuration: the file, the environment, the flags; all three end
 * in option_set().
 *
 * Invariants: an option is known by one name everywhere (file: name; flag: --na-me; environment:
 * ECTLEDGER_NA_ME); a later reader replaces what an earlier one set, except grants, which add up; a
 * refusal in the file names its line.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "option.h"

/* ---- the file ---- */

static bool
name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > CONFIG_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static enum rc
read_section(struct config *c, char *line, struct config_log **log, struct why *why)
{
	struct config_log *found;
	size_t n = strlen(line);
	char *name;

	if (line[n - 1] != ']')
		return why_set(why, RC_BAD_CONFIG, "CONFIG sections", NULL, 0, "no ]");
	line[n - 1] = '\0';
	if (strcmp(line, "[server") == 0) {
		*log = &c->logs[0];
		return RC_OK;
	}
	if (strncmp(line, "[log ", 5) != 0)
		return why_set(why, RC_BAD_CONFIG, "CONFIG sections", NULL, 0,
		    "a section is [server] or [log NAME]");
	name = line + 5 + strspn(line + 5, " ");
	if (!name_ok(name))
		return why_set(why, RC_BAD_CONFIG, "CONFIG sections", NULL, 0,
		    "a log's name has a-z 0-9 . _ - and at most %d characters", CONFIG_NAME_MAX);
	if ((found = config_find_log(c, name)) != NULL) {
		*log = found;
		return RC_OK;
	}
	if (c->log_count == CONFIG_LOGS_MAX)
		return why_set(why, RC_BAD_CONFIG, "CONFIG sections", NULL, 0, "more than %d logs",
		    CONFIG_LOGS_MAX);
	return config_add_log(c, name, log);
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]) != NULL; n--)
		s[n - 1] = '\0';
	return s;
}

static enum rc
read_line(struct config *c, char *line, struct config_log **log, struct why *why)
{
	const struct option *o;
	char *equals, *name;

	line = trim(line);
	if (line[0] == '\0' || line[0] == '#')
		return RC_OK;
	if (line[0] == '[')
		return read_section(c, line, log, why);
	if ((equals = strchr(line, '=')) == NULL)
		return why_set(why, RC_BAD_CONFIG, "CONFIG lines", NULL, 0, "not \"key = value\"");
	*equals = '\0';
	name = trim(line);
	if ((o = option_find(name, strlen(name))) == NULL)
		return why_set(
		    why, RC_BAD_CONFIG, "CONFIG lines", NULL, 0, "%.60s: no such option", name);
	if (!o->per_log && *log != &c->logs[0])
		return option_bad(why, o, "belongs to the server, not to a log");
	return option_set(c, *log, o, trim(equals + 1), why);
}

enum rc
config_read(struct config *c, struct bytes text, struct why *why)
{
	struct config_log *log = &c->logs[0];
	char *copy, *line, *end;
	enum rc rc = RC_OK;
	size_t number = 0;

	if (text.n > CONFIG_FILE_MAX)
		return why_set(why, RC_BAD_CONFIG, "CONFIG size", NULL, 0, "the file is too large");
	if (text.n > 0 && memchr(text.p, 0, text.n) != NULL)
		return why_set(why, RC_BAD_CONFIG, "CONFIG lines", NULL, 0, "the file holds a NUL");
	if ((copy = malloc(text.n + 1)) == NULL)
		return RC_NO_MEMORY;
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	c->in_folder = true;
	for (line = copy; rc == RC_OK && line != NULL; line = end) {
		if ((end = strchr(line, '\n')) != NULL)
			*end++ = '\0';
		number++;
		rc = read_line(c, line, &log, why);
	}
	c->in_folder = false;
	free(copy);
	if (rc != RC_OK && why != NULL)
		why->at = number;
	return rc;
}

enum rc
config_read_file(struct config *c, struct why *why)
{
	char *path = NULL, *text = NULL;
	enum rc rc = RC_NO_MEMORY;
	ssize_t n = 0;
	size_t size = 0;
	int fd = -1;

	if (asprintf(&path, "%s/ledger.conf", c->folder) < 0 ||
	    (text = malloc(CONFIG_FILE_MAX + 1)) == NULL)
		goto out;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
		rc = why_set(why, RC_BAD_CONFIG, "CONFIG file", NULL, 0,
		    "%.90s: %s (make one: ectledgerd init)", path, strerror(errno));
		goto out;
	}
	while (
	    size <= CONFIG_FILE_MAX && (n = read(fd, text + size, CONFIG_FILE_MAX + 1 - size)) > 0)
		size += (size_t)n;
	rc = n < 0 ? why_set(why, RC_IO, "CONFIG file", NULL, 0, "%.90s: %s", path, strerror(errno))
		   : config_read(c, bytes_of(text, size), why);

out:
	if (fd >= 0)
		close(fd);
	free(path);
	free(text);
	return rc;
}

/* ---- environment and flags: server options, and those of the default log ---- */

enum rc
config_read_env(struct config *c, char *const *env, struct why *why)
{
	static const char prefix[] = "ECTLEDGER_";
	enum rc rc = RC_OK;

	for (; rc == RC_OK && *env != NULL; env++) {
		const char *equals = strchr(*env, '=');
		const char *from = *env + sizeof prefix - 1;
		const struct option *o;
		char name[48];
		size_t n;

		if (strncmp(*env, prefix, sizeof prefix - 1) != 0 || equals == NULL)
			continue;
		n = (size_t)(equals - from);
		if (n >= sizeof name)
			continue;
		for (size_t i = 0; i < n; i++)
			name[i] = (char)tolower((unsigned char)from[i]);
		if ((o = option_find(name, n)) != NULL) /* others may use the prefix too */
			rc = option_set(c, &c->logs[0], o, equals + 1, why);
	}
	return rc;
}

enum rc
config_read_flags(struct config *c, int argc, char *const *argv, struct why *why)
{
	enum rc rc = RC_OK;

	for (int i = 0; rc == RC_OK && i < argc; i++) {
		const char *flag = argv[i], *value = strchr(flag, '=');
		size_t n = value != NULL ? (size_t)(value - flag) : strlen(flag);
		const struct option *o = NULL;
		char name[48];

		if (strncmp(flag, "--", 2) == 0 && n > 2 && n - 2 < sizeof name) {
			for (size_t j = 2; j < n; j++)
				name[j - 2] = flag[j];
			for (size_t j = 0; j < n - 2; j++)
				name[j] = (char)(name[j] == '-' ? '_' : name[j]);
			o = option_find(name, n - 2);
		}
		if (o == NULL)
			return why_set(why, RC_BAD_CONFIG, "CONFIG flags", NULL, 0,
			    "%.60s: no such option (see -h)", flag);
		if (value != NULL)
			value++;
		else if (o->kind == OPTION_SWITCH)
			value = "yes";
		else if (i + 1 < argc)
			value = argv[++i];
		else
			return option_bad(why, o, "wants a value");
		rc = option_set(c, &c->logs[0], o, value, why);
	}
	return rc;
}

/* ---- all of it ---- */

enum rc
config_load(
    struct config **out, const char *folder, const struct config_sources *from, struct why *why)
{
	struct config *c = NULL;
	enum rc rc = config_new(&c, folder);

	if (rc == RC_OK)
		rc = config_read_file(c, why);
	if (rc == RC_OK)
		rc = config_read_env(c, from->env, why);
	if (rc == RC_OK)
		rc = config_read_flags(c, from->argc, from->argv, why);
	if (rc == RC_OK)
		rc = config_finish(c, why);
	if (rc != RC_OK) {
		config_free(c);
		c = NULL;
	}
	*out = c;
	return rc;
}
