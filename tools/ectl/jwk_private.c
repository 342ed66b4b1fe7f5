/*
 * jwk_private.c - agents' private keys as JWK files (RFC 7517, 7518 6.2, 8037), and the JWK sets
 * their public halves go to.
 *
 * A private key lives in one OpenSSL object; the file is written with mode 0600 and is refused when
 * others may read it, because a leaked key lets anybody write into the ledger in the agent's name.
 * The kid is always the RFC 7638 thumbprint: a name nobody chooses cannot be chosen to collide.
 *
 * Invariants of struct private_key: 'pkey' holds the private half; 'pub' is the raw public key
 * (04||x||y, or 32 bytes); 'kid' was computed from 'pub', never taken from a file (a file that says
 * otherwise is refused).
 */
#include "jwk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/text.h"
#include "ectl.h"

#define FIELD_MAX 48 /* bytes of a P-384 coordinate */
#define FILE_MAX  (16 * 1024 * 1024)

struct alg_row {
	const char *name, *kty, *crv, *group, *digest; /* group, digest NULL: Ed25519 */
	size_t field;
};

static const struct alg_row alg_rows[] = {
    {"ES256", "EC", "P-256", "prime256v1", "SHA256", 32},
    {"ES384", "EC", "P-384", "secp384r1", "SHA384", 48},
    {"EdDSA", "OKP", "Ed25519", NULL, NULL, 32},
};

struct private_key {
	const struct alg_row *row;
	EVP_PKEY *pkey;
	char *iss;
	uint8_t pub[1 + 2 * FIELD_MAX];
	size_t pub_size;
	char kid[B64_ROOM(HASH_SIZE)];
};

static const struct alg_row *
row_by(const char *name, const char *crv)
{
	for (size_t i = 0; i < sizeof alg_rows / sizeof alg_rows[0]; i++) {
		if (name != NULL && strcmp(alg_rows[i].name, name) == 0)
			return &alg_rows[i];
		if (crv != NULL && strcmp(alg_rows[i].crv, crv) == 0)
			return &alg_rows[i];
	}
	return NULL;
}

/* ---- from and to OpenSSL ---- */

/* Coordinates as text; room for the largest field. */
struct coordinates {
	char x[B64_ROOM(FIELD_MAX)], y[B64_ROOM(FIELD_MAX)];
};

static void
coordinates_of(const struct private_key *k, struct coordinates *c)
{
	const uint8_t *at = k->row->group != NULL ? k->pub + 1 : k->pub;

	must(k->pub_size > 0);
	b64url_encode(bytes_of(at, k->row->field), c->x);
	c->y[0] = '\0';
	if (k->row->group != NULL)
		b64url_encode(bytes_of(at + k->row->field, k->row->field), c->y);
}

/* RFC 7638 3: required members only, in lexicographic order, no white space. */
static void
thumbprint(struct private_key *k)
{
	struct coordinates c;
	struct hash h;
	char text[256];
	int n;

	coordinates_of(k, &c);
	if (k->row->group != NULL)
		n = snprintf(text, sizeof text,
		    "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", k->row->crv, c.x,
		    c.y);
	else
		n = snprintf(text, sizeof text, "{\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"%s\"}",
		    k->row->crv, c.x);
	must(n > 0 && (size_t)n < sizeof text);
	hash_of(bytes_of(text, (size_t)n), &h);
	b64url_encode(bytes_of(h.b, sizeof h.b), k->kid);
}

/* Read the public half back out of the OpenSSL object into 'pub'. */
static bool
public_half(struct private_key *k)
{
	const size_t field = k->row->field;
	BIGNUM *x = NULL, *y = NULL;
	bool ok = false;

	if (k->row->group == NULL) {
		k->pub_size = sizeof k->pub;
		return EVP_PKEY_get_raw_public_key(k->pkey, k->pub, &k->pub_size) == 1 &&
		       k->pub_size == field;
	}
	if (EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
	    EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1)
		goto out;
	k->pub[0] = 0x04;
	ok = BN_bn2binpad(x, k->pub + 1, (int)field) == (int)field &&
	     BN_bn2binpad(y, k->pub + 1 + field, (int)field) == (int)field;
	k->pub_size = 1 + 2 * field;
out:
	BN_free(x);
	BN_free(y);
	return ok;
}

/* The private scalar or seed as bytes of the field's size. */
static bool
private_half(const struct private_key *k, uint8_t d[FIELD_MAX])
{
	BIGNUM *bn = NULL;
	size_t n = FIELD_MAX;
	bool ok;

	if (k->row->group == NULL)
		return EVP_PKEY_get_raw_private_key(k->pkey, d, &n) == 1 && n == k->row->field;
	if (EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &bn) != 1)
		return false;
	ok = BN_bn2binpad(bn, d, (int)k->row->field) == (int)k->row->field;
	BN_clear_free(bn);
	return ok;
}

