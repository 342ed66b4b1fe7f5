/*
 * load.c - the load generator: one thread, poll(), one append stream per lane, no allocation per
 * token and no JSON.
 *
 * Closed loop: every lane keeps window/lanes tokens without an answer; what comes back is replaced
 * at once.  That gives the highest rate.
 *
 * Open loop: token n is due at begin + n/rate whatever the server does, and its latency counts from
 * when it was due, not from when we got round to sending it (so that a stall of the server is seen
 * by all the tokens that would have come in the meantime: no coordinated omission).  The generator
 * wakes at most once in TICK_US, so it adds up to that much to what it reports.
 *
 * Invariant of a lane: answered <= next - from; sent_us[i] is set for every token below next.
 */
#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "client/src/wire.h"
#include "ectledger/client.h"
#include "proto/ledger.pb-c.h"
#include "tools/ectl/ectl.h"

#define METHOD	  "/ectledger.v1.Ledger/AppendStream"
#define TICK_US	  500
#define SILENT_US (60 * INT64_C(1000000)) /* no answer for that long: give up */
#define LANES_MAX 1024

struct run;
struct conn {
	struct run *run;
	const struct lane *lane;
	struct ect_core *core;
	uint32_t call; /* 0: not begun */
	bool ready, over;
	size_t number; /* of the lane */
	uint64_t next; /* the lane's next token to send */
	uint64_t answered;
	int64_t *sent_us; /* by the stream's number */
};

struct run {
	const struct load *l;
	struct load_result *out;
	struct conn *conns;
	size_t count;
	uint64_t answered, total;
	int64_t begin_us, heard_us, end_us;
	bool failed;
};

/* ---- answers ---- */

static void
refused(struct load_result *out, struct bytes answer)
{
	Ectledger__V1__AppendAnswer *a;

	out->refused++;
	if (out->first_refusal[0] != '\0')
		return;
	a = ectledger__v1__append_answer__unpack(NULL, answer.n, answer.p);
	if (a != NULL && a->refusal != NULL)
		snprintf(out->first_refusal, sizeof out->first_refusal, "%u: %s (%s)",
		    a->refusal->code, a->refusal->message, a->refusal->rule);
	ectledger__v1__append_answer__free_unpacked(a, NULL);
}

static void
take_answer(struct conn *c, struct bytes answer, int64_t now)
{
	struct wire w = {answer.p, answer.n};
	struct wire_field f;
	struct run *r = c->run;
	uint64_t number = 0;
	bool bad = false, refusal = false;

	while (wire_next(&w, &f, &bad)) {
		if (f.number == 1 && f.type == 0)
			number = f.value;
		refusal = refusal || f.number == 9;
	}
	if (bad || number >= c->next - r->l->from) {
		r->failed = true;
		return;
	}
	if (refusal) {
		refused(r->out, answer);
	} else {
		const int64_t us = now - c->sent_us[number];

		must(r->out->acked < r->total);
		r->out->latency_us[r->out->acked++] = us < 0		? 0
						      : us > UINT32_MAX ? UINT32_MAX
									: (uint32_t)us;
	}
	c->answered++;
	r->answered++;
}

static void
on_message(void *ctx, uint32_t call, const uint8_t *message, size_t size)
{
	struct conn *c = ctx;
	struct wire w = {message, size};
	struct wire_field f;
	bool bad = false;

	(void)call;
	c->run->heard_us = bench_now_us();
	while (wire_next(&w, &f, &bad))
		if (f.number == 1 && f.type == 2)
			take_answer(c, f.bytes, c->run->heard_us);
	c->run->failed = c->run->failed || bad;
}

static void
on_end(void *ctx, uint32_t call, const struct ect_status *status)
{
	struct conn *c = ctx;

	(void)call;
	if (c->run->answered < c->run->total) {
		fail(EXIT_UNREACHABLE, "the server ended a stream: %s", status->text);
		c->run->failed = true;
	}
}

static void
on_ready(void *ctx)
{
	((struct conn *)ctx)->ready = true;
}

static void
on_closed(void *ctx, const struct ect_status *status)
{
	struct conn *c = ctx;

	if (c->run->answered < c->run->total) {
		fail(EXIT_UNREACHABLE, "a connection was lost: %s", status->text);
		c->run->failed = true;
	}
	c->over = true;
}

/* ---- sending ---- */

/* When the lane's token is due in an open loop: tokens are dealt to the lanes in turn. */
static int64_t
due_us(const struct conn *c, uint64_t i)
{
	const struct run *r = c->run;
	const uint64_t n = (i - r->l->from) * r->count + c->number;

	return r->begin_us + (int64_t)((double)n * 1e6 / r->l->rate);
}

/* How many tokens this lane may send now. */
static uint64_t
allowed(const struct conn *c, int64_t now)
{
	const struct run *r = c->run;
	const struct bench_options *o = r->l->o;
	uint64_t left = r->l->to - c->next, n = 0;
	const uint64_t flying = c->next - r->l->from - c->answered;

	if (left > o->batch)
		left = o->batch;
	if (r->l->rate > 0) {
		while (n < left && due_us(c, c->next + n) <= now)
			n++;
		return n;
	}
	/* A whole batch or nothing, except at the end: half-empty messages cost the server more than they bring. */
	return flying + left <= o->window / r->count ? left : 0;
}

