/*
 * ectledger/client.h - talk to an ectledger: blocking calls, or a non-blocking core for your own
 * loop.
 *
 * Functions give 0, or -1 with a struct ect_status that says what went wrong.  Nothing here is
 * thread-safe per object; use one client per thread.  Messages are the protobuf-c structs of
 * ectledger/ledger.pb-c.h (package ectledger.v1); free answers with
 * protobuf_c_message_free_unpacked.  No function raises SIGPIPE.
 */
#ifndef ECTLEDGER_CLIENT_H
#define ECTLEDGER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ect_client;
struct ect_core;

struct ect_client_options {
	const char *server;        /* "HOST:PORT" */
	const char *log;           /* NULL: "default" */
	bool insecure_loopback;    /* plaintext; loopback addresses only */
	const char *cert, *key, *ca; /* PEM files, for TLS */
	unsigned connect_ms, call_ms; /* 0: 5,000 and 30,000 */
	unsigned retries;          /* reconnects of an idempotent call; appends are idempotent too.  0: 3 */
};
/* "Not now" (busy, over_quota with a time) is repeated like a lost connection, after the time that the
 * server names; at most this long, else it is told at once. */
#define ECT_RETRY_AFTER_MAX_MS 60000

/* What went wrong, for ectl's exit codes. */
enum ect_outcome {
	ECT_OK = 0,
	ECT_USAGE = 2,             /* the options cannot work: no HOST:PORT, an unreadable file, plaintext to another machine */
	ECT_UNREACHABLE = 3,       /* no connection, or a time-out */
	ECT_REFUSED = 4,           /* the server said no to the call: see status, code, text */
	ECT_PROTOCOL = 5,          /* the peer broke the protocol, or out of memory */
	ECT_NOT_FOUND = 1
};
struct ect_status {
	enum ect_outcome outcome;
	uint32_t grpc_status, code;
	uint64_t retry_after_ms;   /* of a refusal: not before; 0: not said */
	char text[256];
};

/* ---- blocking ---- */

int ect_client_open(struct ect_client **out, const struct ect_client_options *options, struct ect_status *status);
void ect_client_close(struct ect_client *c);
/* One unary call: request bytes in, answer bytes out (malloc'd; free()).  Reconnects and repeats as 'retries' says.  0 when status->outcome is ECT_OK. */
int ect_client_call(struct ect_client *c, const char *method, const void *request, size_t request_size,
    uint8_t **answer, size_t *answer_size, struct ect_status *status);
/* The same with protobuf-c's structs: ect_client_ask(c, "/ectledger.v1.Query/Search", &request.base,
 * &ectledger__v1__search_reply__descriptor, &answer, &status).  Free the answer with
 * protobuf_c_message_free_unpacked(answer, NULL). */
struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;
int ect_client_ask(struct ect_client *c, const char *method, const struct ProtobufCMessage *request,
    const struct ProtobufCMessageDescriptor *answer_type, struct ProtobufCMessage **answer, struct ect_status *status);

/* An append stream: send tokens, get one answer per token in any order.  After a lost connection it reconnects and sends again what was not answered. */
struct ect_stream;
/* 'answer' is called with the token's number (count from 0) and the AppendAnswer's protobuf bytes. */
int ect_stream_open(struct ect_client *c, bool no_receipt, struct ect_stream **out,
    void (*answer)(void *ctx, uint64_t number, const uint8_t *answer, size_t size), void *ctx, struct ect_status *status);
/* The same with what else an append can say. */
struct ect_append_options {
	bool no_receipt;
	bool once;                /* "not now" is an answer: do not send such tokens again */
	bool wait;                /* wait_ms is set */
	uint32_t wait_ms;         /* how long tokens may wait for their predecessors, at most the log's own limit */
	const char *const *wits;  /* Workload Identity Tokens for the tokens' issuers, compact JWS; at most 16, of 4,096 bytes */
	size_t wit_count;
};
int ect_stream_open_with(struct ect_client *c, const struct ect_append_options *options, struct ect_stream **out,
    void (*answer)(void *ctx, uint64_t number, const uint8_t *answer, size_t size), void *ctx, struct ect_status *status);
/* A token that the server puts off (busy, over_quota) is sent again after the time it names, and so are
 * tokens refused for a predecessor that may be among those; the answer is the last one.  That ends when
 * 'retries' rounds in a row got nothing accepted.  At most ECT_WINDOW tokens are without an answer. */
