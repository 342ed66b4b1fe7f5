/*
 * kinds.c - a deployment's additions to the table of kinds, out of its policy document: strict about
 * everything, because answers go by it for ever.
 *
 * Each row stands on a row of the built-in table: the one that it means, or the plain task for a kind
 * of the deployment's own.  It takes that row's keys, under other names where it says so, and has
 * patterns of its own; the built-in row stays as it is.
 *
 * Rows are made in one pass; the kinds that a row wants among the predecessors may stand further down,
 * so their names are looked up in a second.
 */
#include <string.h>

#include "base/must.h"
#include "claim/claim.h"
#include "claim/kind_own.h"

#define RULE	 "policy kinds"
#define TEXT_MAX 128

/* What the log's own entries are listed as: see ledger_row(). */
static const char *const reserved[] = {"key", "policy", "descriptor", "tombstone", "equivocation"};

struct maker {
	struct arena *arena;
	struct why *why;
	struct kind *rows;
	size_t count; /* made so far, the built-in ones included */
	size_t own;
	size_t patterns;
	size_t row; /* of the document, for messages */
	const char *name;
	const struct kind *base; /* what the row stands on */
};

static enum rc
bad(struct maker *m, const char *member, const char *what)
{
	return why_set(m->why, RC_BAD_CONFIG, RULE, member, 0, "kinds[%zu]%s%.64s: %s %s", m->row,
	    m->name == NULL ? "" : " ", m->name == NULL ? "" : m->name, member, what);
}

static enum rc
no_memory(struct maker *m)
{
	return why_set(m->why, RC_NO_MEMORY, RULE, NULL, 0, "no room for the table of kinds");
}

/* An object with no members but these. */
static enum rc
only(struct maker *m, const struct json_node *node, const char *what, const char *const *names)
{
	if (node->type != JSN_OBJECT)
		return bad(m, what, "is not an object");
	for (const struct json_node *c = node->child; c != NULL; c = c->next) {
		const char *const *n = names;

		while (*n != NULL && !bytes_is(c->name, *n))
			n++;
		if (*n == NULL)
			return why_set(m->why, RC_BAD_CONFIG, RULE, what, 0,
			    "kinds[%zu]: \"%.*s\" is no member of %s", m->row,
			    (int)(c->name.n < 40 ? c->name.n : 40), (const char *)c->name.p, what);
	}
	return RC_OK;
}

static bool
plain_text(const struct json_node *node, size_t most)
{
	if (node->type != JSN_STRING || node->text.n == 0 || node->text.n > most)
		return false;
	for (size_t i = 0; i < node->text.n; i++)
		if (node->text.p[i] < 0x20 || node->text.p[i] == 0x7f)
			return false;
	return true;
}

/* What a kind may be called: it stands in command lines and tables. */
static bool
name_ok(const struct json_node *node)
{
	if (!plain_text(node, KINDS_NAME_MAX) || node->text.p[0] < 'a' || node->text.p[0] > 'z')
		return false;
	for (size_t i = 0; i < node->text.n; i++) {
		uint8_t c = node->text.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-' &&
		    c != '.')
			return false;
	}
	return true;
}

static const struct kind *
named(const struct maker *m, struct bytes name)
{
	for (size_t i = 0; i < m->count; i++)
		if (bytes_is(name, m->rows[i].name))
			return &m->rows[i];
	return NULL;
}

/* ---- name and meaning ---- */

static enum rc
make_means(struct maker *m, const struct json_node *node, bool *own)
{
	const struct json_node *means = json_member(node, "means");

	m->base = &m->rows[0];
	*own = means == NULL;
	if (means == NULL)
		return RC_OK;
	if (means->type != JSN_STRING)
		return bad(m, "means", "is not a string");
	m->base = kinds_named(NULL, means->text);
	return m->base == NULL ? bad(m, "means", "names no built-in kind") : RC_OK;
}

static enum rc
make_name(struct maker *m, const struct json_node *node, bool own)
{
	const struct json_node *name = json_member(node, "name");

	if (name == NULL && own)
		return bad(m, "name", "is missing");
	if (name == NULL) {
		m->name = m->base->name;
		return RC_OK;
	}
	if (!name_ok(name))
		return bad(m, "name", "is not 1 to 64 of a-z 0-9 _ - . beginning with a letter");
	if ((m->name = arena_strdup(m->arena, name->text)) == NULL)
		return no_memory(m);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(m->name, reserved[i]) == 0)
			return bad(m, "name", "is what the log lists entries of its own as");
	if (!own && strcmp(m->name, m->base->name) == 0)
		return RC_OK;
	return named(m, name->text) == NULL ? RC_OK : bad(m, "name", "is taken");
}

