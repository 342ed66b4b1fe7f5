/*
 * approvals.c - a page of requests, guarded tasks and decisions that decide nothing, newest first.
 *
 * Entries are looked at from newer to older: along the workflow, along the kinds' chains when only
 * requests are asked for, else row by row, because what is guarded has no chain.  An entry is in the
 * answer whole or not at all: the budget is looked at between entries, and an entry that ran out of
 * time is the first of the next page.
 */
#include "answer/approvals.h"

#include <string.h>

#include "answer/approvals_own.h"
#include "base/must.h"

#define SCRATCH_MAX ((size_t)1 << 30)
#define RECORD_MAX  ((size_t)4 << 20)
#define ROWS_STRIDE 4096 /* rows between two looks at the budget */

const char *
approval_state_text(enum approval_state state)
{
	static const char *const text[] = {"requested", "escalated", "approved", "denied",
	    "expired", "withdrawn", "revoked", "consumed", "notified"};

	must((unsigned)state < APPROVAL_STATES);
	return text[state];
}

const char *
guarded_state_text(enum guarded_state state)
{
	static const char *const text[] = {
	    "guarded_ok", "proceeded", "approval_missing", "approval_void"};

	must((unsigned)state < GUARDED_STATES);
	return text[state];
}

const char *
approval_flag_text(unsigned bit)
{
	static const char *const text[] = {
#define FLAG(id, name, voids) name,
	    APPROVAL_FLAGS(FLAG)
#undef FLAG
	};

	must(bit < APPROVAL_FLAG_BITS);
	return text[bit];
}

const char *
decision_text(unsigned code)
{
	static const char *const text[] = {
	    "", "approved", "denied", "escalated", "withdrawn", "revoked"};

	must(code <= DECISION_REVOKED);
	return text[code];
}

const char *
policy_timeout_text(enum policy_timeout timeout)
{
	static const char *const text[] = {"abort", "abort", "escalate", "proceed"};

	must((unsigned)timeout <= TIMEOUT_PROCEED);
	return text[timeout];
}

/* ---- the page ---- */

/* Growing arrays of the answer's items. */
struct page {
	struct approval_request *requests;
	struct approval_guarded *guarded;
	struct approval_decision *strays;
	size_t requests_room, guarded_room, strays_room;
	struct index_list rests_on;
	struct approvals_answer *out;
};

/* Room for one more item. */
static bool
grow(void *items, size_t size, size_t count, size_t *room, struct arena *arena)
{
	void **list = items, *p;
	size_t want = *room == 0 ? 16 : *room * 2;

	if (count < *room)
		return true;
	if ((p = arena_alloc(arena, want * size)) == NULL)
		return false;
	if (count > 0)
		memcpy(p, *list, count * size);
	*list = p;
	*room = want;
	return true;
}

static bool
rest_on(struct page *p, uint32_t index, struct arena *arena)
{
	return index == FACTS_NONE || indexes_add(&p->rests_on, index, arena);
}

/* What outlives the scratch memory. */
static bool
copy_request(const struct approval_life *l, struct approval_request *r, struct arena *arena)
{
	size_t n = l->r.decision_count;
	struct approval_decision *list;

	*r = l->r;
	r->decision_count = n > APPROVAL_LISTED_MAX ? APPROVAL_LISTED_MAX : n;
	if ((list = arena_alloc(arena, (n + 1) * sizeof(*list))) == NULL)
		return false;
	if (r->decision_count > 0)
		memcpy(list, l->r.decisions, r->decision_count * sizeof(*list));
	r->decisions = list;
	return arena_dup(arena, l->r.rule, &r->rule) && arena_dup(arena, l->r.role, &r->role);
}

