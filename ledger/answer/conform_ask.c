/*
 * conform_ask.c - the rules that other answers have judged already: states and the descriptor,
 * approvals, overrides, recovery, translations.
 *
 * Each answer is asked about the whole workflow at once.  One that ran out of its budget makes this one
 * incomplete, too.
 */
#include "answer/approvals.h"
#include "answer/conform_own.h"
#include "answer/overrides.h"
#include "answer/recovery_list.h"
#include "answer/translation.h"
#include "answer/workflow.h"

#include <stdlib.h>

#define HOPS 10000 /* of one look at translations */

static void
rests_on_32(struct conforming *c, const uint32_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rests_add(c->rests, list[i]);
}

static void
rests_on_64(struct conforming *c, const uint64_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rests_add(c->rests, list[i]);
}

/* Something went wrong and is not made good. */
static bool
is_unresolved(uint8_t state)
{
	return state == WORKFLOW_FAILED || state == WORKFLOW_ROLLBACK_REQUESTED ||
	       state == WORKFLOW_ROLLBACK_FAILED || state == WORKFLOW_COMPENSATION_REQUIRED;
}

static enum rc
ask_workflow(struct conforming *c, struct why *why)
{
	struct workflow_ask ask = {.wid = c->wid, .limit = SIZE_MAX};
	struct conform_finding *f = &c->findings[CONFORM_DESCRIPTOR];
	struct workflow_answer a;
	enum rc rc;

	if ((rc = answer_workflow(c->v, &ask, c->budget, &a, why)) != RC_OK)
		return rc;
	c->complete = c->complete && a.complete;
	for (size_t i = 0; i < a.row_count; i++)
		if (is_unresolved(a.rows[i].state))
			conform_find(c, CONFORM_FAILURES_RESOLVED, a.rows[i].index);
	if (a.descriptor_late && c->count > 0)
		conform_find(c, CONFORM_DESCRIPTOR, c->at[0]);
	for (size_t i = 0; i < DEVIATION_KINDS; i++)
		f->count += a.deviation_counts[i];
	for (size_t i = 0; i < a.deviation_count; i++)
		if (a.deviations[i].index < f->first)
			f->first = a.deviations[i].index;
	rests_on_64(c, a.rests_on, a.rests_on_count);
	return RC_OK;
}

