/*
 * test_claim_own_event.c - policy and descriptor events have one spelling and come back as they were.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/scbor.h"
#include "claim/own_event.h"

static struct arena arena;

static void
set_up(void)
{
	arena_init(&arena, 1 << 20);
}

static void
tear_down(void)
{
	arena_release(&arena);
}

TestSuite(claim_own_event, .init = set_up, .fini = tear_down);

static struct own_descriptor
a_descriptor(void)
{
	struct own_descriptor e = {.by = bytes_str("spiffe://example.org/ops"),
	    .media = OWN_CBOR,
	    .descriptor = bytes_str("\xa0")};

	memset(e.wid, 7, sizeof(e.wid));
	return e;
}

static struct bytes
policy_bytes(const char *by, const char *document)
{
	struct own_policy e = {bytes_str(by), bytes_str(document)};
	struct bytes raw;

	cr_assert_eq(own_policy_write(&e, &arena, &raw), RC_OK);
	return raw;
}

static struct bytes
descriptor_bytes(void)
{
	struct own_descriptor e = a_descriptor();
	struct bytes raw;

	cr_assert_eq(own_descriptor_write(&e, &arena, &raw), RC_OK);
	return raw;
}

Test(claim_own_event, a_policy_event_is_these_bytes)
{
	static const uint8_t want[] = {0xa2, 0x01, 0x64, 'f', 'i', 'l', 'e', 0x02, 0x42, '{', '}'};
	struct bytes raw = policy_bytes("file", "{}");

	cr_assert(bytes_eq(raw, bytes_of(want, sizeof(want))));
}

Test(claim_own_event, a_policy_event_comes_back)
{
	struct own_policy e;

	cr_assert_eq(own_policy_read(policy_bytes("file", "{\"a\":1}"), &e, NULL), RC_OK);
	cr_assert(bytes_is(e.by, "file"));
	cr_assert(bytes_is(e.document, "{\"a\":1}"));
}

Test(claim_own_event, a_descriptor_event_comes_back)
{
	struct own_descriptor e, was = a_descriptor();

	cr_assert_eq(own_descriptor_read(descriptor_bytes(), &e, NULL), RC_OK);
	cr_assert(bytes_eq(e.by, was.by));
	cr_assert_eq(memcmp(e.wid, was.wid, UUID_SIZE), 0);
	cr_assert_eq(e.media, OWN_CBOR);
	cr_assert(bytes_eq(e.descriptor, was.descriptor));
}

/* Reading what was cut, lengthened or changed anywhere: never the same event from other bytes. */
static void
one_spelling(struct bytes raw, bool (*same)(struct bytes raw))
{
	uint8_t *copy = arena_alloc(&arena, raw.n + 1);

	cr_assert(same(raw));
	memcpy(copy, raw.p, raw.n);
	copy[raw.n] = 0;
	cr_assert_not(same(bytes_of(copy, raw.n + 1)));
	for (size_t n = 0; n < raw.n; n++)
		cr_assert_not(same(bytes_of(copy, n)), "cut to %zu", n);
	for (size_t i = 0; i < raw.n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			copy[i] ^= (uint8_t)(1u << bit);
			cr_assert_not(same(bytes_of(copy, raw.n)), "byte %zu bit %u", i, bit);
			copy[i] ^= (uint8_t)(1u << bit);
		}
}

static bool
same_policy(struct bytes raw)
{
	struct own_policy e;

	return own_policy_read(raw, &e, NULL) == RC_OK && bytes_is(e.by, "file") &&
	       bytes_is(e.document, "{\"a\":1}");
}

static bool
same_descriptor(struct bytes raw)
{
	struct own_descriptor e, was = a_descriptor();

	return own_descriptor_read(raw, &e, NULL) == RC_OK && bytes_eq(e.by, was.by) &&
	       memcmp(e.wid, was.wid, UUID_SIZE) == 0 && e.media == was.media &&
	       bytes_eq(e.descriptor, was.descriptor);
}

Test(claim_own_event, no_other_bytes_are_the_same_event)
{
	one_spelling(policy_bytes("file", "{\"a\":1}"), same_policy);
	one_spelling(descriptor_bytes(), same_descriptor);
}

