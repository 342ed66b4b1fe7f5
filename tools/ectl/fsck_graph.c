/*
 * fsck_graph.c - parents and chain links, derived again from the tokens alone.
 *
 * Entries come in the order of their index, so that what a look-up finds is what the log had when
 * the entry was written: a predecessor is in the child's own workflow, or, when it is not, in
 * exactly one other.
 *
 * After a link that differs, the sequence goes on from the entry's own word: one wrong entry is
 * then one problem, not one for each that follows.
 */
#include "fsck_graph.h"

#include <stdlib.h>
#include <string.h>

#define SKEW_S 30

static uint64_t
mix(const uint8_t id[FSCK_ID], uint64_t seed)
{
	uint64_t h = fsck_u64(id) ^ seed * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 31) * UINT64_C(0xbf58476d1ce4e5b9) ^ fsck_u64(id + 8);
	h = (h ^ h >> 29) * UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 32;
}

struct fsck_graph *
fsck_graph_new(void)
{
	return fsck_alloc(1, sizeof(struct fsck_graph));
}

void
fsck_graph_free(struct fsck_graph *g)
{
	if (g == NULL)
		return;
	free(g->nodes);
	free(g->parents);
	free(g->seqs);
	free(g->marked);
	free(g->buckets);
	free(g->slots);
	free(g);
}

/* ---- ids ---- */

static void
rehash_nodes(struct fsck_graph *g)
{
	free(g->buckets);
	g->bucket_count = g->bucket_count != 0 ? g->bucket_count * 2 : 1024;
	g->buckets = fsck_alloc(g->bucket_count, sizeof(*g->buckets));
	/* Upwards, so that a chain begins with the newest in every case. */
	for (size_t i = 0; i < g->count; i++) {
		struct fsck_node *n = &g->nodes[i];
		uint64_t at = mix(n->task.jti, 0) & (g->bucket_count - 1);

		if (!n->is_task)
			continue;
		n->next = g->buckets[at];
		g->buckets[at] = (uint32_t)i + 1;
	}
}

static struct fsck_node *
add_node(struct fsck_graph *g, size_t parent_count)
{
	struct fsck_node *n;

	g->nodes = fsck_grow(g->nodes, g->count, &g->room, sizeof(*g->nodes));
	n = &g->nodes[g->count++];
	memset(n, 0, sizeof(*n));
	n->first_parent = g->parent_total - parent_count;
	n->parent_count = (uint32_t)parent_count;
	n->read = true;
	return n;
}

static void
add_task(struct fsck_graph *g, const struct fsck_entry *e, const struct fsck_task *t)
{
	struct fsck_node *n = add_node(g, t->pred_count);
	uint64_t at;

	n->is_task = true;
	memcpy(n->task.jti, t->jti, FSCK_ID);
	memcpy(n->task.wid, t->wid, FSCK_ID);
	memcpy(n->task.hash, t->hash, sizeof(t->hash));
	n->task.hash_count = (uint8_t)t->hash_count;
	n->task.iat = t->iat;
	n->lower = e->level == 1 || (e->flags & FSCK_LOWER_PARENT) != 0;
	if (g->count > g->bucket_count) {
		rehash_nodes(g);
		return;
	}
	at = mix(n->task.jti, 0) & (g->bucket_count - 1);
	n->next = g->buckets[at];
	g->buckets[at] = (uint32_t)g->count;
}

static bool
is_hole(const struct fsck_graph *g, uint64_t index)
{
	return index < g->count && !g->nodes[index].read;
}

/*
 * How many tasks have this id in this scope ('wid' NULL: in any); the last one found in '*index'.
 */
static size_t
find(const struct fsck_graph *g, const uint8_t *wid, const uint8_t *jti, uint64_t *index)
{
	size_t found = 0;
	uint32_t i;

	if (g->bucket_count == 0)
		return 0;
	for (i = g->buckets[mix(jti, 0) & (g->bucket_count - 1)]; i != 0; i = g->nodes[i - 1].next)
		if (memcmp(g->nodes[i - 1].task.jti, jti, FSCK_ID) == 0 &&
		    (wid == NULL || memcmp(g->nodes[i - 1].task.wid, wid, FSCK_ID) == 0)) {
			*index = i - 1;
			found++;
		}
	return found;
}

