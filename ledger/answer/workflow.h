/*
 * workflow.h - in which state are a workflow's tasks, and does what happened keep to what was declared?
 * docs/WORKFLOWS.md is the specification.
 *
 * A pure function of the view.  Without a descriptor there are tasks only; with one there are also its
 * nodes, those that nothing was done for included.
 */
#ifndef ANSWER_WORKFLOW_H
#define ANSWER_WORKFLOW_H

#include "answer/descriptor.h"
#include "base/budget.h"
#include "facts/facts.h"

enum workflow_state {
	WORKFLOW_NONE,	  /* a record, or a start that something came of: has no state */
	WORKFLOW_PENDING, /* declared; something that it comes after is not done */
	WORKFLOW_READY,	  /* declared; all that it comes after is done */
	WORKFLOW_RUNNING, /* a start that nothing came of yet */
	WORKFLOW_DONE,
	WORKFLOW_FAILED,
	WORKFLOW_ROLLBACK_REQUESTED,
	WORKFLOW_ROLLED_BACK,
	WORKFLOW_ROLLBACK_FAILED,
	WORKFLOW_COMPENSATION_REQUIRED,
	WORKFLOW_STATES
};
const char *workflow_state_text(enum workflow_state state); /* "pending", ... */

#define WORKFLOW_NO_NODE UINT16_MAX

struct workflow_row {
	uint32_t index; /* the task's entry; FACTS_NONE: a declared node without one */
	uint32_t by;	/* the record that brought it into its state; FACTS_NONE: none */
	uint16_t node;	/* place in the descriptor; WORKFLOW_NO_NODE */
	uint8_t state;	/* enum workflow_state */
};

struct workflow_declared {	   /* of each node of the descriptor, by place */
	enum workflow_state state; /* of its newest task or running start */
	uint32_t newest;	   /* that entry; FACTS_NONE */
	uint32_t tasks;		   /* tasks that are the node's, whatever their state */
};

#define WORKFLOW_DEVIATIONS(X)                                                                     \
	X(MISSING, "missing")		/* nothing was done for it, and something behind it was */ \
	X(EXTRA, "extra")		/* a task, or a start, that no node declares */            \
	X(OUT_OF_ORDER, "out_of_order") /* does not rest on a task of a node that comes before */  \
	X(OVER_QUOTA, "over_quota")                                                                \
	X(HITL_MISSING, "hitl_missing")	    /* done without what its slot demands */               \
	X(DUPLICATE_NODE, "duplicate_node") /* a second task that stands, for a node of one */

enum workflow_deviation_kind {
#define X(id, text) DEVIATION_##id,
	WORKFLOW_DEVIATIONS(X)
#undef X
	    DEVIATION_KINDS
};
const char *workflow_deviation_text(enum workflow_deviation_kind kind);

enum workflow_quota {
	FLOW_QUOTA_NONE,
	FLOW_QUOTA_COUNT,
	FLOW_QUOTA_TASKS,
	FLOW_QUOTA_AGENTS,
	FLOW_QUOTA_NODE_WALL,
	FLOW_QUOTA_WALL
};
const char *workflow_quota_text(enum workflow_quota quota); /* "count_max", ...; "": none */

struct workflow_deviation {
	enum workflow_deviation_kind kind;
	uint32_t index;	 /* the entry; FACTS_NONE: of a missing node */
	uint16_t node;	 /* WORKFLOW_NO_NODE: none */
	uint16_t before; /* out_of_order: the node that it does not rest on */
	enum workflow_quota quota;
};

#define WORKFLOW_DEVIATIONS_MAX 1000 /* of one kind that are listed; all are counted */

struct workflow_ask {
	uint32_t wid;	 /* number; FACTS_NONE: the tasks of no workflow */
	uint64_t offset; /* of the first row wanted */
	size_t limit;	 /* rows; 0: none */
};

struct workflow_answer {
	uint64_t tree_size;
	bool
	    complete; /* false: the budget was used up; what is said is of the oldest 'read' entries */
	size_t read;			  /* entries of the workflow that were looked at */
	size_t by_state[WORKFLOW_STATES]; /* of all rows */
	const struct workflow_row
	    *rows; /* by index; declared nodes without an entry last, by place */
	size_t row_count, rows_all;
	const struct descriptor *descriptor; /* newest; NULL: none, or unreadable */
	uint32_t descriptor_at;		     /* its entry; FACTS_NONE */
	bool descriptor_late;		     /* registered behind the workflow's first task */
	const uint32_t *superseded;	     /* older descriptors, newest first */
	size_t superseded_count;
	const struct workflow_declared *declared; /* descriptor->count of them */
	size_t deviation_counts[DEVIATION_KINDS];
	const struct workflow_deviation *deviations; /* by kind, index, node, before, quota */
	size_t deviation_count;
	const uint32_t *explanations; /* entries of the kind explanation */
	size_t explanation_count;
	/* Ascending, when ask.offset is 0, of all pages: the workflow's entries that were read, the
	 * descriptors, and records in other workflows that brought a task into its state */
	const uint64_t *rests_on;
	size_t rests_on_count;
};

/* Memory from budget->arena.  RC_NO_MEMORY. */
enum rc answer_workflow(const struct facts_view *v, const struct workflow_ask *ask,
    const struct budget *budget, struct workflow_answer *out, struct why *why);

#endif
