/*
 * search.c - Query/Search (reader thread): entries that have something in common, page by page.
 */
#include <string.h>

#include "serve/call.h"

#define PAGE_BYTES ((size_t)4 << 20) /* of stored entries; the answer has each about twice */

enum rc
search_read(const Ectledger__V1__SearchRequest *r, struct search *out, struct why *why)
{
	*out = (struct search){
	    .iss = bytes_str(r->iss),
	    .act = bytes_str(r->act),
	    .kind = bytes_str(r->kind),
	    .no_wid = r->no_wid,
	    .since_ms = r->since_ms,
	    .until_ms = r->until_ms,
	    .suspect = bytes_str(r->suspect),
	    .limit = r->limit,
	    .after = bytes_of(r->after.data, r->after.len),
	};
	if (r->wid.len == 0)
		return RC_OK;
	if (r->wid.len != UUID_SIZE)
		return why_set(why, RC_BAD_REQUEST, "WIRE ids", "wid", 0, "wid must have 16 bytes");
	out->has_wid = true;
	memcpy(out->wid, r->wid.data, UUID_SIZE);
	return RC_OK;
}

static enum rc
reply(
    struct call *call, struct query_view *v, struct search_page *page, bool brief, struct why *why)
{
	Ectledger__V1__SearchReply m = ECTLEDGER__V1__SEARCH_REPLY__INIT;
	struct entry_views *views;
	enum rc rc;

	if ((rc = entry_views_new(call, v, brief, &views, why)) != RC_OK)
		return rc;
	m.entries = arena_alloc(&call->arena, (page->count + 1) * sizeof *m.entries);
	if (m.entries == NULL)
		return why_set(why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room");
	for (m.n_entries = 0; m.n_entries < page->count; m.n_entries++) {
		rc = entry_view(views, &page->entries[m.n_entries], &m.entries[m.n_entries], why);
		if (rc != RC_OK)
			return rc;
	}
	m.complete = page->complete;
	if (!page->complete)
		m.cursor = pb_bytes(bytes_of(page->cursor, SEARCH_CURSOR_SIZE));
	m.tree_size = query_view_size(v);
	return call_reply(call, &m.base, why);
}

enum rc
search_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__SearchRequest *r = (const void *)request;
	struct bytes origin = bytes_str(ledger_origin(call->log->ledger));
	struct query_budget budget = call_budget(call);
	struct search_page page = {0};
	struct query_view *v = NULL;
	struct search search;
	enum rc rc;

	if ((rc = search_read(r, &search, why)) != RC_OK)
		goto out;
	search.bytes_max = PAGE_BYTES;
	if (search.bytes_max > call->arena.max / 8)
		search.bytes_max = call->arena.max / 8;
	if ((rc = call_view(call, r->at, &v, why)) != RC_OK)
		goto out;
	if ((rc = query_search(v, origin, &search, &budget, &page, why)) != RC_OK)
		goto out;
	rc = reply(call, v, &page, r->brief, why);

out:
	if (v != NULL)
		query_view_end(v);
	return rc;
}
