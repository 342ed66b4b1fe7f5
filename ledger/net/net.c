/*
 * net.c - the loop: wakes, answers, time, drain.
 *
 *   OPEN (bound, nothing accepted) -> RUNNING -> DRAINING (no new connections, no new calls) -> done
 *
 * One thread.  Others reach it by one eventfd: "answers are there" (net_wake) and "stop" (net_stop,
 * which is async-signal-safe).
 *
 * Invariants: every turn of the loop ends in net_flush(), which writes what the turn produced, one
 * write per connection, and frees what died; nothing is freed elsewhere.
 */
#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/must.h"

#define ANSWERS_PER_TURN 128
#define SWEEP_MS	 200
#define DRAIN_SWEEP_MS	 20
#define TICK_US		 1000000

void
net_flush(struct net *n)
{
	struct conn *c;

	/* Flushing may kill, which puts the connection back on the list. */
	while ((c = n->dirty) != NULL) {
		n->dirty = c->next_dirty;
		c->is_dirty = false;
		if (c->dead) {
			conn_free(c);
			continue;
		}
		conn_flush(c);
		conn_follow(c);
		/* What waited for this output to go may go on: no event will say so when it all went at once. */
		if (c->stalled && serve_slots_free(n->serve) > 0)
			conn_resume(c);
	}
}

/* Slots are free again: those that have waited longest go first. */
static void
resume_stalled(struct net *n)
{
	struct conn *c = TAILQ_FIRST(&n->stalled), *next;

	/* All, since they wait for different things.  One that has had a turn goes to the end and is not met again. */
	for (size_t left = n->stalled_count; left > 0 && serve_slots_free(n->serve) > 0; left--) {
		must(c != NULL);
		next = TAILQ_NEXT(c, in_stalled);
		conn_resume(c);
		c = next;
	}
}

static void
collect(struct net *n)
{
	struct call_answer answers[ANSWERS_PER_TURN];
	size_t count;

	do {
		count = serve_collect(n->serve, answers, ANSWERS_PER_TURN);
		for (size_t i = 0; i < count; i++)
			if (!conn_answer(answers[i].door, &answers[i]))
				serve_release(n->serve, answers[i].call);
	} while (count == ANSWERS_PER_TURN);
}

/* Watches that wait for their time: nobody else would wake us for them. */
static void
come_again(struct net *n)
{
	int64_t us = serve_due_us(n->serve);
	struct timeval when = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	if (us >= 0)
		event_add(&n->due_event, &when);
}

static void
on_due(evutil_socket_t fd, short what, void *ctx)
{
	struct net *n = ctx;

	(void)fd;
	(void)what;
	collect(n);
	if (n->stalled_count > 0)
		resume_stalled(n);
	net_flush(n);
	come_again(n);
}

static void
begin_drain(struct net *n)
{
	struct timeval often = {.tv_usec = DRAIN_SWEEP_MS * 1000};

	n->draining = true;
	n->drain_until_us = clock_mono_us(&n->clock) + (int64_t)n->options.drain_ms * 1000;
	listener_stop(n->listener);
	for (struct conn *c = n->conns; c != NULL; c = c->next)
		conn_drain(c);
	event_add(&n->sweep_event, &often);
}

static void
end_if_drained(struct net *n)
{
	int64_t left;

	if (!n->draining)
		return;
	left = n->drain_until_us - clock_mono_us(&n->clock);
	/* Whoever still waits for a predecessor is told so while there is time to tell. */
	if (left < (int64_t)n->options.drain_ms * 500)
		serve_hurry(n->serve);
	if (n->conns != NULL && left > 0)
		return;
	event_base_loopbreak(n->base);
}

static void
on_wake(evutil_socket_t fd, short what, void *ctx)
{
	struct net *n = ctx;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof count) < 0)
		must(errno == EAGAIN || errno == EINTR);
	collect(n);
	if (n->stalled_count > 0)
		resume_stalled(n);
	if (atomic_load(&n->stop) && !n->draining)
		begin_drain(n);
	net_flush(n);
	come_again(n);
	end_if_drained(n);
}

static void
on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	struct net *n = ctx;
	int64_t now = clock_mono_us(&n->clock);

	(void)fd;
	(void)what;
	for (struct conn *c = n->conns; c != NULL; c = c->next)
		conn_sweep(c, now);
	collect(n); /* entries that no client sent (keys) wake nobody */
	if (n->stalled_count > 0)
		resume_stalled(n);
	net_flush(n);
	come_again(n);
	if (n->tick != NULL && now - n->tick_us >= TICK_US) {
		n->tick_us = now;
		n->tick(n->tick_ctx);
	}
	end_if_drained(n);
}

/* ---- life ---- */

static void
add_metrics(struct net *n)
{
	struct metrics *m = n->options.metrics;

	n->accepted = metrics_add(m, "ectledger_connections_total", NULL, "connections accepted");
	n->refused =
	    metrics_add(m, "ectledger_connections_refused_total", NULL, "over an address's share");
	n->open = metrics_add(m, "ectledger_connections", NULL, "connections now");
	n->handshakes_failed =
	    metrics_add(m, "ectledger_handshakes_failed_total", NULL, "TLS handshakes failed");
	n->frames_in = metrics_add(m, "ectledger_frames_total", NULL, "frames taken");
	n->answers_out = metrics_add(m, "ectledger_answers_total", NULL, "answers sent");
	n->bytes_in = metrics_add(m, "ectledger_bytes_in_total", NULL, "bytes read");
	n->bytes_out = metrics_add(m, "ectledger_bytes_out_total", NULL, "bytes written");
	n->breaches = metrics_add(m, "ectledger_breaches_total", NULL, "frames against the rules");
	n->timeouts = metrics_add(m, "ectledger_timeouts_total", NULL, "connections out of time");
	n->stalls = metrics_add(m, "ectledger_stalls_total", NULL, "times reading stopped");
}

