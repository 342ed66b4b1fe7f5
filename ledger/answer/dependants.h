/*
 * dependants.h - what rests on the tasks of an agent that is retired or draining, and what it did itself
 * after its retirement.  docs/INTEROP.md has the rules.
 */
#ifndef ANSWER_DEPENDANTS_H
#define ANSWER_DEPENDANTS_H

#include "answer/lifecycle.h"

#define DEPENDANTS_NAMES_MAX 1000 /* agents, workflows, own acts that an answer lists; all are counted */

struct dependant {
	uint32_t child;	 /* another agent's task, after the moment */
	uint32_t parent; /* the agent's, which it rests on */
	bool late;	 /* the parent is from after the moment too */
};
struct dependants_name {
	uint32_t number; /* of an issuer, of a workflow */
	uint64_t tasks;	 /* dependants of it, in it */
};
struct dependants_answer {
	uint64_t tree_size;
	bool complete;		 /* false: the budget was used up; what is given is right */
	uint32_t since_index;	 /* the retirement, else the drain; FACTS_NONE: none, so everything counts */
	uint64_t since_ms;
	uint64_t own_total;	 /* acts of the agent itself after its retirement */
	const uint32_t *own;	 /* the first of them */
	size_t own_count;
	uint64_t task_total, agent_total, workflow_total, open_total;
	const struct dependant *tasks; /* the page: ascending (child, parent) */
	size_t task_count;
	const struct dependants_name *agents;	 /* that depend on it, in the order of their first entry */
	size_t agent_count;
	const struct dependants_name *workflows; /* in which they do */
	size_t workflow_count;
	const uint32_t *open; /* workflows with a task of it that went on after the moment */
	size_t open_count;
	uint32_t next; /* 'from' of the next page; 0: there is none */
	const uint64_t *rests_on; /* the moment, the page's tasks, own acts */
	size_t rests_on_count;
};
/* 'life' NULL: nothing was said about the agent.  'iss': its number; FACTS_NONE: it never signed, so nothing rests
 * on it. */
enum rc answer_dependants(const struct facts_view *v, uint32_t iss, const struct lifecycle *l,
    const struct lifecycle_agent *life, uint32_t from, size_t limit, const struct budget *budget,
    struct dependants_answer *out, struct why *why);

#endif
