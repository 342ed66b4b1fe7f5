/* test_answer_recovery.c - the states of tasks by the records of recovery, and every breach by its name. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "answer/recovery_list.h"
#include "claim/own_event.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct why why;

static void
setup(void)
{
	world_init(&w);
}
static void
teardown(void)
{
	world_release(&w);
}
TestSuite(answer_recovery, .init = setup, .fini = teardown, .timeout = 120);

#define P(...)                                                                                     \
	sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[])                         \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define COMPLETED	RECOVERY_COMPLETED
#define FAILED		RECOVERY_FAILED
#define REQUESTED	RECOVERY_ROLLBACK_REQUESTED
#define ROLLED_BACK	RECOVERY_ROLLED_BACK
#define ROLLBACK_FAILED RECOVERY_ROLLBACK_FAILED
#define COMPENSATION	RECOVERY_COMPENSATION_REQUIRED

static uint32_t
put(const char *iss, const char *act, const char *ext, uint32_t parent)
{
	return world_put(&w, iss, act, ext, 1, &parent);
}
static uint32_t
request(const char *iss, const char *ext, uint32_t parent)
{
	return put(iss, "rollback_request", ext, parent);
}
static uint32_t
result(const char *outcome, uint32_t parent)
{
	char ext[64];

	(void)snprintf(ext, sizeof(ext), "{\"outcome\":\"%s\"}", outcome);
	return put("a", "rollback_result", ext, parent);
}

/* The state of a task, asked alone and together with all others: it must be the same. */
static enum recovery_state
state_at(uint32_t size, uint32_t task)
{
	struct facts_view v = world_view_at(&w, size);
	struct recovery_states one, all;
	uint32_t list[64];

	cr_assert_eq(recovery_states(&v, &task, 1, &w.budget, &one, &why), RC_OK, "%s", why.text);
	for (uint32_t i = 0; i < size; i++)
		list[i] = i;
	cr_assert_eq(recovery_states(&v, list, size, &w.budget, &all, &why), RC_OK);
	cr_assert(one.complete && all.complete);
	cr_assert_eq(one.state[0], all.state[task]);
	cr_assert_eq(one.by[0], all.by[task]);
	return (enum recovery_state)one.state[0];
}
static enum recovery_state
state(uint32_t task)
{
	return state_at((uint32_t)facts_reach(w.f), task);
}

static uint32_t
number_of_w(const struct facts_view *v)
{
	uint8_t wid[UUID_SIZE];

	world_wid("w", wid);
	return facts_number(v, FACTS_WID, bytes_of(wid, UUID_SIZE));
}

static struct recovery_list
listed(void)
{
	struct facts_view v = world_view(&w);
	struct recovery_question q = {.by_wid = true, .limit = 1000};
	struct recovery_list l;

	q.wid = number_of_w(&v);
	cr_assert_eq(answer_recovery(&v, &q, &w.budget, &l, &why), RC_OK, "%s", why.text);
	return l;
}

/* How many tasks, and how many records, a question about an entry finds. */
static struct recovery_list
about(uint32_t entry)
{
	struct facts_view v = world_view(&w);
	struct recovery_question q = {.entry = entry, .limit = 1000};
	struct recovery_list l;

	cr_assert_eq(answer_recovery(&v, &q, &w.budget, &l, &why), RC_OK, "%s", why.text);
	return l;
}

/* Flags of any record. */
static unsigned
flags(uint32_t index)
{
	struct recovery_list l = listed();

	for (size_t i = 0; i < l.record_count; i++)
		if (l.records[i].index == index)
			return l.records[i].flags;
	for (size_t i = 0; i < l.request_count; i++) {
		if (l.requests[i].index == index)
			return l.requests[i].flags;
		for (size_t k = 0; k < l.requests[i].result_count; k++)
			if (l.requests[i].results[k].index == index)
				return l.requests[i].results[k].flags;
	}
	cr_assert_fail("%u is not listed", index);
	return 0;
}
static enum recovery_request_state
request_state(uint32_t index)
{
	struct recovery_list l = listed();

	for (size_t i = 0; i < l.request_count; i++)
		if (l.requests[i].index == index)
			return l.requests[i].state;
	cr_assert_fail("%u is not listed", index);
	return REQUEST_STATES;
}

/* Two tasks, the second rests on the first. */
static void
two(void)
{
	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)put("b", NULL, NULL, 0);
}

/* ---- transitions ---- */

Test(answer_recovery, a_task_is_completed_and_failed_by_a_failure_that_rests_on_it)
{
	two();
	cr_assert_eq(state(0), COMPLETED);
	(void)put("c", "failure", NULL, 0);
	cr_assert_eq(state(0), FAILED);
	cr_assert_eq(state(1), COMPLETED, "what depends on it has not failed");
	cr_assert_eq(state(2), RECOVERY_NONE, "a record has no state");
	cr_assert_eq(state_at(2, 0), COMPLETED, "as of the size");
}

