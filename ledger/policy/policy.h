/*
 * policy.h - claims + signer + context -> a ruling: what a log demands, and who may do what.
 *
 * The rules of a log come from configuration; later from policy entries.  Pure.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "claim/claim.h"
#include "trust/trust.h"

enum policy_right { POLICY_WRITE = 1, POLICY_READ = 2, POLICY_ADMIN = 4 };

/* A client identity pattern: an exact URI, or a prefix that ends in "/" followed by "*". */
struct policy_grant {
	char *pattern;
	unsigned rights; /* of enum policy_right */
};

#define POLICY_BINDINGS_ALL (1u << TRUST_JWKS | 1u << TRUST_X509 | 1u << TRUST_WIT)

struct policy_rules {
	enum token_level level_min;
	bool deferred;
	int64_t age_max_s;        /* CLAIM_AGE_MAX_S unless deferred */
	bool cross_workflow;      /* parents in other workflows allowed; default yes */
	char *audience;           /* NULL: not checked */
	/* tokens whose aud lacks the audience are allowed (and marked); default yes */
	bool forwarded;
	/* refuse (yes) or record all the same (no) what does not meet its kind's row */
	bool kinds_strict;
	struct policy_grant *grants;
	/* none: nobody but on an insecure loopback, where everybody may do everything */
	size_t grant_count;
	uint64_t tokens_per_s_max;  /* 0: no limit; quota of the log */
	uint64_t bytes_per_s_max, verifies_per_s_max; /* the same for token bytes, signature checks */
	/* The same for each client identity. */
	uint64_t client_tokens_per_s_max, client_bytes_per_s_max, client_verifies_per_s_max;
	uint64_t failed_weight;     /* a signature that does not verify counts as so many checks */
	unsigned bindings;          /* allowed ways to bind a key: bits 1 << enum trust_binding */
	uint64_t equivocations_max; /* kept for each issuer */
	uint64_t wait_ms;           /* how long a token may wait for its parents; 0: not at all */
};

void policy_rules_init(struct policy_rules *rules); /* defaults */
void policy_rules_release(struct policy_rules *rules);
/* Deterministic digest of rules and fixed limits: the entry's "limits".  policy.c says how to
 * recompute it.  Costs a hash per rule: once per reload, not per token. */
void policy_limits_digest(const struct policy_rules *rules, uint8_t out[8]);

/* Is this a pattern that can ever match: an exact URI, or "scheme://authority/...*" whose star
 * follows a slash?  For configuration readers. */
bool policy_pattern_ok(struct bytes pattern);
/* Does it mean this identity?  False for what is no pattern. */
bool policy_pattern_matches(struct bytes pattern, struct bytes identity);
/* May this client identity (empty: insecure loopback) do that? */
bool policy_allows(const struct policy_rules *rules, struct bytes identity, bool insecure, enum policy_right right);

/*
 * Everything that can be judged without the store, after the signature verified.  Sets flags of
 * enum entry_flags.  RC_LEVEL_TOO_LOW, RC_NOT_YET_VALID, RC_EXPIRED, RC_BAD_CLAIM (audience).  Kinds are
 * the sequencer's: only there are the predecessors known, and the policy document in force.
 */
struct policy_ruling {
	uint64_t flags;
	int64_t ends_s; /* from this second on the ruling would be another: expired, or deferred */
};
enum rc policy_judge(const struct policy_rules *rules, const struct token *token, const struct claim *claim,
    int64_t now_ms, struct policy_ruling *out, struct why *why);

/* One line of the limits table: every limit of the server with its value and unit. */
struct policy_limit { const char *name; uint64_t value; const char *unit; const char *text; };
/* the fixed ones; serve adds the configured ones */
const struct policy_limit *policy_limits(size_t *count);
/* A log's own, from its rules; how many were written. */
#define POLICY_RULE_LIMITS_MAX 16
size_t policy_rule_limits(
    const struct policy_rules *rules, struct policy_limit out[POLICY_RULE_LIMITS_MAX]);

#endif
