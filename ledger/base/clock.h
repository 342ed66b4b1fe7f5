/*
 * clock.h - time comes in as an argument's argument: real in the programs, simulated in tests.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*now_ms)(void *ctx);  /* POSIX time */
	int64_t (*mono_us)(void *ctx); /* never goes back; only for durations and deadlines */
	void *ctx;
};

struct clock clock_real(void);
int64_t clock_now_ms(const struct clock *c);
int64_t clock_mono_us(const struct clock *c);

#endif
