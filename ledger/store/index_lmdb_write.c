/*
 * index_lmdb_write.c - a generation to disk: one transaction, each table in key order through one
 * cursor, so that neighbouring rows share the page that was just searched for.  Sorting before is
 * worth a factor of five over putting rows as they came.
 */
#include "store/index_disk.h"

#include <errno.h>
#include <stdlib.h>

#include "base/must.h"

struct order {
	const struct map *map;
	bool tag_first; /* sequences and lists: kind, then id */
};

static int
by_key(const void *a, const void *b, void *ctx)
{
	const struct order *o = ctx;
	const struct map_key *x = &o->map->keys[*(const uint32_t *)a];
	const struct map_key *y = &o->map->keys[*(const uint32_t *)b];

	if (o->tag_first && x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	if (x->w[0] != y->w[0])
		return x->w[0] < y->w[0] ? -1 : 1;
	if (x->w[1] != y->w[1])
		return x->w[1] < y->w[1] ? -1 : 1;
	/* The scope flag lies between jti and wid. */
	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	return map_key_cmp(x, y);
}

struct put {
	const struct gen *g;
	MDB_cursor *cursor;
};

static int
put_row(MDB_cursor *cursor, struct row *r)
{
	MDB_val k = {r->key_size, r->key}, v = {r->value_size, r->value};

	return mdb_cursor_put(cursor, &k, &v, 0);
}

static int
put_id(const struct put *p, uint32_t n)
{
	struct row row;

	row_id(&row, &p->g->ids.keys[n], p->g->id[n].index, p->g->id[n].iat, p->g->id[n].lower);
	return put_row(p->cursor, &row);
}

static int
put_children(const struct put *p, uint32_t n)
{
	struct row row;
	int e = 0;

	for (uint32_t i = p->g->parent[n].first; e == 0 && i != MAP_NONE; i = p->g->links[i].next) {
		row_child(&row, p->g->parents.keys[n].w[0], p->g->links[i].value);
		e = put_row(p->cursor, &row);
	}
	return e;
}

static int
put_hashes(const struct put *p, uint32_t n)
{
	struct row row;
	int e = 0;

	for (uint32_t i = p->g->hash[n].first; e == 0 && i != MAP_NONE; i = p->g->links[i].next) {
		row_hash(&row, &p->g->hashes.keys[n], p->g->links[i].value);
		e = put_row(p->cursor, &row);
	}
	return e;
}

static int
put_seq(const struct put *p, uint32_t n)
{
	struct row row;

	row_seq(&row, &p->g->seqs.keys[n], &p->g->seq[n]);
	return put_row(p->cursor, &row);
}

/* A list's entries of this generation, in as few blocks as hold them. */
static int
put_blocks(const struct put *p, uint32_t n)
{
	const struct gen *g = p->g;
	uint64_t before = 0, index = 0;
	struct row row;
	int e = 0;

	for (uint32_t i = g->list[n].first; e == 0 && i != MAP_NONE; i = g->posts[i].next) {
		bool first = i == g->list[n].first;

		index = g->first + g->posts[i].offset;
		if (first || !row_block_add(&row, before, index)) {
			if (!first) {
				row_block_end(&row);
				e = put_row(p->cursor, &row);
			}
			row_block_key(&row, &g->lists.keys[n], index);
		}
		before = index;
	}
	if (e != 0)
		return e;
	row_block_end(&row);
	return put_row(p->cursor, &row);
}

/* Every key of a map in its table's order. */
static int
put_table(MDB_txn *txn, MDB_dbi dbi, const struct gen *g, const struct order *order,
    int (*put)(const struct put *p, uint32_t n))
{
	size_t count = order->map->count;
	struct order o = *order;
	struct put p = {.g = g};
	uint32_t *sorted = NULL;
	int e = 0;

	if (count == 0)
		return 0;
	if ((sorted = malloc(count * sizeof *sorted)) == NULL)
		return ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = (uint32_t)i;
	qsort_r(sorted, count, sizeof *sorted, by_key, &o);
	if ((e = mdb_cursor_open(txn, dbi, &p.cursor)) == 0) {
		for (size_t i = 0; e == 0 && i < count; i++)
			e = put(&p, sorted[i]);
		mdb_cursor_close(p.cursor);
	}
	free(sorted);
	return e;
}

static int
put_tables(MDB_txn *txn, const struct disk *d, const struct gen *g)
{
	const struct order ids = {&g->ids, false}, parents = {&g->parents, false};
	const struct order hashes = {&g->hashes, false}, seqs = {&g->seqs, true};
	const struct order lists = {&g->lists, true};
	int e = 0;

	if ((e = put_table(txn, d->table[DISK_IDS], g, &ids, put_id)) != 0 ||
	    (e = put_table(txn, d->table[DISK_CHILDREN], g, &parents, put_children)) != 0 ||
	    (e = put_table(txn, d->table[DISK_HASHES], g, &hashes, put_hashes)) != 0 ||
	    (e = put_table(txn, d->table[DISK_SEQS], g, &seqs, put_seq)) != 0)
		return e;
	return put_table(txn, d->table[DISK_LISTS], g, &lists, put_blocks);
}

static int
put_reach(MDB_txn *txn, const struct disk *d, uint64_t reach)
{
	uint8_t counts[DISK_COUNTS_SIZE], number[8];
	int e = 0;

	put_u64(number, reach);
	if ((e = disk_put_meta(txn, d, "reach", bytes_of(number, 8))) != 0)
		return e;
	if ((e = disk_count(txn, d, counts)) != 0)
		return e;
	return disk_put_meta(txn, d, "counts", bytes_of(counts, sizeof counts));
}

enum rc
disk_write(struct disk *d, const struct gen *g)
{
	MDB_txn *txn = NULL;
	int e = 0;

	must(g->first == d->reach && g->end >= g->first);
	if ((e = mdb_txn_begin(d->env, NULL, 0, &txn)) != 0)
		return env_rc(e);
	if ((e = put_tables(txn, d, g)) != 0 || (e = put_reach(txn, d, g->end)) != 0) {
		mdb_txn_abort(txn);
		return env_rc(e);
	}
	if ((e = mdb_txn_commit(txn)) != 0)
		return env_rc(e);
	d->reach = g->end;
	return RC_OK;
}
