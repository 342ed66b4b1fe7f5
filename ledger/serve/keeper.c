/*
 * keeper.c - the thread that keeps keys fresh and written down, and policy documents; and registers
 * descriptors.
 *
 * It waits for the trust folders' descriptors, for tokens whose signer was not known, for edits by
 * operators, and for a poke.  When a folder has changed it is brought into force in three steps:
 *
 *   load      the folder as it is, into a snapshot that nobody sees yet
 *   write     what differs from each log's own history of its keys becomes entries of that log
 *   publish   only when every log has them: the judges go by the new snapshot
 *
 * So whatever a token was judged by is in the log before the token is.  A folder that cannot be
 * loaded or written down (bad file, bundle that went back, no space) changes nothing.  It is tried
 * again when it changes, and by and by, since space comes and goes; and said once.  Tokens of unknown
 * signers are no reason to try: whoever sends them must not keep this thread busy, because tokens
 * that were sent later wait behind those that wait for it.
 *
 * The first round is at start, before any call: then the log may be behind the folder.  Where that
 * fails the server serves all the same: the sequencer goes by the history, which knows only keys
 * that were written down.
 *
 * Key entries pass the tokens' tickets (writer_put_events): a parked token holds a ticket, and what
 * it is parked for must not wait behind it.
 *
 * Tokens that were parked are judged once more under whatever is newest then: a key that was
 * enrolled a moment before its first token is known by the time the token is answered.
 *
 * Invariants: only this thread (and serve_keeper_start, before there is one) loads and publishes; a
 * parked part is handed to the writer exactly once, also at the end; an edit's call is finished
 * exactly once; at most one chain of events is with a writer.
 */
#include "serve/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/must.h"

#define KEEPER_LOGS_MAX	 64
#define KEEPER_WAIT_MS	 1000 /* file systems without inotify are looked at this often */
#define KEEPER_SAY_US	 INT64_C(60000000) /* the same trouble is said again after this long */
#define KEEPER_PAUSE_MAX INT64_C(60000000)
#define EVENTS_ARENA_MAX ((size_t)1 << 30) /* all key entries that a log may be owed at once */

struct keeper {
	struct serve *serve;
	pthread_t thread;
	bool running;
	int wake; /* eventfd */
	struct trust_judge *judge;
	struct keeper_trust trusts[KEEPER_LOGS_MAX]; /* each folder once */
	size_t trust_count;
	struct keeper_policy policies[KEEPER_LOGS_MAX]; /* by the number of the log */
	struct writer_item *items;			/* SEQ_BATCH_MAX: events on their way */
	pthread_mutex_t lock;				/* guards the rest */
	pthread_cond_t written_cond;
	bool written; /* the chain of events is back */
	struct submit_part *parked, **parked_tail;
	struct call *edits, **edits_tail;
	struct call *registrations, **registrations_tail;
	struct { /* what keeper_policy.path will be */
		bool set;
		char *path;
	} paths[KEEPER_LOGS_MAX];
	bool stopping;
	bool poked;
};

/* ---- write: key entries into one log ---- */

struct writer_item *
keeper_items(struct keeper *k)
{
	return k->items;
}

void
keeper_put(struct keeper *k, const struct hall_log *log, size_t count)
{
	for (size_t i = 0; i + 1 < count; i++)
		k->items[i].next = &k->items[i + 1];
	k->items[count - 1].next = NULL;
	writer_put_events(log->writer, k->items);
	pthread_mutex_lock(&k->lock);
	while (!k->written)
		pthread_cond_wait(&k->written_cond, &k->lock);
	k->written = false;
	pthread_mutex_unlock(&k->lock);
}

void
serve_keeper_written(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	must(!k->written);
	k->written = true;
	pthread_cond_signal(&k->written_cond);
	pthread_mutex_unlock(&k->lock);
}

/* One batch of events.  The first refusal, if any: the batch is in as a whole or not at all. */
enum rc
keeper_write(struct keeper *k, const struct hall_log *log, enum entry_kind kind,
    const struct bytes *events, size_t count, struct arena *arena, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		k->items[i] = (struct writer_item){0};
		k->items[i].job.kind = kind;
		k->items[i].job.event = events[i];
		k->items[i].job.arena = arena;
	}
	keeper_put(k, log, count);
	for (size_t i = 0; i < count; i++) {
		const struct seq_job *job = &k->items[i].job;

		if (job->rc != RC_OK)
			return why_set(why, job->rc, "own entries", NULL, 0, "log %.40s: %.80s",
			    log->name, job->why.text[0] ? job->why.text : rc_text(job->rc));
	}
	if (kind == ENTRY_KEY)
		metric_add(k->serve->key_events, count);
	return RC_OK;
}

