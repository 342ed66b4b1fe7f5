/*
 * keeper.c - the thread that keeps trust fresh.
 *
 * It waits for the trust folders' descriptors, for tokens whose key was not known, and for a poke;
 * on each it looks whether a folder has changed and loads it again.  Tokens that were parked are
 * judged once more under whatever is newest then: a key that was enrolled a moment before its first
 * token is known by the time the token is answered.
 *
 * Invariants: only this thread calls trust_changed and trust_reload; a parked part is handed to the
 * writer exactly once, also at the end.
 */
#include "serve/submit.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/must.h"

#define KEEPER_LOGS_MAX 64
#define KEEPER_WAIT_MS	1000 /* file systems without inotify are looked at this often */

struct keeper {
	struct serve *serve;
	pthread_t thread;
	bool running;
	int wake; /* eventfd */
	struct verifier *verifier;
	struct trust *trusts[KEEPER_LOGS_MAX]; /* each folder once */
	size_t trust_count;
	pthread_mutex_t lock; /* guards the two below */
	struct submit_part *parked, **parked_tail;
	bool stopping;
	bool poked;
};

static void
reload(struct keeper *k, struct trust *trust)
{
	struct serve *s = k->serve;
	struct trust_report report = {0};
	enum rc rc = trust_reload(trust, &report);

	metric_add(rc == RC_OK ? s->trust_reloads : s->trust_failures, 1);
	if (rc == RC_OK)
		log_event(s->options.sink, LOG_INFO, "trust_loaded", "domains",
		    LOG_U64(report.domains), "keys", LOG_U64(report.keys), "skipped",
		    LOG_U64(report.skipped), NULL);
	else
		log_event(s->options.sink, LOG_WARN, "trust_refused", "code", rc_label(rc),
		    "problem", report.problem, "kept", "the keys loaded before", NULL);
}

static void
look(struct keeper *k, bool force)
{
	for (size_t i = 0; i < k->trust_count; i++)
		if (trust_changed(k->trusts[i]) || force)
			reload(k, k->trusts[i]);
}

static void
wait_for_news(struct keeper *k)
{
	struct pollfd fds[KEEPER_LOGS_MAX + 1];
	uint64_t count;

	fds[0] = (struct pollfd){.fd = k->wake, .events = POLLIN};
	for (size_t i = 0; i < k->trust_count; i++)
		fds[i + 1] = (struct pollfd){.fd = trust_fd(k->trusts[i]), .events = POLLIN};
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

		wait_for_news(k);
		pthread_mutex_lock(&k->lock);
		part = k->parked;
		k->parked = NULL;
		k->parked_tail = &k->parked;
		force = k->poked;
		k->poked = false;
		stopping = k->stopping;
		pthread_mutex_unlock(&k->lock);
		look(k, force);
		for (; part != NULL; part = next) {
			next = part->next; /* the part is not ours after the call */
			submit_again(part, k->verifier);
		}
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
serve_keeper_poke(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->poked = true;
	pthread_mutex_unlock(&k->lock);
	wake(k);
}

static void
collect_trusts(struct keeper *k)
{
	for (size_t i = 0; i < k->serve->log_count; i++) {
		struct trust *trust = k->serve->logs[i].trust;
		size_t j = 0;

		while (j < k->trust_count && k->trusts[j] != trust)
			j++;
		if (j < k->trust_count)
			continue;
		must(k->trust_count < KEEPER_LOGS_MAX);
		k->trusts[k->trust_count++] = trust;
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
	pthread_mutex_init(&k->lock, NULL);
	collect_trusts(k);
	k->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->verifier = verifier_new();
	if (k->wake < 0 || k->verifier == NULL)
		goto fail;
	if (pthread_create(&k->thread, NULL, keeper_run, k) != 0)
		goto fail;
	k->running = true;
	*out = k;
	return RC_OK;

fail:
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
	must(k->parked == NULL);
	if (k->wake >= 0)
		close(k->wake);
	verifier_free(k->verifier);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
