/*
 * Explanations of a task.
 */
#include "answer/explain.h"
#include "unit/test_oversight_help.h"

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"

Test(explain, explanations_are_the_entries_of_that_kind_that_rest_on_the_task)
{
	struct facts_world w;
	struct explain_answer a;
	struct facts_view v;
	uint32_t first, second;

	help_world(&w);
	first = world_put(&w, "a", "explanation",
	    "{\"summary_hash\":\"" HASH "\",\"vac\":{\"vac_id\":\"x\", \"n\":1}}", ON(1));
	(void)world_put(&w, "b", "step", NULL, ON(1));
	second = world_put(&w, "b", "explanation", "{\"summary_hash\":\"short\"}", ON(1));
	(void)world_put(&w, "b", "explanation", NULL, ON(second));
	v = world_view(&w);
	cr_assert_eq(answer_explain(&v, 1, 0, 0, &w.budget, &a, NULL), RC_OK);
	cr_assert(a.complete);
	cr_assert_eq(a.count, 2);
	cr_assert_eq(a.list[0].index, first);
	cr_assert_eq(a.list[0].summary_hash.n, 32);
	cr_assert_eq(a.list[0].summary_hash.p[31], 1);
	cr_assert(bytes_is(a.list[0].vac, "{\"vac_id\":\"x\", \"n\":1}"), "as it was written");
	cr_assert_eq(a.list[1].index, second);
	cr_assert_eq(a.list[1].summary_hash.n, 0, "no hash at all");
	cr_assert_eq(a.rests_on_count, 3);
	cr_assert_eq(answer_explain(&v, 2, 0, 0, &w.budget, &a, NULL), RC_OK);
	cr_assert_eq(a.count, 0);
	world_release(&w);
}

Test(explain, pages_go_on_where_the_last_one_ended)
{
	struct facts_world w;
	struct explain_answer a;
	struct facts_view v;
	uint32_t above = 0;
	size_t n = 0;

	help_world(&w);
	for (unsigned i = 0; i < 10; i++)
		(void)world_put(&w, "a", "explanation", NULL, ON(1));
	v = world_view(&w);
	do {
		cr_assert_eq(answer_explain(&v, 1, above, 3, &w.budget, &a, NULL), RC_OK);
		cr_assert_eq(a.list[0].index, 2 + n);
		n += a.count;
		above = a.next;
	} while (!a.complete);
	cr_assert_eq(n, 10);
	world_release(&w);
}