/* ---- patterns ---- */

/* By this very pattern: 'rows' and what of the present row is made. */
static bool
pattern_taken(const struct maker *m, const char *const *here, size_t count, struct bytes pattern)
{
	for (size_t i = 0; i < m->count; i++)
		for (const char *const *p = m->rows[i].acts; *p != NULL; p++)
			if (bytes_is(pattern, *p))
				return true;
	for (size_t i = 0; i < count; i++)
		if (bytes_is(pattern, here[i]))
			return true;
	return false;
}

static enum rc
make_acts(struct maker *m, const struct json_node *node, struct kind *row)
{
	const struct json_node *act = json_member(node, "act");
	const char **acts;
	size_t n = 0;

	if (act == NULL || act->type != JSN_ARRAY || act->count == 0)
		return bad(m, "act", "is not an array of at least one pattern");
	if (act->count > KINDS_PATTERNS_MAX - m->patterns)
		return bad(m, "act", "makes more patterns than a document may have");
	if ((acts = arena_zalloc(m->arena, (act->count + 1) * sizeof(*acts))) == NULL)
		return no_memory(m);
	for (const struct json_node *c = act->child; c != NULL; c = c->next) {
		if (!plain_text(c, CLAIM_ACT_MAX))
			return bad(m, "act", "has a pattern that no exec_act can fit");
		if (memchr(c->text.p, '*', c->text.n - 1) != NULL)
			return bad(m, "act", "has a pattern with a star before its end");
		if (pattern_taken(m, acts, n, c->text))
			return why_set(m->why, RC_BAD_CONFIG, RULE, "act", 0,
			    "kinds[%zu] %.64s: the pattern \"%.*s\" is taken", m->row, m->name,
			    (int)(c->text.n < 40 ? c->text.n : 40), (const char *)c->text.p);
		if ((acts[n++] = arena_strdup(m->arena, c->text)) == NULL)
			return no_memory(m);
	}
	m->patterns += n;
	row->acts = acts;
	return RC_OK;
}

/* ---- predecessors ---- */

static enum rc
make_number(struct maker *m, const struct json_node *node, const char *member, unsigned *out)
{
	const struct json_node *n = json_member(node, member);
	uint64_t value;

	if (n == NULL)
		return RC_OK;
	if (!json_uint(n, &value) || value > CLAIM_PRED_MAX)
		return bad(m, member, "is not a number from 0 to 100");
	*out = (unsigned)value;
	return RC_OK;
}

/* The names come in the second pass. */
static enum rc
make_preds(struct maker *m, const struct json_node *node, struct kind *row)
{
	const struct json_node *parents = json_member(node, "parents");
	enum rc rc;

	row->pred_min = m->base->pred_min;
	row->pred_max = m->base->pred_max;
	row->parents = m->base->parents;
	if (parents != NULL) {
		if (parents->type != JSN_ARRAY)
			return bad(m, "parents", "is not an array");
		row->parents = 0;
		if (parents->count > 0 && row->pred_min == 0)
			row->pred_min = 1;
	}
	if ((rc = make_number(m, node, "pred_min", &row->pred_min)) != RC_OK ||
	    (rc = make_number(m, node, "pred_max", &row->pred_max)) != RC_OK)
		return rc;
	if (row->pred_max != 0 && row->pred_max < row->pred_min)
		return bad(m, "pred_max", "is less than pred_min");
	return RC_OK;
}

static enum rc
find_parents(struct maker *m, const struct json_node *node, struct kind *row)
{
	const struct json_node *parents = json_member(node, "parents");

	for (const struct json_node *c = parents == NULL ? NULL : parents->child; c != NULL;
	     c = c->next) {
		const struct kind *wanted = c->type == JSN_STRING ? named(m, c->text) : NULL;

		if (wanted == NULL)
			return bad(m, "parents", "names a kind that there is not");
		row->parents |= wanted->bit;
	}
	return RC_OK;
}

/* ---- keys ---- */

static struct kind_key *
key_meaning(struct kind_key *keys, size_t count, struct bytes name)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_is(name, keys[i].means))
			return &keys[i];
	return NULL;
}

