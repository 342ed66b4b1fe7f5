/*
 * recovery_read.c - rollback requests as they were meant, and what is wrong with each by itself: its form,
 * who signed it, whether he may ask, when it came, and whether it was asked before.
 *
 * A request is judged by the log as it was when the request was written: what came later neither adds
 * to its set nor takes away from it.
 */
#include <string.h>

#include "answer/recovery_own.h"
#include "base/must.h"

enum rc
recovery_no_memory(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
}

static struct facts_view
view_with(const struct recovery *r, uint32_t index)
{
	return (struct facts_view){r->v->f, index + 1};
}

static bool
is_work(const struct facts_view *v, uint32_t index)
{
	const struct fact *t = fact(v, index);

	return fact_is_task(t) && recovery_is_work((enum kind_id)t->kind);
}

void
recovery_work_parents(
    const struct facts_view *v, uint32_t index, bool through, struct index_list *out)
{
	const struct fact *t = fact(v, index);

	for (unsigned k = 0; k < t->parent_count; k++) {
		uint32_t p = fact_parent(v, t, k);

		if (is_work(v, p))
			list_put(out, p);
		else if (through && fact(v, p)->kind == KIND_FAILURE)
			recovery_work_parents(v, p, false, out);
	}
}

void
recovery_named(
    const struct facts_view *view, uint32_t index, struct arena *scratch, struct index_list *out)
{
	struct facts_view v = {view->f, index + 1};
	const struct fact *t = fact(&v, index);
	const struct json_node *n;
	uint8_t id[UUID_SIZE];
	uint32_t i = FACTS_NONE;

	if (t->kind == KIND_FAILURE || (t->flags & FACT_BREACH)) {
		recovery_work_parents(&v, index, false, out);
		return;
	}
	n = fact_key(&v, index, "compensates", scratch);
	if (n != NULL && uuid_parse(n->text, id))
		i = facts_meant(&v, index, id);
	for (unsigned k = 0; k < t->parent_count && i != FACTS_NONE; k++)
		if (fact_parent(&v, t, k) == i) {
			if (is_work(&v, i))
				list_put(out, i);
			return;
		}
}

/* ---- what is asked for ---- */

struct reading {
	struct recovery *r;
	struct recovery_request *q;
	struct facts_view v; /* up to the request, itself included */
	const struct fact *t;
	struct index_list targets, set;
};

static const struct json_node *
key(const struct reading *d, const char *name)
{
	return fact_key(&d->v, d->q->index, name, &d->r->page);
}

/* The task that a text means; FACTS_NONE. */
static uint32_t
meant(const struct reading *d, const struct json_node *n)
{
	uint8_t id[UUID_SIZE];

	if (n->type != JSN_STRING || !uuid_parse(n->text, id))
		return FACTS_NONE;
	return facts_meant(&d->v, d->q->index, id);
}

static bool
read_set(struct reading *d, const struct json_node *set)
{
	if (set->count == 0)
		return false;
	for (const struct json_node *n = set->child; n != NULL; n = n->next) {
		uint32_t i = meant(d, n);

		if (i == FACTS_NONE || !is_work(&d->v, i))
			return false;
		list_put(&d->set, i);
	}
	return true;
}

/* The set must hold something that the request rests on: what it does not rest on it shows no ground for. */
static bool
share_one(const struct index_list *a, const struct index_list *b)
{
	for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
		if (a->at[i] == b->at[j])
			return true;
		if (a->at[i] < b->at[j])
			i++;
		else
			j++;
	}
	return false;
}

