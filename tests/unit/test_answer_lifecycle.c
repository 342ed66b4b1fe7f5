/* test_answer_lifecycle.c - every state, every way between them, every flag; who may say what. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "answer/lifecycle.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct why why;

TestSuite(answer_lifecycle, .timeout = 60);

static uint32_t
say(const char *iss, const char *ext)
{
	return world_put(&w, iss, "lifecycle", ext, 0, NULL);
}

static struct lifecycle
read_all(void)
{
	struct facts_view v = world_view(&w);
	struct lifecycle l;

	cr_assert_eq(lifecycle_read(&v, &w.budget, &l, &why), RC_OK, "%s", why.text);
	return l;
}

static const struct lifecycle_agent *
of(const struct lifecycle *l, const char *iss)
{
	const struct lifecycle_agent *a = lifecycle_of(l, world_iss(&w, iss));

	cr_assert_not_null(a);
	return a;
}

Test(answer_lifecycle, a_version_ends_a_drain_and_a_retirement_is_final)
{
	struct lifecycle l;
	const struct lifecycle_agent *a;

	world_init(&w);
	(void)say("a", "{\"event\":\"version\",\"version\":\"1\"}");
	l = read_all();
	cr_assert(of(&l, "a")->state == LIFE_ACTIVE && bytes_is(of(&l, "a")->version, "1"));
	(void)say("a", "{\"event\":\"drain\"}");
	(void)say("a", "{\"event\":\"drain\"}");
	l = read_all();
	a = of(&l, "a");
	cr_assert(
	    a->state == LIFE_DRAINING && a->drain == 1, "draining since the first word of it");
	(void)say("a", "{\"event\":\"version\",\"version\":\"2\"}");
	l = read_all();
	a = of(&l, "a");
	cr_assert(a->state == LIFE_ACTIVE && a->drain == FACTS_NONE && a->draining_since_ms == 0);
	(void)say("a", "{\"event\":\"retire\",\"successor\":\"spiffe://example.com/agent/b\"}");
	(void)say("a", "{\"event\":\"version\",\"version\":\"3\"}");
	l = read_all();
	a = of(&l, "a");
	cr_assert(a->state == LIFE_RETIRED && a->retire == 4 && bytes_is(a->version, "2"));
	cr_assert(bytes_eq(a->successor, world_iss(&w, "b")));
	cr_assert_eq(a->events[5].flags, (unsigned)LIFE_AFTER_RETIREMENT);
	cr_assert(l.agent_count == 1 && a->event_count == 6);
	cr_assert_null(lifecycle_of(&l, world_iss(&w, "b")));
	world_release(&w);
}

Test(answer_lifecycle, a_retirement_for_later_comes_into_force_when_the_logs_time_is_there)
{
	struct lifecycle l;
	char ext[128];
	uint64_t base;

	world_init(&w);
	base = w.now_ms / 1000;
	(void)snprintf(ext, sizeof ext, "{\"event\":\"retire\",\"sunset\":%llu}",
	    (unsigned long long)base + 100);
	(void)say("a", ext);
	l = read_all();
	cr_assert(of(&l, "a")->state == LIFE_RETIRING &&
		  of(&l, "a")->retires_at_ms == (base + 100) * 1000);
	(void)say("a", "{\"event\":\"version\",\"version\":\"9\"}");
	w.now_ms = (base + 100) * 1000 - 1;
	(void)world_put(&w, "b", NULL, NULL, 0, NULL);
	l = read_all();
	cr_assert_eq(of(&l, "a")->state, LIFE_RETIRING, "a version does not call it off");
	cr_assert(bytes_is(of(&l, "a")->version, "9"));
	w.now_ms = (base + 100) * 1000;
	(void)say("a", "{\"event\":\"drain\"}");
	l = read_all();
	cr_assert_eq(of(&l, "a")->state, LIFE_RETIRED);
	cr_assert_eq(of(&l, "a")->events[2].flags, (unsigned)LIFE_AFTER_RETIREMENT);
	world_release(&w);
}

Test(answer_lifecycle, a_sunset_that_has_passed_is_a_state_of_its_own)
{
	struct lifecycle l;

	world_init(&w);
	(void)say("a", "{\"event\":\"drain\",\"sunset\":5}");
	l = read_all();
	cr_assert(of(&l, "a")->state == LIFE_SUNSET && of(&l, "a")->sunset == 5);
	(void)say("a", "{\"event\":\"version\"}");
	l = read_all();
	cr_assert(of(&l, "a")->state == LIFE_ACTIVE && !of(&l, "a")->has_sunset);
	cr_assert_eq(of(&l, "a")->sunset, 0);
	world_release(&w);
}

Test(answer_lifecycle, only_the_agent_itself_or_an_operator_or_human_may_say_so)
{
	struct lifecycle l;
	const struct lifecycle_agent *a;

	world_init(&w);
	(void)say("b", "{\"event\":\"retire\",\"subject\":\"spiffe://example.com/agent/a\"}");
	(void)world_policy(&w, "{\"roles\":{\"operator\":[\"spiffe://example.com/agent/op\"]}}");
	l = read_all();
	a = of(&l, "a");
	cr_assert(a->state == LIFE_ACTIVE && a->events[0].flags == LIFE_NOT_AUTHORIZED);
	(void)say("op", "{\"event\":\"retire\",\"subject\":\"spiffe://example.com/agent/a\"}");
	l = read_all();
	a = of(&l, "a");
	cr_assert(a->state == LIFE_RETIRED && a->events[1].flags == 0 && a->retire == 2);
	world_release(&w);
}

Test(answer_lifecycle, what_is_malformed_is_flagged_and_has_no_effect)
{
	struct lifecycle l;
	const struct lifecycle_agent *a;

	world_init(&w);
	(void)say("a", "{\"event\":\"explode\"}");
	(void)say("a", "{\"event\":\"retire\",\"subject\":7}");
	(void)say("a", "{\"event\":\"drain\",\"sunset\":\"soon\",\"successor\":"
		       "\"spiffe://example.com/agent/a\"}");
	l = read_all();
	a = of(&l, "a");
	cr_assert_eq(a->events[0].flags, (unsigned)LIFE_NO_EVENT);
	cr_assert_eq(a->events[1].flags, (unsigned)LIFE_BAD_SUBJECT);
	cr_assert_eq(a->events[2].flags, (unsigned)(LIFE_BAD_SUNSET | LIFE_BAD_SUCCESSOR));
	cr_assert(a->state == LIFE_DRAINING && !a->has_sunset && a->successor.n == 0);
	world_release(&w);
}

Test(answer_lifecycle, over_the_budget_nothing_is_said)
{
	struct lifecycle l;

	world_init(&w);
	(void)say("a", "{\"event\":\"drain\"}");
	(void)say("a", "{\"event\":\"retire\"}");
	w.budget.nodes_max = 1;
	l = read_all();
	cr_assert(!l.complete && l.agent_count == 0);
	world_release(&w);
}

Test(answer_lifecycle, states_and_flags_have_the_names_of_the_page)
{
	static const char *const flags[] = {"not_authorized", "after_retirement", "no_event",
	    "bad_subject", "bad_sunset", "bad_successor"};
	static const char *const states[] = {"active", "draining", "retiring", "sunset", "retired"};

	for (unsigned i = 0; i < LIFE_FLAG_COUNT; i++)
		cr_assert_str_eq(lifecycle_flag_text((enum lifecycle_flag_place)i), flags[i]);
	for (unsigned i = 0; i < 5; i++)
		cr_assert_str_eq(
		    lifecycle_state_text((enum lifecycle_state)(LIFE_ACTIVE + i)), states[i]);
}
