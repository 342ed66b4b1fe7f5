/*
 * Rules of the conversation on one connection, without a socket and without the hall.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "net/session.h"
#include "proto/frame.h"
#include "proto/ledger.pb-c.h"

#define UNARY  "/s/Unary"
#define STREAM "/s/Stream"

static enum rc
methods(const char *method, bool *stream)
{
	*stream = strcmp(method, STREAM) == 0;
	return *stream || strcmp(method, UNARY) == 0 ? RC_OK : RC_UNIMPLEMENTED;
}

struct talk {
	struct session s;
	struct buf out;
	struct session_step step;
	struct why why;
	uint8_t frame[512];
	Ectledger__V1__ServerFrame *got[256];
	size_t got_count;
};

static struct talk *
talk_new(unsigned calls_max, unsigned credit)
{
	struct talk *t = calloc(1, sizeof *t);
	struct session_limits limits = {calls_max, credit, 0};

	session_init(&t->s, &limits);
	buf_init(&t->out, 0);
	return t;
}

/* Forget what was said so far. */
static void
clear(struct talk *t)
{
	for (size_t i = 0; i < t->got_count; i++)
		ectledger__v1__server_frame__free_unpacked(t->got[i], NULL);
	t->got_count = 0;
	buf_clear(&t->out);
}

static void
talk_free(struct talk *t)
{
	clear(t);
	session_release(&t->s);
	buf_release(&t->out);
	free(t);
}

/* Unpack everything that was said. */
static void
listen(struct talk *t)
{
	size_t at = 0, total;

	for (size_t i = 0; i < t->got_count; i++)
		ectledger__v1__server_frame__free_unpacked(t->got[i], NULL);
	t->got_count = 0;
	while (at < t->out.n) {
		cr_assert_eq(frame_peek(t->out.p + at, t->out.n - at, 1 << 20, &total), FRAME_OK);
		t->got[t->got_count] = ectledger__v1__server_frame__unpack(
		    NULL, total - FRAME_HEAD, t->out.p + at + FRAME_HEAD);
		cr_assert_neq(t->got[t->got_count], NULL);
		t->got_count++;
		at += total;
	}
}

static enum rc
read_frame(struct talk *t, const Ectledger__V1__ClientFrame *f)
{
	size_t n = ectledger__v1__client_frame__pack(f, t->frame);

	return session_read(&t->s, bytes_of(t->frame, n), methods, &t->step, &t->why);
}

/* A frame that the hall takes. */
static enum rc
say(struct talk *t, uint32_t call, const char *method, const char *message, bool end)
{
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	enum rc rc;

	f.call = call;
	f.method = (char *)(uintptr_t)method;
	f.has_message = message != NULL;
	f.message.data = (uint8_t *)(uintptr_t)message;
	f.message.len = message != NULL ? strlen(message) : 0;
	f.end = end;
	rc = read_frame(t, &f);
	if (rc == RC_OK)
		rc = session_apply(
		    &t->s, &t->step, t->step.refuse == RC_OK && t->step.has_message, &t->out);
	return rc;
}

static enum rc
say_credit(struct talk *t, uint32_t call, uint32_t credit)
{
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	enum rc rc;

	f.call = call;
	f.credit = credit;
	rc = read_frame(t, &f);
	return rc == RC_OK ? session_apply(&t->s, &t->step, false, &t->out) : rc;
}

static bool
answer(struct talk *t, uint32_t call, enum rc rc, const char *message)
{
	struct why why = {0};
	bool over = false;

	session_answer(&t->s, call, rc, &why, bytes_str(message), &t->out, &over);
	return over;
}

Test(net_session, a_unary_call_is_one_frame_each_way)
{
	struct talk *t = talk_new(8, 4);

	cr_assert_eq(say(t, 1, UNARY, "ask", true), RC_OK);
	cr_assert(t->step.opens && t->step.has_message);
	cr_assert_str_eq(t->step.method, UNARY);
	cr_assert(bytes_is(t->step.message, "ask"));
	cr_assert_eq(t->s.in_flight, 1);
	cr_assert_not(answer(t, 1, RC_OK, "tell"));
	listen(t);
	cr_assert_eq(t->got_count, 1);
	cr_assert(t->got[0]->call == 1 && t->got[0]->end && t->got[0]->has_message);
	cr_assert_eq(t->got[0]->message.len, 4);
	cr_assert_eq(t->got[0]->status, 0);
	cr_assert_eq(t->s.in_flight, 0);
	cr_assert_not(session_has_call(&t->s, 1));
	talk_free(t);
}

