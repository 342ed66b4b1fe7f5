/*
 * store_lmdb_own.h - the LMDB store from inside: store_lmdb.c (opening, the writer) and
 * store_lmdb_read.c (snapshots).  Private to the room.
 */
#ifndef STORE_STORE_LMDB_OWN_H
#define STORE_STORE_LMDB_OWN_H

#include <pthread.h>

#include "store/env.h"
#include "store/journal.h"
#include "store/layout.h"
#include "store/ops.h"

struct lmdb_read {
	struct store_read base;
	MDB_txn *txn;
	struct lmdb_read *next; /* while pooled */
};

struct lmdb_store {
	struct store base;
	char *folder;
	int lock;
	MDB_env *env;
	MDB_dbi entry, tile, head, meta;
	MDB_txn *txn; /* the open batch */
	struct journal *journal;
	uint64_t free_least;
	uint8_t incarnation[LAYOUT_INCARNATION_SIZE];
	pthread_mutex_t pool_lock;
	struct lmdb_read *pool;
	size_t pool_count;
};

static inline struct lmdb_store *
lmdb_of(struct store *s)
{
	return (struct lmdb_store *)s;
}

enum rc lmdb_read_begin(struct store *s, struct store_read **out);
void lmdb_read_end(struct store_read *r);
/* Free the transactions that are kept for the next reader. */
void lmdb_pool_release(struct lmdb_store *l);
enum rc lmdb_get_entry(struct store_read *r, uint64_t index, struct bytes *entry);
enum rc lmdb_get_tile(struct store_read *r, unsigned level, uint64_t number, struct bytes *hashes);
enum rc lmdb_get_head(struct store_read *r, uint64_t least, uint64_t *size, struct bytes *note);
enum rc lmdb_get_last_head(struct store_read *r, uint64_t *size, struct bytes *note);

/* The row at or after *size (MDB_SET_RANGE), or the last one (MDB_LAST), of a table keyed by u64. */
enum rc lmdb_row_at(
    MDB_txn *txn, MDB_dbi dbi, MDB_cursor_op op, uint64_t *size, struct bytes *note);
int lmdb_entry_count(MDB_txn *txn, MDB_dbi dbi, uint64_t *count);

#endif
