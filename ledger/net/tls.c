/*
 * tls.c - TLS 1.3, both sides with certificates, nothing optional.
 *
 * What is off and why: tickets, session cache and early data (a resumed session would outlive a
 * revocation), renegotiation and compression (not in 1.3, refused all the same), any ALPN but ours
 * (a web browser must not talk to this port by accident).  A client's KeyUpdates are counted:
 * SSL_read() works through all that have come before it returns, so that a flood of them would hold
 * the loop.  A client is named by exactly one URI in its certificate; none or two is a refusal
 * inside the handshake.
 *
 * Invariant: the identity is set only by a handshake that finished with X509_V_OK and our ALPN.
 */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define TLS_ALPN       "ectledger/1"
#define TLS_DEPTH_MAX  3
#define TLS_RECORD_MAX 16384
#define TLS_REKEYS_MAX 64 /* of one connection: an honest client has no need of any */

struct tls_context {
	SSL_CTX *ssl;
};

struct tls {
	SSL *ssl;
	uint8_t *identity;
	size_t identity_size;
	uint8_t *chain; /* NULL: not asked for yet, or not to be had */
	size_t chain_size;
	bool chain_made;
	const char *problem;
	unsigned rekeys; /* KeyUpdates of the client */
	bool failed;	 /* no SSL_shutdown after an error */
};

/* ---- the context ---- */

/* Copy the certificate's only URI to '*out' (malloc'd).  False: none, several, or not printable ASCII. */
static bool
only_uri(X509 *cert, uint8_t **out, size_t *size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const ASN1_IA5STRING *uri = NULL;
	unsigned count = 0;
	bool good;

	for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_URI) {
			uri = name->d.uniformResourceIdentifier;
			count++;
		}
	}
	good = count == 1 && ASN1_STRING_length(uri) > 0 &&
	       ASN1_STRING_length(uri) <= TLS_IDENTITY_MAX;
	for (int i = 0; good && i < ASN1_STRING_length(uri); i++) {
		unsigned char c = ASN1_STRING_get0_data(uri)[i];

		good = c > 0x20 && c < 0x7f;
	}
	if (good && out != NULL) {
		*size = (size_t)ASN1_STRING_length(uri);
		if ((*out = malloc(*size)) != NULL)
			memcpy(*out, ASN1_STRING_get0_data(uri), *size);
		good = *out != NULL;
	}
	GENERAL_NAMES_free(names);
	return good;
}

