/* test_answer_reach.c - spans, order of reaching, depths, ranks, the next and the last one across words of the bitmap. */
#include <criterion/criterion.h>

#include "answer/reach.h"
#include "lib/facts_world.h"

static struct facts_world w;
static struct facts_view v;

TestSuite(answer_reach, .timeout = 60);

/* A chain of 300, and each tenth task rests on the one ten before it too. */
static void
chain(void)
{
	world_init(&w);
	for (uint32_t i = 0; i < 300; i++)
		(void)world_put(&w, "a", "step", NULL,
		    i == 0	  ? 0
		    : i % 10 == 0 ? 2
				  : 1,
		    (uint32_t[]){i - 1, i - 10});
	v = world_view(&w);
}

Test(answer_reach, nothing_outside_the_span_is_reached)
{
	struct reach r;

	chain();
	cr_assert_eq(reach_open(&r, &v, &w.budget, 100, 250), RC_OK);
	cr_assert(
	    reach_add(&r, 240) && reach_add(&r, 240) && reach_add(&r, 250) && reach_add(&r, 99));
	cr_assert_eq(reach_count(&r), 1u);
	cr_assert_eq(reach_run(&r, false, 0, FACTS_NONE), RC_OK);
	cr_assert(r.complete && reach_count(&r) == 141);
	cr_assert(reach_has(&r, 100) && !reach_has(&r, 99) && !reach_has(&r, 241) &&
		  !reach_has(&r, 5000));
	reach_close(&r);
	world_release(&w);
}

Test(answer_reach, depths_are_the_fewest_steps_and_never_fall)
{
	struct reach r;
	uint32_t depth = 0, last = 0;

	chain();
	cr_assert_eq(reach_open(&r, &v, &w.budget, 0, 300), RC_OK);
	(void)reach_add(&r, 290);
	cr_assert_eq(reach_run(&r, false, 0, FACTS_NONE), RC_OK);
	for (size_t i = 0; i < reach_count(&r); i++) {
		uint32_t index = reach_nth(&r, i);

		reach_depth(&r, i, &depth);
		cr_assert_geq(depth, last);
		last = depth;
		if (index % 10 == 0)
			cr_assert_eq(depth, (290 - index) / 10);
	}
	cr_assert_eq(reach_count(&r), 291u);
	reach_close(&r);
	world_release(&w);
}

Test(answer_reach, it_ends_with_the_level_on_which_the_wanted_one_is)
{
	struct reach r;

	chain();
	cr_assert_eq(reach_open(&r, &v, &w.budget, 0, 300), RC_OK);
	(void)reach_add(&r, 290);
	cr_assert_eq(reach_run(&r, false, 0, 270), RC_OK);
	cr_assert(r.complete && reach_has(&r, 270) && reach_has(&r, 288) && !reach_has(&r, 260));
	reach_close(&r);
	cr_assert_eq(reach_open(&r, &v, &w.budget, 0, 300), RC_OK);
	(void)reach_add(&r, 0);
	cr_assert_eq(reach_run(&r, true, 2, FACTS_NONE), RC_OK);
	cr_assert(r.complete && reach_count(&r) == 6, "0; 1 and 10; 2, 11 and 20: %zu",
	    reach_count(&r));
	reach_close(&r);
	world_release(&w);
}

Test(answer_reach, next_before_and_places_agree_with_each_other)
{
	struct reach r;
	size_t place = 0;
	uint32_t back = 300;

	chain();
	for (uint32_t low = 0; low < 130; low += 43) {
		cr_assert_eq(reach_open(&r, &v, &w.budget, low, 300), RC_OK);
		for (uint32_t i = low; i < 300; i += 7)
			(void)reach_add(&r, i);
		cr_assert_eq(reach_rank(&r), RC_OK);
		place = 0;
		for (uint32_t at = reach_next(&r, 0); at != FACTS_NONE;
		     at = reach_next(&r, at + 1)) {
			cr_assert_eq(at, low + 7 * place);
			cr_assert_eq(reach_place(&r, at), place++);
		}
		cr_assert_eq(place, reach_count(&r));
		back = 300;
		while ((back = reach_before(&r, back)) != FACTS_NONE)
			cr_assert_eq(back, low + 7 * --place);
		cr_assert_eq(place, 0u);
		cr_assert(reach_before(&r, low) == FACTS_NONE && reach_before(&r, 0) == FACTS_NONE);
		cr_assert_eq(reach_next(&r, 300), FACTS_NONE);
		reach_close(&r);
	}
	world_release(&w);
}

Test(answer_reach, the_budget_ends_it_and_no_task_is_reached_after)
{
	struct reach r;

	chain();
	w.budget.nodes_max = 10;
	cr_assert_eq(reach_open(&r, &v, &w.budget, 0, 300), RC_OK);
	(void)reach_add(&r, 290);
	cr_assert_eq(reach_run(&r, false, 0, FACTS_NONE), RC_OK);
	cr_assert(!r.complete && !r.dead && reach_count(&r) == 10 && !reach_add(&r, 1));
	reach_close(&r);
	world_release(&w);
}
