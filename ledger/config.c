/*
 * config.c - one table of options; three readers that end in the same setter.
 *
 * Invariants: an option is known by one name everywhere (file: name; flag: --na-me; environment: ECTLEDGER_NA_ME); a value is judged by its row's
 * kind and bounds wherever it came from; a later reader replaces what an earlier one set, except grants, which add up.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "base/text.h"
#include "seq/seq.h"

enum option_kind { TEXT, PATH, SWITCH, COUNT, BYTES, MS, SECONDS, LEVEL, GRANT };

struct option {
	const char *name;
	enum option_kind kind;
	bool per_log;
	bool live; /* taken over on SIGHUP */
	size_t at; /* in struct config, or struct config_log; a grant's right */
	uint64_t min, max;
	const char *fallback; /* NULL: empty, or the rules' own default */
	const char *text;
};

#define S(field) offsetof(struct config, field)
#define L(field) offsetof(struct config_log, field)
#define KIB	 UINT64_C(1024)
#define MIB	 (1024 * KIB)
#define GIB	 (1024 * MIB)
#define DAY_MS	 UINT64_C(86400000)

#define DEFERRED_AGE_S (INT64_C(10) * 366 * 86400) /* of a deferred log that says nothing else */

static const struct option options[] = {
#include "options.def"
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

/* ---- values ---- */

static enum rc
bad(struct why *why, const struct option *o, const char *text)
{
	return why_set(why, RC_BAD_CONFIG, "CONFIG values", o->name, 0, "%s: %s", o->name, text);
}

static bool
read_switch(const char *v, bool *out)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < 4; i++) {
		if (strcmp(v, yes[i]) == 0 || strcmp(v, no[i]) == 0) {
			*out = strcmp(v, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

struct unit {
	const char *name;
	uint64_t times;
};
static const struct unit byte_units[] = {
    {"KiB", KIB}, {"MiB", MIB}, {"GiB", GIB}, {"B", 1}, {NULL, 0}};
static const struct unit ms_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};
static const struct unit s_units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};
static const struct unit no_units[] = {{NULL, 0}};

static const struct unit *
units_of(enum option_kind kind)
{
	return kind == BYTES	 ? byte_units
	       : kind == MS	 ? ms_units
	       : kind == SECONDS ? s_units
				 : no_units;
}

static bool
read_number(const struct option *o, const char *v, uint64_t *out)
{
	const struct unit *u = units_of(o->kind);
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)v[0]))
		return false;
	errno = 0;
	n = strtoull(v, &end, 10);
	if (errno != 0)
		return false;
	while (*end == ' ')
		end++;
	if (*end != '\0') {
		while (u->name != NULL && strcmp(u->name, end) != 0)
			u++;
		if (u->name == NULL || n > UINT64_MAX / u->times)
			return false;
		n *= u->times;
	}
	*out = n;
	return n >= o->min && n <= o->max;
}

static enum rc
add_grant(
    struct policy_rules *rules, const struct option *o, const char *p, size_t n, struct why *why)
{
	struct policy_grant *grants;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] <= 0x20 || (unsigned char)p[i] >= 0x7f ||
		    (p[i] == '*' && (i + 1 != n || i == 0 || p[i - 1] != '/')))
			return bad(why, o, "a pattern is a URI, or a prefix that ends in /*");
	grants = realloc(rules->grants, (rules->grant_count + 1) * sizeof *grants);
	if (grants == NULL)
		return RC_NO_MEMORY;
	rules->grants = grants;
	grants[rules->grant_count].pattern = strndup(p, n);
	grants[rules->grant_count].rights = (unsigned)o->at;
	if (grants[rules->grant_count].pattern == NULL)
		return RC_NO_MEMORY;
	rules->grant_count++;
	return RC_OK;
}

/* "a, b | c" */
static enum rc
add_grants(struct policy_rules *rules, const struct option *o, const char *v, struct why *why)
{
	enum rc rc = RC_OK;

	while (rc == RC_OK && *(v += strspn(v, ",| \t")) != '\0') {
		size_t n = strcspn(v, ",| \t");

		rc = add_grant(rules, o, v, n, why);
		v += n;
	}
	return rc;
}

