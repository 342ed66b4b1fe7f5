#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "claim/entry.h"
#include "lib/entry_v1.h"
#include "lib/testlib.h"

static struct arena arena;
static uint64_t parents[CLAIM_PRED_MAX];
static struct entry_foreign foreign[CLAIM_PRED_MAX];

static void
begin(void)
{
	arena_init(&arena, 4 << 20);
}

static void
end(void)
{
	arena_release(&arena);
}

TestSuite(claim_entry, .init = begin, .fini = end);

static struct entry
plain(void)
{
	struct entry e = {.kind = ENTRY_TOKEN,
	    .received_at_ms = 1700000000123,
	    .media = TOKEN_JWS,
	    .level = LEVEL_2,
	    .has_signer = true,
	    .binding = 1,
	    .anchor = ENTRY_NONE,
	    .workflow = {0, ENTRY_NONE},
	    .issuer = {0, ENTRY_NONE},
	    .token = bytes_str("a.b.c")};

	memset(e.signer.b, 0xab, sizeof e.signer.b);
	memset(e.limits, 0x11, sizeof e.limits);
	return e;
}

static struct entry
full(void)
{
	struct entry e = plain();

	e.flags = ENTRY_DEFERRED | ENTRY_FORWARDED | ENTRY_FOREIGN_PARENT | ENTRY_LOWER_PARENT |
		  ENTRY_BREACH;
	e.binding = ENTRY_BINDING_MAX;
	e.anchor = UINT64_MAX - 1;
	e.credential = bytes_str("a.credential.c");
	e.workflow = (struct entry_link){7, 41};
	e.issuer = (struct entry_link){300, 70000};
	for (size_t i = 0; i < CLAIM_PRED_MAX; i++) {
		parents[i] = UINT64_MAX - 1 - i;
		foreign[i] = (struct entry_foreign){.link = {i, i == 0 ? ENTRY_NONE : i * 1000}};
		foreign[i].has_wid = i % 3 != 0;
		if (foreign[i].has_wid)
			memset(foreign[i].wid, (int)i + 1, UUID_SIZE);
	}
	e.parents = parents;
	e.parent_count = CLAIM_PRED_MAX;
	e.foreign = foreign;
	e.foreign_count = CLAIM_PRED_MAX;
	return e;
}

/* head + token as one exact heap block. */
static struct bytes
join(const struct entry *e)
{
	struct bytes head = BYTES_NONE, out = BYTES_NONE;
	uint8_t *p = NULL;

	cr_assert_eq(entry_write_head(e, &arena, &head), RC_OK);
	p = arena_alloc(&arena, head.n + e->token.n);
	memcpy(p, head.p, head.n);
	if (e->token.n > 0)
		memcpy(p + head.n, e->token.p, e->token.n);
	out = bytes_of(p, head.n + e->token.n);
	return test_exact(out);
}

static enum rc
read_of(struct bytes raw, struct entry *out)
{
	struct why why = {0};

	return entry_read(raw, &arena, out, &why);
}

Test(claim_entry, has_these_bytes)
{
	struct entry e = plain();
	struct bytes raw = BYTES_NONE, want = BYTES_NONE;
	const char *hex = "ac" /* map of 12 */
			  "0102"
			  "0201"
			  "031b0000018bcfe5687b"
			  "0401"
			  "0502"
			  "0600"
			  "075820"
			  "abababababababababababababababababababababababababababababababab"
			  "088200f6"
			  "098200f6"
			  "0c481111111111111111"
			  "0d8301f6f6"
			  "0e45"
			  "612e622e63";

	raw = join(&e);
	want = test_hex(hex);
	cr_assert(bytes_eq(raw, want));
	test_free(raw);
	test_free(want);
}

