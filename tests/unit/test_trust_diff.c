/*
 * test_trust_diff.c - the key entries that are owed, and none once they were paid.
 */
#include "unit/test_trust_cert.h"

#include "trust/history.h"

static char *root;
static struct arena arena;
static struct history *h;
static struct trust_snapshot *s;
static uint64_t next_index;
static struct trust_event owed[32];
static size_t owed_count;

static void
set_up(void)
{
	root = folder_new();
	folder_add(root, "example.org");
	arena_init(&arena, 1 << 22);
	cr_assert(history_new(&h) == RC_OK);
	next_index = 0;
}

static void
tear_down(void)
{
	trust_snapshot_drop(s);
	history_free(h);
	arena_release(&arena);
	folder_free(root);
}

TestSuite(trust_diff, .init = set_up, .fini = tear_down);

static enum rc
try_sync(const char *by)
{
	struct trust_report report;
	struct bytes *events;
	struct why why = {0};
	size_t again;
	enum rc rc;

	trust_snapshot_drop(s);
	s = NULL;
	cr_assert(trust_snapshot_load(root, &s, &report) == RC_OK, "%s", report.problem);
	rc = trust_diff(s, h, bytes_str(by), &arena, &events, &owed_count, &why);
	if (rc != RC_OK) {
		cr_assert(why.rule && why.text[0]);
		return rc;
	}
	for (size_t i = 0; i < owed_count; i++) {
		if (i < 32)
			cr_assert(event_read(events[i], &arena, &owed[i], NULL) == RC_OK);
		cr_assert(history_apply(h, next_index++, 1000, events[i], &why) == RC_OK);
	}
	cr_assert(trust_diff(s, h, bytes_str("x"), &arena, &events, &again, &why) == RC_OK);
	cr_assert(again == 0, "%zu events are owed again", again);
	return RC_OK;
}

/* Load, pay what is owed, and see that nothing more is. */
static size_t
sync_folder(void)
{
	cr_assert(try_sync("folder") == RC_OK);
	return owed_count;
}

static bool
is(size_t i, enum event_action action, const char *kid)
{
	return owed[i].action == action && bytes_is(owed[i].kid, kid);
}

static void
write_set(const char *name, char *a, char *b)
{
	char *text = jwks_of(a, b);

	file_write(root, name, text);
	free(text);
}

static void
remove_file(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	cr_assert(unlink(path) == 0);
}

#define A "spiffe://example.org/a"
#define B "spiffe://example.org/b"

Test(trust_diff, an_empty_folder_owes_nothing)
{
	cr_assert(sync_folder() == 0);
}

Test(trust_diff, a_new_key_is_enrolled_with_all_that_is_known_of_it)
{
	struct pair p = pair_new(TOKEN_ES256);
	struct hash id;

	write_set("example.org/a.jwks.json", pair_jwk(&p, "k1", A, NULL), NULL);
	cr_assert(sync_folder() == 1);
	cr_assert(is(0, EVENT_ENROLL, "k1") && owed[0].subject == EVENT_KEY);
	cr_assert(bytes_is(owed[0].domain, "example.org") && bytes_is(owed[0].by, "folder"));
	cr_assert(bytes_is(owed[0].source, "a.jwks.json") && owed[0].use.n == 0);
	cr_assert(owed[0].issuer_count == 1 && bytes_is(owed[0].issuers[0], A));
	hash_of(owed[0].material, &id);
	cr_assert(hash_eq(&id, &owed[0].id));
	EVP_PKEY_free(p.pkey);
}

Test(trust_diff, another_kid_or_issuer_or_file_is_a_change)
{
	struct pair p = pair_new(TOKEN_ES256);

	write_set("example.org/a.jwks.json", pair_jwk(&p, "k1", A, NULL), NULL);
	cr_assert(sync_folder() == 1);
	write_set("example.org/a.jwks.json", pair_jwk(&p, "k2", A, NULL), NULL);
	cr_assert(sync_folder() == 1 && is(0, EVENT_CHANGE, "k2"));
	write_set("example.org/a.jwks.json", pair_jwk(&p, "k2", B, NULL), NULL);
	cr_assert(sync_folder() == 1 && bytes_is(owed[0].issuers[0], B));
	remove_file("example.org/a.jwks.json");
	write_set("example.org/b.jwks.json", pair_jwk(&p, "k2", B, NULL), NULL);
	cr_assert(sync_folder() == 1 && bytes_is(owed[0].source, "b.jwks.json"));
	cr_assert(is(0, EVENT_CHANGE, "k2"));
	EVP_PKEY_free(p.pkey);
}

