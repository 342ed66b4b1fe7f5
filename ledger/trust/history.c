/*
 * history.c - every key entry of a log, kept as it was written, and found by what it is about.
 *
 *   events    the entries' bytes with index and time, ascending; chained per subject
 *   subjects  (trust domain, id): what is in force now, in a few words and with its issuers, for
 *             history_judge()
 *   by_id     id -> first subject of that id; subjects of one id in other domains are chained
 *
 * The answer "as of tree size n" replays the subject's chain below n; a subject has a handful of
 * events, so no state is kept per size.  Strings are not copied: the bytes of an event stay where
 * they are until history_free(), and a view into them needs no lock.
 *
 * Invariants: events ascend by index; a subject has at least one event; its state is what a replay
 * of its whole chain gives.
 *
 * A record costs the bytes of its events and about 150 more.
 */
#include "trust/history_own.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define NONE	   UINT32_MAX
#define MEMORY_MAX ((size_t)1 << 30)
#define SCRATCH	   ((size_t)64 << 10) /* issuers of one event, 256 views */

struct kept {
	uint64_t index;
	uint64_t at_ms;
	const uint8_t *raw;
	uint32_t size;
	uint32_t next; /* of the same subject */
};

/* What a chain of events comes to. */
struct state {
	enum event_subject subject;
	bool described, enrolled, revoked;
	bool wit;	    /* use "wit-svid" */
	int64_t since;	    /* revoked */
	uint32_t describes; /* newest enrolment or change */
	uint32_t enrols, first_enrols;
	uint32_t withdraws, revokes, newest;
};

struct subject {
	struct hash id;
	struct bytes domain;
	uint32_t first, last;
	uint32_t next_same_id;
	struct state now;
	const struct bytes *issuers; /* of the newest enrolment or change; ascending */
	size_t issuer_count;
};

struct history {
	pthread_rwlock_t lock;
	struct arena arena;
	struct kept *events;
	size_t event_count, event_room;
	struct subject *subjects;
	size_t subject_count, subject_room;
	uint32_t *slots; /* open addressing, at most half full; subject + 1 */
	size_t slot_count;
};

static uint32_t find(const struct history *h, const struct hash *id);
static uint32_t find_in(const struct history *h, struct bytes domain, const struct hash *id);
static enum rc reserve(struct history *h);
static uint32_t add_subject(struct history *h, struct bytes domain, const struct hash *id);
static void step(struct state *state, uint32_t i, const struct trust_event *e);
static enum rc replay(const struct history *h, const struct subject *s, uint64_t size,
    struct arena *arena, struct state *out);
static enum rc record_of(const struct history *h, const struct subject *s, uint64_t size,
    struct arena *arena, struct history_record *out);

enum rc
history_new(struct history **out)
{
	struct history *h = calloc(1, sizeof(*h));

	must(out);
	*out = h;
	if (!h)
		return RC_NO_MEMORY;
	must(pthread_rwlock_init(&h->lock, NULL) == 0);
	arena_init(&h->arena, MEMORY_MAX);
	return RC_OK;
}

void
history_free(struct history *h)
{
	if (!h)
		return;
	must(pthread_rwlock_destroy(&h->lock) == 0);
	arena_release(&h->arena);
	free(h->events);
	free(h->subjects);
	free(h->slots);
	free(h);
}

enum rc
history_apply(
    struct history *h, uint64_t index, uint64_t received_at_ms, struct bytes event, struct why *why)
{
	struct trust_event e;
	struct arena scratch;
	struct bytes raw;
	struct subject *s;
	struct bytes *issuers;
	uint32_t i, n;
	enum rc rc;

