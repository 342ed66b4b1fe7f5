/*
 * test_answer_standing.c - what was said about an agent: who may, what is flagged, what is in force.
 */
#include <criterion/criterion.h>

#include "answer/standing.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct standing s;
static uint32_t root;

#define ABOUT_A	 "{\"subject\":\"spiffe://example.com/agent/a\"}"
#define ASSERT_A "{\"subject\":\"spiffe://example.com/agent/a\",\"score\":0.5}"
#define ABOUT_X	 "{\"subject\":\"spiffe://example.com/agent/x\"}"

static void
begin(void)
{
	world_init(&w);
	root = world_put(&w, "a", "step", NULL, 0, NULL);
}

static void
end(void)
{
	world_release(&w);
}

TestSuite(answer_standing, .init = begin, .fini = end);

static uint32_t
put(const char *iss, const char *act, const char *ext, uint32_t parent)
{
	return world_put(&w, iss, act, ext, 1, &parent);
}

static uint32_t
gather(void)
{
	struct facts_view v = world_view(&w);
	size_t spent = 0;

	cr_assert_eq(
	    standing_gather(&v, world_iss(&w, "a"), &w.budget, &spent, &w.scratch, &s), RC_OK);
	cr_expect(s.complete);
	return v.size;
}

static unsigned
flags(uint32_t index)
{
	for (size_t i = 0; i < s.count; i++)
		if (s.records[i].index == index)
			return s.records[i].flags;
	cr_assert_fail("entry %u is not listed", index);
	return 0;
}

Test(answer_standing, a_quarantine_lasts_until_an_end_that_rests_on_it)
{
	uint32_t q = put("b", "quarantine", ABOUT_A, root), size;
	uint32_t end = put("c", "quarantine_end", ABOUT_A, q);

	size = gather();
	cr_expect_eq(s.count, 2);
	cr_expect_not(standing_quarantined(&s, q), "before it");
	cr_expect(standing_quarantined(&s, q + 1));
	cr_expect(standing_quarantined(&s, end));
	cr_expect_not(standing_quarantined(&s, end + 1));
	cr_expect_not(standing_quarantined(&s, size));
}

Test(answer_standing, an_end_ends_the_quarantines_that_it_rests_on_and_no_other)
{
	uint32_t one = put("b", "quarantine", ABOUT_A, root),
		 two = put("c", "quarantine", ABOUT_A, root);

	put("b", "quarantine_end", ABOUT_A, one);
	cr_expect(standing_quarantined(&s, gather()));
	put("b", "quarantine_end", ABOUT_A, two);
	cr_expect_not(standing_quarantined(&s, gather()));
}

Test(answer_standing, nobody_quarantines_or_frees_itself)
{
	uint32_t q = put("a", "quarantine", ABOUT_A, root), end;

	cr_expect_not(standing_quarantined(&s, gather()));
	cr_expect_eq(flags(q), STANDING_SELF);
	(void)put("b", "quarantine_end", ABOUT_A, q);
	(void)gather();
	cr_expect_eq(s.records[0].until, FACTS_NONE, "what was never in force is not ended");
	q = put("b", "quarantine", ABOUT_A, root);
	end = put("a", "quarantine_end", ABOUT_A, q);
	cr_expect(standing_quarantined(&s, gather()));
	cr_expect_eq(flags(end), STANDING_SELF);
}

Test(answer_standing, an_unsigned_quarantine_has_no_effect)
{
	struct world_task t = {.iss = "b",
	    .act = "quarantine",
	    .ext = ABOUT_A,
	    .parents = {root},
	    .parent_count = 1,
	    .level = LEVEL_1};
	uint32_t q = world_add(&w, &t);

	cr_expect_not(standing_quarantined(&s, gather()));
	cr_expect_eq(flags(q), STANDING_UNSIGNED);
}

