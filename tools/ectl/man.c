/*
 * man.c - "ectl man": manual pages from the tables of verbs, options and pages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "pages.h"
#include "roff.h"

#ifndef ECT_VERSION
#define ECT_VERSION "0"
#endif
#ifndef ECT_DATE
#define ECT_DATE "2026-11-22"
#endif

static void
put_options(FILE *to, const struct verb_option *options)
{
	char value[128];

	for (; options != NULL && options->name != NULL; options++) {
		(void)snprintf(value, sizeof value, "%s%s",
		    options->value != NULL ? options->value : "", options->many ? " ..." : "");
		roff_item(to, options->name, value[0] != '\0' ? value : NULL, options->help);
	}
}

static void
put_exit_status(FILE *to)
{
	roff_section(to, "EXIT STATUS");
	roff_item(to, "0", NULL, "Yes.");
	roff_item(
	    to, "1", NULL, "The answer is no: not found, does not verify, some token refused.");
	roff_item(to, "2", NULL, "Usage: options, operands, files.");
	roff_item(to, "3", NULL, "The server cannot be reached, or a time-out.");
	roff_item(to, "4", NULL, "Refused by the server: not allowed, over a limit.");
}

static void
put_examples(FILE *to, const struct page *page)
{
	if (page == NULL)
		return;
	roff_section(to, "EXAMPLES");
	for (const struct page_example *e = page->examples; e->text != NULL; e++)
		roff_example(to, e == page->examples, e->text, e->command);
}

/* ectl-VERB(1) */
static void
put_verb(FILE *to, const struct verb *v)
{
	static const char *const see[] = {"ectl(1)", "ectledgerd(8)", NULL};
	const struct page *page = page_of(v->name);
	char name[64], text[256];

	(void)snprintf(name, sizeof name, "ectl-%s", v->name);
	roff_head(to, name, 1, ECT_DATE, ECT_VERSION);
	roff_name(to, name, v->help);
	roff_section(to, "SYNOPSIS");
	(void)snprintf(text, sizeof text, "[global options]%s%s%s",
	    v->options != NULL ? " [options]" : "", v->operands[0] != '\0' ? " " : "", v->operands);
	(void)snprintf(name, sizeof name, "ectl %s", v->name);
	(void)fprintf(to, ".B ");
	roff_line(to, name);
	roff_line(to, text);
	roff_section(to, "DESCRIPTION");
	roff_text(to, page != NULL ? page->text : v->help);
	if (v->options != NULL) {
		roff_section(to, "OPTIONS");
		put_options(to, v->options);
	}
	put_exit_status(to);
	put_examples(to, page);
	roff_see_also(to, see);
}

