/*
 * store_mem.c - a store in memory, for tests and the simulator: as strict as the real one
 * (store.c), and able to fail on request.
 *
 * Faults, each once, at the call after 'after_calls' further ones of its kind:
 *   COMMIT_LOST   commit reports an error and nothing of the batch is there
 *   COMMIT_DOUBT  commit reports an error and everything of the batch is there; both leave the
 *                 store in doubt, and only store_mem_crash() tells them apart
 *   PUT           a put of any kind reports RC_IO
 *   SYNC          a journal append reports RC_IO and is not there
 *   SPACE         store_check_space() reports RC_NO_SPACE
 *   FLIP          an entry is put with its last bit turned over, and nothing says so
 *
 * Values live until the store is closed, so a reader's views need no counting: a snapshot is how
 * many entries and heads there were.  A tile grows in place behind what readers may look at.  One
 * lock over all of it.
 */
#include "store/ops.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define TILE_BYTES 8192

/* Everything ever allocated hangs on one chain, freed at the end. */
struct value {
	struct value *next;
	uint8_t b[];
};

struct mem_head {
	uint64_t size;
	struct bytes note;
};

struct mem_tile {
	unsigned level;
	uint64_t number;
	uint8_t *p;
	size_t n;
};

struct tables {
	struct bytes *entries;
	struct mem_head *heads; /* ascending; of equal sizes the last counts */
	struct mem_tile
	    *tiles; /* committed: by level, number, each with TILE_BYTES of room; pending: as put */
	size_t entry_count, entry_room, head_count, head_room, tile_count, tile_room;
};

struct mem_store {
	struct store base;
	pthread_mutex_t lock;
	struct value *values;
	struct tables done, batch;
	struct mem_head journal;
	bool has_journal;
	enum store_fault fault;
	uint64_t fault_after;
};

struct mem_read {
	struct store_read base;
	size_t head_count;
};

static const struct store_ops mem_ops;

static struct mem_store *
mem_of(struct store *s)
{
	must(s->ops == &mem_ops);
	return (struct mem_store *)s;
}

static struct mem_read *
read_of(struct store_read *r)
{
	return (struct mem_read *)r;
}

static void
lock(struct mem_store *m)
{
	must(pthread_mutex_lock(&m->lock) == 0);
}

/* Unlock on the way out of a function that has its answer. */
static enum rc
unlock(struct mem_store *m, enum rc rc)
{
	must(pthread_mutex_unlock(&m->lock) == 0);
	return rc;
}

/* ---- memory ---- */

static uint8_t *
value_new(struct mem_store *m, size_t n)
{
	struct value *v = malloc(sizeof *v + n);

	if (v == NULL)
		return NULL;
	v->next = m->values;
	m->values = v;
	return v->b;
}

static bool
value_copy(struct mem_store *m, struct bytes x, struct bytes *out)
{
	uint8_t *p = value_new(m, x.n);

	if (p == NULL)
		return false;
	if (x.n > 0)
		memcpy(p, x.p, x.n);
	*out = bytes_of(p, x.n);
	return true;
}

/* The array with room for 'more' items; NULL: out of memory, and the old one stays. */
static void *
grown(void *array, size_t item, size_t count, size_t *room, size_t more)
{
	size_t want = *room > 0 ? *room : 16;
	void *p = NULL;

	if (count + more <= *room)
		return array;
	while (want < count + more)
		want *= 2;
	if ((p = realloc(array, want * item)) != NULL)
		*room = want;
	return p;
}

static bool
room_entries(struct tables *t, size_t more)
{
	void *p = grown(t->entries, sizeof *t->entries, t->entry_count, &t->entry_room, more);

	t->entries = p != NULL ? p : t->entries;
	return p != NULL || more == 0;
}

static bool
room_heads(struct tables *t, size_t more)
{
	void *p = grown(t->heads, sizeof *t->heads, t->head_count, &t->head_room, more);

	t->heads = p != NULL ? p : t->heads;
	return p != NULL || more == 0;
}

static bool
room_tiles(struct tables *t, size_t more)
{
	void *p = grown(t->tiles, sizeof *t->tiles, t->tile_count, &t->tile_room, more);

	t->tiles = p != NULL ? p : t->tiles;
	return p != NULL || more == 0;
}

