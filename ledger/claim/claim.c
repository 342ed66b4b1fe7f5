/*
 * claim.c - from whatever revision of the drafts and whatever media an agent speaks to one normal
 * form.
 *
 * One walk over the payload puts each known claim into its slot; then each slot is read by its own
 * rule.  What is not known is ignored, as the drafts ask (old tokens still carry sub, tid and the
 * like).  Both spellings of a claim (par and pred, ext and ect_ext) are one claim: two of them must
 * have the same bytes, for otherwise two readers of one signed token could see two different
 * graphs.
 *
 * Order of the rules: presence first (iss, jti, exec_act, iat, exp), then the fields in the order
 * of the table, so that the same token is always refused with the same words.  How a value is
 * spelled is known to claim_json.c and claim_cwt.c alone; that a rule holds for JSON and for CBOR
 * is not two rules.
 *
 * Nothing here knows the time, the keys or the log.
 */
#include "claim/claim.h"

#include <string.h>

#include "base/must.h"
#include "claim/claim_value.h"
#include "claim/issuer.h"
#include "claim/kind.h"

static enum rc
check_present(const struct claim_value slots[SLOT_COUNT], struct why *why)
{
	static const struct {
		enum claim_slot slot;
		const char *name;
	} required[] = {{SLOT_ISS, "iss"}, {SLOT_JTI, "jti"}, {SLOT_ACT, "exec_act"},
	    {SLOT_IAT, "iat"}, {SLOT_EXP, "exp"}};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!slots[required[i].slot].there)
			return why_set(why, RC_MISSING_CLAIM, "required claims", required[i].name,
			    0, "%s is missing", required[i].name);
	return RC_OK;
}

/* Text for people and for matching: 1 to 'max' bytes, no control characters. */
static bool
read_plain_text(
    const struct claim_reader *r, const struct claim_value *v, size_t max, struct bytes *out)
{
	if (!r->text(v, out) || out->n == 0 || out->n > max)
		return false;
	for (size_t i = 0; i < out->n; i++)
		if (out->p[i] < 0x20 || out->p[i] == 0x7f)
			return false;
	return true;
}

static enum rc
read_uuid(const struct claim_reader *r, const struct claim_value *v, const char *name,
    uint8_t out[UUID_SIZE], struct why *why)
{
	if (!r->id(v, out))
		return why_set(
		    why, RC_BAD_CLAIM, "RFC 9562 4 (UUID)", name, 0, "%s is not a UUID", name);
	return RC_OK;
}

static enum rc
read_time(const struct claim_reader *r, const struct claim_value *v, const char *name, int64_t *out,
    struct why *why)
{
	if (!r->time(v, out))
		return why_set(why, RC_BAD_CLAIM, "RFC 7519 2 (NumericDate, whole seconds)", name,
		    0, "%s is not a whole number of seconds", name);
	must(*out >= 0);
	return RC_OK;
}

/* Two spellings of one claim.  Gives the one that is there, or NULL. */
static enum rc
pick(const struct claim_reader *r, const struct claim_value *now, const struct claim_value *old,
    const char *name, const struct claim_value **out, struct why *why)
{
	if (now->there && old->there && !r->same(now, old))
		return why_set(why, RC_BAD_CLAIM, "one claim, one content", name, 0,
		    "both spellings of %s are there and differ", name);
	*out = now->there ? now : old;
	return RC_OK;
}

static enum rc
read_aud(const struct claim_reader *r, const struct claim_value *v, struct arena *arena,
    struct claim *out, struct why *why)
{
	static const char rule[] = "RFC 7519 4.1.3 (aud)";
	struct bytes *aud = NULL;
	struct claim_list l;

	if (!v->there)
		return RC_OK;
	r->list(v, &l);
	if (l.count == 0 || l.count > CLAIM_AUD_MAX)
		return why_set(
		    why, RC_BAD_CLAIM, rule, "aud", 0, "aud does not name 1 to %d", CLAIM_AUD_MAX);
	if ((aud = arena_alloc(arena, l.count * sizeof(*aud))) == NULL)
		return why_set(why, RC_NO_MEMORY, "arena", "aud", 0, "no room for aud");
	for (size_t n = 0; n < l.count; n++) {
		struct claim_value e = r->next(&l);

		if (!read_plain_text(r, &e, CLAIM_ISS_MAX, &aud[n]))
			return why_set(why, RC_BAD_CLAIM, rule, "aud", n,
			    "aud is neither a string nor an array of strings");
	}
	out->aud = aud;
	out->aud_count = l.count;
	return RC_OK;
}

static enum rc
read_pred(const struct claim_reader *r, const struct claim_value *v, struct arena *arena,
    struct claim *out, struct why *why)
{
	static const char rule[] = "ECT pred (predecessors)";
	uint8_t(*pred)[UUID_SIZE] = NULL;
	struct claim_list l;

