/*
 * completion.c - "ectl completion": scripts for bash, zsh and fish from the tables of verbs and options.
 *
 * What stands behind an option is read from its value's name: words between bars are the words, FILE
 * is a file, DIR a folder, anything else nobody can guess.  Of a verb's operands, small letters are
 * words to choose from in the first place.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "args.h"

enum want { WANT_NOTHING, WANT_WORDS, WANT_FILE, WANT_DIR };

static enum want
want_of(const char *value)
{
	size_t n = strlen(value);

	if (strchr(value, '|') != NULL)
		return WANT_WORDS;
	if (n >= 3 && strcmp(value + n - 3, "DIR") == 0)
		return WANT_DIR;
	return strcmp(value, "FILE") == 0 || strcmp(value, "VKEY") == 0 ? WANT_FILE : WANT_NOTHING;
}

/* Called for each word of "a|b|c". */
static void
put_words(const char *value, const char *between)
{
	const char *first = "";

	while (*value != '\0') {
		size_t n = strcspn(value, "|");

		(void)printf("%s%.*s", first, (int)n, value);
		first = between;
		value += n + (value[n] == '|');
	}
}

/* The words that a verb's operands begin with; how many. */
static size_t
put_literals(const struct verb *v, const char *between)
{
	const char *p = v->operands;
	size_t count = 0;

	while (*p != '\0') {
		size_t n = strcspn(p, " |[].");
		bool word = n > 0;

		for (size_t i = 0; i < n; i++)
			word = word && (islower((unsigned char)p[i]) || p[i] == '-');
		if (word)
			(void)printf("%s%.*s", count++ > 0 ? between : "", (int)n, p);
		p += n + (p[n] != '\0');
	}
	return count;
}

static bool
has_literals(const struct verb *v)
{
	return strpbrk(v->operands, "abcdefghijklmnopqrstuvwxyz") != NULL;
}

static enum want
operand_want(const struct verb *v)
{
	if (strstr(v->operands, "FILE") != NULL)
		return WANT_FILE;
	return strstr(v->operands, "DIR") != NULL ? WANT_DIR : WANT_NOTHING;
}

/* ---- bash ---- */

static void
bash_options(const struct verb_option *options)
{
	for (const struct verb_option *o = options; o != NULL && o->name != NULL; o++)
		(void)printf("%s%s", o == options ? "" : " ", o->name);
}

/* One case for each option with a value: VERB:OPTION, or *:OPTION for a global one. */
static void
bash_values(const char *verb, const struct verb_option *options)
{
	for (const struct verb_option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->value == NULL)
			continue;
		(void)printf("\t%s:%s) ", verb, o->name);
		switch (want_of(o->value)) {
		case WANT_WORDS:
			(void)fputs("_ectl_words \"$cur\" ", stdout);
			put_words(o->value, " ");
			break;
		case WANT_FILE:
			(void)fputs("_ectl_paths -f \"$cur\"", stdout);
			break;
		case WANT_DIR:
			(void)fputs("_ectl_paths -d \"$cur\"", stdout);
			break;
		default:
			(void)fputs(":", stdout);
		}
		(void)fputs("; return ;;\n", stdout);
	}
}

static void
bash_takes(const char *verb, const struct verb_option *options)
{
	for (const struct verb_option *o = options; o != NULL && o->name != NULL; o++)
		if (o->value != NULL)
			(void)printf("|%s:%s", verb, o->name);
}

static void
bash_operands(const struct verb *v)
{
	(void)printf("\t%s)", v->name);
	if (has_literals(v)) {
		(void)fputs(" if ((operands == 0)); then _ectl_words \"$cur\" ", stdout);
		(void)put_literals(v, " ");
		(void)fputs("; return; fi;", stdout);
	}
	if (operand_want(v) != WANT_NOTHING)
		(void)printf(
		    " _ectl_paths %s \"$cur\"", operand_want(v) == WANT_FILE ? "-f" : "-d");
	else
		(void)fputs(" :", stdout);
	(void)fputs(" ;;\n", stdout);
}

