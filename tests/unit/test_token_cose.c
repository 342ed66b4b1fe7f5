/*
 * test_token_cose.c - the COSE parser: what is accepted, byte for byte; every refusal by its code,
 * in its order; what a hostile head may cost.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/scbor.h"
#include "lib/testlib.h"
#include "token/cose.h"

#define PAYLOAD "a2016161061903e8" /* {1: "a", 6: 1000} */
#define ES256	"a10126"	   /* {1: -7} */
#define ID	"00112233445566778899aabbccddeeff"

/* A message from the hex of its parts; heap memory of exactly its size, so that sanitizers see its
 * edges. */
struct message {
	const char *before;	  /* hex; default d284 */
	const char *header;	  /* hex of the bytes inside the byte string */
	const char *unprotected;  /* hex; default a0 */
	const char *payload;	  /* hex of the bytes inside; default PAYLOAD */
	const char *bare_payload; /* hex of an item in its place */
	size_t signature_size;	  /* default 64 */
	const char *after;	  /* hex */
};

struct fix {
	struct arena arena;
	struct token token;
	struct why why;
	struct bytes raw;
};

static struct fix *
fix_new(void)
{
	struct fix *f = calloc(1, sizeof(*f));

	cr_assert_not_null(f);
	arena_init(&f->arena, 4 << 20);
	return f;
}

static void
fix_free(struct fix *f)
{
	arena_release(&f->arena);
	test_free(f->raw);
	free(f);
}

static void
add_hex(struct buf *b, const char *hex)
{
	struct bytes x = test_hex(hex);

	buf_add_bytes(b, x);
	free((void *)(uintptr_t)x.p);
}

static void
add_wrapped(struct buf *b, const char *hex)
{
	struct bytes x = test_hex(hex);

	scbor_put_bytes(b, x);
	free((void *)(uintptr_t)x.p);
}

static struct bytes
build(const struct message *m)
{
	size_t n = m->signature_size != 0 ? m->signature_size : 64;
	uint8_t signature[256];
	struct bytes exact;
	struct buf b;

	cr_assert(n <= sizeof(signature));
	memset(signature, 0xa5, sizeof(signature));
	buf_init(&b, 0);
	add_hex(&b, m->before != NULL ? m->before : "d284");
	add_wrapped(&b, m->header != NULL ? m->header : ES256);
	add_hex(&b, m->unprotected != NULL ? m->unprotected : "a0");
	if (m->bare_payload != NULL)
		add_hex(&b, m->bare_payload);
	else
		add_wrapped(&b, m->payload != NULL ? m->payload : PAYLOAD);
	scbor_put_bytes(&b, bytes_of(signature, n));
	if (m->after != NULL)
		add_hex(&b, m->after);
	cr_assert(!b.bad);
	exact = test_exact(buf_bytes(&b));
	buf_release(&b);
	return exact;
}

static enum rc
parse_raw(struct fix *f)
{
	memset(&f->why, 0, sizeof(f->why));
	arena_reset(&f->arena);
	return cose_token_parse(f->raw, &f->arena, &f->token, &f->why);
}

static enum rc
parse(struct fix *f, struct message m)
{
	test_free(f->raw);
	f->raw = build(&m);
	return parse_raw(f);
}

#define PARSE(f, ...) parse(f, (struct message){__VA_ARGS__})

/* ---- what a good token gives ---- */

Test(token_cose, gives_every_part_of_a_good_token)
{
	struct fix *f = fix_new();
	struct bytes payload = test_hex(PAYLOAD);

	cr_assert_eq(
	    PARSE(f, .header = "a3012604426b311068657865632b637774"), RC_OK, "%s", f->why.text);
	cr_expect_eq(f->token.media, TOKEN_COSE);
	cr_expect_eq(f->token.level, LEVEL_2);
	cr_expect_eq(f->token.alg, TOKEN_ES256);
	cr_expect(!f->token.old_typ);
	cr_expect(bytes_is(f->token.kid, "k1"));
	cr_expect(bytes_eq(f->token.raw, f->raw));
	cr_expect(bytes_eq(f->token.payload, payload));
	cr_expect_null(f->token.claims);
	cr_expect_null(f->token.x5c);
	cr_expect_eq(f->token.x5c_count, 0);
	cr_expect(!f->token.has_x5t);
	cr_expect_eq(f->token.signature_size, 64);
	cr_expect_eq(f->token.signature[63], 0xa5);
	cr_expect_eq(f->token.signature[64], 0);
	test_free(payload);
	fix_free(f);
}

