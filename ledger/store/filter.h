/*
 * filter.h - which runs of entries can have an id: one Bloom filter an epoch, in memory.  Private
 * to the room.
 *
 * Ids are random, so on disk they are kept by epoch (2^18 entries): the pages that a batch
 * touches are those of the newest epoch only, however long the log is. The price is a lookup in
 * every epoch, and this is what makes it cheap: one cache line for each, and a disk lookup only
 * where the id is, or once in some two hundred where it is not.
 *
 * Threads: the keeper adds, any thread asks.  An id is added before the transaction that stores
 * it commits, so a reader that sees the row sees the bits.
 */
#ifndef STORE_FILTER_H
#define STORE_FILTER_H

#include <stdatomic.h>

#include "base/bytes.h"

#define FILTER_EPOCH_BITS 18
#define FILTER_EPOCH_SIZE ((uint64_t)1 << FILTER_EPOCH_BITS)
#define FILTER_EPOCHS_MAX 8192	/* 2^31 entries; later epochs have none */
#define FILTER_WORDS	  49152 /* 12 bits an id, in blocks of 512 */
#define FILTER_BYTES	  (FILTER_WORDS * 8)

struct filter; /* of one epoch */

struct filters {
	_Atomic(struct filter *) epoch[FILTER_EPOCHS_MAX];
};

struct filters *filters_new(void); /* NULL: out of memory */
void filters_free(struct filters *f);
/* Have a filter for the epoch: an empty one when there is none.  RC_NO_MEMORY. */
enum rc filters_begin(struct filters *f, uint64_t epoch);
/* The epoch must have been begun. */
void filters_add(struct filters *f, uint64_t epoch, uint64_t hash);
/* False: certainly not there.  An epoch without a filter may have anything. */
bool filters_may_have(const struct filters *f, uint64_t epoch, uint64_t hash);
/* A finished epoch as bytes and back; none where it was not begun. */
struct bytes filters_bytes(const struct filters *f, uint64_t epoch);
enum rc filters_load(struct filters *f, uint64_t epoch, struct bytes x);

#endif
