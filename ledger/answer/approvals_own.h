/*
 * approvals_own.h - one question about approvals while it is answered.  Private to answer/approval*.c.
 */
#ifndef ANSWER_APPROVALS_OWN_H
#define ANSWER_APPROVALS_OWN_H

#include "answer/approvals.h"
#include "answer/oversight.h"

#define STEPS_MAX 5 /* requested, escalated, approved, consumed or revoked */

/* A change of state: by an entry, or (FACTS_NONE) by the clock, after 'ms'. */
struct approval_step {
	enum approval_state state;
	uint32_t index;
	int64_t ms;
};

/* A request from its first to its last state. */
struct approval_life {
	struct approval_request r; /* r.decisions is in scratch memory and has all */
	const char *role;	   /* NULL: none */
	const char *escalate_to;   /* NULL: none of its own */
	bool known_rule;
	int64_t period_ms; /* the rule's time-out; 0: none */
	struct approval_step steps[STEPS_MAX];
	size_t step_count;
	struct index_list uses; /* tasks that the approval guards, ascending */
	uint32_t last_use;	/* the one that used it up; FACTS_NONE */
	uint32_t revoked;	/* the decision; FACTS_NONE */
};

struct pair {
	uint32_t parent, wid, request;
};

struct approvals {
	const struct facts_view *v;
	const struct approvals_question *q;
	struct meter meter;
	struct arena scratch; /* lives as long as the question */
	struct arena record;  /* one record's extension */
	/* Lives that were worked out, by the request's index. */
	struct approval_life **lives;
	size_t life_count, life_room;
	/* Requests by what they rest on; made when it is asked for. */
	struct pair *pairs;
	size_t pair_count, pair_room;
	bool paired;
};

/* NULL: no memory or no time (a->meter). */
const struct approval_life *approval_life(struct approvals *a, uint32_t request);
/* Its state just before entry 'index'. */
enum approval_state approval_state_at(
    const struct approvals *a, const struct approval_life *l, uint32_t index);
/* The request that a decision decides: the first among its predecessors; FACTS_NONE. */
uint32_t approval_request_of(const struct approvals *a, uint32_t decision, bool *several);
/* False: as approval_life(). */
bool approval_guarded(struct approvals *a, uint32_t task, struct approval_guarded *out);
uint32_t approval_voids(void); /* the flags that void */

#endif
