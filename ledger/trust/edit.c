/*
 * edit.c - change one file of the trust folder, or nothing.
 *
 * Three steps for every verb: open the domain's folder, make the file's new text, try and put in
 * place (commit()).  A crash leaves the old file, the new one, or beside them a hidden file that
 * nobody reads and the next edit overwrites.
 */
#include "trust/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "base/text.h"
#include "trust/folder.h"
#include "trust/key.h"

#define KEYS_FILE    "operator.jwks.json"
#define REVOKED_FILE "revoked.json"
#define MEMORY_MAX   ((size_t)128 << 20)

struct place {
	const char *folder;
	char domain[TRUST_DOMAIN_NAME_MAX + 1];
	int root, fd;
	bool made; /* the domain's folder is new */
};

static enum rc place_open(
    struct place *p, const char *folder, struct bytes domain, bool make, struct why *why);
static void place_close(struct place *p, bool keep);
static enum rc commit(const struct place *p, const char *name, struct bytes text, struct why *why);
static enum rc put(const struct place *p, const char *name, struct bytes text, struct why *why);
static enum rc keys_with(const struct place *p, const struct json_node *jwk, const struct key *key,
    struct buf *out, bool *unchanged, struct why *why);
static enum rc read_revoked(
    const struct place *p, struct anchors *a, struct arena *arena, struct why *why);
static void write_revoked(const struct anchors *a, struct buf *out);
static enum rc io_error(struct why *why, const char *what);

enum rc
edit_add_jwk(const char *folder, struct bytes domain, struct bytes jwk, struct hash *id,
    bool *unchanged, struct why *why)
{
	static const struct json_limits limits = {EDIT_JWK_MAX, 4, 1024};
	struct place p = {.root = -1, .fd = -1};
	struct json_node *node = NULL;
	struct key *key = NULL;
	bool same = false;
	struct arena arena;
	struct buf text;
	enum rc rc;

	must(folder && id);
	arena_init(&arena, MEMORY_MAX);
	buf_init(&text, TRUST_FILE_SIZE_MAX);
	rc = json_parse(jwk, &limits, true, &arena, &node, why);
	if (rc == RC_BAD_TOKEN)
		rc = RC_BAD_KEY; /* 'why' is the reader's */
	if (rc != RC_OK || (rc = key_from_jwk(node, &key, why)) != RC_OK)
		goto out;
	*id = *key_thumbprint(key);
	if ((rc = place_open(&p, folder, domain, true, why)) != RC_OK)
		goto out;
	rc = keys_with(&p, node, key, &text, &same, why);
	if (rc == RC_OK && !same)
		rc = commit(&p, KEYS_FILE, buf_bytes(&text), why);
out:
	if (unchanged)
		*unchanged = same;
	place_close(&p, rc == RC_OK);
	key_free(key);
	buf_release(&text);
	arena_release(&arena);
	return rc;
}

/* Is it in the folder already, in whatever file? */
static bool
has_ca(const char *folder, struct bytes domain, const struct hash *id)
{
	struct trust_snapshot *s = NULL;
	const struct anchors *a;
	uint32_t number;
	bool found = false;

	if (folder_load(folder, NULL, &s, NULL) != RC_OK)
		return false; /* commit() will say why */
	if (snapshot_find_domain(s, domain, &number)) {
		a = snapshot_anchors(s, number);
		for (size_t i = 0; i < a->ca_count; i++)
			found |= hash_eq(&a->cas[i].id, id);
	}
	trust_snapshot_drop(s);
	return found;
}

