/*
 * command_init.c - init: makes a data folder (ledger.conf, trust/, the log "default"), or one more log in one that is there.
 *
 * A data folder is never made anew, and a key that is there is never replaced.
 *
 * Order: folders, ledger.conf, then the log: key, empty log, first signed checkpoint, vkey.  The
 * vkey file is the last thing made, so a folder without it is an interrupted init, which the next
 * one finishes with what is there.
 */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "base/random.h"
#include "wiring.h"

extern char **environ;

struct init {
	const char *folder, *origin, *log;
};

/* ---- the log ---- */

static enum rc
make_folder(const char *path, struct why *why)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return why_set(why, RC_IO, "init", NULL, 0, "%.100s: %s", path, strerror(errno));
	return RC_OK;
}

/* Key, empty log, first signed checkpoint, verifier key. */
static enum rc
init_log(const struct config_log *log, struct why *why)
{
	struct log_sink quiet = {.fd = STDERR_FILENO, .level = LOG_WARN};
	struct ledger_options options = wiring_ledger(log, &quiet, true);
	struct ledger *ledger = NULL;
	char vkey[NOTE_NAME_MAX + 128], *path = NULL, *line = NULL;
	size_t n;
	enum rc rc;

	if ((rc = make_folder(log->folder, why)) != RC_OK)
		return rc;
	if (access(log->key, F_OK) != 0 && (rc = log_signer_create(log->key, why)) != RC_OK)
		return rc;
	if ((rc = ledger_open(&ledger, &options, &log->rules, why)) != RC_OK)
		return rc;
	if ((rc = seq_first_checkpoint(ledger)) != RC_OK) {
		why_set(why, rc, "init", NULL, 0, "the first checkpoint: %s", rc_text(rc));
		goto out;
	}
	n = vkey_text(ledger_vkey(ledger), vkey, sizeof vkey);
	must(n > 0);
	printf("%s\n", vkey);
	rc = asprintf(&path, "%s/vkey", log->folder) < 0 || asprintf(&line, "%s\n", vkey) < 0
		 ? RC_NO_MEMORY
		 : wiring_write_file(path, bytes_str(line), why);

out:
	free(path);
	free(line);
	ledger_close(ledger);
	return rc;
}

/* ---- the data folder ---- */

static bool
is_finished(const struct init *in)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s/logs/%s/vkey", in->folder, in->log);

	return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

static enum rc
write_config(const struct init *in, const char *origin, struct why *why)
{
	struct buf text;
	char *path = NULL;
	enum rc rc;

	buf_init(&text, CONFIG_FILE_MAX);
	rc = config_write_default(&text, origin);
	if (rc == RC_OK && asprintf(&path, "%s/ledger.conf", in->folder) < 0)
		rc = RC_NO_MEMORY;
	if (rc == RC_OK && access(path, F_OK) == 0) {
		if (is_finished(in))
			rc = why_set(why, RC_BAD_CONFIG, "init", NULL, 0,
			    "%.80s is there already: this is a data folder", path);
	} else if (rc == RC_OK)
		rc = wiring_write_file(path, buf_bytes(&text), why);
	free(path);
	buf_release(&text);
	return rc;
}

/* One more log in a data folder: its section goes to the end of ledger.conf. */
static enum rc
add_section(const struct init *in, const char *origin, struct why *why)
{
	char *path = NULL;
	FILE *f = NULL;
	enum rc rc = RC_NO_MEMORY;

	if (asprintf(&path, "%s/ledger.conf", in->folder) < 0)
		return rc;
	if ((f = fopen(path, "ae")) == NULL ||
	    fprintf(f, "\n[log %s]\norigin = %s\n", in->log, origin) < 0 || fclose(f) != 0)
		rc = why_set(why, RC_IO, "init", NULL, 0, "%.100s: %s", path, strerror(errno));
	else
		rc = RC_OK;
	free(path);
	return rc;
}

static enum rc
make_folders(const char *folder, struct why *why)
{
	static const char *const parts[] = {"", "/logs", "/trust"};
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < 3; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s%s", folder, parts[i]) < 0)
			return RC_NO_MEMORY;
		rc = make_folder(path, why);
		free(path);
	}
	return rc;
}

static enum rc
read_folder(const char *folder, struct config **config, struct why *why)
{
	enum rc rc = config_new(config, folder);

	if (rc == RC_OK)
		rc = config_read_file(*config, why);
	return rc;
}

static enum rc
init_run(const struct init *in, struct why *why)
{
	struct config *config = NULL;
	const struct config_log *log;
	uint8_t random[4];
	char made[64];
	const char *origin = in->origin;
	enum rc rc;

	random_bytes(random, sizeof random);
	(void)snprintf(made, sizeof made, "localhost/%s-%02x%02x%02x%02x",
	    strcmp(in->log, "default") == 0 ? "ectledger" : in->log, random[0], random[1],
	    random[2], random[3]);
	if (origin == NULL)
		origin = made;
	if (strcmp(in->log, "default") == 0) {
		if ((rc = make_folders(in->folder, why)) != RC_OK ||
		    (rc = write_config(in, origin, why)) != RC_OK)
			goto out;
	}
	if ((rc = read_folder(in->folder, &config, why)) != RC_OK)
		goto out;
	if (config_find_log(config, in->log) == NULL) {
		config_free(config);
		config = NULL;
		if ((rc = add_section(in, origin, why)) != RC_OK ||
		    (rc = read_folder(in->folder, &config, why)) != RC_OK)
			goto out;
	}
	if ((rc = config_read_env(config, environ, why)) != RC_OK)
		goto out;
	config->insecure_loopback = true; /* init needs no TLS files yet */
	if ((rc = config_finish(config, why)) != RC_OK)
		goto out;
	log = config_find_log(config, in->log);
	must(log != NULL);
	if (in->origin != NULL && strcmp(log->origin, in->origin) != 0)
		rc = why_set(why, RC_BAD_CONFIG, "init", NULL, 0,
		    "ledger.conf has the origin %.100s for this log", log->origin);
	else
		rc = init_log(log, why);

out:
	config_free(config);
	return rc;
}

int
command_init(int argc, char *const *argv)
{
	struct init in = {.folder = argv[0], .log = "default"};
	struct why why = {0};
	enum rc rc;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && strcmp(argv[i], "--origin") == 0)
			in.origin = argv[i + 1];
		else if (i + 1 < argc && strcmp(argv[i], "--log") == 0)
			in.log = argv[i + 1];
		else {
			fprintf(stderr, "ectledgerd init DIR [--origin NAME] [--log NAME]\n");
			return COMMAND_USAGE;
		}
	}
	rc = init_run(&in, &why);
	if (rc != RC_OK)
		return command_complain(rc, &why);
	fprintf(stderr, "%s is ready; try: ectledgerd run %s --insecure-loopback\n", in.folder,
	    in.folder);
	return fflush(stdout) == 0 ? 0 : COMMAND_CANNOT;
}
