/*
 * claim_cwt.c - claims of a COSE token: a CWT claims set (RFC 8392) with the keys of the CBOR
 * companion of the ECT drafts.
 *
 *   1 iss   3 aud   4 exp   6 iat   7 cti: jti as 16 bytes   300 wid   301 exec_act   302 par
 *   303 pol   304 pol_decision   307 inp_hash   308 out_hash   309 and on, "ect_ext", "ext": the
 *   extension
 * The rest (2 sub, 5 nbf, 305 pol_enforcer, 306 pol_timestamp, other texts, negative keys) is not
 * read, like unknown members of a JSON token.
 *
 * The payload was judged when the token was parsed: one deterministic map, every key once.  So what
 * is read here cannot fail to be CBOR, only to be the claim that it should be.
 */
#include <string.h>

#include "base/must.h"
#include "claim/claim_value.h"

#define KEY_FURTHER 309

static const struct {
	uint64_t key;
	enum claim_slot slot;
} keys[] = {
    {1, SLOT_ISS},
    {3, SLOT_AUD},
    {4, SLOT_EXP},
    {6, SLOT_IAT},
    {7, SLOT_JTI},
    {300, SLOT_WID},
    {301, SLOT_ACT},
    {302, SLOT_PRED},
    {303, SLOT_POL},
    {304, SLOT_POL_DECISION},
    {307, SLOT_INP_HASH},
    {308, SLOT_OUT_HASH},
};

/* IANA "COSE Algorithms" (RFC 9054). */
static const struct {
	int64_t id;
	enum claim_hash_alg alg;
	uint8_t size;
} hashes[] = {
    {-16, CLAIM_SHA256, 32},
    {-43, CLAIM_SHA384, 48},
    {-44, CLAIM_SHA512, 64},
};

static struct scbor
reader_of(const struct claim_value *v)
{
	struct scbor r;

	scbor_init(&r, v->cbor);
	return r;
}

static struct claim_value
take_value(struct scbor *r)
{
	struct claim_value v = {.there = true};
	bool taken = scbor_skip(r, TOKEN_DEPTH_MAX, &v.cbor);

	must(taken);
	return v;
}

static void
take_number(struct scbor *r, struct claim_value slots[SLOT_COUNT])
{
	struct claim_value *further = &slots[SLOT_FURTHER], v;
	const uint8_t *start = r->data.p + r->at;
	uint64_t key = 0;
	bool taken = scbor_uint(r, &key);

	must(taken);
	v = take_value(r);
	if (key >= KEY_FURTHER) {
		/* keys ascend, so they stand together */
		if (!further->there)
			*further = (struct claim_value){.there = true, .cbor = {start, 0}};
		further->cbor.n = (size_t)(r->data.p + r->at - further->cbor.p);
		further->pairs++;
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].key == key) {
			must(!slots[keys[i].slot].there);
			slots[keys[i].slot] = v;
			return;
		}
	}
}

static void
fill(const struct token *token, struct claim_value slots[SLOT_COUNT])
{
	struct scbor r;
	struct bytes name;
	size_t count = 0;
	bool taken;

	scbor_init(&r, token->payload);
	taken = scbor_map(&r, &count);
	must(taken);
	for (size_t i = 0; i < count; i++) {
		struct claim_value v;

		switch (scbor_peek(&r)) {
		case SCBOR_UINT:
			take_number(&r, slots);
			break;
		case SCBOR_TEXT:
			taken = scbor_text(&r, &name);
			must(taken);
			v = take_value(&r);
			if (bytes_is(name, "ect_ext"))
				slots[SLOT_ECT_EXT] = v;
			else if (bytes_is(name, "ext"))
				slots[SLOT_EXT] = v;
			break;
		default:
			(void)take_value(&r);
			(void)take_value(&r);
		}
	}
	must(scbor_done(&r));
}

static bool
same(const struct claim_value *a, const struct claim_value *b)
{
	return bytes_eq(a->cbor, b->cbor);
}

static bool
text(const struct claim_value *v, struct bytes *out)
{
	struct scbor r = reader_of(v);

	return scbor_text(&r, out);
}

/* Sixteen bytes; the same ones as in the text of a JSON token, which is never all zero. */
static bool
id(const struct claim_value *v, uint8_t out[UUID_SIZE])
{
	static const uint8_t zero[UUID_SIZE];
	struct scbor r = reader_of(v);
	struct bytes b;

	if (!scbor_bytes(&r, &b) || b.n != UUID_SIZE || memcmp(b.p, zero, UUID_SIZE) == 0)
		return false;
	memcpy(out, b.p, UUID_SIZE);
	return true;
}

/* RFC 8392 2: a NumericDate without its tag; here a whole one. */
static bool
read_time(const struct claim_value *v, int64_t *out)
{
	struct scbor r = reader_of(v);
	uint64_t seconds = 0;

	if (!scbor_uint(&r, &seconds) || seconds >= UINT64_C(1) << 53)
		return false;
	*out = (int64_t)seconds;
	return true;
}

static bool
hash(const struct claim_value *v, struct claim_hash *out)
{
	struct scbor r = reader_of(v);
	struct bytes digest;
	size_t count = 0;
	int64_t alg = 0;

	if (!scbor_array(&r, &count) || count != 2 || !scbor_int(&r, &alg) ||
	    !scbor_bytes(&r, &digest))
		return false;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (hashes[i].id != alg || hashes[i].size != digest.n)
			continue;
		out->alg = hashes[i].alg;
		out->size = hashes[i].size;
		memcpy(out->b, digest.p, digest.n);
		return true;
	}
	return false;
}

/* 0 approved, 1 rejected, 2 pending human review. */
static bool
decision(const struct claim_value *v)
{
	struct scbor r = reader_of(v);
	uint64_t n = 0;

	return scbor_uint(&r, &n) && n <= 2;
}

static void
list(const struct claim_value *v, struct claim_list *out)
{
	*out = (struct claim_list){.cbor = reader_of(v), .count = 1};
	out->array = scbor_peek(&out->cbor) == SCBOR_ARRAY;
	if (out->array) {
		bool taken = scbor_array(&out->cbor, &out->count);
		must(taken);
	}
	out->left = out->count;
}

static struct claim_value
next(struct claim_list *l)
{
	must(l->left > 0);
	l->left--;
	return take_value(&l->cbor);
}

const struct claim_reader claim_reader_cwt = {
    .hash_form = "[-16, 32 bytes], [-43, 48 bytes] or [-44, 64 bytes]",
    .fill = fill,
    .same = same,
    .text = text,
    .id = id,
    .time = read_time,
    .hash = hash,
    .decision = decision,
    .list = list,
    .next = next,
    .ext = claim_ext_cwt,
};
