/*
 * rollback.c - the set is walked and marked, its tasks are listed once, counted once, and only a page of it
 * becomes items.
 */
#include "answer/rollback.h"

#include <string.h>

#include "answer/list.h"
#include "answer/recovery.h"
#include "answer/undo.h"
#include "base/must.h"

static const char *const scopes[] = {"failed", "checkpoint", "full"};

bool
rollback_scope_read(struct bytes text, enum rollback_scope *out)
{
	*out = ROLLBACK_FAILED;
	if (text.n == 0)
		return true;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		if (bytes_is(text, scopes[i])) {
			*out = (enum rollback_scope)i;
			return true;
		}
	return false;
}

const char *
rollback_scope_text(enum rollback_scope scope)
{
	must(scope <= ROLLBACK_FULL);
	return scopes[scope];
}

const char *
rollback_action_text(enum rollback_action action)
{
	static const char *const texts[ROLLBACK_ACTIONS] = {
	    "undo", "compensate", "irreversible", "already_rolled_back"};

	must(action < ROLLBACK_ACTIONS);
	return texts[action];
}

/* The names met, by their numbers. */
struct met {
	struct marks m;
	size_t count;
};

/* True: for the first time. */
static bool
meet(struct met *met, uint32_t number)
{
	if (number == FACTS_NONE || marks_has(&met->m, number))
		return false;
	marks_put(&met->m, number);
	met->count++;
	return true;
}

struct rollback {
	const struct facts_view *v;
	const struct rollback_question *q;
	const struct budget *budget;
	struct rollback_answer *out;
	struct why *why;
	struct arena scratch;
	struct undo undo;
	uint32_t *tasks; /* ascending */
	size_t count;
	struct recovery_states states;
	struct met agents, workflows, domains;
	struct index_list rests_on;
};

static enum rc
no_memory(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
}

static enum rc
find_checkpoint(struct rollback *r)
{
	struct rollback_answer *out = r->out;
	enum rc rc;

	if (r->q->to != FACTS_NONE) {
		out->checkpoint = r->q->to;
		if (!undo_usable(&r->undo, r->q->to, &r->scratch))
			return why_set(r->why, RC_BAD_REQUEST, "RECOVERY checkpoint", "to", 0,
			    "this is no checkpoint that can be returned to");
		return RC_OK;
	}
	if ((rc = undo_nearest(&r->undo, &r->q->task, 1, &r->scratch, &out->checkpoint)) != RC_OK)
		return no_memory(r->why);
	out->checkpoint_complete = r->undo.complete;
	if (out->checkpoint == FACTS_NONE && r->undo.complete && r->q->scope != ROLLBACK_FAILED)
		return why_set(r->why, RC_NOT_FOUND, "RECOVERY checkpoint", "scope", 0,
		    "the task rests on no checkpoint that can be returned to");
	return RC_OK;
}

static enum rc
reach(struct rollback *r)
{
	static const enum undo_scope as[] = {UNDO_FAILED, UNDO_CHECKPOINT, UNDO_FULL};
	uint64_t now_ms = fact(r->v, r->v->size - 1)->received_ms;
	uint32_t cp;
	enum rc rc;

	if (undo_begin(&r->undo, r->v, now_ms, r->budget) != RC_OK)
		return no_memory(r->why);
	if ((rc = find_checkpoint(r)) != RC_OK)
		return rc;
	cp = r->q->scope == ROLLBACK_FAILED ? FACTS_NONE : r->out->checkpoint;
	if (cp == FACTS_NONE && r->q->scope != ROLLBACK_FAILED)
		return RC_OK; /* the budget was too small to find it: complete is false */
	r->undo.complete = true;
	rc = undo_run(&r->undo, as[r->q->scope], &r->q->task, 1, cp);
	if (rc == RC_NOT_FOUND)
		return why_set(r->why, RC_BAD_REQUEST, "RECOVERY checkpoint", "to", 0,
		    "the task does not rest on this checkpoint");
	return rc == RC_OK ? RC_OK : no_memory(r->why);
}

/* Work among what was reached, and the task asked about, whatever it is. */
static enum rc
list_tasks(struct rollback *r)
{
	struct undo *u = &r->undo;
	size_t room = 0;

	for (uint32_t w = u->low / 64; u->low <= u->high && w <= u->high / 64; w++)
		room += (size_t)__builtin_popcountll(u->in.word[w]);
	if ((r->tasks = arena_alloc(&r->scratch, (room + 1) * sizeof(*r->tasks))) == NULL)
		return no_memory(r->why);
	if (u->low > u->high)
		return RC_OK;
	for (uint32_t w = u->low / 64; w <= u->high / 64; w++)
		for (uint64_t bits = u->in.word[w]; bits != 0; bits &= bits - 1) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);

			if (i == r->q->task || undo_has(u, i))
				r->tasks[r->count++] = i;
		}
	return RC_OK;
}

