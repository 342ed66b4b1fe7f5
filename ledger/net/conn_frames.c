/*
 * conn_frames.c - one connection's frames: in to the hall as calls, answers out.
 *
 * Stalled: there is input, but no call slot, too much output queued, or too many requests in
 * flight.  A stalled connection is not read: TCP tells the client.  It goes on when answers have
 * been collected, released and written.
 *
 * Invariants: a frame is taken whole or not at all: one that must wait has changed nothing and is
 * read again; while stalled, the read event is off and the frame clock stands still, since the
 * waiting is ours.
 */
#include "net/loop.h"

#include <string.h>

#include "base/must.h"
#include "proto/frame.h"

#define FAILED_MAX   100 /* signatures that did not verify; then the connection is drained */
#define FOLLOW_QUEUE (64 * 1024) /* bytes queued below which a watch goes on */

/* ---- frames ---- */

static struct call_request
request_of(struct conn *c, struct session_step *step)
{
	return (struct call_request){
	    .method = step->method,
	    .log = step->log,
	    .identity = c->tls != NULL ? tls_identity(c->tls) : BYTES_NONE,
	    .insecure = c->tls == NULL,
	    .peer_chain = c->tls != NULL ? tls_chain(c->tls) : BYTES_NONE,
	    .client = c->number,
	    .retry_after_ms = &step->retry_after_ms,
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
	if (step.refuse == RC_OK && step.opens && !step.has_message && !step.cancel) {
		struct call_request request = request_of(c, &step);

		/* A bare stream takes a place too: not for strangers. */
		step.refuse = serve_may(c->net->serve, &request, &step.why);
	} else if (step.refuse == RC_OK && step.has_message && !step.nothing) {
		struct call_request request = request_of(c, &step);

		rc = serve_begin(c->net->serve, &request, &step.why);
		if (rc == RC_BUSY)
			return false;
		begun = rc == RC_OK;
		step.refuse = rc;
	}
	if ((step.cancel || step.refuse != RC_OK) && step.in_flight) {
		conn_drop_paused(c, step.call);
		serve_cancel(c->net->serve, c, step.call);
	}
	rc = session_apply(&c->session, &step, begun, &c->out);
	if (step.credit > 0 && c->session.paused_count > 0)
		conn_mark_dirty(c); /* net_flush() goes on with them */
	metric_add(c->net->frames_in, 1);
	conn_wrote(c, before);
	if (rc != RC_OK) {
		/* The session does not know of it, so conn_end() would not. */
		if (begun)
			serve_cancel(c->net->serve, c, step.call);
		conn_end(c, rc, NULL);
	}
	return rc == RC_OK && !c->dead;
}

static bool
must_wait(const struct conn *c)
{
	const struct net_options *o = &c->net->options;

	if (conn_queued(c) > o->out_max)
		return true;
	/* Watches do not end by waiting: their client must be heard, if only to cancel them. */
	if (c->session.in_flight - c->session.follow_count >= o->calls_per_connection_max)
		return true;
	/* It was asked to go and sends on its streams all the same: what is in flight is the last. */
	return c->drain_us != 0 && conn_now_us(c) - c->drain_us > (int64_t)o->drain_ms * 1000;
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

		if (r == FRAME_MORE) {
			conn_set_stalled(c, false);
			break;
		}
		if (r != FRAME_OK) {
			metric_add(c->net->breaches, 1);
			conn_end(c, RC_BAD_FRAME, &why);
			break;
		}
		if (must_wait(c) ||
		    !handle_frame(c, bytes_of(data.p + at + FRAME_HEAD, total - FRAME_HEAD))) {
			conn_set_stalled(c, c->state == CONN_OPEN && !c->dead);
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
	conn_count(c);
}

void
conn_take(struct conn *c, struct bytes data)
{
	if (c->in.n == 0) {
		size_t done = handle_frames(c, data);

		data = bytes_of(data.p + done, data.n - done);
		buf_add_bytes(&c->in, data);
	} else {
		buf_add_bytes(&c->in, data);
		handle_kept(c);
	}
	if (c->dead || c->state != CONN_OPEN)
		buf_release(&c->in); /* it is not read any more */
	conn_count(c);
	if (c->in.bad || conn_over_share(c)) {
		/* Not the client's fault: it may come again. */
		conn_end(c, RC_UNAVAILABLE, NULL);
		return;
	}
	if (c->in.n > 0 && c->frame_us == 0 && !c->stalled)
		c->frame_us = conn_now_us(c);
}

/* ---- answers ---- */

/* What the session wrote goes out, or the connection has too much of it. */
static void
check_share(struct conn *c)
{
	if (conn_over_share(c))
		conn_flush(c); /* it may only have had no turn yet */
	/* A client that does not read while others need the memory. */
	if (conn_over_share(c))
		conn_kill(c);
	/* Not part of what stalls reading: the credit that frees them has to be read. */
	else if (c->session.held_bytes > NET_HELD_TIMES * c->net->options.out_max)
		conn_end(c, RC_TOO_LARGE, NULL);
}

/* Whoever sends so much that nobody signed is broken or means harm: it is sent away, politely, since
 * what is in flight may be good, and pays with a handshake for the next round. */
static void
check_failed(struct conn *c, const struct call_answer *answer)
{
	uint64_t before = c->failed;

	c->failed += answer->failed;
	if (before >= FAILED_MAX || c->failed < FAILED_MAX)
		return;
	log_event(c->net->options.sink, LOG_WARN, "forged_tokens", "client", LOG_U64(c->number),
	    "do", "the connection is drained", NULL);
	conn_drain(c);
}

bool
conn_answer(struct conn *c, const struct call_answer *answer)
{
	size_t before = c->out.n;
	bool over = false, kept = false;

	if (c->dead || c->state != CONN_OPEN)
		return false;
	if (answer->more && answer->rc == RC_OK) {
		kept = session_answer_more(
		    &c->session, (uint32_t)answer->door_id, answer->message, answer->call, &c->out);
		if (kept)
			serve_hold(c->net->serve, answer->call);
		if (kept && c->eof)
			conn_end_follows(c);
	} else {
		session_answer(&c->session, (uint32_t)answer->door_id, answer->rc, &answer->why,
		    answer->message, &c->out, &over);
	}
	if (over)
		serve_cancel(c->net->serve, c, answer->door_id);
	metric_add(c->net->answers_out, 1);
	conn_wrote(c, before);
	conn_mark_dirty(c);
	check_share(c);
	check_failed(c, answer);
	return kept;
}

/* ---- answers without an end ---- */

void
conn_follow(struct conn *c)
{
	struct call *call;

	if (c->dead || c->state != CONN_OPEN)
		return;
	/* The next message is made when the last one has nearly gone: a slow reader costs one. */
	while (conn_queued(c) < FOLLOW_QUEUE && (call = session_next(&c->session)) != NULL)
		serve_continue(c->net->serve, call);
}

void
conn_drop_paused(struct conn *c, uint32_t id)
{
	struct call *call;

	while ((call = session_unpause(&c->session, id)) != NULL)
		serve_release(c->net->serve, call);
}

void
conn_end_follows(struct conn *c)
{
	size_t before = c->out.n;
	struct call *kept;
	uint32_t id;

	while ((id = session_end_follow(&c->session, &kept, &c->out)) != 0) {
		if (kept != NULL)
			serve_release(c->net->serve, kept);
		else
			serve_cancel(c->net->serve, c, id);
	}
	conn_wrote(c, before);
}

void
conn_resume(struct conn *c)
{
	size_t kept = c->in.n;

	if (c->dead || c->state != CONN_OPEN || !c->stalled || must_wait(c))
		return;
	c->frame_us = 0;
	handle_kept(c);
	if (c->dead || c->state != CONN_OPEN)
		return;
	if (c->stalled) {
		/* Who has had a turn goes behind the others; who has not keeps its place. */
		if (c->in.n < kept) {
			TAILQ_REMOVE(&c->net->stalled, c, in_stalled);
			TAILQ_INSERT_TAIL(&c->net->stalled, c, in_stalled);
		}
		return;
	}
	if (c->in.n > 0)
		c->frame_us = conn_now_us(c);
	if (c->eof) {
		if (c->session.in_flight == 0)
			conn_mark_dirty(c);
		return;
	}
	conn_set_reading(c, true);
	if (c->tls != NULL && tls_pending(c->tls) > 0)
		event_active(&c->read_event, EV_READ, 0);
}

void
conn_drain(struct conn *c)
{
	size_t before = c->out.n;

	if (c->dead || c->state == CONN_CLOSING || c->state == CONN_LINGER)
		return;
	if (c->state == CONN_HANDSHAKE) {
		conn_kill(c);
		return;
	}
	if (!c->session.draining)
		c->drain_us = conn_now_us(c);
	session_drain(&c->session, &c->out);
	conn_end_follows(c);
	if (c->session.in_flight == 0 && !c->dead) {
		session_end_streams(&c->session, &c->out);
		c->state = CONN_CLOSING;
		c->lingers = true;
		conn_set_stalled(c, false);
		conn_set_reading(c, false);
	}
	conn_wrote(c, before);
	conn_mark_dirty(c);
}
