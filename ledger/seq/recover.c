/*
 * recover.c - opening a log: nothing is believed that can be checked.
 *
 * Order: database against itself (newest checkpoint is over all entries, verifies, and its root is
 * that of the tiles), database against the head journal, newest entries against their leaves, index
 * against the log.  Then, and only then, anything is written.
 *
 * The journal decides who is older:
 *   equal                fine
 *   one checkpoint behind
 *                        the crash came between commit and journal record: append it (roll forward)
 *   further behind, or empty beside a database with more than its first checkpoint
 *                        the journal was lost or is an old copy: refuse
 *   ahead                the database was restored from an old copy: refuse, for signing over it
 *                        would fork the log
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "claim/own_event.h"
#include "seq/ledger.h"

#define NEWEST_DEFAULT 10000
#define REBUILD_ROWS   4096
#define REBUILD_ARENA  (128u << 20) /* a row holds at most some 10 KiB */
#define SCRATCH_ARENA  (4u << 20)
#define PROBES	       64

/* The root of the first 'size' entries, from the tiles. */
static enum rc
root_at(struct store_read *read, uint64_t entries, uint64_t size, struct hash *root)
{
	struct tile_reader *reader = tile_reader_new();
	struct tree_source source;
	enum rc rc;

	if (reader == NULL)
		return RC_NO_MEMORY;
	tile_reader_begin(reader, entries, ledger_tiles(read));
	source = tile_reader_source(reader);
	rc = tree_root(size, &source, root);
	tile_reader_free(reader);
	return rc;
}

/* A checkpoint that we signed, over what is stored. */
static enum rc
check_head(struct ledger *l, struct store_read *read, struct bytes note, uint64_t size,
    const char *where, struct why *why)
{
	struct checkpoint cp;
	struct hash root;
	enum rc rc;

	if (checkpoint_open(note, &l->signer.vkey, &cp, why) != RC_OK)
		return RC_CORRUPT;
	if (cp.size != size || size > store_read_size(read))
		return why_set(why, RC_CORRUPT, where, NULL, 0,
		    "the checkpoint says %llu entries, it stands at %llu",
		    (unsigned long long)cp.size, (unsigned long long)size);
	if ((rc = root_at(read, store_read_size(read), size, &root)) != RC_OK)
		return why_set(why, rc, where, NULL, 0, "the tiles under size %llu cannot be read",
		    (unsigned long long)size);
	if (!hash_eq(&root, &cp.root))
		return why_set(why, RC_CORRUPT, where, NULL, 0,
		    "the tiles do not lead to the root that was signed at size %llu",
		    (unsigned long long)size);
	return RC_OK;
}

/* The journal is behind: by exactly one checkpoint? */
static enum rc
roll_forward(struct ledger *l, struct store_read *read, bool empty, uint64_t journal,
    const struct log_sink *sink, struct why *why)
{
	uint64_t next, last;
	struct bytes note, last_note;
	enum rc rc;

	if ((rc = store_get_last_head(read, &last, &last_note)) != RC_OK)
		return rc;
	rc = store_get_head_at_least(read, empty ? 0 : journal + 1, &next, &note);
	if (rc != RC_OK || next != last)
		return why_set(why, RC_STORE_DOUBT, "head journal", NULL, 0,
		    "the journal ends at size %llu, the database at %llu: the journal was lost or "
		    "is an old copy",
		    empty ? 0ull : (unsigned long long)journal, (unsigned long long)last);
	log_event(sink, LOG_WARN, "journal_rolled_forward", "origin", l->origin, "size",
	    LOG_U64(last), NULL);
	return store_journal_append(l->store, last, last_note);
}

static enum rc
compare_journal(struct ledger *l, struct store_read *read, uint64_t size, struct bytes note,
    const struct log_sink *sink, struct why *why)
{
	uint64_t journal = 0;
	struct bytes record;
	enum rc rc = store_journal_last(l->store, &l->arena, &journal, &record);

	if (rc == RC_NOT_FOUND)
		return roll_forward(l, read, true, 0, sink, why);
	if (rc != RC_OK)
		return why_set(why, rc, "head journal", NULL, 0, "the journal cannot be read");
	if (journal > size)
		return why_set(why, RC_STORE_DOUBT, "head journal", NULL, 0,
		    "the database has %llu entries, but %llu were signed: it is an old copy and "
		    "must not be signed over",
		    (unsigned long long)size, (unsigned long long)journal);
	if (journal == size)
		return bytes_eq(record, note)
			   ? RC_OK
			   : why_set(why, RC_STORE_DOUBT, "head journal", NULL, 0,
				 "journal and database have different "
				 "checkpoints at size %llu",
				 (unsigned long long)size);
	if ((rc = check_head(l, read, record, journal, "head journal", why)) != RC_OK)
		return rc;
	return roll_forward(l, read, false, journal, sink, why);
}

