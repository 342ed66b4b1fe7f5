/* test_query_provenance.c - ancestors and descendants against a plain closure, depth, budget, hashes. */
#include "base/clock.h"
#include "test_query_help.h"

static struct help h;

TestSuite(query_provenance, .timeout = 120);

/* 0 <- 1 <- 2 <- 4, 1 <- 3 <- 4 (a diamond), 5 alone, 6 <- 4 and 5 in another workflow. */
static void
diamond(void)
{
	help_open(&h);
	help_begin(&h);
	(void)help_add(&h, &(struct task){.wid = 1, .issuer = 1});
	(void)help_add(&h, &(struct task){.wid = 1, .parents = {0}, .parent_count = 1});
	(void)help_add(&h, &(struct task){.wid = 1, .parents = {1}, .parent_count = 1});
	(void)help_add(&h, &(struct task){.wid = 1, .parents = {1}, .parent_count = 1});
	(void)help_add(&h, &(struct task){.wid = 1, .parents = {3, 2}, .parent_count = 2});
	(void)help_add(&h, &(struct task){.wid = 1});
	(void)help_add(&h, &(struct task){.wid = 2, .parents = {4, 5}, .parent_count = 2});
	help_commit(&h);
}

static struct query_graph
ask(uint64_t at, uint64_t root, bool down, unsigned depth, size_t nodes_max)
{
	struct budget budget = help_budget(&h);
	struct query_view *v = help_view(&h, at);
	struct query_graph g;

	budget.nodes_max = nodes_max;
	cr_assert_eq(query_provenance(v, &root, 1, down, depth, &budget, &g, &h.why), RC_OK, "%s",
	    h.why.text);
	query_view_end(v);
	return g;
}

static void
expect_nodes(const struct query_graph *g, size_t count, const uint64_t *want)
{
	cr_assert_eq(g->node_count, count);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(
		    g->nodes[i].index, want[i], "node %zu is %zu", i, (size_t)g->nodes[i].index);
}

Test(query_provenance, ancestors_with_their_edges_in_order)
{
	struct query_graph g;

	diamond();
	g = ask(0, 4, false, 0, 1000);
	cr_assert(g.complete && !g.down && g.root == 4 && g.tree_size == 7);
	expect_nodes(&g, 5, (uint64_t[]){0, 1, 2, 3, 4});
	cr_assert_eq(g.edge_count, 5u);
	cr_assert(g.edges[0].child == 1 && g.edges[0].parent == 0);
	cr_assert(g.edges[3].child == 4 && g.edges[3].parent == 2, "by child, then by parent");
	cr_assert(g.edges[4].child == 4 && g.edges[4].parent == 3);
	cr_assert_eq(g.nodes[4].depth, 0u);
	cr_assert_eq(g.nodes[3].depth, 1u);
	cr_assert_eq(g.nodes[1].depth, 2u);
	cr_assert_eq(g.nodes[0].depth, 3u);
	cr_assert_str_eq(g.nodes[0].kind, "task");
	cr_assert(bytes_is(g.nodes[0].iss, "spiffe://d0.example/agent/1"));
	help_close(&h);
}

Test(query_provenance, descendants_across_workflows_are_marked_foreign)
{
	struct query_graph g;

	diamond();
	g = ask(0, 1, true, 0, 1000);
	expect_nodes(&g, 5, (uint64_t[]){1, 2, 3, 4, 6});
	cr_assert_eq(g.edge_count, 5u, "6's other parent is not in the graph, nor is its edge");
	cr_assert_not(g.nodes[3].foreign);
	cr_assert(g.nodes[4].foreign);
	help_close(&h);
}

Test(query_provenance, an_older_size_has_the_older_answer)
{
	struct query_graph g;

	diamond();
	g = ask(4, 1, true, 0, 1000);
	expect_nodes(&g, 3, (uint64_t[]){1, 2, 3});
	cr_assert_eq(g.tree_size, 4u);
	help_close(&h);
}

