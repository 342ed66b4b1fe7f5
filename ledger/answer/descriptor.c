/*
 * descriptor.c - reading and judging descriptors.
 *
 * One tree for both media (json_parse, descriptor_cbor), one judge.  Ids are sorted once, so that
 * finding one is a binary search; the order is Kahn's with the smallest free place first, by a heap,
 * so that a cycle shows as nodes that never get free.
 *
 * Invariants: every place in 'after', 'order' and 'by_id' is below 'count'; no node is named twice in
 * one 'after'; 'order' holds each place once.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/descriptor.h"
#include "answer/descriptor_own.h"
#include "base/must.h"
#include "base/text.h"

struct reading {
	struct arena *arena;
	struct descriptor *out;
	struct descriptor_node *nodes;
	const struct json_node **sources; /* of the nodes */
	struct why *why;
};

static enum rc
refuse(const struct reading *r, const char *member, const char *text, struct bytes name)
{
	if (name.n == 0)
		return why_set(r->why, RC_BAD_REQUEST, DESCRIPTOR_RULE, member, 0, "%s", text);
	return why_set(r->why, RC_BAD_REQUEST, DESCRIPTOR_RULE, member, 0, "%s: \"%.*s\"", text,
	    (int)(name.n < 64 ? name.n : 64), (const char *)name.p);
}

/* Text of one line: 1 to 'max' bytes without control characters. */
static bool
is_line(const struct json_node *n, size_t max)
{
	if (n->type != JSN_STRING || n->text.n == 0 || n->text.n > max)
		return false;
	for (size_t i = 0; i < n->text.n; i++)
		if (n->text.p[i] < 0x20 || n->text.p[i] == 0x7f)
			return false;
	return true;
}

/* ---- quotas ---- */

struct quota_member {
	const char *name;
	uint64_t *to;
};

static enum rc
read_quota(const struct reading *r, const struct json_node *object,
    const struct quota_member *members, size_t count)
{
	if (object->type != JSN_OBJECT)
		return refuse(r, "quota", "it is no object", BYTES_NONE);
	for (const struct json_node *n = object->child; n != NULL; n = n->next) {
		size_t i = 0;

		while (i < count && !bytes_is(n->name, members[i].name))
			i++;
		if (i == count)
			return refuse(r, "quota", "no such quota", n->name);
		if (!json_uint(n, members[i].to) || *members[i].to == 0)
			return refuse(r, "quota", "it is no whole number from 1 on", n->name);
	}
	return RC_OK;
}

/* ---- one node ---- */

static enum rc
read_hitl(const struct reading *r, const struct json_node *object, struct descriptor_node *node)
{
	if (object->type != JSN_OBJECT)
		return refuse(r, "hitl", "it is no object", BYTES_NONE);
	node->hitl = DESCRIPTOR_APPROVAL;
	for (const struct json_node *n = object->child; n != NULL; n = n->next) {
		if (bytes_is(n->name, "role") && is_line(n, DESCRIPTOR_ID_MAX))
			node->role = n->text;
		else if (bytes_is(n->name, "kind") && n->type == JSN_STRING &&
			 bytes_is(n->text, "approval"))
			node->hitl = DESCRIPTOR_APPROVAL;
		else if (bytes_is(n->name, "kind") && n->type == JSN_STRING &&
			 bytes_is(n->text, "notify"))
			node->hitl = DESCRIPTOR_NOTIFY;
		else
			return refuse(r, "hitl", "no such member, or not of its form", n->name);
	}
	return RC_OK;
}

/* Its predecessors are looked up when all ids are known. */
static enum rc
check_after(const struct reading *r, const struct json_node *array, struct descriptor_node *node)
{
	if (array->type != JSN_ARRAY || array->count > DESCRIPTOR_AFTER_MAX)
		return refuse(r, "after", "it is no array, or a long one", BYTES_NONE);
	for (const struct json_node *n = array->child; n != NULL; n = n->next)
		if (!is_line(n, DESCRIPTOR_ID_MAX))
			return refuse(r, "after", "an item is no id", BYTES_NONE);
	node->after_count = array->count;
	return RC_OK;
}

static enum rc
read_member(const struct reading *r, const struct json_node *n, struct descriptor_node *node)
{
	const struct quota_member quotas[] = {
	    {"count_max", &node->count_max}, {"wall_s_max", &node->wall_s_max}};

	if (bytes_is(n->name, "id")) {
		if (!is_line(n, DESCRIPTOR_ID_MAX))
			return refuse(r, "id", "it is no line of text", BYTES_NONE);
		node->id = n->text;
		return RC_OK;
	}
	if (bytes_is(n->name, "act")) {
		if (!is_line(n, DESCRIPTOR_ACT_MAX))
			return refuse(r, "act", "it is no line of text", BYTES_NONE);
		node->act = n->text;
		return RC_OK;
	}
	if (bytes_is(n->name, "after"))
		return check_after(r, n, node);
	if (bytes_is(n->name, "hitl"))
		return read_hitl(r, n, node);
	if (bytes_is(n->name, "quota"))
		return read_quota(r, n, quotas, 2);
	if (bytes_is(n->name, "resources")) {
		if (n->type != JSN_OBJECT)
			return refuse(r, "resources", "it is no object", BYTES_NONE);
		node->resources = n->raw;
		return RC_OK;
	}
	return refuse(r, "nodes", "no such member of a node", n->name);
}

