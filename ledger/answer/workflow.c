/*
 * workflow.c - states of a workflow's tasks and of the nodes that were declared.
 *
 * In passes over its entries, oldest first, each of them linear: starts by name; which declared node a
 * task is of; what came of the starts; the nodes' states in the order of the descriptor; the rows of the
 * page.  States of tasks are those of recovery.h.
 *
 * Invariants: f->at ascends; every entry that is work has a state from WORKFLOW_DONE on, and of the
 * others only a start may have one, which is running or failed.
 */
#include "answer/workflow.h"

#include <stdlib.h>
#include <string.h>

#include "answer/recovery.h"
#include "answer/workflow_own.h"
#include "base/must.h"
#include "claim/own_event.h"

#define SCRATCH_MAX ((size_t)2 << 30)
#define PARSE_MAX   ((size_t)4 << 20)
#define LATE_EVERY  1024

/* A start, by what it says it starts. */
struct start {
	size_t position;
	struct bytes name;
};

/* What came of the starts of one name. */
struct outcome {
	struct bytes name;
	uint32_t newest; /* task of that name; 0: none.  No task that ends a start is entry 0 */
};

struct starts {
	struct start *list;
	size_t count;
	struct outcome *names; /* ascending, none twice */
	size_t name_count;
};

const char *
workflow_state_text(enum workflow_state state)
{
	static const char *const texts[WORKFLOW_STATES] = {"", "pending", "ready", "running",
	    "done", "failed", "rollback_requested", "rolled_back", "rollback_failed",
	    "compensation_required"};

	must(state < WORKFLOW_STATES);
	return texts[state];
}

const char *
workflow_deviation_text(enum workflow_deviation_kind kind)
{
	static const char *const texts[] = {
#define X(id, text) text,
	    WORKFLOW_DEVIATIONS(X)
#undef X
	};

	must(kind < DEVIATION_KINDS);
	return texts[kind];
}

const char *
workflow_quota_text(enum workflow_quota quota)
{
	static const char *const texts[] = {
	    "", "count_max", "tasks_max", "agents_max", "wall_s_max", "wall_s_max"};

	return texts[quota];
}

struct bytes
flow_node_name(struct flow *f, uint32_t index)
{
	const struct json_node *n;

	if (fact(f->v, index)->ext == 0)
		return BYTES_NONE;
	arena_reset(&f->parse);
	n = fact_key(f->v, index, "node", &f->parse);
	return n != NULL && n->type == JSN_STRING ? n->text : BYTES_NONE;
}

bool
flow_is_act(const struct fact *t)
{
	return recovery_is_work((enum kind_id)t->kind) && t->kind != KIND_CHECKPOINT;
}

size_t
flow_position(const struct flow *f, uint32_t index)
{
	size_t from = 0, to = f->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (f->at[middle] < index)
			from = middle + 1;
		else
			to = middle;
	}
	return from < f->count && f->at[from] == index ? from : f->count;
}

/* ---- reading what there is ---- */

/* The workflow's entries, as many of the oldest as the budget allows. */
static enum rc
read_entries(struct flow *f)
{
	f->at = facts_workflow(f->v, f->wid, &f->scratch, &f->count);
	if (f->at == NULL)
		return RC_NO_MEMORY;
	if (f->count > f->budget->nodes_max) {
		f->count = f->budget->nodes_max;
		f->out->complete = false;
	}
	if (budget_late(f->budget)) {
		f->count = 0;
		f->out->complete = false;
	}
	f->out->read = f->count;
	f->state = arena_zalloc(&f->scratch, f->count);
	f->by = arena_alloc(&f->scratch, f->count * sizeof(*f->by));
	f->node = arena_alloc(&f->scratch, f->count * sizeof(*f->node));
	if (f->state == NULL || f->by == NULL || f->node == NULL)
		return RC_NO_MEMORY;
	memset(f->node, 0xff, f->count * sizeof(*f->node));
	return RC_OK;
}

