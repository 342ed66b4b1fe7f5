/*
 * test_trust_event.c - a key entry has one spelling, says everything by itself, and comes back as
 * it was.
 */
#include "unit/test_trust_help.h"

#include "base/scbor.h"
#include "trust/event.h"

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

TestSuite(trust_event, .init = set_up, .fini = tear_down);

/* RFC 8037 A.2: its thumbprint is in A.3. */
#define JWK                                                                                        \
	"{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"11qYAYKxCrfVS_"                              \
	"7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

static struct trust_event
enrolment(void)
{
	static struct bytes issuers[2];
	struct trust_event e = {.action = EVENT_ENROLL, .subject = EVENT_KEY};

	issuers[0] = bytes_str("spiffe://example.org/a");
	issuers[1] = bytes_str("spiffe://example.org/b");
	e.domain = bytes_str("example.org");
	e.material = bytes_str(JWK);
	hash_of(e.material, &e.id);
	e.kid = bytes_str("k1");
	e.issuers = issuers;
	e.issuer_count = 2;
	e.by = bytes_str("folder");
	e.source = bytes_str("a.jwks.json");
	return e;
}

static struct bytes
written(const struct trust_event *e)
{
	struct bytes raw;

	cr_assert(event_write(e, &arena, &raw) == RC_OK);
	return raw;
}

static enum rc
read_back(struct bytes raw, struct trust_event *out)
{
	struct why why = {0};
	enum rc rc = event_read(raw, &arena, out, &why);

	cr_assert(rc == RC_OK || (rc == RC_CORRUPT && why.rule && why.text[0]));
	return rc;
}

Test(trust_event, the_bytes_are_these)
{
	/* Map of 9: 1 enroll, 2 key, 3 domain, 4 id, 5 kid, 6 material, 7 issuers, 11 by, 13 source. */
	static const char want[] =
	    "a9"
	    "0101"
	    "0201"
	    "036b"
	    "6578616d706c652e6f7267"
	    "045820"
	    "90facafea9b1556698540f70c0117a22ea37bd5cf3ed3c47093c1707282b4b89"
	    "05626b31"
	    "06584f"
	    "7b22637276223a2245643235353139222c226b7479223a224f4b50222c2278223a22313171594159"
	    "4b784372665653"
	    "5f3754795751484f67376863765061706 94d6c7277496161506348"
	    "55526f227d"
	    "0782"
	    "76"
	    "7370696666653a2f2f6578616d706c652e6f72672f61"
	    "76"
	    "7370696666653a2f2f6578616d706c652e6f72672f62"
	    "0b66"
	    "666f6c646572"
	    "0d6b"
	    "612e6a776b732e6a736f6e";
	char compact[sizeof(want)];
	struct trust_event e = enrolment();
	struct bytes raw = written(&e);
	size_t n = 0;
	char *hex = malloc(raw.n * 2 + 1);

	for (size_t i = 0; want[i]; i++)
		if (want[i] != ' ')
			compact[n++] = want[i];
	compact[n] = '\0';
	hex_encode(raw, hex);
	cr_assert_str_eq(hex, compact);
	free(hex);
}

Test(trust_event, comes_back_as_it_was)
{
	struct trust_event e = enrolment(), got;
	struct bytes raw = written(&e);

	cr_assert(read_back(raw, &got) == RC_OK);
	cr_assert(got.action == e.action && got.subject == e.subject && hash_eq(&got.id, &e.id));
	cr_assert(bytes_eq(got.domain, e.domain) && bytes_eq(got.kid, e.kid));
	cr_assert(bytes_eq(got.material, e.material) && got.use.n == 0 && !got.has_since);
	cr_assert(got.issuer_count == 2 && bytes_eq(got.issuers[1], e.issuers[1]));
	cr_assert(bytes_eq(got.by, e.by) && bytes_eq(got.source, e.source) && !got.has_sequence);
	cr_assert(bytes_eq(written(&got), raw));
}

Test(trust_event, a_revocation_says_since_when_and_why)
{
	struct trust_event e = {.action = EVENT_REVOKE, .subject = EVENT_KEY}, got;
	struct buf json;

	memset(e.id.b, 7, sizeof(e.id.b));
	e.domain = bytes_str("example.org");
	e.has_since = true;
	e.since = 1700000000;
	e.reason = bytes_str("stolen \"laptop\"");
	e.by = bytes_str("spiffe://example.org/admin");
	cr_assert(read_back(written(&e), &got) == RC_OK);
	cr_assert(got.has_since && got.since == 1700000000 && bytes_eq(got.reason, e.reason));
	buf_init(&json, 0);
	cr_assert(event_json(&got, &json) == RC_OK);
	buf_add(&json, "", 1);
	cr_assert_str_eq((const char *)json.p,
	    "{\"action\":\"revoke\",\"subject\":\"key\",\"domain\":\"example.org\",\"id\":"
	    "\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\",\"since\":1700000000,\"reason\":"
	    "\"stolen \\\"laptop\\\"\",\"by\":\"spiffe://example.org/admin\"}");
	buf_release(&json);
}

