/* test_answer_provenance.c - ancestors and descendants against a plain closure; depth, agents, budget, pages, large shapes. */
#include <criterion/criterion.h>

#include "answer/provenance.h"
#include "base/clock.h"
#include "lib/dag.h"

static struct facts_world w;
static struct why why;
static struct dag dag;

TestSuite(answer_provenance, .timeout = 120);

static void
put(const char *wid, const char *iss, size_t n, const uint32_t *parents)
{
	struct world_task t = {.wid = wid, .iss = iss, .parent_count = n};

	for (size_t i = 0; i < n; i++)
		t.parents[i] = parents[i];
	(void)world_add(&w, &t);
}

/* 0 <- 1 <- 2 <- 4, 1 <- 3 <- 4 (a diamond), 5 alone, 6 <- 4 and 5 in another workflow, 7 <- 5 in none. */
static void
diamond(void)
{
	world_init(&w);
	put("one", "a", 0, NULL);
	put("one", "b", 1, (uint32_t[]){0});
	put("one", "a", 1, (uint32_t[]){1});
	put("one", "a", 1, (uint32_t[]){1});
	put("one", "b", 2, (uint32_t[]){3, 2});
	put("one", "c", 0, NULL);
	put("two", "c", 2, (uint32_t[]){4, 5});
	put("", "d", 1, (uint32_t[]){5});
}

static struct provenance_answer
ask_at(uint32_t size, struct provenance_ask q)
{
	struct facts_view v = world_view_at(&w, size);
	struct provenance_answer g;

	if (q.root_count > 0)
		q.iss = FACTS_NONE;
	cr_assert_eq(answer_provenance(&v, &q, &w.budget, &g, &why), RC_OK, "%s", why.text);
	cr_assert_eq(g.tree_size, size);
	return g;
}

static struct provenance_answer
ask(uint32_t root, bool down, unsigned depth)
{
	return ask_at((uint32_t)facts_reach(w.f),
	    (struct provenance_ask){
		.roots = &root, .root_count = 1, .down = down, .depth_max = depth});
}

static void
expect_nodes(const struct provenance_answer *g, size_t count, const uint32_t *want)
{
	cr_assert_eq(g->node_count, count, "%zu nodes", g->node_count);
	cr_assert_eq(g->rests_on_count, count);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(g->nodes[i].index, want[i], "node %zu is %u", i, g->nodes[i].index);
		cr_assert_eq(g->rests_on[i], want[i]);
	}
}

Test(answer_provenance, ancestors_with_their_edges_in_order)
{
	struct provenance_answer g;

	diamond();
	g = ask(4, false, 0);
	cr_assert(g.complete && g.next == 0 && g.node_total == 5 && g.edge_total == 5);
	expect_nodes(&g, 5, (uint32_t[]){0, 1, 2, 3, 4});
	cr_assert_eq(g.edge_count, 5u);
	cr_assert(g.edges[0].child == 1 && g.edges[0].parent == 0);
	cr_assert(g.edges[3].child == 4 && g.edges[3].parent == 2, "by child, then by parent");
	cr_assert(g.edges[4].child == 4 && g.edges[4].parent == 3);
	cr_assert(g.nodes[4].depth == 0 && g.nodes[3].depth == 1 && g.nodes[1].depth == 2 &&
		  g.nodes[0].depth == 3);
	world_release(&w);
}

Test(answer_provenance, descendants_in_other_workflows_and_the_edges_to_them_are_foreign)
{
	struct provenance_answer g;

	diamond();
	g = ask(1, true, 0);
	expect_nodes(&g, 5, (uint32_t[]){1, 2, 3, 4, 6});
	cr_assert_eq(g.edge_count, 5u, "6's other parent is not in the graph, nor is its edge");
	cr_assert(!g.nodes[3].foreign && g.nodes[4].foreign);
	cr_assert(!g.edges[3].foreign && g.edges[4].foreign);
	g = ask(5, true, 0);
	expect_nodes(&g, 3, (uint32_t[]){5, 6, 7});
	cr_assert(g.nodes[1].foreign && g.nodes[2].foreign, "none is a workflow here");
	cr_assert(g.edges[1].foreign);
	world_release(&w);
}

Test(answer_provenance, foreign_is_what_lies_in_the_workflow_of_no_task_asked_about)
{
	uint32_t roots[] = {6, 4, 6};
	struct provenance_answer g;

	diamond();
	g = ask_at(8, (struct provenance_ask){.roots = roots, .root_count = 3});
	expect_nodes(&g, 7, (uint32_t[]){0, 1, 2, 3, 4, 5, 6});
	for (size_t i = 0; i < 7; i++)
		cr_expect_not(g.nodes[i].foreign);
	cr_assert(g.nodes[6].depth == 0 && g.nodes[4].depth == 0 && g.nodes[5].depth == 1);
	world_release(&w);
}

Test(answer_provenance, an_older_size_has_the_older_answer)
{
	uint32_t root = 1;
	struct provenance_answer g;

	diamond();
	g = ask_at(4, (struct provenance_ask){.roots = &root, .root_count = 1, .down = true});
	expect_nodes(&g, 3, (uint32_t[]){1, 2, 3});
	world_release(&w);
}

