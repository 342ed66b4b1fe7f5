/*
 * workflow_graph.c - a workflow as a graph: arrows go from what was first to what came of it.
 *
 * A task is "t" and its index, a declared node without one "d" and its place among the declared.  What a
 * task rests on and what is no row (an approval, a task of another workflow) is a point with its index.
 * Labels come from tokens: everything that could end a label is escaped.
 */
#include <stdlib.h>
#include <string.h>

#include "workflow.h"

struct style {
	const char *state, *fill;
};

static const struct style styles[] = {{"pending", "#eeeeee"}, {"ready", "#ddeeff"},
    {"running", "#99ccff"}, {"done", "#ccffcc"}, {"failed", "#ff9999"},
    {"rollback_requested", "#ffcc99"}, {"rolled_back", "#cccccc"}, {"rollback_failed", "#ff6666"},
    {"compensation_required", "#ffff99"}, {NULL, "#ffffff"}};

static const char *
fill_of(const char *state)
{
	const struct style *s = styles;

	while (s->state != NULL && strcmp(s->state, state) != 0)
		s++;
	return s->fill;
}

static bool
is_declared(const Ectledger__V1__WorkflowNode *n)
{
	return n->index == UINT64_MAX;
}

/* Rows are in the order of their indexes; the declared ones come last. */
static bool
has_row(const Ectledger__V1__WorkflowReply *r, uint64_t index)
{
	size_t low = 0, high = r->n_nodes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->nodes[middle]->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->n_nodes && r->nodes[low]->index == index;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Indexes that rows rest on and that are no rows; malloc'd.  NULL: out of memory, or none. */
static uint64_t *
points(const Ectledger__V1__WorkflowReply *r, size_t *count)
{
	size_t room = 1, n = 0, kept = 0;
	uint64_t *list;

	*count = 0;
	for (size_t i = 0; i < r->n_nodes; i++)
		room += r->nodes[i]->n_parents;
	if ((list = malloc(room * sizeof(*list))) == NULL)
		return NULL;
	for (size_t i = 0; i < r->n_nodes; i++)
		for (size_t k = 0; k < r->nodes[i]->n_parents; k++)
			if (!has_row(r, r->nodes[i]->parents[k]))
				list[n++] = r->nodes[i]->parents[k];
	qsort(list, n, sizeof(*list), ascending);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || list[i] != list[kept - 1])
			list[kept++] = list[i];
	*count = kept;
	return list;
}

/* The newest task of a declared node; 2^64-1: none. */
static size_t
declared_place(const Ectledger__V1__WorkflowReply *r, const char *node)
{
	for (size_t i = 0; i < r->n_declared; i++)
		if (strcmp(r->declared[i]->node, node) == 0)
			return i;
	return r->n_declared;
}

static void
name(FILE *to, const Ectledger__V1__WorkflowReply *r, size_t place)
{
	const Ectledger__V1__WorkflowDeclared *d = r->declared[place];

	if (d->newest_index != UINT64_MAX && has_row(r, d->newest_index))
		(void)fprintf(to, "t%llu", (unsigned long long)d->newest_index);
	else
		(void)fprintf(to, "d%zu", place);
}

