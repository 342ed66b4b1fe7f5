/*
 * token.c - which media is it?  One table; a row per media, each with its own parser.
 *
 * The first byte decides, so that no parser ever tries "the other form as well": two forms that can
 * both read one text are how downgrades start.  A compact JWS starts with a base64url character,
 * COSE_Sign1 with tag 18, an L1 object with a brace.  The bytes that are signed start differently
 * too (a letter, an array of four, a brace), so that no token of one media has the identity of one
 * of another.
 */
#include "token/token.h"

#include "base/must.h"
#include "base/text.h"
#include "token/cose.h"
#include "token/jws.h"
#include "token/plain.h"

#define PEEK_ID_MAX 64 /* longer texts are no ids and do not belong in an answer */

static bool
starts_as_cose(struct bytes raw)
{
	/* Tag 18 is 0xd2; the rest above ASCII is nobody's, and this parser says why. */
	return raw.n > 0 && raw.p[0] >= 0x80;
}

static bool
starts_as_plain(struct bytes raw)
{
	return raw.n > 0 && raw.p[0] == '{';
}

static bool
starts_as_jws(struct bytes raw)
{
	(void)raw;
	/* the last row: whatever is left is judged, and mostly refused, as compact JWS */
	return true;
}

static enum rc
parse_jws(struct bytes raw, struct arena *arena, struct token *out, struct why *why)
{
	return jws_parse(raw, &jws_profile_ect, arena, out, why);
}

static const struct {
	enum token_media media;
	const char *name;
	bool (*starts)(struct bytes raw);
	enum rc (*parse)(struct bytes raw, struct arena *arena, struct token *out, struct why *why);
} token_parsers[] = {
    {TOKEN_COSE, "cose", starts_as_cose, cose_token_parse},
    {TOKEN_PLAIN, "json", starts_as_plain, plain_parse},
    {TOKEN_JWS, "jws", starts_as_jws, parse_jws},
};
#define MEDIA_COUNT (sizeof(token_parsers) / sizeof(token_parsers[0]))

enum rc
token_parse(struct bytes raw, struct arena *arena, struct token *out, struct why *why)
{
	size_t i = 0;
	enum rc rc;

	must(arena != NULL && out != NULL);
	must(raw.p != NULL || raw.n == 0);
	if (raw.n > TOKEN_SIZE_MAX)
		return why_set(why, RC_TOO_LARGE, "token size", NULL, 0,
		    "the token is longer than %d bytes", TOKEN_SIZE_MAX);
	for (; !token_parsers[i].starts(raw); i++)
		must(i + 1 < MEDIA_COUNT); /* the last row takes everything */
	rc = token_parsers[i].parse(raw, arena, out, why);
	must(rc != RC_OK || out->media == token_parsers[i].media);
	return rc;
}

/* The text of a string member that could be an id, else nothing. */
static struct bytes
peek_member(const struct json_node *object, const char *name)
{
	const struct json_node *node = json_member(object, name);

	if (node == NULL || node->type != JSN_STRING || node->text.n > PEEK_ID_MAX)
		return BYTES_NONE;
	return node->text;
}

void
token_peek_ids(struct bytes raw, struct arena *arena, struct bytes *jti, struct bytes *wid)
{
	static const struct json_limits limits = {
	    .size_max = TOKEN_SIZE_MAX,
	    .depth_max = TOKEN_DEPTH_MAX,
	    .nodes_max = TOKEN_NODES_MAX,
	};
	struct json_node *root = NULL;
	struct bytes text = BYTES_NONE, payload = raw;

	must(arena != NULL && jti != NULL && wid != NULL);
	*jti = *wid = BYTES_NONE;
	if (raw.n > TOKEN_SIZE_MAX)
		return;
	if (starts_as_cose(raw)) {
		cose_token_peek(raw, arena, jti, wid);
		return;
	}
	if (!starts_as_plain(raw)) {
		size_t room, n = 0;
		uint8_t *p;

		if (!jws_payload_text(raw, &text))
			return;
		room = text.n / 4 * 3 + 2;
		if ((p = arena_alloc(arena, room)) == NULL || !b64url_decode(text, p, room, &n))
			return;
		payload = bytes_of(p, n);
	}
	if (json_parse(payload, &limits, true, arena, &root, NULL) != RC_OK)
		return;
	*jti = peek_member(root, "jti");
	*wid = peek_member(root, "wid");
}

const char *
token_alg_name(enum token_alg alg)
{
	switch (alg) {
	case TOKEN_ES256:
		return "ES256";
	case TOKEN_ES384:
		return "ES384";
	case TOKEN_EDDSA:
		return "EdDSA";
	}
	return "unknown";
}

const char *
token_media_name(enum token_media m)
{
	for (size_t i = 0; i < MEDIA_COUNT; i++)
		if (token_parsers[i].media == m)
			return token_parsers[i].name;
	return "unknown";
}

const char *
token_level_name(enum token_level l)
{
	switch (l) {
	case LEVEL_1:
		return "L1";
	case LEVEL_2:
		return "L2";
	case LEVEL_3:
		return "L3";
	}
	return "unknown";
}
