/*
 * The life of a request: each transition that there is, and each that is refused by name.
 */
#include "unit/test_oversight_help.h"

#define LIFE(name) Test(approval_life, name, .init = begin, .fini = end)

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

/* ---- transitions ---- */

LIFE(a_request_waits_for_its_role_until_the_rules_time_is_over)
{
	uint32_t r = ask(&w, "pay");
	const struct approval_request *q = request_of(&w, r);

	cr_assert_eq(q->state, APPROVAL_REQUESTED);
	cr_assert(bytes_is(q->role, "approver"));
	cr_assert(bytes_is(q->rule, "pay"));
	cr_assert_eq(q->deadline_ms, (int64_t)q->since_ms + 100000);
	cr_assert_eq(q->uses, 1);
	cr_assert_eq(q->flags, 0);
}

LIFE(an_approval_is_effective_when_nothing_is_wrong_with_it)
{
	uint32_t r = ask(&w, "pay"), d = decide(&w, "boss", "approved", r);
	const struct approval_request *q = request_of(&w, r);

	cr_assert_eq(q->state, APPROVAL_APPROVED);
	cr_assert_eq(q->approval, d);
	cr_assert_eq(flags_of(&w, r, d), 0);
	cr_assert(q->decisions[0].effective);
	cr_assert_eq(q->used, 0);
}

LIFE(a_denial_is_final)
{
	uint32_t r = ask(&w, "pay"), d = decide(&w, "boss", "denied", r);
	uint32_t again = decide(&w, "boss2", "approved", r);

	cr_assert_eq(state_of(&w, r), APPROVAL_DENIED);
	cr_assert_eq(flags_of(&w, r, d), 0);
	cr_assert_eq(flags_of(&w, r, again), APPROVAL_AFTER_FINAL);
}

LIFE(the_clock_expires_a_request_just_after_its_deadline)
{
	uint32_t r = ask(&w, "pay");

	w.now_ms += 99000;
	(void)world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert_eq(state_of(&w, r), APPROVAL_REQUESTED, "at the deadline it is still open");
	(void)world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert_eq(state_of(&w, r), APPROVAL_EXPIRED);
	cr_assert_eq(request_of(&w, r)->on_timeout, TIMEOUT_ABORT);
}

LIFE(who_asks_may_withdraw_and_a_stranger_may_not)
{
	uint32_t r = ask(&w, "pay"), by_stranger = decide(&w, "c", "withdrawn", r);
	uint32_t by_own = decide(&w, "a", "withdrawn", r);

	cr_assert_eq(flags_of(&w, r, by_stranger), APPROVAL_ROLE_NOT_HELD);
	cr_assert_eq(flags_of(&w, r, by_own), 0);
	cr_assert_eq(state_of(&w, r), APPROVAL_WITHDRAWN);
}

LIFE(an_escalation_hands_the_request_to_the_other_role_with_a_new_deadline)
{
	uint32_t r = ask(&w, "pay"), first, second, third;
	const struct approval_request *q;

	wait_s(&w, 50);
	first = decide(&w, "boss", "escalated", r);
	q = request_of(&w, r);
	cr_assert_eq(q->state, APPROVAL_ESCALATED);
	cr_assert_eq(q->escalation, first);
	cr_assert(bytes_is(q->role, "director"));
	cr_assert_eq(q->deadline_ms, (int64_t)q->since_ms + 100000);
	second = decide(&w, "boss", "approved", r);
	cr_assert_eq(flags_of(&w, r, second), APPROVAL_ROLE_NOT_HELD);
	third = decide(&w, "director", "approved", r);
	cr_assert_eq(flags_of(&w, r, third), 0);
	cr_assert_eq(state_of(&w, r), APPROVAL_APPROVED);
}

LIFE(an_escalated_request_is_denied_or_expires)
{
	uint32_t r = ask(&w, "pay"), other = ask(&w, "pay");

	(void)decide(&w, "boss", "escalated", r);
	(void)decide(&w, "boss", "escalated", other);
	(void)decide(&w, "director", "denied", r);
	cr_assert_eq(state_of(&w, r), APPROVAL_DENIED);
	wait_s(&w, 200);
	(void)world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert_eq(state_of(&w, other), APPROVAL_EXPIRED);
}

