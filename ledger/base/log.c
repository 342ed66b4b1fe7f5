/*
 * log.c - one line, one write(2).
 *
 * The line is built on the stack, so that logging works when the heap does not, and two threads
 * never mix lines. A line that would pass LINE_MAX_SIZE is cut after its last whole pair and says
 * so.  Values come from strangers now and then (a path, a peer's name): anything that could start a
 * new line, forge a pair or drive a terminal is escaped.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/text.h"

#define LINE_MAX_SIZE 2048
#define LINE_RESERVE  32 /* room for the mark of a cut and the end */

struct line {
	char text[LINE_MAX_SIZE];
	size_t n;
	bool cut;
};

static void
line_add(struct line *l, const char *p, size_t n)
{
	if (n > sizeof(l->text) - LINE_RESERVE - l->n) {
		l->cut = true;
		return;
	}
	memcpy(l->text + l->n, p, n);
	l->n += n;
}

static void
line_add_str(struct line *l, const char *s)
{
	line_add(l, s, strlen(s));
}

static bool
needs_quotes(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	if (*p == '\0')
		return true;
	for (; *p != '\0'; p++)
		if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p >= 0x7f)
			return true;
	return false;
}

/* Quoted, with JSON's escapes (logfmt readers understand the same). */
static void
line_add_quoted(struct line *l, const char *s)
{
	bool utf8 = utf8_ok(bytes_str(s));
	const unsigned char *p;

	line_add(l, "\"", 1);
	for (p = (const unsigned char *)s; *p != '\0' && !l->cut; p++) {
		char esc[8];

		if (*p == '"' || *p == '\\') {
			esc[0] = '\\';
			esc[1] = (char)*p;
			line_add(l, esc, 2);
		} else if (*p < ' ' || *p == 0x7f) {
			(void)snprintf(esc, sizeof(esc), "\\u%04x", *p);
			line_add(l, esc, 6);
		} else if (*p >= 0x80 && !utf8) {
			line_add(l, "\\ufffd", 6);
		} else if (*p == 0xc2 && p[1] < 0xa0) { /* U+0080..U+009F: controls to a terminal */
			(void)snprintf(esc, sizeof(esc), "\\u%04x", *++p);
			line_add(l, esc, 6);
		} else {
			line_add(l, (const char *)p, 1);
		}
	}
	line_add(l, "\"", 1);
}

/* A pair goes in whole or not at all. */
static void
line_add_pair(struct line *l, bool json, const char *key, const char *value)
{
	size_t before = l->n;

	if (l->cut)
		return;
	if (json) {
		line_add_str(l, before == 1 ? "" : ",");
		line_add_quoted(l, key);
		line_add_str(l, ":");
		line_add_quoted(l, value);
	} else {
		line_add_str(l, before == 0 ? "" : " ");
		line_add_str(l, key);
		line_add_str(l, "=");
		if (needs_quotes(value))
			line_add_quoted(l, value);
		else
			line_add_str(l, value);
	}
	if (l->cut)
		l->n = before;
}

static void
line_add_time(struct line *l, bool json)
{
	char text[64];
	struct timespec now;
	struct tm tm;
	size_t n;

	must(clock_gettime(CLOCK_REALTIME, &now) == 0);
	if (gmtime_r(&now.tv_sec, &tm) == NULL)
		return;
	if ((n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm)) == 0)
		return;
	(void)snprintf(text + n, sizeof(text) - n, ".%03ldZ", now.tv_nsec / 1000000);
	line_add_pair(l, json, "ts", text);
}

static const char *
level_name(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error";
	case LOG_WARN:
		return "warn";
	case LOG_INFO:
		return "info";
	case LOG_DEBUG:
		return "debug";
	}
	return "error";
}

void
log_event(const struct log_sink *sink, enum log_level level, const char *event, ...)
{
	const struct log_sink usual = {.fd = STDERR_FILENO, .level = LOG_INFO, .json = 0};
	struct line l = {.n = 0, .cut = false};
	const char *key, *value, *end;
	va_list args;
	bool json;

	must(event != NULL);
	if (sink == NULL)
		sink = &usual;
	if (level > sink->level)
		return;
	json = sink->json != 0;
	if (json)
		line_add_str(&l, "{");
	line_add_time(&l, json);
	line_add_pair(&l, json, "level", level_name(level));
	line_add_pair(&l, json, "event", event);
	va_start(args, event);
	while ((key = va_arg(args, const char *)) != NULL) {
		value = va_arg(args, const char *);
		line_add_pair(&l, json, key, value != NULL ? value : "");
	}
	va_end(args);
	if (l.cut)
		end = json ? ",\"cut\":\"yes\"}\n" : " cut=yes\n";
	else
		end = json ? "}\n" : "\n";
	must(strlen(end) <= LINE_RESERVE);
	memcpy(l.text + l.n, end, strlen(end));
	l.n += strlen(end);
	/* A log that cannot be written stops nothing: there is nobody left to tell. */
	if (write(sink->fd, l.text, l.n) < 0)
		return;
}

const char *
log_u64(struct log_number *room, unsigned long long v)
{
	(void)snprintf(room->text, sizeof(room->text), "%llu", v);
	return room->text;
}
