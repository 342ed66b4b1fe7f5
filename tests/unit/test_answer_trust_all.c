/*
 * test_answer_trust_all.c - all agents: order, pages, and the same figures as asked one by one.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "answer/trust.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct trust_all_question q;
static struct trust_all_reply a;
static struct why why;

static void
begin(void)
{
	world_init(&w);
	q = (struct trust_all_question){.limit = 1000};
}

static void
end(void)
{
	world_release(&w);
}

TestSuite(answer_trust_all, .init = begin, .fini = end);

static void
ask(void)
{
	struct facts_view v = world_view(&w);

	cr_assert_eq(answer_trust_all(&v, &q, &w.budget, &a, &why), RC_OK);
}

static void
agents(unsigned n)
{
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		uint32_t t;

		snprintf(name, sizeof(name), "n%u", i);
		t = world_put(&w, name, "step", NULL, 0, NULL);
		world_put(&w, "n0", i % 3 ? "step" : "failure", NULL, 1, &t);
	}
}

Test(answer_trust_all, an_empty_log_has_no_agents)
{
	ask();
	cr_expect_eq(a.count, 0);
	cr_expect(a.complete);
	cr_expect_eq(a.next, 0);
}

Test(answer_trust_all, agents_come_in_the_order_of_their_first_entry_with_the_score_each_has)
{
	struct facts_view v;

	agents(50);
	v = world_view(&w);
	for (q.model = 0; q.model <= MODEL_WILSON; q.model++) {
		ask();
		cr_assert_eq(a.count, 50);
		for (uint32_t i = 0; i < 50; i++) {
			struct trust_question one = {
			    .iss = facts_name(&v, FACTS_ISS, a.rows[i].iss),
			    .model = q.model,
			    .limit = 10};
			struct trust_reply alone;

			cr_expect_eq(a.rows[i].iss, i);
			cr_assert_eq(answer_trust(&v, &one, &w.budget, &alone, &why), RC_OK);
			cr_expect_eq(a.rows[i].score.score_e6, alone.score.score_e6);
			cr_expect_eq(a.rows[i].score.negative, alone.score.negative);
			cr_expect_eq(a.rows[i].under_floor, alone.under_floor);
		}
	}
}

Test(answer_trust_all, pages_are_the_whole_in_pieces_also_when_the_budget_ends_them)
{
	uint32_t expect = 0;
	unsigned pages = 0;

	agents(50);
	q.limit = 20;
	w.budget.nodes_max = 60; /* n0 has 51 tasks of its own */
	do {
		ask();
		cr_assert_gt(a.count, 0);
		for (size_t i = 0; i < a.count; i++) {
			cr_expect_eq(a.rows[i].iss, expect++);
			cr_expect(a.rows[i].complete);
		}
		cr_assert_lt(pages++, 50);
	} while ((q.after = a.next) != 0);
	cr_expect_eq(expect, 50);
}

Test(answer_trust_all, an_agent_over_the_budget_is_marked_and_passed)
{
	agents(10);
	w.budget.nodes_max = 5;
	ask();
	cr_assert_eq(a.count, 1);
	cr_expect_not(a.rows[0].complete);
	cr_expect_not(a.complete);
	cr_expect_eq(a.next, 1);
	q.after = 1;
	ask();
	cr_expect(a.rows[0].complete);
	cr_expect_eq(a.rows[0].iss, 1);
}

Test(answer_trust_all, quarantine_and_revocation_are_shown)
{
	uint32_t t = world_put(&w, "a", "step", NULL, 0, NULL), s;

	world_put(&w, "b", "quarantine", "{\"subject\":\"spiffe://example.com/agent/a\"}", 1, &t);
	s = world_put(&w, "b", "trust_assertion",
	    "{\"subject\":\"spiffe://example.com/agent/a\",\"score\":1}", 1, &t);
	ask();
	cr_expect(a.rows[0].quarantined);
	cr_expect_not(a.rows[0].revoked);
	cr_expect_not(a.rows[1].quarantined);
	world_put(
	    &w, "b", "trust_revocation", "{\"subject\":\"spiffe://example.com/agent/a\"}", 1, &s);
	ask();
	cr_expect(a.rows[0].revoked);
}
