/*
 * overrides.h - commands of humans that outrank agents: what is in force, who has acknowledged it, and
 * which work was done in spite of it.
 *
 * Two families of levels, as data: pause, constrain, stop, takeover; advisory, mandatory, emergency.
 * docs/OVERSIGHT.md is the specification.  An override that nobody was allowed to give is listed and
 * has no effect.
 */
#ifndef ANSWER_OVERRIDES_H
#define ANSWER_OVERRIDES_H

#include "base/budget.h"
#include "facts/facts.h"

enum override_state { OVERRIDE_VOID, OVERRIDE_IN_FORCE, OVERRIDE_RELEASED, OVERRIDE_STATES };
enum override_scope { SCOPE_NODE, SCOPE_SUBGRAPH, SCOPE_WORKFLOW, SCOPES };
enum ack_state {
	ACK_STATE_PENDING,
	ACK_STATE_RECEIVED,
	ACK_STATE_COMPLIED,
	ACK_STATE_REFUSED,
	ACK_STATE_UNABLE,
	ACK_STATE_MISSING,
	ACK_STATES
};

/* FLAG(id, name, does it void?) */
#define OVERRIDE_FLAGS(FLAG)                                                                       \
	FLAG(NOT_AUTHORIZED, "not_authorized", true) /* overrides and releases */                  \
	FLAG(UNKNOWN_LEVEL, "unknown_level", true)                                                 \
	FLAG(UNKNOWN_SCOPE, "unknown_scope", false) /* taken for "node" */                         \
	FLAG(UNKNOWN_TARGET, "unknown_target", false)                                              \
	FLAG(NO_TARGET, "no_target", false)                                                        \
	FLAG(BREACH, "kind_breach", false)                                                         \
	FLAG(NOT_ON_OVERRIDE, "not_on_override", true) /* acknowledgments and releases */          \
	FLAG(NOT_ADDRESSED, "not_addressed", true)     /* acknowledgments */                       \
	FLAG(UNKNOWN_STATUS, "unknown_status", true)                                               \
	FLAG(BAD_TRANSITION, "bad_transition", true)                                               \
	FLAG(LATE, "late", false)                                                                  \
	FLAG(AFTER_RELEASE, "after_release", true) /* releases */                                  \
	FLAG(NOT_IN_FORCE, "not_in_force", true)   /* releases of an override that never was */

enum override_flag_bit {
#define FLAG(id, name, voids) OVERRIDE_BIT_##id,
	OVERRIDE_FLAGS(FLAG)
#undef FLAG
	    OVERRIDE_FLAG_BITS
};
enum override_flag {
#define FLAG(id, name, voids) OVERRIDE_FLAG_##id = 1 << OVERRIDE_BIT_##id,
	OVERRIDE_FLAGS(FLAG)
#undef FLAG
};

struct override_reply { /* an acknowledgment or a release */
	uint32_t index;
	uint32_t flags;
	uint8_t kind;	      /* KIND_OVERRIDE_ACK, KIND_OVERRIDE_RELEASE */
	uint8_t code;	      /* enum ack_code of an acknowledgment */
	int64_t effective_at; /* as an acknowledgment says it, seconds since 1970; 0: it does not */
};
struct override_ack { /* what one that was addressed answered */
	uint32_t iss;
	enum ack_state state;
	bool late;	/* the first answer came after the deadline */
	uint32_t index; /* newest answer that counts; FACTS_NONE */
};
struct override_breach { /* work done in spite of it */
	uint32_t index;
	uint32_t override;
	bool in_flight; /* done before the override came in, by the agent's own clock */
};

#define OVERRIDE_LISTED_MAX 1000 /* replies and tasks of one override that are listed */

struct override_item {
	uint32_t index;
	enum override_state state;
	uint32_t flags;
	uint8_t level; /* enum override_code; 0: unknown */
	bool binding;  /* the level stops work */
	enum override_scope scope;
	const uint32_t *tasks; /* targets, ascending */
	size_t task_count;
	const uint32_t
	    *agents; /* numbers of FACTS_ISS, ascending; of agents without an entry: none */
	size_t agent_count;
	uint32_t escalates;		 /* the override that it rests on; FACTS_NONE */
	uint32_t release;		 /* FACTS_NONE */
	int64_t ack_deadline_ms;	 /* 0: none asked for */
	const struct override_ack *acks; /* of each that is addressed, by number of issuer */
	size_t ack_count;
	const struct override_reply *replies; /* ascending */
	size_t reply_count;
	uint64_t replies_all;			  /* all */
	const struct override_breach *under_stop; /* ascending */
	size_t under_stop_count;
	uint64_t under_stop_all;
};

struct overrides_question {
	bool
	    in_workflow; /* those given in this workflow or reaching it, and work of this workflow */
	uint32_t wid;	 /* FACTS_NONE: of the tasks without one */
	bool active;	 /* in force at this size only */
	uint32_t below;	 /* go on: overrides below this entry; 0: from the newest */
	size_t limit;	 /* overrides and strays on a page; 0: as many as there are */
	size_t listed_max; /* 0: OVERRIDE_LISTED_MAX */
};

struct overrides_answer {
	uint64_t tree_size;
	bool complete;
	uint32_t next;
	const struct override_item *items; /* newest first */
	size_t count;
	const struct override_reply
	    *strays; /* acknowledgments and releases that rest on no override */
	size_t stray_count;
	const uint32_t *rests_on;
	size_t rests_on_count;
};

/* RC_TOO_LARGE: one override alone is over the time of a question.  RC_NO_MEMORY. */
enum rc answer_overrides(const struct facts_view *v, const struct overrides_question *q,
    const struct budget *budget, struct overrides_answer *out, struct why *why);

/* Does a level stop work?  0: no. */
bool override_binds(enum override_code level);
const char *override_family_text(
    enum override_code level); /* "heop", "override-protocol"; "" for 0 */
const char *override_level_text(unsigned level);
const char *override_state_text(enum override_state state);
const char *override_scope_text(enum override_scope scope);
const char *ack_state_text(enum ack_state state);
const char *ack_code_text(unsigned code);
const char *override_flag_text(unsigned bit);

#endif
