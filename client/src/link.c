/*
 * link.c - from "HOST:PORT" to a stream of bytes.
 *
 *   CONNECTING --tcp--> (TLS: HANDSHAKE) ----> READY
 *       |  ^                  |                  |
 *       |  +- next address    v                  v
 *       +------------------> DEAD <--------------+
 *
 * Invariants: fd >= 0 unless DEAD.  Plaintext goes to loopback addresses only, checked on the
 * address and not on the name.
 */
#include "link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "tls.h"

#define HOST_MAX     256
#define PORT_DEFAULT "7400"

struct ect_link {
	enum link_state state;
	int fd;
	struct tls *tls; /* NULL: plaintext */
	struct addrinfo *addresses;
	const struct addrinfo *next; /* to be tried when this one fails */
	bool want_read, want_write;
	bool hopeless;
	struct ect_status status;
	char server[HOST_MAX + 16];
};

void
status_set(struct ect_status *status, enum ect_outcome outcome, const char *format, ...)
{
	va_list list;

	must(status != NULL);
	memset(status, 0, sizeof *status);
	status->outcome = outcome;
	va_start(list, format);
	(void)vsnprintf(status->text, sizeof status->text, format, list);
	va_end(list);
}

/* "host:port", "[v6]:port", "host", "v6". */
static bool
split_server(const char *server, char host[HOST_MAX], char port[8])
{
	const char *colon = strrchr(server, ':'), *from = server, *end;
	const char *number = PORT_DEFAULT;
	long value;

	if (server[0] == '[') {
		from = server + 1;
		end = strchr(from, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		if (end[1] == ':')
			number = end + 2;
	} else if (colon != NULL && strchr(server, ':') == colon) {
		end = colon;
		number = colon + 1;
	} else {
		end = server + strlen(server);
	}
	if (end == from || (size_t)(end - from) >= HOST_MAX || strlen(number) > 5 ||
	    strspn(number, "0123456789") != strlen(number))
		return false;
	value = strtol(number, NULL, 10);
	if (value < 1 || value > 65535)
		return false;
	memcpy(host, from, (size_t)(end - from));
	host[end - from] = '\0';
	memcpy(port, number, strlen(number) + 1);
	return true;
}

static bool
is_loopback(const struct sockaddr *a)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;

	if (a->sa_family == AF_INET)
		return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
	if (a->sa_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return v6->sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) != 0;
}

static void
shut(struct ect_link *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
	l->want_read = l->want_write = false;
}

void
link_fail(struct ect_link *l, enum ect_outcome outcome, const char *format, ...)
{
	va_list list;

	if (l->state == LINK_DEAD)
		return;
	memset(&l->status, 0, sizeof l->status);
	l->status.outcome = outcome;
	va_start(list, format);
	(void)vsnprintf(l->status.text, sizeof l->status.text, format, list);
	va_end(list);
	shut(l);
	l->state = LINK_DEAD;
}

void
link_give_up(struct ect_link *l)
{
	l->hopeless = true;
}

static void
fail_tls(struct ect_link *l)
{
	tls_why(l->tls, l->server, &l->status, &l->hopeless);
	shut(l);
	l->state = LINK_DEAD;
}

static void
connected(struct ect_link *l)
{
	l->want_read = true;
	l->want_write = false;
	if (l->tls == NULL) {
		l->state = LINK_READY;
		return;
	}
	l->state = LINK_HANDSHAKE;
	if (!tls_attach(l->tls, l->fd))
		link_fail(l, ECT_PROTOCOL, "out of memory");
}

