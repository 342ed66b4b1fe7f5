/*
 * jws.h - RFC 7515 compact serialisation, strict; what is accepted comes in as a profile.
 *
 * Private to token/ and its tests: everybody else calls token_parse(), which uses the ECT profile.
 */
#ifndef TOKEN_JWS_H
#define TOKEN_JWS_H

#include "token/token.h"

struct jws_profile {
	const char *const *typs; /* accepted typ values, compared byte for byte; ended by NULL */
	bool typ_required;	 /* an absent typ is RC_BAD_TYP */
	const char *typ_old;	 /* the accepted value that sets token.old_typ, or NULL */
	bool opaque;		 /* the payload may be any bytes; token.claims is then NULL */
	bool chain;		 /* x5c or x5t#S256 may name the signer; else they are refused */
};

extern const struct jws_profile jws_profile_ect; /* exec+jwt, wimse-exec+jwt; typ required; chain */

/*
 * Parse.  The checks come in this order, and the first breach is the answer:
 *   1. size                                       RC_TOO_LARGE
 *   2. two dots, three canonical base64url parts  RC_BAD_TOKEN (decoded header over its limit:
 *                                                 RC_TOO_LARGE)
 *   3. the header is one strict JSON object       RC_BAD_HEADER, or RC_TOO_LARGE over the limit of
 *                                                 a header without x5c
 *   4. alg                                        RC_BAD_ALG
 *   5. typ                                        RC_BAD_TYP
 *   6. members outside alg, typ, kid (and x5c, x5t#S256 with 'chain'); then kid; then x5c and
 *      x5t#S256, of which one at most           RC_BAD_HEADER, naming the member
 *   7. signature length under alg                 RC_BAD_SIGNATURE
 *   8. the payload is one strict JSON object      RC_BAD_TOKEN, or RC_TOO_LARGE over a JSON limit
 * RC_NO_MEMORY anywhere.  'out' is only meaningful after RC_OK.
 */
enum rc jws_parse(struct bytes raw, const struct jws_profile *profile, struct arena *arena,
    struct token *out, struct why *why);

/* The payload text between the dots, without judging anything else.  False: fewer than two dots. */
bool jws_payload_text(struct bytes raw, struct bytes *text);

#endif
