/*
 * kind.h - the table of node kinds: exec_act patterns, predecessors wanted, extension keys and
 * their types.
 *
 * The table is data (kinds.def); adding a kind is adding rows.  In this version kinds are
 * recognised by exec_act and their extension keys are type-checked; who may issue them is a later
 * matter of policy.
 */
#ifndef CLAIM_KIND_H
#define CLAIM_KIND_H

#include "base/json.h"
#include "base/rc.h"

enum kind_ext_type { KIND_STRING, KIND_INT, KIND_BOOL, KIND_NUMBER, KIND_ARRAY, KIND_OBJECT };

struct kind_key {
	const char *name;
	enum kind_ext_type type;
	bool required;
};

struct kind {
	const char *name;      /* "task", "checkpoint", "failure", ... */
	const char *act;       /* exact exec_act; NULL for the plain task */
	unsigned pred_min;     /* predecessors wanted */
	const struct kind_key *keys; /* ended by a NULL name */
};

const struct kind *kind_of(struct bytes act); /* never NULL */
const struct kind *kind_named(const char *name);
size_t kind_count(void);
const struct kind *kind_at(size_t i);
/* Does a task meet its row?  Enough predecessors, required keys there, known keys of their type;
 * unknown keys are always fine. 'ext' may be NULL.  RC_BAD_KIND.  Pure: whether a breach is refused
 * or recorded all the same is the log's policy. */
enum rc kind_check(const struct kind *kind, size_t pred_count, const struct json_node *ext, struct why *why);

#endif
