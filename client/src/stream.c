/*
 * stream.c - the append stream: many tokens under way, one answer each, whatever happens to the
 * connection.
 *
 * The ring holds tokens in the order they were sent by the caller, from the oldest that has no
 * answer; numbers are consecutive, so the caller's number leads to the place:
 *
 *     head                    head + sent              head + count
 *      | was in a message      | not on this connection  |
 *
 * States of a token:  QUEUED -> SENT -> ANSWERED, and SENT -> AGAIN -> SENT where the server said "not
 * now".  On a connection the server numbers tokens from 0 in the order of the messages; 'caller' leads
 * from such a number to the caller's.  Answers come in any order: a token that waits for its
 * predecessors is answered after later ones.  After a lost connection everything without an answer is
 * QUEUED again, in order: the server gives a token that it has already the same answer as before
 * ("duplicate").
 *
 * "Not now" (busy, over_quota) pauses the whole stream, because what follows would hear the same, and
 * halves what may be under way.  A token refused for want of a predecessor while one before it is put
 * off goes again with that one.
 *
 * Invariants: sent <= count <= ECT_WINDOW; the front token is never ANSWERED; bytes and queued are
 * those of the QUEUED; wire_next - wire_low <= NUMBERS.
 */
#include "blocking.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/rc.h"
#include "link.h"
#include "wire.h"

#define NUMBERS	     ((uint64_t)2 * ECT_WINDOW) /* connection's numbers from the oldest unanswered on */
#define BATCH_TOKENS 64				/* in one message */
#define BATCH_BYTES  (64 * 1024)
/* A message whose tokens wait holds its credit: when little is left, messages grow, so that the tokens
 * waited for get through.  24 * 64 + 40 * 256 tokens fit the first credit. */
#define CREDIT_LOW   40
#define BATCH_GROW   4
#define PAUSE_MS     100 /* after "not now" without a time */
#define WITS_MAX     16
#define WIT_SIZE_MAX 4096
#define METHOD	     "/ectledger.v1.Ledger/AppendStream"
#define NOBODY	     UINT64_MAX

enum { REQUEST_NO_RECEIPT = 2, REQUEST_WITS = 3, REQUEST_WAIT = 4, REQUEST_WAIT_MS = 5 };

enum state { QUEUED, SENT, AGAIN, ANSWERED };

struct item {
	uint8_t *p;
	size_t size;
	enum state state;
	bool put_off;	/* told "not now" */
	unsigned round; /* of its last sending */
};

struct ect_stream {
	struct ect_client *c;
	bool once;
	unsigned wait_ms;
	struct buf tail; /* of every message: what goes with its tokens */
	void (*answer)(void *ctx, uint64_t number, const uint8_t *answer, size_t size);
	void *ctx;
	struct item ring[ECT_WINDOW];
	size_t head, count, sent;
	uint64_t first; /* the caller's number of the front token */
	size_t queued, bytes, under_way, again, put_off;
	uint64_t caller[NUMBERS]; /* by the connection's number; NOBODY: answered */
	uint64_t wire_low, wire_next;
	/* "not now" */
	uint64_t again_from;	/* no AGAIN token before this number */
	unsigned round, rounds; /* counted; those in a row that got nothing accepted */
	int64_t resume_us;	/* nothing is sent before */
	size_t window;		/* how many may be under way */
	/* the connection */
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
	return &s->ring[(s->head + i) % ECT_WINDOW];
}

static struct item *
item_of(struct ect_stream *s, uint64_t number)
{
	return number >= s->first && number - s->first < s->count
		   ? at(s, (size_t)(number - s->first))
		   : NULL;
}

