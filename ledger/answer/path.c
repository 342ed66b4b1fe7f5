/*
 * path.c - see path.h.
 *
 * Up from the descendant, not below the ancestor; what was reached is then gone through in ascending order,
 * each task one step further than the nearest of its parents that comes from the ancestor.
 */
#include "answer/path.h"

#include <stdlib.h>

#include "answer/graph.h"
#include "base/must.h"

struct between {
	const struct facts_view *v;
	uint32_t high_end, low_end; /* descendant, ancestor */
	struct reach r;		    /* above the descendant */
	uint32_t *steps; /* by place: from the ancestor; FACTS_NONE: does not come from it */
	uint32_t *via;	 /* by place: the parent on the shortest way */
	bool found;
};

static enum rc
no_memory(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the answer");
}

static enum rc
want_task(const struct facts_view *v, uint32_t index, struct why *why)
{
	if (index < v->size && fact_is_task(fact(v, index)))
		return RC_OK;
	return why_set(why, RC_NOT_FOUND, "graphs are of tasks", NULL, 0, "entry %lu is no task",
	    (unsigned long)index);
}

static enum rc
want_tasks(const struct facts_view *v, uint32_t a, uint32_t b, struct why *why)
{
	enum rc rc = want_task(v, a, why);

	return rc == RC_OK ? want_task(v, b, why) : rc;
}

static void
between_close(struct between *w)
{
	reach_close(&w->r);
	free(w->steps);
	free(w->via);
}

/* The nearest parent that comes from the ancestor, of several the one with the smallest index. */
static void
step(struct between *w, uint32_t index, size_t place)
{
	const struct fact *t = fact(w->v, index);

	for (unsigned i = 0; i < t->parent_count; i++) {
		uint32_t parent = fact_parent(w->v, t, i), steps;

		if (!reach_has(&w->r, parent))
			continue;
		steps = w->steps[reach_place(&w->r, parent)];
		if (steps == FACTS_NONE)
			continue;
		if (w->steps[place] == FACTS_NONE || steps + 1 < w->steps[place] ||
		    (steps + 1 == w->steps[place] && parent < w->via[place])) {
			w->steps[place] = steps + 1;
			w->via[place] = parent;
		}
	}
}

static enum rc
measure(struct between *w)
{
	size_t count = reach_count(&w->r), place = 0;

	w->steps = malloc((count + 1) * sizeof(*w->steps));
	w->via = malloc((count + 1) * sizeof(*w->via));
	if (w->steps == NULL || w->via == NULL || reach_rank(&w->r) != RC_OK)
		return RC_NO_MEMORY;
	for (uint32_t at = w->low_end; at != FACTS_NONE; at = reach_next(&w->r, at + 1), place++) {
		w->steps[place] = at == w->low_end ? 0 : FACTS_NONE;
		w->via[place] = FACTS_NONE;
		step(w, at, place);
	}
	must(place == count);
	return RC_OK;
}

/* Always between_close(). */
static enum rc
between_open(struct between *w, const struct facts_view *v, uint32_t a, uint32_t b, bool shortest,
    const struct budget *budget)
{
	*w = (struct between){.v = v, .low_end = a < b ? a : b, .high_end = a < b ? b : a};
	if (reach_open(&w->r, v, budget, w->low_end, w->high_end + 1) != RC_OK)
		return RC_NO_MEMORY;
	(void)reach_add(&w->r, w->high_end);
	if (reach_run(&w->r, false, 0, shortest ? w->low_end : FACTS_NONE) != RC_OK)
		return RC_NO_MEMORY;
	w->found = w->r.complete && reach_has(&w->r, w->low_end);
	return w->found ? measure(w) : RC_OK;
}

/* ---- one shortest path ---- */

static enum rc
give_path(const struct between *w, struct arena *arena, struct path_answer *out)
{
	size_t count = w->steps[reach_place(&w->r, w->high_end)] + (size_t)1, i = count;
	uint32_t *path = arena_alloc(arena, count * sizeof(*path)), at = w->high_end;
	uint64_t *rests_on = arena_alloc(arena, count * sizeof(*rests_on));

	if (path == NULL || rests_on == NULL)
		return RC_NO_MEMORY;
	while (i-- > 0) {
		path[i] = at;
		rests_on[i] = at;
		at = w->via[reach_place(&w->r, at)];
	}
	must(path[0] == w->low_end);
	out->path = path;
	out->path_count = count;
	out->rests_on = rests_on;
	return RC_OK;
}

