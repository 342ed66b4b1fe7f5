/*
 * test_trust_folder.c - a trust folder on disk becomes a snapshot, or a refusal that names the
 * file.
 */
#include "unit/test_trust_cert.h"

static char *root;
static struct trust_snapshot *s;
static struct trust_report report;

static void
set_up(void)
{
	root = folder_new();
	s = NULL;
}

static void
tear_down(void)
{
	trust_snapshot_drop(s);
	folder_free(root);
}

TestSuite(trust_folder, .init = set_up, .fini = tear_down);

static void
write_key(const char *name, const char *kid, const char *iss)
{
	struct pair p = pair_new(TOKEN_ES256);
	char *text = jwks_of(pair_jwk(&p, kid, iss, NULL), NULL);

	file_write(root, name, text);
	free(text);
	EVP_PKEY_free(p.pkey);
}

static enum rc
load(void)
{
	enum rc rc;

	trust_snapshot_drop(s);
	rc = trust_snapshot_load(root, &s, &report);
	cr_assert((rc == RC_OK) == (s != NULL));
	cr_assert((rc == RC_OK) == (report.problem[0] == '\0'), "%s", report.problem);
	return rc;
}

static enum rc
find(const char *domain, const char *iss, const char *kid)
{
	struct signer signer;

	return trust_snapshot_find(
	    s, bytes_str(domain), bytes_str(iss), bytes_str(kid), TOKEN_ES256, &signer, NULL);
}

Test(trust_folder, a_missing_folder_is_an_empty_one)
{
	cr_assert(trust_snapshot_load("/nonexistent/trust", &s, &report) == RC_OK);
	cr_assert(trust_snapshot_keys(s) == 0 && report.domains == 0 && !report.problem[0]);
}

Test(trust_folder, reads_the_sets_of_every_domain)
{
	folder_add(root, "example.org");
	folder_add(root, "other-1.example.com");
	write_key("example.org/a.jwks.json", "k1", "spiffe://example.org/a");
	write_key("example.org/b.jwks.json", "k2", "spiffe://example.org/b");
	write_key("other-1.example.com/a.jwks.json", "k1", "spiffe://other-1.example.com/a");
	cr_assert(load() == RC_OK);
	cr_assert(report.domains == 2 && report.keys == 3 && report.skipped == 0);
	cr_assert(find("example.org", "spiffe://example.org/b", "k2") == RC_OK);
	cr_assert(find("other-1.example.com", "spiffe://other-1.example.com/a", "k1") == RC_OK);
	cr_assert(find("example.org", "spiffe://other-1.example.com/a", "k1") == RC_NOT_AUTHORIZED);
}

Test(trust_folder, other_files_are_left_alone)
{
	folder_add(root, "example.org");
	folder_add(root, ".git");
	file_write(root, "README", "not a domain");
	file_write(root, ".git/x.jwks.json", "not json");
	file_write(root, "example.org/.half.jwks.json", "not json");
	file_write(root, "example.org/x.jwks.json~", "not json");
	file_write(root, "example.org/jwks.json", "not json");
	write_key("example.org/a.jwks.json", "k1", NULL);
	cr_assert(load() == RC_OK);
	cr_assert(report.domains == 1 && report.keys == 1 && report.skipped == 0);
}

Test(trust_folder, a_bad_file_refuses_the_load_and_is_named)
{
	folder_add(root, "example.org");
	write_key("example.org/a.jwks.json", "k1", NULL);
	file_write(root, "example.org/broken.jwks.json", "{\"keys\":[}");
	cr_assert(load() == RC_BAD_KEY);
	cr_assert(strncmp(report.problem, "example.org/broken.jwks.json: ", 30) == 0);
}

Test(trust_folder, one_kid_for_two_keys_of_a_domain_is_refused)
{
	folder_add(root, "example.org");
	folder_add(root, "other.org");
	write_key("example.org/a.jwks.json", "k1", NULL);
	write_key("other.org/a.jwks.json", "k1", NULL);
	cr_assert(load() == RC_OK);
	write_key("example.org/b.jwks.json", "k1", NULL);
	cr_assert(load() == RC_BAD_KEY);
	cr_assert(strstr(report.problem, "example.org/b.jwks.json"));
}

Test(trust_folder, the_name_of_a_domain_is_checked)
{
	folder_add(root, "Example.org");
	cr_assert(load() == RC_BAD_KEY);
	cr_assert(strstr(report.problem, "Example.org"));
	cr_assert(trust_domain_name_ok("a-b_c.d9"));
	cr_assert(!trust_domain_name_ok(""));
	cr_assert(!trust_domain_name_ok(".."));
	cr_assert(!trust_domain_name_ok("a b"));
	cr_assert(!trust_domain_name_ok("a/b"));
	cr_assert(!trust_domain_name_ok("caf\xc3\xa9"));
}

Test(trust_folder, a_file_has_at_most_4_mib)
{
	char path[512], *text = malloc(TRUST_FILE_SIZE_MAX + 1);
	FILE *f;

	folder_add(root, "example.org");
	memset(text, ' ', TRUST_FILE_SIZE_MAX + 1);
	memcpy(text, "{\"keys\":[]}", 11);
	snprintf(path, sizeof(path), "%s/example.org/big.jwks.json", root);
	cr_assert((f = fopen(path, "w")));
	cr_assert(fwrite(text, 1, TRUST_FILE_SIZE_MAX, f) == TRUST_FILE_SIZE_MAX);
	cr_assert(fclose(f) == 0);
	cr_assert(load() == RC_OK, "%s", report.problem);
	cr_assert((f = fopen(path, "a")));
	cr_assert(fputc(' ', f) == ' ' && fclose(f) == 0);
	cr_assert(load() == RC_BAD_KEY);
	free(text);
}