Test(query_provenance, a_depth_that_was_asked_for_is_still_a_complete_answer)
{
	struct query_graph g;

	diamond();
	g = ask(0, 4, false, 1, 1000);
	expect_nodes(&g, 3, (uint64_t[]){2, 3, 4});
	cr_assert(g.complete);
	cr_assert_eq(g.edge_count, 2u);
	g = ask(0, 0, true, 2, 1000);
	expect_nodes(&g, 4, (uint64_t[]){0, 1, 2, 3});
	help_close(&h);
}

Test(query_provenance, the_node_budget_is_exact_and_the_answer_says_so)
{
	struct query_graph g;

	diamond();
	g = ask(0, 4, false, 0, 5);
	cr_assert(g.complete && g.node_count == 5);
	g = ask(0, 4, false, 0, 4);
	cr_assert(!g.complete && g.node_count == 4);
	g = ask(0, 4, false, 0, 0);
	cr_assert(!g.complete && g.node_count == 0);
	help_close(&h);
}

Test(query_provenance, a_deadline_that_is_over_cuts_the_answer)
{
	struct budget budget;
	struct clock clock = clock_real();
	struct query_graph g;
	struct query_view *v;
	uint64_t root = 4;

	diamond();
	budget = help_budget(&h);
	budget.deadline_mono_us = clock_mono_us(&clock) - 1;
	v = help_view(&h, 0);
	cr_assert_eq(query_provenance(v, &root, 1, false, 0, &budget, &g, &h.why), RC_OK);
	cr_assert_not(g.complete);
	budget.deadline_mono_us = clock_mono_us(&clock) + 60000000;
	cr_assert_eq(query_provenance(v, &root, 1, false, 0, &budget, &g, &h.why), RC_OK);
	cr_assert(g.complete);
	query_view_end(v);
	help_close(&h);
}

Test(query_provenance, several_roots_are_one_graph_and_twins_count_once)
{
	struct budget budget;
	uint64_t roots[] = {5, 2, 5};
	struct query_graph g;
	struct query_view *v;

	diamond();
	budget = help_budget(&h);
	v = help_view(&h, 0);
	cr_assert_eq(query_provenance(v, roots, 3, false, 0, &budget, &g, &h.why), RC_OK);
	expect_nodes(&g, 4, (uint64_t[]){0, 1, 2, 5});
	cr_assert_eq(g.root, 5u);
	roots[1] = 7;
	cr_assert_eq(query_provenance(v, roots, 3, false, 0, &budget, &g, &h.why), RC_NOT_FOUND);
	query_view_end(v);
	help_close(&h);
}

Test(query_provenance, no_room_for_the_answer_is_a_refusal)
{
	struct budget budget;
	struct query_graph g;
	struct query_view *v;
	struct arena small;
	uint64_t root = 4;

	diamond();
	v = help_view(&h, 0);
	arena_init(&small, 256);
	budget = (struct budget){.nodes_max = 100, .arena = &small};
	cr_assert_eq(query_provenance(v, &root, 1, false, 0, &budget, &g, &h.why), RC_NO_MEMORY);
	query_view_end(v);
	arena_release(&small);
	help_close(&h);
}

Test(query_provenance, a_child_that_only_the_index_knows_is_not_believed)
{
	struct budget budget;
	struct query_graph g;
	struct query_view *v;
	uint64_t root = 0;

	help_open(&h);
	(void)help_one(&h, (struct task){0});
	(void)help_one(&h, (struct task){.lie_parent = true, .parent_told = 0});
	budget = help_budget(&h);
	v = help_view(&h, 0);
	cr_assert_eq(query_provenance(v, &root, 1, true, 0, &budget, &g, &h.why), RC_CORRUPT);
	query_view_end(v);
	help_close(&h);
}

/* The oracle: mark and sweep over the plain lists until nothing changes. */
static void
closure(const struct task *tasks, unsigned n, unsigned root, bool down, bool *in)
{
	bool changed = true;

	memset(in, 0, n * sizeof(*in));
	in[root] = true;
	while (changed) {
		changed = false;
		for (unsigned c = 0; c < n; c++)
			for (size_t k = 0; k < tasks[c].parent_count; k++) {
				unsigned p = tasks[c].parents[k];
				unsigned from = down ? p : c, to = down ? c : p;

				changed = changed || (in[from] && !in[to]);
				in[to] = in[to] || in[from];
			}
	}
}

