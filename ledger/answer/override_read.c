/*
 * override_read.c - the overrides of the log: who gave it, at which level, over what.  Each is read when
 * it is needed.
 *
 * What a target means is looked up among the entries that were there when the override was recorded, so
 * that nothing that is recorded later can change what an override is about.
 */
#include <string.h>

#include "answer/overrides_own.h"
#include "base/must.h"

static uint32_t
voids(void)
{
#define FLAG(id, name, voiding) | ((voiding) ? (uint32_t)OVERRIDE_FLAG_##id : 0)
	return 0 OVERRIDE_FLAGS(FLAG);
#undef FLAG
}

/* ---- targets ---- */

static bool
is_oversight(const struct fact *t)
{
	return t->kind == KIND_OVERRIDE || t->kind == KIND_OVERRIDE_ACK ||
	       t->kind == KIND_OVERRIDE_RELEASE;
}

/* One item of "targets": the id of a task, or an agent. */
static bool
read_target(struct overrides *o, struct command *c, const struct json_node *n)
{
	struct facts_view then = {o->v->f, c->index + 1};
	uint8_t jti[UUID_SIZE];
	uint32_t found = FACTS_NONE;
	bool task;

	if (n->type != JSN_STRING) {
		c->flags |= OVERRIDE_FLAG_UNKNOWN_TARGET;
		return true;
	}
	task = uuid_parse(n->text, jti);
	if (task)
		found = facts_meant(&then, c->index, jti);
	else
		found = facts_number(&then, FACTS_ISS, n->text);
	if (found == FACTS_NONE || (task && found == c->index)) {
		c->flags |= OVERRIDE_FLAG_UNKNOWN_TARGET;
		return true;
	}
	return indexes_add(task ? &c->tasks : &c->agents, found, &o->scratch);
}

static bool
read_targets(struct overrides *o, struct command *c, const struct json_node *targets)
{
	for (const struct json_node *n = targets->child; n != NULL; n = n->next)
		if (!read_target(o, c, n))
			return false;
	index_sort(&c->tasks);
	index_sort(&c->agents);
	return true;
}

