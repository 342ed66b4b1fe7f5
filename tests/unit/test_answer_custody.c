/* test_answer_custody.c - domains in the order in which they came in, hand-overs between them, against plain loops; pages. */
#include <criterion/criterion.h>

#include "answer/custody.h"
#include "lib/dag.h"

static struct dag dag;
static struct why why;

TestSuite(answer_custody, .timeout = 60);

static struct custody_answer
ask(uint32_t task, uint32_t from, size_t limit)
{
	struct facts_view v = world_view(&dag.w);
	struct budget budget = dag.w.budget;
	struct custody_answer c;

	budget.arena = &dag.w.arena;
	cr_assert_eq(answer_custody(&v, task, from, limit, &budget, &c, &why), RC_OK);
	return c;
}

/* Of task i in a dag: by its agent. */
static unsigned
domain(uint32_t i)
{
	unsigned iss = i * 5 % 7;

	return iss == 2 ? 1 : iss == 3 ? 2 : 0;
}

Test(answer_custody, random_graphs_agree_with_plain_loops)
{
	dag_make(&dag, 200, 20, 3);
	for (uint32_t t = 0; t < 200; t += 3) {
		struct custody_answer c = ask(t, 0, 0);
		uint64_t tasks[3] = {0}, total = 0;
		uint32_t first[3] = {0}, order[3];
		size_t met = 0, n = 0;

		for (uint32_t i = 0; i <= t; i++) {
			if (!dag.above[t][i])
				continue;
			total++;
			if (tasks[domain(i)]++ == 0) {
				first[domain(i)] = i;
				order[met++] = domain(i);
			}
			for (uint32_t p = 0; p < i; p++)
				for (size_t k = 0; k < dag.parent_count[i]; k++) {
					if (dag.parents[i][k] != p || domain(p) == domain(i))
						continue;
					cr_assert(n < c.handover_count &&
						  c.handovers[n].child == i &&
						  c.handovers[n].parent == p);
					n++;
				}
		}
		cr_assert(c.complete && c.tasks == total && c.handover_total == n &&
			  c.handover_count == n && c.next == 0);
		cr_assert(c.domain_total == met && c.domain_count == met);
		for (size_t i = 0; i < met; i++) {
			cr_assert_eq(c.domains[i].first, first[order[i]]);
			cr_assert_eq(c.domains[i].tasks, tasks[order[i]]);
			cr_assert_eq(c.domains[i].domain == FACTS_NONE, order[i] == 2,
			    "an issuer without a domain");
		}
	}
	world_release(&dag.w);
}

Test(answer_custody, pages_end_with_a_task_and_put_together_are_all)
{
	struct custody_answer whole, page;
	uint32_t from = 0;
	size_t n = 0;

	dag_make(&dag, 200, 20, 3);
	whole = ask(199, 0, 0);
	cr_assert_gt(whole.handover_count, 20u);
	do {
		page = ask(199, from, 3);
		cr_assert(page.handover_total == whole.handover_total &&
			  page.domain_count == whole.domain_count);
		for (size_t i = 0; i < page.handover_count; i++, n++)
			cr_assert(page.handovers[i].child == whole.handovers[n].child &&
				  page.handovers[i].parent == whole.handovers[n].parent);
	} while ((from = page.next) != 0);
	cr_assert_eq(n, whole.handover_count);
	world_release(&dag.w);
}

Test(answer_custody, agents_are_counted_once_and_the_budget_cuts)
{
	struct custody_answer c;
	struct facts_view v;

	world_init(&dag.w);
	(void)world_put(&dag.w, "a", "step", NULL, 0, NULL);
	(void)world_put(&dag.w, "a", "step", NULL, 1, (uint32_t[]){0});
	(void)world_put(&dag.w, "spiffe://two.example/b", "step", NULL, 1, (uint32_t[]){1});
	(void)world_put(&dag.w, "c", "step", NULL, 2, (uint32_t[]){2, 0});
	c = ask(3, 0, 0);
	cr_assert(c.domain_count == 2 && c.domains[0].tasks == 3 && c.domains[0].agents == 2 &&
		  c.domains[1].agents == 1);
	cr_assert(c.handover_count == 2 && c.handovers[0].child == 2 && c.handovers[1].child == 3);
	cr_assert(c.rests_on_count == 4 && c.rests_on[0] == 0 && c.rests_on[3] == 3);
	dag.w.budget.nodes_max = 2;
	c = ask(3, 0, 0);
	cr_assert(!c.complete && c.tasks == 2);
	v = world_view(&dag.w);
	cr_assert_eq(answer_custody(&v, 4, 0, 0, &dag.w.budget, &c, &why), RC_NOT_FOUND);
	world_release(&dag.w);
}
