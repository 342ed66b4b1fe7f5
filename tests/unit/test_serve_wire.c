/*
 * Strict messages: what the lenient unpacker would let pass is refused before it sees it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "serve/wire.h"

static enum rc
check(const ProtobufCMessageDescriptor *type, const char *p, size_t n)
{
	struct why why = {0};
	enum rc rc = wire_check(type, bytes_of(p, n), 16, &why);

	if (rc != RC_OK)
		cr_assert_neq(why.rule, NULL, "a refusal names its rule");
	return rc;
}

#define ENTRY(s)  check(&ectledger__v1__get_entry_request__descriptor, s, sizeof(s) - 1)
#define APPEND(s) check(&ectledger__v1__append_request__descriptor, s, sizeof(s) - 1)
#define COSE(s)	  check(&ectledger__v1__get_receipt_request__descriptor, s, sizeof(s) - 1)

Test(serve_wire, accepts_the_empty_message)
{
	cr_assert_eq(ENTRY(""), RC_OK);
}

Test(serve_wire, accepts_repeated_fields_and_only_those_twice)
{
	cr_assert_eq(APPEND("\x0a\x01x\x0a\x01y\x10\x01"), RC_OK);
	cr_assert_eq(APPEND("\x0a\x01x\x10\x01\x10\x01"), RC_BAD_REQUEST);
	cr_assert_eq(ENTRY("\x20\x01\x20\x02"), RC_BAD_REQUEST);
}

Test(serve_wire, refuses_unknown_fields)
{
	cr_assert_eq(APPEND("\x18\x01"), RC_BAD_REQUEST);
	cr_assert_eq(ENTRY("\x7a\x01x"), RC_BAD_REQUEST);
}

Test(serve_wire, refuses_a_field_of_another_wire_type)
{
	cr_assert_eq(ENTRY("\x22\x01x"), RC_BAD_REQUEST);	     /* index as bytes */
	cr_assert_eq(APPEND("\x08\x01"), RC_BAD_REQUEST);	     /* token as number */
	cr_assert_eq(ENTRY("\x25\x01\x02\x03\x04"), RC_BAD_REQUEST); /* index as fixed32 */
}

Test(serve_wire, refuses_strings_with_nul_or_bad_utf8)
{
	cr_assert_eq(COSE("\x32\x04"
			  "cose"),
	    RC_OK);
	cr_assert_eq(COSE("\x32\x04"
			  "co\0e"),
	    RC_BAD_REQUEST);
	cr_assert_eq(COSE("\x32\x02\xc0\x80"), RC_BAD_REQUEST);
}

Test(serve_wire, refuses_lengths_over_the_end_and_varints_over_64_bits)
{
	cr_assert_eq(APPEND("\x0a\x02x"), RC_BAD_REQUEST);
	cr_assert_eq(ENTRY("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), RC_OK);
	cr_assert_eq(ENTRY("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), RC_BAD_REQUEST);
	cr_assert_eq(ENTRY("\x20\x80"), RC_BAD_REQUEST);
}

Test(serve_wire, refuses_more_fields_than_allowed)
{
	char text[17 * 2];

	for (size_t i = 0; i < sizeof text; i += 2)
		memcpy(text + i, "\x0a\x00", 2);
	cr_assert_eq(check(&ectledger__v1__append_request__descriptor, text, 32), RC_OK);
	cr_assert_eq(check(&ectledger__v1__append_request__descriptor, text, 34), RC_BAD_REQUEST);
}

Test(serve_wire, unpacks_into_the_arena_and_packs_the_same_bytes)
{
	static const char text[] = "\x0a\x03"
				   "abc\x22\x02"
				   "de\x30\x07";
	const ProtobufCMessage *m = NULL;
	const Ectledger__V1__ProvenanceRequest *r;
	struct bytes packed;
	struct arena arena;
	struct why why;

	arena_init(&arena, 65536);
	/* down is a bool: "de" as bytes must be refused */
	cr_assert_eq(wire_unpack(&ectledger__v1__provenance_request__descriptor,
			 bytes_of(text, sizeof text - 1), &arena, &m, &why),
	    RC_BAD_REQUEST);
	cr_assert_eq(wire_unpack(&ectledger__v1__provenance_request__descriptor,
			 bytes_of("\x0a\x03"
				  "abc\x20\x01\x28\x07",
			     9),
			 &arena, &m, &why),
	    RC_OK);
	r = (const void *)m;
	cr_assert(r->down && r->depth == 7 && r->jti.len == 3);
	cr_assert_eq(wire_pack(m, &arena, &packed), RC_OK);
	cr_assert(bytes_eq(packed, bytes_of("\x0a\x03"
					    "abc\x20\x01\x28\x07",
				       9)));
	arena_release(&arena);
}

Test(serve_wire, an_answer_over_the_arena_is_too_large)
{
	Ectledger__V1__GetEntryReply m = ECTLEDGER__V1__GET_ENTRY_REPLY__INIT;
	Ectledger__V1__EntryView view = ECTLEDGER__V1__ENTRY_VIEW__INIT;
	static uint8_t big[8192];
	struct bytes packed;
	struct arena arena;

	arena_init(&arena, 4096);
	m.entry = &view;
	view.token.data = big;
	view.token.len = sizeof big;
	cr_assert_eq(wire_pack(&m.base, &arena, &packed), RC_TOO_LARGE);
	arena_release(&arena);
}

Test(serve_wire, the_reader_stops_at_anything_malformed)
{
	struct wire_field f;
	size_t at = 0;
	struct bytes m = bytes_of("\x08\x05\x00\x01", 4); /* field 0 does not exist */

	cr_assert(wire_next(m, &at, &f));
	cr_assert(f.number == 1 && f.value == 5);
	cr_assert_not(wire_next(m, &at, &f));
	cr_assert_eq(at, 2);
}
