/*
 * wire.h - the few protobuf bytes that are on the hot path: an AppendRequest written and an
 * AppendReply walked without copies.  Private to client/.
 */
#ifndef CLIENT_WIRE_H
#define CLIENT_WIRE_H

#include "base/bytes.h"

/* A place in a message. */
struct wire {
	const uint8_t *p;
	size_t n;
};
struct wire_field {
	uint32_t number;
	unsigned type;	/* 0 varint, 1 fixed64, 2 bytes, 5 fixed32 */
	uint64_t value; /* varint */
	struct bytes bytes;
};

/* The next field.  False at the end or, with *bad, at the first malformed byte. */
bool wire_next(struct wire *w, struct wire_field *f, bool *bad);

void wire_put_token(struct buf *b, const void *token, size_t size); /* AppendRequest.tokens */
/* Any field, for messages that are made rarely. */
void wire_put_bytes(struct buf *b, uint32_t field, const void *p, size_t size);
void wire_put_u64(struct buf *b, uint32_t field, uint64_t value);

/* What the stream must know of an AppendAnswer. */
struct wire_answer {
	uint64_t number;
	bool refused;
	uint64_t code; /* of the refusal */
	uint64_t retry_after_ms;
};
bool wire_answer(struct bytes answer, struct wire_answer *out); /* false: malformed */

#endif
