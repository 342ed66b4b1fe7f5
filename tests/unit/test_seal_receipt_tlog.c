/* test_seal_receipt_tlog.c - the C2SP tlog-proof dialect against its published files. */
#include "unit/test_seal_help.h"

/* Read and verified, the leaf being the word. */
static enum rc
judge(const json_t *c, const struct vkey *key, struct receipt *r, struct receipt_verdict *v)
{
	struct arena arena;
	struct why why = {0};
	enum rc rc;

	arena_init(&arena, 1 << 20);
	rc = receipt_read_tlog(text_of(c, "proof"), &arena, r, &why);
	cr_assert((why.rule != NULL) == (rc != RC_OK));
	if (rc == RC_OK)
		rc = receipt_verify(r, key, text_of(c, "leaf"), BYTES_NONE, v);
	arena_release(&arena);
	return rc;
}

Test(seal_receipt_tlog, verifies_the_published_good_proofs)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/tlog-proof.json"), *c, *w;
	struct vkey key = vkey_of(text_of(doc, "log_vkey"));
	struct receipt r;
	struct receipt_verdict v;
	struct bytes body;
	size_t i, j;
	uint64_t mask;

	json_array_foreach(json_object_get(doc, "good"), i, c)
	{
		cr_assert(receipt_sniff(text_of(c, "proof")) == RECEIPT_TLOG);
		cr_assert(judge(c, &key, &r, &v) == RC_OK);
		cr_assert(r.index == (uint64_t)json_integer_value(json_object_get(c, "index")));
		cr_assert(r.tree_size == (uint64_t)json_integer_value(json_object_get(c, "size")));
		cr_assert(v.inclusion == RECEIPT_OK && v.origin == RECEIPT_OK &&
			  v.entry_hash == RECEIPT_OK);
		cr_assert(v.token_match == RECEIPT_NOT_CHECKED);
		if (i > 2)
			continue;
		/* The first three carry the witnesses' lines too. */
		json_array_foreach(json_object_get(doc, "witness_vkeys"), j, w)
		{
			struct vkey witness = vkey_of(bytes_str(json_string_value(w)));

			cr_assert(
			    note_open(r.checkpoint, &witness, 1, &body, &mask, NULL) == RC_OK);
		}
	}
	cr_assert(i == 5);
	json_decref(doc);
}

Test(seal_receipt_tlog, refuses_the_published_bad_proofs)
{
	json_t *doc = test_vectors(TEST_DATA, "vectors/checkpoint/tlog-proof.json"), *c;
	struct vkey key = vkey_of(text_of(doc, "log_vkey"));
	struct receipt r;
	struct receipt_verdict v;
	size_t i;

	json_array_foreach(json_object_get(doc, "bad"), i, c)
	    cr_expect(judge(c, &key, &r, &v) == RC_BAD_PROOF, "%s",
		json_string_value(json_object_get(c, "why")));
	cr_assert(i == 12);
	json_decref(doc);
}

Test(seal_receipt_tlog, what_is_written_reads_back_and_verifies)
{
	struct small_log log;
	struct receipt r, back;
	struct receipt_verdict v;
	struct arena arena;
	struct buf text;
	unsigned i, size;

	small_log_open(&log);
	arena_init(&arena, 1 << 20);
	for (size = 1; size <= LOG_LEAVES; size++) {
		for (i = 0; i < size; i++) {
			r = small_log_receipt(&log, i, size);
			buf_init(&text, RECEIPT_SIZE_MAX);
			cr_assert(receipt_write_tlog(&r, &text) == RC_OK);
			cr_assert(
			    receipt_read_tlog(buf_bytes(&text), &arena, &back, NULL) == RC_OK);
			cr_assert(back.leaf_unknown && bytes_eq(back.entry, r.entry));
			cr_assert(receipt_verify(&back, &log.signer.vkey, BYTES_NONE, BYTES_NONE,
				      &v) == RC_OK);
			buf_release(&text);
			arena_reset(&arena);
		}
	}
	arena_release(&arena);
	small_log_close(&log);
}

Test(seal_receipt_tlog, without_any_entry_nothing_is_proven_and_nothing_is_called_false)
{
	struct small_log log;
	struct receipt r, back;
	struct receipt_verdict v;
	struct arena arena;
	struct buf text;

	small_log_open(&log);
	arena_init(&arena, 1 << 20);
	r = small_log_receipt(&log, 1, 4);
	r.entry = BYTES_NONE;
	buf_init(&text, RECEIPT_SIZE_MAX);
	cr_assert(receipt_write_tlog(&r, &text) == RC_OK);
	cr_assert(receipt_read_tlog(buf_bytes(&text), &arena, &back, NULL) == RC_OK);
	cr_assert(
	    receipt_verify(&back, &log.signer.vkey, BYTES_NONE, BYTES_NONE, &v) == RC_BAD_PROOF);
	cr_assert(v.checkpoint_signature == RECEIPT_OK && v.entry_hash == RECEIPT_NOT_CHECKED);
	cr_assert(v.inclusion == RECEIPT_NOT_CHECKED && v.why.rule != NULL);
	buf_release(&text);
	arena_release(&arena);
	small_log_close(&log);
}

Test(seal_receipt_tlog, no_prefix_is_a_proof)
{
	struct small_log log;
	struct receipt r, back;
	struct arena arena;
	struct bytes copy;
	struct buf text;
	size_t n;

	small_log_open(&log);
	arena_init(&arena, 1 << 20);
	r = small_log_receipt(&log, 3, 7);
	buf_init(&text, RECEIPT_SIZE_MAX);
	cr_assert(receipt_write_tlog(&r, &text) == RC_OK);
	for (n = 0; n < text.n; n++) {
		copy = test_exact(bytes_of(text.p, n));
		cr_assert(receipt_read_tlog(copy, &arena, &back, NULL) == RC_BAD_PROOF, "%zu", n);
		test_free(copy);
		arena_reset(&arena);
	}
	buf_release(&text);
	arena_release(&arena);
	small_log_close(&log);
}
