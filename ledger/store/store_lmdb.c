/*
 * store_lmdb.c - the store that keeps the log: one LMDB environment, one transaction per batch,
 * LMDB's default (durable) sync mode.
 *
 * Opening takes the folder's lock, opens the journal and the environment, checks format and origin
 * and writes a new incarnation id; each batch finds that id again, so that a second server that got
 * past the lock is noticed before anything is committed.
 */
#include "store/store_lmdb_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "base/random.h"
#include "store/create.h"
#include "store/files.h"

#define RULE	     "STORAGE 3 (log environment)"
#define MAP_LEFT_MIN ((uint64_t)256 << 20) /* a batch and what its commit needs */

/* ---- the writer ---- */

static enum rc
lmdb_check_space(struct store *s)
{
	struct lmdb_store *l = lmdb_of(s);
	struct files_space space;
	MDB_envinfo info;
	uint64_t left = env_map_left(l->env), need = MAP_LEFT_MIN;

	if (files_space(l->folder, &space) != RC_OK)
		return RC_IO;
	if (space.free < l->free_least)
		return RC_NO_SPACE;
	/* A map made small on purpose keeps an eighth. */
	must(mdb_env_info(l->env, &info) == 0);
	if (need > info.me_mapsize / 8)
		need = info.me_mapsize / 8;
	return left < need ? RC_NO_SPACE : RC_OK;
}

/*
 * Is the id that we wrote at open still there?  If not, somebody else opened this log for writing.
 */
static enum rc
same_incarnation(struct lmdb_store *l)
{
	MDB_val k = env_val(bytes_str(LAYOUT_META_INCARNATION)), v = {0};
	struct bytes ours = bytes_of(l->incarnation, sizeof l->incarnation);
	int e = mdb_get(l->txn, l->meta, &k, &v);

	if (e != 0)
		return e == MDB_NOTFOUND ? RC_STORE_DOUBT : env_rc(e);
	return bytes_eq(env_bytes(&v), ours) ? RC_OK : RC_STORE_DOUBT;
}

static enum rc
lmdb_begin(struct store *s)
{
	struct lmdb_store *l = lmdb_of(s);
	enum rc rc = RC_OK;
	int e = 0;

	must(l->txn == NULL);
	if ((e = mdb_txn_begin(l->env, NULL, 0, &l->txn)) != 0) {
		l->txn = NULL;
		return env_rc(e);
	}
	if ((rc = same_incarnation(l)) != RC_OK) {
		mdb_txn_abort(l->txn);
		l->txn = NULL;
	}
	return rc;
}

static enum rc
lmdb_put_entry(struct store *s, uint64_t index, struct bytes head, struct bytes token)
{
	struct lmdb_store *l = lmdb_of(s);
	uint8_t key[LAYOUT_ENTRY_KEY];
	MDB_val k = {sizeof key, key}, v = {head.n + token.n, NULL};
	int e = 0;

	must(l->txn != NULL);
	put_u64(key, index);
	/* The page itself is the buffer: reserve, then fill every byte before the next call. */
	if ((e = mdb_put(l->txn, l->entry, &k, &v, MDB_RESERVE | MDB_APPEND)) != 0)
		return env_rc(e);
	must(v.mv_data != NULL && v.mv_size == head.n + token.n);
	if (head.n > 0)
		memcpy(v.mv_data, head.p, head.n);
	if (token.n > 0)
		memcpy((uint8_t *)v.mv_data + head.n, token.p, token.n);
	return RC_OK;
}

static enum rc
lmdb_batch_entry(struct store *s, uint64_t index, struct bytes *entry)
{
	struct lmdb_store *l = lmdb_of(s);
	uint8_t key[LAYOUT_ENTRY_KEY];
	MDB_val k = {sizeof key, key}, v = {0, NULL};
	int e = 0;

	must(l->txn != NULL);
	put_u64(key, index);
	if ((e = mdb_get(l->txn, l->entry, &k, &v)) != 0)
		return env_rc(e);
	*entry = bytes_of(v.mv_data, v.mv_size);
	return RC_OK;
}

static enum rc
lmdb_put_tile(struct store *s, unsigned level, uint64_t number, struct bytes hashes)
{
	struct lmdb_store *l = lmdb_of(s);
	uint8_t key[LAYOUT_TILE_KEY];
	MDB_val k = {sizeof key, key}, v = env_val(hashes);

	must(l->txn != NULL);
	layout_tile_key(key, level, number);
	return env_rc(mdb_put(l->txn, l->tile, &k, &v, 0));
}

