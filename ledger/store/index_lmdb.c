/*
 * index_lmdb.c - the index environment, opened.  index_lmdb_read.c reads it, index_lmdb_write.c
 * writes it.
 *
 * The environment says how far it reaches, and with each write how many rows each table then has;
 * both are compared at open.  LMDB keeps no checksums, so this finds a damaged tree often, not
 * always; whoever answers from the index reads the entry and compares.
 */
#include "store/index_disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/random.h"
#include "store/files.h"

#define RULE "STORAGE 4 (index environment)"

/* ---- opening ---- */

int
disk_count(MDB_txn *txn, const struct disk *d, uint8_t out[DISK_COUNTS_SIZE])
{
	MDB_stat st;
	int e = 0;

	for (size_t i = 0; e == 0 && i < DISK_TABLES; i++) {
		e = mdb_stat(txn, d->table[i], &st);
		put_u64(out + 8 * i, e == 0 ? st.ms_entries : 0);
	}
	return e;
}

static const char *const table_names[DISK_TABLES] = {
    "ids", "children", "hashes", "seqs", "filters"};

static int
open_tables(struct disk *d, MDB_txn *txn, unsigned flags)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < DISK_TABLES; i++)
		e = mdb_dbi_open(txn, table_names[i], flags, &d->table[i]);
	if (e == 0)
		e = mdb_dbi_open(txn, "meta", flags, &d->meta);
	return e;
}

int
disk_put_meta(MDB_txn *txn, const struct disk *d, const char *key, struct bytes value)
{
	MDB_val k = env_val(bytes_str(key)), v = env_val(value);

	return mdb_put(txn, d->meta, &k, &v, 0);
}

int
disk_get_meta(MDB_txn *txn, const struct disk *d, const char *key, struct bytes *value)
{
	MDB_val k = env_val(bytes_str(key)), v = {0};
	int e = mdb_get(txn, d->meta, &k, &v);

	*value = e == 0 ? env_bytes(&v) : BYTES_NONE;
	return e;
}

static int
first_commit(struct disk *d, const char *origin)
{
	uint8_t zero[DISK_COUNTS_SIZE] = {0};
	struct map_seed seed;
	MDB_txn *txn = NULL;
	int e = mdb_txn_begin(d->env, NULL, 0, &txn);

	if (e != 0)
		return e;
	e = open_tables(d, txn, MDB_CREATE);
	if (e == 0)
		e = disk_put_meta(txn, d, "format", bytes_str(DISK_FORMAT));
	if (e == 0)
		e = disk_put_meta(txn, d, "origin", bytes_str(origin));
	if (e == 0)
		e = disk_put_meta(txn, d, "reach", bytes_of(zero, 8));
	random_bytes(&seed, sizeof seed);
	if (e == 0)
		e = disk_put_meta(txn, d, "seed", bytes_of(&seed, sizeof seed));
	if (e == 0)
		e = disk_put_meta(txn, d, "counts", bytes_of(zero, sizeof zero));
	if (e != 0) {
		mdb_txn_abort(txn);
		return e;
	}
	return mdb_txn_commit(txn);
}

static enum rc
foreign(struct why *why, const char *folder, const char *what)
{
	return why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s: %s", folder, what);
}

/* Every answer but "ours and whole" means: destroy and rebuild. */
static enum rc
check(struct disk *d, MDB_txn *txn, const struct index_options *o, struct why *why)
{
	uint8_t counts[DISK_COUNTS_SIZE];
	struct bytes v = BYTES_NONE;
	MDB_stat st;

	if (open_tables(d, txn, 0) != 0)
		return foreign(why, o->folder, "tables are missing");
	if (disk_get_meta(txn, d, "format", &v) != 0 || !bytes_is(v, DISK_FORMAT))
		return foreign(why, o->folder, "another format");
	if (disk_get_meta(txn, d, "origin", &v) != 0 || !bytes_is(v, o->origin))
		return foreign(why, o->folder, "another log's");
	if (disk_get_meta(txn, d, "reach", &v) != 0 || v.n != 8)
		return foreign(why, o->folder, "no reach");
	d->reach = get_u64(v.p);
	if (disk_get_meta(txn, d, "seed", &v) != 0 || v.n != sizeof d->seed)
		return foreign(why, o->folder, "no seed");
	memcpy(&d->seed, v.p, sizeof d->seed);
	if (disk_get_meta(txn, d, "counts", &v) != 0 || disk_count(txn, d, counts) != 0 ||
	    !bytes_eq(v, bytes_of(counts, sizeof counts)))
		return foreign(why, o->folder, "row counts differ");
	if (mdb_stat(txn, d->table[DISK_IDS], &st) != 0 || st.ms_entries > d->reach)
		return foreign(why, o->folder, "more ids than entries");
	return RC_OK;
}

