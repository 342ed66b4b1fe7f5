/*
 * agents.c - one walk over an agent's own entries for each row, and its trust beside it.
 *
 * Counts rest on the chain of the agent's entries, which the newest one heads: the answer names that
 * entry and the first, not all between.  Nor does it name the outcomes behind the score: the question about
 * trust does.
 */
#include "answer/agents.h"

#include <stdlib.h>
#include <string.h>

#include "answer/rests.h"
#include "answer/trust_score.h"

#define LATE_EVERY 64
#define SEEN_MIN   64

const char *
agent_state_text(enum agent_state state)
{
	static const char *const texts[] = {
	    "", "quarantined", "revoked", "retired", "sunset", "retiring", "draining", "active"};

	return texts[state];
}

struct seen { /* one entry of the agent */
	uint32_t index, act, key, wid;
};

struct agents {
	const struct facts_view *v;
	const struct agents_question *q;
	const struct budget *budget;
	struct trust_terms terms;
	struct lifecycle life;
	struct arena scratch; /* of one agent */
	size_t spent;
	struct rests rests;
	struct seen *seen; /* newest first */
	size_t seen_count, seen_room;
	struct agent_row *rows;
	struct agents_reply *out;
};

static bool
see(struct agents *a, uint32_t index)
{
	const struct fact *t = fact(a->v, index);

	if (a->seen_count == a->seen_room) {
		size_t room = a->seen_room == 0 ? SEEN_MIN : a->seen_room * 2;
		struct seen *seen = arena_alloc(&a->scratch, room * sizeof(*seen));

		if (seen == NULL)
			return false;
		if (a->seen_count > 0)
			memcpy(seen, a->seen, a->seen_count * sizeof(*seen));
		a->seen = seen;
		a->seen_room = room;
	}
	a->seen[a->seen_count++] = (struct seen){index, t->act, t->signer, t->wid};
	return true;
}

/* The agent's entries, newest first. */
static enum rc
walk(struct agents *a, struct agent_row *r)
{
	a->seen = NULL;
	a->seen_count = a->seen_room = 0;
	r->last = facts_issuer_last(a->v, r->iss);
	for (uint32_t at = r->last; at != FACTS_NONE; at = fact(a->v, at)->of_issuer) {
		if (a->spent >= a->budget->nodes_max ||
		    (++a->spent % LATE_EVERY == 0 && budget_late(a->budget))) {
			r->complete = false;
			break;
		}
		if (!see(a, at))
			return RC_NO_MEMORY;
	}
	r->entries = a->seen_count;
	r->first = a->seen_count == 0 ? r->last : a->seen[a->seen_count - 1].index;
	return RC_OK;
}

#define BY(member)                                                                                 \
	static int by_##member(const void *x, const void *y)                                       \
	{                                                                                          \
		const struct seen *a = x, *b = y;                                                  \
                                                                                                   \
		if (a->member != b->member)                                                        \
			return a->member < b->member ? -1 : 1;                                     \
		return a->index < b->index ? -1 : a->index > b->index;                             \
	}
BY(act)
BY(key)
BY(wid)

