/*
 * args.h - a command line taken apart by the verbs' own tables, and the help made from the same
 * tables.
 *
 * Global options may stand before or behind the verb; behind it a verb's own option of the same
 * name wins ("sign --key").  "--name=value" and "--name value" are the same, "--" ends options, "-"
 * is an operand, and so is a word of one dash and two or more letters that is no option.
 */
#ifndef ECTL_ARGS_H
#define ECTL_ARGS_H

#include <stdio.h>

#include "ectl.h"

struct command {
	const struct verb *verb;
	struct globals globals;
	struct args args;
	/* memory of 'args' */
	const char **value;
	size_t *which;
	const char **operands;
};

enum args_result { ARGS_RUN, ARGS_HELP, ARGS_VERSION, ARGS_BAD };

/* 'verbs' ends with NULL.  ARGS_HELP: of out->verb, or of everything when that is NULL.  ARGS_BAD: message printed.  Always args_release() after. */
enum args_result args_parse(
    int argc, char *const *argv, const struct verb *const *verbs, struct command *out);
void args_release(struct command *c);
/* Ends with a NULL name. */
extern const struct verb_option args_global_options[];
/* verbs.c: ends with NULL. */
extern const struct verb *const ectl_verbs[];

void args_help(FILE *to, const struct verb *const *verbs);
void args_help_verb(FILE *to, const struct verb *verb);

#endif
