/*
 * json.c - one pass over hostile JSON.
 *
 * No recursion: the open containers stand in a fixed stack, one slot a level.  Strings are scanned
 * eight bytes at a time and borrowed from the text; only one with an escape in it is copied. Member
 * names are compared when their object closes: pairwise for the usual few, by sorting for many, so
 * that no text makes it quadratic.
 *
 * States: value() reads one value and opens a container or completes it; after_value() climbs out
 * of every container that ends here, or stops at the next value's place.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"

#define DEPTH_CAP  64 /* slots in the stack; limits above it are a programmer's error */
#define NODE_CHUNK 32
#define FEW_NAMES  12 /* compared pairwise up to here */

/* The lowest mark of eight_special() is then the first byte. */
#define LITTLE_ENDIAN_HOST (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

#define RULE_TEXT    "RFC 8259 2 (JSON text)"
#define RULE_STRING  "RFC 8259 7 (strings)"
#define RULE_NUMBER  "RFC 8259 6 (numbers)"
#define RULE_UTF8    "RFC 8259 8.1 (UTF-8)"
#define RULE_UNICODE "RFC 8259 8.2 (surrogates)"
#define RULE_NAMES   "RFC 8259 4 (unique member names)"

struct parser {
	const uint8_t *start, *end;
	const uint8_t *p;
	const struct json_limits *limits;
	struct arena *arena;
	struct why *why;
	struct json_node *chunk; /* unused nodes */
	size_t chunk_left;
	size_t nodes;
	unsigned depth;			   /* open containers */
	struct json_node *open[DEPTH_CAP]; /* the container at each level */
	struct json_node *tail[DEPTH_CAP]; /* its last child so far */
};

static enum rc
refuse(const struct parser *ps, const uint8_t *at, const char *rule, const char *text)
{
	return why_set(ps->why, RC_BAD_TOKEN, rule, NULL, (size_t)(at - ps->start), "%s", text);
}

static void
skip_space(struct parser *ps)
{
	while (ps->p < ps->end &&
	       (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\r' || *ps->p == '\t'))
		ps->p++;
}

static struct json_node *
node_new(struct parser *ps)
{
	struct json_node *node;

	if (ps->chunk_left == 0) {
		ps->chunk = arena_alloc(ps->arena, NODE_CHUNK * sizeof(*ps->chunk));
		if (ps->chunk == NULL)
			return NULL;
		ps->chunk_left = NODE_CHUNK;
	}
	node = ps->chunk++;
	ps->chunk_left--;
	memset(node, 0, sizeof(*node));
	return node;
}

/* ---- strings ---- */

/* Non-zero when one of eight bytes is a quote, a backslash or below 0x20.  The usual bit trick: a
 * byte's top bit is set in (x - ones) & ~x when the byte is zero.  A borrow can mark a byte above a
 * true mark, never the lowest one, and the careful loop looks at each byte anyway. */
static uint64_t
eight_special(uint64_t x)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t quote = x ^ (ones * '"'), slash = x ^ (ones * '\\');

	return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((x - ones * 0x20) & ~x)) &
	       tops;
}

