/*
 * x509.c - the X.509 binding: X509-SVID, and WIMSE's workload identity certificate (WIC).
 *
 * OpenSSL builds and checks the path (RFC 5280): signatures, validity, basic constraints, path
 * length, name constraints, unknown critical extensions, security level 2 (112 bits; no SHA-1).
 * Here are the rules that make a certificate an identity (X509-SVID 2 to 5), and the CRLs:
 *
 *   leaf   exactly one URI SAN, spiffe:// or wimse://; cA false; key usage there, critical,
 *          digitalSignature and neither keyCertSign nor cRLSign; extended key usage, if there, has
 *          clientAuth and serverAuth; P-256, P-384 or Ed25519
 *   above  cA true, keyCertSign; at most one URI SAN, and that the trust domain's own, without path
 *   CRLs   a certificate is looked up in the list of the CA that issued it.  A CA of which the
 *          domain has a list must have one that is valid now; a CA without a list is not asked, so
 *          that short-lived certificates need none.
 *
 * The anchor may be any CA of the folder, self-signed or not (X509_V_FLAG_PARTIAL_CHAIN): the
 * operator chose it.  It is a CA, so it can never be the leaf.
 */
#include "trust/x509.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define SECURITY_LEVEL 2

struct x509_work {
	X509_STORE_CTX *ctx;
};

static enum rc read_leaf(
    X509 *leaf, struct arena *arena, struct x509_verdict *out, struct why *why);
static const char *leaf_problem(X509 *leaf);
static enum rc leaf_key(X509 *leaf, struct key **out, struct why *why);
static int read_uris(X509 *cert, struct bytes *first, GENERAL_NAMES **names);
static enum rc build(struct x509_work *w, const struct anchors *a, X509 *leaf,
    STACK_OF(X509) * others, int64_t now_ms, struct why *why);
static enum rc judge_path(struct x509_work *w, const struct anchors *a, struct bytes domain,
    int64_t now_ms, struct x509_verdict *out, struct why *why);
static enum rc check_lists(const struct anchors *a, X509 *cert, X509 *issuer, int64_t now_ms,
    struct x509_verdict *out, struct why *why);
static void narrow(struct x509_verdict *out, const ASN1_TIME *from, const ASN1_TIME *until);
static enum rc bad(struct why *why, const char *rule, const char *text);

struct x509_work *
x509_work_new(void)
{
	struct x509_work *w = calloc(1, sizeof(*w));

	if (w && !(w->ctx = X509_STORE_CTX_new())) {
		free(w);
		w = NULL;
	}
	return w;
}

void
x509_work_free(struct x509_work *w)
{
	if (!w)
		return;
	X509_STORE_CTX_free(w->ctx);
	free(w);
}

enum rc
x509_judge(struct x509_work *w, const struct anchors *a, struct bytes domain,
    const struct bytes *chain, size_t count, int64_t now_ms, struct arena *arena,
    struct x509_verdict *out, struct why *why)
{
	STACK_OF(X509) *others = NULL;
	X509 *leaf = NULL, *cert;
	enum rc rc;

	must(w && a && chain && arena && out);
	memset(out, 0, sizeof(*out));
	out->until = INT64_MAX;
	if (count == 0 || count > X509_CHAIN_MAX)
		return bad(why, "RFC 7515 4.1.6 (x5c)", "a chain of more certificates than fit");
	if (!a->store)
		return why_set(why, RC_UNKNOWN_KEY, "trust (CA)", "iss", 0,
		    "the issuer's trust domain has no CA certificate");
	if (!(others = sk_X509_new_null()))
		goto full;
	for (size_t i = 0; i < count; i++) {
		cert = chain[i].n <= ANCHORS_CERT_MAX ? x509_of_der(chain[i]) : NULL;
		if (!cert) {
			rc = bad(why, "RFC 5280 4.1 (certificate)",
			    "a certificate is not plain DER, or too long");
			goto out;
		}
		if (i == 0)
			leaf = cert;
		else if (sk_X509_push(others, cert) <= 0) {
			X509_free(cert);
			goto full;
		}
	}
	if ((rc = read_leaf(leaf, arena, out, why)) != RC_OK)
		goto out;
	if ((rc = build(w, a, leaf, others, now_ms, why)) == RC_OK)
		rc = judge_path(w, a, domain, now_ms, out, why);
	if (rc == RC_OK)
		rc = leaf_key(leaf, &out->key, why);
	goto out;
full:
	rc = why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a chain");
out:
	X509_STORE_CTX_cleanup(w->ctx);
	X509_free(leaf);
	sk_X509_pop_free(others, X509_free);
	ERR_clear_error();
	return rc;
}

