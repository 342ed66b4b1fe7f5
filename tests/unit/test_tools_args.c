/*
 * ectl's command line: one table parses and explains it.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>

/* The tool is a program, not a library: its files come in as they are. */
#include "tools/ectl/args.c"
#include "tools/ectl/args_help.c"
#include "tools/ectl/pages.c"
#include "tools/ectl/output.c"

static int
run_nothing(const struct globals *g, const struct args *a)
{
	(void)g;
	(void)a;
	return 0;
}

static const struct verb_option options[] = {
    {"--wid", "UUID", "a workflow", false},
    {"--pred", "UUID", "a predecessor", true},
    {"--down", NULL, "a flag", false},
    {"--key", "FILE", "a key of the verb's own", false},
    {NULL, NULL, NULL, false},
};
static const struct verb plain = {
    "append", "[FILE...]", "append tokens", NULL, 0, SIZE_MAX, run_nothing};
static const struct verb full = {"sign", "JTI", "sign", options, 1, 1, run_nothing};
static const struct verb none = {"none", "", "nothing", NULL, 0, 0, run_nothing};
static const struct verb *const verbs[] = {&plain, &full, &none, NULL};

#define PARSE(c, ...)                                                                              \
	args_parse((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)),                        \
	    (char *[]){__VA_ARGS__}, verbs, (c))
#define BAD(...)                                                                                   \
	do {                                                                                       \
		struct command c_;                                                                 \
		cr_expect_eq(PARSE(&c_, "ectl", __VA_ARGS__), ARGS_BAD);                           \
		args_release(&c_);                                                                 \
	} while (0)

