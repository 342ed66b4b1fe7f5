#include "store/index_row.h"

#include "test_store_help.h"

static struct bytes
key_of(const struct row *r)
{
	return bytes_of(r->key, r->key_size);
}

static struct bytes
value_of(const struct row *r)
{
	return bytes_of(r->value, r->value_size);
}

Test(store_index_row, an_id_comes_back_at_both_ends_of_every_number)
{
	static const uint64_t indexes[] = {0, 127, 128, 1u << 28, UINT64_MAX - 1, UINT64_MAX};
	static const int64_t iats[] = {0, 1, -1, 1700000000, INT64_MAX, INT64_MIN};
	uint8_t jti[UUID_SIZE], wid[UUID_SIZE];
	struct index_hit hit;
	struct map_key k;
	struct row r;

	help_id(1, jti);
	help_id(2, wid);
	for (size_t i = 0; i < 6; i++)
		for (size_t n = 0; n < 6; n++)
			for (int has = 0; has < 2; has++) {
				k = gen_key_id(has, wid, jti);
				row_id(&r, &k, indexes[i], iats[n], (i + n) % 2 == 1);
				cr_assert(r.value_size <= ROW_VALUE_MAX);
				cr_assert(row_id_read(key_of(&r), value_of(&r), &hit));
				cr_assert_eq(hit.lower, (i + n) % 2 == 1);
				cr_assert_eq(hit.index, indexes[i]);
				cr_assert_eq(hit.iat, iats[n]);
				cr_assert_eq(hit.has_wid, has);
				cr_assert(!has || memcmp(hit.wid, wid, UUID_SIZE) == 0);
				cr_assert_eq(memcmp(r.key, jti, UUID_SIZE), 0);
			}
}

Test(store_index_row, a_value_cut_or_longer_is_refused)
{
	uint8_t jti[UUID_SIZE] = {1};
	struct index_hit hit;
	struct map_key k = gen_key_id(false, NULL, jti);
	struct row r;

	row_id(&r, &k, 300, 1700000000, false);
	for (size_t n = 0; n < r.value_size; n++)
		cr_assert_not(row_id_read(key_of(&r), bytes_of(r.value, n), &hit));
	r.value[r.value_size] = 0;
	cr_assert_not(row_id_read(key_of(&r), bytes_of(r.value, r.value_size + 1), &hit));
	memset(r.value, 0xff, sizeof r.value);
	cr_assert_not(row_id_read(key_of(&r), bytes_of(r.value, sizeof r.value), &hit));
}

/* A value by hand under a check that holds. */
static bool
reads(const uint8_t *value, size_t n, struct index_hit *hit)
{
	uint8_t jti[UUID_SIZE] = {1};
	struct map_key k = gen_key_id(false, NULL, jti);
	struct row r;

	row_id_key(&r, &k);
	memcpy(r.value, value, n);
	r.value_size = n;
	row_block_end(&r); /* the check over whatever is there */
	return row_id_read(key_of(&r), value_of(&r), hit);
}

Test(store_index_row, a_number_that_is_not_shortest_or_has_65_bits_is_refused)
{
	uint8_t most[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x02};
	static const uint8_t good[] = {0x00, 0x02}, longer[] = {0x80, 0x00, 0x02};
	static const uint8_t mark[] = {0x00, 0x02, 0x01}, no_mark[] = {0x00, 0x02, 0x02};
	struct index_hit hit;

	cr_assert(reads(good, sizeof good, &hit) && hit.index == 0 && hit.iat == 1 && !hit.lower);
	cr_assert_not(reads(longer, sizeof longer, &hit), "0 in two bytes");
	cr_assert(reads(mark, sizeof mark, &hit) && hit.lower);
	cr_assert_not(reads(no_mark, sizeof no_mark, &hit));
	cr_assert_not(reads(good, 1, &hit), "one number is missing");
	cr_assert(reads(most, sizeof most, &hit) && hit.index == UINT64_MAX);
	most[9] = 0x03;
	cr_assert_not(reads(most, sizeof most, &hit), "65 bits");
	most[9] = 0x81;
	cr_assert_not(reads(most, sizeof most, &hit), "an eleventh byte");
}

Test(store_index_row, a_key_of_another_length_or_scope_is_refused)
{
	uint8_t jti[UUID_SIZE] = {1};
	struct index_hit hit;
	struct map_key k = gen_key_id(true, jti, jti);
	struct row r;

	row_id(&r, &k, 1, 1, false);
	cr_assert_eq(r.key_size, 33);
	cr_assert(row_id_read(key_of(&r), value_of(&r), &hit));
	cr_assert_not(row_id_read(bytes_of(r.key, 32), value_of(&r), &hit));
	cr_assert_not(row_id_read(bytes_of(r.key, 17), value_of(&r), &hit), "scope says workflow");
	r.key[16] = 2;
	cr_assert_not(row_id_read(key_of(&r), value_of(&r), &hit));
}