/* A key event, an equivocation and an L1 token, byte for byte. */
Test(claim_entry, has_these_bytes_where_nobody_signed_and_where_somebody_did)
{
	static const uint64_t parent[1] = {5};
	struct entry e[3] = {plain(), plain(), plain()};
	const char *hex[3] = {"ac"
			      "0102"
			      "0202"
			      "031b0000018bcfe5687b"
			      "0400"
			      "0500"
			      "0600"
			      "07f6"
			      "08820418c8"
			      "098200f6"
			      "0c481111111111111111"
			      "0d8300f6f6"
			      "0e45"
			      "612e622e63",
	    "ad"
	    "0102"
	    "0206"
	    "031b0000018bcfe5687b"
	    "0401"
	    "0502"
	    "0600"
	    "075820"
	    "abababababababababababababababababababababababababababababababab"
	    "088200f6"
	    "098200f6"
	    "0a8105"
	    "0c481111111111111111"
	    "0d830319012c43776974"
	    "0e45"
	    "612e622e63",
	    "ac"
	    "0102"
	    "0201"
	    "031b0000018bcfe5687b"
	    "0403"
	    "0501"
	    "0608"
	    "07f6"
	    "088200f6"
	    "098200f6"
	    "0c481111111111111111"
	    "0d8300f6f6"
	    "0e45"
	    "612e622e63"};

	e[0].kind = ENTRY_KEY;
	e[0].media = 0;
	e[0].level = 0;
	e[0].workflow = (struct entry_link){4, 200};
	e[1].kind = ENTRY_EQUIVOCATION;
	e[1].parents = parent;
	e[1].parent_count = 1;
	e[1].binding = 3;
	e[1].anchor = 300;
	e[1].credential = bytes_str("wit");
	e[2].media = TOKEN_PLAIN;
	e[2].level = LEVEL_1;
	e[2].flags = ENTRY_LOWER_PARENT;
	e[0].has_signer = e[2].has_signer = false;
	e[0].binding = e[2].binding = 0;
	for (size_t i = 0; i < 3; i++) {
		struct bytes raw = join(&e[i]), want = test_hex(hex[i]);
		struct entry out;

		cr_assert(bytes_eq(raw, want), "entry %zu", i);
		cr_assert_eq(read_of(want, &out), RC_OK, "entry %zu", i);
		cr_assert_eq(out.has_signer, e[i].has_signer);
		test_free(raw);
		test_free(want);
	}
}

/* What a log of format 1 holds, byte for byte. */
Test(claim_entry, reads_version_1)
{
	struct bytes want =
	    test_hex("ab"
		     "0101"
		     "0201"
		     "031b0000018bcfe5687b"
		     "0401"
		     "0502"
		     "0600"
		     "075820"
		     "abababababababababababababababababababababababababababababababab"
		     "088200f6"
		     "098200f6"
		     "0c481111111111111111"
		     "0d45"
		     "612e622e63");
	struct entry in = plain(), out;
	struct bytes head = entry_v1_head(&in, &arena), raw;
	struct why why = {0};

	cr_assert(bytes_eq(head, bytes_of(want.p, want.n - 5)));
	cr_assert_eq(read_of(want, &out), RC_OK);
	cr_assert_eq(out.version, 1);
	cr_assert(out.has_signer && hash_eq(&out.signer, &in.signer));
	cr_assert(out.binding == 0 && out.anchor == ENTRY_NONE && out.credential.n == 0);
	cr_assert(bytes_eq(out.token, in.token));
	cr_assert_eq(entry_read_head(head, &arena, &out, &why), RC_OK);
	cr_assert_eq(out.token.n, 5);
	test_free(want);
	/* Written again, it is version 2: the bytes of an old entry are never made anew. */
	out.binding = 1;
	out.token = in.token;
	raw = join(&out);
	cr_assert_eq(read_of(raw, &out), RC_OK);
	cr_assert_eq(out.version, 2);
	test_free(raw);
}