static enum rc
load_tls(const struct net_options *o, struct tls_context **out, struct why *why)
{
	struct tls_files files = {o->tls_cert, o->tls_key, o->tls_client_ca, o->tls_client_crl};

	*out = NULL;
	if (o->insecure_loopback)
		return RC_OK;
	if (o->tls_cert == NULL || o->tls_key == NULL || o->tls_client_ca == NULL)
		return why_set(why, RC_BAD_CONFIG, "tls", NULL, 0,
		    "set tls_cert, tls_key and tls_client_ca, or insecure_loopback on this "
		    "machine");
	return tls_context_new(&files, out, why);
}

enum rc
net_check(const struct net_options *options, struct why *why)
{
	struct tls_context *tls = NULL;
	enum rc rc = listener_check(options, why);

	if (rc == RC_OK)
		rc = load_tls(options, &tls, why);
	tls_context_free(tls);
	return rc;
}

static enum rc
open_loop(struct net *n, struct why *why)
{
	struct event_config *config = event_config_new();

	if (config != NULL) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		n->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	n->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->base == NULL || n->wake_fd < 0)
		return why_set(why, RC_NO_MEMORY, "loop", NULL, 0, "cannot make the event loop");
	event_assign(&n->wake_event, n->base, n->wake_fd, EV_READ | EV_PERSIST, on_wake, n);
	event_assign(&n->sweep_event, n->base, -1, EV_PERSIST, on_sweep, n);
	event_assign(&n->due_event, n->base, -1, 0, on_due, n);
	return RC_OK;
}

enum rc
net_open(struct net **out, const struct net_options *options, struct why *why)
{
	struct net *n = calloc(1, sizeof *n);
	enum rc rc;

	must(options->connections_max > 0 && options->frame_max > 0);
	*out = NULL;
	if (n == NULL)
		return why_set(why, RC_NO_MEMORY, "loop", NULL, 0, "out of memory");
	n->options = *options;
	n->clock = clock_real();
	n->wake_fd = -1;
	TAILQ_INIT(&n->stalled);
	if ((rc = open_loop(n, why)) != RC_OK)
		goto out;
	if ((rc = load_tls(&n->options, &n->tls, why)) != RC_OK)
		goto out;
	if ((rc = listener_open(&n->listener, n, why)) != RC_OK)
		goto out;
	add_metrics(n);
	*out = n;
	n = NULL;

out:
	net_close(n);
	return rc;
}

void
net_attach(struct net *n, struct serve *serve)
{
	n->serve = serve;
}

const char *
net_address(const struct net *n)
{
	return n->address;
}

void
net_wake(void *net)
{
	struct net *n = net;
	uint64_t one = 1;

	if (write(n->wake_fd, &one, sizeof one) < 0)
		must(errno == EAGAIN || errno == EINTR);
}

void
net_stop(struct net *n)
{
	int keep = errno; /* may run in a signal handler */

	atomic_store(&n->stop, true);
	net_wake(n);
	errno = keep;
}

void
net_on_tick(struct net *n, void (*tick)(void *ctx), void *ctx)
{
	n->tick = tick;
	n->tick_ctx = ctx;
}

enum rc
net_run(struct net *n)
{
	struct timeval sweep = {.tv_usec = SWEEP_MS * 1000};
	int rc;

	must(n->serve != NULL);
	event_add(&n->wake_event, NULL);
	event_add(&n->sweep_event, &sweep);
	listener_start(n->listener);
	rc = event_base_dispatch(n->base);
	/* What did not end in time is cut off. */
	for (struct conn *c = n->conns; c != NULL; c = c->next)
		conn_kill(c);
	net_flush(n);
	return rc < 0 ? RC_IO : RC_OK;
}

enum rc
net_reload(struct net *n, const struct net_options *options, struct why *why)
{
	struct net_options fresh = *options;
	struct tls_context *tls = NULL;
	enum rc rc;

	fresh.listen = n->options.listen;
	fresh.insecure_loopback = n->options.insecure_loopback;
	fresh.sink = n->options.sink;
	fresh.metrics = n->options.metrics;
	if ((rc = load_tls(&fresh, &tls, why)) != RC_OK)
		return rc;
	tls_context_free(n->tls); /* connections hold on to theirs */
	n->tls = tls;
	n->options = fresh;
	return RC_OK;
}

void
net_close(struct net *n)
{
	if (n == NULL)
		return;
	must(n->conns == NULL);
	listener_close(n->listener);
	tls_context_free(n->tls);
	if (n->base != NULL) {
		event_del(&n->wake_event);
		event_del(&n->sweep_event);
		event_del(&n->due_event);
		event_base_free(n->base);
	}
	if (n->wake_fd >= 0)
		close(n->wake_fd);
	free(n);
}