Test(trust_event, json_shows_the_key_and_the_certificate)
{
	struct trust_event e = enrolment(), ca = {.action = EVENT_ENROLL, .subject = EVENT_CA};
	struct buf out;
	json_t *doc;

	buf_init(&out, 0);
	cr_assert(event_json(&e, &out) == RC_OK);
	cr_assert((doc = json_loadb((const char *)out.p, out.n, JSON_REJECT_DUPLICATES, NULL)));
	cr_assert_str_eq(str(json_object_get(doc, "jwk"), "crv"), "Ed25519");
	cr_assert(json_array_size(json_object_get(doc, "issuers")) == 2);
	cr_assert_str_eq(str(doc, "source"), "a.jwks.json");
	json_decref(doc);
	buf_clear(&out);
	ca.domain = bytes_str("example.org");
	ca.material = bytes_str("0\x03\x02\x01\x01");
	ca.use = bytes_str("x509-svid");
	hash_of(ca.material, &ca.id);
	cr_assert(read_back(written(&ca), &ca) == RC_OK);
	cr_assert(event_json(&ca, &out) == RC_OK);
	cr_assert((doc = json_loadb((const char *)out.p, out.n, JSON_REJECT_DUPLICATES, NULL)));
	cr_assert_str_eq(str(doc, "certificate"), "MAMCAQE=");
	cr_assert_str_eq(str(doc, "subject"), "ca");
	json_decref(doc);
	buf_release(&out);
}

Test(trust_event, a_bundle_has_a_sequence_of_64_bits)
{
	struct trust_event e = {.action = EVENT_ENROLL, .subject = EVENT_BUNDLE}, got;

	e.domain = bytes_str("example.org");
	e.has_sequence = true;
	e.sequence = UINT64_MAX;
	cr_assert(read_back(written(&e), &got) == RC_OK);
	cr_assert(got.has_sequence && got.sequence == UINT64_MAX);
}

Test(trust_event, cut_or_longer_bytes_are_refused)
{
	struct trust_event e = enrolment(), got;
	struct bytes raw = written(&e);
	uint8_t *longer = malloc(raw.n + 1);

	memcpy(longer, raw.p, raw.n);
	longer[raw.n] = 0;
	cr_assert(read_back(bytes_of(longer, raw.n + 1), &got) == RC_CORRUPT);
	for (size_t n = 0; n < raw.n; n++) {
		struct bytes cut = test_exact(bytes_of(raw.p, n));

		cr_assert(read_back(cut, &got) == RC_CORRUPT, "%zu", n);
		test_free(cut);
	}
	free(longer);
}

/* A map made by hand around the members that every event has. */
static enum rc
by_hand(uint64_t action, uint64_t subject, void (*more)(struct buf *b), uint64_t more_count)
{
	uint8_t id[HASH_SIZE] = {1};
	struct trust_event got;
	struct buf b;
	enum rc rc;

	buf_init(&b, 0);
	scbor_put_map(&b, 4 + more_count);
	scbor_put_uint(&b, 1);
	scbor_put_uint(&b, action);
	scbor_put_uint(&b, 2);
	scbor_put_uint(&b, subject);
	scbor_put_uint(&b, 3);
	scbor_put_text(&b, bytes_str("example.org"));
	scbor_put_uint(&b, 4);
	scbor_put_bytes(&b, bytes_of(id, sizeof(id)));
	if (more)
		more(&b);
	rc = read_back(buf_bytes(&b), &got);
	buf_release(&b);
	return rc;
}

static void
put_since(struct buf *b)
{
	scbor_put_uint(b, 9);
	scbor_put_uint(b, 5);
}

static void
put_sequence(struct buf *b)
{
	scbor_put_uint(b, 12);
	scbor_put_uint(b, 5);
}

static void
put_material(struct buf *b)
{
	scbor_put_uint(b, 6);
	scbor_put_bytes(b, bytes_str(JWK));
}

static void
put_empty_kid(struct buf *b)
{
	scbor_put_uint(b, 5);
	scbor_put_text(b, BYTES_NONE);
}

static void
put_long_reason(struct buf *b)
{
	char text[EVENT_REASON_MAX + 1];

	memset(text, 'x', sizeof(text));
	put_since(b);
	scbor_put_uint(b, 10);
	scbor_put_text(b, bytes_of(text, sizeof(text)));
}

