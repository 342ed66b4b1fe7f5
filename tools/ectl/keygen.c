/*
 * keygen.c - the two verbs that need no server: make an agent's key, sign a task's token with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/text.h"
#include "ectl.h"

#define ISS_MAX 2048 /* the ledger's own limit */

/* ---- keygen ---- */

static const struct verb_option keygen_options[] = {
    {"--iss", "URI", "the issuer the key speaks for, such as spiffe://example.com/agent/writer",
	false},
    {"--alg", "ES256|ES384|EdDSA", "default: ES256", false},
    {"--out", "FILE", "the private key, written with mode 0600; an existing file is not touched",
	false},
    {"--jwks", "FILE", "also add the public key, bound to the issuer, to this JWK set", false},
    {NULL, NULL, NULL, false},
};

/* RFC 3986 3.1: a scheme and something behind it. */
static bool
is_uri(const char *s)
{
	const size_t n =
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
	const size_t size = strlen(s);

	if (n == 0 || s[n] != ':' || s[n + 1] == '\0' || (s[0] >= '0' && s[0] <= '9'))
		return false;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || s[i] == '"' || s[i] == '\\')
			return false;
	return size <= ISS_MAX && utf8_ok(bytes_str(s));
}

static int
keygen_run(const struct globals *g, const struct args *a)
{
	const char *iss = args_get(a, "--iss"), *out = args_get(a, "--out");
	const char *alg = args_get(a, "--alg"), *jwks = args_get(a, "--jwks");
	struct private_key *k = NULL;
	int rc = EXIT_USAGE;

	if (iss == NULL || out == NULL)
		return fail(EXIT_USAGE, "keygen needs --iss URI and --out FILE");
	if (!is_uri(iss))
		return fail(
		    EXIT_USAGE, "--iss must be a URI, such as spiffe://example.com/agent/writer");
	if (access(out, F_OK) == 0)
		return fail(EXIT_USAGE, "%s is there already; a key is never overwritten", out);
	if ((k = private_key_new(alg != NULL ? alg : "ES256", iss)) == NULL)
		goto out;
	if (!private_key_save(k, out) || (jwks != NULL && !jwks_add(jwks, k)))
		goto out;
	print_json(g, json_pack("{ss ss ss}", "kid", private_key_kid(k), "alg", private_key_alg(k),
			  "iss", private_key_iss(k)));
	rc = EXIT_YES;
out:
	private_key_free(k);
	return rc;
}

const struct verb verb_keygen = {"keygen", "",
    "make an agent's private key and bind its public half to the issuer", keygen_options, 0, 0,
    keygen_run};

/* ---- sign ---- */

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
    {"--format", "jws|cose", "only jws in this version", false},
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

/* Ids, times and the words with few values. */
static bool
sign_options_read(const struct args *a, struct token_spec *spec)
{
	const char *format = args_get(a, "--format"), *revision = args_get(a, "--revision");
	uint64_t iat = 0, ttl = 0;
	uint8_t id[16];

	if (format != NULL && strcmp(format, "jws") != 0) {
		fail(EXIT_USAGE, "--format %s is not in this version; jws is", format);
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

static int
sign_run(const struct globals *g, const struct args *a)
{
	const char *key = args_get(a, "--key"), **pred = NULL, **aud = NULL;
	char inp[B64_ROOM(32)], out[B64_ROOM(32)];
	struct token_spec spec = {0};
	struct private_key *k = NULL;
	char *token = NULL;
	int rc = EXIT_USAGE;

	(void)g; /* a token is a line, whatever -o says */
	if (key == NULL || args_get(a, "--act") == NULL)
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
	if ((k = private_key_load(key)) == NULL || (token = token_sign(k, &spec, NULL)) == NULL)
		goto out;
	if (puts(token) < 0 || fflush(stdout) != 0) {
		fail(EXIT_USAGE, "cannot write the token: %s", strerror(errno));
		goto out;
	}
	rc = EXIT_YES;
out:
	free(token);
	private_key_free(k);
	free(pred);
	free(aud);
	return rc;
}

const struct verb verb_sign = {
    "sign", "", "sign a task's token: one line, ready for append", sign_options, 0, 0, sign_run};
