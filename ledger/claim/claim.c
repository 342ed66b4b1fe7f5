/*
 * claim.c - from whatever revision of the drafts an agent speaks to one normal form.
 *
 * One walk over the payload's members puts each known claim into its slot; then each slot is read
 * by its own rule.  What is not known is ignored, as the drafts ask (old tokens still carry sub,
 * tid and the like).  Both spellings of a claim (par and pred, ext and ect_ext) are one claim: two
 * of them must have the same text, for otherwise two readers of one signed token could see two
 * different graphs.
 *
 * Order of the rules: presence first (iss, jti, exec_act, iat, exp), then the fields in the order
 * of the table, so that the same token is always refused with the same words.
 *
 * Nothing here knows the time, the keys or the log.
 */
#include "claim/claim.h"

#include <string.h>

#include "base/must.h"
#include "claim/issuer.h"
#include "claim/kind.h"

enum slot {
	SLOT_ISS,
	SLOT_AUD,
	SLOT_IAT,
	SLOT_EXP,
	SLOT_JTI,
	SLOT_WID,
	SLOT_ACT,
	SLOT_PRED,
	SLOT_PAR,
	SLOT_INP_HASH,
	SLOT_OUT_HASH,
	SLOT_EXT,
	SLOT_ECT_EXT,
	SLOT_POL,
	SLOT_POL_DECISION,
	SLOT_COUNT
};

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

static void
fill_slots(const struct json_node *root, const struct json_node *slots[SLOT_COUNT])
{
	for (const struct json_node *m = root->child; m != NULL; m = m->next) {
		for (size_t i = 0; i < SLOT_COUNT; i++) {
			if (m->name.n == slot_names[i].size &&
			    memcmp(m->name.p, slot_names[i].name, m->name.n) == 0) {
				must(slots[i] == NULL); /* the JSON reader refused duplicates */
				slots[i] = m;
				break;
			}
		}
	}
}

static enum rc
check_present(const struct json_node *const slots[SLOT_COUNT], struct why *why)
{
	static const enum slot required[] = {SLOT_ISS, SLOT_JTI, SLOT_ACT, SLOT_IAT, SLOT_EXP};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		const char *name = slot_names[required[i]].name;

		if (slots[required[i]] == NULL)
			return why_set(why, RC_MISSING_CLAIM, "required claims", name, 0,
			    "%s is missing", name);
	}
	return RC_OK;
}

/* Text for people and for matching: 1 to 'max' bytes, no control characters. */
static bool
is_plain_text(const struct json_node *node, size_t max)
{
	if (node->type != JSN_STRING || node->text.n == 0 || node->text.n > max)
		return false;
	for (size_t i = 0; i < node->text.n; i++)
		if (node->text.p[i] < 0x20 || node->text.p[i] == 0x7f)
			return false;
	return true;
}

static enum rc
read_uuid(const struct json_node *node, const char *name, uint8_t out[UUID_SIZE], struct why *why)
{
	if (node->type != JSN_STRING || !uuid_parse(node->text, out))
		return why_set(
		    why, RC_BAD_CLAIM, "RFC 9562 4 (UUID text)", name, 0, "%s is not a UUID", name);
	return RC_OK;
}

/* RFC 7519 2 NumericDate, whole seconds only: no sign, fraction or exponent, below 2^53 (RFC
 * 7493 2.2). */
static enum rc
read_time(const struct json_node *node, const char *name, int64_t *out, struct why *why)
{
	uint64_t v = 0;

	if (!json_uint(node, &v))
		return why_set(why, RC_BAD_CLAIM, "RFC 7519 2 (NumericDate, whole seconds)", name,
		    0, "%s is not a whole number of seconds", name);
	must(v <= (uint64_t)INT64_MAX);
	*out = (int64_t)v;
	return RC_OK;
}

/* Two spellings of one claim.  Gives the one that is there, or NULL. */
static enum rc
pick(const struct json_node *now, const struct json_node *old, const char *name,
    const struct json_node **out, struct why *why)
{
	if (now != NULL && old != NULL && !bytes_eq(now->raw, old->raw))
		return why_set(why, RC_BAD_CLAIM, "one claim, one content", name, 0,
		    "both spellings of %s are there and differ", name);
	*out = now != NULL ? now : old;
	return RC_OK;
}

static enum rc
read_aud(const struct json_node *node, struct arena *arena, struct claim *out, struct why *why)
{
	static const char rule[] = "RFC 7519 4.1.3 (aud)";
	const struct json_node *first = node;
	struct bytes *aud = NULL;
	size_t count = 1, n = 0;

	if (node == NULL)
		return RC_OK;
	if (node->type == JSN_ARRAY) {
		first = node->child;
		count = node->count;
	}
	if (count == 0 || count > CLAIM_AUD_MAX)
		return why_set(
		    why, RC_BAD_CLAIM, rule, "aud", 0, "aud does not name 1 to %d", CLAIM_AUD_MAX);
	if ((aud = arena_alloc(arena, count * sizeof(*aud))) == NULL)
		return why_set(why, RC_NO_MEMORY, "arena", "aud", 0, "no room for aud");
	for (const struct json_node *e = first; n < count; e = e->next, n++) {
		if (!is_plain_text(e, CLAIM_ISS_MAX))
			return why_set(why, RC_BAD_CLAIM, rule, "aud", n,
			    "aud is neither a string nor an array of strings");
		aud[n] = e->text;
	}
	out->aud = aud;
	out->aud_count = count;
	return RC_OK;
}

