/*
 * append.c - a finished entry into the batch: bytes to the store, hash to the tree, row for the
 * index, heads of its sequences.
 *
 * Everything that can be refused or can run out comes before the first put; a failure after it ends
 * the whole batch, for the tree has moved.
 */
#include "base/must.h"
#include "seq/step.h"

/* What can still be refused: the head's bytes, the row, the answer's room. */
static enum rc
prepare(struct step *s, size_t i, const struct entry *entry, struct bytes *head)
{
	struct ledger *l = s->l;
	struct seq_job *job = s->jobs[i];
	struct index_row *row = &l->rows[s->added];
	enum rc rc;

	/* The head is a part of the receipt, so it is the answer's. */
	if ((rc = entry_write_head(entry, job->arena, head)) != RC_OK ||
	    (rc = ledger_row(
		 s->before + s->added, entry, job->claim, s->doc->kinds, &l->arena, row)) != RC_OK)
		return rc;
	if (job->want_receipt && (s->notes[i] = arena_alloc(job->arena, NOTE_ROOM)) == NULL)
		return RC_NO_MEMORY;
	return RC_OK;
}

enum rc
step_append(struct step *s, size_t i, const struct entry *entry)
{
	struct ledger *l = s->l;
	struct receipt *r = &s->jobs[i]->receipt;
	uint64_t index = s->before + s->added;
	struct bytes head;
	enum rc rc;

	if ((rc = prepare(s, i, entry, &head)) != RC_OK)
		return rc;
	for (size_t p = 0; p < entry->parent_count; p++)
		must(entry->parents[p] < index);
	must(entry->anchor == ENTRY_NONE || entry->anchor < index);
	/* From here on a failure ends the whole batch: the tree has moved. */
	entry_leaf_hash(head, entry->token, &r->leaf);
	if ((rc = store_put_entry(l->store, index, head, entry->token)) != RC_OK)
		return step_refusal(rc) ? RC_IO : rc;
	tile_writer_append(l->tiles, &r->leaf);
	step_links_move(s, &l->rows[s->added], entry);
	r->index = index;
	r->entry = head;
	l->received_last_ms = entry->received_at_ms;
	s->job_of[s->added] = (uint32_t)i;
	s->added++;
	must(tile_writer_size(l->tiles) == s->before + s->added);
	return RC_OK;
}
