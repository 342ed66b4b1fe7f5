/*
 * sign_verb.c - "ectl sign": options to a token_spec, and the token to standard output.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/text.h"
#include "ectl.h"
#include "jwk_private.h"

#define CERTS_MAX 4 /* the ledger's own limit */

static const struct verb_option sign_options[] = {
    {"--key", "FILE", "the agent's private JWK", false},
    {"--act", "NAME", "what was done: exec_act", false},
    {"--wid", "UUID", "the workflow", false},
    {"--jti", "UUID", "the task's id; default: a new one", false},
    {"--pred", "UUID", "a task that this one follows", true},
    {"--in", "FILE", "the task's input: its SHA-256 becomes inp_hash", false},
    {"--out", "FILE", "the task's output: its SHA-256 becomes out_hash", false},
    {"--inp-hash", "HASH", "SHA-256 of the input, base64url", false},
    {"--out-hash", "HASH", "SHA-256 of the output, base64url", false},
    {"--ext", "JSON", "the extension object", false},
    {"--iat", "TIME", "when it was done, seconds since 1970; default: now", false},
    {"--ttl", "SECONDS", "how long the token may be submitted; default: 600", false},
    {"--aud", "URI", "who the token is for; default: urn:ectledger", true},
    {"--iss", "URI", "the issuer; default: the one that the key is bound to", false},
    {"--format", "jws|cose|json",
	"compact JWS as a line (default); COSE_Sign1 as bytes; unsigned JSON as a line, for logs "
	"that take it",
	false},
    {"--x5c", "FILE", "embed this certificate chain (PEM, leaf first) instead of the kid", false},
    {"--x5t", "FILE", "name this certificate (PEM) by its SHA-256 instead of the kid", false},
    {"--revision", "00|01", "spelling of the draft revision; default: 01", false},
    {NULL, NULL, NULL, false},
};

