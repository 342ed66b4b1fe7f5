/*
 * test_answer_workflow.c - states of tasks and declared nodes, and where what was done deviates from
 * what was declared.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer/workflow.h"
#include "base/must.h"
#include "claim/own_event.h"
#include "lib/facts_world.h"

static struct facts_world w;

static void
open_world(void)
{
	world_init(&w);
}

static void
close_world(void)
{
	world_release(&w);
}

TestSuite(answer_workflow, .init = open_world, .fini = close_world);

static uint32_t
register_for(const char *wid, const char *text)
{
	struct own_descriptor event = {
	    .by = bytes_str("loopback"), .media = OWN_JSON, .descriptor = bytes_str(text)};
	struct bytes payload;

	world_wid(wid, event.wid);
	must(own_descriptor_write(&event, &w.arena, &payload) == RC_OK);
	return world_event(&w, ENTRY_DESCRIPTOR, payload);
}

#define DECLARE(text) register_for("w", text)
#define AFTER(...)                                                                                 \
	(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)), (uint32_t[])                       \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define ROOT 0, NULL

static uint32_t
wid_number(const struct facts_view *v, const char *name)
{
	uint8_t wid[UUID_SIZE];

	world_wid(name, wid);
	return facts_number(v, FACTS_WID, bytes_of(wid, UUID_SIZE));
}

static struct workflow_answer
ask_at(uint32_t size, uint64_t offset, size_t limit)
{
	struct facts_view v = world_view_at(&w, size);
	struct workflow_ask q = {.wid = wid_number(&v, "w"), .offset = offset, .limit = limit};
	struct workflow_answer a;

	cr_assert_eq(answer_workflow(&v, &q, &w.budget, &a, NULL), RC_OK);
	cr_assert_eq(a.tree_size, size);
	for (size_t i = 1; i < a.rests_on_count; i++)
		cr_assert_lt(a.rests_on[i - 1], a.rests_on[i]);
	return a;
}

static struct workflow_answer
ask(void)
{
	return ask_at((uint32_t)facts_reach(w.f), 0, 1000);
}

static enum workflow_state
state_of(const struct workflow_answer *a, uint32_t index)
{
	for (size_t i = 0; i < a->row_count; i++)
		if (a->rows[i].index == index)
			return (enum workflow_state)a->rows[i].state;
	return WORKFLOW_NONE;
}

/* "missing -:b; extra 4:-" */
static const char *
deviations(const struct workflow_answer *a)
{
	static char text[4096];
	size_t n = 0, all = 0;

	text[0] = '\0';
	for (size_t i = 0; i < a->deviation_count; i++) {
		const struct workflow_deviation *d = &a->deviations[i];
		const struct descriptor_node *nodes = a->descriptor->nodes;

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? "; " : "",
		    workflow_deviation_text(d->kind));
		if (d->index != FACTS_NONE)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %u", d->index);
		if (d->node != WORKFLOW_NO_NODE)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %.*s",
			    (int)nodes[d->node].id.n, (const char *)nodes[d->node].id.p);
		if (d->before != WORKFLOW_NO_NODE)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " not on %.*s",
			    (int)nodes[d->before].id.n, (const char *)nodes[d->before].id.p);
		if (d->quota != FLOW_QUOTA_NONE)
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, " %s", workflow_quota_text(d->quota));
	}
	for (size_t k = 0; k < DEVIATION_KINDS; k++)
		all += a->deviation_counts[k];
	cr_expect_eq(all, a->deviation_count, "all are counted, and these few are all listed");
	return text;
}

#define EXPECT_DEVIATIONS(text)                                                                    \
	do {                                                                                       \
		struct workflow_answer a_ = ask();                                                 \
		cr_expect_str_eq(deviations(&a_), text, "%s", deviations(&a_));                    \
	} while (0)

/* ---- without a descriptor ---- */

