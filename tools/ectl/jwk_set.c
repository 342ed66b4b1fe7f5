/*
 * jwk_set.c - JWK set files (RFC 7517 5), such as a trust folder's: public keys are added with one
 * atomic write.
 *
 * A server watches these files, so a set is replaced whole and only when something in it changes.
 */
#include "jwk_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "ectl.h"

#define FILE_MAX (16 * 1024 * 1024)

/* The set in the file, or a new one; NULL: message printed. */
static json_t *
jwks_load(const char *path)
{
	uint8_t *text = NULL;
	size_t n = 0;
	json_t *set;

	if (access(path, F_OK) != 0)
		return json_pack("{s[]}", "keys");
	if (!read_file(path, FILE_MAX, &text, &n)) {
		fail(EXIT_USAGE, "cannot read the JWK set %s", path);
		return NULL;
	}
	set = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (!json_is_array(json_object_get(set, "keys"))) {
		fail(EXIT_USAGE, "%s is not a JWK set: it has no array \"keys\"", path);
		json_decref(set);
		return NULL;
	}
	return set;
}

/* Put 'jwk' (borrowed) into the array in the place of the key of its kid; '*changed' when the set
 * is not as before. */
static bool
jwks_put(json_t *keys, json_t *jwk, bool *changed)
{
	const char *kid = json_string_value(json_object_get(jwk, "kid"));
	size_t i;
	json_t *old;

	json_array_foreach(keys, i, old)
	{
		const char *other = json_string_value(json_object_get(old, "kid"));

		if (other == NULL || strcmp(other, kid) != 0)
			continue;
		if (json_equal(old, jwk))
			return true;
		*changed = true;
		return json_array_set(keys, i, jwk) == 0;
	}
	*changed = true;
	return json_array_append(keys, jwk) == 0;
}

/* A trust domain's folder is made with its first key: "trust/example.com/agents.jwks.json" needs only "trust" to be there. */
static void
make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder =
	    slash != NULL && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;

	if (folder != NULL)
		(void)mkdir(folder, 0755); /* when it cannot be, writing the file tells why */
	free(folder);
}

bool
jwks_add_all(const char *path, const struct private_key *const *keys, size_t count, size_t *added)
{
	json_t *set = NULL;
	char *text = NULL;
	size_t changed_count = 0;
	bool ok = false;

	must(path != NULL && (keys != NULL || count == 0));
	if ((set = jwks_load(path)) == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		json_t *jwk = private_key_public_jwk(keys[i]);
		bool changed = false;
		bool put = jwk != NULL && jwks_put(json_object_get(set, "keys"), jwk, &changed);

		json_decref(jwk);
		if (!put)
			goto out;
		changed_count += changed;
	}
	ok = changed_count == 0;
	if (!ok && (text = json_dumps(set, JSON_INDENT(1))) != NULL) {
		make_folder(path);
		ok = write_file(path, text, strlen(text), 0644);
	}
out:
	if (!ok)
		fail(EXIT_USAGE, "cannot write the JWK set %s", path);
	if (added != NULL)
		*added = changed_count;
	free(text);
	json_decref(set);
	return ok;
}

bool
jwks_add(const char *path, const struct private_key *k)
{
	return jwks_add_all(path, &k, 1, NULL);
}
