/*
 * test_trust_x509.c - which chains bind a key to a workload, and by which rule the others do not.
 */
#include "trust/x509.h"
#include "unit/test_trust_cert.h"

#define URI "spiffe://example.org/agent/a"
#define SAN "URI:" URI

static struct arena arena;
static struct anchors a;
static struct x509_work *work;
static struct x509_verdict got;
static struct why why;
static struct cert root, middle;

static void
set_up(void)
{
	arena_init(&arena, 1 << 22);
	memset(&a, 0, sizeof(a));
	cr_assert((work = x509_work_new()));
	root = cert_new(NULL, NULL, (struct cert_spec){.name = "root"}, true);
	middle = cert_new(&root, NULL, (struct cert_spec){.name = "middle", .serial = 5}, true);
}

static void
tear_down(void)
{
	cert_free(&root);
	cert_free(&middle);
	key_free(got.key);
	anchors_release(&a);
	x509_work_free(work);
	arena_release(&arena);
}

TestSuite(trust_x509, .init = set_up, .fini = tear_down);

static enum rc
trust_ca(const struct cert *c)
{
	enum rc rc;

	memset(&why, 0, sizeof(why));
	rc = anchors_add_ca(
	    &a, bytes_str("example.org"), cert_der(c), bytes_str("ca.pem"), &arena, &why);
	cr_assert(rc == RC_OK ? !why.rule : why.rule && why.text[0]);
	return rc;
}

static enum rc
judge_at(const struct cert *const *chain, size_t count, int64_t now)
{
	struct bytes ders[8];
	enum rc rc;

	for (size_t i = 0; i < count; i++)
		ders[i] = cert_der(chain[i]);
	key_free(got.key);
	memset(&why, 0, sizeof(why));
	rc = x509_judge(
	    work, &a, bytes_str("example.org"), ders, count, now * 1000, &arena, &got, &why);
	cr_assert((rc == RC_OK) == (got.key != NULL));
	cr_assert(rc == RC_OK || (why.rule && why.text[0]));
	return rc;
}

static enum rc
judge(const struct cert *leaf, const struct cert *next)
{
	const struct cert *chain[2] = {leaf, next};

	return judge_at(chain, next ? 2 : 1, NOW);
}

/* A leaf made by the root; judged and gone. */
static enum rc
judge_leaf(struct cert_spec spec)
{
	struct cert leaf;
	enum rc rc;

	spec.san = spec.san ? spec.san : SAN;
	leaf = cert_new(&root, NULL, spec, false);
	rc = judge(&leaf, NULL);
	cert_free(&leaf);
	return rc;
}

Test(trust_x509, a_good_leaf_gives_its_key_and_name_and_ca)
{
	struct cert leaf = cert_new(&root, NULL, (struct cert_spec){.san = SAN}, false);
	struct hash id = cert_hash(&root);
	uint8_t raw[65];
	size_t n;

	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(judge(&leaf, NULL) == RC_OK, "%s", why.text);
	cr_assert(bytes_is(got.uri, URI) && hash_eq(&got.anchor, &id) && !got.revoked);
	cr_assert(got.from == NOW - HOUR && got.until == NOW + HOUR - 1);
	cr_assert(EVP_PKEY_get_octet_string_param(
		      leaf.key, OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof(raw), &n) == 1);
	cr_assert(bytes_eq(key_raw(got.key), bytes_of(raw, n)) && key_alg(got.key) == TOKEN_ES256);
	cert_free(&leaf);
}

Test(trust_x509, other_names_and_both_usages_are_fine)
{
	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(
	    judge_leaf((struct cert_spec){.san = SAN ",DNS:a.example.org,IP:10.0.0.1"}) == RC_OK);
	cr_assert(judge_leaf((struct cert_spec){.extended = "clientAuth,serverAuth"}) == RC_OK);
	cr_assert(judge_leaf((struct cert_spec){
		      .usage = "critical,digitalSignature,keyAgreement"}) == RC_OK);
	cr_assert(judge_leaf((struct cert_spec){.san = "URI:wimse://example.org/a"}) == RC_OK);
	cr_assert(bytes_is(got.uri, "wimse://example.org/a"));
	cr_assert(judge_leaf((struct cert_spec){.constraints = ""}) == RC_OK);
}