static enum rc
write_owed(struct keeper *k, const struct hall_log *log, const struct trust_snapshot *snapshot,
    struct bytes by, size_t *written, struct why *why)
{
	struct bytes *events = NULL;
	struct arena arena;
	size_t count = 0;
	enum rc rc;

	arena_init(&arena, EVENTS_ARENA_MAX);
	rc = trust_diff(snapshot, ledger_history(log->ledger), by, &arena, &events, &count, why);
	for (size_t at = 0; rc == RC_OK && at < count;) {
		size_t n = count - at < SEQ_BATCH_MAX ? count - at : SEQ_BATCH_MAX;

		rc = keeper_write(k, log, ENTRY_KEY, events + at, n, &arena, why);
		at += n;
	}
	*written += rc == RC_OK ? count : 0;
	arena_release(&arena);
	return rc;
}

/* ---- load, write, publish ---- */

/* Every log that goes by this folder. */
static enum rc
write_logs(struct keeper *k, const struct keeper_trust *t, const struct trust_snapshot *snapshot,
    struct bytes by, size_t *written, struct why *why)
{
	struct serve *s = k->serve;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < s->log_count; i++)
		if (s->logs[i].trust == t->trust)
			rc = write_owed(k, &s->logs[i], snapshot, by, written, why);
	return rc;
}

static void
say(struct keeper *k, struct keeper_trust *t, enum rc rc, const struct why *why,
    const struct trust_report *report, size_t written)
{
	struct serve *s = k->serve;
	int64_t now = clock_mono_us(&s->options.clock);

	metric_add(rc == RC_OK ? s->trust_reloads : s->trust_failures, 1);
	if (rc == RC_OK) {
		t->problem[0] = '\0';
		log_event(s->options.sink, LOG_INFO, "trust_loaded", "domains",
		    LOG_U64(report->domains), "keys", LOG_U64(report->keys), "skipped",
		    LOG_U64(report->skipped), "entries", LOG_U64(written), NULL);
		return;
	}
	if (strcmp(t->problem, why->text) == 0 && now - t->said_us < KEEPER_SAY_US)
		return;
	(void)snprintf(t->problem, sizeof t->problem, "%s", why->text);
	t->said_us = now;
	log_event(s->options.sink, LOG_WARN, "trust_refused", "code", rc_label(rc), "problem",
	    why->text, "kept", "the keys loaded before", NULL);
}

enum rc
keeper_sync(struct keeper *k, struct keeper_trust *t, struct bytes by, struct why *why)
{
	struct trust_snapshot *snapshot = NULL;
	struct trust_report report = {0};
	struct clock clock = clock_real();
	int64_t begun = clock_mono_us(&clock), pause = KEEPER_WAIT_MS * 1000;
	size_t written = 0;
	enum rc rc;

	/* What has changed until now is in what is loaded now. */
	(void)trust_changed(t->trust);
	rc = trust_load(t->trust, &snapshot, &report);

	if (rc != RC_OK)
		why_set(why, rc, "trust", NULL, 0, "%.150s",
		    report.problem[0] ? report.problem : rc_text(rc));
	else
		rc = write_logs(k, t, snapshot, by, &written, why);
	atomic_store(&t->state.owed, rc != RC_OK);
	if (rc == RC_OK) {
		trust_publish(t->trust, snapshot);
		atomic_fetch_add(&t->state.generation, 1);
	} else {
		trust_snapshot_drop(snapshot);
	}
	/* A folder that takes long to load is tried more seldom: trying is a tenth of the time. */
	t->tried_us = clock_mono_us(&clock);
	if (pause < 9 * (t->tried_us - begun))
		pause = 9 * (t->tried_us - begun);
	t->pause_us = pause < KEEPER_PAUSE_MAX ? pause : KEEPER_PAUSE_MAX;
	say(k, t, rc, why, &report, written);
	return rc;
}

