/*
 * approval.h - does a guarded task rest on an approval that holds?
 *
 * One rule, over whatever knows the entries: the sequencer asks it of the log and the batch before a
 * token is let in (profile "regulated").  docs/OVERSIGHT.md has the states and what voids a decision; this is
 * the same life of a request, told for one task and given up at the first thing that speaks against it.
 * Pure: what is asked goes through the lookup, and nothing is kept.
 */
#ifndef POLICY_APPROVAL_H
#define POLICY_APPROVAL_H

#include "policy/doc.h"

/* Entries that are looked at for one task, a list of successors counted as APPROVAL_LIST_COST of them.  When that is
 * not enough the approval is not found: a fresh one can be asked for. */
#define APPROVAL_READS_MAX 1024
#define APPROVAL_LIST_COST 8

/* What is asked of a task (ENTRY_TOKEN). */
struct approval_task {
	uint64_t index;
	struct bytes iss;
	int64_t iat;                  /* seconds, by the agent's clock */
	int64_t time_ms;              /* received; of an entry that was deferred: iat */
	const struct policy_doc *doc; /* in force at it */
	const struct kind *kind;      /* by that document */
	const struct json_node *ext;  /* NULL: none */
	struct claim_hash inp_hash;
	const uint64_t *parents;
	size_t parent_count;
	const struct policy_rule *guard; /* the rule of its document that guards it; NULL: none */
};

enum approval_slot { APPROVAL_DECISION, APPROVAL_REQUEST, APPROVAL_CHILD, APPROVAL_BESIDE, APPROVAL_SLOTS };

struct approval_lookup {
	/* The task at an index.  What 'out' points to lives until the next call with the same slot.  An error ends the
	 * question. */
	enum rc (*task)(void *ctx, uint64_t index, enum approval_slot slot, struct approval_task *out);
	/* Its successors, ascending; '*count' is at most 'room', and there may be more when it is 'room'. */
	enum rc (*children)(void *ctx, uint64_t index, uint64_t *out, size_t room, size_t *count);
	void *ctx;
};

/*
 * 'task' has a guard and stands behind everything that the lookup knows (its index is where it would be).
 * RC_OK: it may go on.  RC_APPROVAL_MISSING: the text of 'why' has the rule's id and what is wrong, by its name
 * in docs/OVERSIGHT.md.  Anything else is the lookup's.
 */
enum rc approval_check(
    const struct approval_task *task, const struct approval_lookup *lookup, struct why *why);

#endif