Test(trust_x509, every_rule_of_the_leaf_is_a_refusal_of_its_own)
{
	static const struct {
		const char *what;
		struct cert_spec spec;
	} rows[] = {
	    {"no URI", {.san = "DNS:a.example.org"}},
	    {"two URIs", {.san = SAN ",URI:spiffe://example.org/agent/b"}},
	    {"the same URI twice", {.san = SAN "," SAN}},
	    {"another scheme", {.san = "URI:https://example.org/agent/a"}},
	    {"upper case scheme", {.san = "URI:SPIFFE://example.org/agent/a"}},
	    {"a CA", {.constraints = "critical,CA:TRUE"}},
	    {"no key usage", {.usage = ""}},
	    {"key usage not critical", {.usage = "digitalSignature"}},
	    {"no digitalSignature", {.usage = "critical,keyAgreement"}},
	    {"keyCertSign", {.usage = "critical,digitalSignature,keyCertSign"}},
	    {"cRLSign", {.usage = "critical,digitalSignature,cRLSign"}},
	    {"client only", {.extended = "clientAuth"}},
	    {"server only", {.extended = "serverAuth"}},
	    {"another usage", {.extended = "codeSigning"}},
	    {"not yet", {.from = NOW + 1}},
	    {"no more", {.until = NOW}},
	    {"unknown critical", {.more = "1.2.3.4=critical,ASN1:NULL"}},
	    {"SHA-1", {.digest = "SHA1"}},
	};

	cr_assert(trust_ca(&root) == RC_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(judge_leaf(rows[i].spec) == RC_BAD_CREDENTIAL, "%s", rows[i].what);
	cr_assert(judge_leaf((struct cert_spec){.from = NOW, .until = NOW + 1}) == RC_OK);
}

Test(trust_x509, the_leafs_key_is_p256_p384_or_ed25519)
{
	static const struct {
		const char *type, *curve;
		enum rc rc;
		enum token_alg alg;
	} rows[] = {{"EC", "P-256", RC_OK, TOKEN_ES256}, {"EC", "P-384", RC_OK, TOKEN_ES384},
	    {"EC", "P-521", RC_BAD_CREDENTIAL, 0}, {"EC", "secp256k1", RC_BAD_CREDENTIAL, 0},
	    {"ED25519", NULL, RC_OK, TOKEN_EDDSA}, {"ED448", NULL, RC_BAD_CREDENTIAL, 0}};

	cr_assert(trust_ca(&root) == RC_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *key = rows[i].curve ? EVP_EC_gen(rows[i].curve)
					      : EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type);
		struct cert leaf = cert_new(&root, key, (struct cert_spec){.san = SAN}, false);

		cr_expect(judge(&leaf, NULL) == rows[i].rc, "%zu: %s", i, why.text);
		cr_expect(rows[i].rc != RC_OK || key_alg(got.key) == rows[i].alg);
		cert_free(&leaf);
	}
	{
		EVP_PKEY *key = EVP_RSA_gen(2048);
		struct cert leaf = cert_new(&root, key, (struct cert_spec){.san = SAN}, false);

		cr_expect(judge(&leaf, NULL) == RC_BAD_CREDENTIAL);
		cert_free(&leaf);
	}
}

