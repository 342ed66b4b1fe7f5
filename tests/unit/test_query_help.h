/*
 * test_query_help.h - a log built by hand in memory: entries, tiles, checkpoints and index rows,
 * and ways to make each of them lie.
 */
#ifndef TEST_QUERY_HELP_H
#define TEST_QUERY_HELP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim/kind.h"
#include "lib/token_make.h"
#include "query/search.h"
#include "seal/signer.h"

#define HELP_TASKS 4096

struct task {
	unsigned parents[8]; /* indexes */
	size_t parent_count;
	unsigned wid; /* 0: none */
	unsigned issuer;
	const char *act, *more;
	unsigned jti;	  /* 0: index + 1 */
	const char *hash; /* indexed by its first 16 bytes */
	/* Not a token: a key event (its bytes), or an equivocation of the one parent's id. */
	enum entry_kind kind;
	struct bytes event;
	bool unsigned_token; /* L1 */
	unsigned signer;     /* a made-up thumbprint */
	uint64_t anchor;     /* a key entry's index + 1; 0: none */
	unsigned binding;
	uint64_t flags;
	int64_t later_ms; /* than the entry before */
	/* Lies, told by the index alone. */
	bool lie_parent;
	uint64_t parent_told;
};

struct help {
	struct store *store;
	struct index *index;
	struct tile_writer *tiles;
	struct log_signer signer;
	struct arena arena;
	uint64_t size; /* entries */
	int64_t now_ms;
	struct history *history; /* NULL until a test makes one */
	bool in_batch;
	unsigned jti[HELP_TASKS], wid[HELP_TASKS];
	struct why why;
};

static inline void
help_begin(struct help *h)
{
	cr_assert_eq(store_batch_begin(h->store), RC_OK);
	cr_assert_eq(tile_writer_begin(h->tiles, HELP_TASKS), RC_OK);
	h->in_batch = true;
}

static inline enum rc
help_put_tile(void *ctx, unsigned level, uint64_t number, unsigned width, const uint8_t *hashes)
{
	return store_put_tile(ctx, level, number, bytes_of(hashes, (size_t)width * HASH_SIZE));
}

/* Sign a checkpoint over what is there and commit it. */
static inline void
help_commit(struct help *h)
{
	struct hash root;
	struct buf note;

	cr_assert_eq(tile_writer_dirty(h->tiles, help_put_tile, h->store), RC_OK);
	tile_writer_root(h->tiles, &root);
	buf_init(&note, 0);
	cr_assert_eq(checkpoint_sign(&h->signer, h->size, &root, BYTES_NONE, &note), RC_OK);
	cr_assert_eq(store_put_head(h->store, h->size, buf_bytes(&note)), RC_OK);
	cr_assert_eq(store_batch_commit(h->store), RC_OK);
	buf_release(&note);
	h->in_batch = false;
}

static inline void
help_open(struct help *h)
{
	struct index_options o = {.origin = "test.example/log", .create = true};
	static const uint8_t seed[32] = {3};

	memset(h, 0, sizeof(*h));
	cr_assert_eq(store_mem_open(&h->store, "test.example/log"), RC_OK);
	cr_assert_eq(index_open(&h->index, &o, &h->why), RC_OK, "%s", h->why.text);
	cr_assert_eq(log_signer_from_seed(seed, "test.example/log", &h->signer), RC_OK);
	h->tiles = tile_writer_new();
	cr_assert_not_null(h->tiles);
	arena_init(&h->arena, (size_t)64 << 20);
	h->now_ms = 1800000000000;
	help_begin(h);
	help_commit(h);
}

static inline void
help_close(struct help *h)
{
	arena_release(&h->arena);
	history_free(h->history);
	log_signer_close(&h->signer);
	tile_writer_free(h->tiles);
	index_close(h->index);
	store_close(h->store);
}

static inline void
help_token(
    const struct help *h, const struct task *t, struct token_make *m, uint8_t (*pred)[UUID_SIZE])
{
	static char iss[64];

	(void)snprintf(
	    iss, sizeof(iss), "spiffe://d%u.example/agent/%u", t->issuer / 10, t->issuer);
	memset(m, 0, sizeof(*m));
	m->iss = iss;
	m->act = t->act;
	m->more = t->more;
	token_make_id(h->jti[h->size], m->jti);
	m->has_wid = t->wid != 0;
	if (t->wid != 0)
		token_make_id(1000000 + t->wid, m->wid);
	for (size_t i = 0; i < t->parent_count && t->kind != ENTRY_EQUIVOCATION; i++)
		token_make_id(h->jti[t->parents[i]], pred[i]);
	m->pred = (const uint8_t(*)[16])pred;
	m->pred_count = t->kind == ENTRY_EQUIVOCATION ? 0 : t->parent_count;
}

/* What a made-up key consists of; its hash is its thumbprint. */
static inline struct bytes
help_material(unsigned n)
{
	static char text[32];

	(void)snprintf(text, sizeof text, "{\"k\":\"%u\"}", n);
	return bytes_str(text);
}

static inline struct hash
help_signer(unsigned n)
{
	struct hash h;

	hash_of(help_material(n), &h);
	return h;
}

static inline void
help_list(struct index_row *row, enum index_list_kind kind, const void *id)
{
	row->lists[row->list_count].kind = kind;
	memcpy(row->lists[row->list_count++].id, id, UUID_SIZE);
}

static inline void
help_list_name(struct index_row *row, enum index_list_kind kind, const char *name)
{
	struct hash h;

	hash_of(bytes_str(name), &h);
	help_list(row, kind, h.b);
}

