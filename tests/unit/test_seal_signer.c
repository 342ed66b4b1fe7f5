/* test_seal_signer.c - the key file: made once, read back, never shown to others. */
#include <sys/stat.h>
#include <unistd.h>

#include "unit/test_seal_help.h"

static void
folder(char path[64], char file[128])
{
	strcpy(path, "/tmp/test-signer-XXXXXX");
	cr_assert(mkdtemp(path) != NULL);
	snprintf(file, 128, "%s/log.key", path);
}

static void
clean(const char *path, const char *file)
{
	unlink(file);
	rmdir(path);
}

Test(seal_signer, makes_a_key_that_opens_and_signs_and_whose_vkey_verifies)
{
	char path[64], file[128];
	struct log_signer a, b;
	struct checkpoint cp;
	struct hash root = {{1}};
	struct buf note;
	struct stat st;

	folder(path, file);
	cr_assert(log_signer_create(file, NULL) == RC_OK);
	cr_assert(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600);
	cr_assert(log_signer_open(file, TEST_ORIGIN, &a, NULL) == RC_OK);
	cr_assert(log_signer_open(file, TEST_ORIGIN, &b, NULL) == RC_OK);
	cr_assert(memcmp(&a.vkey, &b.vkey, sizeof(a.vkey)) == 0);
	buf_init(&note, 0);
	cr_assert(checkpoint_sign(&a, 1, &root, BYTES_NONE, &note) == RC_OK);
	cr_assert(checkpoint_open(buf_bytes(&note), &b.vkey, &cp, NULL) == RC_OK);
	buf_release(&note);
	log_signer_close(&a);
	log_signer_close(&b);
	log_signer_close(&b); /* twice is fine */
	clean(path, file);
}

Test(seal_signer, never_overwrites_a_key)
{
	char path[64], file[128];
	struct log_signer before, after;
	struct why why = {0};

	folder(path, file);
	cr_assert(log_signer_create(file, NULL) == RC_OK);
	cr_assert(log_signer_open(file, "x", &before, NULL) == RC_OK);
	cr_assert(log_signer_create(file, &why) == RC_IO && why.rule != NULL);
	cr_assert(log_signer_open(file, "x", &after, NULL) == RC_OK);
	cr_assert(before.vkey.id == after.vkey.id);
	log_signer_close(&before);
	log_signer_close(&after);
	clean(path, file);
}

Test(seal_signer, refuses_a_file_that_others_may_read)
{
	char path[64], file[128];
	struct log_signer s;
	struct why why = {0};

	folder(path, file);
	cr_assert(log_signer_create(file, NULL) == RC_OK);
	cr_assert(chmod(file, 0640) == 0);
	cr_assert(log_signer_open(file, "x", &s, &why) == RC_BAD_KEY && why.rule != NULL);
	cr_assert(chmod(file, 0604) == 0);
	cr_assert(log_signer_open(file, "x", &s, NULL) == RC_BAD_KEY);
	cr_assert(chmod(file, 0400) == 0);
	cr_assert(log_signer_open(file, "x", &s, NULL) == RC_OK);
	log_signer_close(&s);
	clean(path, file);
}

static enum rc
open_text(const char *text, size_t n)
{
	char path[64], file[128];
	struct log_signer s;
	struct why why = {0};
	FILE *f;
	enum rc rc;

	folder(path, file);
	f = fopen(file, "wb");
	cr_assert(f != NULL && fwrite(text, 1, n, f) == n && fclose(f) == 0);
	cr_assert(chmod(file, 0600) == 0);
	rc = log_signer_open(file, "x", &s, &why);
	cr_assert((why.rule != NULL) == (rc != RC_OK));
	log_signer_close(&s);
	clean(path, file);
	return rc;
}

Test(seal_signer, refuses_what_is_no_ed25519_key)
{
	static const char p256[] =
	    "-----BEGIN PRIVATE KEY-----\n"
	    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n"
	    "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n"
	    "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n"
	    "-----END PRIVATE KEY-----\n";
	static const char encrypted[] =
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n";
	char *large = malloc(5000);

	cr_assert(large != NULL);
	memset(large, 'A', 5000);
	cr_assert(open_text("", 0) == RC_BAD_KEY);
	cr_assert(open_text("no key\n", 7) == RC_BAD_KEY);
	cr_assert(open_text(p256, sizeof(p256) - 1) == RC_BAD_KEY);
	cr_assert(open_text(encrypted, sizeof(encrypted) - 1) == RC_BAD_KEY);
	cr_assert(open_text(large, 5000) == RC_BAD_KEY);
	free(large);
}

/* RFC 8410 section 10.3 has this key; its public half is published there too. */
Test(seal_signer, opens_the_pkcs8_key_of_rfc_8410)
{
	static const char pem[] =
	    "-----BEGIN PRIVATE KEY-----\n"
	    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
	    "-----END PRIVATE KEY-----\n";
	static const char public_hex[] =
	    "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
	char path[64], file[128], hex[65];
	struct log_signer s;
	FILE *f;

	folder(path, file);
	f = fopen(file, "wb");
	cr_assert(f != NULL && fputs(pem, f) >= 0 && fclose(f) == 0 && chmod(file, 0600) == 0);
	cr_assert(log_signer_open(file, "x", &s, NULL) == RC_OK);
	hex_encode(bytes_of(s.vkey.key, 32), hex);
	cr_assert_str_eq(hex, public_hex);
	log_signer_close(&s);
	clean(path, file);
}

Test(seal_signer, says_when_there_is_no_file_and_when_there_is_no_folder)
{
	struct log_signer s;
	struct why why = {0};

	cr_assert(
	    log_signer_open("/nowhere/log.key", "x", &s, &why) == RC_NOT_FOUND && why.rule != NULL);
	cr_assert(log_signer_create("/nowhere/log.key", &why) == RC_IO);
	cr_assert(log_signer_open("/tmp", "x", &s, &why) == RC_BAD_KEY);
}