Test(net_session, reading_a_frame_changes_nothing_until_it_is_applied)
{
	struct talk *t = talk_new(8, 4);
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;

	f.call = 5;
	f.method = (char *)(uintptr_t)UNARY;
	f.has_message = f.end = true;
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(read_frame(t, &f), RC_OK);
		cr_assert(t->step.opens);
	}
	cr_assert_eq(t->s.last_call, 0);
	cr_assert_not(session_has_call(&t->s, 5));
	talk_free(t);
}

Test(net_session, call_ids_must_grow)
{
	struct talk *t = talk_new(8, 4);

	cr_assert_eq(say(t, 7, UNARY, "", true), RC_OK);
	cr_assert_eq(say(t, 7, UNARY, "", true), RC_BAD_FRAME);
	cr_assert_eq(say(t, 6, UNARY, "", true), RC_BAD_FRAME);
	cr_assert_eq(say(t, 0, UNARY, "", true), RC_BAD_FRAME);
	cr_assert_eq(say(t, 8, UNARY, "", true), RC_OK);
	talk_free(t);
}

Test(net_session, a_call_that_never_began_is_a_breach)
{
	struct talk *t = talk_new(8, 4);

	cr_assert_eq(say(t, 3, "", "x", false), RC_BAD_FRAME);
	talk_free(t);
}

Test(net_session, a_late_frame_of_an_ended_call_is_ignored)
{
	struct talk *t = talk_new(8, 4);

	cr_assert_eq(say(t, 1, STREAM, "a", false), RC_OK);
	answer(t, 1, RC_INTERNAL, "");
	clear(t);
	cr_assert_eq(say(t, 1, "", "b", false), RC_OK);
	cr_assert(t->step.nothing);
	cr_assert_eq(t->out.n, 0);
	talk_free(t);
}

Test(net_session, a_message_without_credit_is_a_breach)
{
	struct talk *t = talk_new(8, 2);

	cr_assert_eq(say(t, 1, STREAM, "a", false), RC_OK);
	cr_assert_eq(say(t, 1, "", "b", false), RC_OK);
	cr_assert_eq(say(t, 1, "", "c", false), RC_BAD_FRAME);
	talk_free(t);
}

Test(net_session, each_answer_gives_one_credit_back)
{
	struct talk *t = talk_new(8, 1);

	cr_assert_eq(say(t, 1, STREAM, "a", false), RC_OK);
	for (int i = 0; i < 5; i++) {
		clear(t);
		answer(t, 1, RC_OK, "A");
		listen(t);
		cr_assert_eq(t->got_count, 1);
		cr_assert_eq(t->got[0]->credit, 1);
		cr_assert_not(t->got[0]->end);
		cr_assert_eq(say(t, 1, "", "a", false), RC_OK);
	}
	talk_free(t);
}

Test(net_session, a_stream_gets_its_further_credit_by_a_frame_when_it_opens)
{
	struct talk *t = talk_new(9, 2);

	t->s.limits.stream_more = 3;
	cr_assert_eq(say(t, 1, STREAM, "x", false), RC_OK);
	listen(t);
	cr_assert_eq(t->got_count, 1);
	cr_assert(t->got[0]->call == 1 && t->got[0]->credit == 3);
	cr_assert_not(t->got[0]->has_message || t->got[0]->end);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(say(t, 1, NULL, "x", false), RC_OK, "message %d", i);
	cr_assert_eq(say(t, 1, NULL, "x", false), RC_BAD_FRAME, "two and three are five");
	clear(t);
	cr_assert_eq(say(t, 2, UNARY, "x", true), RC_OK);
	cr_assert_eq(say(t, 3, STREAM, "x", true), RC_OK);
	listen(t);
	cr_assert_eq(t->got_count, 0, "nothing for who will send no more");
	talk_free(t);
}

