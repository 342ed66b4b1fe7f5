/*
 * roff.h - plain text into manual pages in man(7): the few macros that our pages use.
 */
#ifndef ECTL_ROFF_H
#define ECTL_ROFF_H

#include <stdbool.h>
#include <stdio.h>

/* Title line.  'date' as 2026-11-22. */
void roff_head(FILE *to, const char *name, int section, const char *date, const char *version);
void roff_section(FILE *to, const char *title);
/* "name \- text": what whatis(1) reads. */
void roff_name(FILE *to, const char *name, const char *text);
/* Text as paragraphs, one a line. */
void roff_text(FILE *to, const char *text);
/* A term in bold, then a word that stands for a value in italics (may be NULL), then what it means. */
void roff_item(FILE *to, const char *term, const char *value, const char *text);
/* A sentence, then lines as they are.  'first' of its section. */
void roff_example(FILE *to, bool first, const char *text, const char *command);
void roff_line(FILE *to, const char *text);		/* filled text, no paragraph of its own */
void roff_see_also(FILE *to, const char *const *pages); /* "ectl(1)", NULL at the end */

#endif
