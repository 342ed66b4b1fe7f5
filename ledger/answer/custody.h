/*
 * custody.h - through whose hands a task's work came: the trust domains above it and where it passed from
 * one to another.  docs/PROVENANCE.md has the rules.
 */
#ifndef ANSWER_CUSTODY_H
#define ANSWER_CUSTODY_H

#include "base/budget.h"
#include "facts/facts.h"

#define CUSTODY_DOMAINS_MAX 1000 /* that an answer lists; all are counted */

struct custody_domain {
	uint32_t domain; /* FACTS_NONE: issuers that have none */
	uint32_t first;	 /* its first task */
	uint64_t tasks, agents;
};
/* An edge whose ends are in different domains: the parent's issuer gave, the child's took over. */
struct custody_handover {
	uint32_t parent, child;
};
struct custody_answer {
	uint64_t tree_size;
	bool complete;		 /* false: the walk was cut, nearest tasks first */
	uint64_t tasks;		 /* the task itself and everything above it */
	uint64_t domain_total, handover_total;
	struct custody_domain *domains; /* in the order of their first tasks */
	size_t domain_count;
	struct custody_handover *handovers; /* ascending (child, parent) */
	size_t handover_count;
	uint32_t next;		 /* 'from' of the next page; 0: there is none */
	const uint64_t *rests_on; /* ascending: the page's ends, and the domains' first tasks */
	size_t rests_on_count;
};
/* 'from': hand-overs to tasks at or behind this index; a page ends with the task on which it has 'limit' (0: all). */
enum rc answer_custody(const struct facts_view *v, uint32_t task, uint32_t from, size_t limit,
    const struct budget *budget, struct custody_answer *out, struct why *why);

#endif
