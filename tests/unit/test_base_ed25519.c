/* test_base_ed25519.c - all spellings of the small points, and no other point. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/ed25519.h"
#include "base/text.h"
#include "lib/testlib.h"

static size_t
count(const json_t *list, const char *why, bool want)
{
	uint8_t key[32];
	size_t n, i, seen = 0;
	json_t *row;

	json_array_foreach(list, i, row)
	{
		const char *hex = json_string_value(json_object_get(row, "hex"));

		if (why && !strstr(json_string_value(json_object_get(row, "why")), why))
			continue;
		cr_assert(hex && hex_decode(bytes_str(hex), key, sizeof(key), &n) && n == 32);
		cr_expect(ed25519_small_order(key) == want, "%s", hex);
		seen++;
	}
	return seen;
}

Test(base_ed25519, knows_the_small_points_of_the_vectors_and_no_other)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/keys/ed25519-points.json");

	cr_assert(count(json_object_get(doc, "refuse"), "small order", true) == 12);
	cr_assert(count(json_object_get(doc, "accept"), NULL, false) == 3);
	json_decref(doc);
}

Test(base_ed25519, knows_the_second_spellings)
{
	uint8_t key[32];

	/* y = p and y = p + 1, with either sign. */
	memset(key, 0xff, sizeof(key));
	for (int sign = 0; sign < 2; sign++) {
		key[31] = sign ? 0xff : 0x7f;
		key[0] = 0xed;
		cr_assert(ed25519_small_order(key));
		key[0] = 0xee;
		cr_assert(ed25519_small_order(key));
		key[0] = 0xef;
		cr_assert(!ed25519_small_order(key));
	}
}
