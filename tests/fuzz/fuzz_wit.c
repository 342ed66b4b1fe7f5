/*
 * fuzz_wit.c - hostile WITs, under the key of the WIMSE draft's example.
 *
 * Nobody here has the private half of that key, so the only WIT that may be accepted is the example
 * itself: same signed text, whatever its signature's spelling.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trust/wit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1745510000000)

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static const char issuer[] =
    "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"June 5\",\"use\":\"wit-svid\",\"crv\":\"P-256\","
    "\"x\":\"kXqnA2Op7hgd4zRMbw0iFcc_hDxUxhojxOFVGjE2gks\","
    "\"y\":\"n__VndPMR021-59UAs0b9qDTFT-EZtT6xSNs_xFskLo\"}]}";

/* draft-ietf-wimse-workload-creds: header and payload. */
static const char signed_text[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Ikp1bmUgNSIsInR5cCI6IndpdCtqd3QifQ."
    "eyJjbmYiOnsiandrIjp7ImFsZyI6IkVkRFNBIiwiY3J2IjoiRWQyNTUxOSIsImt0eSI6Ik9LUCIsIngiOiIxQ1hYdmZsTl"
    "9MVlZzSXNZWHNVdkIwM0ptbEdXZUNIcVFWdW91Q0Y5MmJnIn19LCJleHAiOjE3NDU1MTI1MTAsImlhdCI6MTc0NTUwODkx"
    "MCwianRpIjoieC1fMUNUTDJjY2EzQ1NFNGN3Yl9sIiwic3ViIjoid2ltc2U6Ly9leGFtcGxlLmNvbS9zcGVjaWZpYy13b3"
    "JrbG9hZCJ9.";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_snapshot *s = NULL;
	struct wit_verdict got;
	struct verifier *v;
	struct bytes subject;
	struct arena arena;
	struct why why = {0};
	size_t skipped = 0;
	uint32_t domain;
	bool readable;
	enum rc rc;

	if (size > 1 << 14)
		return 0;
	arena_init(&arena, 1 << 22);
	expect((v = verifier_new()) != NULL && snapshot_new(&s) == RC_OK);
	expect(snapshot_add_domain(s, bytes_str("example.com"), &domain, NULL) == RC_OK);
	expect(jwks_read(s, domain, bytes_str(issuer), &skipped, NULL) == RC_OK);
	readable = wit_subject(bytes_of(data, size), &arena, &subject);
	rc = wit_judge(v, s, domain, bytes_of(data, size), NOW_MS, &arena, &got, &why);
	if (rc != RC_OK) {
		expect(!got.key && why.rule && why.text[0]);
	} else {
		expect(readable && bytes_eq(subject, got.subject));
		expect(size > strlen(signed_text) &&
		       memcmp(data, signed_text, strlen(signed_text)) == 0);
		expect(got.from <= NOW_MS / 1000 && got.until >= NOW_MS / 1000);
		key_free(got.key);
	}
	trust_snapshot_drop(s);
	verifier_free(v);
	arena_release(&arena);
	return 0;
}
