/*
 * lifecycle.c - events read once, gathered by agent, then replayed in index order.
 *
 * An agent's life: active -> draining -> active (a version ends a drain) ... -> retiring -> retired.
 * Retired is final.  Time is the ledger's own: the receive time of the view's newest entry.
 *
 * Invariant: events of one subject stand together, ascending by index, because they are sorted by
 * (subject, index).
 */
#include "answer/lifecycle.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define SCRATCH_MAX ((size_t)1 << 20)
#define LATE_EVERY  64

const char *
lifecycle_state_text(enum lifecycle_state state)
{
	static const char *const text[] = {
	    NULL, "active", "draining", "retiring", "sunset", "retired"};

	must(state >= LIFE_ACTIVE && state <= LIFE_RETIRED);
	return text[state];
}

const char *
lifecycle_flag_text(enum lifecycle_flag_place place)
{
	static const char *const text[] = {
#define X(id, name) name,
	    LIFE_FLAGS(X)
#undef X
	};

	must(place < LIFE_FLAG_COUNT);
	return text[place];
}

/* ---- one event ---- */

struct reading {
	const struct facts_view *v;
	struct arena *arena;   /* of the answer */
	struct arena *scratch; /* of one event's extension */
	uint32_t index;
	const struct json_node *ext;
	const struct kind *kind;
	struct lifecycle_event *e;
};

static const struct json_node *
key(const struct reading *r, const char *name)
{
	return kind_ext(r->kind, r->ext, name);
}

/* A text for the answer; empty when there is none that can be used.  False: no memory. */
static bool
take_text(struct reading *r, const struct json_node *n, struct bytes *out)
{
	*out = BYTES_NONE;
	return n == NULL || n->type != JSN_STRING || n->text.n == 0 ||
	       arena_dup(r->arena, n->text, out);
}

static bool
take_subject(struct reading *r, const struct fact *t)
{
	const struct json_node *n = key(r, "subject");

	if (!take_text(r, n, &r->e->subject))
		return false;
	if (n != NULL && r->e->subject.n == 0)
		r->e->flags |= LIFE_BAD_SUBJECT;
	if (r->e->subject.n == 0)
		r->e->subject = facts_name(r->v, FACTS_ISS, t->iss);
	return true;
}

static bool
take_keys(struct reading *r)
{
	const struct json_node *successor = key(r, "successor"), *sunset = key(r, "sunset");
	uint64_t at;

	if (!take_text(r, key(r, "version"), &r->e->version) ||
	    !take_text(r, successor, &r->e->successor))
		return false;
	if (successor != NULL &&
	    (r->e->successor.n == 0 || bytes_eq(r->e->successor, r->e->subject))) {
		r->e->successor = BYTES_NONE;
		r->e->flags |= LIFE_BAD_SUCCESSOR;
	}
	if (sunset != NULL && json_uint(sunset, &at)) {
		r->e->has_sunset = true;
		r->e->sunset = (int64_t)at;
	} else if (sunset != NULL) {
		r->e->flags |= LIFE_BAD_SUNSET;
	}
	return true;
}

/* The agent itself, or who holds the role of an operator or a human where the event stands. */
static bool
may_say(const struct reading *r, const struct fact *t)
{
	struct bytes iss = facts_name(r->v, FACTS_ISS, t->iss);
	const struct policy_doc *doc = fact_doc(r->v, r->index);

	return bytes_eq(iss, r->e->subject) || policy_holds(doc, "operator", iss) ||
	       policy_holds(doc, "human", iss);
}

static bool
read_event(struct reading *r)
{
	const struct fact *t = fact(r->v, r->index);

	arena_reset(r->scratch);
	*r->e = (struct lifecycle_event){.index = r->index, .code = (enum lifecycle_code)t->code};
	r->kind = fact_kind(r->v, r->index);
	r->ext = fact_ext(r->v, t, r->scratch);
	if (t->code == 0)
		r->e->flags |= LIFE_NO_EVENT;
	if (!take_subject(r, t) || !take_keys(r))
		return false;
	if (!may_say(r, t))
		r->e->flags |= LIFE_NOT_AUTHORIZED;
	return true;
}

/* ---- replay ---- */

static uint64_t
sunset_ms(int64_t sunset)
{
	return (uint64_t)sunset * 1000; /* below 2^53 seconds: fits */
}