Test(net_session, a_refusal_says_when_to_come_again)
{
	struct talk *t = talk_new(1, 2);
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;

	f.call = 1;
	f.method = (char *)(uintptr_t)STREAM;
	f.has_message = true;
	cr_assert_eq(read_frame(t, &f), RC_OK);
	t->step.refuse = RC_OVER_QUOTA;
	t->step.retry_after_ms = UINT64_C(5000000000);
	session_apply(&t->s, &t->step, false, &t->out);
	cr_assert_eq(say(t, 2, STREAM, NULL, false), RC_OK);
	cr_assert_eq(say(t, 3, STREAM, NULL, false), RC_OK, "one too many: busy");
	cr_assert_eq(say(t, 4, "/no/such", NULL, false), RC_OK);
	listen(t);
	cr_assert_eq(t->got_count, 3);
	cr_assert(
	    t->got[0]->code == RC_OVER_QUOTA && t->got[0]->retry_after_ms == UINT64_C(5000000000));
	cr_assert(t->got[1]->code == RC_BUSY && t->got[1]->retry_after_ms > 0);
	cr_assert(t->got[2]->code == RC_UNIMPLEMENTED && t->got[2]->retry_after_ms == 0);
	talk_free(t);
}

Test(net_session, a_stream_ends_when_the_client_has_ended_and_all_is_answered)
{
	struct talk *t = talk_new(8, 8);

	say(t, 1, STREAM, "a", false);
	say(t, 1, "", "b", false);
	say(t, 1, "", NULL, true);
	answer(t, 1, RC_OK, "A");
	listen(t);
	cr_assert_eq(t->got_count, 1);
	cr_assert_eq(t->got[0]->credit, 0, "no credit after the client's end");
	answer(t, 1, RC_OK, "B");
	listen(t);
	cr_assert_eq(t->got_count, 3);
	cr_assert(t->got[2]->end && t->got[2]->status == 0 && !t->got[2]->has_message);
	cr_assert_not(session_has_call(&t->s, 1));
	talk_free(t);
}

Test(net_session, a_message_after_the_end_is_a_breach)
{
	struct talk *t = talk_new(8, 8);

	say(t, 1, STREAM, "a", true);
	cr_assert_eq(say(t, 1, "", "b", false), RC_BAD_FRAME);
	talk_free(t);
}

Test(net_session, answers_wait_for_the_clients_credit_once_it_gives_any)
{
	struct talk *t = talk_new(8, 8);

	for (int i = 0; i < 5; i++)
		say(t, 1, i == 0 ? STREAM : "", "a", false);
	answer(t, 1, RC_OK, "A");
	listen(t);
	cr_assert_eq(t->got_count, 1, "unlimited at first");
	clear(t);
	cr_assert_eq(say_credit(t, 1, 1), RC_OK);
	answer(t, 1, RC_OK, "B");
	answer(t, 1, RC_OK, "C");
	answer(t, 1, RC_OK, "D");
	say(t, 1, "", NULL, true);
	listen(t);
	cr_assert_eq(t->got_count, 1);
	cr_assert_gt(t->s.held_bytes, 0);
	cr_assert_eq(say_credit(t, 1, 1), RC_OK);
	listen(t);
	cr_assert_eq(t->got_count, 2);
	cr_assert_eq(t->got[1]->message.data[0], 'C');
	answer(t, 1, RC_OK, "E");
	cr_assert_eq(say_credit(t, 1, 9), RC_OK);
	listen(t);
	cr_assert_eq(t->got_count, 5, "D, E and the end");
	cr_assert(t->got[4]->end);
	cr_assert_eq(t->s.held_bytes, 0);
	talk_free(t);
}

