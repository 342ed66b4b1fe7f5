/*
 * thread_trust_judge.c - verify threads on one snapshot, and a history that grows while it is asked,
 * for ThreadSanitizer.
 *
 * Each judge has its own cache, but the snapshot's CA store is shared, and so are its keys.  The
 * writer enrols and revokes; readers must see a key either enrolled or revoked, never half of it.
 */
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/history.h"
#include "trust/snapshot.h"

#define THREADS 3
#define ROUNDS	200
#define KEYS	300

static const char name[] = "spiffe://example.org/a";

struct world {
	struct trust_snapshot *s;
	struct history *h;
	uint8_t leaf[2048];
	size_t leaf_size;
	atomic_int written; /* keys that are enrolled */
};

static void
expect(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "failed: %s\n", what);
	abort();
}

static void
extend(X509 *x, const char *what, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_nconf(NULL, NULL, what, value);

	expect(ext && X509_add_ext(x, ext, -1) == 1, what);
	X509_EXTENSION_free(ext);
}

/* 'issuer' NULL: a CA, signed by itself. */
static X509 *
certificate(EVP_PKEY *key, X509 *issuer, EVP_PKEY *by)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), issuer ? 2 : 1);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)(issuer ? "leaf" : "ca"), -1, -1, 0);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject);
	ASN1_TIME_set(X509_getm_notBefore(x), 1000);
	ASN1_TIME_set(X509_getm_notAfter(x), 9000);
	X509_set_pubkey(x, key);
	extend(x, "basicConstraints", issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	extend(x, "keyUsage", issuer ? "critical,digitalSignature" : "critical,keyCertSign");
	if (issuer)
		extend(x, "subjectAltName", "URI:spiffe://example.org/a");
	expect(X509_sign(x, by, EVP_sha256()) > 0, "signing");
	return x;
}

static void
build(struct world *w)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = certificate(ca_key, NULL, ca_key), *leaf = certificate(key, ca, ca_key);
	uint8_t der[2048], *at = der;
	uint32_t domain;
	int n;

	n = i2d_X509(ca, &at);
	expect(snapshot_new(&w->s) == RC_OK, "snapshot");
	expect(
	    snapshot_add_domain(w->s, bytes_str("example.org"), &domain, NULL) == RC_OK, "domain");
	expect(snapshot_add_ca(w->s, domain, bytes_of(der, (size_t)n), NULL) == RC_OK, "CA");
	at = w->leaf;
	w->leaf_size = (size_t)i2d_X509(leaf, &at);
	X509_free(ca);
	X509_free(leaf);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

static void *
judge(void *ctx)
{
	struct world *w = ctx;
	struct bytes x5c = bytes_of(w->leaf, w->leaf_size);
	struct token token = {.alg = TOKEN_ES256, .x5c = &x5c, .x5c_count = 1};
	struct trust_presented presented = {.now_ms = 5000000, .bindings = 1U << TRUST_X509};
	struct arena arena;
	struct signer signer;
	struct why why;

	arena_init(&arena, 1 << 16);
	for (int i = 0; i < ROUNDS; i++) {
		struct trust_judge *j = trust_judge_new(); /* so that nothing is remembered */

		arena_reset(&arena);
		expect(j && trust_judge_signer(j, w->s, &token, bytes_str("example.org"),
				bytes_str(name), &presented, &arena, &signer, &why) == RC_OK,
		    "a good chain");
		trust_judge_free(j);
	}
	arena_release(&arena);
	return NULL;
}

static struct hash
material_of(int i, char out[32])
{
	struct hash id;

	snprintf(out, 32, "{\"k\":%d}", i);
	hash_of(bytes_str(out), &id);
	return id;
}

static void *
ask(void *ctx)
{
	struct world *w = ctx;
	struct history_record record;
	struct arena arena;
	char text[32];
	uint64_t at;

	arena_init(&arena, 1 << 20);
	for (int n; (n = atomic_load(&w->written)) < KEYS;) {
		struct hash id;

		if (n == 0)
			continue;
		arena_reset(&arena);
		id = material_of(n - 1, text);
		expect(history_find(w->h, bytes_str("example.org"), &id, UINT64_MAX, &arena,
			   &record) == RC_OK &&
			   bytes_is(record.material, text),
		    "the newest key");
		id = material_of(0, text);
		expect(history_judge(w->h,
			   &(struct history_question){.domain = bytes_str("example.org"),
			       .binding = TRUST_JWKS,
			       .signer = &id,
			       .anchor = &id,
			       .now_ms = 5,
			       .iat = 5},
			   &at, NULL) != RC_UNKNOWN_KEY,
		    "the first key is enrolled");
	}
	arena_release(&arena);
	return NULL;
}

static void
write_keys(struct world *w)
{
	struct arena arena;
	struct bytes raw;
	char text[32];
	uint64_t index = 0;

	arena_init(&arena, 1 << 16);
	for (int i = 0; i < KEYS; i++) {
		struct trust_event e = {.action = EVENT_ENROLL, .subject = EVENT_KEY};

		arena_reset(&arena);
		e.domain = bytes_str("example.org");
		e.id = material_of(i, text);
		e.material = bytes_str(text);
		expect(event_write(&e, &arena, &raw) == RC_OK, "event");
		expect(history_apply(w->h, index++, 1, raw, NULL) == RC_OK, "apply");
		atomic_store(&w->written, i + 1);
		e.action = i % 2 ? EVENT_REVOKE : EVENT_REINSTATE;
		e.id = material_of(0, text);
		e.material = BYTES_NONE;
		e.has_since = i % 2;
		expect(event_write(&e, &arena, &raw) == RC_OK, "event");
		expect(history_apply(w->h, index++, 1, raw, NULL) == RC_OK, "apply");
	}
	arena_release(&arena);
}

int
main(void)
{
	pthread_t judges[THREADS], askers[THREADS];
	struct world w = {.written = 0};

	build(&w);
	expect(history_new(&w.h) == RC_OK, "history");
	for (int i = 0; i < THREADS; i++) {
		expect(pthread_create(&judges[i], NULL, judge, &w) == 0, "thread");
		expect(pthread_create(&askers[i], NULL, ask, &w) == 0, "thread");
	}
	write_keys(&w);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(judges[i], NULL);
		pthread_join(askers[i], NULL);
	}
	history_free(w.h);
	trust_snapshot_drop(w.s);
	puts("ok");
	return 0;
}
