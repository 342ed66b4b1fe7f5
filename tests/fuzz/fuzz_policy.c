/*
 * fuzz_policy.c - hostile policy documents, and tasks that they judge.
 *
 * Before the first NUL stands a document, behind it the extension of a task.  Properties: a document that is
 * refused says why; one that is accepted is read the same again, by its own text; what it says of a task
 * is the same both times, and judging never fails.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "policy/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static struct claim
task(const char *act, struct bytes ext, struct arena *arena)
{
	static const struct json_limits limits = {CLAIM_EXT_TEXT_MAX, CLAIM_EXT_DEPTH_MAX, 8192};
	struct claim c = {.iss = bytes_str("spiffe://example.org/agent/a"),
	    .trust_domain = bytes_str("example.org"),
	    .act = bytes_str(act),
	    .has_wid = true};
	struct json_node *root;

	memset(c.wid, 0xab, sizeof(c.wid));
	if (json_parse(ext, &limits, true, arena, &root, NULL) == RC_OK) {
		c.ext = ext;
		c.ext_json = root;
	}
	return c;
}

static void
same(const struct policy_doc *a, const struct policy_doc *b, const struct claim *c)
{
	size_t i, k;
	const struct policy_rule *x = policy_guard(a, c, &i), *y = policy_guard(b, c, &k);

	expect((x == NULL) == (y == NULL) && i == k);
	expect(x == NULL || (strcmp(x->id, y->id) == 0 && x == &a->rules[i]));
	expect(policy_act_in(&a->irreversible, c->act) == policy_act_in(&b->irreversible, c->act));
	for (size_t r = 0; r < a->role_count; r++)
		expect(policy_holds(a, a->roles[r].name, c->iss) ==
		       policy_holds(b, a->roles[r].name, c->iss));
}

static void
judge(const struct policy_doc *a, struct bytes ext, struct arena *arena)
{
	static const char *const acts[] = {"pay", "checkpoint", "hitl_request", "mail.send", "x"};
	const struct policy_doc *b;

	expect(policy_doc_read(a->text, arena, &b, NULL) == RC_OK);
	expect(hash_eq(&a->digest, &b->digest) && a->profile == b->profile);
	expect(a->rule_count == b->rule_count && a->role_count == b->role_count);
	expect(kinds_count(a->kinds) == kinds_count(b->kinds));
	expect(memcmp(&a->circuit, &b->circuit, sizeof(a->circuit)) == 0);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		struct claim c = task(acts[i], ext, arena);

		same(a, b, &c);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
	struct bytes text = bytes_of(data, nul != NULL ? (size_t)(nul - data) : size);
	struct bytes ext = bytes_of(data + text.n + (nul != NULL), size - text.n - (nul != NULL));
	const struct policy_doc *doc;
	struct why why = {0};
	struct arena arena;
	enum rc rc;

	arena_init(&arena, (size_t)64 << 20);
	rc = policy_doc_read(text, &arena, &doc, &why);
	expect(doc != NULL && (rc == RC_OK || why.text[0] != '\0'));
	if (rc == RC_OK)
		judge(doc, ext, &arena);
	arena_release(&arena);
	return 0;
}
