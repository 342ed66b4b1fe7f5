/*
 * judge.c - one token against the log and the batch so far: is its id free, may its key still
 * speak, are its parents there; and then into the batch.
 *
 * A retry of what is in the log is answered before the key is asked about: what was accepted stays
 * accepted.  Everything else is asked of the key first, so that a revoked key learns only that.
 */
#include <string.h>

#include "base/must.h"
#include "seq/step.h"

static struct dag_node
node_of(const struct batch_hit *hit)
{
	const struct claim *c = hit->job->claim;
	struct dag_node n = {
	    .index = hit->index, .iat = c->iat, .has_wid = c->has_wid, .lower = hit->lower};

	memcpy(n.wid, c->wid, UUID_SIZE);
	return n;
}

static struct dag_node
node_hit(const struct index_hit *hit)
{
	struct dag_node n = {
	    .index = hit->index, .iat = hit->iat, .has_wid = hit->has_wid, .lower = hit->lower};

	memcpy(n.wid, hit->wid, UUID_SIZE);
	return n;
}

static enum rc
find(void *ctx, bool has_wid, const uint8_t *wid, const uint8_t *jti, struct dag_node *out)
{
	struct step *s = ctx;
	struct batch_hit here;
	struct index_hit hit;
	enum rc rc;

	if (batch_find(s->l->batch, has_wid, wid, jti, &here) == RC_OK) {
		*out = node_of(&here);
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
	struct batch_hit hit;
	struct index_hit old;
	enum rc here = batch_find_any(s->l->batch, jti, &hit);
	enum rc there;

	if (here == RC_AMBIGUOUS)
		return here;
	there = index_find_any(s->view, jti, &old);
	if (there != RC_OK && there != RC_NOT_FOUND)
		return there;
	if (here == RC_OK && there == RC_OK)
		return RC_AMBIGUOUS;
	if (here == RC_OK)
		*out = node_of(&hit);
	else if (there == RC_OK)
		*out = node_hit(&old);
	return here == RC_OK ? here : there;
}

/* Who has the id. */
struct holder {
	bool taken; /* by another token, at */
	uint64_t index;
	bool old; /* what went wrong is about an entry of the log, not about the batch */
};

/* The id is taken by an entry in the log: a retry of the same signed bytes, or another token. */
static enum rc
judge_old(struct step *s, struct seq_job *job, struct holder *holder)
{
	struct bytes raw;
	struct entry entry;
	struct token old;
	enum rc rc;

	holder->old = true;
	if ((rc = step_old_entry(s, holder->index, &raw)) != RC_OK)
		return rc;
	if ((rc = entry_read(raw, job->arena, &entry, &job->why)) != RC_OK ||
	    (rc = token_parse(entry.token, job->arena, &old, &job->why)) != RC_OK)
		return rc == RC_NO_MEMORY ? rc : RC_CORRUPT;
	if (!bytes_eq(old.signing_input, job->token->signing_input)) {
		holder->taken = true;
		return RC_OK;
	}
	job->duplicate = true;
	return step_old_receipt(
	    s, job, holder->index, raw, &entry, !bytes_eq(old.raw, job->token->raw));
}

/* Is the id free?  RC_OK with job->duplicate set: answered already. */
static enum rc
judge_id(struct step *s, size_t i, struct holder *holder)
{
	struct seq_job *job = s->jobs[i];
	const struct claim *c = job->claim;
	struct batch_hit here;
	struct index_hit hit;
	enum rc rc;

	if (batch_find(s->l->batch, c->has_wid, c->wid, c->jti, &here) == RC_OK) {
		holder->index = here.index;
		holder->taken =
		    !bytes_eq(here.job->token->signing_input, job->token->signing_input);
		if (holder->taken)
			return RC_OK;
		/* Answered with the fresh one's facts once these are known. */
		job->duplicate = true;
		s->twin[i] = true;
		job->receipt.index = here.index;
		return RC_OK;
	}
	rc = index_find(s->view, c->has_wid, c->wid, c->jti, &hit);
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	holder->index = hit.index;
	return rc == RC_OK ? judge_old(s, job, holder) : rc;
}

/* May the key speak here and now?  What the log's own history says of it at this place. */
static enum rc
judge_key(struct step *s, struct seq_job *job, uint64_t *anchor)
{
	*anchor = ENTRY_NONE;
	if (!job->has_signer)
		return RC_OK; /* L1: nobody signed */
	return history_judge(s->l->history,
	    &(struct history_question){.domain = job->claim->trust_domain,
		.iss = job->claim->iss,
		.binding = job->binding,
		.signer = &job->signer,
		.anchor = &job->anchor,
		.path = job->path,
		.path_count = job->path_count,
		.now_ms = (int64_t)s->received_ms,
		.iat = job->claim->iat},
	    anchor, &job->why);
}

bool
step_refusal(enum rc rc)
{
	switch (rc) {
	case RC_DUP_JTI:
	case RC_EXPIRED:
	case RC_UNKNOWN_PARENT:
	case RC_TIME_ORDER:
	case RC_WORKFLOW_MISMATCH:
	case RC_AMBIGUOUS:
	case RC_BAD_CLAIM:
	case RC_UNKNOWN_KEY:
	case RC_NOT_AUTHORIZED:
	case RC_KEY_REVOKED:
	case RC_BAD_KIND:
	case RC_LEVEL_TOO_LOW:
	case RC_MISSING_CLAIM:
	case RC_APPROVAL_MISSING:
	case RC_BAD_KEY:
	case RC_BAD_CONFIG:
	case RC_TOO_LARGE:
	case RC_NO_MEMORY: /* nothing has been put yet */
		return true;
	default:
		return false;
	}
}

/* The list of what is missing outlives the step, and a job that waits is judged many times: its
 * room is taken once, for all its predecessors. */
static enum rc
tell_missing(struct seq_job *job, const struct dag_parents *parents)
{
	uint8_t(*room)[UUID_SIZE] = job->missing_room;

	if (room == NULL)
		room = arena_alloc(job->arena, job->claim->pred_count * sizeof(*room));
	if (room == NULL)
		return RC_NO_MEMORY;
	memcpy(room, parents->missing, parents->missing_count * sizeof(*room));
	job->missing_room = room;
	job->missing = (const uint8_t(*)[UUID_SIZE])room;
	job->missing_count = parents->missing_count;
	return RC_UNKNOWN_PARENT;
}

/* A token may have waited, and its time may be over: at the time that its entry says, it is judged as
 * one that comes just then. */
static enum rc
judge_times(struct step *s, struct seq_job *job)
{
	int64_t now = (int64_t)(s->received_ms / 1000);

	if (job->ends_s == 0 || now < job->ends_s)
		return RC_OK;
	if (s->l->rules->deferred) {
		job->flags |= ENTRY_DEFERRED;
		return RC_OK;
	}
	return why_set(&job->why, RC_EXPIRED, "RFC 7519 4.1.4 (exp)", "exp", 0,
	    "its time was over before it got into the log");
}

/* A token with a free id and a good key. */
static enum rc
admit(struct step *s, size_t i, uint64_t anchor, bool *old)
{
	struct ledger *l = s->l;
	struct seq_job *job = s->jobs[i];
	struct dag_lookup lookup = {.find = find, .find_any = find_any, .ctx = s};
	struct dag_parents parents = {0};
	struct entry entry;
	enum rc rc = judge_times(s, job);

	if (rc != RC_OK)
		return rc;
	rc = dag_resolve(
	    job->claim, l->rules->cross_workflow, &lookup, &l->arena, &parents, &job->why);
	if (rc == RC_UNKNOWN_PARENT)
		return tell_missing(job, &parents);
	if (rc != RC_OK || (rc = step_demand(s, i, &parents, old)) != RC_OK ||
	    (rc = step_entry_token(s, job, &parents, anchor, &entry)) != RC_OK ||
	    (rc = step_append(s, i, &entry)) != RC_OK)
		return rc;
	batch_admit(l->batch, i, job->receipt.index, l->rows[s->added - 1].lower);
	s->fresh[i] = true;
	return RC_OK;
}

enum rc
step_judge_job(struct step *s, size_t i)
{
	struct seq_job *job = s->jobs[i];
	struct holder holder = {0};
	uint64_t anchor;
	enum rc rc;

	rc = judge_id(s, i, &holder);
	if (rc == RC_OK && job->duplicate) {
		job->rc = RC_OK;
		return RC_OK;
	}
	if (rc == RC_OK) {
		holder.old = false;
		rc = judge_key(s, job, &anchor);
	}
	if (rc == RC_OK)
		rc = holder.taken ? step_evidence(s, i, holder.index, anchor, &holder.old)
				  : admit(s, i, anchor, &holder.old);
	job->rc = rc;
	/* A damaged old entry spoils the answer about itself, not the batch. */
	return rc == RC_OK || step_refusal(rc) || holder.old ? RC_OK : rc;
}
