/*
 * graph.h - a provenance answer drawn as text for Graphviz and Mermaid.  Labels come from tokens:
 * everything that could end a label is escaped.
 */
#ifndef ECTL_GRAPH_H
#define ECTL_GRAPH_H

#include <stdio.h>

#include "call.h"

/* The node of that index (nodes come in ascending index), or NULL. */
const Ectledger__V1__GraphNode *graph_node(const Ectledger__V1__ProvenanceReply *r, uint64_t index);
void graph_dot(FILE *to, const Ectledger__V1__ProvenanceReply *r);
void graph_mermaid(FILE *to, const Ectledger__V1__ProvenanceReply *r);

#endif