static void
setup(void)
{
	static const char *const names[] = {"ECTL_SERVER", "ECTL_CERT", "ECTL_KEY", "ECTL_CA",
	    "ECTL_LOG", "ECTL_INSECURE_LOOPBACK", "ECTL_RETRIES"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		(void)unsetenv(names[i]);
	cr_redirect_stderr();
}
TestSuite(tools_args, .init = setup);

Test(tools_args, global_options_stand_before_or_behind_the_verb)
{
	struct command c;

	cr_assert_eq(
	    PARSE(&c, "ectl", "--server", "h:1", "append", "-o", "ndjson", "--at", "7", "file"),
	    ARGS_RUN);
	cr_expect_eq(c.verb, &plain);
	cr_expect_str_eq(c.globals.server, "h:1");
	cr_expect_eq(c.globals.output, OUTPUT_NDJSON);
	cr_expect(c.globals.output_given);
	cr_expect_eq(c.globals.at, 7u);
	cr_assert_eq(c.args.operand_count, 1u);
	cr_expect_str_eq(c.args.operands[0], "file");
	args_release(&c);
}

Test(tools_args, behind_the_verb_its_own_option_wins_before_it_the_global_one)
{
	struct command c;

	cr_assert_eq(
	    PARSE(&c, "ectl", "--key", "tls.pem", "sign", "--key", "agent.jwk", "x"), ARGS_RUN);
	cr_expect_str_eq(c.globals.key, "tls.pem");
	cr_expect_str_eq(args_get(&c.args, "--key"), "agent.jwk");
	args_release(&c);
}

Test(tools_args, a_value_follows_or_is_joined_with_an_equals_sign)
{
	struct command c;

	cr_assert_eq(
	    PARSE(&c, "ectl", "--log=other", "sign", "--wid=a=b", "--pred", "-x", "j"), ARGS_RUN);
	cr_expect_str_eq(c.globals.log, "other");
	cr_expect_str_eq(args_get(&c.args, "--wid"), "a=b");
	cr_expect_str_eq(args_get(&c.args, "--pred"), "-x");
	args_release(&c);
}

Test(tools_args, options_that_may_repeat_keep_their_order)
{
	struct command c;

	cr_assert_eq(
	    PARSE(&c, "ectl", "sign", "--pred", "1", "j", "--pred", "2", "--down"), ARGS_RUN);
	cr_expect_str_eq(args_nth(&c.args, "--pred", 0), "1");
	cr_expect_str_eq(args_nth(&c.args, "--pred", 1), "2");
	cr_expect_null(args_nth(&c.args, "--pred", 2));
	cr_expect(args_has(&c.args, "--down"));
	cr_expect_not(args_has(&c.args, "--wid"));
	args_release(&c);
}

Test(tools_args, two_dashes_end_options_and_one_dash_is_an_operand)
{
	struct command c;

	cr_assert_eq(PARSE(&c, "ectl", "append", "-", "--", "-o", "--"), ARGS_RUN);
	cr_assert_eq(c.args.operand_count, 3u);
	cr_expect_str_eq(c.args.operands[0], "-");
	cr_expect_str_eq(c.args.operands[1], "-o");
	cr_expect_str_eq(c.args.operands[2], "--");
	args_release(&c);
}

Test(tools_args, a_thumbprint_may_begin_with_a_dash)
{
	struct command c;

	cr_assert_eq(PARSE(&c, "ectl", "sign", "-_vRNtf", "--wid", "-_w", "--pred=--p"), ARGS_RUN);
	cr_assert_eq(c.args.operand_count, 1u);
	cr_expect_str_eq(c.args.operands[0], "-_vRNtf");
	cr_expect_str_eq(args_get(&c.args, "--wid"), "-_w");
	cr_expect_str_eq(args_get(&c.args, "--pred"), "--p");
	args_release(&c);
	cr_assert_eq(PARSE(&c, "ectl", "sign", "--", "--_vRNtf"), ARGS_RUN);
	cr_expect_str_eq(c.args.operands[0], "--_vRNtf");
	args_release(&c);
	BAD("-_vRNtf", "sign"); /* no verb yet */
	BAD("sign", "-x");
	BAD("sign", "--_vRNtf");
	BAD("none", "-_vRNtf"); /* takes no operands */
}

Test(tools_args, the_environment_is_weaker_than_an_option)
{
	struct command c;

	(void)setenv("ECTL_SERVER", "env:1", 1);
	(void)setenv("ECTL_LOG", "envlog", 1);
	(void)setenv("ECTL_INSECURE_LOOPBACK", "1", 1);
	(void)setenv("ECTL_RETRIES", "7", 1);
	cr_assert_eq(PARSE(&c, "ectl", "append", "--server", "opt:2"), ARGS_RUN);
	cr_expect_str_eq(c.globals.server, "opt:2");
	cr_expect_str_eq(c.globals.log, "envlog");
	cr_expect(c.globals.insecure_loopback);
	cr_expect_eq(c.globals.retries, 7u);
	args_release(&c);
	(void)setenv("ECTL_RETRIES", "many", 1);
	BAD("append");
}

Test(tools_args, output_that_is_no_terminal_is_json)
{
	struct command c;

	cr_redirect_stdout();
	cr_assert_eq(PARSE(&c, "ectl", "append"), ARGS_RUN);
	cr_expect_eq(c.globals.output, OUTPUT_JSON);
	cr_expect_not(c.globals.output_given);
	args_release(&c);
}

Test(tools_args, unknown_words_and_missing_values_are_usage_errors)
{
	BAD("nope");
	BAD("--nope", "append");
	BAD("append", "--nope");
	BAD("append", "--wid", "x"); /* another verb's option */
	BAD("sign", "--wid");
	BAD("--server");
	BAD("sign", "--down=1", "x");
	BAD("sign", "--wid", "a", "--wid", "b", "x");
	BAD("-o", "xml", "append");
	BAD("--at", "0", "append");
	BAD("--at", "-1", "append");
	BAD("--retries", "0", "append");
	BAD("--retries", "1001", "append");
	BAD("--at", "18446744073709551616", "append");
}

Test(tools_args, no_verb_too_few_and_too_many_operands_are_usage_errors)
{
	struct command c;

	cr_expect_eq(PARSE(&c, "ectl"), ARGS_BAD);
	args_release(&c);
	BAD("sign");
	BAD("sign", "a", "b");
}

Test(tools_args, help_is_found_anywhere)
{
	struct command c;

	cr_expect_eq(PARSE(&c, "ectl", "-h"), ARGS_HELP);
	cr_expect_null(c.verb);
	args_release(&c);
	cr_expect_eq(PARSE(&c, "ectl", "sign", "--wid", "x", "--help"), ARGS_HELP);
	cr_expect_eq(c.verb, &full);
	args_release(&c);
	cr_expect_eq(PARSE(&c, "ectl", "help", "sign"), ARGS_HELP);
	cr_expect_eq(c.verb, &full);
	args_release(&c);
	cr_expect_eq(PARSE(&c, "ectl", "help"), ARGS_HELP);
	cr_expect_null(c.verb);
	args_release(&c);
	cr_expect_eq(PARSE(&c, "ectl", "--version"), ARGS_VERSION);
	args_release(&c);
}

Test(tools_args, numbers_are_digits_up_to_the_largest)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0",
	    "18446744073709551616", "99999999999999999999"};
	uint64_t v = 5;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(number(bad[i], &v), "\"%s\"", bad[i]);
	cr_expect_eq(v, 5u, "untouched");
	cr_expect(number("18446744073709551615", &v));
	cr_expect_eq(v, UINT64_MAX);
	cr_expect(number("0", &v));
	cr_expect_eq(v, 0u);
}

