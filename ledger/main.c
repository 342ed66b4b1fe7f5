/*
 * main.c - ectledgerd: wires the rooms and owns their lifetimes.
 *
 * The rooms in order of birth: configuration, logs (each verified and rolled forward), trust, net (bound, silent), serve, then net runs.
 * They end in reverse.  Signals go to one thread that waits for them: TERM and INT stop the loop, HUP asks for a reload, done on the loop's tick.
 *
 * Exit codes: 0 done or drained; 1 cannot; 2 usage; 75 a log stopped after doubt: start again, and it is verified and rolled forward.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "base/random.h"
#include "config.h"
#include "net/net.h"
#include "net/notify.h"
#include "serve/serve.h"

#ifndef ECT_VERSION
#define ECT_VERSION "0.1.0"
#endif

#define EXIT_CANNOT   1
#define EXIT_USAGE    2
#define EXIT_DOUBT    75 /* EX_TEMPFAIL */
#define METRICS_MAX   256
#define LIMITS_MAX    64
#define STREAM_CREDIT 64  /* docs/WIRE.md: known to clients, so not an option */
#define FILES_SPARE   256 /* descriptors that are not connections */

struct daemon {
	struct config *config;
	struct config *live; /* of the newest reload, or NULL */
	struct policy_limit limits[LIMITS_MAX];
	struct log_sink sink;
	struct metrics *metrics;
	struct ledger *ledgers[CONFIG_LOGS_MAX];
	struct serve_log logs[CONFIG_LOGS_MAX];
	struct trust *trust;
	struct serve *serve;
	struct net *net;
	pthread_t signals;
	bool signals_run, watchdog;
	_Atomic bool reload;
	int argc; /* flags, for reloads */
	char *const *argv;
};

extern char **environ;

static int
complain(enum rc rc, const struct why *why)
{
	if (why->at > 0 && strncmp(why->rule ? why->rule : "", "CONFIG", 6) == 0)
		fprintf(stderr, "ectledgerd: ledger.conf line %zu: %s\n", why->at, why->text);
	else
		fprintf(stderr, "ectledgerd: %s\n", why->text[0] ? why->text : rc_text(rc));
	return EXIT_CANNOT;
}

/* ---- files ---- */

static enum rc
make_folder(const char *path, struct why *why)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return why_set(why, RC_IO, "init", NULL, 0, "%.100s: %s", path, strerror(errno));
	return RC_OK;
}

/* Whole or not at all: written beside, synced, renamed. */
static enum rc
write_file(const char *path, struct bytes text, struct why *why)
{
	char *temporary = NULL;
	enum rc rc = RC_NO_MEMORY;
	int fd = -1;
	bool written = false;

	if (asprintf(&temporary, "%s.tmp%ld", path, (long)getpid()) < 0)
		return rc;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	written = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
	if (fd >= 0 && close(fd) != 0)
		written = false;
	rc = written && rename(temporary, path) == 0
		 ? RC_OK
		 : why_set(why, RC_IO, "files", NULL, 0, "%.100s: %s", path, strerror(errno));
	if (rc != RC_OK)
		(void)unlink(temporary);
	free(temporary);
	return rc;
}

static struct ledger_options
ledger_options_of(const struct config_log *log, const struct log_sink *sink, bool create)
{
	return (struct ledger_options){
	    .folder = log->folder,
	    .origin = log->origin,
	    .key_path = log->key,
	    .map_size = log->map_size,
	    .free_bytes_min = log->free_bytes_min,
	    .index_flush_rows = (size_t)log->index_flush_rows,
	    .index_flush_ms = (unsigned)log->index_flush_ms,
	    .verify_newest = log->verify_newest,
	    .sink = sink,
	    .create = create,
	};
}

/* ---- init ---- */

/* Key, empty log, first signed checkpoint, verifier key. */
static enum rc
init_log(const struct config_log *log, struct why *why)
{
	struct log_sink quiet = {.fd = STDERR_FILENO, .level = LOG_WARN};
	struct ledger_options options = ledger_options_of(log, &quiet, true);
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
		 : write_file(path, bytes_str(line), why);

out:
	free(path);
	free(line);
	ledger_close(ledger);
	return rc;
}

struct init {
	const char *folder, *origin, *log;
};

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
	if (rc == RC_OK && access(path, F_OK) == 0)
		rc = why_set(why, RC_BAD_CONFIG, "init", NULL, 0,
		    "%.80s is there already: this is a data folder", path);
	if (rc == RC_OK)
		rc = write_file(path, buf_bytes(&text), why);
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

