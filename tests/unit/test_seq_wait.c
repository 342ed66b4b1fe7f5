/* test_seq_wait.c - the pool of waiting tokens: bounds, order, and a model that it must agree with. */
#include <criterion/criterion.h>
#include <string.h>

#include "seq/wait.h"

#define ITEMS 400

static struct writer_item items[ITEMS];
static struct wait_pool *pool;

static void
open_pool(size_t tokens, size_t bytes, size_t client)
{
	struct wait_bounds bounds = {tokens, bytes, client};

	memset(items, 0, sizeof(items));
	cr_assert_not_null(pool = wait_new(&bounds, 7));
}

static void
down(void)
{
	struct writer_item *first;

	if (pool == NULL)
		return;
	wait_take_all(pool, &first);
	wait_free(pool);
}

TestSuite(seq_wait, .fini = down);

static const uint8_t *
id(unsigned n)
{
	static uint8_t ids[8][UUID_SIZE];
	static unsigned at;
	uint8_t *out = ids[at++ % 8];

	memset(out, 0, UUID_SIZE);
	memcpy(out, &n, sizeof(n));
	return out;
}

static bool
add(unsigned i, unsigned jti, int64_t deadline, uint64_t client, size_t bytes)
{
	items[i].deadline_us = deadline;
	items[i].client = client;
	items[i].bytes = bytes;
	return wait_add(pool, &items[i], id(jti));
}

/* The chain is these items, in this order, ended by ITEMS. */
static void
is_chain(const struct writer_item *first, const unsigned *want)
{
	for (; *want != ITEMS; want++, first = first->next)
		cr_assert_eq(first, &items[*want], "item %u", *want);
	cr_assert_null(first);
}

Test(seq_wait, what_waits_for_an_id_is_ready_when_it_came_and_nothing_else)
{
	struct writer_item *first;

	open_pool(10, 1000, 10);
	cr_assert(add(0, 1, 100, 1, 10) && add(1, 2, 100, 1, 10) && add(2, 1, 50, 1, 10));
	wait_admitted(pool, id(3));
	cr_assert_not(wait_any_ready(pool));
	wait_admitted(pool, id(1));
	cr_assert(wait_any_ready(pool));
	cr_assert_eq(wait_take(pool, 10, &first), 2);
	is_chain(first, (unsigned[]){0, 2, ITEMS});
	cr_assert_eq(wait_count(pool), 1);
	cr_assert_eq(wait_take(pool, 10, &first), 0);
	cr_assert_null(first);
}

Test(seq_wait, what_is_ready_is_taken_piece_by_piece_in_order)
{
	struct writer_item *first;

	open_pool(10, 1000, 10);
	for (unsigned i = 0; i < 5; i++)
		cr_assert(add(i, 1, 100 - i, 1, 1));
	wait_admitted(pool, id(1));
	cr_assert_eq(wait_take(pool, 2, &first), 2);
	is_chain(first, (unsigned[]){0, 1, ITEMS});
	cr_assert_eq(wait_take(pool, 2, &first), 2);
	is_chain(first, (unsigned[]){2, 3, ITEMS});
	cr_assert_eq(wait_take(pool, 2, &first), 1);
	is_chain(first, (unsigned[]){4, ITEMS});
	cr_assert_eq(wait_count(pool), 0);
}

Test(seq_wait, what_is_ready_does_not_expire)
{
	struct writer_item *first;

	open_pool(10, 1000, 10);
	cr_assert(add(0, 1, 5, 1, 1) && add(1, 2, 6, 1, 1));
	wait_admitted(pool, id(1));
	cr_assert_eq(wait_deadline(pool), 6);
	cr_assert_eq(wait_expired(pool, 100, &first), 1);
	is_chain(first, (unsigned[]){1, ITEMS});
	cr_assert_eq(wait_deadline(pool), INT64_MAX);
	cr_assert_eq(wait_take(pool, 10, &first), 1);
}

Test(seq_wait, deadlines_are_met_earliest_first_and_not_before_their_time)
{
	struct writer_item *first;

	open_pool(10, 1000, 10);
	cr_assert(add(0, 1, 30, 1, 1) && add(1, 1, 10, 1, 1) && add(2, 2, 20, 1, 1) &&
		  add(3, 3, 10, 1, 1));
	cr_assert_eq(wait_expired(pool, 9, &first), 0);
	cr_assert_null(first);
	cr_assert_eq(wait_deadline(pool), 10);
	cr_assert_eq(wait_expired(pool, 20, &first), 3);
	is_chain(first, (unsigned[]){1, 3, 2, ITEMS});
	wait_admitted(pool, id(1));
	cr_assert_eq(wait_take(pool, 9, &first), 1);
	is_chain(first, (unsigned[]){0, ITEMS});
}

