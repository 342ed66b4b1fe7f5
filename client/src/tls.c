/*
 * tls.c - OpenSSL, and nothing else in the client touches it.
 *
 * The socket sits behind a BIO of our own, because OpenSSL's socket BIO writes with write(2) and a
 * peer that is gone would then kill the caller's program with SIGPIPE.  With TLS 1.3 a server
 * judges our certificate after the handshake is over on our side, so a refusal arrives as an alert
 * on a later read: tls_why() turns it into ECT_REFUSED.
 */
#include "tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/must.h"
#include "link.h"

#define ALERT_REASON 1000 /* OpenSSL: reason code of a received alert = 1000 + alert number */

static const unsigned char alpn[] = {11, 'e', 'c', 't', 'l', 'e', 'd', 'g', 'e', 'r', '/', '1'};

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO_METHOD *method;
	char host[256];
	int fd;
	bool alpn_missing;
	unsigned long error; /* first of OpenSSL's queue after a failure */
	int socket_error;
};

static int
bio_write(BIO *bio, const char *p, size_t n, size_t *put)
{
	const struct tls *t = BIO_get_data(bio);
	ssize_t r = send(t->fd, p, n, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	*put = r > 0 ? (size_t)r : 0;
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return r > 0;
}

static int
bio_read(BIO *bio, char *p, size_t n, size_t *got)
{
	const struct tls *t = BIO_get_data(bio);
	ssize_t r = recv(t->fd, p, n, 0);

	BIO_clear_retry_flags(bio);
	*got = r > 0 ? (size_t)r : 0;
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	if (r == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return r > 0;
}

static long
bio_ctrl(BIO *bio, int what, long number, void *p)
{
	(void)number;
	(void)p;
	if (what == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP;
}

static BIO_METHOD *
bio_method(void)
{
	BIO_METHOD *m =
	    BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ectledger socket");

	if (m == NULL)
		return NULL;
	if (!BIO_meth_set_write_ex(m, bio_write) || !BIO_meth_set_read_ex(m, bio_read) ||
	    !BIO_meth_set_ctrl(m, bio_ctrl)) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

static bool
load_files(struct tls *t, const struct ect_client_options *o, struct ect_status *status)
{
	if (o->ca != NULL ? SSL_CTX_load_verify_file(t->ctx, o->ca) != 1
			  : SSL_CTX_set_default_verify_paths(t->ctx) != 1) {
		status_set(status, ECT_USAGE, "cannot read CA certificates from %s",
		    o->ca != NULL ? o->ca : "the system's store");
		return false;
	}
	if (o->cert == NULL && o->key == NULL)
		return true;
	if (o->cert == NULL || o->key == NULL) {
		status_set(status, ECT_USAGE,
		    "a client certificate and its key belong together: give both");
		return false;
	}
	if (SSL_CTX_use_certificate_chain_file(t->ctx, o->cert) != 1) {
		status_set(status, ECT_USAGE, "cannot read a PEM certificate from %s", o->cert);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(t->ctx, o->key, SSL_FILETYPE_PEM) != 1) {
		status_set(status, ECT_USAGE, "cannot read from %s the private key of %s", o->key,
		    o->cert);
		return false;
	}
	return true;
}

struct tls *
tls_new(const struct ect_client_options *options, const char *host, struct ect_status *status)
{
	struct tls *t = calloc(1, sizeof *t);
	int n;

	if (t == NULL)
		goto memory;
	t->fd = -1;
	n = snprintf(t->host, sizeof t->host, "%s", host);
	must(n >= 0 && (size_t)n < sizeof t->host);
	ERR_clear_error();
	t->method = bio_method();
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->method == NULL || t->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_alpn_protos(t->ctx, alpn, sizeof alpn) != 0)
		goto memory;
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(
	    t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (!load_files(t, options, status)) {
		ERR_clear_error();
		tls_free(t);
		return NULL;
	}
	return t;

memory:
	status_set(status, ECT_PROTOCOL, "out of memory, or OpenSSL cannot do TLS 1.3");
	tls_free(t);
	return NULL;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->method);
	free(t);
}

/* The name that the server's certificate must carry: an address as an address, a name as a name. */
static bool
expect_name(SSL *ssl, const char *host)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

bool
tls_attach(struct tls *t, int fd)
{
	BIO *bio;

	must(fd >= 0);
	SSL_free(t->ssl);
	t->fd = fd;
	t->error = 0;
	t->alpn_missing = false;
	t->ssl = SSL_new(t->ctx);
	if (t->ssl == NULL || !expect_name(t->ssl, t->host))
		return false;
	bio = BIO_new(t->method);
	if (bio == NULL)
		return false;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_connect_state(t->ssl);
	return true;
}

static enum tls_io
outcome(struct tls *t, int r)
{
	int e = SSL_get_error(t->ssl, r);

	switch (e) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	default:
		t->socket_error = e == SSL_ERROR_SYSCALL ? errno : 0;
		t->error = ERR_peek_error();
		ERR_clear_error();
		/* A peer that closes without close_notify: every frame says its own length, so
		 * nothing can be cut off unseen. */
		if (t->error == 0 || ERR_GET_REASON(t->error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return TLS_EOF;
		return TLS_ERROR;
	}
}

enum tls_io
tls_handshake(struct tls *t)
{
	const unsigned char *got = NULL;
	unsigned size = 0;
	int r;

	ERR_clear_error();
	if ((r = SSL_do_handshake(t->ssl)) != 1)
		return outcome(t, r);
	SSL_get0_alpn_selected(t->ssl, &got, &size);
	if (size != alpn[0] || memcmp(got, alpn + 1, size) != 0) {
		t->alpn_missing = true;
		return TLS_ERROR;
	}
	return TLS_OK;
}

enum tls_io
tls_read(struct tls *t, void *p, size_t n, size_t *got)
{
	int r;

	*got = 0;
	ERR_clear_error();
	r = SSL_read_ex(t->ssl, p, n, got);
	return r == 1 ? TLS_OK : outcome(t, r);
}

enum tls_io
tls_write(struct tls *t, const void *p, size_t n, size_t *put)
{
	int r;

	*put = 0;
	ERR_clear_error();
	r = SSL_write_ex(t->ssl, p, n, put);
	return r == 1 ? TLS_OK : outcome(t, r);
}

void
tls_why(struct tls *t, const char *server, struct ect_status *status, bool *hopeless)
{
	long verdict = t->ssl != NULL ? SSL_get_verify_result(t->ssl) : X509_V_OK;
	int reason = ERR_GET_REASON(t->error);
	const char *text = ERR_reason_error_string(t->error);

	*hopeless = true;
	if (t->alpn_missing)
		status_set(
		    status, ECT_PROTOCOL, "%s does not speak ectledger/1 (no such ALPN)", server);
	else if (verdict != X509_V_OK)
		status_set(status, ECT_UNREACHABLE,
		    "the certificate of %s does not verify: %s (is --ca the right one?)", server,
		    X509_verify_cert_error_string(verdict));
	else if (reason > ALERT_REASON && reason < ALERT_REASON + 256)
		status_set(status, ECT_REFUSED,
		    "%s refused this client's certificate or handshake: %s", server,
		    text != NULL ? text : "alert");
	else if (reason == SSL_R_WRONG_VERSION_NUMBER)
		status_set(status, ECT_UNREACHABLE,
		    "%s does not speak TLS (does it run with --insecure-loopback?)", server);
	else {
		*hopeless = false;
		status_set(status, ECT_UNREACHABLE, "TLS with %s failed: %s", server,
		    text != NULL	   ? text
		    : t->socket_error != 0 ? strerror(t->socket_error)
					   : "unknown reason");
	}
}
