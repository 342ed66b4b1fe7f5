/*
 * test_trust_diff.c - the key entries that are owed, and none once they were paid.
 */
#include "unit/test_trust_help.h"

#include "trust/event.h"
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
