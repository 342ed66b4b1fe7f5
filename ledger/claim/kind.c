/*
 * kind.c - reads the table of kinds.def; knows no kind by name.
 *
 * The table is expanded for the patterns, for the key lists, and for the rows that point to both.
 * Row 0 is the plain task, the answer for every exec_act that no row claims.
 */
#include "claim/kind.h"

#include <string.h>

#include "base/must.h"
#include "claim/claim.h"
#include "claim/issuer.h"
#include "claim/kind_own.h"

/* clang-format off */
#define ACTS(...)		      __VA_ARGS__
#define KIND_END

#define KIND(id, name, acts, pred_min, pred_max, parents) static const char *const acts_##id[] = {acts, NULL};
#define KEY(name, type, required)
#define KEY_CODE(name, required, values)
#include "claim/kinds.def"
#undef KIND
#undef KEY
#undef KEY_CODE
#undef KIND_END

#define KIND(id, name, acts, pred_min, pred_max, parents) static const struct kind_key keys_##id[] = {
#define KEY(name, type, required)	 {name, name, type, required, false, NULL},
#define KEY_CODE(name, required, values) {name, name, KIND_STRING, required, true, values},
#define KIND_END			 {NULL, NULL, KIND_STRING, false, false, NULL}};
/* clang-format on */
#include "claim/kinds.def"
#undef KIND
#undef KEY
#undef KEY_CODE
#undef KIND_END

