/*
 * circuit.c - Query/Circuit (reader thread): the circuit breaker of each pair of agents, recomputed from
 * outcomes.
 */
#include "answer/circuit.h"
#include "serve/oversight.h"

#define RECORD_MAX ((size_t)4 << 20)

static char *
state(enum circuit_code code)
{
	return (char *)(uintptr_t)circuit_text(code);
}

static void
fill_changes(struct filler *f, const struct circuit_edge *e, Ectledger__V1__CircuitEdge *m)
{
	size_t n = e->change_count;
	Ectledger__V1__CircuitChange *items = fill_alloc(f, (n + 1) * sizeof *items);

	m->changes = fill_alloc(f, (n + 1) * sizeof *m->changes);
	for (size_t i = 0; !f->bad && i < n; i++) {
		const struct circuit_change *c = &e->changes[i];
		Ectledger__V1__CircuitChange *x = m->changes[i] = &items[i];

		ectledger__v1__circuit_change__init(x);
		x->state = state(c->state);
		x->at_ms = c->at_ms;
		x->index = c->index == FACTS_NONE ? UINT64_MAX : c->index;
		x->bad = c->bad;
		x->calls = c->calls;
	}
	m->n_changes = n;
	m->change_total = e->change_total;
}

static void
fill_reports(struct filler *f, const struct circuit_edge *e, Ectledger__V1__CircuitEdge *m)
{
	size_t n = e->report_count;
	Ectledger__V1__CircuitReport *items = fill_alloc(f, (n + 1) * sizeof *items);

	m->reports = fill_alloc(f, (n + 1) * sizeof *m->reports);
	for (size_t i = 0; !f->bad && i < n; i++) {
		const struct circuit_report *r = &e->reports[i];
		Ectledger__V1__CircuitReport *x = m->reports[i] = &items[i];

		ectledger__v1__circuit_report__init(x);
		x->jti = fill_jti(f, r->index);
		x->index = r->index;
		x->iss = fill_iss(f, r->index);
		x->state = state(r->told);
		x->computed = state(r->computed);
		x->agrees = r->told == r->computed;
		x->by_caller = r->by_caller;
	}
	m->n_reports = n;
	m->report_total = e->report_total;
	m->disagree_total = e->disagree_total;
}

static void
fill_edges(struct filler *f, const struct circuit_answer *a, Ectledger__V1__CircuitReply *m)
{
	Ectledger__V1__CircuitEdge *items = fill_alloc(f, (a->edge_count + 1) * sizeof *items);

	m->edges = fill_alloc(f, (a->edge_count + 1) * sizeof *m->edges);
	for (size_t i = 0; !f->bad && i < a->edge_count; i++) {
		const struct circuit_edge *e = &a->edges[i];
		Ectledger__V1__CircuitEdge *x = m->edges[i] = &items[i];

		ectledger__v1__circuit_edge__init(x);
		x->from = fill_name(f, FACTS_ISS, e->from);
		x->to = fill_name(f, FACTS_ISS, e->to);
		x->state = state(e->state);
		x->since_ms = e->since_ms;
		x->bad = e->bad;
		x->calls = e->calls;
		x->calls_total = e->calls_total;
		x->bad_total = e->bad_total;
		x->self_reported = e->self_reported;
		x->third_party = e->third_party;
		x->while_open = e->while_open;
		fill_changes(f, e, x);
		fill_reports(f, e, x);
	}
	m->n_edges = a->edge_count;
}

static enum rc
read_issuer(
    const struct facts_view *v, const char *text, const char *what, uint32_t *out, struct why *why)
{
	*out = FACTS_NONE;
	if (text[0] == '\0')
		return RC_OK;
	*out = facts_number(v, FACTS_ISS, bytes_str(text));
	if (*out == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "lookup", what, 0,
		    "this agent signed nothing in a tree of %lu", (unsigned long)v->size);
	return RC_OK;
}

enum rc
circuit_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__CircuitRequest *r = (const void *)request;
	Ectledger__V1__CircuitReply reply = ECTLEDGER__V1__CIRCUIT_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct circuit_question q = {
	    .all = r->all, .limit = r->limit == 0 ? CIRCUIT_PAGE : r->limit, .after = r->after};
	struct circuit_answer a;
	struct facts_view v;
	struct arena record;
	struct filler f = {&v, &call->arena, &record, false};
	enum rc rc;

	if (q.limit > CIRCUIT_PAGE_MAX)
		return why_set(why, RC_BAD_REQUEST, "WIRE Circuit", "limit", 0,
		    "at most %u edges a page", CIRCUIT_PAGE_MAX);
	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = read_issuer(&v, r->from, "from", &q.from, why)) != RC_OK ||
	    (rc = read_issuer(&v, r->to, "to", &q.to, why)) != RC_OK ||
	    (rc = answer_circuit(&v, &q, &budget, &a, why)) != RC_OK)
		return rc;
	arena_init(&record, RECORD_MAX);
	reply.tree_size = a.tree_size;
	reply.complete = a.complete;
	fill_edges(&f, &a, &reply);
	reply.edge_total = a.edge_total;
	reply.open = a.open;
	reply.half_open = a.half_open;
	reply.stray_reports = a.strays;
	reply.next = a.next;
	reply.rests_on = a.rests_on;
	reply.n_rests_on = a.rests_on_count;
	rc = f.bad ? why_set(why, RC_TOO_LARGE, "query_bytes_max", NULL, 0,
			 "the answer is too large: ask with a smaller limit")
		   : call_reply(call, &reply.base, why);
	arena_release(&record);
	return rc;
}
