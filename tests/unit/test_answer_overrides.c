/*
 * Pages of overrides: order, filters, cursors, sizes, budgets.
 */
#include "unit/test_oversight_help.h"

#define PAGE(name) Test(overrides, name, .init = begin, .fini = end)

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

static void
fill(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		struct world_task far = {.iss = "ops",
		    .act = "override",
		    .wid = "x",
		    .ext = "{\"level\":\"stop\"}",
		    .parents = {1},
		    .parent_count = 1};
		uint32_t o = command(&w, i % 2 ? "ops" : "c", "stop", ",\"scope\":\"subgraph\"", 1);

		(void)world_put(&w, "b", "step", NULL, ON(1));
		(void)world_put(&w, "a", "override_ack", "{\"status\":\"received\"}", ON(o));
		(void)world_put(&w, "a", "override_ack", "{\"status\":\"received\"}", ON(1));
		far.parents[0] = world_put(&w, "b", "step", NULL, 0, NULL);
		(void)world_add(&w, &far);
	}
}

PAGE(an_empty_log_has_an_empty_answer)
{
	struct facts_world e;
	struct overrides_question q = {0};
	struct overrides_answer a;

	world_init(&e);
	a = overrides_of(&e, &q);
	cr_assert(a.complete);
	cr_assert_eq(a.count + a.stray_count + a.rests_on_count, 0);
	world_release(&e);
}

PAGE(pages_together_are_the_whole)
{
	struct overrides_question ways[] = {{0}, {.active = true}, {.in_workflow = true, .wid = 0},
	    {.in_workflow = true, .wid = 1}};

	fill(6);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct overrides_answer all = overrides_of(&w, &ways[i]);

		cr_assert(all.complete);
		cr_assert_gt(all.count, 0);
		for (size_t k = 1; k < all.count; k++)
			cr_assert_lt(all.items[k].index, all.items[k - 1].index);
		for (size_t k = 1; k < all.rests_on_count; k++)
			cr_assert_gt(all.rests_on[k], all.rests_on[k - 1]);
		for (size_t limit = 1; limit < 6; limit++) {
			struct overrides_question q = ways[i];
			size_t n = 0, strays = 0;
			struct overrides_answer a;

			q.limit = limit;
			do {
				a = overrides_of(&w, &q);
				cr_assert_leq(a.count + a.stray_count, limit);
				for (size_t k = 0; k < a.count; k++) {
					cr_assert_eq(a.items[k].index, all.items[n + k].index);
					cr_assert_eq(a.items[k].under_stop_all,
					    all.items[n + k].under_stop_all);
				}
				n += a.count;
				strays += a.stray_count;
				q.below = a.next;
			} while (!a.complete);
			cr_assert_eq(n, all.count);
			cr_assert_eq(strays, all.stray_count);
		}
	}
}

PAGE(only_what_is_in_force_is_active)
{
	struct overrides_question q = {.active = true};

	fill(4);
	cr_assert_eq(overrides_of(&w, &q).count, 6, "those of c have no effect");
	(void)world_put(
	    &w, "ops", "override_release", NULL, ON(overrides_of(&w, &q).items[0].index));
	cr_assert_eq(overrides_of(&w, &q).count, 5);
	cr_assert_eq(overrides_of(&w, &q).stray_count, 0);
}

PAGE(the_answer_at_a_size_stays_what_it_was)
{
	struct overrides_question q = {0};
	struct overrides_answer before, after;
	struct facts_view v;
	uint32_t size;

	fill(3);
	size = world_view(&w).size;
	before = overrides_of(&w, &q);
	fill(3);
	v = world_view_at(&w, size);
	cr_assert_eq(answer_overrides(&v, &q, &w.budget, &after, NULL), RC_OK);
	cr_assert_eq(before.count, after.count);
	for (size_t i = 0; i < after.count; i++) {
		cr_assert_eq(before.items[i].under_stop_all, after.items[i].under_stop_all);
		cr_assert_eq(before.items[i].acks[0].state, after.items[i].acks[0].state);
	}
}

PAGE(a_small_budget_makes_small_pages_that_get_on)
{
	struct overrides_question q = {0};
	size_t n = 0, pages = 0;
	struct overrides_answer a;

	fill(10);
	w.budget.nodes_max = 5;
	do {
		a = overrides_of(&w, &q);
		n += a.count;
		q.below = a.next;
		pages++;
		cr_assert_lt(pages, 1000);
	} while (!a.complete);
	cr_assert_eq(n, 20);
	cr_assert_gt(pages, 5);
}

PAGE(long_lists_are_cut_and_counted)
{
	uint32_t o = command(&w, "ops", "stop", ",\"scope\":\"workflow\"", 1), t = 1;
	const struct override_item *item;
	struct overrides_question q = {.listed_max = SIZE_MAX};

	for (unsigned i = 0; i < 3000; i++)
		t = world_put(&w, "b", "step", NULL, ON(t));
	item = override_of(&w, o);
	cr_assert_eq(item->under_stop_count, OVERRIDE_LISTED_MAX);
	cr_assert_eq(item->under_stop_all, 3000);
	cr_assert_eq(overrides_of(&w, &q).items[0].under_stop_count, 3000);
}

PAGE(a_page_of_long_lists_has_few_items)
{
	struct overrides_question q = {.limit = 200};
	struct overrides_answer a;
	uint32_t t = 1;

	for (unsigned i = 0; i < 20; i++)
		(void)command(&w, "ops", "stop", ",\"scope\":\"workflow\"", 1);
	for (unsigned i = 0; i < 1500; i++)
		t = world_put(&w, "b", "step", NULL, ON(t));
	a = overrides_of(&w, &q);
	cr_assert_not(a.complete);
	cr_assert_eq(a.count, 5);
	q.limit = 0;
	cr_assert_eq(overrides_of(&w, &q).count, 20);
}

PAGE(a_question_that_is_not_wanted_any_more_is_given_up)
{
	_Atomic bool cancelled = true;
	struct overrides_question q = {0};
	struct overrides_answer a;
	struct facts_view v;
	uint32_t t = 1;

	(void)command(&w, "ops", "stop", ",\"scope\":\"workflow\"", 1);
	for (unsigned i = 0; i < 3000; i++)
		t = world_put(&w, "b", "step", NULL, ON(t));
	v = world_view(&w);
	w.budget.cancelled = &cancelled;
	cr_assert_eq(answer_overrides(&v, &q, &w.budget, &a, NULL), RC_TOO_LARGE);
}