Test(net_session, a_client_that_always_leaves_one_answer_waiting_costs_no_memory)
{
	struct talk *t = talk_new(8, 4);

	cr_assert_eq(say(t, 1, STREAM, "a", false), RC_OK);
	cr_assert_eq(say_credit(t, 1, 1), RC_OK);
	for (int i = 0; i < 10000; i++) {
		answer(t, 1, RC_OK, "an answer of some length");
		cr_assert_eq(say(t, 1, NULL, "b", false), RC_OK);
		if (i > 1)
			cr_assert_eq(say_credit(t, 1, 1), RC_OK);
		cr_assert_gt(t->s.held_bytes + (i < 1), 0);
		cr_assert_leq(t->s.calls[0].held.n, 1024);
		clear(t);
	}
	talk_free(t);
}

Test(net_session, too_many_open_calls_are_refused_not_breached)
{
	struct talk *t = talk_new(2, 4);

	say(t, 1, UNARY, "a", true);
	say(t, 2, UNARY, "a", true);
	cr_assert_eq(say(t, 3, UNARY, "a", true), RC_OK);
	cr_assert_eq(t->step.refuse, RC_BUSY);
	listen(t);
	cr_assert_eq(t->got[0]->code, RC_BUSY);
	cr_assert(t->got[0]->call == 3 && t->got[0]->end);
	talk_free(t);
}

Test(net_session, an_unknown_method_ends_the_call_only)
{
	struct talk *t = talk_new(2, 4);

	cr_assert_eq(say(t, 1, "/no/Such", "a", true), RC_OK);
	listen(t);
	cr_assert_eq(t->got[0]->code, RC_UNIMPLEMENTED);
	cr_assert_eq(t->got[0]->status, 12);
	cr_assert_eq(say(t, 2, UNARY, "a", true), RC_OK);
	cr_assert_eq(t->step.refuse, RC_OK);
	talk_free(t);
}

Test(net_session, a_unary_call_of_several_frames_is_refused)
{
	struct talk *t = talk_new(2, 4);

	cr_assert_eq(say(t, 1, UNARY, "a", false), RC_OK);
	cr_assert_eq(t->step.refuse, RC_BAD_REQUEST);
	talk_free(t);
}

Test(net_session, a_cancel_ends_the_call_and_its_answers_are_dropped)
{
	struct talk *t = talk_new(8, 4);
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;

	say(t, 1, STREAM, "a", false);
	f.call = 1;
	f.cancel = true;
	cr_assert_eq(read_frame(t, &f), RC_OK);
	cr_assert(t->step.cancel);
	session_apply(&t->s, &t->step, false, &t->out);
	listen(t);
	cr_assert_eq(t->got_count, 1);
	cr_assert_eq(t->got[0]->status, 1);
	cr_assert_eq(t->s.in_flight, 0);
	clear(t);
	answer(t, 1, RC_OK, "A");
	cr_assert_eq(t->out.n, 0);
	talk_free(t);
}

Test(net_session, a_cancel_with_a_message_is_a_breach)
{
	struct talk *t = talk_new(8, 4);
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;

	say(t, 1, STREAM, "a", false);
	f.call = 1;
	f.cancel = f.has_message = true;
	cr_assert_eq(read_frame(t, &f), RC_BAD_FRAME);
	talk_free(t);
}

Test(net_session, an_error_on_a_stream_ends_it_and_drops_the_rest)
{
	struct talk *t = talk_new(8, 4);

	say(t, 1, STREAM, "a", false);
	say(t, 1, "", "b", false);
	cr_assert(answer(t, 1, RC_DEADLINE, ""), "serve should forget the second");
	cr_assert_eq(t->s.in_flight, 0);
	listen(t);
	cr_assert(t->got[0]->end && t->got[0]->code == RC_DEADLINE);
	talk_free(t);
}

Test(net_session, a_draining_server_opens_no_call_and_ends_open_streams)
{
	struct talk *t = talk_new(8, 4);

	say(t, 1, STREAM, "a", false);
	session_drain(&t->s, &t->out);
	session_drain(&t->s, &t->out);
	listen(t);
	cr_assert_eq(t->got_count, 1, "said once");
	cr_assert(t->got[0]->draining && t->got[0]->call == 0);
	clear(t);
	cr_assert_eq(say(t, 2, UNARY, "a", true), RC_OK);
	cr_assert_eq(t->step.refuse, RC_UNAVAILABLE);
	answer(t, 1, RC_OK, "A");
	clear(t);
	session_end_streams(&t->s, &t->out);
	listen(t);
	cr_assert_eq(t->got_count, 1);
	cr_assert(t->got[0]->call == 1 && t->got[0]->code == RC_UNAVAILABLE);
	talk_free(t);
}

