/*
 * claim.h - parsed token -> claims: one normal form for both draft revisions and every media.
 *
 * draft-nennemann-wimse-ect -00 and -01: par|pred, ext|ect_ext, "sha-256:" prefixed or plain
 * hashes, old policy claims.  Both spellings of one claim are accepted only with equal content
 * (same bytes); else RC_BAD_CLAIM.
 *
 * COSE tokens carry the claim keys of the CBOR companion (claim_cwt.c); their ids are the same 16
 * bytes, so that a task of one media may follow a task of another.
 */
#ifndef CLAIM_CLAIM_H
#define CLAIM_CLAIM_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/rc.h"
#include "base/text.h"
#include "token/token.h"

#define CLAIM_PRED_MAX      100
#define CLAIM_EXT_SIZE_MAX  4096 /* as received */
#define CLAIM_EXT_TEXT_MAX  (6 * CLAIM_EXT_SIZE_MAX + 2)
#define CLAIM_EXT_DEPTH_MAX 5    /* the object itself counts as 1 */
#define CLAIM_ISS_MAX       2048
#define CLAIM_ACT_MAX       256
#define CLAIM_AUD_MAX       32
#define CLAIM_SKEW_S        30
#define CLAIM_AGE_MAX_S     900

enum claim_hash_alg { CLAIM_HASH_NONE = 0, CLAIM_SHA256 = 1, CLAIM_SHA384 = 2, CLAIM_SHA512 = 3 };

struct claim_hash {
	enum claim_hash_alg alg;
	uint8_t size; /* 32, 48, 64 */
	uint8_t b[64];
};

struct kind; /* kind.h */

struct claim {
	struct bytes iss;          /* a URI; for spiffe:// in canonical form */
	/* view into iss: authority of spiffe:// and wimse://, host of https://; empty otherwise */
	struct bytes trust_domain;
	uint8_t jti[UUID_SIZE];
	bool has_wid;
	uint8_t wid[UUID_SIZE];    /* zero when absent */
	struct bytes act;          /* exec_act */
	int64_t iat, exp;          /* seconds */
	const uint8_t (*pred)[UUID_SIZE];
	size_t pred_count;
	const struct bytes *aud;
	size_t aud_count;
	struct claim_hash inp_hash, out_hash;
	/* JSON text of the extension object, empty: none.  JWS and L1: as received.  COSE: made from
	 * the CBOR (claim_ext.c), at most CLAIM_EXT_TEXT_MAX bytes of it */
	struct bytes ext;
	const struct json_node *ext_json;
	const struct kind *kind;   /* never NULL: at least the plain task */
};

/* Judge the fields alone (no clock, no store).  Checks iss, jti, wid, exec_act, pred (no self, no
 * duplicate), aud, iat < exp, hashes, extension limits.  The node kind is recognised by the built-in
 * table, not judged: the sequencer does that, under the policy document in force.  An absent pred is read as [], an
 * absent aud as none.  RC_MISSING_CLAIM, RC_BAD_CLAIM, RC_NO_MEMORY. Views in 'out' live as long as
 * the token's arena and 'arena'. */
enum rc claim_read(const struct token *token, struct arena *arena, struct claim *out, struct why *why);

/* Judge the times.  'now_ms' is the receive time.  Deferred logs: age_max_s is the log's own, exp
 * must merely be after iat. */
struct claim_times {
	int64_t now_ms;
	int64_t age_max_s;
	bool deferred;
};
/* Whole seconds.  iat <= now + CLAIM_SKEW_S, now - iat <= age_max_s, and unless deferred now < exp.
 * RC_EXPIRED, RC_NOT_YET_VALID. */
enum rc claim_check_times(const struct claim *claim, const struct claim_times *times, struct why *why);

#endif