Test(trust_x509, a_ca_may_have_rsa_of_2048_bits_or_p384_and_no_less)
{
	struct cert rsa = cert_new(NULL, EVP_RSA_gen(2048), (struct cert_spec){0}, true);
	struct cert weak = cert_new(NULL, EVP_RSA_gen(1024), (struct cert_spec){0}, true);
	struct cert big = cert_new(NULL, EVP_EC_gen("P-384"), (struct cert_spec){0}, true);
	struct cert bigger = cert_new(NULL, EVP_EC_gen("P-521"), (struct cert_spec){0}, true);
	struct cert leaf = cert_new(&rsa, NULL, (struct cert_spec){.san = SAN}, false);

	cr_assert(trust_ca(&weak) == RC_BAD_KEY);
	cr_assert(trust_ca(&bigger) == RC_BAD_KEY);
	cr_assert(trust_ca(&big) == RC_OK && trust_ca(&rsa) == RC_OK && a.ca_count == 2);
	cr_assert(judge(&leaf, NULL) == RC_OK);
	cert_free(&rsa);
	cert_free(&weak);
	cert_free(&big);
	cert_free(&bigger);
	cert_free(&leaf);
}

Test(trust_x509, what_is_no_signing_certificate_is_no_ca)
{
	static const struct cert_spec rows[] = {
	    {.constraints = "critical,CA:FALSE"},
	    {.constraints = ""},
	    {.usage = "critical,cRLSign"},
	    {.usage = ""},
	    {.san = "URI:spiffe://other.org"},
	    {.san = "URI:spiffe://example.org/a"},
	    {.san = "URI:spiffe://example.org,URI:spiffe://example.org"},
	};
	struct cert good =
	    cert_new(NULL, NULL, (struct cert_spec){.san = "URI:spiffe://example.org"}, true);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cert c = cert_new(NULL, NULL, rows[i], true);

		cr_expect(trust_ca(&c) == RC_BAD_KEY, "%zu", i);
		cert_free(&c);
	}
	cr_assert(a.ca_count == 0);
	cr_assert(trust_ca(&good) == RC_OK && trust_ca(&good) == RC_OK && a.ca_count == 1);
	cert_free(&good);
}

Test(trust_x509, intermediates_come_with_the_token)
{
	struct cert leaf = cert_new(&middle, NULL, (struct cert_spec){.san = SAN}, false);
	struct hash id = cert_hash(&root);

	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(judge(&leaf, NULL) == RC_UNKNOWN_KEY);
	cr_assert(judge(&leaf, &middle) == RC_OK && hash_eq(&got.anchor, &id));
	/* Enrolled itself, the intermediate is the anchor. */
	id = cert_hash(&middle);
	cr_assert(trust_ca(&middle) == RC_OK);
	cr_assert(judge(&leaf, NULL) == RC_OK && hash_eq(&got.anchor, &id));
	cr_assert(judge(&leaf, &middle) == RC_OK && hash_eq(&got.anchor, &id));
	cert_free(&leaf);
}

Test(trust_x509, an_intermediate_keeps_the_rules_of_a_ca)
{
	static const struct {
		struct cert_spec spec;
		enum rc rc;
	} rows[] = {
	    {{.name = "m", .san = "URI:spiffe://example.org"}, RC_OK},
	    {{.name = "m", .san = "DNS:ca.example.org"}, RC_OK},
	    {{.name = "m", .san = "URI:spiffe://other.org"}, RC_BAD_CREDENTIAL},
	    {{.name = "m", .san = "URI:spiffe://example.org/a"}, RC_BAD_CREDENTIAL},
	    {{.name = "m", .san = "URI:https://example.org"}, RC_BAD_CREDENTIAL},
	    {{.name = "m", .constraints = "critical,CA:FALSE"}, RC_BAD_CREDENTIAL},
	    {{.name = "m", .until = NOW - 1}, RC_BAD_CREDENTIAL},
	    {{.name = "m", .usage = ""}, RC_BAD_CREDENTIAL},
	};

	cr_assert(trust_ca(&root) == RC_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cert m = cert_new(&root, NULL, rows[i].spec, true);
		struct cert leaf = cert_new(&m, NULL, (struct cert_spec){.san = SAN}, false);

		cr_expect(judge(&leaf, &m) == rows[i].rc, "%zu: %s", i, why.text);
		cert_free(&leaf);
		cert_free(&m);
	}
}