Test(answer_recovery, a_request_takes_the_task_and_what_depends_on_it)
{
	two();
	cr_assert_eq(flags(request("a", NULL, 0)), 0u);
	cr_assert(state(0) == REQUESTED && state(1) == REQUESTED);
	(void)put("c", NULL, NULL, 1);
	cr_assert_eq(state(3), COMPLETED, "it came after the request");
	cr_assert_eq(request_state(2), REQUEST_OPEN);
}

Test(answer_recovery, scopes_say_how_far)
{
	static const struct {
		const char *ext;
		const char *requested;
	} cases[] = {{"{\"scope\":\"node\"}", "3"}, {"{\"scope\":\"failed\"}", "34"},
	    {"{\"scope\":\"subgraph\"}", "34"}, {"{}", "34"}, {"{\"scope\":\"checkpoint\"}", "234"},
	    {"{\"target_cp\":\"@1\"}", "234"}, {"{\"scope\":\"full\"}", "2345"},
	    {"{\"scope\":\"full\",\"target_cp\":\"@1\"}", "2345"},
	    {"{\"scope\":\"workflow\"}", "0123456"}, {"{\"set\":[\"@3\",\"@5\"]}", "35"},
	    {"{\"set\":[\"@3\",\"@5\"],\"scope\":\"node\"}", "35"},
	    {"{\"set\":[\"@2\",\"@3\"],\"scope\":\"subgraph\"}", "234"}};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		if (k > 0) {
			teardown();
			setup();
		}
		(void)world_put(&w, "r", NULL, NULL, 0, NULL);
		(void)put("r", "checkpoint", NULL, 0);
		(void)put("b", NULL, NULL, 1);
		(void)put("a", NULL, NULL, 2);
		(void)put("b", NULL, NULL, 3);
		(void)put("b", NULL, NULL, 1);
		(void)put("b", NULL, NULL, 0);
		cr_assert_eq(flags(request("a", cases[k].ext, 3)), 0u, "%s", cases[k].ext);
		for (uint32_t i = 0; i < 7; i++)
			cr_assert_eq(state(i),
			    strchr(cases[k].requested, (int)('0' + i)) != NULL ? REQUESTED
									       : COMPLETED,
			    "%s: %u", cases[k].ext, i);
	}
}

Test(answer_recovery, a_request_that_rests_on_a_failure_is_about_what_failed)
{
	two();
	(void)put("c", "failure", NULL, 1);
	(void)request("b", NULL, 2);
	cr_assert(state(0) == COMPLETED && state(1) == REQUESTED);
}

Test(answer_recovery, outcomes_move_the_tasks)
{
	static const struct {
		const char *outcome;
		enum recovery_state state;
		enum recovery_request_state request;
	} cases[] = {{"success", ROLLED_BACK, REQUEST_SUCCESS},
	    {"refused", COMPLETED, REQUEST_REFUSED},
	    {"irreversible", COMPENSATION, REQUEST_IRREVERSIBLE},
	    {"failed", ROLLBACK_FAILED, REQUEST_FAILED},
	    {"partial", ROLLBACK_FAILED, REQUEST_PARTIAL}};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		if (k > 0) {
			teardown();
			setup();
		}
		two();
		(void)request("a", NULL, 0);
		cr_assert_eq(flags(result(cases[k].outcome, 2)), 0u);
		cr_assert(state(0) == cases[k].state && state(1) == cases[k].state, "%s",
		    cases[k].outcome);
		cr_assert_eq(request_state(2), cases[k].request);
	}
}

Test(answer_recovery, refused_goes_back_to_the_state_before_with_what_failed_since)
{
	two();
	(void)put("c", "failure", NULL, 0);
	(void)request("a", NULL, 0);
	(void)put("c", "failure", NULL, 1);
	cr_assert(state(0) == REQUESTED && state(1) == REQUESTED);
	(void)result("refused", 3);
	cr_assert(state(0) == FAILED && state(1) == FAILED);
}

Test(answer_recovery, a_partial_result_names_what_is_done_and_the_rest_failed_or_wants_compensation)
{
	two();
	(void)put("b", NULL, "{\"irreversible\":true}", 1);
	(void)put("b", NULL, "{\"compensation_required\":true}", 1);
	(void)request("a", NULL, 0);
	(void)put("a", "rollback_result", "{\"outcome\":\"partial\",\"done\":[\"@1\"]}", 4);
	cr_assert(state(0) == ROLLBACK_FAILED && state(1) == ROLLED_BACK);
	cr_assert(state(2) == COMPENSATION && state(3) == COMPENSATION);
	cr_assert_eq(
	    flags(result("success", 4)), 0u, "a second result is allowed after a partial one");
	cr_assert(state(0) == ROLLED_BACK && state(2) == COMPENSATION,
	    "only a compensation makes that good");
	(void)put("b", "compensation", "{\"compensates\":\"@2\"}", 2);
	cr_assert_eq(state(2), ROLLED_BACK);
	cr_assert_eq(request_state(4), REQUEST_SUCCESS);
}

