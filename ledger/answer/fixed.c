/*
 * fixed.c - half-lives by binary fractions, Wilson's bound by a whole square root.
 *
 * roots[k-1] is 2^(-1/2^k): each is the whole square root of the one before (a test makes them
 * anew).  A fraction of a half-life is cut to 40 binary digits and its roots are multiplied, so the
 * weight is the same everywhere and off by less than 10^-11.
 *
 * No product passes 128 bits: scores stay below 2^60, weights at or below 2^62, sums of weights
 * below 2^63 in 10^-9.
 */
#include "answer/fixed.h"

#include "base/must.h"

#define BITS   40
#define E6     UINT64_C(1000000)
#define Z_E6   UINT64_C(1959964)	     /* 95 % */
#define Z2_E18 UINT64_C(3841458881296000000) /* its square */

static const uint64_t roots[BITS] = {
    UINT64_C(3260954456333195553),
    UINT64_C(3877950241171266237),
    UINT64_C(4228934724888366667),
    UINT64_C(4416165660797809418),
    UINT64_C(4512867096753504462),
    UINT64_C(4562008997483360348),
    UINT64_C(4586780255215411730),
    UINT64_C(4599216278082138664),
    UINT64_C(4605446927862164403),
    UINT64_C(4608565417332308034),
    UINT64_C(4610125453837388244),
    UINT64_C(4610905670110601998),
    UINT64_C(4611295827762151832),
    UINT64_C(4611490918967884500),
    UINT64_C(4611588467665893035),
    UINT64_C(4611637242788701949),
    UINT64_C(4611661630543559955),
    UINT64_C(4611673824469352644),
    UINT64_C(4611679921444339947),
    UINT64_C(4611682969934856343),
    UINT64_C(4611684494180870227),
    UINT64_C(4611685256304066091),
    UINT64_C(4611685637365711254),
    UINT64_C(4611685827896545643),
    UINT64_C(4611685923161965789),
    UINT64_C(4611685970794676600),
    UINT64_C(4611685994611032190),
    UINT64_C(4611686006519210031),
    UINT64_C(4611686012473298963),
    UINT64_C(4611686015450343432),
    UINT64_C(4611686016938865667),
    UINT64_C(4611686017683126785),
    UINT64_C(4611686018055257344),
    UINT64_C(4611686018241322623),
    UINT64_C(4611686018334355263),
    UINT64_C(4611686018380871583),
    UINT64_C(4611686018404129743),
    UINT64_C(4611686018415758823),
    UINT64_C(4611686018421573363),
    UINT64_C(4611686018424480633),
};

uint64_t
fixed_weight(uint64_t age_ms, int64_t half_life_s)
{
	uint64_t half, whole, fraction, w = FIXED_WHOLE;

	if (half_life_s <= 0)
		return FIXED_WHOLE;
	half = (uint64_t)(half_life_s > FIXED_HALF_MAX_S ? FIXED_HALF_MAX_S : half_life_s) * 1000;
	whole = age_ms / half;
	if (whole >= 62)
		return 0;
	fraction = (uint64_t)(((fixed_wide)(age_ms % half) << BITS) / half);
	for (unsigned k = 1; k <= BITS; k++)
		if (fraction >> (BITS - k) & 1)
			w = (uint64_t)((fixed_wide)w * roots[k - 1] >> 62);
	return w >> whole;
}

uint64_t
fixed_toward(uint64_t s, uint64_t base, uint64_t weight)
{
	uint64_t off = s > base ? s - base : base - s;
	uint64_t left = (uint64_t)(((fixed_wide)off * weight + (FIXED_WHOLE >> 1)) >> 62);

	return s > base ? base + left : base - left;
}

uint64_t
fixed_up(uint64_t s, uint32_t add_e6)
{
	uint64_t sum = s + fixed_from_e6(add_e6);

	return sum > FIXED_ONE ? FIXED_ONE : sum;
}

uint64_t
fixed_down(uint64_t s, uint32_t factor_e6)
{
	must(factor_e6 <= E6);
	return (uint64_t)(((fixed_wide)s * factor_e6 + E6 / 2) / E6);
}

uint64_t
fixed_from_e6(uint32_t e6)
{
	return e6 * (FIXED_ONE / E6);
}

uint32_t
fixed_e6(uint64_t s)
{
	return (uint32_t)((s + FIXED_ONE / E6 / 2) / (FIXED_ONE / E6));
}

uint32_t
fixed_weight_e6(uint64_t weight)
{
	return (uint32_t)(((fixed_wide)weight * E6 + (FIXED_WHOLE >> 1)) >> 62);
}

uint64_t
fixed_nano(fixed_wide weights)
{
	must(weights >> 95 == 0);
	return (uint64_t)((weights * FIXED_NANO + (FIXED_WHOLE >> 1)) >> 62);
}

uint64_t
fixed_nano_e6(uint64_t nano)
{
	return nano / 1000 + (nano % 1000 >= 500);
}

/* a / b in millionths */
static uint32_t
ratio_e6(fixed_wide a, fixed_wide b)
{
	return (uint32_t)((a * E6 + b / 2) / b);
}

uint32_t
fixed_beta_e6(uint64_t positive, uint64_t negative)
{
	return ratio_e6(
	    (fixed_wide)positive + FIXED_NANO, (fixed_wide)positive + negative + 2 * FIXED_NANO);
}

struct fixed_opinion
fixed_opinion(uint64_t positive, uint64_t negative)
{
	fixed_wide all = (fixed_wide)positive + negative + 2 * FIXED_NANO;

	return (struct fixed_opinion){
	    ratio_e6(positive, all), ratio_e6(negative, all), ratio_e6(2 * FIXED_NANO, all)};
}

static uint64_t
whole_root(fixed_wide x)
{
	fixed_wide low = 0, high = (fixed_wide)1 << 63;

	while (high - low > 1) {
		fixed_wide middle = (low + high) / 2;

		if (middle * middle <= x)
			low = middle;
		else
			high = middle;
	}
	return (uint64_t)low;
}

/* sqrt(x), both in 10^-18: the whole root has nine digits, one step of Newton gives the other nine. */
static fixed_wide
root_e18(fixed_wide x)
{
	fixed_wide root = whole_root(x);

	return root * FIXED_NANO + (x - root * root) * FIXED_NANO / (2 * root);
}

/* L = (p + z^2/2 - z sqrt(p m / n + z^2/4)) / (n + z^2), n = p + m */
uint32_t
fixed_wilson_e6(uint64_t positive, uint64_t negative)
{
	fixed_wide n = (fixed_wide)positive + negative, product, spread, plus, minus;

	must(positive >> 63 == 0 && negative >> 63 == 0);
	if (n == 0)
		return 0;
	product = (fixed_wide)positive * negative;
	spread = product / n * FIXED_NANO + product % n * FIXED_NANO / n + Z2_E18 / 4;
	plus = (fixed_wide)positive * FIXED_NANO + Z2_E18 / 2;
	minus = root_e18(spread) * Z_E6 / E6;
	return plus <= minus ? 0 : ratio_e6(plus - minus, n * FIXED_NANO + Z2_E18);
}
