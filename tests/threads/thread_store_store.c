/*
 * thread_store_store.c - one writer and several readers on one log, on both stores, for
 * ThreadSanitizer.
 *
 * A reader must find everything below its size and nothing at it, and the head that was committed
 * with the size.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "store/store.h"

#define BATCHES 300
#define BATCH	20
#define READERS 3

struct shared {
	struct store *store;
	_Atomic bool done;
	_Atomic uint64_t reads;
};

static struct bytes
text_of(char room[32], const char *what, uint64_t n)
{
	return bytes_of(room, (size_t)snprintf(room, 32, "%s %" PRIu64, what, n));
}

static void
check(struct store *s)
{
	uint8_t hash[HASH_SIZE];
	struct store_read *r = NULL;
	struct bytes x = BYTES_NONE;
	uint64_t size = 0, at = 0;
	char room[32];

	must(store_read_begin(s, &r) == RC_OK);
	size = store_read_size(r);
	must(size % BATCH == 0);
	must(store_get_entry(r, size, &x) == RC_NOT_FOUND);
	if (size > 0) {
		must(store_get_entry(r, size - 1, &x) == RC_OK);
		must(bytes_eq(x, text_of(room, "entry", size - 1)));
		must(store_get_last_head(r, &at, &x) == RC_OK && at == size);
		must(bytes_eq(x, text_of(room, "head", size)));
		must(store_get_head_at_least(r, size / 2, &at, &x) == RC_OK && at >= size / 2);
		must(store_get_tile(r, 0, 0, 1, hash) == RC_OK && hash[0] == 1);
	}
	store_read_end(r);
}

static void *
reader(void *arg)
{
	struct shared *s = arg;

	while (!atomic_load(&s->done)) {
		check(s->store);
		atomic_fetch_add(&s->reads, 1);
	}
	return NULL;
}

static void
write_batch(struct store *s, uint64_t from)
{
	static uint8_t tile[256 * HASH_SIZE];
	size_t width = from / BATCH % 256 + 1;
	char room[32];

	memset(tile, 1, sizeof tile);
	must(store_check_space(s) == RC_OK);
	must(store_batch_begin(s) == RC_OK);
	for (uint64_t i = from; i < from + BATCH; i++)
		must(store_put_entry(s, i, text_of(room, "entry", i), BYTES_NONE) == RC_OK);
	if (from < 256 * BATCH)
		must(store_put_tile(s, 0, 0, bytes_of(tile, width * HASH_SIZE)) == RC_OK);
	must(store_put_head(s, from + BATCH, text_of(room, "head", from + BATCH)) == RC_OK);
	must(store_batch_commit(s) == RC_OK);
	must(store_journal_append(s, from + BATCH, text_of(room, "head", from + BATCH)) == RC_OK);
}

static void
run(struct store *store)
{
	struct shared s = {.store = store};
	pthread_t threads[READERS];

	for (size_t i = 0; i < READERS; i++)
		must(pthread_create(&threads[i], NULL, reader, &s) == 0);
	for (uint64_t i = 0; i < BATCHES; i++)
		write_batch(store, i * BATCH);
	atomic_store(&s.done, true);
	for (size_t i = 0; i < READERS; i++)
		must(pthread_join(threads[i], NULL) == 0);
	check(store);
	printf("%d entries, %" PRIu64 " reads\n", BATCHES * BATCH, (uint64_t)atomic_load(&s.reads));
	must(atomic_load(&s.reads) > 0);
	store_close(store);
}

static void
remove_in(const char *folder, const char *name, int (*how)(const char *))
{
	char path[96];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	must(how(path) == 0);
}

int
main(void)
{
	char folder[] = "/tmp/ectledger-thread-XXXXXX";
	struct store_options o = {
	    .origin = "o", .map_size = (uint64_t)64 << 20, .free_bytes_min = 1, .create = true};
	struct store *store = NULL;
	struct why why = {0};

	must(store_mem_open(&store, "o") == RC_OK);
	run(store);
	must(mkdtemp(folder) != NULL);
	o.folder = folder;
	must(store_lmdb_open(&store, &o, &why) == RC_OK);
	run(store);
	remove_in(folder, "log/data.mdb", unlink);
	remove_in(folder, "log/lock.mdb", unlink);
	remove_in(folder, "log", rmdir);
	remove_in(folder, "journal/heads", unlink);
	remove_in(folder, "journal", rmdir);
	remove_in(folder, "lock", unlink);
	return rmdir(folder) == 0 ? 0 : 1;
}
