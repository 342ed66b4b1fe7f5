/*
 * tile.h - the C2SP tlog-tiles shape: 256 hashes a tile, tile level L covers tree level 8*L.
 */
#ifndef TREE_TILE_H
#define TREE_TILE_H

#include "tree/tree.h"

#define TILE_WIDTH  256u
#define TILE_SIZE   (TILE_WIDTH * HASH_SIZE)
#define TILE_LEVELS 8 /* enough for 2^64 leaves */

/* How many hashes tile (level, number) has in a tree of 'size' leaves: 0..256. */
unsigned tile_width(uint64_t size, unsigned level, uint64_t number);
/* Path of a tile: "tile/0/x001/x234/067.p/8"; NULL-terminated into out[96]. */
void tile_path(unsigned level, uint64_t number, unsigned width, char out[96]);
void tile_entries_path(uint64_t number, unsigned width, char out[96]);
/* The strict inverse.  entries: the "tile/entries/..." form (level is then 0). */
bool tile_path_parse(struct bytes path, bool *entries, unsigned *level, uint64_t *number, unsigned *width);

/* Where tiles are kept.  Fetch the first 'width' hashes of a tile into 'out'. */
struct tile_store {
	enum rc (*fetch)(void *ctx, unsigned level, uint64_t number, unsigned width, uint8_t *out);
	void *ctx;
};
/* A tree_source over tiles of a tree of 'size' leaves, with a small cache of whole tiles' inner
 * nodes (each inner node hashed once).  One thread.  'reader' is about 300 KiB: heap. */
struct tile_reader;
struct tile_reader *tile_reader_new(void);
void tile_reader_free(struct tile_reader *r);
/* Start over (another snapshot, another size). */
void tile_reader_begin(struct tile_reader *r, uint64_t size, struct tile_store store);
struct tree_source tile_reader_source(struct tile_reader *r);

/* The growing right edge as tiles, in memory: the writer's half.  Holds the partial tile of each
 * level and, until tile_writer_begin(), the tiles that were completed since, so that proofs for new
 * leaves need no read. */
struct tile_writer;
struct tile_writer *tile_writer_new(void);
void tile_writer_free(struct tile_writer *w);
/* Load the partial tiles of a tree of 'size' leaves. */
enum rc tile_writer_load(struct tile_writer *w, uint64_t size, struct tile_store store);
/* Begin a batch of at most 'count' leaves: forget the completed tiles, make room (RC_NO_MEMORY). */
enum rc tile_writer_begin(struct tile_writer *w, size_t count);
/* cannot fail within the batch */
void tile_writer_append(struct tile_writer *w, const struct hash *leaf);
uint64_t tile_writer_size(const struct tile_writer *w);
void tile_writer_root(const struct tile_writer *w, struct hash *root);
/* Path of a leaf of this batch (or of the tile it shares) at the present size, without any read.
 * must(index is in the batch). */
void tile_writer_prove(struct tile_writer *w, uint64_t index, struct hash path[TREE_PATH_MAX], unsigned *count);
/* Every tile that the batch touched, complete or partial, in ascending (level, number): 'put' gets
 * the first 'width' hashes. */
enum rc tile_writer_dirty(const struct tile_writer *w,
    enum rc (*put)(void *ctx, unsigned level, uint64_t number, unsigned width, const uint8_t *hashes), void *ctx);
/* Undo the batch: back to the state at tile_writer_begin(). */
void tile_writer_rollback(struct tile_writer *w);

#endif
