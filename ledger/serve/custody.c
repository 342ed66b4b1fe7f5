/*
 * custody.c - Query/Custody (reader thread): through which trust domains a task's work came, and where it
 * passed from one to another.
 */
#include "answer/custody.h"

#include "serve/graph.h"

#define CUSTODY_USUAL 1000
#define CUSTODY_MOST  10000

static char *
domain_text(struct arena *arena, const struct facts_view *v, uint32_t domain)
{
	return graph_name(arena, v, FACTS_DOMAIN, domain);
}

static bool
set_domains(struct arena *arena, const struct facts_view *v, const struct custody_answer *c,
    Ectledger__V1__CustodyReply *reply)
{
	Ectledger__V1__CustodyDomain *m = arena_alloc(arena, (c->domain_count + 1) * sizeof *m);

	reply->domains = arena_alloc(arena, (c->domain_count + 1) * sizeof *reply->domains);
	if (m == NULL || reply->domains == NULL)
		return false;
	for (size_t i = 0; i < c->domain_count; i++, m++) {
		const struct custody_domain *d = &c->domains[i];

		ectledger__v1__custody_domain__init(m);
		m->domain = domain_text(arena, v, d->domain);
		m->first_jti = pb_bytes(bytes_of(fact(v, d->first)->jti, UUID_SIZE));
		m->first_index = d->first;
		m->tasks = d->tasks;
		m->agents = d->agents;
		reply->domains[i] = m;
		if (m->domain == NULL)
			return false;
	}
	reply->n_domains = c->domain_count;
	return true;
}

static bool
set_handover(struct arena *arena, const struct facts_view *v, const struct custody_handover *h,
    Ectledger__V1__CustodyHandover *m)
{
	const struct fact *from = fact(v, h->parent), *to = fact(v, h->child);

	ectledger__v1__custody_handover__init(m);
	m->parent_index = h->parent;
	m->parent_jti = pb_bytes(bytes_of(from->jti, UUID_SIZE));
	m->from_iss = graph_name(arena, v, FACTS_ISS, from->iss);
	m->from_domain = domain_text(arena, v, facts_domain(v, from->iss));
	m->child_index = h->child;
	m->child_jti = pb_bytes(bytes_of(to->jti, UUID_SIZE));
	m->to_iss = graph_name(arena, v, FACTS_ISS, to->iss);
	m->to_domain = domain_text(arena, v, facts_domain(v, to->iss));
	m->foreign = from->wid != to->wid;
	return m->from_iss != NULL && m->from_domain != NULL && m->to_iss != NULL &&
	       m->to_domain != NULL;
}

static bool
set_handovers(struct arena *arena, const struct facts_view *v, const struct custody_answer *c,
    Ectledger__V1__CustodyReply *reply)
{
	Ectledger__V1__CustodyHandover *m = arena_alloc(arena, (c->handover_count + 1) * sizeof *m);

	reply->handovers = arena_alloc(arena, (c->handover_count + 1) * sizeof *reply->handovers);
	if (m == NULL || reply->handovers == NULL)
		return false;
	for (size_t i = 0; i < c->handover_count; i++, m++) {
		if (!set_handover(arena, v, &c->handovers[i], m))
			return false;
		reply->handovers[i] = m;
	}
	reply->n_handovers = c->handover_count;
	return true;
}

enum rc
custody_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__CustodyRequest *r = (const void *)request;
	struct call_id id = {r->jti, r->wid, r->any_wid, false, 0};
	Ectledger__V1__CustodyReply reply = ECTLEDGER__V1__CUSTODY_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct custody_answer c;
	struct facts_view v;
	uint32_t task = 0, from = 0;
	enum rc rc;

	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = graph_index(r->from, "from", &from, why)) != RC_OK ||
	    (rc = graph_task(&v, &id, &task, why)) != RC_OK)
		return rc;
	rc = answer_custody(
	    &v, task, from, graph_limit(r->limit, CUSTODY_USUAL, CUSTODY_MOST), &budget, &c, why);
	if (rc != RC_OK)
		return rc;
	reply.jti = pb_bytes(bytes_of(fact(&v, task)->jti, UUID_SIZE));
	reply.tree_size = c.tree_size;
	reply.complete = c.complete;
	reply.tasks = c.tasks;
	reply.domain_total = c.domain_total;
	reply.handover_total = c.handover_total;
	reply.next = c.next;
	reply.rests_on = (uint64_t *)(uintptr_t)c.rests_on;
	reply.n_rests_on = c.rests_on_count;
	if (!set_domains(&call->arena, &v, &c, &reply) ||
	    !set_handovers(&call->arena, &v, &c, &reply))
		return graph_too_large(why);
	return call_reply(call, &reply.base, why);
}
