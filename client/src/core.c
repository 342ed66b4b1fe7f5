/*
 * core.c - frames and calls over one link; never blocks.
 *
 * A call lives in the slot (id mod CORE_CALLS_MAX); ids only grow, and an id whose slot is still
 * taken is skipped, so finding a call is one look.  Requests may be begun before the link is ready:
 * they wait in 'out'.
 *
 * Invariants: out.n >= out_done; in_n bytes of 'in' are unparsed; a slot with id 0 is free;
 * 'closed' is called at most once, and nothing is called after it.  Callbacks may begin, send, end
 * and cancel calls, but not close the core (must).
 */
#include "core.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/rc.h"
#include "link.h"
#include "proto/frame.h"
#include "proto/ledger.pb-c.h"

#define READ_CHUNK	  (64 * 1024)
#define READ_ROUNDS	  64
#define CONNECT_MS	  5000
#define DEADLINE_GRACE_US 1000000 /* the server's own deadline answer comes first */

struct core_call {
	uint32_t id; /* 0: free */
	bool stream, ended;
	uint32_t credit;
	int64_t deadline_us; /* 0: none */
};

struct ect_core {
	struct ect_link *link;
	struct ect_core_callbacks cb;
	char *log;
	struct buf out;
	size_t out_done;
	uint8_t *in;
	size_t in_n, in_room;
	struct arena arena; /* one frame's memory */
	struct core_call calls[CORE_CALLS_MAX];
	size_t call_count;
	uint32_t next_id;
	int64_t connect_by_us;
	int64_t earliest_us; /* no deadline is before this; 0: none */
	bool ready, draining, told_closed, stepping;
};

int64_t
core_now_us(void)
{
	struct clock c = clock_real();

	return clock_mono_us(&c);
}

static struct core_call *
call_of(const struct ect_core *core, uint32_t id)
{
	const struct core_call *c = &core->calls[id % CORE_CALLS_MAX];

	return id != 0 && c->id == id ? (struct core_call *)(uintptr_t)c : NULL;
}

static void
call_drop(struct ect_core *core, struct core_call *c)
{
	must(core->call_count > 0);
	core->call_count--;
	c->id = 0;
}

int
ect_core_open(struct ect_core **out, const struct ect_client_options *options,
    const struct ect_core_callbacks *callbacks, struct ect_status *status)
{
	struct ect_core *core = NULL;
	unsigned connect_ms = options->connect_ms != 0 ? options->connect_ms : CONNECT_MS;

	must(callbacks != NULL && status != NULL);
	*out = NULL;
	status_set(status, ECT_OK, "%s", "");
	if ((core = calloc(1, sizeof *core)) == NULL ||
	    (core->log = strdup(options->log != NULL ? options->log : "")) == NULL) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		free(core);
		return -1;
	}
	core->cb = *callbacks;
	core->next_id = 1;
	core->connect_by_us = core_now_us() + (int64_t)connect_ms * 1000;
	buf_init(&core->out, 2 * CORE_OUT_MAX);
	arena_init(&core->arena, 4 * (size_t)CORE_ANSWER_MAX);
	if (link_open(&core->link, options, status) != 0) {
		ect_core_close(core);
		return -1;
	}
	*out = core;
	return 0;
}

void
ect_core_close(struct ect_core *core)
{
	if (core == NULL)
		return;
	must(!core->stepping);
	link_close(core->link);
	buf_release(&core->out);
	arena_release(&core->arena);
	free(core->in);
	free(core->log);
	free(core);
}

int
ect_core_fd(const struct ect_core *core)
{
	return link_fd(core->link);
}

bool
ect_core_want_read(const struct ect_core *core)
{
	return core->ready || link_want_read(core->link);
}

bool
ect_core_want_write(const struct ect_core *core)
{
	return link_want_write(core->link) || (core->ready && core->out.n > core->out_done);
}

size_t
ect_core_queued(const struct ect_core *core)
{
	return core->out.n - core->out_done;
}

bool
ect_core_draining(const struct ect_core *core)
{
	return core->draining;
}

