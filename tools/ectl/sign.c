/*
 * sign.c - one execution context token: claims, header, signature.
 *
 * As JSON in the spelling of either draft revision, for a compact JWS (RFC 7515 3.1) or, bare, for a
 * log that takes unsigned tokens; sign_cose.c writes the same claims as CBOR.  The claims are
 * written by hand, in a fixed order and without white space: the signed bytes are the token's
 * identity, so nothing between here and the signature may reorder or reformat them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/random.h"
#include "base/text.h"
#include "ectl.h"
#include "jwk_private.h"
#include "sign.h"

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

/* The key is named by its kid, or by a certificate. */
static void
add_header(struct buf *b, const struct private_key *k, const struct token_spec *spec)
{
	buf_add(b, "{", 1);
	add_member(b, "alg", private_key_alg(k));
	buf_add(b, ",", 1);
	add_member(b, "typ", spec->revision == 0 ? "wimse-exec+jwt" : "exec+jwt");
	if (spec->x5c_count > 0) {
		for (size_t i = 0; i < spec->x5c_count; i++) {
			buf_add_str(b, i == 0 ? ",\"x5c\":[\"" : ",\"");
			buf_add_b64(b, spec->x5c[i]); /* RFC 7515 4.1.6: not base64url */
			buf_add(b, "\"", 1);
		}
		buf_add(b, "]", 1);
	} else if (spec->x5t != NULL) {
		buf_add_str(b, ",\"x5t#S256\":\"");
		buf_add_b64url(b, bytes_of(spec->x5t, SIGN_X5T_SIZE));
		buf_add(b, "\"", 1);
	} else {
		buf_add(b, ",", 1);
		add_member(b, "kid", private_key_kid(k));
	}
	buf_add(b, "}", 1);
}

static void
add_claims(struct buf *b, const struct token_spec *spec, const struct sign_facts *facts)
{
	buf_add(b, "{", 1);
	add_member(b, "iss", facts->iss);
	buf_add(b, ",", 1);
	add_list(b, "aud", facts->aud, facts->aud_count);
	buf_addf(b, ",\"iat\":%lld,\"exp\":%lld,", (long long)facts->iat, (long long)facts->exp);
	add_member(b, "jti", facts->jti);
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
spec_problem(const struct token_spec *spec, const struct sign_facts *facts)
{
	json_t *ext;
	bool object;

	if (!utf8_ok(bytes_str(facts->iss)) || !utf8_ok(bytes_str(spec->act)))
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

/* What the defaults come to. */
static void
find_facts(const struct private_key *k, const struct token_spec *spec, struct sign_facts *out)
{
	static const char *const default_aud[] = {"urn:ectledger"};
	const int64_t ttl = spec->ttl_s != 0 ? spec->ttl_s : 600;
	uint8_t id[UUID_SIZE];

	out->iss = spec->iss != NULL ? spec->iss : private_key_iss(k);
	out->iat = spec->iat != 0 ? spec->iat : (int64_t)time(NULL);
	out->exp = out->iat + ttl;
	out->aud = spec->aud_count > 0 ? spec->aud : default_aud;
	out->aud_count = spec->aud_count > 0 ? spec->aud_count : 1;
	out->jti = spec->jti;
	if (out->jti == NULL) {
		random_uuid_v4(id);
		uuid_text(id, out->jti_room);
		out->jti = out->jti_room;
	}
}

static const char *
make_jws(const struct private_key *k, const struct token_spec *spec, const struct sign_facts *facts,
    struct buf *out)
{
	uint8_t signature[PRIVATE_KEY_SIGNATURE_MAX];
	const char *problem = NULL;
	struct buf part;
	size_t n = 0;

	buf_init(&part, 0);
	add_header(&part, k, spec);
	buf_add_b64url(out, buf_bytes(&part));
	buf_add(out, ".", 1);
	buf_clear(&part);
	add_claims(&part, spec, facts);
	buf_add_b64url(out, buf_bytes(&part));
	if (part.bad)
		problem = "out of memory";
	else if (!out->bad && (n = private_key_sign(k, buf_bytes(out), signature)) == 0)
		problem = "the crypto library failed";
	buf_add(out, ".", 1);
	buf_add_b64url(out, bytes_of(signature, n));
	buf_release(&part);
	return problem;
}

bool
token_make(
    const struct private_key *k, const struct token_spec *spec, struct buf *out, char *jti_out)
{
	struct sign_facts facts;
	const char *problem;

	must(spec->act != NULL && (k != NULL || spec->format == TOKEN_FORMAT_JSON));
	must(k != NULL || spec->iss != NULL);
	must(spec->pred != NULL || spec->pred_count == 0);
	buf_init(out, SIGN_TOKEN_MAX + 1); /* one more for a NUL */
	find_facts(k, spec, &facts);
	if ((problem = spec_problem(spec, &facts)) == NULL) {
		if (spec->format == TOKEN_FORMAT_COSE)
			problem = sign_cose(k, spec, &facts, out);
		else if (spec->format == TOKEN_FORMAT_JSON)
			add_claims(out, spec, &facts);
		else
			problem = make_jws(k, spec, &facts, out);
	}
	if (problem == NULL && (out->bad || out->n > SIGN_TOKEN_MAX))
		problem = "out of memory, or over 64000 bytes";
	if (problem != NULL) {
		fail(EXIT_USAGE, "cannot sign: %s", problem);
		return false;
	}
	if (jti_out != NULL)
		(void)snprintf(jti_out, UUID_TEXT_SIZE, "%s", facts.jti);
	return true;
}

char *
token_sign(const struct private_key *k, const struct token_spec *spec, char *jti_out)
{
	struct token_spec jws = *spec;
	struct buf out;

	must(k != NULL);
	jws.format = TOKEN_FORMAT_JWS;
	if (!token_make(k, &jws, &out, jti_out)) {
		buf_release(&out);
		return NULL;
	}
	buf_add(&out, "", 1); /* NUL */
	must(!out.bad);
	return (char *)out.p;
}
