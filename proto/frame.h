/*
 * frame.h - gRPC length-prefixed messages on a byte stream: 1 flag byte (0), 4 bytes length
 * big-endian, then the message.  Pure; no library.  Shared by server and client.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD 5
#define FRAME_MAX_DEFAULT (1024 * 1024)

enum frame_result {
	FRAME_OK,      /* *head_and_body bytes make one frame; body at p + FRAME_HEAD */
	FRAME_MORE,    /* not all there yet; *need is the total wanted */
	FRAME_FLAG,    /* flag byte is not 0 (compressed is refused) */
	FRAME_TOO_LONG /* length above max: known from the head alone */
};

/* Look at the 'n' bytes at 'p'. */
enum frame_result frame_peek(const uint8_t *p, size_t n, size_t max, size_t *total);
void frame_head(uint8_t out[FRAME_HEAD], uint32_t size);

/*
 * Walk a protobuf message's wire form before it is unpacked (docs/WIRE.md "strict messages"): every
 * field number must be in 'known' (a bit per number, up to 63), a field whose bit is not in
 * 'repeated' at most once, right lengths, no groups, at most fields_max fields.  0 when it holds,
 * else the offset + 1.
 */
size_t frame_scan(const uint8_t *p, size_t n, uint64_t known, uint64_t repeated, size_t fields_max);

#endif
