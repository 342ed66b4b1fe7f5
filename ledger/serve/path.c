/*
 * path.c - Query/Path and Query/Common (reader thread): how two tasks hang together.
 */
#include "answer/path.h"

#include "serve/graph.h"

#define COMMON_USUAL 1000
#define COMMON_MOST  10000

/* ---- Path ---- */

struct path_ask {
	struct call *call;
	const Ectledger__V1__PathRequest *r;
	struct facts_view v;
	struct budget budget;
	uint32_t low, high, from;
};

/* A path goes upwards in the log, so it is its own list of nodes; a page of it. */
static enum rc
page_path(
    struct path_ask *a, const struct path_answer *p, struct provenance_answer *g, struct why *why)
{
	struct arena *arena = &a->call->arena;
	size_t limit = a->r->limit == 0 ? p->path_count : a->r->limit, first = 0;
	uint32_t home_low, home_high;

	while (first < p->path_count && p->path[first] < a->from)
		first++;
	g->node_total = p->path_count;
	g->edge_total = p->path_count == 0 ? 0 : p->path_count - 1;
	g->node_count = p->path_count - first < limit ? p->path_count - first : limit;
	g->nodes = arena_alloc(arena, (g->node_count + 1) * sizeof *g->nodes);
	g->edges = arena_alloc(arena, (g->node_count + 1) * sizeof *g->edges);
	if (g->nodes == NULL || g->edges == NULL)
		return graph_too_large(why);
	home_low = fact(&a->v, a->low)->wid;
	home_high = fact(&a->v, a->high)->wid;
	for (size_t i = 0; i < g->node_count; i++) {
		uint32_t at = p->path[first + i], wid = fact(&a->v, at)->wid, parent;

		g->nodes[i] = (struct provenance_node){
		    at, (uint32_t)(first + i), wid != home_low && wid != home_high};
		if (first + i == 0)
			continue;
		parent = p->path[first + i - 1];
		g->edges[g->edge_count++] =
		    (struct provenance_edge){parent, at, fact(&a->v, parent)->wid != wid};
	}
	if (first + g->node_count < p->path_count)
		g->next = p->path[first + g->node_count];
	g->rests_on = p->rests_on + first;
	g->rests_on_count = g->node_count;
	return RC_OK;
}

static enum rc
give_path(struct path_ask *a, const struct path_answer *p, const struct provenance_answer *g,
    struct why *why)
{
	Ectledger__V1__PathReply reply = ECTLEDGER__V1__PATH_REPLY__INIT;
	struct graph_out out;
	enum rc rc = graph_fill(&a->call->arena, &a->v, g, &out, why);

	if (rc != RC_OK)
		return rc;
	reply.ancestor_jti = pb_bytes(bytes_of(fact(&a->v, a->low)->jti, UUID_SIZE));
	reply.descendant_jti = pb_bytes(bytes_of(fact(&a->v, a->high)->jti, UUID_SIZE));
	reply.found = p->found;
	reply.tree_size = a->v.size;
	reply.complete = p->complete && g->complete;
	reply.length = p->path_count == 0 ? 0 : p->path_count - 1;
	reply.nodes = out.nodes;
	reply.n_nodes = g->node_count;
	reply.edges = out.edges;
	reply.n_edges = g->edge_count;
	reply.next = g->next;
	reply.node_total = g->node_total;
	reply.edge_total = g->edge_total;
	reply.rests_on = (uint64_t *)(uintptr_t)g->rests_on;
	reply.n_rests_on = g->rests_on_count;
	return call_reply(a->call, &reply.base, why);
}

static enum rc
find_ends(struct path_ask *a, struct why *why)
{
	struct call_id one = {a->r->jti, a->r->wid, a->r->any_wid, false, 0},
		       two = {a->r->to_jti, a->r->to_wid, a->r->to_any_wid, false, 0};
	uint32_t x = 0, y = 0;
	enum rc rc;

	if ((rc = graph_index(a->r->from, "from", &a->from, why)) != RC_OK ||
	    (rc = graph_task(&a->v, &one, &x, why)) != RC_OK ||
	    (rc = graph_task(&a->v, &two, &y, why)) != RC_OK)
		return rc;
	a->low = x < y ? x : y;
	a->high = x < y ? y : x;
	return RC_OK;
}

