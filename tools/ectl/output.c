/*
 * output.c - results on standard output, words for people on standard error.
 *
 * Texts from tokens and servers are hostile: before they reach a terminal, control characters
 * become '?', so that nobody's cursor is moved by an agent's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "base/rc.h"
#include "ectl.h"

#define TABLE_WIDTH 100 /* where there is no terminal to ask */
#define TABLE_MIN   80
#define TABLE_MAX   200
#define UUID_WIDTH  36
#define HASH_WIDTH  43 /* base64url of 32 bytes */
#define TIME_WIDTH  20 /* 2026-11-22T10:00:00Z */
#define MINUTE	    16 /* 2026-11-22T10:00 */
#define DATE	    10
#define CELL_MIN    8  /* a shortened cell keeps at least this */
#define WORD_WIDTH  20 /* words like "already_rolled_back" give way after names of agents do; */
#define NAME_WIDTH  16 /* the end of a URI */
#define CELL_FAIR   12 /* and this, as long as something else can give way; */
#define LAST_FAIR   24 /* the last one, which is wrapped */
#define BAR	    30

/* Length of the UTF-8 sequence at s when it is sound and printable; else 0. */
static size_t
printable(const unsigned char *s)
{
	size_t n = s[0] < 0x80			 ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : (s[0] & 0xf0) == 0xe0	 ? 3
		   : (s[0] & 0xf8) == 0xf0	 ? 4
						 : 0;

	if (n == 0 || s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* U+202A..U+202E and U+2066..U+2069 turn the writing direction around. */
	if (n == 3 && s[0] == 0xe2 &&
	    ((s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae) ||
		(s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)))
		return 0;
	return n;
}

static size_t
step(const unsigned char *s)
{
	return printable(s) != 0 ? printable(s) : 1;
}

/* Print at most 'width' characters; what is cut shows as "...": at the end, but of a URI at the
 * front, for its end tells two agents apart.  Gives the columns used. */
static size_t
print_clean(FILE *to, const char *text, size_t width)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t columns = 0, total = 0;

	for (const unsigned char *p = s; *p != '\0'; total++)
		p += step(p);
	if (total > width && strstr(text, "://") != NULL) {
		for (; total > width - 3; total--)
			s += step(s);
		(void)fputs("...", to);
		return 3 + print_clean(to, (const char *)s, width - 3);
	}
	while (*s != '\0' && columns < (total > width ? width - 3 : width)) {
		if (printable(s) == 0)
			(void)fputc('?', to);
		else
			(void)fwrite(s, 1, printable(s), to);
		s += step(s);
		columns++;
	}
	if (*s != '\0') {
		(void)fputs("...", to);
		columns += 3;
	}
	return columns;
}

int
fail(int code, const char *format, ...)
{
	char text[1024];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(text, sizeof text, format, list);
	va_end(list);
	(void)fflush(stdout);
	(void)fputs("ectl: ", stderr);
	(void)print_clean(stderr, text, sizeof text);
	(void)fputc('\n', stderr);
	return code;
}

int
fail_status(const struct ect_status *status)
{
	enum rc rc = rc_from_wire(status->code);
	const char *text = status->text[0] != '\0' ? status->text : rc_text(rc);

	switch (status->outcome) {
	case ECT_NOT_FOUND:
		return fail(EXIT_NO, "not found: %s", text);
	case ECT_USAGE:
		return fail(EXIT_USAGE, "%s", text);
	case ECT_UNREACHABLE:
		return fail(EXIT_UNREACHABLE,
		    "%s (is ectledgerd running there? --server or ECTL_SERVER says where)", text);
	case ECT_REFUSED:
		if (status->code == 0)
			return fail(EXIT_REFUSED, "%s", text);
		if (rc == RC_NOT_AUTHORIZED)
			return fail(EXIT_REFUSED,
			    "refused (%s): %s; the log's grants say who may, --cert and --key say "
			    "who you are",
			    rc_label(rc), text);
		return fail(EXIT_REFUSED, "refused (%s): %s", rc_label(rc), text);
	case ECT_PROTOCOL:
	case ECT_OK:
	default:
		return fail(EXIT_UNREACHABLE, "%s", text);
	}
}

void
print_json(const struct globals *g, json_t *value)
{
	bool compact = g->output == OUTPUT_NDJSON || !isatty(STDOUT_FILENO);
	/* 15 digits: decimal fractions come out as they went in. */
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
	char *text = NULL;

	if (value != NULL)
		text = json_dumps(value, flags | (compact ? JSON_COMPACT : JSON_INDENT(2)));

	json_decref(value);
	if (text == NULL) {
		(void)fail(EXIT_USAGE, "out of memory for the answer");
		exit(EXIT_UNREACHABLE); /* no half answer may look like a whole one */
	}
	(void)puts(text);
	free(text);
}

