/*
 * answer.c - receipts.  Those of the batch are copies out of the right edge; those of retries are
 * read from the store, and checked against the leaf and the signed root before they leave.
 */
#include <string.h>

#include "base/must.h"
#include "seq/step.h"

enum rc
step_old_entry(struct step *s, uint64_t index, struct bytes *raw)
{
	enum rc rc;

	must(index < s->before);
	if (s->read == NULL) {
		if ((rc = store_read_begin(s->l->store, &s->read)) != RC_OK)
			return rc;
		tile_reader_begin(s->l->reader, s->before, ledger_tiles(s->read));
	}
	return store_get_entry(s->read, index, raw);
}

enum rc
step_old_receipt(struct step *s, struct seq_job *job, uint64_t index, struct bytes raw,
    const struct entry *entry, bool whole)
{
	struct ledger *l = s->l;
	struct receipt *r = &job->receipt;
	struct bytes head = {raw.p, raw.n - entry->token.n};
	struct hash stored;
	struct tree_source source;
	enum rc rc;

	source = tile_reader_source(l->reader);
	entry_leaf_hash(raw, BYTES_NONE, &r->leaf);
	if ((rc = source.node(source.ctx, 0, index, &stored)) != RC_OK)
		return rc;
	if (!hash_eq(&stored, &r->leaf))
		return why_set(&job->why, RC_CORRUPT, "leaf hash", NULL, 0,
		    "entry %llu does not match its leaf", (unsigned long long)index);
	r->index = index;
	r->tree_size = s->before;
	if (!job->want_receipt)
		return RC_OK;
	if ((rc = tree_prove(index, s->before, &source, r->path, &r->path_count)) != RC_OK)
		return rc;
	if (tree_check_inclusion(&r->leaf, index, s->before, r->path, r->path_count, &l->root) !=
	    RC_OK)
		return why_set(&job->why, RC_CORRUPT, "tiles", NULL, 0,
		    "the tiles over entry %llu do not lead to the signed root",
		    (unsigned long long)index);
	job->entry_whole = whole;
	if (!arena_dup(job->arena, whole ? raw : head, &r->entry) ||
	    !arena_dup(job->arena, buf_bytes(&l->note), &r->checkpoint))
		return RC_NO_MEMORY;
	return RC_OK;
}

/* The receipt of an entry of this batch; 'note' has room for the checkpoint. */
static void
receipt_fill(struct step *s, struct seq_job *job, uint8_t *note)
{
	struct receipt *r = &job->receipt;

	r->tree_size = s->before + s->added;
	if (!job->want_receipt)
		return;
	tile_writer_prove(s->l->tiles, r->index, r->path, &r->path_count);
	memcpy(note, s->l->note_next.p, s->l->note_next.n);
	r->checkpoint = bytes_of(note, s->l->note_next.n);
}

const struct seq_job *
step_fresh_at(const struct step *s, uint64_t index)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->fresh[i] && s->jobs[i]->receipt.index == index)
			return s->jobs[i];
	return NULL;
}

static struct bytes
payload(const struct seq_job *job)
{
	return seq_is_event(job) ? job->event : job->token->raw;
}

static enum rc
twin_receipt(struct step *s, struct seq_job *job)
{
	const struct seq_job *first = step_fresh_at(s, job->receipt.index);
	struct receipt *r = &job->receipt;
	uint8_t *note, *whole;
	struct bytes head, token;

	must(first != NULL);
	head = first->receipt.entry;
	token = payload(first);
	r->leaf = first->receipt.leaf;
	if (!job->want_receipt) {
		r->tree_size = s->before + s->added;
		return RC_OK;
	}
	job->entry_whole = !bytes_eq(token, payload(job));
	note = arena_alloc(job->arena, NOTE_ROOM);
	whole = arena_alloc(job->arena, head.n + token.n);
	if (note == NULL || whole == NULL)
		return RC_NO_MEMORY;
	memcpy(whole, head.p, head.n);
	memcpy(whole + head.n, token.p, token.n);
	r->entry = bytes_of(whole, job->entry_whole ? head.n + token.n : head.n);
	receipt_fill(s, job, note);
	return RC_OK;
}

void
step_receipts(struct step *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct seq_job *job = s->jobs[i];

		if (s->fresh[i])
			receipt_fill(s, job, s->notes[i]);
		else if (s->twin[i])
			job->rc = twin_receipt(s, job);
	}
}
