/*
 * fuzz_x509.c - hostile certificate chains (DER, joined, leaf first) under one CA.
 *
 * Properties: a refusal says why; what is accepted leads to that CA: its last certificate before the
 * CA carries the CA's signature over an unchanged body, its URI is the domain's, its key is one that
 * tokens may be signed with, and the answer does not change when it is asked again.
 */
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "trust/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1850000000000) /* within the life of the CA and of the corpus */

static const char ca_hex[] =
    "3082018330820129a003020102021445f2a28c8466a8946de85247d05bfbfc0db974b6300a06082a"
    "8648ce3d040302300f310d300b06035504030c04726f6f74301e170d323631313232313231313239"
    "5a170d3336313131393132313132395a300f310d300b06035504030c04726f6f743059301306072a"
    "8648ce3d020106082a8648ce3d0301070342000434dbb16d68f06c233e754e8f2a413e692ee65d5f"
    "feb8f944a6a7b2b45fb23aae5d8fcc852de74f5bfe8079ecab2ea6086aa4dfb97041373d1325adc4"
    "01a08a93a3633061300f0603551d130101ff040530030101ff300e0603551d0f0101ff0404030201"
    "06301f0603551d110418301686147370696666653a2f2f6578616d706c652e6f7267301d0603551d"
    "0e0416041460e8a9de08a7c42df61dfcf582af2a11a77303a3300a06082a8648ce3d040302034800"
    "3045022100efc42280f4103c90c846e491066aac7515bb44b66c7693d51b76a0f458b01e0502203e"
    "30f345ae1b21fc541ac0e05781cdb9cb50883d0fcb9c8028e408a6bf3fb79a";

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

/* Does the CA's key verify one of the certificates? */
static bool
is_anchored(X509 *ca, const struct bytes *chain, size_t count)
{
	bool anchored = false;

	for (size_t i = 0; i < count; i++) {
		X509 *cert = x509_of_der(chain[i]);

		expect(cert != NULL);
		anchored |= X509_verify(cert, X509_get0_pubkey(ca)) == 1;
		X509_free(cert);
	}
	return anchored;
}

static void
check(const struct anchors *a, const struct bytes *chain, size_t count)
{
	static const char id[] = "spiffe://example.org/";
	struct x509_work *work = x509_work_new();
	struct x509_verdict got, again;
	struct bytes domain = bytes_str("example.org");
	struct arena arena;
	struct why why = {0};
	enum rc rc;

	expect(work != NULL);
	arena_init(&arena, 1 << 20);
	rc = x509_judge(work, a, domain, chain, count, NOW_MS, &arena, &got, &why);
	if (rc != RC_OK) {
		expect(!got.key && why.rule && why.text[0]);
	} else {
		expect(hash_eq(&got.anchor, &a->cas[0].id) && got.key);
		expect(is_anchored(a->cas[0].cert, chain, count));
		/* Whose keys sign here only ever signed such names. */
		expect(got.uri.n > sizeof(id) - 1 && memcmp(got.uri.p, id, sizeof(id) - 1) == 0);
		expect(got.from <= NOW_MS / 1000 && got.until >= NOW_MS / 1000);
		rc = x509_judge(work, a, domain, chain, count, NOW_MS, &arena, &again, &why);
		expect(rc == RC_OK && bytes_eq(again.uri, got.uri));
		expect(hash_eq(key_thumbprint(again.key), key_thumbprint(got.key)));
		key_free(again.key);
		key_free(got.key);
	}
	x509_work_free(work);
	arena_release(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes chain[X509_CHAIN_MAX] = {{data, size}};
	struct anchors a = {0};
	uint8_t der[sizeof(ca_hex) / 2];
	struct arena arena;
	size_t n, count;

	if (size == 0 || size > 1 << 15)
		return 0;
	arena_init(&arena, 1 << 16);
	expect(hex_decode(bytes_str(ca_hex), der, sizeof(der), &n));
	expect(anchors_add_ca(&a, bytes_str("example.org"), bytes_of(der, n), bytes_str("ca.pem"),
		   &arena, NULL) == RC_OK);
	if (!x509_split(bytes_of(data, size), chain, &count)) {
		chain[0] = bytes_of(data, size);
		count = 1;
	}
	check(&a, chain, count);
	anchors_release(&a);
	arena_release(&arena);
	return 0;
}
