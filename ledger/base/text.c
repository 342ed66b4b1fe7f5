/*
 * text.c - one spelling for every value, or none.
 *
 * A decoder that accepts two spellings of the same bytes gives an attacker a second identity for a
 * signed thing, so the tables below know their own alphabet only and the unused bits are checked.
 * Decoding looks each character up in a table and gathers the "not in the alphabet" marks, testing
 * them once per group of four.
 */
#include "base/text.h"

#include <string.h>

#include "base/must.h"

#define NO 0x80 /* not in the alphabet */

/* Values of 'A'..'Z', 'a'..'z', '0'..'9' and two more. */
static uint8_t
b64_value(uint8_t c, bool url)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0' + 52);
	if (c == (url ? '-' : '+'))
		return 62;
	if (c == (url ? '_' : '/'))
		return 63;
	return NO;
}

/* The URL alphabet as a table: the ingest path decodes every token with it. */
#define R8(v) v, v, v, v, v, v, v, v
static const uint8_t url_values[256] = {
    /* 0x00 */ R8(NO), R8(NO), R8(NO), R8(NO),
    /* 0x20 */ R8(NO), NO, NO, NO, NO, NO, 62, NO, NO,
    /* 0x30 */ 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
    /* 0x40 */ NO, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    /* 0x50 */ 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, 63,
    /* 0x60 */ NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    /* 0x70 */ 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
    /* 0x80 */ R8(NO), R8(NO), R8(NO), R8(NO), R8(NO), R8(NO), R8(NO), R8(NO),
    /* 0xc0 */ R8(NO), R8(NO), R8(NO), R8(NO), R8(NO), R8(NO), R8(NO), R8(NO)};

/* The last 2 or 3 characters of a text: 1 or 2 bytes, the bits left over zero. */
static bool
b64_tail(const uint8_t v[3], size_t left, uint8_t *out)
{
	if (((v[0] | v[1]) & NO) != 0)
		return false;
	out[0] = (uint8_t)(v[0] << 2 | v[1] >> 4);
	if (left == 2)
		return (v[1] & 0x0f) == 0;
	if ((v[2] & NO) != 0 || (v[2] & 0x03) != 0)
		return false;
	out[1] = (uint8_t)(v[1] << 4 | v[2] >> 2);
	return true;
}

static void
b64_group(const uint8_t v[4], uint8_t *out)
{
	out[0] = (uint8_t)(v[0] << 2 | v[1] >> 4);
	out[1] = (uint8_t)(v[1] << 4 | v[2] >> 2);
	out[2] = (uint8_t)(v[2] << 6 | v[3]);
}

bool
b64url_decode(struct bytes text, uint8_t *out, size_t room, size_t *n)
{
	size_t left = text.n % 4, groups = text.n / 4;
	size_t size = groups * 3 + (left == 0 ? 0 : left - 1);
	const uint8_t *p = text.p;
	size_t i;

	if (left == 1 || size > room)
		return false;
	for (i = 0; i < groups; i++, p += 4, out += 3) {
		uint8_t v[4] = {
		    url_values[p[0]], url_values[p[1]], url_values[p[2]], url_values[p[3]]};

		if (((v[0] | v[1] | v[2] | v[3]) & NO) != 0)
			return false;
		b64_group(v, out);
	}
	if (left != 0) {
		uint8_t v[3] = {
		    url_values[p[0]], url_values[p[1]], left == 3 ? url_values[p[2]] : 0};

		if (!b64_tail(v, left, out))
			return false;
	}
	*n = size;
	return true;
}

bool
b64_decode(struct bytes text, uint8_t *out, size_t room, size_t *n)
{
	size_t pad = 0, groups, left, size, i, j;
	const uint8_t *p = text.p;

	if (text.n % 4 != 0)
		return false;
	while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=')
		pad++;
	left = pad == 0 ? 0 : 4 - pad;
	groups = text.n / 4 - (pad != 0);
	size = groups * 3 + (left == 0 ? 0 : left - 1);
	if (size > room)
		return false;
	for (i = 0; i < groups; i++, p += 4, out += 3) {
		uint8_t v[4], all = 0;

		for (j = 0; j < 4; j++)
			all |= v[j] = b64_value(p[j], false);
		if ((all & NO) != 0)
			return false;
		b64_group(v, out);
	}
	if (left != 0) {
		uint8_t v[3] = {0};

		for (j = 0; j < left; j++)
			v[j] = b64_value(p[j], false);
		if (!b64_tail(v, left, out))
			return false;
	}
	*n = size;
	return true;
}

