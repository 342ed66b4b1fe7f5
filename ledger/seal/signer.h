/*
 * signer.h - the log's signing key, behind an interface: file now, PKCS#11 or a separate process
 * later.
 */
#ifndef SEAL_SIGNER_H
#define SEAL_SIGNER_H

#include "seal/note.h"

struct log_signer {
	enum rc (*sign)(void *ctx, struct bytes message, uint8_t signature[64]);
	void (*close)(void *ctx); /* wipes the key */
	void *ctx;
	struct vkey vkey;         /* name = origin */
};

/* Make a new Ed25519 key file (PKCS#8 PEM, mode 0600, fsynced, never overwrites) for 'origin'. */
enum rc log_signer_create(const char *path, struct why *why);
/* Open it.  Refuses a file that others may read. */
enum rc log_signer_open(const char *path, const char *origin, struct log_signer *out, struct why *why);
/* From a 32-byte seed: tests and vectors. */
enum rc log_signer_from_seed(const uint8_t seed[32], const char *origin, struct log_signer *out);
void log_signer_close(struct log_signer *s);

/* Write and sign a checkpoint: note text to 'out' (a buf).  Deterministic. */
enum rc checkpoint_sign(const struct log_signer *s, uint64_t size, const struct hash *root,
    struct bytes extensions, struct buf *out);

#endif
