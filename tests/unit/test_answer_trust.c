/*
 * test_answer_trust.c - the answer about one agent: score, evidence, pages, assertions.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "answer/trust.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct trust_question q;
static struct trust_reply a;
static struct why why;

static void
begin(void)
{
	world_init(&w);
	q = (struct trust_question){.iss = world_iss(&w, "a"), .limit = 1000};
}

static void
end(void)
{
	world_release(&w);
}

TestSuite(answer_trust, .init = begin, .fini = end);

static uint32_t
put(const char *iss, const char *act, const char *ext, uint32_t parent)
{
	return world_put(&w, iss, act, ext, 1, &parent);
}

static uint32_t
task(void)
{
	return world_put(&w, "a", "step", NULL, 0, NULL);
}

static void
ask_at(uint32_t size)
{
	struct facts_view v = world_view_at(&w, size);

	cr_assert_eq(answer_trust(&v, &q, &w.budget, &a, &why), RC_OK, "%s", why.text);
}

static void
ask(void)
{
	struct facts_view v = world_view(&w);

	ask_at(v.size);
}

Test(answer_trust, an_agent_nobody_rated_has_the_start_of_its_model)
{
	static const uint32_t want[] = {500000, 500000, 0};

	task();
	for (q.model = MODEL_AIMD; q.model <= MODEL_WILSON; q.model++) {
		ask();
		cr_expect_eq(a.score.score_e6, want[q.model - MODEL_AIMD]);
		cr_expect_eq(a.score.model, q.model);
		cr_expect_eq(a.evidence_all, 0);
		cr_expect_eq(a.rests_count, 0);
	}
	cr_expect_eq(a.score.uncertainty_e6, 1000000);
}

Test(answer_trust, aimd_goes_through_the_outcomes_in_the_order_of_the_log)
{
	static const uint32_t want[] = {520000, 540000, 270000, 290000};
	static const char *const acts[] = {"step", "step", "failure", "step"};

	for (size_t i = 0; i < 4; i++) {
		put("b", acts[i], NULL, task());
		ask();
		cr_expect_eq(a.score.score_e6, want[i], "after %zu: %u", i + 1, a.score.score_e6);
	}
	cr_expect_eq(a.score.positive, 3);
	cr_expect_eq(a.score.negative, 1);
	ask_at(4);
	cr_expect_eq(a.score.score_e6, 540000, "and at an old size it is what it was");
	cr_expect_eq(a.tree_size, 4);
}

Test(answer_trust, the_worse_a_failure_the_lower_the_score)
{
	static const char *const ext[] = {"{\"fail_class\":\"timeout\"}",
	    "{\"fail_class\":\"internal\"}", "{\"fail_class\":\"policy\"}"};
	static const uint32_t want[] = {450000, 225000, 22500};

	for (size_t i = 0; i < 3; i++) {
		put("b", "failure", ext[i], task());
		ask();
		cr_expect_eq(a.score.score_e6, want[i]);
	}
}

Test(answer_trust, beta_and_wilson_count_good_and_bad)
{
	for (unsigned i = 0; i < 10; i++)
		put("b", i < 2 ? "failure" : "step", NULL, task());
	q.model = MODEL_BETA;
	ask();
	cr_expect_eq(a.score.score_e6, 750000);
	cr_expect_eq(a.score.r_e6, 8000000);
	cr_expect_eq(a.score.s_e6, 2000000);
	cr_expect_eq(a.score.belief_e6, 666667);
	q.model = MODEL_WILSON;
	ask();
	cr_expect_eq(a.score.score_e6, 490162);
}

Test(answer_trust, parameters_are_those_of_the_document_in_force_at_the_size)
{
	uint32_t before;

	put("b", "step", NULL, task());
	put("b", "failure", NULL, task());
	ask();
	cr_expect_eq(a.score.score_e6, 260000);
	cr_expect_not(a.under_floor);
	before = world_view(&w).size;
	world_policy(&w, "{\"trust\":{\"model\":\"aimd\",\"start\":0.8,\"add\":0.1,\"major\":0.25,"
			 "\"floor\":0.3}}");
	ask();
	cr_expect_eq(a.score.score_e6, 225000);
	cr_expect_eq(a.floor_e6, 300000);
	cr_expect(a.under_floor);
	world_policy(&w, "{\"trust\":{\"model\":\"beta\"}}");
	ask();
	cr_expect_eq(a.score.model, MODEL_BETA);
	cr_expect_eq(a.score.score_e6, 500000);
	ask_at(before);
	cr_expect_eq(a.score.score_e6, 260000);
}

Test(answer_trust, evidence_loses_weight_by_the_trees_own_time)
{
	uint32_t t = task(), one, two;

	w.now_ms = UINT64_C(2000000000000);
	one = put("b", "step", NULL, t);
	w.now_ms = UINT64_C(2000000000000) + 30000;
	two = put("c", "failure", NULL, t);
	w.now_ms = UINT64_C(2000000000000) + 60000;
	put("z", "step", NULL, t);
	q.has_half_life = true;
	q.half_life_s = 30;
	q.model = MODEL_BETA;
	ask();
	cr_expect_eq(a.evidence[0].index, one);
	cr_expect_eq(a.evidence[0].weight_e6, 250000);
	cr_expect_eq(a.evidence[1].index, two);
	cr_expect_eq(a.evidence[1].weight_e6, 500000);
	cr_expect_eq(a.evidence[2].weight_e6, 1000000);
	cr_expect_eq(a.score.r_e6, 1250000);
	cr_expect_eq(a.score.s_e6, 500000);
	cr_expect_eq(a.score.score_e6, 600000); /* 2.25 / 3.75 */
	q.model = MODEL_AIMD;
	ask();
	/* 0.52; a half-life on: 0.51; halved: 0.255; on: 0.3775; up: 0.3975 */
	cr_expect_eq(a.score.score_e6, 397500);
	q.half_life_s = 0;
	ask();
	cr_expect_eq(a.score.score_e6, 280000, "no decay when 0 is asked for");
}