static bool
four_hex(const uint8_t *p, const uint8_t *end, uint32_t *v)
{
	int i;

	if (end - p < 4)
		return false;
	*v = 0;
	for (i = 0; i < 4; i++) {
		uint8_t c = p[i];
		uint32_t d;

		if (c >= '0' && c <= '9')
			d = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			d = (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			d = (uint32_t)(c - 'A' + 10);
		else
			return false;
		*v = *v << 4 | d;
	}
	return true;
}

static uint8_t *
put_utf8(uint8_t *o, uint32_t c)
{
	if (c < 0x80) {
		*o++ = (uint8_t)c;
	} else if (c < 0x800) {
		*o++ = (uint8_t)(0xc0 | c >> 6);
		*o++ = (uint8_t)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*o++ = (uint8_t)(0xe0 | c >> 12);
		*o++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		*o++ = (uint8_t)(0x80 | (c & 0x3f));
	} else {
		*o++ = (uint8_t)(0xf0 | c >> 18);
		*o++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		*o++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		*o++ = (uint8_t)(0x80 | (c & 0x3f));
	}
	return o;
}

/* A \u escape; *p is behind the 'u' and is moved behind the whole.  A pair of surrogates is one
 * character. */
static enum rc
unescape_u(const struct parser *ps, const uint8_t **p, const uint8_t *end, uint32_t *c)
{
	uint32_t low;

	if (!four_hex(*p, end, c))
		return refuse(ps, *p, RULE_STRING, "\\u wants four hex digits");
	if (*c == 0)
		return refuse(ps, *p, RULE_STRING, "NUL is not accepted in a string");
	*p += 4;
	if (*c < 0xd800 || *c > 0xdfff)
		return RC_OK;
	if (*c > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' ||
	    !four_hex(*p + 2, end, &low) || low < 0xdc00 || low > 0xdfff)
		return refuse(ps, *p - 4, RULE_UNICODE, "lone surrogate");
	*p += 6;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return RC_OK;
}

/* The span holds at least one escape.  What comes out is never longer than what went in. */
static enum rc
unescape(const struct parser *ps, const uint8_t *p, const uint8_t *end, struct bytes *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint8_t *o, *first = arena_alloc(ps->arena, (size_t)(end - p));

	if (first == NULL)
		return RC_NO_MEMORY;
	for (o = first; p < end;) {
		const char *which;
		uint32_t c = 0;
		enum rc rc;

		if (*p != '\\') {
			*o++ = *p++;
			continue;
		}
		must(end - p >= 2); /* the scan stepped over both */
		p++;
		if (*p == 'u') {
			p++;
			if ((rc = unescape_u(ps, &p, end, &c)) != RC_OK)
				return rc;
			o = put_utf8(o, c);
			continue;
		}
		which = *p != 0 ? strchr(from, *p) : NULL;
		if (which == NULL)
			return refuse(ps, p, RULE_STRING, "no such escape");
		*o++ = (uint8_t)to[which - from];
		p++;
	}
	*out = (struct bytes){first, (size_t)(o - first)};
	return RC_OK;
}

/* At the opening quote.  'text' is what it says, unescaped; ps->p goes behind the closing quote. */
static enum rc
string(struct parser *ps, struct bytes *text)
{
	const uint8_t *first = ps->p + 1, *p = first;
	bool escaped = false;
	uint8_t high = 0;

	for (;;) {
		uint64_t eight;

		while (ps->end - p >= 8) {
			uint64_t marks;

			memcpy(&eight, p, 8);
			if ((eight & UINT64_C(0x8080808080808080)) != 0)
				high =
				    0x80; /* perhaps behind the quote: then checked for nothing */
			if ((marks = eight_special(eight)) != 0) {
				if (LITTLE_ENDIAN_HOST)
					p += __builtin_ctzll(marks) >> 3;
				break;
			}
			p += 8;
		}
		if (p == ps->end)
			return refuse(ps, ps->p, RULE_STRING, "the string does not end");
		if (*p == '"')
			break;
		if (*p < 0x20)
			return refuse(ps, p, RULE_STRING, "control character in a string");
		if (*p == '\\') {
			escaped = true;
			if (ps->end - p < 2)
				return refuse(ps, p, RULE_STRING, "the string does not end");
			p++;
			if (*p < 0x20 ||
			    *p >= 0x80) /* not an escape; a quote's would be stepped over */
				return refuse(ps, p, RULE_STRING, "no such escape");
		}
		high |= *p++;
	}
	*text = (struct bytes){first, (size_t)(p - first)};
	if ((high & 0x80) != 0 && !utf8_ok(*text))
		return refuse(ps, first, RULE_UTF8, "not UTF-8");
	ps->p = p + 1;
	return escaped ? unescape(ps, first, p, text) : RC_OK;
}

/* ---- numbers and words ---- */

static const uint8_t *
digits(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static enum rc
number(struct parser *ps, struct json_node *node)
{
	const uint8_t *first = ps->p, *p = first, *q;

	if (p < ps->end && *p == '-')
		p++;
	q = digits(p, ps->end);
	if (q == p)
		return refuse(ps, p, RULE_NUMBER, "a digit is wanted");
	if (*p == '0' && q > p + 1)
		return refuse(ps, p, RULE_NUMBER, "leading zero");
	p = q;
	if (p < ps->end && *p == '.') {
		if ((q = digits(p + 1, ps->end)) == p + 1)
			return refuse(ps, q, RULE_NUMBER, "a digit is wanted after the point");
		p = q;
	}
	if (p < ps->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < ps->end && (*p == '+' || *p == '-'))
			p++;
		if ((q = digits(p, ps->end)) == p)
			return refuse(ps, q, RULE_NUMBER, "a digit is wanted in the exponent");
		p = q;
	}
	node->type = JSN_NUMBER;
	node->text = (struct bytes){first, (size_t)(p - first)};
	ps->p = p;
	return RC_OK;
}

static enum rc
word(struct parser *ps, struct json_node *node)
{
	static const struct {
		const char *text;
		size_t n;
		enum json_type type;
	} words[] = {{"true", 4, JSN_TRUE}, {"false", 5, JSN_FALSE}, {"null", 4, JSN_NULL}};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((size_t)(ps->end - ps->p) < words[i].n ||
		    memcmp(ps->p, words[i].text, words[i].n) != 0)
			continue;
		node->type = words[i].type;
		ps->p += words[i].n;
		return RC_OK;
	}
	return refuse(ps, ps->p, RULE_TEXT, "a value is wanted");
}

