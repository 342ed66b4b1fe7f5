/*
 * key_record.c - what a log's history says about a key, as answers tell it.
 */
#include <string.h>

#include "base/must.h"
#include "serve/call.h"

static const char *
state_of(const struct history_record *r)
{
	if (r->revoked)
		return "revoked";
	return r->withdrawn || r->enrolled_index == HISTORY_NONE ? "withdrawn" : "enrolled";
}

/* The material of a key is its JWK's required members; the curve says which algorithm. */
static const char *
alg_of(const struct history_record *r)
{
	static const struct {
		const char *curve, *alg;
	} algs[] = {
	    {"\"crv\":\"P-256\"", "ES256"},
	    {"\"crv\":\"P-384\"", "ES384"},
	    {"\"crv\":\"Ed25519\"", "EdDSA"},
	};

	for (size_t i = 0; r->subject == EVENT_KEY && r->material.n > 0 && i < 3; i++)
		if (memmem(r->material.p, r->material.n, algs[i].curve, strlen(algs[i].curve)))
			return algs[i].alg;
	return "";
}

static bool
fill_texts(struct arena *arena, const struct history_record *r, Ectledger__V1__KeyRecord *out)
{
	out->subject = pb_string(arena, bytes_str(event_subject_name(r->subject)));
	out->domain = pb_string(arena, r->domain);
	out->kid = pb_string(arena, r->kid);
	out->use = pb_string(arena, r->use);
	out->state = pb_string(arena, bytes_str(state_of(r)));
	out->reason = pb_string(arena, r->reason);
	out->by = pb_string(arena, r->by);
	out->source = pb_string(arena, r->source);
	out->alg = pb_string(arena, bytes_str(alg_of(r)));
	out->issuers = arena_alloc(arena, (r->issuer_count + 1) * sizeof *out->issuers);
	if (out->issuers == NULL)
		return false;
	for (size_t i = 0; i < r->issuer_count; i++)
		if ((out->issuers[out->n_issuers++] = pb_string(arena, r->issuers[i])) == NULL)
			return false;
	return out->subject && out->domain && out->kid && out->use && out->state && out->reason &&
	       out->by && out->source && out->alg;
}

bool
key_record_fill(struct arena *arena, const struct history_record *r, Ectledger__V1__KeyRecord *out)
{
	ectledger__v1__key_record__init(out);
	if (!fill_texts(arena, r, out))
		return false;
	out->id = pb_bytes(bytes_of(r->id.b, HASH_SIZE));
	out->material = pb_bytes(r->material);
	out->ever_enrolled = r->enrolled_index != HISTORY_NONE;
	if (out->ever_enrolled) {
		out->enrolled_index = r->enrolled_index;
		out->enrolled_at_ms = (int64_t)r->enrolled_at_ms;
	}
	out->revoked = r->revoked;
	if (r->revoked) {
		out->revoked_index = r->revoked_index;
		out->revoked_at_ms = (int64_t)r->revoked_at_ms;
		out->revoked_since = r->revoked_since;
	}
	out->withdrawn = r->withdrawn;
	if (r->withdrawn) {
		out->withdrawn_index = r->withdrawn_index;
		out->withdrawn_at_ms = (int64_t)r->withdrawn_at_ms;
	}
	return true;
}
