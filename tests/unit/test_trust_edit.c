/*
 * test_trust_edit.c - a change lands whole, or the folder is as it was.
 */
#include "trust/edit.h"
#include "unit/test_trust_cert.h"

#define DOMAIN "example.org"
#define ISS    "spiffe://example.org/a"

static char *root;
static struct trust_snapshot *s;
static struct trust_report report;
static struct why why;
static struct hash id;
static bool unchanged;

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

TestSuite(trust_edit, .init = set_up, .fini = tear_down);

static void
load(void)
{
	trust_snapshot_drop(s);
	cr_assert(trust_snapshot_load(root, &s, &report) == RC_OK, "%s", report.problem);
}

static char *
contents(const char *name)
{
	char path[512];
	char *text = calloc(1, 65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	if ((f = fopen(path, "r"))) {
		cr_assert(fread(text, 1, 65535, f) < 65535);
		fclose(f);
	}
	return text;
}

static enum rc
add_jwk(const char *jwk)
{
	memset(&why, 0, sizeof(why));
	return edit_add_jwk(root, bytes_str(DOMAIN), bytes_str(jwk), &id, &unchanged, &why);
}

static enum rc
find(const char *iss, const char *kid)
{
	struct signer signer;

	return trust_snapshot_find(
	    s, bytes_str(DOMAIN), bytes_str(iss), bytes_str(kid), TOKEN_ES256, &signer, NULL);
}

Test(trust_edit, a_key_is_added_to_a_new_domain_and_then_beside_others)
{
	struct pair p = pair_new(TOKEN_ES256), q = pair_new(TOKEN_ES256);
	char *one = pair_jwk(&p, "k1", ISS, NULL), *two = pair_jwk(&q, "k2", ISS, NULL);

	cr_assert(add_jwk(one) == RC_OK && !unchanged, "%s", why.text);
	cr_assert(add_jwk(two) == RC_OK && !unchanged, "%s", why.text);
	load();
	cr_assert(find(ISS, "k1") == RC_OK && find(ISS, "k2") == RC_OK && report.keys == 2);
	cr_assert(add_jwk(one) == RC_OK && unchanged);
	free(one);
	free(two);
	EVP_PKEY_free(p.pkey);
	EVP_PKEY_free(q.pkey);
}

Test(trust_edit, the_same_key_again_gets_the_new_members)
{
	struct pair p = pair_new(TOKEN_ES256);
	char *one = pair_jwk(&p, "k1", ISS, NULL);
	char *two = pair_jwk(&p, "k2", "spiffe://example.org/b", NULL);
	struct hash first;

	cr_assert(add_jwk(one) == RC_OK);
	first = id;
	cr_assert(add_jwk(two) == RC_OK && !unchanged && hash_eq(&first, &id));
	load();
	cr_assert(report.keys == 1 && find("spiffe://example.org/b", "k2") == RC_OK);
	cr_assert(find(ISS, "k1") == RC_UNKNOWN_KEY);
	free(one);
	free(two);
	EVP_PKEY_free(p.pkey);
}

Test(trust_edit, a_key_that_would_refuse_the_folder_does_not_land)
{
	struct pair p = pair_new(TOKEN_ES256), q = pair_new(TOKEN_ES256);
	char *one = pair_jwk(&p, "k1", ISS, NULL), *two = pair_jwk(&q, "k1", ISS, NULL);
	char *private = pair_jwk(&q, "k2", ISS, ",\"d\":\"AA\""), *set = jwks_of(strdup(one), NULL);
	char *bad_member = pair_jwk(&q, "k2", NULL, ",\"ect_iss\":5"), *text, path[512];

	cr_assert(add_jwk(private) == RC_BAD_KEY && why.rule);
	cr_assert(add_jwk("{}") == RC_BAD_KEY && add_jwk("[") == RC_BAD_KEY);
	/* A key that can be read, in a set that is refused: no folder is left behind. */
	cr_assert(add_jwk(bad_member) == RC_BAD_KEY && strstr(why.text, "operator.jwks.json"));
	load();
	cr_assert(report.domains == 0);
	snprintf(path, sizeof(path), "%s/" DOMAIN, root);
	cr_assert(access(path, F_OK) != 0);
	folder_add(root, DOMAIN);
	file_write(root, DOMAIN "/a.jwks.json", set);
	cr_assert(add_jwk(two) == RC_BAD_KEY);
	cr_assert(strstr(why.text, "operator.jwks.json"), "%s", why.text);
	text = contents(DOMAIN "/operator.jwks.json");
	cr_assert(text[0] == '\0');
	load();
	cr_assert(report.keys == 1);
	free(text);
	free(one);
	free(two);
	free(private);
	free(bad_member);
	free(set);
	EVP_PKEY_free(p.pkey);
	EVP_PKEY_free(q.pkey);
}

Test(trust_edit, a_ca_gets_a_file_of_its_own)
{
	struct cert ca = cert_new(NULL, NULL, (struct cert_spec){0}, true);
	struct cert leaf = cert_new(&ca, NULL, (struct cert_spec){.san = "URI:" ISS}, false);
	char hex[HASH_HEX_SIZE], name[128], *text;
	struct hash want = cert_hash(&ca);

	cr_assert(
	    edit_add_ca(root, bytes_str(DOMAIN), cert_der(&ca), &id, &unchanged, &why) == RC_OK,
	    "%s", why.text);
	cr_assert(!unchanged && hash_eq(&id, &want));
	load();
	cr_assert(report.cas == 1);
	hash_hex(&id, hex);
	snprintf(name, sizeof(name), DOMAIN "/operator-%.8s.pem", hex);
	text = contents(name);
	cr_assert(strncmp(text, "-----BEGIN CERTIFICATE-----\n", 28) == 0);
	free(text);
	cr_assert(
	    edit_add_ca(root, bytes_str(DOMAIN), cert_der(&ca), &id, &unchanged, &why) == RC_OK &&
	    unchanged);
	cr_assert(edit_add_ca(root, bytes_str(DOMAIN), cert_der(&leaf), &id, &unchanged, &why) ==
		  RC_BAD_KEY);
	cr_assert(edit_add_ca(root, bytes_str(DOMAIN), bytes_str("x"), &id, &unchanged, &why) ==
		  RC_BAD_KEY);
	load();
	cr_assert(report.cas == 1);
	cert_free(&ca);
	cert_free(&leaf);
}

static enum rc
revoke_id(uint8_t first, int64_t since, const char *reason)
{
	memset(&id, 0, sizeof(id));
	id.b[0] = first;
	memset(&why, 0, sizeof(why));
	return edit_revoke(root, bytes_str(DOMAIN), &id, since, bytes_str(reason),
	    bytes_str("spiffe://example.org/admin"), &unchanged, &why);
}

static const struct anchor_revoked *
revoked(uint8_t first)
{
	struct hash h = {{first}};
	uint32_t domain;

	load();
	cr_assert(snapshot_find_domain(s, bytes_str(DOMAIN), &domain));
	return anchors_revoked(snapshot_anchors(s, domain), &h);
}

Test(trust_edit, revocations_are_added_changed_and_taken_back)
{
	cr_assert(revoke_id(9, 100, "stolen \"x\"\n") == RC_OK && !unchanged, "%s", why.text);
	cr_assert(revoke_id(3, 200, "") == RC_OK && !unchanged);
	cr_assert(revoke_id(200, 300, "") == RC_OK && !unchanged);
	cr_assert(revoked(9)->since == 100 && bytes_is(revoked(9)->reason, "stolen \"x\"\n"));
	cr_assert(bytes_is(revoked(9)->by, "spiffe://example.org/admin"));
	cr_assert(revoked(3)->since == 200 && revoked(200)->since == 300 && report.revoked == 3);
	cr_assert(revoke_id(9, 100, "stolen \"x\"\n") == RC_OK && unchanged);
	cr_assert(revoke_id(9, 50, "earlier") == RC_OK && !unchanged);
	cr_assert(revoked(9)->since == 50 && report.revoked == 3);
	id.b[0] = 9;
	cr_assert(edit_reinstate(root, bytes_str(DOMAIN), &id, &unchanged, &why) == RC_OK);
	cr_assert(!unchanged && !revoked(9) && revoked(3) && revoked(200));
	cr_assert(edit_reinstate(root, bytes_str(DOMAIN), &id, &unchanged, &why) == RC_OK);
	cr_assert(unchanged);
}

Test(trust_edit, a_revocation_alone_lands_in_a_folder_that_is_refused)
{
	struct pair p = pair_new(TOKEN_ES256);
	char path[512], *text, *one = pair_jwk(&p, "k1", ISS, NULL);
	FILE *f;

	cr_assert(add_jwk(one) == RC_OK, "%s", why.text);
	snprintf(path, sizeof(path), "%s/" DOMAIN "/broken.jwks.json", root);
	cr_assert((f = fopen(path, "w")) != NULL);
	fputs("{", f);
	fclose(f);
	cr_assert(trust_snapshot_load(root, &s, &report) == RC_BAD_KEY);
	cr_assert(edit_revoke(root, bytes_str(DOMAIN), &id, 7, bytes_str("stolen"), bytes_str("ops"),
		      &unchanged, &why) == RC_BAD_KEY);
	cr_assert(edit_revoke_alone(root, bytes_str(DOMAIN), &id, 7, bytes_str("stolen"),
		      bytes_str("ops"), &unchanged, &why) == RC_OK);
	cr_assert(!unchanged);
	cr_assert(unlink(path) == 0);
	load();
	cr_assert_eq(report.revoked, 1);
	text = contents(DOMAIN "/revoked.json");
	cr_assert(strstr(text, "stolen") != NULL);
	free(text);
	free(one);
	EVP_PKEY_free(p.pkey);
}

Test(trust_edit, reinstating_in_an_unknown_domain_changes_nothing)
{
	cr_assert(edit_reinstate(root, bytes_str("other.org"), &id, &unchanged, &why) == RC_OK);
	load();
	cr_assert(unchanged && report.domains == 0);
}

Test(trust_edit, a_reason_that_is_too_long_does_not_land)
{
	char reason[EVENT_REASON_MAX + 2];

	memset(reason, 'x', sizeof(reason));
	reason[EVENT_REASON_MAX + 1] = '\0';
	cr_assert(revoke_id(1, 1, reason) == RC_BAD_KEY);
	reason[EVENT_REASON_MAX] = '\0';
	cr_assert(revoke_id(1, 1, reason) == RC_OK);
	cr_assert(revoke_id(2, 1, "\xff") == RC_BAD_KEY);
}

Test(trust_edit, a_domain_is_never_a_path)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/tmp", ".git", "A"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_expect(edit_revoke(root, bytes_str(names[i]), &id, 1, BYTES_NONE, BYTES_NONE,
			      &unchanged, &why) == RC_BAD_KEY,
		    "%s", names[i]);
		cr_expect(
		    edit_reinstate(root, bytes_str(names[i]), &id, &unchanged, &why) == RC_BAD_KEY,
		    "%s", names[i]);
	}
	cr_assert(edit_revoke(root, bytes_of("a\0b", 3), &id, 1, BYTES_NONE, BYTES_NONE, &unchanged,
		      &why) == RC_BAD_KEY);
}
