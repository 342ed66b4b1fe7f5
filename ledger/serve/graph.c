/*
 * graph.c - see graph.h.
 */
#include "serve/graph.h"

#include <string.h>

#include "base/must.h"

/* ---- tasks by id ---- */

static bool
carries(const struct facts_view *v, uint32_t index, const struct query_id *q)
{
	const struct fact *t = fact(v, index);
	struct bytes wid = facts_name(v, FACTS_WID, t->wid);

	if (q->any_wid)
		return true;
	return q->has_wid ? bytes_eq(wid, bytes_of(q->wid, UUID_SIZE)) : wid.n == 0;
}

enum rc
graph_task(const struct facts_view *v, const struct call_id *id, uint32_t *index, struct why *why)
{
	uint32_t at = FACTS_NONE, i;
	char text[UUID_TEXT_SIZE];
	struct query_id q;
	size_t count = 0;
	enum rc rc = call_read_id(id, &q, why);

	if (rc != RC_OK)
		return rc;
	while (count < 2 && (i = facts_find(v, q.jti, &at)) != FACTS_NONE)
		if (carries(v, i, &q)) {
			*index = i;
			count++;
		}
	uuid_text(q.jti, text);
	if (count == 0)
		return why_set(why, RC_NOT_FOUND, "lookup", "jti", 0,
		    "no task %s in a tree of %lu%s", text, (unsigned long)v->size,
		    q.has_wid && !q.any_wid ? " with that wid" : "");
	if (count > 1)
		return why_set(why, RC_AMBIGUOUS, "one task per id", "jti", 0,
		    "%s is used in more than one workflow: give the wid", text);
	return RC_OK;
}

enum rc
graph_index(uint64_t from, const char *member, uint32_t *out, struct why *why)
{
	if (from >= FACTS_NONE)
		return why_set(
		    why, RC_BAD_REQUEST, "WIRE pages", member, 0, "no entry has so large an index");
	*out = (uint32_t)from;
	return RC_OK;
}

size_t
graph_limit(uint32_t asked, size_t usual, size_t most)
{
	if (asked == 0)
		return usual;
	return asked < most ? asked : most;
}

/* ---- nodes and edges ---- */

enum rc
graph_too_large(struct why *why)
{
	return why_set(why, RC_TOO_LARGE, "query_bytes_max", NULL, 0,
	    "the answer is too large: ask with a limit, or with a depth");
}

char *
graph_name(struct arena *arena, const struct facts_view *v, enum facts_names which, uint32_t number)
{
	return pb_string(arena, facts_name(v, which, number));
}

ProtobufCBinaryData
graph_wid(const struct facts_view *v, const struct fact *t)
{
	return pb_bytes(facts_name(v, FACTS_WID, t->wid));
}

/* The value of the kind's code key: the code is its place in "a|b|c". */
static struct bytes
code_text(const struct kind *kind, unsigned code)
{
	const char *from, *end;

	for (const struct kind_key *k = kind->keys; code > 0 && k->name != NULL; k++) {
		if (!k->code)
			continue;
		for (from = k->values; code > 1 && from != NULL; code--) {
			from = strchr(from, '|');
			from = from == NULL ? NULL : from + 1;
		}
		if (from == NULL)
			break;
		end = strchr(from, '|');
		return bytes_of(from, end == NULL ? strlen(from) : (size_t)(end - from));
	}
	return BYTES_NONE;
}

static bool
is_person(const struct facts_view *v, uint32_t index, const struct fact *t)
{
	return t->kind == KIND_HITL_DECISION ||
	       policy_holds(fact_doc(v, index), "human", facts_name(v, FACTS_ISS, t->iss));
}

static bool
set_node(struct arena *arena, const struct facts_view *v, const struct provenance_node *n,
    Ectledger__V1__GraphNode *m)
{
	const struct fact *t = fact(v, n->index);
	const struct kind *kind = fact_kind(v, n->index);
	enum token_level chain = t->flags & FACT_LOWER ? LEVEL_1 : (enum token_level)t->level;

	ectledger__v1__graph_node__init(m);
	m->jti = pb_bytes(bytes_of(t->jti, UUID_SIZE));
	m->wid = graph_wid(v, t);
	m->index = n->index;
	m->iss = graph_name(arena, v, FACTS_ISS, t->iss);
	m->act = graph_name(arena, v, FACTS_ACT, t->act);
	m->node_kind = pb_string(arena, bytes_str(kind->name));
	m->code = pb_string(arena, code_text(kind, t->code));
	m->depth = n->depth;
	m->foreign = n->foreign;
	m->iat = t->iat;
	m->person = is_person(v, n->index, t);
	m->level = (char *)(uintptr_t)token_level_name((enum token_level)t->level);
	m->chain_level = (char *)(uintptr_t)token_level_name(chain);
	return m->iss != NULL && m->act != NULL && m->node_kind != NULL && m->code != NULL;
}

enum rc
graph_fill(struct arena *arena, const struct facts_view *v, const struct provenance_answer *a,
    struct graph_out *out, struct why *why)
{
	Ectledger__V1__GraphNode *nodes = arena_alloc(arena, (a->node_count + 1) * sizeof *nodes);
	Ectledger__V1__GraphEdge *edges = arena_alloc(arena, (a->edge_count + 1) * sizeof *edges);

	out->nodes = arena_alloc(arena, (a->node_count + 1) * sizeof *out->nodes);
	out->edges = arena_alloc(arena, (a->edge_count + 1) * sizeof *out->edges);
	if (nodes == NULL || edges == NULL || out->nodes == NULL || out->edges == NULL)
		return graph_too_large(why);
	for (size_t i = 0; i < a->node_count; i++) {
		out->nodes[i] = &nodes[i];
		if (!set_node(arena, v, &a->nodes[i], &nodes[i]))
			return graph_too_large(why);
	}
	for (size_t i = 0; i < a->edge_count; i++) {
		ectledger__v1__graph_edge__init(&edges[i]);
		edges[i].parent_index = a->edges[i].parent;
		edges[i].child_index = a->edges[i].child;
		edges[i].foreign = a->edges[i].foreign;
		out->edges[i] = &edges[i];
	}
	return RC_OK;
}
