/*
 * arena.c - blocks in a chain, a pointer that moves forward.
 *
 * The first block is large enough for an ordinary call, so that a call slot that is reset and used
 * again asks the heap for nothing.  'used' counts the bytes handed out (rounded up to the
 * alignment), never the slack.
 *
 * Under AddressSanitizer what was not handed out is poisoned: an overrun inside a block is found as
 * well as one behind it.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define ARENA_ALIGN	  16
#define ARENA_BLOCK_FIRST (16 * 1024)
#define ARENA_BLOCK_MAX	  (1024 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	_Alignas(ARENA_ALIGN) uint8_t data[];
};

void
arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

static void
arena_free_from(struct arena_block *b)
{
	while (b != NULL) {
		struct arena_block *next = b->next;

		UNPOISON(b->data, b->size);
		free(b);
		b = next;
	}
}

void
arena_release(struct arena *a)
{
	arena_free_from(a->first);
	*a = (struct arena){.max = a->max};
}

void
arena_reset(struct arena *a)
{
	if (a->first != NULL) {
		arena_free_from(a->first->next);
		a->first->next = NULL;
		a->first->used = 0;
		POISON(a->first->data, a->first->size);
	}
	a->last = a->first;
	a->used = 0;
}

/* A block with room for n: each twice the one before, so that a large parse needs few. */
static struct arena_block *
arena_block_new(const struct arena *a, size_t n)
{
	size_t size = ARENA_BLOCK_FIRST;
	struct arena_block *b;

	if (a->last != NULL)
		size = a->last->size < ARENA_BLOCK_MAX / 2 ? a->last->size * 2 : ARENA_BLOCK_MAX;
	if (size < n)
		size = n;
	if (size > SIZE_MAX / 2 || (b = malloc(sizeof(*b) + size)) == NULL)
		return NULL;
	b->next = NULL;
	b->size = size;
	b->used = 0;
	POISON(b->data, b->size);
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t size = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	struct arena_block *b = a->last;
	void *p;

	if (n == 0)
		size = ARENA_ALIGN; /* a place of its own, so that NULL always means "no" */
	/* An owner may have lowered max below what is in use: then there is just no more. */
	if (size < n || a->used > a->max || size > a->max - a->used)
		return NULL;
	if (b == NULL || size > b->size - b->used) {
		if ((b = arena_block_new(a, size)) == NULL)
			return NULL;
		if (a->last != NULL)
			a->last->next = b;
		else
			a->first = b;
		a->last = b;
	}
	p = b->data + b->used;
	b->used += size;
	a->used += size;
	UNPOISON(p, n);
	return p;
}

void *
arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p != NULL && n != 0)
		memset(p, 0, n);
	return p;
}

bool
arena_dup(struct arena *a, struct bytes from, struct bytes *to)
{
	uint8_t *p = arena_alloc(a, from.n);

	if (p == NULL)
		return false;
	if (from.n != 0)
		memcpy(p, from.p, from.n);
	*to = (struct bytes){p, from.n};
	return true;
}

char *
arena_strdup(struct arena *a, struct bytes from)
{
	char *p;

	if (from.n == SIZE_MAX || (p = arena_alloc(a, from.n + 1)) == NULL)
		return NULL;
	if (from.n != 0)
		memcpy(p, from.p, from.n);
	p[from.n] = '\0';
	return p;
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *p;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	must(n >= 0);
	if ((p = arena_alloc(a, (size_t)n + 1)) == NULL)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(p, (size_t)n + 1, format, args);
	va_end(args);
	return p;
}
