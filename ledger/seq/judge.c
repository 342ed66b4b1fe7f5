/*
 * judge.c - one token against the log and the batch so far: is its id free, are its parents there,
 * and then into the batch.
 *
 * Everything that can be refused or can run out comes before the first put; a failure after it ends
 * the whole batch, for the tree has moved.
 */
#include <string.h>

#include "base/must.h"
#include "seq/step.h"

static struct dag_node
node_of(const struct seq_job *job, uint64_t index)
{
	struct dag_node n = {
	    .index = index, .iat = job->claim->iat, .has_wid = job->claim->has_wid};

	memcpy(n.wid, job->claim->wid, UUID_SIZE);
	return n;
}

static struct dag_node
node_hit(const struct index_hit *hit)
{
	struct dag_node n = {.index = hit->index, .iat = hit->iat, .has_wid = hit->has_wid};

	memcpy(n.wid, hit->wid, UUID_SIZE);
	return n;
}

static enum rc
find(void *ctx, bool has_wid, const uint8_t *wid, const uint8_t *jti, struct dag_node *out)
{
	struct step *s = ctx;
	const struct seq_job *job;
	struct index_hit hit;
	uint64_t index;
	enum rc rc;

	if ((job = batch_find(s->l->batch, has_wid, wid, jti, &index)) != NULL) {
		*out = node_of(job, index);
		return RC_OK;
	}
	if ((rc = index_find(s->view, has_wid, wid, jti, &hit)) == RC_OK)
		*out = node_hit(&hit);
	return rc;
}

static enum rc
find_any(void *ctx, const uint8_t *jti, struct dag_node *out)
{
	struct step *s = ctx;
	const struct seq_job *job;
	struct index_hit hit;
	uint64_t index;
	enum rc here = batch_find_any(s->l->batch, jti, &job, &index);
	enum rc there;

	if (here == RC_AMBIGUOUS)
		return here;
	there = index_find_any(s->view, jti, &hit);
	if (there != RC_OK && there != RC_NOT_FOUND)
		return there;
	if (here == RC_OK && there == RC_OK)
		return RC_AMBIGUOUS;
	if (here == RC_OK)
		*out = node_of(job, index);
	else if (there == RC_OK)
		*out = node_hit(&hit);
	return here == RC_OK ? here : there;
}

/* The id is taken by an entry in the log: a retry of the same signed bytes, or another token. */
static enum rc
judge_known(struct step *s, struct seq_job *job, uint64_t index)
{
	struct bytes raw;
	struct entry entry;
	struct token old;
	enum rc rc;

	if (s->read == NULL) {
		if ((rc = store_read_begin(s->l->store, &s->read)) != RC_OK)
			return rc;
		tile_reader_begin(s->l->reader, s->before, ledger_tiles(s->read));
	}
	if ((rc = store_get_entry(s->read, index, &raw)) != RC_OK)
		return rc;
	if ((rc = entry_read(raw, job->arena, &entry, &job->why)) != RC_OK ||
	    (rc = token_parse(entry.token, job->arena, &old, &job->why)) != RC_OK)
		return rc == RC_NO_MEMORY ? rc : RC_CORRUPT;
	if (!bytes_eq(old.signing_input, job->token->signing_input))
		return why_set(&job->why, RC_DUP_JTI, "ECT: jti is unique in its scope", "jti", 0,
		    "another token with this id is in the log");
	job->duplicate = true;
	return step_old_receipt(s, job, index, raw, &entry, !bytes_eq(old.raw, job->token->raw));
}

