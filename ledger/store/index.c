/*
 * index.c - rows in: the writer's side of the index, its life and its bounds.
 *
 * Sequence heads are kept as absolute numbers, so that a lookup needs one place.  The base of a
 * sequence that the newest generation does not know yet is looked up before the rows are locked:
 * the sequencer has just asked for the same key, so the page is warm.
 *
 * Memory is bounded: when eight full generations wait for the keeper, index_reserve() waits with
 * them.
 */
#include <stdlib.h>
#include <time.h>

#include "base/must.h"
#include "base/random.h"
#include "store/files.h"
#include "store/index_own.h"

#define FLUSH_ROWS     20000
#define FLUSH_ROWS_MAX 50000 /* a transaction that LMDB need not spill */
#define FLUSH_MS       2000

void
index_lock_rows(struct index *x, bool write)
{
	must((write ? pthread_rwlock_wrlock : pthread_rwlock_rdlock)(&x->rows) == 0);
}

void
index_unlock_rows(struct index *x)
{
	must(pthread_rwlock_unlock(&x->rows) == 0);
}

int64_t
index_now_us(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- life ---- */

static void
init_locks(struct index *x)
{
	pthread_rwlockattr_t rw;
	pthread_condattr_t cond;

	/* Lookups are short and many: without this they could keep the writer out. */
	must(pthread_rwlockattr_init(&rw) == 0);
	must(pthread_rwlockattr_setkind_np(&rw, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
	must(pthread_rwlock_init(&x->rows, &rw) == 0);
	must(pthread_rwlockattr_destroy(&rw) == 0);
	must(pthread_condattr_init(&cond) == 0);
	must(pthread_condattr_setclock(&cond, CLOCK_MONOTONIC) == 0);
	must(pthread_cond_init(&x->todo, &cond) == 0);
	must(pthread_cond_init(&x->done, &cond) == 0);
	must(pthread_condattr_destroy(&cond) == 0);
	must(pthread_mutex_init(&x->work, NULL) == 0);
	must(pthread_mutex_init(&x->views_lock, NULL) == 0);
}

static void
init_options(struct index *x, const struct index_options *o)
{
	x->flush_rows = o->flush_rows != 0 ? o->flush_rows : FLUSH_ROWS;
	if (x->flush_rows > FLUSH_ROWS_MAX)
		x->flush_rows = FLUSH_ROWS_MAX;
	x->flush_us = (int64_t)(o->flush_ms != 0 ? o->flush_ms : FLUSH_MS) * 1000;
	random_bytes(&x->seed, sizeof x->seed);
}

enum rc
index_open(struct index **out, const struct index_options *o, struct why *why)
{
	struct index *x = calloc(1, sizeof *x);
	enum rc rc = RC_OK;

	*out = NULL;
	if (x == NULL)
		return RC_NO_MEMORY;
	init_locks(x);
	init_options(x, o);
	if (o->folder != NULL && (rc = disk_open(&x->disk, o, why)) != RC_OK)
		goto out;
	x->written = x->disk != NULL ? disk_reach(x->disk) : 0;
	atomic_init(&x->reach, x->written);
	if ((x->gens[0] = gen_new(x->written, x->seed)) == NULL) {
		rc = RC_NO_MEMORY;
		goto out;
	}
	x->gen_count = 1;
	if ((rc = view_new(x, &x->own)) != RC_OK)
		goto out;
	if (x->disk != NULL)
		rc = keeper_start(x);
out:
	if (rc == RC_OK)
		*out = x;
	else
		index_close(x);
	return rc;
}

static void
free_views(struct index *x)
{
	struct index_view *v = NULL;

	while ((v = x->views) != NULL) {
		x->views = v->next;
		view_free(v);
	}
	view_free(x->own);
}

void
index_close(struct index *x)
{
	if (x == NULL)
		return;
	keeper_stop(x);
	free_views(x);
	for (size_t i = 0; i < x->gen_count; i++)
		gen_unref(x->gens[i]);
	disk_close(x->disk);
	must(pthread_rwlock_destroy(&x->rows) == 0);
	must(pthread_mutex_destroy(&x->work) == 0);
	must(pthread_mutex_destroy(&x->views_lock) == 0);
	must(pthread_cond_destroy(&x->todo) == 0);
	must(pthread_cond_destroy(&x->done) == 0);
	free(x->heads);
	free(x);
}

enum rc
index_destroy(const char *folder)
{
	must(folder != NULL);
	return files_remove_env(folder);
}

bool
index_made_by_older(const char *folder)
{
	return disk_made_by_older(folder);
}

uint64_t
index_reach(const struct index *x)
{
	return atomic_load(&x->reach);
}

bool
index_broken(const struct index *x)
{
	return atomic_load(&x->broken) != RC_OK || atomic_load(&x->damaged) != RC_OK;
}

enum rc
index_flush(struct index *x)
{
	return x->disk == NULL ? RC_OK : keeper_flush(x);
}

/* ---- rows in ---- */

static bool
is_full(const struct index *x, const struct gen *g)
{
	return g->end - g->first >= x->flush_rows || g->weight >= INDEX_WEIGHT * x->flush_rows;
}

/* Close a full generation and begin the next.  Only the keeper and this, on the writer, change
 * the list. */
static enum rc
rotate_if_full(struct index *x)
{
	struct gen *g = NULL;
	enum rc rc = RC_OK;
	bool full = false;

	index_lock_rows(x, false);
	full = is_full(x, x->gens[x->gen_count - 1]);
	index_unlock_rows(x);
	if (!full)
		return RC_OK;
	if ((rc = keeper_wait_room(x)) != RC_OK)
		return rc;
	if ((g = gen_new(index_reach(x), x->seed)) == NULL)
		return RC_NO_MEMORY;
	index_lock_rows(x, true);
	/* The keeper may have closed it meanwhile. */
	if (is_full(x, x->gens[x->gen_count - 1])) {
		must(x->gen_count < INDEX_GENS_MAX);
		x->gens[x->gen_count++] = g;
		g = NULL;
	}
	index_unlock_rows(x);
	gen_unref(g);
	keeper_wake(x);
	return RC_OK;
}

static enum rc
reserve_heads(struct index *x, size_t rows, size_t parents)
{
	size_t need = 2 * rows + parents, room = x->head_room > 0 ? x->head_room : 64;
	struct index_seq_head *p = NULL;

	if (need <= x->head_room)
		return RC_OK;
	while (room < need)
		room *= 2;
	if ((p = realloc(x->heads, room * sizeof *p)) == NULL)
		return RC_NO_MEMORY;
	x->heads = p;
	x->head_room = room;
	return RC_OK;
}

static enum rc
reserve_rows(struct index *x, size_t rows, size_t parents)
{
	enum rc rc = RC_OK;

	index_lock_rows(x, true);
	rc = gen_reserve(x->gens[x->gen_count - 1], rows, parents);
	x->reserved_rows = rc == RC_OK ? rows : 0;
	x->reserved_parents = rc == RC_OK ? parents : 0;
	index_unlock_rows(x);
	return rc;
}

enum rc
index_reserve(struct index *x, size_t rows, size_t parents)
{
	enum rc rc = RC_OK;

	if (x->disk != NULL && (rc = rotate_if_full(x)) != RC_OK)
		return rc;
	if ((rc = reserve_heads(x, rows, parents)) != RC_OK)
		return rc;
	return reserve_rows(x, rows, parents);
}

/* What every sequence of the batch was before it, into x->heads.  A disk that cannot tell is
 * damage: rows still go in, heads are refused from then on. */
static void
look_up_heads(struct index *x, const struct index_row *rows, size_t count)
{
	struct index_seq_head *head = x->heads;
	enum rc rc = view_start(x->own, UINT64_MAX);
	bool begun = rc == RC_OK;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < rows[i].seq_count; k++, head++) {
			*head = (struct index_seq_head){0};
			if (rc == RC_OK)
				rc = view_seq(x->own, &rows[i].seqs[k], head);
		}
	if (begun)
		view_stop(x->own);
	if (rc != RC_OK)
		atomic_store(&x->damaged, (int)rc);
}

static void
add_rows(struct index *x, const struct index_row *rows, size_t count)
{
	struct gen *g = x->gens[x->gen_count - 1];
	const struct index_seq_head *before = x->heads;
	struct index_seq_head head = {0};

	if (g->first == g->end)
		g->oldest_us = index_now_us();
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < rows[i].seq_count; k++, before++) {
			if (!gen_seq(g, &rows[i].seqs[k], &head))
				head = *before;
			head.count++;
			head.last = rows[i].index;
			gen_seq_put(g, &rows[i].seqs[k], &head);
		}
		gen_add(g, &rows[i]);
	}
	must(before <= x->heads + x->head_room);
}

enum rc
index_add(struct index *x, const struct index_row *rows, size_t count)
{
	size_t parents = 0;
	enum rc rc = RC_OK;

	if (count == 0)
		return RC_OK;
	must(rows[0].index == index_reach(x));
	for (size_t i = 0; i < count; i++) {
		must(rows[i].seq_count <= 2 + rows[i].parent_count);
		parents += rows[i].parent_count;
	}
	if (x->reserved_rows < count || x->reserved_parents < parents) {
		if ((rc = reserve_heads(x, count, parents)) != RC_OK)
			return rc;
		if ((rc = reserve_rows(x, count, parents)) != RC_OK)
			return rc;
	}
	look_up_heads(x, rows, count);
	index_lock_rows(x, true);
	add_rows(x, rows, count);
	x->reserved_rows -= count;
	x->reserved_parents -= parents;
	index_unlock_rows(x);
	atomic_store(&x->reach, rows[count - 1].index + 1);
	return RC_OK;
}