static enum rc
read_nodes(struct reading *r, const struct json_node *array)
{
	size_t i = 0;
	enum rc rc;

	if (array->type != JSN_ARRAY || array->count == 0)
		return refuse(r, "nodes", "it is no array of nodes", BYTES_NONE);
	if (array->count > DESCRIPTOR_NODES_MAX)
		return why_set(r->why, RC_TOO_LARGE, DESCRIPTOR_RULE, "nodes", 0,
		    "more than %d nodes", DESCRIPTOR_NODES_MAX);
	r->nodes = arena_zalloc(r->arena, array->count * sizeof(*r->nodes));
	r->sources = arena_zalloc(r->arena, array->count * sizeof(const struct json_node *));
	if (r->nodes == NULL || r->sources == NULL)
		return RC_NO_MEMORY;
	for (const struct json_node *n = array->child; n != NULL; n = n->next, i++) {
		if (n->type != JSN_OBJECT)
			return refuse(r, "nodes", "a node is no object", BYTES_NONE);
		r->sources[i] = n;
		for (const struct json_node *m = n->child; m != NULL; m = m->next)
			if ((rc = read_member(r, m, &r->nodes[i])) != RC_OK)
				return rc;
		if (r->nodes[i].id.n == 0)
			return refuse(r, "id", "a node has none", BYTES_NONE);
		if (r->nodes[i].act.n == 0)
			r->nodes[i].act = r->nodes[i].id;
	}
	r->out->nodes = r->nodes;
	r->out->count = i;
	return RC_OK;
}

/* ---- the graph ---- */

static int
by_id(const void *a, const void *b, void *of)
{
	const struct descriptor_node *nodes = of;

	return bytes_cmp(nodes[*(const uint16_t *)a].id, nodes[*(const uint16_t *)b].id);
}

static enum rc
sort_ids(struct reading *r)
{
	uint16_t *places = arena_alloc(r->arena, r->out->count * sizeof(*places));

	if (places == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < r->out->count; i++)
		places[i] = (uint16_t)i;
	qsort_r(places, r->out->count, sizeof(*places), by_id, r->nodes);
	for (size_t i = 1; i < r->out->count; i++)
		if (bytes_eq(r->nodes[places[i - 1]].id, r->nodes[places[i]].id))
			return refuse(r, "id", "two nodes have the same", r->nodes[places[i]].id);
	r->out->by_id = places;
	return RC_OK;
}

static enum rc
resolve_after(struct reading *r, size_t place)
{
	struct descriptor_node *node = &r->nodes[place];
	const struct json_node *after = json_member(r->sources[place], "after");
	uint16_t *to;
	size_t n = 0;

	if (node->after_count == 0)
		return RC_OK;
	if ((to = arena_alloc(r->arena, node->after_count * sizeof(*to))) == NULL)
		return RC_NO_MEMORY;
	for (const struct json_node *a = after->child; a != NULL; a = a->next) {
		size_t found = descriptor_find(r->out, a->text);

		if (found == r->out->count)
			return refuse(r, "after", "no node has this id", a->text);
		for (size_t i = 0; i < n; i++)
			if (to[i] == found)
				return refuse(r, "after", "an id stands there twice", a->text);
		to[n++] = (uint16_t)found;
	}
	node->after = to;
	return RC_OK;
}

/* Kahn's, one word of bits for 64 places that are free: the smallest first. */
struct kahn {
	uint16_t *waits; /* by place: predecessors not yet out */
	uint32_t *first; /* by place: where its successors begin in 'next' */
	uint16_t *next;
	uint64_t free[(DESCRIPTOR_NODES_MAX + 63) / 64];
};

static bool
kahn_open(const struct reading *r, struct kahn *k)
{
	size_t count = r->out->count, edges = 0;
	uint32_t *fill;

	for (size_t i = 0; i < count; i++)
		edges += r->nodes[i].after_count;
	k->waits = arena_zalloc(r->arena, count * sizeof(*k->waits));
	k->first = arena_zalloc(r->arena, (count + 1) * sizeof(*k->first));
	fill = arena_zalloc(r->arena, count * sizeof(*fill));
	k->next = arena_alloc(r->arena, edges * sizeof(*k->next));
	if (k->waits == NULL || k->first == NULL || fill == NULL || k->next == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		k->waits[i] = (uint16_t)r->nodes[i].after_count;
		for (size_t j = 0; j < r->nodes[i].after_count; j++)
			k->first[r->nodes[i].after[j] + 1]++;
	}
	for (size_t i = 0; i < count; i++)
		k->first[i + 1] += k->first[i];
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < r->nodes[i].after_count; j++) {
			uint16_t a = r->nodes[i].after[j];

			k->next[k->first[a] + fill[a]++] = (uint16_t)i;
		}
	return true;
}

