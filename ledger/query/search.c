/*
 * search.c - candidates from the lists, each judged by its entry; the doubtful window of a key.
 *
 * The index is derived and only proposes: an entry is in the answer because its own bytes meet every
 * condition.  The same question over the same tree gives the same pages.
 */
#include "query/search.h"

#include <string.h>

#include "base/must.h"
#include "claim/kind.h"
#include "query/lists.h"
#include "query/view.h"

#define SCRATCH_MAX ((size_t)1 << 20)
#define LATE_EVERY  32 /* entries between two looks at the clock */
#define EVENTS_READ 64 /* of a suspect key; with more, every entry of its window is looked at */

struct hunt {
	struct query_view *v;
	const struct search *search;
	const struct budget *budget;
	struct why *why;
	struct lists lists;
	uint64_t from, until; /* indexes */
	bool suspect;
	struct hash suspect_id;
	uint64_t *anchors; /* key entries about the suspect, ascending */
	size_t anchor_count;
	struct arena scratch;
	size_t looked;	 /* entries; pages of lists cost the same */
	size_t clock_at; /* when the clock is looked at again */
	size_t bytes, room;
	struct search_page *page;
};

/* ---- conditions ---- */

const char *
query_entry_kind(const struct query_entry *entry)
{
	switch (entry->entry.kind) {
	case ENTRY_TOKEN:
		return "token";
	case ENTRY_KEY:
		return "key";
	case ENTRY_POLICY:
		return "policy";
	case ENTRY_DESCRIPTOR:
		return "descriptor";
	case ENTRY_TOMBSTONE:
		return "tombstone";
	case ENTRY_EQUIVOCATION:
		return "equivocation";
	}
	return "unknown";
}

static bool
kind_matches(struct bytes want, const struct query_entry *e)
{
	if (want.n == 0)
		return true;
	if (e->entry.kind == ENTRY_TOKEN)
		return kind_is(e->claim.kind, want);
	return bytes_is(want, query_entry_kind(e));
}

bool
search_matches(const struct search *s, const struct query_entry *e)
{
	bool claims = e->entry.kind == ENTRY_TOKEN || e->entry.kind == ENTRY_EQUIVOCATION;
	const struct claim *c = &e->claim;

	if (!kind_matches(s->kind, e))
		return false;
	if (!claims)
		return s->iss.n == 0 && s->act.n == 0 && !s->has_wid && !s->no_wid;
	if (s->iss.n > 0 && !bytes_eq(s->iss, c->iss))
		return false;
	if (s->act.n > 0 && !bytes_eq(s->act, c->act))
		return false;
	if (s->no_wid && c->has_wid)
		return false;
	return !s->has_wid || (c->has_wid && memcmp(s->wid, c->wid, UUID_SIZE) == 0);
}

bool
search_doubtful(const struct history_record *key, uint64_t index, uint64_t received_at_ms)
{
	int64_t since_ms =
	    key->revoked_since > INT64_MAX / 1000 ? INT64_MAX : key->revoked_since * 1000;

	return key->revoked && index < key->revoked_index &&
	       (since_ms < 0 || received_at_ms >= (uint64_t)since_ms);
}

static bool
is_suspect(const struct hunt *h, const struct query_entry *e)
{
	size_t lo = 0, hi = h->anchor_count;

	if (!e->entry.has_signer)
		return false;
	if (hash_eq(&e->entry.signer, &h->suspect_id))
		return true;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->anchors[mid] == e->entry.anchor)
			return true;
		if (h->anchors[mid] < e->entry.anchor)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* A kind of the ledger's own table, or of any document that is in the view. */
static bool
kind_known(const struct query_view *v, struct bytes name)
{
	struct book_page page;

	if (kinds_named(NULL, name) != NULL)
		return true;
	for (size_t i = 0; v->book != NULL && book_nth(v->book, i, &page); i++)
		if (page.index < v->size && page.doc->kinds != NULL &&
		    kinds_named(page.doc->kinds, name) != NULL)
			return true;
	return false;
}

static enum rc
check(const struct query_view *v, const struct search *s, struct why *why)
{
	if (s->has_wid && s->no_wid)
		return why_set(why, RC_BAD_REQUEST, "WIRE Search", "no_wid", 0,
		    "a workflow and none exclude each other");
	if (s->since_ms < 0 || s->until_ms < 0)
		return why_set(why, RC_BAD_REQUEST, "WIRE Search", "since_ms", 0,
		    "times are milliseconds since 1970");
	if (s->kind.n == 0 || bytes_is(s->kind, "key") || bytes_is(s->kind, "policy") ||
	    bytes_is(s->kind, "descriptor") || bytes_is(s->kind, "equivocation"))
		return RC_OK;
	if (kind_known(v, s->kind))
		return RC_OK;
	return why_set(why, RC_BAD_REQUEST, "WIRE Search", "kind", 0, "no such kind");
}

/* ---- the range of indexes ---- */

