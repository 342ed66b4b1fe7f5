/*
 * The hall: slots, refusals before a call begins, answers, forgetting.
 */
#include "test_serve_help.h"

#include <signal.h>
#include <stdatomic.h>

static enum rc
begin(struct hall *h, const char *method, const char *message)
{
	struct call_request r = ask(method, bytes_str(message));
	struct why why = {0};
	enum rc rc = serve_begin(h->serve, &r, &why);

	if (rc != RC_OK)
		cr_assert(why.rule != NULL && why.text[0] != '\0', "a refusal says why");
	return rc;
}

Test(serve_serve, knows_its_methods_and_which_stream)
{
	bool stream = false;

	cr_assert_eq(serve_method(STREAM, &stream), RC_OK);
	cr_assert(stream);
	cr_assert_eq(serve_method(APPEND, &stream), RC_OK);
	cr_assert_not(stream);
	cr_assert_eq(serve_method("/ectledger.v1.Ledger/", &stream), RC_UNIMPLEMENTED);
	cr_assert_eq(serve_method("", &stream), RC_UNIMPLEMENTED);
}

Test(serve_serve, a_query_is_answered)
{
	struct hall h;
	struct call_answer a;
	Ectledger__V1__GetCheckpointReply *reply;

	hall_init(&h);
	hall_start(&h);
	cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_OK);
	a = hall_wait(&h);
	cr_assert_eq(a.rc, RC_OK);
	cr_assert_eq(a.door_id, 1);
	reply = ectledger__v1__get_checkpoint_reply__unpack(NULL, a.message.n, a.message.p);
	cr_assert(reply != NULL && reply->size == 0 && reply->root.len == 32);
	cr_assert_str_eq(reply->origin, "test.example/log");
	ectledger__v1__get_checkpoint_reply__free_unpacked(reply, NULL);
	serve_release(h.serve, a.call);
	cr_assert(h.wakes > 0);
	hall_end(&h);
}

Test(serve_serve, refuses_unknown_methods_logs_and_strangers_before_a_slot_is_taken)
{
	struct hall h;
	struct call_request r = ask(CHECKPOINT, BYTES_NONE);
	struct why why = {0};

	hall_init(&h);
	hall_start(&h);
	cr_assert_eq(begin(&h, "/ectledger.v1.Ledger/Nope", ""), RC_UNIMPLEMENTED);
	r.log = bytes_str("other");
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_NOT_FOUND);
	r.insecure = false;
	r.identity = bytes_str("spiffe://example.com/agent/a");
	cr_assert_eq(
	    serve_begin(h.serve, &r, &why), RC_NOT_AUTHORIZED, "nor told what logs there are");
	r.log = bytes_str("default");
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_NOT_AUTHORIZED);
	r.method = STREAM; /* before there is a message */
	cr_assert_eq(serve_may(h.serve, &r, &why), RC_NOT_AUTHORIZED);
	r.insecure = true;
	cr_assert_eq(serve_may(h.serve, &r, &why), RC_OK);
	cr_assert_eq(serve_slots_free(h.serve), 16);
	hall_end(&h);
}

Test(serve_serve, no_free_slot_is_busy_until_an_answer_is_released)
{
	struct hall h;
	struct call_answer a;

	hall_init(&h);
	h.options.calls_max = 1;
	hall_start(&h);
	cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_OK);
	cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_BUSY);
	a = hall_wait(&h);
	cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_BUSY, "given, not released");
	serve_release(h.serve, a.call);
	cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_OK);
	a = hall_wait(&h);
	serve_release(h.serve, a.call);
	hall_end(&h);
}

Test(serve_serve, request_bytes_in_flight_are_bounded_but_one_always_fits)
{
	struct hall h;
	struct call_answer a;
	char big[2049];

	memset(big, 'x', sizeof big);
	big[2048] = '\0';
	hall_init(&h);
	h.options.requests_bytes_max = 1024;
	hall_start(&h);
	cr_assert_eq(begin(&h, CHECKPOINT, big), RC_OK);
	cr_assert_eq(begin(&h, CHECKPOINT, "y"), RC_BUSY);
	a = hall_wait(&h);
	cr_assert_eq(a.rc, RC_BAD_REQUEST);
	serve_release(h.serve, a.call);
	cr_assert_eq(begin(&h, CHECKPOINT, "y"), RC_OK);
	a = hall_wait(&h);
	serve_release(h.serve, a.call);
	hall_end(&h);
}

Test(serve_serve, forgotten_calls_give_no_answer_and_their_slots_come_back)
{
	struct hall h;
	struct call_answer a;
	struct call_request r = ask(CHECKPOINT, BYTES_NONE);

	hall_init(&h);
	h.options.calls_max = 5;
	hall_start(&h);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_OK);
	serve_forget(h.serve, r.door);
	for (int i = 0; i < 4000 && serve_slots_free(h.serve) < 5; i++) {
		cr_assert_eq(serve_collect(h.serve, &a, 1), 0);
		usleep(500);
	}
	cr_assert_eq(serve_slots_free(h.serve), 5);
	hall_end(&h);
}

Test(serve_serve, a_cancel_forgets_one_id_only)
{
	struct hall h;
	struct call_request r = ask(CHECKPOINT, BYTES_NONE);
	struct call_answer a;
	struct why why = {0};

	hall_init(&h);
	hall_start(&h);
	r.door_id = 7;
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
	r.door_id = 8;
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
	serve_cancel(h.serve, r.door, 7);
	a = hall_wait(&h);
	cr_assert_eq(a.door_id, 8);
	serve_release(h.serve, a.call);
	for (int i = 0; i < 4000 && serve_slots_free(h.serve) < 16; i++) {
		cr_assert_eq(serve_collect(h.serve, &a, 1), 0);
		usleep(500);
	}
	cr_assert_eq(serve_slots_free(h.serve), 16);
	hall_end(&h);
}