Test(trust_folder, a_fifo_or_a_folder_of_that_name_does_not_hang_us)
{
	char path[512];

	folder_add(root, "example.org");
	snprintf(path, sizeof(path), "%s/example.org/pipe.jwks.json", root);
	cr_assert(mkfifo(path, 0600) == 0);
	cr_assert(load() == RC_BAD_KEY);
	cr_assert(unlink(path) == 0 && mkdir(path, 0700) == 0);
	cr_assert(load() == RC_BAD_KEY);
}

Test(trust_folder, a_link_to_a_file_is_followed)
{
	char from[512], to[512];

	folder_add(root, "example.org");
	folder_add(root, ".data");
	write_key(".data/set", "k1", "spiffe://example.org/a");
	snprintf(to, sizeof(to), "%s/.data/set", root);
	snprintf(from, sizeof(from), "%s/example.org/a.jwks.json", root);
	cr_assert(symlink(to, from) == 0);
	cr_assert(load() == RC_OK);
	cr_assert(find("example.org", "spiffe://example.org/a", "k1") == RC_OK);
}

Test(trust_folder, reads_cas_lists_and_revocations_whatever_they_are_called)
{
	struct cert ca = cert_new(NULL, NULL, (struct cert_spec){0}, true);
	X509_CRL *list = crl_new(&ca, 1, NOW, NOW + 1, NULL);
	char *pem = pem_of(ca.x, write_cert), *crl = pem_of(list, write_crl);

	folder_add(root, "example.org");
	file_write(root, "example.org/a.crl.pem", crl); /* read after z.pem all the same */
	file_write(root, "example.org/z.pem", pem);
	file_write(root, "example.org/revoked.json",
	    "{\"revoked\":[{\"id\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\",\"since\":1}]}");
	cr_assert(load() == RC_OK, "%s", report.problem);
	cr_assert(report.cas == 1 && report.crls == 1 && report.revoked == 1 && report.keys == 0);
	folder_add(root, "other.org");
	file_write(root, "other.org/a.crl.pem", crl);
	cr_assert(load() == RC_BAD_KEY, "a list without its CA");
	cr_assert(strncmp(report.problem, "other.org/a.crl.pem: ", 21) == 0);
	free(pem);
	free(crl);
	X509_CRL_free(list);
	cert_free(&ca);
}

Test(trust_folder, a_pem_file_has_certificates_and_nothing_else)
{
	struct cert ca = cert_new(NULL, NULL, (struct cert_spec){0}, true);
	char *pem = pem_of(ca.x, write_cert), *text = NULL, *broken;
	BIO *bio = BIO_new(BIO_s_mem());
	char *key;
	long n;

	cr_assert(PEM_write_bio_PrivateKey(bio, ca.key, NULL, NULL, 0, NULL, NULL) == 1);
	n = BIO_get_mem_data(bio, &key);
	folder_add(root, "example.org");
	file_write(root, "example.org/ca.pem", "nothing");
	cr_assert(load() == RC_BAD_KEY);
	cr_assert(asprintf(&text, "a comment\n%s%s", pem, pem) > 0);
	file_write(root, "example.org/ca.pem", text);
	cr_assert(load() == RC_OK && report.cas == 1);
	free(text);
	cr_assert(asprintf(&text, "%s%.*s", pem, (int)n, key) > 0);
	file_write(root, "example.org/ca.pem", text);
	cr_assert(load() == RC_BAD_KEY && strstr(report.problem, "private key"));
	broken = strndup(pem, strlen(pem) - 40);
	file_write(root, "example.org/ca.pem", broken);
	cr_assert(load() == RC_BAD_KEY);
	free(text);
	free(pem);
	free(broken);
	BIO_free(bio);
	cert_free(&ca);
}

Test(trust_folder, revoked_json_is_strict)
{
#define ID "\"id\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\""
	static const char *const bad[] = {
	    "",
	    "[]",
	    "{}",
	    "{\"revoked\":{}}",
	    "{\"revoked\":[],\"x\":1}",
	    "{\"revoked\":[1]}",
	    "{\"revoked\":[{" ID "}]}",
	    "{\"revoked\":[{\"since\":1}]}",
	    "{\"revoked\":[{" ID ",\"since\":\"1\"}]}",
	    "{\"revoked\":[{" ID ",\"since\":-1}]}",
	    "{\"revoked\":[{" ID ",\"since\":1.5}]}",
	    "{\"revoked\":[{" ID ",\"since\":1,\"until\":2}]}",
	    "{\"revoked\":[{" ID ",\"since\":1,\"reason\":2}]}",
	    "{\"revoked\":[{" ID ",\"since\":1},{" ID ",\"since\":2}]}",
	    "{\"revoked\":[{\"id\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4l\",\"since\":1}]}",
	    "{\"revoked\":[{\"id\":\"AAAA\",\"since\":1}]}",
	};

	folder_add(root, "example.org");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		file_write(root, "example.org/revoked.json", bad[i]);
		cr_expect(load() == RC_BAD_KEY, "%s", bad[i]);
	}
	file_write(root, "example.org/revoked.json", "{\"revoked\":[]}");
	cr_assert(load() == RC_OK && report.revoked == 0);
}

Test(trust_folder, a_files_name_is_printable)
{
	folder_add(root, "example.org");
	write_key("example.org/caf\xc3\xa9.jwks.json", "k1", NULL);
	cr_assert(load() == RC_BAD_KEY);
}