static struct command *
command_at(const struct overrides *o, uint32_t index)
{
	size_t low = 0, high = o->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->commands[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	must(low < o->count && o->commands[low].index == index);
	return &o->commands[low];
}

/* None named: what it rests on.  Where that is overrides alone, what the first of them is about, which
 * command_need() sees to. */
static bool
take_targets(struct overrides *o, struct command *c)
{
	const struct fact *t = fact(o->v, c->index);

	for (unsigned i = 0; i < t->parent_count; i++) {
		uint32_t p = fact_parent(o->v, t, i);

		if (!is_oversight(fact(o->v, p)) && !indexes_add(&c->tasks, p, &o->scratch))
			return false;
	}
	index_sort(&c->tasks);
	c->inherits = c->tasks.n == 0 && c->escalates != FACTS_NONE;
	return true;
}

/* ---- the record ---- */

static enum override_scope
read_scope(struct command *c, const struct json_node *n)
{
	if (n == NULL || n->type != JSN_STRING || n->text.n == 0)
		return SCOPE_NODE;
	for (unsigned i = 0; i < SCOPES; i++)
		if (bytes_is(n->text, override_scope_text((enum override_scope)i)))
			return (enum override_scope)i;
	c->flags |= OVERRIDE_FLAG_UNKNOWN_SCOPE;
	return SCOPE_NODE;
}

static void
read_ack(const struct overrides *o, struct command *c, const struct json_node *n)
{
	int64_t ack_s = fact_doc(o->v, c->index)->override.ack_s;
	uint64_t at;

	if (n != NULL && json_uint(n, &at))
		c->ack_by_ms = (int64_t)at * 1000;
	else if (ack_s > 0)
		c->ack_by_ms = oversight_time(fact(o->v, c->index)) + ack_s * 1000;
}

static bool
read_command(struct overrides *o, struct command *c)
{
	const struct fact *t = fact(o->v, c->index);
	const struct kind *kind = fact_kind(o->v, c->index);
	const struct json_node *ext, *targets;

	arena_reset(&o->record);
	ext = fact_ext(o->v, t, &o->record);
	targets = kind_ext(kind, ext, "targets");
	c->level = t->code;
	c->scope = read_scope(c, kind_ext(kind, ext, "scope"));
	read_ack(o, c, kind_ext(kind, ext, "ack_by"));
	for (unsigned i = 0; i < t->parent_count && c->escalates == FACTS_NONE; i++)
		if (fact(o->v, fact_parent(o->v, t, i))->kind == KIND_OVERRIDE)
			c->escalates = fact_parent(o->v, t, i);
	if (targets != NULL && targets->type == JSN_ARRAY ? !read_targets(o, c, targets)
							  : !take_targets(o, c))
		return false;
	if (c->level == 0)
		c->flags |= OVERRIDE_FLAG_UNKNOWN_LEVEL;
	if (!oversight_commands(o->v, c->index))
		c->flags |= OVERRIDE_FLAG_NOT_AUTHORIZED;
	if (t->flags & FACT_BREACH)
		c->flags |= OVERRIDE_FLAG_BREACH;
	c->effective = (c->flags & voids()) == 0;
	return true;
}

/* The first release by somebody who may. */
static bool
find_release(struct overrides *o, struct command *c)
{
	struct index_list all;

	if (!c->effective)
		return true;
	if (!indexes_children(
		o->v, c->index, KIND_BIT(OVERRIDE_RELEASE), &o->meter, &o->scratch, &all))
		return false;
	for (size_t i = 0; i < all.n && c->release == FACTS_NONE; i++)
		if (oversight_commands(o->v, all.p[i]))
			c->release = all.p[i];
	return true;
}

bool
overrides_read(struct overrides *o)
{
	size_t n = 0;

	for (uint32_t at = facts_kind_last(o->v, KIND_OVERRIDE); at != FACTS_NONE;
	     at = facts_kind_before(o->v, at))
		n += fact_is_task(fact(o->v, at));
	if ((o->commands = arena_zalloc(&o->scratch, (n + 1) * sizeof(*o->commands))) == NULL) {
		o->meter.no_memory = true;
		return false;
	}
	o->count = n;
	for (uint32_t at = facts_kind_last(o->v, KIND_OVERRIDE); at != FACTS_NONE;
	     at = facts_kind_before(o->v, at))
		if (fact_is_task(fact(o->v, at)))
			o->commands[--n].index = at;
	return true;
}

/* Read one, and those that it has its targets from, each once. */
static bool
read_chain(struct overrides *o, struct command *c)
{
	for (;;) {
		if (!c->read) {
			c->escalates = c->release = FACTS_NONE;
			if (!meter_spend(&o->meter) || !read_command(o, c) || !find_release(o, c))
				return false;
			c->read = true;
		}
		if (!c->inherits)
			return true;
		c = command_at(o, c->escalates);
	}
}

bool
command_need(struct overrides *o, struct command *c)
{
	const struct command *last;

	if (!read_chain(o, c)) {
		o->meter.no_memory = !o->meter.late;
		return false;
	}
	for (last = c; last->inherits;)
		last = command_at(o, last->escalates);
	while (c != last) {
		c->inherits = false;
		c->tasks = last->tasks;
		c->agents = last->agents;
		c = command_at(o, c->escalates);
	}
	return true;
}

bool
override_reaches(const struct overrides *o, const struct command *c, uint32_t wid)
{
	if (fact(o->v, c->index)->wid == wid)
		return true;
	if (!c->effective)
		return false;
	if (c->agents.n > 0 && fact(o->v, c->index)->wid == FACTS_NONE)
		return true;
	for (size_t i = 0; i < c->tasks.n; i++)
		if (fact(o->v, c->tasks.p[i])->wid == wid)
			return true;
	return false;
}
