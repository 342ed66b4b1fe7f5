/*
 * The client writes and reads a few protobuf bytes by hand; the generated code says what they must
 * be.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "client/src/wire.h"
#include "proto/ledger.pb-c.h"

Test(client_wire, a_request_is_what_the_generated_code_packs)
{
	static const size_t sizes[] = {1, 127, 128, 16383, 16384, 64000};
	Ectledger__V1__AppendRequest request = ECTLEDGER__V1__APPEND_REQUEST__INIT;
	ProtobufCBinaryData tokens[6], wit = {3, (uint8_t *)(uintptr_t) "wit"};
	uint8_t *bytes = malloc(64000), *packed = malloc(200000);
	struct buf b;

	cr_assert(bytes != NULL && packed != NULL);
	memset(bytes, 'x', 64000);
	buf_init(&b, 0);
	for (size_t i = 0; i < 6; i++) {
		tokens[i] = (ProtobufCBinaryData){sizes[i], bytes};
		wire_put_token(&b, bytes, sizes[i]);
	}
	wire_put_u64(&b, 2, 1);
	wire_put_bytes(&b, 3, "wit", 3);
	wire_put_u64(&b, 4, 1);
	wire_put_u64(&b, 5, 300);
	request.tokens = tokens;
	request.n_tokens = 6;
	request.no_receipt = true;
	request.wits = &wit;
	request.n_wits = 1;
	request.wait = true;
	request.wait_ms = 300;
	cr_assert_eq(ectledger__v1__append_request__get_packed_size(&request), b.n);
	(void)ectledger__v1__append_request__pack(&request, packed);
	cr_expect_eq(memcmp(packed, b.p, b.n), 0);
	buf_release(&b);
	free(bytes);
	free(packed);
}

Test(client_wire, an_answers_number_is_found_whatever_else_it_holds)
{
	static const uint64_t numbers[] = {0, 1, 127, 128, UINT32_MAX, UINT64_MAX};
	Ectledger__V1__AppendAnswer answer = ECTLEDGER__V1__APPEND_ANSWER__INIT;
	Ectledger__V1__Refusal refusal = ECTLEDGER__V1__REFUSAL__INIT;
	struct wire_answer got;
	uint8_t packed[512];

	refusal.message = (char *)(uintptr_t) "no";
	refusal.code = 19;
	refusal.retry_after_ms = UINT64_MAX;
	answer.refusal = &refusal;
	answer.index = 7;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		size_t n;

		answer.number = numbers[i];
		n = ectledger__v1__append_answer__pack(&answer, packed);
		cr_expect(wire_answer(bytes_of(packed, n), &got));
		cr_expect_eq(got.number, numbers[i]);
		cr_expect(got.refused);
		cr_expect_eq(got.code, 19u);
		cr_expect_eq(got.retry_after_ms, UINT64_MAX);
	}
	answer.refusal = NULL;
	cr_expect(wire_answer(
	    bytes_of(packed, ectledger__v1__append_answer__pack(&answer, packed)), &got));
	cr_expect_not(got.refused);
}

static bool
walks(const char *bytes, size_t n)
{
	struct wire w = {(const uint8_t *)bytes, n};
	struct wire_field f;
	bool bad;

	while (wire_next(&w, &f, &bad))
		;
	return !bad;
}

Test(client_wire, every_type_of_field_is_stepped_over)
{
	cr_expect(walks("\x08\x01", 2));
	cr_expect(walks("\x09\1\2\3\4\5\6\7\10", 9));
	cr_expect(walks("\x0a\x02xy", 4));
	cr_expect(walks("\x0d\1\2\3\4", 5));
	cr_expect(walks("", 0));
}

Test(client_wire, a_field_that_passes_the_end_is_malformed)
{
	cr_expect_not(walks("\x08", 1));
	cr_expect_not(walks("\x08\x80", 2));
	cr_expect_not(walks("\x09\1\2\3\4\5\6\7", 8));
	cr_expect_not(walks("\x0a\x03xy", 4));
	cr_expect_not(walks("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xy", 13));
	cr_expect_not(walks("\x0d\1\2\3", 4));
}

Test(client_wire, groups_field_zero_and_long_varints_are_malformed)
{
	cr_expect_not(walks("\x0b\x0c", 2));
	cr_expect_not(walks("\x00\x01", 2));
	cr_expect_not(walks("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11));
	cr_expect_not(walks("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12));
}
