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

#define ROW_KEY_MAX   33
#define ROW_CHECK     4  /* LMDB has no checksums, and what the writer looks up goes under a leaf hash */
#define ROW_VALUE_MAX (20 + ROW_CHECK)

struct row {
	uint8_t key[ROW_KEY_MAX], value[ROW_VALUE_MAX];
	size_t key_size, value_size;
};

void row_id(struct row *r, const struct map_key *id, uint64_t index, int64_t iat);
void row_id_key(struct row *r, const struct map_key *id);
bool row_id_read(struct bytes key, struct bytes value, struct index_hit *out);
void row_child(struct row *r, uint64_t parent, uint64_t child);
void row_hash(struct row *r, const struct map_key *prefix, uint64_t index);
/* The last eight bytes of a key of exactly 'size' bytes. */
bool row_link_read(struct bytes key, size_t size, uint64_t *value);
void row_seq(struct row *r, const struct map_key *key, const struct index_seq_head *head);
bool row_seq_read(struct bytes key, struct bytes value, struct index_seq_head *out);

#endif
