/*
 * outcome.c - from the tasks of an agent to what others made of them.
 *
 * Items are made task by task, newest task first.  Of one task, what one rater says is brought
 * together: in the order of the log an item counts from its place on when it is worse than all that
 * the rater said before, and until the rater says worse.  So a list gathered at one size tells which
 * items count at every smaller one.
 */
#include "answer/outcome.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MIN   256
#define LATE_EVERY 64

enum says { SAYS_NOTHING, SAYS_GOOD, SAYS_BAD };

static const struct {
	uint8_t says;
	bool of_itself, rated;
} kinds[KIND_IDS] = {
#define SAYS(kind, what, of_itself, rated) [KIND_##kind] = {what, of_itself, rated},
#include "answer/outcome.def"
#undef SAYS
};

const char *
outcome_text(enum outcome outcome)
{
	static const char *const texts[] = {"none", "good", "minor", "major", "violation"};

	return texts[outcome];
}

const char *
outcome_count_text(enum outcome_count count)
{
	static const char *const texts[] = {"counted", "repeated", "self_report", "unsigned"};

	return texts[count];
}

static enum outcome
how_bad(unsigned code)
{
	switch (code) {
	case FAIL_TIMEOUT:
	case FAIL_DEPENDENCY:
	case FAIL_EXTERNAL:
		return OUTCOME_MINOR;
	case FAIL_POLICY:
		return OUTCOME_VIOLATION;
	default:
		return OUTCOME_MAJOR;
	}
}

enum outcome
outcome_of(const struct fact *entry)
{
	if (!fact_is_task(entry) || kinds[entry->kind].says == SAYS_NOTHING)
		return OUTCOME_NONE;
	return kinds[entry->kind].says == SAYS_GOOD ? OUTCOME_GOOD : how_bad(entry->code);
}

bool
outcome_rates(enum kind_id kind)
{
	return kinds[kind].rated;
}

struct gather {
	const struct facts_view *v;
	const struct budget *budget;
	struct arena *arena;
	size_t *spent;
	struct outcome_list *out;
	size_t room;
};

static bool
more_room(struct gather *g)
{
	size_t room = g->room == 0 ? LIST_MIN : g->room * 2;
	struct outcome_item *items = arena_alloc(g->arena, room * sizeof(*items));

	if (items == NULL)
		return false;
	if (g->out->count > 0)
		memcpy(items, g->out->items, g->out->count * sizeof(*items));
	g->out->items = items;
	g->room = room;
	return true;
}

/* False: the budget is used up. */
static bool
spend(struct gather *g)
{
	if (*g->spent >= g->budget->nodes_max)
		return false;
	++*g->spent;
	return *g->spent % LATE_EVERY != 0 || !budget_late(g->budget);
}

static int
by_rater(const void *a, const void *b)
{
	const struct outcome_item *x = a, *y = b;

	if (x->rater != y->rater)
		return x->rater < y->rater ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int
by_place(const void *a, const void *b)
{
	const struct outcome_item *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->task < y->task ? -1 : x->task > y->task;
}

/* Of what each rater says about one task, an item counts from its place until there is a worse one. */
static void
settle(struct outcome_item *items, size_t n)
{
	struct outcome_item *worst = NULL;

	if (n < 2)
		return;
	qsort(items, n, sizeof(*items), by_rater);
	for (size_t i = 0; i < n; i++) {
		if (items[i].never != OUTCOME_COUNTED)
			continue;
		if (worst == NULL || worst->rater != items[i].rater) {
			worst = &items[i];
		} else if (items[i].outcome > worst->outcome) {
			worst->until = items[i].index;
			items[i].worse = 1;
			worst = &items[i];
		} else {
			items[i].never = OUTCOME_REPEATED;
		}
	}
}

static bool
is_signed(const struct fact *t)
{
	return t->signer != FACTS_NONE;
}

/* One entry that rests on the task.  False: no memory. */
static bool
add(struct gather *g, uint32_t task, uint32_t index)
{
	const struct fact *t = fact(g->v, task), *e = fact(g->v, index);
	enum outcome outcome = outcome_of(e);
	enum outcome_count never = OUTCOME_COUNTED;

	if (outcome == OUTCOME_NONE || (e->iss == t->iss && !kinds[e->kind].of_itself))
		return true;
	if (!is_signed(e) || !is_signed(t))
		never = OUTCOME_UNSIGNED;
	else if (e->iss == t->iss)
		never = OUTCOME_SELF;
	if (g->out->count == g->room && !more_room(g))
		return false;
	g->out->items[g->out->count++] = (struct outcome_item){
	    index, task, e->iss, FACTS_NONE, (uint8_t)outcome, (uint8_t)never, 0};
	return true;
}

/* What rests on one task of the agent.  A task that the budget cuts short is left out as a whole. */
static enum rc
gather_task(struct gather *g, uint32_t task)
{
	const struct fact *t = fact(g->v, task);
	size_t first = g->out->count;
	uint32_t at, child;

	if (!outcome_rates(t->kind))
		return RC_OK;
	at = fact_child_first(g->v, t);
	while ((child = fact_child(g->v, &at)) != FACTS_NONE) {
		if (!spend(g)) {
			g->out->complete = false;
			g->out->count = first;
			return RC_OK;
		}
		if (!add(g, task, child))
			return RC_NO_MEMORY;
	}
	if (g->out->count > first)
		settle(g->out->items + first, g->out->count - first);
	return RC_OK;
}

enum rc
outcome_gather(const struct facts_view *v, uint32_t iss, const struct budget *budget, size_t *spent,
    struct arena *arena, struct outcome_list *out)
{
	struct gather g = {.v = v, .budget = budget, .arena = arena, .spent = spent, .out = out};
	enum rc rc = RC_OK;

	*out = (struct outcome_list){.complete = true};
	for (uint32_t at = facts_issuer_last(v, iss); at != FACTS_NONE && out->complete;
	     at = fact(v, at)->of_issuer) {
		if (!spend(&g))
			out->complete = false;
		else if ((rc = gather_task(&g, at)) != RC_OK)
			return rc;
	}
	if (out->count > 1)
		qsort(out->items, out->count, sizeof(*out->items), by_place);
	return RC_OK;
}
