/*
 * fsck_token.c - what a token says: the parts of a JWS, its claims and those of an unsigned token,
 * read with jansson alone.  fsck_cose.c does the same for COSE.
 *
 * The rules are not judged again (the log took the token; what it was worth then depends on the
 * time and the configuration of then).  What is read is what the entry, its links and the index
 * were made of.
 */
#include "fsck.h"

#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#define TOKEN_MAX  65535
#define HEADER_MAX 16384

/* ---- parts ---- */

static bool
split(struct span token, struct span part[3])
{
	const uint8_t *first = memchr(token.p, '.', token.n), *second, *end = token.p + token.n;

	if (first == NULL || (second = memchr(first + 1, '.', (size_t)(end - first - 1))) == NULL)
		return false;
	part[0] = (struct span){token.p, (size_t)(first - token.p)};
	part[1] = (struct span){first + 1, (size_t)(second - first - 1)};
	part[2] = (struct span){second + 1, (size_t)(end - second - 1)};
	return true;
}

bool
fsck_form_read(struct span token, uint64_t media, struct fsck_form *out)
{
	struct span part[3];

	memset(out, 0, sizeof(*out));
	out->media = media;
	out->raw = token;
	if (token.n == 0 || token.n > TOKEN_MAX)
		return false;
	if (media == FSCK_COSE)
		return fsck_cose_read(token, out);
	if (media == FSCK_PLAIN) {
		out->payload = token;
		return true;
	}
	if (media != FSCK_JWS || !split(token, part))
		return false;
	out->header = part[0];
	out->payload = part[1];
	return fsck_unbase64(
	    true, part[2], out->signature, sizeof(out->signature), &out->signature_size);
}

uint8_t *
fsck_form_signed(const struct fsck_form *form, size_t *n)
{
	uint8_t *copy;

	if (form->media == FSCK_COSE)
		return fsck_cose_signed(form, n);
	if (form->media != FSCK_JWS)
		return NULL;
	*n = form->header.n + 1 + form->payload.n;
	copy = fsck_alloc(*n, 1);
	memcpy(copy, form->raw.p, *n);
	return copy;
}

/* ---- the header's certificates ---- */

/* "x5c": standard base64, one text for each certificate (RFC 7515 4.1.6). */
static uint8_t *
join(const json_t *list, size_t room, size_t *n)
{
	uint8_t *out = fsck_alloc(room + 1, 1);
	json_t *one;
	size_t i, got;

	*n = 0;
	json_array_foreach(list, i, one)
	{
		struct span text = {
		    (const uint8_t *)json_string_value(one), json_string_length(one)};

		if (text.p == NULL || !fsck_unbase64(false, text, out + *n, room - *n, &got)) {
			free(out);
			return NULL;
		}
		*n += got;
	}
	return out;
}

uint8_t *
fsck_form_chain(const struct fsck_form *form, size_t *n, uint8_t x5t[FSCK_HASH], bool *has_x5t)
{
	uint8_t *text, *chain = NULL;
	const json_t *list, *digest;
	json_t *header;
	size_t size;

	*n = 0;
	*has_x5t = false;
	if (form->media == FSCK_COSE)
		return fsck_cose_chain(form, n, x5t, has_x5t);
	if (form->media != FSCK_JWS || form->header.n > 2 * HEADER_MAX)
		return NULL;
	text = fsck_alloc(form->header.n + 1, 1);
	if (!fsck_unbase64(true, form->header, text, form->header.n, &size))
		size = 0;
	header = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (json_is_array(list = json_object_get(header, "x5c")))
		chain = join(list, form->header.n, n);
	if (json_is_string(digest = json_object_get(header, "x5t#S256")))
		*has_x5t = fsck_unbase64(true,
			       (struct span){(const uint8_t *)json_string_value(digest),
				   json_string_length(digest)},
			       x5t, FSCK_HASH, &size) &&
			   size == FSCK_HASH;
	json_decref(header);
	return chain;
}

/* ---- claims ---- */

static const char *
text_of(const json_t *claims, const char *name)
{
	return json_string_value(json_object_get(claims, name));
}

const char *
fsck_task_iss(struct span iss, struct fsck_task *out)
{
	uint8_t hash[FSCK_HASH];

	if (iss.n == 0 || iss.n > FSCK_ISS_MAX || memchr(iss.p, '\0', iss.n) != NULL)
		return "iss";
	memcpy(out->iss, iss.p, iss.n);
	out->iss[iss.n] = '\0';
	fsck_sha256(iss, hash);
	memcpy(out->issuer, hash, FSCK_ID);
	return NULL;
}

