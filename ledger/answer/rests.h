/*
 * rests.h - the entries that an answer rests on: collected in any order, given ascending, each once.
 */
#ifndef ANSWER_RESTS_H
#define ANSWER_RESTS_H

#include "base/arena.h"

struct rests {
	struct arena *arena;
	uint64_t *items;
	size_t count, room;
	bool bad; /* no memory: seen at the end */
};

void rests_init(struct rests *r, struct arena *arena);
void rests_add(struct rests *r, uint64_t index);
/* False: no memory. */
bool rests_end(struct rests *r);

#endif
