/*
 * workflow.h - what the answers about workflows share; private to serve/.
 */
#ifndef SERVE_WORKFLOW_H
#define SERVE_WORKFLOW_H

#include "serve/call.h"

/* The workflow's number; empty: FACTS_NONE, the tasks of none.  RC_BAD_REQUEST, RC_NOT_FOUND. */
enum rc workflow_number(
    const struct facts_view *v, const ProtobufCBinaryData *wid, uint32_t *out, struct why *why);
/* A page's limit: 'usual' for 0, at most 'most'. */
size_t workflow_limit(uint32_t asked, size_t usual, size_t most);
/* Empty: of no workflow, or none. */
ProtobufCBinaryData workflow_wid(const struct facts_view *v, uint32_t number);
ProtobufCBinaryData workflow_jti(const struct facts_view *v, uint32_t index);
uint64_t workflow_index(uint32_t index); /* FACTS_NONE: 2^64-1 */
enum rc workflow_no_room(struct why *why);

#endif
