/*
 * session.c - frames <-> calls on one connection.
 *
 * A call:   (not there) -> OPEN -> ENDED by the client -> (not there).   A unary call is ENDED from
 * its first frame.  The server's end frame, for whatever reason, removes the call; later frames of
 * it are ignored, since ids only grow and are never used twice.
 *
 * Invariants: calls are in ascending id, none above last_call; in_flight is the sum over calls; a
 * stream's credit plus its in_flight never passes stream_credit + stream_more; answers that the client has not
 * allowed yet are in 'held' and counted in held_bytes; a call with 'paused' is in flight, and
 * paused_count counts them.  What is paused belongs to the door: whoever ends the call takes it out
 * first.
 */
#include "net/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "net/server_frame.h"

#define BUSY_RETRY_MS 100 /* a hint: calls are over in less, as a rule */
#include "serve/wire.h"

void
session_init(struct session *s, const struct session_limits *limits)
{
	must(limits->calls_max > 0 && limits->stream_credit > 0);
	*s = (struct session){.limits = *limits};
}

static void
call_release(struct session_call *c)
{
	free(c->names);
	buf_release(&c->held);
}

void
session_release(struct session *s)
{
	for (size_t i = 0; i < s->call_count; i++)
		call_release(&s->calls[i]);
	free(s->calls);
	s->calls = NULL;
	s->call_count = s->call_room = 0;
	s->held_bytes = 0;
	s->in_flight = 0;
	s->follow_count = 0;
	must(s->paused_count == 0);
}

void
session_rest(struct session *s)
{
	if (s->call_count > 0)
		return;
	free(s->calls);
	s->calls = NULL;
	s->call_room = 0;
}

/* ---- the table of calls ---- */

