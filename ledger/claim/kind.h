/*
 * kind.h - the table of node kinds: exec_act patterns, predecessors wanted, extension keys and
 * their types.
 *
 * The table is data (kinds.def), and a deployment extends it in its policy document: more patterns
 * for a kind, its keys under other names, kinds of its own.  A 'struct kinds' is such a table; NULL
 * stands for the built-in one everywhere.  Immutable once made: any thread.
 *
 * What the ledger's questions go by is the id, never the name or the act.
 */
#ifndef CLAIM_KIND_H
#define CLAIM_KIND_H

#include "base/arena.h"
#include "base/json.h"
#include "base/rc.h"
#include "base/text.h"

/* KIND_OWN: a kind of the deployment's own, which the questions take for a plain task. */
enum kind_id {
#define KIND(id, name, acts, pred_min, pred_max, parents) KIND_##id,
#define KEY(name, type, required)
#define KEY_CODE(name, required, values)
#define KIND_END
#include "claim/kinds.def"
#undef KIND
#undef KEY
#undef KEY_CODE
#undef KIND_END
	KIND_OWN,
	KIND_IDS
};
#define KIND_BIT(id) (UINT64_C(1) << KIND_##id)

enum kind_ext_type {
	KIND_STRING,
	KIND_INT,    /* whole */
	KIND_BOOL,
	KIND_NUMBER,
	KIND_SCORE,  /* a number from 0 to 1 */
	KIND_UUID,   /* a task's id, as text */
	KIND_UUIDS,  /* an array of them, at most 100, none twice */
	KIND_PRED,   /* the id of one of the token's own predecessors */
	KIND_URI,    /* what an issuer looks like */
	KIND_HASH,   /* base64url of 32 bytes */
	KIND_ARRAY,
	KIND_OBJECT
};

struct kind_key {
	const char *name;      /* in the extension object */
	const char *means;     /* the built-in key it stands for; the same as name when not renamed, and for a row's own key */
	enum kind_ext_type type;
	bool required;
	bool code;             /* its value is the entry's code, see kind_code() */
	const char *values;    /* "a|b|c": one of these; NULL: any.  Of strings only */
};

struct kind {
	enum kind_id id;
	uint64_t bit;          /* in sets of kinds of its table: the id's, and one for each kind of the deployment's own */
	const char *name;      /* "task", "checkpoint", "failure", ... */
	const char *const *acts; /* patterns, ended by NULL: an exact exec_act, or a prefix and "*"; none for the plain task */
	unsigned pred_min;     /* predecessors wanted */
	unsigned pred_max;     /* 0: as many as a token may have */
	uint64_t parents;      /* bits: one predecessor at least is of one of these; 0: of any */
	const struct kind_key *keys; /* ended by a NULL name */
};

struct kinds;
#define KINDS_ROWS_MAX     64  /* rows that a document adds */
#define KINDS_OWN_MAX      32  /* of them kinds of its own */
#define KINDS_PATTERNS_MAX 512 /* of a document */
#define KINDS_KEYS_MAX     32  /* of one row */
#define KINDS_VALUES_MAX   32  /* of one key */
#define KINDS_NAME_MAX     64  /* bytes of a kind's name; a key's or value's: 128 */

/* The built-in table with a deployment's additions, from the "kinds" array of its policy document (docs/KINDS.md);
 * NULL 'extra' or an empty array: NULL, the built-in table alone.  Memory from 'arena', which must live as long; no views
 * into 'extra'.  RC_BAD_CONFIG: 'why' names row and member. */
enum rc kinds_make(const struct json_node *extra, struct arena *arena, const struct kinds **out, struct why *why);
/* never NULL: exact patterns win over prefixes, longer prefixes over shorter, else the plain task */
const struct kind *kinds_of(const struct kinds *kinds, struct bytes act);
const struct kind *kinds_named(const struct kinds *kinds, struct bytes name); /* NULL: none */
size_t kinds_count(const struct kinds *kinds);
const struct kind *kinds_at(const struct kinds *kinds, size_t i);
/* Is this its name, or the name of the built-in kind that it means?  What searches go by. */
bool kind_is(const struct kind *kind, struct bytes name);
/* The bit in sets of this table for a predecessor's kind, which may be of another table (the document in force at the
 * predecessor): built-in ids are the same in all, own kinds are told by their name; 0: an own kind that this table has not. */
uint64_t kinds_bit(const struct kinds *kinds, const struct kind *kind);

/* Of the built-in table. */
const struct kind *kind_of(struct bytes act); /* never NULL */
const struct kind *kind_named(const char *name);
size_t kind_count(void);
const struct kind *kind_at(size_t i);

/* What kind_check() looks at. */
struct kind_task {
	const uint8_t (*pred)[UUID_SIZE];
	size_t pred_count;
	const struct json_node *ext; /* NULL: none */
	/* what the predecessors are, as kinds_bit()s of the row's table; not judged while 'parents_known' is false: they are
	 * known to the sequencer only */
	bool parents_known;
	uint64_t parents;
};
/* Does a task meet its row?  Predecessors, required keys there, known keys of their type and with one of their values;
 * unknown keys are always fine.  RC_BAD_KIND; 'why' names the kind as the rule and the key (or "pred") as the claim.
 * Pure: whether a breach is refused or recorded all the same is the log's policy. */
enum rc kind_check(const struct kind *kind, const struct kind_task *task, struct why *why);
/* The place (from 1) of the value of the kind's code key in the key's list; 0: it has none, or another. */
unsigned kind_code(const struct kind *kind, const struct json_node *ext);
/* The extension member that means this built-in key; NULL: not there. */
const struct json_node *kind_ext(const struct kind *kind, const struct json_node *ext, const char *key);
/* "string", "whole number", ...: for people and pages */
const char *kind_type_text(enum kind_ext_type type);
/* "string", "int", ...: in documents */
const char *kind_type_name(enum kind_ext_type type);
bool kind_type_read(struct bytes name, enum kind_ext_type *out);

/* The codes, by kind: places in the lists of kinds.def, which a test compares. */
enum fail_code { FAIL_TIMEOUT = 1, FAIL_DEPENDENCY, FAIL_POLICY, FAIL_INTERNAL, FAIL_EXTERNAL };
enum result_code { RESULT_SUCCESS = 1, RESULT_PARTIAL, RESULT_REFUSED, RESULT_IRREVERSIBLE, RESULT_FAILED };
enum circuit_code { CIRCUIT_CLOSED = 1, CIRCUIT_OPEN, CIRCUIT_HALF_OPEN };
enum decision_code { DECISION_APPROVED = 1, DECISION_DENIED, DECISION_ESCALATED, DECISION_WITHDRAWN, DECISION_REVOKED };
enum override_code {
	OVERRIDE_PAUSE = 1, OVERRIDE_CONSTRAIN, OVERRIDE_STOP, OVERRIDE_TAKEOVER,
	OVERRIDE_ADVISORY, OVERRIDE_MANDATORY, OVERRIDE_EMERGENCY
};
enum ack_code { ACK_RECEIVED = 1, ACK_COMPLIED, ACK_REFUSED, ACK_UNABLE };
enum lifecycle_code { LIFECYCLE_VERSION = 1, LIFECYCLE_DRAIN, LIFECYCLE_RETIRE };

#endif
