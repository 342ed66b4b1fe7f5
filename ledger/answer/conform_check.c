/*
 * conform_check.c - the rules that an entry keeps or breaks by itself.
 *
 * One pass, oldest first, so that whether a checkpoint comes before an entry is known from its
 * predecessors, and so that trust is asked in ascending order of sizes.
 */
#include <string.h>

#include "answer/conform_own.h"
#include "answer/recovery.h"

#define LATE_EVERY 256

static bool
is_task(const struct fact *t)
{
	return t->kind == KIND_TASK || t->kind == KIND_OWN;
}

static bool
younger_parent(const struct conforming *c, const struct fact *t)
{
	for (unsigned i = 0; i < t->parent_count; i++)
		if (fact(c->v, fact_parent(c->v, t, i))->iat - CLAIM_SKEW_S > t->iat)
			return true;
	return false;
}

/* Position in the workflow; c->count: not of it. */
static size_t
position(const struct conforming *c, uint32_t index)
{
	size_t from = 0, to = c->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (c->at[middle] < index)
			from = middle + 1;
		else
			to = middle;
	}
	return from < c->count && c->at[from] == index ? from : c->count;
}

/* Is a checkpoint among what it rests on: along paths in the workflow, and one step out of it? */
static bool
has_checkpoint(const struct conforming *c, const struct fact *t)
{
	for (unsigned i = 0; i < t->parent_count; i++) {
		uint32_t parent = fact_parent(c->v, t, i);
		const struct fact *p = fact(c->v, parent);
		size_t at;

		if (p->kind == KIND_CHECKPOINT)
			return true;
		if (p->wid == c->wid && (at = position(c, parent)) < c->count && c->covered[at])
			return true;
	}
	return false;
}

/* A reference in the task, or an attestation that it rests on or that rests on it. */
static bool
is_attested(const struct conforming *c, const struct fact *t)
{
	uint32_t at = fact_child_first(c->v, t), child;

	if (t->flags & FACT_ATTESTED)
		return true;
	for (unsigned i = 0; i < t->parent_count; i++)
		if (fact(c->v, fact_parent(c->v, t, i))->kind == KIND_ATTESTATION)
			return true;
	while ((child = fact_child(c->v, &at)) != FACTS_NONE)
		if (fact(c->v, child)->kind == KIND_ATTESTATION)
			return true;
	return false;
}

static bool
is_retired(const struct conforming *c, uint32_t index, const struct fact *t)
{
	const struct lifecycle_agent *a =
	    lifecycle_of(c->life, facts_name(c->v, FACTS_ISS, t->iss));

	return a != NULL && a->retire != FACTS_NONE && a->retire < index &&
	       t->received_ms >= a->retires_at_ms;
}

static enum rc
check_agent(struct conforming *c, uint32_t index, const struct fact *t)
{
	struct trust_point state;
	enum rc rc;

	if (!recovery_is_work((enum kind_id)t->kind))
		return RC_OK;
	if (is_retired(c, index, t))
		conform_find(c, CONFORM_RETIRED, index);
	if (t->level < LEVEL_2)
		return RC_OK; /* nobody is known to have done it */
	if ((rc = trust_book_at(c->trust, t->iss, index, &state)) != RC_OK)
		return rc;
	if (!state.complete)
		c->complete = false;
	if (state.under_floor)
		conform_find(c, CONFORM_TRUST_FLOOR, index);
	if (state.quarantined)
		conform_find(c, CONFORM_QUARANTINE, index);
	return RC_OK;
}

static void
check_form(struct conforming *c, uint32_t index, const struct fact *t)
{
	const struct conform_keys *keys = c->ask->keys;

	if (t->level < LEVEL_2)
		conform_find(c, CONFORM_SIGNED, index);
	else if (t->flags & FACT_LOWER)
		conform_find(c, CONFORM_CHAIN_SIGNED, index);
	if (younger_parent(c, t))
		conform_find(c, CONFORM_DAG, index);
	if (!(t->flags & FACT_WID))
		conform_find(c, CONFORM_WORKFLOW, index);
	if (t->flags & FACT_BREACH)
		conform_find(c, CONFORM_KIND_ROW, index);
	if (is_task(t) && (t->flags & (FACT_INP | FACT_OUT)) != (FACT_INP | FACT_OUT))
		conform_find(c, CONFORM_HASHES, index);
	if (keys != NULL && keys->doubtful != NULL && t->signer != FACTS_NONE &&
	    keys->doubtful(keys->ctx, index, t))
		conform_find(c, CONFORM_SIGNER_KEY, index);
}

enum rc
conform_entries(struct conforming *c)
{
	enum rc rc;

	for (size_t i = 0; i < c->count; i++) {
		uint32_t index = c->at[i];
		const struct fact *t = fact(c->v, index);

		if (i % LATE_EVERY == LATE_EVERY - 1 && budget_late(c->budget)) {
			c->complete = false;
			return RC_OK;
		}
		check_form(c, index, t);
		c->covered[i] = has_checkpoint(c, t);
		if ((t->flags & FACT_CONSEQUENTIAL) && t->kind != KIND_CHECKPOINT && !c->covered[i])
			conform_find(c, CONFORM_CHECKPOINT, index);
		if ((t->flags & FACT_CRITICAL) && !is_attested(c, t))
			conform_find(c, CONFORM_ATTESTATION, index);
		if ((rc = check_agent(c, index, t)) != RC_OK)
			return rc;
		*(t->level < LEVEL_2 ? &c->level_1 : &c->level_3) += 1;
	}
	return RC_OK;
}
