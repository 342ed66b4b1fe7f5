/*
 * backup_check.c - is a log whole?  Asked of the copy, never of the original: what was written is what
 * is read back.
 *
 * With every leaf, the tree is built again from the entries and each tile that comes out must be the
 * one that is stored; so a changed bit in an entry or a hash is found wherever it is.  Without, the
 * tiles on the tree's right edge must lead to the signed root.  Signatures of tokens are not looked
 * at; that is fsck's work.
 */
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "base/must.h"
#include "store/copy.h"
#include "tree/tile.h"

#define SLICE	 4096 /* leaves between two comparisons of tiles */
#define NOTE_MAX 65536
#define VKEY_MAX 4096

void
backup_log_release(struct backup_log *l)
{
	free(l->name);
	free(l->checkpoint);
	*l = (struct backup_log){0};
}

bool
backup_read_vkey(const char *folder, struct vkey *out)
{
	char *path = backup_path(folder, "vkey");
	struct why why = {0};
	uint8_t *text = NULL;
	size_t n = 0;
	bool ok = read_file(path, VKEY_MAX, &text, &n);

	while (ok && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (ok && vkey_parse(bytes_of(text, n), out, &why) != RC_OK)
		ok = fail(EXIT_USAGE, "%s holds no verifier key: %s", path, why.text) == EXIT_YES;
	free(text);
	free(path);
	return ok;
}

struct check {
	const struct globals *g;
	const char *name; /* for messages */
	struct store_read *read;
	uint64_t entries;
	struct hash root;
	struct bytes note;
};

static enum rc
fetch(void *ctx, unsigned level, uint64_t number, unsigned width, uint8_t *out)
{
	return store_get_tile(ctx, level, number, width, out);
}

/* Is this what is stored? */
static enum rc
same_tile(void *ctx, unsigned level, uint64_t number, unsigned width, const uint8_t *hashes)
{
	struct check *c = ctx;
	uint8_t stored[TILE_SIZE];
	enum rc rc = store_get_tile(c->read, level, number, width, stored);

	if (rc == RC_OK && memcmp(stored, hashes, (size_t)width * HASH_SIZE) != 0)
		rc = RC_CORRUPT;
	if (rc != RC_OK)
		(void)fail(EXIT_NO, "%s: tile %u/%llu is damaged", c->name, level,
		    (unsigned long long)number);
	return rc;
}

static enum rc
next_leaves(struct check *c, struct tile_writer *w, size_t count)
{
	uint64_t first = tile_writer_size(w);
	struct bytes entry;
	struct hash leaf;
	enum rc rc = tile_writer_begin(w, count);

	for (size_t i = 0; i < count && rc == RC_OK; i++) {
		if ((rc = store_get_entry(c->read, first + i, &entry)) != RC_OK) {
			(void)fail(EXIT_NO, "%s: entry %llu cannot be read", c->name,
			    (unsigned long long)(first + i));
			break;
		}
		tree_leaf(entry, &leaf);
		tile_writer_append(w, &leaf);
	}
	return rc == RC_OK ? tile_writer_dirty(w, same_tile, c) : rc;
}

static enum rc
root_of_leaves(struct check *c, struct hash *root)
{
	struct tile_writer *w = tile_writer_new();
	enum rc rc = w == NULL ? RC_NO_MEMORY : RC_OK;

	for (uint64_t at = 0; at < c->entries && rc == RC_OK; at = tile_writer_size(w)) {
		uint64_t left = c->entries - at;

		rc = next_leaves(c, w, left < SLICE ? (size_t)left : SLICE);
		progress(c->g, "entries checked", at, c->entries);
	}
	progress_end(c->g);
	if (rc == RC_OK)
		tile_writer_root(w, root);
	tile_writer_free(w);
	return rc;
}

static enum rc
root_of_tiles(struct check *c, struct hash *root)
{
	struct tile_reader *reader = tile_reader_new();
	struct tree_source source;
	enum rc rc;

	if (reader == NULL)
		return RC_NO_MEMORY;
	tile_reader_begin(reader, c->entries, (struct tile_store){.fetch = fetch, .ctx = c->read});
	source = tile_reader_source(reader);
	rc = tree_root(c->entries, &source, root);
	tile_reader_free(reader);
	return rc;
}

/* The newest checkpoint: signed, over everything, and the end of the journal. */
static int
check_head(struct check *c, const char *folder, const struct vkey *key, struct arena *arena)
{
	struct bytes record = BYTES_NONE;
	struct checkpoint cp;
	struct why why = {0};
	uint64_t size = 0, journal = 0;
	enum rc rc = store_get_last_head(c->read, &size, &c->note), j;

	j = store_peek_journal(folder, arena, &journal, &record, &why);
	if (rc == RC_NOT_FOUND && c->entries == 0 && j == RC_NOT_FOUND) {
		tree_empty_root(&c->root);
		return EXIT_YES;
	}
	if (rc != RC_OK)
		return fail(EXIT_NO, "%s has no checkpoint that can be read", c->name);
	if (checkpoint_open(c->note, key, &cp, &why) != RC_OK)
		return fail(
		    EXIT_NO, "%s: the newest checkpoint does not verify: %s", c->name, why.text);
	if (cp.size != c->entries || size != cp.size)
		return fail(EXIT_NO, "%s has %llu entries, but the newest checkpoint is over %llu",
		    c->name, (unsigned long long)c->entries, (unsigned long long)cp.size);
	c->root = cp.root;
	if (j != RC_OK || journal != size || !bytes_eq(record, c->note))
		return fail(EXIT_NO,
		    "%s: the head journal does not end with the newest checkpoint%s%s", c->name,
		    why.text[0] != '\0' ? ": " : "", why.text);
	return EXIT_YES;
}

static int
check_root(struct check *c, bool leaves)
{
	struct hash root;
	enum rc rc;

	if (c->entries == 0)
		return EXIT_YES;
	if ((rc = root_of_tiles(c, &root)) != RC_OK)
		return fail(EXIT_NO, "%s: the tiles cannot be read (%s)", c->name, rc_label(rc));
	if (!hash_eq(&root, &c->root))
		return fail(EXIT_NO, "%s: the tiles do not lead to the signed root", c->name);
	if (!leaves)
		return EXIT_YES;
	if ((rc = root_of_leaves(c, &root)) == RC_NO_MEMORY)
		return fail(EXIT_USAGE, "out of memory");
	if (rc != RC_OK)
		return EXIT_NO; /* said */
	return hash_eq(&root, &c->root)
		   ? EXIT_YES
		   : fail(EXIT_NO, "%s: the entries do not lead to the signed root", c->name);
}

static bool
fill(struct backup_log *out, const struct check *c, const struct vkey *key, unsigned format)
{
	const char *slash = strrchr(c->name, '/');

	hash_hex(&c->root, out->root);
	out->entries = c->entries;
	out->format = format;
	out->key = *key;
	out->name = strdup(slash != NULL ? slash + 1 : c->name);
	/* no NUL behind a note, so no strndup() */
	if (c->note.n > 0 && (out->checkpoint = calloc(1, c->note.n + 1)) != NULL)
		memcpy(out->checkpoint, c->note.p, c->note.n);
	return out->name != NULL && (c->note.n == 0 || out->checkpoint != NULL);
}

int
backup_check(const struct globals *g, const char *folder, bool leaves, struct backup_log *out)
{
	struct check c = {.g = g, .name = folder, .note = BYTES_NONE};
	struct store_options options = {.folder = folder, .read_only = true};
	struct store *s = NULL;
	struct why why = {0};
	struct arena arena;
	struct vkey key;
	int code;
	enum rc rc;

	*out = (struct backup_log){0};
	if (!backup_read_vkey(folder, &key))
		return EXIT_NO;
	options.origin = key.name;
	arena_init(&arena, 4 * NOTE_MAX);
	if ((rc = store_lmdb_open(&s, &options, &why)) != RC_OK ||
	    (rc = store_read_begin(s, &c.read)) != RC_OK) {
		code =
		    fail(EXIT_NO, "%s cannot be opened: %s (%s)", folder, why.text, rc_label(rc));
		goto out;
	}
	c.entries = store_read_size(c.read);
	if ((code = check_head(&c, folder, &key, &arena)) == EXIT_YES &&
	    (code = check_root(&c, leaves)) == EXIT_YES && !fill(out, &c, &key, store_format(s)))
		code = fail(EXIT_USAGE, "out of memory");
out:
	store_read_end(c.read);
	store_close(s);
	arena_release(&arena);
	return code;
}
