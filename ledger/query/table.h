/*
 * table.h - two small hash tables for walks: numbers seen, and texts kept once.  Private to query/.
 *
 * Both grow by doubling and stay at most half full.  Keys come from strangers, so the hash is
 * seeded.
 */
#ifndef QUERY_TABLE_H
#define QUERY_TABLE_H

#include "base/arena.h"
#include "base/bytes.h"

/* Numbers -> positions in the order of their first adding. */
struct numbers {
	uint64_t *keys; /* UINT64_MAX: empty */
	uint32_t *at;
	size_t room; /* a power of two, or 0 */
	size_t count;
	uint64_t seed;
};

void numbers_init(struct numbers *t);
void numbers_release(struct numbers *t);
/* The position, or UINT32_MAX. */
uint32_t numbers_find(const struct numbers *t, uint64_t key);
/* Add a number that is not there; its position is the count before.  False: no memory.  must(key !=
 * UINT64_MAX). */
bool numbers_add(struct numbers *t, uint64_t key);

/* Texts, each kept once in an arena. */
struct names {
	struct bytes *names; /* in order of first adding */
	uint32_t *slots;     /* position + 1; 0: empty */
	size_t room;
	size_t count;
	uint64_t seed;
	struct arena *arena;
};

void names_init(struct names *t, struct arena *arena);
void names_release(struct names *t);
/* The one copy of 'x'.  False: no memory. */
bool names_keep(struct names *t, struct bytes x, struct bytes *out);

#endif
