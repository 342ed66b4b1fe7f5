/* test_answer_dependants.c - what rests on an agent since its retirement or drain; its own acts; pages. */
#include <criterion/criterion.h>

#include "answer/dependants.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct why why;

TestSuite(answer_dependants, .timeout = 60);

static uint32_t
put(const char *wid, const char *iss, size_t n, const uint32_t *parents)
{
	struct world_task t = {.wid = wid, .iss = iss, .parent_count = n};

	for (size_t i = 0; i < n; i++)
		t.parents[i] = parents[i];
	return world_add(&w, &t);
}

static struct dependants_answer
ask(const char *iss, uint32_t from, size_t limit)
{
	struct facts_view v = world_view(&w);
	struct dependants_answer d;
	struct lifecycle l;

	cr_assert_eq(lifecycle_read(&v, &w.budget, &l, &why), RC_OK);
	cr_assert_eq(answer_dependants(&v, facts_number(&v, FACTS_ISS, world_iss(&w, iss)), &l,
			 lifecycle_of(&l, world_iss(&w, iss)), from, limit, &w.budget, &d, &why),
	    RC_OK, "%s", why.text);
	return d;
}

/* 0 of a; 1 of b on it; 2 retires a; 3 of a, after that; 4 of b on both; 5 of a on 0; 6 of c on 5 elsewhere; 7 of d on 1 only. */
static void
retired(const char *event)
{
	world_init(&w);
	(void)put("one", "a", 0, NULL);
	(void)put("one", "b", 1, (uint32_t[]){0});
	(void)world_put(&w, "a", "lifecycle", event, 0, NULL);
	(void)put("one", "a", 0, NULL);
	(void)put("one", "b", 2, (uint32_t[]){3, 0});
	(void)put("two", "a", 1, (uint32_t[]){0});
	(void)put("three", "c", 1, (uint32_t[]){5});
	(void)put("one", "d", 1, (uint32_t[]){1});
}

Test(answer_dependants, others_tasks_from_after_the_retirement_that_rest_on_it_directly)
{
	struct dependants_answer d;

	retired("{\"event\":\"retire\"}");
	d = ask("a", 0, 100);
	cr_assert(d.complete && d.since_index == 2);
	cr_assert(
	    d.task_total == 2 && d.task_count == 3 && d.agent_total == 2 && d.workflow_total == 2);
	cr_assert(d.tasks[0].child == 4 && d.tasks[0].parent == 0 && !d.tasks[0].late);
	cr_assert(d.tasks[1].child == 4 && d.tasks[1].parent == 3 && d.tasks[1].late);
	cr_assert(d.tasks[2].child == 6 && d.tasks[2].parent == 5 && d.tasks[2].late);
	cr_assert(d.own_total == 2 && d.own[0] == 3 && d.own[1] == 5);
	cr_assert(d.agents[0].tasks == 1 && d.agent_count == 2);
	cr_assert(d.open_total == 2, "one and two went on; w, of the event itself, did not");
	cr_assert(d.rests_on[0] == 0 && d.rests_on_count == 6);
	world_release(&w);
}

Test(answer_dependants, of_a_draining_agent_since_the_drain_and_of_others_all)
{
	struct dependants_answer d;

	retired("{\"event\":\"drain\"}");
	d = ask("a", 0, 100);
	cr_assert(d.since_index == 2 && d.task_total == 2 && d.own_total == 0);
	d = ask("b", 0, 100);
	cr_assert(d.since_index == FACTS_NONE && d.task_total == 1 && d.tasks[0].child == 7 &&
		  !d.tasks[0].late);
	d = ask("never", 0, 100);
	cr_assert(d.complete && d.task_total == 0 && d.rests_on_count == 0);
	world_release(&w);
}

Test(answer_dependants, pages_and_the_budget)
{
	struct dependants_answer d;
	uint32_t from = 0;
	size_t n = 0;

	world_init(&w);
	(void)put("one", "a", 0, NULL);
	for (uint32_t i = 0; i < 25; i++)
		(void)put("one", i % 2 ? "b" : "c", 1, (uint32_t[]){0});
	do {
		d = ask("a", from, 10);
		cr_assert_eq(d.task_total, 25u);
		for (size_t i = 0; i < d.task_count; i++)
			cr_assert_eq(d.tasks[i].child, ++n);
	} while ((from = d.next) != 0);
	cr_assert_eq(n, 25u);
	w.budget.nodes_max = 5;
	d = ask("a", 0, 100);
	cr_assert(!d.complete && d.task_total == 5);
	world_release(&w);
}
