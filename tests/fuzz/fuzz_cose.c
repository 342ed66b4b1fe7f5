/*
 * fuzz_cose.c - the COSE parser and the claims behind it on hostile bytes.
 *
 * Input: a token as it is; or, when the first byte is 0, a claims set, which is put into a good
 * envelope first, so that mutations reach the claims.
 *
 * Properties of what is accepted: a slow encoder of its own gives the payload and the whole message
 * back, byte for byte, so no second text decodes to it; the signing input is the Sig_structure;
 * parsing again gives the same views; ids that are read without trust are the claims' ids; claims
 * written as JSON are read back as the same claims.  Of everything: the arena gives no more than
 * the stated multiple of the input, and what is refused names its rule.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/scbor.h"
#include "base/text.h"
#include "claim/claim.h"
#include "token/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Claims: six bytes of text and a node for each byte of an extension, lists no larger than what they
 * are read from but for 16 bytes of view an audience. */
#define CLAIM_ARENA(n)	((n) * (8 + sizeof(struct json_node) + sizeof(void *)))
#define CLAIM_ARENA_FIX (32 * sizeof(struct json_node) + 1024)

static void
breach_unless(bool holds)
{
	if (!holds)
		abort();
}

/* ---- the slow encoder: reads heads of any width, writes the shortest; nothing of base/scbor.c's
 * reader is used ---- */

struct slow {
	const uint8_t *p, *end;
	struct buf out;
};

static uint64_t
slow_head(struct slow *s, unsigned *major)
{
	uint64_t v = 0;
	unsigned info, n = 0;

	breach_unless(s->p < s->end);
	*major = *s->p >> 5;
	info = *s->p++ & 31;
	if (info < 24)
		return info;
	breach_unless(info <= 27);
	for (n = 1U << (info - 24); n > 0; n--) {
		breach_unless(s->p < s->end);
		v = v << 8 | *s->p++;
	}
	return v;
}

static struct bytes
slow_string(struct slow *s, uint64_t n)
{
	struct bytes b = {s->p, (size_t)n};

	breach_unless(n <= (uint64_t)(s->end - s->p));
	s->p += n;
	return b;
}

/* Depth is bounded by the parser that accepted the bytes. */
static void
slow_item(struct slow *s, unsigned depth)
{
	unsigned major = 0;
	uint64_t v = slow_head(s, &major);
	size_t key = 0, last = 0, last_n = 0;

	breach_unless(depth <= TOKEN_DEPTH_MAX);
	switch (major) {
	case 0:
		scbor_put_uint(&s->out, v);
		return;
	case 1:
		if (v <= INT64_MAX)
			scbor_put_int(&s->out, -1 - (int64_t)v);
		else /* the writer knows no such number; its head is eight bytes either way */
			buf_add(&s->out, s->p - 9, 9);
		return;
	case 2:
		scbor_put_bytes(&s->out, slow_string(s, v));
		return;
	case 3:
		scbor_put_text(&s->out, slow_string(s, v));
		return;
	case 4:
		scbor_put_array(&s->out, v);
		for (uint64_t i = 0; i < v; i++)
			slow_item(s, depth + 1);
		return;
	case 5:
		scbor_put_map(&s->out, v);
		for (uint64_t i = 0; i < v; i++) {
			key = s->out.n;
			slow_item(s, depth + 1);
			if (i > 0)
				breach_unless(bytes_cmp(bytes_of(s->out.p + last, last_n),
						  bytes_of(s->out.p + key, s->out.n - key)) < 0);
			last = key;
			last_n = s->out.n - key;
			slow_item(s, depth + 1);
		}
		return;
	default:
		breach_unless(major == 7 && v >= 20 && v <= 22);
		buf_add(&s->out, &(uint8_t){(uint8_t)(0xe0 | v)}, 1);
	}
}

static void
check_payload(struct bytes payload)
{
	struct slow s = {.p = payload.p, .end = payload.p + payload.n};

	buf_init(&s.out, 0);
	slow_item(&s, 0);
	breach_unless(s.p == s.end && bytes_eq(buf_bytes(&s.out), payload));
	buf_release(&s.out);
}

/* ---- the token ---- */

