/*
 * conn.c - one connection: its life, its bytes in and out, its time limits.  What the bytes say is
 * conn_frames.c's.
 *
 *   HANDSHAKE --done--> OPEN --breach, time-out, drained--> CLOSING --written--> LINGER --> gone
 *       |                 |                                    |   (after a breach) ^
 *       |                 +--peer closed, error----------------+--> gone            |
 *       +--failed-------------------------------------------------------------------+
 *
 * LINGER: a close with unread input resets the connection, and the reset may overtake the reason
 * that was just sent.
 *
 * Reading: bytes land in the loop's scratch buffer and whole frames are handled there; only the
 * rest is kept, in a buffer that grows by what has come, never by what a length prefix announces.
 * So an idle connection has no buffer, and a slow one a small one.
 * Writing: answers of one loop turn are collected in 'out' and written together by net_flush().
 *
 * Invariants: a dead connection is freed only by net_flush(), never inside a callback; kept_bytes
 * of the net is the sum of what connections keep, input and output; handshake_count counts
 * connections in HANDSHAKE.
 */
#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "proto/frame.h"

#define LINGER_MS      1000
#define QUIET_MS       1000
#define OUT_KEEP_MAX   ((size_t)1 << 20) /* of an output buffer that is empty */
#define READS_PER_TURN 64		 /* TLS records: they may hold a byte each */
#define WRITE_STEP     (32 * 1024) /* bytes that a client takes in write_ms, or all there is */

static void on_read(evutil_socket_t fd, short what, void *ctx);
static void on_write(evutil_socket_t fd, short what, void *ctx);

int64_t
conn_now_us(const struct conn *c)
{
	return clock_mono_us(&c->net->clock);
}

/* ---- life ---- */

void
conn_mark_dirty(struct conn *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	c->next_dirty = c->net->dirty;
	c->net->dirty = c;
}

void
conn_kill(struct conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	conn_drop_paused(c, 0);
	if (c->session.in_flight > 0)
		serve_forget(c->net->serve, c);
	conn_mark_dirty(c);
}

static void
leave_handshake(struct conn *c)
{
	if (c->state != CONN_HANDSHAKE)
		return;
	must(c->net->handshake_count > 0);
	c->net->handshake_count--;
}

void
conn_set_stalled(struct conn *c, bool on)
{
	struct net *n = c->net;

	if (on == c->stalled)
		return;
	c->stalled = on;
	if (on) {
		TAILQ_INSERT_TAIL(&n->stalled, c, in_stalled);
		n->stalled_count++;
		metric_add(n->stalls, 1);
	} else {
		TAILQ_REMOVE(&n->stalled, c, in_stalled);
		n->stalled_count--;
	}
}

void
conn_free(struct conn *c)
{
	struct net *n = c->net;

	must(c->dead && n->conn_count > 0);
	leave_handshake(c);
	conn_set_stalled(c, false);
	n->kept_bytes -= c->kept;
	event_del(&c->read_event);
	event_del(&c->write_event);
	if (c->tls != NULL && c->state != CONN_LINGER)
		tls_shutdown(c->tls);
	tls_free(c->tls);
	close(c->fd);
	session_release(&c->session);
	buf_release(&c->in);
	buf_release(&c->out);
	if (c->next != NULL)
		c->next->link = c->link;
	*c->link = c->next;
	n->conn_count--;
	metric_set(n->open, n->conn_count);
	listener_forget(n->listener, &c->peer);
	free(c);
}

