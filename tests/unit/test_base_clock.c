/* test_base_clock.c - time as an argument. */
#include <criterion/criterion.h>
#include <time.h>

#include "base/clock.h"
#include "lib/testlib.h"

Test(base_clock, the_real_clock_tells_the_time_in_milliseconds)
{
	struct clock c = clock_real();
	time_t before = time(NULL);
	int64_t now = clock_now_ms(&c);

	cr_assert_geq(now, (int64_t)before * 1000);
	cr_assert_lt(now, ((int64_t)before + 60) * 1000);
}

Test(base_clock, the_monotonic_clock_never_goes_back)
{
	struct clock c = clock_real();
	int64_t last = clock_mono_us(&c);

	for (int i = 0; i < 10000; i++) {
		int64_t now = clock_mono_us(&c);

		cr_assert_geq(now, last);
		last = now;
	}
}

Test(base_clock, a_clock_can_be_simulated)
{
	struct test_clock t = {.now_ms = 5, .mono_us = 6};
	struct clock c = test_clock(&t);

	cr_assert_eq(clock_now_ms(&c), 5);
	t.mono_us = 60;
	cr_assert_eq(clock_mono_us(&c), 60);
}
