/* test_answer_rollback.c - what depends on a wrong task, in an order that can be undone, and how far it reached. */
#include <criterion/criterion.h>
#include <string.h>

#include "answer/rollback.h"
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
TestSuite(answer_rollback, .init = setup, .fini = teardown, .timeout = 120);

#define P(...)                                                                                     \
	sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[])                         \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static struct rollback_question
about(uint32_t task)
{
	return (struct rollback_question){.task = task, .to = FACTS_NONE, .limit = 10000};
}

static struct rollback_answer
ask_at(uint32_t size, struct rollback_question q)
{
	struct facts_view v = world_view_at(&w, size);
	struct rollback_answer a;

	cr_assert_eq(answer_rollback(&v, &q, &w.budget, &a, &why), RC_OK, "%s", why.text);
	return a;
}

static struct rollback_answer
ask(struct rollback_question q)
{
	return ask_at((uint32_t)facts_reach(w.f), q);
}

static enum rc
refused(struct rollback_question q)
{
	struct facts_view v = world_view(&w);
	struct rollback_answer a;

	return answer_rollback(&v, &q, &w.budget, &a, &why);
}

static void
expect(const struct rollback_answer *a, size_t count, const uint32_t *want)
{
	cr_assert_eq(a->item_count, count, "%zu items", a->item_count);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(a->items[i].index, want[i], "item %zu is %u", i, a->items[i].index);
}
#define EXPECT(a, ...) expect(a, P(__VA_ARGS__))

/* 0 <- 1 <- 2, 1 and 3 <- 4 (a join, in another workflow and domain), 3 alone; then the recovery of 1: 5, 6, 7, 8;
 * 9 goes on from 7, in no workflow. */
static void
build(void)
{
	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)world_put(&w, "b", NULL, NULL, P(0));
	(void)world_put(&w, "b", NULL, NULL, P(1));
	(void)world_put(&w, "c", NULL, NULL, 0, NULL);
	(void)world_add(&w,
	    &(struct world_task){
		.iss = "spiffe://other.org/x", .wid = "v", .parents = {1, 3}, .parent_count = 2});
	(void)world_put(&w, "e", "failure", NULL, P(1));
	(void)world_put(&w, "a", "rollback_request", "{\"scope\":\"node\"}", P(5));
	(void)world_put(&w, "e", "rollback_result", "{\"outcome\":\"refused\"}", P(6));
	(void)world_put(&w, "e", "circuit", "{\"state\":\"open\"}", P(1));
	(void)world_add(
	    &w, &(struct world_task){.iss = "f", .wid = "", .parents = {7}, .parent_count = 1});
}

Test(answer_rollback, the_set_is_the_task_and_all_that_depends_on_it_newest_first)
{
	struct rollback_answer a;

	build();
	a = ask_at(5, about(1));
	cr_assert(a.complete && a.task == 1 && a.tree_size == 5 && a.checkpoint == FACTS_NONE);
	EXPECT(&a, 4, 2, 1);
	cr_assert(a.tasks == 3 && a.agents == 2 && a.workflows == 2 && a.trust_domains == 2);
	cr_assert(a.depth == 1 && a.foreign == 1 && a.joins == 1);
	cr_assert(a.items[0].foreign && a.items[0].join);
	cr_assert_not(a.items[1].foreign || a.items[1].join || a.items[2].join);
}

Test(answer_rollback, records_are_left_out_and_what_depends_on_them_is_not)
{
	struct rollback_answer a;

	build();
	a = ask(about(1));
	EXPECT(&a, 9, 4, 2, 1);
	cr_assert(a.agents == 3 && a.workflows == 2 && a.depth == 4);
	cr_assert(a.items[0].foreign, "task 9 is in no workflow");
}

