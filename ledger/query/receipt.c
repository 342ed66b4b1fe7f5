/*
 * receipt.c - proofs about what is stored: checkpoints, inclusion, consistency.
 *
 * A proof is checked here before it is given away: tiles are stored bytes too, and a proof that
 * does not lead to the signed root is our damage (RC_CORRUPT), found by us and not by an auditor.
 *
 * Which checkpoint: that of the view's size; a size that was never signed (the middle of a batch)
 * has none, and then it is the first one after.  Never the newest: the same question at the same
 * size has the same answer.
 */
#include <string.h>

#include "base/must.h"
#include "query/view.h"

#define RULE_ROOT "proofs lead to the signed root (RFC 9162 2.1.3)"

/* The note that stands for the view's size, and the size that it says. */
static enum rc
view_head(struct query_view *v, uint64_t *size, struct bytes *note, struct why *why)
{
	enum rc rc = store_get_head_at_least(v->read, v->size, size, note);

	if (rc == RC_OK && *size > v->published)
		rc = RC_NOT_FOUND; /* signed after the view began */
	if (rc != RC_OK)
		return why_set(why, rc, "a checkpoint for the size", NULL, 0,
		    "no checkpoint for size %llu: %s", (unsigned long long)v->size, rc_text(rc));
	return RC_OK;
}

enum rc
view_note_root(struct bytes note, uint64_t size, struct hash *root, struct why *why)
{
	struct bytes body, signatures;
	struct checkpoint cp;

	if (note_split(note, &body, &signatures, NULL) != RC_OK ||
	    checkpoint_parse(body, &cp, NULL) != RC_OK || cp.size != size)
		return why_set(why, RC_CORRUPT, "tlog-checkpoint", NULL, 0,
		    "the checkpoint stored at size %llu is not one", (unsigned long long)size);
	*root = cp.root;
	return RC_OK;
}

enum rc
query_checkpoint(struct query_view *v, struct arena *arena, struct bytes *note, struct why *why)
{
	struct bytes stored;
	struct hash root;
	uint64_t size;
	enum rc rc;

	if ((rc = view_head(v, &size, &stored, why)) != RC_OK)
		return rc;
	if ((rc = view_note_root(stored, size, &root, why)) != RC_OK)
		return rc;
	if (!arena_dup(arena, stored, note))
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the note");
	return RC_OK;
}

static enum rc
prove(struct query_view *v, struct receipt *r, const struct hash *root, struct why *why)
{
	struct tree_source source;
	struct hash got;
	enum rc rc;

	if ((rc = view_source(v, &source, why)) != RC_OK)
		return rc;
	rc = tree_prove(r->index, r->tree_size, &source, r->path, &r->path_count);
	if (rc != RC_OK)
		return why_set(why, rc, "tiles", NULL, 0, "the path of entry %llu: %s",
		    (unsigned long long)r->index, rc_text(rc));
	rc = tree_path_root(&r->leaf, r->index, r->tree_size, r->path, r->path_count, &got);
	if (rc != RC_OK || !hash_eq(&got, root))
		return why_set(why, RC_CORRUPT, RULE_ROOT, NULL, 0,
		    "the stored tiles do not lead entry %llu to the root signed at size %llu",
		    (unsigned long long)r->index, (unsigned long long)r->tree_size);
	return RC_OK;
}

enum rc
query_receipt(
    struct query_view *v, uint64_t index, struct arena *arena, struct receipt *out, struct why *why)
{
	struct bytes raw, note;
	struct hash root;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->index = index;
	if ((rc = view_raw(v, index, &raw, &out->leaf, why)) != RC_OK)
		return rc;
	if ((rc = view_head(v, &out->tree_size, &note, why)) != RC_OK)
		return rc;
	must(index < out->tree_size && out->tree_size <= v->published);
	if ((rc = view_note_root(note, out->tree_size, &root, why)) != RC_OK)
		return rc;
	if ((rc = prove(v, out, &root, why)) != RC_OK)
		return rc;
	if (!arena_dup(arena, note, &out->checkpoint) || !arena_dup(arena, raw, &out->entry))
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the receipt");
	return RC_OK;
}

/* The root at a size; where that size was signed, the signed one must be the same. */
static enum rc
checked_root(struct query_view *v, uint64_t size, struct hash *root, struct why *why)
{
	struct hash said;
	struct bytes note;
	enum rc rc;

	if ((rc = view_root(v, size, root, why)) != RC_OK)
		return rc;
	rc = store_get_head(v->read, size, &note);
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc != RC_OK)
		return why_set(why, rc, "checkpoints", NULL, 0, "%s", rc_text(rc));
	if ((rc = view_note_root(note, size, &said, why)) != RC_OK)
		return rc;
	if (!hash_eq(&said, root))
		return why_set(why, RC_CORRUPT, RULE_ROOT, NULL, 0,
		    "the stored tiles do not lead to the root signed at size %llu",
		    (unsigned long long)size);
	return RC_OK;
}

enum rc
query_consistency(struct query_view *v, uint64_t old_size, uint64_t new_size,
    struct hash path[TREE_CONSISTENCY_MAX], unsigned *count, struct hash *old_root,
    struct hash *new_root, struct why *why)
{
	struct tree_source source;
	enum rc rc;

	*count = 0;
	if (new_size == 0)
		new_size = v->size;
	if (old_size > new_size)
		return why_set(why, RC_BAD_REQUEST, "old size <= new size", NULL, 0,
		    "%llu is above %llu", (unsigned long long)old_size,
		    (unsigned long long)new_size);
	if (new_size > v->size)
		return why_set(why, RC_NOT_FOUND, "new size <= tree size", NULL, 0,
		    "the tree has %llu entries", (unsigned long long)v->size);
	if ((rc = checked_root(v, old_size, old_root, why)) != RC_OK)
		return rc;
	if ((rc = checked_root(v, new_size, new_root, why)) != RC_OK)
		return rc;
	if (old_size != 0) { /* RFC 9162 2.1.4: the empty tree is consistent with everything */
		if ((rc = view_source(v, &source, why)) != RC_OK)
			return rc;
		rc = tree_prove_consistency(old_size, new_size, &source, path, count);
		if (rc != RC_OK)
			return why_set(why, rc, "tiles", NULL, 0, "%s", rc_text(rc));
	}
	rc = tree_check_consistency(old_size, new_size, path, *count, old_root, new_root);
	if (rc != RC_OK)
		return why_set(why, RC_CORRUPT, RULE_ROOT, NULL, 0,
		    "the stored tiles do not lead from size %llu to size %llu",
		    (unsigned long long)old_size, (unsigned long long)new_size);
	return RC_OK;
}
