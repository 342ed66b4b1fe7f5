/*
 * claim_json.c - claims of a JWS or an unsigned token: members of a JSON object.
 */
#include <string.h>

#include "base/must.h"
#include "claim/claim_value.h"

static const struct {
	const char *name;
	size_t size;
} slot_names[SLOT_COUNT] = {
#define NAME(slot, text) [slot] = {text, sizeof(text) - 1}
    NAME(SLOT_ISS, "iss"),
    NAME(SLOT_AUD, "aud"),
    NAME(SLOT_IAT, "iat"),
    NAME(SLOT_EXP, "exp"),
    NAME(SLOT_JTI, "jti"),
    NAME(SLOT_WID, "wid"),
    NAME(SLOT_ACT, "exec_act"),
    NAME(SLOT_PRED, "pred"),
    NAME(SLOT_PAR, "par"),
    NAME(SLOT_INP_HASH, "inp_hash"),
    NAME(SLOT_OUT_HASH, "out_hash"),
    NAME(SLOT_EXT, "ext"),
    NAME(SLOT_ECT_EXT, "ect_ext"),
    NAME(SLOT_POL, "pol"),
    NAME(SLOT_POL_DECISION, "pol_decision"),
#undef NAME
};

static const struct {
	const char *prefix;
	enum claim_hash_alg alg;
	uint8_t size;
} hash_forms[] = {
    {"sha-256:", CLAIM_SHA256, 32},
    {"sha-384:", CLAIM_SHA384, 48},
    {"sha-512:", CLAIM_SHA512, 64},
};

static struct claim_value
value_of(const struct json_node *node)
{
	return (struct claim_value){.there = true, .json = node};
}

static void
fill(const struct token *token, struct claim_value slots[SLOT_COUNT])
{
	must(token->claims != NULL && token->claims->type == JSN_OBJECT);
	for (const struct json_node *m = token->claims->child; m != NULL; m = m->next) {
		for (size_t i = 0; i < SLOT_COUNT; i++) {
			if (slot_names[i].name == NULL || m->name.n != slot_names[i].size ||
			    memcmp(m->name.p, slot_names[i].name, m->name.n) != 0)
				continue;
			must(!slots[i].there); /* the JSON reader refused duplicates */
			slots[i] = value_of(m);
			break;
		}
	}
}

static bool
same(const struct claim_value *a, const struct claim_value *b)
{
	return bytes_eq(a->json->raw, b->json->raw);
}

static bool
text(const struct claim_value *v, struct bytes *out)
{
	if (v->json->type != JSN_STRING)
		return false;
	*out = v->json->text;
	return true;
}

static bool
id(const struct claim_value *v, uint8_t out[UUID_SIZE])
{
	return v->json->type == JSN_STRING && uuid_parse(v->json->text, out);
}

/* No sign, fraction or exponent, below 2^53 (RFC 7493 2.2). */
static bool
read_time(const struct claim_value *v, int64_t *out)
{
	uint64_t seconds = 0;

	if (!json_uint(v->json, &seconds))
		return false;
	must(seconds <= (uint64_t)INT64_MAX);
	*out = (int64_t)seconds;
	return true;
}

/* Plain base64url SHA-256 (ect-00 and later) or "alg:" base64url (before; and stronger ones). */
static bool
hash(const struct claim_value *v, struct claim_hash *out)
{
	struct bytes form;
	size_t n = 0;

	if (!text(v, &form))
		return false;
	out->alg = CLAIM_SHA256;
	out->size = 32;
	for (size_t i = 0; i < sizeof(hash_forms) / sizeof(hash_forms[0]); i++) {
		size_t prefix = strlen(hash_forms[i].prefix);

		if (form.n < prefix || memcmp(form.p, hash_forms[i].prefix, prefix) != 0)
			continue;
		form = bytes_of(form.p + prefix, form.n - prefix);
		out->alg = hash_forms[i].alg;
		out->size = hash_forms[i].size;
		break;
	}
	return b64url_decode(form, out->b, sizeof(out->b), &n) && n == out->size;
}

static bool
decision(const struct claim_value *v)
{
	return v->json->type == JSN_STRING;
}

static void
list(const struct claim_value *v, struct claim_list *out)
{
	bool array = v->json->type == JSN_ARRAY;

	*out = (struct claim_list){.array = array,
	    .count = array ? v->json->count : 1,
	    .json = array ? v->json->child : v->json};
	out->left = out->count;
}

static struct claim_value
next(struct claim_list *l)
{
	const struct json_node *node = l->json;

	must(l->left > 0 && node != NULL);
	l->left--;
	l->json = node->next;
	return value_of(node);
}

/* The text as received is the extension: nothing is written anew. */
static enum rc
ext(const struct claim_value *v, const struct claim_value *further, struct arena *arena,
    struct claim *out, struct why *why)
{
	(void)further, (void)arena;
	if (!v->there)
		return RC_OK;
	if (v->json->type != JSN_OBJECT)
		return why_set(why, RC_BAD_CLAIM, CLAIM_EXT_RULE, "ect_ext", 0,
		    "the extension is not an object");
	if (v->json->raw.n > CLAIM_EXT_SIZE_MAX)
		return why_set(why, RC_BAD_CLAIM, CLAIM_EXT_RULE, "ect_ext", 0,
		    "the extension has %zu bytes, more than %d", v->json->raw.n,
		    CLAIM_EXT_SIZE_MAX);
	if (json_depth(v->json) > CLAIM_EXT_DEPTH_MAX)
		return why_set(why, RC_BAD_CLAIM, CLAIM_EXT_RULE, "ect_ext", 0,
		    "the extension is nested deeper than %d levels", CLAIM_EXT_DEPTH_MAX);
	out->ext = v->json->raw;
	out->ext_json = v->json;
	return RC_OK;
}

const struct claim_reader claim_reader_json = {
    .hash_form =
	"base64url SHA-256, nor sha-256:, sha-384: or sha-512: with base64url of its length",
    .fill = fill,
    .same = same,
    .text = text,
    .id = id,
    .time = read_time,
    .hash = hash,
    .decision = decision,
    .list = list,
    .next = next,
    .ext = ext,
};
