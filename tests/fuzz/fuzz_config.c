/*
 * fuzz_config.c - hostile ledger.conf: the file is written by people and programs, and decides who
 * may do what.
 *
 * Properties: what is accepted is within the bounds of the table of options, and when it is written
 * out again, option by option in its plainest form, it is accepted again and says the same, before
 * and after config_finish(); what is refused names the rule and, where a line is to blame, the
 * first such line, and leaves every value within bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static struct config *
config_made(void)
{
	struct config *c = NULL;

	expect(config_new(&c, "/data") == RC_OK);
	return c;
}

/* ---- bounds ---- */

static void
check_value(const struct option *o, struct config *c, struct config_log *log)
{
	const void *at = o->kind == OPTION_GRANT ? NULL : option_at(o, c, log);
	uint64_t n = 0;

	switch (o->kind) {
	case OPTION_TEXT:
	case OPTION_PATH:
		expect(*(char *const *)at == NULL || **(char *const *)at != '\0');
		return;
	case OPTION_SWITCH:
	case OPTION_GRANT:
		return;
	case OPTION_LEVEL:
		expect(*(const enum token_level *)at >= LEVEL_1 &&
		       *(const enum token_level *)at <= LEVEL_3);
		return;
	case OPTION_BINDINGS:
		n = *(const unsigned *)at;
		for (size_t i = 0; i < OPTION_BINDING_COUNT; i++)
			n &= ~(uint64_t)option_bindings[i].bit;
		expect(n == 0);
		return;
	case OPTION_SECONDS:
		n = (uint64_t) * (const int64_t *)at;
		expect(
		    n == 0 || (n >= o->min && n <= o->max)); /* 0: not said, for config_finish() */
		return;
	case OPTION_COUNT:
	case OPTION_BYTES:
	case OPTION_MS:
		n = *(const uint64_t *)at;
		expect(n >= o->min && n <= o->max);
		return;
	}
}

static void
check_grants(const struct policy_rules *rules)
{
	for (size_t i = 0; i < rules->grant_count; i++) {
		const char *p = rules->grants[i].pattern, *star = strchr(p, '*');

		expect(p[0] != '\0' && strpbrk(p, " \t\r\n,|") == NULL);
		expect(star == NULL || (star[1] == '\0' && star > p && star[-1] == '/'));
		expect(rules->grants[i].rights == POLICY_WRITE ||
		       rules->grants[i].rights == POLICY_READ ||
		       rules->grants[i].rights == POLICY_ADMIN);
	}
}

static void
check_bounds(struct config *c)
{
	expect(c->log_count >= 1 && c->log_count <= CONFIG_LOGS_MAX);
	expect(strcmp(c->logs[0].name, "default") == 0);
	for (size_t i = 0; i < option_count; i++)
		if (!option_table[i].per_log)
			check_value(&option_table[i], c, NULL);
	for (size_t k = 0; k < c->log_count; k++) {
		expect(
		    config_find_log(c, c->logs[k].name) == &c->logs[k]); /* a name is there once */
		expect(strpbrk(c->logs[k].name, "/ ]") == NULL && c->logs[k].name[0] != '.');
		check_grants(&c->logs[k].rules);
		for (size_t i = 0; i < option_count; i++)
			if (option_table[i].per_log)
				check_value(&option_table[i], c, &c->logs[k]);
	}
}

/* ---- written out again ---- */

