/* test_query_receipt.c - every proof that leaves verifies, and lying tiles are found before it leaves. */
#include "test_query_help.h"

static struct help h;

TestSuite(query_receipt, .timeout = 120);

/* Batches of 1, 2, 3, ... entries: heads at 0, 1, 3, 6, 10, ... */
static void
build(unsigned batches)
{
	help_open(&h);
	for (unsigned b = 1; b <= batches; b++) {
		help_begin(&h);
		for (unsigned i = 0; i < b; i++)
			(void)help_add(&h, &(struct task){0});
		help_commit(&h);
	}
}

/* The size of the first checkpoint at or after. */
static uint64_t
head_after(uint64_t size)
{
	uint64_t at = 0;

	for (uint64_t b = 1; at < size; b++)
		at += b;
	return at;
}

Test(query_receipt, every_entry_at_every_size_has_a_receipt_that_verifies)
{
	build(26); /* 351 entries: over one tile */
	for (uint64_t size = 1; size <= h.size; size += size < 30 || size > 330 ? 1 : 13) {
		struct query_view *v = help_view(&h, size);

		for (uint64_t i = 0; i < size; i += size < 40 ? 1 : 17) {
			struct receipt_verdict verdict;
			struct receipt r;

			arena_reset(&h.arena);
			cr_assert_eq(
			    query_receipt(v, i, &h.arena, &r, &h.why), RC_OK, "%s", h.why.text);
			cr_assert_eq(r.index, i);
			cr_assert_eq(r.tree_size, head_after(size));
			cr_assert_eq(
			    receipt_verify(&r, &h.signer.vkey, BYTES_NONE, BYTES_NONE, &verdict),
			    RC_OK, "%s", verdict.why.text);
		}
		query_view_end(v);
	}
	help_close(&h);
}

Test(query_receipt, nothing_newer_than_what_was_published_is_used)
{
	struct query_log log;
	struct query_view *v;
	struct receipt r;
	struct bytes note;

	build(3);
	log = help_log(&h);
	log.size = 3; /* the batch of 3..6 is committed, but not public yet */
	cr_assert_eq(query_view_begin(&log, 2, &v), RC_OK);
	cr_assert_eq(query_receipt(v, 0, &h.arena, &r, &h.why), RC_OK);
	cr_assert_eq(r.tree_size, 3u);
	query_view_end(v);
	log.size = 5; /* no writer publishes the middle of a batch */
	cr_assert_eq(query_view_begin(&log, 0, &v), RC_OK);
	cr_assert_eq(query_receipt(v, 0, &h.arena, &r, &h.why), RC_NOT_FOUND);
	cr_assert_eq(query_checkpoint(v, &h.arena, &note, &h.why), RC_NOT_FOUND);
	query_view_end(v);
	help_close(&h);
}

Test(query_receipt, an_index_at_the_size_has_none)
{
	struct query_view *v;
	struct receipt r;

	build(2);
	v = help_view(&h, 0);
	cr_assert_eq(query_receipt(v, 3, &h.arena, &r, &h.why), RC_NOT_FOUND);
	query_view_end(v);
	help_close(&h);
}

Test(query_receipt, the_checkpoint_is_that_of_the_size)
{
	struct checkpoint cp;
	struct query_view *v;
	struct bytes note;

	build(4);
	v = help_view(&h, 6);
	cr_assert_eq(query_checkpoint(v, &h.arena, &note, &h.why), RC_OK);
	query_view_end(v);
	cr_assert_eq(checkpoint_open(note, &h.signer.vkey, &cp, &h.why), RC_OK);
	cr_assert_eq(cp.size, 6u);
	help_close(&h);
}

Test(query_receipt, every_pair_of_sizes_is_consistent)
{
	struct hash path[TREE_CONSISTENCY_MAX], old_root, new_root;
	struct query_view *v;
	unsigned count;

	build(9); /* 45 entries */
	v = help_view(&h, 0);
	for (uint64_t new = 1; new <= h.size; new ++)
		for (uint64_t old = 0; old <= new; old++) {
			cr_assert_eq(query_consistency(
					 v, old, new, path, &count, &old_root, &new_root, &h.why),
			    RC_OK, "%s", h.why.text);
			cr_assert_eq(
			    tree_check_consistency(old, new, path, count, &old_root, &new_root),
			    RC_OK);
		}
	query_view_end(v);
	help_close(&h);
}

Test(query_receipt, consistency_refuses_sizes_that_do_not_exist_or_go_back)
{
	struct hash path[TREE_CONSISTENCY_MAX], a, b;
	struct query_view *v;
	unsigned n;

	build(3);
	v = help_view(&h, 5);
	cr_assert_eq(query_consistency(v, 4, 3, path, &n, &a, &b, &h.why), RC_BAD_REQUEST);
	cr_assert_eq(query_consistency(v, 1, 6, path, &n, &a, &b, &h.why), RC_NOT_FOUND);
	cr_assert_eq(query_consistency(v, 6, 0, path, &n, &a, &b, &h.why), RC_BAD_REQUEST);
	cr_assert_eq(query_consistency(v, 5, 0, path, &n, &a, &b, &h.why), RC_OK, "0: the view's");
	cr_assert_eq(n, 0u);
	cr_assert(hash_eq(&a, &b));
	query_view_end(v);
	help_close(&h);
}

/* Sign roots that the tiles do not have: as damage of tiles would look. */
Test(query_receipt, tiles_that_do_not_lead_to_the_signed_root_are_found)
{
	struct hash path[TREE_CONSISTENCY_MAX], a, b, wrong = {{1}};
	struct query_view *v;
	struct receipt r;
	struct buf note;
	unsigned n;

	build(2);
	help_begin(&h);
	(void)help_add(&h, &(struct task){0});
	cr_assert_eq(tile_writer_dirty(h.tiles, help_put_tile, h.store), RC_OK);
	buf_init(&note, 0);
	cr_assert_eq(checkpoint_sign(&h.signer, 4, &wrong, BYTES_NONE, &note), RC_OK);
	cr_assert_eq(store_put_head(h.store, 4, buf_bytes(&note)), RC_OK);
	cr_assert_eq(store_batch_commit(h.store), RC_OK);
	v = help_view(&h, 0);
	cr_assert_eq(query_receipt(v, 0, &h.arena, &r, &h.why), RC_CORRUPT);
	cr_assert_eq(query_consistency(v, 3, 4, path, &n, &a, &b, &h.why), RC_CORRUPT);
	query_view_end(v);
	v = help_view(&h, 3);
	cr_assert_eq(query_receipt(v, 0, &h.arena, &r, &h.why), RC_OK);
	query_view_end(v);
	buf_release(&note);
	help_close(&h);
}
