/*
 * cose.c - COSE_Sign1, the one encoding.
 *
 * RFC 9052 leaves a sender a choice nearly everywhere: tagged or not, alg in either header, an
 * empty header in two spellings, lengths of any width, maps in any order.  Each choice is a second
 * text for the same token, and each parser that is kind about it is kind in its own way.  Here every
 * choice is made: deterministic CBOR throughout (RFC 8949 4.2.1), everything protected, from an
 * allow-list, like a compact JWS.
 *
 * Stages, left to right, no way back: envelope -> members -> judged members -> payload.  The reader
 * (base/scbor.h) allocates nothing and believes no announced length, so what a hostile head claims
 * costs nothing; the arena gets the Sig_structure and a list of at most four certificates.
 *
 * Invariants after RC_OK:
 *   1. 'signing_input' is the Sig_structure over the protected header and the payload as received.
 *   2. 'signature_size' is the size that 'alg' asks for.
 *   3. 'payload' is one deterministic map of at most TOKEN_DEPTH_MAX levels and TOKEN_NODES_MAX
 *      items, so that its readers need not be afraid of it.
 */
#include "token/cose.h"

#include <string.h>

#include "base/must.h"
#include "base/scbor.h"
#include "base/text.h"

#define TAG_SIGN1	    18
#define BYTE_SIGN1	    0xd2 /* tag 18 in its one spelling */
#define BYTE_ARRAY	    0x84 /* the same message without its tag */
#define HASH_SHA256	    (-16)
#define MEMBER_DEPTH_MAX    4
#define SIG_STRUCTURE_EXTRA 64 /* heads, context and the empty external_aad */
#define CWT_CTI		    7
#define CWT_WID		    300

static const char RULE_SIGN1[] = "RFC 9052 4.2 (COSE_Sign1)";
static const char RULE_HEADER[] = "RFC 9052 3 (header)";

enum label { ALG = 1, KID = 4, TYP = 16, X5CHAIN = 33, X5T = 34 };

struct envelope {
	struct bytes header, payload, signature;
};

/* The protected members that are read: each one's encoded value; empty: not there. */
struct members {
	struct bytes alg, kid, typ, x5chain, x5t;
	bool other; /* there is one that is not accepted: */
	bool other_is_text;
	int64_t other_label; /* the first of them, when it is a number */
};

/* ES256 alone does not fix the curve in COSE (RFC 9864 2); here it does: P-256. */
static const struct {
	int64_t id;
	const char *name;
	enum token_alg alg;
	size_t signature_size;
} algs[] = {
    {-7, "ES256", TOKEN_ES256, 64},
    {-9, "ESP256", TOKEN_ES256, 64},
    {-35, "ES384", TOKEN_ES384, 96},
    {-51, "ESP384", TOKEN_ES384, 96},
    {-8, "EdDSA", TOKEN_EDDSA, 64},
    {-19, "Ed25519", TOKEN_EDDSA, 64},
};
#define ALG_COUNT (sizeof(algs) / sizeof(algs[0]))

/* Labels that people do send, so that the refusal can name them. */
static const struct {
	int64_t label;
	const char *name;
} known_labels[] = {
    {2, "crit"},
    {3, "content type"},
    {5, "IV"},
    {6, "Partial IV"},
    {11, "countersignature"},
    {12, "countersignature"},
    {15, "CWT claims"},
    {32, "x5bag"},
    {35, "x5u"},
};

/* ---- the envelope ---- */

static enum rc
bad_envelope(const struct scbor *r, const char *what, struct why *why)
{
	return why_set(why, RC_BAD_TOKEN, RULE_SIGN1, NULL, r->at, "%s", what);
}

/* RFC 9052 3 would let alg and kid stand here, unsigned. */
static enum rc
refuse_unprotected(struct scbor *r, struct why *why)
{
	int64_t label = 0;

	if (scbor_peek(r) != SCBOR_TEXT && scbor_int(r, &label) && (label == ALG || label == KID))
		return why_set(why, RC_BAD_HEADER, RULE_HEADER, label == ALG ? "alg" : "kid", 0,
		    "%s is in the unprotected header, where nothing is accepted",
		    label == ALG ? "alg" : "kid");
	return why_set(
	    why, RC_BAD_HEADER, RULE_HEADER, NULL, 0, "the unprotected header is not empty");
}

