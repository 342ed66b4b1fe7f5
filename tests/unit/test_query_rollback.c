/* test_query_rollback.c - what depends on a wrong task, in an order that can be undone. */
#include "test_query_help.h"

static struct help h;

TestSuite(query_rollback, .timeout = 120);

static struct query_rollback
ask(uint64_t at, uint64_t target, size_t nodes_max)
{
	struct budget budget = help_budget(&h);
	struct query_view *v = help_view(&h, at);
	struct query_rollback set;

	budget.nodes_max = nodes_max;
	cr_assert_eq(query_rollback(v, target, &budget, &set, &h.why), RC_OK, "%s", h.why.text);
	query_view_end(v);
	return set;
}

static void
expect_order(const struct query_rollback *set, size_t count, const uint64_t *want)
{
	cr_assert_eq(set->count, count, "%zu", set->count);
	cr_assert_eq(set->tasks, count);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(set->order[i].index, want[i]);
}

/* 0 <- 1 <- 2, 1 and 3 <- 4 (a join), 3 alone; then the recovery of 1: 5, 6, 7, 8; 9 goes on from 7. */
static void
build(void)
{
	help_open(&h);
	help_begin(&h);
	(void)help_add(&h, &(struct task){.wid = 1, .issuer = 1});
	(void)help_add(
	    &h, &(struct task){.wid = 1, .issuer = 2, .parents = {0}, .parent_count = 1});
	(void)help_add(
	    &h, &(struct task){.wid = 1, .issuer = 2, .parents = {1}, .parent_count = 1});
	(void)help_add(&h, &(struct task){.wid = 1, .issuer = 3});
	(void)help_add(
	    &h, &(struct task){.wid = 2, .issuer = 14, .parents = {1, 3}, .parent_count = 2});
	(void)help_add(
	    &h, &(struct task){
		    .wid = 1, .issuer = 5, .act = "failure", .parents = {1}, .parent_count = 1});
	(void)help_add(&h, &(struct task){.wid = 1,
			       .issuer = 5,
			       .act = "rollback_request",
			       .parents = {5},
			       .parent_count = 1});
	(void)help_add(&h, &(struct task){.wid = 1,
			       .issuer = 5,
			       .act = "rollback_result",
			       .more = ",\"ect_ext\":{\"outcome\":\"success\"}",
			       .parents = {6},
			       .parent_count = 1});
	(void)help_add(&h, &(struct task){.wid = 1,
			       .issuer = 5,
			       .act = "compensation",
			       .more = ",\"ect_ext\":{\"compensates\":\"x\"}",
			       .parents = {1},
			       .parent_count = 1});
	(void)help_add(&h, &(struct task){.issuer = 6, .parents = {7}, .parent_count = 1});
	help_commit(&h);
}

Test(query_rollback, the_set_is_the_task_and_all_that_depends_on_it_newest_first)
{
	struct query_rollback set;

	build();
	set = ask(5, 1, 1000);
	cr_assert(set.complete && set.target == 1 && set.tree_size == 5);
	expect_order(&set, 3, (uint64_t[]){4, 2, 1});
	cr_assert_eq(set.agents, 2u);
	cr_assert_eq(set.workflows, 2u);
	cr_assert_eq(set.trust_domains, 2u);
	cr_assert(set.order[0].foreign);
	cr_assert_not(set.order[1].foreign);
	help_close(&h);
}

Test(query_rollback, records_of_the_recovery_are_left_out_and_what_depends_on_them_is_not)
{
	struct query_rollback set;

	build();
	set = ask(0, 1, 1000);
	expect_order(&set, 4, (uint64_t[]){9, 4, 2, 1});
	cr_assert_eq(set.agents, 3u, "the recovering agent did no task of the set");
	cr_assert_eq(set.workflows, 2u, "task 9 is in no workflow");
	help_close(&h);
}

Test(query_rollback, a_record_of_recovery_that_is_itself_wrong_is_in)
{
	struct query_rollback set;

	build();
	set = ask(0, 6, 1000);
	expect_order(&set, 2, (uint64_t[]){9, 6});
	help_close(&h);
}

Test(query_rollback, a_task_that_nothing_depends_on_is_its_own_set)
{
	struct query_rollback set;

	build();
	set = ask(0, 2, 1000);
	expect_order(&set, 1, (uint64_t[]){2});
	cr_assert(set.complete && set.agents == 1 && set.workflows == 1 && set.trust_domains == 1);
	help_close(&h);
}

Test(query_rollback, over_the_budget_the_set_is_incomplete_and_says_so)
{
	struct query_rollback set;

	build();
	set = ask(5, 1, 3);
	cr_assert(set.complete && set.count == 3);
	set = ask(5, 1, 2);
	cr_assert(!set.complete && set.count == 2);
	set = ask(5, 1, 0);
	cr_assert(!set.complete && set.count == 0);
	help_close(&h);
}

Test(query_rollback, no_task_is_undone_before_what_depends_on_it)
{
	static struct task tasks[500];
	static bool undone[500], in[500];
	struct query_rollback set;
	uint64_t seed = 7;

	help_open(&h);
	help_begin(&h);
	for (unsigned i = 0; i < 500; i++) {
		tasks[i] = (struct task){.wid = 1};
		if (i > 0) {
			tasks[i].parents[0] = i - 1 - help_random(&seed, i < 30 ? i : 30);
			tasks[i].parent_count = 1;
		}
		(void)help_add(&h, &tasks[i]);
	}
	help_commit(&h);
	set = ask(0, 3, 100000);
	for (size_t i = 0; i < set.count; i++)
		in[set.order[i].index] = true;
	for (size_t i = 0; i < set.count; i++) {
		uint64_t index = set.order[i].index;

		for (unsigned c = 0; c < 500; c++)
			if (tasks[c].parent_count > 0 && tasks[c].parents[0] == index)
				cr_assert(
				    in[c] && undone[c], "%u hangs below %u", c, (unsigned)index);
		undone[index] = true;
	}
	cr_assert(undone[3]);
	help_close(&h);
}

Test(query_rollback, a_target_beyond_the_size_is_not_found)
{
	struct budget budget;
	struct query_rollback set;
	struct query_view *v;

	build();
	budget = help_budget(&h);
	v = help_view(&h, 5);
	cr_assert_eq(query_rollback(v, 5, &budget, &set, &h.why), RC_NOT_FOUND);
	query_view_end(v);
	help_close(&h);
}
