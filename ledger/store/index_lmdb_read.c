/*
 * index_lmdb_read.c - lookups in the index environment.
 *
 * Ids and hashes are kept by epoch.  An id is looked for in the epochs whose filter knows it, the
 * newest first; a hash in all of them, because people ask for hashes and the writer does not.
 * Nothing that is read is believed: an index at or above the reach, an order that goes back, a
 * value of another shape are damage.
 */
#include "store/index_disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct disk_read {
	struct disk *disk;
	MDB_txn *txn;
	MDB_cursor *cursor[DISK_TABLES]; /* opened when first asked for, renewed after */
	bool fresh[DISK_TABLES];	 /* of this snapshot */
	uint64_t reach;
	bool begun;
};

enum rc
disk_read_new(struct disk *d, struct disk_read **out)
{
	struct disk_read *r = calloc(1, sizeof *r);
	int e = 0;

	*out = NULL;
	if (r == NULL)
		return RC_NO_MEMORY;
	r->disk = d;
	if ((e = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &r->txn)) != 0) {
		free(r);
		return env_rc(e);
	}
	mdb_txn_reset(r->txn);
	*out = r;
	return RC_OK;
}

void
disk_read_free(struct disk_read *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < DISK_TABLES; i++)
		if (r->cursor[i] != NULL)
			mdb_cursor_close(r->cursor[i]);
	mdb_txn_abort(r->txn);
	free(r);
}

enum rc
disk_read_begin(struct disk_read *r, uint64_t *reach)
{
	struct bytes v = BYTES_NONE;
	int e = 0;

	must(!r->begun);
	if ((e = mdb_txn_renew(r->txn)) != 0)
		return env_rc(e);
	r->begun = true;
	memset(r->fresh, 0, sizeof r->fresh);
	if ((e = disk_get_meta(r->txn, r->disk, "reach", &v)) != 0 || v.n != 8) {
		disk_read_end(r);
		return e != 0 && e != MDB_NOTFOUND ? env_rc(e) : RC_CORRUPT;
	}
	r->reach = *reach = get_u64(v.p);
	return RC_OK;
}

void
disk_read_end(struct disk_read *r)
{
	must(r->begun);
	mdb_txn_reset(r->txn);
	r->begun = false;
}

static int
cursor_of(struct disk_read *r, enum disk_table t, MDB_cursor **out)
{
	int e = 0;

	must(r->begun);
	if (r->cursor[t] == NULL)
		e = mdb_cursor_open(r->txn, r->disk->table[t], &r->cursor[t]);
	else if (!r->fresh[t])
		e = mdb_cursor_renew(r->txn, r->cursor[t]);
	r->fresh[t] = e == 0;
	*out = r->cursor[t];
	return e;
}

static enum rc
get(struct disk_read *r, enum disk_table t, struct bytes key, struct bytes *value)
{
	MDB_val k = env_val(key), v = {0};
	int e = 0;

	must(r->begun);
	if ((e = mdb_get(r->txn, r->disk->table[t], &k, &v)) != 0)
		return env_rc(e);
	*value = env_bytes(&v);
	return RC_OK;
}

/* How many epochs have entries that a view of 'size' can see. */
static uint64_t
epoch_count(const struct disk_read *r, uint64_t size)
{
	uint64_t n = size < r->reach ? size : r->reach;

	return n == 0 ? 0 : ((n - 1) >> FILTER_EPOCH_BITS) + 1;
}

static enum rc
find_in(struct disk_read *r, uint64_t epoch, const struct map_key *id, struct index_hit *out)
{
	struct bytes value = BYTES_NONE;
	struct row row;
	enum rc rc = RC_OK;

	row_id_key(&row, epoch, id);
	if ((rc = get(r, DISK_IDS, bytes_of(row.key, row.key_size), &value)) != RC_OK)
		return rc;
	if (!row_id_read(bytes_of(row.key, row.key_size), value, out) || out->index >= r->reach)
		return RC_CORRUPT;
	return RC_OK;
}

enum rc
disk_find(struct disk_read *r, const struct map_key *id, uint64_t size, struct index_hit *out)
{
	uint64_t hash = disk_id_hash(r->disk, id);
	enum rc rc = RC_NOT_FOUND;

	for (uint64_t e = epoch_count(r, size); rc == RC_NOT_FOUND && e > 0; e--)
		if (filters_may_have(r->disk->filters, e - 1, hash))
			rc = find_in(r, e - 1, id, out);
	if (rc == RC_OK && out->index >= size)
		return RC_NOT_FOUND;
	return rc;
}

