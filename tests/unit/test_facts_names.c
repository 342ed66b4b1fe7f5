/*
 * test_facts_names.c - a text has one number, in the order of first appearance, whatever else is added.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "facts/names.h"

static struct facts_table t;

static void
begin(void)
{
	cr_assert(names_open(&t));
}

static void
end(void)
{
	names_close(&t);
}

TestSuite(facts_names, .init = begin, .fini = end);

static uint32_t
add(const char *text, uint32_t entry)
{
	uint32_t n = NAME_NONE;

	cr_assert(names_add(&t, bytes_str(text), entry, NAME_NONE, &n));
	return n;
}

Test(facts_names, numbers_go_by_first_appearance)
{
	cr_expect_eq(names_find(&t, bytes_str("a")), NAME_NONE, "an empty table knows nothing");
	cr_expect_eq(add("b", 3), 0);
	cr_expect_eq(add("a", 4), 1);
	cr_expect_eq(add("b", 9), 0);
	cr_expect_eq(names_at(&t, 0)->first, 3);
	cr_expect_eq(names_find(&t, bytes_str("a")), 1);
	cr_expect_eq(names_find(&t, bytes_str("c")), NAME_NONE);
}

Test(facts_names, texts_are_bytes)
{
	const uint8_t x[] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1}, y[] = {0, 1, 2, 3, 4, 5, 6, 7, 0};
	uint32_t n = NAME_NONE, m = NAME_NONE, e = NAME_NONE;

	cr_assert(names_add(&t, bytes_of(x, sizeof(x)), 0, NAME_NONE, &n));
	cr_assert(names_add(&t, bytes_of(y, sizeof(y)), 1, NAME_NONE, &m));
	cr_assert(names_add(&t, BYTES_NONE, 2, NAME_NONE, &e));
	cr_expect(n != m && m != e && n != e);
	cr_expect_eq(names_find(&t, bytes_of(x, sizeof(x))), n);
	cr_expect_eq(names_find(&t, BYTES_NONE), e);
	cr_expect(bytes_eq(names_at(&t, m)->text, bytes_of(y, sizeof(y))));
}

Test(facts_names, a_text_is_copied)
{
	char text[] = "borrowed";

	cr_expect_eq(add(text, 0), 0);
	memset(text, 'x', sizeof(text) - 1);
	cr_expect_eq(names_find(&t, bytes_str("borrowed")), 0);
	cr_expect_eq(names_find(&t, bytes_str(text)), NAME_NONE);
}

Test(facts_names, many_names_keep_their_numbers_and_places)
{
	const struct name *first;
	char text[48];

	cr_expect_eq(add("first", 0), 0);
	first = names_at(&t, 0);
	for (uint32_t i = 1; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "spiffe://example.com/agent/%u", i);
		cr_assert_eq(add(text, i), i);
	}
	for (uint32_t i = 1; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "spiffe://example.com/agent/%u", i);
		cr_assert_eq(names_find(&t, bytes_str(text)), i);
	}
	cr_expect_eq(names_at(&t, 0), first, "readers may hold on to a name");
	cr_expect_gt(names_bytes(&t), 20000 * sizeof(struct name));
}

Test(facts_names, a_new_name_has_no_chain)
{
	uint32_t n = NAME_NONE;

	cr_assert(names_add(&t, bytes_str("iss"), 5, 77, &n));
	cr_expect_eq(names_at(&t, n)->other, 77);
	cr_expect_eq(atomic_load(&names_at(&t, n)->last), NAME_NONE);
	cr_expect_eq(atomic_load(&names_at(&t, n)->last2), NAME_NONE);
}
