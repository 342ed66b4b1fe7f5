/*
 * cose_parse.c - taking an RFC 9942 receipt apart, strictly.
 *
 * Heads are the shortest (base/scbor.h), nothing trails, no label occurs twice in the two headers
 * together, and what the profile needs is where it belongs: alg, 395 and the CWT claims protected,
 * 396 unprotected, one proof.  Header maps may be in any order: COSE signs them as sent.
 */
#include "seal/cose.h"

#include <string.h>

#include "base/must.h"
#include "base/scbor.h"

#define LABELS_MAX 16
#define DEPTH_MAX  8
#define ISS_MAX	   8192

static const char RULE[] = "RFC 9942 (receipt)";
static const char COSE[] = "RFC 9052 (COSE_Sign1)";

struct labels {
	int64_t v[LABELS_MAX];
	size_t count;
};

static bool
seen(const struct labels *l, int64_t v)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (l->v[i] == v)
			return true;
	return false;
}

/* A new label; false when it is no integer, was there before, or is one too many. */
static bool
take_label(struct scbor *r, struct labels *l, int64_t *v)
{
	if (!scbor_int(r, v) || seen(l, *v) || l->count == LABELS_MAX)
		return false;
	l->v[l->count++] = *v;
	return true;
}

/* RFC 9943: iss and sub are there; other claims are passed over. */
static bool
read_cwt(struct scbor *r, struct cose_parts *out)
{
	struct labels claims = {.count = 0};
	size_t count, i;
	int64_t claim;
	bool ok;

	if (!scbor_map(r, &count))
		return false;
	for (i = 0; i < count; i++) {
		if (!take_label(r, &claims, &claim))
			return false;
		if (claim == 1)
			ok = scbor_text(r, &out->iss) && 0 < out->iss.n && out->iss.n <= ISS_MAX;
		else if (claim == 2)
			ok = scbor_text(r, &out->sub) && out->sub.n > 0;
		else
			ok = scbor_skip(r, DEPTH_MAX, NULL);
		if (!ok)
			return false;
	}
	return seen(&claims, 1) && seen(&claims, 2);
}

/* RFC 9052 3.1: not empty, and every label listed is understood; that they are present is looked at
 * afterwards. */
static bool
read_crit(struct scbor *r, struct labels *crit)
{
	size_t count, i;
	int64_t label;

	if (!scbor_array(r, &count) || count == 0)
		return false;
	for (i = 0; i < count; i++)
		if (!take_label(r, crit, &label) || (label != COSE_ALG && label != COSE_KID &&
							label != COSE_CWT && label != COSE_VDS))
			return false;
	return true;
}

static bool
read_protected_member(struct scbor *r, int64_t label, struct cose_parts *out, struct labels *crit)
{
	uint64_t vds;

	switch (label) {
	case COSE_ALG:
		return scbor_int(r, &out->alg);
	case COSE_CRIT:
		return read_crit(r, crit);
	case COSE_KID:
		return scbor_bytes(r, &out->kid) && out->kid.n > 0;
	case COSE_CWT:
		return read_cwt(r, out);
	case COSE_VDS:
		return scbor_uint(r, &vds) && vds == 1; /* RFC9162_SHA256 */
	case COSE_VDP:
		return false; /* unprotected only */
	default:
		return scbor_skip(r, DEPTH_MAX, NULL);
	}
}

static enum rc
read_protected(struct cose_parts *out, struct labels *labels, struct why *why)
{
	struct labels crit = {.count = 0};
	struct scbor r;
	size_t count, i;
	int64_t label = 0;

	scbor_init(&r, out->protected);
	if (!scbor_map(&r, &count))
		return why_set(why, RC_BAD_PROOF, COSE, "protected", 0, "not a map");
	for (i = 0; i < count; i++) {
		if (!take_label(&r, labels, &label))
			return why_set(why, RC_BAD_PROOF, COSE, "protected", r.at,
			    "a label that is no integer or was there before");
		if (!read_protected_member(&r, label, out, &crit))
			return why_set(why, RC_BAD_PROOF, RULE, "protected", r.at,
			    "member %lld is not acceptable", (long long)label);
	}
	if (!scbor_done(&r))
		return why_set(why, RC_BAD_PROOF, COSE, "protected", r.at, "bytes after the map");
	if (!seen(labels, COSE_ALG))
		return why_set(why, RC_BAD_PROOF, COSE, "alg", 0, "no protected alg");
	if (!seen(labels, COSE_VDS))
		return why_set(
		    why, RC_BAD_PROOF, RULE, "395", 0, "no protected verifiable data structure");
	if (!seen(labels, COSE_CWT))
		return why_set(
		    why, RC_BAD_PROOF, "RFC 9943 (SCITT)", "15", 0, "no protected CWT claims");
	if (!seen(labels, COSE_KID) && !seen(labels, COSE_X5CHAIN) && !seen(labels, COSE_X5T))
		return why_set(
		    why, RC_BAD_PROOF, "RFC 9943 (SCITT)", "kid", 0, "nothing names the key");
	for (i = 0; i < crit.count; i++)
		if (!seen(labels, crit.v[i]))
			return why_set(why, RC_BAD_PROOF, COSE, "crit", 0,
			    "crit lists a label that is not there");
	return RC_OK;
}