/* The byte string, map, byte string, byte string; '*inside' is at the first unprotected label. */
static enum rc
read_envelope(struct bytes raw, struct envelope *out, size_t *unprotected, struct scbor *inside,
    struct why *why)
{
	struct scbor r;
	uint64_t tag = 0;
	size_t count = 0;

	scbor_init(&r, raw);
	if (raw.n > 0 && raw.p[0] == BYTE_ARRAY)
		return bad_envelope(&r, "COSE_Sign1 without its tag 18", why);
	if (!scbor_tag(&r, &tag) || tag != TAG_SIGN1)
		return bad_envelope(&r, "not tagged as COSE_Sign1, which is tag 18 alone", why);
	if (!scbor_array(&r, &count) || count != 4)
		return bad_envelope(&r, "not an array of four", why);
	if (!scbor_bytes(&r, &out->header))
		return bad_envelope(&r, "the protected header is not a byte string", why);
	if (!scbor_map(&r, unprotected))
		return bad_envelope(&r, "the unprotected header is not a map", why);
	*inside = r;
	for (size_t i = 0; i < *unprotected * 2; i++)
		if (!scbor_skip(&r, TOKEN_DEPTH_MAX, NULL))
			return bad_envelope(&r, "the unprotected header is not strict CBOR", why);
	if (scbor_peek(&r) == SCBOR_NULL)
		return bad_envelope(&r, "the payload is detached", why);
	if (!scbor_bytes(&r, &out->payload))
		return bad_envelope(&r, "the payload is not a byte string", why);
	if (!scbor_bytes(&r, &out->signature))
		return bad_envelope(&r, "the signature is not a byte string", why);
	return scbor_done(&r) ? RC_OK : bad_envelope(&r, "bytes after the message", why);
}

/* ---- the protected header ---- */

/* A label and what it stands for.  Labels ascend in their encoded form: none is there twice. */
static bool
take_member(struct scbor *r, struct bytes *last, struct members *m)
{
	struct bytes key = {r->data.p + r->at, 0}, text, value;
	bool is_text = scbor_peek(r) == SCBOR_TEXT;
	int64_t label = 0;

	if (is_text ? !scbor_text(r, &text) : !scbor_int(r, &label))
		return false;
	key.n = (size_t)(r->data.p + r->at - key.p);
	if (last->n > 0 && bytes_cmp(*last, key) >= 0)
		return false;
	*last = key;
	if (!scbor_skip(r, MEMBER_DEPTH_MAX, &value))
		return false;
	if (!is_text && label == ALG) {
		m->alg = value;
	} else if (!is_text && label == KID) {
		m->kid = value;
	} else if (!is_text && label == TYP) {
		m->typ = value;
	} else if (!is_text && label == X5CHAIN) {
		m->x5chain = value;
	} else if (!is_text && label == X5T) {
		m->x5t = value;
	} else if (!m->other) {
		m->other = true;
		m->other_is_text = is_text;
		m->other_label = label;
	}
	return true;
}

static enum rc
read_members(struct bytes header, struct members *out, struct why *why)
{
	struct bytes last = BYTES_NONE;
	struct scbor r;
	size_t count = 0;

	if (header.n > TOKEN_HEADER_CHAIN_MAX)
		goto large;
	if (header.n == 0)
		return RC_OK; /* the empty map's other spelling: alg is missing from both */
	scbor_init(&r, header);
	if (!scbor_map(&r, &count))
		return why_set(
		    why, RC_BAD_HEADER, RULE_HEADER, NULL, 0, "the protected header is not a map");
	for (size_t i = 0; i < count; i++)
		if (!take_member(&r, &last, out))
			return why_set(why, RC_BAD_HEADER, "RFC 8949 4.2.1 (deterministic)", NULL,
			    r.at, "the protected header is not a strict map, labels ascending");
	if (!scbor_done(&r))
		return why_set(why, RC_BAD_HEADER, RULE_HEADER, NULL, r.at,
		    "bytes after the protected header's map");
	if (header.n > TOKEN_HEADER_MAX && out->x5chain.n == 0)
		goto large;
	return RC_OK;

large:
	return why_set(why, RC_TOO_LARGE, "header size", NULL, 0,
	    "the protected header is longer than %d bytes",
	    out->x5chain.n == 0 && header.n <= TOKEN_HEADER_CHAIN_MAX ? TOKEN_HEADER_MAX
								      : TOKEN_HEADER_CHAIN_MAX);
}

