/*
 * option.h - one option of the server: its row in the table, how it is found by name, and the one
 * setter.  Private to config*.c and their tests.
 *
 * Callers may rely on:
 *   1. A name is in the table once.
 *   2. What option_set() has taken is within the row's bounds, wherever the text came from.
 */
#ifndef LEDGER_OPTION_H
#define LEDGER_OPTION_H

#include "config.h"

enum option_kind {
	OPTION_TEXT,
	OPTION_PATH,
	OPTION_SWITCH,
	OPTION_COUNT,
	OPTION_BYTES,
	OPTION_MS,
	OPTION_SECONDS,
	OPTION_LEVEL,
	OPTION_BINDINGS,
	OPTION_GRANT
};

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

extern const struct option option_table[];
extern const size_t option_count;

/* The names in an OPTION_BINDINGS value, with their bits in policy_rules.bindings. */
#define OPTION_BINDING_COUNT 3
struct option_binding {
	const char *name;
	unsigned bit;
};
extern const struct option_binding option_bindings[OPTION_BINDING_COUNT];

/* The row of that name, or NULL. */
const struct option *option_find(const char *name, size_t n);
/* Where the option's value is kept: in 'log' when it is a log's, else in 'c'.  Not for grants, which are a list. */
void *option_at(const struct option *o, struct config *c, struct config_log *log);
/*
 * The one setter: read 'v' by the row's kind and keep it; grants are added.  'log' may be NULL for
 * the server's options.  RC_BAD_CONFIG: the old value stands (of a list of grants, those before the
 * bad one are in), and why->claim is the option's name.
 */
enum rc option_set(struct config *c, struct config_log *log, const struct option *o, const char *v,
    struct why *why);
/* RC_BAD_CONFIG that names the option; 'text' is for a human. */
enum rc option_bad(struct why *why, const struct option *o, const char *text);

#endif