	must(h && index != HISTORY_NONE);
	arena_init(&scratch, SCRATCH);
	must(pthread_rwlock_wrlock(&h->lock) == 0);
	must(h->event_count == 0 || index > h->events[h->event_count - 1].index);
	if ((rc = event_read(event, &scratch, &e, why)) != RC_OK)
		goto out;
	if ((rc = reserve(h)) != RC_OK || !arena_dup(&h->arena, event, &raw)) {
		rc = why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a key entry");
		goto out;
	}
	/* Again, so that views point into our copy. */
	arena_reset(&scratch);
	if ((rc = event_read(raw, &scratch, &e, why)) != RC_OK)
		goto out;
	if (!(issuers = arena_alloc(&h->arena, e.issuer_count * sizeof(*issuers)))) {
		rc = why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for issuers");
		goto out;
	}
	/* From here nothing fails. */
	n = (uint32_t)h->event_count++;
	h->events[n] = (struct kept){index, received_at_ms, raw.p, (uint32_t)raw.n, NONE};
	if ((i = find_in(h, e.domain, &e.id)) == NONE)
		i = add_subject(h, e.domain, &e.id);
	s = &h->subjects[i];
	if (s->first == NONE)
		s->first = n;
	else
		h->events[s->last].next = n;
	s->last = n;
	step(&s->now, n, &e);
	if (e.action == EVENT_ENROLL || e.action == EVENT_CHANGE) {
		if (e.issuer_count > 0)
			memcpy(issuers, e.issuers, e.issuer_count * sizeof(*issuers));
		s->issuers = issuers;
		s->issuer_count = e.issuer_count;
	}
out:
	must(pthread_rwlock_unlock(&h->lock) == 0);
	arena_release(&scratch);
	return rc;
}

/* One event's effect. */
static void
step(struct state *state, uint32_t i, const struct trust_event *e)
{
	state->newest = i;
	/* Who revokes what was never enrolled cannot know what it is; who enrols knows. */
	if (!state->described)
		state->subject = e->subject;
	switch (e->action) {
	case EVENT_ENROLL:
	case EVENT_CHANGE:
		if (e->action == EVENT_ENROLL || !state->enrolled) {
			state->enrols = i;
			if (state->first_enrols == NONE)
				state->first_enrols = i;
		}
		state->subject = e->subject;
		state->described = state->enrolled = true;
		state->describes = i;
		state->withdraws = NONE;
		state->wit = bytes_is(e->use, "wit-svid");
		break;
	case EVENT_WITHDRAW:
		state->enrolled = false;
		state->withdraws = i;
		break;
	case EVENT_REVOKE:
		state->revoked = true;
		state->since = e->since;
		state->revokes = i;
		break;
	case EVENT_REINSTATE:
		state->revoked = false;
		state->revokes = NONE;
		break;
	}
}

static const struct state state_zero = {
    EVENT_KEY, false, false, false, false, 0, NONE, NONE, NONE, NONE, NONE, NONE};

/* ---- the sequencer's question ---- */

static enum rc
refuse_revoked(const struct history *h, const struct history_question *q, const struct hash *id,
    struct why *why)
{
	uint32_t i = find_in(h, q->domain, id);
	const struct state *s;

	if (i == NONE)
		return RC_OK;
	s = &h->subjects[i].now;
	if (!s->revoked || (q->now_ms / 1000 < s->since && q->iat < s->since))
		return RC_OK;
	return why_set(why, RC_KEY_REVOKED, "key history (revoked)", NULL, 0,
	    "the %s is revoked since %lld", event_subject_name(s->subject), (long long)s->since);
}

