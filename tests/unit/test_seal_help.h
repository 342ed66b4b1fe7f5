/* test_seal_help.h - what the seal suites share: vectors, and the small log of test_seal_log.h. */
#ifndef TEST_SEAL_HELP_H
#define TEST_SEAL_HELP_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lib/testlib.h"
#include "seal/receipt.h"
#include "unit/test_seal_log.h"

static inline struct bytes
text_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	cr_assert(json_is_string(value), "no member %s", name);
	return bytes_of(json_string_value(value), json_string_length(value));
}

static inline struct vkey
vkey_of(struct bytes text)
{
	struct vkey key;
	struct why why = {0};

	cr_assert(vkey_parse(text, &key, &why) == RC_OK, "%.*s: %s", (int)text.n, text.p, why.text);
	return key;
}

static inline struct hash
hash_of_hex(struct bytes text)
{
	struct hash h;
	size_t n = 0;

	cr_assert(hex_decode(text, h.b, sizeof(h.b), &n) && n == HASH_SIZE);
	return h;
}

#endif
