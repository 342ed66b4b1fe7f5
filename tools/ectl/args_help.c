/*
 * args_help.c - the help texts, from the same tables that parse.
 */
#include "args.h"

#include <string.h>

#include "base/must.h"
#include "pages.h"

#define WIDTH 100

/* A word, then text wrapped behind column 'indent'. */
static void
print_wrapped(FILE *to, const char *head, size_t indent, const char *text)
{
	size_t column = (size_t)fprintf(to, "  %s", head);

	if (head[0] != '\0' && column + 2 > indent) {
		(void)fprintf(to, "\n");
		column = 0;
	}
	column += (size_t)fprintf(to, "%*s", (int)(indent - column), "");
	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + word > WIDTH)
			column = (size_t)fprintf(to, "\n%*s", (int)indent, "") - 1;
		else if (column > indent)
			column += (size_t)fprintf(to, " ");
		column += (size_t)fprintf(to, "%.*s", (int)word, text);
		text += word + strspn(text + word, " ");
	}
	(void)fprintf(to, "\n");
}

static void
print_options(FILE *to, const struct verb_option *options)
{
	char head[64];

	for (; options->name != NULL; options++) {
		(void)snprintf(head, sizeof head, "%s%s%s%s", options->name,
		    options->value != NULL ? " " : "", options->value != NULL ? options->value : "",
		    options->many ? " ..." : "");
		print_wrapped(to, head, 28, options->help);
	}
}

void
args_help(FILE *to, const struct verb *const *verbs)
{
	(void)fprintf(to, "usage: ectl [global options] VERB [options] [operands]\n\n"
			  "An append-only ledger for signed records of agents' tasks: append, look "
			  "up, prove, verify.\n\nverbs:\n");
	for (; *verbs != NULL; verbs++)
		print_wrapped(to, (*verbs)->name, 16, (*verbs)->help);
	(void)fprintf(to, "\nglobal options:\n");
	print_options(to, args_global_options);
	(void)fprintf(to, "\nexit codes: 0 yes; 1 the answer is no; 2 usage; 3 no server, or a "
			  "time-out; 4 refused by the server\n"
			  "\"ectl VERB -h\" tells more.\n");
}

static void
print_example(FILE *to, const struct page_example *e)
{
	print_wrapped(to, "", 2, e->text);
	for (size_t i = 0, n; e->command[i] != '\0'; i += n) {
		n = strcspn(e->command + i, "\n");
		(void)fprintf(to, "    %.*s\n", (int)n, e->command + i);
		n += e->command[i + n] == '\n';
	}
}

void
args_help_verb(FILE *to, const struct verb *verb)
{
	const struct page *page;

	must(verb != NULL);
	page = page_of(verb->name);
	(void)fprintf(to, "usage: ectl %s%s%s%s\n\n", verb->name,
	    verb->options != NULL ? " [options]" : "", verb->operands[0] != '\0' ? " " : "",
	    verb->operands);
	print_wrapped(to, "", 2, verb->help);
	if (verb->options != NULL) {
		(void)fprintf(to, "\noptions:\n");
		print_options(to, verb->options);
	}
	(void)fprintf(to, "\nglobal options:\n");
	print_options(to, args_global_options);
	if (page == NULL)
		return;
	(void)fprintf(to, "\nexamples:\n");
	for (const struct page_example *e = page->examples; e->text != NULL; e++)
		print_example(to, e);
}