/* Try addresses until one is under way. */
static void
connect_next(struct ect_link *l, int error)
{
	const struct addrinfo *a;
	int on = 1;

	must(l->state == LINK_CONNECTING);
	for (; (a = l->next) != NULL; shut(l)) {
		l->next = a->ai_next;
		if (l->tls == NULL && !is_loopback(a->ai_addr)) {
			l->hopeless = true;
			link_fail(l, ECT_USAGE,
			    "plaintext is for loopback addresses only, and %s is not one: use "
			    "--cert, --key and --ca",
			    l->server);
			return;
		}
		l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (l->fd < 0) {
			error = errno;
			continue;
		}
		(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		(void)setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
		if (connect(l->fd, a->ai_addr, a->ai_addrlen) == 0) {
			connected(l);
			return;
		}
		if (errno == EINPROGRESS) {
			l->want_write = true;
			return;
		}
		error = errno;
	}
	link_fail(l, ECT_UNREACHABLE, "cannot reach %s: %s", l->server, strerror(error));
}

int
link_open(
    struct ect_link **out, const struct ect_client_options *options, struct ect_status *status)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char host[HOST_MAX], port[8];
	struct ect_link *l = NULL;
	int r;

	*out = NULL;
	if (options->server == NULL || !split_server(options->server, host, port)) {
		status_set(status, ECT_USAGE, "\"%s\" is not HOST:PORT",
		    options->server != NULL ? options->server : "");
		return -1;
	}
	if ((l = calloc(1, sizeof *l)) == NULL) {
		status_set(status, ECT_PROTOCOL, "out of memory");
		return -1;
	}
	l->fd = -1;
	(void)snprintf(
	    l->server, sizeof l->server, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	if (!options->insecure_loopback && options->cert == NULL && options->ca == NULL) {
		status_set(status, ECT_USAGE,
		    "TLS needs --cert, --key and --ca (or --insecure-loopback for a server on this "
		    "machine)");
		goto fail;
	}
	if (!options->insecure_loopback && (l->tls = tls_new(options, host, status)) == NULL)
		goto fail;
	if ((r = getaddrinfo(host, port, &hints, &l->addresses)) != 0) {
		status_set(
		    status, ECT_UNREACHABLE, "cannot reach %s: %s", l->server, gai_strerror(r));
		goto fail;
	}
	l->next = l->addresses;
	connect_next(l, EADDRNOTAVAIL);
	if (l->state == LINK_DEAD) {
		*status = l->status;
		goto fail;
	}
	*out = l;
	return 0;

fail:
	link_close(l);
	return -1;
}

void
link_close(struct ect_link *l)
{
	if (l == NULL)
		return;
	shut(l);
	tls_free(l->tls);
	if (l->addresses != NULL)
		freeaddrinfo(l->addresses);
	free(l);
}

static void
advance_connect(struct ect_link *l)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer, error_size = sizeof(int);
	int error = 0;

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &error_size) != 0)
		error = errno;
	if (error != 0) {
		shut(l);
		connect_next(l, error);
		return;
	}
	if (getpeername(l->fd, (struct sockaddr *)&peer, &size) == 0)
		connected(l);
}

enum link_state
link_advance(struct ect_link *l)
{
	if (l->state == LINK_CONNECTING)
		advance_connect(l);
	if (l->state == LINK_HANDSHAKE) {
		enum tls_io io = tls_handshake(l->tls);

		l->want_read = io != TLS_WANT_WRITE;
		l->want_write = io == TLS_WANT_WRITE;
		if (io == TLS_OK)
			l->state = LINK_READY;
		else if (io == TLS_EOF)
			link_fail(l, ECT_UNREACHABLE,
			    "%s closed the connection in the TLS handshake", l->server);
		else if (io == TLS_ERROR)
			fail_tls(l);
	}
	return l->state;
}

enum link_state
link_state(const struct ect_link *l)
{
	return l->state;
}

int
link_fd(const struct ect_link *l)
{
	return l->fd;
}

bool
link_want_read(const struct ect_link *l)
{
	return l->want_read;
}

bool
link_want_write(const struct ect_link *l)
{
	return l->want_write;
}

/* What TLS said about a read or write; counts it into the link's state. */
static void
after_tls(struct ect_link *l, enum tls_io io)
{
	l->want_write = io == TLS_WANT_WRITE;
	if (io == TLS_EOF)
		link_fail(l, ECT_UNREACHABLE, "%s closed the connection", l->server);
	else if (io == TLS_ERROR)
		fail_tls(l);
}

size_t
link_read(struct ect_link *l, void *p, size_t n)
{
	size_t got = 0;
	ssize_t r;

	must(l->state == LINK_READY && n > 0);
	if (l->tls != NULL) {
		after_tls(l, tls_read(l->tls, p, n, &got));
		return got;
	}
	r = recv(l->fd, p, n, 0);
	if (r > 0)
		return (size_t)r;
	if (r == 0)
		link_fail(l, ECT_UNREACHABLE, "%s closed the connection", l->server);
	else if (errno != EAGAIN && errno != EINTR)
		link_fail(l, ECT_UNREACHABLE, "lost the connection to %s: %s", l->server,
		    strerror(errno));
	return 0;
}

size_t
link_write(struct ect_link *l, const void *p, size_t n)
{
	size_t put = 0;
	ssize_t r;

	must(l->state == LINK_READY && n > 0);
	if (l->tls != NULL) {
		after_tls(l, tls_write(l->tls, p, n, &put));
		return put;
	}
	r = send(l->fd, p, n, MSG_NOSIGNAL);
	if (r >= 0)
		return (size_t)r;
	/* The peer is gone, but answers it sent before may still be in our receive buffer: the
	 * reading side ends the link. */
	if (errno != EAGAIN && errno != EINTR && errno != EPIPE && errno != ECONNRESET)
		link_fail(l, ECT_UNREACHABLE, "lost the connection to %s: %s", l->server,
		    strerror(errno));
	return 0;
}

const struct ect_status *
link_status(const struct ect_link *l)
{
	return &l->status;
}

bool
link_hopeless(const struct ect_link *l)
{
	return l->hopeless;
}

const char *
link_server(const struct ect_link *l)
{
	return l->server;
}

bool
link_is_plain(const struct ect_link *l)
{
	return l->tls == NULL;
}
