/*
 * test_tools_fsck_signer.c - who signed, as the log's own key entries say: evidence that leads to
 * what was in force, and evidence that does not; refused tokens and unsigned ones.
 *
 * Everything here is forged: signed by the log's key, with the right leaf and the right links.
 */
#include "unit/test_tools_fsck_help.h"

#include "base/scbor.h"
#include "trust/event.h"
#include "unit/test_trust_cert.h"

#define DOMAIN	 "example.com"
#define RECEIVED INT64_C(1800000001) /* seconds */
#define IAT	 "1800000000"

static struct arena memory;
static uint64_t size;		 /* of the log */
static struct entry_link keys;	 /* the next key entry's */
static struct pair enrolled;	 /* signed what is there */
static struct entry_link tokens; /* the next token's: agent a's, and that of no workflow */

static void
begin(void)
{
	set_up();
	enrolled = agent;
	agent = pair_new(TOKEN_ES256); /* of which the log knows nothing yet */
	arena_init(&memory, 1 << 22);
	size = COUNT;
	keys = (struct entry_link){1, 0}; /* behind the agents' own */
	tokens = (struct entry_link){PLAIN - 1, PLAIN - 1};
}

static void
end(void)
{
	arena_release(&memory);
	EVP_PKEY_free(enrolled.pkey);
	tear_down();
}

TestSuite(tools_fsck_signer, .init = begin, .fini = end);

/* ---- making ---- */

static struct entry
entry_of(enum entry_kind kind, struct entry_link *links)
{
	struct entry e = {.kind = kind,
	    .received_at_ms = (uint64_t)RECEIVED * 1000,
	    .anchor = ENTRY_NONE,
	    .workflow = *links,
	    .issuer = *links};

	*links = (struct entry_link){links->ordinal + 1, size};
	return e;
}

static uint64_t
put(const struct entry *e)
{
	forge(e);
	return size++;
}

static uint64_t
put_event(struct trust_event ev)
{
	struct entry e = entry_of(ENTRY_KEY, &keys);

	if (ev.domain.n == 0)
		ev.domain = bytes_str(DOMAIN);
	cr_assert(event_write(&ev, &memory, &e.token) == RC_OK);
	return put(&e);
}

static struct hash
thumbprint(const struct pair *p)
{
	struct hash h;
	struct key *k;

	cr_assert(key_from_raw(p->alg, bytes_of(p->raw, p->raw_size), &k, NULL) == RC_OK);
	h = *key_thumbprint(k);
	key_free(k);
	return h;
}

