/*
 * entry.c - Ledger/GetEntry (reader thread): an entry, taken apart for people and programs.
 */
#include <string.h>

#include "base/must.h"
#include "claim/kind.h"
#include "serve/call.h"

static bool
set_strings(struct arena *arena, const struct query_entry *e, Ectledger__V1__EntryView *v)
{
	const struct claim *c = &e->claim;
	char **aud = NULL;

	v->iss = pb_string(arena, c->iss);
	v->act = pb_string(arena, c->act);
	v->node_kind = pb_string(arena, bytes_str(c->kind->name));
	v->level = pb_string(arena, bytes_str(token_level_name(e->entry.level)));
	v->media = pb_string(arena, bytes_str(token_media_name(e->entry.media)));
	if (!v->iss || !v->act || !v->node_kind || !v->level || !v->media)
		return false;
	if (c->aud_count == 0)
		return true;
	if ((aud = arena_alloc(arena, c->aud_count * sizeof *aud)) == NULL)
		return false;
	for (size_t i = 0; i < c->aud_count; i++)
		if ((aud[i] = pb_string(arena, c->aud[i])) == NULL)
			return false;
	v->aud = aud;
	v->n_aud = c->aud_count;
	return true;
}

static bool
set_parents(struct arena *arena, const struct query_entry *e, Ectledger__V1__EntryView *v)
{
	const struct claim *c = &e->claim;
	ProtobufCBinaryData *pred;
	uint64_t *index;

	if (c->pred_count == 0)
		return true;
	pred = arena_alloc(arena, c->pred_count * sizeof *pred);
	index = arena_alloc(arena, c->pred_count * sizeof *index);
	if (pred == NULL || index == NULL)
		return false;
	must(e->entry.parent_count == c->pred_count);
	for (size_t i = 0; i < c->pred_count; i++) {
		pred[i] = pb_bytes(bytes_of(c->pred[i], UUID_SIZE));
		index[i] = e->entry.parents[i];
	}
	v->pred = pred;
	v->n_pred = c->pred_count;
	v->pred_index = index;
	v->n_pred_index = c->pred_count;
	return true;
}

static void
set_bytes(const struct query_entry *e, Ectledger__V1__EntryView *v)
{
	const struct claim *c = &e->claim;

	v->index = e->index;
	v->jti = pb_bytes(bytes_of(c->jti, UUID_SIZE));
	if (c->has_wid)
		v->wid = pb_bytes(bytes_of(c->wid, UUID_SIZE));
	v->iat = c->iat;
	v->exp = c->exp;
	v->received_at_ms = (int64_t)e->entry.received_at_ms;
	v->inp_hash = pb_bytes(bytes_of(c->inp_hash.b, c->inp_hash.size));
	v->out_hash = pb_bytes(bytes_of(c->out_hash.b, c->out_hash.size));
	v->ext = pb_bytes(c->ext);
	v->key_thumbprint = pb_bytes(bytes_of(e->entry.signer.b, HASH_SIZE));
	v->leaf_hash = pb_bytes(bytes_of(e->leaf.b, HASH_SIZE));
	v->token = pb_bytes(e->entry.token);
	v->entry = pb_bytes(e->raw);
	v->flags = e->entry.flags;
}

enum rc
entry_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__GetEntryRequest *r = (const void *)request;
	struct call_id id = {r->jti, r->wid, r->any_wid, r->by_index, r->index};
	Ectledger__V1__GetEntryReply reply = ECTLEDGER__V1__GET_ENTRY_REPLY__INIT;
	Ectledger__V1__EntryView view = ECTLEDGER__V1__ENTRY_VIEW__INIT;
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
	set_bytes(&e, &view);
	if (!set_strings(&call->arena, &e, &view) || !set_parents(&call->arena, &e, &view)) {
		rc = why_set(
		    why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
		goto out;
	}
	reply.entry = &view;
	reply.tree_size = query_view_size(v);
	rc = call_reply(call, &reply.base, why);

out:
	if (v != NULL)
		query_view_end(v);
	return rc;
}