/* bstr [a, b, [hash...]] */
static bool
read_proof(struct bytes raw, struct cose_parts *out)
{
	struct scbor r;
	struct bytes h;
	size_t count, i;

	scbor_init(&r, raw);
	if (!scbor_array(&r, &count) || count != 3 || !scbor_uint(&r, &out->a) ||
	    !scbor_uint(&r, &out->b))
		return false;
	if (!scbor_array(&r, &count) || count > TREE_CONSISTENCY_MAX)
		return false;
	for (i = 0; i < count; i++) {
		if (!scbor_bytes(&r, &h) || h.n != HASH_SIZE)
			return false;
		memcpy(out->path[i].b, h.p, HASH_SIZE);
	}
	out->path_count = count;
	return scbor_done(&r);
}

/* {-1 or -2: [one proof]}.  The RFC allows several; one signature over one root needs no more than
 * one. */
static bool
read_vdp(struct scbor *r, struct cose_parts *out)
{
	struct bytes proof;
	size_t count;
	int64_t type;

	if (!scbor_map(r, &count) || count != 1 || !scbor_int(r, &type))
		return false;
	if (type != COSE_INCLUSION && type != COSE_CONSISTENCY)
		return false;
	out->type = (enum cose_proof_type)type;
	return scbor_array(r, &count) && count == 1 && scbor_bytes(r, &proof) &&
	       read_proof(proof, out);
}

static enum rc
read_unprotected(struct scbor *r, struct cose_parts *out, struct labels *labels, struct why *why)
{
	size_t count, i;
	int64_t label;
	bool ok, found = false;

	if (!scbor_map(r, &count))
		return why_set(why, RC_BAD_PROOF, COSE, "unprotected", r->at, "not a map");
	for (i = 0; i < count; i++) {
		if (!take_label(r, labels, &label))
			return why_set(why, RC_BAD_PROOF, COSE, "unprotected", r->at,
			    "a label that is no integer or was there before");
		/* What must be protected proves nothing here, even when it is there only once. */
		if (label == COSE_ALG || label == COSE_CRIT || label == COSE_CWT ||
		    label == COSE_VDS)
			return why_set(why, RC_BAD_PROOF, RULE, "unprotected", r->at,
			    "member %lld must be protected", (long long)label);
		ok = label == COSE_VDP ? read_vdp(r, out) : scbor_skip(r, DEPTH_MAX, NULL);
		if (!ok)
			return why_set(
			    why, RC_BAD_PROOF, RULE, "396", r->at, "not one proof of a known kind");
		found = found || label == COSE_VDP;
	}
	if (!found)
		return why_set(why, RC_BAD_PROOF, RULE, "396", r->at, "no proofs");
	return RC_OK;
}

enum rc
cose_parse(struct bytes receipt, struct cose_parts *out, struct why *why)
{
	struct labels labels = {.count = 0};
	struct scbor r;
	uint64_t tag;
	size_t count;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if (receipt.n > RECEIPT_SIZE_MAX)
		return why_set(why, RC_TOO_LARGE, RULE, NULL, 0, "a receipt has at most %d bytes",
		    RECEIPT_SIZE_MAX);
	scbor_init(&r, receipt);
	if (!scbor_tag(&r, &tag) || tag != COSE_SIGN1_TAG)
		return why_set(why, RC_BAD_PROOF, RULE, NULL, 0, "not tagged 18 (COSE_Sign1)");
	if (!scbor_array(&r, &count) || count != 4 || !scbor_bytes(&r, &out->protected))
		return why_set(why, RC_BAD_PROOF, COSE, NULL, r.at,
		    "not an array of four that begins with the protected header");
	if ((rc = read_protected(out, &labels, why)) != RC_OK)
		return rc;
	if ((rc = read_unprotected(&r, out, &labels, why)) != RC_OK)
		return rc;
	out->attached = scbor_peek(&r) == SCBOR_BYTES;
	if (out->attached ? !scbor_bytes(&r, &out->payload) : !scbor_null(&r))
		return why_set(why, RC_BAD_PROOF, COSE, "payload", r.at, "neither nil nor bytes");
	if (!scbor_bytes(&r, &out->signature) || !scbor_done(&r))
		return why_set(
		    why, RC_BAD_PROOF, COSE, "signature", r.at, "no signature, or bytes after it");
	return RC_OK;
}
