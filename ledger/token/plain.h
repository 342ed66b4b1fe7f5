/*
 * plain.h - L1: claims as one JSON object, without a signature.
 *
 * Private to token/ and its tests: everybody else calls token_parse().
 */
#ifndef TOKEN_PLAIN_H
#define TOKEN_PLAIN_H

#include "token/token.h"

/* The first byte is '{' and the last is '}': white space around the object would be a second
 * spelling of it.  RC_BAD_TOKEN (a JWS in JSON serialisation too, by name), RC_TOO_LARGE,
 * RC_NO_MEMORY. */
enum rc plain_parse(struct bytes raw, struct arena *arena, struct token *out, struct why *why);

#endif