static void
write_value(struct buf *out, const struct option *o, struct config *c, struct config_log *log)
{
	const void *at = o->kind == OPTION_GRANT ? NULL : option_at(o, c, log);
	unsigned n = 0;

	switch (o->kind) {
	case OPTION_TEXT:
	case OPTION_PATH:
		buf_addf(out, "%s=%s\n", o->name, *(char *const *)at ? *(char *const *)at : "");
		return;
	case OPTION_SWITCH:
		buf_addf(out, "%s=%s\n", o->name, *(const bool *)at ? "yes" : "no");
		return;
	case OPTION_LEVEL:
		buf_addf(out, "%s=L%d\n", o->name, (int)*(const enum token_level *)at);
		return;
	case OPTION_BINDINGS:
		for (size_t i = 0; i < OPTION_BINDING_COUNT; i++)
			if (*(const unsigned *)at & option_bindings[i].bit)
				buf_addf(
				    out, "%s%s", n++ ? "," : "bindings=", option_bindings[i].name);
		buf_addf(out, "%s", n ? "\n" : "");
		return;
	case OPTION_SECONDS:
		if (*(const int64_t *)at != 0)
			buf_addf(out, "%s=%lld\n", o->name, (long long)*(const int64_t *)at);
		return;
	case OPTION_COUNT:
	case OPTION_BYTES:
	case OPTION_MS:
		buf_addf(out, "%s=%llu\n", o->name, (unsigned long long)*(const uint64_t *)at);
		return;
	case OPTION_GRANT: /* in the order of the list, by write_log() */
		return;
	}
}

static void
write_log(struct buf *out, struct config *c, struct config_log *log)
{
	buf_addf(out, "[log %s]\n", log->name);
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].per_log)
			write_value(out, &option_table[i], c, log);
	for (size_t i = 0; i < log->rules.grant_count; i++) {
		const struct policy_grant *g = &log->rules.grants[i];

		buf_addf(out, "%s=%s\n",
		    g->rights == POLICY_WRITE  ? "write"
		    : g->rights == POLICY_READ ? "read"
					       : "admin",
		    g->pattern);
	}
}

static void
write_all(struct buf *out, struct config *c)
{
	buf_init(out, 0);
	for (size_t i = 0; i < option_count; i++)
		if (!option_table[i].per_log)
			write_value(out, &option_table[i], c, NULL);
	for (size_t k = 0; k < c->log_count; k++)
		write_log(out, c, &c->logs[k]);
	expect(buf_rc(out) == RC_OK);
}

/* 'finished': config_finish() has let c through, so it must let its second self through. */
static void
check_again(struct config *c, bool finished)
{
	struct config *again;
	struct buf first, second;

	write_all(&first, c);
	if (first.n <= CONFIG_FILE_MAX) {
		again = config_made();
		expect(config_read(again, buf_bytes(&first), NULL) == RC_OK);
		expect(!finished || config_finish(again, NULL) == RC_OK);
		write_all(&second, again);
		expect(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
		buf_release(&second);
		config_free(again);
	}
	buf_release(&first);
}

/* ---- refusals ---- */

/* Without its last lines: from line 'line' on. */
static struct bytes
before_line(struct bytes text, size_t line)
{
	size_t i = 0;

	for (size_t number = 1; number < line && i < text.n; i++)
		number += text.p[i] == '\n';
	return bytes_of(text.p, i);
}

/* Everything above the line that is named is accepted: it is the first that is to blame. */
static void
check_line(struct bytes text, size_t line)
{
	struct config *c = config_made();

	expect(line >= 1);
	expect(config_read(c, before_line(text, line), NULL) == RC_OK);
	expect(config_read(c, before_line(text, line + 1), NULL) == RC_BAD_CONFIG);
	config_free(c);
}

static void
check_refusal(enum rc rc, const struct why *why, struct bytes text)
{
	expect(rc == RC_BAD_CONFIG && why->rule != NULL && why->text[0] != '\0');
	expect(strncmp(why->rule, "CONFIG", 6) == 0); /* so that it is told as a line of the file */
	if (text.n > CONFIG_FILE_MAX || (text.n > 0 && memchr(text.p, 0, text.n) != NULL))
		expect(why->at == 0); /* the file as a whole */
	else
		check_line(text, why->at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = config_made();
	struct bytes text = bytes_of(data, size);
	struct why why = {0};
	enum rc rc = config_read(c, text, &why);

	check_bounds(c);
	if (rc != RC_OK) {
		check_refusal(rc, &why, text);
	} else {
		check_again(c, false);
		rc = config_finish(c, &why);
		expect(rc == RC_OK || (rc == RC_BAD_CONFIG && why.text[0] != '\0'));
		check_bounds(c);
		if (rc == RC_OK)
			check_again(c, true);
	}
	config_free(c);
	return 0;
}
