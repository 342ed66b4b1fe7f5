/*
 * import_identity.c - one key per agent of a recorded run.
 *
 * An agent "Web Expert" of the domain example.com becomes spiffe://example.com/agent/Web-Expert
 * with its key in Web-Expert.jwk.  Two names that come out alike are two agents all the same: the
 * later one's name gets a piece of its hash, so that no key ever signs for another.
 */
#include "import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/text.h"

#define NAME_MAX_SIZE 100 /* of the part that stays readable */
#define NAME_ROOM     (NAME_MAX_SIZE + 1 + 8 + 1)

/* SPIFFE ID 2.2: letters, digits, dot, dash, underscore; no segment "." or "..". */
static void
sanitise(const char *name, char out[NAME_ROOM])
{
	size_t n = 0;

	for (const char *p = name; *p != '\0' && n < NAME_MAX_SIZE; p++) {
		const char c = *p;
		const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';

		out[n++] = fine ? c : '-';
	}
	out[n] = '\0';
	if (n == 0 || strspn(out, ".") == n)
		memcpy(out, "agent", sizeof "agent");
}

static void
add_hash(const char *name, char out[NAME_ROOM])
{
	const size_t n = strlen(out);
	struct hash h;

	must(n <= NAME_MAX_SIZE);
	hash_of(bytes_str(name), &h);
	out[n] = '-';
	hex_encode(bytes_of(h.b, 4), out + n + 1);
}

static bool
iss_taken(const struct import *im, const char *iss)
{
	for (size_t i = 0; i < im->agent_count; i++)
		if (strcmp(private_key_iss(im->agents[i].key), iss) == 0)
			return true;
	return false;
}

/* Read the agent's key from the keys folder, or make and keep one. */
static int
key_of(struct import *im, const char *file, const char *iss, struct import_agent *out)
{
	char path[4096];
	int n;

	if (im->dry_run)
		return (out->key = private_key_new(im->alg, iss)) != NULL ? 0 : EXIT_USAGE;
	n = snprintf(path, sizeof path, "%s/%s.jwk", im->keys, file);
	if (n < 0 || (size_t)n >= sizeof path)
		return fail(EXIT_USAGE, "the name of the keys folder is too long");
	if (access(path, F_OK) == 0) {
		if ((out->key = private_key_load(path)) == NULL)
			return EXIT_USAGE;
		if (strcmp(private_key_iss(out->key), iss) != 0)
			return fail(EXIT_USAGE,
			    "%s is the key of %s, not of %s: use another --keys folder", path,
			    private_key_iss(out->key), iss);
		return 0;
	}
	if (errno != ENOENT)
		return fail(EXIT_USAGE, "cannot look at %s: %s", path, strerror(errno));
	if ((out->key = private_key_new(im->alg, iss)) == NULL || !private_key_save(out->key, path))
		return EXIT_USAGE;
	out->fresh = true;
	return 0;
}

static int
agent_new(struct import *im, const char *name, struct import_agent *out)
{
	char file[NAME_ROOM], iss[512];
	int n;

	sanitise(name, file);
	for (int round = 0; round < 2; round++) {
		n = snprintf(iss, sizeof iss, "spiffe://%s/agent/%s", im->domain, file);
		must(n > 0 && (size_t)n < sizeof iss);
		if (!iss_taken(im, iss))
			break;
		if (round == 1)
			return fail(
			    EXIT_USAGE, "two agents come out as %s: rename one in the file", iss);
		add_hash(name, file);
	}
	if ((out->name = strdup(name)) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	return key_of(im, file, iss, out);
}

int
import_identity(struct import *im, const char *name, const struct private_key **out)
{
	struct import_agent agent = {0}, *agents;
	int rc;

	for (size_t i = 0; i < im->agent_count; i++)
		if (strcmp(im->agents[i].name, name) == 0) {
			*out = im->agents[i].key;
			return 0;
		}
	if (im->agent_count == IMPORT_AGENTS_MAX)
		return fail(EXIT_USAGE, "more than %d agents in one import; split the file",
		    IMPORT_AGENTS_MAX);
	if ((rc = agent_new(im, name, &agent)) == 0) {
		agents = reallocarray(im->agents, im->agent_count + 1, sizeof *agents);
		if (agents != NULL) {
			im->agents = agents;
			agents[im->agent_count++] = agent;
			*out = agent.key;
			return 0;
		}
		rc = fail(EXIT_USAGE, "out of memory");
	}
	private_key_free(agent.key);
	free(agent.name);
	return rc;
}

void
import_identities_free(struct import *im)
{
	for (size_t i = 0; i < im->agent_count; i++) {
		private_key_free(im->agents[i].key);
		free(im->agents[i].name);
	}
	free(im->agents);
	im->agents = NULL;
	im->agent_count = 0;
}