bool
conn_new(struct net *n, int fd, const struct in6_addr *peer)
{
	struct session_limits limits = {
	    .calls_max = n->options.calls_per_connection_max,
	    .stream_credit = n->options.stream_credit,
	    /* Messages that wait for others hold their credit: one stream may have all that its
	     * connection may. */
	    .stream_more = n->options.calls_per_connection_max > n->options.stream_credit
			       ? n->options.calls_per_connection_max - n->options.stream_credit
			       : 0,
	};
	struct conn *c = calloc(1, sizeof *c);

	if (c == NULL || (n->tls != NULL && (c->tls = tls_new(n->tls, fd)) == NULL)) {
		free(c);
		close(fd);
		return false;
	}
	c->net = n;
	c->fd = fd;
	c->number = ++n->conn_number;
	c->peer = *peer;
	c->state = c->tls != NULL ? CONN_HANDSHAKE : CONN_OPEN;
	c->begun_us = c->active_us = conn_now_us(c);
	session_init(&c->session, &limits);
	buf_init(&c->in, n->options.frame_max + FRAME_HEAD + NET_SCRATCH);
	buf_init(&c->out, 0);
	event_assign(&c->read_event, n->base, fd, EV_READ | EV_PERSIST, on_read, c);
	event_assign(&c->write_event, n->base, fd, EV_WRITE | EV_PERSIST, on_write, c);
	c->link = &n->conns;
	c->next = n->conns;
	if (c->next != NULL)
		c->next->link = &c->next;
	n->conns = c;
	n->conn_count++;
	n->handshake_count += c->state == CONN_HANDSHAKE;
	metric_set(n->open, n->conn_count);
	event_add(&c->read_event, NULL);
	c->reading = true;
	return true;
}

void
conn_set_reading(struct conn *c, bool on)
{
	if (on == c->reading || c->dead)
		return;
	c->reading = on;
	if (on)
		event_add(&c->read_event, NULL);
	else
		event_del(&c->read_event);
}

static void
set_writing(struct conn *c, bool on)
{
	if (on == c->writing || c->dead)
		return;
	c->writing = on;
	if (on)
		event_add(&c->write_event, NULL);
	else
		event_del(&c->write_event);
}

/* Everything is said: only wait a little for the peer to have read it. */
static void
conn_linger(struct conn *c)
{
	if (c->dead)
		return;
	leave_handshake(c);
	c->state = CONN_LINGER;
	c->begun_us = conn_now_us(c);
	if (c->tls != NULL)
		tls_shutdown(c->tls);
	(void)shutdown(c->fd, SHUT_WR);
	set_writing(c, false);
	conn_set_reading(c, true);
}

/* Say why, write it if the client listens, and go. */
void
conn_end(struct conn *c, enum rc rc, const struct why *why)
{
	if (c->dead || c->state == CONN_CLOSING || c->state == CONN_LINGER)
		return;
	log_event(c->net->options.sink, LOG_INFO, "connection_ended", "code", rc_label(rc), "why",
	    why != NULL && why->text[0] ? why->text : rc_text(rc), NULL);
	if (c->state == CONN_HANDSHAKE) {
		conn_kill(c);
		return;
	}
	conn_drop_paused(c, 0);
	if (c->session.in_flight > 0)
		serve_forget(c->net->serve, c);
	session_release(&c->session);
	c->state = CONN_CLOSING;
	c->lingers = true;
	c->write_us = conn_now_us(c);
	c->wrote = 0;
	conn_set_stalled(c, false);
	conn_set_reading(c, false);
	session_goodbye(rc, why, &c->out);
	conn_count(c);
	conn_mark_dirty(c);
}

/* ---- output ---- */

size_t
conn_queued(const struct conn *c)
{
	return c->out.n - c->out_at;
}

void
conn_count(struct conn *c)
{
	size_t kept = conn_queued(c) + c->session.held_bytes + c->in.n;

	c->net->kept_bytes += kept - c->kept;
	c->kept = kept;
}

bool
conn_over_share(const struct conn *c)
{
	const struct net *n = c->net;
	size_t share = NET_KEPT_MAX / n->conn_count;

	/* What one turn may bring is nobody's fault. */
	return n->kept_bytes > NET_KEPT_MAX &&
	       c->kept > (share > 2 * NET_SCRATCH ? share : 2 * NET_SCRATCH);
}

/* After the session wrote to 'out'. */
void
conn_wrote(struct conn *c, size_t before)
{
	if (c->out.bad) {
		conn_kill(c);
		return;
	}
	conn_count(c);
	if (c->out.n == before)
		return;
	if (before == c->out_at) {
		c->write_us = conn_now_us(c);
		c->wrote = 0;
	}
	conn_mark_dirty(c);
}

