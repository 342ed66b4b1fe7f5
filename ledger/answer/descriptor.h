/*
 * descriptor.h - a workflow's descriptor: what is to be done, declared before the run.
 *
 * A JSON object, or the same object in deterministic CBOR (RFC 8949 4.2.1) with text keys; unknown
 * members are refused, and docs/WORKFLOWS.md has the whole form.  It is registered for a workflow as
 * an entry of the log (ENTRY_DESCRIPTOR).  Pure, no recursion; what was read is immutable.
 */
#ifndef ANSWER_DESCRIPTOR_H
#define ANSWER_DESCRIPTOR_H

#include "base/arena.h"
#include "base/bytes.h"

#define DESCRIPTOR_SIZE_MAX  49152
#define DESCRIPTOR_NODES_MAX 1000
#define DESCRIPTOR_AFTER_MAX 100   /* of one node */
#define DESCRIPTOR_ID_MAX    128   /* bytes; of roles too */
#define DESCRIPTOR_ACT_MAX   256   /* of names and versions too */
#define DESCRIPTOR_DEPTH_MAX 8     /* open objects and arrays, the outermost counts as 1 */
#define DESCRIPTOR_ITEMS_MAX 32768 /* values in all; of CBOR keys count too */

enum descriptor_media { DESCRIPTOR_JSON = 0, DESCRIPTOR_CBOR = 1 }; /* numbers of the entry's payload */
enum descriptor_hitl { DESCRIPTOR_NO_HITL, DESCRIPTOR_APPROVAL, DESCRIPTOR_NOTIFY };

struct descriptor_node {
	struct bytes id;	 /* unique */
	struct bytes act;	 /* exec_act of its tasks; the id when the descriptor names none */
	const uint16_t *after;	 /* places of the nodes that come before it, in the order written */
	size_t after_count;
	enum descriptor_hitl hitl;
	struct bytes role;	 /* who must approve; empty: anybody */
	struct bytes resources;	 /* hints for schedulers: the value's raw bytes, kept and not read; empty: none */
	uint64_t count_max;	 /* tasks; 0: not declared, which means one */
	uint64_t wall_s_max;	 /* from its start entry to its task; 0: not declared */
};

struct descriptor {
	struct bytes name, version; /* empty: none */
	const struct descriptor_node *nodes; /* in the order written; 1 to DESCRIPTOR_NODES_MAX */
	size_t count;
	const uint16_t *order;	 /* places, each behind those it comes after; the smaller place first where free */
	const uint16_t *by_id;	 /* places, by id bytewise */
	uint64_t tasks_max, agents_max, wall_s_max; /* of the whole; 0: not declared */
};

/* Read and judge.  Everything in 'out' is in 'arena', with views into 'text'.  RC_BAD_REQUEST: 'why' names the
 * member and, where it is known, the offset; RC_TOO_LARGE; RC_NO_MEMORY. */
enum rc descriptor_read(struct bytes text, enum descriptor_media media, struct arena *arena,
    const struct descriptor **out, struct why *why);
/* The place of the node with this id; 'count' when there is none. */
size_t descriptor_find(const struct descriptor *d, struct bytes id);

#endif
