/*
 * corpus.c - pre-signed tokens: signing must not share the clock with what is measured.
 *
 * Each lane has its own workflows; a token follows up to --fan-in different ones of the last 64
 * tasks of its workflow.  Lanes are signed by one thread each, as many at once as there are cores.
 */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "base/random.h"
#include "base/text.h"
#include "tools/ectl/ectl.h"
#include "tools/ectl/jwk_private.h"

#define RECENT	   64 /* tasks of a workflow that may become parents */
#define FAN_IN_MAX 32
#define PAD_MAX	   3800 /* the extension's own limit is 4096 */

struct flow {
	char wid[UUID_TEXT_SIZE];
	char recent[RECENT][UUID_TEXT_SIZE];
	uint64_t count;
};

/* One signing thread's work. */
struct signing {
	struct corpus *c;
	const struct bench_options *o;
	uint64_t per_lane;
	size_t first, step; /* lanes first, first + step, ... */
	uint64_t seed;
	size_t pad;
	bool ok;
};

int64_t
bench_now_us(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct bytes
lane_token(const struct lane *lane, uint64_t i)
{
	uint64_t at = i > 0 ? lane->end[i - 1] : 0;
	const uint64_t end = lane->end[i];

	must(i < lane->count && lane->bytes[at] == 0x0a);
	for (at++; (lane->bytes[at] & 0x80) != 0; at++)
		must(at < end);
	at++;
	return bytes_of(lane->bytes + at, (size_t)(end - at));
}

/* xorshift64*: which workflow and which parents; the ids themselves come from the kernel. */
static uint64_t
next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(2685821657736338717);
}

static void
new_id(const struct bench_options *o, char out[UUID_TEXT_SIZE])
{
	uint8_t id[UUID_SIZE];

	if (strcmp(o->uuid, "v7") == 0)
		random_uuid_v7((int64_t)time(NULL) * 1000, id);
	else
		random_uuid_v4(id);
	uuid_text(id, out);
}

/* Choose parents among the workflow's recent tasks; a task is chosen once at most. */
static size_t
choose_parents(const struct flow *f, uint64_t fan_in, uint64_t *seed, const char *out[FAN_IN_MAX])
{
	const uint64_t have = f->count < RECENT ? f->count : RECENT;
	uint64_t want = f->count == 0 ? 0 : 1 + next(seed) % fan_in;
	size_t n = 0;

	if (want > have)
		want = have;
	while (n < want) {
		const char *p = f->recent[next(seed) % have];
		bool seen = false;

		for (size_t i = 0; i < n; i++)
			seen = seen || out[i] == p;
		if (!seen)
			out[n++] = p;
	}
	return n;
}

/* The token as field 1 of an AppendRequest. */
static void
add_field(struct buf *b, const char *token)
{
	const size_t n = strlen(token);
	uint8_t head[6] = {0x0a};
	size_t h = 1, rest = n;

	for (; rest >= 0x80; rest >>= 7)
		head[h++] = (uint8_t)(rest | 0x80);
	head[h++] = (uint8_t)rest;
	buf_add(b, head, h);
	buf_add(b, token, n);
}

static bool
sign_one(struct signing *s, struct flow *f, struct buf *b, uint32_t key, const char *ext)
{
	static const char *const acts[] = {
	    "plan", "search", "read", "write_code", "review", "call_tool", "summarise", "answer"};
	const char *pred[FAN_IN_MAX];
	char jti[UUID_TEXT_SIZE], hash[B64_ROOM(32)];
	uint8_t digest[32];
	struct token_spec spec = {
	    .wid = f->wid, .jti = jti, .revision = 1, .ext = ext, .pred = pred};
	char *token;

	random_bytes(digest, sizeof digest);
	b64url_encode(bytes_of(digest, sizeof digest), hash);
	new_id(s->o, jti);
	spec.act = acts[next(&s->seed) % 8];
	spec.out_hash = hash;
	spec.pred_count = choose_parents(f, s->o->fan_in, &s->seed, pred);
	if ((token = token_sign(s->c->keys[key], &spec, NULL)) == NULL)
		return false;
	add_field(b, token);
	free(token);
	memcpy(f->recent[f->count % RECENT], jti, sizeof jti);
	f->count++;
	return !b->bad;
}

static bool
sign_lane(struct signing *s, struct lane *lane, uint64_t flows)
{
	struct flow *f = calloc(flows, sizeof *f);
	char ext[PAD_MAX + 32];
	struct buf b;
	bool ok = f != NULL;

	buf_init(&b, 0);
	lane->end = calloc(s->per_lane, sizeof *lane->end);
	lane->key = calloc(s->per_lane, sizeof *lane->key);
	ok = ok && lane->end != NULL && lane->key != NULL;
	memset(ext, 'x', sizeof ext);
	memcpy(ext, "{\"pad\":\"", 8);
	memcpy(ext + 8 + s->pad, "\"}", 3);
	for (uint64_t i = 0; ok && i < flows; i++)
		new_id(s->o, f[i].wid);
	for (uint64_t i = 0; ok && i < s->per_lane; i++) {
		lane->key[i] = (uint32_t)(next(&s->seed) % s->c->key_count);
		ok = sign_one(
		    s, &f[next(&s->seed) % flows], &b, lane->key[i], s->pad > 0 ? ext : NULL);
		lane->end[i] = b.n;
	}
	lane->bytes = b.p;
	lane->count = s->per_lane;
	free(f);
	return ok;
}