static void
tables_release(struct tables *t)
{
	free(t->entries);
	free(t->heads);
	free(t->tiles);
	*t = (struct tables){0};
}

static void
tables_clear(struct tables *t)
{
	t->entry_count = t->head_count = t->tile_count = 0;
}

/* ---- faults ---- */

static bool
fires(struct mem_store *m, enum store_fault fault)
{
	if (m->fault != fault)
		return false;
	if (m->fault_after > 0) {
		m->fault_after--;
		return false;
	}
	m->fault = STORE_FAULT_NONE;
	return true;
}

void
store_mem_fault(struct store *s, enum store_fault fault, uint64_t after_calls)
{
	struct mem_store *m = mem_of(s);

	lock(m);
	m->fault = fault;
	m->fault_after = after_calls;
	unlock(m, RC_OK);
}

/* ---- the writer ---- */

static enum rc
mem_check_space(struct store *s)
{
	struct mem_store *m = mem_of(s);

	lock(m);
	return unlock(m, fires(m, STORE_FAULT_SPACE) ? RC_NO_SPACE : RC_OK);
}

static enum rc
mem_begin(struct store *s)
{
	tables_clear(&mem_of(s)->batch);
	return RC_OK;
}

static enum rc
mem_put_entry(struct store *s, uint64_t index, struct bytes head, struct bytes token)
{
	struct mem_store *m = mem_of(s);
	uint8_t *p = NULL;
	size_t n = head.n + token.n;

	lock(m);
	must(index == m->done.entry_count + m->batch.entry_count);
	if (fires(m, STORE_FAULT_PUT))
		return unlock(m, RC_IO);
	if (!room_entries(&m->batch, 1) || (p = value_new(m, n)) == NULL)
		return unlock(m, RC_NO_MEMORY);
	if (head.n > 0)
		memcpy(p, head.p, head.n);
	if (token.n > 0)
		memcpy(p + head.n, token.p, token.n);
	if (fires(m, STORE_FAULT_FLIP))
		p[n - 1] ^= 1;
	m->batch.entries[m->batch.entry_count++] = bytes_of(p, n);
	return unlock(m, RC_OK);
}

static enum rc
mem_batch_entry(struct store *s, uint64_t index, struct bytes *entry)
{
	struct mem_store *m = mem_of(s);

	lock(m);
	if (index < m->done.entry_count)
		*entry = m->done.entries[index];
	else
		*entry = m->batch.entries[index - m->done.entry_count];
	return unlock(m, RC_OK);
}

static enum rc
mem_put_tile(struct store *s, unsigned level, uint64_t number, struct bytes hashes)
{
	struct mem_store *m = mem_of(s);
	struct mem_tile tile = {.level = level, .number = number, .n = hashes.n};

	lock(m);
	if (fires(m, STORE_FAULT_PUT))
		return unlock(m, RC_IO);
	if (!room_tiles(&m->batch, 1) || (tile.p = value_new(m, TILE_BYTES)) == NULL)
		return unlock(m, RC_NO_MEMORY);
	memcpy(tile.p, hashes.p, hashes.n);
	m->batch.tiles[m->batch.tile_count++] = tile;
	return unlock(m, RC_OK);
}

static enum rc
mem_put_head(struct store *s, uint64_t size, struct bytes note, bool again)
{
	struct mem_store *m = mem_of(s);
	struct mem_head head = {.size = size};

	(void)again; /* the later of two heads of one size is found first */
	lock(m);
	if (fires(m, STORE_FAULT_PUT))
		return unlock(m, RC_IO);
	if (!room_heads(&m->batch, 1) || !value_copy(m, note, &head.note))
		return unlock(m, RC_NO_MEMORY);
	m->batch.heads[m->batch.head_count++] = head;
	return unlock(m, RC_OK);
}

