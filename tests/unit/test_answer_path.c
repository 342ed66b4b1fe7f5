/* test_answer_path.c - shortest paths, all paths and common ancestors against plain loops; ties, budget, pages. */
#include <criterion/criterion.h>

#include "answer/path.h"
#include "lib/dag.h"

static struct dag dag;
static struct why why;

TestSuite(answer_path, .timeout = 120);

static struct path_answer
shortest(uint32_t a, uint32_t b)
{
	struct facts_view v = world_view(&dag.w);
	struct budget budget = dag.w.budget;
	struct path_answer p;

	budget.arena = &dag.w.arena;
	cr_assert_eq(answer_path(&v, a, b, &budget, &p, &why), RC_OK, "%s", why.text);
	cr_assert(p.complete && p.tree_size == v.size);
	return p;
}

static struct provenance_answer
every(uint32_t a, uint32_t b, uint32_t from, size_t limit)
{
	struct facts_view v = world_view(&dag.w);
	struct budget budget = dag.w.budget;
	struct provenance_answer g;

	budget.arena = &dag.w.arena;
	cr_assert_eq(answer_paths(&v, a, b, from, limit, &budget, &g, &why), RC_OK);
	cr_assert(g.complete);
	return g;
}

static struct common_answer
common(uint32_t a, uint32_t b, uint32_t below, size_t limit)
{
	struct facts_view v = world_view(&dag.w);
	struct budget budget = dag.w.budget;
	struct common_answer c;

	budget.arena = &dag.w.arena;
	cr_assert_eq(answer_common(&v, a, b, below, limit, &budget, &c, &why), RC_OK);
	return c;
}

static void
put(size_t n, const uint32_t *parents)
{
	(void)world_put(&dag.w, "a", "step", NULL, n, parents);
}

Test(answer_path, of_equally_short_ones_each_step_up_goes_to_the_smallest_index)
{
	struct path_answer p;

	world_init(&dag.w);
	put(0, NULL);		    /* 0 */
	put(1, (uint32_t[]){0});    /* 1 */
	put(1, (uint32_t[]){0});    /* 2 */
	put(1, (uint32_t[]){2});    /* 3 */
	put(1, (uint32_t[]){1});    /* 4 */
	put(2, (uint32_t[]){4, 3}); /* 5: by 3 and 2, though 4 comes first in the token */
	put(2, (uint32_t[]){5, 0}); /* 6: the short cut wins */
	p = shortest(0, 5);
	cr_assert(p.found && p.path_count == 4);
	cr_assert(p.path[0] == 0 && p.path[1] == 2 && p.path[2] == 3 && p.path[3] == 5);
	cr_assert(p.rests_on[0] == 0 && p.rests_on[3] == 5);
	p = shortest(6, 0);
	cr_assert(
	    p.path_count == 2 && p.path[0] == 0 && p.path[1] == 6, "either may be named first");
	p = shortest(4, 4);
	cr_assert(p.found && p.path_count == 1 && p.path[0] == 4);
	p = shortest(3, 4);
	cr_assert(!p.found && p.path_count == 0);
	world_release(&dag.w);
}

Test(answer_path, what_is_no_task_has_no_path)
{
	struct facts_view v;
	struct path_answer p;
	struct common_answer c;
	struct provenance_answer g;

	world_init(&dag.w);
	put(0, NULL);
	(void)world_event(&dag.w, ENTRY_KEY, BYTES_NONE);
	v = world_view(&dag.w);
	cr_assert_eq(answer_path(&v, 0, 1, &dag.w.budget, &p, &why), RC_NOT_FOUND);
	cr_assert_eq(answer_path(&v, 9, 0, &dag.w.budget, &p, &why), RC_NOT_FOUND);
	cr_assert_eq(answer_paths(&v, 0, 1, 0, 0, &dag.w.budget, &g, &why), RC_NOT_FOUND);
	cr_assert_eq(answer_common(&v, 0, 1, 0, 0, &dag.w.budget, &c, &why), RC_NOT_FOUND);
	world_release(&dag.w);
}

Test(answer_path, over_the_budget_nothing_is_said)
{
	struct facts_view v;
	struct path_answer p;
	struct common_answer c;
	struct provenance_answer g;

	world_init(&dag.w);
	put(0, NULL);
	for (uint32_t i = 1; i < 10; i++)
		put(1, &(uint32_t){i - 1});
	v = world_view(&dag.w);
	dag.w.budget.nodes_max = 9;
	cr_assert_eq(answer_path(&v, 0, 9, &dag.w.budget, &p, &why), RC_OK);
	cr_assert(!p.complete && !p.found && p.path_count == 0);
	cr_assert_eq(answer_paths(&v, 0, 9, 0, 0, &dag.w.budget, &g, &why), RC_OK);
	cr_assert(!g.complete && g.node_count == 0);
	cr_assert_eq(answer_common(&v, 8, 9, 0, 0, &dag.w.budget, &c, &why), RC_OK);
	cr_assert(!c.complete && c.nearest_count == 0 && c.common_total == 0);
	dag.w.budget.nodes_max = 10;
	cr_assert_eq(answer_path(&v, 0, 9, &dag.w.budget, &p, &why), RC_OK);
	cr_assert(p.complete && p.path_count == 10);
	world_release(&dag.w);
}

