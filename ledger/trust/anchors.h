/*
 * anchors.h - what one trust domain has beside its keys: CA certificates, revocation lists, what the
 * operator revoked, facts of its SPIFFE bundle; private to trust/ and its tests.
 *
 * Built while a snapshot is built, by one thread; afterwards only read, by any thread.
 */
#ifndef TRUST_ANCHORS_H
#define TRUST_ANCHORS_H

#include <openssl/x509.h>

#include "trust/event.h"

#define ANCHORS_CAS_MAX	    64
#define ANCHORS_CRLS_MAX    64
#define ANCHORS_REVOKED_MAX 20000
#define ANCHORS_CERT_MAX    4096
#define ANCHORS_CRL_MAX	    ((size_t)1 << 20)

struct anchor_ca {
	X509 *cert;
	struct hash id; /* SHA-256 of the DER */
	struct bytes der, source;
};

struct anchor_crl {
	X509_CRL *list;
	struct hash id; /* SHA-256 of the DER */
	size_t ca;	/* whose it is */
	struct bytes source;
};

struct anchor_revoked {
	struct hash id;
	int64_t since; /* seconds */
	struct bytes reason, by;
};

struct anchors {
	struct anchor_ca *cas;
	size_t ca_count;
	struct anchor_crl *crls;
	size_t crl_count;
	struct anchor_revoked *revoked; /* ascending by id */
	size_t revoked_count;
	X509_STORE *store; /* the CAs; NULL: none */
	bool has_bundle;
	bool empty; /* the bundle has no key at all: nothing of this domain is valid */
	bool has_sequence;
	uint64_t sequence;
	struct hash bundle; /* SHA-256 of the file */
	struct bytes bundle_source;
};

/*
 * Add a CA certificate (DER).  The same one again is fine.  RC_BAD_KEY: not exactly one certificate
 * in DER, no CA, no keyCertSign, a weak or foreign key, a SPIFFE ID that is not 'domain''s own.
 * 'arena' keeps the bytes; 'source' must live as long.
 */
enum rc anchors_add_ca(struct anchors *a, struct bytes domain, struct bytes der,
    struct bytes source, struct arena *arena, struct why *why);
/* Add a CRL (DER), after the CAs.  RC_BAD_KEY: not by a CA of these, its signature does not verify,
 * not a full list, more than one of a CA. */
enum rc anchors_add_crl(struct anchors *a, struct bytes der, struct bytes source, struct why *why);
void anchors_release(struct anchors *a);
/* What the operator revoked, or NULL. */
const struct anchor_revoked *anchors_revoked(const struct anchors *a, const struct hash *id);

/* pem.c: each block of a PEM text to 'block'; 'crl': blocks of revocation lists, else of
 * certificates.  RC_BAD_KEY: any other block, or none at all. */
enum rc pem_read(struct bytes text, bool crl,
    enum rc (*block)(void *ctx, struct bytes der, struct why *why), void *ctx, struct why *why);
/* revoked.c: revoked.json into empty a->revoked.  The arena keeps the texts. */
enum rc revoked_read(struct anchors *a, struct bytes text, struct arena *arena, struct why *why);

#endif
