/*
 * stream.c - the append stream: many tokens under way, one answer each, whatever happens to the
 * connection.
 *
 * The ring holds tokens in the order they were sent by the caller, from the oldest that has no
 * answer:
 *
 *     head                    head + sent              head + count
 *      | answered or waiting   | not yet in a message   |
 *
 * On a connection the server numbers tokens from 0; the token at ring place i has number 'popped' +
 * i, because the front is popped as it is answered and the rest keep their order.  After a lost
 * connection the answered ones are squeezed out, 'popped' and 'sent' become 0, and everything goes
 * again in order: the server gives a token that it has already the same answer as before
 * ("duplicate").
 *
 * Invariants: sent <= count <= WINDOW; the front item is never answered; bytes = sizes of the items
 * that are not sent.
 */
#include "blocking.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/rc.h"
#include "link.h"
#include "wire.h"

#define WINDOW	     4096 /* tokens without an answer; a power of two */
#define BATCH_TOKENS 64	  /* in one message */
#define BATCH_BYTES  (64 * 1024)
#define METHOD	     "/ectledger.v1.Ledger/AppendStream"

struct item {
	uint8_t *p;
	size_t size;
	uint64_t number; /* the caller's count */
	bool answered;
};

struct ect_stream {
	struct ect_client *c;
	bool no_receipt;
	void (*answer)(void *ctx, uint64_t number, const uint8_t *answer, size_t size);
	void *ctx;
	struct item ring[WINDOW];
	size_t head, count, sent, bytes;
	uint64_t popped, next_number;
	uint32_t call;	     /* 0: not open on this connection */
	uint64_t generation; /* of the connection that 'call' belongs to */
	bool over;	     /* the server ended the call */
	struct ect_status ended;
	struct ect_status reason; /* why the last connecting failed */
	struct ect_status failed; /* outcome other than ECT_OK: for good */
	unsigned attempts;
	int64_t heard_us; /* last answer, or first token after silence */
	struct buf message;
};

static struct item *
at(struct ect_stream *s, size_t i)
{
	return &s->ring[(s->head + i) % WINDOW];
}

int
ect_stream_open(struct ect_client *c, bool no_receipt, struct ect_stream **out,
    void (*answer)(void *ctx, uint64_t number, const uint8_t *answer, size_t size), void *ctx,
    struct ect_status *status)
{
	struct ect_stream *s;

	must(c->stream == NULL && answer != NULL);
	*out = NULL;
	status_set(status, ECT_OK, "%s", "");
	if ((s = calloc(1, sizeof *s)) == NULL) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		return -1;
	}
	s->c = c;
	s->no_receipt = no_receipt;
	s->answer = answer;
	s->ctx = ctx;
	s->generation = c->generation;
	buf_init(&s->message, CORE_MESSAGE_MAX);
	c->stream = s;
	*out = s;
	return 0;
}

void
ect_stream_free(struct ect_stream *s)
{
	if (s == NULL)
		return;
	if (s->call != 0 && s->generation == s->c->generation && s->c->core != NULL)
		ect_core_cancel(s->c->core, s->call);
	for (size_t i = 0; i < s->count; i++)
		free(at(s, i)->p);
	buf_release(&s->message);
	s->c->stream = NULL;
	free(s);
}

size_t
ect_stream_unanswered(const struct ect_stream *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += !s->ring[(s->head + i) % WINDOW].answered;
	return n;
}

uint32_t
stream_call(const struct ect_stream *s)
{
	return s->generation == s->c->generation ? s->call : 0;
}

/* ---- answers ---- */

static bool
take_answer(struct ect_stream *s, struct bytes answer)
{
	struct item *item;
	uint64_t number;

	if (!wire_answer_number(answer, &number) || number < s->popped ||
	    number - s->popped >= s->sent)
		return false;
	item = at(s, (size_t)(number - s->popped));
	if (item->answered)
		return false;
	item->answered = true;
	free(item->p);
	item->p = NULL;
	s->answer(s->ctx, item->number, answer.p, answer.n);
	while (s->sent > 0 && at(s, 0)->answered) {
		s->head = (s->head + 1) % WINDOW;
		s->count--;
		s->sent--;
		s->popped++;
	}
	return true;
}