Test(answer_recovery, what_failed_to_roll_back_can_be_asked_for_again)
{
	two();
	(void)request("a", NULL, 0);
	(void)result("failed", 2);
	cr_assert_eq(state(1), ROLLBACK_FAILED);
	cr_assert_eq(flags(request("a", NULL, 0)), 0u);
	cr_assert_eq(state(1), REQUESTED);
	(void)result("refused", 4);
	cr_assert_eq(state(1), ROLLBACK_FAILED, "the state before");
}

Test(answer_recovery, the_newest_request_holds_a_task_and_an_older_success_counts_all_the_same)
{
	two();
	(void)request("a", NULL, 0);
	(void)request("b", NULL, 1);
	(void)result("refused", 2);
	cr_assert(state(0) == COMPLETED && state(1) == REQUESTED, "the second request has task 1");
	teardown();
	setup();
	two();
	(void)request("a", NULL, 0);
	(void)request("b", NULL, 1);
	(void)result("success", 2);
	cr_assert(state(0) == ROLLED_BACK && state(1) == ROLLED_BACK);
}

Test(answer_recovery, a_compensation_rolls_back_from_every_state_but_one)
{
	two();
	cr_assert_eq(flags(put("b", "compensation", "{\"compensates\":\"@1\"}", 1)), 0u);
	cr_assert(state(1) == ROLLED_BACK && state(0) == COMPLETED);
	cr_assert_eq(flags(put("b", "compensation", "{\"compensates\":\"@1\"}", 1)),
	    RECOVERY_BAD_TRANSITION);
	cr_assert_eq(flags(put("b", "failure", NULL, 1)), RECOVERY_BAD_TRANSITION);
	cr_assert_eq(state(1), ROLLED_BACK);
}

/* ---- breaches ---- */

Test(answer_recovery, a_request_for_what_is_rolled_back_is_a_bad_transition)
{
	two();
	(void)request("a", NULL, 0);
	(void)result("success", 2);
	(void)put("c", NULL, NULL, 1);
	cr_assert_eq(flags(request("a", NULL, 0)), RECOVERY_BAD_TRANSITION);
	cr_assert_eq(request_state(5), REQUEST_VOID);
	cr_assert_eq(state(4), COMPLETED, "a void request has no effect");
	cr_assert_eq(flags(request("c", NULL, 4)), 0u, "what came since is asked for by itself");
}

Test(answer_recovery, a_second_result_is_allowed_from_failed_and_partial_only)
{
	static const char *const first[] = {
	    "success", "refused", "irreversible", "failed", "partial"};

	for (size_t k = 0; k < 5; k++) {
		if (k > 0) {
			teardown();
			setup();
		}
		two();
		(void)request("a", NULL, 0);
		(void)result(first[k], 2);
		cr_assert_eq(flags(result("success", 2)),
		    k < 3 ? (unsigned)RECOVERY_BAD_TRANSITION : 0u, "%s", first[k]);
	}
}

Test(answer_recovery, who_may_ask_is_the_signer_the_root_the_coordinator_and_a_human)
{
	(void)world_policy(&w, "{\"roles\":{\"coordinator\":[\"spiffe://example.com/agent/"
			       "coord\"],\"human\":[\"spiffe://example.com/agent/hum\"]}}");
	(void)world_put(&w, "root", NULL, NULL, 0, NULL);
	(void)put("b", NULL, NULL, 1);
	(void)world_put(&w, "late", NULL, NULL, 0, NULL);
	cr_assert_eq(flags(request("b", NULL, 2)), 0u, "signed what was wrong");
	cr_assert_eq(flags(request("root", NULL, 2)), 0u);
	cr_assert_eq(flags(request("coord", NULL, 2)), 0u);
	cr_assert_eq(flags(request("hum", NULL, 2)), 0u);
	cr_assert_eq(flags(request("late", NULL, 2)), RECOVERY_NOT_AUTHORIZED,
	    "a task without predecessors is not the root");
	cr_assert_eq(flags(request("mallory", NULL, 2)), RECOVERY_NOT_AUTHORIZED);
	(void)world_policy(&w, "{\"recovery\":{\"requesters\":[\"human\"]},\"roles\":{\"human\":["
			       "\"spiffe://example.com/agent/hum\"]}}");
	cr_assert_eq(
	    flags(request("b", NULL, 2)), RECOVERY_NOT_AUTHORIZED, "by the document in force");
	cr_assert_eq(flags(request("hum", NULL, 2)), 0u);
}