void
fsck_task_act(struct span act, struct fsck_task *out)
{
	static const struct {
		const char *kind, *act;
	} kinds[] = {
#define ACTS(act)				       act
#define KIND(id, name, act, least, most, parents) {name, act},
#define KEY(name, type, required)
#define KEY_CODE(name, required, values)
#define KIND_END
#include "claim/kinds.def"
#undef ACTS
#undef KIND
#undef KEY
#undef KEY_CODE
#undef KIND_END
	};
	uint8_t hash[FSCK_HASH];

	fsck_sha256(act, hash);
	memcpy(out->act, hash, FSCK_ID);
	/* A longer one is in no log. */
	out->act_size = act.n < FSCK_ACT_MAX ? act.n : FSCK_ACT_MAX;
	if (out->act_size > 0)
		memcpy(out->act_text, act.p, out->act_size);
	out->kind = NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].act != NULL && strlen(kinds[i].act) == act.n &&
		    memcmp(kinds[i].act, act.p, act.n) == 0)
			out->kind = kinds[i].kind;
}

/* Only the first 16 bytes go into the index; the same data in and out is one reference. */
void
fsck_task_hash(const uint8_t *digest, struct fsck_task *out)
{
	if (out->hash_count == 1 && memcmp(out->hash[0], digest, FSCK_ID) == 0)
		return;
	if (out->hash_count < 2)
		memcpy(out->hash[out->hash_count++], digest, FSCK_ID);
}

static bool
read_preds(const json_t *claims, struct fsck_task *out)
{
	json_t *list = json_object_get(claims, "pred"), *one;
	size_t i;

	if (list == NULL)
		list = json_object_get(claims, "par");
	if (list == NULL)
		return true;
	if (!json_is_array(list) || json_array_size(list) > FSCK_PREDS)
		return false;
	json_array_foreach(list, i, one)
	{
		if (!json_is_string(one) ||
		    !fsck_uuid(json_string_value(one), out->pred[out->pred_count]))
			return false;
		out->pred_count++;
	}
	return true;
}

/* Plain base64url, or behind "sha-256:" and its sisters. */
static bool
read_hash(const json_t *claims, const char *name, struct fsck_task *out)
{
	const json_t *value = json_object_get(claims, name);
	const char *text = json_string_value(value), *colon;
	uint8_t raw[64];
	size_t n;

	if (value == NULL)
		return true;
	if (text == NULL)
		return false;
	if ((colon = strchr(text, ':')) != NULL)
		text = colon + 1;
	if (!fsck_unbase64(
		true, (struct span){(const uint8_t *)text, strlen(text)}, raw, sizeof(raw), &n) ||
	    n < 32)
		return false;
	fsck_task_hash(raw, out);
	return true;
}

static const char *
read_claims(const json_t *claims, struct fsck_task *out)
{
	const json_t *iss = json_object_get(claims, "iss"), *iat = json_object_get(claims, "iat"),
		     *act = json_object_get(claims, "exec_act");
	const char *jti = text_of(claims, "jti"), *wid = text_of(claims, "wid"), *bad;

	if (jti == NULL || !fsck_uuid(jti, out->jti))
		return "jti";
	if (json_object_get(claims, "wid") != NULL && (wid == NULL || !fsck_uuid(wid, out->wid)))
		return "wid";
	bad = fsck_task_iss(
	    (struct span){(const uint8_t *)json_string_value(iss), json_string_length(iss)}, out);
	if (bad != NULL)
		return bad;
	if (!json_is_integer(iat))
		return "iat";
	out->iat = json_integer_value(iat);
	if (!json_is_string(act))
		return "exec_act";
	fsck_task_act(
	    (struct span){(const uint8_t *)json_string_value(act), json_string_length(act)}, out);
	if (!read_preds(claims, out))
		return "pred";
	if (!read_hash(claims, "inp_hash", out))
		return "inp_hash";
	return read_hash(claims, "out_hash", out) ? NULL : "out_hash";
}

const char *
fsck_task_read(const struct fsck_form *form, struct fsck_task *out)
{
	struct span text = form->payload;
	uint8_t *payload = NULL;
	const char *bad = "its payload is no JSON object";
	json_t *claims;

	memset(out, 0, sizeof(*out));
	if (form->media == FSCK_COSE)
		return fsck_cose_claims(form->payload, out);
	if (form->media == FSCK_JWS) {
		payload = fsck_alloc(text.n + 1, 1);
		if (!fsck_unbase64(true, form->payload, payload, form->payload.n, &text.n))
			text.n = 0;
		text.p = payload;
	}
	claims = json_loadb(
	    (const char *)text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (json_is_object(claims))
		bad = read_claims(claims, out);
	json_decref(claims);
	free(payload);
	return bad;
}