Test(answer_path, random_pairs_have_paths_of_the_plain_length_and_all_paths_are_the_plain_set)
{
	unsigned found = 0;

	dag_make(&dag, 200, 20, 5);
	dag.w.budget.arena = &dag.w.arena;
	for (uint32_t b = 0; b < 200; b += 3)
		for (uint32_t a = b % 7; a < b; a += 11) {
			struct path_answer p = shortest(a, b);
			struct provenance_answer g = every(a, b, 0, 0);
			int steps[DAG_MAX];
			size_t n = 0;

			dag_steps(&dag, a, steps);
			cr_assert_eq(p.found, dag.above[b][a]);
			cr_assert_eq(p.path_count, p.found ? (size_t)steps[b] + 1 : 0);
			for (size_t i = 1; i < p.path_count; i++) {
				uint32_t child = p.path[i], best = UINT32_MAX;

				for (size_t k = 0; k < dag.parent_count[child]; k++) {
					uint32_t q = dag.parents[child][k];

					if (steps[q] == (int)i - 1 && q < best)
						best = q;
				}
				cr_assert_eq(p.path[i - 1], best);
			}
			for (uint32_t x = a; x <= b; x++) {
				if (!dag.above[b][x] || !dag.above[x][a])
					continue;
				cr_assert(n < g.node_count && g.nodes[n].index == x);
				cr_assert_eq((int)g.nodes[n].depth, steps[x]);
				cr_assert_eq(g.nodes[n].foreign, x % 3 != a % 3 && x % 3 != b % 3);
				n++;
			}
			cr_assert(n == g.node_count && n == g.node_total);
			found += p.found;
		}
	cr_assert_gt(found, 100u);
	world_release(&dag.w);
}

Test(answer_path, pages_of_all_paths_put_together_are_all)
{
	struct provenance_answer whole, page = {0};
	size_t n = 0;

	dag_make(&dag, 200, 20, 5);
	dag.w.budget.arena = &dag.w.arena;
	whole = every(199, 20, 0, 0);
	cr_assert_gt(whole.node_count, 20u);
	do {
		page = every(20, 199, page.next, 7);
		for (size_t i = 0; i < page.node_count; i++, n++)
			cr_assert(page.nodes[i].index == whole.nodes[n].index &&
				  page.nodes[i].depth == whole.nodes[n].depth);
	} while (page.next != 0);
	cr_assert_eq(n, whole.node_count);
	world_release(&dag.w);
}

Test(answer_path, nearest_common_ancestors_are_above_no_other)
{
	size_t several = 0;

	dag_make(&dag, 200, 20, 11);
	dag.w.budget.arena = &dag.w.arena;
	for (uint32_t b = 0; b < 200; b += 3)
		for (uint32_t a = b % 5; a <= b; a += 13) {
			struct common_answer c = common(a, b, 0, 0);
			size_t n = 0, total = 0;

			for (uint32_t i = 200; i-- > 0;) {
				bool nearest = dag.above[a][i] && dag.above[b][i];
				int steps[DAG_MAX];

				total += nearest;
				for (uint32_t x = i + 1; x < 200 && nearest; x++)
					nearest = !(
					    dag.above[a][x] && dag.above[b][x] && dag.above[x][i]);
				if (!nearest)
					continue;
				dag_steps(&dag, i, steps);
				cr_assert(n < c.nearest_count && c.nearest[n].index == i);
				cr_assert_eq((int)c.nearest[n].steps_a, steps[a]);
				cr_assert_eq((int)c.nearest[n].steps_b, steps[b]);
				n++;
			}
			cr_assert(c.complete && n == c.nearest_count && n == c.nearest_total);
			cr_assert_eq(c.common_total, total);
			several += n > 1;
		}
	cr_assert_gt(several, 20u);
	world_release(&dag.w);
}

Test(answer_path, a_task_above_the_other_is_their_nearest_common_ancestor)
{
	struct common_answer c;

	world_init(&dag.w);
	put(0, NULL);
	put(1, (uint32_t[]){0});
	put(1, (uint32_t[]){1});
	c = common(2, 1, 0, 0);
	cr_assert(c.nearest_count == 1 && c.nearest[0].index == 1 && c.common_total == 2);
	cr_assert(c.nearest[0].steps_a == 1 && c.nearest[0].steps_b == 0);
	cr_assert(c.rests_count == 2 && c.rests_on[0] == 1 && c.rests_on[1] == 2);
	c = common(0, 0, 0, 0);
	cr_assert(c.rests_count == 1 && c.rests_on[0] == 0);
	world_release(&dag.w);
}

Test(answer_path, common_ancestors_come_in_pages_newest_first)
{
	struct world_task t = {.parent_count = 50};
	struct common_answer c;
	uint32_t below = 0;
	size_t n = 0;

	world_init(&dag.w);
	for (uint32_t i = 0; i < 50; i++) {
		t.parents[i] = i;
		put(0, NULL);
	}
	(void)world_add(&dag.w, &t);
	(void)world_add(&dag.w, &t);
	do {
		c = common(50, 51, below, 8);
		cr_assert_eq(c.nearest_total, 50u);
		for (size_t i = 0; i < c.nearest_count; i++)
			cr_assert_eq(c.nearest[i].index, 49 - n++);
		cr_assert(c.rests_on[0] == c.nearest[c.nearest_count - 1].index);
		cr_assert_eq(c.rests_count, c.nearest_count + 2);
		cr_assert(
		    c.rests_on[c.nearest_count] == 50 && c.rests_on[c.nearest_count + 1] == 51);
		below = c.next;
	} while (below != 0);
	cr_assert_eq(n, 50u);
	world_release(&dag.w);
}
