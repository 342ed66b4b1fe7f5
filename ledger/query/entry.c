/*
 * entry.c - ids to indexes, indexes to entries.
 *
 * The index environment is derived and may be damaged, so an id's index is believed only after the
 * entry there was found to carry that id.  What is stored was admitted once, so an entry that does
 * not parse is damage, whatever the parser calls it.
 */
#include <string.h>

#include "claim/kind.h"
#include "query/view.h"

#define RESOLVE_ARENA ((size_t)1 << 20) /* one entry, parsed */

/* No token in it (a key event, say): it has no claims, and its kind is the plain one. */
static void
no_claims(struct query_entry *e)
{
	memset(&e->token, 0, sizeof(e->token));
	memset(&e->claim, 0, sizeof(e->claim));
	e->claim.kind = kind_of(BYTES_NONE);
}

static enum rc
damaged(enum rc rc, uint64_t index, const char *part, struct why *why)
{
	if (rc == RC_NO_MEMORY)
		return why_set(why, rc, "memory", NULL, 0, "no room for entry %llu",
		    (unsigned long long)index);
	return why_set(why, RC_CORRUPT, "what was admitted parses", NULL, 0,
	    "the %s of entry %llu does not parse: %s", part, (unsigned long long)index,
	    rc_text(rc));
}

/* 'out' has raw, leaf and index.  Its kind is what the document in force at it calls it. */
static enum rc
parse(struct query_view *v, struct query_entry *out, struct arena *arena, struct why *why)
{
	enum rc rc;

	if ((rc = entry_read(out->raw, arena, &out->entry, NULL)) != RC_OK)
		return damaged(rc, out->index, "frame", why);
	no_claims(out);
	if (out->entry.kind != ENTRY_TOKEN && out->entry.kind != ENTRY_EQUIVOCATION)
		return RC_OK;
	if ((rc = token_parse(out->entry.token, arena, &out->token, NULL)) != RC_OK)
		return damaged(rc, out->index, "token", why);
	if ((rc = claim_read(&out->token, arena, &out->claim, NULL)) != RC_OK)
		return damaged(rc, out->index, "claims", why);
	if (v->book != NULL)
		out->claim.kind = kinds_of(book_at(v->book, out->index)->kinds, out->claim.act);
	return RC_OK;
}

enum rc
view_entry(struct query_view *v, uint64_t index, struct arena *arena, struct query_entry *out,
    struct why *why)
{
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->index = index;
	if ((rc = view_raw(v, index, &out->raw, &out->leaf, why)) != RC_OK)
		return rc;
	return parse(v, out, arena, why);
}

enum rc
query_entry(struct query_view *v, uint64_t index, struct arena *arena, struct query_entry *out,
    struct why *why)
{
	struct bytes stored;
	enum rc rc;

	/* Parsed from a copy in the arena, so that the answer outlives the view. */
	memset(out, 0, sizeof(*out));
	out->index = index;
	if ((rc = view_raw(v, index, &stored, &out->leaf, why)) != RC_OK)
		return rc;
	if (!arena_dup(arena, stored, &out->raw))
		return damaged(RC_NO_MEMORY, index, "bytes", why);
	return parse(v, out, arena, why);
}

enum token_level
query_chain_level(const struct entry *entry)
{
	return entry->flags & ENTRY_LOWER_PARENT ? LEVEL_1 : entry->level;
}

/* ---- names of tasks ---- */

static bool
carries(const struct query_entry *e, const struct query_id *id)
{
	if (e->entry.kind != ENTRY_TOKEN || memcmp(e->claim.jti, id->jti, UUID_SIZE) != 0)
		return false;
	if (id->any_wid)
		return true;
	return e->claim.has_wid == id->has_wid &&
	       (!id->has_wid || memcmp(e->claim.wid, id->wid, UUID_SIZE) == 0);
}

static enum rc
check_hit(struct query_view *v, const struct query_id *id, uint64_t index, struct why *why)
{
	struct query_entry e;
	struct arena arena;
	enum rc rc;

	arena_init(&arena, RESOLVE_ARENA);
	rc = view_entry(v, index, &arena, &e, why);
	if (rc == RC_OK && !carries(&e, id))
		rc = why_set(why, RC_CORRUPT, "the index agrees with the log", "jti", 0,
		    "the index names entry %llu, which has another id", (unsigned long long)index);
	arena_release(&arena);
	return rc;
}

static enum rc
find(struct query_view *v, const struct query_id *id, struct index_hit *hit)
{
	static const uint8_t no_wid[UUID_SIZE];

	if (id->any_wid)
		return index_find_any(v->ids, id->jti, hit);
	return index_find(v->ids, id->has_wid, id->has_wid ? id->wid : no_wid, id->jti, hit);
}

enum rc
query_resolve(struct query_view *v, const struct query_id *id, uint64_t *index, struct why *why)
{
	struct index_hit hit = {0};
	char text[UUID_TEXT_SIZE];
	enum rc rc;

	if (id->by_index) {
		if (id->index >= v->size)
			return why_set(why, RC_NOT_FOUND, "index < tree size", "index", 0,
			    "no entry %llu in a tree of %llu", (unsigned long long)id->index,
			    (unsigned long long)v->size);
		*index = id->index;
		return RC_OK;
	}
	if ((rc = find(v, id, &hit)) == RC_OK) {
		*index = hit.index;
		return check_hit(v, id, hit.index, why);
	}
	uuid_text(id->jti, text);
	if (rc == RC_NOT_FOUND)
		return why_set(why, rc, "lookup", "jti", 0, "no task %s in a tree of %llu%s", text,
		    (unsigned long long)v->size,
		    id->has_wid && !id->any_wid ? " with that wid" : "");
	if (rc == RC_AMBIGUOUS)
		return why_set(why, rc, "one task per id", "jti", 0,
		    "%s is used in more than one workflow: give the wid", text);
	return why_set(why, rc, "lookup", "jti", 0, "%s", rc_text(rc));
}