uint64_t
disk_id_hash(const struct disk *d, const struct map_key *id)
{
	struct map_key jti = {{id->w[0], id->w[1], 0, 0}, 0};

	return map_hash(d->seed, &jti);
}

/* The newest epoch's filter was never finished: make it again from its ids. */
static enum rc
refill(struct disk *d, MDB_txn *txn, uint64_t epoch)
{
	struct map_key none = {{0, 0, 0, 0}, 0}, id = none;
	MDB_cursor *cursor = NULL;
	MDB_val k = {0}, v = {0};
	struct row row;
	enum rc rc = filters_begin(d->filters, epoch);
	int e = 0;

	if (rc != RC_OK)
		return rc;
	row_id_key(&row, epoch, &none);
	k = env_val(bytes_of(row.key, ROW_EPOCH_SIZE));
	if ((e = mdb_cursor_open(txn, d->table[DISK_IDS], &cursor)) != 0)
		return env_rc(e);
	e = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (
	    e == 0 && k.mv_size > ROW_JTI_SIZE && memcmp(k.mv_data, row.key, ROW_EPOCH_SIZE) == 0) {
		id = gen_key_jti((const uint8_t *)k.mv_data + ROW_EPOCH_SIZE);
		filters_add(d->filters, epoch, disk_id_hash(d, &id));
		e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return e == 0 || e == MDB_NOTFOUND ? RC_OK : env_rc(e);
}

/* A filter that lost a bit would hide an entry, so each has its hash. */
static enum rc
load_filter(struct disk *d, MDB_txn *txn, uint64_t epoch)
{
	uint8_t key[8];
	MDB_val k = {sizeof key, key}, v = {0};
	struct bytes x = BYTES_NONE;
	struct hash h;

	put_u64(key, epoch);
	if (mdb_get(txn, d->table[DISK_FILTERS], &k, &v) != 0)
		return RC_CORRUPT;
	if (v.mv_size != FILTER_BYTES + HASH_SIZE)
		return RC_CORRUPT;
	x = bytes_of(v.mv_data, FILTER_BYTES);
	hash_of(x, &h);
	if (memcmp(h.b, x.p + FILTER_BYTES, HASH_SIZE) != 0)
		return RC_CORRUPT;
	return filters_load(d->filters, epoch, x);
}

static enum rc
load_filters(struct disk *d, MDB_txn *txn, const struct index_options *o, struct why *why)
{
	uint64_t last = d->reach >> FILTER_EPOCH_BITS;
	enum rc rc = RC_OK;

	if ((d->filters = filters_new()) == NULL)
		return RC_NO_MEMORY;
	for (uint64_t e = 0; rc == RC_OK && e < last && e < FILTER_EPOCHS_MAX; e++)
		rc = load_filter(d, txn, e);
	if (rc == RC_OK)
		rc = refill(d, txn, last);
	return rc == RC_CORRUPT ? foreign(why, o->folder, "a filter is damaged") : rc;
}

static enum rc
load(struct disk *d, const struct index_options *o, struct why *why)
{
	MDB_txn *txn = NULL;
	enum rc rc = RC_OK;
	int e = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn);

	if (e != 0)
		return env_failed(why, e, "begin in", o->folder);
	if ((rc = check(d, txn, o, why)) == RC_OK)
		rc = load_filters(d, txn, o, why);
	/* Committing, not aborting, keeps the table handles. */
	if (rc == RC_OK && (e = mdb_txn_commit(txn)) != 0)
		return env_failed(why, e, "read", o->folder);
	if (rc != RC_OK)
		mdb_txn_abort(txn);
	return rc;
}

enum rc
disk_open(struct disk **out, const struct index_options *o, struct why *why)
{
	struct env_options options = {.folder = o->folder, .map_size = o->map_size};
	struct disk *d = NULL;
	enum rc rc = RC_OK;
	int e = 0;

	must(o->folder != NULL && o->origin != NULL);
	*out = NULL;
	options.create = !files_exists(o->folder);
	if (options.create && !o->create)
		return why_set(why, RC_NOT_FOUND, RULE, NULL, 0, "%.100s is not there", o->folder);
	if (options.create && (rc = files_make_folder(o->folder, why)) != RC_OK)
		return rc;
	if ((d = calloc(1, sizeof *d)) == NULL)
		return RC_NO_MEMORY;
	if ((rc = env_open(&d->env, &options, why)) != RC_OK)
		goto out;
	if (options.create && (e = first_commit(d, o->origin)) != 0)
		rc = env_failed(why, e, "first commit in", o->folder);
	else
		rc = load(d, o, why);
out:
	if (rc == RC_OK)
		*out = d;
	else
		disk_close(d);
	return rc;
}

void
disk_close(struct disk *d)
{
	if (d == NULL)
		return;
	if (d->env != NULL)
		mdb_env_close(d->env);
	filters_free(d->filters);
	free(d);
}

uint64_t
disk_reach(const struct disk *d)
{
	return d->reach;
}