LIFE(an_escalated_request_is_neither_withdrawn_nor_escalated_again)
{
	uint32_t r = ask(&w, "pay"), again, withdrawn;

	(void)decide(&w, "boss", "escalated", r);
	again = decide(&w, "director", "escalated", r);
	withdrawn = decide(&w, "a", "withdrawn", r);
	cr_assert_eq(flags_of(&w, r, again), APPROVAL_BAD_TRANSITION);
	cr_assert_eq(flags_of(&w, r, withdrawn), APPROVAL_BAD_TRANSITION);
	cr_assert_eq(state_of(&w, r), APPROVAL_ESCALATED);
}

LIFE(a_time_out_escalates_where_the_rule_says_so_and_the_second_expires)
{
	uint32_t r = ask(&w, "ship"), late, good;
	const struct approval_request *q;

	wait_s(&w, 150);
	late = decide(&w, "boss", "approved", r);
	q = request_of(&w, r);
	cr_assert_eq(q->state, APPROVAL_ESCALATED);
	cr_assert_eq(q->escalation, FACTS_NONE, "nobody escalated it, the clock did");
	cr_assert_eq(flags_of(&w, r, late), APPROVAL_ROLE_NOT_HELD);
	good = decide(&w, "director", "approved", r);
	cr_assert_eq(flags_of(&w, r, good), 0);
	r = ask(&w, "ship");
	wait_s(&w, 500);
	(void)world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert_eq(state_of(&w, r), APPROVAL_EXPIRED);
	cr_assert_eq(request_of(&w, r)->since_ms,
	    fact(&(struct facts_view){w.f, r + 1}, r)->received_ms + 200000);
}

LIFE(an_approval_is_revoked_before_its_task_is_there)
{
	uint32_t r = ask(&w, "pay"), d, after;

	(void)decide(&w, "boss", "approved", r);
	d = decide(&w, "boss2", "revoked", r);
	after = decide(&w, "boss", "approved", r);
	cr_assert_eq(flags_of(&w, r, d), 0);
	cr_assert_eq(state_of(&w, r), APPROVAL_REVOKED);
	cr_assert_eq(flags_of(&w, r, after), APPROVAL_AFTER_FINAL);
}

LIFE(a_revocation_after_the_task_comes_too_late)
{
	uint32_t r = ask(&w, "pay"), d = decide(&w, "boss", "approved", r), v;

	(void)world_put(&w, "a", "pay", NULL, ON(d));
	cr_assert_eq(state_of(&w, r), APPROVAL_CONSUMED);
	v = decide(&w, "boss", "revoked", r);
	cr_assert_eq(flags_of(&w, r, v), APPROVAL_REVOKED_TOO_LATE);
	cr_assert_eq(state_of(&w, r), APPROVAL_CONSUMED);
	cr_assert_eq(flags_of(&w, r, decide(&w, "boss", "approved", r)), APPROVAL_AFTER_FINAL);
}

LIFE(the_rest_of_several_uses_can_be_revoked)
{
	uint32_t r = world_put(&w, "a", "hitl_request", "{\"rule_id\":\"pay\",\"uses\":2}", ON(1));
	uint32_t d = decide(&w, "boss", "approved", r), v, third;

	(void)world_put(&w, "a", "pay", NULL, ON(d));
	cr_assert_eq(state_of(&w, r), APPROVAL_APPROVED);
	cr_assert_eq(request_of(&w, r)->used, 1);
	v = decide(&w, "boss", "revoked", r);
	cr_assert_eq(flags_of(&w, r, v), 0);
	third = world_put(&w, "a", "pay", NULL, ON(d));
	cr_assert_eq(request_of(&w, r)->used, 1);
	cr_assert_eq(guarded_of(&w, third)->flags, APPROVAL_ALTHOUGH_REVOKED);
}

LIFE(a_second_approval_and_a_revocation_of_nothing_are_no_transitions)
{
	uint32_t r = ask(&w, "pay"), early = decide(&w, "boss", "revoked", r);

	cr_assert_eq(flags_of(&w, r, early), APPROVAL_BAD_TRANSITION);
	(void)decide(&w, "boss", "approved", r);
	cr_assert_eq(flags_of(&w, r, decide(&w, "boss2", "approved", r)), APPROVAL_BAD_TRANSITION);
	cr_assert_eq(flags_of(&w, r, decide(&w, "boss2", "denied", r)), APPROVAL_BAD_TRANSITION);
}

