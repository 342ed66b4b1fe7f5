/*
 * command_run.c - run: opens the rooms in order, keeps them until told to stop, closes them in
 * reverse.
 *
 * The order of birth: configuration, metrics, logs (each verified and rolled forward), trust, net
 * (bound, silent), serve (which first writes down what the trust folder has that a log does not
 * know), the signals' thread.  finish() closes whatever of them is there.
 *
 * Threads: signals_run() has one of its own and waits for signals there: TERM and INT stop the
 * loop, HUP leaves a note, and the reload is done on the loop's tick.  Everything else runs on the
 * first thread, which is the loop's.
 */
#include "command.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/notify.h"
#include "wiring.h"

extern char **environ;

#define METRICS_MAX 512
#define LIMITS_MAX  128
#define FILES_SPARE 256 /* descriptors that are not connections */

struct daemon {
	struct config *config;
	struct config *live;	    /* of the newest reload, or NULL */
	struct config_sources from; /* for reloads */
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
};

/* ---- birth ---- */

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
		struct ledger_options options = wiring_ledger(log, &d->sink, false);
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
	return RC_OK; /* the keeper says what was loaded, when it is in force */
}

static enum rc
start_serve(struct daemon *d, struct why *why)
{
	struct serve_options o = wiring_serve(d->config);

	o.logs = d->logs;
	o.log_count = d->config->log_count;
	o.clock = clock_real();
	o.sink = &d->sink;
	o.metrics = d->metrics;
	o.limits = d->limits;
	o.limit_count = config_limits(d->config, d->limits, LIMITS_MAX);
	o.wake = net_wake;
	o.ctx = d->net;
	for (size_t i = 0; i < o.log_count; i++)
		d->logs[i] = (struct serve_log){
		    d->config->logs[i].name, d->ledgers[i], d->trust, d->config->logs[i].policy};
	return serve_start(&d->serve, &o, why);
}

/* ---- signals and ticks ---- */

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

/* A rule that is edited and not in force must not look as if it were. */
static void
say_ignored(struct daemon *d, struct config *fresh)
{
	struct buf names;

	buf_init(&names, 4096);
	config_ignored(d->config, fresh, &names);
	buf_add(&names, "", 1);
	if (buf_rc(&names) != RC_OK)
		log_event(&d->sink, LOG_WARN, "reload_ignored", "options", "too many to list", "do",
		    "restart to bring them into force", NULL);
	else if (names.n > 1)
		log_event(&d->sink, LOG_WARN, "reload_ignored", "options", (const char *)names.p,
		    "do", "restart to bring them into force", NULL);
	buf_release(&names);
}

/* Loop thread.  Taken over live: TLS files, the net's times and caps, trust, policy documents.  The rest waits for a
 * restart, since entries name the rules that they were let in under. */
static void
reload(struct daemon *d)
{
	struct config *fresh = NULL;
	struct net_options options;
	struct why why = {0};
	enum rc rc;

	notify_send("RELOADING=1");
	rc = config_load(&fresh, d->config->folder, &d->from, &why);
	if (rc == RC_OK) {
		raise_files(fresh, &d->sink);
		options = wiring_net(fresh, &d->sink, d->metrics);
		rc = net_reload(d->net, &options, &why);
	}
	if (rc == RC_OK) {
		config_free(d->live);
		d->live = fresh;
		for (size_t i = 0; i < fresh->log_count; i++)
			serve_set_policy(d->serve, fresh->logs[i].name, fresh->logs[i].policy);
		log_event(&d->sink, LOG_INFO, "reloaded", NULL);
		say_ignored(d, fresh);
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

/* ---- the whole ---- */

static enum rc
write_port_file(const struct daemon *d, struct why *why)
{
	char text[128];

	if (d->config->port_file == NULL)
		return RC_OK;
	(void)snprintf(text, sizeof text, "native=%s\n", net_address(d->net));
	return wiring_write_file(d->config->port_file, bytes_str(text), why);
}

static enum rc
start(struct daemon *d, struct why *why)
{
	struct net_options options;
	enum rc rc;

	d->sink = (struct log_sink){
	    STDERR_FILENO, wiring_level(d->config->log_level), d->config->log_json};
	raise_files(d->config, &d->sink);
	if ((d->metrics = metrics_new(METRICS_MAX)) == NULL)
		return RC_NO_MEMORY;
	if ((rc = open_logs(d, why)) != RC_OK || (rc = open_trust(d, why)) != RC_OK)
		return rc;
	options = wiring_net(d->config, &d->sink, d->metrics);
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

int
command_run(int argc, char *const *argv)
{
	struct daemon d = {.from = {.env = environ, .argv = argv + 1, .argc = argc - 1}};
	struct why why = {0};
	sigset_t set;
	int code = COMMAND_DONE;
	enum rc rc;

	signal_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread, so that all inherit it */
	if ((rc = config_load(&d.config, argv[0], &d.from, &why)) != RC_OK) {
		code = command_complain(rc, &why);
		/* Starting again would not help: the service manager knows this code. */
		return rc == RC_BAD_CONFIG ? COMMAND_USAGE : code;
	}
	d.watchdog = notify_watchdog();
	if ((rc = start(&d, &why)) == RC_OK) {
		log_event(&d.sink, LOG_INFO, "serving", "native", net_address(d.net), "tls",
		    d.config->insecure_loopback ? "no" : "yes", "version", ECT_VERSION, NULL);
		notify_send("READY=1");
		rc = net_run(d.net);
		notify_send("STOPPING=1");
		if (serve_stopped(d.serve))
			code = COMMAND_DOUBT;
		log_event(&d.sink, LOG_INFO, "stopped", "code", LOG_U64(code), NULL);
	}
	if (rc != RC_OK)
		code = command_complain(rc, &why);
	finish(&d);
	return code;
}
