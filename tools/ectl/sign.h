/*
 * sign.h - what the writers of tokens share.  Private to sign.c and sign_cose.c.
 */
#ifndef ECTL_SIGN_H
#define ECTL_SIGN_H

#include "base/text.h"
#include "ectl.h"

#define SIGN_TOKEN_MAX 64000 /* the ledger's own limit; token/token.h cannot meet jansson.h */
#define SIGN_X5T_SIZE  32

/* A token_spec's defaults, worked out. */
struct sign_facts {
	const char *iss, *jti;
	int64_t iat, exp;
	const char *const *aud;
	size_t aud_count;
	char jti_room[UUID_TEXT_SIZE];
};

/* COSE_Sign1 into 'out'; NULL, or what is wrong.  The extension is known to be one JSON object. */
const char *sign_cose(const struct private_key *k, const struct token_spec *spec,
    const struct sign_facts *facts, struct buf *out);

#endif
