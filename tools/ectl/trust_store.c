/*
 * trust_store.c - "ectl trust-store": the keys that a server trusts, and what the log says about them.
 *
 * On a live server every change is an entry in the log, made by an operator whom the log's grants
 * name.  A file with several keys is added key by key: what went in before a refusal stays, and is
 * told.
 */
#include "trust_store.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry_row.h"

#define METHOD	 "/ectledger.v1.Admin/TrustStore"
#define FILE_MAX (4 * 1024 * 1024)

typedef Ectledger__V1__TrustStoreRequest request_t;
typedef Ectledger__V1__TrustStoreReply reply_t;

/* What one run of the verb has done: rows of keys, and where the log was. */
struct changes {
	const struct globals *g;
	struct ect_client *client;
	json_t *keys;
	uint64_t tree_size;
	size_t changed, unchanged;
};

static char *
borrowed(const char *text)
{
	return (char *)(uintptr_t)(text != NULL ? text : "");
}

static int
ask(struct changes *c, const request_t *request)
{
	reply_t *reply = NULL;
	int code = call_on(c->client, METHOD, &request->base,
	    &ectledger__v1__trust_store_reply__descriptor, (ProtobufCMessage **)(void *)&reply);

	if (code != 0)
		return code;
	for (size_t i = 0; i < reply->n_keys; i++)
		(void)json_array_append_new(c->keys, key_row(reply->keys[i]));
	c->tree_size = reply->tree_size;
	c->changed += !reply->unchanged;
	c->unchanged += reply->unchanged != 0;
	ectledger__v1__trust_store_reply__free_unpacked(reply, NULL);
	return 0;
}

/* ---- for people ---- */

static const char *
word(json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "-";
}

/* What holds now: the whole story is in "ectl get" and -o json. */
static void
state_of(json_t *key, char *out, size_t size)
{
	const char *state = word(key, "state"), *what = state, *reason = word(key, "reason");
	json_t *since = json_object_get(key, "revoked_since"), *from = NULL;
	char index[32], at[32];

	(void)snprintf(index, sizeof index, "%s_index", what);
	(void)snprintf(at, sizeof at, "%s_at", what);
	if (json_is_integer(since) && strcmp(state, "revoked") == 0)
		from = show_time_ms((int64_t)json_integer_value(since) * 1000);
	(void)snprintf(out, size, "%s %.19sZ, entry %lld%s%s", state,
	    json_string_value(from) != NULL ? json_string_value(from) : word(key, at),
	    (long long)json_integer_value(json_object_get(key, index)),
	    strcmp(reason, "-") != 0 ? ": " : "", strcmp(reason, "-") != 0 ? reason : "");
	json_decref(from);
}

static int
keys_table(json_t *keys)
{
	char speaks[320], state[512];
	struct table t;
	json_t *key;
	size_t i;

	table_init(&t, 3);
	table_add(&t, "key");
	table_add(&t, "speaks for");
	table_add(&t, "state");
	json_array_foreach(keys, i, key)
	{
		json_t *iss = json_object_get(key, "ect_iss");
		const char *first = json_string_value(json_array_get(iss, 0)),
			   *kid = json_string_value(json_object_get(key, "kid"));

		if (first != NULL)
			(void)snprintf(speaks, sizeof speaks, "%s%s", first,
			    json_array_size(iss) > 1 ? " ..." : "");
		else
			(void)snprintf(speaks, sizeof speaks, "%s of %s", word(key, "subject"),
			    word(key, "domain"));
		state_of(key, state, sizeof state);
		table_add(&t, kid != NULL ? kid : word(key, "id"));
		table_add(&t, speaks);
		table_add(&t, state);
	}
	return table_print(&t);
}

static int
print_changes(struct changes *c, bool list)
{
	json_t *answer;

	if (c->g->output == OUTPUT_TABLE) {
		if (!list && c->changed == 0)
			(void)fprintf(stderr, "it was so already\n");
		return json_array_size(c->keys) > 0 ? keys_table(c->keys) : 0;
	}
	answer = json_pack("{sO sI}", "keys", c->keys, "tree_size", (json_int_t)c->tree_size);
	if (!list)
		(void)json_object_set_new(answer, "unchanged", json_boolean(c->changed == 0));
	print_json(c->g, answer);
	return 0;
}