/* What every message says beside its tokens. */
static bool
make_tail(struct buf *tail, const struct ect_append_options *o, struct ect_status *status)
{
	if (o->wit_count > WITS_MAX) {
		status_set(status, ECT_USAGE, "at most %d WITs go with an append", WITS_MAX);
		return false;
	}
	if (o->no_receipt)
		wire_put_u64(tail, REQUEST_NO_RECEIPT, 1);
	for (size_t i = 0; i < o->wit_count; i++) {
		if (strlen(o->wits[i]) > WIT_SIZE_MAX) {
			status_set(status, ECT_USAGE, "a WIT has at most %d bytes", WIT_SIZE_MAX);
			return false;
		}
		wire_put_bytes(tail, REQUEST_WITS, o->wits[i], strlen(o->wits[i]));
	}
	if (o->wait) {
		wire_put_u64(tail, REQUEST_WAIT, 1);
		wire_put_u64(tail, REQUEST_WAIT_MS, o->wait_ms);
	}
	if (buf_rc(tail) != RC_OK)
		status_set(status, ECT_PROTOCOL, "out of memory");
	return buf_rc(tail) == RC_OK;
}

int
ect_stream_open_with(struct ect_client *c, const struct ect_append_options *options,
    struct ect_stream **out,
    void (*answer)(void *ctx, uint64_t number, const uint8_t *answer, size_t size), void *ctx,
    struct ect_status *status)
{
	struct ect_stream *s;

	must(c->stream == NULL && answer != NULL && options != NULL);
	*out = NULL;
	status_set(status, ECT_OK, "%s", "");
	if ((s = calloc(1, sizeof *s)) == NULL) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		return -1;
	}
	buf_init(&s->tail, CORE_MESSAGE_MAX);
	buf_init(&s->message, CORE_MESSAGE_MAX);
	if (!make_tail(&s->tail, options, status)) {
		buf_release(&s->tail);
		free(s);
		return -1;
	}
	s->c = c;
	s->once = options->once;
	s->wait_ms = options->wait ? options->wait_ms : 0;
	s->answer = answer;
	s->ctx = ctx;
	s->window = ECT_WINDOW;
	s->again_from = NOBODY;
	s->generation = c->generation;
	c->stream = s;
	*out = s;
	return 0;
}

int
ect_stream_open(struct ect_client *c, bool no_receipt, struct ect_stream **out,
    void (*answer)(void *ctx, uint64_t number, const uint8_t *answer, size_t size), void *ctx,
    struct ect_status *status)
{
	const struct ect_append_options options = {.no_receipt = no_receipt};

	return ect_stream_open_with(c, &options, out, answer, ctx, status);
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
	buf_release(&s->tail);
	buf_release(&s->message);
	s->c->stream = NULL;
	free(s);
}

size_t
ect_stream_unanswered(const struct ect_stream *s)
{
	return s->queued + s->under_way + s->again;
}

uint32_t
stream_call(const struct ect_stream *s)
{
	return s->generation == s->c->generation ? s->call : 0;
}

/* ---- answers ---- */

static int64_t
later(int64_t now, uint64_t ms)
{
	return now + (int64_t)ms * 1000;
}

/* "Not now", and worth another round? */
static bool
put_off(struct ect_stream *s, struct item *item, const struct wire_answer *answer)
{
	uint64_t pause = answer->retry_after_ms;
	int64_t resume;

	if (s->once || !answer->refused || pause > ECT_RETRY_AFTER_MAX_MS)
		return false;
	if (answer->code == RC_UNKNOWN_PARENT)
		return s->put_off > 0 && !item->put_off;
	if (answer->code != RC_BUSY && (answer->code != RC_OVER_QUOTA || pause == 0))
		return false;
	if (item->round == s->round) { /* the first of its round; the others heard the same */
		if (s->rounds >= s->c->options.retries)
			return false;
		s->round++;
		s->rounds++;
		s->window = s->window / 2 > BATCH_TOKENS ? s->window / 2 : BATCH_TOKENS;
	}
	resume = later(core_now_us(), pause > 0 ? pause : PAUSE_MS);
	s->resume_us = resume > s->resume_us ? resume : s->resume_us;
	s->put_off += !item->put_off;
	item->put_off = true;
	return true;
}

static void
pop_answered(struct ect_stream *s)
{
	while (s->count > 0 && at(s, 0)->state == ANSWERED) {
		s->head = (s->head + 1) % ECT_WINDOW;
		s->count--;
		s->sent -= s->sent > 0;
		s->first++;
	}
}