/* ectl(1) */
static void
put_top(FILE *to, const struct verb *const *verbs)
{
	static const struct page_example examples[] = {
	    {"A log on this machine, an agent, a task, its proof.",
		"ectledgerd init data\n"
		"ectl keygen --iss spiffe://example.com/agent/writer --out writer.jwk \\\n"
		"    --jwks data/trust/example.com/agents.jwks.json\n"
		"ectledgerd run data --insecure-loopback &\n"
		"export ECTL_INSECURE_LOOPBACK=1\n"
		"ectl sign --key writer.jwk --act draft | ectl append --receipts receipts\n"
		"ectl verify receipts/*.json --vkey data/logs/default/vkey"},
	    {NULL, NULL},
	};
	static const struct page top = {"ectl", "", examples};
	static const char *const see[] = {"ectl-append(1)", "ectl-search(1)", "ectl-verify(1)",
	    "ledger.conf(5)", "ectledgerd(8)", NULL};

	roff_head(to, "ectl", 1, ECT_DATE, ECT_VERSION);
	roff_name(to, "ectl", "ask, feed and check an append-only ledger of agents' tasks");
	roff_section(to, "SYNOPSIS");
	(void)fprintf(to, ".B ectl\n");
	roff_line(to, "[global options] VERB [options] [operands]");
	roff_section(to, "DESCRIPTION");
	roff_text(to, "One tool for agents, auditors and operators of an ectledger: it signs and "
		      "appends records "
		      "of tasks, looks them up, follows what led to what, proves and verifies.\n"
		      "Results go to standard output and nothing else does; words for people, "
		      "progress bars and "
		      "errors go to standard error. Global options may stand before or behind the "
		      "verb; where a "
		      "verb has an option of the same name, the verb's own wins behind it.");
	roff_section(to, "VERBS");
	for (; *verbs != NULL; verbs++)
		roff_item(to, (*verbs)->name,
		    (*verbs)->operands[0] != '\0' ? (*verbs)->operands : NULL, (*verbs)->help);
	(void)fputs(".PP\n", to);
	roff_line(to, "Each verb has a page of its own, such as ectl-append(1).");
	roff_section(to, "OPTIONS");
	put_options(to, args_global_options);
	roff_section(to, "ENVIRONMENT");
	roff_item(to, "ECTL_SERVER, ECTL_CERT, ECTL_KEY, ECTL_CA, ECTL_LOG, ECTL_RETRIES", NULL,
	    "Defaults of the options of these names.");
	roff_item(to, "ECTL_INSECURE_LOOPBACK", NULL, "1: as with --insecure-loopback.");
	roff_item(to, "NO_COLOR", NULL, "Tables without bold heads.");
	put_exit_status(to);
	put_examples(to, &top);
	roff_see_also(to, see);
}

static int
write_page(const char *dir, const char *name, const struct verb *v)
{
	char *path = NULL;
	FILE *to;
	int bad;

	if (asprintf(&path, "%s/%s.1", dir, name) < 0)
		return fail(EXIT_USAGE, "out of memory");
	if ((to = fopen(path, "w")) == NULL) {
		(void)fail(EXIT_USAGE, "cannot write %s: %s", path, strerror(errno));
		free(path);
		return EXIT_USAGE;
	}
	if (v != NULL)
		put_verb(to, v);
	else
		put_top(to, ectl_verbs);
	bad = ferror(to);
	bad |= fclose(to);
	if (bad)
		(void)fail(EXIT_USAGE, "cannot write %s", path);
	free(path);
	return bad ? EXIT_USAGE : EXIT_YES;
}

static int
write_pages(const char *dir)
{
	char name[64];
	int code;

	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return fail(EXIT_USAGE, "cannot make the folder %s: %s", dir, strerror(errno));
	code = write_page(dir, "ectl", NULL);
	for (size_t i = 0; ectl_verbs[i] != NULL && code == 0; i++) {
		(void)snprintf(name, sizeof name, "ectl-%s", ectl_verbs[i]->name);
		code = write_page(dir, name, ectl_verbs[i]);
	}
	return code;
}

static int
man_run(const struct globals *g, const struct args *a)
{
	const char *dir = args_get(a, "--out");
	const struct verb *const *v = ectl_verbs;

	(void)g;
	if (dir != NULL && a->operand_count > 0)
		return fail(EXIT_USAGE, "--out writes all pages: leave the verb out");
	if (dir != NULL)
		return write_pages(dir);
	if (a->operand_count == 0) {
		put_top(stdout, ectl_verbs);
		return EXIT_YES;
	}
	while (*v != NULL && strcmp((*v)->name, a->operands[0]) != 0)
		v++;
	if (*v == NULL)
		return fail(EXIT_USAGE, "no verb \"%s\"; \"ectl -h\" lists them", a->operands[0]);
	put_verb(stdout, *v);
	return EXIT_YES;
}

static const struct verb_option man_options[] = {
    {"--out", "DIR", "write the pages of ectl and all verbs into this folder", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_man = {
    "man", "[VERB]", "the manual page of ectl, or of a verb, as roff", man_options, 0, 1, man_run};
