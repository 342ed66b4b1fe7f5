/*
 * trust_store.h - what the two halves of "ectl trust-store" share: on a live server, and on a folder.
 */
#ifndef ECTL_TRUST_STORE_H
#define ECTL_TRUST_STORE_H

#include "ectl.h"

/* On the folder that --dir names.  0 or an exit code. */
int trust_dir_run(const struct globals *g, const struct args *a);

bool domain_ok(const char *name);
/* A JWK set, or a JWK made into one.  NULL: message printed. */
json_t *jwk_set_load(const char *path);
/* The issuers of --iss, where given, instead of the key's own.  False: it has none; message printed. */
bool jwk_bind(json_t *jwk, const struct args *a);

#endif
