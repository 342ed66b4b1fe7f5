/*
 * doc_read.c - a policy document from its text: every object is read by a table of its members.
 *
 * Members are read in the order of the table, whatever their order in the text: rules name kinds and
 * roles, so these come first.  What is not in a table is refused, and so is what could never work (a
 * rule whose role nobody can hold, a pattern that cannot match): a document is evidence of what was
 * meant, and a misspelt member that is skipped is a demand that nobody makes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "policy/doc_own.h"
#include "policy/number.h"
#include "policy/policy.h"

#define SCRATCH_MAX ((size_t)64 << 20)

struct member {
	const char *name;
	enum rc (*read)(struct doc_reader *r, const struct member *m, const struct json_node *v,
	    const char *path);
	size_t at; /* in struct policy_doc */
	int64_t least, most;
	bool required;
};

static enum rc read_seconds(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_count(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_share(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_acts(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_profile(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_kinds(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_roles(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_rules(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_requesters(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_model(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_recovery(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_circuit(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_trust(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);
static enum rc read_override(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path);

/* clang-format off */
#define AT(field)	       offsetof(struct policy_doc, field)
#define SECONDS(n, f, l)       {n, read_seconds, AT(f), l, POLICY_SECONDS_MAX, false}
#define COUNT(n, f, l, m)      {n, read_count, AT(f), l, m, false}
#define SHARE(n, f, l)	       {n, read_share, AT(f), l, 1000000, false}
#define OTHER(n, read)	       {n, read, 0, 0, 0, false}
#define ROWS(t)		       t, sizeof(t) / sizeof((t)[0])

static const struct member document[] = {
    OTHER("profile", read_profile),
    OTHER("kinds", read_kinds),
    OTHER("roles", read_roles),
    OTHER("rules", read_rules),
    {"irreversible", read_acts, AT(irreversible), 0, 0, false},
    {"consequential", read_acts, AT(consequential), 0, 0, false},
    {"critical", read_acts, AT(critical), 0, 0, false},
    OTHER("recovery", read_recovery),
    OTHER("circuit", read_circuit),
    OTHER("trust", read_trust),
    OTHER("override", read_override),
    SECONDS("retention_s", retention_s, 0),
};
static const struct member recovery[] = {
    SECONDS("request_age_max_s", recovery.request_age_max_s, 1),
    OTHER("requesters", read_requesters),
};
static const struct member circuit[] = {
    COUNT("window", circuit.window, 1, POLICY_WINDOW_MAX),
    COUNT("minimum", circuit.minimum, 1, POLICY_WINDOW_MAX),
    SHARE("threshold", circuit.threshold_e6, 1),
    COUNT("wait_s", circuit.wait_s, 0, POLICY_SECONDS_MAX),
    COUNT("probes", circuit.probes, 1, POLICY_WINDOW_MAX),
};
static const struct member trust[] = {
    OTHER("model", read_model),
    SHARE("start", trust.start_e6, 0),
    SHARE("add", trust.add_e6, 0),
    SHARE("minor", trust.minor_e6, 0),
    SHARE("major", trust.major_e6, 0),
    SHARE("violation", trust.violation_e6, 0),
    SECONDS("half_life_s", trust.half_life_s, 0),
    SHARE("floor", trust.floor_e6, 0),
};
static const struct member override[] = {
    SECONDS("ack_s", override.ack_s, 0),
};
/* clang-format on */

/* ---- refusals ---- */

enum rc
doc_bad(const struct doc_reader *r, const char *path, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return why_set(r->why, RC_BAD_CONFIG, DOC_RULE, r->member, 0, "%.*s%s%s", DOC_PATH_MAX,
	    path, path[0] != '\0' ? ": " : "", text);
}

void
doc_path(char out[DOC_PATH_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(out, DOC_PATH_MAX, format, args); /* a longer one is cut */
	va_end(args);
}

enum rc
doc_no_memory(const struct doc_reader *r)
{
	return why_set(r->why, RC_NO_MEMORY, DOC_RULE, r->member, 0, "%s", rc_text(RC_NO_MEMORY));
}

/* ---- objects ---- */

static const struct member *
find_member(const struct member *rows, size_t count, struct bytes name)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_is(name, rows[i].name))
			return &rows[i];
	return NULL;
}

static enum rc
read_members(struct doc_reader *r, const struct member *rows, size_t count,
    const struct json_node *object, const char *path)
{
	char inside[DOC_PATH_MAX];
	enum rc rc = RC_OK;

	if (object->type != JSN_OBJECT)
		return doc_bad(r, path, "wants an object");
	for (const struct json_node *c = object->child; c != NULL; c = c->next)
		if (find_member(rows, count, c->name) == NULL)
			return doc_bad(r, path, "no member \"%.*s\" is known",
			    (int)(c->name.n < 40 ? c->name.n : 40), (const char *)c->name.p);
	for (size_t i = 0; i < count && rc == RC_OK; i++) {
		const struct json_node *v = json_member(object, rows[i].name);

		doc_path(inside, "%s%s%s", path, path[0] != '\0' ? "." : "", rows[i].name);
		if (rows == document)
			r->member = rows[i].name;
		if (v != NULL)
			rc = rows[i].read(r, &rows[i], v, inside);
		else if (rows[i].required)
			rc = doc_bad(r, inside, "is missing");
	}
	return rc;
}

static enum rc
read_recovery(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	(void)m;
	return read_members(r, ROWS(recovery), v, path);
}

static enum rc
read_circuit(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	enum rc rc = read_members(r, ROWS(circuit), v, path);

	(void)m;
	if (rc == RC_OK && r->doc->circuit.minimum > r->doc->circuit.window)
		return doc_bad(r, path, "minimum is more than window: it could never open");
	return rc;
}

static enum rc
read_trust(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	(void)m;
	return read_members(r, ROWS(trust), v, path);
}

static enum rc
read_override(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	(void)m;
	return read_members(r, ROWS(override), v, path);
}

static enum rc
read_roles(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	(void)m;
	return doc_roles_read(r, v, path);
}

static enum rc
read_rules(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	(void)m;
	return doc_rules_read(r, v, path);
}

/* ---- numbers ---- */

static void *
place_of(struct doc_reader *r, const struct member *m)
{
	return (char *)r->doc + m->at;
}

static enum rc
read_whole(const struct doc_reader *r, const struct member *m, const struct json_node *v,
    const char *path, uint64_t *out)
{
	if (!json_uint(v, out) || *out < (uint64_t)m->least || *out > (uint64_t)m->most)
		return doc_bad(r, path, "wants a whole number from %lld to %lld",
		    (long long)m->least, (long long)m->most);
	return RC_OK;
}

static enum rc
read_seconds(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	uint64_t n = 0;
	enum rc rc = read_whole(r, m, v, path, &n);

	if (rc == RC_OK)
		*(int64_t *)place_of(r, m) = (int64_t)n;
	return rc;
}

static enum rc
read_count(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	uint64_t n = 0;
	enum rc rc = read_whole(r, m, v, path, &n);

	if (rc == RC_OK)
		*(uint32_t *)place_of(r, m) = (uint32_t)n;
	return rc;
}

static enum rc
read_share(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	uint32_t share;

	if (v->type != JSN_NUMBER || !number_share_e6(v->text, &share))
		return doc_bad(
		    r, path, "wants a number from 0 to 1 with at most six digits after the point");
	if (share < (uint32_t)m->least)
		return doc_bad(r, path, "must be above 0");
	*(uint32_t *)place_of(r, m) = share;
	return RC_OK;
}

/* ---- names ---- */

static enum rc
read_profile(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	(void)m;
	if (v->type != JSN_STRING || !policy_profile_read(v->text, &r->doc->profile))
		return doc_bad(r, path, "is none of relaxed, standard, regulated");
	return RC_OK;
}

static enum rc
read_model(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	static const char *const names[] = {"aimd", "beta", "wilson"};
	int i = doc_name_of(v, ROWS(names));

	(void)m;
	if (i < 0)
		return doc_bad(r, path, "is none of aimd, beta, wilson");
	r->doc->trust.model = (enum policy_model)(MODEL_AIMD + i);
	return RC_OK;
}

static enum rc
read_requesters(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	static const char *const names[] = {"signer", "root", "coordinator", "human"};
	unsigned bits = 0;

	(void)m;
	if (v->type != JSN_ARRAY)
		return doc_bad(r, path, "wants an array");
	for (const struct json_node *c = v->child; c != NULL; c = c->next) {
		int i = doc_name_of(c, ROWS(names));

		if (i < 0)
			return doc_bad(r, path, "one is none of signer, root, coordinator, human");
		if (bits & (1u << i))
			return doc_bad(r, path, "%s stands there twice", names[i]);
		bits |= 1u << i;
	}
	r->doc->recovery.requesters = bits;
	return RC_OK;
}

static enum rc
read_kinds(
    struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	(void)m;
	if (v->type != JSN_ARRAY)
		return doc_bad(r, path, "wants an array");
	return kinds_make(v, r->arena, &r->doc->kinds, r->why);
}

/* ---- lists of acts ---- */

static bool
act_pattern_ok(struct bytes x)
{
	return x.n > 0 && x.n <= CLAIM_ACT_MAX && memchr(x.p, '*', x.n - 1) == NULL;
}

static enum rc
read_acts(struct doc_reader *r, const struct member *m, const struct json_node *v, const char *path)
{
	struct policy_acts *acts = place_of(r, m);
	enum rc rc = doc_strings(r, v, path, POLICY_ACTS_MAX, act_pattern_ok,
	    "an exec_act, or a prefix and *", &acts->patterns);

	acts->count = rc == RC_OK ? v->count : 0;
	return rc;
}

/* ---- the whole ---- */

static enum rc
parse(struct bytes text, struct arena *scratch, struct json_node **root, struct why *why)
{
	/* root, rules, rule, when, and two levels of JSON for one of conditions */
	static const struct json_limits limits = {
	    POLICY_DOC_MAX, 4 + 2 * POLICY_COND_DEPTH_MAX, POLICY_DOC_MAX};
	struct why inner = {0};
	enum rc rc = json_parse(text, &limits, true, scratch, root, &inner);

	if (rc == RC_OK || rc == RC_NO_MEMORY)
		return rc;
	return why_set(
	    why, RC_BAD_CONFIG, DOC_RULE, NULL, inner.at, "byte %zu: %.120s", inner.at, inner.text);
}

enum rc
policy_doc_read(
    struct bytes text, struct arena *arena, const struct policy_doc **out, struct why *why)
{
	struct doc_reader r = {.arena = arena, .why = why};
	struct arena scratch;
	struct json_node *root;
	enum rc rc;

	*out = policy_doc_default();
	if (text.n == 0)
		return RC_OK;
	arena_init(&scratch, SCRATCH_MAX);
	rc = parse(text, &scratch, &root, why);
	if (rc == RC_OK && (r.doc = arena_alloc(arena, sizeof(*r.doc))) == NULL)
		rc = doc_no_memory(&r);
	if (rc == RC_OK) {
		*r.doc = *policy_doc_default();
		hash_of(text, &r.doc->digest);
		rc = arena_dup(arena, text, &r.doc->text)
			 ? read_members(&r, ROWS(document), root, "")
			 : doc_no_memory(&r);
	}
	if (rc == RC_OK)
		*out = r.doc;
	arena_release(&scratch);
	return rc;
}
