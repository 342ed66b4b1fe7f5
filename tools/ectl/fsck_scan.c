/*
 * fsck_scan.c - beside the entries: tiles, checkpoints, journal.  See fsck_log.c for the two edges.
 */
#include "fsck_scan.h"

#include <stdlib.h>
#include <string.h>

static void next_head(struct scan *s);

/* ---- tiles ---- */

static void
tile_at(char out[48], unsigned level, uint64_t number, size_t hash)
{
	snprintf(out, 48, "tile %u/%llu hash %zu", level, (unsigned long long)number, hash);
}

/* The stored hashes of a tile; their number, 0 with the problem told when there are none. */
static size_t
fetch(struct scan *s, unsigned level, uint64_t number, const uint8_t **hashes)
{
	uint8_t key[9] = {(uint8_t)level};
	MDB_val k = {sizeof(key), key}, v;
	char at[48];
	int e;

	for (unsigned i = 0; i < 8; i++)
		key[1 + i] = (uint8_t)(number >> (56 - 8 * i));
	e = mdb_get(s->txn, s->tile, &k, &v);
	tile_at(at, level, number, 0);
	if (e != 0)
		fsck_problem(s->f, FSCK_TILE, FSCK_NONE, at, "%s", mdb_strerror(e));
	else if (v.mv_size == 0 || v.mv_size % FSCK_HASH != 0 || v.mv_size > 256 * FSCK_HASH)
		fsck_problem(s->f, FSCK_TILE, FSCK_NONE, at, "a tile of %zu bytes", v.mv_size);
	else {
		*hashes = v.mv_data;
		return v.mv_size / FSCK_HASH;
	}
	return 0;
}

/* What was made of a tile against what is stored. */
static void
compare(struct scan *s, unsigned level)
{
	uint64_t number = s->made_number[level];
	const uint8_t *hashes = NULL;
	size_t width = s->made_width[level], have = fetch(s, level, number, &hashes);
	char at[48];

	if (have == 0)
		return;
	for (size_t i = 0; i < width && i < have; i++)
		if (memcmp(hashes + i * FSCK_HASH, s->made[level] + i * FSCK_HASH, FSCK_HASH) !=
		    0) {
			tile_at(at, level, number, i);
			fsck_problem(
			    s->f, FSCK_TILE, FSCK_NONE, at, "not the hash of the subtree below it");
			break;
		}
	if (have != width) {
		tile_at(at, level, number, have);
		fsck_problem(
		    s->f, FSCK_TILE, FSCK_NONE, at, "%zu hashes, must be %zu", have, width);
	}
}

static void
push(struct scan *s, unsigned level, const uint8_t hash[FSCK_HASH])
{
	uint8_t up[FSCK_HASH];

	for (; level < SCAN_LEVELS; level++) {
		memcpy(s->made[level] + s->made_width[level] * FSCK_HASH, hash, FSCK_HASH);
		if (++s->made_width[level] < 256)
			return;
		if (s->f->level >= 2)
			compare(s, level);
		fsck_tile_root(s->f, s->made[level], up);
		s->made_width[level] = 0;
		s->made_number[level]++;
		hash = up;
	}
}

bool
scan_leaf(struct scan *s, uint64_t index, const uint8_t *leaf)
{
	struct fsck *f = s->f;
	size_t at = (size_t)(index % 256);
	const uint8_t *hashes = NULL, *mine = leaf, *theirs = leaf;
	static const uint8_t unknown[FSCK_HASH];
	bool same;

	if (at == 0) {
		s->stored_width = fetch(s, 0, index / 256, &hashes);
		if (s->stored_width > 0)
			memcpy(s->stored, hashes, s->stored_width * FSCK_HASH);
	}
	if (at < s->stored_width)
		theirs = s->stored + at * FSCK_HASH;
	if (mine == NULL)
		mine = theirs != NULL ? theirs : unknown;
	if (theirs == NULL)
		theirs = mine;
	same = memcmp(mine, theirs, FSCK_HASH) == 0;
	if (!same) {
		char place[48];

		tile_at(place, 0, index / 256, at);
		fsck_problem(f, FSCK_LEAF, index, place,
		    "the entry's bytes do not have the leaf hash that the tile has");
		if (!s->split) {
			s->other = s->edge;
			s->split_at = index;
			s->split = true;
		}
	}
	fsck_edge_add(f, &s->edge, mine);
	if (s->split)
		fsck_edge_add(f, &s->other, theirs);
	push(s, 0, theirs);
	return same;
}