enum rc
recover_journal(struct ledger *l, const struct log_sink *sink, struct why *why)
{
	struct store_read *read = NULL;
	struct bytes note;
	uint64_t size = 0;
	enum rc rc;

	arena_reset(&l->arena);
	if ((rc = store_read_begin(l->store, &read)) != RC_OK)
		return rc;
	rc = store_get_last_head(read, &size, &note);
	if (rc == RC_NOT_FOUND) {
		struct bytes record;

		/* A log that never got its first checkpoint; anything else beside it is damage. */
		rc = store_journal_last(l->store, &l->arena, &size, &record) == RC_NOT_FOUND &&
			     store_read_size(read) == 0
			 ? RC_OK
			 : why_set(why, RC_STORE_DOUBT, "newest checkpoint", NULL, 0,
			       "the database has no checkpoint, but the log was in use");
		goto out;
	}
	if (rc != RC_OK)
		goto out;
	if ((rc = check_head(l, read, note, size, "newest checkpoint", why)) == RC_OK)
		rc = compare_journal(l, read, size, note, sink, why);
out:
	store_read_end(read);
	return rc;
}

enum rc
recover_leaf(struct store_read *read, uint64_t index, struct bytes raw, struct hash *leaf)
{
	uint8_t tile[TILE_SIZE];
	unsigned at = (unsigned)(index % TILE_WIDTH);
	enum rc rc = store_get_tile(read, 0, index / TILE_WIDTH, at + 1, tile);

	if (rc != RC_OK)
		return rc;
	tree_leaf(raw, leaf);
	return memcmp(leaf->b, tile + (size_t)at * HASH_SIZE, HASH_SIZE) == 0 ? RC_OK : RC_CORRUPT;
}

enum rc
recover_newest(struct ledger *l, uint64_t count, struct why *why)
{
	struct store_read *read = NULL;
	struct hash leaf;
	uint64_t size;
	enum rc rc;

	if ((rc = store_read_begin(l->store, &read)) != RC_OK)
		return rc;
	size = store_read_size(read);
	if (count == 0)
		count = NEWEST_DEFAULT;
	for (uint64_t i = size > count ? size - count : 0; i < size && rc == RC_OK; i++) {
		struct bytes raw;
		struct entry entry;

		arena_reset(&l->arena);
		if ((rc = store_get_entry(read, i, &raw)) != RC_OK ||
		    (rc = recover_leaf(read, i, raw, &leaf)) != RC_OK ||
		    (rc = entry_read(raw, &l->arena, &entry, NULL)) != RC_OK)
			why_set(why, rc, "newest entries", NULL, 0,
			    "entry %llu does not match its leaf or cannot be read",
			    (unsigned long long)i);
	}
	store_read_end(read);
	return rc;
}

/* One stored entry as an index row.  What the row points to is in 'arena'; what reading it took is
 * in 'scratch', which can be
 * reset at once, so that tokens of the worst shape cannot make a log too large to open. */
static enum rc
row_read(struct ledger *l, struct store_read *read, uint64_t index, struct arena *arena,
    struct arena *scratch, struct index_row *row, struct entry *entry, struct why *why)
{
	struct bytes raw;
	struct hash leaf;
	struct token token;
	struct claim claim, *said = NULL;
	enum rc rc;

	arena_reset(scratch);
	if ((rc = store_get_entry(read, index, &raw)) != RC_OK ||
	    (rc = recover_leaf(read, index, raw, &leaf)) != RC_OK ||
	    (rc = entry_read(raw, arena, entry, why)) != RC_OK)
		goto out;
	if (entry->kind == ENTRY_TOKEN || entry->kind == ENTRY_EQUIVOCATION) {
		if ((rc = token_parse(entry->token, scratch, &token, why)) != RC_OK ||
		    (rc = claim_read(&token, scratch, &claim, why)) != RC_OK)
			goto out;
		said = &claim;
	}
	rc = ledger_row(index, entry, said, book_at(l->book, index)->kinds, arena, row);
out:
	if (rc == RC_OK || rc == RC_NO_MEMORY || rc == RC_IO)
		return rc;
	return why_set(why, RC_CORRUPT, "index rebuild", NULL, 0, "entry %llu cannot be read",
	    (unsigned long long)index);
}

/* The rows behind a policy document go by it. */
static enum rc
learn_policy(struct ledger *l, uint64_t index, const struct entry *entry, struct why *why)
{
	struct own_policy policy;
	enum rc rc = own_policy_read(entry->token, &policy, why);

	return rc == RC_OK ? book_add(l->book, index, entry->received_at_ms, policy.document, why)
			   : rc;
}

