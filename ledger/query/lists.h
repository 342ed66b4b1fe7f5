/*
 * lists.h - entries that stand in several lists of the index at once, ascending.  Private to query/.
 */
#ifndef QUERY_LISTS_H
#define QUERY_LISTS_H

#include "query/view.h"

#define LISTS_PAGE 128

struct list_at {
	struct index_list_key key;
	uint64_t page[LISTS_PAGE];
	size_t at, count; /* page[at..count) is what is ahead */
	bool whole;	  /* the page is the list's last */
};

struct lists {
	struct list_at list[INDEX_LISTS_MAX];
	size_t count; /* 0: every index is a candidate */
	size_t pages; /* read so far: what it costs */
};

void lists_add(struct lists *l, enum index_list_kind kind, const uint8_t id[UUID_SIZE]);
/* The same with the first bytes of SHA-256(name), as issuers, acts and kinds are listed. */
void lists_add_name(struct lists *l, enum index_list_kind kind, struct bytes name);
/* Move '*index' to the first candidate at or after it, UINT64_MAX when there is none.  One page of
 * each list at most is read: 'found' is false when '*index' is only as far as it got. */
enum rc lists_seek(struct lists *l, struct index_view *v, uint64_t *index, bool *found, struct why *why);

#endif