Test(seq_wait, each_bound_is_hard_and_what_leaves_gives_its_room_back)
{
	struct writer_item *first;

	open_pool(3, 100, 2);
	cr_assert(add(0, 1, 1, 1, 40) && add(1, 1, 2, 1, 40));
	cr_assert_not(add(2, 1, 3, 1, 1), "the client's share");
	cr_assert_not(add(2, 1, 3, 2, 21), "bytes");
	cr_assert(add(2, 1, 3, 2, 20));
	cr_assert_not(add(3, 1, 4, 3, 0), "tokens");
	cr_assert_eq(wait_expired(pool, 1, &first), 1);
	cr_assert(add(3, 1, 4, 1, 40), "client, bytes and tokens are free again");
	cr_assert_not(add(0, 1, 4, 1, 0));
	/* What is ready still counts until it is taken. */
	wait_admitted(pool, id(1));
	cr_assert_not(add(0, 2, 4, 3, 0));
	cr_assert_eq(wait_take(pool, 1, &first), 1);
	cr_assert(add(0, 2, 4, 3, 0));
}

Test(seq_wait, bounds_of_zero_let_nobody_wait)
{
	open_pool(0, 1000, 10);
	cr_assert_not(add(0, 1, 1, 1, 0));
	wait_free(pool);
	open_pool(10, 1000, 0);
	cr_assert_not(add(0, 1, 1, 1, 0));
	wait_free(pool);
	open_pool(10, 0, 10);
	cr_assert_not(add(0, 1, 1, 1, 1));
	cr_assert(add(0, 1, 1, 1, 0));
}

Test(seq_wait, everything_comes_back_at_the_end)
{
	struct writer_item *first;

	open_pool(10, 1000, 10);
	cr_assert(add(0, 1, 30, 1, 1) && add(1, 2, 10, 1, 1) && add(2, 3, 20, 1, 1));
	wait_admitted(pool, id(3));
	cr_assert_eq(wait_take_all(pool, &first), 3);
	is_chain(first, (unsigned[]){2, 1, 0, ITEMS});
	cr_assert_eq(wait_count(pool), 0);
}

/* ---- a model: the same operations on a plain list ---- */

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

enum where { OUT, WAITING, READY };
static struct model {
	enum where where;
	unsigned jti;
	uint64_t ready_at;
} model[ITEMS];

static void
check_taken(const struct writer_item *first, size_t count, enum where from)
{
	for (size_t n = 0; n < count; n++, first = first->next) {
		size_t i = (size_t)(first - items);

		cr_assert_eq(model[i].where, from);
		if (from == READY)
			for (size_t k = 0; k < ITEMS; k++)
				cr_assert(model[k].where != READY ||
					  model[k].ready_at >= model[i].ready_at);
		model[i].where = OUT;
	}
	cr_assert_null(first);
}

Test(seq_wait, agrees_with_a_plain_list_over_many_random_operations)
{
	enum { TOKENS = 40, BYTES = 1800, SHARE = 8, CLIENTS = 6 };
	uint64_t s = 88172645463325252u, order = 0;
	struct writer_item *first;
	int64_t now = 0;
	size_t full = 0;

	open_pool(TOKENS, BYTES, SHARE);
	memset(model, 0, sizeof(model));
	for (unsigned round = 0; round < 60000; round++) {
		size_t i = rnd(&s) % ITEMS, held = 0, bytes = 0, share = 0, count = 0;
		unsigned jti;

		for (size_t k = 0; k < ITEMS; k++) {
			if (model[k].where == OUT)
				continue;
			held++;
			bytes += items[k].bytes;
			share += items[k].client == i % CLIENTS;
		}
		cr_assert_eq(wait_count(pool), held);
		switch (rnd(&s) % 12) {
		case 0:
			jti = (unsigned)(rnd(&s) % 40);
			wait_admitted(pool, id(jti));
			for (size_t k = 0; k < ITEMS; k++)
				if (model[k].where == WAITING && model[k].jti == jti) {
					model[k].where = READY;
					model[k].ready_at = order;
				}
			order++;
			break;
		case 1:
			count = wait_take(pool, rnd(&s) % 10, &first);
			check_taken(first, count, READY);
			break;
		case 2:
			now += (int64_t)(rnd(&s) % 20);
			count = wait_expired(pool, now, &first);
			check_taken(first, count, WAITING);
			for (size_t k = 0; k < ITEMS; k++)
				cr_assert(model[k].where != WAITING || items[k].deadline_us > now);
			break;
		default:
			if (model[i].where != OUT)
				break;
			model[i].jti = (unsigned)(rnd(&s) % 40);
			if (add((unsigned)i, model[i].jti, now + 1 + (int64_t)(rnd(&s) % 200),
				i % CLIENTS, rnd(&s) % 100)) {
				cr_assert(held < TOKENS && bytes + items[i].bytes <= BYTES &&
					  share < SHARE);
				model[i].where = WAITING;
			} else {
				cr_assert(held >= TOKENS || bytes + items[i].bytes > BYTES ||
					  share >= SHARE);
				full++;
			}
		}
	}
	cr_assert(full > 100, "the bounds were met");
}