static enum rc
read_alg(struct bytes value, size_t *which, struct why *why)
{
	static const char rule[] = "RFC 8725 3.1 (allowed algorithms)";
	struct scbor r;
	int64_t id = 0;

	if (value.n == 0)
		return why_set(why, RC_BAD_ALG, rule, "alg", 0, "alg is missing");
	scbor_init(&r, value);
	if (!scbor_int(&r, &id))
		return why_set(why, RC_BAD_ALG, rule, "alg", 0, "alg is not a number");
	for (size_t i = 0; i < ALG_COUNT; i++) {
		if (algs[i].id == id) {
			*which = i;
			return RC_OK;
		}
	}
	return why_set(why, RC_BAD_ALG, rule, "alg", 0,
	    "the algorithm %lld is not one of -7, -8, -9, -19, -35, -51", (long long)id);
}

/* RFC 9596 2: a media type, with or without "application/".  No content format number: none is
 * registered. */
static enum rc
read_typ(struct bytes value, struct token *out, struct why *why)
{
	static const char rule[] = "RFC 9596 2 (typ)";
	struct bytes typ;
	struct scbor r;

	if (value.n == 0)
		return RC_OK;
	scbor_init(&r, value);
	if (!scbor_text(&r, &typ))
		return why_set(why, RC_BAD_TYP, rule, "typ", 0, "typ is not text");
	if (bytes_is(typ, "exec+cwt") || bytes_is(typ, "application/exec+cwt"))
		return RC_OK;
	if (!bytes_is(typ, "wimse-exec+cwt"))
		return why_set(why, RC_BAD_TYP, rule, "typ", 0, "typ is not exec+cwt");
	out->old_typ = true;
	return RC_OK;
}

static enum rc
forbidden_label(const struct members *m, struct why *why)
{
	const char *name = NULL;

	if (m->other_is_text)
		return why_set(why, RC_BAD_HEADER, "header labels from a list", NULL, 0,
		    "a header label that is text is not accepted");
	for (size_t i = 0; i < sizeof(known_labels) / sizeof(known_labels[0]); i++)
		if (known_labels[i].label == m->other_label)
			name = known_labels[i].name;
	return why_set(why, RC_BAD_HEADER, "header labels from a list", name, 0,
	    "the header label %lld%s%s%s is not accepted", (long long)m->other_label,
	    name != NULL ? " (" : "", name != NULL ? name : "", name != NULL ? ")" : "");
}

/* The same name as a JOSE kid: text, though COSE wraps it in a byte string. */
static enum rc
read_kid(struct bytes value, struct token *out, struct why *why)
{
	static const char rule[] = "RFC 9052 3.1 (kid)";
	struct scbor r;

	if (value.n == 0)
		return RC_OK;
	scbor_init(&r, value);
	if (!scbor_bytes(&r, &out->kid))
		return why_set(why, RC_BAD_HEADER, rule, "kid", 0, "kid is not a byte string");
	if (out->kid.n == 0 || out->kid.n > TOKEN_KID_MAX)
		return why_set(why, RC_BAD_HEADER, rule, "kid", 0, "kid is not 1 to %d bytes long",
		    TOKEN_KID_MAX);
	for (size_t i = 0; i < out->kid.n; i++)
		if (out->kid.p[i] <= 0x20 || out->kid.p[i] > 0x7e)
			return why_set(why, RC_BAD_HEADER, rule, "kid", i,
			    "kid is not printable ASCII without spaces");
	return RC_OK;
}

/* RFC 9360 2: one certificate is a byte string, several are an array; leaf first. */
static enum rc
read_x5chain(struct bytes value, struct arena *arena, struct token *out, struct why *why)
{
	static const char rule[] = "RFC 9360 2 (x5chain)";
	struct bytes *certs;
	size_t count = 1;
	struct scbor r;
	bool several;

	if (value.n == 0)
		return RC_OK;
	scbor_init(&r, value);
	several = scbor_peek(&r) == SCBOR_ARRAY;
	if (several && (!scbor_array(&r, &count) || count < 2 || count > TOKEN_X5C_MAX))
		return why_set(why, RC_BAD_HEADER, rule, "x5chain", 0,
		    "x5chain is not a byte string, nor an array of 2 to %d", TOKEN_X5C_MAX);
	if ((certs = arena_alloc(arena, count * sizeof(*certs))) == NULL)
		return why_set(why, RC_NO_MEMORY, "arena", "x5chain", 0, "no room for x5chain");
	for (size_t i = 0; i < count; i++)
		if (!scbor_bytes(&r, &certs[i]) || certs[i].n == 0 || certs[i].n > TOKEN_CERT_MAX)
			return why_set(why, RC_BAD_HEADER, rule, "x5chain", i,
			    "a certificate is not a byte string of 1 to %d bytes", TOKEN_CERT_MAX);
	out->x5c = certs;
	out->x5c_count = count;
	return RC_OK;
}