/* ---- add ---- */

/* The trust domain of "spiffe://DOMAIN/..."; NULL: none. */
static char *
domain_of(const char *iss)
{
	const char *at = iss != NULL ? strstr(iss, "://") : NULL;

	return at != NULL ? strndup(at + 3, strcspn(at + 3, "/")) : NULL;
}

static int
add_jwk(struct changes *c, const struct args *a, json_t *jwk)
{
	request_t request = ECTLEDGER__V1__TRUST_STORE_REQUEST__INIT;
	const char *domain = args_get(a, "--domain"),
		   *kid = json_string_value(json_object_get(jwk, "kid"));
	char *own = NULL, *text = NULL;
	int code = EXIT_USAGE;

	if (json_object_get(jwk, "d") != NULL || json_object_get(jwk, "k") != NULL)
		return fail(EXIT_USAGE,
		    "key \"%s\" has its private half in it: give the public key (keygen --jwks)",
		    kid != NULL ? kid : "");
	if (json_object_get(jwk, "use") == NULL || strcmp(word(jwk, "use"), "sig") == 0 ||
	    args_has(a, "--iss"))
		if (!jwk_bind(jwk, a))
			return EXIT_USAGE;
	if (domain == NULL)
		domain = own = domain_of(
		    json_string_value(json_array_get(json_object_get(jwk, "ect_iss"), 0)));
	if (domain == NULL || !domain_ok(domain)) {
		(void)fail(
		    EXIT_USAGE, "say the trust domain: --domain DOMAIN, such as example.com");
		goto out;
	}
	if ((text = json_dumps(jwk, JSON_COMPACT)) == NULL) {
		(void)fail(EXIT_USAGE, "out of memory");
		goto out;
	}
	request.action = borrowed("add");
	request.domain = borrowed(domain);
	request.jwk = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
	code = ask(c, &request);
out:
	free(own);
	free(text);
	return code;
}

static int
add_set(struct changes *c, const struct args *a)
{
	json_t *set = jwk_set_load(a->operands[1]), *jwk;
	int code = set != NULL ? 0 : EXIT_USAGE;
	size_t i;

	json_array_foreach(json_object_get(set, "keys"), i, jwk)
	{
		if (code == 0)
			code = add_jwk(c, a, jwk);
	}
	if (code == 0 && json_array_size(json_object_get(set, "keys")) == 0)
		code = fail(EXIT_USAGE, "%s has no keys", a->operands[1]);
	json_decref(set);
	return code;
}

static int
add_certificate(struct changes *c, const char *domain, X509 *x)
{
	request_t request = ECTLEDGER__V1__TRUST_STORE_REQUEST__INIT;
	uint8_t *der = NULL;
	int size = i2d_X509(x, &der), code;

	if (size <= 0)
		return fail(EXIT_USAGE, "the certificate cannot be written as DER");
	request.action = borrowed("add");
	request.domain = borrowed(domain);
	request.certificate = (ProtobufCBinaryData){(size_t)size, der};
	code = ask(c, &request);
	OPENSSL_free(der);
	return code;
}

static int
add_pem(struct changes *c, const struct args *a, const uint8_t *text, size_t size)
{
	BIO *bio = BIO_new_mem_buf(text, (int)size);
	const char *domain = args_get(a, "--domain");
	size_t count = 0;
	int code = 0;
	X509 *x;

	if (bio == NULL)
		return fail(EXIT_USAGE, "out of memory");
	if (domain == NULL || !domain_ok(domain))
		code =
		    fail(EXIT_USAGE, "a CA certificate wants --domain DOMAIN, such as example.com");
	else if (args_has(a, "--iss"))
		code = fail(EXIT_USAGE,
		    "a CA certificate speaks for its whole trust domain: leave --iss out");
	while (code == 0 && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		code = add_certificate(c, domain, x);
		X509_free(x);
		count++;
	}
	if (code == 0 && count == 0)
		code = fail(EXIT_USAGE, "%s has no certificate in it", a->operands[1]);
	BIO_free(bio);
	return code;
}

