/*
 * trust_score.h - private to answer/: from outcomes to a score, at any size up to the one they were gathered at.
 */
#ifndef ANSWER_TRUST_SCORE_H
#define ANSWER_TRUST_SCORE_H

#include "answer/fixed.h"
#include "answer/trust.h"

/* What a score goes by. */
struct trust_terms {
	const struct policy_doc *doc; /* in force at the size */
	enum policy_model model;
	int64_t half_life_s;
	uint32_t from, act; /* name numbers; FACTS_NONE: all */
	uint64_t now_ms;    /* of the tree */
	uint32_t size;
};
/* The terms of a tree of 'size' entries: its document, its time; of any rater, about any action. */
struct trust_terms trust_terms_at(const struct facts_view *v, uint32_t size);

/* Is the item one of those that the terms ask for? */
static inline bool
trust_asks(const struct facts_view *v, const struct trust_terms *terms, const struct outcome_item *i)
{
	return (terms->from == FACTS_NONE || i->rater == terms->from) &&
	       (terms->act == FACTS_NONE || fact(v, i->task)->act == terms->act);
}

/* A replay that can be gone on with at a larger size; zero: at the start. */
struct trust_run {
	const struct policy_doc *doc;
	uint32_t size;
	size_t next; /* items before it are in */
	uint64_t s, last_ms;
	uint64_t positive, negative;
};
/* The score at terms->size.  'run' NULL: from the start; else it goes on from where it was when that gives the
 * same, as for one agent, the document's own model and terms that differ in their size alone. */
void trust_score(const struct facts_view *v, const struct outcome_list *list,
    const struct trust_terms *terms, struct trust_run *run, struct trust_score *out);

/* One agent's row by these terms, and what it was made of, in 'scratch'.  row->complete: false over the budget. */
struct trust_made {
	struct outcome_list outcomes;
	struct standing standing;
};
enum rc trust_row_of(const struct facts_view *v, uint32_t iss, const struct trust_terms *terms,
    const struct budget *budget, size_t *spent, struct arena *scratch, struct trust_made *made,
    struct trust_row *row);
/* The records that say how the agent stands, assertions left out. */
struct rests;
void trust_rest_on_records(struct rests *rests, const struct trust_made *made);

#endif
