/*
 * descriptor_own.h - a descriptor's CBOR as the tree that the JSON reader makes; private to
 * descriptor*.c.
 */
#ifndef ANSWER_DESCRIPTOR_OWN_H
#define ANSWER_DESCRIPTOR_OWN_H

#include "answer/descriptor.h"
#include "base/json.h"

#define DESCRIPTOR_RULE "a workflow's descriptor (docs/WORKFLOWS.md)"

/* Byte strings, which JSON has none of, become JSN_NULL: nothing but resources may hold them.  'raw' is the
 * value's encoding.  RC_BAD_REQUEST, RC_TOO_LARGE, RC_NO_MEMORY. */
enum rc descriptor_cbor(struct bytes text, struct arena *arena, struct json_node **root, struct why *why);

#endif