static unsigned
read_scope(struct reading *d, bool has_set, bool has_cp)
{
	static const struct {
		const char *word;
		enum undo_scope scope;
	} words[] = {{"node", UNDO_NODE}, {"subgraph", UNDO_FAILED}, {"failed", UNDO_FAILED},
	    {"checkpoint", UNDO_CHECKPOINT}, {"full", UNDO_FULL}, {"workflow", UNDO_WORKFLOW}};
	const struct json_node *n = key(d, "scope");
	size_t i = 0, count = sizeof(words) / sizeof(words[0]);
	bool to_cp;

	d->q->scope = has_set ? UNDO_NODE : has_cp ? UNDO_CHECKPOINT : UNDO_FAILED;
	if (n != NULL) {
		while (i < count && !bytes_is(n->text, words[i].word))
			i++;
		if (i == count)
			return RECOVERY_BAD_SCOPE;
		d->q->scope = words[i].scope;
	}
	to_cp = d->q->scope == UNDO_CHECKPOINT || d->q->scope == UNDO_FULL;
	if ((has_set && (has_cp || (d->q->scope != UNDO_NODE && d->q->scope != UNDO_FAILED))) ||
	    (has_cp && !to_cp))
		return RECOVERY_BAD_SCOPE;
	return 0;
}

static unsigned
read_roots(struct reading *d, const struct json_node *set)
{
	struct index_list *from = set != NULL ? &d->set : &d->targets;

	recovery_work_parents(&d->v, d->q->index, true, &d->targets);
	if (!list_sort(&d->targets))
		return 0;
	if (set != NULL && (!read_set(d, set) || !list_sort(&d->set)))
		return RECOVERY_UNKNOWN_TARGET;
	if (from->count == 0 || (set != NULL && !share_one(&d->set, &d->targets)))
		return RECOVERY_UNKNOWN_TARGET;
	d->q->roots = arena_alloc(&d->r->scratch, from->count * sizeof(*d->q->roots));
	if (d->q->roots == NULL) {
		d->targets.bad = true;
		return 0;
	}
	memcpy(d->q->roots, from->at, from->count * sizeof(*from->at));
	d->q->root_count = from->count;
	return 0;
}

/* The checkpoint that is named, or the nearest one.  Only where nothing else is wrong: what may not be asked must not cost a
 * walk. */
static enum rc
find_checkpoint(struct reading *d)
{
	struct recovery_request *q = d->q;
	struct facts_view before = {d->r->v->f, q->index};
	enum rc rc;

	if (q->flags != 0 || (q->scope != UNDO_CHECKPOINT && q->scope != UNDO_FULL))
		return RC_OK;
	rc = undo_begin(&d->r->undo, &before, d->t->received_ms, d->r->budget);
	q->checkpoint = q->target_cp;
	if (rc == RC_OK && q->checkpoint == FACTS_NONE) {
		rc =
		    undo_nearest(&d->r->undo, q->roots, q->root_count, &d->r->page, &q->checkpoint);
		d->r->complete = d->r->complete && d->r->undo.complete;
	}
	if (rc != RC_OK)
		return recovery_no_memory(d->r->why);
	if (q->checkpoint == FACTS_NONE || !undo_usable(&d->r->undo, q->checkpoint, &d->r->page))
		q->flags |= RECOVERY_BAD_TARGET;
	return RC_OK;
}

/* ---- who asks, and when ---- */

/* A workflow's first task, which is there.  Where a descriptor came before, the whole workflow has to be looked
 * through: once, not for each root of each request. */
static uint32_t
first_task(const struct reading *d, uint32_t wid)
{
	uint32_t first = facts_first(&d->v, FACTS_WID, wid), *known = d->r->first_task;

	if (fact_is_task(fact(&d->v, first)) && fact(&d->v, first)->wid == wid)
		return first;
	if (known != NULL && known[wid] != 0)
		return known[wid] - 1;
	for (uint32_t i = facts_workflow_last(&d->v, wid); i != FACTS_NONE;
	     i = fact(&d->v, i)->in_workflow)
		first = i;
	if (known == NULL)
		known = d->r->first_task = arena_zalloc(&d->r->scratch,
		    (size_t)facts_count(d->r->v, FACTS_WID) * sizeof(*known));
	if (known != NULL)
		known[wid] = first + 1;
	return first;
}

/* The signer of the workflow's first task.  Not of every task without predecessors: anybody can add one. */
static bool
is_root_signer(const struct reading *d, uint32_t wid)
{
	uint32_t first;

	if (wid == FACTS_NONE)
		return false;
	first = first_task(d, wid);
	return fact(&d->v, first)->iss == d->t->iss && first != d->q->index;
}

