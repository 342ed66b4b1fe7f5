/*
 * Points in time on the command line.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "tools/ectl/output.c"
#include "tools/ectl/time_read.c"

#define NOW_MS INT64_C(1800000000123)

static int64_t
parsed(const char *text)
{
	int64_t ms;

	return time_parse(text, NOW_MS, &ms) ? ms : -1;
}

Test(tools_time_read, seconds_dates_and_ages)
{
	cr_expect_eq(parsed("0"), 0);
	cr_expect_eq(parsed("1795341600"), INT64_C(1795341600000));
	cr_expect_eq(parsed("2026-11-22T10:00:00Z"), INT64_C(1795341600000));
	cr_expect_eq(parsed("2026-11-22T11:30:00+01:30"), INT64_C(1795341600000));
	cr_expect_eq(parsed("2026-11-22 09:00:00.5-01:00"), INT64_C(1795341600500));
	cr_expect_eq(parsed("2026-11-22T10:00:00.123456789z"), INT64_C(1795341600123));
	cr_expect_eq(parsed("2026-11-22"), INT64_C(1795305600000));
	cr_expect_eq(parsed("2028-02-29"), INT64_C(1835395200000));
	cr_expect_eq(parsed("90s"), NOW_MS - 90000);
	cr_expect_eq(parsed("10m"), NOW_MS - 600000);
	cr_expect_eq(parsed("2h"), NOW_MS - 7200000);
	cr_expect_eq(parsed("3d"), NOW_MS - 259200000);
}

Test(tools_time_read, anything_else_is_refused)
{
	static const char *const bad[] = {"", "now", "-1", "+1", " 1", "1 ", "1.5", "10w", "10mm",
	    "m", "99999999999999999999", "2026-11-22T10:00:00", "2026-11-22T10:00Z", "2026-11-31",
	    "2027-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-11-22T24:00:00Z",
	    "2026-11-22T10:00:00.Z", "2026-11-22T10:00:00+1:00", "2026-11-22T10:00:00Zx",
	    "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "999999999999d"};
	int64_t ms;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_eq(parsed(bad[i]), -1, "\"%s\"", bad[i]);
	cr_redirect_stderr();
	cr_expect_not(time_read("soon", "--since", &ms));
	(void)fflush(stderr);
	cr_assert_stderr_eq_str("ectl: --since wants a time: seconds since 1970, "
				"2026-11-22T10:00:00Z, or so long ago as "
				"90s, 10m, 2h, 3d; not \"soon\"\n");
}
