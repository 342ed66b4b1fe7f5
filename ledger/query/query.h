/*
 * query.h - questions over one read snapshot at one tree size.
 *
 * Every answer says its size, is deterministic (same question, same size: same answer), and has a
 * budget: over it the answer is incomplete and says so.  Stored bytes are checked against the leaf
 * hash in the tile before they are used (RC_CORRUPT otherwise).  Threads: reader threads; a view is
 * one thread's.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "base/budget.h"
#include "claim/claim.h"
#include "claim/entry.h"
#include "policy/book.h"
#include "seal/receipt.h"
#include "store/index.h"
#include "store/store.h"
#include "tree/tile.h"

struct query_log {            /* what a query needs of a log */
	struct store *store;
	struct index *index;
	uint64_t size;        /* ledger_published() when the query began */
	struct history *history; /* of the log's keys */
	const struct book *book; /* of its policy documents; NULL: the defaults */
};

struct query_view;            /* snapshot + tree size */
/* 'at' 0: log->size.  RC_NOT_FOUND when at > size. */
enum rc query_view_begin(const struct query_log *log, uint64_t at, struct query_view **out);
void query_view_end(struct query_view *v);
uint64_t query_view_size(const struct query_view *v);
struct history *query_view_history(const struct query_view *v); /* NULL: not known */
const struct book *query_view_book(const struct query_view *v); /* NULL: not known */

struct query_id {             /* how people name a task */
	bool by_index;
	uint64_t index;
	uint8_t jti[UUID_SIZE];
	bool has_wid, any_wid;
	uint8_t wid[UUID_SIZE];
};
/* The entry's index.  RC_NOT_FOUND, RC_AMBIGUOUS. */
enum rc query_resolve(struct query_view *v, const struct query_id *id, uint64_t *index, struct why *why);

struct query_entry {          /* an entry with its claims; lives in the arena it was read into */
	uint64_t index;
	struct hash leaf;
	struct bytes raw;
	struct entry entry;
	struct token token;
	struct claim claim;
};
/* Read, check the hash, parse: a copy in the arena, so that it outlives the view.  An equivocation has
 * the claims of the token that was refused, and its one parent is the entry that holds the id; an
 * entry without a token (a key event) has an empty claim of the plain kind. */
enum rc query_entry(struct query_view *v, uint64_t index, struct arena *arena, struct query_entry *out, struct why *why);

/* Receipt for an entry under the checkpoint of the view's size; a size that was never signed (the
 * middle of a batch) uses the first checkpoint after it.  The proof is checked before it is given:
 * RC_CORRUPT when the tiles do not lead to the signed root. */
enum rc query_receipt(struct query_view *v, uint64_t index, struct arena *arena, struct receipt *out, struct why *why);
enum rc query_checkpoint(struct query_view *v, struct arena *arena, struct bytes *note, struct why *why);
enum rc query_consistency(struct query_view *v, uint64_t old_size, uint64_t new_size,
    struct hash path[TREE_CONSISTENCY_MAX], unsigned *count, struct hash *old_root, struct hash *new_root, struct why *why);

/* The lowest level among a task and all its ancestors; 0 for what has none. */
enum token_level query_chain_level(const struct entry *entry);
/* Entries whose input or output hash is this (ascending). */
enum rc query_by_hash(struct query_view *v, const struct claim_hash *hash, const struct budget *budget,
    uint64_t **out, size_t *count, bool *complete, struct why *why);


#endif
