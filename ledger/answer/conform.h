/*
 * conform.h - does a workflow, or a log, meet the relaxed, standard or regulated profile, and where not?
 * docs/CONFORMANCE.md is the specification.
 *
 * Findings are made once and do not depend on the profile; the table of rules (conform.def) says how
 * much each profile minds them.  AEM levels (0 to 3) and ECT levels (L1 to L3) are told side by side and
 * are never mixed.
 */
#ifndef ANSWER_CONFORM_H
#define ANSWER_CONFORM_H

#include "base/budget.h"
#include "facts/facts.h"

enum conform_rule {
#define RULE(id, name, relaxed, standard, regulated, aem, text) CONFORM_##id,
#include "answer/conform.def"
#undef RULE
	CONFORM_RULES
};

enum conform_severity { SEVERITY_NONE, SEVERITY_WARN, SEVERITY_FAIL };

struct conform_row {
	const char *name, *text;
	enum conform_severity severity[4]; /* by enum policy_profile */
	unsigned aem;			   /* the level that demands it */
};
const struct conform_row *conform_row(enum conform_rule rule);

/* Of the keys the facts know thumbprints alone; whether one was in doubt is asked of the log's key history.
 * Must be a function of the view.  NULL 'doubtful': none was. */
struct conform_keys {
	bool (*doubtful)(void *ctx, uint32_t index, const struct fact *entry);
	void *ctx;
};

struct conform_ask {
	enum policy_profile
	    profile; /* PROFILE_NONE: the policy's in force at the size, else standard */
	const struct conform_keys *keys; /* NULL: none was in doubt */
	/* answer_conform() */
	uint32_t wid; /* number; FACTS_NONE: the tasks of no workflow */
	/* answer_conform_log() */
	uint64_t offset; /* workflows that were told already */
	size_t limit;	 /* of workflows on this page, at least 1 */
};

struct conform_finding {
	uint64_t count; /* how often the rule is broken */
	uint32_t first; /* smallest entry that breaks it; FACTS_NONE: none, or no entry */
};

#define CONFORM_AEM_MAX 3

struct conform_answer {
	uint64_t tree_size;
	bool complete; /* false: the budget was used up; findings are those that were made */
	enum policy_profile profile;
	bool conforms; /* complete, and no rule with a finding fails */
	struct conform_finding findings[CONFORM_RULES];
	uint64_t entries; /* of the workflow */
	unsigned aem_level;
	uint64_t level_1, level_2, level_3; /* entries by ECT level; docs/CONFORMANCE.md */
	const uint64_t *rests_on;	    /* ascending */
	size_t rests_on_count;
};
/* Memory from budget->arena. */
enum rc answer_conform(const struct facts_view *v, const struct conform_ask *ask,
    const struct budget *budget, struct conform_answer *out, struct why *why);

struct conform_workflow {
	uint32_t wid; /* number; FACTS_NONE: the tasks of no workflow */
	bool conforms, complete;
	uint64_t entries;
	unsigned fails, warns; /* rules */
	enum conform_rule
	    worst; /* first failing rule, else first that warns; CONFORM_RULES: none */
	unsigned aem_level;
};

struct conform_log_answer {
	uint64_t tree_size;
	bool complete; /* false: more workflows follow, or one of the page was not judged whole */
	enum policy_profile profile;
	bool conforms; /* every workflow of the page */
	struct conform_finding
	    findings[CONFORM_RULES]; /* of the page; rules about the log count once */
	const struct conform_workflow
	    *rows; /* in the order of their first entries, "no workflow" last */
	size_t row_count;
	uint64_t workflows; /* of the log, "no workflow" included when it has tasks */
	uint64_t next;	    /* offset of the next page; 0: that was all */
	unsigned aem_level; /* the least of the page */
	uint64_t level_1, level_2, level_3;
	const uint64_t *rests_on;
	size_t rests_on_count;
};
enum rc answer_conform_log(const struct facts_view *v, const struct conform_ask *ask,
    const struct budget *budget, struct conform_log_answer *out, struct why *why);

enum conform_result { CONFORM_NOT_ASKED, CONFORM_PASS, CONFORM_WARN, CONFORM_FAIL };
enum conform_result conform_result(
    enum conform_rule rule, const struct conform_finding *finding, enum policy_profile profile);
const char *conform_result_text(enum conform_result result); /* "pass", ... */
/* Rules with findings that keep a workflow from this AEM level, as bits. */
uint64_t conform_aem_missing(const struct conform_finding *findings, unsigned level);

#endif