/* ---- the leaf ---- */

static enum rc
read_leaf(X509 *leaf, struct arena *arena, struct x509_verdict *out, struct why *why)
{
	GENERAL_NAMES *names = NULL;
	const char *problem = leaf_problem(leaf);
	struct bytes uri;
	enum rc rc = RC_OK;
	int count;

	if (problem)
		return bad(why, "X509-SVID 4, 5 (leaf)", problem);
	count = read_uris(leaf, &uri, &names);
	if (count != 1)
		rc = bad(why, "X509-SVID 2 (URI SAN)",
		    count < 0 ? "the subject alternative names are malformed"
			      : "a workload's certificate has exactly one URI");
	else if (uri.n <= 9 ||
		 (memcmp(uri.p, "spiffe://", 9) != 0 && memcmp(uri.p, "wimse://", 8) != 0))
		rc = bad(why, "X509-SVID 2 (URI SAN)", "the URI is neither spiffe:// nor wimse://");
	else if (!arena_dup(arena, uri, &out->uri))
		rc = why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a name");
	GENERAL_NAMES_free(names);
	return rc;
}

static const char *
leaf_problem(X509 *leaf)
{
	uint32_t flags = X509_get_extension_flags(leaf), usage = X509_get_key_usage(leaf);
	int at = X509_get_ext_by_NID(leaf, NID_key_usage, -1);

	if (flags & EXFLAG_INVALID)
		return "an extension of the leaf is malformed";
	if (flags & EXFLAG_CA)
		return "the leaf is a CA certificate";
	if (at < 0 || !X509_EXTENSION_get_critical(X509_get_ext(leaf, at)))
		return "the leaf's key usage is missing or not critical";
	if (!(usage & KU_DIGITAL_SIGNATURE))
		return "the leaf's key usage lacks digitalSignature";
	if (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN))
		return "the leaf's key usage has keyCertSign or cRLSign";
	if ((flags & EXFLAG_XKUSAGE) &&
	    (~X509_get_extended_key_usage(leaf) & (XKU_SSL_CLIENT | XKU_SSL_SERVER)))
		return "the leaf's extended key usage lacks clientAuth or serverAuth";
	return NULL;
}

/*
 * How many URIs?  -1: malformed, or more than one such extension.  'first' points into 'names',
 * which the caller frees.
 */
static int
read_uris(X509 *cert, struct bytes *first, GENERAL_NAMES **names)
{
	int critical = 0, count = 0;

	*first = BYTES_NONE;
	*names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
	if (!*names)
		return critical == -1 ? 0 : -1;
	for (int i = 0; i < sk_GENERAL_NAME_num(*names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(*names, i);
		const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;

		if (name->type != GEN_URI)
			continue;
		if (count++ == 0)
			*first =
			    bytes_of(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
	}
	return count;
}

static enum rc
leaf_key(X509 *leaf, struct key **out, struct why *why)
{
	EVP_PKEY *pkey = X509_get0_pubkey(leaf);
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(leaf);
	enum token_alg alg = 0;
	enum rc rc;

	if (pkey && EVP_PKEY_is_a(pkey, "EC"))
		alg = x509_ec_alg(pkey);
	else if (pkey && EVP_PKEY_is_a(pkey, "ED25519"))
		alg = TOKEN_EDDSA;
	if (alg == 0 || !bits)
		return bad(why, "X509-SVID (key)", "the leaf's key is not P-256, P-384 or Ed25519");
	rc = key_from_raw(
	    alg, bytes_of(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits)), out, why);
	return rc == RC_BAD_KEY ? RC_BAD_CREDENTIAL : rc;
}

enum token_alg
x509_ec_alg(EVP_PKEY *key)
{
	char name[32];
	size_t n = 0;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), &n) != 1)
		return 0;
	if (strcmp(name, "prime256v1") == 0 || strcmp(name, "P-256") == 0)
		return TOKEN_ES256;
	return strcmp(name, "secp384r1") == 0 || strcmp(name, "P-384") == 0 ? TOKEN_ES384 : 0;
}

/* ---- the path ---- */