static int
add(struct changes *c, const struct args *a)
{
	uint8_t *text = NULL;
	size_t size = 0;
	int code;

	if (!read_file(a->operands[1], FILE_MAX, &text, &size))
		return EXIT_USAGE;
	code = strstr((const char *)text, "-----BEGIN ") != NULL ? add_pem(c, a, text, size)
								 : add_set(c, a);
	free(text);
	if (code != 0 && c->changed > 0)
		(void)fail(code, "%zu keys were added before that", c->changed);
	return code;
}

/* ---- the verb ---- */

static int
change(struct changes *c, const struct args *a)
{
	request_t request = ECTLEDGER__V1__TRUST_STORE_REQUEST__INIT;
	int64_t since_ms = 0;

	if (args_has(a, "--since") && !time_read(args_get(a, "--since"), "--since", &since_ms))
		return EXIT_USAGE;
	request.action = borrowed(a->operands[0]);
	request.domain = borrowed(args_get(a, "--domain"));
	request.key = borrowed(a->operands[1]);
	request.since = since_ms / 1000;
	request.reason = borrowed(args_get(a, "--reason"));
	return ask(c, &request);
}

static int
list(struct changes *c, const struct args *a)
{
	request_t request = ECTLEDGER__V1__TRUST_STORE_REQUEST__INIT;

	request.action = borrowed("list");
	request.domain = borrowed(args_get(a, "--domain"));
	request.at = c->g->at;
	return ask(c, &request);
}

/* What goes with what; 0 or EXIT_USAGE. */
static int
check_usage(const struct globals *g, const struct args *a)
{
	const char *what = a->operands[0], *domain = args_get(a, "--domain");
	bool listing = strcmp(what, "list") == 0, adding = strcmp(what, "add") == 0,
	     revoking = strcmp(what, "revoke") == 0;

	if (!listing && !adding && !revoking && strcmp(what, "reinstate") != 0)
		return fail(EXIT_USAGE,
		    "trust-store wants list, add FILE, revoke KEY or reinstate KEY, not \"%s\"",
		    what);
	if (listing != (a->operand_count == 1))
		return fail(EXIT_USAGE,
		    listing ? "trust-store list takes nothing behind it (the folder of a server "
			      "is --dir DIR)"
			    : "trust-store %s wants %s behind it",
		    what, adding ? "a file" : "a key's id or kid");
	if (domain != NULL && !domain_ok(domain))
		return fail(EXIT_USAGE, "--domain: \"%s\" is no trust domain's name", domain);
	if ((args_has(a, "--since") || args_has(a, "--reason")) &&
	    (!revoking || args_has(a, "--dir")))
		return fail(EXIT_USAGE, "--since and --reason belong to revoke on a server");
	if (args_has(a, "--iss") && !adding)
		return fail(EXIT_USAGE, "--iss belongs to add");
	if (g->at != 0 && (!listing || args_has(a, "--dir")))
		return fail(EXIT_USAGE, "--at belongs to list on a server");
	return 0;
}

static int
trust_store_run(const struct globals *g, const struct args *a)
{
	struct changes c = {.g = g};
	bool listing = strcmp(a->operands[0], "list") == 0;
	int code;

	if ((code = check_usage(g, a)) != 0)
		return code;
	if (args_has(a, "--dir"))
		return trust_dir_run(g, a);
	if ((c.keys = json_array()) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	if ((code = connect_server(g, &c.client)) == 0)
		code = listing				    ? list(&c, a)
		       : strcmp(a->operands[0], "add") == 0 ? add(&c, a)
							    : change(&c, a);
	if (code == 0)
		code = print_changes(&c, listing);
	ect_client_close(c.client);
	json_decref(c.keys);
	return code;
}

static const struct verb_option trust_store_options[] = {
    {"--domain", "DOMAIN",
	"the trust domain, such as example.com (add: default that of the issuer)", false},
    {"--iss", "URI", "add: an issuer that the key may speak for, instead of what the file says",
	true},
    {"--since", "TIME",
	"revoke: not good since then (default: now); seconds, RFC 3339, or so long ago as 2h",
	false},
    {"--reason", "TEXT", "revoke: why", false},
    {"--dir", "DIR", "list, add, revoke: the data folder or trust folder itself, without a server",
	false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_trust_store = {"trust-store", "list | add FILE | revoke KEY | reinstate KEY",
    "the keys that a server trusts, with their history in the log; changes are entries",
    trust_store_options, 1, 2, trust_store_run};