enum rc
edit_add_ca(const char *folder, struct bytes domain, struct bytes der, struct hash *id,
    bool *unchanged, struct why *why)
{
	struct place p = {.root = -1, .fd = -1};
	char hex[HASH_HEX_SIZE], name[64], *text = NULL;
	BIO *bio = NULL;
	bool same;
	long n;
	enum rc rc = RC_NO_MEMORY;

	must(folder && id);
	hash_of(der, id);
	same = has_ca(folder, domain, id);
	if (unchanged)
		*unchanged = same;
	if (same)
		return RC_OK;
	if (der.n > ANCHORS_CERT_MAX)
		return why_set(why, RC_TOO_LARGE, "trust (CA certificate)", NULL, 0,
		    "more than %d bytes", ANCHORS_CERT_MAX);
	hash_hex(id, hex);
	snprintf(name, sizeof(name), "operator-%.8s.pem", hex);
	if (!(bio = BIO_new(BIO_s_mem())) ||
	    PEM_write_bio(bio, PEM_STRING_X509, "", der.p, (long)der.n) <= 0)
		goto out;
	n = BIO_get_mem_data(bio, &text);
	if ((rc = place_open(&p, folder, domain, true, why)) == RC_OK)
		rc = commit(&p, name, bytes_of(text, (size_t)n), why);
out:
	place_close(&p, rc == RC_OK);
	BIO_free(bio);
	return rc;
}

static enum rc
put_revocation(bool alone, const char *folder, struct bytes domain, const struct hash *id, int64_t since,
    struct bytes reason, struct bytes by, bool *unchanged, struct why *why)
{
	struct place p = {.root = -1, .fd = -1};
	struct anchors a = {0};
	struct anchor_revoked *list, *old;
	struct arena arena;
	struct buf text;
	bool same = false;
	enum rc rc;

	must(folder && id && since >= 0);
	if (!utf8_ok(reason) || !utf8_ok(by) || (by.n > 0 && memchr(by.p, 0, by.n)) ||
	    (reason.n > 0 && memchr(reason.p, 0, reason.n)))
		return why_set(why, RC_BAD_KEY, "trust (revoked.json)", NULL, 0,
		    "reason or by is no text");
	arena_init(&arena, MEMORY_MAX);
	buf_init(&text, TRUST_FILE_SIZE_MAX);
	if ((rc = place_open(&p, folder, domain, true, why)) != RC_OK)
		goto out;
	if ((rc = read_revoked(&p, &a, &arena, why)) != RC_OK)
		goto out;
	if (!(list = realloc(a.revoked, (a.revoked_count + 1) * sizeof(*list)))) {
		rc = RC_NO_MEMORY;
		goto out;
	}
	a.revoked = list;
	if ((old = (struct anchor_revoked *)anchors_revoked(&a, id)) == NULL)
		old = &list[a.revoked_count++];
	else
		same = old->since == since && bytes_eq(old->reason, reason);
	*old = (struct anchor_revoked){*id, since, reason, by};
	write_revoked(&a, &text);
	if (!same && (rc = buf_rc(&text)) == RC_OK)
		rc = alone ? put(&p, REVOKED_FILE, buf_bytes(&text), why)
			   : commit(&p, REVOKED_FILE, buf_bytes(&text), why);
out:
	if (unchanged)
		*unchanged = same;
	place_close(&p, rc == RC_OK);
	anchors_release(&a);
	buf_release(&text);
	arena_release(&arena);
	return rc;
}

enum rc
edit_revoke(const char *folder, struct bytes domain, const struct hash *id, int64_t since,
    struct bytes reason, struct bytes by, bool *unchanged, struct why *why)
{
	return put_revocation(false, folder, domain, id, since, reason, by, unchanged, why);
}

enum rc
edit_revoke_alone(const char *folder, struct bytes domain, const struct hash *id, int64_t since,
    struct bytes reason, struct bytes by, bool *unchanged, struct why *why)
{
	return put_revocation(true, folder, domain, id, since, reason, by, unchanged, why);
}

enum rc
edit_reinstate(const char *folder, struct bytes domain, const struct hash *id, bool *unchanged,
    struct why *why)
{
	struct place p = {.root = -1, .fd = -1};
	const struct anchor_revoked *old;
	struct anchors a = {0};
	struct arena arena;
	struct buf text;
	bool same = true;
	enum rc rc;

