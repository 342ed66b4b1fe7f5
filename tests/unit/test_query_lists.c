/* test_query_lists.c - several lists at once give what stands in all of them. */
#include "test_query_help.h"

#include "query/lists.h"

static struct help h;

TestSuite(query_lists, .timeout = 60);

/* Every candidate of the lists, from an index on. */
static size_t
candidates(struct lists *l, struct query_view *v, uint64_t at, uint64_t *out)
{
	size_t count = 0;
	bool found;

	for (;;) {
		cr_assert_eq(lists_seek(l, v->ids, &at, &found, &h.why), RC_OK);
		if (at == UINT64_MAX)
			return count;
		if (found)
			out[count++] = at++;
	}
}

static void
thirds_and_fifths(unsigned count)
{
	help_open(&h);
	help_begin(&h);
	for (unsigned i = 0; i < count; i++)
		(void)help_add(&h, &(struct task){.act = i % 3 == 0 ? "failure" : "t",
				       .issuer = i % 5 == 0 ? 1 : 2});
	help_commit(&h);
}

Test(query_lists, an_intersection_is_exact_over_many_pages)
{
	static uint64_t got[3000];
	struct lists l = {0};
	struct query_view *v;
	size_t count;

	thirds_and_fifths(3000);
	v = help_view(&h, 0);
	lists_add_name(&l, INDEX_LIST_ACT, bytes_str("failure"));
	lists_add_name(&l, INDEX_LIST_ISSUER, bytes_str("spiffe://d0.example/agent/1"));
	count = candidates(&l, v, 0, got);
	cr_assert_eq(count, 200u);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(got[i], i * 15);
	query_view_end(v);
	help_close(&h);
}

Test(query_lists, one_seek_reads_no_more_than_a_page_of_each_and_still_gets_on)
{
	struct lists l = {0};
	struct query_view *v;
	uint64_t at = 0, before;
	size_t pages, steps = 0;
	bool found;

	help_open(&h);
	help_begin(&h);
	/* Two long lists that never meet. */
	for (unsigned i = 0; i < 4000; i++)
		(void)help_add(&h, &(struct task){.act = i % 2 ? "failure" : "t"});
	help_commit(&h);
	v = help_view(&h, 0);
	lists_add_name(&l, INDEX_LIST_ACT, bytes_str("failure"));
	lists_add_name(&l, INDEX_LIST_ACT, bytes_str("t"));
	do {
		before = at;
		pages = l.pages;
		cr_assert_eq(lists_seek(&l, v->ids, &at, &found, &h.why), RC_OK);
		cr_assert_leq(l.pages - pages, 3u);
		cr_assert_gt(at, before);
		steps++;
	} while (at != UINT64_MAX);
	cr_assert_gt(steps, 4u);
	query_view_end(v);
	help_close(&h);
}

Test(query_lists, no_list_means_every_index)
{
	struct lists l = {0};
	struct query_view *v;
	uint64_t at = 1;
	bool found;

	thirds_and_fifths(3);
	v = help_view(&h, 0);
	cr_assert_eq(lists_seek(&l, v->ids, &at, &found, &h.why), RC_OK);
	cr_assert(found && at == 1);
	query_view_end(v);
	help_close(&h);
}