Test(net_session, ending_streams_with_requests_in_flight_is_our_bug, .signal = SIGABRT)
{
	struct talk *t = talk_new(8, 4);

	say(t, 1, STREAM, "a", false);
	session_drain(&t->s, &t->out);
	session_end_streams(&t->s, &t->out);
}

Test(net_session, frames_must_be_strict)
{
	struct talk *t = talk_new(8, 4);
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
	    {"\x08\x01\x08\x02", 4},	     /* call twice */
	    {"\x08\x01\x50\x01", 4},	     /* field 10 */
	    {"\x08\x01\x12\x02\xff\xfe", 6}, /* method is not UTF-8 */
	    {"\x08\x01\x12\x03/\0s", 7},     /* NUL in it */
	    {"\x08\x80\x80\x80\x80\x10", 6}, /* call above 2^32 */
	    {"\x08\x01\x2a\x01x", 5},	     /* a message without has_message */
	    {"\x0a\x01x", 3},		     /* call as bytes */
	    {"\x08\x01\x12\x09x", 5},	     /* length over the end */
	    {"\x08\x01\x0b\x0c", 4},	     /* a group */
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(session_read(&t->s, bytes_of(bad[i].bytes, bad[i].n), methods,
				 &t->step, &t->why),
		    RC_BAD_FRAME, "case %zu", i);
	talk_free(t);
}

Test(net_session, log_and_deadline_belong_to_the_first_frame)
{
	struct talk *t = talk_new(8, 4);
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;

	f.call = 1;
	f.method = (char *)(uintptr_t)STREAM;
	f.log = (char *)(uintptr_t) "second";
	f.deadline_ms = 77;
	cr_assert_eq(read_frame(t, &f), RC_OK);
	cr_assert_eq(session_apply(&t->s, &t->step, false, &t->out), RC_OK);
	f.method = (char *)(uintptr_t) "";
	cr_assert_eq(read_frame(t, &f), RC_BAD_FRAME);
	/* Later frames are given both. */
	cr_assert_eq(say(t, 1, "", "a", false), RC_OK);
	cr_assert(bytes_is(t->step.log, "second"));
	cr_assert_eq(t->step.deadline_ms, 77);
	cr_assert_str_eq(t->step.method, STREAM);
	talk_free(t);
}

Test(net_session, a_stream_counts_its_tokens_from_zero)
{
	struct talk *t = talk_new(8, 4);
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;

	f.call = 1;
	f.method = (char *)(uintptr_t)STREAM;
	f.has_message = true;
	cr_assert_eq(read_frame(t, &f), RC_OK);
	cr_assert_eq(t->step.tokens, 0);
	t->step.tokens += 3; /* the hall found three */
	session_apply(&t->s, &t->step, true, &t->out);
	f.method = (char *)(uintptr_t) "";
	cr_assert_eq(read_frame(t, &f), RC_OK);
	cr_assert_eq(t->step.tokens, 3);
	talk_free(t);
}

Test(net_session, many_calls_are_answered_in_any_order)
{
	struct talk *t = talk_new(60, 4);

	for (uint32_t i = 1; i <= 60; i++)
		cr_assert_eq(say(t, 3 * i, UNARY, "a", true), RC_OK);
	for (uint32_t i = 0; i < 60; i++)
		answer(t, 3 * (1 + (i * 7) % 60), RC_OK, "");
	listen(t);
	cr_assert_eq(t->got_count, 60);
	cr_assert_eq(t->s.call_count, 0);
	cr_assert_eq(t->s.in_flight, 0);
	talk_free(t);
}

/* A small generator with a seed, so that a failure can be repeated. */
static uint32_t
roll(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % below;
}

