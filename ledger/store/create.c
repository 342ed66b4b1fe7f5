/*
 * create.c - a new log environment appears by a rename, after its first commit and everything below
 * it were synced:
 *
 *   mkdir log.new -> first commit (tables, meta) -> fsync data.mdb -> fsync log.new
 *                 -> rename to log -> fsync the folder
 *
 * A crash before the rename leaves log.new, which the next start removes; after it, the whole
 * thing.
 */
#include "store/create.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/must.h"
#include "base/random.h"
#include "store/env.h"
#include "store/files.h"
#include "store/layout.h"

#define TEMPORARY "log.new"

static int
put_meta(MDB_txn *txn, MDB_dbi meta, const char *key, struct bytes value)
{
	MDB_val k = env_val(bytes_str(key)), v = env_val(value);

	return mdb_put(txn, meta, &k, &v, MDB_NOOVERWRITE);
}

static int
first_commit(MDB_env *env, const char *origin)
{
	static const char *const tables[] = {LAYOUT_ENTRY, LAYOUT_TILE, LAYOUT_HEAD};
	uint8_t incarnation[LAYOUT_INCARNATION_SIZE];
	char format[16];
	MDB_txn *txn = NULL;
	MDB_dbi dbi = 0;
	int e = 0;

	random_bytes(incarnation, sizeof incarnation);
	snprintf(format, sizeof format, "%d", STORE_FORMAT);
	if ((e = mdb_txn_begin(env, NULL, 0, &txn)) != 0)
		return e;
	for (size_t i = 0; e == 0 && i < sizeof tables / sizeof *tables; i++)
		e = mdb_dbi_open(txn, tables[i], MDB_CREATE, &dbi);
	if (e == 0)
		e = mdb_dbi_open(txn, LAYOUT_META, MDB_CREATE, &dbi);
	if (e == 0)
		e = put_meta(txn, dbi, LAYOUT_META_FORMAT, bytes_str(format));
	if (e == 0)
		e = put_meta(txn, dbi, LAYOUT_META_ORIGIN, bytes_str(origin));
	if (e == 0)
		e = put_meta(
		    txn, dbi, LAYOUT_META_INCARNATION, bytes_of(incarnation, sizeof incarnation));
	if (e != 0) {
		mdb_txn_abort(txn);
		return e;
	}
	return mdb_txn_commit(txn);
}

static enum rc
fill(const char *path, const char *origin, uint64_t map_size, struct why *why)
{
	struct env_options options = {.folder = path, .map_size = map_size, .create = true};
	MDB_env *env = NULL;
	enum rc rc = RC_OK;
	int e = 0;

	if ((rc = env_open(&env, &options, why)) != RC_OK)
		return rc;
	if ((e = first_commit(env, origin)) != 0)
		rc = env_failed(why, e, "first commit in", path);
	mdb_env_close(env);
	return rc;
}

static enum rc
settle(const char *folder, const char *from, const char *to, struct why *why)
{
	char *data = files_path(from, "data.mdb");
	enum rc rc = RC_NO_MEMORY;

	if (data == NULL)
		return rc;
	if (files_sync(data) != RC_OK || files_sync_folder(from) != RC_OK ||
	    rename(from, to) != 0 || files_sync_folder(folder) != RC_OK)
		rc = files_failed(why, "settle", to);
	else
		rc = RC_OK;
	free(data);
	return rc;
}

enum rc
create_log(const char *folder, const char *origin, uint64_t map_size, struct why *why)
{
	char *from = files_path(folder, TEMPORARY), *to = files_path(folder, "log");
	enum rc rc = RC_NO_MEMORY;

	must(origin != NULL && origin[0] != '\0');
	if (from == NULL || to == NULL)
		goto out;
	must(!files_exists(to));
	if ((rc = create_tidy(folder)) != RC_OK)
		goto out;
	if (mkdir(from, 0700) != 0) {
		rc = files_failed(why, "mkdir", from);
		goto out;
	}
	if ((rc = fill(from, origin, map_size, why)) != RC_OK)
		goto out;
	rc = settle(folder, from, to, why);
out:
	free(from);
	free(to);
	return rc;
}

enum rc
create_tidy(const char *folder)
{
	char *path = files_path(folder, TEMPORARY);
	enum rc rc = path == NULL ? RC_NO_MEMORY : files_remove_env(path);

	free(path);
	return rc;
}
