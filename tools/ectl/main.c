/*
 * main.c - one command line, one verb, one exit code.
 */
#include <stdio.h>
#include <string.h>

#include "args.h"

#ifndef ECT_VERSION
#define ECT_VERSION "0"
#endif

/* An option that is silently without effect would be a wrong answer. */
static bool
knows_at(const struct verb *verb)
{
	return verb == &verb_workflow || verb == &verb_conformance || verb == &verb_get ||
	       verb == &verb_provenance || verb == &verb_rollback || verb == &verb_translations ||
	       verb == &verb_lifecycle || verb == &verb_recovery || verb == &verb_circuit ||
	       verb == &verb_trust || verb == &verb_agents || verb == &verb_approvals ||
	       verb == &verb_overrides || verb == &verb_explanations || verb == &verb_consistency ||
	       verb == &verb_search || verb == &verb_trust_store || verb == &verb_policy ||
	       verb == &verb_kinds;
}

static int
run(const struct command *c)
{
	if (c->globals.at != 0 && !knows_at(c->verb))
		return fail(EXIT_USAGE, "%s cannot be asked at an older tree size: leave --at out",
		    c->verb->name);
	return c->verb->run(&c->globals, &c->args);
}

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

	switch (args_parse(argc, argv, ectl_verbs, &command)) {
	case ARGS_RUN:
		code = flushed(run(&command));
		break;
	case ARGS_HELP:
		if (command.verb != NULL)
			args_help_verb(stdout, command.verb);
		else
			args_help(stdout, ectl_verbs);
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