Test(answer_provenance, a_depth_that_was_asked_for_is_still_a_complete_answer)
{
	struct provenance_answer g;

	diamond();
	g = ask(4, false, 1);
	expect_nodes(&g, 3, (uint32_t[]){2, 3, 4});
	cr_assert(g.complete && g.edge_count == 2);
	g = ask(0, true, 2);
	expect_nodes(&g, 4, (uint32_t[]){0, 1, 2, 3});
	world_release(&w);
}

Test(answer_provenance, of_an_agent_everything_that_its_tasks_rest_on_or_that_rests_on_them)
{
	struct provenance_ask q = {0};
	struct facts_view v;
	struct provenance_answer g;

	diamond();
	v = world_view(&w);
	q.iss = facts_number(&v, FACTS_ISS, world_iss(&w, "a"));
	g = ask_at(8, q);
	expect_nodes(&g, 4, (uint32_t[]){0, 1, 2, 3});
	cr_assert(g.nodes[0].depth == 0 && g.nodes[1].depth == 1 && g.nodes[3].depth == 0);
	q.iss = facts_number(&v, FACTS_ISS, world_iss(&w, "c"));
	q.down = true;
	g = ask_at(8, q);
	expect_nodes(&g, 3, (uint32_t[]){5, 6, 7});
	cr_assert(!g.nodes[1].foreign && g.nodes[2].foreign);
	g = ask_at(6, q);
	expect_nodes(&g, 1, (uint32_t[]){5});
	world_release(&w);
}

Test(answer_provenance, the_node_budget_is_exact_and_the_answer_says_so)
{
	struct provenance_answer g;

	diamond();
	w.budget.nodes_max = 5;
	g = ask(4, false, 0);
	cr_assert(g.complete && g.node_count == 5);
	w.budget.nodes_max = 4;
	g = ask(4, false, 0);
	cr_assert(!g.complete);
	expect_nodes(&g, 4, (uint32_t[]){1, 2, 3, 4}); /* the nearest */
	cr_assert(g.nodes[0].depth == 2);
	w.budget.nodes_max = 0;
	g = ask(4, false, 0);
	cr_assert(!g.complete && g.node_count == 0);
	world_release(&w);
}

Test(answer_provenance, a_deadline_that_is_over_or_a_caller_who_left_cuts_the_answer)
{
	_Atomic bool cancelled = true;
	struct clock clock = clock_real();

	diamond();
	w.budget.deadline_mono_us = clock_mono_us(&clock) - 1;
	cr_assert_not(ask(4, false, 0).complete);
	w.budget.deadline_mono_us = clock_mono_us(&clock) + 60000000;
	cr_assert(ask(4, false, 0).complete);
	w.budget.cancelled = &cancelled;
	cr_assert_not(ask(4, false, 0).complete);
	world_release(&w);
}

Test(answer_provenance, only_tasks_of_the_view_can_be_asked_about)
{
	uint32_t roots[] = {5, 8};
	struct provenance_ask q = {.roots = roots, .root_count = 2, .iss = FACTS_NONE};
	struct provenance_answer g;
	struct facts_view v;

	diamond();
	(void)world_event(&w, ENTRY_KEY, BYTES_NONE);
	v = world_view(&w);
	cr_assert_eq(answer_provenance(&v, &q, &w.budget, &g, &why), RC_NOT_FOUND);
	roots[1] = 700;
	cr_assert_eq(answer_provenance(&v, &q, &w.budget, &g, &why), RC_NOT_FOUND);
	world_release(&w);
}

Test(answer_provenance, no_room_for_the_answer_is_a_refusal)
{
	uint32_t root = 4;
	struct provenance_ask q = {.roots = &root, .root_count = 1, .iss = FACTS_NONE};
	struct provenance_answer g;
	struct arena small;
	struct facts_view v;

	diamond();
	v = world_view(&w);
	arena_init(&small, 64);
	w.budget.arena = &small;
	cr_assert_eq(answer_provenance(&v, &q, &w.budget, &g, &why), RC_NO_MEMORY);
	arena_release(&small);
	world_release(&w);
}

/* ---- against the oracle ---- */

static void
check(uint32_t size, uint32_t root, bool down)
{
	struct provenance_answer g =
	    ask_at(size, (struct provenance_ask){.roots = &root, .root_count = 1, .down = down});
	size_t nodes = 0, edges = 0;
	int up[DAG_MAX];

	dag_steps(&dag, root, up);
	for (unsigned i = 0; i < size; i++) {
		int steps[DAG_MAX];

		if (down ? !dag.above[i][root] : !dag.above[root][i])
			continue;
		cr_assert(nodes < g.node_count && g.nodes[nodes].index == i);
		dag_steps(&dag, i, steps);
		cr_assert_eq((int)g.nodes[nodes].depth, down ? up[i] : steps[root]);
		cr_assert_eq(g.nodes[nodes].foreign, i % 3 != root % 3);
		nodes++;
		for (size_t k = 0; k < dag.parent_count[i]; k++)
			edges += down ? dag.above[dag.parents[i][k]][root] : 1;
	}
	cr_assert(nodes == g.node_count && edges == g.edge_count && g.complete);
	for (size_t i = 0; i < edges; i++) {
		cr_assert_eq(g.edges[i].foreign, g.edges[i].parent % 3 != g.edges[i].child % 3);
		cr_assert(i == 0 || g.edges[i].child > g.edges[i - 1].child ||
			  (g.edges[i].child == g.edges[i - 1].child &&
			      g.edges[i].parent > g.edges[i - 1].parent));
	}
}