static void *
sign_thread(void *ctx)
{
	struct signing *s = ctx;
	const uint64_t flows = s->o->workflows / s->c->lane_count;

	s->ok = true;
	for (size_t i = s->first; s->ok && i < s->c->lane_count; i += s->step)
		s->ok = sign_lane(s, &s->c->lanes[i], flows > 0 ? flows : 1);
	return NULL;
}

static bool
keys_make(struct corpus *c, const struct bench_options *o)
{
	c->keys = calloc(o->agents, sizeof *c->keys);
	c->jwks = calloc(o->agents, sizeof *c->jwks);
	if (c->keys == NULL || c->jwks == NULL)
		return false;
	for (size_t i = 0; i < o->agents; i++) {
		char iss[96];
		json_t *jwk;
		/* Of ten agents, seven sign with ES256 and three with Ed25519. */
		const char *alg = strcmp(o->alg, "mixed") != 0 ? o->alg
				  : i % 10 < 7		       ? "ES256"
							       : "EdDSA";

		snprintf(iss, sizeof iss, "spiffe://example.com/agent/bench-%zu", i);
		if ((c->keys[i] = private_key_new(alg, iss)) == NULL)
			return false;
		c->key_count = i + 1;
		jwk = private_key_public_jwk(c->keys[i]);
		c->jwks[i] = jwk != NULL ? json_dumps(jwk, JSON_COMPACT) : NULL;
		json_decref(jwk);
		if (c->jwks[i] == NULL)
			return false;
	}
	return true;
}

/* How much filling makes a token about as long as asked for: found from one made without. */
static size_t
padding(const struct corpus *c, const struct bench_options *o)
{
	const char *pred[] = {"00000000-0000-4000-8000-000000000000"};
	struct token_spec spec = {.act = "write_code",
	    .wid = pred[0],
	    .pred = pred,
	    .pred_count = 1,
	    .out_hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	    .revision = 1};
	char *token = token_sign(c->keys[0], &spec, NULL);
	const size_t n = token != NULL ? strlen(token) : 0;
	size_t pad = 0;

	free(token);
	if (n > 0 && o->token_bytes > n)
		pad = (size_t)(o->token_bytes - n) * 3 / 4;
	pad = pad > 21 ? pad - 21 : 0; /* "ect_ext":{"pad":""}, */
	return pad < PAD_MAX ? pad : PAD_MAX;
}

bool
corpus_make(struct corpus *c, const struct bench_options *o, size_t lanes, uint64_t per_lane)
{
	struct signing s[64];
	pthread_t threads[64];
	const size_t count = o->threads < 64 ? o->threads : 64;
	const int64_t begin = bench_now_us();
	size_t started = 0, bytes = 0;
	bool ok = true;

	must(lanes > 0 && per_lane > 0 && o->fan_in > 0 && o->fan_in <= FAN_IN_MAX);
	c->lanes = calloc(lanes, sizeof *c->lanes);
	c->lane_count = lanes;
	if (c->lanes == NULL || !keys_make(c, o))
		return fail(EXIT_USAGE, "no memory for the corpus") == 0;
	for (; started < count; started++) {
		s[started] = (struct signing){.c = c,
		    .o = o,
		    .per_lane = per_lane,
		    .first = started,
		    .step = count,
		    .seed = 0x9e3779b97f4a7c15u + started,
		    .pad = padding(c, o)};
		if (pthread_create(&threads[started], NULL, sign_thread, &s[started]) != 0)
			break;
	}
	ok = started == count;
	for (size_t i = 0; i < started; i++)
		ok = pthread_join(threads[i], NULL) == 0 && s[i].ok && ok;
	if (!ok)
		return fail(EXIT_USAGE, "cannot sign the corpus") == 0;
	for (size_t i = 0; i < lanes; i++)
		bytes += c->lanes[i].end[per_lane - 1];
	c->mean_bytes = (double)bytes / (double)(lanes * per_lane) - 3;
	c->sign_s = (double)(bench_now_us() - begin) / 1e6;
	return true;
}

bool
corpus_enroll(const struct corpus *c, const char *trust_folder)
{
	char path[512];

	snprintf(path, sizeof path, "%s/agents.jwks.json", trust_folder);
	return jwks_add_all(path, (const struct private_key *const *)c->keys, c->key_count, NULL);
}

void
corpus_release(struct corpus *c)
{
	for (size_t i = 0; i < c->lane_count && c->lanes != NULL; i++) {
		free(c->lanes[i].bytes);
		free(c->lanes[i].end);
		free(c->lanes[i].key);
	}
	for (size_t i = 0; i < c->key_count; i++) {
		private_key_free(c->keys[i]);
		free(c->jwks[i]);
	}
	free(c->lanes);
	free(c->keys);
	free(c->jwks);
}
