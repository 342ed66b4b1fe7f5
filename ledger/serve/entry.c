/*
 * entry.c - Ledger/GetEntry (reader thread): an entry, taken apart for people and programs.
 *
 * GetEntry, Search and Watch show entries by entry_view() alone.  What the log says about keys is
 * looked up once for each key of an answer, as of the view's size.
 */
#include <string.h>

#include "base/must.h"
#include "claim/kind.h"
#include "claim/own_event.h"
#include "serve/call.h"

#define KEYS_KEPT 64 /* of one answer; beyond, they are looked up again */

/* What the history says about one id. */
struct key_kept {
	struct bytes domain;
	struct hash id;
	bool there;
	struct history_record record;
	Ectledger__V1__KeyRecord *message; /* made when first shown */
};

struct anchor_kept {
	uint64_t index; /* of the key entry */
	struct hash id;
};

struct entry_views {
	struct arena *arena;
	struct query_view *v;
	struct history *history;
	uint64_t size;
	bool brief;
	struct key_kept *keys[KEYS_KEPT];
	size_t key_count;
	struct anchor_kept anchors[KEYS_KEPT];
	size_t anchor_count;
};

static enum rc
no_room(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
}

/* ---- keys ---- */

static enum rc
find_key(struct entry_views *x, struct bytes domain, const struct hash *id, struct key_kept **out,
    struct why *why)
{
	struct key_kept *k;
	enum rc rc;

	for (size_t i = 0; i < x->key_count; i++)
		if (hash_eq(&x->keys[i]->id, id) && bytes_eq(x->keys[i]->domain, domain)) {
			*out = x->keys[i];
			return RC_OK;
		}
	if ((k = arena_zalloc(x->arena, sizeof *k)) == NULL ||
	    !arena_dup(x->arena, domain, &k->domain))
		return no_room(why);
	rc = history_find(x->history, domain, id, x->size, x->arena, &k->record);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return why_set(why, rc, "key history", NULL, 0, "%s", rc_text(rc));
	k->there = rc == RC_OK;
	k->id = *id;
	if (x->key_count == KEYS_KEPT)
		x->key_count = 0;
	x->keys[x->key_count++] = k;
	*out = k;
	return RC_OK;
}

/* The id that a key entry is about. */
static enum rc
anchor_id(struct entry_views *x, uint64_t index, struct hash *out, struct why *why)
{
	struct trust_event event;
	struct query_entry e;
	enum rc rc;

	for (size_t i = 0; i < x->anchor_count; i++)
		if (x->anchors[i].index == index) {
			*out = x->anchors[i].id;
			return RC_OK;
		}
	if ((rc = query_entry(x->v, index, x->arena, &e, why)) != RC_OK)
		return rc;
	if (e.entry.kind != ENTRY_KEY || event_read(e.entry.token, x->arena, &event, NULL) != RC_OK)
		return why_set(why, RC_CORRUPT, "an anchor is a key entry", NULL, 0,
		    "entry %llu is no key entry", (unsigned long long)index);
	*out = event.id;
	if (x->anchor_count == KEYS_KEPT)
		x->anchor_count = 0;
	x->anchors[x->anchor_count++] = (struct anchor_kept){index, event.id};
	return RC_OK;
}

/* What the log says about the key that verified: about the signer itself where it knows it, else
 * about what it was bound through; and whether either was in doubt. */
static enum rc
set_key(struct entry_views *x, const struct query_entry *e, Ectledger__V1__EntryView *v,
    struct why *why)
{
	struct key_kept *known = NULL, *k = NULL;
	struct hash ids[2] = {e->entry.signer};
	size_t count = 1;
	enum rc rc;

	if (x->history == NULL || !e->entry.has_signer)
		return RC_OK;
	if (e->entry.anchor != ENTRY_NONE) {
		if ((rc = anchor_id(x, e->entry.anchor, &ids[1], why)) != RC_OK)
			return rc;
		count += !hash_eq(&ids[0], &ids[1]);
	}
	for (size_t i = 0; i < count; i++) {
		rc = find_key(x, e->claim.trust_domain, &ids[i], &k, why);
		if (rc != RC_OK)
			return rc;
		if (!k->there)
			continue;
		v->suspect |= search_doubtful(&k->record, e->index, e->entry.received_at_ms);
		if (known == NULL || (k->record.revoked && !known->record.revoked))
			known = k;
	}
	if (known == NULL)
		return RC_OK;
	if (known->message == NULL) {
		Ectledger__V1__KeyRecord *m = arena_alloc(x->arena, sizeof *m);

		if (m == NULL || !key_record_fill(x->arena, &known->record, m))
			return no_room(why);
		if (x->brief)
			m->material = (ProtobufCBinaryData){0, NULL};
		known->message = m;
	}
	v->key = known->message;
	return RC_OK;
}