static bool
take_free(struct kahn *k, size_t *place)
{
	for (size_t w = 0; w < sizeof(k->free) / sizeof(k->free[0]); w++)
		if (k->free[w] != 0) {
			*place = w * 64 + (size_t)__builtin_ctzll(k->free[w]);
			k->free[w] &= k->free[w] - 1;
			return true;
		}
	return false;
}

static enum rc
sort_graph(struct reading *r)
{
	size_t count = r->out->count, n = 0, place;
	uint16_t *order = arena_alloc(r->arena, count * sizeof(*order));
	struct kahn k = {0};

	if (order == NULL || !kahn_open(r, &k))
		return RC_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		if (k.waits[i] == 0)
			k.free[i / 64] |= UINT64_C(1) << (i % 64);
	while (take_free(&k, &place)) {
		order[n++] = (uint16_t)place;
		for (uint32_t e = k.first[place]; e < k.first[place + 1]; e++)
			if (--k.waits[k.next[e]] == 0)
				k.free[k.next[e] / 64] |= UINT64_C(1) << (k.next[e] % 64);
	}
	for (size_t i = 0; n < count && i < count; i++)
		if (k.waits[i] > 0)
			return refuse(r, "after",
			    "nodes wait for each other in a circle, or behind one", r->nodes[i].id);
	r->out->order = order;
	return RC_OK;
}

/* ---- the whole ---- */

static enum rc
read_top(struct reading *r, const struct json_node *root)
{
	const struct quota_member quotas[] = {{"tasks_max", &r->out->tasks_max},
	    {"agents_max", &r->out->agents_max}, {"wall_s_max", &r->out->wall_s_max}};
	enum rc rc = RC_OK;

	for (const struct json_node *n = root->child; n != NULL && rc == RC_OK; n = n->next) {
		if (bytes_is(n->name, "nodes"))
			rc = read_nodes(r, n);
		else if (bytes_is(n->name, "quota"))
			rc = read_quota(r, n, quotas, 3);
		else if (bytes_is(n->name, "name") && is_line(n, DESCRIPTOR_ACT_MAX))
			r->out->name = n->text;
		else if (bytes_is(n->name, "version") && is_line(n, DESCRIPTOR_ACT_MAX))
			r->out->version = n->text;
		else
			rc = refuse(r, "descriptor", "no such member, or not of its form", n->name);
	}
	if (rc == RC_OK && r->out->count == 0)
		return refuse(r, "nodes", "there are none", BYTES_NONE);
	return rc;
}

static enum rc
read_tree(struct bytes text, enum descriptor_media media, struct arena *arena,
    struct json_node **root, struct why *why)
{
	static const struct json_limits limits = {
	    DESCRIPTOR_SIZE_MAX, DESCRIPTOR_DEPTH_MAX, DESCRIPTOR_ITEMS_MAX};
	struct why inner = {0};
	enum rc rc;

	if (text.n > DESCRIPTOR_SIZE_MAX)
		return why_set(why, RC_TOO_LARGE, DESCRIPTOR_RULE, "descriptor", 0,
		    "%zu bytes, at most %d", text.n, DESCRIPTOR_SIZE_MAX);
	if (media == DESCRIPTOR_CBOR)
		return descriptor_cbor(text, arena, root, why);
	rc = json_parse(text, &limits, true, arena, root, &inner);
	if (rc == RC_OK || rc == RC_NO_MEMORY)
		return rc;
	return why_set(why, rc == RC_TOO_LARGE ? rc : RC_BAD_REQUEST, DESCRIPTOR_RULE, "descriptor",
	    inner.at, "%s", inner.text);
}

enum rc
descriptor_read(struct bytes text, enum descriptor_media media, struct arena *arena,
    const struct descriptor **out, struct why *why)
{
	struct reading r = {.arena = arena, .why = why};
	struct json_node *root = NULL;
	enum rc rc;

	*out = NULL;
	if ((rc = read_tree(text, media, arena, &root, why)) != RC_OK)
		return rc;
	if ((r.out = arena_zalloc(arena, sizeof(*r.out))) == NULL)
		return RC_NO_MEMORY;
	if ((rc = read_top(&r, root)) != RC_OK || (rc = sort_ids(&r)) != RC_OK)
		return rc;
	for (size_t i = 0; i < r.out->count; i++)
		if ((rc = resolve_after(&r, i)) != RC_OK)
			return rc;
	if ((rc = sort_graph(&r)) != RC_OK)
		return rc;
	*out = r.out;
	return RC_OK;
}

size_t
descriptor_find(const struct descriptor *d, struct bytes id)
{
	size_t from = 0, to = d->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = bytes_cmp(d->nodes[d->by_id[middle]].id, id);

		if (order == 0)
			return d->by_id[middle];
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return d->count;
}