Test(answer_trust, without_a_word_the_score_goes_back_to_where_it_began)
{
	uint32_t t = task();

	w.now_ms = UINT64_C(2000000000000);
	put("b", "failure", NULL, t);
	w.now_ms = UINT64_C(2000000000000) + 30000;
	world_put(&w, "z", "step", NULL, 0, NULL);
	q.has_half_life = true;
	q.half_life_s = 30;
	ask();
	cr_expect_eq(a.score.score_e6, 375000);
}

Test(answer_trust, one_raters_view_and_one_action_alone)
{
	uint32_t paid = world_put(&w, "a", "payment", NULL, 0, NULL), t = task();

	put("b", "failure", NULL, paid);
	put("b", "step", NULL, t);
	put("c", "step", NULL, paid);
	q.from = world_iss(&w, "b");
	ask();
	cr_expect_eq(a.score.score_e6, 270000);
	cr_expect_eq(a.evidence_all, 2);
	q.from = BYTES_NONE;
	q.act = bytes_str("payment");
	ask();
	cr_expect_eq(a.score.score_e6, 270000);
	q.from = world_iss(&w, "c");
	ask();
	cr_expect_eq(a.score.score_e6, 520000);
	q.from = world_iss(&w, "never seen");
	ask();
	cr_expect_eq(a.score.score_e6, 500000);
	cr_expect_eq(a.evidence_all, 0);
	q.from = BYTES_NONE;
	q.act = bytes_str("never done");
	ask();
	cr_expect_eq(a.evidence_all, 0);
}

Test(answer_trust, what_does_not_count_is_listed_and_counted)
{
	uint32_t t = task();

	put("a", "failure", NULL, t);
	put("b", "step", NULL, t);
	put("b", "failure", NULL, t);
	ask();
	cr_expect_eq(a.score.self_reports, 1);
	cr_expect_eq(a.score.repeated, 1);
	cr_expect_eq(a.score.negative, 1);
	cr_expect_eq(a.score.positive, 0);
	cr_assert_eq(a.evidence_count, 3);
	cr_expect_eq(a.evidence[0].count, OUTCOME_SELF);
	cr_expect_eq(a.evidence[0].weight_e6, 0);
	cr_expect_eq(a.evidence[1].weight_e6, 0);
	cr_expect_eq(a.evidence[2].weight_e6, 1000000);
}

Test(answer_trust, pages_of_evidence_are_the_whole_in_pieces)
{
	uint32_t seen[40], n = 0;

	for (unsigned i = 0; i < 37; i++)
		put("b", "step", NULL, task());
	q.limit = 10;
	do {
		ask();
		cr_expect_eq(a.evidence_all, 37);
		cr_expect_eq(a.score.positive, 37, "the score is of all, whatever the page");
		cr_expect_eq(a.rests_count, 2 * a.evidence_count);
		for (size_t i = 0; i < a.evidence_count; i++)
			seen[n++] = a.evidence[i].index;
	} while ((q.after = a.next) != 0);
	cr_assert_eq(n, 37);
	for (unsigned i = 1; i < n; i++)
		cr_expect_lt(seen[i - 1], seen[i]);
	q.after = 1000;
	ask();
	cr_expect_eq(a.evidence_count, 0);
	cr_expect_eq(a.next, 0);
}

