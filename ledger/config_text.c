/*
 * config_text.c - configuration becomes text: the limits in force, the commented file that init
 * writes, the help of -h.
 *
 * All three walk the one table, so that an option cannot be forgotten in any.
 */
#include <string.h>

#include "option.h"

/* ---- the limits in force ---- */

static const char *
unit_name(enum option_kind kind)
{
	return kind == OPTION_BYTES	? "bytes"
	       : kind == OPTION_MS	? "milliseconds"
	       : kind == OPTION_SECONDS ? "seconds"
					: "count";
}

size_t
config_limits(const struct config *c, struct policy_limit *out, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < option_count && count < room; i++) {
		const struct option *o = &option_table[i];

		if (o->per_log ||
		    (o->kind != OPTION_COUNT && o->kind != OPTION_BYTES && o->kind != OPTION_MS))
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

/* ---- the file that init writes ---- */

static void
add_ms(struct buf *out, uint64_t ms)
{
	if (ms % 1000 != 0)
		buf_addf(out, "%llums", (unsigned long long)ms);
	else
		buf_addf(out, "%llus", (unsigned long long)ms / 1000);
}

static void
add_bindings(struct buf *out, unsigned bits)
{
	const char *between = "";

	for (size_t i = 0; i < OPTION_BINDING_COUNT; i++) {
		if (!(bits & option_bindings[i].bit))
			continue;
		buf_addf(out, "%s%s", between, option_bindings[i].name);
		between = ",";
	}
}

/* The text of a rule's default, which policy_rules_init() decides. */
static void
add_rule_default(struct buf *out, const struct option *o)
{
	struct config_log log = {0};
	const char *at = (const char *)&log + o->at;

	policy_rules_init(&log.rules);
	if (o->kind == OPTION_SWITCH)
		buf_add_str(out, *(const bool *)at ? "yes" : "no");
	else if (o->kind == OPTION_COUNT || o->kind == OPTION_BYTES)
		buf_addf(out, "%llu", (unsigned long long)*(const uint64_t *)(const void *)at);
	else if (o->kind == OPTION_MS)
		add_ms(out, *(const uint64_t *)(const void *)at);
	else if (o->kind == OPTION_BINDINGS)
		add_bindings(out, *(const unsigned *)(const void *)at);
	else if (o->kind == OPTION_SECONDS)
		buf_addf(out, "%lld", (long long)*(const int64_t *)(const void *)at);
	else if (o->kind == OPTION_LEVEL)
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
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &option_table[i];

		if (i == 0)
			buf_add_str(out, "\n# ---- the server ----\n");
		else if (o->per_log && !option_table[i - 1].per_log)
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

/* ---- help ---- */

void
config_help(struct buf *out)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &option_table[i];
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