static void
bash(const struct verb *const *verbs)
{
	(void)fputs("# bash completion for ectl; made by \"ectl completion bash\"\n"
		    "_ectl_words() # CUR WORD...\n{\n"
		    "\tmapfile -t COMPREPLY < <(compgen -W \"${*:2}\" -- \"$1\")\n}\n"
		    "_ectl_paths() # -f|-d CUR\n{\n"
		    "\tcompopt -o filenames 2>/dev/null\n"
		    "\tmapfile -t COMPREPLY < <(compgen \"$1\" -- \"$2\")\n}\n"
		    "_ectl()\n{\n"
		    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
		    "\tlocal verb= operands=0 i own=\n\n"
		    "\tCOMPREPLY=()\n"
		    "\tif [[ $cur == = ]]; then\n\t\tcur=\n"
		    "\telif [[ $prev == = ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n\tfi\n"
		    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		    "\t\tcase $verb:${COMP_WORDS[i]} in\n\t\t:",
	    stdout);
	bash_takes("*", args_global_options);
	for (const struct verb *const *v = verbs; *v != NULL; v++)
		bash_takes((*v)->name, (*v)->options);
	(void)fputs(")\n\t\t\ti=$((i + 1))\n"
		    "\t\t\tif [[ ${COMP_WORDS[i]} == = ]]; then i=$((i + 1)); fi ;;\n"
		    "\t\t*:-?*) ;;\n"
		    "\t\t:*) verb=${COMP_WORDS[i]} ;;\n"
		    "\t\t*) operands=$((operands + 1)) ;;\n"
		    "\t\tesac\n\tdone\n"
		    "\tcase $verb:$prev in\n",
	    stdout);
	for (const struct verb *const *v = verbs; *v != NULL; v++)
		bash_values((*v)->name, (*v)->options);
	bash_values("*", args_global_options);
	(void)fputs("\tesac\n\tif [[ $cur == -* ]]; then\n\t\tcase $verb in\n", stdout);
	for (const struct verb *const *v = verbs; *v != NULL; v++) {
		if ((*v)->options == NULL)
			continue;
		(void)printf("\t\t%s) own='", (*v)->name);
		bash_options((*v)->options);
		(void)fputs("' ;;\n", stdout);
	}
	(void)fputs("\t\tesac\n\t\t_ectl_words \"$cur\" \"$own\" ", stdout);
	bash_options(args_global_options);
	(void)fputs("\n\t\treturn\n\tfi\n\tcase $verb in\n\t'') _ectl_words \"$cur\"", stdout);
	for (const struct verb *const *v = verbs; *v != NULL; v++)
		(void)printf(" %s", (*v)->name);
	(void)fputs(" ;;\n", stdout);
	for (const struct verb *const *v = verbs; *v != NULL; v++)
		if ((*v)->operands[0] != '\0')
			bash_operands(*v);
	(void)fputs("\tesac\n}\ncomplete -F _ectl ectl\n", stdout);
}

/* ---- zsh ---- */

/* Text inside '...[text]': quotes and the characters that _arguments reads. */
static void
zsh_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			(void)fputs("'\\''", stdout);
		else if (strchr("[]:\\", *text) != NULL)
			(void)printf("\\%c", *text);
		else
			(void)fputc(*text, stdout);
	}
}

static void
zsh_action(enum want want, const char *words)
{
	if (want == WANT_WORDS) {
		(void)fputc('(', stdout);
		put_words(words, " ");
		(void)fputc(')', stdout);
	} else if (want != WANT_NOTHING) {
		(void)fputs(want == WANT_FILE ? "_files" : "_files -/", stdout);
	}
}

static void
zsh_options(const struct verb_option *options, const char *indent)
{
	for (const struct verb_option *o = options; o != NULL && o->name != NULL; o++) {
		(void)printf(" \\\n%s'%s%s%s[", indent, o->many ? "*" : "", o->name,
		    o->value != NULL && o->name[1] == '-' ? "=" : "");
		zsh_text(o->help);
		(void)fputc(']', stdout);
		if (o->value != NULL) {
			(void)fputc(':', stdout);
			zsh_text(o->value);
			(void)fputc(':', stdout);
			zsh_action(want_of(o->value), o->value);
		}
		(void)fputc('\'', stdout);
	}
}

static void
zsh_verb(const struct verb *v)
{
	(void)printf("\t\t%s)\n\t\t\t_arguments \"$globals[@]\"", v->name);
	zsh_options(v->options, "\t\t\t\t");
	if (has_literals(v)) {
		(void)fputs(" \\\n\t\t\t\t'1:what:(", stdout);
		(void)put_literals(v, " ");
		(void)fputs(")'", stdout);
	}
	if (v->operands[0] != '\0') {
		(void)fputs(" \\\n\t\t\t\t'*:", stdout);
		zsh_text(v->operands);
		(void)fputc(':', stdout);
		zsh_action(operand_want(v), "");
		(void)fputc('\'', stdout);
	}
	(void)fputs(" ;;\n", stdout);
}