Test(answer_recovery, who_is_not_authorized_changes_nothing_and_neither_does_the_answer)
{
	two();
	(void)request("mallory", NULL, 0);
	cr_assert_eq(state(0), COMPLETED);
	cr_assert_eq(flags(result("success", 2)), RECOVERY_VOID_REQUEST);
	cr_assert_eq(state(0), COMPLETED);
}

Test(answer_recovery, stale_is_behind_not_after_or_behind_the_policys_age)
{
	char ext[64];
	uint64_t s;

	two();
	s = w.now_ms / 1000;
	(void)snprintf(ext, sizeof(ext), "{\"not_after\":%llu}", (unsigned long long)s);
	cr_assert_eq(flags(request("a", ext, 0)), 0u, "received in that second");
	cr_assert_eq(request_state(2), REQUEST_OPEN);
	cr_assert_eq(flags(request("a", ext, 0)), RECOVERY_STALE_REQUEST, "a second later");
	cr_assert_eq(request_state(2), REQUEST_STALE);
	cr_assert_eq(state(0), COMPLETED, "nobody answered in time");
	cr_assert_eq(flags(result("success", 2)), RECOVERY_STALE_REQUEST);
	cr_assert_eq(state(0), COMPLETED);
	(void)world_policy(&w, "{\"recovery\":{\"request_age_max_s\":10}}");
	(void)request("a", NULL, 0);
	w.now_ms += 8000;
	cr_assert_eq(state(0), REQUESTED);
	cr_assert_eq(flags(result("failed", 6)), 0u, "ten seconds to the millisecond");
	(void)request("a", NULL, 0);
	w.now_ms += 10001;
	cr_assert_eq(flags(result("success", 8)), RECOVERY_STALE_REQUEST);
	cr_assert_eq(flags(request("a", "{\"not_after\":-5}", 0)), RECOVERY_STALE_REQUEST);
}

Test(answer_recovery,
    the_same_idem_with_the_same_content_is_a_repeat_and_with_other_content_a_conflict)
{
	two();
	(void)request("a", "{\"idem\":\"x\"}", 0);
	cr_assert_eq(flags(request("a", "{\"idem\":\"x\",\"reason\":\"again\"}", 0)),
	    RECOVERY_REPEAT, "the reason is not content");
	cr_assert_eq(request_state(3), REQUEST_REPEAT);
	cr_assert_eq(
	    flags(request("a", "{\"idem\":\"x\",\"scope\":\"node\"}", 0)), RECOVERY_IDEM_CONFLICT);
	cr_assert_eq(flags(request("a", "{\"idem\":\"y\"}", 0)), 0u);
	cr_assert_eq(flags(request("b", "{\"idem\":\"x\"}", 1)), 0u, "another requester's own");
	(void)put("a", "rollback_result", "{\"outcome\":\"success\",\"idem\":\"x\"}", 3);
	cr_assert_eq(flags(7), 0u, "the answer to a repeat answers the first");
	cr_assert_eq(request_state(2), REQUEST_SUCCESS);
	cr_assert_eq(state(0), ROLLED_BACK);
}

Test(answer_recovery, what_is_wrong_with_a_request_is_wrong_with_its_repeat_too)
{
	two();
	(void)request("z", "{\"idem\":\"x\"}", 0);
	cr_assert_eq(flags(2), (unsigned)RECOVERY_NOT_AUTHORIZED);
	cr_assert_eq(flags(request("z", "{\"idem\":\"x\"}", 0)),
	    (unsigned)(RECOVERY_NOT_AUTHORIZED | RECOVERY_REPEAT));
	cr_assert_eq(state(0), COMPLETED);
}

Test(answer_recovery, the_idem_of_a_result_is_its_requests)
{
	two();
	(void)request("a", "{\"idem\":\"x\"}", 0);
	cr_assert_eq(flags(result("success", 2)), RECOVERY_IDEM_MISMATCH);
	cr_assert_eq(
	    flags(put("a", "rollback_result", "{\"outcome\":\"success\",\"idem\":\"z\"}", 2)),
	    RECOVERY_IDEM_MISMATCH);
	cr_assert_eq(state(0), REQUESTED);
	(void)request("b", NULL, 1);
	cr_assert_eq(
	    flags(put("a", "rollback_result", "{\"outcome\":\"success\",\"idem\":\"x\"}", 5)),
	    RECOVERY_IDEM_MISMATCH);
	cr_assert_eq(
	    flags(put("a", "rollback_result", "{\"outcome\":\"success\",\"idem\":\"x\"}", 2)), 0u);
}

