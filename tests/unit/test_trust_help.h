/* test_trust_help.h - keys, folders and vectors for the suites of trust/. */
#ifndef TEST_TRUST_HELP_H
#define TEST_TRUST_HELP_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "lib/testlib.h"
#include "trust/key.h"
#include "trust/snapshot.h"
#include "trust/trust.h"
#include "trust/verifier.h"

#define HELP __attribute__((unused)) static

HELP json_t *
vectors(const char *name)
{
	char path[512];
	json_error_t error;
	json_t *doc;

	snprintf(path, sizeof(path), "%s/vectors/%s", TEST_DATA, name);
	doc = json_load_file(path, JSON_ALLOW_NUL, &error);
	cr_assert(doc, "%s: %s", path, error.text);
	return doc;
}

HELP const char *
str(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* Our reader's view of a text or a jansson value; the arena keeps both. */
HELP const struct json_node *
node_of_text(struct arena *arena, const char *text)
{
	static const struct json_limits limits = {1 << 20, 8, 10000};
	struct json_node *root = NULL;
	struct why why = {0};
	char *copy = arena_strdup(arena, bytes_str(text));

	cr_assert(json_parse(bytes_str(copy), &limits, true, arena, &root, &why) == RC_OK, "%s: %s",
	    text, why.text);
	return root;
}

HELP const struct json_node *
node_of(struct arena *arena, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	const struct json_node *node = node_of_text(arena, text);

	free(text);
	return node;
}

/* A key pair of our own. */
struct pair {
	enum token_alg alg;
	EVP_PKEY *pkey;
	uint8_t raw[KEY_RAW_MAX];
	size_t raw_size;
};

HELP struct pair
pair_new(enum token_alg alg)
{
	struct pair p = {.alg = alg};

	if (alg == TOKEN_EDDSA) {
		p.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		p.raw_size = 32;
		cr_assert(EVP_PKEY_get_raw_public_key(p.pkey, p.raw, &p.raw_size) == 1);
	} else {
		p.pkey = EVP_EC_gen(alg == TOKEN_ES384 ? "P-384" : "P-256");
		cr_assert(EVP_PKEY_get_octet_string_param(p.pkey, OSSL_PKEY_PARAM_PUB_KEY, p.raw,
			      sizeof(p.raw), &p.raw_size) == 1);
	}
	return p;
}

/* The DER signature of OpenSSL, made r||s by hand the other way round. */
HELP size_t
pair_sign(const struct pair *p, struct bytes message, uint8_t out[96])
{
	uint8_t der[128], *at = der;
	size_t size = sizeof(der), n = key_coordinate_size(p->alg);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = p->alg == TOKEN_EDDSA   ? NULL
			   : p->alg == TOKEN_ES384 ? EVP_sha384()
						   : EVP_sha256();

	cr_assert(EVP_DigestSignInit(ctx, NULL, md, NULL, p->pkey) == 1);
	cr_assert(EVP_DigestSign(ctx, der, &size, message.p, message.n) == 1);
	EVP_MD_CTX_free(ctx);
	if (p->alg == TOKEN_EDDSA) {
		memcpy(out, der, 64);
		return 64;
	}
	memset(out, 0, 96);
	at += 2;
	for (size_t half = 0; half < 2; half++) {
		size_t m = at[1];

		at += 2;
		for (; m > n; m--)
			at++;
		memcpy(out + half * n + (n - m), at, m);
		at += m;
	}
	return 2 * n;
}

/* A JWK as text; iss and kid may be NULL. 'more' is put in as it is, with its comma. */
HELP char *
pair_jwk(const struct pair *p, const char *kid, const char *iss, const char *more)
{
	char x[80], y[80], *out = NULL;
	size_t n = key_coordinate_size(p->alg);
	int got;

	b64url_encode(bytes_of(p->raw + (p->alg != TOKEN_EDDSA), n), x);
	if (p->alg != TOKEN_EDDSA)
		b64url_encode(bytes_of(p->raw + 1 + n, n), y);
	got = asprintf(&out, "{\"kty\":\"%s\",\"crv\":\"%s\",\"x\":\"%s\"%s%s%s%s%s%s%s%s%s%s}",
	    key_kty(p->alg), key_curve(p->alg), x, p->alg != TOKEN_EDDSA ? ",\"y\":\"" : "",
	    p->alg != TOKEN_EDDSA ? y : "", p->alg != TOKEN_EDDSA ? "\"" : "",
	    kid ? ",\"kid\":\"" : "", kid ? kid : "", kid ? "\"" : "",
	    iss ? ",\"ect_iss\":[\"" : "", iss ? iss : "", iss ? "\"]" : "", more ? more : "");
	cr_assert(got > 0);
	return out;
}

/* ---- folders ---- */

HELP char *
folder_new(void)
{
	char *path = strdup("/tmp/ect-trust-XXXXXX");

	cr_assert(mkdtemp(path));
	return path;
}

HELP int
folder_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

HELP void
folder_free(char *path)
{
	nftw(path, folder_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

HELP void
folder_add(const char *root, const char *domain)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, domain);
	cr_assert(mkdir(path, 0700) == 0);
}

HELP void
file_write(const char *root, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	cr_assert((f = fopen(path, "w")), "%s", path);
	cr_assert(fputs(text, f) >= 0);
	cr_assert(fclose(f) == 0);
}

/* {"keys":[a,b]}; takes the texts; b may be NULL. */
HELP char *
jwks_of(char *a, char *b)
{
	char *out = NULL;

	cr_assert(asprintf(&out, "{\"keys\":[%s%s%s]}", a, b ? "," : "", b ? b : "") > 0);
	free(a);
	free(b);
	return out;
}

#endif