/* Nothing in the table that the tree does not have. */
static void
count_tiles(struct scan *s)
{
	uint64_t want = 0, have = 0;
	MDB_cursor *cursor = NULL;
	MDB_val k, v;
	MDB_stat st;
	uint64_t size = s->f->entries;
	char at[48];

	for (uint64_t n = size; n > 0; n >>= 8)
		want += (n + 255) / 256;
	if (mdb_stat(s->txn, s->tile, &st) == 0 && st.ms_entries == want)
		return;
	if (mdb_cursor_open(s->txn, s->tile, &cursor) != 0)
		return;
	while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0 && have++ <= want) {
		const uint8_t *p = k.mv_data;
		uint64_t below;

		if (k.mv_size != 9 || p[0] >= SCAN_LEVELS) {
			fsck_problem(
			    s->f, FSCK_TILE, FSCK_NONE, "log/tile", "a key that names no tile");
			continue;
		}
		below = size >> (8 * p[0]);
		if (fsck_u64(p + 1) < (below + 255) / 256)
			continue;
		tile_at(at, p[0], fsck_u64(p + 1), 0);
		fsck_problem(s->f, FSCK_TILE, FSCK_NONE, at,
		    "a tile that a tree of %llu entries does not have", (unsigned long long)size);
	}
	mdb_cursor_close(cursor);
}

/* ---- checkpoints ---- */

static void
next_head(struct scan *s)
{
	int e = mdb_cursor_get(s->heads, &s->head_key, &s->head_note, MDB_NEXT);

	s->head_there = e == 0;
	if (e != 0 && e != MDB_NOTFOUND)
		fsck_problem(s->f, FSCK_DATABASE, FSCK_NONE, "log/head", "%s", mdb_strerror(e));
	if (s->head_there &&
	    (s->head_key.mv_size != 8 ||
		(s->head_last != FSCK_NONE && fsck_u64(s->head_key.mv_data) <= s->head_last))) {
		fsck_problem(
		    s->f, FSCK_DATABASE, FSCK_NONE, "log/head", "its keys are not ascending sizes");
		s->head_there = false;
	}
}

/*
 * The journal's records up to this checkpoint.  The last of a size counts; a repeated one says the
 * same.
 */
static void
check_journal(struct scan *s, uint64_t size, struct span note)
{
	struct fsck_journal *j = &s->f->journal;
	uint8_t hash[FSCK_HASH];
	bool found = false;
	char at[48];

	snprintf(at, sizeof(at), "head %llu", (unsigned long long)size);
	if (s->f->level < 2 || j->count == 0 || (!j->from_start && size < j->records[0].size))
		return;
	for (; s->journal_at < j->count && j->records[s->journal_at].size < size; s->journal_at++)
		fsck_problem(s->f, FSCK_JOURNAL, FSCK_NONE, "journal",
		    "it remembers a checkpoint of size %llu that the database does not have",
		    (unsigned long long)j->records[s->journal_at].size);
	fsck_hash(s->f, note, (struct span){note.p, 0}, hash);
	for (; s->journal_at < j->count && j->records[s->journal_at].size == size;
	     s->journal_at++) {
		found = true;
		if (memcmp(j->records[s->journal_at].note, hash, FSCK_HASH) != 0)
			fsck_problem(s->f, FSCK_JOURNAL, FSCK_NONE, at,
			    "the journal remembers another checkpoint of this size");
	}
	if (!found && s->journal_at < j->count)
		fsck_problem(s->f, FSCK_JOURNAL, FSCK_NONE, at,
		    "the journal has no record of this checkpoint, but of later ones");
}

/* Which of the two edges was signed?  The walk goes on from that one. */
static bool
decide(struct scan *s, const struct fsck_head *head)
{
	struct fsck *f = s->f;
	uint8_t root[FSCK_HASH];
	bool entries, tiles = false;

	fsck_edge_root(f, &s->edge, root);
	entries = memcmp(root, head->root, FSCK_HASH) == 0;
	if (!s->split)
		return entries;
	if (!entries) {
		fsck_edge_root(f, &s->other, root);
		tiles = memcmp(root, head->root, FSCK_HASH) == 0;
	}
	if (!entries && !tiles)
		return false;
	fsck_problem(f, entries ? FSCK_TILE : FSCK_LEAF, s->split_at, NULL,
	    entries ? "the checkpoint of size %llu was signed over the entry: the tile is damaged"
		    : "the checkpoint of size %llu was signed over the tile: the entry was changed",
	    (unsigned long long)head->size);
	if (tiles)
		s->edge = s->other;
	s->split = false;
	return true;
}

