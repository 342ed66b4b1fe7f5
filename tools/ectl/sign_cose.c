/*
 * sign_cose.c - the token as COSE_Sign1 (RFC 9052 4.2) over the claim keys of the CBOR companion.
 *
 * Deterministic throughout (RFC 8949 4.2.1), because the ledger takes nothing else: keys ascend in
 * their encoded form, which for texts is by length and then by bytes.  What is signed is not the
 * message but the Sig_structure of RFC 9052 4.4; an ECDSA signature is r||s, as in a JWS.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/scbor.h"
#include "jwk_private.h"
#include "sign.h"

#define EXT_DEPTH   5
#define HASH_SHA256 (-16)

static int64_t
alg_id(const struct private_key *k)
{
	const char *alg = private_key_alg(k);

	if (strcmp(alg, "ES256") == 0)
		return -7;
	return strcmp(alg, "ES384") == 0 ? -35 : -8;
}

static void
put_text(struct buf *b, const char *text)
{
	scbor_put_text(b, bytes_str(text));
}

static void
put_id(struct buf *b, const char *text)
{
	uint8_t id[UUID_SIZE];
	bool good = uuid_parse(bytes_str(text), id);

	must(good); /* the command line was checked */
	scbor_put_bytes(b, bytes_of(id, sizeof id));
}

static bool
put_hash(struct buf *b, uint64_t key, const char *text)
{
	uint8_t digest[32];
	size_t n = 0;

	if (text == NULL)
		return true;
	if (!b64url_decode(bytes_str(text), digest, sizeof digest, &n) || n != sizeof digest)
		return false;
	scbor_put_uint(b, key);
	scbor_put_array(b, 2);
	scbor_put_int(b, HASH_SHA256);
	scbor_put_bytes(b, bytes_of(digest, n));
	return true;
}

/* ---- the extension: JSON to CBOR ---- */

static const char *put_json(struct buf *b, const json_t *value, unsigned depth);

static int
by_encoded(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	size_t n = strlen(*x), m = strlen(*y);

	return n != m ? (n < m ? -1 : 1) : memcmp(*x, *y, n);
}

