/*
 * Reading overrides: who may, at which level, over what, until when.
 */
#include "unit/test_oversight_help.h"

#define READ(name) Test(override_read, name, .init = begin, .fini = end)

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

READ(operators_and_humans_command_and_others_do_not)
{
	uint32_t ops = command(&w, "ops", "stop", "", 1),
		 alice = command(&w, "alice", "stop", "", 1);
	uint32_t other = command(&w, "boss", "stop", "", 1);

	cr_assert_eq(override_of(&w, ops)->state, OVERRIDE_IN_FORCE);
	cr_assert_eq(override_of(&w, alice)->state, OVERRIDE_IN_FORCE);
	cr_assert_eq(override_of(&w, other)->state, OVERRIDE_VOID);
	cr_assert_eq(override_of(&w, other)->flags, OVERRIDE_FLAG_NOT_AUTHORIZED);
}

READ(the_role_counts_as_it_was_held_at_the_override)
{
	uint32_t o = command(&w, "ops", "stop", "", 1), later;

	world_policy(&w, "{}");
	later = command(&w, "ops", "stop", "", 1);
	cr_assert_eq(override_of(&w, o)->state, OVERRIDE_IN_FORCE);
	cr_assert_eq(override_of(&w, later)->flags, OVERRIDE_FLAG_NOT_AUTHORIZED);
}