/* The message again from its parts, and its Sig_structure. */
static void
check_message(const struct token *t)
{
	struct slow s = {.p = t->raw.p + 2, .end = t->raw.p + t->raw.n};
	struct bytes header;
	unsigned major = 0;
	struct buf again;
	uint64_t n;

	breach_unless(t->raw.n > 2 && t->raw.p[0] == 0xd2 && t->raw.p[1] == 0x84);
	n = slow_head(&s, &major);
	breach_unless(major == 2);
	header = slow_string(&s, n);
	buf_init(&again, 0);
	scbor_put_tag(&again, 18);
	scbor_put_array(&again, 4);
	scbor_put_bytes(&again, header);
	scbor_put_map(&again, 0);
	scbor_put_bytes(&again, t->payload);
	scbor_put_bytes(&again, bytes_of(t->signature, t->signature_size));
	breach_unless(bytes_eq(buf_bytes(&again), t->raw));
	buf_clear(&again);
	scbor_put_array(&again, 4);
	scbor_put_text(&again, bytes_str("Signature1"));
	scbor_put_bytes(&again, header);
	scbor_put_bytes(&again, BYTES_NONE);
	scbor_put_bytes(&again, t->payload);
	breach_unless(bytes_eq(buf_bytes(&again), t->signing_input));
	buf_release(&again);
	check_payload(header);
}

static void
check_token(const struct token *t)
{
	struct arena arena;
	struct token twin;

	breach_unless(t->media == TOKEN_COSE && t->level == LEVEL_2 && t->claims == NULL);
	breach_unless(t->signature_size == (t->alg == TOKEN_ES384 ? 96U : 64U));
	breach_unless(t->kid.n <= TOKEN_KID_MAX && t->x5c_count <= TOKEN_X5C_MAX);
	breach_unless(!(t->has_x5t && t->x5c_count > 0));
	for (size_t i = 0; i < t->x5c_count; i++)
		breach_unless(t->x5c[i].n >= 1 && t->x5c[i].n <= TOKEN_CERT_MAX);
	check_message(t);
	check_payload(t->payload);
	arena_init(&arena, t->raw.n + COSE_ARENA_EXTRA);
	breach_unless(token_parse(t->raw, &arena, &twin, NULL) == RC_OK);
	breach_unless(bytes_eq(twin.kid, t->kid) && bytes_eq(twin.payload, t->payload));
	breach_unless(twin.alg == t->alg && twin.old_typ == t->old_typ);
	breach_unless(memcmp(twin.signature, t->signature, sizeof(twin.signature)) == 0);
	arena_release(&arena);
}

/* ---- the claims ---- */

static void
add_id(struct buf *b, const uint8_t id[UUID_SIZE])
{
	char text[UUID_TEXT_SIZE];

	uuid_text(id, text);
	buf_addf(b, "\"%s\"", text);
}

static void
add_hash(struct buf *b, const char *name, const struct claim_hash *h)
{
	static const char *const prefix[] = {"", "sha-256:", "sha-384:", "sha-512:"};

	if (h->alg == CLAIM_HASH_NONE)
		return;
	buf_addf(b, ",\"%s\":\"%s", name, prefix[h->alg]);
	buf_add_b64url(b, bytes_of(h->b, h->size));
	buf_add_str(b, "\"");
}

static void
as_json(const struct claim *c, struct buf *b)
{
	buf_add_str(b, "{\"iss\":");
	buf_add_json(b, c->iss);
	buf_add_str(b, ",\"jti\":");
	add_id(b, c->jti);
	if (c->has_wid) {
		buf_add_str(b, ",\"wid\":");
		add_id(b, c->wid);
	}
	buf_add_str(b, ",\"exec_act\":");
	buf_add_json(b, c->act);
	buf_addf(b, ",\"iat\":%lld,\"exp\":%lld,\"pred\":[", (long long)c->iat, (long long)c->exp);
	for (size_t i = 0; i < c->pred_count; i++) {
		buf_add_str(b, i > 0 ? "," : "");
		add_id(b, c->pred[i]);
	}
	buf_add_str(b, "]");
	for (size_t i = 0; i < c->aud_count; i++) {
		buf_add_str(b, i > 0 ? "," : ",\"aud\":[");
		buf_add_json(b, c->aud[i]);
	}
	buf_add_str(b, c->aud_count > 0 ? "]" : "");
	add_hash(b, "inp_hash", &c->inp_hash);
	add_hash(b, "out_hash", &c->out_hash);
	if (c->ext_json != NULL) {
		buf_add_str(b, ",\"ect_ext\":");
		buf_add_bytes(b, c->ext);
	}
	buf_add_str(b, "}");
}

