/*
 * undo.c - down from the wrong tasks to all that rests on them, up to the checkpoint and to what lies between.
 *
 * Invariants:
 *   1. an entry is queued once: when its bit is set.
 *   2. a walk that the budget cuts leaves complete false, and what it reached is what is nearest.
 */
#include "answer/undo.h"

#include <string.h>

#include "answer/recovery.h"
#include "base/must.h"

#define LATE_EVERY  64
#define QUEUE_FIRST 1024
#define AHEAD	    8 /* places of the queue */

enum rc
undo_begin(struct undo *u, const struct facts_view *v, uint64_t now_ms, const struct budget *budget)
{
	if (u->in.word == NULL) {
		if (!marks_init(&u->in, v->size))
			return RC_NO_MEMORY;
		u->low = 1;
		u->high = 0;
	}
	must(v->size <= u->in.size);
	if (u->low <= u->high)
		memset(&u->in.word[u->low / 64], 0,
		    (u->high / 64 - u->low / 64 + 1) * sizeof(*u->in.word));
	u->view = *v;
	u->now_ms = now_ms;
	u->budget = budget;
	u->low = UINT32_MAX;
	u->high = 0;
	u->checkpoint = FACTS_NONE;
	u->nodes = 0;
	u->depth = 0;
	u->complete = true;
	return RC_OK;
}

void
undo_release(struct undo *u)
{
	marks_release(&u->in);
	marks_release(&u->up);
	free(u->queue);
	u->queue = NULL;
}

static bool
push(struct undo *u, uint32_t i)
{
	if (u->queued == u->queue_room) {
		size_t room = u->queue_room == 0 ? QUEUE_FIRST : u->queue_room * 2;
		uint32_t *more = realloc(u->queue, room * sizeof(*more));

		if (more == NULL)
			return false;
		u->queue = more;
		u->queue_room = room;
	}
	u->queue[u->queued++] = i;
	return true;
}

static void
put(struct undo *u, uint32_t i)
{
	marks_put(&u->in, i);
	if (i < u->low)
		u->low = i;
	if (i > u->high)
		u->high = i;
}

/* Is there no room, or no time, for the entry at this place of the queue? */
static bool
cut(struct undo *u, size_t at)
{
	if (at >= u->budget->nodes_max || (at % LATE_EVERY == 0 && budget_late(u->budget)))
		u->complete = false;
	return !u->complete;
}

/* ---- down ---- */

/* Rows lie where the queue says, anywhere: they are fetched before their turn, and then what their chains begin
 * with. */
static void
fetch_ahead(const struct undo *u, size_t at)
{
	uint32_t edge;

	if (at + 2 * AHEAD < u->queued)
		__builtin_prefetch(fact(&u->view, u->queue[at + 2 * AHEAD]));
	if (at + AHEAD >= u->queued)
		return;
	edge = fact_child_first(&u->view, fact(&u->view, u->queue[at + AHEAD]));
	if (edge != FACTS_NONE)
		__builtin_prefetch(facts_edge(&u->view, edge));
}

static bool
push_children(struct undo *u, uint32_t i)
{
	uint32_t at = fact_child_first(&u->view, fact(&u->view, i)), c;

	while ((c = fact_child(&u->view, &at)) != FACTS_NONE)
		if (!marks_has(&u->in, c)) {
			if (u->queued >= u->budget->nodes_max) {
				u->complete = false;
				return true;
			}
			if (!push(u, c))
				return false;
			put(u, c);
		}
	return true;
}

/* Everything below what is queued.  Level by level, so that the depth is in hops. */
static enum rc
go_down(struct undo *u)
{
	size_t level_end = u->queued;

	for (size_t at = 0; at < u->queued && !cut(u, at); at++) {
		if (at == level_end) {
			u->depth++;
			level_end = u->queued;
		}
		fetch_ahead(u, at);
		if (!push_children(u, u->queue[at]))
			return RC_NO_MEMORY;
	}
	u->nodes = u->queued;
	return RC_OK;
}

static enum rc
down_from(struct undo *u, const uint32_t *roots, size_t count)
{
	u->queued = 0;
	for (size_t i = 0; i < count; i++) {
		if (marks_has(&u->in, roots[i]))
			continue;
		if (cut(u, u->queued))
			return RC_OK;
		if (!push(u, roots[i]))
			return RC_NO_MEMORY;
		put(u, roots[i]);
	}
	return go_down(u);
}

/* ---- up ---- */

static void
up_clear(struct undo *u)
{
	if (u->up_low <= u->up_high)
		memset(&u->up.word[u->up_low / 64], 0,
		    (u->up_high / 64 - u->up_low / 64 + 1) * sizeof(*u->up.word));
	u->up_low = UINT32_MAX;
	u->up_high = 0;
}

static bool
up_push(struct undo *u, uint32_t i)
{
	if (marks_has(&u->up, i))
		return true;
	marks_put(&u->up, i);
	if (i < u->up_low)
		u->up_low = i;
	if (i > u->up_high)
		u->up_high = i;
	return push(u, i);
}

static enum rc
up_from(struct undo *u, const uint32_t *roots, size_t count)
{
	if (u->up.word == NULL) {
		if (!marks_init(&u->up, u->in.size))
			return RC_NO_MEMORY;
		u->up_low = 1;
		u->up_high = 0;
	}
	up_clear(u);
	u->queued = 0;
	for (size_t i = 0; i < count; i++)
		if (!up_push(u, roots[i]))
			return RC_NO_MEMORY;
	return RC_OK;
}

