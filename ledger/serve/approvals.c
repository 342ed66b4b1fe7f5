/*
 * approvals.c - Query/Approvals (reader thread): what was asked of people, what they decided, and what
 * was done without them.
 */
#include <string.h>

#include "answer/approvals.h"
#include "serve/oversight.h"

#define RECORD_MAX ((size_t)4 << 20)

static void
fill_decision(
    struct filler *f, const struct approval_decision *d, Ectledger__V1__ApprovalDecision *m)
{
	ectledger__v1__approval_decision__init(m);
	m->jti = fill_jti(f, d->index);
	m->index = d->index;
	m->iss = fill_iss(f, d->index);
	m->decision = (char *)(uintptr_t)decision_text(d->code);
	m->effective = d->effective;
	m->flags = fill_flags(f, d->flags, APPROVAL_FLAG_BITS, approval_flag_text, &m->n_flags);
	m->reason = fill_ext_text(f, d->index, "reason");
}

static Ectledger__V1__ApprovalDecision **
fill_decisions(struct filler *f, const struct approval_decision *from, size_t count)
{
	Ectledger__V1__ApprovalDecision *items = fill_alloc(f, (count + 1) * sizeof(*items));
	Ectledger__V1__ApprovalDecision **list = fill_alloc(f, (count + 1) * sizeof(*list));

	for (size_t i = 0; !f->bad && i < count; i++) {
		list[i] = &items[i];
		fill_decision(f, &from[i], list[i]);
	}
	return list;
}

static Ectledger__V1__OversightTask **
fill_about(struct filler *f, uint32_t index, size_t *count)
{
	const struct fact *t = fact(f->v, index);
	Ectledger__V1__OversightTask **list = fill_alloc(f, (t->parent_count + 1u) * sizeof(*list));

	*count = t->parent_count;
	for (unsigned i = 0; !f->bad && i < t->parent_count; i++)
		list[i] = fill_task(f, fact_parent(f->v, t, i));
	return list;
}

static void
fill_request(struct filler *f, const struct approval_request *r, Ectledger__V1__ApprovalItem *m)
{
	ectledger__v1__approval_item__init(m);
	m->jti = fill_jti(f, r->index);
	m->wid = fill_wid(f, r->index);
	m->index = r->index;
	m->iss = fill_iss(f, r->index);
	m->rule = fill_text(f, r->rule);
	m->role = fill_text(f, r->role);
	m->state = (char *)(uintptr_t)approval_state_text(r->state);
	m->since_ms = r->since_ms;
	m->deadline_ms = r->deadline_ms;
	m->on_timeout = (char *)(uintptr_t)policy_timeout_text(r->on_timeout);
	m->uses = r->uses;
	m->used = r->used;
	m->flags = fill_flags(f, r->flags, APPROVAL_FLAG_BITS, approval_flag_text, &m->n_flags);
	m->inp_hash = pb_bytes(fact_hash(f->v, r->index, FACT_SIDE_INP));
	m->decision_jti = fill_jti(f, r->approval);
	m->about = fill_about(f, r->index, &m->n_about);
	m->decisions = fill_decisions(f, r->decisions, r->decision_count);
	m->n_decisions = r->decision_count;
	m->decisions_all = r->decisions_all;
}

static void
fill_guarded(struct filler *f, const struct approval_guarded *g, Ectledger__V1__GuardedItem *m)
{
	ectledger__v1__guarded_item__init(m);
	m->jti = fill_jti(f, g->index);
	m->wid = fill_wid(f, g->index);
	m->index = g->index;
	m->iss = fill_iss(f, g->index);
	m->act = fill_act(f, g->index);
	m->rule = fill_text(f, g->rule);
	m->role = fill_text(f, g->role);
	m->state = (char *)(uintptr_t)guarded_state_text(g->state);
	m->flags = fill_flags(f, g->flags, APPROVAL_FLAG_BITS, approval_flag_text, &m->n_flags);
	m->request_jti = fill_jti(f, g->request);
	m->decision_jti = fill_jti(f, g->decision);
}

