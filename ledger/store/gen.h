/*
 * gen.h - a generation: the index rows of a run of entries, in memory.  Private to the room.
 *
 * The newest generation grows; the older ones are whole and wait for the keeper to write them.  A
 * view keeps a reference, so that a generation outlives its being written for as long as somebody
 * looks at it.
 *
 * Threads: no locks of its own; index.c holds one lock over all of them.  References are atomic.
 */
#ifndef STORE_GEN_H
#define STORE_GEN_H

#include <stdatomic.h>

#include "store/index.h"
#include "store/map.h"

struct gen_chain {
	uint32_t first, last; /* links, in ascending order of value */
};

struct gen_link {
	uint64_t value;
	uint32_t next; /* MAP_NONE: the last */
};

struct gen_id {
	uint64_t index;
	int64_t iat;
	uint32_t next; /* the next row of the same jti */
	bool lower;
};

/* An entry in a list.  Every entry is in four or five, so these are kept small. */
struct gen_post {
	uint32_t offset; /* from the generation's first entry */
	uint32_t next;	 /* MAP_NONE: the last */
};

struct gen {
	_Atomic unsigned refs;
	uint64_t first, end; /* entries [first, end) */
	int64_t oldest_us;   /* when the first row came */
	size_t weight;	     /* rows that it will be on disk */

	struct map ids;	       /* (jti, wid, has wid) -> id */
	struct gen_id *id;     /* by number in ids */
	struct map jtis;       /* jti -> chain of ids */
	struct gen_chain *jti; /* by number in jtis */
	struct map parents, hashes;
	struct gen_chain *parent, *hash;
	struct gen_link *links; /* of parents and hashes */
	size_t link_count, link_room;
	struct map seqs;
	struct index_seq_head *seq; /* absolute heads, by number in seqs */
	struct map lists;
	struct gen_chain *list; /* by number in lists */
	struct gen_post *posts;
	size_t post_count, post_room;
};

struct map_key gen_key_id(bool has_wid, const uint8_t *wid, const uint8_t *jti);
struct map_key gen_key_jti(const uint8_t *jti);
struct map_key gen_key_parent(uint64_t parent);
struct map_key gen_key_hash(const uint8_t *prefix);
struct map_key gen_key_seq(const struct index_seq_key *key);
struct map_key gen_key_list(const struct index_list_key *key);

/* One reference, the caller's.  NULL: out of memory. */
struct gen *gen_new(uint64_t first, struct map_seed seed);
void gen_ref(struct gen *g);
void gen_unref(struct gen *g); /* frees the last; NULL is fine */

/* Room for so many more rows; then gen_add() cannot fail. */
enum rc gen_reserve(struct gen *g, size_t rows, size_t parents);
/* Everything of a row but its sequences. */
void gen_add(struct gen *g, const struct index_row *row);
bool gen_seq(const struct gen *g, const struct index_seq_key *key, struct index_seq_head *out);
void gen_seq_put(struct gen *g, const struct index_seq_key *key, const struct index_seq_head *head);

/* Lookups of rows with index < size. */
bool gen_find(const struct gen *g, const struct map_key *id, uint64_t size, struct index_hit *out);
/* Up to two ids of a jti: one is an answer, two are an ambiguity. */
size_t gen_find_any(
    const struct gen *g, const uint8_t *jti, uint64_t size, struct index_hit out[2]);
/* Values in (after, size), ascending; after UINT64_MAX: from the start.  How many were written
 * to 'out'. */
size_t gen_list(const struct gen *g, bool hashes, const struct map_key *key, uint64_t after,
    uint64_t size, uint64_t *out, size_t room);
/* The same of a list of entries. */
size_t gen_posts(const struct gen *g, const struct map_key *key, uint64_t after, uint64_t size,
    uint64_t *out, size_t room);

#endif
