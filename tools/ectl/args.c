/*
 * args.c - one pass over argv.  State: has the verb been seen?  Before it only global options and
 * the verb may come.
 */
#include "args.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/text.h"

#define SERVER_DEFAULT "127.0.0.1:7400"

/* The order is that of set_global(). */
const struct verb_option args_global_options[] = {
    {"--server", "HOST:PORT", "where ectledgerd listens (ECTL_SERVER; default " SERVER_DEFAULT ")",
	false},
    {"--cert", "FILE", "this client's certificate, PEM (ECTL_CERT)", false},
    {"--key", "FILE", "its private key, PEM (ECTL_KEY)", false},
    {"--ca", "FILE", "the CA that the server's certificate must lead to, PEM (ECTL_CA)", false},
    {"--insecure-loopback", NULL,
	"no TLS; only to a server on this machine (ECTL_INSECURE_LOOPBACK=1)", false},
    {"--log", "NAME", "which log of the server (ECTL_LOG; default \"default\")", false},
    {"-o", "table|json|ndjson", "default: table on a terminal, else json", false},
    {"--at", "SIZE", "answer as of this older tree size", false},
    {"--retries", "N",
	"how often a lost connection is made again, with growing pauses (ECTL_RETRIES; default 3)",
	false},
    {"-h", NULL, "this help; behind a verb, that verb's", false},
    {"--version", NULL, "the version", false},
    {NULL, NULL, NULL, false},
};
enum {
	G_SERVER,
	G_CERT,
	G_KEY,
	G_CA,
	G_INSECURE,
	G_LOG,
	G_OUTPUT,
	G_AT,
	G_RETRIES,
	G_HELP,
	G_VERSION
};

const char *
args_nth(const struct args *a, const char *name, size_t i)
{
	for (size_t n = 0; n < a->given; n++)
		if (strcmp(a->options[a->which[n]].name, name) == 0 && i-- == 0)
			return a->value[n];
	return NULL;
}

const char *
args_get(const struct args *a, const char *name)
{
	const char *found = NULL;

	for (size_t n = 0; n < a->given; n++)
		if (strcmp(a->options[a->which[n]].name, name) == 0)
			found = a->value[n];
	return found;
}

bool
args_has(const struct args *a, const char *name)
{
	return args_get(a, name) != NULL;
}

