/*
 * jws.c - compact JWS, the one spelling.
 *
 * Why so strict: most JOSE accidents are parsers that were kind.  A token that several texts decode
 * to has no identity, a header member that is "ignored" is a switch for the attacker (RFC 8725 2
 * and 3), and a key that travels in the token is no key.  So: exactly two dots, canonical
 * base64url, header members from a list of five.
 *
 * Stages, left to right, no way back: split -> decode -> header -> payload.  Everything decoded
 * lives in the arena; the heap is never touched.
 *
 * Invariants after RC_OK:
 *   1. base64url(header).base64url(payload).base64url(signature) gives 'raw' back, byte for byte.
 *   2. signature_size is the size that 'alg' asks for.
 *   3. 'signing_input' is the received text, never something that was decoded and encoded again.
 */
#include "token/jws.h"

#include <string.h>

#include "base/must.h"
#include "base/text.h"

#define HEADER_DEPTH_MAX 4
#define HEADER_NODES_MAX 64 /* enough to name an embedded key */
#define CERT_TEXT_MAX	 B64_ROOM(TOKEN_CERT_MAX)

struct parts {
	struct bytes header, payload, signature;
};

static const char *const ect_typs[] = {"exec+jwt", "wimse-exec+jwt", NULL};
const struct jws_profile jws_profile_ect = {
    .typs = ect_typs,
    .typ_required = true,
    .typ_old = "wimse-exec+jwt",
    .opaque = false,
    .chain = true,
};

/* The header's members that are read, by name; NULL: not there. */
struct members {
	const struct json_node *alg, *typ, *kid, *x5c, *x5t, *other;
};

/* What may be asked for by name, and how long its signatures are (RFC 7518 3.4, RFC 8037 3.1, RFC
 * 9864). */
static const struct {
	const char *name;
	enum token_alg alg;
	size_t signature_size;
} algs[] = {
    {"ES256", TOKEN_ES256, 64},
    {"ES384", TOKEN_ES384, 96},
    {"EdDSA", TOKEN_EDDSA, 64},
    {"Ed25519", TOKEN_EDDSA, 64},
};
#define ALG_COUNT (sizeof(algs) / sizeof(algs[0]))

/* Members that people do send, so that the refusal can name them; see forbidden_member(). */
static const struct {
	const char *name, *rule;
} forbidden[] = {
    {"crit", "RFC 7515 4.1.11 (crit)"},
    {"jwk", "RFC 7515 4.1.3 (jwk), RFC 8725 3.10"},
    {"jku", "RFC 7515 4.1.2 (jku), RFC 8725 3.10"},
    {"x5u", "RFC 7515 4.1.5 (x5u), RFC 8725 3.10"},
    {"x5c", "RFC 7515 4.1.6 (x5c)"},
    {"x5t", "RFC 7515 4.1.7 (x5t)"},
    {"x5t#S256", "RFC 7515 4.1.8 (x5t#S256)"},
    {"b64", "RFC 7797 3 (b64)"},
    {"zip", "RFC 7516 4.1.3 (zip)"},
    {"cty", "RFC 7515 4.1.10 (cty)"},
};

static bool
split(struct bytes raw, struct parts *parts)
{
	const uint8_t *end = raw.p + raw.n, *dot1, *dot2;

	if (raw.n == 0 || (dot1 = memchr(raw.p, '.', raw.n)) == NULL)
		return false;
	dot1++;
	if ((dot2 = memchr(dot1, '.', (size_t)(end - dot1))) == NULL)
		return false;
	dot2++;
	parts->header = bytes_of(raw.p, (size_t)(dot1 - raw.p) - 1);
	parts->payload = bytes_of(dot1, (size_t)(dot2 - dot1) - 1);
	parts->signature = bytes_of(dot2, (size_t)(end - dot2));
	return true;
}

bool
jws_payload_text(struct bytes raw, struct bytes *text)
{
	struct parts parts;

	if (!split(raw, &parts))
		return false;
	*text = parts.payload;
	return true;
}

/* One part into the arena.  'at': where the part starts in the token. */
static enum rc
decode(struct bytes text, const char *name, size_t at, struct arena *arena, struct bytes *out,
    struct why *why)
{
	size_t room = text.n / 4 * 3 + 2, n = 0;
	uint8_t *p = arena_alloc(arena, room);

