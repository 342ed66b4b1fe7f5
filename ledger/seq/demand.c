/*
 * demand.c - what the policy document in force demands of a token whose parents are found.
 *
 * Its kind's row, the predecessors' kinds included: a breach is refused where the log is strict about
 * kinds or demands a profile from "standard" on, and marked in the entry elsewhere.  Then the profile:
 *
 *   standard    signed; in a workflow
 *   regulated   also: what went into a task and came out of it, by hash; a reference to an attestation where
 *               the task is critical; an approval that holds where a rule guards it
 *
 * Only what can be decided from what is in the log already is demanded here; docs/KINDS.md says what
 * is left to the conformance answer.
 *
 * Stored tasks are read only where a row or a rule wants to know them.
 */
#include <string.h>

#include "base/must.h"
#include "policy/approval.h"
#include "seq/step.h"

_Static_assert(SEQ_TASKS == APPROVAL_SLOTS, "an arena for each task that is looked at");

struct demand {
	struct step *s;
	struct seq_job *job;
	const struct dag_parents *parents;
	struct claim claim; /* its kind by the document in force */
	bool damaged;	    /* a stored entry could not be read */
};

/* ---- tasks of the log and of the batch ---- */

static int64_t
time_of(const struct claim *claim, uint64_t flags, uint64_t received_ms)
{
	return flags & ENTRY_DEFERRED ? claim->iat * 1000 : (int64_t)received_ms;
}

static void
task_of(const struct claim *claim, const struct policy_doc *doc, struct approval_task *out)
{
	struct claim c = *claim;
	size_t number;

	c.kind = kinds_of(doc->kinds, c.act);
	out->iss = c.iss;
	out->iat = c.iat;
	out->kind = c.kind;
	out->doc = doc;
	out->ext = c.ext_json;
	out->inp_hash = c.inp_hash;
	out->guard = policy_guard(doc, &c, &number);
}

/* Earlier in the batch: its claims are at hand, its entry's parents are in its row. */
static void
task_here(struct step *s, uint64_t index, struct approval_task *out)
{
	const struct index_row *row = &s->l->rows[index - s->before];

	const struct seq_job *job = s->jobs[s->job_of[index - s->before]];

	task_of(job->claim, s->doc, out);
	out->time_ms = time_of(job->claim, job->flags, s->received_ms);
	out->parents = row->parents;
	out->parent_count = row->parent_count;
}

static enum rc
task_stored(struct demand *d, uint64_t index, struct arena *arena, struct approval_task *out)
{
	struct step *s = d->s;
	struct entry entry;
	struct token token;
	struct claim claim;
	struct bytes raw;
	enum rc rc;

	arena_reset(arena);
	d->damaged = true;
	if ((rc = step_old_entry(s, index, &raw)) != RC_OK)
		return rc;
	if ((rc = entry_read(raw, arena, &entry, &d->job->why)) == RC_OK &&
	    (rc = token_parse(entry.token, arena, &token, &d->job->why)) == RC_OK)
		rc = claim_read(&token, arena, &claim, &d->job->why);
	if (rc != RC_OK)
		return rc == RC_NO_MEMORY ? rc : RC_CORRUPT;
	if (entry.kind != ENTRY_TOKEN)
		return why_set(&d->job->why, RC_CORRUPT, "index", NULL, 0, "entry %llu is no task",
		    (unsigned long long)index);
	d->damaged = false;
	task_of(&claim, book_at(s->l->book, index), out);
	out->time_ms = time_of(&claim, entry.flags, entry.received_at_ms);
	out->parents = entry.parents;
	out->parent_count = entry.parent_count;
	return RC_OK;
}

static enum rc
task_at(void *ctx, uint64_t index, enum approval_slot slot, struct approval_task *out)
{
	struct demand *d = ctx;

	memset(out, 0, sizeof(*out));
	out->index = index;
	if (index < d->s->before)
		return task_stored(d, index, &d->s->l->tasks[slot], out);
	task_here(d->s, index, out);
	return RC_OK;
}

static bool
rests_on(const struct index_row *row, uint64_t parent)
{
	for (size_t i = 0; i < row->parent_count; i++)
		if (row->parents[i] == parent)
			return true;
	return false;
}

/* Those in the log have smaller indexes than those of the batch.  Evidence has no parents in its row: it is
 * nobody's child. */
static enum rc
children_of(void *ctx, uint64_t index, uint64_t *out, size_t room, size_t *count)
{
	struct demand *d = ctx;
	struct step *s = d->s;
	enum rc rc;

	*count = 0;
	if (index < s->before) {
		rc = index_children(s->view, index, UINT64_MAX, out, room, count);
		if (rc != RC_OK)
			return rc;
	}
	for (size_t i = 0; i < s->added && *count < room; i++)
		if (rests_on(&s->l->rows[i], index))
			out[(*count)++] = s->before + i;
	return RC_OK;
}