/* Parents of an entry, those at 'least' and above. */
static bool
push_parents(struct undo *u, uint32_t i, uint32_t least)
{
	const struct fact *t = fact(&u->view, i);

	for (unsigned k = 0; k < t->parent_count; k++) {
		uint32_t p = fact_parent(&u->view, t, k);

		if (p >= least && !up_push(u, p))
			return false;
	}
	return true;
}

bool
undo_usable(const struct undo *u, uint32_t index, struct arena *scratch)
{
	const struct fact *t = fact(&u->view, index);
	const struct json_node *ttl;
	uint64_t ttl_s;

	if (!fact_is_task(t) || t->kind != KIND_CHECKPOINT ||
	    (t->flags & (FACT_IRREVERSIBLE | FACT_BREACH)) != 0)
		return false;
	ttl = fact_key(&u->view, index, "ttl_s", scratch);
	if (ttl != NULL && ttl->raw.n > 0 && ttl->raw.p[0] == '-')
		return false; /* over before it began */
	if (!json_uint(ttl, &ttl_s))
		return true;
	return ttl_s > UINT64_MAX / 2000 || t->received_ms + ttl_s * 1000 >= u->now_ms;
}

enum rc
undo_nearest(
    struct undo *u, const uint32_t *roots, size_t count, struct arena *scratch, uint32_t *out)
{
	/* No checkpoint is older than the first one, nor rests a task that is older on one. */
	uint32_t least = facts_kind_first(&u->view, KIND_CHECKPOINT);
	size_t level_end;
	enum rc rc;

	*out = FACTS_NONE;
	if (least == FACTS_NONE)
		return RC_OK;
	if ((rc = up_from(u, roots, count)) != RC_OK)
		return rc;
	level_end = u->queued;
	for (size_t at = 0; at < u->queued && !cut(u, at); at++) {
		uint32_t i = u->queue[at];

		if (at == level_end) {
			if (*out != FACTS_NONE)
				return RC_OK;
			level_end = u->queued;
		}
		/* The first 'count' are the tasks themselves (none twice). */
		if (at >= count && fact(&u->view, i)->kind == KIND_CHECKPOINT &&
		    undo_usable(u, i, scratch) && (*out == FACTS_NONE || i > *out))
			*out = i;
		if (!push_parents(u, i, least))
			return RC_NO_MEMORY;
	}
	return RC_OK;
}

/* What lies on a way from the checkpoint to the tasks.  RC_NOT_FOUND: there is no way. */
static enum rc
between(struct undo *u, const uint32_t *roots, size_t count, uint32_t checkpoint, bool keep)
{
	bool found = false;
	enum rc rc;

	for (size_t i = 0; i < count; i++)
		if (roots[i] == checkpoint)
			return RC_NOT_FOUND;
	if ((rc = up_from(u, roots, count)) != RC_OK)
		return rc;
	for (size_t at = 0; at < u->queued && !cut(u, at); at++)
		if (!push_parents(u, u->queue[at], checkpoint))
			return RC_NO_MEMORY;
	if (!marks_has(&u->up, checkpoint))
		return u->complete ? RC_NOT_FOUND : RC_OK;
	if (!keep)
		return RC_OK;
	/* Upwards by index: whether a parent is on a way is known before its child is looked at. */
	for (uint32_t i = marks_next(&u->up, checkpoint + 1, u->up_high); i != FACTS_NONE;
	     i = marks_next(&u->up, i + 1, u->up_high)) {
		const struct fact *t = fact(&u->view, i);

		found = false;
		for (unsigned k = 0; k < t->parent_count && !found; k++) {
			uint32_t p = fact_parent(&u->view, t, k);

			found = p >= checkpoint && marks_has(&u->up, p);
		}
		if (found)
			put(u, i);
		else
			marks_drop(&u->up, i);
	}
	return RC_OK;
}

/* ---- all of it ---- */

static enum rc
whole_workflow(struct undo *u, uint32_t wid)
{
	size_t n = 0;

	if (wid == FACTS_NONE)
		return RC_OK;
	for (uint32_t i = facts_workflow_last(&u->view, wid); i != FACTS_NONE;
	     i = fact(&u->view, i)->in_workflow) {
		if (cut(u, n++))
			return RC_OK;
		put(u, i);
	}
	return RC_OK;
}

enum rc
undo_run(
    struct undo *u, enum undo_scope scope, const uint32_t *roots, size_t count, uint32_t checkpoint)
{
	enum rc rc = RC_OK;

	u->checkpoint = checkpoint;
	must((checkpoint != FACTS_NONE) == (scope == UNDO_CHECKPOINT || scope == UNDO_FULL));
	if (scope == UNDO_FULL)
		rc = between(u, roots, count, checkpoint, false);
	if (rc == RC_OK && scope == UNDO_FULL)
		rc = down_from(u, &checkpoint, 1);
	else if (rc == RC_OK && scope != UNDO_NODE)
		rc = down_from(u, roots, count);
	if (rc == RC_OK && scope == UNDO_CHECKPOINT)
		rc = between(u, roots, count, checkpoint, true);
	for (size_t i = 0; rc == RC_OK && scope == UNDO_WORKFLOW && i < count; i++)
		rc = whole_workflow(u, fact(&u->view, roots[i])->wid);
	if (rc == RC_OK && scope == UNDO_FULL)
		marks_drop(&u->in, checkpoint);
	for (size_t i = 0; rc == RC_OK && u->budget->nodes_max > 0 && i < count; i++)
		put(u, roots[i]);
	return rc;
}

bool
undo_has(const struct undo *u, uint32_t index)
{
	return index < u->view.size && marks_has(&u->in, index) &&
	       recovery_is_work((enum kind_id)fact(&u->view, index)->kind) &&
	       fact_is_task(fact(&u->view, index));
}
