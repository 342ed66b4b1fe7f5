/*
 * fsck.h - a second opinion on a data folder, by code that shares nothing with the server that
 * wrote it.
 *
 * Nothing from ledger/ is used here, on purpose: its own CBOR reader, its own Merkle arithmetic,
 * its own JWS and note reading, over liblmdb, OpenSSL and jansson alone.  A mistake in the server's
 * code is then not repeated by its judge.  docs/STORAGE.md is the common ground.
 *
 *   fsck.c          the verb: logs of a folder, one child process for each, one answer
 *   fsck_log.c      one log, told once            fsck_scan.c    what stands beside it
 *   fsck_entry.c    the entry's CBOR              fsck_tree.c    Merkle arithmetic
 *   fsck_note.c     checkpoints, verifier keys    fsck_journal.c the head journal
 *   fsck_token.c    tokens and signatures         fsck_graph.c   parents and chain links
 *   fsck_index.c    the index environment         fsck_util.c    bytes, texts, hashes
 *
 * Levels: 1 structure and hashes; 2 tree, checkpoints, journal; 3 token signatures; 4 graph; 5
 * index.  Each includes the ones below.
 */
#ifndef ECTL_FSCK_H
#define ECTL_FSCK_H

#include <lmdb.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FSCK_HASH     32
#define FSCK_ID	      16
#define FSCK_NONE     UINT64_MAX
#define FSCK_PREDS    100
#define FSCK_LEVEL    5
#define FSCK_NAME_MAX 256
#define FSCK_SAME_MAX 20 /* problems of one kind that are told one by one */

struct span {
	const uint8_t *p;
	size_t n;
};

/* What a problem is about. */
enum fsck_what {
	FSCK_DATABASE,
	FSCK_META,
	FSCK_ENTRY,
	FSCK_TIME,
	FSCK_LEAF,
	FSCK_TILE,
	FSCK_HEAD,
	FSCK_JOURNAL,
	FSCK_KEY,
	FSCK_SIGNATURE,
	FSCK_TOKEN,
	FSCK_PARENT,
	FSCK_CHAIN,
	FSCK_INDEX,
	FSCK_WHATS
};

struct fsck_vkey {
	char name[FSCK_NAME_MAX + 1];
	uint8_t id[4], key[32];
	EVP_PKEY *pkey;
};

struct fsck_journal {
	struct fsck_journal_record {
		uint64_t size;
		uint8_t note[FSCK_HASH]; /* SHA-256 of it */
	} * records;
	size_t count, room;
	bool from_start; /* the first file is there */
};

struct fsck_trust;
struct fsck_graph;
struct fsck_index;

/* One log under examination; lives in the child. */
struct fsck {
	const char *log;    /* name */
	const char *folder; /* DIR/logs/<name> */
	const char *trust_folder;
	const char *vkey_text; /* given on the command line, or NULL */
	int level;
	FILE *out; /* to the parent: one JSON object a line */
	volatile uint64_t
	    *reached; /* shared with the parent, which sees it even when this process dies */

	char origin[FSCK_NAME_MAX + 1];
	EVP_MD *sha256, *sha384;
	EVP_MD_CTX *digest;
	struct fsck_vkey vkey;
	bool has_vkey;
	struct fsck_trust *trust;
	struct fsck_graph *graph;
	struct fsck_journal journal;

	uint64_t entries, heads, total; /* total: entries as LMDB counts them, for the bar */
	uint64_t last_good_head;	/* size; FSCK_NONE: none */
	uint8_t root[FSCK_HASH];
	uint64_t signatures_ok, signatures_unchecked;
	uint64_t problems, per_what[FSCK_WHATS];
	const char *index_state; /* "ok", "absent", "different", "not_checked" */
	uint64_t index_reach;	 /* FSCK_NONE: no index */
};

/* ---- fsck_log.c ---- */

