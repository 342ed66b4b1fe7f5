/*
 * search.h - entries that have something in common, oldest first, page by page.
 *
 * A cursor is (digest of the question and the log's origin, next index).  Entries are only appended,
 * so a cursor stays good however much the log grows, and after a restart or a rebuilt index; it is
 * bound to its question: any other gives RC_STALE_CURSOR.  It is not secret and grants nothing: a
 * forged one asks what its maker may ask anyway.
 *
 * The walk goes through the lists of all conditions at once (workflow, signer, issuer, act, kind),
 * each skipping to where the others stand, or through the plain index range where none is named;
 * and every candidate is judged by the entry itself.  Receive times never decrease along a log, so
 * since and until are a range of indexes, found by bisection.
 *
 * What conditions speak of: iss, act, wid and no_wid of the token's claims, so key entries meet none
 * of them; an equivocation is judged by the claims of the token that was refused.  kind is
 * "equivocation" for an equivocation, whatever the token's own kind.
 *
 * The doubtful window of a key ('suspect'): entries that it signed or that it vouched for (a CA's
 * certificates, a domain's WIT key), equivocations among them, received at or after the time since when its revocation
 * holds, and before the entry that recorded the revocation: until then nobody could know, and
 * afterwards they are refused.  The receive time decides, since a thief writes any iat.  The newest
 * revocation of the key counts; a key that is not revoked (any more) has no such window.
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
	uint64_t limit;               /* 0: SEARCH_LIMIT; at most SEARCH_LIMIT_MAX */
	size_t bytes_max;             /* of the page's entries, but at least one; 0: no bound */
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
 * history), RC_AMBIGUOUS (kid), RC_CORRUPT, RC_NO_MEMORY (not even one entry fits).  Over the budget
 * the page is short, perhaps empty: nothing among the entries looked at; go on from the cursor. */
enum rc query_search(struct query_view *v, struct bytes origin, const struct search *search,
    const struct budget *budget, struct search_page *out, struct why *why);
/* The same from an index on, for watch: no times, no suspect, no cursor given or made. */
enum rc query_follow(struct query_view *v, const struct search *search, uint64_t from,
    const struct budget *budget, struct search_page *out, struct why *why);
/* Does this one entry meet the conditions (cursor, limit, times and suspect aside)? */
bool search_matches(const struct search *search, const struct query_entry *entry);

/* Was this key (or what it vouched for) in doubt when the entry was received?  See above. */
bool search_doubtful(const struct history_record *key, uint64_t index, uint64_t received_at_ms);
/* "token", "key", "equivocation", ... */
const char *query_entry_kind(const struct query_entry *entry);

/* A cursor's bytes, and back: the next index.  The digest is of question and origin. */
void search_cursor_write(
    const struct search *search, struct bytes origin, uint64_t next, uint8_t out[SEARCH_CURSOR_SIZE]);
enum rc search_cursor_read(
    const struct search *search, struct bytes origin, struct bytes cursor, uint64_t *next, struct why *why);

#endif
