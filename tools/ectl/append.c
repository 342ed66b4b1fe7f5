/*
 * append.c - tokens from files or standard input; a row per token as its answer becomes known.
 *
 * The first byte says what an input is: text, with a token a line (compact JWS, or L1's JSON), or CBOR,
 * with COSE tokens one after the other.  Text is a stream: lines are sent as they come, nothing waits
 * for the end of it, and a line's length is bounded before it is stored.  CBOR is read whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scbor.h"
#include "call.h"

#define CHUNK	     (256 * 1024)
#define COSE_MAX     ((size_t)64 << 20) /* one input of COSE tokens */
#define COSE_DEPTH   16
#define WITS_MAX     16
#define WIT_FILE_MAX (64 * 1024)

struct input {
	const struct globals *g;
	struct appender *appender;
	bool bar;	      /* rows do not go to the terminal that shows the bar */
	uint64_t done, total; /* bytes; total 0: unknown */
	uint8_t line[ECT_TOKEN_MAX];
	size_t size;
	bool too_long; /* the line under way is over the limit: dropped, refused at its end */
	uint8_t chunk[CHUNK];
};

static void
print_row(void *ctx, uint64_t number, json_t *row)
{
	const struct globals *g = ctx;
	const char *status = json_string_value(json_object_get(row, "status"));
	const char *jti = json_string_value(json_object_get(row, "jti"));

	(void)number;
	if (g->output != OUTPUT_TABLE) {
		char *text = json_dumps(row, JSON_COMPACT);

		if (text == NULL)
			exit(fail(EXIT_UNREACHABLE, "out of memory for a row"));
		(void)puts(text);
		free(text);
	} else if (strcmp(status, "accepted") == 0) {
		const char *note =
		    json_is_true(json_object_get(row, "duplicate")) ? "was there already" : "";

		(void)printf("accepted  %36s  %10lld  %s\n", jti,
		    (long long)json_integer_value(json_object_get(row, "index")), note);
	} else {
		char id[40], why[400];
		const char *message = json_string_value(json_object_get(row, "message"));

		(void)snprintf(id, sizeof id, "%36s", jti != NULL ? jti : "-");
		(void)snprintf(why, sizeof why, "%s: %s",
		    json_string_value(json_object_get(row, "code")),
		    message != NULL ? message : "");
		print_table((const char *const[]){"refused ", id, why}, 3, 1);
	}
	(void)fflush(
	    stdout); /* whoever reads us must see an acknowledgement as soon as we have it */
}

static int
end_line(struct input *in)
{
	size_t size = in->size;
	bool too_long = in->too_long;

	in->size = 0;
	in->too_long = false;
	if (too_long)
		return appender_refuse(in->appender, "too_large", "token size",
		    "the line is over 64000 bytes, the most a token may have");
	if (size > 0 && in->line[size - 1] == '\r')
		size--;
	return size > 0 ? appender_send(in->appender, in->line, size) : 0;
}

static int
feed(struct input *in, const uint8_t *p, size_t n)
{
	int code = 0;

	while (n > 0 && code == 0) {
		const uint8_t *end = memchr(p, '\n', n);
		size_t part = end != NULL ? (size_t)(end - p) : n;

		if (in->too_long || part > sizeof in->line - in->size) {
			in->too_long = true;
		} else {
			memcpy(in->line + in->size, p, part);
			in->size += part;
		}
		if (end != NULL) {
			code = end_line(in);
			part++;
		}
		p += part;
		n -= part;
	}
	return code;
}

/* The size of the COSE token that 'rest' begins with; all of it when that cannot be told: the server
 * then says what is wrong. */
static size_t
cose_size(struct bytes rest)
{
	struct scbor r;
	uint64_t tag;

	scbor_init(&r, rest);
	if (scbor_peek(&r) != SCBOR_TAG || !scbor_tag(&r, &tag) ||
	    !scbor_skip(&r, COSE_DEPTH, NULL))
		return rest.n;
	return r.at;
}

static int
send_cose(struct input *in, const uint8_t *p, size_t n)
{
	int code = 0;

	while (n > 0 && code == 0) {
		size_t size = cose_size(bytes_of(p, n));

		code = appender_send(in->appender, p, size);
		in->done += size;
		if (in->bar)
			progress(in->g, "append", in->done, in->total);
		p += size;
		n -= size;
	}
	return code;
}

/* The rest of a CBOR input, of which 'n' bytes are in the chunk. */
static int
read_cose(struct input *in, int fd, const char *path, size_t n)
{
	struct buf all;
	int code = 0;
	ssize_t got = (ssize_t)n;

	buf_init(&all, COSE_MAX);
	while (got > 0) {
		buf_add(&all, in->chunk, (size_t)got);
		do
			got = read(fd, in->chunk, sizeof in->chunk);
		while (got < 0 && errno == EINTR);
	}
	if (got < 0)
		code = fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	else if (buf_rc(&all) != RC_OK)
		code = fail(EXIT_USAGE, "%s is over %zu MiB", path, COSE_MAX >> 20);
	else
		code = send_cose(in, all.p, all.n);
	buf_release(&all);
	return code;
}

static int
send_input(struct input *in, int fd, const char *path)
{
	bool first = true;
	ssize_t n;
	int code;

	for (;;) {
		if ((code = appender_wait(in->appender, fd)) != 0)
			return code;
		n = read(fd, in->chunk, sizeof in->chunk);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
		if (n == 0)
			return in->size > 0 || in->too_long ? end_line(in) : 0;
		if (first && in->chunk[0] >= 0x80) /* a CBOR tag or array: never text of ours */
			return read_cose(in, fd, path, (size_t)n);
		first = false;
		if ((code = feed(in, in->chunk, (size_t)n)) != 0)
			return code;
		in->done += (uint64_t)n;
		if (in->bar)
			progress(in->g, "append", in->done, in->total);
	}
}

