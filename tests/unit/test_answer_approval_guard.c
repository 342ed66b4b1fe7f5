/*
 * Guarded tasks: with an approval that holds, with one that does not, without.
 */
#include "unit/test_oversight_help.h"

#define GUARD(name) Test(approval_guard, name, .init = begin, .fini = end)

static struct facts_world w;

static void
begin(void)
{
	help_world(&w);
}

static void
end(void)
{
	world_release(&w);
}

static uint32_t
pay(uint32_t on)
{
	return world_put(&w, "a", "pay", NULL, ON(on));
}

static void
is(uint32_t task, enum guarded_state state, uint32_t flags)
{
	const struct approval_guarded *g = guarded_of(&w, task);

	cr_expect_eq(g->state, state, "task %u is %s", task, guarded_state_text(g->state));
	cr_expect_eq(g->flags, flags, "task %u has flags %x, not %x", task, g->flags, flags);
}

GUARD(a_task_that_rests_on_its_approval_is_fine)
{
	uint32_t r = ask(&w, "pay"), d = decide(&w, "boss", "approved", r), t = pay(d);
	const struct approval_guarded *g = guarded_of(&w, t);

	is(t, GUARDED_OK, 0);
	cr_assert_eq(g->request, r);
	cr_assert_eq(g->decision, d);
	cr_assert(bytes_is(g->rule, "pay") && bytes_is(g->role, "approver"));
	cr_assert_eq(state_of(&w, r), APPROVAL_CONSUMED);
	cr_assert_eq(request_of(&w, r)->used, 1);
}

GUARD(a_task_that_rests_on_nothing_is_missing_its_approval)
{
	is(pay(1), GUARDED_MISSING, APPROVAL_APPROVAL_MISSING);
}

GUARD(what_no_rule_guards_is_not_in_the_answer)
{
	struct approvals_question q = {0};

	(void)world_put(&w, "a", "step", NULL, ON(1));
	cr_assert_eq(approvals_of(&w, &q).guarded_count, 0);
}

GUARD(what_was_done_in_spite_of_an_answer_is_said_although_it_rests_on_neither)
{
	uint32_t t, r = ask(&w, "pay");

	t = pay(1);
	is(t, GUARDED_MISSING, APPROVAL_APPROVAL_MISSING | APPROVAL_ALTHOUGH_REQUESTED);
	cr_assert_eq(guarded_of(&w, t)->request, r);
	(void)decide(&w, "boss", "escalated", r);
	is(pay(1), GUARDED_MISSING, APPROVAL_APPROVAL_MISSING | APPROVAL_ALTHOUGH_ESCALATED);
	(void)decide(&w, "director", "denied", r);
	is(pay(1), GUARDED_MISSING, APPROVAL_APPROVAL_MISSING | APPROVAL_ALTHOUGH_DENIED);
	is(t, GUARDED_MISSING, APPROVAL_APPROVAL_MISSING | APPROVAL_ALTHOUGH_REQUESTED);
}

GUARD(a_request_of_another_workflow_or_rule_says_nothing)
{
	struct world_task t = {.iss = "a",
	    .act = "hitl_request",
	    .wid = "other",
	    .ext = "{\"rule_id\":\"pay\"}",
	    .parents = {1},
	    .parent_count = 1};

	(void)world_add(&w, &t);
	is(pay(1), GUARDED_MISSING, APPROVAL_APPROVAL_MISSING);
	(void)ask(&w, "ship");
	is(pay(1), GUARDED_MISSING, APPROVAL_APPROVAL_MISSING);
}

GUARD(a_task_on_a_decision_that_is_no_approval_says_which)
{
	uint32_t r = ask(&w, "pay"), d = decide(&w, "boss", "escalated", r);

	is(pay(d), GUARDED_VOID, APPROVAL_ALTHOUGH_ESCALATED);
	is(pay(decide(&w, "director", "denied", r)), GUARDED_VOID, APPROVAL_ALTHOUGH_DENIED);
	r = ask(&w, "pay");
	is(pay(decide(&w, "a", "withdrawn", r)), GUARDED_VOID, APPROVAL_ALTHOUGH_WITHDRAWN);
	r = ask(&w, "pay");
	is(pay(decide(&w, "c", "approved", r)), GUARDED_VOID,
	    APPROVAL_ROLE_NOT_HELD | APPROVAL_ALTHOUGH_REQUESTED);
}