static const char *
assertion(const char *rest)
{
	static char text[300];

	snprintf(text, sizeof(text), "{\"subject\":\"spiffe://example.com/agent/a\"%s}", rest);
	return text;
}

Test(answer_trust, assertions_are_held_against_a_recomputation)
{
	static const struct {
		const char *by, *rest;
		enum trust_verdict want;
		const char *why;
	} rows[] = {
	    {"b", ",\"score\":0.52,\"model\":\"aimd\",\"as_of\":2", VERDICT_AGREES, ""},
	    {"b", ",\"score\":0.520001,\"model\":\"aimd\",\"as_of\":2", VERDICT_AGREES, ""},
	    {"b", ",\"score\":0.52000049,\"as_of\":2", VERDICT_AGREES, ""},
	    {"b", ",\"score\":5.2e-1,\"as_of\":2", VERDICT_AGREES, ""},
	    {"b", ",\"score\":0.520002,\"as_of\":2", VERDICT_DIFFERS, ""},
	    {"b", ",\"score\":0.5,\"as_of\":1", VERDICT_AGREES, ""},
	    {"b", ",\"score\":0.5,\"as_of\":0", VERDICT_AGREES, ""},
	    {"b", ",\"score\":0.26,\"as_of\":4", VERDICT_AGREES, ""},
	    {"b", ",\"score\":0.6666666666666666666,\"model\":\"beta\",\"as_of\":2", VERDICT_AGREES,
		""},
	    {"b", ",\"score\":0.206549,\"model\":\"wilson\",\"as_of\":2", VERDICT_AGREES, ""},
	    {"b", ",\"score\":0.52,\"model\":\"beta\",\"as_of\":2", VERDICT_DIFFERS, ""},
	    {"b", ",\"score\":0.52", VERDICT_CANNOT, "no_as_of"},
	    {"b", ",\"score\":0.52,\"as_of\":-1", VERDICT_CANNOT, "no_as_of"},
	    {"b", ",\"score\":0.52,\"as_of\":1000", VERDICT_CANNOT, "as_of_ahead"},
	    {"b", ",\"score\":0.52,\"model\":\"sl\",\"as_of\":2", VERDICT_CANNOT, "unknown_model"},
	    {"b", ",\"score\":\"high\",\"as_of\":2", VERDICT_CANNOT, "bad_score"},
	    {"b", ",\"score\":1.1,\"as_of\":2", VERDICT_CANNOT, "bad_score"},
	    {"b", ",\"score\":1.00000001,\"as_of\":2", VERDICT_CANNOT, "bad_score"},
	    {"b", ",\"score\":1.0000000000000000000000001,\"as_of\":2", VERDICT_CANNOT,
		"bad_score"},
	    {"b", ",\"score\":1.0000000000000000000000,\"as_of\":2", VERDICT_DIFFERS, ""},
	    {"b", ",\"score\":10000001e-7,\"as_of\":2", VERDICT_CANNOT, "bad_score"},
	    {"b", ",\"score\":-0.1,\"as_of\":2", VERDICT_CANNOT, "bad_score"},
	    {"b", ",\"score\":1e999999999,\"as_of\":2", VERDICT_CANNOT, "bad_score"},
	    {"b", ",\"score\":1e-999999999,\"as_of\":2", VERDICT_DIFFERS, ""},
	    {"a", ",\"score\":0.52,\"as_of\":2", VERDICT_SELF, ""},
	};
	const size_t n = sizeof(rows) / sizeof(rows[0]);
	uint32_t root;

	put("b", "step", NULL, task());
	put("c", "failure", NULL, task());
	root = put("z", "step", NULL, 1);
	for (size_t i = 0; i < n; i++)
		put(rows[i].by, "trust_assertion", assertion(rows[i].rest), root);
	ask();
	cr_assert_eq(a.record_count, n);
	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(a.records[i].verdict, rows[i].want, "%s: %s, ours %u", rows[i].rest,
		    trust_verdict_text(a.records[i].verdict), a.records[i].ours_e6);
		cr_expect_str_eq(a.records[i].why, rows[i].why, "%s", rows[i].rest);
	}
}

Test(answer_trust, an_assertion_may_be_its_signers_own_view)
{
	uint32_t t = task();

	put("b", "step", NULL, t);
	put("c", "failure", NULL, t);
	put("b", "trust_assertion", assertion(",\"score\":0.52,\"as_of\":3"), t);
	put("c", "trust_assertion", assertion(",\"score\":0.26,\"as_of\":3"), t);
	ask();
	cr_expect_eq(a.records[0].verdict, VERDICT_AGREES);
	cr_expect(a.records[0].pair);
	cr_expect_eq(a.records[0].ours_e6, 520000);
	cr_expect_eq(a.records[1].verdict, VERDICT_AGREES);
	cr_expect_not(a.records[1].pair);
}