Test(answer_rollback, every_kind_that_is_no_work_is_left_out)
{
	static const char *const acts[] = {"start", "failure", "rollback_request",
	    "rollback_result", "compensation", "circuit", "hitl_request", "hitl_decision",
	    "override", "override_ack", "override_release", "trust_assertion", "trust_revocation",
	    "quarantine", "quarantine_end", "attestation", "explanation", "lifecycle"};
	size_t n = sizeof(acts) / sizeof(acts[0]);
	struct rollback_answer a;

	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	for (size_t i = 0; i < n; i++)
		(void)world_put(&w, "a", acts[i], NULL, P(0));
	(void)world_put(&w, "a", "checkpoint", NULL, P(0));
	(void)world_put(&w, "a", "translation", NULL, P(0));
	a = ask(about(0));
	EXPECT(&a, (uint32_t)n + 2, (uint32_t)n + 1, 0);
	cr_assert_eq(kind_count(), n + 3, "a new kind: decide whether it is work");
}

Test(answer_rollback, a_record_that_is_itself_wrong_is_in)
{
	struct rollback_answer a;

	build();
	a = ask(about(6));
	EXPECT(&a, 9, 6);
}

Test(answer_rollback, over_the_budget_the_set_is_incomplete_and_says_so)
{
	struct rollback_answer a;

	build();
	w.budget.nodes_max = 3;
	a = ask_at(5, about(1));
	cr_assert(a.complete && a.item_count == 3);
	w.budget.nodes_max = 2;
	a = ask_at(5, about(1));
	cr_assert(!a.complete && a.item_count == 2);
	w.budget.nodes_max = 0;
	a = ask_at(5, about(1));
	cr_assert(!a.complete && a.item_count == 0);
}

Test(answer_rollback, what_was_added_since_changes_nothing_at_the_old_size)
{
	struct rollback_answer a, b;

	build();
	a = ask_at(5, about(1));
	(void)world_put(&w, "z", NULL, NULL, P(1));
	b = ask_at(5, about(1));
	cr_assert(a.item_count == b.item_count && a.tasks == b.tasks &&
		  a.rests_on_count == b.rests_on_count);
	cr_assert_eq(memcmp(a.items, b.items, a.item_count * sizeof(*a.items)), 0);
}

/* ---- actions ---- */

Test(answer_rollback, actions_follow_what_tasks_say_and_what_was_done)
{
	struct rollback_answer a;

	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)world_put(&w, "a", NULL, "{\"irreversible\":true}", P(0));
	(void)world_put(&w, "a", NULL, "{\"compensation_required\":true}", P(0));
	(void)world_put(
	    &w, "a", NULL, "{\"compensation_required\":true,\"irreversible\":true}", P(0));
	(void)world_put(&w, "a", NULL, "{\"irreversible\":true}", P(0));
	(void)world_put(&w, "a", "compensation", "{\"compensates\":\"@4\"}", P(4));
	a = ask(about(0));
	EXPECT(&a, 4, 3, 2, 1, 0);
	cr_assert_eq(a.items[0].action, ROLLBACK_ALREADY);
	cr_assert_eq(a.items[1].action, ROLLBACK_COMPENSATE, "it says how it is made good");
	cr_assert_eq(a.items[2].action, ROLLBACK_COMPENSATE);
	cr_assert_eq(a.items[3].action, ROLLBACK_IRREVERSIBLE);
	cr_assert_eq(a.items[4].action, ROLLBACK_UNDO);
	cr_assert(a.by_action[ROLLBACK_UNDO] == 1 && a.by_action[ROLLBACK_COMPENSATE] == 2 &&
		  a.by_action[ROLLBACK_IRREVERSIBLE] == 1 && a.by_action[ROLLBACK_ALREADY] == 1);
	cr_assert_eq(
	    a.rests_on[a.rests_on_count - 1], 5u, "the compensation is part of the evidence");
	a = ask_at(5, about(0));
	cr_assert_eq(a.items[0].action, ROLLBACK_IRREVERSIBLE, "before it was compensated");
}

Test(answer_rollback, what_a_success_covers_is_rolled_back_and_what_came_after_the_request_is_not)
{
	struct rollback_answer a;

	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)world_put(&w, "b", NULL, NULL, P(0));
	(void)world_put(&w, "a", "rollback_request", NULL, P(0));
	(void)world_put(&w, "c", NULL, NULL, P(1));
	(void)world_put(&w, "b", "rollback_result", "{\"outcome\":\"success\"}", P(2));
	a = ask(about(0));
	EXPECT(&a, 3, 1, 0);
	cr_assert_eq(a.items[0].action, ROLLBACK_UNDO);
	cr_assert_eq(a.items[1].action, ROLLBACK_ALREADY);
	cr_assert_eq(a.items[2].action, ROLLBACK_ALREADY);
}

