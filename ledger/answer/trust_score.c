/*
 * trust_score.c - the replay of outcomes, and the three models over it.
 *
 * AIMD goes through the outcomes in the order of the log; between two of them, and from the last to
 * the tree's time, the score moves back to where it began.  Beta and Wilson need the sums alone.
 *
 * A replay can go on at a larger size as long as no outcome that is in it has been overtaken by a
 * worse one of the same rater; else it begins anew.
 */
#include "answer/trust_score.h"

struct trust_terms
trust_terms_at(const struct facts_view *v, uint32_t size)
{
	const struct policy_doc *doc = size == 0 ? policy_doc_default() : fact_doc(v, size - 1);

	return (struct trust_terms){.doc = doc,
	    .model = doc->trust.model,
	    .half_life_s = doc->trust.half_life_s,
	    .from = FACTS_NONE,
	    .act = FACTS_NONE,
	    .now_ms = size == 0 ? 0 : fact(v, size - 1)->received_ms,
	    .size = size};
}

static uint64_t
age(uint64_t now_ms, uint64_t then_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

static uint32_t
factor_of(const struct policy_doc *doc, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_MINOR:
		return doc->trust.minor_e6;
	case OUTCOME_VIOLATION:
		return doc->trust.violation_e6;
	default:
		return doc->trust.major_e6;
	}
}

/* One outcome that counts. */
static void
replay(const struct trust_terms *t, struct trust_run *run, const struct outcome_item *item,
    uint64_t at_ms)
{
	uint64_t start = fixed_from_e6(t->doc->trust.start_e6);

	if (run->positive + run->negative > 0)
		run->s = fixed_toward(
		    run->s, start, fixed_weight(age(at_ms, run->last_ms), t->half_life_s));
	run->last_ms = at_ms;
	if (item->outcome == OUTCOME_GOOD) {
		run->positive++;
		run->s = fixed_up(run->s, t->doc->trust.add_e6);
	} else {
		run->negative++;
		run->s = fixed_down(run->s, factor_of(t->doc, item->outcome));
	}
}

static void
run_from_start(const struct trust_terms *t, struct trust_run *run)
{
	*run = (struct trust_run){.doc = t->doc, .s = fixed_from_e6(t->doc->trust.start_e6)};
}

static void
run_to(const struct facts_view *v, const struct outcome_list *list, const struct trust_terms *t,
    struct trust_run *run)
{
	if (run->doc != t->doc || run->size > t->size)
		run_from_start(t, run);
	for (size_t i = run->next; i < list->count && list->items[i].index < t->size; i++)
		if (list->items[i].worse) {
			run_from_start(t, run);
			break;
		}
	for (; run->next < list->count && list->items[run->next].index < t->size; run->next++) {
		const struct outcome_item *item = &list->items[run->next];

		if (outcome_counts(item, t->size) == OUTCOME_COUNTED && trust_asks(v, t, item))
			replay(t, run, item, fact(v, item->index)->received_ms);
	}
	run->size = t->size;
}

/* Sums of weights, in 10^-9. */
static void
sums(const struct facts_view *v, const struct outcome_list *list, const struct trust_terms *t,
    const struct trust_run *run, uint64_t *positive, uint64_t *negative)
{
	fixed_wide r = 0, s = 0;

	if (t->half_life_s <= 0) {
		*positive = run->positive * FIXED_NANO;
		*negative = run->negative * FIXED_NANO;
		return;
	}
	for (size_t i = 0; i < list->count && list->items[i].index < t->size; i++) {
		const struct outcome_item *item = &list->items[i];
		uint64_t w;

		if (outcome_counts(item, t->size) != OUTCOME_COUNTED || !trust_asks(v, t, item))
			continue;
		w = fixed_weight(age(t->now_ms, fact(v, item->index)->received_ms), t->half_life_s);
		if (item->outcome == OUTCOME_GOOD)
			r += w;
		else
			s += w;
	}
	*positive = fixed_nano(r);
	*negative = fixed_nano(s);
}

static uint32_t
aimd(const struct trust_terms *t, const struct trust_run *run)
{
	uint64_t start = fixed_from_e6(t->doc->trust.start_e6);

	if (run->positive + run->negative == 0)
		return t->doc->trust.start_e6;
	return fixed_e6(fixed_toward(
	    run->s, start, fixed_weight(age(t->now_ms, run->last_ms), t->half_life_s)));
}

/* What does not count is counted as well. */
static void
count_rest(const struct facts_view *v, const struct outcome_list *list, const struct trust_terms *t,
    struct trust_score *out)
{
	for (size_t i = 0; i < list->count && list->items[i].index < t->size; i++) {
		enum outcome_count count = outcome_counts(&list->items[i], t->size);

		if (count == OUTCOME_COUNTED || !trust_asks(v, t, &list->items[i]))
			continue;
		out->self_reports += count == OUTCOME_SELF;
		out->repeated += count == OUTCOME_REPEATED;
		out->unsigned_ += count == OUTCOME_UNSIGNED;
	}
}

void
trust_score(const struct facts_view *v, const struct outcome_list *list,
    const struct trust_terms *terms, struct trust_run *run, struct trust_score *out)
{
	struct trust_run fresh = {0};
	struct fixed_opinion opinion;
	uint64_t r = 0, s = 0;

	*out = (struct trust_score){.model = terms->model, .half_life_s = terms->half_life_s};
	if (run == NULL) {
		run = &fresh;
		count_rest(v, list, terms, out);
	}
	run_to(v, list, terms, run);
	out->positive = run->positive;
	out->negative = run->negative;
	if (run != &fresh && terms->model == MODEL_AIMD) { /* nobody looks at the sums */
		out->score_e6 = aimd(terms, run);
		return;
	}
	sums(v, list, terms, run, &r, &s);
	opinion = fixed_opinion(r, s);
	out->r_e6 = fixed_nano_e6(r);
	out->s_e6 = fixed_nano_e6(s);
	out->belief_e6 = opinion.belief_e6;
	out->disbelief_e6 = opinion.disbelief_e6;
	out->uncertainty_e6 = opinion.uncertainty_e6;
	out->score_e6 = terms->model == MODEL_AIMD   ? aimd(terms, run)
			: terms->model == MODEL_BETA ? fixed_beta_e6(r, s)
						     : fixed_wilson_e6(r, s);
}
