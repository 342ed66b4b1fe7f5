/*
 * pages.h - what a verb's table does not say: how it is used, with examples.  For -h and the manual.
 */
#ifndef ECTL_PAGES_H
#define ECTL_PAGES_H

struct page_example {
	const char *text;    /* "Append what an agent writes, as it comes." */
	const char *command; /* lines of shell */
};

struct page {
	const char *verb;
	const char *text;		     /* paragraphs, one a line */
	const struct page_example *examples; /* ended by a NULL text */
};
extern const struct page pages[]; /* ended by a NULL verb */

const struct page *page_of(const char *verb); /* NULL: none */

#endif
