/* test_answer_circuit.c - breakers by the log alone: windows, thresholds, time, probes, and what agents told. */
#include <criterion/criterion.h>
#include <string.h>

#include "answer/circuit.h"
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
TestSuite(answer_circuit, .init = setup, .fini = teardown, .timeout = 120);

#define P(...)                                                                                     \
	sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[])                         \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static struct circuit_answer
ask(struct circuit_question q)
{
	struct facts_view v = world_view(&w);
	struct circuit_answer a;

	cr_assert_eq(answer_circuit(&v, &q, &w.budget, &a, &why), RC_OK, "%s", why.text);
	return a;
}

static const struct circuit_question everything = {
    .from = FACTS_NONE, .to = FACTS_NONE, .all = true, .limit = 1000};

static uint32_t
iss(const char *name)
{
	struct facts_view v = world_view(&w);

	return facts_number(&v, FACTS_ISS, world_iss(&w, name));
}

/* The edge from "a" to "b". */
static struct circuit_edge
edge(void)
{
	struct circuit_question q = everything;
	struct circuit_answer a;

	q.from = iss("a");
	q.to = iss("b");
	a = ask(q);
	cr_assert_eq(a.edge_count, 1u);
	cr_assert(a.complete);
	return a.edges[0];
}

static uint32_t
call(void)
{
	return world_put(&w, "b", NULL, NULL, P(1));
}
static uint32_t
failed(uint32_t task)
{
	return world_put(&w, "a", "failure", NULL, P(task));
}

/* Entry 0: the policy; 1: the caller's task. */
static void
begin(const char *policy)
{
	(void)world_policy(&w, policy);
	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
}

/* Opened by the second failure of three calls, at entry 6. */
static void
open_it(void)
{
	uint32_t x, y;

	begin("{\"circuit\":{\"window\":4,\"minimum\":3,\"threshold\":0.5,\"wait_s\":10,\"probes\":"
	      "2}}");
	x = call();
	y = call();
	(void)call();
	(void)failed(x);
	cr_assert_eq(edge().state, CIRCUIT_CLOSED);
	cr_assert_eq(failed(y), 6u);
	cr_assert_eq(edge().state, CIRCUIT_OPEN);
}

Test(answer_circuit, a_call_is_work_of_another_agent_that_rests_on_work_directly)
{
	struct circuit_answer a;

	begin("{}");
	(void)world_put(&w, "a", NULL, NULL, P(1));
	(void)world_put(&w, "b", NULL, NULL, P(1, 2));
	(void)world_put(&w, "c", "explanation", NULL, P(1));
	(void)world_put(&w, "c", NULL, NULL, P(4));
	a = ask(everything);
	cr_assert(
	    a.edge_count == 1 && a.edge_total == 1, "nobody calls himself, records are no calls");
	cr_assert_eq(a.edges[0].calls_total, 1u, "two predecessors, one call");
	(void)world_put(&w, "c", NULL, NULL, P(1, 3));
	cr_assert_eq(ask(everything).edge_total, 3u, "of two agents");
}

Test(answer_circuit, it_opens_at_the_minimum_and_the_threshold)
{
	struct circuit_edge e;

	open_it();
	e = edge();
	cr_assert(
	    e.change_total == 1 && e.changes[0].state == CIRCUIT_OPEN && e.changes[0].index == 6);
	cr_assert(e.changes[0].bad == 2 && e.changes[0].calls == 3 && e.calls_total == 3 &&
		  e.bad_total == 2);
	cr_assert(e.bad == 0 && e.calls == 0, "the window was emptied");
}

Test(answer_circuit, a_good_call_that_reaches_the_minimum_can_open_it)
{
	uint32_t x;

	begin("{\"circuit\":{\"minimum\":3,\"threshold\":0.3}}");
	x = call();
	(void)call();
	(void)failed(x);
	cr_assert_eq(edge().state, CIRCUIT_CLOSED);
	(void)call();
	cr_assert_eq(edge().state, CIRCUIT_OPEN, "one of three");
}

Test(answer_circuit, calls_that_one_failure_names_become_bad_together)
{
	uint32_t one, two;
	struct circuit_edge e;

	begin("{\"circuit\":{\"window\":4,\"minimum\":2,\"threshold\":0.5}}");
	one = call();
	two = call();
	(void)world_put(&w, "a", "failure", NULL, P(one, two));
	e = edge();
	cr_assert_eq(e.change_total, 1u);
	cr_assert_eq(e.changes[0].bad, 2u, "%u", e.changes[0].bad);
	cr_assert_eq(e.changes[0].calls, 2u);
}

