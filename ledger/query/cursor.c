/*
 * cursor.c - where a search goes on.
 *
 *   0      version, 1
 *   1..16  first bytes of SHA-256(what makes the question: origin and conditions)
 *   17..24 next index, big-endian
 *   25..31 first bytes of SHA-256(the 25 before): a mistyped or cut cursor is no other index
 *
 * The limit, the tree size asked at and the form of the answer are no part of the question: a page
 * may be larger than the one before.
 */
#include <string.h>

#include "query/search.h"

#define CURSOR_VERSION 1
#define DIGEST_SIZE    16
#define NEXT_AT	       (1 + DIGEST_SIZE)
#define CHECK_AT       (NEXT_AT + 8)
#define RULE	       "a cursor belongs to its question"

/* Each text by its length and bytes, so that no two questions join to the same bytes. */
static void
digest(const struct search *s, struct bytes origin, uint8_t out[DIGEST_SIZE])
{
	const struct bytes texts[] = {origin, s->iss, s->act, s->kind, s->suspect};
	enum { TEXTS = sizeof texts / sizeof texts[0] };
	uint8_t sizes[TEXTS][8], rest[2 + UUID_SIZE + 16];
	struct bytes parts[2 * TEXTS + 1];
	struct hash h;

	for (size_t i = 0; i < TEXTS; i++) {
		put_u64(sizes[i], texts[i].n);
		parts[2 * i] = bytes_of(sizes[i], sizeof sizes[i]);
		parts[2 * i + 1] = texts[i];
	}
	memset(rest, 0, sizeof rest);
	rest[0] = s->has_wid;
	rest[1] = s->no_wid;
	if (s->has_wid)
		memcpy(rest + 2, s->wid, UUID_SIZE);
	put_u64(rest + 2 + UUID_SIZE, (uint64_t)s->since_ms);
	put_u64(rest + 2 + UUID_SIZE + 8, (uint64_t)s->until_ms);
	parts[2 * TEXTS] = bytes_of(rest, sizeof rest);
	hash_of_parts(parts, 2 * TEXTS + 1, &h);
	memcpy(out, h.b, DIGEST_SIZE);
}

void
search_cursor_write(const struct search *search, struct bytes origin, uint64_t next,
    uint8_t out[SEARCH_CURSOR_SIZE])
{
	struct hash check;

	out[0] = CURSOR_VERSION;
	digest(search, origin, out + 1);
	put_u64(out + NEXT_AT, next);
	hash_of(bytes_of(out, CHECK_AT), &check);
	memcpy(out + CHECK_AT, check.b, SEARCH_CURSOR_SIZE - CHECK_AT);
}

enum rc
search_cursor_read(const struct search *search, struct bytes origin, struct bytes cursor,
    uint64_t *next, struct why *why)
{
	uint8_t want[SEARCH_CURSOR_SIZE];

	if (cursor.n != SEARCH_CURSOR_SIZE || cursor.p[0] != CURSOR_VERSION)
		return why_set(
		    why, RC_STALE_CURSOR, RULE, "after", 0, "this is no cursor of this version");
	*next = get_u64(cursor.p + NEXT_AT);
	search_cursor_write(search, origin, *next, want);
	if (memcmp(cursor.p + CHECK_AT, want + CHECK_AT, SEARCH_CURSOR_SIZE - CHECK_AT) == 0 &&
	    memcmp(cursor.p, want, CHECK_AT) == 0)
		return RC_OK;
	return why_set(why, RC_STALE_CURSOR, RULE, "after", 0,
	    "the cursor is another question's, or is damaged");
}
