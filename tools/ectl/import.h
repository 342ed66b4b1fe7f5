/*
 * import.h - what the importers share: one identity per agent, signed tokens in causal order,
 * sending them with a fresh enrolment.
 *
 * An importer reads one foreign file and calls import_identity() and import_token() for each task,
 * parents first; import.c then enrols the keys, sends everything and counts.  With --dry-run
 * nothing is written and nobody is called.
 */
#ifndef ECTL_IMPORT_H
#define ECTL_IMPORT_H

#include "ectl.h"

#define IMPORT_AGENTS_MAX 4096
#define IMPORT_JTI_SIZE	  37
#define IMPORT_HASH_SIZE  44 /* base64url SHA-256 with the NUL */

struct import_agent {
	char *name; /* as in the file */
	struct private_key *key;
	bool fresh; /* made by this import */
};

struct import_row {
	char *token;
	enum import_state { IMPORT_WAITING, IMPORT_ACCEPTED, IMPORT_REFUSED } state;
};

struct import {
	const struct globals *g;
	const char *keys, *domain, *alg, *enroll; /* keys, enroll NULL: none */
	bool dry_run, shift_now, keep_times, no_labels;
	struct import_agent *agents;
	size_t agent_count;
	struct import_row *rows;
	size_t row_count, row_room;
	uint64_t workflows, joins, accepted, refused, duplicate;
	uint64_t bad;	/* parts of the file that were left out */
	json_t *map;	/* array of objects for --map */
	json_t *report; /* more counts for the output; NULL: none */
};

/* Every function gives 0 or an exit code with its message printed. */

/* The key of the agent of that name: from memory, from the keys folder, or new.  Borrowed until the
 * import ends. */
int import_identity(struct import *im, const char *name, const struct private_key **out);
void import_identities_free(struct import *im);
/* Sign and keep; 'jti' gets the new task's id. */
int import_token(struct import *im, const struct private_key *k, const struct token_spec *spec,
    char jti[IMPORT_JTI_SIZE]);
/* Enrol, append all rows in order, count.  After an enrolment the server may need a moment to read
 * its trust folder, so tokens refused for an unknown key (and their successors) are sent again for
 * some seconds. */
int import_send(struct import *im);

void import_hash(const void *p, size_t n, char out[IMPORT_HASH_SIZE]);
void import_new_uuid(char out[IMPORT_JTI_SIZE]);

/* The file formats. */
int import_agent_runs(struct import *im, const char *path);
int import_wfcommons(struct import *im, const char *path);
int import_otlp(struct import *im, const char *path);

#endif
