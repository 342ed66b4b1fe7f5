/* A view against every moment of a flush: each row once. */
#include "store/index_own.h"

#include "test_store_help.h"

static struct help_dir dir;
static struct index *x;

static void
begin(void)
{
	struct index_options o = {.origin = "o",
	    .map_size = HELP_MAP,
	    .flush_rows = 10,
	    .flush_ms = 600000,
	    .create = true};
	struct why why = {0};
	char folder[200];

	help_dir_make(&dir);
	o.folder = help_path(&dir, "index", folder);
	cr_assert_eq(index_open(&x, &o, &why), RC_OK);
}

static void
end(void)
{
	index_close(x);
	help_dir_remove(&dir);
}

TestSuite(store_index_view, .init = begin, .fini = end, .timeout = 60);

static uint64_t root;
static const struct index_seq_key workflow = {.kind = INDEX_SEQ_WORKFLOW};

static void
add(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		struct index_row r = {.index = i,
		    .parents = &root,
		    .parent_count = i > 0 ? 1 : 0,
		    .seqs = &workflow,
		    .seq_count = 1,
		    .lists = {{.kind = INDEX_LIST_WORKFLOW}},
		    .list_count = 1};

		help_id(i, r.jti);
		cr_assert_eq(index_reserve(x, 1, 1), RC_OK);
		cr_assert_eq(index_add(x, &r, 1), RC_OK);
	}
}

static void
expect(struct index_view *v, uint64_t size)
{
	struct index_list_key list = {.kind = INDEX_LIST_WORKFLOW};
	struct index_seq_head head = {0};
	uint64_t out[512];
	size_t n = 0;

	cr_assert_eq(index_children(v, 0, UINT64_MAX, out, 512, &n), RC_OK);
	cr_assert_eq(n, size - 1);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(out[i], i + 1);
	cr_assert_eq(index_list(v, &list, UINT64_MAX, out, 512, &n), RC_OK);
	cr_assert_eq(n, size);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(out[i], i);
	cr_assert_eq(index_seq(v, &workflow, &head), RC_OK);
	cr_assert(head.count == size && head.last == size - 1);
}

Test(store_index_view, forgets_generations_that_its_snapshot_has)
{
	struct index_view *v = NULL;

	add(0, 25);
	cr_assert_eq(index_flush(x), RC_OK);
	add(25, 28);
	cr_assert_eq(index_view_begin(x, 28, &v), RC_OK);
	cr_assert_eq(v->gen_count, 1);
	cr_assert_eq(v->gens[0]->first, 25);
	expect(v, 28);
	index_view_end(v);
}

/* What view_start() meets when the keeper commits between its two steps: the generation listed,
 * and on disk too. */
Test(store_index_view, sees_each_row_once_when_a_generation_is_in_both_places)
{
	struct index_view *v = NULL;
	struct gen *g = NULL;

	add(0, 8);
	index_lock_rows(x, false);
	g = x->gens[0];
	gen_ref(g);
	index_unlock_rows(x);
	keeper_stop(x); /* writes it, and will not write it again */
	/* put it back, as if the keeper had not dropped it yet */
	index_lock_rows(x, true);
	cr_assert_eq(x->gen_count, 1);
	x->gens[1] = x->gens[0];
	x->gens[0] = g;
	x->gen_count = 2;
	index_unlock_rows(x);
	cr_assert_eq(index_view_begin(x, 8, &v), RC_OK);
	expect(v, 8);
	index_view_end(v);
	index_lock_rows(x, true);
	x->gens[0] = x->gens[1];
	x->gen_count = 1;
	index_unlock_rows(x);
	gen_unref(g);
}

Test(store_index_view, the_same_answers_through_any_number_of_flushes)
{
	struct index_view *v = NULL;

	for (uint64_t n = 1; n < 300; n++) {
		add(n - 1, n);
		if (n % 37 == 0)
			cr_assert_eq(index_flush(x), RC_OK);
		cr_assert_eq(index_view_begin(x, n, &v), RC_OK);
		expect(v, n);
		index_view_end(v);
	}
}

Test(store_index_view, many_at_once)
{
	struct index_view *v[100];

	add(0, 5);
	for (size_t i = 0; i < 100; i++)
		cr_assert_eq(index_view_begin(x, 5, &v[i]), RC_OK);
	add(5, 30);
	for (size_t i = 0; i < 100; i++) {
		cr_assert_eq(v[i]->size, 5);
		index_view_end(v[i]);
	}
	index_view_end(NULL);
}