static bool
same_claims(const struct claim *a, const struct claim *b)
{
	if (a->pred_count != b->pred_count || a->aud_count != b->aud_count)
		return false;
	for (size_t i = 0; i < a->aud_count; i++)
		if (!bytes_eq(a->aud[i], b->aud[i]))
			return false;
	if (a->pred_count > 0 && memcmp(a->pred, b->pred, a->pred_count * UUID_SIZE) != 0)
		return false;
	return bytes_eq(a->iss, b->iss) && bytes_eq(a->trust_domain, b->trust_domain) &&
	       memcmp(a->jti, b->jti, UUID_SIZE) == 0 && a->has_wid == b->has_wid &&
	       memcmp(a->wid, b->wid, UUID_SIZE) == 0 && bytes_eq(a->act, b->act) &&
	       a->iat == b->iat && a->exp == b->exp && bytes_eq(a->ext, b->ext) &&
	       memcmp(&a->inp_hash, &b->inp_hash, sizeof(a->inp_hash)) == 0 &&
	       memcmp(&a->out_hash, &b->out_hash, sizeof(a->out_hash)) == 0 && a->kind == b->kind;
}

static void
check_claims(const struct token *t, const struct claim *c)
{
	char jti_text[UUID_TEXT_SIZE];
	struct bytes jti, wid;
	struct token plain;
	struct claim again;
	struct arena arena;
	struct buf json;

	arena_init(&arena, 4 << 20);
	buf_init(&json, 0);
	uuid_text(c->jti, jti_text);
	token_peek_ids(t->raw, &arena, &jti, &wid);
	breach_unless(bytes_is(jti, jti_text) && (wid.n > 0) == c->has_wid);
	breach_unless((c->ext.n == 0) == (c->ext_json == NULL) && c->ext.n <= CLAIM_EXT_TEXT_MAX);
	if (c->ext_json != NULL)
		breach_unless(json_depth(c->ext_json) <= CLAIM_EXT_DEPTH_MAX);
	as_json(c, &json);
	/* The text may be longer than its limits allow; everything else has to come back. */
	if (c->ext.n <= CLAIM_EXT_SIZE_MAX && json.n <= TOKEN_SIZE_MAX) {
		breach_unless(token_parse(buf_bytes(&json), &arena, &plain, NULL) == RC_OK);
		breach_unless(claim_read(&plain, &arena, &again, NULL) == RC_OK);
		breach_unless(same_claims(c, &again));
	}
	buf_release(&json);
	arena_release(&arena);
}

/* ---- one input ---- */

static void
wrap(struct bytes payload, struct buf *out)
{
	static const uint8_t signature[64] = {1};

	buf_add(out, "\xd2\x84\x43\xa1\x01\x26\xa0", 7);
	scbor_put_bytes(out, payload);
	scbor_put_bytes(out, bytes_of(signature, sizeof(signature)));
}

static void
run(struct bytes raw)
{
	struct arena arena;
	struct token token;
	struct claim claim;
	struct why why = {0};
	struct bytes jti, wid;
	enum rc rc;

	arena_init(&arena, 4 << 20);
	rc = cose_token_parse(raw, &arena, &token, &why);
	breach_unless(arena.used <= raw.n + COSE_ARENA_EXTRA);
	if (rc != RC_OK) {
		breach_unless(why.rule != NULL && why.text[0] != '\0');
		breach_unless(rc == RC_BAD_TOKEN || rc == RC_BAD_TYP || rc == RC_BAD_ALG ||
			      rc == RC_BAD_HEADER || rc == RC_BAD_SIGNATURE || rc == RC_TOO_LARGE);
		cose_token_peek(raw, &arena, &jti, &wid);
		goto out;
	}
	check_token(&token);
	arena_reset(&arena);
	rc = cose_token_parse(raw, &arena, &token, &why);
	breach_unless(rc == RC_OK);
	rc = claim_read(&token, &arena, &claim, &why);
	breach_unless(
	    arena.used <= raw.n + COSE_ARENA_EXTRA + CLAIM_ARENA(raw.n) + CLAIM_ARENA_FIX);
	if (rc == RC_OK) {
		check_claims(&token, &claim);
	} else {
		breach_unless(rc == RC_BAD_CLAIM || rc == RC_MISSING_CLAIM);
		breach_unless(why.rule != NULL && why.claim != NULL && why.text[0] != '\0');
	}
out:
	arena_release(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf built;

	buf_init(&built, 0);
	if (size > 0 && data[0] == 0) {
		wrap(bytes_of(data + 1, size - 1), &built);
		run(buf_bytes(&built));
	} else {
		run(bytes_of(data, size));
	}
	buf_release(&built);
	return 0;
}
