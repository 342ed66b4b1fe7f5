/*
 * doc_own.h - a policy document being read; private to policy/doc*.c.
 */
#ifndef POLICY_DOC_OWN_H
#define POLICY_DOC_OWN_H

#include "base/json.h"
#include "policy/doc.h"

#define DOC_RULE     "policy document"
#define DOC_PATH_MAX 96

struct doc_reader {
	struct arena *arena;  /* the document's */
	struct policy_doc *doc;
	struct why *why;
	const char *member;   /* of the outermost object; static */
	size_t conds;         /* nodes of conditions so far, of all rules */
};

/* RC_BAD_CONFIG, with the path of the member in the text. */
enum rc doc_bad(const struct doc_reader *r, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum rc doc_no_memory(const struct doc_reader *r);
/* A path, made of another and a name. */
void doc_path(char out[DOC_PATH_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- doc_rules.c ---- */

/* The place of a string among names; -1: it is no string, or none of them. */
int doc_name_of(const struct json_node *v, const char *const *names, size_t count);
/* Strings of an array as a NULL-ended list, none twice; 'ok' judges each, 'what' says what it wants. */
enum rc doc_strings(struct doc_reader *r, const struct json_node *v, const char *path, size_t max,
    bool (*ok)(struct bytes), const char *what, const char *const **out);
enum rc doc_roles_read(struct doc_reader *r, const struct json_node *v, const char *path);
/* After kinds and roles. */
enum rc doc_rules_read(struct doc_reader *r, const struct json_node *v, const char *path);

/* ---- conditions: read in doc_cond.c, judged in doc_match.c ---- */

enum cond_op {
	COND_ALL,
	COND_ANY,
	COND_NOT,
	COND_EQ,
	COND_NE,
	COND_IN,
	COND_GT,
	COND_GE,
	COND_LT,
	COND_LE,
	COND_PREFIX,
	COND_EXISTS
};
enum cond_field { FIELD_ACT, FIELD_ISS, FIELD_DOMAIN, FIELD_KIND, FIELD_WID, FIELD_EXT };

struct cond_value {
	enum json_type type; /* string, number, true, false */
	struct bytes text;
};

struct cond_node {
	enum cond_op op;
	uint32_t parent; /* of nodes[0]: 0 */
	enum cond_field field;
	struct bytes ext; /* FIELD_EXT: what follows "ext." */
	const struct cond_value *values;
	size_t value_count;
};

struct policy_cond {
	const struct cond_node *nodes;
	size_t count;
};

/* A condition as it stands in a rule; kinds and roles of r->doc are there already. */
enum rc doc_cond_read(struct doc_reader *r, const struct json_node *node, const char *path,
    const struct policy_cond **out);
/* Does the task meet it?  'kind': the task's, by the document. */
bool doc_cond_holds(
    const struct policy_cond *cond, const struct claim *claim, const struct kind *kind);

#endif