void
progress(const struct globals *g, const char *what, uint64_t done, uint64_t total)
{
	uint64_t step = total / 200 + 1, filled;

	if (!g->progress)
		return;
	if (total == 0) {
		if (done % 500 == 0)
			(void)fprintf(stderr, "\r%s %llu", what, (unsigned long long)done);
		return;
	}
	if (done > total)
		done = total;
	if (done % step != 0 && done != total)
		return;
	filled = done / (total / BAR + 1);
	filled = done == total ? BAR : filled > BAR ? BAR : filled;
	(void)fprintf(stderr, "\r%s [", what);
	for (uint64_t i = 0; i < BAR; i++)
		(void)fputc(i < filled ? '#' : '.', stderr);
	(void)fprintf(stderr, "] %3u %%",
	    (unsigned)(total >= 100 ? done / (total / 100) > 100 ? 100 : done / (total / 100)
				    : done * 100 / total));
}

void
progress_end(const struct globals *g)
{
	if (g->progress)
		(void)fputs("\r\033[K", stderr);
}

/* ---- tables ---- */

static size_t
width_of(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = 0;

	for (; *s != '\0'; n++)
		s += printable(s) != 0 ? printable(s) : 1;
	return n;
}

static bool
is_number(const char *s)
{
	return *s != '\0' && s[strspn(s, "0123456789.,")] == '\0';
}

/* Of a date less is enough; half an id cannot be copied into the next command. */
enum column { COLUMN_TEXT, COLUMN_TIME, COLUMN_ID, COLUMN_URI };

static enum column
column_of(const char *const *cells, size_t columns, size_t rows, size_t width)
{
	if (width == UUID_WIDTH || width == HASH_WIDTH)
		return COLUMN_ID;
	for (size_t r = 1; r < rows; r++)
		if (strstr(cells[r * columns], "://") != NULL)
			return COLUMN_URI;
	for (size_t r = rows > 1; r < rows; r++)
		if (strlen(cells[r * columns]) != TIME_WIDTH || cells[r * columns][10] != 'T' ||
		    cells[r * columns][TIME_WIDTH - 1] != 'Z')
			return COLUMN_TEXT;
	return COLUMN_TIME;
}

static size_t
table_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return TABLE_WIDTH;
	return size.ws_col < TABLE_MIN	 ? TABLE_MIN
	       : size.ws_col > TABLE_MAX ? TABLE_MAX
					 : size.ws_col;
}

enum { STAGES = 5 };

/* How far a column may be shortened before the next stage begins. */
static size_t
least_of(enum column kind, bool last, unsigned stage)
{
	switch (kind) {
	case COLUMN_ID:
		return stage < 4 ? SIZE_MAX : CELL_MIN;
	case COLUMN_TIME:
		return stage < 2 ? MINUTE : DATE;
	case COLUMN_URI:
		return stage >= 3 ? CELL_MIN : stage < 1 ? NAME_WIDTH : CELL_FAIR;
	case COLUMN_TEXT:
	default:
		return stage >= 3  ? CELL_MIN
		       : last	   ? LAST_FAIR
		       : stage < 1 ? WORD_WIDTH
				   : CELL_FAIR;
	}
}

/* Shorten the widest column until the row fits; when it is the last one, its text is wrapped
 * instead. */
static void
fit(size_t *width, const enum column *kind, size_t columns, size_t most)
{
	for (unsigned stage = 0; stage < STAGES;) {
		size_t total = 2 * (columns - 1), widest = columns, room = 0;

		for (size_t i = 0; i < columns; i++) {
			total += width[i];
			if (width[i] > room &&
			    width[i] > least_of(kind[i], i + 1 == columns, stage)) {
				widest = i;
				room = width[i];
			}
		}
		if (total <= most)
			return;
		if (widest == columns)
			stage++;
		else
			width[widest]--;
	}
}

/* A date is cut where it still is one. */
static void
print_time(const char *text, size_t width)
{
	size_t n = width >= TIME_WIDTH ? TIME_WIDTH : width >= MINUTE ? MINUTE : DATE;

	(void)printf("%-*.*s", (int)width, (int)n, text);
}

