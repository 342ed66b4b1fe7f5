/*
 * config_diff.c - what a reload would have to change and does not: the options that are not live.
 *
 * Names only, never values: they go into log lines.
 */
#include <string.h>

#include "option.h"

static bool
text_differs(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0;
}

static bool
grants_differ(const struct policy_rules *a, const struct policy_rules *b)
{
	if (a->grant_count != b->grant_count)
		return true;
	for (size_t i = 0; i < a->grant_count; i++)
		if (a->grants[i].rights != b->grants[i].rights ||
		    strcmp(a->grants[i].pattern, b->grants[i].pattern) != 0)
			return true;
	return false;
}

/* Of one option in two places of its kind. */
static bool
value_differs(const struct option *o, const void *a, const void *b)
{
	switch (o->kind) {
	case OPTION_TEXT:
	case OPTION_PATH:
		return text_differs(*(char *const *)a, *(char *const *)b);
	case OPTION_SWITCH:
		return *(const bool *)a != *(const bool *)b;
	case OPTION_SECONDS:
		return *(const int64_t *)a != *(const int64_t *)b;
	case OPTION_LEVEL:
		return *(const enum token_level *)a != *(const enum token_level *)b;
	case OPTION_BINDINGS:
		return *(const unsigned *)a != *(const unsigned *)b;
	case OPTION_COUNT:
	case OPTION_BYTES:
	case OPTION_MS:
		return *(const uint64_t *)a != *(const uint64_t *)b;
	case OPTION_GRANT: /* a list of its own */
		break;
	}
	return false;
}

static void
add_name(struct buf *out, const char *log, const char *name)
{
	if (out->n > 0)
		buf_add_str(out, " ");
	if (log != NULL)
		buf_addf(out, "%s:", log);
	buf_add_str(out, name);
}

static void
diff_log(
    struct config *a, struct config_log *x, struct config *b, struct config_log *y, struct buf *out)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &option_table[i];

		if (o->per_log && !o->live && o->kind != OPTION_GRANT &&
		    value_differs(o, option_at(o, a, x), option_at(o, b, y)))
			add_name(out, x->name, o->name);
	}
	if (grants_differ(&x->rules, &y->rules))
		add_name(out, x->name, "grants");
}

void
config_ignored(struct config *in_force, struct config *fresh, struct buf *out)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &option_table[i];

		if (!o->per_log && !o->live &&
		    value_differs(o, option_at(o, in_force, NULL), option_at(o, fresh, NULL)))
			add_name(out, NULL, o->name);
	}
	for (size_t i = 0; i < in_force->log_count; i++) {
		struct config_log *log = &in_force->logs[i];
		struct config_log *now = config_find_log(fresh, log->name);

		if (now == NULL)
			add_name(out, log->name, "removed");
		else
			diff_log(in_force, log, fresh, now, out);
	}
	for (size_t i = 0; i < fresh->log_count; i++)
		if (config_find_log(in_force, fresh->logs[i].name) == NULL)
			add_name(out, fresh->logs[i].name, "added");
}
