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
	enum rc rc;

	if ((rc = entry_page(call, v, page, brief, &m.entries, why)) != RC_OK)
		return rc;
	m.n_entries = page->count;
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
	struct budget budget = call_entries_budget(call);
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
