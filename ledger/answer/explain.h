/*
 * explain.h - the explanations of a task: what was recorded to say why it was done.
 */
#ifndef ANSWER_EXPLAIN_H
#define ANSWER_EXPLAIN_H

#include "base/budget.h"
#include "facts/facts.h"

struct explanation {
	uint32_t index;
	struct bytes summary_hash; /* 32 bytes; empty: none */
	struct bytes vac;	   /* JSON text of a reference to a conversation; empty: none */
};

struct explain_answer {
	uint64_t tree_size;
	bool complete;
	uint32_t next;			/* not complete: ask again with it as 'above' */
	const struct explanation *list; /* in the order of the log */
	size_t count;
	const uint32_t *rests_on;
	size_t rests_on_count;
};

/* Explanations of entry 'task' from entry 'above' on; at most 'limit' (0: all).  RC_NO_MEMORY, RC_TOO_LARGE. */
enum rc answer_explain(const struct facts_view *v, uint32_t task, uint32_t above, size_t limit,
    const struct budget *budget, struct explain_answer *out, struct why *why);

#endif
