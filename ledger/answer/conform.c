/*
 * conform.c - the table of rules, verdicts, and one workflow or many.
 *
 * A workflow is judged in a scratch arena of its own; what the answer keeps are counts, first entries
 * and what it rests on.  A log is its workflows one after the other, in the order of their first
 * entries, so that a page is a range of them and the pages of one size do not depend on each other.
 *
 * Invariant: a finding's first is the smallest entry that was found for its rule.
 */
#include "answer/conform.h"

#include <string.h>

#include "answer/conform_own.h"
#include "base/must.h"

#define SCRATCH_MAX ((size_t)2 << 30)

const struct conform_row *
conform_row(enum conform_rule rule)
{
	static const struct conform_row rows[CONFORM_RULES] = {
#define NONE SEVERITY_NONE
#define WARN SEVERITY_WARN
#define FAIL SEVERITY_FAIL
#define RULE(id, name_, relaxed, standard, regulated, aem_, text_)                                 \
	{.name = name_,                                                                            \
	    .text = text_,                                                                         \
	    .severity = {SEVERITY_NONE, relaxed, standard, regulated},                             \
	    .aem = aem_},
#include "answer/conform.def"
#undef RULE
#undef NONE
#undef WARN
#undef FAIL
	};

	must(rule < CONFORM_RULES);
	return &rows[rule];
}

enum conform_result
conform_result(
    enum conform_rule rule, const struct conform_finding *finding, enum policy_profile profile)
{
	enum conform_severity severity = conform_row(rule)->severity[profile];

	if (severity == SEVERITY_NONE)
		return CONFORM_NOT_ASKED;
	if (finding->count == 0)
		return CONFORM_PASS;
	return severity == SEVERITY_FAIL ? CONFORM_FAIL : CONFORM_WARN;
}

const char *
conform_result_text(enum conform_result result)
{
	static const char *const texts[] = {"", "pass", "warn", "fail"};

	must(result <= CONFORM_FAIL);
	return texts[result];
}

uint64_t
conform_aem_missing(const struct conform_finding *findings, unsigned level)
{
	uint64_t missing = 0;

	for (unsigned r = 0; r < CONFORM_RULES; r++)
		if (conform_row((enum conform_rule)r)->aem <= level && findings[r].count > 0)
			missing |= UINT64_C(1) << r;
	return missing;
}

void
conform_find(struct conforming *c, enum conform_rule rule, uint32_t first)
{
	struct conform_finding *f = &c->findings[rule];

	f->count++;
	if (first < f->first)
		f->first = first;
}

/* ---- one workflow ---- */

/* What the policy in force at the size says of the log, and so of each of its workflows. */
static void
check_policy(struct conforming *c)
{
	const struct policy_doc *doc =
	    c->v->size == 0 ? policy_doc_default() : fact_doc(c->v, c->v->size - 1);

	if (doc->retention_s < CONFORM_RETENTION_S)
		conform_find(c, CONFORM_RETENTION, FACTS_NONE);
}

/* 'c' has what is asked; its budget's arena is scratch. */
static enum rc
judge(struct conforming *c, struct why *why)
{
	enum rc rc;

	c->complete = true;
	for (size_t r = 0; r < CONFORM_RULES; r++)
		c->findings[r].first = FACTS_NONE;
	c->at = facts_workflow(c->v, c->wid, c->budget->arena, &c->count);
	if (c->at == NULL)
		return RC_NO_MEMORY;
	if (c->count > c->budget->nodes_max) {
		c->count = c->budget->nodes_max;
		c->complete = false;
	}
	if ((c->covered = arena_zalloc(c->budget->arena, c->count)) == NULL)
		return RC_NO_MEMORY;
	check_policy(c);
	for (size_t i = 0; i < c->count; i++)
		rests_add(c->rests, c->at[i]);
	if ((rc = conform_entries(c)) != RC_OK)
		return rc;
	return conform_others(c, why);
}

static unsigned
aem_level(const struct conforming *c)
{
	unsigned level = CONFORM_AEM_MAX;

	if (c->count == 0 || !c->complete)
		return 0; /* nothing there that could be shown */
	while (level > 0 && conform_aem_missing(c->findings, level) != 0)
		level--;
	return level;
}

static bool
any_fails(const struct conform_finding *findings, enum policy_profile profile)
{
	for (unsigned r = 0; r < CONFORM_RULES; r++)
		if (conform_result((enum conform_rule)r, &findings[r], profile) == CONFORM_FAIL)
			return true;
	return false;
}

static enum policy_profile
profile_of(const struct facts_view *v, enum policy_profile asked)
{
	if (asked != PROFILE_NONE)
		return asked;
	if (v->size > 0 && fact_doc(v, v->size - 1)->profile != PROFILE_NONE)
		return fact_doc(v, v->size - 1)->profile;
	return PROFILE_STANDARD;
}