static enum rc
list_superseded(struct flow *f, uint32_t newest)
{
	uint32_t *list;
	size_t n = 0;

	for (uint32_t i = fact(f->v, newest)->in_workflow; i != FACTS_NONE;
	     i = fact(f->v, i)->in_workflow)
		n++;
	if ((list = arena_alloc(f->budget->arena, n * sizeof(*list))) == NULL)
		return RC_NO_MEMORY;
	f->out->superseded = list;
	f->out->superseded_count = n;
	for (uint32_t i = fact(f->v, newest)->in_workflow; i != FACTS_NONE;
	     i = fact(f->v, i)->in_workflow)
		*list++ = i;
	return RC_OK;
}

/* The newest descriptor.  One that cannot be read (the door takes none) is shown and declares nothing. */
static enum rc
read_descriptor(struct flow *f)
{
	struct own_descriptor event;
	enum rc rc;

	f->out->descriptor_at = facts_descriptor_last(f->v, f->wid);
	if (f->out->descriptor_at == FACTS_NONE)
		return RC_OK;
	f->out->descriptor_late = f->count > 0 && f->at[0] < f->out->descriptor_at;
	if ((rc = list_superseded(f, f->out->descriptor_at)) != RC_OK)
		return rc;
	if (own_descriptor_read(
		fact_event(f->v, fact(f->v, f->out->descriptor_at)), &event, NULL) != RC_OK)
		return RC_OK;
	rc = descriptor_read(event.descriptor,
	    event.media == OWN_CBOR ? DESCRIPTOR_CBOR : DESCRIPTOR_JSON, f->budget->arena, &f->d,
	    NULL);
	f->out->descriptor = f->d;
	return rc == RC_NO_MEMORY ? rc : RC_OK;
}

static enum workflow_state
state_of(enum recovery_state state)
{
	static const enum workflow_state states[RECOVERY_STATES] = {
	    [RECOVERY_NONE] = WORKFLOW_NONE,
	    [RECOVERY_COMPLETED] = WORKFLOW_DONE,
	    [RECOVERY_FAILED] = WORKFLOW_FAILED,
	    [RECOVERY_ROLLBACK_REQUESTED] = WORKFLOW_ROLLBACK_REQUESTED,
	    [RECOVERY_ROLLED_BACK] = WORKFLOW_ROLLED_BACK,
	    [RECOVERY_ROLLBACK_FAILED] = WORKFLOW_ROLLBACK_FAILED,
	    [RECOVERY_COMPENSATION_REQUIRED] = WORKFLOW_COMPENSATION_REQUIRED,
	};

	return states[state];
}

static enum rc
read_states(struct flow *f, struct why *why)
{
	struct budget budget = *f->budget;
	struct recovery_states r = {0};
	enum rc rc;

	budget.arena = &f->scratch;
	if ((rc = recovery_states(f->v, f->at, f->count, &budget, &r, why)) != RC_OK)
		return rc;
	f->out->complete = f->out->complete && r.complete;
	for (size_t i = 0; i < f->count; i++) {
		f->state[i] = (uint8_t)state_of((enum recovery_state)r.state[i]);
		f->by[i] = r.by[i];
	}
	for (size_t i = 0; rc == RC_OK && i < r.rests_on_count; i++)
		rc = flow_rests_on(f, r.rests_on[i]);
	return rc;
}

/* ---- starts ---- */

static int
by_name(const void *a, const void *b)
{
	return bytes_cmp(((const struct outcome *)a)->name, ((const struct outcome *)b)->name);
}

static enum rc
read_starts(struct flow *f, struct starts *s)
{
	size_t room = 0;

	for (size_t i = 0; i < f->count; i++)
		room += fact(f->v, f->at[i])->kind == KIND_START;
	s->list = arena_alloc(&f->scratch, room * sizeof(*s->list));
	s->names = arena_zalloc(&f->scratch, room * sizeof(*s->names));
	if (s->list == NULL || s->names == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; room > 0 && i < f->count; i++) {
		struct start *start = &s->list[s->count];

		if (fact(f->v, f->at[i])->kind != KIND_START)
			continue;
		start->position = i;
		if (!arena_dup(&f->scratch, flow_node_name(f, f->at[i]), &start->name))
			return RC_NO_MEMORY;
		s->names[s->count++].name = start->name;
	}
	qsort(s->names, s->count, sizeof(*s->names), by_name);
	for (size_t i = 0; i < s->count; i++)
		if (i == 0 || !bytes_eq(s->names[i].name, s->names[s->name_count - 1].name))
			s->names[s->name_count++].name = s->names[i].name;
	return RC_OK;
}

