/*
 * tls.h - the TLS half of a link: TLS 1.3 only, ALPN ectledger/1, the server's name checked, our
 * certificate shown.  Private to client/.
 */
#ifndef CLIENT_TLS_H
#define CLIENT_TLS_H

#include "ectledger/client.h"

struct tls;

enum tls_io { TLS_OK, TLS_WANT_READ, TLS_WANT_WRITE, TLS_EOF, TLS_ERROR };

/* Read the PEM files once.  NULL with 'status' set: ECT_USAGE, the text names the file. */
struct tls *tls_new(
    const struct ect_client_options *options, const char *host, struct ect_status *status);
void tls_free(struct tls *t); /* NULL is fine */
/* Start a handshake over 'fd' (kept until the next attach). */
bool tls_attach(struct tls *t, int fd);
enum tls_io tls_handshake(struct tls *t);
enum tls_io tls_read(struct tls *t, void *p, size_t n, size_t *got);
enum tls_io tls_write(struct tls *t, const void *p, size_t n, size_t *put);
/* After TLS_ERROR: what went wrong, and whether trying again is pointless. */
void tls_why(struct tls *t, const char *server, struct ect_status *status, bool *hopeless);

#endif