static void
check_invariants(const struct talk *t)
{
	unsigned in_flight = 0;
	size_t held = 0;

	for (size_t i = 0; i < t->s.call_count; i++) {
		const struct session_call *c = &t->s.calls[i];

		in_flight += c->in_flight;
		held += c->held.n - c->held_at;
		cr_assert(i == 0 || t->s.calls[i - 1].id < c->id);
		cr_assert(c->id <= t->s.last_call);
		cr_assert(c->credit + c->in_flight <= t->s.limits.stream_credit);
		cr_assert(c->stream || c->in_flight == 1);
		cr_assert(held == 0 || (c->limited && c->answers == 0) || c->held.n == c->held_at);
	}
	cr_assert_eq(in_flight, t->s.in_flight);
	cr_assert_eq(held, t->s.held_bytes);
	cr_assert(t->s.call_count <= t->s.limits.calls_max);
	cr_assert_not(t->out.bad);
}

static void
random_frame(struct talk *t, uint64_t *seed)
{
	static const char *const names[] = {"", "", "", UNARY, STREAM, STREAM, "/no"};
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	size_t n;

	f.call = roll(seed, 3) ? t->s.last_call - roll(seed, 3) + roll(seed, 5) : roll(seed, 40);
	f.method = (char *)(uintptr_t)names[roll(seed, 7)];
	f.has_message = roll(seed, 2) == 1;
	f.end = roll(seed, 3) == 0;
	f.cancel = roll(seed, 12) == 0;
	f.credit = roll(seed, 6) == 0 ? roll(seed, 4) : 0;
	if (f.cancel && roll(seed, 4)) {
		f.has_message = f.end = false;
		f.credit = 0;
	}
	n = ectledger__v1__client_frame__pack(&f, t->frame);
	if (n > 0 && roll(seed, 10) == 0)
		t->frame[roll(seed, (uint32_t)n)] = (uint8_t)roll(seed, 256);
	if (session_read(&t->s, bytes_of(t->frame, n), methods, &t->step, &t->why) != RC_OK)
		return;
	cr_assert_eq(
	    session_apply(&t->s, &t->step,
		t->step.refuse == RC_OK && t->step.has_message && !t->step.nothing, &t->out),
	    RC_OK);
}

Test(net_session, random_frames_and_answers_keep_the_invariants)
{
	uint64_t seed = 20261122;
	struct talk *t = talk_new(6, 3);

	for (int i = 0; i < 200000; i++) {
		random_frame(t, &seed);
		check_invariants(t);
		if (t->s.call_count > 0 && roll(&seed, 2)) {
			const struct session_call *c =
			    &t->s.calls[roll(&seed, (uint32_t)t->s.call_count)];

			if (c->in_flight > 0)
				answer(t, c->id, roll(&seed, 9) ? RC_OK : RC_INTERNAL, "A");
			check_invariants(t);
		}
		if (i % 7 == 0)
			session_rest(&t->s);
		if (i % 50 == 0) {
			listen(t); /* all that was said is whole frames */
			clear(t);
		}
	}
	cr_assert(t->s.last_call > 100, "the walk went somewhere");
	talk_free(t);
}

/* ---- answers without an end ---- */

static struct call *
of(int n)
{
	static char calls[8]; /* never looked into */

	return (struct call *)(void *)&calls[n];
}

/* An answer with more to come. */
static bool
more(struct talk *t, uint32_t call, const char *message, int n)
{
	return session_answer_more(&t->s, call, bytes_str(message), of(n), &t->out);
}

Test(net_session, a_watch_is_one_frame_and_many_answers)
{
	struct talk *t = talk_new(8, 4);

	cr_assert_eq(say(t, 1, UNARY, "watch", true), RC_OK);
	cr_assert_null(session_next(&t->s), "nothing was answered yet");
	for (int i = 0; i < 3; i++) {
		cr_assert(more(t, 1, "news", i));
		cr_assert_eq(session_next(&t->s), of(i));
		cr_assert_null(session_next(&t->s), "each is given back once");
	}
	listen(t);
	cr_assert_eq(t->got_count, 3);
	for (int i = 0; i < 3; i++)
		cr_assert(t->got[i]->has_message && !t->got[i]->end && t->got[i]->credit == 0);
	cr_assert_eq(t->s.in_flight, 1);
	cr_assert_not(answer(t, 1, RC_UNAVAILABLE, ""));
	listen(t);
	cr_assert(t->got[3]->end && t->got[3]->code == RC_UNAVAILABLE);
	cr_assert_eq(t->s.in_flight, 0);
	talk_free(t);
}

