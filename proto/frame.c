/*
 * frame.c - the five-byte head, and a walk over protobuf's wire form.
 *
 * The unpacker keeps unknown fields, lets a later field overwrite an earlier one and allocates as
 * it goes.  The walk says no before any of that: one pass, no memory, never past n.
 */
#include "proto/frame.h"

enum frame_result
frame_peek(const uint8_t *p, size_t n, size_t max, size_t *total)
{
	uint32_t size;

	*total = FRAME_HEAD;
	if (n >= 1 && p[0] != 0)
		return FRAME_FLAG;
	if (n < FRAME_HEAD)
		return FRAME_MORE;
	size = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	if (size > max)
		return FRAME_TOO_LONG;
	*total = (size_t)FRAME_HEAD + size;
	return n < *total ? FRAME_MORE : FRAME_OK;
}

void
frame_head(uint8_t out[FRAME_HEAD], uint32_t size)
{
	out[0] = 0;
	out[1] = (uint8_t)(size >> 24);
	out[2] = (uint8_t)(size >> 16);
	out[3] = (uint8_t)(size >> 8);
	out[4] = (uint8_t)size;
}

/* A base-128 number of at most 'bytes_max' bytes: how many it took, or 0. */
static size_t
scan_varint(const uint8_t *p, size_t left, size_t bytes_max, uint64_t *v)
{
	size_t i;

	*v = 0;
	for (i = 0; i < left && i < bytes_max; i++) {
		if (i == 9 && p[i] > 1)
			return 0; /* over 64 bits */
		*v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] < 0x80)
			return i + 1;
	}
	return 0;
}

/* How many bytes the value at p takes, or 0: protobuf encoding, wire types 0, 1, 2 and 5. */
static size_t
scan_value(const uint8_t *p, size_t left, unsigned wire)
{
	uint64_t v;
	size_t n;

	switch (wire) {
	case 0:
		return scan_varint(p, left, 10, &v);
	case 1:
		return left >= 8 ? 8 : 0;
	case 2:
		n = scan_varint(p, left, 5, &v);
		if (n == 0 || v > left - n)
			return 0;
		return n + (size_t)v;
	case 5:
		return left >= 4 ? 4 : 0;
	default: /* 3 and 4 are groups; 6 and 7 do not exist */
		return 0;
	}
}

size_t
frame_scan(const uint8_t *p, size_t n, uint64_t known, uint64_t repeated, size_t fields_max)
{
	uint64_t seen = 0;
	size_t at = 0, fields = 0;

	while (at < n) {
		uint64_t tag, bit;
		size_t start = at, took;

		if (++fields > fields_max)
			return start + 1;
		/* A field number up to 63 needs two bytes of tag at most: a longer spelling is
		 * refused. */
		if ((took = scan_varint(p + at, n - at, 2, &tag)) == 0)
			return start + 1;
		if ((took == 2 && tag < 0x80) || tag >> 3 == 0 || tag >> 3 > 63)
			return start + 1;
		bit = UINT64_C(1) << (tag >> 3);
		if ((known & bit) == 0 || ((seen & bit) != 0 && (repeated & bit) == 0))
			return start + 1;
		seen |= bit;
		at += took;
		if ((took = scan_value(p + at, n - at, (unsigned)(tag & 7))) == 0)
			return start + 1;
		at += took;
	}
	return 0;
}
