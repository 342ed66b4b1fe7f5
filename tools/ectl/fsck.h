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
 *   fsck_cbor.c     a CBOR reader                 fsck_util.c    bytes, texts, hashes
 *   fsck_entry.c    the entry's CBOR              fsck_tree.c    Merkle arithmetic
 *   fsck_note.c     checkpoints, verifier keys    fsck_journal.c the head journal
 *   fsck_token.c    tokens: JWS and JSON          fsck_cose.c    tokens: COSE and CWT
 *   fsck_event.c    key entries, one by one       fsck_history.c what was in force at which index
 *   fsck_key.c      keys and signatures           fsck_credential.c  certificates and WITs
 *   fsck_verify.c   signatures, on all processors
 *   fsck_graph.c    parents and chain links       fsck_index.c   the index environment
 *
 * The one thing it takes from there is data: claim/kinds.def, the table of node kinds.
 *
 * Levels: 1 structure and hashes; 2 tree, checkpoints, journal; 3 token signatures and keys; 4
 * graph; 5 index.  Each includes the ones below.
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
#define FSCK_ISS_MAX  2048
#define FSCK_ACT_MAX  256
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
	FSCK_EVENT,
	FSCK_SIGNER,
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

struct fsck_history;
struct fsck_verify;
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
	struct fsck_history *history;
	struct fsck_policy *policy; /* the document in force; NULL: none yet */
	struct fsck_verify *verify;
	struct fsck_graph *graph;
	struct fsck_journal journal;

	uint64_t entries, heads, total; /* total: entries as LMDB counts them, for the bar */
	uint64_t last_good_head;	/* size; FSCK_NONE: none */
	uint8_t root[FSCK_HASH];
	unsigned format; /* of the log environment: 1 or 2; 0: not known */
	uint64_t signatures_ok, signatures_unchecked, unsigned_tokens;
	uint64_t key_entries, policy_entries, descriptors, equivocations;
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

/* One-shot, for any thread. */
void fsck_sha256(struct span x, uint8_t out[FSCK_HASH]);
/* The trust domain of an issuer: its authority; empty for URIs without one. */
struct span fsck_domain(const char *iss);
bool fsck_same(struct span a, struct span b);

/* ---- fsck_entry.c ---- */

enum fsck_kind {
	FSCK_TOKEN_ENTRY = 1,
	FSCK_KEY_ENTRY = 2,
	FSCK_POLICY_ENTRY = 3,
	FSCK_DESCRIPTOR_ENTRY = 4,
	FSCK_EQUIVOCATION_ENTRY = 6,
	FSCK_KINDS = 6
};
enum fsck_media { FSCK_JWS = 1, FSCK_COSE = 2, FSCK_PLAIN = 3 };
enum fsck_flag { FSCK_FOREIGN_PARENT = 4, FSCK_LOWER_PARENT = 8 };
enum fsck_binding { FSCK_UNSIGNED = 0, FSCK_JWKS = 1, FSCK_X509 = 2, FSCK_WIT = 3 };

