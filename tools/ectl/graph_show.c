/*
 * graph_show.c - a graph as JSON and as a table; pages put together.
 */
#include <stdlib.h>
#include <string.h>

#include "graph.h"

static json_t *
node_json(const Ectledger__V1__GraphNode *n, bool hashes)
{
	json_t *o = json_pack("{so so sI so so so so sI sb sI so so sb}", "jti", show_uuid(n->jti),
	    "wid", show_uuid(n->wid), "index", (json_int_t)n->index, "iss", show_text(n->iss),
	    "act", show_text(n->act), "kind", show_text(n->node_kind), "code",
	    n->code[0] != '\0' ? show_text(n->code) : json_null(), "depth", (json_int_t)n->depth,
	    "foreign", n->foreign != 0, "iat", (json_int_t)n->iat, "level",
	    n->level[0] != '\0' ? show_text(n->level) : json_null(), "chain_level",
	    n->chain_level[0] != '\0' ? show_text(n->chain_level) : json_null(), "person",
	    n->person != 0);

	if (!hashes)
		return o;
	(void)json_object_set_new(o, "inp_hash", show_b64url(n->inp_hash));
	(void)json_object_set_new(o, "out_hash", show_b64url(n->out_hash));
	(void)json_object_set_new(o, "undone", json_boolean(n->undone));
	(void)json_object_set_new(o, "undone_by", show_uuid(n->undone_by_jti));
	return o;
}

void
graph_json(json_t *into, const Ectledger__V1__ProvenanceReply *r, bool hashes)
{
	json_t *nodes = json_array(), *edges = json_array(), *rests_on = json_array();

	for (size_t i = 0; i < r->n_nodes; i++)
		(void)json_array_append_new(nodes, node_json(r->nodes[i], hashes));
	for (size_t i = 0; i < r->n_edges; i++) {
		const Ectledger__V1__GraphEdge *e = r->edges[i];
		const Ectledger__V1__GraphNode *p = graph_node(r, e->parent_index),
					       *c = graph_node(r, e->child_index);

		(void)json_array_append_new(
		    edges, json_pack("{so so sI sI sb}", "parent",
			       p != NULL ? show_uuid(p->jti) : json_null(), "child",
			       c != NULL ? show_uuid(c->jti) : json_null(), "parent_index",
			       (json_int_t)e->parent_index, "child_index",
			       (json_int_t)e->child_index, "foreign", e->foreign != 0));
	}
	for (size_t i = 0; i < r->n_rests_on; i++)
		(void)json_array_append_new(rests_on, json_integer((json_int_t)r->rests_on[i]));
	(void)json_object_set_new(into, "nodes", nodes);
	(void)json_object_set_new(into, "edges", edges);
	(void)json_object_set_new(into, "rests_on", rests_on);
}

int
graph_table(const Ectledger__V1__ProvenanceReply *r)
{
	static const char *const head[] = {"depth", "index", "jti", "act", "kind", "iss"};
	size_t foreign = 0;
	struct table t;
	int code;

	table_init(&t, 6);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_nodes; i++) {
		const Ectledger__V1__GraphNode *n = r->nodes[i];

		table_add_u64(&t, n->depth);
		table_add_u64(&t, n->index);
		table_add_uuid(&t, n->jti);
		table_add(&t, n->act);
		table_add(&t, n->node_kind);
		table_add(&t, n->iss);
	}
	for (size_t i = 0; i < r->n_edges; i++)
		foreign += r->edges[i]->foreign != 0;
	if ((code = table_print(&t)) != 0)
		return code;
	(void)printf("\n%zu tasks, %zu edges", r->n_nodes, r->n_edges);
	if (foreign > 0)
		(void)printf(" (%zu from one workflow to another)", foreign);
	(void)printf(", at tree size %llu%s\n", (unsigned long long)r->tree_size,
	    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	return 0;
}

bool
graph_format_ok(const char *format)
{
	static const char *const known[] = {"json", "prov-json", "dot", "mermaid"};

	for (size_t i = 0; i < 4; i++)
		if (format == NULL || strcmp(format, known[i]) == 0)
			return true;
	(void)fail(
	    EXIT_USAGE, "--format wants json, prov-json, dot or mermaid, not \"%s\"", format);
	return false;
}

int
graph_show(const struct globals *g, const Ectledger__V1__ProvenanceReply *r, const char *format,
    bool hashes, json_t *head)
{
	int code = EXIT_YES;

	if (format != NULL && strcmp(format, "dot") == 0)
		graph_dot(stdout, r);
	else if (format != NULL && strcmp(format, "mermaid") == 0)
		graph_mermaid(stdout, r);
	else if (format != NULL && strcmp(format, "prov-json") == 0)
		print_json(g, graph_prov(r));
	else if (format == NULL && g->output == OUTPUT_TABLE)
		code = graph_table(r);
	else {
		graph_json(head, r, hashes);
		print_json(g, json_incref(head));
	}
	json_decref(head);
	return code;
}

/* ---- pages ---- */

bool
join_lists(void *list, size_t *n, void *page, size_t *m, size_t size)
{
	void *more, *old, *from;

	if (*m == 0)
		return true;
	memcpy(&old, list, sizeof old);
	memcpy(&from, page, sizeof from);
	if ((more = realloc(old, (*n + *m) * size)) == NULL)
		return false;
	memcpy(list, &more, sizeof more);
	memcpy((char *)more + *n * size, from, *m * size);
	*n += *m;
	*m = 0;
	return true;
}

bool
graph_join(Ectledger__V1__ProvenanceReply *to, Ectledger__V1__ProvenanceReply *page)
{
	to->complete = to->complete && page->complete;
	to->next = page->next;
	return join_lists(
		   &to->nodes, &to->n_nodes, &page->nodes, &page->n_nodes, sizeof *to->nodes) &&
	       join_lists(
		   &to->edges, &to->n_edges, &page->edges, &page->n_edges, sizeof *to->edges) &&
	       join_lists(&to->rests_on, &to->n_rests_on, &page->rests_on, &page->n_rests_on,
		   sizeof *to->rests_on);
}
