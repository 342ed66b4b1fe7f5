/*
 * folder.h - the trust folder's files, for what edits them; private to trust/ and its tests.
 */
#ifndef TRUST_FOLDER_H
#define TRUST_FOLDER_H

#include "trust/snapshot.h"

/* A file as it would be. */
struct folder_edit {
	const char *domain, *name;
	struct bytes text;
};

/* Load the folder as it is, but for one file (NULL: none).  As trust_snapshot_load(). */
enum rc folder_load(const char *folder, const struct folder_edit *edit, struct trust_snapshot **out,
    struct trust_report *report);
/* A whole file, at most TRUST_FILE_SIZE_MAX bytes; on the heap.  RC_NOT_FOUND. */
enum rc folder_read(int folder, const char *name, uint8_t **out, size_t *size, struct why *why);

#endif