static struct session_call *
find(const struct session *s, uint32_t id)
{
	size_t lo = 0, hi = s->call_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->calls[mid].id == id)
			return &s->calls[mid];
		if (s->calls[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool
session_has_call(const struct session *s, uint32_t call)
{
	return find(s, call) != NULL;
}

static void
drop_call(struct session *s, struct session_call *c)
{
	size_t i = (size_t)(c - s->calls);

	must(i < s->call_count && s->in_flight >= c->in_flight && c->paused == NULL);
	s->in_flight -= c->in_flight;
	s->follow_count -= c->follows;
	s->held_bytes -= c->held.n - c->held_at;
	call_release(c);
	memmove(c, c + 1, (s->call_count - i - 1) * sizeof *c);
	s->call_count--;
}

static bool
keep_names(struct session_call *c, const struct session_step *step)
{
	size_t n = strlen(step->method) + 1;

	if (!c->stream)
		return true; /* nothing more will be said on it */
	if ((c->names = calloc(1, n + step->log.n + 1)) == NULL)
		return false;
	memcpy(c->names, step->method, n);
	if (step->log.n > 0)
		memcpy(c->names + n, step->log.p, step->log.n);
	return true;
}

static struct session_call *
add_call(struct session *s, const struct session_step *step)
{
	struct session_call *c;

	must(s->call_count == 0 || s->calls[s->call_count - 1].id < step->call);
	if (s->call_count == s->call_room) {
		size_t room = s->call_room ? s->call_room * 2 : 4;

		if ((c = realloc(s->calls, room * sizeof *c)) == NULL)
			return NULL;
		s->calls = c;
		s->call_room = room;
	}
	c = &s->calls[s->call_count];
	*c = (struct session_call){
	    .id = step->call,
	    .stream = step->stream,
	    .deadline_ms = step->deadline_ms,
	    .credit = s->limits.stream_credit + (step->stream ? s->limits.stream_more : 0),
	};
	buf_init(&c->held, 0);
	if (!keep_names(c, step))
		return NULL;
	s->call_count++;
	return c;
}

/* ---- reading a frame ---- */

struct client_frame {
	struct bytes method, log, message;
	uint64_t call, deadline_ms, credit;
	bool has_message, end, cancel;
};

static enum rc
breach(struct why *why, const char *rule, const char *text)
{
	return why_set(why, RC_BAD_FRAME, rule, NULL, 0, "%s", text);
}

static enum rc
unpack(struct bytes frame, struct client_frame *f, struct why *why)
{
	struct wire_field w;
	size_t at = 0;

	*f = (struct client_frame){0};
	if (wire_check(&ectledger__v1__client_frame__descriptor, frame, 16, why) != RC_OK)
		return RC_BAD_FRAME;
	while (wire_next(frame, &at, &w)) {
		if (w.type == WIRE_VARINT && w.value > UINT32_MAX)
			return breach(why, "WIRE frames", "a number is above 2^32 - 1");
		switch (w.number) {
		case 1:
			f->call = w.value;
			break;
		case 2:
			f->method = w.bytes;
			break;
		case 3:
			f->log = w.bytes;
			break;
		case 4:
			f->deadline_ms = w.value;
			break;
		case 5:
			f->message = w.bytes;
			break;
		case 6:
			f->has_message = w.value != 0;
			break;
		case 7:
			f->end = w.value != 0;
			break;
		case 8:
			f->cancel = w.value != 0;
			break;
		case 9:
			f->credit = w.value;
			break;
		default:
			must(w.number <= 9); /* wire_check knows the fields */
		}
	}
	if (f->call == 0)
		return breach(why, "WIRE frames (call)", "call 0 is the server's");
	if (!f->has_message && f->message.n > 0)
		return breach(why, "WIRE frames (has_message)", "a message without has_message");
	return RC_OK;
}

static void
refuse(struct session_step *out, enum rc rc, const char *rule, const char *text)
{
	out->refuse = why_set(&out->why, rc, rule, NULL, 0, "%s", text);
}

/* The first frame of a call. */
static enum rc
read_first(const struct session *s, const struct client_frame *f,
    enum rc (*is_stream)(const char *, bool *), struct session_step *out, struct why *why)
{
	if (f->call <= s->last_call)
		return breach(why, "WIRE frames (call)", "call ids must increase");
	out->opens = true;
	out->log = f->log;
	out->deadline_ms = (unsigned)f->deadline_ms;
	out->method = out->room;
	if (f->method.n >= SESSION_METHOD_MAX || f->log.n > SESSION_LOG_MAX) {
		refuse(out, RC_UNIMPLEMENTED, "WIRE methods", "no such method or log");
		return RC_OK;
	}
	memcpy(out->room, f->method.p, f->method.n);
	out->room[f->method.n] = '\0';
	if (is_stream(out->room, &out->stream) != RC_OK)
		refuse(out, RC_UNIMPLEMENTED, "WIRE methods", "no such method");
	else if (s->draining)
		refuse(out, RC_UNAVAILABLE, "WIRE draining", "no new calls here");
	else if (s->call_count >= s->limits.calls_max)
		refuse(out, RC_BUSY, "calls_per_connection_max", "too many open calls");
	else if (!out->stream && !f->cancel && !(f->has_message && f->end))
		refuse(out, RC_BAD_REQUEST, "WIRE unary calls", "a unary call is one frame");
	return RC_OK;
}

static enum rc
read_later(const struct session *s, const struct client_frame *f, struct session_step *out,
    struct why *why)
{
	const struct session_call *c = find(s, (uint32_t)f->call);

	if (f->log.n > 0 || f->deadline_ms > 0)
		return breach(why, "WIRE frames", "log and deadline belong to the first frame");
	if (f->call > s->last_call)
		return breach(why, "WIRE frames (method)", "a call begins with its method");
	if (c == NULL) {
		out->nothing = true; /* crossed the server's end on the way */
		return RC_OK;
	}
	if ((f->has_message || f->end) && c->ended)
		return breach(why, "WIRE frames (end)", "a message after the end");
	if (f->has_message && c->credit == 0)
		return breach(why, "WIRE credit", "a message without credit");
	out->stream = c->stream;
	out->in_flight = c->in_flight > 0;
	out->tokens = c->tokens;
	out->deadline_ms = c->deadline_ms;
	if (c->names != NULL) {
		out->method = c->names;
		out->log = bytes_str(c->names + strlen(c->names) + 1);
	}
	return RC_OK;
}

enum rc
session_read(const struct session *s, struct bytes frame,
    enum rc (*is_stream)(const char *method, bool *stream), struct session_step *out,
    struct why *why)
{
	struct client_frame f;
	enum rc rc;

	if ((rc = unpack(frame, &f, why)) != RC_OK)
		return rc;
	*out = (struct session_step){
	    .call = (uint32_t)f.call,
	    .cancel = f.cancel,
	    .end = f.end,
	    .has_message = f.has_message,
	    .message = f.message,
	    .credit = (uint32_t)f.credit,
	};
	if (f.cancel && (f.has_message || f.end || f.credit > 0))
		return breach(why, "WIRE cancel", "a cancel stands alone");
	return f.method.n > 0 ? read_first(s, &f, is_stream, out, why)
			      : read_later(s, &f, out, why);
}

/* ---- answering ---- */

static void
put_end_after(
    uint32_t call, enum rc rc, const struct why *why, uint64_t retry_after_ms, struct buf *out)
{
	struct server_frame f = {
	    .call = call,
	    .end = true,
	    .status = (uint32_t)rc_grpc(rc),
	    .code = (uint32_t)rc,
	    .text = rc == RC_OK			  ? NULL
		    : why != NULL && why->text[0] ? why->text
						  : rc_text(rc),
	    .retry_after_ms = retry_after_ms,
	};

	server_frame_put(&f, out);
}

static void
put_end(uint32_t call, enum rc rc, const struct why *why, struct buf *out)
{
	put_end_after(call, rc, why, rc == RC_BUSY ? BUSY_RETRY_MS : 0, out);
}

/* Send what the client's credit now allows. */
static void
release_held(struct session *s, struct session_call *c, struct buf *out)
{
	while (c->held_at < c->held.n && (!c->limited || c->answers > 0)) {
		uint32_t size = get_u32(c->held.p + c->held_at);

		buf_add(out, c->held.p + c->held_at + 4, size);
		c->held_at += 4 + size;
		s->held_bytes -= 4 + size;
		if (c->limited)
			c->answers--;
	}
	if (c->held_at == c->held.n) {
		buf_clear(&c->held);
		c->held_at = 0;
	} else if (c->held_at > c->held.n / 2) {
		/* A client that never takes the last one: what is sent must go all the same. */
		c->held.n -= c->held_at;
		memmove(c->held.p, c->held.p + c->held_at, c->held.n);
		c->held_at = 0;
	}
}

static void
put_answer(struct session *s, struct session_call *c, const struct server_frame *f, struct buf *out)
{
	uint8_t head[4];
	size_t before = c->held.n;

	if (!c->limited || (c->answers > 0 && c->held_at == c->held.n)) {
		server_frame_put(f, out);
		if (c->limited)
			c->answers--;
		return;
	}
	buf_add(&c->held, "\0\0\0\0", 4);
	server_frame_put(f, &c->held);
	if (c->held.bad) {
		out->bad = true; /* out of memory: the connection ends */
		return;
	}
	put_u32(head, (uint32_t)(c->held.n - before - 4));
	memcpy(c->held.p + before, head, 4);
	s->held_bytes += c->held.n - before;
}

/* A stream is over when the client has ended it and every message is answered and sent. */
static void
end_if_done(struct session *s, struct session_call *c, struct buf *out)
{
	if (!c->stream || !c->ended || c->in_flight > 0 || c->held_at < c->held.n)
		return;
	put_end(c->id, RC_OK, NULL, out);
	drop_call(s, c);
}

static void
add_credit(struct session *s, struct session_call *c, uint32_t credit, struct buf *out)
{
	if (credit == 0)
		return;
	if (!c->limited) {
		c->limited = true;
		c->answers = 0;
	}
	c->answers = credit > UINT32_MAX - c->answers ? UINT32_MAX : c->answers + credit;
	release_held(s, c, out);
}

enum rc
session_apply(struct session *s, const struct session_step *step, bool begun, struct buf *out)
{
	struct session_call *c;

	if (step->nothing)
		return RC_OK;
	if (step->opens) {
		must(step->call > s->last_call);
		s->last_call = step->call;
	}
	if (step->refuse != RC_OK || step->cancel) {
		enum rc rc = step->refuse != RC_OK ? step->refuse : RC_CANCELLED;

		if (step->retry_after_ms > 0)
			put_end_after(step->call, rc, &step->why, step->retry_after_ms, out);
		else
			put_end(step->call, rc, &step->why, out);
		if ((c = find(s, step->call)) != NULL)
			drop_call(s, c);
		return RC_OK;
	}
	c = step->opens ? add_call(s, step) : find(s, step->call);
	if (c == NULL)
		return RC_NO_MEMORY;
	if (step->opens && step->stream && !step->end && s->limits.stream_more > 0) {
		struct server_frame more = {.call = step->call, .credit = s->limits.stream_more};

		server_frame_put(&more, out);
	}
	if (step->has_message) {
		must(begun && c->credit > 0);
		c->credit--;
		c->in_flight++;
		s->in_flight++;
		c->tokens = step->tokens;
	}
	c->ended |= step->end;
	add_credit(s, c, step->credit, out);
	end_if_done(s, c, out);
	return RC_OK;
}

void
session_answer(struct session *s, uint32_t call, enum rc rc, const struct why *why,
    struct bytes message, struct buf *out, bool *over)
{
	struct session_call *c = find(s, call);
	struct server_frame f = {.call = call, .message = message, .has_message = true};

	*over = false;
	if (c == NULL)
		return;
	must(c->in_flight > 0 && s->in_flight > 0);
	c->in_flight--;
	s->in_flight--;
	if (rc != RC_OK || !c->stream) {
		*over = c->in_flight > 0;
		f.end = true;
		if (rc != RC_OK)
			put_end(call, rc, why, out);
		else
			server_frame_put(&f, out);
		drop_call(s, c);
		return;
	}
	if (!c->ended) {
		f.credit = 1;
		c->credit++;
	}
	put_answer(s, c, &f, out);
	end_if_done(s, c, out);
}

/* ---- answers without an end ---- */

bool
session_answer_more(
    struct session *s, uint32_t call, struct bytes message, struct call *from, struct buf *out)
{
	struct session_call *c = find(s, call);
	struct server_frame f = {.call = call, .message = message, .has_message = true};

	if (c == NULL)
		return false;
	must(c->in_flight == 1 && c->paused == NULL && from != NULL);
	if (s->draining) {
		put_end(call, RC_UNAVAILABLE, NULL, out);
		drop_call(s, c);
		return false;
	}
	put_answer(s, c, &f, out);
	s->follow_count += !c->follows;
	c->follows = true;
	c->paused = from;
	s->paused_count++;
	return true;
}

static struct call *
unpause(struct session *s, struct session_call *c)
{
	struct call *kept = c->paused;

	if (kept != NULL)
		s->paused_count--;
	c->paused = NULL;
	return kept;
}

struct call *
session_next(struct session *s)
{
	for (size_t i = 0; s->paused_count > 0 && i < s->call_count; i++) {
		struct session_call *c = &s->calls[i];

		if (c->paused != NULL && c->held.n == 0 && (!c->limited || c->answers > 0))
			return unpause(s, c);
	}
	return NULL;
}

struct call *
session_unpause(struct session *s, uint32_t call)
{
	for (size_t i = 0; s->paused_count > 0 && i < s->call_count; i++)
		if (s->calls[i].paused != NULL && (call == 0 || s->calls[i].id == call))
			return unpause(s, &s->calls[i]);
	return NULL;
}

uint32_t
session_end_follow(struct session *s, struct call **kept, struct buf *out)
{
	*kept = NULL;
	for (size_t i = 0; i < s->call_count; i++) {
		struct session_call *c = &s->calls[i];
		uint32_t id = c->id;

		if (!c->follows)
			continue;
		*kept = unpause(s, c);
		put_end(id, RC_UNAVAILABLE, NULL, out);
		drop_call(s, c);
		return id;
	}
	return 0;
}

void
session_drain(struct session *s, struct buf *out)
{
	struct server_frame f = {.draining = true};

	if (s->draining)
		return;
	s->draining = true;
	server_frame_put(&f, out);
}

void
session_end_streams(struct session *s, struct buf *out)
{
	must(s->draining && s->in_flight == 0);
	while (s->call_count > 0) {
		put_end(s->calls[0].id, RC_UNAVAILABLE, NULL, out);
		drop_call(s, &s->calls[0]);
	}
}

void
session_goodbye(enum rc rc, const struct why *why, struct buf *out)
{
	put_end(0, rc, why, out);
}