/* Decimal digits only: no sign, no blanks, no overflow. */
static bool
number(const char *text, uint64_t *out)
{
	uint64_t v = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (*text < '0' || *text > '9' || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

bool
args_u64(const struct args *a, const char *name, uint64_t *out)
{
	const char *text = args_get(a, name);

	if (text == NULL || number(text, out))
		return true;
	(void)fail(EXIT_USAGE, "%s wants a number, not \"%s\"", name, text);
	return false;
}

bool
args_uuid(const char *text, uint8_t out[16], const char *what)
{
	must(text != NULL);
	if (uuid_parse(bytes_str(text), out))
		return true;
	(void)fail(EXIT_USAGE,
	    "%s wants a UUID such as 6f1e8f1c-3b0a-4c7e-9a52-0d6f6c1d2e3f, not \"%s\"", what, text);
	return false;
}

/* ---- parsing ---- */

static bool
set_retries(struct globals *g, const char *value)
{
	uint64_t n = 0;

	if (number(value, &n) && n >= 1 && n <= 1000) {
		g->retries = (unsigned)n;
		return true;
	}
	(void)fail(EXIT_USAGE, "--retries wants a number from 1 to 1000, not \"%s\"", value);
	return false;
}

static bool
set_global(struct globals *g, size_t option, const char *value)
{
	switch (option) {
	case G_SERVER:
		g->server = value;
		return true;
	case G_CERT:
		g->cert = value;
		return true;
	case G_KEY:
		g->key = value;
		return true;
	case G_CA:
		g->ca = value;
		return true;
	case G_INSECURE:
		g->insecure_loopback = true;
		return true;
	case G_LOG:
		g->log = value;
		return true;
	case G_OUTPUT:
		g->output_given = true;
		for (int i = OUTPUT_TABLE; i <= OUTPUT_NDJSON; i++) {
			static const char *const names[] = {"table", "json", "ndjson"};

			g->output = (enum output)i;
			if (strcmp(value, names[i]) == 0)
				return true;
		}
		(void)fail(EXIT_USAGE, "-o wants table, json or ndjson, not \"%s\"", value);
		return false;
	case G_RETRIES:
		return set_retries(g, value);
	default:
		must(option == G_AT);
		if (number(value, &g->at) && g->at > 0)
			return true;
		(void)fail(EXIT_USAGE, "--at wants a tree size from 1, not \"%s\"", value);
		return false;
	}
}

static bool
globals_default(struct globals *g)
{
	const char *insecure = getenv("ECTL_INSECURE_LOOPBACK"), *retries = getenv("ECTL_RETRIES");

	memset(g, 0, sizeof *g);
	g->server = getenv("ECTL_SERVER");
	if (g->server == NULL || g->server[0] == '\0')
		g->server = SERVER_DEFAULT;
	g->cert = getenv("ECTL_CERT");
	g->key = getenv("ECTL_KEY");
	g->ca = getenv("ECTL_CA");
	g->log = getenv("ECTL_LOG");
	g->insecure_loopback = insecure != NULL && strcmp(insecure, "1") == 0;
	g->output = isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_JSON;
	g->progress = isatty(STDERR_FILENO) != 0;
	return retries == NULL || retries[0] == '\0' || set_retries(g, retries);
}

/* "--name" or "--name=value" in a table; the index, or SIZE_MAX. */
static size_t
find_option(const struct verb_option *options, const char *word, const char **attached)
{
	const char *equals = strchr(word, '=');
	size_t n = equals != NULL && word[1] == '-' ? (size_t)(equals - word) : strlen(word);

	*attached = word[n] == '=' ? word + n + 1 : NULL;
	for (size_t i = 0; options != NULL && options[i].name != NULL; i++)
		if (strlen(options[i].name) == n && memcmp(options[i].name, word, n) == 0)
			return i;
	return SIZE_MAX;
}

/* Levenshtein, small words only: for "did you mean". */
static size_t
distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b);

	if (n >= 32 || strlen(a) >= 32)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[n];
}

static const struct verb *
find_verb(const struct verb *const *verbs, const char *word)
{
	const struct verb *near = NULL;
	size_t best = 3;

	for (; *verbs != NULL; verbs++) {
		size_t d = distance(word, (*verbs)->name);

		if (d == 0)
			return *verbs;
		if (d < best) {
			best = d;
			near = *verbs;
		}
	}
	if (near != NULL)
		(void)fail(EXIT_USAGE, "no verb \"%s\"; did you mean \"%s\"?", word, near->name);
	else
		(void)fail(EXIT_USAGE, "no verb \"%s\"; \"ectl -h\" lists them", word);
	return NULL;
}

/* Thumbprints are base64url, so one in 64 begins with a dash: "-_vRNtf..." is meant as it stands. */
static bool
dashed_operand(const struct command *c, const char *word)
{
	return c->verb != NULL && c->verb->operands_max > 0 && word[1] != '-' && word[2] != '\0';
}

static void
no_option(const struct command *c, const char *word)
{
	if (c->verb == NULL)
		(void)fail(EXIT_USAGE, "no option \"%s\"; \"ectl -h\" lists them", word);
	else
		(void)fail(EXIT_USAGE, "no option \"%s\" of %s; \"ectl %s -h\" lists them%s", word,
		    c->verb->name, c->verb->name,
		    c->verb->operands_max > 0
			? "; for a word that begins with dashes put -- before it"
			: "");
}