void
stream_message(struct ect_stream *s, const uint8_t *message, size_t size)
{
	struct wire w = {message, size};
	struct wire_field f;
	bool bad, ok = true;

	while (ok && wire_next(&w, &f, &bad))
		if (f.number == 1 && f.type == 2)
			ok = take_answer(s, f.bytes);
	if (!ok || bad) {
		core_fail(s->c->core, ECT_PROTOCOL, "the server's append answers make no sense");
		return;
	}
	s->heard_us = core_now_us();
	s->attempts = 0;
}

void
stream_ended(struct ect_stream *s, const struct ect_status *status)
{
	s->over = true;
	s->ended = *status;
	s->call = 0;
}

/* ---- tokens ---- */

/* The next message's worth of tokens. */
static size_t
batch(struct ect_stream *s, size_t *bytes)
{
	size_t n = 0;

	*bytes = 0;
	while (s->sent + n < s->count && n < BATCH_TOKENS) {
		size_t size = at(s, s->sent + n)->size;

		if (n > 0 && *bytes + size > BATCH_BYTES)
			break;
		*bytes += size;
		n++;
	}
	return n;
}

/* Put one batch on the connection.  False: no credit, or no connection. */
static bool
send_batch(struct ect_stream *s)
{
	struct ect_core *core = s->c->core;
	size_t bytes, n = batch(s, &bytes);
	bool ok;

	if (n == 0 || (s->call != 0 && core_credit(core, s->call) == 0))
		return false;
	buf_clear(&s->message);
	for (size_t i = 0; i < n; i++)
		wire_put_token(&s->message, at(s, s->sent + i)->p, at(s, s->sent + i)->size);
	if (s->no_receipt)
		wire_put_no_receipt(&s->message);
	if (buf_rc(&s->message) != RC_OK) {
		core_fail(core, ECT_PROTOCOL, "out of memory");
		return false;
	}
	if (s->call != 0)
		ok = ect_core_send(core, s->call, s->message.p, s->message.n);
	else
		ok = (s->call = ect_core_begin(
			  core, METHOD, 0, s->message.p, s->message.n, true)) != 0;
	if (!ok)
		return false;
	if (s->sent == 0)
		s->heard_us = core_now_us();
	s->sent += n;
	s->bytes -= bytes;
	return true;
}

static bool
lost(const struct ect_stream *s)
{
	const struct ect_client *c = s->c;

	return s->over || c->core == NULL || core_dead(c->core) || s->generation != c->generation ||
	       (ect_core_draining(c->core) && s->call == 0);
}

/* Send what is worth sending: full batches, anything when nothing is under way, or 'all'. */
static void
pump(struct ect_stream *s, bool all)
{
	bool any = false;

	while (!lost(s) && client_usable(s->c) && s->sent < s->count &&
	       (all || s->sent == 0 || s->count - s->sent >= BATCH_TOKENS ||
		   s->bytes >= BATCH_BYTES)) {
		if (!send_batch(s))
			break;
		any = true;
	}
	if (any)
		(void)ect_core_step(s->c->core);
}

/* ---- trouble ---- */

/* Squeeze out what was answered; the rest is to be sent again. */
static void
rewind_ring(struct ect_stream *s)
{
	size_t kept = 0;

	s->bytes = 0;
	for (size_t i = 0; i < s->count; i++) {
		struct item item = *at(s, i);

		if (item.answered)
			continue;
		s->bytes += item.size;
		*at(s, kept++) = item;
	}
	s->count = kept;
	s->sent = 0;
	s->popped = 0;
	s->call = 0;
	s->over = false;
}

static struct ect_status
reason(const struct ect_stream *s)
{
	struct ect_status why = s->reason;

	if (s->over)
		why = s->ended;
	else if (s->c->core != NULL && core_dead(s->c->core))
		why = *core_status(s->c->core);
	if (why.outcome == ECT_OK)
		status_set(&why, ECT_UNREACHABLE, "the server is shutting down");
	return why;
}