Test(token_cose, signs_the_sig_structure_over_the_bytes_as_received)
{
	struct fix *f = fix_new();
	struct bytes want = test_hex("846a5369676e61747572653143a101264048" PAYLOAD);

	cr_assert_eq(PARSE(f, .header = ES256), RC_OK, "%s", f->why.text);
	cr_expect(bytes_eq(f->token.signing_input, want));
	test_free(want);
	fix_free(f);
}

Test(token_cose, knows_six_algorithms_and_their_signature_sizes)
{
	static const struct {
		const char *header;
		enum token_alg alg;
		size_t size;
	} rows[] = {{"a10126", TOKEN_ES256, 64}, {"a10128", TOKEN_ES256, 64},
	    {"a1013822", TOKEN_ES384, 96}, {"a1013832", TOKEN_ES384, 96},
	    {"a10127", TOKEN_EDDSA, 64}, {"a10132", TOKEN_EDDSA, 64}};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t other = rows[i].size == 64 ? 96 : 64;

		cr_expect_eq(
		    PARSE(f, .header = rows[i].header, .signature_size = rows[i].size), RC_OK);
		cr_expect_eq(f->token.alg, rows[i].alg);
		cr_expect_eq(f->token.signature_size, rows[i].size);
		cr_expect_eq(
		    PARSE(f, .header = rows[i].header, .signature_size = other), RC_BAD_SIGNATURE);
		cr_expect_eq(PARSE(f, .header = rows[i].header, .signature_size = rows[i].size - 1),
		    RC_BAD_SIGNATURE);
		cr_expect_eq(PARSE(f, .header = rows[i].header, .signature_size = rows[i].size + 1),
		    RC_BAD_SIGNATURE);
	}
	fix_free(f);
}

Test(token_cose, reads_the_typ_values_and_marks_the_old_one)
{
	static const struct {
		const char *header;
		enum rc rc;
		bool old;
	} rows[] = {
	    {"a201261068657865632b637774", RC_OK, false},
	    {"a2012610746170706c69636174696f6e2f657865632b637774", RC_OK, false},
	    {"a20126106e77696d73652d657865632b637774", RC_OK, true},
	    {"a201261068657865632b6a7774", RC_BAD_TYP, false}, /* exec+jwt */
	    {"a201261068457865632b637774", RC_BAD_TYP, false}, /* Exec+cwt */
	    {"a201261060", RC_BAD_TYP, false},		       /* empty */
	    {"a20126103d", RC_BAD_HEADER, false},	       /* cut off */
	    {"a201261018", RC_BAD_HEADER, false},	       /* cut off */
	    {"a20126101901f4", RC_BAD_TYP, false},	       /* a content format */
	    {"a201261048657865632b637774", RC_BAD_TYP, false}, /* bytes, not text */
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum rc rc = PARSE(f, .header = rows[i].header);

		cr_expect_eq(rc, rows[i].rc, "%s: %s", rows[i].header, f->why.text);
		if (rc == RC_OK)
			cr_expect_eq(f->token.old_typ, rows[i].old, "%s", rows[i].header);
	}
	fix_free(f);
}

/* ---- the envelope ---- */

struct row {
	struct message m;
	enum rc rc;
	const char *word; /* in the refusal's text */
};

static void
run(const struct row *rows, size_t count)
{
	struct fix *f = fix_new();

	for (size_t i = 0; i < count; i++) {
		enum rc rc = parse(f, rows[i].m);

		cr_expect_eq(rc, rows[i].rc, "row %zu: %s (%s)", i, rc_label(rc), f->why.text);
		if (rc == RC_OK || rows[i].rc == RC_OK)
			continue;
		cr_expect_not_null(f->why.rule, "row %zu", i);
		cr_expect_not_null(
		    strstr(f->why.text, rows[i].word), "row %zu: \"%s\"", i, f->why.text);
	}
	fix_free(f);
}
#define RUN(rows) run(rows, sizeof(rows) / sizeof((rows)[0]))