Test(trust_x509, a_path_length_is_kept)
{
	struct cert m = cert_new(&root, NULL,
	    (struct cert_spec){.name = "m", .constraints = "critical,CA:TRUE,pathlen:0"}, true);
	struct cert m2 = cert_new(&m, NULL, (struct cert_spec){.name = "m2"}, true);
	struct cert leaf = cert_new(&m2, NULL, (struct cert_spec){.san = SAN}, false);
	const struct cert *chain[] = {&leaf, &m2, &m};

	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(judge_at(chain, 3, NOW) == RC_BAD_CREDENTIAL);
	cert_free(&leaf);
	cert_free(&m2);
	cert_free(&m);
}

Test(trust_x509, a_stranger_with_the_cas_name_is_no_ca)
{
	struct cert twin = cert_new(NULL, NULL, (struct cert_spec){.name = "root"}, true);
	struct cert leaf = cert_new(&twin, NULL, (struct cert_spec){.san = SAN}, false);

	cr_assert(judge(&leaf, NULL) == RC_UNKNOWN_KEY);
	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(judge(&leaf, NULL) == RC_BAD_CREDENTIAL);
	cr_assert(judge(&leaf, &twin) != RC_OK);
	cr_assert(judge(&twin, NULL) == RC_BAD_CREDENTIAL);
	cr_assert(judge(&root, NULL) == RC_BAD_CREDENTIAL);
	cert_free(&twin);
	cert_free(&leaf);
}

Test(trust_x509, a_workload_signs_no_certificates)
{
	struct cert leaf = cert_new(&root, NULL, (struct cert_spec){.san = SAN}, false);
	struct cert child = cert_new(
	    &leaf, NULL, (struct cert_spec){.san = "URI:spiffe://example.org/agent/b"}, false);

	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(judge(&child, &leaf) == RC_BAD_CREDENTIAL);
	cert_free(&leaf);
	cert_free(&child);
}

Test(trust_x509, a_chain_has_at_most_four_certificates)
{
	struct cert leaf = cert_new(&root, NULL, (struct cert_spec){.san = SAN}, false);
	const struct cert *chain[] = {&leaf, &root, &root, &root, &root};

	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(judge_at(chain, 4, NOW) == RC_OK);
	cr_assert(judge_at(chain, 5, NOW) == RC_BAD_CREDENTIAL);
	cr_assert(judge_at(chain, 0, NOW) == RC_BAD_CREDENTIAL);
	cert_free(&leaf);
}

Test(trust_x509, only_plain_der_is_a_certificate)
{
	struct cert leaf = cert_new(&root, NULL, (struct cert_spec){.san = SAN}, false);
	X509 *x;

	cr_assert((x = x509_of_der(cert_der(&leaf))));
	X509_free(x);
	leaf.der[leaf.size] = 0;
	cr_assert(!x509_of_der(bytes_of(leaf.der, leaf.size + 1)));
	for (size_t n = 0; n < leaf.size; n++) {
		struct bytes cut = test_exact(bytes_of(leaf.der, n));

		cr_assert(!x509_of_der(cut));
		test_free(cut);
	}
	cert_free(&leaf);
}

/* The same certificate with a length of two bytes where one does: BER, and a second text of it. */
Test(trust_x509, a_longer_spelling_is_no_certificate)
{
	struct cert leaf = cert_new(&root, NULL, (struct cert_spec){.san = SAN}, false);
	const ASN1_BIT_STRING *signature;
	uint8_t longer[4097];
	size_t tail;

	X509_get0_signature(&signature, NULL, leaf.x);
	tail = (size_t)ASN1_STRING_length(signature) + 2; /* its length, unused bits, itself */
	cr_assert(leaf.der[1] == 0x82 && leaf.der[3] < 0xff && tail < 0x80);
	memcpy(longer, leaf.der, leaf.size - tail);
	longer[3]++;
	longer[leaf.size - tail] = 0x81;
	memcpy(longer + leaf.size - tail + 1, leaf.der + leaf.size - tail, tail);
	cr_assert(!x509_of_der(bytes_of(longer, leaf.size + 1)));
	cert_free(&leaf);
}

/* ---- revocation ---- */

