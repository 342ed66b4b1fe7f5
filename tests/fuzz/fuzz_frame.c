/*
 * fuzz_frame.c - frames come out the same however a stream is cut; and what the wire walk takes,
 * the unpacker takes.
 *
 * The input is a stream of frames.  It is read once whole and once in pieces whose sizes come from
 * the input's own bytes: the same bodies must come out.  Each body, and the input itself, is walked
 * as a ClientFrame: what is accepted must unpack, unless a field has another wire type than the
 * schema's, which the walk leaves to the unpacker.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/must.h"
#include "proto/frame.h"
#include "proto/ledger.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX   70000
#define KNOWN UINT64_C(0x3fe) /* fields 1 to 9 of ClientFrame */

/* Wire type of each ClientFrame field: the strings and bytes are 2, the rest 0. */
static const unsigned wire_types[10] = {9, 0, 2, 2, 0, 2, 0, 0, 0, 0};

static uint64_t
varint(const uint8_t *p, size_t *at)
{
	uint64_t v = 0;
	unsigned shift = 0;

	do {
		v |= (uint64_t)(p[*at] & 0x7f) << (shift & 63);
		shift += 7;
	} while ((p[(*at)++] & 0x80) != 0);
	return v;
}

/* The walk said yes, so this one needs no checks: do all fields have the schema's wire types? */
static bool
types_match(const uint8_t *p, size_t n)
{
	bool match = true;
	size_t at = 0;

	while (at < n) {
		uint64_t tag = varint(p, &at);
		uint64_t number = tag >> 3;

		must(number >= 1 && number <= 9);
		match = match && (tag & 7) == wire_types[number];
		switch (tag & 7) {
		case 0:
			(void)varint(p, &at);
			break;
		case 1:
			at += 8;
			break;
		case 2: {
			uint64_t size = varint(p, &at);

			at += (size_t)size;
			break;
		}
		default:
			at += 4;
			break;
		}
		must(at <= n);
	}
	return match;
}

static void
check_scan(const uint8_t *p, size_t n)
{
	uint8_t *exact = malloc(n == 0 ? 1 : n);
	Ectledger__V1__ClientFrame *frame;
	size_t refused;

	must(exact != NULL);
	if (n > 0)
		memcpy(exact, p, n);
	refused = frame_scan(exact, n, KNOWN, 0, 64);
	must(refused <= n); /* offset + 1 of a byte that is there */
	frame = ectledger__v1__client_frame__unpack(NULL, n, exact);
	if (refused == 0) {
		/* Not the other way round: protobuf-c takes a bool of any wire type. */
		must(frame != NULL || !types_match(exact, n));
		must(frame == NULL || frame->base.n_unknown_fields == 0);
		/* A limit of none takes none. */
		must(n == 0 || frame_scan(exact, n, KNOWN, 0, 0) == 1);
	}
	if (frame != NULL)
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	free(exact);
}

struct stream {
	size_t frames;
	struct hash digest; /* of all bodies so far */
	enum frame_result end;
};

static void
take_body(struct stream *s, const uint8_t *p, size_t n)
{
	struct bytes parts[] = {bytes_of(s->digest.b, HASH_SIZE), bytes_of(p, n)};

	hash_of_parts(parts, 2, &s->digest);
	s->frames++;
}

/* Read with at most 'piece(i)' new bytes a time; the buffer holds exactly what has come and was not taken. */
static void
read_stream(const uint8_t *data, size_t size, bool whole, struct stream *s)
{
	size_t taken = 0, have = 0, turn = 0, total;

	*s = (struct stream){.end = FRAME_MORE};
	for (;;) {
		enum frame_result got = frame_peek(data + taken, have - taken, MAX, &total);

		if (got == FRAME_OK) {
			must(total >= FRAME_HEAD && total <= have - taken);
			take_body(s, data + taken + FRAME_HEAD, total - FRAME_HEAD);
			taken += total;
			continue;
		}
		s->end = got;
		if (got != FRAME_MORE || have == size)
			return;
		must(total > have - taken); /* or it would wait for ever */
		have += whole ? size : (size_t)data[turn++ % size] % 17 + 1;
		if (have > size)
			have = size;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream whole, pieces;
	size_t at = 0, total;

	check_scan(data, size);
	if (size == 0)
		return 0;
	read_stream(data, size, true, &whole);
	read_stream(data, size, false, &pieces);
	must(whole.frames == pieces.frames && whole.end == pieces.end);
	must(hash_eq(&whole.digest, &pieces.digest));
	while (frame_peek(data + at, size - at, MAX, &total) == FRAME_OK) {
		check_scan(data + at + FRAME_HEAD, total - FRAME_HEAD);
		at += total;
	}
	return 0;
}
