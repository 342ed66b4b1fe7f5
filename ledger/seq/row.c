/*
 * row.c - what an entry adds to the index.  One function for the batch that writes it and for the
 * rebuild that reads it back, so that the rebuilt index is the same.
 */
#include <string.h>

#include "base/must.h"
#include "claim/kind.h"
#include "seq/ledger.h"

/* The sequences of the entry's own links, then one for each foreign link. */
static enum rc
row_seqs(const struct entry *entry, const struct claim *claim, const struct hash *issuer,
    struct arena *arena, struct index_row *row)
{
	size_t count = 2 + entry->foreign_count;
	struct index_seq_key *seqs = arena_zalloc(arena, count * sizeof(*seqs));

	if (seqs == NULL)
		return RC_NO_MEMORY;
	seqs[0].kind = INDEX_SEQ_WORKFLOW;
	memcpy(seqs[0].id, claim->wid, UUID_SIZE); /* zero when absent */
	seqs[1].kind = INDEX_SEQ_ISSUER;
	memcpy(seqs[1].id, issuer->b, UUID_SIZE);
	for (size_t i = 0; i < entry->foreign_count; i++) {
		seqs[2 + i].kind = INDEX_SEQ_FOREIGN;
		memcpy(seqs[2 + i].id, entry->foreign[i].wid, UUID_SIZE);
	}
	row->seqs = seqs;
	row->seq_count = count;
	return RC_OK;
}

static void
add_list(struct index_row *row, enum index_list_kind kind, const uint8_t id[UUID_SIZE])
{
	struct index_list_key *key = &row->lists[row->list_count++];

	must(row->list_count <= INDEX_LISTS_MAX);
	key->kind = kind;
	memcpy(key->id, id, UUID_SIZE);
}

static void
row_lists(const struct entry *entry, const struct claim *claim, const struct hash *issuer,
    struct index_row *row)
{
	static const struct hash nobody;
	struct hash h;

	add_list(row, INDEX_LIST_WORKFLOW, claim->wid);
	add_list(row, INDEX_LIST_ISSUER, issuer->b);
	hash_of(claim->act, &h);
	add_list(row, INDEX_LIST_ACT, h.b);
	if (claim->kind->act != NULL) { /* not the plain task */
		hash_of(bytes_str(claim->kind->name), &h);
		add_list(row, INDEX_LIST_KIND, h.b);
	}
	if (!hash_eq(&entry->signer, &nobody))
		add_list(row, INDEX_LIST_SIGNER, entry->signer.b);
}

static enum rc
row_hashes(const struct claim *claim, struct arena *arena, struct index_row *row)
{
	const struct claim_hash *both[2] = {&claim->inp_hash, &claim->out_hash};
	uint8_t(*hashes)[UUID_SIZE] = NULL;

	if (both[0]->alg == CLAIM_HASH_NONE && both[1]->alg == CLAIM_HASH_NONE)
		return RC_OK;
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
	return RC_OK;
}

enum rc
ledger_row(uint64_t index, const struct entry *entry, const struct claim *claim,
    struct arena *arena, struct index_row *row)
{
	struct hash issuer;
	enum rc rc;

	memset(row, 0, sizeof(*row));
	row->index = index;
	row->iat = claim->iat;
	row->has_wid = claim->has_wid;
	memcpy(row->wid, claim->wid, UUID_SIZE);
	memcpy(row->jti, claim->jti, UUID_SIZE);
	row->parents = entry->parents;
	row->parent_count = entry->parent_count;
	row->lower = entry->level == 1 || (entry->flags & ENTRY_LOWER_PARENT) != 0;
	hash_of(claim->iss, &issuer);
	if ((rc = row_seqs(entry, claim, &issuer, arena, row)) != RC_OK)
		return rc;
	row_lists(entry, claim, &issuer, row);
	return row_hashes(claim, arena, row);
}