Test(answer_workflow, a_task_is_done_until_a_record_says_otherwise)
{
	struct workflow_answer a;

	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "write", NULL, AFTER(0));
	world_put(&w, "b", "checkpoint", NULL, AFTER(1));
	world_put(&w, "c", "failure", NULL, AFTER(1));
	world_put(&w, "c", "explanation", NULL, AFTER(1));
	a = ask();
	cr_expect_eq(a.row_count, 3, "records have no state");
	cr_expect_eq(state_of(&a, 0), WORKFLOW_DONE);
	cr_expect_eq(state_of(&a, 1), WORKFLOW_FAILED);
	cr_expect_eq(state_of(&a, 2), WORKFLOW_DONE);
	cr_expect_eq(a.by_state[WORKFLOW_DONE], 2);
	cr_expect_eq(a.by_state[WORKFLOW_FAILED], 1);
	cr_expect_eq(a.rows[1].by, 3, "the failure brought it there");
	cr_expect_eq(a.explanation_count, 1);
	cr_expect_eq(a.explanations[0], 4);
	cr_expect_eq(a.rests_on_count, 5);
	cr_expect_null(a.descriptor);
	cr_expect_eq(a.deviation_count, 0);
	world_put(&w, "b", "compensation", "{\"compensates\":\"@1\"}", AFTER(1));
	a = ask();
	cr_expect_eq(state_of(&a, 1), WORKFLOW_ROLLED_BACK);
}

Test(answer_workflow, other_workflows_are_not_told)
{
	struct workflow_answer a;

	world_put(&w, "a", "read", NULL, ROOT);
	world_add(&w, &(struct world_task){.wid = "other", .parents = {0}, .parent_count = 1});
	world_add(&w, &(struct world_task){.wid = "", .parents = {0}, .parent_count = 1});
	a = ask();
	cr_expect_eq(a.rows_all, 1);
}

Test(answer_workflow, a_record_in_another_workflow_counts_and_is_named)
{
	struct workflow_answer a;

	world_put(&w, "a", "read", NULL, ROOT);
	world_add(&w,
	    &(struct world_task){
		.iss = "c", .act = "failure", .wid = "other", .parents = {0}, .parent_count = 1});
	a = ask();
	cr_expect_eq(state_of(&a, 0), WORKFLOW_FAILED);
	cr_expect_eq(a.rests_on_count, 2);
	cr_expect_eq(a.rests_on[1], 1);
}

Test(answer_workflow, a_start_runs_until_a_task_of_its_name_comes)
{
	struct workflow_answer a;

	world_put(&w, "a", "start", "{\"node\":\"draft\"}", ROOT);
	world_put(&w, "b", "start", "{\"node\":\"check\"}", ROOT);
	a = ask();
	cr_expect_eq(a.by_state[WORKFLOW_RUNNING], 2);
	world_put(&w, "a", "draft", NULL, ROOT); /* by its act */
	world_put(&w, "b", "other", "{\"node\":\"check\"}", ROOT);
	a = ask();
	cr_expect_eq(a.by_state[WORKFLOW_RUNNING], 0);
	cr_expect_eq(a.row_count, 2, "a start that something came of is no row");
	world_put(&w, "a", "start", "{\"node\":\"draft\"}", ROOT);
	a = ask();
	cr_expect_eq(state_of(&a, 4), WORKFLOW_RUNNING, "an older task ends no newer start");
	cr_expect_eq(state_of(&a, 0), WORKFLOW_NONE);
}

Test(answer_workflow, a_task_that_rests_on_a_start_is_what_came_of_it)
{
	struct workflow_answer a;

	world_put(&w, "a", "start", "{\"node\":\"draft\"}", ROOT);
	world_put(&w, "a", "something", NULL, AFTER(0));
	a = ask();
	cr_expect_eq(state_of(&a, 0), WORKFLOW_NONE);
	cr_expect_eq(state_of(&a, 1), WORKFLOW_DONE);
}

