/*
 * agents.h - who signed what in this log: since when, with which keys, doing what, in which workflows,
 * how far trusted, and in which state.
 *
 * An agent is an issuer with at least one entry.  docs/SCORES.md has the rules.
 */
#ifndef ANSWER_AGENTS_H
#define ANSWER_AGENTS_H

#include "answer/lifecycle.h"
#include "answer/trust.h"

/* What is said of an agent in one word: the first that holds. */
enum agent_state {
	AGENT_QUARANTINED = 1,
	AGENT_REVOKED,
	AGENT_RETIRED,
	AGENT_SUNSET,
	AGENT_RETIRING,
	AGENT_DRAINING,
	AGENT_ACTIVE
};
const char *agent_state_text(enum agent_state state); /* "quarantined", ... */

struct agents_question {
	struct bytes iss; /* one agent; empty: all */
	uint64_t after;	  /* agents in the order of their first entry: so many were seen */
	size_t limit;
	size_t list_max;  /* of keys, and of actions, of each */
};

struct agent_count { /* an action, or a key, and how many entries have it */
	uint32_t name; /* number in FACTS_ACT or FACTS_KEY */
	uint32_t count, first, last;
};
struct agent_row {
	uint32_t iss;
	uint32_t first, last; /* entries */
	uint64_t entries;
	const struct agent_count *acts, *keys; /* most entries first, then by first appearance */
	size_t act_count, key_count;	       /* in the lists */
	size_t act_all, key_all;
	uint64_t workflows;
	enum agent_state state;
	const struct lifecycle_agent *life; /* NULL: nothing was said */
	struct trust_row trust;		    /* by the document's model */
	bool complete; /* false: over the budget; 'last' is right, the rest is of the newest entries */
};
struct agents_reply {
	uint64_t tree_size;
	bool complete;
	const struct agent_row *rows;
	size_t count;
	uint64_t next; /* 0: that was all */
	const uint64_t *rests_on;
	size_t rests_count;
};
/* RC_NOT_FOUND: no such agent. */
enum rc answer_agents(const struct facts_view *v, const struct agents_question *q,
    const struct budget *budget, struct agents_reply *out, struct why *why);

#endif
