/*
 * dag.h - DAG rules, with the store behind a lookup that is passed in: pure, so that the writer,
 * tests and fsck share the rules.
 *
 * The scope of an id is its workflow, or the "no workflow" scope of the log.  A parent is looked up
 * in the child's own scope first, then, where allowed, in the whole log; more than one match there
 * is RC_AMBIGUOUS.  Parent iat <= child iat + CLAIM_SKEW_S.  A parent has a smaller index: no
 * cycles.
 */
#ifndef CLAIM_DAG_H
#define CLAIM_DAG_H

#include "claim/claim.h"

struct dag_node {        /* what is known of a task that is in the log (or earlier in the batch) */
	uint64_t index;
	int64_t iat;
	bool has_wid;
	uint8_t wid[UUID_SIZE];
	bool lower;      /* it is L1, or some ancestor of it is */
};

struct dag_lookup {
	/* The task (scope, jti).  RC_OK or RC_NOT_FOUND; anything else stops the batch. */
	enum rc (*find)(void *ctx, bool has_wid, const uint8_t *wid, const uint8_t *jti, struct dag_node *out);
	/* The task with this jti in any scope.  RC_OK, RC_NOT_FOUND, RC_AMBIGUOUS. */
	enum rc (*find_any)(void *ctx, const uint8_t *jti, struct dag_node *out);
	void *ctx;
};

struct dag_parents {
	uint64_t *index;               /* one per predecessor, in the token's order */
	struct dag_node *node;
	size_t count;
	bool foreign;                  /* at least one in another scope */
	bool lower;                    /* at least one is L1 or has such an ancestor */
	const uint8_t (*missing)[UUID_SIZE];
	size_t missing_count;          /* set with RC_UNKNOWN_PARENT */
};

/* Resolve and judge the predecessors.  RC_UNKNOWN_PARENT (all missing ones listed), RC_TIME_ORDER,
 * RC_AMBIGUOUS, RC_WORKFLOW_MISMATCH (found elsewhere, not allowed). */
enum rc dag_resolve(const struct claim *claim, bool cross_workflow, const struct dag_lookup *lookup,
    struct arena *arena, struct dag_parents *out, struct why *why);

#endif