static int
send_file(struct input *in, const char *path)
{
	int fd, code;

	if (strcmp(path, "-") == 0)
		return send_input(in, STDIN_FILENO, "standard input");
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	code = send_input(in, fd, path);
	(void)close(fd);
	return code;
}

/* ---- options ---- */

struct wits {
	char *file[WITS_MAX]; /* their texts, lines ended by NULs */
	const char *list[WITS_MAX];
	size_t files, count;
};

static void
wits_free(struct wits *w)
{
	for (size_t i = 0; i < w->files; i++)
		free(w->file[i]);
}

/* One a line, in any number of files. */
static int
read_wits(const struct args *a, struct wits *w)
{
	const char *path;
	uint8_t *text;
	size_t n;

	for (; (path = args_nth(a, "--wit", w->files)) != NULL; w->files++) {
		char *rest, *line;

		if (w->files == WITS_MAX)
			return fail(EXIT_USAGE, "--wit: at most %d go with an append", WITS_MAX);
		if (!read_file(path, WIT_FILE_MAX, &text, &n))
			return EXIT_USAGE;
		w->file[w->files] = rest = (char *)text;
		while ((line = strsep(&rest, "\r\n")) != NULL) {
			if (*line == '\0')
				continue;
			if (w->count == WITS_MAX) {
				w->files++;
				return fail(
				    EXIT_USAGE, "--wit: at most %d go with an append", WITS_MAX);
			}
			w->list[w->count++] = line;
		}
	}
	return 0;
}

/* --wait SECONDS, with up to three decimals. */
static int
read_wait(const struct args *a, struct ect_append_options *o)
{
	const char *text = args_get(a, "--wait");
	double s = 0;
	char *end;

	o->wait = text != NULL || args_has(a, "--no-wait");
	if (text == NULL)
		return 0;
	if (args_has(a, "--no-wait"))
		return fail(EXIT_USAGE, "--wait and --no-wait: one of the two");
	s = text[0] >= '0' && text[0] <= '9' ? strtod(text, &end) : -1;
	if (s < 0 || *end != '\0' || s > 86400)
		return fail(EXIT_USAGE, "--wait wants seconds up to 86400, not \"%s\"", text);
	o->wait_ms = (uint32_t)(s * 1000);
	return 0;
}

/* All names are looked at before anything is sent. */
static bool
check_files(const struct args *a, uint64_t *total)
{
	struct stat st;

	*total = 0;
	for (size_t i = 0; i < a->operand_count; i++) {
		if (strcmp(a->operands[i], "-") == 0)
			continue;
		if (stat(a->operands[i], &st) != 0 || access(a->operands[i], R_OK) != 0) {
			(void)fail(
			    EXIT_USAGE, "cannot read %s: %s", a->operands[i], strerror(errno));
			return false;
		}
		*total += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	}
	return true;
}

static int
append_run(const struct globals *g, const struct args *a)
{
	struct appender_options options = {.receipts = args_get(a, "--receipts")};
	struct appender_counts counts = {0};
	struct wits wits = {0};
	struct input *in = NULL;
	uint64_t total;
	int code, end;

	options.send.once = args_has(a, "--once");
	if ((code = read_wait(a, &options.send)) != 0)
		return code;
	if (!check_files(a, &total))
		return EXIT_USAGE;
	if ((in = calloc(1, sizeof *in)) == NULL)
		return fail(EXIT_UNREACHABLE, "out of memory");
	in->g = g;
	in->total = total;
	in->bar = total > 0 && !isatty(STDOUT_FILENO);
	if ((code = read_wits(a, &wits)) != 0)
		goto out;
	options.send.wits = wits.list;
	options.send.wit_count = wits.count;
	code = appender_open(g, &options, &in->appender, print_row, (void *)(uintptr_t)g);
	if (code != 0)
		goto out;
	if (a->operand_count == 0)
		code = send_file(in, "-");
	for (size_t i = 0; i < a->operand_count && code == 0; i++)
		code = send_file(in, a->operands[i]);
	end = appender_finish(in->appender, &counts);
	if (in->bar)
		progress_end(g);
	if (code == 0)
		code = end != 0 ? end : counts.refused > 0 ? EXIT_NO : EXIT_YES;
	if (g->output == OUTPUT_TABLE)
		(void)fprintf(stderr, "%llu accepted (%llu already there), %llu refused\n",
		    (unsigned long long)counts.accepted, (unsigned long long)counts.duplicate,
		    (unsigned long long)counts.refused);
out:
	appender_free(in->appender);
	wits_free(&wits);
	free(in);
	return code;
}

static const struct verb_option append_options[] = {
    {"--receipts", "DIR", "save each token's receipt as DIR/<jti>.json (made when missing)", false},
    {"--wait", "SECONDS",
	"how long a token may wait for predecessors that are on their way, at most the log's own "
	"limit "
	"(default: that limit)",
	false},
    {"--no-wait", NULL, "refuse a token at once when a predecessor is not in the log", false},
    {"--wit", "FILE",
	"Workload Identity Tokens that bind the signers' keys to their issuers, one a line", true},
    {"--once", NULL,
	"what the server puts off (busy, over_quota) is a refused row at once, not sent again",
	false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_append = {"append", "[FILE...]",
    "append tokens: one JWS or L1 JSON a line, or COSE (standard input without a FILE); one row "
    "per "
    "token, in order",
    append_options, 0, SIZE_MAX, append_run};
