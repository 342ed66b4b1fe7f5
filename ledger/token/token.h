/*
 * token.h - token bytes -> parsed views.  Decides nothing about trust or time; only about form.
 *
 * One file per media, in one table, token_parsers[]:
 *   jws.c    RFC 7515 3.1 compact serialisation, strict: exactly two dots, canonical base64url, header
 *            members from an allow-list (alg, typ, kid, x5c, x5t#S256), no crit, no jwk/jku/x5u, no b64
 *   cose.c   RFC 9052 COSE_Sign1 in one accepted encoding: tag 18, protected map with alg, empty
 *            unprotected map, payload a map, deterministic throughout (RFC 8949 4.2.1), no trailing byte
 *   plain.c  L1: one strict JSON object, unsigned; its bytes are its identity
 * Views point into the caller's bytes or the arena.
 */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/rc.h"

#define TOKEN_SIZE_MAX	 64000
#define TOKEN_HEADER_MAX 1024 /* decoded header JSON */
#define TOKEN_HEADER_CHAIN_MAX 12288 /* the same, where it carries x5c */
#define TOKEN_X5C_MAX	 4    /* certificates in x5c, x5chain */
#define TOKEN_CERT_MAX	 4096 /* bytes of one certificate, DER */
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
	bool old_typ;	  /* wimse-exec+jwt, wimse-exec+cwt */
	struct bytes kid; /* empty when absent */
	uint8_t signature[96];
	size_t signature_size;		/* 64 or 96, checked against alg; 0: L1 */
	const struct bytes *x5c;	/* the signer's certificates, DER, leaf first */
	size_t x5c_count;		/* 0: none */
	bool has_x5t;
	uint8_t x5t[32];		/* SHA-256 of the leaf's DER */
	struct bytes payload;		/* decoded payload bytes; COSE: one strict CBOR map */
	const struct json_node *claims; /* JWS and L1: the payload as JSON; COSE: NULL */
};

/* Parse 'raw' of any known media.  Borrows raw for the token's life.
 * RC_BAD_TOKEN, RC_BAD_TYP, RC_BAD_ALG, RC_BAD_HEADER, RC_BAD_SIGNATURE (wrong length),
 * RC_TOO_LARGE, RC_NO_MEMORY.  alg and signature of an L1 token are 0. */
enum rc token_parse(struct bytes raw, struct arena *arena, struct token *out, struct why *why);

/* As far as it can be read without trust: the jti and wid texts of a token that may be bad, for the
 * answer's sake. */
void token_peek_ids(struct bytes raw, struct arena *arena, struct bytes *jti, struct bytes *wid);

const char *token_alg_name(enum token_alg alg);	  /* "ES256", "ES384", "EdDSA" */
const char *token_media_name(enum token_media m); /* "jws", "cose", "json" */
const char *token_level_name(enum token_level l); /* "L1" ... */

#endif
