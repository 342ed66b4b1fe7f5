/*
 * marks.h - one bit for each entry below a size: which of them a walk has reached.  Private to answer/.
 *
 * Zeroed memory that is not touched costs nothing, so the size is that of the view, not of the answer.
 */
#ifndef ANSWER_MARKS_H
#define ANSWER_MARKS_H

#include <stdlib.h>

#include "facts/facts.h"

struct marks {
	uint64_t *word; /* NULL until marks_init() */
	uint32_t size;
};

static inline bool
marks_init(struct marks *m, uint32_t size)
{
	m->size = size;
	m->word = calloc((size_t)size / 64 + 1, sizeof(*m->word));
	return m->word != NULL;
}

static inline void
marks_release(struct marks *m)
{
	free(m->word);
	m->word = NULL;
}

static inline bool
marks_has(const struct marks *m, uint32_t i)
{
	return (m->word[i / 64] >> (i % 64) & 1) != 0;
}

static inline void
marks_put(struct marks *m, uint32_t i)
{
	m->word[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void
marks_drop(struct marks *m, uint32_t i)
{
	m->word[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/* The first marked entry at or above 'from' and at or below 'to'; FACTS_NONE. */
static inline uint32_t
marks_next(const struct marks *m, uint32_t from, uint32_t to)
{
	for (uint32_t w = from / 64; from <= to && from < m->size; from = ++w * 64) {
		uint64_t bits = m->word[w] & ~UINT64_C(0) << (from % 64);

		if (bits != 0) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);

			return i <= to ? i : FACTS_NONE;
		}
	}
	return FACTS_NONE;
}

/* The last marked entry at or below 'from' and at or above 'to'; FACTS_NONE. */
static inline uint32_t
marks_before(const struct marks *m, uint32_t from, uint32_t to)
{
	for (uint32_t w = from / 64; from >= to; from = w-- * 64 - 1) {
		uint64_t bits = m->word[w] & ~UINT64_C(0) >> (63 - from % 64);

		if (bits != 0) {
			uint32_t i = w * 64 + 63 - (uint32_t)__builtin_clzll(bits);

			return i >= to ? i : FACTS_NONE;
		}
		if (w == 0)
			break;
	}
	return FACTS_NONE;
}

#endif
