/*
 * override_acks.c - who has answered an override, and in time.
 *
 * Addressed are the signers of the tasks that it names and the agents that it names, but for who gave
 * it.  Each has a state of its own: pending -> received -> complied | refused | unable, or straight to
 * one of these three, which are final.
 */
#include <string.h>

#include "answer/overrides_own.h"

struct replies {
	struct overrides *o;
	const struct command *c;
	struct override_item *item;
	struct override_ack *acks;
	size_t listed_max;
};

/* ---- who is addressed ---- */

static bool
address(struct replies *r)
{
	struct arena *arena = r->o->meter.budget->arena;
	struct index_list who = {0};
	uint32_t own = fact(r->o->v, r->c->index)->iss;

	for (size_t i = 0; i < r->c->tasks.n; i++) {
		uint32_t iss = fact(r->o->v, r->c->tasks.p[i])->iss;

		if (iss != FACTS_NONE && iss != own && !indexes_add(&who, iss, &r->o->scratch))
			return false;
	}
	for (size_t i = 0; i < r->c->agents.n; i++)
		if (r->c->agents.p[i] != own &&
		    !indexes_add(&who, r->c->agents.p[i], &r->o->scratch))
			return false;
	index_sort(&who);
	if ((r->acks = arena_alloc(arena, (who.n + 1) * sizeof(*r->acks))) == NULL)
		return false;
	for (size_t i = 0; i < who.n; i++)
		r->acks[i] = (struct override_ack){
		    .iss = who.p[i], .state = ACK_STATE_PENDING, .index = FACTS_NONE};
	r->item->acks = r->acks;
	r->item->ack_count = who.n;
	return true;
}

static struct override_ack *
addressed(const struct replies *r, uint32_t iss)
{
	size_t low = 0, high = r->item->ack_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->acks[middle].iss < iss)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->item->ack_count && r->acks[low].iss == iss ? &r->acks[low] : NULL;
}

/* ---- replies ---- */

static bool
is_late(const struct replies *r, uint32_t index)
{
	const struct fact *t = fact(r->o->v, index);

	return r->c->ack_by_ms != 0 &&
	       (oversight_time(t) > r->c->ack_by_ms || t->iat * 1000 > r->c->ack_by_ms);
}

static uint32_t
judge_ack(struct replies *r, uint32_t index)
{
	const struct fact *t = fact(r->o->v, index);
	struct override_ack *a = addressed(r, t->iss);
	uint32_t flags = 0;

	if (t->code == 0)
		flags |= OVERRIDE_FLAG_UNKNOWN_STATUS;
	if (a == NULL)
		return flags | OVERRIDE_FLAG_NOT_ADDRESSED;
	if (flags != 0)
		return flags;
	if (a->state != ACK_STATE_PENDING &&
	    (a->state != ACK_STATE_RECEIVED || t->code == ACK_RECEIVED))
		return OVERRIDE_FLAG_BAD_TRANSITION;
	if (a->state == ACK_STATE_PENDING && is_late(r, index)) {
		a->late = true;
		flags |= OVERRIDE_FLAG_LATE;
	}
	a->state = (enum ack_state)(ACK_STATE_RECEIVED + t->code - ACK_RECEIVED);
	a->index = index;
	return flags;
}

static uint32_t
judge_release(const struct replies *r, uint32_t index)
{
	uint32_t flags = 0;

	if (!oversight_commands(r->o->v, index))
		flags |= OVERRIDE_FLAG_NOT_AUTHORIZED;
	if (!r->c->effective)
		flags |= OVERRIDE_FLAG_NOT_IN_FORCE;
	else if (r->c->release != FACTS_NONE && index > r->c->release)
		flags |= OVERRIDE_FLAG_AFTER_RELEASE;
	return flags;
}

int64_t
override_effective_at(struct overrides *o, uint32_t index)
{
	const struct json_node *n;
	uint64_t at;

	if (fact(o->v, index)->kind != KIND_OVERRIDE_ACK)
		return 0;
	arena_reset(&o->record);
	n = fact_key(o->v, index, "effective_at", &o->record);
	return n != NULL && json_uint(n, &at) ? (int64_t)at : 0;
}

static bool
judge_all(struct replies *r)
{
	struct arena *arena = r->o->meter.budget->arena;
	struct override_reply *list;
	struct index_list all;
	size_t n;

	if (!indexes_children(r->o->v, r->c->index,
		KIND_BIT(OVERRIDE_ACK) | KIND_BIT(OVERRIDE_RELEASE), &r->o->meter, &r->o->scratch,
		&all))
		return false;
	n = all.n > r->listed_max ? r->listed_max : all.n;
	if ((list = arena_alloc(arena, (n + 1) * sizeof(*list))) == NULL)
		return false;
	for (size_t i = 0; i < all.n; i++) {
		const struct fact *t = fact(r->o->v, all.p[i]);
		bool ack = t->kind == KIND_OVERRIDE_ACK;
		uint32_t flags = ack ? judge_ack(r, all.p[i]) : judge_release(r, all.p[i]);

		if (t->flags & FACT_BREACH)
			flags |= OVERRIDE_FLAG_BREACH;
		if (i < n)
			list[i] = (struct override_reply){.index = all.p[i],
			    .flags = flags,
			    .kind = t->kind,
			    .code = t->code,
			    .effective_at = override_effective_at(r->o, all.p[i])};
	}
	r->item->replies = list;
	r->item->reply_count = n;
	r->item->replies_all = all.n;
	return true;
}

/* Whose time is over.  One that was released in time is answered no more. */
static void
find_missing(struct replies *r)
{
	bool over =
	    r->c->effective && r->c->ack_by_ms != 0 && oversight_now(r->o->v) > r->c->ack_by_ms;

	if (over && r->c->release != FACTS_NONE &&
	    oversight_time(fact(r->o->v, r->c->release)) <= r->c->ack_by_ms)
		over = false;
	for (size_t i = 0; over && i < r->item->ack_count; i++)
		if (r->acks[i].state == ACK_STATE_PENDING)
			r->acks[i].state = ACK_STATE_MISSING;
}

bool
override_replies(struct overrides *o, const struct command *c, struct override_item *item)
{
	struct replies r = {.o = o,
	    .c = c,
	    .item = item,
	    .listed_max = o->q->listed_max == 0 ? OVERRIDE_LISTED_MAX : o->q->listed_max};

	if (!address(&r) || !judge_all(&r)) {
		o->meter.no_memory = !o->meter.late;
		return false;
	}
	find_missing(&r);
	return true;
}

bool
override_is_stray(const struct overrides *o, uint32_t reply)
{
	const struct fact *t = fact(o->v, reply);

	for (unsigned i = 0; i < t->parent_count; i++)
		if (fact(o->v, fact_parent(o->v, t, i))->kind == KIND_OVERRIDE)
			return false;
	return true;
}