static const struct kind rows[] = {
#define KIND(id, name, acts, pred_min, pred_max, parents)                                          \
	{KIND_##id, KIND_BIT(id), name, acts_##id, pred_min, pred_max, parents, keys_##id},
#define KEY(name, type, required)
#define KEY_CODE(name, required, values)
#define KIND_END
#include "claim/kinds.def"
#undef KIND
#undef KEY
#undef KEY_CODE
#undef KIND_END
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(KIND_IDS + KINDS_OWN_MAX <= 64, "a set of kinds is 64 bits");

static const struct kinds built_in = {rows, ROWS};

static const char *const type_names[] = {
    [KIND_STRING] = "a string",
    [KIND_INT] = "a whole number",
    [KIND_BOOL] = "true or false",
    [KIND_NUMBER] = "a number",
    [KIND_SCORE] = "a number from 0 to 1",
    [KIND_UUID] = "a task's id",
    [KIND_UUIDS] = "an array of tasks' ids, none twice",
    [KIND_PRED] = "the id of a predecessor",
    [KIND_URI] = "an issuer's URI",
    [KIND_HASH] = "base64url of 32 bytes",
    [KIND_ARRAY] = "an array",
    [KIND_OBJECT] = "an object",
};

/* As documents spell them. */
static const char *const type_words[] = {
    [KIND_STRING] = "string",
    [KIND_INT] = "int",
    [KIND_BOOL] = "bool",
    [KIND_NUMBER] = "number",
    [KIND_SCORE] = "score",
    [KIND_UUID] = "uuid",
    [KIND_UUIDS] = "uuids",
    [KIND_PRED] = "pred",
    [KIND_URI] = "uri",
    [KIND_HASH] = "hash",
    [KIND_ARRAY] = "array",
    [KIND_OBJECT] = "object",
};
#define TYPES (sizeof(type_words) / sizeof(type_words[0]))

const char *
kind_type_text(enum kind_ext_type type)
{
	return type_names[type];
}

const char *
kind_type_name(enum kind_ext_type type)
{
	return type_words[type];
}

bool
kind_type_read(struct bytes name, enum kind_ext_type *out)
{
	for (size_t i = 0; i < TYPES; i++)
		if (bytes_is(name, type_words[i])) {
			*out = (enum kind_ext_type)i;
			return true;
		}
	return false;
}

static const struct kinds *
table_of(const struct kinds *kinds)
{
	return kinds == NULL ? &built_in : kinds;
}

/* How well a pattern fits: 0 not at all, more is better; an exact one wins. */
static size_t
fits(const char *pattern, struct bytes act)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return act.n >= n - 1 && memcmp(act.p, pattern, n - 1) == 0 ? n : 0;
	return bytes_is(act, pattern) ? SIZE_MAX : 0;
}

const struct kind *
kinds_of(const struct kinds *kinds, struct bytes act)
{
	const struct kinds *t = table_of(kinds);
	const struct kind *best = &t->rows[0];
	size_t how = 0;

	must(t->rows[0].id == KIND_TASK);
	if (act.n == 0)
		return best;
	for (size_t i = 1; i < t->count; i++)
		for (const char *const *p = t->rows[i].acts; *p != NULL; p++) {
			size_t now =
			    (*p)[0] == (char)act.p[0] || (*p)[0] == '*' ? fits(*p, act) : 0;

			if (now > how) {
				how = now;
				best = &t->rows[i];
			}
		}
	return best;
}

const struct kind *
kinds_named(const struct kinds *kinds, struct bytes name)
{
	const struct kinds *t = table_of(kinds);

	for (size_t i = 0; i < t->count; i++)
		if (bytes_is(name, t->rows[i].name))
			return &t->rows[i];
	return NULL;
}

size_t
kinds_count(const struct kinds *kinds)
{
	return table_of(kinds)->count;
}

const struct kind *
kinds_at(const struct kinds *kinds, size_t i)
{
	must(i < table_of(kinds)->count);
	return &table_of(kinds)->rows[i];
}

bool
kind_is(const struct kind *kind, struct bytes name)
{
	return bytes_is(name, kind->name) ||
	       (kind->id != KIND_OWN && bytes_is(name, rows[kind->id].name));
}

uint64_t
kinds_bit(const struct kinds *kinds, const struct kind *kind)
{
	const struct kinds *t = table_of(kinds);

	if (kind->id != KIND_OWN)
		return UINT64_C(1) << kind->id;
	for (size_t i = ROWS; i < t->count; i++)
		if (t->rows[i].id == KIND_OWN && strcmp(t->rows[i].name, kind->name) == 0)
			return t->rows[i].bit;
	return 0;
}

const struct kind *
kind_of(struct bytes act)
{
	return kinds_of(NULL, act);
}

const struct kind *
kind_named(const char *name)
{
	must(name != NULL);
	return kinds_named(NULL, bytes_str(name));
}

size_t
kind_count(void)
{
	return ROWS;
}

const struct kind *
kind_at(size_t i)
{
	return kinds_at(NULL, i);
}

/* ---- does a task meet its row ---- */

/* Digits with or without a minus: JSON's grammar was checked, so what is left is to find no point
 * and no exponent. */
static bool
is_whole(struct bytes number)
{
	for (size_t i = 0; i < number.n; i++)
		if (number.p[i] == '.' || number.p[i] == 'e' || number.p[i] == 'E')
			return false;
	return true;
}

/* 0, 1, or 0 and a fraction: no exponent, so that everybody reads the same number. */
static bool
is_score(struct bytes number)
{
	size_t i = 1;

	if (number.n == 0 || (number.p[0] != '0' && number.p[0] != '1'))
		return false;
	if (number.n == 1)
		return true;
	if (number.p[i++] != '.')
		return false;
	for (; i < number.n; i++)
		if (number.p[i] < '0' || number.p[i] > '9' ||
		    (number.p[0] == '1' && number.p[i] != '0'))
			return false;
	return true;
}

static bool
is_pred(const struct kind_task *task, const uint8_t id[UUID_SIZE])
{
	for (size_t i = 0; i < task->pred_count; i++)
		if (memcmp(task->pred[i], id, UUID_SIZE) == 0)
			return true;
	return false;
}

static bool
are_ids(const struct json_node *list)
{
	uint8_t ids[CLAIM_PRED_MAX][UUID_SIZE];
	size_t n = 0;

	if (list->type != JSN_ARRAY || list->count > CLAIM_PRED_MAX)
		return false;
	for (const struct json_node *c = list->child; c != NULL; c = c->next, n++) {
		if (c->type != JSN_STRING || !uuid_parse(c->text, ids[n]))
			return false;
		for (size_t i = 0; i < n; i++)
			if (memcmp(ids[i], ids[n], UUID_SIZE) == 0)
				return false;
	}
	return true;
}

static bool
has_type(const struct json_node *node, enum kind_ext_type type, const struct kind_task *task)
{
	struct bytes domain;
	uint8_t id[48];
	size_t n;

	switch (type) {
	case KIND_STRING:
		return node->type == JSN_STRING;
	case KIND_INT:
		return node->type == JSN_NUMBER && is_whole(node->text);
	case KIND_BOOL:
		return node->type == JSN_TRUE || node->type == JSN_FALSE;
	case KIND_NUMBER:
		return node->type == JSN_NUMBER;
	case KIND_SCORE:
		return node->type == JSN_NUMBER && is_score(node->text);
	case KIND_UUID:
		return node->type == JSN_STRING && uuid_parse(node->text, id);
	case KIND_UUIDS:
		return are_ids(node);
	case KIND_PRED:
		return node->type == JSN_STRING && uuid_parse(node->text, id) && is_pred(task, id);
	case KIND_URI:
		return node->type == JSN_STRING && issuer_read(node->text, &domain, NULL) == RC_OK;
	case KIND_HASH:
		return node->type == JSN_STRING && b64url_decode(node->text, id, sizeof(id), &n) &&
		       n == 32;
	case KIND_ARRAY:
		return node->type == JSN_ARRAY;
	case KIND_OBJECT:
		return node->type == JSN_OBJECT;
	}
	return false;
}

/* The place of a text in "a|b|c", from 1; 0: it is none of them. */
static unsigned
place_in(const char *values, struct bytes text)
{
	unsigned place = 1;

	for (const char *at = values; *at != '\0'; place++) {
		size_t n = strcspn(at, "|");

		if (bytes_eq(text, bytes_of(at, n)))
			return place;
		at += n + (at[n] == '|');
	}
	return 0;
}

static enum rc
check_key(const struct kind *kind, const struct kind_key *key, const struct kind_task *task,
    struct why *why)
{
	const struct json_node *node = task->ext == NULL ? NULL : json_member(task->ext, key->name);

	if (node == NULL)
		return !key->required ? RC_OK
				      : why_set(why, RC_BAD_KIND, kind->name, key->name, 0,
					    "%s wants the extension key %s", kind->name, key->name);
	if (!has_type(node, key->type, task))
		return why_set(why, RC_BAD_KIND, kind->name, key->name, 0,
		    "the extension key %s of %s is not %s", key->name, kind->name,
		    type_names[key->type]);
	if (key->values != NULL && place_in(key->values, node->text) == 0)
		return why_set(why, RC_BAD_KIND, kind->name, key->name, 0,
		    "the extension key %s of %s is none of %s", key->name, kind->name, key->values);
	return RC_OK;
}

enum rc
kind_check(const struct kind *kind, const struct kind_task *task, struct why *why)
{
	enum rc rc;

	must(kind != NULL && kind->keys != NULL);
	must(task->ext == NULL || task->ext->type == JSN_OBJECT);
	if (task->pred_count < kind->pred_min)
		return why_set(why, RC_BAD_KIND, kind->name, "pred", 0,
		    "%s wants %u predecessor, this has %zu", kind->name, kind->pred_min,
		    task->pred_count);
	if (kind->pred_max != 0 && task->pred_count > kind->pred_max)
		return why_set(why, RC_BAD_KIND, kind->name, "pred", 0,
		    "%s has at most %u predecessor, this has %zu", kind->name, kind->pred_max,
		    task->pred_count);
	if (task->parents_known && kind->parents != 0 && (task->parents & kind->parents) == 0)
		return why_set(why, RC_BAD_KIND, kind->name, "pred", 0,
		    "%s wants a predecessor of another kind than it has", kind->name);
	for (const struct kind_key *key = kind->keys; key->name != NULL; key++)
		if ((rc = check_key(kind, key, task, why)) != RC_OK)
			return rc;
	return RC_OK;
}

unsigned
kind_code(const struct kind *kind, const struct json_node *ext)
{
	for (const struct kind_key *key = kind->keys; ext != NULL && key->name != NULL; key++) {
		const struct json_node *node;

		if (!key->code)
			continue;
		node = json_member(ext, key->name);
		return node != NULL && node->type == JSN_STRING ? place_in(key->values, node->text)
								: 0;
	}
	return 0;
}

const struct json_node *
kind_ext(const struct kind *kind, const struct json_node *ext, const char *key)
{
	if (ext == NULL)
		return NULL;
	for (const struct kind_key *k = kind->keys; k->name != NULL; k++)
		if (strcmp(k->means, key) == 0)
			return json_member(ext, k->name);
	return NULL;
}
