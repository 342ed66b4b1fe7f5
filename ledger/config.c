/*
 * config.c - the configuration as a thing: born with defaults, judged as a whole when everything is
 * read, freed.
 *
 * Text comes in through config_read.c and goes out through config_text.c; what one option may be is
 * option.c's.
 *
 * Invariants: logs[0] is "default" and always there; every string is the configuration's own; what
 * config_finish() has let through has an origin, a key path and an age limit in each log.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "option.h"

#define DEFERRED_AGE_S (INT64_C(10) * 366 * 86400) /* of a deferred log that says nothing else */

/* ---- life ---- */

enum rc
config_add_log(struct config *c, const char *name, struct config_log **out)
{
	struct config_log *log = &c->logs[c->log_count];
	enum rc rc = RC_OK;

	must(c->log_count < CONFIG_LOGS_MAX);
	memset(log, 0, sizeof *log);
	policy_rules_init(&log->rules);
	log->rules.age_max_s = 0; /* until config_finish() knows whether the log is deferred */
	c->log_count++;
	log->name = strdup(name);
	if (log->name == NULL || asprintf(&log->folder, "%s/logs/%s", c->folder, name) < 0 ||
	    asprintf(&log->key, "%s/key.pem", log->folder) < 0)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < option_count && rc == RC_OK; i++)
		if (option_table[i].per_log && option_table[i].fallback != NULL)
			rc = option_set(c, log, &option_table[i], option_table[i].fallback, NULL);
	*out = log;
	return rc;
}

enum rc
config_new(struct config **out, const char *folder)
{
	struct config *c = calloc(1, sizeof *c);
	struct config_log *log;
	enum rc rc = RC_NO_MEMORY;

	*out = NULL;
	if (c == NULL || (c->folder = strdup(folder)) == NULL)
		goto out;
	if ((rc = config_add_log(c, "default", &log)) != RC_OK)
		goto out;
	for (size_t i = 0; i < option_count; i++)
		if (!option_table[i].per_log && option_table[i].fallback != NULL &&
		    (rc = option_set(c, NULL, &option_table[i], option_table[i].fallback, NULL)) !=
			RC_OK)
			goto out;
	*out = c;
	c = NULL;

out:
	config_free(c);
	return rc;
}

static void
free_texts(struct config *c, struct config_log *log)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &option_table[i];

		if (o->per_log == (log != NULL) &&
		    (o->kind == OPTION_TEXT || o->kind == OPTION_PATH)) {
			char **p = option_at(o, c, log);

			free(*p);
			*p = NULL;
		}
	}
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->log_count; i++) {
		free_texts(c, &c->logs[i]);
		policy_rules_release(&c->logs[i].rules);
		free(c->logs[i].name);
		free(c->logs[i].folder);
	}
	free_texts(c, NULL);
	free(c->folder);
	free(c);
}

struct config_log *
config_find_log(struct config *c, const char *name)
{
	for (size_t i = 0; i < c->log_count; i++)
		if (strcmp(c->logs[i].name, name) == 0)
			return &c->logs[i];
	return NULL;
}

/* ---- the whole ---- */

static enum rc
finish_log(struct config_log *log)
{
	if (log->rules.age_max_s == 0)
		log->rules.age_max_s = log->rules.deferred ? DEFERRED_AGE_S : CLAIM_AGE_MAX_S;
	if (log->key == NULL && asprintf(&log->key, "%s/key.pem", log->folder) < 0)
		return RC_NO_MEMORY;
	return RC_OK;
}

static enum rc
check_log(const struct config *c, size_t i, struct why *why)
{
	const struct config_log *log = &c->logs[i];

	if (log->origin == NULL || strpbrk(log->origin, " +\t\n") != NULL)
		return why_set(why, RC_BAD_CONFIG, "CONFIG logs", "origin", 0,
		    "log %.40s: origin is missing, or holds a space or plus", log->name);
	for (size_t j = 0; j < i; j++)
		if (strcmp(c->logs[j].origin, log->origin) == 0)
			return why_set(why, RC_BAD_CONFIG, "CONFIG logs", "origin", 0,
			    "logs %.40s and %.40s have one origin", c->logs[j].name, log->name);
	if (!log->rules.deferred && log->rules.age_max_s > CLAIM_AGE_MAX_S)
		return why_set(why, RC_BAD_CONFIG, "CONFIG logs", "age_max_s", 0,
		    "log %.40s: more than %d s wants deferred = yes", log->name, CLAIM_AGE_MAX_S);
	return RC_OK;
}

enum rc
config_finish(struct config *c, struct why *why)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	bool level = false;
	enum rc rc = RC_OK;

	if (c->http != NULL)
		return why_set(why, RC_BAD_CONFIG, "CONFIG http", "http", 0,
		    "this version has no HTTP door yet: leave http out, use the native door");
	if (c->listen == NULL)
		return why_set(why, RC_BAD_CONFIG, "CONFIG listen", "listen", 0, "listen is empty");
	if (!c->insecure_loopback && (!c->tls_cert || !c->tls_key || !c->tls_client_ca))
		return why_set(why, RC_BAD_CONFIG, "CONFIG tls", "tls_cert", 0,
		    "set tls_cert, tls_key and tls_client_ca; or --insecure-loopback to try it "
		    "out");
	for (size_t i = 0; i < 4; i++)
		level |= c->log_level != NULL && strcmp(c->log_level, levels[i]) == 0;
	if (!level)
		return why_set(why, RC_BAD_CONFIG, "CONFIG log_level", "log_level", 0,
		    "error, warn, info or debug");
	if (c->requests_bytes_max < c->frame_max)
		return why_set(why, RC_BAD_CONFIG, "CONFIG sizes", "requests_bytes_max", 0,
		    "below frame_max: the largest request could never begin");
	for (size_t i = 0; rc == RC_OK && i < c->log_count; i++)
		if ((rc = finish_log(&c->logs[i])) == RC_OK)
			rc = check_log(c, i, why);
	return rc;
}