static int
verify_cert(int ok, X509_STORE_CTX *store)
{
	if (ok == 1 && X509_STORE_CTX_get_error_depth(store) == 0 &&
	    !only_uri(X509_STORE_CTX_get_current_cert(store), NULL, NULL)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	return ok;
}

static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
    unsigned int in_size, void *ctx)
{
	size_t want = strlen(TLS_ALPN);

	(void)ssl;
	(void)ctx;
	for (unsigned i = 0; i < in_size && in[i] < in_size - i; i += in[i] + 1u) {
		if (in[i] == want && memcmp(in + i + 1, TLS_ALPN, want) == 0) {
			*out = in + i + 1;
			*out_size = in[i];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void
set_protocol(SSL_CTX *ssl)
{
	static const unsigned char context[] = "ectledger";

	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
				     SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl, 0);
	SSL_CTX_set_max_early_data(ssl, 0);
	SSL_CTX_set_session_id_context(ssl, context, sizeof context - 1);
	SSL_CTX_set_max_cert_list(ssl, TLS_CHAIN_MAX);
	SSL_CTX_set_alpn_select_cb(ssl, select_alpn, NULL);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify_cert);
	SSL_CTX_set_verify_depth(ssl, TLS_DEPTH_MAX);
}

static enum rc
load_own(SSL_CTX *ssl, const struct tls_files *files, struct why *why)
{
	if (SSL_CTX_use_certificate_chain_file(ssl, files->cert) != 1)
		return why_set(why, RC_BAD_CONFIG, "tls_cert", NULL, 0,
		    "%.120s: not a certificate in PEM", files->cert);
	if (SSL_CTX_use_PrivateKey_file(ssl, files->key, SSL_FILETYPE_PEM) != 1)
		return why_set(why, RC_BAD_CONFIG, "tls_key", NULL, 0,
		    "%.120s: not a private key in PEM", files->key);
	if (SSL_CTX_check_private_key(ssl) != 1)
		return why_set(why, RC_BAD_CONFIG, "tls_key", NULL, 0,
		    "%.120s: not the certificate's key", files->key);
	return RC_OK;
}

static enum rc
load_trusted(SSL_CTX *ssl, const struct tls_files *files, struct why *why)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl);
	STACK_OF(X509_NAME) * names;

	if (SSL_CTX_load_verify_file(ssl, files->client_ca) != 1)
		return why_set(why, RC_BAD_CONFIG, "tls_client_ca", NULL, 0,
		    "%.120s: no CA certificate in PEM", files->client_ca);
	/* Tells clients which authorities to pick a certificate from. */
	if ((names = SSL_load_client_CA_file(files->client_ca)) != NULL)
		SSL_CTX_set_client_CA_list(ssl, names);
	if (X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) != 1)
		return why_set(why, RC_BAD_CONFIG, "tls", NULL, 0, "cannot set the purpose");
	if (files->client_crl == NULL)
		return RC_OK;
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	if (lookup == NULL || X509_load_crl_file(lookup, files->client_crl, X509_FILETYPE_PEM) < 1)
		return why_set(why, RC_BAD_CONFIG, "tls_client_crl", NULL, 0,
		    "%.120s: no revocation list in PEM", files->client_crl);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return RC_OK;
}

enum rc
tls_context_new(const struct tls_files *files, struct tls_context **out, struct why *why)
{
	struct tls_context *c = calloc(1, sizeof *c);
	enum rc rc = RC_NO_MEMORY;

	*out = NULL;
	ERR_clear_error();
	if (c == NULL || (c->ssl = SSL_CTX_new(TLS_server_method())) == NULL) {
		why_set(why, rc, "tls", NULL, 0, "out of memory");
		goto out;
	}
	set_protocol(c->ssl);
	if (SSL_CTX_set_min_proto_version(c->ssl, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set1_groups_list(c->ssl, "X25519:P-256:P-384") != 1) {
		rc = why_set(why, RC_BAD_CONFIG, "tls", NULL, 0, "TLS 1.3 is not to be had");
		goto out;
	}
	if ((rc = load_own(c->ssl, files, why)) != RC_OK)
		goto out;
	if ((rc = load_trusted(c->ssl, files, why)) != RC_OK)
		goto out;
	*out = c;
	c = NULL;

out:
	ERR_clear_error();
	tls_context_free(c);
	return rc;
}

void
tls_context_free(struct tls_context *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
}

/* ---- a connection ---- */

/* Every message that comes.  Too many KeyUpdates: no record after this one is looked at any more. */
static void
on_message(int sent, int version, int type, const void *message, size_t size, SSL *ssl, void *ctx)
{
	struct tls *t = ctx;

	(void)version;
	if (sent || type != SSL3_RT_HANDSHAKE || size == 0 ||
	    *(const uint8_t *)message != SSL3_MT_KEY_UPDATE)
		return;
	if (++t->rekeys > TLS_REKEYS_MAX)
		SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
}

struct tls *
tls_new(struct tls_context *c, int fd)
{
	struct tls *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	ERR_clear_error();
	t->ssl = SSL_new(c->ssl);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1) {
		tls_free(t);
		return NULL;
	}
	SSL_set_msg_callback(t->ssl, on_message);
	SSL_set_msg_callback_arg(t->ssl, t);
	SSL_set_accept_state(t->ssl);
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t->identity);
	free(t->chain);
	free(t);
}

void
tls_shutdown(struct tls *t)
{
	if (t->failed || !SSL_is_init_finished(t->ssl))
		return;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl); /* our half only: the peer's is not waited for */
	ERR_clear_error();
}