Test(answer_workflow, a_start_that_a_failure_names_has_failed_unless_something_came_of_it)
{
	struct workflow_answer a;

	world_put(&w, "a", "start", "{\"node\":\"draft\"}", ROOT);
	world_put(&w, "b", "failure", NULL, AFTER(0));
	world_put(&w, "c", "failure", NULL, AFTER(0));
	a = ask();
	cr_expect_eq(state_of(&a, 0), WORKFLOW_FAILED);
	cr_expect_eq(a.rows[0].by, 1, "the oldest failure");
	world_put(&w, "a", "draft", NULL, ROOT);
	a = ask();
	cr_expect_eq(state_of(&a, 0), WORKFLOW_NONE);
}

Test(answer_workflow, an_older_size_gives_the_older_answer)
{
	struct workflow_answer a;

	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "c", "failure", NULL, AFTER(0));
	DECLARE("{\"nodes\":[{\"id\":\"read\"}]}");
	a = ask_at(1, 0, 10);
	cr_expect_eq(state_of(&a, 0), WORKFLOW_DONE);
	cr_expect_eq(a.descriptor_at, FACTS_NONE);
	a = ask_at(2, 0, 10);
	cr_expect_eq(state_of(&a, 0), WORKFLOW_FAILED);
	cr_expect_null(a.descriptor);
	a = ask();
	cr_expect_not_null(a.descriptor);
}

/* ---- with one ---- */

#define SHEET                                                                                      \
	"{\"nodes\":[{\"id\":\"read\"},{\"id\":\"calc\",\"act\":\"sum\",\"after\":[\"read\"]},"    \
	"{\"id\":\"write\",\"after\":[\"calc\"]}]}"

Test(answer_workflow, declared_nodes_are_pending_ready_and_done)
{
	struct workflow_answer a;

	DECLARE(SHEET);
	a = ask();
	cr_expect_eq(a.row_count, 3);
	cr_expect_eq(a.declared[0].state, WORKFLOW_READY);
	cr_expect_eq(a.declared[1].state, WORKFLOW_PENDING);
	cr_expect_eq(a.rows[0].index, FACTS_NONE);
	cr_expect_eq(a.rows[1].node, 1);
	cr_expect_eq(a.rests_on_count, 1);
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "start", "{\"node\":\"calc\"}", AFTER(1));
	a = ask();
	cr_expect_eq(a.declared[0].state, WORKFLOW_DONE);
	cr_expect_eq(a.declared[0].tasks, 1);
	cr_expect_eq(a.declared[1].state, WORKFLOW_RUNNING);
	cr_expect_eq(a.declared[1].tasks, 0);
	cr_expect_eq(a.declared[2].state, WORKFLOW_PENDING);
	cr_expect_eq(a.row_count, 3);
	cr_expect_eq(a.rows[2].index, FACTS_NONE, "declared ones without an entry come last");
	world_put(&w, "b", "sum", NULL, AFTER(2));
	a = ask();
	cr_expect_eq(a.declared[1].state, WORKFLOW_DONE);
	cr_expect_eq(a.declared[2].state, WORKFLOW_READY);
	EXPECT_DEVIATIONS("");
	world_put(&w, "c", "failure", NULL, AFTER(3));
	a = ask();
	cr_expect_eq(a.declared[1].state, WORKFLOW_FAILED);
	cr_expect_eq(a.declared[2].state, WORKFLOW_PENDING);
	cr_expect_not(a.descriptor_late);
}

Test(answer_workflow, the_newest_descriptor_counts_and_a_late_one_is_flagged)
{
	struct workflow_answer a;

	DECLARE("{\"nodes\":[{\"id\":\"one\"}]}");
	DECLARE("{\"nodes\":[{\"id\":\"two\"}]}");
	register_for("other", "{\"nodes\":[{\"id\":\"elsewhere\"}]}");
	world_put(&w, "a", "two", NULL, ROOT);
	a = ask();
	cr_expect_eq(a.descriptor_at, 1);
	cr_expect_eq(a.superseded_count, 1);
	cr_expect_eq(a.superseded[0], 0);
	cr_expect_not(a.descriptor_late);
	EXPECT_DEVIATIONS("");
	DECLARE("{\"nodes\":[{\"id\":\"two\"}]}");
	a = ask();
	cr_expect(a.descriptor_late);
	cr_expect_eq(a.superseded_count, 2);
	cr_expect_eq(a.superseded[0], 1);
}