static enum rc
make_values(struct maker *m, const struct json_node *values, size_t wanted, const char **out)
{
	struct buf text;
	enum rc rc = RC_OK;

	if (values->type != JSN_ARRAY || values->count == 0 || values->count > KINDS_VALUES_MAX)
		return bad(m, "values", "is not an array of 1 to 32 strings");
	if (wanted != 0 && values->count != wanted)
		return bad(m, "values", "has not as many values as what it stands for");
	buf_init(&text, KINDS_VALUES_MAX * (TEXT_MAX + 1));
	for (const struct json_node *c = values->child; c != NULL && rc == RC_OK; c = c->next) {
		if (!plain_text(c, TEXT_MAX) || memchr(c->text.p, '|', c->text.n) != NULL)
			rc = bad(m, "values", "has one that is not 1 to 128 bytes without \"|\"");
		for (const struct json_node *d = values->child; d != c && rc == RC_OK; d = d->next)
			if (bytes_eq(d->text, c->text))
				rc = bad(m, "values", "has one twice");
		if (rc == RC_OK && text.n > 0)
			buf_add_bytes(&text, bytes_str("|"));
		if (rc == RC_OK)
			buf_add_bytes(&text, c->text);
	}
	if (rc == RC_OK &&
	    (buf_rc(&text) != RC_OK || (*out = arena_strdup(m->arena, buf_bytes(&text))) == NULL))
		rc = no_memory(m);
	buf_release(&text);
	return rc;
}

static size_t
count_values(const char *values)
{
	size_t n = 1;

	for (const char *at = values; (at = strchr(at, '|')) != NULL; at++)
		n++;
	return n;
}

static enum rc
make_required(struct maker *m, const struct json_node *node, bool *required)
{
	const struct json_node *n = json_member(node, "required");

	if (n == NULL)
		return RC_OK;
	if (n->type != JSN_TRUE && n->type != JSN_FALSE)
		return bad(m, "required", "is not true or false");
	*required = n->type == JSN_TRUE;
	return RC_OK;
}

/* A built-in key under another name, with other words for its values. */
static enum rc
rename_key(struct maker *m, const struct json_node *node, struct kind_key *keys, size_t base,
    const char *name)
{
	const struct json_node *means = json_member(node, "means");
	const struct json_node *values = json_member(node, "values");
	struct kind_key *key;

	if (means->type != JSN_STRING || (key = key_meaning(keys, base, means->text)) == NULL)
		return bad(m, "means", "names no key of the kind that the row stands on");
	if (key->name != key->means)
		return bad(m, "means", "names a key twice");
	if (json_member(node, "type") != NULL)
		return bad(m, "type", "is that of the key that is meant");
	if (values != NULL && !key->code)
		return bad(m, "values", "can only be given for a key of one's own or a code");
	key->name = name;
	if (values != NULL) {
		enum rc rc = make_values(m, values, count_values(key->values), &key->values);

		if (rc != RC_OK)
			return rc;
	}
	return make_required(m, node, &key->required);
}

static enum rc
own_key(struct maker *m, const struct json_node *node, struct kind_key *key, const char *name)
{
	const struct json_node *type = json_member(node, "type");
	const struct json_node *values = json_member(node, "values");
	enum rc rc;

	*key = (struct kind_key){.name = name, .means = name};
	if (type == NULL || type->type != JSN_STRING || !kind_type_read(type->text, &key->type))
		return bad(m, "type", "is missing or no type");
	if (values != NULL && key->type != KIND_STRING)
		return bad(m, "values", "are those of a string");
	if (values != NULL && (rc = make_values(m, values, 0, &key->values)) != RC_OK)
		return rc;
	return make_required(m, node, &key->required);
}

static enum rc
make_key(struct maker *m, const struct json_node *node, struct kind_key *keys, size_t base,
    size_t *count)
{
	static const char *const members[] = {"name", "means", "type", "required", "values", NULL};
	enum rc rc = only(m, node, "keys", members);
	const struct json_node *name;
	char *text;

	if (rc != RC_OK)
		return rc;
	name = json_member(node, "name");
	if (name == NULL || !plain_text(name, TEXT_MAX))
		return bad(m, "keys", "has a name that is not 1 to 128 bytes");
	if ((text = arena_strdup(m->arena, name->text)) == NULL)
		return no_memory(m);
	if (json_member(node, "means") != NULL)
		return rename_key(m, node, keys, base, text);
	if ((rc = own_key(m, node, &keys[*count], text)) == RC_OK)
		++*count;
	return rc;
}