/* ---- containers ---- */

static int
by_name(const void *a, const void *b)
{
	const struct json_node *const *x = a, *const *y = b;

	return bytes_cmp((*x)->name, (*y)->name);
}

/* Many members: sort pointers to them and compare neighbours. */
static enum rc
check_names_sorted(const struct parser *ps, const struct json_node *object)
{
	const struct json_node **sorted, *m;
	size_t i = 0;

	must(object->count > FEW_NAMES);
	sorted = arena_alloc(ps->arena, object->count * sizeof(*sorted));
	if (sorted == NULL)
		return RC_NO_MEMORY;
	for (m = object->child; m != NULL; m = m->next)
		sorted[i++] = m;
	must(i == object->count);
	qsort(sorted, object->count, sizeof(*sorted), by_name);
	for (i = 1; i < object->count; i++)
		if (bytes_eq(sorted[i - 1]->name, sorted[i]->name))
			return refuse(ps, sorted[i]->raw.p, RULE_NAMES, "duplicate member name");
	return RC_OK;
}

static enum rc
check_names(const struct parser *ps, const struct json_node *object)
{
	const struct json_node *a, *b;

	if (object->count > FEW_NAMES)
		return check_names_sorted(ps, object);
	for (a = object->child; a != NULL; a = a->next)
		for (b = a->next; b != NULL; b = b->next)
			if (bytes_eq(a->name, b->name))
				return refuse(ps, b->raw.p, RULE_NAMES, "duplicate member name");
	return RC_OK;
}

/* At '{' or '['. */
static enum rc
container_open(struct parser *ps, struct json_node *node)
{
	if (ps->depth == ps->limits->depth_max)
		return why_set(ps->why, RC_TOO_LARGE, RULE_TEXT, NULL, (size_t)(ps->p - ps->start),
		    "nested deeper than %u", ps->limits->depth_max);
	node->type = *ps->p == '{' ? JSN_OBJECT : JSN_ARRAY;
	ps->open[ps->depth] = node;
	ps->tail[ps->depth] = NULL;
	ps->depth++;
	ps->p++;
	return RC_OK;
}

/* At its closing character. */
static enum rc
container_close(struct parser *ps)
{
	struct json_node *node = ps->open[--ps->depth];

	ps->p++;
	node->raw.n = (size_t)(ps->p - node->raw.p);
	return node->type == JSN_OBJECT ? check_names(ps, node) : RC_OK;
}

static bool
at_close(const struct parser *ps)
{
	const struct json_node *in = ps->open[ps->depth - 1];

	return ps->p < ps->end && *ps->p == (in->type == JSN_OBJECT ? '}' : ']');
}

/* The member's name and its colon. */
static enum rc
member_name(struct parser *ps, struct bytes *name)
{
	enum rc rc;

	skip_space(ps);
	if (ps->p == ps->end || *ps->p != '"')
		return refuse(ps, ps->p, RULE_TEXT, "a member name is wanted");
	if ((rc = string(ps, name)) != RC_OK)
		return rc;
	skip_space(ps);
	if (ps->p == ps->end || *ps->p != ':')
		return refuse(ps, ps->p, RULE_TEXT, "a colon is wanted");
	ps->p++;
	return RC_OK;
}

static void
attach(struct parser *ps, struct json_node *node)
{
	struct json_node *in;

	node->depth = ps->depth + 1;
	if (ps->depth == 0)
		return;
	in = ps->open[ps->depth - 1];
	if (ps->tail[ps->depth - 1] == NULL)
		in->child = node;
	else
		ps->tail[ps->depth - 1]->next = node;
	ps->tail[ps->depth - 1] = node;
	in->count++;
}

