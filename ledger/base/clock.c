/*
 * clock.c - the real clock.  Simulated ones live with the tests that drive them.
 */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#include "base/must.h"

static int64_t
real_now_ms(void *ctx)
{
	struct timespec t;

	(void)ctx;
	must(clock_gettime(CLOCK_REALTIME, &t) == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t
real_mono_us(void *ctx)
{
	struct timespec t;

	(void)ctx;
	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct clock
clock_real(void)
{
	return (struct clock){.now_ms = real_now_ms, .mono_us = real_mono_us, .ctx = NULL};
}

int64_t
clock_now_ms(const struct clock *c)
{
	must(c != NULL && c->now_ms != NULL);
	return c->now_ms(c->ctx);
}

int64_t
clock_mono_us(const struct clock *c)
{
	must(c != NULL && c->mono_us != NULL);
	return c->mono_us(c->ctx);
}
