/*
 * fsck_index.c - the index environment against what the tokens say (docs/STORAGE.md, "Index
 * environment").
 *
 *   ids       jti | 0, or jti | 1 | wid -> index, iat (zigzag), and 1 behind an L1 token
 *   children  parent u64 | child u64    -> nothing
 *   hashes    16 bytes | index u64      -> nothing
 *   seqs      kind | id                 -> count, last
 *   lists     kind | id | index u64     -> the indexes that follow, as differences
 *
 * Every row must be one that the tokens give, and there must be as many rows as they give: then
 * nothing is missing either.
 */
#include "fsck_graph.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROW_CHECK 4

enum table { IDS, CHILDREN, HASHES, SEQS, LISTS, TABLES };

struct fsck_index {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table[TABLES], meta;
	uint64_t reach;
	size_t tables; /* format 1 has no lists */

	/* the list that is being walked */
	struct fsck_seq list;
	uint64_t lists; /* that were whole */
};

static const char *const names[TABLES] = {"ids", "children", "hashes", "seqs", "lists"};

static void
different(struct fsck *f, const char *table, uint64_t index, const char *what)
{
	char at[32];

	snprintf(at, sizeof(at), "index/%s", table);
	f->index_state = "different";
	fsck_problem(f, FSCK_INDEX, index, at, "%s", what);
}

static bool
meta_is(struct fsck_index *x, const char *key, const char *want)
{
	MDB_val k = {strlen(key), (char *)(uintptr_t)key}, v;

	return mdb_get(x->txn, x->meta, &k, &v) == 0 && v.mv_size == strlen(want) &&
	       memcmp(v.mv_data, want, v.mv_size) == 0;
}

struct fsck_index *
fsck_index_open(struct fsck *f)
{
	struct fsck_index *x = fsck_alloc(1, sizeof(*x));
	char *folder = fsck_path(f->folder, "index"), *data = fsck_path(folder, "data.mdb");
	MDB_val k = {5, (char *)(uintptr_t) "reach"}, v;
	struct stat st;
	bool ok = false;

	f->index_state = "absent";
	if (stat(data, &st) != 0)
		goto out;
	f->index_state = "different";
	if ((x->env = fsck_env_open(f, FSCK_INDEX, folder, &x->txn)) == NULL)
		goto out;
	ok = mdb_dbi_open(x->txn, "meta", 0, &x->meta) == 0;
	x->tables = ok && meta_is(x, "format", "1") ? LISTS : TABLES;
	for (size_t i = 0; i < x->tables && ok; i++)
		ok = mdb_dbi_open(x->txn, names[i], 0, &x->table[i]) == 0;
	if (!ok)
		different(f, "meta", FSCK_NONE, "a table is missing");
	else if (x->tables == TABLES && !meta_is(x, "format", "2"))
		different(f, "meta", FSCK_NONE, "it has another format"), ok = false;
	else if (mdb_get(x->txn, x->meta, &k, &v) != 0 || v.mv_size != 8)
		different(f, "meta", FSCK_NONE, "it does not say how far it reaches"), ok = false;
	else
		f->index_reach = x->reach = fsck_u64(v.mv_data);
out:
	free(data);
	free(folder);
	if (ok)
		return x;
	fsck_index_close(x);
	return NULL;
}

void
fsck_index_close(struct fsck_index *x)
{
	if (x == NULL)
		return;
	mdb_txn_abort(x->txn);
	if (x->env != NULL)
		mdb_env_close(x->env);
	free(x);
}

uint64_t
fsck_index_reach(const struct fsck_index *x)
{
	return x != NULL ? x->reach : FSCK_NONE;
}

/* LEB128; false when it does not end. */
static bool
varint(struct span *x, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; x->n > 0 && shift < 64; shift += 7) {
		uint8_t b = *x->p++;

		x->n--;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return true;
	}
	return false;
}

/* The entry that a row speaks of, when the index reaches it and it could be read. */
static const struct fsck_node *
node(const struct fsck *f, uint64_t index)
{
	const struct fsck_graph *g = f->graph;

	return index < g->count && index < f->index_reach && g->nodes[index].read ? &g->nodes[index]
										  : NULL;
}

/* A value ends in the first bytes of SHA-256(key || value before them). */
static bool
checked(struct fsck *f, struct span key, struct span *value)
{
	uint8_t want[FSCK_HASH];

	if (value->n < ROW_CHECK)
		return false;
	value->n -= ROW_CHECK;
	fsck_hash(f, key, *value, want);
	return memcmp(want, value->p + value->n, ROW_CHECK) == 0;
}