/* What was declared and did not happen yet: an arrow to each node that awaits it. */
static void
awaited(FILE *to, const Ectledger__V1__WorkflowReply *r, const char *arrow, const char *end)
{
	for (size_t i = 0; i < r->n_declared; i++) {
		if (r->declared[i]->newest_index != UINT64_MAX)
			continue;
		for (size_t k = 0; k < r->declared[i]->n_after; k++) {
			size_t before = declared_place(r, r->declared[i]->after[k]);

			if (before == r->n_declared)
				continue;
			(void)fputc('\t', to);
			name(to, r, before);
			(void)fprintf(to, " %s d%zu%s\n", arrow, i, end);
		}
	}
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

static void
dot_node(FILE *to, const Ectledger__V1__WorkflowReply *r, const Ectledger__V1__WorkflowNode *n)
{
	if (is_declared(n))
		(void)fprintf(to, "\td%zu [label=\"", declared_place(r, n->node));
	else
		(void)fprintf(to, "\tt%llu [label=\"", (unsigned long long)n->index);
	dot_text(to, n->node[0] != '\0' ? n->node : n->act);
	(void)fputs("\\n", to);
	dot_text(to, n->state);
	if (!is_declared(n))
		(void)fprintf(to, "\\n#%llu", (unsigned long long)n->index);
	(void)fprintf(to, "\", style=\"filled%s\", fillcolor=\"%s\"];\n",
	    is_declared(n) ? ",dashed" : "", fill_of(n->state));
}

void
workflow_dot(FILE *to, const Ectledger__V1__WorkflowReply *r)
{
	size_t count;
	uint64_t *other = points(r, &count);

	(void)fputs("digraph workflow {\n\trankdir=TB;\n\tnode [shape=box, "
		    "fontname=\"sans-serif\"];\n",
	    to);
	for (size_t i = 0; i < r->n_nodes; i++)
		dot_node(to, r, r->nodes[i]);
	for (size_t i = 0; i < count; i++)
		(void)fprintf(to, "\tp%llu [label=\"#%llu\", shape=plaintext];\n",
		    (unsigned long long)other[i], (unsigned long long)other[i]);
	for (size_t i = 0; i < r->n_nodes; i++)
		for (size_t k = 0; k < r->nodes[i]->n_parents; k++)
			(void)fprintf(to, "\t%c%llu -> t%llu;\n",
			    has_row(r, r->nodes[i]->parents[k]) ? 't' : 'p',
			    (unsigned long long)r->nodes[i]->parents[k],
			    (unsigned long long)r->nodes[i]->index);
	awaited(to, r, "->", " [style=dashed];");
	(void)fprintf(to, "%s}\n",
	    r->complete ? "" : "\tlabel=\"not complete: over the limit of one query\";\n");
	free(other);
}

/* Mermaid has no escape but entities; letters, digits and a few signs are themselves. */
static void
mermaid_text(FILE *to, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x80 || strchr("_-. :/", c) != NULL || (c >= '0' && c <= '9') ||
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
			(void)fputc(c, to);
		else
			(void)fprintf(to, "#%u;", c < 0x20 || c == 0x7f ? '?' : c);
	}
}

static void
mermaid_node(FILE *to, const Ectledger__V1__WorkflowReply *r, const Ectledger__V1__WorkflowNode *n)
{
	if (is_declared(n))
		(void)fprintf(to, "\td%zu[\"", declared_place(r, n->node));
	else
		(void)fprintf(to, "\tt%llu[\"", (unsigned long long)n->index);
	mermaid_text(to, n->node[0] != '\0' ? n->node : n->act);
	(void)fprintf(to, "<br/>%s\"]:::%s\n", n->state, n->state);
}

void
workflow_mermaid(FILE *to, const Ectledger__V1__WorkflowReply *r)
{
	size_t count;
	uint64_t *other = points(r, &count);

	(void)fputs("flowchart TB\n", to);
	for (const struct style *s = styles; s->state != NULL; s++)
		(void)fprintf(to, "\tclassDef %s fill:%s\n", s->state, s->fill);
	for (size_t i = 0; i < r->n_nodes; i++)
		mermaid_node(to, r, r->nodes[i]);
	for (size_t i = 0; i < count; i++)
		(void)fprintf(to, "\tp%llu(\"#35;%llu\")\n", (unsigned long long)other[i],
		    (unsigned long long)other[i]);
	for (size_t i = 0; i < r->n_nodes; i++)
		for (size_t k = 0; k < r->nodes[i]->n_parents; k++)
			(void)fprintf(to, "\t%c%llu --> t%llu\n",
			    has_row(r, r->nodes[i]->parents[k]) ? 't' : 'p',
			    (unsigned long long)r->nodes[i]->parents[k],
			    (unsigned long long)r->nodes[i]->index);
	awaited(to, r, "-.->", "");
	if (!r->complete)
		(void)fputs("\t%% not complete: over the limit of one query\n", to);
	free(other);
}
