/*
 * folder.c - the trust folder on disk:  ROOT/<trust-domain>/<file>
 *
 * Reading only, and bounded: so many domains, so many files in each, so many bytes in a file. Names
 * are read in sorted order, so that the first refusal is the same each time.  What is refused stops
 * the whole load: the caller keeps the snapshot that it had.
 *
 *   ROOT/.x, ROOT/<domain>/.x    ignored (editors, version control, atomic swaps)
 *   ROOT/<file>                  ignored
 *   ROOT/<domain>/x.jwks.json    read; must be a regular file or a link to one
 *   ROOT/<domain>/x.pem          CA certificates
 *   ROOT/<domain>/x.crl.pem      revocation lists, after all CA certificates
 *   ROOT/<domain>/revoked.json   what the operator revoked
 *   ROOT/<domain>/<anything>     ignored
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "trust/folder.h"

enum file_kind { FILE_NONE, FILE_JWKS, FILE_CA, FILE_REVOKED, FILE_CRL };

struct names {
	char **name;
	size_t count, room;
};

static enum rc load_domain(struct trust_snapshot *s, int root, const char *name,
    const struct folder_edit *edit, struct trust_report *report, struct why *why);
static enum rc load_file(struct trust_snapshot *s, uint32_t domain, int folder, const char *name,
    const struct folder_edit *edit, struct trust_report *report, struct why *why);
static bool has_name(const struct names *names, const char *name);
static bool add_name(struct names *names, const char *name);
static enum file_kind kind_of(const char *name);
static enum rc read_kind(struct trust_snapshot *s, uint32_t domain, enum file_kind kind,
    struct bytes text, struct trust_report *report, struct why *why);
static enum rc read_whole(int fd, uint8_t **out, size_t *size, struct why *why);
static enum rc list(int fd, size_t max, struct names *out, struct why *why);
static void names_release(struct names *names);
static bool ends_with(const char *name, const char *end);
static enum rc io_error(struct why *why, const char *what);

enum rc
trust_snapshot_load(const char *folder, struct trust_snapshot **out, struct trust_report *report)
{
	return folder_load(folder, NULL, out, report);
}

enum rc
folder_load(const char *folder, const struct folder_edit *edit, struct trust_snapshot **out,
    struct trust_report *report)
{
	struct trust_report scratch;
	struct trust_snapshot *s = NULL;
	struct names names = {NULL, 0, 0};
	struct why why = {0};
	const char *at = "";
	int root = -1;
	enum rc rc;

	must(folder && out);
	report = report ? report : &scratch;
	memset(report, 0, sizeof(*report));
	*out = NULL;
	if ((rc = snapshot_new(&s)) != RC_OK)
		goto out;
	if ((root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		if (errno != ENOENT)
			rc = io_error(&why, "cannot open the folder");
		goto out;
	}
	if ((rc = list(root, TRUST_DOMAINS_MAX * 4, &names, &why)) != RC_OK)
		goto out;
	for (size_t i = 0; i < names.count && rc == RC_OK; i++) {
		at = names.name[i];
		rc = load_domain(s, root, at, edit, report, &why);
	}
out:
	if (rc == RC_OK) {
		report->domains = snapshot_domains(s);
		report->keys = trust_snapshot_keys(s);
		for (uint32_t i = 0; i < report->domains; i++) {
			report->cas += snapshot_anchors(s, i)->ca_count;
			report->crls += snapshot_anchors(s, i)->crl_count;
			report->revoked += snapshot_anchors(s, i)->revoked_count;
		}
		*out = s;
		s = NULL;
	} else if (!report->problem[0]) {
		snprintf(report->problem, sizeof(report->problem), "%s: %s", *at ? at : folder,
		    why.text[0] ? why.text : rc_text(rc));
	}
	if (root >= 0)
		close(root);
	names_release(&names);
	trust_snapshot_drop(s);
	return rc;
}

bool
trust_domain_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= TRUST_DOMAIN_NAME_MAX && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static enum rc
load_domain(struct trust_snapshot *s, int root, const char *name, const struct folder_edit *edit,
    struct trust_report *report, struct why *why)
{
	struct names files = {NULL, 0, 0};
	uint32_t domain;
	enum rc rc = RC_OK;
	int fd;

	/* ENOENT: gone since it was listed; the watch will say so. */
	if ((fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return errno == ENOTDIR || errno == ENOENT
			   ? RC_OK
			   : io_error(why, "cannot open the folder of a trust domain");
	if (!trust_domain_name_ok(name)) {
		rc = why_set(why, RC_BAD_KEY, "trust (domain name)", NULL, 0,
		    "a trust domain's name has only a-z 0-9 . _ -");
		goto out;
	}
	if ((rc = snapshot_add_domain(s, bytes_str(name), &domain, why)) != RC_OK)
		goto out;
	if ((rc = list(fd, TRUST_DOMAIN_FILES_MAX, &files, why)) != RC_OK)
		goto out;
	if (edit && strcmp(edit->domain, name) != 0)
		edit = NULL;
	if (edit && !has_name(&files, edit->name) && !add_name(&files, edit->name)) {
		rc = RC_NO_MEMORY;
		goto out;
	}
	/* Two rounds: a list needs the CA that signed it. */
	for (size_t i = 0; i < 2 * files.count && rc == RC_OK; i++) {
		const char *file = files.name[i % files.count];
		enum file_kind kind = kind_of(file);

		if (kind == FILE_NONE || (kind == FILE_CRL) != (i >= files.count))
			continue;
		if ((rc = load_file(s, domain, fd, file, edit, report, why)) != RC_OK)
			snprintf(report->problem, sizeof(report->problem), "%s/%.80s: %s: %s", name,
			    file, why->rule ? why->rule : rc_label(rc),
			    why->text[0] ? why->text : rc_text(rc));
	}
out:
	close(fd);
	names_release(&files);
	return rc;
}

static enum rc
load_file(struct trust_snapshot *s, uint32_t domain, int folder, const char *name,
    const struct folder_edit *edit, struct trust_report *report, struct why *why)
{
	uint8_t *text = NULL;
	size_t size = 0;
	enum rc rc;

	if ((rc = snapshot_source(s, bytes_str(name), why)) != RC_OK)
		return rc;
	if (edit && strcmp(edit->name, name) == 0)
		return read_kind(s, domain, kind_of(name), edit->text, report, why);
	if ((rc = folder_read(folder, name, &text, &size, why)) != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc; /* gone since it was listed */
	rc = read_kind(s, domain, kind_of(name), bytes_of(text, size), report, why);
	free(text);
	return rc;
}

enum rc
folder_read(int folder, const char *name, uint8_t **out, size_t *size, struct why *why)
{
	enum rc rc;
	int fd;

	/* O_NONBLOCK: a FIFO of that name must not hang us. */
	if ((fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0)
		return errno == ENOENT ? RC_NOT_FOUND : io_error(why, "cannot open the file");
	rc = read_whole(fd, out, size, why);
	close(fd);
	return rc;
}

static enum file_kind
kind_of(const char *name)
{
	if (strcmp(name, "revoked.json") == 0)
		return FILE_REVOKED;
	if (ends_with(name, ".jwks.json"))
		return FILE_JWKS;
	if (ends_with(name, ".crl.pem"))
		return FILE_CRL;
	return ends_with(name, ".pem") ? FILE_CA : FILE_NONE;
}

struct place {
	struct trust_snapshot *s;
	uint32_t domain;
};

static enum rc
add_ca(void *ctx, struct bytes der, struct why *why)
{
	struct place *place = ctx;

	return snapshot_add_ca(place->s, place->domain, der, why);
}

static enum rc
add_crl(void *ctx, struct bytes der, struct why *why)
{
	struct place *place = ctx;

	return snapshot_add_crl(place->s, place->domain, der, why);
}

static enum rc
read_kind(struct trust_snapshot *s, uint32_t domain, enum file_kind kind, struct bytes text,
    struct trust_report *report, struct why *why)
{
	struct place place = {s, domain};

	switch (kind) {
	case FILE_JWKS:
		return jwks_read(s, domain, text, &report->skipped, why);
	case FILE_CA:
		return pem_read(text, false, add_ca, &place, why);
	case FILE_CRL:
		return pem_read(text, true, add_crl, &place, why);
	case FILE_REVOKED:
		return snapshot_set_revoked(s, domain, text, why);
	case FILE_NONE:
		break;
	}
	must(kind != FILE_NONE);
	return RC_INTERNAL;
}

static enum rc
read_whole(int fd, uint8_t **out, size_t *size, struct why *why)
{
	struct stat st;
	uint8_t *p;
	size_t room, n = 0;

	if (fstat(fd, &st) != 0)
		return io_error(why, "cannot look at the file");
	if (!S_ISREG(st.st_mode))
		return why_set(why, RC_BAD_KEY, "trust (file)", NULL, 0, "not a regular file");
	if (st.st_size > (off_t)TRUST_FILE_SIZE_MAX)
		return why_set(why, RC_BAD_KEY, "trust (file size)", NULL, 0, "more than %zu bytes",
		    TRUST_FILE_SIZE_MAX);
	/* One byte more than it said: a file that grows meanwhile is noticed, not cut. */
	room = (size_t)st.st_size + 1;
	if (!(p = malloc(room)))
		return why_set(why, RC_NO_MEMORY, "memory", NULL, 0, "no memory for the file");
	while (n < room) {
		ssize_t got = read(fd, p + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(p);
			return io_error(why, "cannot read the file");
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n == room) {
		free(p);
		return why_set(
		    why, RC_BAD_KEY, "trust (file)", NULL, 0, "the file changed while it was read");
	}
	*out = p;
	*size = n;
	return RC_OK;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder, hidden ones left out, sorted. */
static enum rc
list(int fd, size_t max, struct names *out, struct why *why)
{
	struct dirent *entry;
	DIR *dir = NULL;
	enum rc rc = RC_OK;
	int copy;

	/* closedir() closes its descriptor; the caller keeps its own. */
	if ((copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    !(dir = fdopendir(copy))) {
		if (copy >= 0)
			close(copy);
		return io_error(why, "cannot list the folder");
	}
	while (rc == RC_OK && (errno = 0, entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (out->count == max) {
			rc = why_set(why, RC_BAD_KEY, "trust (files)", NULL, 0,
			    "more than %zu names in one folder", max);
			break;
		}
		if (!add_name(out, entry->d_name))
			rc = RC_NO_MEMORY;
	}
	if (rc == RC_OK && errno != 0)
		rc = io_error(why, "cannot list the folder");
	closedir(dir);
	if (out->count > 1)
		qsort(out->name, out->count, sizeof(*out->name), by_name);
	return rc;
}

static bool
has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

static bool
add_name(struct names *names, const char *name)
{
	if (names->count == names->room) {
		size_t room = names->room ? names->room * 2 : 16;
		char **p = realloc(names->name, room * sizeof(*p));

		if (!p)
			return false;
		names->name = p;
		names->room = room;
	}
	if (!(names->name[names->count] = strdup(name)))
		return false;
	names->count++;
	return true;
}

static void
names_release(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
}

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

static enum rc
io_error(struct why *why, const char *what)
{
	/* strerrordesc_np: the one form that is safe in any thread and static. */
	const char *text = strerrordesc_np(errno);

	return why_set(why, RC_IO, "trust (reading)", NULL, 0, "%s: %s", what, text ? text : "?");
}
