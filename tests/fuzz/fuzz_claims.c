/*
 * fuzz_claims.c - payload JSON to claims.
 *
 * Properties of what is accepted: ids survive the way through their text; predecessors are
 * distinct, not the task itself and within the limit; times are in order; the extension is within
 * its limits and lies inside the payload; the trust domain lies inside iss.  What is refused names
 * its rule.  Kinds and times judge it without a breach.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "claim/claim.h"
#include "claim/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
breach_unless(bool holds)
{
	if (!holds)
		abort();
}

static bool
lies_inside(struct bytes part, struct bytes whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void
check_id(const uint8_t id[UUID_SIZE])
{
	char text[UUID_TEXT_SIZE];
	uint8_t again[UUID_SIZE];

	uuid_text(id, text);
	breach_unless(uuid_parse(bytes_str(text), again));
	breach_unless(memcmp(id, again, UUID_SIZE) == 0);
}

static void
check_pred(const struct claim *c)
{
	breach_unless(c->pred_count <= CLAIM_PRED_MAX);
	for (size_t i = 0; i < c->pred_count; i++) {
		check_id(c->pred[i]);
		breach_unless(memcmp(c->pred[i], c->jti, UUID_SIZE) != 0);
		for (size_t j = 0; j < i; j++)
			breach_unless(memcmp(c->pred[i], c->pred[j], UUID_SIZE) != 0);
	}
}

static void
check_claim(const struct claim *c, struct bytes payload)
{
	struct claim_times times = {.now_ms = 1800000000000, .age_max_s = CLAIM_AGE_MAX_S};
	enum rc rc;

	check_id(c->jti);
	if (c->has_wid)
		check_id(c->wid);
	check_pred(c);
	breach_unless(c->iat >= 0 && c->exp > c->iat && c->exp < ((int64_t)1 << 53));
	breach_unless(c->iss.n >= 3 && c->iss.n <= CLAIM_ISS_MAX);
	breach_unless(c->act.n >= 1 && c->act.n <= CLAIM_ACT_MAX);
	breach_unless(c->aud_count <= CLAIM_AUD_MAX);
	breach_unless(lies_inside(c->trust_domain, c->iss));
	breach_unless(c->ext.n <= CLAIM_EXT_SIZE_MAX && lies_inside(c->ext, payload));
	breach_unless((c->ext.n == 0) == (c->ext_json == NULL));
	if (c->ext_json != NULL)
		breach_unless(json_depth(c->ext_json) <= CLAIM_EXT_DEPTH_MAX);
	breach_unless(c->kind == kind_of(c->act));
	rc = kind_check(c->kind,
	    &(struct kind_task){.pred = c->pred, .pred_count = c->pred_count, .ext = c->ext_json},
	    NULL);
	breach_unless(rc == RC_OK || rc == RC_BAD_KIND);
	rc = claim_check_times(c, &times, NULL);
	breach_unless(rc == RC_OK || rc == RC_EXPIRED || rc == RC_NOT_YET_VALID);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_limits limits = {TOKEN_SIZE_MAX, TOKEN_DEPTH_MAX, TOKEN_NODES_MAX};
	struct token token = {.media = TOKEN_JWS, .level = LEVEL_2};
	struct json_node *root = NULL;
	struct arena arena;
	struct claim claim;
	struct why why = {0};
	enum rc rc;

	arena_init(&arena, 4 << 20);
	token.payload = bytes_of(data, size);
	if (json_parse(token.payload, &limits, true, &arena, &root, NULL) == RC_OK) {
		token.claims = root;
		rc = claim_read(&token, &arena, &claim, &why);
		if (rc == RC_OK) {
			check_claim(&claim, token.payload);
		} else {
			breach_unless(rc == RC_BAD_CLAIM || rc == RC_MISSING_CLAIM);
			breach_unless(why.rule != NULL && why.claim != NULL && why.text[0] != '\0');
		}
	}
	arena_release(&arena);
	return 0;
}
