/*
 * trust_all.c - the scores of all agents, page by page, in the order of their first entry.
 *
 * Where the budget ends, the page ends before that agent; one that alone is over the budget gets its row
 * all the same, marked, so that every page goes on from the one before.
 */
#include "answer/rests.h"
#include "answer/trust_score.h"

struct all {
	const struct facts_view *v;
	const struct budget *budget;
	struct trust_terms terms;
	struct arena scratch; /* of one agent */
	size_t spent;
	struct rests rests;
	struct trust_row *rows;
	struct trust_all_reply *out;
};

void
trust_rest_on_records(struct rests *rests, const struct trust_made *made)
{
	for (size_t i = 0; i < made->standing.count; i++)
		if (made->standing.records[i].kind != KIND_TRUST_ASSERTION)
			rests_add(rests, made->standing.records[i].index);
}

static void
rest_on(struct rests *rests, const struct trust_made *made)
{
	for (size_t i = 0; i < made->outcomes.count; i++) {
		rests_add(rests, made->outcomes.items[i].index);
		rests_add(rests, made->outcomes.items[i].task);
	}
	trust_rest_on_records(rests, made);
}

enum rc
trust_row_of(const struct facts_view *v, uint32_t iss, const struct trust_terms *terms,
    const struct budget *budget, size_t *spent, struct arena *scratch, struct trust_made *made,
    struct trust_row *row)
{
	enum rc rc;

	if ((rc = outcome_gather(v, iss, budget, spent, scratch, &made->outcomes)) != RC_OK)
		return rc;
	if ((rc = standing_gather(v, facts_name(v, FACTS_ISS, iss), budget, spent, scratch,
		 &made->standing)) != RC_OK)
		return rc;
	*row = (struct trust_row){
	    .iss = iss, .complete = made->outcomes.complete && made->standing.complete};
	trust_score(v, &made->outcomes, terms, NULL, &row->score);
	row->under_floor = row->score.score_e6 < terms->doc->trust.floor_e6;
	row->quarantined = standing_quarantined(&made->standing, terms->size);
	row->revoked = standing_revoked(&made->standing, terms->size);
	return RC_OK;
}

/* '*whole' false: over the budget; then the row is on the page only when it is the first. */
static enum rc
row(struct all *a, uint32_t iss, bool *whole)
{
	struct trust_row *r = &a->rows[a->out->count];
	struct trust_made made;
	enum rc rc;

	arena_reset(&a->scratch);
	if ((rc = trust_row_of(
		 a->v, iss, &a->terms, a->budget, &a->spent, &a->scratch, &made, r)) != RC_OK)
		return rc;
	*whole = r->complete;
	if (!*whole && a->out->count > 0)
		return RC_OK;
	rest_on(&a->rests, &made);
	a->out->count++;
	return RC_OK;
}

static enum rc
answer(struct all *a, const struct trust_all_question *q)
{
	uint32_t count = facts_count(a->v, FACTS_ISS), iss = (uint32_t)q->after;
	bool whole = true;
	enum rc rc;

	for (; iss < count && a->out->count < q->limit; iss++) {
		/* who only equivocated has no entry */
		if (facts_issuer_last(a->v, iss) == FACTS_NONE)
			continue;
		if ((rc = row(a, iss, &whole)) != RC_OK)
			return rc;
		if (!whole)
			break;
	}
	if (!whole && a->out->count == 1 && a->rows[0].iss == iss)
		iss++;
	a->out->next = iss < count ? iss : 0;
	a->out->complete = whole;
	if (!rests_end(&a->rests))
		return RC_NO_MEMORY;
	a->out->rows = a->rows;
	a->out->rests_on = a->rests.items;
	a->out->rests_count = a->rests.count;
	return RC_OK;
}

enum rc
answer_trust_all(const struct facts_view *v, const struct trust_all_question *q,
    const struct budget *budget, struct trust_all_reply *out, struct why *why)
{
	struct all a = {.v = v, .budget = budget, .terms = trust_terms_at(v, v->size), .out = out};
	uint32_t count = facts_count(v, FACTS_ISS);
	enum rc rc = RC_NO_MEMORY;

	*out = (struct trust_all_reply){.tree_size = v->size, .complete = true};
	if (q->model != 0)
		a.terms.model = q->model;
	if (q->has_half_life)
		a.terms.half_life_s = q->half_life_s;
	out->model = a.terms.model;
	out->half_life_s = a.terms.half_life_s;
	out->floor_e6 = a.terms.doc->trust.floor_e6;
	if (q->after >= count)
		return RC_OK;
	arena_init(&a.scratch, budget->arena->max);
	rests_init(&a.rests, budget->arena);
	a.rows = arena_alloc(
	    budget->arena, ((q->limit < count ? q->limit : (size_t)count) + 1) * sizeof(*a.rows));
	if (a.rows != NULL)
		rc = answer(&a, q);
	arena_release(&a.scratch);
	return rc == RC_NO_MEMORY
		   ? why_set(why, rc, "query_bytes_max", NULL, 0, "no room for the answer")
		   : rc;
}
