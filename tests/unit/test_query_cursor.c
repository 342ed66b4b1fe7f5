/* test_query_cursor.c - a cursor's bytes. */
#include <criterion/criterion.h>
#include <string.h>

#include "query/search.h"

static const struct search question = {.act = {(const uint8_t *)"plan", 4}, .limit = 5};

Test(query_cursor, has_these_bytes)
{
	uint8_t cursor[SEARCH_CURSOR_SIZE];
	char text[2 * SEARCH_CURSOR_SIZE + 1];

	search_cursor_write(&question, bytes_str("log.example/a"), 0x0102030405060708, cursor);
	(void)hex_encode(bytes_of(cursor, sizeof cursor), text);
	cr_assert_str_eq(text, "01e1ad0be7b599d5213e8e405525091fd80102030405060708a1366243606eff");
}

Test(query_cursor, gives_its_index_back_to_its_question_alone)
{
	struct search other = question;
	uint8_t cursor[SEARCH_CURSOR_SIZE];
	struct bytes all = {cursor, sizeof cursor};
	uint64_t next = 0;

	for (uint64_t want = 0; want != 1; want = want == 0 ? UINT64_MAX : want / 3) {
		search_cursor_write(&question, bytes_str("a"), want, cursor);
		cr_assert_eq(
		    search_cursor_read(&question, bytes_str("a"), all, &next, NULL), RC_OK);
		cr_assert_eq(next, want);
	}
	other.limit = 7;
	cr_assert_eq(search_cursor_read(&other, bytes_str("a"), all, &next, NULL), RC_OK);
	other.act = bytes_str("pla");
	other.kind = bytes_str("n");
	cr_assert_eq(search_cursor_read(&other, bytes_str("a"), all, &next, NULL), RC_STALE_CURSOR);
	cr_assert_eq(
	    search_cursor_read(&question, bytes_str("b"), all, &next, NULL), RC_STALE_CURSOR);
	cr_assert_eq(search_cursor_read(&question, bytes_str("a"), BYTES_NONE, &next, NULL),
	    RC_STALE_CURSOR);
}
