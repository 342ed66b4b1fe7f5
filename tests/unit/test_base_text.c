/* test_base_text.c - one spelling each: base64url, base64, hex, UUID, UTF-8. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"
#include "lib/testlib.h"

static bool
url(const char *text, const char *want)
{
	uint8_t out[64];
	size_t n = 99;

	if (!b64url_decode(bytes_str(text), out, sizeof(out), &n))
		return false;
	cr_assert(bytes_is(bytes_of(out, n), want), "%s", text);
	return true;
}

static bool
std(const char *text, const char *want)
{
	uint8_t out[64];
	size_t n = 99;

	if (!b64_decode(bytes_str(text), out, sizeof(out), &n))
		return false;
	cr_assert(bytes_is(bytes_of(out, n), want), "%s", text);
	return true;
}

Test(base_text, base64url_known_answers_of_rfc_4648)
{
	cr_assert(url("", ""));
	cr_assert(url("Zg", "f"));
	cr_assert(url("Zm8", "fo"));
	cr_assert(url("Zm9v", "foo"));
	cr_assert(url("Zm9vYg", "foob"));
	cr_assert(url("Zm9vYmE", "fooba"));
	cr_assert(url("Zm9vYmFy", "foobar"));
	cr_assert(url("__-_", "\xff\xff\xbf"));
}

Test(base_text, base64url_refuses_every_other_spelling)
{
	static const char *const bad[] = {"Zg==", "Zm8=", "Z", "Zm9vY", "Zh", "Zm9", "Zm8 ", " Zg",
	    "Zm9v\n", "Z g", "//8=", "//-_", "Zm+v", "Zm/v", "Zm9v=", "Zm\xc3\xbc", "Zm9v\r\n", "=",
	    "==", "Zm.v"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(url(bad[i], ""), "%s", bad[i]);
	cr_assert_not(b64url_decode(bytes_of("Zm\0v", 4), (uint8_t[8]){0}, 8, &(size_t){0}));
}

Test(base_text, base64url_unused_bits_must_be_zero_for_every_last_character)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (unsigned v = 0; v < 64; v++) {
		char two[3] = {'A', alphabet[v], 0}, three[4] = {'A', 'A', alphabet[v], 0};
		uint8_t out[4];
		size_t n;

		cr_assert_eq(b64url_decode(bytes_str(two), out, 4, &n), v % 16 == 0);
		cr_assert_eq(b64url_decode(bytes_str(three), out, 4, &n), v % 4 == 0);
	}
}

Test(base_text, base64url_table_agrees_with_the_alphabet_for_every_byte)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (int c = 0; c < 256; c++)
		for (int at = 0; at < 4; at++) {
			const char *in = c != 0 ? strchr(alphabet, c) : NULL;
			uint8_t text[4] = {'A', 'A', 'A', 'A'}, out[3];
			uint32_t got;
			size_t n;

			text[at] = (uint8_t)c;
			cr_assert_eq(b64url_decode(bytes_of(text, 4), out, 3, &n), in != NULL);
			if (in == NULL)
				continue;
			got = (uint32_t)out[0] << 16 | (uint32_t)out[1] << 8 | out[2];
			cr_assert_eq(got, (uint32_t)(in - alphabet) << (6 * (3 - at)));
		}
}

Test(base_text, base64_wants_its_padding_and_its_own_alphabet)
{
	cr_assert(std("", ""));
	cr_assert(std("Zg==", "f"));
	cr_assert(std("Zm8=", "fo"));
	cr_assert(std("Zm9v", "foo"));
	cr_assert(std("//+/", "\xff\xff\xbf"));
	cr_assert_not(std("Zg", ""));
	cr_assert_not(std("Zg=", ""));
	cr_assert_not(std("Zg===", ""));
	cr_assert_not(std("Z===", ""));
	cr_assert_not(std("====", ""));
	cr_assert_not(std("Zh==", ""));
	cr_assert_not(std("Zm9=", ""));
	cr_assert_not(std("Zg==Zg==", ""));
	cr_assert_not(std("__-_", ""));
	cr_assert_not(std("Zm8=\n", ""));
	cr_assert_not(std("Zm\n8", ""));
	cr_assert_not(std("=Zm8", ""));
}

Test(base_text, decoders_refuse_when_there_is_no_room)
{
	uint8_t out[3];
	size_t n;

	cr_assert(b64url_decode(bytes_str("Zm9v"), out, 3, &n));
	cr_assert_not(b64url_decode(bytes_str("Zm9v"), out, 2, &n));
	cr_assert_not(b64_decode(bytes_str("Zm8="), out, 1, &n));
	cr_assert_not(hex_decode(bytes_str("0011"), out, 1, &n));
}

Test(base_text, what_is_encoded_decodes_to_the_same_at_every_length)
{
	uint8_t x[600], back[600];
	char text[B64_ROOM(600) * 2];
	struct buf b;
	size_t n;

	for (size_t i = 0; i < sizeof(x); i++)
		x[i] = (uint8_t)(i * 167 + i / 256);
	buf_init(&b, 0);
	for (size_t len = 0; len <= sizeof(x); len += len < 200 ? 1 : 37) {
		struct bytes in = bytes_of(x, len);

		cr_assert_eq(b64url_encode(in, text), strlen(text));
		cr_assert_lt(strlen(text), B64_ROOM(len));
		cr_assert(b64url_decode(bytes_str(text), back, len, &n) && n == len);
		cr_assert_eq(memcmp(x, back, len), 0);
		buf_clear(&b);
		buf_add_b64url(&b, in);
		cr_assert(bytes_is(buf_bytes(&b), text));

		cr_assert_eq(b64_encode(in, text), strlen(text));
		cr_assert(b64_decode(bytes_str(text), back, len, &n) && n == len);
		cr_assert_eq(memcmp(x, back, len), 0);
		buf_clear(&b);
		buf_add_b64(&b, in);
		cr_assert(bytes_is(buf_bytes(&b), text));

		cr_assert_eq(hex_encode(in, text), 2 * len);
		cr_assert(hex_decode(bytes_str(text), back, len, &n) && n == len);
		cr_assert_eq(memcmp(x, back, len), 0);
		buf_clear(&b);
		buf_add_hex(&b, in);
		cr_assert(bytes_is(buf_bytes(&b), text));
	}
	buf_release(&b);
}

Test(base_text, hex_is_lower_case_and_even)
{
	uint8_t out[4];
	size_t n;

	cr_assert(hex_decode(bytes_str("00ff7a"), out, 4, &n));
	cr_assert_eq(n, 3u);
	cr_assert_not(hex_decode(bytes_str("0"), out, 4, &n));
	cr_assert_not(hex_decode(bytes_str("FF"), out, 4, &n));
	cr_assert_not(hex_decode(bytes_str("0g"), out, 4, &n));
	cr_assert_not(hex_decode(bytes_str("0x"), out, 4, &n));
}

Test(base_text, a_uuid_has_one_shape_and_either_case)
{
	static const char *const bad[] = {"", "f81d4fae7dec11d0a76500a0c91e6bf6",
	    "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "f81d4fae-7dec-11d0-a765-00a0c91e6bf66",
	    "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", "f81d4fae-7dec-11d0-a76500-a0c91e6bf6",
	    "f81d4fag-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae_7dec-11d0-a765-00a0c91e6bf6",
	    "00000000-0000-0000-0000-000000000000", " 81d4fae-7dec-11d0-a765-00a0c91e6bf6",
	    "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"};
	uint8_t a[16], b[16];
	char text[UUID_TEXT_SIZE];

	cr_assert(uuid_parse(bytes_str("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), a));
	cr_assert(uuid_parse(bytes_str("F81D4FAE-7DEC-11D0-A765-00A0C91E6bf6"), b));
	cr_assert_arr_eq(a, b, 16);
	uuid_text(a, text);
	cr_assert_str_eq(text, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(uuid_parse(bytes_str(bad[i]), a), "%s", bad[i]);
}

/* The definition, straight: every code point has one form. */
static bool
is_utf8_slowly(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t more = p[i] < 0x80   ? 0
			      : p[i] < 0xc0 ? 9
			      : p[i] < 0xe0 ? 1
			      : p[i] < 0xf0 ? 2
			      : p[i] < 0xf8 ? 3
					    : 9;
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
		uint32_t c;

		if (more == 9 || more >= n - i)
			return false;
		c = more == 0 ? p[i] : p[i] & (0x3fu >> more);
		for (size_t k = 1; k <= more; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (p[i + k] & 0x3f);
		}
		if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return false;
		i += more + 1;
	}
	return true;
}

