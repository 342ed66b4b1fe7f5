/*
 * roff.c - man(7), written so that mandoc -Tlint and groff -ww have nothing to say.
 *
 * Every text goes through put(): a backslash would be a command, a hyphen would be typeset as one and
 * could not be copied, a line that begins with a dot or a quote would be a request.
 */
#include "roff.h"

#include <string.h>

#define WIDTH 78

/* How a character is written. */
static const char *
escape(char c)
{
	switch (c) {
	case '\\':
		return "\\e";
	case '-':
		return "\\-";
	case '\'':
		return "\\(aq";
	case '`':
		return "\\(ga";
	case '^':
		return "\\(ha";
	case '~':
		return "\\(ti";
	default:
		return NULL;
	}
}

/* Gives the columns of the source that it took. */
static size_t
put(FILE *to, const char *text, size_t size)
{
	size_t columns = 0;

	for (size_t i = 0; i < size; i++) {
		const char *as = escape(text[i]);

		if (i == 0 && text[i] == '.') /* perhaps a line's first; harmless elsewhere */
			columns += (size_t)fprintf(to, "\\&");
		columns +=
		    (size_t)(as != NULL ? fprintf(to, "%s", as) : fprintf(to, "%c", text[i]));
	}
	return columns;
}

static void
put_all(FILE *to, const char *text)
{
	(void)put(to, text, strlen(text));
}

/* Filled text: a line of the source ends at a blank.  'column': what stands in the line already. */
static void
put_filled(FILE *to, const char *text, size_t size, size_t column)
{
	while (size > 0) {
		size_t word = 0, wide = 0;

		for (; word < size && text[word] != ' '; word++)
			wide += escape(text[word]) != NULL ? strlen(escape(text[word])) : 1;
		if (column > 0 && column + 1 + wide > WIDTH) {
			(void)fputc('\n', to);
			column = 0;
		} else if (column > 0) {
			(void)fputc(' ', to);
			column++;
		}
		column += put(to, text, word);
		word += word < size;
		text += word;
		size -= word;
	}
	(void)fputc('\n', to);
}

void
roff_head(FILE *to, const char *name, int section, const char *date, const char *version)
{
	(void)fputs(".TH ", to);
	for (; *name != '\0'; name++) {
		char upper = *name >= 'a' && *name <= 'z' ? (char)(*name - ('a' - 'A')) : *name;

		(void)put(to, &upper, 1);
	}
	(void)fprintf(to, " %d %s \"ectledger %s\"\n", section, date, version);
}

void
roff_section(FILE *to, const char *title)
{
	(void)fprintf(to, ".SH %s%s%s\n", strchr(title, ' ') != NULL ? "\"" : "", title,
	    strchr(title, ' ') != NULL ? "\"" : "");
}

void
roff_line(FILE *to, const char *text)
{
	put_filled(to, text, strlen(text), 0);
}

void
roff_name(FILE *to, const char *name, const char *text)
{
	size_t column;

	roff_section(to, "NAME");
	column = put(to, name, strlen(name));
	column += (size_t)fprintf(to, " \\-");
	put_filled(to, text, strlen(text), column);
}

void
roff_text(FILE *to, const char *text)
{
	for (size_t i = 0, n; text[i] != '\0'; i += n) {
		n = strcspn(text + i, "\n");
		if (i > 0)
			(void)fputs(".PP\n", to);
		put_filled(to, text + i, n, 0);
		n += text[i + n] == '\n';
	}
}

void
roff_item(FILE *to, const char *term, const char *value, const char *text)
{
	(void)fputs(".TP\n\\fB", to);
	put_all(to, term);
	(void)fputs("\\fR", to);
	if (value != NULL) {
		(void)fputs(" \\fI", to);
		put_all(to, value);
		(void)fputs("\\fR", to);
	}
	(void)fputc('\n', to);
	roff_line(to, text);
}

void
roff_example(FILE *to, bool first, const char *text, const char *command)
{
	if (!first)
		(void)fputs(".PP\n", to);
	roff_line(to, text);
	(void)fputs(".PP\n.RS 4\n.nf\n", to);
	for (size_t i = 0, n; command[i] != '\0'; i += n) {
		n = strcspn(command + i, "\n");
		(void)put(to, command + i, n);
		(void)fputc('\n', to);
		n += command[i + n] == '\n';
	}
	(void)fputs(".fi\n.RE\n", to);
}

void
roff_see_also(FILE *to, const char *const *pages)
{
	roff_section(to, "SEE ALSO");
	for (; *pages != NULL; pages++) {
		const char *open = strchr(*pages, '(');

		(void)fputs(".BR ", to);
		(void)put(to, *pages, (size_t)(open - *pages));
		(void)fprintf(to, " %s%s\n", open, pages[1] != NULL ? "," : "");
	}
}
