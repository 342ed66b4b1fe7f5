/*
 * wait.c - slots in a fixed array, a hash of the ids that are waited for, a heap of deadlines, and a
 * hash of clients with what each holds.
 *
 * States of a slot: free -> waiting (in a bucket of its id and in the heap) -> ready (in the ready
 * queue) -> free; or waiting -> free when its time is over.
 *
 * Invariants:
 *   1. tokens, bytes and each client's count are sums over the slots that are not free, and never
 *      over their bounds.
 *   2. exactly the waiting slots are in the heap and in a bucket.
 *   3. heap order: no slot has a deadline before its parent's; of equal deadlines the earlier
 *      arrival is nearer the top.
 *   4. a bucket is in order of arrival.
 *   5. a client is in the table exactly while its count is above 0.
 *
 * Slot, bucket and client numbers are stored plus one, so that memory fresh from the system, all
 * zeros, is an empty pool, and a large bound costs nothing until it is used.
 */
#include "seq/wait.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct slot {
	struct writer_item *item;
	uint64_t order;	     /* of arrival in the pool */
	uint32_t prev, next; /* in its bucket */
	uint32_t heap;	     /* its place there plus one; 0: not there (ready) */
	uint32_t client;
	uint8_t jti[UUID_SIZE];
};

struct bucket {
	uint32_t first, last; /* slots */
};

struct client {
	uint64_t id;
	uint32_t next; /* in its bucket, or in the free chain */
	uint32_t tokens;
};

struct wait_pool {
	struct wait_bounds bounds;
	uint64_t seed, order;
	size_t tokens, bytes;
	uint32_t mask; /* of both bucket arrays */
	struct slot *slots;
	uint32_t slots_used, slots_free; /* bump, and a chain through 'next' */
	struct bucket *buckets;
	uint32_t *heap;
	uint32_t heap_count;
	struct client *clients;
	uint32_t clients_used, clients_free;
	uint32_t *client_buckets;
	struct writer_item *ready_first, *ready_last;
};

/* ---- numbers ---- */

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15u;
	h ^= h >> 32;
	h *= 0xbf58476d1ce4e5b9u;
	return h ^ h >> 29;
}

static struct bucket *
bucket_of(const struct wait_pool *p, const uint8_t jti[UUID_SIZE])
{
	uint64_t a, b;

	memcpy(&a, jti, 8);
	memcpy(&b, jti + 8, 8);
	return &p->buckets[mix(mix(p->seed, a), b) & p->mask];
}

/* ---- making ---- */

struct wait_pool *
wait_new(const struct wait_bounds *bounds, uint64_t seed)
{
	struct wait_pool *p = calloc(1, sizeof(*p));
	size_t max = bounds->tokens_max, room = 16;

	must(max < UINT32_MAX / 2);
	if (p == NULL)
		return NULL;
	while (room < max)
		room *= 2;
	p->bounds = *bounds;
	p->seed = seed;
	p->mask = (uint32_t)(room - 1);
	p->slots = calloc(max + 1, sizeof(*p->slots)); /* [0] means none */
	p->clients = calloc(max + 1, sizeof(*p->clients));
	p->heap = calloc(max + 1, sizeof(*p->heap));
	p->buckets = calloc(room, sizeof(*p->buckets));
	p->client_buckets = calloc(room, sizeof(*p->client_buckets));
	if (p->slots == NULL || p->clients == NULL || p->heap == NULL || p->buckets == NULL ||
	    p->client_buckets == NULL) {
		wait_free(p);
		return NULL;
	}
	return p;
}

void
wait_free(struct wait_pool *p)
{
	if (p == NULL)
		return;
	must(p->tokens == 0);
	free(p->client_buckets);
	free(p->buckets);
	free(p->heap);
	free(p->clients);
	free(p->slots);
	free(p);
}

/* ---- clients ---- */

static uint32_t *
client_bucket(const struct wait_pool *p, uint64_t id)
{
	return &p->client_buckets[mix(p->seed, id) & p->mask];
}

static uint32_t
client_find(const struct wait_pool *p, uint64_t id)
{
	uint32_t c = *client_bucket(p, id);

	while (c != 0 && p->clients[c].id != id)
		c = p->clients[c].next;
	return c;
}

static uint32_t
client_take(struct wait_pool *p, uint64_t id)
{
	uint32_t c = client_find(p, id);

	if (c == 0) {
		uint32_t *head = client_bucket(p, id);

		/* No more clients than tokens, so there is room. */
		if ((c = p->clients_free) != 0)
			p->clients_free = p->clients[c].next;
		else
			c = ++p->clients_used;
		p->clients[c] = (struct client){.id = id, .next = *head};
		*head = c;
	}
	p->clients[c].tokens++;
	return c;
}

static void
client_drop(struct wait_pool *p, uint32_t c)
{
	uint32_t *at = client_bucket(p, p->clients[c].id);

	must(p->clients[c].tokens > 0);
	if (--p->clients[c].tokens > 0)
		return;
	while (*at != c)
		at = &p->clients[*at].next;
	*at = p->clients[c].next;
	p->clients[c].next = p->clients_free;
	p->clients_free = c;
}

/* ---- the heap ---- */

static bool
before(const struct wait_pool *p, uint32_t a, uint32_t b)
{
	const struct slot *x = &p->slots[a], *y = &p->slots[b];

	if (x->item->deadline_us != y->item->deadline_us)
		return x->item->deadline_us < y->item->deadline_us;
	return x->order < y->order;
}