enum rc
answer_conform(const struct facts_view *v, const struct conform_ask *ask,
    const struct budget *budget, struct conform_answer *out, struct why *why)
{
	struct arena scratch;
	struct budget own = *budget;
	struct lifecycle life;
	struct rests rests;
	struct conforming c = {
	    .v = v, .ask = ask, .budget = &own, .life = &life, .wid = ask->wid, .rests = &rests};
	enum rc rc;

	*out =
	    (struct conform_answer){.tree_size = v->size, .profile = profile_of(v, ask->profile)};
	rests_init(&rests, budget->arena);
	arena_init(&scratch, SCRATCH_MAX);
	own.arena = &scratch;
	if ((rc = lifecycle_read(v, &own, &life, why)) != RC_OK ||
	    (rc = trust_book_open(v, &own, &c.trust)) != RC_OK || (rc = judge(&c, why)) != RC_OK)
		goto out;
	if (!rests_end(&rests)) {
		rc = RC_NO_MEMORY;
		goto out;
	}
	out->complete = c.complete && life.complete;
	memcpy(out->findings, c.findings, sizeof(out->findings));
	out->conforms = out->complete && !any_fails(c.findings, out->profile);
	out->entries = c.count;
	out->aem_level = aem_level(&c);
	out->level_1 = c.level_1;
	out->level_3 = c.level_3;
	out->rests_on = rests.items;
	out->rests_on_count = rests.count;

out:
	arena_release(&scratch);
	return rc;
}

/* ---- many ---- */

static void
add_findings(struct conform_finding *to, const struct conform_finding *from)
{
	for (unsigned r = 0; r < CONFORM_RULES; r++) {
		if (r == CONFORM_RETENTION)
			to[r].count = from[r].count; /* the log's own */
		else
			to[r].count += from[r].count;
		if (from[r].first < to[r].first)
			to[r].first = from[r].first;
	}
}

static struct conform_workflow
row_of(const struct conforming *c, enum policy_profile profile)
{
	struct conform_workflow row = {.wid = c->wid,
	    .complete = c->complete,
	    .entries = c->count,
	    .worst = CONFORM_RULES,
	    .aem_level = aem_level(c)};
	enum conform_result worst = CONFORM_PASS;

	for (unsigned r = 0; r < CONFORM_RULES; r++) {
		enum conform_result result =
		    conform_result((enum conform_rule)r, &c->findings[r], profile);

		row.fails += result == CONFORM_FAIL;
		row.warns += result == CONFORM_WARN;
		if (result > worst) {
			worst = result;
			row.worst = (enum conform_rule)r;
		}
	}
	row.conforms = row.complete && row.fails == 0;
	return row;
}

static void
add_row(struct conform_log_answer *out, struct conform_workflow *rows, const struct conforming *c)
{
	struct conform_workflow row = row_of(c, out->profile);

	if (out->row_count == 0 || row.aem_level < out->aem_level)
		out->aem_level = row.aem_level;
	rows[out->row_count++] = row;
	add_findings(out->findings, c->findings);
	out->conforms = out->conforms && row.conforms;
	out->complete = out->complete && row.complete;
	out->level_1 += c->level_1;
	out->level_3 += c->level_3;
}

/* Judge workflows from ask->offset on until the page is full or the budget used up, but one at least. */
static enum rc
judge_page(const struct facts_view *v, const struct conform_ask *ask, const struct budget *budget,
    const struct lifecycle *life, struct rests *rests, struct conform_workflow *rows,
    struct conform_log_answer *out, struct why *why)
{
	uint32_t named = facts_count(v, FACTS_WID);
	uint64_t at = ask->offset, nodes = 0;
	struct arena scratch;
	struct budget own = *budget;
	enum rc rc = RC_OK;

	arena_init(&scratch, SCRATCH_MAX);
	own.arena = &scratch;
	for (; rc == RC_OK && at < out->workflows && out->row_count < ask->limit; at++) {
		struct conforming c = {.v = v,
		    .ask = ask,
		    .budget = &own,
		    .life = life,
		    .rests = rests,
		    .wid = at < named ? (uint32_t)at : FACTS_NONE};

		if (out->row_count > 0 && (nodes >= budget->nodes_max || budget_late(budget)))
			break;
		arena_reset(&scratch);
		if ((rc = trust_book_open(v, &own, &c.trust)) == RC_OK &&
		    (rc = judge(&c, why)) == RC_OK)
			add_row(out, rows, &c);
		nodes += c.count;
	}
	if (rc == RC_OK && at < out->workflows) {
		out->next = at;
		out->complete = false;
	}
	arena_release(&scratch);
	return rc;
}

enum rc
answer_conform_log(const struct facts_view *v, const struct conform_ask *ask,
    const struct budget *budget, struct conform_log_answer *out, struct why *why)
{
	struct rests rests;
	struct conform_workflow *rows;
	struct lifecycle life;
	uint64_t left;
	enum rc rc;

	must(ask->limit > 0);
	rests_init(&rests, budget->arena);
	*out = (struct conform_log_answer){.tree_size = v->size,
	    .complete = true,
	    .profile = profile_of(v, ask->profile),
	    .conforms = true};
	for (size_t r = 0; r < CONFORM_RULES; r++)
		out->findings[r].first = FACTS_NONE;
	out->workflows =
	    facts_count(v, FACTS_WID) + (facts_workflow_last(v, FACTS_NONE) != FACTS_NONE);
	left = out->workflows > ask->offset ? out->workflows - ask->offset : 0;
	left = left < ask->limit ? left : ask->limit;
	if ((rows = arena_alloc(budget->arena, left * sizeof(*rows))) == NULL)
		return RC_NO_MEMORY;
	out->rows = rows;
	if ((rc = lifecycle_read(v, budget, &life, why)) != RC_OK)
		return rc;
	out->complete = life.complete;
	if ((rc = judge_page(v, ask, budget, &life, &rests, rows, out, why)) != RC_OK)
		return rc;
	if (!rests_end(&rests))
		return RC_NO_MEMORY;
	out->conforms = out->conforms && life.complete;
	out->rests_on = rests.items;
	out->rests_on_count = rests.count;
	return RC_OK;
}
