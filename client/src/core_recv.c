/*
 * core_recv.c - frames in: what the server says, judged before anybody is called back.
 *
 * Fields that this version does not know are let pass, so that a newer server can say more; what
 * breaks the rules of frames ends the connection.
 */
#include "core_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/rc.h"
#include "proto/frame.h"
#include "proto/ledger.pb-c.h"

#define READ_CHUNK  (64 * 1024)
#define READ_ROUNDS 64

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
	status.retry_after_ms = frame->retry_after_ms;
	core_call_drop(core, c);
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
	if ((c = core_call_of(core, frame->call)) == NULL) {
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
	if (frame->end && (c = core_call_of(core, frame->call)) != NULL)
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

void
core_read(struct ect_core *core)
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
