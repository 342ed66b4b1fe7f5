/*
 * provenance.c - Query/Provenance (reader thread): what led to a task, to a hash or to an agent's work, or
 * with 'down' what came of it.
 *
 * The graph is of the facts.  Hashes of plain tasks are not among them: which tasks have a hash is looked up
 * in the index, and 'with_hashes' reads the page's entries.
 */
#include <string.h>

#include "answer/recovery.h"
#include "serve/graph.h"

#define ENTRY_ARENA ((size_t)1 << 20)
#define LATE_EVERY  64

struct ask {
	struct call *call;
	const Ectledger__V1__ProvenanceRequest *r;
	struct facts_view v;
	struct query_view *entries; /* opened where it is needed */
	struct budget budget;
	struct provenance_ask question;
	bool all; /* tasks of a hash: all were looked at */
};

static enum rc
open_entries(struct ask *a, struct why *why)
{
	if (a->entries != NULL || a->v.size == 0)
		return RC_OK;
	return call_view(a->call, a->v.size, &a->entries, why);
}

/* ---- what is asked about ---- */

static enum rc
hash_roots(struct ask *a, struct why *why)
{
	struct budget reading = call_entries_budget(a->call);
	struct claim_hash hash = {.size = (uint8_t)a->r->hash.len};
	uint64_t *found = NULL;
	uint32_t *roots;
	size_t count = 0;
	enum rc rc;

	if (a->r->hash.len != 32 && a->r->hash.len != 48 && a->r->hash.len != 64)
		return why_set(why, RC_BAD_REQUEST, "WIRE Provenance", "hash", 0,
		    "a hash has 32, 48 or 64 bytes");
	hash.alg = hash.size == 32 ? CLAIM_SHA256 : hash.size == 48 ? CLAIM_SHA384 : CLAIM_SHA512;
	memcpy(hash.b, a->r->hash.data, hash.size);
	if ((rc = open_entries(a, why)) != RC_OK)
		return rc;
	if (a->entries != NULL && (rc = query_by_hash(a->entries, &hash, &reading, &found, &count,
				       &a->all, why)) != RC_OK)
		return rc;
	if (count == 0)
		return why_set(why, RC_NOT_FOUND, "hash", "hash", 0, "no task has that hash");
	if ((roots = arena_alloc(&a->call->arena, count * sizeof *roots)) == NULL)
		return graph_too_large(why);
	for (size_t i = 0; i < count; i++)
		roots[i] = (uint32_t)found[i];
	a->question.roots = roots;
	a->question.root_count = count;
	return RC_OK;
}

static enum rc
agent_roots(struct ask *a, struct why *why)
{
	a->question.iss = facts_number(&a->v, FACTS_ISS, bytes_str(a->r->iss));
	if (a->question.iss == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "lookup", "iss", 0,
		    "nobody of that name has signed anything in a tree of %lu",
		    (unsigned long)a->v.size);
	return RC_OK;
}

static enum rc
task_root(struct ask *a, struct why *why)
{
	struct call_id id = {a->r->jti, a->r->wid, a->r->any_wid, false, 0};
	uint32_t *root = arena_alloc(&a->call->arena, sizeof *root);

	if (root == NULL)
		return graph_too_large(why);
	a->question.roots = root;
	a->question.root_count = 1;
	return graph_task(&a->v, &id, root, why);
}

static enum rc
read_question(struct ask *a, struct why *why)
{
	const Ectledger__V1__ProvenanceRequest *r = a->r;
	bool by_id = r->jti.len || r->wid.len || r->any_wid;
	enum rc rc = graph_index(r->from, "from", &a->question.from, why);

	if (rc != RC_OK)
		return rc;
	if (by_id + (r->hash.len != 0) + (r->iss[0] != '\0') > 1)
		return why_set(why, RC_BAD_REQUEST, "WIRE Provenance", "jti", 0,
		    "an id, a hash or an agent: one of the three");
	a->question.iss = FACTS_NONE;
	a->question.down = r->down;
	a->question.depth_max = r->depth;
	a->question.limit = r->limit;
	if (r->hash.len != 0)
		return hash_roots(a, why);
	return r->iss[0] != '\0' ? agent_roots(a, why) : task_root(a, why);
}

/* ---- hashes of the page ---- */