static bool
take_answer(struct ect_stream *s, struct bytes bytes)
{
	struct wire_answer answer;
	struct item *item;
	uint64_t number;

	if (!wire_answer(bytes, &answer) || answer.number < s->wire_low ||
	    answer.number >= s->wire_next)
		return false;
	number = s->caller[answer.number % NUMBERS];
	if (number == NOBODY || (item = item_of(s, number)) == NULL || item->state != SENT)
		return false;
	s->caller[answer.number % NUMBERS] = NOBODY;
	while (s->wire_low < s->wire_next && s->caller[s->wire_low % NUMBERS] == NOBODY)
		s->wire_low++;
	s->under_way--;
	if (put_off(s, item, &answer)) {
		item->state = AGAIN;
		s->again++;
		s->again_from = number < s->again_from ? number : s->again_from;
		return true;
	}
	if (!answer.refused) {
		s->rounds = 0;
		s->window += s->window < ECT_WINDOW;
	}
	item->state = ANSWERED;
	s->put_off -= item->put_off;
	free(item->p);
	item->p = NULL;
	s->answer(s->ctx, number, bytes.p, bytes.n);
	pop_answered(s);
	return true;
}

void
stream_message(struct ect_stream *s, const uint8_t *message, size_t size)
{
	struct wire w = {message, size};
	struct wire_field f;
	bool bad = false, ok = true;

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

/* The next message's worth of tokens, by number: first what goes again, then the queue. */
struct batch {
	uint64_t number[BATCH_GROW * BATCH_TOKENS];
	size_t grow, count, bytes;
	size_t sent; /* becomes the stream's */
};

static bool
batch_add(struct batch *b, const struct item *item, uint64_t number)
{
	if (b->count == b->grow * BATCH_TOKENS ||
	    (b->count > 0 && b->bytes + item->size > b->grow * BATCH_BYTES))
		return false;
	b->number[b->count++] = number;
	b->bytes += item->size;
	return true;
}

static size_t
growth(const struct ect_stream *s)
{
	return s->call != 0 && core_credit(s->c->core, s->call) <= CREDIT_LOW ? BATCH_GROW : 1;
}

static void
gather(struct ect_stream *s, struct batch *b)
{
	size_t i = s->again_from > s->first ? (size_t)(s->again_from - s->first) : 0, again = 0;
	bool room = true;

	b->count = b->bytes = 0;
	b->sent = s->sent;
	b->grow = growth(s);
	for (; room && again < s->again && i < s->sent; i++) {
		if (at(s, i)->state != AGAIN)
			continue;
		room = batch_add(b, at(s, i), s->first + i);
		again += room;
	}
	for (; room && b->sent < s->count; b->sent += room)
		if (at(s, b->sent)->state == QUEUED)
			room = batch_add(b, at(s, b->sent), s->first + b->sent);
}

/* The batch is on its way. */
static void
mark(struct ect_stream *s, const struct batch *b)
{
	if (s->under_way == 0)
		s->heard_us = core_now_us();
	for (size_t i = 0; i < b->count; i++) {
		struct item *item = item_of(s, b->number[i]);

		if (item->state == AGAIN) {
			s->again--;
			s->again_from = b->number[i] + 1;
		} else {
			s->queued--;
			s->bytes -= item->size;
		}
		item->state = SENT;
		item->round = s->round;
		s->caller[s->wire_next++ % NUMBERS] = b->number[i];
		s->under_way++;
	}
	if (s->again == 0)
		s->again_from = NOBODY;
	s->sent = b->sent;
}

/* Put one batch on the connection.  False: no credit, no connection, or none to send. */
static bool
send_batch(struct ect_stream *s)
{
	struct ect_core *core = s->c->core;
	struct batch b;
	bool ok;

	if ((s->call != 0 && core_credit(core, s->call) == 0) ||
	    s->wire_next - s->wire_low > NUMBERS - BATCH_GROW * BATCH_TOKENS)
		return false;
	gather(s, &b);
	if (b.count == 0)
		return false;
	buf_clear(&s->message);
	for (size_t i = 0; i < b.count; i++) {
		const struct item *item = item_of(s, b.number[i]);

		wire_put_token(&s->message, item->p, item->size);
	}
	buf_add(&s->message, s->tail.p, s->tail.n);
	if (buf_rc(&s->message) != RC_OK) {
		core_fail(core, ECT_PROTOCOL, "out of memory");
		return false;
	}
	if (s->call != 0)
		ok = ect_core_send(core, s->call, s->message.p, s->message.n);
	else
		ok = (s->call = ect_core_begin(
			  core, METHOD, 0, s->message.p, s->message.n, true)) != 0;
	if (ok)
		mark(s, &b);
	return ok;
}

static bool
lost(const struct ect_stream *s)
{
	const struct ect_client *c = s->c;

	return s->over || c->core == NULL || core_dead(c->core) || s->generation != c->generation ||
	       (ect_core_draining(c->core) && s->call == 0);
}

/* How long the server's "not now" still holds; 0: no longer. */
static int
pause_ms(struct ect_stream *s)
{
	int64_t left = s->resume_us != 0 ? s->resume_us - core_now_us() : 0;

	if (left <= 0)
		s->resume_us = 0;
	return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

/* Full batches, anything when nothing is under way, or 'all'. */
static bool
worth_sending(const struct ect_stream *s, bool all)
{
	if (s->again > 0 || (s->queued > 0 && (all || s->under_way == 0)))
		return true;
	return s->queued >= growth(s) * BATCH_TOKENS || s->bytes >= growth(s) * BATCH_BYTES;
}

static void
pump(struct ect_stream *s, bool all)
{
	bool any = false;

	while (!lost(s) && client_usable(s->c) && pause_ms(s) == 0 && s->under_way < s->window &&
	       worth_sending(s, all)) {
		if (!send_batch(s))
			break;
		any = true;
	}
	if (any)
		(void)ect_core_step(s->c->core);
}

/* ---- trouble ---- */

/* On a new connection nothing was sent. */
static void
rewind_ring(struct ect_stream *s)
{
	s->queued = s->bytes = 0;
	for (size_t i = 0; i < s->count; i++) {
		struct item *item = at(s, i);

		if (item->state == ANSWERED)
			continue;
		item->state = QUEUED;
		item->put_off = false;
		s->queued++;
		s->bytes += item->size;
	}
	s->sent = s->under_way = s->again = s->put_off = 0;
	s->again_from = NOBODY;
	s->wire_low = s->wire_next = 0;
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
			client_backoff(++s->attempts, why.retry_after_ms);
			(void)client_connect(s->c, &s->reason);
		}
		rewind_ring(s);
		s->generation = s->c->generation;
	}
	return 0;
}

