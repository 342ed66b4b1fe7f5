/*
 * test_policy_doc_help.h - policy documents as tests write them down, and tasks that they judge.
 */
#ifndef UNIT_TEST_POLICY_DOC_HELP_H
#define UNIT_TEST_POLICY_DOC_HELP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "policy/doc.h"

static struct arena doc_arena;

static inline void
doc_set_up(void)
{
	arena_init(&doc_arena, (size_t)64 << 20);
}

static inline void
doc_tear_down(void)
{
	arena_release(&doc_arena);
}

static inline const struct policy_doc *
doc_of(const char *text)
{
	const struct policy_doc *doc;
	struct why why = {0};

	cr_assert_eq(policy_doc_read(bytes_str(text), &doc_arena, &doc, &why), RC_OK, "%s: %s",
	    text, why.text);
	return doc;
}

/* The document is refused, and the refusal holds this text. */
static inline void
doc_refused(const char *text, const char *says)
{
	const struct policy_doc *doc;
	struct why why = {0};

	cr_assert_eq(
	    policy_doc_read(bytes_str(text), &doc_arena, &doc, &why), RC_BAD_CONFIG, "%s", text);
	cr_assert_eq(doc, policy_doc_default());
	cr_assert_not_null(
	    strstr(why.text, says), "%s: says \"%s\", not \"%s\"", text, why.text, says);
}

static inline struct claim
doc_task(const char *act, const char *ext)
{
	static const struct json_limits limits = {65536, 16, 8192};
	struct claim c = {.iss = bytes_str("spiffe://example.org/agent/a"),
	    .trust_domain = bytes_str("example.org"),
	    .act = bytes_str(act),
	    .has_wid = true,
	    .kind = kind_of(bytes_str(act))};
	struct json_node *root;

	memset(c.wid, 0xab, sizeof(c.wid));
	if (ext == NULL)
		return c;
	c.ext = bytes_str(ext);
	cr_assert_eq(json_parse(c.ext, &limits, true, &doc_arena, &root, NULL), RC_OK, "%s", ext);
	c.ext_json = root;
	return c;
}

/* A document with one rule of this condition. */
static inline const char *
doc_with(const char *when)
{
	char *text = arena_printf(&doc_arena,
	    "{\"roles\":{\"r\":[]},\"rules\":[{\"id\":\"g\",\"when\":%s,\"role\":\"r\","
	    "\"action\":\"pause\"}]}",
	    when);

	cr_assert_not_null(text);
	return text;
}

#endif
