/* test_trust_cert.h - certificates, revocation lists and WITs made to order. */
#ifndef TEST_TRUST_CERT_H
#define TEST_TRUST_CERT_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "trust/anchors.h"
#include "unit/test_trust_help.h"

#define NOW  INT64_C(1700000000) /* seconds */
#define HOUR 3600

/* What differs from a good certificate; zero members mean the good value. */
struct cert_spec {
	const char *name;	 /* subject */
	const char *constraints; /* "" leaves it out */
	const char *usage;
	const char *extended;
	const char *san;
	const char *more; /* one extension more: "name=value" */
	int64_t from, until;
	long serial;
	const char *digest;
};

struct cert {
	X509 *x;
	EVP_PKEY *key;
	uint8_t der[4096];
	size_t size;
};

HELP struct bytes
cert_der(const struct cert *c)
{
	return bytes_of(c->der, c->size);
}

HELP struct hash
cert_hash(const struct cert *c)
{
	struct hash h;

	hash_of(cert_der(c), &h);
	return h;
}

HELP void
cert_extension(X509 *x, X509 *issuer, const char *name, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	if (!value || !value[0])
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	cr_assert((ext = X509V3_EXT_nconf(NULL, &ctx, name, value)), "%s=%s", name, value);
	cr_assert(X509_add_ext(x, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

/* 'issuer' NULL: self-signed.  Takes the key; NULL makes a P-256 one. */
HELP struct cert
cert_new(const struct cert *issuer, EVP_PKEY *key, struct cert_spec spec, bool ca)
{
	struct cert c = {.x = X509_new(), .key = key ? key : EVP_EC_gen("P-256")};
	X509_NAME *name = X509_get_subject_name(c.x);
	uint8_t *at = c.der;
	const char *subject = spec.name ? spec.name : ca ? "CA" : "leaf";
	const char *constraints = spec.constraints ? spec.constraints
				  : ca		   ? "critical,CA:TRUE"
						   : "critical,CA:FALSE";
	const char *usage = spec.usage ? spec.usage
			    : ca       ? "critical,keyCertSign,cRLSign"
				       : "critical,digitalSignature";
	char text[256];
	int n;

	X509_set_version(c.x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x), spec.serial ? spec.serial : 1);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0);
	X509_set_issuer_name(c.x, issuer ? X509_get_subject_name(issuer->x) : name);
	ASN1_TIME_set(X509_getm_notBefore(c.x), spec.from ? spec.from : NOW - HOUR);
	ASN1_TIME_set(X509_getm_notAfter(c.x), spec.until ? spec.until : NOW + HOUR);
	cr_assert(X509_set_pubkey(c.x, c.key) == 1);
	cert_extension(c.x, issuer ? issuer->x : c.x, "basicConstraints", constraints);
	cert_extension(c.x, issuer ? issuer->x : c.x, "keyUsage", usage);
	cert_extension(c.x, issuer ? issuer->x : c.x, "extendedKeyUsage", spec.extended);
	cert_extension(c.x, issuer ? issuer->x : c.x, "subjectAltName", spec.san);
	if (spec.more) {
		snprintf(text, sizeof(text), "%s", spec.more);
		*strchr(text, '=') = '\0';
		cert_extension(c.x, issuer ? issuer->x : c.x, text, strchr(spec.more, '=') + 1);
	}
	cr_assert(X509_sign(c.x, issuer ? issuer->key : c.key,
		      EVP_PKEY_is_a(issuer ? issuer->key : c.key, "ED25519") ? NULL
		      : spec.digest ? EVP_get_digestbyname(spec.digest)
				    : EVP_sha256()) > 0);
	n = i2d_X509(c.x, NULL);
	cr_assert(n > 0 && n <= (int)sizeof(c.der));
	c.size = (size_t)i2d_X509(c.x, &at);
	return c;
}

HELP void
cert_free(struct cert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
}

HELP char *
pem_of(void *thing, int (*write)(BIO *, const void *))
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long n;

	cr_assert(write(bio, thing) == 1);
	n = BIO_get_mem_data(bio, &data);
	/* no NUL behind it, so no strndup() */
	text = calloc(1, (size_t)n + 1);
	cr_assert(text != NULL);
	memcpy(text, data, (size_t)n);
	BIO_free(bio);
	return text;
}

HELP int
write_cert(BIO *bio, const void *x)
{
	return PEM_write_bio_X509(bio, x);
}

HELP int
write_crl(BIO *bio, const void *x)
{
	return PEM_write_bio_X509_CRL(bio, x);
}

/* A list of that CA with one serial (0: none).  'more' as in a certificate. */
HELP X509_CRL *
crl_new(const struct cert *ca, long serial, int64_t from, int64_t until, const char *more)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, from);

	X509_CRL_set_version(list, 1);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(ca->x));
	X509_CRL_set1_lastUpdate(list, t);
	if (until) {
		ASN1_TIME_set(t, until);
		X509_CRL_set1_nextUpdate(list, t);
		ASN1_TIME_set(t, from);
	}
	if (serial) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *n = ASN1_INTEGER_new();

		ASN1_INTEGER_set(n, serial);
		X509_REVOKED_set_serialNumber(r, n);
		X509_REVOKED_set_revocationDate(r, t);
		X509_CRL_add0_revoked(list, r);
		ASN1_INTEGER_free(n);
	}
	if (more) {
		char text[256];
		X509V3_CTX ctx;
		X509_EXTENSION *ext;

		snprintf(text, sizeof(text), "%s", more);
		*strchr(text, '=') = '\0';
		X509V3_set_ctx(&ctx, ca->x, NULL, NULL, list, 0);
		cr_assert((ext = X509V3_EXT_nconf(NULL, &ctx, text, strchr(more, '=') + 1)));
		X509_CRL_add_ext(list, ext, -1);
		X509_EXTENSION_free(ext);
	}
	ASN1_TIME_free(t);
	X509_CRL_sort(list);
	cr_assert(X509_CRL_sign(list, ca->key, EVP_sha256()) > 0);
	return list;
}

HELP struct bytes
crl_der(struct arena *arena, X509_CRL *list)
{
	int n = i2d_X509_CRL(list, NULL);
	uint8_t *p = arena_alloc(arena, (size_t)n), *at = p;

	i2d_X509_CRL(list, &at);
	return bytes_of(p, (size_t)n);
}

/* header.payload.signature in compact form, on the heap. */
HELP char *
jws_of(const struct pair *signer, const char *header, const char *payload)
{
	size_t h = strlen(header), p = strlen(payload), n;
	char *text = malloc(B64_ROOM(h) + B64_ROOM(p) + B64_ROOM(96) + 3);
	uint8_t signature[96];

	n = b64url_encode(bytes_str(header), text);
	text[n++] = '.';
	n += b64url_encode(bytes_str(payload), text + n);
	h = pair_sign(signer, bytes_of(text, n), signature);
	text[n++] = '.';
	b64url_encode(bytes_of(signature, h), text + n);
	return text;
}

#endif