static void
zsh(const struct verb *const *verbs)
{
	(void)fputs("#compdef ectl\n# zsh completion for ectl; made by \"ectl completion zsh\"\n"
		    "_ectl()\n{\n\tlocal curcontext=$curcontext state line\n"
		    "\tlocal -a globals verbs\n\n\tglobals=(",
	    stdout);
	zsh_options(args_global_options, "\t\t");
	(void)fputs("\n\t)\n\tverbs=(\n", stdout);
	for (const struct verb *const *v = verbs; *v != NULL; v++) {
		(void)printf("\t\t'%s:", (*v)->name);
		zsh_text((*v)->help);
		(void)fputs("'\n", stdout);
	}
	(void)fputs("\t)\n\t_arguments -C \"$globals[@]\" '1:verb:->verb' '*::operand:->rest'\n"
		    "\tcase $state in\n\tverb) _describe verb verbs ;;\n\trest)\n"
		    "\t\tcase $line[1] in\n",
	    stdout);
	for (const struct verb *const *v = verbs; *v != NULL; v++)
		zsh_verb(*v);
	(void)fputs("\t\tesac ;;\n\tesac\n}\n"
		    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n\t_ectl \"$@\"\nelse\n"
		    "\tcompdef _ectl ectl\nfi\n",
	    stdout);
}

/* ---- fish ---- */

static void
fish_text(const char *text)
{
	(void)fputc('\'', stdout);
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			(void)fputc('\\', stdout);
		(void)fputc(*text, stdout);
	}
	(void)fputc('\'', stdout);
}

static void
fish_options(const char *condition, const struct verb_option *options)
{
	for (const struct verb_option *o = options; o != NULL && o->name != NULL; o++) {
		(void)printf("complete -c ectl%s %s %s", condition, o->name[1] == '-' ? "-l" : "-s",
		    o->name + (o->name[1] == '-' ? 2 : 1));
		switch (o->value != NULL ? want_of(o->value) : WANT_NOTHING) {
		case WANT_WORDS:
			(void)fputs(" -x -a '", stdout);
			put_words(o->value, " ");
			(void)fputc('\'', stdout);
			break;
		case WANT_FILE:
			(void)fputs(" -r -F", stdout);
			break;
		case WANT_DIR:
			(void)fputs(" -x -a '(__fish_complete_directories)'", stdout);
			break;
		default:
			if (o->value != NULL)
				(void)fputs(" -x", stdout);
		}
		(void)fputs(" -d ", stdout);
		fish_text(o->help);
		(void)fputc('\n', stdout);
	}
}

static void
fish(const struct verb *const *verbs)
{
	char condition[128];

	(void)fputs("# fish completion for ectl; made by \"ectl completion fish\"\n"
		    "complete -c ectl -f\n",
	    stdout);
	fish_options("", args_global_options);
	for (const struct verb *const *v = verbs; *v != NULL; v++) {
		(void)printf("complete -c ectl -n __fish_use_subcommand -a %s -d ", (*v)->name);
		fish_text((*v)->help);
		(void)fputc('\n', stdout);
		(void)snprintf(condition, sizeof condition, " -n '__fish_seen_subcommand_from %s'",
		    (*v)->name);
		fish_options(condition, (*v)->options);
		if (has_literals(*v)) {
			(void)printf("complete -c ectl%s -a '", condition);
			(void)put_literals(*v, " ");
			(void)fputs("'\n", stdout);
		}
		if (operand_want(*v) == WANT_FILE)
			(void)printf("complete -c ectl%s -F\n", condition);
		else if (operand_want(*v) == WANT_DIR)
			(void)printf(
			    "complete -c ectl%s -a '(__fish_complete_directories)'\n", condition);
	}
}

/* ---- the verb ---- */

static int
completion_run(const struct globals *g, const struct args *a)
{
	static const struct {
		const char *name;
		void (*put)(const struct verb *const *verbs);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	(void)g;
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(a->operands[0], shells[i].name) == 0) {
			shells[i].put(ectl_verbs);
			return EXIT_YES;
		}
	return fail(EXIT_USAGE, "completion wants bash, zsh or fish, not \"%s\"", a->operands[0]);
}

const struct verb verb_completion = {
    "completion", "bash|zsh|fish", "a completion script for the shell", NULL, 1, 1, completion_run};