Test(token_cose, takes_tag_18_in_one_spelling_and_nothing_else_around_it)
{
	static const struct row rows[] = {
	    {{.before = "d284"}, RC_OK, ""},
	    {{.before = "84"}, RC_BAD_TOKEN, "without its tag 18"},
	    {{.before = "d81284"}, RC_BAD_TOKEN, "tag 18"},	/* 18, not the shortest */
	    {{.before = "d83dd284"}, RC_BAD_TOKEN, "tag 18"},	/* CWT, RFC 8392 6 */
	    {{.before = "d9d9f7d284"}, RC_BAD_TOKEN, "tag 18"}, /* self-described */
	    {{.before = "d2d284"}, RC_BAD_TOKEN, "array of four"},
	    {{.before = "d284", .after = "00"}, RC_BAD_TOKEN, "after the message"},
	    {{.before = "d283"}, RC_BAD_TOKEN, "array of four"},
	    {{.before = "d285", .after = "40"}, RC_BAD_TOKEN, "array of four"},
	    {{.before = "d29804"}, RC_BAD_TOKEN, "array of four"},
	    {{.before = "d29f", .after = "ff"}, RC_BAD_TOKEN, "array of four"},
	    {{.before = "d86284"}, RC_BAD_TOKEN, "tag 18"}, /* COSE_Sign */
	    {{.before = "d184"}, RC_BAD_TOKEN, "tag 18"},   /* COSE_Mac0 */
	    {{.before = "d084"}, RC_BAD_TOKEN, "tag 18"},   /* COSE_Encrypt0 */
	    {{.before = "d903e684"}, RC_BAD_TOKEN, "tag 18"},
	    {{.bare_payload = "f6"}, RC_BAD_TOKEN, "detached"},
	    {{.bare_payload = PAYLOAD}, RC_BAD_TOKEN, "payload is not a byte string"},
	    {{.bare_payload = "5f48" PAYLOAD "ff"}, RC_BAD_TOKEN, "payload is not a byte string"},
	    {{.unprotected = "40"}, RC_BAD_TOKEN, "unprotected header is not a map"},
	    {{.unprotected = "bfff"}, RC_BAD_TOKEN, "unprotected header is not a map"},
	};
	RUN(rows);
}

Test(token_cose, refuses_everything_in_the_unprotected_header)
{
	static const struct row rows[] = {
	    {{.unprotected = "a10126", .header = ""}, RC_BAD_HEADER, "alg is in the unprotected"},
	    {{.unprotected = "a10126"}, RC_BAD_HEADER, "alg is in the unprotected"},
	    {{.unprotected = "a104426b31"}, RC_BAD_HEADER, "kid is in the unprotected"},
	    {{.unprotected = "a10b40"}, RC_BAD_HEADER, "unprotected header is not empty"},
	    {{.unprotected = "a1616101"}, RC_BAD_HEADER, "unprotected header is not empty"},
	    /* labels that repeat across the two headers do not get that far */
	    {{.header = "a2012604426b31", .unprotected = "a104426b31"}, RC_BAD_HEADER, "kid"},
	    {{.unprotected = "a101f90000"}, RC_BAD_TOKEN, "not strict"},
	};
	RUN(rows);
}

/* ---- the protected header ---- */

Test(token_cose, refuses_a_header_that_is_no_strict_map)
{
	static const struct row rows[] = {
	    {{.header = "80"}, RC_BAD_HEADER, "not a map"},
	    {{.header = "bf0126ff"}, RC_BAD_HEADER, "not a map"},
	    {{.header = "a1012600"}, RC_BAD_HEADER, "after the protected"},
	    {{.header = "a104426b310126"}, RC_BAD_HEADER, "after"},
	    {{.header = "a204426b310126"}, RC_BAD_HEADER, "ascending"}, /* 4 before 1 */
	    {{.header = "a201260126"}, RC_BAD_HEADER, "ascending"},	/* twice */
	    {{.header = "a1180126"}, RC_BAD_HEADER, "ascending"},	/* label 1 in two bytes */
	    {{.header = "a1013806"}, RC_BAD_HEADER, "ascending"},	/* -7 in two bytes */
	    {{.header = "a101"}, RC_BAD_HEADER, "not a map"},
	    {{.header = "a20126"}, RC_BAD_HEADER, "not a map"},
	    {{.header = "a101f90000"}, RC_BAD_HEADER, "ascending"}, /* a float */
	    {{.header = "a101c126"}, RC_BAD_HEADER, "ascending"},   /* a tag */
	    {{.header = "a1f526"}, RC_BAD_HEADER, "ascending"},	    /* a label that is true */
	    {{.header = "a24041000126"}, RC_BAD_HEADER, "ascending"},
	};
	RUN(rows);
}