	if (!v->there)
		return RC_OK;
	r->list(v, &l);
	if (!l.array)
		return why_set(why, RC_BAD_CLAIM, rule, "pred", 0, "pred is not an array");
	if (l.count > CLAIM_PRED_MAX)
		return why_set(why, RC_BAD_CLAIM, rule, "pred", 0, "more than %d predecessors",
		    CLAIM_PRED_MAX);
	if (l.count == 0)
		return RC_OK;
	if ((pred = arena_alloc(arena, l.count * sizeof(*pred))) == NULL)
		return why_set(why, RC_NO_MEMORY, "arena", "pred", 0, "no room for pred");
	for (size_t n = 0; n < l.count; n++) {
		struct claim_value e = r->next(&l);
		enum rc rc = read_uuid(r, &e, "pred", pred[n], why);

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
	out->pred = (const uint8_t(*)[UUID_SIZE])pred;
	out->pred_count = l.count;
	return RC_OK;
}

static enum rc
read_hash(const struct claim_reader *r, const struct claim_value *v, const char *name,
    struct claim_hash *out, struct why *why)
{
	if (!v->there || r->hash(v, out))
		return RC_OK;
	memset(out, 0, sizeof(*out));
	return why_set(why, RC_BAD_CLAIM, "ECT inp_hash, out_hash", name, 0, "%s is not %s", name,
	    r->hash_form);
}

/* Before 25 February 2026 these were claims of the core, optional but only as a pair. */
static enum rc
check_old_policy(const struct claim_reader *r, const struct claim_value *pol,
    const struct claim_value *decision, struct why *why)
{
	static const char rule[] = "ECT pol, pol_decision (a pair)";
	struct bytes text;

	if (!pol->there && !decision->there)
		return RC_OK;
	if (!pol->there || !decision->there)
		return why_set(why, RC_BAD_CLAIM, rule, !pol->there ? "pol" : "pol_decision", 0,
		    "pol and pol_decision come together or not at all");
	if (!r->text(pol, &text))
		return why_set(why, RC_BAD_CLAIM, rule, "pol", 0, "pol is not a string");
	if (!r->decision(decision))
		return why_set(
		    why, RC_BAD_CLAIM, rule, "pol_decision", 0, "pol_decision is not of its type");
	return RC_OK;
}

/* Who, which task, when. */
static enum rc
read_core(const struct claim_reader *r, const struct claim_value slots[SLOT_COUNT],
    struct claim *out, struct why *why)
{
	enum rc rc;

	if (!r->text(&slots[SLOT_ISS], &out->iss))
		return why_set(
		    why, RC_BAD_CLAIM, "RFC 7519 4.1.1 (iss)", "iss", 0, "iss is not a string");
	if ((rc = issuer_read(out->iss, &out->trust_domain, why)) != RC_OK)
		return rc;
	if ((rc = read_uuid(r, &slots[SLOT_JTI], "jti", out->jti, why)) != RC_OK)
		return rc;
	if (slots[SLOT_WID].there) {
		if ((rc = read_uuid(r, &slots[SLOT_WID], "wid", out->wid, why)) != RC_OK)
			return rc;
		out->has_wid = true;
	}
	if (!read_plain_text(r, &slots[SLOT_ACT], CLAIM_ACT_MAX, &out->act))
		return why_set(why, RC_BAD_CLAIM, "ECT exec_act", "exec_act", 0,
		    "exec_act is not a string of 1 to %d bytes without control characters",
		    CLAIM_ACT_MAX);
	if ((rc = read_time(r, &slots[SLOT_IAT], "iat", &out->iat, why)) != RC_OK)
		return rc;
	if ((rc = read_time(r, &slots[SLOT_EXP], "exp", &out->exp, why)) != RC_OK)
		return rc;
	if (out->exp <= out->iat)
		return why_set(
		    why, RC_BAD_CLAIM, "RFC 7519 4.1.4 (exp)", "exp", 0, "exp is not after iat");
	return RC_OK;
}

enum rc
claim_read(const struct token *token, struct arena *arena, struct claim *out, struct why *why)
{
	struct claim_value slots[SLOT_COUNT] = {{.there = false}};
	const struct claim_value *pred = NULL, *ext = NULL;
	const struct claim_reader *r;
	enum rc rc;

	must(token != NULL && arena != NULL && out != NULL);
	r = token->media == TOKEN_COSE ? &claim_reader_cwt : &claim_reader_json;
	memset(out, 0, sizeof(*out));
	r->fill(token, slots);
	if ((rc = check_present(slots, why)) != RC_OK)
		return rc;
	if ((rc = read_core(r, slots, out, why)) != RC_OK)
		return rc;
	if ((rc = read_aud(r, &slots[SLOT_AUD], arena, out, why)) != RC_OK)
		return rc;
	if ((rc = pick(r, &slots[SLOT_PRED], &slots[SLOT_PAR], "pred", &pred, why)) != RC_OK)
		return rc;
	if ((rc = read_pred(r, pred, arena, out, why)) != RC_OK)
		return rc;
	if ((rc = read_hash(r, &slots[SLOT_INP_HASH], "inp_hash", &out->inp_hash, why)) != RC_OK)
		return rc;
	if ((rc = read_hash(r, &slots[SLOT_OUT_HASH], "out_hash", &out->out_hash, why)) != RC_OK)
		return rc;
	if ((rc = pick(r, &slots[SLOT_ECT_EXT], &slots[SLOT_EXT], "ect_ext", &ext, why)) != RC_OK)
		return rc;
	if ((rc = r->ext(ext, &slots[SLOT_FURTHER], arena, out, why)) != RC_OK)
		return rc;
	rc = check_old_policy(r, &slots[SLOT_POL], &slots[SLOT_POL_DECISION], why);
	if (rc != RC_OK)
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
