/*
 * fsck_entry.c - an entry's CBOR, of version 1 and 2 (docs/STORAGE.md, "Entries").
 *
 * Everything but the one accepted form is refused, and the offset of the first byte that differs is
 * the answer.
 */
#include "fsck_cbor.h"

#include <string.h>

#define ENTRY_MAX 65535

static void
key(struct cbor *r, uint64_t want, const char *field)
{
	r->field = r->bad ? r->field : field;
	cbor_check(r, cbor_head(r, CBOR_UINT) == want);
}

static uint64_t
number(struct cbor *r, uint64_t want, const char *field)
{
	key(r, want, field);
	return cbor_head(r, CBOR_UINT);
}

/* 2^64 - 1 is no index: it stands for "none" on both sides. */
static uint64_t
index_read(struct cbor *r)
{
	uint64_t v = cbor_head(r, CBOR_UINT);

	cbor_check(r, v != FSCK_NONE);
	return v;
}

/* ordinal, previous: null exactly when nothing came before. */
static void
link_read(struct cbor *r, struct fsck_link *link)
{
	link->ordinal = cbor_head(r, CBOR_UINT);
	link->previous = FSCK_NONE;
	if (r->bad)
		return;
	if (link->ordinal == 0)
		cbor_check(r, cbor_null(r));
	else
		link->previous = index_read(r);
}

static void
foreign_read(struct cbor *r, struct fsck_foreign *out)
{
	static const uint8_t zero[FSCK_ID];

	memset(out->wid, 0, FSCK_ID);
	cbor_check(r, cbor_head(r, CBOR_ARRAY) == 3);
	if (!cbor_null(r)) {
		cbor_fixed(r, out->wid, FSCK_ID);
		cbor_check(r, memcmp(out->wid, zero, FSCK_ID) != 0);
	}
	link_read(r, &out->link);
}

/* The two optional lists; the next key is left unread. */
static void
lists_read(struct cbor *r, struct fsck_entry *e)
{
	if (!r->bad && r->at < r->in.n && r->in.p[r->at] == 10) {
		key(r, 10, "parents");
		e->parent_count = cbor_head(r, CBOR_ARRAY);
		cbor_check(r, e->parent_count >= 1 && e->parent_count <= FSCK_PREDS);
		for (size_t i = 0; !r->bad && i < e->parent_count; i++)
			e->parents[i] = index_read(r);
	}
	if (!r->bad && r->at < r->in.n && r->in.p[r->at] == 11) {
		key(r, 11, "foreign links");
		e->foreign_count = cbor_head(r, CBOR_ARRAY);
		cbor_check(r, e->foreign_count >= 1 && e->foreign_count <= FSCK_PREDS);
		for (size_t i = 0; !r->bad && i < e->foreign_count; i++)
			foreign_read(r, &e->foreign[i]);
	}
}

/* An agent's words, or an event of the log's own? */
static bool
agents(const struct fsck_entry *e)
{
	return e->kind == FSCK_TOKEN_ENTRY || e->kind == FSCK_EQUIVOCATION_ENTRY;
}

static void
numbers_read(struct cbor *r, struct fsck_entry *e)
{
	uint64_t least, most;

	e->version = number(r, 1, "version");
	cbor_check(r, e->version == 1 || e->version == 2);
	e->kind = number(r, 2, "kind");
	cbor_check(
	    r, e->kind >= FSCK_TOKEN_ENTRY && e->kind <= (e->version == 1 ? 5u : FSCK_KINDS));
	e->received_ms = number(r, 3, "received_at");
	/* The log's own events are of no media and level; version 1 did not care. */
	least = agents(e) ? 1 : 0;
	most = agents(e) || e->version == 1 ? 3 : 0;
	e->media = number(r, 4, "media");
	cbor_check(r, e->media >= least && e->media <= most);
	e->level = number(r, 5, "level");
	cbor_check(r, e->level >= least && e->level <= most);
	e->flags = number(r, 6, "flags");
	cbor_check(r, e->flags <= (e->version == 1 ? 7u : 31u));
}

static void
signer_read(struct cbor *r, struct fsck_entry *e)
{
	key(r, 7, "signer");
	e->has_signer = e->version == 1 || !cbor_null(r);
	if (e->has_signer)
		cbor_fixed(r, e->signer, FSCK_HASH);
	else
		memset(e->signer, 0, FSCK_HASH);
}

/* How the signer was bound, the key entry that it leads to, what came beside the token. */
static void
evidence_read(struct cbor *r, struct fsck_entry *e)
{
	key(r, 13, "evidence");
	cbor_check(r, cbor_head(r, CBOR_ARRAY) == 3);
	e->binding = cbor_head(r, CBOR_UINT);
	cbor_check(r, e->binding <= FSCK_WIT);
	if (!cbor_null(r))
		e->anchor = index_read(r);
	if (!cbor_null(r))
		e->credential = cbor_string(r, CBOR_BYTES);
	cbor_check(r, e->credential.p == NULL || e->credential.n > 0);
}

/* Version 2: what was signed says by whom and how, what was not says neither; and the lists are
 * those of the kind. */
static bool
belongs(const struct fsck_entry *e)
{
	bool is_signed = agents(e) && e->level > 1;

	if (e->version == 1)
		return true;
	if (e->has_signer != is_signed || (e->binding != FSCK_UNSIGNED) != is_signed)
		return false;
	if (!is_signed && (e->anchor != FSCK_NONE || e->credential.p != NULL))
		return false;
	if (e->kind == FSCK_TOKEN_ENTRY)
		return true;
	return e->foreign_count == 0 &&
	       e->parent_count == (e->kind == FSCK_EQUIVOCATION_ENTRY ? 1u : 0u);
}

bool
fsck_entry_read(struct span raw, struct fsck_entry *e, size_t *at, const char **field)
{
	struct cbor r = {.in = raw, .field = "map"};
	uint8_t limits[8];
	struct span token;
	uint64_t keys;

	e->parent_count = e->foreign_count = 0;
	e->binding = 0;
	e->anchor = FSCK_NONE;
	e->credential = (struct span){NULL, 0};
	cbor_check(&r, raw.n <= ENTRY_MAX);
	keys = cbor_head(&r, CBOR_MAP);
	numbers_read(&r, e);
	signer_read(&r, e);
	key(&r, 8, "workflow link");
	cbor_check(&r, cbor_head(&r, CBOR_ARRAY) == 2);
	link_read(&r, &e->workflow);
	key(&r, 9, "issuer link");
	cbor_check(&r, cbor_head(&r, CBOR_ARRAY) == 2);
	link_read(&r, &e->issuer);
	lists_read(&r, e);
	key(&r, 12, "limits");
	cbor_fixed(&r, limits, sizeof(limits));
	if (e->version == 2)
		evidence_read(&r, e);
	key(&r, 12 + e->version, "token");
	token = cbor_string(&r, CBOR_BYTES);
	cbor_check(&r, cbor_end(&r));
	cbor_check(&r, keys == 10u + e->version + (e->parent_count > 0) + (e->foreign_count > 0));
	if (!r.bad)
		e->token = token;
	if (!r.bad && !belongs(e)) {
		r.field = "what belongs together";
		r.bad = true;
	}
	*at = r.item;
	*field = r.field;
	return !r.bad;
}
