/*
 * anchors.c - CA certificates and revocation lists, checked once when they are loaded.
 *
 * What is wrong with a CA is found here, by file name, and not when the first agent is refused.  A
 * CRL is only taken from a CA of the same domain and only when that CA's key verifies it, so that
 * later a look into the list is enough.
 *
 * Only full lists: a delta, or one that speaks for a part of the certificates or for another CA's,
 * would make "not in the list" mean nothing.  So would an unknown critical extension.
 */
#include "trust/anchors.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "trust/x509.h"

static const char rule_ca[] = "trust (CA certificate)";
static const char rule_crl[] = "trust (CRL)";

static enum rc check_ca(X509 *cert, struct bytes domain, struct why *why);
static enum rc check_crl(const struct anchors *a, X509_CRL *list, size_t *ca, struct why *why);
static bool make_room(void **array, size_t count, size_t size);
static enum rc no_memory(struct why *why);

enum rc
anchors_add_ca(struct anchors *a, struct bytes domain, struct bytes der, struct bytes source,
    struct arena *arena, struct why *why)
{
	struct anchor_ca *ca;
	struct hash id;
	X509 *cert = NULL;
	enum rc rc;

	hash_of(der, &id);
	for (size_t i = 0; i < a->ca_count; i++)
		if (hash_eq(&a->cas[i].id, &id))
			return RC_OK;
	if (a->ca_count == ANCHORS_CAS_MAX)
		return why_set(why, RC_BAD_KEY, rule_ca, NULL, 0,
		    "more than %d CA certificates in one trust domain", ANCHORS_CAS_MAX);
	if (der.n > ANCHORS_CERT_MAX || !(cert = x509_of_der(der)))
		return why_set(why, RC_BAD_KEY, rule_ca, NULL, 0,
		    "not one certificate in DER of at most %d bytes", ANCHORS_CERT_MAX);
	if ((rc = check_ca(cert, domain, why)) != RC_OK)
		goto out;
	rc = no_memory(why);
	if (!make_room((void **)&a->cas, a->ca_count, sizeof(*a->cas)) ||
	    (!a->store && !(a->store = X509_STORE_new())))
		goto out;
	ca = &a->cas[a->ca_count];
	if (!arena_dup(arena, der, &ca->der) || X509_STORE_add_cert(a->store, cert) != 1)
		goto out;
	ca->cert = cert;
	ca->id = id;
	ca->source = source;
	a->ca_count++;
	cert = NULL;
	rc = RC_OK;
	if (why)
		memset(why, 0, sizeof(*why));
out:
	X509_free(cert);
	ERR_clear_error();
	return rc;
}

static enum rc
check_ca(X509 *cert, struct bytes domain, struct why *why)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const char *problem;
	int bits = key ? EVP_PKEY_get_bits(key) : 0;
	bool strong = false;

	if (key && EVP_PKEY_is_a(key, "RSA"))
		strong = bits >= 2048 && bits <= 8192;
	else if (key && EVP_PKEY_is_a(key, "EC"))
		strong = x509_ec_alg(key) != 0;
	if (!strong)
		return why_set(why, RC_BAD_KEY, rule_ca, NULL, 0,
		    "the key of a CA is RSA of 2048 to 8192 bits, P-256 or P-384");
	if ((problem = x509_ca_problem(cert, domain)) != NULL)
		return why_set(
		    why, RC_BAD_KEY, "X509-SVID 4 (signing certificate)", NULL, 0, "%s", problem);
	return RC_OK;
}