static const struct config_log *
named(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->log_count; i++)
		if (strcmp(c->logs[i].name, name) == 0)
			return &c->logs[i];
	return NULL;
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
	if (named(config, in->log) == NULL) {
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
	log = named(config, in->log);
	must(log != NULL);
	rc = init_log(log, why);

out:
	config_free(config);
	return rc;
}

static int
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
			return EXIT_USAGE;
		}
	}
	rc = init_run(&in, &why);
	if (rc != RC_OK)
		return complain(rc, &why);
	fprintf(stderr, "%s is ready; try: ectledgerd run %s --insecure-loopback\n", in.folder,
	    in.folder);
	return fflush(stdout) == 0 ? 0 : EXIT_CANNOT;
}

/* ---- reading the configuration ---- */

static enum rc
read_all(const char *folder, int argc, char *const *argv, struct config **out, struct why *why)
{
	enum rc rc = read_folder(folder, out, why);

	if (rc == RC_OK)
		rc = config_read_env(*out, environ, why);
	if (rc == RC_OK)
		rc = config_read_flags(*out, argc, argv, why);
	if (rc == RC_OK)
		rc = config_finish(*out, why);
	return rc;
}

static struct net_options
net_options_of(const struct config *c, const struct daemon *d)
{
	return (struct net_options){
	    .listen = c->listen,
	    .insecure_loopback = c->insecure_loopback,
	    .tls_cert = c->tls_cert,
	    .tls_key = c->tls_key,
	    .tls_client_ca = c->tls_client_ca,
	    .tls_client_crl = c->tls_client_crl,
	    .connections_max = (size_t)c->connections_max,
	    .connections_per_address_max = (size_t)c->connections_per_address_max,
	    .handshakes_max = (size_t)c->handshakes_max,
	    .handshake_ms = (unsigned)c->handshake_ms,
	    .first_frame_ms = (unsigned)c->first_frame_ms,
	    .idle_ms = (unsigned)c->idle_ms,
	    .frame_ms = (unsigned)c->frame_ms,
	    .write_ms = (unsigned)c->write_ms,
	    .drain_ms = (unsigned)c->drain_ms,
	    .connection_age_ms = (unsigned)c->connection_age_ms,
	    .frame_max = (size_t)c->frame_max,
	    .out_max = (size_t)c->out_max,
	    .calls_per_connection_max = (unsigned)c->calls_per_connection_max,
	    .stream_credit = STREAM_CREDIT,
	    .sink = &d->sink,
	    .metrics = d->metrics,
	};
}

/* ---- run: birth ---- */

static enum log_level
level_of(const char *name)
{
	return strcmp(name, "error") == 0   ? LOG_ERROR
	       : strcmp(name, "warn") == 0  ? LOG_WARN
	       : strcmp(name, "debug") == 0 ? LOG_DEBUG
					    : LOG_INFO;
}

/* Each connection is a descriptor: take what the system gives, and never promise more. */
static void
raise_files(struct config *c, const struct log_sink *sink)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	if (r.rlim_cur < c->connections_max + FILES_SPARE) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
		(void)getrlimit(RLIMIT_NOFILE, &r);
	}
	if (r.rlim_cur < c->connections_max + FILES_SPARE) {
		c->connections_max =
		    r.rlim_cur > 2 * FILES_SPARE ? r.rlim_cur - FILES_SPARE : r.rlim_cur / 2;
		log_event(sink, LOG_WARN, "connections_limited", "connections_max",
		    LOG_U64(c->connections_max), "why", "limit on open files", NULL);
	}
}

static enum rc
open_logs(struct daemon *d, struct why *why)
{
	for (size_t i = 0; i < d->config->log_count; i++) {
		const struct config_log *log = &d->config->logs[i];
		struct ledger_options options = ledger_options_of(log, &d->sink, false);
		enum rc rc;

		if (access(log->folder, F_OK) != 0)
			return why_set(why, RC_NOT_FOUND, "logs", NULL, 0,
			    "log %.40s is not there: ectledgerd init %.60s --log %.40s", log->name,
			    d->config->folder, log->name);
		rc = ledger_open(&d->ledgers[i], &options, &log->rules, why);
		if (rc != RC_OK)
			return rc;
		/* A log whose first checkpoint was lost in a crash of init. */
		if ((rc = seq_first_checkpoint(d->ledgers[i])) != RC_OK)
			return why_set(
			    why, rc, "logs", NULL, 0, "log %.40s: %s", log->name, rc_text(rc));
		log_event(&d->sink, LOG_INFO, "log_open", "log", log->name, "origin", log->origin,
		    "entries", LOG_U64(ledger_published(d->ledgers[i])), NULL);
	}
	return RC_OK;
}