static enum rc
lmdb_put_head(struct store *s, uint64_t size, struct bytes note, bool again)
{
	struct lmdb_store *l = lmdb_of(s);
	uint8_t key[LAYOUT_ENTRY_KEY];
	MDB_val k = {sizeof key, key}, v = env_val(note);

	must(l->txn != NULL);
	put_u64(key, size);
	return env_rc(mdb_put(l->txn, l->head, &k, &v, again ? 0 : MDB_APPEND));
}

static enum rc
lmdb_commit(struct store *s)
{
	struct lmdb_store *l = lmdb_of(s);
	MDB_txn *txn = l->txn;

	must(txn != NULL);
	l->txn = NULL;
	return env_rc(mdb_txn_commit(txn));
}

static void
lmdb_abort(struct store *s)
{
	struct lmdb_store *l = lmdb_of(s);

	if (l->txn != NULL)
		mdb_txn_abort(l->txn);
	l->txn = NULL;
}

static enum rc
lmdb_journal_append(struct store *s, uint64_t size, struct bytes note)
{
	return journal_append(lmdb_of(s)->journal, size, note);
}

static enum rc
lmdb_journal_last(struct store *s, struct arena *arena, uint64_t *size, struct bytes *note)
{
	return journal_last(lmdb_of(s)->journal, arena, size, note);
}

/* ---- life ---- */

static void
lmdb_usage(struct store *s, struct store_usage *out)
{
	struct lmdb_store *l = lmdb_of(s);
	char *log = files_path(l->folder, "log/data.mdb");
	char *index = files_path(l->folder, "index/data.mdb");
	struct files_space space = {0};

	if (log != NULL)
		out->log_bytes = files_disk_bytes(log);
	if (index != NULL)
		out->index_bytes = files_disk_bytes(index);
	if (files_space(l->folder, &space) == RC_OK)
		out->free_bytes = space.free;
	free(log);
	free(index);
}

/* Compacted: free pages stay behind.  LMDB refuses that when it has lost track of pages; a plain copy
 * is as good then, only larger. */
static enum rc
lmdb_copy(struct store *s, const char *to, struct why *why)
{
	struct lmdb_store *l = lmdb_of(s);
	char *data = files_path(to, "data.mdb");
	int e = 0;

	if (data == NULL)
		return RC_NO_MEMORY;
	e = mdb_env_copy2(l->env, to, MDB_CP_COMPACT);
	if (e == MDB_INCOMPATIBLE || e == MDB_CORRUPTED) {
		if (unlink(data) == 0 || errno == ENOENT)
			e = mdb_env_copy2(l->env, to, 0);
	}
	free(data);
	return e == 0 ? RC_OK : env_failed(why, e, "copy", l->folder);
}

static const char *
lmdb_folder(struct store *s)
{
	return lmdb_of(s)->folder;
}

static void
lmdb_close(struct store *s)
{
	struct lmdb_store *l = lmdb_of(s);

	lmdb_pool_release(l);
	if (l->env != NULL)
		mdb_env_close(l->env);
	journal_close(l->journal);
	if (l->lock >= 0)
		close(l->lock);
	must(pthread_mutex_destroy(&l->pool_lock) == 0);
	free(l->folder);
	free(l);
}

static const struct store_ops lmdb_ops = {
    .close = lmdb_close,
    .check_space = lmdb_check_space,
    .begin = lmdb_begin,
    .put_entry = lmdb_put_entry,
    .batch_entry = lmdb_batch_entry,
    .put_tile = lmdb_put_tile,
    .put_head = lmdb_put_head,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .journal_append = lmdb_journal_append,
    .journal_last = lmdb_journal_last,
    .usage = lmdb_usage,
    .copy = lmdb_copy,
    .folder = lmdb_folder,
    .read_begin = lmdb_read_begin,
    .read_end = lmdb_read_end,
    .get_entry = lmdb_get_entry,
    .get_tile = lmdb_get_tile,
    .get_head = lmdb_get_head,
    .get_last_head = lmdb_get_last_head,
};

static enum rc
open_tables(struct lmdb_store *l, MDB_txn *txn, struct why *why)
{
	int e = 0;

	if ((e = mdb_dbi_open(txn, LAYOUT_ENTRY, 0, &l->entry)) != 0 ||
	    (e = mdb_dbi_open(txn, LAYOUT_TILE, 0, &l->tile)) != 0 ||
	    (e = mdb_dbi_open(txn, LAYOUT_HEAD, 0, &l->head)) != 0 ||
	    (e = mdb_dbi_open(txn, LAYOUT_META, 0, &l->meta)) != 0)
		return why_set(why, e == MDB_NOTFOUND ? RC_CORRUPT : env_rc(e), RULE, NULL, 0,
		    "tables of %.90s: %s", l->folder, mdb_strerror(e));
	return RC_OK;
}

