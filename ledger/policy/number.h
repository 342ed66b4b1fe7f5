/*
 * number.h - JSON numbers without a machine's rounding: compared as the decimals that they are, and
 * shares read as millionths.
 *
 * All texts are JSON numbers (RFC 8259 6), as base/json has checked them.
 */
#ifndef POLICY_NUMBER_H
#define POLICY_NUMBER_H

#include "base/bytes.h"

#define NUMBER_TEXT_MAX	    64 /* of one that may stand on the right of number_cmp() */
#define NUMBER_EXPONENT_MAX 4  /* its exponent's digits */

/* May this stand on the right: short enough that the left one's exponent decides where it overflows us? */
bool number_plain(struct bytes text);
/* Below 0, 0 or above 0: a < b, a == b, a > b, exactly.  1, 1.0 and 10e-1 are one number; so are 0 and -0. must(number_plain(b)). */
int number_cmp(struct bytes a, struct bytes b);
/* 0 to 1 without sign and exponent, at most six digits after the point, in millionths. */
bool number_share_e6(struct bytes text, uint32_t *out);

#endif