Test(token_cose, refuses_other_algorithms_and_none_at_all)
{
	static const struct row rows[] = {
	    {{.header = ""}, RC_BAD_ALG, "missing"},
	    {{.header = "a0"}, RC_BAD_ALG, "missing"},
	    {{.header = "a104426b31"}, RC_BAD_ALG, "missing"},
	    {{.header = "a101654553323536"}, RC_BAD_ALG, "not a number"}, /* "ES256" */
	    {{.header = "a1013823"}, RC_BAD_ALG, "-36"},		  /* ES512 */
	    {{.header = "a10105"}, RC_BAD_ALG, "5"},			  /* HMAC 256/256 */
	    {{.header = "a101390100"}, RC_BAD_ALG, "-257"},		  /* RS256 */
	    {{.header = "a10100"}, RC_BAD_ALG, "0"},
	    {{.header = "a10107"}, RC_BAD_ALG, "7"},
	    {{.header = "a101382e"}, RC_BAD_ALG, "-47"}, /* ES256K */
	    {{.header = "a101f6"}, RC_BAD_ALG, "not a number"},
	    {{.header = "a1013bffffffffffffffff"}, RC_BAD_ALG, "not a number"},
	    /* alg is judged before what is beside it */
	    {{.header = "a20105028101"}, RC_BAD_ALG, "5"},
	};
	RUN(rows);
}

Test(token_cose, refuses_labels_outside_the_list_by_name)
{
	static const struct row rows[] = {
	    {{.header = "a2012602810f"}, RC_BAD_HEADER, "2 (crit)"},
	    {{.header = "a20126028101"}, RC_BAD_HEADER, "2 (crit)"},
	    {{.header = "a2012602f5"}, RC_BAD_HEADER, "2 (crit)"},
	    {{.header = "a201260300"}, RC_BAD_HEADER, "3 (content type)"},
	    {{.header = "a201260540"}, RC_BAD_HEADER, "5 (IV)"},
	    {{.header = "a201260fa0"}, RC_BAD_HEADER, "15 (CWT claims)"},
	    {{.header = "a20126182040"}, RC_BAD_HEADER, "32 (x5bag)"},
	    {{.header = "a2012618236161"}, RC_BAD_HEADER, "35 (x5u)"},
	    {{.header = "a201261903e700"}, RC_BAD_HEADER, "999"},
	    {{.header = "a201262000"}, RC_BAD_HEADER, "-1"},
	    {{.header = "a20126616100"}, RC_BAD_HEADER, "text"},
	};
	RUN(rows);
}

Test(token_cose, a_kid_is_printable_text_of_1_to_128_bytes_without_spaces)
{
	struct fix *f = fix_new();
	char header[600];

	for (int n = 127; n <= 129; n++) {
		int at = snprintf(header, sizeof(header), "a20126045880");

		at -= 2;
		at += snprintf(header + at, sizeof(header) - (size_t)at, "%02x", (unsigned)n);
		for (int i = 0; i < n; i++)
			at += snprintf(header + at, sizeof(header) - (size_t)at, "7e");
		cr_expect_eq(PARSE(f, .header = header), n <= 128 ? RC_OK : RC_BAD_HEADER, "%d", n);
	}
	cr_expect_eq(PARSE(f, .header = "a2012604412e"), RC_OK);
	cr_expect(bytes_is(f->token.kid, "."));
	cr_expect_eq(PARSE(f, .header = "a20126044121"), RC_OK);
	cr_expect_eq(PARSE(f, .header = "a2012604626b31"), RC_BAD_HEADER); /* text */
	cr_expect_eq(PARSE(f, .header = "a201260440"), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a20126044120"), RC_BAD_HEADER); /* space */
	cr_expect_eq(PARSE(f, .header = "a2012604417f"), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a20126044100"), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a201260441ff"), RC_BAD_HEADER);
	cr_expect_str_eq(f->why.claim, "kid");
	fix_free(f);
}

