/*
 * command_check.c - check-config: what run would read, read and judged; nothing is bound, locked or
 * written.
 */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include "wiring.h"

extern char **environ;

/* Every log's key opens. */
static enum rc
check_keys(const struct config *c, struct why *why)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < c->log_count; i++) {
		struct log_signer signer;

		rc = log_signer_open(c->logs[i].key, c->logs[i].origin, &signer, why);
		if (rc == RC_OK)
			log_signer_close(&signer);
	}
	return rc;
}

static enum rc
check_trust(const char *folder, struct trust_report *report, struct why *why)
{
	struct trust_snapshot *trust = NULL;
	char *path = NULL;
	enum rc rc;

	if (asprintf(&path, "%s/trust", folder) < 0)
		return RC_NO_MEMORY;
	if ((rc = trust_snapshot_load(path, &trust, report)) != RC_OK)
		why_set(why, rc, "trust", NULL, 0, "trust: %.140s", report->problem);
	trust_snapshot_drop(trust);
	free(path);
	return rc;
}

int
command_check(int argc, char *const *argv)
{
	const struct config_sources from = {.env = environ, .argv = argv + 1, .argc = argc - 1};
	struct config *config = NULL;
	struct trust_report report = {0};
	struct net_options options;
	struct why why = {0};
	enum rc rc = config_load(&config, argv[0], &from, &why);

	if (rc == RC_OK)
		rc = check_keys(config, &why);
	if (rc == RC_OK) {
		options = wiring_net(config, NULL, NULL);
		rc = net_check(&options, &why);
	}
	if (rc == RC_OK)
		rc = check_trust(argv[0], &report, &why);
	if (rc == RC_OK)
		printf("ok: %zu logs, %zu trust domains, %zu keys\n", config->log_count,
		    report.domains, report.keys);
	config_free(config);
	return rc == RC_OK ? COMMAND_DONE : command_complain(rc, &why);
}