static EVP_PKEY *
ec_from_parts(const struct alg_row *row, const uint8_t *pub, size_t pub_size, const uint8_t *d)
{
	OSSL_PARAM_BLD *build = NULL;
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = NULL, *check = NULL;
	BIGNUM *bn = NULL;
	EVP_PKEY *pkey = NULL;

	if ((bn = BN_bin2bn(d, (int)row->field, NULL)) == NULL ||
	    (build = OSSL_PARAM_BLD_new()) == NULL)
		goto out;
	if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, row->group, 0) !=
		1 ||
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, pub, pub_size) != 1 ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, bn) != 1)
		goto out;
	if ((params = OSSL_PARAM_BLD_to_param(build)) == NULL)
		goto out;
	if ((ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL)) == NULL ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
		pkey = NULL;
		goto out;
	}
	/* The two halves of a hand-edited file may not belong together. */
	if ((check = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)) == NULL ||
	    EVP_PKEY_check(check) != 1) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
out:
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(bn);
	return pkey;
}

/* ---- life ---- */

void
private_key_free(struct private_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey); /* OpenSSL clears the secret half */
	free(k->iss);
	OPENSSL_cleanse(k, sizeof *k);
	free(k);
}

struct private_key *
private_key_new(const char *alg, const char *iss)
{
	struct private_key *k = NULL;

	must(alg != NULL && iss != NULL);
	if ((k = calloc(1, sizeof *k)) == NULL || (k->iss = strdup(iss)) == NULL)
		goto memory;
	if ((k->row = row_by(alg, NULL)) == NULL) {
		fail(EXIT_USAGE, "no such algorithm: %s (ES256, ES384 and EdDSA are known)", alg);
		private_key_free(k);
		return NULL;
	}
	k->pkey = k->row->group != NULL ? EVP_EC_gen(k->row->group)
					: EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (k->pkey == NULL || !public_half(k))
		goto memory;
	thumbprint(k);
	return k;
memory:
	fail(EXIT_USAGE, "cannot make a key: out of memory, or the crypto library lacks %s", alg);
	private_key_free(k);
	return NULL;
}

/* A member that must be base64url of exactly 'n' bytes. */
static bool
member_bytes(const json_t *o, const char *name, uint8_t *out, size_t n)
{
	const char *text = json_string_value(json_object_get(o, name));
	size_t got = 0;

	return text != NULL && b64url_decode(bytes_str(text), out, n, &got) && got == n;
}

/* The key of a JWK object; NULL and '*problem' when it is not one of ours. */
static struct private_key *
from_jwk(const json_t *o, const char **problem)
{
	const char *crv = json_string_value(json_object_get(o, "crv"));
	const char *kty = json_string_value(json_object_get(o, "kty"));
	const char *alg = json_string_value(json_object_get(o, "alg"));
	const char *kid = json_string_value(json_object_get(o, "kid"));
	const char *iss = json_string_value(json_array_get(json_object_get(o, "ect_iss"), 0));
	struct private_key *k = NULL;
	uint8_t d[FIELD_MAX] = {0}, pub[1 + 2 * FIELD_MAX] = {0x04};
	bool ok = false;

	*problem = "out of memory";
	if ((k = calloc(1, sizeof *k)) == NULL)
		goto out;
	*problem = "kty and crv are not EC P-256, EC P-384 or OKP Ed25519";
	if (crv == NULL || kty == NULL || (k->row = row_by(NULL, crv)) == NULL ||
	    strcmp(k->row->kty, kty) != 0)
		goto out;
	*problem = "alg is not the curve's";
	if (alg != NULL && strcmp(alg, k->row->name) != 0)
		goto out;
	*problem = "no issuer: the member ect_iss names it";
	if (iss == NULL || (k->iss = strdup(iss)) == NULL)
		goto out;
	*problem = "d, x or y is missing or has the wrong length";
	if (!member_bytes(o, "d", d, k->row->field) ||
	    !member_bytes(o, "x", pub + 1, k->row->field))
		goto out;
	if (k->row->group != NULL) {
		if (!member_bytes(o, "y", pub + 1 + k->row->field, k->row->field))
			goto out;
		k->pkey = ec_from_parts(k->row, pub, 1 + 2 * k->row->field, d);
	} else {
		k->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d, k->row->field);
	}
	*problem = "the private and the public half do not belong together";
	if (k->pkey == NULL || !public_half(k))
		goto out;
	if (memcmp(k->row->group != NULL ? k->pub + 1 : k->pub, pub + 1, k->row->field) != 0)
		goto out;
	thumbprint(k);
	*problem = "kid is not the key's RFC 7638 thumbprint";
	ok = kid == NULL || strcmp(kid, k->kid) == 0;
out:
	OPENSSL_cleanse(d, sizeof d);
	if (!ok) {
		private_key_free(k);
		k = NULL;
	}
	return k;
}

