/*
 * index_own.h - the index from inside: what index.c (rows in), index_view.c (lookups) and
 * index_keeper.c (rows to disk) share.  Private to the room.
 *
 *     index_add                 full, or old              keeper              written
 *   rows ---------> newest generation -----> waiting generation --> index environment --> dropped
 *
 * Invariants:
 *   1. Generations continue one another without a gap, oldest first; the oldest begins where the
 *      environment ends.
 *   2. Only the newest grows.  A generation is written whole, in one transaction, so the
 *      environment's reach says exactly which generations it holds.
 *   3. Before the newest is closed, the next one has the room that was reserved.
 *
 * Locks: 'work' may be held while 'rows' is taken, never the other way round.  Neither is held
 * during disk reads or writes.
 */
#ifndef STORE_INDEX_OWN_H
#define STORE_INDEX_OWN_H

#include <pthread.h>

#include "store/index_disk.h"

#define INDEX_WAITING_MAX 8 /* generations behind the newest before the writer has to wait */
#define INDEX_GENS_MAX	  (INDEX_WAITING_MAX + 2)
#define INDEX_VIEWS_KEPT  64
#define INDEX_WEIGHT	  8 /* full at this many disk rows for each entry it may hold */

struct index_view {
	struct index *x;
	uint64_t size;
	struct gen *gens[INDEX_GENS_MAX]; /* oldest first */
	size_t gen_count;
	struct disk_read *disk; /* NULL: memory only */
	struct index_view *next;
};

struct index {
	struct disk *disk; /* NULL: memory only */
	struct map_seed seed;
	size_t flush_rows;
	int64_t flush_us;
	_Atomic uint64_t reach;
	_Atomic int broken;  /* enum rc of what stopped the keeper */
	_Atomic int damaged; /* enum rc: sequence heads are not known any more */

	pthread_rwlock_t rows; /* the generations and everything in them */
	struct gen *gens[INDEX_GENS_MAX];
	size_t gen_count;
	size_t reserved_rows, reserved_parents;

	pthread_mutex_t work; /* between writer, keeper and whoever waits for it */
	pthread_cond_t todo, done;
	bool keeper_runs, stop;
	pthread_t keeper;
	uint64_t wanted, written; /* entries that must be, and are, on disk */

	pthread_mutex_t views_lock;
	struct index_view *views; /* kept for the next */
	size_t view_count;

	/* The writer's. */
	struct index_view *own;
	struct index_seq_head *heads; /* of the batch being added, one a sequence */
	size_t head_room;
};

void index_lock_rows(struct index *x, bool write);
void index_unlock_rows(struct index *x);
int64_t index_now_us(void);

/* index_view.c */
enum rc view_new(struct index *x, struct index_view **out);
void view_free(struct index_view *v); /* NULL is fine */
enum rc view_start(struct index_view *v, uint64_t size);
void view_stop(struct index_view *v);
/* The head of a sequence; count 0 when it is empty. */
enum rc view_seq(struct index_view *v, const struct index_seq_key *key, struct index_seq_head *out);

/* index_keeper.c */
enum rc keeper_start(struct index *x);
void keeper_stop(struct index *x); /* writes everything first */
void keeper_wake(struct index *x);
/* Wait until fewer than INDEX_WAITING_MAX generations wait.  RC_IO: broken. */
enum rc keeper_wait_room(struct index *x);
enum rc keeper_flush(struct index *x);

#endif
