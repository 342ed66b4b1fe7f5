/*
 * diff.c - which key entries are owed?  What the trust folder says, less what the log knows.
 *
 * Both sides are lists of (trust domain, id), sorted and merged like two decks of cards:
 *
 *   folder only   enrolled (and revoked, if the folder says so)
 *   both          changed, where kid, issuers, use, source or sequence differ; revoked; reinstated
 *   log only      withdrawn, if it was enrolled; reinstated, if it was revoked
 *
 * The folder may name one key in several files and under several kids; to the history it is one
 * subject: first kid and source in byte order, all issuers.
 *
 * The same snapshot and history give the same events, byte for byte, and after these were applied
 * there are none: a test says so, and the keeper relies on it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "trust/history_own.h"
#include "trust/snapshot.h"

#define MEMORY_MAX ((size_t)1 << 30)

/* What the folder says about one subject. */
struct wish {
	struct bytes domain;
	struct hash id;
	const struct trust_event *enrol;  /* NULL: not there */
	const struct trust_event *revoke; /* NULL: not revoked */
};

struct work {
	struct arena arena; /* ours; gone at the end */
	struct trust_event *facts;
	size_t fact_count;
	struct wish *wishes;
	size_t wish_count;
	struct history_state *states;
	size_t state_count;
	struct bytes by;
	struct trust_event *events; /* owed */
	size_t event_count;
};

static enum rc gather(struct work *w, const struct trust_snapshot *s, struct history *h);
static enum rc check_sequences(struct work *w, struct why *why);
static enum rc merge(struct work *w);
static enum rc compare(struct work *w, const struct wish *wish, const struct history_state *state);
static enum rc write_all(struct work *w, struct arena *arena, struct bytes **events, size_t *count);

enum rc
trust_diff(const struct trust_snapshot *s, struct history *h, struct bytes by, struct arena *arena,
    struct bytes **events, size_t *count, struct why *why)
{
	struct work w = {.by = by};
	enum rc rc;

	must(s && h && arena && events && count);
	*events = NULL;
	*count = 0;
	arena_init(&w.arena, MEMORY_MAX);
	if ((rc = gather(&w, s, h)) != RC_OK)
		goto out;
	if ((rc = check_sequences(&w, why)) != RC_OK)
		goto out;
	if ((rc = merge(&w)) != RC_OK)
		goto out;
	rc = write_all(&w, arena, events, count);
out:
	arena_release(&w.arena);
	if (rc == RC_NO_MEMORY)
		why_set(why, rc, "memory", NULL, 0, "no memory to compare folder and history");
	return rc;
}

/* ---- two sorted lists ---- */

static int
compare_key(struct bytes domain, const struct hash *id, struct bytes other, const struct hash *with)
{
	int c = bytes_cmp(domain, other);

	return c != 0 ? c : memcmp(id->b, with->b, HASH_SIZE);
}

static int
by_fact(const void *a, const void *b)
{
	const struct trust_event *x = a, *y = b;
	int c = compare_key(x->domain, &x->id, y->domain, &y->id);

	if (c == 0)
		c = (x->action > y->action) - (x->action < y->action);
	/* A key that has a name in one file and none in another has a name. */
	if (c == 0)
		c = (x->kid.n == 0) - (y->kid.n == 0);
	if (c == 0)
		c = bytes_cmp(x->kid, y->kid);
	return c != 0 ? c : bytes_cmp(x->source, y->source);
}

static int
by_state(const void *a, const void *b)
{
	const struct history_state *x = a, *y = b;

	return compare_key(x->domain, &x->id, y->domain, &y->id);
}

static int
by_text(const void *a, const void *b)
{
	return bytes_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* All issuers of facts[from..to), sorted, each once, into the first. */
static enum rc
join_issuers(struct work *w, size_t from, size_t to)
{
	struct bytes *all;
	size_t n = 0, kept = 0;

	for (size_t i = from; i < to; i++)
		n += w->facts[i].issuer_count;
	if (!(all = arena_alloc(&w->arena, n * sizeof(*all))))
		return RC_NO_MEMORY;
	n = 0;
	for (size_t i = from; i < to; i++)
		for (size_t k = 0; k < w->facts[i].issuer_count; k++)
			all[n++] = w->facts[i].issuers[k];
	if (n > 1)
		qsort(all, n, sizeof(*all), by_text);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !bytes_eq(all[kept - 1], all[i]))
			all[kept++] = all[i];
	w->facts[from].issuers = all;
	w->facts[from].issuer_count = kept;
	return RC_OK;
}