static void
apply(struct lifecycle_agent *a, struct lifecycle_event *e, uint64_t received_ms)
{
	if (a->retire != FACTS_NONE && received_ms >= a->retires_at_ms)
		e->flags |= LIFE_AFTER_RETIREMENT;
	if (e->flags & LIFE_VOID)
		return;
	if (e->code == LIFECYCLE_VERSION) {
		a->version = e->version;
		a->drain = FACTS_NONE;
		a->draining_since_ms = 0;
		if (a->retire == FACTS_NONE) {
			a->has_sunset = false;
			a->sunset = 0;
		}
	} else if (e->code == LIFECYCLE_DRAIN && a->drain == FACTS_NONE) {
		a->drain = e->index;
		a->draining_since_ms = received_ms;
	} else if (e->code == LIFECYCLE_RETIRE) {
		a->retire = e->index;
		a->retires_at_ms = received_ms;
		if (e->has_sunset && sunset_ms(e->sunset) > received_ms)
			a->retires_at_ms = sunset_ms(e->sunset);
	}
	if (e->has_sunset) {
		a->has_sunset = true;
		a->sunset = e->sunset;
	}
	if (e->successor.n > 0)
		a->successor = e->successor;
}

static enum lifecycle_state
state_of(const struct lifecycle_agent *a, uint64_t now_ms)
{
	if (a->retire != FACTS_NONE && now_ms >= a->retires_at_ms)
		return LIFE_RETIRED;
	if (a->has_sunset && now_ms >= sunset_ms(a->sunset))
		return LIFE_SUNSET;
	if (a->retire != FACTS_NONE)
		return LIFE_RETIRING;
	return a->drain != FACTS_NONE ? LIFE_DRAINING : LIFE_ACTIVE;
}

static int
by_subject_index(const void *a, const void *b)
{
	const struct lifecycle_event *x = a, *y = b;
	int c = bytes_cmp(x->subject, y->subject);

	return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

static void
replay(const struct facts_view *v, struct lifecycle *l, struct lifecycle_agent *agents,
    struct lifecycle_event *events, size_t count)
{
	struct lifecycle_agent *a = NULL;

	for (size_t i = 0; i < count; i++) {
		if (a == NULL || !bytes_eq(a->iss, events[i].subject)) {
			a = &agents[l->agent_count++];
			*a = (struct lifecycle_agent){.iss = events[i].subject,
			    .drain = FACTS_NONE,
			    .retire = FACTS_NONE,
			    .events = &events[i]};
		}
		a->event_count++;
		apply(a, &events[i], fact(v, events[i].index)->received_ms);
	}
	for (size_t i = 0; i < l->agent_count; i++)
		agents[i].state = state_of(&agents[i], l->now_ms);
}

/* ---- all of it ---- */

static size_t
count_events(const struct facts_view *v)
{
	size_t n = 0;
	uint32_t at = facts_kind_last(v, KIND_LIFECYCLE);

	for (; at != FACTS_NONE; at = facts_kind_before(v, at))
		n++;
	return n;
}

/* False: no memory, or (complete is false then) no budget. */
static bool
read_events(const struct facts_view *v, const struct budget *budget, struct lifecycle_event *events,
    size_t count, struct lifecycle *out)
{
	struct reading r = {.v = v, .arena = budget->arena};
	struct arena scratch;
	bool ok = true;

	arena_init(&scratch, SCRATCH_MAX);
	r.scratch = &scratch;
	r.index = facts_kind_last(v, KIND_LIFECYCLE);
	for (size_t i = 0; i < count && ok; i++) {
		if (i % LATE_EVERY == 0 && budget_late(budget)) {
			out->complete = ok = false;
			break;
		}
		r.e = &events[i];
		ok = read_event(&r);
		r.index = facts_kind_before(v, r.index);
	}
	arena_release(&scratch);
	return ok;
}

enum rc
lifecycle_read(
    const struct facts_view *v, const struct budget *budget, struct lifecycle *out, struct why *why)
{
	size_t count = count_events(v);
	struct lifecycle_event *events;
	struct lifecycle_agent *agents;

	*out = (struct lifecycle){
	    .complete = true, .now_ms = v->size == 0 ? 0 : fact(v, v->size - 1)->received_ms};
	if (count > budget->nodes_max) {
		out->complete = false;
		return RC_OK;
	}
	events = arena_alloc(budget->arena, (count + 1) * sizeof(*events));
	agents = arena_alloc(budget->arena, (count + 1) * sizeof(*agents));
	if (events == NULL || agents == NULL || !read_events(v, budget, events, count, out)) {
		if (!out->complete)
			return RC_OK;
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no room for the events");
	}
	qsort(events, count, sizeof(*events), by_subject_index);
	out->agents = agents;
	replay(v, out, agents, events, count);
	return RC_OK;
}

const struct lifecycle_agent *
lifecycle_of(const struct lifecycle *l, struct bytes iss)
{
	size_t low = 0, high = l->agent_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bytes_cmp(l->agents[middle].iss, iss) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->agent_count && bytes_eq(l->agents[low].iss, iss) ? &l->agents[low] : NULL;
}
