/*
 * yardstick.c - the ceiling: the same tokens, the same keys, all cores, verifying signatures and
 * nothing else.
 *
 * Two figures.  The ledger's own verifier (trust/jwk.h: contexts fetched once, Ed25519 by
 * libsodium) is the yardstick that ratios are taken of.  Beside it a plain loop that anybody would
 * write first: EVP_DigestVerifyInit and EVP_DigestVerify with a fresh context for each token.
 * Parsing is done before the clock starts.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/arena.h"
#include "base/must.h"
#include "base/text.h"
#include "trust/jwk.h"

#define SAMPLE_MAX  60000
#define SECONDS_MAX 2.5

struct sample {
	struct bytes input;
	uint8_t signature[96];
	size_t signature_size;
	uint32_t key;
};

struct yard {
	struct key **keys;
	EVP_PKEY **pkeys;
	size_t key_count;
	struct sample *samples;
	size_t count;
	struct arena arena;
};

struct runner {
	const struct yard *yard;
	size_t first, step;
	bool plain, ok;
	uint64_t done;
};

/* ---- keys ---- */

static EVP_PKEY *
plain_key(enum token_alg alg, const struct json_node *jwk)
{
	const char *group = alg == TOKEN_ES384 ? "secp384r1" : "prime256v1";
	const struct json_node *x = json_member(jwk, "x"), *y = json_member(jwk, "y");
	uint8_t raw[97] = {0x04};
	size_t n = 0, m = 0;
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;

	if (x == NULL || !b64url_decode(x->text, raw + 1, 48, &n))
		return NULL;
	if (alg == TOKEN_EDDSA)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw + 1, n);
	if (y == NULL || !b64url_decode(y->text, raw + 1 + n, 48, &m))
		return NULL;
	params[0] = OSSL_PARAM_construct_utf8_string(
	    OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, raw, 1 + n + m);
	params[2] = OSSL_PARAM_construct_end();
	if ((ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL)) != NULL &&
	    EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static bool
keys_read(struct yard *yard, const struct corpus *c)
{
	const struct json_limits limits = {.size_max = 4096, .depth_max = 4, .nodes_max = 64};

	yard->keys = calloc(c->key_count, sizeof *yard->keys);
	yard->pkeys = calloc(c->key_count, sizeof *yard->pkeys);
	if (yard->keys == NULL || yard->pkeys == NULL)
		return false;
	yard->key_count = c->key_count;
	for (size_t i = 0; i < c->key_count; i++) {
		struct json_node *jwk = NULL;

		if (json_parse(bytes_str(c->jwks[i]), &limits, true, &yard->arena, &jwk, NULL) !=
			RC_OK ||
		    key_from_jwk(jwk, &yard->keys[i], NULL) != RC_OK)
			return false;
		if ((yard->pkeys[i] = plain_key(key_alg(yard->keys[i]), jwk)) == NULL)
			return false;
	}
	return true;
}

/* ---- samples ---- */

static bool
sample_read(struct sample *s, struct bytes token, uint32_t key)
{
	const uint8_t *dot = memrchr(token.p, '.', token.n);
	size_t n;

	if (dot == NULL)
		return false;
	n = (size_t)(dot - token.p);
	s->input = bytes_of(token.p, n);
	s->key = key;
	return b64url_decode(bytes_of(dot + 1, token.n - n - 1), s->signature, sizeof s->signature,
	    &s->signature_size);
}

static bool
samples_read(struct yard *yard, const struct corpus *c)
{
	const size_t total = c->lane_count * (size_t)c->lanes[0].count;

	yard->count = total < SAMPLE_MAX ? total : SAMPLE_MAX;
	if ((yard->samples = calloc(yard->count, sizeof *yard->samples)) == NULL)
		return false;
	for (size_t i = 0; i < yard->count; i++) {
		const struct lane *lane = &c->lanes[i % c->lane_count];
		const uint64_t at = i / c->lane_count;

		if (!sample_read(&yard->samples[i], lane_token(lane, at), lane->key[at]))
			return false;
	}
	return true;
}

/* ---- the loops ---- */