static enum rc
set_text(struct config *c, const struct option *o, char **to, const char *v, struct why *why)
{
	char *copy = NULL;
	int n = 0;

	if (!utf8_ok(bytes_str(v)))
		return bad(why, o, "not UTF-8");
	if (v[0] != '\0') {
		if (o->kind == PATH && v[0] != '/' && c->in_folder)
			n = asprintf(&copy, "%s/%s", c->folder, v);
		else
			n = asprintf(&copy, "%s", v);
		if (n < 0)
			return RC_NO_MEMORY;
	}
	free(*to);
	*to = copy;
	return RC_OK;
}

/* The one setter. */
static enum rc
set(struct config *c, struct config_log *log, const struct option *o, const char *v,
    struct why *why)
{
	char *base = o->per_log ? (char *)log : (char *)c;
	void *to = base + o->at; /* not a grant's */
	uint64_t n;

	switch (o->kind) {
	case TEXT:
	case PATH:
		return set_text(c, o, to, v, why);
	case SWITCH:
		return read_switch(v, to) ? RC_OK : bad(why, o, "yes or no");
	case COUNT:
	case BYTES:
	case MS:
		return read_number(o, v, to) ? RC_OK : bad(why, o, "not a number within bounds");
	case SECONDS:
		if (!read_number(o, v, &n))
			return bad(why, o, "not a number within bounds");
		*(int64_t *)to = (int64_t)n;
		return RC_OK;
	case LEVEL:
		if (v[0] != 'L' || v[1] < '1' || v[1] > '3' || v[2] != '\0')
			return bad(why, o, "L1, L2 or L3");
		*(enum token_level *)to = (enum token_level)(v[1] - '0');
		return RC_OK;
	case GRANT:
		return add_grants(&log->rules, o, v, why);
	}
	must(o->kind <= GRANT); /* all kinds are above */
	return RC_INTERNAL;
}

static const struct option *
find(const char *name, size_t n)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (strlen(options[i].name) == n && memcmp(options[i].name, name, n) == 0)
			return &options[i];
	return NULL;
}

/* ---- life ---- */

static enum rc
log_init(struct config *c, const char *name, struct config_log **out)
{
	struct config_log *log = &c->logs[c->log_count];
	enum rc rc = RC_OK;

	must(c->log_count < CONFIG_LOGS_MAX);
	memset(log, 0, sizeof *log);
	policy_rules_init(&log->rules);
	log->rules.age_max_s = 0; /* until config_finish() knows whether the log is deferred */
	c->log_count++;
	log->name = strdup(name);
	if (log->name == NULL || asprintf(&log->folder, "%s/logs/%s", c->folder, name) < 0 ||
	    asprintf(&log->key, "%s/key.pem", log->folder) < 0)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < OPTION_COUNT && rc == RC_OK; i++)
		if (options[i].per_log && options[i].fallback != NULL)
			rc = set(c, log, &options[i], options[i].fallback, NULL);
	*out = log;
	return rc;
}

enum rc
config_new(struct config **out, const char *folder)
{
	struct config *c = calloc(1, sizeof *c);
	struct config_log *log;
	enum rc rc = RC_NO_MEMORY;

	*out = NULL;
	if (c == NULL || (c->folder = strdup(folder)) == NULL)
		goto out;
	if ((rc = log_init(c, "default", &log)) != RC_OK)
		goto out;
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (!options[i].per_log && options[i].fallback != NULL &&
		    (rc = set(c, NULL, &options[i], options[i].fallback, NULL)) != RC_OK)
			goto out;
	*out = c;
	c = NULL;

out:
	config_free(c);
	return rc;
}

