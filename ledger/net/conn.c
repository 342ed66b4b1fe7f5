/*
 * conn.c - one connection: bytes <-> frames <-> calls.
 *
 *   HANDSHAKE --done--> OPEN --breach, time-out, drained--> CLOSING --written--> gone
 *       |                 |                                    |
 *       +--failed---------+--peer closed, error----------------+--> gone
 *
 * Reading: bytes land in the loop's scratch buffer and whole frames are handled there; only the rest is kept, in a buffer that grows by what
 * has come, never by what a length prefix announces.  So an idle connection has no buffer, and a slow one a small one.
 * Writing: answers of one loop turn are collected in 'out' and written together by net_flush().
 *
 * Stalled: there is input, but no call slot (busy), too much output queued, or too many requests in flight.  A stalled connection is not read: TCP
 * tells the client.  It goes on when answers have been collected, released and written.
 *
 * Invariants: a dead connection is freed only by net_flush(), never inside a callback; while stalled, the read event is off; out_bytes
 * of the net is the sum of what connections have queued; handshake_count counts connections in HANDSHAKE.
 */
#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "proto/frame.h"

static void on_read(evutil_socket_t fd, short what, void *ctx);
static void on_write(evutil_socket_t fd, short what, void *ctx);

static int64_t
now_us(const struct conn *c)
{
	return clock_mono_us(&c->net->clock);
}

/* ---- life ---- */

static void
mark_dirty(struct conn *c)
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
	if (c->session.in_flight > 0)
		serve_forget(c->net->serve, c);
	mark_dirty(c);
}

static void
leave_handshake(struct conn *c)
{
	if (c->state != CONN_HANDSHAKE)
		return;
	must(c->net->handshake_count > 0);
	c->net->handshake_count--;
}

static void
set_stalled(struct conn *c, bool on)
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
	set_stalled(c, false);
	n->out_bytes -= c->out.n - c->out_at;
	event_del(&c->read_event);
	event_del(&c->write_event);
	if (c->tls != NULL)
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
	};
	struct conn *c = calloc(1, sizeof *c);

	if (c == NULL || (n->tls != NULL && (c->tls = tls_new(n->tls, fd)) == NULL)) {
		free(c);
		close(fd);
		return false;
	}
	c->net = n;
	c->fd = fd;
	c->peer = *peer;
	c->state = c->tls != NULL ? CONN_HANDSHAKE : CONN_OPEN;
	c->begun_us = c->active_us = now_us(c);
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

static void
set_reading(struct conn *c, bool on)
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

/* Say why, write it if the client listens, and go. */
static void
conn_end(struct conn *c, enum rc rc, const struct why *why)
{
	if (c->dead || c->state == CONN_CLOSING)
		return;
	log_event(c->net->options.sink, LOG_INFO, "connection_ended", "code", rc_label(rc), "why",
	    why != NULL && why->text[0] ? why->text : rc_text(rc), NULL);
	if (c->state == CONN_HANDSHAKE) {
		conn_kill(c);
		return;
	}
	if (c->session.in_flight > 0)
		serve_forget(c->net->serve, c);
	session_release(&c->session);
	c->state = CONN_CLOSING;
	c->write_us = now_us(c);
	set_stalled(c, false);
	set_reading(c, false);
	size_t before = c->out.n;
	session_goodbye(rc, why, &c->out);
	c->net->out_bytes += c->out.n - before;
	mark_dirty(c);
}

/* ---- output ---- */

static size_t
queued(const struct conn *c)
{
	return c->out.n - c->out_at;
}

/* After the session wrote to 'out'. */
static void
wrote(struct conn *c, size_t before)
{
	if (c->out.bad) {
		conn_kill(c);
		return;
	}
	if (c->out.n == before)
		return;
	if (before == c->out_at)
		c->write_us = now_us(c);
	c->net->out_bytes += c->out.n - before;
	mark_dirty(c);
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

	if (c->dead || c->state == CONN_HANDSHAKE)
		return;
	while (r == TLS_DONE && c->out_at < c->out.n) {
		r = write_some(c, &n);
		if (n == 0)
			continue;
		c->out_at += n;
		c->net->out_bytes -= n;
		c->write_us = c->active_us = now_us(c);
		metric_add(c->net->bytes_out, n);
	}
	if (r == TLS_FAILED || r == TLS_EOF) {
		conn_kill(c);
		return;
	}
	if (c->out_at == c->out.n) {
		c->out_at = 0;
		if (c->out.room > NET_SCRATCH)
			buf_release(&c->out);
		buf_clear(&c->out);
		if (c->state == CONN_CLOSING ||
		    (c->eof && !c->stalled && c->session.in_flight == 0))
			conn_kill(c);
	}
	set_writing(c, c->out_at < c->out.n || c->tls_wants_write);
}

