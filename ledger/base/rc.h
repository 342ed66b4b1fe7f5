/*
 * rc.h - how every function says what went wrong.
 *
 * Operating errors (bad input, full disk) are values of enum rc, made from proto/errors.def.
 * Parsers and judges also fill a struct why, so that a refusal names the rule, the claim and the
 * place.  Programmer errors are must() (must.h), never an rc.
 */
#ifndef BASE_RC_H
#define BASE_RC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rc {
#define X(name, label, wire, grpc, http, retry, text) RC_##name = (wire),
#include "proto/errors.def"
#undef X
	RC_COUNT
};

/* The clause that was broken.  All strings are static or inside the struct; copying it is fine. */
struct why {
	const char *rule;  /* e.g. "RFC 7515 2 (base64url)"; never NULL after a refusal */
	const char *claim; /* static name of the claim or header member, or NULL */
	size_t at;         /* byte offset in the input where that is known */
	char text[160];    /* for a human; never parsed */
};

/* Fill 'why' (NULL is fine) and return 'rc', so that a refusal is one line. */
enum rc why_set(struct why *why, enum rc rc, const char *rule, const char *claim, size_t at,
    const char *format, ...) __attribute__((format(printf, 6, 7)));

const char *rc_label(enum rc rc); /* "bad_token" */
const char *rc_text(enum rc rc);
int rc_grpc(enum rc rc); /* gRPC status number */
int rc_http(enum rc rc);
bool rc_retry(enum rc rc);
enum rc rc_from_wire(uint32_t wire); /* RC_INTERNAL for an unknown number */

#endif