static void
put_nul(struct buf *b)
{
	scbor_put_uint(b, 11);
	scbor_put_text(b, bytes_of("a\0b", 3));
}

static void
put_unknown(struct buf *b)
{
	scbor_put_uint(b, 14);
	scbor_put_uint(b, 5);
}

static void
put_since_twice(struct buf *b)
{
	put_since(b);
	put_since(b);
}

static void
put_far_since(struct buf *b)
{
	scbor_put_uint(b, 9);
	scbor_put_uint(b, (uint64_t)INT64_MAX + 1);
}

Test(trust_event, members_that_do_not_belong_are_refused)
{
	cr_assert(by_hand(EVENT_WITHDRAW, EVENT_KEY, NULL, 0) == RC_OK);
	cr_assert(by_hand(EVENT_REVOKE, EVENT_KEY, put_since, 1) == RC_OK);
	cr_assert(by_hand(EVENT_ENROLL, EVENT_BUNDLE, put_sequence, 1) == RC_OK);

	cr_assert(by_hand(0, EVENT_KEY, NULL, 0) == RC_CORRUPT);
	cr_assert(by_hand(6, EVENT_KEY, NULL, 0) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_WITHDRAW, 0, NULL, 0) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_WITHDRAW, 5, NULL, 0) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_REVOKE, EVENT_KEY, NULL, 0) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_WITHDRAW, EVENT_KEY, put_since, 1) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_WITHDRAW, EVENT_BUNDLE, put_sequence, 1) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_ENROLL, EVENT_CRL, put_sequence, 1) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_WITHDRAW, EVENT_KEY, put_empty_kid, 1) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_REVOKE, EVENT_KEY, put_long_reason, 2) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_WITHDRAW, EVENT_KEY, put_unknown, 1) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_WITHDRAW, EVENT_KEY, put_nul, 1) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_REVOKE, EVENT_KEY, put_since_twice, 2) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_REVOKE, EVENT_KEY, put_far_since, 1) == RC_CORRUPT);
	/* No material, and material whose hash is not the id. */
	cr_assert(by_hand(EVENT_ENROLL, EVENT_KEY, NULL, 0) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_ENROLL, EVENT_KEY, put_material, 1) == RC_CORRUPT);
	cr_assert(by_hand(EVENT_WITHDRAW, EVENT_KEY, put_material, 1) == RC_CORRUPT);
}

Test(trust_event, issuers_out_of_order_are_the_callers_fault, .signal = SIGABRT)
{
	struct trust_event e = enrolment();
	struct bytes turned[2] = {e.issuers[1], e.issuers[0]};

	e.issuers = turned;
	written(&e);
}

Test(trust_event, an_issuer_named_twice_is_the_callers_fault, .signal = SIGABRT)
{
	struct trust_event e = enrolment();
	struct bytes twice[2] = {e.issuers[0], e.issuers[0]};

	e.issuers = twice;
	written(&e);
}

Test(trust_event, issuers_of_a_key_that_signs_credentials_are_the_callers_fault, .signal = SIGABRT)
{
	struct trust_event e = enrolment();

	e.use = bytes_str("wit-svid");
	written(&e);
}

Test(trust_event, has_room_for_all_that_a_folder_may_say_of_one_key)
{
	static char text[EVENT_ISSUERS_MAX][64];
	struct bytes issuers[EVENT_ISSUERS_MAX];
	char by[EVENT_BY_MAX], kid[EVENT_KID_MAX], source[EVENT_SOURCE_MAX],
	    reason[EVENT_REASON_MAX];
	struct trust_event e = enrolment(), got;
	size_t each = EVENT_ISSUERS_SIZE_MAX / EVENT_ISSUERS_MAX;

	for (size_t i = 0; i < EVENT_ISSUERS_MAX; i++) {
		memset(text[i], 'x', sizeof(text[i]));
		snprintf(text[i], sizeof(text[i]), "spiffe://example.org/%03zu", i);
		text[i][strlen(text[i])] = 'x';
		issuers[i] = bytes_of(text[i], each);
	}
	memset(by, 'b', sizeof(by));
	memset(kid, 'k', sizeof(kid));
	memset(source, 's', sizeof(source));
	memset(reason, 'r', sizeof(reason));
	e.issuers = issuers;
	e.issuer_count = EVENT_ISSUERS_MAX;
	e.by = bytes_of(by, sizeof(by));
	e.kid = bytes_of(kid, sizeof(kid));
	e.source = bytes_of(source, sizeof(source));
	e.reason = bytes_of(reason, sizeof(reason));
	cr_assert(read_back(written(&e), &got) == RC_OK);
	cr_assert(got.issuer_count == EVENT_ISSUERS_MAX);
}
