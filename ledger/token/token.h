/*
 * token.h - token bytes -> parsed views.  Decides nothing about trust or time; only about form.
 *
 * One file per media (jws.c now; cose.c and plain.c join the same table, token_parsers[], later).
 * RFC 7515 3.1 compact serialisation, strict: exactly two dots, canonical base64url, header members
 * from an allow-list (alg, typ, kid), no crit, no jwk/jku/x5u, no b64.  Views point into the
 * caller's bytes or the arena.
 */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/rc.h"

#define TOKEN_SIZE_MAX	 64000
#define TOKEN_HEADER_MAX 1024 /* decoded header JSON */
#define TOKEN_KID_MAX	 128
#define TOKEN_DEPTH_MAX	 8
#define TOKEN_NODES_MAX                                                                            \
	4096 /* JSON values in a payload: bounds the arena a small token can ask for */

enum token_media { TOKEN_JWS = 1, TOKEN_COSE = 2, TOKEN_PLAIN = 3 };
enum token_alg { TOKEN_ES256 = 1, TOKEN_ES384 = 2, TOKEN_EDDSA = 3 }; /* "EdDSA" and "Ed25519" */
enum token_level { LEVEL_1 = 1, LEVEL_2 = 2, LEVEL_3 = 3 };

struct token {
	enum token_media media;
	enum token_level
	    level;	  /* as measured on the form: a signed token is L2 until it is in the log */
	struct bytes raw; /* everything, as received */
	struct bytes signing_input; /* the signed bytes: the token's identity */
	enum token_alg alg;
	bool old_typ;	  /* wimse-exec+jwt */
	struct bytes kid; /* empty when absent */
	uint8_t signature[96];
	size_t signature_size;		/* 64 or 96, checked against alg */
	struct bytes payload;		/* decoded payload bytes */
	const struct json_node *claims; /* JWS: the payload as JSON */
};

/* Parse 'raw' of any known media.  Borrows raw for the token's life.
 * RC_BAD_TOKEN, RC_BAD_TYP, RC_BAD_ALG, RC_BAD_HEADER, RC_BAD_SIGNATURE (wrong length),
 * RC_TOO_LARGE, RC_NO_MEMORY. COSE and plain JSON are recognised and refused (RC_BAD_TOKEN) in this
 * version. */
enum rc token_parse(struct bytes raw, struct arena *arena, struct token *out, struct why *why);

/* As far as it can be read without trust: the jti and wid texts of a token that may be bad, for the
 * answer's sake. */
void token_peek_ids(struct bytes raw, struct arena *arena, struct bytes *jti, struct bytes *wid);

const char *token_alg_name(enum token_alg alg);	  /* "ES256", "ES384", "EdDSA" */
const char *token_media_name(enum token_media m); /* "jws", "cose", "json" */
const char *token_level_name(enum token_level l); /* "L1" ... */

#endif
