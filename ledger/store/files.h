/*
 * files.h - folders and files, made so that a power cut leaves either the old or the new; private
 * to the room.
 */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include "base/bytes.h"
#include "base/rc.h"

/* folder/name on the heap; NULL: out of memory. */
char *files_path(const char *folder, const char *name);
bool files_exists(const char *path);
/* Bytes on disk; 0 when there is no such file. */
uint64_t files_disk_bytes(const char *path);
/* Make a folder and those above it, each one's parent synced.  Fine when it is there. */
enum rc files_make_folder(const char *folder, struct why *why);
enum rc files_sync_folder(const char *folder);
enum rc files_sync(const char *path);
/* Delete an LMDB environment: its two files and the folder.  Fine when it is not there. */
enum rc files_remove_env(const char *folder);
/* All of x at 'at', over short writes and interrupts. */
enum rc files_write_at(int fd, struct bytes x, uint64_t at);
/* The owner's lock: RC_BUSY when another process has it.  '*fd' keeps it until closed. */
enum rc files_lock(const char *path, int *fd, struct why *why);

/* Free space on the file system of 'folder', and the least that must stay free when nothing is
 * configured. */
struct files_space {
	uint64_t total, free;
};
enum rc files_space(const char *folder, struct files_space *out);
uint64_t files_space_least(uint64_t total);
/* RC_IO or RC_NO_SPACE from errno, said in 'why'. */
enum rc files_failed(struct why *why, const char *what, const char *path);

#endif
