/*
 * evidence.c - equivocation as data: a token that was signed under an id which another one has.
 * Where both have one issuer, that agent signed two tokens under one id; where not, whoever holds the
 * id took it from the other.
 *
 * The second is refused whatever happens; that it was signed is a fact worth keeping, since nobody
 * but the key's holder can have made it.  So only what passed everything else comes here, and L1
 * tokens, which anybody could have written, are refused but never kept.
 *
 * What an issuer may make the log keep is bounded: by rules->equivocations_max entries, and the same
 * signed bytes once.  The second bound is found by walking the issuer's chain of equivocations back,
 * those of this batch first; the walk is cut after WALK_MAX, beyond which the same bytes might be
 * kept again (but still count).
 */
#include <string.h>

#include "base/must.h"
#include "seq/step.h"

#define WALK_MAX 1000

static const char RULE[] = "ECT: jti is unique in its scope";

/* How much of a token is signed or says how: everything but the signature, which comes last. */
static size_t
unsigned_size(const struct token *t)
{
	if (t->media == TOKEN_JWS)
		return t->signing_input.n;
	must(t->media == TOKEN_COSE && t->raw.n > t->signature_size);
	return t->raw.n - t->signature_size;
}

/* The same signed bytes.  Both are well-formed, so an equal size and beginning mean an equal
 * algorithm, and then the rest is the signature. */
static bool
same_signed(const struct token *t, const struct entry *e)
{
	return e->media == t->media && e->token.n == t->raw.n &&
	       memcmp(e->token.p, t->raw.p, unsigned_size(t)) == 0;
}

static enum rc
read_evidence(struct step *s, uint64_t at, struct entry *entry)
{
	struct bytes raw;
	enum rc rc = at >= s->before ? store_batch_entry(s->l->store, at, &raw)
				     : step_old_entry(s, at, &raw);

	if (rc != RC_OK)
		return rc;
	arena_reset(&s->l->scratch);
	if ((rc = entry_read(raw, &s->l->scratch, entry, NULL)) != RC_OK)
		return rc == RC_NO_MEMORY ? rc : RC_CORRUPT;
	return entry->kind == ENTRY_EQUIVOCATION ? RC_OK : RC_CORRUPT;
}

/* Where these signed bytes are kept already: RC_OK, RC_NOT_FOUND. */
static enum rc
find_kept(struct step *s, const struct token *token, uint64_t last, uint64_t *index)
{
	struct entry entry;
	enum rc rc;

	for (unsigned n = 0; last != ENTRY_NONE && n < WALK_MAX; n++) {
		if ((rc = read_evidence(s, last, &entry)) != RC_OK)
			return rc;
		if (same_signed(token, &entry)) {
			*index = last;
			return RC_OK;
		}
		if (entry.issuer.previous != ENTRY_NONE && entry.issuer.previous >= last)
			return RC_CORRUPT;
		last = entry.issuer.previous;
	}
	return RC_NOT_FOUND;
}

static enum rc
keep(struct step *s, size_t i, uint64_t holder, uint64_t anchor)
{
	struct entry entry;
	enum rc rc = step_entry_evidence(s, s->jobs[i], &holder, anchor, &entry);

	if (rc == RC_OK)
		rc = step_append(s, i, &entry);
	if (rc == RC_OK)
		s->kept[i] = true;
	return rc;
}

static enum rc
refuse(struct seq_job *job, uint64_t holder, const char *what)
{
	return why_set(&job->why, RC_DUP_JTI, RULE, "jti", 0,
	    "entry %llu is another token with this id; %s", (unsigned long long)holder, what);
}

static enum rc
refuse_kept(struct seq_job *job, uint64_t holder, uint64_t index)
{
	return why_set(&job->why, RC_DUP_JTI, RULE, "jti", 0,
	    "entry %llu is another token with this id; recorded as evidence at index %llu",
	    (unsigned long long)holder, (unsigned long long)index);
}

enum rc
step_evidence(struct step *s, size_t i, uint64_t holder, uint64_t anchor, bool *old)
{
	struct seq_job *job = s->jobs[i];
	struct entry_link link;
	uint64_t index = ENTRY_NONE;
	enum rc rc;

	if (!job->has_signer)
		return refuse(job, holder, "nobody signed this one, so it is not recorded");
	if ((rc = step_evidence_link(s, job->claim->iss, &link)) != RC_OK)
		return rc;
	rc = find_kept(s, job->token, link.previous, &index);
	if (rc == RC_OK)
		return refuse_kept(job, holder, index);
	*old = rc == RC_CORRUPT;
	if (rc != RC_NOT_FOUND)
		return rc;
	if (link.ordinal >= s->l->rules->equivocations_max)
		return refuse(job, holder,
		    "not recorded: the bound is reached (equivocations_max for each issuer)");
	index = s->before + s->added;
	rc = keep(s, i, holder, anchor);
	if (rc == RC_TOO_LARGE)
		return refuse(job, holder, "too large to be recorded with it");
	return rc == RC_OK ? refuse_kept(job, holder, index) : rc;
}