Test(tools_args, a_uuid_has_one_form)
{
	uint8_t id[16];

	cr_expect(args_uuid("6f1e8f1c-3b0a-4c7e-9a52-0d6f6c1d2e3f", id, "JTI"));
	cr_expect_eq(id[0], 0x6f);
	cr_expect_not(args_uuid("6f1e8f1c3b0a4c7e9a520d6f6c1d2e3f", id, "JTI"));
	cr_expect_not(args_uuid("", id, "JTI"));
}

Test(tools_args, a_near_miss_is_suggested)
{
	cr_expect_eq(distance("apend", "append"), 1u);
	cr_expect_eq(distance("sing", "sign"), 2u);
	cr_expect_eq(distance("", "sign"), 4u);
	cr_expect_eq(distance("a-word-that-is-far-too-long-to-be-a-verb", "sign"), SIZE_MAX);
	BAD("apend");
	(void)fflush(stderr);
	cr_assert_stderr_eq_str("ectl: no verb \"apend\"; did you mean \"append\"?\n");
}

Test(tools_args, words_from_outside_cannot_move_the_cursor)
{
	(void)fail(1, "%s",
	    "a\x1b[2Jb\x07"
	    "c\xc2\x9b"
	    "d\xff\xe2\x80\xae"
	    "e\xc3\xa4");
	(void)fflush(stderr);
	cr_assert_stderr_eq_str("ectl: a?[2Jb?c??d????e\xc3\xa4\n");
}

Test(tools_args, every_line_of_help_fits_a_hundred_columns)
{
	char *text = NULL;
	size_t size = 0, column = 0;
	FILE *f = open_memstream(&text, &size);

	cr_assert(f != NULL);
	args_help(f, verbs);
	args_help_verb(f, &full);
	(void)fclose(f);
	for (size_t i = 0; i < size; i++) {
		column = text[i] == '\n' ? 0 : column + 1;
		cr_assert_leq(column, 100u);
	}
	cr_expect(strstr(text, "--pred UUID ...") != NULL);
	free(text);
}

Test(tools_args, a_table_fits_a_hundred_columns_and_numbers_stand_right)
{
	char wide[301];
	const char *cells[] = {"n", "what", "7", wide, "12", "x"};

	memset(wide, 'w', 300);
	wide[300] = '\0';
	cr_redirect_stdout();
	print_table(cells, 2, 3);
	(void)fflush(stdout);
	memcpy(wide + 93, "...", 4);
	{
		char want[512];

		(void)snprintf(want, sizeof want, " n  what\n 7  %.*s...\n12  x\n", 93, wide);
		cr_assert_stdout_eq_str(want);
	}
}

Test(tools_args, the_last_column_is_wrapped_at_blanks)
{
	char text[160];
	const char *cells[] = {"limit", "meaning", "n", text};

	memset(text, 'a', sizeof text);
	text[50] = text[89] = text[120] = ' ';
	text[159] = '\0';
	cr_redirect_stdout();
	print_table(cells, 2, 2);
	(void)fflush(stdout);
	{
		char want[512];

		(void)snprintf(want, sizeof want,
		    "limit  meaning\nn      %.89s\n       %.30s %.38s\n", text, text + 90,
		    text + 121);
		cr_assert_stdout_eq_str(want);
	}
}
