/*
 * seq.c - one batch, told once: judge, append, sign, commit, journal, index, publish.
 *
 * What a crash at each step means:
 *   before the commit    nothing of the batch exists; no client was told anything
 *   inside the commit    the batch is there or not; recovery compares database and journal; clients
 *                        repeat and get the same receipts
 *   before the journal   the batch is there; recovery appends the record (the database may be ahead
 *                        by one checkpoint, never behind)
 *   after the journal    the batch is there; clients that were not told repeat and get the same
 *                        receipts
 *   after publishing     nothing is owed but the index, which trails the log and is replayed
 *
 * Everything that can be refused or can run out is done before the commit: rows are reserved,
 * answers have their memory, receipts are built.
 *
 * Invariants:
 *   1. tile_writer_size(tiles) == entries committed, outside a step.
 *   2. a parent's index is smaller than its child's.
 *   3. stopped is never taken back; it is set by every end of a step but RC_OK, RC_NO_SPACE and
 *      RC_NO_MEMORY.
 *   4. a refusal is told only if the batch that it was judged against is in the log.
 */
#include <string.h>

#include "base/must.h"
#include "claim/own_event.h"
#include "seq/step.h"

static enum rc
put_tile(void *ctx, unsigned level, uint64_t number, unsigned width, const uint8_t *hashes)
{
	return store_put_tile(ctx, level, number, bytes_of(hashes, (size_t)width * HASH_SIZE));
}

/* Hash every new entry once more, from the bytes that the store holds: a bit that flipped on the
 * way is found before it is signed over. */
static enum rc
read_back(struct step *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct bytes raw;
		struct hash leaf;
		enum rc rc;

		if (!s->fresh[i] && !s->kept[i])
			continue;
		rc = store_batch_entry(s->l->store, s->jobs[i]->receipt.index, &raw);
		if (rc != RC_OK)
			return rc;
		tree_leaf(raw, &leaf);
		if (!hash_eq(&leaf, &s->jobs[i]->receipt.leaf))
			return RC_CORRUPT;
	}
	return RC_OK;
}

/* Tiles, root, checkpoint. */
static enum rc
seal(struct step *s)
{
	struct ledger *l = s->l;
	uint64_t size = s->before + s->added;
	struct hash root;
	enum rc rc;

	if ((rc = read_back(s)) != RC_OK)
		return rc;
	if ((rc = tile_writer_dirty(l->tiles, put_tile, l->store)) != RC_OK)
		return rc;
	tile_writer_root(l->tiles, &root);
	buf_clear(&l->note_next);
	if ((rc = checkpoint_sign(&l->signer, size, &root, BYTES_NONE, &l->note_next)) != RC_OK ||
	    (rc = buf_rc(&l->note_next)) != RC_OK)
		return rc;
	must(l->note_next.n <= NOTE_ROOM);
	return store_put_head(l->store, size, buf_bytes(&l->note_next));
}

static enum rc
learn_one(struct ledger *l, const struct seq_job *job, uint64_t received_ms)
{
	struct own_policy policy;

	if (job->kind == ENTRY_KEY) {
		l->key_entries++;
		return history_apply(l->history, job->receipt.index, received_ms, job->event, NULL);
	}
	if (job->kind != ENTRY_POLICY)
		return RC_OK;
	must(own_policy_read(job->event, &policy, NULL) == RC_OK);
	return book_add(l->book, job->receipt.index, received_ms, policy.document, NULL);
}

/* What the log now says of its keys and its policy.  The entries are there whatever becomes of the
 * copy in memory, so want of memory stops the log: a restart reads them again. */
static enum rc
learn(struct step *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->events && s->fresh[i] &&
		    learn_one(s->l, s->jobs[i], s->received_ms) != RC_OK)
			return RC_STORE_DOUBT;
	return RC_OK;
}

/* The promise: after RC_OK nothing is left that can fail. */
static enum rc
promise(struct step *s)
{
	struct ledger *l = s->l;
	uint64_t size = s->before + s->added;
	struct buf swap = l->note;
	enum rc rc;

	if (store_batch_commit(l->store) != RC_OK ||
	    store_journal_append(l->store, size, buf_bytes(&l->note_next)) != RC_OK) {
		atomic_store(&l->stopped, true);
		return RC_STORE_DOUBT;
	}
	l->note = l->note_next;
	l->note_next = swap;
	tile_writer_root(l->tiles, &l->root);
	rc = index_add(l->index, l->rows, s->added);
	must(rc == RC_OK); /* reserved */
	if ((rc = learn(s)) != RC_OK) {
		atomic_store(&l->stopped, true);
		return rc;
	}
	atomic_store_explicit(&l->published, size, memory_order_release);
	return RC_OK;
}

/* The batch is not in the log: everybody gets 'rc', those too who were refused for what stood in
 * it.  Repeating is always safe. */