Test(answer_workflow, what_cannot_be_read_declares_nothing)
{
	struct workflow_answer a;

	DECLARE("{\"nodes\":[]}");
	world_put(&w, "a", "read", NULL, ROOT);
	a = ask();
	cr_expect_eq(a.descriptor_at, 0);
	cr_expect_null(a.descriptor);
	cr_expect_eq(a.row_count, 1);
	cr_expect_eq(a.deviation_count, 0);
}

Test(answer_workflow, a_node_that_was_passed_over_is_missing)
{
	DECLARE(SHEET);
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "write", NULL, AFTER(1));
	EXPECT_DEVIATIONS("missing calc; out_of_order 2 write not on calc");
}

Test(answer_workflow, nodes_at_the_end_are_awaited_and_not_missing)
{
	DECLARE(SHEET);
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT_DEVIATIONS("");
}

Test(answer_workflow, missing_reaches_over_several_nodes)
{
	DECLARE(SHEET);
	world_put(&w, "b", "write", NULL, ROOT);
	EXPECT_DEVIATIONS("missing read; missing calc; out_of_order 1 write not on calc");
}

Test(answer_workflow, work_that_no_node_declares_is_extra)
{
	DECLARE("{\"nodes\":[{\"id\":\"read\"}]}");
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "a", "play", NULL, AFTER(1));
	world_put(&w, "a", "read", "{\"node\":\"unknown\"}", AFTER(1)); /* its word, not its act */
	world_put(&w, "a", "start", "{\"node\":\"nowhere\"}", AFTER(1));
	world_put(&w, "a", "checkpoint", NULL, AFTER(1));
	world_put(&w, "b", "failure", NULL, AFTER(2));
	EXPECT_DEVIATIONS("extra 2; extra 3; extra 4");
}

Test(answer_workflow, order_is_resting_on_by_the_graph_and_not_by_time)
{
	DECLARE(SHEET);
	world_put(&w, "a", "read", NULL, ROOT);		   /* 1 */
	world_put(&w, "a", "sum", NULL, ROOT);		   /* 2: later, but not on it */
	world_put(&w, "h", "explanation", NULL, AFTER(2)); /* 3: a path may lead over records */
	world_put(&w, "a", "write", NULL, AFTER(3));
	EXPECT_DEVIATIONS("out_of_order 2 calc not on read");
}

Test(answer_workflow, a_path_that_leaves_the_workflow_does_not_count)
{
	DECLARE(SHEET);
	world_put(&w, "a", "read", NULL, ROOT);
	world_add(&w, &(struct world_task){.wid = "other", .parents = {1}, .parent_count = 1});
	world_put(&w, "a", "sum", NULL, AFTER(2));
	EXPECT_DEVIATIONS("out_of_order 3 calc not on read");
}

Test(answer_workflow, a_second_task_that_stands_is_a_duplicate)
{
	DECLARE("{\"nodes\":[{\"id\":\"read\"}]}");
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "failure", NULL, AFTER(1));
	world_put(&w, "a", "read", NULL, ROOT); /* again, after it failed */
	EXPECT_DEVIATIONS("");
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT_DEVIATIONS("duplicate_node 4 read");
}

Test(answer_workflow, nodes_of_one_act_are_filled_in_the_order_of_the_descriptor)
{
	struct workflow_answer a;

	DECLARE("{\"nodes\":[{\"id\":\"x\",\"act\":\"go\"},{\"id\":\"y\",\"act\":\"go\",\"quota\":{"
		"\"count_max\":2}},"
		"{\"id\":\"z\",\"act\":\"went\"}]}");
	for (int i = 0; i < 4; i++)
		world_put(&w, "a", "go", NULL, ROOT);
	world_put(&w, "a", "go", "{\"node\":\"z\"}", ROOT);
	a = ask();
	cr_expect_eq(a.rows[0].node, 0);
	cr_expect_eq(a.rows[1].node, 1);
	cr_expect_eq(a.rows[2].node, 1);
	cr_expect_eq(a.rows[3].node, 0, "all are full: the first");
	cr_expect_eq(a.rows[4].node, 2, "its own word comes first");
	EXPECT_DEVIATIONS("duplicate_node 4 x");
}

