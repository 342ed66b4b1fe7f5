/*
 * store.h - where a log lives: the log environment (the truth, every commit durable) and the index
 * environment (derived).
 *
 * One interface, two stores: LMDB (store_lmdb_open) and memory with faults (store_mem_open, for
 * tests and the simulator). Knows bytes and numbers, never a token.  docs/STORAGE.md has keys and
 * values byte by byte.
 *
 * Threads: one writer thread uses store_batch_*; any number of readers each use their own
 * store_read.
 *
 * Log environment, all in one transaction per batch:
 *   entry  index u64 BE                  -> entry bytes
 *   tile   level u8 || number u64 BE     -> hashes (32..8192 bytes)
 *   head   size u64 BE                   -> checkpoint note
 *   meta   text                          -> format version, origin, incarnation
 * The head journal (store_journal_*) is a separate append-only file in its own directory.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/rc.h"

/* Written by this program.  Older ones down to STORE_FORMAT_OLDEST are read, and brought to this one
 * when the log is opened for writing; newer ones are refused (RC_BAD_CONFIG). */
#define STORE_FORMAT	    2
#define STORE_FORMAT_OLDEST 1

struct store;
struct store_read;

struct store_options {
	const char *folder;	 /* DIR/logs/<name>: log/ index/ journal/ are below */
	const char *origin;	 /* compared with meta; written when the store is made */
	uint64_t map_size;	 /* bytes of address space for each environment; 0: 1 TiB */
	uint64_t free_bytes_min; /* refuse batches below this much free space; 0: max(2 GiB, 5 %)
				    capped to what a small disk has (documented) */
	bool create;		 /* make the log environment when it is not there */
	bool read_only;
};

enum rc store_lmdb_open(struct store **out, const struct store_options *options, struct why *why);

/* Faults for tests: the n-th call of an operation fails; see store_mem.c. */
enum store_fault {
	STORE_FAULT_NONE,
	STORE_FAULT_COMMIT_LOST,
	STORE_FAULT_COMMIT_DOUBT,
	STORE_FAULT_PUT,
	STORE_FAULT_SYNC,
	STORE_FAULT_FLIP,
	STORE_FAULT_SPACE
};
enum rc store_mem_open(struct store **out, const char *origin);
void store_mem_fault(struct store *s, enum store_fault fault, uint64_t after_calls);
/* What would be there after a crash: the committed state, as a new store. */
enum rc store_mem_crash(struct store **s);

void store_close(struct store *s); /* NULL is fine */

/* ---- the writer ---- */

/* Is there room for a batch?  RC_NO_SPACE. */
enum rc store_check_space(struct store *s);
/* One batch = one transaction.  After any error: store_batch_abort(), and nothing happened. */
enum rc store_batch_begin(struct store *s);
enum rc store_put_entry(struct store *s, uint64_t index, struct bytes head,
    struct bytes token); /* entry = head + token; append-only */
enum rc store_put_tile(struct store *s, unsigned level, uint64_t number, struct bytes hashes);
enum rc store_put_head(struct store *s, uint64_t size, struct bytes note);
/* The bytes of an entry as this batch has stored them, to be hashed again before a checkpoint over
 * them is signed.  View until the next put. */
enum rc store_batch_entry(struct store *s, uint64_t index, struct bytes *entry);
/* RC_OK: durable.  Anything else is doubt: the store refuses all further work (RC_STORE_DOUBT)
 * until reopened. */
enum rc store_batch_commit(struct store *s);
void store_batch_abort(struct store *s);
/* Append a signed checkpoint to the head journal, fsynced.  Same rule on errors. */
enum rc store_journal_append(struct store *s, uint64_t size, struct bytes note);
/* Newest whole record of the journal.  RC_NOT_FOUND when empty; RC_CORRUPT when a record other than
 * a torn last one is damaged. */
enum rc store_journal_last(
    struct store *s, struct arena *arena, uint64_t *size, struct bytes *note);

/* ---- readers: one snapshot of the log environment ---- */

enum rc store_read_begin(struct store *s, struct store_read **out);
void store_read_end(struct store_read *r);	/* NULL is fine */
uint64_t store_read_size(struct store_read *r); /* entries in the snapshot */
/* Views live until store_read_end().  RC_NOT_FOUND, RC_CORRUPT, RC_IO. */
enum rc store_get_entry(struct store_read *r, uint64_t index, struct bytes *entry);
/* The first 'width' hashes; RC_CORRUPT when the tile is shorter. */
enum rc store_get_tile(
    struct store_read *r, unsigned level, uint64_t number, unsigned width, uint8_t *out);
enum rc store_get_head(
    struct store_read *r, uint64_t size, struct bytes *note); /* exactly that size */
enum rc store_get_head_at_least(struct store_read *r, uint64_t size, uint64_t *at,
    struct bytes *note); /* first head with size >= */
enum rc store_get_last_head(
    struct store_read *r, uint64_t *size, struct bytes *note); /* RC_NOT_FOUND: empty log */
/* Free-space, file size, map use: for stats. */
struct store_usage {
	uint64_t log_bytes, index_bytes, free_bytes;
};
/* The format of the log environment as it is now: STORE_FORMAT unless it was opened read-only. */
unsigned store_format(const struct store *s);
void store_usage(struct store *s, struct store_usage *out);

#endif
