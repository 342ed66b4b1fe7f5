/*
 * graph.c - arrows go from what was first to what came of it, in both languages; dashed from one workflow
 * to another.  Shapes say what kind of node it is.
 */
#include "graph.h"

#include <string.h>

const Ectledger__V1__GraphNode *
graph_node(const Ectledger__V1__ProvenanceReply *r, uint64_t index)
{
	size_t low = 0, high = r->n_nodes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->nodes[middle]->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->n_nodes && r->nodes[low]->index == index ? r->nodes[low] : NULL;
}

/* The last part of an issuer's URI: what people call the agent. */
static const char *
short_name(const char *iss)
{
	const char *slash = strrchr(iss, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : iss;
}

/* Kinds by the beginning of their names, the plain box last. */
struct shape {
	const char *kind, *dot;
	const char *open, *close; /* mermaid */
};
static const struct shape *
shape_of(const char *kind)
{
	static const struct shape shapes[] = {
	    {"checkpoint", "cylinder", "[(\"", "\")]"},
	    {"failure", "octagon", "{{\"", "\"}}"},
	    {"rollback_", "hexagon", "{{\"", "\"}}"},
	    {"compensation", "hexagon", "{{\"", "\"}}"},
	    {"circuit", "hexagon", "{{\"", "\"}}"},
	    {"hitl_", "diamond", "{\"", "\"}"},
	    {"override", "doubleoctagon", "((\"", "\"))"},
	    {"trust_", "ellipse", "([\"", "\"])"},
	    {"quarantine", "ellipse", "([\"", "\"])"},
	    {"translation", "parallelogram", "[/\"", "\"/]"},
	    {"attestation", "note", ">\"", "\"]"},
	    {"explanation", "note", ">\"", "\"]"},
	    {"lifecycle", "note", ">\"", "\"]"},
	    {"", "box", "[\"", "\"]"},
	};
	const struct shape *s = shapes;

	while (strncmp(kind, s->kind, strlen(s->kind)) != 0)
		s++;
	return s;
}

static void
dot_text(FILE *to, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			(void)fputc('\\', to);
		(void)fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, to);
	}
}

void
graph_dot(FILE *to, const Ectledger__V1__ProvenanceReply *r)
{
	char id[UUID_TEXT_SIZE];

	(void)fprintf(to,
	    "digraph provenance {\n\trankdir=TB;\n\tnode [shape=box, fontname=\"sans-serif\"];\n");
	for (size_t i = 0; i < r->n_nodes; i++) {
		const Ectledger__V1__GraphNode *n = r->nodes[i];
		bool root = n->jti.len == r->root_jti.len && n->jti.len > 0 &&
			    memcmp(n->jti.data, r->root_jti.data, n->jti.len) == 0;

		if (n->jti.len == UUID_SIZE)
			uuid_text(n->jti.data, id);
		else
			id[0] = '\0';
		(void)fprintf(to, "\tn%llu [label=\"", (unsigned long long)n->index);
		dot_text(to, n->act);
		(void)fputs("\\n", to);
		dot_text(to, short_name(n->iss));
		(void)fprintf(to, "\\n#%llu\", tooltip=\"%s\", shape=%s%s%s];\n",
		    (unsigned long long)n->index, id, shape_of(n->node_kind)->dot,
		    root ? ", penwidth=3" : "", n->foreign ? ", style=dashed" : "");
	}
	for (size_t i = 0; i < r->n_edges; i++)
		(void)fprintf(to, "\tn%llu -> n%llu%s;\n",
		    (unsigned long long)r->edges[i]->parent_index,
		    (unsigned long long)r->edges[i]->child_index,
		    r->edges[i]->foreign ? " [style=dashed]" : "");
	(void)fprintf(to, "%s}\n",
	    r->complete ? "" : "\tlabel=\"not complete: over the limit of one query\";\n");
}

/* Mermaid has no escape but entities; letters, digits and a few signs are themselves. */
static void
mermaid_text(FILE *to, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || strchr(" -_.:/+,", c) != NULL)
			(void)fputc(c, to);
		else if (c >= 0x20 && c != 0x7f)
			(void)fprintf(to, "#%u;", c);
		else
			(void)fputc('?', to);
	}
}

void
graph_mermaid(FILE *to, const Ectledger__V1__ProvenanceReply *r)
{
	(void)fprintf(to, "graph TD\n");
	for (size_t i = 0; i < r->n_nodes; i++) {
		const Ectledger__V1__GraphNode *n = r->nodes[i];

		(void)fprintf(
		    to, "\tn%llu%s", (unsigned long long)n->index, shape_of(n->node_kind)->open);
		mermaid_text(to, n->act);
		(void)fputs("<br/>", to);
		mermaid_text(to, short_name(n->iss));
		(void)fprintf(to, "<br/>#35;%llu%s\n", (unsigned long long)n->index,
		    shape_of(n->node_kind)->close);
	}
	for (size_t i = 0; i < r->n_edges; i++)
		(void)fprintf(to, "\tn%llu %s n%llu\n",
		    (unsigned long long)r->edges[i]->parent_index,
		    r->edges[i]->foreign ? "-.->" : "-->",
		    (unsigned long long)r->edges[i]->child_index);
	if (!r->complete)
		(void)fprintf(to, "\t%%%% not complete: over the limit of one query\n");
}
