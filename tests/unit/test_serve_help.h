/*
 * test_serve_help.h - a hall over a log in memory, a trust folder, an agent with a key, and
 * requests to ask it.
 */
#ifndef TEST_SERVE_HELP_H
#define TEST_SERVE_HELP_H

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "lib/seq_world.h"
#include "lib/testlib.h"
#include "proto/ledger.pb-c.h"
#include "serve/serve.h"

#define APPEND	   "/ectledger.v1.Ledger/Append"
#define STREAM	   "/ectledger.v1.Ledger/AppendStream"
#define CHECKPOINT "/ectledger.v1.Ledger/GetCheckpoint"

struct hall {
	struct world world;
	struct test_clock clock;
	struct metrics *metrics;
	struct trust *trust;
	struct serve *serve;
	struct serve_options options;
	struct serve_log log;
	struct log_sink sink;
	char folder[32];
	EVP_PKEY *key;
	_Atomic int wakes;
};

static inline void
hall_wake(void *ctx)
{
	struct hall *h = ctx;

	h->wakes++;
}

/* The agent's key in the trust folder, from now on. */
static inline void
hall_enrol(struct hall *h)
{
	uint8_t raw[32];
	char x[64], path[128], temporary[128];
	size_t n = sizeof raw;
	FILE *f;

	cr_assert(EVP_PKEY_get_raw_public_key(h->key, raw, &n) == 1);
	b64url_encode(bytes_of(raw, n), x);
	(void)snprintf(path, sizeof path, "%s/example.com", h->folder);
	(void)mkdir(path, 0700);
	(void)snprintf(temporary, sizeof temporary, "%s/example.com/.new", h->folder);
	(void)snprintf(path, sizeof path, "%s/example.com/a.jwks.json", h->folder);
	cr_assert((f = fopen(temporary, "w")) != NULL);
	fprintf(f,
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"kid\":\"k\",\"alg\":"
	    "\"EdDSA\","
	    "\"ect_iss\":[\"spiffe://example.com/agent/a\"]}]}",
	    x);
	cr_assert(fclose(f) == 0 && rename(temporary, path) == 0);
}

/* Everything but the threads; change options, then hall_start(). */
static inline void
hall_init(struct hall *h)
{
	struct trust_report report;
	uint8_t seed[32] = {9};

	memset(h, 0, sizeof *h);
	world_open_bare(&h->world);
	h->world.rules.wait_ms = 0; /* the clock stands: who waits, waits for ever */
	h->clock = (struct test_clock){h->world.now_ms, 1};
	h->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
	cr_assert(h->key != NULL);
	(void)snprintf(h->folder, sizeof h->folder, "/tmp/hallXXXXXX");
	cr_assert(mkdtemp(h->folder) != NULL);
	h->metrics = metrics_new(256);
	cr_assert(trust_open(&h->trust, h->folder, &report) == RC_OK);
	h->log = (struct serve_log){.name = "default", .ledger = h->world.ledger, .trust = h->trust};
	h->sink = (struct log_sink){STDERR_FILENO, LOG_ERROR, 0};
	h->options = (struct serve_options){
	    .sink = &h->sink,
	    .logs = &h->log,
	    .log_count = 1,
	    .verify_threads = 2,
	    .reader_threads = 1,
	    .calls_max = 16,
	    .call_tokens_max = 64,
	    .call_bytes_max = 4 << 20,
	    .query_bytes_max = 4 << 20,
	    .requests_bytes_max = 1 << 20,
	    .query_nodes_max = 1000,
	    .query_ms_max = 1000,
	    .deadline_ms_max = 1000,
	    .wait_tokens_max = 100,
	    .wait_bytes_max = 1 << 20,
	    .wait_client_tokens_max = 50,
	    .quota_clients_max = 8,
	    .clock = test_clock(&h->clock),
	    .metrics = h->metrics,
	    .wake = hall_wake,
	    .ctx = h,
	};
}

static inline void
hall_start(struct hall *h)
{
	struct why why = {0};

	cr_assert(serve_start(&h->serve, &h->options, &why) == RC_OK, "%s", why.text);
}

static inline void
hall_end(struct hall *h)
{
	char path[128];

	serve_stop(h->serve);
	trust_close(h->trust);
	world_close(&h->world);
	metrics_free(h->metrics);
	EVP_PKEY_free(h->key);
	(void)snprintf(path, sizeof path, "%s/example.com/a.jwks.json", h->folder);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/example.com", h->folder);
	(void)rmdir(path);
	cr_assert(rmdir(h->folder) == 0, "nothing is left behind");
}

