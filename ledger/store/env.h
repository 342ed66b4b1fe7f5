/*
 * env.h - how an LMDB environment is opened here, and what its errors mean; private to the room.
 *
 * Sync mode is LMDB's default and nothing else; MDB_NOTLS lets a reader's transaction move between
 * threads.
 */
#ifndef STORE_ENV_H
#define STORE_ENV_H

#include <lmdb.h>

#include "base/bytes.h"
#include "base/rc.h"

#define ENV_MAP_SIZE	((uint64_t)1 << 40) /* address space, not disk */
#define ENV_READERS_MAX 512
#define ENV_TABLES_MAX	8

enum rc env_rc(int e);
/* The same, with the name of what failed. */
enum rc env_failed(struct why *why, int e, const char *what, const char *folder);

struct env_options {
	const char *folder;
	uint64_t map_size; /* 0: ENV_MAP_SIZE */
	bool create;	   /* the folder is there and empty */
	bool read_only;
};

/* RC_CORRUPT: not an environment, or one that is cut off. */
enum rc env_open(MDB_env **out, const struct env_options *options, struct why *why);
/* Bytes of address space that are left before puts fail. */
uint64_t env_map_left(MDB_env *env);

/* A format number as meta tables keep it, in decimal; 0: not one. */
unsigned env_format(struct bytes text);

struct bytes env_bytes(const MDB_val *v);
MDB_val env_val(struct bytes x);

#endif
