/*
 * fuzz_plain.c - unsigned tokens on hostile bytes.
 *
 * Properties of what is accepted: its identity is its bytes; it has no signature, no key and level
 * L1; with white space on either side it is refused; the same text as the payload of a JWS is
 * accepted too, and its claims get the same verdict; the ids that are read without trust are those
 * that the parser read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "claim/claim.h"
#include "token/plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER "eyJhbGciOiJFUzI1NiIsInR5cCI6ImV4ZWMrand0In0" /* ES256, exec+jwt */

static void
breach_unless(bool holds)
{
	if (!holds)
		abort();
}

static void
check_spaced(const struct token *t, struct arena *arena)
{
	struct token other;
	struct buf b;

	buf_init(&b, 0);
	buf_add_bytes(&b, t->raw);
	buf_add(&b, "\n", 1);
	breach_unless(plain_parse(buf_bytes(&b), arena, &other, NULL) == RC_BAD_TOKEN);
	buf_clear(&b);
	buf_add(&b, " ", 1);
	buf_add_bytes(&b, t->raw);
	breach_unless(plain_parse(buf_bytes(&b), arena, &other, NULL) == RC_BAD_TOKEN);
	buf_release(&b);
}

static void
check_signed(const struct token *t, struct arena *arena)
{
	static const uint8_t signature[64];
	struct claim plain, claim;
	struct why why = {0}, other = {0};
	struct token jws;
	struct buf b;
	enum rc rc;

	buf_init(&b, TOKEN_SIZE_MAX);
	buf_add_str(&b, HEADER ".");
	buf_add_b64url(&b, t->raw);
	buf_add_str(&b, ".");
	buf_add_b64url(&b, bytes_of(signature, sizeof(signature)));
	if (!b.bad) {
		breach_unless(token_parse(buf_bytes(&b), arena, &jws, NULL) == RC_OK);
		breach_unless(bytes_eq(jws.payload, t->raw));
		rc = claim_read(t, arena, &plain, &why);
		breach_unless(claim_read(&jws, arena, &claim, &other) == rc);
		breach_unless(why.claim == other.claim && strcmp(why.text, other.text) == 0);
		if (rc == RC_OK)
			breach_unless(memcmp(plain.jti, claim.jti, UUID_SIZE) == 0 &&
				      bytes_eq(plain.ext, claim.ext));
	}
	buf_release(&b);
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
	struct bytes raw = bytes_of(data, size);
	struct arena arena;
	struct token token;
	struct why why = {0};
	enum rc rc;

	if (raw.n > TOKEN_SIZE_MAX)
		return 0; /* token_parse() asks first */
	arena_init(&arena, 8 << 20);
	rc = plain_parse(raw, &arena, &token, &why);
	if (rc == RC_OK) {
		breach_unless(token.media == TOKEN_PLAIN && token.level == LEVEL_1);
		breach_unless(token.signature_size == 0 && token.kid.n == 0);
		breach_unless(token.x5c_count == 0 && !token.has_x5t && (int)token.alg == 0);
		breach_unless(bytes_eq(token.signing_input, raw) && bytes_eq(token.payload, raw));
		breach_unless(json_member(token.claims, "payload") == NULL);
		check_spaced(&token, &arena);
		check_signed(&token, &arena);
		check_peek(&token, &arena);
	} else {
		breach_unless(why.rule != NULL && why.text[0] != '\0');
		breach_unless(rc == RC_BAD_TOKEN || rc == RC_TOO_LARGE);
	}
	arena_release(&arena);
	return 0;
}