Test(answer_provenance, random_graphs_agree_with_a_plain_closure_at_every_size)
{
	dag_make(&dag, DAG_MAX, 30, 42);
	w = dag.w;
	w.budget.arena = &w.arena;
	for (uint32_t i = 0; i < 60; i++) {
		uint32_t size = 1 + i * 6, root = i * 77 % size;

		check(size, root, i % 2 == 0);
	}
	world_release(&w);
}

/* ---- pages ---- */

Test(answer_provenance, pages_put_together_are_the_whole_graph)
{
	uint32_t root = 3;
	struct provenance_ask q = {.roots = &root, .root_count = 1, .down = true};
	struct provenance_answer whole, page;
	size_t pages = 0;

	dag_make(&dag, DAG_MAX, 30, 7);
	w = dag.w;
	w.budget.arena = &w.arena;
	whole = ask_at(DAG_MAX, q);
	cr_assert_gt(whole.node_count, 100u);
	for (size_t limit = 1; limit < 60; limit += 13) {
		size_t n = 0, e = 0;

		q.limit = limit;
		q.from = 0;
		do {
			page = ask_at(DAG_MAX, q);
			cr_assert(page.node_count >= 1 && page.node_count <= limit);
			cr_assert(page.edge_count <= limit * 4 || page.node_count == 1);
			cr_assert_eq(page.node_total, whole.node_count);
			cr_assert_eq(page.edge_total, whole.edge_count);
			for (size_t i = 0; i < page.node_count; i++, n++)
				cr_assert(page.nodes[i].index == whole.nodes[n].index &&
					  page.nodes[i].depth == whole.nodes[n].depth);
			for (size_t i = 0; i < page.edge_count; i++, e++)
				cr_assert(page.edges[i].parent == whole.edges[e].parent &&
					  page.edges[i].child == whole.edges[e].child);
			q.from = page.next;
			pages++;
		} while (page.next != 0);
		cr_assert(n == whole.node_count && e == whole.edge_count);
	}
	cr_assert_gt(pages, 20u);
	q.from = DAG_MAX;
	cr_assert_eq(ask_at(DAG_MAX, q).node_count, 0u);
	world_release(&w);
}

Test(answer_provenance, many_parents_end_a_page_early)
{
	struct world_task t = {.parent_count = 100};
	struct provenance_ask q = {.root_count = 1, .limit = 10};
	uint32_t root = 101;
	struct provenance_answer g;

	world_init(&w);
	for (uint32_t i = 0; i < 100; i++) {
		t.parents[i] = i;
		put(NULL, NULL, 0, NULL);
	}
	(void)world_add(&w, &t);
	t.parent_count = 2;
	t.parents[1] = 100;
	(void)world_add(&w, &t);
	q.roots = &root;
	q.from = 95;
	g = ask_at(102, q);
	cr_assert(g.node_count == 5 && g.edge_count == 0 && g.next == 100);
	q.from = 100;
	g = ask_at(102, q);
	cr_assert(g.node_count == 1 && g.edge_count == 100 && g.next == 101);
	world_release(&w);
}

/* ---- large shapes: the time limit of the suite is the only clock here ---- */

Test(answer_provenance, a_chain_of_a_million_is_walked_from_end_to_end)
{
	struct provenance_answer g;
	const uint32_t n = 1000000;

	world_init(&w);
	put(NULL, NULL, 0, NULL);
	for (uint32_t i = 1; i < n; i++)
		put(NULL, NULL, 1, &(uint32_t){i - 1});
	g = ask(n - 1, false, 0);
	cr_assert(g.complete && g.node_count == n && g.edge_count == n - 1);
	cr_assert_eq(g.nodes[0].depth, n - 1);
	g = ask(0, true, 0);
	cr_assert(g.complete && g.node_count == n && g.nodes[n - 1].depth == n - 1);
	world_release(&w);
}

Test(answer_provenance, a_fan_of_a_hundred_thousand_is_followed_whole_at_any_size)
{
	uint32_t root = 0;
	struct provenance_answer g;

	world_init(&w);
	put(NULL, NULL, 0, NULL);
	for (uint32_t i = 0; i < 100000; i++)
		put(NULL, NULL, 1, &(uint32_t){0});
	g = ask(0, true, 0);
	cr_assert(g.complete && g.node_count == 100001 && g.edge_count == 100000);
	g = ask_at(11, (struct provenance_ask){.roots = &root, .root_count = 1, .down = true});
	cr_assert(g.complete && g.node_count == 11);
	world_release(&w);
}