/* A token of the agent, signed.  free() it. */
static inline char *
hall_token(struct hall *h, const struct token_make *t)
{
	char *plain = token_make(t), *claims = strchr(plain, '.') + 1;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t signature[64];
	size_t n = sizeof signature;
	struct buf out;

	buf_init(&out, 0);
	buf_add_b64url(&out, bytes_str("{\"alg\":\"EdDSA\",\"typ\":\"exec+jwt\",\"kid\":\"k\"}"));
	buf_add_str(&out, ".");
	buf_add(&out, claims, (size_t)(strchr(claims, '.') - claims));
	cr_assert(EVP_DigestSignInit(md, NULL, NULL, NULL, h->key) == 1);
	cr_assert(EVP_DigestSign(md, signature, &n, out.p, out.n) == 1);
	buf_add_str(&out, ".");
	buf_add_b64url(&out, bytes_of(signature, n));
	buf_add(&out, "", 1);
	EVP_MD_CTX_free(md);
	free(plain);
	return (char *)out.p;
}

static inline char *
hall_token_n(struct hall *h, uint64_t n)
{
	struct token_make t = {0};

	token_make_id(n, t.jti);
	return hall_token(h, &t);
}

/* The same claims, unsigned: L1.  free() it. */
static inline char *
hall_plain(const struct token_make *t)
{
	char *compact = token_make(t), *claims = strchr(compact, '.') + 1;
	size_t room = strlen(compact), n = 0;
	uint8_t *text = calloc(room + 1, 1);

	cr_assert(b64url_decode(
	    bytes_of(claims, (size_t)(strchr(claims, '.') - claims)), text, room, &n));
	free(compact);
	return (char *)text;
}

/* What may stand beside the tokens of an AppendRequest. */
struct append_more {
	size_t wit_count, wit_size;
	bool wait;
	uint32_t wait_ms;
};

/* An AppendRequest.  Takes the tokens' texts; free(out.p). */
static inline struct bytes
append_request_more(char **tokens, size_t count, bool no_receipt, const struct append_more *more)
{
	static uint8_t wit[8192];
	Ectledger__V1__AppendRequest m = ECTLEDGER__V1__APPEND_REQUEST__INIT;
	ProtobufCBinaryData *list = calloc(count + 1, sizeof *list), wits[32];
	uint8_t *p;
	size_t n;

	for (size_t i = 0; i < count; i++)
		list[i] = (ProtobufCBinaryData){strlen(tokens[i]), (uint8_t *)tokens[i]};
	for (size_t i = 0; i < 32; i++)
		wits[i] = (ProtobufCBinaryData){more->wit_size, wit};
	m.tokens = list;
	m.n_tokens = count;
	m.no_receipt = no_receipt;
	m.wits = wits;
	m.n_wits = more->wit_count;
	m.wait = more->wait;
	m.wait_ms = more->wait_ms;
	p = malloc(ectledger__v1__append_request__get_packed_size(&m) + 1);
	n = ectledger__v1__append_request__pack(&m, p);
	for (size_t i = 0; i < count; i++)
		free(tokens[i]);
	free(list);
	return bytes_of(p, n);
}

static inline struct bytes
append_request(char **tokens, size_t count, bool no_receipt)
{
	return append_request_more(tokens, count, no_receipt, &(struct append_more){0});
}

static inline struct call_request
ask(const char *method, struct bytes message)
{
	static int door;

	return (struct call_request){
	    .method = method, .insecure = true, .message = message, .door = &door, .door_id = 1};
}

/* Wait for one answer. */
static inline struct call_answer
hall_wait(struct hall *h)
{
	struct call_answer a = {0};

	for (int i = 0; i < 10000; i++) {
		if (serve_collect(h->serve, &a, 1) == 1)
			return a;
		usleep(500);
	}
	cr_assert(false, "no answer came");
	return a;
}

/* Begin and wait; the answer's message unpacked (free it), NULL when the call failed. */
static inline Ectledger__V1__AppendReply *
hall_append(struct hall *h, char **tokens, size_t count)
{
	struct bytes message = append_request(tokens, count, false);
	struct call_request r = ask(APPEND, message);
	Ectledger__V1__AppendReply *reply = NULL;
	struct call_answer a;
	struct why why = {0};

	cr_assert(serve_begin(h->serve, &r, &why) == RC_OK, "%s", why.text);
	free((void *)(uintptr_t)message.p);
	a = hall_wait(h);
	if (a.rc == RC_OK)
		reply = ectledger__v1__append_reply__unpack(NULL, a.message.n, a.message.p);
	serve_release(h->serve, a.call);
	return reply;
}

#endif