static struct outcome *
outcome_of(struct starts *s, struct bytes name)
{
	struct outcome key = {.name = name};

	return bsearch(&key, s->names, s->name_count, sizeof(*s->names), by_name);
}

/* Does a task of the workflow rest on it?  The oldest failure that names it, if not. */
static bool
ends_start(const struct flow *f, uint32_t index, uint32_t *failure)
{
	const struct fact *t = fact(f->v, index);
	uint32_t at = fact_child_first(f->v, t), c;

	*failure = FACTS_NONE;
	while ((c = fact_child(f->v, &at)) != FACTS_NONE) {
		const struct fact *child = fact(f->v, c);

		if (child->wid == f->wid && recovery_is_work((enum kind_id)child->kind))
			return true;
		if (child->kind == KIND_FAILURE && !(child->flags & FACT_BREACH))
			*failure = c;
	}
	return false;
}

static void
judge_starts(struct flow *f, struct starts *s)
{
	for (size_t i = 0; i < s->count; i++) {
		size_t at = s->list[i].position;
		const struct outcome *o = outcome_of(s, s->list[i].name);
		uint32_t failure;

		if (ends_start(f, f->at[at], &failure) || o->newest > f->at[at])
			continue;
		f->state[at] = failure != FACTS_NONE ? WORKFLOW_FAILED : WORKFLOW_RUNNING;
		f->by[at] = failure;
	}
}

/* ---- which node is it of ---- */

static int
by_act(const void *a, const void *b, void *of)
{
	const struct descriptor_node *nodes = of;
	uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;
	int order = bytes_cmp(nodes[x].act, nodes[y].act);

	return order != 0 ? order : (x > y) - (x < y);
}

static enum rc
sort_acts(struct flow *f)
{
	if (f->d == NULL)
		return RC_OK;
	f->by_act = arena_alloc(&f->scratch, f->d->count * sizeof(*f->by_act));
	f->live = arena_zalloc(&f->scratch, f->d->count * sizeof(*f->live));
	if (f->by_act == NULL || f->live == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < f->d->count; i++)
		f->by_act[i] = (uint16_t)i;
	qsort_r(f->by_act, f->d->count, sizeof(*f->by_act), by_act, (void *)(uintptr_t)f->d->nodes);
	return RC_OK;
}

/* Of the nodes with this act the first that has room for one more, else the first.  'from' of the run remembers
 * how many are full, so that many nodes of one act cost no more: what is full stays so. */
static uint16_t
node_of_act(const struct flow *f, struct bytes act, uint16_t *full)
{
	size_t from = 0, to = f->d->count, first;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (bytes_cmp(f->d->nodes[f->by_act[middle]].act, act) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == f->d->count || !bytes_eq(f->d->nodes[f->by_act[from]].act, act))
		return WORKFLOW_NO_NODE;
	for (first = from; (from = first + full[first]) < f->d->count; full[first]++) {
		const struct descriptor_node *n = &f->d->nodes[f->by_act[from]];

		if (!bytes_eq(n->act, act))
			break;
		if (f->live[f->by_act[from]] < (n->count_max > 0 ? n->count_max : 1))
			return f->by_act[from];
	}
	return f->by_act[first];
}

static uint16_t
place_of(const struct flow *f, struct bytes id)
{
	size_t place = descriptor_find(f->d, id);

	return place == f->d->count ? WORKFLOW_NO_NODE : (uint16_t)place;
}