Test(token_cose, x5chain_is_one_certificate_or_an_array_of_two_to_four)
{
	static const struct {
		const char *header;
		enum rc rc;
		size_t count;
	} rows[] = {
	    {"a201261821423000", RC_OK, 1},
	    {"a20126182181423000", RC_BAD_HEADER, 0},
	    {"a20126182182423000423001", RC_OK, 2},
	    {"a20126182184423000423001423002423003", RC_OK, 4},
	    {"a20126182185423000423001423002423003423004", RC_BAD_HEADER, 0},
	    {"a20126182180", RC_BAD_HEADER, 0},
	    {"a20126182140", RC_BAD_HEADER, 0},
	    {"a2012618218242300040", RC_BAD_HEADER, 0},
	    {"a201261821824230006161", RC_BAD_HEADER, 0},
	    {"a2012618216161", RC_BAD_HEADER, 0},
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum rc rc = PARSE(f, .header = rows[i].header);

		cr_expect_eq(rc, rows[i].rc, "%s: %s", rows[i].header, f->why.text);
		if (rc != RC_OK)
			continue;
		cr_assert_eq(f->token.x5c_count, rows[i].count);
		for (size_t k = 0; k < rows[i].count; k++) {
			cr_expect_eq(f->token.x5c[k].n, 2);
			cr_expect_eq(f->token.x5c[k].p[1], k);
		}
	}
	fix_free(f);
}

Test(token_cose, a_header_may_be_longer_where_it_carries_certificates)
{
	/* {1: -7, 33: [bytes, ...]}: 6 bytes, and each certificate with a head of 3 */
	static const struct {
		size_t cert;
		unsigned certs;
		enum rc rc;
	} rows[] = {
	    {4096, 2, RC_OK},
	    {4097, 2, RC_BAD_HEADER},
	    {4091, 3, RC_OK}, /* 12288 bytes in all */
	    {4092, 3, RC_TOO_LARGE},
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *der = calloc(1, rows[i].cert);
		struct buf header, b;

		cr_assert_not_null(der);
		buf_init(&header, 0);
		buf_init(&b, 0);
		scbor_put_map(&header, 2);
		scbor_put_uint(&header, 1);
		scbor_put_int(&header, -7);
		scbor_put_uint(&header, 33);
		scbor_put_array(&header, rows[i].certs);
		for (unsigned k = 0; k < rows[i].certs; k++)
			scbor_put_bytes(&header, bytes_of(der, rows[i].cert));
		scbor_put_tag(&b, 18);
		scbor_put_array(&b, 4);
		scbor_put_bytes(&b, buf_bytes(&header));
		scbor_put_map(&b, 0);
		scbor_put_bytes(&b, bytes_of("\xa0", 1));
		scbor_put_bytes(&b, bytes_of(der, 64));
		test_free(f->raw);
		f->raw = test_exact(buf_bytes(&b));
		cr_expect_eq(
		    parse_raw(f), rows[i].rc, "row %zu, %zu bytes: %s", i, header.n, f->why.text);
		buf_release(&header);
		buf_release(&b);
		free(der);
	}
	fix_free(f);
}

Test(token_cose, a_header_without_certificates_is_at_most_1024_bytes)
{
	struct fix *f = fix_new();

	/* {1: -7, 999: bytes}: 3 + 3 + 3 bytes and the bytes; 999 is refused, but later */
	for (size_t n = 1015; n <= 1016; n++) {
		char header[4096];
		int at = snprintf(header, sizeof(header), "a201261903e759%04x", (unsigned)n);

		for (size_t i = 0; i < n; i++)
			at += snprintf(header + at, sizeof(header) - (size_t)at, "00");
		cr_expect_eq(PARSE(f, .header = header), n == 1015 ? RC_BAD_HEADER : RC_TOO_LARGE,
		    "%zu: %s", n, f->why.text);
	}
	fix_free(f);
}