static enum rc
build(struct x509_work *w, const struct anchors *a, X509 *leaf, STACK_OF(X509) * others,
    int64_t now_ms, struct why *why)
{
	X509_VERIFY_PARAM *param;
	int error;

	if (X509_STORE_CTX_init(w->ctx, a->store, leaf, others) != 1)
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a path");
	param = X509_STORE_CTX_get0_param(w->ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
	X509_VERIFY_PARAM_set_depth(param, X509_DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_time(param, (time_t)(now_ms / 1000));
	if (X509_verify_cert(w->ctx) == 1)
		return RC_OK;
	switch (error = X509_STORE_CTX_get_error(w->ctx)) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		/* The CA may be enrolled in a moment; everything else stays wrong. */
		return why_set(why, RC_UNKNOWN_KEY, "RFC 5280 6 (path)", NULL, 0,
		    "the chain leads to no CA of the issuer's trust domain");
	case X509_V_ERR_OUT_OF_MEM:
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a path");
	default:
		/* A text for each number; never a name of the certificate. */
		return bad(why, "RFC 5280 6 (path)", X509_verify_cert_error_string(error));
	}
}

static enum rc
judge_path(struct x509_work *w, const struct anchors *a, struct bytes domain, int64_t now_ms,
    struct x509_verdict *out, struct why *why)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(w->ctx);
	const char *problem;
	bool found = false;
	enum rc rc;

	must(path && sk_X509_num(path) >= 2); /* the leaf is no CA, so no anchor */
	must(sk_X509_num(path) <= X509_PATH_MAX + 1);
	for (int i = 0; i < sk_X509_num(path); i++) {
		X509 *cert = sk_X509_value(path, i);
		X509 *issuer = i + 1 < sk_X509_num(path) ? sk_X509_value(path, i + 1) : NULL;
		const struct anchor_revoked *revoked;
		struct hash id;
		unsigned n = sizeof(id.b);

		if (X509_digest(cert, EVP_sha256(), id.b, &n) != 1 || n != sizeof(id.b))
			return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no digest");
		if (i > 0 && (problem = x509_ca_problem(cert, domain)) != NULL)
			return bad(why, "X509-SVID 4 (signing certificate)", problem);
		if ((rc = check_lists(a, cert, issuer, now_ms, out, why)) != RC_OK)
			return rc;
		if ((revoked = anchors_revoked(a, &id)) &&
		    (!out->revoked || revoked->since < out->revoked_since)) {
			out->revoked = true;
			out->revoked_since = revoked->since;
		}
		narrow(out, X509_get0_notBefore(cert), X509_get0_notAfter(cert));
		if (issuer)
			out->path[out->path_count++] = id;
		else
			out->anchor = id;
	}
	for (size_t i = 0; i < a->ca_count && !found; i++)
		found = hash_eq(&a->cas[i].id, &out->anchor);
	must(found);
	return RC_OK;
}

const char *
x509_ca_problem(X509 *cert, struct bytes domain)
{
	GENERAL_NAMES *names = NULL;
	const char *problem = NULL;
	uint32_t flags = X509_get_extension_flags(cert);
	struct bytes uri;
	int count;

	if ((flags & EXFLAG_INVALID) || !(flags & EXFLAG_CA))
		return "the basic constraints of a signing certificate do not say CA";
	if (!(flags & EXFLAG_KUSAGE) || !(X509_get_key_usage(cert) & KU_KEY_CERT_SIGN))
		return "the key usage of a signing certificate lacks keyCertSign";
	count = read_uris(cert, &uri, &names);
	if (count < 0 || count > 1)
		problem = "a signing certificate has at most one URI";
	else if (count == 1) {
		size_t scheme = uri.n >= 9 && memcmp(uri.p, "spiffe://", 9) == 0  ? 9
				: uri.n >= 8 && memcmp(uri.p, "wimse://", 8) == 0 ? 8
										  : 0;

		if (scheme == 0 || !bytes_eq(bytes_of(uri.p + scheme, uri.n - scheme), domain))
			problem = "the URI of a signing certificate is not its trust domain's own";
	}
	GENERAL_NAMES_free(names);
	return problem;
}

/* ---- revocation lists ---- */

/* -1, 0, 1 as 't' is before, at or after now; a time that cannot be read is INT_MIN. */
static int
time_against(const ASN1_TIME *t, int64_t now_ms)
{
	time_t now = (time_t)(now_ms / 1000);
	int c = ASN1_TIME_cmp_time_t(t, now);

	return c == -2 ? INT32_MIN : c;
}

