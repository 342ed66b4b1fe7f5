/*
 * server_frame.c - the answer's envelope by hand: the message is copied once, into the output
 * buffer, and nothing else is allocated.
 *
 * Fields go out in ascending order, absent ones not at all, as any proto3 writer would.
 */
#include "net/server_frame.h"

#include <string.h>

#include "base/must.h"
#include "proto/frame.h"

#define TEXT_MAX   200
#define HEADS_ROOM 64 /* all fields but message and text */

static size_t
put_varint(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (uint8_t)v;
	return n;
}

static size_t
put_number(uint8_t *p, unsigned field, uint64_t v)
{
	size_t n;

	if (v == 0)
		return 0;
	n = put_varint(p, field << 3);
	return n + put_varint(p + n, v);
}

static size_t
put_bytes_head(uint8_t *p, unsigned field, size_t size)
{
	size_t n = put_varint(p, field << 3 | 2);

	return n + put_varint(p + n, size);
}

void
server_frame_put(const struct server_frame *f, struct buf *out)
{
	uint8_t first[FRAME_HEAD + HEADS_ROOM], last[HEADS_ROOM + TEXT_MAX];
	size_t a = FRAME_HEAD, b = 0, text = f->text != NULL ? strlen(f->text) : 0;

	must(f->message.n <= UINT32_MAX - sizeof first - sizeof last);
	if (text > TEXT_MAX)
		text = TEXT_MAX;
	a += put_number(first + a, 1, f->call);
	if (f->has_message && f->message.n > 0)
		a += put_bytes_head(first + a, 2, f->message.n);
	b += put_number(last + b, 3, f->has_message);
	b += put_number(last + b, 4, f->end);
	b += put_number(last + b, 5, f->status);
	b += put_number(last + b, 6, f->code);
	if (text > 0) {
		b += put_bytes_head(last + b, 7, text);
		memcpy(last + b, f->text, text);
		b += text;
	}
	b += put_number(last + b, 8, f->credit);
	b += put_number(last + b, 9, f->draining);
	b += put_number(last + b, 10, f->retry_after_ms);
	must(a <= sizeof first && b <= sizeof last);
	frame_head(first, (uint32_t)(a - FRAME_HEAD + (f->has_message ? f->message.n : 0) + b));
	buf_add(out, first, a);
	if (f->has_message)
		buf_add_bytes(out, f->message);
	buf_add(out, last, b);
}