/* Every reading is 10 ms later than the one before. */
static int64_t
hurried(void *ctx)
{
	_Atomic int64_t *us = ctx;

	return atomic_fetch_add(us, 10000) + 10000;
}

static int64_t
frozen(void *ctx)
{
	(void)ctx;
	return 1800000000000;
}

Test(serve_serve, a_deadline_that_passed_before_a_stage_is_the_answer)
{
	struct hall h;
	struct call_request r = ask(CHECKPOINT, BYTES_NONE);
	struct call_answer a;
	struct why why = {0};
	_Atomic int64_t us = 0;

	hall_init(&h);
	h.options.clock = (struct clock){frozen, hurried, (void *)&us};
	hall_start(&h);
	r.deadline_ms = 1;
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
	a = hall_wait(&h);
	cr_assert_eq(a.rc, RC_DEADLINE);
	serve_release(h.serve, a.call);
	r.deadline_ms = 0;
	cr_assert_eq(serve_begin(h.serve, &r, &why), RC_OK);
	a = hall_wait(&h);
	cr_assert_eq(a.rc, RC_OK, "none given: the server's own");
	serve_release(h.serve, a.call);
	hall_end(&h);
}

Test(serve_serve, a_malformed_query_is_answered_not_begun_twice)
{
	struct hall h;
	struct call_answer a;

	hall_init(&h);
	hall_start(&h);
	cr_assert_eq(begin(&h, CHECKPOINT, "\x08\x01"), RC_OK);
	a = hall_wait(&h);
	cr_assert_eq(a.rc, RC_BAD_REQUEST);
	cr_assert(a.why.rule != NULL);
	serve_release(h.serve, a.call);
	hall_end(&h);
}

Test(serve_serve, stopping_finishes_what_is_in_flight)
{
	struct hall h;

	hall_init(&h);
	hall_start(&h);
	for (int i = 0; i < 12; i++)
		cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_OK);
	hall_end(&h); /* joins; a sanitizer sees what is left */
}

Test(serve_serve, questions_leave_a_quarter_of_the_slots_to_appends)
{
	struct hall h;
	struct call_answer a;

	hall_init(&h);
	hall_start(&h);
	for (int i = 0; i < 12; i++)
		cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_OK);
	cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_BUSY);
	cr_assert_eq(serve_slots_free(h.serve), 4);
	cr_assert_eq(begin(&h, APPEND, ""), RC_BAD_REQUEST, "it got so far as to be read");
	for (int i = 0; i < 12; i++) {
		a = hall_wait(&h);
		serve_release(h.serve, a.call);
	}
	cr_assert_eq(begin(&h, CHECKPOINT, ""), RC_OK);
	hall_end(&h);
}

Test(serve_serve, a_question_longer_than_any_is_refused_before_it_takes_room)
{
	struct hall h;
	char big[4098];

	memset(big, 'x', sizeof big);
	big[4097] = '\0';
	hall_init(&h);
	hall_start(&h);
	cr_assert_eq(begin(&h, CHECKPOINT, big), RC_TOO_LARGE);
	cr_assert_eq(serve_slots_free(h.serve), 16);
	hall_end(&h);
}

Test(serve_serve, releasing_a_free_slot_is_our_bug, .signal = SIGABRT)
{
	struct hall h;
	struct call_answer a;

	hall_init(&h);
	hall_start(&h);
	begin(&h, CHECKPOINT, "");
	a = hall_wait(&h);
	serve_release(h.serve, a.call);
	serve_release(h.serve, a.call);
}

Test(serve_serve, stats_and_limits_name_what_they_count)
{
	struct hall h;
	struct call_answer a;
	Ectledger__V1__LimitsReply *limits;
	Ectledger__V1__StatsReply *stats;
	struct policy_limit own = {"calls_max", 16, "count", "calls in flight"};
	bool found = false;

	hall_init(&h);
	h.options.limits = &own;
	h.options.limit_count = 1;
	hall_start(&h);
	cr_assert_eq(begin(&h, "/ectledger.v1.Admin/Limits", ""), RC_OK);
	a = hall_wait(&h);
	limits = ectledger__v1__limits_reply__unpack(NULL, a.message.n, a.message.p);
	cr_assert(limits != NULL && limits->n_limits > 10);
	cr_assert_str_eq(limits->limits[limits->n_limits - 1]->name, "calls_max");
	cr_assert_eq(limits->limits[limits->n_limits - 1]->value, 16);
	serve_release(h.serve, a.call);
	ectledger__v1__limits_reply__free_unpacked(limits, NULL);

	cr_assert_eq(begin(&h, "/ectledger.v1.Admin/Stats", ""), RC_OK);
	a = hall_wait(&h);
	stats = ectledger__v1__stats_reply__unpack(NULL, a.message.n, a.message.p);
	cr_assert(stats != NULL);
	for (size_t i = 0; i < stats->n_counters; i++)
		if (strcmp(stats->counters[i]->name, "ectledger_calls_total") == 0)
			found = stats->counters[i]->value >= 1;
	cr_assert(found);
	serve_release(h.serve, a.call);
	ectledger__v1__stats_reply__free_unpacked(stats, NULL);
	hall_end(&h);
}
