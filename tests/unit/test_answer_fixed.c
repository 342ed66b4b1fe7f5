/*
 * test_answer_fixed.c - the same digits everywhere: vectors computed elsewhere, and what must hold for all numbers.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "answer/fixed.h"

#define N FIXED_NANO

Test(answer_fixed, a_good_outcome_adds_a_bad_one_halves)
{
	static const uint32_t want[] = {520000, 540000, 270000, 290000};
	static const bool good[] = {true, true, false, true};
	uint64_t s = fixed_from_e6(500000);

	for (size_t i = 0; i < 4; i++) {
		s = good[i] ? fixed_up(s, 20000) : fixed_down(s, 500000);
		cr_expect_eq(fixed_e6(s), want[i], "step %zu: %u", i, fixed_e6(s));
	}
}

Test(answer_fixed, a_score_stays_between_0_and_1)
{
	cr_expect_eq(fixed_up(fixed_from_e6(990000), 20000), FIXED_ONE);
	cr_expect_eq(fixed_up(FIXED_ONE, 1000000), FIXED_ONE);
	cr_expect_eq(fixed_down(FIXED_ONE, 0), 0);
	cr_expect_eq(fixed_down(1, 499999), 0);
	cr_expect_eq(fixed_down(1, 500000), 1);
	cr_expect_eq(fixed_e6(FIXED_ONE), 1000000);
}

Test(answer_fixed, six_digits_are_rounded_half_up)
{
	cr_expect_eq(fixed_e6(UINT64_C(499999999999)), 0);
	cr_expect_eq(fixed_e6(UINT64_C(500000000000)), 1);
	cr_expect_eq(fixed_nano_e6(499), 0);
	cr_expect_eq(fixed_nano_e6(500), 1);
	cr_expect_eq(fixed_weight_e6(FIXED_WHOLE), 1000000);
}

Test(answer_fixed, weights_halve_with_each_half_life)
{
	static const struct {
		uint64_t days;
		uint32_t want, score;
	} rows[] = {
	    {0, 1000000, 900000}, {15, 707107, 782843}, {30, 500000, 700000}, {90, 125000, 550000}};
	const int64_t h = 30 * INT64_C(86400);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t w = fixed_weight(rows[i].days * UINT64_C(86400000), h);
		uint64_t s = fixed_toward(fixed_from_e6(900000), fixed_from_e6(500000), w);

		cr_expect_eq(fixed_weight_e6(w), rows[i].want);
		cr_expect_eq(fixed_e6(s), rows[i].score);
	}
	cr_expect_eq(fixed_weight(12345, 0), FIXED_WHOLE, "no half-life, no decay");
	cr_expect_eq(fixed_weight(12345, -1), FIXED_WHOLE);
	cr_expect_eq(fixed_weight(61999, 1), 1);
	cr_expect_eq(fixed_weight(62000, 1), 0);
	cr_expect_eq(fixed_weight(UINT64_MAX, 1), 0);
	cr_expect_eq(fixed_weight(UINT64_C(1000000000000000), INT64_MAX), FIXED_WHOLE / 2,
	    "a half-life beyond the largest counts as that");
}

/* The roots are not read from the file under test: 2^(-1/2^k) by the math library, to what it can hold. */
Test(answer_fixed, each_binary_digit_of_a_half_life_has_its_root)
{
	for (unsigned k = 1; k <= 40; k++) {
		/* an age of 2^-k half-lives, in a half-life of 2^40 ms and a whole number of seconds: 125 * 2^3 */
		uint64_t half_ms = UINT64_C(1000) << 30, age = k <= 33 ? half_ms >> k : 0;
		double want = exp2(-exp2(-(double)k));

		if (age == 0)
			continue;
		cr_expect_float_eq((double)fixed_weight(age, (int64_t)(half_ms / 1000)) / 0x1p62,
		    want, 1e-12, "digit %u", k);
	}
}

