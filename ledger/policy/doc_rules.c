/*
 * doc_rules.c - who may decide, and about what: roles and rules of a policy document.
 */
#include <string.h>

#include "policy/doc_own.h"
#include "policy/policy.h"

#define ROWS(t) t, sizeof(t) / sizeof((t)[0])

/* ---- names and lists ---- */

/* The place of a text among names; -1: it is none of them. */
int
doc_name_of(const struct json_node *v, const char *const *names, size_t count)
{
	for (size_t i = 0; v->type == JSN_STRING && i < count; i++)
		if (bytes_is(v->text, names[i]))
			return (int)i;
	return -1;
}

static bool
name_ok(struct bytes name)
{
	if (name.n == 0 || name.n > POLICY_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '-' && c != '.')
			return false;
	}
	return true;
}

/* Strings of an array as a NULL-ended list, none twice; 'ok' judges each. */
enum rc
doc_strings(struct doc_reader *r, const struct json_node *v, const char *path, size_t max,
    bool (*ok)(struct bytes), const char *what, const char *const **out)
{
	const char **list;
	size_t n = 0;

	if (v->type != JSN_ARRAY)
		return doc_bad(r, path, "wants an array");
	if (v->count > max)
		return doc_bad(r, path, "has more than %zu", max);
	if ((list = arena_zalloc(r->arena, (v->count + 1) * sizeof(*list))) == NULL)
		return doc_no_memory(r);
	for (const struct json_node *c = v->child; c != NULL; c = c->next, n++) {
		if (c->type != JSN_STRING || !ok(c->text))
			return doc_bad(r, path, "[%zu] is not %s", n, what);
		for (size_t i = 0; i < n; i++)
			if (bytes_is(c->text, list[i]))
				return doc_bad(r, path, "[%zu] stands there twice", n);
		if ((list[n] = arena_strdup(r->arena, c->text)) == NULL)
			return doc_no_memory(r);
	}
	*out = list;
	return RC_OK;
}

/* ---- roles ---- */

enum rc
doc_roles_read(struct doc_reader *r, const struct json_node *v, const char *path)
{
	struct policy_role *roles;
	char inside[DOC_PATH_MAX];
	size_t n = 0;
	enum rc rc = RC_OK;

	if (v->type != JSN_OBJECT)
		return doc_bad(r, path, "wants an object");
	if (v->count > POLICY_ROLES_MAX)
		return doc_bad(r, path, "has more than %d roles", POLICY_ROLES_MAX);
	if ((roles = arena_zalloc(r->arena, (v->count + 1) * sizeof(*roles))) == NULL)
		return doc_no_memory(r);
	for (const struct json_node *c = v->child; c != NULL && rc == RC_OK; c = c->next, n++) {
		if (!name_ok(c->name))
			return doc_bad(r, path, "a role's name has 1 to %d of A-Z a-z 0-9 _ . -",
			    POLICY_NAME_MAX);
		if ((roles[n].name = arena_strdup(r->arena, c->name)) == NULL)
			return doc_no_memory(r);
		doc_path(inside, "%s.%s", path, roles[n].name);
		rc = doc_strings(r, c, inside, POLICY_MEMBERS_MAX, policy_pattern_ok,
		    "a URI, or the beginning of one and /*", &roles[n].members);
	}
	r->doc->roles = roles;
	r->doc->role_count = n;
	return rc;
}

/* ---- rules ---- */

static enum rc
rule_role(struct doc_reader *r, const struct json_node *v, const char *path, const char *member,
    const char **out)
{
	char inside[DOC_PATH_MAX];

	doc_path(inside, "%s.%s", path, member);
	for (size_t i = 0; v->type == JSN_STRING && i < r->doc->role_count; i++)
		if (bytes_is(v->text, r->doc->roles[i].name)) {
			*out = r->doc->roles[i].name;
			return RC_OK;
		}
	return doc_bad(r, inside, "is no role of this document");
}

static enum rc
rule_names(
    struct doc_reader *r, const struct json_node *v, const char *path, struct policy_rule *rule)
{
	static const char *const actions[] = {"pause", "escalate", "abort"};
	static const char *const timeouts[] = {"abort", "escalate", "proceed"};
	const struct json_node *action = json_member(v, "action");
	const struct json_node *timeout = json_member(v, "on_timeout");
	int i = action == NULL ? -1 : doc_name_of(action, ROWS(actions));

