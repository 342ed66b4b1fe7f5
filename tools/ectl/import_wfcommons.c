/*
 * import_wfcommons.c - executed scientific workflows in WfFormat 1.5.
 *
 * Each task becomes a task of its program's identity (the task's name without its number), with the
 * parents as given.  inp_hash and out_hash are SHA-256 over one line "id TAB size LF" per input or
 * output file, in the order of the file ("-" for an unknown size): the trace holds no contents, and
 * the names and sizes are what can be recomputed from it.
 *
 * A trace lists tasks in any order; they are signed in Kahn's order, so a parent always comes
 * first.  The ledger takes 100 predecessors; a task with more gets tasks "join" by the identity
 * "importer" between it and its parents, as few as fit, and the output counts them.  No other task
 * is invented.
 *
 * Times: a trace has run times, not clock times.  By default every task is dated now.  With
 * --shift-now each task ends when its parents have ended and its own run time has passed, and the
 * last one ends now; a ledger that refuses old tokens will want a deferred log for that.
 */
#include "import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/must.h"

#define FILE_SIZE_MAX (1024UL * 1024 * 1024)
#define TASKS_MAX     1000000
#define PRED_MAX      100 /* the ledger's limit */
#define ACT_MAX	      256
#define IMPORTER      "importer"
#define RUNTIME_S_MAX 1e9

struct task {
	const json_t *o; /* in specification.tasks */
	const char *id;
	char program[ACT_MAX + 1];
	size_t parents_at, parents; /* a run of trace.parent */
	size_t children_at, children;
	size_t waits; /* parents not yet signed */
	double runtime_s, end_s;
	char jti[IMPORT_JTI_SIZE];
};

struct trace {
	json_t *root;
	json_t *sizes; /* file id -> size */
	const char *name;
	struct task *tasks;
	size_t count;
	size_t *parent, *child; /* edges, grouped by child and by parent */
	size_t edges;
	size_t *order; /* Kahn's */
	double makespan_s;
	int64_t now_s;
	char wid[IMPORT_JTI_SIZE];
};

static void
trace_release(struct trace *t)
{
	json_decref(t->root);
	json_decref(t->sizes);
	free(t->tasks);
	free(t->parent);
	free(t->child);
	free(t->order);
}

/* ---- reading ---- */

/* "blastall_ID000002", "cpuhog_forkjoin_00000002" -> without the number. */
static void
program_of(const char *name, char out[ACT_MAX + 1])
{
	size_t n = strlen(name), digits = n;

	while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9')
		digits--;
	if (digits < n && digits >= 3 && memcmp(name + digits - 3, "_ID", 3) == 0)
		n = digits - 3;
	else if (digits < n && digits >= 1 && name[digits - 1] == '_')
		n = digits - 1;
	if (n == 0)
		n = strlen(name);
	if (n > ACT_MAX)
		n = ACT_MAX;
	memcpy(out, name, n);
	out[n] = '\0';
}