static bool
speaks_for(const struct subject *s, struct bytes iss)
{
	size_t low = 0, high = s->issuer_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = bytes_cmp(s->issuers[middle], iss);

		if (c == 0)
			return true;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static enum rc
judge(const struct history *h, const struct history_question *q, uint64_t *anchor_index,
    struct why *why)
{
	static const char rule[] = "key history (enrolled)";
	uint32_t i = find_in(h, q->domain, q->anchor);
	const struct state *a;
	enum rc rc;

	if ((rc = refuse_revoked(h, q, q->signer, why)) != RC_OK ||
	    (rc = refuse_revoked(h, q, q->anchor, why)) != RC_OK)
		return rc;
	for (size_t k = 0; k < q->path_count; k++)
		if ((rc = refuse_revoked(h, q, &q->path[k], why)) != RC_OK)
			return rc;
	if (i == NONE || !h->subjects[i].now.described)
		return why_set(why, RC_UNKNOWN_KEY, rule, NULL, 0,
		    "what the signer leads to is not enrolled in this log");
	a = &h->subjects[i].now;
	if (!a->enrolled)
		return why_set(why, RC_UNKNOWN_KEY, rule, NULL, 0,
		    "what the signer leads to was withdrawn from this log");
	if (a->subject != (q->binding == TRUST_X509 ? EVENT_CA : EVENT_KEY) ||
	    a->wit != (q->binding == TRUST_WIT))
		return why_set(why, RC_UNKNOWN_KEY, rule, NULL, 0,
		    "what the signer leads to is enrolled for another use");
	if (q->binding == TRUST_JWKS && !speaks_for(&h->subjects[i], q->iss))
		return why_set(why, RC_NOT_AUTHORIZED, "key history (ect_iss)", "iss", 0,
		    "the key may not speak for this issuer");
	*anchor_index = h->events[a->enrols].index;
	return RC_OK;
}

enum rc
history_judge(struct history *h, const struct history_question *q, uint64_t *anchor_index,
    struct why *why)
{
	enum rc rc;

	must(h && q && q->signer && q->anchor && anchor_index && (q->path_count == 0 || q->path));
	must(q->binding == TRUST_JWKS || q->binding == TRUST_X509 || q->binding == TRUST_WIT);
	*anchor_index = HISTORY_NONE;
	must(pthread_rwlock_rdlock(&h->lock) == 0);
	rc = judge(h, q, anchor_index, why);
	must(pthread_rwlock_unlock(&h->lock) == 0);
	return rc;
}

/* ---- people's questions ---- */

enum rc
history_find(struct history *h, struct bytes domain, const struct hash *id, uint64_t size,
    struct arena *arena, struct history_record *out)
{
	enum rc rc = RC_NOT_FOUND;
	uint32_t i;

	must(h && id && arena && out);
	must(pthread_rwlock_rdlock(&h->lock) == 0);
	if ((i = find_in(h, domain, id)) != NONE)
		rc = record_of(h, &h->subjects[i], size, arena, out);
	must(pthread_rwlock_unlock(&h->lock) == 0);
	return rc;
}

enum rc
history_find_id(struct history *h, const struct hash *id, uint64_t size, struct arena *arena,
    struct history_record *out)
{
	enum rc rc = RC_NOT_FOUND;

	must(h && id && arena && out);
	must(pthread_rwlock_rdlock(&h->lock) == 0);
	for (uint32_t i = find(h, id); i != NONE && rc == RC_NOT_FOUND;
	     i = h->subjects[i].next_same_id)
		rc = record_of(h, &h->subjects[i], size, arena, out);
	must(pthread_rwlock_unlock(&h->lock) == 0);
	return rc;
}

size_t
history_domains(struct history *h, const struct hash *id)
{
	size_t n = 0;

	must(h && id);
	must(pthread_rwlock_rdlock(&h->lock) == 0);
	for (uint32_t i = find(h, id); i != NONE; i = h->subjects[i].next_same_id)
		n++;
	must(pthread_rwlock_unlock(&h->lock) == 0);
	return n;
}

enum rc
history_find_kid(struct history *h, struct bytes domain, struct bytes kid, uint64_t size,
    struct arena *arena, struct history_record *out)
{
	struct history_record record;
	struct arena scratch;
	uint32_t found = NONE;
	enum rc rc = RC_OK;

	must(h && arena && out);
	arena_init(&scratch, SCRATCH);
	must(pthread_rwlock_rdlock(&h->lock) == 0);
	for (uint32_t i = 0; i < h->subject_count && rc == RC_OK; i++) {
		const struct subject *s = &h->subjects[i];

		if (domain.n > 0 && !bytes_eq(domain, s->domain))
			continue;
		arena_reset(&scratch);
		rc = record_of(h, s, size, &scratch, &record);
		if (rc == RC_NOT_FOUND || (rc == RC_OK && !bytes_eq(record.kid, kid))) {
			rc = RC_OK;
			continue;
		}
		if (rc == RC_OK && found != NONE)
			rc = RC_AMBIGUOUS;
		found = i;
	}
	if (rc == RC_OK)
		rc = found == NONE ? RC_NOT_FOUND
				   : record_of(h, &h->subjects[found], size, arena, out);
	must(pthread_rwlock_unlock(&h->lock) == 0);
	arena_release(&scratch);
	return rc;
}

enum rc
history_list(struct history *h, struct bytes domain, uint64_t size, struct arena *arena,
    struct history_record **out, size_t *count)
{
	enum rc rc = RC_OK;

	must(h && arena && out && count);
	*count = 0;
	must(pthread_rwlock_rdlock(&h->lock) == 0);
	*out = arena_alloc(arena, h->subject_count * sizeof(**out));
	if (!*out)
		rc = RC_NO_MEMORY;
	for (uint32_t i = 0; i < h->subject_count && rc == RC_OK; i++) {
		const struct subject *s = &h->subjects[i];

		if (domain.n > 0 && !bytes_eq(domain, s->domain))
			continue;
		rc = record_of(h, s, size, arena, &(*out)[*count]);
		if (rc == RC_OK)
			++*count;
		else if (rc == RC_NOT_FOUND)
			rc = RC_OK;
	}
	must(pthread_rwlock_unlock(&h->lock) == 0);
	return rc;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

enum rc
history_events(struct history *h, const struct hash *id, uint64_t size, struct arena *arena,
    uint64_t **out, size_t *count)
{
	uint64_t *list = NULL;
	size_t n = 0;

	must(h && id && arena && out && count);
	must(pthread_rwlock_rdlock(&h->lock) == 0);
	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1 && !(list = arena_alloc(arena, n * sizeof(*list))))
			break;
		n = 0;
		for (uint32_t i = find(h, id); i != NONE; i = h->subjects[i].next_same_id)
			for (uint32_t k = h->subjects[i].first;
			     k != NONE && h->events[k].index < size; k = h->events[k].next) {
				if (list)
					list[n] = h->events[k].index;
				n++;
			}
	}
	must(pthread_rwlock_unlock(&h->lock) == 0);
	if (!list)
		return RC_NO_MEMORY;
	/* Several domains may know one id. */
	if (n > 1)
		qsort(list, n, sizeof(*list), by_number);
	*out = list;
	*count = n;
	return RC_OK;
}