static enum tls_result
result_of(struct tls *t, int rc, const char *doing)
{
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	default:
		t->failed = true;
		t->problem = doing;
		return TLS_FAILED;
	}
}

static enum tls_result
fail(struct tls *t, const char *problem)
{
	t->problem = problem;
	return TLS_FAILED;
}

/* The handshake is over: is the peer who it must be? */
static enum tls_result
admit(struct tls *t)
{
	const unsigned char *alpn = NULL;
	unsigned int size = 0;
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	SSL_get0_alpn_selected(t->ssl, &alpn, &size);
	if (size != strlen(TLS_ALPN) || memcmp(alpn, TLS_ALPN, size) != 0)
		return fail(t, "no ALPN ectledger/1");
	if (cert == NULL || SSL_get_verify_result(t->ssl) != X509_V_OK)
		return fail(t, "no verified client certificate");
	if (!only_uri(cert, &t->identity, &t->identity_size))
		return fail(t, "not exactly one URI name in the client certificate");
	return TLS_DONE;
}

enum tls_result
tls_handshake(struct tls *t)
{
	int rc;

	must(t->identity == NULL);
	ERR_clear_error();
	rc = SSL_do_handshake(t->ssl);
	if (rc != 1) {
		enum tls_result r = result_of(t, rc, "handshake failed");

		if (r == TLS_FAILED && SSL_get_verify_result(t->ssl) != X509_V_OK)
			t->problem = "client certificate refused";
		return r;
	}
	return admit(t);
}

enum tls_result
tls_read(struct tls *t, uint8_t *p, size_t room, size_t *n)
{
	int rc;

	*n = 0;
	ERR_clear_error();
	rc = SSL_read_ex(t->ssl, p, room, n);
	if (t->rekeys > TLS_REKEYS_MAX) {
		*n = 0;
		t->failed = true;
		return fail(t, "too many KeyUpdates");
	}
	return rc == 1 ? TLS_DONE : result_of(t, rc, "read failed");
}

enum tls_result
tls_write(struct tls *t, const uint8_t *p, size_t size, size_t *n)
{
	int rc;

	*n = 0;
	if (size > TLS_RECORD_MAX)
		size = TLS_RECORD_MAX;
	ERR_clear_error();
	rc = SSL_write_ex(t->ssl, p, size, n);
	return rc == 1 ? TLS_DONE : result_of(t, rc, "write failed");
}

size_t
tls_pending(const struct tls *t)
{
	return (size_t)SSL_pending(t->ssl);
}

struct bytes
tls_identity(const struct tls *t)
{
	return bytes_of(t->identity, t->identity_size);
}

/* Certificate 'i' of what the client sent: the leaf, then what stands in the list that lacks it. */
static X509 *
sent_certificate(SSL *ssl, int i)
{
	STACK_OF(X509) *rest = SSL_get_peer_cert_chain(ssl);

	if (i == 0)
		return SSL_get0_peer_certificate(ssl);
	return i <= sk_X509_num(rest) ? sk_X509_value(rest, i - 1) : NULL;
}

static void
make_chain(struct tls *t)
{
	unsigned char *p;
	size_t size = 0;
	X509 *x;

	for (int i = 0; (x = sent_certificate(t->ssl, i)) != NULL; i++) {
		int n = i2d_X509(x, NULL);

		if (n <= 0)
			return;
		size += (size_t)n;
	}
	if (size == 0 || size > TLS_CHAIN_MAX || (t->chain = malloc(size)) == NULL)
		return;
	p = t->chain;
	for (int i = 0; (x = sent_certificate(t->ssl, i)) != NULL; i++)
		(void)i2d_X509(x, &p);
	must((size_t)(p - t->chain) == size);
	t->chain_size = size;
}

struct bytes
tls_chain(struct tls *t)
{
	if (!t->chain_made) {
		t->chain_made = true;
		make_chain(t);
	}
	return bytes_of(t->chain, t->chain_size);
}

const char *
tls_problem(const struct tls *t)
{
	return t->problem != NULL ? t->problem : "closed";
}