static enum rc
open_trust(struct daemon *d, struct why *why)
{
	struct trust_report report = {0};
	char *folder = NULL;
	enum rc rc;

	if (asprintf(&folder, "%s/trust", d->config->folder) < 0)
		return RC_NO_MEMORY;
	rc = trust_open(&d->trust, folder, &report);
	free(folder);
	if (rc != RC_OK)
		return why_set(why, rc, "trust", NULL, 0, "trust: %.140s",
		    report.problem[0] ? report.problem : rc_text(rc));
	log_event(&d->sink, LOG_INFO, "trust_loaded", "domains", LOG_U64(report.domains), "keys",
	    LOG_U64(report.keys), "skipped", LOG_U64(report.skipped), NULL);
	return RC_OK;
}

static enum rc
start_serve(struct daemon *d, struct why *why)
{
	const struct config *c = d->config;
	struct serve_options o = {
	    .logs = d->logs,
	    .log_count = c->log_count,
	    .verify_threads = (unsigned)c->verify_threads,
	    .reader_threads = (unsigned)c->reader_threads,
	    .calls_max = (size_t)c->calls_max,
	    .call_tokens_max = (size_t)c->call_tokens_max,
	    .call_bytes_max = (size_t)c->call_bytes_max,
	    .query_bytes_max = (size_t)c->query_bytes_max,
	    .requests_bytes_max = (size_t)c->requests_bytes_max,
	    .query_nodes_max = (size_t)c->query_nodes_max,
	    .query_ms_max = (unsigned)c->query_ms_max,
	    .deadline_ms_max = (unsigned)c->deadline_ms_max,
	    .clock = clock_real(),
	    .sink = &d->sink,
	    .metrics = d->metrics,
	    .limits = d->limits,
	    .limit_count = config_limits(c, d->limits, LIMITS_MAX),
	    .wake = net_wake,
	    .ctx = d->net,
	};

	for (size_t i = 0; i < c->log_count; i++)
		d->logs[i] = (struct serve_log){c->logs[i].name, d->ledgers[i], d->trust};
	return serve_start(&d->serve, &o, why);
}

/* ---- run: signals and ticks ---- */

static void
signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1); /* our own: the thread may end */
}

static void *
signals_run(void *ctx)
{
	struct daemon *d = ctx;
	sigset_t set;
	int sig = 0;

	signal_set(&set);
	while (sigwait(&set, &sig) == 0 && sig != SIGUSR1) {
		if (sig == SIGHUP)
			atomic_store(&d->reload, true);
		else
			net_stop(d->net);
	}
	return NULL;
}

/* Loop thread.  Taken over live: TLS files, the net's times and caps, trust.  The rest waits for a restart, since entries name the rules
 * that they were let in under. */
static void
reload(struct daemon *d)
{
	struct config *fresh = NULL;
	struct net_options options;
	struct why why = {0};
	enum rc rc;

	notify_send("RELOADING=1");
	rc = read_all(d->config->folder, d->argc, d->argv, &fresh, &why);
	if (rc == RC_OK) {
		raise_files(fresh, &d->sink);
		options = net_options_of(fresh, d);
		rc = net_reload(d->net, &options, &why);
	}
	if (rc == RC_OK) {
		config_free(d->live);
		d->live = fresh;
		log_event(&d->sink, LOG_INFO, "reloaded", NULL);
	} else {
		config_free(fresh);
		log_event(&d->sink, LOG_WARN, "reload_refused", "code", rc_label(rc), "why",
		    why.text, "line", LOG_U64(why.at), NULL);
	}
	serve_reload_trust(d->serve);
	notify_send("READY=1");
}

static void
on_tick(void *ctx)
{
	struct daemon *d = ctx;

	if (d->watchdog)
		notify_send("WATCHDOG=1");
	if (atomic_exchange(&d->reload, false))
		reload(d);
	if (serve_stopped(d->serve))
		net_stop(d->net);
}

/* ---- run ---- */