/* The members that RFC 7638 hashes, in its order. */
static struct bytes
material(const struct pair *p)
{
	char x[80], y[80], *text;

	b64url_encode(bytes_of(p->raw + 1, 32), x);
	b64url_encode(bytes_of(p->raw + 33, 32), y);
	cr_assert((text = arena_alloc(&memory, 300)));
	snprintf(text, 300, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
	return bytes_str(text);
}

static struct trust_event
key_event(enum event_action action, const struct pair *p)
{
	static struct bytes iss[1];
	struct trust_event ev = {.action = action, .subject = EVENT_KEY, .id = thumbprint(p)};

	iss[0] = bytes_str(AGENT_A);
	if (action == EVENT_ENROLL || action == EVENT_CHANGE) {
		ev.material = material(p);
		ev.issuers = iss;
		ev.issuer_count = 1;
	}
	return ev;
}

static uint64_t
put_revocation(const struct pair *p, int64_t since)
{
	struct trust_event ev = key_event(EVENT_REVOKE, p);

	ev.has_since = true;
	ev.since = since;
	return put_event(ev);
}

static const char *
claims(uint64_t n, const char *more)
{
	char *text = arena_alloc(&memory, 512), id[UUID_TEXT_SIZE];
	uint8_t jti[16];

	token_make_id(n, jti);
	uuid_text(jti, id);
	snprintf(text, 512,
	    "{\"iss\":\"" AGENT_A "\",\"jti\":\"%s\",\"exec_act\":\"t\",\"iat\":" IAT
	    ",\"exp\":1800000600%s}",
	    id, more);
	return text;
}

/* A token's entry, bound by 'binding' to the key entry 'anchor'. */
static struct entry
token_entry(const struct pair *p, const char *text, unsigned binding, uint64_t anchor)
{
	struct entry e = entry_of(ENTRY_TOKEN, &tokens);

	e.media = TOKEN_JWS;
	e.level = LEVEL_2;
	e.has_signer = true;
	e.signer = thumbprint(p);
	e.binding = binding;
	e.anchor = anchor;
	cr_assert(arena_dup(&memory, bytes_str(text), &e.token));
	return e;
}

static void
put_token(const struct pair *p, const char *header, unsigned binding, uint64_t anchor,
    struct bytes credential)
{
	char *text = jws_of(p, header, claims(700000 + size, ""));
	struct entry e = token_entry(p, text, binding, anchor);

	e.credential = credential;
	put(&e);
	free(text);
}

#define HEADER "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\"}"

static void
put_plain_token(uint64_t anchor)
{
	put_token(&agent, HEADER, TRUST_JWKS, anchor, BYTES_NONE);
}

static void
expect(const char *what, const char *words)
{
	json_t *answer = expect_problem(what, (json_int_t)size - 1, "");

	cr_expect(strstr(kinds(answer), words), "%s", kinds(answer));
	json_decref(answer);
}

/* ---- keys of JWK sets ---- */

Test(tools_fsck_signer, a_key_that_the_log_enrolled_is_enough_and_the_trust_folder_is_not_asked)
{
	struct pair fresh = pair_new(TOKEN_ES256);
	uint64_t at = put_event(key_event(EVENT_ENROLL, &fresh));
	json_t *answer, *log;
	int code;

	put_token(&fresh, HEADER, TRUST_JWKS, at, BYTES_NONE);
	answer = fsck(&code, "");
	log = the_log(answer);
	cr_expect(code == 0, "%s", kinds(answer));
	cr_expect(json_integer_value(json_object_get(log, "signatures_checked")) == COUNT);
	cr_expect(json_integer_value(json_object_get(log, "key_entries")) == 2);
	json_decref(answer);
	EVP_PKEY_free(fresh.pkey);
}

Test(tools_fsck_signer, evidence_that_names_no_key_entry_is_found)
{
	(void)put_event(key_event(EVENT_ENROLL, &agent));
	put_plain_token(3);
	expect("signer", "no key entry");
}

Test(tools_fsck_signer, evidence_that_names_nothing_where_the_log_has_key_entries_is_found)
{
	(void)put_event(key_event(EVENT_ENROLL, &agent));
	put_plain_token(ENTRY_NONE);
	expect("signer", "no key entry");
}

Test(tools_fsck_signer, a_key_that_was_withdrawn_is_no_evidence_until_it_is_enrolled_again)
{
	uint64_t at = put_event(key_event(EVENT_ENROLL, &agent));

	put_event(key_event(EVENT_WITHDRAW, &agent));
	put_event(key_event(EVENT_ENROLL, &agent));
	put_plain_token(at + 2);
	expect_sound();
	put_plain_token(at);
	expect("signer", "not in force");
}

Test(tools_fsck_signer, a_token_after_the_revocation_of_its_key_is_found)
{
	uint64_t at = put_event(key_event(EVENT_ENROLL, &agent));

	put_revocation(&agent, RECEIVED + 10);
	put_plain_token(at);
	expect_sound();
	put_event(key_event(EVENT_REINSTATE, &agent));
	put_revocation(&agent, RECEIVED);
	put_plain_token(at);
	expect("signer", "revoked");
}

Test(tools_fsck_signer, a_token_of_a_key_whose_revocation_was_taken_back_is_sound)
{
	uint64_t at = put_event(key_event(EVENT_ENROLL, &agent));

	put_revocation(&agent, RECEIVED - 1000);
	put_event(key_event(EVENT_REINSTATE, &agent));
	put_plain_token(at);
	expect_sound();
}

Test(tools_fsck_signer, a_key_that_may_not_speak_for_the_issuer_is_found)
{
	struct trust_event ev = key_event(EVENT_ENROLL, &agent);
	struct bytes other = bytes_str(AGENT_B);

	ev.issuers = &other;
	put_plain_token(put_event(ev));
	expect("signer", "may not speak");
}

Test(tools_fsck_signer, a_key_that_may_not_speak_for_the_issuer_any_longer_is_found)
{
	struct trust_event ev = key_event(EVENT_CHANGE, &agent);
	struct bytes other = bytes_str(AGENT_B);
	uint64_t at = put_event(key_event(EVENT_ENROLL, &agent));

	ev.issuers = &other;
	put_event(ev);
	put_plain_token(at);
	expect("signer", "may not speak");
}

Test(tools_fsck_signer, a_key_of_another_trust_domain_is_found)
{
	struct trust_event ev = key_event(EVENT_ENROLL, &agent);
	struct entry e = entry_of(ENTRY_KEY, &keys);

	ev.domain = bytes_str("other.example");
	e.issuer = (struct entry_link){0, ENTRY_NONE}; /* its domain's first */
	cr_assert(event_write(&ev, &memory, &e.token) == RC_OK);
	put_plain_token(put(&e));
	expect("signer", "another trust domain");
}

Test(tools_fsck_signer, a_signature_of_another_key_than_the_entry_says_is_found)
{
	struct pair other = pair_new(TOKEN_ES256);
	uint64_t at = put_event(key_event(EVENT_ENROLL, &agent));
	char *text = jws_of(&other, HEADER, claims(1, "1"));
	struct entry e;

	free(text);
	text = jws_of(&other, HEADER, claims(700000, ""));
	e = token_entry(&agent, text, TRUST_JWKS, at);
	put(&e);
	expect("signature", "does not verify");
	free(text);
	EVP_PKEY_free(other.pkey);
}

/* ---- key entries themselves ---- */

Test(tools_fsck_signer, a_key_entry_that_is_no_event_is_found)
{
	struct entry e = entry_of(ENTRY_KEY, &keys);

	e.token = bytes_str("\xa1\x01\x01");
	put(&e);
	expect("event", "not a key event");
}

Test(tools_fsck_signer, events_that_cannot_follow_each_other_are_found)
{
	put_event(key_event(EVENT_WITHDRAW, &agent));
	expect("event", "not enrolled");
}

Test(tools_fsck_signer, a_key_that_is_enrolled_twice_is_found)
{
	put_event(key_event(EVENT_ENROLL, &agent));
	expect_sound();
	put_event(key_event(EVENT_ENROLL, &agent));
	expect("event", "is enrolled");
}

Test(tools_fsck_signer, a_key_entry_that_the_chain_does_not_hold_is_found)
{
	put_event(key_event(EVENT_ENROLL, &agent));
	keys = (struct entry_link){0, ENTRY_NONE};
	put_event(key_event(EVENT_WITHDRAW, &agent));
	expect("chain", "keys");
}

/* ---- X.509 ---- */

static struct cert
make_ca(void)
{
	return cert_new(NULL, NULL,
	    (struct cert_spec){.from = RECEIVED - HOUR, .until = RECEIVED + HOUR}, true);
}

static uint64_t
put_ca(const struct cert *ca)
{
	return put_event((struct trust_event){.action = EVENT_ENROLL,
	    .subject = EVENT_CA,
	    .id = cert_hash(ca),
	    .material = cert_der(ca),
	    .use = bytes_str("x509-svid")});
}

/* A token of the leaf's key that carries its certificate. */
static void
put_x5c(const struct cert *leaf, uint64_t anchor)
{
	struct pair p = {.alg = TOKEN_ES256, .pkey = leaf->key};
	char *header = arena_alloc(&memory, 8192), b64[6000];

	cr_assert(EVP_PKEY_get_octet_string_param(
		      p.pkey, OSSL_PKEY_PARAM_PUB_KEY, p.raw, sizeof(p.raw), &p.raw_size) == 1);
	b64_encode(cert_der(leaf), b64);
	snprintf(header, 8192, "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"x5c\":[\"%s\"]}", b64);
	put_token(&p, header, TRUST_X509, anchor, BYTES_NONE);
}

static struct cert
make_leaf(const struct cert *ca, const char *san, int64_t until)
{
	return cert_new(ca, NULL,
	    (struct cert_spec){.san = san, .from = RECEIVED - HOUR, .until = until}, false);
}

Test(tools_fsck_signer, a_certificate_that_leads_to_the_enrolled_ca_is_sound)
{
	struct cert ca = make_ca(), leaf = make_leaf(&ca, "URI:" AGENT_A, RECEIVED + HOUR);

	put_x5c(&leaf, put_ca(&ca));
	expect_sound();
	cert_free(&leaf);
	cert_free(&ca);
}

Test(tools_fsck_signer, a_certificate_of_another_ca_is_found)
{
	struct cert ca = make_ca(), other = make_ca(),
		    leaf = make_leaf(&other, "URI:" AGENT_A, RECEIVED + HOUR);

	put_x5c(&leaf, put_ca(&ca));
	expect("signature", "do not lead");
	cert_free(&leaf);
	cert_free(&other);
	cert_free(&ca);
}

Test(tools_fsck_signer, a_certificate_of_another_issuer_is_found)
{
	struct cert ca = make_ca(), leaf = make_leaf(&ca, "URI:" AGENT_B, RECEIVED + HOUR);

	put_x5c(&leaf, put_ca(&ca));
	expect("signature", "not the issuer's");
	cert_free(&leaf);
	cert_free(&ca);
}

Test(tools_fsck_signer, a_certificate_that_had_expired_is_found)
{
	struct cert ca = make_ca(), leaf = make_leaf(&ca, "URI:" AGENT_A, RECEIVED - 1000);

	put_x5c(&leaf, put_ca(&ca));
	expect("signature", "do not lead");
	cert_free(&leaf);
	cert_free(&ca);
}

Test(tools_fsck_signer, the_client_certificate_that_a_token_names_must_be_the_one_that_is_kept)
{
	struct cert ca = make_ca(), leaf = make_leaf(&ca, "URI:" AGENT_A, RECEIVED + HOUR);
	struct pair p = {.alg = TOKEN_ES256, .pkey = leaf.key};
	struct hash h = cert_hash(&leaf);
	uint64_t at = put_ca(&ca);
	char header[256], text[64];

	cr_assert(EVP_PKEY_get_octet_string_param(
		      p.pkey, OSSL_PKEY_PARAM_PUB_KEY, p.raw, sizeof(p.raw), &p.raw_size) == 1);
	b64url_encode(bytes_of(h.b, HASH_SIZE), text);
	snprintf(header, sizeof(header),
	    "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"x5t#S256\":\"%s\"}", text);
	put_token(&p, header, TRUST_X509, at, cert_der(&leaf));
	expect_sound();
	put_token(&p, header, TRUST_X509, at, cert_der(&ca));
	expect("signature", "the one that the token names");
	cert_free(&leaf);
	cert_free(&ca);
}

/* ---- WIT ---- */

static struct bytes
make_wit(const struct pair *signer, const struct pair *holder, const char *sub, int64_t exp)
{
	char payload[1024], *text;
	struct bytes jwk = material(holder), out;

	snprintf(payload, sizeof(payload), "{\"sub\":\"%s\",\"exp\":%lld,\"cnf\":{\"jwk\":%.*s}}",
	    sub, (long long)exp, (int)jwk.n, (const char *)jwk.p);
	text = jws_of(signer, "{\"alg\":\"ES256\",\"typ\":\"wit+jwt\"}", payload);
	cr_assert(arena_dup(&memory, bytes_str(text), &out));
	free(text);
	return out;
}

static uint64_t
put_wit_key(const struct pair *p)
{
	struct trust_event ev = key_event(EVENT_ENROLL, p);

	ev.issuer_count = 0;
	ev.use = bytes_str("wit-svid");
	return put_event(ev);
}

Test(tools_fsck_signer, a_wit_of_the_enrolled_key_about_the_issuer_is_sound)
{
	struct pair domain = pair_new(TOKEN_ES256), holder = pair_new(TOKEN_ES256);
	uint64_t at = put_wit_key(&domain);

	put_token(
	    &holder, HEADER, TRUST_WIT, at, make_wit(&domain, &holder, AGENT_A, RECEIVED + HOUR));
	expect_sound();
	put_token(
	    &holder, HEADER, TRUST_WIT, at, make_wit(&holder, &holder, AGENT_A, RECEIVED + HOUR));
	expect("signature", "not signed by the key");
	EVP_PKEY_free(domain.pkey);
	EVP_PKEY_free(holder.pkey);
}

Test(tools_fsck_signer, a_wit_about_another_issuer_is_found)
{
	struct pair domain = pair_new(TOKEN_ES256);

	put_token(&agent, HEADER, TRUST_WIT, put_wit_key(&domain),
	    make_wit(&domain, &agent, AGENT_B, RECEIVED + HOUR));
	expect("signature", "not the issuer's");
	EVP_PKEY_free(domain.pkey);
}

Test(tools_fsck_signer, a_wit_that_had_expired_is_found)
{
	struct pair domain = pair_new(TOKEN_ES256);

	put_token(&agent, HEADER, TRUST_WIT, put_wit_key(&domain),
	    make_wit(&domain, &agent, AGENT_A, RECEIVED - HOUR));
	expect("signature", "expired");
	EVP_PKEY_free(domain.pkey);
}

Test(tools_fsck_signer, a_key_that_is_no_wit_key_gives_no_wit)
{
	put_token(&agent, HEADER, TRUST_WIT, put_event(key_event(EVENT_ENROLL, &agent)),
	    make_wit(&agent, &agent, AGENT_A, RECEIVED + HOUR));
	expect("signer", "another use");
}

/* ---- other forms ---- */

/* The same claims as CWT, signed over the Sig_structure. */
static void
put_cose(uint64_t anchor, bool good)
{
	struct bytes head, body, text = bytes_str("Signature1"), whole;
	uint8_t jti[16], sig[96];
	struct entry e;
	struct buf b[4];

	for (size_t i = 0; i < 4; i++)
		buf_init(&b[i], 4096);
	token_make_id(700000 + size, jti);
	scbor_put_map(&b[0], 1);
	scbor_put_uint(&b[0], 1);
	buf_add_bytes(&b[0], bytes_str("\x26")); /* -7 */
	scbor_put_map(&b[1], 6);
	scbor_put_uint(&b[1], 1);
	scbor_put_text(&b[1], bytes_str(AGENT_A));
	scbor_put_uint(&b[1], 4);
	scbor_put_uint(&b[1], 1800000600);
	scbor_put_uint(&b[1], 6);
	scbor_put_uint(&b[1], 1800000000);
	scbor_put_uint(&b[1], 7);
	scbor_put_bytes(&b[1], bytes_of(jti, 16));
	scbor_put_uint(&b[1], 301);
	scbor_put_text(&b[1], bytes_str("t"));
	scbor_put_uint(&b[1], 302);
	scbor_put_array(&b[1], 0);
	head = buf_bytes(&b[0]);
	body = buf_bytes(&b[1]);
	scbor_put_array(&b[2], 4);
	scbor_put_text(&b[2], text);
	scbor_put_bytes(&b[2], head);
	scbor_put_bytes(&b[2], BYTES_NONE);
	scbor_put_bytes(&b[2], body);
	pair_sign(&agent, buf_bytes(&b[2]), sig);
	sig[5] ^= !good;
	buf_add_bytes(&b[3], bytes_str("\xd2"));
	scbor_put_array(&b[3], 4);
	scbor_put_bytes(&b[3], head);
	scbor_put_map(&b[3], 0);
	scbor_put_bytes(&b[3], body);
	scbor_put_bytes(&b[3], bytes_of(sig, 64));
	e = token_entry(&agent, "", TRUST_JWKS, anchor);
	cr_assert(arena_dup(&memory, buf_bytes(&b[3]), &whole));
	e.media = TOKEN_COSE;
	e.token = whole;
	put(&e);
	for (size_t i = 0; i < 4; i++)
		buf_release(&b[i]);
}

Test(tools_fsck_signer, a_cose_token_is_checked_over_its_sig_structure)
{
	uint64_t at = put_event(key_event(EVENT_ENROLL, &agent));

	put_cose(at, true);
	expect_sound();
	put_cose(at, false);
	expect("signature", "does not verify");
}

static uint64_t
put_l1(const char *text, bool flag, const uint64_t *parent)
{
	struct entry e = entry_of(ENTRY_TOKEN, &tokens);

	e.media = TOKEN_PLAIN;
	e.level = LEVEL_1;
	e.flags = flag ? ENTRY_LOWER_PARENT : 0;
	e.parents = parent;
	e.parent_count = parent != NULL;
	e.token = bytes_str(text);
	return put(&e);
}

Test(tools_fsck_signer, an_entry_says_when_an_ancestor_was_signed_by_nobody)
{
	char pred[80], id[UUID_TEXT_SIZE];
	uint8_t jti[16];
	uint64_t first;

	first = put_l1(claims(800000, ""), false, NULL);
	expect_sound();
	token_make_id(800000, jti);
	uuid_text(jti, id);
	snprintf(pred, sizeof(pred), ",\"pred\":[\"%s\"]", id);
	(void)put_l1(claims(800001, pred), true, &first);
	expect_sound();
	(void)put_l1(claims(800002, pred), false, &first);
	expect("parent", "does not say so");
}

Test(tools_fsck_signer, an_entry_that_blames_ancestors_it_does_not_have_is_found)
{
	(void)put_l1(claims(800000, ""), true, NULL);
	expect("parent", "and none is");
}

/* ---- refused tokens ---- */

static void
put_refused(uint64_t n, uint64_t holder, const char *more)
{
	static struct entry_link refused;
	uint64_t at = put_event(key_event(EVENT_ENROLL, &agent));
	char *text = jws_of(&agent, HEADER, claims(n, more));
	struct entry e;

	refused = (struct entry_link){0, ENTRY_NONE};
	e = entry_of(ENTRY_EQUIVOCATION, &refused);
	e.media = TOKEN_JWS;
	e.level = LEVEL_2;
	e.has_signer = true;
	e.signer = thumbprint(&agent);
	e.binding = TRUST_JWKS;
	e.anchor = at;
	e.parents = &holder;
	e.parent_count = 1;
	cr_assert(arena_dup(&memory, bytes_str(text), &e.token));
	put(&e);
	free(text);
}

Test(tools_fsck_signer, a_refused_token_is_kept_beside_the_one_that_holds_its_id)
{
	put_refused(5, 5, ",\"x\":1");
	expect_sound();
}

Test(tools_fsck_signer, a_refused_token_beside_another_id_is_found)
{
	put_refused(5, 6, ",\"x\":1");
	expect("parent", "not the one that holds");
}

Test(tools_fsck_signer, a_token_that_is_refused_and_taken_with_the_same_bytes_is_found)
{
	struct entry e;
	char *text;
	uint64_t at = put_event(key_event(EVENT_ENROLL, &agent)), holder;

	text = jws_of(&agent, HEADER, claims(900000, ""));
	e = token_entry(&agent, text, TRUST_JWKS, at);
	holder = put(&e);
	free(text);
	put_event(key_event(EVENT_WITHDRAW, &agent));
	put_refused(900000, holder, "");
	expect("token", "the same as that of entry");
}