Test(net_session, a_watch_goes_on_only_with_the_clients_credit)
{
	struct talk *t = talk_new(8, 4);
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;

	f.call = 1;
	f.method = UNARY;
	f.has_message = f.end = true;
	f.credit = 2;
	cr_assert_eq(read_frame(t, &f), RC_OK);
	cr_assert_eq(session_apply(&t->s, &t->step, true, &t->out), RC_OK);
	cr_assert(more(t, 1, "a", 0));
	cr_assert_eq(session_next(&t->s), of(0));
	cr_assert(more(t, 1, "b", 1));
	cr_assert_null(session_next(&t->s), "two were allowed");
	cr_assert_eq(t->s.held_bytes, 0, "and nothing is made that has to be kept");
	cr_assert_eq(say_credit(t, 1, 1), RC_OK);
	cr_assert_eq(session_next(&t->s), of(1));
	cr_assert(more(t, 1, "c", 2));
	cr_assert_null(session_next(&t->s));
	cr_assert_eq(session_unpause(&t->s, 1), of(2));
	talk_free(t);
}

Test(net_session, a_watch_that_ends_gives_back_what_it_kept)
{
	struct talk *t = talk_new(8, 4);
	Ectledger__V1__ClientFrame f = ECTLEDGER__V1__CLIENT_FRAME__INIT;
	struct call *kept;

	for (uint32_t i = 1; i <= 3; i++)
		cr_assert_eq(say(t, i, UNARY, "watch", true), RC_OK);
	cr_assert_eq(say(t, 4, UNARY, "ask", true), RC_OK);
	for (int i = 1; i <= 3; i++)
		cr_assert(more(t, (uint32_t)i, "x", i));
	/* cancelled by the client */
	f.call = 2;
	f.cancel = true;
	cr_assert_eq(read_frame(t, &f), RC_OK);
	cr_assert(t->step.in_flight);
	cr_assert_null(session_unpause(&t->s, 4));
	cr_assert_eq(session_unpause(&t->s, 2), of(2));
	cr_assert_null(session_unpause(&t->s, 2));
	cr_assert_eq(session_apply(&t->s, &t->step, false, &t->out), RC_OK);
	cr_assert_not(session_has_call(&t->s, 2));
	cr_assert_not(more(t, 2, "late", 2), "who made it gets it back");
	/* ended by us: watches only */
	cr_assert_eq(session_next(&t->s), of(1));
	cr_assert_eq(session_end_follow(&t->s, &kept, &t->out), 1);
	cr_assert_null(kept, "serve has it");
	cr_assert_eq(session_end_follow(&t->s, &kept, &t->out), 3);
	cr_assert_eq(kept, of(3));
	cr_assert_eq(session_end_follow(&t->s, &kept, &t->out), 0);
	cr_assert(session_has_call(&t->s, 4));
	cr_assert_eq(t->s.in_flight, 1);
	talk_free(t);
}

Test(net_session, a_watch_begun_before_the_drain_ends_with_its_first_answer)
{
	struct talk *t = talk_new(8, 4);
	struct call *kept;

	cr_assert_eq(say(t, 1, UNARY, "watch", true), RC_OK);
	session_drain(&t->s, &t->out);
	cr_assert_eq(session_end_follow(&t->s, &kept, &t->out), 0, "nobody knows yet what it is");
	cr_assert_not(more(t, 1, "x", 0));
	cr_assert_eq(t->s.in_flight, 0);
	listen(t);
	cr_assert(
	    t->got[t->got_count - 1]->end && t->got[t->got_count - 1]->code == RC_UNAVAILABLE);
	talk_free(t);
}