Test(answer_standing, an_end_that_rests_on_no_quarantine_of_the_agent_is_flagged)
{
	uint32_t q = put("b", "quarantine", ABOUT_A, root),
		 x = put("b", "quarantine", ABOUT_X, root);
	uint32_t end = put("b", "quarantine_end", ABOUT_A, x);

	cr_expect(standing_quarantined(&s, gather()));
	cr_expect_eq(flags(end), STANDING_NO_QUARANTINE);
	cr_expect_eq(flags(q), 0);
	cr_expect_eq(s.count, 2, "records about others are not listed");
}

Test(answer_standing, where_the_policy_names_operators_one_of_them_must_quarantine)
{
	uint32_t q;

	world_policy(&w, "{\"roles\":{\"operator\":[\"spiffe://example.com/agent/op\"]}}");
	q = put("b", "quarantine", ABOUT_A, root);
	cr_expect_not(standing_quarantined(&s, gather()));
	cr_expect_eq(flags(q), STANDING_NOT_AUTHORIZED);
	q = put("op", "quarantine", ABOUT_A, root);
	cr_expect(standing_quarantined(&s, gather()));
	put("b", "quarantine_end", ABOUT_A, q);
	cr_expect(standing_quarantined(&s, gather()), "nor does another end it");
	put("op", "quarantine_end", ABOUT_A, q);
	cr_expect_not(standing_quarantined(&s, gather()));
}

Test(answer_standing, roles_that_have_nothing_to_do_with_it_bind_nobody)
{
	world_policy(&w, "{\"roles\":{\"approver\":[\"spiffe://example.com/agent/op\"]}}");
	put("b", "quarantine", ABOUT_A, root);
	cr_expect(standing_quarantined(&s, gather()));
}

Test(answer_standing, trust_is_revoked_until_its_signer_asserts_anew)
{
	uint32_t t = put("b", "trust_assertion", ASSERT_A, root),
		 r = put("b", "trust_revocation", ABOUT_A, t);
	uint32_t size;

	cr_expect(standing_revoked(&s, size = gather()));
	cr_expect_not(standing_in_force(&s.records[0], size));
	put("c", "trust_assertion", ASSERT_A, root);
	cr_expect(standing_revoked(&s, gather()), "another's word does not bring it back");
	put("b", "trust_assertion", ASSERT_A, root);
	cr_expect_not(standing_revoked(&s, gather()));
	cr_expect(standing_revoked(&s, r + 1), "it was so at the time");
}

Test(answer_standing, nobody_revokes_what_another_asserted)
{
	uint32_t t = put("b", "trust_assertion", ASSERT_A, root),
		 r = put("c", "trust_revocation", ABOUT_A, t);

	cr_expect_not(standing_revoked(&s, gather()));
	cr_expect_eq(flags(r), STANDING_NOT_ASSERTER);
}

Test(answer_standing, a_revocation_must_rest_on_an_assertion_about_the_agent)
{
	uint32_t t = put("b", "trust_assertion",
	    "{\"subject\":\"spiffe://example.com/agent/x\",\"score\":1}", root);
	uint32_t r = put("b", "trust_revocation", ABOUT_A, t),
		 p = put("b", "trust_revocation", ABOUT_A, root);

	cr_expect_not(standing_revoked(&s, gather()));
	cr_expect_eq(flags(r), STANDING_NO_ASSERTION);
	cr_expect_eq(flags(p), STANDING_NO_ASSERTION);
}

Test(answer_standing, over_the_budget_nothing_is_said)
{
	struct facts_view v;
	size_t spent = 0;

	put("b", "quarantine", ABOUT_A, root);
	put("b", "quarantine", ABOUT_A, root);
	v = world_view(&w);
	w.budget.nodes_max = 1;
	cr_assert_eq(
	    standing_gather(&v, world_iss(&w, "a"), &w.budget, &spent, &w.scratch, &s), RC_OK);
	cr_expect_not(s.complete);
	cr_expect_eq(s.count, 0);
}