/* ---- checkpoints ---- */

/* 0 <- cp 1 <- 2 <- 3 <- 4 (wrong) <- 5; 1 <- 6 <- 7 beside; 8 rests on 6 and 4; 9 rests on 0. */
static void
build_cp(void)
{
	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)world_put(&w, "a", "checkpoint", NULL, P(0));
	(void)world_put(&w, "b", NULL, NULL, P(1));
	(void)world_put(&w, "b", NULL, NULL, P(2));
	(void)world_put(&w, "c", NULL, NULL, P(3));
	(void)world_put(&w, "c", NULL, NULL, P(4));
	(void)world_put(&w, "d", NULL, NULL, P(1));
	(void)world_put(&w, "d", NULL, NULL, P(6));
	(void)world_put(&w, "d", NULL, NULL, P(6, 4));
	(void)world_put(&w, "d", NULL, NULL, P(0));
}

Test(answer_rollback, to_the_checkpoint_is_also_what_lies_between_and_full_all_after_it)
{
	struct rollback_question q = about(4);
	struct rollback_answer a;

	build_cp();
	a = ask(q);
	EXPECT(&a, 8, 5, 4);
	cr_assert_eq(a.checkpoint, 1u);
	q.scope = ROLLBACK_CHECKPOINT;
	a = ask(q);
	EXPECT(&a, 8, 5, 4, 3, 2);
	cr_assert(a.checkpoint == 1 && a.joins == 1);
	q.scope = ROLLBACK_FULL;
	a = ask(q);
	EXPECT(&a, 8, 7, 6, 5, 4, 3, 2);
	cr_assert(a.checkpoint == 1 && a.joins == 0, "the checkpoint is inside");
}

Test(answer_rollback, the_nearest_checkpoint_has_fewest_hops_then_the_larger_index)
{
	struct rollback_answer a;

	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)world_put(&w, "a", "checkpoint", NULL, P(0));
	(void)world_put(&w, "a", "checkpoint", NULL, P(0));
	(void)world_put(&w, "a", NULL, NULL, P(2));
	(void)world_put(&w, "a", NULL, NULL, P(1, 2));
	(void)world_put(&w, "a", NULL, NULL, P(1, 3));
	a = ask(about(4));
	cr_assert_eq(a.checkpoint, 2u, "both one hop away: the larger index");
	a = ask(about(5));
	cr_assert_eq(a.checkpoint, 1u, "one hop, the other two");
	a = ask(about(2));
	cr_assert_eq(a.checkpoint, FACTS_NONE, "a checkpoint is not its own");
}

Test(answer_rollback, the_oldest_checkpoint_is_found_beside_parents_that_are_older)
{
	for (int i = 0; i < 3; i++)
		(void)world_put(&w, "a", "step", NULL, 0, NULL);
	(void)world_put(&w, "a", "checkpoint", NULL, P(1));
	(void)world_put(&w, "a", "step", NULL, P(0, 3));
	(void)world_put(&w, "a", "step", NULL, P(2, 4));
	cr_assert_eq(ask(about(5)).checkpoint, 3u, "however old the others are");
	(void)world_put(&w, "a", "step", NULL, P(0, 2));
	cr_assert_eq(ask(about(6)).checkpoint, FACTS_NONE, "it rests on none");
	cr_assert(ask(about(6)).checkpoint_complete);
}

Test(answer_rollback, a_checkpoint_that_cannot_be_returned_to_is_none)
{
	struct rollback_question q = about(4);
	struct rollback_answer a;

	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)world_put(&w, "a", "checkpoint", NULL, P(0));
	(void)world_put(&w, "a", "checkpoint", "{\"reversible\":false}", P(1));
	(void)world_put(&w, "a", "checkpoint", "{\"ttl_s\":1}", P(2));
	(void)world_put(&w, "a", NULL, NULL, P(3));
	a = ask(q);
	cr_assert_eq(a.checkpoint, 3u, "its time is not over: to the second");
	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	a = ask(q);
	cr_assert_eq(a.checkpoint, 1u);
	q.to = 3;
	cr_assert_eq(refused(q), RC_BAD_REQUEST);
	q.to = 2;
	cr_assert_eq(refused(q), RC_BAD_REQUEST);
	q.to = 0;
	cr_assert_eq(refused(q), RC_BAD_REQUEST, "no checkpoint at all");
	q.to = 1;
	q.scope = ROLLBACK_CHECKPOINT;
	a = ask(q);
	EXPECT(&a, 4, 3, 2);
}