Test(answer_trust, records_have_pages_of_their_own)
{
	uint32_t t = task(), n = 0;

	for (unsigned i = 0; i < 25; i++)
		put("b", "quarantine", assertion(""), t);
	q.limit = 10;
	do {
		ask();
		cr_expect_eq(a.record_all, 25);
		cr_expect(a.quarantined);
		n += (uint32_t)a.record_count;
	} while ((q.records_after = a.records_next) != 0);
	cr_expect_eq(n, 25);
}

Test(answer_trust, somebody_who_is_only_spoken_of_has_a_standing_and_no_evidence)
{
	struct facts_view v;

	put("b", "quarantine", "{\"subject\":\"spiffe://example.com/agent/ghost\"}", task());
	q.iss = world_iss(&w, "ghost");
	ask();
	cr_expect(a.quarantined);
	cr_expect_eq(a.iss, FACTS_NONE);
	cr_expect_eq(a.evidence_all, 0);
	q.iss = world_iss(&w, "nobody");
	v = world_view(&w);
	cr_expect_eq(answer_trust(&v, &q, &w.budget, &a, &why), RC_NOT_FOUND);
	cr_expect_str_eq(why.claim, "iss");
}

Test(answer_trust, over_the_budget_the_answer_says_so)
{
	for (unsigned i = 0; i < 10; i++)
		put("b", "step", NULL, task());
	w.budget.nodes_max = 7;
	ask();
	cr_expect_not(a.complete);
	cr_expect_lt(a.score.positive, 10);
	w.budget.nodes_max = 20;
	ask();
	cr_expect(a.complete);
}

Test(answer_trust, without_memory_it_is_refused)
{
	struct facts_view v;

	for (unsigned i = 0; i < 300; i++)
		put("b", "step", NULL, task());
	v = world_view(&w);
	w.budget.arena = &(struct arena){0};
	arena_init(w.budget.arena, 4096);
	cr_expect_eq(answer_trust(&v, &q, &w.budget, &a, &why), RC_NO_MEMORY);
	arena_release(w.budget.arena);
}

/* ---- the state of many agents at many sizes ---- */

Test(answer_trust, a_book_gives_at_each_size_what_a_question_at_it_gives)
{
	struct facts_view v;
	struct trust_book *book;
	struct trust_point s;
	uint64_t x = 99;

	for (uint32_t i = 0; i < 300; i++) {
		char iss[2] = {(char)('a' + (x >> 20) % 5), 0};
		uint32_t p = i == 0 ? 0 : (uint32_t)((x >> 8) % i);

		if (i == 150)
			world_policy(&w, "{\"trust\":{\"half_life_s\":60,\"floor\":0.4}}");
		else
			world_put(&w, iss, (x >> 30) % 3 == 0 && i > 0 ? "failure" : "step", NULL,
			    i == 0 || i == 151 ? 0 : 1, &p);
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	}
	v = world_view(&w);
	cr_assert_eq(trust_book_open(&v, &w.budget, &book), RC_OK);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t i = 1; i <= v.size; i += 3) {
			uint32_t size = pass == 0 ? i : v.size - i + 1;
			struct facts_view cut = world_view_at(&w, size);

			if (facts_number(&cut, FACTS_ISS, q.iss) == FACTS_NONE)
				continue;
			ask_at(size);
			cr_assert_eq(
			    trust_book_at(book, facts_number(&v, FACTS_ISS, q.iss), size, &s),
			    RC_OK);
			cr_assert_eq(s.score_e6, a.score.score_e6, "pass %u size %u", pass, size);
			cr_assert_eq(s.under_floor, a.under_floor);
			cr_assert(s.complete);
		}
	}
}

Test(answer_trust, a_book_holds_many_agents)
{
	struct facts_view v;
	struct trust_book *book;
	struct trust_point s;
	char name[16];

	for (unsigned i = 0; i < 500; i++) {
		uint32_t t;

		snprintf(name, sizeof(name), "n%u", i);
		t = world_put(&w, name, "step", NULL, 0, NULL);
		put("rater", i % 2 ? "step" : "failure", NULL, t);
	}
	v = world_view(&w);
	cr_assert_eq(trust_book_open(&v, &w.budget, &book), RC_OK);
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < 500; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			cr_assert_eq(
			    trust_book_at(
				book, facts_number(&v, FACTS_ISS, world_iss(&w, name)), v.size, &s),
			    RC_OK);
			cr_assert_eq(s.score_e6, i % 2 ? 520000 : 250000);
		}
}
