/*
 * token_make.h - tokens for tests that do not look at signatures: well-formed compact JWS text with
 * a made-up signature.
 */
#ifndef TESTS_TOKEN_MAKE_H
#define TESTS_TOKEN_MAKE_H

#include <stddef.h>
#include <stdint.h>

struct token_make {
	const char *iss, *act;      /* defaults: spiffe://example.com/agent/a, "t" */
	uint8_t jti[16];
	int has_wid;
	uint8_t wid[16];
	const uint8_t (*pred)[16];
	size_t pred_count;
	int64_t iat;                /* default 1,800,000,000 */
	uint8_t signature;          /* fill byte: another signature over the same bytes */
	const char *more;           /* further members, ",\"k\":1" */
};

/* An id that is a function of n (n > 0 or n == 0 both fine; never all zero). */
void token_make_id(uint64_t n, uint8_t id[16]);
/* malloc'd, NUL-terminated. */
char *token_make(const struct token_make *t);

#endif
