/*
 * map.h - a hash map from fixed keys to small numbers 0, 1, 2...; what the numbers stand for is
 * the caller's array.  Private to the room.
 *
 * Keys come from clients, so the hash is keyed (SipHash-1-3): nobody outside can aim at one slot.
 * Nothing is ever removed.
 */
#ifndef STORE_MAP_H
#define STORE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rc.h"

#define MAP_NONE UINT32_MAX

/* Two ids and a tag, the ids as big-endian numbers so that numeric order is byte order. */
struct map_key {
	uint64_t w[4];
	uint64_t tag;
};

struct map_seed {
	uint64_t k[2];
};

struct map {
	struct map_key *keys; /* by number */
	uint32_t *slots;      /* number + 1; 0: empty */
	size_t count, room, slot_count;
	struct map_seed seed;
};

void map_init(struct map *m, struct map_seed seed);
void map_release(struct map *m);
/* Make room for 'more' keys above what is there. */
enum rc map_reserve(struct map *m, size_t more);
uint32_t map_find(const struct map *m, const struct map_key *key);
/* The key's number; a new one, and *added, when it was not there.  Needs room. */
uint32_t map_add(struct map *m, const struct map_key *key, bool *added);
/* By tag last: ids first, as the tables on disk are ordered except for sequences. */
int map_key_cmp(const struct map_key *a, const struct map_key *b);

#endif
