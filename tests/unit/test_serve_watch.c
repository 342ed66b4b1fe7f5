/*
 * Watches: what is said when, who waits for whom, and that every end gives the slot back.
 */
#include "test_serve_help.h"

#define WATCH "/ectledger.v1.Ledger/Watch"

TestSuite(serve_watch, .timeout = 60);

static int doors[8];
static uint64_t retry_after_ms; /* of the newest open_watch */

static enum rc
open_watch(struct hall *h, int door, uint64_t from, const char *act, int64_t since_ms)
{
	Ectledger__V1__WatchRequest m = ECTLEDGER__V1__WATCH_REQUEST__INIT;
	Ectledger__V1__SearchRequest filter = ECTLEDGER__V1__SEARCH_REQUEST__INIT;
	struct call_request r;
	struct why why = {0};
	uint8_t packed[256];

	m.from = from;
	filter.act = (char *)(uintptr_t)(act != NULL ? act : "");
	filter.since_ms = since_ms;
	m.filter = &filter;
	r = ask(WATCH, bytes_of(packed, ectledger__v1__watch_request__pack(&m, packed)));
	r.door = &doors[door];
	r.retry_after_ms = &retry_after_ms;
	retry_after_ms = 0;
	return serve_begin(h->serve, &r, &why);
}

/* The next answer of a watch; false: the call ended, with 'rc'. */
static bool
next(struct hall *h, struct call **call, size_t *entries, uint64_t *at, enum rc *rc)
{
	struct call_answer a = hall_wait(h);
	Ectledger__V1__WatchReply *m;

	*rc = a.rc;
	*call = a.call;
	if (!a.more) {
		serve_release(h->serve, a.call);
		return false;
	}
	m = ectledger__v1__watch_reply__unpack(NULL, a.message.n, a.message.p);
	cr_assert_not_null(m);
	*entries = m->n_entries;
	*at = m->next;
	for (size_t i = 0; i < m->n_entries; i++)
		cr_assert(i == 0 || m->entries[i]->index > m->entries[i - 1]->index);
	ectledger__v1__watch_reply__free_unpacked(m, NULL);
	serve_hold(h->serve, a.call);
	return true;
}

static void
append(struct hall *h, uint64_t n)
{
	char *token = hall_token_n(h, n);
	Ectledger__V1__AppendReply *reply;

	reply = hall_append(h, &token, 1);
	cr_assert(reply != NULL && reply->answers[0]->refusal == NULL);
	ectledger__v1__append_reply__free_unpacked(reply, NULL);
}

/* Nothing is said for as long as real time may bring it. */
static void
silence(struct hall *h)
{
	struct call_answer a;

	for (int i = 0; i < 20; i++) {
		cr_assert_eq(serve_collect(h->serve, &a, 1), 0);
		usleep(500);
	}
}

/* A hall whose clock stands still, but not before the deadlines of queries, which are real. */
static void
init(struct hall *h)
{
	struct clock real = clock_real();

	hall_init(h);
	h->clock.mono_us = clock_mono_us(&real);
	h->options.query_ms_max = 60000;
}

static void
begin(struct hall *h)
{
	struct trust_report report;

	init(h);
	hall_enrol(h);
	cr_assert_eq(trust_reload(h->trust, &report), RC_OK);
	hall_start(h);
}

Test(serve_watch, says_what_is_there_then_what_comes_then_that_it_lives)
{
	struct call *call;
	struct hall h;
	size_t entries;
	uint64_t at, base;
	enum rc rc;

	begin(&h);
	append(&h, 1);
	append(&h, 2);
	base = ledger_published(h.world.ledger); /* keys have entries too */
	cr_assert_eq(open_watch(&h, 0, 0, NULL, 0), RC_OK);
	cr_assert(next(&h, &call, &entries, &at, &rc));
	cr_assert(entries == base && at == base);
	silence(&h); /* the door has not asked for more */
	serve_continue(h.serve, call);
	silence(&h); /* there is nothing */
	append(&h, 3);
	h.clock.mono_us += 10001;
	cr_assert(next(&h, &call, &entries, &at, &rc));
	cr_assert(entries == 1 && at == base + 1);
	serve_continue(h.serve, call);
	cr_assert_gt(serve_due_us(h.serve), 14000000);
	h.clock.mono_us += 15000001;
	cr_assert_eq(serve_due_us(h.serve), 0);
	cr_assert(next(&h, &call, &entries, &at, &rc), "no deadline ends it");
	cr_assert(entries == 0 && at == base + 1, "a sign of life");
	serve_release(h.serve, call);
	cr_assert_eq(serve_slots_free(h.serve), h.options.calls_max);
	cr_assert_eq(serve_due_us(h.serve), -1);
	hall_end(&h);
}