/* Is the id free?  RC_OK with job->duplicate set: answered already. */
static enum rc
judge_id(struct step *s, size_t i, bool *known)
{
	struct seq_job *job = s->jobs[i];
	const struct claim *c = job->claim;
	const struct seq_job *other;
	struct index_hit hit;
	uint64_t index;
	enum rc rc;

	if ((other = batch_find(s->l->batch, c->has_wid, c->wid, c->jti, &index)) != NULL) {
		if (!bytes_eq(other->token->signing_input, job->token->signing_input))
			return why_set(&job->why, RC_DUP_JTI, "ECT: jti is unique in its scope",
			    "jti", 0, "another token with this id came in the same batch");
		/* Answered with the fresh one's facts once these are known. */
		job->duplicate = true;
		s->twin[i] = true;
		job->receipt.index = index;
		return RC_OK;
	}
	rc = index_find(s->view, c->has_wid, c->wid, c->jti, &hit);
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	*known = rc == RC_OK;
	return rc == RC_OK ? judge_known(s, job, hit.index) : rc;
}

bool
step_refusal(enum rc rc)
{
	switch (rc) {
	case RC_DUP_JTI:
	case RC_UNKNOWN_PARENT:
	case RC_TIME_ORDER:
	case RC_WORKFLOW_MISMATCH:
	case RC_AMBIGUOUS:
	case RC_BAD_CLAIM:
	case RC_TOO_LARGE:
	case RC_NO_MEMORY: /* of the answer's arena: nothing has been put yet */
		return true;
	default:
		return false;
	}
}

static enum rc
append(struct step *s, size_t i, const struct dag_parents *parents)
{
	struct ledger *l = s->l;
	struct seq_job *job = s->jobs[i];
	struct receipt *r = &job->receipt;
	uint64_t index = s->before + s->added;
	struct index_row *row = &l->rows[s->added];
	struct entry entry;
	struct bytes head;
	enum rc rc;

	if ((rc = step_entry(s, job, parents, &entry)) != RC_OK ||
	    (rc = entry_write_head(&entry, job->arena, &head)) != RC_OK ||
	    (rc = ledger_row(index, &entry, job->claim, job->arena, row)) != RC_OK)
		return rc;
	if (job->want_receipt && (s->notes[i] = arena_alloc(job->arena, NOTE_ROOM)) == NULL)
		return RC_NO_MEMORY;
	for (size_t p = 0; p < parents->count; p++)
		must(parents->index[p] < index);
	/* From here on a failure ends the whole batch: the tree has moved. */
	entry_leaf_hash(head, entry.token, &r->leaf);
	if ((rc = store_put_entry(l->store, index, head, entry.token)) != RC_OK)
		return step_refusal(rc) ? RC_IO : rc;
	tile_writer_append(l->tiles, &r->leaf);
	step_links_move(s, job->claim, &entry, index);
	batch_admit(l->batch, i, index);
	r->index = index;
	r->entry = head;
	l->received_last_ms = entry.received_at_ms;
	s->fresh[i] = true;
	s->added++;
	must(tile_writer_size(l->tiles) == s->before + s->added);
	return RC_OK;
}

enum rc
step_judge_job(struct step *s, size_t i)
{
	struct seq_job *job = s->jobs[i];
	struct dag_lookup lookup = {.find = find, .find_any = find_any, .ctx = s};
	struct dag_parents parents = {0};
	size_t before = s->added;
	bool known = false;
	enum rc rc;

	if ((rc = judge_id(s, i, &known)) == RC_OK && job->duplicate) {
		job->rc = RC_OK;
		return RC_OK;
	}
	if (rc == RC_OK)
		rc = dag_resolve(job->claim, s->l->rules->cross_workflow, &lookup, job->arena,
		    &parents, &job->why);
	if (rc == RC_OK)
		rc = append(s, i, &parents);
	job->rc = rc;
	if (rc == RC_UNKNOWN_PARENT) {
		job->missing = parents.missing;
		job->missing_count = parents.missing_count;
	}
	must(rc == RC_OK || s->added == before);
	/* A damaged old entry spoils the answer about itself, not the batch. */
	return rc == RC_OK || step_refusal(rc) || known ? RC_OK : rc;
}