	if (i < 0)
		return doc_bad(r, path, "action is none of pause, escalate, abort");
	rule->action = (enum policy_action)(ACTION_PAUSE + i);
	rule->on_timeout = TIMEOUT_ABORT;
	if (timeout == NULL)
		return RC_OK;
	if ((i = doc_name_of(timeout, ROWS(timeouts))) < 0)
		return doc_bad(r, path, "on_timeout is none of abort, escalate, proceed");
	rule->on_timeout = (enum policy_timeout)(TIMEOUT_ABORT + i);
	return RC_OK;
}

static enum rc
rule_id(struct doc_reader *r, const struct json_node *v, const char *path, size_t number,
    struct policy_rule *rule)
{
	const struct json_node *id = json_member(v, "id");

	if (id == NULL || id->type != JSN_STRING || !name_ok(id->text))
		return doc_bad(r, path, "id wants 1 to %d of A-Z a-z 0-9 _ . -", POLICY_NAME_MAX);
	for (size_t i = 0; i < number; i++)
		if (bytes_is(id->text, r->doc->rules[i].id))
			return doc_bad(r, path, "another rule has this id");
	rule->id = arena_strdup(r->arena, id->text);
	return rule->id != NULL ? RC_OK : doc_no_memory(r);
}

static enum rc
rule_time(
    struct doc_reader *r, const struct json_node *v, const char *path, struct policy_rule *rule)
{
	const struct json_node *timeout = json_member(v, "timeout_s");
	uint64_t n = 0;

	if (timeout == NULL)
		return RC_OK;
	if (!json_uint(timeout, &n) || n == 0 || n > (uint64_t)POLICY_SECONDS_MAX)
		return doc_bad(r, path, "timeout_s wants a whole number from 1 to %lld",
		    (long long)POLICY_SECONDS_MAX);
	rule->timeout_s = (int64_t)n;
	return RC_OK;
}

static enum rc
rule_members(const struct doc_reader *r, const struct json_node *v, const char *path)
{
	static const char *const names[] = {
	    "id", "when", "role", "escalate_to", "action", "timeout_s", "on_timeout"};

	if (v->type != JSN_OBJECT)
		return doc_bad(r, path, "wants an object");
	for (const struct json_node *c = v->child; c != NULL; c = c->next) {
		size_t i = 0;

		while (i < sizeof(names) / sizeof(names[0]) && !bytes_is(c->name, names[i]))
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return doc_bad(r, path, "no member \"%.*s\" is known",
			    (int)(c->name.n < 40 ? c->name.n : 40), (const char *)c->name.p);
	}
	return RC_OK;
}

static enum rc
read_rule(struct doc_reader *r, const struct json_node *v, size_t number, const char *path,
    struct policy_rule *rule)
{
	const struct json_node *when, *role, *escalate_to;
	char inside[DOC_PATH_MAX];
	enum rc rc = rule_members(r, v, path);

	if (rc != RC_OK || (rc = rule_id(r, v, path, number, rule)) != RC_OK ||
	    (rc = rule_names(r, v, path, rule)) != RC_OK ||
	    (rc = rule_time(r, v, path, rule)) != RC_OK)
		return rc;
	when = json_member(v, "when");
	role = json_member(v, "role");
	escalate_to = json_member(v, "escalate_to");
	if (when == NULL || role == NULL)
		return doc_bad(r, path, "%s is missing", when == NULL ? "when" : "role");
	if ((rc = rule_role(r, role, path, "role", &rule->role)) != RC_OK)
		return rc;
	if (escalate_to != NULL &&
	    (rc = rule_role(r, escalate_to, path, "escalate_to", &rule->escalate_to)) != RC_OK)
		return rc;
	doc_path(inside, "%s.when", path);
	return doc_cond_read(r, when, inside, &rule->when);
}

enum rc
doc_rules_read(struct doc_reader *r, const struct json_node *v, const char *path)
{
	struct policy_rule *rules;
	char inside[DOC_PATH_MAX];
	size_t n = 0;
	enum rc rc = RC_OK;

	if (v->type != JSN_ARRAY)
		return doc_bad(r, path, "wants an array");
	if (v->count > POLICY_RULES_MAX)
		return doc_bad(r, path, "has more than %d rules", POLICY_RULES_MAX);
	if ((rules = arena_zalloc(r->arena, (v->count + 1) * sizeof(*rules))) == NULL)
		return doc_no_memory(r);
	r->doc->rules = rules;
	for (const struct json_node *c = v->child; c != NULL && rc == RC_OK; c = c->next, n++) {
		doc_path(inside, "%s[%zu]", path, n);
		rc = read_rule(r, c, n, inside, &rules[n]);
	}
	r->doc->rule_count = n;
	return rc;
}
