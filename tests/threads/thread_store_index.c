/*
 * thread_store_index.c - writer, keeper and readers on one index, for ThreadSanitizer.
 *
 * The writer adds rows as fast as it can in batches; the keeper writes small generations all the
 * time; readers check that a view at size N has exactly the first N rows, whatever moves
 * meanwhile.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "store/index.h"

#define ROWS	20000
#define BATCH	64
#define READERS 3
#define FAN	16 /* entry i is a child of i / FAN */

struct shared {
	struct index *x;
	_Atomic bool done;
	_Atomic uint64_t views;
};

static void
id_of(uint64_t n, uint8_t out[UUID_SIZE])
{
	put_u64(out, (n + 1) * 0x9e3779b97f4a7c15u);
	put_u64(out + 8, n);
}

/* From anywhere in a list: what follows, without a gap, up to the size. */
static void
check_lists(struct index_view *v, uint64_t size, uint64_t i)
{
	struct index_list_key all = {.kind = INDEX_LIST_ISSUER};
	struct index_list_key some = {.kind = INDEX_LIST_ACT, .id = {(uint8_t)(i % FAN)}};
	uint64_t out[FAN];
	size_t n = 0;

	must(index_list(v, &all, i, out, FAN, &n) == RC_OK);
	must(n == (size <= i ? 0 : size - i - 1 < FAN ? size - i - 1 : FAN));
	for (size_t k = 0; k < n; k++)
		must(out[k] == i + 1 + k);
	must(index_list(v, &some, i, out, FAN, &n) == RC_OK);
	for (size_t k = 0; k < n; k++)
		must(out[k] == i + FAN * (k + 1) && out[k] < size);
	must(n == FAN || i + FAN * (n + 1) >= size);
}

static void
check_view(struct index *x, uint64_t size, uint64_t salt)
{
	struct index_seq_key key = {.kind = INDEX_SEQ_WORKFLOW};
	struct index_seq_head head;
	struct index_view *v = NULL;
	struct index_hit hit;
	uint8_t id[UUID_SIZE];
	uint64_t out[FAN], i = size > 0 ? salt % size : 0;
	size_t n = 0;

	must(index_view_begin(x, size, &v) == RC_OK);
	if (size > 0) {
		id_of(i, id);
		must(index_find(v, false, NULL, id, &hit) == RC_OK && hit.index == i);
		must(index_find_any(v, id, &hit) == RC_OK && hit.index == i);
		must(index_seq(v, &key, &head) == RC_OK && head.count >= size);
		must(head.last == head.count - 1);
	}
	id_of(size, id);
	must(index_find(v, false, NULL, id, &hit) == RC_NOT_FOUND);
	/* A parent all of whose children are below the size has them all, once each and in
	 * order. */
	if (size > FAN * 2) {
		i = 1 + salt % (size / FAN - 1);
		must(index_children(v, i, UINT64_MAX, out, FAN, &n) == RC_OK);
		for (size_t k = 0; k < n; k++)
			must(out[k] == i * FAN + k);
		must(n == (size - i * FAN < FAN ? size - i * FAN : FAN));
	}
	check_lists(v, size, i);
	index_view_end(v);
}

static void *
reader(void *arg)
{
	struct shared *s = arg;
	uint64_t salt = (uint64_t)(uintptr_t)&salt;

	while (!atomic_load(&s->done)) {
		salt = salt * 6364136223846793005u + 1442695040888963407u;
		check_view(s->x, index_reach(s->x), salt >> 20);
		atomic_fetch_add(&s->views, 1);
	}
	return NULL;
}

static void
write_rows(struct index *x)
{
	static struct index_row rows[BATCH];
	static uint64_t parents[BATCH];
	static struct index_seq_key seqs[BATCH][2];

	for (uint64_t at = 0; at < ROWS; at += BATCH) {
		uint64_t n = ROWS - at < BATCH ? ROWS - at : BATCH;

		for (uint64_t k = 0; k < n; k++) {
			rows[k] = (struct index_row){.index = at + k, .parents = &parents[k]};
			parents[k] = (at + k) / FAN;
			rows[k].parent_count = parents[k] < at + k ? 1 : 0;
			id_of(at + k, rows[k].jti);
			seqs[k][0].kind = INDEX_SEQ_WORKFLOW;
			seqs[k][1].kind = INDEX_SEQ_ISSUER;
			id_of(k, seqs[k][1].id);
			rows[k].seqs = seqs[k];
			rows[k].seq_count = 2;
			rows[k].lists[0].kind = INDEX_LIST_ISSUER;
			rows[k].lists[1].kind = INDEX_LIST_ACT;
			rows[k].lists[1].id[0] = (uint8_t)((at + k) % FAN);
			rows[k].list_count = 2;
		}
		must(index_reserve(x, (size_t)n, (size_t)n) == RC_OK);
		must(index_add(x, rows, (size_t)n) == RC_OK);
		if (at % (BATCH * 50) == 0)
			must(index_flush(x) == RC_OK);
	}
}

int
main(void)
{
	char folder[] = "/tmp/ectledger-thread-XXXXXX", path[64];
	struct index_options o = {.origin = "o",
	    .map_size = (uint64_t)64 << 20,
	    .flush_rows = 500,
	    .flush_ms = 2,
	    .create = true};
	pthread_t threads[READERS];
	struct shared s = {0};
	struct why why = {0};

	must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/index", folder);
	o.folder = path;
	must(index_open(&s.x, &o, &why) == RC_OK);
	for (size_t i = 0; i < READERS; i++)
		must(pthread_create(&threads[i], NULL, reader, &s) == 0);
	write_rows(s.x);
	atomic_store(&s.done, true);
	for (size_t i = 0; i < READERS; i++)
		must(pthread_join(threads[i], NULL) == 0);
	check_view(s.x, ROWS, 12345);
	index_close(s.x);
	must(index_open(&s.x, &o, &why) == RC_OK);
	must(index_reach(s.x) == ROWS);
	check_view(s.x, ROWS, 54321);
	index_close(s.x);
	must(index_destroy(path) == RC_OK && rmdir(folder) == 0);
	printf("%d rows, %" PRIu64 " views\n", ROWS, (uint64_t)atomic_load(&s.views));
	return atomic_load(&s.views) > 0 ? 0 : 1;
}