READ(every_level_has_a_family_and_binds_or_not)
{
	static const struct {
		const char *level, *family;
		bool binds;
	} rows[] = {{"pause", "heop", true}, {"constrain", "heop", false}, {"stop", "heop", true},
	    {"takeover", "heop", true}, {"advisory", "override-protocol", false},
	    {"mandatory", "override-protocol", true}, {"emergency", "override-protocol", true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t o = command(&w, "ops", rows[i].level, "", 1);
		const struct override_item *item = override_of(&w, o);

		cr_expect_str_eq(override_level_text(item->level), rows[i].level);
		cr_expect_str_eq(
		    override_family_text((enum override_code)item->level), rows[i].family);
		cr_expect_eq(item->binding, rows[i].binds);
		cr_expect_eq(item->state, OVERRIDE_IN_FORCE);
	}
}

READ(an_unknown_level_has_no_effect_and_an_unknown_scope_is_a_node)
{
	uint32_t level = world_put(&w, "ops", "override", "{\"level\":\"freeze\"}", ON(1));
	uint32_t scope = command(&w, "ops", "stop", ",\"scope\":\"galaxy\"", 1);

	cr_assert_eq(
	    override_of(&w, level)->flags, OVERRIDE_FLAG_UNKNOWN_LEVEL | OVERRIDE_FLAG_BREACH);
	cr_assert_eq(override_of(&w, level)->state, OVERRIDE_VOID);
	cr_assert_eq(override_of(&w, scope)->flags, OVERRIDE_FLAG_UNKNOWN_SCOPE);
	cr_assert_eq(override_of(&w, scope)->scope, SCOPE_NODE);
}

READ(a_scope_that_is_no_text_or_an_empty_one_is_as_absent)
{
	uint32_t other = command(&w, "ops", "stop", ",\"scope\":[null]", 1);
	uint32_t empty = command(&w, "ops", "stop", ",\"scope\":\"\"", 1);

	cr_assert_eq(override_of(&w, other)->flags & OVERRIDE_FLAG_UNKNOWN_SCOPE, 0u);
	cr_assert_eq(override_of(&w, empty)->flags, 0u);
	cr_assert_eq(override_of(&w, empty)->scope, SCOPE_NODE);
}

READ(targets_are_tasks_and_agents_that_are_there)
{
	uint32_t t = world_put(&w, "b", "step", NULL, ON(1)), o;
	const struct override_item *item;

	o = command(&w, "ops", "stop",
	    arena_printf(&w.arena,
		",\"targets\":[\"%s\",\"" AGENT "b\",\"" AGENT "nobody\",7,\"%s\"]",
		world_jti_text(&w, t), world_jti_text(&w, 999)),
	    1);
	item = override_of(&w, o);
	cr_assert_eq(item->task_count, 1);
	cr_assert_eq(item->tasks[0], t);
	cr_assert_eq(item->agent_count, 1);
	cr_assert_eq(item->flags, OVERRIDE_FLAG_UNKNOWN_TARGET);
}

READ(what_is_recorded_later_does_not_change_a_target)
{
	uint32_t t, o;
	struct world_task same = {.iss = "evil", .wid = "elsewhere"};
	uint8_t jti[UUID_SIZE];
	struct world_task loose = {.iss = "b", .wid = "third"};

	t = world_add(&w, &loose);
	o = command(&w, "ops", "stop",
	    arena_printf(&w.arena, ",\"targets\":[\"%s\"]", world_jti_text(&w, t)), 1);
	cr_assert_eq(override_of(&w, o)->task_count, 1);
	world_jti(t, jti);
	same.jti = jti;
	(void)world_add(&w, &same);
	cr_assert_eq(override_of(&w, o)->task_count, 1, "a second task of that id came later");
	cr_assert_eq(override_of(&w, o)->tasks[0], t);
}

READ(without_targets_it_is_about_what_it_rests_on)
{
	uint32_t a = world_put(&w, "b", "step", NULL, ON(1)), o, up;

	o = world_put(&w, "ops", "override", "{\"level\":\"pause\"}", ON(a, 1));
	cr_assert_eq(override_of(&w, o)->task_count, 2);
	up = command(&w, "ops", "stop", "", o);
	cr_assert_eq(override_of(&w, up)->escalates, o);
	cr_assert_eq(override_of(&w, up)->task_count, 2, "about what the first one is about");
	up = command(&w, "ops", "takeover", ",\"targets\":[]", up);
	cr_assert_eq(override_of(&w, up)->flags, OVERRIDE_FLAG_NO_TARGET);
}

READ(a_release_by_who_commands_ends_it_and_no_other)
{
	uint32_t o = command(&w, "ops", "stop", "", 1), bad, good, again;
	const struct override_item *item;

	bad = world_put(&w, "a", "override_release", NULL, ON(o));
	cr_assert_eq(override_of(&w, o)->state, OVERRIDE_IN_FORCE);
	good = world_put(&w, "alice", "override_release", NULL, ON(o));
	again = world_put(&w, "ops", "override_release", NULL, ON(o));
	item = override_of(&w, o);
	cr_assert_eq(item->state, OVERRIDE_RELEASED);
	cr_assert_eq(item->release, good);
	cr_assert_eq(item->replies_all, 3);
	cr_assert_eq(item->replies[0].index, bad);
	cr_assert_eq(item->replies[0].flags, OVERRIDE_FLAG_NOT_AUTHORIZED);
	cr_assert_eq(item->replies[1].flags, 0);
	cr_assert_eq(item->replies[2].index, again);
	cr_assert_eq(item->replies[2].flags, OVERRIDE_FLAG_AFTER_RELEASE);
}

READ(of_two_that_are_in_force_each_ends_by_its_own_release)
{
	uint32_t first = command(&w, "ops", "pause", "", 1), second;

	second = command(&w, "ops", "stop", "", first);
	(void)world_put(&w, "ops", "override_release", NULL, ON(second));
	cr_assert_eq(override_of(&w, first)->state, OVERRIDE_IN_FORCE);
	cr_assert_eq(override_of(&w, second)->state, OVERRIDE_RELEASED);
}

READ(one_release_may_end_several)
{
	uint32_t first = command(&w, "ops", "pause", "", 1),
		 second = command(&w, "ops", "stop", "", 1);

	(void)world_put(&w, "ops", "override_release", NULL, ON(first, second));
	cr_assert_eq(override_of(&w, first)->state, OVERRIDE_RELEASED);
	cr_assert_eq(override_of(&w, second)->state, OVERRIDE_RELEASED);
}

READ(releasing_what_never_was_in_force_is_said)
{
	uint32_t o = command(&w, "a", "stop", "", 1);

	(void)world_put(&w, "ops", "override_release", NULL, ON(o));
	cr_assert_eq(override_of(&w, o)->replies[0].flags, OVERRIDE_FLAG_NOT_IN_FORCE);
	cr_assert_eq(override_of(&w, o)->state, OVERRIDE_VOID);
}