Test(trust_diff, what_is_gone_is_withdrawn_and_what_comes_back_enrolled)
{
	struct pair p = pair_new(TOKEN_EDDSA);
	char *jwk = pair_jwk(&p, "k1", A, NULL);

	write_set("example.org/a.jwks.json", strdup(jwk), NULL);
	cr_assert(sync_folder() == 1);
	remove_file("example.org/a.jwks.json");
	cr_assert(sync_folder() == 1 && is(0, EVENT_WITHDRAW, "k1"));
	cr_assert(owed[0].material.n == 0 && owed[0].issuer_count == 0);
	write_set("example.org/a.jwks.json", strdup(jwk), NULL);
	cr_assert(sync_folder() == 1 && is(0, EVENT_ENROLL, "k1"));
	free(jwk);
	EVP_PKEY_free(p.pkey);
}

Test(trust_diff, one_key_in_several_files_is_one_subject)
{
	struct pair p = pair_new(TOKEN_ES256);

	write_set("example.org/a.jwks.json", pair_jwk(&p, NULL, B, NULL), NULL);
	write_set(
	    "example.org/b.jwks.json", pair_jwk(&p, "k2", A, NULL), pair_jwk(&p, "k1", B, NULL));
	cr_assert(sync_folder() == 1);
	cr_assert(is(0, EVENT_ENROLL, "k1") && owed[0].issuer_count == 2);
	cr_assert(bytes_is(owed[0].issuers[0], A) && bytes_is(owed[0].issuers[1], B));
	cr_assert(bytes_is(owed[0].source, "b.jwks.json"));
	EVP_PKEY_free(p.pkey);
}

Test(trust_diff, one_key_of_two_domains_is_two_subjects)
{
	struct pair p = pair_new(TOKEN_ES256);

	folder_add(root, "other.org");
	write_set("other.org/a.jwks.json", pair_jwk(&p, "k1", A, NULL), NULL);
	write_set("example.org/a.jwks.json", pair_jwk(&p, "k1", A, NULL), NULL);
	cr_assert(sync_folder() == 2);
	cr_assert(bytes_is(owed[0].domain, "example.org") && bytes_is(owed[1].domain, "other.org"));
	EVP_PKEY_free(p.pkey);
}

Test(trust_diff, the_order_is_domain_subject_id)
{
	struct pair p[4];

	folder_add(root, "other.org");
	for (size_t i = 0; i < 4; i++)
		p[i] = pair_new(TOKEN_EDDSA);
	write_set(
	    "other.org/a.jwks.json", pair_jwk(&p[0], "x", A, NULL), pair_jwk(&p[1], "y", A, NULL));
	write_set("example.org/a.jwks.json", pair_jwk(&p[2], "x", A, NULL),
	    pair_jwk(&p[3], "y", A, NULL));
	cr_assert(sync_folder() == 4);
	cr_assert(bytes_is(owed[1].domain, "example.org") && bytes_is(owed[2].domain, "other.org"));
	cr_assert(memcmp(owed[0].id.b, owed[1].id.b, HASH_SIZE) < 0);
	cr_assert(memcmp(owed[2].id.b, owed[3].id.b, HASH_SIZE) < 0);
	for (size_t i = 0; i < 4; i++)
		EVP_PKEY_free(p[i].pkey);
}

Test(trust_diff, says_who_did_it)
{
	struct pair p = pair_new(TOKEN_ES256);

	write_set("example.org/a.jwks.json", pair_jwk(&p, "k1", A, NULL), NULL);
	cr_assert(try_sync("spiffe://example.org/admin") == RC_OK && owed_count == 1);
	cr_assert(bytes_is(owed[0].by, "spiffe://example.org/admin"));
	EVP_PKEY_free(p.pkey);
}

