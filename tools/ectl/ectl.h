/*
 * ectl.h - what the verbs of ectl share: global options, exit codes, output, the table of verbs and
 * options.
 *
 * One table (struct verb, struct verb_option) makes parsing, -h, completion and, with pages.h, the manual.
 */
#ifndef ECTL_H
#define ECTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "base/bytes.h"
#include "ectledger/client.h"

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3, EXIT_REFUSED = 4 };
enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NDJSON };

struct globals {
	const char *server, *cert, *key, *ca, *log;
	bool insecure_loopback;
	enum output output;     /* default: table on a terminal, json otherwise */
	bool output_given;      /* -o was there: "checkpoint" shows its own text form unless asked */
	uint64_t at;            /* 0: now */
	unsigned retries;       /* of a lost connection; 0: the library's default */
	bool progress;          /* standard error is a terminal */
};

/* Every option takes a value unless 'flag'; 'many' may be given several times. */
struct verb_option {
	const char *name;       /* "--wid" */
	const char *value;      /* "UUID"; NULL: a flag */
	const char *help;
	bool many;
};

/* Parsed arguments of one verb. */
struct args {
	const struct verb_option *options;
	const char **value;     /* one slot for each given option: value or "" for a flag */
	const size_t *which;    /* index into options */
	size_t given;
	const char **operands;
	size_t operand_count;
};
const char *args_get(const struct args *a, const char *name);            /* last one given, or NULL */
const char *args_nth(const struct args *a, const char *name, size_t i);  /* i-th one given, or NULL */
bool args_has(const struct args *a, const char *name);
/* Numbers and UUIDs with a usage message on standard error; false: EXIT_USAGE. */
bool args_u64(const struct args *a, const char *name, uint64_t *out);    /* untouched when absent */
bool args_uuid(const char *text, uint8_t out[16], const char *what);

struct verb {
	const char *name;        /* "append", "import agent-runs" is the verb "import" with an operand */
	const char *operands;    /* "[FILE...]" */
	const char *help;
	const struct verb_option *options; /* ended by a NULL name; NULL: none */
	size_t operands_min, operands_max;
	int (*run)(const struct globals *g, const struct args *a);
};
extern const struct verb verb_translations, verb_lifecycle;
extern const struct verb verb_workflow, verb_conformance, verb_append, verb_get, verb_checkpoint, verb_receipt, verb_consistency, verb_verify, verb_provenance, verb_rollback, verb_recovery, verb_approvals, verb_overrides, verb_explanations, verb_approve, verb_deny,
    verb_decide, verb_override, verb_release, verb_ack, verb_circuit, verb_stats,
    verb_limits, verb_kinds, verb_search, verb_watch, verb_completion, verb_man, verb_keygen, verb_sign, verb_import, verb_trust_store, verb_fsck, verb_reindex,
    verb_backup, verb_restore, verb_policy, verb_trust, verb_agents;

/* ---- output.c ---- */
/* "ectl: <text>" on standard error; the text says what to do. Gives 'code' back. */
int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* From a client's status: message and exit code. */
int fail_status(const struct ect_status *status);
/* Print one JSON object or array on standard output (takes the reference): pretty for OUTPUT_JSON on a terminal, compact otherwise, with sorted insertion order kept. */
void print_json(const struct globals *g, json_t *value);
/* A progress bar on standard error ('total' 0: a count); prints nothing unless g->progress. */
void progress(const struct globals *g, const char *what, uint64_t done, uint64_t total);
void progress_end(const struct globals *g);
/* Aligned columns on standard output, at most 100 wide: rows of 'columns' strings; the first row is the head (a single row is just a row). */
void print_table(const char *const *cells, size_t columns, size_t rows);
/* Whole file or standard input ("-"), at most 'max' bytes; malloc'd and NUL-terminated. */
bool read_file(const char *path, size_t max, uint8_t **out, size_t *size);
/* Written under a temporary name, fsynced, renamed. */
bool write_file(const char *path, const void *p, size_t size, unsigned mode);

/* ---- connect.c ---- */
int connect_server(const struct globals *g, struct ect_client **out); /* 0 or an exit code, message printed */

/* ---- appender.c: the append stream with answers as JSON, shared by append and import ---- */
struct appender;
struct appender_counts { uint64_t sent, accepted, refused, duplicate; };
struct appender_options {
	const char *receipts;           /* folder; NULL: no receipts */
	struct ect_append_options send; /* no_receipt follows from 'receipts' */
};
/* 'answer' gets each token's JSON row (as CONTRACT's append row) in token order. */
int appender_open(const struct globals *g, const struct appender_options *options, struct appender **out,
    void (*answer)(void *ctx, uint64_t number, json_t *row), void *ctx);
int appender_send(struct appender *a, const void *token, size_t size); /* 0 or an exit code; an oversize token becomes a refused row */
/* A token that cannot even be sent: a refused row in its place. */
int appender_refuse(struct appender *a, const char *code, const char *rule, const char *message);
/* Handle answers until 'fd' is readable; what is queued is sent first when there is time.  0 or an exit code. */
int appender_wait(struct appender *a, int fd);
int appender_finish(struct appender *a, struct appender_counts *counts);
void appender_free(struct appender *a);

/* ---- jwk_private.c, sign.c: making tokens ---- */
struct private_key;
/* Read a private JWK file; refuses one that others may read.  NULL: message printed. */
struct private_key *private_key_load(const char *path);
/* A new key bound to 'iss'. alg "ES256", "ES384" or "EdDSA". */
struct private_key *private_key_new(const char *alg, const char *iss);
bool private_key_save(const struct private_key *k, const char *path); /* mode 0600 */
json_t *private_key_public_jwk(const struct private_key *k);          /* with kid, alg, use, ect_iss; gives */
/* Add to a JWK set file (made when missing), replacing a key of the same kid; atomic. */
bool jwks_add(const char *path, const struct private_key *k);
const char *private_key_iss(const struct private_key *k);
const char *private_key_kid(const struct private_key *k);
const char *private_key_alg(const struct private_key *k);
void private_key_free(struct private_key *k); /* wipes */

enum token_format { TOKEN_FORMAT_JWS, TOKEN_FORMAT_COSE, TOKEN_FORMAT_JSON };

struct token_spec {
	const char *act, *wid, *jti;  /* wid NULL: none; jti NULL: a new v4 */
	const char *const *pred;
	size_t pred_count;
	const char *inp_hash, *out_hash; /* base64url texts */
	const char *ext;              /* JSON object text */
	const char *const *aud;
	size_t aud_count;             /* 0: "urn:ectledger" */
	int64_t iat;                  /* 0: now */
	int64_t ttl_s;                /* 0: 600 */
	int revision;                 /* 0: -00 spelling, 1: -01 */
	enum token_format format;
	const char *iss;              /* NULL: the key's */
	const struct bytes *x5c;      /* certificates to embed instead of a kid, DER, leaf first */
	size_t x5c_count;
	const uint8_t *x5t;           /* or the SHA-256 of the leaf, 32 bytes; NULL: none */
};
/* The token's bytes in 'out' (buf_release() after, always); false: message printed.  'k' may be NULL for
 * TOKEN_FORMAT_JSON, which is not signed; then spec->iss is there.  'jti_out' (37 bytes) may be NULL. */
bool token_make(const struct private_key *k, const struct token_spec *spec, struct buf *out, char *jti_out);
/* A compact JWS whatever spec->format says, malloc'd and NUL-terminated; NULL: message printed. */
char *token_sign(const struct private_key *k, const struct token_spec *spec, char *jti_out);

#endif