LIFE(a_notification_asks_for_nothing)
{
	uint32_t r =
	    world_put(&w, "a", "hitl_request", "{\"rule_id\":\"pay\",\"kind\":\"notify\"}", ON(1));

	wait_s(&w, 1000);
	cr_assert_eq(flags_of(&w, r, decide(&w, "boss", "approved", r)), APPROVAL_AFTER_FINAL);
	cr_assert_eq(state_of(&w, r), APPROVAL_NOTIFIED);
}

/* ---- who, when, what ---- */

LIFE(nobody_approves_what_they_asked_for)
{
	uint32_t r = world_put(&w, "boss", "hitl_request", "{\"rule_id\":\"pay\"}", ON(1));
	uint32_t d = decide(&w, "boss", "approved", r);

	cr_assert_eq(flags_of(&w, r, d), APPROVAL_SELF_APPROVAL);
	cr_assert_eq(state_of(&w, r), APPROVAL_REQUESTED);
	d = decide(&w, "boss", "denied", r);
	cr_assert_eq(flags_of(&w, r, d), APPROVAL_SELF_APPROVAL);
}

LIFE(the_role_counts_as_it_was_held_at_the_decision)
{
	uint32_t r = ask(&w, "pay"), before = decide(&w, "c", "approved", r), after, left;

	world_policy(&w, "{\"roles\":{\"approver\":[\"" AGENT "c\"]}}");
	after = decide(&w, "c", "approved", r);
	cr_assert_eq(flags_of(&w, r, before), APPROVAL_ROLE_NOT_HELD);
	cr_assert_eq(flags_of(&w, r, after), 0);
	r = ask(&w, "pay");
	cr_assert_eq(request_of(&w, r)->flags, APPROVAL_UNKNOWN_RULE | APPROVAL_NO_ROLE);
	left = decide(&w, "boss", "approved", r);
	cr_assert_eq(flags_of(&w, r, left), 0, "no role is known, so anybody else may");
}

LIFE(the_rule_goes_over_the_role_that_the_request_names)
{
	uint32_t r = world_put(&w, "a", "hitl_request",
	    "{\"rule_id\":\"pay\",\"role\":\"friends\",\"on_timeout\":\"proceed\"}", ON(1));

	cr_assert(bytes_is(request_of(&w, r)->role, "approver"));
	cr_assert_eq(request_of(&w, r)->on_timeout, TIMEOUT_ABORT);
	r = world_put(
	    &w, "a", "hitl_request", "{\"role\":\"director\",\"on_timeout\":\"proceed\"}", ON(1));
	cr_assert(bytes_is(request_of(&w, r)->role, "director"));
	cr_assert_eq(request_of(&w, r)->on_timeout, TIMEOUT_PROCEED);
	cr_assert_eq(flags_of(&w, r, decide(&w, "boss", "approved", r)), APPROVAL_ROLE_NOT_HELD);
}

LIFE(the_earlier_deadline_counts)
{
	int64_t now_s = (int64_t)w.now_ms / 1000;
	uint32_t r = world_put(&w, "a", "hitl_request",
	    arena_printf(&w.arena, "{\"rule_id\":\"pay\",\"deadline\":%lld}", (long long)now_s + 7),
	    ON(1));
	uint32_t far = world_put(&w, "a", "hitl_request",
	    arena_printf(
		&w.arena, "{\"rule_id\":\"pay\",\"deadline\":%lld}", (long long)now_s + 7000),
	    ON(1));

	cr_assert_eq(request_of(&w, r)->deadline_ms, (now_s + 7) * 1000);
	cr_assert_eq(request_of(&w, far)->deadline_ms, (now_s + 1 + 100) * 1000);
}

