/*
 * fuzz_bundle.c - hostile trust files: the first byte says which (JWK set or SPIFFE bundle, CA
 * certificates, revocation list, revoked.json), the rest is the file.
 *
 * Properties: a refusal says why; what is accepted can be told to an empty history, and then nothing
 * more is owed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trust/history.h"
#include "trust/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static void
check_diff(const struct trust_snapshot *s)
{
	struct history *h = NULL;
	struct bytes *events;
	struct arena arena;
	size_t n;

	arena_init(&arena, 1 << 24);
	expect(history_new(&h) == RC_OK);
	expect(trust_diff(s, h, bytes_str("x"), &arena, &events, &n, NULL) == RC_OK);
	for (size_t i = 0; i < n; i++)
		expect(history_apply(h, i, 1, events[i], NULL) == RC_OK);
	expect(trust_diff(s, h, bytes_str("x"), &arena, &events, &n, NULL) == RC_OK && n == 0);
	history_free(h);
	arena_release(&arena);
}

struct place {
	struct trust_snapshot *s;
	uint32_t domain;
};

static enum rc
add_ca(void *ctx, struct bytes der, struct why *why)
{
	struct place *p = ctx;

	return snapshot_add_ca(p->s, p->domain, der, why);
}

static enum rc
add_crl(void *ctx, struct bytes der, struct why *why)
{
	struct place *p = ctx;

	return snapshot_add_crl(p->s, p->domain, der, why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct place p = {NULL, 0};
	struct bytes text;
	struct why why = {0};
	size_t skipped = 0;
	enum rc rc = RC_OK;

	if (size == 0 || size > 1 << 16)
		return 0;
	text = bytes_of(data + 1, size - 1);
	expect(snapshot_new(&p.s) == RC_OK);
	expect(snapshot_add_domain(p.s, bytes_str("example.org"), &p.domain, NULL) == RC_OK);
	expect(snapshot_source(p.s, bytes_str("file"), NULL) == RC_OK);
	switch (data[0]) {
	case 'c':
		rc = pem_read(text, false, add_ca, &p, &why);
		break;
	case 'l': /* certificates, then lists: one text */
		(void)pem_read(text, false, add_ca, &p, NULL);
		rc = pem_read(text, true, add_crl, &p, &why);
		break;
	case 'r':
		rc = snapshot_set_revoked(p.s, p.domain, text, &why);
		break;
	default:
		rc = jwks_read(p.s, p.domain, text, &skipped, &why);
		break;
	}
	expect(rc == RC_OK || (why.rule && why.text[0]));
	if (rc == RC_OK)
		check_diff(p.s);
	trust_snapshot_drop(p.s);
	return 0;
}
