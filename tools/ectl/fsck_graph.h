/*
 * fsck_graph.h - what fsck has derived from the tokens: tasks by id, parents, sequences.
 */
#ifndef ECTL_FSCK_GRAPH_H
#define ECTL_FSCK_GRAPH_H

#include "fsck.h"

enum fsck_seq_kind {
	FSCK_SEQ_WORKFLOW = 1,
	FSCK_SEQ_ISSUER = 2,
	FSCK_SEQ_FOREIGN = 3,
	FSCK_SEQ_KEYS = 4,
	FSCK_SEQ_DOMAIN_KEYS = 5,
	FSCK_SEQ_EQUIVOCATIONS = 6,
	FSCK_SEQ_ISSUER_EQUIVOCATIONS = 7,
	FSCK_SEQ_POLICIES = 8,
	FSCK_SEQ_OWN = 9,
	FSCK_SEQ_DESCRIPTORS = 10,
	FSCK_SEQ_KINDS = 11,
	/* The lists of the index are kept in the same table, behind the sequences. */
	FSCK_LIST = 16
};
enum fsck_list_kind {
	FSCK_LIST_WORKFLOW = 1,
	FSCK_LIST_ISSUER = 2,
	FSCK_LIST_ACT = 3,
	FSCK_LIST_KIND = 4,
	FSCK_LIST_SIGNER = 5,
	FSCK_LIST_KINDS = 6
};

struct fsck_seq {
	unsigned kind;
	uint8_t id[FSCK_ID]; /* zero: no workflow */
	uint64_t count, last;
	uint64_t sum; /* of a list: a digest of its indexes in their order */
};

/* The digest of a list with one index more. */
uint64_t fsck_list_sum(uint64_t sum, uint64_t index);

struct fsck_node { /* by index */
	struct {
		uint8_t jti[FSCK_ID], wid[FSCK_ID];
		uint8_t hash[2][FSCK_ID];
		uint8_t hash_count;
		int64_t iat;
	} task;
	uint64_t first_parent; /* in graph.parents */
	uint32_t parent_count;
	uint32_t next; /* same bucket; number + 1 */
	bool read;     /* false: the entry could not be read */
	bool is_task;  /* a token that was taken; else an event without an id */
	bool lower;    /* L1, or some ancestor is */
};

struct fsck_graph {
	struct fsck_node *nodes;
	size_t count, room;
	size_t seqs_only, marked_seqs; /* of the table below, those that are no lists */
	size_t holes;		       /* nodes that could not be read */
	uint64_t *parents;	       /* FSCK_NONE: not found */
	size_t parent_total, parent_room;
	uint32_t *buckets; /* by jti; number + 1 */
	size_t bucket_count;
	struct fsck_seq *seqs;
	size_t seq_count, seq_room;
	struct fsck_seq *marked; /* as they were at the mark */
	size_t marked_count;
	uint32_t *slots;
	size_t slot_count;
};

#endif