GUARD(an_escalation_that_was_approved_elsewhere_is_no_approval)
{
	uint32_t r = ask(&w, "pay"), e = decide(&w, "boss", "escalated", r);

	(void)decide(&w, "director", "approved", r);
	is(pay(e), GUARDED_VOID, APPROVAL_APPROVAL_MISSING);
}

GUARD(a_late_approval_is_void_and_the_request_expired)
{
	uint32_t r = ask(&w, "pay"), t;

	wait_s(&w, 300);
	t = pay(decide(&w, "boss", "approved", r));
	is(t, GUARDED_VOID, APPROVAL_LATE | APPROVAL_ALTHOUGH_EXPIRED);
	is(pay(1), GUARDED_MISSING, APPROVAL_APPROVAL_MISSING | APPROVAL_ALTHOUGH_EXPIRED);
}

GUARD(an_approval_guards_one_task)
{
	uint32_t d = decide(&w, "boss", "approved", ask(&w, "pay")), first = pay(d),
		 second = pay(d);

	is(first, GUARDED_OK, 0);
	is(second, GUARDED_VOID, APPROVAL_USED_TWICE);
}

GUARD(a_request_may_ask_for_several_uses)
{
	uint32_t r = world_put(&w, "a", "hitl_request", "{\"rule_id\":\"pay\",\"uses\":2}", ON(1));
	uint32_t d = decide(&w, "boss", "approved", r);

	is(pay(d), GUARDED_OK, 0);
	is(pay(d), GUARDED_OK, 0);
	is(pay(d), GUARDED_VOID, APPROVAL_USED_TWICE);
	cr_assert_eq(request_of(&w, r)->used, 2);
}

GUARD(nobody_approves_a_task_of_their_own_and_such_a_use_is_none)
{
	uint32_t r = ask(&w, "pay"), d = decide(&w, "boss", "approved", r);
	uint32_t own = world_put(&w, "boss", "pay", NULL, ON(d));

	is(own, GUARDED_VOID, APPROVAL_APPROVES_OWN_TASK);
	cr_assert_eq(state_of(&w, r), APPROVAL_APPROVED);
	is(pay(d), GUARDED_OK, 0);
}

GUARD(an_approval_of_one_rule_is_none_of_another)
{
	uint32_t d = decide(&w, "boss", "approved", ask(&w, "ship"));

	is(pay(d), GUARDED_VOID, APPROVAL_OTHER_RULE);
	is(world_put(&w, "a", "ship", NULL, ON(d)), GUARDED_OK, 0);
}

GUARD(a_rule_that_was_not_known_when_asked_does_not_count)
{
	uint32_t r, d;

	world_policy(&w, "{}");
	r = ask(&w, "pay");
	d = decide(&w, "friend", "approved", r);
	cr_assert_eq(state_of(&w, r), APPROVAL_APPROVED);
	world_policy(&w, help_policy);
	is(pay(d), GUARDED_VOID, APPROVAL_UNKNOWN_RULE);
	is(pay(r), GUARDED_VOID, APPROVAL_UNKNOWN_RULE);
}

GUARD(a_decision_without_a_request_approves_nothing)
{
	uint32_t d = world_put(&w, "boss", "hitl_decision", "{\"decision\":\"approved\"}", ON(1));

	is(pay(d), GUARDED_VOID, APPROVAL_NOT_ON_REQUEST);
}

GUARD(any_good_approval_among_its_predecessors_will_do)
{
	uint32_t bad = decide(&w, "c", "approved", ask(&w, "pay"));
	uint32_t good = decide(&w, "boss", "approved", ask(&w, "pay"));

	is(world_put(&w, "a", "pay", NULL, ON(bad, good)), GUARDED_OK, 0);
}

GUARD(a_task_goes_on_where_the_rule_lets_it_and_the_time_is_over)
{
	uint32_t r = ask(&w, "mail"), early, t;

	early = world_put(&w, "a", "mail", NULL, ON(r));
	wait_s(&w, 150);
	t = world_put(&w, "a", "mail", NULL, ON(r));
	is(early, GUARDED_VOID, APPROVAL_ALTHOUGH_REQUESTED);
	is(t, GUARDED_PROCEEDED, 0);
	r = ask(&w, "pay");
	wait_s(&w, 150);
	is(pay(r), GUARDED_VOID, APPROVAL_ALTHOUGH_EXPIRED);
}

