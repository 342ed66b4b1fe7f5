/*
 * note_lines.c - lines, numbers and names, each with one accepted spelling: what is signed must not
 * have two readings.
 */
#include "seal/note_lines.h"

#include <string.h>

#include "base/text.h"

/* White_Space of Unicode beyond ASCII, as the names of keys may not have it. */
static bool
is_space(uint32_t c)
{
	return c == 0x85 || c == 0xA0 || c == 0x1680 || (0x2000 <= c && c <= 0x200A) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* One code point of well-formed UTF-8. */
static uint32_t
code_point(const uint8_t *p, size_t *size)
{
	if (p[0] < 0x80) {
		*size = 1;
		return p[0];
	}
	if (p[0] < 0xE0) {
		*size = 2;
		return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
	}
	if (p[0] < 0xF0) {
		*size = 3;
		return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
	}
	*size = 4;
	return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

bool
note_name_ok(struct bytes name)
{
	size_t i, size;
	uint32_t c;

	if (name.n == 0 || !utf8_ok(name))
		return false;
	for (i = 0; i < name.n; i += size) {
		c = code_point(name.p + i, &size);
		if (c <= 0x20 || c == 0x7F || c == '+' || is_space(c))
			return false;
	}
	return true;
}

bool
note_line(struct bytes *rest, struct bytes *line)
{
	const uint8_t *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);

	if (end == NULL)
		return false;
	*line = bytes_of(rest->p, (size_t)(end - rest->p));
	*rest = bytes_of(end + 1, rest->n - line->n - 1);
	return true;
}

bool
note_decimal(struct bytes text, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (text.n == 0 || (text.n > 1 && text.p[0] == '0'))
		return false;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool
note_hash(struct bytes text, struct hash *out)
{
	size_t n = 0;

	return text.n == 44 && b64_decode(text, out->b, sizeof(out->b), &n) && n == HASH_SIZE;
}
