/*
 * names.h - texts kept once and numbered in the order of their first appearance.  Private to facts/.
 */
#ifndef FACTS_NAMES_H
#define FACTS_NAMES_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "facts/chunks.h"

struct name {
	struct bytes text;
	uint32_t first;		/* the entry that brought it */
	uint32_t other;		/* of an issuer: its domain; NAME_NONE */
	_Atomic uint32_t last;	/* newest entry of a chain; NAME_NONE */
	_Atomic uint32_t last2; /* of another */
};
#define NAME_NONE UINT32_MAX

struct facts_table {
	struct chunks names;
	_Atomic uint32_t count;
	struct arena texts;
	pthread_rwlock_t lock; /* guards slots */
	uint32_t *slots;       /* number + 1; 0: empty */
	size_t room;
	uint64_t seed;
};

/* A lock whose writer does not starve while readers come without a pause.  Readers take it once, not twice. */
bool names_lock_init(pthread_rwlock_t *lock);

bool names_open(struct facts_table *t);
void names_close(struct facts_table *t);
/* The feeder: the number of a text, added when it is new.  False: no memory. */
bool names_add(struct facts_table *t, struct bytes text, uint32_t entry, uint32_t other, uint32_t *number);
/* Any thread; NAME_NONE. */
uint32_t names_find(struct facts_table *t, struct bytes text);
static inline struct name *
names_at(const struct facts_table *t, uint32_t number)
{
	return chunks_at(&t->names, number);
}
uint64_t names_bytes(const struct facts_table *t);

#endif
