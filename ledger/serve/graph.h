/*
 * graph.h - what the answers about graphs share: tasks by their ids, nodes and edges as they travel.
 * Private to serve/.
 */
#ifndef SERVE_GRAPH_H
#define SERVE_GRAPH_H

#include "answer/provenance.h"
#include "serve/call.h"

/* The task that people mean.  RC_BAD_REQUEST, RC_NOT_FOUND, RC_AMBIGUOUS. */
enum rc graph_task(const struct facts_view *v, const struct call_id *id, uint32_t *index, struct why *why);
/* "Task" as an index on the wire.  RC_BAD_REQUEST: no entry has such an index. */
enum rc graph_index(uint64_t from, const char *member, uint32_t *out, struct why *why);
/* How many a page may have: 'asked', 0: 'usual'; never more than 'most'. */
size_t graph_limit(uint32_t asked, size_t usual, size_t most);

struct graph_out {
	Ectledger__V1__GraphNode **nodes;
	Ectledger__V1__GraphEdge **edges;
};
/* Nodes and edges as messages.  RC_TOO_LARGE. */
enum rc graph_fill(struct arena *arena, const struct facts_view *v, const struct provenance_answer *a,
    struct graph_out *out, struct why *why);
enum rc graph_too_large(struct why *why);
/* A name as the wire has it; NULL: no room. */
char *graph_name(struct arena *arena, const struct facts_view *v, enum facts_names which, uint32_t number);
ProtobufCBinaryData graph_wid(const struct facts_view *v, const struct fact *t);

#endif