static void
check_head(struct scan *s, uint64_t size, struct span note)
{
	struct fsck *f = s->f;
	struct fsck_head head;
	char at[48];

	f->heads++;
	s->head_last = size;
	check_journal(s, size, note);
	if (f->level < 2 || !fsck_note_read(f, note, size, &head))
		return;
	if (decide(s, &head)) {
		f->last_good_head = size;
		return;
	}
	snprintf(at, sizeof(at), "head %llu", (unsigned long long)size);
	fsck_problem(f, FSCK_HEAD, FSCK_NONE, at, "its root is not that of the first %llu entries",
	    (unsigned long long)size);
}

void
scan_begin(struct scan *s)
{
	s->head_last = FSCK_NONE;
	if (mdb_cursor_open(s->txn, s->head, &s->heads) == 0)
		next_head(s);
}

void
scan_heads(struct scan *s, uint64_t index)
{
	while (s->head_there && fsck_u64(s->head_key.mv_data) <= index) {
		uint64_t size = fsck_u64(s->head_key.mv_data);
		struct span note = {s->head_note.mv_data, s->head_note.mv_size};

		check_head(s, size, note);
		next_head(s);
	}
}

/* Checkpoints that are newer than a size. */
static uint64_t
heads_after(struct scan *s, uint64_t size)
{
	uint8_t key[8];
	MDB_val k = {sizeof(key), key}, v;
	uint64_t n = 0, last = size;
	int e;

	for (unsigned i = 0; i < 8; i++)
		key[i] = (uint8_t)((size + 1) >> (56 - 8 * i));
	e = mdb_cursor_get(s->heads, &k, &v, MDB_SET_RANGE);
	for (; e == 0 && k.mv_size == 8 && fsck_u64(k.mv_data) > last; n++) {
		last = fsck_u64(k.mv_data);
		e = mdb_cursor_get(s->heads, &k, &v, MDB_NEXT);
	}
	return n;
}

/* The journal is at most one checkpoint behind the database, and never ahead of it. */
static void
end_journal(struct scan *s)
{
	struct fsck *f = s->f;
	struct fsck_journal *j = &f->journal;
	uint64_t newest, behind;

	if (j->count == 0) {
		/*
		 * Not there, or not readable, was told; there and empty is only right at the very
		 * start.
		 */
		if (j->from_start && f->heads > 1)
			fsck_problem(f, FSCK_JOURNAL, FSCK_NONE, "journal",
			    "the journal is empty beside %llu checkpoints",
			    (unsigned long long)f->heads);
		return;
	}
	newest = j->records[j->count - 1].size;
	if (s->journal_at < j->count)
		fsck_problem(f, FSCK_JOURNAL, FSCK_NONE, "journal",
		    "the journal is ahead: it remembers a checkpoint of size %llu, the database "
		    "ends at %lld; it may have been restored from an old copy",
		    (unsigned long long)newest,
		    s->head_last != FSCK_NONE ? (long long)s->head_last : -1);
	if ((behind = heads_after(s, newest)) > 1) {
		/* A server may be at work: what it has written since counts too. */
		fsck_journal_read(f, j, false);
		newest = j->count > 0 ? j->records[j->count - 1].size : 0;
		behind = heads_after(s, newest);
	}
	if (behind > 1)
		fsck_problem(f, FSCK_JOURNAL, FSCK_NONE, "journal",
		    "the journal is %llu checkpoints behind the database, at size %llu",
		    (unsigned long long)behind, (unsigned long long)newest);
}

void
scan_end(struct scan *s)
{
	struct fsck *f = s->f;

	if (!s->broken)
		scan_heads(s, f->entries);
	fsck_edge_root(f, &s->edge, f->root);
	/* Behind the place where the entries end too early nothing fits, and that says nothing. */
	if (f->level < 2 || s->broken)
		goto out;
	for (unsigned level = 0; level < SCAN_LEVELS; level++)
		if (s->made_width[level] > 0)
			compare(s, level);
	count_tiles(s);
	if (s->head_there)
		fsck_problem(f, FSCK_HEAD, FSCK_NONE, "log/head",
		    "a checkpoint of size %llu over %llu entries",
		    (unsigned long long)fsck_u64(s->head_key.mv_data),
		    (unsigned long long)f->entries);
	else if (f->entries > 0 && s->head_last != f->entries)
		fsck_problem(f, FSCK_HEAD, FSCK_NONE, "log/head",
		    "the newest checkpoint is not over all entries");
	end_journal(s);
out:
	mdb_cursor_close(s->heads);
}
