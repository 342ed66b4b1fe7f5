/*
 * command_check.c - check-config: what run would read, read and judged; nothing is bound, locked or
 * written.  It may run beside the server.
 */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "trust/event.h"
#include "trust/history.h"
#include "wiring.h"

#define EVENTS_MEMORY ((size_t)1 << 30)
#define POLICY_MEMORY ((size_t)256 << 20)

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
		if (rc == RC_OK)
			printf("log %s: %s; folder and signing key are there\n", c->logs[i].name,
			    c->logs[i].origin);
	}
	return rc;
}

/* A document that the server would refuse to bring into force is refused here. */
static enum rc
check_policy(const struct config_log *log, struct why *why)
{
	const struct policy_doc *doc;
	struct why inner = {0};
	struct bytes text;
	struct arena arena;
	enum rc rc;

	if (log->policy == NULL)
		return RC_OK;
	arena_init(&arena, POLICY_MEMORY);
	if ((rc = serve_policy_file(log->policy, &arena, &text, &inner)) == RC_OK &&
	    (rc = policy_doc_read(text, &arena, &doc, &inner)) == RC_OK)
		printf("log %s: policy document: profile %s, %zu rules\n", log->name,
		    policy_profile_text(doc->profile), doc->rule_count);
	else
		why_set(why, rc, "policy", "policy", 0, "log %.40s: %.110s", log->name, inner.text);
	arena_release(&arena);
	return rc;
}

/* How many SPIFFE bundles are in the folder: what a log without history would be told about. */
static enum rc
count_bundles(const struct trust_snapshot *trust, size_t *count, struct why *why)
{
	struct history *none = NULL;
	struct bytes *events = NULL;
	struct arena arena;
	size_t n = 0;
	enum rc rc = history_new(&none);

	*count = 0;
	arena_init(&arena, EVENTS_MEMORY);
	if (rc == RC_OK)
		rc = trust_diff(trust, none, bytes_str("folder"), &arena, &events, &n, why);
	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		struct trust_event e;

		rc = event_read(events[i], &arena, &e, why);
		*count += rc == RC_OK && e.subject == EVENT_BUNDLE && e.action == EVENT_ENROLL;
	}
	history_free(none);
	arena_release(&arena);
	return rc;
}

/* Would this log take the folder?  A bundle must not go back behind what the log has seen. */
static enum rc
check_history(const struct config_log *log, const struct trust_snapshot *trust, struct why *why)
{
	struct ledger_options options = wiring_ledger(log, NULL, false);
	struct history *history = NULL;
	struct bytes *events = NULL;
	struct arena arena;
	size_t count = 0;
	enum rc rc = seq_peek_history(&options, &history, why);

	arena_init(&arena, EVENTS_MEMORY);
	if (rc == RC_OK)
		rc = trust_diff(trust, history, bytes_str("folder"), &arena, &events, &count, why);
	if (rc == RC_OK)
		printf("log %s: its key history fits the trust folder; %zu key entries to be "
		       "written\n",
		    log->name, count);
	arena_release(&arena);
	history_free(history);
	return rc;
}

/* The history is only asked where it can refuse something: it takes a walk over the whole log. */
static enum rc
check_trust(const struct config *c, struct trust_report *report, struct why *why)
{
	struct trust_snapshot *trust = NULL;
	char *path = NULL;
	size_t bundles = 0;
	enum rc rc;

	if (asprintf(&path, "%s/trust", c->folder) < 0)
		return RC_NO_MEMORY;
	if ((rc = trust_snapshot_load(path, &trust, report)) != RC_OK)
		why_set(why, rc, "trust", NULL, 0, "trust: %.140s", report->problem);
	if (rc == RC_OK)
		rc = count_bundles(trust, &bundles, why);
	for (size_t i = 0; rc == RC_OK && bundles > 0 && i < c->log_count; i++)
		rc = check_history(&c->logs[i], trust, why);
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
	for (size_t i = 0; rc == RC_OK && i < config->log_count; i++)
		rc = check_policy(&config->logs[i], &why);
	if (rc == RC_OK) {
		options = wiring_net(config, NULL, NULL);
		rc = net_check(&options, &why);
	}
	if (rc == RC_OK)
		printf("door %s: %s\n", config->listen,
		    config->insecure_loopback ? "plaintext" : "certificate, key and client CA fit");
	if (rc == RC_OK)
		rc = check_trust(config, &report, &why);
	if (rc == RC_OK)
		say_odd(config);
	if (rc == RC_OK)
		printf("ok: %zu logs, %zu trust domains, %zu keys\n", config->log_count,
		    report.domains, report.keys);
	config_free(config);
	return rc == RC_OK ? COMMAND_DONE : command_complain(rc, &why);
}