/* ---- frames ---- */

static struct call_request
request_of(struct conn *c, struct session_step *step)
{
	return (struct call_request){
	    .method = step->method,
	    .log = step->log,
	    .identity = c->tls != NULL ? tls_identity(c->tls) : BYTES_NONE,
	    .insecure = c->tls == NULL,
	    .deadline_ms = step->deadline_ms,
	    .message = step->message,
	    .stream_tokens = step->stream ? &step->tokens : NULL,
	    .door = c,
	    .door_id = step->call,
	};
}

/* One frame.  False: it must wait (stalled), or the connection is ending. */
static bool
handle_frame(struct conn *c, struct bytes frame)
{
	struct session_step step;
	struct why why = {0};
	size_t before = c->out.n;
	bool begun = false;
	enum rc rc = session_read(&c->session, frame, serve_method, &step, &why);

	if (rc != RC_OK) {
		metric_add(c->net->breaches, 1);
		conn_end(c, rc, &why);
		return false;
	}
	if (step.refuse == RC_OK && step.has_message && !step.nothing) {
		struct call_request request = request_of(c, &step);

		rc = serve_begin(c->net->serve, &request, &step.why);
		if (rc == RC_BUSY)
			return false;
		begun = rc == RC_OK;
		step.refuse = rc;
	}
	if ((step.cancel || step.refuse != RC_OK) && !step.nothing && !step.opens)
		serve_cancel(c->net->serve, c, step.call);
	rc = session_apply(&c->session, &step, begun, &c->out);
	metric_add(c->net->frames_in, 1);
	wrote(c, before);
	if (rc != RC_OK)
		conn_end(c, rc, NULL);
	return rc == RC_OK && !c->dead;
}

static bool
must_wait(const struct conn *c)
{
	return queued(c) > c->net->options.out_max ||
	       c->session.in_flight >= c->net->options.calls_per_connection_max;
}

/* Handle the whole frames in 'data'; how many bytes are done with. */
static size_t
handle_frames(struct conn *c, struct bytes data)
{
	size_t at = 0, total = 0;

	while (c->state == CONN_OPEN && !c->dead) {
		enum frame_result r =
		    frame_peek(data.p + at, data.n - at, c->net->options.frame_max, &total);
		struct why why = {0};

		if (r == FRAME_MORE)
			break;
		if (r != FRAME_OK) {
			metric_add(c->net->breaches, 1);
			conn_end(c, RC_BAD_FRAME, &why);
			break;
		}
		if (must_wait(c) ||
		    !handle_frame(c, bytes_of(data.p + at + FRAME_HEAD, total - FRAME_HEAD))) {
			set_stalled(c, c->state == CONN_OPEN && !c->dead);
			break;
		}
		c->framed = true;
		c->frame_us = 0;
		at += total;
	}
	return at;
}

/* The frames in 'in', then keep what is left of 'in' only. */
static void
handle_kept(struct conn *c)
{
	size_t done = handle_frames(c, bytes_of(c->in.p + c->in_at, c->in.n - c->in_at));

	c->in_at += done;
	if (c->in_at == c->in.n) {
		c->in_at = 0;
		buf_clear(&c->in);
		if (c->in.room > 4096)
			buf_release(&c->in);
	} else if (c->in_at > 0) {
		memmove(c->in.p, c->in.p + c->in_at, c->in.n - c->in_at);
		c->in.n -= c->in_at;
		c->in_at = 0;
	}
}

static void
take_bytes(struct conn *c, struct bytes data)
{
	if (c->in.n == 0) {
		size_t done = handle_frames(c, data);

		data = bytes_of(data.p + done, data.n - done);
		buf_add_bytes(&c->in, data);
	} else {
		buf_add_bytes(&c->in, data);
		handle_kept(c);
	}
	if (c->in.bad) {
		conn_end(c, RC_NO_MEMORY, NULL);
		return;
	}
	if (c->in.n > 0 && c->frame_us == 0 && !c->stalled)
		c->frame_us = now_us(c);
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

	do {
		*last = read_some(c, c->net->scratch + have, NET_SCRATCH - have, &n);
		have += n;
	} while (*last == TLS_DONE && c->tls != NULL && have < NET_SCRATCH);
	return have;
}

