/*
 * kind.c - reads the table of kinds.def; knows no kind by name.
 *
 * The table is expanded twice: once for the key lists, once for the rows that point to them.  Row 0
 * is the plain task, the answer for every exec_act that no row claims.
 */
#include "claim/kind.h"

#include <string.h>

#include "base/must.h"

/* clang-format off */
#define KIND(id, name, act, pred_min) static const struct kind_key keys_##id[] = {
#define KEY(name, type, required)     {name, type, required},
#define KIND_END                      {NULL, KIND_STRING, false}};
/* clang-format on */
#include "claim/kinds.def"
#undef KIND
#undef KEY
#undef KIND_END

static const struct kind kinds[] = {
#define KIND(id, name, act, pred_min) {name, act, pred_min, keys_##id},
#define KEY(name, type, required)
#define KIND_END
#include "claim/kinds.def"
#undef KIND
#undef KEY
#undef KIND_END
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *const type_names[] = {
    [KIND_STRING] = "a string",
    [KIND_INT] = "a whole number",
    [KIND_BOOL] = "true or false",
    [KIND_NUMBER] = "a number",
    [KIND_ARRAY] = "an array",
    [KIND_OBJECT] = "an object",
};

const struct kind *
kind_of(struct bytes act)
{
	must(kinds[0].act == NULL);
	for (size_t i = 1; i < KINDS; i++)
		if (bytes_is(act, kinds[i].act))
			return &kinds[i];
	return &kinds[0];
}

const struct kind *
kind_named(const char *name)
{
	must(name != NULL);
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

size_t
kind_count(void)
{
	return KINDS;
}

const struct kind *
kind_at(size_t i)
{
	must(i < KINDS);
	return &kinds[i];
}

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

static bool
has_type(const struct json_node *node, enum kind_ext_type type)
{
	switch (type) {
	case KIND_STRING:
		return node->type == JSN_STRING;
	case KIND_INT:
		return node->type == JSN_NUMBER && is_whole(node->text);
	case KIND_BOOL:
		return node->type == JSN_TRUE || node->type == JSN_FALSE;
	case KIND_NUMBER:
		return node->type == JSN_NUMBER;
	case KIND_ARRAY:
		return node->type == JSN_ARRAY;
	case KIND_OBJECT:
		return node->type == JSN_OBJECT;
	}
	return false;
}

enum rc
kind_check(const struct kind *kind, size_t pred_count, const struct json_node *ext, struct why *why)
{
	must(kind != NULL && kind->keys != NULL);
	must(ext == NULL || ext->type == JSN_OBJECT);
	if (pred_count < kind->pred_min)
		return why_set(why, RC_BAD_KIND, kind->name, "pred", 0,
		    "%s wants %u predecessor, this has %zu", kind->name, kind->pred_min,
		    pred_count);
	for (const struct kind_key *key = kind->keys; key->name != NULL; key++) {
		const struct json_node *node = ext == NULL ? NULL : json_member(ext, key->name);

		if (node == NULL && key->required)
			return why_set(why, RC_BAD_KIND, kind->name, key->name, 0,
			    "%s wants the extension key %s", kind->name, key->name);
		if (node != NULL && !has_type(node, key->type))
			return why_set(why, RC_BAD_KIND, kind->name, key->name, 0,
			    "the extension key %s of %s is not %s", key->name, kind->name,
			    type_names[key->type]);
	}
	return RC_OK;
}
