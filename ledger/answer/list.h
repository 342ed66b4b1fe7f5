/*
 * list.h - indexes that an answer rests on: gathered in any order, given ascending and none twice.  Private
 * to answer/.
 */
#ifndef ANSWER_LIST_H
#define ANSWER_LIST_H

#include "base/arena.h"

/* Zeroed: empty.  A failed put is seen at list_take(). */
struct index_list {
	uint32_t *at;
	size_t count, room;
	bool bad;
};
void list_put(struct index_list *l, uint32_t index);
void list_release(struct index_list *l);
/* Sort in place, none twice.  False: no memory. */
bool list_sort(struct index_list *l);
/* Sort in place, together with others that are ascending already, none twice.  False: no memory. */
bool list_merge(struct index_list *l, const uint32_t *more, size_t count);
/* Sorted, as wide as on the wire, in the arena.  False: no memory. */
bool list_take(struct index_list *l, struct arena *arena, uint64_t **out, size_t *count);

#endif
