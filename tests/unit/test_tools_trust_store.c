/*
 * trust-store on a live server: what is asked, and what is never sent.
 */
#include "test_client_fake.h"

#include <criterion/redirect.h>
#include <openssl/evp.h>

#include "tools/ectl/args.c"
#include "tools/ectl/connect.c"
#include "tools/ectl/entry_row.c"
#include "tools/ectl/output.c"
#include "tools/ectl/show.c"
#include "tools/ectl/time_read.c"
#include "tools/ectl/trust_dir.c"
#include "tools/ectl/trust_store.c"

static char said[4096]; /* each request in a line */

/* Says yes to everything; "same" is so already, "nobody" is not there. */
static void
yes(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		Ectledger__V1__TrustStoreRequest *r = ectledger__v1__trust_store_request__unpack(
		    NULL, frame->message.len, frame->message.data);
		Ectledger__V1__TrustStoreReply reply = ECTLEDGER__V1__TRUST_STORE_REPLY__INIT;
		Ectledger__V1__KeyRecord key = ECTLEDGER__V1__KEY_RECORD__INIT, *list[] = {&key};
		size_t at = strlen(said);
		uint8_t packed[512];

		(void)snprintf(said + at, sizeof said - at,
		    "%s %s key=%s jwk=%.*s der=%d since=%lld %s\n", r->action, r->domain, r->key,
		    (int)r->jwk.len, r->jwk.data != NULL ? (const char *)r->jwk.data : "",
		    (int)r->certificate.len > 0, (long long)r->since, r->reason);
		f->messages++;
		key.kid = "k";
		reply.keys = list;
		reply.n_keys = 1;
		reply.tree_size = 5;
		reply.unchanged = strcmp(r->key, "same") == 0;
		if (strcmp(r->key, "nobody") == 0)
			fake_end(fd, frame->call, 5, RC_NOT_FOUND, "no such key");
		else
			fake_answer(fd, frame->call, packed,
			    ectledger__v1__trust_store_reply__pack(&reply, packed));
		ectledger__v1__trust_store_request__free_unpacked(r, NULL);
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

static int
run(struct fake *f, char **words, int count)
{
	static const struct verb *const verbs[] = {&verb_trust_store, NULL};
	char *argv[32] = {"ectl", "--insecure-loopback", "--server", f->server, "trust-store"};
	struct command c;
	int code;

	for (int i = 0; i < count; i++)
		argv[5 + i] = words[i];
	cr_assert_eq(args_parse(5 + count, argv, verbs, &c), ARGS_RUN);
	code = c.verb->run(&c.globals, &c.args);
	args_release(&c);
	(void)fflush(stdout);
	(void)fflush(stderr);
	return code;
}
#define RUN(f, ...)                                                                                \
	run((f), (char *[]){__VA_ARGS__}, (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)))

static char folder[] = "/tmp/truststore.XXXXXX", file[64];

static void
setup(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
	cr_assert(mkdtemp(folder) != NULL);
	(void)snprintf(file, sizeof file, "%s/file", folder);
}
static void
teardown(void)
{
	(void)unlink(file);
	(void)rmdir(folder);
}
TestSuite(tools_trust_store, .init = setup, .fini = teardown);

static void
put(const char *text)
{
	cr_assert(write_file(file, text, strlen(text), 0644));
}

Test(tools_trust_store, every_key_of_a_set_is_sent_bound_and_in_its_domain)
{
	struct fake f;

	put("{\"keys\":[{\"kid\":\"1\",\"ect_iss\":[\"spiffe://a.org/x\"]},"
	    "{\"kid\":\"2\",\"ect_iss\":[\"spiffe://b.org/y\"]}]}");
	fake_start(&f, yes);
	cr_expect_eq(RUN(&f, "add", file), 0);
	cr_expect_eq(RUN(&f, "add", file, "--domain", "c.org", "--iss", "u:1", "--iss", "u:2"), 0);
	fake_stop(&f);
	cr_expect_str_eq(said,
	    "add a.org key= jwk={\"kid\":\"1\",\"ect_iss\":[\"spiffe://a.org/x\"]} der=0 since=0 \n"
	    "add b.org key= jwk={\"kid\":\"2\",\"ect_iss\":[\"spiffe://b.org/y\"]} der=0 since=0 \n"
	    "add c.org key= jwk={\"kid\":\"1\",\"ect_iss\":[\"u:1\",\"u:2\"]} der=0 since=0 \n"
	    "add c.org key= jwk={\"kid\":\"2\",\"ect_iss\":[\"u:1\",\"u:2\"]} der=0 since=0 \n");
}