Test(token_cose, x5t_is_sha_256_alone_and_never_beside_x5chain)
{
	struct fix *f = fix_new();

	cr_assert_eq(PARSE(f, .header = "a201261822822f5820" ID ID), RC_OK, "%s", f->why.text);
	cr_expect(f->token.has_x5t);
	cr_expect_eq(f->token.x5t[1], 0x11);
	cr_expect_eq(f->token.x5t[31], 0xff);
	cr_expect_eq(f->token.x5c_count, 0);
	/* SHA-256/64, SHA-384, another length, another shape */
	cr_expect_eq(PARSE(f, .header = "a201261822822e5820" ID ID), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a20126182282382a5820" ID ID), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a201261822822f50" ID), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a2012618225820" ID ID), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a201261822832f5820" ID ID "00"), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a3012618214230001822822f5820" ID ID), RC_BAD_HEADER);
	cr_expect_not_null(strstr(f->why.text, "together"));
	fix_free(f);
}

/* ---- the payload ---- */

Test(token_cose, the_payload_is_one_strict_map_and_nothing_more)
{
	static const struct row rows[] = {
	    {{.payload = "a0"}, RC_OK, ""},
	    {{.payload = ""}, RC_BAD_TOKEN, "not a map"},
	    {{.payload = "80"}, RC_BAD_TOKEN, "not a map"},
	    {{.payload = "d83da0"}, RC_BAD_TOKEN, "not a map"},
	    {{.payload = "a000"}, RC_BAD_TOKEN, "after the payload"},
	    {{.payload = "a201000100"}, RC_BAD_TOKEN, "deterministic"}, /* twice */
	    {{.payload = "a206000100"}, RC_BAD_TOKEN, "deterministic"}, /* 6 before 1 */
	    {{.payload = "a1180100"}, RC_BAD_TOKEN, "deterministic"},	/* not the shortest */
	    {{.payload = "bf0100ff"}, RC_BAD_TOKEN, "not a map"},	/* indefinite */
	    {{.payload = "a101f90000"}, RC_BAD_TOKEN, "deterministic"}, /* float */
	    {{.payload = "a106c100"}, RC_BAD_TOKEN, "deterministic"},	/* tag 1 */
	    {{.payload = "a10161ff"}, RC_BAD_TOKEN, "deterministic"},	/* not UTF-8 */
	    {{.payload = "a101f7"}, RC_BAD_TOKEN, "deterministic"},	/* undefined */
	    {{.payload = "a1019b7fffffffffffffff"}, RC_BAD_TOKEN, "deterministic"},
	    {{.payload = "a1015b7fffffffffffffff"}, RC_BAD_TOKEN, "deterministic"},
	    {{.payload = "a1810100"}, RC_BAD_TOKEN, "key is neither"},	/* an array as a key */
	    {{.payload = "a1410100"}, RC_BAD_TOKEN, "key is neither"},	/* a byte string */
	    {{.payload = "a22000616100"}, RC_OK, ""},			/* -1, "a" */
	    /* eight levels with the payload's own, and nine */
	    {{.payload = "a10181818181818180"}, RC_OK, ""},
	    {{.payload = "a1018181818181818180"}, RC_TOO_LARGE, "deeper than 8"},
	    {{.payload = "a101a100a100a100a100a100a1008100"}, RC_OK, ""},
	    {{.payload = "a101a100a100a100a100a100a100a100a0"}, RC_TOO_LARGE, "deeper than 8"},
	    /* the signature's length is judged first */
	    {{.payload = "80", .signature_size = 63}, RC_BAD_SIGNATURE, "63"},
	};
	RUN(rows);
}

Test(token_cose, a_payload_has_at_most_4096_items)
{
	struct fix *f = fix_new();

	/* the map, a key, an array and what is in it */
	for (size_t n = TOKEN_NODES_MAX - 3; n <= TOKEN_NODES_MAX - 2; n++) {
		struct buf b, payload;

		buf_init(&b, 0);
		buf_init(&payload, 0);
		scbor_put_map(&payload, 1);
		scbor_put_uint(&payload, 0);
		scbor_put_array(&payload, n);
		for (size_t i = 0; i < n; i++)
			scbor_put_uint(&payload, 0);
		scbor_put_tag(&b, 18);
		scbor_put_array(&b, 4);
		add_wrapped(&b, ES256);
		scbor_put_map(&b, 0);
		scbor_put_bytes(&b, buf_bytes(&payload));
		scbor_put_bytes(&b, bytes_of(payload.p, 64));
		test_free(f->raw);
		f->raw = test_exact(buf_bytes(&b));
		cr_expect_eq(
		    parse_raw(f), n == TOKEN_NODES_MAX - 3 ? RC_OK : RC_TOO_LARGE, "%zu", n);
		buf_release(&b);
		buf_release(&payload);
	}
	fix_free(f);
}

