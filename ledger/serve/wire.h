/*
 * wire.h - strict protobuf at the door: what docs/WIRE.md calls "strict messages".
 *
 * protobuf-c is lenient (unknown fields are kept, a doubled field wins or merges, strings may hold
 * NUL or bad UTF-8) and allocates as the sender likes.  Here a message is walked before it is
 * unpacked, and its memory comes from the call's arena.
 */
#ifndef SERVE_WIRE_H
#define SERVE_WIRE_H

#include "base/arena.h"
#include "base/rc.h"
#include "proto/ledger.pb-c.h"

/* ---- a reader of views, for the two messages on the hot path ---- */

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
struct wire_field {
	unsigned number;
	enum wire_type type;
	uint64_t value;     /* varint */
	struct bytes bytes; /* WIRE_BYTES: a view */
};
/* The next field at '*at'; false at the end or at anything malformed (then *at < message.n). */
bool wire_next(struct bytes message, size_t *at, struct wire_field *out);

/* ---- any message ---- */

/* Does the message keep the strict rules of its descriptor?  RC_BAD_REQUEST with the rule. */
enum rc wire_check(
    const ProtobufCMessageDescriptor *type, struct bytes message, size_t fields_max, struct why *why);
/* wire_check, then unpack into the arena.  RC_BAD_REQUEST, RC_NO_MEMORY. */
enum rc wire_unpack(const ProtobufCMessageDescriptor *type, struct bytes message, struct arena *arena,
    const ProtobufCMessage **out, struct why *why);
/* Pack into the arena.  RC_TOO_LARGE when the arena has no room. */
enum rc wire_pack(const ProtobufCMessage *message, struct arena *arena, struct bytes *out);

#endif