/* What has gone leaves the buffer, also when the queue is never empty. */
static void
drop_written(struct conn *c)
{
	if (c->out_at == c->out.n) {
		c->out_at = 0;
		if (c->out.room > OUT_KEEP_MAX)
			buf_release(&c->out);
		buf_clear(&c->out);
	} else if (c->out_at > c->out.n / 2) {
		c->out.n -= c->out_at;
		memmove(c->out.p, c->out.p + c->out_at, c->out.n);
		c->out_at = 0;
	}
	conn_count(c);
}

/* One write; what it did. */
static enum tls_result
write_some(struct conn *c, size_t *n)
{
	const uint8_t *p = c->out.p + c->out_at;
	size_t size = c->out.n - c->out_at;
	ssize_t rc;

	if (c->tls != NULL)
		return tls_write(c->tls, p, size, n);
	rc = send(c->fd, p, size, MSG_NOSIGNAL);
	*n = rc > 0 ? (size_t)rc : 0;
	if (rc >= 0)
		return TLS_DONE;
	return errno == EAGAIN || errno == EINTR ? TLS_WANT_WRITE : TLS_FAILED;
}

void
conn_flush(struct conn *c)
{
	enum tls_result r = TLS_DONE;
	size_t n;

	if (c->dead || c->state == CONN_HANDSHAKE || c->state == CONN_LINGER)
		return;
	while (r == TLS_DONE && c->out_at < c->out.n) {
		r = write_some(c, &n);
		if (n == 0)
			continue;
		c->out_at += n;
		c->wrote += n;
		c->active_us = conn_now_us(c);
		if (c->wrote >= WRITE_STEP) {
			c->write_us = c->active_us;
			c->wrote = 0;
		}
		metric_add(c->net->bytes_out, n);
	}
	if (r == TLS_FAILED || r == TLS_EOF) {
		conn_kill(c);
		return;
	}
	drop_written(c);
	if (c->out.n == 0) {
		if (c->lingers) {
			conn_linger(c);
			return;
		}
		if (c->state == CONN_CLOSING ||
		    (c->eof && !c->stalled && c->session.in_flight == 0))
			conn_kill(c);
	}
	set_writing(c, c->out_at < c->out.n || c->tls_wants_write);
}

/* ---- reading ---- */

static enum tls_result
read_some(struct conn *c, uint8_t *p, size_t room, size_t *n)
{
	ssize_t rc;

	if (c->tls != NULL)
		return tls_read(c->tls, p, room, n);
	rc = recv(c->fd, p, room, 0);
	*n = rc > 0 ? (size_t)rc : 0;
	if (rc > 0)
		return TLS_DONE;
	if (rc == 0)
		return TLS_EOF;
	return errno == EAGAIN || errno == EINTR ? TLS_WANT_READ : TLS_FAILED;
}

/* Fill the scratch buffer as far as there are bytes: several TLS records are handled in one turn. */
static size_t
read_scratch(struct conn *c, enum tls_result *last)
{
	size_t have = 0, n;
	unsigned reads = 0;

	do {
		*last = read_some(c, c->net->scratch + have, NET_SCRATCH - have, &n);
		have += n;
	} while (
	    *last == TLS_DONE && c->tls != NULL && have < NET_SCRATCH && ++reads < READS_PER_TURN);
	return have;
}

static void
peer_closed(struct conn *c)
{
	c->eof = true;
	conn_set_reading(c, false);
	conn_end_follows(c); /* it can neither end them nor give credit any more */
	if (c->session.in_flight == 0 && c->out_at == c->out.n && !c->stalled)
		conn_kill(c);
	/* else: what is in flight is still answered, then the connection closes (conn_flush). */
}

static void
conn_read(struct conn *c)
{
	enum tls_result last = TLS_DONE;
	size_t n;

	n = read_scratch(c, &last);
	if (n > 0) {
		c->active_us = conn_now_us(c);
		metric_add(c->net->bytes_in, n);
		conn_take(c, bytes_of(c->net->scratch, n));
	}
	if (c->dead || c->state != CONN_OPEN)
		return;
	c->tls_wants_write = last == TLS_WANT_WRITE;
	if (c->tls_wants_write)
		set_writing(c, true);
	if (last == TLS_EOF)
		peer_closed(c);
	else if (last == TLS_FAILED)
		conn_kill(c);
	else
		conn_set_reading(c, !c->stalled && !c->tls_wants_write);
	/* Decrypted bytes are announced by no descriptor. */
	if (c->reading && c->tls != NULL && tls_pending(c->tls) > 0)
		event_active(&c->read_event, EV_READ, 0);
}