/* What seq/row.c would say of it. */
static inline void
help_lists(const struct task *t, const struct token_make *m, struct index_row *row)
{
	struct hash signer = help_signer(t->signer);
	const struct kind *kind = kind_of(bytes_str(m->act != NULL ? m->act : "t"));

	if (t->kind == ENTRY_KEY) {
		help_list_name(row, INDEX_LIST_KIND, "key");
		return;
	}
	help_list(row, INDEX_LIST_WORKFLOW, m->wid);
	help_list_name(row, INDEX_LIST_ISSUER, m->iss);
	help_list_name(row, INDEX_LIST_ACT, m->act != NULL ? m->act : "t");
	if (t->kind == ENTRY_EQUIVOCATION)
		help_list_name(row, INDEX_LIST_KIND, "equivocation");
	else if (kind->acts[0] != NULL)
		help_list_name(row, INDEX_LIST_KIND, kind->name);
	if (!t->unsigned_token)
		help_list(row, INDEX_LIST_SIGNER, signer.b);
}

static inline void
help_index(
    struct help *h, const struct task *t, const struct token_make *m, const uint64_t *parents)
{
	struct index_row row = {.index = h->size, .iat = 1800000000};
	struct index_seq_key seqs[2] = {{.kind = INDEX_SEQ_WORKFLOW}, {.kind = INDEX_SEQ_ISSUER}};
	uint8_t hash[1][UUID_SIZE];
	uint64_t told[9];
	struct hash issuer;

	if (t->kind == ENTRY_TOKEN || t->kind == 0) {
		row.has_wid = m->has_wid != 0;
		memcpy(row.wid, m->wid, UUID_SIZE);
		memcpy(row.jti, m->jti, UUID_SIZE);
	}
	memcpy(seqs[0].id, m->wid, UUID_SIZE);
	hash_of(bytes_str(m->iss), &issuer);
	memcpy(seqs[1].id, issuer.b, UUID_SIZE);
	row.seqs = seqs;
	row.seq_count = 2;
	help_lists(t, m, &row);
	memcpy(told, parents, t->parent_count * sizeof(told[0]));
	row.parents = told;
	row.parent_count = t->parent_count;
	if (t->lie_parent)
		told[row.parent_count++] = t->parent_told;
	if (t->hash != NULL) {
		memcpy(hash[0], t->hash, UUID_SIZE);
		row.hashes = (const uint8_t(*)[UUID_SIZE])hash;
		row.hash_count = 1;
	}
	cr_assert_eq(index_reserve(h->index, 1, row.parent_count), RC_OK);
	cr_assert_eq(index_add(h->index, &row, 1), RC_OK);
}

/* Add a task to the batch; its index. */
static inline unsigned
help_add(struct help *h, const struct task *t)
{
	struct entry e = {.kind = t->kind != 0 ? t->kind : ENTRY_TOKEN,
	    .media = TOKEN_JWS,
	    .level = t->unsigned_token ? LEVEL_1 : LEVEL_2,
	    .flags = t->flags,
	    .anchor = ENTRY_NONE};
	uint8_t pred[8][UUID_SIZE];
	uint64_t parents[8];
	struct token_make m;
	struct bytes head;
	struct hash leaf;
	char *text;

	cr_assert(h->in_batch && h->size < HELP_TASKS);
	h->jti[h->size] = t->jti != 0 ? t->jti : (unsigned)h->size + 1;
	h->wid[h->size] = t->wid;
	help_token(h, t, &m, pred);
	text = token_make(&m);
	h->now_ms += t->later_ms;
	e.received_at_ms = (uint64_t)h->now_ms++;
	e.workflow.previous = e.issuer.previous = ENTRY_NONE;
	for (size_t i = 0; i < t->parent_count; i++)
		parents[i] = t->parents[i];
	e.parents = parents;
	e.parent_count = t->parent_count;
	e.token = bytes_str(text);
	if (t->kind == ENTRY_KEY) {
		e.media = 0;
		e.level = 0;
		e.token = t->event;
	} else if (!t->unsigned_token) {
		e.has_signer = true;
		e.signer = help_signer(t->signer);
		e.binding = t->binding != 0 ? t->binding : TRUST_JWKS;
		e.anchor = t->anchor != 0 ? t->anchor - 1 : ENTRY_NONE;
	}
	cr_assert_eq(entry_write_head(&e, &h->arena, &head), RC_OK);
	entry_leaf_hash(head, e.token, &leaf);
	cr_assert_eq(store_put_entry(h->store, h->size, head, e.token), RC_OK);
	tile_writer_append(h->tiles, &leaf);
	help_index(h, t, &m, parents);
	free(text);
	return (unsigned)h->size++;
}

/* A whole batch of one task. */
static inline unsigned
help_one(struct help *h, struct task t)
{
	unsigned i;

	help_begin(h);
	i = help_add(h, &t);
	help_commit(h);
	return i;
}

static inline struct query_log
help_log(const struct help *h)
{
	return (struct query_log){
	    .store = h->store, .index = h->index, .size = h->size, .history = h->history};
}

static inline struct query_view *
help_view(const struct help *h, uint64_t at)
{
	struct query_log log = help_log(h);
	struct query_view *v = NULL;

	cr_assert_eq(query_view_begin(&log, at, &v), RC_OK);
	return v;
}

static inline struct query_id
help_id(unsigned jti, unsigned wid, bool any)
{
	struct query_id id = {.has_wid = wid != 0, .any_wid = any};

	token_make_id(jti, id.jti);
	if (wid != 0)
		token_make_id(1000000 + wid, id.wid);
	return id;
}

static inline struct budget
help_budget(struct help *h)
{
	return (struct budget){.nodes_max = 1000000, .arena = &h->arena};
}

/* A small repeatable random number. */
static inline unsigned
help_random(uint64_t *state, unsigned n)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((*state >> 33) % n);
}

#endif