static void
write_pem(const char *name, char *text)
{
	file_write(root, name, text);
	free(text);
}

Test(trust_diff, a_ca_and_its_list_are_enrolled_and_withdrawn)
{
	struct cert ca = cert_new(NULL, NULL, (struct cert_spec){0}, true);
	X509_CRL *list = crl_new(&ca, 1, NOW, NOW + 1, NULL);
	struct hash id = cert_hash(&ca);

	write_pem("example.org/z.pem", pem_of(ca.x, write_cert));
	write_pem("example.org/a.crl.pem", pem_of(list, write_crl));
	cr_assert(sync_folder() == 2);
	cr_assert(owed[0].subject == EVENT_CA && hash_eq(&owed[0].id, &id));
	cr_assert(bytes_eq(owed[0].material, cert_der(&ca)) && bytes_is(owed[0].use, "x509-svid"));
	cr_assert(owed[1].subject == EVENT_CRL && bytes_is(owed[1].source, "a.crl.pem"));
	remove_file("example.org/a.crl.pem");
	cr_assert(sync_folder() == 1);
	cr_assert(owed[0].action == EVENT_WITHDRAW && owed[0].subject == EVENT_CRL);
	remove_file("example.org/z.pem");
	cr_assert(sync_folder() == 1);
	cr_assert(owed[0].action == EVENT_WITHDRAW && owed[0].subject == EVENT_CA);
	X509_CRL_free(list);
	cert_free(&ca);
}

static void
write_revoked(const struct hash *id, int since, const char *more)
{
	char text[B64_ROOM(32)], json[512];

	b64url_encode(bytes_of(id->b, HASH_SIZE), text);
	snprintf(json, sizeof(json), "{\"revoked\":[{\"id\":\"%s\",\"since\":%d%s}]}", text, since,
	    more);
	file_write(root, "example.org/revoked.json", json);
}

Test(trust_diff, a_revocation_is_recorded_changed_and_taken_back)
{
	struct pair p = pair_new(TOKEN_ES256);
	struct hash id;

	write_set("example.org/a.jwks.json", pair_jwk(&p, "k1", A, NULL), NULL);
	cr_assert(sync_folder() == 1);
	id = owed[0].id;
	write_revoked(&id, 100, ",\"reason\":\"stolen\",\"by\":\"admin\"");
	cr_assert(sync_folder() == 1 && is(0, EVENT_REVOKE, "k1"));
	cr_assert(owed[0].since == 100 && bytes_is(owed[0].reason, "stolen"));
	cr_assert(bytes_is(owed[0].by, "admin"));
	write_revoked(&id, 50, ",\"reason\":\"stolen\"");
	cr_assert(sync_folder() == 1 && owed[0].since == 50 && bytes_is(owed[0].by, "folder"));
	write_revoked(&id, 50, ",\"reason\":\"lost\"");
	cr_assert(sync_folder() == 1 && bytes_is(owed[0].reason, "lost"));
	remove_file("example.org/revoked.json");
	cr_assert(sync_folder() == 1 && is(0, EVENT_REINSTATE, "k1"));
	EVP_PKEY_free(p.pkey);
}

Test(trust_diff, a_key_may_be_revoked_before_it_is_ever_enrolled)
{
	struct hash id = {{7}};

	write_revoked(&id, 100, "");
	cr_assert(sync_folder() == 1 && is(0, EVENT_REVOKE, "") && owed[0].subject == EVENT_KEY);
}

static void
write_bundle(const char *sequence, const char *keys)
{
	char text[2048];

	snprintf(
	    text, sizeof(text), "{%s\"spiffe_refresh_hint\":300,\"keys\":[%s]}", sequence, keys);
	file_write(root, "example.org/b.jwks.json", text);
}

