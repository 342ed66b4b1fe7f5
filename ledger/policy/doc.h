/*
 * doc.h - the policy document of a log: what its answers go by, and what it demands beyond the rules of
 * the configuration.
 *
 * JSON, at most POLICY_DOC_MAX bytes; every member is optional and unknown ones are refused
 * (docs/POLICY.md has the whole form).  It is an entry of the log itself (ENTRY_POLICY) and in force
 * from that entry on, so that every answer can be recomputed from the log alone.  Immutable once
 * read: any thread.
 *
 * Fractions are in millionths (_e6) and read from JSON numbers without exponent and with at most six
 * digits after the point.
 */
#ifndef POLICY_DOC_H
#define POLICY_DOC_H

#include "base/hash.h"
#include "claim/claim.h"
#include "claim/kind.h"

#define POLICY_DOC_MAX	   49152
#define POLICY_ROLES_MAX   64
#define POLICY_MEMBERS_MAX 256 /* patterns of one role */
#define POLICY_RULES_MAX   64
#define POLICY_ACTS_MAX	   64  /* patterns of one list */
#define POLICY_CONDS_MAX   256 /* conditions of a document, those inside others counted */
#define POLICY_COND_DEPTH_MAX 8
#define POLICY_FIELD_MAX   256 /* bytes of a field's name */
#define POLICY_VALUE_MAX   2048 /* bytes of one text that a field is compared with */
#define POLICY_VALUES_MAX  256 /* values of one "in" */
#define POLICY_WINDOW_MAX  10000 /* outcomes that a circuit breaker looks at, probes that close it */
#define POLICY_NAME_MAX	   64  /* bytes of a role's name, of a rule's id */
#define POLICY_SECONDS_MAX INT64_C(3153600000) /* a hundred years: of every member in seconds */

enum policy_profile { PROFILE_NONE, PROFILE_RELAXED, PROFILE_STANDARD, PROFILE_REGULATED };
enum policy_action { ACTION_PAUSE = 1, ACTION_ESCALATE, ACTION_ABORT }; /* strictest: abort > escalate > pause */
enum policy_timeout { TIMEOUT_ABORT = 1, TIMEOUT_ESCALATE, TIMEOUT_PROCEED };
enum policy_model { MODEL_AIMD = 1, MODEL_BETA, MODEL_WILSON };

/* Who may ask for a rollback, as bits. */
enum policy_requester { REQUESTER_SIGNER = 1, REQUESTER_ROOT = 2, REQUESTER_COORDINATOR = 4, REQUESTER_HUMAN = 8 };

struct policy_role {
	const char *name;            /* "operator", "coordinator" and "human" mean something to the ledger */
	const char *const *members;  /* identity patterns (policy_pattern_ok), ended by NULL */
};

struct policy_cond;                  /* doc.c's: a condition tree, flat */
struct policy_rule {                 /* a point where a human must step in */
	const char *id;
	const struct policy_cond *when;
	const char *role;            /* who decides */
	const char *escalate_to;     /* the role that an escalation goes to; NULL: the same */
	enum policy_action action;
	int64_t timeout_s;           /* 0: none */
	enum policy_timeout on_timeout;
};

struct policy_acts { const char *const *patterns; size_t count; }; /* of exec_act, as kinds' are */

struct policy_doc {
	struct bytes text;           /* as it stands in the log; empty: the built-in defaults */
	struct hash digest;          /* SHA-256 of text */
	enum policy_profile profile; /* demanded at admission */
	const struct kinds *kinds;   /* NULL: the built-in table */
	const struct policy_role *roles;
	size_t role_count;
	const struct policy_rule *rules; /* in the order of the document */
	size_t rule_count;
	struct policy_acts irreversible, consequential, critical; /* beside what tasks say themselves */
	struct {
		int64_t request_age_max_s; /* an older request is stale; default 86,400 */
		unsigned requesters;       /* enum policy_requester; default all */
	} recovery;
	struct {                     /* circuit breaker: outcomes of an edge */
		uint32_t window;           /* the newest so many outcomes; default 20 */
		uint32_t minimum;          /* of them before it can open; default 5 */
		uint32_t threshold_e6;     /* share of failures that opens it; default 500,000 */
		uint32_t wait_s;           /* open until half open; default 60 */
		uint32_t probes;           /* good outcomes that close a half-open one; default 1 */
	} circuit;
	struct {
		enum policy_model model;   /* default AIMD */
		uint32_t start_e6, add_e6; /* 500,000; 20,000 */
		uint32_t minor_e6, major_e6, violation_e6; /* 900,000; 500,000; 100,000 */
		int64_t half_life_s;       /* 0: no decay */
		uint32_t floor_e6;         /* below: under the floor; default 200,000 */
	} trust;
	struct {
		int64_t ack_s;             /* an override without ack_by wants its ack within; 0: not asked */
	} override;
	int64_t retention_s;         /* 0: not demanded */
};

/* Read and judge a document; memory from 'arena', which must live as long as it.  RC_BAD_CONFIG names the
 * member.  Empty text: the defaults. */
enum rc policy_doc_read(struct bytes text, struct arena *arena, const struct policy_doc **out, struct why *why);
/* The defaults: never NULL, lives for ever. */
const struct policy_doc *policy_doc_default(void);

/* The rule that guards this task: the strictest action wins, then the first; NULL: none.  '*number' is its
 * place in the document.  Rules are about what is done: records of asking, deciding and overriding (hitl_request,
 * hitl_decision, override, override_ack, override_release, by the document's kinds) are never guarded. */
const struct policy_rule *policy_guard(const struct policy_doc *doc, const struct claim *claim, size_t *number);
/* Does this identity hold the role? */
bool policy_holds(const struct policy_doc *doc, const char *role, struct bytes identity);
bool policy_act_in(const struct policy_acts *acts, struct bytes act);
const char *policy_profile_text(enum policy_profile profile); /* "relaxed", ... */
bool policy_profile_read(struct bytes text, enum policy_profile *out);

#endif
