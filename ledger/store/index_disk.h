/*
 * index_disk.h - the index environment: what generations become on disk.  Private to the room.
 *
 * One writer (the keeper); any number of readers.  Readers keep their transaction and cursors for
 * the next time.
 */
#ifndef STORE_INDEX_DISK_H
#define STORE_INDEX_DISK_H

#include "store/env.h"
#include "store/gen.h"
#include "store/index_row.h"

#define DISK_FORMAT 2

enum disk_table { DISK_IDS, DISK_CHILDREN, DISK_HASHES, DISK_SEQS, DISK_LISTS, DISK_TABLES };
#define DISK_COUNTS_SIZE (8 * DISK_TABLES)

struct disk {
	MDB_env *env;
	MDB_dbi table[DISK_TABLES], meta;
	uint64_t reach; /* the keeper's */
};
struct disk_read;

enum rc disk_open(struct disk **out, const struct index_options *options, struct why *why);
bool disk_made_by_older(const char *folder);
void disk_close(struct disk *d);			 /* NULL is fine; all readers are free */
uint64_t disk_reach(const struct disk *d);		 /* as of opening or the last write */
enum rc disk_write(struct disk *d, const struct gen *g); /* g continues at disk_reach() */

enum rc disk_read_new(struct disk *d, struct disk_read **out); /* not begun */
void disk_read_free(struct disk_read *r);		       /* NULL is fine */
enum rc disk_read_begin(
    struct disk_read *r, uint64_t *reach); /* a fresh snapshot, and how far it goes */
void disk_read_end(struct disk_read *r);

/* RC_NOT_FOUND, RC_CORRUPT, RC_IO; rows with index < size only. */
enum rc disk_find(
    struct disk_read *r, const struct map_key *id, uint64_t size, struct index_hit *out);
enum rc disk_find_any(
    struct disk_read *r, const uint8_t *jti, uint64_t size, struct index_hit out[2], size_t *count);
enum rc disk_list(struct disk_read *r, bool hashes, const struct map_key *key, uint64_t after,
    uint64_t size, uint64_t *out, size_t room, size_t *count);
enum rc disk_posts(struct disk_read *r, const struct map_key *key, uint64_t after, uint64_t size,
    uint64_t *out, size_t room, size_t *count);
enum rc disk_seq(struct disk_read *r, const struct index_seq_key *key, struct index_seq_head *out);

/* Shared by reading and writing. */
int disk_count(MDB_txn *txn, const struct disk *d, uint8_t out[DISK_COUNTS_SIZE]);
int disk_put_meta(MDB_txn *txn, const struct disk *d, const char *key, struct bytes value);

#endif
