/*
 * explanations.c - Query/Explanations (reader thread): what was recorded to say why a task was done.
 */
#include "answer/explain.h"
#include "serve/graph.h"
#include "serve/oversight.h"

static void
fill_reply(struct filler *f, const struct explain_answer *a, Ectledger__V1__ExplanationsReply *m)
{
	Ectledger__V1__ExplanationItem *items = fill_alloc(f, (a->count + 1) * sizeof(*items));

	m->tree_size = a->tree_size;
	m->complete = a->complete;
	m->next = a->next;
	m->explanations = fill_alloc(f, (a->count + 1) * sizeof(*m->explanations));
	for (size_t i = 0; !f->bad && i < a->count; i++) {
		const struct explanation *e = &a->list[i];
		Ectledger__V1__ExplanationItem *o = m->explanations[i] = &items[i];

		ectledger__v1__explanation_item__init(o);
		o->jti = fill_jti(f, e->index);
		o->wid = fill_wid(f, e->index);
		o->index = e->index;
		o->iss = fill_iss(f, e->index);
		o->summary_hash = pb_bytes(e->summary_hash);
		o->vac_json = pb_bytes(e->vac);
	}
	m->n_explanations = a->count;
	m->rests_on = fill_rests_on(f, a->rests_on, a->rests_on_count);
	m->n_rests_on = a->rests_on_count;
}

enum rc
explanations_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__ExplanationsRequest *r = (const void *)request;
	struct call_id id = {r->jti, r->wid, r->any_wid, false, 0};
	Ectledger__V1__ExplanationsReply reply = ECTLEDGER__V1__EXPLANATIONS_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct explain_answer a;
	struct facts_view v;
	struct filler f = {&v, &call->arena, NULL, false};
	uint32_t task = 0, above = 0;
	enum rc rc;

	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = graph_task(&v, &id, &task, why)) != RC_OK ||
	    (rc = graph_index(r->above, "above", &above, why)) != RC_OK ||
	    (rc = answer_explain(&v, task, above, OVERSIGHT_PAGE, &budget, &a, why)) != RC_OK)
		return rc;
	reply.task = fill_task(&f, task);
	fill_reply(&f, &a, &reply);
	if (f.bad)
		return why_set(
		    why, RC_TOO_LARGE, "query_bytes_max", NULL, 0, "the answer is too large");
	return call_reply(call, &reply.base, why);
}