struct private_key *
private_key_load(const char *path)
{
	const char *problem = NULL;
	struct private_key *k = NULL;
	struct stat st;
	uint8_t *text = NULL;
	size_t n = 0;
	json_t *o = NULL;

	must(path != NULL);
	if (stat(path, &st) != 0) {
		fail(EXIT_USAGE, "cannot read the key %s: %s", path, strerror(errno));
		return NULL;
	}
	if ((st.st_mode & 077) != 0) {
		fail(EXIT_USAGE,
		    "%s may be read by others: chmod 600 it, and think about replacing the key",
		    path);
		return NULL;
	}
	if (!read_file(path, FILE_MAX, &text, &n)) {
		fail(EXIT_USAGE, "cannot read the key %s", path);
		return NULL;
	}
	o = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, NULL);
	OPENSSL_cleanse(text, n);
	free(text);
	if (!json_is_object(o))
		problem = "not a JSON object";
	else
		k = from_jwk(o, &problem);
	json_decref(o);
	if (k == NULL)
		fail(EXIT_USAGE, "%s is not a private JWK: %s", path, problem);
	return k;
}

/* ---- as JSON ---- */

json_t *
private_key_public_jwk(const struct private_key *k)
{
	struct coordinates c;
	json_t *o;

	must(k != NULL && k->kid[0] != '\0');
	coordinates_of(k, &c);
	o = json_pack("{ss ss ss}", "kty", k->row->kty, "crv", k->row->crv, "x", c.x);
	if (o == NULL)
		return NULL;
	if (k->row->group != NULL && json_object_set_new(o, "y", json_string(c.y)) != 0)
		goto bad;
	if (json_object_set_new(o, "kid", json_string(k->kid)) != 0 ||
	    json_object_set_new(o, "alg", json_string(k->row->name)) != 0 ||
	    json_object_set_new(o, "use", json_string("sig")) != 0 ||
	    json_object_set_new(o, "ect_iss", json_pack("[s]", k->iss)) != 0)
		goto bad;
	return o;
bad:
	json_decref(o);
	return NULL;
}

bool
private_key_save(const struct private_key *k, const char *path)
{
	uint8_t d[FIELD_MAX] = {0};
	char text[B64_ROOM(FIELD_MAX)];
	char *out = NULL;
	json_t *o = NULL;
	bool ok = false;

	must(k != NULL && path != NULL);
	if (!private_half(k, d) || (o = private_key_public_jwk(k)) == NULL)
		goto out;
	b64url_encode(bytes_of(d, k->row->field), text);
	if (json_object_set_new(o, "d", json_string(text)) != 0 ||
	    (out = json_dumps(o, JSON_INDENT(1))) == NULL)
		goto out;
	ok = write_file(path, out, strlen(out), 0600);
out:
	if (!ok)
		fail(EXIT_USAGE, "cannot write the key %s", path);
	if (out != NULL) {
		OPENSSL_cleanse(out, strlen(out));
		free(out);
	}
	json_decref(o);
	OPENSSL_cleanse(d, sizeof d);
	OPENSSL_cleanse(text, sizeof text);
	return ok;
}

const char *
private_key_iss(const struct private_key *k)
{
	return k->iss;
}

const char *
private_key_kid(const struct private_key *k)
{
	return k->kid;
}

const char *
private_key_alg(const struct private_key *k)
{
	return k->row->name;
}

/* ---- signing ---- */

/* DER -> r||s, each as long as the field (RFC 7518 3.4). */
static size_t
raw_from_der(const uint8_t *der, size_t n, size_t field, uint8_t *out)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok;

	if (sig == NULL)
		return 0;
	ok = BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)field) == (int)field &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + field, (int)field) == (int)field;
	ECDSA_SIG_free(sig);
	return ok ? 2 * field : 0;
}

size_t
private_key_sign(
    const struct private_key *k, struct bytes message, uint8_t out[PRIVATE_KEY_SIGNATURE_MAX])
{
	uint8_t der[160];
	size_t n = sizeof der;
	EVP_MD_CTX *ctx = NULL;
	size_t size = 0;

	must(k != NULL && k->pkey != NULL);
	ERR_clear_error();
	if ((ctx = EVP_MD_CTX_new()) == NULL)
		return 0;
	if (EVP_DigestSignInit_ex(ctx, NULL, k->row->digest, NULL, NULL, k->pkey, NULL) != 1 ||
	    EVP_DigestSign(ctx, der, &n, message.p, message.n) != 1)
		goto out;
	if (k->row->group != NULL) {
		size = raw_from_der(der, n, k->row->field, out);
	} else if (n == 64) {
		memcpy(out, der, n);
		size = n;
	}
out:
	EVP_MD_CTX_free(ctx);
	return size;
}

bool
private_key_certified(const struct private_key *k, struct bytes certificate)
{
	const uint8_t *p = certificate.p;
	X509 *x = d2i_X509(NULL, &p, (long)certificate.n);
	bool ok = x != NULL && X509_get0_pubkey(x) != NULL &&
		  EVP_PKEY_eq(X509_get0_pubkey(x), k->pkey) == 1;

	X509_free(x);
	ERR_clear_error();
	return ok;
}
