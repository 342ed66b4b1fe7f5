/*
 * ledger.c - one log at work: made from its parts, taken apart in reverse.
 */
#include "seq/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/random.h"

#define STEP_ARENA_MAX	  (64u << 20)
#define SCRATCH_ARENA_MAX (1u << 20)
#define TASK_ARENA_MAX	  (4u << 20) /* a token of the worst shape, parsed */

static enum rc
fetch(void *ctx, unsigned level, uint64_t number, unsigned width, uint8_t *out)
{
	return store_get_tile(ctx, level, number, width, out);
}

struct tile_store
ledger_tiles(struct store_read *read)
{
	return (struct tile_store){.fetch = fetch, .ctx = read};
}

static enum rc
load_received(struct ledger *l, struct store_read *read, uint64_t size, struct why *why)
{
	struct bytes raw;
	struct entry entry;
	enum rc rc;

	if (size == 0)
		return RC_OK;
	if ((rc = store_get_entry(read, size - 1, &raw)) != RC_OK)
		return why_set(why, rc, "newest entry", NULL, 0, "entry %llu cannot be read",
		    (unsigned long long)(size - 1));
	if ((rc = entry_read(raw, &l->arena, &entry, why)) != RC_OK)
		return rc;
	l->received_last_ms = entry.received_at_ms;
	return RC_OK;
}

enum rc
ledger_load(struct ledger *l, struct why *why)
{
	struct store_read *read = NULL;
	struct bytes note;
	uint64_t size = 0, at;
	enum rc rc;

	arena_reset(&l->arena);
	if ((rc = store_read_begin(l->store, &read)) != RC_OK)
		return why_set(why, rc, "store", NULL, 0, "cannot begin to read");
	size = store_read_size(read);
	if ((rc = tile_writer_load(l->tiles, size, ledger_tiles(read))) != RC_OK) {
		why_set(why, rc, "right edge", NULL, 0, "the newest tiles cannot be read");
		goto out;
	}
	if ((rc = load_received(l, read, size, why)) != RC_OK)
		goto out;
	rc = store_get_last_head(read, &at, &note);
	if (rc == RC_NOT_FOUND && size == 0) {
		rc = RC_OK; /* a new log: seq_first_checkpoint() */
		goto out;
	}
	tile_writer_root(l->tiles, &l->root);
	if (rc != RC_OK || at != size) {
		rc = why_set(why, RC_CORRUPT, "newest checkpoint", NULL, 0,
		    "there are %llu entries, but the newest checkpoint is not over them",
		    (unsigned long long)size);
		goto out;
	}
	buf_clear(&l->note);
	buf_add_bytes(&l->note, note);
	rc = buf_rc(&l->note);
out:
	store_read_end(read);
	atomic_store(&l->published, size);
	return rc;
}

enum rc
ledger_open_parts(struct ledger **out, struct store *store, struct index *index,
    struct log_signer *signer, const struct policy_rules *rules, struct why *why)
{
	struct ledger *l = calloc(1, sizeof(*l));
	uint64_t seed;
	enum rc rc;

	*out = NULL;
	if (l == NULL) {
		store_close(store);
		index_close(index);
		log_signer_close(signer);
		return RC_NO_MEMORY;
	}
	l->store = store;
	l->index = index;
	l->signer = *signer;
	memset(signer, 0, sizeof(*signer)); /* ours now */
	l->rules = rules;
	policy_limits_digest(rules, l->limits);
	arena_init(&l->arena, STEP_ARENA_MAX);
	arena_init(&l->scratch, SCRATCH_ARENA_MAX);
	for (size_t i = 0; i < SEQ_TASKS; i++)
		arena_init(&l->tasks[i], TASK_ARENA_MAX);
	buf_init(&l->note, NOTE_SIZE_MAX);
	buf_init(&l->note_next, NOTE_SIZE_MAX);
	l->origin = strdup(l->signer.vkey.name);
	l->tiles = tile_writer_new();
	random_bytes(&seed, sizeof(seed));
	l->batch = batch_new(seed);
	l->rows = calloc(SEQ_BATCH_MAX, sizeof(*l->rows));
	l->reader = tile_reader_new();
	rc = RC_NO_MEMORY;
	if (l->origin == NULL || l->tiles == NULL || l->batch == NULL || l->rows == NULL ||
	    l->reader == NULL || (rc = history_new(&l->history)) != RC_OK ||
	    (rc = book_new(&l->book)) != RC_OK ||
	    (rc = ledger_load(l, why)) != RC_OK) {
		ledger_close(l);
		return rc;
	}
	*out = l;
	return RC_OK;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	book_free(l->book);
	history_free(l->history);
	tile_reader_free(l->reader);
	free(l->rows);
	batch_free(l->batch);
	tile_writer_free(l->tiles);
	buf_release(&l->note_next);
	buf_release(&l->note);
	for (size_t i = 0; i < SEQ_TASKS; i++)
		arena_release(&l->tasks[i]);
	arena_release(&l->scratch);
	arena_release(&l->arena);
	free(l->origin);
	log_signer_close(&l->signer);
	if (l->index != NULL)
		index_close(l->index);
	/* A damaged index is worth less than none: none is rebuilt. */
	if (l->index_bad && l->index_folder != NULL)
		(void)index_destroy(l->index_folder);
	free(l->index_folder);
	store_close(l->store);
	free(l);
}

const char *
ledger_origin(const struct ledger *l)
{
	return l->origin;
}

const struct vkey *
ledger_vkey(const struct ledger *l)
{
	return &l->signer.vkey;
}

const struct log_signer *
ledger_signer(const struct ledger *l)
{
	return &l->signer;
}

const struct policy_rules *
ledger_rules(const struct ledger *l)
{
	return l->rules;
}

struct store *
ledger_store(struct ledger *l)
{
	return l->store;
}

struct index *
ledger_index(struct ledger *l)
{
	return l->index;
}

struct history *
ledger_history(const struct ledger *l)
{
	return l->history;
}

const struct book *
ledger_book(const struct ledger *l)
{
	return l->book;
}

uint64_t
ledger_published(const struct ledger *l)
{
	return atomic_load_explicit(&l->published, memory_order_acquire);
}

bool
ledger_stopped(const struct ledger *l)
{
	return atomic_load(&l->stopped);
}