static int
most_first(const void *x, const void *y)
{
	const struct agent_count *a = x, *b = y;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Runs of the same name in what was seen; those of no name are left out. */
static struct agent_count *
tally(struct agents *a, bool keys, size_t *count)
{
	struct agent_count *list = arena_alloc(&a->scratch, (a->seen_count + 1) * sizeof(*list));

	*count = 0;
	if (list == NULL)
		return NULL;
	if (a->seen_count > 1)
		qsort(a->seen, a->seen_count, sizeof(*a->seen), keys ? by_key : by_act);
	for (size_t i = 0; i < a->seen_count; i++) {
		uint32_t name = keys ? a->seen[i].key : a->seen[i].act, index = a->seen[i].index;

		if (name == FACTS_NONE)
			continue;
		if (*count == 0 || list[*count - 1].name != name)
			list[(*count)++] = (struct agent_count){name, 0, index, index};
		list[*count - 1].count++;
		list[*count - 1].last = index;
	}
	if (*count > 1)
		qsort(list, *count, sizeof(*list), most_first);
	return list;
}

static enum rc
keep(struct agents *a, bool keys, const struct agent_count **out, size_t *count, size_t *all)
{
	const struct agent_count *list = tally(a, keys, all);
	struct agent_count *kept;

	*count = *all < a->q->list_max ? *all : a->q->list_max;
	if (list == NULL)
		return RC_NO_MEMORY;
	if ((kept = arena_alloc(a->budget->arena, (*count + 1) * sizeof(*kept))) == NULL)
		return RC_NO_MEMORY;
	memcpy(kept, list, *count * sizeof(*kept));
	*out = kept;
	return RC_OK;
}

static uint64_t
count_workflows(struct agents *a)
{
	uint64_t n = 0;

	if (a->seen_count > 1)
		qsort(a->seen, a->seen_count, sizeof(*a->seen), by_wid);
	for (size_t i = 0; i < a->seen_count; i++)
		n += a->seen[i].wid != FACTS_NONE &&
		     (i == 0 || a->seen[i - 1].wid != a->seen[i].wid);
	return n;
}

static enum agent_state
state_of(const struct agent_row *r)
{
	if (r->trust.quarantined)
		return AGENT_QUARANTINED;
	if (r->trust.revoked)
		return AGENT_REVOKED;
	switch (r->life == NULL ? LIFE_ACTIVE : r->life->state) {
	case LIFE_RETIRED:
		return AGENT_RETIRED;
	case LIFE_SUNSET:
		return AGENT_SUNSET;
	case LIFE_RETIRING:
		return AGENT_RETIRING;
	case LIFE_DRAINING:
		return AGENT_DRAINING;
	default:
		return AGENT_ACTIVE;
	}
}

static void
rest_on(struct agents *a, const struct agent_row *r, const struct trust_made *made)
{
	rests_add(&a->rests, r->first);
	rests_add(&a->rests, r->last);
	for (size_t i = 0; r->life != NULL && i < r->life->event_count; i++)
		rests_add(&a->rests, r->life->events[i].index);
	trust_rest_on_records(&a->rests, made);
}

static enum rc
make_row(struct agents *a, struct agent_row *r)
{
	struct trust_made made;
	enum rc rc;

	arena_reset(&a->scratch);
	if ((rc = walk(a, r)) != RC_OK ||
	    (rc = keep(a, false, &r->acts, &r->act_count, &r->act_all)) != RC_OK ||
	    (rc = keep(a, true, &r->keys, &r->key_count, &r->key_all)) != RC_OK)
		return rc;
	r->workflows = count_workflows(a);
	r->life = lifecycle_of(&a->life, facts_name(a->v, FACTS_ISS, r->iss));
	if ((rc = trust_row_of(a->v, r->iss, &a->terms, a->budget, &a->spent, &a->scratch, &made,
		 &r->trust)) != RC_OK)
		return rc;
	r->state = state_of(r);
	r->complete = r->complete && r->trust.complete && a->life.complete;
	/* A row that does not fit is the next page's, unless it is this one's first. */
	if (!r->complete && a->out->count > 0)
		return RC_OK;
	rest_on(a, r, &made);
	a->out->count++;
	return RC_OK;
}

static enum rc
all_of_them(struct agents *a)
{
	uint32_t count = facts_count(a->v, FACTS_ISS), iss = (uint32_t)a->q->after;
	enum rc rc;

	if (a->q->after >= count)
		return RC_OK;
	for (; iss < count && a->out->count < a->q->limit && a->out->complete; iss++) {
		size_t before = a->out->count;
		struct agent_row *r = &a->rows[before];

		if (facts_issuer_last(a->v, iss) == FACTS_NONE)
			continue;
		*r = (struct agent_row){.iss = iss, .complete = true};
		if ((rc = make_row(a, r)) != RC_OK)
			return rc;
		a->out->complete = r->complete;
		if (a->out->count == before)
			break;
	}
	a->out->next = iss < count ? iss : 0;
	return RC_OK;
}

static enum rc
one_of_them(struct agents *a, struct why *why)
{
	uint32_t iss = facts_number(a->v, FACTS_ISS, a->q->iss);
	enum rc rc;

	if (iss == FACTS_NONE || facts_issuer_last(a->v, iss) == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "Agents", "iss", 0,
		    "nobody of this name has an entry in the log");
	a->rows[0] = (struct agent_row){.iss = iss, .complete = true};
	if ((rc = make_row(a, &a->rows[0])) != RC_OK)
		return rc;
	a->out->complete = a->rows[0].complete;
	return RC_OK;
}

static enum rc
answer(struct agents *a, struct why *why)
{
	size_t limit = a->q->iss.n > 0 ? 1 : a->q->limit, count = facts_count(a->v, FACTS_ISS);
	enum rc rc;

	a->rows =
	    arena_alloc(a->budget->arena, ((limit < count ? limit : count) + 1) * sizeof(*a->rows));
	if (a->rows == NULL)
		return RC_NO_MEMORY;
	if ((rc = lifecycle_read(a->v, a->budget, &a->life, why)) != RC_OK)
		return rc;
	rc = a->q->iss.n > 0 ? one_of_them(a, why) : all_of_them(a);
	if (rc != RC_OK)
		return rc;
	if (!rests_end(&a->rests))
		return RC_NO_MEMORY;
	a->out->rows = a->rows;
	a->out->rests_on = a->rests.items;
	a->out->rests_count = a->rests.count;
	return RC_OK;
}

enum rc
answer_agents(const struct facts_view *v, const struct agents_question *q,
    const struct budget *budget, struct agents_reply *out, struct why *why)
{
	struct agents a = {
	    .v = v, .q = q, .budget = budget, .terms = trust_terms_at(v, v->size), .out = out};
	enum rc rc;

	*out = (struct agents_reply){.tree_size = v->size, .complete = true};
	arena_init(&a.scratch, budget->arena->max);
	rests_init(&a.rests, budget->arena);
	rc = answer(&a, why);
	arena_release(&a.scratch);
	return rc == RC_NO_MEMORY
		   ? why_set(why, rc, "query_bytes_max", NULL, 0, "no room for the answer")
		   : rc;
}