/* ---- the kind ---- */

/* What the predecessors are; read only as far as the row wants to know. */
static enum rc
parents_kinds(struct demand *d, uint64_t *bits)
{
	const struct kind *kind = d->claim.kind;
	struct approval_task parent;
	enum rc rc;

	for (size_t i = 0; i < d->parents->count && (*bits & kind->parents) == 0; i++) {
		if ((rc = task_at(d, d->parents->index[i], APPROVAL_DECISION, &parent)) != RC_OK)
			return rc;
		*bits |= kinds_bit(d->s->doc->kinds, parent.kind);
	}
	return RC_OK;
}

static enum rc
demand_kind(struct demand *d, bool strict)
{
	const struct kind *kind = d->claim.kind;
	struct kind_task task = {.pred = d->claim.pred,
	    .pred_count = d->claim.pred_count,
	    .ext = d->claim.ext_json,
	    .parents_known = true};
	enum rc rc;

	d->job->flags &= ~(uint64_t)ENTRY_BREACH; /* a job that waits comes here again */
	if (kind->parents != 0 && (rc = parents_kinds(d, &task.parents)) != RC_OK)
		return rc;
	rc = kind_check(kind, &task, strict ? &d->job->why : NULL);
	if (rc != RC_BAD_KIND || strict)
		return rc;
	d->job->flags |= ENTRY_BREACH;
	return RC_OK;
}

/* ---- the profile ---- */

static enum rc
missing(struct demand *d, const char *profile, const char *claim, const char *what)
{
	return why_set(
	    &d->job->why, RC_MISSING_CLAIM, profile, claim, 0, "the log demands %s", what);
}

static bool
is_critical(const struct demand *d)
{
	const struct json_node *n = kind_ext(d->claim.kind, d->claim.ext_json, "critical");

	return (n != NULL && n->type == JSN_TRUE) ||
	       policy_act_in(&d->s->doc->critical, d->claim.act);
}

static enum rc
demand_standard(struct demand *d)
{
	if (d->job->token->level < LEVEL_2)
		return why_set(&d->job->why, RC_LEVEL_TOO_LOW, "profile of the log", NULL, 0,
		    "the token is %s, the profile %s wants a signature",
		    token_level_name(d->job->token->level),
		    policy_profile_text(d->s->doc->profile));
	return d->claim.has_wid
		   ? RC_OK
		   : missing(d, "profile of the log", "wid", "a workflow of each task");
}

static enum rc
demand_approval(struct demand *d)
{
	struct approval_lookup lookup = {.task = task_at, .children = children_of, .ctx = d};
	struct approval_task task = {.index = d->s->before + d->s->added,
	    .time_ms = time_of(&d->claim, d->job->flags, d->s->received_ms),
	    .parents = d->parents->index,
	    .parent_count = d->parents->count};

	task_of(&d->claim, d->s->doc, &task);
	return task.guard == NULL ? RC_OK : approval_check(&task, &lookup, &d->job->why);
}

static enum rc
demand_regulated(struct demand *d)
{
	const struct claim *c = &d->claim;
	bool plain = c->kind->id == KIND_TASK || c->kind->id == KIND_OWN;

	if (plain && c->inp_hash.alg == CLAIM_HASH_NONE)
		return missing(d, "profile of the log", "inp_hash", "the hash of a task's input");
	if (plain && c->out_hash.alg == CLAIM_HASH_NONE)
		return missing(d, "profile of the log", "out_hash", "the hash of a task's output");
	if (plain && is_critical(d) && kind_ext(c->kind, c->ext_json, "attestation") == NULL)
		return missing(d, "profile of the log", "attestation",
		    "the reference to an attestation with a critical task");
	return demand_approval(d);
}

enum rc
step_demand(struct step *s, size_t i, const struct dag_parents *parents, bool *old)
{
	struct demand d = {
	    .s = s, .job = s->jobs[i], .parents = parents, .claim = *s->jobs[i]->claim};
	enum policy_profile profile = s->doc->profile;
	enum rc rc;

	d.claim.kind = kinds_of(s->doc->kinds, d.claim.act);
	rc = demand_kind(&d, s->l->rules->kinds_strict || profile >= PROFILE_STANDARD);
	if (rc == RC_OK && profile >= PROFILE_STANDARD)
		rc = demand_standard(&d);
	if (rc == RC_OK && profile >= PROFILE_REGULATED)
		rc = demand_regulated(&d);
	*old = rc != RC_OK && d.damaged;
	return rc;
}
