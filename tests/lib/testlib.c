/*
 * testlib.c - see testlib.h.  Every failure here aborts: a helper that shrugs would make tests that
 * cannot fail.
 */
#include "lib/testlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"

json_t *
test_vectors(const char *root, const char *path)
{
	char name[4096];
	json_error_t error;
	json_t *j;

	must((size_t)snprintf(name, sizeof(name), "%s/%s", root, path) < sizeof(name));
	if ((j = json_load_file(name, 0, &error)) == NULL) {
		(void)fprintf(stderr, "%s: %s\n", name, error.text);
		abort();
	}
	return j;
}

struct bytes
test_hex(const char *hex)
{
	size_t n = strlen(hex), got;
	uint8_t *p = malloc(n / 2 + 1);

	must(p != NULL);
	must(hex_decode(bytes_of(hex, n), p, n / 2, &got));
	return bytes_of(p, got);
}

struct bytes
test_exact(struct bytes x)
{
	uint8_t *p = malloc(x.n == 0 ? 1 : x.n);

	must(p != NULL);
	if (x.n != 0)
		memcpy(p, x.p, x.n);
	return bytes_of(p, x.n);
}

void
test_free(struct bytes x)
{
	free((void *)(uintptr_t)x.p);
}

static int64_t
test_now_ms(void *ctx)
{
	return ((struct test_clock *)ctx)->now_ms;
}

static int64_t
test_mono_us(void *ctx)
{
	return ((struct test_clock *)ctx)->mono_us;
}

struct clock
test_clock(struct test_clock *c)
{
	return (struct clock){.now_ms = test_now_ms, .mono_us = test_mono_us, .ctx = c};
}
