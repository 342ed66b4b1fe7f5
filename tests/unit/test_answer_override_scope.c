/*
 * Work under a stop: which entries, by scope and level.
 */
#include "unit/test_oversight_help.h"

#define SCOPE(name) Test(override_scope, name, .init = begin, .fini = end)

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
step(const char *who, uint32_t on)
{
	return world_put(&w, who, "step", NULL, ON(on));
}

SCOPE(a_node_covers_what_rests_on_the_target_itself)
{
	uint32_t before = step("b", 1), o = command(&w, "ops", "stop", "", 1);
	uint32_t child = step("b", 1), grandchild = step("b", child), aside = step("b", before);

	cr_assert(is_under_stop(&w, o, child));
	cr_assert_not(is_under_stop(&w, o, grandchild));
	cr_assert_not(is_under_stop(&w, o, aside));
	cr_assert_not(is_under_stop(&w, o, before), "done before");
}

SCOPE(a_subgraph_covers_descendants_through_whatever_lies_between)
{
	uint32_t before = step("b", 1),
		 o = command(&w, "ops", "stop", ",\"scope\":\"subgraph\"", 1);
	uint32_t below = step("b", before), record, behind, loose;

	record = world_put(&w, "b", "failure", NULL, ON(below));
	behind = step("c", record);
	loose = world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert(is_under_stop(&w, o, below));
	cr_assert_not(is_under_stop(&w, o, record), "a record is not work");
	cr_assert(is_under_stop(&w, o, behind));
	cr_assert_not(is_under_stop(&w, o, loose));
	cr_assert_eq(override_of(&w, o)->under_stop_all, 2);
}

SCOPE(a_subgraph_reaches_into_other_workflows)
{
	uint32_t o = command(&w, "ops", "stop", ",\"scope\":\"subgraph\"", 1);
	struct world_task t = {.iss = "b", .wid = "x", .parents = {1}, .parent_count = 1};
	struct overrides_question q = {.in_workflow = true, .wid = 1};
	struct overrides_answer a;
	uint32_t far = world_add(&w, &t);

	cr_assert(is_under_stop(&w, o, far));
	(void)step("b", 1);
	a = overrides_of(&w, &q);
	cr_assert_eq(a.count, 1, "it belongs to the workflow that it reaches");
	cr_assert_eq(a.items[0].under_stop_all, 1, "whose work alone is listed then");
	cr_assert_eq(a.items[0].under_stop[0].index, far);
}

SCOPE(a_workflow_covers_all_of_it_and_the_targets_workflows)
{
	struct world_task t = {.iss = "b", .wid = "x"};
	uint32_t other = world_add(&w, &t), own, theirs, o;

	o = command(&w, "ops", "stop",
	    arena_printf(&w.arena, ",\"scope\":\"workflow\",\"targets\":[\"%s\"]",
		world_jti_text(&w, other)),
	    1);
	own = world_put(&w, "c", "step", NULL, 0, NULL);
	theirs = world_add(&w, &t);
	t.wid = "y";
	cr_assert_not(is_under_stop(&w, o, world_add(&w, &t)));
	cr_assert(is_under_stop(&w, o, own));
	cr_assert(is_under_stop(&w, o, theirs));
}

SCOPE(a_target_of_no_workflow_stands_for_its_subgraph)
{
	struct world_task t = {.iss = "b", .wid = ""};
	uint32_t target = world_add(&w, &t), child, loose, o;
	struct world_task stop = {.iss = "ops",
	    .act = "override",
	    .wid = "",
	    .ext = "{\"level\":\"stop\",\"scope\":\"workflow\"}",
	    .parents = {target},
	    .parent_count = 1};

	o = world_add(&w, &stop);
	loose = world_add(&w, &t);
	t.parents[0] = target;
	t.parent_count = 1;
	child = world_add(&w, &t);
	cr_assert(is_under_stop(&w, o, child));
	cr_assert_not(is_under_stop(&w, o, loose));
}

SCOPE(an_agent_is_stopped_in_the_workflow_or_everywhere)
{
	const char *targets =
	    "{\"level\":\"stop\",\"scope\":\"workflow\",\"targets\":[\"" AGENT "b\"]}";
	struct world_task far = {.iss = "b", .wid = "x"},
			  all = {.iss = "ops", .act = "override", .wid = ""};
	uint32_t seen = step("b", 1), o = world_put(&w, "ops", "override", targets, ON(seen)), e;
	uint32_t own = step("b", 1), other = step("c", 1), away = world_add(&w, &far);

	cr_assert(is_under_stop(&w, o, own));
	cr_assert_not(is_under_stop(&w, o, other), "the agent, not the workflow");
	cr_assert_not(is_under_stop(&w, o, away));
	all.ext = targets;
	all.parents[0] = seen;
	all.parent_count = 1;
	e = world_add(&w, &all);
	away = world_add(&w, &far);
	cr_assert(is_under_stop(&w, e, away), "given in no workflow, it is everywhere");
	cr_assert_not(is_under_stop(&w, o, away));
}

