/*
 * names.c - open addressing with linear probing over numbers, at most half full; the hash is seeded,
 * since strangers choose the texts.
 */
#include "facts/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/random.h"

#define NAMES_SHIFT 12
#define SLOTS_MIN   1024
#define TEXTS_MAX   ((size_t)1 << 40)

static uint64_t
hash_text(const struct facts_table *t, struct bytes x)
{
	uint64_t h = t->seed ^ x.n;

	while (x.n >= 8) {
		uint64_t part;

		memcpy(&part, x.p, 8);
		h = (h ^ part) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
		x = bytes_of(x.p + 8, x.n - 8);
	}
	for (size_t i = 0; i < x.n; i++)
		h = (h ^ x.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 30;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 27;
	h *= UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

bool
names_lock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;
	bool ok;

	if (pthread_rwlockattr_init(&attr) != 0)
		return false;
	(void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	ok = pthread_rwlock_init(lock, &attr) == 0;
	(void)pthread_rwlockattr_destroy(&attr);
	return ok;
}

bool
names_open(struct facts_table *t)
{
	memset(t, 0, sizeof(*t));
	random_bytes(&t->seed, sizeof(t->seed));
	arena_init(&t->texts, TEXTS_MAX);
	if (!names_lock_init(&t->lock))
		return false;
	if (!chunks_init(&t->names, sizeof(struct name), NAMES_SHIFT)) {
		pthread_rwlock_destroy(&t->lock);
		return false;
	}
	return true;
}

void
names_close(struct facts_table *t)
{
	if (t->names.chunk == NULL)
		return;
	chunks_release(&t->names);
	arena_release(&t->texts);
	pthread_rwlock_destroy(&t->lock);
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

/* The slot that has the text, or the empty one where it belongs. */
static size_t
slot_of(const struct facts_table *t, struct bytes text)
{
	size_t i = (size_t)hash_text(t, text) & (t->room - 1);

	while (t->slots[i] != 0 && !bytes_eq(names_at(t, t->slots[i] - 1)->text, text))
		i = (i + 1) & (t->room - 1);
	return i;
}

static bool
grow(struct facts_table *t)
{
	uint32_t count = atomic_load_explicit(&t->count, memory_order_relaxed), *old = t->slots;
	size_t room = t->room == 0 ? SLOTS_MIN : t->room * 2;
	uint32_t *slots = calloc(room, sizeof(*slots));

	if (slots == NULL)
		return false;
	t->slots = slots;
	t->room = room;
	for (uint32_t i = 0; i < count; i++)
		t->slots[slot_of(t, names_at(t, i)->text)] = i + 1;
	free(old);
	return true;
}

/* A name of its own, in the table's slots: the lock is held for writing. */
static bool
put(struct facts_table *t, struct bytes text, uint32_t entry, uint32_t other, uint32_t number)
{
	struct name *n;
	struct bytes kept;

	if ((t->room == 0 || (size_t)number + 1 > t->room / 2) && !grow(t))
		return false;
	if (!chunks_reserve(&t->names, (uint64_t)number + 1) || !arena_dup(&t->texts, text, &kept))
		return false;
	n = names_at(t, number);
	n->text = kept;
	n->first = entry;
	n->other = other;
	atomic_store_explicit(&n->last, NAME_NONE, memory_order_relaxed);
	atomic_store_explicit(&n->last2, NAME_NONE, memory_order_relaxed);
	t->slots[slot_of(t, text)] = number + 1;
	return true;
}

bool
names_add(
    struct facts_table *t, struct bytes text, uint32_t entry, uint32_t other, uint32_t *number)
{
	uint32_t count = atomic_load_explicit(&t->count, memory_order_relaxed);
	size_t slot;
	bool ok;

	/* The feeder alone changes the slots, so it may look without the lock. */
	if (t->room > 0) {
		slot = slot_of(t, text);
		if (t->slots[slot] != 0) {
			*number = t->slots[slot] - 1;
			return true;
		}
	}
	must(pthread_rwlock_wrlock(&t->lock) == 0);
	ok = put(t, text, entry, other, count);
	must(pthread_rwlock_unlock(&t->lock) == 0);
	if (!ok)
		return false;
	atomic_store_explicit(&t->count, count + 1, memory_order_release);
	*number = count;
	return true;
}

uint32_t
names_find(struct facts_table *t, struct bytes text)
{
	uint32_t number = NAME_NONE;

	must(pthread_rwlock_rdlock(&t->lock) == 0);
	if (t->room > 0) {
		uint32_t slot = t->slots[slot_of(t, text)];

		if (slot != 0)
			number = slot - 1;
	}
	must(pthread_rwlock_unlock(&t->lock) == 0);
	return number;
}

uint64_t
names_bytes(const struct facts_table *t)
{
	return t->names.bytes + t->texts.used + t->room * sizeof(*t->slots);
}
