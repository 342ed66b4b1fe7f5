/*
 * test_trust_trust.c - the live folder: changes are seen, bad changes are not put in force, readers
 * never wait.
 */
#include "unit/test_trust_help.h"
#include <pthread.h>
#include <stdatomic.h>

#define ISS "spiffe://example.org/a"

static char *root;
static struct trust *t;
static struct trust_report report;

static void
set_up(void)
{
	root = folder_new();
	folder_add(root, "example.org");
	cr_assert(trust_open(&t, root, &report) == RC_OK, "%s", report.problem);
}

static void
tear_down(void)
{
	trust_close(t);
	folder_free(root);
}

TestSuite(trust_trust, .init = set_up, .fini = tear_down);

static void
write_key(const char *name, const char *kid)
{
	struct pair p = pair_new(TOKEN_EDDSA);
	char *text = jwks_of(pair_jwk(&p, kid, ISS, NULL), NULL);

	file_write(root, name, text);
	free(text);
	EVP_PKEY_free(p.pkey);
}

static enum rc
find(const char *kid)
{
	struct trust_snapshot *s = trust_get(t);
	struct signer signer;
	enum rc rc = trust_snapshot_find(s, bytes_str("example.org"), bytes_str(ISS),
	    bytes_str(kid), TOKEN_EDDSA, &signer, NULL);

	trust_snapshot_drop(s);
	return rc;
}

/* What the keeper does. */
static bool
keep(void)
{
	if (!trust_changed(t))
		return false;
	cr_assert(trust_reload(t, &report) == RC_OK, "%s", report.problem);
	return true;
}

Test(trust_trust, nothing_has_changed_while_nothing_was_done)
{
	cr_assert(!trust_changed(t));
	cr_assert(!trust_changed(t));
}

Test(trust_trust, a_new_a_replaced_and_a_removed_file_are_changes)
{
	char from[512], to[512];

	cr_assert(find("k1") == RC_UNKNOWN_KEY);
	write_key("example.org/a.jwks.json", "k1");
	cr_assert(keep() && find("k1") == RC_OK);
	cr_assert(!trust_changed(t), "reading is no change");
	write_key("b.tmp", "k2");
	snprintf(from, sizeof(from), "%s/b.tmp", root);
	snprintf(to, sizeof(to), "%s/example.org/a.jwks.json", root);
	cr_assert(rename(from, to) == 0);
	cr_assert(keep() && find("k1") == RC_UNKNOWN_KEY && find("k2") == RC_OK);
	cr_assert(unlink(to) == 0);
	cr_assert(keep() && find("k2") == RC_UNKNOWN_KEY);
	cr_assert(report.keys == 0 && report.domains == 1);
}

Test(trust_trust, a_new_domain_is_watched_from_the_moment_it_is_seen)
{
	folder_add(root, "new.org");
	cr_assert(keep() && report.domains == 2);
	write_key("new.org/a.jwks.json", "k1");
	cr_assert(keep() && report.keys == 1);
	write_key("new.org/b.jwks.json", "k2");
	cr_assert(keep() && report.keys == 2);
}

Test(trust_trust, a_domain_that_is_removed_and_made_again_is_watched_again)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/example.org", root);
	cr_assert(rmdir(path) == 0);
	cr_assert(keep() && report.domains == 0);
	folder_add(root, "example.org");
	cr_assert(keep() && report.domains == 1);
	write_key("example.org/a.jwks.json", "k1");
	cr_assert(keep() && find("k1") == RC_OK);
}

Test(trust_trust, a_root_that_appears_later_or_is_swapped_is_found)
{
	char later[512], aside[512], file[600];
	struct trust *late;
	FILE *f;

	snprintf(later, sizeof(later), "%s/.later", root);
	snprintf(aside, sizeof(aside), "%s/.aside", root);
	cr_assert(trust_open(&late, later, &report) == RC_OK);
	cr_assert(!trust_changed(late));
	cr_assert(mkdir(later, 0700) == 0);
	cr_assert(trust_changed(late), "it appeared");
	cr_assert(trust_reload(late, &report) == RC_OK && report.domains == 0);
	cr_assert(rename(later, aside) == 0 && mkdir(later, 0700) == 0);
	snprintf(file, sizeof(file), "%s/example.org", later);
	cr_assert(mkdir(file, 0700) == 0);
	cr_assert(trust_changed(late), "it was swapped");
	cr_assert(trust_reload(late, &report) == RC_OK && report.domains == 1);
	while (trust_changed(late))
		; /* the old watch says goodbye */
	snprintf(file, sizeof(file), "%s/example.org/x.jwks.json", later);
	cr_assert((f = fopen(file, "w")) && fputs("{\"keys\":[]}", f) > 0 && fclose(f) == 0);
	cr_assert(trust_changed(late), "the new one is watched");
	trust_close(late);
}

Test(trust_trust, a_bad_file_leaves_the_old_keys_in_force)
{
	write_key("example.org/a.jwks.json", "k1");
	cr_assert(keep());
	file_write(root, "example.org/b.jwks.json", "{");
	cr_assert(trust_changed(t));
	cr_assert(trust_reload(t, &report) == RC_BAD_KEY);
	cr_assert(strstr(report.problem, "b.jwks.json"));
	cr_assert(find("k1") == RC_OK);
}

Test(trust_trust, a_bad_folder_does_not_open)
{
	struct trust *bad = t;

	file_write(root, "example.org/b.jwks.json", "{");
	cr_assert(trust_open(&bad, root, &report) == RC_BAD_KEY);
	cr_assert(!bad && report.problem[0]);
}

Test(trust_trust, a_held_snapshot_outlives_a_reload)
{
	struct trust_snapshot *old;
	struct signer signer;
	char path[512];

	write_key("example.org/a.jwks.json", "k1");
	cr_assert(keep());
	old = trust_get(t);
	snprintf(path, sizeof(path), "%s/example.org/a.jwks.json", root);
	cr_assert(unlink(path) == 0 && keep());
	cr_assert(find("k1") == RC_UNKNOWN_KEY);
	cr_assert(trust_snapshot_find(old, bytes_str("example.org"), bytes_str(ISS),
		      bytes_str("k1"), TOKEN_EDDSA, &signer, NULL) == RC_OK);
	cr_assert(bytes_is(key_kid(signer.key), "k1"));
	trust_snapshot_drop(old);
}

static atomic_bool stop;

/* Sees the constant key in every snapshot, whatever is being loaded. */
static void *
reader(void *arg)
{
	size_t *seen = arg;

	while (!atomic_load(&stop)) {
		if (find("always") != RC_OK)
			return NULL;
		++*seen;
	}
	return arg;
}

Test(trust_trust, readers_always_see_a_whole_snapshot_while_it_is_replaced)
{
	pthread_t threads[3];
	size_t seen[3] = {0};
	void *result;

	write_key("example.org/always.jwks.json", "always");
	cr_assert(keep());
	for (size_t i = 0; i < 3; i++)
		cr_assert(pthread_create(&threads[i], NULL, reader, &seen[i]) == 0);
	for (unsigned i = 0; i < 100; i++) {
		char kid[16];

		snprintf(kid, sizeof(kid), "k%u", i);
		write_key("example.org/changing.jwks.json", kid);
		cr_assert(keep() && find(kid) == RC_OK);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < 3; i++) {
		cr_assert(pthread_join(threads[i], &result) == 0);
		cr_expect(result == &seen[i], "the constant key was missing once");
		cr_expect(seen[i] > 0);
	}
}
