/*
 * index_lmdb.c - the index environment, opened and read.  index_lmdb_write.c writes it.
 *
 * The environment says how far it reaches, and with each write how many rows each table then has;
 * both are compared at open.  LMDB keeps no checksums, so this finds a damaged tree often, not
 * always; whoever answers from the index reads the entry and compares.
 */
#include "store/index_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
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

static const char *const table_names[DISK_TABLES] = {"ids", "children", "hashes", "seqs", "lists"};

static int
open_tables(struct disk *d, MDB_txn *txn, unsigned flags)
{
	int e = mdb_dbi_open(txn, "meta", flags, &d->meta);

	for (size_t i = 0; e == 0 && i < DISK_TABLES; i++)
		e = mdb_dbi_open(txn, table_names[i], flags, &d->table[i]);
	return e;
}

int
disk_put_meta(MDB_txn *txn, const struct disk *d, const char *key, struct bytes value)
{
	MDB_val k = env_val(bytes_str(key)), v = env_val(value);

	return mdb_put(txn, d->meta, &k, &v, 0);
}

static int
get_meta(MDB_txn *txn, const struct disk *d, const char *key, struct bytes *value)
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
	char format[24];
	MDB_txn *txn = NULL;
	int e = mdb_txn_begin(d->env, NULL, 0, &txn);

	if (e != 0)
		return e;
	snprintf(format, sizeof format, "%u", DISK_FORMAT);
	e = open_tables(d, txn, MDB_CREATE);
	if (e == 0)
		e = disk_put_meta(txn, d, "format", bytes_str(format));
	if (e == 0)
		e = disk_put_meta(txn, d, "origin", bytes_str(origin));
	if (e == 0)
		e = disk_put_meta(txn, d, "reach", bytes_of(zero, 8));
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

/* The format alone: it says how the rest is to be read.  0: none that makes sense. */
static unsigned
format_of(struct disk *d, MDB_txn *txn)
{
	struct bytes v = BYTES_NONE;

	if (mdb_dbi_open(txn, "meta", 0, &d->meta) != 0 || get_meta(txn, d, "format", &v) != 0)
		return 0;
	return env_format(v);
}

/* A newer program's index could be deleted and made again, but whoever started the older program by
 * mistake would then wait for it twice; so that is left to people. */
static enum rc
check_format(struct disk *d, MDB_txn *txn, const struct index_options *o, struct why *why)
{
	unsigned format = format_of(d, txn);

	if (format == 0)
		return foreign(why, o->folder, "no format");
	if (format < DISK_FORMAT)
		return why_set(why, RC_CORRUPT, RULE, NULL, 0,
		    "%.100s: format %u of an older version", o->folder, format);
	if (format > DISK_FORMAT)
		return why_set(why, RC_BAD_CONFIG, RULE, NULL, 0,
		    "%.100s: format %u, made by a newer version; this one knows %u", o->folder,
		    format, DISK_FORMAT);
	return RC_OK;
}

/* Every answer but "ours and whole" and "newer" means: destroy and rebuild. */
static enum rc
check(struct disk *d, MDB_txn *txn, const struct index_options *o, struct why *why)
{
	uint8_t counts[DISK_COUNTS_SIZE];
	struct bytes v = BYTES_NONE;
	MDB_stat st;
	enum rc rc = check_format(d, txn, o, why);

	if (rc != RC_OK)
		return rc;
	if (open_tables(d, txn, 0) != 0)
		return foreign(why, o->folder, "tables are missing");
	if (get_meta(txn, d, "origin", &v) != 0 || !bytes_is(v, o->origin))
		return foreign(why, o->folder, "another log's");
	if (get_meta(txn, d, "reach", &v) != 0 || v.n != 8)
		return foreign(why, o->folder, "no reach");
	d->reach = get_u64(v.p);
	if (get_meta(txn, d, "counts", &v) != 0 || disk_count(txn, d, counts) != 0 ||
	    !bytes_eq(v, bytes_of(counts, sizeof counts)))
		return foreign(why, o->folder, "row counts differ");
	if (mdb_stat(txn, d->table[DISK_IDS], &st) != 0 || st.ms_entries > d->reach)
		return foreign(why, o->folder, "more ids than entries");
	return RC_OK;
}

static enum rc
load(struct disk *d, const struct index_options *o, struct why *why)
{
	MDB_txn *txn = NULL;
	enum rc rc = RC_OK;
	int e = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn);

	if (e != 0)
		return env_failed(why, e, "begin in", o->folder);
	rc = check(d, txn, o, why);
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
	free(d);
}

bool
disk_made_by_older(const char *folder)
{
	struct env_options options = {.folder = folder, .read_only = true};
	struct disk d = {0};
	struct why why = {0};
	MDB_txn *txn = NULL;
	bool older = false;

	if (!files_exists(folder) || env_open(&d.env, &options, &why) != RC_OK)
		return false;
	if (mdb_txn_begin(d.env, NULL, MDB_RDONLY, &txn) == 0) {
		unsigned format = format_of(&d, txn);

		older = format > 0 && format < DISK_FORMAT;
		mdb_txn_abort(txn);
	}
	mdb_env_close(d.env);
	return older;
}

uint64_t
disk_reach(const struct disk *d)
{
	return d->reach;
}