static enum rc
read_pred(const struct json_node *node, struct arena *arena, struct claim *out, struct why *why)
{
	static const char rule[] = "ECT pred (predecessors)";
	uint8_t(*pred)[UUID_SIZE] = NULL;
	size_t n = 0;

	if (node == NULL)
		return RC_OK;
	if (node->type != JSN_ARRAY)
		return why_set(why, RC_BAD_CLAIM, rule, "pred", 0, "pred is not an array");
	if (node->count > CLAIM_PRED_MAX)
		return why_set(why, RC_BAD_CLAIM, rule, "pred", 0, "more than %d predecessors",
		    CLAIM_PRED_MAX);
	if (node->count == 0)
		return RC_OK;
	if ((pred = arena_alloc(arena, node->count * sizeof(*pred))) == NULL)
		return why_set(why, RC_NO_MEMORY, "arena", "pred", 0, "no room for pred");
	for (const struct json_node *e = node->child; e != NULL; e = e->next, n++) {
		enum rc rc = read_uuid(e, "pred", pred[n], why);

		if (rc != RC_OK)
			return rc;
		if (memcmp(pred[n], out->jti, UUID_SIZE) == 0)
			return why_set(why, RC_BAD_CLAIM, rule, "pred", n,
			    "a task cannot be its own predecessor");
		for (size_t i = 0; i < n; i++)
			if (memcmp(pred[i], pred[n], UUID_SIZE) == 0)
				return why_set(why, RC_BAD_CLAIM, rule, "pred", n,
				    "a predecessor is named twice");
	}
	must(n == node->count);
	out->pred = (const uint8_t(*)[UUID_SIZE])pred;
	out->pred_count = n;
	return RC_OK;
}

/* Plain base64url SHA-256 (ect-00 and later) or "alg:" base64url (before; and stronger ones). */
static enum rc
read_hash(const struct json_node *node, const char *name, struct claim_hash *out, struct why *why)
{
	struct bytes text;
	size_t n = 0;

	if (node == NULL)
		return RC_OK;
	if (node->type != JSN_STRING)
		goto bad;
	text = node->text;
	out->alg = CLAIM_SHA256;
	out->size = 32;
	for (size_t i = 0; i < sizeof(hash_forms) / sizeof(hash_forms[0]); i++) {
		size_t prefix = strlen(hash_forms[i].prefix);

		if (text.n < prefix || memcmp(text.p, hash_forms[i].prefix, prefix) != 0)
			continue;
		text = bytes_of(text.p + prefix, text.n - prefix);
		out->alg = hash_forms[i].alg;
		out->size = hash_forms[i].size;
		break;
	}
	if (b64url_decode(text, out->b, sizeof(out->b), &n) && n == out->size)
		return RC_OK;
bad:
	memset(out, 0, sizeof(*out));
	return why_set(why, RC_BAD_CLAIM, "ECT inp_hash, out_hash", name, 0,
	    "%s is not base64url SHA-256, nor sha-256:, sha-384: or sha-512: with its length",
	    name);
}

static enum rc
read_ext(const struct json_node *node, struct claim *out, struct why *why)
{
	static const char rule[] = "ECT ect_ext (4096 bytes, 5 levels)";

	if (node == NULL)
		return RC_OK;
	if (node->type != JSN_OBJECT)
		return why_set(
		    why, RC_BAD_CLAIM, rule, "ect_ext", 0, "the extension is not an object");
	if (node->raw.n > CLAIM_EXT_SIZE_MAX)
		return why_set(why, RC_BAD_CLAIM, rule, "ect_ext", 0,
		    "the extension has %zu bytes, more than %d", node->raw.n, CLAIM_EXT_SIZE_MAX);
	if (json_depth(node) > CLAIM_EXT_DEPTH_MAX)
		return why_set(why, RC_BAD_CLAIM, rule, "ect_ext", 0,
		    "the extension is nested deeper than %d levels", CLAIM_EXT_DEPTH_MAX);
	out->ext = node->raw;
	out->ext_json = node;
	return RC_OK;
}

/* Before 25 February 2026 these were claims of the core, optional but only as a pair. */
static enum rc
check_old_policy(const struct json_node *pol, const struct json_node *decision, struct why *why)
{
	static const char rule[] = "ECT pol, pol_decision (a pair)";

	if (pol == NULL && decision == NULL)
		return RC_OK;
	if (pol == NULL || decision == NULL)
		return why_set(why, RC_BAD_CLAIM, rule, pol == NULL ? "pol" : "pol_decision", 0,
		    "pol and pol_decision come together or not at all");
	if (pol->type != JSN_STRING || decision->type != JSN_STRING)
		return why_set(why, RC_BAD_CLAIM, rule,
		    pol->type != JSN_STRING ? "pol" : "pol_decision", 0,
		    "pol and pol_decision are strings");
	return RC_OK;
}

