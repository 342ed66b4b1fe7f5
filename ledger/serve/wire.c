/*
 * wire.c - strict protobuf: see wire.h.
 *
 * Invariant: nothing here reads past the message, and nothing is allocated outside the arena.
 */
#include "serve/wire.h"

#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "proto/frame.h"

/* of a request other than Append: no request has more than ten fields */
#define WIRE_FIELDS_MAX                                                                            \
	64

static bool
read_varint(struct bytes m, size_t *at, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = *at;

	for (unsigned shift = 0; shift < 70 && i < m.n; shift += 7) {
		uint8_t b = m.p[i++];

		if (shift == 63 && b > 1)
			return false;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*out = v;
			*at = i;
			return true;
		}
	}
	return false;
}

static bool
read_value(struct bytes m, size_t *at, struct wire_field *out)
{
	size_t size;

	switch (out->type) {
	case WIRE_VARINT:
		return read_varint(m, at, &out->value);
	case WIRE_BYTES:
		if (!read_varint(m, at, &out->value) || out->value > m.n - *at)
			return false;
		out->bytes = bytes_of(m.p + *at, (size_t)out->value);
		*at += (size_t)out->value;
		return true;
	case WIRE_FIXED64:
	case WIRE_FIXED32:
		size = out->type == WIRE_FIXED64 ? 8 : 4;
		if (size > m.n - *at)
			return false;
		out->bytes = bytes_of(m.p + *at, size);
		*at += size;
		return true;
	}
	return false;
}

bool
wire_next(struct bytes message, size_t *at, struct wire_field *out)
{
	uint64_t key;
	size_t i = *at;

	must(i <= message.n);
	*out = (struct wire_field){0};
	if (i == message.n || !read_varint(message, &i, &key) || key >> 3 == 0 || key >> 32 != 0)
		return false;
	out->number = (unsigned)(key >> 3);
	out->type = (enum wire_type)(key & 7);
	if (!read_value(message, &i, out))
		return false;
	*at = i;
	return true;
}

static enum wire_type
type_of(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_BYTES;
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_FIXED64;
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_FIXED32;
	default:
		return WIRE_VARINT;
	}
}

/* Wire types and strings; frame_scan has judged the rest. */
static enum rc
check_fields(const ProtobufCMessageDescriptor *type, struct bytes message, struct why *why)
{
	struct wire_field f;
	size_t at = 0, start = 0;

	while (wire_next(message, &at, &f)) {
		const ProtobufCFieldDescriptor *d =
		    protobuf_c_message_descriptor_get_field(type, f.number);

		if (d == NULL || type_of(d) != f.type)
			return why_set(why, RC_BAD_REQUEST, "WIRE strict messages (field type)",
			    NULL, start, "field %u has the wrong type", f.number);
		if (d->type == PROTOBUF_C_TYPE_STRING &&
		    (!utf8_ok(f.bytes) || (f.bytes.n > 0 && memchr(f.bytes.p, 0, f.bytes.n))))
			return why_set(why, RC_BAD_REQUEST, "WIRE strict messages (strings)", NULL,
			    start, "field %u is not UTF-8 without NUL", f.number);
		start = at;
	}
	if (at != message.n)
		return why_set(why, RC_BAD_REQUEST, "WIRE strict messages (form)", NULL, at,
		    "the message is malformed");
	return RC_OK;
}

enum rc
wire_check(const ProtobufCMessageDescriptor *type, struct bytes message, size_t fields_max,
    struct why *why)
{
	uint64_t known = 0, repeated = 0;
	size_t bad;

	for (unsigned i = 0; i < type->n_fields; i++) {
		must(type->fields[i].id < 64);
		known |= UINT64_C(1) << type->fields[i].id;
		if (type->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
			repeated |= UINT64_C(1) << type->fields[i].id;
	}
	bad = frame_scan(message.p, message.n, known, repeated, fields_max);
	if (bad != 0)
		return why_set(why, RC_BAD_REQUEST, "WIRE strict messages", NULL, bad - 1,
		    "a field is unknown, doubled, malformed or one too many");
	return check_fields(type, message, why);
}

static void *
arena_alloc_pb(void *ctx, size_t size)
{
	return arena_alloc(ctx, size);
}

static void
arena_free_pb(void *ctx, void *p)
{
	(void)ctx; /* the arena is reset as a whole */
	(void)p;
}

enum rc
wire_unpack(const ProtobufCMessageDescriptor *type, struct bytes message, struct arena *arena,
    const ProtobufCMessage **out, struct why *why)
{
	ProtobufCAllocator allocator = {arena_alloc_pb, arena_free_pb, arena};
	static const uint8_t nothing[1];
	enum rc rc;

	*out = NULL;
	if ((rc = wire_check(type, message, WIRE_FIELDS_MAX, why)) != RC_OK)
		return rc;
	*out = protobuf_c_message_unpack(
	    type, &allocator, message.n, message.n > 0 ? message.p : nothing);
	if (*out == NULL)
		return why_set(why, RC_BAD_REQUEST, "WIRE strict messages (form)", NULL, 0,
		    "the request cannot be unpacked");
	return RC_OK;
}

enum rc
wire_pack(const ProtobufCMessage *message, struct arena *arena, struct bytes *out)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *p = arena_alloc(arena, size);

	*out = BYTES_NONE;
	if (p == NULL)
		return RC_TOO_LARGE;
	size_t packed = protobuf_c_message_pack(message, p);
	must(packed == size);
	*out = bytes_of(p, size);
	return RC_OK;
}