/* Every task and start: its node, and for starts of its name that something came of them. */
static enum rc
map_nodes(struct flow *f, struct starts *s)
{
	size_t n = f->d == NULL ? 0 : f->d->count;
	uint16_t *full = arena_zalloc(&f->scratch, n * sizeof(*full));

	if (full == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < f->count; i++) {
		const struct fact *t = fact(f->v, f->at[i]);
		struct bytes act = facts_name(f->v, FACTS_ACT, t->act), name;
		struct outcome *o;

		if (f->state[i] == WORKFLOW_NONE && t->kind != KIND_START)
			continue;
		name = flow_node_name(f, f->at[i]);
		if (f->d != NULL && (name.n > 0 || t->kind == KIND_START))
			f->node[i] = place_of(f, name);
		else if (f->d != NULL)
			f->node[i] = node_of_act(f, act, full);
		if (t->kind == KIND_START)
			continue;
		if (f->node[i] != WORKFLOW_NO_NODE && flow_stands(f->state[i]))
			f->live[f->node[i]]++;
		if (name.n == 0)
			name = f->node[i] != WORKFLOW_NO_NODE ? f->d->nodes[f->node[i]].id : act;
		if ((o = outcome_of(s, name)) != NULL)
			o->newest = f->at[i];
	}
	return RC_OK;
}

/* ---- the nodes' states ---- */

static bool
all_done(const struct flow *f, const struct descriptor_node *n, const bool *done)
{
	(void)f;
	for (size_t i = 0; i < n->after_count; i++)
		if (!done[n->after[i]])
			return false;
	return true;
}

static enum rc
judge_declared(struct flow *f)
{
	struct workflow_declared *declared;
	bool *done;

	if (f->d == NULL)
		return RC_OK;
	declared = arena_zalloc(f->budget->arena, f->d->count * sizeof(*declared));
	done = arena_zalloc(&f->scratch, f->d->count);
	if (declared == NULL || done == NULL)
		return RC_NO_MEMORY;
	f->out->declared = declared;
	for (size_t i = 0; i < f->d->count; i++)
		declared[i].newest = FACTS_NONE;
	for (size_t i = 0; i < f->count; i++) {
		if (f->node[i] == WORKFLOW_NO_NODE || f->state[i] == WORKFLOW_NONE)
			continue;
		declared[f->node[i]].state = (enum workflow_state)f->state[i];
		declared[f->node[i]].newest = f->at[i];
		if (fact(f->v, f->at[i])->kind == KIND_START)
			continue;
		declared[f->node[i]].tasks++;
		if (f->state[i] == WORKFLOW_DONE)
			done[f->node[i]] = true;
	}
	for (size_t i = 0; i < f->d->count; i++)
		if (declared[i].newest == FACTS_NONE)
			declared[i].state =
			    all_done(f, &f->d->nodes[i], done) ? WORKFLOW_READY : WORKFLOW_PENDING;
	return RC_OK;
}

/* ---- the page ---- */

/* Count every row, keep those of the page: 'at' is how many came before. */
static void
take_row(struct workflow_answer *out, const struct workflow_ask *ask, struct workflow_row *rows,
    struct workflow_row row)
{
	out->by_state[row.state]++;
	if (out->rows_all++ >= ask->offset && out->row_count < ask->limit)
		rows[out->row_count++] = row;
}

static enum rc
make_rows(struct flow *f, const struct workflow_ask *ask)
{
	size_t nodes = f->d == NULL ? 0 : f->d->count, room = f->count + nodes;
	struct workflow_row *rows;

	room = room < ask->limit ? room : ask->limit;
	if ((rows = arena_alloc(f->budget->arena, room * sizeof(*rows))) == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < f->count; i++)
		if (f->state[i] != WORKFLOW_NONE)
			take_row(f->out, ask, rows,
			    (struct workflow_row){f->at[i], f->by[i], f->node[i], f->state[i]});
	for (size_t i = 0; i < nodes; i++)
		if (f->out->declared[i].newest == FACTS_NONE)
			take_row(f->out, ask, rows,
			    (struct workflow_row){FACTS_NONE, FACTS_NONE, (uint16_t)i,
				(uint8_t)f->out->declared[i].state});
	f->out->rows = rows;
	return RC_OK;
}

