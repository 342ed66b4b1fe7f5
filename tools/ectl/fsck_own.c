/*
 * fsck_own.c - policy documents and descriptors (docs/STORAGE.md, "Policy and descriptor entries"), and the
 * kinds that a policy document adds: a task's kind is by the document in force at its place.
 */
#include "fsck_cbor.h"

#include <string.h>
#include <jansson.h>

#define BY_MAX	 2048
#define SAID_MAX 49152

/* ---- the bytes ---- */

static void
key(struct cbor *r, uint64_t want, const char *field)
{
	r->field = r->bad ? r->field : field;
	cbor_check(r, cbor_head(r, CBOR_UINT) == want);
}

static void
by_read(struct cbor *r)
{
	struct span by;
	json_t *copy;

	key(r, 1, "by");
	by = cbor_string(r, CBOR_TEXT);
	cbor_check(r, by.n >= 1 && by.n <= BY_MAX);
	if (r->bad)
		return;
	copy = json_stringn((const char *)by.p, by.n); /* NULL: not UTF-8 */
	cbor_check(r, copy != NULL && memchr(by.p, 0, by.n) == NULL);
	json_decref(copy);
}

bool
fsck_own_read(const struct fsck_entry *e, struct fsck_own *out, size_t *at, const char **field)
{
	struct cbor r = {.in = e->token, .field = "map"};
	bool policy = e->kind == FSCK_POLICY_ENTRY;

	memset(out, 0, sizeof(*out));
	cbor_check(&r, cbor_head(&r, CBOR_MAP) == (policy ? 2u : 4u));
	by_read(&r);
	if (!policy) {
		key(&r, 2, "wid");
		cbor_fixed(&r, out->wid, FSCK_ID);
		key(&r, 3, "media");
		cbor_check(&r, cbor_head(&r, CBOR_UINT) <= 1);
	}
	key(&r, policy ? 2 : 4, policy ? "document" : "descriptor");
	out->said = cbor_string(&r, CBOR_BYTES);
	cbor_check(&r, out->said.n >= 1 && out->said.n <= SAID_MAX);
	cbor_check(&r, cbor_end(&r));
	*at = r.item;
	*field = r.field;
	return !r.bad;
}

/* ---- kinds of a document ---- */

struct fsck_policy {
	json_t *document;
};

void
fsck_policy_free(struct fsck_policy *p)
{
	if (p != NULL)
		json_decref(p->document);
	free(p);
}

bool
fsck_policy_set(struct fsck *f, struct span document)
{
	json_t *read =
	    json_loadb((const char *)document.p, document.n, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(read)) {
		json_decref(read);
		return false;
	}
	if (f->policy == NULL)
		f->policy = fsck_alloc(1, sizeof(*f->policy));
	json_decref(f->policy->document);
	f->policy->document = read;
	return true;
}

/* How well a pattern fits: 0 not at all; the longer prefix is better, the exact pattern best. */
static size_t
fits(const char *pattern, const char *act, size_t size)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return size >= n - 1 && memcmp(pattern, act, n - 1) == 0 ? n : 0;
	return n == size && memcmp(pattern, act, n) == 0 ? SIZE_MAX : 0;
}

void
fsck_policy_kind(const struct fsck_policy *p, struct fsck_task *t)
{
	const json_t *kinds = p != NULL ? json_object_get(p->document, "kinds") : NULL, *row, *act;
	size_t best = t->kind != NULL ? SIZE_MAX : 0, i, k;

	json_array_foreach(kinds, i, row) json_array_foreach(json_object_get(row, "act"), k, act)
	{
		const char *pattern = json_string_value(act);
		const char *means = json_string_value(json_object_get(row, "means"));
		size_t now = pattern != NULL ? fits(pattern, t->act_text, t->act_size) : 0;

		if (now <= best)
			continue;
		best = now;
		/* It is listed under both names; the plain task is in no list. */
		t->kind = json_string_value(json_object_get(row, "name"));
		t->means = means != NULL && strcmp(means, "task") != 0 ? means : NULL;
	}
}
