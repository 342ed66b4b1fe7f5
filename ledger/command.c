/*
 * command.c - how a command tells that it failed; see command.h.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

int
command_complain(enum rc rc, const struct why *why)
{
	if (why->at > 0 && strncmp(why->rule ? why->rule : "", "CONFIG", 6) == 0)
		fprintf(stderr, "ectledgerd: ledger.conf line %zu: %s\n", why->at, why->text);
	else
		fprintf(stderr, "ectledgerd: %s\n", why->text[0] ? why->text : rc_text(rc));
	return COMMAND_CANNOT;
}
