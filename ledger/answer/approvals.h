/*
 * approvals.h - human approval: what was asked for, what was decided, and whether what a rule guards was
 * done with an approval that holds.
 *
 * Every request runs through the states below; docs/OVERSIGHT.md is the specification.  A record that
 * breaks a rule is listed with flags by fixed names, and those that 'void' leave it without effect.
 *
 * Requests, guarded tasks and decisions that decide nothing come in one order, newest entry first.
 */
#ifndef ANSWER_APPROVALS_H
#define ANSWER_APPROVALS_H

#include "base/budget.h"
#include "facts/facts.h"

/* requested -> approved | denied | expired | escalated | withdrawn; escalated -> approved | denied | expired;
 * approved -> revoked | consumed.  notified: asks for nothing. */
enum approval_state {
	APPROVAL_REQUESTED,
	APPROVAL_ESCALATED,
	APPROVAL_APPROVED,
	APPROVAL_DENIED,
	APPROVAL_EXPIRED,
	APPROVAL_WITHDRAWN,
	APPROVAL_REVOKED,
	APPROVAL_CONSUMED,
	APPROVAL_NOTIFIED,
	APPROVAL_STATES
};
enum guarded_state {
	GUARDED_OK,	   /* rests on an approval that holds */
	GUARDED_PROCEEDED, /* rests on a request whose time was over, and the rule says: proceed */
	GUARDED_MISSING,   /* rests on nothing that decides */
	GUARDED_VOID,	   /* rests on a decision or a request, but not on an approval that holds */
	GUARDED_STATES
};

/* FLAG(id, name, does it void?): the names are in docs/OVERSIGHT.md, a test compares. */
#define APPROVAL_FLAGS(FLAG)                                                                       \
	/* of requests */                                                                          \
	FLAG(UNKNOWN_RULE, "unknown_rule", true) /* voids for guarded tasks */                     \
	FLAG(NO_ROLE, "no_role", false)                                                            \
	FLAG(KIND_BREACH, "kind_breach", false) /* of decisions and tasks too */                   \
	/* of decisions */                                                                         \
	FLAG(NOT_ON_REQUEST, "not_on_request", true)                                               \
	FLAG(SEVERAL_REQUESTS, "several_requests", false)                                          \
	FLAG(UNKNOWN_DECISION, "unknown_decision", true)                                           \
	FLAG(AFTER_FINAL, "after_final", true)                                                     \
	FLAG(BAD_TRANSITION, "bad_transition", true)                                               \
	FLAG(REVOKED_TOO_LATE, "revoked_too_late", true)                                           \
	FLAG(SELF_APPROVAL, "self_approval", true)                                                 \
	FLAG(ROLE_NOT_HELD, "role_not_held", true)                                                 \
	FLAG(LATE, "late", true)                                                                   \
	FLAG(SHOWN_HASH_MISMATCH, "shown_hash_mismatch", true)                                     \
	FLAG(SHOWN_HASH_MISSING, "shown_hash_missing", false)                                      \
	/* of guarded tasks */                                                                     \
	FLAG(APPROVAL_MISSING, "approval_missing", true)                                           \
	FLAG(OTHER_RULE, "other_rule", true)                                                       \
	FLAG(APPROVES_OWN_TASK, "approves_own_task", true)                                         \
	FLAG(USED_TWICE, "used_twice", true)                                                       \
	FLAG(ALTHOUGH_REQUESTED, "although_requested", true)                                       \
	FLAG(ALTHOUGH_ESCALATED, "although_escalated", true)                                       \
	FLAG(ALTHOUGH_DENIED, "although_denied", true)                                             \
	FLAG(ALTHOUGH_EXPIRED, "although_expired", true)                                           \
	FLAG(ALTHOUGH_WITHDRAWN, "although_withdrawn", true)                                       \
	FLAG(ALTHOUGH_REVOKED, "although_revoked", true)

enum approval_flag_bit {
#define FLAG(id, name, voids) APPROVAL_BIT_##id,
	APPROVAL_FLAGS(FLAG)
#undef FLAG
	    APPROVAL_FLAG_BITS
};
enum approval_flag {
#define FLAG(id, name, voids) APPROVAL_##id = 1 << APPROVAL_BIT_##id,
	APPROVAL_FLAGS(FLAG)
#undef FLAG
};

struct approval_decision {
	uint32_t index;
	uint32_t flags; /* enum approval_flag */
	uint8_t code;	/* enum decision_code; 0: none that is known */
	bool effective; /* it changed the state */
};

#define APPROVAL_LISTED_MAX 1000 /* decisions of one request that are listed */

struct approval_request {
	uint32_t index;
	enum approval_state state;
	uint64_t since_ms; /* when it came into it */
	uint32_t flags;
	struct bytes rule; /* rule_id; empty: none */
	struct bytes role; /* who decides now; empty: anybody but the requester */
	int64_t
	    deadline_ms; /* of requested and escalated; 0: none.  Of final states: the last one there was */
	enum policy_timeout on_timeout;
	uint32_t uses, used; /* tasks that an approval guards, and those that there are */
	uint32_t approval;   /* the decision; FACTS_NONE */
	uint32_t escalation; /* decision; FACTS_NONE: none, or by time-out */
	const struct approval_decision *decisions; /* ascending, the first APPROVAL_LISTED_MAX */
	size_t decision_count;
	uint64_t decisions_all; /* all of them */
};

struct approval_guarded {
	uint32_t index;
	enum guarded_state state;
	uint32_t flags;
	struct bytes rule, role; /* of the document in force at it */
	uint32_t request,
	    decision; /* what it rests on, or what it was done in spite of; FACTS_NONE */
};

struct approvals_question {
	bool in_workflow;	      /* of this workflow only; else of the log */
	uint32_t wid;		      /* its number; FACTS_NONE: of the tasks without one */
	uint32_t states;	      /* 1 << enum approval_state of the requests to list; 0: all */
	uint32_t guarded;	      /* 1 << enum guarded_state of the tasks to list; 0: all */
	bool no_requests, no_guarded; /* leave them out */
	uint32_t below;		      /* go on: entries below this one; 0: from the newest */
	size_t limit; /* requests, tasks and decisions on a page; 0: as many as there are */
};
#define APPROVAL_STATES_OPEN (1 << APPROVAL_REQUESTED | 1 << APPROVAL_ESCALATED)
#define GUARDED_STATES_BAD   (1 << GUARDED_MISSING | 1 << GUARDED_VOID)

struct approvals_answer {
	uint64_t tree_size;
	bool complete; /* nothing is left below */
	uint32_t next; /* not complete: ask again with it as 'below' */
	const struct approval_request *requests;
	size_t request_count;
	const struct approval_guarded *guarded;
	size_t guarded_count;
	const struct approval_decision
	    *strays; /* decisions without a request; only when no filter is set */
	size_t stray_count;
	const uint32_t *rests_on; /* ascending */
	size_t rests_on_count;
};

/* RC_TOO_LARGE: one request alone is over the time of a question.  RC_NO_MEMORY. */
enum rc answer_approvals(const struct facts_view *v, const struct approvals_question *q,
    const struct budget *budget, struct approvals_answer *out, struct why *why);

const char *approval_state_text(enum approval_state state);
const char *guarded_state_text(enum guarded_state state);
const char *approval_flag_text(unsigned bit); /* bit < APPROVAL_FLAG_BITS */
const char *decision_text(unsigned code);     /* "approved", ...; "" for 0 */
const char *policy_timeout_text(enum policy_timeout timeout);

#endif