Test(answer_fixed, a_score_moves_to_its_base_from_both_sides)
{
	uint64_t base = fixed_from_e6(500000);

	cr_expect_eq(fixed_toward(base, base, 12345), base);
	cr_expect_eq(fixed_toward(FIXED_ONE, base, 0), base);
	cr_expect_eq(fixed_toward(0, base, 0), base);
	cr_expect_eq(fixed_toward(0, base, FIXED_WHOLE), 0);
	cr_expect_eq(fixed_toward(FIXED_ONE, base, FIXED_WHOLE / 2), fixed_from_e6(750000));
	cr_expect_eq(fixed_toward(0, base, FIXED_WHOLE / 2), fixed_from_e6(250000));
}

Test(answer_fixed, beta_wilson_and_opinion_of_the_same_evidence)
{
	static const struct {
		uint64_t r, s;
		uint32_t beta, wilson, b, d, u;
	} rows[] = {
	    {0, 0, 500000, 0, 0, 0, 1000000},
	    {1, 0, 666667, 206549, 333333, 0, 666667},
	    {0, 1, 333333, 0, 0, 333333, 666667},
	    {8, 2, 750000, 490162, 666667, 166667, 166667},
	    {80, 20, 794118, 711171, 784314, 196078, 19608},
	    {100, 0, 990196, 963007, 980392, 0, 19608},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixed_opinion o = fixed_opinion(rows[i].r * N, rows[i].s * N);

		cr_expect_eq(
		    fixed_beta_e6(rows[i].r * N, rows[i].s * N), rows[i].beta, "row %zu", i);
		cr_expect_eq(
		    fixed_wilson_e6(rows[i].r * N, rows[i].s * N), rows[i].wilson, "row %zu", i);
		cr_expect_eq(o.belief_e6, rows[i].b, "row %zu", i);
		cr_expect_eq(o.disbelief_e6, rows[i].d, "row %zu", i);
		cr_expect_eq(o.uncertainty_e6, rows[i].u, "row %zu", i);
	}
}

/* Against the formula in long double, away from where a rounding could go either way. */
Test(answer_fixed, wilson_is_the_formula_for_all_sizes)
{
	uint64_t x = 88172645463325252u;
	size_t compared = 0;

	for (size_t i = 0; i < 20000; i++) {
		long double z = 1.959964L, p, m, n, q, want, off;
		uint64_t a, b;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		a = (x & 0xffffffff) * N >> (x >> 59);
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		b = (x & 0xffffffff) * N >> (x >> 59);
		p = (long double)a / 1e9L, m = (long double)b / 1e9L, n = p + m;
		if (a + b == 0)
			continue;
		q = p / n;
		want = (q + z * z / (2 * n) - z * sqrtl((q * (1 - q) + z * z / (4 * n)) / n)) /
		       (1 + z * z / n);
		want = want < 0 ? 0 : want * 1e6L;
		off = want + 0.5L - floorl(want + 0.5L);
		if (off < 0.001L || off > 0.999L)
			continue;
		compared++;
		cr_assert_eq(fixed_wilson_e6(a, b), (uint32_t)floorl(want + 0.5L), "%Lf %Lf", p, m);
	}
	cr_expect_gt(compared, 15000);
}

Test(answer_fixed, the_largest_sums_fit)
{
	fixed_wide most = (fixed_wide)UINT32_MAX * FIXED_WHOLE;

	cr_expect_eq(fixed_nano(most), UINT32_MAX * N);
	cr_expect_eq(fixed_beta_e6(fixed_nano(most), fixed_nano(most)), 500000);
	cr_expect_eq(fixed_wilson_e6(fixed_nano(most), 0), 1000000);
	cr_expect_eq(fixed_wilson_e6(0, fixed_nano(most)), 0);
	cr_expect_eq(fixed_wilson_e6(fixed_nano(most), fixed_nano(most)), 499989);
}
