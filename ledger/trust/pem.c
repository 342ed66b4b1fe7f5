/*
 * pem.c - the blocks of a PEM file.
 *
 * OpenSSL's own readers of certificates would ask a terminal for the passphrase of an encrypted
 * block; PEM_read_bio() alone does not decrypt.  Text around the blocks is comment, as always in
 * PEM; a block that is broken, or of another kind, is an error: a private key in a trust folder is
 * an accident that its owner must hear of.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/must.h"
#include "trust/anchors.h"

#define BLOCKS_MAX 256

static enum rc
check_block(const char *name, const char *header, bool crl, struct why *why)
{
	const char *want = crl ? PEM_STRING_X509_CRL : PEM_STRING_X509;

	if (strstr(name, "PRIVATE KEY") != NULL)
		return why_set(why, RC_BAD_KEY, "trust (PEM)", NULL, 0,
		    "a private key; only public things belong into a trust folder");
	if (strcmp(name, want) != 0 || header[0] != '\0')
		return why_set(why, RC_BAD_KEY, "trust (PEM)", NULL, 0,
		    "a PEM block that is no plain \"%s\"", want);
	return RC_OK;
}

enum rc
pem_read(struct bytes text, bool crl,
    enum rc (*block)(void *ctx, struct bytes der, struct why *why), void *ctx, struct why *why)
{
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	size_t count = 0;
	long size = 0;
	enum rc rc = RC_OK;
	BIO *bio;

	must(text.n <= INT32_MAX);
	if (!(bio = BIO_new_mem_buf(text.n ? (const void *)text.p : "", (int)text.n)))
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for a PEM file");
	ERR_clear_error();
	while (rc == RC_OK && PEM_read_bio(bio, &name, &header, &data, &size) == 1) {
		if (++count > BLOCKS_MAX)
			rc = why_set(why, RC_BAD_KEY, "trust (PEM)", NULL, 0,
			    "more than %d blocks in one file", BLOCKS_MAX);
		else if ((rc = check_block(name, header, crl, why)) == RC_OK)
			rc = block(ctx, bytes_of(data, (size_t)size), why);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)size);
		name = header = NULL;
		data = NULL;
	}
	/* The end shows as "no start line"; anything else is a broken block. */
	if (rc == RC_OK && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		rc = why_set(why, RC_BAD_KEY, "trust (PEM)", NULL, 0, "a broken PEM block");
	else if (rc == RC_OK && count == 0)
		rc = why_set(why, RC_BAD_KEY, "trust (PEM)", NULL, 0, "no PEM block in the file");
	ERR_clear_error();
	BIO_free(bio);
	return rc;
}
