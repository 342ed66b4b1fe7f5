/*
 * fsck.c - ectl fsck DIR: every log of a data folder, examined apart from the server that wrote it.
 *
 * One child process for each log (fsck.h says why it shares nothing; fsck_log.c why it is a
 * process), telling what it finds line by line: a problem, how far it is, at the end the result.  A
 * child that dies is a problem like any other.
 */
#include "fsck.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ectl.h"

struct examination {
	const struct globals *g;
	const struct args *a;
	const char *folder;
	int level;
	volatile uint64_t *reached; /* shared with the child */
	json_t *problems;	    /* of all logs */
	json_t *logs;		    /* results */
};

/* ---- the logs of a folder ---- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t
list_logs(const char *folder, char ***out)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	size_t count = 0, room = 0;
	char **names = NULL;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		char *path;
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		path = fsck_path(folder, e->d_name);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			names = fsck_grow(names, count, &room, sizeof(*names));
			names[count++] = strdup(e->d_name);
		}
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
	if (count > 1)
		qsort(names, count, sizeof(*names), by_name);
	*out = names;
	return count;
}

/* ---- one log ---- */

static _Noreturn void
child(const struct examination *x, const char *log, int level, int to_parent)
{
	static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL};
	const struct rlimit none = {0, 0};
	char *logs = fsck_path(x->folder, "logs");
	struct fsck f = {.log = log,
	    .folder = fsck_path(logs, log),
	    .trust_folder = fsck_path(x->folder, "trust"),
	    .vkey_text = args_get(x->a, "--vkey"),
	    .level = level,
	    .reached = x->reached,
	    .out = fdopen(to_parent, "w")};

	/* To die is an answer here; nobody needs a core or a trace of it. */
	(void)setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		(void)signal(deadly[i], SIG_DFL);
	if (f.out == NULL)
		_exit(FSCK_EXIT_MEMORY);
	fsck_log(&f);
	_exit(fclose(f.out) == 0 ? 0 : FSCK_EXIT_MEMORY);
}

static void
add_problem(struct examination *x, const char *log, json_t *problem)
{
	json_t *row = json_pack("{ss}", "log", log);

	json_object_update(row, problem);
	json_array_append_new(x->problems, row);
}

/* Read what the child tells; the result, or NULL when it came to none. */
static json_t *
listen_to(struct examination *x, const char *log, FILE *from)
{
	json_t *result = NULL, *line, *part;
	char *text = NULL;
	size_t room = 0;

	while (getline(&text, &room, from) > 0) {
		if ((line = json_loads(text, 0, NULL)) == NULL)
			continue;
		if ((part = json_object_get(line, "problem")) != NULL)
			add_problem(x, log, part);
		if ((part = json_object_get(line, "progress")) != NULL)
			progress(x->g, log, (uint64_t)json_integer_value(json_array_get(part, 0)),
			    (uint64_t)json_integer_value(json_array_get(part, 1)));
		if ((part = json_object_get(line, "result")) != NULL) {
			json_decref(result);
			result = json_incref(part);
		}
		json_decref(line);
	}
	free(text);
	return result;
}

/* Run a child to its end: its result, or NULL with how it ended. */
static json_t *
run_child(struct examination *x, const char *log, int level, int *status)
{
	json_t *result = NULL;
	int ends[2];
	FILE *from;
	pid_t pid;

	*x->reached = 0;
	(void)fflush(NULL);
	if (pipe(ends) != 0)
		return NULL;
	if ((pid = fork()) == 0) {
		close(ends[0]);
		child(x, log, level, ends[1]);
	}
	close(ends[1]);
	if ((from = fdopen(ends[0], "r")) == NULL)
		close(ends[0]);
	if (pid > 0 && from != NULL)
		result = listen_to(x, log, from);
	if (from != NULL)
		fclose(from);
	while (pid > 0 && waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return result;
}

static void
describe_death(char *text, size_t room, int status, uint64_t reached)
{
	if (WIFSIGNALED(status))
		snprintf(text, room, "database unreadable (signal %d) after %llu entries were read",
		    WTERMSIG(status), (unsigned long long)reached);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == FSCK_EXIT_MEMORY)
		snprintf(text, room, "not enough memory to examine it");
	else
		snprintf(text, room, "the examination ended early");
}

static void
report_death(struct examination *x, const char *log, const char *what, const char *text)
{
	json_t *problem = json_pack("{ss sn sn ss}", "what", what, "index", "at", "detail", text);

	add_problem(x, log, problem);
	json_decref(problem);
}

static const char *
last_detail(const json_t *problems)
{
	return json_string_value(
	    json_object_get(json_array_get(problems, json_array_size(problems) - 1), "detail"));
}

