/*
 * doc_match.c - does a task meet a condition?
 *
 * The list is walked back: a node's parent stands before it, so when a node's turn comes, all that it
 * holds has told it already.  No recursion, no memory.
 */
#include <string.h>

#include "base/must.h"
#include "policy/doc_own.h"
#include "policy/number.h"

static struct cond_value
text_of(struct bytes text)
{
	return (struct cond_value){JSN_STRING, text};
}

/* A member whose name may hold dots itself: the whole name first, then what is before and behind each
 * dot, from the left. */
static const struct json_node *
ext_member(const struct json_node *ext, struct bytes name)
{
	const struct json_node *outer, *inner;

	if (ext == NULL || ext->type != JSN_OBJECT)
		return NULL;
	for (outer = ext->child; outer != NULL; outer = outer->next)
		if (bytes_eq(outer->name, name))
			return outer;
	for (size_t dot = 0; dot < name.n; dot++) {
		struct bytes before = bytes_of(name.p, dot);
		struct bytes behind = bytes_of(name.p + dot + 1, name.n - dot - 1);

		if (name.p[dot] != '.')
			continue;
		for (outer = ext->child; outer != NULL; outer = outer->next)
			if (outer->type == JSN_OBJECT && bytes_eq(outer->name, before))
				for (inner = outer->child; inner != NULL; inner = inner->next)
					if (bytes_eq(inner->name, behind))
						return inner;
	}
	return NULL;
}

/* The task's value of a field.  False: it has none. */
static bool
find(const struct cond_node *n, const struct claim *claim, const struct kind *kind,
    char wid[UUID_TEXT_SIZE], struct cond_value *out)
{
	const struct json_node *member;

	switch (n->field) {
	case FIELD_ACT:
		*out = text_of(claim->act);
		break;
	case FIELD_ISS:
		*out = text_of(claim->iss);
		break;
	case FIELD_DOMAIN:
		*out = text_of(claim->trust_domain);
		break;
	case FIELD_KIND:
		*out = text_of(bytes_str(kind->name));
		break;
	case FIELD_WID:
		if (!claim->has_wid)
			return false;
		uuid_text(claim->wid, wid);
		*out = text_of(bytes_str(wid));
		break;
	case FIELD_EXT:
		if ((member = ext_member(claim->ext_json, n->ext)) == NULL)
			return false;
		*out = (struct cond_value){member->type, member->text};
		return true;
	}
	return out->text.n > 0;
}

static bool
equal(const struct cond_value *have, const struct cond_value *want)
{
	if (have->type != want->type)
		return false;
	if (have->type == JSN_NUMBER)
		return number_cmp(have->text, want->text) == 0;
	return have->type != JSN_STRING || bytes_eq(have->text, want->text);
}

static bool
in(const struct cond_value *have, const struct cond_node *n)
{
	for (size_t i = 0; i < n->value_count; i++)
		if (equal(have, &n->values[i]))
			return true;
	return false;
}

static bool
in_order(enum cond_op op, const struct cond_value *have, const struct cond_value *want)
{
	int cmp;

	if (have->type != JSN_NUMBER)
		return false;
	cmp = number_cmp(have->text, want->text);
	return op == COND_GT   ? cmp > 0
	       : op == COND_GE ? cmp >= 0
	       : op == COND_LT ? cmp < 0
			       : cmp <= 0;
}

static bool
begins(const struct cond_value *have, const struct cond_value *want)
{
	return have->type == JSN_STRING && have->text.n >= want->text.n &&
	       memcmp(have->text.p, want->text.p, want->text.n) == 0;
}

static bool
leaf_holds(const struct cond_node *n, const struct claim *claim, const struct kind *kind)
{
	char wid[UUID_TEXT_SIZE];
	struct cond_value have = {0};
	bool there = find(n, claim, kind, wid, &have);

	switch (n->op) {
	case COND_NE:
		return !there || !equal(&have, &n->values[0]);
	case COND_EXISTS:
		return there;
	case COND_EQ:
		return there && equal(&have, &n->values[0]);
	case COND_IN:
		return there && in(&have, n);
	case COND_PREFIX:
		return there && begins(&have, &n->values[0]);
	default:
		return there && in_order(n->op, &have, &n->values[0]);
	}
}

bool
doc_cond_holds(const struct policy_cond *cond, const struct claim *claim, const struct kind *kind)
{
	bool holds[POLICY_CONDS_MAX];

	must(cond->count > 0 && cond->count <= POLICY_CONDS_MAX);
	for (size_t i = 0; i < cond->count; i++)
		holds[i] = cond->nodes[i].op == COND_ALL;
	for (size_t i = cond->count; i-- > 0;) {
		const struct cond_node *n = &cond->nodes[i];
		enum cond_op up = cond->nodes[n->parent].op;

		if (n->op > COND_NOT)
			holds[i] = leaf_holds(n, claim, kind);
		if (i == 0)
			break;
		if (up == COND_NOT)
			holds[n->parent] = !holds[i];
		else if (up == COND_ALL)
			holds[n->parent] &= holds[i];
		else
			holds[n->parent] |= holds[i];
	}
	return holds[0];
}