static enum rc
check_meta(struct lmdb_store *l, MDB_txn *txn, const char *origin, struct why *why)
{
	MDB_val k = env_val(bytes_str(LAYOUT_META_FORMAT)), v = {0};
	int e = mdb_get(txn, l->meta, &k, &v);

	if (e != 0)
		return why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s has no format", l->folder);
	l->base.format = env_format(env_bytes(&v));
	if (l->base.format < STORE_FORMAT_OLDEST || l->base.format > STORE_FORMAT)
		return why_set(why, RC_BAD_CONFIG, "STORAGE 8 (versions)", NULL, 0,
		    "%.50s has format \"%.*s\"%s; this program knows %d to %d", l->folder,
		    v.mv_size > 16 ? 16 : (int)v.mv_size, (const char *)v.mv_data,
		    l->base.format > STORE_FORMAT ? ", made by a newer version" : "",
		    STORE_FORMAT_OLDEST, STORE_FORMAT);
	k = env_val(bytes_str(LAYOUT_META_ORIGIN));
	if (mdb_get(txn, l->meta, &k, &v) != 0)
		return why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s has no origin", l->folder);
	if (origin != NULL && !bytes_is(env_bytes(&v), origin))
		return why_set(why, RC_BAD_CONFIG, "STORAGE 3 (origin)", NULL, 0,
		    "%.50s belongs to \"%.*s\"", l->folder, v.mv_size > 60 ? 60 : (int)v.mv_size,
		    (const char *)v.mv_data);
	return RC_OK;
}

/* How far the log goes, both ways of asking; they must agree. */
static enum rc
load_sizes(struct lmdb_store *l, MDB_txn *txn, struct why *why)
{
	struct bytes value = BYTES_NONE;
	uint64_t count = 0, last = 0;
	enum rc rc = RC_OK;

	if (lmdb_entry_count(txn, l->entry, &count) != 0)
		return why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s: no entries", l->folder);
	rc = lmdb_row_at(txn, l->entry, MDB_LAST, &last, &value);
	if (rc != (count == 0 ? RC_NOT_FOUND : RC_OK) || (count > 0 && last != count - 1))
		return why_set(
		    why, RC_CORRUPT, RULE, NULL, 0, "%.80s: entries are not dense", l->folder);
	l->base.next_index = count;
	rc = lmdb_row_at(txn, l->head, MDB_LAST, &l->base.last_head, &value);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return why_set(why, rc, RULE, NULL, 0, "%.80s: heads cannot be read", l->folder);
	l->base.has_head = rc == RC_OK;
	if (l->base.has_head && l->base.last_head > count)
		return why_set(
		    why, RC_CORRUPT, RULE, NULL, 0, "%.80s: a head beyond the entries", l->folder);
	return RC_OK;
}

static enum rc
put_incarnation(struct lmdb_store *l, MDB_txn *txn, struct why *why)
{
	MDB_val k = env_val(bytes_str(LAYOUT_META_INCARNATION)), v = {0};
	int e = 0;

	random_bytes(l->incarnation, sizeof l->incarnation);
	v = env_val(bytes_of(l->incarnation, sizeof l->incarnation));
	if ((e = mdb_put(txn, l->meta, &k, &v, 0)) != 0)
		return env_failed(why, e, "write to", l->folder);
	return RC_OK;
}

/*
 * From an older format to ours, in the transaction that opens the log for writing, so that it is done
 * whole or not at all.
 *
 * 1 to 2: nothing that is stored changes.  The number tells older programs that entries of version 2
 * may follow, which they cannot read; entries of version 1 stay as they are, under their leaves.
 */
static enum rc
migrate(struct lmdb_store *l, MDB_txn *txn, struct why *why)
{
	char format[16];
	MDB_val k = env_val(bytes_str(LAYOUT_META_FORMAT)), v = {0};
	int e = 0;

	if (l->base.format == STORE_FORMAT)
		return RC_OK;
	snprintf(format, sizeof format, "%d", STORE_FORMAT);
	v = env_val(bytes_str(format));
	if ((e = mdb_put(txn, l->meta, &k, &v, 0)) != 0)
		return env_failed(why, e, "migrate", l->folder);
	return RC_OK;
}

