/*
 * arena.h - the memory of one call: many small allocations, one reset.
 *
 * Bounded: past 'max' bytes arena_alloc() gives NULL.  Not shared between threads.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;
struct arena {
	struct arena_block *first; /* kept over a reset */
	struct arena_block *last;
	size_t used;
	size_t max;
};

void arena_init(struct arena *a, size_t max); /* allocates nothing yet */
void arena_release(struct arena *a);
void arena_reset(struct arena *a); /* keeps the first block */
/* aligned to 16, not zeroed; NULL over the limit; n 0 is fine */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
bool arena_dup(struct arena *a, struct bytes from, struct bytes *to);
char *arena_strdup(struct arena *a, struct bytes from); /* NUL-terminated */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
