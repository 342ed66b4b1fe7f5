/*
 * approval_guard.c - was what a rule guards done with an approval that holds?
 *
 * A task shows its approval by resting on it.  One that rests on neither decision nor request is
 * missing its approval; what is said of it then looks at the newest request of its workflow that
 * shares a predecessor with it, so that "was asked, was denied, was done all the same" is seen.
 */
#include <stdlib.h>

#include "answer/approvals_own.h"

/* ---- requests by what they rest on ---- */

static bool
pair_add(struct approvals *a, struct pair pair)
{
	if (a->pair_count == a->pair_room) {
		size_t room = a->pair_room == 0 ? 64 : a->pair_room * 2;
		struct pair *p = arena_alloc(&a->scratch, room * sizeof(*p));

		if (p == NULL) {
			a->meter.no_memory = true;
			return false;
		}
		for (size_t i = 0; i < a->pair_count; i++)
			p[i] = a->pairs[i];
		a->pairs = p;
		a->pair_room = room;
	}
	a->pairs[a->pair_count++] = pair;
	return true;
}

static int
by_parent_request(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	if (a->wid != b->wid)
		return a->wid < b->wid ? -1 : 1;
	return (a->request > b->request) - (a->request < b->request);
}

static bool
pairs_make(struct approvals *a)
{
	uint32_t r = facts_kind_last(a->v, KIND_HITL_REQUEST);

	for (; r != FACTS_NONE; r = facts_kind_before(a->v, r)) {
		const struct fact *t = fact(a->v, r);

		if (!meter_spend(&a->meter))
			return false;
		if (!fact_is_task(t) || (a->q->in_workflow && t->wid != a->q->wid))
			continue;
		for (unsigned i = 0; i < t->parent_count; i++)
			if (!pair_add(a, (struct pair){fact_parent(a->v, t, i), t->wid, r}))
				return false;
	}
	if (a->pair_count > 0)
		qsort(a->pairs, a->pair_count, sizeof(*a->pairs), by_parent_request);
	a->paired = true;
	return true;
}

/* The newest request of the task's workflow below it that rests on 'parent'; FACTS_NONE. */
static uint32_t
pair_find(const struct approvals *a, uint32_t parent, uint32_t task)
{
	struct pair want = {parent, fact(a->v, task)->wid, task};
	size_t low = 0, high = a->pair_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_parent_request(&a->pairs[middle], &want) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || a->pairs[low - 1].parent != parent || a->pairs[low - 1].wid != want.wid)
		return FACTS_NONE;
	return a->pairs[low - 1].request;
}

/* ---- one task ---- */

static uint32_t
although(enum approval_state state)
{
	switch (state) {
	case APPROVAL_REQUESTED:
		return APPROVAL_ALTHOUGH_REQUESTED;
	case APPROVAL_ESCALATED:
		return APPROVAL_ALTHOUGH_ESCALATED;
	case APPROVAL_DENIED:
		return APPROVAL_ALTHOUGH_DENIED;
	case APPROVAL_EXPIRED:
		return APPROVAL_ALTHOUGH_EXPIRED;
	case APPROVAL_WITHDRAWN:
		return APPROVAL_ALTHOUGH_WITHDRAWN;
	case APPROVAL_REVOKED:
		return APPROVAL_ALTHOUGH_REVOKED;
	default:
		return 0;
	}
}

static uint32_t
decision_flags(const struct approval_life *l, uint32_t decision)
{
	size_t low = 0, high = l->r.decision_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->r.decisions[middle].index < decision)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->r.decision_count ? l->r.decisions[low].flags & approval_voids() : 0;
}

/* Why the request's approval does not hold for the task; 0: it does. */
static uint32_t
judge_use(
    const struct approvals *a, const struct approval_life *l, uint32_t decision, uint32_t task)
{
	const struct fact *t = fact(a->v, task);
	uint32_t flags;

	if (!l->known_rule)
		return APPROVAL_UNKNOWN_RULE;
	if (l->r.approval != decision) {
		flags = decision_flags(l, decision) | although(approval_state_at(a, l, task));
		return flags != 0 ? flags : APPROVAL_APPROVAL_MISSING;
	}
	if (t->iss == fact(a->v, decision)->iss)
		return APPROVAL_APPROVES_OWN_TASK;
	if (l->revoked != FACTS_NONE && l->revoked < task)
		return APPROVAL_ALTHOUGH_REVOKED;
	return l->last_use != FACTS_NONE && task > l->last_use ? APPROVAL_USED_TWICE : 0;
}

