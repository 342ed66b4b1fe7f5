/*
 * metric.h - counters that any thread may bump and one reader prints.  A registry is made in main,
 * so no globals.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct metric {
	const char *name;   /* Prometheus name, "ectledger_..." ; static */
	const char *label;  /* e.g. "code=\"bad_token\"", or NULL; static */
	const char *help;   /* static */
	_Atomic uint64_t value;
};

struct metrics;
struct metrics *metrics_new(size_t max); /* NULL: out of memory */
void metrics_free(struct metrics *m);
/* Add a counter; before threads start.  Gives a pointer that lives as long as the registry.  NULL
 * registry: a pointer to nowhere useful is never given, so callers pass a real one. */
struct metric *metrics_add(struct metrics *m, const char *name, const char *label, const char *help);
void metric_add(struct metric *c, uint64_t n); /* NULL is fine */
void metric_set(struct metric *c, uint64_t n); /* gauges; NULL is fine */
size_t metrics_count(const struct metrics *m);
const struct metric *metrics_at(const struct metrics *m, size_t i);

#endif