static enum rc
rebuild_slice(struct ledger *l, struct store_read *read, uint64_t from, size_t count,
    struct index_row *rows, struct arena *arena, struct arena *scratch, struct why *why)
{
	struct entry entry;
	size_t parents = 0;
	enum rc rc;

	arena_reset(arena);
	for (size_t i = 0; i < count; i++) {
		if ((rc = row_read(l, read, from + i, arena, scratch, &rows[i], &entry, why)) !=
		    RC_OK)
			return rc;
		if (entry.kind == ENTRY_POLICY &&
		    (rc = learn_policy(l, from + i, &entry, why)) != RC_OK)
			return rc;
		parents += rows[i].parent_count;
	}
	if ((rc = index_reserve(l->index, count, parents)) != RC_OK)
		return rc;
	return index_add(l->index, rows, count);
}

enum rc
recover_index(struct ledger *l, struct why *why)
{
	struct store_read *read = NULL;
	struct index_row *rows = calloc(REBUILD_ROWS, sizeof(*rows));
	struct arena arena, scratch;
	uint64_t at = index_reach(l->index), size;
	enum rc rc;

	arena_init(&arena, REBUILD_ARENA);
	arena_init(&scratch, SCRATCH_ARENA);
	if (rows == NULL) {
		rc = RC_NO_MEMORY;
		goto out;
	}
	if ((rc = store_read_begin(l->store, &read)) != RC_OK)
		goto out;
	size = store_read_size(read);
	while (at < size && rc == RC_OK) {
		size_t count = size - at < REBUILD_ROWS ? (size_t)(size - at) : REBUILD_ROWS;

		rc = rebuild_slice(l, read, at, count, rows, &arena, &scratch, why);
		at += count;
	}
out:
	store_read_end(read);
	arena_release(&scratch);
	arena_release(&arena);
	free(rows);
	return rc;
}

/* Is the head of a sequence where this entry says that it must be: here, or later? */
static bool
head_agrees(struct index_view *view, const struct index_seq_key *key, uint64_t index,
    const struct entry_link *link)
{
	struct index_seq_head head;

	if (index_seq(view, key, &head) != RC_OK)
		return false;
	return head.last == index ? head.count == link->ordinal + 1
				  : head.last > index && head.count > link->ordinal + 1;
}

/* Is the entry in each of its lists? */
static bool
lists_agree(struct index_view *view, const struct index_row *row)
{
	uint64_t found = 0;
	size_t count = 0;

	for (size_t i = 0; i < row->list_count; i++)
		if (index_list(view, &row->lists[i], row->index - 1, &found, 1, &count) != RC_OK ||
		    count != 1 || found != row->index)
			return false;
	return true;
}

static bool
id_agrees(struct index_view *view, const struct index_row *row)
{
	struct index_hit hit;

	return index_find(view, row->has_wid, row->wid, row->jti, &hit) == RC_OK &&
	       hit.index == row->index && hit.iat == row->iat && hit.lower == row->lower;
}

static bool
probe_agrees(struct ledger *l, struct store_read *read, struct index_view *view, uint64_t i,
    struct arena *arena, struct arena *scratch)
{
	struct index_row row;
	struct entry entry;

	if (row_read(l, read, i, arena, scratch, &row, &entry, NULL) != RC_OK)
		return false;
	if (entry.kind == ENTRY_TOKEN && !id_agrees(view, &row))
		return false;
	for (size_t k = 0; k < row.seq_count; k++)
		if (!head_agrees(view, &row.seqs[k], i,
			k == 0	 ? &entry.workflow
			: k == 1 ? &entry.issuer
				 : &entry.foreign[k - 2].link))
			return false;
	return lists_agree(view, &row);
}

/* Does what the index says agree with the log, in a sample of its newest part and of the whole? */
static bool
index_agrees(struct ledger *l)
{
	uint64_t reach = index_reach(l->index);
	struct store_read *read = NULL;
	struct index_view *view = NULL;
	struct arena arena, scratch;
	bool agrees = false;

	arena_init(&arena, REBUILD_ARENA);
	arena_init(&scratch, SCRATCH_ARENA);
	if (store_read_begin(l->store, &read) != RC_OK || reach > store_read_size(read) ||
	    index_view_begin(l->index, reach, &view) != RC_OK)
		goto out;
	for (uint64_t probe = 0; probe < PROBES && reach > 0; probe++) {
		uint64_t newest = probe < reach ? reach - 1 - probe : 0;

		arena_reset(&arena);
		if (!probe_agrees(l, read, view,
			probe < PROBES / 2 ? newest : reach / PROBES * probe, &arena, &scratch))
			goto out;
	}
	agrees = true;
out:
	index_view_end(view);
	store_read_end(read);
	arena_release(&scratch);
	arena_release(&arena);
	return agrees;
}

