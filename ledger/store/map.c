/*
 * map.c - open addressing with linear probing, at most half full.  Slots hold numbers, so that
 * growing moves four bytes a key.
 */
#include "store/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define ROOM_MIN 64
#define ROOM_MAX ((size_t)1 << 30)

static uint64_t
rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

struct sip {
	uint64_t a, b, c, d;
};

static void
sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = rotate(s->b, 13) ^ s->a;
	s->a = rotate(s->a, 32);
	s->c += s->d;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

static void
sip_word(struct sip *s, uint64_t w)
{
	s->d ^= w;
	sip_round(s);
	s->a ^= w;
}

/* SipHash-1-3 over five words; the length is the same for all keys and left out. */
static uint64_t
key_hash(const struct map *m, const struct map_key *key)
{
	struct sip s = {.a = m->seed.k[0] ^ 0x736f6d6570736575u,
	    .b = m->seed.k[1] ^ 0x646f72616e646f6du,
	    .c = m->seed.k[0] ^ 0x6c7967656e657261u,
	    .d = m->seed.k[1] ^ 0x7465646279746573u};

	for (size_t i = 0; i < 4; i++)
		sip_word(&s, key->w[i]);
	sip_word(&s, key->tag);
	s.c ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

int
map_key_cmp(const struct map_key *a, const struct map_key *b)
{
	for (size_t i = 0; i < 4; i++)
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	return 0;
}

void
map_init(struct map *m, struct map_seed seed)
{
	*m = (struct map){.seed = seed};
}

void
map_release(struct map *m)
{
	free(m->keys);
	free(m->slots);
	map_init(m, m->seed);
}

/* Where the key is, or the empty slot where it would go. */
static size_t
probe(const struct map *m, const struct map_key *key)
{
	size_t mask = m->slot_count - 1, at = (size_t)key_hash(m, key) & mask;

	must(m->slot_count > 0 && m->count < m->slot_count);
	while (m->slots[at] != 0 && map_key_cmp(&m->keys[m->slots[at] - 1], key) != 0)
		at = (at + 1) & mask;
	return at;
}

static enum rc
grow_slots(struct map *m, size_t slot_count)
{
	uint32_t *slots = calloc(slot_count, sizeof *slots);

	if (slots == NULL)
		return RC_NO_MEMORY;
	free(m->slots);
	m->slots = slots;
	m->slot_count = slot_count;
	for (size_t i = 0; i < m->count; i++)
		m->slots[probe(m, &m->keys[i])] = (uint32_t)(i + 1);
	return RC_OK;
}

enum rc
map_reserve(struct map *m, size_t more)
{
	size_t need = m->count + more, room = m->room > 0 ? m->room : ROOM_MIN, slots = 0;
	struct map_key *keys = NULL;
	enum rc rc = RC_OK;

	if (more > ROOM_MAX || need > ROOM_MAX)
		return RC_NO_MEMORY;
	if (need <= m->room)
		return RC_OK;
	while (room < need)
		room *= 2;
	if ((keys = realloc(m->keys, room * sizeof *keys)) == NULL)
		return RC_NO_MEMORY;
	m->keys = keys;
	slots = 2 * room; /* a power of two, because ROOM_MIN is */
	if (slots > m->slot_count && (rc = grow_slots(m, slots)) != RC_OK)
		return rc;
	m->room = room;
	return RC_OK;
}

uint32_t
map_find(const struct map *m, const struct map_key *key)
{
	uint32_t slot = 0;

	if (m->count == 0)
		return MAP_NONE;
	slot = m->slots[probe(m, key)];
	return slot == 0 ? MAP_NONE : slot - 1;
}

uint32_t
map_add(struct map *m, const struct map_key *key, bool *added)
{
	size_t at = 0;

	must(m->count < m->room);
	at = probe(m, key);
	*added = m->slots[at] == 0;
	if (*added) {
		m->keys[m->count] = *key;
		m->slots[at] = (uint32_t)(++m->count);
	}
	return m->slots[at] - 1;
}