static int
ascending(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Acts without their approval, but for those that have been undone since: the breach stays in the list of
 * approvals, and does not stand any more. */
static enum rc
find_unapproved(struct conforming *c, const struct approvals_answer *a, struct why *why)
{
	uint32_t *acts = arena_alloc(c->budget->arena, (a->guarded_count + 1) * sizeof(*acts));
	struct recovery_states states;
	enum rc rc;

	if (acts == NULL)
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the answer");
	for (size_t i = 0; i < a->guarded_count; i++)
		acts[i] = a->guarded[i].index;
	qsort(acts, a->guarded_count, sizeof(*acts), ascending);
	if ((rc = recovery_states(c->v, acts, a->guarded_count, c->budget, &states, why)) != RC_OK)
		return rc;
	c->complete = c->complete && states.complete;
	for (size_t i = 0; i < a->guarded_count; i++)
		if (states.state[i] != RECOVERY_ROLLED_BACK)
			conform_find(c, CONFORM_APPROVAL, acts[i]);
	rests_on_64(c, states.rests_on, states.rests_on_count);
	return RC_OK;
}

static enum rc
ask_approvals(struct conforming *c, struct why *why)
{
	struct approvals_question q = {
	    .in_workflow = true, .wid = c->wid, .guarded = GUARDED_STATES_BAD, .no_requests = true};
	struct approvals_answer a;
	enum rc rc;

	if ((rc = answer_approvals(c->v, &q, c->budget, &a, why)) != RC_OK)
		return rc;
	c->complete = c->complete && a.complete;
	if (a.guarded_count > 0 && (rc = find_unapproved(c, &a, why)) != RC_OK)
		return rc;
	rests_on_32(c, a.rests_on, a.rests_on_count);
	return RC_OK;
}

static bool
is_acknowledged(const struct override_item *o)
{
	for (size_t i = 0; i < o->ack_count; i++)
		if (o->acks[i].late || o->acks[i].state == ACK_STATE_MISSING)
			return false;
	return true;
}

static enum rc
ask_overrides(struct conforming *c, struct why *why)
{
	struct overrides_question q = {.in_workflow = true, .wid = c->wid, .listed_max = SIZE_MAX};
	struct overrides_answer a;
	enum rc rc;

	if ((rc = answer_overrides(c->v, &q, c->budget, &a, why)) != RC_OK)
		return rc;
	c->complete = c->complete && a.complete;
	for (size_t i = 0; i < a.count; i++) {
		const struct override_item *o = &a.items[i];

		if (o->state == OVERRIDE_VOID)
			continue;
		if (!is_acknowledged(o))
			conform_find(c, CONFORM_OVERRIDE_ACK, o->index);
		for (size_t k = 0; k < o->under_stop_count; k++)
			if (!o->under_stop[k].in_flight &&
			    fact(c->v, o->under_stop[k].index)->wid == c->wid)
				conform_find(c, CONFORM_UNDER_STOP, o->under_stop[k].index);
	}
	rests_on_32(c, a.rests_on, a.rests_on_count);
	return RC_OK;
}

/* A start cannot be undone, and can fail. */
static bool
tells_of_start(const struct conforming *c, uint32_t index)
{
	const struct fact *t = fact(c->v, index);

	for (unsigned i = 0; t->kind == KIND_FAILURE && i < t->parent_count; i++)
		if (fact(c->v, fact_parent(c->v, t, i))->kind == KIND_START)
			return true;
	return false;
}

/* A record with a flag broke a rule; the same request again is none. */
static void
find_flagged(struct conforming *c, uint32_t index, unsigned flags)
{
	flags &= ~(unsigned)RECOVERY_REPEAT;
	if (flags == RECOVERY_UNKNOWN_TARGET && tells_of_start(c, index))
		return;
	if (flags != 0)
		conform_find(c, CONFORM_RECOVERY, index);
}

static void
find_recovery(struct conforming *c, const struct recovery_list *a)
{
	for (size_t i = 0; i < a->request_count; i++) {
		const struct recovery_request_item *r = &a->requests[i];

		find_flagged(c, r->index, r->flags);
		for (size_t k = 0; k < r->result_count; k++)
			find_flagged(c, r->results[k].index, r->results[k].flags);
	}
	for (size_t i = 0; i < a->record_count; i++)
		find_flagged(c, a->records[i].index, a->records[i].flags);
}

static enum rc
ask_recovery(struct conforming *c, struct why *why)
{
	struct recovery_question q = {
	    .by_wid = true, .wid = c->wid, .limit = RECOVERY_PAGE_MAX, .tasks_from = FACTS_NONE};
	struct recovery_list a = {.next = 0};
	enum rc rc = RC_OK;

	while (rc == RC_OK && a.next != FACTS_NONE) {
		if ((rc = answer_recovery(c->v, &q, c->budget, &a, why)) != RC_OK)
			break;
		find_recovery(c, &a);
		rests_on_64(c, a.rests_on, a.rests_on_count);
		c->complete = c->complete && a.complete;
		if (!a.complete)
			break; /* the next page would read as much again */
		q.from = a.next;
	}
	return rc;
}

static enum rc
ask_translations(struct conforming *c, struct why *why)
{
	struct translation_ask q = {.by_workflow = true, .wid = c->wid, .limit = HOPS};
	struct translation_answer a;
	enum rc rc;

	do {
		if ((rc = answer_translations(c->v, &q, c->budget, &a, why)) != RC_OK)
			return rc;
		for (size_t i = 0; i < a.hop_count; i++)
			if (a.hops[i].flags != 0)
				conform_find(c, CONFORM_TRANSLATION, a.hops[i].index);
		rests_on_64(c, a.rests_on, a.rests_on_count);
		c->complete = c->complete && a.complete;
		q.from = a.next;
	} while (a.next != 0);
	return RC_OK;
}

enum rc
conform_others(struct conforming *c, struct why *why)
{
	enum rc rc;

	if ((rc = ask_workflow(c, why)) != RC_OK || (rc = ask_approvals(c, why)) != RC_OK)
		return rc;
	if ((rc = ask_overrides(c, why)) != RC_OK)
		return rc;
	if ((rc = ask_recovery(c, why)) != RC_OK)
		return rc;
	return ask_translations(c, why);
}
