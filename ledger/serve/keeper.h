/*
 * keeper.h - private to serve/: the thread that keeps keys fresh, and what it does for the calls
 * that edit them.
 *
 * Everything here is the keeper thread's, but what call.h names for others.
 */
#ifndef SERVE_KEEPER_H
#define SERVE_KEEPER_H

#include "serve/submit.h"
#include "trust/event.h"

/* One trust folder, and the logs that go by it. */
struct keeper_trust {
	struct trust *trust;
	struct trust_state state;
	char problem[200]; /* of the last try, so that it is said once */
	int64_t said_us;
	int64_t tried_us, pause_us; /* when the last try was over; how long until the next */
};

/* The policy document of one log. */
struct keeper_policy {
	char *path;	   /* of its file; NULL: none */
	char problem[200]; /* of the last try, so that it is said once */
	bool owed;	   /* to be tried again */
	int64_t tried_us;
};

/*
 * Bring the folder as it is into every log that goes by it, then into force.  'by' is written into
 * the entries.  Anything that fails leaves the snapshot before in force: RC_BAD_KEY (the folder is not
 * acceptable), RC_NO_SPACE, RC_STORE_DOUBT, ...
 */
enum rc keeper_sync(struct keeper *k, struct keeper_trust *t, struct bytes by, struct why *why);
/* A revocation into every log that goes by the folder and does not have it, whatever state the folder
 * is in. */
enum rc keeper_revoke(struct keeper *k, const struct keeper_trust *t,
    const struct trust_event *event, struct why *why);
/* Events into one log, at most SEQ_BATCH_MAX, as one batch that is in as a whole or not at all. */
enum rc keeper_write(struct keeper *k, const struct hall_log *log, enum entry_kind kind,
    const struct bytes *events, size_t count, struct arena *arena, struct why *why);
/* The same for who wants each job's answer: fill the first 'count' of the items, give them to the writer, wait. */
struct writer_item *keeper_items(struct keeper *k); /* SEQ_BATCH_MAX */
void keeper_put(struct keeper *k, const struct hall_log *log, size_t count);
/* The folder of a log. */
struct keeper_trust *keeper_trust_of(struct keeper *k, const struct hall_log *log);

/* truststore.c: do what an edit asks for, and finish the call. */
void truststore_edit(struct keeper *k, struct call *call);
/* register.c: these calls' descriptors into their logs; finish the calls.  A chain by 'next'. */
void register_all(struct keeper *k, struct call *list);
/* policy.c: the log's policy file into force where it differs from what is; 'asked': at start, on reload. */
void keeper_look_policy(
    struct keeper *k, struct hall_log *log, struct keeper_policy *p, bool asked);

#endif