	if (p == NULL)
		return why_set(
		    why, RC_NO_MEMORY, "arena", NULL, at, "no room to decode the %s", name);
	if (!b64url_decode(text, p, room, &n))
		return why_set(why, RC_BAD_TOKEN, "RFC 7515 2 (base64url)", NULL, at,
		    "the %s is not canonical base64url", name);
	*out = bytes_of(p, n);
	return RC_OK;
}

static enum rc
header_too_large(size_t max, struct why *why)
{
	return why_set(
	    why, RC_TOO_LARGE, "header size", NULL, 0, "the header is longer than %zu bytes", max);
}

static enum rc
decode_parts(const struct parts *text, size_t header_max, struct bytes raw, struct arena *arena,
    struct parts *out, struct why *why)
{
	enum rc rc;

	if (text->header.n == 0)
		return why_set(
		    why, RC_BAD_TOKEN, "RFC 7515 7.1 (compact)", NULL, 0, "the header is empty");
	if (text->header.n > B64_ROOM(header_max))
		return header_too_large(header_max, why);
	rc = decode(text->header, "header", 0, arena, &out->header, why);
	if (rc != RC_OK)
		return rc;
	rc = decode(
	    text->payload, "payload", (size_t)(text->payload.p - raw.p), arena, &out->payload, why);
	if (rc != RC_OK)
		return rc;
	rc = decode(text->signature, "signature", (size_t)(text->signature.p - raw.p), arena,
	    &out->signature, why);
	if (rc != RC_OK)
		return rc;
	return out->header.n > header_max ? header_too_large(header_max, why) : RC_OK;
}

/* RFC 8725 3.1: exact, case-sensitive, from an allow-list, before anything looks for a key. */
static enum rc
read_alg(const struct json_node *node, size_t *which, struct why *why)
{
	static const char rule[] = "RFC 8725 3.1 (allowed algorithms)";

	if (node == NULL)
		return why_set(why, RC_BAD_ALG, rule, "alg", 0, "alg is missing");
	if (node->type != JSN_STRING)
		return why_set(why, RC_BAD_ALG, rule, "alg", 0, "alg is not a string");
	for (size_t i = 0; i < ALG_COUNT; i++) {
		if (bytes_is(node->text, algs[i].name)) {
			*which = i;
			return RC_OK;
		}
	}
	if (bytes_is(node->text, "none"))
		return why_set(why, RC_BAD_ALG, rule, "alg", 0, "alg none is never accepted");
	return why_set(why, RC_BAD_ALG, rule, "alg", 0,
	    "the algorithm is not one of ES256, ES384, EdDSA, Ed25519");
}

/* RFC 8725 3.11: explicit typing.  No "application/" prefix, no case folding: one spelling. */
static enum rc
read_typ(const struct json_node *node, const struct jws_profile *profile, struct token *out,
    struct why *why)
{
	static const char rule[] = "RFC 8725 3.11 (explicit typ)";

	out->old_typ = false;
	if (node == NULL) {
		if (profile->typ_required)
			return why_set(why, RC_BAD_TYP, rule, "typ", 0, "typ is missing");
		return RC_OK;
	}
	if (node->type != JSN_STRING)
		return why_set(why, RC_BAD_TYP, rule, "typ", 0, "typ is not a string");
	for (const char *const *typ = profile->typs; *typ != NULL; typ++) {
		if (bytes_is(node->text, *typ)) {
			out->old_typ =
			    profile->typ_old != NULL && strcmp(*typ, profile->typ_old) == 0;
			return RC_OK;
		}
	}
	return why_set(why, RC_BAD_TYP, rule, "typ", 0, "typ is not %s", profile->typs[0]);
}

static enum rc
forbidden_member(const struct json_node *node, struct why *why)
{
	char shown[41];
	size_t n = node->name.n < sizeof(shown) - 1 ? node->name.n : sizeof(shown) - 1;

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (bytes_is(node->name, forbidden[i].name))
			return why_set(why, RC_BAD_HEADER, forbidden[i].rule, forbidden[i].name, 0,
			    "the header member %s is not accepted", forbidden[i].name);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = node->name.p[i];
		shown[i] = c > 0x20 && c < 0x7f && c != '"' && c != '\\' ? (char)c : '?';
	}
	shown[n] = '\0';
	return why_set(why, RC_BAD_HEADER, "header members from a list", NULL, 0,
	    "the header member \"%s\" is not accepted", shown);
}