Test(answer_recovery, targets_that_are_none_are_named)
{
	two();
	(void)put("a", "explanation", NULL, 0);
	cr_assert_eq(flags(request("a", NULL, 2)), RECOVERY_UNKNOWN_TARGET, "no work to undo");
	cr_assert_eq(flags(request("a", "{\"set\":[\"@0\",\"@77\"]}", 0)), RECOVERY_UNKNOWN_TARGET,
	    "no such task");
	cr_assert_eq(
	    flags(request("a", "{\"set\":[\"@2\"]}", 0)), RECOVERY_UNKNOWN_TARGET, "a record");
	cr_assert_eq(flags(request("a", "{\"set\":[\"@1\"]}", 0)), RECOVERY_UNKNOWN_TARGET,
	    "nothing that it rests on");
	cr_assert_eq(flags(request("a", "{\"set\":[]}", 0)), RECOVERY_UNKNOWN_TARGET);
	cr_assert_eq(flags(request("a", "{\"target_cp\":\"@77\"}", 0)), RECOVERY_UNKNOWN_TARGET);
	cr_assert_eq(flags(put("a", "failure", NULL, 2)), RECOVERY_UNKNOWN_TARGET);
	cr_assert_eq(flags(put("a", "compensation", "{\"compensates\":\"@2\"}", 2)),
	    RECOVERY_UNKNOWN_TARGET);
	cr_assert_eq(state(0), COMPLETED);
}

Test(answer_recovery, a_checkpoint_that_cannot_be_returned_to_is_a_bad_target)
{
	two();
	(void)put("a", "checkpoint", NULL, 0);
	cr_assert_eq(
	    flags(request("b", "{\"target_cp\":\"@0\"}", 1)), RECOVERY_BAD_TARGET, "no checkpoint");
	cr_assert_eq(
	    flags(request("b", "{\"target_cp\":\"@2\"}", 1)), RECOVERY_BAD_TARGET, "not below it");
	cr_assert_eq(flags(request("b", "{\"scope\":\"checkpoint\"}", 1)), RECOVERY_BAD_TARGET,
	    "none at all");
	cr_assert_eq(flags(request("z", "{\"scope\":\"checkpoint\"}", 1)), RECOVERY_NOT_AUTHORIZED,
	    "not looked for, for one who may not ask");
	cr_assert_eq(state(1), COMPLETED);
}

Test(answer_recovery, scopes_that_are_none_are_named)
{
	static const char *const bad[] = {"{\"scope\":\"everything\"}",
	    "{\"set\":[\"@0\"],\"scope\":\"workflow\"}", "{\"set\":[\"@0\"],\"target_cp\":\"@1\"}",
	    "{\"scope\":\"node\",\"target_cp\":\"@1\"}"};

	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)put("a", "checkpoint", NULL, 0);
	(void)put("a", NULL, NULL, 1);
	for (size_t i = 0; i < 4; i++)
		cr_assert(
		    flags(request("a", bad[i], i == 3 ? 2 : 0)) & RECOVERY_BAD_SCOPE, "%s", bad[i]);
	cr_assert_eq(state(0), COMPLETED);
}

Test(answer_recovery, a_record_that_breaks_its_row_has_no_effect)
{
	two();
	cr_assert_eq(flags(request("a", "{\"set\":\"@0\"}", 0)), RECOVERY_BREACH);
	cr_assert_eq(flags(put("a", "rollback_result", "{\"outcome\":\"success\"}", 0)),
	    RECOVERY_BREACH, "rests on no request");
	(void)request("a", NULL, 0);
	cr_assert_eq(
	    flags(put("a", "rollback_result", "{\"outcome\":\"great\"}", 4)), RECOVERY_BREACH);
	cr_assert_eq(flags(put("a", "compensation", "{\"compensates\":\"@0\"}", 1)),
	    RECOVERY_BREACH, "not its predecessor");
	cr_assert_eq(state(0), REQUESTED);
}

Test(answer_recovery, a_compensation_is_about_the_task_that_it_names_and_no_other)
{
	uint32_t both[] = {0, 1};
	struct recovery_list l;

	two();
	l = about(world_put(&w, "b", "compensation", "{\"compensates\":\"@1\"}", 2, both));
	cr_assert_eq(l.task_count, 1u);
	cr_assert_eq(l.tasks[0].index, 1u);
	cr_assert_eq(about(0).record_count, 0u);
	cr_assert_eq(about(1).record_count, 1u);
}

Test(answer_recovery, a_breach_is_listed_about_the_work_among_its_predecessors)
{
	uint32_t failure, compensation;
	struct recovery_list l;

	two();
	failure = put("a", "failure", "{\"fail_class\":\"whim\"}", 0);
	compensation = put("a", "compensation", "{\"compensates\":\"@1\"}", 0);
	l = about(0);
	cr_assert_eq(l.record_count, 2u);
	cr_assert_eq(l.records[0].index, failure);
	cr_assert_eq(l.records[1].index, compensation);
	cr_assert_eq(l.records[1].flags, (unsigned)RECOVERY_BREACH);
	cr_assert_eq(about(1).record_count, 0u);
	cr_assert_eq(about(failure).tasks[0].index, 0u);
	cr_assert_eq(about(compensation).tasks[0].index, 0u);
}

