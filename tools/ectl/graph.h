/*
 * graph.h - a provenance answer as JSON, as a table, as text for Graphviz and Mermaid, as W3C PROV-JSON.
 * Labels come from tokens: everything that could end a label is escaped.
 */
#ifndef ECTL_GRAPH_H
#define ECTL_GRAPH_H

#include <stdio.h>

#include "call.h"

/* The node of that index (nodes come in ascending index), or NULL. */
const Ectledger__V1__GraphNode *graph_node(const Ectledger__V1__ProvenanceReply *r, uint64_t index);
void graph_dot(FILE *to, const Ectledger__V1__ProvenanceReply *r);
void graph_mermaid(FILE *to, const Ectledger__V1__ProvenanceReply *r);
/* PROV-JSON (W3C member submission of 2013): the same answer gives the same text. */
json_t *graph_prov(const Ectledger__V1__ProvenanceReply *r);
/* Members "nodes", "edges" and "rests_on" into an object; 'hashes': they were asked for. */
void graph_json(json_t *into, const Ectledger__V1__ProvenanceReply *r, bool hashes);
int graph_table(const Ectledger__V1__ProvenanceReply *r); /* 0 or an exit code */

/* --format: NULL and the forms above; false: message printed, EXIT_USAGE. */
bool graph_format_ok(const char *format);
/* In that format.  'head' is the JSON object that graph_json() fills; taken. */
int graph_show(const struct globals *g, const Ectledger__V1__ProvenanceReply *r, const char *format,
    bool hashes, json_t *head);

/* Append a page's nodes, edges and rests_on to 'to'; they are moved.  False: no memory. */
bool graph_join(Ectledger__V1__ProvenanceReply *to, Ectledger__V1__ProvenanceReply *page);

/* Move 'm' items of a page behind the 'n' that are there: addresses of two arrays of a reply, of items of that
 * size.  False: no memory. */
bool join_lists(void *list, size_t *n, void *page, size_t *m, size_t size);

/* ---- two_tasks.c ---- */

/* --to, --common, --custody of the verb. */
int two_tasks_path(const struct globals *g, const struct args *a);
int two_tasks_common(const struct globals *g, const struct args *a);
int two_tasks_custody(const struct globals *g, const struct args *a);

#endif
