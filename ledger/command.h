/*
 * command.h - the commands of ectledgerd, and what they share: exit codes, and how a failure is
 * told.
 *
 * A command gets what stands behind its name: argv[0] is the data folder, the rest are options.  It
 * returns the exit code.
 */
#ifndef LEDGER_COMMAND_H
#define LEDGER_COMMAND_H

#include "base/rc.h"

#ifndef ECT_VERSION
#define ECT_VERSION "0"
#endif

enum command_exit {
	COMMAND_DONE = 0,   /* or drained */
	COMMAND_CANNOT = 1,
	COMMAND_USAGE = 2,
	COMMAND_DOUBT = 75, /* EX_TEMPFAIL: a log stopped; start again, and it is verified and rolled forward */
};

int command_init(int argc, char *const *argv);  /* make a data folder, or one more log in it */
int command_run(int argc, char *const *argv);   /* serve it until told to stop */
int command_check(int argc, char *const *argv); /* read everything, start nothing */

/* One line on standard error: the line of ledger.conf if that is what was refused.  Returns COMMAND_CANNOT. */
int command_complain(enum rc rc, const struct why *why);

#endif