static bool
set_hash(struct arena *arena, const struct claim_hash *from, ProtobufCBinaryData *to)
{
	struct bytes kept = BYTES_NONE;

	if (from->alg != CLAIM_HASH_NONE && !arena_dup(arena, bytes_of(from->b, from->size), &kept))
		return false;
	*to = pb_bytes(kept);
	return true;
}

/* '*complete' becomes false when the time is over before all were read. */
static enum rc
read_hashes(
    struct ask *a, Ectledger__V1__GraphNode **nodes, size_t count, bool *complete, struct why *why)
{
	struct query_entry e;
	struct arena scratch;
	enum rc rc = open_entries(a, why);

	arena_init(&scratch, ENTRY_ARENA);
	for (size_t i = 0; i < count && rc == RC_OK; i++) {
		if (i % LATE_EVERY == 0 && budget_late(&a->budget)) {
			*complete = false;
			break;
		}
		if ((fact(&a->v, (uint32_t)nodes[i]->index)->flags & (FACT_INP | FACT_OUT)) == 0)
			continue;
		arena_reset(&scratch);
		rc = query_entry(a->entries, nodes[i]->index, &scratch, &e, why);
		if (rc == RC_OK &&
		    (!set_hash(&a->call->arena, &e.claim.inp_hash, &nodes[i]->inp_hash) ||
			!set_hash(&a->call->arena, &e.claim.out_hash, &nodes[i]->out_hash)))
			rc = graph_too_large(why);
	}
	arena_release(&scratch);
	return rc;
}

/* Which of them were rolled back, by which record. */
static enum rc
read_undone(struct ask *a, const struct provenance_answer *g, Ectledger__V1__GraphNode **nodes,
    bool *complete, struct why *why)
{
	uint32_t *tasks = arena_alloc(&a->call->arena, (g->node_count + 1) * sizeof *tasks);
	struct recovery_states states;
	enum rc rc;

	if (tasks == NULL)
		return graph_too_large(why);
	for (size_t i = 0; i < g->node_count; i++)
		tasks[i] = g->nodes[i].index;
	if ((rc = recovery_states(&a->v, tasks, g->node_count, &a->budget, &states, why)) != RC_OK)
		return rc;
	*complete = *complete && states.complete;
	for (size_t i = 0; i < g->node_count; i++) {
		if (states.state[i] != RECOVERY_ROLLED_BACK || states.by[i] == FACTS_NONE)
			continue;
		nodes[i]->undone = true;
		nodes[i]->undone_by_index = states.by[i];
		nodes[i]->undone_by_jti =
		    pb_bytes(bytes_of(fact(&a->v, states.by[i])->jti, UUID_SIZE));
	}
	return RC_OK;
}

/* ---- the answer ---- */

static enum rc
give(struct ask *a, const struct provenance_answer *g, struct why *why)
{
	Ectledger__V1__ProvenanceReply reply = ECTLEDGER__V1__PROVENANCE_REPLY__INIT;
	bool complete = g->complete && a->all;
	struct graph_out out;
	enum rc rc = graph_fill(&a->call->arena, &a->v, g, &out, why);

	if (rc == RC_OK && a->r->with_hashes)
		rc = read_hashes(a, out.nodes, g->node_count, &complete, why);
	if (rc == RC_OK && a->r->with_hashes)
		rc = read_undone(a, g, out.nodes, &complete, why);
	if (rc != RC_OK)
		return rc;
	if (a->question.root_count > 0)
		reply.root_jti =
		    pb_bytes(bytes_of(fact(&a->v, a->question.roots[0])->jti, UUID_SIZE));
	reply.iss = a->r->iss;
	reply.down = a->r->down;
	reply.tree_size = g->tree_size;
	reply.complete = complete;
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

enum rc
provenance_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	struct ask a = {
	    .call = call, .r = (const void *)request, .budget = call_budget(call), .all = true};
	struct provenance_answer g;
	enum rc rc;

	if ((rc = call_facts(call, a.r->at, &a.v, why)) == RC_OK &&
	    (rc = read_question(&a, why)) == RC_OK &&
	    (rc = answer_provenance(&a.v, &a.question, &a.budget, &g, why)) == RC_OK)
		rc = give(&a, &g, why);
	if (a.entries != NULL)
		query_view_end(a.entries);
	return rc;
}