#define ECT_WINDOW 16384
/* Queue a token (copied, at most ECT_TOKEN_MAX bytes).  Tokens travel in batches: a lone one goes
 * at once, others when a batch is full or an answer came.  May block while the window is full,
 * handling answers meanwhile. */
#define ECT_TOKEN_MAX 64000
int ect_stream_send(struct ect_stream *s, const void *token, size_t size, struct ect_status *status);
/* Send what is queued now, without waiting for more. */
int ect_stream_flush(struct ect_stream *s, struct ect_status *status);
/* Handle answers until something happened, 'fd' (unless -1) is readable or 'timeout_ms' (-1: none) passed.  1: 'fd' is readable; 0: not; -1: it is over. */
int ect_stream_wait(struct ect_stream *s, int fd, int timeout_ms, struct ect_status *status);
/* Tokens that have no answer yet. */
size_t ect_stream_unanswered(const struct ect_stream *s);
/* Wait for all answers, close the stream. */
int ect_stream_finish(struct ect_stream *s, struct ect_status *status);
void ect_stream_free(struct ect_stream *s);
/* None of these may be called from 'answer'.  After -1 the stream is over: no more answers will come. */

/* ---- watching ---- */

/*
 * Entries as they are committed, from index 'from' on, in pages.  A lost connection is made again and
 * the watch goes on where it was: no gap, no repeat.  'filter' (may be empty): a packed SearchRequest.
 * One watch a client; its unary calls and its append stream go on beside it.
 */
struct ect_watch;
int ect_watch_open(struct ect_client *c, uint64_t from, const void *filter, size_t filter_size,
    struct ect_watch **out, struct ect_status *status);
/* The next page, a WatchReply's bytes, valid until the next call; it may hold no entries (a sign of life).
 * 1: a page; 0: 'fd' (unless -1) is readable, 'timeout_ms' (-1: none) passed, or a signal came; -1: it is over. */
int ect_watch_next(struct ect_watch *w, int fd, int timeout_ms, const uint8_t **page, size_t *size, struct ect_status *status);
/* Where another watch goes on: everything before it was in the pages given so far. */
uint64_t ect_watch_position(const struct ect_watch *w);
void ect_watch_free(struct ect_watch *w); /* NULL is fine */

/* ---- the non-blocking core: bytes of frames in and out, no socket calls of its own but connect/read/write on one descriptor ---- */

struct ect_core_callbacks {     /* may begin, send, end and cancel calls, not close the core; any may be NULL */
	void (*message)(void *ctx, uint32_t call, const uint8_t *message, size_t size);
	void (*end)(void *ctx, uint32_t call, const struct ect_status *status);
	void (*ready)(void *ctx);              /* connected and, with TLS, authenticated */
	void (*closed)(void *ctx, const struct ect_status *status); /* once, the last of all; calls under way are over without 'end' */
	void *ctx;
};
int ect_core_open(struct ect_core **out, const struct ect_client_options *options,
    const struct ect_core_callbacks *callbacks, struct ect_status *status);
void ect_core_close(struct ect_core *core);
int ect_core_fd(const struct ect_core *core); /* another one while connecting, when the next address is tried */
bool ect_core_want_read(const struct ect_core *core);
bool ect_core_want_write(const struct ect_core *core);
int ect_core_timeout_ms(const struct ect_core *core); /* -1: none */
/* Call when the descriptor is ready or the time-out passed.  0, or -1 when the connection is over. */
int ect_core_step(struct ect_core *core);
/* Begin a call; 0 when there is no room now (too many calls), the message is over 1 MiB or the
 * server is draining.  Possible before 'ready'.  'stream': more messages follow with ect_core_send,
 * 64 in all before the server grants more. */
uint32_t ect_core_begin(struct ect_core *core, const char *method, unsigned deadline_ms,
    const void *message, size_t size, bool stream);
/* False: no credit yet. */
bool ect_core_send(struct ect_core *core, uint32_t call, const void *message, size_t size);
void ect_core_end(struct ect_core *core, uint32_t call);
/* 'n' further answers may come on this call; before the first grant any number may. */
void ect_core_grant(struct ect_core *core, uint32_t call, uint32_t n);
void ect_core_cancel(struct ect_core *core, uint32_t call); /* no callback for this call any more */
bool ect_core_draining(const struct ect_core *core);        /* the server takes no new calls here: open another connection */
size_t ect_core_queued(const struct ect_core *core); /* bytes not yet written */

/* ---- offline verification: ectledger/verify.h ---- */

#ifdef __cplusplus
}
#endif
#endif