Test(answer_circuit, a_smaller_window_takes_effect_with_the_next_failure)
{
	uint32_t first, last = 0;
	struct circuit_edge e;

	begin("{\"circuit\":{\"window\":4,\"minimum\":4,\"threshold\":0.5}}");
	first = call();
	for (int i = 0; i < 3; i++)
		last = call();
	(void)world_policy(&w, "{\"circuit\":{\"window\":2,\"minimum\":2,\"threshold\":0.5}}");
	(void)failed(first);
	e = edge();
	cr_assert_eq(e.calls, 2u);
	cr_assert_eq(e.bad, 0u, "it dropped out");
	cr_assert_eq(e.change_total, 0u);
	(void)failed(last);
	cr_assert_eq(edge().change_total, 1u);
}

Test(answer_circuit, what_dropped_out_of_the_window_does_not_count)
{
	uint32_t x;

	begin("{\"circuit\":{\"window\":2,\"minimum\":2,\"threshold\":0.5}}");
	x = call();
	(void)call();
	(void)call();
	(void)failed(x);
	cr_assert(edge().state == CIRCUIT_CLOSED && edge().bad == 0 && edge().calls == 2 &&
		  edge().bad_total == 1);
}

Test(answer_circuit, only_the_first_failure_of_a_call_counts)
{
	uint32_t x;

	begin("{\"circuit\":{\"window\":4,\"minimum\":4,\"threshold\":0.5}}");
	x = call();
	(void)call();
	(void)call();
	(void)call();
	(void)failed(x);
	(void)failed(x);
	cr_assert(edge().state == CIRCUIT_CLOSED && edge().bad == 1 && edge().bad_total == 1);
}

Test(answer_circuit, time_makes_it_half_open_and_probes_close_it)
{
	struct circuit_edge e;
	uint64_t opened;

	open_it();
	opened = edge().since_ms;
	(void)call();
	cr_assert(edge().state == CIRCUIT_OPEN && edge().while_open == 1);
	w.now_ms = opened + 9999;
	(void)world_put(&w, "z", NULL, NULL, 0, NULL);
	cr_assert_eq(edge().state, CIRCUIT_OPEN);
	w.now_ms = opened + 10000;
	(void)world_put(&w, "z", NULL, NULL, 0, NULL);
	e = edge();
	cr_assert(e.state == CIRCUIT_HALF_OPEN && e.since_ms == opened + 10000 &&
		  e.changes[1].index == FACTS_NONE);
	(void)call();
	cr_assert_eq(edge().state, CIRCUIT_HALF_OPEN, "one probe of two");
	(void)call();
	e = edge();
	cr_assert(e.state == CIRCUIT_CLOSED && e.calls == 2 && e.change_total == 3,
	    "the window keeps the probes");
}

Test(answer_circuit, a_bad_probe_opens_it_again)
{
	uint32_t probe;

	open_it();
	w.now_ms += 20000;
	probe = call();
	cr_assert_eq(edge().state, CIRCUIT_HALF_OPEN);
	(void)failed(2);
	cr_assert_eq(
	    edge().state, CIRCUIT_HALF_OPEN, "a failure of a call before says nothing new");
	(void)failed(probe);
	cr_assert(edge().state == CIRCUIT_OPEN && edge().change_total == 3);
}

Test(answer_circuit, whoever_tells_of_the_failure_and_who_it_was_is_counted)
{
	struct world_task t = {.act = "failure", .level = LEVEL_1, .parent_count = 1};
	struct circuit_edge e;

	begin("{}");
	t.parents[0] = call();
	(void)world_add(&w, &t);
	cr_assert_eq(edge().bad, 0u, "nobody signed it");
	(void)world_put(&w, "b", "failure", NULL, P(call()));
	(void)world_put(&w, "c", "failure", NULL, P(call()));
	(void)failed(call());
	e = edge();
	cr_assert(e.bad == 3 && e.self_reported == 1 && e.third_party == 1);
}

Test(answer_circuit, parameters_are_those_in_force_at_the_entry)
{
	begin("{\"circuit\":{\"window\":10,\"minimum\":10}}");
	(void)failed(call());
	(void)failed(call());
	cr_assert_eq(edge().state, CIRCUIT_CLOSED);
	(void)world_policy(&w, "{\"circuit\":{\"window\":2,\"minimum\":2}}");
	cr_assert_eq(edge().state, CIRCUIT_CLOSED, "a document is no outcome");
	(void)call();
	cr_assert_eq(edge().state, CIRCUIT_OPEN, "one of the two newest");
}