/* ---- sequences ---- */

static struct fsck_seq *
seq_slot(struct fsck_graph *g, unsigned kind, const uint8_t id[FSCK_ID])
{
	uint64_t at = mix(id, (uint64_t)kind);

	for (;; at++) {
		uint32_t *slot = &g->slots[at & (g->slot_count - 1)];
		struct fsck_seq *s;

		if (*slot == 0) {
			g->seqs = fsck_grow(g->seqs, g->seq_count, &g->seq_room, sizeof(*g->seqs));
			s = &g->seqs[g->seq_count++];
			memset(s, 0, sizeof(*s));
			s->kind = kind;
			g->seqs_only += kind < FSCK_LIST;
			memcpy(s->id, id, FSCK_ID);
			*slot = (uint32_t)g->seq_count;
			return s;
		}
		s = &g->seqs[*slot - 1];
		if (s->kind == kind && memcmp(s->id, id, FSCK_ID) == 0)
			return s;
	}
}

static struct fsck_seq *
seq_of(struct fsck_graph *g, unsigned kind, const uint8_t id[FSCK_ID])
{
	if ((g->seq_count + 1) * 2 > g->slot_count) {
		free(g->slots);
		g->slot_count = g->slot_count != 0 ? g->slot_count * 2 : 1024;
		g->slots = fsck_alloc(g->slot_count, sizeof(*g->slots));
		for (size_t i = 0; i < g->seq_count; i++) {
			uint64_t at = mix(g->seqs[i].id, (uint64_t)g->seqs[i].kind);

			while (g->slots[at & (g->slot_count - 1)] != 0)
				at++;
			g->slots[at & (g->slot_count - 1)] = (uint32_t)i + 1;
		}
	}
	return seq_slot(g, kind, id);
}

static void
check_link(struct fsck *f, uint64_t index, unsigned kind, const uint8_t id[FSCK_ID],
    const struct fsck_link *link)
{
	static const char *const names[FSCK_SEQ_KINDS] = {"", "workflow", "issuer", "foreign",
	    "keys", "domain's keys", "equivocations", "issuer's equivocations", "policies",
	    "policies and descriptors", "descriptors"};
	struct fsck_seq *s = seq_of(f->graph, kind, id);
	uint64_t previous = s->count == 0 ? FSCK_NONE : s->last;

	if ((link->ordinal != s->count || link->previous != previous) &&
	    !is_hole(f->graph, link->previous))
		fsck_problem(f, FSCK_CHAIN, index, names[kind],
		    "the link says ordinal %llu after entry %lld, the tokens say %llu after %lld "
		    "(-1: none)",
		    (unsigned long long)link->ordinal, (long long)link->previous,
		    (unsigned long long)s->count, (long long)previous);
	s->count = link->ordinal + 1;
	s->last = index;
}

uint64_t
fsck_list_sum(uint64_t sum, uint64_t index)
{
	uint64_t h = (sum ^ index) * UINT64_C(0x9e3779b97f4a7c15);

	return (h ^ h >> 32) * UINT64_C(0xbf58476d1ce4e5b9) + index;
}

static void
add_to_list(
    struct fsck_graph *g, enum fsck_list_kind kind, const uint8_t id[FSCK_ID], uint64_t index)
{
	struct fsck_seq *s = seq_of(g, FSCK_LIST + (unsigned)kind, id);

	s->count++;
	s->last = index;
	s->sum = fsck_list_sum(s->sum, index);
}

/* Lists go by the hash of a name. */
static void
add_to_named(struct fsck_graph *g, enum fsck_list_kind kind, const char *name, uint64_t index)
{
	uint8_t hash[FSCK_HASH];

	fsck_sha256((struct span){(const uint8_t *)name, strlen(name)}, hash);
	add_to_list(g, kind, hash, index);
}

void
fsck_graph_mark(struct fsck_graph *g)
{
	g->marked_seqs = g->seqs_only;
	free(g->marked);
	g->marked = fsck_alloc(g->seq_count + 1, sizeof(*g->marked));
	g->marked_count = g->seq_count;
	if (g->seq_count > 0)
		memcpy(g->marked, g->seqs, g->seq_count * sizeof(*g->marked));
}

