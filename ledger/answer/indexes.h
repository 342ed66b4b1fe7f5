/*
 * indexes.h - what an answer rests on: indexes gathered in any order, given ascending and once.
 */
#ifndef ANSWER_INDEXES_H
#define ANSWER_INDEXES_H

#include "base/arena.h"

/* Of 'from' (uint64_t; released).  False: no memory. */
bool indexes_give(struct buf *from, struct arena *arena, const uint64_t **out, size_t *count);
static inline void
indexes_add(struct buf *to, uint64_t index)
{
	buf_add(to, &index, sizeof(index));
}

#endif
