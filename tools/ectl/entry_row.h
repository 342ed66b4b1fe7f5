/*
 * entry_row.h - an entry as the JSON of "get", for get, search and watch; and a key as the JSON of
 * "trust-store list".
 */
#ifndef ECTL_ENTRY_ROW_H
#define ECTL_ENTRY_ROW_H

#include "call.h"

/* NULL: out of memory.  'whole': with token and credential. */
json_t *entry_row(const Ectledger__V1__EntryView *e, uint64_t tree_size, bool whole);
/* One entry for people: member, value; what is absent is left out.  0 or an exit code. */
int entry_row_table(json_t *row);

json_t *key_row(const Ectledger__V1__KeyRecord *k);
/* What happened to a key, in a line: "enrolled at entry 3, revoked at entry 9 since 2026-...". */
void key_story(json_t *key, char *out, size_t size);

/* The heads of lists of entries, and a row of it. */
#define ENTRY_COLUMNS 5
extern const char *const entry_heads[ENTRY_COLUMNS];
void entry_cells(json_t *row, char cells[ENTRY_COLUMNS][320]);

#endif
