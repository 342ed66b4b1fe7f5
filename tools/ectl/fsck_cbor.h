/*
 * fsck_cbor.h - a reader of CBOR for fsck, written apart from base/scbor: definite lengths and
 * shortest heads, nothing else (RFC 8949 4.2.1).
 *
 * One reader, one direction.  After the first thing that is not as expected 'bad' is set, nothing
 * more is read, and 'item' is the offset of what was wrong.
 */
#ifndef ECTL_FSCK_CBOR_H
#define ECTL_FSCK_CBOR_H

#include "fsck.h"

#define CBOR_NULL  0xf6
#define CBOR_DEPTH 24

enum cbor_major {
	CBOR_UINT = 0,
	CBOR_NEGATIVE = 1,
	CBOR_BYTES = 2,
	CBOR_TEXT = 3,
	CBOR_ARRAY = 4,
	CBOR_MAP = 5,
	CBOR_TAG = 6,
	CBOR_SIMPLE = 7
};

struct cbor {
	struct span in;
	size_t at;
	size_t item;	   /* where the item began that was read last */
	const char *field; /* what was being read, for the answer */
	bool bad;
};

void cbor_check(struct cbor *r, bool ok);
bool cbor_end(const struct cbor *r);  /* all was read, and well */
int cbor_major(const struct cbor *r); /* of the next item; -1: none */
/* A head of this major type. */
uint64_t cbor_head(struct cbor *r, enum cbor_major major);
bool cbor_null(struct cbor *r); /* taken when it is there */
/* A byte or text string. */
struct span cbor_string(struct cbor *r, enum cbor_major major);
void cbor_fixed(struct cbor *r, uint8_t *out, size_t n);
/* A whole number of either sign; one that does not fit is bad. */
int64_t cbor_int(struct cbor *r);
/* An array's or map's count: never more than there are bytes left. */
uint64_t cbor_count(struct cbor *r, enum cbor_major major);
/* Any one item; no deeper than CBOR_DEPTH. */
void cbor_skip(struct cbor *r);

#endif
