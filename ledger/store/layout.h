/*
 * layout.h - names and keys of the log environment; docs/STORAGE.md 3 explains them.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "base/bytes.h"

#define LAYOUT_ENTRY "entry"
#define LAYOUT_TILE  "tile"
#define LAYOUT_HEAD  "head"
#define LAYOUT_META  "meta"

#define LAYOUT_META_FORMAT	"format"      /* decimal digits */
#define LAYOUT_META_ORIGIN	"origin"      /* text */
#define LAYOUT_META_INCARNATION "incarnation" /* 16 random bytes, new at each writable open */

#define LAYOUT_INCARNATION_SIZE 16
#define LAYOUT_ENTRY_KEY	8
#define LAYOUT_TILE_KEY		9

/* One tile's key: level, then number, so that a level is one ascending range. */
static inline void
layout_tile_key(uint8_t out[LAYOUT_TILE_KEY], unsigned level, uint64_t number)
{
	out[0] = (uint8_t)level;
	put_u64(out + 1, number);
}

#endif