/* SHA-256 of a file of any size, as base64url. */
static bool
hash_file(const char *path, char out[B64_ROOM(32)])
{
	uint8_t block[65536], digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_MD_CTX *ctx = NULL;
	FILE *f = NULL;
	size_t got;
	bool ok = false;

	if ((f = fopen(path, "rb")) == NULL || (ctx = EVP_MD_CTX_new()) == NULL ||
	    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		goto out;
	while ((got = fread(block, 1, sizeof block, f)) > 0)
		if (EVP_DigestUpdate(ctx, block, got) != 1)
			goto out;
	if (ferror(f) == 0 && EVP_DigestFinal_ex(ctx, digest, &n) == 1 && n == 32) {
		b64url_encode(bytes_of(digest, n), out);
		ok = true;
	}
out:
	if (!ok)
		fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	if (f != NULL)
		fclose(f);
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* One of --in FILE and --inp-hash HASH (or the output pair); '*hash' stays NULL when neither is
 * given. */
static bool
hash_option(const struct args *a, const char *file_name, const char *hash_name,
    char room[B64_ROOM(32)], const char **hash)
{
	const char *file = args_get(a, file_name), *text = args_get(a, hash_name);
	uint8_t digest[32];
	size_t n = 0;

	*hash = NULL;
	if (file != NULL && text != NULL) {
		fail(EXIT_USAGE, "give %s or %s, not both", file_name, hash_name);
		return false;
	}
	if (file != NULL) {
		if (!hash_file(file, room))
			return false;
		*hash = room;
	} else if (text != NULL) {
		if (!b64url_decode(bytes_str(text), digest, sizeof digest, &n) ||
		    n != sizeof digest) {
			fail(EXIT_USAGE, "%s wants a SHA-256 in base64url (43 characters)",
			    hash_name);
			return false;
		}
		*hash = text;
	}
	return true;
}

/*
 * Every value given of an option that may be given several times; calloc'd, never NULL on success.
 */
static bool
all_of(const struct args *a, const char *name, const char ***out, size_t *count)
{
	size_t n = 0;

	while (args_nth(a, name, n) != NULL)
		n++;
	if ((*out = calloc(n + 1, sizeof **out)) == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		(*out)[i] = args_nth(a, name, i);
	*count = n;
	return true;
}

static bool
format_read(const char *text, enum token_format *out)
{
	static const char *const names[] = {
	    [TOKEN_FORMAT_JWS] = "jws", [TOKEN_FORMAT_COSE] = "cose", [TOKEN_FORMAT_JSON] = "json"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum token_format)i;
			return true;
		}
	}
	return false;
}

/* Ids, times and the words with few values. */
static bool
sign_options_read(const struct args *a, struct token_spec *spec)
{
	const char *format = args_get(a, "--format"), *revision = args_get(a, "--revision");
	uint64_t iat = 0, ttl = 0;
	uint8_t id[16];

	if (format != NULL && !format_read(format, &spec->format)) {
		fail(EXIT_USAGE, "--format is jws, cose or json");
		return false;
	}
	spec->iss = args_get(a, "--iss");
	if (spec->iss != NULL && !issuer_is_uri(spec->iss)) {
		fail(EXIT_USAGE, "--iss must be a URI");
		return false;
	}
	if (revision != NULL && strcmp(revision, "00") != 0 && strcmp(revision, "01") != 0) {
		fail(EXIT_USAGE, "--revision is 00 or 01");
		return false;
	}
	spec->revision = revision != NULL && strcmp(revision, "00") == 0 ? 0 : 1;
	spec->act = args_get(a, "--act");
	spec->ext = args_get(a, "--ext");
	spec->wid = args_get(a, "--wid");
	spec->jti = args_get(a, "--jti");
	if ((spec->wid != NULL && !args_uuid(spec->wid, id, "--wid")) ||
	    (spec->jti != NULL && !args_uuid(spec->jti, id, "--jti")))
		return false;
	for (size_t i = 0; i < spec->pred_count; i++)
		if (!args_uuid(spec->pred[i], id, "--pred"))
			return false;
	if (!args_u64(a, "--iat", &iat) || !args_u64(a, "--ttl", &ttl))
		return false;
	if (iat > (UINT64_C(1) << 52) || ttl > (UINT64_C(1) << 52)) {
		fail(EXIT_USAGE, "--iat and --ttl are seconds below 2^52");
		return false;
	}
	spec->iat = (int64_t)iat;
	spec->ttl_s = (int64_t)ttl;
	return true;
}

/* ---- certificates ---- */

/* What --x5c or --x5t put into the token. */
struct certificates {
	struct bytes der[CERTS_MAX];
	size_t count;
	uint8_t digest[32];
};

static void
certificates_free(struct certificates *c)
{
	for (size_t i = 0; i < c->count; i++)
		OPENSSL_free((void *)(uintptr_t)c->der[i].p);
}

static bool
certificates_load(const char *path, struct certificates *out)
{
	FILE *f = fopen(path, "rb");
	X509 *x = NULL;

	while (f != NULL && out->count < CERTS_MAX &&
	       (x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
		unsigned char *der = NULL;
		int n = i2d_X509(x, &der);

		X509_free(x);
		if (n <= 0)
			break;
		out->der[out->count++] = bytes_of(der, (size_t)n);
	}
	ERR_clear_error();
	if (f != NULL)
		(void)fclose(f);
	if (out->count == 0)
		fail(EXIT_USAGE, "%s has no certificate (PEM) to read", path);
	return out->count > 0;
}

/* The leaf has to be the key's own: the ledger refuses the token otherwise, and says less. */
static bool
certificates_read(const struct args *a, const struct private_key *k, struct certificates *out,
    struct token_spec *spec)
{
	const char *chain = args_get(a, "--x5c"), *leaf = args_get(a, "--x5t");
	unsigned n = 0;

	if (chain == NULL && leaf == NULL)
		return true;
	if ((chain != NULL && leaf != NULL) || k == NULL) {
		fail(EXIT_USAGE, "give --x5c or --x5t, and a key with it");
		return false;
	}
	if (!certificates_load(chain != NULL ? chain : leaf, out))
		return false;
	if (!private_key_certified(k, out->der[0])) {
		fail(EXIT_USAGE, "the first certificate in %s is not for this key",
		    chain != NULL ? chain : leaf);
		return false;
	}
	if (chain != NULL) {
		spec->x5c = out->der;
		spec->x5c_count = out->count;
		return true;
	}
	if (EVP_Digest(out->der[0].p, out->der[0].n, out->digest, &n, EVP_sha256(), NULL) != 1)
		return false;
	spec->x5t = out->digest;
	return true;
}

/* ---- the verb ---- */

/* COSE is bytes; the others are a line. */
static bool
print_token(const struct token_spec *spec, const struct buf *token)
{
	bool line = spec->format != TOKEN_FORMAT_COSE;

	if (!line && isatty(STDOUT_FILENO)) {
		fail(EXIT_USAGE, "a COSE token is binary: send it to a file or to append");
		return false;
	}
	if (fwrite(token->p, 1, token->n, stdout) == token->n && (!line || putchar('\n') != EOF) &&
	    fflush(stdout) == 0)
		return true;
	fail(EXIT_USAGE, "cannot write the token: %s", strerror(errno));
	return false;
}

static int
sign_run(const struct globals *g, const struct args *a)
{
	const char *key = args_get(a, "--key"), **pred = NULL, **aud = NULL;
	char inp[B64_ROOM(32)], out[B64_ROOM(32)];
	struct certificates certs = {.count = 0};
	struct token_spec spec = {0};
	struct private_key *k = NULL;
	struct buf token;
	int rc = EXIT_USAGE;

	(void)g; /* a token is a line or bytes, whatever -o says */
	buf_init(&token, 0);
	if (args_get(a, "--act") == NULL)
		return fail(EXIT_USAGE, "sign needs --key FILE and --act NAME");
	if (!all_of(a, "--pred", &pred, &spec.pred_count) ||
	    !all_of(a, "--aud", &aud, &spec.aud_count))
		goto out;
	spec.pred = pred;
	spec.aud = aud;
	if (!sign_options_read(a, &spec) ||
	    !hash_option(a, "--in", "--inp-hash", inp, &spec.inp_hash) ||
	    !hash_option(a, "--out", "--out-hash", out, &spec.out_hash))
		goto out;
	if (key == NULL && (spec.format != TOKEN_FORMAT_JSON || spec.iss == NULL)) {
		fail(EXIT_USAGE, "sign needs --key FILE; --format json does with --iss URI");
		goto out;
	}
	if (key != NULL && (k = private_key_load(key)) == NULL)
		goto out;
	if (!certificates_read(a, k, &certs, &spec) || !token_make(k, &spec, &token, NULL) ||
	    !print_token(&spec, &token))
		goto out;
	rc = EXIT_YES;
out:
	buf_release(&token);
	certificates_free(&certs);
	private_key_free(k);
	free(pred);
	free(aud);
	return rc;
}

const struct verb verb_sign = {"sign", "",
    "sign a task's token: a line or, as COSE, bytes, ready for append", sign_options, 0, 0,
    sign_run};
