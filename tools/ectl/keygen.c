/*
 * keygen.c - make an agent's key and bind it to the issuer.
 */
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/text.h"
#include "ectl.h"
#include "jwk_private.h"

#define ISS_MAX 2048 /* the ledger's own limit */

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
bool
issuer_is_uri(const char *s)
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
	if (!issuer_is_uri(iss))
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
