/*
 * files.c - the few file calls below the stores.  Every error is reported; a sync is never tried
 * twice, because after a failed one the kernel calls the pages clean.
 */
#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/must.h"

#define GIB ((uint64_t)1 << 30)

char *
files_path(const char *folder, const char *name)
{
	char *path = NULL;

	must(folder != NULL && name != NULL);
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return NULL;
	return path;
}

enum rc
files_failed(struct why *why, const char *what, const char *path)
{
	int e = errno;
	enum rc rc = e == ENOSPC || e == EDQUOT ? RC_NO_SPACE : RC_IO;

	return why_set(why, e == ENOMEM ? RC_NO_MEMORY : rc, "STORAGE 1 (folders)", NULL, 0,
	    "%s %s: %s", what, path, strerror(e));
}

bool
files_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

uint64_t
files_disk_bytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static enum rc
sync_path(const char *path, int flags)
{
	enum rc rc = RC_OK;
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return RC_IO;
	if (fsync(fd) != 0)
		rc = RC_IO;
	close(fd);
	return rc;
}

enum rc
files_sync_folder(const char *folder)
{
	return sync_path(folder, O_DIRECTORY);
}

enum rc
files_sync(const char *path)
{
	return sync_path(path, 0);
}

/* Make one folder whose name ends at 'end' in 'path', and sync the folder that it is in. */
static enum rc
make_one(char *path, char *end, struct why *why)
{
	enum rc rc = RC_OK;
	char kept = *end, *slash = NULL;

	*end = '\0';
	if (mkdir(path, 0700) == 0) {
		slash = strrchr(path, '/');
		if (slash == NULL) {
			rc = files_sync_folder(".");
		} else if (slash == path) {
			rc = files_sync_folder("/");
		} else {
			*slash = '\0';
			rc = files_sync_folder(path);
			*slash = '/';
		}
		if (rc != RC_OK)
			rc = files_failed(why, "sync the parent of", path);
	} else if (errno != EEXIST) {
		rc = files_failed(why, "mkdir", path);
	}
	*end = kept;
	return rc;
}

enum rc
files_make_folder(const char *folder, struct why *why)
{
	enum rc rc = RC_OK;
	char *path = NULL;

	must(folder != NULL && folder[0] != '\0');
	if (files_exists(folder))
		return RC_OK;
	if ((path = strdup(folder)) == NULL)
		return RC_NO_MEMORY;
	for (char *p = path + 1; rc == RC_OK && *p != '\0'; p++)
		if (*p == '/' && p[-1] != '/')
			rc = make_one(path, p, why);
	if (rc == RC_OK && path[strlen(path) - 1] != '/')
		rc = make_one(path, path + strlen(path), why);
	free(path);
	return rc;
}

static bool
remove_in(const char *folder, const char *name)
{
	char *path = files_path(folder, name);
	bool ok = path != NULL && (unlink(path) == 0 || errno == ENOENT);

	free(path);
	return ok;
}

enum rc
files_remove_env(const char *folder)
{
	if (!files_exists(folder))
		return RC_OK;
	/* The lock first: a crash in between leaves a data file that is opened, or judged, as
	 * before. */
	if (!remove_in(folder, "lock.mdb") || !remove_in(folder, "data.mdb"))
		return RC_IO;
	return rmdir(folder) == 0 ? RC_OK : RC_IO;
}

enum rc
files_write_at(int fd, struct bytes x, uint64_t at)
{
	size_t done = 0;
	ssize_t n = 0;

	while (done < x.n) {
		n = pwrite(fd, x.p + done, x.n - done, (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && (errno == ENOSPC || errno == EDQUOT) ? RC_NO_SPACE : RC_IO;
		done += (size_t)n;
	}
	return RC_OK;
}

enum rc
files_lock(const char *path, int *out, struct why *why)
{
	char who[32] = {0};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int n = 0;

	*out = -1;
	if (fd < 0)
		return files_failed(why, "open", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (pread(fd, who, sizeof who - 1, 0) < 0)
			who[0] = '\0';
		who[strcspn(who, "\n")] = '\0';
		close(fd);
		return why_set(why, RC_BUSY, "STORAGE 1 (one server)", NULL, 0,
		    "process %s has this log open: %.90s", who[0] ? who : "?", path);
	}
	/* Who has it is a courtesy to people; the lock is what counts, so errors here are no
	 * errors. */
	n = snprintf(who, sizeof who, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, who, (size_t)n, 0) != n)
		errno = 0;
	*out = fd;
	return RC_OK;
}

enum rc
files_space(const char *folder, struct files_space *out)
{
	struct statvfs fs;

	if (statvfs(folder, &fs) != 0)
		return RC_IO;
	out->total = (uint64_t)fs.f_blocks * fs.f_frsize;
	out->free = (uint64_t)fs.f_bavail * fs.f_frsize;
	return RC_OK;
}

uint64_t
files_space_least(uint64_t total)
{
	uint64_t least = total / 20 > 2 * GIB ? total / 20 : 2 * GIB;

	/* On a small disk 2 GiB may be most of it. */
	if (total < 40 * GIB && least > total / 10)
		least = total / 10;
	return least;
}
