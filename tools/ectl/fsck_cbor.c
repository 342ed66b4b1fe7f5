/*
 * fsck_cbor.c - see fsck_cbor.h.  Bytes here may come from anybody: every count is held against the
 * bytes that are left before anything is done with it, and nothing recurses.
 */
#include "fsck_cbor.h"

#include <string.h>

void
cbor_check(struct cbor *r, bool ok)
{
	r->bad = r->bad || !ok;
}

bool
cbor_end(const struct cbor *r)
{
	return !r->bad && r->at == r->in.n;
}

int
cbor_major(const struct cbor *r)
{
	return r->bad || r->at >= r->in.n ? -1 : r->in.p[r->at] >> 5;
}

uint64_t
cbor_head(struct cbor *r, enum cbor_major major)
{
	uint64_t v = 0;
	unsigned info, size;

	r->item = r->bad ? r->item : r->at;
	if (cbor_major(r) != (int)major)
		goto bad;
	info = r->in.p[r->at++] & 31;
	if (info < 24)
		return info;
	if (info > 27)
		goto bad;
	size = 1u << (info - 24);
	if (r->in.n - r->at < size)
		goto bad;
	for (unsigned i = 0; i < size; i++)
		v = v << 8 | r->in.p[r->at++];
	/* A number that would fit the next smaller head is a second spelling. */
	if ((size == 1 && v < 24) || (size > 1 && v >> (size * 4) == 0))
		goto bad;
	return v;
bad:
	r->bad = true;
	return 0;
}

bool
cbor_null(struct cbor *r)
{
	if (r->bad || r->at >= r->in.n || r->in.p[r->at] != CBOR_NULL)
		return false;
	r->item = r->at++;
	return true;
}

struct span
cbor_string(struct cbor *r, enum cbor_major major)
{
	uint64_t n = cbor_head(r, major);
	struct span s = {NULL, 0};

	cbor_check(r, n <= r->in.n - r->at);
	if (r->bad)
		return s;
	s = (struct span){r->in.p + r->at, (size_t)n};
	r->at += (size_t)n;
	return s;
}

void
cbor_fixed(struct cbor *r, uint8_t *out, size_t n)
{
	struct span s = cbor_string(r, CBOR_BYTES);

	cbor_check(r, s.n == n);
	if (!r->bad && n > 0)
		memcpy(out, s.p, n);
}

int64_t
cbor_int(struct cbor *r)
{
	bool negative = cbor_major(r) == CBOR_NEGATIVE;
	uint64_t v = cbor_head(r, negative ? CBOR_NEGATIVE : CBOR_UINT);

	cbor_check(r, v <= INT64_MAX);
	if (r->bad)
		return 0;
	return negative ? -1 - (int64_t)v : (int64_t)v;
}

uint64_t
cbor_count(struct cbor *r, enum cbor_major major)
{
	uint64_t n = cbor_head(r, major);

	cbor_check(r, n <= (r->in.n - r->at) / (major == CBOR_MAP ? 2 : 1));
	return r->bad ? 0 : n;
}

/* A float or a simple value: no length, only a width. */
static void
skip_simple(struct cbor *r)
{
	static const uint8_t width[] = {1, 2, 4, 8};
	unsigned info = r->in.p[r->at] & 31;
	size_t n = 1;

	r->item = r->at;
	if (info >= 24 && info <= 27)
		n += width[info - 24];
	cbor_check(r, info <= 27 && n <= r->in.n - r->at);
	if (!r->bad)
		r->at += n;
}

/* The items that a head announces behind itself. */
static uint64_t
skip_head(struct cbor *r)
{
	int major = cbor_major(r);

	switch (major) {
	case CBOR_UINT:
	case CBOR_NEGATIVE:
		(void)cbor_head(r, (enum cbor_major)major);
		return 0;
	case CBOR_BYTES:
	case CBOR_TEXT:
		(void)cbor_string(r, (enum cbor_major)major);
		return 0;
	case CBOR_ARRAY:
		return cbor_count(r, CBOR_ARRAY);
	case CBOR_MAP:
		return 2 * cbor_count(r, CBOR_MAP);
	case CBOR_TAG:
		(void)cbor_head(r, CBOR_TAG);
		return 1;
	case CBOR_SIMPLE:
		skip_simple(r);
		return 0;
	default:
		r->bad = true;
		return 0;
	}
}

void
cbor_skip(struct cbor *r)
{
	uint64_t left[CBOR_DEPTH] = {1}, inside;
	unsigned depth = 0;

	while (!r->bad) {
		while (left[depth] == 0) {
			if (depth == 0)
				return;
			depth--;
		}
		left[depth]--;
		inside = skip_head(r);
		if (inside == 0)
			continue;
		cbor_check(r, depth + 1 < CBOR_DEPTH);
		if (!r->bad)
			left[++depth] = inside;
	}
}
