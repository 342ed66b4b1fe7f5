/*
 * rollback.h - this task was wrong: what depends on it, in which order is it undone, and how far did it
 * reach.  docs/RECOVERY.md has the rules.
 */
#ifndef ANSWER_ROLLBACK_H
#define ANSWER_ROLLBACK_H

#include "base/budget.h"
#include "facts/facts.h"

enum rollback_scope { ROLLBACK_FAILED, ROLLBACK_CHECKPOINT, ROLLBACK_FULL };
bool rollback_scope_read(struct bytes text, enum rollback_scope *out); /* empty: failed */
const char *rollback_scope_text(enum rollback_scope scope);

enum rollback_action {
	ROLLBACK_UNDO,
	ROLLBACK_COMPENSATE,   /* it says that it wants a compensation */
	ROLLBACK_IRREVERSIBLE, /* and nothing that would compensate it is known */
	ROLLBACK_ALREADY,      /* rolled back */
	ROLLBACK_ACTIONS
};
const char *rollback_action_text(enum rollback_action action);

#define ROLLBACK_PAGE	  1000
#define ROLLBACK_PAGE_MAX 10000

struct rollback_question {
	uint32_t task; /* the wrong one */
	enum rollback_scope scope;
	uint32_t to; /* a checkpoint that it rests on; FACTS_NONE: the nearest */
	bool has_after;
	uint32_t after; /* with has_after: only what comes after this entry in the order */
	size_t limit;	/* of items; at most so many are given */
};

struct rollback_item {
	uint32_t index;
	enum rollback_action action;
	bool foreign; /* not in the wrong task's workflow */
	bool join;    /* rests on tasks outside the set, too */
};

struct rollback_answer {
	uint32_t task, checkpoint; /* FACTS_NONE: there is none */
	uint64_t tree_size;
	bool complete;		  /* all of the set, and its actions, by all records */
	bool checkpoint_complete; /* false: the search for the nearest was over the budget */
	const struct rollback_item *items; /* undo order: descending index */
	size_t item_count;
	uint32_t next; /* 'after' of the next page; FACTS_NONE: this was the last */
	/* Of the whole set. */
	size_t tasks, agents, workflows, trust_domains, foreign, joins, by_action[ROLLBACK_ACTIONS];
	unsigned depth;
	uint64_t *
	    rests_on; /* of this page: its items, task, checkpoint, and records that changed a state */
	size_t rests_on_count;
};

/* RC_NOT_FOUND: the scope wants a checkpoint and there is none; RC_BAD_REQUEST: 'to' is none that it rests on and that
 * can be returned to.  Memory from budget->arena. */
enum rc answer_rollback(const struct facts_view *v, const struct rollback_question *question,
    const struct budget *budget, struct rollback_answer *out, struct why *why);

#endif
