/*
 * cose_make.h - COSE tokens for tests that do not look at signatures: a strict COSE_Sign1 message
 * with a made-up signature, from claims given as hex.
 */
#ifndef TESTS_COSE_MAKE_H
#define TESTS_COSE_MAKE_H

#include <stdint.h>

#include "base/bytes.h"

#define COSE_JTI "550e8400e29b41d4a716446655440000"
#define COSE_ISS                                                                                   \
	"781c"                                                                                     \
	"7370696666653a2f2f6578616d706c652e636f6d2f6167656e742f61" /* spiffe://example.com/agent/a */
#define COSE_ACT                                                                                   \
	"6b"                                                                                       \
	"7265766965775f73706563" /* review_spec */

/* One claim: an integer key and its value's hex.  NULL as value takes a default away. */
struct cose_claim {
	uint64_t key;
	const char *hex;
};

/*
 * The claims set: iss, jti (COSE_JTI), exec_act, iat 1000 and exp 1600 unless 'claims' (ended by
 * key 0) says otherwise, in the order of their keys; then 'tail', the hex of pairs with other keys,
 * of which there are 'tail_pairs'.  malloc'd, of exactly its size; test_free().
 */
struct bytes cose_make_payload(
    const struct cose_claim *claims, const char *tail, unsigned tail_pairs);
/* {1: -7, 4: "k"} around it, and 64 bytes of signature. */
struct bytes cose_make(struct bytes payload);

#endif