/* Send one message of n tokens.  False: no credit now. */
static bool
send_slice(struct conn *c, uint64_t n, int64_t now)
{
	const uint64_t at = c->next > 0 ? c->lane->end[c->next - 1] : 0;
	const uint8_t *p = c->lane->bytes + at;
	const size_t size = (size_t)(c->lane->end[c->next + n - 1] - at);
	const uint64_t from = c->run->l->from;
	const bool open = c->run->l->rate > 0;

	if (c->call != 0) {
		if (!ect_core_send(c->core, c->call, p, size))
			return false;
	} else if ((c->call = ect_core_begin(c->core, METHOD, 0, p, size, true)) == 0) {
		return false;
	}
	for (uint64_t i = 0; i < n; i++)
		c->sent_us[c->next + i - from] = open ? due_us(c, c->next + i) : now;
	c->next += n;
	return true;
}

static void
pump(struct conn *c)
{
	bool sent = false;
	uint64_t n;

	while (c->ready && !c->over && (n = allowed(c, bench_now_us())) > 0) {
		if (!send_slice(c, n, bench_now_us()))
			break;
		sent = true;
	}
	if (sent && ect_core_step(c->core) != 0)
		c->over = true;
}

/* ---- the loop ---- */

/* Wait until a descriptor is ready; in an open loop at most until the next token is due, and at least TICK_US. */
static void
wait_some(struct run *r, struct pollfd *fds)
{
	int64_t us = 20000;
	struct timespec t;

	for (size_t i = 0; i < r->count; i++) {
		const struct conn *c = &r->conns[i];

		fds[i].fd = c->over ? -1 : ect_core_fd(c->core);
		fds[i].events = (short)((ect_core_want_read(c->core) ? POLLIN : 0) |
					(ect_core_want_write(c->core) ? POLLOUT : 0));
		fds[i].revents = 0;
		if (r->l->rate > 0 && c->next < r->l->to) {
			const int64_t left = due_us(c, c->next) - bench_now_us();

			us = left < us ? left : us;
		}
	}
	if (r->l->rate > 0 && us < TICK_US)
		us = TICK_US;
	t = (struct timespec){us / 1000000, us % 1000000 * 1000};
	if (ppoll(fds, r->count, &t, NULL) < 0 && errno != EINTR)
		r->failed = true;
}

static void
turn(struct run *r, struct pollfd *fds)
{
	wait_some(r, fds);
	for (size_t i = 0; i < r->count && !r->failed; i++) {
		struct conn *c = &r->conns[i];

		if (c->over)
			continue;
		if ((fds[i].revents != 0 || !c->ready) && ect_core_step(c->core) != 0)
			c->over = true;
		pump(c);
	}
	if (r->answered == r->total)
		r->end_us = bench_now_us();
	else if (bench_now_us() - r->heard_us > SILENT_US) {
		fail(EXIT_UNREACHABLE, "no answer for a minute");
		r->failed = true;
	}
}

static bool
connect_lane(struct run *r, size_t i)
{
	const struct bench_options *o = r->l->o;
	struct conn *c = &r->conns[i];
	const struct ect_core_callbacks callbacks = {on_message, on_end, on_ready, on_closed, c};
	const struct ect_client_options options = {.server = r->l->address,
	    .insecure_loopback = o->cert == NULL,
	    .cert = o->cert,
	    .key = o->key,
	    .ca = o->ca};
	struct ect_status status;

	c->run = r;
	c->number = i;
	c->lane = &r->l->c->lanes[i];
	c->next = r->l->from;
	if ((c->sent_us = calloc(r->l->to - r->l->from, sizeof *c->sent_us)) == NULL)
		return fail(EXIT_USAGE, "out of memory") == 0;
	if (ect_core_open(&c->core, &options, &callbacks, &status) != 0)
		return fail(EXIT_UNREACHABLE, "cannot connect: %s", status.text) == 0;
	return true;
}

static int
by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

bool
load_run(const struct load *l, struct load_result *out)
{
	struct run r = {.l = l, .out = out, .count = l->c->lane_count};
	struct pollfd *fds = calloc(r.count, sizeof *fds);
	bool all = false;

	must(l->from < l->to && r.count <= LANES_MAX);
	r.total = (l->to - l->from) * r.count;
	r.conns = calloc(r.count, sizeof *r.conns);
	out->latency_us = calloc(r.total, sizeof *out->latency_us);
	r.failed = fds == NULL || r.conns == NULL || out->latency_us == NULL;
	for (size_t i = 0; i < r.count && !r.failed; i++)
		r.failed = !connect_lane(&r, i);
	r.heard_us = bench_now_us();
	/* The clock starts when everybody is connected. */
	while (!all && !r.failed) {
		const int64_t waited = bench_now_us() - r.heard_us;

		all = true;
		for (size_t i = 0; i < r.count && !r.failed; i++) {
			if (!r.conns[i].ready)
				r.failed = ect_core_step(r.conns[i].core) != 0 || waited > 10000000;
			all = all && r.conns[i].ready;
		}
	}
	r.begin_us = r.heard_us = bench_now_us();
	for (size_t i = 0; i < r.count && !r.failed; i++)
		pump(&r.conns[i]);
	while (!r.failed && r.answered < r.total)
		turn(&r, fds);
	out->seconds = (double)(r.end_us - r.begin_us) / 1e6;
	for (size_t i = 0; i < r.count && r.conns != NULL; i++) {
		r.answered = r.total; /* what happens from here on is our own closing */
		ect_core_close(r.conns[i].core);
		free(r.conns[i].sent_us);
	}
	if (!r.failed)
		qsort(out->latency_us, out->acked, sizeof *out->latency_us, by_value);
	free(r.conns);
	free(fds);
	return !r.failed;
}

double
load_quantile_ms(const struct load_result *r, double p)
{
	size_t i = (size_t)((double)r->acked * p);

	if (r->acked == 0)
		return 0;
	if (i >= r->acked)
		i = r->acked - 1;
	return (double)r->latency_us[i] / 1000.0;
}
