/* test_seal_sigcheck.c - signatures by fresh keys of every kind: the right one verifies, everything
 * near it does not. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "seal/cose.h"
#include "seal/sigcheck.h"
#include "unit/test_seal_help.h"

struct ec {
	EVP_PKEY *key;
	const EVP_MD *digest;
	uint8_t point[97];
	size_t point_size;
};

static struct ec
ec_new(const char *group)
{
	struct ec e = {0};

	e.key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", group);
	cr_assert(e.key != NULL);
	e.digest = strcmp(group, "P-256") == 0 ? EVP_sha256() : EVP_sha384();
	cr_assert(EVP_PKEY_get_octet_string_param(e.key, OSSL_PKEY_PARAM_PUB_KEY, e.point,
		      sizeof(e.point), &e.point_size) == 1);
	cr_assert(e.point[0] == 4);
	return e;
}

/* r||s; gives its size. */
static size_t
ec_sign(const struct ec *e, struct bytes message, uint8_t raw[96])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int half = (int)(e->point_size - 1) / 2;
	uint8_t der[160];
	const uint8_t *p = der;
	size_t n = sizeof(der);
	ECDSA_SIG *sig;

	cr_assert(ctx != NULL && EVP_DigestSignInit(ctx, NULL, e->digest, NULL, e->key) == 1);
	cr_assert(EVP_DigestSign(ctx, der, &n, message.p, message.n) == 1);
	EVP_MD_CTX_free(ctx);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	cr_assert(sig != NULL);
	cr_assert(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, half) == half);
	cr_assert(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, half) == half);
	ECDSA_SIG_free(sig);
	return 2 * (size_t)half;
}

Test(seal_sigcheck, an_ecdsa_signature_verifies_for_its_key_and_message_alone)
{
	static const char *const groups[] = {"P-256", "P-384"};
	size_t g, i, n;

	for (g = 0; g < 2; g++) {
		struct ec e = ec_new(groups[g]), other = ec_new(groups[g]);
		struct bytes point = bytes_of(e.point, e.point_size),
			     message = bytes_str("what is signed");
		uint8_t raw[97] = {0}, zero[96] = {0};

		n = ec_sign(&e, message, raw);
		cr_assert(sigcheck_ecdsa(point, message, bytes_of(raw, n)));
		cr_assert(!sigcheck_ecdsa(point, bytes_str("what is Signed"), bytes_of(raw, n)));
		cr_assert(!sigcheck_ecdsa(
		    bytes_of(other.point, other.point_size), message, bytes_of(raw, n)));
		cr_assert(!sigcheck_ecdsa(point, message, bytes_of(raw, n - 1)));
		cr_assert(!sigcheck_ecdsa(point, message, bytes_of(raw, n + 1)));
		cr_assert(!sigcheck_ecdsa(point, message, bytes_of(zero, n)));
		cr_assert(!sigcheck_ecdsa(point, message, BYTES_NONE));
		for (i = 0; i < n; i++) {
			raw[i] ^= 0x10;
			cr_assert(!sigcheck_ecdsa(point, message, bytes_of(raw, n)));
			raw[i] ^= 0x10;
		}
		e.point[0] = 6; /* hybrid form */
		cr_assert(!sigcheck_ecdsa(point, message, bytes_of(raw, n)));
		e.point[0] = 4;
		e.point[1] ^= 1; /* off the curve */
		cr_assert(!sigcheck_ecdsa(point, message, bytes_of(raw, n)));
		cr_assert(!sigcheck_ecdsa(
		    bytes_of(e.point, e.point_size - 1), message, bytes_of(raw, n)));
		EVP_PKEY_free(e.key);
		EVP_PKEY_free(other.key);
	}
}

/* A receipt of the one-leaf tree: {1: alg, 4: h'01', 15: {1: "a", 2: "b"}, 395: 1}. */
static void
receipt_by(const struct ec *e, int64_t alg, const struct hash *root, struct buf *out)
{
	struct buf protected, message, proof;
	uint8_t raw[96];
	size_t n;

	buf_init(&protected, 0);
	buf_init(&message, 0);
	buf_init(&proof, 0);
	scbor_put_map(&protected, 4);
	scbor_put_int(&protected, 1);
	scbor_put_int(&protected, alg);
	buf_add(&protected, "\x04\x41\x01\x0f\xa2\x01\x61\x61\x02\x61\x62\x19\x01\x8b\x01", 15);
	cose_sig_structure(buf_bytes(&protected), root, &message);
	n = ec_sign(e, buf_bytes(&message), raw);
	buf_add(&proof, "\x83\x01\x00\x80", 4); /* [1, 0, []] */
	scbor_put_tag(out, 18);
	scbor_put_array(out, 4);
	scbor_put_bytes(out, buf_bytes(&protected));
	buf_add(out, "\xa1\x19\x01\x8c\xa1\x20\x81", 7);
	scbor_put_bytes(out, buf_bytes(&proof));
	scbor_put_null(out);
	scbor_put_bytes(out, bytes_of(raw, n));
	buf_release(&protected);
	buf_release(&message);
	buf_release(&proof);
}

Test(seal_sigcheck, a_receipt_verifies_under_both_numbers_of_its_keys_algorithm_and_no_other)
{
	static const struct {
		const char *group;
		int key_alg;
		int64_t alg;
		enum rc want;
	} cases[] = {
	    {"P-256", -7, -7, RC_OK},
	    {"P-256", -7, -9, RC_OK},
	    {"P-384", -35, -35, RC_OK},
	    {"P-384", -35, -51, RC_OK},
	    {"P-256", -7, -35, RC_BAD_ALG},
	    {"P-256", -7, -19, RC_BAD_ALG},
	    {"P-256", -7, 5, RC_BAD_ALG}, /* HMAC: a public key is no secret */
	    {"P-384", -35, -7, RC_BAD_ALG},
	    {"P-384", -7, -7, RC_BAD_ALG}, /* the key's bytes are not of its algorithm */
	    {"P-256", -35, -35, RC_BAD_ALG},
	    {"P-256", -257, -257, RC_BAD_ALG},
	};
	struct hash leaf = {{7}};
	struct cose_receipt out;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ec e = ec_new(cases[i].group);
		struct cose_key key = {
		    .alg = cases[i].key_alg, .raw = bytes_of(e.point, e.point_size)};
		struct buf text;
		enum rc rc;

		buf_init(&text, 0);
		receipt_by(&e, cases[i].alg, &leaf, &text);
		rc = cose_receipt_verify_inclusion(buf_bytes(&text), &key, &leaf, &out, NULL);
		cr_expect(rc == cases[i].want, "case %zu: %s", i, rc_label(rc));
		buf_release(&text);
		EVP_PKEY_free(e.key);
	}
}
