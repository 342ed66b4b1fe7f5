/*
 * append.c - tokens from files or standard input, one JWS a line; a row per token as its answer
 * becomes known.
 *
 * Input is a stream: lines are sent as they come, and nothing waits for the end of it.  A line's
 * length is bounded before it is stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "call.h"

#define CHUNK (256 * 1024)

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

/* A file that begins like COSE (a CBOR tag or array, never a base64url letter) is one token; the server judges it. */
static int
send_binary(struct input *in, const char *path)
{
	uint8_t *p = NULL;
	size_t n = 0;
	int code;

	if (!read_file(path, 16 * 1024 * 1024, &p, &n))
		return EXIT_USAGE;
	code = appender_send(in->appender, p, n);
	free(p);
	return code;
}

static int
send_lines(struct input *in, int fd, const char *path)
{
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
	uint8_t first;
	int fd, code;

	if (strcmp(path, "-") == 0)
		return send_lines(in, STDIN_FILENO, "standard input");
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	if (pread(fd, &first, 1, 0) == 1 && first >= 0x80)
		code = send_binary(in, path);
	else
		code = send_lines(in, fd, path);
	(void)close(fd);
	return code;
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
	struct appender_counts counts = {0};
	struct input *in = NULL;
	uint64_t total;
	int code, end;

	if (!check_files(a, &total))
		return EXIT_USAGE;
	if ((in = calloc(1, sizeof *in)) == NULL)
		return fail(EXIT_UNREACHABLE, "out of memory");
	in->g = g;
	in->total = total;
	in->bar = total > 0 && !isatty(STDOUT_FILENO);
	code = appender_open(
	    g, &in->appender, args_get(a, "--receipts"), print_row, (void *)(uintptr_t)g);
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
	free(in);
	return code;
}

static const struct verb_option append_options[] = {
    {"--receipts", "DIR", "save each token's receipt as DIR/<jti>.json (made when missing)", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_append = {"append", "[FILE...]",
    "append tokens, one JWS a line (standard input without a FILE); one row per token, in order",
    append_options, 0, SIZE_MAX, append_run};
