/*
 * trust.c - the live trust: the newest snapshot, and a watch on the folder that it came from.
 *
 * Two sides.  Any thread takes the newest snapshot: the lock is held for two instructions, never
 * while a file is read.  One keeper thread asks trust_changed() and calls trust_reload(); the
 * inotify descriptor is its alone.
 *
 * No change is lost: a watch is always set before the folder is read.  A domain folder that appears
 * is itself a change, so its new watch comes first and the reload that finds its files comes after.
 * When the kernel cannot tell (queue overflow, no more watches), everything counts as changed.
 */
#include "trust/trust.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/must.h"
#include "trust/snapshot.h"

#define EVENTS_PER_CALL 64 /* reads of up to 4 KiB; what is left shows at the next call */

#define ROOT_EVENTS                                                                                \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |        \
	    IN_MOVE_SELF | IN_ONLYDIR)
#define DOMAIN_EVENTS (ROOT_EVENTS | IN_CLOSE_WRITE)

struct trust {
	char *folder;
	int fd;		      /* inotify */
	int root;	      /* the root's watch; -1: none, because the folder is not there */
	bool blind;	      /* some watch could not be set: every answer is "changed" */
	pthread_mutex_t lock; /* over 'newest' */
	struct trust_snapshot *newest;
};

static bool watch_all(struct trust *t);
static bool drain(struct trust *t, bool *moved);

enum rc
trust_open(struct trust **out, const char *folder, struct trust_report *report)
{
	struct trust *t = NULL;
	enum rc rc = RC_NO_MEMORY;

	must(out && folder);
	*out = NULL;
	if (report)
		memset(report, 0, sizeof(*report));
	if (!(t = calloc(1, sizeof(*t))))
		return RC_NO_MEMORY;
	t->fd = t->root = -1;
	pthread_mutex_init(&t->lock, NULL);
	if (!(t->folder = strdup(folder)))
		goto out;
	if ((t->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0) {
		if (report)
			snprintf(report->problem, sizeof(report->problem),
			    "%s: cannot be watched (inotify)", folder);
		rc = RC_IO;
		goto out;
	}
	watch_all(t);
	if ((rc = trust_snapshot_load(folder, &t->newest, report)) != RC_OK)
		goto out;
	*out = t;
	t = NULL;
out:
	trust_close(t);
	return rc;
}

void
trust_close(struct trust *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	trust_snapshot_drop(t->newest);
	pthread_mutex_destroy(&t->lock);
	free(t->folder);
	free(t);
}

struct trust_snapshot *
trust_get(struct trust *t)
{
	struct trust_snapshot *s;

	must(t);
	pthread_mutex_lock(&t->lock);
	s = t->newest;
	must(s);
	snapshot_hold(s);
	pthread_mutex_unlock(&t->lock);
	return s;
}

bool
trust_changed(struct trust *t)
{
	bool changed, moved = false;

	must(t && t->fd >= 0);
	changed = drain(t, &moved);
	if (moved && t->root >= 0) {
		/* The watch follows the folder, not its name.  Look for the name again. */
		inotify_rm_watch(t->fd, t->root);
		t->root = -1;
	}
	if (changed || t->blind || t->root < 0)
		changed |= watch_all(t);
	return changed || t->blind;
}

enum rc
trust_reload(struct trust *t, struct trust_report *report)
{
	struct trust_snapshot *s = NULL;
	enum rc rc;

	if ((rc = trust_load(t, &s, report)) == RC_OK)
		trust_publish(t, s);
	return rc;
}

enum rc
trust_load(struct trust *t, struct trust_snapshot **out, struct trust_report *report)
{
	must(t && out);
	return trust_snapshot_load(t->folder, out, report);
}

void
trust_publish(struct trust *t, struct trust_snapshot *s)
{
	struct trust_snapshot *old;

	must(t && s);
	pthread_mutex_lock(&t->lock);
	old = t->newest;
	t->newest = s;
	pthread_mutex_unlock(&t->lock);
	trust_snapshot_drop(old);
}

const char *
trust_folder_path(const struct trust *t)
{
	return t->folder;
}

int
trust_fd(const struct trust *t)
{
	return t->fd;
}

/* Read what the kernel has noted.  True: there was something. */
static bool
drain(struct trust *t, bool *moved)
{
	/* As inotify(7) wants it: room for one event with the longest name, aligned. */
	_Alignas(struct inotify_event) char room[4096];
	bool any = false;

	for (int i = 0; i < EVENTS_PER_CALL; i++) {
		ssize_t n = read(t->fd, room, sizeof(room));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		for (char *p = room; p < room + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(void *)p;

			p += sizeof(*e) + e->len;
			any = true;
			if (e->wd == t->root && (e->mask & IN_IGNORED))
				t->root = -1;
			else if (e->wd == t->root && (e->mask & (IN_MOVE_SELF | IN_DELETE_SELF)))
				*moved = true;
		}
	}
	return any;
}

/*
 * Set the watches that are missing; setting one again does nothing.  True: the root has just
 * appeared.  Watches of folders that went away disappear with them, and a folder that was moved out
 * of the root at worst causes a needless reload.
 */
static bool
watch_all(struct trust *t)
{
	struct dirent *entry;
	char *path = NULL;
	DIR *dir = NULL;
	bool appeared = false;

	t->blind = false;
	if (t->root < 0) {
		t->root = inotify_add_watch(t->fd, t->folder, ROOT_EVENTS);
		t->blind = t->root < 0 && errno != ENOENT;
		appeared = t->root >= 0;
	}
	if (t->root < 0 || !(dir = opendir(t->folder)))
		return appeared;
	while ((entry = readdir(dir))) {
		if (!trust_domain_name_ok(entry->d_name))
			continue;
		if (asprintf(&path, "%s/%s", t->folder, entry->d_name) < 0) {
			t->blind = true;
			break;
		}
		/* A plain file (ENOTDIR) and one that has just gone are no loss. */
		if (inotify_add_watch(t->fd, path, DOMAIN_EVENTS) < 0 && errno != ENOTDIR &&
		    errno != ENOENT)
			t->blind = true;
		free(path);
	}
	closedir(dir);
	return appeared;
}