static bool
plain_verify(const struct yard *yard, const struct sample *s)
{
	static const char *const digests[] = {
	    [TOKEN_ES256] = "SHA256", [TOKEN_ES384] = "SHA384", [TOKEN_EDDSA] = NULL};
	const enum token_alg alg = key_alg(yard->keys[s->key]);
	const size_t half = s->signature_size / 2;
	uint8_t der[160], *end = der;
	const uint8_t *signature = s->signature;
	size_t n = s->signature_size;
	ECDSA_SIG *sig = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	if (alg != TOKEN_EDDSA) {
		sig = ECDSA_SIG_new();
		if (sig == NULL || ECDSA_SIG_set0(sig, BN_bin2bn(s->signature, (int)half, NULL),
				       BN_bin2bn(s->signature + half, (int)half, NULL)) != 1)
			abort(); /* out of memory: no figure to give */
		n = (size_t)i2d_ECDSA_SIG(sig, &end);
		signature = der;
	}
	ok = ctx != NULL &&
	     EVP_DigestVerifyInit_ex(
		 ctx, NULL, digests[alg], NULL, NULL, yard->pkeys[s->key], NULL) == 1 &&
	     EVP_DigestVerify(ctx, signature, n, s->input.p, s->input.n) == 1;
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static void *
run(void *ctx)
{
	struct runner *r = ctx;
	const struct yard *yard = r->yard;
	struct verifier *v = verifier_new();
	const int64_t until = bench_now_us() + (int64_t)(SECONDS_MAX * 1e6);

	r->ok = v != NULL;
	for (size_t i = r->first; r->ok && i < yard->count; i += r->step) {
		const struct sample *s = &yard->samples[i];
		const struct key *key = yard->keys[s->key];

		if (r->plain)
			r->ok = plain_verify(yard, s);
		else
			r->ok = verifier_check(v, key, key_alg(key), s->input,
				    bytes_of(s->signature, s->signature_size), NULL) == RC_OK;
		r->done++;
		if (r->done % 64 == 0 && bench_now_us() > until)
			break;
	}
	verifier_free(v);
	return NULL;
}

static double
own_cpu_s(void)
{
	struct rusage u;

	must(getrusage(RUSAGE_SELF, &u) == 0);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Verifications a second by all threads; 0: one did not verify.  'cpu_us': what one took of a processor. */
static double
measure(const struct yard *yard, unsigned threads, bool plain, double *cpu_us)
{
	struct runner r[64];
	pthread_t t[64];
	const int64_t begin = bench_now_us();
	const double cpu = own_cpu_s();
	const size_t count = threads < 64 ? threads : 64;
	size_t started = 0;
	uint64_t done = 0;
	bool ok = true;

	for (; started < count; started++) {
		r[started] =
		    (struct runner){.yard = yard, .first = started, .step = count, .plain = plain};
		if (pthread_create(&t[started], NULL, run, &r[started]) != 0)
			break;
	}
	for (size_t i = 0; i < started; i++) {
		ok = pthread_join(t[i], NULL) == 0 && r[i].ok && ok;
		done += r[i].done;
	}
	*cpu_us = done > 0 ? (own_cpu_s() - cpu) * 1e6 / (double)done : 0;
	return ok && started == count ? (double)done / ((double)(bench_now_us() - begin) / 1e6) : 0;
}

bool
yardstick_measure(struct yardstick *y, const struct corpus *c, unsigned threads)
{
	struct yard yard = {0};
	double plain_us = 0;
	bool ok;

	must(threads > 0);
	arena_init(&yard.arena, 64 * 1024 * 1024);
	ok = keys_read(&yard, c) && samples_read(&yard, c);
	if (ok) {
		y->verifier_per_s = measure(&yard, threads, false, &y->cpu_us);
		y->evp_per_s = measure(&yard, threads, true, &plain_us);
		ok = y->verifier_per_s > 0 && y->evp_per_s > 0;
	}
	for (size_t i = 0; i < yard.key_count; i++) {
		key_free(yard.keys[i]);
		EVP_PKEY_free(yard.pkeys[i]);
	}
	free(yard.keys);
	free(yard.pkeys);
	free(yard.samples);
	arena_release(&yard.arena);
	return ok;
}