/* Does the log say just that already? */
static bool
revoked_so(const struct hall_log *log, const struct trust_event *event, struct arena *arena)
{
	struct history_record r;

	return history_find(ledger_history(log->ledger), event->domain, &event->id, UINT64_MAX,
		   arena, &r) == RC_OK &&
	       r.revoked && r.revoked_since == event->since && bytes_eq(r.reason, event->reason);
}

enum rc
keeper_revoke(struct keeper *k, const struct keeper_trust *t, const struct trust_event *event,
    struct why *why)
{
	struct serve *s = k->serve;
	struct arena arena;
	struct bytes raw;
	enum rc rc;

	must(event->action == EVENT_REVOKE);
	arena_init(&arena, EVENTS_ARENA_MAX);
	if ((rc = event_write(event, &arena, &raw)) != RC_OK)
		why_set(why, rc, "key entries", NULL, 0, "%s", rc_text(rc));
	for (size_t i = 0; rc == RC_OK && i < s->log_count; i++)
		if (s->logs[i].trust == t->trust && !revoked_so(&s->logs[i], event, &arena))
			rc = keeper_write(k, &s->logs[i], ENTRY_KEY, &raw, 1, &arena, why);
	arena_release(&arena);
	return rc;
}

struct keeper_trust *
keeper_trust_of(struct keeper *k, const struct hall_log *log)
{
	size_t i = 0;

	while (k->trusts[i].trust != log->trust)
		must(++i < k->trust_count);
	return &k->trusts[i];
}

/* Time to try once more what did not go?  An operator who asks for something does not wait for it. */
static bool
due(const struct keeper_trust *t, bool asked)
{
	struct clock clock = clock_real();

	return atomic_load(&t->state.owed) &&
	       (asked || clock_mono_us(&clock) - t->tried_us >= t->pause_us);
}

static void
look(struct keeper *k, bool force, bool asked)
{
	for (size_t i = 0; i < k->trust_count; i++) {
		struct keeper_trust *t = &k->trusts[i];
		struct why why = {0};

		if (trust_changed(t->trust) || force || due(t, asked))
			(void)keeper_sync(k, t, bytes_str("folder"), &why);
	}
}

/* ---- policy ---- */

static void
look_policies(struct keeper *k, bool asked)
{
	for (size_t i = 0; i < k->serve->log_count; i++)
		keeper_look_policy(k, &k->serve->logs[i], &k->policies[i], asked);
}

/* Under the lock: the paths that a reload brought. */
static void
take_paths(struct keeper *k)
{
	for (size_t i = 0; i < KEEPER_LOGS_MAX; i++) {
		if (!k->paths[i].set)
			continue;
		free(k->policies[i].path);
		k->policies[i].path = k->paths[i].path;
		k->paths[i].path = NULL;
		k->paths[i].set = false;
	}
}

void
serve_keeper_policy(struct keeper *k, size_t log, const char *path)
{
	char *copy = path != NULL ? strdup(path) : NULL;

	must(log < KEEPER_LOGS_MAX);
	if (path != NULL && copy == NULL)
		return; /* the file before stays the file */
	pthread_mutex_lock(&k->lock);
	free(k->paths[log].path);
	k->paths[log].path = copy;
	k->paths[log].set = true;
	pthread_mutex_unlock(&k->lock);
}

/* ---- the thread ---- */

static void
wait_for_news(struct keeper *k)
{
	struct pollfd fds[KEEPER_LOGS_MAX + 1];
	uint64_t count;

	fds[0] = (struct pollfd){.fd = k->wake, .events = POLLIN};
	for (size_t i = 0; i < k->trust_count; i++)
		fds[i + 1] = (struct pollfd){.fd = trust_fd(k->trusts[i].trust), .events = POLLIN};
	if (poll(fds, k->trust_count + 1, KEEPER_WAIT_MS) < 0) {
		must(errno == EINTR);
		return;
	}
	if (fds[0].revents && read(k->wake, &count, sizeof count) < 0)
		must(errno == EAGAIN || errno == EINTR);
}