enum rc
path_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	struct path_ask a = {.call = call, .r = (const void *)request, .budget = call_budget(call)};
	struct provenance_answer g = {.complete = true};
	struct path_answer p;
	enum rc rc;

	if ((rc = call_facts(call, a.r->at, &a.v, why)) != RC_OK ||
	    (rc = find_ends(&a, why)) != RC_OK ||
	    (rc = answer_path(&a.v, a.low, a.high, &a.budget, &p, why)) != RC_OK)
		return rc;
	if (!a.r->all)
		rc = page_path(&a, &p, &g, why);
	else
		rc = answer_paths(&a.v, a.low, a.high, a.from, a.r->limit, &a.budget, &g, why);
	return rc == RC_OK ? give_path(&a, &p, &g, why) : rc;
}

/* ---- Common ---- */

static bool
set_nearest(struct arena *arena, const struct facts_view *v, const struct common_answer *c,
    Ectledger__V1__CommonReply *reply)
{
	Ectledger__V1__CommonAncestor *m = arena_alloc(arena, (c->nearest_count + 1) * sizeof *m);

	reply->nearest = arena_alloc(arena, (c->nearest_count + 1) * sizeof *reply->nearest);
	if (m == NULL || reply->nearest == NULL)
		return false;
	for (size_t i = 0; i < c->nearest_count; i++, m++) {
		const struct fact *t = fact(v, c->nearest[i].index);

		ectledger__v1__common_ancestor__init(m);
		m->jti = pb_bytes(bytes_of(t->jti, UUID_SIZE));
		m->wid = graph_wid(v, t);
		m->index = c->nearest[i].index;
		m->iss = graph_name(arena, v, FACTS_ISS, t->iss);
		m->act = graph_name(arena, v, FACTS_ACT, t->act);
		m->kind = pb_string(arena, bytes_str(fact_kind(v, c->nearest[i].index)->name));
		m->steps = c->nearest[i].steps_a;
		m->with_steps = c->nearest[i].steps_b;
		reply->nearest[i] = m;
		if (m->iss == NULL || m->act == NULL || m->kind == NULL)
			return false;
	}
	reply->n_nearest = c->nearest_count;
	return true;
}

enum rc
common_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__CommonRequest *r = (const void *)request;
	struct call_id one = {r->jti, r->wid, r->any_wid, false, 0},
		       two = {r->with_jti, r->with_wid, r->with_any_wid, false, 0};
	Ectledger__V1__CommonReply reply = ECTLEDGER__V1__COMMON_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct common_answer c;
	struct facts_view v;
	uint32_t a = 0, b = 0, below = 0;
	enum rc rc;

	if ((rc = call_facts(call, r->at, &v, why)) != RC_OK ||
	    (rc = graph_index(r->below, "below", &below, why)) != RC_OK ||
	    (rc = graph_task(&v, &one, &a, why)) != RC_OK ||
	    (rc = graph_task(&v, &two, &b, why)) != RC_OK)
		return rc;
	rc = answer_common(
	    &v, a, b, below, graph_limit(r->limit, COMMON_USUAL, COMMON_MOST), &budget, &c, why);
	if (rc != RC_OK)
		return rc;
	reply.jti = pb_bytes(bytes_of(fact(&v, a)->jti, UUID_SIZE));
	reply.with_jti = pb_bytes(bytes_of(fact(&v, b)->jti, UUID_SIZE));
	reply.tree_size = c.tree_size;
	reply.complete = c.complete;
	reply.common_total = c.common_total;
	reply.nearest_total = c.nearest_total;
	reply.next = c.next;
	reply.rests_on = (uint64_t *)(uintptr_t)c.rests_on;
	reply.n_rests_on = c.rests_count;
	if (!set_nearest(&call->arena, &v, &c, &reply))
		return graph_too_large(why);
	return call_reply(call, &reply.base, why);
}
