/*
 * store_lmdb_read.c - snapshots of the log environment.
 *
 * Readers keep finished transactions for the next reader: a reset transaction pins no page, and
 * renewing one costs no allocation.
 */
#include "store/store_lmdb_own.h"

#include <stdlib.h>

#include "base/must.h"

#define POOL_MAX 64

static struct lmdb_read *
read_of(struct store_read *r)
{
	return (struct lmdb_read *)r;
}

static struct lmdb_read *
pool_take(struct lmdb_store *l)
{
	struct lmdb_read *r = NULL;

	must(pthread_mutex_lock(&l->pool_lock) == 0);
	if ((r = l->pool) != NULL) {
		l->pool = r->next;
		l->pool_count--;
	}
	must(pthread_mutex_unlock(&l->pool_lock) == 0);
	return r;
}

static bool
pool_put(struct lmdb_store *l, struct lmdb_read *r)
{
	bool kept = false;

	must(pthread_mutex_lock(&l->pool_lock) == 0);
	if (l->pool_count < POOL_MAX) {
		r->next = l->pool;
		l->pool = r;
		l->pool_count++;
		kept = true;
	}
	must(pthread_mutex_unlock(&l->pool_lock) == 0);
	return kept;
}

static void
read_free(struct lmdb_read *r)
{
	if (r == NULL)
		return;
	if (r->txn != NULL)
		mdb_txn_abort(r->txn);
	free(r);
}

int
lmdb_entry_count(MDB_txn *txn, MDB_dbi dbi, uint64_t *count)
{
	MDB_stat st;
	int e = mdb_stat(txn, dbi, &st);

	*count = e == 0 ? st.ms_entries : 0;
	return e;
}

enum rc
lmdb_read_begin(struct store *s, struct store_read **out)
{
	struct lmdb_store *l = lmdb_of(s);
	struct lmdb_read *r = pool_take(l);
	int e = 0;

	if (r != NULL) {
		e = mdb_txn_renew(r->txn);
	} else {
		if ((r = calloc(1, sizeof *r)) == NULL)
			return RC_NO_MEMORY;
		if ((e = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &r->txn)) != 0)
			r->txn = NULL;
	}
	if (e == 0)
		e = lmdb_entry_count(r->txn, l->entry, &r->base.size);
	if (e != 0) {
		read_free(r);
		return env_rc(e);
	}
	r->base.store = s;
	*out = &r->base;
	return RC_OK;
}

void
lmdb_read_end(struct store_read *base)
{
	struct lmdb_read *r = read_of(base);

	must(r->txn != NULL);
	mdb_txn_reset(r->txn);
	if (!pool_put(lmdb_of(base->store), r))
		read_free(r);
}

static enum rc
get(struct lmdb_read *r, MDB_dbi dbi, struct bytes key, struct bytes *value)
{
	MDB_val k = env_val(key), v = {0};
	int e = mdb_get(r->txn, dbi, &k, &v);

	if (e != 0)
		return env_rc(e);
	*value = env_bytes(&v);
	return RC_OK;
}

enum rc
lmdb_get_entry(struct store_read *base, uint64_t index, struct bytes *entry)
{
	uint8_t key[LAYOUT_ENTRY_KEY];

	put_u64(key, index);
	return get(read_of(base), lmdb_of(base->store)->entry, bytes_of(key, sizeof key), entry);
}

enum rc
lmdb_get_tile(struct store_read *base, unsigned level, uint64_t number, struct bytes *hashes)
{
	uint8_t key[LAYOUT_TILE_KEY];

	layout_tile_key(key, level, number);
	return get(read_of(base), lmdb_of(base->store)->tile, bytes_of(key, sizeof key), hashes);
}

enum rc
lmdb_row_at(MDB_txn *txn, MDB_dbi dbi, MDB_cursor_op op, uint64_t *size, struct bytes *note)
{
	uint8_t key[LAYOUT_ENTRY_KEY];
	MDB_val k = {sizeof key, key}, v = {0};
	MDB_cursor *cursor = NULL;
	int e = 0;

	put_u64(key, *size);
	if ((e = mdb_cursor_open(txn, dbi, &cursor)) != 0)
		return env_rc(e);
	e = mdb_cursor_get(cursor, &k, &v, op);
	mdb_cursor_close(cursor);
	if (e != 0)
		return env_rc(e);
	if (k.mv_size != LAYOUT_ENTRY_KEY)
		return RC_CORRUPT;
	*size = get_u64(k.mv_data);
	*note = env_bytes(&v);
	return RC_OK;
}

enum rc
lmdb_get_head(struct store_read *base, uint64_t least, uint64_t *size, struct bytes *note)
{
	*size = least;
	return lmdb_row_at(
	    read_of(base)->txn, lmdb_of(base->store)->head, MDB_SET_RANGE, size, note);
}

enum rc
lmdb_get_last_head(struct store_read *base, uint64_t *size, struct bytes *note)
{
	*size = 0;
	return lmdb_row_at(read_of(base)->txn, lmdb_of(base->store)->head, MDB_LAST, size, note);
}

void
lmdb_pool_release(struct lmdb_store *l)
{
	struct lmdb_read *r = NULL;

	while ((r = pool_take(l)) != NULL)
		read_free(r);
}