static void
free_texts(struct config *c, struct config_log *log)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];

		if (o->per_log == (log != NULL) && (o->kind == TEXT || o->kind == PATH)) {
			char **p = (char **)(void *)((log ? (char *)log : (char *)c) + o->at);

			free(*p);
			*p = NULL;
		}
	}
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->log_count; i++) {
		free_texts(c, &c->logs[i]);
		policy_rules_release(&c->logs[i].rules);
		free(c->logs[i].name);
		free(c->logs[i].folder);
	}
	free_texts(c, NULL);
	free(c->folder);
	free(c);
}

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
	for (size_t i = 0; i < c->log_count; i++) {
		if (strcmp(c->logs[i].name, name) == 0) {
			*log = &c->logs[i];
			return RC_OK;
		}
	}
	if (c->log_count == CONFIG_LOGS_MAX)
		return why_set(why, RC_BAD_CONFIG, "CONFIG sections", NULL, 0, "more than %d logs",
		    CONFIG_LOGS_MAX);
	return log_init(c, name, log);
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
	if ((o = find(name, strlen(name))) == NULL)
		return why_set(
		    why, RC_BAD_CONFIG, "CONFIG lines", NULL, 0, "%.60s: no such option", name);
	if (!o->per_log && *log != &c->logs[0])
		return bad(why, o, "belongs to the server, not to a log");
	return set(c, *log, o, trim(equals + 1), why);
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
	if ((copy = strndup(text.n > 0 ? (const char *)text.p : "", text.n)) == NULL)
		return RC_NO_MEMORY;
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
		if ((o = find(name, n)) != NULL) /* others may use the prefix too */
			rc = set(c, &c->logs[0], o, equals + 1, why);
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
			o = find(name, n - 2);
		}
		if (o == NULL)
			return why_set(why, RC_BAD_CONFIG, "CONFIG flags", NULL, 0,
			    "%.60s: no such option (see -h)", flag);
		if (value != NULL)
			value++;
		else if (o->kind == SWITCH)
			value = "yes";
		else if (i + 1 < argc)
			value = argv[++i];
		else
			return bad(why, o, "wants a value");
		rc = set(c, &c->logs[0], o, value, why);
	}
	return rc;
}

/* ---- the whole ---- */

static enum rc
finish_log(struct config_log *log)
{
	if (log->rules.age_max_s == 0)
		log->rules.age_max_s = log->rules.deferred ? DEFERRED_AGE_S : CLAIM_AGE_MAX_S;
	if (log->key == NULL && asprintf(&log->key, "%s/key.pem", log->folder) < 0)
		return RC_NO_MEMORY;
	return RC_OK;
}

static enum rc
check_log(const struct config *c, size_t i, struct why *why)
{
	const struct config_log *log = &c->logs[i];

	if (log->origin == NULL || strpbrk(log->origin, " +\t\n") != NULL)
		return why_set(why, RC_BAD_CONFIG, "CONFIG logs", "origin", 0,
		    "log %.40s: origin is missing, or holds a space or plus", log->name);
	for (size_t j = 0; j < i; j++)
		if (strcmp(c->logs[j].origin, log->origin) == 0)
			return why_set(why, RC_BAD_CONFIG, "CONFIG logs", "origin", 0,
			    "logs %.40s and %.40s have one origin", c->logs[j].name, log->name);
	if (!log->rules.deferred && log->rules.age_max_s > CLAIM_AGE_MAX_S)
		return why_set(why, RC_BAD_CONFIG, "CONFIG logs", "age_max_s", 0,
		    "log %.40s: more than %d s wants deferred = yes", log->name, CLAIM_AGE_MAX_S);
	return RC_OK;
}