/* {1: by, 2: x} */
static struct bytes
hand_made(struct bytes by, struct bytes document)
{
	struct bytes out;
	struct buf b;

	buf_init(&b, 0);
	scbor_put_map(&b, 2);
	scbor_put_uint(&b, 1);
	scbor_put_text(&b, by);
	scbor_put_uint(&b, 2);
	scbor_put_bytes(&b, document);
	cr_assert(arena_dup(&arena, buf_bytes(&b), &out));
	buf_release(&b);
	return out;
}

Test(claim_own_event, sizes_are_bounded)
{
	static uint8_t big[OWN_DOCUMENT_MAX + 1];
	struct bytes by = bytes_str("x"), full = bytes_of(big, OWN_DOCUMENT_MAX);
	struct own_policy e;
	struct why why = {0};

	memset(big, 'x', sizeof(big));
	cr_assert_eq(own_policy_read(hand_made(by, full), &e, NULL), RC_OK);
	cr_assert_eq(own_policy_read(hand_made(bytes_of(big, OWN_BY_MAX), full), &e, NULL), RC_OK);
	cr_assert_eq(
	    own_policy_read(hand_made(by, bytes_of(big, sizeof(big))), &e, &why), RC_CORRUPT);
	cr_assert_str_eq(why.rule, "policy event");
	cr_assert_eq(
	    own_policy_read(hand_made(bytes_of(big, OWN_BY_MAX + 1), full), &e, NULL), RC_CORRUPT);
	cr_assert_eq(own_policy_read(hand_made(by, BYTES_NONE), &e, NULL), RC_CORRUPT);
	cr_assert_eq(own_policy_read(hand_made(BYTES_NONE, full), &e, NULL), RC_CORRUPT);
}

Test(claim_own_event, a_by_is_clean_text)
{
	cr_assert(own_by_ok(bytes_str("file")));
	cr_assert_not(own_by_ok(BYTES_NONE));
	cr_assert_not(own_by_ok(bytes_of("a\0b", 3)));
	cr_assert_not(own_by_ok(bytes_str("\xff")));
}

Test(claim_own_event, media_have_names)
{
	cr_assert_str_eq(own_media_text(OWN_JSON), "json");
	cr_assert_str_eq(own_media_text(OWN_CBOR), "cbor");
}

static void
json_is(bool descriptor, struct bytes raw, bool brief, const char *want)
{
	struct buf b;

	buf_init(&b, 0);
	cr_assert_eq(own_event_json(descriptor, raw, brief, &b), RC_OK);
	cr_assert(bytes_is(buf_bytes(&b), want), "%.*s", (int)b.n, (const char *)b.p);
	buf_release(&b);
}

#define DIGEST_OBJECT "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" /* of {} */

Test(claim_own_event, events_are_told_as_json)
{
	struct own_descriptor e = a_descriptor();
	struct bytes raw;
	struct buf b;

	json_is(false, policy_bytes("file", "{}"), false,
	    "{\"by\":\"file\",\"digest\":\"" DIGEST_OBJECT "\",\"size\":2,\"document\":{}}");
	json_is(false, policy_bytes("file", "{}"), true,
	    "{\"by\":\"file\",\"digest\":\"" DIGEST_OBJECT "\",\"size\":2}");
	e.media = OWN_JSON;
	e.descriptor = bytes_str("{}");
	cr_assert_eq(own_descriptor_write(&e, &arena, &raw), RC_OK);
	json_is(true, raw, false,
	    "{\"by\":\"spiffe://example.org/ops\",\"wid\":\"07070707-0707-0707-0707-070707070707\","
	    "\"media\":\"json\",\"digest\":\"" DIGEST_OBJECT "\",\"size\":2,\"descriptor\":{}}");
	e.media = OWN_CBOR;
	cr_assert_eq(own_descriptor_write(&e, &arena, &raw), RC_OK);
	json_is(true, raw, false,
	    "{\"by\":\"spiffe://example.org/ops\",\"wid\":\"07070707-0707-0707-0707-070707070707\","
	    "\"media\":\"cbor\",\"digest\":\"" DIGEST_OBJECT
	    "\",\"size\":2,\"descriptor\":\"e30=\"}");
	buf_init(&b, 0);
	cr_assert_eq(own_event_json(true, policy_bytes("file", "{}"), false, &b), RC_CORRUPT);
	buf_release(&b);
}