enum rc
anchors_add_crl(struct anchors *a, struct bytes der, struct bytes source, struct why *why)
{
	const unsigned char *at = der.p;
	X509_CRL *list = NULL;
	struct hash id;
	size_t ca = 0;
	enum rc rc;

	hash_of(der, &id);
	for (size_t i = 0; i < a->crl_count; i++)
		if (hash_eq(&a->crls[i].id, &id))
			return RC_OK;
	if (a->crl_count == ANCHORS_CRLS_MAX)
		return why_set(why, RC_BAD_KEY, rule_crl, NULL, 0,
		    "more than %d CRLs in one trust domain", ANCHORS_CRLS_MAX);
	if (der.n > ANCHORS_CRL_MAX || !(list = d2i_X509_CRL(NULL, &at, (long)der.n)) ||
	    at != der.p + der.n) {
		rc = why_set(why, RC_BAD_KEY, rule_crl, NULL, 0,
		    "not one CRL in DER of at most %zu bytes", ANCHORS_CRL_MAX);
		goto out;
	}
	if ((rc = check_crl(a, list, &ca, why)) != RC_OK)
		goto out;
	if (!make_room((void **)&a->crls, a->crl_count, sizeof(*a->crls))) {
		rc = no_memory(why);
		goto out;
	}
	a->crls[a->crl_count++] = (struct anchor_crl){list, id, ca, source};
	list = NULL;
out:
	X509_CRL_free(list);
	ERR_clear_error();
	return rc;
}

/* Whose is it?  Names may be shared by an old and a new CA: the signature decides. */
static bool
find_ca(const struct anchors *a, X509_CRL *list, size_t *out)
{
	for (size_t i = 0; i < a->ca_count; i++) {
		X509 *cert = a->cas[i].cert;

		if (X509_NAME_cmp(X509_get_subject_name(cert), X509_CRL_get_issuer(list)) != 0 ||
		    !(X509_get_key_usage(cert) & KU_CRL_SIGN))
			continue;
		if (X509_CRL_verify(list, X509_get0_pubkey(cert)) == 1) {
			*out = i;
			return true;
		}
	}
	return false;
}

static enum rc
check_crl(const struct anchors *a, X509_CRL *list, size_t *ca, struct why *why)
{
	for (int i = 0; i < X509_CRL_get_ext_count(list); i++) {
		X509_EXTENSION *ext = X509_CRL_get_ext(list, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));

		if (nid == NID_delta_crl || nid == NID_issuing_distribution_point ||
		    X509_EXTENSION_get_critical(ext))
			return why_set(why, RC_BAD_KEY, rule_crl, NULL, 0,
			    "not a full list of its CA (delta, distribution point or critical "
			    "extension)");
	}
	if (!X509_CRL_get0_lastUpdate(list) || !X509_CRL_get0_nextUpdate(list))
		return why_set(why, RC_BAD_KEY, "RFC 5280 5.1.2.5 (nextUpdate)", NULL, 0,
		    "a CRL without nextUpdate");
	if (!find_ca(a, list, ca))
		return why_set(why, RC_BAD_KEY, rule_crl, NULL, 0,
		    "not signed by a CA certificate of this trust domain that may sign CRLs");
	for (size_t i = 0; i < a->crl_count; i++)
		if (a->crls[i].ca == *ca)
			return why_set(why, RC_BAD_KEY, rule_crl, NULL, 0,
			    "a second CRL of one CA; keep the newest only");
	return RC_OK;
}

void
anchors_release(struct anchors *a)
{
	for (size_t i = 0; i < a->ca_count; i++)
		X509_free(a->cas[i].cert);
	for (size_t i = 0; i < a->crl_count; i++)
		X509_CRL_free(a->crls[i].list);
	X509_STORE_free(a->store);
	free(a->cas);
	free(a->crls);
	free(a->revoked);
	memset(a, 0, sizeof(*a));
}

const struct anchor_revoked *
anchors_revoked(const struct anchors *a, const struct hash *id)
{
	size_t low = 0, high = a->revoked_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = memcmp(a->revoked[middle].id.b, id->b, HASH_SIZE);

		if (c == 0)
			return &a->revoked[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Room for one more, in steps of 8. */
static bool
make_room(void **array, size_t count, size_t size)
{
	void *p;

	if (count % 8 != 0)
		return true;
	if (!(p = realloc(*array, (count + 8) * size)))
		return false;
	*array = p;
	return true;
}

static enum rc
no_memory(struct why *why)
{
	return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a certificate or CRL");
}
