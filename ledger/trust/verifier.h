/*
 * verifier.h - the pure halves of an ECDSA check, for the tests; private to trust/.
 */
#ifndef TRUST_VERIFIER_H
#define TRUST_VERIFIER_H

#include "trust/jwk.h"

#define VERIFIER_DER_MAX 104

/* 1 <= r, s < n of the algorithm's curve?  'signature' is r||s of the right length. */
bool verifier_in_range(enum token_alg alg, struct bytes signature);
/* r||s -> DER Ecdsa-Sig-Value; gives the size.  Halves of at most 48 bytes. */
size_t verifier_der(struct bytes signature, uint8_t out[VERIFIER_DER_MAX]);

#endif
