/*
 * wire.c - protobuf's wire form, by hand where unpacking every answer would cost more than the rest
 * of the client.
 *
 * Field numbers are those of proto/ledger.proto; test_client_wire checks them against the generated
 * code.
 */
#include "wire.h"

#include "base/must.h"

enum { REQUEST_TOKENS = 1, REQUEST_NO_RECEIPT = 2, ANSWER_NUMBER = 1 };

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

void
wire_put_token(struct buf *b, const void *token, size_t size)
{
	uint8_t head[11];
	size_t n = 0, v = size;

	must(token != NULL || size == 0);
	head[n++] = REQUEST_TOKENS << 3 | 2;
	for (; v >= 0x80; v >>= 7)
		head[n++] = (uint8_t)(v | 0x80);
	head[n++] = (uint8_t)v;
	buf_add(b, head, n);
	buf_add(b, token, size);
}

void
wire_put_no_receipt(struct buf *b)
{
	static const uint8_t field[] = {REQUEST_NO_RECEIPT << 3, 1};

	buf_add(b, field, sizeof field);
}

bool
wire_answer_number(struct bytes answer, uint64_t *number)
{
	struct wire w = {answer.p, answer.n};
	struct wire_field f;
	bool bad;

	*number = 0; /* proto3: a zero is not written */
	while (wire_next(&w, &f, &bad))
		if (f.number == ANSWER_NUMBER && f.type == 0)
			*number = f.value;
	return !bad;
}
