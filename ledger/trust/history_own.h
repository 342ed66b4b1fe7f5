/*
 * history_own.h - the newest state of every subject, for what compares it with the folder; private
 * to trust/ and its tests.
 */
#ifndef TRUST_HISTORY_OWN_H
#define TRUST_HISTORY_OWN_H

#include "trust/history.h"

struct history_state {
	struct bytes domain;
	struct hash id;
	enum event_subject subject;
	bool enrolled; /* and not withdrawn since */
	bool revoked;
	struct bytes described; /* bytes of the newest enrolment or change; empty: none */
	struct bytes revoking;	/* bytes of the newest revocation; empty: none */
};

/* All subjects, in order of their first event.  The views live as long as the history; the array is
 * the arena's. */
enum rc history_states(
    struct history *h, struct arena *arena, struct history_state **out, size_t *count);

#endif