/* ---- reading ---- */

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
	if ((e = get_meta(r->txn, r->disk, "reach", &v)) != 0 || v.n != 8) {
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

enum rc
disk_find(struct disk_read *r, const struct map_key *id, uint64_t size, struct index_hit *out)
{
	struct bytes value = BYTES_NONE;
	struct row row;
	enum rc rc = RC_OK;

	row_id_key(&row, id);
	if ((rc = get(r, DISK_IDS, bytes_of(row.key, row.key_size), &value)) != RC_OK)
		return rc;
	if (!row_id_read(bytes_of(row.key, row.key_size), value, out) || out->index >= r->reach)
		return RC_CORRUPT;
	return out->index < size ? RC_OK : RC_NOT_FOUND;
}

enum rc
disk_find_any(
    struct disk_read *r, const uint8_t *jti, uint64_t size, struct index_hit out[2], size_t *count)
{
	MDB_val k = env_val(bytes_of(jti, UUID_SIZE)), v = {0};
	MDB_cursor *cursor = NULL;
	struct index_hit hit;
	int e = cursor_of(r, DISK_IDS, &cursor);

	*count = 0;
	if (e == 0)
		e = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (e == 0 && *count < 2) {
		if (k.mv_size < UUID_SIZE)
			return RC_CORRUPT;
		if (memcmp(k.mv_data, jti, UUID_SIZE) != 0)
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
disk_list(struct disk_read *r, bool hashes, const struct map_key *key, uint64_t after,
    uint64_t size, uint64_t *out, size_t room, size_t *count)
{
	enum disk_table t = hashes ? DISK_HASHES : DISK_CHILDREN;
	uint64_t from = after == UINT64_MAX ? 0 : after + 1, value = 0;
	MDB_val k = {0}, v = {0};
	MDB_cursor *cursor = NULL;
	struct row row;
	int e = cursor_of(r, t, &cursor);

	*count = 0;
	if (hashes)
		row_hash(&row, key, from);
	else
		row_child(&row, key->w[0], from);
	k = env_val(bytes_of(row.key, row.key_size));
	if (e == 0)
		e = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (e == 0 && *count < room) {
		if (!row_link_read(env_bytes(&k), row.key_size, &value))
			return RC_CORRUPT;
		if (memcmp(k.mv_data, row.key, row.key_size - 8) != 0 || value >= size)
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

/* Stand on the block that holds 'from', or else on the first after it. */
static int
seek_block(MDB_cursor *cursor, const struct row *want, MDB_val *k, MDB_val *v)
{
	size_t list = want->key_size - 8;
	int e = 0;

	*k = env_val(bytes_of(want->key, want->key_size));
	e = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
	if (e == 0 && k->mv_size == want->key_size &&
	    memcmp(k->mv_data, want->key, want->key_size) == 0)
		return 0;
	if (e != 0 && e != MDB_NOTFOUND)
		return e;
	e = mdb_cursor_get(cursor, k, v, e == 0 ? MDB_PREV : MDB_LAST);
	if (e == 0 && k->mv_size >= list && memcmp(k->mv_data, want->key, list) == 0)
		return 0;
	if (e != 0 && e != MDB_NOTFOUND)
		return e;
	*k = env_val(bytes_of(want->key, want->key_size));
	return mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
}

/* What a walk along a list knows. */
struct posts {
	uint64_t from, size, reach;
	uint64_t *out;
	size_t room, *count;
	uint64_t least; /* entries of the next block are at or above */
	bool end;
};

static enum rc
take_block(struct posts *p, struct bytes key, struct bytes value)
{
	struct row_block b;
	bool bad = false;

	if (!row_block_open(key, value, &b) || b.index < p->least)
		return RC_CORRUPT;
	do {
		if (b.index >= p->reach)
			return RC_CORRUPT;
		p->end = b.index >= p->size || *p->count == p->room;
		if (!p->end && b.index >= p->from)
			p->out[(*p->count)++] = b.index;
	} while (!p->end && row_block_next(&b, &bad));
	p->least = b.index + 1;
	return bad ? RC_CORRUPT : RC_OK;
}

enum rc
disk_posts(struct disk_read *r, const struct map_key *key, uint64_t after, uint64_t size,
    uint64_t *out, size_t room, size_t *count)
{
	struct posts p = {.from = after == UINT64_MAX ? 0 : after + 1,
	    .size = size,
	    .reach = r->reach,
	    .out = out,
	    .room = room,
	    .count = count};
	MDB_val k = {0}, v = {0};
	MDB_cursor *cursor = NULL;
	struct row row;
	enum rc rc = RC_OK;
	int e = cursor_of(r, DISK_LISTS, &cursor);

	*count = 0;
	row_block_key(&row, key, p.from);
	if (e == 0)
		e = seek_block(cursor, &row, &k, &v);
	while (e == 0 && !p.end) {
		if (k.mv_size != row.key_size)
			return RC_CORRUPT;
		if (memcmp(k.mv_data, row.key, row.key_size - 8) != 0)
			return RC_OK;
		if ((rc = take_block(&p, env_bytes(&k), env_bytes(&v))) != RC_OK)
			return rc;
		if (!p.end)
			e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	return e == 0 || e == MDB_NOTFOUND ? RC_OK : env_rc(e);
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
	if (!row_seq_read(bytes_of(row.key, row.key_size), value, out) || out->last >= r->reach ||
	    out->count > r->reach)
		return RC_CORRUPT;
	return RC_OK;
}
