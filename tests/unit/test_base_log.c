/* test_base_log.c - one line per event, nothing forged. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

static struct log_sink sink;
static int out[2];

static void
open_sink(int json)
{
	cr_assert_eq(pipe(out), 0);
	sink = (struct log_sink){.fd = out[1], .level = LOG_INFO, .json = json};
}

static const char *
line(void)
{
	static char text[8192];
	ssize_t n;

	close(out[1]);
	n = read(out[0], text, sizeof(text) - 1);
	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

Test(base_log, a_line_has_time_level_event_and_its_pairs)
{
	const char *s;

	open_sink(0);
	log_event(&sink, LOG_WARN, "start", "port", LOG_U64(4433), "name", "x", NULL);
	s = line();
	cr_assert_eq(strncmp(s, "ts=20", 5), 0);
	cr_assert_not_null(strstr(s, "Z level=warn event=start port=4433 name=x\n"));
}

Test(base_log, a_lower_level_is_not_written)
{
	open_sink(0);
	log_event(&sink, LOG_DEBUG, "noise", NULL);
	cr_assert_str_eq(line(), "");
}

Test(base_log, a_value_cannot_start_a_line_or_forge_a_pair)
{
	const char *s;

	open_sink(0);
	log_event(&sink, LOG_INFO, "e", "v", "a\nlevel=error \"q\" \x1b[31m \\", "w", "", NULL);
	s = line();
	cr_assert_not_null(
	    strstr(s, "v=\"a\\u000alevel=error \\\"q\\\" \\u001b[31m \\\\\" w=\"\"\n"));
	cr_assert_eq(strchr(s, '\n'), s + strlen(s) - 1);
}

Test(base_log, control_characters_beyond_ascii_do_not_reach_a_terminal)
{
	open_sink(0);
	log_event(&sink, LOG_INFO, "e", "v", "a\xc2\x9b" "31m\xc2\xa0", NULL);
	cr_assert_not_null(strstr(line(), "v=\"a\\u009b31m\xc2\xa0\"\n"));
}

Test(base_log, bytes_that_are_not_utf8_are_replaced)
{
	open_sink(0);
	log_event(&sink, LOG_INFO, "e", "v", "a\xff", "u", "\xc3\xbc", NULL);
	cr_assert_not_null(strstr(line(), "v=\"a\\ufffd\" u=\"\xc3\xbc\"\n"));
}

Test(base_log, a_line_too_long_is_cut_at_a_pair_and_says_so)
{
	char big[5000];
	const char *s;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	open_sink(0);
	log_event(&sink, LOG_INFO, "e", "k", "v", "big", big, "after", "x", NULL);
	s = line();
	cr_assert_not_null(strstr(s, "event=e k=v cut=yes\n"));
	cr_assert_null(strstr(s, "big"));
}

Test(base_log, the_json_form_is_json_whatever_the_value)
{
	struct json_limits limits = {.size_max = 8192, .depth_max = 2, .nodes_max = 20};
	struct json_node *root;
	struct arena a;
	const char *s;

	open_sink(1);
	log_event(&sink, LOG_ERROR, "e", "v", "a\n\"\xff\\\x7f", "n", NULL, NULL);
	s = line();
	arena_init(&a, 1 << 16);
	cr_assert_eq(json_parse(bytes_str(s), &limits, true, &a, &root, NULL), RC_OK);
	cr_assert(bytes_is(json_member(root, "level")->text, "error"));
	cr_assert(bytes_is(json_member(root, "v")->text, "a\n\"\xef\xbf\xbd\\\x7f"));
	cr_assert(bytes_is(json_member(root, "n")->text, ""));
	arena_release(&a);
}

Test(base_log, a_cut_json_line_is_still_json)
{
	struct json_limits limits = {.size_max = 8192, .depth_max = 2, .nodes_max = 20};
	struct json_node *root;
	struct arena a;
	char big[5000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	open_sink(1);
	log_event(&sink, LOG_INFO, "e", "big", big, NULL);
	arena_init(&a, 1 << 16);
	cr_assert_eq(json_parse(bytes_str(line()), &limits, true, &a, &root, NULL), RC_OK);
	cr_assert(bytes_is(json_member(root, "cut")->text, "yes"));
	arena_release(&a);
}
