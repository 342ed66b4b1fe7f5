/*
 * backup_files.c - files and folders of a backup: read once, hashed on the way, on disk before they
 * count.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "base/must.h"

#define CHUNK	  ((size_t)1 << 20)
#define DEPTH_MAX 16
#define PEM_MAX	  ((size_t)1 << 20)

char *
backup_path(const char *folder, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		(void)fail(EXIT_USAGE, "out of memory");
		exit(EXIT_UNREACHABLE);
	}
	return path;
}

static bool
failed(const char *what, const char *path)
{
	(void)fail(EXIT_USAGE, "cannot %s %s: %s", what, path, strerror(errno));
	return false;
}

/* ---- bytes ---- */

static void
sum_text(EVP_MD_CTX *md, char sum[BACKUP_SUM_SIZE])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	must(EVP_DigestFinal_ex(md, digest, NULL) == 1);
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(sum + 2 * i, 3, "%02x", digest[i]);
}

static bool
put_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* All of 'in' into 'out' (-1: nowhere), hashed. */
static bool
pump(int in, int out, const char *from, const char *to, char sum[BACKUP_SUM_SIZE], uint64_t *bytes)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t *chunk = malloc(CHUNK);
	bool ok = md != NULL && chunk != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
	ssize_t n = 1;

	*bytes = 0;
	if (!ok)
		(void)fail(EXIT_USAGE, "out of memory");
	while (ok && n != 0) {
		n = read(in, chunk, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ok = failed("read", from);
		else if (out >= 0 && !put_all(out, chunk, (size_t)n))
			ok = failed("write", to);
		else
			must(EVP_DigestUpdate(md, chunk, (size_t)n) == 1);
		*bytes += ok ? (uint64_t)n : 0;
	}
	if (ok && sum != NULL)
		sum_text(md, sum);
	EVP_MD_CTX_free(md);
	free(chunk);
	return ok;
}

bool
backup_sum_file(const char *path, char sum[BACKUP_SUM_SIZE], uint64_t *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok;

	if (fd < 0)
		return failed("open", path);
	ok = pump(fd, -1, path, NULL, sum, bytes);
	(void)close(fd);
	return ok;
}

static bool
make_parents(const char *path)
{
	char *copy = strdup(path);
	bool ok = copy != NULL;

	for (char *p = copy != NULL ? copy + 1 : NULL; ok && p != NULL && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		ok = mkdir(copy, 0700) == 0 || errno == EEXIST;
		if (!ok)
			(void)failed("make", copy);
		*p = '/';
	}
	free(copy);
	return ok;
}

bool
backup_copy_file(const char *from, const char *to, char sum[BACKUP_SUM_SIZE], uint64_t *bytes)
{
	uint64_t ignored = 0;
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	bool ok;

	if (in < 0)
		return failed("open", from);
	ok = make_parents(to);
	if (ok && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		ok = failed("make", to);
	ok = ok && pump(in, out, from, to, sum, bytes != NULL ? bytes : &ignored);
	if (ok && fsync(out) != 0)
		ok = failed("sync", to);
	if (out >= 0 && close(out) != 0 && ok)
		ok = failed("close", to);
	(void)close(in);
	return ok;
}

bool
backup_is_private_key(const char *path)
{
	uint8_t *text = NULL;
	size_t size = 0;
	struct stat st;
	bool found = false;

	if (stat(path, &st) != 0 || st.st_size > (off_t)PEM_MAX)
		return false;
	if (read_file(path, PEM_MAX, &text, &size))
		found = memmem(text, size, "PRIVATE KEY-----", 16) != NULL;
	free(text);
	return found;
}

/* ---- folders ---- */

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *
open_tree(const char *path)
{
	char *paths[2] = {strdup(path), NULL};
	FTS *tree = paths[0] != NULL ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;

	free(paths[0]);
	return tree;
}

bool
backup_remove(const char *path)
{
	FTS *tree = open_tree(path);
	FTSENT *e;
	bool ok = tree != NULL;

	while (tree != NULL && (e = fts_read(tree)) != NULL)
		if (e->fts_info != FTS_D && e->fts_info != FTS_NS)
			ok = remove(e->fts_accpath) == 0 && ok;
	if (tree != NULL)
		(void)fts_close(tree);
	return ok;
}

static bool
sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		(void)failed("sync", path);
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

bool
backup_sync_folders(const char *path)
{
	FTS *tree = open_tree(path);
	FTSENT *e;
	bool ok = tree != NULL;

	while (ok && (e = fts_read(tree)) != NULL)
		if (e->fts_info == FTS_DP)
			ok = sync_folder(e->fts_accpath);
	if (tree != NULL)
		(void)fts_close(tree);
	return ok;
}

bool
backup_sync_parent(const char *path)
{
	char *parent = strdup(path), *slash;
	bool ok;

	if (parent == NULL)
		return false;
	while ((slash = strrchr(parent, '/')) != NULL && slash != parent && slash[1] == '\0')
		*slash = '\0';
	slash = strrchr(parent, '/');
	if (slash != NULL)
		slash[slash == parent ? 1 : 0] = '\0';
	ok = sync_folder(slash != NULL ? parent : ".");
	free(parent);
	return ok;
}

bool
backup_is_empty(const char *path, bool *absent)
{
	struct dirent *e = NULL;
	DIR *dir = opendir(path);

	*absent = dir == NULL && errno == ENOENT;
	if (dir == NULL)
		return *absent;
	while ((e = readdir(dir)) != NULL &&
	       (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0))
		;
	(void)closedir(dir);
	return e == NULL;
}

/* A link to a file is the file: certificates are often put in place by one. */
static bool
is_file(const FTSENT *e)
{
	struct stat st;

	return e->fts_info == FTS_F ||
	       (e->fts_info == FTS_SL && stat(e->fts_accpath, &st) == 0 && S_ISREG(st.st_mode));
}

bool
backup_walk(const char *root, bool (*fn)(void *ctx, const char *name), void *ctx)
{
	size_t skip = strlen(root) + 1;
	FTS *tree = open_tree(root);
	FTSENT *e;
	bool ok = tree != NULL || failed("read", root);

	while (ok && (e = fts_read(tree)) != NULL) {
		if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS) {
			errno = e->fts_errno;
			ok = failed("read", e->fts_path);
		} else if (e->fts_level > 0 && e->fts_name[0] == '.') {
			(void)fts_set(tree, e, FTS_SKIP);
		} else if (e->fts_level > DEPTH_MAX) {
			ok = fail(EXIT_USAGE, "%s: too deep", e->fts_path) == EXIT_YES;
		} else if (is_file(e)) {
			ok = fn(ctx, e->fts_path + skip);
		}
	}
	if (tree != NULL)
		(void)fts_close(tree);
	return ok;
}