static int
sizes_read(struct trace *t, const json_t *files)
{
	size_t i;
	json_t *file;

	if ((t->sizes = json_object()) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	json_array_foreach((json_t *)files, i, file)
	{
		const char *id = json_string_value(json_object_get(file, "id"));
		json_t *size = json_object_get(file, "sizeInBytes");

		if (id == NULL)
			return fail(EXIT_USAGE, "file %zu of the trace has no id", i);
		if (json_is_integer(size) && json_object_set(t->sizes, id, size) != 0)
			return fail(EXIT_USAGE, "out of memory");
	}
	return 0;
}

static int
tasks_read(struct trace *t, const json_t *list, json_t *by_id)
{
	if ((t->tasks = calloc(t->count, sizeof *t->tasks)) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	for (size_t i = 0; i < t->count; i++) {
		struct task *task = &t->tasks[i];
		const char *name;

		task->o = json_array_get(list, i);
		task->id = json_string_value(json_object_get(task->o, "id"));
		name = json_string_value(json_object_get(task->o, "name"));
		if (task->id == NULL || task->id[0] == '\0')
			return fail(EXIT_USAGE, "task %zu of the trace has no id", i);
		if (json_object_get(by_id, task->id) != NULL)
			return fail(EXIT_USAGE, "two tasks have the id %s", task->id);
		if (json_object_set_new(by_id, task->id, json_integer((json_int_t)i)) != 0)
			return fail(EXIT_USAGE, "out of memory");
		program_of(name != NULL && name[0] != '\0' ? name : task->id, task->program);
		task->parents = json_array_size(json_object_get(task->o, "parents"));
		t->edges += task->parents;
	}
	return 0;
}

/* Resolve parents to task numbers, a doubled one once. */
static int
parents_read(struct trace *t, const json_t *by_id)
{
	size_t *seen =
	    calloc(t->count, sizeof *seen); /* number of the last child that named it, plus 1 */
	size_t at = 0;
	int rc = 0;

	t->parent = calloc(t->edges + 1, sizeof *t->parent);
	if (seen == NULL || t->parent == NULL)
		rc = fail(EXIT_USAGE, "out of memory");
	for (size_t i = 0; i < t->count && rc == 0; i++) {
		struct task *task = &t->tasks[i];
		const json_t *list = json_object_get(task->o, "parents");

		task->parents_at = at;
		for (size_t k = 0; k < json_array_size(list) && rc == 0; k++) {
			const char *id = json_string_value(json_array_get(list, k));
			const json_t *number = id != NULL ? json_object_get(by_id, id) : NULL;
			size_t p;

			if (number == NULL) {
				rc = fail(EXIT_USAGE,
				    "task %s names a parent that is not in the trace", task->id);
				break;
			}
			p = (size_t)json_integer_value(number);
			if (seen[p] == i + 1)
				continue;
			seen[p] = i + 1;
			t->parent[at++] = p;
			t->tasks[p].children++;
		}
		task->parents = task->waits = at - task->parents_at;
	}
	t->edges = at;
	free(seen);
	return rc;
}

static int
children_link(struct trace *t)
{
	size_t at = 0;

	if ((t->child = calloc(t->edges + 1, sizeof *t->child)) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	for (size_t i = 0; i < t->count; i++) {
		t->tasks[i].children_at = at;
		at += t->tasks[i].children;
		t->tasks[i].children = 0;
	}
	for (size_t i = 0; i < t->count; i++)
		for (size_t k = 0; k < t->tasks[i].parents; k++) {
			struct task *p = &t->tasks[t->parent[t->tasks[i].parents_at + k]];

			t->child[p->children_at + p->children++] = i;
		}
	return 0;
}

/* Run times by id; a task without one took no time. */
static void
runtimes_read(struct trace *t, const json_t *list, const json_t *by_id)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const char *id = json_string_value(json_object_get(o, "id"));
		const json_t *number = id != NULL ? json_object_get(by_id, id) : NULL;
		const double s = json_number_value(json_object_get(o, "runtimeInSeconds"));

		if (number != NULL && isfinite(s) && s > 0 && s < RUNTIME_S_MAX)
			t->tasks[json_integer_value(number)].runtime_s = s;
	}
}

/* Kahn: parents before children; times on the way. */
static int
order_make(struct trace *t)
{
	size_t done = 0, ready = 0;

	if ((t->order = calloc(t->count, sizeof *t->order)) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	for (size_t i = 0; i < t->count; i++)
		if (t->tasks[i].waits == 0)
			t->order[ready++] = i;
	while (done < ready) {
		struct task *task = &t->tasks[t->order[done++]];

		for (size_t k = 0; k < task->parents; k++)
			task->end_s =
			    fmax(task->end_s, t->tasks[t->parent[task->parents_at + k]].end_s);
		task->end_s += task->runtime_s;
		t->makespan_s = fmax(t->makespan_s, task->end_s);
		for (size_t k = 0; k < task->children; k++) {
			const size_t c = t->child[task->children_at + k];

			must(t->tasks[c].waits > 0);
			if (--t->tasks[c].waits == 0)
				t->order[ready++] = c;
		}
	}
	return done == t->count ? 0
				: fail(EXIT_USAGE, "the trace has a cycle; a workflow has none");
}

static int
trace_read(struct trace *t)
{
	const json_t *flow = json_object_get(t->root, "workflow");
	const json_t *spec = json_object_get(flow, "specification");
	const json_t *list = json_object_get(spec, "tasks");
	json_t *by_id = json_object();
	int rc;

	t->name = json_string_value(json_object_get(t->root, "name"));
	t->count = json_array_size(list);
	if (by_id == NULL)
		return fail(EXIT_USAGE, "out of memory");
	if (t->count == 0 || t->count > TASKS_MAX)
		rc = fail(EXIT_USAGE,
		    "no list workflow.specification.tasks of 1 to %d tasks: not WfFormat 1.5",
		    TASKS_MAX);
	else if ((rc = sizes_read(t, json_object_get(spec, "files"))) == 0 &&
		 (rc = tasks_read(t, list, by_id)) == 0 && (rc = parents_read(t, by_id)) == 0 &&
		 (rc = children_link(t)) == 0) {
		runtimes_read(
		    t, json_object_get(json_object_get(flow, "execution"), "tasks"), by_id);
		rc = order_make(t);
	}
	json_decref(by_id);
	return rc;
}

/* ---- signing ---- */

/* The hash over a task's files; NULL when it has none, or there is no memory ('*bad'). */
static const char *
files_hash(const struct trace *t, const json_t *list, char out[IMPORT_HASH_SIZE], bool *bad)
{
	struct buf b;

	if (json_array_size(list) == 0)
		return NULL;
	buf_init(&b, 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = json_string_value(json_array_get(list, i));
		const json_t *size = id != NULL ? json_object_get(t->sizes, id) : NULL;

		buf_add_str(&b, id != NULL ? id : "");
		if (size != NULL)
			buf_addf(&b, "\t%lld\n", (long long)json_integer_value(size));
		else
			buf_add_str(&b, "\t-\n");
	}
	*bad = *bad || b.bad;
	import_hash(b.p, b.n, out);
	buf_release(&b);
	return out;
}

static void
date(const struct import *im, const struct trace *t, const struct task *task,
    struct token_spec *spec)
{
	int64_t ago = 0;

	if (im->shift_now)
		ago = (int64_t)(t->makespan_s - task->end_s);
	spec->iat = t->now_s - ago;
	spec->ttl_s = 600 + ago;
}

/* Replace too many predecessors by joins, in place, until they fit. */
static int
join(struct import *im, struct token_spec *spec, const char **pred, char (*room)[IMPORT_JTI_SIZE])
{
	const struct private_key *k = NULL;
	size_t made = 0;
	int rc;

	if ((rc = import_identity(im, IMPORTER, &k)) != 0)
		return rc;
	while (spec->pred_count > PRED_MAX) {
		size_t groups = (spec->pred_count + PRED_MAX - 1) / PRED_MAX;

		for (size_t g = 0; g < groups; g++) {
			const size_t from = g * PRED_MAX, left = spec->pred_count - from;
			struct token_spec s = {.act = "join",
			    .wid = spec->wid,
			    .pred = pred + from,
			    .pred_count = left < PRED_MAX ? left : PRED_MAX,
			    .iat = spec->iat,
			    .ttl_s = spec->ttl_s,
			    .revision = 1};

			if ((rc = import_token(im, k, &s, room[made])) != 0)
				return rc;
			pred[g] = room[made++]; /* slot g was read: g <= from */
			im->joins++;
		}
		spec->pred_count = groups;
	}
	return 0;
}

static char *
extension(const struct trace *t, const struct task *task)
{
	json_t *o = json_pack("{ss sI ss*}", "task", task->id, "exec_time_ms",
	    (json_int_t)(task->runtime_s * 1000.0), "workflow", t->name);
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

static int
task_sign(struct import *im, struct trace *t, struct task *task)
{
	const char **pred = calloc(task->parents + 1, sizeof *pred);
	/*
	 * Joins of n parents: n/100 + n/10000 + ... and one each for the rounding, below n/50 + 8.
	 */
	char(*room)[IMPORT_JTI_SIZE] = calloc(task->parents / 50 + 8, sizeof *room);
	char inp[IMPORT_HASH_SIZE], out[IMPORT_HASH_SIZE], *ext = extension(t, task);
	struct token_spec spec = {.act = task->program,
	    .revision = 1,
	    .wid = t->wid,
	    .pred = pred,
	    .pred_count = task->parents,
	    .ext = ext};
	const struct private_key *k = NULL;
	bool bad = pred == NULL || room == NULL || ext == NULL;
	int rc = 0;

	spec.inp_hash = files_hash(t, json_object_get(task->o, "inputFiles"), inp, &bad);
	spec.out_hash = files_hash(t, json_object_get(task->o, "outputFiles"), out, &bad);
	date(im, t, task, &spec);
	if (bad)
		rc = fail(EXIT_USAGE, "out of memory");
	for (size_t i = 0; i < task->parents && rc == 0; i++)
		pred[i] = t->tasks[t->parent[task->parents_at + i]].jti;
	if (rc == 0 && spec.pred_count > PRED_MAX)
		rc = join(im, &spec, pred, room);
	if (rc == 0 && (rc = import_identity(im, task->program, &k)) == 0)
		rc = import_token(im, k, &spec, task->jti);
	free(ext);
	free(pred);
	free(room);
	return rc;
}

static int
trace_sign(struct import *im, struct trace *t)
{
	json_t *ids = json_object(), *row;
	int rc = 0;

	import_new_uuid(t->wid);
	t->now_s = (int64_t)time(NULL);
	for (size_t i = 0; i < t->count && rc == 0; i++) {
		struct task *task = &t->tasks[t->order[i]];

		rc = task_sign(im, t, task);
		if (rc == 0 && json_object_set_new(ids, task->id, json_string(task->jti)) != 0)
			rc = fail(EXIT_USAGE, "out of memory");
	}
	if (rc != 0) {
		json_decref(ids);
		return rc;
	}
	im->workflows++;
	row = json_pack("{ss* ss so}", "workflow", t->name, "wid", t->wid, "tasks", ids);
	return json_array_append_new(im->map, row) == 0 ? 0 : fail(EXIT_USAGE, "out of memory");
}

int
import_wfcommons(struct import *im, const char *path)
{
	struct trace t = {0};
	uint8_t *text = NULL;
	json_error_t error;
	size_t n = 0;
	int rc;

	if (!read_file(path, FILE_SIZE_MAX, &text, &n))
		return fail(EXIT_USAGE, "cannot read %s", path);
	t.root = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, &error);
	free(text);
	if (t.root == NULL)
		rc = fail(EXIT_USAGE, "%s, line %d: %s", path, error.line, error.text);
	else if ((rc = trace_read(&t)) == 0)
		rc = trace_sign(im, &t);
	trace_release(&t);
	return rc;
}
