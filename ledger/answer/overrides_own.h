/*
 * overrides_own.h - one question about overrides while it is answered.  Private to answer/override*.c.
 */
#ifndef ANSWER_OVERRIDES_OWN_H
#define ANSWER_OVERRIDES_OWN_H

#include "answer/overrides.h"
#include "answer/oversight.h"

/* An override; it may take its targets from one before it. */
struct command {
	uint32_t index, escalates, release;
	uint32_t flags;
	uint8_t level; /* enum override_code; 0: unknown */
	bool read, effective;
	bool
	    inherits; /* it has the targets of the one that it escalates, and they are not known yet */
	enum override_scope scope;
	struct index_list tasks,
	    agents;	   /* ascending; may be shared with the override that it escalates */
	int64_t ack_by_ms; /* 0: none */
};

struct overrides {
	const struct facts_view *v;
	const struct overrides_question *q;
	struct meter meter;
	struct arena scratch, record;
	struct command *commands; /* all of the log, ascending */
	size_t count;
	/* Entries that were reached from the targets, as bits. */
	uint64_t *reach;
	size_t reach_words;
};

/* Find every override of the log.  False: no memory or no time (o->meter). */
bool overrides_read(struct overrides *o);
/* Read this one.  False: as above. */
bool command_need(struct overrides *o, struct command *c);
/* As an acknowledgment says it, seconds since 1970; 0: it does not, or the record is none. */
int64_t override_effective_at(struct overrides *o, uint32_t index);
/* Does an acknowledgment or release rest on no override? */
bool override_is_stray(const struct overrides *o, uint32_t reply);
/* Work done in spite of it, ascending; of the question's workflow only where there is one. */
bool override_breaches(struct overrides *o, const struct command *c, struct index_list *out);
/* Acknowledgments and releases into the item.  The answer's memory is the budget's arena. */
bool override_replies(struct overrides *o, const struct command *c, struct override_item *item);
/* Does it belong to the workflow: given in it; or with an effect, and naming a task of it, or an agent in the whole log? */
bool override_reaches(const struct overrides *o, const struct command *c, uint32_t wid);

#endif
