/* cose_make.c - see cose_make.h. */
#include "lib/cose_make.h"

#include <string.h>

#include "base/must.h"
#include "base/scbor.h"
#include "lib/testlib.h"

#define CLAIMS_MAX 32

static void
add_hex(struct buf *b, const char *hex)
{
	struct bytes x = test_hex(hex);

	buf_add_bytes(b, x);
	test_free(x);
}

/* Insert or replace, keeping the keys in order. */
static size_t
put_claim(struct cose_claim *set, size_t n, struct cose_claim c)
{
	size_t at = 0;

	while (at < n && set[at].key < c.key)
		at++;
	if (at < n && set[at].key == c.key) {
		set[at] = c;
		return n;
	}
	must(n < CLAIMS_MAX);
	memmove(set + at + 1, set + at, (n - at) * sizeof(*set));
	set[at] = c;
	return n + 1;
}

struct bytes
cose_make_payload(const struct cose_claim *claims, const char *tail, unsigned tail_pairs)
{
	struct cose_claim set[CLAIMS_MAX] = {
	    {1, COSE_ISS}, {4, "190640"}, {6, "1903e8"}, {7, "50" COSE_JTI}, {301, COSE_ACT}};
	size_t n = 5, count = tail_pairs;
	struct bytes out;
	struct buf b;

	for (; claims != NULL && claims->key != 0; claims++)
		n = put_claim(set, n, *claims);
	for (size_t i = 0; i < n; i++)
		count += set[i].hex != NULL;
	buf_init(&b, 0);
	scbor_put_map(&b, count);
	for (size_t i = 0; i < n; i++) {
		if (set[i].hex == NULL)
			continue;
		scbor_put_uint(&b, set[i].key);
		add_hex(&b, set[i].hex);
	}
	if (tail != NULL)
		add_hex(&b, tail);
	must(!b.bad);
	out = test_exact(buf_bytes(&b));
	buf_release(&b);
	return out;
}

struct bytes
cose_make(struct bytes payload)
{
	static const uint8_t signature[64] = {0xa5};
	struct bytes out;
	struct buf b;

	buf_init(&b, 0);
	add_hex(&b, "d28446a2012604416b");
	scbor_put_map(&b, 0);
	scbor_put_bytes(&b, payload);
	scbor_put_bytes(&b, bytes_of(signature, sizeof(signature)));
	must(!b.bad);
	out = test_exact(buf_bytes(&b));
	buf_release(&b);
	return out;
}
