/*
 * ops.h - what a store is made of; private to the room.
 *
 * store.c keeps the rules that hold for every store (order of calls, dense indexes, doubt); an
 * implementation keeps bytes.  There are two: store_lmdb.c and store_mem.c.
 */
#ifndef STORE_OPS_H
#define STORE_OPS_H

#include <stdatomic.h>

#include "store/store.h"

struct store_ops {
	void (*close)(struct store *s);
	enum rc (*check_space)(struct store *s);
	enum rc (*begin)(struct store *s);
	enum rc (*put_entry)(
	    struct store *s, uint64_t index, struct bytes head, struct bytes token);
	enum rc (*batch_entry)(struct store *s, uint64_t index, struct bytes *entry);
	enum rc (*put_tile)(struct store *s, unsigned level, uint64_t number, struct bytes hashes);
	enum rc (*put_head)(struct store *s, uint64_t size, struct bytes note, bool again);
	enum rc (*commit)(struct store *s); /* ends the batch, whatever it gives */
	void (*abort)(struct store *s);
	enum rc (*journal_append)(struct store *s, uint64_t size, struct bytes note);
	enum rc (*journal_last)(
	    struct store *s, struct arena *arena, uint64_t *size, struct bytes *note);
	void (*usage)(struct store *s, struct store_usage *out);
	/* The log environment into an empty folder, as of one moment; NULL both: in memory. */
	enum rc (*copy)(struct store *s, const char *to, struct why *why);
	const char *(*folder)(struct store *s);

	enum rc (*read_begin)(struct store *s, struct store_read **out);
	void (*read_end)(struct store_read *r);
	enum rc (*get_entry)(struct store_read *r, uint64_t index, struct bytes *entry);
	enum rc (*get_tile)(
	    struct store_read *r, unsigned level, uint64_t number, struct bytes *hashes);
	enum rc (*get_head)(
	    struct store_read *r, uint64_t least, uint64_t *size, struct bytes *note);
	enum rc (*get_last_head)(struct store_read *r, uint64_t *size, struct bytes *note);
};

struct store {
	const struct store_ops *ops;
	bool read_only;
	unsigned format;    /* of the log environment */
	_Atomic bool doubt; /* set once, by the writer; read by anybody */

	/* The writer's: what is committed, and what the open batch would make of it. */
	bool in_batch, batch_bad;
	uint64_t next_index, batch_index;
	bool has_head, batch_has_head;
	uint64_t last_head, batch_head;
};

struct store_read {
	struct store *store;
	uint64_t size; /* entries in the snapshot */
};

#endif
