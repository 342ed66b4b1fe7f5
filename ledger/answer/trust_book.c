/*
 * trust_book.c - the trust of many agents at many sizes, for answers that ask entry by entry.
 *
 * What was gathered about an agent is kept: outcomes and records of the whole view, which tell what
 * counts at any smaller size, and the replay as far as it got.
 */
#include "answer/trust_score.h"

#include <string.h>

#include "base/must.h"

#define BOOK_MIN 64

struct page {
	uint32_t iss;
	struct outcome_list outcomes;
	struct standing standing;
	struct trust_run run;
};

struct trust_book {
	struct facts_view v;
	const struct budget *budget;
	size_t spent;
	struct page **pages; /* by a hash of the name number, at most half full */
	size_t room, count;
};

enum rc
trust_book_open(const struct facts_view *v, const struct budget *budget, struct trust_book **out)
{
	struct trust_book *b = arena_zalloc(budget->arena, sizeof(*b));

	*out = b;
	if (b == NULL)
		return RC_NO_MEMORY;
	b->v = *v;
	b->budget = budget;
	b->room = BOOK_MIN;
	b->pages = arena_zalloc(budget->arena, b->room * sizeof(struct page *));
	return b->pages == NULL ? RC_NO_MEMORY : RC_OK;
}

static struct page **
slot_of(struct page **pages, size_t room, uint32_t iss)
{
	size_t i = iss * UINT32_C(2654435761) & (room - 1);

	while (pages[i] != NULL && pages[i]->iss != iss)
		i = (i + 1) & (room - 1);
	return &pages[i];
}

static bool
grow(struct trust_book *b)
{
	struct page **pages = arena_zalloc(b->budget->arena, 2 * b->room * sizeof(struct page *));

	if (pages == NULL)
		return false;
	for (size_t i = 0; i < b->room; i++)
		if (b->pages[i] != NULL)
			*slot_of(pages, 2 * b->room, b->pages[i]->iss) = b->pages[i];
	b->pages = pages;
	b->room *= 2;
	return true;
}

static enum rc
page_of(struct trust_book *b, uint32_t iss, struct page **out)
{
	struct page **slot = slot_of(b->pages, b->room, iss), *p;
	struct arena *arena = b->budget->arena;
	enum rc rc;

	if ((*out = *slot) != NULL)
		return RC_OK;
	if (b->count + 1 > b->room / 2 && !grow(b))
		return RC_NO_MEMORY;
	if ((p = arena_zalloc(arena, sizeof(*p))) == NULL)
		return RC_NO_MEMORY;
	p->iss = iss;
	if ((rc = outcome_gather(&b->v, iss, b->budget, &b->spent, arena, &p->outcomes)) != RC_OK)
		return rc;
	if ((rc = standing_gather(&b->v, facts_name(&b->v, FACTS_ISS, iss), b->budget, &b->spent,
		 arena, &p->standing)) != RC_OK)
		return rc;
	*slot_of(b->pages, b->room, iss) = p;
	b->count++;
	*out = p;
	return RC_OK;
}

enum rc
trust_book_at(struct trust_book *book, uint32_t iss, uint32_t size, struct trust_point *out)
{
	struct trust_terms terms;
	struct trust_score score;
	struct page *p;
	enum rc rc;

	must(size <= book->v.size);
	*out = (struct trust_point){0};
	if ((rc = page_of(book, iss, &p)) != RC_OK)
		return rc;
	terms = trust_terms_at(&book->v, size);
	trust_score(&book->v, &p->outcomes, &terms, &p->run, &score);
	out->score_e6 = score.score_e6;
	out->under_floor = score.score_e6 < terms.doc->trust.floor_e6;
	out->quarantined = standing_quarantined(&p->standing, size);
	out->revoked = standing_revoked(&p->standing, size);
	out->complete = p->outcomes.complete && p->standing.complete;
	return RC_OK;
}

enum rc
trust_score_at(const struct facts_view *v, uint32_t iss, uint32_t size, const struct budget *budget,
    struct trust_point *out)
{
	struct trust_book *book;
	enum rc rc = trust_book_open(v, budget, &book);

	return rc != RC_OK ? rc : trust_book_at(book, iss, size, out);
}
