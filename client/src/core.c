/*
 * core.c - a core's life: opening, stepping, time, closing.  Calls go out in core_send.c, frames
 * come in in core_recv.c; core_state.h has the states and the invariants.
 */
#include "core_state.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"

#define CONNECT_MS 5000

int64_t
core_now_us(void)
{
	struct clock c = clock_real();

	return clock_mono_us(&c);
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
		core_read(core);
		core_write(core);
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
