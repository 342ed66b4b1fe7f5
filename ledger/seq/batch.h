/*
 * batch.h - what a batch knows before it is in the log: ids admitted so far and moved sequence
 * heads; private to seq/.
 *
 * Fixed memory, made once: SEQ_BATCH_MAX jobs with CLAIM_PRED_MAX predecessors each is the bound.
 * Evidence of an equivocation moves two sequences, like the entry of a token without predecessors.
 */
#ifndef SEQ_BATCH_H
#define SEQ_BATCH_H

#include "seq/seq.h"

struct batch;

/* 'seed' keys the hash tables (clients choose the ids); it never shows in what comes out.  NULL:
 * out of memory. */
struct batch *batch_new(uint64_t seed);
void batch_free(struct batch *b);
/* Start over with these jobs (borrowed until the next call). */
void batch_begin(struct batch *b, struct seq_job *const *jobs, size_t count);
/* An order in which every predecessor that is in the batch comes before what names it; otherwise
 * the order of arrival.  Predecessor cycles (possible among hostile tokens) come out in any order
 * and are then refused for want of a parent.  'order' has room for all jobs. */
void batch_order(struct batch *b, uint32_t *order);
/* The same for a batch of 'count' entries without ids, which move two sequences each. */
void batch_begin_events(struct batch *b, size_t count);
/* The job is in the log at 'index'; 'lower': it is L1, or some ancestor is. */
void batch_admit(struct batch *b, size_t job, uint64_t index, bool lower);
/* An admitted job. */
struct batch_hit {
	const struct seq_job *job;
	uint64_t index;
	bool lower;
};
/* The one with this id in this scope, or in any.  RC_OK, RC_NOT_FOUND; in any also RC_AMBIGUOUS. */
enum rc batch_find(const struct batch *b, bool has_wid, const uint8_t *wid, const uint8_t *jti,
    struct batch_hit *out);
enum rc batch_find_any(const struct batch *b, const uint8_t *jti, struct batch_hit *out);
/* Sequence heads as this batch has moved them. */
bool batch_seq_get(const struct batch *b, const struct index_seq_key *key, struct index_seq_head *head);
void batch_seq_set(struct batch *b, const struct index_seq_key *key, const struct index_seq_head *head);

#endif
