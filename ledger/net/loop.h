/*
 * loop.h - private to net/: the loop's shared state and the connections on it.  Everything belongs
 * to the loop thread but 'stop' and the eventfd.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "net/net.h"
#include "net/session.h"
#include "net/tls.h"

#define NET_SCRATCH       (64 * 1024)
#define NET_KEPT_MAX      ((size_t)512 * 1024 * 1024) /* bytes kept for all clients: above it, who has more than its share is cut off */

#define NET_HELD_TIMES    4 /* out_max: answers that wait for the client's credit */

struct listener;
struct conn;

struct net {
	struct net_options options;
	struct event_base *base;
	struct clock clock;
	struct serve *serve;
	struct listener *listener;
	struct tls_context *tls;
	struct event wake_event, sweep_event, due_event;
	int wake_fd;
	_Atomic bool stop;
	bool draining;
	int64_t drain_until_us, tick_us;
	void (*tick)(void *ctx);
	void *tick_ctx;
	struct conn *conns;          /* all */
	struct conn *dirty;          /* have answers to write at the end of this turn */
	TAILQ_HEAD(, conn) stalled;  /* in the order in which they began to wait */
	size_t conn_count, handshake_count, stalled_count;
	uint64_t conn_number;        /* of the newest */
	size_t kept_bytes;           /* of all connections: input, output, answers held */
	char address[64];
	uint8_t scratch[NET_SCRATCH];
	struct metric *accepted, *refused, *handshakes_failed, *frames_in, *answers_out, *bytes_in,
	    *bytes_out, *breaches, *timeouts, *open, *stalls;
};

/* ---- conn.c ---- */

enum conn_state {
	CONN_HANDSHAKE, /* TLS is being agreed; not on plaintext */
	CONN_OPEN,
	CONN_CLOSING,   /* last words are being written; nothing is read */
	CONN_LINGER     /* they are written; what comes is thrown away, so that a reset does not overtake them */
};

struct conn {
	struct net *net;
	int fd;
	uint64_t number;             /* of all that this door ever took */
	uint64_t failed;             /* signatures that did not verify */
	enum conn_state state;
	struct tls *tls;             /* NULL: plaintext */
	struct session session;
	struct event read_event, write_event;
	bool reading, writing;       /* events are added */
	bool tls_wants_write;        /* the handshake or a read waits for room to write */
	/* input is there but waits: a slot, the client's reading, requests in flight */
	bool stalled;
	bool eof;                    /* the client has said all that it will */
	bool is_dirty;
	bool framed;                 /* a whole frame has come */
	/* CLOSING goes on to LINGER: the client was not expecting it */
	bool lingers;
	bool dead;                   /* to be freed at the end of this turn */
	struct buf in;               /* the start of a frame that is not whole, or what waits */
	size_t in_at;
	struct buf out;
	size_t out_at;
	size_t kept;                 /* our part of the net's kept_bytes */
	size_t wrote;                /* since write_us */
	int64_t drain_us;            /* since when it is told to go; 0: it is not */
	/* frame_us: since when a frame is incomplete; 0: none */
	int64_t begun_us, active_us, frame_us, write_us;
	struct in6_addr peer;
	struct conn *next, **link;   /* all connections */
	struct conn *next_dirty;
	TAILQ_ENTRY(conn) in_stalled;
};

/* Take over an accepted descriptor.  False: closed, out of memory. */
bool conn_new(struct net *n, int fd, const struct in6_addr *peer);
/* True: the answer's call is kept, and given back to serve later (an answer with 'more'). */
bool conn_answer(struct conn *c, const struct call_answer *answer);
void conn_follow(struct conn *c);  /* go on with what waits for room or credit */
void conn_resume(struct conn *c);  /* slots are free again: look at what waits */
void conn_flush(struct conn *c);
void conn_drain(struct conn *c);   /* say so, and close when nothing is in flight */
void conn_sweep(struct conn *c, int64_t now_us); /* time limits */
void conn_kill(struct conn *c);    /* now, without words */
/* Say why, write it if the client listens, and go. */
void conn_end(struct conn *c, enum rc rc, const struct why *why);

/* Between conn.c and conn_frames.c. */
int64_t conn_now_us(const struct conn *c);
void conn_take(struct conn *c, struct bytes data); /* bytes have come */
/* the session wrote to 'out', which had 'before' bytes */
void conn_wrote(struct conn *c, size_t before);
size_t conn_queued(const struct conn *c);
void conn_count(struct conn *c);   /* its buffers have changed */
bool conn_over_share(const struct conn *c); /* memory is short, and this one has much of it */
void conn_mark_dirty(struct conn *c);
void conn_drop_paused(struct conn *c, uint32_t call); /* 0: of all calls */
void conn_end_follows(struct conn *c); /* nothing more for calls that go on by themselves */
void conn_set_stalled(struct conn *c, bool on);
void conn_set_reading(struct conn *c, bool on);
void conn_free(struct conn *c);    /* net_flush() only */
void net_flush(struct net *n);     /* write what this turn produced, free what died */

/* ---- listener.c ---- */

/* Is it an address that may be listened on?  Binds nothing. */
enum rc listener_check(const struct net_options *o, struct why *why);
enum rc listener_open(struct listener **out, struct net *n, struct why *why);
void listener_start(struct listener *l);
void listener_stop(struct listener *l);
void listener_forget(struct listener *l, const struct in6_addr *peer); /* a connection closed */
void listener_close(struct listener *l); /* NULL is fine */

#endif
