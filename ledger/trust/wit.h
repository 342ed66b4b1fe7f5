/*
 * wit.h - a workload identity token (WIMSE WIT, SPIFFE WIT-SVID): which key it binds to which
 * workload; private to trust/ and its tests.
 *
 * A WIT is no bearer token: the proof of possession is the signature of the token that came with
 * it, by the key that the WIT names.
 */
#ifndef TRUST_WIT_H
#define TRUST_WIT_H

#include "trust/key.h"
#include "trust/snapshot.h"

#define WIT_SKEW_S 30 /* iat and nbf may be so far in the future */

struct wit_verdict {
	struct key *key;      /* cnf.jwk; gives: key_free() */
	struct hash anchor;   /* thumbprint of the domain's key that signed the WIT */
	struct bytes subject; /* a view into the WIT or the arena */
	int64_t from, until;  /* seconds, both included */
};

/* Who is it about?  False: not a WIT that can be read.  Judges nothing. */
bool wit_subject(struct bytes wit, struct arena *arena, struct bytes *subject);
/*
 * Judge at now_ms, under the WIT keys of the domain.  RC_UNKNOWN_KEY (no WIT key of that kid), RC_BAD_CREDENTIAL
 * with the rule, RC_NO_MEMORY.
 */
enum rc wit_judge(struct verifier *v, const struct trust_snapshot *s, uint32_t domain,
    struct bytes wit, int64_t now_ms, struct arena *arena, struct wit_verdict *out,
    struct why *why);

#endif
