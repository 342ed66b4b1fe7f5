/*
 * entry_v1.h - the head of a version 1 entry, as logs of format 1 have it: nothing writes them any
 * more but tests, which must see them read.
 */
#ifndef TESTS_ENTRY_V1_H
#define TESTS_ENTRY_V1_H

#include "base/must.h"
#include "base/scbor.h"
#include "claim/entry.h"

static inline void
entry_v1_link(struct buf *b, const struct entry_link *link)
{
	scbor_put_uint(b, link->ordinal);
	if (link->previous == ENTRY_NONE)
		scbor_put_null(b);
	else
		scbor_put_uint(b, link->previous);
}

static inline void
entry_v1_lists(struct buf *b, const struct entry *e)
{
	if (e->parent_count > 0) {
		scbor_put_uint(b, 10);
		scbor_put_array(b, e->parent_count);
	}
	for (size_t i = 0; i < e->parent_count; i++)
		scbor_put_uint(b, e->parents[i]);
	if (e->foreign_count > 0) {
		scbor_put_uint(b, 11);
		scbor_put_array(b, e->foreign_count);
	}
	for (size_t i = 0; i < e->foreign_count; i++) {
		scbor_put_array(b, 3);
		if (e->foreign[i].has_wid)
			scbor_put_bytes(b, bytes_of(e->foreign[i].wid, UUID_SIZE));
		else
			scbor_put_null(b);
		entry_v1_link(b, &e->foreign[i].link);
	}
}

static inline struct bytes
entry_v1_head(const struct entry *e, struct arena *arena)
{
	uint64_t numbers[5] = {
	    (uint64_t)e->kind, e->received_at_ms, (uint64_t)e->media, (uint64_t)e->level, e->flags};
	struct bytes head;
	struct buf b;

	buf_init(&b, 0);
	scbor_put_map(&b, 11u + (e->parent_count > 0) + (e->foreign_count > 0));
	scbor_put_uint(&b, 1);
	scbor_put_uint(&b, 1);
	for (unsigned i = 0; i < 5; i++) {
		scbor_put_uint(&b, i + 2);
		scbor_put_uint(&b, numbers[i]);
	}
	scbor_put_uint(&b, 7);
	scbor_put_bytes(&b, bytes_of(e->signer.b, HASH_SIZE));
	scbor_put_uint(&b, 8);
	scbor_put_array(&b, 2);
	entry_v1_link(&b, &e->workflow);
	scbor_put_uint(&b, 9);
	scbor_put_array(&b, 2);
	entry_v1_link(&b, &e->issuer);
	entry_v1_lists(&b, e);
	scbor_put_uint(&b, 12);
	scbor_put_bytes(&b, bytes_of(e->limits, ENTRY_LIMITS_SIZE));
	scbor_put_uint(&b, 13);
	scbor_put_bytes_head(&b, e->token.n);
	must(buf_rc(&b) == RC_OK && arena_dup(arena, buf_bytes(&b), &head));
	buf_release(&b);
	return head;
}

#endif
