/*
 * chunks.h - an array that grows and never moves, for one who adds and many who read.  Private to facts/.
 */
#ifndef FACTS_CHUNKS_H
#define FACTS_CHUNKS_H

#include "base/bytes.h"

struct chunks {
	void **chunk; /* table with room for 2^32 items */
	size_t item;  /* bytes of one */
	unsigned shift; /* items of a chunk: 2^shift */
	uint32_t room;	/* items that have memory */
	uint64_t bytes;
};

bool chunks_init(struct chunks *c, size_t item, unsigned shift);
void chunks_release(struct chunks *c);
/* Memory for items below 'count', zeroed. */
bool chunks_reserve(struct chunks *c, uint64_t count);

static inline void *
chunks_at(const struct chunks *c, uint32_t i)
{
	return (uint8_t *)c->chunk[i >> c->shift] +
	       (size_t)(i & ((UINT32_C(1) << c->shift) - 1)) * c->item;
}

#endif