GUARD(a_request_does_not_let_its_own_rule_proceed)
{
	uint32_t r = world_put(
	    &w, "a", "hitl_request", "{\"rule_id\":\"pay\",\"on_timeout\":\"proceed\"}", ON(1));

	wait_s(&w, 150);
	is(pay(r), GUARDED_VOID, APPROVAL_ALTHOUGH_EXPIRED);
}

GUARD(the_state_before_the_task_counts_not_the_one_after)
{
	uint32_t r = ask(&w, "pay"), d = decide(&w, "boss", "approved", r), t = pay(d);

	wait_s(&w, 5000);
	(void)decide(&w, "boss", "revoked", r);
	is(t, GUARDED_OK, 0);
}

GUARD(a_newer_request_of_another_workflow_hides_none_of_its_own)
{
	struct world_task t = {.iss = "a",
	    .act = "hitl_request",
	    .wid = "other",
	    .ext = "{\"rule_id\":\"pay\"}",
	    .parents = {1},
	    .parent_count = 1};
	uint32_t r = ask(&w, "pay"), task;

	(void)world_add(&w, &t);
	task = pay(1);
	is(task, GUARDED_MISSING, APPROVAL_APPROVAL_MISSING | APPROVAL_ALTHOUGH_REQUESTED);
	cr_assert_eq(guarded_of(&w, task)->request, r);
}

GUARD(who_asks_does_not_shorten_the_time_after_which_things_go_on)
{
	uint32_t r = world_put(
	    &w, "a", "hitl_request", "{\"rule_id\":\"mail\",\"deadline\":1}", ON(1));

	is(world_put(&w, "a", "mail", NULL, ON(r)), GUARDED_VOID, APPROVAL_ALTHOUGH_REQUESTED);
	w.now_ms += 100000;
	is(world_put(&w, "a", "mail", NULL, ON(r)), GUARDED_PROCEEDED, 0);
}

GUARD(at_the_deadline_itself_the_request_is_open_still)
{
	uint32_t r = ask(&w, "mail"), at, after;

	w.now_ms += 99000;
	at = world_put(&w, "a", "mail", NULL, ON(r));
	after = world_put(&w, "a", "mail", NULL, ON(r));
	is(at, GUARDED_VOID, APPROVAL_ALTHOUGH_REQUESTED);
	is(after, GUARDED_PROCEEDED, 0);
}

/* What a task rests on by its 'act'. */
static uint32_t
act_on(const char *act, size_t count, const uint32_t *on)
{
	return world_put(&w, "a", act, NULL, count, on);
}

GUARD(a_task_that_proceeds_names_the_first_request_that_lets_it_and_no_decision)
{
	uint32_t other = ask(&w, "pay"), r1 = ask(&w, "mail"), r2 = ask(&w, "mail"), t;
	uint32_t d = decide(&w, "boss", "denied", other);

	wait_s(&w, 150);
	t = act_on("mail", ON(d, r1, r2));
	is(t, GUARDED_PROCEEDED, 0);
	cr_assert_eq(guarded_of(&w, t)->request, r1);
	cr_assert_eq(guarded_of(&w, t)->decision, FACTS_NONE);
}

GUARD(each_request_that_lets_nothing_go_on_is_named_by_its_own_flag)
{
	uint32_t other = ask(&w, "ship"), r = ask(&w, "pay"), r2 = ask(&w, "pay"), t;
	uint32_t d = decide(&w, "boss", "denied", other);

	(void)decide(&w, "boss", "approved", r);
	t = act_on("pay", ON(d, r));
	is(t, GUARDED_VOID, APPROVAL_OTHER_RULE | APPROVAL_APPROVAL_MISSING);
	cr_assert_eq(guarded_of(&w, t)->request, other);
	cr_assert_eq(guarded_of(&w, t)->decision, d);
	is(act_on("pay", ON(r2, r)), GUARDED_VOID,
	    APPROVAL_ALTHOUGH_REQUESTED | APPROVAL_APPROVAL_MISSING);
}

GUARD(a_decision_on_nothing_is_not_paired_with_another_s_request)
{
	uint32_t stray =
	    world_put(&w, "boss", "hitl_decision", "{\"decision\":\"approved\"}", ON(1));
	uint32_t r = ask(&w, "pay"), t = act_on("pay", ON(stray, r));

	is(t, GUARDED_VOID, APPROVAL_NOT_ON_REQUEST | APPROVAL_ALTHOUGH_REQUESTED);
	cr_assert_eq(guarded_of(&w, t)->decision, stray);
	cr_assert_eq(guarded_of(&w, t)->request, FACTS_NONE);
}
