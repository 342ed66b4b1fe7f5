/*
 * test_answer_agents.c - who signed what: counts, lists, states, pages.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "answer/agents.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct agents_question q;
static struct agents_reply a;
static struct why why;

static void
begin(void)
{
	world_init(&w);
	q = (struct agents_question){.limit = 1000, .list_max = 20};
}

static void
end(void)
{
	world_release(&w);
}

TestSuite(answer_agents, .init = begin, .fini = end);

static uint32_t
put(const char *iss, const char *act, const char *ext, uint32_t parent)
{
	return world_put(&w, iss, act, ext, 1, &parent);
}

static void
ask_at(uint32_t size)
{
	struct facts_view v = world_view_at(&w, size);

	cr_assert_eq(answer_agents(&v, &q, &w.budget, &a, &why), RC_OK, "%s", why.text);
}

static void
ask(void)
{
	struct facts_view v = world_view(&w);

	ask_at(v.size);
}

Test(answer_agents, an_agent_is_an_issuer_with_entries_in_the_order_of_its_first)
{
	uint32_t root = world_put(&w, "b", "step", NULL, 0, NULL);
	uint32_t other = put("a", "step", NULL, root), last;

	last = put("b", "pay", NULL, other);
	ask();
	cr_assert_eq(a.count, 2);
	cr_expect_eq(a.rows[0].first, root);
	cr_expect_eq(a.rows[0].last, last);
	cr_expect_eq(a.rows[0].entries, 2);
	cr_expect_eq(a.rows[1].first, other);
	cr_expect_eq(a.rows[1].last, other);
	cr_expect(a.complete);
	cr_expect_eq(a.next, 0);
	ask_at(1);
	cr_expect_eq(a.count, 1, "at an old size who came later is not there");
	cr_expect_eq(a.rows[0].entries, 1);
}

Test(answer_agents, actions_are_counted_most_first_and_cut_with_the_number_of_all)
{
	static const char *const acts[] = {"rare", "often", "some", "often", "some", "often"};
	struct facts_view v;

	for (size_t i = 0; i < 6; i++)
		world_put(&w, "a", acts[i], NULL, 0, NULL);
	v = world_view(&w);
	ask();
	cr_assert_eq(a.rows[0].act_count, 3);
	cr_expect(bytes_is(facts_name(&v, FACTS_ACT, a.rows[0].acts[0].name), "often"));
	cr_expect_eq(a.rows[0].acts[0].count, 3);
	cr_expect_eq(a.rows[0].acts[0].first, 1);
	cr_expect_eq(a.rows[0].acts[0].last, 5);
	cr_expect(bytes_is(facts_name(&v, FACTS_ACT, a.rows[0].acts[2].name), "rare"));
	q.list_max = 1;
	ask();
	cr_expect_eq(a.rows[0].act_count, 1);
	cr_expect_eq(a.rows[0].act_all, 3);
}

Test(answer_agents, keys_are_those_that_signed_and_workflows_those_it_was_in)
{
	struct world_task t = {.iss = "a", .wid = "one"};

	world_add(&w, &t);
	world_add(&w, &t);
	t.wid = "two";
	world_add(&w, &t);
	t.wid = "";
	t.level = LEVEL_1;
	world_add(&w, &t);
	ask();
	cr_expect_eq(a.rows[0].entries, 4);
	cr_expect_eq(a.rows[0].workflows, 2, "no workflow is none");
	cr_assert_eq(a.rows[0].key_count, 1, "nobody signed the L1 task");
	cr_expect_eq(a.rows[0].keys[0].count, 3);
}

Test(answer_agents, the_state_is_the_first_that_holds)
{
	uint32_t root = world_put(&w, "a", "step", NULL, 0, NULL), t, quarantine;

	ask();
	cr_expect_eq(a.rows[0].state, AGENT_ACTIVE);
	put("a", "lifecycle", "{\"event\":\"drain\"}", root);
	ask();
	cr_expect_eq(a.rows[0].state, AGENT_DRAINING);
	put("a", "lifecycle", "{\"event\":\"retire\"}", root);
	ask();
	cr_expect_eq(a.rows[0].state, AGENT_RETIRED);
	cr_assert_not_null(a.rows[0].life);
	t = put("b", "trust_assertion",
	    "{\"subject\":\"spiffe://example.com/agent/a\",\"score\":1}", root);
	put("b", "trust_revocation", "{\"subject\":\"spiffe://example.com/agent/a\"}", t);
	ask();
	cr_expect_eq(a.rows[0].state, AGENT_REVOKED);
	quarantine = put("b", "quarantine", "{\"subject\":\"spiffe://example.com/agent/a\"}", root);
	ask();
	cr_expect_eq(a.rows[0].state, AGENT_QUARANTINED);
	cr_expect_eq(a.rows[1].state, AGENT_ACTIVE);
	ask_at(quarantine);
	cr_expect_eq(a.rows[0].state, AGENT_REVOKED);
}

Test(answer_agents, the_score_is_that_of_the_question_about_trust)
{
	uint32_t t = world_put(&w, "a", "step", NULL, 0, NULL);

	put("b", "failure", NULL, t);
	ask();
	cr_expect_eq(a.rows[0].trust.score.score_e6, 250000);
	cr_expect_eq(a.rows[0].trust.score.negative, 1);
	cr_expect_eq(a.rows[1].trust.score.score_e6, 500000);
	cr_assert_eq(a.rests_count, 2);
	cr_expect_eq(a.rests_on[0], t);
}

Test(answer_agents, pages_are_the_whole_in_pieces_also_when_the_budget_ends_them)
{
	char name[16];
	uint32_t expect = 0, pages = 0;

	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%u", i % 40);
		world_put(&w, name, "step", NULL, 0, NULL);
	}
	q.limit = 15;
	w.budget.nodes_max = 50;
	do {
		ask();
		cr_assert_gt(a.count, 0);
		for (size_t i = 0; i < a.count; i++) {
			cr_expect_eq(a.rows[i].iss, expect++);
			cr_expect(a.rows[i].complete);
		}
		cr_assert_lt(pages++, 41);
	} while ((q.after = a.next) != 0);
	cr_expect_eq(expect, 40);
}

Test(answer_agents, one_over_the_budget_is_marked_and_passed)
{
	for (unsigned i = 0; i < 10; i++)
		world_put(&w, "a", "step", NULL, 0, NULL);
	world_put(&w, "b", "step", NULL, 0, NULL);
	w.budget.nodes_max = 5;
	ask();
	cr_assert_eq(a.count, 1);
	cr_expect_not(a.rows[0].complete);
	cr_expect_eq(a.rows[0].last, 9);
	cr_expect_eq(a.next, 1);
	q.after = 1;
	ask();
	cr_assert_eq(a.count, 1);
	cr_expect(a.rows[0].complete);
	cr_expect_eq(a.next, 0);
}

Test(answer_agents, one_agent_alone_or_nobody)
{
	struct facts_view v;

	world_put(&w, "a", "step", NULL, 0, NULL);
	world_put(&w, "b", "step", NULL, 0, NULL);
	q.iss = world_iss(&w, "b");
	ask();
	cr_assert_eq(a.count, 1);
	cr_expect_eq(a.rows[0].first, 1);
	q.iss = world_iss(&w, "c");
	v = world_view(&w);
	cr_expect_eq(answer_agents(&v, &q, &w.budget, &a, &why), RC_NOT_FOUND);
}