Test(answer_workflow, every_quota_is_watched)
{
	DECLARE("{\"nodes\":[{\"id\":\"read\",\"quota\":{\"count_max\":2}}],\"quota\":{\"tasks_"
		"max\":3,\"agents_max\":2}}");
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "b", "read", NULL, ROOT);
	EXPECT_DEVIATIONS("");
	world_put(&w, "a", "read", NULL, ROOT);
	EXPECT_DEVIATIONS("over_quota 3 read count_max");
	world_put(&w, "c", "read", NULL, ROOT);
	EXPECT_DEVIATIONS("over_quota 3 read count_max; over_quota 4 read count_max; "
			  "over_quota 4 read tasks_max; over_quota 4 read agents_max");
}

static void
put_at(const char *act, const char *ext, int64_t iat)
{
	world_add(&w, &(struct world_task){.act = act, .ext = ext, .iat = iat});
}

Test(answer_workflow, time_is_that_of_the_agents_clocks)
{
	DECLARE("{\"nodes\":[{\"id\":\"read\",\"quota\":{\"wall_s_max\":10}},{\"id\":\"end\"}],"
		"\"quota\":{\"wall_s_max\":20}}");
	put_at("start", "{\"node\":\"read\"}", 1000000100);
	put_at("read", NULL, 1000000110);
	EXPECT_DEVIATIONS("");
	put_at("end", NULL, 1000000120);
	EXPECT_DEVIATIONS("");
	put_at("end", NULL, 1000000121);
	EXPECT_DEVIATIONS("over_quota 4 end wall_s_max; duplicate_node 4 end");
}

Test(answer_workflow, a_node_takes_too_long_from_its_newest_start)
{
	DECLARE("{\"nodes\":[{\"id\":\"read\",\"quota\":{\"wall_s_max\":10}}]}");
	put_at("start", "{\"node\":\"read\"}", 1000000100);
	put_at("start", "{\"node\":\"read\"}", 1000000105);
	put_at("read", NULL, 1000000116);
	EXPECT_DEVIATIONS("over_quota 3 read wall_s_max");
}

Test(answer_workflow, what_runs_is_measured_against_the_time_of_the_tree)
{
	DECLARE("{\"nodes\":[{\"id\":\"read\",\"quota\":{\"wall_s_max\":10}}]}");
	world_add(&w, &(struct world_task){.act = "start",
			  .ext = "{\"node\":\"read\"}",
			  .iat = 1000000100,
			  .received_ms = 1000000100000});
	EXPECT_DEVIATIONS("");
	world_add(&w, &(struct world_task){.wid = "other", .received_ms = 1000000110999});
	EXPECT_DEVIATIONS("");
	world_add(&w, &(struct world_task){.wid = "other", .received_ms = 1000000111000});
	EXPECT_DEVIATIONS("over_quota 1 read wall_s_max");
}

/* ---- slots of humans ---- */

#define SLOT(rest)                                                                                 \
	"{\"nodes\":[{\"id\":\"plan\"},{\"id\":\"pay\",\"after\":[\"plan\"],\"hitl\":" rest "}]}"

Test(answer_workflow, a_slot_wants_an_approval_that_holds_among_the_predecessors)
{
	DECLARE(SLOT("{}"));
	world_put(&w, "a", "plan", NULL, ROOT);					      /* 1 */
	world_put(&w, "a", "hitl_request", NULL, AFTER(1));			      /* 2 */
	world_put(&w, "h", "hitl_decision", "{\"decision\":\"approved\"}", AFTER(2)); /* 3 */
	world_put(&w, "a", "pay", NULL, AFTER(3));
	EXPECT_DEVIATIONS("");
}

