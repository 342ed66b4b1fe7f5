/*
 * fsck_history.c - which keys a log trusted, at each of its places: from its key entries alone.
 *
 * Entries come in the order of their index, so the newest record of an id is what was in force at
 * the entry that is being looked at.  A signature that the log took under a key that was not
 * enrolled there, or was revoked, is a problem, whatever the trust folder says today.
 */
#include "fsck.h"

#include <stdlib.h>
#include <string.h>

struct fsck_history {
	struct fsck_record **records; /* ascending by index */
	size_t count, room;
	uint32_t *slots; /* newest record of an id in a domain; number + 1 */
	size_t slot_count;
	bool holes; /* an entry could not be read, and may have been a key entry */
};

struct fsck_history *
fsck_history_new(void)
{
	return fsck_alloc(1, sizeof(struct fsck_history));
}

void
fsck_history_free(struct fsck_history *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->count; i++) {
		fsck_pkey_release(&h->records[i]->pkey);
		free(h->records[i]->bytes);
		free(h->records[i]);
	}
	free(h->records);
	free(h->slots);
	free(h);
}

/* ---- by id ---- */

static bool
about(const struct fsck_record *r, struct span domain, const uint8_t id[FSCK_HASH])
{
	return memcmp(r->event.id, id, FSCK_HASH) == 0 && fsck_same(r->event.domain, domain);
}

/* Where the newest record of this is, or goes. */
static uint32_t *
slot(struct fsck_history *h, struct span domain, const uint8_t id[FSCK_HASH])
{
	for (uint64_t at = fsck_u64(id);; at++) {
		uint32_t *s = &h->slots[at & (h->slot_count - 1)];

		if (*s == 0 || about(h->records[*s - 1], domain, id))
			return s;
	}
}

static void
make_room(struct fsck_history *h)
{
	if ((h->count + 1) * 2 <= h->slot_count)
		return;
	free(h->slots);
	h->slot_count = h->slot_count != 0 ? h->slot_count * 2 : 128;
	h->slots = fsck_alloc(h->slot_count, sizeof(*h->slots));
	for (size_t i = 0; i < h->count; i++) /* upwards: the newest stays */
		*slot(h, h->records[i]->event.domain, h->records[i]->event.id) = (uint32_t)i + 1;
}

static struct fsck_record *
newest(struct fsck_history *h, struct span domain, const uint8_t id[FSCK_HASH])
{
	uint32_t *s = h->slot_count > 0 ? slot(h, domain, id) : NULL;

	return s != NULL && *s != 0 ? h->records[*s - 1] : NULL;
}

/* ---- key entries ---- */

static void
apply(struct fsck_record *r)
{
	const struct fsck_record *b = r->before;

	r->enrolled_at = FSCK_NONE;
	if (b != NULL) {
		r->enrolled = b->enrolled;
		r->enrolled_at = b->enrolled_at;
		r->revoked = b->revoked;
		r->since = b->since;
	}
	switch (r->event.action) {
	case FSCK_ENROLL:
		r->enrolled = true;
		r->enrolled_at = r->index;
		break;
	case FSCK_WITHDRAW:
		r->enrolled = false;
		break;
	case FSCK_REVOKE:
		r->revoked = true;
		r->since = r->event.since;
		break;
	case FSCK_REINSTATE:
		r->revoked = false;
		break;
	default:
		break;
	}
}

/* An event that says nothing, or cannot be. */
static const char *
judge_event(const struct fsck_record *r)
{
	const struct fsck_record *b = r->before;
	const struct fsck_event *e = &r->event;
	bool enrolled = b != NULL && b->enrolled, revoked = b != NULL && b->revoked;

	if (e->action == FSCK_ENROLL && enrolled)
		return "it enrols what is enrolled";
	if ((e->action == FSCK_CHANGE || e->action == FSCK_WITHDRAW) && !enrolled)
		return "it changes or withdraws what is not enrolled";
	if (e->action == FSCK_REINSTATE && !revoked)
		return "it reinstates what is not revoked";
	if (e->material.n > 0 && e->subject == FSCK_A_KEY &&
	    (r->pkey.key == NULL || memcmp(r->pkey.thumbprint, e->id, FSCK_HASH) != 0))
		return "its material is no key of that thumbprint";
	return NULL;
}