static void
conn_handshake(struct conn *c)
{
	enum tls_result r = tls_handshake(c->tls);

	c->active_us = conn_now_us(c);
	switch (r) {
	case TLS_DONE:
		leave_handshake(c);
		c->state = CONN_OPEN;
		c->begun_us = conn_now_us(c);
		set_writing(c, false);
		conn_read(c); /* the first frame may have come with the last flight */
		break;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE:
		set_writing(c, r == TLS_WANT_WRITE);
		break;
	default:
		metric_add(c->net->handshakes_failed, 1);
		log_event(c->net->options.sink, LOG_INFO, "handshake_failed", "why",
		    tls_problem(c->tls), NULL);
		conn_linger(c);
	}
}

/* Throw away what still comes. */
static void
conn_discard(struct conn *c)
{
	ssize_t n = recv(c->fd, c->net->scratch, NET_SCRATCH, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_kill(c);
}

static void
on_read(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *c = ctx;

	(void)fd;
	(void)what;
	if (!c->dead && c->state == CONN_HANDSHAKE)
		conn_handshake(c);
	else if (!c->dead && c->state == CONN_OPEN && !c->stalled && !c->eof)
		conn_read(c);
	else if (!c->dead && c->state == CONN_LINGER)
		conn_discard(c);
	net_flush(c->net);
}

static void
on_write(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *c = ctx;

	(void)fd;
	(void)what;
	if (!c->dead && c->state == CONN_HANDSHAKE)
		conn_handshake(c);
	else if (!c->dead) {
		conn_flush(c);
		conn_follow(c);
		if (c->tls_wants_write && c->state == CONN_OPEN && !c->stalled)
			conn_read(c);
		conn_resume(c);
	}
	net_flush(c->net);
}

/* ---- time ---- */

static bool
over(int64_t since_us, unsigned ms, int64_t now)
{
	return now - since_us > (int64_t)ms * 1000;
}

static void
time_out(struct conn *c, const char *rule, const char *text)
{
	struct why why = {0};

	metric_add(c->net->timeouts, 1);
	why_set(&why, RC_DEADLINE, rule, NULL, 0, "%s", text);
	conn_end(c, RC_DEADLINE, &why);
}

/* A connection that has gone quiet keeps no buffers: ten thousand of them must fit. */
static void
give_back(struct conn *c)
{
	if (c->out.n == 0)
		buf_release(&c->out);
	if (c->in.n == 0)
		buf_release(&c->in);
	session_rest(&c->session);
}

void
conn_sweep(struct conn *c, int64_t now)
{
	const struct net_options *o = &c->net->options;
	bool writing = c->out_at < c->out.n;

	if (c->dead)
		return;
	if (over(c->active_us, QUIET_MS, now))
		give_back(c);
	if (c->state == CONN_LINGER) {
		if (over(c->begun_us, LINGER_MS, now))
			conn_kill(c);
	} else if (c->state == CONN_HANDSHAKE) {
		if (over(c->begun_us, o->handshake_ms, now))
			time_out(c, "handshake_ms", "the handshake took too long");
	} else if (writing && over(c->write_us, o->write_ms, now)) {
		metric_add(c->net->timeouts, 1);
		conn_kill(c); /* it does not read: no last words */
	} else if (c->state == CONN_CLOSING) {
		conn_mark_dirty(c);
	} else if (!c->framed && !c->stalled && over(c->begun_us, o->first_frame_ms, now)) {
		time_out(c, "first_frame_ms", "no first frame came");
	} else if (c->frame_us != 0 && !c->stalled && over(c->frame_us, o->frame_ms, now)) {
		time_out(c, "frame_ms", "a frame took too long");
	} else if (c->session.in_flight == 0 && !writing && over(c->active_us, o->idle_ms, now)) {
		time_out(c, "idle_ms", "the connection was idle");
	} else if (c->session.draining || over(c->begun_us, o->connection_age_ms, now)) {
		conn_drain(c);
	}
}