Test(answer_workflow, a_slot_is_not_filled_by_less)
{
	DECLARE(SLOT("{}"));
	world_put(&w, "a", "plan", NULL, ROOT);
	world_put(&w, "a", "hitl_request", NULL, AFTER(1));
	world_put(&w, "h", "hitl_decision", "{\"decision\":\"denied\"}", AFTER(2)); /* 3 */
	world_put(&w, "a", "pay", NULL, AFTER(1)); /* nobody asked */
	EXPECT_DEVIATIONS("hitl_missing 4 pay");
	world_put(&w, "a", "pay", "{\"node\":\"pay\"}", AFTER(3)); /* 5: denied */
	world_put(&w, "h", "pay", NULL, AFTER(2));		   /* 6: only asked */
	EXPECT_DEVIATIONS("hitl_missing 4 pay; hitl_missing 5 pay; hitl_missing 6 pay; "
			  "duplicate_node 5 pay; duplicate_node 6 pay");
}

Test(answer_workflow, who_approves_does_not_do_it_and_holds_the_slots_role)
{
	world_policy(&w, "{\"roles\":{\"cfo\":[\"spiffe://example.com/agent/h\"]}}");
	DECLARE(SLOT("{\"role\":\"cfo\"}"));
	world_put(&w, "a", "plan", NULL, ROOT);					      /* 2 */
	world_put(&w, "a", "hitl_request", NULL, AFTER(2));			      /* 3 */
	world_put(&w, "i", "hitl_decision", "{\"decision\":\"approved\"}", AFTER(3)); /* 4 */
	world_put(&w, "a", "hitl_request", NULL, AFTER(2));			      /* 5 */
	world_put(&w, "h", "hitl_decision", "{\"decision\":\"approved\"}", AFTER(5)); /* 6 */
	world_put(&w, "a", "pay", NULL, AFTER(2, 6));
	EXPECT_DEVIATIONS("");
	world_put(&w, "a", "failure", NULL, AFTER(7));
	world_put(&w, "a", "pay", NULL, AFTER(2, 4)); /* 9: approved by one without the role */
	EXPECT_DEVIATIONS("hitl_missing 9 pay");
	world_put(&w, "a", "failure", NULL, AFTER(9));
	world_put(&w, "h", "pay", NULL, AFTER(2, 6)); /* 11: by the approver */
	EXPECT_DEVIATIONS("hitl_missing 9 pay; hitl_missing 11 pay");
}

Test(answer_workflow, a_slot_to_notify_wants_that_somebody_was_told)
{
	DECLARE(SLOT("{\"kind\":\"notify\"}"));
	world_put(&w, "a", "plan", NULL, ROOT);
	world_put(&w, "a", "hitl_request", "{\"kind\":\"notify\"}", AFTER(1));
	world_put(&w, "a", "pay", NULL, AFTER(2));
	EXPECT_DEVIATIONS("");
	world_put(&w, "a", "failure", NULL, AFTER(3));
	world_put(&w, "a", "pay", NULL, AFTER(1));
	EXPECT_DEVIATIONS("hitl_missing 5 pay");
}

/* ---- pages and budgets ---- */

Test(answer_workflow, pages_together_are_the_whole)
{
	struct workflow_answer whole, page;
	size_t n = 0;

	DECLARE("{\"nodes\":[{\"id\":\"x\"},{\"id\":\"y\"}]}");
	for (int i = 0; i < 7; i++)
		world_put(&w, "a", "go", NULL, ROOT);
	whole = ask();
	cr_assert_eq(whole.rows_all, 9);
	cr_assert_eq(whole.row_count, 9);
	for (uint64_t offset = 0; offset < 12; offset += 4) {
		page = ask_at((uint32_t)whole.tree_size, offset, 4);
		cr_expect_eq(page.rows_all, 9);
		cr_expect_eq(page.by_state[WORKFLOW_DONE], 7);
		for (size_t i = 0; i < page.row_count; i++, n++) {
			cr_expect_eq(page.rows[i].index, whole.rows[n].index);
			cr_expect_eq(page.rows[i].node, whole.rows[n].node);
		}
		cr_expect_eq(page.rests_on_count, offset == 0 ? whole.rests_on_count : 0);
	}
	cr_expect_eq(n, 9);
	page = ask_at((uint32_t)whole.tree_size, 0, 0);
	cr_expect_eq(page.row_count, 0);
	cr_expect_eq(page.rows_all, 9);
}

