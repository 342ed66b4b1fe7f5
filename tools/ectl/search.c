/*
 * search.c - "ectl search": pages of a search, one after the other, until enough is there.
 *
 * A page may be empty and yet not the last: the server says how far it has looked, and the cursor goes
 * on from there.  The last cursor is told on standard error, so that rows stay rows.
 */
#include "filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define LIMIT_DEFAULT 100
#define CURSOR_MAX    1024

struct search {
	const struct globals *g;
	bool whole, lines;    /* a row a line as it comes, instead of one answer at the end */
	uint64_t wanted, got; /* wanted 0: all */
	struct table table;
	json_t *rows;
	uint8_t cursor[CURSOR_MAX];
	size_t cursor_size;
	bool complete;
	uint64_t tree_size;
	int64_t since_ms, until_ms;
};

static int
take_row(struct search *s, const Ectledger__V1__EntryView *e)
{
	char cells[ENTRY_COLUMNS][320];
	json_t *row = entry_row(e, s->tree_size, s->whole);

	if (row == NULL)
		return fail(EXIT_UNREACHABLE, "out of memory for a row");
	s->got++;
	if (s->lines)
		return row_line(row);
	if (s->g->output != OUTPUT_TABLE) {
		(void)json_array_append_new(s->rows, row);
		return 0;
	}
	entry_cells(row, cells);
	for (size_t i = 0; i < ENTRY_COLUMNS; i++)
		table_add(&s->table, cells[i]);
	json_decref(row);
	return 0;
}

static int
take_page(struct search *s, const Ectledger__V1__SearchReply *page)
{
	int code = 0;

	s->complete = page->complete;
	s->tree_size = page->tree_size;
	if (page->cursor.len > sizeof s->cursor || (page->cursor.len == 0 && !page->complete))
		return fail(EXIT_UNREACHABLE, "the server's answer has no usable cursor");
	for (size_t i = 0; i < page->n_entries && code == 0; i++)
		code = take_row(s, page->entries[i]);
	if (page->cursor.len > 0)
		memcpy(s->cursor, page->cursor.data, page->cursor.len);
	s->cursor_size = page->cursor.len;
	if (s->lines && fflush(stdout) != 0)
		return fail(EXIT_USAGE, "cannot write to standard output");
	return code;
}

static int
pages(struct search *s, struct ect_client *client, Ectledger__V1__SearchRequest *request)
{
	Ectledger__V1__SearchReply *page = NULL;
	int code = 0;

	while (code == 0 && !s->complete && (s->wanted == 0 || s->got < s->wanted)) {
		uint64_t left = s->wanted - s->got;

		request->limit = s->wanted == 0	     ? 0
				 : left > UINT32_MAX ? UINT32_MAX
						     : (uint32_t)left;
		request->after = (ProtobufCBinaryData){s->cursor_size, s->cursor};
		code = call_on(client, "/ectledger.v1.Query/Search", &request->base,
		    &ectledger__v1__search_reply__descriptor, (ProtobufCMessage **)(void *)&page);
		if (code != 0)
			break;
		code = take_page(s, page);
		ectledger__v1__search_reply__free_unpacked(page, NULL);
		if (!s->lines)
			progress(s->g, "searching", s->got, s->wanted);
	}
	progress_end(s->g);
	return code;
}

/* A time as an option or a member; NULL: there is no such bound. */
static json_t *
bound(int64_t ms)
{
	return ms != 0 ? show_time_ms(ms) : NULL;
}

/* A cursor belongs to its question, and "1h" ago is another time each time: so the times are told as
 * they were. */
static void
say_where(const struct search *s, const char *cursor)
{
	json_t *since = bound(s->since_ms), *until = bound(s->until_ms);

	(void)fprintf(stderr, "%llu entries; go on with --after %s%s%s%s%s\n",
	    (unsigned long long)s->got, cursor, since != NULL ? " --since " : "",
	    since != NULL ? json_string_value(since) : "", until != NULL ? " --until " : "",
	    until != NULL ? json_string_value(until) : "");
	json_decref(since);
	json_decref(until);
}