/* A kid is a name to look up and to print, never a path or a query: short, printable, not empty. */
static enum rc
read_kid(const struct json_node *node, struct token *out, struct why *why)
{
	static const char rule[] = "RFC 7515 4.1.4 (kid)";

	out->kid = BYTES_NONE;
	if (node == NULL)
		return RC_OK;
	if (node->type != JSN_STRING)
		return why_set(why, RC_BAD_HEADER, rule, "kid", 0, "kid is not a string");
	if (node->text.n == 0 || node->text.n > TOKEN_KID_MAX)
		return why_set(why, RC_BAD_HEADER, rule, "kid", 0, "kid is not 1 to %d bytes long",
		    TOKEN_KID_MAX);
	for (size_t i = 0; i < node->text.n; i++)
		if (node->text.p[i] < 0x20 || node->text.p[i] > 0x7e)
			return why_set(
			    why, RC_BAD_HEADER, rule, "kid", i, "kid is not printable ASCII");
	out->kid = node->text;
	return RC_OK;
}

/* RFC 7515 4.1.6: standard base64 of the DER, not base64url; the signer's own certificate first. */
static enum rc
read_x5c(const struct json_node *node, struct arena *arena, struct token *out, struct why *why)
{
	static const char rule[] = "RFC 7515 4.1.6 (x5c)";
	struct bytes *certs;
	size_t n = 0;

	if (node == NULL)
		return RC_OK;
	if (node->type != JSN_ARRAY || node->count == 0 || node->count > TOKEN_X5C_MAX)
		return why_set(why, RC_BAD_HEADER, rule, "x5c", 0,
		    "x5c is not an array of 1 to %d certificates", TOKEN_X5C_MAX);
	if ((certs = arena_alloc(arena, node->count * sizeof(*certs))) == NULL)
		return why_set(why, RC_NO_MEMORY, "arena", "x5c", 0, "no room for x5c");
	for (const struct json_node *e = node->child; e != NULL; e = e->next, n++) {
		size_t room = e->text.n / 4 * 3, size = 0;
		uint8_t *der;

		if (e->type != JSN_STRING || e->text.n == 0 || e->text.n > CERT_TEXT_MAX)
			return why_set(why, RC_BAD_HEADER, rule, "x5c", n,
			    "a certificate is not text of 1 to %d bytes", TOKEN_CERT_MAX);
		if ((der = arena_alloc(arena, room)) == NULL)
			return why_set(why, RC_NO_MEMORY, "arena", "x5c", 0, "no room for x5c");
		if (!b64_decode(e->text, der, room, &size) || size > TOKEN_CERT_MAX)
			return why_set(why, RC_BAD_HEADER, rule, "x5c", n,
			    "a certificate is not canonical base64 of at most %d bytes",
			    TOKEN_CERT_MAX);
		certs[n] = bytes_of(der, size);
	}
	must(n == node->count);
	out->x5c = certs;
	out->x5c_count = n;
	return RC_OK;
}

static enum rc
read_x5t(const struct json_node *node, struct token *out, struct why *why)
{
	size_t n = 0;

	if (node == NULL)
		return RC_OK;
	if (node->type != JSN_STRING ||
	    !b64url_decode(node->text, out->x5t, sizeof(out->x5t), &n) || n != sizeof(out->x5t))
		return why_set(why, RC_BAD_HEADER, "RFC 7515 4.1.8 (x5t#S256)", "x5t#S256", 0,
		    "x5t#S256 is not base64url of 32 bytes");
	out->has_x5t = true;
	return RC_OK;
}

static struct members
find_members(const struct json_node *root, const struct jws_profile *profile)
{
	struct members m = {0};

	for (const struct json_node *n = root->child; n != NULL; n = n->next) {
		if (bytes_is(n->name, "alg"))
			m.alg = n;
		else if (bytes_is(n->name, "typ"))
			m.typ = n;
		else if (bytes_is(n->name, "kid"))
			m.kid = n;
		else if (profile->chain && bytes_is(n->name, "x5c"))
			m.x5c = n;
		else if (profile->chain && bytes_is(n->name, "x5t#S256"))
			m.x5t = n;
		else if (m.other == NULL)
			m.other = n;
	}
	return m;
}