Test(answer_workflow, over_the_budget_it_tells_the_oldest_and_says_so)
{
	struct workflow_answer a;

	for (int i = 0; i < 10; i++)
		world_put(&w, "a", "go", NULL, ROOT);
	w.budget.nodes_max = 4;
	a = ask();
	cr_expect_not(a.complete);
	cr_expect_eq(a.read, 4);
	cr_expect_eq(a.rows_all, 4);
	cr_expect_eq(a.rows[3].index, 3);
	w.budget.nodes_max = 10;
	a = ask();
	cr_expect(a.complete);
}

/* Twice as many nodes as one round of order has. */
Test(answer_workflow, order_is_checked_for_every_node_of_a_long_chain)
{
	struct workflow_answer a;
	struct buf b;

	buf_init(&b, 0);
	buf_add_str(&b, "{\"nodes\":[{\"id\":\"n0\"}");
	for (int i = 1; i < 200; i++)
		buf_addf(&b, ",{\"id\":\"n%d\",\"after\":[\"n%d\"%s]}", i, i - 1,
		    i > 1 ? ",\"n0\"" : "");
	buf_add_str(&b, "]}");
	buf_add(&b, "", 1);
	DECLARE((const char *)b.p);
	for (uint32_t i = 0; i < 200; i++) {
		char act[16];

		(void)snprintf(act, sizeof(act), "n%u", i);
		if (i == 0 || i == 150)
			world_put(&w, "a", act, NULL, ROOT);
		else
			world_put(&w, "a", act, NULL, AFTER(i));
	}
	a = ask();
	/* n150 rests on nothing; those behind it rest on their neighbour and not on n0 */
	cr_expect_eq(a.deviation_counts[DEVIATION_OUT_OF_ORDER], 2 + 49);
	cr_expect_eq(a.deviations[0].index, 151);
	cr_expect_eq(a.deviations[0].before, 0);
	cr_expect_eq(a.deviations[1].index, 151);
	cr_expect_eq(a.deviations[1].before, 149);
	cr_expect_eq(a.deviations[50].index, 200);
	buf_release(&b);
}

Test(answer_workflow, more_deviations_than_are_listed_are_counted)
{
	struct workflow_answer a;

	DECLARE("{\"nodes\":[{\"id\":\"x\"}]}");
	for (int i = 0; i < 3 * WORKFLOW_DEVIATIONS_MAX + 5; i++)
		world_put(&w, "a", "go", NULL, ROOT);
	a = ask();
	cr_expect_eq(a.deviation_counts[DEVIATION_EXTRA], 3 * WORKFLOW_DEVIATIONS_MAX + 5);
	cr_expect_eq(a.deviation_count, WORKFLOW_DEVIATIONS_MAX);
	for (uint32_t i = 0; i < WORKFLOW_DEVIATIONS_MAX; i++)
		cr_expect_eq(a.deviations[i].index, i + 1, "the first ones");
}

Test(answer_workflow, memory_that_runs_out_is_said)
{
	struct arena small;
	struct facts_view v;
	size_t refused = 0;

	DECLARE(SHEET);
	world_put(&w, "a", "read", NULL, ROOT);
	world_put(&w, "a", "start", "{\"node\":\"calc\"}", ROOT);
	v = world_view(&w);
	for (size_t max = 0; max < 32768; max += 512) {
		struct workflow_ask q = {.wid = wid_number(&v, "w"), .limit = 10};
		struct budget budget = w.budget;
		struct workflow_answer a;
		enum rc rc;

		arena_init(&small, max);
		budget.arena = &small;
		rc = answer_workflow(&v, &q, &budget, &a, NULL);
		cr_expect(rc == RC_OK || rc == RC_NO_MEMORY);
		refused += rc == RC_NO_MEMORY;
		arena_release(&small);
	}
	cr_expect_gt(refused, 0);
	cr_expect_lt(refused, 64);
}
