/* test_base_random.c - ids have their version, their variant, and do not repeat. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/random.h"

Test(base_random, large_and_empty_requests_are_filled)
{
	uint8_t big[5000] = {0};
	int zero = 0;

	random_bytes(NULL, 0);
	random_bytes(big, sizeof(big));
	for (size_t i = 0; i < sizeof(big); i++)
		zero += big[i] == 0;
	cr_assert_lt(zero, 200, "about 20 are expected");
}

Test(base_random, a_v4_uuid_says_so)
{
	uint8_t a[16], b[16];

	random_uuid_v4(a);
	random_uuid_v4(b);
	cr_assert_eq(a[6] >> 4, 4);
	cr_assert_eq(a[8] >> 6, 2);
	cr_assert_neq(memcmp(a, b, 16), 0);
}

Test(base_random, a_v7_uuid_begins_with_its_time_and_sorts_by_it)
{
	uint8_t a[16], b[16];

	random_uuid_v7(INT64_C(0x0123456789ab), a);
	random_uuid_v7(INT64_C(0x0123456789ac), b);
	cr_assert_arr_eq(a, "\x01\x23\x45\x67\x89\xab", 6);
	cr_assert_eq(a[6] >> 4, 7);
	cr_assert_eq(a[8] >> 6, 2);
	cr_assert_lt(memcmp(a, b, 16), 0);
}
