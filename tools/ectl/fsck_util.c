/*
 * fsck_util.c - bytes, texts and hashes for fsck, written apart from base/.
 *
 * Out of memory ends the child process: there is no half answer, and the parent reports that the
 * log could not be examined.
 */
#include "fsck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/sha.h>

static _Noreturn void
no_memory(void)
{
	_exit(FSCK_EXIT_MEMORY);
}

void
fsck_hash(struct fsck *f, struct span a, struct span b, uint8_t out[FSCK_HASH])
{
	if (EVP_DigestInit_ex2(f->digest, f->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(f->digest, a.p, a.n) != 1 ||
	    EVP_DigestUpdate(f->digest, b.p, b.n) != 1 ||
	    EVP_DigestFinal_ex(f->digest, out, NULL) != 1)
		no_memory();
}

void
fsck_hash_tagged(struct fsck *f, uint8_t tag, struct span a, struct span b, uint8_t out[FSCK_HASH])
{
	if (EVP_DigestInit_ex2(f->digest, f->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(f->digest, &tag, 1) != 1 ||
	    EVP_DigestUpdate(f->digest, a.p, a.n) != 1 ||
	    EVP_DigestUpdate(f->digest, b.p, b.n) != 1 ||
	    EVP_DigestFinal_ex(f->digest, out, NULL) != 1)
		no_memory();
}

void
fsck_sha256(struct span x, uint8_t out[FSCK_HASH])
{
	if (SHA256(x.p, x.n, out) == NULL)
		no_memory();
}

bool
fsck_same(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

struct span
fsck_domain(const char *iss)
{
	const char *at = strstr(iss, "://");

	if (at == NULL)
		return (struct span){(const uint8_t *)iss, 0};
	return (struct span){(const uint8_t *)at + 3, strcspn(at + 3, "/?#:")};
}

uint64_t
fsck_u64(const uint8_t *p)
{
	return (uint64_t)fsck_u32(p) << 32 | fsck_u32(p + 4);
}

uint32_t
fsck_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void
fsck_hex(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

static int
sextet(bool url, uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (url ? '-' : '+'))
		return 62;
	return c == (url ? '_' : '/') ? 63 : -1;
}

bool
fsck_unbase64(bool url, struct span text, uint8_t *out, size_t room, size_t *n)
{
	uint32_t bits = 0;
	unsigned have = 0;

	*n = 0;
	if (!url) { /* one or two '=' make it a multiple of four; then they say nothing more */
		if (text.n % 4 != 0)
			return false;
		for (int i = 0; i < 2 && text.n > 0 && text.p[text.n - 1] == '='; i++)
			text.n--;
	}
	if (text.n % 4 == 1)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int v = sextet(url, text.p[i]);

		if (v < 0)
			return false;
		bits = (bits << 6 | (uint32_t)v) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			if (*n == room)
				return false;
			out[(*n)++] = (uint8_t)(bits >> have);
		}
	}
	return (bits & ((1u << have) - 1)) == 0;
}

size_t
fsck_base64url(struct span x, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	for (size_t i = 0; i < x.n; i++) {
		bits = (bits << 8 | x.p[i]) & 0xffffff;
		for (have += 8; have >= 6;) {
			have -= 6;
			out[n++] = digits[bits >> have & 63];
		}
	}
	if (have > 0)
		out[n++] = digits[bits << (6 - have) & 63];
	out[n] = '\0';
	return n;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 8-4-4-4-12; not all zero, which stands for "none" everywhere here. */
bool
fsck_uuid(const char *text, uint8_t out[FSCK_ID])
{
	static const uint8_t zero[FSCK_ID];
	size_t n = 0;

	if (strlen(text) != 36)
		return false;
	for (size_t i = 0; i < 36;) {
		int high, low;

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i++] != '-')
				return false;
			continue;
		}
		high = hex_value(text[i++]);
		low = hex_value(text[i++]);
		if (high < 0 || low < 0)
			return false;
		out[n++] = (uint8_t)(high << 4 | low);
	}
	return n == FSCK_ID && memcmp(out, zero, FSCK_ID) != 0;
}

bool
fsck_read(const char *path, size_t max, uint8_t **out, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	uint8_t *p = NULL;
	ssize_t got = 0;

	*n = 0;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)max) {
		errno = EFBIG;
		goto bad;
	}
	p = fsck_alloc((size_t)st.st_size + 1, 1);
	while (*n < (size_t)st.st_size && ((got = read(fd, p + *n, (size_t)st.st_size - *n)) > 0 ||
					      (got < 0 && errno == EINTR)))
		*n += got > 0 ? (size_t)got : 0;
	if (got < 0)
		goto bad;
	p[*n] = '\0';
	*out = p;
	close(fd);
	return true;
bad:
	free(p);
	close(fd);
	return false;
}

char *
fsck_path(const char *folder, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		no_memory();
	return path;
}

void *
fsck_grow(void *p, size_t count, size_t *room, size_t size)
{
	size_t want = *room != 0 ? *room * 2 : 256;

	if (count < *room)
		return p;
	if (want > SIZE_MAX / size || (p = realloc(p, want * size)) == NULL)
		no_memory();
	*room = want;
	return p;
}

void *
fsck_alloc(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		no_memory();
	return p;
}
