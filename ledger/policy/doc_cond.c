/*
 * doc_cond.c - conditions of rules, read from JSON into a flat list without recursion: a walk along the
 * list appends what each node holds.
 *
 * Invariants: nodes[0] is the whole condition; a node's parent stands before it; POLICY_CONDS_MAX nodes
 * in a document, POLICY_COND_DEPTH_MAX levels, POLICY_VALUES_MAX values in one list.
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "policy/doc_own.h"
#include "policy/number.h"

static const char *const op_names[] = {[COND_ALL] = "all",
    [COND_ANY] = "any",
    [COND_NOT] = "not",
    [COND_EQ] = "eq",
    [COND_NE] = "ne",
    [COND_IN] = "in",
    [COND_GT] = "gt",
    [COND_GE] = "ge",
    [COND_LT] = "lt",
    [COND_LE] = "le",
    [COND_PREFIX] = "prefix",
    [COND_EXISTS] = "exists"};

static const char *const field_names[] = {[FIELD_ACT] = "exec_act",
    [FIELD_ISS] = "iss",
    [FIELD_DOMAIN] = "trust_domain",
    [FIELD_KIND] = "kind",
    [FIELD_WID] = "wid"};

struct building {
	struct doc_reader *r;
	const char *path; /* of the condition */
	struct cond_node *nodes;
	const struct json_node *from[POLICY_CONDS_MAX];
	unsigned depth[POLICY_CONDS_MAX];
	unsigned place[POLICY_CONDS_MAX]; /* among what its parent holds */
	size_t count, room;
};

/* The path of node i: its parents' names from the outermost on. */
static enum rc
bad(const struct building *b, size_t i, const char *member, const char *text)
{
	uint32_t up[POLICY_COND_DEPTH_MAX];
	char path[DOC_PATH_MAX];
	size_t n = 0, at;

	for (size_t k = i; k > 0; k = b->nodes[k].parent) {
		must(n < POLICY_COND_DEPTH_MAX);
		up[n++] = (uint32_t)k;
	}
	at = (size_t)snprintf(path, sizeof(path), "%s", b->path);
	while (n-- > 0 && at < sizeof(path)) {
		enum cond_op op = b->nodes[b->nodes[up[n]].parent].op;

		at += (size_t)snprintf(path + at, sizeof(path) - at,
		    op == COND_NOT ? ".%s" : ".%s[%u]", op_names[op], b->place[up[n]]);
	}
	if (member[0] != '\0' && at < sizeof(path))
		(void)snprintf(path + at, sizeof(path) - at, ".%s", member);
	return doc_bad(b->r, path, "%s", text);
}

static enum rc
append(struct building *b, const struct json_node *from, size_t parent, unsigned place)
{
	unsigned depth = b->count == 0 ? 1 : b->depth[parent] + 1;

	if (b->count == b->room)
		return doc_bad(
		    b->r, b->path, "more than %d conditions in the document", POLICY_CONDS_MAX);
	if (depth > POLICY_COND_DEPTH_MAX)
		return bad(b, parent, "", "conditions are nested deeper than 8");
	b->nodes[b->count] = (struct cond_node){.parent = (uint32_t)parent};
	b->from[b->count] = from;
	b->depth[b->count] = depth;
	b->place[b->count] = place;
	b->count++;
	return RC_OK;
}

static enum rc
read_list(struct building *b, size_t i, const struct json_node *list)
{
	unsigned place = 0;
	enum rc rc = RC_OK;

	if (list->type != JSN_ARRAY || list->count == 0)
		return bad(b, i, op_names[b->nodes[i].op], "wants an array of conditions");
	for (const struct json_node *c = list->child; c != NULL && rc == RC_OK; c = c->next)
		rc = append(b, c, i, place++);
	return rc;
}

static enum rc
read_field(struct building *b, size_t i, const struct json_node *field)
{
	struct cond_node *n = &b->nodes[i];

	if (field == NULL || field->type != JSN_STRING)
		return bad(b, i, "field", "wants a string");
	if (field->text.n > 4 && memcmp(field->text.p, "ext.", 4) == 0) {
		n->field = FIELD_EXT;
		if (field->text.n > POLICY_FIELD_MAX)
			return bad(b, i, "field", "is too long");
		return arena_dup(
			   b->r->arena, bytes_of(field->text.p + 4, field->text.n - 4), &n->ext)
			   ? RC_OK
			   : doc_no_memory(b->r);
	}
	for (size_t k = 0; k < FIELD_EXT; k++)
		if (bytes_is(field->text, field_names[k])) {
			n->field = (enum cond_field)k;
			return RC_OK;
		}
	return bad(b, i, "field", "is none of exec_act, iss, trust_domain, kind, wid, ext.NAME");
}

static enum rc
read_op(struct building *b, size_t i, const struct json_node *op)
{
	if (op == NULL || op->type != JSN_STRING)
		return bad(b, i, "op", "wants a string");
	for (size_t k = COND_EQ; k <= COND_EXISTS; k++)
		if (bytes_is(op->text, op_names[k])) {
			b->nodes[i].op = (enum cond_op)k;
			return RC_OK;
		}
	return bad(b, i, "op", "is none of eq, ne, in, gt, ge, lt, le, prefix, exists");
}

static bool
is_order(enum cond_op op)
{
	return op == COND_GT || op == COND_GE || op == COND_LT || op == COND_LE;
}