int
ect_core_timeout_ms(const struct ect_core *core)
{
	int64_t by = core->ready ? core->earliest_us : core->connect_by_us, left;

	if (by == 0 || core_dead(core))
		return -1;
	left = (by - core_now_us() + 999) / 1000;
	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

bool
core_ready(const struct ect_core *core)
{
	return core->ready;
}

bool
core_dead(const struct ect_core *core)
{
	return link_state(core->link) == LINK_DEAD;
}

const struct ect_status *
core_status(const struct ect_core *core)
{
	return link_status(core->link);
}

bool
core_hopeless(const struct ect_core *core)
{
	return link_hopeless(core->link);
}

static void
tell_closed(struct ect_core *core)
{
	if (core->told_closed || !core_dead(core))
		return;
	core->told_closed = true;
	if (core->cb.closed != NULL)
		core->cb.closed(core->cb.ctx, core_status(core));
}

void
core_fail(struct ect_core *core, enum ect_outcome outcome, const char *text)
{
	link_fail(core->link, outcome, "%s", text);
	tell_closed(core);
}

/* ---- out ---- */

static bool
put_frame(struct ect_core *core, const Ectledger__V1__ClientFrame *frame)
{
	size_t size = ectledger__v1__client_frame__get_packed_size(frame);
	uint8_t *p;

	must(size <= FRAME_MAX_DEFAULT);
	if (core->out_done > 0 && core->out_done >= core->out.n / 2) {
		memmove(core->out.p, core->out.p + core->out_done, core->out.n - core->out_done);
		core->out.n -= core->out_done;
		core->out_done = 0;
	}
	if ((p = buf_grow(&core->out, FRAME_HEAD + size)) == NULL) {
		link_fail(core->link, ECT_PROTOCOL, "out of memory");
		return false;
	}
	frame_head(p, (uint32_t)size);
	(void)ectledger__v1__client_frame__pack(frame, p + FRAME_HEAD);
	return true;
}

static void
frame_message(Ectledger__V1__ClientFrame *frame, const void *message, size_t size)
{
	frame->has_message = true;
	frame->message.data = (uint8_t *)(uintptr_t)message; /* packing only reads it */
	frame->message.len = size;
}

uint32_t
ect_core_begin(struct ect_core *core, const char *method, unsigned deadline_ms, const void *message,
    size_t size, bool stream)
{
	Ectledger__V1__ClientFrame frame = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	struct core_call *c;

	must(method != NULL);
	if (core_dead(core) || core->draining || core->call_count == CORE_CALLS_MAX ||
	    size > CORE_MESSAGE_MAX || ect_core_queued(core) > CORE_OUT_MAX)
		return 0;
	while (core->calls[core->next_id % CORE_CALLS_MAX].id != 0)
		core->next_id++;
	if (core->next_id > UINT32_MAX - 2 * CORE_CALLS_MAX)
		return 0; /* four thousand million calls: time for a new connection */
	c = &core->calls[core->next_id % CORE_CALLS_MAX];
	frame.call = core->next_id;
	frame.method = (char *)(uintptr_t)method;
	frame.log = core->log;
	frame.deadline_ms = deadline_ms;
	frame.end = !stream;
	frame_message(&frame, message, size);
	if (!put_frame(core, &frame))
		return 0;
	*c = (struct core_call){.id = core->next_id++,
	    .stream = stream,
	    .ended = !stream,
	    .credit = stream ? CORE_STREAM_CREDIT - 1 : 0};
	if (deadline_ms != 0) {
		c->deadline_us = core_now_us() + (int64_t)deadline_ms * 1000 + DEADLINE_GRACE_US;
		if (core->earliest_us == 0 || c->deadline_us < core->earliest_us)
			core->earliest_us = c->deadline_us;
	}
	core->call_count++;
	return c->id;
}

uint32_t
core_credit(const struct ect_core *core, uint32_t call)
{
	const struct core_call *c = call_of(core, call);

	return c == NULL || c->ended ? 0 : c->credit;
}

bool
ect_core_send(struct ect_core *core, uint32_t call, const void *message, size_t size)
{
	Ectledger__V1__ClientFrame frame = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	struct core_call *c = call_of(core, call);

	if (c == NULL || core_dead(core))
		return false;
	must(c->stream && !c->ended);
	if (c->credit == 0 || size > CORE_MESSAGE_MAX || ect_core_queued(core) > CORE_OUT_MAX)
		return false;
	frame.call = call;
	frame_message(&frame, message, size);
	if (!put_frame(core, &frame))
		return false;
	c->credit--;
	return true;
}

void
ect_core_end(struct ect_core *core, uint32_t call)
{
	Ectledger__V1__ClientFrame frame = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	struct core_call *c = call_of(core, call);

	if (c == NULL || c->ended || core_dead(core))
		return;
	frame.call = call;
	frame.end = true;
	c->ended = put_frame(core, &frame);
}

void
ect_core_cancel(struct ect_core *core, uint32_t call)
{
	Ectledger__V1__ClientFrame frame = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	struct core_call *c = call_of(core, call);

	if (c == NULL)
		return;
	frame.call = call;
	frame.cancel = true;
	if (!core_dead(core))
		(void)put_frame(core, &frame);
	call_drop(core, c);
}

/* ---- in ---- */

static void
protocol_error(struct ect_core *core, const char *what)
{
	link_fail(
	    core->link, ECT_PROTOCOL, "%s broke the protocol: %s", link_server(core->link), what);
}

static void *
arena_give(void *arena, size_t n)
{
	return arena_alloc(arena, n);
}

static void
arena_keep(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

/* The server ended the call. */
static void
finish(struct ect_core *core, struct core_call *c, const Ectledger__V1__ServerFrame *frame)
{
	struct ect_status status;
	enum ect_outcome outcome = ECT_REFUSED;
	uint32_t id = c->id;

	if (frame->status == 0)
		outcome = ECT_OK;
	else if (frame->status == 5) /* NOT_FOUND */
		outcome = ECT_NOT_FOUND;
	else if (frame->status == 4) /* DEADLINE_EXCEEDED */
		outcome = ECT_UNREACHABLE;
	status_set(&status, outcome, "%s", frame->text);
	status.grpc_status = frame->status;
	status.code = frame->code;
	call_drop(core, c);
	if (core->cb.end != NULL)
		core->cb.end(core->cb.ctx, id, &status);
}

/* A last word about the connection.  Time limits are the normal end of a connection that was idle or old; anything else is about what we did. */
static void
server_closes(struct ect_core *core, const Ectledger__V1__ServerFrame *frame)
{
	bool normal =
	    frame->code == RC_DEADLINE || frame->code == RC_UNAVAILABLE || frame->code == RC_BUSY;

	link_fail(core->link, normal ? ECT_UNREACHABLE : ECT_REFUSED,
	    "%s closed the connection: %s", link_server(core->link), frame->text);
}

static void
take_frame(struct ect_core *core, const Ectledger__V1__ServerFrame *frame)
{
	struct core_call *c;

	if (frame->call == 0) {
		core->draining = core->draining || frame->draining;
		if (frame->end && frame->status != 0)
			server_closes(core, frame);
		return;
	}
	if ((c = call_of(core, frame->call)) == NULL) {
		if (frame->call >= core->next_id)
			protocol_error(core, "an answer to a call that was never made");
		return; /* cancelled, or timed out: not wanted any more */
	}
	if (frame->credit > UINT32_MAX - c->credit) {
		protocol_error(core, "too much credit");
		return;
	}
	c->credit += frame->credit;
	if (frame->has_message && core->cb.message != NULL)
		core->cb.message(
		    core->cb.ctx, frame->call, frame->message.data, frame->message.len);
	if (frame->end && (c = call_of(core, frame->call)) != NULL)
		finish(core, c, frame);
}

static void
parse_frame(struct ect_core *core, const uint8_t *body, size_t size)
{
	ProtobufCAllocator allocator = {arena_give, arena_keep, &core->arena};
	Ectledger__V1__ServerFrame *frame;

	arena_reset(&core->arena);
	frame = ectledger__v1__server_frame__unpack(&allocator, size, body);
	if (frame == NULL)
		protocol_error(core, "a frame that is no ServerFrame");
	else
		take_frame(core, frame);
}

static void
parse_input(struct ect_core *core)
{
	size_t at = 0, total = 0;

	while (!core_dead(core)) {
		enum frame_result r =
		    frame_peek(core->in + at, core->in_n - at, CORE_ANSWER_MAX, &total);

		if (r == FRAME_MORE)
			break;
		if (r == FRAME_OK) {
			parse_frame(core, core->in + at + FRAME_HEAD, total - FRAME_HEAD);
			at += total;
		} else if (r == FRAME_FLAG && at == 0 && link_is_plain(core->link) &&
			   core->in[0] == 0x15) {
			link_give_up(core->link);
			link_fail(core->link, ECT_UNREACHABLE,
			    "%s speaks TLS: use --cert, --key and --ca, not --insecure-loopback",
			    link_server(core->link));
		} else {
			protocol_error(core, r == FRAME_FLAG ? "a flag byte that is not 0"
							     : "a frame that is too long");
		}
	}
	if (at > 0)
		memmove(core->in, core->in + at, core->in_n - at);
	core->in_n -= at;
}

/* Room for a good read; a long frame's memory grows with what has come of it, not with what it
 * announces. */
static bool
input_room(struct ect_core *core)
{
	size_t want = core->in_n + READ_CHUNK, total = 0;
	uint8_t *p;

	if (core->in_n >= FRAME_HEAD &&
	    frame_peek(core->in, core->in_n, CORE_ANSWER_MAX, &total) == FRAME_MORE && total > want)
		want = 2 * core->in_n < total ? 2 * core->in_n + READ_CHUNK : total + READ_CHUNK;
	if (core->in_room >= want)
		return true;
	if ((p = realloc(core->in, want)) == NULL) {
		link_fail(core->link, ECT_PROTOCOL, "out of memory");
		return false;
	}
	core->in = p;
	core->in_room = want;
	return true;
}

static void
read_some(struct ect_core *core)
{
	int rounds = 0;
	size_t got = 1;

	/* TLS may hold bytes that poll() cannot see, so it is read until it gives nothing; a plain
	 * socket takes turns. */
	while (
	    got > 0 && !core_dead(core) && (rounds++ < READ_ROUNDS || !link_is_plain(core->link))) {
		size_t room;

		if (!input_room(core))
			return;
		room = core->in_room - core->in_n;
		got = link_read(core->link, core->in + core->in_n, room);
		core->in_n += got;
		if (got > 0)
			parse_input(core);
		if (got < room && link_is_plain(core->link))
			break;
	}
}

static void
write_some(struct ect_core *core)
{
	while (!core_dead(core) && core->out.n > core->out_done) {
		size_t put = link_write(
		    core->link, core->out.p + core->out_done, core->out.n - core->out_done);

		if (put == 0)
			return;
		core->out_done += put;
	}
	if (core->out.n == core->out_done) {
		buf_clear(&core->out);
		core->out_done = 0;
	}
}

/* ---- time ---- */

static void
expire_calls(struct ect_core *core, int64_t now)
{
	struct ect_status status;
	int64_t earliest = 0;

	status_set(&status, ECT_UNREACHABLE, "no answer in time");
	status.grpc_status = 4;
	for (size_t i = 0; i < CORE_CALLS_MAX; i++) {
		struct core_call *c = &core->calls[i];
		uint32_t id = c->id;

		if (id == 0 || c->deadline_us == 0)
			continue;
		if (c->deadline_us <= now) {
			ect_core_cancel(core, id);
			if (core->cb.end != NULL)
				core->cb.end(core->cb.ctx, id, &status);
		} else if (earliest == 0 || c->deadline_us < earliest) {
			earliest = c->deadline_us;
		}
	}
	core->earliest_us = earliest;
}

static void
check_time(struct ect_core *core)
{
	int64_t now = core_now_us();

	if (!core->ready && now >= core->connect_by_us)
		link_fail(core->link, ECT_UNREACHABLE, "cannot reach %s: no answer to connecting",
		    link_server(core->link));
	else if (core->ready && core->earliest_us != 0 && now >= core->earliest_us)
		expire_calls(core, now);
}

int
ect_core_step(struct ect_core *core)
{
	must(!core->stepping);
	core->stepping = true;
	if (!core->ready && !core_dead(core) && link_advance(core->link) == LINK_READY) {
		core->ready = true;
		if (core->cb.ready != NULL)
			core->cb.ready(core->cb.ctx);
	}
	if (core->ready) {
		read_some(core);
		write_some(core);
	}
	if (!core_dead(core))
		check_time(core);
	tell_closed(core);
	core->stepping = false;
	return core_dead(core) ? -1 : 0;
}

int
core_wait(struct ect_core *core, int fd, int timeout_ms)
{
	struct pollfd polls[2];
	int own = ect_core_timeout_ms(core), r;

	if (core_dead(core))
		return 0;
	polls[0] = (struct pollfd){.fd = ect_core_fd(core)};
	polls[0].events = (short)((ect_core_want_read(core) ? POLLIN : 0) |
				  (ect_core_want_write(core) ? POLLOUT : 0));
	polls[1] =
	    (struct pollfd){.fd = fd, .events = POLLIN}; /* a negative fd is skipped by poll */
	if (timeout_ms < 0 || (own >= 0 && own < timeout_ms))
		timeout_ms = own;
	r = poll(polls, 2, timeout_ms);
	(void)ect_core_step(core);
	return r > 0 && polls[1].revents != 0;
}