static enum rc
read_x5t(struct bytes value, struct token *out, struct why *why)
{
	struct bytes digest;
	struct scbor r;
	size_t count = 0;
	int64_t hash = 0;

	if (value.n == 0)
		return RC_OK;
	scbor_init(&r, value);
	if (!scbor_array(&r, &count) || count != 2 || !scbor_int(&r, &hash) ||
	    hash != HASH_SHA256 || !scbor_bytes(&r, &digest) || digest.n != sizeof(out->x5t))
		return why_set(why, RC_BAD_HEADER, "RFC 9360 2 (x5t)", "x5t", 0,
		    "x5t is not [-16, 32 bytes], which is SHA-256");
	memcpy(out->x5t, digest.p, digest.n);
	out->has_x5t = true;
	return RC_OK;
}

static enum rc
read_header(
    struct bytes header, struct arena *arena, struct token *out, size_t *alg, struct why *why)
{
	struct members m = {.other = false};
	enum rc rc;

	if ((rc = read_members(header, &m, why)) != RC_OK)
		return rc;
	if ((rc = read_alg(m.alg, alg, why)) != RC_OK)
		return rc;
	if ((rc = read_typ(m.typ, out, why)) != RC_OK)
		return rc;
	if (m.other)
		return forbidden_label(&m, why);
	if ((rc = read_kid(m.kid, out, why)) != RC_OK)
		return rc;
	if (m.x5chain.n > 0 && m.x5t.n > 0)
		return why_set(why, RC_BAD_HEADER, "one certificate binding", "x5t", 0,
		    "x5chain and x5t do not come together");
	if ((rc = read_x5chain(m.x5chain, arena, out, why)) != RC_OK)
		return rc;
	return read_x5t(m.x5t, out, why);
}

/* ---- payload and signature ---- */

/* RFC 8392 1.1: a claim's key is an integer or a text.  'payload' is a good map. */
static bool
keys_ok(struct bytes payload)
{
	struct scbor r;
	size_t count = 0;
	bool there;

	scbor_init(&r, payload);
	there = scbor_map(&r, &count);
	must(there);
	for (size_t i = 0; i < count; i++) {
		enum scbor_type key = scbor_peek(&r);

		if (key != SCBOR_UINT && key != SCBOR_NEGINT && key != SCBOR_TEXT)
			return false;
		there = scbor_skip(&r, TOKEN_DEPTH_MAX, NULL) &&
			scbor_skip(&r, TOKEN_DEPTH_MAX, NULL);
		must(there);
	}
	return true;
}

static enum rc
check_payload(struct bytes payload, struct why *why)
{
	static const char rule[] = "RFC 8949 4.2.1 (deterministic)";
	struct scbor r;

	scbor_init(&r, payload);
	if (scbor_peek(&r) != SCBOR_MAP)
		return why_set(why, RC_BAD_TOKEN, rule, NULL, 0, "the payload is not a map");
	switch (scbor_walk(&r, TOKEN_DEPTH_MAX, TOKEN_NODES_MAX, NULL)) {
	case SCBOR_GOOD:
		break;
	case SCBOR_WRONG:
		return why_set(why, RC_BAD_TOKEN, rule, NULL, r.at,
		    "the payload is not deterministic CBOR without floats and tags");
	case SCBOR_TOO_DEEP:
		return why_set(
		    why, RC_TOO_LARGE, rule, NULL, r.at, "nested deeper than %d", TOKEN_DEPTH_MAX);
	case SCBOR_TOO_MANY:
		return why_set(
		    why, RC_TOO_LARGE, rule, NULL, r.at, "more than %d items", TOKEN_NODES_MAX);
	}
	if (!scbor_done(&r))
		return why_set(
		    why, RC_BAD_TOKEN, rule, NULL, r.at, "bytes after the payload's map");
	if (!keys_ok(payload))
		return why_set(why, RC_BAD_TOKEN, "RFC 8392 1.1 (claim keys)", NULL, 0,
		    "a claim's key is neither an integer nor a text");
	return RC_OK;
}