/*
 * Is this the CA that made the certificate?  A CA is a name and a key: it may have several
 * certificates, and what a leaf says of its CA's certificate (number, key identifier) does not choose
 * which lists it is looked up in.  'issuer' is the next of the path; of an anchor there is none.
 */
static bool
issued_by(X509 *ca, X509 *cert, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(ca);

	if (X509_NAME_cmp(X509_get_subject_name(ca), X509_get_issuer_name(cert)) != 0)
		return false;
	if (issuer)
		return EVP_PKEY_eq(key, X509_get0_pubkey(issuer)) == 1;
	return X509_check_issued(ca, cert) == X509_V_OK || X509_verify(cert, key) == 1;
}

static enum rc
check_lists(const struct anchors *a, X509 *cert, X509 *issuer, int64_t now_ms,
    struct x509_verdict *out, struct why *why)
{
	static const char rule[] = "RFC 5280 6.3 (CRL)";

	for (size_t i = 0; i < a->crl_count; i++) {
		X509_CRL *list = a->crls[i].list;
		const ASN1_TIME *from = X509_CRL_get0_lastUpdate(list);
		const ASN1_TIME *until = X509_CRL_get0_nextUpdate(list);
		X509_REVOKED *entry = NULL;
		int c;

		if (!issued_by(a->cas[a->crls[i].ca].cert, cert, issuer))
			continue;
		c = time_against(from, now_ms);
		if (c == INT32_MIN || c > 0)
			return bad(why, rule, "the CRL of the certificate's CA is not valid yet");
		c = time_against(until, now_ms);
		if (c == INT32_MIN || c < 0)
			return bad(why, rule, "the CRL of the certificate's CA has expired");
		/* 0: not in it.  Everything else is. */
		if (X509_CRL_get0_by_cert(list, &entry, cert) != 0)
			return why_set(why, RC_KEY_REVOKED, rule, NULL, 0,
			    "a certificate of the chain is in its CA's CRL");
		narrow(out, from, until);
	}
	return RC_OK;
}

/* Seconds since 1970, or INT64_MIN. */
static int64_t
seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MIN;
}

static void
narrow(struct x509_verdict *out, const ASN1_TIME *from, const ASN1_TIME *until)
{
	int64_t a = seconds_of(from), b = seconds_of(until);

	/* What cannot be read is not believed for longer than this one call. */
	if (a == INT64_MIN || b == INT64_MIN) {
		out->from = INT64_MAX;
		out->until = INT64_MIN;
		return;
	}
	out->from = a > out->from ? a : out->from;
	/* At its end a certificate is no longer valid: so says X509_verify_cert(). */
	out->until = b - 1 < out->until ? b - 1 : out->until;
}

/* ---- small things ---- */

X509 *
x509_of_der(struct bytes der)
{
	const unsigned char *at = der.p;
	unsigned char *again = NULL;
	X509 *cert;
	int n;

	if (der.n == 0 || !(cert = d2i_X509(NULL, &at, (long)der.n))) {
		ERR_clear_error();
		return NULL;
	}
	/* One spelling: what OpenSSL writes is what was presented. */
	n = at == der.p + der.n ? i2d_X509(cert, &again) : -1;
	if (n < 0 || (size_t)n != der.n || memcmp(again, der.p, der.n) != 0) {
		X509_free(cert);
		cert = NULL;
	}
	OPENSSL_free(again);
	ERR_clear_error();
	return cert;
}

bool
x509_split(struct bytes joined, struct bytes out[X509_CHAIN_MAX], size_t *count)
{
	size_t at = 0;

	for (*count = 0; at < joined.n; ++*count) {
		const uint8_t *p = joined.p + at;
		size_t left = joined.n - at, n;

		/* A SEQUENCE of 128 to 65535 bytes, shortest length. */
		if (*count == X509_CHAIN_MAX || left < 4 || p[0] != 0x30)
			return false;
		if (p[1] == 0x81)
			n = 3 + (size_t)p[2];
		else if (p[1] == 0x82)
			n = 4 + ((size_t)p[2] << 8 | p[3]);
		else
			return false;
		if (n > left)
			return false;
		out[*count] = bytes_of(p, n);
		at += n;
	}
	return *count > 0;
}

static enum rc
bad(struct why *why, const char *rule, const char *text)
{
	return why_set(why, RC_BAD_CREDENTIAL, rule, NULL, 0, "%s", text);
}
