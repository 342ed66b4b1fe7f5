/*
 * index.h - the derived index: ids, children, hashes, sequence heads, lists, over memory (the newest)
 * and LMDB (the rest).
 *
 * It trails the log: the writer adds rows in memory after each commit; a keeper thread writes them
 * to the index environment in large sorted batches.  Lookups see both.  A missing, stale or damaged
 * index environment is deleted and rebuilt by the caller (seq/recover.c), never trusted over the
 * log.  Everything is filtered by tree size: a lookup at size N sees rows of entries with index < N
 * only.
 *
 * Threads: index_add on the writer; lookups on any thread through an index_view.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "base/hash.h"
#include "base/rc.h"
#include "base/text.h"

struct index;
struct index_view;

/* A sequence: a workflow's (or the "no workflow" one's), an issuer's, or a workflow's foreign
 * references. */
enum index_seq {
	INDEX_SEQ_WORKFLOW = 1,
	INDEX_SEQ_ISSUER = 2,
	INDEX_SEQ_FOREIGN = 3,
	INDEX_SEQ_KEYS = 4,	     /* all key entries; id of zeros */
	INDEX_SEQ_DOMAIN_KEYS = 5,   /* of a trust domain: first 16 bytes of SHA-256(domain) */
	INDEX_SEQ_EQUIVOCATIONS = 6, /* all; id of zeros */
	INDEX_SEQ_ISSUER_EQUIVOCATIONS = 7,
	INDEX_SEQ_POLICIES = 8,	     /* all policy entries; id of zeros */
	INDEX_SEQ_OWN = 9,	     /* all policy and descriptor entries; id of zeros */
	INDEX_SEQ_DESCRIPTORS = 10   /* of a workflow: its wid */
};
struct index_seq_key {
	enum index_seq kind;
	uint8_t
	    id[UUID_SIZE]; /* wid (zero for "no workflow"), or the first 16 bytes of SHA-256(iss) */
};
struct index_seq_head {
	uint64_t count, last;
};

/* Lists: entries that have something in common, ascending; what search walks. */
enum index_list_kind {
	INDEX_LIST_WORKFLOW = 1, /* id: wid, zeros for "no workflow" */
	INDEX_LIST_ISSUER = 2,	 /* first 16 bytes of SHA-256(iss) */
	INDEX_LIST_ACT = 3,	 /* first 16 bytes of SHA-256(exec_act) */
	INDEX_LIST_KIND = 4,	 /* first 16 bytes of SHA-256(kind's name); not for plain tasks */
	INDEX_LIST_SIGNER = 5	 /* first 16 bytes of the signer's thumbprint */
};
#define INDEX_LISTS_MAX 6 /* a kind under another name is in two */
struct index_list_key {
	enum index_list_kind kind;
	uint8_t id[UUID_SIZE];
};

/* What one entry adds. */
struct index_row {
	uint64_t index;
	int64_t iat;
	bool has_wid;
	uint8_t wid[UUID_SIZE], jti[UUID_SIZE]; /* jti of zeros: an entry without an id */
	const uint64_t *parents;
	size_t parent_count;
	const uint8_t (*hashes)[UUID_SIZE]; /* first 16 bytes of input and output hashes */
	size_t hash_count;		    /* 0..2 */
	bool lower;			    /* L1, or some ancestor is: found again in index_hit */
	/* The sequences that it moves, each named once; at most two more than it has parents. */
	const struct index_seq_key *seqs;
	size_t seq_count;
	struct index_list_key lists[INDEX_LISTS_MAX]; /* the lists that it is in, each named once */
	size_t list_count;
};

struct index_options {
	const char *folder; /* the index environment; NULL: memory only (tests) */
	const char *origin;
	uint64_t map_size;
	size_t flush_rows; /* write to disk at this many rows in memory (default 20,000) */
	unsigned flush_ms; /* or when the oldest is this old (default 2,000) */
	bool create;
};

/* RC_CORRUPT: damaged, of another log or of an older format: index_destroy() and rebuild.
 * RC_BAD_CONFIG: made by a newer version; nothing was changed, and deleting it is for people. */
enum rc index_open(struct index **out, const struct index_options *options, struct why *why);
/* Is the folder's index sound as far as it goes, but of an older format? */
bool index_made_by_older(const char *folder);
void index_close(struct index *x);	   /* flushes what is in memory */
enum rc index_destroy(const char *folder); /* delete the environment's files */
/* Entries [0, reach) are in the index environment or in memory. */
uint64_t index_reach(const struct index *x);
/* Room for a batch, parents counted over all its rows.  With a folder it also bounds memory: when
 * the keeper is eight full generations behind, it waits for one (back-pressure on the writer);
 * RC_IO when the keeper is broken and there is no room left. */
enum rc index_reserve(struct index *x, size_t rows, size_t parents);
/* Add rows in index order, starting at index_reach().  Fails only for want of memory
 * (RC_NO_MEMORY); index_reserve() before makes that impossible. */
enum rc index_add(struct index *x, const struct index_row *rows, size_t count);
/* Write everything in memory to disk now (recovery, tests, shutdown). */
enum rc index_flush(struct index *x);
/* True once the keeper could not write: lookups still work, memory is bounded by then refusing
 * index_reserve (RC_IO). */
bool index_broken(const struct index *x);

struct index_hit {
	uint64_t index;
	int64_t iat;
	bool has_wid, lower;
	uint8_t wid[UUID_SIZE];
};

/*
 * A view sees at least all rows added before it began.  Short-lived: it holds a read transaction.
 */
enum rc index_view_begin(struct index *x, uint64_t size, struct index_view **out);
void index_view_end(struct index_view *v);
enum rc index_find(struct index_view *v, bool has_wid, const uint8_t *wid, const uint8_t *jti,
    struct index_hit *out);
/* In any scope: RC_AMBIGUOUS when there are several. */
enum rc index_find_any(struct index_view *v, const uint8_t *jti, struct index_hit *out);
/* Children of an entry, ascending, from 'after' (exclusive; ENTRY_NONE-like UINT64_MAX: from the
 * start).  Gives up to 'room'; fewer than room: the end. */
enum rc index_children(struct index_view *v, uint64_t parent, uint64_t after, uint64_t *out,
    size_t room, size_t *count);
/* Entries whose input or output hash begins with these 16 bytes; same paging. */
enum rc index_by_hash(struct index_view *v, const uint8_t prefix[UUID_SIZE], uint64_t after,
    uint64_t *out, size_t room, size_t *count);
/* Entries of a list; same paging. */
enum rc index_list(struct index_view *v, const struct index_list_key *key, uint64_t after,
    uint64_t *out, size_t room, size_t *count);
/* Head of a sequence as of now (the writer's view; not filtered by size).  RC_NOT_FOUND: empty. */
enum rc index_seq(
    struct index_view *v, const struct index_seq_key *key, struct index_seq_head *out);

#endif
