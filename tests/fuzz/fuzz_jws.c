/*
 * fuzz_jws.c - the compact parser on hostile bytes.
 *
 * Input: a token as it is; or, when the first byte is 0, "\0 header \0 payload \0 signature", which
 * is encoded first, so that mutations reach the JSON behind the base64url.
 *
 * Properties: an accepted token is the only text of its parts (encoding them again gives its
 * bytes); the signature has the size of its algorithm; ids that can be read without trust are the
 * ids that the parser read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "token/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
breach_unless(bool holds)
{
	if (!holds)
		abort();
}

/* Up to the next NUL, which is skipped. */
static struct bytes
cut(struct bytes *rest)
{
	const uint8_t *nul = rest->n == 0 ? NULL : memchr(rest->p, 0, rest->n);
	struct bytes part = *rest;

	if (nul == NULL) {
		*rest = BYTES_NONE;
		return part;
	}
	part.n = (size_t)(nul - rest->p);
	*rest = bytes_of(nul + 1, rest->n - part.n - 1);
	return part;
}

static void
encode(struct bytes parts, struct buf *out)
{
	buf_add_b64url(out, cut(&parts));
	buf_add_str(out, ".");
	buf_add_b64url(out, cut(&parts));
	buf_add_str(out, ".");
	buf_add_b64url(out, parts);
}

static void
check_one_text(const struct token *t)
{
	const uint8_t *dot = memchr(t->raw.p, '.', t->raw.n);
	uint8_t header[TOKEN_HEADER_CHAIN_MAX];
	size_t header_size = 0;
	struct buf again;

	breach_unless(dot != NULL);
	breach_unless(b64url_decode(
	    bytes_of(t->raw.p, (size_t)(dot - t->raw.p)), header, sizeof(header), &header_size));
	buf_init(&again, 0);
	buf_add_b64url(&again, bytes_of(header, header_size));
	buf_add_str(&again, ".");
	buf_add_b64url(&again, t->payload);
	breach_unless(bytes_eq(buf_bytes(&again), t->signing_input));
	buf_add_str(&again, ".");
	buf_add_b64url(&again, bytes_of(t->signature, t->signature_size));
	breach_unless(bytes_eq(buf_bytes(&again), t->raw));
	buf_release(&again);
}

static void
check_peek(const struct token *t, struct arena *arena)
{
	const struct json_node *jti = json_member(t->claims, "jti");
	struct bytes peeked, wid;

	token_peek_ids(t->raw, arena, &peeked, &wid);
	if (jti != NULL && jti->type == JSN_STRING && jti->text.n <= 64)
		breach_unless(bytes_eq(peeked, jti->text));
	else
		breach_unless(peeked.n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct buf built;
	struct bytes raw = bytes_of(data, size), jti, wid;
	struct token token;
	struct why why = {0};
	enum rc rc;

	arena_init(&arena, 4 << 20);
	buf_init(&built, 0);
	if (size > 0 && data[0] == 0) {
		encode(bytes_of(data + 1, size - 1), &built);
		raw = buf_bytes(&built);
	}
	rc = token_parse(raw, &arena, &token, &why);
	if (rc == RC_OK && token.media != TOKEN_JWS) {
		breach_unless(token.media == TOKEN_PLAIN || token.media == TOKEN_COSE);
	} else if (rc == RC_OK) {
		breach_unless(token.x5c_count <= TOKEN_X5C_MAX);
		breach_unless(!(token.has_x5t && token.x5c_count > 0));
		breach_unless(token.signature_size == (token.alg == TOKEN_ES384 ? 96U : 64U));
		breach_unless(token.kid.n <= TOKEN_KID_MAX && token.raw.n <= TOKEN_SIZE_MAX);
		check_one_text(&token);
		check_peek(&token, &arena);
	} else {
		breach_unless(why.rule != NULL && why.text[0] != '\0');
		breach_unless(rc == RC_BAD_TOKEN || rc == RC_BAD_TYP || rc == RC_BAD_ALG ||
			      rc == RC_BAD_HEADER || rc == RC_BAD_SIGNATURE || rc == RC_TOO_LARGE);
		token_peek_ids(raw, &arena, &jti, &wid);
	}
	buf_release(&built);
	arena_release(&arena);
	return 0;
}