/* Read what the environment says about itself; bring it to our format; write our incarnation id. */
static enum rc
load(struct lmdb_store *l, const struct store_options *o, struct why *why)
{
	MDB_txn *txn = NULL;
	enum rc rc = RC_OK;
	int e = mdb_txn_begin(l->env, NULL, o->read_only ? MDB_RDONLY : 0, &txn);

	if (e != 0)
		return env_failed(why, e, "begin in", l->folder);
	if ((rc = open_tables(l, txn, why)) != RC_OK)
		goto out;
	if ((rc = check_meta(l, txn, o->origin, why)) != RC_OK)
		goto out;
	if ((rc = load_sizes(l, txn, why)) != RC_OK)
		goto out;
	if (!o->read_only &&
	    ((rc = migrate(l, txn, why)) != RC_OK || (rc = put_incarnation(l, txn, why)) != RC_OK))
		goto out;
	e = mdb_txn_commit(txn);
	txn = NULL;
	if (e != 0)
		rc = env_failed(why, e, "commit in", l->folder);
	else if (!o->read_only)
		l->base.format = STORE_FORMAT;
out:
	if (txn != NULL)
		mdb_txn_abort(txn);
	return rc;
}

static enum rc
open_journal(struct lmdb_store *l, bool new_log, const struct store_options *o, struct why *why)
{
	struct journal_options options = {.create = new_log, .read_only = o->read_only};
	char *path = files_path(l->folder, "journal");
	enum rc rc = RC_NO_MEMORY;

	if (path == NULL)
		return rc;
	options.folder = path;
	rc = journal_open(&l->journal, &options, why);
	/* An old log without its journal is not given a new, forgetful one: that would hide a
	 * restored copy. */
	if (rc == RC_NOT_FOUND)
		rc = RC_CORRUPT;
	free(path);
	return rc;
}

static enum rc
open_parts(struct lmdb_store *l, const struct store_options *o, struct why *why)
{
	struct env_options options = {.map_size = o->map_size, .read_only = o->read_only};
	char *lock = files_path(l->folder, "lock"), *log = files_path(l->folder, "log");
	bool new_log = false;
	enum rc rc = RC_NO_MEMORY;

	if (lock == NULL || log == NULL)
		goto out;
	if (o->create && !o->read_only && (rc = files_make_folder(l->folder, why)) != RC_OK)
		goto out;
	if (!o->read_only && files_exists(l->folder) &&
	    (rc = files_lock(lock, &l->lock, why)) != RC_OK)
		goto out;
	new_log = !files_exists(log);
	if (new_log && (!o->create || o->read_only)) {
		rc = why_set(why, RC_NOT_FOUND, RULE, NULL, 0, "%.100s is not there", log);
		goto out;
	}
	if (!o->read_only && (rc = create_tidy(l->folder)) != RC_OK)
		goto out;
	/* The journal comes first, so that a log is never without one. */
	if ((rc = open_journal(l, new_log, o, why)) != RC_OK)
		goto out;
	if (new_log && (rc = create_log(l->folder, o->origin, o->map_size, why)) != RC_OK)
		goto out;
	options.folder = log;
	if ((rc = env_open(&l->env, &options, why)) != RC_OK)
		goto out;
	rc = load(l, o, why);
out:
	free(lock);
	free(log);
	return rc;
}

static void
set_free_least(struct lmdb_store *l, const struct store_options *o)
{
	struct files_space space = {0};

	l->free_least = o->free_bytes_min;
	if (l->free_least == 0 && files_space(l->folder, &space) == RC_OK)
		l->free_least = files_space_least(space.total);
}

enum rc
store_lmdb_open(struct store **out, const struct store_options *o, struct why *why)
{
	struct lmdb_store *l = NULL;
	enum rc rc = RC_NO_MEMORY;

	must(o->folder != NULL && (o->origin != NULL || !o->create));
	*out = NULL;
	if ((l = calloc(1, sizeof *l)) == NULL)
		return RC_NO_MEMORY;
	l->base.ops = &lmdb_ops;
	l->base.read_only = o->read_only;
	l->lock = -1;
	must(pthread_mutex_init(&l->pool_lock, NULL) == 0);
	if ((l->folder = strdup(o->folder)) != NULL)
		rc = open_parts(l, o, why);
	if (rc != RC_OK) {
		lmdb_close(&l->base);
		return rc;
	}
	set_free_least(l, o);
	*out = &l->base;
	return RC_OK;
}
