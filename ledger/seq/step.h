/*
 * step.h - the inside of one seq_step(): its state, and the parts of its story in files of their
 * own; private to seq/.
 *
 *   judge.c      is the id free, is the key good, are the parents there
 *   demand.c     does it meet what the policy document demands
 *   own.c        events of the log's own: keys, policy documents, descriptors
 *   evidence.c   another token under a taken id: refused, and kept
 *   links.c      the entry that a job becomes, and its links into the sequences
 *   append.c     an entry into the batch
 *   answer.c     receipts: of the batch, of retries
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
	uint64_t received_ms; /* of every entry of the batch: the clock, but never going back */
	bool events;	      /* events of the log's own, not tokens */
	size_t policies;      /* policy events in the batch */
	struct index_view *view;
	struct store_read *read; /* opened by step_old_entry() */
	uint64_t before;	 /* entries before the batch */
	/* In force for the batch: documents come in batches of their own. */
	const struct policy_doc *doc;
	size_t added;
	uint32_t job_of[SEQ_BATCH_MAX]; /* the job whose entry is the n-th of the batch */
	bool tree_began;
	bool judging; /* damage found now is the index's */
	uint32_t order[SEQ_BATCH_MAX];
	uint8_t *notes[SEQ_BATCH_MAX]; /* each job's room for the checkpoint */
	bool fresh[SEQ_BATCH_MAX];     /* appended by this step as what they are */
	bool kept[SEQ_BATCH_MAX];      /* refused, and appended as evidence */
	bool twin[SEQ_BATCH_MAX];      /* the same signed bytes as a fresh one */
};

/* Judge job i and append it.  RC_OK: it has its answer, yes or no; anything else ends the batch. */
enum rc step_judge_job(struct step *s, size_t i);
enum rc step_event_job(struct step *s, size_t i);
/* Is this code a token's own refusal?  Everything else is about the log. */
bool step_refusal(enum rc rc);

/* The stored bytes of an entry from before the batch; the view is the step's. */
enum rc step_old_entry(struct step *s, uint64_t index, struct bytes *raw);

/*
 * Job i is another token under the id of entry 'holder': RC_DUP_JTI, and kept as an entry unless it
 * is there already, the issuer's bound is reached, or nobody signed it.  'anchor' as for a token.
 * RC_CORRUPT when evidence that is in the log cannot be read: 'old' is set then.
 */
enum rc step_evidence(struct step *s, size_t i, uint64_t holder, uint64_t anchor, bool *old);

/*
 * What the policy document in force demands of job i beyond the DAG: its kind's row, where kinds are
 * strict or a profile is demanded; else a breach is marked (ENTRY_BREACH).  A damaged entry among
 * those that it looks at is RC_CORRUPT with 'old' set.
 */
enum rc step_demand(struct step *s, size_t i, const struct dag_parents *parents, bool *old);

/* The entries of the kinds that are written.  Memory from the ledger's arena. */
enum rc step_entry_token(struct step *s, const struct seq_job *job,
    const struct dag_parents *parents, uint64_t anchor, struct entry *entry);
enum rc step_entry_event(
    struct step *s, const struct seq_job *job, struct bytes domain, struct entry *entry);
/* A policy event, or a descriptor of workflow 'wid' (NULL: none). */
enum rc step_entry_own(
    struct step *s, const struct seq_job *job, const uint8_t *wid, struct entry *entry);
/* The newest descriptor of a workflow, batch included: ENTRY_NONE as previous when there is none. */
enum rc step_descriptor_link(struct step *s, const uint8_t wid[UUID_SIZE], struct entry_link *link);
enum rc step_entry_evidence(struct step *s, const struct seq_job *job, const uint64_t *holder,
    uint64_t anchor, struct entry *entry);
/* The head of an issuer's equivocations, batch included, as the next one's link. */
enum rc step_evidence_link(struct step *s, struct bytes iss, struct entry_link *link);
/* The entry is in the batch: move the heads of its row's sequences. */
void step_links_move(struct step *s, const struct index_row *row, const struct entry *entry);

/* Put job i's entry into the store, the tree and the rows.  Gives a refusal only when nothing was
 * put; anything else ends the batch. */
enum rc step_append(struct step *s, size_t i, const struct entry *entry);

/* A receipt for an entry that was there before the batch, under the newest committed checkpoint.
 * 'whole': the caller holds another token than the stored one. */
enum rc step_old_receipt(struct step *s, struct seq_job *job, uint64_t index, struct bytes raw,
    const struct entry *entry, bool whole);
/* The job of this batch that became entry 'index'; NULL: none. */
const struct seq_job *step_fresh_at(const struct step *s, uint64_t index);
/* Receipts of everything in the batch, once its checkpoint is made. */
void step_receipts(struct step *s);

#endif
