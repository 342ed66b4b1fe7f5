/*
 * wire.c - protobuf's wire form, by hand where unpacking every answer would cost more than the rest
 * of the client.
 *
 * Field numbers are those of proto/ledger.proto; test_client_wire checks them against the generated
 * code.
 */
#include "wire.h"

#include <string.h>

#include "base/must.h"

enum {
	REQUEST_TOKENS = 1,
	ANSWER_NUMBER = 1,
	ANSWER_REFUSAL = 9,
	REFUSAL_CODE = 1,
	REFUSAL_RETRY_AFTER = 6
};

static bool
varint(struct wire *w, uint64_t *v)
{
	unsigned shift = 0;

	*v = 0;
	while (w->n > 0 && shift < 64) {
		uint8_t b = *w->p++;

		w->n--;
		if (shift == 63 && b > 1)
			return false;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if ((b & 0x80) == 0)
			return true;
		shift += 7;
	}
	return false;
}

static bool
take(struct wire *w, uint64_t n, struct bytes *out)
{
	if (n > w->n)
		return false;
	*out = bytes_of(w->p, (size_t)n);
	w->p += n;
	w->n -= (size_t)n;
	return true;
}

bool
wire_next(struct wire *w, struct wire_field *f, bool *bad)
{
	uint64_t tag, size;
	bool ok = false;

	*bad = false;
	*f = (struct wire_field){0};
	if (w->n == 0)
		return false;
	if (varint(w, &tag) && tag >> 3 != 0 && tag >> 3 <= 0x1fffffff) {
		f->number = (uint32_t)(tag >> 3);
		f->type = (unsigned)(tag & 7);
		if (f->type == 0)
			ok = varint(w, &f->value);
		else if (f->type == 1)
			ok = take(w, 8, &f->bytes);
		else if (f->type == 5)
			ok = take(w, 4, &f->bytes);
		else if (f->type == 2)
			ok = varint(w, &size) && take(w, size, &f->bytes);
	}
	*bad = !ok;
	return ok;
}

static size_t
write_varint(uint8_t out[10], uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	return n;
}

void
wire_put_bytes(struct buf *b, uint32_t field, const void *p, size_t size)
{
	uint8_t head[20];
	size_t n;

	must(p != NULL || size == 0);
	n = write_varint(head, (uint64_t)field << 3 | 2);
	n += write_varint(head + n, size);
	buf_add(b, head, n);
	buf_add(b, p, size);
}

void
wire_put_u64(struct buf *b, uint32_t field, uint64_t value)
{
	uint8_t text[20];
	size_t n = write_varint(text, (uint64_t)field << 3);

	n += write_varint(text + n, value);
	buf_add(b, text, n);
}

void
wire_put_token(struct buf *b, const void *token, size_t size)
{
	wire_put_bytes(b, REQUEST_TOKENS, token, size);
}

static bool
read_refusal(struct bytes refusal, struct wire_answer *out)
{
	struct wire w = {refusal.p, refusal.n};
	struct wire_field f;
	bool bad;

	out->refused = true;
	while (wire_next(&w, &f, &bad)) {
		if (f.number == REFUSAL_CODE && f.type == 0)
			out->code = f.value;
		else if (f.number == REFUSAL_RETRY_AFTER && f.type == 0)
			out->retry_after_ms = f.value;
	}
	return !bad;
}

bool
wire_answer(struct bytes answer, struct wire_answer *out)
{
	struct wire w = {answer.p, answer.n};
	struct wire_field f;
	bool bad, ok = true;

	memset(out, 0, sizeof *out); /* proto3: a zero is not written */
	while (ok && wire_next(&w, &f, &bad)) {
		if (f.number == ANSWER_NUMBER && f.type == 0)
			out->number = f.value;
		else if (f.number == ANSWER_REFUSAL && f.type == 2)
			ok = read_refusal(f.bytes, out);
	}
	return ok && !bad;
}