/* ---- one entry ---- */

/* Parents from the predecessors; gives how many were found, and told what differs. */
static void
check_parents(struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_task *t,
    uint64_t *parents)
{
	struct fsck_graph *g = f->graph;

	if (e->parent_count != t->pred_count) {
		fsck_problem(f, FSCK_PARENT, index, NULL,
		    "the entry has %zu parents, the token %zu predecessors", e->parent_count,
		    t->pred_count);
	}
	for (size_t i = 0; i < t->pred_count; i++) {
		size_t found = find(g, t->wid, t->pred[i], &parents[i]);

		if (found == 0)
			found = find(g, NULL, t->pred[i], &parents[i]);
		if (found == 0 && i < e->parent_count && is_hole(g, e->parents[i])) {
			parents[i] = FSCK_NONE;
		} else if (found != 1) {
			parents[i] = FSCK_NONE;
			fsck_problem(f, FSCK_PARENT, index, NULL, "predecessor %zu is %s", i,
			    found == 0 ? "not in the log before it" : "in several workflows");
		} else if (i < e->parent_count && parents[i] != e->parents[i]) {
			fsck_problem(f, FSCK_PARENT, index, NULL,
			    "parent %zu is said to be entry %llu, the predecessor is entry %llu", i,
			    (unsigned long long)e->parents[i], (unsigned long long)parents[i]);
		} else if (g->nodes[parents[i]].task.iat > t->iat + SKEW_S) {
			fsck_problem(f, FSCK_PARENT, index, NULL,
			    "predecessor %zu was issued after its successor", i);
		}
	}
}

/* One link for each other scope that a parent is in, in the order of first mention. */
static void
check_foreign(struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_task *t,
    const uint64_t *parents)
{
	uint8_t want[FSCK_PREDS][FSCK_ID];
	size_t n = 0, at;
	bool known = true;

	for (size_t i = 0; i < t->pred_count; i++) {
		const uint8_t *wid;

		if (parents[i] == FSCK_NONE)
			continue;
		wid = f->graph->nodes[parents[i]].task.wid;
		if (memcmp(wid, t->wid, FSCK_ID) == 0)
			continue;
		for (at = 0; at < n && memcmp(want[at], wid, FSCK_ID) != 0; at++)
			;
		if (at == n)
			memcpy(want[n++], wid, FSCK_ID);
	}
	/* The scope of a hole is not known. */
	for (size_t i = 0; i < t->pred_count; i++)
		known = known && parents[i] != FSCK_NONE;
	if (known && n != e->foreign_count)
		fsck_problem(f, FSCK_CHAIN, index, "foreign",
		    "the entry has %zu foreign links, its parents are in %zu other scopes",
		    e->foreign_count, n);
	for (size_t i = 0; i < e->foreign_count; i++) {
		if (known && i < n && memcmp(want[i], e->foreign[i].wid, FSCK_ID) != 0)
			fsck_problem(f, FSCK_CHAIN, index, "foreign",
			    "foreign link %zu is of another workflow than the parent", i);
		check_link(f, index, FSCK_SEQ_FOREIGN, e->foreign[i].wid, &e->foreign[i].link);
	}
}

/*
 * Is what is said of L1 among the ancestors what the parents say?  Version 1 knew no L1.
 */
static void
check_flags(struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_task *t,
    const uint64_t *parents)
{
	bool lower = false, known = true, flag = (e->flags & FSCK_LOWER_PARENT) != 0;

	for (size_t i = 0; i < t->pred_count; i++) {
		known = known && parents[i] != FSCK_NONE;
		lower = lower || (parents[i] != FSCK_NONE && f->graph->nodes[parents[i]].lower);
	}
	if (known && e->version != 1 && flag != lower)
		fsck_problem(f, FSCK_PARENT, index, "flags",
		    lower ? "an ancestor is L1, and the entry does not say so"
			  : "the entry says that an ancestor is L1, and none is");
	if (((e->flags & FSCK_FOREIGN_PARENT) != 0) != (e->foreign_count > 0))
		fsck_problem(f, FSCK_CHAIN, index, "flags",
		    "foreign links and the flag for parents in another workflow differ");
}