enum rc
history_states(struct history *h, struct arena *arena, struct history_state **out, size_t *count)
{
	enum rc rc = RC_OK;

	must(h && arena && out && count);
	must(pthread_rwlock_rdlock(&h->lock) == 0);
	*count = h->subject_count;
	if (!(*out = arena_zalloc(arena, *count * sizeof(**out))))
		rc = RC_NO_MEMORY;
	for (size_t i = 0; i < h->subject_count && rc == RC_OK; i++) {
		const struct subject *s = &h->subjects[i];
		struct history_state *o = &(*out)[i];

		o->domain = s->domain;
		o->id = s->id;
		o->subject = s->now.subject;
		o->enrolled = s->now.enrolled;
		o->revoked = s->now.revoked;
		if (s->now.described)
			o->described = bytes_of(
			    h->events[s->now.describes].raw, h->events[s->now.describes].size);
		if (s->now.revoked)
			o->revoking =
			    bytes_of(h->events[s->now.revokes].raw, h->events[s->now.revokes].size);
	}
	must(pthread_rwlock_unlock(&h->lock) == 0);
	return rc;
}

/* ---- a record ---- */

static enum rc
event_at(const struct history *h, uint32_t i, struct arena *arena, struct trust_event *out)
{
	enum rc rc = event_read(bytes_of(h->events[i].raw, h->events[i].size), arena, out, NULL);

	must(rc == RC_OK || rc == RC_NO_MEMORY); /* it was read when it was applied */
	return rc;
}

static enum rc
replay(const struct history *h, const struct subject *s, uint64_t size, struct arena *arena,
    struct state *out)
{
	struct trust_event e;
	enum rc rc;

	*out = state_zero;
	if (h->events[s->last].index < size) {
		*out = s->now;
		return RC_OK;
	}
	for (uint32_t i = s->first; i != NONE && h->events[i].index < size; i = h->events[i].next) {
		if ((rc = event_at(h, i, arena, &e)) != RC_OK)
			return rc;
		step(out, i, &e);
	}
	return out->newest == NONE ? RC_NOT_FOUND : RC_OK;
}