struct fsck_link {
	uint64_t ordinal, previous; /* FSCK_NONE: null */
};
struct fsck_foreign {
	uint8_t wid[FSCK_ID]; /* zero: null */
	struct fsck_link link;
};
struct fsck_entry {
	uint64_t version, kind, received_ms, media, level, flags;
	bool has_signer;
	uint8_t signer[FSCK_HASH];
	struct fsck_link workflow, issuer;
	uint64_t parents[FSCK_PREDS];
	size_t parent_count;
	struct fsck_foreign foreign[FSCK_PREDS];
	size_t foreign_count;
	uint64_t binding;
	uint64_t anchor;	/* FSCK_NONE: null */
	struct span credential; /* p NULL: null */
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

/* ---- fsck_token.c, fsck_cose.c ---- */

/* The parts of a token, as they lie in it. */
struct fsck_form {
	uint64_t media;
	struct span raw;
	struct span header;  /* JWS: base64url; COSE: the protected map */
	struct span payload; /* JWS: base64url; COSE: a map; plain: everything */
	uint8_t signature[96];
	size_t signature_size; /* 0: plain */
};
/* What a token says, whatever its form. */
struct fsck_task {
	uint8_t jti[FSCK_ID], wid[FSCK_ID]; /* wid zero: none */
	char iss[FSCK_ISS_MAX + 1];
	uint8_t issuer[FSCK_ID]; /* of SHA-256(iss) */
	uint8_t act[FSCK_ID];	 /* of SHA-256(exec_act) */
	char act_text[FSCK_ACT_MAX];
	size_t act_size;
	const char *kind; /* by the table; NULL: a plain task */
	const char *means; /* the built-in kind that it means, where that has another name; NULL: none */
	int64_t iat;
	uint8_t pred[FSCK_PREDS][FSCK_ID];
	size_t pred_count;
	uint8_t hash[2][FSCK_ID];
	size_t hash_count;
};
bool fsck_form_read(struct span token, uint64_t media, struct fsck_form *out);
/* What was signed: malloc'd; NULL: nothing was. */
uint8_t *fsck_form_signed(const struct fsck_form *form, size_t *n);
/* The certificates in its header, DER joined, leaf first; malloc'd.  NULL: none.  'x5t': digest of
 * the leaf, where the header has that; '*has_x5t' says so. */
uint8_t *fsck_form_chain(
    const struct fsck_form *form, size_t *n, uint8_t x5t[FSCK_HASH], bool *has_x5t);
/* What the token says; NULL, or what of it could not be read. */
const char *fsck_task_read(const struct fsck_form *form, struct fsck_task *out);

bool fsck_cose_read(struct span token, struct fsck_form *out);
uint8_t *fsck_cose_signed(const struct fsck_form *form, size_t *n);
uint8_t *fsck_cose_chain(
    const struct fsck_form *form, size_t *n, uint8_t x5t[FSCK_HASH], bool *has_x5t);
const char *fsck_cose_claims(struct span payload, struct fsck_task *out);
/* Steps that both forms share. */
const char *fsck_task_iss(struct span iss, struct fsck_task *out);
void fsck_task_act(struct span act, struct fsck_task *out);
void fsck_task_hash(const uint8_t *digest, struct fsck_task *out);

/* ---- fsck_key.c ---- */

struct fsck_pkey {
	EVP_PKEY *key;
	size_t half; /* of an ECDSA signature: 32 or 48; Ed25519: 0 */
	uint8_t thumbprint[FSCK_HASH];
};
/* From a JWK's text (RFC 7517, 7638); false for keys of other kinds.  Any thread. */
bool fsck_pkey_jwk(struct span jwk, struct fsck_pkey *out);
/* Takes a reference of its own. */
bool fsck_pkey_of(EVP_PKEY *key, struct fsck_pkey *out);
void fsck_pkey_release(struct fsck_pkey *k);
bool fsck_pkey_verify(const struct fsck_pkey *k, struct span message, struct span signature);

/* ---- fsck_event.c ---- */

enum fsck_action {
	FSCK_ENROLL = 1,
	FSCK_CHANGE = 2,
	FSCK_WITHDRAW = 3,
	FSCK_REVOKE = 4,
	FSCK_REINSTATE = 5
};
enum fsck_subject { FSCK_A_KEY = 1, FSCK_A_CA = 2, FSCK_A_BUNDLE = 3, FSCK_A_CRL = 4 };

#define FSCK_ISSUERS 256

struct fsck_event { /* views */
	uint64_t action, subject;
	struct span domain, kid, material, use;
	uint8_t id[FSCK_HASH];
	struct span issuers[FSCK_ISSUERS];
	size_t issuer_count;
	bool has_since;
	int64_t since; /* seconds */
};
/* False: not the one accepted form. */
bool fsck_event_read(struct span raw, struct fsck_event *out, size_t *at, const char **field);

/* ---- fsck_history.c ---- */

/* One key entry, kept, and what was in force behind it for the same id in the same domain. */
struct fsck_record {
	uint64_t index;
	struct fsck_event event;    /* views into 'bytes' */
	struct fsck_pkey pkey;	    /* of a key's material */
	struct fsck_record *before; /* the one before it about the same */
	uint8_t *bytes;
	bool enrolled, revoked;
	uint64_t enrolled_at; /* index of the entry that did it */
	int64_t since;	      /* revoked */
};
struct fsck_history *fsck_history_new(void);
void fsck_history_free(struct fsck_history *h);
/* A key entry; in index order.  Its trust domain in '*domain' (empty: unreadable, told). */
void fsck_history_add(struct fsck *f, uint64_t index, struct span event, struct span *domain);
/* An entry that could not be read: it may have been a key entry. */
void fsck_history_hole(struct fsck *f, uint64_t index);
/*
 * The key entry that an entry's evidence names, when it was in force at the entry's place.  NULL: it
 * was not (told), or nothing can be said ('*unknown').
 */
const struct fsck_record *fsck_history_judge(struct fsck *f, uint64_t index,
    const struct fsck_entry *e, const struct fsck_task *t, bool *unknown);

/* ---- fsck_own.c ---- */

struct fsck_own {
	uint8_t wid[FSCK_ID]; /* of a descriptor */
	struct span said;     /* document or descriptor; a view */
};
/* The bytes of a policy or descriptor entry.  False: not the one accepted form. */
bool fsck_own_read(
    const struct fsck_entry *e, struct fsck_own *out, size_t *at, const char **field);
/* From here on this document is in force.  False: it is no JSON object. */
bool fsck_policy_set(struct fsck *f, struct span document);
void fsck_policy_free(struct fsck_policy *p);
/* A task's kind, which is by the built-in table, by the document in force; NULL: there is none.  The name lives
 * until the next document. */
void fsck_policy_kind(const struct fsck_policy *p, struct fsck_task *t);

/* ---- fsck_credential.c ---- */

/*
 * The key that signed, by what came with the token: NULL and 'out', or why not.  Any thread.
 */
const char *fsck_credential_x509(const struct fsck_form *form, struct span credential,
    struct span anchor, const char *iss, int64_t at, struct fsck_pkey *out);
const char *fsck_credential_wit(struct span credential, const struct fsck_pkey *anchor,
    const char *iss, int64_t at, struct fsck_pkey *out);

/* ---- fsck_verify.c ---- */

void fsck_verify_begin(struct fsck *f);
/*
 * Check a token's signature, under what the entry's evidence leads to ('anchor'), or, NULL, under
 * the key of the trust folder that has the entry's thumbprint.  The answer may come later.
 */
void fsck_verify_add(struct fsck *f, uint64_t index, const struct fsck_entry *e,
    const struct fsck_task *t, const struct fsck_record *anchor);
/* Wait for the rest, tell what does not hold. */
void fsck_verify_end(struct fsck *f);

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
/* A key entry of this trust domain. */
void fsck_graph_add_key(
    struct fsck *f, uint64_t index, const struct fsck_entry *e, struct span domain);
/* A refused token; 'same' says whether the entry that holds the id has the same signed bytes. */
void fsck_graph_add_equivocation(
    struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_task *t);
/* A policy document, or a descriptor of this workflow. */
void fsck_graph_add_own(
    struct fsck *f, uint64_t index, const struct fsck_entry *e, const struct fsck_own *own);
/* An entry of a kind that has no links of its own. */
void fsck_graph_add_other(struct fsck *f, uint64_t index);

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
