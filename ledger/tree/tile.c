/*
 * tile.c - which tiles a tree of some size has, and how C2SP tlog-tiles names them.
 *
 * The names come back from the network (GET /tile/...), so the parser accepts exactly one spelling
 * of each tile: one that tile_path() would have written.
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "tree/tile.h"

#define LEVEL_NAME_MAX 63 /* the specification's range; ours ends at TILE_LEVELS - 1 */

unsigned
tile_width(uint64_t size, unsigned level, uint64_t number)
{
	uint64_t hashes;

	must(level < TILE_LEVELS);
	hashes = size >> (8 * level);
	if (number > hashes / TILE_WIDTH)
		return 0;
	hashes -= number * TILE_WIDTH;
	return hashes < TILE_WIDTH ? (unsigned)hashes : TILE_WIDTH;
}

/* "x001/x234/067", and ".p/8" for a partial tile. */
static void
number_path(char *out, size_t room, uint64_t number, unsigned width)
{
	char digits[24];
	size_t n, i, at = 0;

	must(1 <= width && width <= TILE_WIDTH);
	n = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	n = (n + 2) / 3 * 3;
	snprintf(digits, sizeof(digits), "%0*llu", (int)n, (unsigned long long)number);
	for (i = 0; i < n; i += 3)
		at += (size_t)snprintf(
		    out + at, room - at, i + 3 < n ? "x%.3s/" : "%.3s", digits + i);
	if (width < TILE_WIDTH)
		at += (size_t)snprintf(out + at, room - at, ".p/%u", width);
	must(at < room);
}

void
tile_path(unsigned level, uint64_t number, unsigned width, char out[96])
{
	int n;

	must(level <= LEVEL_NAME_MAX);
	n = snprintf(out, 96, "tile/%u/", level);
	number_path(out + n, 96 - (size_t)n, number, width);
}

void
tile_entries_path(uint64_t number, unsigned width, char out[96])
{
	int n = snprintf(out, 96, "tile/entries/");

	number_path(out + n, 96 - (size_t)n, number, width);
}

/* Take a decimal without sign or leading zero, at most 'max'. */
static bool
take_decimal(struct bytes *rest, unsigned max, unsigned *out)
{
	unsigned v = 0;
	size_t i;

	for (i = 0; i < rest->n && rest->p[i] >= '0' && rest->p[i] <= '9'; i++) {
		if (i > 0 && v == 0)
			return false;
		v = v * 10 + (unsigned)(rest->p[i] - '0');
		if (v > max)
			return false;
	}
	if (i == 0)
		return false;
	*out = v;
	*rest = bytes_of(rest->p + i, rest->n - i);
	return true;
}

static bool
take_text(struct bytes *rest, const char *text)
{
	size_t n = strlen(text);

	if (rest->n < n || memcmp(rest->p, text, n) != 0)
		return false;
	*rest = bytes_of(rest->p + n, rest->n - n);
	return true;
}

/* Groups of three digits, all but the last marked with an x and followed by a slash. */
static bool
take_number(struct bytes *rest, uint64_t *out)
{
	uint64_t v = 0;
	unsigned group, i;
	bool more;

	do {
		more = take_text(rest, "x");
		if (rest->n < 3)
			return false;
		for (i = 0, group = 0; i < 3; i++) {
			if (rest->p[i] < '0' || rest->p[i] > '9')
				return false;
			group = group * 10 + (unsigned)(rest->p[i] - '0');
		}
		*rest = bytes_of(rest->p + 3, rest->n - 3);
		/* A zero group in front would be a second name for the same tile. */
		if (more && v == 0 && group == 0)
			return false;
		if (__builtin_mul_overflow(v, 1000u, &v) || __builtin_add_overflow(v, group, &v))
			return false;
		if (more && !take_text(rest, "/"))
			return false;
	} while (more);
	*out = v;
	return true;
}

bool
tile_path_parse(
    struct bytes path, bool *entries, unsigned *level, uint64_t *number, unsigned *width)
{
	struct bytes rest = path;

	*level = 0;
	*width = TILE_WIDTH;
	if (!take_text(&rest, "tile/"))
		return false;
	*entries = take_text(&rest, "entries/");
	if (!*entries && !(take_decimal(&rest, LEVEL_NAME_MAX, level) && take_text(&rest, "/")))
		return false;
	if (!take_number(&rest, number))
		return false;
	if (take_text(&rest, ".p/") && !(take_decimal(&rest, TILE_WIDTH - 1, width) && *width > 0))
		return false;
	return rest.n == 0;
}
