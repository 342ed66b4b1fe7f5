/*
 * json.h - a strict JSON reader for hostile text (RFC 8259): one pass, no recursion, a flat node
 * table.
 *
 * Refused: duplicate member names (compared after unescaping) at any depth, lone surrogates, NUL in
 * any string or name, invalid UTF-8, a byte order mark, trailing bytes, depth or size or node count
 * over the limits.  Numbers are checked for grammar and kept as text.  Nodes keep the raw span they
 * came from.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/bytes.h"

enum json_type {
	JSN_OBJECT,
	JSN_ARRAY,
	JSN_STRING,
	JSN_NUMBER,
	JSN_TRUE,
	JSN_FALSE,
	JSN_NULL
};

struct json_limits {
	size_t size_max;    /* bytes of text */
	/* open objects and arrays; the outermost counts as 1, a scalar opens no level; at most 64 */
	unsigned depth_max;
	size_t nodes_max;   /* values in all */
};

struct json_node {
	enum json_type type;
	unsigned depth;     /* outermost: 1 */
	struct bytes raw;   /* the value as received, quotes and braces included */
	struct bytes name;  /* member name, unescaped; only inside an object */
	struct bytes text;  /* string: unescaped; number: its text */
	size_t count;       /* children of an object or array */
	struct json_node *child; /* first child */
	struct json_node *next;  /* next sibling */
};

/* Parse; all memory from 'arena' (views point into 'text' where nothing was escaped).  The root
 * must be an object when 'object_only'.  RC_BAD_TOKEN with 'why' on any breach; RC_TOO_LARGE over a
 * limit; RC_NO_MEMORY. */
enum rc json_parse(struct bytes text, const struct json_limits *limits, bool object_only,
    struct arena *arena, struct json_node **root, struct why *why);

/* The member of that name, or NULL. */
const struct json_node *json_member(const struct json_node *object, const char *name);
/* A whole number without sign '-', fraction or exponent, below 2^53.  False otherwise. */
bool json_uint(const struct json_node *node, uint64_t *out);
/* How many levels of objects and arrays this value has, itself counting as 1: {"a":1} is 1,
 * {"a":[1]} is 2. */
unsigned json_depth(const struct json_node *node);

#endif
