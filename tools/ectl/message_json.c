/*
 * message_json.c - one printer for all answers: the wire's schema is the JSON's.
 */
#include <stdlib.h>
#include <string.h>

#include "call.h"

#define DEPTH_MAX 16 /* the schema has no recursive messages */

static json_t *message_at(const ProtobufCMessage *message, unsigned depth);

/* Does 'name' end in 'end' (or is it that, without the underscore)? */
static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return (n > m && strcmp(name + n - m, end) == 0) || strcmp(name, end + 1) == 0;
}

static json_t *
embedded(const char *text, size_t n)
{
	json_t *value = n == 0 ? NULL : json_loadb(text, n, JSON_DECODE_ANY, NULL);

	return value != NULL ? value : json_null();
}

static json_t *
bytes_value(const char *name, const ProtobufCBinaryData *b)
{
	if (ends_in(name, "_json"))
		return embedded((const char *)b->data, b->len);
	if (b->len == UUID_SIZE && (ends_in(name, "_jti") || ends_in(name, "_wid")))
		return show_uuid(*b);
	if (strcmp(name, "leaf_hash") == 0 || ends_in(name, "_root"))
		return show_hex(*b);
	return show_b64url(*b);
}

static json_t *
string_value(const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return json_null();
	return ends_in(name, "_json") ? embedded(text, strlen(text)) : show_text(text);
}

static json_t *
whole_value(const char *name, int64_t v)
{
	if (ends_in(name, "_e6"))
		return json_real((double)v / 1e6);
	if (ends_in(name, "_index") && v == -1)
		return json_null();
	return json_integer(v);
}

static json_t *
value_at(const ProtobufCFieldDescriptor *f, const void *at, unsigned depth)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		return whole_value(f->name, *(const int32_t *)at);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return whole_value(f->name, *(const uint32_t *)at);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return whole_value(f->name, *(const int64_t *)at);
	case PROTOBUF_C_TYPE_FLOAT:
		return json_real((double)*(const float *)at);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_real(*(const double *)at);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_STRING:
		return string_value(f->name, *(char *const *)at);
	case PROTOBUF_C_TYPE_BYTES:
		return bytes_value(f->name, at);
	case PROTOBUF_C_TYPE_MESSAGE:
		return message_at(*(ProtobufCMessage *const *)at, depth + 1);
	}
	return json_null();
}

static size_t
size_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

static json_t *
list_at(const ProtobufCFieldDescriptor *f, const char *message, unsigned depth)
{
	size_t count = *(const size_t *)(const void *)(message + f->quantifier_offset);
	const char *items = *(const char *const *)(const void *)(message + f->offset);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(list, value_at(f, items + i * size_of(f->type), depth)) !=
		    0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* The JSON member's name: without what only says how it is written. */
static char *
member_name(const char *name)
{
	static const char *const ends[] = {"_e6", "_json"};
	char *out = strdup(name);

	for (size_t i = 0; out != NULL && i < 2; i++)
		if (ends_in(name, ends[i]) && strlen(name) > strlen(ends[i]))
			out[strlen(name) - strlen(ends[i])] = '\0';
	return out;
}

static json_t *
message_at(const ProtobufCMessage *message, unsigned depth)
{
	json_t *object;

	if (message == NULL || depth > DEPTH_MAX)
		return json_null();
	object = json_object();
	for (unsigned i = 0; object != NULL && i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];
		const char *at = (const char *)message + f->offset;
		json_t *value = f->label == PROTOBUF_C_LABEL_REPEATED
				    ? list_at(f, (const char *)message, depth)
				    : value_at(f, at, depth);
		char *name = member_name(f->name);

		if (name == NULL || json_object_set_new(object, name, value) != 0) {
			json_decref(object);
			object = NULL;
		}
		free(name);
	}
	return object;
}

json_t *
message_json(const ProtobufCMessage *message)
{
	return message_at(message, 0);
}

int
show_message(const struct globals *g, ProtobufCMessage *message, int code)
{
	if (code == 0)
		print_json(g, message_json(message));
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
	return code;
}
