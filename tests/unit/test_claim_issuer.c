/*
 * test_claim_issuer.c - one spelling per identity.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim/claim.h"
#include "claim/issuer.h"

Test(claim_issuer, gives_the_trust_domain_of_an_accepted_uri)
{
	static const struct {
		const char *iss, *domain;
	} rows[] = {
	    {"spiffe://example.com/agent/a", "example.com"},
	    {"spiffe://e/a", "e"},
	    {"spiffe://a-b_c.9/x/Y/.hidden/..x/_-", "a-b_c.9"},
	    {"wimse://prod/tools/sql-query", "prod"},
	    {"wimse://prod/~a/b", "prod"},
	    {"https://issuer.example", "issuer.example"},
	    {"https://issuer.example/", "issuer.example"},
	    {"https://issuer.example:8443/a/b", "issuer.example"},
	    {"https://issuer.example?x", "issuer.example"},
	    {"urn:uuid:4f9c1a52-6a55-4a7c-9c1b-0f4a0a4b6d01", ""},
	    {"urn:x", ""},
	    {"did:web:example.com", ""},
	    {"x+y-z.1:a", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes domain;
		struct why why = {0};

		cr_expect_eq(issuer_read(bytes_str(rows[i].iss), &domain, &why), RC_OK, "%s: %s",
		    rows[i].iss, why.text);
		cr_expect(bytes_is(domain, rows[i].domain), "%s", rows[i].iss);
	}
}

Test(claim_issuer, refuses_every_other_spelling)
{
	static const char *const rows[] = {
	    "",
	    ":",
	    "x",
	    "x:",
	    ":x",
	    "1x:y",
	    "agent-a",
	    "/a/b",
	    "//example.com/a",
	    "spiffe:example.com/a",
	    "spiffe:/example.com/a",
	    "spiffe://",
	    "spiffe:///a",
	    "spiffe://example.com",
	    "spiffe://example.com/",
	    "spiffe://example.com//a",
	    "spiffe://example.com/a/",
	    "spiffe://example.com/a//b",
	    "spiffe://example.com/.",
	    "spiffe://example.com/..",
	    "spiffe://example.com/a/./b",
	    "spiffe://example.com/a/../b",
	    "spiffe://example.com/a%62",
	    "spiffe://example.com/a?b",
	    "spiffe://example.com/a#b",
	    "spiffe://example.com?a",
	    "spiffe://example.com#a",
	    "spiffe://example.com/a:b",
	    "spiffe://example.com:443/a",
	    "spiffe://user@example.com/a",
	    "spiffe://ex%61mple.com/a",
	    "spiffe://Example.com/a",
	    "SPIFFE://example.com/a",
	    "Spiffe://example.com/a",
	    "spiffe://./a",
	    "spiffe://../a",
	    "spiffe://[::1]/a",
	    "wimse://",
	    "wimse:///a",
	    "wimse:prod/a",
	    "wimse://prod",
	    "wimse://prod/",
	    "wimse://prod./a",
	    "wimse://prod/a/",
	    "wimse://prod//a",
	    "wimse://prod/a/./b",
	    "wimse://prod/a/../b",
	    "wimse://prod/a?x",
	    "wimse://prod/a#x",
	    "wimse://prod/%61",
	    "wimse://u@prod/a",
	    "spiffe://prod/~a",
	    "wimse://Prod/a",
	    "wimse://prod:1/a",
	    "wimse://../a",
	    "https://",
	    "https:///a",
	    "https://Example.com",
	    "https://user@example.com",
	    "https://example.com@evil.example",
	    "https://example.com:",
	    "https://example.com:123456",
	    "https://example.com:8x",
	    "https://example.com:1:2",
	    "https://[::1]/a",
	    "https://..",
	    "HTTPS://example.com",
	    "urn:a b",
	    "urn:a\"b",
	    "urn:a\\b",
	    "urn:a<b>",
	    "urn:a\x7f",
	    "urn:a\n",
	    "urn:\xc3\xa9",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes domain;
		struct why why = {0};

		cr_expect_eq(
		    issuer_read(bytes_str(rows[i]), &domain, &why), RC_BAD_CLAIM, "%s", rows[i]);
		cr_expect_eq(domain.n, 0);
		cr_expect_not_null(why.rule);
		cr_expect_str_eq(why.claim, "iss");
	}
}

Test(claim_issuer, takes_a_domain_of_255_bytes_and_not_one_more)
{
	char text[300];

	for (int n = 255; n <= 256; n++) {
		struct bytes domain;
		int size = snprintf(text, sizeof(text), "spiffe://%0*d/a", n, 0);

		cr_expect_eq(issuer_read(bytes_of(text, (size_t)size), &domain, NULL),
		    n == 255 ? RC_OK : RC_BAD_CLAIM);
	}
}

Test(claim_issuer, takes_2048_bytes_and_not_one_more)
{
	char *text = malloc(2050);
	struct bytes domain;

	cr_assert_not_null(text);
	memset(text, 'a', 2050);
	memcpy(text, "spiffe://e/", 11);
	cr_expect_eq(issuer_read(bytes_of(text, 2048), &domain, NULL), RC_OK);
	cr_expect_eq(issuer_read(bytes_of(text, 2049), &domain, NULL), RC_BAD_CLAIM);
	free(text);
}