/* The first entry that was received at 'ms' or later: receive times never decrease. */
static enum rc
first_received(struct hunt *h, uint64_t ms, uint64_t *out)
{
	uint64_t lo = 0, hi = h->v->size;
	struct bytes raw;
	struct entry e;
	struct hash leaf;
	enum rc rc;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		arena_reset(&h->scratch);
		if ((rc = view_raw(h->v, mid, &raw, &leaf, h->why)) != RC_OK)
			return rc;
		if ((rc = entry_read(raw, &h->scratch, &e, h->why)) != RC_OK)
			return rc;
		if (e.received_at_ms < ms)
			lo = mid + 1;
		else
			hi = mid;
	}
	*out = lo;
	return RC_OK;
}

static enum rc
not_before(struct hunt *h, int64_t ms)
{
	uint64_t index = 0;
	enum rc rc = RC_OK;

	if (ms > 0)
		rc = first_received(h, (uint64_t)ms, &index);
	if (rc == RC_OK && index > h->from)
		h->from = index;
	return rc;
}

static enum rc
set_range(struct hunt *h)
{
	const struct search *s = h->search;
	uint64_t index;
	enum rc rc;

	if ((rc = not_before(h, s->since_ms)) != RC_OK)
		return rc;
	if (s->until_ms == 0)
		return RC_OK;
	if ((rc = first_received(h, (uint64_t)s->until_ms, &index)) != RC_OK)
		return rc;
	if (index < h->until)
		h->until = index;
	return RC_OK;
}

/* ---- the suspect ---- */

static enum rc
find_suspect(struct hunt *h, struct history_record *key)
{
	struct bytes name = h->search->suspect;
	size_t n = 0;
	enum rc rc = RC_NOT_FOUND;

	if (h->v->history == NULL)
		return why_set(h->why, rc, "key history", "suspect", 0, "the log has no keys");
	if (b64url_decode(name, h->suspect_id.b, HASH_SIZE, &n) && n == HASH_SIZE)
		rc = history_find_id(
		    h->v->history, &h->suspect_id, h->v->size, h->budget->arena, key);
	if (rc == RC_NOT_FOUND)
		rc = history_find_kid(
		    h->v->history, BYTES_NONE, name, h->v->size, h->budget->arena, key);
	if (rc == RC_NOT_FOUND)
		return why_set(h->why, rc, "key history", "suspect", 0,
		    "the log knows no key of that thumbprint or kid");
	if (rc == RC_AMBIGUOUS)
		return why_set(h->why, rc, "key history", "suspect", 0,
		    "several keys have that kid: give the thumbprint");
	if (rc != RC_OK)
		return why_set(h->why, rc, "key history", "suspect", 0, "%s", rc_text(rc));
	h->suspect_id = key->id;
	return RC_OK;
}

/* Is every entry that this key stands behind signed by it?  A CA or WIT key vouches for others. */
static enum rc
signs_itself(struct hunt *h, bool *yes)
{
	struct trust_event event;
	struct query_entry e;
	enum rc rc;

	*yes = h->anchor_count > 0 && h->anchor_count <= EVENTS_READ;
	for (size_t i = 0; *yes && i < h->anchor_count; i++) {
		arena_reset(&h->scratch);
		if ((rc = view_entry(h->v, h->anchors[i], &h->scratch, &e, h->why)) != RC_OK)
			return rc;
		if ((rc = event_read(e.entry.token, &h->scratch, &event, h->why)) != RC_OK)
			return rc;
		*yes = event.subject == EVENT_KEY && event.use.n == 0;
	}
	return RC_OK;
}

static enum rc
set_suspect(struct hunt *h)
{
	struct history_record key = {0};
	bool itself;
	enum rc rc;

	if ((rc = find_suspect(h, &key)) != RC_OK)
		return rc;
	h->suspect = true;
	rc = history_events(
	    h->v->history, &key.id, h->v->size, h->budget->arena, &h->anchors, &h->anchor_count);
	if (rc != RC_OK)
		return why_set(h->why, rc, "key history", "suspect", 0, "%s", rc_text(rc));
	if ((rc = signs_itself(h, &itself)) != RC_OK)
		return rc;
	if (itself)
		lists_add(&h->lists, INDEX_LIST_SIGNER, key.id.b);
	if (!key.revoked)
		h->until = 0;
	else if (key.revoked_index < h->until)
		h->until = key.revoked_index;
	if (key.revoked && key.revoked_since > 0)
		return not_before(
		    h, key.revoked_since > INT64_MAX / 1000 ? INT64_MAX : key.revoked_since * 1000);
	return RC_OK;
}

/* ---- the walk ---- */

