/*
 * peek.c - the key history of a log that somebody else may have open: for check-config.
 *
 * Reads the log alone, entry by entry, and not the index: that one is the server's to repair, and may
 * be behind.  A read transaction is held for STRIDE entries at a time, so that a server beside it can
 * reuse its pages.
 */
#include "claim/entry.h"
#include "seq/seq.h"

#define ENTRY_ARENA (1u << 20)
#define STRIDE	    65536

static enum rc
peek_entry(struct store_read *read, uint64_t index, struct arena *arena, struct history *h,
    struct why *why)
{
	struct entry entry;
	struct bytes raw;
	enum rc rc;

	arena_reset(arena);
	if ((rc = store_get_entry(read, index, &raw)) != RC_OK ||
	    (rc = entry_read(raw, arena, &entry, NULL)) != RC_OK)
		return why_set(why, rc, "log", NULL, 0, "entry %llu cannot be read",
		    (unsigned long long)index);
	if (entry.kind != ENTRY_KEY)
		return RC_OK;
	return history_apply(h, index, entry.received_at_ms, entry.token, why);
}

/* Up to STRIDE entries from '*at' on; '*end': that was all. */
static enum rc
peek_stride(struct store *s, uint64_t *at, bool *end, struct arena *arena, struct history *h,
    struct why *why)
{
	struct store_read *read = NULL;
	enum rc rc = store_read_begin(s, &read);
	uint64_t size, stop;

	if (rc != RC_OK)
		return rc;
	size = store_read_size(read);
	stop = size - *at > STRIDE ? *at + STRIDE : size;
	while (rc == RC_OK && *at < stop)
		if ((rc = peek_entry(read, *at, arena, h, why)) == RC_OK)
			++*at;
	*end = *at == size;
	store_read_end(read);
	return rc;
}

enum rc
seq_peek_history(const struct ledger_options *o, struct history **out, struct why *why)
{
	struct store_options options = {
	    .folder = o->folder, .origin = o->origin, .map_size = o->map_size, .read_only = true};
	struct history *h = NULL;
	struct store *s = NULL;
	struct arena arena;
	uint64_t at = 0;
	bool end = false;
	enum rc rc;

	*out = NULL;
	arena_init(&arena, ENTRY_ARENA);
	if ((rc = store_lmdb_open(&s, &options, why)) == RC_OK)
		rc = history_new(&h);
	while (rc == RC_OK && !end)
		rc = peek_stride(s, &at, &end, &arena, h, why);
	if (rc == RC_OK)
		*out = h;
	else
		history_free(h);
	store_close(s);
	arena_release(&arena);
	return rc;
}
