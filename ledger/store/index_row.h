/*
 * index_row.h - keys and values of the index environment as bytes.  Private to the room;
 * docs/STORAGE.md 4.
 *
 * Readers refuse what the writers do not make, so that a damaged page is noticed where it can be.
 */
#ifndef STORE_INDEX_ROW_H
#define STORE_INDEX_ROW_H

#include "base/bytes.h"
#include "store/gen.h"

#define ROW_KEY_MAX 33
#define ROW_CHECK   4 /* LMDB has no checksums, and what the writer looks up goes under a leaf hash */
/* A block of a list has this much for its differences: three of them share a page of LMDB. */
#define ROW_BLOCK_MAX  1280
#define ROW_VALUE_MAX  (ROW_BLOCK_MAX + ROW_CHECK)
#define ROW_VARINT_MAX 10

struct row {
	uint8_t key[ROW_KEY_MAX], value[ROW_VALUE_MAX];
	size_t key_size, value_size;
};

void row_id(struct row *r, const struct map_key *id, uint64_t index, int64_t iat, bool lower);
void row_id_key(struct row *r, const struct map_key *id);
bool row_id_read(struct bytes key, struct bytes value, struct index_hit *out);
void row_child(struct row *r, uint64_t parent, uint64_t child);
void row_hash(struct row *r, const struct map_key *prefix, uint64_t index);
/* The last eight bytes of a key of exactly 'size' bytes. */
bool row_link_read(struct bytes key, size_t size, uint64_t *value);
void row_seq(struct row *r, const struct map_key *key, const struct index_seq_head *head);
bool row_seq_read(struct bytes key, struct bytes value, struct index_seq_head *out);

/* A block: some entries of a list, ascending.  row_block_add() gives false when the block is full;
 * row_block_end() makes the row whole. */
void row_block_key(struct row *r, const struct map_key *list, uint64_t first);
bool row_block_add(struct row *r, uint64_t before, uint64_t index);
void row_block_end(struct row *r);
struct row_block {
	uint64_t index; /* the one that was read last */
	struct bytes rest;
};
/* Stand on a block's first entry; false: not a block. */
bool row_block_open(struct bytes key, struct bytes value, struct row_block *out);
/* Take the next entry; false: there is none, or it cannot be read.  *bad tells. */
bool row_block_next(struct row_block *b, bool *bad);

#endif