/* The ids of a jti in one epoch: up to two in all are of interest. */
static enum rc
find_any_in(struct disk_read *r, uint64_t epoch, const struct map_key *jti, uint64_t size,
    struct index_hit out[2], size_t *count)
{
	MDB_val k = {0}, v = {0};
	MDB_cursor *cursor = NULL;
	struct index_hit hit;
	struct row row;
	int e = cursor_of(r, DISK_IDS, &cursor);

	row_id_key(&row, epoch, jti);
	k = env_val(bytes_of(row.key, ROW_JTI_SIZE));
	if (e == 0)
		e = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (e == 0 && *count < 2) {
		if (k.mv_size < ROW_JTI_SIZE)
			return RC_CORRUPT;
		if (memcmp(k.mv_data, row.key, ROW_JTI_SIZE) != 0)
			return RC_OK;
		if (!row_id_read(env_bytes(&k), env_bytes(&v), &hit) || hit.index >= r->reach)
			return RC_CORRUPT;
		if (hit.index < size)
			out[(*count)++] = hit;
		e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	return e == 0 || e == MDB_NOTFOUND ? RC_OK : env_rc(e);
}

enum rc
disk_find_any(
    struct disk_read *r, const uint8_t *jti, uint64_t size, struct index_hit out[2], size_t *count)
{
	struct map_key key = gen_key_jti(jti);
	uint64_t hash = disk_id_hash(r->disk, &key);
	enum rc rc = RC_OK;

	*count = 0;
	for (uint64_t e = epoch_count(r, size); rc == RC_OK && *count < 2 && e > 0; e--)
		if (filters_may_have(r->disk->filters, e - 1, hash))
			rc = find_any_in(r, e - 1, &key, size, out, count);
	return rc;
}

/* One run of keys that share their first 'prefix' bytes, from 'row' on; what is read must
 * ascend. */
struct run {
	enum disk_table table;
	bool (*read)(struct bytes key, uint64_t *value);
	struct row row;
	size_t prefix;
	uint64_t from, size;
};

static enum rc
list_run(struct disk_read *r, const struct run *run, uint64_t *out, size_t room, size_t *count)
{
	MDB_val k = env_val(bytes_of(run->row.key, run->row.key_size)), v = {0};
	MDB_cursor *cursor = NULL;
	uint64_t from = run->from, value = 0;
	int e = cursor_of(r, run->table, &cursor);

	if (e == 0)
		e = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (e == 0 && *count < room) {
		if (!run->read(env_bytes(&k), &value))
			return RC_CORRUPT;
		if (memcmp(k.mv_data, run->row.key, run->prefix) != 0 || value >= run->size)
			return RC_OK;
		if (value >= r->reach || value < from)
			return RC_CORRUPT;
		from = value + 1;
		out[(*count)++] = value;
		if (*count < room)
			e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	return e == 0 || e == MDB_NOTFOUND ? RC_OK : env_rc(e);
}

enum rc
disk_children(struct disk_read *r, uint64_t parent, uint64_t after, uint64_t size, uint64_t *out,
    size_t room, size_t *count)
{
	struct run run = {.table = DISK_CHILDREN,
	    .read = row_child_read,
	    .prefix = 8,
	    .from = after == UINT64_MAX ? 0 : after + 1,
	    .size = size};

	*count = 0;
	row_child(&run.row, parent, run.from);
	return list_run(r, &run, out, room, count);
}

enum rc
disk_by_hash(struct disk_read *r, const struct map_key *prefix, uint64_t after, uint64_t size,
    uint64_t *out, size_t room, size_t *count)
{
	struct run run = {.table = DISK_HASHES,
	    .read = row_hash_read,
	    .prefix = ROW_JTI_SIZE,
	    .from = after == UINT64_MAX ? 0 : after + 1,
	    .size = size};
	uint64_t epochs = epoch_count(r, size);
	enum rc rc = RC_OK;

	*count = 0;
	for (uint64_t e = run.from >> FILTER_EPOCH_BITS; rc == RC_OK && e < epochs && *count < room;
	     e++) {
		row_hash(&run.row, prefix, run.from);
		rc = list_run(r, &run, out, room, count);
		run.from = (e + 1) << FILTER_EPOCH_BITS;
	}
	return rc;
}

enum rc
disk_seq(struct disk_read *r, const struct index_seq_key *key, struct index_seq_head *out)
{
	struct map_key k = gen_key_seq(key);
	struct index_seq_head none = {0};
	struct bytes value = BYTES_NONE;
	struct row row;
	enum rc rc = RC_OK;

	row_seq(&row, &k, &none);
	if ((rc = get(r, DISK_SEQS, bytes_of(row.key, row.key_size), &value)) != RC_OK)
		return rc;
	if (!row_seq_read(value, out) || out->last >= r->reach || out->count > r->reach)
		return RC_CORRUPT;
	return RC_OK;
}