Test(serve_watch, the_first_answer_comes_at_once_and_a_filter_lets_through_what_it_names)
{
	struct call *call;
	struct hall h;
	size_t entries;
	uint64_t at, base;
	enum rc rc;

	begin(&h);
	append(&h, 1);
	base = ledger_published(h.world.ledger);
	cr_assert_eq(open_watch(&h, 0, base, "t", 0), RC_OK);
	cr_assert(next(&h, &call, &entries, &at, &rc));
	cr_assert(entries == 0 && at == base);
	serve_release(h.serve, call);
	cr_assert_eq(open_watch(&h, 0, 0, "t", 0), RC_OK);
	cr_assert(next(&h, &call, &entries, &at, &rc) && entries == 1 && at == base);
	serve_release(h.serve, call);
	cr_assert_eq(open_watch(&h, 0, 0, "other", 0), RC_OK);
	cr_assert(next(&h, &call, &entries, &at, &rc) && entries == 0 && at == base);
	serve_continue(h.serve, call);
	append(&h, 2);
	h.clock.mono_us += 10001;
	silence(&h); /* what the filter keeps back is no news */
	serve_forget(h.serve, &doors[0]);
	cr_assert_eq(serve_slots_free(h.serve), h.options.calls_max, "parked: at once");
	hall_end(&h);
}

Test(serve_watch, bad_ones_end_with_the_reason)
{
	struct call *call;
	struct hall h;
	size_t entries;
	uint64_t at;
	enum rc rc;

	begin(&h);
	cr_assert_eq(open_watch(&h, 0, 1000, NULL, 0), RC_OK);
	cr_assert_not(next(&h, &call, &entries, &at, &rc));
	cr_assert_eq(rc, RC_NOT_FOUND);
	cr_assert_eq(open_watch(&h, 0, 0, NULL, 5), RC_OK);
	cr_assert_not(next(&h, &call, &entries, &at, &rc));
	cr_assert_eq(rc, RC_BAD_REQUEST);
	cr_assert_eq(serve_slots_free(h.serve), h.options.calls_max);
	hall_end(&h);
}

Test(serve_watch, places_are_few_and_one_connection_has_a_quarter_of_them)
{
	struct call *calls[8];
	struct hall h;
	size_t entries;
	uint64_t at;
	enum rc rc;

	init(&h);
	h.options.calls_max = 64;
	h.options.watches_max = 8;
	hall_start(&h);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(open_watch(&h, i / 2, 0, NULL, 0), RC_OK);
	cr_assert_eq(retry_after_ms, 0u);
	cr_assert_eq(open_watch(&h, 5, 0, NULL, 0), RC_OVER_QUOTA);
	cr_assert_eq(retry_after_ms, 1000u, "and when to ask again");
	for (int i = 0; i < 8; i++)
		cr_assert(next(&h, &calls[i], &entries, &at, &rc));
	serve_release(h.serve, calls[0]);
	serve_release(h.serve, calls[1]);
	for (int i = 2; i < 8; i++)
		serve_continue(h.serve, calls[i]);
	serve_forget(h.serve, &doors[1]);
	serve_forget(h.serve, &doors[2]);
	cr_assert_eq(open_watch(&h, 6, 0, NULL, 0), RC_OK);
	cr_assert_eq(open_watch(&h, 6, 0, NULL, 0), RC_OK);
	cr_assert_eq(open_watch(&h, 6, 0, NULL, 0), RC_OVER_QUOTA, "two of eight");
	/* One that was forgotten while the door had its answer is still the door's to give back. */
	cr_assert(next(&h, &calls[0], &entries, &at, &rc));
	serve_forget(h.serve, &doors[6]);
	serve_release(h.serve, calls[0]);
	hall_end(&h);
}

Test(serve_watch, more_than_fits_comes_in_several_answers_without_waiting)
{
	char *tokens[64];
	struct call *call;
	struct hall h;
	size_t entries, answers = 0;
	uint64_t at = 0, size;
	enum rc rc;

	begin(&h);
	for (unsigned batch = 0; batch < 10; batch++) {
		Ectledger__V1__AppendReply *reply;

		for (unsigned i = 0; i < 64; i++)
			tokens[i] = hall_token_n(&h, batch * 64 + i + 1);
		reply = hall_append(&h, tokens, 64);
		cr_assert_not_null(reply);
		ectledger__v1__append_reply__free_unpacked(reply, NULL);
	}
	size = ledger_published(h.world.ledger);
	cr_assert_geq(size, 640u);
	cr_assert_eq(open_watch(&h, 0, 0, NULL, 0), RC_OK);
	while (at < size) {
		uint64_t before = at;

		cr_assert(next(&h, &call, &entries, &at, &rc));
		cr_assert(entries == at - before && entries <= 256);
		answers++;
		if (at < size)
			serve_continue(h.serve, call); /* the clock stands still */
	}
	cr_assert_eq(answers, (size + 255) / 256);
	serve_release(h.serve, call);
	hall_end(&h);
}
