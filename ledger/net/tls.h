/*
 * tls.h - private to net/: TLS 1.3 with mutual authentication on a non-blocking descriptor.
 * OpenSSL's SSL is included nowhere else.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/bytes.h"
#include "base/rc.h"

#define TLS_CHAIN_MAX    8192 /* bytes of a client's certificate chain */
#define TLS_IDENTITY_MAX 2048

struct tls_context; /* counted by OpenSSL: connections keep the one they began with */
struct tls;         /* one connection's */

struct tls_files {
	const char *cert, *key, *client_ca, *client_crl; /* PEM; crl may be NULL */
};
/* RC_BAD_CONFIG with the file that is at fault. */
enum rc tls_context_new(const struct tls_files *files, struct tls_context **out, struct why *why);
void tls_context_free(struct tls_context *c); /* NULL is fine */

/* The server's side on 'fd', which stays the caller's.  NULL: out of memory. */
struct tls *tls_new(struct tls_context *c, int fd);
void tls_free(struct tls *t); /* NULL is fine; sends nothing */
void tls_shutdown(struct tls *t); /* say close_notify, once, without waiting */

enum tls_result { TLS_DONE, TLS_WANT_READ, TLS_WANT_WRITE, TLS_EOF, TLS_FAILED };
/* TLS_DONE: handshake over, ALPN agreed, client certificate good. */
enum tls_result tls_handshake(struct tls *t);
enum tls_result tls_read(struct tls *t, uint8_t *p, size_t room, size_t *n);
enum tls_result tls_write(struct tls *t, const uint8_t *p, size_t size, size_t *n);
size_t tls_pending(const struct tls *t); /* decrypted bytes that no event will announce */
/* The client's one URI name; valid as long as 't'.  Only after TLS_DONE. */
struct bytes tls_identity(const struct tls *t);
/* The client's certificates as it sent them, DER joined, leaf first; made when first asked for.  Empty:
 * larger than TLS_CHAIN_MAX, or no memory.  Only after TLS_DONE. */
struct bytes tls_chain(struct tls *t);
const char *tls_problem(const struct tls *t); /* static text of the last failure */

#endif