/* ---- the entry ---- */

static const char *
binding_name(unsigned binding)
{
	switch (binding) {
	case TRUST_JWKS:
		return "jwks";
	case TRUST_X509:
		return "x509";
	case TRUST_WIT:
		return "wit";
	}
	return "";
}

static bool
set_strings(struct arena *arena, const struct query_entry *e, Ectledger__V1__EntryView *v)
{
	const struct claim *c = &e->claim;
	bool token = e->entry.kind == ENTRY_TOKEN || e->entry.kind == ENTRY_EQUIVOCATION;
	enum token_level chain = query_chain_level(&e->entry);

	v->iss = pb_string(arena, c->iss);
	v->act = pb_string(arena, c->act);
	v->node_kind = pb_string(arena, bytes_str(token ? c->kind->name : ""));
	v->level = pb_string(arena, bytes_str(token ? token_level_name(e->entry.level) : ""));
	v->media = pb_string(arena, bytes_str(token ? token_media_name(e->entry.media) : ""));
	v->entry_kind = pb_string(arena, bytes_str(query_entry_kind(e)));
	v->chain_level = pb_string(arena, bytes_str(token ? token_level_name(chain) : ""));
	v->binding = pb_string(arena, bytes_str(binding_name(e->entry.binding)));
	if (!v->iss || !v->act || !v->node_kind || !v->level || !v->media || !v->entry_kind ||
	    !v->chain_level || !v->binding)
		return false;
	if ((v->aud = arena_alloc(arena, (c->aud_count + 1) * sizeof *v->aud)) == NULL)
		return false;
	for (v->n_aud = 0; v->n_aud < c->aud_count; v->n_aud++) {
		char *text = pb_string(arena, c->aud[v->n_aud]);

		if (text == NULL)
			return false;
		v->aud[v->n_aud] = text;
	}
	return true;
}

static bool
set_parents(struct arena *arena, const struct query_entry *e, Ectledger__V1__EntryView *v)
{
	const struct claim *c = &e->claim;

	must(e->entry.kind != ENTRY_TOKEN || e->entry.parent_count == c->pred_count);
	v->pred = arena_alloc(arena, (c->pred_count + 1) * sizeof *v->pred);
	v->pred_index = arena_alloc(arena, (e->entry.parent_count + 1) * sizeof *v->pred_index);
	if (v->pred == NULL || v->pred_index == NULL)
		return false;
	for (size_t i = 0; i < c->pred_count; i++)
		v->pred[i] = pb_bytes(bytes_of(c->pred[i], UUID_SIZE));
	for (size_t i = 0; i < e->entry.parent_count; i++)
		v->pred_index[i] = e->entry.parents[i];
	v->n_pred = c->pred_count;
	v->n_pred_index = e->entry.parent_count;
	return true;
}

static void
set_bytes(const struct query_entry *e, bool brief, Ectledger__V1__EntryView *v)
{
	const struct claim *c = &e->claim;

	v->index = e->index;
	if (e->entry.kind == ENTRY_TOKEN || e->entry.kind == ENTRY_EQUIVOCATION)
		v->jti = pb_bytes(bytes_of(c->jti, UUID_SIZE));
	if (c->has_wid)
		v->wid = pb_bytes(bytes_of(c->wid, UUID_SIZE));
	v->iat = c->iat;
	v->exp = c->exp;
	v->received_at_ms = (int64_t)e->entry.received_at_ms;
	v->inp_hash = pb_bytes(bytes_of(c->inp_hash.b, c->inp_hash.size));
	v->out_hash = pb_bytes(bytes_of(c->out_hash.b, c->out_hash.size));
	v->ext = pb_bytes(c->ext);
	if (e->entry.has_signer)
		v->key_thumbprint = pb_bytes(bytes_of(e->entry.signer.b, HASH_SIZE));
	v->leaf_hash = pb_bytes(bytes_of(e->leaf.b, HASH_SIZE));
	v->flags = e->entry.flags;
	if (brief)
		return;
	v->token = pb_bytes(e->entry.token);
	v->entry = pb_bytes(e->raw);
	v->credential = pb_bytes(e->entry.credential);
}