Test(claim_entry, reads_the_largest_version_1_and_refuses_what_it_never_had)
{
	struct entry in = full(), out;
	struct bytes head, raw;
	uint8_t *p;

	in.flags &= ~(uint64_t)(ENTRY_LOWER_PARENT | ENTRY_BREACH);
	head = entry_v1_head(&in, &arena);
	p = arena_alloc(&arena, head.n + in.token.n);
	memcpy(p, head.p, head.n);
	memcpy(p + head.n, in.token.p, in.token.n);
	raw = test_exact(bytes_of(p, head.n + in.token.n));
	cr_assert_eq(read_of(raw, &out), RC_OK);
	cr_assert_eq(out.parent_count, CLAIM_PRED_MAX);
	cr_assert_eq(out.foreign_count, CLAIM_PRED_MAX);
	for (size_t n = 0; n < raw.n; n += 7)
		cr_assert_eq(read_of(bytes_of(p, n), &out), RC_CORRUPT);
	test_free(raw);
	in = plain();
	in.flags = ENTRY_LOWER_PARENT;
	cr_assert_eq(entry_read_head(entry_v1_head(&in, &arena), &arena, &out, NULL), RC_CORRUPT);
	in.flags = 0;
	in.kind = ENTRY_EQUIVOCATION;
	cr_assert_eq(entry_read_head(entry_v1_head(&in, &arena), &arena, &out, NULL), RC_CORRUPT);
}

Test(claim_entry, reads_what_it_wrote_smallest_and_largest)
{
	struct entry in[2] = {plain(), full()}, out = {0};
	struct bytes raw = BYTES_NONE;

	in[0].token = BYTES_NONE;
	for (size_t i = 0; i < 2; i++) {
		raw = join(&in[i]);
		cr_assert_eq(read_of(raw, &out), RC_OK);
		cr_assert_eq(out.kind, in[i].kind);
		cr_assert_eq(out.received_at_ms, in[i].received_at_ms);
		cr_assert_eq(out.media, in[i].media);
		cr_assert_eq(out.level, in[i].level);
		cr_assert_eq(out.flags, in[i].flags);
		cr_assert(out.has_signer && hash_eq(&out.signer, &in[i].signer));
		cr_assert_eq(out.version, ENTRY_VERSION);
		cr_assert_eq(out.binding, in[i].binding);
		cr_assert_eq(out.anchor, in[i].anchor);
		cr_assert(bytes_eq(out.credential, in[i].credential));
		cr_assert_eq(out.workflow.ordinal, in[i].workflow.ordinal);
		cr_assert_eq(out.workflow.previous, in[i].workflow.previous);
		cr_assert_eq(out.issuer.previous, in[i].issuer.previous);
		cr_assert_eq(out.parent_count, in[i].parent_count);
		cr_assert_eq(out.foreign_count, in[i].foreign_count);
		for (size_t k = 0; k < out.parent_count; k++)
			cr_assert_eq(out.parents[k], in[i].parents[k]);
		for (size_t k = 0; k < out.foreign_count; k++) {
			cr_assert_eq(out.foreign[k].has_wid, in[i].foreign[k].has_wid);
			cr_assert_eq(
			    memcmp(out.foreign[k].wid, in[i].foreign[k].wid, UUID_SIZE), 0);
			cr_assert_eq(out.foreign[k].link.ordinal, in[i].foreign[k].link.ordinal);
			cr_assert_eq(out.foreign[k].link.previous, in[i].foreign[k].link.previous);
		}
		cr_assert_eq(memcmp(out.limits, in[i].limits, ENTRY_LIMITS_SIZE), 0);
		cr_assert(bytes_eq(out.token, in[i].token));
		test_free(raw);
	}
}

