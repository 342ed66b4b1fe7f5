/*
 * backup.h - what ectl backup and ectl restore share: the files of a backup, the list of them, and the
 * proof that the logs in it are whole.
 *
 * A backup is a folder in the shape of a data folder (docs/STORAGE.md 7) with two files more:
 * MANIFEST.json names every file with its size and SHA-256, and MANIFEST.json.sha256 is its own, in
 * the form that sha256sum -c reads.  What is not in the manifest is not part of the backup.
 */
#ifndef ECTL_BACKUP_H
#define ECTL_BACKUP_H

#include "base/rc.h"
#include "ectl.h"
#include "seal/note.h"

#define BACKUP_MANIFEST	    "MANIFEST.json"
#define BACKUP_MANIFEST_SUM "MANIFEST.json.sha256"
#define BACKUP_FORMAT	    1
#define BACKUP_SUM_SIZE	    65

/* ---- backup_files.c: messages are printed; false means so ---- */
char *backup_path(const char *folder, const char *name); /* ends the program when out of memory */
/* To a file that is not there; folders on the way are made; durable.  'sum' may be NULL. */
bool backup_copy_file(const char *from, const char *to, char sum[BACKUP_SUM_SIZE], uint64_t *bytes);
bool backup_sum_file(const char *path, char sum[BACKUP_SUM_SIZE], uint64_t *bytes);
bool backup_remove(const char *path);	    /* a folder and all in it */
bool backup_sync_folders(const char *path); /* it and all folders in it */
bool backup_sync_parent(const char *path);
bool backup_is_empty(
    const char *path, bool *absent); /* not there, or a folder with nothing in it */
/* Regular files below a folder, by name, hidden ones left out: fn(ctx, path below the folder). */
bool backup_walk(const char *root, bool (*fn)(void *ctx, const char *name), void *ctx);
/* A private key in PEM, by its words. */
bool backup_is_private_key(const char *path);

/* ---- backup_check.c ---- */
struct backup_log {
	char *name;
	struct vkey key;
	uint64_t entries;
	char root[BACKUP_SUM_SIZE];
	char *checkpoint; /* the note; NULL: the log never had one */
	unsigned format;
};
void backup_log_release(struct backup_log *l);
/* The verifier key in a log's folder; message printed. */
bool backup_read_vkey(const char *folder, struct vkey *out);
/* Is the log in 'folder' whole: newest checkpoint signed by its key and over all entries, tiles lead
 * to its root, the journal ends with it; with 'leaves' every entry is under its leaf and every tile is
 * the one that the leaves make.  0 or an exit code, message printed. */
int backup_check(const struct globals *g, const char *folder, bool leaves, struct backup_log *out);

/* ---- backup_manifest.c ---- */
/* Hash everything below 'folder' and write both manifest files. */
bool backup_manifest_write(const char *folder, const struct backup_log *logs, size_t count,
    bool verified, uint64_t *bytes);
/* Read and check the form: 0 or an exit code.  The value is json_decref()ed by the caller. */
int backup_manifest_read(const char *folder, json_t **out);
/* Nothing but what the manifest names is there: 0 or an exit code. */
int backup_manifest_complete(const char *folder, const json_t *manifest);

#endif
