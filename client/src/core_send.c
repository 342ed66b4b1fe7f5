/*
 * core_send.c - calls out: frames are packed into 'out' and leave when the link takes them.
 *
 * A stream's first message counts against its credit like any other (docs/WIRE.md 3).
 */
#include "core_state.h"

#include <string.h>

#include "base/must.h"
#include "proto/frame.h"
#include "proto/ledger.pb-c.h"

#define DEADLINE_GRACE_US 1000000 /* the server's own deadline answer comes first */

struct core_call *
core_call_of(struct ect_core *core, uint32_t id)
{
	struct core_call *c = &core->calls[id % CORE_CALLS_MAX];

	return id != 0 && c->id == id ? c : NULL;
}

void
core_call_drop(struct ect_core *core, struct core_call *c)
{
	must(core->call_count > 0);
	core->call_count--;
	c->id = 0;
}

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
	const struct core_call *c = &core->calls[call % CORE_CALLS_MAX];

	return call == 0 || c->id != call || c->ended ? 0 : c->credit;
}

bool
ect_core_send(struct ect_core *core, uint32_t call, const void *message, size_t size)
{
	Ectledger__V1__ClientFrame frame = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	struct core_call *c = core_call_of(core, call);

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
	struct core_call *c = core_call_of(core, call);

	if (c == NULL || c->ended || core_dead(core))
		return;
	frame.call = call;
	frame.end = true;
	c->ended = put_frame(core, &frame);
}

void
ect_core_grant(struct ect_core *core, uint32_t call, uint32_t n)
{
	Ectledger__V1__ClientFrame frame = ECTLEDGER__V1__CLIENT_FRAME__INIT;

	if (n == 0 || core_call_of(core, call) == NULL || core_dead(core))
		return;
	frame.call = call;
	frame.credit = n;
	(void)put_frame(core, &frame);
}

void
ect_core_cancel(struct ect_core *core, uint32_t call)
{
	Ectledger__V1__ClientFrame frame = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	struct core_call *c = core_call_of(core, call);

	if (c == NULL)
		return;
	frame.call = call;
	frame.cancel = true;
	if (!core_dead(core))
		(void)put_frame(core, &frame);
	core_call_drop(core, c);
}

void
core_write(struct ect_core *core)
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