static enum rc
list_explanations(struct flow *f)
{
	uint32_t *list;
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += fact(f->v, f->at[i])->kind == KIND_EXPLANATION;
	if ((list = arena_alloc(f->budget->arena, n * sizeof(*list))) == NULL)
		return RC_NO_MEMORY;
	f->out->explanations = list;
	f->out->explanation_count = n;
	for (size_t i = 0; i < f->count; i++)
		if (fact(f->v, f->at[i])->kind == KIND_EXPLANATION)
			*list++ = f->at[i];
	return RC_OK;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* An entry that the answer rests on; those of the workflow are in it anyway. */
enum rc
flow_rests_on(struct flow *f, uint64_t index)
{
	if (index < f->v->size && fact_is_task(fact(f->v, (uint32_t)index)) &&
	    fact(f->v, (uint32_t)index)->wid == f->wid)
		return RC_OK;
	if (f->also_count == f->also_room) {
		size_t room = f->also_room == 0 ? 64 : 2 * f->also_room;
		uint64_t *more = arena_alloc(&f->scratch, room * sizeof(*more));

		if (more == NULL)
			return RC_NO_MEMORY;
		if (f->also_count > 0)
			memcpy(more, f->also, f->also_count * sizeof(*more));
		f->also = more;
		f->also_room = room;
	}
	f->also[f->also_count++] = index;
	return RC_OK;
}

/* Everything, on the first page. */
static enum rc
list_rests_on(struct flow *f, const struct workflow_ask *ask)
{
	struct workflow_answer *out = f->out;
	enum rc rc = RC_OK;
	uint64_t *list;
	size_t n = 0, a = 0;

	if (ask->offset > 0)
		return RC_OK;
	if (out->descriptor_at != FACTS_NONE)
		rc = flow_rests_on(f, out->descriptor_at);
	for (size_t i = 0; rc == RC_OK && i < out->superseded_count; i++)
		rc = flow_rests_on(f, out->superseded[i]);
	for (size_t i = 0; rc == RC_OK && i < f->count; i++)
		if (f->state[i] != WORKFLOW_NONE && f->by[i] != FACTS_NONE)
			rc = flow_rests_on(f, f->by[i]);
	list = arena_alloc(f->budget->arena, (f->count + f->also_count) * sizeof(*list));
	if (rc != RC_OK || list == NULL)
		return RC_NO_MEMORY;
	if (f->also_count > 0)
		qsort(f->also, f->also_count, sizeof(*f->also), ascending);
	for (size_t i = 0; i < f->count || a < f->also_count;) {
		uint64_t next = a == f->also_count || (i < f->count && f->at[i] < f->also[a])
				    ? f->at[i++]
				    : f->also[a++];

		if (n == 0 || list[n - 1] != next)
			list[n++] = next;
	}
	out->rests_on = list;
	out->rests_on_count = n;
	return RC_OK;
}

enum rc
answer_workflow(const struct facts_view *v, const struct workflow_ask *ask,
    const struct budget *budget, struct workflow_answer *out, struct why *why)
{
	struct flow f = {.v = v, .budget = budget, .wid = ask->wid, .out = out};
	struct starts starts = {0};
	enum rc rc;

	*out = (struct workflow_answer){
	    .tree_size = v->size, .complete = true, .descriptor_at = FACTS_NONE};
	arena_init(&f.scratch, SCRATCH_MAX);
	arena_init(&f.parse, PARSE_MAX);
	if ((rc = read_entries(&f)) != RC_OK || (rc = read_descriptor(&f)) != RC_OK ||
	    (rc = read_states(&f, why)) != RC_OK || (rc = read_starts(&f, &starts)) != RC_OK ||
	    (rc = sort_acts(&f)) != RC_OK || (rc = map_nodes(&f, &starts)) != RC_OK)
		goto out;
	judge_starts(&f, &starts);
	if ((rc = judge_declared(&f)) != RC_OK || (rc = flow_deviations(&f)) != RC_OK ||
	    (rc = make_rows(&f, ask)) != RC_OK || (rc = list_explanations(&f)) != RC_OK)
		goto out;
	rc = list_rests_on(&f, ask);

out:
	arena_release(&f.scratch);
	arena_release(&f.parse);
	return rc;
}