/* Where the tile is, or would be put in. */
static size_t
tile_place(const struct tables *t, unsigned level, uint64_t number)
{
	size_t low = 0, high = t->tile_count, mid = 0;
	const struct mem_tile *x = NULL;

	while (low < high) {
		mid = low + (high - low) / 2;
		x = &t->tiles[mid];
		if (x->level < level || (x->level == level && x->number < number))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
tile_is(const struct tables *t, size_t at, unsigned level, uint64_t number)
{
	return at < t->tile_count && t->tiles[at].level == level && t->tiles[at].number == number;
}

/* A tile that only grew does so in place: readers look at no more than was there when they
 * asked. */
static void
apply_tile(struct tables *t, const struct mem_tile *put)
{
	size_t at = tile_place(t, put->level, put->number);
	struct mem_tile *old = &t->tiles[at];

	if (!tile_is(t, at, put->level, put->number)) {
		memmove(old + 1, old, (t->tile_count - at) * sizeof *old);
		*old = *put;
		t->tile_count++;
	} else if (put->n >= old->n && memcmp(old->p, put->p, old->n) == 0) {
		memcpy(old->p + old->n, put->p + old->n, put->n - old->n);
		old->n = put->n;
	} else {
		*old = *put;
	}
}

static void
apply(struct mem_store *m)
{
	struct tables *t = &m->done, *b = &m->batch;

	if (b->entry_count > 0)
		memcpy(
		    t->entries + t->entry_count, b->entries, b->entry_count * sizeof *b->entries);
	t->entry_count += b->entry_count;
	if (b->head_count > 0)
		memcpy(t->heads + t->head_count, b->heads, b->head_count * sizeof *b->heads);
	t->head_count += b->head_count;
	for (size_t i = 0; i < b->tile_count; i++)
		apply_tile(t, &b->tiles[i]);
}

static enum rc
mem_commit(struct store *s)
{
	struct mem_store *m = mem_of(s);
	bool lost = false, doubt = false;

	lock(m);
	lost = fires(m, STORE_FAULT_COMMIT_LOST);
	doubt = fires(m, STORE_FAULT_COMMIT_DOUBT);
	lost = lost || !room_entries(&m->done, m->batch.entry_count) ||
	       !room_heads(&m->done, m->batch.head_count) ||
	       !room_tiles(&m->done, m->batch.tile_count);
	if (!lost)
		apply(m);
	tables_clear(&m->batch);
	return unlock(m, lost || doubt ? RC_IO : RC_OK);
}

static void
mem_abort(struct store *s)
{
	tables_clear(&mem_of(s)->batch);
}

static enum rc
mem_journal_append(struct store *s, uint64_t size, struct bytes note)
{
	struct mem_store *m = mem_of(s);
	struct bytes copy = BYTES_NONE;

	must(!m->has_journal || size >= m->journal.size);
	lock(m);
	if (fires(m, STORE_FAULT_SYNC))
		return unlock(m, RC_IO);
	if (!value_copy(m, note, &copy))
		return unlock(m, RC_NO_MEMORY);
	m->journal = (struct mem_head){size, copy};
	m->has_journal = true;
	return unlock(m, RC_OK);
}

static enum rc
mem_journal_last(struct store *s, struct arena *arena, uint64_t *size, struct bytes *note)
{
	struct mem_store *m = mem_of(s);

	if (!m->has_journal)
		return RC_NOT_FOUND;
	*size = m->journal.size;
	return arena_dup(arena, m->journal.note, note) ? RC_OK : RC_NO_MEMORY;
}

static void
mem_usage(struct store *s, struct store_usage *out)
{
	struct mem_store *m = mem_of(s);

	lock(m);
	for (size_t i = 0; i < m->done.entry_count; i++)
		out->log_bytes += m->done.entries[i].n;
	unlock(m, RC_OK);
}

/* ---- readers ---- */

static enum rc
mem_read_begin(struct store *s, struct store_read **out)
{
	struct mem_store *m = mem_of(s);
	struct mem_read *r = calloc(1, sizeof *r);

	if (r == NULL)
		return RC_NO_MEMORY;
	lock(m);
	r->base.store = s;
	r->base.size = m->done.entry_count;
	r->head_count = m->done.head_count;
	*out = &r->base;
	return unlock(m, RC_OK);
}

static void
mem_read_end(struct store_read *r)
{
	free(read_of(r));
}

static enum rc
mem_get_entry(struct store_read *r, uint64_t index, struct bytes *entry)
{
	struct mem_store *m = mem_of(r->store);

	lock(m);
	*entry = m->done.entries[index];
	return unlock(m, RC_OK);
}

static enum rc
mem_get_tile(struct store_read *r, unsigned level, uint64_t number, struct bytes *hashes)
{
	struct mem_store *m = mem_of(r->store);
	size_t at = 0;

	lock(m);
	at = tile_place(&m->done, level, number);
	if (!tile_is(&m->done, at, level, number))
		return unlock(m, RC_NOT_FOUND);
	*hashes = bytes_of(m->done.tiles[at].p, m->done.tiles[at].n);
	return unlock(m, RC_OK);
}

/* Head 'at' of the snapshot, or the newest of the same size. */
static enum rc
head_out(struct mem_read *r, size_t at, uint64_t *size, struct bytes *note)
{
	const struct mem_head *h = mem_of(r->base.store)->done.heads;

	if (at >= r->head_count)
		return RC_NOT_FOUND;
	while (at + 1 < r->head_count && h[at + 1].size == h[at].size)
		at++;
	*size = h[at].size;
	*note = h[at].note;
	return RC_OK;
}

static enum rc
mem_get_head(struct store_read *base, uint64_t least, uint64_t *size, struct bytes *note)
{
	struct mem_store *m = mem_of(base->store);
	struct mem_read *r = read_of(base);
	size_t low = 0, high = r->head_count, mid = 0;

	lock(m);
	while (low < high) {
		mid = low + (high - low) / 2;
		if (m->done.heads[mid].size < least)
			low = mid + 1;
		else
			high = mid;
	}
	return unlock(m, head_out(r, low, size, note));
}

static enum rc
mem_get_last_head(struct store_read *base, uint64_t *size, struct bytes *note)
{
	struct mem_store *m = mem_of(base->store);
	struct mem_read *r = read_of(base);

	lock(m);
	if (r->head_count == 0)
		return unlock(m, RC_NOT_FOUND);
	return unlock(m, head_out(r, r->head_count - 1, size, note));
}

/* ---- life ---- */

static void
mem_close(struct store *s)
{
	struct mem_store *m = mem_of(s);
	struct value *v = NULL;

	while ((v = m->values) != NULL) {
		m->values = v->next;
		free(v);
	}
	tables_release(&m->done);
	tables_release(&m->batch);
	must(pthread_mutex_destroy(&m->lock) == 0);
	free(m);
}

static const struct store_ops mem_ops = {
    .close = mem_close,
    .check_space = mem_check_space,
    .begin = mem_begin,
    .put_entry = mem_put_entry,
    .batch_entry = mem_batch_entry,
    .put_tile = mem_put_tile,
    .put_head = mem_put_head,
    .commit = mem_commit,
    .abort = mem_abort,
    .journal_append = mem_journal_append,
    .journal_last = mem_journal_last,
    .usage = mem_usage,
    .read_begin = mem_read_begin,
    .read_end = mem_read_end,
    .get_entry = mem_get_entry,
    .get_tile = mem_get_tile,
    .get_head = mem_get_head,
    .get_last_head = mem_get_last_head,
};

static struct mem_store *
mem_new(void)
{
	struct mem_store *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->base.ops = &mem_ops;
	m->base.format = STORE_FORMAT;
	must(pthread_mutex_init(&m->lock, NULL) == 0);
	return m;
}

enum rc
store_mem_open(struct store **out, const char *origin)
{
	struct mem_store *m = mem_new();

	must(origin != NULL);
	*out = m == NULL ? NULL : &m->base;
	return m == NULL ? RC_NO_MEMORY : RC_OK;
}

enum rc
store_mem_crash(struct store **s)
{
	struct mem_store *old = mem_of(*s), *m = mem_new();

	if (m == NULL)
		return RC_NO_MEMORY;
	/* What was committed is handed over; batch, doubt and faults die with the old one. */
	m->values = old->values;
	m->done = old->done;
	m->journal = old->journal;
	m->has_journal = old->has_journal;
	old->values = NULL;
	old->done = (struct tables){0};
	m->base.next_index = m->done.entry_count;
	m->base.has_head = m->done.head_count > 0;
	if (m->base.has_head)
		m->base.last_head = m->done.heads[m->done.head_count - 1].size;
	store_close(&old->base);
	*s = &m->base;
	return RC_OK;
}