/* Facts of one subject and action stand together; the first speaks for them. */
static enum rc
make_wishes(struct work *w)
{
	size_t i = 0, end;
	enum rc rc;

	if (!(w->wishes = arena_alloc(&w->arena, w->fact_count * sizeof(*w->wishes))))
		return RC_NO_MEMORY;
	for (; i < w->fact_count; i = end) {
		const struct trust_event *f = &w->facts[i];
		struct wish *wish = w->wish_count > 0 ? &w->wishes[w->wish_count - 1] : NULL;

		for (end = i + 1;
		     end < w->fact_count && w->facts[end].action == f->action &&
		     compare_key(f->domain, &f->id, w->facts[end].domain, &w->facts[end].id) == 0;)
			end++;
		if (!wish || compare_key(wish->domain, &wish->id, f->domain, &f->id) != 0) {
			wish = &w->wishes[w->wish_count++];
			*wish = (struct wish){f->domain, f->id, NULL, NULL};
		}
		if (f->action == EVENT_REVOKE) {
			wish->revoke = f;
			continue;
		}
		if ((rc = join_issuers(w, i, end)) != RC_OK)
			return rc;
		wish->enrol = f;
	}
	return RC_OK;
}

static enum rc
gather(struct work *w, const struct trust_snapshot *s, struct history *h)
{
	enum rc rc;

	if ((rc = snapshot_facts(s, &w->arena, &w->facts, &w->fact_count)) != RC_OK)
		return rc;
	if (w->fact_count > 1)
		qsort(w->facts, w->fact_count, sizeof(*w->facts), by_fact);
	if ((rc = make_wishes(w)) != RC_OK)
		return rc;
	if ((rc = history_states(h, &w->arena, &w->states, &w->state_count)) != RC_OK)
		return rc;
	if (w->state_count > 1)
		qsort(w->states, w->state_count, sizeof(*w->states), by_state);
	/* At most two events for a subject. */
	w->events =
	    arena_alloc(&w->arena, 2 * (w->wish_count + w->state_count) * sizeof(*w->events));
	return w->events ? RC_OK : RC_NO_MEMORY;
}

/* ---- sequences of bundles ---- */

