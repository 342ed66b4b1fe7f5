/*
 * standing.c - the records about one agent, and which of them are in force.
 *
 * Records are read along the chain of their subject, newest first, then turned over.  An assertion or a
 * revocation is in force until its signer says another such word; a quarantine until an end that rests
 * on it.  Each record knows the entry that ended it, so one list answers for every size below.
 */
#include "answer/standing.h"

#include <stdlib.h>
#include <string.h>

#define LATE_EVERY 64

const char *
standing_flag_text(enum standing_flag_place place)
{
	static const char *const texts[] = {
#define X(id, name) name,
	    STANDING_FLAGS(X)
#undef X
	};

	return texts[place];
}

static bool
is_standing(const struct fact *t)
{
	return t->kind == KIND_TRUST_ASSERTION || t->kind == KIND_TRUST_REVOCATION ||
	       t->kind == KIND_QUARANTINE || t->kind == KIND_QUARANTINE_END;
}

/* Where the document names operators, coordinators or humans, one of them must say so. */
static bool
may_quarantine(const struct policy_doc *doc, struct bytes iss)
{
	static const char *const roles[] = {"operator", "coordinator", "human"};
	bool named = false;

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (policy_holds(doc, roles[i], iss))
			return true;
		for (size_t k = 0; k < doc->role_count; k++)
			named = named || strcmp(doc->roles[k].name, roles[i]) == 0;
	}
	return !named;
}

static unsigned
flags_of(const struct facts_view *v, uint32_t index, struct bytes subject)
{
	const struct fact *t = fact(v, index);
	struct bytes iss = facts_name(v, FACTS_ISS, t->iss);
	unsigned flags = 0;

	if (bytes_eq(iss, subject))
		flags |= STANDING_SELF;
	if (t->signer == FACTS_NONE)
		flags |= STANDING_UNSIGNED;
	if ((t->kind == KIND_QUARANTINE || t->kind == KIND_QUARANTINE_END) &&
	    !may_quarantine(fact_doc(v, index), iss))
		flags |= STANDING_NOT_AUTHORIZED;
	return flags;
}

static struct standing_record *
find(const struct standing *s, uint32_t index)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->records[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->count && s->records[low].index == index ? &s->records[low] : NULL;
}

/* A revocation takes back its signer's own word about the same agent. */
static void
judge_revocation(const struct facts_view *v, const struct standing *s, struct standing_record *r)
{
	const struct fact *t = fact(v, r->index);
	bool any = false, own = false;

	for (unsigned i = 0; i < t->parent_count; i++) {
		const struct standing_record *p = find(s, fact_parent(v, t, i));

		if (p == NULL || p->kind != KIND_TRUST_ASSERTION)
			continue;
		any = true;
		own = own || p->by == r->by;
	}
	if (!any)
		r->flags |= STANDING_NO_ASSERTION;
	else if (!own)
		r->flags |= STANDING_NOT_ASSERTER;
}

/* An end ends the quarantines that it rests on. */
static void
judge_end(const struct facts_view *v, const struct standing *s, struct standing_record *r)
{
	const struct fact *t = fact(v, r->index);
	bool any = false;

	for (unsigned i = 0; i < t->parent_count; i++) {
		struct standing_record *p = find(s, fact_parent(v, t, i));

		if (p == NULL || p->kind != KIND_QUARANTINE)
			continue;
		any = true;
		if (r->flags == 0 && p->flags == 0 && p->until == FACTS_NONE)
			p->until = r->index;
	}
	if (!any)
		r->flags |= STANDING_NO_QUARANTINE;
}

static int
by_signer(const void *a, const void *b)
{
	const struct standing_record *x = *(struct standing_record *const *)a,
				     *y = *(struct standing_record *const *)b;

	if (x->by != y->by)
		return x->by < y->by ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Of each signer's words the newest is in force. */
static enum rc
newest_words(struct standing *s, struct arena *arena)
{
	struct standing_record **words = arena_alloc(arena, (s->count + 1) * sizeof(*words));
	size_t n = 0;

	if (words == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < s->count; i++) {
		struct standing_record *r = &s->records[i];

		if (r->flags == 0 &&
		    (r->kind == KIND_TRUST_ASSERTION || r->kind == KIND_TRUST_REVOCATION))
			words[n++] = r;
	}
	if (n > 1)
		qsort(words, n, sizeof(*words), by_signer);
	for (size_t i = 1; i < n; i++)
		if (words[i]->by == words[i - 1]->by)
			words[i - 1]->until = words[i]->index;
	return RC_OK;
}

/* How many records the chain has below the view's size.  False: over the budget. */
static bool
count_records(const struct facts_view *v, uint32_t last, const struct budget *budget, size_t *spent,
    size_t *count)
{
	*count = 0;
	for (uint32_t at = last; at != FACTS_NONE; at = facts_about_before(v, at)) {
		if (*spent >= budget->nodes_max ||
		    (++*spent % LATE_EVERY == 0 && budget_late(budget)))
			return false;
		*count += is_standing(fact(v, at));
	}
	return true;
}

enum rc
standing_gather(const struct facts_view *v, struct bytes subject, const struct budget *budget,
    size_t *spent, struct arena *arena, struct standing *out)
{
	uint32_t number = facts_number(v, FACTS_SUBJECT, subject), last;
	size_t left;

	*out = (struct standing){.complete = true};
	if (number == FACTS_NONE)
		return RC_OK;
	last = facts_about_last(v, number);
	if (!count_records(v, last, budget, spent, &out->count)) {
		*out = (struct standing){.complete = false};
		return RC_OK;
	}
	if ((out->records = arena_alloc(arena, (out->count + 1) * sizeof(*out->records))) == NULL)
		return RC_NO_MEMORY;
	left = out->count;
	for (uint32_t at = last; at != FACTS_NONE; at = facts_about_before(v, at))
		if (is_standing(fact(v, at)))
			out->records[--left] = (struct standing_record){at, fact(v, at)->iss,
			    FACTS_NONE, fact(v, at)->kind, (uint8_t)flags_of(v, at, subject)};
	for (size_t i = 0; i < out->count; i++) {
		if (out->records[i].kind == KIND_TRUST_REVOCATION)
			judge_revocation(v, out, &out->records[i]);
		else if (out->records[i].kind == KIND_QUARANTINE_END)
			judge_end(v, out, &out->records[i]);
	}
	return newest_words(out, arena);
}

static bool
any_in_force(const struct standing *s, enum kind_id kind, uint32_t size)
{
	for (size_t i = 0; i < s->count && s->records[i].index < size; i++)
		if (s->records[i].kind == kind && standing_in_force(&s->records[i], size))
			return true;
	return false;
}

bool
standing_quarantined(const struct standing *s, uint32_t size)
{
	return any_in_force(s, KIND_QUARANTINE, size);
}

bool
standing_revoked(const struct standing *s, uint32_t size)
{
	return any_in_force(s, KIND_TRUST_REVOCATION, size);
}
