/*
 * fsck_credential.c - from what came with a token to the key that signed it, by OpenSSL alone.
 *
 * X.509: the chain leads to the CA certificate of the anchor entry, as of the time of receipt, and
 * the leaf's one URI name is the issuer.  Revocation lists are not in the log (only that they
 * changed is), so they are not judged again.
 *
 * WIT: signed by the anchor's key, about the issuer, not expired; its "cnf" is the key.
 */
#include "fsck.h"

#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define CHAIN_MAX 8
/* A token may have waited for its parents between its judgement and its place in the log. */
#define WAITED_S 120

/* ---- X.509 ---- */

static STACK_OF(X509) * chain_read(struct span der)
{
	STACK_OF(X509) *chain = der.n > 0 ? sk_X509_new_null() : NULL;
	const unsigned char *at = der.p, *end = der.n > 0 ? der.p + der.n : der.p;
	X509 *one;

	while (chain != NULL && at < end) {
		if (sk_X509_num(chain) < CHAIN_MAX &&
		    (one = d2i_X509(NULL, &at, (long)(end - at))) != NULL) {
			if (sk_X509_push(chain, one) > 0)
				continue;
			X509_free(one);
		}
		sk_X509_pop_free(chain, X509_free);
		return NULL;
	}
	return chain;
}

/* Exactly one URI among the names, and it is the issuer. */
static bool
speaks_for(const X509 *leaf, const char *iss)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	size_t uris = 0, size = strlen(iss);
	bool same = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type != GEN_URI)
			continue;
		uris++;
		same =
		    (size_t)ASN1_STRING_length(n->d.uniformResourceIdentifier) == size &&
		    memcmp(ASN1_STRING_get0_data(n->d.uniformResourceIdentifier), iss, size) == 0;
	}
	GENERAL_NAMES_free(names);
	return uris == 1 && same;
}

/* Path validation (RFC 5280 6) to this one CA, at this time. */
static bool
leads_to(X509 *leaf, STACK_OF(X509) * chain, X509 *ca, int64_t at)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok = false;

	if (store == NULL || ctx == NULL || X509_STORE_add_cert(store, ca) != 1 ||
	    X509_STORE_CTX_init(ctx, store, leaf, chain) != 1)
		goto out;
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
	X509_STORE_CTX_set_time(ctx, X509_V_FLAG_USE_CHECK_TIME, (time_t)at);
	ok = X509_verify_cert(ctx) == 1;
	if (!ok) { /* valid when it was judged? */
		X509_STORE_CTX_cleanup(ctx);
		if (X509_STORE_CTX_init(ctx, store, leaf, chain) != 1)
			goto out;
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
		X509_STORE_CTX_set_time(ctx, X509_V_FLAG_USE_CHECK_TIME, (time_t)(at - WAITED_S));
		ok = X509_verify_cert(ctx) == 1;
	}
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return ok;
}

static const char *
check_leaf(STACK_OF(X509) * chain, struct span anchor, const char *iss, int64_t at)
{
	const unsigned char *der = anchor.p;
	X509 *leaf = sk_X509_value(chain, 0), *ca = d2i_X509(NULL, &der, (long)anchor.n);
	const char *bad = NULL;

	if (ca == NULL)
		bad = "the key entry's certificate cannot be read";
	else if (X509_check_ca(leaf) != 0 || !(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE))
		bad = "the leaf certificate is none that may sign";
	else if (!speaks_for(leaf, iss))
		bad = "the certificate is not the issuer's";
	else if (!leads_to(leaf, chain, ca, at))
		bad = "the certificates do not lead to the CA that the key entry enrolled";
	X509_free(ca);
	return bad;
}

const char *
fsck_credential_x509(const struct fsck_form *form, struct span credential, struct span anchor,
    const char *iss, int64_t at, struct fsck_pkey *out)
{
	uint8_t x5t[FSCK_HASH], hash[FSCK_HASH];
	STACK_OF(X509) *chain = NULL;
	bool has_x5t = false;
	size_t n = 0;
	uint8_t *own = fsck_form_chain(form, &n, x5t, &has_x5t), *der = NULL;
	const char *bad = "its certificates cannot be read";
	int size;

	out->key = NULL;
	chain = chain_read(own != NULL ? (struct span){own, n} : credential);
	if (chain == NULL)
		goto out;
	if (own == NULL) { /* the header names the leaf by its hash */
		size = i2d_X509(sk_X509_value(chain, 0), &der);
		bad = "the certificate is not the one that the token names";
		if (size <= 0 || !has_x5t)
			goto out;
		fsck_sha256((struct span){der, (size_t)size}, hash);
		if (memcmp(hash, x5t, FSCK_HASH) != 0)
			goto out;
	}
	if ((bad = check_leaf(chain, anchor, iss, at)) == NULL &&
	    !fsck_pkey_of(X509_get0_pubkey(sk_X509_value(chain, 0)), out))
		bad = "the certificate's key is of a kind that signs no tokens";
out:
	OPENSSL_free(der);
	sk_X509_pop_free(chain, X509_free);
	free(own);
	ERR_clear_error();
	return bad;
}

/* ---- WIT ---- */

static const char *
check_wit(const json_t *claims, const char *iss, int64_t at, struct fsck_pkey *out)
{
	const char *sub = json_string_value(json_object_get(claims, "sub"));
	const json_t *exp = json_object_get(claims, "exp"),
		     *jwk = json_object_get(json_object_get(claims, "cnf"), "jwk");
	char *text;
	bool ok;

	if (sub == NULL || strcmp(sub, iss) != 0)
		return "the WIT is not the issuer's";
	if (!json_is_integer(exp) || json_integer_value(exp) < at - WAITED_S)
		return "the WIT had expired";
	if ((text = json_dumps(jwk, JSON_COMPACT)) == NULL)
		return "the WIT has no key";
	ok = fsck_pkey_jwk((struct span){(const uint8_t *)text, strlen(text)}, out);
	free(text);
	return ok ? NULL : "the WIT's key is of a kind that signs no tokens";
}

const char *
fsck_credential_wit(struct span credential, const struct fsck_pkey *anchor, const char *iss,
    int64_t at, struct fsck_pkey *out)
{
	uint8_t *message = NULL, *payload = NULL;
	const char *bad = "the WIT is not signed by the key that the key entry enrolled";
	struct fsck_form wit;
	json_t *claims = NULL;
	size_t n;

	out->key = NULL;
	if (anchor->key == NULL)
		return "the key entry has no key";
	if (credential.p == NULL || !fsck_form_read(credential, FSCK_JWS, &wit))
		return "the WIT cannot be read";
	message = fsck_form_signed(&wit, &n);
	if (!fsck_pkey_verify(anchor, (struct span){message, n},
		(struct span){wit.signature, wit.signature_size}))
		goto out;
	bad = "the WIT cannot be read";
	payload = fsck_alloc(wit.payload.n + 1, 1);
	if (!fsck_unbase64(true, wit.payload, payload, wit.payload.n, &n))
		goto out;
	claims = json_loadb((const char *)payload, n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(claims))
		bad = check_wit(claims, iss, at, out);
out:
	json_decref(claims);
	free(payload);
	free(message);
	return bad;
}