static bool
id_row(struct fsck *f, struct fsck_index *x, struct span key, struct span value, uint64_t *index)
{
	static const uint8_t zero[FSCK_ID];
	uint64_t iat = 0;
	const struct fsck_node *n;
	const uint8_t *wid = zero;

	if ((key.n != 17 || key.p[16] != 0) && (key.n != 33 || key.p[16] != 1))
		return false;
	if (key.n == 33)
		wid = key.p + 17;
	if (!checked(f, key, &value) || !varint(&value, index) || !varint(&value, &iat))
		return false;
	n = node(f, *index);
	if (n == NULL || !n->is_task)
		return false;
	/* Format 1 did not know about L1. */
	if (x->tables == TABLES && n->lower) {
		if (value.n != 1 || value.p[0] != 1)
			return false;
	} else if (value.n != 0) {
		return false;
	}
	return memcmp(n->task.jti, key.p, FSCK_ID) == 0 && memcmp(n->task.wid, wid, FSCK_ID) == 0 &&
	       iat == (uint64_t)n->task.iat << 1;
}

static bool
child_row(struct fsck *f, struct fsck_index *x, struct span key, struct span value, uint64_t *index)
{
	const struct fsck_node *n;
	uint64_t parent;

	(void)x;
	if (key.n != 16 || value.n != 0)
		return false;
	parent = fsck_u64(key.p);
	*index = fsck_u64(key.p + 8);
	if ((n = node(f, *index)) == NULL)
		return false;
	for (uint32_t i = 0; i < n->parent_count; i++)
		if (f->graph->parents[n->first_parent + i] == parent)
			return true;
	return false;
}

static bool
hash_row(struct fsck *f, struct fsck_index *x, struct span key, struct span value, uint64_t *index)
{
	const struct fsck_node *n;

	(void)x;
	if (key.n != 24 || value.n != 0)
		return false;
	*index = fsck_u64(key.p + 16);
	if ((n = node(f, *index)) == NULL)
		return false;
	for (uint8_t i = 0; i < n->task.hash_count; i++)
		if (memcmp(n->task.hash[i], key.p, FSCK_ID) == 0)
			return true;
	return false;
}

static int
by_kind_and_id(const void *a, const void *b)
{
	const struct fsck_seq *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return memcmp(x->id, y->id, FSCK_ID);
}

static bool
seq_row(struct fsck *f, struct fsck_index *x, struct span key, struct span value, uint64_t *index)
{
	struct fsck_graph *g = f->graph;
	struct fsck_seq want = {.count = 0}, *s;
	uint64_t count, last;

	(void)x;
	*index = FSCK_NONE;
	if (key.n != 17 || key.p[0] < 1 || key.p[0] >= FSCK_SEQ_KINDS)
		return false;
	want.kind = key.p[0];
	memcpy(want.id, key.p + 1, FSCK_ID);
	if (!checked(f, key, &value) || !varint(&value, &count) || !varint(&value, &last) ||
	    value.n != 0)
		return false;
	*index = last;
	s = bsearch(&want, g->marked, g->marked_count, sizeof(*s), by_kind_and_id);
	return s != NULL && s->count == count && s->last == last;
}

/* ---- lists ---- */

/* The list that was walked is at its end: is it the one that the tokens give? */
static bool
list_end(struct fsck *f, struct fsck_index *x)
{
	struct fsck_graph *g = f->graph;
	struct fsck_seq *s;

	if (x->list.count == 0)
		return true;
	s = bsearch(&x->list, g->marked, g->marked_count, sizeof(*s), by_kind_and_id);
	x->lists++;
	return s != NULL && s->count == x->list.count && s->last == x->list.last &&
	       s->sum == x->list.sum;
}

static bool
list_add(struct fsck_index *x, uint64_t index)
{
	if ((x->list.count > 0 && index <= x->list.last) || index >= x->reach)
		return false;
	x->list.count++;
	x->list.last = index;
	x->list.sum = fsck_list_sum(x->list.sum, index);
	return true;
}

/*
 * A block: the first index in the key, the others as the difference less one.  Blocks of a list are
 * neighbours, so the list is compared when the next one begins.
 */
