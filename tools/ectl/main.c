/*
 * main.c - the table of verbs, and nothing else.
 */
#include <stdio.h>
#include <string.h>

#include "args.h"

#ifndef ECT_VERSION
#define ECT_VERSION "0"
#endif

static const struct verb *const verbs[] = {&verb_append, &verb_get, &verb_checkpoint, &verb_receipt,
    &verb_consistency, &verb_verify, &verb_provenance, &verb_rollback, &verb_stats, &verb_limits,
    &verb_keygen, &verb_sign, &verb_import, &verb_trust_store, &verb_fsck, &verb_reindex, NULL};

/* Output that did not arrive is no success. */
static int
flushed(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	return fail(code != EXIT_YES ? code : EXIT_USAGE, "cannot write to standard output");
}

int
main(int argc, char **argv)
{
	struct command command;
	int code = EXIT_USAGE;

	switch (args_parse(argc, argv, verbs, &command)) {
	case ARGS_RUN:
		code = flushed(command.verb->run(&command.globals, &command.args));
		break;
	case ARGS_HELP:
		if (command.verb != NULL)
			args_help_verb(stdout, command.verb);
		else
			args_help(stdout, verbs);
		code = flushed(EXIT_YES);
		break;
	case ARGS_VERSION:
		(void)printf("ectl %s\n", ECT_VERSION);
		code = flushed(EXIT_YES);
		break;
	case ARGS_BAD:
		break;
	}
	args_release(&command);
	return code;
}