Test(token_cose, every_bad_encoding_is_refused_anywhere_in_a_payload)
{
	/* {1: item}, {1: [item]}, {1: {1: item}}, {item: 0} */
	static const char *const around[][2] = {
	    {"a101", ""}, {"a10181", ""}, {"a101a101", ""}, {"a1", "00"}};
	json_t *root = test_vectors(TEST_DATA, "vectors/cbor/deterministic.json"), *c;
	struct fix *f = fix_new();
	size_t i, count = 0;

	json_array_foreach(json_object_get(root, "bad"), i, c)
	{
		const char *hex = json_string_value(json_object_get(c, "hex"));

		for (size_t k = 0; k < sizeof(around) / sizeof(around[0]); k++) {
			char payload[4096];
			enum rc rc;

			(void)snprintf(
			    payload, sizeof(payload), "%s%s%s", around[k][0], hex, around[k][1]);
			rc = PARSE(f, .payload = payload);
			cr_expect(rc == RC_BAD_TOKEN || rc == RC_TOO_LARGE, "%s (%s): %s", payload,
			    json_string_value(json_object_get(c, "why")), rc_label(rc));
			count++;
		}
	}
	cr_expect_geq(count, 80, "%zu", count);
	json_decref(root);
	fix_free(f);
}

/* ---- what hostile bytes may cost ---- */

Test(token_cose, a_head_that_promises_much_costs_nothing)
{
	static const char *const bombs[] = {"d284", "d2847bffffffff", "d2845affffffff",
	    "d29affffffff", "d29b7fffffffffffffff", "d28440baffffffff", "d28440bb7fffffffffffffff",
	    "d28440a05affffffff", "d28443a10126a09affffffff", "d28443a10126a048a1019affffffff",
	    "d2", "9affffffff", "d28443a10126a0", "d28443a10126a041a0", "d28443a10126a041a0584000"};
	struct fix *f = fix_new();

	arena_release(&f->arena);
	arena_init(&f->arena, 0); /* nothing to be had */
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		test_free(f->raw);
		f->raw = test_hex(bombs[i]);
		cr_expect_eq(parse_raw(f), RC_BAD_TOKEN, "%s: %s", bombs[i], f->why.text);
	}
	/* the same inside a payload that is otherwise whole */
	cr_expect_eq(PARSE(f, .payload = "a1019affffffff"), RC_BAD_TOKEN);
	cr_expect_eq(PARSE(f, .payload = "baffffffff"), RC_BAD_TOKEN);
	cr_expect_eq(PARSE(f, .header = "a101baffffffff"), RC_BAD_HEADER);
	cr_expect_eq(PARSE(f, .header = "a2012618219affffffff"), RC_BAD_HEADER);
	fix_free(f);
}

Test(token_cose, takes_no_more_of_the_arena_than_it_says)
{
	struct fix *f = fix_new();

	cr_assert_eq(PARSE(f, .header = "a20126182184423000423001423002423003"), RC_OK);
	cr_expect_leq(f->arena.used, f->raw.n + COSE_ARENA_EXTRA);
	arena_release(&f->arena);
	arena_init(&f->arena, 64);
	cr_expect_eq(parse_raw(f), RC_NO_MEMORY);
	arena_release(&f->arena);
	arena_init(&f->arena, f->raw.n + COSE_ARENA_EXTRA);
	cr_expect_eq(parse_raw(f), RC_OK);
	fix_free(f);
}

Test(token_cose, a_token_has_at_most_64000_bytes)
{
	uint8_t *big = calloc(1, TOKEN_SIZE_MAX + 1);
	struct arena a;
	struct token t;

	arena_init(&a, 1 << 16);
	cr_assert_eq(
	    cose_token_parse(bytes_of(big, TOKEN_SIZE_MAX + 1), &a, &t, NULL), RC_TOO_LARGE);
	cr_assert_eq(cose_token_parse(bytes_of(big, TOKEN_SIZE_MAX), &a, &t, NULL), RC_BAD_TOKEN);
	arena_release(&a);
	free(big);
}