Test(answer_recovery, a_repeat_and_the_answer_to_it_are_about_the_set_of_the_first_request)
{
	uint32_t again;

	two();
	(void)request("a", "{\"idem\":\"x\"}", 0);
	(void)put("c", NULL, NULL, 1);
	again = request("a", "{\"idem\":\"x\"}", 0);
	cr_assert_eq(flags(again), (unsigned)RECOVERY_REPEAT);
	cr_assert_eq(about(again).task_count, 2u, "what came between was not asked for");
	cr_assert_eq(
	    about(put("b", "rollback_result", "{\"outcome\":\"success\",\"idem\":\"x\"}", again))
		.task_count,
	    2u);
	cr_assert_eq(state(3), COMPLETED);
}

Test(answer_recovery, what_nobody_signed_has_no_effect_on_what_somebody_did)
{
	struct world_task t = {.level = LEVEL_1, .parent_count = 1, .parents = {0}};

	two();
	t.act = "failure";
	cr_assert_eq(flags(world_add(&w, &t)), RECOVERY_UNSIGNED);
	t.act = "rollback_request";
	cr_assert_eq(flags(world_add(&w, &t)), RECOVERY_UNSIGNED);
	t.act = "compensation";
	t.ext = "{\"compensates\":\"@0\"}";
	cr_assert_eq(flags(world_add(&w, &t)), RECOVERY_UNSIGNED);
	cr_assert_eq(state(0), COMPLETED);
	t.parents[0] = request("a", NULL, 0);
	t.act = "rollback_result";
	t.ext = "{\"outcome\":\"success\"}";
	cr_assert_eq(flags(world_add(&w, &t)), RECOVERY_UNSIGNED);
	cr_assert_eq(state(0), REQUESTED);
}

Test(answer_recovery, among_unsigned_records_all_have_effect)
{
	struct world_task t = {.level = LEVEL_1};

	(void)world_add(&w, &t);
	t.parent_count = 1;
	t.act = "rollback_request";
	cr_assert_eq(flags(world_add(&w, &t)), 0u);
	cr_assert_eq(state(0), REQUESTED);
}

Test(answer_recovery,
    a_partial_result_about_tasks_outside_the_set_is_flagged_and_counts_for_those_inside)
{
	two();
	(void)request("b", NULL, 1);
	(void)put("b", "rollback_result", "{\"outcome\":\"partial\",\"done\":[\"@0\",\"@1\"]}", 2);
	cr_assert_eq(flags(3), RECOVERY_OUTSIDE_SET);
	cr_assert(state(0) == COMPLETED && state(1) == ROLLED_BACK);
}

/* ---- the list ---- */

Test(answer_recovery, every_flag_and_state_has_its_name)
{
	for (unsigned i = 0; i < RECOVERY_FLAG_COUNT; i++)
		for (unsigned k = 0; k < i; k++)
			cr_assert_str_neq(recovery_flag_text(i), recovery_flag_text(k));
	cr_assert_str_eq(recovery_flag_text(RECOVERY_BIT_BAD_TRANSITION), "bad_transition");
	cr_assert_str_eq(recovery_flag_text(RECOVERY_BIT_BREACH), "breach");
	cr_assert_str_eq(recovery_state_text(COMPENSATION), "compensation_required");
	cr_assert_str_eq(recovery_request_text(REQUEST_VOID), "void");
}

Test(answer_recovery, a_question_about_a_record_is_about_its_tasks)
{
	struct facts_view v;
	struct recovery_question q = {.limit = 100};
	struct recovery_list l;

	two();
	(void)put("c", NULL, NULL, 0);
	(void)put("c", "failure", NULL, 1);
	(void)request("b", NULL, 3);
	(void)result("failed", 4);
	(void)put("c", "explanation", NULL, 0);
	v = world_view(&w);
	for (q.entry = 3; q.entry <= 5; q.entry++) {
		cr_assert_eq(answer_recovery(&v, &q, &w.budget, &l, &why), RC_OK, "%s", why.text);
		cr_assert(l.task_count == 1 && l.tasks[0].index == 1 &&
			  l.tasks[0].state == ROLLBACK_FAILED && l.tasks[0].by == 5);
		cr_assert(l.request_count == 1 && l.requests[0].result_total == 1 &&
			  l.record_count == 1 && l.records[0].index == 3);
	}
	q.entry = 0;
	cr_assert_eq(answer_recovery(&v, &q, &w.budget, &l, &why), RC_OK);
	cr_assert(l.task_count == 1 && l.request_count == 0 && l.record_count == 0);
	q.entry = 6;
	cr_assert_eq(answer_recovery(&v, &q, &w.budget, &l, &why), RC_BAD_REQUEST);
}

