/*
 * time_read.c - points in time as people write them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "call.h"

/* Exactly 'n' digits. */
static bool
digits(const char **text, int n, int *out)
{
	*out = 0;
	for (; n > 0; n--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*out = *out * 10 + (**text - '0');
	}
	return true;
}

static bool
sign(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* ".123456": milliseconds, the rest is dropped. */
static bool
fraction(const char **text, int *ms)
{
	int scale = 100;

	if (!sign(text, '.'))
		return true;
	if (**text < '0' || **text > '9')
		return false;
	for (; **text >= '0' && **text <= '9'; (*text)++, scale /= 10)
		*ms += (**text - '0') * scale;
	return true;
}

/* "Z", "+01:00" */
static bool
zone(const char **text, int *minutes)
{
	int h, m, direction = **text == '-' ? -1 : 1;

	*minutes = 0;
	if (sign(text, 'Z') || sign(text, 'z'))
		return true;
	if (!sign(text, '+') && !sign(text, '-'))
		return false;
	if (!digits(text, 2, &h) || !sign(text, ':') || !digits(text, 2, &m) || h > 23 || m > 59)
		return false;
	*minutes = direction * (h * 60 + m);
	return true;
}

static bool
rfc3339(const char *text, int64_t *out)
{
	int ms = 0, minutes = 0;
	struct tm tm = {0}, copy;
	time_t t;

	if (!digits(&text, 4, &tm.tm_year) || !sign(&text, '-') || !digits(&text, 2, &tm.tm_mon) ||
	    !sign(&text, '-') || !digits(&text, 2, &tm.tm_mday))
		return false;
	if (*text != '\0' &&
	    ((!sign(&text, 'T') && !sign(&text, 't') && !sign(&text, ' ')) ||
		!digits(&text, 2, &tm.tm_hour) || !sign(&text, ':') ||
		!digits(&text, 2, &tm.tm_min) || !sign(&text, ':') ||
		!digits(&text, 2, &tm.tm_sec) || !fraction(&text, &ms) || !zone(&text, &minutes)))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (*text != '\0' || tm.tm_year < 70 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	copy = tm;
	t = timegm(&copy);
	if (t < 0 || copy.tm_mon != tm.tm_mon) /* the 31st of a short month has moved on */
		return false;
	*out = ((int64_t)t - minutes * 60) * 1000 + ms;
	return *out >= 0;
}

static int64_t
unit_ms(char unit)
{
	switch (unit) {
	case 's':
		return 1000;
	case 'm':
		return 60000;
	case 'h':
		return 3600000;
	case 'd':
		return 86400000;
	default:
		return 0;
	}
}

static bool
time_parse(const char *text, int64_t now_ms, int64_t *out)
{
	int64_t n = 0, unit;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (n > INT64_MAX / 1000 / 10 - 10)
			return false;
		n = n * 10 + (*p - '0');
	}
	if (p == text)
		return false;
	if (*p == '\0') {
		*out = n * 1000;
		return true;
	}
	unit = unit_ms(*p);
	if (unit == 0 || p[1] != '\0')
		return rfc3339(text, out);
	if (n > now_ms / unit)
		return false;
	*out = now_ms - n * unit;
	return true;
}

bool
time_read(const char *text, const char *what, int64_t *ms)
{
	struct timespec now;

	must(clock_gettime(CLOCK_REALTIME, &now) == 0);
	if (time_parse(text, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, ms))
		return true;
	(void)fail(EXIT_USAGE,
	    "%s wants a time: seconds since 1970, 2026-11-22T10:00:00Z, or so long ago as 90s, "
	    "10m, "
	    "2h, 3d; not \"%s\"",
	    what, text);
	return false;
}
