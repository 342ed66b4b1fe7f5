/*
 * seq.h - many rulings -> one batch -> one commit -> many receipts.
 *
 * struct ledger is one log at work: its stores, its right edge, its signer.  seq_step() is the
 * whole write path as one call: jobs, time, store, index and signer come in, answers go out; no
 * clock, no thread, no randomness inside, so that a simulator can drive it and replicas get the
 * same bytes.
 *
 * Threads: everything here belongs to the log's writer thread, but what stands under "any thread".
 */
#ifndef SEQ_SEQ_H
#define SEQ_SEQ_H

#include "base/arena.h"
#include "base/log.h"
#include "claim/claim.h"
#include "claim/entry.h"
#include "policy/book.h"
#include "policy/policy.h"
#include "seal/receipt.h"
#include "seal/signer.h"
#include "store/index.h"
#include "store/store.h"
#include "trust/history.h"
#include "tree/tile.h"

#define SEQ_BATCH_MAX 1024 /* tokens in one commit */

/*
 * One judged token, or one event of the log's own.  The caller owns it; 'arena' holds what the
 * answer needs.  A batch has either tokens or events, never both (the writer sees to it).
 *
 * Key events (kind ENTRY_KEY) are appended as they are; once committed they are in ledger_history().
 * Policy events (ENTRY_POLICY) likewise, and are in ledger_book(): in force for every entry behind.  A
 * document that cannot be read is RC_BAD_CONFIG, one too many RC_TOO_LARGE.  A descriptor (ENTRY_DESCRIPTOR) that
 * is the newest of its workflow already, byte for byte and of the same media, is a duplicate, whoever brings it.
 * Tokens of revoked or withdrawn keys are refused here, in the log's own order: RC_KEY_REVOKED,
 * RC_UNKNOWN_KEY, RC_NOT_AUTHORIZED.  A retry of what is in the log gets its receipt whatever became of its key.
 *
 * Another token under a taken id is RC_DUP_JTI and, up to equivocations_max a (refused) issuer and
 * once for the same bytes, also an entry of kind ENTRY_EQUIVOCATION.
 */
struct seq_job {
	/* in */
	enum entry_kind kind;    /* 0 is read as ENTRY_TOKEN */
	struct bytes event;      /* an event's bytes: trust/event.h, claim/own_event.h */
	const struct token *token;
	const struct claim *claim;
	bool has_signer;         /* false: L1 */
	struct hash signer;      /* thumbprint of the key that verified */
	enum trust_binding binding; /* 0: L1 */
	struct hash anchor;      /* what the signer leads to (trust.h) */
	const struct hash *path; /* certificates below the anchor */
	size_t path_count;
	struct bytes credential; /* kept in the entry */
	uint64_t flags;          /* from the ruling */
	int64_t ends_s;          /* from the ruling, too; 0: no end */
	struct arena *arena;     /* the answer's memory */
	bool want_receipt;
	/* out */
	enum rc rc;              /* RC_OK: in the log */
	struct why why;
	bool duplicate;
	/* .checkpoint and .entry set when wanted; index, tree_size and leaf always set when RC_OK */
	struct receipt receipt;
	/* receipt.entry is the whole entry (the log holds these signed bytes under another
	 * signature), else its head */
	bool entry_whole;
	const uint8_t (*missing)[UUID_SIZE];
	size_t missing_count;
	uint8_t (*missing_room)[UUID_SIZE]; /* the sequencer's; NULL at first */
};

/* An event of the log's own, not a token? */
static inline bool
seq_is_event(const struct seq_job *job)
{
	return job->kind != 0 && job->kind != ENTRY_TOKEN;
}

struct ledger;

struct ledger_options {
	const char *folder;     /* DIR/logs/<name> */
	const char *origin;
	const char *key_path;   /* the log's signing key */
	uint64_t map_size, free_bytes_min;
	size_t index_flush_rows;
	unsigned index_flush_ms;
	uint64_t verify_newest; /* entries checked at start; 0: 10,000 */
	const struct log_sink *sink;
	bool create;
};

/* Open a log: stores, journal comparison, verification of the newest entries, roll-forward of
 * journal and index (recover.c).
 * RC_CORRUPT with the first bad thing in 'why'; RC_STORE_DOUBT when the database is older than the
 * journal (a restored copy: never signed over). */
enum rc ledger_open(struct ledger **out, const struct ledger_options *options,
    const struct policy_rules *rules, struct why *why);
/* For tests and the simulator: parts made elsewhere (takes store, index, signer). */
enum rc ledger_open_parts(struct ledger **out, struct store *store, struct index *index,
    struct log_signer *signer, const struct policy_rules *rules, struct why *why);
void ledger_close(struct ledger *l);

/* One batch: at most SEQ_BATCH_MAX jobs.  Judges uniqueness, parents and time order against log and
 * batch; appends; signs; commits; journals. Every job gets its rc.  Gives RC_OK when the log goes
 * on; RC_STORE_DOUBT when the writer must stop (jobs then have RC_STORE_DOUBT: their outcome is
 * unknown, repeating them is safe); RC_NO_SPACE when nothing was written for want of disk. */
enum rc seq_step(struct ledger *l, struct seq_job *const *jobs, size_t count, int64_t now_ms);

/* Sign and commit a checkpoint of the present tree when there is none yet (an empty log's first). */
enum rc seq_first_checkpoint(struct ledger *l);

/* What a log's own entries say about keys, read-only, also beside the server that has it open.  It looks at every entry.  Of the
 * options: folder, origin, map_size.  history_free() the result. */
enum rc seq_peek_history(
    const struct ledger_options *options, struct history **out, struct why *why);

/* ---- any thread ---- */

const char *ledger_origin(const struct ledger *l);
const struct vkey *ledger_vkey(const struct ledger *l);
const struct log_signer *ledger_signer(const struct ledger *l);
const struct policy_rules *ledger_rules(const struct ledger *l);
struct store *ledger_store(struct ledger *l);
struct index *ledger_index(struct ledger *l);
struct history *ledger_history(const struct ledger *l); /* its own lock */
const struct book *ledger_book(const struct ledger *l); /* its own lock */
/* Entries that are committed, indexed and under a signed checkpoint: the size that answers are
 * given at. */
uint64_t ledger_published(const struct ledger *l);
bool ledger_stopped(const struct ledger *l); /* after doubt */

#endif