static bool
may_ask(const struct reading *d)
{
	const struct policy_doc *doc = fact_doc(&d->v, d->q->index);
	struct bytes who = facts_name(&d->v, FACTS_ISS, d->t->iss);
	unsigned may = doc->recovery.requesters;

	for (size_t i = 0, j = 0; i < d->q->root_count; i++) {
		const struct fact *x = fact(&d->v, d->q->roots[i]);

		while (j < d->targets.count && d->targets.at[j] < d->q->roots[i])
			j++;
		if (j == d->targets.count || d->targets.at[j] != d->q->roots[i])
			continue; /* of the set, but not what the request rests on */
		if (((may & REQUESTER_SIGNER) && x->iss == d->t->iss) ||
		    ((may & REQUESTER_ROOT) && is_root_signer(d, x->wid)))
			return true;
	}
	return ((may & REQUESTER_COORDINATOR) && policy_holds(doc, "coordinator", who)) ||
	       ((may & REQUESTER_HUMAN) && policy_holds(doc, "human", who));
}

/* Until when it can be answered. */
static void
read_until(struct reading *d)
{
	int64_t age_s = fact_doc(&d->v, d->q->index)->recovery.request_age_max_s;
	const struct json_node *n = key(d, "not_after");
	uint64_t s;

	d->q->until_ms = UINT64_MAX;
	if (age_s > 0 && (uint64_t)age_s < UINT64_MAX / 2000)
		d->q->until_ms = d->t->received_ms + (uint64_t)age_s * 1000;
	if (n == NULL)
		return;
	if (!json_uint(n, &s))
		s = n->raw.n > 0 && n->raw.p[0] == '-'
			? 0
			: UINT64_MAX / 2000; /* before 1970; far off */
	if (s < UINT64_MAX / 2000 && s * 1000 < d->q->until_ms)
		d->q->until_ms = s * 1000;
	if (d->t->received_ms > d->q->until_ms)
		d->q->flags |= RECOVERY_STALE_REQUEST;
}

static bool
signed_about(const struct reading *d)
{
	for (size_t i = 0; i < d->q->root_count; i++)
		if (fact(&d->v, d->q->roots[i])->level != LEVEL_1)
			return true;
	return false;
}

static enum rc
judge(struct reading *d)
{
	struct recovery_request *q = d->q;
	const struct json_node *set = key(d, "set"), *cp = key(d, "target_cp");
	const struct json_node *idem = key(d, "idem");

	if (d->t->flags & FACT_BREACH) {
		q->flags = RECOVERY_BREACH;
		return RC_OK;
	}
	if (idem != NULL && !arena_dup(&d->r->scratch, idem->text, &q->idem))
		return recovery_no_memory(d->r->why);
	if (idem != NULL && q->idem.p == NULL)
		q->idem.p = (const uint8_t *)"";
	q->flags |= read_scope(d, set != NULL, cp != NULL);
	q->flags |= read_roots(d, set);
	if (d->targets.bad || d->set.bad)
		return recovery_no_memory(d->r->why);
	if (cp != NULL)
		q->target_cp = meant(d, cp);
	if (cp != NULL && (q->target_cp == FACTS_NONE || q->target_cp == q->index))
		q->flags |= RECOVERY_UNKNOWN_TARGET;
	if (q->root_count > 0 && d->t->level == LEVEL_1 && signed_about(d))
		q->flags |= RECOVERY_UNSIGNED;
	if (q->root_count > 0 && !may_ask(d))
		q->flags |= RECOVERY_NOT_AUTHORIZED;
	read_until(d);
	return find_checkpoint(d);
}

static enum rc
read_request(struct recovery *r, uint32_t number)
{
	struct recovery_request *q = &r->requests[number];
	struct reading d = {.r = r, .q = q, .v = view_with(r, q->index), .t = fact(r->v, q->index)};
	enum rc rc;

	q->first = number;
	q->target_cp = q->checkpoint = FACTS_NONE;
	q->until_ms = UINT64_MAX;
	rc = judge(&d);
	list_release(&d.targets);
	list_release(&d.set);
	arena_reset(&r->page);
	return rc;
}