LIFE(a_decision_is_late_by_the_ledgers_clock_and_by_its_own)
{
	uint32_t r = ask(&w, "pay"), other = ask(&w, "pay"), d;
	struct world_task t = {.iss = "boss",
	    .act = "hitl_decision",
	    .ext = "{\"decision\":\"denied\"}",
	    .parents = {other},
	    .parent_count = 1};

	t.iat = (int64_t)w.now_ms / 1000 + 110;
	d = world_add(&w, &t);
	cr_assert_eq(flags_of(&w, other, d), APPROVAL_LATE, "it says so itself");
	cr_assert_eq(state_of(&w, other), APPROVAL_REQUESTED);
	wait_s(&w, 200);
	d = decide(&w, "boss", "approved", r);
	cr_assert_eq(flags_of(&w, r, d), APPROVAL_LATE);
	cr_assert_eq(state_of(&w, r), APPROVAL_EXPIRED);
	cr_assert_eq(flags_of(&w, r, decide(&w, "a", "withdrawn", r)), APPROVAL_AFTER_FINAL);
}

LIFE(a_deferred_decision_counts_at_the_time_it_gives)
{
	uint32_t r = ask(&w, "pay");
	struct world_task t = {.iss = "boss",
	    .act = "hitl_decision",
	    .ext = "{\"decision\":\"denied\"}",
	    .parents = {r},
	    .parent_count = 1,
	    .flags = ENTRY_DEFERRED};

	t.iat = (int64_t)w.now_ms / 1000 + 10;
	wait_s(&w, 5000);
	cr_assert_eq(flags_of(&w, r, world_add(&w, &t)), 0);
	cr_assert_eq(state_of(&w, r), APPROVAL_DENIED);
}

LIFE(an_approval_repeats_the_hash_of_what_was_shown)
{
	uint32_t r = ask(&w, "pay"), wrong, none;

	wrong = world_put(&w, "boss", "hitl_decision",
	    "{\"decision\":\"approved\",\"shown_hash\":"
	    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
	    ON(r));
	cr_assert_eq(flags_of(&w, r, wrong), APPROVAL_SHOWN_HASH_MISMATCH);
	none = world_put(&w, "boss", "hitl_decision", "{\"decision\":\"approved\"}", ON(r));
	cr_assert_eq(flags_of(&w, r, none), APPROVAL_SHOWN_HASH_MISSING);
	cr_assert_eq(state_of(&w, r), APPROVAL_APPROVED, "which does not void");
}

LIFE(a_decision_rests_on_the_request_it_decides_and_on_no_other)
{
	uint32_t first = ask(&w, "pay"), second = ask(&w, "pay"), both;

	both =
	    world_put(&w, "boss", "hitl_decision", "{\"decision\":\"denied\"}", ON(second, first));
	cr_assert_eq(flags_of(&w, second, both), APPROVAL_SEVERAL_REQUESTS);
	cr_assert_eq(state_of(&w, second), APPROVAL_DENIED);
	cr_assert_eq(state_of(&w, first), APPROVAL_REQUESTED);
	cr_assert_eq(request_of(&w, first)->decisions_all, 0);
}

LIFE(a_word_that_is_none_decides_nothing)
{
	uint32_t r = ask(&w, "pay");
	uint32_t d = world_put(&w, "boss", "hitl_decision", "{\"decision\":\"maybe\"}", ON(r));

	cr_assert_eq(flags_of(&w, r, d), APPROVAL_UNKNOWN_DECISION | APPROVAL_KIND_BREACH);
	cr_assert_eq(state_of(&w, r), APPROVAL_REQUESTED);
}

LIFE(without_a_rule_anybody_else_decides_and_the_first_work_uses_it_up)
{
	uint32_t r = world_put(&w, "a", "hitl_request", NULL, ON(1)), d;

	cr_assert_eq(request_of(&w, r)->flags, APPROVAL_NO_ROLE);
	cr_assert_eq(request_of(&w, r)->deadline_ms, 0);
	cr_assert_eq(flags_of(&w, r, decide(&w, "a", "approved", r)), APPROVAL_SELF_APPROVAL);
	d = decide(&w, "z", "approved", r);
	cr_assert_eq(flags_of(&w, r, d), 0);
	(void)world_put(&w, "a", "explanation", NULL, ON(d));
	cr_assert_eq(state_of(&w, r), APPROVAL_APPROVED, "a record is not work");
	(void)world_put(&w, "a", "step", NULL, ON(d));
	cr_assert_eq(state_of(&w, r), APPROVAL_CONSUMED);
}