SCOPE(levels_that_do_not_bind_stop_nothing)
{
	static const char *const levels[] = {"constrain", "advisory"};

	for (size_t i = 0; i < 2; i++) {
		uint32_t o = command(&w, "ops", levels[i], "", 1), t = step("b", 1);

		cr_assert_not(is_under_stop(&w, o, t));
		cr_assert_eq(override_of(&w, o)->state, OVERRIDE_IN_FORCE);
	}
}

SCOPE(an_unauthorized_stop_stops_nothing)
{
	uint32_t o = command(&w, "boss", "stop", "", 1), t = step("b", 1);

	cr_assert_not(is_under_stop(&w, o, t));
}

SCOPE(a_takeover_lets_people_work_and_a_stop_does_not)
{
	uint32_t o = command(&w, "ops", "takeover", "", 1), by_human = step("alice", 1), by_agent;

	by_agent = step("b", 1);
	cr_assert_not(is_under_stop(&w, o, by_human));
	cr_assert(is_under_stop(&w, o, by_agent));
	o = command(&w, "ops", "stop", "", 1);
	cr_assert(is_under_stop(&w, o, step("alice", 1)));
}

SCOPE(after_the_release_work_goes_on)
{
	uint32_t o = command(&w, "ops", "stop", ",\"scope\":\"workflow\"", 1),
		 during = step("b", 1), t;

	(void)world_put(&w, "ops", "override_release", NULL, ON(o));
	t = step("b", during);
	cr_assert(is_under_stop(&w, o, during));
	cr_assert_not(is_under_stop(&w, o, t));
	cr_assert_eq(override_of(&w, o)->under_stop_all, 1);
}

SCOPE(records_of_people_and_of_recovery_are_not_work)
{
	static const char *const acts[] = {"override_ack", "hitl_request", "hitl_decision",
	    "failure", "rollback_request", "rollback_result", "compensation", "checkpoint",
	    "explanation", "attestation", "circuit", "quarantine", "lifecycle", "trust_assertion"};
	uint32_t o = command(&w, "ops", "stop", ",\"scope\":\"workflow\"", 1);

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		(void)world_put(&w, "b", acts[i], NULL, ON(1));
	cr_assert_eq(override_of(&w, o)->under_stop_all, 0);
	(void)world_put(&w, "b", "start", "{\"node\":\"n\"}", ON(1));
	(void)world_put(&w, "b", "translation", "{\"src_proto\":\"a\",\"dst_proto\":\"b\"}", ON(1));
	cr_assert_eq(override_of(&w, o)->under_stop_all, 2);
}

SCOPE(what_was_on_its_way_is_listed_and_said_to_be)
{
	uint32_t o = command(&w, "ops", "stop", "", 1), t;
	struct world_task early = {.iss = "b", .parents = {1}, .parent_count = 1};

	early.iat = (int64_t)w.now_ms / 1000 - 60;
	t = world_add(&w, &early);
	(void)step("b", 1);
	cr_assert_eq(override_of(&w, o)->under_stop_count, 2);
	cr_assert_eq(override_of(&w, o)->under_stop[0].index, t);
	cr_assert(override_of(&w, o)->under_stop[0].in_flight);
	cr_assert_not(override_of(&w, o)->under_stop[1].in_flight);
}

/* The bitmap against a plain search, over random graphs. */
SCOPE(a_subgraph_is_what_a_plain_search_finds)
{
	uint64_t seed = 7;

	for (unsigned round = 0; round < 20; round++) {
		uint32_t first = world_view(&w).size, o = 0, target = first + 1;
		bool down[220] = {false};
		struct facts_view v;
		size_t count = 0;

		for (uint32_t i = 0; i < 200; i++) {
			struct world_task t = {.iss = "b"};

			if (i == 40 + round) {
				o = command(&w, "ops", "stop", ",\"scope\":\"subgraph\"", target);
				continue;
			}
			for (unsigned k = 0; i > 1 && k < 2; k++) {
				seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
				t.parents[k] = first + 1 + (uint32_t)(seed >> 33) % (i - 1);
				t.parent_count = k == 0 || t.parents[0] != t.parents[1] ? k + 1 : k;
			}
			(void)world_add(&w, &t);
		}
		v = world_view(&w);
		down[1] = true;
		for (uint32_t i = 2; i < 200; i++) {
			const struct fact *t = fact(&v, first + i);

			for (unsigned k = 0; k < t->parent_count; k++)
				down[i] |= fact_parent(&v, t, k) >= first &&
					   down[fact_parent(&v, t, k) - first];
			if (down[i] && first + i > o && t->kind == KIND_TASK) {
				cr_assert(is_under_stop(&w, o, first + i));
				count++;
			}
		}
		cr_assert_eq(override_of(&w, o)->under_stop_all, count);
	}
}
