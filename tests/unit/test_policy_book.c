/*
 * test_policy_book.c - which document is in force where.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "policy/book.h"

static struct book *book;

static void
set_up(void)
{
	cr_assert_eq(book_new(&book), RC_OK);
}

static void
tear_down(void)
{
	book_free(book);
}

TestSuite(policy_book, .init = set_up, .fini = tear_down);

static enum rc
add(uint64_t index, const char *text)
{
	return book_add(book, index, 1000 + index, bytes_str(text), NULL);
}

static int64_t
retention(uint64_t index)
{
	return book_at(book, index)->retention_s;
}

Test(policy_book, the_defaults_before_the_first)
{
	cr_assert_eq(book_at(book, 0), policy_doc_default());
	cr_assert_eq(book_at(book, UINT64_MAX), policy_doc_default());
	cr_assert_eq(book_count(book), 0);
}

Test(policy_book, a_document_is_in_force_from_its_own_entry_to_the_next)
{
	cr_assert_eq(add(5, "{\"retention_s\":1}"), RC_OK);
	cr_assert_eq(add(6, "{\"retention_s\":2}"), RC_OK);
	cr_assert_eq(add(100, "{\"retention_s\":3}"), RC_OK);
	cr_assert_eq(book_at(book, 4), policy_doc_default());
	cr_assert_eq(retention(5), 1);
	cr_assert_eq(retention(6), 2);
	cr_assert_eq(retention(99), 2);
	cr_assert_eq(retention(100), 3);
	cr_assert_eq(retention(UINT64_MAX), 3);
}

Test(policy_book, pages_are_told_in_order)
{
	struct book_page page;

	cr_assert_eq(add(5, "{}"), RC_OK);
	cr_assert_eq(add(9, "{\"retention_s\":2}"), RC_OK);
	cr_assert_eq(book_count(book), 2);
	cr_assert(book_nth(book, 1, &page));
	cr_assert_eq(page.index, 9);
	cr_assert_eq(page.received_at_ms, 1009);
	cr_assert_eq(page.doc->retention_s, 2);
	cr_assert_not(book_nth(book, 2, &page));
}

Test(policy_book, what_is_no_document_changes_nothing)
{
	cr_assert_eq(add(5, "{\"retention_s\":1}"), RC_OK);
	cr_assert_eq(add(6, "{\"retention\":1}"), RC_BAD_CONFIG);
	cr_assert_eq(book_count(book), 1);
	cr_assert_eq(retention(7), 1);
	cr_assert_eq(add(6, "{\"retention_s\":3}"), RC_OK);
}

Test(policy_book, a_text_that_comes_again_is_one_document)
{
	cr_assert_eq(add(1, "{\"retention_s\":1}"), RC_OK);
	cr_assert_eq(add(2, "{\"retention_s\":2}"), RC_OK);
	cr_assert_eq(add(3, "{\"retention_s\":1}"), RC_OK);
	cr_assert_eq(book_at(book, 3), book_at(book, 1));
	cr_assert_neq(book_at(book, 2), book_at(book, 1));
}

Test(policy_book, documents_stay_where_they_are_while_the_book_grows)
{
	const struct policy_doc *first;
	char text[64];

	cr_assert_eq(add(0, "{\"retention_s\":77}"), RC_OK);
	first = book_at(book, 0);
	for (unsigned i = 1; i < 500; i++) {
		(void)snprintf(text, sizeof(text), "{\"retention_s\":%u}", i);
		cr_assert_eq(add(i * 3, text), RC_OK);
	}
	cr_assert_eq(book_at(book, 2), first);
	cr_assert_eq(first->retention_s, 77);
	for (unsigned i = 1; i < 500; i++)
		cr_assert_eq(retention(i * 3 + 2), i);
}

Test(policy_book, documents_are_bounded)
{
	for (unsigned i = 0; i < BOOK_DOCS_MAX; i++)
		cr_assert_eq(add(i, "{}"), RC_OK);
	cr_assert_eq(add(BOOK_DOCS_MAX, "{}"), RC_TOO_LARGE);
	cr_assert_eq(book_count(book), BOOK_DOCS_MAX);
}
