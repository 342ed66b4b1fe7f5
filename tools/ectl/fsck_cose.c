/*
 * fsck_cose.c - tokens as COSE_Sign1 (RFC 9052 4.2) with CWT claims (RFC 8392, and keys 300 to 308
 * for what is particular to an ECT), read with a CBOR reader of its own.
 */
#include "fsck_cbor.h"

#include <stdlib.h>
#include <string.h>

#define TAG_SIGN1     18
#define LABEL_X5CHAIN 33
#define LABEL_X5T     34
#define ALG_SHA256    (-16)
#define CHAIN_MAX     8 /* certificates */

enum claim_key {
	CWT_ISS = 1,
	CWT_IAT = 6,
	CWT_CTI = 7,
	CWT_WID = 300,
	CWT_ACT = 301,
	CWT_PRED = 302,
	CWT_INP_HASH = 307,
	CWT_OUT_HASH = 308
};

bool
fsck_cose_read(struct span token, struct fsck_form *out)
{
	struct cbor r = {.in = token};
	struct span signature;

	cbor_check(&r, cbor_head(&r, CBOR_TAG) == TAG_SIGN1);
	cbor_check(&r, cbor_head(&r, CBOR_ARRAY) == 4);
	out->header = cbor_string(&r, CBOR_BYTES);
	cbor_check(&r, cbor_head(&r, CBOR_MAP) == 0);
	out->payload = cbor_string(&r, CBOR_BYTES);
	signature = cbor_string(&r, CBOR_BYTES);
	if (!cbor_end(&r) || signature.n > sizeof(out->signature))
		return false;
	memcpy(out->signature, signature.p, signature.n);
	out->signature_size = signature.n;
	return true;
}

/* ---- what was signed ---- */

static size_t
put_string(uint8_t *out, enum cbor_major major, struct span s)
{
	size_t n = 0;

	if (s.n < 24) {
		out[n++] = (uint8_t)((unsigned)major << 5 | s.n);
	} else if (s.n < 0x100) {
		out[n++] = (uint8_t)((unsigned)major << 5 | 24);
		out[n++] = (uint8_t)s.n;
	} else { /* no token has 64 KiB */
		out[n++] = (uint8_t)((unsigned)major << 5 | 25);
		out[n++] = (uint8_t)(s.n >> 8);
		out[n++] = (uint8_t)s.n;
	}
	memcpy(out + n, s.p, s.n);
	return n + s.n;
}

/* Sig_structure (RFC 9052 4.4): ["Signature1", protected, external_aad, payload]. */
uint8_t *
fsck_cose_signed(const struct fsck_form *form, size_t *n)
{
	static const uint8_t context[] = "Signature1";
	uint8_t *out = fsck_alloc(form->header.n + form->payload.n + 32, 1);
	size_t at = 0;

	out[at++] = CBOR_ARRAY << 5 | 4;
	at += put_string(out + at, CBOR_TEXT, (struct span){context, sizeof(context) - 1});
	at += put_string(out + at, CBOR_BYTES, form->header);
	at += put_string(out + at, CBOR_BYTES, (struct span){context, 0});
	at += put_string(out + at, CBOR_BYTES, form->payload);
	*n = at;
	return out;
}

/* ---- the header's certificates ---- */

/* One certificate, or an array of them (RFC 9360 2). */
static uint8_t *
chain_read(struct cbor *r, size_t *n)
{
	uint64_t count = cbor_major(r) == CBOR_ARRAY ? cbor_count(r, CBOR_ARRAY) : 1;
	uint8_t *out = fsck_alloc(r->in.n + 1, 1);

	*n = 0;
	cbor_check(r, count <= CHAIN_MAX);
	for (uint64_t i = 0; !r->bad && i < count; i++) {
		struct span one = cbor_string(r, CBOR_BYTES);

		if (one.n > 0)
			memcpy(out + *n, one.p, one.n);
		*n += one.n;
	}
	return out;
}

