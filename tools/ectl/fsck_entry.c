/*
 * fsck_entry.c - an entry's CBOR, read by a reader of its own (docs/STORAGE.md, "Entries").
 *
 * Only what an entry can hold: unsigned integers, byte strings, arrays, null, each with the
 * shortest head.  Everything else is not the one accepted form, and the offset of the first byte
 * that differs is the answer.
 */
#include "fsck.h"

#include <string.h>

#define ENTRY_MAX 65535
#define NULL_BYTE 0xf6

enum major { UINT = 0, BYTES = 2, ARRAY = 4, MAP = 5 };

struct reader {
	struct span in;
	size_t at;
	size_t item; /* where the item began that was read last */
	const char *field;
	bool bad;
};

/* A head of this major type, in its shortest form. */
static uint64_t
head(struct reader *r, enum major major)
{
	uint64_t v = 0;
	unsigned info, size;

	r->item = r->bad ? r->item : r->at;
	if (r->bad || r->at >= r->in.n || r->in.p[r->at] >> 5 != (uint8_t)major)
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

static void
check(struct reader *r, bool ok)
{
	r->bad = r->bad || !ok;
}

static bool
at_null(struct reader *r)
{
	if (r->bad || r->at >= r->in.n || r->in.p[r->at] != NULL_BYTE)
		return false;
	r->item = r->at++;
	return true;
}

static void
fixed(struct reader *r, uint8_t *out, size_t n)
{
	check(r, head(r, BYTES) == n && r->in.n - r->at >= n);
	if (r->bad)
		return;
	memcpy(out, r->in.p + r->at, n);
	r->at += n;
}

static void
key(struct reader *r, uint64_t want, const char *field)
{
	r->field = r->bad ? r->field : field;
	check(r, head(r, UINT) == want);
}

static uint64_t
number(struct reader *r, uint64_t want, const char *field)
{
	key(r, want, field);
	return head(r, UINT);
}

/* 2^64 - 1 is no index: it stands for "none" on both sides. */
static uint64_t
index_read(struct reader *r)
{
	uint64_t v = head(r, UINT);

	check(r, v != FSCK_NONE);
	return v;
}

/* ordinal, previous: null exactly when nothing came before. */
static void
link_read(struct reader *r, struct fsck_link *link)
{
	link->ordinal = head(r, UINT);
	link->previous = FSCK_NONE;
	if (r->bad)
		return;
	if (link->ordinal == 0)
		check(r, at_null(r));
	else
		link->previous = index_read(r);
}

static void
foreign_read(struct reader *r, struct fsck_foreign *out)
{
	static const uint8_t zero[FSCK_ID];

	memset(out->wid, 0, FSCK_ID);
	check(r, head(r, ARRAY) == 3);
	if (!at_null(r)) {
		fixed(r, out->wid, FSCK_ID);
		check(r, memcmp(out->wid, zero, FSCK_ID) != 0);
	}
	link_read(r, &out->link);
}

/* The two optional lists; the next key is left unread. */
static void
lists_read(struct reader *r, struct fsck_entry *e)
{
	if (!r->bad && r->at < r->in.n && r->in.p[r->at] == 10) {
		key(r, 10, "parents");
		e->parent_count = head(r, ARRAY);
		check(r, e->parent_count >= 1 && e->parent_count <= FSCK_PREDS);
		for (size_t i = 0; !r->bad && i < e->parent_count; i++)
			e->parents[i] = index_read(r);
	}
	if (!r->bad && r->at < r->in.n && r->in.p[r->at] == 11) {
		key(r, 11, "foreign links");
		e->foreign_count = head(r, ARRAY);
		check(r, e->foreign_count >= 1 && e->foreign_count <= FSCK_PREDS);
		for (size_t i = 0; !r->bad && i < e->foreign_count; i++)
			foreign_read(r, &e->foreign[i]);
	}
}

/* A token, or a refused one. */
static bool
agents(const struct fsck_entry *e)
{
	return e->kind == 1 || e->kind == 6;
}

static void
numbers_read(struct reader *r, struct fsck_entry *e)
{
	e->version = number(r, 1, "version");
	check(r, e->version == 1 || e->version == 2);
	e->kind = number(r, 2, "kind");
	check(r, e->kind >= 1 && e->kind <= (e->version == 1 ? 5 : 6));
	e->received_ms = number(r, 3, "received_at");
	e->media = number(r, 4, "media");
	check(r, e->media <= 3);
	e->level = number(r, 5, "level");
	check(r, e->level <= 3);
	if (agents(e))
		check(r, e->media >= 1 && e->level >= 1);
	else if (e->version == 2)
		check(r, e->media == 0 && e->level == 0);
	e->flags = number(r, 6, "flags");
	check(r, e->flags <= (e->version == 1 ? 7 : 15));
}

/* Version 2: how the signer was bound.  What was signed has all of it, the rest nothing. */
static void
evidence_read(struct reader *r, struct fsck_entry *e)
{
	bool is_signed = e->version == 1 || (agents(e) && e->level > 1);

	check(r, e->has_signer == is_signed);
	if (e->version == 1)
		return;
	key(r, 13, "evidence");
	check(r, head(r, ARRAY) == 3);
	e->binding = head(r, UINT);
	check(r, is_signed ? e->binding >= 1 && e->binding <= 3 : e->binding == 0);
	if (!at_null(r)) {
		e->anchor = index_read(r);
		check(r, is_signed);
	}
	if (!at_null(r)) {
		size_t n = head(r, BYTES);

		check(r, is_signed && n > 0 && r->in.n - r->at >= n);
		if (!r->bad) {
			e->credential = (struct span){r->in.p + r->at, n};
			r->at += n;
		}
	}
}

bool
fsck_entry_read(struct span raw, struct fsck_entry *e, size_t *at, const char **field)
{
	struct reader r = {.in = raw, .field = "map"};
	uint8_t limits[8];
	uint64_t keys, size;

	e->parent_count = e->foreign_count = 0;
	check(&r, raw.n <= ENTRY_MAX);
	keys = head(&r, MAP);
	numbers_read(&r, e);
	e->binding = 0;
	e->anchor = FSCK_NONE;
	e->credential = (struct span){NULL, 0};
	key(&r, 7, "signer");
	memset(e->signer, 0, FSCK_HASH);
	e->has_signer = !at_null(&r);
	if (e->has_signer)
		fixed(&r, e->signer, FSCK_HASH);
	key(&r, 8, "workflow link");
	check(&r, head(&r, ARRAY) == 2);
	link_read(&r, &e->workflow);
	key(&r, 9, "issuer link");
	check(&r, head(&r, ARRAY) == 2);
	link_read(&r, &e->issuer);
	lists_read(&r, e);
	key(&r, 12, "limits");
	fixed(&r, limits, sizeof(limits));
	evidence_read(&r, e);
	if (e->version == 2 && e->kind != 1)
		check(&r, e->foreign_count == 0 && e->parent_count == (e->kind == 6));
	key(&r, e->version == 1 ? 13 : 14, "token");
	size = head(&r, BYTES);
	check(&r, size == raw.n - r.at);
	check(&r, keys == 10u + e->version + (e->parent_count > 0) + (e->foreign_count > 0));
	if (!r.bad)
		e->token = (struct span){raw.p + r.at, (size_t)size};
	*at = r.item;
	*field = r.field;
	return !r.bad;
}
