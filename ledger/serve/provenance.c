/*
 * provenance.c - Query/Provenance (reader thread): what led to a task or a hash, or with 'down'
 * what came of it.
 */
#include <string.h>

#include "serve/call.h"

/* The tasks asked about: one by id, or every task with that input or output hash. */
static enum rc
find_roots(struct call *call, const Ectledger__V1__ProvenanceRequest *r, struct query_view *v,
    const struct budget *budget, uint64_t **roots, size_t *count, bool *complete,
    struct why *why)
{
	struct call_id id = {r->jti, r->wid, r->any_wid, false, 0};
	struct claim_hash hash = {0};
	struct query_id q;
	enum rc rc;

	*complete = true;
	if (r->hash.len == 0) {
		if ((rc = call_read_id(&id, &q, why)) != RC_OK)
			return rc;
		if ((*roots = arena_alloc(&call->arena, sizeof **roots)) == NULL)
			return RC_NO_MEMORY;
		*count = 1;
		return query_resolve(v, &q, *roots, why);
	}
	if (r->jti.len || r->wid.len || r->any_wid)
		return why_set(why, RC_BAD_REQUEST, "WIRE Provenance", "hash", 0,
		    "a hash stands instead of an id");
	if (r->hash.len != 32 && r->hash.len != 48 && r->hash.len != 64)
		return why_set(why, RC_BAD_REQUEST, "WIRE Provenance", "hash", 0,
		    "a hash has 32, 48 or 64 bytes");
	hash.alg = r->hash.len == 32   ? CLAIM_SHA256
		   : r->hash.len == 48 ? CLAIM_SHA384
				       : CLAIM_SHA512;
	hash.size = (uint8_t)r->hash.len;
	memcpy(hash.b, r->hash.data, r->hash.len);
	if ((rc = query_by_hash(v, &hash, budget, roots, count, complete, why)) != RC_OK)
		return rc;
	if (*count == 0)
		return why_set(why, RC_NOT_FOUND, "hash", "hash", 0, "no task has that hash");
	return RC_OK;
}

static bool
set_nodes(struct arena *arena, const struct query_graph *g, Ectledger__V1__ProvenanceReply *reply)
{
	Ectledger__V1__GraphNode *nodes = arena_alloc(arena, (g->node_count + 1) * sizeof *nodes);
	Ectledger__V1__GraphNode **list = arena_alloc(arena, (g->node_count + 1) * sizeof *list);

	if (nodes == NULL || list == NULL)
		return false;
	for (size_t i = 0; i < g->node_count; i++) {
		const struct query_node *n = &g->nodes[i];
		Ectledger__V1__GraphNode *m = &nodes[i];

		ectledger__v1__graph_node__init(m);
		m->jti = pb_bytes(bytes_of(n->jti, UUID_SIZE));
		if (n->has_wid)
			m->wid = pb_bytes(bytes_of(n->wid, UUID_SIZE));
		m->index = n->index;
		m->iss = pb_string(arena, n->iss);
		m->act = pb_string(arena, n->act);
		m->node_kind = pb_string(arena, bytes_str(n->kind));
		m->depth = n->depth;
		m->foreign = n->foreign;
		m->chain_level = pb_string(arena, bytes_str(token_level_name(n->chain_level)));
		list[i] = m;
		if (m->chain_level == NULL || m->iss == NULL || m->act == NULL || m->node_kind == NULL)
			return false;
	}
	reply->nodes = list;
	reply->n_nodes = g->node_count;
	return true;
}

static bool
set_edges(struct arena *arena, const struct query_graph *g, Ectledger__V1__ProvenanceReply *reply)
{
	Ectledger__V1__GraphEdge *edges = arena_alloc(arena, (g->edge_count + 1) * sizeof *edges);
	Ectledger__V1__GraphEdge **list = arena_alloc(arena, (g->edge_count + 1) * sizeof *list);

	if (edges == NULL || list == NULL)
		return false;
	for (size_t i = 0; i < g->edge_count; i++) {
		ectledger__v1__graph_edge__init(&edges[i]);
		edges[i].parent_index = g->edges[i].parent;
		edges[i].child_index = g->edges[i].child;
		list[i] = &edges[i];
	}
	reply->edges = list;
	reply->n_edges = g->edge_count;
	return true;
}

enum rc
provenance_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__ProvenanceRequest *r = (const void *)request;
	Ectledger__V1__ProvenanceReply reply = ECTLEDGER__V1__PROVENANCE_REPLY__INIT;
	struct budget budget = call_budget(call);
	struct query_view *v = NULL;
	struct query_graph g = {0};
	uint64_t *roots = NULL;
	size_t count = 0;
	bool all;
	enum rc rc;

	if ((rc = call_view(call, r->at, &v, why)) != RC_OK)
		goto out;
	if ((rc = find_roots(call, r, v, &budget, &roots, &count, &all, why)) != RC_OK)
		goto out;
	rc = query_provenance(v, roots, count, r->down, r->depth, &budget, &g, why);
	if (rc != RC_OK)
		goto out;
	for (size_t i = 0; i < g.node_count; i++)
		if (g.nodes[i].index == roots[0])
			reply.root_jti = pb_bytes(bytes_of(g.nodes[i].jti, UUID_SIZE));
	reply.down = g.down;
	reply.tree_size = g.tree_size;
	reply.complete = g.complete && all;
	if (!set_nodes(&call->arena, &g, &reply) || !set_edges(&call->arena, &g, &reply))
		rc = why_set(why, RC_TOO_LARGE, "query_bytes_max", NULL, 0,
		    "the answer is too large: ask with a depth");
	else
		rc = call_reply(call, &reply.base, why);

out:
	if (v != NULL)
		query_view_end(v);
	return rc;
}