	must(folder && id);
	arena_init(&arena, MEMORY_MAX);
	buf_init(&text, TRUST_FILE_SIZE_MAX);
	if ((rc = place_open(&p, folder, domain, false, why)) != RC_OK ||
	    (rc = read_revoked(&p, &a, &arena, why)) != RC_OK || !(old = anchors_revoked(&a, id)))
		goto out;
	same = false;
	for (size_t i = (size_t)(old - a.revoked); i + 1 < a.revoked_count; i++)
		a.revoked[i] = a.revoked[i + 1];
	a.revoked_count--;
	write_revoked(&a, &text);
	if ((rc = buf_rc(&text)) == RC_OK)
		rc = commit(&p, REVOKED_FILE, buf_bytes(&text), why);
out:
	if (rc == RC_NOT_FOUND) /* no such domain: nothing of it is revoked */
		rc = RC_OK;
	if (unchanged)
		*unchanged = same;
	place_close(&p, true);
	anchors_release(&a);
	buf_release(&text);
	arena_release(&arena);
	return rc;
}

/* ---- texts ---- */

/* The file's keys as they stand there, and this one: last, or in place of the same key. */
static enum rc
keys_with(const struct place *p, const struct json_node *jwk, const struct key *key,
    struct buf *out, bool *unchanged, struct why *why)
{
	static const struct json_limits limits = {TRUST_FILE_SIZE_MAX, 8, 400000};
	const struct json_node *keys = NULL;
	struct json_node *root = NULL;
	struct arena arena;
	uint8_t *text = NULL;
	size_t size = 0;
	bool placed = false;
	enum rc rc;

	arena_init(&arena, MEMORY_MAX);
	rc = folder_read(p->fd, KEYS_FILE, &text, &size, why);
	if (rc == RC_OK)
		rc = json_parse(bytes_of(text, size), &limits, true, &arena, &root, why);
	else if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	if (rc != RC_OK)
		goto out;
	if (root && (!(keys = json_member(root, "keys")) || keys->type != JSN_ARRAY)) {
		rc = why_set(why, RC_BAD_KEY, "RFC 7517 5.1 (keys)", "keys", 0, "%s is no JWK set",
		    KEYS_FILE);
		goto out;
	}
	buf_add_str(out, "{\"keys\":[");
	for (const struct json_node *k = keys ? keys->child : NULL; k; k = k->next) {
		struct key *other = NULL;
		bool same = key_from_jwk(k, &other, NULL) == RC_OK &&
			    hash_eq(key_thumbprint(other), key_thumbprint(key));

		key_free(other);
		*unchanged |= same && bytes_eq(k->raw, jwk->raw);
		if (same && placed)
			continue;
		buf_add_str(out, k == keys->child ? "\n" : ",\n");
		buf_add_bytes(out, same ? jwk->raw : k->raw);
		placed |= same;
	}
	if (!placed) {
		buf_add_str(out, keys && keys->child ? ",\n" : "\n");
		buf_add_bytes(out, jwk->raw);
	}
	buf_add_str(out, "\n]}\n");
	rc = buf_rc(out);
out:
	free(text);
	arena_release(&arena);
	return rc;
}

static enum rc
read_revoked(const struct place *p, struct anchors *a, struct arena *arena, struct why *why)
{
	uint8_t *text = NULL;
	size_t size = 0;
	enum rc rc = folder_read(p->fd, REVOKED_FILE, &text, &size, why);

	if (rc == RC_OK)
		rc = revoked_read(a, bytes_of(text, size), arena, why);
	else if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	free(text);
	return rc;
}

