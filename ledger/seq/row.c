/*
 * row.c - what an entry adds to the index.  One function for the batch that writes it and for the
 * rebuild that reads it back, so that the rebuilt index is the same.
 */
#include <string.h>

#include "base/must.h"
#include "seq/ledger.h"

enum rc
ledger_row(uint64_t index, const struct entry *entry, const struct claim *claim,
    struct arena *arena, struct index_row *row)
{
	uint8_t(*foreign)[UUID_SIZE] = NULL;
	uint8_t(*hashes)[UUID_SIZE] = NULL;
	struct hash issuer;

	memset(row, 0, sizeof(*row));
	row->index = index;
	row->iat = claim->iat;
	row->has_wid = claim->has_wid;
	memcpy(row->wid, claim->wid, UUID_SIZE);
	memcpy(row->jti, claim->jti, UUID_SIZE);
	hash_of(claim->iss, &issuer);
	memcpy(row->issuer, issuer.b, UUID_SIZE);
	row->parents = entry->parents;
	row->parent_count = entry->parent_count;
	if (entry->foreign_count > 0) {
		foreign = arena_alloc(arena, entry->foreign_count * UUID_SIZE);
		if (foreign == NULL)
			return RC_NO_MEMORY;
		for (size_t i = 0; i < entry->foreign_count; i++)
			memcpy(foreign[i], entry->foreign[i].wid, UUID_SIZE);
		row->foreign = (const uint8_t(*)[UUID_SIZE])foreign;
		row->foreign_count = entry->foreign_count;
	}
	if (claim->inp_hash.alg != CLAIM_HASH_NONE || claim->out_hash.alg != CLAIM_HASH_NONE) {
		const struct claim_hash *both[2] = {&claim->inp_hash, &claim->out_hash};

		if ((hashes = arena_alloc(arena, 2 * UUID_SIZE)) == NULL)
			return RC_NO_MEMORY;
		for (size_t i = 0; i < 2; i++)
			if (both[i]->alg != CLAIM_HASH_NONE) {
				must(both[i]->size >= UUID_SIZE);
				memcpy(hashes[row->hash_count++], both[i]->b, UUID_SIZE);
			}
		/* The same data in and out is one reference. */
		if (row->hash_count == 2 && memcmp(hashes[0], hashes[1], UUID_SIZE) == 0)
			row->hash_count = 1;
		row->hashes = (const uint8_t(*)[UUID_SIZE])hashes;
	}
	return RC_OK;
}
