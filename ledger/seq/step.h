/*
 * step.h - the inside of one seq_step(): its state, and the parts of its story in files of their
 * own; private to seq/.
 *
 *   judge.c    is the id free, are the parents there; then into the batch
 *   links.c    the entry that a token becomes, and its links into the sequences
 *   answer.c   receipts: of the batch, of retries
 */
#ifndef SEQ_STEP_H
#define SEQ_STEP_H

#include "claim/dag.h"
#include "seq/ledger.h"

/* A checkpoint: origin twice (at most 256 each), size, root, one signature. */
#define NOTE_ROOM 1024

/* One step's state. */
struct step {
	struct ledger *l;
	struct seq_job *const *jobs;
	size_t count;
	int64_t now_ms;
	struct index_view *view;
	struct store_read *read; /* opened for the first duplicate */
	uint64_t before;	 /* entries before the batch */
	size_t added;
	bool tree_began;
	bool judging; /* damage found now is the index's */
	uint32_t order[SEQ_BATCH_MAX];
	uint8_t *notes[SEQ_BATCH_MAX]; /* each job's room for the checkpoint */
	bool fresh[SEQ_BATCH_MAX];     /* appended by this step */
	bool twin[SEQ_BATCH_MAX];      /* the same signed bytes as a fresh one */
};

/* Judge job i and append it.  RC_OK: it has its answer, yes or no; anything else ends the batch. */
enum rc step_judge_job(struct step *s, size_t i);
/* Is this code a token's own refusal?  Everything else is about the log. */
bool step_refusal(enum rc rc);

/* The entry of a token whose parents are known; memory from the job's arena. */
enum rc step_entry(struct step *s, const struct seq_job *job, const struct dag_parents *parents,
    struct entry *entry);
/* The entry is in the batch at 'index': move the heads of its sequences. */
void step_links_move(
    struct step *s, const struct claim *claim, const struct entry *entry, uint64_t index);

/* A receipt for an entry that was there before the batch, under the newest committed checkpoint.
 * 'whole': the caller holds another token than the stored one. */
enum rc step_old_receipt(struct step *s, struct seq_job *job, uint64_t index, struct bytes raw,
    const struct entry *entry, bool whole);
/* Receipts of everything in the batch, once its checkpoint is made. */
void step_receipts(struct step *s);

#endif
