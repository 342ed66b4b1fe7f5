/*
 * call.h - what the query verbs share: a call to the server, how tasks are named, how ids and
 * hashes are shown.
 */
#ifndef ECTL_CALL_H
#define ECTL_CALL_H

#include <protobuf-c/protobuf-c.h>

#include "base/text.h"
#include "ectl.h"
#include "proto/ledger.pb-c.h"

/* Connect, call, unpack.  0 or an exit code, message printed; free the answer with protobuf_c_message_free_unpacked(answer, NULL). */
int call_server(const struct globals *g, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *type, ProtobufCMessage **answer);

/* The same on an open client. */
int call_on(struct ect_client *client, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *type, ProtobufCMessage **answer);

/* Seconds since 1970, RFC 3339 (or its date alone: midnight UTC), or so long ago: "90s", "10m", "2h",
 * "3d".  False: message printed, EXIT_USAGE. */
bool time_read(const char *text, const char *what, int64_t *ms);

/* How people name a task: JTI, or JTI --wid UUID, or JTI --wid none. */
#define OPTION_WID                                                                                 \
	{                                                                                          \
		"--wid", "UUID",                                                                   \
		    "the task's workflow; \"none\": the tasks of no workflow (default: look in "   \
		    "all)",                                                                        \
		    false                                                                          \
	}
struct task_id {
	uint8_t jti[UUID_SIZE], wid[UUID_SIZE];
	bool has_wid, any_wid;
};
bool task_id_read(const struct args *a, const char *jti,
    struct task_id *out); /* false: EXIT_USAGE, message printed */
ProtobufCBinaryData task_id_jti(const struct task_id *id);
ProtobufCBinaryData task_id_wid(const struct task_id *id); /* empty: none */

/* JSON values from what travels; null when it is empty. */
json_t *show_uuid(ProtobufCBinaryData id);
json_t *show_hex(ProtobufCBinaryData hash);
json_t *show_b64url(ProtobufCBinaryData hash);
json_t *show_b64(ProtobufCBinaryData bytes);
json_t *show_text(const char *text); /* never NULL for want of UTF-8: bad text becomes null */
json_t *show_time_ms(int64_t ms);    /* RFC 3339, UTC */
/* "a"[n] members "path": 32-byte hashes, joined -> list of hex. */
json_t *show_path(ProtobufCBinaryData path);

/* The wire's receipt as seal knows it; views into 'w' and 'entry', which is filled with the whole
 * entry (the head joined with 'token' where the receipt carries the head only).  False: the entry's
 * hash is not the receipt's leaf, or the form is wrong. */
struct receipt;
struct buf;
bool receipt_from_wire(const Ectledger__V1__Receipt *w, const void *token, size_t size,
    struct buf *entry, struct receipt *out);

/*
 * Any message as JSON, by its descriptor; all members are there, in the order of their numbers.
 *   bool, numbers      as they are; "score_e6": 520000 becomes "score": 0.52; "x_index" of 2^64-1 becomes null
 *   string             text, empty: null; "x_json" becomes "x" with the JSON in it
 *   bytes              16 bytes in jti, wid, x_jti, x_wid: UUID text; leaf_hash, root, x_root: hex; else base64url; empty: null;
 *                      "x_json" as for strings
 *   message, repeated  object (absent: null), array
 * NULL: no memory.  show_message() prints it and frees the message; 'code' is passed through when it is not 0.
 */
json_t *message_json(const ProtobufCMessage *message);
int show_message(const struct globals *g, ProtobufCMessage *message, int code);

/* A table that grows row by row; cells are copied. */
struct table {
	size_t columns, count, room;
	char **cells;
	bool bad; /* out of memory: seen at table_print */
};
void table_init(struct table *t, size_t columns);
void table_add(struct table *t, const char *cell);
void table_add_u64(struct table *t, uint64_t v);
void table_add_uuid(struct table *t, ProtobufCBinaryData id); /* "-" when empty */
int table_print(struct table *t);			      /* and free; 0 or an exit code */
void table_free(struct table *t); /* without printing; an empty table is fine */

#endif