/* What a field's value can never be is a mistake, not a condition. */
static enum rc
check_value(struct building *b, size_t i, const struct json_node *v)
{
	const struct cond_node *n = &b->nodes[i];
	uint8_t id[UUID_SIZE];

	if (v->type != JSN_STRING && v->type != JSN_NUMBER && v->type != JSN_TRUE &&
	    v->type != JSN_FALSE)
		return bad(b, i, "value", "wants a string, a number, true or false");
	if (v->type == JSN_NUMBER && !number_plain(v->text))
		return bad(b, i, "value", "is a number of too many digits");
	if (v->type == JSN_STRING && v->text.n > POLICY_VALUE_MAX)
		return bad(b, i, "value", "is too long");
	if (n->op == COND_PREFIX && (v->type != JSN_STRING || v->text.n == 0))
		return bad(b, i, "value", "wants a string that is not empty");
	if (is_order(n->op) && v->type != JSN_NUMBER)
		return bad(b, i, "value", "wants a number");
	if (n->field != FIELD_EXT && v->type != JSN_STRING)
		return bad(b, i, "value", "wants a string: the field is text");
	if (n->op == COND_PREFIX)
		return RC_OK;
	if (n->field == FIELD_WID && !uuid_parse(v->text, id))
		return bad(b, i, "value", "is no UUID");
	if (n->field == FIELD_KIND && kinds_named(b->r->doc->kinds, v->text) == NULL)
		return bad(b, i, "value", "is no kind");
	return RC_OK;
}

static enum rc
keep_value(struct building *b, size_t i, const struct json_node *v, struct cond_value *out)
{
	char text[UUID_TEXT_SIZE];
	uint8_t id[UUID_SIZE];
	struct bytes from = v->text;
	enum rc rc = check_value(b, i, v);

	if (rc != RC_OK)
		return rc;
	out->type = v->type;
	if (v->type == JSN_TRUE || v->type == JSN_FALSE)
		return RC_OK;
	/* Ids have one spelling here. */
	if (b->nodes[i].field == FIELD_WID && uuid_parse(v->text, id)) {
		uuid_text(id, text);
		from = bytes_str(text);
	}
	return arena_dup(b->r->arena, from, &out->text) ? RC_OK : doc_no_memory(b->r);
}

static enum rc
read_values(struct building *b, size_t i, const struct json_node *value)
{
	struct cond_node *n = &b->nodes[i];
	const struct json_node *first = value;
	struct cond_value *values;
	enum rc rc = RC_OK;

	if ((value != NULL) != (n->op != COND_EXISTS))
		return bad(b, i, "value",
		    n->op == COND_EXISTS ? "does not belong to exists" : "is missing");
	if (value == NULL)
		return RC_OK;
	n->value_count = 1;
	if (n->op == COND_IN) {
		if (value->type != JSN_ARRAY || value->count == 0)
			return bad(b, i, "value", "wants an array that is not empty");
		if (value->count > POLICY_VALUES_MAX)
			return bad(b, i, "value", "has more than 256 values");
		n->value_count = value->count;
		first = value->child;
	}
	if ((values = arena_zalloc(b->r->arena, n->value_count * sizeof(*values))) == NULL)
		return doc_no_memory(b->r);
	n->values = values;
	for (size_t k = 0; k < n->value_count && rc == RC_OK; k++, first = first->next)
		rc = keep_value(b, i, first, &values[k]);
	return rc;
}

static enum rc
read_leaf(struct building *b, size_t i)
{
	const struct json_node *from = b->from[i];
	const struct json_node *value = json_member(from, "value");
	enum rc rc;

	for (const struct json_node *c = from->child; c != NULL; c = c->next)
		if (!bytes_is(c->name, "field") && !bytes_is(c->name, "op") &&
		    !bytes_is(c->name, "value"))
			return bad(b, i, "",
			    "wants field, op and value, or one of all, any, not, and nothing else");
	if ((rc = read_field(b, i, json_member(from, "field"))) != RC_OK ||
	    (rc = read_op(b, i, json_member(from, "op"))) != RC_OK)
		return rc;
	if (b->nodes[i].field != FIELD_EXT && is_order(b->nodes[i].op))
		return bad(b, i, "op", "compares numbers, and the field is text");
	return read_values(b, i, value);
}

static enum rc
read_node(struct building *b, size_t i)
{
	const struct json_node *from = b->from[i];

	if (from->type != JSN_OBJECT)
		return bad(b, i, "", "is no condition: wants an object");
	for (size_t k = COND_ALL; k <= COND_NOT; k++) {
		const struct json_node *inside = json_member(from, op_names[k]);

		if (inside == NULL)
			continue;
		if (from->count != 1)
			return bad(b, i, op_names[k], "stands alone in its condition");
		b->nodes[i].op = (enum cond_op)k;
		return k == COND_NOT ? append(b, inside, i, 0) : read_list(b, i, inside);
	}
	return read_leaf(b, i);
}

enum rc
doc_cond_read(struct doc_reader *r, const struct json_node *node, const char *path,
    const struct policy_cond **out)
{
	struct building b = {.r = r, .path = path, .room = POLICY_CONDS_MAX - r->conds};
	struct policy_cond *cond = arena_alloc(r->arena, sizeof(*cond));
	struct cond_node scratch[POLICY_CONDS_MAX];
	struct bytes kept;
	enum rc rc;

	b.nodes = scratch;
	if (cond == NULL)
		return doc_no_memory(r);
	rc = append(&b, node, 0, 0);
	for (size_t i = 0; i < b.count && rc == RC_OK; i++)
		rc = read_node(&b, i);
	if (rc != RC_OK)
		return rc;
	if (!arena_dup(r->arena, bytes_of(scratch, b.count * sizeof(scratch[0])), &kept))
		return doc_no_memory(r);
	cond->nodes = (const struct cond_node *)(const void *)kept.p;
	cond->count = b.count;
	r->conds += b.count;
	*out = cond;
	return RC_OK;
}