/* Everything about one log; the answer goes to f->out. */
void fsck_log(struct fsck *f);
/* 'index' FSCK_NONE: none; 'at': which file, offset or tile, or NULL. */
void fsck_problem(struct fsck *f, enum fsck_what what, uint64_t index, const char *at,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
void fsck_tell_progress(struct fsck *f, uint64_t done);

/* ---- fsck_util.c ---- */

void fsck_hash(struct fsck *f, struct span a, struct span b, uint8_t out[FSCK_HASH]);
/* With a first byte that keeps leaves and nodes apart (RFC 9162 2.1.1). */
void fsck_hash_tagged(
    struct fsck *f, uint8_t tag, struct span a, struct span b, uint8_t out[FSCK_HASH]);
uint64_t fsck_u64(const uint8_t *p); /* big-endian */
uint32_t fsck_u32(const uint8_t *p);
void fsck_hex(const uint8_t *p, size_t n, char *out); /* 2n + 1 bytes */
/*
 * Strict: one spelling.  'url': RFC 4648 5 without padding, else RFC 4648 4 with it.  False also
 * for want of room.
 */
bool fsck_unbase64(bool url, struct span text, uint8_t *out, size_t room, size_t *n);
size_t fsck_base64url(struct span x, char *out); /* NUL-terminated; 4n/3 + 3 bytes */
bool fsck_uuid(const char *text, uint8_t out[FSCK_ID]);
/* Whole regular file, at most 'max' bytes, malloc'd and NUL-terminated; false with errno. */
bool fsck_read(const char *path, size_t max, uint8_t **out, size_t *n);
/* folder/name; malloc'd.  Ends the process when there is no memory. */
char *fsck_path(const char *folder, const char *name);
/* realloc that ends the process when there is no memory: the parent then says so. */
void *fsck_grow(void *p, size_t count, size_t *room, size_t size);
void *fsck_alloc(size_t count, size_t size);

/* ---- fsck_entry.c ---- */

struct fsck_link {
	uint64_t ordinal, previous; /* FSCK_NONE: null */
};
struct fsck_foreign {
	uint8_t wid[FSCK_ID]; /* zero: null */
	struct fsck_link link;
};
struct fsck_entry {
	uint64_t version, kind, received_ms, media, level, flags;
	bool has_signer; /* version 2: false where nobody signed */
	uint8_t signer[FSCK_HASH];
	uint64_t binding, anchor; /* version 2; anchor FSCK_NONE: null */
	struct span credential;
	struct fsck_link workflow, issuer;
	uint64_t parents[FSCK_PREDS];
	size_t parent_count;
	struct fsck_foreign foreign[FSCK_PREDS];
	size_t foreign_count;
	struct span token;
};
/*
 * False: not the one accepted form; '*at' is the offset of the first bad byte and '*field' what was
 * expected there.
 */
bool fsck_entry_read(struct span raw, struct fsck_entry *out, size_t *at, const char **field);

/* ---- fsck_tree.c ---- */

/*
 * The right edge of a tree: complete subtrees by their level; [i] is there when bit i of size is
 * set.
 */
struct fsck_edge {
	uint64_t size;
	uint8_t node[64][FSCK_HASH];
};
void fsck_edge_add(struct fsck *f, struct fsck_edge *edge, const uint8_t leaf[FSCK_HASH]);
void fsck_edge_root(struct fsck *f, const struct fsck_edge *edge, uint8_t out[FSCK_HASH]);
/* Root of 256 hashes; 'work' is overwritten. */
void fsck_tile_root(struct fsck *f, uint8_t work[256 * FSCK_HASH], uint8_t out[FSCK_HASH]);

/* ---- fsck_note.c ---- */

struct fsck_head {
	uint64_t size;
	uint8_t root[FSCK_HASH];
	bool verified; /* false with *ok true: there was no key to verify with */
};
/* The log's key from --vkey, DIR/logs/<name>/vkey or key.pem. */
void fsck_vkey_load(struct fsck *f);
/*
 * False, with the problem told, when the note is not a checkpoint of this log that its key signed.
 */
bool fsck_note_read(struct fsck *f, struct span note, uint64_t at_size, struct fsck_head *out);

/* ---- fsck_journal.c ---- */

/* Read all its files from the start; may be called again.  Problems are told when 'tell'. */
void fsck_journal_read(struct fsck *f, struct fsck_journal *j, bool tell);

/* ---- fsck_token.c ---- */

struct fsck_task {
	uint8_t jti[FSCK_ID], wid[FSCK_ID]; /* wid zero: none */
	uint8_t issuer[FSCK_ID];	    /* of SHA-256(iss) */
	int64_t iat;
	uint8_t pred[FSCK_PREDS][FSCK_ID];
	size_t pred_count;
	uint8_t hash[2][FSCK_ID];
	size_t hash_count;
};
void fsck_trust_load(struct fsck *f);
void fsck_trust_free(struct fsck_trust *t);
/* What the token says; false with the problem told. */
bool fsck_token_read(struct fsck *f, uint64_t index, struct span token, struct fsck_task *out);
/* Its signature, under the key that the entry names. */
void fsck_token_verify(struct fsck *f, uint64_t index, const struct fsck_entry *e);

/* ---- fsck_graph.c ---- */

struct fsck_graph *fsck_graph_new(void);
/* Remember the sequences as they are now: those of the entries that the index reaches. */
void fsck_graph_mark(struct fsck_graph *g);
void fsck_graph_free(struct fsck_graph *g);
/*
 * Entries come in order of index; 't' NULL: its token could not be read.  Such a hole is one
 * problem, told by whoever found it; links and parents that point at it are then taken at their
 * word.
 */
void fsck_graph_add(
    struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_task *t);

/* ---- fsck_index.c ---- */

/*
 * Open it before the log environment, so that it cannot reach further than the log that is then
 * read.  NULL: none, or told.  The index is derived and may be absent or trail; what it has must be
 * what the tokens say.
 */
struct fsck_index *fsck_index_open(struct fsck *f);
uint64_t fsck_index_reach(const struct fsck_index *x); /* FSCK_NONE for NULL */
void fsck_index_compare(struct fsck *f, struct fsck_index *x);
void fsck_index_close(struct fsck_index *x);

/* ---- database ---- */

/* Open an environment for reading and begin; NULL with the problem told. */
MDB_env *fsck_env_open(struct fsck *f, enum fsck_what what, const char *folder, MDB_txn **txn);

/* How the child ends when it could not go on: the problem is told, or there was no memory. */
enum { FSCK_EXIT_TOLD = 3, FSCK_EXIT_MEMORY = 4 };

#endif