static enum rc
add_crl(const struct cert *ca, long serial, int64_t from, int64_t until, const char *more)
{
	X509_CRL *list = crl_new(ca, serial, from, until, more);
	enum rc rc;

	memset(&why, 0, sizeof(why));
	rc = anchors_add_crl(&a, crl_der(&arena, list), bytes_str("x.crl.pem"), &why);
	X509_CRL_free(list);
	return rc;
}

Test(trust_x509, a_listed_certificate_is_revoked)
{
	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(add_crl(&root, 7, NOW - HOUR, NOW + 60, NULL) == RC_OK, "%s", why.text);
	cr_assert(judge_leaf((struct cert_spec){.serial = 7}) == RC_KEY_REVOKED);
	cr_assert(judge_leaf((struct cert_spec){.serial = 8}) == RC_OK);
	/* Believed no longer than the list. */
	cr_assert(got.until == NOW + 60 - 1);
}

Test(trust_x509, a_listed_intermediate_stops_what_it_signed)
{
	struct cert leaf = cert_new(&middle, NULL, (struct cert_spec){.san = SAN}, false);

	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(judge(&leaf, &middle) == RC_OK);
	cr_assert(add_crl(&root, 5, NOW - HOUR, NOW + HOUR, NULL) == RC_OK);
	cr_assert(judge(&leaf, &middle) == RC_KEY_REVOKED);
	/* Also where the intermediate is an anchor itself. */
	cr_assert(trust_ca(&middle) == RC_OK);
	cr_assert(judge(&leaf, NULL) == RC_KEY_REVOKED);
	cert_free(&leaf);
}

Test(trust_x509, a_list_out_of_its_time_stops_everything_of_its_ca)
{
	struct cert leaf = cert_new(&root, NULL, (struct cert_spec){.san = SAN}, false);
	const struct cert *chain[] = {&leaf};

	cr_assert(trust_ca(&root) == RC_OK);
	cr_assert(add_crl(&root, 0, NOW - 60, NOW + 60, NULL) == RC_OK);
	cr_assert(judge_at(chain, 1, NOW - 61) == RC_BAD_CREDENTIAL);
	cr_assert(judge_at(chain, 1, NOW - 60) == RC_OK);
	cr_assert(judge_at(chain, 1, NOW + 61) == RC_BAD_CREDENTIAL);
	cert_free(&leaf);
}

Test(trust_x509, a_ca_without_a_list_is_not_asked)
{
	struct cert other = cert_new(NULL, NULL, (struct cert_spec){.name = "other"}, true);

	cr_assert(trust_ca(&root) == RC_OK && trust_ca(&other) == RC_OK);
	cr_assert(add_crl(&other, 7, NOW - HOUR, NOW + HOUR, NULL) == RC_OK);
	cr_assert(judge_leaf((struct cert_spec){.serial = 7}) == RC_OK);
	cert_free(&other);
}

/* A CA whose certificate was made anew over the same key is the same CA: its list holds under both,
 * also where leaves name the certificate of their CA by number. */
Test(trust_x509, a_list_holds_under_every_certificate_of_its_cas_key)
{
	struct cert again, leaf;

	EVP_PKEY_up_ref(root.key);
	again = cert_new(NULL, root.key, (struct cert_spec){.name = "root", .serial = 9}, true);
	leaf = cert_new(&again, NULL,
	    (struct cert_spec){
		.san = SAN, .serial = 7, .more = "authorityKeyIdentifier=issuer:always"},
	    false);
	cr_assert(trust_ca(&root) == RC_OK && trust_ca(&again) == RC_OK);
	cr_assert(judge(&leaf, NULL) == RC_OK, "%s", why.text);
	cr_assert(add_crl(&root, 7, NOW - HOUR, NOW + HOUR, NULL) == RC_OK, "%s", why.text);
	cr_assert(judge(&leaf, NULL) == RC_KEY_REVOKED);
	cert_free(&again);
	cert_free(&leaf);
}

