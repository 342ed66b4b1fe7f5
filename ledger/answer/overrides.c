/*
 * overrides.c - a page of overrides, newest first, each with its acknowledgments, its release and the
 * work that was done in spite of it.
 *
 * All overrides of the log are found first, because one may take its targets from another, and because
 * one that was given in one workflow may reach another; each is read when its turn comes.  An override
 * is in the page whole or not at all, as with approvals.
 */
#include "answer/overrides.h"

#include <string.h>

#include "answer/overrides_own.h"
#include "base/must.h"

#define SCRATCH_MAX ((size_t)1 << 30)
#define RECORD_MAX  ((size_t)4 << 20)

/* The levels as data: what family, and do they stop work? */
static const struct {
	const char *text, *family;
	bool binds;
} levels[] = {
    {"", "", false},
    [OVERRIDE_PAUSE] = {"pause", "heop", true},
    [OVERRIDE_CONSTRAIN] = {"constrain", "heop", false},
    [OVERRIDE_STOP] = {"stop", "heop", true},
    [OVERRIDE_TAKEOVER] = {"takeover", "heop", true},
    [OVERRIDE_ADVISORY] = {"advisory", "override-protocol", false},
    [OVERRIDE_MANDATORY] = {"mandatory", "override-protocol", true},
    [OVERRIDE_EMERGENCY] = {"emergency", "override-protocol", true},
};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

bool
override_binds(enum override_code level)
{
	must((unsigned)level < LEVELS);
	return levels[level].binds;
}

const char *
override_family_text(enum override_code level)
{
	must((unsigned)level < LEVELS);
	return levels[level].family;
}

const char *
override_level_text(unsigned level)
{
	must(level < LEVELS);
	return levels[level].text;
}

const char *
override_state_text(enum override_state state)
{
	static const char *const text[] = {"void", "in_force", "released"};

	must((unsigned)state < OVERRIDE_STATES);
	return text[state];
}

const char *
override_scope_text(enum override_scope scope)
{
	static const char *const text[] = {"node", "subgraph", "workflow"};

	must((unsigned)scope < SCOPES);
	return text[scope];
}

const char *
ack_state_text(enum ack_state state)
{
	static const char *const text[] = {
	    "pending", "received", "complied", "refused", "unable", "missing"};

	must((unsigned)state < ACK_STATES);
	return text[state];
}

const char *
ack_code_text(unsigned code)
{
	static const char *const text[] = {"", "received", "complied", "refused", "unable"};

	must(code <= ACK_UNABLE);
	return text[code];
}

const char *
override_flag_text(unsigned bit)
{
	static const char *const text[] = {
#define FLAG(id, name, voids) name,
	    OVERRIDE_FLAGS(FLAG)
#undef FLAG
	};

	must(bit < OVERRIDE_FLAG_BITS);
	return text[bit];
}

/* ---- one item ---- */

struct page {
	struct override_item *items;
	struct override_reply *strays;
	size_t items_room, strays_room;
	struct index_list rests_on;
	struct overrides_answer *out;
};

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

static const uint32_t *
copy_list(const struct index_list *l, struct arena *arena)
{
	uint32_t *p = arena_alloc(arena, (l->n + 1) * sizeof(*p));

	if (p != NULL && l->n > 0)
		memcpy(p, l->p, l->n * sizeof(*p));
	return p;
}

static bool
fill_breaches(struct overrides *o, const struct command *c, const struct index_list *all,
    struct override_item *item)
{
	size_t max = o->q->listed_max == 0 ? OVERRIDE_LISTED_MAX : o->q->listed_max;
	size_t n = all->n > max ? max : all->n;
	struct override_breach *list = arena_alloc(o->meter.budget->arena, (n + 1) * sizeof(*list));

	if (list == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		list[i] = (struct override_breach){.index = all->p[i],
		    .override = c->index,
		    .in_flight = fact(o->v, all->p[i])->iat * 1000 + 999 <
				 oversight_time(fact(o->v, c->index))};
	item->under_stop = list;
	item->under_stop_count = n;
	item->under_stop_all = all->n;
	return true;
}

static bool
fill(struct overrides *o, const struct command *c, const struct index_list *breaches,
    struct override_item *item)
{
	struct arena *arena = o->meter.budget->arena;

