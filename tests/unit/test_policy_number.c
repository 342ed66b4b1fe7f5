/*
 * test_policy_number.c - numbers compare as the decimals that they are; shares are millionths.
 */
#include <criterion/criterion.h>

#include "policy/number.h"

static int
cmp(const char *a, const char *b)
{
	return number_cmp(bytes_str(a), bytes_str(b));
}

Test(policy_number, spellings_of_one_number_are_equal)
{
	static const char *const same[][2] = {{"1", "1.0"}, {"1", "10e-1"}, {"100", "1e2"},
	    {"0", "-0"}, {"0", "0.000"}, {"0", "0e9"}, {"0", "-0.0e-5"}, {"-1.50", "-15E-1"},
	    {"0.001", "1e-3"}, {"1.10", "1.1"}, {"12345678901234567890", "1234567890123456789e1"},
	    {"1E+2", "100"}, {"1e0002", "100.00"}};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		cr_assert_eq(cmp(same[i][0], same[i][1]), 0, "%s %s", same[i][0], same[i][1]);
		cr_assert_eq(cmp(same[i][1], same[i][0]), 0, "%s %s", same[i][1], same[i][0]);
	}
}

/* Ascending; neighbours that a double cannot tell apart among them. */
static const char *const ascending[] = {"-1e30", "-1000.5", "-1000", "-1", "-0.1", "-0.01",
    "-1e-30", "0", "1e-30", "0.09999999999999999999999999", "0.1", "0.10000000000000000000000001",
    "1", "1.000000000000000000000000001", "2", "9", "9.9", "10", "99", "100", "1000.5",
    "9007199254740992", "9007199254740993", "123456789012345678901234567890",
    "123456789012345678901234567891", "1e30"};

Test(policy_number, numbers_are_in_order_exactly)
{
	size_t n = sizeof(ascending) / sizeof(ascending[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			int have = cmp(ascending[i], ascending[j]);

			cr_assert_eq((have > 0) - (have < 0), (i > j) - (i < j), "%s %s",
			    ascending[i], ascending[j]);
		}
}

Test(policy_number, an_exponent_beyond_every_bound_still_compares)
{
	cr_assert_gt(cmp("1e999999999999999999999999999", "1e9999"), 0);
	cr_assert_lt(cmp("-1e999999999999999999999999999", "-1e9999"), 0);
	cr_assert_lt(cmp("1e-999999999999999999999999999", "1e-9999"), 0);
	cr_assert_gt(cmp("1e-999999999999999999999999999", "0"), 0);
	cr_assert_eq(cmp("0e999999999999999999999999999", "0"), 0);
	cr_assert_gt(cmp("1e0000000000000000000000000003", "999"), 0);
}

Test(policy_number, what_is_compared_with_is_of_bounded_size)
{
	cr_assert(number_plain(bytes_str("1e9999")));
	cr_assert_not(number_plain(bytes_str("1e10000")));
	cr_assert(number_plain(
	    bytes_str("1234567890123456789012345678901234567890123456789012345678901234")));
	cr_assert_not(number_plain(
	    bytes_str("12345678901234567890123456789012345678901234567890123456789012345")));
}

Test(policy_number, shares_are_millionths)
{
	static const struct {
		const char *text;
		uint32_t e6;
	} good[] = {{"0", 0}, {"1", 1000000}, {"0.5", 500000}, {"0.000001", 1},
	    {"0.123456", 123456}, {"1.0", 1000000}, {"1.000000", 1000000}, {"0.0", 0}};
	static const char *const bad[] = {"", "2", "-0", "-0.5", "1.000001", "1.1", "0.0000001",
	    "5e-1", "0.5e0", "1e0", "01", "10", "0.1234567"};
	uint32_t e6;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert(number_share_e6(bytes_str(good[i].text), &e6), "%s", good[i].text);
		cr_assert_eq(e6, good[i].e6, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(number_share_e6(bytes_str(bad[i]), &e6), "%s", bad[i]);
}
