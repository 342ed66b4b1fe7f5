/* The keeper when it cannot: what still works, what is refused, and that nobody waits for ever. */
#include "store/index_own.h"

#include "test_store_help.h"

static struct help_dir dir;

static void
begin(void)
{
	help_dir_make(&dir);
}

static void
end(void)
{
	help_dir_remove(&dir);
}

TestSuite(store_index_keeper, .init = begin, .fini = end, .timeout = 60);

/* A map so small that the first flush fails. */
static struct index *
open_small(size_t flush_rows)
{
	struct index_options o = {.folder = PATH(dir, "index"),
	    .origin = "o",
	    .map_size = 128 << 10,
	    .flush_rows = flush_rows,
	    .flush_ms = 600000,
	    .create = true};
	struct index *x = NULL;
	struct why why = {0};

	cr_assert_eq(index_open(&x, &o, &why), RC_OK, "%s", why.text);
	return x;
}

static enum rc
add_one(struct index *x, uint64_t i)
{
	struct index_row r = {.index = i};
	enum rc rc = index_reserve(x, 1, 0);

	help_id(i, r.jti);
	return rc == RC_OK ? index_add(x, &r, 1) : rc;
}

Test(store_index_keeper, broken_lookups_go_on_and_memory_stays_bounded)
{
	struct index *x = open_small(3000);
	struct index_view *v = NULL;
	struct index_hit hit;
	uint8_t jti[UUID_SIZE];
	uint64_t n = 0;
	enum rc rc = RC_OK;

	while ((rc = add_one(x, n)) == RC_OK && n < 1000000)
		n++;
	cr_assert_eq(rc, RC_IO);
	cr_assert(index_broken(x));
	cr_assert_geq(n, 3000 * INDEX_WAITING_MAX);
	cr_assert_leq(n, 3000 * (INDEX_WAITING_MAX + 2));
	cr_assert_eq(index_view_begin(x, n, &v), RC_OK);
	for (uint64_t i = 0; i < n; i += 100) {
		help_id(i, jti);
		cr_assert_eq(index_find(v, false, NULL, jti, &hit), RC_OK);
		cr_assert_eq(hit.index, i);
	}
	index_view_end(v);
	cr_assert_eq(index_flush(x), RC_IO);
	index_close(x);
}

Test(store_index_keeper, a_flush_that_cannot_be_says_so)
{
	struct index *x = open_small(100000);

	for (uint64_t i = 0; i < 5000; i++)
		cr_assert_eq(add_one(x, i), RC_OK);
	cr_assert_not(index_broken(x));
	cr_assert_eq(index_flush(x), RC_IO);
	cr_assert(index_broken(x));
	index_close(x);
}

Test(store_index_keeper, a_flush_of_nothing_returns_at_once)
{
	struct index *x = open_small(100);

	cr_assert_eq(index_flush(x), RC_OK);
	cr_assert_eq(add_one(x, 0), RC_OK);
	cr_assert_eq(index_flush(x), RC_OK);
	cr_assert_eq(index_flush(x), RC_OK);
	index_close(x);
}

/* The writer reserves, the keeper closes the generation under it, the writer adds: the room is
 * there in the next one. */
Test(store_index_keeper, a_reservation_outlives_the_generation_it_was_made_in)
{
	struct index *x = open_small(1000);
	struct index_row rows[50];
	static uint64_t parents[20];

	cr_assert_eq(add_one(x, 0), RC_OK);
	cr_assert_eq(index_reserve(x, 50, 1000), RC_OK);
	cr_assert_eq(index_flush(x), RC_OK);
	index_lock_rows(x, false);
	cr_assert_eq(x->gen_count, 1);
	cr_assert_eq(x->gens[0]->first, 1);
	cr_assert_geq(x->gens[0]->ids.room, 50);
	cr_assert_geq(x->gens[0]->link_room, 1000);
	index_unlock_rows(x);
	for (size_t i = 0; i < 50; i++) {
		rows[i] =
		    (struct index_row){.index = i + 1, .parents = parents, .parent_count = 20};
		help_id(i + 1, rows[i].jti);
	}
	cr_assert_eq(index_add(x, rows, 50), RC_OK);
	cr_assert_eq(index_reach(x), 51);
	index_close(x);
}
