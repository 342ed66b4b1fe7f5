/*
 * Pictures of provenance: every node and edge is there, and no text from a token ends a label.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/ectl/graph.c"

static char *
draw(void (*how)(FILE *, const Ectledger__V1__ProvenanceReply *), const char *act, const char *iss,
    bool complete)
{
	Ectledger__V1__ProvenanceReply r = ECTLEDGER__V1__PROVENANCE_REPLY__INIT;
	Ectledger__V1__GraphNode a = ECTLEDGER__V1__GRAPH_NODE__INIT,
				 b = ECTLEDGER__V1__GRAPH_NODE__INIT, *nodes[] = {&a, &b};
	Ectledger__V1__GraphEdge e = ECTLEDGER__V1__GRAPH_EDGE__INIT, *edges[] = {&e};
	uint8_t id[UUID_SIZE] = {0x6f, 0x1e};
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	cr_assert(f != NULL);
	a.index = 3;
	a.act = (char *)(uintptr_t)act;
	a.iss = (char *)(uintptr_t)iss;
	a.jti = (ProtobufCBinaryData){UUID_SIZE, id};
	b.index = 9;
	b.foreign = true;
	e.parent_index = 3;
	e.child_index = 9;
	r.root_jti = a.jti;
	r.nodes = nodes;
	r.n_nodes = 2;
	r.edges = edges;
	r.n_edges = 1;
	r.complete = complete;
	how(f, &r);
	(void)fclose(f);
	return text;
}

static bool
has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

Test(tools_graph, dot_has_nodes_edges_and_the_root_in_bold)
{
	char *t = draw(graph_dot, "plan", "spiffe://example.com/agent/writer", true);

	cr_expect(has(t, "n3 [label=\"plan\\nwriter\\n#3\""), "%s", t);
	cr_expect(
	    has(t, "tooltip=\"6f1e0000-0000-0000-0000-000000000000\", shape=box, penwidth=3]"),
	    "%s", t);
	cr_expect(has(t, "style=dashed"), "a node of another workflow");
	cr_expect(has(t, "\tn3 -> n9;\n"), "%s", t);
	cr_expect_not(has(t, "not complete"));
	free(t);
}

Test(tools_graph, dot_escapes_quotes_backslashes_and_controls)
{
	char *t = draw(graph_dot, "a\"b\\c\nd]", "x\x7f", true);

	cr_expect(has(t, "label=\"a\\\"b\\\\c?d]\\nx?\\n#3\""), "%s", t);
	free(t);
}

Test(tools_graph, mermaid_turns_everything_but_plain_text_into_entities)
{
	char *t = draw(graph_mermaid, "a\"]<b>;`\n\xc3\xa4", "me", true);

	cr_expect(
	    has(t, "n3[\"a#34;#93;#60;b#62;#59;#96;?\xc3\xa4<br/>me<br/>#35;3\"]\n"), "%s", t);
	cr_expect(has(t, "\tn3 --> n9\n"), "%s", t);
	free(t);
}

Test(tools_graph, edges_between_workflows_are_dashed_and_kinds_have_shapes)
{
	Ectledger__V1__ProvenanceReply r = ECTLEDGER__V1__PROVENANCE_REPLY__INIT;
	Ectledger__V1__GraphNode a = ECTLEDGER__V1__GRAPH_NODE__INIT, *nodes[] = {&a};
	Ectledger__V1__GraphEdge e = ECTLEDGER__V1__GRAPH_EDGE__INIT, *edges[] = {&e};
	static const char *const want[][3] = {{"task", "shape=box", "n0[\""},
	    {"checkpoint", "shape=cylinder", "n0[(\""}, {"failure", "shape=octagon", "n0{{\""},
	    {"hitl_decision", "shape=diamond", "n0{\""},
	    {"translation", "shape=parallelogram", "n0[/\""}, {"own", "shape=box", "n0[\""}};

	r.nodes = nodes;
	r.n_nodes = 1;
	r.edges = edges;
	r.n_edges = 1;
	e.foreign = true;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		char *text[2] = {NULL, NULL};
		size_t size;

		a.node_kind = (char *)(uintptr_t)want[i][0];
		for (int k = 0; k < 2; k++) {
			FILE *f = open_memstream(&text[k], &size);

			cr_assert(f != NULL);
			(k == 0 ? graph_dot : graph_mermaid)(f, &r);
			(void)fclose(f);
			cr_expect(has(text[k], want[i][1 + k]), "%s", text[k]);
			cr_expect(has(text[k], k == 0 ? "n0 -> n0 [style=dashed];" : "n0 -.-> n0"));
			free(text[k]);
		}
	}
}

Test(tools_graph, a_cut_answer_says_so_in_the_picture)
{
	char *dot = draw(graph_dot, "a", "b", false),
	     *mermaid = draw(graph_mermaid, "a", "b", false);

	cr_expect(has(dot, "not complete"));
	cr_expect(has(mermaid, "%% not complete"));
	free(dot);
	free(mermaid);
}

Test(tools_graph, a_node_is_found_by_its_index_or_not_at_all)
{
	Ectledger__V1__ProvenanceReply r = ECTLEDGER__V1__PROVENANCE_REPLY__INIT;
	Ectledger__V1__GraphNode nodes[5], *list[5];

	for (size_t i = 0; i < 5; i++) {
		ectledger__v1__graph_node__init(&nodes[i]);
		nodes[i].index = 10 * i + 1;
		list[i] = &nodes[i];
	}
	r.nodes = list;
	r.n_nodes = 5;
	for (uint64_t i = 0; i < 60; i++)
		cr_expect_eq(graph_node(&r, i) != NULL, i % 10 == 1 && i < 50, "%d", (int)i);
	r.n_nodes = 0;
	cr_expect_null(graph_node(&r, 1));
}