static enum rc
record_of(const struct history *h, const struct subject *s, uint64_t size, struct arena *arena,
    struct history_record *out)
{
	struct trust_event e;
	struct state state;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->enrolled_index = out->first_enrolled_index = HISTORY_NONE;
	out->withdrawn_index = out->revoked_index = HISTORY_NONE;
	if ((rc = replay(h, s, size, arena, &state)) != RC_OK)
		return rc;
	out->subject = state.subject;
	out->id = s->id;
	out->domain = s->domain;
	out->changed_index = h->events[state.newest].index;
	if ((rc = event_at(h, state.newest, arena, &e)) != RC_OK)
		return rc;
	out->by = e.by;
	out->kid = e.kid;
	if (state.described) {
		if ((rc = event_at(h, state.describes, arena, &e)) != RC_OK)
			return rc;
		out->kid = e.kid;
		out->use = e.use;
		out->source = e.source;
		out->issuers = e.issuers;
		out->issuer_count = e.issuer_count;
		out->material = e.material;
		out->enrolled_index = h->events[state.enrols].index;
		out->enrolled_at_ms = h->events[state.enrols].at_ms;
		out->first_enrolled_index = h->events[state.first_enrols].index;
	}
	if (state.withdraws != NONE) {
		out->withdrawn = true;
		out->withdrawn_index = h->events[state.withdraws].index;
		out->withdrawn_at_ms = h->events[state.withdraws].at_ms;
	}
	if (state.revoked) {
		if ((rc = event_at(h, state.revokes, arena, &e)) != RC_OK)
			return rc;
		out->revoked = true;
		out->revoked_index = h->events[state.revokes].index;
		out->revoked_at_ms = h->events[state.revokes].at_ms;
		out->revoked_since = state.since;
		out->reason = e.reason;
	}
	return RC_OK;
}

/* ---- the table ---- */

/* An id is a SHA-256: its first bytes are as good a hash as any.  Ids come from the operator's
 * files alone. */
static uint64_t
slot_of(const struct hash *id)
{
	return get_u64(id->b);
}

static uint32_t
find(const struct history *h, const struct hash *id)
{
	for (uint64_t at = slot_of(id); h->slot_count; at++) {
		uint32_t i = h->slots[at & (h->slot_count - 1)];

		if (i == 0)
			break;
		if (hash_eq(&h->subjects[i - 1].id, id))
			return i - 1;
	}
	return NONE;
}

static uint32_t
find_in(const struct history *h, struct bytes domain, const struct hash *id)
{
	uint32_t i = find(h, id);

	while (i != NONE && !bytes_eq(h->subjects[i].domain, domain))
		i = h->subjects[i].next_same_id;
	return i;
}

static void
put(uint32_t *slots, size_t slot_count, const struct hash *id, uint32_t i)
{
	uint64_t at = slot_of(id);

	while (slots[at & (slot_count - 1)])
		at++;
	slots[at & (slot_count - 1)] = i + 1;
}

static bool
grow(void **array, size_t *room, size_t count, size_t size)
{
	size_t want = *room ? *room * 2 : 64;
	void *p;

	if (count < *room)
		return true;
	if (want >= NONE / 2 || !(p = realloc(*array, want * size)))
		return false;
	*array = p;
	*room = want;
	return true;
}

/* Room for one event and one subject more. */
static enum rc
reserve(struct history *h)
{
	size_t want = h->slot_count ? h->slot_count * 2 : 128;
	uint32_t *slots;

	if (!grow((void **)&h->events, &h->event_room, h->event_count, sizeof(*h->events)) ||
	    !grow((void **)&h->subjects, &h->subject_room, h->subject_count, sizeof(*h->subjects)))
		return RC_NO_MEMORY;
	if ((h->subject_count + 1) * 2 <= h->slot_count)
		return RC_OK;
	if (!(slots = calloc(want, sizeof(*slots))))
		return RC_NO_MEMORY;
	/* Only the first subject of an id has a slot. */
	for (size_t i = 0; i < h->slot_count; i++)
		if (h->slots[i])
			put(slots, want, &h->subjects[h->slots[i] - 1].id, h->slots[i] - 1);
	free(h->slots);
	h->slots = slots;
	h->slot_count = want;
	return RC_OK;
}

static uint32_t
add_subject(struct history *h, struct bytes domain, const struct hash *id)
{
	uint32_t i = (uint32_t)h->subject_count++, first = find(h, id);

	h->subjects[i] = (struct subject){*id, domain, NONE, NONE, NONE, state_zero, NULL, 0};
	if (first == NONE) {
		put(h->slots, h->slot_count, id, i);
		return i;
	}
	while (h->subjects[first].next_same_id != NONE)
		first = h->subjects[first].next_same_id;
	h->subjects[first].next_same_id = i;
	return i;
}
