/*
 * Times, lists and costs.
 */
#include "answer/oversight.h"

#include "unit/test_oversight_help.h"

Test(oversight, a_deferred_entry_counts_at_its_own_time)
{
	struct facts_world w;
	struct world_task t = {.iat = 5000, .flags = ENTRY_DEFERRED};
	struct facts_view v;

	world_init(&w);
	(void)world_add(&w, &t);
	t.flags = 0;
	(void)world_add(&w, &t);
	v = world_view(&w);
	cr_assert_eq(oversight_time(fact(&v, 0)), 5000000);
	cr_assert_eq(oversight_time(fact(&v, 1)), (int64_t)fact(&v, 1)->received_ms);
	cr_assert_eq(oversight_now(&v), (int64_t)fact(&v, 1)->received_ms);
	v.size = 0;
	cr_assert_eq(oversight_now(&v), 0);
	world_release(&w);
}

Test(oversight, lists_are_sorted_and_each_index_is_once)
{
	struct index_list l = {0};
	struct arena a;

	arena_init(&a, 1 << 20);
	for (uint32_t i = 0; i < 100; i++)
		cr_assert(indexes_add(&l, (i * 37) % 50, &a));
	index_sort(&l);
	cr_assert_eq(l.n, 50);
	for (uint32_t i = 0; i < 50; i++)
		cr_assert_eq(l.p[i], i);
	cr_assert_eq(index_below(&l, 0), 0);
	cr_assert_eq(index_below(&l, 20), 20);
	cr_assert_eq(index_below(&l, 1000), 50);
	l.n = 0;
	index_sort(&l);
	cr_assert_eq(l.n, 0);
	arena_release(&a);
}

Test(oversight, children_of_some_kinds_come_ascending)
{
	struct facts_world w;
	struct index_list l;
	struct meter m;
	struct facts_view v;

	help_world(&w);
	for (unsigned i = 0; i < 4; i++) {
		(void)world_put(&w, "a", "step", NULL, ON(1));
		(void)world_put(&w, "a", "failure", NULL, ON(1));
	}
	v = world_view_at(&w, 8);
	m = (struct meter){.budget = &w.budget};
	cr_assert(indexes_children(&v, 1, KIND_BIT(FAILURE), &m, &w.scratch, &l));
	cr_assert_eq(l.n, 3);
	cr_assert(l.p[0] == 3 && l.p[1] == 5 && l.p[2] == 7);
	cr_assert_eq(m.nodes, 6);
	world_release(&w);
}

Test(oversight, a_list_without_memory_says_so)
{
	struct facts_world w;
	struct index_list l;
	struct arena tiny;
	struct meter m;
	struct facts_view v;

	help_world(&w);
	(void)world_put(&w, "a", "failure", NULL, ON(1));
	v = world_view(&w);
	m = (struct meter){.budget = &w.budget};
	arena_init(&tiny, 8);
	cr_assert_not(indexes_children(&v, 1, UINT64_MAX, &m, &tiny, &l));
	cr_assert(m.no_memory && !m.late);
	arena_release(&tiny);
	world_release(&w);
}