Test(claim_entry, a_head_is_read_alone_and_announces_the_token)
{
	struct entry e = full(), out = {0};
	struct bytes head = BYTES_NONE, short_by_one = BYTES_NONE;
	struct why why = {0};

	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_OK);
	cr_assert_eq(entry_read_head(head, &arena, &out, &why), RC_OK);
	cr_assert_eq(out.token.n, e.token.n);
	cr_assert_null(out.token.p);
	short_by_one = bytes_of(head.p, head.n - 1);
	cr_assert_eq(entry_read_head(short_by_one, &arena, &out, &why), RC_CORRUPT);
}

Test(claim_entry, a_head_that_promises_more_than_an_entry_holds_is_refused)
{
	static const uint8_t huge[9] = {0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct bytes head = BYTES_NONE;
	struct entry e = plain(), out = {0};
	uint8_t text[300] = {0}, copy[256];
	size_t most;

	e.token = bytes_of(text, sizeof text);
	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_OK);
	cr_assert(head.n < sizeof copy - sizeof huge && head.p[head.n - 3] == 0x59);
	memcpy(copy, head.p, head.n);
	most = ENTRY_SIZE_MAX - head.n;
	for (size_t more = 0; more < 2; more++) {
		copy[head.n - 2] = (uint8_t)((most + more) >> 8);
		copy[head.n - 1] = (uint8_t)(most + more);
		cr_assert_eq(entry_read_head(bytes_of(copy, head.n), &arena, &out, NULL),
		    more == 0 ? RC_OK : RC_CORRUPT);
	}
	memcpy(copy + head.n - 3, huge, sizeof huge);
	head = bytes_of(copy, head.n - 3 + sizeof huge);
	cr_assert_eq(entry_read_head(head, &arena, &out, NULL), RC_CORRUPT);
}

Test(claim_entry, a_head_with_anything_behind_it_is_refused)
{
	struct entry e = plain(), out = {0};
	struct bytes raw = join(&e);
	struct why why = {0};

	cr_assert_eq(entry_read_head(raw, &arena, &out, &why), RC_CORRUPT);
	cr_assert_not_null(why.rule);
	test_free(raw);
}

Test(claim_entry, refuses_every_shorter_and_longer_form)
{
	struct entry e = full(), out = {0};
	struct bytes raw = join(&e), cut = BYTES_NONE;
	uint8_t *more = NULL;

	for (size_t n = 0; n < raw.n; n++) {
		cut = test_exact(bytes_of(raw.p, n));
		cr_assert_eq(read_of(cut, &out), RC_CORRUPT, "accepted %zu of %zu", n, raw.n);
		test_free(cut);
		arena_reset(&arena);
	}
	more = arena_alloc(&arena, raw.n + 1);
	memcpy(more, raw.p, raw.n);
	more[raw.n] = 0;
	cr_assert_eq(read_of(bytes_of(more, raw.n + 1), &out), RC_CORRUPT);
	test_free(raw);
}

/* The heart of it: a changed byte is refused, or makes another entry that is written exactly so. */
Test(claim_entry, any_changed_byte_is_refused_or_says_something_else_in_its_one_form)
{
	struct entry e = full(), out = {0};
	struct bytes raw = BYTES_NONE, again = BYTES_NONE;
	uint8_t *p = NULL;
	size_t accepted = 0, refused = 0;

	e.parent_count = e.foreign_count = 3;
	raw = join(&e);
	p = malloc(raw.n);
	for (size_t i = 0; i < raw.n; i++)
		for (unsigned v = 1; v < 256; v++) {
			memcpy(p, raw.p, raw.n);
			p[i] = (uint8_t)(p[i] ^ v);
			if (read_of(bytes_of(p, raw.n), &out) == RC_OK) {
				again = join(&out);
				cr_assert(bytes_eq(again, bytes_of(p, raw.n)), "byte %zu", i);
				test_free(again);
				accepted++;
			} else {
				refused++;
			}
			arena_reset(&arena);
		}
	cr_assert(accepted > 0 && refused > 0);
	free(p);
	test_free(raw);
}

