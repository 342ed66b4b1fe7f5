/*
 * link.h - one connection to a server: name, TCP, TLS 1.3.  Non-blocking; knows bytes, not frames.
 * Private to client/.
 */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include "ectledger/client.h"

struct ect_link;

enum link_state {
	LINK_CONNECTING, /* TCP is on its way */
	LINK_HANDSHAKE,	 /* TLS is on its way */
	LINK_READY,
	LINK_DEAD /* link_status() says why; the descriptor is closed */
};

/* Look the name up (may block for names; numbers never do) and begin to connect. */
int link_open(
    struct ect_link **out, const struct ect_client_options *options, struct ect_status *status);
void link_close(struct ect_link *l); /* NULL is fine */

/* Go on with connecting; gives the state. */
enum link_state link_advance(struct ect_link *l);
enum link_state link_state(const struct ect_link *l);
int link_fd(const struct ect_link *l); /* changes when the next address is tried */
bool link_want_read(const struct ect_link *l);
bool link_want_write(const struct ect_link *l); /* TLS's own wish, or connecting */

/* LINK_READY only.  Bytes moved; 0: not now, or dead (ask link_state). */
size_t link_read(struct ect_link *l, void *p, size_t n);
size_t link_write(struct ect_link *l, const void *p, size_t n);

/* Kill it with a reason of the caller's; link_give_up before it: trying again cannot help. */
void link_give_up(struct ect_link *l);
void link_fail(struct ect_link *l, enum ect_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const struct ect_status *link_status(const struct ect_link *l);
/* Trying again cannot help: our files are wrong, or certificates are refused. */
bool link_hopeless(const struct ect_link *l);
const char *link_server(const struct ect_link *l);
bool link_is_plain(const struct ect_link *l);

void status_set(struct ect_status *status, enum ect_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
