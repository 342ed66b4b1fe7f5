/*
 * command_check.c - check-config: what run would read, read and judged; nothing is bound, locked or
 * written.
 */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wiring.h"

extern char **environ;

/* Every log has its folder, and its key opens. */
static enum rc
check_logs(const struct config *c, struct why *why)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < c->log_count; i++) {
		struct log_signer signer;

		if (access(c->logs[i].folder, F_OK) != 0)
			return why_set(why, RC_NOT_FOUND, "logs", NULL, 0,
			    "log %.40s is not there: ectledgerd init %.60s --log %.40s",
			    c->logs[i].name, c->folder, c->logs[i].name);
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

/* What is allowed and yet hardly meant. */
static void
say_odd(const struct config *c)
{
	for (size_t i = 0; i < c->log_count; i++) {
		const struct policy_rules *r = &c->logs[i].rules;
		const char *name = c->logs[i].name;
		unsigned rights = 0;

		for (size_t j = 0; j < r->grant_count; j++)
			rights |= r->grants[j].rights;
		if (!c->insecure_loopback && !(rights & POLICY_WRITE))
			printf("note: log %s: nobody may write\n", name);
		if (!c->insecure_loopback && !(rights & POLICY_READ))
			printf("note: log %s: nobody may read\n", name);
		if (r->level_min == LEVEL_1)
			printf("note: log %s: takes unsigned tokens (L1)\n", name);
		if (r->deferred)
			printf("note: log %s: takes tokens as old as %lld s\n", name,
			    (long long)r->age_max_s);
	}
	if (c->insecure_loopback)
		printf("note: plaintext, and everybody on this machine may do everything\n");
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
		rc = check_logs(config, &why);
	if (rc == RC_OK) {
		options = wiring_net(config, NULL, NULL);
		rc = net_check(&options, &why);
	}
	if (rc == RC_OK)
		rc = check_trust(argv[0], &report, &why);
	if (rc == RC_OK)
		say_odd(config);
	if (rc == RC_OK)
		printf("ok: %zu logs, %zu trust domains, %zu keys\n", config->log_count,
		    report.domains, report.keys);
	config_free(config);
	return rc == RC_OK ? COMMAND_DONE : command_complain(rc, &why);
}