/* One value, with its name when inside an object.  A container is only opened. */
static enum rc
value(struct parser *ps, struct json_node **out)
{
	struct json_node *node;
	enum rc rc = RC_OK;

	if (ps->nodes == ps->limits->nodes_max)
		return why_set(ps->why, RC_TOO_LARGE, RULE_TEXT, NULL, (size_t)(ps->p - ps->start),
		    "more than %zu values", ps->limits->nodes_max);
	if ((node = node_new(ps)) == NULL)
		return RC_NO_MEMORY;
	ps->nodes++;
	if (ps->depth > 0 && ps->open[ps->depth - 1]->type == JSN_OBJECT)
		if ((rc = member_name(ps, &node->name)) != RC_OK)
			return rc;
	skip_space(ps);
	if (ps->p == ps->end)
		return refuse(ps, ps->p, RULE_TEXT, "a value is wanted");
	attach(ps, node);
	*out = node;
	node->raw.p = ps->p;
	if (*ps->p == '{' || *ps->p == '[')
		return container_open(ps, node);
	if (*ps->p == '"') {
		node->type = JSN_STRING;
		rc = string(ps, &node->text);
	} else if (*ps->p == '-' || (*ps->p >= '0' && *ps->p <= '9')) {
		rc = number(ps, node);
	} else {
		rc = word(ps, node);
	}
	if (rc == RC_OK)
		node->raw.n = (size_t)(ps->p - node->raw.p);
	return rc;
}

/* After a value (or just inside a new container): close what ends here.  '*more' when another value
 * follows. */
static enum rc
after_value(struct parser *ps, bool opened, bool *more)
{
	enum rc rc;

	*more = false;
	while (ps->depth > 0) {
		skip_space(ps);
		if (at_close(ps)) {
			if ((rc = container_close(ps)) != RC_OK)
				return rc;
			opened = false;
			continue;
		}
		if (!opened) {
			if (ps->p == ps->end || *ps->p != ',')
				return refuse(ps, ps->p, RULE_TEXT,
				    "a comma or the end of the container is wanted");
			ps->p++;
		}
		*more = true;
		return RC_OK;
	}
	return RC_OK;
}

enum rc
json_parse(struct bytes text, const struct json_limits *limits, bool object_only,
    struct arena *arena, struct json_node **root, struct why *why)
{
	struct parser ps = {
	    .start = text.p, .p = text.p, .limits = limits, .arena = arena, .why = why};
	struct json_node *node = NULL, *first = NULL;
	bool more = true;
	enum rc rc;

	must(limits->depth_max >= 1 && limits->depth_max <= DEPTH_CAP);
	*root = NULL;
	if (text.n > limits->size_max)
		return why_set(
		    why, RC_TOO_LARGE, RULE_TEXT, NULL, 0, "more than %zu bytes", limits->size_max);
	if (text.n == 0)
		return why_set(why, RC_BAD_TOKEN, RULE_TEXT, NULL, 0, "a value is wanted");
	ps.end = text.p + text.n;
	skip_space(&ps);
	if (object_only && (ps.p == ps.end || *ps.p != '{'))
		return refuse(&ps, ps.p, RULE_TEXT, "an object is wanted");
	while (more) {
		unsigned depth = ps.depth;

		if ((rc = value(&ps, &node)) != RC_OK)
			goto out;
		if (first == NULL)
			first = node;
		if ((rc = after_value(&ps, ps.depth > depth, &more)) != RC_OK)
			goto out;
	}
	skip_space(&ps);
	if (ps.p != ps.end) {
		rc = refuse(&ps, ps.p, RULE_TEXT, "bytes after the value");
		goto out;
	}
	*root = first;

out:
	if (rc == RC_NO_MEMORY)
		(void)why_set(why, rc, RULE_TEXT, NULL, (size_t)(ps.p - ps.start),
		    "the parser's memory is used up");
	return rc;
}

/* ---- reading the nodes ---- */

const struct json_node *
json_member(const struct json_node *object, const char *name)
{
	const struct json_node *m;

	if (object == NULL || object->type != JSN_OBJECT)
		return NULL;
	for (m = object->child; m != NULL; m = m->next)
		if (bytes_is(m->name, name))
			return m;
	return NULL;
}

bool
json_uint(const struct json_node *node, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (node == NULL || node->type != JSN_NUMBER || node->text.n > 16)
		return false;
	for (i = 0; i < node->text.n; i++) {
		uint8_t c = node->text.p[i];

		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (uint64_t)(c - '0');
	}
	if (v >= UINT64_C(1) << 53)
		return false;
	*out = v;
	return true;
}

unsigned
json_depth(const struct json_node *node)
{
	const struct json_node *stack[DEPTH_CAP], *at = node;
	unsigned levels = 0, deepest = 0;

	/* Down to the first child, else on to the next sibling, else up: the stack is as deep as
	 * the parser allowed. */
	for (;;) {
		bool level = at == node || at->type == JSN_OBJECT || at->type == JSN_ARRAY;

		if (level && levels + 1 > deepest)
			deepest = levels + 1;
		if (at->child != NULL) {
			must(levels < DEPTH_CAP);
			stack[levels++] = at;
			at = at->child;
			continue;
		}
		while (levels > 0 && at->next == NULL)
			at = stack[--levels];
		if (levels == 0)
			return deepest;
		at = at->next;
	}
}
