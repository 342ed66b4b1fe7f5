/*
 * x509.h - from a chain of certificates to the key that it binds to a workload; private to trust/
 * and its tests.
 *
 * No name of a certificate is ever printed, nothing is fetched from the network (no AIA, no OCSP, no
 * CRL distribution point): what counts is in the trust folder.
 */
#ifndef TRUST_X509_H
#define TRUST_X509_H

#include "trust/anchors.h"
#include "trust/key.h"

#define X509_CHAIN_MAX 4 /* certificates presented, the leaf included */
#define X509_DEPTH_MAX 3 /* between leaf and anchor */
#define X509_PATH_MAX  (X509_DEPTH_MAX + 1)

/* What a chain comes to, and how long it may be believed without asking again. */
struct x509_verdict {
	struct key *key;    /* the leaf's; gives: key_free() */
	struct hash anchor; /* of the CA */
	struct hash path[X509_PATH_MAX]; /* of the certificates below it, leaf first */
	size_t path_count;
	struct bytes uri;   /* the leaf's one URI; the arena's */
	int64_t from,
	    until;    /* seconds, both included: validity of all, and of the CRLs looked at */
	bool revoked; /* the operator revoked a certificate of the chain, */
	int64_t revoked_since; /* from when (seconds) */
};

/* One thread's working memory. */
struct x509_work;
struct x509_work *x509_work_new(void); /* NULL: no memory */
void x509_work_free(struct x509_work *w);

/*
 * Judge chain[0..count), leaf first, at now_ms, under the CAs and CRLs of 'domain'.
 * RC_BAD_CREDENTIAL with the rule, RC_UNKNOWN_KEY (no CA of the domain), RC_KEY_REVOKED (CRL),
 * RC_NO_MEMORY.
 */
enum rc x509_judge(struct x509_work *w, const struct anchors *a, struct bytes domain,
    const struct bytes *chain, size_t count, int64_t now_ms, struct arena *arena,
    struct x509_verdict *out, struct why *why);
/* Certificates joined one after another (DER) -> views, at most X509_CHAIN_MAX.  False: not that. */
bool x509_split(struct bytes joined, struct bytes out[X509_CHAIN_MAX], size_t *count);

/* Exactly one certificate in DER, nothing after it, or NULL. */
X509 *x509_of_der(struct bytes der);
/* Algorithm of an EC key that is accepted (P-256, P-384), or 0. */
enum token_alg x509_ec_alg(EVP_PKEY *key);
/* NULL, or what stops the certificate from signing SVIDs of 'domain'. */
const char *x509_ca_problem(X509 *cert, struct bytes domain);

#endif
