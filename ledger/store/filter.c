/*
 * filter.c - blocked Bloom filters: the hash picks a block of one cache line and six bits in it.
 */
#include "store/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define BLOCK_WORDS 8
#define BLOCKS	    (FILTER_WORDS / BLOCK_WORDS)
#define BITS	    6

struct filter {
	_Alignas(64) _Atomic uint64_t word[FILTER_WORDS];
};

struct filters *
filters_new(void)
{
	return calloc(1, sizeof(struct filters));
}

void
filters_free(struct filters *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < FILTER_EPOCHS_MAX; i++)
		free(atomic_load(&f->epoch[i]));
	free(f);
}

static struct filter *
filter_of(const struct filters *f, uint64_t epoch)
{
	if (epoch >= FILTER_EPOCHS_MAX)
		return NULL;
	return atomic_load_explicit(&f->epoch[epoch], memory_order_acquire);
}

static struct filter *
filter_new(void)
{
	struct filter *x = aligned_alloc(64, sizeof *x);

	if (x != NULL)
		memset(x, 0, sizeof *x);
	return x;
}

enum rc
filters_begin(struct filters *f, uint64_t epoch)
{
	struct filter *x = NULL;

	if (epoch >= FILTER_EPOCHS_MAX || filter_of(f, epoch) != NULL)
		return RC_OK;
	if ((x = filter_new()) == NULL)
		return RC_NO_MEMORY;
	atomic_store_explicit(&f->epoch[epoch], x, memory_order_release);
	return RC_OK;
}

/* The upper half of the hash picks the block, nine bits each of the lower the six bits. */
static size_t
block_of(uint64_t hash)
{
	return (size_t)((hash >> 32) * BLOCKS >> 32) * BLOCK_WORDS;
}

static uint64_t
bits_of(uint64_t hash)
{
	/* 6 * 9 = 54 bits are wanted: stir the lower half once more. */
	return (hash & 0xffffffff) * 0x9e3779b97f4a7c15u;
}

void
filters_add(struct filters *f, uint64_t epoch, uint64_t hash)
{
	struct filter *x = filter_of(f, epoch);
	size_t block = block_of(hash);
	uint64_t bits = bits_of(hash);

	must(x != NULL || epoch >= FILTER_EPOCHS_MAX);
	for (unsigned i = 0; x != NULL && i < BITS; i++, bits >>= 9)
		atomic_fetch_or_explicit(&x->word[block + (bits >> 6 & 7)],
		    (uint64_t)1 << (bits & 63), memory_order_release);
}

bool
filters_may_have(const struct filters *f, uint64_t epoch, uint64_t hash)
{
	const struct filter *x = filter_of(f, epoch);
	size_t block = block_of(hash);
	uint64_t bits = bits_of(hash), word = 0;

	if (x == NULL)
		return true;
	for (unsigned i = 0; i < BITS; i++, bits >>= 9) {
		word =
		    atomic_load_explicit(&x->word[block + (bits >> 6 & 7)], memory_order_acquire);
		if ((word >> (bits & 63) & 1) == 0)
			return false;
	}
	return true;
}

struct bytes
filters_bytes(const struct filters *f, uint64_t epoch)
{
	const struct filter *x = filter_of(f, epoch);

	return x == NULL ? BYTES_NONE : bytes_of(x->word, FILTER_BYTES);
}

enum rc
filters_load(struct filters *f, uint64_t epoch, struct bytes bytes)
{
	struct filter *x = NULL;

	if (bytes.n != FILTER_BYTES)
		return RC_CORRUPT;
	if (epoch >= FILTER_EPOCHS_MAX)
		return RC_OK;
	must(filter_of(f, epoch) == NULL);
	if ((x = filter_new()) == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < FILTER_WORDS; i++)
		atomic_init(&x->word[i], 0);
	memcpy((void *)x->word, bytes.p, FILTER_BYTES);
	atomic_store_explicit(&f->epoch[epoch], x, memory_order_release);
	return RC_OK;
}