/* ---- asked before? ---- */

static bool
same_content(const struct recovery_request *a, const struct recovery_request *b)
{
	return a->scope == b->scope && a->target_cp == b->target_cp &&
	       a->root_count == b->root_count &&
	       memcmp(a->roots, b->roots, a->root_count * sizeof(*a->roots)) == 0;
}

struct idem_key {
	uint32_t iss, number;
	struct bytes idem;
};

static int
by_idem(const void *a, const void *b)
{
	const struct idem_key *x = a, *y = b;
	int c = (x->iss > y->iss) - (x->iss < y->iss);

	if (c == 0)
		c = bytes_cmp(x->idem, y->idem);
	return c != 0 ? c : (x->number > y->number) - (x->number < y->number);
}

static enum rc
find_repeats(struct recovery *r)
{
	struct idem_key *keys = arena_alloc(&r->scratch, (r->request_count + 1) * sizeof(*keys));
	size_t n = 0, first = 0;

	if (keys == NULL)
		return recovery_no_memory(r->why);
	for (uint32_t i = 0; i < r->request_count; i++)
		if (r->requests[i].idem.p != NULL && !(r->requests[i].flags & RECOVERY_UNCLEAR))
			keys[n++] = (struct idem_key){
			    fact(r->v, r->requests[i].index)->iss, i, r->requests[i].idem};
	if (n > 1)
		qsort(keys, n, sizeof(*keys), by_idem);
	for (size_t i = 1; i < n; i++) {
		struct recovery_request *q = &r->requests[keys[i].number];

		if (keys[i].iss != keys[first].iss || !bytes_eq(keys[i].idem, keys[first].idem)) {
			first = i;
			continue;
		}
		if (same_content(q, &r->requests[keys[first].number])) {
			q->flags |= RECOVERY_REPEAT;
			q->first = keys[first].number;
		} else {
			q->flags |= RECOVERY_IDEM_CONFLICT;
		}
	}
	return RC_OK;
}

enum rc
recovery_read_requests(struct recovery *r)
{
	size_t n = 0;
	enum rc rc;

	for (uint32_t i = facts_kind_last(r->v, KIND_ROLLBACK_REQUEST); i != FACTS_NONE;
	     i = facts_kind_before(r->v, i))
		n++;
	r->requests = arena_zalloc(&r->scratch, (n + 1) * sizeof(*r->requests));
	if (r->requests == NULL)
		return recovery_no_memory(r->why);
	r->request_count = n;
	for (uint32_t i = facts_kind_last(r->v, KIND_ROLLBACK_REQUEST); i != FACTS_NONE;
	     i = facts_kind_before(r->v, i))
		r->requests[--n].index = i;
	for (uint32_t i = 0; i < r->request_count; i++) {
		if (i >= r->budget->nodes_max || (i % 64 == 0 && budget_late(r->budget))) {
			r->request_count = i;
			r->complete = false;
			break;
		}
		if ((rc = read_request(r, i)) != RC_OK)
			return rc;
	}
	return find_repeats(r);
}

uint32_t
recovery_request_at(const struct recovery *r, uint32_t index)
{
	size_t low = 0, high = r->request_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->requests[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->request_count && r->requests[low].index == index ? (uint32_t)low
									 : FACTS_NONE;
}

enum rc
recovery_reach(struct recovery *r, const struct recovery_request *q)
{
	struct facts_view before = {r->v->f, q->index};
	bool to_cp = q->scope == UNDO_CHECKPOINT || q->scope == UNDO_FULL;
	enum rc rc;

	rc = undo_begin(&r->undo, &before, fact(r->v, q->index)->received_ms, r->budget);
	if (rc == RC_OK)
		rc = undo_run(&r->undo, q->scope, q->roots, q->root_count,
		    to_cp ? q->checkpoint : FACTS_NONE);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return recovery_no_memory(r->why);
	r->complete = r->complete && r->undo.complete;
	return rc;
}
