/*
 * by_hash.c - which tasks touched a piece of data: the index knows 16 bytes of a hash, the entry all of it.
 */
#include <string.h>

#include "base/must.h"
#include "query/view.h"

#define HASH_PAGE 256

static enum rc
too_large(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the answer");
}

static bool
hash_is(const struct claim_hash *a, const struct claim_hash *b)
{
	return a->alg == b->alg && a->size == b->size && memcmp(a->b, b->b, a->size) == 0;
}

/* One candidate: the index knows 16 bytes of the hash, the entry all of it. */
static enum rc
try_hash(struct query_view *v, uint64_t index, const struct claim_hash *hash, struct arena *scratch,
    struct buf *found, struct why *why)
{
	struct query_entry e;
	enum rc rc;

	arena_reset(scratch);
	if ((rc = view_entry(v, index, scratch, &e, why)) != RC_OK)
		return rc;
	if (e.entry.kind != ENTRY_TOKEN)
		return RC_OK;
	if (hash_is(&e.claim.inp_hash, hash) || hash_is(&e.claim.out_hash, hash))
		buf_add(found, &index, sizeof(index));
	return found->bad ? too_large(why) : RC_OK;
}

/* All candidates, page by page, within the budget. */
static enum rc
try_hashes(struct query_view *v, const struct claim_hash *hash, const struct budget *budget,
    struct arena *scratch, struct buf *found, bool *complete, struct why *why)
{
	uint64_t page[HASH_PAGE], after = UINT64_MAX;
	size_t count = HASH_PAGE, tried = 0;
	enum rc rc;

	while (count == HASH_PAGE) {
		rc = index_by_hash(v->ids, hash->b, after, page, HASH_PAGE, &count);
		if (rc != RC_OK)
			return why_set(why, rc, "hash index", NULL, 0, "%s", rc_text(rc));
		for (size_t i = 0; i < count; i++) {
			if (tried++ >= budget->nodes_max) {
				*complete = false;
				return RC_OK;
			}
			if ((rc = try_hash(v, page[i], hash, scratch, found, why)) != RC_OK)
				return rc;
		}
		if (count > 0)
			after = page[count - 1];
		if (count == HASH_PAGE && budget_late(budget)) {
			*complete = false;
			return RC_OK;
		}
	}
	return RC_OK;
}

enum rc
query_by_hash(struct query_view *v, const struct claim_hash *hash,
    const struct budget *budget, uint64_t **out, size_t *count, bool *complete,
    struct why *why)
{
	struct arena scratch;
	struct bytes list;
	struct buf found;
	enum rc rc;

	must(hash->alg != CLAIM_HASH_NONE && hash->size >= UUID_SIZE);
	*out = NULL;
	*count = 0;
	*complete = true;
	arena_init(&scratch, (size_t)1 << 20);
	buf_init(&found, 0);
	rc = try_hashes(v, hash, budget, &scratch, &found, complete, why);
	if (rc != RC_OK)
		goto out;
	if (!arena_dup(budget->arena, buf_bytes(&found), &list)) {
		rc = too_large(why);
		goto out;
	}
	*out = (uint64_t *)(uintptr_t)list.p;
	*count = list.n / sizeof(uint64_t);

out:
	buf_release(&found);
	arena_release(&scratch);
	return rc;
}