Test(trust_x509, only_full_lists_signed_by_a_ca_of_the_domain_are_taken)
{
	struct cert twin = cert_new(NULL, NULL, (struct cert_spec){.name = "root"}, true);
	struct cert mute = cert_new(
	    NULL, NULL, (struct cert_spec){.name = "mute", .usage = "critical,keyCertSign"}, true);

	cr_assert(add_crl(&root, 0, NOW, NOW + 1, NULL) == RC_BAD_KEY);
	cr_assert(trust_ca(&root) == RC_OK && trust_ca(&mute) == RC_OK);
	cr_assert(add_crl(&twin, 0, NOW, NOW + 1, NULL) == RC_BAD_KEY);
	cr_assert(add_crl(&mute, 0, NOW, NOW + 1, NULL) == RC_BAD_KEY);
	cr_assert(add_crl(&root, 0, NOW, 0, NULL) == RC_BAD_KEY, "no nextUpdate");
	cr_assert(add_crl(&root, 0, NOW, NOW + 1,
		      "issuingDistributionPoint=critical,onlyuser:TRUE") == RC_BAD_KEY);
	cr_assert(
	    add_crl(&root, 0, NOW, NOW + 1, "2.5.29.27=critical,ASN1:INTEGER:1") == RC_BAD_KEY);
	cr_assert(add_crl(&root, 0, NOW, NOW + 1, "1.2.3.4=critical,ASN1:NULL") == RC_BAD_KEY);
	cr_assert(a.crl_count == 0);
	cr_assert(add_crl(&root, 0, NOW, NOW + 1, "2.5.29.20=ASN1:INTEGER:1") == RC_OK);
	cr_assert(add_crl(&root, 0, NOW, NOW + 2, "2.5.29.20=ASN1:INTEGER:2") == RC_BAD_KEY,
	    "a second one");
	cert_free(&twin);
	cert_free(&mute);
}

static bool
hash_is(const struct hash *id, const struct cert *c)
{
	struct hash h = cert_hash(c);

	return hash_eq(id, &h);
}

Test(trust_x509, the_operator_may_revoke_any_certificate_of_a_chain)
{
	struct cert leaf = cert_new(&middle, NULL, (struct cert_spec){.san = SAN}, false);
	struct anchor_revoked *list = calloc(2, sizeof(*list));

	cr_assert(trust_ca(&root) == RC_OK);
	list[0].id = cert_hash(&middle);
	list[0].since = 50;
	list[1].id = cert_hash(&leaf);
	list[1].since = 40;
	if (memcmp(list[0].id.b, list[1].id.b, HASH_SIZE) > 0) {
		struct anchor_revoked t = list[0];

		list[0] = list[1];
		list[1] = t;
	}
	a.revoked = list;
	a.revoked_count = 2;
	cr_assert(judge(&leaf, &middle) == RC_OK);
	cr_assert(got.revoked && got.revoked_since == 40);
	list[0].since = list[1].since = 60; /* the earliest counts, wherever it stands */
	(hash_is(&list[0].id, &middle) ? &list[0] : &list[1])->since = 30;
	cr_assert(judge(&leaf, &middle) == RC_OK);
	cr_assert(got.revoked && got.revoked_since == 30);
	cert_free(&leaf);
}

Test(trust_x509, joined_certificates_are_split)
{
	uint8_t joined[3 * 4096];
	struct bytes parts[X509_CHAIN_MAX];
	size_t n, count;

	memcpy(joined, root.der, root.size);
	memcpy(joined + root.size, middle.der, middle.size);
	n = root.size + middle.size;
	cr_assert(x509_split(bytes_of(joined, n), parts, &count) && count == 2);
	cr_assert(bytes_eq(parts[0], cert_der(&root)) && bytes_eq(parts[1], cert_der(&middle)));
	cr_assert(!x509_split(BYTES_NONE, parts, &count));
	for (size_t i = 1; i < n; i++) {
		struct bytes cut = test_exact(bytes_of(joined, i));

		cr_assert(x509_split(cut, parts, &count) == (i == root.size), "%zu", i);
		test_free(cut);
	}
	joined[n] = 0x30;
	cr_assert(!x509_split(bytes_of(joined, n + 1), parts, &count));
}
