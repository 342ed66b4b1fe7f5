/*
 * fsck_scan.h - the state of one walk over a log, shared by fsck_log.c (entries) and fsck_scan.c
 * (what stands beside them).
 */
#ifndef ECTL_FSCK_SCAN_H
#define ECTL_FSCK_SCAN_H

#include "fsck.h"

#define SCAN_LEVELS 8

struct scan {
	struct fsck *f;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi entry, tile, head, meta;
	struct fsck_index *index;

	bool broken; /* the entries could not be walked to their end */
	uint64_t last_ms, last_version;
	struct fsck_entry read;
	struct fsck_task task; /* of a token or a refused one */
	struct span domain;    /* of a key entry */
	struct fsck_own own;   /* of a policy or descriptor entry */

	/* the tree: of the entries, and, while 'split', of the tiles */
	struct fsck_edge edge, other;
	bool split;
	uint64_t split_at; /* first entry that differs from its leaf */

	/* tiles: what is stored of the level-0 tile at hand, and what each level should have */
	uint8_t stored[256 * FSCK_HASH];
	size_t stored_width;
	uint8_t made[SCAN_LEVELS][256 * FSCK_HASH];
	size_t made_width[SCAN_LEVELS];
	uint64_t made_number[SCAN_LEVELS];

	/* checkpoints and journal */
	MDB_cursor *heads;
	MDB_val head_key, head_note;
	bool head_there;
	uint64_t head_last; /* size of the last one; FSCK_NONE: none yet */
	size_t journal_at;
};

void scan_begin(struct scan *s);
/* Check the checkpoints that end before entry 'index'. */
void scan_heads(struct scan *s, uint64_t index);
/*
 * Add a leaf; NULL: not known, the tile's is taken.  False: the entry's bytes are not those of the
 * leaf.
 */
bool scan_leaf(struct scan *s, uint64_t index, const uint8_t *leaf);
/* What is left when the entries are through. */
void scan_end(struct scan *s);

#endif