static struct index_options
index_options(const struct ledger_options *o, const char *folder)
{
	return (struct index_options){
	    .folder = folder,
	    .origin = o->origin,
	    .map_size = o->map_size,
	    .flush_rows = o->index_flush_rows,
	    .flush_ms = o->index_flush_ms,
	    .create = true,
	};
}

/* Throw away what is there; recover_index() fills the new one. */
static enum rc
fresh_index(struct ledger *l, const struct index_options *options, struct why *why)
{
	enum rc rc;

	if (l->index != NULL)
		index_close(l->index);
	l->index = NULL;
	book_free(l->book);
	if ((rc = book_new(&l->book)) != RC_OK)
		return rc;
	if ((rc = index_destroy(options->folder)) != RC_OK)
		return why_set(why, rc, "index", NULL, 0,
		    "the damaged index in %s cannot be deleted", options->folder);
	return index_open(&l->index, options, why);
}

static enum rc
open_index(struct ledger *l, const struct ledger_options *o, const char *folder, struct why *why)
{
	struct index_options options = index_options(o, folder);
	enum rc rc;

	if ((l->index_folder = strdup(folder)) == NULL)
		return RC_NO_MEMORY;
	rc = index_open(&l->index, &options, why);
	/* The documents below its reach: its rows, and those to come, go by them. */
	if (rc == RC_OK)
		rc = recover_book(l, why);
	if (rc == RC_OK && index_agrees(l))
		return RC_OK;
	if (rc != RC_OK && rc != RC_CORRUPT && rc != RC_NOT_FOUND)
		return rc;
	if (rc == RC_CORRUPT && index_made_by_older(folder))
		log_event(o->sink, LOG_INFO, "index_upgrade", "origin", o->origin, "reason",
		    why->text, NULL);
	else
		log_event(o->sink, LOG_WARN, "index_rebuild", "origin", o->origin, "reason",
		    rc == RC_OK ? "it disagrees with the log" : why->text, NULL);
	return fresh_index(l, &options, why);
}

static enum rc
read_events(struct ledger *l, bool *keys_read, struct why *why)
{
	enum rc rc = *keys_read ? RC_OK : recover_history(l, why);

	if (rc != RC_OK)
		return rc;
	*keys_read = true;
	return recover_book(l, why);
}

/* Keys and policy are read where the index says that their events are.  When the two disagree, or the
 * index with the log, it gets one chance to be made anew; where some keys were applied already, none. */
static enum rc
open_events(struct ledger *l, const struct ledger_options *o, const char *folder, struct why *why)
{
	struct index_options options = index_options(o, folder);
	bool keys_read = false;
	enum rc rc = read_events(l, &keys_read, why);

	if (rc != RC_CORRUPT || (!keys_read && l->key_entries > 0))
		return rc;
	log_event(
	    o->sink, LOG_WARN, "index_rebuild", "origin", o->origin, "reason", why->text, NULL);
	if ((rc = fresh_index(l, &options, why)) != RC_OK || (rc = recover_index(l, why)) != RC_OK)
		return rc;
	return read_events(l, &keys_read, why);
}

enum rc
ledger_open(struct ledger **out, const struct ledger_options *o, const struct policy_rules *rules,
    struct why *why)
{
	struct store_options options = {.folder = o->folder,
	    .origin = o->origin,
	    .map_size = o->map_size,
	    .free_bytes_min = o->free_bytes_min,
	    .create = o->create};
	struct log_signer signer = {0};
	struct store *store = NULL;
	struct ledger *l = NULL;
	char folder[4096];
	enum rc rc;

	*out = NULL;
	must(why != NULL);
	memset(why, 0, sizeof(*why));
	if (snprintf(folder, sizeof(folder), "%s/index", o->folder) >= (int)sizeof(folder))
		return why_set(why, RC_BAD_CONFIG, "folder", NULL, 0, "the path is too long");
	if ((rc = log_signer_open(o->key_path, o->origin, &signer, why)) != RC_OK)
		return rc;
	if ((rc = store_lmdb_open(&store, &options, why)) != RC_OK) {
		log_signer_close(&signer);
		return rc;
	}
	if ((rc = ledger_open_parts(&l, store, NULL, &signer, rules, why)) != RC_OK)
		return rc;
	if ((rc = recover_journal(l, o->sink, why)) != RC_OK ||
	    (rc = recover_newest(l, o->verify_newest, why)) != RC_OK ||
	    (rc = open_index(l, o, folder, why)) != RC_OK ||
	    (rc = recover_index(l, why)) != RC_OK || (rc = open_events(l, o, folder, why)) != RC_OK)
		goto out;
	must(index_reach(l->index) == ledger_published(l));
	*out = l;
	l = NULL;
out:
	ledger_close(l);
	return rc;
}