static void
write_revoked(const struct anchors *a, struct buf *out)
{
	buf_add_str(out, "{\"revoked\":[");
	for (size_t i = 0; i < a->revoked_count; i++) {
		const struct anchor_revoked *r = &a->revoked[i];

		buf_add_str(out, i == 0 ? "\n{\"id\":\"" : ",\n{\"id\":\"");
		buf_add_b64url(out, bytes_of(r->id.b, HASH_SIZE));
		buf_addf(out, "\",\"since\":%lld", (long long)r->since);
		if (r->reason.n > 0) {
			buf_add_str(out, ",\"reason\":");
			buf_add_json(out, r->reason);
		}
		if (r->by.n > 0) {
			buf_add_str(out, ",\"by\":");
			buf_add_json(out, r->by);
		}
		buf_add_str(out, "}");
	}
	buf_add_str(out, "\n]}\n");
}

/* ---- the folder ---- */

static enum rc
place_open(struct place *p, const char *folder, struct bytes domain, bool make, struct why *why)
{
	p->folder = folder;
	if (domain.n > TRUST_DOMAIN_NAME_MAX)
		domain.n = 0;
	memcpy(p->domain, domain.n ? (const char *)domain.p : "", domain.n);
	p->domain[domain.n] = '\0';
	if (strlen(p->domain) != domain.n || !trust_domain_name_ok(p->domain))
		return why_set(why, RC_BAD_KEY, "trust (domain name)", NULL, 0,
		    "a trust domain's name has only a-z 0-9 . _ -");
	if ((p->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return io_error(why, "cannot open the trust folder");
	if (make && mkdirat(p->root, p->domain, 0755) == 0)
		p->made = true;
	else if (make && errno != EEXIST)
		return io_error(why, "cannot make the folder of the trust domain");
	p->fd = openat(p->root, p->domain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->fd < 0 && errno == ENOENT)
		return RC_NOT_FOUND;
	return p->fd < 0 ? io_error(why, "cannot open the folder of the trust domain") : RC_OK;
}

/* A folder that was made for nothing goes again. */
static void
place_close(struct place *p, bool keep)
{
	if (p->made && !keep)
		(void)unlinkat(p->root, p->domain, AT_REMOVEDIR);
	if (p->fd >= 0)
		close(p->fd);
	if (p->root >= 0)
		close(p->root);
}

static bool
write_all(int fd, struct bytes text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = bytes_of(text.p + n, text.n - (size_t)n);
	}
	return true;
}

static enum rc
commit(const struct place *p, const char *name, struct bytes text, struct why *why)
{
	struct folder_edit edit = {p->domain, name, text};
	struct trust_snapshot *trial = NULL;
	struct trust_report report;
	enum rc rc;

	if ((rc = folder_load(p->folder, &edit, &trial, &report)) != RC_OK)
		return why_set(why, rc, "trust (trial)", NULL, 0, "%s", report.problem);
	trust_snapshot_drop(trial);
	return put(p, name, text, why);
}

static enum rc
put(const struct place *p, const char *name, struct bytes text, struct why *why)
{
	enum rc rc = RC_OK;
	char beside[80];
	int fd;

	snprintf(beside, sizeof(beside), ".%s.new", name);
	fd = openat(p->fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return io_error(why, "cannot write into the trust folder");
	if (!write_all(fd, text) || fsync(fd) != 0)
		rc = io_error(why, "cannot write into the trust folder");
	if (close(fd) != 0 && rc == RC_OK)
		rc = io_error(why, "cannot write into the trust folder");
	if (rc == RC_OK && renameat(p->fd, beside, p->fd, name) != 0)
		rc = io_error(why, "cannot put the file in its place");
	if (rc != RC_OK) {
		(void)unlinkat(p->fd, beside, 0);
		return rc;
	}
	/* The root too: the domain's folder may be new. */
	if (fsync(p->fd) != 0 || fsync(p->root) != 0)
		rc = io_error(why, "cannot sync the trust folder");
	return rc;
}

static enum rc
io_error(struct why *why, const char *what)
{
	enum rc rc = errno == ENOSPC || errno == EDQUOT ? RC_NO_SPACE : RC_IO;
	const char *text = strerrordesc_np(errno);

	return why_set(why, rc, "trust (writing)", NULL, 0, "%s: %s", what, text ? text : "?");
}
