/*
 * test_tools_fsck_util.c - fsck's own texts and numbers accept the one spelling that the server's
 * do.
 */
#include <criterion/criterion.h>

#include "base/random.h"
#include "base/text.h"

#include "../../tools/ectl/fsck_util.c"

static const char alphabet[] = "AQgw159-_+/= zZ.";

Test(tools_fsck_util, base64_takes_and_refuses_what_the_server_does)
{
	uint8_t pick[24], mine[32], theirs[32];
	char text[25];
	size_t good = 0;

	for (unsigned i = 0; i < 200000; i++) {
		size_t n = i % 9, a = 0, b = 0;
		bool url = i % 2, x, y;
		struct bytes view;

		random_bytes(pick, sizeof(pick));
		/* Mostly letters, so that some are good. */
		for (size_t k = 0; k < n; k++)
			text[k] = alphabet[pick[k] < 200 ? pick[k] % 6 : pick[k] % 16];
		text[n] = '\0';
		view = bytes_of(text, n);
		x = fsck_unbase64(url, (struct span){view.p, n}, mine, sizeof(mine), &a);
		y = url ? b64url_decode(view, theirs, sizeof(theirs), &b)
			: b64_decode(view, theirs, sizeof(theirs), &b);
		cr_assert(x == y, "\"%s\" url %d", text, url);
		cr_assert(!x || (a == b && memcmp(mine, theirs, a) == 0), "\"%s\"", text);
		good += x && n > 0;
	}
	cr_assert(good > 1000, "%zu", good);
}

Test(tools_fsck_util, base64url_writes_what_it_reads)
{
	uint8_t raw[40], back[40];
	char text[64];
	size_t n;

	for (size_t size = 0; size <= sizeof(raw); size++) {
		random_bytes(raw, sizeof(raw));
		n = fsck_base64url((struct span){raw, size}, text);
		cr_assert(n == strlen(text));
		cr_assert(fsck_unbase64(
		    true, (struct span){(const uint8_t *)text, n}, back, sizeof(back), &n));
		cr_assert(n == size && memcmp(raw, back, n) == 0);
	}
}

Test(tools_fsck_util, no_room_is_a_refusal)
{
	uint8_t out[2];
	size_t n;

	cr_assert(!fsck_unbase64(true, (struct span){(const uint8_t *)"AAAA", 4}, out, 2, &n));
	cr_assert(fsck_unbase64(true, (struct span){(const uint8_t *)"AAA", 3}, out, 2, &n));
}

Test(tools_fsck_util, a_uuid_has_one_form_in_either_case_and_is_not_zero)
{
	uint8_t id[FSCK_ID], other[UUID_SIZE];
	const char *good = "6F1e8f1c-3b0a-4c7e-9a52-0d6f6c1d2e3f";

	cr_assert(fsck_uuid(good, id) && uuid_parse(bytes_str(good), other));
	cr_assert(memcmp(id, other, FSCK_ID) == 0);
	cr_assert(!fsck_uuid("00000000-0000-0000-0000-000000000000", id));
	cr_assert(!fsck_uuid("6f1e8f1c3b0a4c7e9a520d6f6c1d2e3f", id));
	cr_assert(!fsck_uuid("6f1e8f1c-3b0a-4c7e-9a52-0d6f6c1d2e3", id));
	cr_assert(!fsck_uuid("6f1e8f1c-3b0a-4c7e-9a52-0d6f6c1d2e3g", id));
	cr_assert(!fsck_uuid("", id));
}
