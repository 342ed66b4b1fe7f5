/*
 * own.c - events of the log's own into the batch: keys, policy documents, descriptors.
 *
 * They were judged by whoever gave them; what is judged here is what only the order of the log can tell,
 * and what must not fail once the batch is committed: an event that is appended is one that can be read
 * back.
 */
#include <string.h>

#include "base/must.h"
#include "claim/own_event.h"
#include "seq/step.h"

static enum rc
key_job(struct step *s, size_t i)
{
	struct seq_job *job = s->jobs[i];
	struct trust_event event;
	struct entry entry;
	enum rc rc = event_read(job->event, &s->l->arena, &event, &job->why);

	if (rc != RC_OK)
		return rc == RC_NO_MEMORY ? rc : RC_BAD_KEY;
	if ((rc = step_entry_event(s, job, event.domain, &entry)) == RC_OK)
		rc = step_append(s, i, &entry);
	return rc;
}

/* The book takes it after the commit, and must not find then that it cannot. */
static enum rc
policy_job(struct step *s, size_t i)
{
	struct seq_job *job = s->jobs[i];
	const struct policy_doc *doc;
	struct own_policy event;
	struct entry entry;
	enum rc rc;

	if (own_policy_read(job->event, &event, &job->why) != RC_OK)
		return RC_BAD_CONFIG;
	if (book_count(s->l->book) + s->policies >= BOOK_DOCS_MAX)
		return why_set(&job->why, RC_TOO_LARGE, "BOOK_DOCS_MAX", NULL, 0,
		    "the log has %d policy documents already", BOOK_DOCS_MAX);
	if ((rc = policy_doc_read(event.document, &s->l->arena, &doc, &job->why)) == RC_OK &&
	    (rc = step_entry_own(s, job, NULL, &entry)) == RC_OK)
		rc = step_append(s, i, &entry);
	s->policies += rc == RC_OK;
	return rc;
}

static bool
same(const struct own_descriptor *a, const struct own_descriptor *b)
{
	return a->media == b->media && bytes_eq(a->descriptor, b->descriptor);
}

/* The newest one is in the log already. */
static enum rc
old_descriptor(
    struct step *s, struct seq_job *job, uint64_t index, const struct own_descriptor *event)
{
	struct own_descriptor old;
	struct entry entry;
	struct bytes raw;
	enum rc rc;

	if ((rc = step_old_entry(s, index, &raw)) != RC_OK)
		return rc;
	if (entry_read(raw, &s->l->arena, &entry, &job->why) != RC_OK ||
	    entry.kind != ENTRY_DESCRIPTOR || own_descriptor_read(entry.token, &old, NULL) != RC_OK)
		return RC_CORRUPT;
	if (!same(&old, event))
		return RC_OK;
	job->duplicate = true;
	return step_old_receipt(s, job, index, raw, &entry, true);
}

/* Another one of this batch is the newest. */
static void
twin_descriptor(struct step *s, size_t i, uint64_t index, const struct own_descriptor *event)
{
	const struct seq_job *first = step_fresh_at(s, index);
	struct own_descriptor other;

	must(first != NULL && own_descriptor_read(first->event, &other, NULL) == RC_OK);
	if (!same(&other, event))
		return;
	s->jobs[i]->duplicate = true;
	s->jobs[i]->receipt.index = index;
	s->twin[i] = true;
}

/* '*old': what went wrong is about an entry of the log, not about the batch. */
static enum rc
descriptor_job(struct step *s, size_t i, bool *old)
{
	struct seq_job *job = s->jobs[i];
	struct own_descriptor event;
	struct entry_link link;
	struct entry entry;
	enum rc rc;

	if (own_descriptor_read(job->event, &event, &job->why) != RC_OK)
		return RC_BAD_CONFIG;
	if ((rc = step_descriptor_link(s, event.wid, &link)) != RC_OK)
		return rc;
	if (link.previous != ENTRY_NONE && link.previous >= s->before)
		twin_descriptor(s, i, link.previous, &event);
	else if (link.previous != ENTRY_NONE)
		rc = old_descriptor(s, job, link.previous, &event);
	*old = rc != RC_OK;
	if (rc != RC_OK || job->duplicate)
		return rc;
	if ((rc = step_entry_own(s, job, event.wid, &entry)) == RC_OK)
		rc = step_append(s, i, &entry);
	return rc;
}

enum rc
step_event_job(struct step *s, size_t i)
{
	struct seq_job *job = s->jobs[i];
	bool old = false;
	enum rc rc;

	job->duplicate = false;
	if (job->kind == ENTRY_KEY)
		rc = key_job(s, i);
	else if (job->kind == ENTRY_POLICY)
		rc = policy_job(s, i);
	else
		rc = descriptor_job(s, i, &old);
	s->fresh[i] = rc == RC_OK && !job->duplicate;
	job->rc = rc;
	/* A damaged old entry spoils the answer about itself, not the batch. */
	return rc == RC_OK || step_refusal(rc) || old ? RC_OK : rc;
}
