/*
 * outcome.h - what the log says about the work of one agent: which entries speak of its tasks, how
 * they speak, and which of them count.
 *
 * An outcome is an entry that rests on a task: its signer is the rater, the task's signer is rated.
 * How each kind of entry speaks, and of which kinds of tasks, is a table (outcome.def).
 * docs/SCORES.md has the rules and why they are so.
 */
#ifndef ANSWER_OUTCOME_H
#define ANSWER_OUTCOME_H

#include "base/budget.h"
#include "facts/facts.h"

enum outcome {		  /* from good to worst */
	OUTCOME_NONE,
	OUTCOME_GOOD,
	OUTCOME_MINOR,	  /* a failure by time-out, dependency or something outside */
	OUTCOME_MAJOR,	  /* a failure of its own, or one that does not say what it was */
	OUTCOME_VIOLATION /* a failure against policy */
};
const char *outcome_text(enum outcome outcome); /* "good", ... */

/* Why an outcome counts, or does not. */
enum outcome_count {
	OUTCOME_COUNTED,
	OUTCOME_REPEATED, /* the same rater said something as bad, or worse, about the task */
	OUTCOME_SELF,	  /* the rater is rated */
	OUTCOME_UNSIGNED  /* nobody signed it, or the task */
};
const char *outcome_count_text(enum outcome_count count); /* "counted", ... */

/* What an entry says about the tasks that it rests on; OUTCOME_NONE: nothing. */
enum outcome outcome_of(const struct fact *entry);
/* Can a task of this kind be rated?  Records of recovery, oversight and trust cannot. */
bool outcome_rates(enum kind_id kind);

struct outcome_item {
	uint32_t index, task; /* the entry that speaks, the task it speaks of */
	uint32_t rater;	      /* name number of its issuer */
	uint32_t until;	      /* counts below this size only: the same rater says worse there; FACTS_NONE */
	uint8_t outcome;      /* enum outcome */
	uint8_t never;	      /* enum outcome_count: OUTCOME_COUNTED, or why it never counts */
	uint8_t worse;	      /* 1: from its place on, another item counts no longer */
};

/* All that is said about an agent, ascending by (index, task). */
struct outcome_list {
	struct outcome_item *items;
	size_t count;
	bool complete; /* false: the budget is used up, tasks further back were not looked at */
};

/* Everything said about the tasks of an issuer below the view's size: a walk over its tasks and what
 * rests on them.  '*spent' counts the rows looked at, against budget->nodes_max; memory from 'arena'.
 * RC_NO_MEMORY. */
enum rc outcome_gather(const struct facts_view *v, uint32_t iss, const struct budget *budget,
    size_t *spent, struct arena *arena, struct outcome_list *out);
/* At a tree of 'size' entries (an item's index is below it). */
static inline enum outcome_count
outcome_counts(const struct outcome_item *item, uint32_t size)
{
	if (item->never != OUTCOME_COUNTED)
		return (enum outcome_count)item->never;
	return item->until < size ? OUTCOME_REPEATED : OUTCOME_COUNTED;
}

#endif