/* The task rests on a decision. */
static bool
by_decision(struct approvals *a, uint32_t task, uint32_t decision, struct approval_guarded *out)
{
	bool several;
	uint32_t request = approval_request_of(a, decision, &several), flags;
	const struct approval_life *l;

	if (request == FACTS_NONE) {
		flags = APPROVAL_NOT_ON_REQUEST;
	} else {
		if ((l = approval_life(a, request)) == NULL)
			return false;
		flags = bytes_eq(l->r.rule, out->rule) ? judge_use(a, l, decision, task)
						       : (uint32_t)APPROVAL_OTHER_RULE;
	}
	if (flags == 0) {
		out->state = GUARDED_OK;
		out->flags = 0;
	} else {
		out->state = GUARDED_VOID;
		out->flags |= flags;
	}
	if (flags == 0 || out->decision == FACTS_NONE) {
		out->decision = decision;
		out->request = request;
	}
	return true;
}

/* The task rests on the request itself: fine only when the time was over and the rule lets it go on. */
static bool
by_request(struct approvals *a, uint32_t task, uint32_t request, struct approval_guarded *out)
{
	const struct approval_life *l = approval_life(a, request);
	enum approval_state state;
	uint32_t flags;

	if (l == NULL)
		return false;
	if (!bytes_eq(l->r.rule, out->rule))
		return true;
	state = approval_state_at(a, l, task);
	if (l->known_rule && state == APPROVAL_EXPIRED && l->r.on_timeout == TIMEOUT_PROCEED) {
		out->state = GUARDED_PROCEEDED;
		out->request = request;
		out->decision = FACTS_NONE;
		out->flags = 0;
		return true;
	}
	flags = l->known_rule ? although(state) : (uint32_t)APPROVAL_UNKNOWN_RULE;
	out->state = GUARDED_VOID;
	out->flags |= flags != 0 ? flags : (uint32_t)APPROVAL_APPROVAL_MISSING;
	if (out->request == FACTS_NONE && out->decision == FACTS_NONE)
		out->request = request;
	return true;
}

/* It rests on nothing that decides: what had been asked for? */
static bool
by_neighbours(struct approvals *a, uint32_t task, struct approval_guarded *out)
{
	const struct fact *t = fact(a->v, task);

	out->state = GUARDED_MISSING;
	out->flags |= APPROVAL_APPROVAL_MISSING;
	if (!a->paired && !pairs_make(a))
		return false;
	for (unsigned i = 0; i < t->parent_count; i++) {
		uint32_t request = pair_find(a, fact_parent(a->v, t, i), task);
		const struct approval_life *l;

		if (request == FACTS_NONE)
			continue;
		if ((l = approval_life(a, request)) == NULL)
			return false;
		if (!bytes_eq(l->r.rule, out->rule))
			continue;
		out->flags |= although(approval_state_at(a, l, task));
		if (out->request == FACTS_NONE)
			out->request = request;
	}
	return true;
}

static bool
settled(const struct approval_guarded *out)
{
	return out->state == GUARDED_OK || out->state == GUARDED_PROCEEDED;
}

bool
approval_guarded(struct approvals *a, uint32_t task, struct approval_guarded *out)
{
	const struct fact *t = fact(a->v, task);
	const struct policy_rule *rule = &fact_doc(a->v, task)->rules[t->guard - 1];
	bool found = false;

	*out = (struct approval_guarded){.index = task,
	    .state = GUARDED_MISSING,
	    .rule = bytes_str(rule->id),
	    .role = rule->role == NULL ? BYTES_NONE : bytes_str(rule->role),
	    .request = FACTS_NONE,
	    .decision = FACTS_NONE};
	for (unsigned i = 0; i < t->parent_count && out->state != GUARDED_OK; i++) {
		uint32_t p = fact_parent(a->v, t, i);

		if (!meter_spend(&a->meter))
			return false;
		if (fact(a->v, p)->kind != KIND_HITL_DECISION)
			continue;
		found = true;
		if (!by_decision(a, task, p, out))
			return false;
	}
	for (unsigned i = 0; i < t->parent_count && !settled(out); i++) {
		uint32_t p = fact_parent(a->v, t, i);

		if (fact(a->v, p)->kind == KIND_HITL_REQUEST && !by_request(a, task, p, out))
			return false;
	}
	found = found || out->state != GUARDED_MISSING;
	if (!found && !by_neighbours(a, task, out))
		return false;
	if (t->flags & FACT_BREACH)
		out->flags |= APPROVAL_KIND_BREACH;
	return true;
}
