/*
 * blocking.h - what stream.c needs of the blocking client.  Private to client/.
 */
#ifndef CLIENT_BLOCKING_H
#define CLIENT_BLOCKING_H

#include "core.h"

#define CALL_MS 30000
#define RETRIES 3

struct ect_client {
	struct ect_client_options options; /* strings are ours */
	struct ect_core *core;		   /* NULL: never connected */
	uint64_t generation; /* counts connections, so that a stream sees when its own is gone */
	/* the unary call under way */
	uint32_t call;
	bool done;
	struct ect_status ended;
	uint8_t *answer;
	size_t answer_size;
	/* the stream, if one is open */
	struct ect_stream *stream;
	struct ect_watch *watch; /* and the watch */
};

/* Is there a connection that can take calls? */
bool client_usable(const struct ect_client *c);
/* A new connection, ready; the old one is dropped. */
int client_connect(struct ect_client *c, struct ect_status *status);
/* Sleep before attempt 'n' (from 1): 0.1, 0.3, 0.9... s, a quarter more or less, and no less than
 * 'at_least_ms'.  A signal ends it early. */
void client_backoff(unsigned n, uint64_t at_least_ms);
/* Codes that say "not now": the same bytes may be sent again, and soon enough to wait for. */
bool client_transient(const struct ect_status *status);
/* Is 'fd' readable, or becomes so in time? */
bool client_readable(int fd, int timeout_ms);

/* stream.c: what the core said about the stream's call. */
uint32_t stream_call(const struct ect_stream *s);
void stream_message(struct ect_stream *s, const uint8_t *message, size_t size);
void stream_ended(struct ect_stream *s, const struct ect_status *status);

/* watch.c: the same for the watch's call. */
uint32_t watch_call(const struct ect_watch *w);
void watch_message(struct ect_watch *w, const uint8_t *message, size_t size);
void watch_ended(struct ect_watch *w, const struct ect_status *status);

#endif