Test(answer_rollback, a_checkpoint_with_a_negative_time_to_live_was_never_one)
{
	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)world_put(&w, "a", "checkpoint", "{\"ttl_s\":-5}", P(0));
	(void)world_put(&w, "a", NULL, NULL, P(1));
	cr_assert_eq(ask(about(2)).checkpoint, FACTS_NONE);
}

Test(answer_rollback, a_checkpoint_that_the_task_does_not_rest_on_is_refused)
{
	struct rollback_question q = about(2);

	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	(void)world_put(&w, "a", "checkpoint", NULL, P(0));
	(void)world_put(&w, "a", NULL, NULL, P(0));
	q.to = 1;
	q.scope = ROLLBACK_CHECKPOINT;
	cr_assert_eq(refused(q), RC_BAD_REQUEST);
	q.scope = ROLLBACK_FULL;
	cr_assert_eq(refused(q), RC_BAD_REQUEST);
	q.task = 1;
	cr_assert_eq(refused(q), RC_BAD_REQUEST, "nor on itself");
	q = about(2);
	q.scope = ROLLBACK_FULL;
	cr_assert_eq(refused(q), RC_NOT_FOUND, "there is none to return to");
}

/* ---- pages ---- */

Test(answer_rollback, pages_join_to_the_whole_and_counts_are_of_all)
{
	struct rollback_question q = about(4);
	struct rollback_answer whole, page;
	size_t n = 0;

	build_cp();
	q.scope = ROLLBACK_FULL;
	whole = ask(q);
	q.limit = 2;
	do {
		page = ask(q);
		cr_assert(page.tasks == whole.tasks && page.item_count > 0);
		cr_assert_eq(
		    memcmp(page.items, whole.items + n, page.item_count * sizeof(*page.items)), 0);
		n += page.item_count;
		q.has_after = true;
		q.after = page.next;
	} while (page.next != FACTS_NONE);
	cr_assert_eq(n, whole.item_count);
}

Test(answer_rollback, no_task_is_undone_before_what_depends_on_it)
{
	static bool undone[2000], in[2000];
	uint32_t parents[2000];
	struct rollback_answer a;
	uint64_t seed = 7;

	for (uint32_t i = 0; i < 2000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		parents[i] = i == 0 ? 0 : (uint32_t)(seed >> 33) % i;
		(void)world_put(&w, "a", NULL, NULL, i > 0, &parents[i]);
	}
	a = ask(about(3));
	cr_assert_gt(a.item_count, 10u);
	for (size_t i = 0; i < a.item_count; i++)
		in[a.items[i].index] = true;
	for (uint32_t i = 4; i < 2000; i++)
		cr_assert_eq(in[i], in[parents[i]], "closed downwards");
	for (size_t i = 0; i < a.item_count; i++) {
		uint32_t x = a.items[i].index;

		for (uint32_t c = x + 1; c < 2000; c++)
			cr_assert(parents[c] != x || !in[c] || undone[c]);
		undone[x] = true;
	}
}

Test(answer_rollback, a_chain_and_a_fan_of_a_hundred_thousand)
{
	struct rollback_answer a;

	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	for (uint32_t i = 0; i < 100000; i++)
		(void)world_put(&w, "a", NULL, NULL, P(i));
	for (uint32_t i = 0; i < 100000; i++)
		(void)world_put(&w, "a", NULL, NULL, P(0));
	a = ask(about(0));
	cr_assert(a.complete && a.tasks == 200001 && a.depth == 100000 && a.item_count == 10000);
	a = ask(about(200000));
	cr_assert(a.complete && a.checkpoint_complete && a.tasks == 1 && a.depth == 0);
}