static void
print_whole(const struct search *s, json_t *cursor)
{
	json_t *answer = json_pack("{sO sO sb sI}", "entries", s->rows, "cursor", cursor,
	    "complete", s->complete, "tree_size", (json_int_t)s->tree_size);

	if (s->since_ms != 0)
		(void)json_object_set_new(answer, "since", show_time_ms(s->since_ms));
	if (s->until_ms != 0)
		(void)json_object_set_new(answer, "until", show_time_ms(s->until_ms));
	print_json(s->g, answer);
}

static int
print_end(struct search *s)
{
	json_t *cursor = show_b64url((ProtobufCBinaryData){s->cursor_size, s->cursor});
	int code = 0;

	if (s->g->output == OUTPUT_TABLE)
		code = table_print(&s->table);
	else if (!s->lines)
		print_whole(s, cursor);
	if (s->lines || s->g->output == OUTPUT_TABLE) {
		(void)fflush(stdout);
		if (s->complete)
			(void)fprintf(stderr, "%llu entries; that is all up to tree size %llu\n",
			    (unsigned long long)s->got, (unsigned long long)s->tree_size);
		else
			say_where(s, json_string_value(cursor));
	}
	json_decref(cursor);
	return code;
}

static int
read_extent(const struct args *a, struct search *s)
{
	const char *after = args_get(a, "--after");

	s->wanted = args_has(a, "--all") ? 0 : LIMIT_DEFAULT;
	if (args_has(a, "--all") && args_has(a, "--limit"))
		return fail(EXIT_USAGE, "--all and --limit: one of the two");
	if (!args_u64(a, "--limit", &s->wanted))
		return EXIT_USAGE;
	if (args_has(a, "--limit") && s->wanted == 0)
		return fail(EXIT_USAGE, "--limit wants a number from 1; --all is without a limit");
	if (after != NULL &&
	    (!b64url_decode(bytes_str(after), s->cursor, sizeof s->cursor, &s->cursor_size) ||
		s->cursor_size == 0))
		return fail(EXIT_USAGE, "--after wants a cursor that a search gave");
	return 0;
}

static int
search_run(const struct globals *g, const struct args *a)
{
	struct search s = {.g = g, .whole = args_has(a, "--full")};
	struct ect_client *client = NULL;
	struct filter filter;
	int code;

	if ((code = filter_read(a, &filter)) != 0 || (code = read_extent(a, &s)) != 0)
		return code;
	if ((args_has(a, "--since") &&
		!time_read(args_get(a, "--since"), "--since", &filter.request.since_ms)) ||
	    (args_has(a, "--until") &&
		!time_read(args_get(a, "--until"), "--until", &filter.request.until_ms)))
		return EXIT_USAGE;
	s.since_ms = filter.request.since_ms;
	s.until_ms = filter.request.until_ms;
	filter.request.suspect =
	    (char *)(uintptr_t)(args_has(a, "--suspect") ? args_get(a, "--suspect") : "");
	filter.request.at = g->at;
	s.lines = g->output == OUTPUT_NDJSON || (g->output == OUTPUT_JSON && !g->output_given);
	table_init(&s.table, ENTRY_COLUMNS);
	for (size_t i = 0; i < ENTRY_COLUMNS; i++)
		table_add(&s.table, entry_heads[i]);
	s.rows = json_array();
	code = connect_server(g, &client);
	if (code == 0)
		code = pages(&s, client, &filter.request);
	if (code == 0)
		code = print_end(&s);
	ect_client_close(client);
	table_free(&s.table);
	json_decref(s.rows);
	return code;
}

static const struct verb_option search_options[] = {
    FILTER_OPTIONS,
    {"--since", "TIME", "received then or later: seconds, RFC 3339, or so long ago as 10m, 2h, 3d",
	false},
    {"--until", "TIME", "received before then", false},
    {"--suspect", "KEY",
	"thumbprint or kid of a revoked key: the entries it made in its doubtful window", false},
    {"--limit", "N", "at most so many entries (default: 100)", false},
    {"--all", NULL, "every entry that fits", false},
    {"--after", "CURSOR", "go on where the same search stopped, also after the log has grown",
	false},
    {"--full", NULL, "with token and credential", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_search = {"search", "",
    "entries by issuer, action, workflow, kind and time, oldest first", search_options, 0, 0,
    search_run};