	*item = (struct override_item){.index = c->index,
	    .state = !c->effective		? OVERRIDE_VOID
		     : c->release != FACTS_NONE ? OVERRIDE_RELEASED
						: OVERRIDE_IN_FORCE,
	    .flags = c->flags,
	    .level = c->level,
	    .binding = override_binds((enum override_code)c->level),
	    .scope = c->scope,
	    .tasks = copy_list(&c->tasks, arena),
	    .task_count = c->tasks.n,
	    .agents = copy_list(&c->agents, arena),
	    .agent_count = c->agents.n,
	    .escalates = c->escalates,
	    .release = c->release,
	    .ack_deadline_ms = c->ack_by_ms};
	return item->tasks != NULL && item->agents != NULL && override_replies(o, c, item) &&
	       fill_breaches(o, c, breaches, item);
}

static bool
rest_on(struct page *p, const struct override_item *item, struct arena *arena)
{
	bool ok =
	    indexes_add(&p->rests_on, item->index, arena) &&
	    (item->escalates == FACTS_NONE || indexes_add(&p->rests_on, item->escalates, arena)) &&
	    (item->release == FACTS_NONE || indexes_add(&p->rests_on, item->release, arena));

	for (size_t i = 0; ok && i < item->task_count; i++)
		ok = indexes_add(&p->rests_on, item->tasks[i], arena);
	for (size_t i = 0; ok && i < item->reply_count; i++)
		ok = indexes_add(&p->rests_on, item->replies[i].index, arena);
	for (size_t i = 0; ok && i < item->under_stop_count; i++)
		ok = indexes_add(&p->rests_on, item->under_stop[i].index, arena);
	return ok;
}

static bool
emit(struct overrides *o, struct page *p, struct command *c)
{
	struct arena *arena = o->meter.budget->arena;
	struct override_item item;
	struct index_list breaches;
	bool elsewhere = o->q->in_workflow && fact(o->v, c->index)->wid != o->q->wid;

	if ((elsewhere || o->q->active) && !oversight_commands(o->v, c->index))
		return true; /* it has no effect and is not asked for: not worth reading */
	if (!command_need(o, c))
		return false;
	if (c->tasks.n == 0 && c->agents.n == 0 && c->scope != SCOPE_WORKFLOW)
		c->flags |= OVERRIDE_FLAG_NO_TARGET;
	if (o->q->active && (!c->effective || c->release != FACTS_NONE))
		return true;
	if (!override_breaches(o, c, &breaches))
		return false;
	if (o->q->in_workflow && breaches.n == 0 && !override_reaches(o, c, o->q->wid))
		return true;
	if (!fill(o, c, &breaches, &item) ||
	    !grow(&p->items, sizeof(item), p->out->count, &p->items_room, arena) ||
	    !rest_on(p, &item, arena)) {
		o->meter.no_memory = !o->meter.late;
		return false;
	}
	p->items[p->out->count++] = item;
	return true;
}

static bool
emit_stray(struct overrides *o, struct page *p, uint32_t index)
{
	struct arena *arena = o->meter.budget->arena;
	const struct fact *t = fact(o->v, index);

	if (o->q->active || !fact_is_task(t) || (o->q->in_workflow && t->wid != o->q->wid) ||
	    !override_is_stray(o, index))
		return true;
	if (!grow(&p->strays, sizeof(*p->strays), p->out->stray_count, &p->strays_room, arena) ||
	    !indexes_add(&p->rests_on, index, arena)) {
		o->meter.no_memory = true;
		return false;
	}
	p->strays[p->out->stray_count++] = (struct override_reply){.index = index,
	    .kind = t->kind,
	    .code = t->code,
	    .effective_at = override_effective_at(o, index),
	    .flags = OVERRIDE_FLAG_NOT_ON_OVERRIDE |
		     (t->flags & FACT_BREACH ? OVERRIDE_FLAG_BREACH : 0)};
	return true;
}

/* ---- the page ---- */

struct walk {
	size_t commands; /* of them are left */
	uint32_t ack, release;
};

static uint32_t
chain_below(const struct facts_view *v, enum kind_id kind, uint32_t below)
{
	uint32_t at = facts_kind_last(v, kind);

	while (at != FACTS_NONE && at >= below)
		at = facts_kind_before(v, at);
	return at;
}

static uint32_t
newer(uint32_t a, uint32_t b)
{
	if (a == FACTS_NONE || b == FACTS_NONE)
		return a == FACTS_NONE ? b : a;
	return a > b ? a : b;
}

static void
walk_begin(const struct overrides *o, struct walk *w)
{
	uint32_t below = o->q->below == 0 || o->q->below > o->v->size ? o->v->size : o->q->below;

	w->commands = o->count;
	while (w->commands > 0 && o->commands[w->commands - 1].index >= below)
		w->commands--;
	w->ack = chain_below(o->v, KIND_OVERRIDE_ACK, below);
	w->release = chain_below(o->v, KIND_OVERRIDE_RELEASE, below);
}

static uint32_t
walk_at(const struct overrides *o, const struct walk *w)
{
	uint32_t command = w->commands > 0 ? o->commands[w->commands - 1].index : FACTS_NONE;

	return newer(command, newer(w->ack, w->release));
}

/* Emit what stands at 'at' and go on. */
static bool
walk_step(struct overrides *o, struct page *p, struct walk *w, uint32_t at)
{
	if (w->commands > 0 && o->commands[w->commands - 1].index == at) {
		if (!emit(o, p, &o->commands[w->commands - 1]))
			return false;
		w->commands--;
		return true;
	}
	if (!meter_spend(&o->meter) || !emit_stray(o, p, at))
		return false;
	if (at == w->ack)
		w->ack = facts_kind_before(o->v, at);
	else
		w->release = facts_kind_before(o->v, at);
	return true;
}

static enum rc
refuse(const struct overrides *o, struct why *why)
{
	if (o->meter.no_memory)
		return why_set(why, RC_NO_MEMORY, "query_bytes_max", NULL, 0,
		    "the answer is too large: ask with a smaller limit");
	return why_set(why, RC_TOO_LARGE, "query_ms_max", NULL, 0,
	    "what one override reaches takes longer than a question may");
}

static enum rc
walk(struct overrides *o, struct page *p, struct why *why)
{
	struct walk w;
	size_t looked = 0;
	uint32_t at;

	for (walk_begin(o, &w); (at = walk_at(o, &w)) != FACTS_NONE; looked++) {
		size_t n = p->out->count + p->out->stray_count;
		bool full = (o->q->limit != 0 && n > 0 &&
				(n >= o->q->limit || p->rests_on.n >= OVERSIGHT_RESTS_MAX)) ||
			    (n > 0 && meter_full(&o->meter));

		if (!full && walk_step(o, p, &w, at))
			continue;
		if (o->meter.no_memory || looked == 0)
			return refuse(o, why);
		p->out->complete = false;
		p->out->next = at + 1;
		return RC_OK;
	}
	p->out->complete = true;
	return RC_OK;
}

enum rc
answer_overrides(const struct facts_view *v, const struct overrides_question *q,
    const struct budget *budget, struct overrides_answer *out, struct why *why)
{
	struct overrides o = {.v = v, .q = q, .meter = {.budget = budget}};
	struct page p = {.out = out};
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->tree_size = v->size;
	arena_init(&o.scratch, SCRATCH_MAX);
	arena_init(&o.record, RECORD_MAX);
	rc = overrides_read(&o) ? walk(&o, &p, why) : refuse(&o, why);
	if (rc == RC_OK) {
		index_sort(&p.rests_on);
		out->items = p.items;
		out->strays = p.strays;
		out->rests_on = p.rests_on.p;
		out->rests_on_count = p.rests_on.n;
	}
	arena_release(&o.scratch);
	arena_release(&o.record);
	return rc;
}
