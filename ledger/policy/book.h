/*
 * book.h - a log's policy documents in the order of its own entries: which was in force where.
 *
 * The writer's thread (and recovery) adds; any thread asks.  A document once given lives until
 * book_free().
 */
#ifndef POLICY_BOOK_H
#define POLICY_BOOK_H

#include "policy/doc.h"

#define BOOK_DOCS_MAX 10000 /* documents of one log; more are refused (RC_TOO_LARGE) */

struct book;
enum rc book_new(struct book **out);
void book_free(struct book *b); /* NULL is fine */
/* Entry 'index' (larger than any before) puts this document into force.  RC_BAD_CONFIG: not a document. */
enum rc book_add(struct book *b, uint64_t index, uint64_t received_at_ms, struct bytes text, struct why *why);
/* In force for entry 'index': the newest document below or at it; the defaults before the first.  Never NULL. */
const struct policy_doc *book_at(const struct book *b, uint64_t index);
struct book_page { uint64_t index, received_at_ms; const struct policy_doc *doc; };
size_t book_count(const struct book *b);
bool book_nth(const struct book *b, size_t i, struct book_page *out);

#endif
