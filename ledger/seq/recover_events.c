/*
 * recover_events.c - the history of a log's keys and the book of its policy, out of its own events.
 *
 * They are found by their chain: the index knows the last one, each names the one before.  The index
 * is derived and may be wrong, and a key event that is overlooked is a revoked key that speaks
 * again, so the chain is held against the index's list of such events, another table made by other
 * code: the same entries, or the index is not believed.  Every entry is checked against its leaf.
 */
#include <stdlib.h>

#include "base/must.h"
#include "claim/own_event.h"
#include "seq/ledger.h"

#define ENTRY_ARENA (1u << 20)
#define PAGE	    1024

/* One kind of events: its chain, and its list. */
struct events {
	enum entry_kind kind;
	enum index_seq seq;
	const char *list, *what;
};

static const struct events keys = {ENTRY_KEY, INDEX_SEQ_KEYS, "key", "key events"};
static const struct events policies = {
    ENTRY_POLICY, INDEX_SEQ_POLICIES, "policy", "policy documents"};

/* Indexes of events, ascending. */
struct places {
	uint64_t *index;
	size_t count;
};

struct reading {
	struct ledger *l;
	const struct events *of;
	struct store_read *read;
	struct index_view *view;
	struct arena arena; /* one entry */
	struct why *why;
};

static enum rc
disagree(struct reading *r, const char *what)
{
	return why_set(r->why, RC_CORRUPT, r->of->what, NULL, 0,
	    "index and log disagree about the %s: %s", r->of->what, what);
}

static enum rc
read_event(struct reading *r, uint64_t index, struct entry *entry)
{
	struct bytes raw;
	struct hash leaf;
	enum rc rc;

	arena_reset(&r->arena);
	if (index >= store_read_size(r->read))
		return disagree(r, "one is behind the end of the log");
	if ((rc = store_get_entry(r->read, index, &raw)) != RC_OK ||
	    (rc = recover_leaf(r->read, index, raw, &leaf)) != RC_OK ||
	    (rc = entry_read(raw, &r->arena, entry, NULL)) != RC_OK)
		return rc == RC_NO_MEMORY || rc == RC_IO ? rc
							 : disagree(r, "an entry cannot be read");
	return entry->kind == r->of->kind ? RC_OK : disagree(r, "an entry is none");
}

/* Back along the chain. */
static enum rc
find(struct reading *r, struct places *places)
{
	struct index_seq_key key = {.kind = r->of->seq};
	struct index_seq_head head;
	struct entry entry;
	uint64_t at;
	enum rc rc = index_seq(r->view, &key, &head);

	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	if (head.count == 0 || head.count > store_read_size(r->read))
		return disagree(r, "their number cannot be");
	if ((places->index = calloc((size_t)head.count, sizeof(*places->index))) == NULL)
		return RC_NO_MEMORY;
	places->count = (size_t)head.count;
	at = head.last;
	for (size_t i = places->count; i-- > 0;) {
		if ((rc = read_event(r, at, &entry)) != RC_OK)
			return rc;
		if (entry.workflow.ordinal != i || (i > 0 && entry.workflow.previous >= at))
			return disagree(r, "the chain is broken");
		places->index[i] = at;
		at = entry.workflow.previous;
	}
	return RC_OK;
}

/* The index's list has the same entries. */
static enum rc
compare(struct reading *r, const struct places *places)
{
	struct index_list_key key = {.kind = INDEX_LIST_KIND};
	uint64_t page[PAGE], after = UINT64_MAX;
	size_t count = PAGE, at = 0;
	enum rc rc;

	ledger_kind_id(r->of->list, key.id);
	while (count == PAGE) {
		if ((rc = index_list(r->view, &key, after, page, PAGE, &count)) != RC_OK)
			return rc;
		for (size_t i = 0; i < count; i++, at++)
			if (at >= places->count || page[i] != places->index[at])
				return disagree(r, "its chain and its list differ");
		if (count > 0)
			after = page[count - 1];
	}
	return at == places->count ? RC_OK : disagree(r, "its list has fewer");
}

static enum rc
apply_one(struct reading *r, uint64_t index, const struct entry *entry)
{
	struct ledger *l = r->l;
	struct own_policy policy;

	if (r->of == &keys) {
		l->key_entries++;
		return history_apply(
		    l->history, index, entry->received_at_ms, entry->token, r->why);
	}
	if (own_policy_read(entry->token, &policy, r->why) != RC_OK)
		return RC_CORRUPT;
	return book_add(l->book, index, entry->received_at_ms, policy.document, r->why);
}

static enum rc
apply(struct reading *r, const struct places *places)
{
	struct entry entry;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < places->count && rc == RC_OK; i++)
		if ((rc = read_event(r, places->index[i], &entry)) == RC_OK)
			rc = apply_one(r, places->index[i], &entry);
	return rc;
}

/* Documents that were met while the index was made: the same ones, or somebody is wrong. */
static enum rc
confirm(struct reading *r, const struct places *places)
{
	const struct book *book = r->l->book;
	struct book_page page;

	if (book_count(book) != places->count)
		return disagree(r, "their number differs from the log's");
	for (size_t i = 0; i < places->count; i++)
		if (!book_nth(book, i, &page) || page.index != places->index[i])
			return disagree(r, "they stand elsewhere in the log");
	return RC_OK;
}

static enum rc
recover(struct ledger *l, const struct events *of, struct why *why)
{
	struct reading r = {.l = l, .of = of, .why = why};
	struct places places = {0};
	enum rc rc;

	arena_init(&r.arena, ENTRY_ARENA);
	if ((rc = store_read_begin(l->store, &r.read)) != RC_OK ||
	    (rc = index_view_begin(l->index, UINT64_MAX, &r.view)) != RC_OK)
		goto out;
	/* Nothing is applied before all of it is found in order: a second try starts clean. */
	if ((rc = find(&r, &places)) != RC_OK || (rc = compare(&r, &places)) != RC_OK)
		goto out;
	rc = of == &policies && book_count(l->book) > 0 ? confirm(&r, &places) : apply(&r, &places);
out:
	index_view_end(r.view);
	store_read_end(r.read);
	free(places.index);
	arena_release(&r.arena);
	return rc;
}

enum rc
recover_history(struct ledger *l, struct why *why)
{
	must(l->key_entries == 0);
	return recover(l, &keys, why);
}

enum rc
recover_book(struct ledger *l, struct why *why)
{
	return recover(l, &policies, why);
}
