/*
 * store.c - the rules of every store, so that the one that tests run on is as strict as the one
 * that keeps the log.
 *
 *            batch_begin            put_*                commit = OK
 *     idle --------------> batch ----------> batch ---------------------> idle
 *      ^                     |  put fails      |  commit fails
 *      |       abort         v                 v
 *      +------------------- bad              doubt: everything is RC_STORE_DOUBT
 *                                            until the store is opened again
 *
 * Invariants: entries are dense, heads only grow, a batch in which a put failed is never committed.
 */
#include "store/ops.h"

#include <string.h>

#include "base/must.h"

#define TILE_LEVEL_MAX	63
#define TILE_HASHES_MAX 256

static bool
in_doubt(struct store *s)
{
	return atomic_load_explicit(&s->doubt, memory_order_relaxed);
}

static enum rc
doubt(struct store *s)
{
	atomic_store_explicit(&s->doubt, true, memory_order_relaxed);
	return RC_STORE_DOUBT;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->in_batch)
		s->ops->abort(s);
	s->ops->close(s);
}

/* ---- the writer ---- */

unsigned
store_format(const struct store *s)
{
	return s->format;
}

enum rc
store_check_space(struct store *s)
{
	must(!s->read_only);
	return in_doubt(s) ? RC_STORE_DOUBT : s->ops->check_space(s);
}

enum rc
store_batch_begin(struct store *s)
{
	enum rc rc = RC_OK;

	must(!s->read_only && !s->in_batch);
	if (in_doubt(s))
		return RC_STORE_DOUBT;
	if ((rc = s->ops->begin(s)) == RC_STORE_DOUBT)
		return doubt(s);
	if (rc != RC_OK)
		return rc;
	s->in_batch = true;
	s->batch_bad = false;
	s->batch_index = s->next_index;
	s->batch_has_head = s->has_head;
	s->batch_head = s->last_head;
	return RC_OK;
}

/* Every put ends here: one that failed spoils the batch. */
static enum rc
put_done(struct store *s, enum rc rc)
{
	if (rc != RC_OK)
		s->batch_bad = true;
	return rc == RC_STORE_DOUBT ? doubt(s) : rc;
}

enum rc
store_put_entry(struct store *s, uint64_t index, struct bytes head, struct bytes token)
{
	must(s->in_batch && !s->batch_bad);
	must(index == s->batch_index && head.n + token.n > 0);
	if (in_doubt(s))
		return put_done(s, RC_STORE_DOUBT);
	s->batch_index++;
	return put_done(s, s->ops->put_entry(s, index, head, token));
}

enum rc
store_batch_entry(struct store *s, uint64_t index, struct bytes *entry)
{
	must(s->in_batch && index < s->batch_index);
	return s->ops->batch_entry(s, index, entry);
}

enum rc
store_put_tile(struct store *s, unsigned level, uint64_t number, struct bytes hashes)
{
	must(s->in_batch && !s->batch_bad && level <= TILE_LEVEL_MAX);
	must(hashes.n > 0 && hashes.n % HASH_SIZE == 0 && hashes.n <= TILE_HASHES_MAX * HASH_SIZE);
	if (in_doubt(s))
		return put_done(s, RC_STORE_DOUBT);
	return put_done(s, s->ops->put_tile(s, level, number, hashes));
}

enum rc
store_put_head(struct store *s, uint64_t size, struct bytes note)
{
	bool again = s->batch_has_head && size == s->batch_head;

	must(s->in_batch && !s->batch_bad && note.n > 0);
	must(!s->batch_has_head || size >= s->batch_head);
	if (in_doubt(s))
		return put_done(s, RC_STORE_DOUBT);
	s->batch_has_head = true;
	s->batch_head = size;
	return put_done(s, s->ops->put_head(s, size, note, again));
}

enum rc
store_batch_commit(struct store *s)
{
	must(s->in_batch && !s->batch_bad);
	must(!s->batch_has_head || s->batch_head <= s->batch_index);
	s->in_batch = false;
	if (in_doubt(s)) {
		s->ops->abort(s);
		return RC_STORE_DOUBT;
	}
	if (s->ops->commit(s) != RC_OK)
		return doubt(s);
	s->next_index = s->batch_index;
	s->has_head = s->batch_has_head;
	s->last_head = s->batch_head;
	return RC_OK;
}

void
store_batch_abort(struct store *s)
{
	if (!s->in_batch)
		return;
	s->in_batch = false;
	s->ops->abort(s);
}

enum rc
store_journal_append(struct store *s, uint64_t size, struct bytes note)
{
	must(!s->read_only && note.n > 0);
	if (in_doubt(s))
		return RC_STORE_DOUBT;
	return s->ops->journal_append(s, size, note) == RC_OK ? RC_OK : doubt(s);
}

enum rc
store_journal_last(struct store *s, struct arena *arena, uint64_t *size, struct bytes *note)
{
	must(arena != NULL && size != NULL && note != NULL);
	return s->ops->journal_last(s, arena, size, note);
}

void
store_usage(struct store *s, struct store_usage *out)
{
	*out = (struct store_usage){0};
	s->ops->usage(s, out);
}

/* ---- readers ---- */

enum rc
store_read_begin(struct store *s, struct store_read **out)
{
	enum rc rc = RC_OK;

	*out = NULL;
	if (in_doubt(s))
		return RC_STORE_DOUBT;
	rc = s->ops->read_begin(s, out);
	must((rc == RC_OK) == (*out != NULL));
	return rc;
}

void
store_read_end(struct store_read *r)
{
	if (r != NULL)
		r->store->ops->read_end(r);
}

uint64_t
store_read_size(struct store_read *r)
{
	return r->size;
}

enum rc
store_get_entry(struct store_read *r, uint64_t index, struct bytes *entry)
{
	enum rc rc = RC_OK;

	*entry = BYTES_NONE;
	if (index >= r->size)
		return RC_NOT_FOUND;
	/* Entries are dense: one that is missing below the size is damage. */
	rc = r->store->ops->get_entry(r, index, entry);
	return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}

enum rc
store_get_tile(struct store_read *r, unsigned level, uint64_t number, unsigned width, uint8_t *out)
{
	struct bytes hashes = BYTES_NONE;
	enum rc rc = RC_OK;

	must(level <= TILE_LEVEL_MAX && width >= 1 && width <= TILE_HASHES_MAX);
	if ((rc = r->store->ops->get_tile(r, level, number, &hashes)) != RC_OK)
		return rc;
	if (hashes.n % HASH_SIZE != 0 || hashes.n < (size_t)width * HASH_SIZE)
		return RC_CORRUPT;
	memcpy(out, hashes.p, (size_t)width * HASH_SIZE);
	return RC_OK;
}

enum rc
store_get_head(struct store_read *r, uint64_t size, struct bytes *note)
{
	uint64_t at = 0;
	enum rc rc = RC_OK;

	*note = BYTES_NONE;
	if ((rc = r->store->ops->get_head(r, size, &at, note)) != RC_OK)
		return rc;
	if (at == size)
		return RC_OK;
	*note = BYTES_NONE;
	return RC_NOT_FOUND;
}

enum rc
store_get_head_at_least(struct store_read *r, uint64_t size, uint64_t *at, struct bytes *note)
{
	*note = BYTES_NONE;
	return r->store->ops->get_head(r, size, at, note);
}

enum rc
store_get_last_head(struct store_read *r, uint64_t *size, struct bytes *note)
{
	*note = BYTES_NONE;
	return r->store->ops->get_last_head(r, size, note);
}
