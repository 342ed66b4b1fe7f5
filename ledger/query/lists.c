/*
 * lists.c - several ascending lists walked at once: whoever is behind skips to where the farthest
 * stands, until all stand on the same entry.  So a rare condition carries a common one along, and
 * nobody has to know which is which.
 *
 * Invariant: page[at] of a list is its first entry that is not below the last index sought.
 */
#include "query/lists.h"

#include <string.h>

#include "base/must.h"

void
lists_add(struct lists *l, enum index_list_kind kind, const uint8_t id[UUID_SIZE])
{
	struct list_at *a = &l->list[l->count];

	must(l->count < INDEX_LISTS_MAX);
	memset(a, 0, sizeof(*a));
	a->key.kind = kind;
	memcpy(a->key.id, id, UUID_SIZE);
	l->count++;
}

void
lists_add_name(struct lists *l, enum index_list_kind kind, struct bytes name)
{
	struct hash h;

	hash_of(name, &h);
	lists_add(l, kind, h.b);
}

/* The list's first entry at or after 'from'; UINT64_MAX: none. */
static enum rc
seek_one(struct lists *l, struct list_at *a, struct index_view *v, uint64_t from, uint64_t *out,
    struct why *why)
{
	enum rc rc;

	while (a->at < a->count && a->page[a->at] < from)
		a->at++;
	if (a->at == a->count && !a->whole) {
		rc = index_list(
		    v, &a->key, from == 0 ? UINT64_MAX : from - 1, a->page, LISTS_PAGE, &a->count);
		if (rc != RC_OK)
			return why_set(why, rc, "lists index", NULL, 0, "%s", rc_text(rc));
		a->at = 0;
		a->whole = a->count < LISTS_PAGE;
		l->pages++;
	}
	*out = a->at < a->count ? a->page[a->at] : UINT64_MAX;
	return RC_OK;
}

enum rc
lists_seek(struct lists *l, struct index_view *v, uint64_t *index, bool *found, struct why *why)
{
	size_t agreed = 0, pages = l->pages;
	uint64_t at = UINT64_MAX;
	enum rc rc;

	*found = true;
	for (size_t i = 0; agreed < l->count; i = (i + 1) % l->count) {
		if (l->pages - pages > l->count) {
			*found = false;
			return RC_OK;
		}
		if ((rc = seek_one(l, &l->list[i], v, *index, &at, why)) != RC_OK)
			return rc;
		agreed = at == *index ? agreed + 1 : 1;
		*index = at;
		if (at == UINT64_MAX)
			return RC_OK;
	}
	return RC_OK;
}