static bool
emit_request(struct approvals *a, struct page *p, uint32_t index)
{
	struct arena *arena = a->meter.budget->arena;
	const struct approval_life *l = approval_life(a, index);
	struct approval_request *r;

	if (l == NULL)
		return false;
	if (a->q->states != 0 && (a->q->states >> l->r.state & 1) == 0)
		return true;
	if (!grow(&p->requests, sizeof(*r), p->out->request_count, &p->requests_room, arena))
		goto out;
	r = &p->requests[p->out->request_count];
	if (!copy_request(l, r, arena) || !rest_on(p, index, arena) ||
	    !rest_on(p, r->approval, arena) || !rest_on(p, l->revoked, arena))
		goto out;
	for (size_t i = 0; i < r->decision_count; i++)
		if (!rest_on(p, r->decisions[i].index, arena))
			goto out;
	for (size_t i = 0; i < r->used && i < APPROVAL_LISTED_MAX; i++)
		if (!rest_on(p, l->uses.p[i], arena))
			goto out;
	p->out->request_count++;
	return true;
out:
	a->meter.no_memory = true;
	return false;
}

static bool
emit_guarded(struct approvals *a, struct page *p, uint32_t index)
{
	struct arena *arena = a->meter.budget->arena;
	struct approval_guarded g;

	if (!approval_guarded(a, index, &g))
		return false;
	if (a->q->guarded != 0 && (a->q->guarded >> g.state & 1) == 0)
		return true;
	if (!grow(&p->guarded, sizeof(g), p->out->guarded_count, &p->guarded_room, arena) ||
	    !rest_on(p, index, arena) || !rest_on(p, g.request, arena) ||
	    !rest_on(p, g.decision, arena)) {
		a->meter.no_memory = true;
		return false;
	}
	p->guarded[p->out->guarded_count++] = g;
	return true;
}

static bool
emit_stray(struct approvals *a, struct page *p, uint32_t index)
{
	struct arena *arena = a->meter.budget->arena;
	const struct fact *t = fact(a->v, index);
	bool several;

	if (approval_request_of(a, index, &several) != FACTS_NONE)
		return true;
	if (!grow(&p->strays, sizeof(*p->strays), p->out->stray_count, &p->strays_room, arena) ||
	    !rest_on(p, index, arena)) {
		a->meter.no_memory = true;
		return false;
	}
	p->strays[p->out->stray_count++] = (struct approval_decision){.index = index,
	    .code = t->code,
	    .flags = APPROVAL_NOT_ON_REQUEST | (t->flags & FACT_BREACH ? APPROVAL_KIND_BREACH : 0) |
		     (t->code == 0 ? APPROVAL_UNKNOWN_DECISION : 0)};
	return true;
}

static bool
wants_strays(const struct approvals_question *q)
{
	return q->states == 0 && q->guarded == 0 && !q->no_requests;
}

/* False: no memory or no time; nothing of the entry is in the answer. */
static bool
look_at(struct approvals *a, struct page *p, uint32_t index)
{
	const struct fact *t = fact(a->v, index);

	if (!fact_is_task(t))
		return true;
	if (t->kind == KIND_HITL_REQUEST)
		return a->q->no_requests || emit_request(a, p, index);
	if (t->kind == KIND_HITL_DECISION)
		return !wants_strays(a->q) || emit_stray(a, p, index);
	return t->guard == 0 || a->q->no_guarded || emit_guarded(a, p, index);
}

/* ---- from newer to older ---- */

struct walk {
	uint32_t request, decision; /* the next of their kinds */
	uint32_t at;
};

static uint32_t
chain_below(const struct facts_view *v, enum kind_id kind, uint32_t below)
{
	uint32_t at = facts_kind_last(v, kind);

	if (below > 0 && below <= v->size && fact_is_task(fact(v, below - 1)) &&
	    fact(v, below - 1)->kind == kind)
		return below - 1; /* where the page before ended */
	while (at != FACTS_NONE && at >= below)
		at = facts_kind_before(v, at);
	return at;
}

/* How the entries are found: by workflow, by kind, or all of them. */
static bool
by_kind(const struct approvals_question *q)
{
	return !q->in_workflow && q->no_guarded;
}