static enum rc
key_event_json(const struct query_entry *e, struct arena *arena, struct buf *out)
{
	struct trust_event event;
	enum rc rc = event_read(e->entry.token, arena, &event, NULL);

	return rc == RC_OK ? event_json(&event, out) : rc;
}

static enum rc
set_event(struct arena *arena, const struct query_entry *e, bool brief, Ectledger__V1__EntryView *v,
    struct why *why)
{
	struct bytes kept;
	struct buf text;
	enum rc rc;

	if (e->entry.kind == ENTRY_TOKEN || e->entry.kind == ENTRY_EQUIVOCATION)
		return RC_OK;
	buf_init(&text, 0);
	if (e->entry.kind == ENTRY_KEY)
		rc = key_event_json(e, arena, &text);
	else
		rc =
		    own_event_json(e->entry.kind == ENTRY_DESCRIPTOR, e->entry.token, brief, &text);
	if (rc == RC_CORRUPT)
		why_set(why, rc, "what was admitted parses", NULL, 0,
		    "the event of entry %llu does not parse", (unsigned long long)e->index);
	if (rc == RC_OK && !arena_dup(arena, buf_bytes(&text), &kept))
		rc = no_room(why);
	else if (rc == RC_OK)
		v->event = pb_bytes(kept);
	buf_release(&text);
	return rc;
}

static enum rc
entry_views_new(
    struct call *call, struct query_view *v, bool brief, struct entry_views **out, struct why *why)
{
	struct entry_views *x = arena_zalloc(&call->arena, sizeof *x);

	if ((*out = x) == NULL)
		return no_room(why);
	x->arena = &call->arena;
	x->v = v;
	x->history = query_view_history(v);
	x->size = query_view_size(v);
	x->brief = brief;
	return RC_OK;
}

static enum rc
entry_view(struct entry_views *x, const struct query_entry *e, Ectledger__V1__EntryView **out,
    struct why *why)
{
	Ectledger__V1__EntryView *v = arena_alloc(x->arena, sizeof *v);
	enum rc rc;

	if ((*out = v) == NULL)
		return no_room(why);
	ectledger__v1__entry_view__init(v);
	set_bytes(e, x->brief, v);
	if (!set_strings(x->arena, e, v) || !set_parents(x->arena, e, v))
		return no_room(why);
	if ((rc = set_event(x->arena, e, x->brief, v, why)) != RC_OK)
		return rc;
	return set_key(x, e, v, why);
}

enum rc
entry_page(struct call *call, struct query_view *v, const struct search_page *page, bool brief,
    Ectledger__V1__EntryView ***out, struct why *why)
{
	struct entry_views *views;
	enum rc rc;

	if ((rc = entry_views_new(call, v, brief, &views, why)) != RC_OK)
		return rc;
	if ((*out = arena_alloc(&call->arena, (page->count + 1) * sizeof **out)) == NULL)
		return no_room(why);
	for (size_t i = 0; i < page->count && rc == RC_OK; i++)
		rc = entry_view(views, &page->entries[i], &(*out)[i], why);
	return rc;
}

enum rc
entry_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__GetEntryRequest *r = (const void *)request;
	struct call_id id = {r->jti, r->wid, r->any_wid, r->by_index, r->index};
	Ectledger__V1__GetEntryReply reply = ECTLEDGER__V1__GET_ENTRY_REPLY__INIT;
	struct entry_views *views;
	struct query_view *v = NULL;
	struct query_entry e = {0};
	struct query_id q;
	uint64_t index;
	enum rc rc;

	if ((rc = call_read_id(&id, &q, why)) != RC_OK)
		goto out;
	if ((rc = call_view(call, r->at, &v, why)) != RC_OK)
		goto out;
	if ((rc = query_resolve(v, &q, &index, why)) != RC_OK)
		goto out;
	if ((rc = query_entry(v, index, &call->arena, &e, why)) != RC_OK)
		goto out;
	if ((rc = entry_views_new(call, v, false, &views, why)) != RC_OK)
		goto out;
	if ((rc = entry_view(views, &e, &reply.entry, why)) != RC_OK)
		goto out;
	reply.tree_size = query_view_size(v);
	rc = call_reply(call, &reply.base, why);

out:
	if (v != NULL)
		query_view_end(v);
	return rc;
}
