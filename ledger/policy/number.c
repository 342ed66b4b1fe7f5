/*
 * number.c - a number is a sign, digits, and the place of the first of them that is not zero.
 *
 * Two such compare by sign, then by place, then digit by digit, so nothing is ever converted and
 * nothing is lost.  A place is held in 64 bits; an exponent that does not fit is held at the edge,
 * which is right as long as the other side is far from it.
 */
#include "policy/number.h"

#include <string.h>

#include "base/must.h"

#define EXPONENT_EDGE INT64_C(1000000000000000000)

struct decimal {
	int sign;	     /* -1, 0, 1 */
	int64_t place;	     /* of the first digit: 1 is the ones, 0 the tenths */
	struct bytes digits; /* from the first that is not zero on; may hold the point */
};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static int64_t
read_exponent(struct bytes text)
{
	bool minus = text.n > 0 && text.p[0] == '-';
	int64_t v = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (!is_digit(text.p[i]))
			continue;
		if (v < EXPONENT_EDGE / 10)
			v = v * 10 + (text.p[i] - '0');
		else
			v = EXPONENT_EDGE;
	}
	return minus ? -v : v;
}

/* Where the mantissa ends: at the exponent, or with the text. */
static size_t
mantissa(struct bytes text)
{
	size_t i = 0;

	while (i < text.n && text.p[i] != 'e' && text.p[i] != 'E')
		i++;
	return i;
}

static struct decimal
read(struct bytes text)
{
	size_t at = text.n > 0 && text.p[0] == '-', end = mantissa(text), whole = at, first;
	struct decimal d = {.sign = at == 1 ? -1 : 1};

	while (whole < end && is_digit(text.p[whole]))
		whole++;
	for (first = at; first < end && (text.p[first] == '0' || text.p[first] == '.');)
		first++;
	if (first == end)
		return (struct decimal){0};
	d.place = first < whole ? (int64_t)(whole - first) : -(int64_t)(first - whole - 1);
	if (end < text.n)
		d.place += read_exponent(bytes_of(text.p + end + 1, text.n - end - 1));
	d.digits = bytes_of(text.p + first, end - first);
	return d;
}

/* The next digit; behind the last one zeros go on for ever. */
static int
next_digit(struct bytes digits, size_t *at)
{
	if (*at < digits.n && digits.p[*at] == '.')
		++*at;
	return *at < digits.n ? digits.p[(*at)++] - '0' : 0;
}

static int
cmp_digits(struct bytes a, struct bytes b)
{
	size_t i = 0, j = 0;

	while (i < a.n || j < b.n) {
		int x = next_digit(a, &i), y = next_digit(b, &j);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

bool
number_plain(struct bytes text)
{
	size_t end = mantissa(text), digits = 0;

	for (size_t i = end; i < text.n; i++)
		digits += is_digit(text.p[i]);
	return text.n <= NUMBER_TEXT_MAX && digits <= NUMBER_EXPONENT_MAX;
}

int
number_cmp(struct bytes a, struct bytes b)
{
	struct decimal x = read(a), y = read(b);
	int size;

	must(number_plain(b));
	if (x.sign != y.sign)
		return x.sign < y.sign ? -1 : 1;
	if (x.sign == 0)
		return 0;
	if (x.place != y.place)
		size = x.place < y.place ? -1 : 1;
	else
		size = cmp_digits(x.digits, y.digits);
	return x.sign * size;
}

bool
number_share_e6(struct bytes text, uint32_t *out)
{
	uint32_t v, unit = 100000;

	if (text.n == 0 || (text.p[0] != '0' && text.p[0] != '1') || text.n > 8 ||
	    (text.n > 1 && text.p[1] != '.'))
		return false;
	v = text.p[0] == '1' ? 1000000 : 0;
	for (size_t i = 2; i < text.n; i++, unit /= 10) {
		if (!is_digit(text.p[i]))
			return false;
		v += (uint32_t)(text.p[i] - '0') * unit;
	}
	*out = v;
	return v <= 1000000;
}
