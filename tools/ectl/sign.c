/*
 * sign.c - one execution context token as a compact JWS (RFC 7515 3.1), in the spelling of either
 * draft revision.
 *
 * The claims are written by hand, in a fixed order and without white space: the signed bytes are
 * the token's identity, so nothing between here and the signature may reorder or reformat them. The
 * token is made in one buffer: header '.' claims '.' signature.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/random.h"
#include "base/text.h"
#include "ectl.h"
#include "jwk_private.h"

#define DEFAULT_AUD    "urn:ectledger"
#define DEFAULT_TTL    600
#define TOKEN_SIZE_MAX 64000 /* the ledger's own limit; token/token.h cannot meet jansson.h */

/* "name":"text" */
static void
add_member(struct buf *b, const char *name, const char *text)
{
	buf_add_json(b, bytes_str(name));
	buf_add(b, ":", 1);
	buf_add_json(b, bytes_str(text));
}

/* "name":["a","b"] */
static void
add_list(struct buf *b, const char *name, const char *const *texts, size_t count)
{
	buf_add_json(b, bytes_str(name));
	buf_add(b, ":[", 2);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add(b, ",", 1);
		buf_add_json(b, bytes_str(texts[i]));
	}
	buf_add(b, "]", 1);
}

static void
add_header(struct buf *b, const struct private_key *k, int revision)
{
	buf_add(b, "{", 1);
	add_member(b, "alg", private_key_alg(k));
	buf_add(b, ",", 1);
	add_member(b, "typ", revision == 0 ? "wimse-exec+jwt" : "exec+jwt");
	buf_add(b, ",", 1);
	add_member(b, "kid", private_key_kid(k));
	buf_add(b, "}", 1);
}

static void
add_claims(
    struct buf *b, const struct private_key *k, const struct token_spec *spec, const char *jti)
{
	static const char *const default_aud[] = {DEFAULT_AUD};
	const int64_t iat = spec->iat != 0 ? spec->iat : (int64_t)time(NULL);
	const int64_t ttl = spec->ttl_s != 0 ? spec->ttl_s : DEFAULT_TTL;

	buf_add(b, "{", 1);
	add_member(b, "iss", private_key_iss(k));
	buf_add(b, ",", 1);
	add_list(b, "aud", spec->aud_count > 0 ? spec->aud : default_aud,
	    spec->aud_count > 0 ? spec->aud_count : 1);
	buf_addf(b, ",\"iat\":%lld,\"exp\":%lld,", (long long)iat, (long long)(iat + ttl));
	add_member(b, "jti", jti);
	if (spec->wid != NULL) {
		buf_add(b, ",", 1);
		add_member(b, "wid", spec->wid);
	}
	buf_add(b, ",", 1);
	add_member(b, "exec_act", spec->act);
	buf_add(b, ",", 1);
	add_list(b, spec->revision == 0 ? "par" : "pred", spec->pred, spec->pred_count);
	if (spec->inp_hash != NULL) {
		buf_add(b, ",", 1);
		add_member(b, "inp_hash", spec->inp_hash);
	}
	if (spec->out_hash != NULL) {
		buf_add(b, ",", 1);
		add_member(b, "out_hash", spec->out_hash);
	}
	if (spec->ext != NULL) {
		buf_add_str(b, spec->revision == 0 ? ",\"ext\":" : ",\"ect_ext\":");
		buf_add_str(b, spec->ext);
	}
	buf_add(b, "}", 1);
}

/* Texts end inside JSON strings, so they must be UTF-8; the extension goes in as it is, so it must
 * be one JSON object. NULL when the token can be written; else what is wrong. */
static const char *
spec_problem(const struct private_key *k, const struct token_spec *spec)
{
	json_t *ext;
	bool object;

	if (!utf8_ok(bytes_str(private_key_iss(k))) || !utf8_ok(bytes_str(spec->act)))
		return "the issuer or the action is not UTF-8";
	for (size_t i = 0; i < spec->aud_count; i++)
		if (!utf8_ok(bytes_str(spec->aud[i])))
			return "an audience is not UTF-8";
	if (spec->ext == NULL)
		return NULL;
	ext = json_loads(spec->ext, JSON_REJECT_DUPLICATES, NULL);
	object = json_is_object(ext);
	json_decref(ext);
	return object ? NULL : "the extension is not one JSON object without duplicate names";
}

char *
token_sign(const struct private_key *k, const struct token_spec *spec, char *jti_out)
{
	uint8_t id[UUID_SIZE], signature[PRIVATE_KEY_SIGNATURE_MAX];
	char jti[UUID_TEXT_SIZE];
	const char *problem, *name = spec->jti;
	struct buf part, out;
	size_t n;

	must(k != NULL && spec->act != NULL);
	must(spec->pred != NULL || spec->pred_count == 0);
	if ((problem = spec_problem(k, spec)) != NULL) {
		fail(EXIT_USAGE, "cannot sign: %s", problem);
		return NULL;
	}
	if (name == NULL) {
		random_uuid_v4(id);
		uuid_text(id, jti);
		name = jti;
	}
	buf_init(&part, 0);
	buf_init(&out, TOKEN_SIZE_MAX + 1);
	add_header(&part, k, spec->revision);
	buf_add_b64url(&out, buf_bytes(&part));
	buf_add(&out, ".", 1);
	buf_clear(&part);
	add_claims(&part, k, spec, name);
	buf_add_b64url(&out, buf_bytes(&part));
	n = part.bad || out.bad ? 0 : private_key_sign(k, buf_bytes(&out), signature);
	buf_add(&out, ".", 1);
	buf_add_b64url(&out, bytes_of(signature, n));
	buf_add(&out, "", 1); /* NUL */
	if (n == 0 || out.bad) {
		fail(EXIT_USAGE,
		    n == 0 && !out.bad ? "cannot sign: the crypto library failed"
				       : "cannot sign: out of memory, or over %d bytes",
		    TOKEN_SIZE_MAX);
		buf_release(&out);
		out.p = NULL;
	} else if (jti_out != NULL) {
		memcpy(jti_out, name,
		    strlen(name) < UUID_TEXT_SIZE ? strlen(name) + 1 : UUID_TEXT_SIZE);
		jti_out[UUID_TEXT_SIZE - 1] = '\0';
	}
	buf_release(&part);
	return (char *)out.p;
}