/* The option at argv[*i]; moves *i over its value.  ARGS_RUN: go on. */
static enum args_result
take_option(struct command *c, int argc, char *const *argv, int *i)
{
	const struct verb_option *own = c->verb != NULL ? c->verb->options : NULL, *option;
	const char *word = argv[*i], *value;
	size_t n = find_option(own, word, &value);
	bool global = n == SIZE_MAX;

	if (global && strcmp(word, "--help") == 0)
		return ARGS_HELP;
	if (global)
		n = find_option(args_global_options, word, &value);
	if (n == SIZE_MAX && dashed_operand(c, word)) {
		c->operands[c->args.operand_count++] = word;
		return ARGS_RUN;
	}
	if (n == SIZE_MAX) {
		no_option(c, word);
		return ARGS_BAD;
	}
	option = global ? &args_global_options[n] : &own[n];
	if (option->value == NULL && value != NULL) {
		(void)fail(EXIT_USAGE, "%s takes no value", option->name);
		return ARGS_BAD;
	}
	if (option->value != NULL && value == NULL && *i + 1 >= argc) {
		(void)fail(EXIT_USAGE, "%s wants %s behind it", option->name, option->value);
		return ARGS_BAD;
	}
	if (option->value != NULL && value == NULL)
		value = argv[++*i];
	if (global && (n == G_HELP || n == G_VERSION))
		return n == G_HELP ? ARGS_HELP : ARGS_VERSION;
	if (global)
		return set_global(&c->globals, n, value) ? ARGS_RUN : ARGS_BAD;
	for (size_t k = 0; k < c->args.given && !option->many; k++)
		if (c->which[k] == n) {
			(void)fail(EXIT_USAGE, "%s is given twice", option->name);
			return ARGS_BAD;
		}
	c->which[c->args.given] = n;
	c->value[c->args.given++] = value != NULL ? value : "";
	return ARGS_RUN;
}

/* "ectl help append" is "ectl append -h". */
static enum args_result
take_word(struct command *c, const struct verb *const *verbs, const char *word, bool *help)
{
	if (c->verb != NULL) {
		c->operands[c->args.operand_count++] = word;
		return ARGS_RUN;
	}
	if (!*help && strcmp(word, "help") == 0) {
		*help = true;
		return ARGS_RUN;
	}
	c->verb = find_verb(verbs, word);
	if (c->verb == NULL)
		return ARGS_BAD;
	c->args.options = c->verb->options;
	return *help ? ARGS_HELP : ARGS_RUN;
}

static enum args_result
check_operands(const struct command *c)
{
	const struct verb *v = c->verb;
	size_t n = c->args.operand_count;

	if (n >= v->operands_min && n <= v->operands_max)
		return ARGS_RUN;
	if (n > v->operands_max)
		(void)fail(EXIT_USAGE, "%s: \"%s\" is one word too many; usage: ectl %s %s",
		    v->name, c->args.operands[v->operands_max], v->name, v->operands);
	else
		(void)fail(EXIT_USAGE, "%s: something is missing; usage: ectl %s %s", v->name,
		    v->name, v->operands);
	return ARGS_BAD;
}

enum args_result
args_parse(int argc, char *const *argv, const struct verb *const *verbs, struct command *out)
{
	size_t room = argc > 0 ? (size_t)argc : 1;
	enum args_result r = ARGS_RUN;
	bool words_only = false, help = false;

	memset(out, 0, sizeof *out);
	if (!globals_default(&out->globals))
		return ARGS_BAD;
	out->value = calloc(room, sizeof *out->value);
	out->which = calloc(room, sizeof *out->which);
	out->operands = calloc(room, sizeof *out->operands);
	if (out->value == NULL || out->which == NULL || out->operands == NULL) {
		(void)fail(EXIT_USAGE, "out of memory");
		return ARGS_BAD;
	}
	out->args.value = out->value;
	out->args.which = out->which;
	out->args.operands = out->operands;
	for (int i = 1; i < argc && r == ARGS_RUN; i++) {
		if (!words_only && strcmp(argv[i], "--") == 0)
			words_only = true;
		else if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0')
			r = take_option(out, argc, argv, &i);
		else
			r = take_word(out, verbs, argv[i], &help);
	}
	if (r != ARGS_RUN)
		return r;
	if (help)
		return ARGS_HELP;
	if (out->verb == NULL) {
		(void)fail(EXIT_USAGE, "say what to do: \"ectl -h\" lists the verbs");
		return ARGS_BAD;
	}
	return check_operands(out);
}

void
args_release(struct command *c)
{
	free(c->value);
	free(c->which);
	free(c->operands);
	memset(c, 0, sizeof *c);
}
