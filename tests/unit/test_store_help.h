/*
 * test_store_help.h - a folder of one's own, files to damage, rows to add.
 */
#ifndef TEST_STORE_HELP_H
#define TEST_STORE_HELP_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "store/index.h"
#include "store/store.h"

#define HELP_MAP ((uint64_t)64 << 20)

struct help_dir {
	char path[64];
};

static inline void
help_dir_make(struct help_dir *d)
{
	snprintf(d->path, sizeof d->path, "/tmp/ectledger-store-XXXXXX");
	must(mkdtemp(d->path) != NULL);
}

static inline int
help_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
help_dir_remove(struct help_dir *d)
{
	nftw(d->path, help_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* folder/name, for the length of the block that says PATH(). */
static inline const char *
help_path(const struct help_dir *d, const char *name, char room[200])
{
	snprintf(room, 200, "%s/%s", d->path, name);
	return room;
}
#define PATH(d, name) help_path(&(d), (name), (char[200]){0})

static inline uint64_t
help_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : UINT64_MAX;
}

static inline void
help_flip(const char *path, uint64_t at, uint8_t mask)
{
	int fd = open(path, O_RDWR);
	uint8_t b = 0;

	must(fd >= 0 && pread(fd, &b, 1, (off_t)at) == 1);
	b ^= mask;
	must(pwrite(fd, &b, 1, (off_t)at) == 1);
	close(fd);
}

static inline void
help_copy(const char *from, const char *to)
{
	char buf[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n = 0;

	must(in != NULL && out != NULL);
	while ((n = fread(buf, 1, sizeof buf, in)) > 0)
		must(fwrite(buf, 1, n, out) == n);
	must(fclose(out) == 0);
	fclose(in);
}

/* An id that differs for each n, in its first bytes too. */
static inline void
help_id(uint64_t n, uint8_t out[UUID_SIZE])
{
	put_u64(out, (n + 1) * 0x9e3779b97f4a7c15u);
	put_u64(out + 8, n + 1);
}

static inline struct store_options
help_options(const struct help_dir *d)
{
	return (struct store_options){.folder = d->path,
	    .origin = "test.example/log",
	    .map_size = HELP_MAP,
	    .free_bytes_min = 1,
	    .create = true};
}

static inline enum rc
help_open(struct store **s, const struct help_dir *d)
{
	struct store_options o = help_options(d);
	struct why why = {0};

	return store_lmdb_open(s, &o, &why);
}

/* One committed batch: entries [from, to) with text "entry N", one head. */
static inline void
help_batch(struct store *s, uint64_t from, uint64_t to)
{
	char text[32];
	int n = 0;

	cr_assert_eq(store_batch_begin(s), RC_OK);
	for (uint64_t i = from; i < to; i++) {
		n = snprintf(text, sizeof text, "%llu", (unsigned long long)i);
		cr_assert_eq(
		    store_put_entry(s, i, bytes_str("entry "), bytes_of(text, (size_t)n)), RC_OK);
	}
	n = snprintf(text, sizeof text, "head %llu", (unsigned long long)to);
	cr_assert_eq(store_put_head(s, to, bytes_of(text, (size_t)n)), RC_OK);
	cr_assert_eq(store_batch_commit(s), RC_OK);
}

static inline void
help_expect(struct store *s, uint64_t size)
{
	struct store_read *r = NULL;
	struct bytes x = BYTES_NONE;
	char text[32];

	cr_assert_eq(store_read_begin(s, &r), RC_OK);
	cr_assert_eq(store_read_size(r), size);
	for (uint64_t i = 0; i < size; i++) {
		snprintf(text, sizeof text, "entry %llu", (unsigned long long)i);
		cr_assert_eq(store_get_entry(r, i, &x), RC_OK);
		cr_assert(bytes_is(x, text));
	}
	cr_assert_eq(store_get_entry(r, size, &x), RC_NOT_FOUND);
	store_read_end(r);
}

#endif
