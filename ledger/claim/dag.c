/*
 * dag.c - where a task hangs in the graph.
 *
 * Parents must be in the log already (or earlier in the batch), so they have smaller indexes and a
 * cycle cannot form: no search, no walk, a bounded number of look-ups per token.
 *
 * Which refusal wins: a breach that no waiting can mend (time order, ambiguity, a foreign workflow)
 * is told at the first predecessor that has it; only when every other predecessor is in order is
 * the list of missing ones given, complete, since that is the one thing a client may repair by
 * sending the parents and trying again.
 */
#include "claim/dag.h"

#include <string.h>

#include "base/must.h"

/* The id as text, for the reason only. */
static enum rc
refuse(struct why *why, enum rc rc, const char *rule, size_t at, const uint8_t id[UUID_SIZE],
    const char *what)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(id, text);
	return why_set(why, rc, rule, "pred", at, "predecessor %s %s", text, what);
}

static bool
same_scope(const struct claim *claim, const struct dag_node *node)
{
	if (claim->has_wid != node->has_wid)
		return false;
	return !claim->has_wid || memcmp(claim->wid, node->wid, UUID_SIZE) == 0;
}

/* Find one parent: own scope first, then the whole log.  RC_NOT_FOUND when it is nowhere. */
static enum rc
find_parent(const struct claim *claim, size_t at, bool anywhere, const struct dag_lookup *lookup,
    struct dag_node *node, struct why *why)
{
	const uint8_t *id = claim->pred[at];
	enum rc rc;

	rc = lookup->find(lookup->ctx, claim->has_wid, claim->wid, id, node);
	if (rc == RC_NOT_FOUND) {
		rc = lookup->find_any(lookup->ctx, id, node);
		if (!anywhere && (rc == RC_OK || rc == RC_AMBIGUOUS))
			return refuse(why, RC_WORKFLOW_MISMATCH, "parents of the same workflow", at,
			    id, "is in another workflow");
	}
	if (rc == RC_AMBIGUOUS)
		return refuse(
		    why, rc, "one task per predecessor id", at, id, "is in more than one workflow");
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return why_set(why, rc, "look-up", "pred", at, "the look-up failed");
	return rc;
}

enum rc
dag_resolve(const struct claim *claim, bool cross_workflow, const struct dag_lookup *lookup,
    struct arena *arena, struct dag_parents *out, struct why *why)
{
	bool anywhere = cross_workflow || !claim->has_wid;
	uint8_t(*missing)[UUID_SIZE] = NULL;
	size_t missing_count = 0, count = claim->pred_count;

	must(lookup != NULL && lookup->find != NULL && lookup->find_any != NULL);
	must(count <= CLAIM_PRED_MAX);
	memset(out, 0, sizeof(*out));
	if (count == 0)
		return RC_OK;
	out->index = arena_alloc(arena, count * sizeof(*out->index));
	out->node = arena_alloc(arena, count * sizeof(*out->node));
	missing = arena_alloc(arena, count * sizeof(*missing));
	if (out->index == NULL || out->node == NULL || missing == NULL)
		return why_set(why, RC_NO_MEMORY, "arena", "pred", 0, "no room for the parents");

	for (size_t i = 0; i < count; i++) {
		struct dag_node *node = &out->node[i];
		enum rc rc = find_parent(claim, i, anywhere, lookup, node, why);

		if (rc == RC_NOT_FOUND) {
			memset(node, 0, sizeof(*node));
			memcpy(missing[missing_count++], claim->pred[i], UUID_SIZE);
			continue;
		}
		if (rc != RC_OK)
			return rc;
		if (node->iat > claim->iat + CLAIM_SKEW_S)
			return refuse(why, RC_TIME_ORDER, "parent iat <= child iat + 30 s", i,
			    claim->pred[i], "was issued after this task");
		out->index[i] = node->index;
		out->foreign = out->foreign || !same_scope(claim, node);
		out->lower = out->lower || node->lower;
	}
	if (missing_count > 0) {
		out->missing = (const uint8_t(*)[UUID_SIZE])missing;
		out->missing_count = missing_count;
		return refuse(why, RC_UNKNOWN_PARENT, "parents before children", 0, missing[0],
		    "is not in the log");
	}
	out->count = count;
	return RC_OK;
}
