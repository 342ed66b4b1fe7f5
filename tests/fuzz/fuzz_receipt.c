/*
 * fuzz_receipt.c - whatever is done to a receipt, what verifies is true.
 *
 * The log is made from a fixed seed, so every true receipt is known.  Input: a byte that picks the
 * dialect (0 JSON, 1 tlog-proof, 2 COSE) and, in its top bit, the mode: set, the rest is the
 * receipt; not set, the next two bytes pick a true receipt and the rest are edits of it.
 *
 * JSON and tlog-proof verify only with the true index, tree size, root, leaf and entry.  COSE signs
 * the root alone: it verifies only for a leaf that is under that root, which is one that the log
 * had.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unit/test_seal_log.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct small_log the_log;
static struct hash true_root[LOG_LEAVES + 1];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct tree_source source = {small_log_node, &the_log};
	unsigned size;

	(void)argc;
	(void)argv;
	small_log_open(&the_log);
	for (size = 0; size <= LOG_LEAVES; size++)
		must(tree_root(size, &source, &true_root[size]) == RC_OK);
	return 0;
}

/* An edit is (what, place, place, value). */
static void
edit(struct buf *b, const uint8_t *e)
{
	size_t at = b->n == 0 ? 0 : (size_t)(e[1] << 8 | e[2]) % b->n;

	if (b->n == 0)
		return;
	switch (e[0] % 4) {
	case 0:
		b->p[at] = e[3];
		break;
	case 1:
		b->p[at] ^= (uint8_t)(1u << e[3] % 8);
		break;
	case 2:
		memmove(b->p + at, b->p + at + 1, b->n - at - 1);
		b->n--;
		break;
	default:
		if (buf_grow(b, 1) != NULL) {
			memmove(b->p + at + 1, b->p + at, b->n - at - 1);
			b->p[at] = e[3];
		}
	}
}

static void
make_true(unsigned dialect, uint8_t a, uint8_t c, struct buf *out)
{
	unsigned size = 1 + a % LOG_LEAVES;
	struct receipt r = small_log_receipt(&the_log, c % size, size);

	if (dialect == 0)
		must(receipt_write_json(&r, out) == RC_OK);
	else if (dialect == 1)
		must(receipt_write_tlog(&r, out) == RC_OK);
	else
		must(receipt_write_cose(&r, &the_log.signer, BYTES_NONE, out) == RC_OK);
}

static void
check_parts(unsigned dialect, struct bytes text)
{
	struct receipt r;
	struct receipt_verdict v;
	struct arena arena;
	struct why why = {0};
	enum rc rc;

	arena_init(&arena, (size_t)8 << 20);
	rc = dialect == 0 ? receipt_read_json(text, &arena, &r, &why)
			  : receipt_read_tlog(text, &arena, &r, &why);
	if (rc != RC_OK) {
		must(why.rule != NULL);
		arena_release(&arena);
		return;
	}
	rc = receipt_verify(&r, &the_log.signer.vkey, BYTES_NONE, BYTES_NONE, &v);
	if (rc != RC_OK) {
		must(v.why.rule != NULL);
	} else {
		must(1 <= r.tree_size && r.tree_size <= LOG_LEAVES && r.index < r.tree_size);
		must(hash_eq(&v.checkpoint.root, &true_root[r.tree_size]));
		must(r.leaf_unknown || hash_eq(&r.leaf, &the_log.leaf[r.index]));
		must(bytes_eq(r.entry, buf_bytes(&the_log.entry[r.index])));
	}
	arena_release(&arena);
}

static void
check_cose(struct bytes text)
{
	struct cose_key key = {.alg = -19, .raw = bytes_of(the_log.signer.vkey.key, 32)};
	struct cose_receipt out;
	struct why why;
	unsigned leaf, size;
	enum rc rc;

	for (leaf = 0; leaf < LOG_LEAVES; leaf++) {
		memset(&why, 0, sizeof(why));
		rc = cose_receipt_verify_inclusion(text, &key, &the_log.leaf[leaf], &out, &why);
		must(rc == RC_OK || why.rule != NULL);
		if (rc == RC_BAD_PROOF && why.claim != NULL && strcmp(why.claim, "path") != 0)
			return; /* not a receipt, for any leaf */
		if (rc != RC_OK)
			continue;
		for (size = leaf + 1; size <= LOG_LEAVES && !hash_eq(&out.root, &true_root[size]);
		     size++)
			;
		must(size <= LOG_LEAVES);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned dialect;
	struct buf text;
	size_t i;

	if (the_log.signer.sign == NULL)
		LLVMFuzzerInitialize(NULL, NULL); /* the replaying driver does not call it */
	if (size < 3)
		return 0;
	dialect = (data[0] & 0x7f) % 3;
	buf_init(&text, RECEIPT_SIZE_MAX);
	if ((data[0] & 0x80) != 0) {
		buf_add(&text, data + 1, size - 1);
	} else {
		make_true(dialect, data[1], data[2], &text);
		for (i = 3; i + 4 <= size && !text.bad; i += 4)
			edit(&text, data + i);
	}
	(void)receipt_sniff(buf_bytes(&text));
	if (!text.bad && dialect == 2)
		check_cose(buf_bytes(&text));
	else if (!text.bad)
		check_parts(dialect, buf_bytes(&text));
	buf_release(&text);
	return 0;
}