static enum rc
write_port_file(const struct daemon *d, struct why *why)
{
	char text[128];

	if (d->config->port_file == NULL)
		return RC_OK;
	(void)snprintf(text, sizeof text, "native=%s\n", net_address(d->net));
	return write_file(d->config->port_file, bytes_str(text), why);
}

static enum rc
start(struct daemon *d, struct why *why)
{
	struct net_options options;
	enum rc rc;

	d->sink =
	    (struct log_sink){STDERR_FILENO, level_of(d->config->log_level), d->config->log_json};
	raise_files(d->config, &d->sink);
	if ((d->metrics = metrics_new(METRICS_MAX)) == NULL)
		return RC_NO_MEMORY;
	if ((rc = open_logs(d, why)) != RC_OK || (rc = open_trust(d, why)) != RC_OK)
		return rc;
	options = net_options_of(d->config, d);
	if ((rc = net_open(&d->net, &options, why)) != RC_OK)
		return rc;
	if ((rc = start_serve(d, why)) != RC_OK)
		return rc;
	net_attach(d->net, d->serve);
	net_on_tick(d->net, on_tick, d);
	if (pthread_create(&d->signals, NULL, signals_run, d) != 0)
		return why_set(why, RC_NO_MEMORY, "threads", NULL, 0, "cannot start a thread");
	d->signals_run = true;
	return write_port_file(d, why);
}

static void
finish(struct daemon *d)
{
	if (d->signals_run) {
		pthread_kill(d->signals, SIGUSR1);
		pthread_join(d->signals, NULL);
	}
	serve_stop(d->serve);
	net_close(d->net);
	if (d->trust != NULL)
		trust_close(d->trust);
	for (size_t i = 0; i < d->config->log_count; i++)
		if (d->ledgers[i] != NULL)
			ledger_close(d->ledgers[i]);
	metrics_free(d->metrics);
	config_free(d->live);
	config_free(d->config);
}

static int
command_run(int argc, char *const *argv)
{
	struct daemon d = {.argc = argc - 1, .argv = argv + 1};
	struct why why = {0};
	sigset_t set;
	int code = 0;
	enum rc rc;

	signal_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread, so that all inherit it */
	rc = read_all(argv[0], argc - 1, argv + 1, &d.config, &why);
	if (rc != RC_OK) {
		config_free(d.config);
		return complain(rc, &why);
	}
	d.watchdog = notify_watchdog();
	if ((rc = start(&d, &why)) == RC_OK) {
		log_event(&d.sink, LOG_INFO, "serving", "native", net_address(d.net), "tls",
		    d.config->insecure_loopback ? "no" : "yes", "version", ECT_VERSION, NULL);
		notify_send("READY=1");
		rc = net_run(d.net);
		notify_send("STOPPING=1");
		if (serve_stopped(d.serve))
			code = EXIT_DOUBT;
		log_event(&d.sink, LOG_INFO, "stopped", "code", LOG_U64(code), NULL);
	}
	if (rc != RC_OK)
		code = complain(rc, &why);
	finish(&d);
	return code;
}

static int
command_check(int argc, char *const *argv)
{
	struct config *config = NULL;
	struct trust_snapshot *trust = NULL;
	struct trust_report report = {0};
	struct net_options options;
	struct daemon none = {0};
	struct why why = {0};
	char *folder = NULL;
	enum rc rc = read_all(argv[0], argc - 1, argv + 1, &config, &why);

	for (size_t i = 0; rc == RC_OK && i < config->log_count; i++) {
		struct log_signer signer;

		rc = log_signer_open(config->logs[i].key, config->logs[i].origin, &signer, &why);
		if (rc == RC_OK)
			log_signer_close(&signer);
	}
	if (rc == RC_OK) {
		options = net_options_of(config, &none);
		rc = net_check(&options, &why);
	}
	if (rc == RC_OK && asprintf(&folder, "%s/trust", argv[0]) < 0)
		rc = RC_NO_MEMORY;
	if (rc == RC_OK && (rc = trust_snapshot_load(folder, &trust, &report)) != RC_OK)
		why_set(&why, rc, "trust", NULL, 0, "trust: %.140s", report.problem);
	if (rc == RC_OK)
		printf("ok: %zu logs, %zu trust domains, %zu keys\n", config->log_count,
		    report.domains, report.keys);
	trust_snapshot_drop(trust);
	config_free(config);
	free(folder);
	return rc == RC_OK ? 0 : complain(rc, &why);
}

/* ---- the program ---- */

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
		return EXIT_CANNOT;
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
	return usage(stderr, EXIT_USAGE);
}
