/*
 * descriptor_cbor.c - a descriptor in CBOR, as the tree that the JSON reader makes, so that one
 * reader judges both.
 *
 * Strictness comes first and whole: scbor_walk() refuses what is not deterministic, deep, long or
 * double before a node is made.  Then the items are taken in order, with a stack of open containers
 * instead of recursion.  Keys that are no text are refused.
 *
 * Invariant: what scbor_walk() took is read without a failure but for memory and key types.
 */
#include "base/must.h"
#include "base/scbor.h"
#include "answer/descriptor_own.h"

struct open {
	struct json_node *node;
	struct json_node **tail; /* where the next child goes */
	size_t left;
	size_t start; /* offset of its head */
};

struct convert {
	struct bytes text;
	struct scbor in;
	struct open stack[DESCRIPTOR_DEPTH_MAX];
	unsigned depth;
	struct arena *arena;
	struct why *why;
};

static enum rc
refuse(const struct convert *c, const char *text)
{
	return why_set(c->why, RC_BAD_REQUEST, DESCRIPTOR_RULE, "descriptor", c->in.at, "%s", text);
}

/* A container: its children come next. */
static void
open_container(struct convert *c, struct json_node *n, enum scbor_type type, size_t start)
{
	size_t count = 0;
	bool taken = type == SCBOR_MAP ? scbor_map(&c->in, &count) : scbor_array(&c->in, &count);

	must(taken && c->depth < DESCRIPTOR_DEPTH_MAX);
	n->type = type == SCBOR_MAP ? JSN_OBJECT : JSN_ARRAY;
	n->count = count;
	c->stack[c->depth++] =
	    (struct open){.node = n, .tail = &n->child, .left = count, .start = start};
	n->depth = c->depth;
}

static enum rc
scalar(struct convert *c, struct json_node *n, enum scbor_type type)
{
	bool yes = false, taken = false;
	int64_t number = 0;
	uint64_t whole = 0;
	char *text;

	switch (type) {
	case SCBOR_TEXT:
		n->type = JSN_STRING;
		taken = scbor_text(&c->in, &n->text);
		break;
	case SCBOR_UINT:
	case SCBOR_NEGINT:
		n->type = JSN_NUMBER;
		taken =
		    type == SCBOR_UINT ? scbor_uint(&c->in, &whole) : scbor_int(&c->in, &number);
		if (!taken)
			return refuse(c, "an integer is out of range");
		text = type == SCBOR_UINT
			   ? arena_printf(c->arena, "%llu", (unsigned long long)whole)
			   : arena_printf(c->arena, "%lld", (long long)number);
		if (text == NULL)
			return RC_NO_MEMORY;
		n->text = bytes_str(text);
		break;
	case SCBOR_BOOL:
		taken = scbor_bool(&c->in, &yes);
		n->type = yes ? JSN_TRUE : JSN_FALSE;
		break;
	case SCBOR_NULL:
		n->type = JSN_NULL;
		taken = scbor_null(&c->in);
		break;
	case SCBOR_BYTES:
		n->type = JSN_NULL;
		taken = scbor_bytes(&c->in, &n->text);
		break;
	default:
		break;
	}
	return taken ? RC_OK : refuse(c, "a value of this type has no place here");
}

/* The next value, and its key in a map. */
static enum rc
value(struct convert *c)
{
	struct open *in = c->depth == 0 ? NULL : &c->stack[c->depth - 1];
	struct json_node *n = arena_zalloc(c->arena, sizeof(*n));
	enum scbor_type type;
	size_t start;
	enum rc rc;

	if (n == NULL)
		return RC_NO_MEMORY;
	if (in != NULL) {
		must(in->left > 0);
		in->left--;
		*in->tail = n;
		in->tail = &n->next;
		if (in->node->type == JSN_OBJECT && !scbor_text(&c->in, &n->name))
			return refuse(c, "a member's name is no text");
	}
	start = c->in.at;
	type = scbor_peek(&c->in);
	if (type == SCBOR_MAP || type == SCBOR_ARRAY) {
		open_container(c, n, type, start);
		return RC_OK;
	}
	n->depth = c->depth;
	rc = scalar(c, n, type);
	n->raw = bytes_of(c->text.p + start, c->in.at - start);
	return rc;
}

enum rc
descriptor_cbor(struct bytes text, struct arena *arena, struct json_node **root, struct why *why)
{
	struct convert c = {.text = text, .arena = arena, .why = why};
	enum rc rc;

	scbor_init(&c.in, text);
	switch (scbor_walk(&c.in, DESCRIPTOR_DEPTH_MAX, DESCRIPTOR_ITEMS_MAX, NULL)) {
	case SCBOR_GOOD:
		break;
	case SCBOR_TOO_DEEP:
		return refuse(&c, "it is nested too deep");
	case SCBOR_TOO_MANY:
		return why_set(why, RC_TOO_LARGE, DESCRIPTOR_RULE, "descriptor", c.in.at,
		    "more than %d values", DESCRIPTOR_ITEMS_MAX);
	default:
		return refuse(&c, "it is no deterministic CBOR (RFC 8949 4.2.1)");
	}
	if (!scbor_done(&c.in))
		return refuse(&c, "bytes follow the object");
	scbor_init(&c.in, text);
	if (scbor_peek(&c.in) != SCBOR_MAP)
		return refuse(&c, "it is no map");
	if ((rc = value(&c)) != RC_OK)
		return rc;
	*root = c.stack[0].node;
	while (c.depth > 0) {
		struct open *top = &c.stack[c.depth - 1];

		if (top->left > 0) {
			if ((rc = value(&c)) != RC_OK)
				return rc;
			continue;
		}
		top->node->raw = bytes_of(text.p + top->start, c.in.at - top->start);
		c.depth--;
	}
	return RC_OK;
}
