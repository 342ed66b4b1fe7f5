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
};

/* Is there a connection that can take calls? */
bool client_usable(const struct ect_client *c);
/* A new connection, ready; the old one is dropped. */
int client_connect(struct ect_client *c, struct ect_status *status);
/* Sleep before attempt 'n' (from 1): 0.1, 0.3, 0.9... s, a quarter more or less. */
void client_backoff(unsigned n);
/* Codes that say "not now": the same bytes may be sent again. */
bool client_transient(const struct ect_status *status);

/* stream.c: what the core said about the stream's call. */
uint32_t stream_call(const struct ect_stream *s);
void stream_message(struct ect_stream *s, const uint8_t *message, size_t size);
void stream_ended(struct ect_stream *s, const struct ect_status *status);

#endif
