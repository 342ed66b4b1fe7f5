/*
 * oversight.c - see oversight.h.
 */
#include "serve/oversight.h"

#include <string.h>

void *
fill_alloc(struct filler *f, size_t n)
{
	void *p = f->bad ? NULL : arena_zalloc(f->arena, n);

	f->bad = f->bad || p == NULL;
	return p;
}

char *
fill_text(struct filler *f, struct bytes text)
{
	char *s = f->bad ? NULL : pb_string(f->arena, text);

	f->bad = f->bad || s == NULL;
	return s;
}

char *
fill_name(struct filler *f, enum facts_names which, uint32_t number)
{
	return fill_text(f, facts_name(f->v, which, number));
}

ProtobufCBinaryData
fill_jti(const struct filler *f, uint32_t index)
{
	return pb_bytes(
	    index == FACTS_NONE ? BYTES_NONE : bytes_of(fact(f->v, index)->jti, UUID_SIZE));
}

ProtobufCBinaryData
fill_wid(const struct filler *f, uint32_t index)
{
	return pb_bytes(facts_name(f->v, FACTS_WID, fact(f->v, index)->wid));
}

char *
fill_iss(struct filler *f, uint32_t index)
{
	return fill_name(f, FACTS_ISS, fact(f->v, index)->iss);
}

char *
fill_act(struct filler *f, uint32_t index)
{
	return fill_name(f, FACTS_ACT, fact(f->v, index)->act);
}

char *
fill_ext_text(struct filler *f, uint32_t index, const char *key)
{
	const struct json_node *n;

	arena_reset(f->record);
	n = fact_key(f->v, index, key, f->record);
	return fill_text(f, n != NULL && n->type == JSN_STRING ? n->text : BYTES_NONE);
}

char **
fill_flags(
    struct filler *f, uint32_t flags, unsigned bits, const char *(*text)(unsigned), size_t *count)
{
	char **list = fill_alloc(f, (bits + 1) * sizeof(*list));

	*count = 0;
	for (unsigned i = 0; list != NULL && i < bits; i++)
		if (flags >> i & 1)
			list[(*count)++] = (char *)(uintptr_t)text(i);
	return list;
}

uint64_t *
fill_rests_on(struct filler *f, const uint32_t *from, size_t count)
{
	uint64_t *list = fill_alloc(f, (count + 1) * sizeof(*list));

	for (size_t i = 0; list != NULL && i < count; i++)
		list[i] = from[i];
	return list;
}

Ectledger__V1__OversightTask *
fill_task(struct filler *f, uint32_t index)
{
	Ectledger__V1__OversightTask *m = fill_alloc(f, sizeof(*m));

	if (m == NULL)
		return NULL;
	ectledger__v1__oversight_task__init(m);
	m->jti = fill_jti(f, index);
	m->wid = fill_wid(f, index);
	m->index = index;
	m->iss = fill_iss(f, index);
	m->act = fill_act(f, index);
	return m;
}

/* ---- questions ---- */

enum rc
oversight_wid(const struct facts_view *v, ProtobufCBinaryData wid, bool no_wid, bool *in_workflow,
    uint32_t *number, struct why *why)
{
	*in_workflow = no_wid || wid.len != 0;
	*number = FACTS_NONE;
	if (wid.len == 0)
		return RC_OK;
	if (no_wid || wid.len != UUID_SIZE)
		return why_set(why, RC_BAD_REQUEST, "WIRE ids", "wid", 0,
		    "wid must have 16 bytes, and excludes no_wid");
	*number = facts_number(v, FACTS_WID, bytes_of(wid.data, wid.len));
	if (*number == FACTS_NONE)
		return why_set(why, RC_NOT_FOUND, "lookup", "wid", 0,
		    "no such workflow in a tree of %lu", (unsigned long)v->size);
	return RC_OK;
}

enum rc
oversight_find(const struct facts_view *v, ProtobufCBinaryData jti, bool in_workflow, uint32_t wid,
    enum kind_id kind, uint32_t *index, struct why *why)
{
	uint32_t at = FACTS_NONE, i;
	char text[UUID_TEXT_SIZE];
	size_t count = 0;

	if (jti.len != UUID_SIZE)
		return why_set(why, RC_BAD_REQUEST, "WIRE ids", "jti", 0, "jti must have 16 bytes");
	while (count < 2 && (i = facts_find(v, jti.data, &at)) != FACTS_NONE)
		if (fact(v, i)->kind == kind && (!in_workflow || fact(v, i)->wid == wid)) {
			*index = i;
			count++;
		}
	uuid_text(jti.data, text);
	if (count == 0)
		return why_set(why, RC_NOT_FOUND, "lookup", "jti", 0, "no %s %s in a tree of %lu",
		    kind == KIND_OVERRIDE ? "override" : "request", text, (unsigned long)v->size);
	if (count > 1)
		return why_set(why, RC_AMBIGUOUS, "one task per id", "jti", 0,
		    "%s is used in more than one workflow: give the wid", text);
	return RC_OK;
}

size_t
oversight_limit(uint32_t asked)
{
	if (asked == 0)
		return OVERSIGHT_PAGE;
	return asked > OVERSIGHT_PAGE_MAX ? OVERSIGHT_PAGE_MAX : asked;
}