static void
examine_log(struct examination *x, const char *log)
{
	size_t before = json_array_size(x->problems);
	json_t *result, *row;
	char text[160];
	int status = 0, again = 0;

	if ((result = run_child(x, log, x->level, &status)) != NULL)
		goto out;
	describe_death(text, sizeof(text), status, *x->reached);
	if (x->level == FSCK_LEVEL) {
		if (json_array_size(x->problems) > before && WIFEXITED(status) &&
		    WEXITSTATUS(status) == FSCK_EXIT_TOLD)
			snprintf(text, sizeof(text), "%s", last_detail(x->problems));
		/* The index may be what it died of; then the log itself can still be judged. */
		while (json_array_size(x->problems) > before)
			json_array_remove(x->problems, json_array_size(x->problems) - 1);
		result = run_child(x, log, FSCK_LEVEL - 1, &again);
	}
	if (result != NULL) {
		report_death(x, log, "index", text);
		json_object_set_new(result, "index", json_string("unreadable"));
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != FSCK_EXIT_TOLD) {
		report_death(x, log, "database", text);
	}
out:
	if (result == NULL)
		result = json_pack("{sn sn sn}", "entries", "root", "heads");
	row = json_pack("{ss}", "log", log);
	json_object_update(row, result);
	json_array_append_new(x->logs, row);
	json_decref(result);
}

/* ---- the answer ---- */

static void
cell(char *out, size_t room, const json_t *value)
{
	if (json_is_integer(value))
		snprintf(out, room, "%lld", (long long)json_integer_value(value));
	else
		snprintf(out, room, "%s", json_is_string(value) ? json_string_value(value) : "-");
}

/* An array of objects as a table of some of their members. */
static void
print_rows(const json_t *rows, const char *const *members, size_t columns)
{
	size_t count = json_array_size(rows), i;
	const char **cells = fsck_alloc((count + 1) * columns, sizeof(*cells));
	char(*texts)[320] = fsck_alloc(count * columns + 1, sizeof(*texts));

	for (size_t c = 0; c < columns; c++)
		cells[c] = members[c];
	for (i = 0; i < count; i++)
		for (size_t c = 0; c < columns; c++) {
			cell(texts[i * columns + c], sizeof(*texts),
			    json_object_get(json_array_get(rows, i), members[c]));
			cells[(i + 1) * columns + c] = texts[i * columns + c];
		}
	print_table(cells, columns, count + 1);
	free(texts);
	free(cells);
}

static void
print_answer(const struct examination *x, const json_t *main_log)
{
	static const char *const log_columns[] = {
	    "log", "entries", "heads", "signatures_checked", "index", "root"};
	static const char *const problem_columns[] = {"log", "what", "index", "at", "detail"};
	bool clean = json_array_size(x->problems) == 0;

	if (x->g->output == OUTPUT_TABLE) {
		print_rows(x->logs, log_columns, 6);
		if (!clean) {
			printf("\n");
			print_rows(x->problems, problem_columns, 5);
		}
		printf("\n%s\n", clean ? "no problems" : "there are problems");
		return;
	}
	print_json(
	    x->g, json_pack("{sO sO sO sO si sO}", "entries", json_object_get(main_log, "entries"),
		      "root", json_object_get(main_log, "root"), "heads",
		      json_object_get(main_log, "heads"), "problems", x->problems, "level",
		      x->level, "logs", x->logs));
}

/* The one that --log names; else the only one. */
static const json_t *
main_log(const struct examination *x)
{
	const char *name = x->g->log != NULL ? x->g->log : "default";

	for (size_t i = 0; i < json_array_size(x->logs); i++) {
		const json_t *row = json_array_get(x->logs, i);

		if (strcmp(json_string_value(json_object_get(row, "log")), name) == 0)
			return row;
	}
	return json_array_get(x->logs, 0);
}

static int
fsck_run(const struct globals *g, const struct args *a)
{
	struct examination x = {.g = g, .a = a, .folder = a->operands[0], .level = FSCK_LEVEL};
	char *logs, **names = NULL;
	uint64_t level = FSCK_LEVEL;
	size_t count;
	int code = EXIT_YES;

	if (!args_u64(a, "--level", &level) || level < 1 || level > FSCK_LEVEL)
		return fail(EXIT_USAGE, "--level is 1 to %d", FSCK_LEVEL);
	x.level = (int)level;
	logs = fsck_path(x.folder, "logs");
	if ((count = list_logs(logs, &names)) == 0) {
		free(logs);
		return fail(EXIT_USAGE,
		    "%s has no logs: fsck wants the data folder that ectledgerd init made",
		    x.folder);
	}
	x.reached = mmap(
	    NULL, sizeof(*x.reached), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (x.reached == MAP_FAILED)
		return fail(EXIT_USAGE, "out of memory");
	x.problems = json_array();
	x.logs = json_array();
	for (size_t i = 0; i < count; i++) {
		examine_log(&x, names[i]);
		progress_end(g);
	}
	print_answer(&x, main_log(&x));
	if (json_array_size(x.problems) > 0)
		code = EXIT_NO;
	json_decref(x.problems);
	json_decref(x.logs);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	free(logs);
	return code;
}

static const struct verb_option options[] = {
    {"--level", "N",
	"1 structure and hashes, 2 tree, checkpoints and journal, 3 token signatures, 4 parents "
	"and chain links, 5 index (default)",
	false},
    {"--vkey", "VKEY", "the log's verifier key, from a place that the server cannot write", false},
    {NULL, NULL, NULL, false}};

const struct verb verb_fsck = {.name = "fsck",
    .operands = "DIR",
    .help = "examine a data folder by code that shares nothing with the server",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = fsck_run};
