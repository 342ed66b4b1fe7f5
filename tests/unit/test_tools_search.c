/*
 * search: pages become rows until enough is there, and the last cursor is told.
 */
#include "test_client_fake.h"

#include <criterion/redirect.h>

#include "tools/ectl/args.c"
#include "tools/ectl/connect.c"
#include "tools/ectl/entry_row.c"
#include "tools/ectl/filter.c"
#include "tools/ectl/output.c"
#include "tools/ectl/search.c"
#include "tools/ectl/show.c"
#include "tools/ectl/time_read.c"

#define ENTRIES 10 /* of the fake log that fit; three a page, every second page is empty */

static void
answer_search(int fd, uint32_t call, uint64_t first, size_t count, bool complete, uint64_t next)
{
	Ectledger__V1__SearchReply reply = ECTLEDGER__V1__SEARCH_REPLY__INIT;
	Ectledger__V1__EntryView entries[3], *list[3];
	uint8_t packed[1024], cursor[2] = {0xf0, (uint8_t)next};

	for (size_t i = 0; i < count; i++) {
		ectledger__v1__entry_view__init(&entries[i]);
		entries[i].index = first + i;
		entries[i].act = (char *)(uintptr_t) "act";
		list[i] = &entries[i];
	}
	reply.entries = list;
	reply.n_entries = count;
	reply.complete = complete;
	reply.tree_size = 77;
	reply.cursor = (ProtobufCBinaryData){complete ? 0 : 2, cursor};
	fake_answer(fd, call, packed, ectledger__v1__search_reply__pack(&reply, packed));
}

/* The cursor's second byte: twice the next entry, and one when an empty page comes first. */
static void
log_of_ten(struct fake *f, int fd, unsigned connection)
{
	client_frame *frame;

	(void)connection;
	while ((frame = fake_read(fd)) != NULL) {
		Ectledger__V1__SearchRequest *r = ectledger__v1__search_request__unpack(
		    NULL, frame->message.len, frame->message.data);
		uint8_t at = r->after.len == 2 ? r->after.data[1] : 1;
		uint64_t first = at / 2;
		size_t count = ENTRIES - first < 3 ? (size_t)(ENTRIES - first) : 3;

		f->messages++;
		f->broken_rules += strcmp(r->iss, "i") != 0 || !r->brief || !r->no_wid ||
				   r->since_ms != 1000 || r->at != 5;
		if (r->limit != 0 && count > r->limit)
			count = r->limit;
		if (at % 2 == 1)
			answer_search(fd, frame->call, 0, 0, false, 2 * first);
		else
			answer_search(fd, frame->call, first, count, first + count == ENTRIES,
			    2 * (first + count) + 1);
		ectledger__v1__search_request__free_unpacked(r, NULL);
		ectledger__v1__client_frame__free_unpacked(frame, NULL);
	}
}

static int
run(struct fake *f, const char *format, char **words, int count)
{
	static const struct verb *const verbs[] = {&verb_search, NULL};
	char *argv[32] = {"ectl", "--insecure-loopback", "--server", f->server, "--at", "5",
	    "search", "--iss", "i", "--wid", "none", "--since", "1"};
	struct command c;
	int argc = 13, code;

	if (format != NULL) {
		argv[argc++] = "-o";
		argv[argc++] = (char *)(uintptr_t)format;
	}
	for (int i = 0; i < count; i++)
		argv[argc++] = words[i];
	cr_assert_eq(args_parse(argc, argv, verbs, &c), ARGS_RUN);
	code = c.verb->run(&c.globals, &c.args);
	args_release(&c);
	(void)fflush(stdout);
	(void)fflush(stderr);
	return code;
}
#define RUN(f, format, ...)                                                                        \
	run((f), (format), (char *[]){__VA_ARGS__},                                                \
	    (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)))

static void
setup(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
}
TestSuite(tools_search, .init = setup);

Test(tools_search, all_pages_become_rows_and_empty_ones_are_passed_over)
{
	struct fake f;

	fake_start(&f, log_of_ten);
	cr_expect_eq(RUN(&f, NULL, "--all"), 0);
	fake_stop(&f);
	cr_expect_eq(f.messages, 8u);
	cr_expect_eq(f.broken_rules, 0u);
	{
		FILE *out = cr_get_redirected_stdout();
		char line[2048];

		for (int i = 0; i < ENTRIES; i++) {
			json_t *row;

			cr_assert(fgets(line, sizeof line, out) != NULL);
			row = json_loads(line, 0, NULL);
			cr_expect_eq(json_integer_value(json_object_get(row, "index")), i);
			cr_expect_null(json_object_get(row, "token"), "brief");
			json_decref(row);
		}
		cr_expect(fgets(line, sizeof line, out) == NULL);
	}
	cr_assert_stderr_eq_str("10 entries; that is all up to tree size 77\n");
}

Test(tools_search, a_limit_stops_it_and_the_cursor_goes_on_there)
{
	struct fake f;

	fake_start(&f, log_of_ten);
	cr_expect_eq(RUN(&f, NULL, "--limit", "4"), 0);
	fake_stop(&f);
	cr_assert_stderr_eq_str("4 entries; go on with --after 8Ak --since 1970-01-01T00:00:01.000Z\n"); /* f0 09 */
}

Test(tools_search, a_cursor_that_is_none_is_a_usage_error)
{
	struct fake f;

	fake_start(&f, log_of_ten);
	cr_expect_eq(RUN(&f, NULL, "--after", "8Ak="), EXIT_USAGE);
	cr_expect_eq(RUN(&f, NULL, "--after", ""), EXIT_USAGE);
	cr_expect_eq(RUN(&f, NULL, "--limit", "0"), EXIT_USAGE);
	cr_expect_eq(RUN(&f, NULL, "--limit", "1", "--all"), EXIT_USAGE);
	fake_stop(&f);
	cr_expect_eq(f.messages, 0u, "nobody was asked");
}

Test(tools_search, json_is_one_object)
{
	struct fake f;
	json_t *answer;

	fake_start(&f, log_of_ten);
	cr_expect_eq(RUN(&f, "json", "--after", "8A8"), 0); /* f0 0f: from 7 */
	fake_stop(&f);
	answer = json_loadf(cr_get_redirected_stdout(), 0, NULL);
	cr_expect_eq(json_array_size(json_object_get(answer, "entries")), 3u);
	cr_expect(json_is_true(json_object_get(answer, "complete")));
	cr_expect(json_is_null(json_object_get(answer, "cursor")));
	cr_expect_eq(json_integer_value(json_object_get(answer, "tree_size")), 77);
	json_decref(answer);
	cr_assert_stderr_eq_str("");
}

/* A cursor is missing though it is not the end. */
static void
no_cursor(struct fake *f, int fd, unsigned connection)
{
	Ectledger__V1__SearchReply reply = ECTLEDGER__V1__SEARCH_REPLY__INIT;
	client_frame *frame = fake_read(fd);
	uint8_t packed[64];

	(void)f;
	(void)connection;
	if (frame == NULL)
		return;
	reply.tree_size = 1;
	fake_answer(fd, frame->call, packed, ectledger__v1__search_reply__pack(&reply, packed));
	ectledger__v1__client_frame__free_unpacked(frame, NULL);
	(void)fake_read(fd);
}

Test(tools_search, an_answer_that_leads_nowhere_is_no_endless_loop)
{
	struct fake f;

	fake_start(&f, no_cursor);
	cr_expect_eq(RUN(&f, NULL, "--all"), EXIT_UNREACHABLE);
	fake_stop(&f);
}
