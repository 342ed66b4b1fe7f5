/*
 * test_seal_log.h - a signer from a fixed seed and a small log with true receipts: for the suites
 * of seal and client and for the receipt fuzzer.
 */
#ifndef TEST_SEAL_LOG_H
#define TEST_SEAL_LOG_H

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/scbor.h"
#include "seal/receipt.h"

#define TEST_ORIGIN "log.example/ledger"
#define LOG_LEAVES  9

/* A log of LOG_LEAVES entries; entry i is {1: 1, 13: token i}, as claim/entry.h ends. */
struct small_log {
	struct log_signer signer;
	struct buf entry[LOG_LEAVES], note;
	struct hash leaf[LOG_LEAVES];
};

static inline struct log_signer
test_signer(uint8_t seed_byte, const char *origin)
{
	struct log_signer s;
	uint8_t seed[32];

	memset(seed, seed_byte, sizeof(seed));
	must(log_signer_from_seed(seed, origin, &s) == RC_OK);
	return s;
}

static inline struct bytes
token_text(unsigned i, char room[32])
{
	snprintf(room, 32, "token.number.%u", i);
	return bytes_str(room);
}

static inline enum rc
small_log_node(void *ctx, unsigned level, uint64_t i, struct hash *out)
{
	struct small_log *log = ctx;
	struct hash right;

	if (level == 0) {
		*out = log->leaf[i];
		return RC_OK;
	}
	small_log_node(ctx, level - 1, 2 * i, out);
	small_log_node(ctx, level - 1, 2 * i + 1, &right);
	tree_node(out, &right, out);
	return RC_OK;
}

static inline void
small_log_open(struct small_log *log)
{
	char room[32];
	unsigned i;

	memset(log, 0, sizeof(*log));
	log->signer = test_signer(7, TEST_ORIGIN);
	buf_init(&log->note, 0);
	for (i = 0; i < LOG_LEAVES; i++) {
		buf_init(&log->entry[i], 0);
		scbor_put_map(&log->entry[i], 2);
		scbor_put_uint(&log->entry[i], 1);
		scbor_put_uint(&log->entry[i], 1);
		scbor_put_uint(&log->entry[i], 13);
		scbor_put_bytes(&log->entry[i], token_text(i, room));
		tree_leaf(buf_bytes(&log->entry[i]), &log->leaf[i]);
	}
}

/* The true receipt of an entry in the tree of the first 'size' leaves; its checkpoint lives in
 * log->note. */
static inline struct receipt
small_log_receipt(struct small_log *log, unsigned index, unsigned size)
{
	struct tree_source source = {small_log_node, log};
	struct receipt r = {0};
	struct hash root;

	must(index < size && size <= LOG_LEAVES);
	must(tree_root(size, &source, &root) == RC_OK);
	must(tree_prove(index, size, &source, r.path, &r.path_count) == RC_OK);
	buf_clear(&log->note);
	must(checkpoint_sign(&log->signer, size, &root, BYTES_NONE, &log->note) == RC_OK);
	r.index = index;
	r.tree_size = size;
	r.leaf = log->leaf[index];
	r.checkpoint = buf_bytes(&log->note);
	r.entry = buf_bytes(&log->entry[index]);
	return r;
}

static inline void
small_log_close(struct small_log *log)
{
	unsigned i;

	for (i = 0; i < LOG_LEAVES; i++)
		buf_release(&log->entry[i]);
	buf_release(&log->note);
	log_signer_close(&log->signer);
}

#endif
