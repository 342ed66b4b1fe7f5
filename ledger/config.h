/*
 * config.h - every option of the server, from one table: ledger.conf, ECTLEDGER_* in the
 * environment, and flags.
 *
 * Flags win over the environment, the environment over the file.  docs/CONFIG.md is the table for
 * people.
 *
 * ledger.conf: lines "key = value"; lines that begin with '#' and empty lines are skipped; "[log
 * NAME]" begins the settings of one more log, "[server]" goes back.  Before any section, and after
 * "[server]", a log's keys are those of the log "default".
 */
#ifndef LEDGER_CONFIG_H
#define LEDGER_CONFIG_H

#include "base/rc.h"
#include "policy/policy.h"

#define CONFIG_FILE_MAX 262144
#define CONFIG_LOGS_MAX 64
#define CONFIG_NAME_MAX 64

struct config_log {
	char *name;
	char *folder; /* DIR/logs/NAME */
	char *origin;
	char *key;    /* path */
	char *policy; /* path of the policy document; NULL: none */
	struct policy_rules rules;
	uint64_t map_size, free_bytes_min, index_flush_rows, index_flush_ms, verify_newest;
};

struct config {
	char *folder;
	char *listen, *http, *port_file;
	bool insecure_loopback;
	char *tls_cert, *tls_key, *tls_client_ca, *tls_client_crl;
	char *log_level;
	bool log_json;
	uint64_t verify_threads, reader_threads;
	uint64_t calls_max, call_tokens_max, call_bytes_max, query_bytes_max, requests_bytes_max;
	uint64_t query_nodes_max, query_entries_max, query_ms_max, query_nice, facts_bytes_max, deadline_ms_max, watches_max;
	uint64_t wait_tokens_max, wait_bytes_max, wait_client_tokens_max, quota_clients_max;
	uint64_t connections_max, connections_per_address_max, handshakes_max;
	uint64_t handshake_ms, first_frame_ms, idle_ms, frame_ms, write_ms, drain_ms,
	    connection_age_ms;
	uint64_t frame_max, out_max, calls_per_connection_max;
	struct config_log logs[CONFIG_LOGS_MAX]; /* "default" first */
	size_t log_count;
	bool in_folder; /* while the file is read: relative paths are the data folder's, else the working folder's */
};

/* Defaults for a data folder. */
enum rc config_new(struct config **out, const char *folder);
void config_free(struct config *c); /* NULL is fine */
/* One more log at its defaults; the name must be new and log_count below CONFIG_LOGS_MAX.  The log belongs to the configuration. */
enum rc config_add_log(struct config *c, const char *name, struct config_log **out);
/* The log of that name, or NULL. */
struct config_log *config_find_log(struct config *c, const char *name);
/* The text of ledger.conf.  RC_BAD_CONFIG: why->at is the line. */
enum rc config_read(struct config *c, struct bytes text, struct why *why);
/* DIR/ledger.conf. */
enum rc config_read_file(struct config *c, struct why *why);
/* ECTLEDGER_NAME for each option. */
enum rc config_read_env(struct config *c, char *const *env, struct why *why);
/* "--name value", "--name=value", and "--name" alone for switches.  All of argv must be options. */
enum rc config_read_flags(struct config *c, int argc, char *const *argv, struct why *why);
/* All of the above on defaults, then config_finish().  *out is NULL after an error. */
struct config_sources {
	char *const *env;
	char *const *argv;
	int argc;
};
enum rc config_load(struct config **out, const char *folder, const struct config_sources *from,
    struct why *why);
/* When all is read: what single options cannot tell (contradictions, what is missing), and defaults that hang on others. */
enum rc config_finish(struct config *c, struct why *why);
/* The names of what differs and cannot be taken over while the server runs, blank between: an option,
 * LOG:option, LOG:grants, LOG:added, LOG:removed.  Nothing: 'out' stays empty. */
void config_ignored(struct config *in_force, struct config *fresh, struct buf *out);
/* The numbers as rows for Admin/Limits; static names, at most 'room'. */
size_t config_limits(const struct config *c, struct policy_limit *out, size_t room);
/* A commented ledger.conf with every option at its default. */
enum rc config_write_default(struct buf *out, const char *origin);
/* The options as text for -h. */
void config_help(struct buf *out);

#endif
