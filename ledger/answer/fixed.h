/*
 * fixed.h - the arithmetic of trust: whole numbers only, so that every machine gets the same digits.
 *
 * Scores are counted in 10^-18 (FIXED_ONE is 1), weights of evidence in 2^-62 (FIXED_WHOLE is 1),
 * sums of weights in 10^-9.  What is shown has six digits (_e6), rounded half up.  docs/SCORES.md has
 * the steps one by one.
 */
#ifndef ANSWER_FIXED_H
#define ANSWER_FIXED_H

#include <stdint.h>

#define FIXED_ONE	 UINT64_C(1000000000000000000)
#define FIXED_WHOLE	 (UINT64_C(1) << 62)
#define FIXED_NANO	 UINT64_C(1000000000)
#define FIXED_HALF_MAX_S INT64_C(1000000000000) /* a longer half-life counts as this one */

__extension__ typedef unsigned __int128 fixed_wide; /* a sum of up to 2^32 weights */

/* 2^(-age/half life); the whole when half_life_s is 0 or less: no decay. */
uint64_t fixed_weight(uint64_t age_ms, int64_t half_life_s);
/* base + (s - base) * weight: a score on its way back to where it began. */
uint64_t fixed_toward(uint64_t s, uint64_t base, uint64_t weight);
uint64_t fixed_up(uint64_t s, uint32_t add_e6);	     /* at most 1 */
uint64_t fixed_down(uint64_t s, uint32_t factor_e6); /* factor at most 1 */
uint64_t fixed_from_e6(uint32_t e6);
uint32_t fixed_e6(uint64_t s);
uint32_t fixed_weight_e6(uint64_t weight);
uint64_t fixed_nano(fixed_wide weights);
uint64_t fixed_nano_e6(uint64_t nano);
/* Of positive and negative evidence, in 10^-9, each below 2^63. */
uint32_t fixed_beta_e6(uint64_t positive, uint64_t negative);
uint32_t fixed_wilson_e6(uint64_t positive, uint64_t negative); /* lower bound, 95 % */
/* The same evidence as an opinion: they add up to 1, but for rounding. */
struct fixed_opinion {
	uint32_t belief_e6, disbelief_e6, uncertainty_e6;
};
struct fixed_opinion fixed_opinion(uint64_t positive, uint64_t negative);

#endif