static void
fill_reply(struct filler *f, const struct approvals_answer *a, Ectledger__V1__ApprovalsReply *m)
{
	Ectledger__V1__ApprovalItem *requests =
	    fill_alloc(f, (a->request_count + 1) * sizeof(*requests));
	Ectledger__V1__GuardedItem *guarded =
	    fill_alloc(f, (a->guarded_count + 1) * sizeof(*guarded));

	m->tree_size = a->tree_size;
	m->complete = a->complete;
	m->next = a->next;
	m->requests = fill_alloc(f, (a->request_count + 1) * sizeof(*m->requests));
	m->guarded = fill_alloc(f, (a->guarded_count + 1) * sizeof(*m->guarded));
	for (size_t i = 0; !f->bad && i < a->request_count; i++) {
		m->requests[i] = &requests[i];
		fill_request(f, &a->requests[i], m->requests[i]);
	}
	for (size_t i = 0; !f->bad && i < a->guarded_count; i++) {
		m->guarded[i] = &guarded[i];
		fill_guarded(f, &a->guarded[i], m->guarded[i]);
	}
	m->n_requests = a->request_count;
	m->n_guarded = a->guarded_count;
	m->strays = fill_decisions(f, a->strays, a->stray_count);
	m->n_strays = a->stray_count;
	m->rests_on = fill_rests_on(f, a->rests_on, a->rests_on_count);
	m->n_rests_on = a->rests_on_count;
}

/* ---- the question ---- */

static enum rc
read_states(const Ectledger__V1__ApprovalsRequest *r, struct approvals_question *q, struct why *why)
{
	for (size_t i = 0; i < r->n_states; i++) {
		unsigned s = 0;

		while (s < APPROVAL_STATES &&
		       strcmp(r->states[i], approval_state_text((enum approval_state)s)) != 0)
			s++;
		if (s == APPROVAL_STATES)
			return why_set(why, RC_BAD_REQUEST, "WIRE Approvals", "states", i,
			    "no state of a request is called that");
		q->states |= UINT32_C(1) << s;
	}
	if (r->open)
		q->states |= APPROVAL_STATES_OPEN;
	if (r->missing && q->states != 0)
		return why_set(why, RC_BAD_REQUEST, "WIRE Approvals", "missing", 0,
		    "states are of requests, and missing is of tasks: one of the two");
	q->no_guarded = q->states != 0;
	q->no_requests = r->missing;
	if (r->missing)
		q->guarded = GUARDED_STATES_BAD;
	return RC_OK;
}

static enum rc
read_question(const struct facts_view *v, const Ectledger__V1__ApprovalsRequest *r,
    struct approvals_question *q, struct why *why)
{
	uint32_t index;
	enum rc rc = read_states(r, q, why);

	if (rc != RC_OK)
		return rc;
	if ((rc = oversight_wid(v, r->wid, r->no_wid, &q->in_workflow, &q->wid, why)) != RC_OK)
		return rc;
	q->limit = oversight_limit(r->limit);
	q->below = r->below > v->size ? v->size : (uint32_t)r->below;
	if (r->jti.len == 0)
		return RC_OK;
	if (r->below != 0 || q->states != 0 || r->missing)
		return why_set(
		    why, RC_BAD_REQUEST, "WIRE Approvals", "jti", 0, "a request's id stands alone");
	if ((rc = oversight_find(
		 v, r->jti, q->in_workflow, q->wid, KIND_HITL_REQUEST, &index, why)) != RC_OK)
		return rc;
	q->below = index + 1;
	q->limit = 1;
	return RC_OK;
}

enum rc
approvals_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__ApprovalsRequest *r = (const void *)request;
	Ectledger__V1__ApprovalsReply reply = ECTLEDGER__V1__APPROVALS_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct approvals_question q = {0};
	struct approvals_answer a;
	struct facts_view v;
	struct arena record;
	struct filler f = {&v, &call->arena, &record, false};
	enum rc rc;

	arena_init(&record, RECORD_MAX);
	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = read_question(&v, r, &q, why)) != RC_OK ||
	    (rc = answer_approvals(&v, &q, &budget, &a, why)) != RC_OK)
		goto out;
	if (r->jti.len != 0) {
		a.complete = true;
		a.next = 0;
	}
	fill_reply(&f, &a, &reply);
	rc = f.bad ? why_set(why, RC_TOO_LARGE, "query_bytes_max", NULL, 0,
			 "the answer is too large: ask with a smaller limit")
		   : call_reply(call, &reply.base, why);
out:
	arena_release(&record);
	return rc;
}
