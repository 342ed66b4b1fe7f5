/*
 * main.c - ectledgerd: which command, and a process fit to run one.
 *
 * Everything else under ledger/ is a library (ect_main), so that tests can link it.  Exit codes are
 * in command.h.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "config.h"

static int
usage(FILE *out, int code)
{
	struct buf text;

	fputs("ectledgerd init DIR [--origin NAME] [--log NAME]   make a data folder, or one more "
	      "log in it\n"
	      "ectledgerd run DIR [options]                       serve it until SIGTERM\n"
	      "ectledgerd check-config DIR [options]              read everything, start nothing\n"
	      "ectledgerd --version | -h\n\n"
	      "Options are also keys of DIR/ledger.conf and ECTLEDGER_* in the environment:\n",
	    out);
	buf_init(&text, 0);
	config_help(&text);
	if (code == 0)
		fwrite(text.p, 1, text.n, out);
	else
		fputs("  (see ectledgerd -h)\n", out);
	buf_release(&text);
	return code;
}

/* 0, 1 and 2 are there, or a log's file would be written to as standard error. */
static bool
assert_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= 2);
	return fd >= 0 && close(fd) == 0;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char *const *argv);
	} commands[] = {
	    {"init", command_init},
	    {"run", command_run},
	    {"check-config", command_check},
	};

	if (!assert_stdio())
		return COMMAND_CANNOT;
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of write, not an end */
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("ectledgerd %s\n", ECT_VERSION);
		return 0;
	}
	if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
		return usage(stdout, 0);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (argc >= 3 && argv[2][0] != '-' && strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	return usage(stderr, COMMAND_USAGE);
}
