/*
 * search.h - entries that have something in common, oldest first, page by page.
 *
 * A cursor is (digest of the question and the log's origin, next index).  Entries are only appended,
 * so a cursor stays good however much the log grows, and after a restart or a rebuilt index; it is
 * bound to its question: any other gives RC_STALE_CURSOR.  It is not secret and grants nothing: a
 * forged one asks what its maker may ask anyway.
 *
 * The walk takes the list that promises the fewest entries (workflow, signer, issuer, act, kind), or
 * the plain index range where none is named; every other condition is a filter on the entry itself.
 * Receive times never decrease along a log, so since and until are a range of indexes, found by
 * bisection.
 */
#ifndef QUERY_SEARCH_H
#define QUERY_SEARCH_H

#include "query/query.h"
#include "trust/history.h"

#define SEARCH_CURSOR_SIZE 32
#define SEARCH_LIMIT	   100  /* entries of a page when nothing is asked for */
#define SEARCH_LIMIT_MAX   1000

struct search {
	struct bytes iss, act, kind;  /* empty: any */
	bool has_wid, no_wid;
	uint8_t wid[UUID_SIZE];
	int64_t since_ms, until_ms;   /* 0: no bound; until is exclusive */
	struct bytes suspect;         /* thumbprint (base64url) or kid of a revoked key; empty: not asked */
	uint64_t limit;               /* 0: SEARCH_LIMIT */
	struct bytes after;           /* cursor; empty: from the start */
};

struct search_page {
	struct query_entry *entries;  /* ascending index */
	size_t count;
	bool complete;                /* nothing more at the view's size */
	uint8_t cursor[SEARCH_CURSOR_SIZE];
	uint64_t next;                /* the index that the cursor stands for */
};

/* RC_BAD_REQUEST (a bad combination), RC_STALE_CURSOR, RC_NOT_FOUND (suspect: no such key in the log's
 * history), RC_AMBIGUOUS (kid), RC_CORRUPT, RC_NO_MEMORY.  Over the budget the page is short. */
enum rc query_search(struct query_view *v, const struct query_log *log, struct bytes origin,
    const struct search *search, const struct query_budget *budget, struct search_page *out, struct why *why);
/* Does this one entry meet the conditions (cursor, limit, times and suspect aside)?  For watch. */
bool search_matches(const struct search *search, const struct query_entry *entry);

#endif