Test(token_cose, every_prefix_of_a_token_is_refused)
{
	struct fix *f = fix_new();
	struct bytes whole;

	cr_assert_eq(PARSE(f, .header = "a3012604426b311068657865632b637774"), RC_OK);
	whole = f->raw;
	for (size_t n = 0; n < whole.n; n++) {
		f->raw = test_exact(bytes_of(whole.p, n));
		cr_expect_eq(parse_raw(f), RC_BAD_TOKEN, "%zu", n);
		test_free(f->raw);
	}
	f->raw = whole;
	fix_free(f);
}

/* ---- published examples ---- */

/* Hex in capitals. */
static struct bytes
hex_member(json_t *object, const char *name)
{
	const char *hex = json_string_value(json_object_get(object, name));
	struct bytes out;
	char *low;

	cr_assert_not_null(hex, "%s", name);
	low = strdup(hex);
	cr_assert_not_null(low);
	for (char *p = low; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p - 'A' + 'a');
	out = test_hex(low);
	free(low);
	return out;
}

/* The working group's messages of RFC 9052: all but one are outside this profile, and each is
 * refused for the first thing that is. */
Test(token_cose, judges_the_working_groups_examples)
{
	static const struct {
		const char *file;
		enum rc rc;
		const char *word;
	} rows[] = {
	    {"sign1-tests--sign-pass-01", RC_BAD_HEADER, "alg is in the unprotected"},
	    {"sign1-tests--sign-pass-02", RC_BAD_HEADER, "kid is in the unprotected"},
	    {"sign1-tests--sign-pass-03", RC_BAD_TOKEN, "without its tag 18"},
	    {"sign1-tests--sign-fail-01", RC_BAD_TOKEN, "tag 18"},
	    {"sign1-tests--sign-fail-02", RC_BAD_HEADER, "kid is in the unprotected"},
	    {"sign1-tests--sign-fail-03", RC_BAD_HEADER, "kid is in the unprotected"},
	    {"sign1-tests--sign-fail-04", RC_BAD_HEADER, "kid is in the unprotected"},
	    {"sign1-tests--sign-fail-06", RC_BAD_HEADER, "kid is in the unprotected"},
	    {"sign1-tests--sign-fail-07", RC_BAD_HEADER, "kid is in the unprotected"},
	    {"CWT--A_3", RC_OK, ""},
	};
	struct fix *f = fix_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[128];
		json_t *example;
		enum rc rc;

		(void)snprintf(path, sizeof(path), "vectors/cose/%s.json", rows[i].file);
		example = test_vectors(TEST_DATA, path);
		test_free(f->raw);
		f->raw = hex_member(json_object_get(example, "output"), "cbor");
		rc = parse_raw(f);
		cr_expect_eq(
		    rc, rows[i].rc, "%s: %s (%s)", rows[i].file, rc_label(rc), f->why.text);
		cr_expect_not_null(
		    strstr(f->why.text, rows[i].word), "%s: %s", rows[i].file, f->why.text);
		json_decref(example);
	}
	fix_free(f);
}

/* RFC 8392 A.3: the one example whose form is ours, and the bytes that it signs. */
Test(token_cose, signs_what_the_cwt_example_signs)
{
	json_t *example = test_vectors(TEST_DATA, "vectors/cose/CWT--A_3.json");
	struct bytes payload = hex_member(json_object_get(example, "input"), "plaintext_hex");
	struct bytes want = hex_member(json_object_get(example, "intermediates"), "ToBeSign_hex");
	struct fix *f = fix_new();

	f->raw = hex_member(json_object_get(example, "output"), "cbor");
	cr_assert_eq(parse_raw(f), RC_OK, "%s", f->why.text);
	cr_expect(bytes_eq(f->token.signing_input, want));
	cr_expect(bytes_eq(f->token.payload, payload));
	cr_expect_eq(f->token.signature[0], 0x54);
	cr_expect_eq(f->token.signature[63], 0x30);
	test_free(want);
	test_free(payload);
	json_decref(example);
	fix_free(f);
}