static void
check_against(const struct task *tasks, unsigned size, unsigned root, bool down)
{
	static bool in[600];
	struct query_graph g = ask(size, root, down, 0, 1000000);
	size_t nodes = 0, edges = 0;

	closure(tasks, size, root, down, in);
	for (unsigned c = 0; c < size; c++) {
		if (!in[c])
			continue;
		cr_assert_lt(nodes, g.node_count);
		cr_assert_eq(g.nodes[nodes].index, c);
		nodes++;
		for (size_t k = 0; k < tasks[c].parent_count; k++)
			edges += in[tasks[c].parents[k]];
	}
	cr_assert_eq(nodes, g.node_count);
	cr_assert_eq(edges, g.edge_count);
	for (size_t i = 0; i < g.edge_count; i++) {
		cr_assert(in[g.edges[i].parent] && in[g.edges[i].child]);
		cr_assert(i == 0 || g.edges[i].child > g.edges[i - 1].child ||
			  (g.edges[i].child == g.edges[i - 1].child &&
			      g.edges[i].parent > g.edges[i - 1].parent));
	}
}

Test(query_provenance, random_graphs_agree_with_a_plain_closure_at_every_size)
{
	static struct task tasks[600];
	uint64_t seed = 42;

	help_open(&h);
	help_begin(&h);
	for (unsigned i = 0; i < 600; i++) {
		unsigned want = i == 0 ? 0 : help_random(&seed, 4);

		tasks[i] = (struct task){.wid = 1 + i % 3, .issuer = i % 7};
		for (unsigned k = 0; k < want; k++) {
			unsigned p = i - 1 - help_random(&seed, i < 40 ? i : 40);
			bool twin = false;

			for (size_t j = 0; j < tasks[i].parent_count; j++)
				twin = twin || tasks[i].parents[j] == p;
			if (!twin)
				tasks[i].parents[tasks[i].parent_count++] = p;
		}
		(void)help_add(&h, &tasks[i]);
	}
	help_commit(&h);
	for (unsigned turn = 0; turn < 40; turn++) {
		unsigned size = 1 + help_random(&seed, 600), root = help_random(&seed, size);

		arena_reset(&h.arena);
		check_against(tasks, size, root, turn % 2 == 0);
	}
	help_close(&h);
}

Test(query_provenance, a_fan_wider_than_a_page_is_followed_whole)
{
	struct query_graph g;

	help_open(&h);
	help_begin(&h);
	(void)help_add(&h, &(struct task){0});
	for (unsigned i = 0; i < 2500; i++)
		(void)help_add(&h, &(struct task){.parents = {0}, .parent_count = 1});
	help_commit(&h);
	g = ask(0, 0, true, 0, 1000000);
	cr_assert(g.complete && g.node_count == 2501 && g.edge_count == 2500);
	g = ask(1025, 0, true, 0, 1000000); /* exactly one page of children */
	cr_assert(g.complete && g.node_count == 1025);
	help_close(&h);
}

/* ---- by hash ---- */

#define HASH_A "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ" /* SHA-256 of "hello" */

static void
sha_of_hello(struct claim_hash *out)
{
	struct hash x;

	hash_of(bytes_str("hello"), &x);
	*out = (struct claim_hash){.alg = CLAIM_SHA256, .size = 32};
	memcpy(out->b, x.b, 32);
}

