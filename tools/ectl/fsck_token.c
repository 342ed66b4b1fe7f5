/*
 * fsck_token.c - what a token says and whether its signature holds, read with jansson and OpenSSL
 * alone.
 *
 * The rules are not judged again (the log took the token; what it was worth then depends on the
 * time and the configuration of then).  What is read is what the entry, its links and the index
 * were made of.
 */
#include "fsck.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define TOKEN_MAX 65535
#define JWKS_MAX  ((size_t)4 << 20)

struct trusted {
	uint8_t thumbprint[FSCK_HASH];
	EVP_PKEY *key;
	size_t half; /* of an ECDSA signature: 32 or 48; Ed25519: 0 */
};

struct fsck_trust {
	struct trusted *keys; /* sorted by thumbprint */
	size_t count, room;
};

/* ---- tokens ---- */

static bool
split(struct span token, struct span part[3])
{
	const uint8_t *first = memchr(token.p, '.', token.n), *second, *end = token.p + token.n;

	if (first == NULL || (second = memchr(first + 1, '.', (size_t)(end - first - 1))) == NULL)
		return false;
	part[0] = (struct span){token.p, (size_t)(first - token.p)};
	part[1] = (struct span){first + 1, (size_t)(second - first - 1)};
	part[2] = (struct span){second + 1, (size_t)(end - second - 1)};
	return true;
}

static const char *
text_of(const json_t *claims, const char *name)
{
	return json_string_value(json_object_get(claims, name));
}

static bool
read_preds(const json_t *claims, struct fsck_task *out)
{
	json_t *list = json_object_get(claims, "pred"), *one;
	size_t i;

	if (list == NULL)
		list = json_object_get(claims, "par");
	if (list == NULL)
		return true;
	if (!json_is_array(list) || json_array_size(list) > FSCK_PREDS)
		return false;
	json_array_foreach(list, i, one)
	{
		if (!json_is_string(one) ||
		    !fsck_uuid(json_string_value(one), out->pred[out->pred_count]))
			return false;
		out->pred_count++;
	}
	return true;
}

/*
 * Plain base64url, or behind "sha-256:" and its sisters; the first 16 bytes are what the index
 * keeps.
 */
static bool
read_hash(const json_t *claims, const char *name, struct fsck_task *out)
{
	const json_t *value = json_object_get(claims, name);
	const char *text = json_string_value(value), *colon;
	uint8_t raw[64];
	size_t n;

	if (value == NULL)
		return true;
	if (text == NULL)
		return false;
	if ((colon = strchr(text, ':')) != NULL)
		text = colon + 1;
	if (!fsck_unbase64(
		true, (struct span){(const uint8_t *)text, strlen(text)}, raw, sizeof(raw), &n) ||
	    n < 32)
		return false;
	if (out->hash_count == 1 && memcmp(out->hash[0], raw, FSCK_ID) == 0)
		return true; /* the same data in and out is one reference */
	memcpy(out->hash[out->hash_count++], raw, FSCK_ID);
	return true;
}

static const char *
read_claims(struct fsck *f, const json_t *claims, struct fsck_task *out)
{
	const char *jti = text_of(claims, "jti"), *wid = text_of(claims, "wid"),
		   *iss = text_of(claims, "iss");
	const json_t *iat = json_object_get(claims, "iat");
	uint8_t hash[FSCK_HASH];

	if (jti == NULL || !fsck_uuid(jti, out->jti))
		return "jti";
	if (json_object_get(claims, "wid") != NULL && (wid == NULL || !fsck_uuid(wid, out->wid)))
		return "wid";
	if (iss == NULL)
		return "iss";
	if (!json_is_integer(iat))
		return "iat";
	out->iat = json_integer_value(iat);
	fsck_hash(f, (struct span){(const uint8_t *)iss, strlen(iss)},
	    (struct span){(const uint8_t *)iss, 0}, hash);
	memcpy(out->issuer, hash, FSCK_ID);
	if (!read_preds(claims, out))
		return "pred";
	if (!read_hash(claims, "inp_hash", out))
		return "inp_hash";
	return read_hash(claims, "out_hash", out) ? NULL : "out_hash";
}

bool
fsck_token_read(struct fsck *f, uint64_t index, struct span token, struct fsck_task *out)
{
	uint8_t *payload = NULL;
	struct span part[3];
	const char *bad = "it is not a JWS with a JSON payload";
	json_t *claims = NULL;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (token.n > TOKEN_MAX || !split(token, part))
		goto out;
	payload = fsck_alloc(part[1].n + 1, 1);
	if (!fsck_unbase64(true, part[1], payload, part[1].n, &n))
		goto out;
	claims = json_loadb((const char *)payload, n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(claims))
		bad = read_claims(f, claims, out);
out:
	if (bad != NULL)
		fsck_problem(f, FSCK_TOKEN, index, NULL, "the token cannot be read: %s", bad);
	json_decref(claims);
	free(payload);
	return bad == NULL;
}

/* ---- keys ---- */

static bool
coordinate(const json_t *jwk, const char *name, uint8_t *out, size_t size)
{
	const char *text = text_of(jwk, name);
	size_t n;

	return text != NULL &&
	       fsck_unbase64(
		   true, (struct span){(const uint8_t *)text, strlen(text)}, out, size, &n) &&
	       n == size;
}