static size_t
b64_write(struct bytes x, char *out, const char *alphabet, bool pad)
{
	char *o = out;
	size_t i;

	for (i = 0; i + 3 <= x.n; i += 3) {
		const uint8_t *p = x.p + i;

		*o++ = alphabet[p[0] >> 2];
		*o++ = alphabet[(p[0] & 3) << 4 | p[1] >> 4];
		*o++ = alphabet[(p[1] & 15) << 2 | p[2] >> 6];
		*o++ = alphabet[p[2] & 63];
	}
	if (i < x.n) {
		uint8_t a = x.p[i], b = i + 1 < x.n ? x.p[i + 1] : 0;

		*o++ = alphabet[a >> 2];
		*o++ = alphabet[(a & 3) << 4 | b >> 4];
		if (i + 1 < x.n)
			*o++ = alphabet[(b & 15) << 2];
		else if (pad)
			*o++ = '=';
		if (pad)
			*o++ = '=';
	}
	*o = '\0';
	return (size_t)(o - out);
}

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
b64url_encode(struct bytes x, char *out)
{
	return b64_write(x, out, url_alphabet, false);
}

size_t
b64_encode(struct bytes x, char *out)
{
	return b64_write(x, out, std_alphabet, true);
}

/* Through a small window, so that the buffer needs no room for the NUL. */
static void
buf_add_b64_alphabet(struct buf *b, struct bytes x, const char *alphabet, bool pad)
{
	char window[B64_ROOM(192)];

	while (x.n > 0) {
		size_t n = x.n < 192 ? x.n : 192; /* a multiple of 3: padding at the end only */

		buf_add(b, window, b64_write((struct bytes){x.p, n}, window, alphabet, pad));
		x.p += n;
		x.n -= n;
	}
}

void
buf_add_b64(struct buf *b, struct bytes x)
{
	buf_add_b64_alphabet(b, x, std_alphabet, true);
}

void
buf_add_b64url(struct buf *b, struct bytes x)
{
	buf_add_b64_alphabet(b, x, url_alphabet, false);
}

static uint8_t
hex_value(uint8_t c, bool upper)
{
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (uint8_t)(c - 'a' + 10);
	if (upper && c >= 'A' && c <= 'F')
		return (uint8_t)(c - 'A' + 10);
	return NO;
}

bool
hex_decode(struct bytes text, uint8_t *out, size_t room, size_t *n)
{
	size_t i;

	if (text.n % 2 != 0 || text.n / 2 > room)
		return false;
	for (i = 0; i < text.n / 2; i++) {
		uint8_t high = hex_value(text.p[2 * i], false);
		uint8_t low = hex_value(text.p[2 * i + 1], false);

		if (((high | low) & NO) != 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	*n = text.n / 2;
	return true;
}

static const char hex_digits[] = "0123456789abcdef";

size_t
hex_encode(struct bytes x, char *out)
{
	size_t i;

	for (i = 0; i < x.n; i++) {
		out[2 * i] = hex_digits[x.p[i] >> 4];
		out[2 * i + 1] = hex_digits[x.p[i] & 15];
	}
	out[2 * x.n] = '\0';
	return 2 * x.n;
}

void
buf_add_hex(struct buf *b, struct bytes x)
{
	size_t i;

	for (i = 0; i < x.n; i++) {
		const char two[2] = {hex_digits[x.p[i] >> 4], hex_digits[x.p[i] & 15]};

		buf_add(b, two, 2);
	}
}

bool
uuid_parse(struct bytes text, uint8_t out[UUID_SIZE])
{
	size_t i, at = 0;
	uint8_t any = 0;

	if (text.n != UUID_TEXT_SIZE - 1)
		return false;
	for (i = 0; i < UUID_SIZE; i++) {
		uint8_t high, low;

		if (i == 4 || i == 6 || i == 8 || i == 10)
			if (text.p[at++] != '-')
				return false;
		high = hex_value(text.p[at++], true);
		low = hex_value(text.p[at++], true);
		if (((high | low) & NO) != 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		any |= out[i];
	}
	must(at == text.n);
	return any != 0;
}

void
uuid_text(const uint8_t id[UUID_SIZE], char out[UUID_TEXT_SIZE])
{
	size_t i, at = 0;

	for (i = 0; i < UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		out[at++] = hex_digits[id[i] >> 4];
		out[at++] = hex_digits[id[i] & 15];
	}
	out[at++] = '\0';
	must(at == UUID_TEXT_SIZE);
}

/* One sequence that begins with a byte of 0x80 or more: its length, or 0.  Table 3-7 of the Unicode
 * standard. */
static size_t
utf8_sequence(const uint8_t *p, size_t left)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t n, i;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0; /* a tail byte, an overlong lead (c0, c1) or past U+10FFFF (f5..ff) */
	if (n > left)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0; /* overlong below */
	else if (p[0] == 0xed)
		high = 0x9f; /* surrogates above */
	else if (p[0] == 0xf0)
		low = 0x90; /* overlong below */
	else if (p[0] == 0xf4)
		high = 0x8f; /* past U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool
utf8_ok(struct bytes x)
{
	size_t i = 0;

	while (i < x.n) {
		uint64_t eight;
		size_t n;

		if (x.n - i >= sizeof(eight)) {
			memcpy(&eight, x.p + i, sizeof(eight));
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(eight);
				continue;
			}
		}
		if (x.p[i] < 0x80) {
			i++;
			continue;
		}
		if ((n = utf8_sequence(x.p + i, x.n - i)) == 0)
			return false;
		i += n;
	}
	return true;
}
