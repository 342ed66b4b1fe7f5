/*
 * lifecycle.h - what was said about the life of agents: versions, draining, retirement (AEPB; sunset as
 * in RFC 8594), by whom, what is flagged, and what depends on a retired agent still.  docs/INTEROP.md has
 * the rules.
 *
 * An agent is its issuer's text: one may be spoken of that never signed anything.
 */
#ifndef ANSWER_LIFECYCLE_H
#define ANSWER_LIFECYCLE_H

#include "base/budget.h"
#include "facts/facts.h"

enum lifecycle_state {
	LIFE_ACTIVE = 1,
	LIFE_DRAINING, /* takes no new work, by its own word or an operator's */
	LIFE_RETIRING, /* its retirement is announced for a time that has not come */
	LIFE_SUNSET,   /* the announced time has passed, and nobody retired it */
	LIFE_RETIRED
};
const char *lifecycle_state_text(enum lifecycle_state state); /* "active", ... */

/* What is wrong with an event.  One that has a flag other than the last two says nothing about the agent. */
#define LIFE_FLAGS(X)                                                                              \
	X(NOT_AUTHORIZED, "not_authorized")   /* neither the agent nor an operator or human */    \
	X(AFTER_RETIREMENT, "after_retirement") /* nothing brings a retired agent back */         \
	X(NO_EVENT, "no_event")		      /* its event is missing or none that is known */     \
	X(BAD_SUBJECT, "bad_subject")	      /* no text; listed with who signed */                \
	X(BAD_SUNSET, "bad_sunset")	      /* no whole number: taken as absent */               \
	X(BAD_SUCCESSOR, "bad_successor")     /* no text, or the agent itself: taken as absent */
enum lifecycle_flag_place {
#define X(id, name) LIFE_PLACE_##id,
	LIFE_FLAGS(X)
#undef X
	LIFE_FLAG_COUNT
};
enum lifecycle_flag {
#define X(id, name) LIFE_##id = 1 << LIFE_PLACE_##id,
	LIFE_FLAGS(X)
#undef X
	LIFE_VOID = LIFE_NOT_AUTHORIZED | LIFE_AFTER_RETIREMENT | LIFE_NO_EVENT | LIFE_BAD_SUBJECT
};
const char *lifecycle_flag_text(enum lifecycle_flag_place place);

struct lifecycle_event {
	uint32_t index;
	struct bytes subject;
	enum lifecycle_code code; /* 0: none that is known */
	unsigned flags;		  /* enum lifecycle_flag */
	struct bytes version, successor; /* empty: none */
	bool has_sunset;
	int64_t sunset; /* seconds since 1970 */
};

struct lifecycle_agent {
	struct bytes iss;
	enum lifecycle_state state;	 /* at the view's size */
	struct bytes version, successor; /* empty: none */
	bool has_sunset;
	int64_t sunset;
	uint32_t drain, retire;		 /* the events in force; FACTS_NONE */
	uint64_t draining_since_ms;	 /* 0: not draining */
	uint64_t retires_at_ms;		 /* 0: nobody said so; in the future while retiring */
	const struct lifecycle_event *events; /* ascending */
	size_t event_count;
};

struct lifecycle {
	bool complete; /* false: the budget was used up before every event had been read, and nothing is said */
	uint64_t now_ms;
	const struct lifecycle_agent *agents; /* ascending by their text */
	size_t agent_count;
};
/* Everything that was said, read once: linear in the lifecycle events.  Memory from the budget's arena. */
enum rc lifecycle_read(const struct facts_view *v, const struct budget *budget, struct lifecycle *out,
    struct why *why);
/* NULL: nothing was said about it, so it is active. */
const struct lifecycle_agent *lifecycle_of(const struct lifecycle *l, struct bytes iss);

#endif
