/*
 * session.h - private to net/: the conversation on one connection, without its bytes.
 *
 * Pure: frames in, steps and answer frames out; no socket, no clock, no serve.  docs/WIRE.md is the
 * contract.
 */
#ifndef NET_SESSION_H
#define NET_SESSION_H

#include "base/bytes.h"
#include "base/rc.h"

struct call; /* serve's; kept here, never looked into */

#define SESSION_METHOD_MAX 96
#define SESSION_LOG_MAX	   64

struct session_limits {
	unsigned calls_max;     /* open calls, and requests in flight, of this connection */
	/* messages a client may send on a stream before the first is answered */
	unsigned stream_credit;
	/* further ones, granted by a frame of their own when a stream opens */
	unsigned stream_more;
};

struct session_call {
	uint32_t id;
	bool stream;
	bool ended;             /* the client has ended its side */
	bool limited;           /* the client limits the answers */
	uint32_t answers;       /* further answers allowed, when limited */
	uint32_t credit;        /* further messages the client may send */
	unsigned in_flight;     /* requests that serve has */
	uint64_t tokens;        /* seen on the stream */
	unsigned deadline_ms;
	char *names;            /* streams: method NUL log NUL */
	struct buf held;        /* answers that wait for credit: u32 size, frame */
	size_t held_at;
	bool follows;           /* one request, many answers: it goes on until somebody ends it */
	struct call *paused;    /* what serve goes on with when the client may get more; or NULL */
};

struct session {
	struct session_limits limits;
	struct session_call *calls; /* ascending id */
	size_t call_count, call_room;
	uint32_t last_call;
	unsigned in_flight;     /* requests that serve has, of all calls */
	size_t held_bytes;
	size_t paused_count, follow_count; /* calls that follow; those of them that are paused */
	bool draining;          /* the client has been told */
};

void session_init(struct session *s, const struct session_limits *limits);
void session_release(struct session *s);
void session_rest(struct session *s); /* give back memory that no call needs now */

/* What a frame asks for.  Nothing has changed in the session yet: a frame that must wait for a slot
 * is simply read again. */
struct session_step {
	uint32_t call;
	bool nothing;           /* a late frame of a call that is over: ignore it */
	bool opens;             /* the first frame of a call */
	bool stream;
	bool cancel, end, has_message;
	bool in_flight;         /* serve has requests of the call: to be told if it ends now */
	enum rc refuse;         /* of the call, not the connection: answer it with this */
	struct why why;
	uint64_t retry_after_ms; /* of the refusal; 0: the code's own */
	/* of the call, also on later frames; static, of the session, or in 'room' */
	const char *method;
	struct bytes log;
	unsigned deadline_ms;
	struct bytes message;   /* a view into the frame */
	uint32_t credit;
	uint64_t tokens;        /* of the stream before this message; serve moves it on */
	char room[SESSION_METHOD_MAX];
};
/* RC_OK, or RC_BAD_FRAME: a breach that ends the connection.  'is_stream' says whether a method
 * streams (RC_UNIMPLEMENTED: unknown). */
enum rc session_read(const struct session *s, struct bytes frame,
    enum rc (*is_stream)(const char *method, bool *stream), struct session_step *out, struct why *why);
/* The frame is done: serve has its message (begun), or it had none, or it was refused.  Answer
 * frames go to 'out'. */
enum rc session_apply(
    struct session *s, const struct session_step *step, bool begun, struct buf *out);

/* An answer of serve.  'over': the call has ended and serve should drop what else it has of it. */
void session_answer(struct session *s, uint32_t call, enum rc rc, const struct why *why,
    struct bytes message, struct buf *out, bool *over);
/* The same for an answer after which more will come.  False: the call is over, or ends now because
 * the session is draining, and the door still owns 'from'.  True: the session keeps 'from' until
 * session_next(), session_end_follows() or session_unpause() gives it back. */
bool session_answer_more(
    struct session *s, uint32_t call, struct bytes message, struct call *from, struct buf *out);
/* A paused call whose client may get the next answer: gives what it kept.  NULL: none. */
struct call *session_next(struct session *s);
/* Give back what is kept for this call (0: for any call), which is ending.  NULL: nothing. */
struct call *session_unpause(struct session *s, uint32_t call);
/* End one call that goes on by itself, with RC_UNAVAILABLE; its id, 0: there is none.  '*kept' is
 * what was kept for it, or NULL. */
uint32_t session_end_follow(struct session *s, struct call **kept, struct buf *out);
bool session_has_call(const struct session *s, uint32_t call);
/* Tell the client to open no new calls. */
void session_drain(struct session *s, struct buf *out);
/* Draining and nothing in flight: end the streams that are still open. */
void session_end_streams(struct session *s, struct buf *out);
/* The last words on a connection that broke the rules or ran out of time. */
void session_goodbye(enum rc rc, const struct why *why, struct buf *out);

#endif