/* Every key by one name, and every meaning once. */
static enum rc
keys_apart(struct maker *m, const struct kind_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = i + 1; k < count; k++)
			if (strcmp(keys[i].name, keys[k].name) == 0 ||
			    strcmp(keys[i].means, keys[k].means) == 0)
				return bad(m, "keys", "has a name that another key of the row has");
	return RC_OK;
}

static enum rc
make_keys(struct maker *m, const struct json_node *node, struct kind *row)
{
	const struct json_node *list = json_member(node, "keys");
	size_t base = 0, more = 0, count;
	struct kind_key *keys;
	enum rc rc = RC_OK;

	if (list != NULL && (list->type != JSN_ARRAY || list->count > KINDS_KEYS_MAX))
		return bad(m, "keys", "is not an array of at most 32");
	more = list == NULL ? 0 : list->count;
	while (m->base->keys[base].name != NULL)
		base++;
	if ((keys = arena_zalloc(m->arena, (base + more + 1) * sizeof(*keys))) == NULL)
		return no_memory(m);
	memcpy(keys, m->base->keys, base * sizeof(*keys));
	count = base;
	for (const struct json_node *c = list == NULL ? NULL : list->child;
	     c != NULL && rc == RC_OK; c = c->next)
		rc = make_key(m, c, keys, base, &count);
	row->keys = keys;
	return rc == RC_OK ? keys_apart(m, keys, count) : rc;
}

/* ---- rows ---- */

static enum rc
make_row(struct maker *m, const struct json_node *node)
{
	static const char *const members[] = {
	    "name", "means", "act", "parents", "pred_min", "pred_max", "keys", NULL};
	struct kind *row = &m->rows[m->count];
	bool own;
	enum rc rc;

	m->name = NULL;
	if ((rc = only(m, node, "kinds", members)) != RC_OK ||
	    (rc = make_means(m, node, &own)) != RC_OK || (rc = make_name(m, node, own)) != RC_OK)
		return rc;
	if (own && m->own == KINDS_OWN_MAX)
		return bad(m, "name", "is one kind more than a document may have of its own");
	row->name = m->name;
	row->id = own ? KIND_OWN : m->base->id;
	row->bit = own ? UINT64_C(1) << (KIND_IDS + m->own) : m->base->bit;
	if ((rc = make_acts(m, node, row)) != RC_OK || (rc = make_preds(m, node, row)) != RC_OK ||
	    (rc = make_keys(m, node, row)) != RC_OK)
		return rc;
	m->own += own;
	m->count++;
	return RC_OK;
}

enum rc
kinds_make(
    const struct json_node *extra, struct arena *arena, const struct kinds **out, struct why *why)
{
	struct maker m = {.arena = arena, .why = why, .count = kind_count()};
	struct kinds *kinds;
	struct kind *row;
	enum rc rc = RC_OK;

	*out = NULL;
	if (extra == NULL || (extra->type == JSN_ARRAY && extra->count == 0))
		return RC_OK;
	if (extra->type != JSN_ARRAY || extra->count > KINDS_ROWS_MAX)
		return why_set(why, RC_BAD_CONFIG, RULE, "kinds", 0,
		    "kinds is not an array of at most %d rows", KINDS_ROWS_MAX);
	kinds = arena_zalloc(arena, sizeof(*kinds));
	m.rows = arena_zalloc(arena, (m.count + extra->count) * sizeof(*m.rows));
	if (kinds == NULL || m.rows == NULL)
		return no_memory(&m);
	for (size_t i = 0; i < m.count; i++)
		m.rows[i] = *kind_at(i);
	for (const struct json_node *c = extra->child; c != NULL && rc == RC_OK; c = c->next)
		if ((rc = make_row(&m, c)) == RC_OK)
			m.row++;
	row = m.rows + kind_count();
	m.row = 0;
	for (const struct json_node *c = extra->child; c != NULL && rc == RC_OK;
	     c = c->next, row++, m.row++) {
		m.name = row->name;
		rc = find_parents(&m, c, row);
	}
	kinds->rows = m.rows;
	kinds->count = m.count;
	if (rc == RC_OK)
		*out = kinds;
	return rc;
}