static uint32_t
newer(uint32_t a, uint32_t b)
{
	if (a == FACTS_NONE || b == FACTS_NONE)
		return a == FACTS_NONE ? b : a;
	return a > b ? a : b;
}

static uint32_t
walk_begin(const struct approvals *a, struct walk *w)
{
	uint32_t below = a->q->below == 0 || a->q->below > a->v->size ? a->v->size : a->q->below;

	if (a->q->in_workflow) {
		const struct fact *t = below > 0 ? fact(a->v, below - 1) : NULL;

		w->at = facts_workflow_last(a->v, a->q->wid);
		if (t != NULL && fact_is_task(t) && t->wid == a->q->wid)
			w->at = below - 1; /* where the page before ended */
		while (w->at != FACTS_NONE && w->at >= below)
			w->at = fact(a->v, w->at)->in_workflow;
	} else if (by_kind(a->q)) {
		w->request = chain_below(a->v, KIND_HITL_REQUEST, below);
		w->decision =
		    wants_strays(a->q) ? chain_below(a->v, KIND_HITL_DECISION, below) : FACTS_NONE;
		w->at = newer(w->request, w->decision);
	} else {
		w->at = below > 0 ? below - 1 : FACTS_NONE;
	}
	return w->at;
}

static uint32_t
walk_next(const struct approvals *a, struct walk *w)
{
	if (a->q->in_workflow) {
		w->at = fact(a->v, w->at)->in_workflow;
	} else if (by_kind(a->q)) {
		if (w->at == w->request)
			w->request = facts_kind_before(a->v, w->at);
		else
			w->decision = facts_kind_before(a->v, w->at);
		w->at = newer(w->request, w->decision);
	} else {
		w->at = w->at > 0 ? w->at - 1 : FACTS_NONE;
	}
	return w->at;
}

static bool
page_full(const struct approvals *a, const struct page *p)
{
	size_t n = p->out->request_count + p->out->guarded_count + p->out->stray_count;

	return (a->q->limit != 0 && (n >= a->q->limit || p->rests_on.n >= OVERSIGHT_RESTS_MAX)) ||
	       a->meter.nodes >= a->meter.budget->nodes_max;
}

static enum rc
walk(struct approvals *a, struct page *p, struct why *why)
{
	struct walk w = {FACTS_NONE, FACTS_NONE, FACTS_NONE};
	size_t looked = 0;

	for (uint32_t at = walk_begin(a, &w); at != FACTS_NONE; at = walk_next(a, &w)) {
		bool stop = looked > 0 && (page_full(a, p) || (looked % ROWS_STRIDE == 0 &&
								  budget_late(a->meter.budget)));

		if (!stop && look_at(a, p, at)) {
			looked++;
			continue;
		}
		if (a->meter.no_memory)
			return why_set(why, RC_NO_MEMORY, "query_bytes_max", NULL, 0,
			    "the answer is too large: ask with a smaller limit");
		if (looked == 0)
			return why_set(why, RC_TOO_LARGE, "query_ms_max", NULL, 0,
			    "what rests on one request takes longer than a question may");
		p->out->complete = false;
		p->out->next = at + 1;
		return RC_OK;
	}
	p->out->complete = true;
	return RC_OK;
}

enum rc
answer_approvals(const struct facts_view *v, const struct approvals_question *q,
    const struct budget *budget, struct approvals_answer *out, struct why *why)
{
	struct approvals a = {.v = v, .q = q, .meter = {.budget = budget}};
	struct page p = {.out = out};
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->tree_size = v->size;
	arena_init(&a.scratch, SCRATCH_MAX);
	arena_init(&a.record, RECORD_MAX);
	if ((rc = walk(&a, &p, why)) == RC_OK) {
		index_sort(&p.rests_on);
		out->requests = p.requests;
		out->guarded = p.guarded;
		out->strays = p.strays;
		out->rests_on = p.rests_on.p;
		out->rests_on_count = p.rests_on.n;
	}
	arena_release(&a.scratch);
	arena_release(&a.record);
	return rc;
}