static enum rc
read_header(struct bytes text, const struct jws_profile *profile, struct arena *arena,
    struct token *out, size_t *alg, struct why *why)
{
	static const struct json_limits limits = {
	    .size_max = TOKEN_HEADER_CHAIN_MAX,
	    .depth_max = HEADER_DEPTH_MAX,
	    .nodes_max = HEADER_NODES_MAX,
	};
	struct json_node *root = NULL;
	struct members m;
	enum rc rc;

	rc = json_parse(text, &limits, true, arena, &root, why);
	if (rc != RC_OK)
		return rc == RC_NO_MEMORY ? rc : RC_BAD_HEADER;
	m = find_members(root, profile);
	if (m.x5c == NULL && text.n > TOKEN_HEADER_MAX)
		return header_too_large(TOKEN_HEADER_MAX, why);
	if ((rc = read_alg(m.alg, alg, why)) != RC_OK)
		return rc;
	if ((rc = read_typ(m.typ, profile, out, why)) != RC_OK)
		return rc;
	if (m.other != NULL)
		return forbidden_member(m.other, why);
	if ((rc = read_kid(m.kid, out, why)) != RC_OK)
		return rc;
	if (m.x5c != NULL && m.x5t != NULL)
		return why_set(why, RC_BAD_HEADER, "one certificate binding", "x5t#S256", 0,
		    "x5c and x5t#S256 do not come together");
	if ((rc = read_x5c(m.x5c, arena, out, why)) != RC_OK)
		return rc;
	return read_x5t(m.x5t, out, why);
}

static enum rc
read_payload(struct bytes text, const struct jws_profile *profile, struct arena *arena,
    struct token *out, struct why *why)
{
	static const struct json_limits limits = {
	    .size_max = TOKEN_SIZE_MAX,
	    .depth_max = TOKEN_DEPTH_MAX,
	    .nodes_max = TOKEN_NODES_MAX,
	};
	struct json_node *root = NULL;
	enum rc rc;

	out->payload = text;
	out->claims = NULL;
	if (profile->opaque)
		return RC_OK;
	if ((rc = json_parse(text, &limits, true, arena, &root, why)) != RC_OK)
		return rc;
	must(root != NULL && root->type == JSN_OBJECT);
	out->claims = root;
	return RC_OK;
}

enum rc
jws_parse(struct bytes raw, const struct jws_profile *profile, struct arena *arena,
    struct token *out, struct why *why)
{
	struct parts text, part;
	size_t alg = 0;
	enum rc rc;

	must(profile != NULL && profile->typs != NULL && profile->typs[0] != NULL);
	must(arena != NULL && out != NULL);
	if (raw.n > TOKEN_SIZE_MAX)
		return why_set(why, RC_TOO_LARGE, "token size", NULL, 0,
		    "the token is longer than %d bytes", TOKEN_SIZE_MAX);
	if (!split(raw, &text))
		return why_set(why, RC_BAD_TOKEN, "RFC 7515 7.1 (compact)", NULL, 0,
		    "not three parts with two dots");
	memset(out, 0, sizeof(*out));
	rc = decode_parts(&text, profile->chain ? TOKEN_HEADER_CHAIN_MAX : TOKEN_HEADER_MAX, raw,
	    arena, &part, why);
	if (rc != RC_OK)
		return rc; /* a third dot is no base64url character either */
	if ((rc = read_header(part.header, profile, arena, out, &alg, why)) != RC_OK)
		return rc;
	if (part.signature.n != algs[alg].signature_size)
		return why_set(why, RC_BAD_SIGNATURE, "RFC 7518 3.4, RFC 8037 3.1", NULL,
		    (size_t)(text.signature.p - raw.p), "a signature of %zu bytes, %s has %zu",
		    part.signature.n, algs[alg].name, algs[alg].signature_size);
	if ((rc = read_payload(part.payload, profile, arena, out, why)) != RC_OK)
		return rc;

	must(part.signature.n <= sizeof(out->signature));
	out->media = TOKEN_JWS;
	out->level = LEVEL_2;
	out->raw = raw;
	out->signing_input = bytes_of(raw.p, (size_t)(text.signature.p - raw.p) - 1);
	out->alg = algs[alg].alg;
	memcpy(out->signature, part.signature.p, part.signature.n);
	out->signature_size = part.signature.n;
	return RC_OK;
}