enum rc
answer_path(const struct facts_view *v, uint32_t a, uint32_t b, const struct budget *budget,
    struct path_answer *out, struct why *why)
{
	struct between w;
	enum rc rc = want_tasks(v, a, b, why);

	*out = (struct path_answer){.tree_size = v->size};
	if (rc != RC_OK)
		return rc;
	rc = between_open(&w, v, a, b, true, budget);
	if (rc == RC_OK) {
		out->complete = w.r.complete;
		out->found = w.found;
		if (w.found)
			rc = give_path(&w, budget->arena, out);
	}
	between_close(&w);
	return rc == RC_OK ? RC_OK : no_memory(why);
}

/* ---- all of them ---- */

/* The tasks that come from the ancestor, ends first: they are what was asked about. */
static enum rc
on_any_path(const struct between *w, struct reach *on)
{
	if (!reach_add(on, w->high_end) || !reach_add(on, w->low_end))
		return on->dead ? RC_NO_MEMORY : RC_OK;
	for (uint32_t at = w->low_end; at != FACTS_NONE; at = reach_next(&w->r, at + 1))
		if (w->steps[reach_place(&w->r, at)] != FACTS_NONE && !reach_add(on, at))
			break;
	return on->dead ? RC_NO_MEMORY : reach_rank(on);
}

/* The distances of those, by their places among themselves. */
static void
keep_steps(struct between *w, const struct reach *on)
{
	size_t n = 0;

	for (uint32_t at = w->low_end; at != FACTS_NONE; at = reach_next(on, at + 1))
		w->steps[n++] = w->steps[reach_place(&w->r, at)];
}

enum rc
answer_paths(const struct facts_view *v, uint32_t a, uint32_t b, uint32_t from, size_t limit,
    const struct budget *budget, struct provenance_answer *out, struct why *why)
{
	struct reach on = {0};
	struct between w;
	struct graph_page page = {.r = &on, .roots = a == b ? 1 : 2, .from = from, .limit = limit};
	enum rc rc = want_tasks(v, a, b, why);

	*out = (struct provenance_answer){.tree_size = v->size};
	if (rc != RC_OK)
		return rc;
	rc = between_open(&w, v, a, b, false, budget);
	out->complete = rc == RC_OK && w.r.complete;
	if (rc != RC_OK || !w.found)
		goto out;
	if ((rc = reach_open(&on, v, budget, w.low_end, w.high_end + 1)) != RC_OK ||
	    (rc = on_any_path(&w, &on)) != RC_OK)
		goto out;
	out->complete = on.complete;
	if (!on.complete)
		goto out;
	keep_steps(&w, &on);
	page.steps = w.steps;
	rc = graph_page(&page, budget->arena, out);

out:
	reach_close(&on);
	between_close(&w);
	return rc == RC_OK ? RC_OK : no_memory(why);
}

/* ---- common ancestors ---- */

struct common {
	struct reach a, b, covered; /* covered: parents of tasks above both */
	uint32_t below;
	size_t limit;
	struct common_answer *out;
};

static enum rc
above(struct reach *r, const struct facts_view *v, uint32_t index, const struct budget *budget)
{
	if (reach_open(r, v, budget, 0, index + 1) != RC_OK)
		return RC_NO_MEMORY;
	(void)reach_add(r, index);
	return reach_run(r, false, 0, FACTS_NONE);
}

