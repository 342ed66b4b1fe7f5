/*
 * listener.c - takes connections in, as many as there is room for.
 *
 *   ACCEPTING <--> PAUSED (connections_max, handshakes_max, or no descriptors left)
 *
 * Pausing leaves callers in the kernel's queue instead of turning them away.  Half-open handshakes
 * do not block good ones: when handshakes_max is reached and the oldest is older than a good one
 * needs, it makes room.  When the process has no descriptors left, a reserved one is given up to
 * take the caller off the queue and hang up, else the loop would spin on a listener that is always
 * readable.
 *
 * Invariants: the accept event is added exactly when 'accepting'; a peer's count is its live
 * connections, and a peer without any is not kept.
 */
#include "net/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "base/random.h"

#define BACKLOG		  1024
#define ACCEPTS_PER_TURN  64
#define PAUSE_MS	  100
#define HANDSHAKE_GOOD_US 500000 /* an honest handshake is over by then */
#define PEER_BUCKETS	  4096

struct peer {
	struct in6_addr address;
	size_t count;
	struct peer *next;
};

struct listener {
	struct net *net;
	int fd;
	int reserve;
	bool started, accepting;
	struct event accept_event, pause_event;
	uint64_t salt;
	struct peer *peers[PEER_BUCKETS];
};

/* ---- peers ---- */

static struct peer **
peer_at(struct listener *l, const struct in6_addr *address)
{
	uint64_t h = l->salt;
	struct peer **p;

	for (size_t i = 0; i < sizeof address->s6_addr; i++)
		h = (h ^ address->s6_addr[i]) * UINT64_C(0x100000001b3);
	for (p = &l->peers[(h >> 20) % PEER_BUCKETS]; *p != NULL; p = &(*p)->next)
		if (memcmp(&(*p)->address, address, sizeof *address) == 0)
			break;
	return p;
}

/* Count the connection in; false: the address has its share. */
static bool
peer_add(struct listener *l, const struct in6_addr *address)
{
	struct peer **p = peer_at(l, address);

	if (*p == NULL) {
		if ((*p = calloc(1, sizeof **p)) == NULL)
			return false;
		(*p)->address = *address;
	}
	if ((*p)->count >= l->net->options.connections_per_address_max)
		return false;
	(*p)->count++;
	return true;
}

void
listener_forget(struct listener *l, const struct in6_addr *address)
{
	struct peer **p = peer_at(l, address);
	struct peer *gone = *p;

	must(gone != NULL && gone->count > 0);
	if (--gone->count == 0) {
		*p = gone->next;
		free(gone);
	}
}

/* ---- accepting ---- */

