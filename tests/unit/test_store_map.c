#include "store/map.h"

#include "test_store_help.h"

static const struct map_seed seed = {{1, 2}};

static struct map_key
key(uint64_t n)
{
	return (struct map_key){{n * 0x9e3779b97f4a7c15u, n, 0, 0}, n % 3};
}

Test(store_map, numbers_keys_in_the_order_they_came)
{
	struct map m;
	struct map_key k;
	bool added = false;

	map_init(&m, seed);
	for (uint64_t i = 0; i < 5000; i++) {
		k = key(i);
		cr_assert_eq(map_reserve(&m, 1), RC_OK);
		cr_assert_eq(map_find(&m, &k), MAP_NONE);
		cr_assert_eq(map_add(&m, &k, &added), i);
		cr_assert(added);
	}
	for (uint64_t i = 0; i < 5000; i++) {
		k = key(i);
		cr_assert_eq(map_find(&m, &k), i);
		cr_assert_eq(map_reserve(&m, 1), RC_OK);
		cr_assert_eq(map_add(&m, &k, &added), i);
		cr_assert_not(added);
	}
	map_release(&m);
	k = key(1);
	cr_assert_eq(map_find(&m, &k), MAP_NONE);
}

Test(store_map, every_word_of_the_key_counts)
{
	struct map m;
	struct map_key k = {{0, 0, 0, 0}, 0};
	bool added = false;

	map_init(&m, seed);
	cr_assert_eq(map_reserve(&m, 8), RC_OK);
	map_add(&m, &k, &added);
	for (size_t i = 0; i < 4; i++) {
		k = (struct map_key){{0, 0, 0, 0}, 0};
		k.w[i] = 1;
		cr_assert_eq(map_find(&m, &k), MAP_NONE);
		cr_assert_eq(map_add(&m, &k, &added), i + 1);
	}
	k = (struct map_key){{0, 0, 0, 0}, 1};
	cr_assert_eq(map_add(&m, &k, &added), 5);
	map_release(&m);
}

Test(store_map, order_is_that_of_big_endian_bytes)
{
	struct map_key a = {{1, 2, 3, 4}, 5}, b = a;

	cr_assert_eq(map_key_cmp(&a, &b), 0);
	b.tag = 6;
	cr_assert(map_key_cmp(&a, &b) < 0 && map_key_cmp(&b, &a) > 0);
	b = a;
	b.w[0] = UINT64_MAX;
	cr_assert(map_key_cmp(&a, &b) < 0);
}

Test(store_map, an_absurd_reservation_is_refused)
{
	struct map m;

	map_init(&m, seed);
	cr_assert_eq(map_reserve(&m, SIZE_MAX), RC_NO_MEMORY);
	map_release(&m);
}

Test(store_map, adding_without_room_is_our_bug, .signal = SIGABRT)
{
	struct map m;
	struct map_key k = key(1);
	bool added = false;

	map_init(&m, seed);
	map_add(&m, &k, &added);
}
