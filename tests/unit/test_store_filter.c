#include "store/filter.h"

#include "test_store_help.h"

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

Test(store_filter, never_denies_what_was_added_and_seldom_grants_what_was_not)
{
	struct filters *f = filters_new();
	size_t wrong = 0;

	cr_assert_eq(filters_begin(f, 3), RC_OK);
	for (uint64_t i = 0; i < FILTER_EPOCH_SIZE; i++)
		filters_add(f, 3, mix(i));
	for (uint64_t i = 0; i < FILTER_EPOCH_SIZE; i++)
		cr_assert(filters_may_have(f, 3, mix(i)));
	for (uint64_t i = 0; i < 100000; i++)
		wrong += filters_may_have(f, 3, mix(i + (1u << 30)));
	cr_assert_lt(wrong, 1500, "%zu of 100000", wrong);
	filters_free(f);
}

Test(store_filter, an_empty_one_has_nothing_and_a_missing_one_may_have_anything)
{
	struct filters *f = filters_new();

	cr_assert(filters_may_have(f, 0, 42));
	cr_assert_eq(filters_begin(f, 0), RC_OK);
	cr_assert_not(filters_may_have(f, 0, 42));
	filters_add(f, 0, 42);
	cr_assert_eq(filters_begin(f, 0), RC_OK, "a second time changes nothing");
	cr_assert(filters_may_have(f, 0, 42));
	cr_assert(filters_may_have(f, 1, 42), "another epoch");
	filters_free(f);
	filters_free(NULL);
}

Test(store_filter, an_epoch_beyond_the_last_filter_is_looked_up_without)
{
	struct filters *f = filters_new();

	cr_assert_eq(filters_begin(f, FILTER_EPOCHS_MAX), RC_OK);
	filters_add(f, FILTER_EPOCHS_MAX, 1);
	cr_assert(filters_may_have(f, FILTER_EPOCHS_MAX, 2));
	cr_assert_eq(filters_bytes(f, UINT64_MAX).n, 0);
	filters_free(f);
}

Test(store_filter, comes_back_from_its_bytes)
{
	struct filters *f = filters_new(), *g = filters_new();
	struct bytes x = BYTES_NONE;

	cr_assert_eq(filters_begin(f, 0), RC_OK);
	for (uint64_t i = 0; i < 1000; i++)
		filters_add(f, 0, mix(i));
	x = filters_bytes(f, 0);
	cr_assert_eq(x.n, FILTER_BYTES);
	cr_assert_eq(filters_load(g, 5, x), RC_OK);
	for (uint64_t i = 0; i < 1000; i++)
		cr_assert(filters_may_have(g, 5, mix(i)));
	cr_assert(bytes_eq(filters_bytes(g, 5), x));
	cr_assert_eq(filters_load(g, 6, bytes_of(x.p, x.n - 1)), RC_CORRUPT);
	filters_free(f);
	filters_free(g);
}

Test(store_filter, adding_to_an_epoch_not_begun_is_our_bug, .signal = SIGABRT)
{
	filters_add(filters_new(), 0, 1);
}
