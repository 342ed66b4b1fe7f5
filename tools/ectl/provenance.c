/*
 * provenance.c - what led to a task, or with --down what came of it; as JSON, table, Graphviz or
 * Mermaid.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

/* "sha-256:..." or plain; hex or base64url; 32, 48 or 64 bytes. */
static bool
read_hash(const char *text, uint8_t out[64], size_t *n)
{
	static const char *const prefixes[] = {"sha-256:", "sha-384:", "sha-512:"};
	struct bytes t;

	for (size_t i = 0; i < 3; i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			text += strlen(prefixes[i]);
	t = bytes_str(text);
	if ((hex_decode(t, out, 64, n) || b64url_decode(t, out, 64, n)) &&
	    (*n == 32 || *n == 48 || *n == 64))
		return true;
	(void)fail(EXIT_USAGE,
	    "--hash wants a SHA-256, -384 or -512 in base64url or hex, not \"%s\"", text);
	return false;
}

static json_t *
provenance_json(const Ectledger__V1__ProvenanceReply *r)
{
	json_t *nodes = json_array(), *edges = json_array();

	for (size_t i = 0; i < r->n_nodes; i++) {
		const Ectledger__V1__GraphNode *n = r->nodes[i];

		(void)json_array_append_new(nodes,
		    json_pack("{so so sI so so so sI sb so}", "jti", show_uuid(n->jti), "wid",
			show_uuid(n->wid), "index", (json_int_t)n->index, "iss", show_text(n->iss),
			"act", show_text(n->act), "kind", show_text(n->node_kind), "depth",
			(json_int_t)n->depth, "foreign", n->foreign != 0, "chain_level",
			n->chain_level[0] != '\0' ? show_text(n->chain_level) : json_null()));
	}
	for (size_t i = 0; i < r->n_edges; i++) {
		const Ectledger__V1__GraphEdge *e = r->edges[i];
		const Ectledger__V1__GraphNode *p = graph_node(r, e->parent_index),
					       *c = graph_node(r, e->child_index);

		(void)json_array_append_new(edges,
		    json_pack("{so so sI sI}", "parent",
			p != NULL ? show_uuid(p->jti) : json_null(), "child",
			c != NULL ? show_uuid(c->jti) : json_null(), "parent_index",
			(json_int_t)e->parent_index, "child_index", (json_int_t)e->child_index));
	}
	return json_pack("{so ss sI sb so so}", "root", show_uuid(r->root_jti), "direction",
	    r->down ? "down" : "up", "tree_size", (json_int_t)r->tree_size, "complete",
	    r->complete != 0, "nodes", nodes, "edges", edges);
}

static int
provenance_table(const Ectledger__V1__ProvenanceReply *r)
{
	static const char *const head[] = {"depth", "index", "jti", "act", "kind", "iss"};
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
	code = table_print(&t);
	if (code == 0)
		(void)printf("\n%zu tasks, %zu edges, at tree size %llu%s\n", r->n_nodes,
		    r->n_edges, (unsigned long long)r->tree_size,
		    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	return code;
}

static int
show(const struct globals *g, const Ectledger__V1__ProvenanceReply *r, const char *format)
{
	if (format != NULL && strcmp(format, "dot") == 0)
		graph_dot(stdout, r);
	else if (format != NULL && strcmp(format, "mermaid") == 0)
		graph_mermaid(stdout, r);
	else if (format == NULL && g->output == OUTPUT_TABLE)
		return provenance_table(r);
	else
		print_json(g, provenance_json(r));
	return EXIT_YES;
}

/* What is asked for, by task or by hash.  False: EXIT_USAGE. */
static bool
read_request(const struct args *a, struct task_id *id, uint8_t hash[64],
    Ectledger__V1__ProvenanceRequest *request)
{
	uint64_t depth = 0;

	if (args_has(a, "--hash") == (a->operand_count == 1)) {
		(void)fail(EXIT_USAGE, "provenance wants a task id or --hash H, one of the two");
		return false;
	}
	if (!args_u64(a, "--depth", &depth))
		return false;
	if (depth > UINT32_MAX) {
		(void)fail(EXIT_USAGE, "--depth is at most %u", UINT32_MAX);
		return false;
	}
	request->depth = (uint32_t)depth;
	request->down = args_has(a, "--down");
	if (args_has(a, "--hash")) {
		request->hash.data = hash;
		return read_hash(args_get(a, "--hash"), hash, &request->hash.len);
	}
	if (!task_id_read(a, a->operands[0], id))
		return false;
	request->jti = task_id_jti(id);
	request->wid = task_id_wid(id);
	request->any_wid = id->any_wid;
	return true;
}

static int
provenance_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__ProvenanceRequest request = ECTLEDGER__V1__PROVENANCE_REQUEST__INIT;
	Ectledger__V1__ProvenanceReply *reply = NULL;
	const char *format = args_get(a, "--format");
	struct task_id id;
	uint8_t hash[64];
	int code;

	if (format != NULL && strcmp(format, "prov-json") == 0)
		return fail(EXIT_USAGE,
		    "--format prov-json is not in this version; json, dot and mermaid are");
	if (format != NULL && strcmp(format, "json") != 0 && strcmp(format, "dot") != 0 &&
	    strcmp(format, "mermaid") != 0)
		return fail(EXIT_USAGE, "--format wants json, dot or mermaid, not \"%s\"", format);
	if (!read_request(a, &id, hash, &request))
		return EXIT_USAGE;
	request.at = g->at;
	code = call_server(g, "/ectledger.v1.Query/Provenance", &request.base,
	    &ectledger__v1__provenance_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code == 0)
		code = show(g, reply, format);
	if (reply != NULL)
		ectledger__v1__provenance_reply__free_unpacked(reply, NULL);
	return code;
}

static const struct verb_option provenance_options[] = {
    OPTION_WID,
    {"--hash", "HASH", "instead of a task: the tasks with this input or output hash", false},
    {"--down", NULL, "what came of it, instead of what led to it", false},
    {"--depth", "N", "at most N steps away (default: all)", false},
    {"--format", "json|dot|mermaid", "dot is for Graphviz; default as -o says", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_provenance = {"provenance", "[JTI]",
    "what led to a task: all its ancestors, their agents, the edges (--down: its descendants)",
    provenance_options, 0, 1, provenance_run};
