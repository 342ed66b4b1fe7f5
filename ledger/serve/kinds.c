/*
 * kinds.c - Admin/Kinds (reader thread): the table of node kinds that is in force at a tree size.
 */
#include <string.h>

#include "base/must.h"
#include "serve/call.h"

static char *
word(struct arena *arena, const char *text)
{
	return pb_string(arena, bytes_str(text));
}

static bool
split(struct arena *arena, const char *values, char ***out, size_t *count)
{
	size_t n = 1;

	*count = 0;
	if (values == NULL)
		return true;
	for (const char *at = values; (at = strchr(at, '|')) != NULL; at++)
		n++;
	if ((*out = arena_alloc(arena, n * sizeof(char *))) == NULL)
		return false;
	for (const char *at = values; *count < n; at += strcspn(at, "|") + 1) {
		char *one = pb_string(arena, bytes_of(at, strcspn(at, "|")));

		if (one == NULL)
			return false;
		(*out)[(*count)++] = one;
	}
	return true;
}

static bool
set_keys(struct arena *arena, const struct kind *kind, Ectledger__V1__KindRow *row)
{
	size_t n = 0;

	while (kind->keys[n].name != NULL)
		n++;
	if ((row->keys = arena_alloc(arena, (n + 1) * sizeof *row->keys)) == NULL)
		return false;
	for (; row->n_keys < n; row->n_keys++) {
		const struct kind_key *key = &kind->keys[row->n_keys];
		Ectledger__V1__KindKey *k = arena_alloc(arena, sizeof *k);

		if (k == NULL)
			return false;
		ectledger__v1__kind_key__init(k);
		k->name = word(arena, key->name);
		k->means = word(arena, key->means);
		k->type = word(arena, kind_type_name(key->type));
		k->required = key->required;
		if (k->name == NULL || k->means == NULL || k->type == NULL ||
		    !split(arena, key->values, &k->values, &k->n_values))
			return false;
		row->keys[row->n_keys] = k;
	}
	return true;
}

/* Each kind by the name that its first row has. */
static bool
set_parents(struct arena *arena, const struct kinds *kinds, const struct kind *kind,
    Ectledger__V1__KindRow *row)
{
	uint64_t left = kind->parents;

	if ((row->parents = arena_alloc(arena, 64 * sizeof *row->parents)) == NULL)
		return false;
	for (size_t i = 0; i < kinds_count(kinds) && left != 0; i++) {
		const struct kind *parent = kinds_at(kinds, i);

		if ((left & parent->bit) == 0)
			continue;
		left &= ~parent->bit;
		if ((row->parents[row->n_parents] = word(arena, parent->name)) == NULL)
			return false;
		row->n_parents++;
	}
	return true;
}

static Ectledger__V1__KindRow *
row_of(struct arena *arena, const struct kinds *kinds, size_t i)
{
	const struct kind *kind = kinds_at(kinds, i);
	Ectledger__V1__KindRow *row = arena_alloc(arena, sizeof *row);
	size_t n = 0;

	if (row == NULL)
		return NULL;
	ectledger__v1__kind_row__init(row);
	row->built_in = i < kind_count();
	row->pred_min = kind->pred_min;
	row->pred_max = kind->pred_max;
	row->name = word(arena, kind->name);
	row->means = word(arena, kind->id == KIND_OWN ? "" : kind_at(kind->id)->name);
	while (kind->acts[n] != NULL)
		n++;
	row->act = arena_alloc(arena, (n + 1) * sizeof *row->act);
	if (row->name == NULL || row->means == NULL || row->act == NULL)
		return NULL;
	for (; row->n_act < n; row->n_act++)
		if ((row->act[row->n_act] = word(arena, kind->acts[row->n_act])) == NULL)
			return NULL;
	return set_parents(arena, kinds, kind, row) && set_keys(arena, kind, row) ? row : NULL;
}

/* The entry of a document; there is none of the defaults. */
static bool
set_rests_on(struct arena *arena, const struct book *book, const struct policy_doc *doc,
    Ectledger__V1__KindsReply *reply)
{
	struct book_page page;

	for (size_t i = book_count(book); i-- > 0 && book_nth(book, i, &page);)
		if (page.doc == doc) {
			reply->rests_on = arena_alloc(arena, sizeof *reply->rests_on);
			if (reply->rests_on == NULL)
				return false;
			reply->rests_on[0] = page.index;
			reply->n_rests_on = 1;
			return true;
		}
	return true;
}

static bool
fill(struct call *call, const struct policy_doc *doc, Ectledger__V1__KindsReply *reply)
{
	struct arena *arena = &call->arena;
	size_t n = kinds_count(doc->kinds);

	reply->complete = true;
	reply->strict =
	    ledger_rules(call->log->ledger)->kinds_strict || doc->profile >= PROFILE_STANDARD;
	reply->profile = word(arena, policy_profile_text(doc->profile));
	reply->kinds = arena_alloc(arena, n * sizeof *reply->kinds);
	if (reply->profile == NULL || reply->kinds == NULL ||
	    !set_rests_on(arena, ledger_book(call->log->ledger), doc, reply))
		return false;
	for (; reply->n_kinds < n; reply->n_kinds++) {
		reply->kinds[reply->n_kinds] = row_of(arena, doc->kinds, reply->n_kinds);
		if (reply->kinds[reply->n_kinds] == NULL)
			return false;
	}
	return true;
}

enum rc
kinds_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	const Ectledger__V1__KindsRequest *q = (const void *)request;
	Ectledger__V1__KindsReply reply = ECTLEDGER__V1__KINDS_REPLY__INIT;
	const struct ledger *ledger = call->log->ledger;
	uint64_t size = ledger_published(ledger);
	const struct policy_doc *doc = policy_doc_default();

	if (q->at > size)
		return why_set(why, RC_NOT_FOUND, "tree size", "at", 0, "the log has %llu entries",
		    (unsigned long long)size);
	reply.tree_size = q->at == 0 ? size : q->at;
	if (reply.tree_size > 0)
		doc = book_at(ledger_book(ledger), reply.tree_size - 1);
	if (!fill(call, doc, &reply))
		return why_set(
		    why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
	return call_reply(call, &reply.base, why);
}
