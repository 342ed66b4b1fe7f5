/*
 * create.h - a new log environment, whole or not there at all; private to the room.
 */
#ifndef STORE_CREATE_H
#define STORE_CREATE_H

#include "store/store.h"

/* Make folder/log.  A leftover of an earlier try is removed.  The caller holds the lock. */
enum rc create_log(const char *folder, const char *origin, uint64_t map_size, struct why *why);
/* Remove what a crash during create_log() may have left. */
enum rc create_tidy(const char *folder);

#endif