static enum rollback_action
action_of(const struct fact *t, enum recovery_state state)
{
	if (state == RECOVERY_ROLLED_BACK)
		return ROLLBACK_ALREADY;
	if (t->flags & FACT_COMPENSATE)
		return ROLLBACK_COMPENSATE;
	return t->flags & FACT_IRREVERSIBLE ? ROLLBACK_IRREVERSIBLE : ROLLBACK_UNDO;
}

/* Does it rest on something of the set and on something outside?  The checkpoint that is returned to counts as inside. */
static bool
is_join(const struct rollback *r, const struct fact *t)
{
	bool in = false, outside = false;

	for (unsigned k = 0; k < t->parent_count && !(in && outside); k++) {
		uint32_t p = fact_parent(r->v, t, k);

		if (p == r->undo.checkpoint || marks_has(&r->undo.in, p))
			in = true;
		else
			outside = true;
	}
	return in && outside;
}

static struct rollback_item
item_of(const struct rollback *r, size_t i)
{
	const struct fact *t = fact(r->v, r->tasks[i]);

	return (struct rollback_item){
	    .index = r->tasks[i],
	    .action = action_of(t, (enum recovery_state)r->states.state[i]),
	    .foreign = t->wid != fact(r->v, r->q->task)->wid,
	    .join = t->parent_count > 1 && is_join(r, t),
	};
}

static enum rc
measure(struct rollback *r)
{
	struct rollback_answer *out = r->out;

	if (!marks_init(&r->agents.m, facts_count(r->v, FACTS_ISS)) ||
	    !marks_init(&r->workflows.m, facts_count(r->v, FACTS_WID)) ||
	    !marks_init(&r->domains.m, facts_count(r->v, FACTS_DOMAIN)))
		return no_memory(r->why);
	for (size_t i = 0; i < r->count; i++) {
		const struct fact *t = fact(r->v, r->tasks[i]);
		struct rollback_item item = item_of(r, i);

		if (meet(&r->agents, t->iss))
			meet(&r->domains, facts_domain(r->v, t->iss));
		meet(&r->workflows, t->wid);
		out->by_action[item.action]++;
		out->foreign += item.foreign;
		out->joins += item.join;
	}
	out->tasks = r->count;
	out->agents = r->agents.count;
	out->workflows = r->workflows.count;
	out->trust_domains = r->domains.count;
	out->depth = r->undo.depth;
	return RC_OK;
}

static enum rc
make_page(struct rollback *r)
{
	struct rollback_answer *out = r->out;
	size_t at = r->count, room = r->q->limit < r->count ? r->q->limit : r->count;
	struct rollback_item *items = arena_alloc(r->budget->arena, (room + 1) * sizeof(*items));

	if (items == NULL)
		return no_memory(r->why);
	while (r->q->has_after && at > 0 && r->tasks[at - 1] >= r->q->after)
		at--;
	for (; at > 0 && out->item_count < room; at--)
		items[out->item_count++] = item_of(r, at - 1);
	out->items = items;
	out->next = at > 0 && out->item_count > 0 ? items[out->item_count - 1].index : FACTS_NONE;
	list_put(&r->rests_on, out->task);
	if (out->checkpoint != FACTS_NONE)
		list_put(&r->rests_on, out->checkpoint);
	for (size_t i = 0; i < out->item_count; i++)
		list_put(&r->rests_on, items[i].index);
	for (size_t i = 0; i < r->states.rests_on_count; i++)
		list_put(&r->rests_on, (uint32_t)r->states.rests_on[i]);
	if (!list_take(&r->rests_on, r->budget->arena, &out->rests_on, &out->rests_on_count))
		return no_memory(r->why);
	return RC_OK;
}

enum rc
answer_rollback(const struct facts_view *v, const struct rollback_question *question,
    const struct budget *budget, struct rollback_answer *out, struct why *why)
{
	struct rollback r = {.v = v, .q = question, .budget = budget, .out = out, .why = why};
	enum rc rc;

	must(question->task < v->size && fact_is_task(fact(v, question->task)));
	*out = (struct rollback_answer){.task = question->task,
	    .checkpoint = FACTS_NONE,
	    .tree_size = v->size,
	    .checkpoint_complete = true,
	    .next = FACTS_NONE};
	arena_init(&r.scratch, SIZE_MAX / 2);
	if ((rc = reach(&r)) != RC_OK || (rc = list_tasks(&r)) != RC_OK)
		goto out;
	rc = recovery_states(v, r.tasks, r.count, budget, &r.states, why);
	if (rc != RC_OK || (rc = measure(&r)) != RC_OK || (rc = make_page(&r)) != RC_OK)
		goto out;
	out->complete = r.undo.complete && r.states.complete;

out:
	marks_release(&r.agents.m);
	marks_release(&r.workflows.m);
	marks_release(&r.domains.m);
	list_release(&r.rests_on);
	undo_release(&r.undo);
	arena_release(&r.scratch);
	return rc;
}
