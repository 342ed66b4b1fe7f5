/*
 * table.c - open addressing with linear probing, at most half full.
 */
#include "query/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/random.h"

#define ROOM_MIN 64
#define ROOM_MAX ((size_t)1 << 30)

static uint64_t
new_seed(void)
{
	uint64_t seed;

	random_bytes(&seed, sizeof(seed));
	return seed;
}

/* The finisher of splitmix64: every bit of x reaches every bit. */
static uint64_t
mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* ---- numbers ---- */

void
numbers_init(struct numbers *t)
{
	*t = (struct numbers){.seed = new_seed()};
}

void
numbers_release(struct numbers *t)
{
	free(t->keys);
	free(t->at);
	*t = (struct numbers){.seed = t->seed};
}

/* The slot that has the key, or the empty one where it belongs. */
static size_t
numbers_slot(const struct numbers *t, uint64_t key)
{
	size_t i = (size_t)mix(key ^ t->seed) & (t->room - 1);

	must(t->room > 0 && t->count <= t->room / 2);
	while (t->keys[i] != key && t->keys[i] != UINT64_MAX)
		i = (i + 1) & (t->room - 1);
	return i;
}

uint32_t
numbers_find(const struct numbers *t, uint64_t key)
{
	size_t i;

	if (t->room == 0)
		return UINT32_MAX;
	i = numbers_slot(t, key);
	return t->keys[i] == key ? t->at[i] : UINT32_MAX;
}

static bool
numbers_grow(struct numbers *t)
{
	struct numbers bigger = *t;

	bigger.room = t->room == 0 ? ROOM_MIN : t->room * 2;
	if (bigger.room > ROOM_MAX)
		return false;
	bigger.keys = malloc(bigger.room * sizeof(*bigger.keys));
	bigger.at = malloc(bigger.room * sizeof(*bigger.at));
	if (bigger.keys == NULL || bigger.at == NULL) {
		free(bigger.keys);
		free(bigger.at);
		return false;
	}
	memset(bigger.keys, 0xff, bigger.room * sizeof(*bigger.keys));
	for (size_t i = 0; i < t->room; i++) {
		size_t to;

		if (t->keys[i] == UINT64_MAX)
			continue;
		to = numbers_slot(&bigger, t->keys[i]);
		bigger.keys[to] = t->keys[i];
		bigger.at[to] = t->at[i];
	}
	free(t->keys);
	free(t->at);
	*t = bigger;
	return true;
}

bool
numbers_add(struct numbers *t, uint64_t key)
{
	size_t i;

	must(key != UINT64_MAX);
	if (t->count + 1 > t->room / 2 && !numbers_grow(t))
		return false;
	i = numbers_slot(t, key);
	must(t->keys[i] == UINT64_MAX);
	t->keys[i] = key;
	t->at[i] = (uint32_t)t->count++;
	return true;
}

/* ---- names ---- */

void
names_init(struct names *t, struct arena *arena)
{
	*t = (struct names){.seed = new_seed(), .arena = arena};
}

void
names_release(struct names *t)
{
	free(t->names);
	free(t->slots);
	*t = (struct names){.seed = t->seed, .arena = t->arena};
}

static uint64_t
name_hash(const struct names *t, struct bytes x)
{
	uint64_t h = t->seed ^ x.n, w;

	while (x.n >= 8) {
		memcpy(&w, x.p, 8);
		h = mix(h ^ w) + t->seed;
		x.p += 8;
		x.n -= 8;
	}
	w = 0;
	if (x.n > 0)
		memcpy(&w, x.p, x.n);
	return mix(h ^ w);
}

static size_t
names_slot(const struct names *t, struct bytes x)
{
	size_t i = (size_t)name_hash(t, x) & (t->room - 1);

	must(t->room > 0 && t->count <= t->room / 2);
	while (t->slots[i] != 0 && !bytes_eq(t->names[t->slots[i] - 1], x))
		i = (i + 1) & (t->room - 1);
	return i;
}

static bool
names_grow(struct names *t)
{
	struct names bigger = *t;

	bigger.room = t->room == 0 ? ROOM_MIN : t->room * 2;
	if (bigger.room > ROOM_MAX)
		return false;
	bigger.names = realloc(t->names, bigger.room / 2 * sizeof(*bigger.names));
	if (bigger.names == NULL)
		return false;
	t->names = bigger.names;
	if ((bigger.slots = calloc(bigger.room, sizeof(*bigger.slots))) == NULL)
		return false;
	for (size_t i = 0; i < t->count; i++)
		bigger.slots[names_slot(&bigger, t->names[i])] = (uint32_t)i + 1;
	free(t->slots);
	*t = bigger;
	return true;
}

bool
names_keep(struct names *t, struct bytes x, struct bytes *out)
{
	size_t i;

	if (t->count + 1 > t->room / 2 && !names_grow(t))
		return false;
	i = names_slot(t, x);
	if (t->slots[i] == 0) {
		if (!arena_dup(t->arena, x, &t->names[t->count]))
			return false;
		t->slots[i] = (uint32_t)++t->count;
	}
	*out = t->names[t->slots[i] - 1];
	return true;
}