static bool
worth_repeating(const struct ect_stream *s, const struct ect_status *why)
{
	if (s->attempts >= s->c->options.retries ||
	    (s->c->core != NULL && core_hopeless(s->c->core)))
		return false;
	return why->outcome == ECT_UNREACHABLE || client_transient(why);
}

/* 0 when the stream can go on, over a new connection if need be.  Without tokens there is no need:
 * a server ends idle connections, and that is not counted as trouble. */
static int
recover(struct ect_stream *s, struct ect_status *status)
{
	if (s->failed.outcome != ECT_OK) {
		*status = s->failed;
		return -1;
	}
	if (s->count == 0)
		s->attempts = 0;
	while (s->count > 0 && lost(s)) {
		/* With another generation somebody (a unary call) has connected again already. */
		if (s->generation == s->c->generation) {
			struct ect_status why = reason(s);

			if (!worth_repeating(s, &why)) {
				s->failed = *status = why;
				return -1;
			}
			client_backoff(++s->attempts);
			(void)client_connect(s->c, &s->reason);
		}
		rewind_ring(s);
		s->generation = s->c->generation;
	}
	return 0;
}

/* How long the server may still be silent; 0 when it was for too long. */
static int
patience_ms(const struct ect_stream *s)
{
	int64_t left;

	if (s->sent == 0)
		return -1;
	left = (s->heard_us + (int64_t)s->c->options.call_ms * 1000 - core_now_us()) / 1000;
	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* Nothing under way and no connection: only 'fd' can have news. */
static int
wait_alone(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0 && p.revents != 0;
}

int
ect_stream_wait(struct ect_stream *s, int fd, int timeout_ms, struct ect_status *status)
{
	int patience, r;

	if (recover(s, status) != 0)
		return -1;
	if (lost(s))
		return fd >= 0 || timeout_ms >= 0 ? wait_alone(fd, timeout_ms) : 0;
	pump(s, false);
	patience = patience_ms(s);
	if (patience == 0) {
		core_fail(s->c->core, ECT_UNREACHABLE, "the server gave no answer in time");
		return 0;
	}
	r = core_wait(s->c->core, fd,
	    timeout_ms < 0 || (patience > 0 && patience < timeout_ms) ? patience : timeout_ms);
	pump(s, false);
	return r;
}

int
ect_stream_flush(struct ect_stream *s, struct ect_status *status)
{
	if (recover(s, status) != 0)
		return -1;
	pump(s, true);
	return 0;
}

int
ect_stream_send(struct ect_stream *s, const void *token, size_t size, struct ect_status *status)
{
	struct item *item;

	must(token != NULL || size == 0);
	if (size > ECT_TOKEN_MAX) {
		status_set(status, ECT_USAGE, "a token has at most %d bytes", ECT_TOKEN_MAX);
		return -1;
	}
	while (s->count == WINDOW)
		if (ect_stream_flush(s, status) != 0 || ect_stream_wait(s, -1, -1, status) < 0)
			return -1;
	if (s->failed.outcome != ECT_OK) {
		*status = s->failed;
		return -1;
	}
	item = at(s, s->count);
	*item = (struct item){.p = malloc(size + 1), .size = size, .number = s->next_number};
	if (item->p == NULL) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		return -1;
	}
	memcpy(item->p, token, size);
	s->next_number++;
	s->count++;
	s->bytes += size;
	if (lost(s) && recover(s, status) != 0)
		return -1;
	pump(s, false);
	return 0;
}

int
ect_stream_finish(struct ect_stream *s, struct ect_status *status)
{
	int64_t by;

	status_set(status, ECT_OK, "%s", "");
	while (s->count > 0)
		if (ect_stream_flush(s, status) != 0 || ect_stream_wait(s, -1, -1, status) < 0)
			return -1;
	/* Every token has its answer: what happens to the connection now is of no weight. */
	by = core_now_us() + 1000000;
	if (stream_call(s) != 0 && client_usable(s->c)) {
		ect_core_end(s->c->core, s->call);
		while (!s->over && !core_dead(s->c->core) && core_now_us() < by)
			(void)core_wait(s->c->core, -1, 1000);
	}
	return 0;
}