/* Hand-made forms that CBOR would allow. */
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
static const char *const wrong[] = {
    /* version 3 */
    "ac010302010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* version 0 */
    "ac010002010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* version 2 in two bytes */
    "ac01180202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* version 1 with evidence */
    "ac010102010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60d40",
    /* kind 0 */
    "ac010202000300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* kind 7 */
    "ac010202070300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* a flag nobody knows */
    "ac01020201030004010502061820"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* ordinal 0 with a previous index */
    "ac010202010300040105020600"
    "075820" ZEROS "08820000098200f60c4811111111111111110d8301f6f60e40",
    /* ordinal 1 without one */
    "ac010202010300040105020600"
    "075820" ZEROS "088201f6098200f60c4811111111111111110d8301f6f60e40",
    /* previous is the number that stands for none */
    "ac010202010300040105020600"
    "075820" ZEROS "0882011bffffffffffffffff098200f60c4811111111111111110d8301f6f60e40",
    /* parents present and empty */
    "ad010202010300040105020600"
    "075820" ZEROS "088200f6098200f60a800c4811111111111111110d8301f6f60e40",
    /* a workflow of sixteen zeros */
    "ad010202010300040105020600"
    "075820" ZEROS "088200f6098200f60b8183500000000000000000000000000000000000f60c48111111111111111"
    "10d8301f6f60e40",
    /* one more key announced than there is */
    "ad010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* indefinite map */
    "bf010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40ff",
    /* kind and received_at swapped */
    "ac010203000201040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* a token's level 0 */
    "ac010202010300040105000600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* a token's media 0 */
    "ac010202010300040005020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* signed, but nobody did */
    "ac010202010300040105020600"
    "07f6"
    "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* signed, but not bound */
    "ac010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8300f6f60e40",
    /* a binding nobody knows */
    "ac010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8304f6f60e40",
    /* L1 with a signer */
    "ac010202010300040105010600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8300f6f60e40",
    /* L1 with a binding */
    "ac010202010300040105010600"
    "07f6"
    "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* L1 with an anchor */
    "ac010202010300040105010600"
    "07f6"
    "088200f6098200f60c4811111111111111110d830000f60e40",
    /* L1 with a credential */
    "ac010202010300040105010600"
    "07f6"
    "088200f6098200f60c4811111111111111110d8300f641010e40",
    /* an anchor that stands for none */
    "ac010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d83011bfffffffffffffffff60e40",
    /* an empty credential */
    "ac010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6400e40",
    /* evidence of two */
    "ac010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8201f60e40",
    /* no evidence */
    "ab010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110e40",
    /* a key event with a level */
    "ac010202020300040005020600"
    "07f6"
    "088200f6098200f60c4811111111111111110d8300f6f60e40",
    /* a key event with a media */
    "ac010202020300040105000600"
    "07f6"
    "088200f6098200f60c4811111111111111110d8300f6f60e40",
    /* a key event with a parent */
    "ad010202020300040005000600"
    "07f6"
    "088200f6098200f60a81000c4811111111111111110d8300f6f60e40",
    /* a key event with a signer */
    "ac010202020300040005000600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8300f6f60e40",
    /* an equivocation without the entry that holds the id */
    "ac010202060300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* an equivocation with two */
    "ad010202060300040105020600"
    "075820" ZEROS "088200f6098200f60a8200010c4811111111111111110d8301f6f60e40",
    /* an equivocation with a foreign link */
    "ae010202060300040105020600"
    "075820" ZEROS "088200f6098200f60a81000b8183f600f60c4811111111111111110d8301f6f60e40",
    /* signer of 31 bytes */
    "ac01020201030004010502060007581f00000000000000000000000000000000000000000000000000000000000000"
    "088200f6098200f60c4811111111111111110d8301f6f60e40",
    /* the token under version 1's key */
    "ac010202010300040105020600"
    "075820" ZEROS "088200f6098200f60c4811111111111111110d40",
};

