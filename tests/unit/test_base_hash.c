/* test_base_hash.c - SHA-256 known answers (FIPS 180-4 examples). */
#include <criterion/criterion.h>

#include "base/hash.h"

static void
expect(struct bytes x, const char *hex)
{
	struct hash h;
	char text[HASH_HEX_SIZE];

	hash_of(x, &h);
	hash_hex(&h, text);
	cr_assert_str_eq(text, hex);
}

Test(base_hash, known_answers)
{
	expect(BYTES_NONE, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect(
	    bytes_str("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect(bytes_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(base_hash, parts_hash_as_their_concatenation)
{
	struct bytes parts[] = {bytes_str("a"), BYTES_NONE, bytes_str("bc")};
	struct hash whole, joined, none;

	hash_of(bytes_str("abc"), &whole);
	hash_of_parts(parts, 3, &joined);
	cr_assert(hash_eq(&whole, &joined));
	hash_of_parts(NULL, 0, &none);
	cr_assert_not(hash_eq(&whole, &none));
}

Test(base_hash, one_bit_makes_a_difference_in_every_byte)
{
	struct hash a = {{0}}, b;

	for (int i = 0; i < HASH_SIZE; i++) {
		b = a;
		b.b[i] = 1;
		cr_assert_not(hash_eq(&a, &b));
	}
}
