/*
 * workflow_own.h - a workflow being looked at; private to workflow*.c.
 */
#ifndef ANSWER_WORKFLOW_OWN_H
#define ANSWER_WORKFLOW_OWN_H

#include "answer/workflow.h"

struct flow {
	const struct facts_view *v;
	const struct budget *budget;
	struct arena scratch; /* of this answer */
	struct arena parse;   /* of one extension */
	uint32_t wid;
	const uint32_t *at; /* its entries, ascending */
	size_t count;
	uint8_t *state; /* by position in 'at': enum workflow_state */
	uint32_t *by;
	uint16_t *node;
	const struct descriptor *d; /* NULL: none */
	uint16_t *by_act;	    /* places by act, then place */
	uint64_t *live;		    /* by place: tasks that stand */
	uint64_t *also; /* entries outside the workflow that the answer rests on, in any order */
	size_t also_count, also_room;
	struct workflow_answer *out;
};
enum rc flow_rests_on(struct flow *f, uint64_t index); /* RC_NO_MEMORY */

/* The names that extensions and acts give: ext "node" of the entry, else empty.  A view into 'parse', until the next. */
struct bytes flow_node_name(struct flow *f, uint32_t index);
/* An act of the workflow's own: what can be extra, and what counts against the whole's quotas. */
bool flow_is_act(const struct fact *t);
/* A task that stands: neither failed nor rolled back. */
static inline bool
flow_stands(uint8_t state)
{
	return state >= WORKFLOW_DONE && state != WORKFLOW_FAILED && state != WORKFLOW_ROLLED_BACK;
}
/* workflow_deviation.c: with states and nodes in place. */
enum rc flow_deviations(struct flow *f);
/* Position in f->at; f->count: not of the workflow. */
size_t flow_position(const struct flow *f, uint32_t index);

#endif