/* Who, which task, when. */
static enum rc
read_core(const struct json_node *const slots[SLOT_COUNT], struct claim *out, struct why *why)
{
	enum rc rc;

	if (slots[SLOT_ISS]->type != JSN_STRING)
		return why_set(
		    why, RC_BAD_CLAIM, "RFC 7519 4.1.1 (iss)", "iss", 0, "iss is not a string");
	out->iss = slots[SLOT_ISS]->text;
	if ((rc = issuer_read(out->iss, &out->trust_domain, why)) != RC_OK)
		return rc;
	if ((rc = read_uuid(slots[SLOT_JTI], "jti", out->jti, why)) != RC_OK)
		return rc;
	if (slots[SLOT_WID] != NULL) {
		if ((rc = read_uuid(slots[SLOT_WID], "wid", out->wid, why)) != RC_OK)
			return rc;
		out->has_wid = true;
	}
	if (!is_plain_text(slots[SLOT_ACT], CLAIM_ACT_MAX))
		return why_set(why, RC_BAD_CLAIM, "ECT exec_act", "exec_act", 0,
		    "exec_act is not a string of 1 to %d bytes without control characters",
		    CLAIM_ACT_MAX);
	out->act = slots[SLOT_ACT]->text;
	if ((rc = read_time(slots[SLOT_IAT], "iat", &out->iat, why)) != RC_OK)
		return rc;
	if ((rc = read_time(slots[SLOT_EXP], "exp", &out->exp, why)) != RC_OK)
		return rc;
	if (out->exp <= out->iat)
		return why_set(
		    why, RC_BAD_CLAIM, "RFC 7519 4.1.4 (exp)", "exp", 0, "exp is not after iat");
	return RC_OK;
}

enum rc
claim_read(const struct token *token, struct arena *arena, struct claim *out, struct why *why)
{
	const struct json_node *slots[SLOT_COUNT] = {NULL}, *pred = NULL, *ext = NULL;
	enum rc rc;

	must(token != NULL && arena != NULL && out != NULL);
	if (token->media == TOKEN_COSE)
		return why_set(why, RC_BAD_TOKEN, "token media", NULL, 0,
		    "the claims of COSE tokens are not read by this version");
	must(token->claims != NULL && token->claims->type == JSN_OBJECT);
	memset(out, 0, sizeof(*out));
	fill_slots(token->claims, slots);
	if ((rc = check_present(slots, why)) != RC_OK)
		return rc;
	if ((rc = read_core(slots, out, why)) != RC_OK)
		return rc;
	if ((rc = read_aud(slots[SLOT_AUD], arena, out, why)) != RC_OK)
		return rc;
	if ((rc = pick(slots[SLOT_PRED], slots[SLOT_PAR], "pred", &pred, why)) != RC_OK)
		return rc;
	if ((rc = read_pred(pred, arena, out, why)) != RC_OK)
		return rc;
	if ((rc = read_hash(slots[SLOT_INP_HASH], "inp_hash", &out->inp_hash, why)) != RC_OK)
		return rc;
	if ((rc = read_hash(slots[SLOT_OUT_HASH], "out_hash", &out->out_hash, why)) != RC_OK)
		return rc;
	if ((rc = pick(slots[SLOT_ECT_EXT], slots[SLOT_EXT], "ect_ext", &ext, why)) != RC_OK)
		return rc;
	if ((rc = read_ext(ext, out, why)) != RC_OK)
		return rc;
	if ((rc = check_old_policy(slots[SLOT_POL], slots[SLOT_POL_DECISION], why)) != RC_OK)
		return rc;
	out->kind = kind_of(out->act);
	must(out->kind != NULL && out->pred_count <= CLAIM_PRED_MAX);
	return RC_OK;
}

enum rc
claim_check_times(const struct claim *claim, const struct claim_times *times, struct why *why)
{
	int64_t now = times->now_ms / 1000;

	must(times->now_ms >= 0 && times->age_max_s >= 0);
	must(claim->exp > claim->iat && claim->iat >= 0);
	if (claim->iat > now + CLAIM_SKEW_S)
		return why_set(why, RC_NOT_YET_VALID, "iat at most 30 s ahead", "iat", 0,
		    "issued %lld s in the future", (long long)(claim->iat - now));
	if (now - claim->iat > times->age_max_s)
		return why_set(why, RC_EXPIRED, "age limit of the log", "iat", 0,
		    "issued %lld s ago, at most %lld are allowed", (long long)(now - claim->iat),
		    (long long)times->age_max_s);
	if (!times->deferred && claim->exp <= now)
		return why_set(why, RC_EXPIRED, "RFC 7519 4.1.4 (exp)", "exp", 0,
		    "expired %lld s ago", (long long)(now - claim->exp));
	return RC_OK;
}