static const char *
put_object(struct buf *b, const json_t *object, unsigned depth)
{
	const size_t count = json_object_size(object);
	const char **keys = calloc(count + 1, sizeof *keys), *key, *problem = NULL;
	json_t *value;
	size_t n = 0;

	if (keys == NULL)
		return "out of memory";
	/* The macro wants a json_t that is not const, and changes nothing. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value) keys[n++] = key;
	must(n == count);
	qsort(keys, n, sizeof *keys, by_encoded);
	scbor_put_map(b, n);
	for (size_t i = 0; i < n && problem == NULL; i++) {
		put_text(b, keys[i]);
		problem = put_json(b, json_object_get(object, keys[i]), depth + 1);
	}
	free(keys);
	return problem;
}

static const char *
put_json(struct buf *b, const json_t *value, unsigned depth)
{
	const char *problem = NULL;

	if (depth > EXT_DEPTH && (json_is_object(value) || json_is_array(value)))
		return "the extension is nested deeper than 5 levels";
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return put_object(b, value, depth);
	case JSON_ARRAY:
		scbor_put_array(b, json_array_size(value));
		for (size_t i = 0; i < json_array_size(value) && problem == NULL; i++)
			problem = put_json(b, json_array_get(value, i), depth + 1);
		return problem;
	case JSON_STRING:
		scbor_put_text(b, bytes_of(json_string_value(value), json_string_length(value)));
		return NULL;
	case JSON_INTEGER:
		scbor_put_int(b, json_integer_value(value));
		return NULL;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_add(b, json_is_true(value) ? "\xf5" : "\xf4", 1);
		return NULL;
	case JSON_NULL:
		scbor_put_null(b);
		return NULL;
	case JSON_REAL:
		break;
	}
	return "a COSE token has no fractions: give the number as text";
}

static const char *
put_extension(struct buf *b, const char *text)
{
	json_t *ext = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *problem = ext == NULL ? "out of memory" : put_json(b, ext, 1);

	json_decref(ext);
	return problem;
}

/* ---- claims, header, message ---- */

static const char *
put_claims(struct buf *b, const struct token_spec *spec, const struct sign_facts *facts)
{
	size_t count = 7; /* iss, aud, exp, iat, cti, exec_act, par */

	count += spec->wid != NULL ? 1 : 0;
	count += spec->inp_hash != NULL ? 1 : 0;
	count += spec->out_hash != NULL ? 1 : 0;
	count += spec->ext != NULL ? 1 : 0;
	scbor_put_map(b, count);
	scbor_put_uint(b, 1);
	put_text(b, facts->iss);
	scbor_put_uint(b, 3);
	if (facts->aud_count != 1)
		scbor_put_array(b, facts->aud_count);
	for (size_t i = 0; i < facts->aud_count; i++)
		put_text(b, facts->aud[i]);
	scbor_put_uint(b, 4);
	scbor_put_int(b, facts->exp);
	scbor_put_uint(b, 6);
	scbor_put_int(b, facts->iat);
	scbor_put_uint(b, 7);
	put_id(b, facts->jti);
	if (spec->wid != NULL) {
		scbor_put_uint(b, 300);
		put_id(b, spec->wid);
	}
	scbor_put_uint(b, 301);
	put_text(b, spec->act);
	scbor_put_uint(b, 302);
	scbor_put_array(b, spec->pred_count);
	for (size_t i = 0; i < spec->pred_count; i++)
		put_id(b, spec->pred[i]);
	if (!put_hash(b, 307, spec->inp_hash) || !put_hash(b, 308, spec->out_hash))
		return "a hash is not SHA-256 in base64url";
	if (spec->ext == NULL)
		return NULL;
	put_text(b, spec->revision == 0 ? "ext" : "ect_ext");
	return put_extension(b, spec->ext);
}

static void
put_header(struct buf *b, const struct private_key *k, const struct token_spec *spec)
{
	const bool bare = spec->x5c_count == 0 && spec->x5t == NULL;

	scbor_put_map(b, 3);
	scbor_put_uint(b, 1);
	scbor_put_int(b, alg_id(k));
	if (bare) {
		scbor_put_uint(b, 4);
		scbor_put_bytes(b, bytes_str(private_key_kid(k)));
	}
	scbor_put_uint(b, 16);
	put_text(b, spec->revision == 0 ? "wimse-exec+cwt" : "exec+cwt");
	if (spec->x5c_count > 0) {
		scbor_put_uint(b, 33);
		if (spec->x5c_count > 1)
			scbor_put_array(b, spec->x5c_count);
		for (size_t i = 0; i < spec->x5c_count; i++)
			scbor_put_bytes(b, spec->x5c[i]);
	} else if (spec->x5t != NULL) {
		scbor_put_uint(b, 34);
		scbor_put_array(b, 2);
		scbor_put_int(b, HASH_SHA256);
		scbor_put_bytes(b, bytes_of(spec->x5t, SIGN_X5T_SIZE));
	}
}

const char *
sign_cose(const struct private_key *k, const struct token_spec *spec,
    const struct sign_facts *facts, struct buf *out)
{
	uint8_t signature[PRIVATE_KEY_SIGNATURE_MAX];
	struct buf header, payload, message;
	const char *problem;
	size_t n;

	buf_init(&header, 0);
	buf_init(&payload, 0);
	buf_init(&message, 0);
	put_header(&header, k, spec);
	if ((problem = put_claims(&payload, spec, facts)) != NULL)
		goto out;
	scbor_put_array(&message, 4);
	put_text(&message, "Signature1");
	scbor_put_bytes(&message, buf_bytes(&header));
	scbor_put_bytes(&message, BYTES_NONE);
	scbor_put_bytes(&message, buf_bytes(&payload));
	problem = "out of memory";
	if (header.bad || payload.bad || message.bad)
		goto out;
	problem = "the crypto library failed";
	if ((n = private_key_sign(k, buf_bytes(&message), signature)) == 0)
		goto out;
	scbor_put_tag(out, 18);
	scbor_put_array(out, 4);
	scbor_put_bytes(out, buf_bytes(&header));
	scbor_put_map(out, 0);
	scbor_put_bytes(out, buf_bytes(&payload));
	scbor_put_bytes(out, bytes_of(signature, n));
	problem = NULL;
out:
	buf_release(&header);
	buf_release(&payload);
	buf_release(&message);
	return problem;
}
