/*
 * bytes.c - views, the growing buffer, big-endian numbers.
 *
 * The buffer's invariants: n <= room; p is NULL only when room is 0; room never passes max (when
 * there is one); once bad, n and p do not change until buf_clear() or buf_release().
 */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define BUF_ROOM_MIN 256

struct bytes
bytes_of(const void *p, size_t n)
{
	must(p != NULL || n == 0);
	return (struct bytes){p, n};
}

struct bytes
bytes_str(const char *s)
{
	must(s != NULL);
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

bool
bytes_eq(struct bytes a, struct bytes b)
{
	/* memcmp() wants valid pointers even for no bytes, and an empty view may have none. */
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
bytes_is(struct bytes a, const char *s)
{
	return bytes_eq(a, bytes_str(s));
}

int
bytes_cmp(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return (a.n > b.n) - (a.n < b.n);
}

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_release(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->bad = false;
}

/* Make room for n more bytes, doubling, so that many small appends cost linear time. */
static bool
buf_reserve(struct buf *b, size_t n)
{
	size_t want, room;
	uint8_t *p;

	must(b->n <= b->room);
	if (b->bad)
		return false;
	if (n <= b->room - b->n)
		return true;
	if (n > SIZE_MAX / 2 - b->n || (b->max != 0 && n > b->max - b->n))
		goto bad;
	want = b->n + n;
	room = b->room < BUF_ROOM_MIN ? BUF_ROOM_MIN : b->room;
	while (room < want)
		room *= 2;
	if (b->max != 0 && room > b->max)
		room = b->max;
	if ((p = realloc(b->p, room)) == NULL)
		goto bad;
	b->p = p;
	b->room = room;
	return true;

bad:
	b->bad = true;
	return false;
}

uint8_t *
buf_grow(struct buf *b, size_t n)
{
	uint8_t *p;

	/* A place is given for no bytes too, so that NULL always means "no". */
	if (b->bad)
		return NULL;
	if ((n != 0 || b->room == 0) && !buf_reserve(b, n == 0 ? 1 : n))
		return NULL;
	p = b->p + b->n;
	b->n += n;
	return p;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	must(p != NULL || n == 0);
	if (n == 0 || !buf_reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
buf_add_bytes(struct buf *b, struct bytes x)
{
	buf_add(b, x.p, x.n);
}

void
buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addf(struct buf *b, const char *format, ...)
{
	char small[256], *large = NULL;
	va_list args;
	int n;

	/* Through a side buffer, because vsnprintf() would want room for a NUL that is not ours to
	 * have. */
	va_start(args, format);
	n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	must(n >= 0);
	if ((size_t)n < sizeof(small)) {
		buf_add(b, small, (size_t)n);
		return;
	}
	if ((large = malloc((size_t)n + 1)) == NULL) {
		b->bad = true;
		return;
	}
	va_start(args, format);
	n = vsnprintf(large, (size_t)n + 1, format, args);
	va_end(args);
	buf_add(b, large, (size_t)n);
	free(large);
}

struct bytes
buf_bytes(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

enum rc
buf_rc(const struct buf *b)
{
	if (!b->bad)
		return RC_OK;
	return b->max != 0 ? RC_TOO_LARGE : RC_NO_MEMORY;
}

void
buf_add_json(struct buf *b, struct bytes x)
{
	static const char hex[] = "0123456789abcdef";
	size_t i, from = 0;

	buf_add(b, "\"", 1);
	for (i = 0; i < x.n; i++) {
		uint8_t c = x.p[i];
		char esc[6] = {'\\', 0, '0', '0', 0, 0};
		size_t n = 2;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_add(b, x.p + from, i - from);
		from = i + 1;
		switch (c) {
		case '"':
		case '\\':
			esc[1] = (char)c;
			break;
		case '\n':
			esc[1] = 'n';
			break;
		case '\r':
			esc[1] = 'r';
			break;
		case '\t':
			esc[1] = 't';
			break;
		default: /* other controls, and DEL for the terminal's sake */
			esc[1] = 'u';
			esc[4] = hex[c >> 4];
			esc[5] = hex[c & 15];
			n = 6;
			break;
		}
		buf_add(b, esc, n);
	}
	if (x.n > from)
		buf_add(b, x.p + from, x.n - from);
	buf_add(b, "\"", 1);
}

void
put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void
put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)v);
}

void
put_u64(uint8_t *p, uint64_t v)
{
	put_u32(p, (uint32_t)(v >> 32));
	put_u32(p + 4, (uint32_t)v);
}

uint16_t
get_u16(const uint8_t *p)
{
	return (uint16_t)((p[0] << 8) | p[1]);
}

uint32_t
get_u32(const uint8_t *p)
{
	return ((uint32_t)get_u16(p) << 16) | get_u16(p + 2);
}

uint64_t
get_u64(const uint8_t *p)
{
	return ((uint64_t)get_u32(p) << 32) | get_u32(p + 4);
}
