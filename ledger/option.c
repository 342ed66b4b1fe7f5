/*
 * option.c - the table of options and the one setter that every reader of text ends in.
 *
 * Invariants: a value is judged by its row's kind and bounds wherever it came from; a later value
 * replaces an earlier one, except grants, which add up; a value that is refused leaves the old one
 * in place.
 */
#include "option.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "seq/seq.h"

#define S(field) offsetof(struct config, field)
#define L(field) offsetof(struct config_log, field)
#define KIB	 UINT64_C(1024)
#define MIB	 (1024 * KIB)
#define GIB	 (1024 * MIB)
#define DAY_MS	 UINT64_C(86400000)

const struct option option_table[] = {
#include "options.def"
};
const size_t option_count = sizeof option_table / sizeof option_table[0];

const struct option_binding option_bindings[OPTION_BINDING_COUNT] = {
    {"jwks", 1u << TRUST_JWKS}, {"x509", 1u << TRUST_X509}, {"wit", 1u << TRUST_WIT}};

const struct option *
option_find(const char *name, size_t n)
{
	for (size_t i = 0; i < option_count; i++)
		if (strlen(option_table[i].name) == n && memcmp(option_table[i].name, name, n) == 0)
			return &option_table[i];
	return NULL;
}

void *
option_at(const struct option *o, struct config *c, struct config_log *log)
{
	char *base = o->per_log ? (char *)log : (char *)c;

	must(o->kind != OPTION_GRANT);
	return base + o->at;
}

enum rc
option_bad(struct why *why, const struct option *o, const char *text)
{
	return why_set(why, RC_BAD_CONFIG, "CONFIG values", o->name, 0, "%s: %s", o->name, text);
}

/* ---- switches and numbers ---- */

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
	return kind == OPTION_BYTES	? byte_units
	       : kind == OPTION_MS	? ms_units
	       : kind == OPTION_SECONDS ? s_units
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
	if (n < o->min || n > o->max)
		return false;
	*out = n;
	return true;
}

/* ---- grants ---- */

static enum rc
add_grant(
    struct policy_rules *rules, const struct option *o, const char *p, size_t n, struct why *why)
{
	struct policy_grant *grants;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] <= 0x20 || (unsigned char)p[i] >= 0x7f ||
		    (p[i] == '*' && (i + 1 != n || i == 0 || p[i - 1] != '/')))
			return option_bad(
			    why, o, "a pattern is a URI, or a prefix that ends in /*");
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

/* ---- bindings ---- */

/* "jwks, x509": at least one. */
static enum rc
set_bindings(unsigned *to, const struct option *o, const char *v, struct why *why)
{
	unsigned bits = 0;

	while (*(v += strspn(v, ",| \t")) != '\0') {
		size_t n = strcspn(v, ",| \t"), i = 0;

		while (i < OPTION_BINDING_COUNT && (strlen(option_bindings[i].name) != n ||
						       memcmp(option_bindings[i].name, v, n) != 0))
			i++;
		if (i == OPTION_BINDING_COUNT)
			return option_bad(why, o, "a binding is jwks, x509 or wit");
		bits |= option_bindings[i].bit;
		v += n;
	}
	if (bits == 0)
		return option_bad(why, o, "no binding: no signed token could ever come in");
	*to = bits;
	return RC_OK;
}

/* ---- the setter ---- */

static enum rc
set_text(struct config *c, const struct option *o, char **to, const char *v, struct why *why)
{
	char *copy = NULL;
	int n = 0;

	if (!utf8_ok(bytes_str(v)))
		return option_bad(why, o, "not UTF-8");
	if (v[0] != '\0') {
		if (o->kind == OPTION_PATH && v[0] != '/' && c->in_folder)
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
enum rc
option_set(struct config *c, struct config_log *log, const struct option *o, const char *v,
    struct why *why)
{
	void *to = o->kind == OPTION_GRANT ? NULL : option_at(o, c, log);
	uint64_t n;

	switch (o->kind) {
	case OPTION_TEXT:
	case OPTION_PATH:
		return set_text(c, o, to, v, why);
	case OPTION_SWITCH:
		return read_switch(v, to) ? RC_OK : option_bad(why, o, "yes or no");
	case OPTION_COUNT:
	case OPTION_BYTES:
	case OPTION_MS:
		return read_number(o, v, to) ? RC_OK
					     : option_bad(why, o, "not a number within bounds");
	case OPTION_SECONDS:
		if (!read_number(o, v, &n))
			return option_bad(why, o, "not a number within bounds");
		*(int64_t *)to = (int64_t)n;
		return RC_OK;
	case OPTION_LEVEL:
		if (v[0] != 'L' || v[1] < '1' || v[1] > '3' || v[2] != '\0')
			return option_bad(why, o, "L1, L2 or L3");
		*(enum token_level *)to = (enum token_level)(v[1] - '0');
		return RC_OK;
	case OPTION_BINDINGS:
		return set_bindings(to, o, v, why);
	case OPTION_GRANT:
		return add_grants(&log->rules, o, v, why);
	}
	must(o->kind <= OPTION_GRANT); /* all kinds are above */
	return RC_INTERNAL;
}