Test(trust_diff, a_bundle_never_goes_back)
{
	struct pair p = pair_new(TOKEN_ES256);
	char *jwk = pair_jwk(&p, "w1", NULL, ",\"use\":\"wit-svid\"");

	write_bundle("\"spiffe_sequence\":5,", jwk);
	cr_assert(sync_folder() == 2);
	cr_assert(is(0, EVENT_ENROLL, "w1") && bytes_is(owed[0].use, "wit-svid"));
	cr_assert(owed[1].subject == EVENT_BUNDLE && owed[1].sequence == 5);
	write_bundle("\"spiffe_sequence\":4,", jwk);
	cr_assert(try_sync("folder") == RC_BAD_KEY);
	write_bundle("", jwk);
	cr_assert(try_sync("folder") == RC_BAD_KEY);
	/* Taken out and put back is going back, too. */
	remove_file("example.org/b.jwks.json");
	cr_assert(sync_folder() == 2);
	write_bundle("\"spiffe_sequence\":4,", jwk);
	cr_assert(try_sync("folder") == RC_BAD_KEY);
	write_bundle("\"spiffe_sequence\":18446744073709551615,", jwk);
	cr_assert(sync_folder() == 2 && owed[1].sequence == UINT64_MAX);
	free(jwk);
	EVP_PKEY_free(p.pkey);
}

/* Zero is a sequence, too: a bundle without one could hide that it is older. */
Test(trust_diff, a_bundle_keeps_having_a_sequence)
{
	struct pair p = pair_new(TOKEN_ES256);
	char *jwk = pair_jwk(&p, "w1", NULL, ",\"use\":\"wit-svid\"");

	write_bundle("\"spiffe_sequence\":0,", jwk);
	cr_assert(sync_folder() == 2);
	write_bundle("", jwk);
	cr_assert(try_sync("folder") == RC_BAD_KEY);
	free(jwk);
	EVP_PKEY_free(p.pkey);
}

Test(trust_diff, another_use_is_a_change)
{
	struct pair p = pair_new(TOKEN_ES256);

	write_set("example.org/a.jwks.json", pair_jwk(&p, "k1", NULL, NULL), NULL);
	cr_assert(sync_folder() == 1 && owed[0].use.n == 0);
	write_set(
	    "example.org/a.jwks.json", pair_jwk(&p, "k1", NULL, ",\"use\":\"wit-svid\""), NULL);
	cr_assert(sync_folder() >= 1 && is(0, EVENT_CHANGE, "k1"));
	cr_assert(bytes_is(owed[0].use, "wit-svid"));
	EVP_PKEY_free(p.pkey);
}

/* In the order of their files, revoked.json would stand between them. */
Test(trust_diff, a_revocation_does_not_part_the_files_of_one_key)
{
	struct pair p = pair_new(TOKEN_ES256);
	struct hash id;

	write_set("example.org/a.jwks.json", pair_jwk(&p, NULL, A, NULL), NULL);
	cr_assert(sync_folder() == 1);
	id = owed[0].id;
	write_set("example.org/z.jwks.json", pair_jwk(&p, NULL, B, NULL), NULL);
	write_revoked(&id, 100, "");
	cr_assert(sync_folder() == 2);
	cr_assert(owed[0].action == EVENT_CHANGE && owed[0].issuer_count == 2);
	cr_assert(bytes_is(owed[0].source, "a.jwks.json") && owed[1].action == EVENT_REVOKE);
	EVP_PKEY_free(p.pkey);
}

Test(trust_diff, an_empty_bundle_withdraws_everything_of_its_domain)
{
	struct pair p = pair_new(TOKEN_ES256);

	write_set("example.org/a.jwks.json", pair_jwk(&p, "k1", A, NULL), NULL);
	cr_assert(sync_folder() == 1);
	write_bundle("\"spiffe_sequence\":6,", "");
	cr_assert(sync_folder() == 2 && is(0, EVENT_WITHDRAW, "k1"));
	cr_assert(owed[1].subject == EVENT_BUNDLE && owed[1].reason.n > 0);
	remove_file("example.org/b.jwks.json");
	cr_assert(sync_folder() == 2 && is(0, EVENT_ENROLL, "k1"));
	EVP_PKEY_free(p.pkey);
}