Test(store_index_row, links_end_in_their_index)
{
	uint8_t prefix[UUID_SIZE] = {9};
	struct map_key k = gen_key_hash(prefix);
	uint64_t v = 0;
	struct row r;

	row_child(&r, 5, UINT64_MAX);
	cr_assert(row_link_read(key_of(&r), 16, &v) && v == UINT64_MAX);
	cr_assert_not(row_link_read(key_of(&r), 24, &v));
	row_hash(&r, &k, 77);
	cr_assert(row_link_read(key_of(&r), 24, &v) && v == 77);
	cr_assert_eq(memcmp(r.key, prefix, UUID_SIZE), 0);
}

Test(store_index_row, a_sequence_head_comes_back_and_an_empty_one_is_refused)
{
	struct index_seq_key key = {INDEX_SEQ_ISSUER, {1, 2, 3}};
	struct map_key k = gen_key_seq(&key);
	struct index_seq_head in = {70000, UINT64_MAX}, out;
	struct row r;

	row_seq(&r, &k, &in);
	cr_assert_eq(r.key[0], INDEX_SEQ_ISSUER);
	cr_assert_eq(memcmp(r.key + 1, key.id, UUID_SIZE), 0);
	cr_assert(row_seq_read(key_of(&r), value_of(&r), &out));
	cr_assert(out.count == 70000 && out.last == UINT64_MAX);
	in.count = 0;
	row_seq(&r, &k, &in);
	cr_assert_not(row_seq_read(key_of(&r), value_of(&r), &out));
}

Test(store_index_row, one_changed_bit_in_key_or_value_is_found)
{
	uint8_t wid[UUID_SIZE] = {3}, jti[UUID_SIZE] = {9};
	struct map_key k = gen_key_id(true, wid, jti);
	struct index_hit hit;
	struct row r;

	row_id(&r, &k, 70000, 1700000000, false);
	for (size_t bit = 0; bit < 8 * (r.key_size + r.value_size); bit++) {
		uint8_t *at =
		    bit / 8 < r.key_size ? &r.key[bit / 8] : &r.value[bit / 8 - r.key_size];

		*at ^= (uint8_t)(1u << bit % 8);
		cr_assert_not(row_id_read(key_of(&r), value_of(&r), &hit), "bit %zu", bit);
		*at ^= (uint8_t)(1u << bit % 8);
	}
	cr_assert(row_id_read(key_of(&r), value_of(&r), &hit));
}

Test(store_index_row, a_block_gives_back_its_entries_and_refuses_the_one_too_many)
{
	struct index_list_key list = {INDEX_LIST_SIGNER, {1, 2, 3}};
	struct map_key k = gen_key_list(&list);
	static uint64_t in[ROW_BLOCK_MAX + 1];
	struct row_block b;
	struct row r;
	bool bad = true;
	size_t n = 1;

	for (uint64_t step = 1; step < UINT64_MAX / 8192; step *= 1000) {
		in[0] = 5;
		row_block_key(&r, &k, 5);
		for (n = 1; row_block_add(&r, in[n - 1], in[n - 1] + step); n++)
			in[n] = in[n - 1] + step;
		cr_assert(n > 100 && n <= ROW_BLOCK_MAX);
		row_block_end(&r);
		cr_assert(r.value_size <= ROW_VALUE_MAX);
		cr_assert(row_block_open(key_of(&r), value_of(&r), &b));
		for (size_t i = 0; i < n; i++) {
			cr_assert_eq(b.index, in[i]);
			cr_assert_eq(row_block_next(&b, &bad), i + 1 < n);
			cr_assert_not(bad);
		}
	}
}

Test(store_index_row, one_changed_bit_in_a_block_is_found)
{
	struct index_list_key list = {INDEX_LIST_KIND, {9}};
	struct map_key k = gen_key_list(&list);
	struct row_block b;
	struct row r;

	row_block_key(&r, &k, 1000);
	cr_assert(row_block_add(&r, 1000, 1001) && row_block_add(&r, 1001, 5000));
	row_block_end(&r);
	for (size_t bit = 0; bit < 8 * (r.key_size + r.value_size); bit++) {
		uint8_t *at =
		    bit / 8 < r.key_size ? &r.key[bit / 8] : &r.value[bit / 8 - r.key_size];

		*at ^= (uint8_t)(1u << bit % 8);
		cr_assert_not(row_block_open(key_of(&r), value_of(&r), &b), "bit %zu", bit);
		*at ^= (uint8_t)(1u << bit % 8);
	}
	cr_assert(row_block_open(key_of(&r), value_of(&r), &b));
	cr_assert_not(row_block_open(bytes_of(r.key, r.key_size - 1), value_of(&r), &b));
}

Test(store_index_row, a_block_that_runs_over_the_last_index_is_bad)
{
	uint8_t rest[2] = {0x02, 0x80};
	struct row_block b = {.index = UINT64_MAX - 3, .rest = bytes_of(rest, 1)};
	bool bad = false;

	cr_assert(row_block_next(&b, &bad), "to the last index but none beyond");
	cr_assert_eq(b.index, UINT64_MAX);
	b = (struct row_block){.index = UINT64_MAX - 2, .rest = bytes_of(rest, 1)};
	cr_assert_not(row_block_next(&b, &bad));
	cr_assert(bad);
	b = (struct row_block){.index = 1, .rest = bytes_of(rest + 1, 1)};
	cr_assert_not(row_block_next(&b, &bad), "cut off");
	cr_assert(bad);
}