static void
set_lists(struct hunt *h)
{
	static const uint8_t none[UUID_SIZE];
	const struct search *s = h->search;

	if (s->has_wid || s->no_wid)
		lists_add(&h->lists, INDEX_LIST_WORKFLOW, s->has_wid ? s->wid : none);
	if (s->iss.n > 0)
		lists_add_name(&h->lists, INDEX_LIST_ISSUER, s->iss);
	if (s->act.n > 0)
		lists_add_name(&h->lists, INDEX_LIST_ACT, s->act);
	/* Plain tasks are not listed: most entries are. */
	if (s->kind.n > 0 && !bytes_is(s->kind, kind_of(BYTES_NONE)->name))
		lists_add_name(&h->lists, INDEX_LIST_KIND, s->kind);
}

static enum rc
no_room(struct hunt *h)
{
	return why_set(h->why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the page");
}

/* Judge one candidate.  '*full': it belongs on the next page. */
static enum rc
look(struct hunt *h, uint64_t index, bool *full)
{
	struct query_entry e;
	enum rc rc;

	arena_reset(&h->scratch);
	if ((rc = view_entry(h->v, index, &h->scratch, &e, h->why)) != RC_OK)
		return rc;
	if (!search_matches(h->search, &e) || (h->suspect && !is_suspect(h, &e)))
		return RC_OK;
	if (h->page->count > 0 && h->search->bytes_max > 0 &&
	    h->bytes + e.raw.n > h->search->bytes_max) {
		*full = true;
		return RC_OK;
	}
	rc = query_entry(h->v, index, h->budget->arena, &h->page->entries[h->page->count], h->why);
	if (rc == RC_NO_MEMORY && h->page->count > 0) {
		*full = true;
		return RC_OK;
	}
	if (rc == RC_OK) {
		h->page->count++;
		h->bytes += e.raw.n;
	}
	return rc;
}

static bool
used_up(struct hunt *h)
{
	size_t looked = h->looked + h->lists.pages;

	if (looked >= h->budget->nodes_max)
		return true;
	if (looked < h->clock_at)
		return false;
	h->clock_at = looked + LATE_EVERY;
	return budget_late(h->budget);
}

static enum rc
walk(struct hunt *h)
{
	uint64_t at = h->from;
	bool full = false, found;
	enum rc rc;

	if (h->until <= h->from || h->until - h->from <= LISTS_PAGE)
		h->lists.count = 0; /* reading them would cost more */
	while (at < h->until && h->page->count < h->room && !used_up(h)) {
		if ((rc = lists_seek(&h->lists, h->v->ids, &at, &found, h->why)) != RC_OK)
			return rc;
		if (at >= h->until)
			break;
		if (!found)
			continue; /* at is as far as it got */
		if ((rc = look(h, at, &full)) != RC_OK)
			return rc;
		if (full)
			break;
		h->looked++;
		at++;
	}
	h->page->complete = at >= h->until;
	/* Nothing was skipped: what lies behind the range may come into it as the log grows. */
	h->page->next = at < h->until ? at : h->until > h->from ? h->until : h->from;
	return RC_OK;
}

static enum rc
run(struct hunt *h, struct query_view *v, const struct search *search, const struct budget *budget,
    struct search_page *out, struct why *why)
{
	must(budget->arena != NULL);
	memset(out, 0, sizeof(*out));
	h->v = v;
	h->search = search;
	h->budget = budget;
	h->page = out;
	h->why = why;
	h->until = v->size;
	h->room = search->limit == 0 ? SEARCH_LIMIT : (size_t)search->limit;
	if (search->limit > SEARCH_LIMIT_MAX)
		h->room = SEARCH_LIMIT_MAX;
	out->entries = arena_alloc(budget->arena, h->room * sizeof(*out->entries));
	if (out->entries == NULL)
		return no_room(h);
	set_lists(h);
	return check(v, search, why);
}

enum rc
query_search(struct query_view *v, struct bytes origin, const struct search *search,
    const struct budget *budget, struct search_page *out, struct why *why)
{
	struct hunt h = {0};
	enum rc rc;

	arena_init(&h.scratch, SCRATCH_MAX);
	if ((rc = run(&h, v, search, budget, out, why)) != RC_OK)
		goto out;
	if (search->after.n > 0 &&
	    (rc = search_cursor_read(search, origin, search->after, &h.from, why)) != RC_OK)
		goto out;
	if ((rc = set_range(&h)) != RC_OK)
		goto out;
	if (search->suspect.n > 0 && (rc = set_suspect(&h)) != RC_OK)
		goto out;
	if ((rc = walk(&h)) != RC_OK)
		goto out;
	search_cursor_write(search, origin, out->next, out->cursor);

out:
	arena_release(&h.scratch);
	return rc;
}

enum rc
query_follow(struct query_view *v, const struct search *search, uint64_t from,
    const struct budget *budget, struct search_page *out, struct why *why)
{
	struct hunt h = {0};
	enum rc rc;

	must(search->suspect.n == 0 && search->since_ms == 0 && search->until_ms == 0);
	arena_init(&h.scratch, SCRATCH_MAX);
	if ((rc = run(&h, v, search, budget, out, why)) == RC_OK) {
		h.from = from;
		rc = walk(&h);
	}
	arena_release(&h.scratch);
	return rc;
}
