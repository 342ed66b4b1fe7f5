/*
 * admin.c - Admin/Stats and Admin/Limits (reader thread): every counter, and every limit with its
 * value, the server's and those of the log that was asked.
 */
#include <string.h>

#include "base/must.h"
#include "serve/call.h"

#define LOG_COUNTERS 9 /* of each log, beside the registry's */

static bool
counter(struct arena *arena, Ectledger__V1__Counter **out, const char *name, const char *label,
    double value)
{
	Ectledger__V1__Counter *c = arena_alloc(arena, sizeof *c);

	if (c == NULL)
		return false;
	ectledger__v1__counter__init(c);
	c->name = label != NULL ? arena_printf(arena, "%s{%s}", name, label)
				: arena_printf(arena, "%s", name);
	c->value = value;
	*out = c;
	return c->name != NULL;
}

/* How many entries the log has of a sequence that is all of one kind; 0: none, or not to be had. */
static uint64_t
sequence_count(const struct hall_log *log, enum index_seq kind)
{
	const struct index_seq_key key = {.kind = kind};
	struct index_seq_head head = {0};
	struct index_view *v = NULL;

	if (index_view_begin(ledger_index(log->ledger), ledger_published(log->ledger), &v) != RC_OK)
		return 0;
	if (index_seq(v, &key, &head) != RC_OK)
		head.count = 0;
	index_view_end(v);
	return head.count;
}

static bool
log_counters(struct arena *arena, const struct hall_log *log, Ectledger__V1__Counter **out)
{
	struct store_usage usage = {0};
	const char *label = arena_printf(arena, "log=\"%s\"", log->name);

	if (label == NULL)
		return false;
	store_usage(ledger_store(log->ledger), &usage);
	return counter(arena, &out[0], "ectledger_log_entries", label,
		   (double)ledger_published(log->ledger)) &&
	       counter(arena, &out[1], "ectledger_log_bytes", label, (double)usage.log_bytes) &&
	       counter(arena, &out[2], "ectledger_index_bytes", label, (double)usage.index_bytes) &&
	       counter(arena, &out[3], "ectledger_free_bytes", label, (double)usage.free_bytes) &&
	       counter(arena, &out[4], "ectledger_log_stopped", label,
		   ledger_stopped(log->ledger) ? 1 : 0) &&
	       counter(arena, &out[5], "ectledger_log_waiting", label,
		   (double)atomic_load_explicit(&log->waiting.value, memory_order_relaxed)) &&
	       counter(arena, &out[6], "ectledger_log_key_entries", label,
		   (double)sequence_count(log, INDEX_SEQ_KEYS)) &&
	       counter(arena, &out[7], "ectledger_log_equivocations", label,
		   (double)sequence_count(log, INDEX_SEQ_EQUIVOCATIONS)) &&
	       counter(arena, &out[8], "ectledger_log_trust_behind", label,
		   atomic_load(&log->trust_state->owed) ? 1 : 0);
}

enum rc
stats_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	Ectledger__V1__StatsReply reply = ECTLEDGER__V1__STATS_REPLY__INIT;
	struct serve *s = call->serve;
	const struct metrics *m = s->options.metrics;
	size_t fixed = metrics_count(m), count = fixed + s->log_count * LOG_COUNTERS;
	Ectledger__V1__Counter **list = arena_alloc(&call->arena, count * sizeof *list);
	bool fits = list != NULL;

	(void)request;
	for (size_t i = 0; fits && i < fixed; i++) {
		const struct metric *c = metrics_at(m, i);

		fits = counter(&call->arena, &list[i], c->name, c->label,
		    (double)atomic_load_explicit(&c->value, memory_order_relaxed));
	}
	for (size_t i = 0; fits && i < s->log_count; i++)
		fits = log_counters(&call->arena, &s->logs[i], list + fixed + i * LOG_COUNTERS);
	if (!fits)
		return why_set(
		    why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
	reply.counters = list;
	reply.n_counters = count;
	return call_reply(call, &reply.base, why);
}

static bool
add_limits(
    struct arena *arena, const struct policy_limit *from, size_t count, Ectledger__V1__Limit **out)
{
	for (size_t i = 0; i < count; i++) {
		Ectledger__V1__Limit *l = arena_alloc(arena, sizeof *l);

		if (l == NULL)
			return false;
		ectledger__v1__limit__init(l);
		l->name = pb_string(arena, bytes_str(from[i].name));
		l->unit = pb_string(arena, bytes_str(from[i].unit));
		l->text = pb_string(arena, bytes_str(from[i].text));
		l->value = from[i].value;
		if (l->name == NULL || l->unit == NULL || l->text == NULL)
			return false;
		out[i] = l;
	}
	return true;
}

enum rc
limits_answer(struct call *call, const ProtobufCMessage *request, struct why *why)
{
	Ectledger__V1__LimitsReply reply = ECTLEDGER__V1__LIMITS_REPLY__INIT;
	const struct serve_options *o = &call->serve->options;
	struct policy_limit rules[POLICY_RULE_LIMITS_MAX];
	size_t fixed = 0, ruled = policy_rule_limits(ledger_rules(call->log->ledger), rules);
	const struct policy_limit *limits = policy_limits(&fixed);
	size_t count = fixed + o->limit_count + ruled;
	Ectledger__V1__Limit **list = arena_alloc(&call->arena, (count + 1) * sizeof *list);

	(void)request;
	if (list == NULL || !add_limits(&call->arena, limits, fixed, list) ||
	    !add_limits(&call->arena, rules, ruled, list + fixed) ||
	    !add_limits(&call->arena, o->limits, o->limit_count, list + fixed + ruled))
		return why_set(
		    why, RC_NO_MEMORY, "query_bytes_max", NULL, 0, "no room for the answer");
	reply.limits = list;
	reply.n_limits = count;
	return call_reply(call, &reply.base, why);
}