static void
fail_all(struct step *s, enum rc rc)
{
	for (size_t i = 0; i < s->count; i++) {
		struct seq_job *job = s->jobs[i];

		/* It is in the log whatever happens to this batch. */
		if (job->rc == RC_OK && job->duplicate && !s->twin[i])
			continue;
		job->rc = rc;
		job->duplicate = false;
		job->missing_count = 0;
		why_set(&job->why, rc, "durability", NULL, 0, "%s", rc_text(rc));
	}
}

static size_t
preds(const struct step *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count && !s->events; i++)
		n += s->jobs[i]->claim->pred_count;
	return n;
}

static enum rc
step_prepare(struct step *s)
{
	struct ledger *l = s->l;
	enum rc rc;

	if ((rc = store_check_space(l->store)) != RC_OK ||
	    (rc = index_reserve(l->index, s->count, preds(s))) != RC_OK ||
	    (rc = tile_writer_begin(l->tiles, s->count)) != RC_OK)
		return rc;
	s->tree_began = true;
	return index_view_begin(l->index, UINT64_MAX, &s->view);
}

static enum rc
step_judge(struct step *s)
{
	enum rc rc = RC_OK;

	s->judging = true;
	if (s->events) {
		batch_begin_events(s->l->batch, s->count);
		for (size_t k = 0; k < s->count && rc == RC_OK; k++)
			rc = step_event_job(s, k);
		s->judging = rc != RC_OK;
		return rc;
	}
	batch_begin(s->l->batch, s->jobs, s->count);
	batch_order(s->l->batch, s->order);
	for (size_t k = 0; k < s->count && rc == RC_OK; k++)
		rc = step_judge_job(s, s->order[k]);
	if (rc == RC_OK)
		s->judging = false;
	return rc;
}

enum rc
seq_step(struct ledger *l, struct seq_job *const *jobs, size_t count, int64_t now_ms)
{
	struct step s = {.l = l, .jobs = jobs, .count = count, .received_ms = (uint64_t)now_ms};
	uint64_t received_before = l->received_last_ms;
	bool began = false;
	enum rc rc = RC_OK;

	must(count > 0 && count <= SEQ_BATCH_MAX && now_ms >= 0);
	s.events = seq_is_event(jobs[0]);
	for (size_t i = 0; i < count; i++) {
		must(seq_is_event(jobs[i]) == s.events);
		jobs[i]->rc = RC_OK;
		jobs[i]->missing_count = 0;
	}
	/* The clock may go back; the order of receive times does not. */
	if (s.received_ms < l->received_last_ms)
		s.received_ms = l->received_last_ms;
	arena_reset(&l->arena);
	if (atomic_load(&l->stopped)) {
		fail_all(&s, RC_STORE_DOUBT);
		return RC_STORE_DOUBT;
	}
	s.before = tile_writer_size(l->tiles);
	s.doc = book_at(l->book, s.before);
	must(s.before == ledger_published(l));
	if ((rc = step_prepare(&s)) != RC_OK || (rc = store_batch_begin(l->store)) != RC_OK)
		goto out;
	began = true;
	if ((rc = step_judge(&s)) != RC_OK)
		goto out;
	if (s.added == 0)
		goto out; /* refusals and retries only: nothing to commit */
	if ((rc = seal(&s)) != RC_OK)
		goto out;
	step_receipts(&s);
	index_view_end(s.view);
	s.view = NULL;
	began = false;
	rc = promise(&s);
out:
	index_view_end(s.view);
	store_read_end(s.read);
	if (began)
		store_batch_abort(l->store);
	if (rc != RC_STORE_DOUBT && s.tree_began && (rc != RC_OK || s.added == 0)) {
		tile_writer_rollback(l->tiles);
		l->received_last_ms = received_before;
	}
	if (rc == RC_OK)
		return rc;
	fail_all(&s, rc);
	if (rc != RC_NO_SPACE && rc != RC_NO_MEMORY)
		atomic_store(&l->stopped, true);
	if (rc == RC_CORRUPT && s.judging)
		l->index_bad = true;
	return rc;
}

enum rc
seq_first_checkpoint(struct ledger *l)
{
	struct hash root;
	struct buf swap;
	enum rc rc;

	if (l->note.n > 0)
		return RC_OK;
	must(tile_writer_size(l->tiles) == 0);
	tree_empty_root(&root);
	buf_clear(&l->note_next);
	if ((rc = checkpoint_sign(&l->signer, 0, &root, BYTES_NONE, &l->note_next)) != RC_OK ||
	    (rc = buf_rc(&l->note_next)) != RC_OK || (rc = store_batch_begin(l->store)) != RC_OK)
		return rc;
	if ((rc = store_put_head(l->store, 0, buf_bytes(&l->note_next))) != RC_OK) {
		store_batch_abort(l->store);
		return rc;
	}
	if (store_batch_commit(l->store) != RC_OK ||
	    store_journal_append(l->store, 0, buf_bytes(&l->note_next)) != RC_OK) {
		atomic_store(&l->stopped, true);
		return RC_STORE_DOUBT;
	}
	swap = l->note;
	l->note = l->note_next;
	l->note_next = swap;
	l->root = root;
	return RC_OK;
}