void
fsck_history_add(struct fsck *f, uint64_t index, struct span event, struct span *domain)
{
	struct fsck_history *h = f->history;
	struct fsck_record *r = fsck_alloc(1, sizeof(*r));
	const char *field, *bad;
	char at[48];
	size_t offset;

	*domain = (struct span){event.p, 0};
	r->index = index;
	r->bytes = fsck_alloc(event.n + 1, 1);
	memcpy(r->bytes, event.p, event.n);
	if (!fsck_event_read((struct span){r->bytes, event.n}, &r->event, &offset, &field)) {
		snprintf(at, sizeof(at), "byte %zu", offset);
		fsck_problem(f, FSCK_EVENT, index, at, "not a key event: %s", field);
		free(r->bytes);
		free(r);
		fsck_history_hole(f, index);
		return;
	}
	if (r->event.subject == FSCK_A_KEY && r->event.material.n > 0)
		(void)fsck_pkey_jwk(r->event.material, &r->pkey);
	make_room(h);
	r->before = newest(h, r->event.domain, r->event.id);
	apply(r);
	if (!h->holes && (bad = judge_event(r)) != NULL)
		fsck_problem(f, FSCK_EVENT, index, NULL, "%s", bad);
	h->records = fsck_grow(h->records, h->count, &h->room, sizeof(*h->records));
	h->records[h->count++] = r;
	*slot(h, r->event.domain, r->event.id) = (uint32_t)h->count;
	*domain = r->event.domain;
}

void
fsck_history_hole(struct fsck *f, uint64_t index)
{
	(void)index;
	f->history->holes = true;
}

/* ---- an entry's evidence ---- */

static struct fsck_record *
at_index(const struct fsck_history *h, uint64_t index)
{
	size_t low = 0, high = h->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (h->records[mid]->index == index)
			return h->records[mid];
		if (h->records[mid]->index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static bool
revoked(const struct fsck_record *r, const struct fsck_entry *e, const struct fsck_task *t)
{
	return r != NULL && r->revoked &&
	       ((int64_t)(e->received_ms / 1000) >= r->since || t->iat >= r->since);
}

static bool
fits(const struct fsck_event *a, uint64_t binding)
{
	if (binding == FSCK_X509)
		return a->subject == FSCK_A_CA;
	return a->subject == FSCK_A_KEY && (a->use.n > 0) == (binding == FSCK_WIT);
}

/* May it speak for the issuer?  What says so is its newest enrolment or change. */
static bool
speaks_for(const struct fsck_record *r, const char *iss)
{
	struct span name = {(const uint8_t *)iss, strlen(iss)};

	while (r != NULL && r->event.action != FSCK_ENROLL && r->event.action != FSCK_CHANGE)
		r = r->before;
	for (size_t i = 0; r != NULL && i < r->event.issuer_count; i++)
		if (fsck_same(r->event.issuers[i], name))
			return true;
	return false;
}

static const char *
judge(struct fsck_history *h, const struct fsck_entry *e, const struct fsck_task *t,
    const struct fsck_record *anchor)
{
	struct span domain = fsck_domain(t->iss);
	const struct fsck_record *now;

	if (anchor == NULL)
		return "its evidence names an entry that is no key entry before it";
	if (!fsck_same(anchor->event.domain, domain))
		return "its evidence names a key entry of another trust domain";
	now = newest(h, domain, anchor->event.id);
	if (!fits(&anchor->event, e->binding))
		return "its evidence names a key entry of another use";
	if (now == NULL || !now->enrolled || now->enrolled_at != anchor->index)
		return "its evidence names a key entry that was not in force there";
	if (revoked(now, e, t) || revoked(newest(h, domain, e->signer), e, t))
		return "the key was revoked before it";
	if (e->binding == FSCK_JWKS && memcmp(anchor->event.id, e->signer, FSCK_HASH) != 0)
		return "its evidence names another key than the signer";
	if (e->binding == FSCK_JWKS && !speaks_for(now, t->iss))
		return "the key may not speak for the issuer";
	return NULL;
}

const struct fsck_record *
fsck_history_judge(struct fsck *f, uint64_t index, const struct fsck_entry *e,
    const struct fsck_task *t, bool *unknown)
{
	struct fsck_record *anchor = at_index(f->history, e->anchor);
	const char *bad = judge(f->history, e, t, anchor);

	*unknown = bad != NULL && f->history->holes;
	if (bad != NULL && !*unknown)
		fsck_problem(f, FSCK_SIGNER, index, NULL, "%s", bad);
	return bad == NULL ? anchor : NULL;
}
