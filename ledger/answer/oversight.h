/*
 * oversight.h - what the answers about approvals and overrides share.  Private to answer/.
 */
#ifndef ANSWER_OVERSIGHT_H
#define ANSWER_OVERSIGHT_H

#include "base/budget.h"
#include "facts/facts.h"

/* A page with a limit ends once it rests on so many entries: its items may have long lists. */
#define OVERSIGHT_RESTS_MAX 5000

/* When an entry counts as having been there: its receive time, or the agent's own where the log took it
 * deferred; in milliseconds. */
int64_t oversight_time(const struct fact *t);
/* The time of the tree: when its newest entry was received; 0: empty. */
int64_t oversight_now(const struct facts_view *v);
/* Work, as against records about work. */
bool oversight_is_work(const struct fact *t);
/* Does who signed 'index' hold the role by the document in force at it? */
bool oversight_holds(const struct facts_view *v, uint32_t index, const char *role);
bool oversight_commands(const struct facts_view *v, uint32_t index); /* "operator" or "human" */

/* Indexes, growing in an arena. */
struct index_list {
	uint32_t *p;
	size_t n, room;
};
bool indexes_add(struct index_list *l, uint32_t index, struct arena *arena);
void index_sort(struct index_list *l); /* ascending, each once */
/* How many of an ascending list are below 'index'. */
size_t index_below(const struct index_list *l, uint32_t index);

/* What a question has cost, and whether it has to stop. */
struct meter {
	const struct budget *budget;
	uint64_t nodes;
	bool late, no_memory;
};
/* One more node.  False: stop now. */
bool meter_spend(struct meter *m);
/* Between items: is it enough? */
bool meter_full(const struct meter *m);

/* The children of an entry of one of these kinds (KIND_BIT()s), ascending. */
bool indexes_children(const struct facts_view *v, uint32_t index, uint64_t kinds, struct meter *m,
    struct arena *arena, struct index_list *out);

#endif