static void
address_of(const struct sockaddr_storage *from, struct in6_addr *out)
{
	memset(out, 0, sizeof *out);
	if (from->ss_family == AF_INET6) {
		*out = ((const struct sockaddr_in6 *)from)->sin6_addr;
		return;
	}
	out->s6_addr[10] = out->s6_addr[11] = 0xff; /* ::ffff:a.b.c.d */
	memcpy(out->s6_addr + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
}

static void
set_accepting(struct listener *l, bool on)
{
	on = on && l->started;
	if (on == l->accepting)
		return;
	l->accepting = on;
	if (on)
		event_add(&l->accept_event, NULL);
	else
		event_del(&l->accept_event);
}

static void
pause_accepting(struct listener *l)
{
	struct timeval wait = {.tv_usec = PAUSE_MS * 1000};

	set_accepting(l, false);
	event_add(&l->pause_event, &wait);
}

/* Room for one more handshake, if need be at the cost of the oldest that dawdles. */
static bool
handshake_room(struct net *n)
{
	struct conn *oldest = NULL;

	if (n->handshake_count < n->options.handshakes_max)
		return true;
	for (struct conn *c = n->conns; c != NULL; c = c->next)
		if (c->state == CONN_HANDSHAKE && !c->dead &&
		    (oldest == NULL || c->begun_us < oldest->begun_us))
			oldest = c;
	if (oldest == NULL || clock_mono_us(&n->clock) - oldest->begun_us < HANDSHAKE_GOOD_US)
		return false;
	metric_add(n->timeouts, 1);
	conn_kill(oldest);
	return true;
}

static bool
room(struct net *n)
{
	return n->conn_count < n->options.connections_max && (n->tls == NULL || handshake_room(n));
}

static void
no_descriptors(struct listener *l)
{
	int fd;

	log_event(l->net->options.sink, LOG_WARN, "no_descriptors", "do",
	    "raise the limit on open files", NULL);
	if (l->reserve >= 0) {
		close(l->reserve);
		if ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
			close(fd);
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	pause_accepting(l);
}

static void
take(struct listener *l, int fd, const struct sockaddr_storage *from)
{
	struct in6_addr peer;
	int one = 1;

	address_of(from, &peer);
	if (!peer_add(l, &peer)) {
		metric_add(l->net->refused, 1);
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	metric_add(l->net->accepted, 1);
	if (!conn_new(l->net, fd, &peer))
		listener_forget(l, &peer);
}

static void
on_accept(evutil_socket_t fd, short what, void *ctx)
{
	struct listener *l = ctx;
	struct sockaddr_storage from;

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		socklen_t size = sizeof from;
		int client;

		if (!room(l->net)) {
			pause_accepting(l);
			break;
		}
		client = accept4(fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			take(l, client, &from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			no_descriptors(l);
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		break;
	}
	net_flush(l->net);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *ctx)
{
	struct listener *l = ctx;

	(void)fd;
	(void)what;
	if (room(l->net))
		set_accepting(l, true);
	else
		pause_accepting(l);
	net_flush(l->net);
}

void
listener_start(struct listener *l)
{
	l->started = true;
	set_accepting(l, true);
}

/* ---- binding ---- */

static bool
is_loopback(const struct addrinfo *a)
{
	if (a->ai_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a->ai_addr;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	const struct sockaddr_in6 *in6 = (const void *)a->ai_addr;
	return a->ai_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* getaddrinfo() would take 99999 for 34463. */
static bool
is_port(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && n <= 5 && text[n] == '\0' && strtol(text, NULL, 10) <= 65535;
}

/* "127.0.0.1:7400", "[::1]:7400", "localhost:0"; numbers only, so that start-up never waits for a name server. */
static enum rc
resolve(const char *listen, struct addrinfo **out, struct why *why)
{
	struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(listen, ':');
	char host[64];
	size_t n = colon != NULL ? (size_t)(colon - listen) : 0;

	if (n == 0 || n >= sizeof host || colon[1] == '\0')
		return why_set(why, RC_BAD_CONFIG, "listen", NULL, 0,
		    "%.80s: give ADDRESS:PORT, such as 127.0.0.1:7400", listen);
	memcpy(host, listen, n);
	host[n] = '\0';
	if (host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = '\0';
	}
	if (strcmp(host, "localhost") == 0)
		memcpy(host, "127.0.0.1", sizeof "127.0.0.1");
	if (!is_port(colon + 1) || getaddrinfo(host, colon + 1, &hints, out) != 0)
		return why_set(why, RC_BAD_CONFIG, "listen", NULL, 0,
		    "%.80s: not a numeric address and port", listen);
	return RC_OK;
}

static enum rc
resolve_allowed(const struct net_options *o, struct addrinfo **out, struct why *why)
{
	enum rc rc = resolve(o->listen, out, why);

	if (rc != RC_OK || !o->insecure_loopback || is_loopback(*out))
		return rc;
	freeaddrinfo(*out);
	*out = NULL;
	return why_set(why, RC_BAD_CONFIG, "insecure_loopback", NULL, 0,
	    "%.60s is not a loopback address: plaintext is refused there", o->listen);
}

enum rc
listener_check(const struct net_options *o, struct why *why)
{
	struct addrinfo *a = NULL;
	enum rc rc = resolve_allowed(o, &a, why);

	if (a != NULL)
		freeaddrinfo(a);
	return rc;
}

static void
keep_address(struct listener *l)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof bound;
	char host[48], port[8];
	int rc = getsockname(l->fd, (struct sockaddr *)&bound, &size);

	must(rc == 0);
	rc = getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
	    NI_NUMERICHOST | NI_NUMERICSERV);
	must(rc == 0);
	(void)snprintf(l->net->address, sizeof l->net->address,
	    bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static enum rc
bind_to(struct listener *l, const struct addrinfo *a, struct why *why)
{
	int one = 1;

	l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return why_set(why, RC_IO, "listen", NULL, 0, "socket: %s", strerror(errno));
	(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (a->ai_family == AF_INET6)
		(void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(l->fd, a->ai_addr, a->ai_addrlen) != 0 || listen(l->fd, BACKLOG) != 0)
		return why_set(why, RC_IO, "listen", NULL, 0, "%.80s: %s", l->net->options.listen,
		    strerror(errno));
	return RC_OK;
}

enum rc
listener_open(struct listener **out, struct net *n, struct why *why)
{
	struct addrinfo *a = NULL;
	struct listener *l = calloc(1, sizeof *l);
	enum rc rc;

	*out = NULL;
	if (l == NULL)
		return why_set(why, RC_NO_MEMORY, "listen", NULL, 0, "out of memory");
	l->net = n;
	l->fd = l->reserve = -1;
	random_bytes(&l->salt, sizeof l->salt);
	if ((rc = resolve_allowed(&n->options, &a, why)) != RC_OK)
		goto out;
	if ((rc = bind_to(l, a, why)) != RC_OK)
		goto out;
	keep_address(l);
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	event_assign(&l->accept_event, n->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
	event_assign(&l->pause_event, n->base, -1, 0, on_pause_over, l);
	*out = l;
	l = NULL;

out:
	if (a != NULL)
		freeaddrinfo(a);
	if (l != NULL && l->fd >= 0)
		close(l->fd);
	free(l);
	return rc;
}

void
listener_close(struct listener *l)
{
	if (l == NULL)
		return;
	event_del(&l->accept_event);
	event_del(&l->pause_event);
	close(l->fd);
	if (l->reserve >= 0)
		close(l->reserve);
	for (size_t i = 0; i < PEER_BUCKETS; i++)
		while (l->peers[i] != NULL) {
			struct peer *next = l->peers[i]->next;

			free(l->peers[i]);
			l->peers[i] = next;
		}
	free(l);
}

void
listener_stop(struct listener *l)
{
	l->started = false;
	set_accepting(l, false);
	event_del(&l->pause_event);
	/* The port is given up at once: a caller is told now, not after the drain. */
	(void)shutdown(l->fd, SHUT_RDWR);
}
