/*
 * book.c - documents by the index from which they are in force, ascending.
 */
#include "policy/book.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/must.h"

#define BOOK_ARENA ((size_t)1 << 32)

struct book {
	pthread_rwlock_t lock;
	struct arena arena;
	struct book_page *pages;
	size_t count, room;
};

enum rc
book_new(struct book **out)
{
	struct book *b = calloc(1, sizeof(*b));

	*out = b;
	if (b == NULL)
		return RC_NO_MEMORY;
	arena_init(&b->arena, BOOK_ARENA);
	must(pthread_rwlock_init(&b->lock, NULL) == 0);
	return RC_OK;
}

void
book_free(struct book *b)
{
	if (b == NULL)
		return;
	arena_release(&b->arena);
	pthread_rwlock_destroy(&b->lock);
	free(b->pages);
	free(b);
}

static enum rc
add(struct book *b, const struct book_page *page)
{
	if (b->count == b->room) {
		size_t room = b->room == 0 ? 16 : b->room * 2;
		struct book_page *pages = realloc(b->pages, room * sizeof(*pages));

		if (pages == NULL)
			return RC_NO_MEMORY;
		b->pages = pages;
		b->room = room;
	}
	b->pages[b->count++] = *page;
	return RC_OK;
}

/* The same text as before is the same document: memory is for what differs. */
static const struct policy_doc *
known(const struct book *b, struct bytes text)
{
	struct hash digest;

	hash_of(text, &digest);
	for (size_t i = b->count; i-- > 0;)
		if (hash_eq(&b->pages[i].doc->digest, &digest) &&
		    bytes_eq(b->pages[i].doc->text, text))
			return b->pages[i].doc;
	return NULL;
}

enum rc
book_add(
    struct book *b, uint64_t index, uint64_t received_at_ms, struct bytes text, struct why *why)
{
	struct book_page page = {.index = index, .received_at_ms = received_at_ms};
	enum rc rc = RC_OK;

	must(pthread_rwlock_wrlock(&b->lock) == 0);
	must(b->count == 0 || b->pages[b->count - 1].index < index);
	if (b->count >= BOOK_DOCS_MAX)
		rc = why_set(why, RC_TOO_LARGE, "BOOK_DOCS_MAX", NULL, 0,
		    "the log has %zu policy documents already", b->count);
	if (rc == RC_OK && (page.doc = known(b, text)) == NULL)
		rc = policy_doc_read(text, &b->arena, &page.doc, why);
	if (rc == RC_OK)
		rc = add(b, &page);
	must(pthread_rwlock_unlock(&b->lock) == 0);
	return rc;
}

static pthread_rwlock_t *
lock_of(const struct book *b)
{
	return &((struct book *)(uintptr_t)b)->lock;
}

const struct policy_doc *
book_at(const struct book *b, uint64_t index)
{
	const struct policy_doc *doc = policy_doc_default();
	size_t low = 0, high;

	must(pthread_rwlock_rdlock(lock_of(b)) == 0);
	for (high = b->count; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (b->pages[middle].index <= index)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0)
		doc = b->pages[low - 1].doc;
	must(pthread_rwlock_unlock(lock_of(b)) == 0);
	return doc;
}

size_t
book_count(const struct book *b)
{
	size_t n;

	must(pthread_rwlock_rdlock(lock_of(b)) == 0);
	n = b->count;
	must(pthread_rwlock_unlock(lock_of(b)) == 0);
	return n;
}

bool
book_nth(const struct book *b, size_t i, struct book_page *out)
{
	bool there;

	must(pthread_rwlock_rdlock(lock_of(b)) == 0);
	if ((there = i < b->count))
		*out = b->pages[i];
	must(pthread_rwlock_unlock(lock_of(b)) == 0);
	return there;
}