Test(answer_circuit, reports_are_held_against_the_state_just_before_them)
{
	struct circuit_edge e;
	struct circuit_answer a;

	open_it();
	(void)world_put(&w, "a", "circuit",
	    "{\"state\":\"open\",\"edge_to\":\"spiffe://example.com/agent/b\"}", P(6));
	(void)world_put(&w, "c", "circuit",
	    "{\"state\":\"closed\",\"edge_from\":\"spiffe://example.com/agent/"
	    "a\",\"edge_to\":\"spiffe://example.com/agent/b\"}",
	    P(6));
	(void)world_put(&w, "a", "circuit", "{\"state\":\"open\"}", P(6));
	(void)world_put(&w, "a", "circuit",
	    "{\"state\":\"open\",\"edge_to\":\"spiffe://example.com/agent/nobody\"}", P(6));
	e = edge();
	cr_assert(e.report_total == 2 && e.disagree_total == 1);
	cr_assert(e.reports[0].told == CIRCUIT_OPEN && e.reports[0].computed == CIRCUIT_OPEN &&
		  e.reports[0].by_caller);
	cr_assert(e.reports[1].told == CIRCUIT_CLOSED && e.reports[1].computed == CIRCUIT_OPEN &&
		  !e.reports[1].by_caller);
	a = ask(everything);
	cr_assert_eq(a.strays, 2u);
	cr_assert_eq(a.rests_on[a.rests_on_count - 1], 8u);
}

Test(answer_circuit, quiet_edges_are_counted_and_listed_when_asked_for)
{
	struct circuit_question q = everything;
	struct circuit_answer a;

	begin("{}");
	(void)call();
	q.all = false;
	a = ask(q);
	cr_assert(a.edge_count == 0 && a.edge_total == 1);
	cr_assert_eq(ask(everything).edge_count, 1u);
}

Test(answer_circuit, by_caller_and_by_callee_are_the_same_edges_as_in_the_whole_and_pages_join)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	struct circuit_answer whole, part;
	struct circuit_question q = everything;
	uint64_t seed = 3;
	size_t n = 0;

	(void)world_policy(
	    &w, "{\"circuit\":{\"window\":3,\"minimum\":2,\"threshold\":0.4,\"wait_s\":3}}");
	(void)world_put(&w, "a", NULL, NULL, 0, NULL);
	for (uint32_t i = 2; i < 400; i++) {
		uint32_t r;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		r = (uint32_t)(seed >> 33);
		(void)world_put(&w, names[r % 5], r / 5 % 3 == 0 ? "failure" : NULL, NULL,
		    P(1 + r / 15 % (i - 1)));
	}
	whole = ask(everything);
	cr_assert_gt(whole.edge_count, 15u);
	for (size_t i = 0; i < 5; i++)
		for (int to = 0; to < 2; to++) {
			size_t found = 0;

			q = everything;
			*(to ? &q.to : &q.from) = iss(names[i]);
			part = ask(q);
			for (size_t k = 0; k < whole.edge_count; k++) {
				const struct circuit_edge *e = &whole.edges[k], *f;

				if ((to ? e->to : e->from) != iss(names[i]))
					continue;
				f = &part.edges[found++];
				cr_assert(e->from == f->from && e->to == f->to &&
					  e->state == f->state &&
					  e->change_total == f->change_total &&
					  e->calls_total == f->calls_total &&
					  e->bad_total == f->bad_total);
			}
			cr_assert_eq(found, part.edge_count);
		}
	q = everything;
	q.limit = 4;
	do {
		part = ask(q);
		for (size_t i = 0; i < part.edge_count; i++, n++)
			cr_assert(part.edges[i].from == whole.edges[n].from &&
				  part.edges[i].to == whole.edges[n].to);
		q.after = part.next;
	} while (part.next != 0);
	cr_assert_eq(n, whole.edge_count);
}

Test(answer_circuit, over_the_budget_it_says_so)
{
	begin("{}");
	for (unsigned i = 0; i < 10; i++)
		(void)call();
	w.budget.nodes_max = 5;
	cr_assert_not(ask(everything).complete);
}

/* A task has up to a hundred callers: not one list more than an answer may be large. */
Test(answer_circuit, many_callers_do_not_cost_more_than_an_answer_may)
{
	struct world_task t = {.iss = "b", .parent_count = 100};
	struct circuit_answer a;

	for (uint32_t i = 0; i < 100; i++)
		t.parents[i] = world_put(&w, "a", "step", NULL, 0, NULL);
	for (uint32_t i = 0; i < 1000; i++)
		(void)world_add(&w, &t);
	a = ask(everything);
	cr_assert(a.complete);
	cr_assert_eq(a.edges[0].calls_total, 1000u);
	arena_release(&w.arena);
	arena_init(&w.arena, 1 << 20); /* a hundred thousand calls take more, twins not yet out */
	a = ask(everything);
	cr_assert_not(a.complete);
}