/* RFC 9052 4.4: ["Signature1", protected, external_aad, payload], both as received. */
static enum rc
sig_structure(const struct envelope *e, struct arena *arena, struct bytes *out, struct why *why)
{
	size_t room = e->header.n + e->payload.n + SIG_STRUCTURE_EXTRA;
	/* the arena's memory behind a buffer that may not grow */
	struct buf b = {.p = arena_alloc(arena, room), .room = room, .max = room};

	if (b.p == NULL)
		return why_set(
		    why, RC_NO_MEMORY, "arena", NULL, 0, "no room for the Sig_structure");
	scbor_put_array(&b, 4);
	scbor_put_text(&b, bytes_str("Signature1"));
	scbor_put_bytes(&b, e->header);
	scbor_put_bytes(&b, BYTES_NONE);
	scbor_put_bytes(&b, e->payload);
	must(!b.bad);
	*out = buf_bytes(&b);
	return RC_OK;
}

enum rc
cose_token_parse(struct bytes raw, struct arena *arena, struct token *out, struct why *why)
{
	struct envelope e = {.header = BYTES_NONE};
	size_t unprotected = 0, alg = 0;
	struct scbor inside;
	enum rc rc;

	must(arena != NULL && out != NULL);
	if (raw.n > TOKEN_SIZE_MAX)
		return why_set(why, RC_TOO_LARGE, "token size", NULL, 0,
		    "the token is longer than %d bytes", TOKEN_SIZE_MAX);
	memset(out, 0, sizeof(*out));
	if ((rc = read_envelope(raw, &e, &unprotected, &inside, why)) != RC_OK)
		return rc;
	if (unprotected > 0)
		return refuse_unprotected(&inside, why);
	if ((rc = read_header(e.header, arena, out, &alg, why)) != RC_OK)
		return rc;
	if (e.signature.n != algs[alg].signature_size)
		return why_set(why, RC_BAD_SIGNATURE, "RFC 9053 2 (signature size)", NULL,
		    (size_t)(e.signature.p - raw.p), "a signature of %zu bytes, %s has %zu",
		    e.signature.n, algs[alg].name, algs[alg].signature_size);
	if ((rc = check_payload(e.payload, why)) != RC_OK)
		return rc;
	if ((rc = sig_structure(&e, arena, &out->signing_input, why)) != RC_OK)
		return rc;
	must(e.signature.n <= sizeof(out->signature));
	out->media = TOKEN_COSE;
	out->level = LEVEL_2;
	out->raw = raw;
	out->alg = algs[alg].alg;
	memcpy(out->signature, e.signature.p, e.signature.n);
	out->signature_size = e.signature.n;
	out->payload = e.payload;
	return RC_OK;
}

/* ---- peeking ---- */

/* A claim that is an id, as text. */
static void
peek_id(struct scbor *r, struct arena *arena, struct bytes *out)
{
	struct bytes id;
	char *text;

	if (!scbor_bytes(r, &id) || id.n != UUID_SIZE ||
	    (text = arena_alloc(arena, UUID_TEXT_SIZE)) == NULL)
		return;
	uuid_text(id.p, text);
	*out = bytes_of(text, UUID_TEXT_SIZE - 1);
}

void
cose_token_peek(struct bytes raw, struct arena *arena, struct bytes *jti, struct bytes *wid)
{
	struct scbor outer, r;
	struct bytes payload;
	size_t count = 0;
	uint64_t tag;

	scbor_init(&outer, raw);
	if (scbor_peek(&outer) == SCBOR_TAG && !scbor_tag(&outer, &tag))
		return;
	if (!scbor_array(&outer, &count) || count != 4 || !scbor_skip(&outer, 0, NULL) ||
	    !scbor_skip(&outer, TOKEN_DEPTH_MAX, NULL) || !scbor_bytes(&outer, &payload))
		return;
	scbor_init(&r, payload);
	if (!scbor_map(&r, &count))
		return;
	for (size_t i = 0; i < count && !r.bad; i++) {
		uint64_t key = 0;

		if (scbor_peek(&r) != SCBOR_UINT) {
			(void)scbor_skip(&r, TOKEN_DEPTH_MAX, NULL);
			(void)scbor_skip(&r, TOKEN_DEPTH_MAX, NULL);
		} else if (!scbor_uint(&r, &key)) {
			return;
		} else if (key == CWT_CTI || key == CWT_WID) {
			peek_id(&r, arena, key == CWT_CTI ? jti : wid);
		} else {
			(void)scbor_skip(&r, TOKEN_DEPTH_MAX, NULL);
		}
	}
}