/* The last cell: what is too long goes on in further lines, broken at blanks; a word that is too long is cut. */
static void
print_last(const char *text, size_t width, size_t indent)
{
	char piece[4 * TABLE_MAX + 1];

	while (width_of(text) > width) {
		const char *at = text, *blank = NULL;

		for (size_t n = 0; n <= width; n++) {
			size_t size = printable((const unsigned char *)at);

			if (*at == ' ' && at > text)
				blank = at;
			at += size != 0 ? size : 1;
		}
		if (blank == NULL || (size_t)(blank - text) >= sizeof piece)
			break;
		memcpy(piece, text, (size_t)(blank - text));
		piece[blank - text] = '\0';
		(void)print_clean(stdout, piece, width);
		(void)printf("\n%*s", (int)indent, "");
		text = blank + 1;
	}
	(void)print_clean(stdout, text, width);
}

static void
print_row(const char *const *cells, size_t columns, const size_t *width, const enum column *kind,
    const bool *right)
{
	size_t indent = 0;

	for (size_t i = 0; i < columns; i++) {
		size_t w = width_of(cells[i]), pad = w < width[i] ? width[i] - w : 0;

		if (right[i])
			(void)printf("%*s", (int)pad, "");
		if (kind[i] == COLUMN_TIME && w == TIME_WIDTH) {
			print_time(cells[i], width[i]);
			pad = 0;
		} else if (i + 1 < columns)
			(void)print_clean(stdout, cells[i], width[i]);
		else
			print_last(cells[i], width[i], indent);
		if (!right[i] && i + 1 < columns)
			(void)printf("%*s", (int)pad, "");
		(void)fputs(i + 1 < columns ? "  " : "\n", stdout);
		indent += width[i] + 2;
	}
}

static bool
is_empty(const char *const *column, size_t stride, size_t rows)
{
	for (size_t r = 1; r < rows; r++)
		if (*column[r * stride] != '\0')
			return false;
	return true;
}

void
print_table(const char *const *cells, size_t columns, size_t rows)
{
	size_t width[16] = {0};
	enum column kind[16];
	const size_t stride = columns;
	bool right[16], bold = rows > 1 && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;

	must(columns > 0 && columns <= 16 && rows > 0);
	while (columns > 1 && rows > 1 && is_empty(cells + columns - 1, stride, rows))
		columns--; /* nothing to say in the last column */
	for (size_t i = 0; i < columns; i++) {
		right[i] = rows > 1;
		for (size_t r = 0; r < rows; r++) {
			size_t w = width_of(cells[r * stride + i]);

			width[i] = w > width[i] ? w : width[i];
			right[i] = right[i] && (r == 0 || is_number(cells[r * stride + i]));
		}
		kind[i] = column_of(cells + i, stride, rows, width[i]);
	}
	fit(width, kind, columns, table_width());
	for (size_t r = 0; r < rows; r++) {
		if (bold && r == 0)
			(void)fputs("\033[1m", stdout);
		print_row(cells + r * stride, columns, width, kind, right);
		if (bold && r == 0)
			(void)fputs("\033[0m", stdout);
	}
}

/* ---- files ---- */

bool
read_file(const char *path, size_t max, uint8_t **out, size_t *size)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	size_t room = 4096, n = 0;
	uint8_t *p = NULL, *more;
	bool ok = false;

	if (f == NULL) {
		(void)fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
		return false;
	}
	for (;;) {
		if ((more = realloc(p, room + 1)) == NULL) {
			(void)fail(EXIT_USAGE, "out of memory reading %s", path);
			goto out;
		}
		p = more;
		n += fread(p + n, 1, room - n, f);
		if (n < room)
			break;
		if (n > max)
			break;
		room *= 2;
	}
	if (ferror(f))
		(void)fail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	else if (n > max)
		(void)fail(EXIT_USAGE, "%s is over %zu bytes", path, max);
	else
		ok = true;
out:
	if (f != stdin)
		(void)fclose(f);
	if (ok) {
		p[n] = 0;
		*out = p;
		*size = n;
	} else {
		free(p);
	}
	return ok;
}

static bool
write_all(int fd, const uint8_t *p, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

bool
write_file(const char *path, const void *p, size_t size, unsigned mode)
{
	char *part = NULL;
	bool ok = false;
	int fd = -1;

	if (asprintf(&part, "%s.XXXXXX", path) < 0) {
		(void)fail(EXIT_USAGE, "out of memory");
		return false;
	}
	fd = mkstemp(part);
	ok = fd >= 0 && write_all(fd, p, size) && fchmod(fd, (mode_t)mode) == 0 && fsync(fd) == 0;
	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	ok = ok && rename(part, path) == 0;
	if (!ok) {
		(void)fail(EXIT_USAGE, "cannot write %s: %s", path, strerror(errno));
		if (fd >= 0)
			(void)unlink(part);
	}
	free(part);
	return ok;
}