Test(answer_recovery, pages_join_to_the_whole)
{
	struct recovery_question q = {.by_wid = true, .limit = 3};
	struct recovery_list whole, page;
	struct facts_view v;
	size_t records = 0, tasks = 0;

	two();
	for (unsigned i = 0; i < 5; i++) {
		(void)put("c", "failure", NULL, put("c", NULL, NULL, 0));
		(void)request("a", NULL, 0);
	}
	whole = listed();
	cr_assert_eq(whole.request_count + whole.record_count, 10u);
	v = world_view(&w);
	q.wid = fact(&v, 0)->wid;
	do {
		cr_assert_eq(answer_recovery(&v, &q, &w.budget, &page, &why), RC_OK);
		cr_assert(page.request_count + page.record_count <= 3 && page.task_count <= 3);
		records += page.request_count + page.record_count;
		tasks += page.task_count;
		q.from = page.next == FACTS_NONE ? v.size : page.next;
		q.tasks_from = page.tasks_next == FACTS_NONE ? v.size : page.tasks_next;
	} while (q.from < v.size || q.tasks_from < v.size);
	cr_assert(records == 10 && tasks == whole.task_count);
}

Test(answer_recovery, over_the_budget_it_says_so)
{
	struct facts_view v;
	struct recovery_states s;
	uint32_t task = 0;

	two();
	(void)put("c", "failure", NULL, 0);
	(void)request("a", NULL, 0);
	v = world_view(&w);
	w.budget.nodes_max = 1;
	cr_assert_eq(recovery_states(&v, &task, 1, &w.budget, &s, &why), RC_OK);
	cr_assert_not(s.complete);
	cr_assert_eq(s.state[0], FAILED, "by the first record");
}

Test(answer_recovery, many_failures_elsewhere_change_neither_states_nor_flags)
{
	uint32_t both[2];

	two();
	(void)put("c", "compensation", "{\"compensates\":\"@1\"}", 1);
	both[0] = 0;
	both[1] = 1;
	(void)world_put(&w, "c", "failure", NULL, 2, both);
	cr_assert_eq(flags(3), RECOVERY_BAD_TRANSITION, "one of the two is rolled back");
	cr_assert_eq(state_at(4, 0), FAILED);
	both[1] = put("x", NULL, NULL, 0);
	for (uint32_t i = 0; i < 5000; i++)
		(void)put("x", "failure", NULL, both[1]);
	cr_assert_eq(flags(3), RECOVERY_BAD_TRANSITION);
	{
		struct facts_view v = world_view(&w);
		struct recovery_question q = {.entry = 0, .limit = 100};
		struct recovery_list l;
		struct recovery_states s;
		uint32_t tasks[] = {0, 1};

		w.budget.nodes_max = 100;
		cr_assert_eq(recovery_states(&v, tasks, 2, &w.budget, &s, &why), RC_OK);
		cr_assert(s.complete && s.state[0] == FAILED && s.state[1] == RECOVERY_ROLLED_BACK);
		cr_assert_eq(answer_recovery(&v, &q, &w.budget, &l, &why), RC_OK);
		cr_assert(l.complete && l.record_count == 1 && l.records[0].index == 3);
		cr_assert_eq(l.records[0].flags, RECOVERY_BAD_TRANSITION,
		    "though task 1 was not asked about");
	}
}

static uint64_t dice_state;
static uint32_t
dice(uint32_t n)
{
	dice_state = dice_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(dice_state >> 33) % n;
}

/* One entry of any kind that recovery reads, well formed more often than not. */
static void
add_any(uint32_t n)
{
	static const char *const issuers[] = {"a", "b", "c"};
	static const char *const acts[] = {NULL, NULL, NULL, "checkpoint", "failure",
	    "rollback_request", "rollback_request", "rollback_result", "rollback_result",
	    "compensation", "explanation"};
	static const char *const scopes[] = {
	    "node", "failed", "checkpoint", "full", "workflow", "odd"};
	static const char *const outcomes[] = {
	    "success", "partial", "refused", "irreversible", "failed"};
	struct world_task t = {
	    .iss = issuers[dice(3)], .act = acts[dice(11)], .wid = dice(4) == 0 ? "v" : NULL};
	char ext[256] = "";

	for (unsigned k = dice(3) + 1; n > 0 && k > 0; k--) {
		uint32_t p = n - 1 - dice(n < 8 ? n : 8);
		bool twice = false;

		for (size_t i = 0; i < t.parent_count; i++)
			twice = twice || t.parents[i] == p;
		if (!twice)
			t.parents[t.parent_count++] = p;
	}
	if (dice(20) == 0)
		t.level = LEVEL_1;
	if (t.act != NULL && strcmp(t.act, "rollback_request") == 0) {
		if (dice(3) == 0)
			(void)snprintf(ext, sizeof(ext), "{\"scope\":\"%s\",\"idem\":\"%u\"}",
			    scopes[dice(6)], dice(4));
		else if (dice(3) == 0 && n > 2)
			(void)snprintf(
			    ext, sizeof(ext), "{\"set\":[\"@%u\",\"@%u\"]}", n - 1, n - 2);
	} else if (t.act != NULL && strcmp(t.act, "rollback_result") == 0) {
		(void)snprintf(ext, sizeof(ext), "{\"outcome\":\"%s\",\"done\":[\"@%u\"]}",
		    outcomes[dice(5)], dice(n + 1));
	} else if (t.act != NULL && strcmp(t.act, "compensation") == 0 && t.parent_count > 0) {
		(void)snprintf(ext, sizeof(ext), "{\"compensates\":\"@%u\"}", t.parents[0]);
	} else if (dice(6) == 0) {
		(void)snprintf(ext, sizeof(ext), "{\"irreversible\":true}");
	}
	t.ext = ext[0] != '\0' ? ext : NULL;
	(void)world_add(&w, &t);
}

