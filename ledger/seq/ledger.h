/*
 * ledger.h - the inside of one log at work; private to seq/ and its tests.
 *
 * Owned by the writer thread, except: published and stopped (atomics, any thread) and everything
 * that never changes after opening.
 */
#ifndef SEQ_LEDGER_H
#define SEQ_LEDGER_H

#include <stdatomic.h>

#include "seq/batch.h"
#include "seq/seq.h"

#define SEQ_TASKS 4

struct ledger {
	/* fixed after opening */
	struct store *store;
	struct index *index;
	struct log_signer signer;
	const struct policy_rules *rules;
	char *origin;
	char *index_folder;         /* NULL: in memory */
	uint8_t limits[ENTRY_LIMITS_SIZE];

	/* the writer's: the committed state */
	struct tile_writer *tiles;  /* right edge; size = committed entries outside a step */
	uint64_t received_last_ms;  /* of the newest entry */
	struct buf note;            /* newest checkpoint, */
	struct hash root;           /* and its root */
	struct buf note_next;       /* the one being made */

	/* the writer's: one batch */
	struct batch *batch;
	struct arena arena;         /* reset at each step */
	struct arena scratch;       /* one stored entry at a time */
	struct arena tasks[SEQ_TASKS]; /* stored tasks that a demand looks at, one in each */
	struct index_row *rows;     /* SEQ_BATCH_MAX */
	struct tile_reader *reader; /* receipts of duplicates */

	struct history *history;    /* has a lock of its own */
	uint64_t key_entries;       /* that it was built from */
	struct book *book;          /* policy documents; has a lock of its own */

	bool index_bad;             /* it gave damage: rebuild it at the next start */

	_Atomic uint64_t published;
	_Atomic bool stopped;
};

/* Build the parts' common state from the stores as they are: right edge, newest checkpoint, last
 * receive time. */
enum rc ledger_load(struct ledger *l, struct why *why);

/* Tiles of a read snapshot, as tree/ wants them.  'read' is kept until the store is used no more. */
struct tile_store ledger_tiles(struct store_read *read);

/* What an entry adds to the index: the same function when it is written and when the index is
 * rebuilt.  'kinds' is the table of the policy document in force at it.  Its first two sequences are those of the entry's two links, the others those of its
 * foreign links, in their order.  'claim' is that of the token, refused or not; NULL for events.
 * Views into entry and claim; memory from 'arena'. */
enum rc ledger_row(uint64_t index, const struct entry *entry, const struct claim *claim,
    const struct kinds *kinds, struct arena *arena, struct index_row *row);

/* The id of a kind's list: of a node kind, "key", "policy", "descriptor" or "equivocation". */
void ledger_kind_id(const char *name, uint8_t id[UUID_SIZE]);

/* Check the stores against each other and roll the journal forward (recover.c). */
enum rc recover_journal(struct ledger *l, const struct log_sink *sink, struct why *why);
/* Bring the index from where it reaches to the end of the log. */
enum rc recover_index(struct ledger *l, struct why *why);
/* Read the log's own key events into its history.  RC_CORRUPT: index and log disagree about where
 * they are, and the index is at fault or the log is. */
enum rc recover_history(struct ledger *l, struct why *why);
/* Likewise its policy documents into its book; a book that has some already is held against them.
 * RC_BAD_CONFIG: one that this version cannot read. */
enum rc recover_book(struct ledger *l, struct why *why);
/* The stored entry 'index' is what its leaf says. */
enum rc recover_leaf(
    struct store_read *read, uint64_t index, struct bytes raw, struct hash *leaf);
enum rc recover_newest(struct ledger *l, uint64_t count, struct why *why);

#endif
