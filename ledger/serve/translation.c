/*
 * translation.c - Query/Translations (reader thread): hops from one protocol to another.
 *
 * What came out of a plain task is read from its entry; the facts keep the hashes of records only.
 */
#include "answer/translation.h"

#include <string.h>

#include "serve/graph.h"

#define ENTRY_ARENA ((size_t)1 << 20)
#define USUAL	    1000
#define MOST	    10000

struct ask {
	struct call *call;
	struct facts_view v;
	struct query_view *entries; /* opened where it is needed */
	struct arena scratch;
};

static enum rc
out_hash(void *ctx, uint32_t index, uint8_t out[64], size_t *n, struct why *why)
{
	struct ask *a = ctx;
	struct query_entry e;
	enum rc rc = RC_OK;

	if (a->entries == NULL)
		rc = call_view(a->call, a->v.size, &a->entries, why);
	arena_reset(&a->scratch);
	if (rc == RC_OK && (rc = query_entry(a->entries, index, &a->scratch, &e, why)) == RC_OK) {
		*n = e.claim.out_hash.alg == CLAIM_HASH_NONE ? 0 : e.claim.out_hash.size;
		memcpy(out, e.claim.out_hash.b, *n);
	}
	return rc;
}

static bool
set_flags(struct arena *arena, unsigned flags, size_t *n, char ***out)
{
	*n = 0;
	if ((*out = arena_alloc(arena, TRANSLATION_FLAG_COUNT * sizeof **out)) == NULL)
		return false;
	for (unsigned i = 0; i < TRANSLATION_FLAG_COUNT; i++)
		if (flags >> i & 1)
			(*out)[(*n)++] = (char *)(uintptr_t)translation_flag_text(
			    (enum translation_flag_place)i);
	return true;
}

static bool
set_loss(struct arena *arena, const struct translation_hop *h, Ectledger__V1__TranslationHop *m)
{
	Ectledger__V1__TranslationLoss *l = arena_alloc(arena, (h->loss_count + 1) * sizeof *l);

	m->loss = arena_alloc(arena, (h->loss_count + 1) * sizeof *m->loss);
	if (l == NULL || m->loss == NULL)
		return false;
	for (size_t i = 0; i < h->loss_count; i++, l++) {
		ectledger__v1__translation_loss__init(l);
		l->field = pb_string(arena, h->loss[i].field);
		l->kind = pb_string(arena, h->loss[i].kind);
		m->loss[i] = l;
		if (l->field == NULL || l->kind == NULL)
			return false;
	}
	m->n_loss = h->loss_count;
	return true;
}

static bool
set_hop(struct ask *a, const struct translation_hop *h, Ectledger__V1__TranslationHop *m)
{
	struct arena *arena = &a->call->arena;
	const struct fact *t = fact(&a->v, h->index);

	ectledger__v1__translation_hop__init(m);
	m->index = h->index;
	m->jti = pb_bytes(bytes_of(t->jti, UUID_SIZE));
	m->wid = graph_wid(&a->v, t);
	m->iss = graph_name(arena, &a->v, FACTS_ISS, t->iss);
	m->chain_index = h->chain;
	m->number = h->number;
	m->source_index = h->source == FACTS_NONE ? UINT64_MAX : h->source;
	m->foreign = h->foreign;
	m->src_proto = pb_string(arena, h->src_proto);
	m->dst_proto = pb_string(arena, h->dst_proto);
	m->continuity = (char *)(uintptr_t)translation_continuity_text(h->continuity);
	return m->iss != NULL && m->src_proto != NULL && m->dst_proto != NULL &&
	       set_flags(arena, h->flags, &m->n_flags, &m->flags) && set_loss(arena, h, m);
}

static bool
set_lists(
    struct ask *a, const struct translation_answer *t, Ectledger__V1__TranslationsReply *reply)
{
	struct arena *arena = &a->call->arena;
	Ectledger__V1__TranslationHop *m = arena_alloc(arena, (t->hop_count + 1) * sizeof *m);
	Ectledger__V1__TranslationProtocol *p =
	    arena_alloc(arena, (t->protocol_count + 1) * sizeof *p);

	reply->hops = arena_alloc(arena, (t->hop_count + 1) * sizeof *reply->hops);
	reply->protocols = arena_alloc(arena, (t->protocol_count + 1) * sizeof *reply->protocols);
	if (m == NULL || p == NULL || reply->hops == NULL || reply->protocols == NULL)
		return false;
	for (size_t i = 0; i < t->hop_count; i++, m++) {
		reply->hops[i] = m;
		if (!set_hop(a, &t->hops[i], m))
			return false;
	}
	for (size_t i = 0; i < t->protocol_count; i++, p++) {
		ectledger__v1__translation_protocol__init(p);
		p->name = pb_string(arena, t->protocols[i].name);
		p->as_source = t->protocols[i].as_source;
		p->as_target = t->protocols[i].as_target;
		reply->protocols[i] = p;
		if (p->name == NULL)
			return false;
	}
	reply->n_hops = t->hop_count;
	reply->n_protocols = t->protocol_count;
	return true;
}

static enum rc
give(struct ask *a, const struct translation_answer *t, struct why *why)
{
	Ectledger__V1__TranslationsReply reply = ECTLEDGER__V1__TRANSLATIONS_REPLY__INIT;

	reply.tree_size = t->tree_size;
	reply.complete = t->complete;
	reply.hop_total = t->hop_total;
	reply.chain_total = t->chain_total;
	reply.protocols_more = t->protocols_more;
	reply.next = t->next;
	reply.rests_on = (uint64_t *)(uintptr_t)t->rests_on;
	reply.n_rests_on = t->rests_on_count;
	if (!set_lists(a, t, &reply))
		return graph_too_large(why);
	return call_reply(a->call, &reply.base, why);
}

static enum rc
read_scope(const struct ask *a, const Ectledger__V1__TranslationsRequest *r,
    struct translation_ask *out, struct why *why)
{
	if (r->wid.len != 0 && (r->wid.len != UUID_SIZE || r->no_wid))
		return why_set(why, RC_BAD_REQUEST, "WIRE Translations", "wid", 0,
		    "wid has 16 bytes and goes without no_wid");
	out->by_workflow = r->wid.len != 0 || r->no_wid;
	out->wid = FACTS_NONE;
	if (r->wid.len != 0) {
		out->wid = facts_number(&a->v, FACTS_WID, bytes_of(r->wid.data, r->wid.len));
		if (out->wid == FACTS_NONE)
			return why_set(why, RC_NOT_FOUND, "lookup", "wid", 0,
			    "no task of that workflow in a tree of %lu", (unsigned long)a->v.size);
	}
	out->limit = graph_limit(r->limit, USUAL, MOST);
	return graph_index(r->from, "from", &out->from, why);
}

enum rc
translations_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__TranslationsRequest *r = (const void *)request;
	struct ask a = {.call = call};
	struct translation_ask ask = {.hashes = {out_hash, &a}};
	struct budget budget = call_budget(call);
	struct translation_answer t;
	enum rc rc;

	arena_init(&a.scratch, ENTRY_ARENA);
	if ((rc = call_facts(call, r->at, &a.v, why)) == RC_OK &&
	    (rc = read_scope(&a, r, &ask, why)) == RC_OK &&
	    (rc = answer_translations(&a.v, &ask, &budget, &t, why)) == RC_OK)
		rc = give(&a, &t, why);
	if (a.entries != NULL)
		query_view_end(a.entries);
	arena_release(&a.scratch);
	return rc;
}