enum rc
config_finish(struct config *c, struct why *why)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	bool level = false;
	enum rc rc = RC_OK;

	if (c->http != NULL)
		return why_set(why, RC_BAD_CONFIG, "CONFIG http", "http", 0,
		    "this version has no HTTP door yet: leave http out, use the native door");
	if (c->listen == NULL)
		return why_set(why, RC_BAD_CONFIG, "CONFIG listen", "listen", 0, "listen is empty");
	if (!c->insecure_loopback && (!c->tls_cert || !c->tls_key || !c->tls_client_ca))
		return why_set(why, RC_BAD_CONFIG, "CONFIG tls", "tls_cert", 0,
		    "set tls_cert, tls_key and tls_client_ca; or --insecure-loopback to try it "
		    "out");
	for (size_t i = 0; i < 4; i++)
		level |= c->log_level != NULL && strcmp(c->log_level, levels[i]) == 0;
	if (!level)
		return why_set(why, RC_BAD_CONFIG, "CONFIG log_level", "log_level", 0,
		    "error, warn, info or debug");
	if (c->requests_bytes_max < c->frame_max)
		return why_set(why, RC_BAD_CONFIG, "CONFIG sizes", "requests_bytes_max", 0,
		    "below frame_max: the largest request could never begin");
	for (size_t i = 0; rc == RC_OK && i < c->log_count; i++)
		if ((rc = finish_log(&c->logs[i])) == RC_OK)
			rc = check_log(c, i, why);
	return rc;
}

static const char *
unit_name(enum option_kind kind)
{
	return kind == BYTES	 ? "bytes"
	       : kind == MS	 ? "milliseconds"
	       : kind == SECONDS ? "seconds"
				 : "count";
}

size_t
config_limits(const struct config *c, struct policy_limit *out, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < OPTION_COUNT && count < room; i++) {
		const struct option *o = &options[i];

		if (o->per_log || (o->kind != COUNT && o->kind != BYTES && o->kind != MS))
			continue;
		out[count++] = (struct policy_limit){
		    .name = o->name,
		    .value = *(const uint64_t *)(const void *)((const char *)c + o->at),
		    .unit = unit_name(o->kind),
		    .text = o->text,
		};
	}
	return count;
}

/* The text of a rule's default, which policy_rules_init() decides. */
static void
add_rule_default(struct buf *out, const struct option *o)
{
	struct config_log log = {0};
	const char *at = (const char *)&log + o->at;

	policy_rules_init(&log.rules);
	if (o->kind == SWITCH)
		buf_add_str(out, *(const bool *)at ? "yes" : "no");
	else if (o->kind == COUNT)
		buf_addf(out, "%llu", (unsigned long long)*(const uint64_t *)(const void *)at);
	else if (o->kind == SECONDS)
		buf_addf(out, "%lld", (long long)*(const int64_t *)(const void *)at);
	else if (o->kind == LEVEL)
		buf_add_str(out, token_level_name(*(const enum token_level *)(const void *)at));
	policy_rules_release(&log.rules);
}

enum rc
config_write_default(struct buf *out, const char *origin)
{
	buf_add_str(out,
	    "# ledger.conf: \"key = value\" lines; what is commented out is the default.\n"
	    "# Every key is also a flag (--tls-cert FILE) and an environment variable\n"
	    "# (ECTLEDGER_TLS_CERT); flags win over the environment, which wins over this file.\n"
	    "# A second log: ectledgerd init DIR --log NAME, and its keys below [log NAME].\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];

		if (i == 0)
			buf_add_str(out, "\n# ---- the server ----\n");
		else if (o->per_log && !options[i - 1].per_log)
			buf_add_str(out, "\n# ---- the log \"default\" ----\n");
		buf_addf(out, "\n# %s%s\n", o->text, o->live ? " (taken over on SIGHUP)" : "");
		if (strcmp(o->name, "origin") == 0) {
			buf_addf(out, "origin = %s\n", origin);
			continue;
		}
		buf_addf(out, "#%s = ", o->name);
		if (o->fallback != NULL)
			buf_add_str(out, o->fallback);
		else if (o->per_log)
			add_rule_default(out, o);
		buf_add_str(out, "\n");
	}
	return buf_rc(out);
}

void
config_help(struct buf *out)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];
		char flag[48];
		size_t n = strlen(o->name);

		for (size_t j = 0; j <= n; j++)
			flag[j] = (char)(o->name[j] == '_' ? '-' : o->name[j]);
		buf_addf(out, "  --%-28s %s", flag, o->text);
		if (o->fallback != NULL)
			buf_addf(out, " [%s]", o->fallback);
		buf_add_str(out, "\n");
	}
}