Test(base_text, utf8_agrees_with_its_definition_on_every_pair_and_many_longer)
{
	uint8_t x[12];

	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			uint8_t two[2] = {(uint8_t)a, (uint8_t)b};

			cr_assert_eq(
			    utf8_ok(bytes_of(two, 2)), is_utf8_slowly(two, 2), "%02x %02x", a, b);
			for (unsigned c = 0x70; c < 0xd0; c += 0x10) {
				uint8_t four[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, 0x80};

				cr_assert_eq(utf8_ok(bytes_of(four, 3)), is_utf8_slowly(four, 3));
				cr_assert_eq(utf8_ok(bytes_of(four, 4)), is_utf8_slowly(four, 4));
			}
		}
	for (size_t at = 0; at < sizeof(x); at++) { /* a bad byte at each place of the fast path */
		memset(x, 'a', sizeof(x));
		cr_assert(utf8_ok(bytes_of(x, sizeof(x))));
		x[at] = 0xff;
		cr_assert_not(utf8_ok(bytes_of(x, sizeof(x))));
	}
}

Test(base_text, utf8_never_reads_past_the_end)
{
	static const char *const cut[] = {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "1234567\xc3"};

	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		struct bytes exact = test_exact(bytes_str(cut[i]));

		cr_assert_not(utf8_ok(exact));
		test_free(exact);
	}
	cr_assert(utf8_ok(BYTES_NONE));
	cr_assert(utf8_ok(bytes_of("a\0b", 3)));
}
