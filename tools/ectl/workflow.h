/*
 * workflow.h - a workflow's answer drawn for Graphviz and Mermaid; what the verb's parts share.
 */
#ifndef ECTL_WORKFLOW_H
#define ECTL_WORKFLOW_H

#include <stdio.h>

#include "call.h"

/* "WID" or "none" as the wire has it; 'id' keeps the bytes.  False: EXIT_USAGE, message printed. */
bool workflow_id_read(const char *text, uint8_t id[UUID_SIZE], ProtobufCBinaryData *out);

/* Tasks with their states as colours or classes; dashed: declared, and nothing was done for it. */
void workflow_dot(FILE *to, const Ectledger__V1__WorkflowReply *r);
void workflow_mermaid(FILE *to, const Ectledger__V1__WorkflowReply *r);

#endif