static bool
list_row(struct fsck *f, struct fsck_index *x, struct span key, struct span value, uint64_t *index)
{
	bool same, ok = true;
	uint64_t more;

	*index = FSCK_NONE;
	if (key.n != 25 || key.p[0] < 1 || key.p[0] >= FSCK_LIST_KINDS)
		return false;
	same = x->list.count > 0 && x->list.kind == FSCK_LIST + (unsigned)key.p[0] &&
	       memcmp(x->list.id, key.p + 1, FSCK_ID) == 0;
	if (!same) {
		ok = list_end(f, x);
		*index = ok ? FSCK_NONE : x->list.last;
		memset(&x->list, 0, sizeof(x->list));
		x->list.kind = FSCK_LIST + (unsigned)key.p[0];
		memcpy(x->list.id, key.p + 1, FSCK_ID);
	}
	if (!checked(f, key, &value) || !list_add(x, fsck_u64(key.p + 17)))
		return false;
	while (value.n > 0)
		if (!varint(&value, &more) || more >= x->reach ||
		    !list_add(x, x->list.last + 1 + more))
			return false;
	return ok;
}

/* Whether all lists were there is only known behind the last one. */
static void
lists_end(struct fsck *f, struct fsck_index *x)
{
	if (!list_end(f, x))
		different(f, names[LISTS], x->list.last, "a list that the tokens do not give");
	if (x->lists != f->graph->marked_count - f->graph->marked_seqs)
		different(f, names[LISTS], FSCK_NONE, "lists are missing");
}

/* How many rows the tokens give; how many blocks the lists are in is the writer's choice. */
static void
count_rows(const struct fsck *f, uint64_t want[TABLES])
{
	const struct fsck_graph *g = f->graph;

	memset(want, 0, TABLES * sizeof(*want));
	want[SEQS] = g->marked_seqs;
	for (size_t i = 0; i < g->count && i < f->index_reach; i++) {
		const struct fsck_node *n = &g->nodes[i];

		want[IDS] += n->is_task;
		want[HASHES] += n->task.hash_count;
		for (uint32_t p = 0; p < n->parent_count; p++)
			want[CHILDREN] += g->parents[n->first_parent + p] != FSCK_NONE;
	}
}

static void
compare_table(struct fsck *f, struct fsck_index *x, enum table t, uint64_t want)
{
	static bool (*const row[TABLES])(struct fsck *, struct fsck_index *, struct span,
	    struct span, uint64_t *) = {id_row, child_row, hash_row, seq_row, list_row};
	uint8_t before[64];
	size_t before_size = 0;
	uint64_t rows = 0, index;
	MDB_cursor *cursor = NULL;
	MDB_val k, v;
	int e = mdb_cursor_open(x->txn, x->table[t], &cursor);

	while (e == 0 && (e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		size_t n = k.mv_size < before_size ? k.mv_size : before_size;

		/* A damaged tree can lead in a circle: keys must ascend. */
		if (k.mv_size > sizeof(before) || (rows > 0 && memcmp(k.mv_data, before, n) < 0) ||
		    (rows > 0 && k.mv_size == before_size && memcmp(k.mv_data, before, n) == 0)) {
			different(f, names[t], FSCK_NONE, "its keys do not ascend");
			break;
		}
		memcpy(before, k.mv_data, k.mv_size);
		before_size = k.mv_size;
		rows++;
		index = FSCK_NONE;
		if (!row[t](f, x, (struct span){k.mv_data, k.mv_size},
			(struct span){v.mv_data, v.mv_size}, &index))
			different(f, names[t], index, "a row that the tokens do not give");
	}
	mdb_cursor_close(cursor);
	if (e != 0 && e != MDB_NOTFOUND)
		different(f, names[t], FSCK_NONE, mdb_strerror(e));
	else if (t == LISTS)
		lists_end(f, x);
	else if (rows != want)
		different(f, names[t], FSCK_NONE,
		    rows < want ? "rows are missing" : "there are too many rows");
}

void
fsck_index_compare(struct fsck *f, struct fsck_index *x)
{
	uint64_t want[TABLES];

	if (x == NULL)
		return;
	if (f->graph->holes > 0) { /* what it should have cannot be told */
		f->index_state = "not_checked";
		return;
	}
	f->index_state = "ok";
	if (x->reach > f->entries) {
		different(f, "meta", FSCK_NONE, "it reaches further than the log");
		return;
	}
	if (f->origin[0] != '\0' && !meta_is(x, "origin", f->origin)) {
		different(f, "meta", FSCK_NONE, "it is another log's");
		return;
	}
	count_rows(f, want);
	if (f->graph->marked_count > 1)
		qsort(f->graph->marked, f->graph->marked_count, sizeof(*f->graph->marked),
		    by_kind_and_id);
	for (size_t i = 0; i < x->tables; i++)
		compare_table(f, x, (enum table)i, want[i]);
}