Test(claim_entry, refuses_what_the_writer_never_makes)
{
	static const char *const right[] = {
	    /* the pattern of the others: a token, L1, a key event, an equivocation */
	    "ac010202010300040105020600"
	    "075820" ZEROS "088200f6098200f60c4811111111111111110d8301f6f60e40",
	    "ac010202010300040105010600"
	    "07f6"
	    "088200f6098200f60c4811111111111111110d8300f6f60e40",
	    "ac010202020300040005000600"
	    "07f6"
	    "088200f6098200f60c4811111111111111110d8300f6f60e40",
	    "ad010202060300040105020600"
	    "075820" ZEROS "088200f6098200f60a81000c4811111111111111110d8301f6f60e40",
	};
	struct entry out = {0};
	struct bytes raw;

	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		raw = test_hex(right[i]);
		cr_assert_eq(read_of(raw, &out), RC_OK, "pattern %zu", i);
		test_free(raw);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		raw = test_hex(wrong[i]);
		cr_assert_eq(read_of(raw, &out), RC_CORRUPT, "case %zu", i);
		test_free(raw);
	}
}

Test(claim_entry, the_largest_entry_fits_and_one_byte_more_does_not)
{
	struct entry e = plain(), out = {0};
	struct bytes head = BYTES_NONE, raw = BYTES_NONE;
	uint8_t *token = arena_zalloc(&arena, ENTRY_SIZE_MAX);

	e.token = bytes_of(token, 65000);
	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_OK);
	e.token.n = ENTRY_SIZE_MAX - head.n;
	raw = join(&e);
	cr_assert_eq(raw.n, ENTRY_SIZE_MAX);
	cr_assert_eq(read_of(raw, &out), RC_OK);
	test_free(raw);
	e.token.n++;
	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_TOO_LARGE);
	e.token.n = SIZE_MAX / 2;
	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_TOO_LARGE);
	e.token.n = 1;
	e.credential = bytes_of(token, 65000);
	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_OK);
	e.credential.n = ENTRY_SIZE_MAX;
	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_TOO_LARGE);
	e.credential.n = SIZE_MAX / 2;
	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_TOO_LARGE);
}

Test(claim_entry, writing_an_entry_that_breaks_its_rules_is_our_bug, .signal = SIGABRT)
{
	struct entry e = plain();
	struct bytes head = BYTES_NONE;

	e.workflow.previous = 3; /* with ordinal 0 */
	entry_write_head(&e, &arena, &head);
}

Test(claim_entry, a_signed_entry_without_its_signer_is_our_bug, .signal = SIGABRT)
{
	struct entry e = plain();
	struct bytes head = BYTES_NONE;

	e.has_signer = false;
	entry_write_head(&e, &arena, &head);
}

Test(claim_entry, a_full_arena_is_an_answer)
{
	struct entry e = full(), out = {0};
	struct bytes head = BYTES_NONE, raw = join(&e);
	struct arena small;

	arena_init(&small, 64);
	cr_assert_eq(entry_write_head(&e, &small, &head), RC_NO_MEMORY);
	cr_assert_eq(entry_read(raw, &small, &out, NULL), RC_NO_MEMORY);
	arena_release(&small);
	test_free(raw);
}

Test(claim_entry, the_leaf_hash_is_over_a_zero_byte_head_and_token)
{
	struct entry e = plain();
	struct bytes head = BYTES_NONE, raw = join(&e), parts[2];
	struct hash joined, split, want;
	static const uint8_t zero = 0;

	cr_assert_eq(entry_write_head(&e, &arena, &head), RC_OK);
	entry_leaf_hash(head, e.token, &split);
	entry_leaf_hash(raw, BYTES_NONE, &joined);
	parts[0] = bytes_of(&zero, 1);
	parts[1] = raw;
	hash_of_parts(parts, 2, &want);
	cr_assert(hash_eq(&split, &want));
	cr_assert(hash_eq(&joined, &want));
	test_free(raw);
}