static void *
keeper_run(void *ctx)
{
	struct keeper *k = ctx;
	bool stopping = false, force;

	while (!stopping) {
		struct submit_part *part, *next;
		struct call *edit, *after, *registrations;

		wait_for_news(k);
		pthread_mutex_lock(&k->lock);
		part = k->parked;
		k->parked = NULL;
		k->parked_tail = &k->parked;
		edit = k->edits;
		k->edits = NULL;
		k->edits_tail = &k->edits;
		registrations = k->registrations;
		k->registrations = NULL;
		k->registrations_tail = &k->registrations;
		take_paths(k);
		force = k->poked;
		k->poked = false;
		stopping = k->stopping;
		pthread_mutex_unlock(&k->lock);
		look(k, force, edit != NULL);
		look_policies(k, force);
		for (; part != NULL; part = next) {
			next = part->next; /* the part is not ours after the call */
			submit_again(part, k->judge);
		}
		for (; edit != NULL; edit = after) {
			after = edit->next;
			truststore_edit(k, edit);
		}
		register_all(k, registrations);
	}
	return NULL;
}

static void
wake(struct keeper *k)
{
	uint64_t one = 1;

	if (write(k->wake, &one, sizeof one) < 0)
		must(errno == EAGAIN || errno == EINTR);
}

void
serve_keeper_park(struct keeper *k, struct submit_part *part)
{
	part->next = NULL;
	pthread_mutex_lock(&k->lock);
	must(!k->stopping);
	*k->parked_tail = part;
	k->parked_tail = &part->next;
	pthread_mutex_unlock(&k->lock);
	wake(k);
}

void
serve_keeper_edit(struct keeper *k, struct call *call)
{
	call->next = NULL;
	pthread_mutex_lock(&k->lock);
	must(!k->stopping);
	*k->edits_tail = call;
	k->edits_tail = &call->next;
	pthread_mutex_unlock(&k->lock);
	wake(k);
}

void
serve_keeper_register(struct keeper *k, struct call *call)
{
	call->next = NULL;
	pthread_mutex_lock(&k->lock);
	must(!k->stopping);
	*k->registrations_tail = call;
	k->registrations_tail = &call->next;
	pthread_mutex_unlock(&k->lock);
	wake(k);
}

void
serve_keeper_poke(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->poked = true;
	pthread_mutex_unlock(&k->lock);
	wake(k);
}

/* ---- life ---- */

static void
collect_trusts(struct keeper *k)
{
	struct serve *s = k->serve;

	for (size_t i = 0; i < s->log_count; i++) {
		size_t j = 0;

		while (j < k->trust_count && k->trusts[j].trust != s->logs[i].trust)
			j++;
		must(j < KEEPER_LOGS_MAX);
		if (j == k->trust_count)
			k->trusts[k->trust_count++].trust = s->logs[i].trust;
		s->logs[i].trust_state = &k->trusts[j].state;
	}
}

enum rc
serve_keeper_start(struct keeper **out, struct serve *s)
{
	struct keeper *k = calloc(1, sizeof *k);

	*out = NULL;
	if (k == NULL)
		return RC_NO_MEMORY;
	k->serve = s;
	k->parked_tail = &k->parked;
	k->edits_tail = &k->edits;
	k->registrations_tail = &k->registrations;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->written_cond, NULL);
	collect_trusts(k);
	k->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->judge = trust_judge_new();
	k->items = calloc(SEQ_BATCH_MAX, sizeof *k->items);
	if (k->wake < 0 || k->judge == NULL || k->items == NULL)
		goto fail;
	for (size_t i = 0; i < s->log_count; i++)
		serve_keeper_policy(k, i, s->options.logs[i].policy);
	take_paths(k);
	*out = k; /* the writers hand events back to it */
	look(k, true, false);
	look_policies(k, true);
	if (pthread_create(&k->thread, NULL, keeper_run, k) != 0)
		goto fail;
	k->running = true;
	return RC_OK;

fail:
	*out = NULL;
	serve_keeper_stop(k);
	return RC_NO_MEMORY;
}

void
serve_keeper_stop(struct keeper *k)
{
	if (k == NULL)
		return;
	if (k->running) {
		pthread_mutex_lock(&k->lock);
		k->stopping = true;
		pthread_mutex_unlock(&k->lock);
		wake(k);
		pthread_join(k->thread, NULL);
	}
	must(k->parked == NULL && k->edits == NULL && k->registrations == NULL);
	take_paths(k);
	for (size_t i = 0; i < KEEPER_LOGS_MAX; i++)
		free(k->policies[i].path);
	if (k->wake >= 0)
		close(k->wake);
	trust_judge_free(k->judge);
	free(k->items);
	pthread_cond_destroy(&k->written_cond);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