static EVP_PKEY *
ec_key(const char *curve, uint8_t *point, size_t size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char group[8];
	OSSL_PARAM params[3];
	EVP_PKEY *key = NULL;

	snprintf(group, sizeof(group), "%s", curve);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, size);
	params[2] = OSSL_PARAM_construct_end();
	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

/* A key that could have signed; keys of other kinds never did. */
static void
add_key(struct fsck *f, const json_t *jwk)
{
	const char *crv = text_of(jwk, "crv"), *kty = text_of(jwk, "kty");
	struct fsck_trust *t = f->trust;
	uint8_t point[97] = {4};
	struct trusted k = {.key = NULL};
	char text[256];

	if (crv == NULL || kty == NULL)
		return;
	if (strcmp(kty, "OKP") == 0 && strcmp(crv, "Ed25519") == 0) {
		if (!coordinate(jwk, "x", point, 32))
			return;
		k.key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, 32);
		snprintf(text, sizeof(text), "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}",
		    text_of(jwk, "x"));
	} else if (strcmp(kty, "EC") == 0 &&
		   (strcmp(crv, "P-256") == 0 || strcmp(crv, "P-384") == 0)) {
		k.half = strcmp(crv, "P-256") == 0 ? 32 : 48;
		if (!coordinate(jwk, "x", point + 1, k.half) ||
		    !coordinate(jwk, "y", point + 1 + k.half, k.half))
			return;
		k.key = ec_key(crv, point, 1 + 2 * k.half);
		snprintf(text, sizeof(text),
		    "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", crv,
		    text_of(jwk, "x"), text_of(jwk, "y"));
	}
	if (k.key == NULL)
		return;
	fsck_hash(f, (struct span){(const uint8_t *)text, strlen(text)},
	    (struct span){(const uint8_t *)text, 0}, k.thumbprint);
	t->keys = fsck_grow(t->keys, t->count, &t->room, sizeof(*t->keys));
	t->keys[t->count++] = k;
}

static int
by_thumbprint(const void *a, const void *b)
{
	return memcmp(a, b, FSCK_HASH);
}

static void
load_domain(struct fsck *f, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		size_t n = strlen(e->d_name), i;
		char *path;
		uint8_t *text = NULL;
		json_t *set = NULL, *jwk;

		if (n < 10 || e->d_name[0] == '.' || strcmp(e->d_name + n - 10, ".jwks.json") != 0)
			continue;
		path = fsck_path(folder, e->d_name);
		if (fsck_read(path, JWKS_MAX, &text, &n))
			set = json_loadb((const char *)text, n, JSON_ALLOW_NUL, NULL);
		json_array_foreach(json_object_get(set, "keys"), i, jwk) add_key(f, jwk);
		json_decref(set);
		free(text);
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
}

void
fsck_trust_load(struct fsck *f)
{
	DIR *dir = opendir(f->trust_folder);
	struct dirent *e;

	f->trust = fsck_alloc(1, sizeof(*f->trust));
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.') {
			char *path = fsck_path(f->trust_folder, e->d_name);

			load_domain(f, path);
			free(path);
		}
	if (dir != NULL)
		closedir(dir);
	if (f->trust->count > 1)
		qsort(f->trust->keys, f->trust->count, sizeof(*f->trust->keys), by_thumbprint);
}

void
fsck_trust_free(struct fsck_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		EVP_PKEY_free(t->keys[i].key);
	free(t->keys);
	free(t);
}

/* ---- signatures ---- */

/* r||s -> DER by OpenSSL's own writer. */
static int
to_der(const uint8_t *raw, size_t half, uint8_t **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, (int)half, NULL), *s = BN_bin2bn(raw + half, (int)half, NULL);
	int n = -1;

	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		n = i2d_ECDSA_SIG(sig, der);
	}
	ECDSA_SIG_free(sig);
	return n;
}

static bool
verify(struct fsck *f, const struct trusted *k, struct span message, const uint8_t *raw, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = k->half == 0 ? NULL : k->half == 32 ? f->sha256 : f->sha384;
	uint8_t *der = NULL;
	int size = 64;
	bool ok = false;

	if (ctx == NULL || n != (k->half == 0 ? 64 : 2 * k->half))
		goto out;
	if (k->half != 0 && (size = to_der(raw, k->half, &der)) <= 0)
		goto out;
	ok =
	    EVP_DigestVerifyInit(ctx, NULL, md, NULL, k->key) == 1 &&
	    EVP_DigestVerify(ctx, der != NULL ? der : raw, (size_t)size, message.p, message.n) == 1;
out:
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

void
fsck_token_verify(struct fsck *f, uint64_t index, const struct fsck_entry *e)
{
	const struct trusted *k = NULL;
	struct span part[3];
	uint8_t raw[96];
	size_t n;

	if (f->trust->count > 0)
		k = bsearch(e->signer, f->trust->keys, f->trust->count, sizeof(*k), by_thumbprint);
	if (k == NULL) { /* gone from the trust folder since: nothing can be said */
		f->signatures_unchecked++;
		return;
	}
	if (split(e->token, part) && fsck_unbase64(true, part[2], raw, sizeof(raw), &n) &&
	    verify(f, k, (struct span){e->token.p, part[0].n + 1 + part[1].n}, raw, n))
		f->signatures_ok++;
	else
		fsck_problem(f, FSCK_SIGNATURE, index, NULL,
		    "the token's signature does not verify under the key that the entry names");
}
