/*
 * cose.h - RFC 9052 COSE_Sign1 in one accepted encoding.
 *
 * Private to token/ and its tests: everybody else calls token_parse().
 */
#ifndef TOKEN_COSE_H
#define TOKEN_COSE_H

#include "token/token.h"

/*
 * Parse.  The checks come in this order, and the first breach is the answer:
 *   1. size                                         RC_TOO_LARGE
 *   2. tag 18 and nothing before it; an array of four: byte string, map, byte string, byte string;
 *      nothing behind it                            RC_BAD_TOKEN
 *   3. the unprotected map is empty                 RC_BAD_HEADER, naming alg and kid
 *   4. the protected map: strict, labels ascending  RC_BAD_HEADER, or RC_TOO_LARGE over the limit
 *   5. alg (1)                                      RC_BAD_ALG
 *   6. typ (16), where it is there                  RC_BAD_TYP
 *   7. labels outside 1, 4, 16, 33, 34; then kid (4); then x5chain (33) and x5t (34), of which one
 *      at most                                      RC_BAD_HEADER, naming the label
 *   8. signature length under alg                   RC_BAD_SIGNATURE
 *   9. the payload is one strict map                RC_BAD_TOKEN, or RC_TOO_LARGE over a limit
 * RC_NO_MEMORY anywhere.  'out' is only meaningful after RC_OK.
 *
 * Takes at most raw.n + COSE_ARENA_EXTRA bytes of the arena, and nothing from the heap.
 */
#define COSE_ARENA_EXTRA 256
enum rc cose_token_parse(struct bytes raw, struct arena *arena, struct token *out, struct why *why);

/* token_peek_ids() for what starts as COSE: the ids as UUID text, which a text token would have. */
void cose_token_peek(struct bytes raw, struct arena *arena, struct bytes *jti, struct bytes *wid);

#endif
