/*
 * scbor.h - strict deterministic CBOR (RFC 8949 4.2.1) over libcbor's streaming codec; libcbor is
 * included nowhere else.
 *
 * The reader takes one item at a time and refuses: a head that is not the shortest, indefinite
 * lengths, declared lengths over the bytes that are left, floats, tags not asked for, text that is
 * not UTF-8.  It allocates nothing and never recurses.
 */
#ifndef BASE_SCBOR_H
#define BASE_SCBOR_H

#include "base/bytes.h"

struct scbor {
	struct bytes data;
	size_t at;
	bool bad; /* sticky: after any refusal every read gives false */
};

enum scbor_type { SCBOR_UINT, SCBOR_NEGINT, SCBOR_BYTES, SCBOR_TEXT, SCBOR_ARRAY, SCBOR_MAP, SCBOR_TAG, SCBOR_BOOL, SCBOR_NULL, SCBOR_END, SCBOR_BAD };

void scbor_init(struct scbor *r, struct bytes data);
enum scbor_type scbor_peek(struct scbor *r);
bool scbor_uint(struct scbor *r, uint64_t *v);
bool scbor_int(struct scbor *r, int64_t *v); /* either sign, within int64 */
bool scbor_bytes(struct scbor *r, struct bytes *v);
bool scbor_text(struct scbor *r, struct bytes *v);
bool scbor_array(struct scbor *r, size_t *count); /* count <= bytes left */
bool scbor_map(struct scbor *r, size_t *count);   /* pairs; 2*count <= bytes left */
bool scbor_tag(struct scbor *r, uint64_t *tag);
bool scbor_null(struct scbor *r);
bool scbor_bool(struct scbor *r, bool *v);
/* The head of a byte string alone (for entry heads, whose body is elsewhere). */
bool scbor_bytes_head(struct scbor *r, uint64_t *size);
bool scbor_done(const struct scbor *r); /* all read, nothing bad */
/* Skip one whole item, iteratively, at most depth_max (<= 64) arrays and maps deep; its raw bytes
 * ('raw' may be NULL).  Refuses tags inside, and maps whose keys do not ascend bytewise in their
 * encoded form. */
bool scbor_skip(struct scbor *r, unsigned depth_max, struct bytes *raw);
/* The same, with a bound on the items (containers, keys and values all count), and with the limits
 * told apart from wrong bytes.  Whatever is not SCBOR_GOOD makes the reader bad. */
enum scbor_verdict { SCBOR_GOOD, SCBOR_WRONG, SCBOR_TOO_DEEP, SCBOR_TOO_MANY };
enum scbor_verdict scbor_walk(
    struct scbor *r, unsigned depth_max, size_t items_max, struct bytes *raw);

/* The writer: shortest heads. */
void scbor_put_uint(struct buf *b, uint64_t v);
void scbor_put_int(struct buf *b, int64_t v);
void scbor_put_bytes(struct buf *b, struct bytes v);
void scbor_put_bytes_head(struct buf *b, uint64_t size);
void scbor_put_text(struct buf *b, struct bytes v);
void scbor_put_array(struct buf *b, uint64_t count);
void scbor_put_map(struct buf *b, uint64_t count);
void scbor_put_tag(struct buf *b, uint64_t tag);
void scbor_put_null(struct buf *b);

#endif
