/*
 * claim_value.h - one claim's value as it stands in the payload, JSON or CBOR, and how it is read.
 *
 * The rules of claim.c are written once, against these readers, so that no media is judged more
 * kindly than another.  A reader says what a value is; whether that is acceptable is for the rules.
 * Private to claim/.
 */
#ifndef CLAIM_CLAIM_VALUE_H
#define CLAIM_CLAIM_VALUE_H

#include "base/scbor.h"
#include "claim/claim.h"

enum claim_slot {
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
	SLOT_FURTHER, /* COSE: the keys from 309 on, which belong to the extension */
	SLOT_COUNT
};

struct claim_value {
	bool there;
	const struct json_node *json; /* JWS, L1 */
	struct bytes cbor;	      /* COSE: the encoded item; SLOT_FURTHER: keys and values */
	size_t pairs;		      /* SLOT_FURTHER */
};

/* A value that is an array or stands alone, element by element. */
struct claim_list {
	bool array;
	size_t count, left;
	const struct json_node *json;
	struct scbor cbor;
};

struct claim_reader {
	const char *hash_form; /* what a hash has to look like, for the refusal */
	void (*fill)(const struct token *token, struct claim_value slots[SLOT_COUNT]);
	bool (*same)(const struct claim_value *a, const struct claim_value *b);
	bool (*text)(const struct claim_value *v, struct bytes *out);
	bool (*id)(const struct claim_value *v, uint8_t out[UUID_SIZE]); /* not all zero */
	bool (*time)(const struct claim_value *v, int64_t *out); /* 0 to 2^53-1, whole seconds */
	bool (*hash)(const struct claim_value *v, struct claim_hash *out);
	bool (*decision)(const struct claim_value *v); /* a pol_decision of the right type */
	void (*list)(const struct claim_value *v, struct claim_list *out);
	struct claim_value (*next)(struct claim_list *l); /* at most l->count times */
	/* The extension with all its limits, into out->ext and out->ext_json. */
	enum rc (*ext)(const struct claim_value *ext, const struct claim_value *further,
	    struct arena *arena, struct claim *out, struct why *why);
};

extern const struct claim_reader claim_reader_json, claim_reader_cwt;

/* claim_ext.c: a CBOR extension as JSON text.  Both may be absent. */
enum rc claim_ext_cwt(const struct claim_value *ext, const struct claim_value *further,
    struct arena *arena, struct claim *out, struct why *why);

#define CLAIM_EXT_RULE "ECT ect_ext (4096 bytes, 5 levels)"

#endif