static size_t
first_of_domain(const struct work *w, struct bytes domain)
{
	size_t low = 0, high = w->state_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bytes_cmp(w->states[middle].domain, domain) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * A bundle with a lower spiffe_sequence than the domain's highest is an old one: somebody plays keys
 * back that were taken out.  One without a sequence after one with it could hide just that.
 */
static enum rc
check_sequence(
    struct work *w, const struct trust_event *f, const struct history_state *seen, struct why *why)
{
	struct trust_event e;
	enum rc rc;

	if (seen->subject != EVENT_BUNDLE || seen->described.n == 0)
		return RC_OK;
	if ((rc = event_read(seen->described, &w->arena, &e, why)) != RC_OK)
		return rc;
	if (!e.has_sequence || (f->has_sequence && f->sequence >= e.sequence))
		return RC_OK;
	return why_set(why, RC_BAD_KEY, "SPIFFE bundle (spiffe_sequence)", "spiffe_sequence", 0,
	    "the bundle of %.*s went back: %llu was seen",
	    (int)(f->domain.n < 64 ? f->domain.n : 64), (const char *)f->domain.p,
	    (unsigned long long)e.sequence);
}

static enum rc
check_sequences(struct work *w, struct why *why)
{
	for (size_t i = 0; i < w->fact_count; i++) {
		const struct trust_event *f = &w->facts[i];
		enum rc rc;

		if (f->subject != EVENT_BUNDLE || f->action != EVENT_ENROLL)
			continue;
		for (size_t k = first_of_domain(w, f->domain);
		     k < w->state_count && bytes_eq(w->states[k].domain, f->domain); k++)
			if ((rc = check_sequence(w, f, &w->states[k], why)) != RC_OK)
				return rc;
	}
	return RC_OK;
}

/* ---- the comparison ---- */

static enum rc
merge(struct work *w)
{
	size_t i = 0, k = 0;
	enum rc rc = RC_OK;

	while ((i < w->wish_count || k < w->state_count) && rc == RC_OK) {
		const struct wish *wish = i < w->wish_count ? &w->wishes[i] : NULL;
		const struct history_state *state = k < w->state_count ? &w->states[k] : NULL;
		int c = !wish	 ? 1
			: !state ? -1
				 : compare_key(wish->domain, &wish->id, state->domain, &state->id);

		i += c <= 0;
		k += c >= 0;
		rc = compare(w, c <= 0 ? wish : NULL, c >= 0 ? state : NULL);
	}
	return rc;
}

static bool
same_description(const struct trust_event *a, const struct trust_event *b)
{
	if (!bytes_eq(a->kid, b->kid) || !bytes_eq(a->use, b->use) ||
	    !bytes_eq(a->source, b->source) || a->has_sequence != b->has_sequence ||
	    a->sequence != b->sequence || a->issuer_count != b->issuer_count ||
	    !bytes_eq(a->reason, b->reason))
		return false;
	for (size_t i = 0; i < a->issuer_count; i++)
		if (!bytes_eq(a->issuers[i], b->issuers[i]))
			return false;
	return true;
}

static struct trust_event *
owe(struct work *w, enum event_action action, enum event_subject subject, struct bytes domain,
    const struct hash *id, struct bytes kid)
{
	struct trust_event *e = &w->events[w->event_count++];

	*e = (struct trust_event){.action = action,
	    .subject = subject,
	    .domain = domain,
	    .id = *id,
	    .kid = kid,
	    .by = w->by};
	return e;
}

static void
owe_enrolment(struct work *w, enum event_action action, const struct trust_event *f)
{
	struct trust_event *e = &w->events[w->event_count++];

	*e = *f;
	e->action = action;
	e->by = w->by;
}

static enum rc
compare(struct work *w, const struct wish *wish, const struct history_state *state)
{
	const struct trust_event *enrol = wish ? wish->enrol : NULL;
	const struct trust_event *revoke = wish ? wish->revoke : NULL;
	struct trust_event old = {0}, revoked = {0}, *e;
	enum event_subject subject;
	struct bytes domain = wish ? wish->domain : state->domain;
	const struct hash *id = wish ? &wish->id : &state->id;
	struct bytes kid;
	enum rc rc;

	if (state && state->described.n > 0 &&
	    (rc = event_read(state->described, &w->arena, &old, NULL)) != RC_OK)
		return rc;
	if (state && state->revoking.n > 0 &&
	    (rc = event_read(state->revoking, &w->arena, &revoked, NULL)) != RC_OK)
		return rc;
	subject = enrol ? enrol->subject : state ? state->subject : revoke->subject;
	kid = enrol ? enrol->kid : old.kid;
	if (enrol && !(state && state->enrolled))
		owe_enrolment(w, EVENT_ENROLL, enrol);
	else if (enrol && !same_description(enrol, &old))
		owe_enrolment(w, EVENT_CHANGE, enrol);
	else if (!enrol && state && state->enrolled)
		owe(w, EVENT_WITHDRAW, subject, domain, id, kid);
	if (revoke && !(state && state->revoked && revoked.since == revoke->since &&
			  bytes_eq(revoked.reason, revoke->reason))) {
		e = owe(w, EVENT_REVOKE, subject, domain, id, kid);
		e->has_since = true;
		e->since = revoke->since;
		e->reason = revoke->reason;
		if (revoke->by.n > 0)
			e->by = revoke->by;
	} else if (!revoke && state && state->revoked) {
		owe(w, EVENT_REINSTATE, subject, domain, id, kid);
	}
	return RC_OK;
}

/* ---- the answer ---- */

static int
by_event(const void *a, const void *b)
{
	const struct trust_event *x = a, *y = b;
	int c = bytes_cmp(x->domain, y->domain);

	if (c == 0)
		c = (x->subject > y->subject) - (x->subject < y->subject);
	if (c == 0)
		c = memcmp(x->id.b, y->id.b, HASH_SIZE);
	return c != 0 ? c : (x->action > y->action) - (x->action < y->action);
}

static enum rc
write_all(struct work *w, struct arena *arena, struct bytes **events, size_t *count)
{
	struct bytes *list = arena_alloc(arena, w->event_count * sizeof(*list));
	enum rc rc;

	if (!list)
		return RC_NO_MEMORY;
	if (w->event_count > 1)
		qsort(w->events, w->event_count, sizeof(*w->events), by_event);
	for (size_t i = 0; i < w->event_count; i++)
		if ((rc = event_write(&w->events[i], arena, &list[i])) != RC_OK)
			return rc;
	*events = list;
	*count = w->event_count;
	return RC_OK;
}