uint8_t *
fsck_cose_chain(const struct fsck_form *form, size_t *n, uint8_t x5t[FSCK_HASH], bool *has_x5t)
{
	struct cbor r = {.in = form->header};
	uint64_t count = cbor_count(&r, CBOR_MAP);
	uint8_t *chain = NULL;

	for (uint64_t i = 0; !r.bad && i < count; i++) {
		int64_t label = cbor_int(&r);

		if (label == LABEL_X5CHAIN && chain == NULL) {
			chain = chain_read(&r, n);
		} else if (label == LABEL_X5T) {
			cbor_check(&r, cbor_head(&r, CBOR_ARRAY) == 2);
			cbor_check(&r, cbor_int(&r) == ALG_SHA256);
			cbor_fixed(&r, x5t, FSCK_HASH);
			*has_x5t = !r.bad;
		} else {
			cbor_skip(&r);
		}
	}
	if (!r.bad)
		return chain;
	free(chain);
	*n = 0;
	return NULL;
}

/* ---- claims ---- */

static void
id_read(struct cbor *r, uint8_t out[FSCK_ID])
{
	static const uint8_t zero[FSCK_ID];

	cbor_fixed(r, out, FSCK_ID);
	cbor_check(r, memcmp(out, zero, FSCK_ID) != 0);
}

static void
preds_read(struct cbor *r, struct fsck_task *out)
{
	uint64_t count = cbor_count(r, CBOR_ARRAY);

	cbor_check(r, count <= FSCK_PREDS);
	for (uint64_t i = 0; !r->bad && i < count; i++)
		id_read(r, out->pred[out->pred_count++]);
}

/* [algorithm, digest] */
static void
hash_read(struct cbor *r, struct fsck_task *out)
{
	struct span digest;

	cbor_check(r, cbor_head(r, CBOR_ARRAY) == 2);
	(void)cbor_int(r);
	digest = cbor_string(r, CBOR_BYTES);
	cbor_check(r, digest.n >= FSCK_HASH);
	if (!r->bad)
		fsck_task_hash(digest.p, out);
}

static const char *
claim_read(struct cbor *r, int64_t key, struct fsck_task *out)
{
	switch (key) {
	case CWT_ISS:
		return fsck_task_iss(cbor_string(r, CBOR_TEXT), out);
	case CWT_IAT:
		out->iat = cbor_int(r);
		return r->bad ? "iat" : NULL;
	case CWT_CTI:
		id_read(r, out->jti);
		return r->bad ? "cti" : NULL;
	case CWT_WID:
		id_read(r, out->wid);
		return r->bad ? "wid" : NULL;
	case CWT_ACT: {
		struct span act = cbor_string(r, CBOR_TEXT);

		if (!r->bad)
			fsck_task_act(act, out);
		return r->bad ? "exec_act" : NULL;
	}
	case CWT_PRED:
		preds_read(r, out);
		return r->bad ? "par" : NULL;
	case CWT_INP_HASH:
	case CWT_OUT_HASH:
		hash_read(r, out);
		return r->bad ? "a hash" : NULL;
	default:
		cbor_skip(r);
		return r->bad ? "a claim" : NULL;
	}
}

const char *
fsck_cose_claims(struct span payload, struct fsck_task *out)
{
	static const uint8_t zero[FSCK_ID];
	struct cbor r = {.in = payload};
	uint64_t count = cbor_count(&r, CBOR_MAP);
	const char *bad = NULL;
	bool acts = false;

	if (r.bad)
		return "its payload is no CBOR map";
	for (uint64_t i = 0; !r.bad && bad == NULL && i < count; i++) {
		if (cbor_major(&r) == CBOR_TEXT) {
			(void)cbor_string(&r, CBOR_TEXT);
			cbor_skip(&r);
		} else {
			int64_t key = cbor_int(&r);

			bad = claim_read(&r, key, out);
			acts = acts || key == CWT_ACT;
		}
	}
	if (bad != NULL)
		return bad;
	if (!cbor_end(&r))
		return "its payload is not one CBOR map";
	if (memcmp(out->jti, zero, FSCK_ID) == 0)
		return "cti";
	if (out->iss[0] == '\0')
		return "iss";
	return acts ? NULL : "exec_act";
}