/* How long the server may still be silent; 0 when it was for too long.  Tokens may wait for
 * predecessors as long as we asked for. */
static int
patience_ms(const struct ect_stream *s)
{
	int64_t left;

	if (s->under_way == 0)
		return -1;
	left = (later(s->heard_us, (uint64_t)s->c->options.call_ms + s->wait_ms) - core_now_us()) /
	       1000;
	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* The shorter one; -1 is for ever. */
static int
sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

int
ect_stream_wait(struct ect_stream *s, int fd, int timeout_ms, struct ect_status *status)
{
	int patience, pause, r;

	if (recover(s, status) != 0)
		return -1;
	if (lost(s)) /* nothing under way and no connection: only 'fd' can have news */
		return fd >= 0 || timeout_ms >= 0 ? client_readable(fd, timeout_ms) : 0;
	pump(s, false);
	if (lost(s))
		return 0;
	patience = patience_ms(s);
	if (patience == 0) {
		core_fail(s->c->core, ECT_UNREACHABLE, "the server gave no answer in time");
		return 0;
	}
	pause = pause_ms(s);
	r = core_wait(s->c->core, fd, sooner(sooner(timeout_ms, patience), pause > 0 ? pause : -1));
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
	while (s->count == ECT_WINDOW)
		if (ect_stream_flush(s, status) != 0 || ect_stream_wait(s, -1, -1, status) < 0)
			return -1;
	if (s->failed.outcome != ECT_OK) {
		*status = s->failed;
		return -1;
	}
	item = at(s, s->count);
	*item = (struct item){.p = malloc(size + 1), .size = size};
	if (item->p == NULL) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		return -1;
	}
	memcpy(item->p, token, size);
	s->count++;
	s->queued++;
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
