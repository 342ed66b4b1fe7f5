/*
 * row.c - what an entry adds to the index.  One function for the batch that writes it and for the
 * rebuild that reads it back, so that the rebuilt index is the same.
 */
#include <string.h>

#include "base/must.h"
#include "claim/kind.h"
#include "claim/own_event.h"
#include "seq/ledger.h"

static const uint8_t no_id[UUID_SIZE];

/* The sequences of the entry's own links, then one for each foreign link. */
static enum rc
row_seqs(const struct entry *entry, const struct index_seq_key *first,
    const struct index_seq_key *second, struct arena *arena, struct index_row *row)
{
	size_t count = 2 + entry->foreign_count;
	struct index_seq_key *seqs = arena_zalloc(arena, count * sizeof(*seqs));

	if (seqs == NULL)
		return RC_NO_MEMORY;
	seqs[0] = *first;
	seqs[1] = *second;
	for (size_t i = 0; i < entry->foreign_count; i++) {
		seqs[2 + i].kind = INDEX_SEQ_FOREIGN;
		memcpy(seqs[2 + i].id, entry->foreign[i].wid, UUID_SIZE);
	}
	row->seqs = seqs;
	row->seq_count = count;
	return RC_OK;
}

static struct index_seq_key
seq_key(enum index_seq kind, const uint8_t id[UUID_SIZE])
{
	struct index_seq_key key = {.kind = kind};

	memcpy(key.id, id, UUID_SIZE);
	return key;
}

static void
add_list(struct index_row *row, enum index_list_kind kind, const uint8_t id[UUID_SIZE])
{
	struct index_list_key *key = &row->lists[row->list_count++];

	must(row->list_count <= INDEX_LISTS_MAX);
	key->kind = kind;
	memcpy(key->id, id, UUID_SIZE);
}

void
ledger_kind_id(const char *name, uint8_t id[UUID_SIZE])
{
	struct hash h;

	hash_of(bytes_str(name), &h);
	memcpy(id, h.b, UUID_SIZE);
}

static void
add_kind(struct index_row *row, const char *name)
{
	uint8_t id[UUID_SIZE];

	ledger_kind_id(name, id);
	add_list(row, INDEX_LIST_KIND, id);
}

/* Under its own name, and under that of the built-in kind that it means. */
static void
add_kind_of(struct index_row *row, const struct kind *kind)
{
	const struct kind *means = kind_at(kind->id == KIND_OWN ? KIND_TASK : kind->id);

	must(means->id == kind->id || kind->id == KIND_OWN);
	if (means->id != KIND_TASK)
		add_kind(row, means->name);
	if (strcmp(kind->name, means->name) != 0)
		add_kind(row, kind->name);
}

static void
row_lists(const struct entry *entry, const struct claim *claim, const struct hash *issuer,
    struct index_row *row)
{
	struct hash h;

	add_list(row, INDEX_LIST_WORKFLOW, claim->wid);
	add_list(row, INDEX_LIST_ISSUER, issuer->b);
	hash_of(claim->act, &h);
	add_list(row, INDEX_LIST_ACT, h.b);
	if (entry->has_signer)
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

static enum rc
row_token(const struct entry *entry, const struct claim *claim, const struct kinds *kinds,
    struct arena *arena, struct index_row *row)
{
	struct index_seq_key wkey = seq_key(INDEX_SEQ_WORKFLOW, claim->wid); /* zero when absent */
	struct index_seq_key ikey;
	struct hash issuer;
	enum rc rc;

	row->iat = claim->iat;
	row->has_wid = claim->has_wid;
	memcpy(row->wid, claim->wid, UUID_SIZE);
	memcpy(row->jti, claim->jti, UUID_SIZE);
	row->parents = entry->parents;
	row->parent_count = entry->parent_count;
	row->lower = entry->level == LEVEL_1 || (entry->flags & ENTRY_LOWER_PARENT) != 0;
	hash_of(claim->iss, &issuer);
	ikey = seq_key(INDEX_SEQ_ISSUER, issuer.b);
	if ((rc = row_seqs(entry, &wkey, &ikey, arena, row)) != RC_OK)
		return rc;
	/* Plain tasks are in no list of their kind. */
	row_lists(entry, claim, &issuer, row);
	add_kind_of(row, kinds_of(kinds, claim->act));
	return row_hashes(claim, arena, row);
}

static enum rc
row_event(const struct entry *entry, struct arena *arena, struct index_row *row)
{
	struct index_seq_key all = seq_key(INDEX_SEQ_KEYS, no_id), of_domain;
	struct trust_event event;
	struct hash domain;
	enum rc rc;

	if ((rc = event_read(entry->token, arena, &event, NULL)) != RC_OK)
		return rc;
	hash_of(event.domain, &domain);
	of_domain = seq_key(INDEX_SEQ_DOMAIN_KEYS, domain.b);
	add_kind(row, "key");
	return row_seqs(entry, &all, &of_domain, arena, row);
}

static enum rc
row_own(const struct entry *entry, struct arena *arena, struct index_row *row)
{
	struct index_seq_key first = seq_key(INDEX_SEQ_POLICIES, no_id);
	struct index_seq_key own = seq_key(INDEX_SEQ_OWN, no_id);
	struct own_descriptor descriptor;
	struct own_policy policy;
	enum rc rc;

	if (entry->kind == ENTRY_POLICY)
		rc = own_policy_read(entry->token, &policy, NULL);
	else if ((rc = own_descriptor_read(entry->token, &descriptor, NULL)) == RC_OK)
		first = seq_key(INDEX_SEQ_DESCRIPTORS, descriptor.wid);
	if (rc != RC_OK)
		return rc;
	add_kind(row, entry->kind == ENTRY_POLICY ? "policy" : "descriptor");
	return row_seqs(entry, &first, &own, arena, row);
}

/* Evidence has no id and is nobody's child: nothing depends on it, and nothing is undone with it. */
static enum rc
row_evidence(const struct entry *entry, const struct claim *claim, struct arena *arena,
    struct index_row *row)
{
	struct index_seq_key all = seq_key(INDEX_SEQ_EQUIVOCATIONS, no_id), of_issuer;
	struct hash issuer;

	hash_of(claim->iss, &issuer);
	of_issuer = seq_key(INDEX_SEQ_ISSUER_EQUIVOCATIONS, issuer.b);
	/* By the claims that were refused, so that who searches a workflow or a signer sees it. */
	row_lists(entry, claim, &issuer, row);
	add_kind(row, "equivocation");
	return row_seqs(entry, &all, &of_issuer, arena, row);
}

enum rc
ledger_row(uint64_t index, const struct entry *entry, const struct claim *claim,
    const struct kinds *kinds, struct arena *arena, struct index_row *row)
{
	memset(row, 0, sizeof(*row));
	row->index = index;
	switch (entry->kind) {
	case ENTRY_TOKEN:
		return row_token(entry, claim, kinds, arena, row);
	case ENTRY_KEY:
		return row_event(entry, arena, row);
	case ENTRY_EQUIVOCATION:
		return row_evidence(entry, claim, arena, row);
	case ENTRY_POLICY:
	case ENTRY_DESCRIPTOR:
		return row_own(entry, arena, row);
	case ENTRY_TOMBSTONE:
		break; /* not written yet: nothing to find them by */
	}
	return RC_OK;
}