static void
add_lists(struct fsck_graph *g, uint64_t index, const struct fsck_entry *e,
    const struct fsck_task *t, const char *kind)
{
	add_to_list(g, FSCK_LIST_WORKFLOW, t->wid, index);
	add_to_list(g, FSCK_LIST_ISSUER, t->issuer, index);
	add_to_list(g, FSCK_LIST_ACT, t->act, index);
	if (kind != NULL)
		add_to_named(g, FSCK_LIST_KIND, kind, index);
	if (kind == t->kind && t->means != NULL)
		add_to_named(g, FSCK_LIST_KIND, t->means, index);
	if (e->has_signer)
		add_to_list(g, FSCK_LIST_SIGNER, e->signer, index);
}

void
fsck_graph_add(
    struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_task *t)
{
	struct fsck_graph *g = f->graph;
	uint64_t parents[FSCK_PREDS], other;

	if (t == NULL) {
		add_node(g, 0)->read = false;
		g->holes++;
		return;
	}
	if (find(g, t->wid, t->jti, &other) > 0)
		fsck_problem(f, FSCK_TOKEN, index, NULL,
		    "its id is already that of entry %llu in the same scope",
		    (unsigned long long)other);
	check_parents(f, index, e, t, parents);
	check_link(f, index, FSCK_SEQ_WORKFLOW, t->wid, &e->workflow);
	check_link(f, index, FSCK_SEQ_ISSUER, t->issuer, &e->issuer);
	check_foreign(f, index, e, t, parents);
	check_flags(f, index, e, t, parents);
	add_lists(g, index, e, t, t->kind);
	for (size_t i = 0; i < t->pred_count; i++) {
		g->parents =
		    fsck_grow(g->parents, g->parent_total, &g->parent_room, sizeof(*g->parents));
		g->parents[g->parent_total++] = parents[i];
	}
	add_task(g, e, t);
}

/* ---- entries that are no tasks ---- */

void
fsck_graph_add_key(struct fsck *f, uint64_t index, const struct fsck_entry *e, struct span domain)
{
	static const uint8_t all[FSCK_ID];
	uint8_t hash[FSCK_HASH];

	fsck_sha256(domain, hash);
	check_link(f, index, FSCK_SEQ_KEYS, all, &e->workflow);
	check_link(f, index, FSCK_SEQ_DOMAIN_KEYS, hash, &e->issuer);
	add_to_named(f->graph, FSCK_LIST_KIND, "key", index);
	(void)add_node(f->graph, 0);
}

void
fsck_graph_add_own(
    struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_own *own)
{
	static const uint8_t all[FSCK_ID];
	bool policy = e->kind == FSCK_POLICY_ENTRY;

	check_link(f, index, policy ? FSCK_SEQ_POLICIES : FSCK_SEQ_DESCRIPTORS,
	    policy ? all : own->wid, &e->workflow);
	check_link(f, index, FSCK_SEQ_OWN, all, &e->issuer);
	add_to_named(f->graph, FSCK_LIST_KIND, policy ? "policy" : "descriptor", index);
	(void)add_node(f->graph, 0);
}

void
fsck_graph_add_equivocation(
    struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_task *t)
{
	static const uint8_t all[FSCK_ID];
	struct fsck_graph *g = f->graph;
	uint64_t holder = e->parents[0];
	bool hole = is_hole(g, holder), held = holder < g->count && g->nodes[holder].is_task;

	held = held && memcmp(g->nodes[holder].task.jti, t->jti, FSCK_ID) == 0 &&
	       memcmp(g->nodes[holder].task.wid, t->wid, FSCK_ID) == 0;
	if (!held && !hole)
		fsck_problem(f, FSCK_PARENT, index, NULL,
		    "entry %llu is not the one that holds the id of the refused token",
		    (unsigned long long)holder);
	check_link(f, index, FSCK_SEQ_EQUIVOCATIONS, all, &e->workflow);
	check_link(f, index, FSCK_SEQ_ISSUER_EQUIVOCATIONS, t->issuer, &e->issuer);
	add_lists(g, index, e, t, "equivocation");
	(void)add_node(g, 0);
}

void
fsck_graph_add_other(struct fsck *f, uint64_t index)
{
	(void)index;
	(void)add_node(f->graph, 0);
}
