/* test_query_view.c - one snapshot at one size, and stored bytes that are checked before they are used. */
#include "test_query_help.h"

static struct help h;

TestSuite(query_view, .timeout = 60);

Test(query_view, a_size_above_the_log_is_not_found)
{
	struct query_log log;
	struct query_view *v = NULL;

	help_open(&h);
	(void)help_one(&h, (struct task){0});
	log = help_log(&h);
	cr_assert_eq(query_view_begin(&log, 2, &v), RC_NOT_FOUND);
	cr_assert_null(v);
	v = help_view(&h, 1);
	cr_assert_eq(query_view_size(v), 1u);
	query_view_end(v);
	query_view_end(NULL);
	help_close(&h);
}

Test(query_view, an_empty_log_has_a_view_and_a_checkpoint_and_no_entries)
{
	struct query_entry e;
	struct query_view *v;
	struct bytes note;

	help_open(&h);
	v = help_view(&h, 0);
	cr_assert_eq(query_view_size(v), 0u);
	cr_assert_eq(query_entry(v, 0, &h.arena, &e, &h.why), RC_NOT_FOUND);
	cr_assert_eq(query_checkpoint(v, &h.arena, &note, &h.why), RC_OK);
	query_view_end(v);
	help_close(&h);
}

Test(query_view, what_came_after_the_size_is_not_seen)
{
	struct query_id id = help_id(3, 0, false);
	struct query_entry e;
	struct query_view *v;
	uint64_t index;

	help_open(&h);
	for (int i = 0; i < 5; i++)
		(void)help_one(&h, (struct task){0});
	v = help_view(&h, 2);
	cr_assert_eq(query_entry(v, 1, &h.arena, &e, &h.why), RC_OK);
	cr_assert_eq(query_entry(v, 2, &h.arena, &e, &h.why), RC_NOT_FOUND);
	cr_assert_eq(query_resolve(v, &id, &index, &h.why), RC_NOT_FOUND);
	query_view_end(v);
	v = help_view(&h, 3);
	cr_assert_eq(query_resolve(v, &id, &index, &h.why), RC_OK);
	cr_assert_eq(index, 2u);
	query_view_end(v);
	help_close(&h);
}

Test(query_view, an_entry_with_a_flipped_bit_is_never_used)
{
	struct query_entry e;
	struct receipt receipt;
	struct query_view *v;

	help_open(&h);
	(void)help_one(&h, (struct task){0});
	store_mem_fault(h.store, STORE_FAULT_FLIP, 0);
	(void)help_one(&h, (struct task){.parents = {0}, .parent_count = 1});
	(void)help_one(&h, (struct task){.parents = {1}, .parent_count = 1});
	v = help_view(&h, 0);
	cr_assert_eq(query_entry(v, 0, &h.arena, &e, &h.why), RC_OK);
	cr_assert_eq(query_entry(v, 1, &h.arena, &e, &h.why), RC_CORRUPT);
	cr_assert_eq(query_receipt(v, 1, &h.arena, &receipt, &h.why), RC_CORRUPT);
	cr_assert_eq(query_receipt(v, 2, &h.arena, &receipt, &h.why), RC_OK, "others are served");
	query_view_end(v);
	help_close(&h);
}

Test(query_view, a_snapshot_shorter_than_what_was_published_is_damage)
{
	struct query_view *v = NULL;
	struct query_log log;

	help_open(&h);
	(void)help_one(&h, (struct task){0});
	log = help_log(&h);
	log.size = 5;
	cr_assert_eq(query_view_begin(&log, 0, &v), RC_CORRUPT);
	cr_assert_null(v);
	help_close(&h);
}