Test(tools_trust_store, a_private_or_unbound_key_never_leaves)
{
	struct fake f;

	fake_start(&f, yes);
	put("{\"kty\":\"EC\",\"kid\":\"1\",\"d\":\"AA\",\"ect_iss\":[\"spiffe://a.org/x\"]}");
	cr_expect_eq(RUN(&f, "add", file), EXIT_USAGE);
	put("{\"kty\":\"EC\",\"kid\":\"1\"}");
	cr_expect_eq(RUN(&f, "add", file, "--domain", "a.org"), EXIT_USAGE);
	put("{\"kty\":\"EC\",\"kid\":\"1\",\"ect_iss\":[\"no-domain\"]}");
	cr_expect_eq(RUN(&f, "add", file), EXIT_USAGE);
	put("{\"keys\":[]}");
	cr_expect_eq(RUN(&f, "add", file), EXIT_USAGE);
	put("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	cr_expect_eq(RUN(&f, "add", file, "--domain", "a.org"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "add", "/does/not/exist"), EXIT_USAGE);
	fake_stop(&f);
	cr_expect_eq(f.messages, 0u);
}

/* Two self-signed certificates in one PEM file. */
static void
put_certificates(void)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	for (int i = 0; i < 2; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *x = X509_new();

		(void)X509_gmtime_adj(X509_getm_notBefore(x), 0);
		(void)X509_gmtime_adj(X509_getm_notAfter(x), 60);
		(void)X509_set_pubkey(x, key);
		cr_assert(X509_sign(x, key, EVP_sha256()) > 0);
		cr_assert(PEM_write_bio_X509(bio, x));
		X509_free(x);
		EVP_PKEY_free(key);
	}
	n = BIO_get_mem_data(bio, &text);
	cr_assert(write_file(file, text, (size_t)n, 0644));
	BIO_free(bio);
}

Test(tools_trust_store, certificates_are_sent_as_der)
{
	struct fake f;

	put_certificates();
	fake_start(&f, yes);
	cr_expect_eq(RUN(&f, "add", file), EXIT_USAGE, "whose CA?");
	cr_expect_eq(
	    RUN(&f, "add", file, "--domain", "a.org", "--iss", "spiffe://a.org/x"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "add", file, "--domain", "a.org"), 0);
	fake_stop(&f);
	cr_expect_str_eq(
	    said, "add a.org key= jwk= der=1 since=0 \nadd a.org key= jwk= der=1 since=0 \n");
}

Test(tools_trust_store, revoking_says_since_when_and_why)
{
	struct fake f;
	json_t *answer;

	fake_start(&f, yes);
	cr_expect_eq(RUN(&f, "revoke", "a-1", "--since", "2026-11-22", "--reason", "stolen"), 0);
	cr_expect_eq(RUN(&f, "reinstate", "a-1"), 0);
	cr_expect_eq(RUN(&f, "revoke", "nobody"), EXIT_NO);
	fake_stop(&f);
	cr_expect_str_eq(said, "revoke  key=a-1 jwk= der=0 since=1795305600 stolen\n"
			       "reinstate  key=a-1 jwk= der=0 since=0 \n"
			       "revoke  key=nobody jwk= der=0 since=0 \n");
	answer = json_loadf(cr_get_redirected_stdout(), JSON_DISABLE_EOF_CHECK, NULL);
	cr_expect(json_is_false(json_object_get(answer, "unchanged")));
	cr_expect_eq(json_integer_value(json_object_get(answer, "tree_size")), 5);
	cr_expect_eq(json_array_size(json_object_get(answer, "keys")), 1u);
	json_decref(answer);
}

Test(tools_trust_store, what_was_so_already_is_said)
{
	struct fake f;
	json_t *answer;

	fake_start(&f, yes);
	cr_expect_eq(RUN(&f, "revoke", "same"), 0);
	fake_stop(&f);
	answer = json_loadf(cr_get_redirected_stdout(), JSON_DISABLE_EOF_CHECK, NULL);
	cr_expect(json_is_true(json_object_get(answer, "unchanged")));
	json_decref(answer);
}

Test(tools_trust_store, words_that_do_not_go_together_are_usage_errors)
{
	struct fake f;

	fake_start(&f, yes);
	cr_expect_eq(RUN(&f, "burn", "x"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "list", "x"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "add"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "revoke"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "reinstate"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "revoke", "k", "--since", "soon"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "list", "--since", "1"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "reinstate", "k", "--reason", "x"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "list", "--iss", "x"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "list", "--domain", "../x"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "revoke", "k", "--at", "3"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "reinstate", "k", "--dir", folder), EXIT_USAGE);
	cr_expect_eq(RUN(&f, "revoke", "k", "--dir", folder, "--since", "1"), EXIT_USAGE);
	fake_stop(&f);
	cr_expect_eq(f.messages, 0u);
}
