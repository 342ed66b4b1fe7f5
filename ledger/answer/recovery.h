/*
 * recovery.h - who asked for what to be undone, what became of it, and in which state that leaves every
 * task.  docs/RECOVERY.md is the specification; the names of states and flags are the ones on the wire.
 *
 * A pure replay of the recovery records (failure, rollback_request, rollback_result, compensation) in the
 * order of the log.  What breaks a rule is flagged by name and has no effect; nothing is dropped.
 */
#ifndef ANSWER_RECOVERY_H
#define ANSWER_RECOVERY_H

#include "base/budget.h"
#include "facts/facts.h"

/* ---- tasks ---- */

enum recovery_state {
	RECOVERY_NONE, /* a record, or no task at all: has no state */
	RECOVERY_COMPLETED,
	RECOVERY_FAILED,
	RECOVERY_ROLLBACK_REQUESTED,
	RECOVERY_ROLLED_BACK, /* terminal */
	RECOVERY_ROLLBACK_FAILED,
	RECOVERY_COMPENSATION_REQUIRED,
	RECOVERY_STATES
};
const char *recovery_state_text(
    enum recovery_state state); /* "completed", "rollback_requested", ... */

/* Is it work, that can be undone?  Plain tasks, kinds of a deployment's own, checkpoints and translations; all
 * others are records of asking, deciding, starting and telling. */
bool recovery_is_work(enum kind_id kind);

/* The states of many tasks at the view's size. */
struct recovery_states {
	size_t count;
	const uint8_t *state; /* enum recovery_state of each task, in the order asked */
	const uint32_t *by;   /* the record that brought it there; FACTS_NONE: none did */
	size_t by_state[RECOVERY_STATES];
	bool complete; /* false: over the budget; states are those by the records that were read */
	uint64_t *
	    rests_on; /* ascending: records with an effect on these tasks (not the tasks themselves) */
	size_t rests_on_count;
};
/* 'tasks': indexes, ascending, none twice, below the view's size (facts_workflow() gives such a list); others than
 * work have RECOVERY_NONE.  Memory from budget->arena. */
enum rc recovery_states(const struct facts_view *v, const uint32_t *tasks, size_t count,
    const struct budget *budget, struct recovery_states *out, struct why *why);

/* ---- records ---- */

/* What is wrong with a record.  All but "outside_set" leave it without effect (a "repeat" stands for the first). */
#define RECOVERY_FLAGS(X)                                                                          \
	X(BREACH, "breach")		    /* does not keep to its kind's row */                  \
	X(UNSIGNED, "unsigned")		    /* nobody signed it, and somebody what it is about */  \
	X(BAD_SCOPE, "bad_scope")	    /* a scope that is none */                             \
	X(UNKNOWN_TARGET, "unknown_target") /* nothing that can be undone is named */              \
	X(BAD_TARGET, "bad_target")	    /* target_cp is no checkpoint to return to */          \
	X(NOT_AUTHORIZED, "not_authorized") /* may not ask */                                      \
	X(STALE_REQUEST, "stale_request")   /* too late: the request, or the answer to it */       \
	X(IDEM_CONFLICT, "idem_conflict")   /* this requester's idem stands for something else */  \
	X(REPEAT, "repeat")		    /* the same request again: no new one */               \
	X(IDEM_MISMATCH, "idem_mismatch")   /* the result's idem is not its request's */           \
	X(VOID_REQUEST, "void_request")	    /* the answer to a request without effect */           \
	X(OUTSIDE_SET, "outside_set")	    /* names tasks that were not asked for */              \
	X(BAD_TRANSITION, "bad_transition") /* no such step from the state it finds */

enum recovery_flag_bit {
#define X(id, text) RECOVERY_BIT_##id,
	RECOVERY_FLAGS(X)
#undef X
	    RECOVERY_FLAG_COUNT
};
enum recovery_flag {
#define X(id, text) RECOVERY_##id = 1 << RECOVERY_BIT_##id,
	RECOVERY_FLAGS(X)
#undef X
};
const char *recovery_flag_text(unsigned bit);

#endif