/* Newest first: whoever is above one that came before is covered by then. */
static enum rc
find_nearest(struct common *c, struct arena *arena)
{
	struct common_answer *out = c->out;
	const struct facts_view *v = c->a.v;
	uint32_t at = reach_before(&c->a, v->size);
	struct buf page;
	struct bytes list;
	bool ok;

	buf_init(&page, 0);
	for (; at != FACTS_NONE && c->covered.complete; at = reach_before(&c->a, at)) {
		const struct fact *t = fact(v, at);
		struct common_node n = {.index = at};

		if (!reach_has(&c->b, at))
			continue;
		out->common_total++;
		for (unsigned i = 0; i < t->parent_count; i++)
			(void)reach_add(&c->covered, fact_parent(v, t, i));
		if (reach_has(&c->covered, at))
			continue;
		out->nearest_total++;
		if (c->below != 0 && at >= c->below)
			continue;
		if (c->limit == 0 || page.n / sizeof(n) < c->limit)
			buf_add(&page, &n, sizeof(n));
		else if (out->next == 0)
			out->next = ((struct common_node *)(void *)page.p)[c->limit - 1].index;
	}
	ok = !page.bad && !c->covered.dead && arena_dup(arena, buf_bytes(&page), &list);
	out->nearest_count = ok ? list.n / sizeof(struct common_node) : 0;
	out->nearest = ok ? (struct common_node *)(uintptr_t)list.p : NULL;
	buf_release(&page);
	return ok ? RC_OK : RC_NO_MEMORY;
}

/* Of the page, which is descending; NULL: not on it. */
static struct common_node *
on_page(const struct common_answer *out, uint32_t index)
{
	size_t low = 0, high = out->nearest_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (out->nearest[middle].index > index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < out->nearest_count && out->nearest[low].index == index ? &out->nearest[low]
									    : NULL;
}

static void
give_steps(const struct common *c)
{
	uint32_t depth = 0;
	struct common_node *n;

	for (size_t i = 0; i < reach_count(&c->a); i++) {
		reach_depth(&c->a, i, &depth);
		if ((n = on_page(c->out, reach_nth(&c->a, i))) != NULL)
			n->steps_a = depth;
	}
	depth = 0;
	for (size_t i = 0; i < reach_count(&c->b); i++) {
		reach_depth(&c->b, i, &depth);
		if ((n = on_page(c->out, reach_nth(&c->b, i))) != NULL)
			n->steps_b = depth;
	}
}

/* The page and the two that were asked about, which are at or behind whatever is above both. */
static bool
rest_common(const struct common *c, uint32_t a, uint32_t b, struct arena *arena)
{
	struct common_answer *out = c->out;
	uint64_t *rests_on = arena_alloc(arena, (out->nearest_count + 2) * sizeof(*rests_on));
	uint32_t ends[2] = {a < b ? a : b, a < b ? b : a};
	size_t n = 0;

	if (rests_on == NULL)
		return false;
	for (size_t i = out->nearest_count; i-- > 0;)
		rests_on[n++] = out->nearest[i].index;
	for (size_t i = 0; i < 2; i++) {
		if (n == 0 || rests_on[n - 1] != ends[i])
			rests_on[n++] = ends[i];
	}
	out->rests_on = rests_on;
	out->rests_count = n;
	return true;
}

static enum rc
give_common(struct common *c, uint32_t a, uint32_t b, struct arena *arena)
{
	struct common_answer *out = c->out;
	enum rc rc = find_nearest(c, arena);

	if (rc != RC_OK)
		return rc;
	if (!c->covered.complete) {
		*out = (struct common_answer){.tree_size = out->tree_size};
		return RC_OK;
	}
	give_steps(c);
	if (!rest_common(c, a, b, arena))
		return RC_NO_MEMORY;
	out->complete = true;
	return RC_OK;
}

enum rc
answer_common(const struct facts_view *v, uint32_t a, uint32_t b, uint32_t below, size_t limit,
    const struct budget *budget, struct common_answer *out, struct why *why)
{
	struct common c = {.below = below, .limit = limit, .out = out};
	enum rc rc = want_tasks(v, a, b, why);

	*out = (struct common_answer){.tree_size = v->size};
	if (rc != RC_OK)
		return rc;
	if ((rc = above(&c.a, v, a, budget)) != RC_OK || (rc = above(&c.b, v, b, budget)) != RC_OK)
		goto out;
	if (!c.a.complete || !c.b.complete)
		goto out;
	if ((rc = reach_open(&c.covered, v, budget, 0, (a < b ? a : b) + 1)) == RC_OK)
		rc = give_common(&c, a, b, budget->arena);

out:
	reach_close(&c.a);
	reach_close(&c.b);
	reach_close(&c.covered);
	return rc == RC_OK ? RC_OK : no_memory(why);
}
