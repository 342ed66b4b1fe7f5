/*
 * standing.h - what was said about an agent as such: trust assertions and their revocation, quarantine and
 * its end; by whom, what is flagged, and what is in force.
 *
 * An agent is its issuer's text: one may be spoken of that never signed anything.  A record with a flag
 * has no effect.  docs/SCORES.md has the rules.
 */
#ifndef ANSWER_STANDING_H
#define ANSWER_STANDING_H

#include "base/budget.h"
#include "facts/facts.h"

#define STANDING_FLAGS(X)                                                                          \
	X(SELF, "self")			  /* by the agent itself */                                \
	X(UNSIGNED, "unsigned")		  /* nobody signed it */                                   \
	X(NOT_AUTHORIZED, "not_authorized") /* quarantine by one who holds none of the roles */    \
	X(NOT_ASSERTER, "not_asserter")	  /* revokes what another asserted */                      \
	X(NO_ASSERTION, "no_assertion")	  /* a revocation that rests on none about this agent */  \
	X(NO_QUARANTINE, "no_quarantine") /* an end that rests on none of this agent */
enum standing_flag_place {
#define X(id, name) STANDING_PLACE_##id,
	STANDING_FLAGS(X)
#undef X
	STANDING_FLAG_COUNT
};
enum standing_flag {
#define X(id, name) STANDING_##id = 1 << STANDING_PLACE_##id,
	STANDING_FLAGS(X)
#undef X
};
const char *standing_flag_text(enum standing_flag_place place);

struct standing_record {
	uint32_t index, by; /* entry; name number of its issuer */
	uint32_t until;	    /* over at this entry; FACTS_NONE */
	uint8_t kind;	    /* KIND_TRUST_ASSERTION, _REVOCATION, KIND_QUARANTINE, _END */
	uint8_t flags;	    /* enum standing_flag */
};
struct standing {
	struct standing_record *records; /* ascending */
	size_t count;
	bool complete;
};
/* Memory from 'arena'; '*spent' counts rows against budget->nodes_max.  RC_NO_MEMORY. */
enum rc standing_gather(const struct facts_view *v, struct bytes subject, const struct budget *budget,
    size_t *spent, struct arena *arena, struct standing *out);
static inline bool
standing_in_force(const struct standing_record *r, uint32_t size)
{
	return r->index < size && r->flags == 0 && (r->until == FACTS_NONE || r->until >= size);
}
/* At a tree of 'size' entries, at most the view's: some quarantine is in force; some revocation is. */
bool standing_quarantined(const struct standing *s, uint32_t size);
bool standing_revoked(const struct standing *s, uint32_t size);

#endif
