/*
 * Acknowledgments: who owes one, until when, and what they may say next.
 */
#include "unit/test_oversight_help.h"

#define ACKS(name) Test(override_acks, name, .init = begin, .fini = end)

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
answer(const char *who, const char *status, uint32_t override)
{
	return world_put(&w, who, "override_ack",
	    arena_printf(&w.arena, "{\"status\":\"%s\",\"effective_at\":77}", status),
	    ON(override));
}

static uint32_t
flags_at(uint32_t override, size_t i)
{
	return override_of(&w, override)->replies[i].flags;
}

ACKS(signers_of_targets_and_named_agents_owe_an_answer)
{
	uint32_t t = world_put(&w, "b", "step", NULL, ON(1)), o;
	const struct override_item *item;

	o = command(&w, "ops", "stop",
	    arena_printf(&w.arena, ",\"targets\":[\"%s\",\"" AGENT "a\",\"" AGENT "b\"]",
		world_jti_text(&w, t)),
	    1);
	item = override_of(&w, o);
	cr_assert_eq(item->ack_count, 2, "each once");
	cr_assert_eq(item->acks[0].state, ACK_STATE_PENDING);
	cr_assert_eq(item->ack_deadline_ms,
	    (int64_t)fact(&(struct facts_view){w.f, o + 1}, o)->received_ms + 50000,
	    "the document's time");
}

ACKS(who_gave_it_owes_none)
{
	uint32_t t = world_put(&w, "ops", "step", NULL, ON(1));

	cr_assert_eq(override_of(&w, command(&w, "ops", "stop", "", t))->ack_count, 0);
}

ACKS(received_then_one_of_three_that_are_final)
{
	static const char *const last[] = {"complied", "refused", "unable"};

	for (unsigned i = 0; i < 3; i++) {
		uint32_t o = command(&w, "ops", "stop", "", 1), n;

		(void)answer("a", "received", o);
		cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_RECEIVED);
		n = answer("a", last[i], o);
		cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_COMPLIED + i);
		cr_assert_eq(override_of(&w, o)->acks[0].index, n);
		(void)answer("a", "complied", o);
		(void)answer("a", "received", o);
		cr_assert_eq(flags_at(o, 0) | flags_at(o, 1), 0);
		cr_assert_eq(flags_at(o, 2), OVERRIDE_FLAG_BAD_TRANSITION);
		cr_assert_eq(flags_at(o, 3), OVERRIDE_FLAG_BAD_TRANSITION);
		cr_assert_eq(override_of(&w, o)->acks[0].index, n);
		cr_assert_eq(override_of(&w, o)->replies[0].effective_at, 77);
	}
}

ACKS(received_twice_is_no_step)
{
	uint32_t o = command(&w, "ops", "stop", "", 1);

	(void)answer("a", "received", o);
	(void)answer("a", "received", o);
	cr_assert_eq(flags_at(o, 1), OVERRIDE_FLAG_BAD_TRANSITION);
}

ACKS(strangers_and_unknown_words_do_not_count)
{
	uint32_t o = command(&w, "ops", "stop", "", 1);

	(void)answer("z", "complied", o);
	(void)answer("a", "obeyed", o);
	cr_assert_eq(flags_at(o, 0), OVERRIDE_FLAG_NOT_ADDRESSED);
	cr_assert_eq(flags_at(o, 1), OVERRIDE_FLAG_UNKNOWN_STATUS | OVERRIDE_FLAG_BREACH);
	cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_PENDING);
}

ACKS(after_the_deadline_an_answer_is_missing_or_late)
{
	uint32_t o = command(&w, "ops", "stop", "", 1);

	wait_s(&w, 50);
	(void)world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_MISSING);
	(void)answer("a", "complied", o);
	cr_assert_eq(flags_at(o, 0), OVERRIDE_FLAG_LATE);
	cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_COMPLIED);
	cr_assert(override_of(&w, o)->acks[0].late);
}

ACKS(an_answer_in_time_is_not_late_later)
{
	uint32_t o = command(&w, "ops", "stop", "", 1);

	(void)answer("a", "received", o);
	wait_s(&w, 500);
	(void)answer("a", "complied", o);
	cr_assert_eq(flags_at(o, 1), 0);
	cr_assert_not(override_of(&w, o)->acks[0].late);
}

ACKS(the_override_sets_its_own_deadline)
{
	long long at = (long long)w.now_ms / 1000 + 500;
	uint32_t o = command(&w, "ops", "stop", arena_printf(&w.arena, ",\"ack_by\":%lld", at), 1);

	cr_assert_eq(override_of(&w, o)->ack_deadline_ms, at * 1000);
	wait_s(&w, 200);
	(void)world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_PENDING);
}

ACKS(what_was_released_in_time_is_answered_no_more)
{
	uint32_t o = command(&w, "ops", "stop", "", 1), late = command(&w, "ops", "stop", "", 1);

	(void)world_put(&w, "ops", "override_release", NULL, ON(o));
	wait_s(&w, 500);
	(void)world_put(&w, "ops", "override_release", NULL, ON(late));
	cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_PENDING);
	cr_assert_eq(override_of(&w, late)->acks[0].state, ACK_STATE_MISSING);
}

ACKS(what_nobody_was_allowed_to_give_is_not_owed)
{
	uint32_t o = command(&w, "c", "stop", "", 1);

	wait_s(&w, 500);
	(void)world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_PENDING);
}

ACKS(without_a_deadline_nothing_is_missing)
{
	uint32_t o;

	world_policy(&w, "{\"roles\":{\"operator\":[\"" AGENT "ops\"]}}");
	o = command(&w, "ops", "stop", "", 1);
	wait_s(&w, 100000);
	(void)world_put(&w, "b", "step", NULL, 0, NULL);
	cr_assert_eq(override_of(&w, o)->ack_deadline_ms, 0);
	cr_assert_eq(override_of(&w, o)->acks[0].state, ACK_STATE_PENDING);
}

ACKS(answers_that_rest_on_no_override_are_listed_apart)
{
	struct overrides_question q = {0};
	struct overrides_answer a;
	uint32_t ack = answer("a", "complied", 1), release;

	release = world_put(&w, "ops", "override_release", NULL, ON(1));
	a = overrides_of(&w, &q);
	cr_assert_eq(a.stray_count, 2);
	cr_assert_eq(a.strays[0].index, release);
	cr_assert_eq(a.strays[1].index, ack);
	cr_assert_eq(a.strays[1].flags, OVERRIDE_FLAG_NOT_ON_OVERRIDE | OVERRIDE_FLAG_BREACH);
}

Test(override_acks, what_is_listed_apart_says_since_when_too, .init = begin, .fini = end)
{
	uint32_t on = world_put(&w, "a", "step", NULL, ON(1));
	struct overrides_question q = {0};
	struct overrides_answer a;

	(void)world_put(&w, "a", "override_ack",
	    "{\"status\":\"complied\",\"effective_at\":1700000000}", ON(on));
	a = overrides_of(&w, &q);
	cr_assert_eq(a.stray_count, 1);
	cr_assert_eq(a.strays[0].effective_at, 1700000000);
}
