/*
 * env.c - opening LMDB environments with care: the library takes a zero-length file for a new one,
 * and a file that was cut off for a whole one until it touches the missing page and dies of SIGBUS.
 */
#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "store/files.h"

#define RULE "STORAGE 3 (environments)"

enum rc
env_rc(int e)
{
	switch (e) {
	case MDB_SUCCESS:
		return RC_OK;
	case MDB_NOTFOUND:
		return RC_NOT_FOUND;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
		return RC_NO_SPACE;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
		return RC_CORRUPT;
	case MDB_PANIC:
		return RC_STORE_DOUBT;
	case MDB_READERS_FULL:
		return RC_BUSY;
	case ENOMEM:
		return RC_NO_MEMORY;
	default:
		return RC_IO;
	}
}

enum rc
env_failed(struct why *why, int e, const char *what, const char *folder)
{
	return why_set(
	    why, env_rc(e), RULE, NULL, 0, "%s %.90s: %s", what, folder, mdb_strerror(e));
}

struct bytes
env_bytes(const MDB_val *v)
{
	return bytes_of(v->mv_data, v->mv_size);
}

unsigned
env_format(struct bytes text)
{
	unsigned n = 0;

	if (text.n == 0 || text.n > 9 || text.p[0] == '0')
		return 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 0;
		n = 10 * n + (unsigned)(text.p[i] - '0');
	}
	return n;
}

MDB_val
env_val(struct bytes x)
{
	union {
		const uint8_t *in;
		void *out;
	} p = {.in = x.p}; /* LMDB reads keys and values through a pointer that is not const */

	return (MDB_val){x.n, p.out};
}

/*
 * Let the file reach as far as its newest meta page says.  Pages freed in the transaction that took
 * them are never written, so a whole file may rightly be short; a file that was cut off is short
 * wrongly.  Either way a missing page now reads as zeros, which LMDB refuses and our hashes catch.
 * posix_fallocate never shrinks a file, so another process may be writing it.
 */
static enum rc
env_cover(MDB_env *env, const char *data, struct why *why)
{
	MDB_envinfo info;
	MDB_stat stat_;
	struct stat st;
	uint64_t need = 0;
	enum rc rc = RC_OK;
	int fd = -1, e = 0;

	must(mdb_env_info(env, &info) == 0 && mdb_env_stat(env, &stat_) == 0);
	need = ((uint64_t)info.me_last_pgno + 1) * stat_.ms_psize;
	if (stat(data, &st) != 0)
		return files_failed(why, "stat", data);
	if ((uint64_t)st.st_size >= need)
		return RC_OK;
	if (need > info.me_mapsize)
		return why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s: impossible size", data);
	if ((fd = open(data, O_RDWR | O_CLOEXEC)) < 0 ||
	    (e = posix_fallocate(fd, (off_t)(need - 1), 1)) != 0)
		rc = why_set(
		    why, RC_CORRUPT, RULE, NULL, 0, "%.90s is shorter than its last page", data);
	if (fd >= 0)
		close(fd);
	return rc;
}

static enum rc
env_check_file(const char *data, struct why *why)
{
	struct stat st;
	long page = sysconf(_SC_PAGESIZE);

	if (stat(data, &st) != 0)
		return why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s is missing", data);
	if (st.st_size < 2 * page)
		return why_set(why, RC_CORRUPT, RULE, NULL, 0, "%.100s is cut off", data);
	return RC_OK;
}

enum rc
env_open(MDB_env **out, const struct env_options *o, struct why *why)
{
	unsigned flags = MDB_NOTLS | (o->read_only ? MDB_RDONLY : 0);
	char *data = files_path(o->folder, "data.mdb");
	MDB_env *env = NULL;
	enum rc rc = RC_OK;
	int e = 0, dead = 0;

	*out = NULL;
	if (data == NULL)
		return RC_NO_MEMORY;
	if (!o->create && (rc = env_check_file(data, why)) != RC_OK)
		goto out;
	if ((e = mdb_env_create(&env)) != 0 ||
	    (e = mdb_env_set_mapsize(env, o->map_size != 0 ? o->map_size : ENV_MAP_SIZE)) != 0 ||
	    (e = mdb_env_set_maxdbs(env, ENV_TABLES_MAX)) != 0 ||
	    (e = mdb_env_set_maxreaders(env, ENV_READERS_MAX)) != 0 ||
	    (e = mdb_env_open(env, o->folder, flags, 0600)) != 0 ||
	    (e = mdb_reader_check(env, &dead)) != 0) {
		rc = env_failed(why, e, "open", o->folder);
		goto out;
	}
	if (!o->create)
		rc = env_cover(env, data, why);
out:
	if (rc == RC_OK)
		*out = env;
	else if (env != NULL)
		mdb_env_close(env);
	free(data);
	return rc;
}

uint64_t
env_map_left(MDB_env *env)
{
	MDB_envinfo info;
	MDB_stat st;
	uint64_t used = 0;

	must(mdb_env_info(env, &info) == 0 && mdb_env_stat(env, &st) == 0);
	used = ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
	return used < info.me_mapsize ? info.me_mapsize - used : 0;
}
