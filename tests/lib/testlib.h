/*
 * testlib.h - what every suite may use: vector files, hex, an arena's worth of memory, a clock that
 * is set by hand.
 */
#ifndef TESTS_LIB_TESTLIB_H
#define TESTS_LIB_TESTLIB_H

#include <jansson.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"

/* A JSON file below the tests folder ('root' is TEST_DATA).  Aborts when it is not there: a missing
 * vector is never a passed test.  Gives: json_decref(). */
json_t *test_vectors(const char *root, const char *path);
/* Hex text -> bytes on the heap; free(out.p).  Aborts on bad hex. */
struct bytes test_hex(const char *hex);
/* A copy of exactly n bytes on the heap, so that a sanitizer sees one byte too many.  NULL for none
 * is fine. */
struct bytes test_exact(struct bytes x);
void test_free(struct bytes x);

/* A clock that stands still until it is moved. */
struct test_clock {
	int64_t now_ms, mono_us;
};
struct clock test_clock(struct test_clock *c);

#endif