Test(answer_recovery, in_random_worlds_states_do_not_depend_on_what_else_is_asked)
{
	size_t moved = 0;

	for (uint64_t seed = 1; seed <= 150; seed++) {
		uint32_t size;

		if (seed > 1) {
			teardown();
			setup();
		}
		dice_state = seed;
		for (uint32_t n = 0; n < 40; n++)
			add_any(n);
		for (size = 40; size >= 20; size -= 10)
			for (uint32_t i = 0; i < size; i++)
				moved += state_at(size, i) > COMPLETED;
	}
	cr_assert_gt(moved, 1000u, "%zu", moved);
}

Test(answer_recovery, in_random_worlds_flags_do_not_depend_on_what_was_asked)
{
	size_t flagged = 0;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct facts_view v;
		unsigned by_wid[40] = {0};
		struct recovery_list l;

		if (seed > 1) {
			teardown();
			setup();
		}
		dice_state = seed;
		for (uint32_t n = 0; n < 40; n++)
			add_any(n);
		v = world_view(&w);
		l = listed();
		for (size_t i = 0; i < l.request_count; i++)
			by_wid[l.requests[i].index] = l.requests[i].flags;
		for (size_t i = 0; i < l.record_count; i++)
			by_wid[l.records[i].index] = l.records[i].flags;
		for (uint32_t e = 0; e < 40; e++) {
			struct recovery_question q = {.entry = e, .limit = 100};
			uint32_t w_number = number_of_w(&v);

			if (answer_recovery(&v, &q, &w.budget, &l, &why) != RC_OK)
				continue;
			for (size_t i = 0; i < l.request_count; i++)
				if (fact(&v, l.requests[i].index)->wid == w_number) {
					cr_assert_eq(
					    l.requests[i].flags, by_wid[l.requests[i].index]);
					flagged += l.requests[i].flags != 0;
				}
			for (size_t i = 0; i < l.record_count; i++)
				if (fact(&v, l.records[i].index)->wid == w_number) {
					cr_assert_eq(
					    l.records[i].flags, by_wid[l.records[i].index]);
					flagged += l.records[i].flags != 0;
				}
		}
	}
	cr_assert_gt(flagged, 100u, "%zu", flagged);
}

/* A descriptor before the first task hides which that is: it is looked for once, not for each root of each request. */
Test(answer_recovery, the_first_task_behind_a_descriptor_is_looked_for_once)
{
	struct own_descriptor plan = {
	    .by = bytes_str("x"), .descriptor = bytes_str("{\"nodes\":[{\"id\":\"n\"}]}")};
	struct world_task t = {.iss = "a", .act = "rollback_request", .parent_count = 100};
	struct recovery_question q = {.limit = 1};
	struct facts_view v;
	struct recovery_list l;
	struct bytes payload;
	clock_t from;

	world_wid("w", plan.wid);
	cr_assert_eq(own_descriptor_write(&plan, &w.arena, &payload), RC_OK);
	(void)world_event(&w, ENTRY_DESCRIPTOR, payload);
	for (uint32_t i = 0; i < 20000; i++)
		(void)world_put(&w, "b", "step", NULL, 0, NULL);
	for (uint32_t i = 0; i < 100; i++)
		t.parents[i] = 1 + i;
	for (uint32_t i = 0; i < 2000; i++)
		(void)world_add(&w, &t);
	v = world_view(&w);
	q.entry = 1;
	from = clock();
	cr_assert_eq(answer_recovery(&v, &q, &w.budget, &l, &why), RC_OK, "%s", why.text);
	cr_assert(l.requests[0].flags & RECOVERY_NOT_AUTHORIZED);
	cr_assert_lt((double)(clock() - from) / CLOCKS_PER_SEC, 3.0);
}