static void
peer_closed(struct conn *c)
{
	c->eof = true;
	set_reading(c, false);
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
		c->active_us = now_us(c);
		metric_add(c->net->bytes_in, n);
		take_bytes(c, bytes_of(c->net->scratch, n));
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
		set_reading(c, !c->stalled);
	/* Decrypted bytes are announced by no descriptor. */
	if (c->reading && c->tls != NULL && tls_pending(c->tls) > 0)
		event_active(&c->read_event, EV_READ, 0);
}

static void
conn_handshake(struct conn *c)
{
	enum tls_result r = tls_handshake(c->tls);

	c->active_us = now_us(c);
	switch (r) {
	case TLS_DONE:
		leave_handshake(c);
		c->state = CONN_OPEN;
		c->begun_us = now_us(c);
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
		conn_kill(c);
	}
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
		if (c->tls_wants_write && c->state == CONN_OPEN && !c->stalled)
			conn_read(c);
		conn_resume(c);
	}
	net_flush(c->net);
}

/* ---- answers ---- */

void
conn_answer(struct conn *c, const struct call_answer *answer)
{
	size_t before = c->out.n;
	bool over = false;

	if (c->dead || c->state != CONN_OPEN)
		return;
	session_answer(&c->session, (uint32_t)answer->door_id, answer->rc, &answer->why,
	    answer->message, &c->out, &over);
	if (over)
		serve_cancel(c->net->serve, c, answer->door_id);
	metric_add(c->net->answers_out, 1);
	wrote(c, before);
	mark_dirty(c);
	/* A client that does not read while others need the memory. */
	if (c->net->out_bytes > NET_OUT_TOTAL_MAX && queued(c) > c->net->options.out_max)
		conn_kill(c);
	/* Not part of what stalls reading: the credit that frees them has to be read. */
	else if (c->session.held_bytes > NET_HELD_TIMES * c->net->options.out_max)
		conn_end(c, RC_TOO_LARGE, NULL);
}

void
conn_resume(struct conn *c)
{
	if (c->dead || c->state != CONN_OPEN || !c->stalled || must_wait(c))
		return;
	set_stalled(c, false);
	c->frame_us = 0;
	handle_kept(c);
	if (c->dead || c->state != CONN_OPEN || c->stalled)
		return;
	if (c->in.n > 0)
		c->frame_us = now_us(c);
	if (c->eof) {
		if (c->session.in_flight == 0)
			mark_dirty(c);
		return;
	}
	set_reading(c, true);
	if (c->tls != NULL && tls_pending(c->tls) > 0)
		event_active(&c->read_event, EV_READ, 0);
}

void
conn_drain(struct conn *c)
{
	size_t before = c->out.n;

	if (c->dead || c->state == CONN_CLOSING)
		return;
	if (c->state == CONN_HANDSHAKE) {
		conn_kill(c);
		return;
	}
	session_drain(&c->session, &c->out);
	if (c->session.in_flight == 0) {
		session_end_streams(&c->session, &c->out);
		c->state = CONN_CLOSING;
		set_stalled(c, false);
		set_reading(c, false);
	}
	wrote(c, before);
	mark_dirty(c);
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

void
conn_sweep(struct conn *c, int64_t now)
{
	const struct net_options *o = &c->net->options;
	bool writing = c->out_at < c->out.n;

	if (c->dead)
		return;
	if (c->state == CONN_HANDSHAKE) {
		if (over(c->begun_us, o->handshake_ms, now))
			time_out(c, "handshake_ms", "the handshake took too long");
	} else if (writing && over(c->write_us, o->write_ms, now)) {
		metric_add(c->net->timeouts, 1);
		conn_kill(c); /* it does not read: no last words */
	} else if (c->state == CONN_CLOSING) {
		mark_dirty(c);
	} else if (!c->framed && over(c->begun_us, o->first_frame_ms, now)) {
		time_out(c, "first_frame_ms", "no first frame came");
	} else if (c->frame_us != 0 && !c->stalled && over(c->frame_us, o->frame_ms, now)) {
		time_out(c, "frame_ms", "a frame took too long");
	} else if (c->session.in_flight == 0 && !writing && over(c->active_us, o->idle_ms, now)) {
		time_out(c, "idle_ms", "the connection was idle");
	} else if (c->session.draining || over(c->begun_us, o->connection_age_ms, now)) {
		conn_drain(c);
	}
}