static void
heap_set(struct wait_pool *p, uint32_t at, uint32_t slot)
{
	p->heap[at] = slot;
	p->slots[slot].heap = at + 1;
}

static void
heap_up(struct wait_pool *p, uint32_t at)
{
	uint32_t slot = p->heap[at];

	while (at > 0 && before(p, slot, p->heap[(at - 1) / 2])) {
		heap_set(p, at, p->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_set(p, at, slot);
}

static void
heap_down(struct wait_pool *p, uint32_t at)
{
	uint32_t slot = p->heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= p->heap_count)
			break;
		if (child + 1 < p->heap_count && before(p, p->heap[child + 1], p->heap[child]))
			child++;
		if (!before(p, p->heap[child], slot))
			break;
		heap_set(p, at, p->heap[child]);
		at = child;
	}
	heap_set(p, at, slot);
}

static void
heap_remove(struct wait_pool *p, uint32_t slot)
{
	uint32_t at = p->slots[slot].heap - 1, last = p->heap[--p->heap_count];

	p->slots[slot].heap = 0;
	if (last == slot)
		return;
	heap_set(p, at, last);
	heap_up(p, at);
	heap_down(p, p->slots[last].heap - 1);
}

/* ---- slots ---- */

static void
unlink_bucket(struct wait_pool *p, uint32_t i)
{
	struct slot *s = &p->slots[i];
	struct bucket *b = bucket_of(p, s->jti);

	if (s->prev != 0)
		p->slots[s->prev].next = s->next;
	else
		b->first = s->next;
	if (s->next != 0)
		p->slots[s->next].prev = s->prev;
	else
		b->last = s->prev;
}

static struct writer_item *
release(struct wait_pool *p, uint32_t i)
{
	struct slot *s = &p->slots[i];
	struct writer_item *item = s->item;

	p->tokens--;
	p->bytes -= item->bytes;
	client_drop(p, s->client);
	item->wait_slot = 0;
	s->item = NULL;
	s->next = p->slots_free;
	p->slots_free = i;
	return item;
}

bool
wait_add(struct wait_pool *p, struct writer_item *item, const uint8_t jti[UUID_SIZE])
{
	struct bucket *b = bucket_of(p, jti);
	uint32_t held = client_find(p, item->client), i;
	struct slot *s;

	must(item->wait_slot == 0);
	if (p->tokens >= p->bounds.tokens_max || item->bytes > p->bounds.bytes_max - p->bytes)
		return false;
	if ((held != 0 ? p->clients[held].tokens : 0) >= p->bounds.client_tokens_max)
		return false;
	if ((i = p->slots_free) != 0)
		p->slots_free = p->slots[i].next;
	else
		i = ++p->slots_used;
	s = &p->slots[i];
	*s = (struct slot){.item = item, .order = p->order++, .prev = b->last};
	memcpy(s->jti, jti, UUID_SIZE);
	s->client = client_take(p, item->client);
	if (b->last != 0)
		p->slots[b->last].next = i;
	else
		b->first = i;
	b->last = i;
	heap_set(p, p->heap_count++, i);
	heap_up(p, p->heap_count - 1);
	p->tokens++;
	p->bytes += item->bytes;
	item->wait_slot = i;
	return true;
}

void
wait_admitted(struct wait_pool *p, const uint8_t jti[UUID_SIZE])
{
	uint32_t i = bucket_of(p, jti)->first, next;

	for (; i != 0; i = next) {
		struct slot *s = &p->slots[i];

		next = s->next;
		if (memcmp(s->jti, jti, UUID_SIZE) != 0)
			continue;
		unlink_bucket(p, i);
		heap_remove(p, i);
		s->item->next = NULL;
		if (p->ready_last != NULL)
			p->ready_last->next = s->item;
		else
			p->ready_first = s->item;
		p->ready_last = s->item;
	}
}

size_t
wait_take(struct wait_pool *p, size_t max, struct writer_item **first)
{
	struct writer_item *item = p->ready_first, *last = NULL;
	size_t n = 0;

	*first = item;
	for (; n < max && item != NULL; n++, item = item->next) {
		release(p, item->wait_slot);
		last = item;
	}
	p->ready_first = item;
	if (item == NULL)
		p->ready_last = NULL;
	if (last != NULL)
		last->next = NULL;
	else
		*first = NULL;
	return n;
}

size_t
wait_expired(struct wait_pool *p, int64_t now_us, struct writer_item **first)
{
	struct writer_item **tail = first;
	size_t n = 0;

	for (; p->heap_count > 0; n++) {
		uint32_t i = p->heap[0];

		if (p->slots[i].item->deadline_us > now_us)
			break;
		unlink_bucket(p, i);
		heap_remove(p, i);
		*tail = release(p, i);
		tail = &(*tail)->next;
	}
	*tail = NULL;
	return n;
}

size_t
wait_take_all(struct wait_pool *p, struct writer_item **first)
{
	struct writer_item **tail = first;
	size_t n = wait_take(p, SIZE_MAX, first);

	while (*tail != NULL)
		tail = &(*tail)->next;
	return n + wait_expired(p, INT64_MAX, tail);
}

size_t
wait_count(const struct wait_pool *p)
{
	return p->tokens;
}

bool
wait_any_ready(const struct wait_pool *p)
{
	return p->ready_first != NULL;
}

int64_t
wait_deadline(const struct wait_pool *p)
{
	return p->heap_count > 0 ? p->slots[p->heap[0]].item->deadline_us : INT64_MAX;
}