Test(query_provenance, tasks_are_found_by_input_or_output_hash_and_checked_whole)
{
	struct budget budget;
	struct claim_hash hello;
	struct query_view *v;
	bool complete;
	uint64_t *found;
	size_t count;

	sha_of_hello(&hello);
	help_open(&h);
	help_begin(&h);
	(void)help_add(
	    &h, &(struct task){.more = ",\"out_hash\":\"" HASH_A "\"", .hash = (char *)hello.b});
	(void)help_add(
	    &h, &(struct task){.hash = (char *)hello.b}); /* the same 16 bytes, another hash */
	(void)help_add(
	    &h, &(struct task){.more = ",\"inp_hash\":\"" HASH_A "\"", .hash = (char *)hello.b});
	help_commit(&h);
	budget = help_budget(&h);
	v = help_view(&h, 0);
	cr_assert_eq(query_by_hash(v, &hello, &budget, &found, &count, &complete, &h.why), RC_OK);
	cr_assert(complete && count == 2 && found[0] == 0 && found[1] == 2);
	budget.nodes_max = 2;
	cr_assert_eq(query_by_hash(v, &hello, &budget, &found, &count, &complete, &h.why), RC_OK);
	cr_assert(!complete && count == 1);
	query_view_end(v);
	v = help_view(&h, 2);
	budget.nodes_max = 100;
	cr_assert_eq(query_by_hash(v, &hello, &budget, &found, &count, &complete, &h.why), RC_OK);
	cr_assert(complete && count == 1);
	hello.b[31] ^= 1;
	cr_assert_eq(query_by_hash(v, &hello, &budget, &found, &count, &complete, &h.why), RC_OK);
	cr_assert(complete && count == 0);
	query_view_end(v);
	help_close(&h);
}

Test(query_provenance, only_tasks_are_in_graphs_and_each_says_the_level_of_its_chain)
{
	struct budget budget;
	struct query_graph g;
	struct query_view *v;
	uint64_t root = 0;

	help_open(&h);
	help_begin(&h);
	(void)help_add(&h, &(struct task){.unsigned_token = true});
	(void)help_add(&h, &(struct task){.kind = ENTRY_EQUIVOCATION,
			       .jti = 1,
			       .act = "other",
			       .parents = {0},
			       .parent_count = 1});
	(void)help_add(
	    &h, &(struct task){.flags = ENTRY_LOWER_PARENT, .parents = {0}, .parent_count = 1});
	(void)help_add(&h, &(struct task){0});
	help_commit(&h);
	budget = help_budget(&h);
	v = help_view(&h, 0);
	cr_assert_eq(
	    query_provenance(v, &root, 1, true, 0, &budget, &g, &h.why), RC_OK, "%s", h.why.text);
	cr_assert(g.complete && g.node_count == 2 && g.edge_count == 1);
	cr_assert(g.nodes[0].index == 0 && g.nodes[1].index == 2);
	cr_assert(g.nodes[0].chain_level == LEVEL_1 && g.nodes[1].chain_level == LEVEL_1,
	    "a signed task below an unsigned one");
	root = 3;
	cr_assert_eq(query_provenance(v, &root, 1, true, 0, &budget, &g, &h.why), RC_OK);
	cr_assert_eq(g.nodes[0].chain_level, LEVEL_2);
	root = 1;
	cr_assert_eq(query_provenance(v, &root, 1, false, 0, &budget, &g, &h.why), RC_NOT_FOUND);
	query_view_end(v);
	help_close(&h);
}

Test(query_provenance, a_cancelled_query_stops)
{
	_Atomic bool cancelled = false;
	struct budget budget;
	struct query_graph g;
	struct query_view *v;
	uint64_t root = 0;

	help_open(&h);
	help_begin(&h);
	(void)help_add(&h, &(struct task){0});
	for (unsigned i = 1; i < 500; i++)
		(void)help_add(&h, &(struct task){.parents = {i - 1}, .parent_count = 1});
	help_commit(&h);
	budget = help_budget(&h);
	budget.cancelled = &cancelled;
	v = help_view(&h, 0);
	cr_assert_eq(query_provenance(v, &root, 1, true, 0, &budget, &g, &h.why), RC_OK);
	cr_assert(g.complete && g.node_count == 500);
	cancelled = true;
	cr_assert_eq(query_provenance(v, &root, 1, true, 0, &budget, &g, &h.why), RC_OK);
	cr_assert(!g.complete && g.node_count < 500);
	query_view_end(v);
	help_close(&h);
}
