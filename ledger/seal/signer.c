/*
 * signer.c - the log's Ed25519 key in a file: PKCS#8 PEM, unencrypted, readable by its owner only.
 *
 * The key lives inside OpenSSL's EVP_PKEY and nowhere else; buffers that held its text are wiped.
 * There is no way to ask for it.
 */
#include "seal/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/must.h"
#include "seal/note_lines.h"

#define KEY_FILE_MAX 4096

static const char RULE[] = "log signing key";

struct file_signer {
	EVP_PKEY *key;
};

static enum rc
file_sign(void *ctx, struct bytes message, uint8_t signature[64])
{
	struct file_signer *f = ctx;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t n = 64;
	bool ok = md != NULL && EVP_DigestSignInit(md, NULL, NULL, NULL, f->key) == 1 &&
		  EVP_DigestSign(md, signature, &n, message.p, message.n) == 1 && n == 64;

	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return ok ? RC_OK : RC_INTERNAL;
}

static void
file_close(void *ctx)
{
	struct file_signer *f = ctx;

	EVP_PKEY_free(f->key); /* OpenSSL cleanses the private half */
	free(f);
}

/* Takes 'key'. */
static enum rc
signer_from_key(EVP_PKEY *key, const char *origin, struct log_signer *out)
{
	struct file_signer *f = NULL;
	uint8_t public_key[32];
	size_t n = sizeof(public_key);

	if (EVP_PKEY_get_raw_public_key(key, public_key, &n) != 1 || n != 32 ||
	    (f = malloc(sizeof(*f))) == NULL) {
		EVP_PKEY_free(key);
		return RC_NO_MEMORY;
	}
	f->key = key;
	out->sign = file_sign;
	out->close = file_close;
	out->ctx = f;
	vkey_make(origin, NOTE_ED25519, public_key, &out->vkey);
	return RC_OK;
}

void
log_signer_close(struct log_signer *s)
{
	if (s->close != NULL)
		s->close(s->ctx);
	memset(s, 0, sizeof(*s));
}

enum rc
log_signer_from_seed(const uint8_t seed[32], const char *origin, struct log_signer *out)
{
	EVP_PKEY *key;

	memset(out, 0, sizeof(*out));
	if (!note_name_ok(bytes_str(origin)) || strlen(origin) > NOTE_NAME_MAX)
		return RC_BAD_KEY;
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	return key == NULL ? RC_NO_MEMORY : signer_from_key(key, origin, out);
}

/* ---- the file ---- */

static bool
write_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	for (; n > 0; p += done, n -= (size_t)done) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		else if (done <= 0)
			return false;
	}
	return true;
}

/* The name is durable only when its folder is. */
static bool
sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd;
	bool ok;

	if (strlen(path) >= sizeof(copy))
		return false;
	memcpy(copy, path, strlen(path) + 1);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Whole or not at all: written under another name, synced, then given its own.  An existing key is
 * never replaced, since that would end the log's history for everybody who trusts it. */
static enum rc
write_key_file(const char *path, const char *pem, size_t n, struct why *why)
{
	char made[PATH_MAX];
	int fd = -1;
	bool ok = false;

	if (snprintf(made, sizeof(made), "%s.new", path) >= (int)sizeof(made))
		return why_set(why, RC_IO, RULE, NULL, 0, "the path is too long");
	unlink(made); /* what an interrupted call left was never anybody's key */
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		ok = fchmod(fd, 0600) == 0 && write_all(fd, pem, n) && fsync(fd) == 0;
		ok = close(fd) == 0 && ok;
	}
	if (ok && renameat2(AT_FDCWD, made, AT_FDCWD, path, RENAME_NOREPLACE) == 0 &&
	    sync_folder(path))
		return RC_OK;
	why_set(why, RC_IO, RULE, NULL, 0, "%.100s: %s", path, strerror(errno));
	if (fd >= 0)
		unlink(made);
	return RC_IO;
}

enum rc
log_signer_create(const char *path, struct why *why)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_secmem());
	enum rc rc = RC_NO_MEMORY;
	char *pem = NULL;
	long n;

	if (key == NULL || bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		why_set(why, rc, RULE, NULL, 0, "cannot make a key");
		goto out;
	}
	n = BIO_get_mem_data(bio, &pem);
	must(n > 0 && n < KEY_FILE_MAX);
	rc = write_key_file(path, pem, (size_t)n, why);
out:
	BIO_free(bio);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return rc;
}

/* The whole file, at most 'room' bytes; refuses one that others may read. */
static enum rc
read_key_file(const char *path, char *out, size_t room, size_t *size, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	ssize_t n;
	enum rc rc = RC_OK;

	if (fd < 0)
		return why_set(why, errno == ENOENT ? RC_NOT_FOUND : RC_IO, RULE, NULL, 0,
		    "%.100s: %s", path, strerror(errno));
	*size = 0;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = why_set(why, RC_BAD_KEY, RULE, NULL, 0, "%.100s is not a file", path);
	else if ((st.st_mode & 077) != 0)
		rc = why_set(why, RC_BAD_KEY, RULE, NULL, 0,
		    "%.100s may be read by others: chmod 600", path);
	while (rc == RC_OK && *size < room && (n = read(fd, out + *size, room - *size)) != 0) {
		if (n > 0)
			*size += (size_t)n;
		else if (errno != EINTR)
			rc =
			    why_set(why, RC_IO, RULE, NULL, 0, "%.100s: %s", path, strerror(errno));
	}
	if (rc == RC_OK && *size == room)
		rc = why_set(why, RC_BAD_KEY, RULE, NULL, 0, "%.100s is too large for a key", path);
	close(fd);
	return rc;
}

/* Never ask a terminal for a pass phrase. */
static int
no_password(char *p, int room, int rwflag, void *ctx)
{
	(void)p;
	(void)room;
	(void)rwflag;
	(void)ctx;
	return -1;
}

enum rc
log_signer_open(const char *path, const char *origin, struct log_signer *out, struct why *why)
{
	char pem[KEY_FILE_MAX];
	EVP_PKEY *key = NULL;
	BIO *bio = NULL;
	size_t n = 0;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	if (!note_name_ok(bytes_str(origin)) || strlen(origin) > NOTE_NAME_MAX)
		return why_set(why, RC_BAD_KEY, RULE, "origin", 0,
		    "the origin is empty, too long, or has a space, a plus or a control in it");
	if ((rc = read_key_file(path, pem, sizeof(pem), &n, why)) != RC_OK)
		goto out;
	bio = BIO_new_mem_buf(pem, (int)n);
	key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		rc = why_set(why, RC_BAD_KEY, RULE, NULL, 0,
		    "%.100s is not an unencrypted Ed25519 key in PKCS#8 PEM", path);
		goto out;
	}
	rc = signer_from_key(key, origin, out);
out:
	BIO_free(bio);
	OPENSSL_cleanse(pem, sizeof(pem));
	ERR_clear_error();
	return rc;
}
